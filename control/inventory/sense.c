/* SPDX-License-Identifier: Apache-2.0 */
/* Asking: a round per device and period, one question at a time on each bus; edges of lines where the adapter has them. */
#include "control/inventory/within.h"

#include <stdlib.h>
#include <string.h>

#define IDENTITY_EVERY 10 /* rounds between two tries of an identity that could not be had */
#define MUTE_AFTER 2      /* questions in a row without any answer: the rest of the round would only cost the bus its time */

struct pl_asked_device *pl_inventory_asked(const struct pl_inventory *inventory, const struct pl_rig_device *device)
{
  return device ? inventory->of_device[device - inventory->stack->rig->devices] : NULL;
}

static pl_time_ns now_of(const struct pl_inventory *inventory)
{
  return pl_clock_now(inventory->stack->clock);
}

/* --- a reading --- */

static bool is_same(const struct pl_reading *a, const struct pl_reading *b)
{
  return a->status == b->status && (a->status != PL_OK || a->value_u == b->value_u);
}

void pl_inventory_take(struct pl_inventory *inventory, struct pl_asked_device *asked, struct pl_sense *sense, const struct pl_reading *reading)
{
  struct pl_stack *stack = inventory->stack;
  struct pl_reading taken = *reading, before = sense->reading;
  if (sense->count && taken.at < before.at) /* a poll that was under way when an edge came tells what was before it */
    return;
  if (PL_LIES(stack, STALE_TEMPERATURE) && taken.dim == PL_DIM_TEMPERATURE && sense->count && pl_reading_valid(&before))
    taken.value_u = before.value_u, taken.status = PL_OK;
  sense->reading = taken;
  sense->count++;
  if (!is_same(&taken, &before) || sense->count == 1)
    pl_item_touch(stack, asked->item);
  for (struct pl_item_listener *l = inventory->listeners, *next; l; l = next) {
    next = l->next;
    if (l->reading)
      l->reading(l->ctx, asked->item, sense);
  }
}

static void take_none(struct pl_inventory *inventory, struct pl_asked_device *asked, size_t from, enum pl_status status)
{
  for (size_t i = from; i < asked->n_senses; i++) {
    const struct pl_reading none = {.dim = asked->senses[i].quantity->dim, .status = status, .at = now_of(inventory)};
    if (asked->senses[i].reading.status != PL_E_UNSUPPORTED)
      pl_inventory_take(inventory, asked, &asked->senses[i], &none);
  }
}

/* --- a round --- */

static void next_question(struct pl_poll_bus *bus);

/* Before those whose period is over, but not before one that has waited for a whole period beyond it, nor before who was asked for earlier: nobody starves. */
static pl_time_ns due_first(const struct pl_inventory *inventory)
{
  return now_of(inventory) - inventory->stack->settings.poll_ns;
}

static void end_round(struct pl_poll_bus *bus, struct pl_asked_device *asked)
{
  struct pl_inventory *inventory = bus->inventory;
  asked->mute = asked->asked && asked->failed == asked->asked;
  asked->due = asked->again ? due_first(inventory) : now_of(inventory) + inventory->stack->settings.poll_ns;
  asked->again = false;
  bool first = !asked->rounds++ && !--inventory->first_rounds_left;
  bus->asking = NULL;
  pl_inventory_derive(inventory->stack, asked->item);
  pl_inventory_judge(inventory->stack, asked->item);
  pl_inventory_clear_latched(inventory->stack, asked);
  if (first && inventory->first_round)
    inventory->first_round(inventory->first_round_ctx);
}

/* Whether nobody answered, as opposed to an answer that says no. */
static bool is_silence(enum pl_status status)
{
  enum pl_class class = pl_status_class(status);
  return class == PL_CLASS_RETRY || class == PL_CLASS_FATAL;
}

static void take_failure(struct pl_asked_device *asked, const struct pl_job *job)
{
  asked->failed++;
  snprintf(asked->why, sizeof asked->why, "%.*s", (int)sizeof asked->why - 1, job->err.text);
}

