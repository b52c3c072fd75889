#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page, in Debian's chromium, against a rackd whose rack is a process of its own: what happens there is seen here. With PAGE_SHOTS=DIR pictures of each state
are left there, in both themes and at both widths."""
import json
import os

from browser import Browser
from plumbtest import SANITIZED, TEMP, Skip, case, main
from rack import Rack
from rackd import PASSWORD, SLOW, Rackd

SHOTS = os.environ.get("PAGE_SHOTS")
WIDTHS = (1280, 390)


class Page:
    """A browser on the page of a rackd on a rack of its own. `with` ends all of it and looks whether the page complained."""

    def __init__(self, *more):
        try:
            self.browser = Browser()
        except FileNotFoundError as why:
            raise Skip(why)
        self.rack = Rack()
        self.more = more

    def __enter__(self):
        self.rack.__enter__()
        self.stack = Rackd(*self.more, rig=self.rack.rig(interlock=False))
        self.stack.login()
        self.b = self.browser
        self.b.dark(False)
        self.b.open(self.stack.url + "/")
        return self

    def __exit__(self, *why):
        asked = [u for u in self.b.asked if not u.startswith(self.stack.url + "/") and not u.startswith("data:")]
        noise = [n for n in self.b.noise if "401" not in n and "409" not in n]  # a refusal is told by the browser, too
        self.browser.close()
        self.stack.end()
        self.rack.__exit__()
        if why[0] is None:
            assert not asked, f"the page asked elsewhere: {asked}"
            assert not noise, f"the page complained: {noise}"

    def login(self, password=PASSWORD):
        self.b.wait("!document.getElementById('login').hidden")
        self.b.run(f"login.user.value = 'admin'; login.password.value = {json.dumps(password)}; login.requestSubmit()")

    def enter(self):
        self.login()
        self.wait("document.querySelectorAll('.slot').length === 8", "eight slots are drawn")
        self.wait("document.getElementById('link').textContent === 'live'", "events are live")

    def wait(self, script, what=None, timeout=30):
        self.b.wait(script, timeout * SLOW, what)

    def slot(self, csu, text, timeout=30):
        self.wait(f"document.querySelector('.slot[data-id={csu}]').innerText.includes({json.dumps(text)})", f"{csu} says '{text}'", timeout)

    def click(self, selector):
        self.wait(f"document.querySelector({json.dumps(selector)})", f"there is {selector}")
        self.b.run(f"document.querySelector({json.dumps(selector)}).click()")

    def text(self, selector="body"):
        return self.b.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def fits(self):
        """Nothing stands out to the side; text has contrast with what is behind it; whatever can be clicked has a name."""
        for width in WIDTHS:
            self.b.size(width)
            wide = self.b.run("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} px of content on a screen of {width}"
        self.b.size(WIDTHS[0])
        nameless = self.b.run("[...document.querySelectorAll('button, input, a')].filter((e) => e.checkVisibility() && !e.innerText.trim() && !e.ariaLabel && !e.labels?.length).map((e) => e.outerHTML)")
        assert not nameless, nameless
        for dark in (False, True):
            self.b.dark(dark)
            low = self.b.run(CONTRAST)
            assert not low, ("dark" if dark else "light", low[:5])
        self.b.dark(False)

    def shots(self, name, whole=True):
        for dark in (False, True):
            for width in WIDTHS:
                if SHOTS:
                    self.b.dark(dark)
                    self.b.size(width)
                    self.b.shot(os.path.join(SHOTS, f"{name}-{'dark' if dark else 'light'}-{width}.png"), whole)
        self.b.dark(False)
        self.b.size(WIDTHS[0])


# WCAG 2.2 section 1.4.3: 4.5 to 1, of every piece of text against the nearest background that is not clear.
CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const low = [];
  for (const e of document.querySelectorAll("main *, header *, dialog[open] *")) {
    if (!e.checkVisibility() || e.disabled || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let behind = e;
    while (behind && rgb(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
    const a = light(rgb(getComputedStyle(e).color)), b = light(rgb(getComputedStyle(behind || document.body).backgroundColor));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${e.innerText.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
})()"""


