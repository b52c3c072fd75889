/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLACEMENT_H
#define PL_CONTROL_PLACEMENT_H

#include "control/placement/moves.h"
#include "control/placement/node.h"
#include "control/placement/profile.h"

/*
 * The allocation engine's room in the stack: the pool is kept as the inventory and the plant are; workloads are kept in the store and brought to where they
 * stand there; what happens (a node fails, gets hot, is swapped, is full, is idle) becomes moves, each of which is seen at both ends. Loop's thread.
 */
enum pl_workload_state {
  PL_WORKLOAD_QUEUED,    /* fits nowhere yet, and was to wait */
  PL_WORKLOAD_RESERVED,  /* has its place until `expires` */
  PL_WORKLOAD_STARTING,  /* its agent deploys it */
  PL_WORKLOAD_RUNNING,   /* its agent says so */
  PL_WORKLOAD_MOVING,
  PL_WORKLOAD_STOPPING,
  PL_WORKLOAD_LOST       /* its node is gone and it fits nowhere else: waits, by priority */
};
const char *pl_workload_state_name(enum pl_workload_state state); /* "Running" */

struct pl_workload { /* the room's; others read. One replica of one component */
  char id[64];                 /* of the allocation: "web", "web#2"; the Redfish Id has "-" for "#" */
  char application[64];        /* "": it stands alone */
  uint32_t handle;             /* the agents' */
  enum pl_workload_state state;
  struct pl_request request;   /* with strings of its own */
  uint32_t image;
  int64_t data_MiB;
  char node[64];               /* "": none */
  char target[64];             /* MOVING: to where */
  double score;
  char why[PL_SENTENCE_MAX];   /* of its place, or why it has none: one sentence */
  struct pl_agent_run run;           /* as the agent told last */
  pl_time_ns told;             /* when; 0: never */
  pl_time_ns since, expires;   /* of the state; RESERVED: PL_NEVER else */
  unsigned moves;              /* so far */
  pl_time_ns interrupted;      /* by the last move: from its pause to its start elsewhere */
  char reservation[37];        /* RESERVED: whose; "": none */
  int64_t task;                /* MOVING: the procedure's id; 0: none */
  uint64_t version;
  struct pl_workload *next;    /* in the order of their ids */
};

/*
 * A move is a procedure (procedure.h; "migrate": pause, copy, check, start, clear) of its source node, which it does not take: persisted step by step, a task of
 * Redfish with its percent, resumed or rolled back after a restart. Held at both ends in the pool while it lasts.
 */
struct pl_placement;
enum pl_status pl_placement_new(struct pl_stack *stack, struct pl_placement **placement, struct pl_err *err);
void pl_placement_free(struct pl_placement *placement);
void pl_placement_look(struct pl_placement *placement); /* after the inventory's first round: what stands where; before the procedures go on */
enum pl_status pl_placement_start(struct pl_placement *placement, struct pl_err *err); /* and after that: takes up what the store says */
struct pl_pool *pl_placement_pool(struct pl_placement *placement);

/* What a client asks for. */
struct pl_order {
  const struct pl_request *requests; /* components: together or not at all */
  const uint32_t *images;            /* one each */
  const int64_t *data_MiB;           /* one each */
  size_t count;
  const char *application, *author;
  enum pl_order_kind { PL_ORDER_PREVIEW, PL_ORDER_RESERVE, PL_ORDER_APPLY } kind;
  pl_time_ns reserve_ns;             /* RESERVE; 0: the setting's */
  const char *reservation;           /* APPLY of what was reserved: its id, and no requests; NULL: none */
  bool queue;                        /* no fit: it waits */
};
/* plan: what it will be, the caller's to free; NULL where it waits (queue), or where a reservation is applied; reservation: of at least 37 bytes, RESERVE only.
 * PL_E_RANGE: no fit (why). PL_E_BUSY: the reservation has expired. What a request leaves open is filled in: power by its share of a node's cores, heat as power. */
enum pl_status pl_placement_order(struct pl_placement *placement, const struct pl_order *order, struct pl_plan **plan, char *reservation, struct pl_why *why,
                                  struct pl_err *err);
