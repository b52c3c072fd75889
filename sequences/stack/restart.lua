-- SPDX-License-Identifier: Apache-2.0
sequence "stack-restart" {
  about = "The control stack is killed at each step of each procedure, and started again: nothing is lost, and no power is switched without a look.",
  version = "1.1",
  stack = true,
  needs = { slot = "csu", psu = "psu", pump = "pump-unit", loop = "loop", tray = "tray", busbar = "busbar" },
  params = { live = volts(46), dead = volts(5), flows = litres_per_minute(4), delay = ms(200) },
}

allow_hazard("uncooled", "the coolant stands to see the stack take the load off")

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

-- What concerns more than one slot: two of a module and one of another are on, and watched.
local module, mine, others, watched
local function slots_where(is_mine, most)
  local list = {}
  for part in rig.parts("csu") do
    if (part:link("in") == module) == is_mine and #list < most then list[#list + 1] = part end
  end
  return list
end

setup(function()
  module = rig.slot:link("in")
  mine, others = slots_where(true, 2), slots_where(false, 1)
  watched = { mine[1], mine[2], others[1] }
end)

local function live(part) return part.monitor.vout > params.live end
local function dead(part) return part.monitor.vout < params.dead end
local function all(parts, is_so)
  for _, part in ipairs(parts) do
    if not is_so(part) then return false end
  end
  return true
end
local function plant_each(parts, what)
  for _, part in ipairs(parts) do fault.plant(part.name .. what) end
end
local function pumps_die(n)
  for i = 1, n do fault.plant(rig.pump.name .. ".pump-" .. i .. "=dead") end
end

-- unit: whose procedure it is. begin: what starts it. ends: what the wires show once it is over; by then what began it is mended. off: it takes power, and
-- gives none back to what is dead. keeps: those that it does not concern.
local WIDE = {
  ["evacuate"] = { steps = { "quiesce", "power-down" }, unit = function() return stack.chassis(module) end, keeps = function() return others end,
    begin = function() stack.chassis(module):reset("GracefulShutdown") end, ends = function() return all(mine, dead) or all(mine, live) end },
  ["failover-module"] = { steps = { "isolate", "paths-off", "settle" }, unit = function() return stack.chassis(module) end, keeps = function() return others end, off = true,
    begin = function() plant_each(mine, ".fet=stuck-off") end, ends = function() return all(mine, dead) end },
  ["failover-psu"] = { steps = { "notice", "wake", "shed", "verify" }, unit = function() return stack.supply(rig.psu) end, keeps = function() return watched end,
    begin = function() fault.plant(rig.psu.name .. ".supply=dead") end, ends = function() return rig.busbar.vout > params.live end },
  ["failover-pump"] = { steps = { "notice", "take-over", "verify" }, unit = function() return stack.pump(rig.pump, 1) end, keeps = function() return watched end,
    begin = function() pumps_die(1) end, ends = function() return rig.loop.flow > params.flows end },
  ["failover-loop"] = { steps = { "notice", "power-down" }, unit = function() return stack.cooling_loop(rig.loop) end, keeps = function() return {} end, off = true,
    begin = function() pumps_die(2) end, ends = function() return all(watched, dead) end },
  ["leak-response"] = { steps = { "cut-power", "stop-coolant" }, unit = function() return stack.leak_detector(rig.tray) end, keeps = function() return others end, off = true,
    begin = function() fault.plant(rig.tray.name .. ".sensor=wet-always") end, ends = function() return all(mine, dead) end },
  ["thermal-emergency"] = { steps = { "cut-power", "cool-down" }, unit = chassis, keeps = function() return { mine[2], others[1] } end, off = true,
    begin = function() fault.plant(rig.slot.thermometer.name .. ".cpu-1-temperature=offset:80degC for 5s") end, ends = is_dead },
}

-- As a person does once all is mended.
local function all_in_service()
  found()
  for valve in rig.parts("stop-valve") do
    if valve:link("in") == module then stack.connector(valve):valve("Open", { patience = seconds(20) }) end
  end
  until_("coolant flows", minutes(1), function() return rig.loop.flow > params.flows end)
  until_("the supply works", minutes(1), function() return stack.supply(rig.psu).state == "Enabled" and stack.supply(rig.psu).procedure == nil end)
  for _, part in ipairs(watched) do
    local unit = stack.chassis(part)
    until_("no procedure has " .. part.name, minutes(1), function() return unit.procedure == nil end)
    if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(20) }):wait{ within = minutes(1) } end
    until_(part.name .. " is in service", seconds(30), function() return unit.state == "Enabled" and unit.health == "OK" end)
  end
  until_("all pumps turn", minutes(1), function() return stack.pump(rig.pump, 1).state == "Enabled" and stack.pump(rig.pump, 2).state == "Enabled" end)
end

-- In the background: how often each slot got power, and how often it lost it.
local function watch()
  local seen = {}
  for _, part in ipairs(watched) do
    local count = { live = live(part), rises = 0, falls = 0 }
    seen[part.name] = count
    count.series = record(part.name .. " slot voltage", function()
      local v = part.monitor.vout
      if v > params.live and not count.live then count.rises, count.live = count.rises + 1, true end
      if v < params.dead and count.live then count.falls, count.live = count.falls + 1, false end
      return v
    end, { every = ms(20) })
  end
  return seen
end

local function count_tasks() return #stack:members("/redfish/v1/TaskService/Tasks") end

local function wide_drill(procedure, name, moment)
  local how = WIDE[procedure]
  all_in_service()
  local tasks = count_tasks()
  stack:kill_at(procedure, name, moment)
  how.begin()
  dies(minutes(1))
  local seen = watch()
  wait(seconds(1))
  for _, part in ipairs(watched) do
    check("nobody gives " .. part.name .. " power while the stack is dead", seen[part.name].rises == 0, { of = part })
  end
  start_again()
  until_("it goes on to its end, or back", minutes(2), function() return how.ends() and (procedure == "thermal-emergency" or how.unit().procedure == nil) end)
  fault.clear()
  until_("it is over", minutes(2), function() return how.unit().procedure == nil end)
  check("it is not lost: its task is there", count_tasks() > tasks, { of = stack })
  for _, part in ipairs(watched) do
    local count, unit = seen[part.name], stack.chassis(part)
    check(part.name .. " is switched once at most", count.rises + count.falls <= 1, { of = stack, action = "the stack switches power again without a look" })
    if how.off then check(part.name .. " is given no power", count.rises == 0, { of = stack, action = "the stack gives power to what it must take it from" }) end
    check("what the stack says of " .. part.name .. " is so", (unit.power_state == "On") == live(part), { of = stack })
    check(part.name .. " Enabled means live", unit.state ~= "Enabled" or live(part), { of = stack })
    count.series:stop()
  end
  for _, part in ipairs(how.keeps()) do check(part.name .. " kept its power", live(part) and seen[part.name].falls == 0, { of = stack }) end
  check("the wires show how it ended", how.ends(), { of = stack })
end

for procedure, how in pairs(WIDE) do
  group(procedure, { go_on = true }, function()
    for _, name in ipairs(how.steps) do
      for _, moment in ipairs(MOMENTS) do
        step("killed when " .. name .. " of " .. procedure .. " has " .. moment, { timeout = minutes(6), go_on = true }, function() wide_drill(procedure, name, moment) end)
      end
    end
  end)
end

step("mended", { timeout = minutes(3) }, function()
  fault.clear()
  all_in_service()
end)

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
