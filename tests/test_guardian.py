#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drills of the guardian: a run is lost in every way that there is, and the virtual rack, in a process of its own, says what became of it: the physical truth,
and the order and time of what it was told."""
import json
import os
import random
import re
import resource
import signal
import subprocess
import time

from plumbtest import PLUMB, ROOT, SANITIZED, Skip, TEMP, artifacts, case, journal, main, out_dir, plumb, write
from rack import Rack

HOLD = """sequence "hold" { about = "switches much on and stays", needs = { slot = "csu", injector = "valve" } }
teardown(function() log("teardown") wait(seconds(60)) end, { timeout = seconds(100) })
step("on", { timeout = seconds(200) }, function()
  rig.slot.hot_swap:turn_on()
  rig.slot.connector:turn_on()
  wait_until(function() return rig.slot.connector.power_good end, { within = seconds(5), what = "power good" })
  rig.slot.load:set{ load = watts(300) }
  rig.injector.leak_valve:turn_on()
  log("it is on")
  wait(seconds(100))
end)
"""
# What the rack must be told, in the order of the rig file: device, and the end of what it hears.
SAFE = ([(v, r"open 0$") for v in ("valve-1", "valve-manifold")] + [(f"hsc-{i}", r"i2c 01 00 ..$") for i in range(1, 9)] +
        [(f"connector-{i}", r"power-enable 0$") for i in range(1, 9)] + [(f"load-{i}", r"modbus 10 .* 00 00 00 00$") for i in range(1, 9)] +
        [(f"psu-{x}", r"i2c 01 80 ..$") for x in "ab"])
SLOW = 10 if SANITIZED else 1


def start(rack, name, *options, sequence=HOLD, rig=None, **kw):
    folder = out_dir(name)
    path = write(name + ".lua", sequence)
    p = subprocess.Popen([PLUMB, "run", path, "--rig", rig or rack.rig(interlock=False), "--out", folder, *options], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True, **kw)
    return p, folder


def is_on(rack):
    return rack.truth("csu-1", "vout") > 40 and rack.truth("injector-1", "open") > 0.5


def logged(folder, message):
    try:
        return message in open(os.path.join(folder, "journal.jsonl")).read()
    except FileNotFoundError:
        return False


def until(p, condition, limit_s=30):
    end = time.monotonic() + limit_s * SLOW
    while not condition():
        assert p is None or p.poll() is None, p.stdout.read().decode()
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def record(folder):
    """Every line is whole JSON."""
    with open(os.path.join(folder, "guardian.jsonl")) as f:
        return [json.loads(line) for line in f]


def ended(folder):
    """The guardian has closed its record."""
    try:
        return record(folder)[-1:] if record(folder)[-1]["guardian"] == "end" else None
    except (FileNotFoundError, IndexError, ValueError):
        return None


def rounds(folder):
    """Rounds of safe values so far; the record may be half written at this moment."""
    try:
        return [x for x in record(folder) if x["guardian"] == "round"]
    except (FileNotFoundError, ValueError):
        return []


def children(pid):
    """Process ids whose parent is pid."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and int(open(f"/proc/{entry}/stat").read().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry))
        except (OSError, IndexError):
            continue
    return found


def rack_is_safe(rack, since_ns=0):
    """By the truth: no slot has power, no load draws, no injector is open. By what it was told: every safe value, in the declared order, as the last words."""
    told = [(device, what) for at, device, what in rack.told() if at >= since_ns]
    last = [(d, w) for d, w in told if any(d == s and not re.search(r"^i2c (d|02|00)", w) for s, _ in SAFE)][-len(SAFE):]
    wrong = [(s, l) for s, l in zip(SAFE, last) if s[0] != l[0] or not re.search(s[1], l[1])]
    assert len(last) == len(SAFE) and not wrong, (wrong[:3], last)
    until(None, lambda: rack.truth("csu-1", "vout") < 5, 20)
    for port, part in (("open", "injector-1"), ("open", "injector-manifold")):
        assert rack.truth(part, port) == 0
    assert all(rack.truth(f"csu-{i}", "vout") < 5 for i in range(1, 9))


def safe_after_ms(rack, lost_ns):
    return (rack.told()[-1][0] - lost_ns) / 1e6


