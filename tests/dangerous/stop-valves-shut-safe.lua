-- SPDX-License-Identifier: Apache-2.0
sequence "stop-valves-shut-safe" {
  about = "Both stop valves are shut while the pumps turn. The safe way.",
  needs = { loop = "loop", pump = "pump-unit" },
}

step("shut", function()
  rig.pump.coolant:set{ stop = true }
  wait(seconds(10))
  for _, name in ipairs{ "stop-valve-1", "stop-valve-2" } do
    rig.part(name).valve:set{ open = false }
  end
  wait(seconds(15))
  for _, name in ipairs{ "stop-valve-1", "stop-valve-2" } do
    rig.part(name).valve:set{ open = true }
  end
  wait(seconds(10))
  rig.pump.coolant:set{ stop = false }
end)
