-- SPDX-License-Identifier: Apache-2.0
sequence "remove-powered" {
  about = "A CSU is taken out of a slot that is on.",
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
  operator.remove(rig.slot) -- HAZARD: live-unmate
  wait(seconds(1))
end)
