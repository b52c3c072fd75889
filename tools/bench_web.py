#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of rackd, on the machine at hand:
rackd-start-ms: process start to an answered GET /redfish/v1, demo rack, median.
redfish-get-ratio: GET of a Chassis, 32 connections kept open, against nginx serving the same bytes, both plain http on loopback, turn by turn in one run.
leak-to-command-ms: a leak line of a rack in a process of its own goes wet; until the first pump, valve or power command in the rack's record of what it was told,
less the detector's ReactionDelaySeconds; real time, one clock (CLOCK_MONOTONIC).

usage: bench_web.py [--build DIR] [--only start|get|leak]
Prints one JSON object a line; {"name", "skipped"} where what it needs is missing."""
import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "bench bench 42"
CONNECTIONS, SECONDS, ROUNDS = 32, 4, 3
NGINX = """daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000; tcp_nodelay on; default_type application/json; open_file_cache max=10;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}
"""
# Reactions; the pump unit's flow set point (register 0x9400 of drivers/maps/orv3-rpu.yaml) is set anew now and then, leak or not.
COMMAND = re.compile(r"(connector-|hsc-|stop-valve|rpu).* (power-enable 0$|i2c 01 00|drive-line [01]$|modbus (?!06 94 00))")


class Stack:
    """rackd over plain http, ready when made."""

    def __init__(self, build, temp, rig, listen="127.0.0.1:0", password=PASSWORD):
        self.password = password
        self.state = tempfile.mkdtemp(prefix="rackd-", dir=temp)
        with open(os.path.join(self.state, "password"), "w") as f:
            f.write(password + "\n")
        back, ready = os.pipe()
        start = time.monotonic()
        self.p = subprocess.Popen([os.path.join(ROOT, build, "rackd"), "--rig", rig, "--plain", "--listen", listen, "--state", self.state, "--rate", "0", "--password-file",
                                   os.path.join(self.state, "password"), "--ready-fd", str(ready)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=(ready,))
        os.close(ready)
        with os.fdopen(back) as f:
            url = f.readline().strip()
        if not url:
            sys.exit(f"bench_web: rackd ended with {self.p.wait()}")
        self.host, self.port = url.split("//")[1].rsplit(":", 1)
        self.token = None
        assert self.ask("GET", "/redfish/v1")[0] == 200
        self.start_ms = (time.monotonic() - start) * 1e3

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection(self.host, int(self.port), timeout=30)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["X-Auth-Token"] = self.token
        c.request(method, path, None if body is None else json.dumps(body), headers)
        answer = c.getresponse()
        text = answer.read()
        c.close()
        return answer.status, text, answer.headers

    def login(self):
        status, text, headers = self.ask("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "admin", "Password": self.password})
        if status != 201:
            sys.exit(f"bench_web: no session: {status} {text[:300]!r}")
        self.token = headers["X-Auth-Token"]

    def get(self, path):
        status, text, _ = self.ask("GET", path)
        if status != 200:
            sys.exit(f"bench_web: GET {path}: {status} {text[:300]!r}")
        return json.loads(text)

    def end(self):
        self.p.terminate()
        self.p.wait(30)


def start_ms(build, temp, runs=11):
    times = []
    for _ in range(runs):
        stack = Stack(build, temp, os.path.join(ROOT, "fixtures/rigs/demo-rack.yaml"))
        times.append(stack.start_ms)
        stack.end()
    return {"name": "rackd-start-ms", "value": round(statistics.median(times), 1), "max": round(max(times), 1), "runs": runs}


def wrk(url, *headers):
    """(requests a second, p99 ms) as wrk tells them."""
    more = [w for h in headers for w in ("-H", h)]
    out = subprocess.run(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *more, url], stdout=subprocess.PIPE, check=True).stdout.decode()
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench_web: {url}: {out}")
    p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), float(p99) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def get_ratio(build, temp, path="/redfish/v1/Chassis/csu-1"):
    if not shutil.which("wrk") or not (nginx := shutil.which("nginx") or (os.path.exists("/usr/sbin/nginx") and "/usr/sbin/nginx")):
        return {"name": "redfish-get-ratio", "skipped": "needs wrk and nginx (apt-get install wrk nginx-light)"}
    stack = Stack(build, temp, os.path.join(ROOT, "fixtures/rigs/demo-rack.yaml"))
    folder = tempfile.mkdtemp(prefix="nginx-", dir=temp)
    os.chmod(temp, 0o755), os.chmod(folder, 0o755)  # nginx's workers are another user
    stack.login()
    body = stack.ask("GET", path)[1]
    os.makedirs(os.path.dirname(f"{folder}/www{path}"))
    with open(f"{folder}/www{path}", "wb") as f:
        f.write(body)
    port = int(stack.port) + 1 if int(stack.port) < 65000 else int(stack.port) - 1
    with open(os.path.join(folder, "nginx.conf"), "w") as f:
        f.write(NGINX.format(folder=folder, port=port))
    server = subprocess.Popen([nginx, "-p", folder, "-c", os.path.join(folder, "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        here, there = [], []
        wrk_until(f"http://127.0.0.1:{port}{path}", server)
        for _ in range(ROUNDS):
            here.append(wrk(f"http://127.0.0.1:{stack.port}{path}", f"X-Auth-Token: {stack.token}"))
            there.append(wrk(f"http://127.0.0.1:{port}{path}"))
    finally:
        server.terminate()
        server.wait()
        stack.end()
    mine, theirs = statistics.median(r for r, _ in here), statistics.median(r for r, _ in there)
    return {"name": "redfish-get-ratio", "value": round(mine / theirs, 3), "p99_ms": round(statistics.median(p for _, p in here), 2), "rackd_per_s": round(mine), "nginx_per_s": round(theirs),
            "bytes": len(body), "connections": CONNECTIONS}


def wrk_until(url, server):
    """Until nginx answers."""
    end = time.monotonic() + 10
    while time.monotonic() < end and server.poll() is None:
        try:
            c = http.client.HTTPConnection(*url.split("/")[2].split(":"), timeout=5)
            c.request("GET", "/")
            c.getresponse().read()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("bench_web: nginx does not answer")


class Rack:
    """The demo rack in a process of its own, with a record of what it is told."""

    def __init__(self, build, temp):
        self.plumb = os.path.join(ROOT, build, "plumb")
        self.folder = tempfile.mkdtemp(prefix="rack-", dir=temp)
        self.socket, rtu, self.told_path = (os.path.join(self.folder, f) for f in ("rack.sock", "rtu", "told.csv"))
        self.p = subprocess.Popen([self.plumb, "twin", "serve", "--socket", self.socket, "--tcp", "127.0.0.1:0", "--rtu", rtu, "--writes", self.told_path], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        tcp = ""
        for raw in self.p.stdout:
            tcp = m.group(1) if (m := re.search(r"Modbus TCP (\S+)", raw.decode())) else tcp
            if raw.startswith(b"  socket"):
                break
        text = open(os.path.join(ROOT, "fixtures/rigs/demo-rack.yaml")).read()
        text = text.replace("adapter: twin, speed: 400 kHz", f"adapter: twin-remote, socket: {self.socket}").replace("adapter: twin}", f"adapter: twin-remote, socket: {self.socket}}}")
        self.rig = os.path.join(self.folder, "rig.yaml")
        with open(self.rig, "w") as f:
            f.write(text.replace("port: twin", f"port: {rtu}").replace("host: twin", f"host: '{tcp}'"))

    def tell(self, *words):
        subprocess.run([self.plumb, "twin", *words, "--socket", self.socket], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    def told(self):
        with open(self.told_path) as f:
            return [(int(at), device, what) for at, device, what in (line.split(",", 2) for line in f.read().split("\n")[:-1])]

    def end(self):
        self.p.terminate()
        self.p.wait()


def detector_of(stack, name):
    """The URI of a leak detector, by following links."""
    todo, seen = ["/redfish/v1/ThermalEquipment", "/redfish/v1/Chassis"], set()
    while todo:
        uri = todo.pop(0)
        if uri in seen or len(seen) > 400:
            continue
        seen.add(uri)
        if uri.endswith(f"/LeakDetectors/{name}"):
            return uri
        status, text, _ = stack.ask("GET", uri)
        if status == 200 and (m := re.findall(r'"@odata\.id"\s*:\s*"([^"]+)"', text.decode().replace("\\/", "/"))):
            todo += [u for u in m if re.search(r"/(ThermalEquipment|Chassis|RPUs|CDUs|ThermalSubsystem|LeakDetection|LeakDetectors)(/[^/]+)?$", u)]
    sys.exit(f"bench_web: no leak detector {name}")


def switch_on(stack, csu="csu-1"):
    uri, end = f"/redfish/v1/Chassis/{csu}", time.monotonic() + 60
    chassis = stack.get(uri)
    while chassis["PowerState"] != "On" and stack.ask("POST", chassis["Actions"]["#Chassis.Reset"]["target"], {"ResetType": "On"})[0] >= 300:
        if time.monotonic() > end:  # just after a start no pump runs yet, and it may not
            sys.exit(f"bench_web: {csu} cannot be switched on")
    while (chassis := stack.get(uri))["Status"]["State"] != "Enabled" or chassis["Oem"]["Plumbline"]["Procedure"]:
        if time.monotonic() > end:
            sys.exit(f"bench_web: {csu} is {chassis['Status']} and not Enabled")


def leak_ms(build, temp, runs=5):
    times = []
    for _ in range(runs):
        rack = Rack(build, temp)
        stack = Stack(build, temp, rack.rig)
        try:
            stack.login()
            switch_on(stack)
            detector = stack.get(detector_of(stack, "leak-1"))
            delay = detector["ReactionDelaySeconds"]
            begun = time.monotonic_ns()
            rack.tell("plant", "leak-1.leak=stuck-high")
            came = time.monotonic_ns()
            end, found = time.monotonic() + delay + 20, None
            while not found and time.monotonic() < end:
                found = next(((at, device, what) for at, device, what in rack.told() if at > begun and
                              COMMAND.match(f"{device} {what}")), None)
            if not found:
                return {"name": "leak-to-command-ms", "skipped": "rackd did not react to a leak"}
            times.append((found[0] - begun) / 1e6 - delay * 1e3)
            sys.stderr.write(f"leak: {found[1]} {found[2]} after {times[-1]:.1f} ms over its delay of {delay} s (planting took {(came - begun) / 1e6:.0f} ms of it)\n")
        finally:
            stack.end()
            rack.end()
    return {"name": "leak-to-command-ms", "value": round(max(times), 1), "p50": round(statistics.median(times), 1), "min": round(min(times), 1), "runs": runs}


def measure(build, only=None):
    """One row a figure."""
    temp = tempfile.mkdtemp(prefix="plumb-rackd-")
    try:
        for name, figure in (("start", start_ms), ("get", get_ratio), ("leak", leak_ms)):
            if not only or only == name:
                yield figure(build, temp)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


BARS = {"rackd-start-ms": (300, "ms", "", False), "redfish-get-ratio": (0.35, "", "civetweb bare 0.38", True),
        "redfish-get-p99-ms": (5, "ms", "the same, of the answers", False), "leak-to-command-ms": (100, "ms", "CDU changeover 250 ms", False)}


def figures(build):
    """name, value, unit, bar, what it is to be compared with, more is better; what is missing for one is told on standard error."""
    for row in measure(build):
        if "skipped" in row:
            print(f"bench: {row['name']}: {row['skipped']}", file=sys.stderr)
            continue
        more = ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("name", "value"))
        for name, value in [(row["name"], row["value"])] + ([("redfish-get-p99-ms", row["p99_ms"])] if "p99_ms" in row else []):
            bar, unit, peers, up = BARS[name]
            yield name, value, unit, bar, "; ".join(x for x in (peers, more) if x), up


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--only", choices=("start", "get", "leak"))
    args = ap.parse_args()
    for row in measure(args.build, args.only):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
