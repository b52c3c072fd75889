-- SPDX-License-Identifier: Apache-2.0
sequence "stack-restart" {
  about = "The control stack is killed at each step of each procedure, and started again: nothing is lost, and no power is switched without a look.",
  version = "1.0",
  stack = true,
  needs = { slot = "csu" },
  params = { live = volts(46), dead = volts(5) },
}

local STEPS = {
  ["hot-swap"] = { "isolate", "power-down", "ready", "removed", "power-up", "test", "reintegrate", "update" },
  ["power-on"] = { "power-up", "test" },
  ["power-off"] = { "quiesce", "power-down" },
  ["restart"] = { "quiesce", "reset", "release", "test", "resume" },
  ["failover-csu"] = { "isolate", "path-off", "retry", "settle" },
}
local MOMENTS = { "began", "ended" }

local function is_live() return rig.slot.monitor.vout > params.live end
local function is_dead() return rig.slot.monitor.vout < params.dead end
local function chassis() return stack.chassis(rig.slot) end

local function until_(what, time, fn)
  wait_until(fn, { within = time, every = ms(50), what = what, of = stack })
end

local function found() until_("the CSU is found by the stack", seconds(15), function()
  local state = chassis().state
  return state ~= "Absent" and state ~= "Starting" and state ~= nil
end) end

local function in_service()
  found()
  until_("no procedure has the CSU", seconds(60), function() return chassis().procedure == nil end)
  if chassis().power_state ~= "On" then chassis():reset("On", { patience = seconds(10) }):wait{ within = seconds(60) } end
  until_("the CSU is in service", seconds(30), function() return chassis().state == "Enabled" end)
  check("the slot is live", is_live(), { of = stack })
end

local function out_of_service()
  found()
  until_("no procedure has the CSU", seconds(60), function() return chassis().procedure == nil end)
  if chassis().power_state ~= "Off" then chassis():reset("ForceOff", { patience = seconds(10) }):wait{ within = seconds(60) } end
  until_("the slot is dead", seconds(10), is_dead)
end

local function dies(time)
  until_("the stack reaches the step", time, function() return stack.dead end)
end

-- It looks at everything once before it takes anything up.
local function start_again()
  stack:start()
  wait(seconds(2))
end

local function begin(procedure)
  if procedure == "hot-swap" then chassis():set{ ready_to_remove = true } end
  if procedure == "power-on" then chassis():reset("On") end
  if procedure == "power-off" then chassis():reset("ForceOff") end
  if procedure == "restart" then chassis():reset("ForceRestart") end
  if procedure == "failover-csu" then fault.plant(rig.slot.name .. ".power-enable-pin=stuck-low for 5s") end
end

-- With the time that hands take.
local function take_out() operator.remove(rig.slot) wait(ms(500)) end
local function put_in()
  if not operator.sees(rig.slot, "present") then operator.insert(rig.slot) end
  wait(ms(500))
end

-- A hot swap needs hands: whoever it waits for comes when it says so, before the kill or after.
local function hands(killed)
  until_("the slot may be emptied", seconds(30), function() return stack.dead or chassis().ready_to_remove or chassis().procedure == nil end)
  if stack.dead then return end
  if chassis().ready_to_remove then
    check("dead when it may be pulled", is_dead(), { of = stack })
    take_out()
    wait(seconds(2))
    if stack.dead then return end
    put_in()
  end
end

local function drill(procedure, name, moment)
  if procedure == "power-on" then out_of_service() else in_service() end
  stack:kill_at(procedure, name, moment)
  begin(procedure)
  if procedure == "hot-swap" then hands() end
  dies(seconds(60))
  local before = is_live()
  wait(seconds(1))
  check("nobody switches while the stack is dead", is_live() == before, { of = rig.slot })
  start_again()
  if procedure == "hot-swap" then
    put_in()
    hands()
    put_in()
  end
  until_("it is taken up and comes to an end", minutes(2), function() return chassis().procedure == nil end)
  local state, power = chassis().state, chassis().power_state
  check("what the stack says is so", (power == "On") == is_live(), { of = stack })
  check("Enabled means live", state ~= "Enabled" or is_live(), { of = stack })
  fault.clear()
end

for procedure, names in pairs(STEPS) do
  group(procedure, { go_on = true }, function()
    for _, name in ipairs(names) do
      for _, moment in ipairs(MOMENTS) do
        step("killed when " .. name .. " of " .. procedure .. " has " .. moment, { timeout = minutes(5), go_on = true }, function() drill(procedure, name, moment) end)
      end
    end
  end)
end

-- The unit is pulled while the stack is dead in the middle of switching it on: it must look before it switches.
step("nothing is switched blindly", { timeout = minutes(3) }, function()
  out_of_service()
  stack:kill_at("power-on", "power-up", "began")
  chassis():reset("On")
  dies(seconds(20))
  if is_live() then log("the power came before the kill") end
  take_out()
  start_again()
  until_("the stack sees the empty slot", seconds(15), function() return chassis().state == "Absent" end)
  until_("it comes to an end", minutes(1), function() return chassis().procedure == nil end)
  operator.insert(rig.slot)
  wait(ms(300))
  measure("an empty slot has no power for who comes next", rig.slot.monitor.vout, { max = params.dead, of = stack, action = "the stack has switched on an empty slot" })
  wait(seconds(3))
  in_service()
end)

-- Another unit takes its place while the stack is dead: it is not the one that was to be switched on.
step("another unit is not switched on in its place", { timeout = minutes(3) }, function()
  out_of_service()
  stack:kill_at("power-on", "power-up", "began")
  chassis():reset("On")
  dies(seconds(20))
  take_out()
  operator.replace(rig.slot)
  put_in()
  stack:start()
  local seen = sample("slot voltage", function() return rig.slot.monitor.vout end, { every = ms(20), during = seconds(8) })
  measure("nobody has looked who is there", seen.max, { max = params.dead, of = stack, action = "the stack has switched on a unit that it did not know" })
  until_("it comes to an end", minutes(1), function() return chassis().procedure == nil end)
  in_service()
end)

teardown(function()
  fault.clear()
  if stack.dead then stack:start() end
end)
