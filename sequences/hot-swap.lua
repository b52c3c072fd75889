-- SPDX-License-Identifier: Apache-2.0
sequence "hot-swap" {
  about = "Swap one CSU while the other slots carry load.",
  version = "1.0",
  needs = { slot = "csu", loop = "loop", pump = "pump-unit" },
  params = { load = watts(500), booted = watts(50), soak = seconds(30) },
}

invariant("coolant keeps flowing", function(rig)
  return rig.loop.flow > litres_per_minute(4)
end, { every = ms(500) })

invariant("the other slots keep their power", function(rig)
  for csu in rig.parts("csu") do
    if csu ~= rig.slot and not csu.connector.power_good then return false end
  end
  return true
end, { every = ms(100), action = "check the bus bar and the slots' hot-swap controllers" })

-- How long a line goes on changing. Contacts that are good come to rest within some milliseconds.
local function chatter(device, quantity)
  local from, last, was = now(), seconds(0), device[quantity]
  repeat
    local level = device[quantity]
    if level ~= was then was, last = level, now() - from end
    wait(ms(1))
  until now() - from > ms(300)
  return last
end

local function power_up(csu)
  csu.connector:turn_on()
  wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good of " .. csu.name, of = csu })
end

setup(function()
  for csu in rig.parts("csu") do csu.hot_swap:turn_on() end
  for csu in rig.parts("csu") do
    power_up(csu)
  end
  wait(seconds(5)) -- they boot
  for csu in rig.parts("csu") do
    csu.load:set{ load = params.load }
  end
  wait(seconds(1))
end)

step("carries its load", function()
  measure("slot voltage", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
  measure("slot power", rig.slot.monitor.pout, { min = params.load })
  check("power good", rig.slot.connector.power_good, { of = rig.slot.connector })
end)

step("quiesce", function()
  rig.slot.load:set{ load = watts(0) }
  measure("load lets go", wait_until(function() return rig.slot.monitor.iout < amperes(3) end,
    { within = seconds(5), what = "slot current below 3 A", blame = rig.slot }), { max = seconds(1) })
end)

step("isolate", function()
  rig.slot.connector:set{ reset = true }
  measure("CSU goes to standby", wait_until(function() return rig.slot.monitor.iout < amperes(1) end,
    { within = seconds(5), what = "slot current below 1 A", blame = rig.slot }), { max = seconds(1) })
end)

step("power down", function()
  record("slot voltage", function() return rig.slot.monitor.vout end, { every = ms(2) })
  rig.slot.connector:turn_off()
  measure("slot voltage falls", wait_until(function() return rig.slot.monitor.vout < volts(5) end,
    { within = seconds(2), every = ms(1), what = "slot voltage below 5 V", blame = rig.slot.hot_swap }),
    { max = ms(150), blame = rig.slot, action = "do not touch the contacts; replace the CSU, its discharge is weak" })
  rig.slot.hot_swap:turn_off()
  check("power good goes", not rig.slot.connector.power_good, { of = rig.slot.connector })
  rig.slot.connector:set{ attention = true }
  check("attention LED is on", rig.slot.connector.attention)
end)

step("remove", { timeout = minutes(5) }, function()
  operator.remove(rig.slot)
  wait_until(function() return not rig.slot.connector.present end, { within = seconds(2), what = "PRSNT# goes" })
  measure("PRSNT# comes to rest", chatter(rig.slot.connector, "present"), { max = ms(20), of = rig.slot.connector })
  wait(ms(200))
  require("slot is empty", not rig.slot.connector.present, { of = rig.slot.connector })
  require("slot is dead", rig.slot.monitor.vout, { max = volts(5), blame = rig.slot.hot_swap })
end)

step("insert", { timeout = minutes(5) }, function()
  operator.insert(rig.slot)
  wait_until(function() return rig.slot.connector.present end, { within = seconds(2), what = "PRSNT# comes" })
  measure("PRSNT# comes to rest", chatter(rig.slot.connector, "present"), { max = ms(20), of = rig.slot.connector })
  wait(ms(200))
  require("CSU is present", rig.slot.connector.present, { of = rig.slot.connector })
  require("no power before enable", rig.slot.monitor.vout, { max = volts(1), blame = rig.slot.hot_swap })
end)

step("power up", function()
  rig.slot.hot_swap:clear_faults()
  rig.slot.hot_swap:clear_peaks()
  rig.slot.hot_swap:turn_on()
  local current = record("inrush current", function() return rig.slot.monitor.iout end, { every = ms(1) })
  reaction("power good follows enable", {
    from = rig.slot.connector:edge("power_enable", "rising"),
    to = rig.slot.connector:edge("power_good", "rising"),
    within = ms(200),
    must = true,
    start = function() rig.slot.connector:turn_on() end,
  })
  wait(ms(100))
  wait_until(function() return current.max ~= nil end, { within = seconds(2), what = "a reading of the slot's current", of = rig.slot.monitor }) -- slow adapters
  measure("inrush peak", current.max, { max = amperes(10), of = rig.slot.monitor, blame = rig.slot.hot_swap })
  measure("inrush peak by the controller", rig.slot.hot_swap.peak_iout, { max = amperes(10) })
  measure("slot voltage", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
end)

step("reintegrate", function()
  rig.slot.connector:set{ reset = false, attention = false }
  measure("boot time", wait_until(function() return rig.slot.monitor.pout > params.booted end,
    { within = seconds(40), what = "CSU draws more than " .. params.booted, blame = rig.slot }), { max = seconds(10), blame = rig.slot })
  rig.slot.load:set{ load = params.load }
  wait(seconds(1))
  measure("slot power", rig.slot.monitor.pout, { min = params.load })
end)

step("soak", { timeout = params.soak + minutes(1) }, function()
  local slot = rig.slot
  local bench, difference, hottest
  parallel{
    function() bench = sample("slot current", function() return slot.monitor.iout end, { during = params.soak }) end,
    function() difference = sample("controller against bench", function() return abs(slot.hot_swap.iout - slot.monitor.iout) end, { during = params.soak }) end,
    function() hottest = sample("controller temperature", function() return slot.hot_swap.temperature end, { during = params.soak, every = seconds(1) }) end,
  }
  measure("slot current", bench.mean, { min = params.load / volts(50), of = slot.monitor })
  measure("controller and bench agree on the current", difference.mean, { max = amperes(0.5), of = slot.hot_swap })
  measure("controller temperature", hottest.max, { max = degrees_celsius(90), of = slot.hot_swap })
  measure("coolant flow", rig.loop.flow)
  check("controller names no fault", #slot.hot_swap:faults() == 0, { of = slot.hot_swap })
  local faults = rig.pump.coolant:faults()
  check("pump unit names no fault", #faults == 0, { of = rig.pump.coolant, blame = faults[1] == "reservoir" and rig.loop or rig.pump.coolant })
end)

teardown(function()
  for csu in rig.parts("csu") do
    csu.load:set{ load = watts(0) }
  end
  rig.slot.connector:set{ reset = false, attention = false }
end)
