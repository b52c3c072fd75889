/* SPDX-License-Identifier: Apache-2.0 */
/* The language: units, names, sandbox, declarations, parameters. */
#include "host/engine/engine_test.h"
#include "host/engine/vm.h"

/* Runs `body` in a step; the run must pass. */
static void passes(struct fixture *f, const char *body)
{
  char text[4096];
  snprintf(text, sizeof text, HEAD "step(\"s\", function()\n%s\nend)\n", body);
  run_text(f, text);
  assert_outcome(f, PL_RUN_PASS);
  assert_int_equal(f->status, PL_OK);
}

/* Runs `body` (line 3 of the file); it must be refused as the sequence's error with that text. */
static void refused(struct fixture *f, const char *body, const char *wanted)
{
  char text[4096];
  snprintf(text, sizeof text, HEAD "step(\"s\", function()\n%s\nend)\n", body);
  run_text(f, text);
  assert_outcome(f, PL_RUN_ERROR);
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, wanted);
  assert_error(f, "try.lua:3: ");
}

static void units_calculate(void **state)
{
  struct fixture *f = *state;
  passes(f, "assert(V(48) == volts(48) and mV(3300) == V(3.3))\n"
            "assert(V(1) + mV(500) == V(1.5) and V(1) - V(2) == -V(1))\n"
            "assert(V(48) * A(2) == W(96) and W(96) / V(48) == A(2) and W(96) / A(2) == V(48))\n"
            "assert(W(10) * s(3) == J(30) and A(2) * ohm(3) == V(6))\n"
            "assert(2 * V(3) == V(6) and V(6) / 2 == V(3) and V(6) / V(3) == 2)\n"
            "assert(percent(80) * W(500) == W(400))\n"
            "assert(V(1) < V(2) and V(2) <= V(2) and bar(1) == kPa(100))\n"
            "assert(number(V(3.3), 'mV') == 3300 and abs(number(degC(25), 'degF') - 77) < 1e-9)\n"
            "assert(tostring(V(48.5)) == '48.5 V' and 'is ' .. V(1) == 'is 1 V')\n"
            "assert(litres_per_minute(4) == liters_per_minute(4) and LPM(4) == litres_per_minute(4))\n"
            "assert(abs(-V(3)) == V(3) and lowest(V(3), V(2)) == V(2) and highest(1, 4, 2) == 4)\n"
            "assert(minutes(1) == s(60) and min(2) == s(120) and h(1) == s(3600))");
}

static void units_refuse_to_mix(void **state)
{
  struct fixture *f = *state;
  refused(f, "local x = kPa(3) < V(2)", "kPa compared with V");
  refused(f, "local x = V(2) == A(2)", "V compared with A");
  refused(f, "local x = V(2) < 3", "V compared with a plain number; give it a unit, as volts(...)");
  refused(f, "local x = V(2) + A(1)", "V added to A");
  refused(f, "local x = V(2) - 1", "a plain number subtracted from V");
  refused(f, "local x = V(2) * kPa(1)", "V multiplied by kPa");
  refused(f, "local x = 1 / V(2)", "a plain number divided by V");
  refused(f, "local x = V('2')", "volts(...) needs a plain number, got a text");
  refused(f, "local x = V(1e300)", "out of range");
  refused(f, "local x = V(1) / 0", "out of range");
  refused(f, "local x = number(V(1), 'kPa')", "voltage cannot be told in kPa");
  refused(f, "wait(V(1))", "wait is in V, expected time");
  refused(f, "measure('v', V(1), { max = kPa(2) })", "max of \"v\" is in kPa, expected voltage");
  refused(f, "measure('v', V(1), { equals = 1 })", "equals of \"v\" is a plain number, but the value is voltage");
}

