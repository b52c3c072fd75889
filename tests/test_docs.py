#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docs and program agree; every command has help with examples."""
import json
import os
import re
import subprocess

from plumbtest import PLUMB, ROOT, TEMP, Skip, case, main, plumb

COMMANDS = ["run", "check", "replay", "report", "get", "set", "watch", "plot", "rig", "drivers", "scan", "doctor", "twin", "guardian", "coverage"]


@case
def commands_page_and_man_page_are_what_the_program_says():
    for what, name in (("page", "commands.md"), ("man", "plumb.1")):
        made = subprocess.run(["sh", "tools/docs.sh", PLUMB, "--stdout", what], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
        assert made == open(os.path.join(ROOT, "docs", name)).read(), f"docs/{name} is stale: run `make docs`"


@case
def every_command_has_help_with_examples():
    for c in COMMANDS:
        code, out, err = plumb(c, "--help")
        assert code == 0 and "Examples:" in out and f"plumb {c}" in out, (c, out, err)


@case
def lists_work():
    code, out, _ = plumb("rig")
    assert code == 0 and "csu-8" in out and "psu-b" in out
    code, out, _ = plumb("drivers")
    assert code == 0 and "hsc-adm1272" in out and "modbus-rtu" in out
    code, out, _ = plumb("twin", "faults")
    assert code == 0 and out.count("--fault") >= 15


@case
def every_quantity_is_in_the_vocabulary():
    words = set(re.findall(r"[a-z0-9-]+", open(os.path.join(ROOT, "docs", "vocabulary.md")).read()))
    _, out, _ = plumb("rig", "--json")
    missing = {q for d in json.loads(out)["devices"] for q in d["quantities"]} - words
    assert not missing, sorted(missing)


@case
def every_driver_folder_is_registered():
    _, out, _ = plumb("drivers")
    for folder in sorted(os.listdir(os.path.join(ROOT, "drivers", "device"))):
        path = os.path.join(ROOT, "drivers", "device", folder)
        if os.path.isdir(path) and any("const struct pl_device_desc pl_device_" in open(os.path.join(path, f)).read() for f in os.listdir(path) if f.endswith(".c")):
            assert f"  {folder.replace('_', '-')} " in out, folder


def from_any_folder(program):
    """It finds sequences, rigs, the rigs' part libraries and the maps of the folder that it is in."""
    def there(*words):
        p = subprocess.run([program, *words], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        assert p.returncode == 0, p.stdout.decode()
        return p.stdout.decode()

    there("run", "sequences/smoke.lua", "--out", os.path.join(TEMP, "elsewhere"))
    assert "csu-8" in there("rig") and "tray-1-wet" in there("interlock")
    for name in sorted(os.listdir(os.path.join(ROOT, "fixtures", "rigs"))):
        there("rig", "fixtures/rigs/" + name)


@case
def works_from_any_folder():
    if not PLUMB.startswith(ROOT + os.sep):
        raise Skip("this build stands outside the source tree")
    from_any_folder(PLUMB)


@case
def works_where_it_is_installed():
    build = os.environ.get("PLUMB_BUILD", "build")
    where = os.path.join(TEMP, "installed")
    p = subprocess.run(["make", f"BUILD={build}", "-o", f"{build}/plumb", "-o", f"{build}/rackd", f"DESTDIR={where}", "PREFIX=/usr", "install"], cwd=ROOT, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))})
    assert p.returncode == 0, p.stdout.decode()
    from_any_folder(os.path.join(where, "usr", "bin", "plumb"))


@case
def get_reads_the_virtual_rack():
    code, out, err = plumb("get", "psu-a.vout", "monitor-1.vout", "leak-1.wet", "rpu.flow")
    assert code == 0, out + err
    assert "V" in out and "L/min" in out
    code, _, err = plumb("get", "psu-c.vout")
    assert code == 2 and "did you mean" in err


main()
