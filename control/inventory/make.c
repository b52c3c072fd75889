/* SPDX-License-Identifier: Apache-2.0 */
/* From a rig file to items: what stands where, and which devices speak for it. */
#include "control/inventory/within.h"

#include <stdlib.h>
#include <string.h>

#define PUMPS_MAX 4 /* pump-1-speed .. pump-4-speed (docs/vocabulary.md) */
#define ID_ROOM 64

const char *pl_item_kind_name(enum pl_item_kind kind)
{
#define PL_ITEM_NAME(name, word) [PL_ITEM_##name] = word,
  static const char *const NAMES[] = {PL_ITEM_KINDS(PL_ITEM_NAME)};
#undef PL_ITEM_NAME
  return NAMES[kind];
}

/* PL_ITEM_KIND_COUNT: nothing that Redfish shows as a unit. */
static enum pl_item_kind kind_of(const struct pl_rig_part *part)
{
  for (int kind = PL_ITEM_MODULE; kind < PL_ITEM_LEAK_DETECTOR; kind++)
    if (kind != PL_ITEM_PUMP && !strcmp(pl_item_kind_name((enum pl_item_kind)kind), part->kind))
      return (enum pl_item_kind)kind;
  return PL_ITEM_KIND_COUNT;
}

static bool is_ours(const struct pl_rig_device *device)
{
  return device->owner == PL_OWNER_STACK;
}

static bool is_detector(const struct pl_rig_device *device)
{
  return is_ours(device) && pl_same_word(device->role, "leak-sensor");
}

/* An agent is asked by the placement, for everything at once. */
static bool is_polled(const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  return (quantity->access & PL_GET) && strncmp(quantity->name, "peak-", 5) != 0 && !device->desc->agent;
}

/* --- pumps: a pump unit says how fast each turns --- */

static const struct pl_rig_device *unit_device(const struct pl_rig *rig, const struct pl_rig_part *part)
{
  const struct pl_rig_device *device = pl_rig_by_role(rig, part, "coolant");
  return device && is_ours(device) ? device : NULL;
}

static const struct pl_quantity *pump_speed(const struct pl_rig_device *device, unsigned ordinal)
{
  char name[24];
  snprintf(name, sizeof name, "pump-%u-speed", ordinal);
  return pl_shape_find(&device->shape, name);
}

static bool has_limit(const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  for (size_t i = 0; i < device->n_limits; i++)
    if (device->limits[i].quantity == quantity)
      return true;
  return false;
}

/* A register map has a row for as many pumps as a unit of that make can have; those that the rig gives limits are there. Without any: two. */
static unsigned count_pumps(const struct pl_rig *rig, const struct pl_rig_part *part)
{
  const struct pl_rig_device *device = unit_device(rig, part);
  unsigned limited = 0, known = 0;
  for (unsigned i = 1; device && i <= PUMPS_MAX; i++) {
    const struct pl_quantity *speed = pump_speed(device, i);
    known += speed != NULL;
    limited += speed && has_limit(device, speed);
  }
  return limited ? limited : known < 2 ? known : 2;
}

/* --- counting, then room --- */

static void count_items(const struct pl_rig *rig, size_t counts[PL_ITEM_KIND_COUNT])
{
  counts[PL_ITEM_RACK] = 1;
  for (size_t i = 0; i < rig->n_parts; i++) {
    enum pl_item_kind kind = kind_of(&rig->parts[i]);
    if (kind == PL_ITEM_KIND_COUNT)
      continue;
    counts[kind]++;
    counts[PL_ITEM_PUMP] += kind == PL_ITEM_PUMP_UNIT ? count_pumps(rig, &rig->parts[i]) : 0;
  }
  for (size_t i = 0; i < rig->n_devices; i++)
    counts[PL_ITEM_LEAK_DETECTOR] += is_detector(&rig->devices[i]);
}

