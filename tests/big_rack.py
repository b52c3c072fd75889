#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rack of registers without physics, for figures of size: it answers the adapters twin-remote (drivers/bus/remote/wire.h) for any number of buses as the chips of
tests/big_rig.py do: an ADM1272 that is off at 0x10..0x1F, a TMP468 at 25 degC at 0x48..0x4B, and lines that show a unit in each slot without power.

usage: big_rack.py SOCKET           serves until it is killed; writes how many I2C transfers it has answered when it gets SIGUSR1"""
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import time

HELLO, REPLY, I2C, RECOVER, REQUEST, GET, SET, RELEASE = 1, 2, 3, 4, 5, 6, 7, 18
READ = 1          # flag of a message (drivers/bus/i2c.h)
GPIO_CAPS = 31    # bias, drive, edges, debounce, names (drivers/bus/gpio.h)
WIRE_NS = 120000  # a word at 400 kHz
WORDS = {0x88: 0x0B00, 0x8B: 0x0000, 0x8C: 0x0800, 0x8D: 0x0A80, 0x97: 0x0010, 0x79: 0x0840, 0xD4: 0x3F35, 0xD3: 0x0001}  # ADM1272, low byte first
TEMPERATURE, TMP468 = 0x0C80, {0x23: 0, 0x30: 0xFF9C, 0xFE: 0x5449, 0xFF: 0x0468}


class Connection:
    def __init__(self, sock):
        self.sock, self.bytes, self.bus = sock, b"", ""
        self.lines = {}


class Rack:
    def __init__(self, path):
        self.selector = selectors.DefaultSelector()
        self.registers = {}  # (bus, address, register) -> bytes, of what was written
        self.transfers = self.connections = 0
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(4096)
        self.selector.register(listener, selectors.EVENT_READ)

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    connection, _ = key.fileobj.accept()
                    self.connections += 1
                    self.selector.register(connection, selectors.EVENT_READ, Connection(connection))
                else:
                    self.receive(key.data)

    def receive(self, c):
        try:
            news = c.sock.recv(65536)
        except ConnectionError:
            news = b""
        if not news:
            self.selector.unregister(c.sock)
            c.sock.close()
            return
        c.bytes += news
        while len(c.bytes) >= 4:
            size = struct.unpack_from(">I", c.bytes)[0]
            if len(c.bytes) < 4 + size:
                return
            frame, c.bytes = c.bytes[4:4 + size], c.bytes[4 + size:]
            if frame[0] != RELEASE:
                answer = bytes([REPLY, 0]) + struct.pack(">H", 0) + self.answer(c, frame[0], frame[1:])
                c.sock.sendall(struct.pack(">I", len(answer)) + answer)

    def answer(self, c, kind, body):
        if kind == HELLO:
            size = struct.unpack_from(">H", body, 2)[0]
            c.bus, what = body[4:4 + size].decode(), body[1]
            caps = GPIO_CAPS if what in (2, 3) else 1
            return struct.pack(">qIIHHHI", time.monotonic_ns(), 400000, caps, 512, 512, 16, self.connections)
        if kind == I2C:
            return self.i2c(c, body)
        if kind == REQUEST:
            handle, size = struct.unpack_from(">HH", body)
            c.lines[handle] = 1 if b"PRSNT" in body[4:4 + size] else 0
            return b""
        if kind == GET:
            n = struct.unpack_from(">H", body)[0]
            return struct.pack(">H", n) + bytes(c.lines[h] for h in struct.unpack_from(f">{n}H", body, 2))
        if kind == SET:
            for i in range(struct.unpack_from(">H", body)[0]):
                handle, value = struct.unpack_from(">HB", body, 2 + 3 * i)
                c.lines[handle] = value
        return b""

    def i2c(self, c, body):
        count, at = struct.unpack_from(">H", body)[0], 2
        out = [struct.pack(">H", count)]
        self.transfers += count
        for _ in range(count):
            messages, at = struct.unpack_from(">H", body, at)[0], at + 2
            register, told = None, []
            for _ in range(messages):
                address, flags, size = struct.unpack_from(">BBH", body, at)
                at += 4
                if flags & READ:
                    told.append(struct.pack(">H", size) + self.read(c.bus, address, register, size))
                    continue
                register, written, at = body[at], body[at + 1:at + size], at + size
                if written:
                    self.registers[c.bus, address, register] = written
            out.append(struct.pack(">Bq", 0, WIRE_NS) + b"".join(told))
        return b"".join(out)

    def read(self, bus, address, register, size):
        kept = self.registers.get((bus, address, register))
        if kept is None and address >= 0x48:
            kept = struct.pack(">H", TMP468.get(register, TEMPERATURE))
        elif kept is None:
            kept = struct.pack("<H", WORDS.get(register, 0))
        return kept[:size].ljust(size, b"\0")


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rack = Rack(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"%d transfers\n" % rack.transfers))
    print("serving", flush=True)
    rack.serve()


if __name__ == "__main__":
    main()
