#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each shipped sequence passes on the healthy demo rack, and with a matching planted fault fails (exit 1) with a diagnosis that names
the part at fault and where it sits."""
import json
import os
import sys

from plumbtest import DEMO, artifacts, case, journal, main, out_dir, plumb, write
from rack import Rack

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
    ("smoke", "rpu.pump-1-way=swapped", ["rpu", "rack bottom"]),  # an edge of the interlock's own while it opens
    ("psu-failover", "psu-a.hold-up=short", ["psu-a", "power shelf"]),
    ("psu-failover", "psu-b.share=bad", ["psu-b", "power shelf"]),
    ("psu-failover", "psu-b.output=low", ["psu-b", "power shelf"]),
    ("leak", "leak-1.leak=stuck-low", ["leak-1", "module 1"]),
    ("leak", "tray-1.cable=broken", ["leak-1", "module 1"]),
    ("leak", "leak-2.cable=stuck-low", ["leak-2", "drip tray of module 2"]),
    ("leak", "injector-1.valve=stuck-closed", ["module 1"]),
    ("isolation", "stop-valve-1.drive=stuck", ["stop-valve-1", "supply branch of module 1"]),
    ("isolation", "stop-valve-2.seat=leaking", ["stop-valve-2", "supply branch of module 2"]),
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


@case
def the_catalogue_is_listed():
    code, out, err = plumb("faults", "--json")
    rows = json.loads(out)["faults"]
    assert code == 0 and len(rows) >= 80 and len({r["name"] for r in rows}) == len(rows), (code, len(rows), err)
    assert {r["class"] for r in rows} == {"hydraulic", "electrical", "sensor", "wire", "protocol", "mechanical", "timing"}
    assert all(r[k] for r in rows for k in ("where", "meaning", "real", "example", "levels")), [r for r in rows if not r["real"]]
    code, out, _ = plumb("faults", "bad-pec")
    assert code == 0 and "in-line proxy" in out and "--fault 'psu-a.wire=bad-pec'" in out, out
    code, out, err = plumb("faults", "bad-pek")
    assert code == 2 and "did you mean 'bad-pec'" in err, (code, err)
    code, out, _ = plumb("faults", "wire=crc", "--rig", DEMO, "--json")
    assert code == 0 and [c["spec"] for c in json.loads(out)["cases"]] == ["rpu.wire=crc"], out
    code, out, err = plumb("faults", "nonsense", "--rig", DEMO)
    assert code == 2 and "applies" in err, (code, err)


@case
def it_is_told_how_often_a_fault_acted():
    folder = out_dir("counted")
    code, out, err = plumb("run", "sequences/smoke.lua", "--out", folder, "--fault", "psu-b.wire=nack@access:5 times 1")
    assert code == 0, out + err  # the driver asks again
    assert "fault psu-b.wire=nack@access:5 times 1: acted 1 time, over" in [m["message"] for m in artifacts(journal(folder), "log")]


COUNTING = """sequence "counting" { about = "counts", version = "1.0", roll_call = false }
step("a fault that ends", function()
  fault.plant("rpu.wire=exception:4 times 2")
  local device = rig.device("rpu")
  wait(ms(10))
  for _ = 1, 6 do pcall(function() return device:read("flow") end) end
  measure("acted", fault.count("rpu.wire=exception"), { min = 2, max = 2 })
  fault.clear("rpu.wire")
end)
"""


@case
def a_sequence_counts():
    path, folder = write("counting.lua", COUNTING), out_dir("counting")
    code, out, err = plumb("run", path, "--out", folder)
    assert code == 0, out + err


@case
def a_running_rack_tells_what_is_planted():
    with Rack() as rack:
        assert rack.tell("plant", "rpu.wire=crc@3600s")[0] == 0
        assert rack.tell("plant", "psu-a.vout=offset:1V for 1h")[0] == 0
        code, out, err = rack.tell("planted")
        assert code == 0 and "waiting  rpu.wire=crc@3600s" in out and "acting   psu-a.vout=offset:1V for 1h" in out, out + err
        code, out, err = rack.tell("plant", "rpu.wire=crc times 0")
        assert code == 2 and "count from 1" in err, (code, err)


REAL = """rig: real
buses:
  - {{name: i2c-power, kind: i2c, adapter: twin-remote, socket: {socket}}}
  - {{name: rtu, kind: modbus, adapter: modbus-rtu, port: {rtu}, baud: 19200, parity: none}}
parts:
  - {{name: busbar, kind: busbar}}
  - {{name: psu-a, kind: psu, busbar: busbar, location: shelf}}
  - {{name: rpu, kind: pump-unit}}
  - {{name: loop, kind: loop}}
