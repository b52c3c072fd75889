# SPDX-License-Identifier: Apache-2.0
"""Debian's chromium, driven through a pipe by its DevTools protocol (--remote-debugging-pipe: JSON, each message ended by a NUL), so that nothing has to be
installed besides: no driver, no port, no package of another registry."""
import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time


class Browser:
    def __init__(self, width=1280, height=900):
        program = next((p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), None)
        if not program:
            raise FileNotFoundError("no chromium (apt-get install chromium)")
        self.folder = tempfile.mkdtemp(prefix="chromium-")
        down, self.to = os.pipe()
        self.back, up = os.pipe()
        high = [os.dup2(fd, n) for fd, n in ((down, 63), (up, 64))]  # out of the way of 3 and 4, which chromium reads and writes

        def hand_over():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.p = subprocess.Popen([program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                                   "--disable-background-networking", "--ignore-certificate-errors", "--hide-scrollbars", f"--user-data-dir={self.folder}",
                                   "--remote-debugging-pipe", "about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  preexec_fn=hand_over, pass_fds=(3, 4, 63, 64))
        for fd in (down, up, *high):
            os.close(fd)
        self.rest, self.next, self.session, self.noise = b"", 0, None, []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.size(width, height)

    def message(self, until):
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("chromium does not answer")
            got = os.read(self.back, 1 << 20)
            if not got:
                raise EOFError("chromium has ended")
            self.rest += got
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, timeout=30, **params):
        self.next += 1
        number, until = self.next, time.monotonic() + timeout
        told = {"id": number, "method": method, "params": params}
        if self.session:
            told["sessionId"] = self.session
        os.write(self.to, json.dumps(told).encode() + b"\0")
        while True:
            got = self.message(until)
            if got.get("id") == number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']['message']}")
                return got["result"]
            self.hear(got)

    def hear(self, event):
        """What a page complains of: exceptions, console errors, and requests that left for another place."""
        kind, params = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.noise.append(str(params["exceptionDetails"].get("exception", {}).get("description") or params["exceptionDetails"]["text"]))
        elif kind == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.noise.append(params["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.asked = getattr(self, "asked", []) + [params["request"]["url"]]

    def run(self, script):
        """The value of a JavaScript expression; promises are waited for."""
        got = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"].get("exception", {}).get("description", "the script failed"))
        return got["result"].get("value")

    def wait(self, script, timeout=30, what=None, again=5):
        """Until the expression is true. The page is asked again and again by its own clock, so that nothing is slept for here."""
        loop = ("new Promise((done) => { const end = Date.now() + %d; const look = () => { let v; try { v = %s; } catch (e) { v = false; } "
                "if (v || Date.now() > end) done(!!v); else setTimeout(look, 50); }; look(); })" % (int(timeout * 1000), script))
        try:
            got = self.call("Runtime.evaluate", timeout=timeout + 15, expression=loop, awaitPromise=True, returnByValue=True)
        except RuntimeError as why:
            if not again or not re.search("navigated|destroyed|Cannot find context|collected", str(why)):
                raise
            return self.wait(script, timeout, what, again - 1)  # the page was loaded anew meanwhile
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        got = got["result"].get("value")
        assert got, f"{what or script}: not within {timeout} s; the page says: {self.run('document.body.innerText')[:1500]}"
        return got

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def size(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, yes):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if yes else "light"}])

    def press(self, key, shift=False):
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        more = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code="Space" if key == " " else key, windowsVirtualKeyCode=code, modifiers=8 if shift else 0, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code="Space" if key == " " else key, windowsVirtualKeyCode=code, modifiers=8 if shift else 0)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, path, whole=True):
        got = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **({"clip": self.extent()} if whole else {}))
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))

    def extent(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def close(self):
        try:
            os.write(self.to, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
            self.p.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.p.kill()
            self.p.wait()
        for fd in (self.to, self.back):
            os.close(fd)
        shutil.rmtree(self.folder, ignore_errors=True)
