/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"

#include "control/events/events.h"

/* What changes of blocks and composed systems, told as events: what is there is compared with what was told last, at the loop's next turn after something moved. */

struct told_system {
  char id[64], node[64];
  enum pl_workload_state state;
  struct told_system *next;
};
struct told_block {
  char id[64];
  enum pl_node_state state;
  struct pl_amounts capacity;
  size_t allocations;
};

struct pl_compositions {
  struct pl_stack *stack;
  struct pl_placement_listener works;
  struct pl_item_listener items;
  struct pl_post post;
  struct pl_timer settle;
  bool seen;               /* the timer has seen the first round over */
  struct told_system *systems; /* in the order of their ids, as the engine has them */
  struct told_block *blocks;
  size_t n_blocks, at;
  bool changed;
  bool begun, settled;     /* what is there is known: of systems from the store, of blocks after the first round and a look at their agents */
  struct json_object *decisions, *details; /* the last about a workload's place, and the last of those with an explanation, by its id */
  int64_t decision;                        /* the last that was looked at */
};

/* --- systems --- */

static void tell(struct pl_compositions *c, const char *registry, const char *id, const char *uri, const char *a, const char *b)
{
  c->changed = true;
  if (c->begun)
    pl_event_send_at(c->stack, registry, id, uri, (const char *const[]){a, b});
}

static void tell_system(struct pl_compositions *c, const char *message, const char *id, const char *b)
{
  char uri[PL_URI_MAX], own[64];
  tell(c, "ResourceEvent", message, pl_composed_uri(id, uri), pl_composed_id(id, own), b);
}

static struct told_system *begin_system(struct pl_compositions *c, const struct pl_workload *w, struct told_system *next)
{
  struct told_system *t = calloc(1, sizeof *t);
  if (!t)
    return NULL;
  snprintf(t->id, sizeof t->id, "%s", w->id);
  snprintf(t->node, sizeof t->node, "%s", w->node);
  t->state = w->state;
  t->next = next;
  tell_system(c, "ResourceCreated", w->id, NULL);
  return t;
}

static void update_system(struct pl_compositions *c, struct told_system *t, const struct pl_workload *w)
{
  const char *before = pl_composed_state(t->state), *now = pl_composed_state(w->state);
  c->changed |= t->state != w->state || strcmp(t->node, w->node) != 0;
  if (strcmp(before, now))
    tell_system(c, "ResourceStateChanged", w->id, now);
  if ((t->state == PL_WORKLOAD_LOST) != (w->state == PL_WORKLOAD_LOST))
    tell_system(c, w->state == PL_WORKLOAD_LOST ? "ResourceStatusChangedCritical" : "ResourceStatusChangedOK", w->id, w->state == PL_WORKLOAD_LOST ? "Critical" : "OK");
  t->state = w->state;
  snprintf(t->node, sizeof t->node, "%s", w->node);
}

static void end_system(struct pl_compositions *c, struct told_system **at)
{
  struct told_system *gone = *at;
  tell_system(c, "ResourceRemoved", gone->id, NULL);
  json_object_object_del(c->decisions, gone->id);
  json_object_object_del(c->details, gone->id);
  *at = gone->next;
  free(gone);
}

/* Both lists are in the order of their ids. */
static void look_at_systems(struct pl_compositions *c)
{
  struct told_system **at = &c->systems;
  const struct pl_workload *w = pl_placement_first(c->stack->placement);
  while (*at || w) {
    int order = !*at ? 1 : !w ? -1 : strcmp((*at)->id, w->id);
    if (order < 0) {
      end_system(c, at);
      continue;
    }
    if (order == 0)
      update_system(c, *at, w);
    else {
      struct told_system *begun = begin_system(c, w, *at);
      if (!begun)
        return;
      *at = begun;
    }
    at = &(*at)->next;
    w = w->next;
  }
}

/* --- blocks --- */

static void tell_block(struct pl_compositions *c, const char *message, const char *id)
{
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, PL_BLOCKS_URI "/%s", id);
  c->changed = true;
  if (c->settled)
    tell(c, "Composition", message, uri, id, NULL);
}

static struct told_block *told_block(struct pl_compositions *c, const char *id)
{
  for (size_t i = 0; i < c->n_blocks; i++, c->at++) { /* they come in the same order each time */
    struct told_block *b = &c->blocks[c->at % c->n_blocks];
    if (!strcmp(b->id, id))
      return b;
  }
  struct told_block *blocks = realloc(c->blocks, (c->n_blocks + 1) * sizeof *blocks);
  if (!blocks)
    return NULL;
  c->blocks = blocks;
  c->at = c->n_blocks++;
  blocks[c->at] = (struct told_block){0};
  snprintf(blocks[c->at].id, sizeof blocks[c->at].id, "%s", id);
  return &blocks[c->at];
}

static void look_at_block(void *ctx, const struct pl_node_view *view)
{
  struct pl_compositions *c = ctx;
  struct told_block *t = told_block(c, view->desc.id);
  if (!t)
    return;
  if (t->state != view->desc.state)
    tell_block(c, "ResourceBlockStateChanged", t->id);
  if (t->allocations != view->allocations)
    tell_block(c, "ResourceBlockCompositionStateChanged", t->id);
  if (memcmp(&t->capacity, &view->desc.capacity, sizeof t->capacity))
    tell_block(c, "ResourceBlockChanged", t->id);
  t->state = view->desc.state;
  t->allocations = view->allocations;
  t->capacity = view->desc.capacity;
  c->at++;
}

