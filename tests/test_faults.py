#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each shipped sequence passes on the healthy demo rack, and with a matching planted fault fails (exit 1) with a diagnosis that names
the part at fault and where it sits."""
import os
import sys

from plumbtest import artifacts, case, journal, main, out_dir, plumb

# sequence, fault, words that the failing diagnoses must hold (part, location)
FAULTS = [
    ("hot-swap", "csu-1.power-good=stuck-low", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.present=stuck-high", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.inrush=high", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.discharge=slow", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.fet=stuck-on", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.fet=stuck-off", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.power-good=late", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.power-path=high-resistance", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "csu-1.boot=never", ["csu-1", "module 1, slot 1"]),
    ("hot-swap", "hsc-1.iout=gain:20%", ["csu-1", "module 1, slot 1"]),
    ("smoke", "rpu.pump-1=dead", ["rpu", "rack bottom"]),
    ("psu-failover", "psu-a.hold-up=short", ["psu-a", "power shelf"]),
    ("psu-failover", "psu-b.share=bad", ["psu-b", "power shelf"]),
    ("psu-failover", "psu-b.output=low", ["psu-b", "power shelf"]),
    ("leak", "leak-1.leak=stuck-low", ["leak-1", "module 1"]),
    ("leak", "tray-1.cable=broken", ["leak-1", "module 1"]),
    ("leak", "leak-2.cable=stuck-low", ["leak-2", "drip tray of module 2"]),
    ("leak", "injector-1.valve=stuck-closed", ["module 1"]),
    ("smoke", "psu-a.wire=nack", ["psu-a", "power shelf"]),
    ("smoke", "monitor-3.wire=nack", ["monitor-3", "slot 3"]),
    ("smoke", "rpu.wire=mute", ["rpu"]),
    ("hot-swap", "psu-a.wire=nack", ["psu-a", "0x58", "power shelf"]),
    ("hot-swap", "psu-b.wire=bad-pec", ["psu-b", "0x59", "power shelf"]),
    ("hot-swap", "psu-a.wire=short-block", ["psu-a", "0x58", "power shelf"]),
    ("hot-swap", "hsc-4.wire=garbage", ["hsc-4", "module 1, slot 4"]),
    ("hot-swap", "rpu.wire=wrong-unit", ["rpu", "unit 13", "rack bottom"]),
    ("hot-swap", "rpu.wire=late:700ms", ["rpu", "unit 12", "rack bottom"]),
    ("hot-swap", "rpu.wire=crc", ["rpu", "CRC", "rack bottom"]),
    ("smoke", "rpu.wire=nan", ["rpu", "no value", "rack bottom"]),
    ("smoke", "psu-b.vout=offset:5 V", ["psu-b", "power shelf"]),
]


def make_pass(name):
    def run():
        folder = out_dir(name)
        code, out, err = plumb("run", f"sequences/{name}.lua", "--out", folder)
        assert code == 0, f"exit {code}\n{out}{err}"
        for f in ("journal.jsonl", "report.html", "junit.xml", "measurements.csv"):
            assert os.path.getsize(os.path.join(folder, f)) > 100, f
        assert artifacts(journal(folder), "testRunEnd") == [{"status": "COMPLETE", "result": "PASS"}]

    run.__name__ = f"{name} passes"
    return run


def make_fault(sequence, fault, words):
    def run():
        folder = out_dir(f"{sequence}-{fault}".replace("/", "-"))
        code, out, err = plumb("run", f"sequences/{sequence}.lua", "--out", folder, "--fault", fault)
        assert code == 1, f"exit {code}, expected 1\n{out[-1500:]}{err}"
        told = [d for d in artifacts(journal(folder), "diagnosis") if d["type"] == "FAIL"]
        assert told, "no failing diagnosis"
        whole = [d for d in told if all(w in d.get("message", "") for w in words)]
        assert whole, f"no diagnosis holds {words}: {[d.get('message') for d in told]}"

    run.__name__ = f"{sequence} catches {fault}"
    return run


@case
def a_broken_bench_is_no_verdict_on_the_unit():
    folder = out_dir("bench")
    code, out, err = plumb("run", "sequences/hot-swap.lua", "--out", folder, "--fault", "monitor-3.wire=nack")
    assert code == 3 and "nothing was driven" in err and "monitor-3" in err, (code, out, err)
    assert artifacts(journal(folder), "testRunEnd") == [{"status": "ERROR", "result": "NOT_APPLICABLE"}]


def table():
    """docs/faults.md: what each planted fault is told as."""
    print("# Faults that the shipped sequences are tried against\n\nMade by `make docs` from `tests/test_faults.py`, which holds each of them to exit code 1 and a "
          "diagnosis\nthat names part and place. `plumb twin faults` lists all kinds that can be planted.\n")
    print("| sequence | planted | first diagnosis |\n|---|---|---|")
    for sequence, fault, _ in FAULTS:
        folder = out_dir(f"{sequence}-{fault}".replace("/", "-"))
        plumb("run", f"sequences/{sequence}.lua", "--out", folder, "--fault", fault, "--no-reports")
        told = [d["message"] for d in artifacts(journal(folder), "diagnosis") if d["type"] == "FAIL"]
        print(f"| {sequence} | `{fault}` | {told[0].replace('|', '/')} |")


if "--table" in sys.argv:
    table()
    sys.exit(0)
for s in ("smoke", "hot-swap", "psu-failover", "leak"):
    case(make_pass(s))
for row in FAULTS:
    case(make_fault(*row))
main()
