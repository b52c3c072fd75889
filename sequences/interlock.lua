-- SPDX-License-Identifier: Apache-2.0
sequence "interlock" {
  about = "Proof test of the interlock: a leak that nobody stops trips it, the slots above go dark, and nothing else does.",
  version = "1.0",
  needs = { tray = "tray", injector = "valve", slot = "csu" },
  params = { rule = "tray-1-wet", trips_within = seconds(90) },
}

setup(function()
  for csu in rig.parts("csu") do
    csu.hot_swap:turn_on()
    csu.connector:turn_on()
    wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good of " .. csu.name, of = csu })
  end
end)

step("armed", function()
  require("the rig has the rule", interlock.has(params.rule), { of = rig.tray })
  require("it has not tripped", not interlock.tripped(params.rule), { of = rig.tray })
  require("tray is dry", not rig.tray.leak_sensor.wet, { of = rig.tray.leak_sensor })
  measure("slot voltage", rig.slot.monitor.vout, { min = volts(46), max = volts(50) })
end)

step("leak", { timeout = minutes(3) }, function()
  interlock.expect(params.rule, { within = params.trips_within, start = function() rig.injector.leak_valve:turn_on() end })
  rig.injector.leak_valve:turn_off()
end)

step("dark", function()
  measure("slot goes dark", wait_until(function() return rig.slot.monitor.vout < volts(5) end,
    { within = seconds(2), every = ms(1), what = "slot voltage below 5 V", blame = rig.slot }), { max = ms(500), blame = rig.slot })
  check("the tray's own sensor saw it, too", rig.tray.leak_sensor.wet, { of = rig.tray.leak_sensor })
end)

step("it stays tripped", function()
  rig.slot.connector:turn_off()
  rig.slot.hot_swap:turn_off()
  rig.slot.hot_swap:clear_faults()
  rig.slot.hot_swap:turn_on()
  rig.slot.connector:turn_on()
  wait(seconds(1))
  measure("slot voltage, whatever is commanded", rig.slot.monitor.vout, { max = volts(5), blame = rig.slot })
  check("the rule is still tripped", interlock.tripped(params.rule), { of = rig.tray })
end)

teardown(function()
  rig.injector.leak_valve:turn_off()
end)