static void names_are_checked(void **state)
{
  struct fixture *f = *state;
  refused(f, "mesure('x', 1)", "unknown name 'mesure', did you mean 'measure'?");
  refused(f, "measure('x', 1, { maxx = 2 })", "measure has no option 'maxx', did you mean 'max'?");
  refused(f, "measure('x', nothing_here)", "unknown name 'nothing_here'");
  refused(f, "measure('x', nil)", "is nothing (nil), expected a value");
  refused(f, "local x = rig.slott", "did you mean rig.slot?");
  refused(f, "local x = rig.slot.conector", "csu-1 (slot 1) has no 'conector', did you mean 'connector'?");
  refused(f, "local x = rig.slot.coolant", "csu-1 (slot 1) has no device with the role 'coolant' in this rig; it has hot-swap, connector, monitor");
  refused(f, "local x = rig.slot.monitor.voutt", "monitor-1 has no 'voutt' to read, did you mean 'vout'?");
  refused(f, "rig.slot.monitor:set{ vout = V(1) }", "monitor-1.vout cannot be set");
  refused(f, "rig.slot.connector:set{ power_enable = 1 }", "connector-1.power-enable is a plain number, expected true or false");
  refused(f, "rig.slot.connector.power_enable = true", "is set with device:set{ power_enable = ... }");
  refused(f, "rig.psu.supply:set{ vout_set = A(1) }", "psu-a.vout-set is in A, expected voltage");
  refused(f, "rig.psu.supply:set{ vout_set = V(4800) }", "psu-a.vout-set takes ");
  refused(f, "local x = rig.device('psu-c')", "the rig has no device 'psu-c', did you mean 'psu-a'?");
  refused(f, "local x = params.lod", "the sequence has no parameter 'lod', did you mean 'load'?");
}

static void sandbox_holds(void **state)
{
  struct fixture *f = *state;
  static const char *const GONE[] = {"io",      "os",        "debug",        "package",  "load",   "loadstring", "dofile", "loadfile", "collectgarbage",
                                     "coroutine", "setmetatable", "getmetatable", "rawset", "rawget",     "next",   "_G",       "xpcall"};
  for (size_t i = 0; i < sizeof GONE / sizeof *GONE; i++) {
    char body[64], wanted[64];
    snprintf(body, sizeof body, "local x = %s", GONE[i]);
    snprintf(wanted, sizeof wanted, "'%s' is not for sequences", GONE[i]);
    refused(f, body, wanted);
  }
  passes(f, "assert(string.dump == nil and ('').dump == nil and table.move == nil and math.randomseed == nil)\n"
            "assert(tostring({}) == 'table' and tostring(print) == 'function' and string.format('%s', {}) == 'table')\n"
            "assert(('a=b'):match('^(%w+)=(%w+)$') == 'a' and ('x'):rep(3) == 'xxx')\n"
            "local keys = ''; for k in pairs({ b = 1, a = 2, [2] = 3, [1] = 4 }) do keys = keys .. k end; assert(keys == '12ab')");
  refused(f, "local x = ('a'):rep(40):find(('a-'):rep(30) .. 'b')", "could take too long");
  refused(f, "string.find(string.rep('a', 3000000), '.-b')", "the pattern \".-b\" could take too long on a text of 3000000 characters");
  refused(f, "string.find(string.rep('(', 3000000), '%b()')", "could take too long");
  refused(f, "string.find(string.rep('a', 20000), '(a-)%1b')", "could take too long");
  refused(f, "for x in string.gmatch(string.rep('^', 3000000), '^.-b') do end", "could take too long");
  refused(f, "string.find(string.rep('a', 3000000), string.rep('a', 1000000) .. 'b')", "could take too long");
  refused(f, "string.find(string.rep('a', 30000000), string.rep('a', 15000000) .. 'b', 1, true)", "could take too long");
  passes(f, "local long = string.rep('a', 3000000)\nassert(long:find('b', 1, true) == nil and long:match('^a+$') == long and not long:find('xyz'))\n"
            "assert(#string.rep('a=1, ', 1000):gsub('%w', 'x') == 5000)");
  refused(f, "local x = (''):rep(1 << 62)", "more than the sequence's memory holds");
  refused(f, "local x = string.format('%p', {})", "%p is not for sequences");
  refused(f, "for k in pairs({ [{}] = 1, a = 2 }) do end", "pairs: a table as a key has no place in an order; use texts or numbers as keys");
  refused(f, "for k in pairs({ [print] = 1 }) do end", "pairs: a function as a key has no place in an order");
  refused(f, "for k in pairs({ [V(1)] = 1, [V(1)] = 2 }) do end", "pairs: two keys are both \"1 V\"");
  passes(f, "local n = ''\nfor k in pairs({ [V(2)] = 1, [V(1)] = 2, [true] = 3, [rig.slot] = 4 }) do n = n .. tostring(k) .. ' ' end\n"
            "assert(n == '1 V 2 V csu-1 (slot 1) true ', n)");
}

