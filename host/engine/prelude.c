/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that are best said in Lua itself, on the primitives of verbs.c, edges.c and prompt.c. It is trusted: only `core` reaches
 * those, and sequences never see it. Lines of its own are no lines of the sequence, so errors point at the caller. */
#include "host/engine/lua_stack.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char WAITING[] =
    "local core, G, next, sort = ...\n"
    "local ms = 1000000\n"
    "local function need(verb, fn)\n"
    "  if type(fn) ~= 'function' then core.usage(verb .. ' needs a function') end\n"
    "end\n"
    "local function span(o, key, default, least)\n"
    "  local ns = default\n"
    "  if o[key] ~= nil then ns = core.ns(o[key], key) end\n"
    "  if ns and least and ns < least then return least end\n"
    "  return ns\n"
    "end\n"
    /* At a steady pace from `at`; when the bus is slower than the pace, as fast as the bus goes. */
    "local function pace(at, every, what)\n"
    "  at = at + every\n"
    "  local now = core.now()\n"
    "  if at < now then at = now end\n"
    "  core.wait_until(at, what)\n"
    "  return at\n"
    "end\n"
    "local RANKS = { number = 1, string = 2 }\n"
    "local ORDERLESS = { table = true, ['function'] = true }\n"
    "local function before(a, b)\n"
    "  local ra, rb = RANKS[type(a)] or 3, RANKS[type(b)] or 3\n"
    "  if ra ~= rb then return ra < rb end\n"
    "  if ra == 3 then\n"
    "    local sa, sb = G.tostring(a), G.tostring(b)\n"
    "    if sa == sb and not rawequal(a, b) then core.usage('pairs: two keys are both \"' .. sa .. '\", so they have no order; use texts or numbers as keys') end\n"
    "    return sa < sb\n"
    "  end\n"
    "  return a < b\n"
    "end\n"
    /* Sorted: Lua's own order changes from run to run. */
    "function G.pairs(t)\n"
    "  if type(t) ~= 'table' then core.usage('pairs needs a table') end\n"
    "  local keys, n, i = {}, 0, 0\n"
    "  for k in next, t do\n"
    "    if ORDERLESS[type(k)] then core.usage('pairs: a ' .. type(k) .. ' as a key has no place in an order; use texts or numbers as keys') end\n"
    "    n = n + 1; keys[n] = k\n"
    "  end\n"
    "  sort(keys, before)\n"
    "  return function()\n"
    "    while i < n do\n"
    "      i = i + 1\n"
    "      local v = t[keys[i]]\n"
    "      if v ~= nil then return keys[i], v end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function G.now() return core.time(core.now()) end\n"
    "function G.wait(time)\n"
    "  core.wait_until(core.now() + core.ns(time, 'wait'), 'a wait of ' .. G.tostring(time), true)\n"
    "end\n"
    "local WAIT = { 'within', 'every', 'what', 'or_nil', 'of', 'blame', 'action' }\n"
    "local function holds(fn, what)\n"
    "  local yes = fn(G.rig)\n"
    "  if yes ~= true and yes ~= false then core.usage(what .. ' must return true or false, it returned ' .. (yes == nil and 'nothing' or G.tostring(yes))) end\n"
    "  return yes\n"
    "end\n"
    "function G.wait_until(fn, o)\n"
    "  need('wait_until', fn)\n"
    "  core.options(o, 'wait_until', WAIT)\n"
    "  o = o or {}\n"
    "  local from, what = core.now(), o.what or 'a condition'\n"
    "  local within, every, at = span(o, 'within'), span(o, 'every', 10 * ms, ms // 100), from\n"
    "  while not holds(fn, 'the function of wait_until') do\n"
    "    local now = core.now()\n"
    "    if within and now - from >= within then\n"
    "      if o.or_nil then return nil end\n"
    "      if core.rehearsal() then break end\n"
    "      core.fail(what, 'not within ' .. G.tostring(o.within), o)\n"
    "    end\n"
    "    local left = within and from + within - at or every\n"
    "    at = pace(at, left < every and left > 0 and left or every, what)\n"
    "  end\n"
    "  return core.time(core.now() - from)\n"
    "end\n"
    "local SETTLE = { 'within', 'every', 'what', 'band', 'during', 'of', 'blame', 'action' }\n"
    "function G.settle(fn, o)\n"
    "  need('settle', fn)\n"
    "  core.options(o, 'settle', SETTLE)\n"
    "  if not o or o.band == nil then core.usage('settle needs the band to stay in: { band = volts(0.1), during = ms(100) }') end\n"
    "  local every, during, within = span(o, 'every', 10 * ms, ms // 100), span(o, 'during', 100 * ms), span(o, 'within')\n"
    "  local from = core.now()\n"
    "  local at, since, low, high = from, from\n"
    "  while true do\n"
    "    local v = fn(G.rig)\n"
    "    low, high = low == nil and v or G.lowest(low, v), high == nil and v or G.highest(high, v)\n"
    "    if high - low > o.band then low, high, since = v, v, core.now() end\n"
    "    local now = core.now()\n"
    "    if now - since >= during then return v end\n"
    "    if within and now - from >= within then\n"
    "      if core.rehearsal() then return v end\n"
    "      core.fail(o.what or 'a steady value', 'not steady within ' .. G.tostring(o.within), o)\n"
    "    end\n"
    "    at = pace(at, every, o.what or 'a steady value')\n"
    "  end\n"
    "end\n"
    "local function take(s, v)\n"
    "  s.count, s.last = s.count + 1, v\n"
    "  s.min = s.min == nil and v or G.lowest(s.min, v)\n"
    "  s.max = s.max == nil and v or G.highest(s.max, v)\n"
    "  s.sum = s.sum == nil and v or s.sum + v\n"
    "  s.mean = s.sum / s.count\n"
    "end\n"
    "local function add(s, name, v)\n"
    "  s.unit = s.count == 0 and core.series_start(name, v) or s.unit\n"
    "  core.series_add(name, s.unit, v)\n"
    "  take(s, v)\n"
    "end\n"
    "local SAMPLE = { 'every', 'during' }\n"
    "function G.sample(name, fn, o)\n"
    "  need('sample', fn)\n"
    "  core.options(o, 'sample', SAMPLE)\n"
    "  if not o or not o.during then core.usage('sample needs how long: { every = ms(100), during = s(10) }') end\n"
    "  local every, during, from, s = span(o, 'every', 100 * ms, ms // 100), span(o, 'during'), core.now(), { count = 0 }\n"
    "  local at = from\n"
    "  repeat\n"
    "    add(s, name, fn(G.rig))\n"
    "    if during > 0 then core.progress((core.now() - from) / during) end\n"
    "    if at - from >= during then break end\n"
    "    at = pace(at, every < from + during - at and every or from + during - at, 'the next sample of ' .. name)\n"
    "  until false\n"
    "  core.series_end()\n"
    "  return s\n"
    "end\n"
    "local RECORD = { 'every' }\n"
    "function G.record(name, fn, o)\n"
    "  need('record', fn)\n"
    "  core.options(o, 'record', RECORD)\n"
    "  local every, s, stopped = span(o or {}, 'every', 10 * ms, ms // 100), { count = 0 }, false\n"
    "  function s.stop() stopped = true end\n"
    "  core.background(function()\n"
    "    local at = core.now()\n"
    "    while not stopped do\n"
    "      add(s, name, fn(G.rig))\n"
    "      at = pace(at, every, 'the next sample of ' .. name)\n"
    "    end\n"
    "    core.series_end()\n"
    "  end)\n"
    "  return s\n"
    "end\n"
    "function core.watch(fn, every, invariant)\n"
    "  local at = core.now()\n"
    "  while true do\n"
    "    if not holds(fn, 'an invariant') then core.broken(invariant) end\n"
    "    at = pace(at, every, 'the next look')\n"
    "  end\n"
    "end\n";

