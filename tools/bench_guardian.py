#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guardian-p99-ms: runs are killed (SIGKILL) at random moments, each against the demo rack in a process of its own, and the rack's own record of what it was told
says when the last safe value of the declared order came. From the kill, on one clock (CLOCK_MONOTONIC). A miss: the rack was not told all of it within 5 s.

usage: bench_guardian.py [--build DIR] [--kills N] [--jobs N] [--seed N] [--latest SECONDS]
Prints one JSON object; exit status 1 when a kill left a rack unsafe, or a journal broken."""
import argparse
import concurrent.futures
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Short and without a roll call, so that a run begins soon: its rehearsal, and with it each kill, takes longer with every step.
SEQUENCE = """sequence "busy" { about = "switches power, load and water on and off", needs = { slot = "csu", injector = "valve" }, roll_call = false }
step("busy", { timeout = hours(1) }, function()
  for i = 1, 20 do
    rig.slot.hot_swap:turn_on()
    rig.slot.connector:turn_on()
    rig.injector.leak_valve:turn_on()
    rig.slot.load:set{ load = watts(200) }
    log("on: " .. tostring(rig.slot.monitor.vout))
    wait(ms(40))
    rig.injector.leak_valve:turn_off()
    wait(ms(20))
  end
end)
"""
LATEST_S = 0.4  # of a kill; the process has begun, rehearsed, called the roll and is busy after about 0.15 s on an idle machine
MISS_S = 5
SAFE = ([(v, r"open 0$") for v in ("valve-1", "valve-manifold")] + [(f"hsc-{i}", r"i2c 01 00 ..$") for i in range(1, 9)] +
        [(f"connector-{i}", r"power-enable 0$") for i in range(1, 9)] + [(f"load-{i}", r"modbus 10 .* 00 00 00 00$") for i in range(1, 9)] +
        [(f"psu-{x}", r"i2c 01 80 ..$") for x in "ab"])
SAFE = [(device, re.compile(what)) for device, what in SAFE]
LIVE = re.compile(r"open 1|power-enable 1|i2c 01 80|modbus 10 .* [0-9a-f]*[1-9a-f][0-9a-f]*$")


def hardware():
    """A rack's hardware does not wait for a machine that is busy with something else: the rack that stands for it gets a real-time priority, where permitted."""
    chrt = ["chrt", "--fifo", "20"]
    return chrt if shutil.which("chrt") and not subprocess.run(chrt + ["true"], stderr=subprocess.DEVNULL).returncode else []


