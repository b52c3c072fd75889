/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack_test.h"

#include <stdio.h>

#define LINES_S 5 /* the roll call of all buses; the slowest is Modbus */

static int open_demo(void **state)
{
  struct stand *s = stand_open(DEMO_RACK);
  stand_stack(s);
  stand_run(s, LINES_S * PL_S);
  *state = s;
  return 0;
}

static int close_stand(void **state)
{
  stand_close(*state);
  return 0;
}

/* --- what stands where --- */

static size_t count(struct stand *s, enum pl_item_kind kind)
{
  size_t n = 0;
  for (const struct pl_item *item = pl_inventory_first(s->stack->inventory, kind); item; item = pl_item_next(s->stack->inventory, item))
    n += item->kind == kind;
  return n;
}

static void test_all_units_are_there(void **state)
{
  struct stand *s = *state;
  static const struct {
    enum pl_item_kind kind;
    size_t count;
  } WANTED[] = {{PL_ITEM_RACK, 1},      {PL_ITEM_MODULE, 2}, {PL_ITEM_CSU, 8},       {PL_ITEM_BUSBAR, 1},    {PL_ITEM_FEED, 2},  {PL_ITEM_PSU, 2},
                {PL_ITEM_BATTERY, 0},   {PL_ITEM_PUMP, 2},   {PL_ITEM_PUMP_UNIT, 1}, {PL_ITEM_LOOP, 1},      {PL_ITEM_RESERVOIR, 1},
                {PL_ITEM_EXCHANGER, 1}, {PL_ITEM_VALVE, 2},  {PL_ITEM_LEAK_DETECTOR, 6}};
  for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++)
    if (count(s, WANTED[i].kind) != WANTED[i].count)
      fail_msg("%zu of kind %s", count(s, WANTED[i].kind), pl_item_kind_name(WANTED[i].kind));
  assert_true(pl_inventory_first_round_over(s->stack->inventory));
  assert_ptr_equal(pl_inventory_at(s->stack->inventory, 0), pl_inventory_any(s->stack->inventory, "demo-rack"));
  assert_null(pl_inventory_any(s->stack->inventory, "csu-9"));
  assert_null(pl_inventory_find(s->stack->inventory, PL_ITEM_PSU, "csu-1"));
  assert_string_equal(stand_item(s, "csu-6")->parent->id, "module-2");
  assert_int_equal(stand_item(s, "csu-6")->ordinal, 2);
  assert_string_equal(stand_item(s, "rpu.pump-2")->parent->id, "rpu");
  assert_int_equal(stand_item(s, "rpu.pump-2")->ordinal, 2);
  assert_string_equal(stand_item(s, "leak-rpu")->part->name, "tray-rpu");
}

static void test_states_at_start(void **state)
{
  struct stand *s = *state;
  for (size_t i = 0; i < pl_inventory_count(s->stack->inventory); i++) {
    const struct pl_item *item = pl_inventory_at(s->stack->inventory, i);
    stand_is(s, item->id, item->kind == PL_ITEM_CSU ? PL_STATE_STANDBY : PL_STATE_ENABLED, PL_HEALTH_OK);
  }
  assert_true(stand_item(s, "psu-a")->identified);
  assert_string_equal(stand_item(s, "psu-a")->identity.model, "TWIN-PSU-5500");
  assert_true(pl_item_is_present(stand_item(s, "csu-1")));
  assert_false(pl_item_has_power(stand_item(s, "csu-1")));
}

/* Somebody who asks for the same units again and again keeps no other from being read. */
static void test_asking_again_starves_nobody(void **state)
{
  struct stand *s = *state;
  for (int i = 0; i < 6000; i++) {
    pl_item_refresh(s->stack, stand_item(s, "csu-1"));
    pl_item_refresh(s->stack, stand_item(s, "csu-2"));
    stand_run(s, PL_MS);
  }
  const struct pl_sense *vin = pl_item_sense(stand_item(s, "csu-4"), "hot-swap", "vin");
  pl_time_ns age = pl_clock_now(s->clock) - vin->reading.at;
  if (age > s->stack->settings.stale_ns)
    fail_msg("csu-4 was last read %.3f s ago", (double)age / (double)PL_S);
}