def whole(folder):
    """The journal's lines are whole JSON up to the kill, and the record tells the same story as the rack."""
    assert artifacts(journal(folder), "log")
    lines = record(folder)
    assert lines[0]["guardian"] == "ready" and lines[0]["outputs"] == len(SAFE), lines[0]
    assert lines[-1]["guardian"] == "end" and lines[-1]["result"] == "safe", lines[-1]
    assert [x["output"] for x in lines if x["guardian"] == "output"] == [f"{d}.{o}" for (d, _), o in zip(SAFE, outputs())], lines
    return lines


def outputs():
    return ["open"] * 2 + ["on"] * 8 + ["power-enable"] * 8 + ["load"] * 8 + ["on"] * 2


def lose(number, *options, limit_ms=1000.0):
    with Rack() as rack:
        name = signal.Signals(number).name.lower()
        p, folder = start(rack, name, *options)
        until(p, lambda: logged(folder, "it is on"))
        assert is_on(rack)
        at = time.monotonic_ns()
        p.send_signal(number)
        out = p.communicate(timeout=60)[0].decode()  # the guardian holds its standard error until it ends
        lines = whole(folder)
        rack_is_safe(rack, at)
        assert "28 safe values of demo-rack are applied" in out, out
        assert safe_after_ms(rack, at) < limit_ms * SLOW, safe_after_ms(rack, at)
        return p.returncode, lines


@case
def a_run_that_is_killed():
    code, lines = lose(signal.SIGKILL)
    told = plumb("report", out_dir("sigkill"))[1]
    assert re.search(r"the guardian applied 28 safe values, the last \d+ ms after the loss \(20.*Z\): the runner", told), told
    assert code == -signal.SIGKILL and "runner" in lines[1]["why"] and not lines[1]["killed"] and lines[1]["gone"], (code, lines[1])


@case
def a_run_that_crashes():
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    code, _ = lose(signal.SIGSEGV)
    assert code == -signal.SIGSEGV or SANITIZED, code


@case
def a_run_that_is_stopped():
    code, lines = lose(signal.SIGSTOP, "--heartbeat", "300 ms", limit_ms=1300)
    assert code == -signal.SIGKILL, code  # a stopped program still holds its adapters
    lost = [x for x in lines if x["guardian"] == "lost"][0]
    assert "silent for 3" in lost["why"] and lost["killed"] and lost["gone"], lost


@case
def a_run_out_of_memory():
    """The kernel's own killer, in a memory group of the drill's own."""
    roots = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
    own = next((line.rstrip("\n").split(":", 2)[2] for line in open("/proc/self/cgroup") if ":memory:" in line), "")
    group = None
    for root, limit in roots:
        folder = os.path.join(root + own, f"plumb-drill-{os.getpid()}")
        try:
            os.mkdir(folder)
            if os.path.exists(os.path.join(folder, limit)):
                group = folder
                break
            os.rmdir(folder)
        except OSError:
            continue
    if not group:
        raise Skip("no memory group can be made here")
    try:
        out_of_memory(group, limit)
    finally:
        until(None, lambda: not open(os.path.join(group, "cgroup.procs")).read())
        os.rmdir(group)


def out_of_memory(group, limit):
    with Rack() as rack:
        # the run's own process is in the group, its guardian is not: as with a service manager that gives each its own
        p, folder = start(rack, "oom")
        until(p, lambda: logged(folder, "it is on"))
        try:
            with open(os.path.join(group, "cgroup.procs"), "w") as f:
                f.write(str(p.pid))
            moved = str(p.pid) in open(os.path.join(group, "cgroup.procs")).read().split()
        except OSError:
            moved = False
        if not moved:
            p.kill()
            p.communicate()
            raise Skip("a process cannot be moved into a memory group here")
        raise_memory(p.pid, group, limit)
        out = p.communicate(timeout=60)[0].decode()
        if p.returncode != -signal.SIGKILL:
            raise Skip(f"the kernel's killer does not come here ({p.returncode})")
        lost = [x for x in whole(folder) if x["guardian"] == "lost"][0]
        assert "gone" in lost["why"] and not lost["killed"] and lost["gone"], lost  # it was the kernel, not the guardian
        rack_is_safe(rack)
        assert "safe values of demo-rack are applied" in out, out


def raise_memory(pid, group, limit):
    """Pages that are there stay charged elsewhere (cgroup v1), so what is asked of the group is new memory: the run's journal and Lua need some in time."""
    with open(os.path.join(group, limit), "w") as f:
        f.write("4096")
    os.kill(pid, signal.SIGINT)  # the abort and its teardown allocate


