#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumb twin serve`: programs that we did not write (mbpoll, pymodbus) read the same rack as plumb."""
import os
import re
import shutil
import signal
import subprocess

from plumbtest import PLUMB, ROOT, TEMP, Skip, case, demo_rig, main, plumb, write
from rack import Rack


class Served:
    """A served demo rack: .tcp HOST:PORT, .rtu PATH."""

    def __init__(self, *more):
        self.rtu = os.path.join(TEMP, "rtu")
        self.p = subprocess.Popen([PLUMB, "twin", "serve", "--tcp", "127.0.0.1:0", "--rtu", self.rtu, *more], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        for raw in self.p.stdout:
            m = re.search(r"Modbus TCP (\S+):(\d+)", raw.decode())
            if m:
                self.host, self.port = m.groups()
            if b"Try:" in raw:
                return self
        raise AssertionError("serve ended: " + self.p.stderr.read().decode())

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])


def real_rig(served, kind):
    """The demo rack's RPU behind a real adapter on the served line; everything else left out."""
    bus = {"tcp": f"{{name: coolant, kind: modbus, adapter: modbus-tcp, host: '{served.host}:{served.port}'}}",
           "rtu": f"{{name: coolant, kind: modbus, adapter: modbus-rtu, port: {served.rtu}, baud: 19200, parity: none}}"}[kind]
    return write(f"{kind}.yaml", f"""rig: served
about: the served rack over {kind}
buses:
  - {bus}
parts:
  - {{name: loop, kind: loop, location: manifold}}
  - {{name: rpu, kind: pump-unit, location: bottom, loop: loop}}
devices:
  - {{name: rpu, driver: modbus-map, map: orv3-rpu, bus: coolant, unit: 12, role: coolant, part: rpu, owner: stack}}
""")


def mbpoll(*args):
    if not shutil.which("mbpoll"):
        raise Skip("mbpoll is not installed")
    table = [] if "-t" in args else ["-t", "4"]
    p = subprocess.run(["mbpoll", "-q", "-1", "-0", *table, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    assert p.returncode == 0, p.stdout.decode()
    return {int(a): int(v) for a, v in re.findall(r"\[(\d+)\]:\s+(-?\d+)", p.stdout.decode())}


def agree(kind, *args):
    with Served() as served:
        rig = real_rig(served, kind)
        target = [served.rtu] if kind == "rtu" else [served.host]
        port = ["-p", served.port] if kind == "tcp" else []
        registers = mbpoll("-m", kind, "-a", "12", "-r", "36864", "-c", "3", *args, *port, *target)
        code, out, err = plumb("get", "rpu.flow", "rpu.supply-temperature", "rpu.return-temperature", "--rig", rig)
        assert code == 0, out + err
        shown = [float(v) for v in re.findall(r"\s(-?[\d.]+) (?:L/min|degC)", out)]
        assert len(shown) == 3, out
        for register, value in zip((36864, 36865, 36866), shown):
            assert abs(registers[register] / 10 - value) <= 0.5, (registers, shown)
        assert shown[0] > 1, "the coolant stands still"


@case
def mbpoll_over_tcp_shows_what_plumb_get_shows():
    agree("tcp")


@case
def mbpoll_over_rtu_shows_what_plumb_get_shows():
    agree("rtu", "-b", "19200", "-P", "none")


@case
def mbpoll_runs_a_workload_on_a_node_and_the_rack_feels_it():
    with Rack() as rack:
        rig = rack.rig()
        for what in ("hsc-1.on", "connector-1.power-enable"):
            assert plumb("set", what, "on", "--rig", rig)[0] == 0
        while rack.truth("csu-1", "booted") != 1:  # the test's own time limit bounds this
            pass
        host, port = rack.tcp.split(":")
        agent = ("-m", "tcp", "-p", port, "-a", "41")
        head = mbpoll(*agent, "-t", "3", "-r", "0", "-c", "5", host)
        assert [head[i] & 0xFFFF for i in range(5)] == [0x504C, 0x4E41, 1, 0, 1], head
        # Sequence 1, deploy, handle 7, 32.000 cores, 1024 MiB, no data, steady/50, no work, no checksum
        box = (1, 1, 0, 7, 0, 32000, 0, 1024, 0, 0, 0x1320, 0, 0, 0, 0, 0, 0, 0)
        mbpoll(*agent, "-t", "4", "-r", "0", host, "--", *map(str, box))
        run = mbpoll(*agent, "-t", "3", "-r", "256", "-c", "3", host)
        assert [run[256], run[257], run[258]] == [0, 7, 3], run  # RUNNING
        assert abs(rack.truth("csu-1", "workload") - 0.25) < 1e-6
        code, out, err = plumb("get", "agent-1.used-cores", "agent-1.workloads", "--rig", rig)
        assert code == 0 and re.search(r"used-cores\s+16\b", out) and re.search(r"workloads\s+1\b", out), out + err


@case
def pymodbus_reads_and_writes_the_load_bank_and_is_refused_an_unknown_register():
    try:
        from pymodbus.client import ModbusTcpClient
    except ImportError:
        try:
            from pymodbus.client.sync import ModbusTcpClient
        except ImportError as why:
            raise Skip(f"pymodbus cannot be used: {why}") from None
    with Served() as served:
        client = ModbusTcpClient(served.host, port=int(served.port))
        assert client.connect()
        try:
            keyword = {"slave": 12}
            answer = client.read_holding_registers(36864, 3, **keyword)
        except TypeError:
            keyword = {"unit": 12}
            answer = client.read_holding_registers(36864, 3, **keyword)
        assert not answer.isError() and len(answer.registers) == 3, answer
        assert client.read_holding_registers(9, 1, **keyword).isError(), "an unknown register was answered"
        client.close()


@case
def a_second_run_on_one_line_is_refused_with_the_holder():
    with Served() as served:
        rig = real_rig(served, "rtu")
        watch = subprocess.Popen([PLUMB, "watch", "rpu.flow", "--rig", rig, "--every", "50ms"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        try:
            assert watch.stdout.readline(), watch.stderr.read()
            code, out, err = plumb("get", "rpu.flow", "--rig", rig)
            assert code == 3 and str(watch.pid) in err, (code, out, err)
        finally:
            watch.send_signal(signal.SIGINT)
            watch.communicate(timeout=20)
        assert watch.returncode == 0


@case
def late_and_wrong_answers_are_errors_that_name_the_unit():
    for fault, words in (("rpu.wire=wrong-unit", ["rpu", "unit"]), ("rpu.wire=mute", ["rpu"]), ("rpu.wire=exception:4", ["rpu"]), ("rpu.wire=crc", ["rpu"])):
        with Served("--fault", fault) as served:
            rig = real_rig(served, "rtu")
            code, out, err = plumb("get", "rpu.flow", "--rig", rig)
            assert code == 3 and "invalid" in out, (fault, code, out, err)
            for w in words:
                assert w in out + err, (fault, out, err)


main()
