#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped traces are what their generator makes, and another seed makes others."""
import os
import subprocess
import sys

from plumbtest import ROOT, TEMP, case, main

SHIPPED = os.path.join(ROOT, "control", "placement", "traces")


def made(seed):
    folder = os.path.join(TEMP, f"traces-{seed}")
    os.makedirs(folder)
    subprocess.run([sys.executable, os.path.join(ROOT, "tools", "make_traces.py"), "--seed", str(seed), "--out", folder], check=True, timeout=60)
    return {name: open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder))}


@case
def shipped_traces_are_what_the_generator_makes():
    shipped = {name: open(os.path.join(SHIPPED, name)).read() for name in sorted(os.listdir(SHIPPED))}
    assert made(1) == shipped, "run tools/make_traces.py"


@case
def another_seed_makes_others():
    first, second = made(1001), made(2)
    assert first.keys() == second.keys() and not any(first[n] == second[n] for n in first)


main()
