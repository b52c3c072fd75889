/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events/fake_rooms.h"

#include "control/procedure/procedure.h"

/* An inventory of a few units that this test moves, and a procedure room that says what it is told to. */
struct pl_inventory {
  struct pl_item items[4];
  bool over;
  struct pl_item_listener *listener;
};
enum { PSU, CSU, PUMP, VALVE };
struct pl_procedures {
  struct pl_procedure_listener *listener;
};

bool pl_inventory_first_round_over(const struct pl_inventory *inventory)
{
  return inventory->over;
}

size_t pl_inventory_count(const struct pl_inventory *inventory)
{
  return sizeof inventory->items / sizeof inventory->items[0];
}

struct pl_item *pl_inventory_at(const struct pl_inventory *inventory, size_t index)
{
  return (struct pl_item *)&inventory->items[index];
}

void pl_inventory_listen(struct pl_inventory *inventory, struct pl_item_listener *listener)
{
  inventory->listener = listener;
}

void pl_procedures_listen(struct pl_procedures *procedures, struct pl_procedure_listener *listener)
{
  procedures->listener = listener;
}

const char *pl_state_name(enum pl_state state)
{
#define NAME(name, word) word,
  static const char *const NAMES[] = {PL_STATES(NAME)};
  return NAMES[state];
}

const char *pl_health_name(enum pl_health health)
{
  static const char *const NAMES[] = {"OK", "Warning", "Critical"};
  return NAMES[health];
}

/* The limit of the one reading that has one: at most 100. */
static const struct pl_rig_limit LIMIT = {.has_max = true, .max_u = 100 * PL_U};

const struct pl_rig_limit *pl_sense_limit(const struct pl_sense *sense); /* of control/inventory/within.h, whose inventory is not this one */
bool pl_sense_within(const struct pl_sense *sense, double *excess);

const struct pl_rig_limit *pl_sense_limit(const struct pl_sense *sense)
{
  return sense->device ? NULL : &LIMIT;
}

bool pl_sense_within(const struct pl_sense *sense, double *excess)
{
  *excess = (double)(sense->reading.value_u - LIMIT.max_u) / (double)LIMIT.max_u;
  return *excess <= 0;
}

struct rack {
  struct pl_stack stack;
  struct pl_inventory inventory;
  struct pl_procedures procedures;
  struct pl_sense limited;
  struct heard heard;
};

static void open_rack(struct rack *r)
{
  struct pl_err err = {0};
  memset(r, 0, sizeof *r);
  fake_open(&r->stack);
  r->inventory = (struct pl_inventory){.over = true,
                                       .items = {[PSU] = {.id = "psu-a", .kind = PL_ITEM_PSU},
                                                 [CSU] = {.id = "csu-1", .kind = PL_ITEM_CSU},
                                                 [PUMP] = {.id = "rpu.pump-1", .kind = PL_ITEM_PUMP},
                                                 [VALVE] = {.id = "valve-1", .kind = PL_ITEM_VALVE}}};
  r->inventory.items[CSU].senses = &r->limited;
  r->inventory.items[CSU].n_senses = 1;
  r->stack.inventory = &r->inventory;
  r->stack.procedures = &r->procedures;
  assert_int_equal(pl_events_start(&r->stack, &err), PL_OK);
  hear_all(&r->stack, &r->heard);
}

static void close_rack(struct rack *r)
{
  fake_close(&r->stack);
}

static void state(struct rack *r, int which, enum pl_state now)
{
  struct pl_item *item = &r->inventory.items[which];
  enum pl_state before = item->state;
  item->state = now;
  r->inventory.listener->state(r->inventory.listener->ctx, item, before);
}

static void health(struct rack *r, int which, enum pl_health now)
{
  struct pl_item *item = &r->inventory.items[which];
  enum pl_health before = item->health;
  item->health = now;
  r->inventory.listener->health(r->inventory.listener->ctx, item, before);
}

static void reading(struct rack *r, int which, const char *name, double value, enum pl_status status)
{
  struct pl_quantity quantity = {.name = name};
  struct pl_sense sense = {.quantity = &quantity, .reading = {.value_u = (int64_t)(value * 1e6), .status = status}};
  r->inventory.listener->reading(r->inventory.listener->ctx, &r->inventory.items[which], &sense);
}