static void bytecode_is_refused(void **state)
{
  struct fixture *f = *state;
  struct pl_sequence *sequence = NULL;
  write_text(f->path, "\x1bLua\x54\x00", 6);
  assert_int_equal(pl_sequence_load(f->path, &sequence, &f->err), PL_E_USAGE);
  assert_error(f, "attempt to load a binary chunk");
  assert_null(sequence);
}

static void load_errors_say_where(void **state)
{
  struct fixture *f = *state;
  static const char *const CASES[][2] = {
      {"sequence \"x\" {}\nstep(\"a\" function() end)\n", "try.lua:2:"},
      {"step(\"a\", function() end)\n", "no sequence is declared"},
      {HEAD, "declares no step"},
      {HEAD "sequence \"again\" {}\n", "try.lua:2: this file declares a second sequence"},
      {"sequence \"x\" { abut = \"y\" }\n", "try.lua:1: sequence has no option 'abut', did you mean 'about'?"},
      {"sequence \"x\" { needs = { slot = \"cso\" } }\n", "unknown part kind 'cso', did you mean 'csu'?"},
      {HEAD "step(\"a\", { timeout = 5 }, function() end)\n", "try.lua:2: timeout is a plain number, expected time"},
      {HEAD "step(\"a\", { retry = 1.5 }, function() end)\n", "retry is how many times more"},
      {HEAD "step(\"a\")\n", "step(\"a\") needs a function"},
      {HEAD "measure(\"a\", 1)\nstep(\"s\", function() end)\n", "try.lua:2: measure is possible only inside steps"},
      {HEAD "local x = rig.slot\nstep(\"s\", function() end)\n", "try.lua:2: the rig is known only inside steps"},
      {HEAD "setup(function() end)\nsetup(function() end)\n", "try.lua:3: there is a setup already, at line 2"},
      {HEAD "invariant(\"i\", function() end, { every = ms(0) })\n", "not more often than every 100 us"},
      {HEAD "while true do end\n", "try.lua:2: the file's top level ran 1 s without waiting: endless loop?"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    run_text(f, CASES[i][0]);
    assert_int_equal(f->status, PL_E_USAGE);
    assert_error(f, CASES[i][1]);
  }
  struct pl_sequence *sequence = NULL;
  assert_int_equal(pl_sequence_load("/nonexistent/x.lua", &sequence, &f->err), PL_E_USAGE);
  assert_error(f, "cannot read the sequence /nonexistent/x.lua");
}

static void name_and_about_are_told(void **state)
{
  struct fixture *f = *state;
  struct pl_sequence *sequence = NULL;
  const char text[] = HEAD "step(\"s\", function() end)";
  write_text(f->path, text, sizeof text - 1);
  assert_int_equal(pl_sequence_load(f->path, &sequence, &f->err), PL_OK);
  assert_string_equal(pl_sequence_name(sequence), "try");
  assert_string_equal(pl_sequence_about(sequence), "a try");
  pl_sequence_free(sequence);
}

static void needs_and_parameters_bind(void **state)
{
  struct fixture *f = *state;
  const char *text = HEAD "local bound = params.load\n"
                          "step(\"s\", function() log(rig.slot.name .. ' ' .. bound .. ' ' .. params.slot) end)\n";
  run_text(f, text);
  assert_journal(f, "\"csu-1 500 W csu-1\"");
  const struct pl_engine_pair pairs[] = {{"slot", "csu-2"}, {"load", "0.7 kW"}};
  f->cfg.params = pairs;
  f->cfg.n_params = 2;
  run_text(f, text);
  assert_outcome(f, PL_RUN_PASS);
  assert_journal(f, "\"csu-2 700 W csu-2\"");
  assert_journal(f, "\"load\":\"700 W\"");
  static const struct {
    struct pl_engine_pair pair;
    const char *wanted;
  } CASES[] = {
      {{"slot", "csu-9"}, "slot=csu-9: the rig small has no such csu, did you mean 'csu-1'? It has csu-1, csu-2"},
      {{"slot", "psu-a"}, "psu-a is a psu, expected a csu; the rig has csu-1, csu-2"},
      {{"load", "5 V"}, "parameter load: '5 V' is a voltage"},
      {{"lod", "5 W"}, "has no parameter 'lod', did you mean 'load'?"},
      {{"x", "5 W"}, "has no parameter 'x'; it has load, loop, psu, slot"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    f->cfg.params = &CASES[i].pair;
    f->cfg.n_params = 1;
    run_text(f, text);
    assert_int_equal(f->status, PL_E_USAGE);
    assert_error(f, CASES[i].wanted);
  }
  f->cfg.n_params = 0;
  run_text(f, "sequence \"x\" { needs = { v = \"valve\" } }\nstep(\"s\", function() end)\n");
  assert_int_equal(f->status, PL_E_USAGE);
  assert_error(f, "needs a valve for 'v', but the rig small has none");
}

static void rig_is_read(void **state)
{
  struct fixture *f = *state;
  passes(f, "local names = ''\n"
            "for csu in rig.parts('csu') do names = names .. csu.name .. '@' .. csu.location .. ' ' end\n"
            "assert(names == 'csu-1@slot 1 csu-2@slot 2 ')\n"
            "assert(rig.slot.monitor == rig.device('monitor-1') and rig.slot.monitor.part == rig.slot and rig.slot ~= rig.part('csu-2'))\n"
            "assert(rig.slot:has('monitor') and not rig.slot:has('coolant') and rig.slot.hot_swap.role == 'hot-swap' and rig.is_virtual)\n"
            "assert(rig.psu.supply.vout > V(46) and rig.slot.connector.power_good == false)\n"
            "assert(rig.slot.connector:read('reset') == nil)\n" /* this connector has no reset line */
            "assert(rig.slot.vout < V(1))\n"                    /* the bench's monitor, not the controller */
            "measure('slot', rig.slot.vout)\n"
            "assert(rig.psu.supply:identity().manufacturer ~= nil and rig.slot.connector:faults() == nil and #rig.psu.supply:faults() == 0)\n"
            "rig.slot.hot_swap:clear_peaks()\n"
            "assert(rig.loop.flow > litres_per_minute(1))");
  assert_journal(f, "\"name\":\"slot\",\"value\":0,\"unit\":\"V\",\"hardwareInfoId\":\"monitor-1\",\"subcomponent\":{\"name\":\"vout\"}");
}

/* Every word that sequences have stands in the docs, and the docs' example is right. Run from the tree's root. */
static void docs_know_every_word(void **state)
{
  struct fixture *f = *state;
  FILE *file = fopen("docs/writing-sequences.md", "r");
  assert_non_null(file);
  char *docs = calloc(1, 65536);
  assert_non_null(docs);
  assert_true(fread(docs, 1, 65535, file) > 1000);
  fclose(file);
  struct pl_vm *vm = NULL;
  const char *words[512];
  assert_int_equal(pl_vm_new("x.lua", &vm, &f->err), PL_OK);
  size_t n = pl_vm_words(vm->L, words, 512);
  assert_true(n > 60);
  for (size_t i = 0; i < n; i++) {
    char quoted[80];
    if (pl_unit_find(words[i]))
      continue;
    snprintf(quoted, sizeof quoted, "`%s", words[i]);
    if (!strstr(docs, quoted))
      fail_msg("docs/writing-sequences.md does not know '%s'", words[i]);
  }
  pl_vm_free(vm);
  char *example = strstr(docs, "```lua\n") + 7;
  *strstr(example, "```") = '\0';
  run_text(f, example);
  assert_outcome(f, PL_RUN_PASS);
  assert_int_equal(count(f, "-pass"), 2);
  free(docs);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(units_calculate),       TEST(units_refuse_to_mix),     TEST(names_are_checked),         TEST(sandbox_holds), TEST(bytecode_is_refused),
      TEST(load_errors_say_where), TEST(name_and_about_are_told), TEST(needs_and_parameters_bind), TEST(rig_is_read),
      TEST(docs_know_every_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
