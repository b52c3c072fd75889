#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What went over the buses: tshark reads a capture and sees what the journal says, the ring is saved at the first failure, a replay is the same run again."""
import os
import shutil
import signal
import subprocess
import time

from plumbtest import PLUMB, ROOT, Skip, artifacts, case, demo_rig, journal, main, out_dir, plumb, write

TSHARK = shutil.which("tshark")
EPOCH = 1767225600  # virtual time begins at 2026-01-01
HOT_SWAP = "sequences/hot-swap.lua"


def run(name, *more, sequence=HOT_SWAP, want=0):
    """Runs a sequence with --capture; returns (capture, its folder)."""
    path = os.path.join(out_dir(name) + ".pcapng")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    code, out, err = plumb("run", sequence, "--capture", path, "--out", out_dir(name), *more)
    assert code == want, f"exit {code}\n{out}{err}"
    return path, out_dir(name)


def tshark(path, shown, *fields):
    """The fields of the packets that the filter lets through, as lists of text. Without any preference of a user."""
    if not TSHARK:
        raise Skip("tshark is not installed")
    command = [TSHARK, "-r", path, "-Y", shown, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for f in ("frame.number", "frame.time_epoch", *fields):
        command += ["-e", f]
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, env={**os.environ, "HOME": "/nonexistent"})
    assert p.returncode == 0, p.stderr.decode()
    return [line.split("|") for line in p.stdout.decode().splitlines()]


def seconds(epoch):
    """Nanoseconds of a time_epoch since virtual time began, as seconds."""
    whole, fraction = epoch.split(".")
    return int(whole) - EPOCH + int(fraction) / 1e9


def measured(folder, name):
    return [m["value"] for m in artifacts(journal(folder), "measurement") if m["name"] == name]


def hardware(folder, name):
    start = artifacts(journal(folder), "testRunStart")[0]
    return next(h for h in start["dutInfo"]["hardwareInfos"] if h["hardwareInfoId"] == name)


_made = {}


def hot_swap():
    if not _made:
        _made["run"] = run("healthy")
    return _made["run"]


@case
def tshark_finds_nothing_wrong_and_the_packets_in_order():
    path, _ = hot_swap()
    assert tshark(path, "_ws.malformed or _ws.expert.severity == \"Error\" or _ws.expert.severity == \"Warning\"") == []
    rows = tshark(path, "frame", "frame.interface_name", "frame.interface_description", "frame.packet_id")
    times = [seconds(r[1]) for r in rows]
    assert times == sorted(times) and len(rows) > 10000
    assert {r[2]: r[3] for r in rows} == {
        "i2c-power": "twin", "i2c-m1": "twin", "i2c-m2": "twin", "lines-m1": "twin", "lines-m2": "twin", "lines-rack": "twin",
        "rtu-coolant": "modbus-rtu", "i2c-bench-1": "twin", "i2c-bench-2": "twin", "lines-bench": "twin", "tcp-bench": "modbus-tcp"}
    assert sorted(int(r[4]) for r in rows) == list(range(1, len(rows) + 1))


@case
def tshark_reads_the_slot_voltage_that_the_journal_has():
    path, folder = hot_swap()
    volts = measured(folder, "slot voltage")  # of monitor-1, an INA238: register 5, 3.125 mV a bit
    rows = tshark(path, 'frame.interface_name == "i2c-bench-1" and i2c.addr == 0x40', "i2c.flags", "data.data")
    read = []
    for before, after in zip(rows, rows[1:]):
        if before[3] == "8005":  # address 0x40 and write; the register
            assert (int(before[2], 16), int(after[2], 16)) == (0, 0x8001), (before, after)  # then a read, with the STOP
            assert after[3].startswith("81") and len(after[3]) == 6
            read.append(int(after[3][2:], 16) * 0.003125)
    assert len(volts) == 2 and all(any(abs(v - r) < 1e-9 for r in read) for v in volts), (volts, read[:5])
    falls = measured(folder, "slot is dead") + measured(folder, "no power before enable")
    assert len(falls) == 2 and max(falls) < 0.15 and min(read) < 0.15  # an instrument has an offset


