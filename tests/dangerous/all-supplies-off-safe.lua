-- SPDX-License-Identifier: Apache-2.0
sequence "all-supplies-off-safe" {
  about = "Every supply is turned off, one after the other. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("cycle", function()
  for psu in rig.parts("psu") do
    psu.supply:turn_off()
    wait(seconds(1))
    psu.supply:turn_on()
    wait_until(function() return psu.supply.power_good end, { within = seconds(5), what = "power good of " .. psu.name, of = psu })
  end
end)