@case
def login_is_refused_and_then_given():
    with Page() as p:
        p.fits()
        p.shots("login")
        p.login("wrong")
        p.wait("document.getElementById('login-why').textContent.includes('wrong')", "the refusal is told")
        assert p.b.run("document.getElementById('rack').hidden")
        p.shots("refused")
        p.enter()
        p.b.run("location.reload()")
        p.wait("document.querySelectorAll('.slot').length === 8", "a reload stays logged in")
        p.click("#logout")
        p.wait("!document.getElementById('login').hidden", "logged out")
        assert p.b.run("sessionStorage.length") == 0


@case
def a_healthy_rack_shows_its_parts_and_values():
    with Page() as p:
        p.enter()
        p.stack.power_on("csu-1")
        p.slot("csu-1", "works")
        p.wait("/\\d\\sW/.test(document.querySelector('.slot[data-id=csu-1]').innerText) && /\\d\\s°C/.test(document.querySelector('.slot[data-id=csu-1]').innerText)", "power and temperature")
        for word in ("psu-a", "psu-b", "pump-1", "pump-2", "leak-1", "leak-floor-right", "reservoir", "filter"):
            assert word in p.text("#rack"), word
        assert "L/min" in p.text("#tiles") and "°C" in p.text("#tiles"), p.text("#tiles")
        p.fits()
        p.shots("healthy")
        p.wait("document.getElementById('theme').textContent === 'Dark'", "the browser's light again is seen")  # a slow page may still be at fits()'s dark
        p.click("#theme")
        p.wait("getComputedStyle(document.documentElement).colorScheme === 'dark'", "dark by the switch")
        p.b.run("location.reload()")
        p.wait("getComputedStyle(document.documentElement).colorScheme === 'dark'", "dark after a reload")


@case
def a_look_asks_little():
    """Links are resources in what was asked for ($expand): a look costs a handful of requests, and shows what it showed before."""
    looks = "performance.getEntriesByType('resource').filter((e) => /Chassis\\?/.test(e.name)).length"
    with Page() as p:
        p.enter()
        p.wait(f"{looks} >= 5", "five looks")
        asked = [url.split("/redfish/v1")[1] for url in p.b.asked if "/redfish/v1" in url]
        begins = [i for i, url in enumerate(asked) if url.startswith("/Chassis?")]
        each = [asked[a:b] for a, b in zip(begins, begins[1:])]
        assert len(each) >= 4 and max(len(look) for look in each) <= 20, [len(look) for look in each] + max(each, key=len)
        assert min(len(look) for look in each) >= 4, each  # it does look


@case
def the_keyboard_does_it():
    with Page() as p:
        p.wait("document.activeElement.name === 'user'", "the first field has the focus")
        p.b.type("admin")
        p.b.press("Tab")
        p.b.type(PASSWORD)
        p.b.press("Enter")
        p.wait("document.querySelectorAll('.slot').length === 8", "eight slots are drawn")
        for _ in range(40):
            p.b.press("Tab")
            if p.b.run("document.activeElement.dataset.id") == "csu-1":
                break
        assert p.b.run("document.activeElement.dataset.id") == "csu-1", "no slot by the Tab key"
        p.b.press("Enter")
        p.wait("document.getElementById('details').open && document.getElementById('details').innerText.includes('csu-1')", "its details")
        p.fits()
        p.shots("details", False)
        p.b.press("Escape")
        p.wait("!document.getElementById('details').open && document.activeElement.dataset.id === 'csu-1'", "the focus is back on the slot")


