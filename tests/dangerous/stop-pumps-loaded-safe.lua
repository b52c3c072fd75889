-- SPDX-License-Identifier: Apache-2.0
sequence "stop-pumps-loaded-safe" {
  about = "The pumps stop while the CSUs make heat. The safe way.",
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

step("stop", function()
  for csu in rig.parts("csu") do
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end
  rig.pump.coolant:set{ stop = true }
  wait(seconds(10))
end)

teardown(function()
  rig.pump.coolant:set{ stop = false }
end)
