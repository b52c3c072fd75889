#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The virtual rack in a process of its own: twin-remote adapters, acts and faults over its socket, and real and virtual devices in one rig.
(What becomes of it when a runner is killed: test_guardian.py.)"""
import json
import os
import re
import signal
import socket
import subprocess

from plumbtest import SANITIZED, DEMO, PLUMB, ROOT, TEMP, artifacts, case, journal, main, out_dir, plumb, write
from rack import Rack


@case
def hot_swap_on_a_rack_in_another_process():
    with Rack() as rack:
        folder = out_dir("remote")
        code, out, err = plumb("run", "sequences/hot-swap.lua", "--param", "soak=2s", "--rig", rack.rig(interlock=not SANITIZED), "--out", folder,
                               timeout=200)  # a rack that a sanitizer slows is blind for longer than the interlock bears
        assert code == 0, out + err
        names = [m["name"] for m in artifacts(journal(folder), "measurement")]
        assert "slot voltage falls" in names, names


@case
def acts_faults_and_truth():
    with Rack() as rack:
        assert rack.truth("csu-1", "present") == 1
        assert rack.tell("act", "csu-1", "remove")[0] == 0
        while rack.truth("csu-1", "present") != 0:  # it takes its time to come out; the test's own time limit bounds this
            pass
        code, out, _ = plumb("get", "connector-1.present", "--rig", rack.rig())
        assert code == 0 and re.search(r"present\s+off", out), out
        assert rack.tell("plant", "monitor-1.wire=nack")[0] == 0
        code, out, err = plumb("get", "monitor-1.vout", "--rig", rack.rig())
        assert code != 0 and "0x40" in out + err, out + err
        assert rack.tell("clear")[0] == 0
        assert plumb("get", "monitor-1.vout", "--rig", rack.rig())[0] == 0
        for words, wanted in ((("act", "csu-9", "remove"), "csu-9"), (("plant", "nonsense"), "nonsense"), (("unplug", "1-1"), "no USB devices"),
                              (("act", "csu-1"), "expected: plumb twin act PART VERB")):
            code, _, err = rack.tell(*words)
            assert code == 2 and wanted in err, (words, code, err)
    code, _, err = plumb("twin", "truth", "csu-1", "present", "--socket", os.path.join(TEMP, "nobody.sock"))
    assert code == 3 and "plumb twin serve --socket" in err, (code, err)


@case
def real_and_virtual_buses_mix():
    with Rack() as rack:
        text = open(DEMO).read().replace("{name: i2c-power, kind: i2c, adapter: twin, speed: 400 kHz}",
                                         f"{{name: i2c-power, kind: i2c, adapter: twin-remote, socket: {rack.socket}}}")
        rig = write("mixed.yaml", text)
        code, out, err = plumb("get", "psu-a.vout", "monitor-bar.vout", "--rig", rig)
        assert code == 0 and len(re.findall(r"\d V", out)) == 2, out + err


@case
def a_slot_that_is_set_on_stays_on_and_a_look_changes_nothing():
    with Rack() as rack:
        rig = rack.rig()
        for what in ("hsc-1.on", "connector-1.power-enable"):  # set energises on purpose, and no run is there to be lost: nobody makes it safe
            code, out, err = plumb("set", what, "on", "--rig", rig)
            assert code == 0, out + err
        while not rack.truth("csu-1", "vout") > 40:
            pass
        code, out, err = plumb("get", "connector-1.power-good", "--rig", rig)  # its lines are free again, and a look changes nothing
        assert code == 0 and re.search(r"power-good\s+on", out), out + err
        assert rack.truth("csu-1", "vout") > 40


def steps(folder):
    """What is whole in a journal that is still being written."""
    try:
        lines = open(os.path.join(folder, "journal.jsonl")).read().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line).get("testStepArtifact", {}) for line in lines]


@case
def a_rack_that_dies_in_mid_run_and_comes_back():
    first = Rack()
    with first as rack:
        sequence = write("hold.lua", """sequence "hold" { about = "holds a slot on", needs = { slot = "csu" } }
step("on", function()
  rig.slot.hot_swap:turn_on()
  rig.slot.connector:turn_on()
  wait_until(function() return rig.slot.connector.power_good end, { within = seconds(5), what = "power good" })
end)
step("hold", function() wait(seconds(6)) end)
""")
        rig = rack.rig(control=False, interlock=False)  # whose floats would be away too, and end the run
        port = rack.tcp
        folder = out_dir("away")
        p = subprocess.Popen([PLUMB, "run", sequence, "--rig", rig, "--out", folder], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        while not any(s.get("testStepStart", {}).get("name") == "hold" for s in steps(folder)):
            assert p.poll() is None, p.stdout.read()
        assert rack.truth("csu-1", "vout") > 40
        rack.p.kill()
        rack.p.communicate()
        rack.start(port)
        rack.__enter__()
        out, _ = p.communicate(timeout=60)
        logs = [a["message"] for a in artifacts(journal(folder), "log")]
        away = [m for m in logs if m.startswith("bus lines-m1 (twin-remote) is away")]
        back = [m for m in logs if m.startswith("bus lines-m1 (twin-remote) is back; its safe values were applied")]
        assert away and back, (logs, out.decode())
        assert rack.truth("csu-1", "vout") < 5
        assert p.returncode == 0, out.decode()


@case
def a_second_rack_at_one_socket_is_refused():
    with Rack() as rack:
        code, _, err = plumb("twin", "serve", "--socket", rack.socket)
        assert code == 3 and "another virtual rack or broker listens" in err, (code, err)
        assert rack.truth("csu-1", "present") == 1


@case
def a_file_in_the_sockets_place_is_left_alone():
    notes = write("notes.txt", "not a socket")
    code, _, err = plumb("twin", "serve", "--socket", notes)
    assert code == 3 and "cannot listen at" in err, (code, err)
    assert open(notes).read() == "not a socket"


@case
def a_rack_that_takes_no_connection_is_given_up():
    path = os.path.join(TEMP, "mute.sock")
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(path)
    mute.listen(0)
    waiting = []
    while True:  # until the kernel's queue of connections is full: the next connect would block
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
        except BlockingIOError:
            break
        waiting.append(s)
    code, _, err = plumb("twin", "truth", "csu-1", "present", "--socket", path, timeout=20)
    assert code == 3 and "does not answer" in err, (code, err)
    code, _, err = plumb("twin", "serve", "--socket", path, timeout=20)
    assert code == 3 and "another virtual rack or broker listens" in err, (code, err)
    mute.close()


@case
def who_comes_second_to_a_gpio_bus_is_told_so():
    with Rack() as rack:
        rig = rack.rig()
        p = subprocess.Popen([PLUMB, "watch", "connector-1.power-good", "--every", "100 ms", "--rig", rig], cwd=ROOT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert p.stdout.readline()
        code, _, err = plumb("get", "connector-1.power-good", "--rig", rig)
        assert code != 0 and "in use" in err and "lines-m" in err, (code, err)
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=20)
        assert plumb("get", "connector-1.power-good", "--rig", rig)[0] == 0


main()
