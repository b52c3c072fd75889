#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input from the wire, as a run's journal tells it: a diagnosis that names device, bus, address, adapter and cause, and the bus's counters. On the twin in
process, and on USB adapters over USB/IP; and adapters that were exchanged. What each adapter says by itself: tests/test_bad_wire_usbip.c."""
import json
import os
import re
import signal
import subprocess

from plumbtest import PLUMB, ROOT, TEMP, Skip, artifacts, case, journal, main, out_dir, plumb, write

SHIM = os.path.join(ROOT, os.environ.get("PLUMB_BUILD", "build"), "usbip")

# planted, the bus that counts it, as what, and words that one diagnosis must hold
ON_THE_TWIN = [
    ("psu-a.wire=nack", "i2c-power", "E_NACK", ["psu-a (i2c-power, address 0x58)", "nobody acknowledges"]),
    ("i2c-m1.wire=arbitration", "i2c-m1", "E_ARBITRATION", ["hsc-1 (i2c-m1, address 0x10)", "another master took i2c-m1"]),
    ("i2c-m1.wire=stuck", "i2c-m1", "E_STUCK", ["hsc-1 (i2c-m1, address 0x10)", "SDA of i2c-m1 is held low"]),
    ("hsc-1.wire=stretch:3s", "i2c-m1", "E_TIMEOUT", ["hsc-1 (i2c-m1, address 0x10)", "holds the clock of i2c-m1 for 3000 ms"]),
    ("psu-b.wire=bad-pec", "i2c-power", "E_PEC", ["psu-b (i2c-power, address 0x59)", "packet error code"]),
    ("psu-a.wire=block-count:0", "i2c-power", "E_GARBAGE", ["psu-a (i2c-power, address 0x58)", "counts 0 bytes"]),
    ("psu-a.wire=block-count:255", "i2c-power", "E_GARBAGE", ["psu-a (i2c-power, address 0x58)", "counts 255 bytes"]),
    ("psu-a.wire=short-block", "i2c-power", "E_PEC", ["psu-a (i2c-power, address 0x58)", "block answer"]),
    ("rpu.wire=mute", "rtu-coolant", "E_TIMEOUT", ["rpu (rtu-coolant, unit 12)", "did not answer"]),
    ("rpu.wire=late:700ms", "rtu-coolant", "E_TIMEOUT", ["rpu (rtu-coolant, unit 12)", "did not answer"]),
    ("rpu.wire=crc", "rtu-coolant", "E_CRC", ["rpu (rtu-coolant, unit 12)", "wrong CRC"]),
    ("rpu.wire=wrong-unit", "rtu-coolant", "E_WRONG_UNIT", ["rpu (rtu-coolant, unit 12)", "unit 13 answered"]),
    ("rpu.wire=exception:6", "rtu-coolant", "E_EXCEPTION", ["rpu (rtu-coolant, unit 12)", "server device busy"]),
    ("rpu.wire=short-block", "rtu-coolant", "E_SHORT", ["rpu (rtu-coolant, unit 12)", "bytes, expected"]),
    ("load-1.wire=mute", "tcp-bench", "E_TIMEOUT", ["load-1 (tcp-bench, unit 21)", "did not answer"]),
    ("load-1.wire=wrong-unit", "tcp-bench", "E_WRONG_UNIT", ["load-1 (tcp-bench, unit 21)", "unit 22 answered"]),
    ("load-1.wire=garbage", "tcp-bench", "E_GARBAGE", ["load-1 (tcp-bench, unit 21)", "bytes follow"]),
]

LOOK = """sequence "look" { about = "asks every device what it reads and who it is", roll_call = false }
local function ask(device)
  step(device.name, { go_on = true }, function()
    for quantity in device:quantities() do
      device:read(quantity)
    end
    device:identity()
  end)
end
local function ask_all(name)
  step(name, { timeout = minutes(5) }, function()
    for device in rig.devices() do
      if device.role ~= "agent" then ask(device) end -- which is asleep, as its CSU
    end
  end)
end
ask_all("all")
"""
TWICE = LOOK + 'step("a while", function() wait(seconds(4)) end)\nask_all("all again")\n'


def counters(lines, bus):
    """What the journal's last word on a bus is: {"E_NACK": 2, ...}."""
    told = [a["message"] for a in artifacts(lines, "log") if a["message"].startswith(f"bus {bus}: ")]
    assert len(told) == 1 and re.match(rf"bus {bus}: \d+ jobs, \d+ transfers, \d+ bytes, \d+ retries", told[0]), told
    return {name: int(n) for name, n in re.findall(r"(E_\w+) (\d+)", told[0])}


def expect(lines, bus, error, words):
    counted = counters(lines, bus)
    assert counted.get(error, 0) > 0, (error, counted)
    said = [a.get("message", "") for kind in ("diagnosis", "error", "log") for a in artifacts(lines, kind)]
    assert any(all(w in m for w in words) for m in said), (words, said)