static bool make_room(struct pl_inventory *inventory, const struct pl_rig *rig, const size_t counts[PL_ITEM_KIND_COUNT])
{
  size_t n_senses = 0, n_edges = 0;
  for (int kind = 0; kind < PL_ITEM_KIND_COUNT; kind++)
    inventory->first[kind + 1] = inventory->first[kind] + counts[kind];
  inventory->n_items = inventory->first[PL_ITEM_KIND_COUNT];
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *device = &rig->devices[i];
    inventory->n_asked += is_ours(device);
    for (size_t k = 0; is_ours(device) && k < device->shape.count; k++) {
      n_senses += is_polled(device, &device->shape.quantities[k]);
      n_edges += (device->shape.quantities[k].access & PL_EDGES) != 0;
    }
  }
  inventory->items = calloc(inventory->n_items, sizeof *inventory->items);
  inventory->derived = calloc(inventory->n_items, sizeof *inventory->derived);
  inventory->by_id = calloc(inventory->n_items, sizeof(struct pl_item *));
  inventory->ids = calloc(counts[PL_ITEM_PUMP] + 1, ID_ROOM);
  inventory->senses = calloc(n_senses + 1, sizeof *inventory->senses);
  inventory->edges = calloc(n_edges + 1, sizeof *inventory->edges);
  inventory->asked = calloc(inventory->n_asked + 1, sizeof *inventory->asked);
  inventory->of_device = calloc(rig->n_devices + 1, sizeof(struct pl_asked_device *));
  inventory->by_bus = calloc(inventory->n_asked + 1, sizeof(struct pl_asked_device *));
  inventory->buses = calloc(rig->n_buses + 1, sizeof *inventory->buses);
  return inventory->items && inventory->derived && inventory->by_id && inventory->ids && inventory->senses && inventory->edges && inventory->asked &&
         inventory->of_device && inventory->by_bus && inventory->buses;
}

/* --- items --- */

static struct pl_item *add(struct pl_inventory *inventory, size_t used[PL_ITEM_KIND_COUNT], enum pl_item_kind kind, const char *id,
                           const struct pl_rig_part *part)
{
  struct pl_item *item = &inventory->items[inventory->first[kind] + used[kind]++];
  *item = (struct pl_item){.id = id, .kind = kind, .part = part, .state = PL_STATE_UNAVAILABLE, .why = "it has not been read yet"};
  return item;
}

static void add_pumps(struct pl_inventory *inventory, size_t used[PL_ITEM_KIND_COUNT], const struct pl_rig *rig, struct pl_item *unit)
{
  const struct pl_rig_device *device = unit_device(rig, unit->part);
  unsigned wanted = count_pumps(rig, unit->part);
  bool any_limit = false;
  for (unsigned i = 1; device && i <= PUMPS_MAX; i++)
    any_limit |= pump_speed(device, i) && has_limit(device, pump_speed(device, i));
  for (unsigned i = 1, made = 0; made < wanted && i <= PUMPS_MAX; i++) {
    const struct pl_quantity *speed = pump_speed(device, i);
    if (!speed || (any_limit && !has_limit(device, speed)))
      continue;
    char *id = inventory->ids + ID_ROOM * used[PL_ITEM_PUMP];
    snprintf(id, ID_ROOM, "%s.pump-%u", unit->id, i);
    struct pl_item *pump = add(inventory, used, PL_ITEM_PUMP, id, NULL);
    pump->parent = unit;
    pump->ordinal = i;
    made++;
  }
}

static void add_items(struct pl_inventory *inventory, const struct pl_rig *rig)
{
  size_t used[PL_ITEM_KIND_COUNT] = {0};
  add(inventory, used, PL_ITEM_RACK, rig->name, NULL);
  for (size_t i = 0; i < rig->n_parts; i++) {
    enum pl_item_kind kind = kind_of(&rig->parts[i]);
    if (kind == PL_ITEM_KIND_COUNT)
      continue;
    struct pl_item *item = add(inventory, used, kind, rig->parts[i].name, &rig->parts[i]);
    if (kind == PL_ITEM_PUMP_UNIT)
      add_pumps(inventory, used, rig, item);
  }
  for (size_t i = 0; i < rig->n_devices; i++)
    if (is_detector(&rig->devices[i]))
      add(inventory, used, PL_ITEM_LEAK_DETECTOR, rig->devices[i].name, rig->devices[i].part);
}

