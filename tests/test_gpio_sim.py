#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guest's gpio-sim: where it cannot be had the reason is told and nothing is left behind; what was built once is taken as it is."""
import os
import sys

from plumbtest import ROOT, TEMP, case, main, write

sys.path.insert(0, os.path.join(ROOT, "fixtures", "vm"))
import gpio_sim  # noqa: E402

NAME = "linux-image-6.1.0-1-amd64 6.1.1-1"


class Report:
    def __init__(self):
        self.times = []

    def timed(self, what, seconds):
        self.times.append((what, seconds))


def provided(name, tools):
    """What is in the folder of results, with only these tools (name: script) and a cache of its own."""
    home, out, path = (os.path.join(TEMP, name, d) for d in ("cache", "out", "bin"))
    for folder in (home, out, path):
        os.makedirs(folder, exist_ok=True)
    for tool, script in tools.items():
        os.chmod(write(f"{name}/bin/{tool}", f"#!/bin/sh\n{script}\n"), 0o755)
    before = dict(os.environ)
    os.environ.update(XDG_CACHE_HOME=home, PATH=path)
    try:
        report = Report()
        gpio_sim.provide(NAME, out, report)
    finally:
        os.environ.clear()
        os.environ.update(before)
    cache = os.path.join(home, "plumbline", "vm")
    return {f: open(os.path.join(out, f)).read() for f in os.listdir(out)}, os.listdir(cache) if os.path.isdir(cache) else [], report


def apt_cache(depends):
    return f"echo 'Package: x'\necho 'Depends: {depends}'"


DEPENDS = "linux-headers-6.1.0-1-common (= 6.1.1-1), linux-kbuild-6.1 (>= 6.1.1-1), linux-compiler-gcc-12-x86"


@case
def without_apt_the_reason_is_told():
    files, cache, _ = provided("bare", {})
    assert list(files) == [gpio_sim.WHY_NOT] and "apt-cache" in files[gpio_sim.WHY_NOT], files
    assert cache == [], cache


@case
def packages_that_apt_does_not_know():
    files, cache, _ = provided("unknown", {"apt-cache": "echo 'E: No packages found' >&2; exit 100"})
    assert "No packages found" in files[gpio_sim.WHY_NOT], files
    files, _, _ = provided("odd", {"apt-cache": apt_cache("libc6")})
    assert "linux-headers-6.1.0-1-amd64 does not say what it needs" in files[gpio_sim.WHY_NOT], files
    assert cache == [], cache


@case
def a_missing_compiler_is_named_before_anything_is_fetched():
    tools = dict.fromkeys(gpio_sim.TOOLS, "exit 9") | {"apt-cache": apt_cache(DEPENDS)}
    files, cache, _ = provided("compiler", tools)
    assert files[gpio_sim.WHY_NOT].startswith("gcc-12 is not installed"), files
    assert cache == [], cache


@case
def a_download_that_fails_leaves_nothing():
    tools = dict.fromkeys((*gpio_sim.TOOLS, "gcc-12"), "exit 9") | {"apt-cache": apt_cache(DEPENDS), "apt-get": "echo 'E: Failed to fetch' >&2; exit 100"}
    files, cache, _ = provided("offline", tools)
    assert "apt-get download" in files[gpio_sim.WHY_NOT] and "Failed to fetch" in files[gpio_sim.WHY_NOT], files
    assert cache == [], cache


@case
def another_interrupt_simulator_is_refused():
    try:
        gpio_sim.build({"irq_sim.c": "static void nothing(void);", "gpio-sim.c": ""}, TEMP, "cc", TEMP)
    except gpio_sim.Missing as why:
        assert "not the one that is known" in str(why), why
    else:
        raise AssertionError("it was built")


@case
def a_module_that_is_there_needs_no_tools():
    files, cache, _ = provided("cached", {})
    assert cache == [], cache
    image, version = NAME.split()
    before = dict(os.environ)
    os.environ["XDG_CACHE_HOME"] = os.path.join(TEMP, "cached", "cache")
    folder = gpio_sim.folder_of(image, version)
    os.environ.clear()
    os.environ.update(before)
    os.makedirs(folder)
    with open(os.path.join(folder, gpio_sim.MODULE), "w") as f:
        f.write("a module")
    files, cache, report = provided("cached", {})
    assert files[gpio_sim.MODULE] == "a module" and cache == [os.path.basename(folder)] and report.times == [], (files, cache)


main()
