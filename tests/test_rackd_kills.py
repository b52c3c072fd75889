#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rackd, killed (SIGKILL) at random moments over its procedures, against the demo rack in a process of its own. What it acknowledged is in its store, no power is
switched after a restart before somebody has looked, and the rack was told no power action that the store did not say before.
RACKD_KILLS=500 for more of them (20), RACKD_SEED for others. (Without HTTP, and faster: control/procedure/test_kills.)"""
import base64
import collections
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

from plumbtest import PLUMB, ROOT, TEMP, Skip, case, main, write
from rack import Rack

RACKD = os.path.join(os.path.dirname(PLUMB), "rackd")
KILLS, SEED = int(os.environ.get("RACKD_KILLS", 20)), int(os.environ.get("RACKD_SEED", 1))
CSUS = [f"csu-{i}" for i in range(1, 9)]
POWER = {"hot-swap": {"power-down", "power-up"}, "power-on": {"power-up"}, "power-off": {"power-down"}, "restart": {"reset", "release"}, "evacuate": {"power-down"},
         "failover-csu": {"path-off", "retry"}, "failover-module": {"paths-off"}, "failover-psu": {"wake", "shed"}, "failover-loop": {"power-down"}}


class Stack:
    def __init__(self, rig, state):
        read, ready = os.pipe()
        secret = write("password", "plumb-line-1\n")
        os.chmod(secret, 0o600)
        self.p = subprocess.Popen([RACKD, "--rig", rig, "--listen", "127.0.0.1:0", "--plain", "--state", state, "--user", "admin", "--password-file", secret, "--rate", "0",
                                   "--ready-fd", str(ready)], cwd=ROOT, pass_fds=[ready], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.close(ready)
        with os.fdopen(read) as f:
            self.url = f.readline().strip()

    def ask(self, method, path, body=None):
        """(status, body); (0, None): it is dead."""
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body is not None else None)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:plumb-line-1").decode())
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"{}")
        except OSError:
            return 0, None

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.communicate(timeout=20)
        assert self.p.returncode == -signal.SIGKILL, (self.p.returncode, "it ended by itself")


def start(rig, state):
    """A rack may hold the lines of one that was killed for another moment."""
    for _ in range(100):
        stack = Stack(rig, state)
        if stack.url:
            return stack
        err = stack.p.communicate(timeout=20)[1].decode(errors="replace")
        assert "Sanitizer" not in err, err[:3000]
        if stack.p.returncode == 2 and "until" in err:
            raise Skip("rackd does not serve yet")
    raise AssertionError("rackd does not start: " + err)


def any_work(stack, rack, rng):
    csu = rng.choice(CSUS)
    what = rng.choice(["On", "On", "ForceOff", "ForceRestart", "swap"])
    if what == "swap":
        status, _ = stack.ask("PATCH", f"/redfish/v1/Chassis/{csu}", {"ReadyToRemove": True})
    else:
        status, _ = stack.ask("POST", f"/redfish/v1/Systems/{csu}/Actions/ComputerSystem.Reset", {"ResetType": what})
    return status in (200, 202, 204)


def be_person(stack, rack):
    for csu in CSUS:
        status, chassis = stack.ask("GET", f"/redfish/v1/Chassis/{csu}")
        if status == 200 and chassis.get("ReadyToRemove"):
            assert rack.truth(csu, "vout") < 5, f"{csu} is ready to be pulled, and live"
            rack.tell("act", csu, "remove")
        elif status == 200 and chassis["Status"]["State"] == "Absent":
            rack.tell("act", csu, "insert")


class Judge:
    """Reads what is new in the store after each kill: the store itself forgets procedures before the last 1,000."""

    def __init__(self, store, rack):
        self.store, self.rack, self.row = store, rack, 0
        self.kinds, self.states, self.looked, self.meant = {}, {}, {}, collections.Counter()

    def look(self):
        """(procedures by state, power actions, why some failed)."""
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        rows = list(db.execute("SELECT id, kind, state, item || ' ' || step || ': ' || message FROM procedure"))
        lost = [i for i in self.kinds if i > max(self.kinds) - 900] if self.kinds else []
        assert {row[0] for row in rows}.issuperset(lost), f"lost: {set(lost) - {row[0] for row in rows}}"
        for number, kind, state, why in rows:
            self.kinds[number], self.states[number] = kind, (state, why)
        for self.row, p, step, what, detail in db.execute("SELECT id, procedure, step, what, detail FROM trail WHERE id > ? ORDER BY id", (self.row,)):
            if what == "resumed":
                self.looked[p] = "between" in detail
            elif what in ("looked", "began", "undo"):
                self.looked[p] = True
            elif what == "command":
                self.meant[detail] += 1
                blind = not self.looked.get(p, True) and step in POWER.get(self.kinds.get(p), ())
                assert not blind, f"{self.kinds.get(p)} {p}, {step}: {detail} after a restart without a look"
        db.close()
        told = told_power(self.rack)
        for what, times in told.items():
            assert times <= self.meant[what], f"{what}: the rack was told so {times} times, and the store says {self.meant[what]}"
        failed = [f"{self.kinds[i]} {why}" for i, (state, why) in self.states.items() if state == "failed"]
        return collections.Counter(state for state, _ in self.states.values()), sum(told.values()), failed


def told_power(rack):
    told = collections.Counter()
    for _, device, what in rack.told():
        if re.match(r"connector-\d", device) and what.startswith("power-enable "):
            told[f"{device}.power-enable={what[-1]}"] += 1
        elif re.match(r"hsc-\d", device) and re.match(r"i2c 01 (00|80)", what):
            told[f"{device}.on={int(what[7:9] == '80')}"] += 1
    return told


@case
def killed_at_random_moments_over_all_procedures():
    if not os.path.exists(RACKD):
        raise Skip("no rackd in this build")
    rng, state = random.Random(SEED), os.path.join(TEMP, "state")
    with Rack() as rack:
        rig, judge = rack.rig(interlock=False), Judge(os.path.join(state, "rackd.db"), rack)
        for _ in range(KILLS):
            stack = start(rig, state)
            end = time.monotonic() + rng.choice([0, 0.5, 5]) * rng.random()
            while time.monotonic() < end:
                any_work(stack, rack, rng)
                be_person(stack, rack)
            stack.kill()
            judge.look()
        stack = start(rig, state)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            be_person(stack, rack)
            _, tasks = stack.ask("GET", "/redfish/v1/TaskService/Tasks?$expand=.")
            if tasks["Members"] and not [t for t in tasks["Members"] if t.get("TaskState") in ("New", "Running", "Starting", "Cancelling")]:
                break  # (none at all: those from before have not been taken up yet)
        stack.kill()
        states, actions, why = judge.look()
        print(f"{KILLS} kills: {dict(states)}, {actions} power actions, 0 blind, 0 without their intent in the store")
        assert not why, "\n".join(why)
        assert states["completed"] and actions and not states["running"] and not states["rolling-back"], states
        for csu in CSUS:
            assert rack.truth(csu, "hot_breaks") == 0, csu


main()
