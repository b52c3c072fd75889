#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rackd as a program: its command line, its first start, TLS, limits, malformed requests, and that its end drops nothing."""
import hashlib
import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from plumbtest import DEMO, ROOT, TEMP, SANITIZED, case, demo_rig, main, write
from rack import Rack
from rackd import PASSWORD, RACKD, SLOW, Rackd

ROOT_URI = "/redfish/v1/"


def run(*words, env=None):
    p = subprocess.run([RACKD, *map(str, words)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env=env)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


@case
def help_and_the_man_page_name_every_option():
    code, out, err = run("--help")
    assert code == 0 and "Examples:" in out and "Exit codes:" in out and not err, (code, out, err)
    page = open(os.path.join(ROOT, "docs", "rackd.1")).read().replace("\\-", "-")
    for option in re.findall(r"^  --([a-z-]+)", out, re.M):
        assert f"--{option}" in page, f"docs/rackd.1 does not tell of --{option}"
    assert set(re.findall(r"\.B --([a-z-]+)", page)) == set(re.findall(r"^  --([a-z-]+)", out, re.M))
    assert run("--version")[1].startswith("rackd ")


@case
def bad_input_is_refused_with_a_sentence():
    state = tempfile.mkdtemp(dir=TEMP)
    for code, sentence, *words in [
            (2, "unknown option '--lisen', did you mean '--listen'?", "--lisen", "x"), (2, "unknown word 'serve'; `rackd --help` lists the options", "serve"),
            (2, "--rig needs a value: FILE", "--rig"), (2, "--plain takes no value", "--plain=yes"), (2, "--seed x: a whole number", "--seed", "x"),
            (2, "--rate -1: a number from 0", "--rate", "-1"), (2, "no-such.yaml", "--rig", "no-such.yaml"), (2, "an address and a port are needed", "--listen", "8443"),
            (2, "plain http is for this machine alone", "--plain", "--listen", "0.0.0.0:0"), (2, "--password-file /no/file", "--password-file", "/no/file"),
            (2, "its first line is the password", "--password-file", "/dev/null"), (2, "no-such-settings", "--settings", "no-such-settings"),
            (2, "no-such-lie", "--mutant", "no-such-lie"), (2, "nonsense", "--fault", "nonsense")]:
        if "--rig" not in words:
            words = ["--rig", DEMO, *words]
        if "--listen" not in words:
            words += ["--listen", "127.0.0.1:0"] if "--rig" != words[-1] else []
        got, out, err = run("--state", state, *words)
        assert got == code and sentence in err and err.startswith("rackd: ") and err.count("\n") == 1, (words, got, out, err)


@case
def decisions_are_taken_again_from_their_journal():
    with Rackd() as d:
        state = d.state
        entries, end = [], time.monotonic() + 30 * SLOW
        while not entries and time.monotonic() < end:  # no unit is switched on: it fits nowhere, once everything has been looked at
            d.ask("POST", ROOT_URI + "Systems", {"Id": "web", "Oem": {"Plumbline": {"Cores": 2, "MemoryMiB": 4096}}})
            entries = d.get(ROOT_URI + "Managers/rackd/LogServices/Placement/Entries")["Members"]
        newest = entries[0]
        number = newest["Oem"]["Plumbline"]["JournalId"]
        assert newest["Oem"]["Plumbline"]["Decision"] == "refuse" and str(number) == newest["Id"], newest
    code, out, err = run("replay-decisions", state, "--id", number)
    assert code == 0 and f"decision {number}: refuse web" in out and "web fits nowhere" in out, (code, out, err)
    folder = os.path.join(state, "decisions")
    path = os.path.join(folder, sorted(os.listdir(folder))[-1])
    code, out, err = run("replay-decisions", state)
    assert code == 0 and "each the same" in out and not err, (code, out, err)
    whole = open(path).read()
    assert "\nnode csu-1 " in whole
    for text, code, sentence in ((whole[:-5], 0, "cut off"), (whole.replace("\nnode csu-1 ", "\nnode csu-9 "), 1, "it is not as it was written"),
                                 ("hello\n", 2, "no journal of decisions")):
        name = write("a.journal", text)
        got, out, err = run("replay-decisions", name)
        assert got == code and sentence in out + err, (got, out, err)
    for words, sentence in (((state, "--id", "99999"), "has no decision 99999"), ((state, "--id", "x"), "--id x"), (("/no/where",), "/no/where"), ((), "needs a file")):
        got, out, err = run("replay-decisions", *words)
        assert got == 2 and sentence in err, (words, got, out, err)
    assert "Exit codes" in run("replay-decisions", "--help")[1]


@case
def a_bus_of_two_owners_is_refused_unless_its_broker_has_it():
    """This rackd would open it, and plumb with --stack as well. What is wrong and what to do is told before anything is opened."""
    bench = ("{name: thermometer-2, driver: thermometer-tmp468, bus: i2c-m1, address: 0x49, part: csu-2, owner: stack",
             "{name: thermometer-2, driver: thermometer-tmp468, bus: i2c-m1, address: 0x49, part: csu-2, owner: bench")
    bus = "{name: i2c-m1, kind: i2c, adapter: twin, speed: 400 kHz}"
    line = next(n for n, text in enumerate(open(DEMO), 1) if bus in text)
    for adapter, refused in (("i2c-dev, path: /dev/i2c-99", True), ("remote, socket: /no/such/broker.sock", False)):
        rig = demo_rig(f"two-owners-{refused}.yaml", (bus, f"{{name: i2c-m1, kind: i2c, adapter: {adapter}}}"), bench)
        code, _, err = run("--rig", rig, "--state", tempfile.mkdtemp(dir=TEMP), "--listen", "127.0.0.1:0", "--plain")
        said = f"two-owners-True.yaml:{line}: bus 'i2c-m1' has 'hsc-1'" in err and "owner bench" in err and "plumb broker" in err
        assert code and said == refused and (code == 2) == refused, (adapter, code, err)


@case
def what_it_does_not_know_yet_is_no_refusal():
    """Just after its start nothing has been read: it says when to ask again."""
    with Rackd() as d:
        d.login()
        answers = []
        while not answers or answers[-1] == 503:
            status, body, headers = d.ask("POST", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset", {"ResetType": "On"})
            assert status in (202, 503) and (status == 202 or headers["Retry-After"] == "1"), (answers, status, body)
            answers.append(status)


@case
def descriptors_are_not_left_at_the_soft_limit():
    with Rackd() as d:
        soft, hard = re.search(r"Max open files +(\d+|unlimited) +(\d+|unlimited)", open(f"/proc/{d.p.pid}/limits").read()).groups()
        assert soft == hard, (soft, hard)


@case
def two_do_not_share_a_state():
    with Rackd() as d:
        code, _, err = run("--rig", DEMO, "--state", d.state, "--listen", "127.0.0.1:0", "--plain")
        assert code == 3 and "another rackd runs on this state" in err, (code, err)
        code, _, err = run("--rig", DEMO, "--state", tempfile.mkdtemp(dir=TEMP), "--listen", f"127.0.0.1:{d.port}", "--plain")
        assert code == 2 and "another program may have the port" in err, (code, err)


def fingerprint(d):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((d.host, int(d.port))))).hexdigest()


