/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_NODE_H
#define PL_CONTROL_NODE_H

#include "control/inventory/item.h"
#include "drivers/device/agent.h"

/*
 * Asking a node's agent (drivers/device/agent.h; role "agent" of the CSU's part). Asynchronous, on the loop's thread; a call is the caller's until done() ran and
 * has a deadline.
 */
struct pl_node_call {
  struct pl_stack *stack;
  struct pl_item *item;       /* the node */
  struct pl_agent_exchange exchange; /* in and out */
  pl_time_ns limit;           /* 0: 2 s; a copy is not waited for */
  void (*done)(struct pl_node_call *call);
  void *ctx;
  enum pl_status status;
  struct pl_err err;
  struct pl_node_flight *flight; /* the implementation's */
  struct pl_node_call *next;
};
bool pl_node_has_agent(const struct pl_item *item);
/* One after another for one node. done() comes from the loop, also when the stack ends (PL_E_CANCELLED: from pl_nodes_halt, while all rooms are still
 * there), and before this returns only where the stack has ended or there is no memory. */
void pl_node_submit(struct pl_node_call *call);

/* What is under way in one stack (stack.nodes). */
struct pl_nodes;
enum pl_status pl_nodes_new(struct pl_stack *stack, struct pl_nodes **nodes, struct pl_err *err);
/* Nothing is asked any more; whoever still waits is told so here and now. */
void pl_nodes_halt(struct pl_nodes *nodes);
void pl_nodes_free(struct pl_nodes *nodes);

#endif
