/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures that are seen begin their procedure: once, and not again before the unit has been well. Each must last a moment, so that a reading that is lost or a
 * supply that changes over is none. What was switched off by command did not fail; a CSU on a bus without voltage did not, either.
 */
#include "control/procedure/unit.h"

#define BUS_MIN_V 44.0     /* less at the slots: the bus is gone, not the CSU (ORv3: 46 V to 52 V; CSUs let go at 36 V, and leave it about there) */
#define AGAIN (1 * PL_S)   /* somebody else has the unit: later */
#define LOOK_AGAIN (50 * PL_MS)
#define FLOW_SHARE 0.5     /* of the least that the rig allows: less is no flow to speak of */

struct pl_watched {
  struct pl_item *item;
  bool up;            /* it has been well since */
  bool begun;         /* its procedure began; not again before it is well */
  pl_time_ns since;   /* that it fails; 0: it does not */
  bool pending;
  struct pl_watched *next;
};

struct pl_watch {
  struct pl_procedures *all;
  struct pl_watched *each; /* sorted by item */
  size_t count;
  struct pl_watched *pending;
  struct pl_timer timer;
};

static const struct trigger {
  enum pl_item_kind kind;
  const struct pl_procedure_desc *desc;
  pl_time_ns settle, mute; /* how long it must last; when it is that nothing answers */
} TRIGGERS[] = {
    {PL_ITEM_CSU, &pl_failover_csu, 300 * PL_MS, 2 * PL_S},
    {PL_ITEM_PSU, &pl_failover_psu, 200 * PL_MS, 2 * PL_S},
    {PL_ITEM_PUMP, &pl_failover_pump, PL_S, 2 * PL_S},
    {PL_ITEM_LOOP, &pl_failover_loop, PL_S, PL_S},
};

static const struct trigger *trigger_of(const struct pl_item *item)
{
  for (size_t i = 0; i < sizeof TRIGGERS / sizeof *TRIGGERS; i++)
    if (TRIGGERS[i].kind == item->kind)
      return &TRIGGERS[i];
  return NULL;
}

static int by_item(const void *a, const void *b)
{
  const struct pl_watched *x = a, *y = b;
  return x->item < y->item ? -1 : x->item > y->item;
}

static struct pl_watched *find(const struct pl_watch *watch, struct pl_item *item)
{
  const struct pl_watched key = {.item = item};
  return watch->count ? bsearch(&key, watch->each, watch->count, sizeof key, by_item) : NULL;
}

/* --- is it well, does it fail? --- */

enum verdict { WELL, FAILS, MEANT }; /* MEANT: somebody wanted it so */

static bool is_told_off(const struct pl_stack *stack, const struct pl_item *item, const char *role, const char *quantity)
{
  double value;
  return pl_item_value(stack, item, role, quantity, 0, &value) && value < 0.5;
}

static bool is_down(const struct pl_item *item)
{
  return item->state == PL_STATE_STANDBY || item->state == PL_STATE_STARTING || item->state == PL_STATE_UNAVAILABLE || item->state == PL_STATE_ABSENT;
}

static enum verdict judge_csu(const struct pl_stack *stack, const struct pl_item *csu)
{
  double vin;
  if (!is_down(csu))
    return csu->state == PL_STATE_ENABLED ? WELL : MEANT;
  if (is_told_off(stack, csu, "connector", "power-enable") || is_told_off(stack, csu, "hot-swap", "on"))
    return MEANT;
  return pl_item_value(stack, csu, "hot-swap", "vin", 0, &vin) && vin < BUS_MIN_V ? MEANT : FAILS;
}

static enum verdict judge_psu(const struct pl_stack *stack, const struct pl_item *psu)
{
  if (!is_down(psu))
    return psu->state == PL_STATE_ENABLED ? WELL : MEANT;
  return is_told_off(stack, psu, "supply", "on") ? MEANT : FAILS;
}

static enum verdict judge_pump(const struct pl_stack *stack, const struct pl_item *pump)
{
  (void)stack;
  if (pump->state == PL_STATE_ENABLED)
    return WELL;
  return pump->state == PL_STATE_UNAVAILABLE && pump->parent->state == PL_STATE_ENABLED ? FAILS : MEANT;
}

