/* SPDX-License-Identifier: Apache-2.0 */
#include "control/inventory/within.h"

#include <stdlib.h>
#include <string.h>

#define POWER_V 5.0 /* more than this behind the hot-swap path is power (SELV aside: what a hand may find in an empty slot) */

/* --- the inventory --- */

enum pl_status pl_inventory_new(struct pl_stack *stack, struct pl_inventory **out, struct pl_err *err)
{
  struct pl_inventory *inventory = calloc(1, sizeof *inventory);
  if (!inventory)
    return pl_fail(err, PL_E_NOMEM, "out of memory for an inventory");
  inventory->stack = stack;
  inventory->last_listener = &inventory->listeners;
  enum pl_status status = pl_inventory_make(inventory, err);
  if (status) {
    pl_inventory_free(inventory);
    return status;
  }
  *out = inventory;
  return PL_OK;
}

void pl_inventory_free(struct pl_inventory *inventory)
{
  if (!inventory)
    return;
  pl_inventory_halt(inventory);
  inventory->stack = NULL;
  inventory->closed = true;
  pl_inventory_release(inventory);
}

void pl_inventory_release(struct pl_inventory *inventory)
{
  if (!inventory->closed || inventory->in_flight)
    return;
  for (size_t i = 0; i < inventory->n_buses; i++)
    free(inventory->buses[i].call);
  free(inventory->buses);
  free(inventory->by_bus);
  free(inventory->of_device);
  free(inventory->asked);
  free(inventory->edges);
  free(inventory->senses);
  free(inventory->ids);
  free(inventory->by_id);
  free(inventory->derived);
  free(inventory->items);
  free(inventory);
}

/* --- finding --- */

size_t pl_inventory_count(const struct pl_inventory *inventory)
{
  return inventory->n_items;
}

struct pl_item *pl_inventory_at(const struct pl_inventory *inventory, size_t index)
{
  return index < inventory->n_items ? &inventory->items[index] : NULL;
}

