#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plan check and the capture at a first failure. tests/dangerous holds sequences that must be refused, each at the lines that say
`-- HAZARD: RULE, ...`, and beside each a twin of it (NAME-safe.lua) that does the same the safe way and must pass."""
import csv
import glob
import json
import os
import re
import signal
import subprocess
import time

from plumbtest import DEMO, PLUMB, ROOT, artifacts, case, journal, main, out_dir, plumb, write

DANGEROUS = os.path.join(ROOT, "tests", "dangerous")
SHIPPED = sorted(f for f in os.listdir(os.path.join(ROOT, "sequences")) if f.endswith(".lua"))


def bare_rig(name="bare.yaml", *changes):
    """The demo rack without its interlock, which would act before the hazards that are looked for here."""
    lines = [x for x in open(DEMO).read().split("\ninterlock:")[0].splitlines() if "owner: interlock" not in x and not re.match(r"  - {name: (lines|i2c)-trip,", x)]
    text = "\n".join(lines) + "\n"
    for old, new in changes:
        assert old in text, f"the demo rack has no {old!r}"
        text = text.replace(old, new, 1)
    return write(name, text)


def rig_of(name):
    if name.startswith("interlock-"):
        return DEMO
    if not name.startswith("second-supply"):
        return bare_rig()
    second = re.search(r"  - {name: psu-b, kind: psu,.*\n", open(DEMO).read()).group(0)
    return bare_rig("three-supplies.yaml", (second, second + second.replace("name: psu-b", "name: psu-c")))


def marked(path):
    """{(line, rule)} of the HAZARD comments."""
    wanted = set()
    for n, line in enumerate(open(path), 1):
        mark = re.search(r"-- HAZARD: ([a-z, -]+)", line)
        wanted |= {(n, rule.strip()) for rule in mark.group(1).split(",")} if mark else set()
    return wanted


def check(path, *args):
    code, out, _ = plumb("check", path, "--json", *args)
    (told,) = json.loads(out)["sequences"]
    return code, told


def dangerous():
    return sorted(f for f in os.listdir(DANGEROUS) if f.endswith(".lua") and not f.endswith("-safe.lua"))


@case
def dangerous_sequences_are_refused_at_the_line_that_does_it():
    assert len(dangerous()) >= 10
    for name in dangerous():
        path = os.path.join(DANGEROUS, name)
        code, told = check(path, "--rig", rig_of(name))
        got = {(r["line"], r["rule"]) for r in told["refusals"]}
        assert marked(path), f"{name}: nothing is marked"
        assert code == 2 and told["verdict"] == "refused", f"{name}: exit {code}, {told}"
        assert got == marked(path), f"{name}: refused {sorted(got)}, expected {sorted(marked(path))}\n{json.dumps(told, indent=1)}"
        for refusal in told["refusals"]:
            assert ";" in refusal["text"], f"{name}: no way out: {refusal['text']}"
            assert re.search(r"\d", refusal["text"]) or refusal["rule"] == "left", f"{name}: no number: {refusal['text']}"
            assert refusal["wrote"], f"{name}: it does not say what was written: {refusal}"


@case
def the_same_done_the_safe_way_passes():
    for name in dangerous():
        safe = name.replace(".lua", "-safe.lua")
        code, told = check(os.path.join(DANGEROUS, safe), "--rig", rig_of(name))
        assert code == 0 and told["verdict"] == "ok" and not told["refusals"], f"{safe}: exit {code}: {json.dumps(told, indent=1)}"
    assert {n.replace("-safe", "") for n in os.listdir(DANGEROUS) if n.endswith("-safe.lua")} - {"allowed.lua"} == set(dangerous())


@case
def shipped_sequences_pass():
    for name in SHIPPED:
        code, told = check("sequences/" + name)
        assert code == 0 and not told["refusals"], f"{name}: {told}"


@case
def a_dangerous_run_drives_nothing():
    path, folder = os.path.join(DANGEROUS, "remove-powered.lua"), out_dir("refused")
    code, out, err = plumb("run", path, "--rig", bare_rig(), "--out", folder)
    line = min(n for n, _ in marked(path))
    assert code == 2 and f"remove-powered.lua:{line}: live-unmate: " in err and "nothing was driven" in err, err
    assert not os.path.exists(os.path.join(folder, "journal.jsonl")), "a refused run has a record"
    code, out, err = plumb("run", path, "--rig", bare_rig(), "--out", folder, "--json")
    told = json.loads(out)
    assert code == 2 and told["verdict"] == "NOT RUN" and told["refusals"][0]["rule"] == "live-unmate", out


@case
def every_refusal_of_every_sequence_is_listed():
    names = ["remove-powered.lua", "bus-too-high.lua"]
    code, out, err = plumb("check", "--rig", bare_rig(), *(os.path.join(DANGEROUS, n) for n in names))
    assert code == 2 and all(f"{n}:" in err for n in names), err
    both = write("both.lua", """sequence "both" { needs = { slot = "csu", pump = "pump-unit" } }
