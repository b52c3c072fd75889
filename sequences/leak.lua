-- SPDX-License-Identifier: Apache-2.0
sequence "leak" {
  about = "Coolant drips into a tray: the sensor finds it, pumps stop, slots go dark.",
  version = "1.0",
  needs = { tray = "tray", injector = "valve", pump = "pump-unit", loop = "loop" },
  params = { found_within = seconds(2) },
}

-- The sensor of another tray that is wet; nil: none is.
local function another_wet()
  for tray in rig.parts("tray") do
    if tray ~= rig.tray and tray:has("leak-sensor") and tray.leak_sensor.wet then return tray.leak_sensor end
  end
end

local function the_others_stay_dry()
  local other = another_wet()
  check("the other trays stay dry", other == nil, { of = other or rig.tray.leak_sensor, action = "find the leak that the bench did not make" })
end

-- Whether coolant is really lost: what drips out is missing in the reservoir.
local function coolant_falls()
  local before = rig.pump.coolant.level
  wait(seconds(30))
  return rig.pump.coolant.level < before - percent(1)
end

setup(function()
  for csu in rig.parts("csu") do csu.hot_swap:turn_on() end
  for csu in rig.parts("csu") do
    csu.connector:turn_on()
    wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good of " .. csu.name, of = csu })
  end
end)

step("dry before", function()
  require("sense cable is whole", rig.tray.leak_sensor.cable, { of = rig.tray.leak_sensor })
  require("injector is closed", not rig.injector.leak_valve.open, { of = rig.injector.leak_valve })
  local wet = rig.tray.leak_sensor.wet
  require("tray is dry", not wet, { of = rig.tray.leak_sensor, blame = wet and coolant_falls() and rig.injector.leak_valve or rig.tray.leak_sensor })
  the_others_stay_dry()
  local before = edge_count(rig.tray.leak_sensor:edge("wet", "rising"))
  wait(seconds(1))
  local pulses = edge_count(rig.tray.leak_sensor:edge("wet", "rising")) - before
  measure("stray pulses in a second", rig.tray.leak_sensor.wet and 0 or pulses, { max = 0, of = rig.tray.leak_sensor })
  measure("coolant flow", rig.loop.flow)
  measure("pump unit and bench agree on the flow", rig.pump.coolant.flow / rig.loop.flow, { min = 0.9, max = 1.1, of = rig.pump.coolant })
end)

step("leak", function()
  local valve, sensor = rig.injector.leak_valve, rig.tray.leak_sensor
  local found = pcall(reaction, "leak found", {
    from = valve:edge("open", "rising"),
    to = sensor:edge("wet", "rising"),
    within = params.found_within,
    must = true,
    start = function() valve:turn_on() end,
  })
  if not found and not sensor.wet and another_wet() then
    require("leak found", false, { of = sensor, action = "its line is exchanged with that of " .. another_wet().name })
  end
  if not found and not sensor.wet then -- a blind sensor, or nothing to be seen?
    local lost = coolant_falls()
    require("leak found", false, { of = sensor, blame = lost and sensor or valve,
      action = lost and "check the leak sensor and its cable" or "check the leak injector of the bench: no coolant is lost" })
  end
  local from, last, was = now(), seconds(0), true
  repeat -- a contact that chatters
    local wet = sensor.wet
    if wet ~= was then was, last = wet, now() - from end
    wait(ms(1))
  until now() - from > ms(200)
  measure("leak signal is steady after", last, { max = ms(5), of = sensor })
  the_others_stay_dry()
  check("sense cable is still whole", rig.tray.leak_sensor.cable, { of = rig.tray.leak_sensor })
end)

step("react", function()
  rig.pump.coolant:set{ stop = true }
  for csu in rig.parts("csu") do
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end
  rig.injector.leak_valve:turn_off()
  check("injector is closed", not rig.injector.leak_valve.open, { of = rig.injector.leak_valve })
  measure("flow stops", wait_until(function() return rig.loop.flow < litres_per_minute(0.5) end,
    { within = seconds(20), what = "flow below 0.5 L/min", blame = rig.pump }), { max = seconds(10), blame = rig.pump })
  for csu in rig.parts("csu") do
    measure(csu.name .. " is dark", csu.monitor.vout, { max = volts(5), blame = csu.hot_swap })
  end
end)

teardown(function()
  rig.injector.leak_valve:turn_off()
  rig.pump.coolant:set{ stop = false }
  wait_until(function() return rig.loop.flow > litres_per_minute(4) end, { within = seconds(30), what = "coolant flows again", blame = rig.pump })
end)
