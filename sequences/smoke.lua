-- SPDX-License-Identifier: Apache-2.0
sequence "smoke" {
  about = "Every device answers, says who it is, and reads within the rig's limits.",
  version = "1.0",
  roll_call = false, -- asking is what it does itself
}

setup(function()
  wait(seconds(3)) -- what turns has found its speed
end)

local function read_everything(device)
  step(device.name, { go_on = true }, function()
    local identity = device:identity()
    if identity then
      check(device.name .. " says who it is", identity.model ~= nil or identity.manufacturer ~= nil, { of = device })
    end
    for quantity in device:quantities() do
      local value = device:read(quantity)
      if value ~= nil then
        measure(device.name .. " " .. quantity, value, { of = device })
      end
    end
    for _, fault in ipairs(device:faults() or {}) do
      log(device.name .. " names a fault: " .. fault, "WARNING")
    end
  end)
end

step("every device", { timeout = minutes(10) }, function()
  for device in rig.devices() do -- first who feeds the others
    if device.role == "supply" then read_everything(device) end
  end
  for device in rig.devices() do
    -- an agent answers only on a node that has booted
    if device.role ~= "supply" and device.role ~= "agent" then read_everything(device) end
  end
end)