@case
def first_start_makes_a_password_and_a_certificate_once():
    state = tempfile.mkdtemp(dir=TEMP)
    with Rackd(state=state, plain=False, password=None) as d:
        text = d.printed()
        user, password = re.search(r"user +(\S+)\n +password +(\S+)", text).groups()
        told = re.search(r"sha256 ([0-9a-f]{64})", text).group(1)
        assert d.url.startswith("https://") and told == fingerprint(d)
        assert d.login(user, password) == 201
        assert d.login(user, password + "x") == 401
    assert os.stat(os.path.join(state, "rackd.pem")).st_mode & 0o777 == 0o600
    with Rackd(state=state, plain=False, password=None) as d:
        assert "password" not in d.printed() and told == fingerprint(d)
        assert d.login(user, password) == 201
    kept = [os.path.join(folder, name) for folder, _, names in os.walk(state) for name in names]
    assert len(kept) > 2
    for path in kept:  # nothing that was shown once can be read there
        assert password.encode() not in open(path, "rb").read(), path


@case
def tls_is_1_2_or_later_and_tells_browsers_to_stay_with_it():
    with Rackd(plain=False) as d:
        for version, well in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            try:
                with socket.create_connection((d.host, int(d.port)), 20) as s, context.wrap_socket(s) as t:
                    assert well, f"{version} was taken"
                    assert well and t.version()
            except (ssl.SSLError, ConnectionError) as e:
                assert not well, (version, e)
        status, _, headers = d.ask("GET", ROOT_URI, auth=False)
        assert status == 200 and headers["Strict-Transport-Security"]


