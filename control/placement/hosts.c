/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's nodes are what the inventory says of the units that have an agent. */
#include "control/placement/placement_in.h"

#include "control/procedure/leak.h"
#include "control/procedure/unit.h"

#include <math.h>

#define MIB (1024.0 * 1024.0)
#define HEAT_STEP 0.05       /* what changes less is no change to the pool */
#define IDLE_W 80.0          /* of a part that does not say (the world's fallbacks, too) */
#define FULL_W 600.0

struct pl_host *pl_host_find(const struct pl_placement *all, const char *id)
{
  for (size_t i = 0; i < all->n_hosts; i++)
    if (!strcmp(all->hosts[i].item->id, id))
      return &all->hosts[i];
  return NULL;
}

struct pl_host *pl_host_of(const struct pl_placement *all, const struct pl_item *item)
{
  for (size_t i = 0; i < all->n_hosts; i++)
    if (all->hosts[i].item == item)
      return &all->hosts[i];
  return NULL;
}

bool pl_host_answers(const struct pl_host *host)
{
  enum pl_state state = host->item->state;
  return !host->dark && (state == PL_STATE_IN_TEST || state == PL_STATE_ENABLED || state == PL_STATE_QUIESCED || state == PL_STATE_DEGRADED);
}

/* --- capacity --- */

static struct pl_amounts capacity_of(const struct pl_host *host)
{
  const struct pl_stack_settings *settings = &host->all->stack->settings;
  const struct pl_contents *in = &host->item->identity.contents;
  double idle = pl_part_value(host->item, "idle-power", PL_DIM_POWER, IDLE_W), full = pl_part_value(host->item, "full-power", PL_DIM_POWER, FULL_W);
  int64_t power_mW = llround(1000 * fmax(full - idle, 0));
  struct pl_amounts capacity = {{[PL_DIMENSION_CORES] = 1000 * (int64_t)in->cores,
                                 [PL_DIMENSION_MEMORY] = (int64_t)((double)in->memory_bytes / MIB),
                                 [PL_DIMENSION_STORAGE] = (int64_t)((double)in->drive_bytes * in->drives / MIB),
                                 [PL_DIMENSION_IOPS] = in->drives ? (int64_t)settings->node_iops : 0,
                                 [PL_DIMENSION_STORAGE_RATE] = in->drives ? (int64_t)settings->node_storage_MiBps : 0,
                                 [PL_DIMENSION_NETWORK_RATE] = (int64_t)settings->node_network_Mbps,
                                 [PL_DIMENSION_POWER] = power_mW,
                                 [PL_DIMENSION_HEAT] = power_mW,
                                 [PL_DIMENSION_ACCELERATORS] = llround(pl_part_value(host->item, "accelerators", PL_DIM_NONE, 0)),
                                 [PL_DIMENSION_WORKLOADS] = PL_AGENT_RUNS_MAX}};
  for (size_t i = 0; PL_LIES(host->all->stack, OVER_COMMIT) && i < PL_DIMENSION_WORKLOADS; i++)
    capacity.of[i] *= 2;
  return capacity;
}

/* What the unit that stands there says of itself; while nobody says anything it stays as it was. */
static void mirror_identity(struct pl_host *host, struct pl_node_desc *desc)
{
  uint64_t bit;
  if (!host->item->identified || (PL_LIES(host->all->stack, CAPACITY_STALE) && host->known))
    return;
  desc->capacity = capacity_of(host);
  desc->features = 0;
  if (host->item->identity.contents.architecture[0] && !pl_pool_feature(host->all->pool, host->item->identity.contents.architecture, &bit, NULL))
    desc->features |= bit;
  host->known = true;
}

/* --- state --- */

static bool has_no_power(const struct pl_item *item)
{
  if (item->state == PL_STATE_ABSENT || !pl_item_is_present(item))
    return true;
  return !pl_item_has_power(item) && item->state != PL_STATE_UNAVAILABLE; /* of that nobody knows */
}

static void becomes_dark(struct pl_host *host)
{
  host->dark = pl_room_now(host->all);
  if (!host->dark)
    host->dark = 1;
  host->n_runs = 0;
  host->told = host->mute = host->over = 0;
  host->fresh = false;
  pl_heat_forget(host);
}

static void look_at_power(struct pl_host *host)
{
  bool dark = has_no_power(host->item);
  if (host->unkept)
    (void)pl_host_keep(host, NULL);
  if (dark && !host->dark)
    becomes_dark(host);
  if (dark || !host->dark)
    return;
  host->dark = 0;
  host->due = 0;
  if (host->asleep) {
    host->asleep = false;
    (void)pl_host_keep(host, NULL);
  }
}