enum pl_status pl_placement_cancel_reservation(struct pl_placement *placement, const char *reservation, struct pl_err *err);
enum pl_status pl_placement_stop(struct pl_placement *placement, struct pl_workload *workload, const char *author, struct pl_err *err);
/* The same with a task that is over when nothing of it is left on its node; NULL: it had nothing there, and is gone already. */
struct pl_procedure;
enum pl_status pl_placement_retire(struct pl_placement *placement, struct pl_workload *workload, const char *author, struct pl_procedure **task, struct pl_err *err);
/* Several, each once; the task is over when nothing of any of them is left. */
enum pl_status pl_placement_retire_all(struct pl_placement *placement, struct pl_workload *const *workloads, size_t count, const char *author,
                                       struct pl_procedure **task, struct pl_err *err);
enum pl_status pl_placement_may_stop(const struct pl_workload *workload, struct pl_err *err); /* PL_E_BUSY while it moves */
enum pl_status pl_placement_scale(struct pl_placement *placement, struct pl_workload *workload, const struct pl_amounts *need, unsigned replicas, const char *author,
                                  struct pl_err *err); /* vertical and horizontal; moved where it does not fit on its node */
/* to NULL: wherever it is best. Those that are tied to it (`with`) and would be parted from it go along, each with a task of its own, all or none; where they do
 * not fit together it says who is tied. PL_E_USAGE, PL_E_RANGE with why not. The task that shows it. */
enum pl_status pl_placement_migrate(struct pl_placement *placement, struct pl_workload *workload, const char *to, const char *author, struct pl_procedure **task,
                                    struct pl_err *err);
/* For procedures that empty a node (hot-swap, evacuation): begins, then asks until it is empty. False with why: not yet; stuck: what is left fits nowhere. */
enum pl_status pl_placement_drain(struct pl_placement *placement, struct pl_item *node, const char *author, struct pl_err *err);
bool pl_placement_is_drained(struct pl_placement *placement, const struct pl_item *node, bool *stuck, struct pl_err *why);
/* What fits nowhere else does not keep it from being emptied: that keeps what it has done, stops, and waits in the queue. Until undrain. */
void pl_placement_force(struct pl_placement *placement, struct pl_item *node);
void pl_placement_undrain(struct pl_placement *placement, struct pl_item *node);

/* An operator closes a node to new work and has it emptied (Redfish: Pool Unassigned), or opens it again. Kept in the store. */
enum pl_status pl_placement_close(struct pl_placement *placement, struct pl_item *node, bool closed, const char *author, struct pl_err *err);
bool pl_placement_is_closed(const struct pl_placement *placement, const struct pl_item *node);
/* Whether the pool has of it what its identity says now, and its agent answers: the end of a hot-swap. A unit without an agent has nothing to wait for. */
bool pl_placement_has_taken(struct pl_placement *placement, const struct pl_item *node, struct pl_err *why);

struct pl_workload *pl_placement_first(const struct pl_placement *placement);
struct pl_workload *pl_placement_find(const struct pl_placement *placement, const char *id);
/* What is expected of a node's dimension soon: sums of its workloads' profiles. */
bool pl_placement_forecast(const struct pl_placement *placement, const char *node, enum pl_dimension dimension, double ahead_s, struct pl_forecast *forecast);

/* The same of one workload alone: cores and memory; false: too little is known yet. */
bool pl_workload_forecast(const struct pl_workload *workload, enum pl_dimension dimension, double ahead_s, struct pl_forecast *forecast);

/* Reservations, for CompositionReservations. */
struct pl_reservation {
  char id[37];
  int64_t made_wall_ns, expires_wall_ns;
  char client[64];
  const struct pl_workload *first; /* RESERVED ones with this reservation */
  struct pl_reservation *next;
};
struct pl_reservation *pl_placement_reservations(const struct pl_placement *placement);

/* The log of decisions: what came of each; the last 10,000 stay in the store. recorder.h: the journal from which they can be taken again. */
struct pl_decision {
  int64_t id, wall_ns;
  const char *what;   /* "place", "refuse", "queue", "reserve", "expire", "move", "evict", "lose", "fence", "sleep", "wake", "stop", "scale", "close", "open", "unrecorded" */
  const char *id_of;  /* the workload's */
  const char *node;   /* "" */
  const char *author;
  const char *text;   /* one sentence */
  const char *detail; /* the explanation, lines; "" */
};
void pl_placement_decisions(struct pl_placement *placement, int64_t after, size_t most, void (*fn)(void *ctx, const struct pl_decision *decision), void *ctx);

struct pl_placement_listener { /* caller-owned */
  void (*changed)(void *ctx, struct pl_workload *workload); /* state, node or use */
  void *ctx;
  struct pl_placement_listener *next;
};
void pl_placement_listen(struct pl_placement *placement, struct pl_placement_listener *listener);

#endif
