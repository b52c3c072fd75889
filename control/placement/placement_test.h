/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLACEMENT_TEST_H
#define PL_CONTROL_PLACEMENT_TEST_H

/* For the tests of the placement's room only: the demo rack with its agents, CSUs on, in virtual time; what the agents' twins run is the truth. */
#include "control/procedure/procedure_test.h"

#include "control/placement/placement_in.h"
#include "drivers/device/node_agent/node_agent.h"

#define GIB 1024

static inline uint32_t floor_image(const char *text)
{
  uint32_t image = 0;
  assert_int_equal(pl_na_image_parse(text, &image, NULL), PL_OK);
  return image;
}

/* Asks the agent itself, behind the stack's back. */
static inline void floor_survey(struct bay *bay, const char *csu, struct pl_agent_exchange *exchange)
{
  const struct pl_rig_device *rig = pl_item_device(stand_item(bay->s, csu), "agent");
  assert_non_null(rig);
  *exchange = (struct pl_agent_exchange){.op = PL_AGENT_SURVEY};
  struct pl_call call = {.device = pl_bench_device(bay->s->bench, rig->name), .kind = PL_CALL_AGENT, .agent = exchange, .timeout_ns = 2 * PL_S};
  if (pl_call_run(&call, &bay->s->err))
    exchange->n_runs = 0; /* it is off */
}

/* On how many nodes it runs in truth; where, the last of them. */
static inline size_t floor_runs(struct bay *bay, uint32_t handle, char where[64])
{
  size_t count = 0;
  if (where)
    *where = '\0';
  for (int i = 1; i <= 8; i++) {
    char id[16];
    struct pl_agent_exchange exchange;
    snprintf(id, sizeof id, "csu-%d", i);
    floor_survey(bay, id, &exchange);
    for (size_t r = 0; r < exchange.n_runs; r++)
      if (exchange.runs[r].handle == handle && exchange.runs[r].state == PL_AGENT_RUN_RUNNING) {
        count++;
        if (where)
          snprintf(where, 64, "%s", id);
      }
  }
  return count;
}

static inline struct pl_workload *floor_find(struct bay *bay, const char *id)
{
  struct pl_workload *w = pl_placement_find(bay->s->stack->placement, id);
  if (!w)
    fail_msg("there is no workload %s", id);
  return w;
}

struct floor_wish {
  const char *id;
  enum pl_workload_state state;
};

static inline bool floor_is(struct stand *s, void *ctx)
{
  const struct floor_wish *wish = ctx;
  const struct pl_workload *w = s->stack ? pl_placement_find(s->stack->placement, wish->id) : NULL;
  return w && w->state == wish->state;
}

static inline void floor_until(struct bay *bay, const char *id, enum pl_workload_state state, pl_time_ns span)
{
  struct floor_wish wish = {id, state};
  if (stand_until(bay->s, floor_is, &wish, span) != PL_NEVER)
    return;
  const struct pl_workload *w = floor_find(bay, id);
  fail_msg("%s is %s on '%s' (%s) after %g s, expected %s", id, pl_workload_state_name(w->state), w->node, w->why, (double)span / (double)PL_S,
           pl_workload_state_name(state));
}

struct floor_ask { /* what a test asks for */
  const char *id;
  double cores;
  int64_t memory_GiB, data_MiB;
  const char *image, *node;
  const char *with;       /* in one node with */
  int priority;
  unsigned replicas;
  enum pl_spares redundancy;
  enum pl_domain spread;
  bool stay, queue;
};

static inline enum pl_status floor_try(struct bay *bay, const struct floor_ask *ask, enum pl_order_kind kind, char reservation[37], struct pl_why *why)
{
  struct pl_plan *plan = NULL;
  const struct pl_request request = {.id = ask->id, .need = {{[PL_DIMENSION_CORES] = (int64_t)(1000 * ask->cores), [PL_DIMENSION_MEMORY] = ask->memory_GiB * GIB}},
                                     .priority = ask->priority, .replicas = ask->replicas, .redundancy = ask->redundancy, .spread = ask->spread,
                                     .node = ask->node, .stay = ask->stay, .with = {ask->with}};
  const uint32_t image = floor_image(ask->image ? ask->image : "steady/50");
  const struct pl_order order = {.requests = &request, .images = &image, .data_MiB = &ask->data_MiB, .count = 1, .author = "tester", .kind = kind, .queue = ask->queue,
                                 .reserve_ns = 60 * PL_S};
  bay->s->err = (struct pl_err){0};
  enum pl_status status = pl_placement_order(bay->s->stack->placement, &order, &plan, reservation, why, &bay->s->err);
  pl_plan_free(plan);
  return status;
}

