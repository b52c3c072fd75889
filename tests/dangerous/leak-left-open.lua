-- SPDX-License-Identifier: Apache-2.0
sequence "leak-left-open" {
  about = "The injector stays open until the reservoir is empty and the pumps draw air.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("leak", { timeout = minutes(30) }, function()
  rig.injector.leak_valve:turn_on() -- HAZARD: dry-run
  wait(minutes(20))
  rig.injector.leak_valve:turn_off()
end)