@case
def a_full_disk():
    """No file may grow: the journal ends where it stands, the run with it, and the guardian's record has its room."""
    with Rack() as rack:
        p, folder = start(rack, "full")
        until(p, lambda: logged(folder, "it is on"))
        guardian = children(p.pid)[0]
        size = os.path.getsize(os.path.join(folder, "guardian.jsonl"))
        resource.prlimit(guardian, resource.RLIMIT_FSIZE, (size, size))
        at = time.monotonic_ns()
        p.kill()
        out = p.communicate(timeout=60)[0].decode()
        rack_is_safe(rack, at)
        told = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        assert "its record could not be written" in out and told[-1]["result"] == "safe", out
        assert sum(x["guardian"] == "output" for x in told) == len(SAFE)


@case
def a_disk_that_is_really_full():
    disk = os.path.join(TEMP, "disk")
    os.makedirs(disk, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], stderr=subprocess.DEVNULL).returncode:
        raise Skip("a small file system cannot be mounted here")
    try:
        with Rack() as rack:
            path = write("disk.lua", HOLD)
            folder = os.path.join(disk, "out")
            p = subprocess.Popen([PLUMB, "run", path, "--rig", rack.rig(interlock=False), "--out", folder], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            until(p, lambda: logged(folder, "it is on"))
            try:
                with open(os.path.join(disk, "filler"), "wb", buffering=0) as f:
                    while f.write(b"x" * 4096):
                        pass
            except OSError:
                pass
            at = time.monotonic_ns()
            p.kill()
            p.communicate(timeout=60)
            whole(folder)  # on the full disk, in the room that was kept for it
            rack_is_safe(rack, at)
    finally:
        subprocess.run(["umount", disk], check=True)


@case
def kills_at_awkward_moments():
    def guardian_begins(rack, p, folder):
        until(p, lambda: children(p.pid))

    def first_beat(rack, p, folder):
        until(p, lambda: os.path.exists(os.path.join(folder, "guardian.jsonl")) and logged(folder, "testRunStart"))

    def in_teardown(rack, p, folder):
        until(p, lambda: logged(folder, "it is on"))
        p.send_signal(signal.SIGINT)
        until(p, lambda: logged(folder, '"teardown"'))

    for moment in (guardian_begins, first_beat, in_teardown):
        with Rack() as rack:
            p, folder = start(rack, moment.__name__)
            moment(rack, p, folder)
            at = time.monotonic_ns()
            p.kill()
            p.communicate(timeout=60)
            judge_after_a_kill(rack, folder, at)


def judge_after_a_kill(rack, folder, at):
    """Whatever had been reached: nothing stays on; where something could have been, all safe values were applied."""
    driven = any(re.search(r"open 1|power-enable 1|i2c 01 80|modbus 10", what) for _, _, what in rack.told())
    guarded = os.path.exists(os.path.join(folder, "guardian.jsonl"))
    assert guarded or not driven
    if guarded:
        until(None, lambda: ended(folder))
        lines = record(folder)
        assert lines[-1]["result"] == "safe" or not driven, lines
    if driven:
        rack_is_safe(rack, at)
    until(None, lambda: rack.truth("csu-1", "vout") < 5)
    assert rack.truth("injector-1", "open") == 0
    return driven


@case
def kills_at_random_moments():
    moments, driven = random.Random(20), 0
    for i in range(8):
        with Rack() as rack:
            p, folder = start(rack, f"random-{i}")
            if i % 2:
                until(p, lambda: logged(folder, "testRunStart"))
            time.sleep(moments.uniform(0, 0.3))
            at = time.monotonic_ns()
            p.kill()
            p.communicate(timeout=60)
            driven += judge_after_a_kill(rack, folder, at)
    assert driven >= 2, driven  # else the moments were too early to tell anything


@case
def a_run_that_ends_as_it_should():
    sequence = HOLD.replace("wait(seconds(60))", "").replace("wait(seconds(100))", "")
    with Rack() as rack:
        p, folder = start(rack, "clean", sequence=sequence)
        out = p.communicate(timeout=60)[0].decode()
        assert p.returncode == 0, out
        rack_is_safe(rack)
        lines = record(folder)
        assert [x["guardian"] for x in lines] == ["ready", "end"] and lines[1]["result"] == "nothing to do", lines
        opened = [w for _, d, w in rack.told() if d == "valve-1"]
        assert opened == ["open 1", "open 0"], opened  # once, by the run itself
        # An operator's Ctrl-C, to all of the terminal's programs: the run makes safe itself.
        p, folder = start(rack, "interrupted", sequence=HOLD.replace("wait(seconds(60))", ""))
        until(p, lambda: logged(folder, "it is on"))
        guardian = children(p.pid)[0]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guardian, number)
        os.killpg(p.pid, signal.SIGINT)
        out = p.communicate(timeout=60)[0].decode()
        assert p.returncode == 4 and record(folder)[-1]["result"] == "nothing to do", (p.returncode, out)
        rack_is_safe(rack)


