#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumb twin serve --usbip`: the rack as USB devices. The protocol is spoken here from its document; and plumb reads the rack through its own USB adapters, on
the stand-in for libusb that speaks USB/IP (real kernels: make vmcheck)."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

from plumbtest import PLUMB, ROOT, SANITIZED, Skip, case, main, plumb, write

BENCH = os.path.join(ROOT, "fixtures", "rigs", "usb-bench.yaml")
SHIM = os.path.join(ROOT, os.environ.get("PLUMB_BUILD", "build"), "usbip")


class Served:
    """A rig's USB devices: .at HOST:PORT, .port, .lines of what was printed."""

    def __init__(self, rig, *more):
        self.p = subprocess.Popen([PLUMB, "twin", "serve", "--rig", rig, "--usbip", "127.0.0.1:0", *more], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []

    def __enter__(self):
        for raw in self.p.stdout:
            self.lines.append(raw.decode().rstrip())
            if " attach -r " in self.lines[-1]:
                self.at = next(m[1] for m in (re.match(r"  USB/IP (\S+)", line) for line in self.lines) if m)
                self.port = int(self.at.rsplit(":", 1)[1])
                return self
        raise AssertionError("serve ended: " + self.p.stderr.read().decode())

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])


def take(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        assert more, f"the connection ended after {len(got)} of {n} bytes"
        got += more
    return got


class Device:
    """An imported device: control transfers."""

    def __init__(self, port, busid):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.sendall(struct.pack(">HHI32s", 0x111, 0x8003, 0, busid.encode()))
        version, code, status = struct.unpack(">HHI", take(self.s, 8))
        assert (version, code, status) == (0x111, 3, 0), (version, code, status)
        record = take(self.s, 312)
        bus, number = struct.unpack(">II", record[288:296])
        self.devid, self.seqnum = bus << 16 | number, 0

    def control(self, kind, request, value, index, length, data=b""):
        self.seqnum += 1
        self.s.sendall(struct.pack(">10I", 1, self.seqnum, self.devid, kind >> 7, 0, 0, length, 0, 0xFFFFFFFF, 0) +
                       struct.pack("<BBHHH", kind, request, value, index, length) + data)
        command, seqnum, _, _, _, status, actual = struct.unpack(">5Iii", take(self.s, 48)[:28])
        assert (command, seqnum) == (3, self.seqnum), (command, seqnum)
        return status, take(self.s, actual) if kind >> 7 else b""

    def read_word(self, address, register):
        self.control(0x41, 5, 0, address, 1, bytes([register]))
        _, data = self.control(0xC1, 6, 1, address, 2)
        _, acknowledged = self.control(0xC1, 3, 0, 0, 1)
        return data if acknowledged == b"\x01" else None


@case
def devices_are_listed_and_told():
    with Served(BENCH) as served:
        assert "  usb 1-1 0403:c631 i2c-tiny-usb" in served.lines, served.lines
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as s:
            s.sendall(struct.pack(">HHI", 0x111, 0x8005, 0))
            assert take(s, 12) == struct.pack(">HHII", 0x111, 5, 0, 1)
            record = take(s, 316)
        assert record[256:].startswith(b"1-1\0") and record[300:306] == bytes.fromhex("0403c6310205"), record[256:]


@case
def chips_answer_behind_the_adapter():
    with Served(BENCH, "--no-usb-timing") as served:
        device = Device(served.port, "1-1")
        assert device.control(0x80, 6, 0x0100, 0, 64)[1][:2] == b"\x12\x01"
        assert device.read_word(0x4F, 0x3E) == b"TI"
        assert device.read_word(0x4E, 0x3E) is None
        vout = struct.unpack("<H", device.read_word(0x58, 0x8B))[0] / 512  # LINEAR16, exponent -9
        assert 46 < vout < 50, vout


@case
def low_speed_is_slow():
    """Four control transfers cost at least three frames of 1 ms; without the timing model they do not."""
    took = {}
    for more in ("", "--no-usb-timing"):
        with Served(BENCH, *([more] if more else [])) as served:
            device = Device(served.port, "1-1")
            start = time.monotonic()
            for _ in range(20):
                device.read_word(0x4F, 0x3E)
            took[more] = (time.monotonic() - start) / 20
    assert took[""] > 0.0025, took
    assert SANITIZED or took["--no-usb-timing"] < took[""], took


@case
def plumb_reads_through_its_usb_adapter():
    if not os.path.exists(os.path.join(SHIM, "libusb-1.0.so.0")):
        raise Skip("the stand-in for libusb is not built (make usbip-shim)")
    with Served(BENCH) as served:
        env = dict(os.environ, PLUMBLINE_USBIP=served.at, LD_LIBRARY_PATH=SHIM)
        code, out, err = plumb("get", "--rig", BENCH, "psu-a", "monitor-bar", env=env)
        assert code == 0, err
        for name in ("psu-a.vout", "monitor-bar.vout"):
            value = re.search(rf"^{re.escape(name)}\s+(\S+) V$", out, re.M)
            assert value and 46 < float(value[1]) < 50, out


@case
def mistakes_in_the_list_name_the_line():
    text = open(BENCH).read()
    old = "{device: i2c-tiny-usb, i2c: i2c-rack}"
    line = text[:text.index(old)].count("\n") + 1
    for new, says in (("{device: i2c-tiny-bus, i2c: i2c-rack}", "did you mean 'i2c-tiny-usb'"),
                      ("{device: i2c-tiny-usb, i2c: i2c-rock}", "expected one of: i2c-rack")):
        rig = write("bad.yaml", text.replace(old, new))
        code, _, err = plumb("twin", "serve", "--rig", rig, "--usbip", "127.0.0.1:0")
        assert code == 2 and f"bad.yaml:{line}: " in err and says in err, (code, err)


@case
def a_rig_without_devices_is_refused():
    code, _, err = plumb("twin", "serve", "--usbip", "127.0.0.1:0")
    assert code == 2 and "no USB devices" in err, (code, err)


main()
