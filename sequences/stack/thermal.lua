-- SPDX-License-Identifier: Apache-2.0
sequence "stack-thermal" {
  about = "Temperatures that the stack tells follow the load, and the pumps follow the temperatures; a CSU that gets too hot is told of, and is switched off before it harms itself.",
  version = "1.1",
  stack = true,
  needs = { slot = "csu", loop = "loop", pump = "pump-unit" },
  params = { load = watts(500), hot = watts(600), rises = degrees_celsius(4), live = volts(46), dead = volts(5), held = degrees_celsius(80), over = degrees_celsius(2),
             calm = litres_per_minute(8.5) },
}

allow_hazard("rating", "what the stack does about a CSU that is too hot is what is tested")

local function chassis() return stack.chassis(rig.slot) end
local SENSOR = "cpu-1-temperature"

local function switch_on(part)
  local unit = stack.chassis(part)
  if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) } end
end

local function each_flow_control(fn)
  for _, chassis in ipairs(stack:members("/redfish/v1/Chassis")) do
    local controls = stack:get(chassis).Controls
    for _, uri in ipairs(controls and stack:members(controls["@odata.id"]) or {}) do
      if stack:get(uri).ControlType == "LiquidFlowLPM" then fn(uri) end
    end
  end
end

local function hold_flow()
  each_flow_control(function(uri) stack:patch(uri, { ControlMode = "Manual", SetPoint = number(rig.loop.flow, "L/min") // 1 }) end)
end

setup({ timeout = minutes(2) }, function()
  switch_on(rig.slot)
  wait(seconds(5))
end)

step("temperatures follow the load", { timeout = minutes(5), go_on = true }, function()
  wait(seconds(30))
  local cold = chassis():sensor(SENSOR)
  measure("at rest", cold, { min = degrees_celsius(10), max = degrees_celsius(60), of = stack })
  rig.slot.load:set{ load = params.load }
  wait(seconds(60))
  local warm = chassis():sensor(SENSOR)
  measure("rises with the load", warm - cold, { min = params.rises, of = stack, action = "the stack's temperature does not follow the CSU; when another stack's does, look at the sensor" })
  rig.slot.load:set{ load = watts(0) }
  wait(seconds(60))
  measure("falls with the load", warm - chassis():sensor(SENSOR), { min = params.rises / 2, of = stack })
end)

-- A spot that reads warmer than the stack lets one be; more coolant brings it down, as the heat beneath the reading is real.
step("the pumps follow the heat", { timeout = minutes(15), go_on = true }, function()
  rig.slot.load:set{ load = params.load }
  wait(minutes(5)) -- its plates and drives are slow
  local least, wanted = rig.loop.flow, nil
  measure("flow while nothing is hot", least, { max = params.calm, of = stack, action = "its pumps take power for nothing; when another stack's do not, look at the loop's heat exchanger" })
  local warmer = string.format("%s.%s=offset:%gdegC", rig.slot.thermometer.name, SENSOR, number(params.held + params.over - chassis():sensor(SENSOR), "degC"))
  fault.plant(warmer)
  local rose = wait_until(function() return rig.loop.flow > least * 1.1 end, { within = minutes(1), every = ms(500), what = "more flows where a spot gets too warm", blame = stack })
  measure("more flows after", rose, { of = stack })
  wait(minutes(1))
  each_flow_control(function(uri) wanted = stack:get(uri).SetPoint end)
  require("the stack tells how much it wants", wanted ~= nil, { of = stack })
  measure("flow over what the stack says it wants", rig.loop.flow / litres_per_minute(wanted), { min = 0.93, max = 1.07, of = stack })
  fault.clear(warmer)
  wait_until(function() return rig.loop.flow < least * 1.1 end, { within = minutes(3), every = seconds(1), what = "less flows when it is well again", blame = stack })
  rig.slot.load:set{ load = watts(0) }
end)

step("too hot", { timeout = minutes(10), go_on = true }, function()
  fault.clear() -- what a step that failed has left
  hold_flow() -- else more coolant would save it, as it should
  local block = rig.slot.name .. ".coolant=blocked"
  fault.plant(block)
  rig.slot.load:set{ load = params.hot }
  local critical = false
  wait_until(function()
    critical = critical or chassis().health == "Critical"
    return rig.slot.monitor.vout < params.dead
  end, { within = minutes(8), every = ms(200), what = "the stack switches the hot CSU off", blame = stack })
  check("the stack calls it critical before it switches it off", critical, { of = stack })
  stack:await{ message = "TemperatureCritical", origin = rig.slot, within = seconds(1) }
  claim("switched off", { says = function() return chassis().power_state == "Off" end, wires = function() return rig.slot.monitor.vout < params.dead end, within = seconds(5) })
  rig.slot.load:set{ load = watts(0) }
  fault.clear(block)
end)

teardown(function()
  each_flow_control(function(uri) stack:patch(uri, { ControlMode = "Automatic" }) end)
  rig.slot.load:set{ load = watts(0) }
  fault.clear()
end)
