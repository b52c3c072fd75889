-- SPDX-License-Identifier: Apache-2.0
sequence "cooling" {
  about = "Flow, pressure and heat against each other; one pump alone; no flow at all.",
  version = "1.0",
  needs = { loop = "loop", pump = "pump-unit" },
  params = {
    load = watts(400), soak = minutes(6),
    -- What this rack showed when it was commissioned, at the flow that its pump unit is set to: the sum of its pipes, and how fast its pumps must turn.
    drop = kPa(150), power = watts(75), speed = revolutions_per_minute(3510),
    carried = watts(66.3), -- heat by 1 L/min and 1 K: density 1020 kg/m3 times 3900 J/(kg K), 25 % propylene glycol
  },
}

local function unit() return rig.pump.coolant end
local function meter() return rig.loop.flow_meter end

local function each_slot(fn)
  for csu in rig.parts("csu") do
    if csu:has("connector") and csu:has("hot-swap") then fn(csu) end
  end
end

local function all_off()
  each_slot(function(csu)
    csu.load:set{ load = watts(0) }
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end)
end

-- What to replace first, where the rig names it.
local function in_loop(kind)
  for part in rig.parts(kind) do
    if part:link("loop") == rig.loop then return part end
  end
  return rig.loop
end

local design -- flow that the unit was set to

-- Means over two seconds: pulses of a flow meter and control loops are never quite still.
local function look()
  local names = { "flow", "supply_pressure", "return_pressure", "supply_temperature", "return_temperature", "pump_1_speed", "pump_2_speed" }
  local sum, n, metered = {}, 10, nil
  for _ = 1, n do
    for _, name in ipairs(names) do
      local value = unit():read(name)
      sum[name] = sum[name] == nil and value or sum[name] + value
    end
    local flow = meter().flow
    metered = metered == nil and flow or metered + flow
    wait(ms(200))
  end
  for _, name in ipairs(names) do sum[name] = sum[name] / n end
  sum.metered = metered / n
  sum.drop = sum.supply_pressure - sum.return_pressure
  return sum
end

-- The pump unit holds its flow, so three say what it is: the unit, the bench's meter and what was asked for.
local function agree_on_flow(state, seen, asked)
  agree("flow " .. state, { { unit(), seen.flow }, { meter(), seen.metered }, { rig.pump, asked } }, { share = percent(5), within = litres_per_minute(0.2) })
end

local function hold(flow)
  unit():set{ flow_set = flow }
  wait(seconds(25)) -- the control loop's time constant is some seconds
end

setup(function()
  design = unit().flow_set
  all_off()
  wait(seconds(20))
end)

local rest

step("at rest", { go_on = true, timeout = minutes(5) }, function()
  local u = unit()
  wait(seconds(100)) -- the same coolant has been everywhere
  each_slot(function(csu) check(csu.name .. " is in its slot", csu.connector.present, { of = csu.connector }) end)
  rest = look()
  check("pump unit is on", not u.stop, { of = u })
  measure("pump 1 turns", rest.pump_1_speed, { min = revolutions_per_minute(500), of = u })
  measure("pump 2 turns", rest.pump_2_speed, { min = revolutions_per_minute(500), of = u })
  agree_on_flow("at rest", rest, design)
  -- Nothing heats it but the pumps, less than 0.2 K.
  measure("return above supply, at rest", rest.return_temperature - rest.supply_temperature, { min = degrees_celsius(-0.6), max = degrees_celsius(0.8), of = u })
  measure("supply temperature above its set point, at rest", rest.supply_temperature - u.supply_temperature_set, { min = degrees_celsius(-3), max = degrees_celsius(3), of = u,
    blame = in_loop("heat-exchanger"), action = "check the facility water and the heat exchanger" })
  -- The reservoir's level and the static pressure that it makes say the same: when only one of them is low it is the sensor.
  local level, pressure = u.level, rest.return_pressure
  local low_level, low_pressure = level < percent(60), pressure < kPa(15)
  measure("coolant in the reservoir", level, { min = percent(60), of = u, blame = low_pressure and rig.loop or u, action = low_pressure and "look for a leak, then refill the loop" or "service the pump unit" })
  measure("static pressure", pressure, { min = kPa(15), max = kPa(90), of = u, blame = low_level and rig.loop or low_pressure and in_loop("reservoir") or u })
end)

step("the pipes and the pumps", { go_on = true }, function()
  local u = unit()
  -- Turbulent flow: the drop goes with the square of the flow (Darcy-Weisbach).
  local ratio = rest.metered / design
  -- The meter and two pressure sensors are good to 2 % together. A little more is the coolant itself (its glycol) or a filter that ages; much more is blocked.
  local drop = rest.drop / (ratio * ratio)
  local blocked = drop > 1.3 * params.drop
  measure("pressure drop of the loop", drop, { min = 0.965 * params.drop, max = 1.035 * params.drop, of = u, blame = blocked and in_loop("filter") or rig.loop,
    action = blocked and "look for a clogged filter, a closed valve or a kinked hose" or "check the coolant's mixture, then the filter" })
  -- Affinity laws: a pump's head goes with the square of its speed, whatever the pipes are; who must turn faster for the head has lost some.
  local slowest, fastest = 0.975 * params.speed, 1.025 * params.speed
  local head = (number(rest.drop, "kPa") / number(params.drop, "kPa")) ^ 0.5
  for n = 1, 2 do
    local speed = rest["pump_" .. n .. "_speed"] / head
    local air = speed > 1.2 * params.speed -- more than a worn pump would need: there is air in the coolant
    measure("speed of pump " .. n .. " for its head", speed, { min = slowest, max = fastest, of = u, blame = air and rig.loop or u,
      action = air and "bleed the loop" or "a pump is worn; service the pump unit" })
  end
  -- What a pump takes goes with head times flow; a bearing that drags is paid for in watts.
  local work = (rest.drop / params.drop) * ratio
  measure("power of the unit for its work", u.power / work, { min = 0.85 * params.power, max = 1.15 * params.power, of = u })
end)