@case
def a_leak_is_told_until_somebody_acknowledges_it():
    with Page() as p:
        p.enter()
        assert p.rack.tell("plant", "leak-1.leak=stuck-high")[0] == 0
        p.wait("document.querySelector('.banner[data-id=leak-1]')?.innerText.includes('Coolant at')", "the leak is told")
        p.wait("document.querySelector('.chip.bad[data-id=leak-1]')", "its detector is red")
        p.wait("document.getElementById('events').innerText.includes('leak-1')", "an event tells of it")
        p.fits()
        p.shots("leak")
        p.click(".banner[data-id=leak-1] button")
        p.wait("document.querySelector('.banner[data-id=leak-1]').innerText.includes('acknowledged')", "it is acknowledged")
        assert p.rack.tell("clear")[0] == 0
        p.wait("!document.querySelector('.banner[data-id=leak-1]')", "dry and acknowledged: it is no longer told")


@case
def a_leak_that_is_over_is_told_until_somebody_acknowledges_it():
    with Page() as p:
        p.enter()
        assert p.rack.tell("plant", "leak-2.leak=stuck-high for 2 s")[0] == 0
        p.wait("document.querySelector('.banner[data-id=leak-2]')?.innerText.includes('dry again')", "it is over, and told")
        p.click(".banner[data-id=leak-2] button")
        p.wait("!document.querySelector('.banner[data-id=leak-2]')", "acknowledged")


@case
def a_broken_cable_is_no_dry_tray():
    with Page() as p:
        p.enter()
        assert p.rack.tell("plant", "tray-1.cable=broken")[0] == 0
        p.wait("document.querySelector('.chip[data-id=leak-1]').innerText.includes('cannot tell')", "it is not shown as dry")


@case
def what_cannot_be_read_is_shown_with_its_cause():
    with Page() as p:
        p.enter()
        p.stack.power_on("csu-1")
        assert p.rack.tell("plant", "thermometer-1.wire=nack")[0] == 0
        p.wait("document.querySelector('.slot[data-id=csu-1] .invalid')", "no number where there is no reading")
        p.click(".slot[data-id=csu-1]")
        p.wait("document.querySelector('#details .cause')?.innerText.length > 10", "the cause")
        p.shots("unreadable", False)


def at_step(p, name, timeout=60):
    p.wait(f"document.querySelector('#wizard .steps')?.dataset.step === '{name}'", f"the wizard is at '{name}'", timeout)


@case
def the_wizard_swaps_a_csu():
    with Page() as p:
        p.enter()
        p.stack.power_on("csu-3")
        p.slot("csu-3", "works")
        p.click("#swap")
        at_step(p, "choose")
        p.fits()
        p.shots("wizard-1-choose", False)
        p.click("#wizard input[value$='/csu-3']")
        p.click("#wizard [data-key=isolate]")
        at_step(p, "pull")
        assert "csu-3" in p.text("#wizard h2") and "yes" in p.text("#wizard .said")
        chassis = p.stack.get("/redfish/v1/Chassis/csu-3")
        assert chassis["ReadyToRemove"] is True and chassis["PowerState"] == "Off", chassis
        p.fits()
        p.shots("wizard-3-pull", False)
        assert p.rack.tell("act", "csu-3", "remove")[0] == 0
        at_step(p, "insert")
        p.slot("csu-3", "absent")
        p.shots("wizard-4-insert", False)
        assert p.rack.tell("act", "csu-3", "insert")[0] == 0
        at_step(p, "done", 120)
        p.slot("csu-3", "works")
        p.shots("wizard-6-done", False)
        p.click("#wizard [data-key=close]")
        p.wait("!document.getElementById('wizard').open")
        p.shots("after-the-swap")


@case
def the_wizard_takes_a_csu_back():
    with Page() as p:
        p.enter()
        p.stack.power_on("csu-2")
        p.click(".slot[data-id=csu-2]")
        p.click("#details [data-key=swap]")
        at_step(p, "choose")
        p.click("#wizard [data-key=isolate]")
        at_step(p, "pull")
        p.click("#wizard [data-key=back]")
        p.slot("csu-2", "works", 90)


