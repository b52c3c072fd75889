/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/unit.h"

#include "control/placement/placement.h"
#include "control/plant/plant.h"

static bool flag(struct pl_procedure *p, const struct pl_item *unit, const char *role, const char *quantity, bool *set)
{
  double value;
  if (!pl_procedure_fresh(p, unit, role, quantity, &value))
    return false;
  *set = value > 0.5;
  return true;
}

int pl_unit_present(struct pl_procedure *p, const struct pl_item *unit)
{
  bool present;
  if (!pl_item_sense(unit, "connector", "present"))
    return 1;
  return flag(p, unit, "connector", "present", &present) ? present : -1;
}

/* --- power --- */

enum pl_power pl_unit_power(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  bool has_good = pl_item_sense(unit, "connector", "power-good"), has_vout = pl_item_sense(unit, "hot-swap", "vout"), good = false;
  double vout = 0, vin = 0;
  if (!pl_unit_present(p, unit)) {
    pl_fail(why, PL_E_GONE, "%s is not in its slot", unit->id);
    return PL_POWER_OFF;
  }
  if (!has_good && !has_vout) {
    pl_fail(why, PL_E_UNSUPPORTED, "%s has neither a power-good line nor a hot-swap controller: nothing tells of its power", unit->id);
    return PL_POWER_UNSEEN;
  }
  if (has_good && !flag(p, unit, "connector", "power-good", &good)) {
    pl_fail(why, PL_E_TIMEOUT, "the power-good line of %s cannot be read", unit->id);
    return PL_POWER_UNSEEN;
  }
  if (has_vout && !pl_procedure_fresh(p, unit, "hot-swap", "vout", &vout)) {
    pl_fail(why, PL_E_TIMEOUT, "the hot-swap controller of %s cannot be read", unit->id);
    return PL_POWER_UNSEEN;
  }
  bool has_vin = has_vout && pl_procedure_fresh(p, unit, "hot-swap", "vin", &vin);
  bool all = has_vout ? vout > (has_vin ? 0.9 * vin : PL_OFF_V) && vout > PL_OFF_V : good, none = has_vout ? vout < PL_OFF_V : !good;
  if (has_vout)
    pl_fail(why, PL_E_RANGE, "%s: power good is %s, %.1f V behind its path", unit->id, !has_good ? "not wired" : good ? "there" : "missing", vout);
  else
    pl_fail(why, PL_E_RANGE, "%s: power good is %s", unit->id, good ? "there" : "missing");
  if (all && (good || !has_good))
    return PL_POWER_ON;
  return none && !good ? PL_POWER_OFF : PL_POWER_BETWEEN;
}

static const struct {
  const char *role, *quantity;
} WAYS[] = {{"hot-swap", "on"}, {"connector", "power-enable"}};

enum pl_status pl_unit_switch(struct pl_procedure *p, struct pl_item *unit, bool on, struct pl_err *err)
{
  enum pl_status (*give)(struct pl_procedure *, struct pl_item *, const char *, const char *, int64_t, struct pl_err *) = on ? pl_procedure_command : pl_procedure_try;
  size_t ways = 0;
  for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
    const struct pl_rig_device *device = pl_item_device(unit, WAYS[i].role);
    if (!device || !pl_shape_find(&device->shape, WAYS[i].quantity))
      continue;
    enum pl_status status = give(p, unit, WAYS[i].role, WAYS[i].quantity, on ? PL_U : 0, err);
    if (status)
      return status;
    ways++;
  }
  return ways ? PL_OK : pl_fail(err, PL_E_UNSUPPORTED, "%s has no device of the stack's that switches its power", unit->id);
}

