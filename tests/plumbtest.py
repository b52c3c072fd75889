# SPDX-License-Identifier: Apache-2.0
"""What the test scripts share: running plumb, and one line a case (`ok`, `not ok`, `skip`)."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLUMB = os.environ.get("PLUMB", os.path.join(ROOT, os.environ.get("PLUMB_BUILD", "build"), "plumb"))
DEMO = os.path.join(ROOT, "fixtures", "rigs", "demo-rack.yaml")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
TEMP = tempfile.mkdtemp(prefix="case-", dir=os.environ.get("TMPDIR"))
SANITIZED = any(s in os.environ.get("PLUMB_BUILD", "") for s in ("asan", "tsan"))

_cases = []


class Skip(Exception):
    pass


def case(fn):
    _cases.append(fn)
    return fn


def plumb(*args, timeout=100, **kw):
    """Runs plumb; returns (exit code, stdout, stderr)."""
    p = subprocess.run([PLUMB, *map(str, args)], cwd=kw.pop("cwd", ROOT), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=timeout, **kw)
    out, err = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    assert "Sanitizer" not in err, err[:3000]
    return p.returncode, out, err


def write(name, text):
    path = os.path.join(TEMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def out_dir(name):
    return os.path.join(TEMP, "out", name)


def journal(folder):
    with open(os.path.join(folder, "journal.jsonl")) as f:
        return [json.loads(line) for line in f]


def artifacts(lines, kind):
    """The objects of one kind of step or run artifact, in order."""
    return [a[kind] for a in (line.get("testStepArtifact") or line.get("testRunArtifact") or {} for line in lines) if kind in a]


def demo_rig(name, *changes):
    """A copy of the demo rack with (old, new) replaced; each old must be there."""
    text = open(DEMO).read()
    for old, new in changes:
        assert old in text, f"the demo rack has no {old!r}"
        text = text.replace(old, new, 1)
    return write(name, text)


class Stalls:
    """How long a core of this machine did nothing for a thread that only wanted to wake: an interlock that runs in real time rightly trips on it, as it
    cannot see. One look a core, each TICK_S."""

    TICK_S, LONG_S = 0.01, 0.1

    def __init__(self):
        self.longest_s = 0.0
        for core in os.sched_getaffinity(0):
            threading.Thread(target=self._look, args=(core,), daemon=True).start()

    def _look(self, core):
        try:
            os.sched_setaffinity(0, {core})  # this thread only
        except OSError:
            pass
        before = time.monotonic()
        while True:
            time.sleep(self.TICK_S)
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - before - self.TICK_S)
            before = now

    def take(self):
        """The longest since the last asking; 0 where none was long enough to matter."""
        longest_s, self.longest_s = self.longest_s, 0.0
        return longest_s if longest_s >= self.LONG_S else 0.0


def attempt(fn, name):
    """None: it passed or was skipped; otherwise what went wrong."""
    try:
        fn()
        print(f"ok {name}", flush=True)
    except Skip as why:
        print(f"skip {name}: {why}", flush=True)
    except Exception as e:  # noqa: BLE001 - a test's failure, whatever it is
        tail = traceback.format_exc().strip().splitlines()[-6:]
        return "\n".join([f"not ok {name}: {e}", *("    " + line for line in tail)])
    return None


def main():
    """Runs every case; once more, with fresh out folders, one that failed while the machine stood still, which is told."""
    failed, stalls = 0, Stalls()
    for fn in _cases:
        name = fn.__name__.replace("_", " ")
        stalls.take()
        wrong = attempt(fn, name)
        stalled_s = stalls.take()
        if wrong and stalled_s:
            print(f"again {name}: the machine stood still for {1000 * stalled_s:.0f} ms while it failed:\n    {wrong}", flush=True)
            if os.path.exists(out_dir("")):
                os.rename(os.path.dirname(out_dir("")), tempfile.mkdtemp(prefix="first-", dir=TEMP) + "/out")
            wrong = attempt(fn, name)
        if wrong:
            failed += 1
            print(wrong, flush=True)
    sys.exit(1 if failed else 0)