/* --- who stands in whom --- */

static int by_id(const void *a, const void *b)
{
  const struct pl_item *const *x = a, *const *y = b;
  int order = strcmp((*x)->id, (*y)->id);
  return order ? order : (*x < *y ? -1 : 1);
}

static struct pl_item *module_of(const struct pl_inventory *inventory, const struct pl_item *item)
{
  for (const struct pl_rig_part *part = item->part ? item->part->in : NULL; part; part = part->in) {
    struct pl_item *module = pl_inventory_find(inventory, PL_ITEM_MODULE, part->name);
    if (module)
      return module;
  }
  return &inventory->items[0];
}

static void join(struct pl_inventory *inventory)
{
  for (size_t i = 1; i < inventory->n_items; i++)
    if (!inventory->items[i].parent)
      inventory->items[i].parent = module_of(inventory, &inventory->items[i]);
  for (size_t i = inventory->n_items; i-- > 1;) { /* from the last, so that the first stands in front */
    struct pl_item *item = &inventory->items[i], *parent = item->parent;
    item->next_sibling = parent->first_child;
    parent->first_child = item;
  }
  for (size_t i = 0; i < inventory->n_items; i++) {
    unsigned ordinals[PL_ITEM_KIND_COUNT] = {0};
    for (struct pl_item *child = inventory->items[i].first_child; child; child = child->next_sibling)
      if (child->kind != PL_ITEM_PUMP) /* its number is the unit's own */
        child->ordinal = ++ordinals[child->kind];
  }
  inventory->items[0].ordinal = 1;
}

/* --- devices --- */

static struct pl_item *item_of(const struct pl_inventory *inventory, const struct pl_rig_device *device)
{
  enum pl_item_kind kind = is_detector(device) ? PL_ITEM_LEAK_DETECTOR : device->part ? kind_of(device->part) : PL_ITEM_KIND_COUNT;
  return kind < PL_ITEM_KIND_COUNT ? pl_inventory_find(inventory, kind, is_detector(device) ? device->name : device->part->name) : NULL;
}

/* Whose identity is its unit's own: a hot-swap controller stands in the slot and says who it is itself. */
static bool tells_identity(const struct pl_item *item, const struct pl_rig_device *device)
{
  if (!device->desc->identify)
    return false;
  return item->kind == PL_ITEM_CSU ? pl_same_word(device->role, "identity") : item->n_devices == 0 || pl_same_word(device->role, "identity");
}

static size_t count_senses(const struct pl_rig_device *device)
{
  size_t count = 0;
  for (size_t i = 0; i < device->shape.count; i++)
    count += is_polled(device, &device->shape.quantities[i]);
  return count;
}

/* A bench's device has no item; nor has one of the stack's at a part that is no unit: nothing is known to do with it. */
static enum pl_status add_device(struct pl_inventory *inventory, const struct pl_rig *rig, size_t index, struct pl_err *err)
{
  const struct pl_rig_device *device = &rig->devices[index];
  struct pl_item *item = is_ours(device) ? item_of(inventory, device) : NULL;
  if (!item)
    return PL_OK;
  if (item->n_devices == PL_ITEM_DEVICES_MAX)
    return pl_fail(err, PL_E_USAGE, "%s:%d: '%s' is the stack's device number %d at '%s', expected at most %d", rig->path, device->line, device->name,
                   PL_ITEM_DEVICES_MAX + 1, item->id, PL_ITEM_DEVICES_MAX);
  struct pl_asked_device *asked = &inventory->asked[inventory->n_asked++];
  *asked = (struct pl_asked_device){
      .rig = device,
      .item = item,
      .device = pl_bench_device(inventory->stack->bench, device->name),
      .n_senses = count_senses(device),
      .tells_identity = tells_identity(item, device),
      .wants_power = item->kind == PL_ITEM_CSU && !pl_same_word(device->role, "connector") && !pl_same_word(device->role, "hot-swap"),
  };
  inventory->of_device[index] = asked;
  item->devices[item->n_devices++] = device;
  item->n_senses += asked->n_senses;
  return PL_OK;
}

