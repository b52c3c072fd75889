-- SPDX-License-Identifier: Apache-2.0
sequence "stack-failover" {
  about = "A CSU, a supply, a pump, a whole module with its work and the loop are lost, one after another: the stack notices each, says so, and what it must protect stays.",
  version = "1.0",
  stack = true,
  needs = { slot = "csu", psu = "psu", pump = "pump-unit", loop = "loop", busbar = "busbar" },
  params = { load = watts(200), live = volts(46), dead = volts(5), tolerance = watts(15) },
}

allow_hazard("uncooled", "the coolant stands to see the stack take the load off")

local function unit_of(part) return stack.chassis(part) end

-- One after another, as a site does it: the inrush of all at once is nobody's idea of a good start.
local function switch_on(parts)
  for _, part in ipairs(parts) do
    local unit = stack.chassis(part)
    if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) } end
  end
end

local function all_slots()
  local all = {}
  for part in rig.parts("csu") do all[#all + 1] = part end
  return all
end

local function says_unwell(unit) return function() return unit.health ~= "OK" end end
setup({ timeout = minutes(3) }, function()
  switch_on(all_slots())
  wait(seconds(5))
  for part in rig.parts("csu") do part.load:set{ load = params.load } end
  wait(seconds(2))
end)

step("all is well", function()
  for part in rig.parts("csu") do check(part.name .. " is Enabled and OK", unit_of(part).state == "Enabled" and unit_of(part).health == "OK") end
  for psu in rig.parts("psu") do check(psu.name .. " is Enabled", stack.supply(psu).state == "Enabled") end
  for i = 1, 2 do check("pump " .. i .. " is Enabled", stack.pump(rig.pump, i).state == "Enabled") end
end)

-- An answer that comes before the hardware has the write cannot know that it was not taken.
step("a write that is not taken", { go_on = true }, function()
  local deaf = rig.pump.name .. ".wire=ignores-writes"
  fault.plant(deaf)
  stack.cooling_unit(rig.pump):set_mode("Disabled", { expect = "error" })
  fault.clear(deaf)
  check("the pumps go on", rig.loop.flow > litres_per_minute(4), { of = rig.pump })
end)

step("a CSU is lost", { go_on = true, timeout = minutes(2) }, function()
  local unit, pin = unit_of(rig.slot), rig.slot.name .. ".fet=stuck-off"
  fault.plant(pin)
  claim("the stack says that the CSU failed", { says = says_unwell(unit), wires = function() return rig.slot.monitor.vout < params.live end, within = seconds(10) })
  check("the stack does not say Enabled", unit.state ~= "Enabled")
  stack:await{ message = "ResourceStateChanged", origin = rig.slot, within = seconds(2) }
  wait_until(function() return unit.indicator and operator.sees(rig.slot, "attention") end, { within = seconds(5), every = ms(50), what = "the attention LED marks the CSU that failed", of = stack })
  for part in rig.parts("csu") do
    if part ~= rig.slot then measure(part.name .. " keeps its power", part.monitor.vout, { min = params.live, blame = stack }) end
  end
  wait(seconds(20)) -- it tries once more, and gives up
  fault.clear(pin)
  check("it stays isolated until somebody wants it", rig.slot.monitor.vout < params.dead, { of = stack })
  unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) }
  check("live again", rig.slot.monitor.vout > params.live, { of = stack })
  check("in service again", unit.state == "Enabled")
end)

step("a supply is lost", { go_on = true, timeout = minutes(2) }, function()
  local supply, death = stack.supply(rig.psu), rig.psu.name .. ".supply=dead"
  fault.plant(death)
  wait_until(function() return supply.health ~= "OK" and supply.state ~= "Enabled" end,
    { within = seconds(5), every = ms(20), what = "the stack says that the supply is lost", of = stack })
  stack:await{ message = "PowerSupplyFailed", origin = rig.psu, within = seconds(5) }
  measure("the bus holds", rig.busbar.vout, { min = volts(46), max = volts(50) })
  fault.clear(death)
  wait_until(function() return supply.state == "Enabled" end, { within = seconds(30), every = ms(100), what = "the stack says that the supply is back", of = stack })
end)

step("a pump is lost", { go_on = true, timeout = minutes(2) }, function()
  local pump, death = stack.pump(rig.pump, 1), rig.pump.name .. ".pump-1=dead"
  fault.plant(death)
  wait_until(function() return pump.health ~= "OK" and pump.state ~= "Enabled" end,
    { within = seconds(20), every = ms(50), what = "the stack says that pump 1 stands", of = stack })
  stack:await{ message = "PumpFailed", within = seconds(10) }
  wait_until(function() return rig.loop.flow > litres_per_minute(4) end, { within = seconds(20), what = "the other pump carries the flow", blame = stack })
  check("pump 2 is Enabled", stack.pump(rig.pump, 2).state == "Enabled")
  fault.clear(death)
  wait_until(function() return pump.state == "Enabled" end, { within = seconds(60), every = ms(200), what = "the stack says that pump 1 runs again", of = stack })
end)

