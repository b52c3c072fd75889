/* SPDX-License-Identifier: Apache-2.0 */
/* Which messages follow from which change: tables by kind, and the listeners that look into them. Leak detectors tell of themselves (control/procedure/leak.c). */
#include "control/events/derive.h"

#include "control/events/events.h"
#include "control/inventory/within.h"
#include "control/procedure/procedure.h"
#include "control/stack/stack.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What else is said of a unit of this kind, beside ResourceEvent's. NULL: nothing. */
struct kind_row {
  enum pl_item_kind kind;
  const char *registry;
  const char *removed, *inserted;
  const char *critical, *warning, *restored; /* of its health */
};
static const struct kind_row KINDS[] = {
    {PL_ITEM_PSU, "Power", "PowerSupplyRemoved", "PowerSupplyInserted", "PowerSupplyFailed", "PowerSupplyWarning", "PowerSupplyRestored"},
    {PL_ITEM_PUMP, "Environmental", "PumpRemoved", "PumpInserted", "PumpFailed", NULL, "PumpRestored"},
    {PL_ITEM_PUMP_UNIT, "Environmental", NULL, NULL, "CoolingUnitGroupCritical", "CoolingUnitGroupWarning", "CoolingUnitGroupNormal"},
    {PL_ITEM_FILTER, "Environmental", NULL, NULL, "FilterRequiresService", "FilterRequiresService", "FilterRestored"},
    {PL_ITEM_VALVE, "Environmental", NULL, NULL, "ValveUnableToReachSetPoint", "ValveUnableToReachSetPoint", NULL},
};

/* A reading of a unit that crosses a level: below `low` it is told with one message, above `high` with the other. */
struct level_row {
  enum pl_item_kind kind;
  const char *quantity;
  double low, high;
  const char *registry, *below, *above;
};
static const struct level_row LEVELS[] = {
    {PL_ITEM_PSU, "vin", 50, 80, "Power", "LossOfInputPower", "LineInputPowerRestored"}, /* mains of 100 V and more: what is below 80 V is none */
    {PL_ITEM_VALVE, "position", 0.02, 0.98, "Environmental", "ValveClosed", "ValveOpened"},
};
enum { N_LEVELS = sizeof LEVELS / sizeof LEVELS[0] };

/* A reading outside its limit (of the rig file), by what it measures; the value in the message's own unit. Others: SensorEvent's, which name the unit. */
struct limit_row {
  enum pl_dim dim;
  double per_base; /* message's unit a base unit */
  const char *registry, *messages[3]; /* by pl_health */
};
static const struct limit_row LIMITS[] = {
    {PL_DIM_TEMPERATURE, 1, "Environmental", {"TemperatureNormal", "TemperatureWarning", "TemperatureCritical"}},
    {PL_DIM_FLOW, 1, "Environmental", {"FlowRateNormal", "FlowRateWarning", "FlowRateCritical"}},
    {PL_DIM_PRESSURE, 1e-3, "Environmental", {"PressureNormal", "PressureWarning", "PressureCritical"}},
    {PL_DIM_VOLTAGE, 1, "Power", {"VoltageNormal", "VoltageWarning", "VoltageCritical"}},
    {PL_DIM_CURRENT, 1, "Power", {"CurrentNormal", "CurrentWarning", "CurrentCritical"}},
    {PL_DIM_POWER, 1, "Power", {"PowerNormal", "PowerWarning", "PowerCritical"}},
    {PL_DIM_COUNT, 1, "SensorEvent", {"SensorReadingNormalRange", "ReadingWarning", "ReadingCritical"}},
};
#define CRITICAL_SHARE 0.10 /* as control/inventory/health.c judges */
#define CALM_SHARE 0.01

enum level { LEVEL_UNKNOWN, LEVEL_BELOW, LEVEL_ABOVE };
struct watched { /* an item that has levels */
  const struct pl_item *item;
  enum level levels[N_LEVELS];
};

struct limited { /* a reading that has a limit */
  const struct pl_sense *sense;
  enum pl_health told;
};

struct task { /* what was last told of a procedure */
  int64_t id;
  enum pl_procedure_state state;
  unsigned percent;
};
enum { TASKS = 64 };

struct pl_derive {
  struct pl_stack *stack;
  bool *told_gone;         /* by index: of the units that were pulled while others were still asked for the first time */
  struct watched *watched; /* by address, to be found quickly: it is asked for with each reading */
  size_t n_watched;
  struct limited *limited; /* the same */
  size_t n_limited;
  struct task tasks[TASKS]; /* by id % TASKS: procedures that run at one time are fewer */
  struct pl_item_listener items;
  struct pl_procedure_listener procedures;
};

static void tell(struct pl_derive *d, const char *registry, const char *id, const struct pl_item *item, const char *a, const char *b)
{
  if (id)
    pl_event_send(d->stack, registry, id, item, (const char *const[]){a, b});
}

static const struct kind_row *row_of(const struct pl_item *item)
{
  static const struct kind_row NOTHING = {.registry = ""};
  for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
    if (KINDS[i].kind == item->kind)
      return &KINDS[i];
  return &NOTHING;
}

