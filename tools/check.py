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
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = str(os.cpu_count() or 2)
MAKE = ["make", "--no-print-directory", "-j", JOBS, "DEVELOPER=1"]
ASAN = ["BUILD=build/asan", "SAN=address,undefined", "OPT=-O1 -g"]
TSAN = ["BUILD=build/tsan", "SAN=thread", "OPT=-O1 -g"]


def stages(names):
    tests = [sys.executable, "tools/run_tests.py"]
    yield "build, gcc", MAKE + ["all", "tests-built"]
    yield "tests", tests + names
    yield "build, address and undefined-behaviour sanitizers", MAKE + ASAN + ["all", "tests-built"]
    yield "tests under the sanitizers", tests + ["--build", "build/asan"] + names
    if names:
        return
    yield "real kernel drivers in a guest", [sys.executable, "fixtures/vm/vmcheck.py"]
    yield "build, thread sanitizer", MAKE + TSAN + ["all", "tests-built"]
    yield "threaded tests under the thread sanitizer", tests + ["--build", "build/tsan", "--threaded"]
    yield "build, clang", MAKE + ["BUILD=build/clang", "CC=clang", "all"]
    yield "libgpiod 2.x: the product and the gpiochip adapter's test", ["tools/gpiod2.sh", "check"]
    yield "each header compiles alone", MAKE + ["hdr-check"]
    yield "lengths, banned words, generated docs", [sys.executable, "tools/lint.py"]
    yield "fuzz targets, a short run each", ["tools/fuzz.sh", "5"]


def main():
    names = sys.argv[1:]
    if not names:
        shutil.rmtree(os.path.join(ROOT, "build"), ignore_errors=True)
    passed = failed = skipped = 0
    for title, command in stages(names):
        start = time.monotonic()
        print(f"== {title}", flush=True)
        p = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        last = ""
        for raw in p.stdout:
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
            break
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
