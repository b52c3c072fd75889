#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make rack`: the virtual demo rack in one process, rackd in another, for a look at the page; all CSUs are switched on, and what can be done to the rack from a
second terminal is printed. Ends at Ctrl-C.

usage: rack.py [--build DIR] [--listen ADDR:PORT]"""
import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

import bench_web

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--listen", default="127.0.0.1:8080")
    args = ap.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    temp, password = tempfile.mkdtemp(prefix="plumb-rack-"), secrets.token_urlsafe(9)
    rack, stack = bench_web.Rack(args.build, temp), None
    try:
        stack = bench_web.Stack(args.build, temp, rack.rig, listen=args.listen, password=password)
        stack.login()
        print(f"Page      http://{stack.host}:{stack.port}/   user admin, password {password}\nSwitching the CSUs on ...", flush=True)
        for member in stack.get("/redfish/v1/Chassis")["Members"]:
            if member["@odata.id"].split("/")[-1].startswith("csu-"):
                bench_web.switch_on(stack, member["@odata.id"].split("/")[-1])
        plumb = os.path.relpath(rack.plumb)
        print("Done. From another terminal:")
        for words in ("act csu-3 remove", "act csu-3 insert", "plant leak-1.leak=stuck-high", "plant tray-2.cable=broken", "plant rpu.pump-1=dead", "plant psu-b.supply=dead", "clear"):
            print(f"  {plumb} twin {words} --socket {rack.socket}")
        sys.stdout.flush()
        stack.p.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if stack and stack.p.poll() is None:
            stack.end()
        rack.end()
        shutil.rmtree(temp, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.SubprocessError as why:
        sys.exit(f"rack: {why}")