static void test_only_what_the_stack_owns(void **state)
{
  struct stand *s = *state;
  for (size_t i = 0; i < pl_inventory_count(s->stack->inventory); i++) {
    const struct pl_item *item = pl_inventory_at(s->stack->inventory, i);
    for (size_t k = 0; k < item->n_devices; k++)
      assert_int_equal(item->devices[k]->owner, PL_OWNER_STACK);
    for (size_t k = 0; k < item->n_senses; k++) {
      assert_true(item->senses[k].quantity->access & PL_GET);
      assert_null(strstr(item->senses[k].quantity->name, "peak-"));
    }
  }
  assert_null(pl_item_device(stand_item(s, "csu-1"), "monitor")); /* the bench's */
  assert_non_null(pl_item_device(stand_item(s, "csu-1"), "hot-swap"));
}

/* --- power --- */

static void test_power_and_verification(void **state)
{
  struct stand *s = *state;
  struct pl_item *csu = stand_item(s, "csu-3");
  double value;
  WELL(s, stand_command(s, "csu-3", "hot-swap", "on", 1));
  stand_is(s, "csu-3", PL_STATE_STANDBY, PL_HEALTH_OK); /* power enable is still off */
  WELL(s, stand_command(s, "csu-3", "connector", "power-enable", 1));
  stand_until_state(s, "csu-3", PL_STATE_IN_TEST, PL_S);
  assert_true(stand_truth(s, "csu-3", "power_good") > 0);
  pl_time_ns began = csu->since;
  stand_until_state(s, "csu-3", PL_STATE_ENABLED, 2 * PL_S);
  for (size_t i = 0; i < csu->n_senses; i++) /* verified on what was read since then, not before */
    if (csu->senses[i].quantity->dim == PL_DIM_TEMPERATURE)
      assert_true(csu->senses[i].reading.at >= began);
  assert_true(pl_item_has_power(csu));
  assert_true(pl_item_value(s->stack, csu, "hot-swap", "vout", 0, &value));
  assert_true(fabs(value - stand_truth(s, "csu-3", "vout")) < 1);
  stand_power(s, "csu-3", false);
  stand_until_state(s, "csu-3", PL_STATE_STANDBY, 2 * PL_S);
  assert_string_equal(csu->why, "it is switched off");
}

static void test_power_that_does_not_come(void **state)
{
  struct stand *s = *state;
  stand_plant(s, "csu-2.fet=stuck-off");
  stand_power(s, "csu-2", true);
  stand_until_state(s, "csu-2", PL_STATE_STARTING, PL_S);
  pl_time_ns took = stand_until_state(s, "csu-2", PL_STATE_UNAVAILABLE, 5 * PL_S);
  assert_in_range(took, s->stack->settings.power_good_ns - PL_S / 10, s->stack->settings.power_good_ns + PL_S);
  assert_non_null(strstr(stand_item(s, "csu-2")->why, "not good within 2 s"));
  stand_power(s, "csu-2", false); /* the way out: a new start */
  stand_until_state(s, "csu-2", PL_STATE_STANDBY, PL_S);
}

/* --- presence --- */

struct seen {
  pl_time_ns at;
  enum pl_state before, after;
  const struct pl_item *item;
  unsigned count;
};

struct fall {
  pl_time_ns first;
  struct pl_device *connector;
};

static bool has_fallen(struct stand *s, void *ctx)
{
  struct fall *fall = ctx;
  struct pl_gpio_edges edges;
  WELL(s, pl_device_edges(fall->connector, pl_shape_find(pl_device_shape_of(fall->connector), "present"), &edges, &s->err));
  fall->first = edges.last_falling;
  return edges.last_falling != PL_NEVER;
}