@case
def another_certificate_is_in_force_at_once_and_stays():
    door, made = "/redfish/v1/Managers/rackd/NetworkProtocol", "HTTPS/Certificates/1"
    with Rackd(plain=False) as other:
        pem, theirs = open(os.path.join(other.state, "rackd.pem")).read(), fingerprint(other)
    state = tempfile.mkdtemp(dir=TEMP)
    with Rackd(plain=False, state=state) as d:
        told = d.ask("GET", door)[1]
        assert told["HTTPS"]["ProtocolEnabled"] and told["HTTPS"]["Port"] == int(d.port) and not told["HTTP"]["ProtocolEnabled"], told
        ours = d.ask("GET", f"{door}/{made}")[1]
        assert ours["Fingerprint"].replace(":", "").lower() == fingerprint(d) != theirs
        assert ssl.PEM_cert_to_DER_cert(ours["CertificateString"]) and "PRIVATE" not in ours["CertificateString"]
        actions = d.ask("GET", "/redfish/v1/CertificateService")[1]["Actions"]
        status, body, _ = d.ask("POST", actions["#CertificateService.GenerateCSR"]["target"], {"CommonName": "rack-7", "CertificateCollection": {"@odata.id": f"{door}/HTTPS/Certificates"}})
        assert status == 200 and "BEGIN CERTIFICATE REQUEST" in body["CSRString"], (status, body)
        replace = {"CertificateString": pem[pem.index("-----BEGIN CERT"):], "CertificateType": "PEM", "CertificateUri": {"@odata.id": f"{door}/{made}"}}
        status, body, _ = d.ask("POST", actions["#CertificateService.ReplaceCertificate"]["target"], replace)
        assert status == 400 and "no private key" in str(body), (status, body)  # nobody can speak for it here
        replace["CertificateString"] = pem
        status, body, _ = d.ask("POST", actions["#CertificateService.ReplaceCertificate"]["target"], replace)
        assert status == 200 and body["Fingerprint"].replace(":", "").lower() == theirs == fingerprint(d), (status, body)
    with Rackd(plain=False, state=state) as d:
        assert fingerprint(d) == theirs and theirs in d.printed()
    with Rackd() as d:
        told = d.ask("GET", door)[1]
        assert told["HTTP"] == {"ProtocolEnabled": True, "Port": int(d.port)} and "Certificates" not in told["HTTPS"], told
        assert d.ask("GET", "/redfish/v1/CertificateService")[0] == 404


