#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of one build, each a process with a time limit and a temporary folder of its own: as many at once as the machine has cores, and more while
they leave it idle, as most of them wait.

A test is a program build/.../test_* (cmocka) or a script tests/test_*.py that prints lines `ok NAME`, `not ok NAME: why`, `skip NAME: why`,
`again NAME: why`.
usage: run_tests.py [--build DIR] [--threaded [--list]] [--no-scripts] [NAME...]    (NAME: part of a test's path)
Ends with `N passed, N failed, N skipped`; exit status 1 when anything failed. DIR/times.txt holds the seconds of each, by the clock and of the processor."""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT_S = 240
CORES = os.cpu_count() or 2
MOST = 2 * CORES
TICK_S, LOOK_S = 0.02, 0.2
# The longest first, by what they take under the address sanitizer, so that none is left over at the end.
LONG = ("tests/test_mutants.py", "control/plant/test_plant", "tests/test_page.py", "tests/test_record.py", "control/placement/test_watch", "control/placement/test_room",
        "control/placement/test_moves_random", "tests/test_rackd.py", "tests/test_guardian.py", "tests/test_bad_wire.py", "tests/test_watch.py", "tests/test_rackd_kills.py",
        "tests/test_remote.py", "fixtures/twin/world/test_world", "tests/test_capture.py", "tests/test_faults.py", "control/placement/test_pool_churn",
        "control/web/test_web", "tests/test_plan.py", "control/procedure/test_kills", "tests/test_broker.py", "control/placement/test_transfers", "tests/test_coverage.py",
        "tests/test_stack_client.py", "control/redfish/test_services_stream")
# They hold what the real clock shows against a bound of their own: at the end, and no more of them at once than there are cores.
CALM = ("drivers/base/test_clock", "drivers/bus/test_modbus_rtu", "host/safety/test_interlock_real", "tests/test_guardian.py", "tests/test_real_time", "tests/test_remote.py",
        "tests/test_usbip.py", "tests/test_bad_wire_usbip", "tests/test_ftdi_usbip", "tests/test_usb_chips_usbip")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # the one that apt gives its packages
# What has threads, for ThreadSanitizer.
THREADED = ("control/placement/test_pool_churn", "control/redfish/test_gate", "control/redfish/test_services_stream", "control/stack/test_two", "control/web/test_tls", "control/web/test_web", "drivers/base/test_clock", "drivers/bus/", "drivers/device/test_device", "drivers/rig/", "fixtures/faults/test_proxy",
            "fixtures/twin/test", "fixtures/twin/usb/test_usbip_server", "fixtures/twin/wire/", "host/safety/test_interlock", "tests/")


def discover(build, threaded, names):
    """Programs of the build; where none are named, or with threaded, what is to be one, built or not."""
    found = []
    for base, _, files in os.walk(ROOT):
        if os.path.relpath(base, ROOT).startswith((build, "build", ".git")):
            continue
        for f in files:
            test = os.path.relpath(os.path.join(base, f[:-2]), ROOT)
            if f.startswith("test_") and f.endswith(".c") and (
                    test.startswith(THREADED) if threaded else not names or os.access(os.path.join(ROOT, build, test), os.X_OK)):
                found.append(test)
    return sorted(t for t in found if not names or any(n in t for n in names))


def scripts(names):
    folder = os.path.join(ROOT, "tests")
    found = ["tests/" + f for f in sorted(os.listdir(folder)) if f.startswith("test_") and f.endswith(".py")]
    return [f for f in found if not names or any(n in f for n in names)]


def environment(build, temp):
    env = dict(os.environ, TMPDIR=temp, PLUMB=os.path.join(ROOT, build, "plumb"), PLUMB_BUILD=build, LANG="C.UTF-8")
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=1")
    return env


class Test:
    """A test that runs."""

    def __init__(self, name, build):
        self.name = name
        self.temp = tempfile.mkdtemp(prefix="plumb-test-")
        self.out = tempfile.TemporaryFile()
        self.begun = time.monotonic()
        self.killed = False
        program = os.path.join(ROOT, build, name)
        command = [PYTHON, os.path.join(ROOT, name)] if name.endswith(".py") else [program] if os.access(program, os.X_OK) else ["sh", "-c", "echo it is not built; exit 1"]
        self.p = subprocess.Popen(command, cwd=ROOT, env=environment(build, self.temp), stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT, start_new_session=True)

    def kill(self):
        """It and all that it started, also what it has left behind."""
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end(self):
        self.kill()
        self.p.wait()
        shutil.rmtree(self.temp, ignore_errors=True)

    def ended(self):
        """None while it runs; then (output, status, seconds, processor seconds)."""
        seconds = time.monotonic() - self.begun
        if not self.killed and seconds > LIMIT_S * (2 if self.name.endswith(".py") else 1):
            self.kill()
            self.killed = True
        pid, status, used = os.wait4(self.p.pid, os.WNOHANG)
        if not pid:
            return None
        self.p.returncode = os.waitstatus_to_exitcode(status)
        self.kill()
        self.out.seek(0)
        out = self.out.read().decode(errors="replace") + ("\ntime limit passed" if self.killed else "")
        shutil.rmtree(self.temp, ignore_errors=True)
        return out, self.p.returncode, seconds, used.ru_utime + used.ru_stime


class Idle:
    """How many cores had nothing to do since the last look. What runs with a low priority gives way and counts as nothing."""

    def __init__(self):
        self.at, self.ticks = time.monotonic(), self.read()

    @staticmethod
    def read():
        with open("/proc/stat") as f:
            _user, nice, _system, idle, wait = map(int, f.readline().split()[1:6])
        return nice + idle + wait

    def look(self):
        """None: too soon to tell."""
        now = time.monotonic()
        if now - self.at < LOOK_S:
            return None
        ticks = self.read()
        cores = (ticks - self.ticks) / os.sysconf("SC_CLK_TCK") / (now - self.at)
        self.at, self.ticks = now, ticks
        return cores


def all_of(names, build):
    """(name, output, status, seconds, processor seconds) of each, as they end."""
    waiting = sorted(names, key=lambda n: (n in CALM, LONG.index(n) if n in LONG else len(LONG)))
    running, idle = [], Idle()
    try:
        while waiting or running:
            for test in list(running):
                end = test.ended()
                if end:
                    running.remove(test)
                    yield test.name, *end
            cores = idle.look()
            full = len(running) >= CORES
            if waiting and not full or waiting and waiting[0] not in CALM and len(running) < MOST and cores is not None and cores > 0.3:
                running.append(Test(waiting.pop(0), build))
            else:
                time.sleep(TICK_S)
    finally:  # somebody stops the whole
        for test in running:
            test.end()


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
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--no-scripts", action="store_true")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = discover(args.build, args.threaded, args.names)
    if args.list:
        print("\n".join(names))
        return 0
    if not args.no_scripts and not args.threaded:
        names += scripts(args.names)
    total, times = [0, 0, 0], []
    for name, out, status, seconds, used in all_of(names, args.build):
        passed, failed, skipped, out = count(name, out, status)
        print(f"  {'FAIL' if failed else 'ok  '} {name:<52} {passed:4d} passed {failed:3d} failed  {seconds:6.1f} s", flush=True)
        for why in skipped:
            print(f"       skipped: {why}")
        for why in re.findall(r"^again (.*)", out, re.M):
            print(f"       again: {why}")
        if failed:
            print("\n".join("       | " + line for line in out.strip().splitlines()[-60:]), flush=True)
        total = [total[0] + passed, total[1] + failed, total[2] + len(skipped)]
        times.append(f"{seconds:7.1f} {used:7.1f} {name}")
    if not args.names:
        with open(os.path.join(ROOT, args.build, "times.txt"), "w") as f:
            print("\n".join(sorted(times, reverse=True)), file=f)
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not names else 0


if __name__ == "__main__":
    sys.exit(main())
