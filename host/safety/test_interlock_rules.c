/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused when rules are compiled, each with its line; what they say in words; the shipped rack's rules. Run from the project's root. */
#include "host/safety/interlock_test.h"

#define R "interlock:\n  rules:\n"

static enum pl_status compile(const char *head, const char *section, struct pl_err *err)
{
  char text[8192];
  struct pl_rig *rig = NULL;
  struct pl_interlock_rules *rules = NULL;
  snprintf(text, sizeof text, "%s%s", head, section);
  *err = (struct pl_err){0};
  enum pl_status status = pl_rig_parse("trip.yaml", text, strlen(text), &rig, err);
  if (!status)
    status = pl_interlock_compile(rig, &rules, err);
  pl_interlock_rules_free(rules);
  pl_rig_free(rig);
  return status;
}

static const struct {
  const char *section, *says;
} BAD[] = {
    {"", "device 'trip-1' is the interlock's, and the rig has no interlock rules"},
    {"interlock: 3\n", "interlock"},
    {"interlock: {period: 10 ms}\n", "the interlock has no rules"},
    {"interlock: {rules: []}\n", "0 interlock rules, expected 1 to 64"},
    {"interlock: {rule: []}\n", "unknown key 'rule' in interlock, did you mean 'rules'?"},
    {"interlock:\n  period: 10 us\n  rules: [{name: a, when: trip-1.wet, do: kill-1.open=true}]\n", "a period of 10 us, expected 1 ms or more"},
    {"interlock:\n  period: 10 V\n  rules: [{name: a, when: trip-1.wet, do: kill-1.open=true}]\n", "period: "},
    {R "    - {when: trip-1.wet, do: [kill-1.open=true]}\n", "the key 'name' is missing in an interlock rule"},
    {R "    - {name: A rule, when: trip-1.wet, do: [kill-1.open=true]}\n", "the rule name 'A rule' has other than"},
    {R "    - {name: a, when: trip-1.wet, do: [kill-1.open=true]}\n    - {name: a, when: trip-2.wet, do: [kill-1.open=true]}\n", "a second rule 'a'"},
    {R "    - {name: a, wen: trip-1.wet, do: [kill-1.open=true]}\n", "unknown key 'wen' in an interlock rule, did you mean 'when'?"},
    {R "    - {name: a, do: [kill-1.open=true]}\n", "rule 'a' has no condition"},
    {R "    - {name: a, when: trip-1.wet, any: [trip-2.wet, trip-3.wet], do: [kill-1.open=true]}\n", "has both `when` and `any`"},
    {R "    - {name: a, when: trip-1, do: [kill-1.open=true]}\n", "'trip-1' is no DEVICE.QUANTITY"},
    {R "    - {name: a, when: trip-l.wet, do: [kill-1.open=true]}\n", "unknown device 'trip-l' in an interlock rule, did you mean 'trip-1'?"},
    {R "    - {name: a, when: trip-1.wett, do: [kill-1.open=true]}\n", "unknown quantity 'wett' of device 'trip-1', did you mean 'wet'?"},
    {R "    - {name: a, when: leak-1.wet, do: [kill-1.open=true]}\n", "device 'leak-1' is the bench's, expected one of `owner: interlock`"},
    {R "    - {name: a, when: trip-1.wet > 3 V, do: [kill-1.open=true]}\n", "rule 'a'"},
    {R "    - {name: a, when: trip-1.wet > true, do: [kill-1.open=true]}\n", "is a flag, which is neither more nor less"},
    {R "    - {name: a, when: trip-bar.vout, do: [kill-1.open=true]}\n", "'trip-bar.vout' is a voltage, expected a comparison with a value: trip-bar.vout > 5 V"},
    {R "    - {name: a, when: trip-bar.vout > 5 kPa, do: [kill-1.open=true]}\n", "rule 'a'"},
    {R "    - {name: a, when: trip-bar.vout > , do: [kill-1.open=true]}\n", "is no condition"},
    {R "    - {name: a, any: [trip-1.wet], do: [kill-1.open=true]}\n", "1 conditions in a list, expected at least 2"},
    {R "    - {name: a, two-of-three: [trip-1.wet, trip-2.wet], do: [kill-1.open=true]}\n", "two-of-three has 2 conditions, expected a list of three"},
    {R "    - {name: a, when: {some: [trip-1.wet, trip-2.wet]}, do: [kill-1.open=true]}\n", "unknown key 'some' in a condition"},
    {R "    - {name: a, when: trip-1.wet}\n", "rule 'a' does nothing"},
    {R "    - {name: a, when: trip-1.wet, do: []}\n", "rule 'a' does nothing"},
    {R "    - {name: a, when: trip-1.wet, do: [kill-1.open]}\n", "'kill-1.open' sets nothing"},
    {R "    - {name: a, when: trip-1.wet, do: [kil-1.open=true]}\n", "unknown device 'kil-1' in an interlock rule, did you mean 'kill-1'?"},
    {R "    - {name: a, when: trip-1.wet, do: [valve.open=true]}\n", "device 'valve' is the bench's"},
    {R "    - {name: a, when: trip-1.wet, do: [trip-2.wet=true]}\n", "'wet' of device 'trip-2' cannot be set, expected an output"},
    {R "    - {name: a, when: trip-1.wet, do: [kill-1.open=3 V]}\n", "rule 'a'"},
    {R "    - {name: a, when: trip-1.wet, do: [kill-1.open=false]}\n", "and its safe value is"},
    {R "    - {name: a, when: trip-1.wet, do: [kill-1.open=true]}\n    - {name: b, when: trip-2.wet, do: [kill-1.open=false]}\n", "they contradict each other"},
    {R "    - {name: a, when: trip-1.wet, for: 5 V, do: [kill-1.open=true]}\n", "for: "},
    {R "    - {name: a, when: trip-1.wet, for: 2 h, do: [kill-1.open=true]}\n", "for of 2 h, expected 0 to 1 h"},
    {R "    - {name: a, when: trip-1.wet, unreadable: ignore, do: [kill-1.open=true]}\n", "what cannot be seen is not safe"},
    {R "    - {name: a, when: trip-1.wet, unreadable: ignore-for 3 V, do: [kill-1.open=true]}\n", "unreadable: "},
    {R "    - {name: a, when: trip-1.wet, after: b, do: [kill-1.open=true]}\n", "unknown rule 'b' in `after` or `unless`"},
    {R "    - {name: a, when: trip-1.wet, after: a, do: [kill-1.open=true]}\n", "rule 'a' goes by itself"},
    {R "    - {name: a, when: trip-1.wet, after: b, do: [kill-1.open=true]}\n    - {name: b, when: trip-2.wet, unless: a, do: [kill-1.open=true]}\n",
     "rule 'a' waits for itself, through the `after` and `unless` of others"},
    {R "    - {name: a, when: trip-1.wet, after: b, unless: b, do: [kill-1.open=true]}\n    - {name: b, when: trip-2.wet, do: [kill-1.open=true]}\n",
     "rule 'a' acts only after 'b' and never with it, so never"},
    {R "    - {name: a, all: [trip-bar.vout > 50 V, trip-bar.vout < 40 V], do: [kill-1.open=true]}\n", "rule 'a' can never trip"},
    {"interlock:\n  period: 200 ms\n  rules: [{name: a, when: trip-bar.vout < 40 V, within: 100 ms, do: [kill-1.open=true]}]\n",
     "rule 'a' cannot act within 100 ms: trip-bar.vout is looked at every 200 ms on bus 'i2c-trip' (1 signals of 150 us)"},
};

