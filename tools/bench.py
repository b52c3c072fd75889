#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the project's figures, medians of one run on one machine, with the machine's own peers where they are installed (pytest).

Prints a table and writes BUILD/bench.json: name -> value, unit, bar, comparison, ok. Exit status 1 when a bar is missed."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench_guardian
import bench_rackd
import bench_sse
import bench_web

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

STEPS = """sequence "bench" {{ about = "{n} steps of one value each" }}
for i = 1, {n} do
  step("step " .. i, function() measure("rail", volts(3.3), {{ min = volts(3.0), max = volts(3.6) }}) end)
end
"""
PYTEST = """import pytest
@pytest.mark.parametrize("i", range({n}))
def test_step(i):
    assert 3.0 <= 3.3 <= 3.6
"""


def spawn(command, cwd):
    """Wall seconds of one whole process; it must succeed."""
    with open(os.devnull, "wb") as null:
        start = time.perf_counter()
        p = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=null, stderr=subprocess.PIPE)
        err = p.stderr.read()
        p.wait()
        wall = time.perf_counter() - start
    if p.returncode:
        sys.exit(f"bench: {' '.join(command)} ended with {p.returncode}: {err.decode(errors='replace')[-500:]}")
    return wall


def median(command, cwd, runs):
    spawn(command, cwd)
    return statistics.median(spawn(command, cwd) for _ in range(runs))


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def marginal(small, large, steps, cwd, runs):
    """Seconds a step: both commands in turn, pair by pair, so that a machine whose speed drifts does not matter."""
    spawn(small, cwd), spawn(large, cwd)
    return statistics.median((-spawn(small, cwd) + spawn(large, cwd)) / steps for _ in range(runs))


def peak_mib(command, temp):
    """Peak memory of one run, told by time(1): what this process would be told of its child counts its own pages before exec."""
    told = os.path.join(temp, "peak")
    spawn(["/usr/bin/time", "-f", "%M", "-o", told, *command], ROOT)
    return int(open(told).read()) / 1024


def measure(plumb, temp):
    def run(sequence, out, *more):
        return [plumb, "run", sequence, "--out", os.path.join(temp, out), *more]

    files = {n: write(temp, f"steps-{n}.lua", STEPS.format(n=n)) for n in (1, 1000, 10000)}
    one = median(run(files[1], "one"), ROOT, 21)
    whole = marginal(run(files[1000], "thousand"), run(files[10000], "ten"), 9000, ROOT, 11)
    rss = peak_mib(run(files[10000], "ten"), temp)
    bare = marginal(run(files[1000], "bare-thousand", "--no-reports"), run(files[10000], "bare-ten", "--no-reports"), 9000, ROOT, 11)
    swap = median(run("sequences/hot-swap.lua", "swap"), ROOT, 11)
    yield "one-step-ms", one * 1e3, "ms", 10, "OpenHTF 123-140, Robot Framework 157-209"
    yield "step-us", bare * 1e6, "us", 6, "OpenHTF 675-1,158 (67-85 in one phase), Robot 135-155"
    yield "step-all-us", whole * 1e6, "us", None, "the same with HTML, JUnit and CSV"
    yield "rss-mib", rss, "MiB", 20, "62-119"
    yield "hot-swap-ms", swap * 1e3, "ms", 150, "none known"


def told(build, program, *args):
    """What a bench program prints: `NAME VALUE`, or one JSON object a line. [] where it was not built."""
    path = os.path.join(ROOT, build, program)
    if not os.path.exists(path):
        return []
    out = subprocess.run([path, *args], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=300).stdout.decode()
    return [json.loads(line) if line.startswith("{") else dict(zip(("name", "value"), line.split()[:2])) for line in out.splitlines() if line.strip()]


