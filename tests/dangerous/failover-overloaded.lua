-- SPDX-License-Identifier: Apache-2.0
sequence "failover-overloaded" {
  about = "One of two supplies is taken while the rack takes more than one can give.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

setup(function()
  for csu in rig.parts("csu") do power_up(csu) end
  wait(seconds(5)) -- they boot
end)

step("load", function()
  for csu in rig.parts("csu") do csu.load:set{ load = watts(650) } end
  wait(seconds(2))
end)

step("failover", function()
  rig.lost.supply:turn_off() -- HAZARD: below-n, rating
  wait(seconds(1))
  rig.lost.supply:turn_on()
  wait(seconds(2))
end)
