-- SPDX-License-Identifier: Apache-2.0
sequence "stack-reallocation" {
  about = "Work that grows is spread before its node is full, work that shrinks is gathered and idle modules sleep; what needs them wakes them, and nothing flaps.",
  version = "1.0",
  stack = { consolidate = true, consolidate_after = minutes(1), consolidate_spare = 0 },
  needs = { slot = "csu", loop = "loop" },
  params = { start = seconds(10), tolerance = watts(12), live = volts(46), dead = volts(5), high = percent(85), calm = minutes(15) },
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

-- Three that grow stand on the only node that was open; they would fill it to nine tenths.
group("overload", { timeout = minutes(60), teardown = function() stack:clear() end }, function()
  local growing
  step("work grows", { timeout = minutes(45), go_on = true }, function()
    for _, part in ipairs(csus) do
      if part ~= rig.slot then stack.block(part):close() end
    end
    growing = {}
    for i = 1, 3 do
      growing[i] = stack:compose{ name = "grows-" .. i, cores = math.floor(size * 0.3), memory = 512, data = 100, image = "ramp/100" }[1]
      growing[i]:wait{ within = params.start }
      check(growing[i].name .. " stands on the only node that is open", growing[i].part == rig.slot, { of = stack })
    end
    for _, part in ipairs(csus) do stack.block(part):open() end
    local peak = record("power of the node that fills", function() return draw(rig.slot) end, { every = seconds(2) })
    until_("one has moved away before the node is full", minutes(30), function() return moves() >= 1 and all_run() end)
    wait(minutes(5))
    peak:stop()
    measure("the node was never overloaded", peak.max, { max = per_core * size * params.high + params.tolerance, of = rig.slot, blame = stack })
    local left = 0
    for _, each in ipairs(growing) do if each.part == rig.slot then left = left + 1 end end
    check("as few as need be have moved", left == 2 and moves() == 1, { of = stack })
  end)

  step("then it is calm", { timeout = minutes(30), go_on = true }, function()
    local before = moves()
    wait(params.calm)
    check("nothing moves without need", moves() == before, { of = stack, action = "the stack moves work that is well where it is" })
    for _, each in ipairs(growing) do
      local now = each:look()
      local on = 0
      for _, more in ipairs(growing) do if more.part == now.part then on = on + math.floor(size * 0.3) end end
      if now.part then measure(now.name .. " draws where it is said to run", draw(now.part) - per_core * on, { min = -params.tolerance, max = params.tolerance, of = now.part, blame = stack }) end
    end
  end)
end)

group("underuse", { timeout = hours(3), teardown = function() stack:clear() end }, function()
  local small = {}
  step("idle modules sleep", { timeout = hours(2), go_on = true }, function()
    all_up()
    for i, part in ipairs(csus) do
      if i % 2 == 1 then small[#small + 1] = part end
      if i % 2 == 0 then stack.block(part):close() end
    end
    for i = 1, #small do
      for _, part in ipairs(small) do if part ~= small[i] then stack.block(part):close() end end
      stack.block(small[i]):open()
      stack:compose{ name = "small-" .. i, cores = math.floor(size * 0.1), memory = 512, data = 100, image = "steady/80" }[1]:wait{ within = params.start }
    end
    for _, part in ipairs(csus) do stack.block(part):open() end
    claim("idle modules sleep", { says = function() return sleeping() >= 4 end, wires = function() return #dark() >= 4 end, within = minutes(90), every = seconds(2), early = seconds(10),
      action = "slots that sleep must have no power" })
    until_("everything runs", minutes(5), all_run)
    check("one could still be lost: two nodes are awake", #csus - #dark() >= 2, { of = stack })
    local sum = watts(0)
    for _, part in ipairs(csus) do sum = sum + draw(part) end
    local want = per_core * #small * math.floor(size * 0.1) * 0.8
    measure("what runs draws what it did", sum - want, { min = -params.tolerance, max = params.tolerance, blame = stack })
    for _, part in ipairs(dark()) do check(part.name .. " is dark and is said to sleep", stack.block(part).state == "Asleep", { of = stack }) end
  end)

  step("what needs them wakes them", { timeout = minutes(20), go_on = true }, function()
    local before, big = #dark(), {}
    for i = 1, #csus - before + 1 do big[i] = stack:compose{ name = "big-" .. i, cores = math.floor(size * 0.6), memory = 512, image = "steady/80" }[1] end
    for _, each in ipairs(big) do each:wait{ within = minutes(2) } end
    check("a slot has power again", #dark() < before, { of = stack })
    for _, each in ipairs(big) do
      wait_until(function() return not is_dark(each.part) and draw(each.part) > per_core * size * 0.4 end, { within = seconds(5), every = ms(200), what = each.name .. " draws where it is said to run", blame = stack })
    end
  end)
end)

teardown(function() stack:clear() end)
