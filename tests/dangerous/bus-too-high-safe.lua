-- SPDX-License-Identifier: Apache-2.0
sequence "bus-too-high-safe" {
  about = "A supply is set above what the rig allows on the bus. The safe way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

local function power_up(csu)
  csu.hot_swap:turn_on()
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good", of = csu })
end

step("trim", function()
  for psu in rig.parts("psu") do
    psu.supply:set{ vout_set = volts(49) }
  end
  wait(seconds(3))
  for psu in rig.parts("psu") do
    psu.supply:set{ vout_set = volts(48) }
  end
end)
