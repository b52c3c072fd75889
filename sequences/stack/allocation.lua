-- SPDX-License-Identifier: Apache-2.0
sequence "stack-allocation" {
  about = "Work is given to the stack until the rack is full: it goes where it fits, never beyond what there is, by priority, and runs where the stack says.",
  version = "1.0",
  stack = { reserve_time = seconds(30), consolidate = false },
  needs = { slot = "csu", loop = "loop" },
  params = { start = seconds(10), tolerance = watts(12) },
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
  wait_until(fn, { within = within, every = ms(100), what = what, of = stack })
end

local function draw(part) return part.monitor.pout - idle[part.name] end

local function running()
  local list = {}
  for _, now in ipairs(stack.survey) do
    if now.state == "Running" then list[#list + 1] = now end
  end
  return list
end

-- What ought to be drawn at each slot, if what the stack says runs there does: all of it is "steady", so that it follows from what was asked for.
local function expected()
  local watts_at = {}
  for _, now in ipairs(running()) do
    local name = now.part and now.part.name or "nowhere"
    watts_at[name] = (watts_at[name] or watts(0)) + per_core * now.cores * tonumber(string.match(now.image, "/(%d+)") or 0) / 100
  end
  return watts_at
end

local function as_said()
  local watts_at = expected()
  for _, part in ipairs(csus) do
    if abs(draw(part) - (watts_at[part.name] or watts(0))) > params.tolerance then return false end
  end
  return watts_at.nowhere == nil
end

-- The claim against the truth: current flows where, and only where, the stack says that something runs.
local function matches_the_wires(when)
  wait_until(as_said, { within = seconds(5), every = ms(200), or_nil = true })
  local watts_at = expected()
  for _, part in ipairs(csus) do
    measure(part.name .. " draws what runs there " .. when, draw(part) - (watts_at[part.name] or watts(0)),
      { min = -params.tolerance, max = params.tolerance, of = part, blame = stack, action = "what the stack says runs there is not what the slot's current shows" })
  end
end

local function given_is_within_capacity(when)
  local sums = {}
  for _, now in ipairs(stack.survey) do
    if now.node then sums[now.node] = (sums[now.node] or 0) + now.cores end
  end
  for _, block in ipairs(stack.blocks) do
    local now = block:look()
    check(now.name .. " has no more given away than it has " .. when, (sums[now.name] or 0) <= now.capacity.cores and now.given.cores <= now.capacity.cores and
      now.given.memory <= now.capacity.memory, { of = stack })
  end
end

local function module_of(workload) return workload:look().part:link("in") end

local function runs(list, when)
  for _, workload in ipairs(list) do workload:wait{ within = params.start } end
  matches_the_wires(when)
end

local function is_refused(what, name, word)
  local list, why = stack:compose(what, { or_nil = true })
  check(name, list == nil, { of = stack })
  if word then check(name .. ", and it is said what was short", why ~= nil and string.find(string.lower(why), word) ~= nil, { of = stack }) end
  log(why or "it was taken")
  return list
end

setup({ timeout = minutes(4) }, function()
  for part in rig.parts("csu") do csus[#csus + 1] = part end
  switch_on(csus)
  for _, part in ipairs(csus) do
    until_(part.name .. " takes work", minutes(1), function() return stack.block(part).state == "Up" end)
  end
  wait(seconds(5))
  for _, part in ipairs(csus) do idle[part.name] = sample(part.name .. " at rest", function() return part.monitor.pout end, { every = ms(100), during = seconds(1) }).mean end
  size = stack.block(rig.slot).capacity.cores
end)

group("place", { teardown = function() stack:clear() end }, function()
  step("a preview takes nothing", function()
    local places = stack:preview{ name = "look", cores = size / 2, memory = 1024, image = "steady/100" }
    check("a preview names a place", #places == 1 and places[1].node ~= nil, { of = stack })
    check("a preview is no workload", #stack.workloads == 0, { of = stack })
    for _, block in ipairs(stack.blocks) do check(block.name .. " has nothing given away", block.given.cores == 0, { of = stack }) end
    for _, part in ipairs(csus) do measure(part.name .. " draws nothing more", draw(part), { max = params.tolerance, blame = stack }) end
  end)

  step("it runs where the stack says", function()
    local first = stack:compose{ name = "first", cores = size / 2, memory = 1024, image = "steady/100" }[1]
    first:wait{ within = params.start }
    local part = first.part
    wait_until(function() return draw(part) > watts(60) end, { within = seconds(3), what = "its current flows", blame = stack })
    wait(seconds(1))
    per_core = draw(part) / (size / 2)
    measure("a core takes", per_core, { min = watts(1) })
    matches_the_wires("with one workload")
    check("it is explained", type(first.why) == "string" and first.why ~= "" and #first.explanation > 0, { of = stack })
    given_is_within_capacity("with one workload")
  end)

  step("no fit", { go_on = true }, function()
    is_refused({ name = "giant", cores = 2 * size, image = "steady/10" }, "more than a node has is refused", "core")
    is_refused({ name = "fat", cores = 1, memory = 1024 * 1024 * 64, image = "steady/10" }, "more memory than there is is refused", "memory")
    is_refused({ { name = "half", cores = 1, image = "steady/10" }, { name = "other-half", cores = 2 * size, image = "steady/10" } }, "components go together or not at all")
    check("nothing of it was taken", #stack.workloads == 1, { of = stack })
  end)

  step("constraints", { go_on = true }, function()
    is_refused({ name = "picky", cores = 1, features = { "fpga" }, image = "steady/10" }, "a feature that no node has is refused")
    local apart = stack:compose{ { name = "left", cores = 2, image = "steady/100" }, { name = "right", cores = 2, image = "steady/100", apart = { "left" }, apart_in = "Module" } }
    local with = stack:compose{ { name = "front", cores = 2, image = "steady/100" }, { name = "back", cores = 2, image = "steady/100", with = { "front" }, with_in = "Node" } }
    runs(apart, "with two apart")
    check("apart is apart", module_of(apart[1]) ~= module_of(apart[2]), { of = stack })
    check("together is together", with[1].node == with[2].node, { of = stack })
  end)

  step("redundancy", { go_on = true }, function()
    local twice = stack:compose{ name = "pair", cores = 2, image = "steady/100", replicas = 1, redundancy = "TwoN", spread = "Module" }
    check("2N is two of one", #twice == 2, { of = stack })
    runs(twice, "with a redundant pair")
    check("no module holds both", #twice == 2 and module_of(twice[1]) ~= module_of(twice[2]), { of = stack, action = "the loss of one module would be the loss of both" })
    local spare = stack:compose{ name = "spare", cores = 2, image = "steady/100", replicas = 2, redundancy = "NPlus1" }
    check("N+1 is three of two", #spare == 3, { of = stack })
    local nodes = {}
    for _, workload in ipairs(spare) do nodes[workload.node] = (nodes[workload.node] or 0) + 1 end
    for name, count in pairs(nodes) do check(name .. " holds one of the three", count == 1, { of = stack }) end
  end)

  step("what is well where it is stays", { go_on = true, timeout = minutes(2) }, function()
    wait(seconds(45))
    for _, now in ipairs(stack.survey) do
      check(now.name .. " has not been moved", now.moves == 0, { of = stack, action = "the stack moves work that is well where it is" })
    end
    given_is_within_capacity("a while later")
    matches_the_wires("a while later")
  end)
end)

-- Two fit on each node, and nothing more.
local function share() return math.floor(size * 0.45) end

local function fill()
  local list = {}
  for i = 1, 2 * #csus do
    local placed = stack:compose({ name = "fill-" .. i, cores = share(), memory = 512, image = "steady/50", priority = 10 }, { or_nil = true })
    if not placed then break end
    list[#list + 1] = placed[1]
  end
  check("it takes as many as there is room for", #list == 2 * #csus, { of = stack })
  return list
end

local filled

group("full", { teardown = function() stack:clear() end }, function()
  step("capacity is never exceeded", { timeout = minutes(3) }, function()
    filled = fill()
    is_refused({ name = "one-more", cores = share(), image = "steady/50", priority = 10 }, "one more than fits is refused", "core")
    given_is_within_capacity("when it is full")
    runs(filled, "when it is full")
  end)

  step("a reservation is kept", { go_on = true, timeout = minutes(2) }, function()
    filled[1]:stop()
    until_("what was stopped is gone", params.start, function() return not filled[1]:is_there() end)
    local reservation = stack:reserve{ name = "kept", cores = share(), memory = 512, image = "steady/50", priority = 10 }
    check("the stack has it", reservation:is_there(), { of = stack })
    is_refused({ name = "thief", cores = share(), image = "steady/50", priority = 10 }, "what is reserved is not given to another")
    wait(seconds(20))
    check("the stack still has it", reservation:is_there(), { of = stack })
    local late = stack:compose({ name = "late-thief", cores = share(), image = "steady/50", priority = 10 }, { or_nil = true })
    check("nor a while later", late == nil, { of = stack })
    local kept, why = reservation:apply{ or_nil = true }
    check("it is honoured" .. (why and ": " .. why or ""), kept ~= nil, { of = stack })
    if kept then
      filled[1] = kept[1]
      runs(kept, "with what was reserved")
    end
  end)

  step("who waits gets room, the first by priority first", { go_on = true, timeout = minutes(3) }, function()
    local function waiting(name, priority) return stack:compose{ name = name, cores = share(), image = "steady/50", priority = priority, queue = true }[1] end
    local first, second, high = waiting("low", 1), waiting("low-later", 1), waiting("high", 5)
    check("all three wait", first.state == "Queued" and second.state == "Queued" and high.state == "Queued", { of = stack })
    matches_the_wires("while three wait")
    filled[2]:stop()
    high:wait{ within = seconds(30), action = "the most important of those that wait is first" }
    check("the less important wait on", first.state == "Queued" and second.state == "Queued", { of = stack })
    filled[3]:stop()
    first:wait{ within = seconds(30), action = "of equals that wait the oldest is first" }
    check("the later one waits on", second.state == "Queued", { of = stack })
    second:stop()
    matches_the_wires("when nobody waits")
    given_is_within_capacity("when nobody waits")
  end)

  step("the more important displaces the less", { go_on = true, timeout = minutes(2) }, function()
    local first = stack:compose{ name = "urgent", cores = share(), image = "steady/50", priority = 20 }[1]
    first:wait{ within = seconds(30) }
    local out = {}
    for _, now in ipairs(stack.survey) do
      if now.state ~= "Running" then out[#out + 1] = now end
    end
    check("one made room", #out == 1, { of = stack })
    check("of the lowest priority", out[1] ~= nil and out[1].name == "low", { of = stack })
    matches_the_wires("after one made room")
    given_is_within_capacity("after one made room")
  end)
end)

step("a reservation ends when its time is over", { timeout = minutes(5) }, function()
  local reservation = stack:reserve{ name = "forgotten", cores = size, image = "steady/50" }
  until_("the reservation ends", minutes(2), function() return not reservation:is_there() end)
  for _, block in ipairs(stack.blocks) do check(block.name .. " has nothing given away", block.given.cores == 0, { of = stack }) end
  check("nothing runs of it", #stack.workloads == 0, { of = stack })
end)

teardown(function() stack:clear() end)