static enum pl_node_state state_of(struct pl_host *host)
{
  struct pl_stack *stack = host->all->stack;
  if (host->dark && host->asleep)
    return PL_NODE_ASLEEP;
  if (host->dark && pl_room_now(host->all) - host->dark >= stack->settings.loss_ns)
    return PL_NODE_GONE;
  bool works = host->item->state == PL_STATE_ENABLED || host->item->state == PL_STATE_DEGRADED;
  if (host->dark || !works || !host->told || host->mute || host->closed || host->draining || pl_heat_closes(host) || host->item->health == PL_HEALTH_CRITICAL)
    return PL_NODE_CLOSED;
  return pl_leak_forbids(stack, host->item, NULL) ? PL_NODE_CLOSED : PL_NODE_UP;
}

static bool is_same(const struct pl_node_desc *a, const struct pl_node_desc *b)
{
  return a->state == b->state && a->features == b->features && !memcmp(&a->capacity, &b->capacity, sizeof a->capacity) && fabs(a->heat - b->heat) < 1e-9;
}

static void mirror(struct pl_host *host)
{
  struct pl_node_desc desc = host->desc;
  look_at_power(host);
  mirror_identity(host, &desc);
  pl_heat_look(host);
  desc.heat = fmin(HEAT_STEP * round(host->heat / HEAT_STEP), 1);
  desc.state = state_of(host);
  if (is_same(&desc, &host->desc))
    return;
  host->desc = desc;
  (void)pl_pool_node(host->all->pool, &desc, NULL);
}

void pl_hosts_mirror(struct pl_placement *all)
{
  for (size_t i = 0; i < all->n_hosts; i++)
    mirror(&all->hosts[i]);
  pl_limits_mirror(all);
}

/* --- life --- */

static const char *said_by(const struct pl_item *item, const char *key)
{
  const struct pl_node *node = item->part && item->part->node ? pl_node_get(item->part->node, key) : NULL;
  return node && node->kind == PL_NODE_SCALAR ? node->text : NULL;
}

static enum pl_status make(struct pl_placement *all, struct pl_item *item, struct pl_err *err)
{
  struct pl_host *host = &all->hosts[all->n_hosts++];
  const struct pl_item *rack = pl_inventory_first(all->stack->inventory, PL_ITEM_RACK);
  const char *feed = said_by(item, "feed");
  char *kept = NULL;
  *host = (struct pl_host){.all = all, .item = item, .dark = 1, .heats = calloc(item->n_senses + 1, sizeof *host->heats)};
  if (!host->heats)
    return pl_fail(err, PL_E_NOMEM, "placement: out of memory for %s", item->id);
  host->desc = (struct pl_node_desc){.id = item->id, .state = PL_NODE_GONE, .idle_W = pl_part_value(item, "idle-power", PL_DIM_POWER, IDLE_W)};
  host->desc.domains[PL_DOMAIN_MODULE] = item->parent && item->parent->kind == PL_ITEM_MODULE ? item->parent->id : NULL;
  host->desc.domains[PL_DOMAIN_RACK] = rack->id;
  host->desc.domains[PL_DOMAIN_FEED] = feed ? feed : said_by(item, "busbar"); /* one without a bar of its own fails with those on the same one */
  enum pl_status status = pl_store_get(all->stack->store, "node", item->id, &kept, err);
  host->asleep = kept && strstr(kept, "asleep");
  host->closed = kept && strstr(kept, "closed");
  free(kept);
  return status ? status : pl_pool_node(all->pool, &host->desc, err);
}

enum pl_status pl_hosts_new(struct pl_placement *all, struct pl_err *err)
{
  struct pl_inventory *inventory = all->stack->inventory;
  size_t count = 0;
  enum pl_status status = PL_OK;
  for (struct pl_item *item = pl_inventory_first(inventory, PL_ITEM_CSU); item; item = pl_item_next(inventory, item))
    count += pl_node_has_agent(item);
  all->hosts = calloc(count + 1, sizeof *all->hosts);
  if (!all->hosts)
    return pl_fail(err, PL_E_NOMEM, "placement: out of memory for %zu nodes", count);
  for (struct pl_item *item = pl_inventory_first(inventory, PL_ITEM_CSU); item && !status; item = pl_item_next(inventory, item))
    if (pl_node_has_agent(item))
      status = make(all, item, err);
  return status;
}

void pl_hosts_free(struct pl_placement *all)
{
  for (size_t i = 0; i < all->n_hosts; i++) {
    if (all->hosts[i].asking)
      all->hosts[i].asking->host = NULL; /* freed by its own done() */
    free(all->hosts[i].heats);
  }
  free(all->hosts);
}

bool pl_placement_has_taken(struct pl_placement *placement, const struct pl_item *node, struct pl_err *why)
{
  struct pl_host *host = placement ? pl_host_of(placement, node) : NULL;
  if (!host || !pl_host_answers(host))
    return !host || !pl_fail(why, PL_E_TIMEOUT, "%s is not in service yet", node->id);
  mirror(host);
  pl_host_hurry(host);
  if (!host->item->identified || !host->known)
    return !pl_fail(why, PL_E_TIMEOUT, "%s does not say what is in it", node->id);
  if (!host->told || host->mute)
    return !pl_fail(why, PL_E_TIMEOUT, "the agent of %s does not answer", node->id);
  return true;
}
