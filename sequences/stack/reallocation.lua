-- SPDX-License-Identifier: Apache-2.0
sequence "stack-reallocation" {
  about = "Work that grows is spread before its node is full, work that shrinks is gathered and idle modules sleep; what needs them wakes them, and nothing flaps.",
  version = "1.0",
  stack = { consolidate = true, consolidate_after = seconds(30), consolidate_spare = 0, forecast_ahead = minutes(15), poll = seconds(2), stale = seconds(8) },
  needs = { slot = "csu", loop = "loop" },
  params = { start = seconds(10), tolerance = watts(12), live = volts(46), dead = volts(5), high = percent(85) },
}

local csus, idle, per_core, size = {}, {}, nil, nil

-- One after another, as a site does it: the inrush of all at once is nobody's idea of a good start.
local function switch_on(parts)
  for _, part in ipairs(parts) do
    local unit = stack.chassis(part)
    if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) } end
  end
end

local function until_(what, within, fn)
  wait_until(fn, { within = within, every = ms(500), what = what, of = stack })
end

local function is_dark(part) return part.monitor.vout < params.dead end
local function draw(part) return is_dark(part) and watts(0) or part.monitor.pout - idle[part.name] end

local function moves()
  local sum = 0
  for _, now in ipairs(stack.survey) do sum = sum + (now.moves or 0) end
  return sum
end

local function all_run()
  for _, now in ipairs(stack.survey) do
    if now.state ~= "Running" then return false end
  end
  return true
end

local function dark()
  local list = {}
  for _, part in ipairs(csus) do
    if is_dark(part) then list[#list + 1] = part end
  end
  return list
end

local function sleeping()
  local count = 0
  for _, block in ipairs(stack.blocks) do
    if block.state == "Asleep" then count = count + 1 end
  end
  return count
end

local function all_up()
  switch_on(csus)
  for _, part in ipairs(csus) do
    until_(part.name .. " takes work", minutes(1), function() return stack.block(part).state == "Up" end)
  end
end

setup({ timeout = minutes(4) }, function()
  for part in rig.parts("csu") do csus[#csus + 1] = part end
  all_up()
  wait(seconds(5))
  for _, part in ipairs(csus) do idle[part.name] = sample(part.name .. " at rest", function() return part.monitor.pout end, { every = ms(100), during = seconds(1) }).mean end
  size = stack.block(rig.slot).capacity.cores
  local probe = stack:compose{ name = "probe", cores = size / 2, image = "steady/100" }[1]
  probe:wait{ within = params.start }
  wait(seconds(3))
  per_core = draw(probe.part) / (size / 2)
  stack:clear()
end)

-- Composed there because nothing else is open; what is not pinned may be moved later.
local function compose_on(part, what)
  for _, each in ipairs(csus) do
    if each ~= part then stack.block(each):close() end
  end
  local list = {}
  for i, one in ipairs(what) do
    list[i] = stack:compose(one)[1]
    list[i]:wait{ within = params.start }
    check(one.name .. " stands on the only unit that is open", list[i].part == part, { of = stack })
  end
  for _, each in ipairs(csus) do stack.block(each):open() end
  return list
end

local function still_on(part, list)
  local count = 0
  for _, each in ipairs(list) do
    if each.part == part then count = count + 1 end
  end
  return count
end

local function draws_as_said(when, list, cores, share)
  local function off(part) return draw(part) - per_core * still_on(part, list) * cores * share end
  wait_until(function()
    for _, part in ipairs(csus) do
      if abs(off(part)) > params.tolerance then return false end
    end
    return true
  end, { within = seconds(15), every = ms(500), or_nil = true })
  for _, part in ipairs(csus) do
    measure(part.name .. " draws what runs there " .. when, off(part), { min = -params.tolerance, max = params.tolerance, of = part, blame = stack })
  end
end

-- First of all, since units that idle are switched off: the others are at rest and would be.
group("underuse", { timeout = hours(1), teardown = function() stack:clear() end }, function()
  local small, cores = {}, nil
  step("idle modules sleep", { timeout = minutes(30), go_on = true }, function()
    cores = math.floor(size * 0.1)
    for i, part in ipairs(csus) do
      if i % 2 == 1 then small[#small + 1] = compose_on(part, { { name = "small-" .. i, cores = cores, memory = 512, data = 100, image = "steady/80" } })[1] end
    end
    draws_as_said("while it is spread", small, cores, 0.8)
    local module = math.tointeger(#csus / 2)
    claim("a module's units sleep", { says = function() return sleeping() >= module end, wires = function() return #dark() >= module end, within = minutes(20),
      every = seconds(1), early = seconds(5), action = "units that sleep must have no power" })
    until_("everything runs", minutes(2), all_run)
    draws_as_said("when it is gathered", small, cores, 0.8)
    for _, part in ipairs(dark()) do
      check(part.name .. ", which is dark, is said to sleep", stack.block(part).state == "Asleep", { of = stack })
      check(part.name .. ", which is dark, is not said to have failed", stack.chassis(part).health == "OK", { of = stack })
    end
  end)

  step("what needs them wakes them", { timeout = minutes(10), go_on = true }, function()
    local before, big = #dark(), {}
    for i = 1, #csus - before + 1 do
      big[i] = stack:compose({ name = "big-" .. i, cores = math.floor(size * 0.6), memory = 512, image = "steady/50" }, { or_nil = true })
      check("there is room for big-" .. i .. ": what sleeps counts", big[i] ~= nil, { of = stack })
    end
    for _, each in pairs(big) do
      each[1]:wait{ within = minutes(2) }
      local part = each[1].part
      wait_until(function() return draw(part) > per_core * size * 0.3 - params.tolerance end, { within = seconds(5), every = ms(200), what = each[1].name .. " draws where it is said to run", blame = stack })
    end
    check("a slot has power again", #dark() < before, { of = stack })
  end)
end)

-- Three that grow would fill their unit to nine tenths; it is told from how they grow, long before.
group("overload", { timeout = hours(1), teardown = function() stack:clear() end }, function()
  step("work grows", { timeout = minutes(40), go_on = true }, function()
    all_up()
    local what, cores = {}, math.floor(size * 0.32)
    for i = 1, 3 do what[i] = { name = "grows-" .. i, cores = cores, memory = 512, data = 100, image = "ramp/100" } end
    local growing = compose_on(rig.slot, what)
    local peak = record("power of the unit that fills", function() return draw(rig.slot) end, { every = seconds(5) })
    until_("one has moved away before the unit is full", minutes(20), function() return moves() >= 1 and all_run() end)
    wait(minutes(1))
    peak:stop()
    measure("the unit was never overloaded", peak.max, { max = per_core * size * params.high + params.tolerance, of = rig.slot, blame = stack })
    check("as few as need be have moved", still_on(rig.slot, growing) == 2 and moves() == 1, { of = stack })
  end)
end)

teardown(function() stack:clear() end)
