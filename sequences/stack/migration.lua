-- SPDX-License-Identifier: Apache-2.0
sequence "stack-migration" {
  about = "Workloads are moved while they run: nothing of their work is lost, the pause is short, redundancy is kept, and the current moves with them.",
  version = "1.0",
  stack = true,
  needs = { slot = "csu", loop = "loop" },
  params = { start = seconds(10), tolerance = watts(12), pause = seconds(5), heat = watts(500), live = volts(46), dead = volts(5) },
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
local function draws(part, cores) return abs(draw(part) - per_core * cores) < params.tolerance end

local function other(part, fits)
  for _, each in ipairs(csus) do
    if each ~= part and fits(each) then return each end
  end
end
local function elsewhere(part) return other(part, function(each) return each:link("in") ~= part:link("in") end) end

-- What is seen of a workload while its task lasts: at most 100 ms apart.
local function watch(workload, task, seen)
  local before = workload:look()
  until_("the move is over", minutes(2), function()
    local now = workload:look()
    if now.work < before.work then seen.fell = true end
    if now.work == before.work and now.checksum ~= before.checksum then seen.changed = true end
    if seen.each then seen.each(now) end
    before = now
    return task.is_over
  end)
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

local job

step("at work", function()
  job = stack:compose{ name = "job", cores = size / 2, memory = 1024, data = 1000, image = "steady/100", priority = 5 }[1]
  job:wait{ within = params.start }
  local part = job.part
  wait_until(function() return draw(part) > watts(60) end, { within = seconds(3), what = "its current flows", blame = stack })
  wait(seconds(1))
  per_core = draw(part) / (size / 2)
  until_("it has done something", seconds(10), function() return job.work > 0 end)
end)

-- One unit that takes none is broken; where several take none it is who moves.
step("every unit takes a copy as it was sent", { timeout = minutes(6) }, function()
  local parcel, refused = stack:compose{ name = "parcel", cores = 1, data = 50, image = "idle" }[1], {}
  parcel:wait{ within = params.start }
  local first = parcel.part
  local function send(part)
    local task = parcel:migrate(part)
    watch(parcel, task, {})
    parcel:wait{ within = seconds(20) }
    if task.state ~= "Completed" or parcel.part ~= part then refused[#refused + 1] = part end
  end
  for _, part in ipairs(csus) do if part ~= first then send(part) end end
  if parcel.part ~= first then send(first) end
  check("each of them did", #refused == 0, { of = #refused == 1 and refused[1] or stack, action = "a copy that arrives there is not what was sent: look at its drives" })
  parcel:stop()
  until_("the parcel is gone", params.start, function() return not parcel:is_there() end)
end)

-- The bench's own sight of the pause: neither slot carries it.
local function pause_on_the_wires(from, to)
  return record("carried by the two slots", function() return draw(from) + draw(to) end, { every = ms(100) })
end

step("a move", { timeout = minutes(3), go_on = true }, function()
  local from = job.part
  local to, before, at = elsewhere(from), job:look(), now()
  local carried, seen, least = pause_on_the_wires(from, to), {}, nil
  local task = job:migrate(to)
  watch(job, task, seen)
  claim("moved", { says = function() local now = job:look() return now.state == "Running" and now.part == to end,
    wires = function() return draws(to, size / 2) and draws(from, 0) end, within = seconds(4), early = ms(1500), action = "a move is over when the work runs there, and only there" })
  task:wait{ within = seconds(1) }
  carried:stop()
  local after, took = job:look(), now() - at
  check("its work never falls", not seen.fell and after.work >= before.work, { of = stack })
  check("its data never changes while it rests", not seen.changed, { of = stack })
  check("it was counted", after.moves == (before.moves or 0) + 1, { of = stack })
  measure("the pause, as the stack says", after.interruption, { max = params.pause, of = stack })
  local done = seconds((after.work - before.work) / (size / 2) / 1e6)
  measure("work done meanwhile, as time at its pace", done, { min = took - after.interruption - seconds(3), max = took - after.interruption + seconds(3), of = stack })
end)

step("a move that cannot be is refused", { go_on = true }, function()
  local where, full = job.part, elsewhere(job.part)
  local wall = stack:compose{ name = "wall", cores = size, image = "idle", stay = true, block = full }[1]
  wall:wait{ within = params.start }
  job:migrate(full, { expect = "error" })
  wall:stop()
  check("it is where it was", job.part == where and job.state == "Running", { of = stack })
  measure("and runs", draw(where), { min = per_core * size / 2 - params.tolerance, blame = stack })
end)

-- As a unit dies that nobody warned of: in the middle of the copy.
step("a move whose target dies is taken back", { timeout = minutes(4), go_on = true }, function()
  local from, to, before = job.part, elsewhere(job.part), job:look()
  local death = to.name .. ".fet=stuck-off"
  local task, seen = job:migrate(to), {}
  until_("the move has begun", seconds(10), function() return job.state == "Moving" end)
  wait(ms(300))
  fault.plant(death)
  watch(job, task, seen)
  check("the task is not called done", task.state ~= "Completed", { of = stack })
  job:wait{ within = seconds(20) }
  local after = job:look()
  check("it runs where it was", after.part == from, { of = stack })
  check("its work never fell", not seen.fell and after.work >= before.work, { of = stack })
  wait_until(function() return draws(from, size / 2) end, { within = seconds(4), every = ms(200), what = "its current flows again where it was", blame = stack })
  fault.clear(death)
  wait(seconds(25)) -- it tries once more, and gives up
  switch_on{ to }
  until_(to.name .. " takes work again", minutes(1), function() return stack.block(to).state == "Up" end)
end)

-- It has its data twice then, and only one of them is good.
step("a copy that is damaged on its way is taken back", { timeout = minutes(3), go_on = true }, function()
  local from, to, before = job.part, elsewhere(job.part), job:look()
  local damage = to.name .. ".copies=damaged"
  fault.plant(damage)
  local task, seen = job:migrate(to), {}
  watch(job, task, seen)
  fault.clear(damage)
  check("the task is not called done", task.state ~= "Completed", { of = stack, action = "its checksum is not that of what was sent: nothing may start from such a copy" })
  job:wait{ within = seconds(20) }
  local after = job:look()
  check("it runs where it was", after.part == from, { of = stack })
  check("its work never fell", not seen.fell and after.work >= before.work, { of = stack })
  wait_until(function() return draws(from, size / 2) and draws(to, 0) end, { within = seconds(4), every = ms(200), what = "its current flows where it was, and nowhere else", blame = stack })
end)

-- Both replicas have to go at once: one must run at any time, and never both in one module when it is over.
step("redundancy is kept", { timeout = minutes(4), go_on = true }, function()
  local cores = size // 4
  local pair = stack:compose{ name = "pair", cores = cores, memory = 512, data = 500, image = "steady/100", redundancy = "NPlus1", spread = "Module" }
  for _, each in ipairs(pair) do each:wait{ within = params.start } end
  wait(seconds(2))
  local places, slots = { pair[1].part, pair[2].part }, {}
  check("they stand in two modules", places[1]:link("in") ~= places[2]:link("in"), { of = stack })
  job:stop()
  until_("the job is gone", params.start, function() return not job:is_there() end)
  wait(seconds(2))
  for _, each in ipairs(places) do stack.block(each):close() end
  local fewest, least = 2, 2
  until_("both have moved", minutes(2), function()
    local up, drawn, away = 0, 0, 0
    for i, each in ipairs(pair) do
      local now = each:look()
      if now.state == "Running" then up = up + 1 end
      if now.state == "Running" and now.part ~= places[1] and now.part ~= places[2] then away = away + 1 end
    end
    for _, part in ipairs(csus) do if draw(part) > per_core * cores * 0.6 then drawn = drawn + 1 end end
    fewest, least = math.min(fewest, up), math.min(least, drawn)
    return away == 2
  end)
  check("one ran at any time, as the stack says", fewest >= 1, { of = stack })
  check("one ran at any time, as the slots show", least >= 1, { of = stack, action = "the second of two was moved before the first ran again" })
  check("they stand in two modules again", pair[1].part:link("in") ~= pair[2].part:link("in"), { of = stack })
  for _, each in ipairs(places) do stack.block(each):open() end
  for _, each in ipairs(pair) do each:stop() end
  for _, each in ipairs(pair) do until_("the pair is gone", params.start, function() return not each:is_there() end) end
end)

step("a hot-swap moves what runs there first", { timeout = minutes(5), go_on = true }, function()
  job = stack:compose{ name = "errand", cores = size / 2, memory = 1024, data = 500, image = "steady/100" }[1]
  job:wait{ within = params.start }
  wait(seconds(3))
  local slot, before = job.part, job:look()
  local unit = stack.chassis(slot)
  local task = unit:set{ ready_to_remove = true }
  claim("ready to be pulled", { says = function() return unit.ready_to_remove end, wires = function() return slot.monitor.vout < params.dead end, within = minutes(1),
    every = ms(20), action = "nobody may pull a CSU on this stack's word" })
  local after = job:look()
  check("it runs elsewhere", after.state == "Running" and after.part ~= slot, { of = stack })
  check("its work never fell", after.work >= before.work, { of = stack })
  if after.part then wait_until(function() return draws(after.part, size / 2) end, { within = seconds(4), every = ms(200), what = "its current flows there", blame = stack }) end
  operator.remove(slot)
  until_("the stack sees the empty slot", seconds(5), function() return unit.state == "Absent" end)
  local list, why = stack:compose({ name = "nowhere", cores = 1, image = "idle", block = slot }, { or_nil = true })
  check("an empty slot takes no work", list == nil, { of = stack, action = "its capacity went with the unit" })
  until_("an empty slot has no room", seconds(5), function() return stack.block(slot).state == "Gone" end)
  operator.insert(slot)
  task:wait{ within = minutes(1) }
  until_("it takes work again", minutes(1), function() return stack.block(slot).state == "Up" end)
  local back = stack:compose{ name = "back", cores = size / 4, image = "steady/100", block = slot }[1]
  back:wait{ within = params.start }
  wait_until(function() return draws(slot, size / 4) end, { within = seconds(4), every = ms(200), what = "work that is given to it flows as current", blame = stack })
  stack:clear()
end)

-- Neither can leave alone: its rule says that they stand on one node. Both go, and their current with them.
step("what is tied leaves together", { timeout = minutes(4), go_on = true }, function()
  local cores, fell = size // 4, false
  local main = stack:compose{ name = "main", cores = cores, memory = 512, data = 200, image = "steady/100" }[1]
  main:wait{ within = params.start }
  local side = stack:compose{ name = "side", cores = cores, memory = 512, data = 1500, image = "steady/100", with = { "main" }, with_in = "Node" }[1]
  side:wait{ within = params.start }
  wait(seconds(3))
  local from, before = main.part, { main:look(), side:look() }
  check("they stand on one node", side.part == from, { of = stack })
  stack.block(from):close()
  until_("both have left", minutes(2), function()
    local now = { main:look(), side:look() }
    local gone = true
    for i, each in ipairs(now) do
      fell = fell or each.work < before[i].work
      gone = gone and each.state == "Running" and each.part ~= from
    end
    return gone
  end)
  local to = main.part
  check("they stand on one node again", side.part == to, { of = stack, action = "what is tied by affinity was parted for good by a move" })
  check("their work never fell", not fell, { of = stack })
  wait_until(function() return draws(to, 2 * cores) and draws(from, 0) end, { within = seconds(4), every = ms(200), what = "their current flows on one node, and none where they were", blame = stack })
  stack.block(from):open()
  stack:clear()
end)

-- Who goes on with what the first unit had gives away memory that is not there, or keeps what is.
step("another unit is taken for what it is", { timeout = minutes(5), go_on = true }, function()
  local unit = stack.chassis(rig.slot)
  local task = unit:set{ ready_to_remove = true }
  claim("ready to be pulled", { says = function() return unit.ready_to_remove end, wires = function() return rig.slot.monitor.vout < params.dead end, within = minutes(1), every = ms(20) })
  operator.remove(rig.slot)
  wait(seconds(1)) -- with the time that hands take
  operator.replace(rig.slot)
  operator.insert(rig.slot)
  task:wait{ within = minutes(1) }
  until_("it takes work", minutes(1), function() return stack.block(rig.slot).state == "Up" end)
  local memory = stack.system(rig.slot).memory_summary.TotalSystemMemoryGiB * 1024
  local all = stack:compose({ name = "all-of-it", cores = 1, memory = memory, image = "idle", block = rig.slot })[1]
  all:wait{ within = params.start, action = "it is not what stood there before: the stack must read what is in it" }
  all:stop()
  until_("it has gone", params.start, function() return not all:is_there() end)
end)

-- Room is left on two nodes: one whose coolant is blocked, and a cool one.
step("not to a hot node", { timeout = minutes(20), go_on = true }, function()
  local hot, from, cool, walls = csus[#csus], csus[1], csus[2], {}
  local block = hot.name .. ".coolant=blocked"
  for _, part in ipairs(csus) do
    if part ~= from then walls[part.name] = stack:compose{ name = "wall-" .. part.name, cores = size, image = "idle", stay = true, block = part }[1] end
  end
  for _, wall in pairs(walls) do wall:wait{ within = params.start } end
  local errand = stack:compose{ name = "runner", cores = size / 4, image = "steady/100" }[1]
  errand:wait{ within = params.start }
  fault.plant(block)
  hot.load:set{ load = params.heat }
  until_("the stack sees that it is hot", minutes(8), function() return stack.block(hot).heat > 0.6 or stack.block(hot).state ~= "Up" end)
  for _, part in ipairs({ hot, cool }) do walls[part.name]:stop() end
  for _, part in ipairs({ hot, cool }) do until_("there is room on " .. part.name, params.start, function() return not walls[part.name]:is_there() end) end
  errand:migrate():wait{ within = minutes(2) }
  check("it went to the cool one", errand.part == cool, { of = stack, action = "work was moved to where it is hottest" })
  wait_until(function() return draws(cool, size / 4) end, { within = seconds(4), every = ms(200), what = "its current flows there", blame = stack })
  hot.load:set{ load = watts(0) }
  fault.clear(block)
end)

teardown(function()
  fault.clear()
  for part in rig.parts("csu") do part.load:set{ load = watts(0) } end
  stack:clear()
end)