def wires(build):
    """Figures of the wire, on the virtual rack with its timing model; those of kernel drivers come from the last `make vmcheck`."""
    peers_of = {"mpsse-batched-per-s": "pyftdi users report about 75", "mpsse-single-per-s": "one USB round trip each"}
    bars = {"mpsse-batched-per-s": 6500, "mpsse-single-per-s": 1600}
    for row in told(build, "tests/bench_mpsse_usbip"):
        yield row["name"], float(row["value"]), "/s", bars.get(row["name"]), peers_of.get(row["name"], ""), True
    for row in told(build, "fixtures/twin/wire/bench_rtu"):
        yield f"rtu-line-ratio-{row['baud']}", row["value"], "", 0.95, f"{row['polls_per_s']} of {row['line_limit']} polls/s; with a 16 ms latency timer 25.7 and 44", True
    for row in told(build, "fixtures/twin/wire/bench_rtu_scan"):
        yield row["name"], row["value"], "s", 25, "rackmon probes at 70 ms an address: 17 s a pass without devices", False
    guest = os.path.join(ROOT, build, "vm", "bench.json")
    for row in json.load(open(guest)) if os.path.exists(guest) else []:
        yield row["name"], row["value"], row.get("unit", ""), row.get("bar"), "in the guest, at the last `make vmcheck`", row.get("more_is_better", False)


def worlds(build):
    """The virtual rack's physics, in virtual time on one core."""
    for row in told(build, "fixtures/twin/world/bench_world", "--figures"):
        bar, told_of, more = {"world-x": (2000, "CVODE band solver alone, 200 states, 10 ms exchanges: 849", True),
                              "world-scale": (1.2, "cost a rack, 1 to 1,000 racks: largest over smallest", False)}[row["name"]]
        yield row["name"], float(row["value"]), "x" if more else "", bar, told_of, more


def moves(build):
    """Plans of the allocation engine: what goes where when something must leave, against the least possible."""
    for row in told(build, "control/placement/bench_moves"):
        yield (row["name"], row["value"], "ms", 50, f"{row['nodes']} nodes, {row['allocations']} allocations, {row['full'] * 100:.0f} % full; "
               f"worst {row['worst']}, on the processor {row['cpu']}", False)
    for row in told(build, "control/placement/bench_moves_ratio", "100"):
        yield (row["name"], row["value"], "", 1.2, f"worst {row['worst']} of {row['instances']} that GLPK solved exactly, {row['least']} with the least, "
               f"{row['missed']} left something undone (counted as 2); {row['unsolved']} too hard for GLPK in 2 s", False)


def guard(build, kills):
    """Runs that are killed, against a rack in a process of its own."""
    row = bench_guardian.measure(build, kills)
    own = row["nothing_stolen"]
    told = (f"{row['kills']} kills: p50 {row['p50']}, max {row['max']} ms (p99 {own['p99']} of the {own['kills']} in which this machine's host took no processor time); "
            "peers run no teardown on SIGKILL")
    yield row["name"], row["value"], "ms", 50, told, False
    yield "guardian-misses", row["misses"] + row["journals_broken"], "", 0, "racks left unsafe, journals broken", False


def safety(build):
    """From a signal's edge to a kill output, against cyclictest at the same priority in the same run. Nothing where real-time priorities are not permitted."""
    for row in told(build, "host/safety/bench_interlock"):
        yield (row["name"], row["value"], "", 2.0, f"edge p50 {row['edge_p50_us']} us, p99.9 {row['edge_p999_us']} us over {row['edges']}; "
               f"cyclictest p50 {row['cyclictest_p50_us']} us, p99.9 {row['cyclictest_p999_us']} us", False)


def forecasts(build):
    """Of a workload's demand, on the shipped traces."""
    bars = {"forecast-gain": (0.8, "of the last value's error; mean of 5 min and 1 h, median of traces (docs/forecast.md)"),
            "forecast-gain-worst": (1.0, "the worst trace")}
    for row in told(build, "control/placement/bench_profile", "--figures"):
        if row["name"] in bars:
            yield row["name"], float(row["value"]), "", *bars[row["name"]], False


def rackd_figures(build):
    """The control stack."""
    yield from forecasts(build)
    yield from bench_rackd.figures(build)
    yield from bench_web.figures(build)
    yield from bench_sse.figures(build)


