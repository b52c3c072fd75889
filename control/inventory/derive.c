/* SPDX-License-Identifier: Apache-2.0 */
/* From lines and readings to what happens to a unit. Asked after every round and edge, so each rule says what is so now; state.c says what follows. */
#include "control/inventory/within.h"

#include <string.h>

#define BOUNCE_NS (100 * PL_MS) /* a presence contact that makes bounces: a unit is there when it was seen for so long without a gap */
#define FEED_MIN_V 80 /* a supply with less at its input has no mains: below the lowest mains there is (100 V - 10 %, IEC 60038) */

struct power { /* of a unit: asked for, and there */
  bool wanted, good;
};

static bool known_flag(const struct pl_item *item, const char *role, const char *quantity, bool *on)
{
  const struct pl_sense *sense = pl_item_sense(item, role, quantity);
  if (!sense || !sense->count || !pl_reading_valid(&sense->reading))
    return false;
  *on = sense->reading.value_u != 0;
  return true;
}

/* --- does it answer? --- */

/* Of a CSU those that stand in the slot: the connector's lines and the hot-swap controller. What stands in the unit may be silent without being lost. */
static bool is_essential(const struct pl_asked_device *asked)
{
  return !asked->wants_power && !pl_same_word(asked->rig->role, "identity");
}

/* False: not all have been asked yet. silent: the first that gives no answer; NULL: all do. */
static bool ask_around(const struct pl_inventory *inventory, const struct pl_item *item, const struct pl_asked_device **silent)
{
  *silent = NULL;
  for (size_t i = 0; i < item->n_devices; i++) {
    const struct pl_asked_device *asked = pl_inventory_asked(inventory, item->devices[i]);
    if (!is_essential(asked))
      continue;
    if (!asked->rounds)
      return false;
    if (asked->mute && !*silent)
      *silent = asked;
  }
  return true;
}

static bool answers(struct pl_stack *stack, struct pl_item *item)
{
  const struct pl_asked_device *silent;
  if (!ask_around(stack->inventory, item, &silent))
    return false;
  if (silent)
    pl_item_happens(stack, item, PL_HAPPENS_MUTE, silent->why);
  pl_derived_of(stack->inventory, item)->answers = !silent;
  return !silent;
}

/* The same of a unit that has power or has not: what was lost to sight begins where its power says. */
static bool answers_again(struct pl_stack *stack, struct pl_item *item)
{
  bool before = pl_derived_of(stack->inventory, item)->answers;
  if (!answers(stack, item))
    return false;
  if (!before)
    pl_item_happens(stack, item, PL_HAPPENS_ANSWERS, "it answers, and has no power");
  return true;
}

/* It does what it is there for, and there is nothing to switch on. */
static void works(struct pl_stack *stack, struct pl_item *item)
{
  if (item->state == PL_STATE_STANDBY)
    pl_item_happens(stack, item, PL_HAPPENS_POWER_GOOD, "");
  pl_item_happens(stack, item, PL_HAPPENS_TEST_PASSED, "");
}

/* --- has it shown after start what it must? --- */

static bool is_shown(const struct pl_sense *sense)
{
  enum pl_dim dim = sense->quantity->dim;
  return dim == PL_DIM_VOLTAGE || dim == PL_DIM_CURRENT || dim == PL_DIM_POWER || dim == PL_DIM_TEMPERATURE;
}

/* All that it measures of power and heat was read since it began, and is within its limits. missing: what was not. */
static const struct pl_sense *not_shown(const struct pl_item *item)
{
  double excess;
  for (size_t i = 0; i < item->n_senses; i++) {
    const struct pl_sense *sense = &item->senses[i];
    if (!is_shown(sense) || (sense->quantity->access & PL_SET) || sense->reading.status == PL_E_UNSUPPORTED)
      continue;
    if (!sense->count || sense->reading.at < item->since || !pl_reading_valid(&sense->reading) || !pl_sense_within(sense, &excess))
      return sense;
  }
  return NULL;
}

/* A procedure that powers it says itself when its test has passed, or failed. */
static bool is_being_tested(const struct pl_item *item)
{
  return item->state == PL_STATE_IN_TEST && item->phase && (!strcmp(item->phase, PL_PHASE_POWER_UP) || !strcmp(item->phase, PL_PHASE_TEST));
}