static inline struct pl_workload *floor_place(struct bay *bay, const struct floor_ask *ask)
{
  struct pl_why why;
  char reservation[37];
  if (floor_try(bay, ask, PL_ORDER_APPLY, reservation, &why))
    fail_msg("%s: %s", ask->id, bay->s->err.text);
  return floor_find(bay, ask->id);
}

/* Every workload that is said to run runs where it is said to, once; nothing else runs; the pool adds up. */
static inline void floor_judge(struct bay *bay)
{
  struct pl_placement *all = bay->s->stack->placement;
  if (pl_pool_check(pl_placement_pool(all), &bay->s->err))
    fail_msg("%s", bay->s->err.text);
  for (const struct pl_workload *w = pl_placement_first(all); w; w = w->next) {
    char where[64];
    size_t count = floor_runs(bay, w->handle, where);
    if (w->state == PL_WORKLOAD_RUNNING && (count != 1 || strcmp(where, w->node) != 0))
      fail_msg("%s is said to run on %s, and runs %zu times (%s)", w->id, w->node, count, where);
    if (count > 1)
      fail_msg("%s runs %zu times", w->id, count);
  }
  for (int i = 1; i <= 8; i++) {
    char id[16];
    struct pl_agent_exchange exchange;
    snprintf(id, sizeof id, "csu-%d", i);
    floor_survey(bay, id, &exchange);
    for (size_t r = 0; r < exchange.n_runs; r++)
      if (!pl_work_by_handle(all, exchange.runs[r].handle))
        fail_msg("%s runs %u, which is nobody's", id, exchange.runs[r].handle);
  }
}

struct floor_up {
  size_t count;
};

static inline bool floor_are_up(struct stand *s, void *ctx)
{
  const struct floor_up *wanted = ctx;
  const struct pl_placement *all = s->stack->placement;
  size_t up = 0;
  for (size_t i = 0; i < all->n_hosts; i++)
    up += all->hosts[i].desc.state == PL_NODE_UP;
  return up >= wanted->count;
}

static inline void floor_until_up(struct bay *bay, size_t count)
{
  struct floor_up wanted = {count};
  if (stand_until(bay->s, floor_are_up, &wanted, 60 * PL_S) == PL_NEVER)
    fail_msg("not %zu nodes are up", count);
}

/* decisions: the folder of their journal; NULL: none. */
static inline struct bay *floor_open_recorded(const char *rig, const char *mutant, const char *settings, const char *decisions)
{
  struct bay *bay = calloc(1, sizeof *bay);
  bay->s = stand_open(rig);
  snprintf(bay->store, sizeof bay->store, "/tmp/pl-floor-XXXXXX");
  int fd = mkstemp(bay->store);
  assert_true(fd >= 0);
  close(fd);
  bay->s->cfg.store = bay->store;
  bay->s->cfg.mutant = mutant;
  bay->s->cfg.settings = settings;
  bay->s->cfg.decisions = decisions;
  stand_power_all(bay->s);
  bay_start(bay);
  floor_until_up(bay, 8);
  return bay;
}

static inline struct bay *floor_open_on(const char *rig, const char *mutant, const char *settings)
{
  return floor_open_recorded(rig, mutant, settings, NULL);
}

static inline struct bay *floor_open_with(const char *mutant, const char *settings)
{
  return floor_open_on(DEMO_RACK, mutant, settings);
}

static inline int floor_setup(void **state)
{
  *state = floor_open_with(NULL, NULL);
  return 0;
}

static inline struct pl_procedure *floor_migrate(struct bay *bay, const char *id, const char *to)
{
  struct pl_procedure *p = NULL;
  WELL(bay->s, pl_placement_migrate(bay->s->stack->placement, floor_find(bay, id), to, "tester", &p, &bay->s->err));
  assert_non_null(p);
  return p;
}

struct floor_heard {
  char words[4096];
};

static inline void floor_hear(void *ctx, const struct pl_decision *decision)
{
  struct floor_heard *heard = ctx;
  size_t used = strlen(heard->words);
  snprintf(heard->words + used, sizeof heard->words - used, "%s %s %s: %s\n", decision->what, decision->id_of, decision->node, decision->text);
}

static inline void floor_decided(struct bay *bay, const char *words)
{
  struct floor_heard *heard = calloc(1, sizeof *heard);
  pl_placement_decisions(bay->s->stack->placement, 0, 1000, floor_hear, heard);
  if (!strstr(heard->words, words))
    fail_msg("no decision '%s' in\n%s", words, heard->words);
  free(heard);
}

/* As after a SIGKILL, and a new start. */
static inline void floor_restart(struct bay *bay)
{
  bay_kill(bay);
  bay_start(bay);
}

#endif