devices:
  - {{name: psu-a, driver: psu-pmbus, bus: i2c-power, address: 0x58, part: psu-a, owner: stack, safe: {{on: true}}}}
  - {{name: rpu, driver: modbus-map, map: orv3-rpu, bus: rtu, unit: 12, role: coolant, part: rpu, owner: bench}}
"""
ASKING = """sequence "asking" { about = "asks", version = "1.0" }
step("asks", function() measure("flow", rig.device("rpu").flow) end)
"""


@case
def the_in_line_proxy_on_buses_that_are_real():
    with Rack() as rack:
        text = REAL.format(socket=rack.socket, rtu=rack.rtu)
        rig, sequence, folder = write("real.yaml", text), write("asking.lua", ASKING), out_dir("proxy")
        code, out, err = plumb("run", sequence, "--rig", rig, "--out", folder)
        assert code == 0, out + err
        code, out, err = plumb("run", sequence, "--rig", rig, "--out", folder, "--fault", "psu-a.wire=bad-pec")
        told = [d["message"] for d in artifacts(journal(folder), "diagnosis") if d["type"] == "FAIL"]
        assert code == 1 and any("psu-a" in m and "packet error code" in m for m in told), (code, told, err)
        assert any(m["message"].startswith("fault psu-a.wire=bad-pec: acted ") for m in artifacts(journal(folder), "log"))
        for spec, wanted in (("psu-a.wire=wrong-address:0x10", "needs a fixture: address strap"),
                             ("psu-a.wire=crc", "makes nack, mute"), ("loop.coolant=low", "is a part, and there is no virtual rack")):
            code, _, err = plumb("run", sequence, "--rig", rig, "--out", folder, "--fault", spec)
            assert code == 2 and wanted in err, (spec, code, err)


GRAMMAR = """A fault is planted as `TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT]`:

| | |
|---|---|
| TARGET | a device, a part or a bus of the rig |
| SIGNAL | a line of the device (`lines`: all of them), a value that it measures (`sensor`: the whole instrument), `wire`, or a physical signal of the part |
| WHEN | `12.5s`: that long after the planting; `read:3`, `write:1`, `access:2`, `edge:2`: at the n-th such event of the target from then on (a transaction with the device; for what is physical, with any device at the part) |
| for | it ends by itself after that time |
| times | it ends after it has acted so often (wires: answers that it changed; instruments and lines: reads and edges that showed it) |
| p | each time it may act it does so with this probability, by the seed |

It is planted with `plumb run --fault SPEC`, in a sequence with `fault.plant(SPEC)`, in a running rack with `plumb twin plant SPEC`. How often each has
acted is told by `fault.count(SPEC)`, `plumb twin planted` and, at the end of a run, the journal.

Who can: *twin*, the virtual rack; *proxy*, the in-line proxy, which stands between a real bus and its adapter (it spoils or delays answers or keeps a
request from going out, never changes what is sent, and lets everything through before safe values are applied); *fixture*, a real rig with what the
column "real rig" names.

How good the virtual rack's *healthy* instruments are is said by the rig file, `instruments: {gain: 0.2 %, offset: 0.1 %, noise: 0.05 %}` (nothing said:
perfect). The seed gives each analogue value of each device a gain error and an offset within these bounds, and noise with that standard deviation; offset and
noise are shares of what an instrument of the kind usually shows (50 V, 20 A, 1 kW, 60 degC, 200 kPa, 10 L/min, 4000 rpm, 100 %).
"""


def catalogue():
    rows = json.loads(plumb("faults", "--json")[1])["faults"]
    print(f"# Faults\n\nMade by `make docs` from the program's catalogue ({len(rows)} faults, `plumb faults`) and from `tests/test_faults.py`.\n\n{GRAMMAR}")
    for kind in sorted({r["class"] for r in rows}):
        print(f"## {kind.capitalize()}\n\n| fault | where | value (usual) | meaning | real rig | who can |\n|---|---|---|---|---|---|")
        for r in rows:
            if r["class"] == kind:
                value = r["value"] + (f" ({r['usual']})" if r["usual"] else "")
                print(f"| `{r['name']}` | {r['where']} | {value} | {r['meaning']} | {r['real']} | {', '.join(r['levels'])} |".replace("|  |", "| |"))
        print()


def table():
    """docs/faults.md: the catalogue, and what each fault of the tests is told as."""
    catalogue()
    print("## Faults that the shipped sequences are tried against\n\n`tests/test_faults.py` holds each of them to exit code 1 and a "
          "diagnosis\nthat names part and place. `plumb coverage` tries the whole catalogue.\n")
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