def make_twin(fault, bus, error, words):
    def run():
        folder = out_dir(fault.replace(":", "-"))
        code, out, err = plumb("run", write("twice.lua", TWICE), "--out", folder, "--no-reports", "--fault", fault + "@2s")
        assert code in (1, 3), (code, out[-800:], err)
        expect(journal(folder), bus, error, words)

    run.__name__ = f"the journal tells of {fault}"
    return run


@case
def a_healthy_rack_counts_no_errors():
    folder = out_dir("healthy")
    code, out, err = plumb("run", write("twice.lua", TWICE), "--out", folder, "--no-reports")
    assert code == 0, (code, out[-800:], err)
    for bus in ("i2c-power", "i2c-m1", "rtu-coolant", "tcp-bench"):
        assert counters(journal(folder), bus) == {}, bus


# --- USB adapters ---

ADAPTERS = {  # adapter: its settings, the device of the `usb:` list, its name in sentences
    "ftdi-mpsse": ("serial: BADFT", "{device: ft232h, serial: BADFT, i2c: i2c-rack}", "BADFT at 1-1"),
    "cp2112": ("serial: BADCP", "{device: cp2112, serial: BADCP, i2c: i2c-rack}", "CP2112 BADCP at 1-1"),
    "mcp2221": ("serial: BADMC", "{device: mcp2221, serial: BADMC, i2c: i2c-rack}", "MCP2221 BADMC at 1-1"),
    "i2c-tiny-usb": ("path: 1-1", "{device: i2c-tiny-usb, i2c: i2c-rack}", "i2c-tiny-usb at 1-1"),
}

RIG = """rig: usb-{name}
about: a supply and a monitor behind a {name}
buses:
  - {{name: i2c-rack, kind: i2c, adapter: {name}, {settings}}}
usb:
  - {device}
parts:
  - {{name: busbar, kind: busbar}}
  - {{name: psu-a, kind: psu, busbar: busbar, location: shelf}}
devices:
  - {{name: psu-a, driver: psu-pmbus, bus: i2c-rack, address: 0x58, part: psu-a, owner: stack, safe: {{on: true}}}}
  - {{name: monitor-bar, driver: monitor-ina238, bus: i2c-rack, address: 0x4f, shunt: 0.1 mohm, part: busbar, owner: bench}}
"""


class Served:
    """A rig's USB devices, in a process of their own. .env: for a plumb that shall see them."""

    def __init__(self, rig):
        if not os.path.exists(os.path.join(SHIM, "libusb-1.0.so.0")):
            raise Skip("the stand-in for libusb is not built (make usbip-shim)")
        self.socket = os.path.join(TEMP, "rack.sock")
        self.p = subprocess.Popen([PLUMB, "twin", "serve", "--rig", rig, "--usbip", "127.0.0.1:0", "--socket", self.socket], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        at = None
        for raw in self.p.stdout:
            m = re.match(r"  USB/IP (\S+)", raw.decode())
            at = m.group(1) if m else at
            if at and raw.startswith(b"  socket"):
                locks = os.path.join(TEMP, "locks")
                os.makedirs(locks, exist_ok=True)
                self.env = dict(os.environ, PLUMBLINE_USBIP=at, LD_LIBRARY_PATH=SHIM, PLUMBLINE_LOCK_DIR=locks)
                return self
        raise AssertionError("serve ended: " + self.p.stderr.read().decode())

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])

    def tell(self, *words):
        code, _, err = plumb("twin", *words, "--socket", self.socket)
        assert code == 0, err

    def look(self, rig, name):
        folder = out_dir(name)
        code, out, err = plumb("run", write("look.lua", LOOK), "--rig", rig, "--out", folder, "--no-reports", env=self.env)
        return code, journal(folder), out + err


def make_usb(name):
    settings, device, where = ADAPTERS[name]

    def run():
        rig = write(f"{name}.yaml", RIG.format(name=name, settings=settings, device=device))
        lost = "E_ARBITRATION" if name in ("ftdi-mpsse", "cp2112") else "E_NACK"  # the others' firmware does not see it
        with Served(rig) as served:
            for fault, error in (("psu-a.wire=nack", "E_NACK"), ("i2c-rack.wire=arbitration", lost), ("i2c-rack.wire=stuck", "E_STUCK")):
                served.tell("plant", fault)
                code, lines, out = served.look(rig, f"{name}-{fault}")
                freed = name == "ftdi-mpsse" and error == "E_STUCK"  # the clocks of its first transaction free the bus, and the run goes on
                assert code == 0 if freed else code in (1, 3), (code, out)
                expect(lines, "i2c-rack", error, ["psu-a (i2c-rack, address 0x58)", where])
                served.tell("clear")
                code, lines, out = served.look(rig, f"{name}-{fault}-after")
                assert code == 0 and counters(lines, "i2c-rack") == {}, (code, out)

    run.__name__ = f"the journal of a run through a {name}"
    return run


# --- two alike, whose serial numbers are exchanged in the rig ---

