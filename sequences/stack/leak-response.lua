-- SPDX-License-Identifier: Apache-2.0
sequence "stack-leak-response" {
  about = "What the stack does about a leak: after exactly the delay that it was told, not when it is dry again before, and never for a broken cable.",
  version = "1.0",
  stack = true,
  needs = { slot = "csu", tray = "tray", injector = "valve", pump = "pump-unit", loop = "loop" },
  params = { delay = seconds(2), tolerance = ms(100), live = volts(46), dead = volts(5) },
}

local function chassis() return stack.chassis(rig.slot) end
local function detector() return stack.leak_detector(rig.tray) end

local function is_live() return rig.slot.monitor.vout > params.live end

-- As a person does once the leak is mended: valves open, pumps on, the slot on.
local function bring_back()
  wait_until(function() return detector().procedure == nil end, { within = minutes(1), every = ms(100), what = "the stack has done what it does about a leak", of = stack })
  for valve in rig.parts("stop-valve") do stack.connector(valve):valve("Open", { patience = seconds(10) }) end
  if rig.loop.flow < litres_per_minute(4) then
    stack.cooling_unit(rig.pump):set_mode("Enabled", { patience = seconds(10) })
    wait_until(function() return rig.loop.flow > litres_per_minute(4) end, { within = seconds(30), what = "coolant flows again", blame = stack })
  end
  local unit = stack.chassis(rig.slot)
  wait_until(function() return unit.procedure == nil end, { within = seconds(30), every = ms(100), what = "no procedure has the slot", of = stack })
  if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(20) }):wait{ within = seconds(40) } end
end

-- When the slot's voltage falls, at the pace of the monitor; nil: it does not.
local function falls_within(time)
  return wait_until(function() return not is_live() end, { within = time, every = ms(2), or_nil = true })
end

setup({ timeout = minutes(2) }, function()
  bring_back()
end)

step("told what to do", function()
  detector():set{ critical_reaction = "ForceOff", delay = params.delay }
  check("reaction is what it was told", detector().critical_reaction == "ForceOff")
  measure("delay is what it was told", detector().delay, { min = params.delay, max = params.delay })
  check("dry", detector().detector_state == "OK")
  check("slot is live", is_live())
end)

-- The line says wet at a moment that is known to the microsecond; a puddle's is not.
step("dry again before the delay", { go_on = true }, function()
  fault.plant(rig.tray.name .. ".sensor=wet-always")
  stack:await{ message = "LeakDetectedCritical", origin = rig.tray, within = ms(500) }
  check("the stack says Critical", detector().detector_state == "Critical")
  wait(params.delay - ms(500))
  fault.clear(rig.tray.name .. ".sensor=wet-always")
  stack:await{ message = "LeakDetectedNormal", origin = rig.tray, within = seconds(1) }
  local fell = falls_within(params.delay + seconds(1))
  check("no reaction: it was dry before the delay was over", fell == nil, { of = stack })
  check("the stack says OK", detector().detector_state == "OK")
end)

step("broken cable", { go_on = true }, function()
  fault.plant(rig.tray.name .. ".cable=broken")
  wait_until(function() return detector().detector_state == "Unavailable" end, { within = seconds(2), what = "the stack says Unavailable of a broken cable", of = stack })
  stack:await{ message = "LeakDetectorFailure", origin = rig.tray, within = seconds(2) }
  local fell = falls_within(params.delay + seconds(1))
  check("no reaction: a broken cable is no leak", fell == nil, { of = stack })
  fault.clear(rig.tray.name .. ".cable=broken")
  wait_until(function() return detector().detector_state == "OK" end, { within = seconds(3), what = "the stack says OK of a cable that is whole again", of = stack })
end)

step("wet for longer than the delay", { go_on = true, timeout = minutes(2) }, function()
  bring_back()
  local from = now()
  fault.plant(rig.tray.name .. ".sensor=wet-always")
  local event = stack:await{ message = "LeakDetectedCritical", origin = rig.tray, within = ms(500) }
  measure("event after the line", event.at - from, { max = ms(200), of = stack })
  local fell = falls_within(params.delay + seconds(3))
  check("the slot goes dark", fell ~= nil, { of = stack })
  if fell then
    measure("reaction after the delay", now() - from, { min = params.delay - ms(20), max = params.delay + params.tolerance, of = stack })
    claim("the stack says Off", { says = function() return chassis().power_state == "Off" end, wires = function() return rig.slot.monitor.vout < params.dead end, within = seconds(5) })
  end
  local answer, status = stack:post(chassis().uri .. "/Actions/Chassis.Reset", { ResetType = "On" }, { expect = { 202, 400, 409, 503 } })
  wait(seconds(1))
  check("a wet slot gets no power", rig.slot.monitor.vout < params.dead, { of = stack })
  fault.clear(rig.tray.name .. ".sensor=wet-always")
  wait_until(function() return detector().detector_state == "OK" end, { within = seconds(3), what = "the stack says OK when it is dry", of = stack })
end)

step("none is none", { go_on = true, timeout = minutes(2) }, function()
  bring_back()
  detector():set{ critical_reaction = "None" }
  fault.plant(rig.tray.name .. ".sensor=wet-always")
  stack:await{ message = "LeakDetectedCritical", origin = rig.tray, within = ms(500) }
  check("no reaction where none is wanted", falls_within(params.delay + seconds(1)) == nil, { of = stack })
  fault.clear(rig.tray.name .. ".sensor=wet-always")
  detector():set{ critical_reaction = "ForceOff" }
end)

step("coolant in the tray", { timeout = minutes(3) }, function()
  bring_back()
  wait_until(function() return detector().detector_state == "OK" end, { within = seconds(3), what = "the stack says OK before the leak", of = stack })
  local from = now()
  rig.injector.leak_valve:turn_on()
  local event = stack:await{ message = "LeakDetectedCritical", origin = rig.tray, within = seconds(5) }
  rig.injector.leak_valve:turn_off()
  log("coolant was found " .. event.at - from .. " after the injector opened")
  check("the slot goes dark", falls_within(params.delay + seconds(1)) ~= nil, { of = stack })
  measure("reaction after the event", now() - event.at, { min = params.delay - ms(100), max = params.delay + params.tolerance, of = stack })
end)

teardown(function()
  rig.injector.leak_valve:turn_off()
  fault.clear()
end)