@case
def tshark_reads_who_the_pump_unit_and_the_load_are():
    path, folder = hot_swap()

    def text(shown, first, registers):
        words = {}
        for row in tshark(path, shown + " and modbus.regval_uint16", "modbus.regnum16", "modbus.regval_uint16"):
            words.update(zip(map(int, row[2].split(",")), map(int, row[3].split(","))))
        return b"".join(words[first + i].to_bytes(2, "big") for i in range(registers)).rstrip(b"\0").decode()

    rtu = 'frame.interface_name == "rtu-coolant" and mbrtu.unit_id == 12 and modbus.func_code == 3'
    assert text(rtu, 6604, 8) == hardware(folder, "rpu")["manufacturerPartNumber"]
    assert text(rtu, 6616, 8) == hardware(folder, "rpu")["serialNumber"]
    tcp = 'frame.interface_name == "tcp-bench" and mbtcp.unit_id == 21 and modbus.func_code == 3'
    assert text(tcp, 0x20, 8) == hardware(folder, "load-1")["serialNumber"]


@case
def tshark_reads_the_loads_that_were_set():
    path, _ = hot_swap()
    sets = tshark(path, "modbus.func_code == 16 and modbus.regval_uint16 and mbtcp", "mbtcp.unit_id", "modbus.regnum16", "modbus.regval_uint16", "tcp.dstport")
    watts = {}
    for _, _, unit, registers, values, port in sets:
        high, low = map(int, values.split(","))
        assert registers == "256,257" and port == "502"
        watts.setdefault(int(unit), []).append((high << 16 | low) / 1000)
    assert watts[21][:3] == [500, 0, 500], watts  # set up, quiesced, loaded again
    assert watts[22][0] == 500 and sorted(watts) == list(range(21, 29))
    answers = tshark(path, "mbtcp and tcp.srcport == 502", "modbus.request_frame")
    assert answers and all(r[2] for r in answers)  # each is matched to its request
    assert tshark(path, "tcp.analysis.flags") == []  # and the made-up connection is a sound one


@case
def tshark_shows_the_edges_in_words():
    path, folder = hot_swap()
    rows = [(seconds(r[1]), r[2], r[3]) for r in tshark(path, 'frame.comment contains "CSU1_" and not frame.comment contains "reads"', "frame.comment", "text")]
    words = [r[1] for r in rows]
    assert words.index("CSU1_PWR_EN is set high") < words.index("CSU1_PWR_GOOD rises") < words.index("CSU1_PWR_EN is set low") < words.index("CSU1_PWR_GOOD falls")
    assert "CSU1_PRSNT_N rises (inactive)" in words and "CSU1_RESET_N is set low" in words
    # the second time up: what the journal calls the reaction is the distance of the two packets
    enable = [r for r in rows if r[1] == "CSU1_PWR_EN is set high"][1]
    good = [r for r in rows if r[1] == "CSU1_PWR_GOOD rises"][1]
    took = int(enable[2].split("took=")[1].split("\\n")[0]) / 1e9
    reaction = measured(folder, "power good follows enable")[0]
    assert abs((good[0] - enable[0] + took) * 1e3 - reaction) < 0.001, (enable, good, reaction)


