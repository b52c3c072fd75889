-- SPDX-License-Identifier: Apache-2.0
sequence "inspection" {
  about = "Every instrument against the others, every line and every slot, at rest and under load.",
  version = "1.0",
  needs = { loop = "loop", pump = "pump-unit", rack = "busbar" },
  params = { load = watts(450), booted = watts(50), soak = seconds(60) },
}

-- How near two good instruments are to each other: INA238 and PMBus parts are good to about 1 % of what they read (datasheets), and to
-- this much where that is little.
local NEAR = { vout = volts(0.4), vin = volts(0.4), iout = amperes(0.3), temperature = degrees_celsius(5) }
-- How far a quantity may wander within half a second while nothing is changed: ten times the noise of a good instrument (0.05 % of its reading), and of power,
-- which supplies tell in steps of 2 W, a little more (one run of 8,000 healthy ones saw 16 W).
local WANDER = {
  vin = volts(0.5), vout = volts(0.3), iout = amperes(0.3), iin = amperes(0.2), pin = watts(20), pout = watts(20), temperature = degrees_celsius(1.5),
  flow = litres_per_minute(0.4), supply_pressure = kPa(6), return_pressure = kPa(6), supply_temperature = degrees_celsius(1),
  return_temperature = degrees_celsius(1), air_temperature = degrees_celsius(1), level = percent(2), power = watts(10),
  pump_1_speed = revolutions_per_minute(100), pump_2_speed = revolutions_per_minute(100), fan_speed = revolutions_per_minute(300),
}

-- Temperatures inside the CSUs.
local INSIDE = { "csu-temperature", "cpu-1-temperature", "cpu-2-temperature", "drive-temperature", "board-temperature" }

local function owned(device) return device.owner ~= "interlock" end

local function each_slot(fn)
  for csu in rig.parts("csu") do
    if csu:has("connector") and csu:has("hot-swap") then fn(csu) end
  end
end

