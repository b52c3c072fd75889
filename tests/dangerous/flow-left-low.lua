-- SPDX-License-Identifier: Apache-2.0
sequence "flow-left-low" {
  about = "The flow is set lower for a step and not put back.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("low flow", function()
  rig.pump.coolant:set{ flow_set = litres_per_minute(6) } -- HAZARD: left
  wait(seconds(10))
end)