static void fill_senses(struct pl_asked_device *asked)
{
  struct pl_sense *sense = asked->senses;
  for (size_t i = 0; i < asked->rig->shape.count; i++) {
    const struct pl_quantity *quantity = &asked->rig->shape.quantities[i];
    if (!is_polled(asked->rig, quantity))
      continue;
    *sense = (struct pl_sense){.device = asked->rig, .quantity = quantity, .reading = {.dim = quantity->dim, .status = PL_E_BUSY}};
    if (quantity->access & PL_EDGES)
      asked->edges[asked->n_edges++].sense = sense;
    sense++;
  }
}

/* An item's senses stand together, in the order of its devices. */
static enum pl_status add_devices(struct pl_inventory *inventory, const struct pl_rig *rig, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  inventory->n_asked = 0;
  for (size_t i = 0; i < rig->n_devices && !status; i++)
    status = add_device(inventory, rig, i, err);
  if (status)
    return status;
  struct pl_sense *senses = inventory->senses;
  struct pl_watched_edges *edges = inventory->edges;
  for (size_t i = 0; i < inventory->n_items; i++) {
    struct pl_item *item = &inventory->items[i];
    item->senses = item->n_senses ? senses : NULL;
    for (size_t k = 0; k < item->n_devices; k++) {
      struct pl_asked_device *asked = pl_inventory_asked(inventory, item->devices[k]);
      asked->senses = senses;
      asked->edges = edges;
      fill_senses(asked);
      senses += asked->n_senses;
      edges += asked->n_edges;
    }
  }
  return PL_OK;
}

/* --- buses --- */

static enum pl_status add_buses(struct pl_inventory *inventory, const struct pl_rig *rig, struct pl_err *err)
{
  size_t used = 0;
  for (size_t b = 0; b < rig->n_buses; b++) {
    struct pl_poll_bus *bus = &inventory->buses[inventory->n_buses];
    *bus = (struct pl_poll_bus){.inventory = inventory, .bus = pl_bench_bus(inventory->stack->bench, rig->buses[b].name), .devices = &inventory->by_bus[used]};
    for (size_t i = 0; i < inventory->n_asked; i++) {
      struct pl_asked_device *asked = &inventory->asked[i];
      if (asked->rig->bus != &rig->buses[b])
        continue;
      asked->bus = bus;
      inventory->by_bus[used++] = asked;
      bus->n_devices++;
    }
    if (!bus->n_devices)
      continue;
    if (!(bus->call = calloc(1, sizeof *bus->call)))
      return pl_fail(err, PL_E_NOMEM, "out of memory for asking %s", rig->buses[b].name);
    inventory->n_buses++;
  }
  inventory->first_rounds_left = inventory->n_asked;
  return PL_OK;
}

/* Nothing of the stack's speaks for it: as far as anybody can tell it is there and does what it does. */
static void settle_silent(struct pl_inventory *inventory)
{
  for (size_t i = 0; i < inventory->n_items; i++) {
    struct pl_item *item = &inventory->items[i];
    if (item->n_devices || item->kind == PL_ITEM_PUMP)
      continue;
    item->state = PL_STATE_ENABLED;
    item->why[0] = '\0';
  }
}

enum pl_status pl_inventory_make(struct pl_inventory *inventory, struct pl_err *err)
{
  const struct pl_rig *rig = inventory->stack->rig;
  size_t counts[PL_ITEM_KIND_COUNT] = {0};
  count_items(rig, counts);
  if (!make_room(inventory, rig, counts))
    return pl_fail(err, PL_E_NOMEM, "out of memory for an inventory of %zu units", inventory->n_items);
  add_items(inventory, rig);
  for (size_t i = 0; i < inventory->n_items; i++)
    inventory->by_id[i] = &inventory->items[i];
  qsort(inventory->by_id, inventory->n_items, sizeof(struct pl_item *), by_id);
  join(inventory);
  enum pl_status status = add_devices(inventory, rig, err);
  if (!status)
    status = add_buses(inventory, rig, err);
  if (!status)
    settle_silent(inventory);
  return status;
}