@case
def headers_keep_other_sites_out():
    with Rackd() as d:
        for path in ("/", ROOT_URI, "/redfish/v1/Chassis"):
            _, _, headers = d.ask("GET", path)
            assert headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"], path
            assert not [h for h in headers if h.lower().startswith("access-control")] and "Strict-Transport-Security" not in headers
        status, body, _ = d.ask("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "admin", "Password": PASSWORD}, {"Origin": "https://elsewhere.example"}, auth=False)
        assert status == 403 and body["error"]["code"].startswith("Base."), (status, body)
        assert d.ask("GET", "/redfish/v1/Chassis", auth=False)[0] == 401
        status, _, headers = d.ask("GET", "/redfish/v1/Chassis", auth=False)
        assert headers["WWW-Authenticate"]


@case
def more_than_it_will_take_is_refused():
    with Rackd("--rate", "5") as d:
        seen = []
        for _ in range(40):
            seen.append(d.ask("GET", ROOT_URI, auth=False))
        refused = [s for s in seen if s[0] == 429]
        assert len(refused) >= 10 and seen[0][0] == 200, [s[0] for s in seen]
        assert int(refused[0][2]["Retry-After"]) >= 1 and refused[0][1]["error"]["@Message.ExtendedInfo"][0]["MessageArgs"]
    with Rackd() as d:
        assert d.ask("POST", "/redfish/v1/SessionService/Sessions", b"x" * (2 << 20), auth=False)[0] == 413
        assert d.ask("GET", "/" + "a" * 6000)[0] == 414
        assert d.ask("GET", ROOT_URI, headers={"X-Long": "a" * 20000})[0] == 431


@case
def slow_clients_do_not_keep_others_out():
    with Rackd() as d:
        slow = []
        for _ in range(48):
            s = socket.create_connection((d.host, int(d.port)), 30 * SLOW)
            s.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            slow.append(s)
        start = time.monotonic()
        assert d.ask("GET", ROOT_URI, auth=False)[0] == 200
        assert time.monotonic() - start < 2 * SLOW
        for s in slow:  # each is ended with an answer, though it goes on sending
            s.settimeout(1)
            got = b""
            while b"\r\n\r\n" not in got and time.monotonic() - start < 20 * SLOW:
                try:
                    s.sendall(b"a")
                    more = s.recv(4096)
                    if not more:
                        break
                    got += more
                except socket.timeout:
                    pass
                except OSError:
                    break
            assert got.startswith(b"HTTP/1.1 400"), got[:100]
            s.close()
        assert time.monotonic() - start < 20 * SLOW, "they were not ended"


@case
def many_connections_at_once():
    with Rackd() as d:
        d.login()
        connections = [d.connection() for _ in range(60)]
        for _ in range(3):
            for c in connections:
                c.request("GET", "/redfish/v1/Chassis", headers={"X-Auth-Token": d.token})
            for c in connections:
                answer = c.getresponse()
                assert answer.status == 200 and json.loads(answer.read())["Members"], answer.status
        for c in connections:
            c.close()


# Requests that are not: mutilations of good ones, by seed.
GOOD = [b"GET /redfish/v1/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /redfish/v1/Chassis?$expand=.($levels=1)&$top=2 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %TOKEN%\r\n\r\n",
        b"POST /redfish/v1/SessionService/Sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"UserName\":\"admin\",\"Password\":\"wrong\"}",
        b"PATCH /redfish/v1/Chassis/csu-1 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %TOKEN%\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n{\"LocationIndicatorActive\":tru\r\n2\r\ne}\r\n0\r\n\r\n",
        b"GET /redfish/v1/Chassis?$filter=(Name%20eq%20'csu-1')%20or%20not%20(Id%20ne%20'x') HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %TOKEN%\r\n\r\n",
        b"GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 5\r\n\r\n", b"HEAD /page.css HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"x\"\r\n\r\n",
        b"DELETE /redfish/v1/TaskService/Tasks/1 HTTP/1.1\r\nHost: x\r\nIf-Match: W/\"1\"\r\nX-Auth-Token: %TOKEN%\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46eA==\r\n\r\n"]
BITS = [b"\0", b"\r\n", b"\n", b" ", b"%", b"%00", b"%2e%2e/", b"../", b"\xff\xfe", b"$expand=*($levels=99)", b"?", b"&", b"(" * 200, b"{" * 300, b"[" * 300, b"'", b"\"",
        b"Content-Length: 0\r\n", b"Content-Length: 18446744073709551616\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"ffffffffffffffff\r\n",
        b"A" * 3000, b"X: y\r\n" * 70, b"HTTP/9.9", b"TRACE", b"\\u0000", b"1e999", b"$filter=", b"$select=@odata.id/", b"%F0%9F%92%A7"]


def mutilate(r, text):
    for _ in range(r.randint(1, 4)):
        at = r.randrange(len(text) + 1)
        kind = r.randrange(5)
        if kind == 0:
            text = text[:at] + r.choice(BITS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + r.randint(1, 20):]
        elif kind == 2 and at < len(text):
            text = text[:at] + bytes([r.randrange(256)]) + text[at + 1:]
        elif kind == 3:
            text = text[:at]
        else:
            other = r.choice(GOOD)
            text = text[:at] + other[r.randrange(len(other)):]
    return text


def throw(d, text):
    """What came back to one malformed request: the first line of the answer, b"" for a connection that was ended without. Waits for the answer's beginning only."""
    with socket.create_connection((d.host, int(d.port)), 30 * SLOW) as s:
        try:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)  # nothing more will come, so that nobody waits for it
            return s.recv(65536).split(b"\r\n")[0]
        except ConnectionError:
            return b""


