-- SPDX-License-Identifier: Apache-2.0
sequence "remove-all" {
  about = "Every CSU is taken out, and the last one closes the last path of the coolant while the pumps run.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

step("empty the rack", { timeout = minutes(5) }, function()
  for csu in rig.parts("csu") do
    operator.remove(csu) -- HAZARD: dead-head, rating
    wait(seconds(1))
  end
  wait(seconds(30))
end)