@case
def a_guardian_that_dies_ends_the_run():
    for number, how in ((signal.SIGKILL, "ended by signal 9"), (signal.SIGSTOP, "has not answered")):
        with Rack() as rack:
            p, folder = start(rack, f"guardian-{int(number)}", "--heartbeat", "400 ms")
            until(p, lambda: logged(folder, "it is on"))
            guardian = children(p.pid)[0]
            at = time.monotonic_ns()
            os.kill(guardian, number)
            out = p.communicate(timeout=60)[0].decode()
            assert p.returncode == 3 and how in out and "its safe values are applied" in out, (p.returncode, out)
            rack_is_safe(rack, at)  # without the teardown, which would have taken a minute
            assert safe_after_ms(rack, at) < 1500 * SLOW
            assert [e for e in artifacts(journal(folder), "error") if e["symptom"] == "unguarded"]


@case
def a_second_run_on_the_rig_is_refused_and_leaves_it_alone():
    with Rack() as rack:
        rig = rack.rig(interlock=False)
        p, folder = start(rack, "first", rig=rig)
        until(p, lambda: logged(folder, "it is on"))
        before = len(rack.told())
        second, other = start(rack, "second", rig=rig)
        out = second.communicate(timeout=60)[0].decode()
        assert second.returncode == 3 and "in use" in out, (second.returncode, out)
        assert record(other)[-1]["result"] == "nothing to do"
        assert is_on(rack) and [w for _, d, w in rack.told()[before:] if re.search("open|power-enable|modbus 10|i2c 01", w)] == []
        p.kill()
        p.communicate(timeout=60)
        whole(folder)
        rack_is_safe(rack)


@case
def what_cannot_be_reached_does_not_hold_up_the_rest():
    """Module 2 hangs on a rack of its own, which dies with the run: the rest is made safe at once, and module 2 when it is back."""
    with Rack() as rack:
        far = Rack(name="far")
        with far:
            text = open(rack.rig(interlock=False)).read()
            for bus in ("i2c-m2", "lines-m2"):
                text = re.sub(rf"(name: {bus},.*socket: )\S+?\.sock", rf"\g<1>{far.socket}", text)
            p, folder = start(rack, "far", rig=write("far.yaml", text))
            until(p, lambda: logged(folder, "it is on"))
            far.p.kill()
            far.p.communicate()
            p.kill()
            until(None, lambda: rounds(folder))
            first = [x for x in record(folder) if x["guardian"] in ("output", "round")]
            until(None, lambda: rack.truth("csu-1", "vout") < 5)
            assert rack.truth("injector-1", "open") == 0
            failed = {x["output"] for x in first if x["guardian"] == "output" and x["result"] != "OK"}
            assert failed == {f"{d}-{i}.{o}" for d, o in (("hsc", "on"), ("connector", "power-enable")) for i in range(5, 9)}, failed
            far.start(far.tcp)
            far.__enter__()
            out = p.communicate(timeout=60)[0].decode()
            assert record(folder)[-1]["result"] == "safe" and "safe values of demo-rack are applied" in out, out
            told = [d for _, d, w in far.told() if w == "power-enable 0"]  # a round that came while the rack was coming may have begun it
            assert list(dict.fromkeys(told)) == [f"connector-{i}" for i in range(5, 9)], told