/* Exactly these, in this order, and then nothing more is in the ear. */
static void heard(struct rack *r, const char *names)
{
  char all[1024] = "";
  for (size_t i = 0; i < r->heard.count; i++) {
    size_t n = strlen(all);
    snprintf(all + n, sizeof all - n, "%s%s", i ? " " : "", r->heard.names[i]);
  }
  assert_string_equal(all, names);
  r->heard.count = 0;
}

static void coming_and_going_is_told(void **s)
{
  (void)s;
  struct rack r;
  open_rack(&r);
  state(&r, PSU, PL_STATE_ENABLED);
  heard(&r, "ResourceCreated PowerSupplyInserted ResourceStateChanged");
  assert_string_equal(r.heard.args[2], "The state of resource 'psu-a' has changed to Enabled.");
  state(&r, PSU, PL_STATE_ABSENT);
  heard(&r, "ResourceStateChanged ResourceRemoved PowerSupplyRemoved");
  state(&r, CSU, PL_STATE_STARTING);
  heard(&r, "ResourceCreated ResourceStateChanged");
  state(&r, CSU, PL_STATE_IN_TEST);
  heard(&r, "ResourceStateChanged ResourcePoweredOn");
  state(&r, CSU, PL_STATE_ENABLED);
  heard(&r, "ResourceStateChanged");
  state(&r, CSU, PL_STATE_STANDBY);
  heard(&r, "ResourceStateChanged ResourcePoweredOff");
  close_rack(&r);
}

static void the_roll_call_is_no_news_but_what_is_wrong_is(void **s)
{
  (void)s;
  struct rack r;
  open_rack(&r);
  r.inventory.over = false;
  state(&r, PSU, PL_STATE_ENABLED);
  heard(&r, "");
  health(&r, PSU, PL_HEALTH_CRITICAL);
  heard(&r, "PowerSupplyFailed ResourceStatusChangedCritical");
  state(&r, CSU, PL_STATE_STANDBY);
  heard(&r, "");
  state(&r, CSU, PL_STATE_ABSENT); /* it was seen, and is pulled while others are still being asked */
  heard(&r, "ResourceStateChanged ResourceRemoved");
  state(&r, CSU, PL_STATE_STANDBY); /* who was told of the one is told of the other */
  heard(&r, "ResourceCreated ResourceStateChanged");
  close_rack(&r);
}

static void health_is_told_in_the_words_of_the_kind(void **s)
{
  (void)s;
  struct rack r;
  open_rack(&r);
  r.inventory.items[PSU].state = r.inventory.items[PUMP].state = r.inventory.items[CSU].state = PL_STATE_ENABLED;
  health(&r, PSU, PL_HEALTH_WARNING);
  heard(&r, "PowerSupplyWarning ResourceStatusChangedWarning");
  health(&r, PSU, PL_HEALTH_OK);
  heard(&r, "PowerSupplyRestored ResourceStatusChangedOK");
  health(&r, PUMP, PL_HEALTH_CRITICAL);
  heard(&r, "PumpFailed ResourceStatusChangedCritical");
  assert_string_equal(r.heard.args[0], "Pump 'rpu.pump-1' has failed.");
  health(&r, CSU, PL_HEALTH_CRITICAL);
  heard(&r, "ResourceStatusChangedCritical");
  health(&r, CSU, PL_HEALTH_CRITICAL); /* the same for another reason */
  heard(&r, "");
  close_rack(&r);
}

static void input_power_and_valves_are_told_by_their_level(void **s)
{
  (void)s;
  struct rack r;
  open_rack(&r);
  reading(&r, PSU, "vin", 230, PL_OK);
  heard(&r, "");
  reading(&r, PSU, "vin", 0, PL_E_NACK); /* that is no loss of mains: it is no reading */
  heard(&r, "");
  reading(&r, PSU, "vin", 3, PL_OK);
  reading(&r, PSU, "vin", 65, PL_OK); /* between the levels: nothing is said */
  reading(&r, PSU, "vin", 2, PL_OK);
  heard(&r, "LossOfInputPower");
  reading(&r, PSU, "vin", 229, PL_OK);
  heard(&r, "LineInputPowerRestored");
  reading(&r, VALVE, "position", 0, PL_OK);
  heard(&r, "");
  reading(&r, VALVE, "position", 0.5, PL_OK);
  reading(&r, VALVE, "position", 1, PL_OK);
  heard(&r, "ValveOpened");
  reading(&r, VALVE, "position", 0, PL_OK);
  heard(&r, "ValveClosed");
  close_rack(&r);
}