/* The first of that id in the index, or NULL. */
static struct pl_item *const *first_of(const struct pl_inventory *inventory, const char *id)
{
  size_t low = 0, high = inventory->n_items;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (strcmp(inventory->by_id[mid]->id, id) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low < inventory->n_items && !strcmp(inventory->by_id[low]->id, id) ? &inventory->by_id[low] : NULL;
}

struct pl_item *pl_inventory_any(const struct pl_inventory *inventory, const char *id)
{
  struct pl_item *const *at = first_of(inventory, id);
  return at ? *at : NULL;
}

struct pl_item *pl_inventory_find(const struct pl_inventory *inventory, enum pl_item_kind kind, const char *id)
{
  struct pl_item *const *at = first_of(inventory, id), *const *end = inventory->by_id + inventory->n_items;
  for (; at && at < end && !strcmp((*at)->id, id); at++)
    if ((*at)->kind == kind)
      return *at;
  return NULL;
}

struct pl_item *pl_inventory_first(const struct pl_inventory *inventory, enum pl_item_kind kind)
{
  return inventory->first[kind] < inventory->first[kind + 1] ? &inventory->items[inventory->first[kind]] : NULL;
}

struct pl_item *pl_item_next(const struct pl_inventory *inventory, const struct pl_item *item)
{
  size_t index = (size_t)(item - inventory->items) + 1;
  return index < inventory->first[item->kind + 1] ? &inventory->items[index] : NULL;
}

uint64_t pl_inventory_version(const struct pl_inventory *inventory)
{
  return inventory->version;
}

const uint64_t *pl_inventory_version_at(const struct pl_inventory *inventory)
{
  return &inventory->version;
}

void pl_inventory_on_first_round(struct pl_inventory *inventory, void (*fn)(void *ctx), void *ctx)
{
  inventory->first_round = fn;
  inventory->first_round_ctx = ctx;
}

bool pl_inventory_first_round_over(const struct pl_inventory *inventory)
{
  return !inventory->first_rounds_left;
}

bool pl_item_is_coming(const struct pl_stack *stack, const struct pl_item *item)
{
  bool unseen = item->state == PL_STATE_UNAVAILABLE && item->since <= stack->inventory->started;
  return item->state == PL_STATE_IN_TEST || item->state == PL_STATE_STARTING ||
         (unseen && pl_clock_now(stack->clock) - stack->inventory->started < stack->settings.test_ns);
}

/* --- what a unit measures --- */

struct pl_sense *pl_item_sense(const struct pl_item *item, const char *role, const char *quantity)
{
  char name[24];
  if (item->kind == PL_ITEM_PUMP && pl_same_word(quantity, "speed")) {
    snprintf(name, sizeof name, "pump-%u-speed", item->ordinal);
    return pl_item_sense(item->parent, role, name);
  }
  for (size_t i = 0; i < item->n_senses; i++) {
    struct pl_sense *sense = &item->senses[i];
    if ((!role || pl_same_word(sense->device->role, role)) && pl_same_word(sense->quantity->name, quantity))
      return sense;
  }
  return NULL;
}

bool pl_item_value(const struct pl_stack *stack, const struct pl_item *item, const char *role, const char *quantity, pl_time_ns max_age, double *value)
{
  const struct pl_sense *sense = pl_item_sense(item, role, quantity);
  if (!sense || !sense->count || !pl_reading_valid(&sense->reading))
    return false;
  if (max_age && pl_clock_now(stack->clock) - sense->reading.at > max_age)
    return false;
  *value = (double)sense->reading.value_u / (double)PL_U;
  return true;
}

const struct pl_rig_device *pl_item_device(const struct pl_item *item, const char *role)
{
  for (size_t i = 0; i < item->n_devices; i++)
    if (pl_same_word(item->devices[i]->role, role))
      return item->devices[i];
  return NULL;
}

static bool is_on(const struct pl_item *item, const char *role, const char *quantity)
{
  const struct pl_sense *sense = pl_item_sense(item, role, quantity);
  return sense && sense->count && pl_reading_valid(&sense->reading) && sense->reading.value_u;
}

bool pl_item_is_present(const struct pl_item *item)
{
  if (pl_item_sense(item, "connector", "present"))
    return item->state != PL_STATE_ABSENT && is_on(item, "connector", "present");
  for (size_t i = 0; i < item->n_senses; i++)
    if (item->senses[i].count && pl_reading_valid(&item->senses[i].reading))
      return true;
  return !item->n_devices && item->state != PL_STATE_ABSENT;
}

bool pl_item_has_power(const struct pl_item *item)
{
  const struct pl_sense *vout = pl_item_sense(item, "hot-swap", "vout");
  return is_on(item, NULL, "power-good") ||
         (vout && vout->count && pl_reading_valid(&vout->reading) && vout->reading.value_u > (int64_t)(POWER_V * (double)PL_U));
}

/* --- changes --- */

void pl_item_touch(struct pl_stack *stack, struct pl_item *item)
{
  __atomic_fetch_add(&item->version, 1, __ATOMIC_RELEASE); /* the gate's threads look at them */
  __atomic_fetch_add(&stack->inventory->version, 1, __ATOMIC_RELEASE);
}

static void show_why(struct pl_stack *stack, struct pl_item *item, const char *why)
{
  if (!strcmp(item->why, why))
    return;
  snprintf(item->why, sizeof item->why, "%.*s", (int)sizeof item->why - 1, why);
  pl_item_touch(stack, item);
}

/* Of a state; what is wrong with its health is told first. */
static void explain(struct pl_stack *stack, struct pl_item *item, const char *why)
{
  struct pl_derived *derived = pl_derived_of(stack->inventory, item);
  snprintf(derived->state_why, sizeof derived->state_why, "%.*s", (int)sizeof derived->state_why - 1, why);
  if (item->health == PL_HEALTH_OK || item->state == PL_STATE_UNAVAILABLE)
    show_why(stack, item, derived->state_why);
}

void pl_item_happens(struct pl_stack *stack, struct pl_item *item, enum pl_happening what, const char *why)
{
  enum pl_state before = item->state, after = pl_state_after(before, what);
  if (after == before) {
    if (why && before == PL_STATE_UNAVAILABLE && (what == PL_HAPPENS_MUTE || what == PL_HAPPENS_TEST_FAILED))
      explain(stack, item, why);
    return;
  }
  item->state = after;
  item->since = pl_clock_now(stack->clock);
  explain(stack, item, why && after != PL_STATE_ENABLED ? why : "");
  if (after == PL_STATE_ABSENT) {
    item->identity = (struct pl_identity){0};
    item->identified = item->ready_to_remove = false;
  }
  pl_item_touch(stack, item);
  for (struct pl_item_listener *l = stack->inventory->listeners, *next; l; l = next) {
    next = l->next;
    if (l->state)
      l->state(l->ctx, item, before);
  }
}

void pl_item_set_health(struct pl_stack *stack, struct pl_item *item, enum pl_health health, const char *why)
{
  enum pl_health before = item->health;
  show_why(stack, item, health == PL_HEALTH_OK ? pl_derived_of(stack->inventory, item)->state_why : why ? why : "");
  if (health == before)
    return;
  item->health = health;
  pl_item_touch(stack, item);
  for (struct pl_item_listener *l = stack->inventory->listeners, *next; l; l = next) {
    next = l->next;
    if (l->health)
      l->health(l->ctx, item, before);
  }
}

void pl_inventory_listen(struct pl_inventory *inventory, struct pl_item_listener *listener)
{
  listener->next = NULL;
  *inventory->last_listener = listener;
  inventory->last_listener = &listener->next;
}

static const char *word_at(const struct pl_node *node, const char *key)
{
  const struct pl_node *found = node ? pl_node_get(node, key) : NULL;
  return found && found->kind == PL_NODE_SCALAR ? found->text : NULL;
}

const char *pl_part_word(const struct pl_item *item, const char *key)
{
  return item->part ? word_at(item->part->node, key) : NULL;
}

double pl_part_value(const struct pl_item *item, const char *key, enum pl_dim dim, double fallback)
{
  const char *word = pl_part_word(item, key);
  int64_t value_u;
  if (!word && item->part)
    word = word_at(item->part->model_node, key);
  return word && !pl_quantity_parse(word, dim, NULL, &value_u, NULL) ? (double)value_u / (double)PL_U : fallback;
}