@case
def a_failure_leaves_the_last_seconds_in_the_folder():
    folder = out_dir("share")
    code, out, err = plumb("run", "sequences/psu-failover.lua", "--fault", "psu-b.share=bad", "--out", folder)
    assert code == 1, out + err
    path = os.path.join(folder, "capture.pcapng")
    files = artifacts(journal(folder), "file")
    assert [f["displayName"] for f in files].count("bus capture") == 1 and files[0]["metadata"]["path"] == path, files
    assert 'capture.pcapng"' in open(os.path.join(folder, "report.html")).read()
    lines = journal(folder)
    failed = next(i for i, line in enumerate(lines) if "FAIL" in str(line.get("testStepArtifact", {}).get("diagnosis")))
    assert "file" in lines[failed + 1]["testStepArtifact"], "the capture stands behind the finding"
    rows = tshark(path, "i2c and frame.interface_name == \"i2c-power\"")
    at = lines[failed]["timestamp"]  # 2026-01-01T00:00:07.258574Z
    minutes, failed_s = int(at[14:16]), float(at[17:-1])
    assert rows and -1e-6 < minutes * 60 + failed_s - seconds(rows[-1][1]) < 0.1, (at, rows[-1])  # a journal has microseconds
    assert not os.path.exists(os.path.join(hot_swap()[1], "capture.pcapng")), "a run that passed has none of its own accord"


@case
def an_older_capture_is_not_lost():
    folder = out_dir("twice")
    for _ in range(2):
        assert plumb("run", "sequences/smoke.lua", "--fault", "monitor-3.wire=nack", "--out", folder)[0] == 1
    assert os.path.exists(os.path.join(folder, "capture.pcapng")) and os.path.exists(os.path.join(folder, "capture-1.pcapng"))
    assert artifacts(journal(folder), "file")[0]["metadata"]["path"].endswith("/capture.pcapng")


@case
def trouble_on_the_wire_stands_in_the_comments():
    for fault, shown, word in (("monitor-3.wire=nack", "i2c.addr == 0x42", "E_NACK: "), ("rpu.wire=crc", 'frame.interface_name == "rtu-coolant"', "E_CRC: "),
                               ("load-2.wire=mute", "tcp", "E_TIMEOUT: ")):
        path, folder = run("wire-" + fault.split(".")[0], "--fault", fault, sequence="sequences/smoke.lua", want=1)
        rows = tshark(path, f'{shown} and frame.comment contains "{word}"', "frame.comment")
        assert rows, fault
        assert artifacts(journal(folder), "file")[0]["metadata"]["path"] == path, "with --capture there is no second file"


def replay(path, *more, name, want, sequence=HOT_SWAP):
    code, out, err = plumb("replay", path, sequence, "--out", out_dir(name), *more)
    assert code == want, f"exit {code}\n{out}{err}"
    return out, err


def record(folder, interlock):
    """The journal without the two lines that tell how it was run, the second of which has these words about the interlock."""
    lines = [line for line in journal(folder) if "testRunStart" not in line.get("testRunArtifact", {})]
    told = [line for line in lines if interlock in line.get("testRunArtifact", {}).get("log", {}).get("message", "")]
    assert len(told) == 1, (folder, told)
    return [line for line in lines if line not in told]


@case
def a_replay_is_the_same_run_again():
    for sequence in ("hot-swap", "psu-failover", "leak"):
        path, folder = run("again-" + sequence, "--seed", "5", sequence=f"sequences/{sequence}.lua")
        replay(path, name="replayed-" + sequence, want=0, sequence=f"sequences/{sequence}.lua")
        assert record(folder, "the interlock is armed: 7 rules") == record(out_dir("replayed-" + sequence), "a replay has no interlock"), sequence
        start = artifacts(journal(out_dir("replayed-" + sequence)), "testRunStart")[0]
        assert start["metadata"]["hardware"] == "replay" and start["metadata"]["seed"] == "5"


@case
def a_failed_run_fails_again_in_its_replay():
    path, folder = run("share-again", "--fault", "psu-b.share=bad", sequence="sequences/psu-failover.lua", want=1)
    replay(path, name="share-replayed", want=1, sequence="sequences/psu-failover.lua")
    assert measured(folder, "share of psu-b") == measured(out_dir("share-replayed"), "share of psu-b") != []
    path, _ = run("nack-again", "--fault", "monitor-3.wire=nack", sequence="sequences/smoke.lua", want=1)
    out, err = replay(path, name="nack-replayed", want=1, sequence="sequences/smoke.lua")
    assert "diverges" not in err and "monitor-3" in out + err, out + err