static void test_what_is_refused(void **state)
{
  (void)state;
  struct pl_err err;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    if (compile(IL_RIG_HEAD, BAD[i].section, &err) != PL_E_USAGE)
      fail_msg("row %zu was not refused:\n%s%s", i, BAD[i].section, err.text);
    if (strncmp(err.text, "trip.yaml:", 10) != 0 || !strstr(err.text, BAD[i].says))
      fail_msg("row %zu: expected \"%s\", got \"%s\"", i, BAD[i].says, err.text);
  }
}

static void test_buses_of_its_own(void **state)
{
  (void)state;
  struct pl_err err;
  static const char MIXED[] = IL_RIG_HEAD "  - {name: leak-2, driver: leak-sensor, bus: lines-trip, part: tray-2, leak: L2, cable: C2}\n";
  assert_int_equal(compile(MIXED, R "    - {name: a, when: trip-1.wet, do: [kill-1.open=true]}\n", &err), PL_E_USAGE);
  assert_text(err.text, "device 'trip-1' is the interlock's, and 'leak-2' (line 26, owner bench) stands on the same bus 'lines-trip'");
  static const char UNSAFE[] = IL_RIG_HEAD "  - {name: relay, driver: kill-relay, bus: lines-trip, part: psu-a, owner: interlock, coil-line: R}\n";
  assert_int_equal(compile(UNSAFE, R "    - {name: a, when: trip-1.wet, do: [relay.open=true]}\n", &err), PL_E_USAGE);
  assert_text(err.text, "has no safe value, expected at the device (line 26): safe: {open: ");
}

