-- SPDX-License-Identifier: Apache-2.0
sequence "stop-valves-shut" {
  about = "Both stop valves are shut while the pumps turn.",
  needs = { loop = "loop", pump = "pump-unit" },
}

step("shut", function()
  for _, name in ipairs{ "stop-valve-1", "stop-valve-2" } do
    rig.part(name).valve:set{ open = false } -- HAZARD: rating, dead-head
  end
  wait(seconds(15))
  for _, name in ipairs{ "stop-valve-1", "stop-valve-2" } do
    rig.part(name).valve:set{ open = true }
  end
  wait(seconds(10))
end)
