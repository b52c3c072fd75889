#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of one build, two at a time, each a process with a time limit and a temporary folder of its own.

A test is a program build/.../test_* (cmocka) or a script tests/test_*.py that prints lines `ok NAME`, `not ok NAME: why`, `skip NAME: why`.
usage: run_tests.py [--build DIR] [--threaded] [--no-scripts] [NAME...]    (NAME: part of a test's path)
Ends with `N passed, N failed, N skipped`; exit status 1 when anything failed."""
import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT_S = 120
BUSY = ("test_coverage.py", "test_faults.py", "test_mutants.py", "test_page.py", "test_redfish_schema.py")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # the one that apt gives its packages
# What has threads, for ThreadSanitizer.
THREADED = ("control/placement/test_pool_churn", "control/redfish/test_gate", "control/redfish/test_services_stream", "control/stack/test_two", "control/web/test_web", "drivers/base/test_clock", "drivers/bus/", "drivers/device/test_device", "drivers/rig/", "fixtures/faults/test_proxy",
            "fixtures/twin/test", "fixtures/twin/usb/test_usbip_server", "fixtures/twin/wire/", "host/safety/test_interlock", "tests/")


def discover(build, threaded, names):
    found = []
    for base, _, files in os.walk(os.path.join(ROOT, build)):
        if "/obj/" in base + "/" or "/gen" in base:
            continue
        for f in files:
            path = os.path.join(base, f)
            if f.startswith("test_") and os.access(path, os.X_OK) and os.path.exists(os.path.join(ROOT, os.path.relpath(path, os.path.join(ROOT, build)) + ".c")):
                found.append(os.path.relpath(path, os.path.join(ROOT, build)))
    if threaded:
        found = [t for t in found if t.startswith(THREADED)]
    return sorted(t for t in found if not names or any(n in t for n in names))


def scripts(names):
    folder = os.path.join(ROOT, "tests")
    found = [f for f in sorted(os.listdir(folder)) if f.startswith("test_") and f.endswith(".py")]
    # Those that only calculate come first, so that what goes by the real clock has little beside it that does not wait, too.
    found.sort(key=lambda f: f not in BUSY)
    return ["tests/" + f for f in found if not names or any(n in "tests/" + f for n in names)]


def environment(build, temp):
    env = dict(os.environ, TMPDIR=temp, PLUMB=os.path.join(ROOT, build, "plumb"), PLUMB_BUILD=build, LANG="C.UTF-8")
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=1")
    return env


def run(job):
    name, command, build = job
    temp = tempfile.mkdtemp(prefix="plumb-test-")
    start = time.monotonic()
    p = subprocess.Popen(command, cwd=ROOT, env=environment(build, temp), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, status = p.communicate(timeout=LIMIT_S * (4 if name.endswith(".py") else 1))[0].decode(errors="replace"), p.returncode
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)  # with all that it started
        out, status = p.communicate()[0].decode(errors="replace") + "\ntime limit passed", 124
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return name, out, status, time.monotonic() - start


def count(name, out, status):
    if name.endswith(".py"):
        passed = len(re.findall(r"^ok ", out, re.M))
        failed = len(re.findall(r"^not ok ", out, re.M))
        skipped = re.findall(r"^skip (.*)", out, re.M)
    else:
        passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", out)))
        failed = sum(map(int, re.findall(r"\[  FAILED  \] [^:\n]*?(\d+) test", out)))
        skipped = [why for why in re.findall(r"\[  SKIPPED \] (?!\S+: \d+ test)(?!\d+ test)(.*)", out)]
    if status and not failed:
        failed = 1
    if not passed and not failed and not skipped:
        failed = 1
        out += "\nthe test program ran no test"
    return passed, failed, skipped, out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--threaded", action="store_true")
    ap.add_argument("--no-scripts", action="store_true")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    jobs = [(t, [os.path.join(ROOT, args.build, t)], args.build) for t in discover(args.build, args.threaded, args.names)]
    if not args.no_scripts and not args.threaded:
        jobs += [(s, [PYTHON, os.path.join(ROOT, s)], args.build) for s in scripts(args.names)]
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, out, status, seconds in pool.map(run, jobs):
            passed, failed, skipped, out = count(name, out, status)
            print(f"  {'FAIL' if failed else 'ok  '} {name:<52} {passed:4d} passed {failed:3d} failed  {seconds:6.1f} s", flush=True)
            for why in skipped:
                print(f"       skipped: {why}")
            if failed:
                print("\n".join("       | " + line for line in out.strip().splitlines()[-60:]), flush=True)
            total = [total[0] + passed, total[1] + failed, total[2] + len(skipped)]
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    sys.exit(1 if total[1] or not jobs else 0)


if __name__ == "__main__":
    main()
