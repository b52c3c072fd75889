#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`sse-p99-ms`: from the request that causes an event (EventService.SubmitTestEvent) to the event at each of 100 subscribers' sockets, all in this one process.
Prints a JSON row.

usage: bench_sse.py [--build DIR] [--subscribers N] [--events N]"""
import argparse
import base64
import json
import selectors
import shutil
import socket
import sys
import tempfile
import time

import bench_web as rackd  # Stack: rackd over plain http

ACTION = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"


def subscribe(stack):
    s = socket.create_connection((stack.host, int(stack.port)), timeout=10)
    login = base64.b64encode(f"admin:{stack.password}".encode()).decode()
    s.sendall(f"GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: {stack.host}\r\nAccept: text/event-stream\r\nAuthorization: Basic {login}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = s.recv(4096)
        if not part:
            sys.exit(f"bench_sse: a stream was closed: {head[:300]!r}")
        head += part
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit(f"bench_sse: no stream: {head[:300]!r}")
    s.setblocking(False)
    return s


def one_event(stack, selector, streams):
    """Milliseconds from the request to each subscriber."""
    for s in streams.values():
        s["seen"] = b""
    waiting, times = set(streams), []
    begin = time.perf_counter()
    ask = socket.create_connection((stack.host, int(stack.port)), timeout=10)
    ask.sendall(f"POST {ACTION} HTTP/1.1\r\nHost: {stack.host}\r\nX-Auth-Token: {stack.token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    while waiting:
        ready = selector.select(10)
        now = time.perf_counter()
        if not ready:
            sys.exit(f"bench_sse: {len(waiting)} of {len(streams)} subscribers got nothing in 10 s")
        for key, _ in ready:
            stream = streams[key.fd]
            stream["seen"] += key.fileobj.recv(65536)
            if key.fd in waiting and b"TestMessage" in stream["seen"]:
                waiting.discard(key.fd)
                times.append((now - begin) * 1e3)
    ask.close()
    return times


def measure(build, subscribers=100, events=100):
    temp = tempfile.mkdtemp(prefix="bench-sse-")
    stack = rackd.Stack(build, temp, rackd.os.path.join(rackd.ROOT, "fixtures/rigs/demo-rack.yaml"))
    try:
        stack.login()
        selector, streams = selectors.DefaultSelector(), {}
        for _ in range(subscribers):
            s = subscribe(stack)
            streams[s.fileno()] = {"socket": s, "seen": b""}
            selector.register(s, selectors.EVENT_READ)
        times = sorted(t for _ in range(events) for t in one_event(stack, selector, streams))
        return {"name": "sse-p99-ms", "value": round(times[int(len(times) * 0.99)], 2), "median": round(times[len(times) // 2], 2), "max": round(times[-1], 2),
                "subscribers": subscribers, "events": events}
    finally:
        stack.end()
        shutil.rmtree(temp, ignore_errors=True)


def figures(build):
    row = measure(build)
    yield row["name"], row["value"], "ms", 20, f"{row['events']} events to {row['subscribers']} subscribers: median {row['median']}, max {row['max']} ms", False


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--subscribers", type=int, default=100)
    ap.add_argument("--events", type=int, default=100)
    args = ap.parse_args()
    print(json.dumps(measure(args.build, args.subscribers, args.events)))


if __name__ == "__main__":
    main()