/* A slot without power that is still switched on (the bus is gone, its path is open) gets it as soon as that is mended. What cannot be read back tells nothing. */
static bool is_switched_on(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  bool on;
  for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
    const struct pl_sense *sense = pl_item_sense(unit, WAYS[i].role, WAYS[i].quantity);
    if (!sense || !pl_reading_valid(&sense->reading))
      continue;
    if (!flag(p, unit, WAYS[i].role, WAYS[i].quantity, &on))
      pl_fail(why, PL_E_TIMEOUT, "%s of %s was not read back yet", WAYS[i].quantity, sense->device->name);
    else if (on)
      pl_fail(why, PL_E_RANGE, "%s has no power, and %s of %s is still on", unit->id, WAYS[i].quantity, sense->device->name);
    else
      continue;
    return true;
  }
  return false;
}

enum pl_check pl_unit_is_off(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  if (pl_unit_power(p, unit, why) != PL_POWER_OFF)
    return PL_CHECK_NOT_YET;
  return pl_unit_present(p, unit) && is_switched_on(p, unit, why) ? PL_CHECK_NOT_YET : PL_CHECK_DONE;
}

enum pl_check pl_unit_is_on(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  if (!pl_unit_present(p, unit)) {
    pl_fail(why, PL_E_GONE, "%s was pulled", unit->id);
    return PL_CHECK_FAILED;
  }
  return pl_unit_power(p, unit, why) == PL_POWER_ON ? PL_CHECK_DONE : PL_CHECK_NOT_YET;
}

/* --- LED --- */

enum pl_status pl_unit_light(struct pl_procedure *p, struct pl_item *unit, bool on, struct pl_err *err)
{
  if (unit->indicator != on) {
    unit->indicator = on;
    pl_item_touch(p->stack, unit);
  }
  if (!pl_item_sense(unit, "connector", "attention"))
    return PL_OK; /* it has none */
  return pl_procedure_try(p, unit, "connector", "attention", on ? PL_U : 0, err);
}

enum pl_check pl_unit_is_lit(struct pl_procedure *p, const struct pl_item *unit, bool on, struct pl_err *why)
{
  bool lit;
  if (!pl_item_sense(unit, "connector", "attention") || PL_LIES(p->stack, LED_OFF)) /* it has none */
    return PL_CHECK_DONE;
  if (!flag(p, unit, "connector", "attention", &lit))
    pl_fail(why, PL_E_TIMEOUT, "the attention LED of %s cannot be read back", unit->id);
  else if (lit == on)
    return PL_CHECK_DONE;
  else
    pl_fail(why, PL_E_RANGE, "the attention LED of %s stays %s", unit->id, lit ? "on" : "off");
  return PL_CHECK_NOT_YET;
}

/* --- who it is --- */

bool pl_unit_is(const struct pl_item *unit, const char *serial)
{
  return !*serial || !unit->identified || !unit->identity.serial[0] || !strcmp(unit->identity.serial, serial);
}

bool pl_unit_safe(struct pl_procedure *p, const struct pl_item *unit, const char *serial, struct pl_err *why)
{
  if (pl_unit_present(p, unit) != 1) {
    pl_fail(why, PL_E_GONE, "%s is not in its slot, or its presence cannot be read", unit->id);
    return false;
  }
  if (!pl_unit_is(unit, serial)) {
    pl_fail(why, PL_E_WRONG_UNIT, "%s is another unit now: serial %s, and it began with %s", unit->id, unit->identity.serial, serial);
    return false;
  }
  if (*serial && !unit->identified) {
    pl_fail(why, PL_E_TIMEOUT, "%s does not say who it is, and it began with serial %s", unit->id, serial);
    return false;
  }
  return pl_unit_power(p, unit, why) != PL_POWER_UNSEEN;
}

/* --- limits of its values --- */

static bool inside(const struct pl_rig_limit *limit, int64_t value_u)
{
  return (!limit->has_min || value_u >= limit->min_u) && (!limit->has_max || value_u <= limit->max_u);
}

static const struct pl_sense *sense_of(const struct pl_item *unit, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  for (size_t i = 0; i < unit->n_senses; i++)
    if (unit->senses[i].device == device && unit->senses[i].quantity == quantity)
      return &unit->senses[i];
  return NULL;
}

