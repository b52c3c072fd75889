-- SPDX-License-Identifier: Apache-2.0
sequence "stack-soak" {
  about = "Hours of churn: work comes, grows, moves and goes, a CSU is swapped; nothing is over-committed, forgotten or run twice, and what is said to run draws current.",
  version = "1.0",
  stack = { consolidate = true, consolidate_spare = 0, preemption = true, poll = seconds(2), stale = seconds(8), agent_period = seconds(2), profile_period = minutes(1) },
  needs = { slot = "csu", loop = "loop", busbar = "busbar" },
  params = { hours = 2, every = seconds(30), tolerance = watts(15), most = 20, live = volts(46), dead = volts(5), calm = 20 },
}

local csus, idle, per_core, size = {}, {}, nil, nil
local alive = {}                                                  -- what was asked for and not taken back, by name
local sums = { allocated = 0, used = 0, forecast = 0, waiting = 0, awake = 0 } -- of the last look
local tally = { asked = 0, placed = 0, waited = 0, refused = 0, left = 0, moved = 0, moves = 0, scaled = 0, forced = 0 } -- moved: as we asked
local counted = {}                                                -- moves of each, as far as they are in the tally

-- One after another, as a site does it: the inrush of all at once is nobody's idea of a good start.
local function switch_on(parts)
  for _, part in ipairs(parts) do
    local unit = stack.chassis(part)
    if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) } end
  end
end

local function until_(what, within, fn)
  wait_until(fn, { within = within, every = ms(200), what = what, of = stack })
end

