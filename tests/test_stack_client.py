#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stack at a URL: TLS and pins, sessions, deadlines, bounded answers, events over a stream that breaks. The stack is a small one of this file."""
import base64
import hashlib
import json
import os
import re
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from plumbtest import TEMP, artifacts, case, journal, main, out_dir, plumb, write

PASSWORD = "not on the command line"
SECRET = write("password", PASSWORD + "\n")


# Without an interlock, whose thread a machine that is busy with other tests would hold up.
RIG = write("small.yaml", """rig: small
about: one slot, and what the bench has there
buses:
  - {name: i2c-power, kind: i2c, adapter: twin, speed: 400 kHz}
  - {name: i2c-bench, kind: i2c, adapter: twin, speed: 400 kHz}
  - {name: lines, kind: gpio, adapter: twin}
parts:
  - {name: busbar, kind: busbar}
  - {name: psu-a, kind: psu, location: left shelf, busbar: busbar}
  - {name: csu-1, kind: csu, location: slot 1, busbar: busbar, loop: loop}
  - {name: loop, kind: loop}
  - {name: rpu, kind: pump-unit, loop: loop}
devices:
  - {name: psu-a, driver: psu-pmbus, bus: i2c-power, address: 0x58, part: psu-a, owner: stack, safe: {on: true}}
  - {name: hsc-1, driver: hsc-adm1272, bus: i2c-power, address: 0x10, shunt: 0.5 mohm, part: csu-1, owner: stack, safe: {on: false}}
  - {name: connector-1, driver: connector, bus: lines, part: csu-1, owner: stack, safe: {power-enable: false}, present: "!PRSNT_N", power-enable: PWR_EN, power-good: PWR_GOOD}
  - {name: monitor-1, driver: monitor-ina238, bus: i2c-bench, address: 0x40, shunt: 0.5 mohm, part: csu-1, owner: bench}
""")


def make_certificate(name):
    cert, key = os.path.join(TEMP, name + ".pem"), os.path.join(TEMP, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=rackd",
                    "-days", "2"], check=True, capture_output=True)
    der = ssl.PEM_cert_to_DER_cert(open(cert).read())
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "der"], check=True, capture_output=True).stdout
    return cert, key, hashlib.sha256(der).hexdigest(), "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


CERT, KEY, FINGERPRINT, KEY_PIN = make_certificate("own")
_, _, OTHER_FINGERPRINT, OTHER_KEY_PIN = make_certificate("other")


class Stack:
    """what: "huge", "deep", "slow", "no-session", "no-stream", "cut", "lost", "flat"; whoever asks is noted."""

    def __init__(self, what="", tls=True):
        self.what, self.asked, self.sessions, self.ids, self.streams, self.last_ids = what, [], 0, 0, 0, []
        stack = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def say(self, status, body=None, headers=()):
                data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def note(self):
                size = int(self.headers.get("Content-Length") or 0)
                self.body = self.rfile.read(size)
                stack.asked.append((self.command, self.path, self.headers.get("X-Auth-Token")))

            def do_POST(self):
                self.note()
                given = json.loads(self.body)
                if stack.what == "no-session" or given != {"UserName": "tester", "Password": PASSWORD}:
                    return self.say(401, {"error": {"@Message.ExtendedInfo": [{"Message": "who are you?"}]}})
                stack.sessions += 1
                self.say(201, {"Id": "1"}, [("X-Auth-Token", "a-token"), ("Location", stack.url + "/redfish/v1/SessionService/Sessions/1")])

            def do_DELETE(self):
                self.note()
                stack.sessions -= 1
                self.say(204)

            def stream(self):
                stack.streams += 1
                stack.last_ids.append(self.headers.get("Last-Event-ID"))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.flush()
                end = time.monotonic() + (0.3 if stack.what == "cut" else 20)
                while time.monotonic() < end and not stack.closing.wait(0.05):
                    stack.ids += 2 if stack.what == "lost" and stack.ids == 2 else 1
                    event = {"Id": str(stack.ids), "Events": [{"EventId": str(stack.ids), "MessageId": "ResourceEvent.1.4.ResourceChanged", "Message": "x",
                                                               "MessageSeverity": "OK", "OriginOfCondition": {"@odata.id": "/redfish/v1/Chassis/csu-1"}}]}
                    try:
                        self.wfile.write(f": hello\nid: {stack.ids}\ndata: {json.dumps(event)}\n\n".encode())
                        self.wfile.flush()
                    except OSError:
                        return
                self.close_connection = True

            def do_GET(self):
                self.note()
                if self.path in ("/redfish", "/redfish/v1/"):
                    return self.say(200, {"RedfishVersion": "1.20.0", "Product": "of the test", "Chassis": {"@odata.id": "/redfish/v1/Chassis"}})
                if self.headers.get("X-Auth-Token") != "a-token":
                    return self.say(401, {})
                if self.path == "/redfish/v1/EventService":
                    return self.say(200, {} if stack.what == "no-stream" else {"ServerSentEventUri": "/redfish/v1/EventService/SSE"})
                if self.path == "/redfish/v1/EventService/SSE":
                    return self.stream()
                if self.path == "/redfish/v1/Chassis":
                    return self.say(200, {"Members": [{"@odata.id": "/redfish/v1/Chassis/csu-1"}]})
                if stack.what == "slow":
                    stack.closing.wait(3)
                if stack.what == "huge":
                    return self.say(200, b'{"a":"' + b"x" * (9 << 20) + b'"}')
                if stack.what == "deep":
                    return self.say(200, b'{"a":' * 100 + b"1" + b"}" * 100)
                self.say(200, {"Id": "csu-1", "Status": {"State": "Enabled"}})

        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever gave up waiting
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERT, KEY)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