/* What a device says of itself that is wrong, in its own words. A fault is worse than a warning (PMBus part II, section 10, has both). */
static void take_faults(struct pl_asked_device *asked, const struct pl_faults *faults)
{
  enum pl_health worst = PL_HEALTH_OK;
  size_t used = 0;
  asked->fault_names[0] = '\0';
  for (size_t i = 0; i < faults->count; i++) {
    const char *name = faults->names[i];
    enum pl_health health = strstr(name, "fault") || !strcmp(name, "leak") ? PL_HEALTH_CRITICAL : PL_HEALTH_WARNING;
    worst = health > worst ? health : worst;
    if (used < sizeof asked->fault_names)
      used += (size_t)snprintf(asked->fault_names + used, sizeof asked->fault_names - used, "%s%.*s", used ? ", " : "", PL_FAULT_NAME_MAX, name);
  }
  asked->faults = worst;
}

/* A device that stands in a unit that is not there: its answers would be nobody's. */
static bool is_out(const struct pl_asked_device *asked)
{
  return !asked->device || (asked->wants_power && asked->item->state == PL_STATE_ABSENT);
}

static void take_answer(struct pl_poll_bus *bus, struct pl_asked_device *asked)
{
  struct pl_inventory *inventory = bus->inventory;
  const struct pl_call *call = bus->call;
  enum pl_status status = call->job.status;
  asked->asked += status != PL_E_UNSUPPORTED;
  if (status && status != PL_E_UNSUPPORTED && (call->kind != PL_CALL_GET || is_silence(status)))
    take_failure(asked, &call->job);
  if (call->kind == PL_CALL_FAULTS && !status) {
    take_faults(asked, &call->faults);
  } else if (call->kind == PL_CALL_IDENTIFY) {
    asked->identity_round = asked->rounds + IDENTITY_EVERY;
    if (!status && !is_out(asked)) { /* else it was pulled while it spoke */
      asked->item->identity = call->identity;
      asked->item->identified = true;
      asked->item->identified_at = now_of(inventory);
      asked->identify = false;
      pl_item_touch(inventory->stack, asked->item);
    }
  } else if (call->kind == PL_CALL_GET) {
    pl_inventory_take(inventory, asked, &asked->senses[asked->at], &call->reading);
    if (asked->n_edges) /* lines: what hangs on them does not wait for the rest of the round */
      pl_inventory_derive(inventory->stack, asked->item);
  }
  asked->at++;
  if (asked->failed == asked->asked && asked->asked >= MUTE_AFTER && asked->at < asked->n_senses) {
    take_none(inventory, asked, asked->at, status);
    asked->at = SIZE_MAX;
  }
}

static void on_answer(struct pl_call *call)
{
  struct pl_poll_bus *bus = call->ctx;
  struct pl_inventory *inventory = bus->inventory;
  bus->under_way = false;
  inventory->in_flight--;
  if (inventory->closed) {
    pl_inventory_release(inventory);
    return;
  }
  if (inventory->stack->dead)
    return;
  take_answer(bus, bus->asking);
  next_question(bus);
}

/* Fills in what is to be asked next in the device's round; false: it is over. */
static bool choose(struct pl_asked_device *asked, struct pl_call *call)
{
  const struct pl_device_desc *desc = asked->rig->desc;
  while (asked->at < asked->n_senses && asked->senses[asked->at].reading.status == PL_E_UNSUPPORTED) /* the rig wires no such line */
    asked->at++;
  *call = (struct pl_call){.device = asked->device, .done = on_answer};
  if (asked->at < asked->n_senses) {
    call->kind = PL_CALL_GET;
    call->quantity = asked->senses[asked->at].quantity;
    return true;
  }
  if (asked->at == asked->n_senses && desc->faults) {
    call->kind = PL_CALL_FAULTS;
    return true;
  }
  if (asked->at <= asked->n_senses + 1 && asked->tells_identity && (!asked->item->identified || asked->identify) && asked->rounds >= asked->identity_round) {
    asked->at = asked->n_senses + 1;
    call->kind = PL_CALL_IDENTIFY;
    return true;
  }
  return false;
}

