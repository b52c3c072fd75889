/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/leak.h"

#include "control/events/events.h"
#include "control/procedure/procedure.h"
#include "control/stack/stack.h"
#include "control/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN (500 * PL_MS)
#define PLACE "leak" /* in the store, by the detector's id: "ForceOff None 1 1" (critical, warning, delay, enabled) */

struct slot {
  struct pl_leaks *leaks;
  struct pl_item *item;
  struct pl_detector detector;
  struct pl_timer timer;
};

struct pl_leaks {
  struct pl_stack *stack;
  struct pl_item_listener listener;
  struct slot *slots;
  size_t count;
};

static const char *const STATES[] = {"OK", "Warning", "Critical", "Unavailable", "Absent"};
static const char *const REACTIONS[] = {"None", "ForceOff"};
#define N_REACTIONS (sizeof REACTIONS / sizeof *REACTIONS)

const char *pl_detector_state_name(enum pl_detector_state state)
{
  return STATES[state];
}

const char *pl_reaction_name(enum pl_reaction reaction)
{
  return REACTIONS[reaction];
}

static struct slot *slot_of(const struct pl_leaks *leaks, const struct pl_item *item)
{
  for (size_t i = 0; leaks && i < leaks->count; i++)
    if (leaks->slots[i].item == item)
      return &leaks->slots[i];
  return NULL;
}

const struct pl_detector *pl_detector(const struct pl_stack *stack, const struct pl_item *item)
{
  const struct slot *slot = slot_of(stack->leaks, item);
  return slot ? &slot->detector : NULL;
}

struct pl_item *pl_leak_scope(const struct pl_stack *stack, const struct pl_item *detector)
{
  const struct pl_rig_part *in = detector->part ? detector->part->in : NULL;
  struct pl_item *module = in ? pl_inventory_find(stack->inventory, PL_ITEM_MODULE, in->name) : NULL;
  return module ? module : pl_inventory_first(stack->inventory, PL_ITEM_RACK);
}

/* Wet, or was when its cable broke: what is not known to be over is not over. */
static bool is_leaking(const struct pl_detector *detector)
{
  return detector->state == PL_DETECTOR_CRITICAL || (detector->state == PL_DETECTOR_UNAVAILABLE && (detector->pending || detector->reacted));
}

enum pl_status pl_leak_forbids(const struct pl_stack *stack, const struct pl_item *csu, struct pl_err *err)
{
  for (size_t i = 0; stack->leaks && i < stack->leaks->count; i++) {
    const struct slot *slot = &stack->leaks->slots[i];
    const struct pl_item *scope = pl_leak_scope(stack, slot->item);
    if (is_leaking(&slot->detector) && (scope->kind == PL_ITEM_RACK || csu->parent == scope))
      return pl_fail(err, PL_E_BUSY, "%s gets no power while %s reports a leak; find it, dry the tray, then try again", csu->id, slot->item->id);
  }
  return PL_OK;
}

/* --- settings --- */

static void read_kept(struct slot *slot)
{
  char *text = NULL, critical[24], warning[24];
  struct pl_err ignored = {0};
  double delay;
  int enabled;
  struct pl_detector *d = &slot->detector;
  if (!pl_store_get(slot->leaks->stack->store, PLACE, slot->item->id, &text, &ignored) && text &&
      sscanf(text, "%23s %23s %lf %d", critical, warning, &delay, &enabled) == 4 && delay >= 0 && delay <= PL_DETECTOR_DELAY_MAX_S) {
    d->critical = strcmp(critical, REACTIONS[PL_REACTION_FORCE_OFF]) == 0 ? PL_REACTION_FORCE_OFF : PL_REACTION_NONE;
    d->warning = strcmp(warning, REACTIONS[PL_REACTION_FORCE_OFF]) == 0 ? PL_REACTION_FORCE_OFF : PL_REACTION_NONE;
    d->delay_s = delay;
    d->enabled = enabled != 0;
  }
  free(text);
}

static void look(struct slot *slot, pl_time_ns at);