step("a module is lost", { go_on = true, timeout = minutes(3) }, function()
  local module = rig.slot:link("in")
  if not module then return end
  local slots = {}
  for part in rig.parts("csu") do
    if part:link("in") == module then slots[#slots + 1] = part end
  end
  for _, part in ipairs(slots) do fault.plant(part.name .. ".fet=stuck-off") end
  for _, part in ipairs(slots) do
    wait_until(function() return unit_of(part).health ~= "OK" end, { within = seconds(10), every = ms(50), what = "the stack says that " .. part.name .. " failed", of = stack })
  end
  wait_until(function() return unit_of(module).health ~= "OK" end, { within = seconds(10), every = ms(50), what = "the stack says that the module failed", of = stack })
  for part in rig.parts("csu") do
    if part:link("in") ~= module then measure(part.name .. " keeps its power", part.monitor.vout, { min = params.live, blame = stack }) end
  end
  wait(seconds(20))
  for _, part in ipairs(slots) do fault.clear(part.name .. ".fet=stuck-off") end
  switch_on(slots)
end)

-- Of a module that is lost the most important work is taken up on what is left, none of it twice; the rest when there is room again.
group("work of a lost module", { teardown = function() stack:clear() end, go_on = true }, function()
  local idle, jobs, per_core, lost, kept = {}, {}, nil, {}, {}

  local function until_(what, within, fn)
    wait_until(fn, { within = within, every = ms(200), what = what, of = stack })
  end

  local function draw(part) return part.monitor.pout - idle[part.name] end

  -- Only what is "steady" uses its cores, all of them.
  local function work_on(part)
    local cores = 0
    for _, job in ipairs(jobs) do
      local now = job:look()
      if now.part == part and now.state == "Running" then cores = cores + now.cores end
    end
    return per_core * cores
  end

  local function draws_as_said(parts, when)
    wait_until(function()
      for _, part in ipairs(parts) do
        if abs(draw(part) - work_on(part)) > params.tolerance then return false end
      end
      return true
    end, { within = seconds(6), every = ms(500), or_nil = true })
    for _, part in ipairs(parts) do
      measure(part.name .. " draws what runs there " .. when, draw(part) - work_on(part), { min = -params.tolerance, max = params.tolerance, of = part, blame = stack,
        action = "work that was lost runs twice, or does not run where the stack says" })
    end
  end

  local function walls(name, share)
    local list = {}
    for _, part in ipairs(kept) do
      list[#list + 1] = stack:compose{ name = name .. "-" .. part.name, cores = math.floor(stack.block(part).capacity.cores * share), image = "idle", priority = 50, stay = true, block = part }[1]
    end
    for _, wall in ipairs(list) do wall:wait{ within = seconds(20) } end
    return list
  end

  step("it is at work", { timeout = minutes(3) }, function()
    for part in rig.parts("csu") do
      local here = part:link("in") == rig.slot:link("in") and lost or kept
      here[#here + 1] = part
      until_(part.name .. " takes work", minutes(1), function() return stack.block(part).state == "Up" end)
    end
    wait(seconds(5))
    for part in rig.parts("csu") do idle[part.name] = sample(part.name .. " with its load bank", function() return part.monitor.pout end, { every = ms(100), during = seconds(1) }).mean end
    local first = walls("all", 1)
    local cores = math.floor(stack.block(rig.slot).capacity.cores * 0.35)
    for i = 1, 2 * #lost do
      jobs[i] = stack:compose{ name = "job-" .. i, cores = cores, memory = 512, image = "steady/100", priority = i, queue = true }[1]
      jobs[i]:wait{ within = seconds(20) }
      if i == 1 then
        wait_until(function() return draw(jobs[1].part) > watts(40) end, { within = seconds(3), what = "its current flows", blame = stack })
        wait(seconds(1))
        per_core = draw(jobs[1].part) / cores
      end
    end
    for _, wall in ipairs(first) do wall:stop() end
    for _, wall in ipairs(first) do until_("the walls are gone", seconds(20), function() return not wall:is_there() end) end
    walls("most", 0.6) -- one job fits beside each
    draws_as_said(lost, "before the loss")
  end)

  step("the module is lost", { timeout = minutes(3) }, function()
    for _, part in ipairs(lost) do fault.plant(part.name .. ".fet=stuck-off") end
    local from = now()
    until_("the more important half runs on what is left", minutes(1), function()
      for i = #lost + 1, #jobs do
        local job = jobs[i]:look()
        if job.state ~= "Running" or job.part == nil or job.part:link("in") == rig.slot:link("in") then return false end
      end
      return true
    end)
    log("taken up " .. tostring(now() - from) .. " after the module was lost")
    for i = 1, #lost do check(jobs[i].name .. ", which is less important, waits", jobs[i].state ~= "Running", { of = stack }) end
    draws_as_said(kept, "after the loss")
  end)

  step("the module is back", { timeout = minutes(3) }, function()
    wait(seconds(20))
    for _, part in ipairs(lost) do fault.clear(part.name .. ".fet=stuck-off") end
    switch_on(lost)
    until_("all of it runs", minutes(2), function()
      for _, job in ipairs(jobs) do
        if job.state ~= "Running" then return false end
      end
      return true
    end)
    wait(seconds(5))
    draws_as_said(all_slots(), "when the module is back")
  end)
end)

step("the loop is lost", { timeout = minutes(3) }, function()
  for i = 1, 2 do fault.plant(rig.pump.name .. ".pump-" .. i .. "=dead") end
  wait_until(function() return rig.loop.flow < litres_per_minute(1) end, { within = seconds(20), what = "the coolant stands" })
  local from = now()
  wait_until(function() return stack.cooling_loop(rig.loop).health ~= "OK" end, { within = seconds(10), every = ms(50), what = "the stack says that the loop has no flow", of = stack })
  wait_until(function()
    for part in rig.parts("csu") do
      if part.monitor.vout > params.dead then return false end
    end
    return true
  end, { within = seconds(60), every = ms(100), what = "the CSUs go off before they trip", blame = stack })
  measure("all CSUs off after the flow was lost", now() - from, { max = seconds(40), of = stack })
end)

teardown(function()
  fault.clear()
  for part in rig.parts("csu") do part.load:set{ load = watts(0) } end
end)
