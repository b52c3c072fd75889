-- SPDX-License-Identifier: Apache-2.0
sequence "interlock-leak-safe" {
  about = "The injector is closed before the float rises.",
  needs = { tray = "tray", injector = "valve" },
}

step("leak", { timeout = minutes(2) }, function()
  rig.injector.leak_valve:turn_on()
  wait(seconds(10))
  rig.injector.leak_valve:turn_off()
  wait(seconds(60))
end)