static const char ACTING[] =
    "local core, G, _, sort = ...\n"
    "local ms = 1000000\n"
    "local REACTION = { 'from', 'to', 'within', 'min', 'start', 'of', 'blame', 'action', 'must' }\n"
    /* Lines of adapters without edges are read: an edge is then as late as the read that sees it. */
    "local function edges(edge, what)\n"
    "  local count, at, lost, quantity = core.edges(edge, what)\n"
    "  if not quantity then return count, at, lost end\n"
    "  local device = core.edge_about(edge)\n"
    "  local _ = device[quantity]\n"
    "  return core.edges(edge, what)\n"
    "end\n"
    "function G.edge_count(edge) return (edges(edge, 'edge_count')) end\n"
    "function G.reaction(name, o)\n"
    "  if type(name) ~= 'string' then core.usage('reaction needs a name first') end\n"
    "  core.options(o, 'reaction', REACTION)\n"
    "  if not o or not o.to or not o.within then core.usage('reaction needs the edge that must come and a time: { to = device:edge(...), within = ms(200) }') end\n"
    "  local from_before, from_lost, to_before, to_lost, _\n"
    "  if o.from then from_before, _, from_lost = edges(o.from, 'from') end\n"
    "  to_before, _, to_lost = edges(o.to, 'to')\n"
    "  local device, to_name = core.edge_about(o.to)\n"
    "  local within = core.ns(o.within, 'within')\n"
    "  local patience = within + (within > 1000 * ms and within or 1000 * ms)\n"
    "  core.arm()\n"
    "  if o.start then o.start(G.rig) end\n"
    "  local begun, from_at, to_at = core.now()\n"
    "  while true do\n"
    "    if not from_at and o.from then\n"
    "      local count, at = edges(o.from, 'from')\n"
    "      if count > from_before then from_at = at end\n"
    "    elseif not from_at then\n"
    "      from_at = core.commanded() or begun\n"
    "    end\n"
    "    if not to_at then\n"
    "      local count, at = edges(o.to, 'to')\n"
    "      if count > to_before then to_at = at end\n"
    "    end\n"
    "    if from_at and to_at or core.now() - (from_at or begun) >= patience then break end\n"
    "    core.wait_until(core.now() + ms, to_name)\n"
    "  end\n"
    "  if o.from then core.edges_whole(o.from, from_lost) end\n"
    "  core.edges_whole(o.to, to_lost)\n"
    "  if from_at and to_at then\n"
    "    local time = core.time(to_at - from_at)\n"
    "    G.measure(name, time, { min = o.min or G.ms(0), max = o.within, of = o.of or device, blame = o.blame, action = o.action, must = o.must })\n"
    "    return time\n"
    "  end\n"
    "  if core.rehearsal() then return core.time(within) end\n"
    "  local missing = to_name\n"
    "  if not from_at then _, missing = core.edge_about(o.from) end\n"
    "  local said = 'no ' .. missing .. ' within ' .. G.tostring(core.time(patience)) .. ', limit ' .. G.tostring(o.within)\n"
    "  if o.must then core.fail(name, said, { of = o.of or device, blame = o.blame, action = o.action }) end\n"
    "  G.diagnose{ verdict = name, message = said, result = 'fail', of = o.of or device, blame = o.blame, action = o.action }\n"
    "  return nil\n"
    "end\n"
    "function G.measure_limits(device, quantity, o)\n"
    "  local all = {}\n"
    "  for k, v in G.pairs(o or {}) do all[k] = v end\n"
    "  all.of = device\n"
    "  return G.measure(device.name .. ' ' .. quantity, device:read(quantity), all)\n"
    "end\n"
    /* Of three or more the one that is away from the middle is wrong; of two the one that is trusted less: the bench's instruments are trusted most. */
    "local AGREE = { 'within', 'share', 'action' }\n"
    "local function middle(readings)\n"
    "  local values, n = {}, #readings\n"
    "  for i, r in ipairs(readings) do values[i] = r[2] end\n"
    "  sort(values)\n"
    "  local low, high = values[(n + 1) // 2], values[n // 2 + 1]\n"
    "  return low + (high - low) / 2\n"
    "end\n"
    "local function trusted(who)\n"
    "  return who.owner ~= 'bench' and 0 or (who.role == 'monitor' or who.role == 'flow-meter') and 2 or 1\n"
    "end\n"
    "function G.agree(name, readings, o)\n"
    "  if type(name) ~= 'string' or type(readings) ~= 'table' then core.usage('agree needs a name and readings: agree(\"slot voltage\", { { device, value }, ... }, { within = ... })') end\n"
    "  core.options(o, 'agree', AGREE)\n"
    "  if #readings < 2 then core.usage('agree \"' .. name .. '\": expected two readings or more') end\n"
    "  if not o or o.within == nil and o.share == nil then core.usage('agree needs how near they must be: { within = volts(0.3) } or { share = percent(2) }') end\n"
    "  for _, r in ipairs(readings) do\n"
    "    if type(r) ~= 'table' or r[1] == nil or r[2] == nil then core.usage('agree \"' .. name .. '\": expected { device, value } of each') end\n"
    "  end\n"
    "  local at, judged = middle(readings), readings\n"
    "  if #readings == 2 then\n"
    "    local a, b = readings[1], readings[2]\n"
    "    if trusted(b[1]) > trusted(a[1]) then a, b = b, a end\n"
    "    at, judged = a[2], { b }\n"
    "  end\n"
    "  local near = o.within\n"
    "  if o.share then\n"
    "    local share = (at < at * 0 and -at or at) * (type(o.share) == 'number' and o.share or G.number(o.share, '%') / 100)\n"
    "    near = near and G.highest(near, share) or share\n"
    "  end\n"
    "  local good = true\n"
    "  for _, r in ipairs(judged) do\n"
    "    local label = name .. ' by ' .. r[1].name\n"
    "    good = G.measure(label, r[2], { min = at - near, max = at + near, of = r[1], action = o.action }) and good\n"
    "  end\n"
    "  return good\n"
    "end\n"
    "local PROMPT = { 'choices', 'default' }\n"
    "function G.prompt(text, o)\n"
    "  if type(text) ~= 'string' then core.usage('prompt needs a text') end\n"
    "  core.options(o, 'prompt', PROMPT)\n"
    "  o = o or {}\n"
    "  local function fits(answer)\n"
    "    if not o.choices then return true end\n"
    "    for _, choice in ipairs(o.choices) do if choice == answer then return true end end\n"
    "    return false\n"
    "  end\n"
    "  local choices = o.choices and table.concat(o.choices, '/') or ''\n"
    "  G.log('prompt: ' .. text)\n"
    "  local answer = core.answer(text, o.default or o.choices and o.choices[1])\n"
    "  if answer ~= nil and not fits(answer) then\n"
    "    core.usage('the answer \"' .. answer .. '\" to \"' .. text .. '\" is none of ' .. choices)\n"
    "  end\n"
    "  while answer == nil do\n"
    "    core.ask(text, choices)\n"
    "    local line = core.poll_terminal()\n"
    "    while line == nil do\n"
    "      core.wait_until(core.now() + 50 * ms, 'the operator')\n"
    "      line = core.poll_terminal()\n"
    "    end\n"
    "    core.answered()\n"
    "    if line == '' and o.default then line = o.default end\n"
    "    if fits(line) then answer = line end\n"
    "  end\n"
    "  G.log('answer: ' .. answer)\n"
    "  return answer\n"
    "end\n"
    /* On real hardware the slot itself says when the operator has done it. */
    "local function by_hand(part, verb, wanted, text)\n"
    "  if core.act(part, verb) then return end\n"
    "  G.prompt(text .. ' ' .. G.tostring(part))\n"
    "  if core.has_stack() then return end\n" /* the slot's connector is its to read */
    "  if not part:has('connector') then return end\n"
    "  G.wait_until(function() return part.connector.present == wanted end,\n"
    "    { within = G.s(60), every = G.ms(100), what = part.name .. (wanted and ' inserted' or ' removed'), blame = part })\n"
    "end\n"
    "local SEEN = { attention = 'Is the attention LED lit at', present = 'Is a unit in' }\n"
    "local function sees(part, what)\n"
    "  local words = SEEN[what] or core.usage('operator.sees needs what to look at: \"attention\" (the LED) or \"present\" (a unit in its place)')\n"
    "  local seen = core.see(part, what)\n"
    "  if seen ~= nil then return seen end\n"
    "  return G.prompt(words .. ' ' .. G.tostring(part) .. '?', { choices = { 'yes', 'no' } }) == 'yes'\n"
    "end\n"
    "G.operator = {\n"
    "  remove = function(part) by_hand(part, 'remove', false, 'Remove') end,\n"
    "  insert = function(part) by_hand(part, 'insert', true, 'Insert') end,\n"
    "  sees = sees,\n"
    "  replace = function(part) if not core.act(part, 'replace') then G.prompt('Put another unit in the place of ' .. G.tostring(part)) end end,\n"
    "}\n"
    "G.fault = { plant = core.plant, clear = core.clear, count = core.count }\n";