static void note_state(void *ctx, struct pl_item *item, enum pl_state before)
{
  struct seen *seen = ctx;
  if (strcmp(item->id, "csu-4") != 0)
    return;
  seen->at = item->since;
  seen->before = before;
  seen->after = item->state;
  seen->count++;
}

static void test_pulled_and_put_in(void **state)
{
  struct stand *s = *state;
  struct seen seen = {0};
  struct pl_item_listener listener = {.state = note_state, .ctx = &seen};
  pl_inventory_listen(s->stack->inventory, &listener);
  stand_run(s, 37 * PL_MS);
  stand_act(s, "csu-4", "remove");
  struct fall fall = {.connector = pl_bench_device(s->bench, "connector-4")};
  assert_int_not_equal(stand_until(s, has_fallen, &fall, 2 * PL_S), PL_NEVER);
  stand_until_state(s, "csu-4", PL_STATE_ABSENT, PL_MS); /* by its edge, not by the poll behind it */
  assert_int_equal(pl_item_sense(stand_item(s, "csu-4"), "connector", "present")->reading.at, fall.first);
  assert_int_equal(seen.at, fall.first);
  assert_int_equal(seen.after, PL_STATE_ABSENT);
  assert_false(pl_item_is_present(stand_item(s, "csu-4")));
  stand_run(s, 2 * PL_S);
  assert_false(stand_item(s, "csu-4")->identified);
  const struct pl_sense *inside = pl_item_sense(stand_item(s, "csu-4"), "thermometer", "cpu-1-temperature");
  assert_int_equal(inside->reading.status, PL_E_GONE); /* nobody is there to be asked */
  stand_is(s, "csu-4", PL_STATE_ABSENT, PL_HEALTH_OK);

  stand_act(s, "csu-4", "insert");
  stand_until_state(s, "csu-4", PL_STATE_STANDBY, 5 * PL_S);
  assert_true(pl_clock_now(s->clock) - seen.at < 100 * PL_MS);
  stand_run(s, 2 * PL_S);
  assert_true(pl_reading_valid(&inside->reading));
  assert_int_equal(seen.count, 2); /* contacts bounce; units do not */
}

/* --- what cannot be had --- */