static void begin_round(struct pl_poll_bus *bus, struct pl_asked_device *asked)
{
  bus->asking = asked;
  asked->at = 0;
  asked->asked = asked->failed = 0;
  if (!is_out(asked))
    return;
  take_none(bus->inventory, asked, 0, PL_E_GONE);
  asked->at = SIZE_MAX;
  asked->fault_names[0] = '\0';
  asked->faults = PL_HEALTH_OK;
  if (!asked->device) {
    asked->asked = asked->failed = 1;
    snprintf(asked->why, sizeof asked->why, "%s is not open", asked->rig->name);
  }
}

static struct pl_asked_device *first_due(const struct pl_poll_bus *bus)
{
  struct pl_asked_device *first = bus->devices[0];
  for (size_t i = 1; i < bus->n_devices; i++)
    if (bus->devices[i]->due < first->due)
      first = bus->devices[i];
  return first;
}

static void next_question(struct pl_poll_bus *bus)
{
  struct pl_inventory *inventory = bus->inventory;
  while (!bus->under_way && inventory->running && !inventory->stack->dead) {
    struct pl_asked_device *asked = bus->asking ? bus->asking : first_due(bus);
    if (!bus->asking && asked->due > now_of(inventory)) {
      pl_clock_arm(inventory->stack->clock, &bus->timer, asked->due);
      return;
    }
    if (!bus->asking)
      begin_round(bus, asked);
    if (choose(asked, bus->call)) {
      bus->call->ctx = bus;
      bus->under_way = true;
      inventory->in_flight++;
      pl_call_submit(bus->call);
      return;
    }
    end_round(bus, asked);
  }
}

static void on_time(void *ctx, pl_time_ns now)
{
  (void)now;
  next_question(ctx);
}

void pl_inventory_ask_at(struct pl_inventory *inventory, struct pl_asked_device *asked, pl_time_ns at)
{
  struct pl_poll_bus *bus = asked->bus;
  if (bus->asking == asked || asked->due <= at)
    return;
  asked->due = at;
  if (!bus->under_way && !bus->asking && inventory->running)
    next_question(bus);
}

void pl_item_refresh(struct pl_stack *stack, struct pl_item *item)
{
  const struct pl_item *of = item->kind == PL_ITEM_PUMP ? item->parent : item;
  for (size_t i = 0; i < of->n_devices; i++) {
    struct pl_asked_device *asked = pl_inventory_asked(stack->inventory, of->devices[i]);
    if (asked->bus->asking == asked)
      asked->again = true;
    else if (asked->due > due_first(stack->inventory))
      asked->due = due_first(stack->inventory);
    if (!asked->bus->under_way && !asked->bus->asking && stack->inventory->running)
      pl_clock_arm(stack->clock, &asked->bus->timer, pl_clock_now(stack->clock));
  }
}

bool pl_item_identify(struct pl_stack *stack, struct pl_item *item)
{
  bool any = false;
  for (size_t i = 0; i < item->n_devices; i++) {
    struct pl_asked_device *asked = pl_inventory_asked(stack->inventory, item->devices[i]);
    if (!asked->tells_identity)
      continue;
    asked->identify = any = true;
    asked->identity_round = 0;
  }
  pl_item_refresh(stack, item);
  return any;
}

/* --- edges --- */

static void take_edge(struct pl_inventory *inventory, struct pl_asked_device *asked, struct pl_sense *sense, bool on, pl_time_ns at)
{
  const struct pl_reading reading = {.value_u = on ? PL_U : 0, .dim = PL_DIM_FLAG, .status = PL_OK, .at = at};
  const struct pl_reading none = {.dim = PL_DIM_FLAG, .status = PL_E_NAN, .at = at};
  struct pl_sense *wet = !on && pl_same_word(sense->quantity->name, "cable") ? pl_item_sense(asked->item, NULL, "wet") : NULL;
  pl_inventory_take(inventory, asked, sense, &reading);
  if (wet) /* a broken cable senses nothing */
    pl_inventory_take(inventory, asked, wet, &none);
  pl_inventory_derive(inventory->stack, asked->item);
}

