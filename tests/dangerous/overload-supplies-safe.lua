-- SPDX-License-Identifier: Apache-2.0
sequence "overload-supplies-safe" {
  about = "The slots take more than both supplies are rated for. The safe way.",
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
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(600) }
  end
  wait(seconds(1))
end)