@case
def malformed_requests_are_answered_or_ended_and_never_crash_it():
    count, seed = int(os.environ.get("RACKD_FUZZ", "400" if SANITIZED else "1500")), int(os.environ.get("RACKD_SEED", "1"))
    r = random.Random(seed)
    with Rackd("--rate", "0") as d:
        assert d.login() == 201
        tally = {}
        for i in range(count):
            text = mutilate(r, r.choice(GOOD)).replace(b"%TOKEN%", d.token.encode())
            first = throw(d, text)
            assert not first or re.match(rb"HTTP/1\.1 [1-5]\d\d ", first), (seed, i, text, first)
            status = int(first[9:12]) if first else 0
            assert status < 500 or status in (501, 503, 505), (seed, i, text, first)  # an error of ours is no answer to an error of theirs
            tally[status] = tally.get(status, 0) + 1
            assert d.p.poll() is None, (seed, i, text, d.errors()[:3000])
        assert tally.get(400, 0) > count / 20, tally
        assert d.ask("GET", ROOT_URI, auth=False)[0] == 200
        if os.environ.get("RACKD_FUZZ"):
            print(sorted(tally.items()))


@case
def bodies_that_are_no_json_are_told_so():
    r = random.Random(7)
    with Rackd("--rate", "0") as d:
        d.login()
        for i in range(150 if SANITIZED else 600):
            body = mutilate(r, b'{"UserName":"admin","Password":"wrong","Context":{"a":[1,2.5e3,null,true,"\\u00e9"]}}')
            status, answer, _ = d.ask("POST", "/redfish/v1/SessionService/Sessions", body, {"Content-Type": "application/json"}, auth=False)
            assert status in (400, 401, 403, 413, 415, 503) and answer["error"]["code"], (i, body, status, answer)
        assert d.p.poll() is None


@case
def its_end_drops_nothing_and_its_start_neither():
    with Rack() as rack:
        rig = rack.rig(interlock=False)
        state = tempfile.mkdtemp(dir=TEMP)
        with Rackd(rig=rig, state=state) as d:
            d.login()
            d.power_on("csu-1")
        power = lambda: [(device, what) for _, device, what in rack.told() if device in ("connector-1", "hsc-1")]  # noqa: E731
        before = power()
        assert before
        for how in (signal.SIGKILL, signal.SIGTERM):
            d = Rackd(rig=rig, state=state)
            d.login()
            d.until("/redfish/v1/Chassis/csu-1", lambda c: c["Status"]["State"] == "Enabled", what="still on")
            d.end(how)
            off = [row for row in power()[len(before):] if re.search(r"power-enable 0|i2c 01 00", row[1])]
            assert not off, off


def events_of(s, within):
    """The event ids that come on a stream, until one comes with `within` in it."""
    text, end = b"", time.monotonic() + 30 * SLOW
    while within not in text:
        assert time.monotonic() < end, text[-2000:]
        more = s.recv(65536)
        assert more, "the stream ended: " + text[-500:].decode()
        text += more
    return [int(n) for n in re.findall(rb"^id: (\d+)", text, re.M)]


@case
def events_come_as_they_happen():
    with Rack() as rack, Rackd(rig=rack.rig(interlock=False)) as d:
        d.login()
        d.power_on("csu-1")  # what is found while everything is asked for the first time is no news
        with socket.create_connection((d.host, int(d.port)), 30 * SLOW) as s:
            s.sendall(f"GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {d.token}\r\n\r\n".encode())
            events_of(s, b"text/event-stream")
            assert rack.tell("act", "csu-2", "remove")[0] == 0
            ids = events_of(s, b"csu-2")
            assert ids == sorted(set(ids)), ids
            d.ask("DELETE", d.ask("GET", "/redfish/v1/SessionService/Sessions")[1]["Members"][0]["@odata.id"])
            end = time.monotonic() + 30 * SLOW  # who has no session any more has no stream either
            while s.recv(65536):
                assert time.monotonic() < end


if __name__ == "__main__":
    main()