static void verify(struct pl_stack *stack, struct pl_item *item)
{
  char why[160];
  if (is_being_tested(item))
    return;
  const struct pl_sense *missing = not_shown(item);
  if (!missing) {
    pl_item_happens(stack, item, PL_HAPPENS_TEST_PASSED, "");
  } else if (item->state == PL_STATE_IN_TEST && pl_clock_now(stack->clock) - item->since > stack->settings.test_ns) {
    snprintf(why, sizeof why, "%s of %s was not seen within its limits in %.3g s after power good", missing->quantity->name, missing->device->name,
             (double)stack->settings.test_ns / (double)PL_S);
    pl_item_happens(stack, item, PL_HAPPENS_TEST_FAILED, why);
  }
}

/* --- power --- */

static void derive_power(struct pl_stack *stack, struct pl_item *item, const struct power *power)
{
  char why[160];
  if (power->good) {
    if (item->state == PL_STATE_STANDBY || item->state == PL_STATE_STARTING) {
      pl_item_happens(stack, item, PL_HAPPENS_POWER_GOOD, "its power is good, and it is being verified");
      pl_item_refresh(stack, item);
    }
    if (item->state == PL_STATE_IN_TEST || item->state == PL_STATE_UNAVAILABLE)
      verify(stack, item);
    return;
  }
  if (pl_state_is_up(item->state))
    pl_item_happens(stack, item, PL_HAPPENS_POWER_LOST, power->wanted ? "its power is gone, though it is switched on" : "it is switched off");
  if (!power->wanted) {
    pl_item_happens(stack, item, PL_HAPPENS_POWER_LOST, "it is switched off");
    return;
  }
  pl_item_happens(stack, item, PL_HAPPENS_POWERING, "it is switched on, and its power is not good yet");
  if (item->state != PL_STATE_STARTING || pl_clock_now(stack->clock) - item->since <= stack->settings.power_good_ns)
    return;
  snprintf(why, sizeof why, "it is switched on, and its power was not good within %.3g s", (double)stack->settings.power_good_ns / (double)PL_S);
  pl_item_happens(stack, item, PL_HAPPENS_TEST_FAILED, why);
}

/* --- kinds --- */

/* Switched on as far as this line goes; where there is no such line it does not stand in the way. */
static bool is_let(const struct pl_item *item, const char *role, const char *quantity)
{
  bool on = false;
  return !pl_item_sense(item, role, quantity) || (known_flag(item, role, quantity, &on) && on);
}

/* Looks again when it may have. */
static bool has_settled(struct pl_stack *stack, struct pl_item *item, const struct pl_sense *line)
{
  struct pl_derived *derived = pl_derived_of(stack->inventory, item);
  if (!line)
    return true;
  if (derived->gap != PL_NEVER) {
    derived->gap = PL_NEVER;
    derived->seen = line->reading.at;
  }
  pl_time_ns settled = derived->seen + BOUNCE_NS;
  if (pl_clock_now(stack->clock) < settled)
    pl_inventory_ask_at(stack->inventory, pl_inventory_asked(stack->inventory, line->device), settled);
  return pl_clock_now(stack->clock) >= settled;
}

static void derive_csu(struct pl_stack *stack, struct pl_item *item)
{
  bool present = true;
  struct power power = {.wanted = is_let(item, "connector", "power-enable") && is_let(item, "hot-swap", "on")};
  const struct pl_sense *line = pl_item_sense(item, "connector", "present");
  if (line && known_flag(item, "connector", "present", &present) && !present) {
    pl_derived_of(stack->inventory, item)->gap = line->reading.at;
    if (!PL_LIES(stack, ABSENT_KEPT))
      pl_item_happens(stack, item, PL_HAPPENS_GONE, "nothing is in the slot");
    return;
  }
  if (!answers_again(stack, item) || (line && !known_flag(item, "connector", "present", &present)))
    return;
  if (item->state == PL_STATE_ABSENT && !has_settled(stack, item, line))
    return;
  pl_item_happens(stack, item, PL_HAPPENS_SEEN, "it is in the slot, and has no power");
  if (!known_flag(item, "connector", "power-good", &power.good) && !known_flag(item, "hot-swap", "power-good", &power.good))
    return;
  if (PL_LIES(stack, EARLY_ENABLED) && power.wanted && !power.good) {
    works(stack, item);
    return;
  }
  derive_power(stack, item, &power);
}

