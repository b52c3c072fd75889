#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of the control stack: rackd-rss-mib, of 1,000 modules of 4 CSUs (tests/big_rig.py), all of them asked once, on a rack of registers (tests/big_rack.py) in a
process of its own, so that only the stack's memory counts.

usage: bench_rackd.py [--build DIR] [--modules N]"""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = 1000


def rss(build, modules=MODULES):
    """MiB at most, None where the bench program was not built."""
    program = os.path.join(ROOT, build, "control/inventory/bench_inventory")
    if not os.path.exists(program):
        return None
    with tempfile.TemporaryDirectory(prefix="plumb-rackd-") as temp:
        socket, rig = os.path.join(temp, "rack"), os.path.join(temp, "rig.yaml")
        with open(rig, "w") as f:
            subprocess.run([sys.executable, "tests/big_rig.py", str(modules), "--socket", socket], cwd=ROOT, stdout=f, check=True)
        rack = subprocess.Popen([sys.executable, "tests/big_rack.py", socket], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            rack.stdout.readline()  # it serves
            out = subprocess.run([program, "--figures", rig], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=300).stdout.decode()
        finally:
            rack.kill()
            rack.wait()
    return float(out.split()[1])


def figures(build):
    """name, value, unit, bar, what it is to be compared with, more is better."""
    mib = rss(build)
    if mib is not None:
        yield "rackd-rss-mib", mib, "MiB", 150, f"{MODULES} modules of 4 CSUs, all rooms but HTTP", False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--modules", type=int, default=MODULES)
    args = parser.parse_args()
    print(f"rackd-rss-mib {rss(args.build, args.modules)}")


if __name__ == "__main__":
    main()
