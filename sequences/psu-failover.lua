-- SPDX-License-Identifier: Apache-2.0
sequence "psu-failover" {
  about = "One power supply loses its input under load: the bus holds, the other carries on",
  version = "1",
  needs = { victim = "psu", bar = "busbar", loop = "loop" },
  params = { load = watts(450) },
}

invariant("coolant keeps flowing", function(rig) return rig.loop.flow_meter.flow > litres_per_minute(10) end)

local survivor -- the other supply

setup(function()
  for psu in rig.parts("psu") do if psu.name ~= rig.victim.name then survivor = psu end end
  for csu in rig.parts("csu") do csu.connector:turn_on() end
  wait(seconds(4))
  for csu in rig.parts("csu") do csu.load:set { load = params.load } end
  wait(seconds(2))
end)

teardown(function() fault.clear() end)

step("both share", function()
  local a, b = rig.victim.supply.iout, survivor.supply.iout
  measure("bus voltage with both", rig.bar.monitor.vout, { min = volts(46), max = volts(50) })
  measure("share of " .. rig.victim.name, a / (a + b) * percent(100), { min = percent(40), max = percent(60), of = rig.victim })
  measure("share of " .. survivor.name, b / (a + b) * percent(100), { min = percent(40), max = percent(60), of = survivor })
end)