def workload(p, name, timeout=60, **asked):
    status, body, _ = p.stack.ask("POST", "/redfish/v1/Systems", {"Id": name, "Oem": {"Plumbline": {"Cores": 8, "MemoryMiB": 65536, "Image": "steady/60", **asked}}})
    assert status == 201, (status, body)
    p.wait(f"document.querySelector('#workloads tr[data-id={name}]')?.innerText.includes('{'waits' if asked.get('WaitForRoom') else 'runs'}')", f"{name} is listed", timeout)


@case
def pools_show_what_is_given_and_why():
    with Page() as p:
        p.enter()
        for csu in ("csu-1", "csu-2", "csu-5"):
            p.stack.power_on(csu)
        p.wait("[...document.querySelectorAll('#nodes tr')].filter((r) => r.innerText.includes('takes work')).length === 3", "three nodes take work", 60)
        workload(p, "web", Application="shop", Priority=5)
        workload(p, "db", Application="shop")
        workload(p, "big", Cores=1000, WaitForRoom=True)
        p.wait("[...document.querySelectorAll('#nodes .bar .given')].some((r) => Number(r.getAttribute('width')) > 10)", "a bar shows what is given")
        p.wait("document.querySelector('#nodes .bar .expected')", "and what is expected")
        p.b.run("trial.cores.value = 2; trial.requestSubmit()")
        p.wait("document.getElementById('trial-found').innerText.includes('would go to csu-')", "the engine says where it would go")
        p.b.run("document.querySelector('#trial-found summary').click()")
        assert "score" in p.text("#trial-found .lines"), p.text("#trial-found")
        p.fits()
        p.shots("pools")
        p.b.run("trial.cores.value = 5000; trial.requestSubmit()")
        p.wait("document.getElementById('trial-found').innerText.includes('short by')", "a refusal says what is short")
        p.click("#workloads tr[data-id=web] button")
        p.wait("document.querySelector('#details .readings')?.innerText.includes('shop')", "the workload in full")
        p.click("#details summary")
        assert "<- here" in p.text("#details .lines"), p.text("#details")
        p.fits()
        p.shots("workload", False)
        node = p.stack.get("/redfish/v1/Systems/web")["Oem"]["Plumbline"]["Workload"]["Node"]
        to = "csu-5" if node != "csu-5" else "csu-2"
        p.b.run(f"{{ const s = document.querySelector('#details select'); s.value = '/redfish/v1/CompositionService/ResourceBlocks/{to}'; s.dispatchEvent(new Event('change')); }}")
        p.click("#details [data-key=move]")
        p.wait(f"document.querySelector('#workloads tr[data-id=web]').innerText.includes('{to}') && document.querySelector('#moves .task')", "it moves", 90)
        p.shots("move", False)
        p.wait("document.querySelector('#moves .task.ok')", "it has moved", 90)
        p.click("#details [data-key=stop]")
        p.wait("!document.querySelector('#workloads tr[data-id=web]')", "it is gone", 60)


@case
def a_session_that_ends_leads_back_to_the_login():
    with Page() as p:
        p.enter()
        p.stack.token = None  # by user and password, which no session's end concerns
        for session in p.stack.get("/redfish/v1/SessionService/Sessions")["Members"]:
            status, body, _ = p.stack.ask("DELETE", session["@odata.id"])
            assert status in (200, 204), (status, body)
        p.wait("!document.getElementById('login').hidden && document.getElementById('login-why').textContent.includes('ended')", "back at the login")


if __name__ == "__main__":
    if SANITIZED:  # a browser against a slowed rackd takes minutes, and adds nothing that a sanitizer could see
        print("skip the page: its script is not C, and test_rackd drives rackd under the sanitizers")
    else:
        main()
