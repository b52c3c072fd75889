-- SPDX-License-Identifier: Apache-2.0
sequence "load-without-coolant-safe" {
  about = "The pumps stand still, and then a slot gets its load. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("load", function()
  rig.pump.coolant:set{ stop = true }
  wait(seconds(10))
  rig.pump.coolant:set{ stop = false }
  wait(seconds(10))
  power_up(rig.slot)
  rig.slot.load:set{ load = watts(500) }
  wait(seconds(5))
end)

teardown(function()
  rig.pump.coolant:set{ stop = false }
end)
