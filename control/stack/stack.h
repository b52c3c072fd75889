/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_STACK_H
#define PL_CONTROL_STACK_H

#include "control/stack/mutant.h"
#include "control/stack/settings.h"
#include "drivers/rig/stack.h"

/*
 * One running control stack. Every room gets this pointer and reaches the others by it; a room's own state stands behind its own opaque struct.
 * Opened in the order of the members, closed in the other. Everything on the loop's thread of `clock`.
 */
struct pl_stack {
  struct pl_clock *clock;
  struct pl_bench *bench;
  const struct pl_rig *rig;
  struct pl_stack_settings settings;
  enum pl_mutant mutant;
  uint64_t seed;
  char uuid[37];                     /* of this stack, kept in the store */
  struct pl_store *store;            /* control/store */
  const char *decisions;             /* where the journal of decisions is kept (control/placement/recorder.h); NULL: nowhere; the caller's */
  bool store_damaged;                /* the last one was put aside, and this one begun anew */
  struct pl_inventory *inventory;    /* control/inventory */
  struct pl_nodes *nodes;            /* control/placement/node.h */
  struct pl_events *events;          /* control/events */
  struct pl_procedures *procedures;  /* control/procedure */
  struct pl_leaks *leaks;            /* control/procedure/leak.h */
  struct pl_thermal *thermal;        /* the same */
  struct pl_plant *plant;            /* control/plant */
  struct pl_placement *placement;    /* control/placement */
  struct pl_service *service;        /* control/redfish */
  struct pl_hearing *hearing;        /* who hears its events in process (hear.c); NULL: nobody */
  struct pl_err trouble;             /* why it ended by itself (dead too); status PL_OK: it did not */
  bool dead;                         /* killed by a drill: nothing is written or commanded any more */
  char kill_procedure[32], kill_step[32]; /* see pl_stack_desc.kill_at */
  bool kill_ended;
  struct pl_post burial;             /* a killed one's memory goes with the loop's next turn */
};

enum pl_status pl_stack_open(const struct pl_stack_cfg *cfg, struct pl_stack **stack, struct pl_err *err);
void pl_stack_close(struct pl_stack *stack);
/* By the seed, the time and `salt` (RFC 9562, version 4's bits). */
void pl_stack_make_uuid(const struct pl_stack *stack, uint64_t salt, char uuid[37]);
/* hear.c: pl_stack_desc.listen. */
enum pl_status pl_stack_listen(struct pl_stack *stack, uint64_t after, void (*event)(void *ctx, const struct pl_stack_event *event), void *ctx, struct pl_err *err);
void pl_stack_unlisten(struct pl_stack *stack);
/* For web/: the same as pl_stack_desc.submit. */
void pl_stack_submit(struct pl_stack *stack, struct pl_http_request *request);

extern const struct pl_stack_desc pl_stack_rackd;

#endif