def sequence(name, body, head=""):
    return write(name + ".lua", f'sequence "{name}" {{ about = "x", stack = true, needs = {{ slot = "csu" }}{head} }}\nstep("s", function()\n  {body}\nend)\n')


ASKS = sequence("asks", "if stack.is_embedded then return end\n  check('state', stack.chassis(rig.slot).state == 'Enabled')")
HEARS = sequence("hears", "if stack.is_embedded then return end\n  stack:await{ message = 'ResourceChanged', origin = rig.slot, within = seconds(5) }\n  wait(seconds(1))")


def run(name, stack, seq, *more, user="tester", env=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLUMBLINE_STACK")}
    environment.update(env or {})
    args = ["run", seq, "--rig", RIG, "--stack", stack.url, "--stack-user", user, "--time", "real", "--out", out_dir(name), *more]
    return plumb(*args, env=environment)


def asks(name, stack, *more, want=0, **kw):
    code, out, err = run(name, stack, ASKS, *(more or ("--stack-pin", KEY_PIN, "--stack-password", SECRET)), **kw)
    assert code == want, (code, want, out[-1500:], err)
    return out + err


def findings(name):
    return [d for d in artifacts(journal(out_dir(name)), "diagnosis") if d["type"] == "FAIL"]


@case
def session_is_opened_with_a_pinned_key_and_deleted_at_the_end():
    with Stack() as stack:
        text = asks("pinned", stack)
        assert stack.sessions == 0, "the session was left open"
        assert ("DELETE", "/redfish/v1/SessionService/Sessions/1", "a-token") in stack.asked
        record = open(os.path.join(out_dir("pinned"), "journal.jsonl")).read()
        assert PASSWORD not in record + text and "a-token" not in record, "a secret is in the record"
        assert "of the test, Redfish 1.20.0" in record


@case
def certificate_itself_may_be_pinned_in_every_spelling():
    with Stack() as stack:
        spaced = ":".join(re.findall("..", FINGERPRINT.upper()))
        for i, pin in enumerate((FINGERPRINT, "sha256:" + FINGERPRINT, spaced)):
            asks(f"whole-{i}", stack, "--stack-pin", pin, "--stack-password", SECRET)


@case
def another_certificate_is_told_nothing():
    with Stack() as stack:
        for i, pin in enumerate((OTHER_KEY_PIN, OTHER_FINGERPRINT)):
            text = asks(f"stranger-{i}", stack, "--stack-pin", pin, "--stack-password", SECRET, want=3)
            assert "shows another certificate than the pinned one; nothing was told to it" in text, text
        assert not any(method == "POST" for method, _, _ in stack.asked), stack.asked


@case
def own_certificate_without_a_pin_is_not_trusted():
    with Stack() as stack:
        text = asks("unknown", stack, "--stack-password", SECRET, want=3)
        assert "its certificate cannot be trusted" in text and "--stack-pin" in text, text
        assert not stack.asked


@case
def password_comes_from_the_environment_too_and_a_wrong_one_is_told():
    with Stack() as stack:
        asks("environment", stack, "--stack-pin", KEY_PIN, env={"PLUMBLINE_STACK_PASSWORD": PASSWORD})
        text = asks("wrong", stack, "--stack-pin", KEY_PIN, env={"PLUMBLINE_STACK_PASSWORD": "guess"}, want=3)
        assert "was answered with 401: who are you?" in text and "guess" not in text, text


@case
def plain_http_is_for_this_machine_alone():
    with Stack(tls=False) as stack:
        asks("plain", stack, "--stack-password", SECRET)
    for url, why in (("http://10.0.0.5:8000", "would send the password in clear"), ("ftp://x", "is no address of a stack"), ("https://", "is no address"),
                     ("https://me:secret@host", "is no address"), ("embeded", "is no address")):
        code, _, err = plumb("run", ASKS, "--stack", url, "--stack-password", SECRET)
        assert code == 2 and why in err, (code, err)


@case
def wrong_options_are_refused_before_anything_is_driven():
    with Stack() as stack:
        for args, why in (((), "needs a password"), (("--stack-pin", "abc", "--stack-password", SECRET), "is no pin"),
                          (("--stack-password", "/nowhere"), "cannot be read"), (("--stack-password", SECRET, "--time", "virtual"), "lives in real time"),
                          (("--stack-password", SECRET, "--stack-mutant", "led-off"), "for the embedded stack")):
            code, _, err = plumb("run", ASKS, "--stack", stack.url, *args, env={k: v for k, v in os.environ.items() if not k.startswith("PLUMBLINE")})
            assert code == 2 and why in err, (args, code, err)
        code, _, err = plumb("run", ASKS, "--stack-pin", KEY_PIN)
        assert code == 2 and "give --stack URL, too" in err, err
        assert not stack.asked


@case
def nobody_at_the_url_cannot_be_judged():
    stack = Stack()
    stack.server.server_close()
    text = asks("nobody", stack, want=3)
    assert "the control stack cannot be asked" in text and stack.url in text, text


@case
def slow_huge_and_deep_answers_are_findings_against_the_stack():
    slow = sequence("slow", "if stack.is_embedded then return end\n  stack:get('/redfish/v1/Chassis/csu-1', { within = ms(400) })")
    for what, seq, verdict in (("slow", slow, "stack-no-answer"), ("huge", ASKS, "stack-garbage"), ("deep", ASKS, "stack-garbage")):
        with Stack(what) as stack:
            code, out, err = run(what, stack, seq, "--stack-pin", KEY_PIN, "--stack-password", SECRET)
            assert code == 1, (what, code, out, err)
            told = findings(what)
            assert [(d["verdict"], d["hardwareInfoId"]) for d in told] == [(verdict, "control-stack")], (what, told)
            assert stack.sessions == 0


@case
def events_are_heard_and_a_cut_stream_is_taken_up_where_it_was():
    with Stack("cut") as stack:
        code, out, err = run("cut", stack, HEARS, "--stack-pin", KEY_PIN, "--stack-password", SECRET)
        assert code == 0, (out, err)
        assert stack.streams >= 2 and stack.last_ids[0] is None and int(stack.last_ids[1]) >= 3, stack.last_ids
        assert "the event stream is interrupted" in open(os.path.join(out_dir("cut"), "journal.jsonl")).read()


@case
def lost_event_is_a_finding():
    with Stack("lost") as stack:
        code, out, err = run("lost", stack, HEARS, "--stack-pin", KEY_PIN, "--stack-password", SECRET)
        assert code == 1, (out, err)
        told = findings("lost")
        assert [(d["verdict"], d["hardwareInfoId"]) for d in told] == [("stack-event-missing-fail", "control-stack")] and "event 3 never came" in told[0]["message"], told


@case
def drills_are_for_the_embedded_stack():
    drill = sequence("drill", "stack:kill()")
    with Stack() as stack:
        code, out, err = run("drill", stack, drill, "--stack-pin", KEY_PIN, "--stack-password", SECRET)
        assert code == 2 and "is not ours to kill" in err, (code, out, err)


main()
