/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the nodes' agents: one at a time for each node. What a bus has is a flight of its own, so that it may come back when its stack is gone. */
#include "control/placement/node.h"

#include "control/stack/stack.h"

#include <stdlib.h>

#define LIMIT (2 * PL_S)

struct pl_node_flight {
  struct pl_nodes *nodes;    /* NULL: nobody waits for it any more */
  struct pl_node_call *node; /* the caller's */
  struct pl_agent_exchange exchange;
  struct pl_call call;
  struct pl_timer timer;     /* an answer that needs no bus */
  bool under_way;            /* its turn has come */
};

struct pl_nodes {
  struct pl_stack *stack;
  struct pl_node_call *first; /* in their order, those under way too */
  bool halted;
};

bool pl_node_has_agent(const struct pl_item *item)
{
  const struct pl_rig_device *device = pl_item_device(item, "agent");
  return device && device->desc->agent;
}

static void take_out(struct pl_nodes *nodes, const struct pl_node_call *call)
{
  for (struct pl_node_call **at = &nodes->first; *at; at = &(*at)->next) {
    if (*at != call)
      continue;
    *at = call->next;
    return;
  }
}

static void take_off(struct pl_nodes *nodes, struct pl_node_flight *flight);

static void next_turn(struct pl_nodes *nodes, const struct pl_item *item)
{
  struct pl_node_call *call = nodes->first;
  while (call && call->item != item)
    call = call->next;
  if (call && call->flight && !call->flight->under_way)
    take_off(nodes, call->flight);
}

static void land(struct pl_node_flight *flight)
{
  struct pl_nodes *nodes = flight->nodes;
  struct pl_node_call *call = flight->node;
  take_out(nodes, call);
  call->flight = NULL;
  free(flight);
  next_turn(nodes, call->item);
  call->done(call); /* may submit, and may end the stack */
}

static void on_call(struct pl_call *call)
{
  struct pl_node_flight *flight = call->ctx;
  if (!flight->nodes || flight->nodes->stack->dead) { /* pl_nodes_halt tells the caller, or has */
    if (flight->nodes)
      flight->node->flight = NULL;
    free(flight);
    return;
  }
  flight->node->exchange = flight->exchange;
  flight->node->status = call->job.status;
  flight->node->err = call->job.err;
  land(flight);
}

static void on_time(void *ctx, pl_time_ns now)
{
  (void)now;
  land(ctx);
}

static enum pl_status find(const struct pl_nodes *nodes, const struct pl_item *item, struct pl_device **device, struct pl_err *err)
{
  const struct pl_rig_device *rig = pl_item_device(item, "agent");
  if (!rig)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s has no agent: nothing can run there", item->id);
  *device = pl_bench_device(nodes->stack->bench, rig->name);
  return *device ? PL_OK : pl_fail(err, PL_E_GONE, "%s of %s is not open", rig->name, item->id);
}

static void take_off(struct pl_nodes *nodes, struct pl_node_flight *flight)
{
  struct pl_node_call *call = flight->node;
  struct pl_clock *clock = nodes->stack->clock;
  struct pl_device *device = NULL;
  flight->under_way = true;
  call->status = find(nodes, call->item, &device, &call->err);
  if (call->status) {
    flight->timer = (struct pl_timer){.fire = on_time, .ctx = flight};
    pl_clock_arm(clock, &flight->timer, pl_clock_now(clock));
    return;
  }
  flight->exchange = call->exchange;
  flight->call = (struct pl_call){.device = device, .kind = PL_CALL_AGENT, .agent = &flight->exchange, .timeout_ns = call->limit ? call->limit : LIMIT,
                                  .done = on_call, .ctx = flight};
  pl_call_submit(&flight->call);
}

static void refuse(struct pl_node_call *call, enum pl_status status, const char *why)
{
  call->status = pl_fail(&call->err, status, "%s was not asked: %s", call->item->id, why);
  call->done(call);
}

void pl_node_submit(struct pl_node_call *call)
{
  struct pl_nodes *nodes = call->stack->nodes;
  call->status = PL_OK;
  call->err = (struct pl_err){0};
  call->next = NULL;
  if (nodes->halted || call->stack->dead) {
    refuse(call, PL_E_CANCELLED, "the stack has ended");
    return;
  }
  call->flight = calloc(1, sizeof *call->flight);
  if (!call->flight) {
    refuse(call, PL_E_NOMEM, "out of memory for it");
    return;
  }
  *call->flight = (struct pl_node_flight){.nodes = nodes, .node = call};
  struct pl_node_call **last = &nodes->first;
  while (*last)
    last = &(*last)->next;
  *last = call;
  next_turn(nodes, call->item);
}

/* --- life --- */

enum pl_status pl_nodes_new(struct pl_stack *stack, struct pl_nodes **nodes, struct pl_err *err)
{
  *nodes = calloc(1, sizeof **nodes);
  if (!*nodes)
    return pl_fail(err, PL_E_NOMEM, "out of memory for asking the nodes");
  (*nodes)->stack = stack;
  return PL_OK;
}

/* What a bus has comes back alone. */
static void let_go(const struct pl_nodes *nodes, struct pl_node_flight *flight)
{
  if (flight->under_way && !flight->timer.slot) {
    flight->nodes = NULL;
    return;
  }
  pl_clock_disarm(nodes->stack->clock, &flight->timer);
  free(flight);
}

void pl_nodes_halt(struct pl_nodes *nodes)
{
  if (!nodes)
    return;
  nodes->halted = true;
  for (struct pl_node_call *call; (call = nodes->first);) {
    nodes->first = call->next;
    if (call->flight)
      let_go(nodes, call->flight);
    call->flight = NULL;
    refuse(call, PL_E_CANCELLED, "the stack has ended");
  }
}

void pl_nodes_free(struct pl_nodes *nodes)
{
  pl_nodes_halt(nodes);
  free(nodes);
}