step("all wrong", function()
  rig.slot.hot_swap:turn_on()
  rig.slot.connector:turn_on()
  wait(seconds(1))
  operator.remove(rig.slot)
  rig.pump.coolant:set{ stop = true }
  wait(seconds(1))
end)
""")
    code, told = check(both, "--rig", bare_rig())
    assert code == 2 and [(r["line"], r["rule"]) for r in told["refusals"]] == [(6, "live-unmate"), (7, "left")], told


@case
def an_allowed_hazard_passes_and_is_written_down():
    path = os.path.join(DANGEROUS, "allowed-safe.lua")
    code, told = check(path, "--rig", bare_rig())
    assert code == 0 and not told["refusals"], told
    plumb("run", path, "--rig", bare_rig(), "--out", out_dir("allowed"))
    logs = [a["message"] for a in artifacts(journal(out_dir("allowed")), "log")]
    assert any("allows the hazard 'rating'" in m and "is what is tested" in m for m in logs), logs
    for text, word in (('allow_hazard("ratings", "why")', "did you mean 'rating'"), ('allow_hazard("rating", "")', "without a reason"),
                       ('allow_hazard("rating")', "needs the hazard and the reason"), ('step("s", function() allow_hazard("rating", "x") end)', "at the top")):
        bad = write("bad-allow.lua", 'sequence "bad" {}\n' + text + '\nstep("x", function() wait(ms(1)) end)\n')
        code, out, err = plumb("check", bad)
        assert code == 2 and "bad-allow.lua:2:" in err and word in err, err


@case
def what_if_finds_what_a_healthy_rack_does_not_show():
    charged = os.path.join(DANGEROUS, "remove-charged-safe.lua")  # waits, but does not look
    code, told = check(charged, "--what-if", "--rig", bare_rig())
    (refusal,) = told["refusals"]
    assert code == 2 and refusal["rule"] == "live-unmate" and refusal["text"].startswith("on a rack with csu-1.fet=stuck-on, "), told
    looks = os.path.join(DANGEROUS, "remove-powered-safe.lua")
    code, told = check(looks, "--what-if", "--rig", bare_rig())
    assert code == 0 and told["what_if"] >= 6, told
    text = open(os.path.join(ROOT, "sequences", "psu-failover.lua")).read()
    careless, taken = re.subn(r".*can take over.*\n", "", text)
    assert taken == 1
    path = write("careless.lua", careless)
    code, told = check(path, "--what-if", "--rig", bare_rig())
    (refusal,) = told["refusals"]
    line = 1 + careless[:careless.index("fault.plant(")].count("\n")
    assert code == 2 and (refusal["line"], refusal["rule"]) == (line, "below-n") and "psu-b.supply=dead" in refusal["text"], told
    code, told = check("sequences/psu-failover.lua", "--what-if")
    assert code == 0, told


# --- the capture at a first failure ---

def kept(folder):
    """The files that the journal points to, by the end of their names."""
    files = {}
    for each in artifacts(journal(folder), "file"):
        path = each["uri"][len("file://"):]
        assert os.path.exists(path), f"{path} is not there"
        files.setdefault(os.path.basename(path), []).append(path)
    return files


def holds_the_failure(folder):
    files = kept(folder)
    assert sorted(files) == ["capture.pcapng", "readings.csv", "world.json"] and all(len(f) == 1 for f in files.values()), files
    rows = list(csv.DictReader(open(files["readings.csv"][0])))
    world = json.load(open(files["world.json"][0]))
    html = open(os.path.join(folder, "report.html")).read()
    assert all(f'href="./{name}"' in html for name in files), "the report has no link to them"
    return rows, world


@case
def a_first_failure_keeps_buses_readings_and_the_world_once():
    folder = out_dir("first")
    for again in range(2):  # what an older run kept is moved aside
        code, _, _ = plumb("run", "sequences/hot-swap.lua", "--fault", "csu-1.discharge=slow", "--out", folder)
        assert code == 1
        rows, world = holds_the_failure(folder)
    assert os.path.exists(os.path.join(folder, "readings-1.csv")) and os.path.exists(os.path.join(folder, "world-1.json"))
    assert len(rows) > 100 and all(float(r["seconds_before"]) <= 10 for r in rows)
    assert any(r["device"] == "monitor-1" and r["quantity"] == "vout" and r["unit"] == "V" and r["status"] == "ok" for r in rows)
    assert [r["time"] for r in rows] == sorted(r["time"] for r in rows)
    lines = journal(folder)
    failed = next(i for i, line in enumerate(lines) if "FAIL" in json.dumps(line.get("testStepArtifact", {}).get("diagnosis", {})))
    first = next(i for i, line in enumerate(lines) if "file" in line.get("testStepArtifact", {}))
    assert first == failed + 1, "they do not stand beside the first failure"
    assert world["time"] == lines[failed]["timestamp"], (world["time"], lines[failed]["timestamp"])
    (fault,) = world["faults"]
    assert fault["fault"] == "csu-1.discharge=slow" and fault["acted"] == 1, world["faults"]
    assert abs(world["parts"]["psu-a"]["vout"]["value"] - 48) < 2 and world["parts"]["psu-a"]["vout"]["unit"] == "V"


@case
def a_reading_that_could_not_be_had_is_kept_as_such():
    folder = out_dir("bad-reading")
    bad = write("bad-reading.lua", """sequence "bad-reading" { needs = { slot = "csu" } }
