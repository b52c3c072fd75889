# SPDX-License-Identifier: Apache-2.0
"""rackd in a process of its own, and the little of HTTP that tests need to speak with it."""
import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time

from plumbtest import DEMO, PLUMB, ROOT, TEMP, SANITIZED

RACKD = os.environ.get("RACKD", os.path.join(os.path.dirname(PLUMB), "rackd"))
PASSWORD = "correct horse 42"
SLOW = 4 if SANITIZED else 1


class Rackd:
    """Started when made; `with` ends it. .url, .out (what it printed until it was ready)."""

    def __init__(self, *more, rig=DEMO, plain=True, state=None, password=PASSWORD, program=RACKD):
        self.state = state or tempfile.mkdtemp(prefix="rackd-", dir=TEMP)
        # No limit of requests: who waits here (until) asks as fast as it is answered. control/web/test_web.c tests the limit.
        words = [program, "--rig", rig, "--listen", "127.0.0.1:0", "--state", self.state, "--rate", "0"]
        if plain:
            words.append("--plain")
        if password:
            path = os.path.join(self.state, "password")
            with open(path, "w") as f:
                f.write(password + "\n")
            words += ["--password-file", path]
        back, ready = os.pipe()
        self.said = tempfile.TemporaryFile(dir=TEMP)
        self.wrong = tempfile.TemporaryFile(dir=TEMP)
        self.begun = time.monotonic()
        self.p = subprocess.Popen([*words, "--ready-fd", str(ready), *map(str, more)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.wrong, pass_fds=(ready,))
        os.close(ready)
        with os.fdopen(back) as f:
            self.url = f.readline().strip()
        self.started_s = time.monotonic() - self.begun
        self.token = None
        if not self.url:
            self.p.wait(20)
            raise AssertionError(f"rackd ended with {self.p.returncode}: {self.errors()}")
        self.host, self.port = self.url.split("//")[1].rsplit(":", 1)

    def errors(self):
        self.wrong.seek(0)
        return self.wrong.read().decode(errors="replace")

    def printed(self):
        self.said.seek(0)
        return self.said.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.end()

    def end(self, how=signal.SIGTERM):
        if self.p.poll() is None:
            self.p.send_signal(how)
        code = self.p.wait(60)
        text = self.errors()
        assert "Sanitizer" not in text and "runtime error" not in text, text[:4000]
        assert code == (0 if how == signal.SIGTERM else -how), (code, text)
        return text

    def connection(self, timeout=30):
        if self.url.startswith("https"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, int(self.port), timeout=timeout * SLOW, context=context)
        return http.client.HTTPConnection(self.host, int(self.port), timeout=timeout * SLOW)

    def ask(self, method, path, body=None, headers=None, auth=True):
        """(status, parsed body or None, headers)."""
        more = dict(headers or {})
        if auth and self.token:
            more.setdefault("X-Auth-Token", self.token)
        elif auth:
            more.setdefault("Authorization", "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode())
        if body is not None and not isinstance(body, bytes):
            body, more["Content-Type"] = json.dumps(body).encode(), "application/json"
        c = self.connection()
        try:
            c.request(method, path, body, more)
            answer = c.getresponse()
            text = answer.read()
        finally:
            c.close()
        return answer.status, json.loads(text) if text and "json" in answer.headers.get("Content-Type", "") else None, answer.headers

    def get(self, path):
        status, body, _ = self.ask("GET", path)
        assert status == 200, (path, status, body)
        return body

    def login(self, user="admin", password=PASSWORD):
        status, body, headers = self.ask("POST", "/redfish/v1/SessionService/Sessions", {"UserName": user, "Password": password}, auth=False)
        if status == 201:
            self.token = headers["X-Auth-Token"]
        return status

    def patch(self, path, change):
        status, _, headers = self.ask("GET", path)
        assert status == 200, (path, status)
        return self.ask("PATCH", path, change, {"If-Match": headers["ETag"]} if headers.get("ETag") else {})

    def until(self, path, want, within=30, what=""):
        """Asks until want(body). The answers take their own time; nothing is slept for."""
        end = time.monotonic() + within * SLOW
        while True:
            body = self.get(path)
            if want(body):
                return body
            assert time.monotonic() < end, f"{what or path}: not within {within} s: {json.dumps(body)[:1500]}"

    def power_on(self, csu, within=60):
        """Asks until it may (just after a start no pump runs yet), and waits until what switches it on is over."""
        uri, end = f"/redfish/v1/Chassis/{csu}", time.monotonic() + within * SLOW
        chassis = self.get(uri)
        while chassis["PowerState"] != "On":
            status, body, _ = self.ask("POST", chassis["Actions"]["#Chassis.Reset"]["target"], {"ResetType": "On"})
            if status in (200, 202, 204):
                break
            assert status == 503 and time.monotonic() < end, (status, body)
        return self.until(uri, lambda c: c["Status"]["State"] == "Enabled" and not c["Oem"]["Plumbline"]["Procedure"], within, f"{csu} works")
