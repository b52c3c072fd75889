#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumb broker`: a rack (in a process of its own) whose buses one process has open and serves to others. Two programs on one bus, the conformance suites and a
whole sequence through it, the log of writes. (Its parts: drivers/bus/remote/test_broker.c.)"""
import os
import re
import signal
import subprocess

from plumbtest import PLUMB, ROOT, TEMP, case, main, out_dir, plumb, write
from rack import Rack

NAME = os.path.basename(PLUMB)
CONFORM = os.path.join(os.path.dirname(PLUMB), "tests", "conform_rig")
STACK = ("i2c-power", "i2c-m1", "i2c-m2", "lines-m1", "lines-m2", "lines-rack", "rtu-coolant")


class Broker:
    def __init__(self, rack, buses=STACK):
        self.rack, self.buses = rack, buses
        self.socket, self.log = os.path.join(TEMP, "broker.sock"), os.path.join(TEMP, "writes.log")
        if os.path.exists(self.log):
            os.remove(self.log)
        args = [a for bus in buses for a in ("--bus", bus)]
        self.p = subprocess.Popen([PLUMB, "broker", "--rig", rack.rig("behind.yaml"), *args, "--socket", self.socket, "--log", self.log], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        line = self.p.stdout.readline().decode()
        assert "served at " + self.socket in line, line + self.p.stderr.read().decode()
        return self

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])
        assert not os.path.exists(self.socket)

    def rig(self, name="shared.yaml", only=None):
        """The rack's rig with the broker's buses through it. only: these, and the devices on them; a program opens all that its rig has."""
        text = re.sub(r"\n     +", " ", open(self.rack.rig(name, interlock=False)).read())  # a device a line
        if only:
            kept = re.compile(rf"(name|bus): ({'|'.join(only)}),")
            text = re.sub(r"^  - \{name: \S+, (?:kind: \w+, adapter|driver): .*\n", lambda m: m.group(0) if kept.search(m.group(0)) else "", text, flags=re.M)
        for bus in only or self.buses:
            text, n = re.subn(rf"\{{name: {bus}, kind: (\w+), adapter: [^}}]*\}}", rf"{{name: {bus}, kind: \1, adapter: remote, socket: {self.socket}}}", text)
            assert n == 1, bus
        return write(name, text)

    def writes(self):
        return open(self.log).read().splitlines()


@case
def two_programs_on_the_same_buses():
    with Rack() as rack, Broker(rack) as broker:
        rig = broker.rig(only=["i2c-power", "i2c-m1", "rtu-coolant"])
        watch = [PLUMB, "watch", "hsc-1.vin", "psu-a.vout", "rpu.flow", "--every", "20 ms", "--for", "2 s", "--rig", rig]
        looks = [subprocess.Popen(watch, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        told = [p.communicate(timeout=60) for p in looks]
        for p, (out, err) in zip(looks, told):
            assert p.returncode == 0, err.decode()
            lines = out.decode().splitlines()
            assert len(lines) > 60 and not re.search(r"fail|error|no answer", out.decode()), out.decode()[-2000:]
        set_up = re.compile(rf"\S+ i2c-m1 {NAME}\[\d+\] i2c 0x1[0-3] d[0-9a-f] .*")  # a hot-swap controller's own sampling, which its driver sees to
        assert all(set_up.fullmatch(row) for row in broker.writes()), broker.writes()  # who looks writes nothing else


@case
def a_line_is_one_programs_at_a_time():
    with Rack() as rack, Broker(rack) as broker:
        rig = broker.rig(only=["lines-m1", "i2c-m1"])
        with subprocess.Popen([PLUMB, "watch", "connector-1.power-good", "--every", "100 ms", "--rig", rig], cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
            assert p.stdout.readline()
            code, _, err = plumb("get", "connector-1.power-good", "--rig", rig)
            code_2, out, err_2 = plumb("get", "connector-5.present", "hsc-1.vin", "--rig", broker.rig("other.yaml", only=["lines-m2", "i2c-m1"]))
            p.kill()  # however it ends, its lines are free
        assert code == 3 and re.search(rf"in use, by {NAME}\[{p.pid}\]", err), (code, err)
        assert code_2 == 0 and re.search(r"present +on", out), err_2
        code, out, err = plumb("get", "connector-1.power-good", "--rig", rig)
        assert code == 0, err


@case
def hot_swap_through_it_and_every_write_has_an_author():
    with Rack() as rack, Broker(rack) as broker:
        folder = out_dir("brokered")
        p = subprocess.Popen([PLUMB, "run", "sequences/hot-swap.lua", "--param", "soak=2s", "--rig", broker.rig(), "--out", folder], cwd=ROOT,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out, _ = p.communicate(timeout=200)
        assert p.returncode == 0, out.decode()
        form = rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z) (\S+) {NAME}\[(\d+)\] (i2c 0x[0-9a-f]{{2}}|gpio \S+=[01]|modbus \d+)((?: [0-9a-f]{{2}})*)"
        rows = [re.fullmatch(form, row) for row in broker.writes()]
        assert rows and all(rows), [row for row, m in zip(broker.writes(), rows) if not m][:5]
        assert any(m.group(2) == "lines-m1" and m.group(4) == "gpio CSU1_PWR_EN=1" and int(m.group(3)) == p.pid for m in rows), len(rows)
        assert any(m.group(2) == "i2c-m1" and m.group(4) == "i2c 0x10" and m.group(5).startswith(" 01 80") for m in rows), len(rows)  # OPERATION: on
        for bus in STACK:
            times = [m.group(1) for m in rows if m.group(2) == bus]
            assert times == sorted(times), bus


@case
def the_conformance_suites_through_it():
    if not os.path.exists(CONFORM):
        return "this build has no conform_rig"
    with Rack() as rack, Broker(rack) as broker:
        p = subprocess.run([CONFORM, broker.rig(), *STACK], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=300)
        told = p.stdout.decode()
        assert p.returncode == 0 and "not ok" not in told and told.count("\nok ") >= 10, told


@case
def what_cannot_be_shared_is_refused():
    for args, words in (((), ["--bus"]), (("--bus", "nowhere"), ["no bus 'nowhere'", "i2c-m1"]), (("--bus", "i2c-trip"), ["the interlock's"])):
        code, _, err = plumb("broker", "--socket", os.path.join(TEMP, "no.sock"), *args)
        assert code == 2 and all(w in err for w in words), (args, code, err)
    code, _, err = plumb("broker", "--bus", "i2c-m1", "--socket", os.path.join(TEMP, "no.sock"), "--log", "/nonexistent/log")
    assert code == 2 and "/nonexistent/log" in err, (code, err)


@case
def without_a_broker_the_sentence_says_so():
    rig = write("nobody.yaml", "rig: x\nbuses:\n- {name: i2c, kind: i2c, adapter: remote, socket: /tmp/there-is-no-broker.sock}\n"
                               "devices:\n- {name: psu, driver: psu-pmbus, bus: i2c, address: 0x58}\n")
    code, _, err = plumb("get", "psu.vout", "--rig", rig)
    assert code == 3 and "plumb broker" in err, (code, err)


main()
