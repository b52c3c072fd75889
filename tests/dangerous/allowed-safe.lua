-- SPDX-License-Identifier: Apache-2.0
sequence "allowed-safe" {
  about = "Overloads the supplies on purpose and says so.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

allow_hazard("rating", "the supplies' own limit is what is tested")

setup(function()
  for csu in rig.parts("csu") do
    csu.hot_swap:turn_on()
    csu.connector:turn_on()
    wait(ms(200))
  end
  wait(seconds(5)) -- they boot
end)

step("load", function()
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(1400) }
  end
  wait(seconds(1))
end)