/* The interlock: a sequence that means to trip a rule says so, and measures it. */
static const char TRIPPING[] =
    "local core, G = ...\n"
    "local ms = 1000000\n"
    "local EXPECT = { 'within', 'start' }\n"
    "local function await(rule, within)\n"
    "  local from = core.now()\n"
    "  repeat\n"
    "    local tripped, confirmed, since, done, _, _, known = core.trip_seen(rule)\n"
    "    if not known then return nil end\n"
    "    if tripped and confirmed then return done - since end\n"
    "    core.wait_until(core.now() + ms, 'the interlock rule ' .. rule)\n"
    "  until core.now() - from >= within\n"
    "  if core.rehearsal() then return nil end\n"
    "  core.fail('interlock ' .. rule, 'did not trip within ' .. G.tostring(core.time(within)), {})\n"
    "end\n"
    "local function expect(rule, o)\n"
    "  core.options(o, 'interlock.expect', EXPECT)\n"
    "  local limit = core.trip_expect(rule)\n"
    "  if not o then return end\n"
    "  local within = o.within ~= nil and core.ns(o.within, 'within') or 10000 * ms\n"
    "  if o.start then o.start(G.rig) end\n"
    "  local took = await(rule, within)\n"
    "  if took then return G.measure('interlock ' .. rule, core.time(took), { max = core.time(limit) }) end\n"
    "end\n"
    "local function reset(rule)\n"
    "  local tripped, _, _, _, before = core.trip_seen(rule)\n"
    "  if not tripped then return end\n"
    "  core.trip_reset(rule)\n"
    "  if not select(7, core.trip_seen(rule)) then core.trip_forget(rule) return end\n"
    "  repeat\n"
    "    core.wait_until(core.now() + ms, 'a reset of the interlock rule ' .. rule)\n"
    "    local still, _, _, _, refused, why = core.trip_seen(rule)\n"
    "    if not still then core.trip_forget(rule) end\n"
    "    if refused > before then\n"
    "      if core.rehearsal() then return end\n"
    "      core.fail('reset of interlock ' .. rule, why, {})\n"
    "    end\n"
    "  until not still\n"
    "end\n"
    "G.interlock = {\n"
    "  has = core.trip_has,\n"
    "  expect = expect,\n"
    "  reset = reset,\n"
    "  tripped = function(rule) return (core.trip_seen(rule)) end,\n"
    "}\n";

