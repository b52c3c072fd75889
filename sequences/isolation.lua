-- SPDX-License-Identifier: Apache-2.0
sequence "isolation" {
  about = "Each module's stop valve shuts and opens again, by its end switches and by what the pump unit feels.",
  version = "1.0",
  needs = { loop = "loop", pump = "pump-unit", branch = "stop-valve" },
  params = {
    flow = litres_per_minute(5.6), -- low enough for what stays open when one is shut, and within the loop's limits
    travel = seconds(8),
    rise = 1.5, -- at the same flow the rest of the rack takes this many times the pressure, at least, when a branch is shut
  },
}

local design

local function unit() return rig.pump.coolant end

local function of_loop()
  local list = {}
  for part in rig.parts("stop-valve") do
    if part:link("loop") == rig.loop and part:has("valve") then list[#list + 1] = part end
  end
  return list
end

-- What the pump unit presses with, over two seconds: its control loop is never quite still.
local function pressure()
  local sum, n = nil, 10
  for _ = 1, n do
    local value = unit().supply_pressure - unit().return_pressure
    sum = sum == nil and value or sum + value
    wait(ms(200))
  end
  return sum / n
end

local function goes(part, open)
  part.valve:set{ open = open }
  wait_until(function() return part.valve[open and "position_open" or "position_closed"] end,
    { within = params.travel, every = ms(100), what = part.name .. (open and " open" or " shut"), of = part, blame = part })
  require(part.name .. " stands at one end only", not part.valve[open and "position_closed" or "position_open"], { of = part.valve })
  wait(seconds(25)) -- the flow control's time constant is some seconds
end

setup(function()
  design = unit().flow_set
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(0) }
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end
  unit():set{ flow_set = params.flow }
  wait(seconds(25))
end)

step("stand open", { go_on = true }, function()
  for _, part in ipairs(of_loop()) do
    check(part.name .. " is asked to be open", part.valve.open, { of = part.valve })
    check(part.name .. " is open", part.valve.position_open and not part.valve.position_closed, { of = part, blame = part })
  end
end)

step("shut and open", { timeout = minutes(10) }, function()
  for _, part in ipairs(of_loop()) do
    local before = pressure()
    goes(part, false)
    local shut = pressure()
    goes(part, true)
    measure("pressure with " .. part.name .. " shut, against open", shut / before, { min = params.rise, of = part, blame = part, action = "service the valve, its seat" })
    measure("pressure with " .. part.name .. " open again", pressure() / before, { min = 0.9, max = 1.1, of = part, blame = part })
  end
end)

teardown(function()
  for _, part in ipairs(of_loop()) do part.valve:set{ open = true } end
  wait(seconds(8))
  unit():set{ flow_set = design }
  wait(seconds(25))
end)