local function one_of(list) return list[math.random(#list)] end

local function names()
  local list = {}
  for name in pairs(alive) do list[#list + 1] = name end
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
  local probe = stack:compose{ name = "probe", cores = size / 2, image = "steady/100" }[1]
  probe:wait{ within = seconds(10) }
  wait(seconds(3))
  per_core = (probe.part.monitor.pout - idle[probe.part.name]) / (size / 2)
  stack:clear()
end)

--- What must hold at every look.

local function look()
  local all, by_name, given, used = {}, {}, {}, {}
  for _, now in ipairs(stack.survey) do
    all[#all + 1] = now
    by_name[now.name] = now
    if now.node then given[now.node] = (given[now.node] or 0) + now.cores end
    if now.state == "Running" and now.part then used[now.part.name] = (used[now.part.name] or 0) + (now.used_cores or 0) end
  end
  return all, by_name, given, used
end

local function nothing_is_over_committed(given)
  sums.allocated, sums.forecast, sums.awake = 0, 0, 0
  for _, block in ipairs(stack.blocks) do
    local now = block:look()
    sums.allocated = sums.allocated + now.given.cores
    sums.forecast = sums.forecast + (now.forecast and now.forecast.value or 0)
    if now.state == "Up" or now.state == "Closed" then sums.awake = sums.awake + 1 end
    local most = math.max(now.given.cores, given[now.name] or 0)
    if most > now.capacity.cores then measure(now.name .. " has given away cores", most, { max = now.capacity.cores, of = stack }) end
    if now.given.memory > now.capacity.memory then measure(now.name .. " has given away memory, MiB", now.given.memory, { max = now.capacity.memory, of = stack }) end
  end
end

local function nothing_is_forgotten(by_name)
  for name, mine in pairs(alive) do
    local now = by_name[name]
    if not now then
      check(name .. " is still known to the stack", false, { of = stack })
      alive[name] = nil
    else
      if (now.work or 0) < mine.work and now.state == "Running" then check("the work of " .. name .. " never falls", false, { of = stack }) end
      mine.work, mine.state = now.work or mine.work, now.state
    end
  end
end

local function pairs_stand_apart(by_name)
  for name, mine in pairs(alive) do
    local one, two = by_name[name], by_name[name .. "-2"]
    if mine.twin and one and two and one.state == "Running" and two.state == "Running" and one.part and two.part and one.part:link("in") == two.part:link("in") then
      check("no module holds both of " .. name, false, { of = stack })
    end
  end
end

local function off_by(part, used)
  local want = per_core * (used[part.name] or 0)
  if part.monitor.vout < params.dead then return want end
  return abs(part.monitor.pout - idle[part.name] - want)
end

-- A unit that is switched on or boots draws less than one at rest; what it is said to run is looked at all the same.
local function wires_show_it()
  local worst, where
  local agree = wait_until(function()
    local _, _, _, used = look()
    worst, where = watts(0), nil
    for _, part in ipairs(csus) do
      local state = stack.block(part).state
      if state == "Up" or state == "Closed" or used[part.name] then
        local off = off_by(part, used)
        if off > worst then worst, where = off, part end
      end
    end
    return worst < params.tolerance
  end, { within = seconds(15), every = seconds(2), or_nil = true })
  if not agree then
    measure(where.name .. " draws what is said to run there, off by", worst, { max = params.tolerance, of = where, blame = stack, action = "what the stack says runs there is not what the slot's current shows" })
  end
end

local function all_is_well()
  local all, by_name, given, used = look()
  sums.used, sums.waiting = 0, 0
  for _, now in ipairs(all) do
    local moves = now.moves or 0
    tally.moves = tally.moves + math.max(moves - (counted[now.name] or 0), 0)
    counted[now.name] = moves
    sums.used = sums.used + (now.used_cores or 0)
    if now.state == "Queued" then sums.waiting = sums.waiting + 1 end
  end
  nothing_is_over_committed(given)
  nothing_is_forgotten(by_name)
  pairs_stand_apart(by_name)
  wires_show_it()
end

--- What happens.

local number_of = 0
local IMAGES = { "steady/60", "steady/90", "daily/80", "bursty/70", "ramp/80" }

local function arrive()
  if #names() >= params.most then return end
  number_of = number_of + 1
  local name, twin = "w" .. number_of, math.random() < 0.2
  local what = { name = name, cores = math.max(1, math.floor(size * one_of{ 0.1, 0.15, 0.25, 0.4 })), memory = 256 * math.random(8), data = 20 * math.random(10),
    image = one_of(IMAGES) .. "/" .. number_of, priority = math.random(9), queue = math.random() < 0.5 }
  if twin then what.redundancy, what.spread = "TwoN", "Module" end
  tally.asked = tally.asked + 1
  local placed = stack:compose(what, { or_nil = true })
  if not placed then
    tally.refused = tally.refused + 1
    return
  end
  alive[name] = { handle = placed[1], work = 0, twin = twin, cores = what.cores }
  if placed[1].state == "Queued" then tally.waited = tally.waited + 1 else tally.placed = tally.placed + 1 end
end

-- With its twin, if it has one.
local function leave(name)
  local mine = alive[name]
  alive[name] = nil
  for _, each in ipairs(stack.workloads) do
    local id = each.name
    if id == name or mine.twin and id == name .. "-2" then each:stop{ expect = { 200, 202, 204, 404 }, patience = minutes(3) } end -- what moves arrives first
  end
  tally.left = tally.left + 1
end

local function depart()
  local list = names()
  if #list > 0 then leave(one_of(list)) end
end

local function move()
  local list = names()
  local mine = #list > 0 and alive[one_of(list)]
  if not mine or mine.handle.state ~= "Running" then return end
  local task = mine.handle:migrate(nil, { expect = { 202, 400, 409, 503 } })
  if not task then return end -- there is no better place
  task:wait{ within = minutes(3) }
  tally.moved = tally.moved + 1
end

local function grow()
  local list = names()
  local mine = #list > 0 and alive[one_of(list)]
  if not mine or mine.twin or mine.handle.state ~= "Running" then return end
  mine.handle:scale({ cores = math.max(1, math.floor(mine.cores * one_of{ 0.5, 1.5, 2 })) }, { expect = { 200, 202, 204, 409 } })
  tally.scaled = tally.scaled + 1
end

local function swap()
  local slot = rig.slot
  local unit = stack.chassis(slot)
  if unit.power_state ~= "On" then switch_on{ slot } end
  local task = unit:set({ ready_to_remove = true }, { patience = minutes(1) })
  wait_until(function() return unit.ready_to_remove or task.is_over end, { within = minutes(5), every = seconds(1), or_nil = true })
  if task.is_over then -- the rack is full: what fits nowhere else keeps what it has done, and waits
    log("refused: " .. (task.messages[1] or ""))
    tally.forced = tally.forced + 1
    task = unit:act("PrepareToRemove", { Force = true }, { patience = minutes(1) })
  end
  claim("ready to be pulled", { says = function() return unit.ready_to_remove end, wires = function() return slot.monitor.vout < params.dead end, within = minutes(5), every = ms(50) })
  operator.remove(slot)
  wait(seconds(10))
  for _, now in ipairs(stack.survey) do
    check(now.name .. " is not said to run in an empty slot", now.part ~= slot or now.state ~= "Running", { of = stack })
  end
  all_is_well()
  operator.insert(slot)
  task:wait{ within = minutes(2) }
end

-- Who waits must do so for want of room.
local function nobody_waits_in_vain()
  for name, mine in pairs(alive) do
    if mine.state == "Queued" and not mine.twin then
      local now = mine.handle:look() -- it may have been scaled since it came
      if stack:preview({ name = name .. "-again", cores = now.cores, memory = now.memory, image = "idle", priority = -1 }, { or_nil = true }) then
        wait_until(function() return mine.handle.state ~= "Queued" end, { within = minutes(2), every = seconds(1), what = name .. " gets the room that there is", of = stack })
      end
    end
  end
end

local CHANCES = { { 0.4, arrive }, { 0.25, depart }, { 0.15, move }, { 0.1, grow } }

local function something_happens()
  local dice = math.random()
  for _, each in ipairs(CHANCES) do
    if dice < each[1] then return each[2]() end
    dice = dice - each[1]
  end
end

step("churn", { timeout = hours(1000) }, function()
  local length = hours(1) * params.hours
  local series = {
    record("cores given away", function() return sums.allocated end, { every = minutes(1) }),
    record("cores used", function() return sums.used end, { every = minutes(1) }),
    record("cores forecast", function() return sums.forecast end, { every = minutes(1) }),
    record("units awake", function() return sums.awake end, { every = minutes(1) }),
    record("moves so far", function() return tally.moves end, { every = minutes(1) }),
    record("moves asked for so far", function() return tally.moved end, { every = minutes(1) }),
    record("power of the rack", function() return rig.busbar.monitor.pout end, { every = minutes(1) }),
  }
  local from, swapped = now(), false
  while now() - from < length do
    something_happens()
    wait(params.every)
    all_is_well()
    nobody_waits_in_vain()
    if not swapped and now() - from > length / 2 then
      swapped = true
      swap()
    end
  end
  for _, each in ipairs(series) do each:stop() end
  for word, count in pairs(tally) do log(word .. ": " .. count) end
  measure("moves that nobody asked for", tally.moves - tally.moved, { max = params.calm * (params.hours + 0.5), of = stack, action = "what moves without end stands still without end" })
  measure("was busy: workloads placed", tally.placed, { min = 10 * params.hours, of = stack })
end)

step("all of it leaves", { timeout = minutes(5) }, function()
  for _, name in ipairs(names()) do leave(name) end
  until_("nothing is left", minutes(2), function() return #stack.workloads == 0 end)
  wires_show_it()
  for _, block in ipairs(stack.blocks) do check(block.name .. " has nothing given away", block.given.cores == 0, { of = stack }) end
end)

teardown(function() stack:clear() end)