/* What a leak line says while its cable is broken is nothing: such a line is asked, not believed. */
static bool is_plain(const struct pl_asked_device *asked, const struct pl_sense *sense)
{
  const struct pl_sense *cable = pl_item_sense(asked->item, NULL, "cable");
  return !cable || cable == sense || (cable->count && pl_reading_valid(&cable->reading) && cable->reading.value_u);
}

static bool take_edges(struct pl_inventory *inventory, struct pl_asked_device *asked, struct pl_watched_edges *watched)
{
  struct pl_gpio_edges seen;
  struct pl_err ignored = {0};
  if (pl_device_edges(asked->device, watched->sense->quantity, &seen, &ignored) || seen.sampled)
    return false;
  bool up = seen.rising != watched->rising, down = seen.falling != watched->falling, plain = is_plain(asked, watched->sense);
  watched->rising = seen.rising;
  watched->falling = seen.falling;
  if (plain && up && down && seen.last_rising > seen.last_falling)
    take_edge(inventory, asked, watched->sense, false, seen.last_falling);
  if (plain && up)
    take_edge(inventory, asked, watched->sense, true, seen.last_rising);
  if (plain && down && !(up && seen.last_rising > seen.last_falling))
    take_edge(inventory, asked, watched->sense, false, seen.last_falling);
  return up || down;
}

static void on_edges(void *ctx)
{
  struct pl_poll_bus *bus = ctx;
  struct pl_inventory *inventory = bus->inventory;
  for (size_t i = 0; i < bus->n_devices && inventory->running && !inventory->stack->dead; i++) {
    struct pl_asked_device *asked = bus->devices[i];
    bool any = false;
    for (size_t k = 0; k < asked->n_edges && asked->device && inventory->running; k++)
      any |= take_edges(inventory, asked, &asked->edges[k]);
    if (any && inventory->running) {
      pl_inventory_judge(inventory->stack, asked->item);
      pl_item_refresh(inventory->stack, asked->item);
    }
  }
}

/* --- starting and ending --- */

enum pl_status pl_inventory_start(struct pl_inventory *inventory, struct pl_err *err)
{
  if (!inventory->n_asked)
    return pl_fail(err, PL_E_USAGE, "%s gives the stack nothing to look after, expected devices of `owner: stack`", inventory->stack->rig->path);
  inventory->running = true;
  inventory->started = now_of(inventory);
  for (size_t i = 0; i < inventory->n_buses; i++) {
    struct pl_poll_bus *bus = &inventory->buses[i];
    bus->timer = (struct pl_timer){.fire = on_time, .ctx = bus};
    bool lines = bus->bus && pl_bus_kind(bus->bus) == PL_BUS_GPIO;
    for (size_t d = 0; d < bus->n_devices && lines; d++)
      for (size_t k = 0; k < bus->devices[d]->n_edges && bus->devices[d]->device; k++) { /* from here on */
        struct pl_watched_edges *watched = &bus->devices[d]->edges[k];
        struct pl_gpio_edges seen = {0};
        struct pl_err ignored = {0};
        (void)pl_device_edges(bus->devices[d]->device, watched->sense->quantity, &seen, &ignored);
        watched->rising = seen.rising;
        watched->falling = seen.falling;
      }
    if (lines)
      pl_gpio_watch(bus->bus, on_edges, bus);
    bus->watched = lines;
    pl_clock_arm(inventory->stack->clock, &bus->timer, now_of(inventory));
  }
  return PL_OK;
}

void pl_inventory_halt(struct pl_inventory *inventory)
{
  if (inventory->halted)
    return;
  struct pl_clock *clock = inventory->stack->clock;
  inventory->running = false;
  inventory->halted = true;
  for (size_t i = 0; i < inventory->n_buses; i++) {
    pl_clock_disarm(clock, &inventory->buses[i].timer);
    if (inventory->buses[i].watched)
      pl_gpio_watch(inventory->buses[i].bus, NULL, NULL);
  }
  for (struct pl_flight *flight = inventory->flights, *next; flight; flight = next) {
    next = flight->next;
    flight->command = NULL;
    if (flight->timer.slot) { /* it needs no bus: nothing will come for it */
      pl_clock_disarm(clock, &flight->timer);
      free(flight);
    }
  }
  inventory->flights = NULL;
}
