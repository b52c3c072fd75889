#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a compiler does not know: function and file lengths, licence lines, waits outside the clock, mutable state in drivers,
arrows between rooms. What is longer stands in tools/long.txt with its reason. Ends with `N passed, N failed`."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)
FUNCTION_MAX, FILE_MAX = 80, 600
tracked = [f for f in subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True).stdout.split() if os.path.exists(f)]
if not tracked:
    tracked = [os.path.join(b, f)[2:] for b, _, fs in os.walk(".") if "/build" not in b and "/.git" not in b for f in fs]
code = [f for f in tracked if f.endswith((".c", ".h"))]
allowed = {}
if os.path.exists("tools/long.txt"):
    for line in open("tools/long.txt"):
        if line.strip() and not line.startswith("#"):
            name, _, why = line.partition(" ")
            allowed[name] = why.strip()
passed = failed = 0


def verdict(rule, complaints):
    global passed, failed
    for c in complaints:
        print(f"  {rule}: {c}")
    if complaints:
        failed += 1
    else:
        passed += 1


def text(f):
    return open(f, encoding="utf-8", errors="replace").read()


def functions(f):
    """(name, lines) of each function whose body starts with a brace in column 0."""
    name, start = "", 0
    for n, line in enumerate(text(f).splitlines(), 1):
        head = re.match(r"^[a-z_][^;/]*?([A-Za-z_0-9]+)\(", line)
        if head:
            name = head.group(1)
        if line == "{":
            start = n
        elif line == "}" and start:
            yield name, n - start + 1
            start = 0


verdict("file over 600 lines", [f"{f}: {text(f).count(chr(10))}" for f in code + [t for t in tracked if t.endswith((".lua", ".py", ".sh"))]
                                if text(f).count("\n") > FILE_MAX and f not in allowed])
verdict("function over 80 lines", [f"{f}:{n}: {l}" for f in code if f.endswith(".c") for n, l in functions(f)
                                   if l > FUNCTION_MAX and f"{f}:{n}" not in allowed])
verdict("no SPDX line", [f for f in tracked if f.endswith((".c", ".h", ".sh", ".py", ".lua", ".yaml", ".mk")) and ".seeds/" not in f
                         and "SPDX-License-Identifier: Apache-2.0" not in text(f)[:300]])
verdict("wait outside the clock", [f"{f}:{n}" for f in code if f != "drivers/base/clock.c" and not re.search(r"(^|/)(test|fuzz|bench)_|banned\.h$|^tests/", f)
                                   for n, line in enumerate(text(f).splitlines(), 1) if re.search(r"\b(usleep|nanosleep|clock_nanosleep|sleep)\s*\(", line)])
DOWN = {"drivers/": ("fixtures/", "bringup/", "host/", "reports/", "control/"), "bringup/": ("fixtures/", "host/", "reports/", "control/"), "host/": ("fixtures/", "control/"), "control/": ("fixtures/", "bringup/", "host/", "reports/"),
        "fixtures/": ("bringup/", "host/", "reports/", "control/"), "reports/": ("fixtures/", "bringup/", "drivers/bus", "drivers/rig")}
verdict("arrow goes up", [f"{f} includes {inc}" for f in code for room, up in DOWN.items() if f.startswith(room)
                          for inc in re.findall(r'#include "([^"]+)"', text(f)) if inc.startswith(up) and not re.search(r"/(test|bench|fuzz|fake)_", f)])


def mutable_state():
    bad = []
    for base, _, files in os.walk("build/obj/drivers"):
        for f in files:
            if f.endswith(".o") and not f.startswith(("test_", "fuzz_", "bench_")):
                out = subprocess.run(["nm", "--format=sysv", os.path.join(base, f)], capture_output=True, text=True).stdout
                rows = [[cell.strip() for cell in line.split("|")] for line in out.splitlines() if line.count("|") == 6]
                bad += [f"{base}/{f}: {r[0]}" for r in rows if r[2] in "bBdDcC" and not r[6].startswith(".data.rel.ro")]
    return bad


verdict("mutable state in drivers", mutable_state())
verdict("long.txt names what is gone", [k for k in allowed if not os.path.exists(k.split(":")[0])])
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
