# SPDX-License-Identifier: Apache-2.0
"""The virtual rack in a process of its own, for tests that need one which outlives a run."""
import os
import re
import signal
import subprocess

from plumbtest import DEMO, PLUMB, ROOT, TEMP, plumb, write


class Rack:
    """A rack in a process of its own: .socket, .tcp, .rtu, and .writes, the file of what it was told."""

    def __init__(self, *more, name="rack"):
        self.socket = os.path.join(TEMP, f"{name}.sock")
        self.rtu = os.path.join(TEMP, f"{name}-rtu")
        self.writes = os.path.join(TEMP, f"{name}-writes.csv")
        self.start("127.0.0.1:0", *more)

    def start(self, tcp, *more):
        if os.path.islink(self.rtu):  # of one that was killed: the number of its terminal may be another program's by now
            os.remove(self.rtu)
        self.p = subprocess.Popen([PLUMB, "twin", "serve", "--socket", self.socket, "--tcp", tcp, "--rtu", self.rtu, "--writes", self.writes, *more], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        for raw in self.p.stdout:
            m = re.search(r"Modbus TCP (\S+)", raw.decode())
            if m:
                self.tcp = m.group(1)
            if raw.startswith(b"  socket"):
                return self
        raise AssertionError("serve ended: " + self.p.stderr.read().decode())

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGINT)
        _, err = self.p.communicate(timeout=20)
        assert self.p.returncode == 0 and b"Sanitizer" not in err, (self.p.returncode, err[:3000])
        assert not os.path.exists(self.socket)

    def tell(self, *words):
        return plumb("twin", *words, "--socket", self.socket)

    def truth(self, part, port):
        code, out, err = self.tell("truth", part, port)
        assert code == 0, err
        return float(out)

    def rig(self, name="remote.yaml", control=True, interlock=True):
        """The demo rack with all its buses on this rack. interlock False: without its rules and what belongs to it, which trip on a machine that is too busy."""
        text = open(DEMO).read()
        text = text.replace("adapter: twin, speed: 400 kHz", f"adapter: twin-remote, socket: {self.socket}")
        text = text.replace("adapter: twin}", f"adapter: twin-remote, socket: {self.socket}}}")
        text = text.replace("port: twin", f"port: {self.rtu}").replace("host: twin", f"host: '{self.tcp}'")
        text = text.replace("  period: 100 ms", "  period: 50 ms")  # a rack behind a socket is not as near as one in this process
        if not interlock:
            text = re.sub(r"^  - \{name: \S+-trip, .*\n", "", text, flags=re.M)
            text = re.sub(r"^  - \{name: .*owner: interlock.*\n", "", text, flags=re.M)
            text = re.sub(r"^interlock:.*\n(?:(?: .*)?\n)*", "", text, flags=re.M)
            assert "interlock:" not in text and "-trip" not in text, re.findall(r".*interlock.*|.*-trip.*", text)
        return write(name, text + (f"\ntwin-socket: {self.socket}\n" if control else ""))

    def told(self):
        """[(monotonic ns, device, what)] so far."""
        with open(self.writes) as f:
            rows = [line.split(",", 2) for line in f.read().split("\n")[:-1]]
        return [(int(at), device, what) for at, device, what in rows]
