-- SPDX-License-Identifier: Apache-2.0
sequence "psu-failover" {
  about = "One power supply loses its mains under load; the others carry the rack.",
  version = "1.0",
  needs = { lost = "psu", slot = "csu", loop = "loop", rack = "busbar" },
  params = { load = watts(450), rating = watts(5500) },
}

invariant("coolant keeps flowing", function(rig)
  return rig.loop.flow > litres_per_minute(4)
end, { every = ms(500) })

invariant("every slot keeps its power", function(rig)
  for csu in rig.parts("csu") do
    if not csu.connector.power_good then return false end
  end
  return true
end, { every = ms(20), action = "check the supplies that are left and the bus bar" })

-- A supply that names its input has no good mains: that is the feed's, where the rig says which.
local function check_mains(psu)
  local input
  for _, name in ipairs(psu.supply:faults()) do
    if string.find(name, "vin", 1, true) or string.find(name, "input", 1, true) then input = input or name end
  end
  if input then log(psu.name .. " names " .. input) end
  check("mains of " .. psu.name, input == nil, { of = psu.supply, blame = psu:link("feed") or psu.supply, action = "check the feed, its breaker and its phases" })
end

local mains_lost = false

local function lose_mains(psu)
  mains_lost = true
  if rig.is_virtual then fault.plant(psu.name .. ".ac=lost") else prompt("Switch off the mains of " .. psu.name .. " now") end
end

local function restore_mains(psu)
  if not mains_lost then return end
  mains_lost = false
  if rig.is_virtual then fault.clear(psu.name .. ".ac=lost") else prompt("Switch the mains of " .. psu.name .. " on again") end
end

local function supplied()
  local sum = watts(0)
  for psu in rig.parts("psu") do sum = sum + psu.supply.vout * psu.supply.iout end
  return sum
end

local function carried_by_the_slots()
  local sum = watts(0)
  for csu in rig.parts("csu") do sum = sum + csu.monitor.pout end
  return sum
end

local function compare_with_the_bench() -- the rest of the rack, such as the pumps, takes a few percent
  local slots = carried_by_the_slots()
  measure("power of the slots", slots, { min = params.load, max = params.rating, of = rig.rack })
  measure("supplies and bench agree on the power", supplied() / slots,
    { min = 0.97, max = 1.10, of = rig.rack, action = "compare each supply's current with a clamp meter" })
end

setup(function()
  for csu in rig.parts("csu") do csu.hot_swap:turn_on() end
  for csu in rig.parts("csu") do
    csu.connector:turn_on()
    wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good of " .. csu.name, of = csu })
  end
  wait(seconds(5)) -- they boot
  for csu in rig.parts("csu") do
    csu.load:set{ load = params.load }
  end
  wait(seconds(2))
end)

step("supplies share the load", function()
  for psu in rig.parts("psu") do check_mains(psu) end
  local count, total = 0, amperes(0)
  for psu in rig.parts("psu") do
    count, total = count + 1, total + psu.supply.iout
  end
  require("supplies", count, { min = 2 })
  for psu in rig.parts("psu") do -- who gives more than is set pushes the others out
    if psu.supply.power_good then
      measure(psu.name .. " against its set voltage", psu.supply.vout - psu.supply.vout_set, { min = volts(-0.8), max = volts(0.25), of = psu.supply })
    end
  end
  for psu in rig.parts("psu") do
    measure("share of " .. psu.name, percent(100 * count * (psu.supply.iout / total)), { min = percent(85), of = psu.supply }) -- who takes too little makes the others take more
  end
  compare_with_the_bench()
  measure("bus voltage", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
end)

step("a supply loses its mains", { timeout = minutes(5) }, function()
  local lost = rig.lost.supply
  for psu in rig.parts("psu") do -- one that is broken already must be found before another is taken
    if psu ~= rig.lost then require(psu.name .. " can take over", psu.supply.power_good, { of = psu.supply }) end
  end
  local bus = record("bus voltage", function() return rig.slot.monitor.vout end, { every = ms(1) })
  wait(ms(50))
  lose_mains(rig.lost)
  wait_until(function() return lost.vin < volts(90) end, { within = seconds(60), every = ms(1), what = "mains of " .. rig.lost.name .. " gone", of = lost })
  measure("hold-up", wait_until(function() return lost.iout < amperes(1) end,
    { within = seconds(10), every = ms(1), what = rig.lost.name .. " stops delivering", of = lost }), { min = ms(20), of = lost })
  wait(seconds(1))
  measure("lowest bus voltage", bus.min, { min = volts(44), of = rig.slot.monitor, blame = rig.lost })
  measure("bus voltage after", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
end)

step("the others carry it", function()
  for psu in rig.parts("psu") do
    if psu ~= rig.lost then
      measure("power of " .. psu.name, psu.supply.pout, { max = params.rating, of = psu.supply })
      check(psu.name .. " is good", psu.supply.power_good, { of = psu.supply })
    end
  end
  compare_with_the_bench()
end)

step("the lost supply names its fault", function()
  check("power is not good", not rig.lost.supply.power_good, { of = rig.lost.supply })
  local faults = rig.lost.supply:faults()
  for _, fault in ipairs(faults) do log(rig.lost.name .. ": " .. fault) end
  check("it names a fault", #faults > 0, { of = rig.lost.supply })
end)

step("the supply comes back", { timeout = minutes(5) }, function()
  restore_mains(rig.lost)
  wait_until(function() return rig.lost.supply.vin > volts(180) end, { within = seconds(60), what = "mains of " .. rig.lost.name .. " back", of = rig.lost.supply })
  rig.lost.supply:clear_faults()
  rig.lost.supply:turn_on()
  measure("start-up", wait_until(function() return rig.lost.supply.power_good end,
    { within = seconds(10), what = "power good of " .. rig.lost.name, of = rig.lost.supply }), { max = seconds(3), of = rig.lost.supply })
  wait(seconds(1))
  measure("bus voltage", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
end)

teardown(function()
  restore_mains(rig.lost)
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(0) }
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end
end)
