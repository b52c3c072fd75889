-- SPDX-License-Identifier: Apache-2.0
sequence "remove-all-safe" {
  about = "Most CSUs stay in, so that the coolant has a way.",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit", tray = "tray", injector = "valve", lost = "psu", rack = "busbar" },
}

step("make room", { timeout = minutes(5) }, function()
  for i = 1, 2 do
    operator.remove(rig.part("csu-" .. i))
    wait(seconds(1))
  end
  wait(seconds(30))
end)