static void warms(struct rack *r, enum pl_dim dim, double value)
{
  struct pl_quantity quantity = {.name = "cpu-1-temperature", .dim = dim};
  r->limited.quantity = &quantity;
  r->limited.reading = (struct pl_reading){.value_u = (int64_t)(value * 1e6)};
  r->inventory.listener->reading(r->inventory.listener->ctx, &r->inventory.items[CSU], &r->limited);
}

static void limits_are_told_once_each_way_and_do_not_flap(void **s)
{
  (void)s;
  struct rack r;
  open_rack(&r);
  warms(&r, PL_DIM_TEMPERATURE, 120); /* of a unit that is off */
  heard(&r, "");
  r.inventory.items[CSU].state = PL_STATE_ENABLED;
  warms(&r, PL_DIM_TEMPERATURE, 99.5);
  heard(&r, "");
  warms(&r, PL_DIM_TEMPERATURE, 101);
  warms(&r, PL_DIM_TEMPERATURE, 99.5);
  warms(&r, PL_DIM_TEMPERATURE, 101.5);
  heard(&r, "TemperatureWarning");
  assert_string_equal(r.heard.args[0], "Temperature 'csu-1 cpu-1-temperature' reading of 101 degrees (C) exceeds the warning level.");
  warms(&r, PL_DIM_TEMPERATURE, 111);
  warms(&r, PL_DIM_TEMPERATURE, 109.5);
  heard(&r, "TemperatureCritical");
  warms(&r, PL_DIM_TEMPERATURE, 105);
  warms(&r, PL_DIM_TEMPERATURE, 98);
  heard(&r, "TemperatureWarning TemperatureNormal");
  warms(&r, PL_DIM_SPEED, 101);
  heard(&r, "ReadingWarning");
  assert_string_equal(r.heard.args[0], "Sensor 'csu-1 cpu-1-temperature' reading of 101 (rpm) exceeds the warning level.");
  close_rack(&r);
}

static void change(struct rack *r, struct pl_procedure *p)
{
  r->procedures.listener->changed(r->procedures.listener->ctx, p);
}

static void tasks_begin_get_on_and_end(void **s)
{
  (void)s;
  struct rack r;
  struct pl_procedure p = {.id = 7}, other = {.id = 8, .resumed = true, .percent = 40};
  open_rack(&r);
  change(&r, &p);
  heard(&r, "TaskStarted");
  change(&r, &p);
  heard(&r, "");
  p.percent = 30;
  change(&r, &p);
  heard(&r, "TaskProgressChanged");
  assert_string_equal(r.heard.args[0], "The task with Id '7' has changed to progress 30 percent complete.");
  change(&r, &other);
  heard(&r, "TaskResumed");
  p.percent = 100;
  p.state = PL_PROCEDURE_COMPLETED;
  change(&r, &p);
  heard(&r, "TaskCompletedOK");
  other.state = PL_PROCEDURE_ROLLING_BACK;
  change(&r, &other);
  heard(&r, "");
  other.state = PL_PROCEDURE_FAILED;
  change(&r, &other);
  heard(&r, "TaskAborted");
  struct pl_procedure short_one = {.id = 9, .state = PL_PROCEDURE_CANCELLED};
  change(&r, &short_one);
  heard(&r, "TaskStarted TaskCancelled");
  close_rack(&r);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coming_and_going_is_told),
      cmocka_unit_test(the_roll_call_is_no_news_but_what_is_wrong_is),
      cmocka_unit_test(health_is_told_in_the_words_of_the_kind),
      cmocka_unit_test(input_power_and_valves_are_told_by_their_level),
      cmocka_unit_test(limits_are_told_once_each_way_and_do_not_flap),
      cmocka_unit_test(tasks_begin_get_on_and_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
