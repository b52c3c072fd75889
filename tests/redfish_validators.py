#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DMTF's validators against a rackd on the virtual demo rack, where they are at hand; nothing of them is part of the project. Not among the tests that `make check`
finds: run it by hand, or from a place that has them. Each case says how many checks passed; one failure fails it.

  PLUMB_REDFISH_SERVICE_VALIDATOR=.../RedfishServiceValidator.py    (DMTF/Redfish-Service-Validator)
  PLUMB_REDFISH_PROTOCOL_VALIDATOR=.../rf_protocol_validator.py     (DMTF/Redfish-Protocol-Validator)
  PLUMB_REDFISH_INTEROP_VALIDATOR=.../RedfishInteropValidator.py    (DMTF/Redfish-Interop-Validator)
  PLUMB_REDFISH_PROFILES=PROFILE.json:...                           (what the interop validator is to hold rackd to; else tests/redfish_profile.json)
  PLUMB_REDFISH_CSDL=FOLDER                                         (DSP8010's CSDL files; else those beside the project)
  PLUMB_REDFISH_PYTHON=python3, PYTHONPATH                          (an interpreter that has what they import)"""
import glob
import os
import re
import shutil
import subprocess

from plumbtest import ROOT, SHARED, TEMP, Skip, case, main
from rackd import PASSWORD, Rackd

PYTHON = os.environ.get("PLUMB_REDFISH_PYTHON", "python3")
CSDL = os.environ.get("PLUMB_REDFISH_CSDL", os.path.join(SHARED, "data", "redfish", "csdl"))
PROFILE = os.path.join(ROOT, "tests", "redfish_profile.json")
LIMIT_S = 900


def validator(name):
    path = os.environ.get(f"PLUMB_REDFISH_{name}_VALIDATOR")
    if not path:
        raise Skip(f"PLUMB_REDFISH_{name}_VALIDATOR does not say where it is")
    assert os.path.exists(path), f"{path} is not there"
    return path


def run(path, *words):
    # A bundle of certificates in the environment would win over what the validators are told of ours (requests).
    env = {k: v for k, v in os.environ.items() if k not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")}
    p = subprocess.run([PYTHON, path, *words], cwd=os.path.dirname(path), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
    return p.stdout.decode(errors="replace")


def folder(name):
    path = os.path.join(TEMP, name)
    os.makedirs(path, exist_ok=True)
    return path


def furnish(rackd):
    """One of everything to look at: a slot with power, a workload on it, triggers, one of them crossed."""
    rackd.power_on("csu-1")
    rackd.until("/redfish/v1/CompositionService/ResourceBlocks/csu-1", lambda b: b["Oem"]["Plumbline"]["State"] == "Up", what="csu-1's agent")
    for path, body in (("/redfish/v1/Systems", {"Id": "web", "Oem": {"Plumbline": {"Cores": 1, "Image": "steady/50"}}}),
                       ("/redfish/v1/TelemetryService/Triggers", {"MetricType": "Numeric", "MetricProperties": ["/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vin#/Reading"],
                                                                  "NumericThresholds": {"LowerCritical": {"Reading": 500}}, "TriggerActions": ["RedfishEvent", "LogToLogService"]}),
                       ("/redfish/v1/TelemetryService/Triggers", {"MetricType": "Discrete", "MetricProperties": ["/redfish/v1/Chassis/csu-1#/Status/State"],
                                                                  "DiscreteTriggerCondition": "Specified", "DiscreteTriggers": [{"Value": "Absent", "DwellTime": "PT1S", "Severity": "Critical"}]})):
        status, answer, _ = rackd.ask("POST", path, body)
        assert status == 201, (path, status, answer)
    rackd.until("/redfish/v1/Managers/rackd/LogServices/Telemetry/Entries", lambda b: b["Members"], what="what crossed a trigger")
    rackd.until("/redfish/v1/Systems/web", lambda b: b["Status"]["State"] == "Enabled", what="the workload")


@case
def service_validator_finds_no_failure():
    path, schemas = validator("SERVICE"), folder("schemas")
    if not os.path.isdir(CSDL):
        raise Skip("no CSDL files: PLUMB_REDFISH_CSDL does not say where they are")
    for f in glob.glob(os.path.join(CSDL, "*.xml")) + glob.glob(os.path.join(ROOT, "control", "redfish", "schemas", "*.xml")):
        shutil.copy(f, schemas)
    with Rackd(plain=False) as rackd:
        furnish(rackd)
        out = run(path, "-u", "admin", "-p", PASSWORD, "-r", rackd.url, "--authtype", "Session", "--schema_directory", schemas, "--skipschema", "--logdir", folder("service"))
    row = re.search(r"NOT TESTED[^\n]*\n[^\n]*\n\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\d+)", out)
    assert row, out[-3000:]
    passed, warned, failed, untested = map(int, row.groups())
    print(f"    service: {passed} passed, {warned} warnings, {failed} failed, {untested} not tested")
    assert passed > 1000 and failed == 0, out[-3000:]


@case
def protocol_validator_finds_no_failure():
    path, reports = validator("PROTOCOL"), folder("protocol")
    with Rackd(plain=False) as rackd:
        out = run(path, "-u", "admin", "-p", PASSWORD, "-r", rackd.url, "--no-cert-check", "--avoid-http-redirect", "--report-type", "tsv", "--report-dir", reports)
    row = re.search(r"PASS: (\d+), WARN: (\d+), FAIL: (\d+), NOT_TESTED: (\d+)", re.sub(r"\x1b\[\d*m", "", out))
    assert row, out[-3000:]
    passed, warned, failed, untested = map(int, row.groups())
    print(f"    protocol: {passed} passed, {warned} warnings, {failed} failed, {untested} not tested")
    wrong = [line for f in glob.glob(os.path.join(reports, "*.tsv")) for line in open(f) if "\tFAIL\t" in line]
    assert passed > 100 and failed == 0, "".join(wrong)[:6000]


@case
def interop_validator_finds_no_failure():
    path = validator("INTEROP")
    profiles = os.environ.get("PLUMB_REDFISH_PROFILES", PROFILE).split(":")
    with Rackd(plain=False) as rackd:
        furnish(rackd)
        out = run(path, "-u", "admin", "-p", PASSWORD, "-i", rackd.url, "--authtype", "Basic", "--no_online_profiles", "--logdir", folder("interop"), *profiles)
    counts = {name.lower(): int(n) for name, n in re.findall(r"\|\s*(Pass|Fail|Warning|Not Tested)\s*\|\s*(\d+)\s*\|", out)}
    assert "pass" in counts, out[-3000:]
    print(f"    interop: {counts}")
    assert counts.get("fail", 0) == 0 and counts["pass"] > 20, out[out.find("Listing any warnings"):][:4000]


main()