/* Two buses of one USB adapter are no two adapters. Where the rig says too little to know, it is let pass. */
static void test_an_adapter_of_its_own(void **state)
{
  (void)state;
  static const struct {
    const char *own, *other, *says; /* NULL: fine */
  } PAIRS[] = {
      {"adapter: cp2112, serial: A1", "adapter: cp2112, serial: A1", "have the same serial number (adapter cp2112)"},
      {"adapter: cp2112, serial: A1", "adapter: cp2112, serial: A2", NULL},
      {"adapter: cp2112", "adapter: cp2112", "both say no path or serial number"},
      {"adapter: cp2112, path: 1-2", "adapter: i2c-dev, path: 1-2", "have the same path"},
      {"adapter: gpiochip, serial: A1", "adapter: cp2112, serial: A1", "have the same serial number"},
      {"adapter: cp2112, serial: A1", "adapter: mcp2221, serial: A1", NULL},
      {"adapter: gpiochip, chip: pinctrl", "adapter: i2c-dev, port: /dev/i2c-1", NULL},
      {"adapter: mcp2221, path: 1-2", "adapter: mcp2221, path: 1-3", NULL},
  };
  for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
    char head[2048];
    struct pl_err err;
    snprintf(head, sizeof head,
             "rig: trip\nbuses:\n  - {name: own, kind: gpio, %s, lines: {T1: 0, D1: 1, K1: 2}}\n  - {name: others, kind: i2c, %s}\n"
             "parts:\n  - {name: busbar, kind: busbar}\n  - {name: loop, kind: loop}\n  - {name: tray-1, kind: tray, loop: loop}\n"
             "  - {name: drain, kind: valve, tray: tray-1}\ndevices:\n"
             "  - {name: trip-1, driver: leak-sensor, bus: own, part: tray-1, owner: interlock, leak: T1, cable: D1}\n"
             "  - {name: kill-1, driver: leak-valve, bus: own, part: drain, owner: interlock, open: K1, safe: {open: true}}\n"
             "  - {name: bar, driver: monitor-ina238, bus: others, address: 0x40, shunt: 0.1 mohm, part: busbar}\n", PAIRS[i].own, PAIRS[i].other);
    enum pl_status status = compile(head, R "    - {name: a, when: trip-1.wet, do: [kill-1.open=true]}\n", &err);
    if (status != (PAIRS[i].says ? PL_E_USAGE : PL_OK))
      fail_msg("pair %zu: %s", i, err.text);
    if (PAIRS[i].says)
      assert_text(err.text, PAIRS[i].says);
  }
}

/* A slow line with many signals: the arithmetic is in the refusal. */
static void test_a_bus_that_is_too_slow(void **state)
{
  (void)state;
  struct pl_err err;
  static const char RTU[] = "rig: trip\nbuses:\n  - {name: rtu, kind: modbus, adapter: modbus-rtu, port: twin, baud: 9600, parity: none}\n"
                            "  - {name: lines-trip, kind: gpio, adapter: twin}\n"
                            "parts:\n  - {name: loop, kind: loop}\n  - {name: rpu, kind: pump-unit, loop: loop}\n  - {name: tray-1, kind: tray, loop: loop}\n"
                            "  - {name: drain, kind: valve, tray: tray-1}\n"
                            "devices:\n  - {name: trip, driver: modbus-map, map: orv3-rpu, bus: rtu, unit: 12, role: coolant, part: rpu, owner: interlock}\n"
                            "  - {name: kill-1, driver: leak-valve, bus: lines-trip, part: drain, owner: interlock, open: K1, safe: {open: true}}\n";
  static const char RULES[] = "interlock:\n  period: 10 ms\n  rules:\n"
                              "    - {name: a, any: [trip.flow < 2 L/min, trip.supply-pressure > 4 bar, trip.return-pressure > 4 bar], do: [kill-1.open=true]}\n";
  if (compile(RTU, RULES, &err) != PL_E_USAGE)
    fail_msg("%s", err.text);
  assert_text(err.text, "rule 'a' cannot act within 100 ms: trip.flow is looked at every 97.5 ms on bus 'rtu' (3 signals of 32.5 ms)");
  assert_text(err.text, "together up to 195.02 ms");
}

