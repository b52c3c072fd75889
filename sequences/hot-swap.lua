-- SPDX-License-Identifier: Apache-2.0
sequence "hot-swap" {
  about = "Swap one CSU while the rest of the rack carries load",
  version = "1",
  needs = { slot = "csu", loop = "loop" },
  params = { load = watts(450), soak = seconds(20) },
}

invariant("coolant keeps flowing", function(rig) return rig.loop.flow_meter.flow > litres_per_minute(4) end)

setup(function()
  for csu in rig.parts("csu") do csu.connector:turn_on() end
  wait_until(function() return rig.slot.connector.power_good end, { within = seconds(1), what = "power good of the slot" })
  wait(seconds(4)) -- the CSUs boot
  for csu in rig.parts("csu") do csu.load:set { load = params.load } end
  wait(seconds(2))
end)

teardown(function()
  rig.slot.connector:set { attention = false }
end)

step("carries load", function()
  measure("slot voltage under load", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
  measure("slot power under load", rig.slot.monitor.pout, { min = params.load, max = params.load + watts(150) })
end)

step("quiesce", function()
  rig.slot.load:set { load = watts(0) }
  wait(ms(200))
  measure("slot power when quiet", rig.slot.monitor.pout, { max = watts(150) })
end)

step("power down and isolate", function()
  record("slot voltage", function() return rig.slot.monitor.vout end, { every = ms(2) })
  rig.slot.connector:turn_off()
  local fall = wait_until(function() return rig.slot.monitor.vout < volts(5) end,
                          { within = seconds(1), every = ms(1), what = "the slot's voltage below 5 V", or_nil = true })
  measure("slot voltage falls", fall or seconds(1), { max = ms(150), of = rig.slot })
  rig.slot.hot_swap:turn_off()
end)

step("attention LED on", function()
  rig.slot.connector:set { attention = true }
  check("attention LED is on", rig.slot.connector.attention, { of = rig.slot.connector })
end)

step("remove", function()
  operator.remove(rig.slot)
  local gone = wait_until(function() return not rig.slot.connector.present end,
                          { within = seconds(5), what = "PRSNT# to go away", or_nil = true })
  check("PRSNT# goes away", gone ~= nil, { of = rig.slot.connector })
  measure("current of the empty slot", rig.slot.monitor.iout, { max = amperes(0.2) })
end)

step("insert", function()
  operator.insert(rig.slot)
  local back = wait_until(function() return rig.slot.connector.present end,
                          { within = seconds(5), what = "PRSNT# to come back", or_nil = true })
  check("PRSNT# comes back", back ~= nil, { of = rig.slot.connector })
  check("no power before it is asked for", rig.slot.monitor.vout < volts(5), { of = rig.slot })
end)

step("power up", function()
  record("slot voltage at power-up", function() return rig.slot.monitor.vout end, { every = ms(1) })
  record("slot current at power-up", function() return rig.slot.monitor.iout end, { every = ms(1) })
  rig.slot.hot_swap:clear_peaks()
  rig.slot.hot_swap:turn_on()
  reaction("power good follows enable", {
    from = rig.slot.connector:edge("power_enable", "rising"),
    to = rig.slot.connector:edge("power_good", "rising"),
    min = ms(5), within = ms(60),
    start = function() rig.slot.connector:turn_on() end,
  })
  measure("inrush peak", rig.slot.hot_swap.peak_iout, { max = amperes(10) })
  rig.slot.connector:set { attention = false }
end)

step("reintegrate", function()
  local boot = wait_until(function() return rig.slot.monitor.pout > watts(60) end,
                          { within = seconds(10), every = ms(50), what = "the CSU to boot", or_nil = true })
  measure("boot", boot or seconds(10), { max = seconds(5), of = rig.slot })
  rig.slot.load:set { load = params.load }
  wait(seconds(1))
  measure("slot power after the swap", rig.slot.monitor.pout, { min = params.load, max = params.load + watts(150) })
end)

step("soak", { timeout = params.soak + seconds(30) }, function()
  record("coolant flow", function() return rig.loop.flow_meter.flow end, { every = ms(500) })
  wait(params.soak)
  local bench, unit = rig.slot.monitor.iout, rig.slot.hot_swap.iout
  measure("current, unit against bench", unit / bench * percent(100), { min = percent(95), max = percent(105), of = rig.slot.hot_swap })
  measure("voltage drop of the slot", rig.slot.hot_swap.vin - rig.slot.monitor.vout, { max = volts(0.2) , of = rig.slot })
  measure("slot voltage after the swap", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
  measure("temperature of the controller", rig.slot.hot_swap.temperature, { max = degrees_celsius(90) })
  measure("coolant flow", rig.loop.flow_meter.flow)
end)
