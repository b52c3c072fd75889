-- SPDX-License-Identifier: Apache-2.0
sequence "interlock-leak" {
  about = "The injector stays open until the float in the tray rises; the sequence does not expect the interlock to act.",
  needs = { tray = "tray", injector = "valve" },
}

step("leak", { timeout = minutes(2) }, function()
  rig.injector.leak_valve:turn_on() -- HAZARD: interlock-trip
  wait(seconds(70))
  rig.injector.leak_valve:turn_off()
end)
