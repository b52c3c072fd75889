#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make check`: builds from clean with warnings as errors (gcc and clang) and runs everything that must hold.

usage: check.py [NAME...]   with names: only the tests whose path holds one of them, in the plain and the sanitizer build.
Ends with `N passed, N failed, N skipped`."""
import io
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(os.cpu_count() or 2)
MAKE = ["make", "--no-print-directory", "-j", JOBS, "DEVELOPER=1"]
# Of debug information only what a backtrace needs; the linker that is quick with hundreds of large programs. The first build's own programs have what
# everybody has.
QUICK_LINKS = "LDFLAGS=-fuse-ld=lld"
LEAN = ["OPT=-O1 -g1", QUICK_LINKS]
ASAN = ["BUILD=build/asan", "SAN=address,undefined", *LEAN]
TSAN = ["BUILD=build/tsan", "SAN=thread", *LEAN]
TESTS = [sys.executable, "tools/run_tests.py"]
# What is only built goes on beside the rest, one build after another, and gives way to it (where sessions are weighed against each other, as a session, too).
BESIDE = "beside: "
GIVING_WAY = ["sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec nice -n 19 "$@"', "sh"]
ASAN_BUILD, TSAN_BUILD, CLANG_BUILD = "build, address and undefined-behaviour sanitizers", "build, thread sanitizer", "build, clang, and the fuzz targets"
GPIOD2 = "libgpiod 2.x: the product and the gpiochip adapter's test"
HEADERS, LINT = "each header compiles alone", "lengths, banned words, generated docs"


def stages(names):
    """(title, command) in the order in which they are told; a title after BESIDE begins, and the same title without a command is told when it has ended."""
    yield "build, gcc", MAKE + ["all"]
    yield "build, gcc, the tests", MAKE + ["tests-built", QUICK_LINKS]
    yield BESIDE + ASAN_BUILD, MAKE + ASAN + ["all", "tests-built"]
    if not names:
        threaded = subprocess.run(TESTS + ["--threaded", "--list"], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        yield BESIDE + TSAN_BUILD, MAKE + TSAN + ["build/tsan/" + t for t in threaded]
        yield BESIDE + CLANG_BUILD, ["tools/fuzz.sh", "build"]
        yield BESIDE + GPIOD2, ["tools/gpiod2.sh", "check"]
        yield BESIDE + HEADERS, MAKE + ["hdr-check"]
        yield BESIDE + LINT, [sys.executable, "tools/lint.py"]
        yield "real kernel drivers in a guest", [sys.executable, "fixtures/vm/vmcheck.py"]
    yield "tests", TESTS + names
    yield ASAN_BUILD, None
    yield "tests under the sanitizers", TESTS + ["--build", "build/asan"] + names
    if names:
        return
    yield TSAN_BUILD, None
    yield "threaded tests under the thread sanitizer", TESTS + ["--build", "build/tsan", "--threaded"]
    yield CLANG_BUILD, None
    yield GPIOD2, None
    yield HEADERS, None
    yield LINT, None
    yield "fuzz targets, a short run each", ["tools/fuzz.sh", "5"]


class Beside(threading.Thread):
    """Runs commands one after another."""

    def __init__(self):
        super().__init__(daemon=True)
        self.work, self.ends, self.over, self.now, self.lock = queue.Queue(), {}, False, None, threading.Lock()

    def begin(self, title, command):
        self.ends[title] = queue.Queue()
        self.work.put((title, command))
        if not self.is_alive():
            self.start()

    def run(self):
        while not self.over:
            title, command = self.work.get()
            start = time.monotonic()
            try:
                status, out = self.one(command)
            except OSError as e:
                status, out = 1, io.BytesIO(f"it could not be begun: {e}\n".encode())
            self.ends[title].put((status, out, time.monotonic() - start))

    def one(self, command):
        out = tempfile.TemporaryFile()
        with self.lock:
            if self.over:
                return 1, out
            self.now = subprocess.Popen(GIVING_WAY + command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        status = self.now.wait()
        out.seek(0)
        return status, out

    def stop(self):
        with self.lock:
            self.over = True
            if self.now and self.now.poll() is None:
                os.killpg(self.now.pid, signal.SIGTERM)


def tell(out):
    """Prints all but what a stage counted; returns its last line."""
    last = ""
    for raw in out:
        line = raw.decode(errors="replace").rstrip("\n")
        if not re.match(r"^\d+ passed, \d+ failed", line):
            print(line, flush=True)
        last = line or last
    return last


def before(command):
    """Runs a stage in front of the rest; returns its status and its last line."""
    p = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        last = tell(p.stdout)
        return p.wait(), last
    finally:
        if p.poll() is None:
            p.terminate()
            p.wait()


def run(names, beside):
    """Runs all stages; returns how many passed, failed and were skipped."""
    passed = failed = skipped = 0
    for title, command in stages(names):
        if title.startswith(BESIDE):
            beside.begin(title[len(BESIDE):], command)
            continue
        print(f"== {title}", flush=True)
        start = time.monotonic()
        if command:
            status, last = before(command)
            seconds = None
        else:
            status, out, seconds = beside.ends[title].get()
            last = tell(out)
        m = re.match(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", last)
        counts = [int(x or 0) for x in m.groups()] if m else [int(status == 0), int(status != 0), 0]
        counts[1] = counts[1] or int(status != 0)  # a stage that ends badly has not passed, whatever it counted
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
        took = f"{time.monotonic() - start:.0f} s" if seconds is None else f"{seconds:.0f} s beside the rest"
        print(f"   {counts[0]} passed, {counts[1]} failed, {took}", flush=True)
        if status and title.startswith("build"):
            break
    return passed, failed, skipped


def main():
    names, beside = sys.argv[1:], Beside()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not names:
        shutil.rmtree(os.path.join(ROOT, "build"), ignore_errors=True)
    try:
        passed, failed, skipped = run(names, beside)
    finally:
        beside.stop()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