class Rack:
    def __init__(self, plumb, temp, name):
        self.plumb, self.folder = plumb, os.path.join(temp, name)
        self.tcp = self.ended = ""
        self.stolen = 0.0  # during the last kill
        os.makedirs(self.folder)
        self.sequence = self.write("busy.lua", SEQUENCE)
        socket, self.told, rtu = (os.path.join(self.folder, f) for f in ("rack.sock", "told.csv", "rtu"))
        self.p = subprocess.Popen(hardware() + [plumb, "twin", "serve", "--socket", socket, "--tcp", "127.0.0.1:0", "--rtu", rtu, "--writes", self.told], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for raw in self.p.stdout:
            tcp = re.search(r"Modbus TCP (\S+)", raw.decode())
            self.tcp = tcp.group(1) if tcp else self.tcp
            if raw.startswith(b"  socket"):
                break
        text = open(os.path.join(ROOT, "fixtures/rigs/demo-rack.yaml")).read()
        text = text.replace("adapter: twin, speed: 400 kHz", f"adapter: twin-remote, socket: {socket}")
        text = text.replace("adapter: twin}", f"adapter: twin-remote, socket: {socket}}}")
        text = text.replace("  period: 100 ms", "  period: 50 ms")  # the interlock: a rack behind a socket is not as near as one in this process
        self.rig = self.write("rig.yaml", text.replace("port: twin", f"port: {rtu}").replace("host: twin", f"host: '{self.tcp}'"))
        self.read = open(self.told)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def news(self):
        """What it was told since the last call."""
        rows = [line.rstrip("\n").split(",", 2) for line in self.read]
        return [(int(at), device, what) for at, device, what in rows]

    def end(self):
        self.p.terminate()
        self.p.wait()


def safe_at(told):
    """When the last of the safe values came, in the declared order; None: not all of them. What a killed run had sent before may stand in between."""
    n = 0
    for at, device, what in told:
        if n < len(SAFE) and device == SAFE[n][0] and SAFE[n][1].search(what):
            n += 1
        elif n == len(SAFE) and LIVE.search(what):
            return None
        if n == len(SAFE):
            return at
    return None


def is_whole(path):
    try:
        with open(path) as f:
            return all(json.loads(line) for line in f)
    except FileNotFoundError:
        return True
    except ValueError:
        return False


def stolen_ms():
    """Time so far in which a virtual machine's processors wanted to run and the host ran something else (proc(5), /proc/stat, `steal`); 0 on a real machine."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8]) * 1000 / os.sysconf("SC_CLK_TCK")


def kill_once(rack, moment):
    """(outcome, milliseconds): "safe", "early" (nothing was driven, nothing is on), "miss" or "broken"."""
    out = os.path.join(rack.folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    rack.news()
    start = time.monotonic()
    p = subprocess.Popen([rack.plumb, "run", rack.sequence, "--rig", rack.rig, "--out", out, "--json"], cwd=ROOT, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(max(0, start + moment - time.monotonic()))
    if p.poll() is not None:  # it made its rack safe itself: on a machine as busy as that its interlock may have tripped
        rack.ended = p.stderr.read().decode()
        return "ended", 0
    rack.stolen, killed = stolen_ms(), time.monotonic_ns()
    p.kill()
    p.stderr.read()  # the guardian holds it open until it has ended
    rack.stolen = stolen_ms() - rack.stolen
    p.wait()
    told = rack.news()
    if not all(is_whole(os.path.join(out, f)) for f in ("journal.jsonl", "guardian.jsonl")):
        return "broken", 0
    at = safe_at([row for row in told if row[0] >= killed])
    if at is not None:
        return ("safe" if at - killed < MISS_S * 1e9 else "miss"), (at - killed) / 1e6
    live = [i for i, (_, device, what) in enumerate(told) if LIVE.search(what) and not device.startswith("psu")]  # a supply's safe value is on
    if not live:
        return "early", 0
    if safe_at(told[live[-1] + 1:]) is not None:  # the run had come to its end, and was killed as it wrote its reports
        return "ended", 0
    print(f"bench_guardian: a miss: {told[live[-1]:]}", *open(os.path.join(out, "guardian.jsonl")), sep="\n", file=sys.stderr)
    return "miss", 0


def work(plumb, temp, job, kills, seed, latest):
    moments = random.Random(seed * 1000 + job)
    rack = Rack(plumb, temp, f"rack-{job}")
    times, counts = [], {"early": 0, "ended": 0, "miss": 0, "broken": 0}
    try:
        while len(times) + counts["miss"] + counts["broken"] < kills:
            if counts["early"] + counts["ended"] > 100 + 5 * kills:
                sys.exit(f"bench_guardian: {counts['early']} runs were killed before they drove anything, {counts['ended']} ended by themselves: {rack.ended}")
            outcome, ms = kill_once(rack, moments.uniform(0, latest))
            if outcome == "safe":
                times.append((ms, rack.stolen))
            else:
                counts[outcome] += 1
    finally:
        rack.end()
    return times, counts


def measure(build, kills, jobs=1, seed=1, latest=LATEST_S):
    plumb = os.path.join(ROOT, build, "plumb")
    temp = tempfile.mkdtemp(prefix="plumb-guardian-")
    try:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            done = list(pool.map(lambda job: work(plumb, temp, job, kills // jobs + (job < kills % jobs), seed, latest), range(jobs)))
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    times = sorted(ms for ts, _ in done for ms, _ in ts)
    own = sorted(ms for ts, _ in done for ms, stolen in ts if not stolen)  # the host took nothing meanwhile
    counts = {k: sum(c[k] for _, c in done) for k in ("early", "ended", "miss", "broken")}
    at = lambda share, of=times: round(of[min(len(of) - 1, int(share * len(of)))], 2) if of else float("nan")  # noqa: E731
    return {"name": "guardian-p99-ms", "value": at(0.99), "p50": at(0.5), "max": at(1), "nothing_stolen": {"kills": len(own), "p99": at(0.99, own), "max": at(1, own)}, "kills": len(times) + counts["miss"] + counts["broken"],
            "before_anything_was_driven": counts["early"], "ended_by_themselves": counts["ended"], "misses": counts["miss"], "journals_broken": counts["broken"], "seed": seed}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--kills", type=int, default=1000)
    ap.add_argument("--jobs", type=int, default=1, help="racks at a time; they disturb each other")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--latest", type=float, default=LATEST_S, help="seconds from the start of a run to the latest kill; more on a busy machine")
    args = ap.parse_args()
    row = measure(args.build, args.kills, args.jobs, args.seed, args.latest)
    print(json.dumps(row))
    sys.exit(1 if row["misses"] or row["journals_broken"] else 0)


if __name__ == "__main__":
    main()