/* Each chunk is compiled once in a process: a run has three states of Lua (load, rehearsal, run), a coverage hundreds. */
static struct compiled {
  const char *text;
  char *code;
  size_t size, room;
} compiled[8];
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

static int keep_code(lua_State *L, const void *code, size_t size, void *ctx)
{
  struct compiled *kept = ctx;
  (void)L;
  if (kept->size + size > kept->room) {
    size_t room = 2 * (kept->size + size) + 16384;
    char *grown = realloc(kept->code, room);
    if (!grown)
      return 1;
    kept->code = grown;
    kept->room = room;
  }
  memcpy(kept->code + kept->size, code, size);
  kept->size += size;
  return 0;
}

static int compile(lua_State *L, const char *text, size_t size)
{
  struct compiled *kept = compiled, *end = compiled + sizeof compiled / sizeof *compiled;
  while (kept < end && kept->text && kept->text != text)
    kept++;
  if (kept < end && kept->text)
    return luaL_loadbufferx(L, kept->code, kept->size, "=plumbline", "b");
  int status = luaL_loadbufferx(L, text, size, "=plumbline", "t");
  if (status || kept == end)
    return status;
  if (!lua_dump(L, keep_code, kept, false))
    kept->text = text;
  else
    kept->size = 0; /* next time again */
  return LUA_OK;
}

