-- SPDX-License-Identifier: Apache-2.0
sequence "swap-every-slot-safe" {
  about = "A helper swaps each slot; in one branch of it nothing is turned off. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

local function take_out(csu)
  csu.connector:turn_off()
  csu.hot_swap:turn_off()
  wait(ms(500))
  operator.remove(csu)
  wait(seconds(1))
  operator.insert(csu)
  wait(seconds(1))
end

step("swap all", { timeout = minutes(5) }, function()
  for csu in rig.parts("csu") do
    power_up(csu)
    take_out(csu)
  end
end)