/* Whoever stopped the pumps: the CSUs are as hot without them. */
static enum verdict judge_loop(const struct pl_stack *stack, const struct pl_item *loop)
{
  enum verdict verdict = MEANT; /* not known */
  for (const struct pl_item *unit = pl_inventory_first(stack->inventory, PL_ITEM_PUMP_UNIT); unit; unit = pl_item_next(stack->inventory, unit)) {
    const struct pl_rig_limit *limit = pl_unit_limit(unit, "coolant", "flow");
    double flow, least = limit && limit->has_min ? (double)limit->min_u / (double)PL_U : stack->settings.flow_min_Lpm;
    if (!pl_part_says(unit, "loop", loop->id) || !pl_item_value(stack, unit, "coolant", "flow", stack->settings.stale_ns, &flow))
      continue;
    if (flow >= least)
      return WELL;
    verdict = flow < FLOW_SHARE * least ? FAILS : MEANT;
  }
  return verdict;
}

static enum verdict judge(const struct pl_stack *stack, const struct pl_item *item)
{
  switch (item->kind) {
  case PL_ITEM_CSU:
    return judge_csu(stack, item);
  case PL_ITEM_PSU:
    return judge_psu(stack, item);
  case PL_ITEM_PUMP:
    return judge_pump(stack, item);
  default:
    return judge_loop(stack, item);
  }
}

/* --- beginning --- */

static void begin(struct pl_watch *watch, struct pl_watched *watched, const struct pl_procedure_desc *desc, struct pl_item *item)
{
  struct pl_err err = {0};
  enum pl_status status = pl_procedure_begin(watch->all->stack, desc, item, "rackd", NULL, &err);
  if (pl_status_class(status) == PL_CLASS_RETRY || pl_status_class(status) == PL_CLASS_FATAL) /* another has it, or the store is full: later */
    watched->since = pl_clock_now(watch->all->stack->clock) + AGAIN - trigger_of(watched->item)->settle;
  else
    watched->begun = true;
}

/* All CSUs of its module that were up fail, and there are several: it is the module. */
static struct pl_item *whole_module(const struct pl_watch *watch, const struct pl_item *csu)
{
  size_t failing = 0;
  if (csu->kind != PL_ITEM_CSU || !csu->parent || csu->parent->kind != PL_ITEM_MODULE)
    return NULL;
  for (struct pl_item *each = csu->parent->first_child; each; each = each->next_sibling) {
    const struct pl_watched *watched = each->kind == PL_ITEM_CSU ? find(watch, each) : NULL;
    if (!watched || !watched->up)
      continue;
    if (!watched->since || pl_procedure_of(watch->all, each))
      return NULL;
    failing++;
  }
  return failing > 1 ? csu->parent : NULL;
}

static void begin_for(struct pl_watch *watch, struct pl_watched *watched)
{
  struct pl_item *module = whole_module(watch, watched->item);
  begin(watch, watched, module ? &pl_failover_module : trigger_of(watched->item)->desc, module ? module : watched->item);
  for (struct pl_item *each = module && watched->begun ? module->first_child : NULL; each; each = each->next_sibling) {
    struct pl_watched *other = each->kind == PL_ITEM_CSU ? find(watch, each) : NULL;
    if (other && other->up)
      other->begun = true;
  }
}

/* Whether the bus was seen since: a voltage from before it failed says nothing. False: asked for, look again. */
static bool bus_was_seen(const struct pl_watch *watch, const struct pl_watched *watched)
{
  const struct pl_sense *vin = watched->item->kind == PL_ITEM_CSU ? pl_item_sense(watched->item, "hot-swap", "vin") : NULL;
  if (!vin || !pl_reading_valid(&vin->reading) || vin->reading.at >= watched->since)
    return true;
  pl_item_refresh(watch->all->stack, watched->item);
  return pl_clock_now(watch->all->stack->clock) >= watched->since + trigger_of(watched->item)->mute;
}

/* --- watching --- */

static pl_time_ns due_of(const struct pl_watched *watched)
{
  const struct trigger *trigger = trigger_of(watched->item);
  return watched->since + (watched->item->state == PL_STATE_UNAVAILABLE ? trigger->mute : trigger->settle);
}

