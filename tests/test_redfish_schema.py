#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every resource of the control stack against DMTF's JSON schemas (DSP8010), as the test program of the service dumps them."""
import collections
import json
import os
import subprocess

from plumbtest import ROOT, SHARED, Skip, case, main, out_dir

BUILD = os.environ.get("PLUMB_BUILD", os.path.join(ROOT, "build"))
SCHEMAS = os.path.join(SHARED, "data", "redfish", "json-schema")
OWN = os.path.join(ROOT, "control", "redfish", "schemas")


MISSING = {}  # a schema that is not beside the project: an older version, of which the unversioned schema names all, or Swordfish's; nothing fits it


def path_of(name):
    return os.path.join(OWN if name.startswith("Plumbline") else SCHEMAS, name)


def loaded(name, cache={}):
    if name not in cache:
        with open(path_of(name)) as f:
            cache[name] = json.load(f)
    return cache[name]


def file_of(odata_type):
    """#Chassis.v1_28_0.Chassis -> Chassis.v1_28_0.json; #ChassisCollection.ChassisCollection -> ChassisCollection.json"""
    return odata_type[1:].rpartition(".")[0] + ".json"


def validators():
    import jsonschema

    class Local(jsonschema.RefResolver):
        def resolve_remote(self, uri):
            name = uri.rpartition("/")[2].partition("#")[0]
            if not os.path.exists(path_of(name)):
                return MISSING
            return loaded(name)

        def resolve_fragment(self, document, fragment):
            return {"not": {}} if document is MISSING else super().resolve_fragment(document, fragment)

    cache = {}

    def of(odata_type):
        if odata_type not in cache:
            schema = loaded(file_of(odata_type))
            if schema.get("$schema", "").startswith("http://redfish"):
                schema = {k: v for k, v in schema.items() if k != "$schema"}
            if odata_type.startswith("#Plumbline") or odata_type.endswith("Response"):  # a part of a resource, or an answer
                schema = {**{k: v for k, v in schema.items() if k != "$ref"}, "$id": "http://here/" + schema["$id"].rpartition("/")[2], "anyOf": [{"$ref": "#/definitions/" + odata_type.rpartition(".")[2]}]}
            cache[odata_type] = jsonschema.Draft7Validator(schema, resolver=Local(schema["$id"], schema))
        return cache[odata_type]
    return of


def excused(error):
    """What DMTF's schemas refuse of their own prose: Members that $expand has filled in are not here; an Oem object is its owner's to describe."""
    return "Oem" in [str(p) for p in error.absolute_path]


def faults_of(resource, of):
    kind = resource["@odata.type"]
    if not os.path.exists(os.path.join(SCHEMAS, file_of(kind))):
        return ["no schema for " + kind]
    errors = [e for e in of(kind).iter_errors(resource) if not excused(e)]
    return ["/".join(str(p) for p in e.absolute_path) + ": " + e.message[:200] for e in errors]


def dumped():
    os.makedirs(out_dir("redfish"), exist_ok=True)
    path = os.path.join(out_dir("redfish"), "resources.jsonl")
    if os.environ.get("PL_RESOURCES"):  # of a stack that has been walked already
        return [json.loads(line) for line in open(os.environ["PL_RESOURCES"])]
    program = os.path.join(BUILD, "control/redfish/test_service")
    if not os.path.exists(program):
        raise Skip("control/redfish/test_service is not built")
    p = subprocess.run([program], env={**os.environ, "PL_DUMP": path}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert p.returncode == 0, p.stdout.decode()[-2000:]
    return [json.loads(line) for line in open(path)]


@case
def every_resource_is_as_its_schema_says():
    if not os.path.isdir(SCHEMAS):
        raise Skip("DMTF's schemas are not beside the project")
    try:
        of = validators()
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    seen, bad = collections.Counter(), []
    for resource in dumped():
        if "RequestFormat" in resource:  # the answer of an action, which is no resource
            bad += [f"Compose: {e.message[:200]}" for e in of("#CompositionService.v1_2_3.ComposeResponse").iter_errors(resource) if not excused(e)]
            seen["Compose"] += 1
        if "@odata.type" not in resource or "@odata.id" not in resource:
            continue
        seen[resource["@odata.type"].partition(".")[0]] += 1
        bad += [f"{resource['@odata.id']}: {fault}" for fault in faults_of(resource, of)]
    assert not bad, f"{len(bad)} faults:\n" + "\n".join(bad[:60])
    assert sum(seen.values()) > 200, seen
    for kind in ("#Chassis", "#ComputerSystem", "#Sensor", "#CoolingUnit", "#LeakDetector", "#PowerSupply", "#Manager", "#SessionService",
                 "#ManagerNetworkProtocol", "#CertificateService", "#CertificateLocations", "#Certificate", "#Triggers",
                 "Compose", "#CompositionService", "#ResourceBlock", "#Zone", "#CompositionReservation"):
        assert seen[kind], kind


@case
def what_is_ours_below_oem_is_as_our_own_schemas_say():
    if not os.path.isdir(SCHEMAS):
        raise Skip("DMTF's schemas, to which ours refer, are not beside the project")
    try:
        of = validators()
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    seen, bad = collections.Counter(), []

    def look(where, value):
        if isinstance(value, dict):
            kind = value.get("@odata.type", "")
            if kind.startswith("#Plumbline"):
                bad.extend(f"{where}/{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in of(kind).iter_errors(value))
                seen[kind] += 1
            for k, v in value.items():
                look(f"{where}/{k}", v)
        elif isinstance(value, list):
            for v in value:
                look(where, v)

    for resource in dumped():
        look(resource.get("@odata.id", "?"), resource)
    assert not bad, "\n".join(bad[:40])
    assert seen["#PlumblineUnit.v1_0_0.Unit"] > 20, seen
    for kind in ("Block", "Reservation", "Decision"):
        assert seen[f"#PlumblinePlacement.v1_0_0.{kind}"], seen
    assert seen["#PlumblineComputerSystem.v1_0_0.ComputerSystem"] >= 2, seen


@case
def our_schemas_say_the_same_in_both_forms():
    import xml.etree.ElementTree as xml
    edm, files = "{http://docs.oasis-open.org/odata/ns/edm}", [n for n in sorted(os.listdir(OWN)) if n.endswith(".json")]
    assert len(files) >= 5, files
    for name in files:
        csdl, told = xml.parse(os.path.join(OWN, name.partition(".")[0] + "_v1.xml")), {}
        for schema in csdl.iter(edm + "Schema"):
            versioned = "." in schema.get("Namespace")
            for kind in schema.findall(edm + ("ComplexType" if versioned else "Action")):
                parts = kind.findall(edm + "Property") + kind.findall(edm + "NavigationProperty") if versioned else kind.findall(edm + "Parameter")[1:]
                told[kind.get("Name")] = {p.get("Name") for p in parts}
        for kind, definition in loaded(name)["definitions"].items():
            here = set(definition.get("parameters", definition["properties"])) - {"@odata.type"}
            assert told.pop(kind) == here, f"{name}: {kind}"
        assert not told, f"{name}: {told} in CSDL only"


main()