static int by_address(const void *a, const void *b)
{
  uintptr_t x = (uintptr_t)((const struct watched *)a)->item, y = (uintptr_t)((const struct watched *)b)->item;
  return (x > y) - (x < y);
}

static struct watched *watched_of(struct pl_derive *d, const struct pl_item *item)
{
  struct watched key = {.item = item};
  return d->n_watched ? bsearch(&key, d->watched, d->n_watched, sizeof key, by_address) : NULL;
}

static bool has_power(enum pl_state state)
{
  return state == PL_STATE_IN_TEST || state == PL_STATE_ENABLED || state == PL_STATE_QUIESCED || state == PL_STATE_DEGRADED || state == PL_STATE_UPDATING;
}

static bool is_off(enum pl_state state)
{
  return state == PL_STATE_ABSENT || state == PL_STATE_STANDBY;
}

static void on_state(void *ctx, struct pl_item *item, enum pl_state before)
{
  struct pl_derive *d = ctx;
  bool *told_gone = &d->told_gone[item - pl_inventory_at(d->stack->inventory, 0)];
  /* The roll call after start tells nobody anything new: what is there was there before. But what it has found and loses again is news. */
  if (!pl_inventory_first_round_over(d->stack->inventory) && !(*told_gone |= item->state == PL_STATE_ABSENT))
    return;
  const struct kind_row *row = row_of(item);
  if (before == PL_STATE_ABSENT) {
    tell(d, "ResourceEvent", "ResourceCreated", item, NULL, NULL);
    tell(d, row->registry, row->inserted, item, item->id, NULL);
  }
  tell(d, "ResourceEvent", "ResourceStateChanged", item, item->id, pl_state_name(item->state));
  if (item->kind == PL_ITEM_CSU && !has_power(before) && has_power(item->state))
    tell(d, "ResourceEvent", "ResourcePoweredOn", item, item->id, NULL);
  if (item->kind == PL_ITEM_CSU && !is_off(before) && is_off(item->state))
    tell(d, "ResourceEvent", "ResourcePoweredOff", item, item->id, NULL);
  if (item->state == PL_STATE_ABSENT) {
    tell(d, "ResourceEvent", "ResourceRemoved", item, NULL, NULL);
    tell(d, row->registry, row->removed, item, item->id, NULL);
  }
}

static void on_health(void *ctx, struct pl_item *item, enum pl_health before)
{
  struct pl_derive *d = ctx;
  static const char *const CHANGED[] = {"ResourceStatusChangedOK", "ResourceStatusChangedWarning", "ResourceStatusChangedCritical"};
  const struct kind_row *row = row_of(item);
  const char *const of_kind[] = {row->restored, row->warning, row->critical};
  if (item->health != before && item->state != PL_STATE_ABSENT)
    tell(d, row->registry, of_kind[item->health], item, item->id, NULL);
  if (item->health != before)
    tell(d, "ResourceEvent", CHANGED[item->health], item, item->id, pl_health_name(item->health));
}

static void look_at_levels(struct pl_derive *d, struct pl_item *item, const struct pl_sense *sense)
{
  for (size_t i = 0; i < N_LEVELS; i++) {
    const struct level_row *row = &LEVELS[i];
    if (row->kind != item->kind || strcmp(row->quantity, sense->quantity->name))
      continue;
    struct watched *w = watched_of(d, item);
    double value = (double)sense->reading.value_u / (double)PL_U;
    enum level now = value < row->low ? LEVEL_BELOW : value > row->high ? LEVEL_ABOVE : LEVEL_UNKNOWN;
    if (!w || now == LEVEL_UNKNOWN || now == w->levels[i])
      continue;
    /* The first one says how things are; only what is wrong then is news. */
    bool first = w->levels[i] == LEVEL_UNKNOWN;
    w->levels[i] = now;
    if (!first || (now == LEVEL_BELOW && item->kind == PL_ITEM_PSU))
      tell(d, row->registry, now == LEVEL_BELOW ? row->below : row->above, item, item->id, NULL);
  }
}

static int by_sense(const void *a, const void *b)
{
  uintptr_t x = (uintptr_t)((const struct limited *)a)->sense, y = (uintptr_t)((const struct limited *)b)->sense;
  return (x > y) - (x < y);
}

/* A unit that is off is judged by nobody. */
static bool is_judged(const struct pl_item *item)
{
  return item->kind == PL_ITEM_CSU ? has_power(item->state) : !is_off(item->state);
}

static void tell_limit(struct pl_derive *d, const struct pl_item *item, const struct pl_sense *sense, enum pl_health health)
{
  const struct limit_row *row = LIMITS;
  char name[160], value[32];
  while (row->dim != PL_DIM_COUNT && row->dim != sense->quantity->dim)
    row++;
  snprintf(name, sizeof name, "%s %s", item->id, sense->quantity->name);
  snprintf(value, sizeof value, "%.6g", (double)sense->reading.value_u / (double)PL_U * row->per_base);
  pl_event_send(d->stack, row->registry, row->messages[health], item, (const char *const[]){name, value, pl_dim_base_unit(sense->quantity->dim)});
}

