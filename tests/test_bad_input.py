#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input ends with exit code 2 and a sentence that says what, where and what to do; nothing is driven, no journal appears."""
import json
import os
import subprocess

from plumbtest import DEMO, PLUMB, ROOT, TEMP, case, demo_rig, main, out_dir, plumb, write

OK_STEP = 'sequence "x" { about = "y", needs = { slot = "csu" } }\nstep("one", function() measure("v", volts(1), { max = volts(2) }) end)\n'


def refused(args, *words):
    code, out, err = plumb(*args)
    assert code == 2, f"exit {code}, expected 2\n{out}{err}"
    for w in words:
        assert w in err, f"expected {w!r} in: {err}"


def refused_rig(name, changes, *words):
    rig = demo_rig(name, *changes)
    folder = out_dir(name)
    refused(["run", write("ok.lua", OK_STEP), "--rig", rig, "--out", folder], *words)
    assert not os.path.exists(os.path.join(folder, "journal.jsonl")), "a journal was begun"
    refused(["check", "--rig", rig], *words)


def refused_sequence(name, text, *words):
    folder = out_dir(name)
    path = write(name, text)
    refused(["run", path, "--rig", DEMO, "--out", folder], *words)
    assert not os.path.exists(os.path.join(folder, "journal.jsonl")), "a journal was begun"


@case
def unknown_key():
    refused_rig("key.yaml", [("address: 0x58", "adress: 0x58")], "key.yaml:", "adress", "did you mean", "address")


@case
def unknown_driver():
    refused_rig("driver.yaml", [("psu-pmbus", "psu-pmbuss")], "driver.yaml:", "psu-pmbuss", "did you mean", "psu-pmbus")


@case
def unknown_role():
    refused_rig("role.yaml", [("role: load", "role: lod")], "role.yaml:", "lod", "load")


@case
def unknown_unit():
    refused_rig("unit.yaml", [("min: 46 V", "min: 46 Vo")], "unit.yaml:", "46 Vo")


@case
def two_devices_at_one_address():
    refused_rig("twice.yaml", [("address: 0x59", "address: 0x58")], "twice.yaml:", "0x58", "psu-a")


@case
def a_limit_in_volts_for_a_pressure():
    rig = "pressure.yaml"
    text = open(DEMO).read()
    at = text.index("supply-pressure: {")
    end = text.index("}", at)
    refused_rig(rig, [(text[at:end + 1], "supply-pressure: {max: 300 V}")], "pressure.yaml:", "pressure", "300 V")


@case
def sequence_with_a_syntax_error():
    refused_sequence("syntax.lua", 'sequence "x" { about = "y" }\nstep("one" function() end)\n', "syntax.lua:2")


@case
def sequence_with_an_endless_loop():
    refused_sequence("loop.lua", 'sequence "x" { about = "y" }\nstep("one", function()\n  while true do end\nend)\n', "loop.lua:3", "endless")


@case
def endless_loop_at_load():
    refused_sequence("loop2.lua", 'sequence "x" { about = "y" }\nwhile true do end\n', "loop2.lua:2")


@case
def sequence_with_a_huge_allocation():
    refused_sequence("huge.lua", 'sequence "x" { about = "y" }\nstep("one", function()\n  local s = string.rep("x", 1 << 30)\nend)\n', "memory")


@case
def sequence_that_wants_io():
    refused_sequence("io.lua", 'sequence "x" { about = "y" }\nstep("one", function() io.open("/etc/passwd") end)\n', "io.lua:2", "io")


@case
def sequence_that_wants_os():
    refused_sequence("os.lua", 'sequence "x" { about = "y" }\nstep("one", function() os.execute("id") end)\n', "os.lua:2", "os")


@case
def volts_against_kilopascals():
    refused_sequence("dim.lua", 'sequence "x" { about = "y", needs = { loop = "loop" } }\n'
                     'step("one", function()\n  measure("p", kPa(3), { max = volts(4) })\nend)\n', "dim.lua:3", "is in V", "expected pressure")


@case
def misspelt_verb():
    refused_sequence("verb.lua", 'sequence "x" { about = "y" }\nstep("one", function() mesure("p", volts(3)) end)\n', "verb.lua:2", "mesure", "did you mean", "measure")


@case
def misspelt_quantity():
    refused_sequence("quantity.lua", 'sequence "x" { about = "y", needs = { slot = "csu" } }\n'
                     'step("one", function() local v = rig.slot.monitor.voot end)\n', "quantity.lua:2", "voot", "vout")


@case
def a_need_that_the_rig_has_not():
    refused_sequence("need.lua", 'sequence "x" { about = "y", needs = { slot = "csus" } }\nstep("one", function() end)\n', "csus", "csu")


@case
def unknown_parameter():
    refused(["run", write("ok2.lua", OK_STEP), "--param", "slott=csu-3"], "slott", "slot")


@case
def unknown_option_and_command():
    refused(["run", "x.lua", "--rigg", "y"], "--rigg", "did you mean --rig")
    refused(["rnu"], "rnu", "did you mean 'run'")


@case
def missing_files():
    refused(["run", "no-such.lua"], "no-such.lua")
    refused(["run", write("ok3.lua", OK_STEP), "--rig", "no-such.yaml"], "no-such.yaml")
    refused(["run", write("ok3.lua", OK_STEP), "--limits", "no-such.yaml"], "no-such.yaml")


@case
def unwritable_output_folder():
    refused(["run", write("ok4.lua", OK_STEP), "--out", "/proc/nowhere/run"], "/proc/nowhere")


@case
def files_that_are_no_files():
    fifo = os.path.join(TEMP, "fifo")
    os.mkfifo(fifo)
    refused(["report", fifo], "plain file")
    refused(["run", write("ok7.lua", OK_STEP), "--out", DEMO], DEMO)


@case
def what_cannot_be_set():
    refused(["set", "psu-a.vin", "3 V"], "psu-a.vin", "not set")
    refused(["set", "psu-a.clear-faults", "3"], "psu-a.clear-faults", "no value")
    refused(["set", "load-3.load", "3 V"], "3 V")


@case
def json_is_told_what_was_wrong():
    code, out, _ = plumb("run", "no-such.lua", "--json")
    assert code == 2 and "no-such.lua" in json.loads(out)["error"], out


@case
def output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        p = subprocess.run([PLUMB, "rig"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 3 and b"standard output" in p.stderr, (p.returncode, p.stderr)


@case
def unknown_fault():
    refused(["run", write("ok5.lua", OK_STEP), "--out", out_dir("fault"), "--fault", "psu-z.supply=dead"], "psu-z")
    refused(["run", write("ok5.lua", OK_STEP), "--out", out_dir("fault"), "--fault", "psu-a.supply=ded"], "ded", "dead")


@case
def an_output_without_a_safe_value():
    refused_rig("safe.yaml", [("part: csu-1, owner: stack, safe: {on: false},", "part: csu-1, owner: stack,")], "safe.yaml:", "hsc-1", "safe: {on: false}")
    refused_rig("safe2.yaml", [(", safe: {load: 0 W}", "")], "safe2.yaml:", "load-1", "safe: {load:")


@case
def virtual_time_on_a_real_bus():
    rig = demo_rig("real.yaml", ("adapter: modbus-tcp, host: twin", "adapter: modbus-tcp, host: 127.0.0.1:1"))
    refused(["run", write("ok6.lua", OK_STEP), "--rig", rig, "--time", "virtual"], "tcp-nodes", "--time real")


main()