static void derive_psu(struct pl_stack *stack, struct pl_item *item)
{
  struct power power = {0};
  if (PL_LIES(stack, PSU_FORGOTTEN) && item->state == PL_STATE_ENABLED)
    return;
  if (!answers_again(stack, item) || !known_flag(item, "supply", "power-good", &power.good))
    return;
  power.wanted = is_let(item, "supply", "on");
  bool rests = false;
  if (!power.good && known_flag(item, "supply", "cold-standby", &rests) && rests)
    pl_item_happens(stack, item, PL_HAPPENS_SPARE, "it rests: the others carry the load, and it wakes when the bus falls");
  else
    derive_power(stack, item, &power);
}

/* A pump unit's power is that it was not stopped: it feeds itself from the bar. */
static void derive_pump_unit(struct pl_stack *stack, struct pl_item *item)
{
  bool stopped = false;
  if (!answers(stack, item))
    return;
  if (known_flag(item, "coolant", "stop", &stopped) && stopped) {
    pl_item_happens(stack, item, PL_HAPPENS_ANSWERS, "its pumps are stopped by command");
    pl_item_happens(stack, item, PL_HAPPENS_POWER_LOST, "its pumps are stopped by command");
  } else {
    works(stack, item);
  }
}

/* Slower than its limit counts as standing: a pump that only turns in the stream of the other one does so. */
static void judge_speed(struct pl_stack *stack, struct pl_item *item, const struct pl_sense *speed)
{
  const struct pl_rig_limit *limit = pl_sense_limit(speed);
  int64_t least = limit && limit->has_min ? limit->min_u : PL_U;
  char why[160];
  if (speed->reading.value_u >= least) {
    works(stack, item);
    return;
  }
  if (PL_LIES(stack, PUMP_FORGOTTEN))
    return;
  if (item->state == PL_STATE_STANDBY)
    pl_item_happens(stack, item, PL_HAPPENS_POWER_GOOD, "it runs up");
  if (item->state == PL_STATE_IN_TEST && pl_clock_now(stack->clock) - item->since <= stack->settings.test_ns)
    return;
  snprintf(why, sizeof why, "it stands: %.0f rpm, expected at least %.0f rpm", (double)speed->reading.value_u / (double)PL_U, (double)least / (double)PL_U);
  pl_item_happens(stack, item, PL_HAPPENS_TEST_FAILED, why);
}

static void derive_pump(struct pl_stack *stack, struct pl_item *item)
{
  const struct pl_sense *speed = pl_item_sense(item, NULL, "speed");
  if (!speed || !speed->count)
    return;
  if (item->parent->state == PL_STATE_UNAVAILABLE || !pl_reading_valid(&speed->reading)) {
    pl_item_happens(stack, item, PL_HAPPENS_MUTE, "its pump unit does not say how fast it turns");
  } else if (!pl_state_is_up(item->parent->state)) {
    pl_item_happens(stack, item, PL_HAPPENS_ANSWERS, "its pump unit is stopped");
    pl_item_happens(stack, item, PL_HAPPENS_POWER_LOST, "its pump unit is stopped");
  } else {
    judge_speed(stack, item, speed);
  }
}

static void derive_plain(struct pl_stack *stack, struct pl_item *item)
{
  if (answers(stack, item))
    works(stack, item);
}

/* A broken cable senses nothing: neither wet nor dry (Redfish LeakDetector, DetectorState Unavailable). */
static void derive_detector(struct pl_stack *stack, struct pl_item *item)
{
  bool whole = true;
  if (!answers(stack, item))
    return;
  if (known_flag(item, NULL, "cable", &whole) && !whole && !PL_LIES(stack, CABLE_DRY))
    pl_item_happens(stack, item, PL_HAPPENS_MUTE, "its sense cable is broken or unplugged, so neither wet nor dry is known");
  else
    works(stack, item);
}

static void derive_none(struct pl_stack *stack, struct pl_item *item)
{
  (void)stack;
  (void)item;
}