static void look_at_limit(struct pl_derive *d, const struct pl_item *item, const struct pl_sense *sense)
{
  struct limited key = {.sense = sense}, *l = d->n_limited ? bsearch(&key, d->limited, d->n_limited, sizeof key, by_sense) : NULL;
  double excess;
  if (!l || !is_judged(item) || !pl_inventory_first_round_over(d->stack->inventory))
    return;
  enum pl_health now = pl_sense_within(sense, &excess) ? PL_HEALTH_OK : excess > CRITICAL_SHARE ? PL_HEALTH_CRITICAL : PL_HEALTH_WARNING;
  bool calm = now > l->told || excess < (l->told == PL_HEALTH_CRITICAL && now == PL_HEALTH_WARNING ? CRITICAL_SHARE - CALM_SHARE : -CALM_SHARE);
  if (now == l->told || !calm) /* a noisy reading at its limit would flap */
    return;
  l->told = now;
  tell_limit(d, item, sense, now);
}

static void on_reading(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct pl_derive *d = ctx;
  if (!pl_reading_valid(&sense->reading))
    return;
  look_at_levels(d, item, sense);
  look_at_limit(d, item, sense);
}

static void on_procedure(void *ctx, struct pl_procedure *p)
{
  struct pl_derive *d = ctx;
  static const char *const OVER[] = {[PL_PROCEDURE_COMPLETED] = "TaskCompletedOK", [PL_PROCEDURE_FAILED] = "TaskAborted", [PL_PROCEDURE_CANCELLED] = "TaskCancelled"};
  struct task *t = &d->tasks[(uint64_t)p->id % TASKS];
  char id[24], percent[12], origin[64];
  snprintf(id, sizeof id, "%" PRId64, p->id);
  snprintf(percent, sizeof percent, "%u", p->percent);
  snprintf(origin, sizeof origin, "/redfish/v1/TaskService/Tasks/%s", id);
  const char *const args[] = {id, percent};
  if (t->id != p->id) {
    *t = (struct task){.id = p->id, .state = PL_PROCEDURE_RUNNING, .percent = p->percent};
    pl_event_send_at(d->stack, "TaskEvent", p->resumed ? "TaskResumed" : "TaskStarted", origin, args);
  }
  if (p->percent != t->percent && p->percent < 100)
    pl_event_send_at(d->stack, "TaskEvent", "TaskProgressChanged", origin, args);
  t->percent = p->percent;
  if (p->state != t->state && p->state >= PL_PROCEDURE_COMPLETED)
    pl_event_send_at(d->stack, "TaskEvent", OVER[p->state], origin, args);
  t->state = p->state;
}

static bool is_watched(const struct pl_item *item)
{
  for (size_t i = 0; i < N_LEVELS; i++)
    if (LEVELS[i].kind == item->kind)
      return true;
  return false;
}

static void put_away(struct pl_derive *derive)
{
  free(derive->told_gone);
  free(derive->watched);
  free(derive->limited);
  free(derive);
}

static void watch_readings(struct pl_derive *d, const struct pl_item *item)
{
  for (size_t i = 0; i < item->n_senses; i++)
    if (pl_sense_limit(&item->senses[i]))
      d->limited[d->n_limited++].sense = &item->senses[i];
}

static enum pl_status watch_units(struct pl_derive *d, struct pl_inventory *inventory, struct pl_err *err)
{
  size_t count = pl_inventory_count(inventory), senses = 0;
  for (size_t i = 0; i < count; i++)
    senses += pl_inventory_at(inventory, i)->n_senses;
  d->told_gone = calloc(count + 1, sizeof *d->told_gone);
  d->watched = calloc(count + 1, sizeof *d->watched);
  d->limited = calloc(senses + 1, sizeof *d->limited);
  if (!d->told_gone || !d->watched || !d->limited)
    return pl_fail(err, PL_E_NOMEM, "no memory for the events of %zu units", count);
  for (size_t i = 0; i < count; i++) {
    const struct pl_item *item = pl_inventory_at(inventory, i);
    if (is_watched(item))
      d->watched[d->n_watched++].item = item;
    watch_readings(d, item);
  }
  qsort(d->watched, d->n_watched, sizeof *d->watched, by_address);
  qsort(d->limited, d->n_limited, sizeof *d->limited, by_sense);
  return PL_OK;
}

enum pl_status pl_events_start(struct pl_stack *stack, struct pl_err *err)
{
  struct pl_derive *d = calloc(1, sizeof *d);
  enum pl_status status = d ? watch_units(d, stack->inventory, err) : pl_fail(err, PL_E_NOMEM, "no memory for derived events");
  if (status != PL_OK) {
    if (d)
      put_away(d);
    return status;
  }
  d->stack = stack;
  d->items = (struct pl_item_listener){.state = on_state, .health = on_health, .reading = on_reading, .ctx = d};
  d->procedures = (struct pl_procedure_listener){.changed = on_procedure, .ctx = d};
  pl_inventory_listen(stack->inventory, &d->items);
  pl_procedures_listen(stack->procedures, &d->procedures);
  pl_events_keep(stack->events, d, put_away);
  return PL_OK;
}