def pools(build):
    """The allocation engine alone, on one core, in CPU time."""
    for row in told(build, "control/placement/bench_pool", "--figures"):
        unit, bar, more, note = {"place-per-s": ("/s", 10000, True, "kube-scheduler's CI floor: 570-810 pods/s at 5,000 nodes"),
                                 "place-p99-us": ("us", 1000, False, "5,000 nodes, 80 % full"),
                                 "place-50k-ratio": ("", 2, False, f"{row.get('mean_us')} us, p99 {row.get('p99_us')} at 50,000; Firmament: sub-second at 10,000")}[row["name"]]
        yield row["name"], float(row["value"]), unit, bar, note, more
    for row in told(build, "control/placement/bench_pack"):
        bar, note = {"pack-gap": (2, f"GLPK: {row.get('equal')} of {row['instances']} optimal; {row.get('unproven')} more that it did not solve in 3 s: "
                                     f"{row.get('with_unproven')} % with these at their bound"),
                     "pack-gap-large": (5, f"lower bound; {row['instances']} of 100 to 400 workloads")}[row["name"]]
        yield row["name"], float(row["value"]), "%", bar, note, False


COVERAGE_SEQUENCES, COVERAGE_FAULTS = ("hot-swap", "inspection", "leak", "psu-failover", "smoke"), 80


def coverage(plumb, temp):
    """A coverage run of five sequences and eighty faults (or as near as the catalogue comes; the figure is scaled to them), after what it cannot do without:
    reading the rig and rehearsing. Wall seconds on this machine's cores."""
    out = os.path.join(temp, "coverage")
    sequences = [f"sequences/{s}.lua" for s in COVERAGE_SEQUENCES]
    kinds = [part for kind in ("electrical", "mechanical", "sensor", "protocol", "timing") for part in ("--faults", kind)]
    spawn([plumb, "coverage", *sequences, *kinds, "--out", out], ROOT)
    told = json.load(open(os.path.join(out, "coverage.json")))
    yield "coverage-s", told["wall_s"] * COVERAGE_FAULTS / told["summary"]["faults"], "s", 60, f"{told['summary']['faults']} faults run; no peer does this"


def peers(temp):
    """pytest on this machine: one test, and the cost of one more between 100 and 1,100."""
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import pytest"], stderr=subprocess.DEVNULL).returncode:
        return {}
    cost = {}
    for n in (1, 100, 1100):
        path = write(temp, f"test_peer_{n}.py", PYTEST.format(n=n))
        cost[n] = median([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={temp}/peer.xml", path], temp, 5)
    return {"one-step-ms": f"pytest here {cost[1] * 1e3:.0f}", "step-us": f"pytest here {(cost[1100] - cost[100]) / 1000 * 1e6:.0f}"}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--kills", type=int, default=200, help="runs that are killed for guardian-p99-ms (a full measurement: 1000)")
    args = ap.parse_args()
    temp = tempfile.mkdtemp(prefix="plumb-bench-")
    table = {}
    try:
        here = peers(temp)
        plumb = os.path.join(ROOT, args.build, "plumb")
        for name, value, unit, bar, comparison in [*measure(plumb, temp), *coverage(plumb, temp)]:
            comparison = "; ".join(x for x in (here.get(name), comparison) if x)
            table[name] = {"value": round(value, 3), "unit": unit, "bar": bar, "comparison": comparison, "ok": bar is None or value <= bar}
        for name, value, unit, bar, comparison, more in [*wires(args.build), *worlds(args.build), *moves(args.build), *guard(args.build, args.kills), *safety(args.build),
                                                          *rackd_figures(args.build), *pools(args.build)]:
            table[name] = {"value": round(value, 3), "unit": unit, "bar": bar, "comparison": comparison,
                           "ok": bar is None or (value >= bar if more else value <= bar)}
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    print(f"{'figure':<24}{'value':>10}  {'bar':>8}  {'':<6} peers")
    for name, row in table.items():
        print(f"{name:<24}{row['value']:>10.2f}  {row['bar'] or '-':>8} {row['unit']:<5} {('ok' if row['bar'] else '') if row['ok'] else 'MISSED':<7} {row['comparison']}")
    with open(os.path.join(ROOT, args.build, "bench.json"), "w") as f:
        json.dump(table, f, indent=2)
        f.write("\n")
    sys.exit(0 if all(r["ok"] for r in table.values()) else 1)


if __name__ == "__main__":
    main()