static void look(void *ctx)
{
  struct pl_compositions *c = ctx;
  if (c->stack->dead)
    return;
  c->changed = false;
  look_at_systems(c);
  c->at = 0;
  pl_pool_each_node(pl_placement_pool(c->stack->placement), look_at_block, c);
  if (c->changed)
    pl_service_changed(c->stack);
}

static void settle(void *ctx, pl_time_ns now)
{
  struct pl_compositions *c = ctx;
  if (c->seen)
    look(c);
  c->settled = c->seen;
  c->seen = pl_inventory_first_round_over(c->stack->inventory);
  if (!c->settled)
    pl_clock_arm(c->stack->clock, &c->settle, now + 2 * PL_S);
}

static void stir(struct pl_compositions *c)
{
  pl_clock_post(c->stack->clock, &c->post);
}

static void work_changed(void *ctx, struct pl_workload *workload)
{
  (void)workload;
  stir(ctx);
}

static void item_changed(void *ctx, struct pl_item *item, enum pl_state before)
{
  (void)before;
  if (item->kind == PL_ITEM_CSU)
    stir(ctx);
}

static void health_changed(void *ctx, struct pl_item *item, enum pl_health before)
{
  (void)before;
  if (item->kind == PL_ITEM_CSU)
    stir(ctx);
}

/* --- decisions --- */

static void note_decision(void *ctx, const struct pl_decision *decision)
{
  static const char *const ABOUT_PLACES[] = {"place", "reserve", "queue", "move", "evict", "lose"};
  struct pl_compositions *c = ctx;
  bool about = false;
  c->decision = decision->id;
  for (size_t i = 0; i < sizeof ABOUT_PLACES / sizeof ABOUT_PLACES[0]; i++)
    about |= !strcmp(decision->what, ABOUT_PLACES[i]);
  if (about && pl_placement_find(c->stack->placement, decision->id_of)) {
    json_object_object_add(c->decisions, decision->id_of, json_object_new_int64(decision->id));
    if (*decision->detail)
      json_object_object_add(c->details, decision->id_of, json_object_new_int64(decision->id));
  }
}

static int64_t noted(struct json_object *ids, const char *id)
{
  struct json_object *found;
  return json_object_object_get_ex(ids, id, &found) ? json_object_get_int64(found) : 0;
}

struct explanation {
  struct json_object *lines;
  const char *node, *target; /* where it stands, and where it goes */
};

static void say_decision(void *ctx, const struct pl_decision *decision)
{
  json_object_array_add(((struct explanation *)ctx)->lines, json_object_new_string(decision->text));
}

static void say_detail(void *ctx, const struct pl_decision *decision)
{
  struct explanation *e = ctx;
  if (strcmp(decision->node, e->node) != 0 && strcmp(decision->node, e->target) != 0) /* it has gone elsewhere since */
    return;
  struct json_object *lines = pl_lines_json(decision->detail);
  for (size_t i = 0; i < json_object_array_length(lines); i++)
    json_object_array_add(e->lines, json_object_get(json_object_array_get_idx(lines, i)));
  json_object_put(lines);
}

struct json_object *pl_composition_explanation(const struct pl_stack *stack, const struct pl_workload *workload)
{
  struct pl_compositions *c = stack->service ? stack->service->compositions : NULL;
  struct explanation e = {json_object_new_array(), workload->node, workload->target};
  if (!c)
    return e.lines;
  pl_placement_decisions(stack->placement, c->decision, 10000, note_decision, c);
  int64_t last = noted(c->decisions, workload->id), detail = noted(c->details, workload->id);
  if (last)
    pl_placement_decisions(stack->placement, last - 1, 1, say_decision, &e);
  if (detail)
    pl_placement_decisions(stack->placement, detail - 1, 1, say_detail, &e);
  return e.lines;
}

/* --- the room --- */

enum pl_status pl_compositions_new(struct pl_stack *stack, struct pl_compositions **compositions, struct pl_err *err)
{
  struct pl_compositions *c = stack->placement ? calloc(1, sizeof *c) : NULL;
  *compositions = c;
  if (!c)
    return stack->placement ? pl_fail(err, PL_E_NOMEM, "out of memory for the events of composed systems") : PL_OK;
  c->stack = stack;
  c->decisions = json_object_new_object();
  c->details = json_object_new_object();
  c->post = (struct pl_post){.run = look, .ctx = c};
  c->works = (struct pl_placement_listener){.changed = work_changed, .ctx = c};
  c->items = (struct pl_item_listener){.state = item_changed, .health = health_changed, .ctx = c};
  c->settle = (struct pl_timer){.fire = settle, .ctx = c};
  look(c);
  c->begun = true;
  settle(c, pl_clock_now(stack->clock));
  pl_placement_listen(stack->placement, &c->works);
  pl_inventory_listen(stack->inventory, &c->items);
  return PL_OK;
}

void pl_compositions_free(struct pl_compositions *c)
{
  if (!c)
    return;
  pl_clock_unpost(c->stack->clock, &c->post);
  pl_clock_disarm(c->stack->clock, &c->settle);
  while (c->systems) {
    struct told_system *t = c->systems;
    c->systems = t->next;
    free(t);
  }
  json_object_put(c->decisions);
  json_object_put(c->details);
  free(c->blocks);
  free(c);
}