static void look(struct pl_watch *watch, struct pl_watched *watched)
{
  struct pl_stack *stack = watch->all->stack;
  enum verdict verdict = judge(stack, watched->item);
  bool owned = pl_procedure_of(watch->all, watched->item);
  if (verdict == WELL && !owned) {
    if (watched->begun)
      pl_item_blame(stack, watched->item, PL_HEALTH_OK, "");
    watched->up = true;
    watched->begun = false;
  }
  if (verdict == MEANT && watched->item->kind != PL_ITEM_LOOP)
    watched->up = false;
  if (verdict != FAILS || !watched->up || watched->begun || owned) {
    watched->since = 0;
    return;
  }
  if (!watched->since)
    watched->since = pl_clock_now(stack->clock);
  if (!watched->pending) {
    watched->pending = true;
    watched->next = watch->pending;
    watch->pending = watched;
  }
  if (!watch->timer.slot || watch->timer.at > due_of(watched))
    pl_clock_arm(stack->clock, &watch->timer, due_of(watched));
}

static void fire(void *ctx, pl_time_ns now)
{
  struct pl_watch *watch = ctx;
  struct pl_watched *list = watch->pending;
  if (watch->all->closing || watch->all->stack->dead)
    return;
  watch->pending = NULL;
  for (struct pl_watched *watched = list, *next; watched; watched = next) {
    next = watched->next;
    watched->pending = false;
    watched->next = NULL;
    look(watch, watched);
    if (!watched->since || watched->begun || now < due_of(watched))
      continue;
    if (!bus_was_seen(watch, watched)) {
      pl_clock_arm(watch->all->stack->clock, &watch->timer, now + LOOK_AGAIN);
      continue;
    }
    begin_for(watch, watched);
    look(watch, watched);
  }
}

static void look_at(struct pl_procedures *all, struct pl_item *item)
{
  struct pl_watched *watched = all->resumed ? find(all->watch, item) : NULL;
  if (watched)
    look(all->watch, watched);
}

void pl_triggers_state(struct pl_procedures *all, struct pl_item *item)
{
  look_at(all, item);
}

/* What a state does not say: the flow. */
void pl_triggers_reading(struct pl_procedures *all, struct pl_item *item)
{
  if (item->kind == PL_ITEM_PUMP_UNIT)
    for (struct pl_item *loop = pl_inventory_first(all->stack->inventory, PL_ITEM_LOOP); loop; loop = pl_item_next(all->stack->inventory, loop))
      look_at(all, loop);
}

/* Its failover was taken up after a restart: what that says of the unit is taken back once the unit is well, as if it had begun here. */
static bool was_begun(const struct pl_procedures *all, const struct pl_item *item)
{
  const struct pl_procedure *p = pl_procedure_of(all, item);
  return p && (p->desc == &pl_failover_module || (p->desc == trigger_of(item)->desc && p->item == item));
}

void pl_triggers_begin(struct pl_procedures *all)
{
  for (size_t i = 0; i < all->watch->count; i++) {
    all->watch->each[i].begun = was_begun(all, all->watch->each[i].item);
    look(all->watch, &all->watch->each[i]);
  }
}

enum pl_status pl_triggers_new(struct pl_procedures *all, struct pl_err *err)
{
  struct pl_inventory *inventory = all->stack->inventory;
  size_t count = pl_inventory_count(inventory);
  struct pl_watch *watch = calloc(1, sizeof *watch);
  struct pl_watched *each = calloc(count + 1, sizeof *each);
  if (!watch || !each) {
    free(watch);
    free(each);
    return pl_fail(err, PL_E_NOMEM, "procedures: out of memory");
  }
  *watch = (struct pl_watch){.all = all, .each = each, .timer = {.fire = fire, .ctx = watch}};
  for (size_t i = 0; i < count; i++)
    if (trigger_of(pl_inventory_at(inventory, i)))
      each[watch->count++].item = pl_inventory_at(inventory, i);
  qsort(each, watch->count, sizeof *each, by_item);
  all->watch = watch;
  return PL_OK;
}

void pl_triggers_free(struct pl_procedures *all)
{
  if (!all->watch)
    return;
  pl_clock_disarm(all->stack->clock, &all->watch->timer);
  free(all->watch->each);
  free(all->watch);
  all->watch = NULL;
}