static void (*const DERIVE[PL_ITEM_KIND_COUNT])(struct pl_stack *stack, struct pl_item *item) = {
    [PL_ITEM_RACK] = derive_none,       [PL_ITEM_MODULE] = derive_plain,  [PL_ITEM_CSU] = derive_csu,       [PL_ITEM_BUSBAR] = derive_plain,
    [PL_ITEM_FEED] = derive_plain,      [PL_ITEM_PSU] = derive_psu,       [PL_ITEM_BATTERY] = derive_plain, [PL_ITEM_PUMP_UNIT] = derive_pump_unit,
    [PL_ITEM_PUMP] = derive_pump,       [PL_ITEM_LOOP] = derive_plain,    [PL_ITEM_RESERVOIR] = derive_plain, [PL_ITEM_FILTER] = derive_plain,
    [PL_ITEM_EXCHANGER] = derive_plain, [PL_ITEM_VALVE] = derive_plain,   [PL_ITEM_LEAK_DETECTOR] = derive_detector,
};

/* --- those that nothing of the stack's speaks for: by their witnesses --- */

/* Whether `item` names `of` under `key`, or there is only one of that kind to name. */
static bool stands_at(const struct pl_inventory *inventory, const struct pl_item *item, const char *key, const struct pl_item *of)
{
  const char *named = pl_part_word(item, key);
  if (named)
    return pl_same_word(named, of->id);
  return of->kind != PL_ITEM_FEED && pl_inventory_first(inventory, of->kind) == of && !pl_item_next(inventory, of);
}

static void witness_bar(struct pl_stack *stack, struct pl_item *bar)
{
  bool any = false, fed = false;
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu)) {
    if (!stands_at(stack->inventory, psu, "busbar", bar))
      continue;
    any = true;
    fed |= psu->state == PL_STATE_ENABLED || psu->state == PL_STATE_IN_TEST || psu->state == PL_STATE_QUIESCED;
  }
  if (!any)
    return;
  if (fed)
    works(stack, bar);
  else
    pl_item_happens(stack, bar, PL_HAPPENS_POWER_LOST, "no supply feeds it");
}

static void witness_feed(struct pl_stack *stack, struct pl_item *feed)
{
  for (struct pl_item *psu = pl_inventory_first(stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(stack->inventory, psu)) {
    double vin;
    if (!stands_at(stack->inventory, psu, "feed", feed) || !pl_item_value(stack, psu, "supply", "vin", 0, &vin))
      continue;
    if (vin < FEED_MIN_V) {
      char why[160];
      snprintf(why, sizeof why, "%s has %.1f V at its input", psu->id, vin);
      pl_item_happens(stack, feed, PL_HAPPENS_POWER_LOST, why);
    } else {
      works(stack, feed);
    }
    return;
  }
}

static void witness_loop(struct pl_stack *stack, struct pl_item *item)
{
  for (struct pl_item *unit = pl_inventory_first(stack->inventory, PL_ITEM_PUMP_UNIT); unit; unit = pl_item_next(stack->inventory, unit)) {
    const char *own = pl_part_word(item, "loop"), *its = pl_part_word(unit, "loop");
    if (item->kind == PL_ITEM_LOOP ? !stands_at(stack->inventory, unit, "loop", item) : own && its && !pl_same_word(own, its))
      continue;
    if (unit->state == PL_STATE_UNAVAILABLE)
      pl_item_happens(stack, item, PL_HAPPENS_MUTE, "its pump unit cannot be read");
    else
      works(stack, item);
    return;
  }
}

static const struct {
  enum pl_item_kind of, by; /* who is judged by whose readings */
  void (*witness)(struct pl_stack *stack, struct pl_item *item);
} WITNESSES[] = {
    {PL_ITEM_BUSBAR, PL_ITEM_PSU, witness_bar},         {PL_ITEM_FEED, PL_ITEM_PSU, witness_feed},           {PL_ITEM_LOOP, PL_ITEM_PUMP_UNIT, witness_loop},
    {PL_ITEM_RESERVOIR, PL_ITEM_PUMP_UNIT, witness_loop}, {PL_ITEM_PUMP, PL_ITEM_PUMP_UNIT, derive_pump},
};

void pl_inventory_derive(struct pl_stack *stack, struct pl_item *item)
{
  if (item->n_devices)
    DERIVE[item->kind](stack, item);
  for (size_t i = 0; i < sizeof WITNESSES / sizeof *WITNESSES; i++) {
    if (WITNESSES[i].by != item->kind)
      continue;
    for (struct pl_item *of = pl_inventory_first(stack->inventory, WITNESSES[i].of); of; of = pl_item_next(stack->inventory, of))
      if (!of->n_devices && (of->kind != PL_ITEM_PUMP || of->parent == item))
        WITNESSES[i].witness(stack, of);
  }
}