enum pl_check pl_unit_within_limits(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  for (size_t d = 0; d < unit->n_devices; d++)
    for (size_t l = 0; l < unit->devices[d]->n_limits; l++) {
      const struct pl_rig_device *device = unit->devices[d];
      const struct pl_rig_limit *limit = &device->limits[l];
      const struct pl_sense *sense = sense_of(unit, device, limit->quantity);
      char value[48];
      if (!sense)
        continue;
      if (!pl_reading_valid(&sense->reading) || sense->reading.at < p->commanded) {
        pl_run_ask(pl_run_of(p), unit);
        pl_fail(why, PL_E_TIMEOUT, "%s.%s cannot be read", device->name, limit->quantity->name);
        return PL_CHECK_NOT_YET;
      }
      if (!inside(limit, sense->reading.value_u)) {
        pl_fail(why, PL_E_RANGE, "%s.%s is %s, outside its limits", device->name, limit->quantity->name,
                pl_quantity_format(sense->reading.dim, sense->reading.value_u, value, sizeof value));
        return PL_CHECK_NOT_YET;
      }
    }
  return PL_CHECK_DONE;
}

const struct pl_rig_limit *pl_unit_limit(const struct pl_item *unit, const char *role, const char *quantity)
{
  const struct pl_sense *sense = pl_item_sense(unit, role, quantity);
  for (size_t i = 0; sense && i < sense->device->n_limits; i++)
    if (sense->device->limits[i].quantity == sense->quantity)
      return &sense->device->limits[i];
  return NULL;
}

bool pl_part_says(const struct pl_item *item, const char *key, const char *word)
{
  const char *said = pl_part_word(item, key);
  return !said || !strcmp(said, word);
}

double pl_unit_hottest(const struct pl_stack *stack, const struct pl_item *unit)
{
  double hottest = 0;
  for (size_t i = 0; i < unit->n_senses; i++) {
    const struct pl_sense *sense = &unit->senses[i];
    if (sense->count && pl_reading_valid(&sense->reading) && sense->reading.dim == PL_DIM_TEMPERATURE &&
        pl_clock_now(stack->clock) - sense->reading.at <= stack->settings.stale_ns && (double)sense->reading.value_u / (double)PL_U > hottest)
      hottest = (double)sense->reading.value_u / (double)PL_U;
  }
  return hottest;
}

/* --- limits by the clock --- */

pl_time_ns pl_limit_power_good(const struct pl_stack *stack)
{
  return stack->settings.power_good_ns;
}

pl_time_ns pl_limit_power_off(const struct pl_stack *stack)
{
  return stack->settings.power_off_ns;
}

pl_time_ns pl_limit_test(const struct pl_stack *stack)
{
  return stack->settings.test_ns;
}

pl_time_ns pl_limit_remove(const struct pl_stack *stack)
{
  return stack->settings.remove_ns;
}

pl_time_ns pl_limit_soon(const struct pl_stack *stack)
{
  return stack->settings.stale_ns;
}

pl_time_ns pl_limit_drain(const struct pl_stack *stack)
{
  return stack->settings.drain_ns;
}

pl_time_ns pl_limit_update(const struct pl_stack *stack)
{
  return stack->settings.test_ns + 6 * stack->settings.agent_lost_ns;
}

/* --- work --- */

enum pl_check pl_unit_is_drained(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why)
{
  bool stuck;
  if (pl_placement_is_drained(p->stack->placement, unit, &stuck, why))
    return PL_CHECK_DONE;
  return stuck ? PL_CHECK_FAILED : PL_CHECK_NOT_YET;
}

/* --- steps --- */

enum pl_status pl_act_power_on(struct pl_procedure *p, struct pl_err *err)
{
  if (!pl_item_is_present(p->item))
    return pl_fail(err, PL_E_GONE, "%s is not in its slot: an empty slot gets no power", p->item->id);
  enum pl_status status = pl_plant_may_power(p->stack, p->item, err);
  if (!status && pl_item_device(p->item, "hot-swap")) /* what latched belongs to the time before; what is still wrong comes again */
    pl_procedure_try(p, p->item, "hot-swap", "clear-faults", 0, NULL);
  if (!status)
    status = pl_unit_switch(p, p->item, true, err);
  if (!status)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWERING, "");
  return status;
}

