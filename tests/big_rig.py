#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a rig of N modules of 4 CSUs on the twin: what a stack must be able to look after. Each CSU has a connector, a hot-swap controller and a thermometer; each
module a bar of its own with a supply, an I2C bus (a TMP468 has four addresses) and its lines.

usage: big_rig.py N [--socket PATH]      with --socket: its buses are those of a rack that `plumb twin serve --socket PATH` serves"""
import argparse

CSU = """  - {{name: csu-{c}, kind: csu, in: module-{m}, location: "module {m}, slot {s}", busbar: bar-{m}}}
"""
DEVICES = """  - {{name: hsc-{c}, driver: hsc-adm1272, bus: i2c-{m}, address: {hsc}, shunt: 0.5 mohm, part: csu-{c}, owner: stack, safe: {{on: false}}, limits: {{temperature: {{max: 90 degC}}}}}}
  - {{name: connector-{c}, driver: connector, bus: lines-{g}, part: csu-{c}, owner: stack, safe: {{power-enable: false}}, present: "!CSU{c}_PRSNT_N", power-enable: CSU{c}_EN, power-good: CSU{c}_GOOD, attention: CSU{c}_LED}}
  - {{name: thermometer-{c}, driver: thermometer-tmp468, bus: i2c-{m}, address: {thermo}, part: csu-{c}, owner: stack, limits: {{cpu-1-temperature: {{max: 85 degC}}, cpu-2-temperature: {{max: 85 degC}}}}}}
"""
MODULES_A_LINE_BUS = 25


def rig(modules, socket=None):
    i2c, lines = ("twin, speed: 400 kHz", "twin") if not socket else (f"twin-remote, socket: {socket}",) * 2
    text = [f"# SPDX-License-Identifier: Apache-2.0\nrig: big-{modules}\nabout: {modules} modules of 4 CSUs\n"]
    if socket:
        text.append(f"twin-socket: {socket}\n")
    text.append("buses:\n")
    text += [f"  - {{name: i2c-{m}, kind: i2c, adapter: {i2c}}}\n" for m in range(1, modules + 1)]
    text += [f"  - {{name: lines-{g}, kind: gpio, adapter: {lines}}}\n" for g in range(1, (modules - 1) // MODULES_A_LINE_BUS + 2)]
    text.append("parts:\n")
    for m in range(1, modules + 1):
        text.append(f"  - {{name: module-{m}, kind: module, location: rack}}\n  - {{name: bar-{m}, kind: busbar}}\n  - {{name: psu-{m}, kind: psu, busbar: bar-{m}}}\n")
        text += [CSU.format(m=m, s=s, c=4 * (m - 1) + s) for s in range(1, 5)]
    text.append("devices:\n")
    for m in range(1, modules + 1):
        text += [DEVICES.format(m=m, g=(m - 1) // MODULES_A_LINE_BUS + 1, c=4 * (m - 1) + s, hsc=hex(0x10 + s - 1), thermo=hex(0x48 + s - 1)) for s in range(1, 5)]
    return "".join(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", type=int)
    parser.add_argument("--socket")
    args = parser.parse_args()
    print(rig(args.modules, args.socket), end="")


if __name__ == "__main__":
    main()