enum pl_status pl_detector_set(struct pl_stack *stack, struct pl_item *item, const struct pl_detector *want, struct pl_err *err)
{
  struct slot *slot = slot_of(stack->leaks, item);
  if (!slot)
    return pl_fail(err, PL_E_USAGE, "%s is no leak detector", item->id);
  if (!(want->delay_s >= 0 && want->delay_s <= PL_DETECTOR_DELAY_MAX_S))
    return pl_fail(err, PL_E_RANGE, "ReactionDelaySeconds of %s: %g, expected 0 to %g", item->id, want->delay_s, PL_DETECTOR_DELAY_MAX_S);
  char text[96];
  snprintf(text, sizeof text, "%s %s %.17g %d", REACTIONS[want->critical], REACTIONS[want->warning], want->delay_s, want->enabled);
  enum pl_status status = pl_store_put(stack->store, PLACE, item->id, text, err);
  if (status)
    return status;
  struct pl_detector *d = &slot->detector;
  d->critical = want->critical;
  d->warning = want->warning;
  d->delay_s = want->delay_s;
  d->enabled = want->enabled;
  pl_item_touch(stack, item);
  look(slot, pl_clock_now(stack->clock));
  return PL_OK;
}

/* --- wet and dry --- */

static void react(void *ctx, pl_time_ns now)
{
  struct slot *slot = ctx;
  struct pl_stack *stack = slot->leaks->stack;
  slot->detector.pending = false;
  if (stack->dead || PL_LIES(stack, LEAK_NEVER))
    return;
  struct pl_procedure *p;
  struct pl_err err = {0};
  if (pl_procedure_begin(stack, &pl_leak_response, slot->item, "leak detector", &p, &err)) {
    slot->detector.pending = true; /* its last one is not over: again */
    pl_clock_arm(stack->clock, &slot->timer, now + AGAIN);
  } else {
    slot->detector.reacted = true;
  }
  pl_item_touch(stack, slot->item);
}

static pl_time_ns delay_of(const struct pl_stack *stack, const struct pl_detector *d)
{
  pl_time_ns delay = (pl_time_ns)(d->delay_s * (double)PL_S);
  if (PL_LIES(stack, LEAK_LATE))
    return 2 * delay + 2 * PL_S;
  if (PL_LIES(stack, LEAK_EARLY))
    return delay / 4;
  return delay;
}

static void becomes_wet(struct slot *slot, pl_time_ns at)
{
  struct pl_stack *stack = slot->leaks->stack;
  struct pl_detector *d = &slot->detector;
  if (d->critical != PL_REACTION_FORCE_OFF || d->pending || d->reacted)
    return;
  pl_time_ns now = pl_clock_now(stack->clock);
  d->pending = true;
  d->due = at + delay_of(stack, d);
  if (d->due > now)
    pl_clock_arm(stack->clock, &slot->timer, d->due);
  else
    react(slot, now); /* no detour by the loop: it is due */
}

static void becomes_dry(struct slot *slot)
{
  struct pl_stack *stack = slot->leaks->stack;
  if (slot->detector.pending && !PL_LIES(stack, LEAK_ANYWAY)) {
    pl_clock_disarm(stack->clock, &slot->timer);
    slot->detector.pending = false;
  }
  slot->detector.reacted = false;
}

static enum pl_detector_state state_now(const struct slot *slot, pl_time_ns *at)
{
  const struct pl_sense *wet = pl_item_sense(slot->item, "leak-sensor", "wet"), *cable = pl_item_sense(slot->item, "leak-sensor", "cable");
  if (PL_LIES(slot->leaks->stack, CABLE_DRY) && slot->detector.enabled && cable && cable->count && pl_reading_valid(&cable->reading) && !cable->reading.value_u)
    return PL_DETECTOR_OK; /* first: with its cable broken the sensor gives no reading of wet and dry */
  if (!slot->detector.enabled || !wet || !wet->count || !pl_reading_valid(&wet->reading))
    return PL_DETECTOR_UNAVAILABLE;
  if (cable && (!cable->count || !pl_reading_valid(&cable->reading) || !cable->reading.value_u))
    return PL_DETECTOR_UNAVAILABLE;
  *at = wet->reading.at;
  return wet->reading.value_u ? PL_DETECTOR_CRITICAL : PL_DETECTOR_OK;
}