step("another flow", { go_on = true }, function()
  local u = unit()
  hold(design * 0.65)
  local low = look()
  agree_on_flow("at two thirds", low, design * 0.65)
  local flow = low.metered / rest.metered
  for n = 1, 2 do
    measure("speed of pump " .. n .. " against flow", (low["pump_" .. n .. "_speed"] / rest["pump_" .. n .. "_speed"]) / flow, { min = 0.94, max = 1.06, of = u })
  end
  measure("pressure drop against flow", (low.drop / rest.drop) / (flow * flow), { min = 0.88, max = 1.12, of = u })
  hold(design)
end)

step("heat", { go_on = true, timeout = params.soak + minutes(3) }, function()
  local u = unit()
  each_slot(function(csu) csu.hot_swap:turn_on() end)
  each_slot(function(csu)
    csu.connector:turn_on()
    wait_until(function() return csu.connector.power_good end, { within = seconds(1), what = "power good of " .. csu.name, of = csu })
  end)
  wait(seconds(5)) -- they boot
  each_slot(function(csu) csu.load:set{ load = params.load } end)
  wait(params.soak)
  local seen, power = look(), watts(0)
  each_slot(function(csu) power = power + csu.monitor.pout end)
  agree_on_flow("with heat", seen, design)
  -- What the slots take comes back in the coolant, but for some percent that goes into the air; the pumps add a little.
  local kelvins = number(seen.return_temperature - seen.supply_temperature, "degC")
  local set = u.supply_temperature_set
  measure("supply temperature above its set point", seen.supply_temperature - set, { min = degrees_celsius(-3), max = degrees_celsius(3), of = u, blame = in_loop("heat-exchanger"),
    action = "check the facility water and the heat exchanger" })
  measure("heat in the coolant against power of the slots", params.carried * (number(seen.metered, "L/min") * kelvins) / power, { min = 0.80, max = 1.10, of = u })
  local faults = u:faults()
  check("pump unit names no fault", #faults == 0, { of = u, blame = faults[1] == "reservoir" and rig.loop or u })
end)

-- Pumps are in parallel: with one of two the flow falls little, and the controller makes up for it.
local function fail_pump(n)
  if rig.is_virtual then fault.plant(rig.pump.name .. ".pump-" .. n .. "=dead") else prompt("Disconnect pump " .. n .. " of " .. rig.pump.name .. " now") end
end

local function mend_pump(n)
  if rig.is_virtual then fault.clear(rig.pump.name .. ".pump-" .. n .. "=dead") else prompt("Connect pump " .. n .. " of " .. rig.pump.name .. " again") end
end

step("one pump alone", { go_on = true, timeout = minutes(5) }, function()
  local u = unit()
  for n = 1, 2 do
    fail_pump(n)
    wait_until(function() return u["pump_" .. n .. "_speed"] < revolutions_per_minute(300) end, { within = seconds(60), what = "pump " .. n .. " stands still", of = u })
    wait(seconds(15))
    check("pump unit names the pump, pump " .. n .. " off", #u:faults() > 0, { of = u })
    local flow = look()
    measure("flow with pump " .. n .. " off", flow.metered, { min = 0.9 * design, of = meter(), blame = u })
    -- Its check valve holds: if it does not, the other pump drives coolant round in a circle and must turn faster.
    local other = flow["pump_" .. (3 - n) .. "_speed"]
    measure("speed of pump " .. (3 - n) .. " alone", other / (flow.metered / design), { max = 1.09 * params.speed, of = u })
    mend_pump(n)
    wait_until(function() return u["pump_" .. n .. "_speed"] > revolutions_per_minute(500) end, { within = seconds(60), what = "pump " .. n .. " turns again", of = u })
    wait(seconds(15))
  end
end)

step("no flow", { go_on = true }, function()
  local u = unit()
  all_off() -- who makes heat needs flow
  wait(seconds(20))
  u:set{ stop = true }
  measure("flow stops", wait_until(function()
    local _ = u.flow -- both are looked at all the time, so that one that lags shows
    return meter().flow < litres_per_minute(0.3)
  end, { within = seconds(20), what = "flow below 0.3 L/min", of = meter(), blame = u }),
    { max = seconds(10), of = u })
  measure("flow by the unit, at once", u.flow, { max = litres_per_minute(1), of = u }) -- the meter has seen it already
  wait(seconds(5))
  local still = look()
  measure("flow by the unit, stopped", still.flow, { max = litres_per_minute(0.3), of = u })
  measure("pressure drop, stopped", abs(still.drop), { max = kPa(6), of = u })
  measure("speed of pump 1, stopped", still.pump_1_speed, { max = revolutions_per_minute(100), of = u })
  measure("speed of pump 2, stopped", still.pump_2_speed, { max = revolutions_per_minute(100), of = u })
  u:set{ stop = false }
  measure("flow comes back", wait_until(function() return meter().flow > 0.9 * design end, { within = seconds(30), what = "coolant flows again", of = meter(), blame = u }),
    { max = seconds(15), of = u })
end)

teardown(function()
  all_off()
  unit():set{ stop = false, flow_set = design }
end)
