-- SPDX-License-Identifier: Apache-2.0
sequence "remove-charged" {
  about = "The slot is off, and nobody waits until it holds no voltage any more.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

setup(function()
  power_up(rig.slot)
  wait(seconds(5))
end)

step("swap", function()
  rig.slot.connector:turn_off()
  rig.slot.hot_swap:turn_off()
  operator.remove(rig.slot) -- HAZARD: live-unmate
  wait(seconds(1))
end)
