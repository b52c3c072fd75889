-- SPDX-License-Identifier: Apache-2.0
sequence "second-supply-safe" {
  about = "On a rack with three supplies a second one is taken while the first is out. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("one of three", function()
  rig.part("psu-a").supply:turn_off()
  wait(seconds(1))
  rig.part("psu-a").supply:turn_on()
  wait_until(function() return rig.part("psu-a").supply.power_good end, { within = seconds(5), what = "psu-a is back" })
  rig.part("psu-b").supply:turn_off()
  wait(seconds(1))
end)