TWO = """rig: two
about: two adapters alike
buses:
  - {{name: i2c-left, kind: i2c, adapter: cp2112, serial: {left}}}
  - {{name: i2c-right, kind: i2c, adapter: cp2112, serial: {right}}}
usb:
  - {{device: cp2112, serial: {left}, i2c: i2c-left}}
  - {{device: cp2112, serial: {right}, i2c: i2c-right}}
parts:
  - {{name: busbar, kind: busbar}}
  - {{name: psu-a, kind: psu, busbar: busbar, location: left}}
  - {{name: psu-b, kind: psu, busbar: busbar, location: right}}
devices:
  - {{name: psu-a, driver: psu-pmbus, bus: i2c-left, address: 0x58, part: psu-a, owner: stack, safe: {{on: true}}}}
  - {{name: psu-b, driver: psu-pmbus, bus: i2c-right, address: {b}, part: psu-b, owner: stack, safe: {{on: true}}}}
"""


def serials(lines):
    """Each device, and the serial number that it gave."""
    start = next(line["testRunArtifact"]["testRunStart"] for line in lines if "testRunStart" in line.get("testRunArtifact", {}))
    return {h["hardwareInfoId"]: h.get("serialNumber") for h in start["dutInfo"]["hardwareInfos"]}


@case
def exchanged_adapters_are_found_by_the_roll_call():
    right = write("two.yaml", TWO.format(left="CPLEFT", right="CPRIGHT", b="0x59"))
    wrong = write("exchanged.yaml", TWO.format(left="CPRIGHT", right="CPLEFT", b="0x59"))
    smoke = write("smoke.lua", 'sequence "smoke" { about = "roll call" }\nstep("driven", function() log("driven") end)\n')
    with Served(right) as served:
        assert plumb("run", smoke, "--rig", right, "--out", out_dir("right"), "--no-reports", env=served.env)[0] == 0
        folder = out_dir("exchanged")
        code, out, err = plumb("run", smoke, "--rig", wrong, "--out", folder, "--no-reports", env=served.env)
        lines = journal(folder)
        assert code == 1, (code, out, err)
        expect(lines, "i2c-left", "E_NACK", ["psu-a (i2c-left, address 0x58)", "CP2112 CPRIGHT at 1-2", "not acknowledged"])
        expect(lines, "i2c-right", "E_NACK", ["psu-b (i2c-right, address 0x59)", "CP2112 CPLEFT at 1-1", "not acknowledged"])
        assert not [a for a in artifacts(lines, "log") if a["message"] == "driven"]
        code, out, err = plumb("get", "psu-a.vout", "--rig", wrong, env=served.env)
        assert code != 0 and "CPRIGHT at 1-2" in out + err and "0x58" in out + err, (code, out, err)


@case
def exchanged_adapters_with_the_same_addresses_show_in_the_identity():
    """Both supplies answer, so nothing fails: which serial number stands where is in the journal."""
    seen = {}
    right = write("same.yaml", TWO.format(left="CPLEFT", right="CPRIGHT", b="0x58"))
    with Served(right) as served:
        for name, rig in (("same", right), ("same-exchanged", write("same-exchanged.yaml", TWO.format(left="CPRIGHT", right="CPLEFT", b="0x58")))):
            code, lines, out = served.look(rig, name)
            assert code == 0, (code, out)
            seen[name] = serials(lines)
    a, b = seen["same"]["psu-a"], seen["same"]["psu-b"]
    assert a and b and a != b, seen
    assert (seen["same-exchanged"]["psu-a"], seen["same-exchanged"]["psu-b"]) == (b, a), seen


@case
def a_serial_in_the_rig_finds_exchanged_adapters_with_the_same_addresses():
    right = TWO.format(left="CPLEFT", right="CPRIGHT", b="0x58")
    smoke = write("smoke-serial.lua", 'sequence "smoke" { about = "roll call" }\nstep("driven", function() log("driven") end)\n')
    with Served(write("known.yaml", right)) as served:
        code, lines, out = served.look(write("known.yaml", right), "known")
        assert code == 0, out
        known = serials(lines)
        for name, left, other, wanted in (("serial-right", "CPLEFT", "CPRIGHT", 0), ("serial-wrong", "CPRIGHT", "CPLEFT", 1)):
            text = TWO.format(left=left, right=other, b="0x58")
            for device, serial in known.items():
                text = text.replace(f"name: {device}, driver", f"name: {device}, serial: {serial}, driver")
            folder = out_dir(name)
            code, out, err = plumb("run", smoke, "--rig", write(name + ".yaml", text), "--out", folder, "--no-reports", env=served.env)
            assert code == wanted, (name, code, out, err)
            driven = [a for a in artifacts(journal(folder), "log") if a["message"] == "driven"]
            assert bool(driven) == (not wanted), name
            if wanted:
                assert f"serial number {known['psu-b']} answers, the rig expects {known['psu-a']}" in json.dumps(journal(folder)), out + err


if __name__ == "__main__":
    for row in ON_THE_TWIN:
        case(make_twin(*row))
    for adapter in ADAPTERS:
        case(make_usb(adapter))
    main()
