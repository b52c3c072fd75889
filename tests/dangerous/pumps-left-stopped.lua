-- SPDX-License-Identifier: Apache-2.0
sequence "pumps-left-stopped" {
  about = "The pumps are stopped and never started again; their unit has no safe value.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("stop", function()
  rig.pump.coolant:set{ stop = true } -- HAZARD: left
  wait(seconds(2))
end)