step("a", function()
  wait(seconds(1))
  measure("v", rig.slot.monitor.vout, { max = volts(60) })
end)
""")
    code, _, _ = plumb("run", bad, "--fault", "monitor-1.wire=nack@500ms", "--out", folder)
    rows, _ = holds_the_failure(folder)
    assert code == 1 and rows[-1]["status"] == "not acknowledged" and rows[-1]["value"] == "", rows[-1]


@case
def a_run_that_passes_keeps_nothing():
    folder = out_dir("passes")
    code, _, _ = plumb("run", "sequences/leak.lua", "--out", folder)
    assert code == 0 and not kept(folder)
    assert not glob.glob(os.path.join(folder, "*.csv*")) or os.listdir(folder).count("readings.csv") == 0


@case
def an_interlock_trip_keeps_them_too():
    folder = out_dir("tripped")
    quiet = write("quiet.lua", 'sequence "quiet" { needs = { slot = "csu" } }\nstep("wait", { timeout = minutes(5) }, function()\n'
                  '  for _ = 1, 20 do measure("v", rig.slot.monitor.vout, { max = volts(60) }) wait(seconds(5)) end\nend)\n')
    code, out, err = plumb("run", quiet, "--fault", "injector-1.valve=stuck-open", "--out", folder)
    assert code == 1 and "tray-1-wet" in out, out + err
    rows, world = holds_the_failure(folder)
    assert rows[-1]["device"] == "monitor-1" and float(rows[0]["seconds_before"]) <= 10
    assert world["parts"]["tray-1"]["volume"]["value"] > 0.3 and world["parts"]["tray-1"]["volume"]["unit"] == "L", world["parts"]["tray-1"]


@case
def an_abort_keeps_them_too():
    folder = out_dir("aborted")
    long = write("long.lua", """sequence "long" { needs = { slot = "csu" } }
for i = 1, 1000 do step("step " .. i, function() measure("v", rig.slot.monitor.vout, { max = volts(60) }) wait(ms(20)) end) end
""")
    run = subprocess.Popen([PLUMB, "run", long, "--time", "real", "--out", folder], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    path = os.path.join(folder, "journal.jsonl")
    until = time.monotonic() + 60
    while not (os.path.exists(path) and '"measurement"' in open(path).read()):
        assert time.monotonic() < until and run.poll() is None, "the run did not begin"
        time.sleep(0.01)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 4 and b"Sanitizer" not in err, err
    rows, world = holds_the_failure(folder)
    assert rows and rows[-1]["device"] == "monitor-1" and world["parts"]["csu-1"]


if __name__ == "__main__":
    main()