@case
def what_the_run_could_not_make_safe_is_tried_again():
    """The run itself ends, but half of the rack is away. The guardian opens it afresh when it is back, and only then the run is over."""
    with Rack() as rack:
        far = Rack(name="far")
        with far:
            text = open(rack.rig(interlock=False)).read()
            for bus in ("i2c-m2", "lines-m2"):
                text = re.sub(rf"(name: {bus},.*socket: )\S+?\.sock", rf"\g<1>{far.socket}", text)
            p, folder = start(rack, "again", rig=write("again.yaml", text), sequence=HOLD.replace("wait(seconds(60))", ""))
            until(p, lambda: logged(folder, "it is on"))
            far.p.kill()
            far.p.communicate()
            p.send_signal(signal.SIGINT)
            until(p, lambda: rounds(folder))
            assert not artifacts(journal(folder), "testRunEnd") or p.poll() is None
            far.start(far.tcp)
            far.__enter__()
            out = p.communicate(timeout=60)[0].decode()
            assert p.returncode == 4 and "the run could not make its rig safe; 28 safe values of demo-rack are applied" in out, (p.returncode, out)
            assert "not made safe" in out and record(folder)[-1]["result"] == "safe", out
            assert "It is tried again for 10 s: plug in what is away" in out, out
            rack_is_safe_but_module_2(rack)


@case
def what_does_not_obey_holds_up_nobody():
    """A supply is there and acknowledges nothing: the guardian does not keep whoever waits for the run as long as for what may be plugged in again."""
    with Rack() as rack:
        p, folder = start(rack, "deaf", sequence=HOLD.replace("wait(seconds(60))", ""))
        until(p, lambda: logged(folder, "it is on"))
        assert rack.tell("plant", "psu-a.wire=nack")[0] == 0
        p.send_signal(signal.SIGINT)
        out = p.communicate(timeout=60)[0].decode()
        assert p.returncode == 4 and "AND THE RIG IS NOT SAFE: not made safe: psu-a.on" in out and "tried again" not in out, (p.returncode, out)
        tried = rounds(folder)
        assert record(folder)[-1]["result"] == "NOT SAFE" and len(tried) > 1 and {x["set"] for x in tried} == {len(SAFE) - 1}, tried
        assert tried[-1]["after-ms"] < 3000 * SLOW, tried


def rack_is_safe_but_module_2(rack):
    until(None, lambda: rack.truth("csu-1", "vout") < 5, 20)
    assert rack.truth("injector-1", "open") == 0


@case
def what_the_interlock_has_killed_stays_killed():
    """A float is stuck, the rule opens the kill relays of module 1, the run is killed: safe values are applied around them, and nothing is said to the relays."""
    sequence = """sequence "tripped" { about = "waits for a trip", needs = { slot = "csu" } }
step("on", { timeout = seconds(200) }, function()
  interlock.expect("still-wet")
  log("it may trip")
  interlock.expect("tray-1-wet", { within = seconds(60) })
  rig.slot.hot_swap:turn_on()
  rig.slot.connector:turn_on()
  log("it is on")
  wait(seconds(100))
end)
"""
    with Rack() as rack:
        p, folder = start(rack, "tripped", sequence=sequence, rig=rack.rig())
        until(p, lambda: logged(folder, "it may trip"))  # one that is not expected yet would end the run
        assert rack.tell("plant", "float-1.contact=stuck-low")[0] == 0
        until(p, lambda: [w for _, d, w in rack.told() if d == "kill-1"])
        at = time.monotonic_ns()
        p.kill()
        p.wait()
        dead = time.monotonic_ns()
        p.communicate(timeout=60)
        assert record(folder)[-1]["result"] == "safe"
        rack_is_safe(rack, at)
        relays = [(t, d, w) for t, d, w in rack.told() if d.startswith("kill-")]
        assert {w for _, d, w in relays if d == "kill-1"} == {"coil-line 1"} and not [r for r in relays if r[0] > dead], relays


@case
def a_rig_that_dies_with_the_run_has_no_guardian():
    folder = out_dir("virtual")
    code, out, err = plumb("run", "sequences/psu-failover.lua", "--out", folder)
    assert code == 0 and not os.path.exists(os.path.join(folder, "guardian.jsonl")), out + err


@case
def mistakes_are_told():
    code, _, err = plumb("guardian")
    assert code == 2 and "starts the guardian by itself" in err, (code, err)
    code, _, err = plumb("run", "sequences/leak.lua", "--heartbeat", "1 ms", "--out", out_dir("beat"))
    assert code == 2 and "--heartbeat" in err and "50 ms" in err, (code, err)


main()