static void test_in_words(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  char text[512];
  static const char *const WORDS[] = {
      "when trip-1.wet for 200 ms, within 100 ms: kill-1.open = true, kill-2.open = true (it drips)",
      "after a, when 2 of (trip-1.wet, trip-2.wet, not trip-3.wet), within 100 ms: kill-1.open = true",
      "unless a, b, when (trip-bar.vout < 40 V or (trip-1.wet and not trip-2.wet)), within 300 ms: kill-2.open = true",
  };
  il_open(&f, R "    - {name: a, when: trip-1.wet, for: 200 ms, do: [kill-1.open=true, kill-2.open=true], because: it drips}\n"
                "    - {name: b, after: a, two-of-three: [trip-1.wet, trip-2.wet, not trip-3.wet], do: [kill-1.open=true]}\n"
                "    - {name: c, unless: [a, b], when: {any: [trip-bar.vout < 40 V, {all: [trip-1.wet, {not: trip-2.wet}]}]}, within: 300 ms, do: [kill-2.open=true]}\n",
          false);
  assert_int_equal(pl_interlock_count(f.rules), 3);
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(pl_interlock_text(f.rules, i, text, sizeof text), WORDS[i]);
  assert_int_equal(pl_interlock_find(f.rules, "b", &f.err), 1);
  assert_int_equal(pl_interlock_find(f.rules, "still-wet", &f.err), -1);
  assert_text(f.err.text, "the interlock has no rule 'still-wet'; it has a, b, c");
  il_close(&f);
}

static void on_warning(void *ctx, const char *text)
{
  snprintf(ctx, 256, "%s", text);
}

static void test_what_nobody_watches(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  char text[256] = "";
  il_open(&f, R "    - {name: a, any: [trip-1.wet, trip-2.wet, trip-bar.vout < 40 V], within: 200 ms, do: [kill-1.open=true, kill-2.open=true]}\n", false);
  pl_interlock_warnings(f.rules, on_warning, text);
  assert_text(text, "no rule watches or sets 'trip-3', which is the interlock's");
  il_close(&f);
}

static void test_without_an_interlock(void **state)
{
  (void)state;
  static const char PLAIN[] = "rig: plain\nbuses: [{name: lines, kind: gpio, adapter: twin}]\nparts: [{name: loop, kind: loop}]\n"
                              "devices: [{name: m, driver: flow-meter, bus: lines, part: loop, pulse: P, k-factor: 450}]\n";
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  struct pl_interlock_rules *rules = (struct pl_interlock_rules *)(uintptr_t)1;
  assert_int_equal(pl_rig_parse("plain.yaml", PLAIN, sizeof PLAIN - 1, &rig, &err), PL_OK);
  assert_int_equal(pl_interlock_compile(rig, &rules, &err), PL_OK);
  assert_null(rules);
  assert_int_equal(pl_interlock_count(rules), 0);
  pl_rig_free(rig);
}

static void none(void *ctx, const char *text)
{
  (void)ctx;
  fail_msg("%s", text);
}

static void test_the_demo_racks(void **state)
{
  (void)state;
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  struct pl_interlock_rules *rules = NULL;
  if (pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err) || pl_interlock_compile(rig, &rules, &err))
    fail_msg("%s", err.text);
  assert_int_equal(pl_interlock_count(rules), 7);
  pl_interlock_warnings(rules, none, NULL);
  pl_interlock_rules_free(rules);
  pl_rig_free(rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_refused),     cmocka_unit_test(test_buses_of_its_own),    cmocka_unit_test(test_a_bus_that_is_too_slow), cmocka_unit_test(test_an_adapter_of_its_own),

      cmocka_unit_test(test_in_words),            cmocka_unit_test(test_what_nobody_watches), cmocka_unit_test(test_without_an_interlock),
      cmocka_unit_test(test_the_demo_racks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
