-- SPDX-License-Identifier: Apache-2.0
sequence "flow-left-low-safe" {
  about = "The flow is set lower for a step and not put back. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

local before
step("low flow", function()
  before = rig.pump.coolant.flow_set
  rig.pump.coolant:set{ flow_set = litres_per_minute(6) }
  wait(seconds(10))
end)

teardown(function()
  if before then rig.pump.coolant:set{ flow_set = before } end
end)