-- What the devices at a part say of one quantity.
local function told(part, quantity)
  local readings = {}
  for device in part:devices() do
    if owned(device) and device:has(quantity) then
      local value = device:read(quantity)
      if value ~= nil then readings[#readings + 1] = { device, value } end
    end
  end
  return readings
end

local function middle(readings)
  local values = {}
  for i, r in ipairs(readings) do values[i] = r[2] end
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- First the instruments of each slot against each other, so that a bad instrument is not taken for a bad slot; then the slots.
local function compare_slots(state, quantity)
  local slots, n = {}, 0
  each_slot(function(csu)
    local readings = told(csu, quantity)
    if #readings > 1 then agree(csu.name .. " " .. quantity .. " " .. state, readings, { within = NEAR[quantity] }) end
    if #readings > 0 then
      n = n + 1
      slots[n] = { quantity == "vout" and csu.hot_swap or csu, middle(readings) }
    end
  end)
  if n > 2 then agree("slots' " .. quantity .. " " .. state, slots, { within = 2 * NEAR[quantity] }) end
end

-- The same quantity of like devices in like slots.
local function compare_devices(state, role, quantity, near)
  local readings = {}
  each_slot(function(csu)
    if csu:has(role) then
      for device in csu:devices() do
        if owned(device) and device.role == role and device:has(quantity) then readings[#readings + 1] = { device, device:read(quantity) } end
      end
    end
  end)
  if #readings > 2 then agree(role .. " " .. quantity .. " " .. state, readings, { within = near }) end
end

-- A supply that names its input has no good mains: that is the feed's, where the rig says which.
local function check_mains(psu)
  local input
  for _, name in ipairs(psu.supply:faults()) do
    if string.find(name, "vin", 1, true) or string.find(name, "input", 1, true) then input = input or name end
  end
  if input then log(psu.name .. " names " .. input) end
  check("mains of " .. psu.name, input == nil, { of = psu.supply, blame = psu:link("feed") or psu.supply, action = "check the feed, its breaker and its phases" })
end

-- A supply droops under load and never rises above what is set; who does pushes the others out of the bus. Half a volt for droop, as a good one has.
local function check_regulation(state)
  for psu in rig.parts("psu") do
    local s = psu.supply
    if s.power_good then
      measure(psu.name .. " against its set voltage " .. state, s.vout - s.vout_set, { min = volts(-0.8), max = volts(0.25), of = s })
    end
  end
end

-- A node of the bus bar: all that see its voltage.
local function compare_bus(state)
  check_regulation(state)
  local readings = told(rig.rack, "vout")
  for psu in rig.parts("psu") do readings[#readings + 1] = { psu.supply, psu.supply.vout } end
  each_slot(function(csu) readings[#readings + 1] = { csu.hot_swap, csu.hot_swap.vin } end)
  agree("bus voltage " .. state, readings, { within = NEAR.vout })
end

-- What is lost between the supplies and the slots, and how warm the bar's joints are: a bad joint shows long before it burns.
local function check_bar(state)
  local best = volts(0)
  for psu in rig.parts("psu") do best = highest(best, psu.supply.vout) end
  local slots, n = {}, 0
  each_slot(function(csu) n = n + 1; slots[n] = { csu.hot_swap, csu.hot_swap.vin } end)
  measure("drop along the bus bar " .. state, best - middle(slots), { max = volts(0.35), of = rig.rack, blame = rig.rack })
  if rig.rack:has("temperature") then
    measure("bus bar temperature " .. state, rig.rack.temperature, { max = degrees_celsius(60), of = rig.rack.monitor, blame = rig.rack })
  end
end

local function check_lines(state, power)
  each_slot(function(csu)
    local c = csu.connector
    check(csu.name .. " is present, " .. state, c.present, { of = c })
    check(csu.name .. " power enable, " .. state, c.power_enable == power, { of = c })
    check(csu.name .. " power good, " .. state, c.power_good == power, { of = c })
    check(csu.name .. " controller's power good, " .. state, csu.hot_swap.power_good == power, { of = csu.hot_swap })
  end)
end

local function steady(device)
  local low, high = {}, {}
  for _ = 1, 8 do
    for quantity in device:quantities() do
      local word = string.gsub(quantity, "-", "_")
      if WANDER[word] ~= nil then
        local value = device:read(quantity)
        if value ~= nil then
          low[quantity] = low[quantity] == nil and value or lowest(low[quantity], value)
          high[quantity] = high[quantity] == nil and value or highest(high[quantity], value)
        end
      end
    end
    wait(ms(60))
  end
  for quantity, value in pairs(low) do
    measure(device.name .. " " .. quantity .. " is steady", high[quantity] - value, { max = WANDER[string.gsub(quantity, "-", "_")], of = device })
  end
end

setup(function()
  each_slot(function(csu)
    csu.connector:set{ reset = false, attention = false }
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
    csu.load:set{ load = watts(0) }
  end)
  wait(seconds(2))
end)

step("who is there", { go_on = true }, function()
  for device in rig.devices() do
    local identity = owned(device) and device:identity()
    if identity then check(device.name .. " says who it is", identity.model ~= nil or identity.manufacturer ~= nil, { of = device }) end
  end
end)

local function names_no_fault(state)
  for device in rig.devices() do
    local faults = owned(device) and device:faults()
    if faults then
      for _, fault in ipairs(faults) do log(device.name .. " names a fault " .. state .. ": " .. fault, "WARNING") end
      check(device.name .. " names no fault " .. state, #faults == 0, { of = device, blame = faults[1] == "reservoir" and rig.loop or device })
    end
  end
end

-- Whether coolant is really lost: what drips out is missing in the reservoir.
local function coolant_falls()
  local before = rig.pump.coolant.level
  return wait_until(function() return rig.pump.coolant.level < before - percent(1) end, { within = seconds(30), every = ms(500), or_nil = true }) ~= nil
end

-- What stands above a tray, the likeliest first: what has seals, then the bench's leak injector.
local function above(tray)
  for _, kind in ipairs{ "reservoir", "heat-exchanger", "filter", "pipe" } do
    for part in rig.parts(kind) do
      if part:link("drips-into") == tray then return part end
    end
  end
  for valve in rig.parts("valve") do
    if valve:link("tray") == tray and valve:has("leak-valve") then return valve.leak_valve end
  end
  return rig.loop
end

-- A wet tray is a leak when coolant is missing; if none is missing the sensor is wrong.
local function whose_leak(tray)
  return coolant_falls() and above(tray) or tray.leak_sensor
end

step("mains", { go_on = true }, function()
  for psu in rig.parts("psu") do check_mains(psu) end
end)

step("leak sensors", { go_on = true, timeout = minutes(5) }, function()
  for tray in rig.parts("tray") do
    if tray:has("leak-sensor") then
      check(tray.name .. ": sense cable is whole", tray.leak_sensor.cable, { of = tray.leak_sensor })
      local wet, before = tray.leak_sensor.wet, edge_count(tray.leak_sensor:edge("wet", "rising"))
      wait(seconds(1))
      local pulses = edge_count(tray.leak_sensor:edge("wet", "rising")) - before
      wet = tray.leak_sensor.wet
      measure(tray.name .. ": stray pulses in a second", wet and 0 or pulses, { max = 0, of = tray.leak_sensor })
      check(tray.name .. " is dry", not wet, { of = tray.leak_sensor, blame = wet and whose_leak(tray) or tray.leak_sensor })
    end
  end
  for valve in rig.parts("valve") do
    if valve:has("leak-valve") then check(valve.name .. " is closed", not valve.leak_valve.open, { of = valve.leak_valve }) end
  end
end)

step("at rest", { go_on = true }, function()
  check_lines("off", false)
  compare_slots("off", "vout")
  compare_slots("off", "iout")
  compare_devices("off", "hot-swap", "temperature", NEAR.temperature)
  compare_devices("off", "monitor", "temperature", NEAR.temperature)
  for _, quantity in ipairs(INSIDE) do -- cold as the coolant all of them: who differs is a bad sensor
    compare_devices("off", "thermometer", quantity, degrees_celsius(2))
  end
  compare_bus("off")
end)

step("lines", { go_on = true }, function()
  each_slot(function(csu)
    for _, line in ipairs{ "attention", "reset" } do
      for _, level in ipairs{ true, false } do
        csu.connector:set{ [line] = level }
        check(csu.name .. " " .. line .. (level and " on" or " off"), csu.connector:read(line) == level, { of = csu.connector })
      end
    end
  end)
end)

step("power up", { go_on = true }, function()
  each_slot(function(csu) -- all of them first: two that are exchanged are found by what they measure
    csu.hot_swap:clear_faults()
    csu.hot_swap:clear_peaks()
    csu.hot_swap:turn_on()
  end)
  wait(ms(200))
  local together = {} -- who has power when all are told to
  each_slot(function(csu) csu.connector:turn_on() end)
  wait(seconds(1))
  each_slot(function(csu) together[csu.name] = csu.connector.power_good end)
  each_slot(function(csu) csu.connector:turn_off() end)
  wait(seconds(1))
  each_slot(function(csu) csu.hot_swap:clear_peaks() end)
  each_slot(function(csu)
    check(csu.name .. " waits for its enable", csu.monitor.vout < volts(1), { of = csu.hot_swap })
    reaction(csu.name .. ": power good follows enable", {
      from = csu.connector:edge("power_enable", "rising"),
      to = csu.connector:edge("power_good", "rising"),
      within = ms(200),
      blame = together[csu.name] and csu.hot_swap or csu,
      action = together[csu.name] and "its controller may be exchanged with another slot's" or nil,
      start = function() csu.connector:turn_on() end,
    })
    measure(csu.name .. " inrush", csu.hot_swap.peak_iout, { max = amperes(10), of = csu.hot_swap })
  end)
end)

step("boot", { go_on = true }, function()
  each_slot(function(csu)
    local t = wait_until(function() return csu.monitor.pout > params.booted end, { within = seconds(10), or_nil = true })
    check(csu.name .. " boots within 10 s", t ~= nil, { of = csu })
  end)
  local lowest_power = {}
  for _ = 1, 28 do -- longer than a boot
    wait(ms(250))
    each_slot(function(csu)
      local power, before = csu.monitor.pout, lowest_power[csu.name]
      lowest_power[csu.name] = before ~= nil and lowest(before, power) or power
    end)
  end
  each_slot(function(csu) measure(csu.name .. " stays up", lowest_power[csu.name], { min = params.booted, of = csu.monitor, blame = csu }) end)
end)

-- What runs workloads answers once its unit has booted, and nothing has been given it yet.
step("nodes", { go_on = true }, function()
  for device in rig.devices() do
    if device.role == "agent" then
      for _, quantity in ipairs{ "workloads", "used-cores" } do
        measure(device.name .. " " .. quantity, device:read(quantity), { max = 0, of = device })
      end
    end
  end
end)

step("idle", { go_on = true }, function()
  check_lines("on", true)
  compare_bus("idle")
  compare_slots("idle", "vout")
  compare_slots("idle", "iout")
end)

-- A load in one slot at a time: an instrument that looks at another slot is seen now.
step("one after the other", { go_on = true }, function()
  each_slot(function(csu)
    csu.load:set{ load = params.load }
    wait(ms(300))
    agree(csu.name .. " current alone", told(csu, "iout"), { within = NEAR.iout })
    check_bar("with " .. csu.name .. " loaded")
    csu.load:set{ load = watts(0) }
  end)
end)

-- Like places in like slots under like load.
local function compare_inside(state)
  for _, quantity in ipairs(INSIDE) do
    local readings, n = {}, 0
    each_slot(function(csu)
      if csu:has(quantity) then
        n = n + 1
        readings[n] = { csu, csu.thermometer:read(quantity) }
      end
    end)
    if n > 2 then agree(quantity .. " " .. state, readings, { within = degrees_celsius(3) }) end
  end
  each_slot(function(csu) -- they stand on one plate and work alike: who is warmer touches it badly
    if csu:has("cpu-1-temperature") and csu:has("cpu-2-temperature") then
      measure(csu.name .. " one CPU against the other " .. state, csu.thermometer.cpu_1_temperature - csu.thermometer.cpu_2_temperature,
        { min = degrees_celsius(-1.5), max = degrees_celsius(1.5), of = csu.thermometer, blame = csu })
    end
  end)
end

step("loaded", { go_on = true, timeout = params.soak + minutes(2) }, function()
  each_slot(function(csu) csu.load:set{ load = params.load } end)
  wait(params.soak)
  compare_bus("loaded")
  compare_slots("loaded", "vout")
  compare_slots("loaded", "iout")
  compare_devices("loaded", "hot-swap", "temperature", 2 * NEAR.temperature)
  compare_devices("loaded", "monitor", "temperature", NEAR.temperature)
  compare_inside("loaded")
end)

-- Each supply against itself: what it takes, what it gives, and that it gives nearly all it takes.
local function check_supply(psu)
  local s = psu.supply
  local vin, iin, pin, vout, iout, pout = s.vin, s.iin, s.pin, s.vout, s.iout, s.pout
  measure(psu.name .. " input power against voltage and current", pin / (vin * iin), { min = 0.95, max = 1.03, of = s }) -- power factor above 0.97
  measure(psu.name .. " output power against voltage and current", pout / (vout * iout), { min = 0.97, max = 1.03, of = s })
  measure(psu.name .. " efficiency", pout / pin, { min = 0.90, max = 0.985, of = s })
  measure(psu.name .. " vin", vin, { min = volts(200), max = volts(264), of = s })
  measure(psu.name .. " fan", s.fan_speed, { min = revolutions_per_minute(1000), of = s })
  local fastest = s.fan_speed -- all share the load, so their fans turn alike
  for other in rig.parts("psu") do fastest = highest(fastest, other.supply.fan_speed) end
  measure(psu.name .. " fan against the fastest", s.fan_speed / fastest, { min = 0.75, of = s })
  measure(psu.name .. " temperature", s.temperature, { min = degrees_celsius(15), max = degrees_celsius(60), of = s })
end

local function add(readings, quantity)
  local sum
  for _, device in ipairs(readings) do
    local value = device[quantity]
    sum = sum == nil and value or sum + value
  end
  return sum
end

step("supplies", { go_on = true }, function()
  local supplies, monitors = {}, {}
  for psu in rig.parts("psu") do
    supplies[#supplies + 1] = psu.supply
    check_supply(psu)
  end
  each_slot(function(csu) monitors[#monitors + 1] = csu.monitor end)
  local total = add(supplies, "iout")
  for _, s in ipairs(supplies) do -- who takes too little makes the others take more
    measure("share of " .. s.name, percent(100 * #supplies * (s.iout / total)), { min = percent(85), of = s })
  end
  -- What the supplies give is what the slots take, and the pumps.
  local slots, unit = add(monitors, "iout"), rig.pump.coolant
  if rig.rack:has("iout") then
    agree("current of the slots", { { rig.rack.monitor, rig.rack.monitor.iout }, { rig.rack, slots }, { rig.pump, total - unit.power / unit.vin } }, { share = percent(2) })
  end
end)

step("steady", { go_on = true, timeout = minutes(5) }, function()
  for device in rig.devices() do
    if owned(device) then steady(device) end
  end
end)

step("no faults", { go_on = true }, function() names_no_fault("under load") end)

step("wires", { go_on = true }, function()
  for device in rig.devices() do
    local wire = device:wire()
    if wire.transfers > 0 then
      -- A slave may hold the clock for 25 ms in one message (SMBus 3.1 table 2, T_LOW:SEXT); others answer within 300 ms here.
      measure(device.name .. " slowest transfer", wire.slowest, { max = string.find(device.bus, "i2c") and ms(25) or ms(300), of = device })
      measure(device.name .. " failed transfers", wire.errors / wire.transfers, { max = 0.01, of = device })
    end
  end
end)

teardown(function()
  each_slot(function(csu)
    csu.load:set{ load = watts(0) }
    csu.connector:set{ reset = false, attention = false }
    csu.connector:turn_off()
    csu.hot_swap:turn_off()
  end)
end)