static void test_mute_supply(void **state)
{
  struct stand *s = *state;
  double value;
  assert_true(pl_item_value(s->stack, stand_item(s, "psu-b"), "supply", "vout", 0, &value));
  stand_plant(s, "psu-b.wire=nack");
  stand_until_state(s, "psu-b", PL_STATE_UNAVAILABLE, 3 * PL_S);
  stand_is(s, "psu-b", PL_STATE_UNAVAILABLE, PL_HEALTH_CRITICAL);
  assert_non_null(strstr(stand_item(s, "psu-b")->why, "psu-b (i2c-power, address 0x59)"));
  assert_false(pl_item_value(s->stack, stand_item(s, "psu-b"), "supply", "vout", 0, &value)); /* never the last one */
  stand_is(s, "busbar", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_clear(s);
  stand_until_state(s, "psu-b", PL_STATE_ENABLED, 5 * PL_S);
  stand_run(s, PL_S);
  stand_is(s, "psu-b", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_one_reading_that_cannot_be_had(void **state)
{
  struct stand *s = *state;
  stand_power(s, "csu-1", true);
  stand_until_state(s, "csu-1", PL_STATE_ENABLED, 5 * PL_S);
  stand_run(s, 2 * PL_S);
  stand_is(s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_plant(s, "thermometer-1.wire=nack");
  stand_run(s, 2 * PL_S);
  stand_is(s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_WARNING); /* what stands in the unit may be silent without the unit being lost */
  assert_false(pl_reading_valid(&pl_item_sense(stand_item(s, "csu-1"), "thermometer", "cpu-1-temperature")->reading));
}

static void test_broken_cable_is_not_dry(void **state)
{
  struct stand *s = *state;
  stand_plant(s, "tray-2.cable=broken");
  stand_until_state(s, "leak-2", PL_STATE_UNAVAILABLE, 2 * PL_S);
  assert_false(pl_reading_valid(&pl_item_sense(stand_item(s, "leak-2"), NULL, "wet")->reading));
  assert_non_null(strstr(stand_item(s, "leak-2")->why, "cable"));
  stand_clear(s);
  stand_until_state(s, "leak-2", PL_STATE_ENABLED, 2 * PL_S);
}

/* --- health --- */

static void test_leak_is_critical(void **state)
{
  struct stand *s = *state;
  stand_set(s, "valve-1", "open", 1);
  for (int i = 0; i < 600 && stand_item(s, "leak-1")->health == PL_HEALTH_OK; i++)
    stand_run(s, 100 * PL_MS);
  stand_is(s, "leak-1", PL_STATE_ENABLED, PL_HEALTH_CRITICAL);
  assert_string_equal(stand_item(s, "leak-1")->why, "leak-1 says leak");
  assert_int_equal(pl_item_sense(stand_item(s, "leak-1"), NULL, "wet")->reading.value_u, PL_U);
}

static void test_pump_that_stands(void **state)
{
  struct stand *s = *state;
  stand_plant(s, "rpu.pump-1=dead");
  stand_until_state(s, "rpu.pump-1", PL_STATE_UNAVAILABLE, 20 * PL_S);
  stand_run(s, 2 * PL_S);
  stand_is(s, "rpu.pump-1", PL_STATE_UNAVAILABLE, PL_HEALTH_CRITICAL);
  assert_non_null(strstr(stand_item(s, "rpu.pump-1")->why, "it stands"));
  stand_is(s, "rpu.pump-2", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_int_not_equal(stand_item(s, "rpu")->health, PL_HEALTH_OK);
}

static bool is_critical(struct stand *s, void *ctx)
{
  (void)s;
  return ((const struct pl_item *)ctx)->health == PL_HEALTH_CRITICAL;
}

static bool is_ok(struct stand *s, void *ctx)
{
  (void)s;
  return ((struct pl_item *)ctx)->health == PL_HEALTH_OK;
}

static void test_limit_of_the_rig(void **state)
{
  struct stand *s = *state;
  stand_power(s, "csu-5", true);
  stand_until_state(s, "csu-5", PL_STATE_ENABLED, 5 * PL_S);
  stand_plant(s, "thermometer-5.cpu-1-temperature=stuck:88degC");
  stand_run(s, 2 * PL_S);
  stand_is(s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_WARNING);
  assert_non_null(strstr(stand_item(s, "csu-5")->why, "cpu-1-temperature of thermometer-5 is 88"));
  assert_non_null(strstr(stand_item(s, "csu-5")->why, "at most 85 degC"));
  stand_clear(s);
  stand_run(s, 2 * PL_S);
  stand_is(s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_string_equal(stand_item(s, "csu-5")->why, "");
  stand_plant(s, "thermometer-5.cpu-1-temperature=stuck:96degC");
  stand_until(s, is_critical, stand_item(s, "csu-5"), 2 * PL_S); /* what procedures make of it is theirs */
  assert_int_equal(stand_item(s, "csu-5")->health, PL_HEALTH_CRITICAL);
}

static void test_what_devices_say_of_themselves(void **state)
{
  struct stand *s = *state;
  stand_plant(s, "psu-b.fan=stopped");
  stand_until(s, is_critical, stand_item(s, "psu-b"), 60 * PL_S);
  assert_int_equal(stand_item(s, "psu-b")->health, PL_HEALTH_CRITICAL);
  assert_non_null(strstr(stand_item(s, "psu-b")->why, "psu-b says fan-1-fault"));
  assert_int_equal(stand_until(s, is_ok, stand_item(s, "psu-b"), 45 * PL_S), PL_NEVER); /* what is still wrong stays told */
  stand_clear(s);
  assert_int_not_equal(stand_until(s, is_ok, stand_item(s, "psu-b"), 35 * PL_S), PL_NEVER); /* what only latched goes */
  stand_is(s, "psu-a", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void test_blame_stays(void **state)
{
  struct stand *s = *state;
  pl_item_blame(s->stack, stand_item(s, "csu-6"), PL_HEALTH_CRITICAL, "it was isolated and did not let go of its power");
  stand_run(s, 3 * PL_S);
  stand_is(s, "csu-6", PL_STATE_STANDBY, PL_HEALTH_CRITICAL);
  assert_string_equal(stand_item(s, "csu-6")->why, "it was isolated and did not let go of its power");
  pl_item_blame(s->stack, stand_item(s, "csu-6"), PL_HEALTH_OK, NULL);
  stand_is(s, "csu-6", PL_STATE_STANDBY, PL_HEALTH_OK);
  pl_item_blame(s->stack, stand_item(s, "csu-6"), PL_HEALTH_WARNING, "its contacts are worn");
  stand_act(s, "csu-6", "remove");
  stand_until_state(s, "csu-6", PL_STATE_ABSENT, 2 * PL_S);
  stand_run(s, PL_S);
  stand_act(s, "csu-6", "insert");
  stand_until_state(s, "csu-6", PL_STATE_STANDBY, 5 * PL_S);
  stand_run(s, PL_S);
  stand_is(s, "csu-6", PL_STATE_STANDBY, PL_HEALTH_OK); /* what was pulled took its blame along */
  pl_item_blame(s->stack, stand_item(s, "rpu.pump-2"), PL_HEALTH_WARNING, "it wears");
  stand_run(s, 2 * PL_S);
  stand_is(s, "rpu.pump-2", PL_STATE_ENABLED, PL_HEALTH_WARNING);
}

/* --- commands --- */

static void test_commands(void **state)
{
  struct stand *s = *state;
  WELL(s, stand_command(s, "rpu", "coolant", "flow-set", 9));
  assert_int_equal(pl_item_sense(stand_item(s, "rpu"), NULL, "flow-set")->reading.value_u, 9 * PL_U);
  assert_int_equal(stand_command(s, "psu-a", "supply", "flow-set", 9), PL_E_UNSUPPORTED);
  assert_int_equal(stand_command(s, "psu-a", "supply", "vout", 48), PL_E_UNSUPPORTED);
  assert_int_equal(stand_command(s, "rpu", "coolant", "pump-duty", 140), PL_E_RANGE);
  WELL(s, stand_command(s, "psu-a", NULL, "clear-faults", 0)); /* a verb: nothing to read back */
  WELL(s, stand_command(s, "csu-1", "connector", "attention", 1));
  stand_plant(s, "psu-a.wire=nack");
  assert_int_equal(stand_command(s, "psu-a", "supply", "on", 1), PL_E_NACK);
}

static void test_end_with_commands_under_way(void **state)
{
  struct stand *s = *state;
  bool ended = false;
  struct pl_command command = {.item = stand_item(s, "rpu"), .role = "coolant", .quantity = "flow-set", .value_u = 9 * PL_U,
                               .done = stand_ended, .ctx = &ended};
  pl_command_submit(s->stack, &command);
  pl_stack_rackd.kill(s->stack);
  s->stack = NULL;
  stand_run(s, 2 * PL_S);
  assert_false(ended); /* nobody is told anything after the end */
  stand_stack(s);      /* on the same bench, as after a restart */
  stand_run(s, 5 * PL_S);
  stand_is(s, "rpu", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static void kill_stack(struct pl_command *command)
{
  struct stand *s = command->ctx;
  pl_stack_rackd.kill(s->stack);
  s->stack = NULL;
}

static void test_killed_from_within(void **state)
{
  struct stand *s = *state;
  struct pl_command command = {.item = stand_item(s, "csu-1"), .role = "connector", .quantity = "attention", .value_u = PL_U, .done = kill_stack, .ctx = s};
  pl_command_submit(s->stack, &command);
  stand_run(s, 2 * PL_S);
  assert_null(s->stack);
  assert_int_equal(command.status, PL_OK);
  assert_true(stand_truth(s, "csu-1", "attention") > 0.5); /* outputs stay as they are */
  stand_stack(s);
  stand_run(s, 5 * PL_S);
  stand_is(s, "csu-1", PL_STATE_STANDBY, PL_HEALTH_OK);
}

/* --- readings --- */

struct freshness {
  pl_time_ns oldest_gap;
  pl_time_ns last;
  unsigned count;
};

static void note_reading(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct freshness *f = ctx;
  if (strcmp(item->id, "csu-7") != 0 || strcmp(sense->quantity->name, "vin") != 0)
    return;
  if (f->count++ && sense->reading.at - f->last > f->oldest_gap)
    f->oldest_gap = sense->reading.at - f->last;
  f->last = sense->reading.at;
}

static void test_polled_in_time(void **state)
{
  struct stand *s = *state;
  struct freshness f = {0};
  struct pl_item_listener listener = {.reading = note_reading, .ctx = &f};
  pl_inventory_listen(s->stack->inventory, &listener);
  stand_run(s, 20 * PL_S);
  assert_in_range(f.count, 30, 40); /* the period and what a round takes */
  assert_true(f.oldest_gap < PL_S);
  pl_time_ns before = pl_item_sense(stand_item(s, "csu-7"), "hot-swap", "vin")->reading.at, asked = pl_clock_now(s->clock);
  pl_item_refresh(s->stack, stand_item(s, "csu-7"));
  stand_run(s, 100 * PL_MS);
  assert_true(pl_item_sense(stand_item(s, "csu-7"), "hot-swap", "vin")->reading.at >= asked);
  assert_true(before < asked);
}

static void test_versions_rise(void **state)
{
  struct stand *s = *state;
  uint64_t all = pl_inventory_version(s->stack->inventory), own = stand_item(s, "csu-8")->version, other = stand_item(s, "module-1")->version;
  stand_act(s, "csu-8", "remove");
  stand_run(s, PL_S);
  assert_true(pl_inventory_version(s->stack->inventory) > all);
  assert_true(stand_item(s, "csu-8")->version > own);
  assert_int_equal(stand_item(s, "module-1")->version, other);
}

int main(void)
{
#define ON_DEMO(test) cmocka_unit_test_setup_teardown(test, open_demo, close_stand)
  const struct CMUnitTest tests[] = {
      ON_DEMO(test_all_units_are_there),
      ON_DEMO(test_states_at_start),
      ON_DEMO(test_only_what_the_stack_owns),
      ON_DEMO(test_asking_again_starves_nobody),
      ON_DEMO(test_power_and_verification),
      ON_DEMO(test_power_that_does_not_come),
      ON_DEMO(test_pulled_and_put_in),
      ON_DEMO(test_mute_supply),
      ON_DEMO(test_one_reading_that_cannot_be_had),
      ON_DEMO(test_broken_cable_is_not_dry),
      ON_DEMO(test_leak_is_critical),
      ON_DEMO(test_pump_that_stands),
      ON_DEMO(test_limit_of_the_rig),
      ON_DEMO(test_what_devices_say_of_themselves),
      ON_DEMO(test_blame_stays),
      ON_DEMO(test_commands),
      ON_DEMO(test_end_with_commands_under_way),
      ON_DEMO(test_killed_from_within),
      ON_DEMO(test_polled_in_time),
      ON_DEMO(test_versions_rise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