@case
def other_limits_judge_a_replay_anew():
    path, _ = hot_swap()
    limits = write("limits.yaml", "power up/inrush peak: {max: 5 A}\n")
    out, err = replay(path, "--limits", limits, name="stricter", want=1)
    assert "inrush peak" in out and "diverges" not in err, out + err


@case
def a_changed_sequence_diverges_where_it_asks_for_something_else():
    path, _ = hot_swap()
    text = open(os.path.join(ROOT, HOT_SWAP)).read()
    old = "  rig.slot.hot_swap:clear_peaks()\n"
    assert old in text
    changed = write("hot-swap-changed.lua", text.replace(old, "", 1))
    _, err = replay(path, name="changed", want=3, sequence=changed)
    assert "diverges on bus i2c-m1 at packet " in err and "recorded was a write to 0x10" in err and "asked was" in err, err
    number = int(err.split("at packet ")[1].split(" ")[0])
    rows = tshark(path, f"frame.number == {number}", "frame.interface_name", "data.data")  # the number is Wireshark's
    assert rows[0][2] == "i2c-m1" and rows[0][3].startswith("20"), rows
    _, err = replay(path, "--param", "slot=csu-3", name="other-slot", want=3)
    assert "diverges" in err
    cut = write("hot-swap-cut.lua", text[:text.index('step("soak"')] + text[text.index("teardown("):])
    _, err = replay(path, name="cut", want=3, sequence=cut)
    assert "diverges" in err, err


@case
def what_cannot_be_replayed_is_refused():
    path, _ = hot_swap()
    _, err = replay(write("no.pcapng", "no capture at all, but long enough for one"), name="no", want=2)
    assert "no pcapng file" in err, err
    _, err = replay(os.path.join(out_dir("nowhere"), "x.pcapng"), name="missing", want=2)
    assert "cannot be opened" in err, err
    code, _, err = plumb("run", HOT_SWAP, "sequences/leak.lua", "--capture", out_dir("two.pcapng"))
    assert code == 2 and "--capture" in err, err
    code, _, err = plumb("run", HOT_SWAP, "--capture", "/nowhere/x.pcapng", "--out", out_dir("none"))
    assert code == 2 and "/nowhere/x.pcapng" in err, err
    whole = open(path, "rb").read()
    torn = out_dir("torn.pcapng")
    with open(torn, "wb") as f:
        f.write(whole[:len(whole) // 8 * 4 + 2])  # no block ends there
    _, err = replay(torn, name="torn", want=3)
    assert "has no more requests of it (its writer was killed)" in err, err


REAL = """sequence "real" { about = "a second of real time", needs = { slot = "csu" } }
step("look", function()
  for i = 1, %d do
    measure("bar " .. i, rig.slot.hot_swap.vin, { min = volts(40) })
    rig.slot.connector:set{ attention = i %% 2 == 1 }
    wait(ms(20))
  end
end)
"""


@case
def a_run_in_real_time_can_be_replayed():
    sequence = write("real.lua", REAL % 20)
    path, folder = run("real", "--time", "real", sequence=sequence)
    replay(path, name="real-replayed", want=0, sequence=sequence)
    for i in range(1, 21):
        assert measured(folder, f"bar {i}") == measured(out_dir("real-replayed"), f"bar {i}") != []
    assert len(tshark(path, 'frame.comment contains "CSU1_ATTN_LED is set high"')) == 10


@case
def a_killed_run_leaves_a_readable_file():
    path = out_dir("killed.pcapng")
    p = subprocess.Popen([PLUMB, "run", write("long.lua", REAL % 2000), "--time", "real", "--capture", path, "--out", out_dir("killed")], cwd=ROOT,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and (not os.path.exists(path) or os.path.getsize(path) < 30000):
            assert p.poll() is None
            os.sched_yield()
    finally:
        p.send_signal(signal.SIGKILL)
        p.wait()
    rows = tshark(path, "frame", "frame.interface_name")
    assert len(rows) > 100 and tshark(path, "_ws.malformed") == []


main()
