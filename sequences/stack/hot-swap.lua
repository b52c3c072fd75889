-- SPDX-License-Identifier: Apache-2.0
sequence "stack-hot-swap" {
  about = "The control stack swaps one CSU while the others carry load: what it says against what the slot's wires show.",
  version = "1.0",
  stack = true,
  needs = { slot = "csu", loop = "loop" },
  params = { load = watts(300), live = volts(46), dead = volts(5) },
}

invariant("coolant keeps flowing", function(rig)
  return rig.loop.flow > litres_per_minute(4)
end, { every = ms(500) })

local serial

local function chassis() return stack.chassis(rig.slot) end

local function is_live() return rig.slot.monitor.vout > params.live end
local function is_dead() return rig.slot.monitor.vout < params.dead end
local function lit() return operator.sees(rig.slot, "attention") end

-- One after another, as a site does it: the inrush of all at once is nobody's idea of a good start.
local function switch_on(parts)
  for _, part in ipairs(parts) do
    local unit = stack.chassis(part)
    if unit.power_state ~= "On" then unit:reset("On", { patience = seconds(10) }):wait{ within = seconds(40) } end
  end
end

local function others_are_live(when)
  for part in rig.parts("csu") do
    if part ~= rig.slot then measure(part.name .. " keeps its power " .. when, part.monitor.vout, { min = params.live, blame = stack }) end
  end
end

setup({ timeout = minutes(3) }, function()
  local all = {}
  for part in rig.parts("csu") do all[#all + 1] = part end
  switch_on(all)
  wait(seconds(5)) -- they boot
  for part in rig.parts("csu") do part.load:set{ load = params.load } end
  wait(seconds(1))
end)

step("in service", function()
  measure("slot voltage", rig.slot.monitor.vout, { min = params.live, max = volts(50) })
  check("the stack says Enabled", chassis().state == "Enabled")
  check("the stack says OK", chassis().health == "OK")
  check("the stack says On", chassis().power_state == "On")
  check("not ready to be pulled", chassis().ready_to_remove == false)
  measure("the stack's voltage is the slot's", chassis():sensor("vout") - rig.slot.monitor.vout, { min = volts(-0.5), max = volts(0.5), of = stack })
  serial = chassis().serial
end)

step("attention LED", { go_on = true }, function()
  chassis():set{ indicator = true }
  check("lit when the write was answered", lit(), { of = stack })
  check("the stack says that it is lit", chassis().indicator == true)
  chassis():set{ indicator = false }
  check("dark when the write was answered", not lit(), { of = stack })
end)

local task

step("isolate", function()
  rig.slot.load:set{ load = watts(0) }
  task = chassis():set{ ready_to_remove = true }
  claim("ready to be pulled", { says = function() return chassis().ready_to_remove end, wires = is_dead, within = seconds(10),
    action = "nobody may pull a CSU on this stack's word" })
  claim("attention LED marks the slot", { says = function() return chassis().indicator end, wires = lit, within = seconds(1), early = ms(0) })
  check("the task goes on", not task.is_over)
  check("the stack says Off", chassis().power_state == "Off")
  stack:await{ message = "ResourcePoweredOff", origin = rig.slot, within = seconds(2) }
  others_are_live("while it is isolated")
end)

step("remove", { timeout = minutes(5) }, function()
  operator.remove(rig.slot)
  wait(ms(200))
  claim("slot is empty", { says = function() return chassis().state == "Absent" end, wires = function() return not operator.sees(rig.slot, "present") end, within = seconds(3) })
  check("nobody is ready to be pulled any more", chassis().ready_to_remove == false)
  stack:await{ message = "ResourceRemoved", origin = rig.slot, within = seconds(2) }
  check("still no power", is_dead(), { of = stack })
  others_are_live("while the slot is empty")
end)

step("insert", { timeout = minutes(5) }, function()
  operator.insert(rig.slot)
  local back = claim("in service again", { says = function() return chassis().state == "Enabled" end, wires = is_live, within = seconds(40), every = ms(10),
    action = "work would be given to a CSU without power" })
  measure("power after the unit was put in", back.shown, { min = ms(100), of = stack, action = "a slot must not have power while contacts still bounce" })
  task:wait{ within = seconds(30) }
  stack:await{ message = "ResourcePoweredOn", origin = rig.slot, within = seconds(2) }
  check("LED is dark again", not lit(), { of = stack })
  check("the stack says that it is dark", chassis().indicator == false)
  check("the stack says who it is", chassis().serial == serial)
  check("health is OK", chassis().health == "OK")
  others_are_live("to the end")
end)

step("another unit is told of as itself", { timeout = minutes(10) }, function()
  local swap = chassis():set{ ready_to_remove = true }
  wait_until(function() return chassis().ready_to_remove end, { within = seconds(10), what = "ready to be pulled", blame = stack })
  operator.remove(rig.slot)
  wait(seconds(1))
  operator.replace(rig.slot)
  operator.insert(rig.slot)
  swap:wait{ within = seconds(60) }
  local system = stack:get(chassis():get().Links.ComputerSystems[1]["@odata.id"])
  check("the chassis says who is there now", chassis().serial ~= nil and chassis().serial ~= serial, { of = stack })
  check("the system says the same", system.SerialNumber == chassis().serial, { of = stack })
  serial = chassis().serial
end)

step("power that does not come is not called done", { timeout = minutes(2) }, function()
  chassis():reset("ForceOff"):wait{ within = seconds(20) }
  check("slot is dead", is_dead(), { of = stack })
  local pin = rig.slot.name .. ".power-enable-pin=stuck-low"
  fault.plant(pin)
  local on = chassis():reset("On")
  on:wait{ within = seconds(40), state = "Exception" }
  check("slot is still dead", is_dead(), { of = stack })
  check("the stack does not say Enabled", chassis().state ~= "Enabled")
  fault.clear(pin)
  chassis():reset("On"):wait{ within = seconds(40) }
  check("slot is live", is_live(), { of = stack })
end)

step("power that comes late is not called there", { timeout = minutes(2) }, function()
  chassis():reset("ForceOff"):wait{ within = seconds(20) }
  wait_until(is_dead, { within = seconds(5), what = "slot is dead", blame = stack })
  fault.plant(rig.slot.name .. ".power-enable-pin=stuck-low for 1500ms")
  local on = chassis():reset("On")
  claim("in service", { says = function() return chassis().state == "Enabled" end, wires = is_live, within = seconds(20),
    action = "work would be given to a CSU without power" })
  on:wait{ within = seconds(40) }
end)

step("a session that was closed is closed", function()
  local other = stack.login()
  other:get(chassis().uri)
  local root = other.uri
  other:logout()
  local answer = other:get(chassis().uri, { expect = { 200, 401, 403 } })
  check("a session that was closed opens nothing", type(answer) ~= "table" or answer["@odata.id"] == nil, { of = stack })
  stack:get(root, { expect = { 401, 403, 404, 410 } })
end)

teardown(function()
  for part in rig.parts("csu") do part.load:set{ load = watts(0) } end
end)
