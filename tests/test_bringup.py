#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumb scan` and `plumb doctor`: on the virtual rack in process, over a pty, over TCP and over USB/IP; on a machine in a folder; what `make install` adds."""
import json
import os
import re
import signal
import subprocess

from plumbtest import DEMO, PLUMB, ROOT, TEMP, Skip, case, main, plumb, write

BENCH = os.path.join(ROOT, "fixtures", "rigs", "usb-bench.yaml")
SHIM = os.path.join(ROOT, os.environ.get("PLUMB_BUILD", "build"), "usbip")


class Served:
    """`plumb twin serve` with options; .said is what it printed up to the line that `until` matches."""

    def __init__(self, until, *options):
        self.until = until
        self.p = subprocess.Popen([PLUMB, "twin", "serve", *options], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = ""

    def __enter__(self):
        for raw in self.p.stdout:
            self.said += raw.decode()
            if re.search(self.until, self.said, re.M):
                return self
        raise AssertionError("serve ended: " + self.p.stderr.read().decode())

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])


def probe(*words, env=None, expect=0):
    code, out, err = plumb("scan", "--probe", *words, "--json", env=env)
    assert code == expect, (code, out, err)
    return json.loads(out)


def found(answer, bus=0):
    """What is on a bus: {address: hit}."""
    return {hit["address"]: hit for hit in answer["buses"][bus]["found"]}


@case
def the_demo_rack_is_all_there():
    answer = probe("--on", DEMO)
    assert (answer["missing"], answer["unexpected"], answer["failed"]) == (0, 0, 0), answer
    _, out, _ = plumb("rig", "--json")
    rig = json.loads(out)
    gpio = {b["name"] for b in rig["buses"] if b["kind"] == "gpio"}
    hits = {hit["expected"]: hit for bus in answer["buses"] for hit in bus["found"]}
    assert set(hits) == {d["name"] for d in rig["devices"] if d["bus"] not in gpio}
    assert hits["psu-a"]["what"] == "PMBus 1.2: PLUMBLINE TWIN-PSU-5500" and hits["load-3"]["map"] == "load-bank", hits
    code, out, err = plumb("scan", "--probe", "--on", DEMO, "i2c-power")
    assert code == 0 and re.search(r"^  0x58  as expected psu-a \(psu-pmbus\), PMBus 1\.2: PLUMBLINE", out, re.M) and "i2c-m1" not in out, out + err
    assert err == "", err  # no terminal: no progress


@case
def what_a_rig_expects_and_what_is_there_may_differ():
    socket = os.path.join(TEMP, "rack.sock")
    with Served(r"^  socket", "--rig", BENCH, "--socket", socket):
        text = open(BENCH).read().replace("adapter: i2c-tiny-usb", f"adapter: twin-remote, socket: {socket}").replace("address: 0x58", "address: 0x59")
        text = re.sub(r"usb: .*?\n\n", "\n", text, flags=re.S)
        rig = write("moved.yaml", text)
        answer = probe("--on", rig, expect=1)
        hits = found(answer)
        assert (answer["missing"], answer["unexpected"]) == (1, 1), answer
        assert not hits[0x59]["answers"] and hits[0x59]["expected"] == "psu-a" and hits[0x58]["answers"] and "expected" not in hits[0x58], hits
        code, out, _ = plumb("scan", "--probe", "--on", rig)
        assert code == 1 and re.search(r"^  0x58  UNEXPECTED  PMBus", out, re.M) and re.search(r"^  0x59  MISSING     psu-a", out, re.M), out
    assert probe("--on", rig, expect=3)["failed"] == 1  # nobody listens any more


@case
def units_are_found_on_a_serial_line_and_over_tcp():
    link = os.path.join(TEMP, "scan-rtu")
    with Served(r"^  Modbus TCP \S+(.|\n)*^  Modbus RTU|^  Modbus RTU(.|\n)*^  Modbus TCP \S+", "--rtu", link, "--tcp", "127.0.0.1:0") as served:
        answer = probe("--rtu", link, "--baud", "19200", "--parity", "none", "--units", "10-14", "--timeout", "300ms")
        units = found(answer)
        assert answer["buses"][0]["at"] == link and answer["buses"][0]["asked"] == 5 and units[12]["answers"] and units[12]["map"] == "orv3-rpu", answer
        tcp = re.search(r"Modbus TCP (\S+)", served.said)[1]
        units = found(probe("--tcp", tcp, "--units", "20-29"))
        assert [u for u in units if 21 <= u <= 28 and units[u]["map"] == "load-bank"] == list(range(21, 29)), units
        code, out, err = plumb("scan", "--probe", "--rtu", link, "--units", "12", "--baud", "12345")
        assert code == 2 and "baud" in err, (code, out, err)