/* Health follows from the same readings (control/inventory/health.c). */
static void tell(struct slot *slot, enum pl_detector_state before)
{
  struct pl_stack *stack = slot->leaks->stack;
  const char *args[] = {slot->item->id}, *id = NULL;
  if (slot->detector.state == PL_DETECTOR_CRITICAL)
    id = "LeakDetectedCritical";
  else if (slot->detector.state == PL_DETECTOR_UNAVAILABLE)
    id = slot->detector.enabled ? "LeakDetectorFailure" : NULL;
  else if (before != PL_DETECTOR_ABSENT) /* the first look is no news */
    id = before == PL_DETECTOR_UNAVAILABLE ? "LeakDetectorRestored" : "LeakDetectedNormal";
  if (id)
    pl_event_send(stack, "Environmental", id, slot->item, args);
}

static void look(struct slot *slot, pl_time_ns at)
{
  enum pl_detector_state before = slot->detector.state, state = state_now(slot, &at);
  if (state == before)
    return;
  slot->detector.state = state;
  slot->detector.since = at;
  if (state == PL_DETECTOR_CRITICAL)
    becomes_wet(slot, at);
  else if (state == PL_DETECTOR_OK || !slot->detector.enabled)
    becomes_dry(slot);
  tell(slot, before);
  pl_item_touch(slot->leaks->stack, slot->item);
}

static void on_reading(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct pl_leaks *leaks = ctx;
  struct slot *slot = item->kind == PL_ITEM_LEAK_DETECTOR ? slot_of(leaks, item) : NULL;
  if (!slot || leaks->stack->dead)
    return;
  const struct pl_sense *wet = pl_item_sense(item, "leak-sensor", "wet"), *cable = pl_item_sense(item, "leak-sensor", "cable");
  if (wet && wet->count && (!cable || cable->count)) /* both have been read: else a dry one would look broken for a moment */
    look(slot, sense->reading.at);
}

enum pl_status pl_leaks_new(struct pl_stack *stack, struct pl_leaks **out, struct pl_err *err)
{
  struct pl_leaks *leaks = calloc(1, sizeof *leaks);
  size_t count = 0;
  for (struct pl_item *item = pl_inventory_first(stack->inventory, PL_ITEM_LEAK_DETECTOR); item; item = pl_item_next(stack->inventory, item))
    count++;
  if (leaks)
    leaks->slots = calloc(count + 1, sizeof *leaks->slots);
  if (!leaks || !leaks->slots) {
    free(leaks);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the leak detectors");
  }
  leaks->stack = stack;
  for (struct pl_item *item = pl_inventory_first(stack->inventory, PL_ITEM_LEAK_DETECTOR); item; item = pl_item_next(stack->inventory, item)) {
    struct slot *slot = &leaks->slots[leaks->count++];
    *slot = (struct slot){.leaks = leaks, .item = item, .timer = {.fire = react, .ctx = slot},
                          .detector = {.critical = PL_REACTION_FORCE_OFF, .delay_s = (double)stack->settings.leak_delay_ns / (double)PL_S, .enabled = true,
                                       .state = PL_DETECTOR_ABSENT}};
    read_kept(slot);
  }
  leaks->listener = (struct pl_item_listener){.reading = on_reading, .ctx = leaks};
  pl_inventory_listen(stack->inventory, &leaks->listener);
  *out = leaks;
  return PL_OK;
}

void pl_leaks_free(struct pl_leaks *leaks)
{
  if (!leaks)
    return;
  for (size_t i = 0; i < leaks->count; i++)
    pl_clock_disarm(leaks->stack->clock, &leaks->slots[i].timer);
  free(leaks->slots);
  free(leaks);
}
