-- SPDX-License-Identifier: Apache-2.0
sequence "load-on-one-supply-safe" {
  about = "A supply is off, and then the load goes up beyond what the other can give. The safe way.",
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

step("one supply", function()
  rig.lost.supply:turn_off()
  wait(seconds(1))
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(500) }
  end
  wait(seconds(1))
end)
