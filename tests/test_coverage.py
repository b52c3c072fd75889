#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumb coverage: each fault against each sequence. A sequence that asserts nothing must catch nothing; what is caught must name the broken part.
With --table OUT prints docs/coverage.md from the coverage.json in that folder."""
import html.parser
import json
import os
import signal
import subprocess
import sys
import time

from plumbtest import PLUMB, ROOT, TEMP, case, main, out_dir, plumb, write

BLIND = write("blind.lua", """sequence "blind" { about = "Looks at everything and says nothing." }
step("look", function()
  for psu in rig.parts("psu") do log(psu.name .. ": " .. psu.supply.vout) end
  wait(seconds(1))
end)
""")
SHARP = write("sharp.lua", """sequence "sharp" { about = "Each supply gives its voltage." }
step("look", function()
  wait(seconds(1))
  for psu in rig.parts("psu") do measure(psu.name .. " vout", psu.supply.vout, { min = volts(47), max = volts(49), of = psu.supply }) end
end)
""")
WRONG = write("wrong.lua", """sequence "wrong" { about = "Blames the neighbour." }
step("look", function()
  wait(seconds(1))
  measure("vout of psu-a", rig.part("psu-a").supply.vout, { min = volts(47), max = volts(49), blame = rig.part("psu-b") })
end)
""")
LOW, SHARE, LINE = "psu.output=low", "psu.share=bad", "psu-a.wire=nack"


def coverage(name, *args, want=0):
    """The JSON of a run, which must be what is in the file, too."""
    folder = out_dir(name)
    code, out, err = plumb("coverage", *args, "--out", folder, "--json")
    assert code == want, (code, want, out[:500], err)
    if want > 1:
        return err
    told = json.loads(out)
    assert told == json.load(open(os.path.join(folder, "coverage.json")))
    return told


def outcomes(told):
    return {(f["spec"], r["sequence"]): r["outcome"] for f in told["faults"] for r in f["runs"]}


@case
def matrix_says_caught_missed_and_wrong_part():
    told = coverage("matrix", BLIND, SHARP, WRONG, "--faults", LOW, "--faults", SHARE)
    assert outcomes(told) == {
        ("psu-a.output=low", "blind"): "missed", ("psu-a.output=low", "sharp"): "caught", ("psu-a.output=low", "wrong"): "wrong part",
        ("psu-a.share=bad", "blind"): "missed", ("psu-a.share=bad", "sharp"): "missed", ("psu-a.share=bad", "wrong"): "missed"}
    low = next(f for f in told["faults"] if f["spec"] == "psu-a.output=low")
    assert (low["outcome"], low["by"], low["target"]) == ("caught", "sharp", "psu-a"), low
    sharp = next(r for r in low["runs"] if r["sequence"] == "sharp")
    assert sharp["blamed"] == "psu-a" and sharp["verdict"] == "psu-a-vout-fail" and "44" in sharp["message"], sharp


@case
def summary_adds_up():
    told = coverage("summary", BLIND, SHARP, WRONG, "--faults", LOW, "--faults", SHARE, "--faults", "psu.supply=dead", "--healthy", "3")
    s, runs = told["summary"], outcomes(told)
    assert s["faults"] == len(told["faults"]) == 3 and len(runs) == 9
    assert s["caught"] == 2 and abs(s["caught_ratio"] - 2 / 3) < 1e-12
    assert s["blamed_right"] == 2 and s["blame_ratio"] == 1
    assert s["runs_caught"] == sum(o in ("caught", "wrong part") for o in runs.values()) == 4
    assert s["runs_blamed_right"] == sum(o == "caught" for o in runs.values()) == 2 and s["run_blame_ratio"] == 0.5
    assert s["healthy_runs"] == 9 and s["false_alarms"] == 0
    assert sum(s["by_outcome"].values()) == s["faults"]


@case
def blind_sequence_catches_nothing_and_misses_the_bar():
    told = coverage("bar", BLIND, "--faults", LOW, "--min-caught", "1%", want=1)
    assert told["summary"]["caught_ratio"] == 0 and told["summary"]["by_outcome"]["missed"] == 1
    coverage("bar", SHARP, "--faults", LOW, "--min-caught", "100%", "--min-blame", "100%")
    coverage("bar", WRONG, "--faults", LOW, "--min-caught", "100%")
    coverage("bar", WRONG, "--faults", LOW, "--min-blame", "50%", want=1)


@case
def finding_on_the_healthy_rack_is_a_false_alarm():
    nervous = write("nervous.lua", 'sequence "nervous" { about = "x" }\nstep("s", function() measure("vout", rig.part("psu-a").supply.vout, { min = volts(60) }) end)\n')
    told = coverage("nervous", nervous, "--no-faults", "--healthy", "2", want=1)
    assert told["summary"]["false_alarms"] == 2 and [a["seed"] for a in told["false_alarms"]] == [1, 2], told
    assert told["faults"] == [] and told["false_alarms"][0]["blamed"] == "psu-a"


@case
def fault_that_never_acted_is_told_from_one_that_was_missed():
    told = coverage("idle", BLIND, "--faults", "leak-1.leak=late*", "--faults", "tray.sensor=wet-always")
    late, wet = sorted(outcomes(told).items())
    assert late[0][0].startswith("leak-1.leak=late") and late[1] == "did not act", late
    assert wet == (("tray-1.sensor=wet-always", "blind"), "missed"), wet


@case
def bench_instrument_that_fails_is_caught_though_nothing_was_judged():
    rolled = write("rolled.lua", 'sequence "rolled" { about = "x" }\nstep("s", function() log("never begun") end)\n')
    told = coverage("bench", rolled, "--every-place", "--faults", "monitor-1.wire=nack")
    assert outcomes(told) == {("monitor-1.wire=nack", "rolled"): "caught"}, told


@case
def same_seed_same_matrix_at_any_number_of_jobs():
    one, two = (coverage(f"jobs-{n}", BLIND, SHARP, "--faults", "psu*", "--when", "mid", "--seed", "7", "--jobs", n) for n in (1, 2))
    assert one["faults"] == two["faults"] and one["summary"] == two["summary"]
    assert outcomes(one)[("psu-a.output=low", "sharp")] == "caught", "planted in the middle, before it was looked at"


@case
def run_that_dies_is_a_cell_of_its_own():
    stuck = write("stuck.lua", """sequence "stuck" { about = "Never ends when the supply is low." }
