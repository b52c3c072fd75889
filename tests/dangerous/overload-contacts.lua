-- SPDX-License-Identifier: Apache-2.0
sequence "overload-contacts" {
  about = "One slot is asked for more than its contacts carry; its controller trips at once.",
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

step("load", function()
  rig.slot.load:set{ load = watts(2900) } -- HAZARD: rating
  wait(seconds(20))
end)
