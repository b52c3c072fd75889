#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The record: valid OCP lines, the same seed the same bytes, signals and SIGKILL at any moment, full disk, a second run in one folder."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import xml.dom.minidom

from plumbtest import DEMO, PLUMB, ROOT, SANITIZED, SHARED, Skip, artifacts, case, journal, main, out_dir, plumb, write

LONG = """sequence "long" { about = "steps of real time", needs = { slot = "csu" } }
teardown(function() log("teardown ran") end)
for i = 1, 150 do step("step " .. i, function() measure("v", rig.slot.monitor.vout, { max = volts(60) }) wait(ms(20)) end) end
"""


def sequences():
    """All; slowed by a sanitizer, those that write every kind of line (what a sanitizer sees in the others it sees in their own tests)."""
    if SANITIZED:
        return ["hot-swap.lua", "smoke.lua"]
    return sorted(f for f in os.listdir(os.path.join(ROOT, "sequences")) if f.endswith(".lua"))


@case
def journals_pass_the_ocp_checker():
    checker = os.path.join(SHARED, "tools", "ocp_validate.py")
    if not os.path.exists(checker):
        raise Skip("the OCP schemas are not beside the project")
    if subprocess.run([sys.executable, "-c", "import jsonschema"], stderr=subprocess.DEVNULL).returncode:
        python = "/usr/bin/python3"
    else:
        python = sys.executable
    files = []
    for name in sequences():
        for tag, fault in (("", []), ("-bad", ["--fault", "csu-1.power-good=stuck-low"])):
            folder = out_dir("ocp-" + name + tag)
            plumb("run", "sequences/" + name, "--out", folder, *fault)
            files.append(os.path.join(folder, "journal.jsonl"))
    p = subprocess.run([python, checker, os.path.join(SHARED, "data", "ocp-diag", "json-schema"), *files], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()
    assert p.stdout.decode().count("0 schema-bad, 0 messages") == len(files), p.stdout.decode()


@case
def same_seed_same_journal_byte_for_byte():
    for name in sequences():
        texts = []
        for i, seed in enumerate((7, 7, 8)):
            folder = out_dir("seed")
            plumb("run", "sequences/" + name, "--out", folder, "--seed", seed)
            texts.append(open(os.path.join(folder, "journal.jsonl"), "rb").read())
        assert texts[0] == texts[1], f"{name}: two runs with one seed differ"
        assert name in ("smoke.lua", "leak.lua") or texts[0] != texts[2].replace(b"--seed 8", b"--seed 7").replace(b'"8"', b'"7"'), f"{name}: the seed changes nothing"
    for fault in ("load-1.wire=mute", "rpu.wire=wrong-unit"):  # an error sentence names no port that another run has not
        texts = []
        for _ in range(2):
            folder = out_dir("seed-fault")
            plumb("run", "sequences/smoke.lua", "--out", folder, "--seed", 7, "--fault", fault)
            texts.append(open(os.path.join(folder, "journal.jsonl"), "rb").read())
        assert fault.split(".")[0].encode() in texts[0] and texts[0] == texts[1], f"{fault}: two runs with one seed differ"


@case
def outputs_are_well_formed():
    folder = out_dir("formed")
    plumb("run", "sequences/hot-swap.lua", "--out", folder)
    xml.dom.minidom.parse(os.path.join(folder, "junit.xml"))
    html = open(os.path.join(folder, "report.html")).read()
    assert "http://" not in html.replace("http://www.w3.org", "") and "https://" not in html, "the report loads something from elsewhere"
    assert "<svg" in html and "PASS" in html
    rows = open(os.path.join(folder, "measurements.csv")).read().splitlines()
    assert len(rows) == 1 + len(artifacts(journal(folder), "measurement"))
    code, out, _ = plumb("run", "sequences/hot-swap.lua", "--out", out_dir("json"), "--json")
    assert code == 0 and json.loads(out), out[:200]


@case
def hardware_is_told_with_its_own_identity():
    folder = out_dir("identity")
    plumb("run", "sequences/smoke.lua", "--out", folder)
    hardware = artifacts(journal(folder), "testRunStart")[0]["dutInfo"]["hardwareInfos"]
    psu = next(h for h in hardware if h["hardwareInfoId"] == "psu-a")
    assert psu["serialNumber"] and psu["manufacturer"] and psu["location"], psu


def start(name, *more, text=LONG):
    folder = out_dir(name)
    path = write(name + ".lua", text)
    p = subprocess.Popen([PLUMB, "run", path, "--out", folder, "--time", "real", *more], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    return p, folder


def wait_for_lines(p, folder, count):
    """Reads the live view until so many steps were told."""
    seen = 0
    for line in p.stdout:
        seen += b" step " in line
        if seen >= count:
            return
    raise AssertionError("the run ended early: " + p.stderr.read().decode())


def end(p):
    timer = threading.Timer(60, p.kill)
    timer.start()
    out, err = p.communicate()
    timer.cancel()
    return p.returncode, out.decode(), err.decode()


def stopped_by(number, name):
    p, folder = start(name)
    wait_for_lines(p, folder, 3)
    p.send_signal(number)
    code, out, err = end(p)
    assert code == 4, f"exit {code}\n{out}{err}"
    lines = journal(folder)
    assert artifacts(lines, "testRunEnd") == [{"status": "ERROR", "result": "NOT_APPLICABLE"}]
    assert any("teardown ran" in log["message"] for log in artifacts(lines, "log")), "no teardown"
    assert "ABORTED" in open(os.path.join(folder, "report.html")).read()
    assert "ABORTED" in out and "aborted by" in out, out
    assert plumb("report", folder)[0] == 4


@case
def sigint_runs_the_teardown():
    stopped_by(signal.SIGINT, "sigint")


@case
def sigterm_runs_the_teardown():
    stopped_by(signal.SIGTERM, "sigterm")


@case
def sighup_runs_the_teardown():
    stopped_by(signal.SIGHUP, "sighup")


@case
def an_older_record_is_kept():
    folder = out_dir("older")
    texts = []
    for seed in (1, 2):
        assert plumb("run", "sequences/hot-swap.lua", "--out", folder, "--seed", seed)[0] == 0
        texts.append(open(os.path.join(folder, "journal.jsonl")).read())
    assert open(os.path.join(folder, "journal-1.jsonl")).read() == texts[0] != texts[1]


def wait_for_text(p, path, text):
    """Until the kernel has been handed that much of the journal. The run must not end before."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.path.exists(path) and text in open(path).read():
            return
        try:
            p.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the run ended before {text!r}:\n{end(p)[1]}")
    raise AssertionError(f"{text!r} is not in {path} after 60 s")


@case
def sigkill_leaves_a_journal_that_says_where_it_stopped():
    for round_ in range(5):
        last = random.Random(round_).randint(2, 12)
        p, folder = start(f"sigkill-{round_}", text=LONG.replace("wait(ms(20))", f"if i == {last} then log('half done') wait(s(50)) end"))
        wait_for_text(p, os.path.join(folder, "journal.jsonl"), "half done")
        p.kill()
        end(p)
        raw = open(os.path.join(folder, "journal.jsonl"), "rb").read()
        whole = raw.split(b"\n")[:-1]
        steps = [json.loads(line) for line in whole]
        assert artifacts(steps, "testStepEnd"), "no finished step stands"
        assert not artifacts(steps, "testRunEnd")
        code, out, err = plumb("report", folder)
        assert code == 3 and "step" in out, (code, out, err)
        assert f"stopped in step step {last} at " in out, out


@case
def sigkill_in_virtual_time_names_the_step_too():
    folder = out_dir("sigkill-virtual")
    text = LONG.replace("measure(", 'if i == 3 then log("for long") while true do wait(ms(1)) end end measure(').replace('"step " .. i,', '"step " .. i, { timeout = h(1000000) },')
    p = subprocess.Popen([PLUMB, "run", write("virtual.lua", text), "--out", folder, "--time", "virtual"], cwd=ROOT, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_text(p, os.path.join(folder, "journal.jsonl"), "for long")
    p.kill()
    end_code = p.wait(60)
    assert end_code == -signal.SIGKILL, end_code
    code, out, err = plumb("report", folder)
    assert code == 3 and "stopped in step step 3 at " in out, (code, out, err)


@case
def a_full_disk_ends_the_run_and_keeps_what_was_written():
    path = write("disk.lua", LONG.replace("wait(ms(20))", ""))
    folder = out_dir("disk")

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    p = subprocess.run([PLUMB, "run", path, "--rig", DEMO, "--out", folder], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       preexec_fn=small, timeout=60)
    assert p.returncode == 3, (p.returncode, p.stderr)
    assert b"journal.jsonl" in p.stderr and (b"too large" in p.stderr or b"No space" in p.stderr), p.stderr
    raw = open(os.path.join(folder, "journal.jsonl"), "rb").read()
    assert len(raw) > 10000
    for line in raw.split(b"\n")[:-1]:
        json.loads(line)


@case
def a_journal_with_missing_lines_gives_no_pass():
    folder = out_dir("gap")
    assert plumb("run", "sequences/hot-swap.lua", "--out", folder)[0] == 0
    path = os.path.join(folder, "journal.jsonl")
    lines = open(path).read().splitlines(True)
    open(path, "w").writelines(lines[:30] + lines[40:])
    code, out, err = plumb("report", folder)
    assert code != 0 and "10 lines of the journal are missing" in out, (code, out[:300], err)


@case
def a_second_run_in_one_folder_is_refused():
    p, folder = start("twice")
    wait_for_lines(p, folder, 2)
    code, out, err = plumb("run", write("twice.lua", LONG), "--out", folder, "--time", "real")
    p.send_signal(signal.SIGINT)
    end(p)
    assert code in (2, 3) and str(p.pid) in err, (code, err)


@case
def limits_judge_again_without_touching_the_journal():
    folder = out_dir("rejudge")
    path = write("rejudge.lua", 'sequence "r" { about = "a" }\nstep("s", function() measure("rail", volts(3.3), { max = volts(3.6) }) end)\n')
    assert plumb("run", path, "--out", folder)[0] == 0
    before = open(os.path.join(folder, "journal.jsonl"), "rb").read()
    tight = write("tight.yaml", "rail: {max: 3.2 V}\n")
    code, out, err = plumb("report", folder, "--limits", tight)
    assert code == 1 and "FAIL" in out, (code, out, err)
    assert plumb("run", path, "--out", out_dir("rejudge2"), "--limits", tight)[0] == 1
    code, _, err = plumb("report", folder, "--limits", write("wrong.yaml", "rail: {max: 3 kPa}\n"))
    assert code == 2 and "wrong.yaml:1" in err, (code, err)
    assert open(os.path.join(folder, "journal.jsonl"), "rb").read() == before


main()