step("s", { timeout = hours(100000) }, function()
  while rig.part("psu-a").supply.vout < volts(46) do wait(ms(1)) end
end)
""")
    folder = out_dir("dies")
    with subprocess.Popen([PLUMB, "coverage", stuck, SHARP, "--faults", LOW, "--jobs", "1", "--out", folder, "--json"], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        known, until = {}, time.monotonic() + 30
        while time.monotonic() < until:  # the run that lives on is the stuck one
            children = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
            old = [c for c in children if time.monotonic() - known.setdefault(c, time.monotonic()) > 3]
            if old:
                os.kill(int(old[0]), signal.SIGKILL)
                break
            time.sleep(0.05)
        out, err = p.communicate(timeout=60)
    told = json.loads(out)
    assert p.returncode == 3, (p.returncode, err)
    assert outcomes(told) == {("psu-a.output=low", "stuck"): "crashed", ("psu-a.output=low", "sharp"): "caught"}, told
    assert "signal 9" in told["faults"][0]["runs"][0]["message"]


@case
def agree_blames_the_one_that_differs_and_of_two_the_less_trusted():
    three = write("three.lua", """sequence "three" { about = "Three see one bus." }
step("s", function()
  local a, b, bar = rig.part("psu-a").supply, rig.part("psu-b").supply, rig.part("busbar").monitor
  wait(seconds(1))
  agree("bus", { { b, b.vout }, { a, a.vout }, { bar, bar.vout } }, { within = volts(1) })
end)
""")
    two = write("two.lua", open(three).read().replace('"three"', '"two"').replace("{ b, b.vout }, ", ""))
    told = coverage("agree", three, two, "--faults", LOW, "--min-caught", "100%", "--min-blame", "100%")
    assert set(outcomes(told).values()) == {"caught"}, outcomes(told)
    bad = write("bad-agree.lua", open(three).read().replace("{ within = volts(1) }", "{}"))
    assert "how near" in coverage("agree-bad", bad, want=2)


@case
def wire_and_edges_can_be_asked():
    wires = write("wires.lua", """sequence "wires" { about = "x" }
