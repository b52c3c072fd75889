#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumb watch` on a terminal (pyte, a terminal emulator that we did not write, looks at it) and as lines; `plumb twin record` and `plumb plot`."""
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import xml.etree.ElementTree

from plumbtest import PLUMB, ROOT, SANITIZED, TEMP, Skip, case, main, out_dir, plumb, write
from rack import Rack

try:
    import pyte
except ImportError:
    pyte = None

BRAILLE = re.compile("[\u2801-\u28ff]")
LIMIT_S = 60


class Page:
    """plumb on a terminal of its own: what stands on the screen, and what was sent."""

    def __init__(self, *args, columns=100, rows=30, sanitizer=False, shell=None, **env):
        if not pyte:
            raise Skip("python3-pyte is not installed")
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.sanitizer = sanitizer  # it may tell of a crash that we made
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(ready, 1)  # not before the terminal has its size
            os.chdir(ROOT)
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env})
            os.execvp("bash", ["bash", "-c", shell, PLUMB, *args]) if shell else os.execv(PLUMB, [PLUMB, *args])
        self.resize(columns, rows, False)
        self.before = termios.tcgetattr(self.fd)
        os.write(go, b".")
        os.close(ready)
        os.close(go)

    def resize(self, columns, rows, tell=True):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.screen.resize(rows, columns)

    def look(self):
        """Takes in what was sent; False: the other end is gone."""
        if not select.select([self.fd], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.sent += data
        self.stream.feed(data)
        return bool(data)

    def text(self):
        return "\n".join(self.screen.display)

    def until(self, what, why):
        end = time.monotonic() + LIMIT_S
        while not what(self.text()):
            assert self.look() and time.monotonic() < end, f"{why}; the screen:\n{self.text()}"

    def key(self, key):
        os.write(self.fd, key)

    def end(self):
        """Waits for the end; returns (exit code or -signal, the terminal's settings)."""
        end = time.monotonic() + LIMIT_S
        pid = 0
        while not pid and time.monotonic() < end:
            self.look()
            settings = termios.tcgetattr(self.fd)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        assert pid, "it does not end"
        while self.look() and select.select([self.fd], [], [], 0)[0]:
            pass
        os.close(self.fd)
        assert self.sanitizer or b"Sanitizer" not in self.sent, self.sent[-3000:]
        return os.waitstatus_to_exitcode(status), settings

    def gone(self):
        """The page was taken away: the main screen, the cursor and wrapping are back."""
        return all(b in self.sent for b in (b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?7h")) and \
            self.sent.rindex(b"\x1b[?1049l") > self.sent.rindex(b"\x1b[?1049h")


def pane(text, name):
    """The lines from a pane's title to the next title."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(name))
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    return lines[start:end]


@case
def curves_stand_on_the_terminal_and_q_gives_it_back():
    page = Page("watch", "psu-a.vout", "truth:loop.flow", "--every", "50 ms")
    page.until(lambda t: len(BRAILLE.findall(t)) > 20, "no curves")
    text = page.text()
    assert "demo-rack" in text and re.search(r"psu-a\.vout\s+now 4[78]\S* V  min \S+  max \S+", text), text
    assert re.search(r"truth:loop\.flow\s+now 8 L/min", text) and "┤" in text and re.search(r"0 s", text), text
    assert termios.tcgetattr(page.fd)[3] & termios.ICANON == 0 and b"\x1b[36m" in page.sent
    page.key(b"q")
    code, settings = page.end()
    assert code == 0 and page.gone() and settings == page.before, (code, page.sent[-80:])


@case
def an_invalid_reading_is_a_gap_with_its_cause():
    page = Page("watch", "monitor-1.vout", "psu-a.vout", "--every", "50 ms", "--fault", "psu-a.wire=nack@1.5s", "--window", "10 s", columns=140)
    page.until(lambda t: "×" in t, "the gap is not marked")
    page.until(lambda t: t.count("×") > 4, "the gap does not go on")
    page.key(b"p")
    page.until(lambda t: "PAUSED" in t, "it does not pause")
    lines = pane(page.text(), "psu-a.vout")
    assert "invalid: psu-a" in lines[0] and "  now " not in lines[0], lines[0]
    first = min(line.index("×") for line in lines if "×" in line)
    right = [c for line in lines[1:-2] for c in line[first:] if BRAILLE.match(c)]
    left = [c for line in lines[1:-2] for c in line[10:first] if BRAILLE.match(c)]
    assert left and not right, lines  # a line before the gap, none across it
    page.key(b"q")
    assert page.end()[0] == 0


@case
def pause_window_and_clear():
    page = Page("watch", "truth:busbar.vout", "--every", "20 ms")
    page.until(lambda t: re.search(r"demo-rack  1\.\d s", t), "it does not run")
    page.key(b" ")
    page.until(lambda t: "PAUSED" in t, "it does not pause")
    held = page.text().split("\n")[0]
    for _ in range(3):
        page.look()
    assert page.text().split("\n")[0] == held, "the picture moves"
    page.key(b"c")
    page.until(lambda t: "demo-rack  0." in t, "it does not begin anew")
    page.key(b"p")
    page.until(lambda t: "PAUSED" not in t, "it does not go on")
    page.key(b"Q")
    assert page.end()[0] == 0


@case
def the_page_follows_the_size_of_the_terminal():
    page = Page("watch", *(f"truth:psu-a.{port}" for port in ("vin", "vout", "iout", "temperature", "fan_speed")), "--every", "50 ms", columns=100, rows=40)
    page.until(lambda t: "more do not fit" not in t and "truth:psu-a.vin" in t and "└" in t, "no page")
    page.resize(60, 10)
    page.until(lambda t: "more do not fit" in t and "└" in t, "it is not drawn again")
    assert len(page.screen.display) == 10
    page.resize(120, 40)
    page.until(lambda t: "more do not fit" not in t and any(len(line.rstrip()) > 100 for line in t.split("\n")), "it does not grow")
    page.key(b"q")
    assert page.end()[0] == 0


@case
def the_terminal_is_given_back_whatever_ends_it():
    for number, ends in ((signal.SIGINT, (0,)), (signal.SIGTERM, (0,)), (signal.SIGHUP, (0,)), (signal.SIGSEGV, (-signal.SIGSEGV,)),
                         (signal.SIGABRT, (-signal.SIGABRT,))):
        page = Page("watch", "truth:busbar.vout", "--every", "50 ms", sanitizer=number in (signal.SIGSEGV, signal.SIGABRT))
        page.until(lambda t: BRAILLE.search(t), "no curve")
        os.kill(page.pid, number)
        code, settings = page.end()
        assert page.gone() and settings == page.before, (number, page.sent[-80:])
        assert code in ends or (SANITIZED and ends[0] < 0), (number, code)


@case
def ctrl_z_gives_the_terminal_back_and_fg_the_page():
    page = Page("watch", "truth:busbar.vout", "--every", "50 ms", shell='set -m; "$0" "$@"; echo "stopped $?"; read line; fg >/dev/null; echo "ended $?"')
    page.until(lambda t: BRAILLE.search(t), "no curve")
    page.key(b"\x1a")
    page.until(lambda t: f"stopped {128 + signal.SIGTSTP}" in t, "it does not stop")
    assert page.gone() and termios.tcgetattr(page.fd) == page.before, page.sent[-80:]
    sent = len(page.sent)
    page.key(b"\n")
    page.until(lambda t: b"\x1b[?1049h" in page.sent[sent:] and BRAILLE.search(page.sent[sent:].decode(errors="replace")), "the page does not come back")
    page.key(b"q")
    page.until(lambda t: "ended 0" in t, "it does not end")
    assert page.end()[0] == 0 and page.gone()


@case
def no_colour_no_unicode_and_no_terminal():
    page = Page("watch", "truth:busbar.vout", "--every", "50 ms", "--for", "1 s", NO_COLOR="1")
    page.until(lambda t: BRAILLE.search(t), "no curve")
    assert page.end()[0] == 0 and not re.search(rb"\x1b\[[1-9]\d*m", page.sent), "colours with NO_COLOR"
    page = Page("watch", "truth:busbar.vout", "--every", "50 ms", "--count", "6", LC_ALL="C")
    page.until(lambda t: re.search(r"[:'.]{8}", t) and "+" in t, "no curve in ASCII")
    assert page.end()[0] == 0 and all(b < 128 for b in page.sent)
    page = Page("watch", "truth:busbar.vout", "--count", "2", "--every", "10 ms", TERM="dumb")
    assert page.end()[0] == 0 and page.sent.count(b"truth:busbar.vout") == 2 and b"\x1b" not in page.sent
    code, out, err = plumb("watch", "psu-a.vout", "truth:busbar.vout", "truth:csu-1.vin", "--once")
    assert code == 0 and re.fullmatch(r" +\d+\.\d+ s  psu-a\.vout +4\S+ V\n +\S+ s  truth:busbar\.vout +4\S+ V\n +\S+ s  truth:csu-1\.vin +4\S+ V\n", out), (out, err)
    start = time.monotonic()
    code, out, _ = plumb("watch", "truth:busbar.vout", "--every", "100 ms", "--for", "450 ms")
    assert code == 0 and out.count("busbar") == 5 and time.monotonic() - start > 0.4, out


@case
def a_running_rack_is_watched_over_its_socket_and_its_end_is_a_gap():
    with Rack() as rack:
        code, out, err = plumb("watch", "truth:csu-1.present", "loop.flow", "--socket", rack.socket, "--once")
        assert code == 0 and re.search(r"csu-1\.present +on", out) and re.search(r"loop\.flow +8 L/min", out), out + err
        code, out, _ = plumb("watch", "truth:csu-1.present", "--once", "--rig", rack.rig())
        assert code == 0 and "on" in out
        page = Page("watch", "truth:csu-1.vin", "--socket", rack.socket, "--every", "50 ms", columns=130)
        page.until(lambda t: BRAILLE.search(t), "no curve")
    page.until(lambda t: "invalid:" in t and "×" in t, "a rack that is gone")
    page.key(b"q")
    assert page.end()[0] == 0


@case
def mistakes_are_named():
    for words, wanted in ((("watch", "truth:csu-9.vout", "--once"), "csu-9"), (("watch", "truth:csu-1.vuot", "--once"), "has no such port; it has vin"),
                          (("watch", "psu-a.vout", "--every", "0 s"), "--every"), (("watch", "psu-a.vout", "--for", "3 V"), "--for"),
                          (("twin", "record", "nobody.vout"), "no part 'nobody'"), (("twin", "record", "--act", "csu-1"), "PART.VERB"),
                          (("twin", "record", "--act", "csu-1.fly@1s"), "fly"), (("twin", "record", "--during", "sequences/leak.lua"), "--csv"),
                          (("twin", "record", "--during", "sequences/leak.lua", "--csv", "x.csv", "--for", "1s"), "--for"),
                          (("plot", "README.md"), "README.md:1: no recording"), (("plot", "nothing.csv"), "cannot be read")):
        code, _, err = plumb(*words)
        assert code == 2 and wanted in err, (words, code, err)
    assert not os.path.exists(os.path.join(ROOT, "x.csv"))


# --- recordings ---

def rows(path):
    """(names with units, rows of floats) of a recording."""
    with open(path, newline="") as f:
        lines = list(csv.reader(f))
    return lines[0], [[float(v) for v in line] for line in lines[1:]]


def journal_without_command(folder):
    with open(os.path.join(folder, "journal.jsonl")) as f:
        return re.sub(r'"commandLine":"[^"]*"', "", f.read())


@case
def a_recording_does_not_change_the_run():
    for name in ("hot-swap", "psu-failover", "leak"):
        plain, path = out_dir(f"{name}-plain"), os.path.join(TEMP, f"{name}.csv")
        code, out, err = plumb("run", f"sequences/{name}.lua", "--out", plain, "--seed", "7", "--no-reports")
        journals = []
        for every in ("1 ms", "330 us"):
            folder = out_dir(f"{name}-{every[:1]}")
            got = plumb("twin", "record", "--during", f"sequences/{name}.lua", "--csv", path, "--out", folder, "--seed", "7", "--every", every)
            assert got[0] == code, got
            journals.append(journal_without_command(folder))
        assert journals[0] == journal_without_command(plain) == journals[1], f"{name}: the journal is another when it is recorded"


@case
def a_finer_recording_has_the_same_values():
    common = ("twin", "record", "rpu", "busbar", "csu-1", "--act", "csu-1.remove@0.5s", "--fault", "psu-a.ac=lost@1.003s", "--for", "2 s")
    found = []
    for every in ("1 ms", "250 us"):
        path = os.path.join(TEMP, "fine.csv")
        code, _, err = plumb(*common, "--csv", path, "--every", every)
        assert code == 0, err
        found.append({line[0]: line[1:] for line in rows(path)[1]})
    assert len(found[0]) == 2001 and len(found[1]) == 8001
    assert all(found[1][t] == values for t, values in found[0].items()), "a recording depends on how often it is made"
    head, lines = rows(path)
    present = head.index("csu-1.present (1)")
    gone = next(line[0] for line in lines if not line[present])
    assert 0.5 < gone < 2 and lines[0][present] == 1, gone


@case
def a_recording_is_what_truth_says():
    with Rack() as rack:
        path = os.path.join(TEMP, "socket.csv")
        names = ["psu-a.vout", "loop.flow", "rpu.pump_1_speed", "csu-1.present", "rpu.duty"]
        code, out, err = plumb("twin", "record", *names, "--socket", rack.socket, "--for", "400 ms", "--every", "50 ms", "--csv", path)
        assert code == 0 and "values" in out, out + err
        head, lines = rows(path)
        units = ["V", "L/min", "rpm", "1", "1"]
        assert head == ["time (s)"] + [f"{n} ({u})" for n, u in zip(names, units)], head
        assert 5 <= len(lines) <= 9 and all(a[0] < b[0] for a, b in zip(lines, lines[1:])), lines
        for i, name in enumerate(names):
            true = rack.truth(*name.split("."))
            assert abs(lines[-1][i + 1] - true) <= 1e-6 * max(1, abs(true)), (name, lines[-1], true)
        code, out, err = plumb("twin", "record", *names, "--for", "100 ms", "--every", "20 ms")  # of its own, in virtual time: it starts at rest
        own = list(csv.reader(out.split("\r\n")))[:-1]
        assert code == 0 and len(own) == 7 and own[0] == head, out + err
        for i, name in enumerate(names):
            assert abs(float(own[-1][i + 1]) - lines[0][i + 1]) <= 1e-6 * max(1, abs(lines[0][i + 1])), (name, own, lines[0])


@case
def everything_is_recorded_when_nothing_is_named():
    code, out, err = plumb("twin", "record", "--for", "10 ms", "--every", "5 ms")
    lines = list(csv.reader(out.split("\r\n")))[:-1]
    assert code == 0 and len(lines) == 4 and len(lines[0]) > 150 and all(len(line) == len(lines[0]) for line in lines), err
    assert [float(line[0]) for line in lines[1:]] == [0, 0.005, 0.01]
    assert len(set(lines[0])) == len(lines[0])
    rig = json.loads(plumb("rig", "--json")[1])
    parts = {name.split(".")[0] for name in lines[0][1:]}
    assert {"psu-a", "csu-8", "rpu", "loop"} <= parts, sorted(parts)
    assert rig["devices"]


@case
def a_plot_of_a_recording():
    path, svg = os.path.join(TEMP, "pump.csv"), os.path.join(TEMP, "pump.svg")
    code, _, err = plumb("twin", "record", "loop", "rpu.pump-1-speed", "--fault", "rpu.pump-1=dead@1s", "--for", "3 s", "--csv", path)
    assert code == 0, err
    code, out, err = plumb("plot", path, "rpu.pump-1-speed", "--rows", "8")
    lines = out.split("\n")
    assert code == 0 and len(lines) == 12 and len(BRAILLE.findall(out)) > 60 and "rpm" in lines[0] and max(map(len, lines)) <= 80, out + err
    first, last = (min(i for i, line in enumerate(lines) if BRAILLE.match(line[c:c + 1])) for c in (10, 79))
    assert first < last, out  # it falls
    code, _, err = plumb("plot", path, "--svg", svg)
    text = open(svg).read()
    assert code == 0 and xml.etree.ElementTree.parse(svg) and text.count("class=\"plot\"") >= 2 and "loop.flow" in text and "prefers-color-scheme:dark" in text, err
    assert "csu" not in text and text.count("http") == text.count("http://www.w3.org/2000/svg"), "it fetches something"
    gap = write("gap.csv", "time (s),\"a \"\"b\"\", c (V)\"\r\n0,1\r\n1,2\r\n2,\r\n3,2\r\n4,1\r\n")
    code, out, err = plumb("plot", gap)
    assert code == 0 and out.startswith('a "b", c') and "×" in out and " V" in out, out + err
    code, _, err = plumb("plot", gap, "--svg", svg)
    assert code == 0 and xml.etree.ElementTree.parse(svg) and open(svg).read().count("<polyline") == 2, err  # two stretches, nothing across the gap
    for text, wanted in (("time (s),a\n0,1\n1\n", ":3: too few"), ("time (s),a\n0,x\n", ":2: 'x'"), ("time (s),a\n1,1\n0,1\n", ":3: the time goes back"),
                         ("time (s),a\n0,1,2\n", ":2: more columns"), ("time (s),\"a\n0,1\n", ":1:"), ("", "empty")):
        code, _, err = plumb("plot", write("bad.csv", text))
        assert code == 2 and wanted in err, (text, err)


main()