static int load_chunk(lua_State *L, const char *text, size_t size)
{
  pthread_mutex_lock(&compiling);
  int status = compile(L, text, size);
  pthread_mutex_unlock(&compiling);
  if (status)
    return status;
  lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_CORE);
  lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_GLOBALS);
  lua_getglobal(L, "next");
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "sort");
  lua_remove(L, -2);
  return lua_pcall(L, 4, 0, 0);
}

enum pl_status pl_prelude_load(struct pl_vm *vm, struct pl_err *err)
{
  lua_State *L = vm->L;
  if (load_chunk(L, WAITING, sizeof WAITING - 1) || load_chunk(L, ACTING, sizeof ACTING - 1) || load_chunk(L, TRIPPING, sizeof TRIPPING - 1))
    return pl_fail(err, PL_E_NOMEM, "cannot load the engine's own Lua: %s", lua_tostring(L, -1));
  lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_CORE);
  lua_getfield(L, -1, "watch");
  lua_setfield(L, LUA_REGISTRYINDEX, "pl.watch");
  lua_pop(L, 1);
  return PL_OK;
}

bool pl_prelude_lend(lua_State *L, const char *name)
{
  bool is_stack = false;
  for (size_t i = 0; pl_stack_words[i]; i++)
    is_stack = is_stack || !strcmp(pl_stack_words[i], name);
  if (!is_stack)
    return false;
  if (pl_stack_prelude(L, load_chunk))
    lua_error(L);
  lua_getfield(L, LUA_REGISTRYINDEX, PL_VM_GLOBALS);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  return true;
}