step("s", function()
  local a = rig.part("psu-a").supply
  local before = a:wire()
  local _ = a.vout
  local after = a:wire()
  check("counted", after.calls == before.calls + 1 and after.transfers > before.transfers and after.errors == 0 and after.each > ms(0))
  check("edges", edge_count(rig.part("csu-1").connector:edge("power_good", "rising")) == 0)
  check("link", rig.part("injector-1"):link("tray") == rig.part("tray-1") and rig.part("tray-1"):link("nothing") == nil)
end)
""")
    coverage("wires", wires, "--no-faults")


class Page(html.parser.HTMLParser):
    VOID = {"meta", "link", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        assert not any(name in ("src", "href") and value and value.startswith(("http", "//")) for name, value in attrs), (tag, attrs)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        self.text.append(data)


@case
def page_is_whole_and_table_fits():
    folder = out_dir("page")
    code, out, err = plumb("coverage", BLIND, SHARP, WRONG, "--faults", "psu.*", "--out", folder)
    assert code == 0, err
    page = Page()
    page.feed(open(os.path.join(folder, "coverage.html")).read())
    page.close()
    text = " ".join(page.text)
    assert page.open == [] and "psu-a.output=low" in text and "missed" in text and "To mend" in text
    assert max(map(len, out.splitlines()[:-1])) <= 120 and "faults caught" in out and "psu-a.output=low" in out, out
    assert "runs" in err and len(err.splitlines()) <= 11, err  # progress, where nobody looks a line each tenth


@case
def what_cannot_be_is_refused():
    for args, says in (((BLIND, "--faults", "no-such-*"), "no fault"), ((BLIND, "--min-caught", "lots"), "percentage"), ((BLIND, "--when", "noon"), "start or mid"),
                       ((BLIND, "--jobs", "0"), "expected 1"), ((BLIND, "--healthy", "0"), "expected 1"),
                       ((BLIND, "--rig", "fixtures/rigs/usb-bench.yaml"), "on the twin"), (("no-such.lua",), "no-such.lua")):
        err = coverage("refused", *args, want=2)
        assert says in err, (args, err)


def table(folder):
    """docs/coverage.md"""
    told = json.load(open(os.path.join(folder, "coverage.json")))
    s = told["summary"]
    names = [q["name"] for q in told["sequences"]]
    signs = {"caught": "yes", "wrong part": "wrong part", "missed": "-", "did not act": "", "not judged": "not judged", "interlock only": "interlock"}
    print("# What the shipped sequences catch\n")
    print("Made by `make docs` from `plumb coverage sequences/*.lua`: each fault of the catalogue at one place of the demo rack, there from the start, in a run of its")
    print("own. *yes*: the first finding names the broken part. *-*: nothing was found. Empty: the fault did not act in that run.\n")
    print(f"{s['caught']} of {s['faults']} faults are caught ({100 * s['caught_ratio']:.1f} %), {s['blamed_right']} of them with the broken part named "
          f"({100 * s['blame_ratio']:.1f} %; of single runs {100 * s['run_blame_ratio']:.1f} %).\n")
    print("| fault | " + " | ".join(names) + " | first finding |")
    print("|---" * (len(names) + 2) + "|")
    for f in told["faults"]:
        first = next((r for r in f["runs"] if r["sequence"] == f.get("by")), {}).get("message", "")
        cells = [signs.get(r["outcome"], r["outcome"]) for r in f["runs"]]
        print(f"| `{f['spec']}` | " + " | ".join(cells) + " | " + first.split("; next:")[0].replace("|", "/")[:160] + " |")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--table":
        table(sys.argv[2])
    else:
        main()
