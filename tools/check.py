#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make check`: builds from clean with warnings as errors (gcc and clang) and runs everything that must hold.

usage: check.py [NAME...]   with names: only the tests whose path holds one of them, in the plain and the sanitizer build.
Ends with `N passed, N failed, N skipped`."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(os.cpu_count() or 2)
MAKE = ["make", "--no-print-directory", "-j", JOBS, "DEVELOPER=1"]
ASAN = ["BUILD=build/asan", "SAN=address,undefined", "OPT=-O1 -g"]
# The guest is one emulated core that mostly waits; what is only built goes on beside it and gives way to it. Tests never run beside something else.
BESIDE, GUEST = "beside: ", "real kernel drivers in a guest"
NICE = ["nice", "-n", "19"]
TSAN = ["BUILD=build/tsan", "SAN=thread", "OPT=-O1 -g"]


def stages(names):
    tests = [sys.executable, "tools/run_tests.py"]
    yield "build, gcc", MAKE + ["all", "tests-built"]
    yield "tests", tests + names
    yield "build, address and undefined-behaviour sanitizers", MAKE + ASAN + ["all", "tests-built"]
    yield "tests under the sanitizers", tests + ["--build", "build/asan"] + names
    if names:
        return
    yield BESIDE + GUEST, [sys.executable, "fixtures/vm/vmcheck.py"]
    yield "build, thread sanitizer", NICE + MAKE + TSAN + ["all", "tests-built"]
    yield "build, clang", NICE + MAKE + ["BUILD=build/clang", "CC=clang", "all"]
    yield GUEST, None
    yield "threaded tests under the thread sanitizer", tests + ["--build", "build/tsan", "--threaded"]
    yield "libgpiod 2.x: the product and the gpiochip adapter's test", ["tools/gpiod2.sh", "check"]
    yield "each header compiles alone", MAKE + ["hdr-check"]
    yield "lengths, banned words, generated docs", [sys.executable, "tools/lint.py"]
    yield "fuzz targets, a short run each", ["tools/fuzz.sh", "5"]


def spawn(command, out):
    p = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return p, p.stdout if out == subprocess.PIPE else out


def main():
    names = sys.argv[1:]
    if not names:
        shutil.rmtree(os.path.join(ROOT, "build"), ignore_errors=True)
    passed = failed = skipped = 0
    begun = {}
    for title, command in stages(names):
        start = time.monotonic()
        if title.startswith(BESIDE):
            begun[title[len(BESIDE):]] = start, spawn(command, tempfile.TemporaryFile())
            continue
        print(f"== {title}", flush=True)
        if command:
            p, out = spawn(command, subprocess.PIPE)
        else:
            start, (p, out) = begun[title]
            p.wait()
            out.seek(0)
        last = ""
        for raw in out:
            line = raw.decode(errors="replace").rstrip("\n")
            if not re.match(r"^\d+ passed, \d+ failed", line):
                print(line, flush=True)
            last = line or last
        status = p.wait()
        m = re.match(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", last)
        counts = [int(x or 0) for x in m.groups()] if m else [int(status == 0), int(status != 0), 0]
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
        print(f"   {counts[0]} passed, {counts[1]} failed, {time.monotonic() - start:.0f} s", flush=True)
        if status and title.startswith("build"):
            for _, (other, _) in begun.values():
                other.terminate()
            break
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