enum pl_status pl_act_power_off(struct pl_procedure *p, struct pl_err *err)
{
  return pl_unit_switch(p, p->item, false, err);
}

enum pl_check pl_check_on(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = pl_unit_is_on(p, p->item, why);
  if (result == PL_CHECK_DONE)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWER_GOOD, "");
  return result;
}

enum pl_check pl_check_off(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = pl_unit_is_off(p, p->item, why);
  if (result == PL_CHECK_DONE)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWER_LOST, "");
  return result;
}

bool pl_again_same(struct pl_procedure *p, struct pl_err *why)
{
  char serial[64];
  snprintf(serial, sizeof serial, "%s", p->serial);
  pl_procedure_noted(p, "put-in", serial, sizeof serial);
  return pl_unit_safe(p, p->item, serial, why);
}

bool pl_again_off(struct pl_procedure *p, struct pl_err *why)
{
  pl_fail(why, PL_E_RANGE, "%s: it was looked at, and switching off harms nothing", p->item->id);
  return true;
}

void pl_prepare_power(struct pl_procedure *p)
{
  pl_procedure_note(p, "was-on", pl_item_has_power(p->item) ? "yes" : NULL);
}

static bool gets_power_back(const struct pl_procedure *p)
{
  return pl_procedure_noted(p, "was-on", NULL, 0) && !pl_procedure_noted(p, "removed", NULL, 0) && pl_item_is_present(p->item) && pl_unit_is(p->item, p->serial);
}

enum pl_status pl_undo_power_off(struct pl_procedure *p, struct pl_err *err)
{
  if (!gets_power_back(p))
    return PL_OK;
  enum pl_status status = pl_plant_may_power(p->stack, p->item, err);
  if (!status)
    status = pl_unit_switch(p, p->item, true, err);
  if (!status)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWERING, "");
  return status;
}

enum pl_check pl_undone_power_off(struct pl_procedure *p, struct pl_err *why)
{
  if (!gets_power_back(p))
    return PL_CHECK_DONE;
  enum pl_check result = pl_unit_is_on(p, p->item, why);
  if (result == PL_CHECK_DONE)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWER_GOOD, "");
  if (result == PL_CHECK_DONE)
    result = pl_unit_within_limits(p, p->item, why);
  if (result == PL_CHECK_DONE)
    pl_item_happens(p->stack, p->item, PL_HAPPENS_TEST_PASSED, "");
  return result;
}

enum pl_status pl_act_quiesce(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_happens(p->stack, p->item, PL_HAPPENS_QUIESCE, p->desc->about);
  return PL_OK;
}

enum pl_status pl_act_resume(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_happens(p->stack, p->item, PL_HAPPENS_RESUME, "");
  return PL_OK;
}

#define STEADY PL_S /* what the test asks for must hold for so long */

enum pl_check pl_check_test(struct pl_procedure *p, struct pl_err *why)
{
  enum pl_check result = pl_unit_is_on(p, p->item, why);
  if (result == PL_CHECK_NOT_YET && pl_unit_power(p, p->item, NULL) == PL_POWER_OFF) {
    result = PL_CHECK_FAILED; /* it was good when the test began */
    pl_item_happens(p->stack, p->item, PL_HAPPENS_POWER_LOST, "");
  }
  if (result == PL_CHECK_DONE)
    result = pl_unit_within_limits(p, p->item, why);
  if (result != PL_CHECK_DONE)
    return result;
  if (pl_clock_now(p->stack->clock) < p->step_begun + STEADY)
    return PL_CHECK_NOT_YET;
  pl_item_happens(p->stack, p->item, PL_HAPPENS_TEST_PASSED, "");
  return PL_CHECK_DONE;
}

enum pl_status pl_undo_test(struct pl_procedure *p, struct pl_err *err)
{
  (void)err;
  pl_item_happens(p->stack, p->item, PL_HAPPENS_TEST_FAILED, p->message);
  return PL_OK;
}