@case
def progress_is_shown_on_a_terminal_and_a_scan_can_be_ended():
    link = os.path.join(TEMP, "slow-rtu")
    with Served(r"^  Modbus RTU", "--rtu", link, "--tcp", "127.0.0.1:0"):
        ours, theirs = os.openpty()
        p = subprocess.Popen([PLUMB, "scan", "--probe", "--rtu", link, "--parity", "none", "--json"], cwd=ROOT, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b""
        while not re.search(rb"rtu-1: (\d\d) of 247 asked, 1 found", shown):
            shown += os.read(ours, 200)
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate(timeout=20)
        os.close(ours)
        bus, = json.loads(out)["buses"]
        assert p.returncode == 4 and bus["status"] == "E_CANCELLED" and "stopped at unit" in bus["cause"], (p.returncode, out)
        assert [hit["address"] for hit in bus["found"]] == [12], bus


@case
def usb_adapters_are_listed_and_asked():
    if not os.path.exists(os.path.join(SHIM, "libusb-1.0.so.0")):
        raise Skip("the stand-in for libusb is not built (make usbip-shim)")
    with Served(r" attach -r ", "--rig", BENCH, "--usbip", "127.0.0.1:0") as served:
        env = dict(os.environ, PLUMBLINE_USBIP=re.search(r"USB/IP (\S+)", served.said)[1], LD_LIBRARY_PATH=SHIM)
        code, out, err = plumb("scan", "--json", env=env)
        assert code == 0, err
        adapter, = json.loads(out)["usb"]
        assert (adapter["name"], adapter["chip"], adapter["id"], adapter["adapter"]) == ("1-1", "i2c-tiny-usb", "0403:c631", "i2c-tiny-usb"), adapter
        code, out, err = plumb("scan", env=env)
        assert code == 0 and re.search(r"^  1-1 +i2c-tiny-usb", out, re.M), out
        hits = found(probe(env=env))
        assert set(hits) == {0x4F, 0x58} and "INA238" in hits[0x4F]["what"] and "TWIN-PSU-5500" in hits[0x58]["what"], hits
        hits = found(probe("--on", BENCH, env=env))
        assert {h["expected"] for h in hits.values()} == {"psu-a", "monitor-bar"}, hits
        rig = os.path.join(TEMP, "new-rig.yaml")
        code, out, err = plumb("scan", "--as-rig", rig, env=env)
        assert code == 0, err
        code, out, err = plumb("check", "--rig", rig)
        assert code == 0 and "1 buses" in out, out + err
        code, _, err = plumb("scan", "--as-rig", rig, env=env)
        assert code == 2 and "File exists" in err, (code, err)
        code, out, err = plumb("doctor", "--rig", BENCH, "--json", env=env)
        assert code == 0 and [f for f in json.loads(out)["findings"] if f["topic"] == "rig" and f["level"] == "ok"], out


@case
def a_channel_that_may_be_a_console_is_asked_only_when_named():
    if not os.path.exists(os.path.join(SHIM, "libusb-1.0.so.0")):
        raise Skip("the stand-in for libusb is not built (make usbip-shim)")
    with Served(r" attach -r ", "--rig", os.path.join(ROOT, "fixtures", "rigs", "demo-rack-usb.yaml"), "--usbip", "127.0.0.1:0") as served:
        env = dict(os.environ, PLUMBLINE_USBIP=re.search(r"USB/IP (\S+)", served.said)[1], LD_LIBRARY_PATH=SHIM)
        code, out, err = plumb("scan", "--probe", "--json", env=env)
        answer = json.loads(out)
        assert code == 0 and {b["at"]: {h["address"] for h in b["found"]} for b in answer["buses"]} == {"PLC1": {0x40, 0x4F}, "PLC2": {0x41}}, out + err
        assert re.search(r"not asked: i2c-1 \(ftdi-mpsse, PLH1\)", err) and re.search(r"not asked: i2c-4 \(ftdi-mpsse, PLQ1\)", err), err
        rig = os.path.join(TEMP, "found.yaml")
        code, _, err = plumb("scan", "--as-rig", rig, env=env)
        assert code == 0, err
        assert set(found(probe("--on", rig, "i2c-1", env=env))) == {0x10, 0x11, 0x58, 0x59}


def machine(name):
    """A folder with an FT4232H without udev rules: channel C's port waits 16 ms."""
    top = os.path.join(TEMP, name)
    chip = os.path.join(top, "sys/devices/usb1/1-1")
    port = os.path.join(chip, "1-1:1.2/ttyUSB0")
    for path, text in ((f"{chip}/idVendor", "0403"), (f"{chip}/idProduct", "6011"), (f"{chip}/serial", "PLQ1"), (f"{chip}/busnum", "1"),
                       (f"{chip}/devnum", "4"), (f"{chip}/1-1:1.2/bInterfaceNumber", "02"), (f"{port}/latency_timer", "16"),
                       (f"{top}/etc/group", "plugdev:x:46:"), (f"{top}/dev/bus/usb/001/004", ""), (f"{top}/dev/ttyUSB0", "")):
        write(os.path.relpath(path, TEMP), text + "\n")
    for link, target in ((f"{top}/sys/bus/usb/devices/1-1", chip), (f"{top}/sys/class/tty/ttyUSB0/device", port)):
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(target, link)
    return top


@case
def a_machine_in_a_folder():
    top = machine("lab-pc")
    code, out, err = plumb("scan", "--root", top)
    assert code == 0 and re.search(r"^  1-1 +FT4232H +serial PLQ1$", out, re.M), out + err
    assert re.search(r"^  /dev/ttyUSB0 +FT4232H +serial PLQ1, USB path 1-1, interface 2, latency timer 16 ms$", out, re.M), out
    code, out, err = plumb("scan", "--root", top, "--as-rig", "-")
    rig = write("lab-pc.yaml", out)
    code, out, err = plumb("check", "--rig", rig)
    assert code == 0 and "3 buses" in out, out + err
    code, out, err = plumb("doctor", "--root", top, "--rig", rig)
    assert code == 0, out + err
    for words in ("warning  latency timer", "fix: echo 1 | sudo tee /sys/class/tty/ttyUSB0/device/latency_timer", "warning  udev rules"):
        assert words in out, (words, out)
    os.unlink(os.path.join(top, "sys/bus/usb/devices/1-1"))
    code, out, err = plumb("doctor", "--root", top, "--rig", rig, "--json")
    errors = [f for f in json.loads(out)["findings"] if f["level"] == "error"]
    assert code == 3 and len(errors) == 2 and all("serial PLQ1" in f["text"] and f["fix"] for f in errors), out + err


@case
def this_machine():
    code, out, err = plumb("doctor", "--json")
    answer = json.loads(out)
    assert code == (3 if answer["errors"] else 0), (code, err)
    assert {"permissions", "clock", "real time", "udev rules"} <= {f["topic"] for f in answer["findings"]}, out
    assert all(f["fix"] for f in answer["findings"] if f["level"] == "error"), out
    code, out, err = plumb("scan", "--json")
    assert set(json.loads(out)) == {"usb", "i2c", "gpio", "serial"}, out


@case
def mistakes_are_told_before_anything_is_asked():
    for words, says in ((("--on", DEMO), "add --probe"), (("--probe", "--on", DEMO, "i2c-pover"), "did you mean 'i2c-power'"),
                        (("--probe", "--on", DEMO, "lines-m1"), "no addresses to ask"), (("--probe", "--tcp", "x", "--units", "9-3"), "--units '9-3'"),
                        (("--probe", "--tcp", "x", "--units", "0"), "--units '0'"), (("--probe", "--tcp", "x", "--units", "1-256"), "0 to 255"),
                        (("--probe", "--tcp", "x", "--timeout", "5"), "--timeout"), (("--probe", "--tcp", "x", "--baud", "9600"), "setting of --rtu"),
                        (("--probe", "--on", DEMO, "--rtu", "x"), "one of the two"), (("psu",), "--on RIGFILE"), (("--probe", "--root", "/"), "neither"),
                        (("--probe", "--on", "nowhere.yaml"), "nowhere.yaml"), (("--probe", "--rtu", "x", "--register", "0x1ffff"), "0 to 65535")):
        code, out, err = plumb("scan", *words)
        assert code == 2 and says in err, (words, code, out, err)
    code, _, err = plumb("scan", "--probe", "--rtu", "/dev/no-such-port", "--units", "1")
    assert code == 3, err


@case
def install_brings_the_udev_rules():
    top = os.path.join(TEMP, "installed")
    makefile = open(os.path.join(ROOT, "Makefile")).read()
    recipe = re.search(r"^install:.*\n((?:\t.*\n)+)", makefile, re.M)[1]  # alone: the build is not this test's
    alone = write("install.mk", f"ROOT := .\nBUILD := {os.path.dirname(PLUMB)}\ninstall:\n{recipe}")
    p = subprocess.run(["make", "-s", "-f", alone, "install", f"DESTDIR={top}", "PREFIX=/usr"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=100)
    assert p.returncode == 0, p.stdout.decode()
    rules = open(os.path.join(top, "lib/udev/rules.d/70-plumbline.rules")).read()
    for group in ("plugdev", "i2c", "gpio", "dialout"):
        assert f'GROUP="{group}"' in rules, group
    assert rules.count('TAG+="uaccess"') >= 10 and 'ATTR{latency_timer}="1"' in rules
    assert os.access(os.path.join(top, "usr/bin/plumb"), os.X_OK)


main()
