/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_INVENTORY_WITHIN_H
#define PL_CONTROL_INVENTORY_WITHIN_H

#include "control/inventory/item.h"
#include "control/stack/stack.h"

/* Between the files of control/inventory only. */

struct pl_watched_edges { /* of one line; what was seen of it so far */
  struct pl_sense *sense;
  uint64_t rising, falling;
};

/* A device of the stack: its round of questions. */
struct pl_asked_device {
  const struct pl_rig_device *rig;
  struct pl_device *device; /* NULL: it is not open */
  struct pl_item *item;
  struct pl_poll_bus *bus;
  struct pl_sense *senses;
  size_t n_senses;
  struct pl_watched_edges *edges;
  size_t n_edges;
  pl_time_ns due;         /* of the next round */
  size_t at;              /* in the round that runs: index of the sense; n_senses: its faults; then its identity */
  bool again;             /* asked for once more while the round ran */
  bool tells_identity;    /* of its item */
  bool identify;          /* somebody wants to know it afresh */
  bool wants_power;       /* stands in the unit, so that it cannot answer when that is not there */
  unsigned asked, failed; /* in the round that runs */
  uint64_t rounds;        /* that are over */
  uint64_t identity_round; /* not asked for before this one */
  bool mute;              /* nothing of the last round was answered */
  enum pl_health faults;  /* as bad as what it says of itself */
  char fault_names[80];   /* "vout-uv-fault, temperature-warning" */
  char why[160];          /* the last failure's sentence */
  struct pl_command clear; /* of latched faults (clear.c) */
  pl_time_ns well;        /* since when its unit works in spite of them; 0: it does not */
  pl_time_ns cleared;     /* when they were last cleared; 0: not yet */
  bool clearing;
};

/* A bus of the stack: one question at a time, so that commands come between. */
struct pl_poll_bus {
  struct pl_inventory *inventory;
  struct pl_bus *bus;
  struct pl_asked_device **devices;
  size_t n_devices;
  struct pl_asked_device *asking; /* whose round runs; NULL: none */
  struct pl_call *call;           /* while it is under way it is the bus's (in_flight) */
  struct pl_timer timer;
  bool under_way, watched;
};

/* A command under way. It outlives the inventory when the bus still has it. */
struct pl_flight {
  struct pl_inventory *inventory;
  struct pl_command *command; /* NULL: nobody waits for it any more */
  struct pl_asked_device *asked;
  struct pl_call call;
  struct pl_timer timer; /* an answer that needs no bus */
  int64_t value_u;
  struct pl_flight *next;
};

/* What is known of an item beside what others see. */
struct pl_derived {
  pl_time_ns gap, seen;  /* of its presence line: when it last said no (PL_NEVER: not since), and since when it says yes */
  bool answers;          /* its devices could be read at the last round */
  char state_why[120];   /* of a state that is not the usual one */
  enum pl_health blame;  /* what a procedure found */
  char blame_why[120];
};

struct pl_inventory {
  struct pl_stack *stack;
  struct pl_item *items;
  struct pl_derived *derived; /* one an item */
  size_t n_items, first[PL_ITEM_KIND_COUNT + 1];
  struct pl_item **by_id;
  char *ids;                  /* of pumps */
  struct pl_sense *senses;
  struct pl_watched_edges *edges;
  struct pl_asked_device *asked;  /* the stack's */
  size_t n_asked;
  struct pl_asked_device **of_device; /* by index in the rig; NULL: not the stack's */
  struct pl_asked_device **by_bus;
  struct pl_poll_bus *buses;
  size_t n_buses;
  size_t first_rounds_left;
  pl_time_ns started;
  void (*first_round)(void *ctx);
  void *first_round_ctx;
  uint64_t version;
  struct pl_item_listener *listeners, **last_listener;
  struct pl_flight *flights;
  size_t in_flight; /* calls that the buses have */
  bool running, halted, closed;
};

/* make.c */
enum pl_status pl_inventory_make(struct pl_inventory *inventory, struct pl_err *err);
/* sense.c */
void pl_inventory_take(struct pl_inventory *inventory, struct pl_asked_device *asked, struct pl_sense *sense, const struct pl_reading *reading);
/* Its next round begins no later than that. */
void pl_inventory_ask_at(struct pl_inventory *inventory, struct pl_asked_device *asked, pl_time_ns at);
void pl_inventory_release(struct pl_inventory *inventory); /* frees a closed one when no bus has a call of it any more */
struct pl_asked_device *pl_inventory_asked(const struct pl_inventory *inventory, const struct pl_rig_device *device); /* NULL: none */
/* derive.c: what the readings say of a unit now. */
void pl_inventory_derive(struct pl_stack *stack, struct pl_item *item);
/* health.c: the worst that limits and devices say of it. */
void pl_inventory_judge(struct pl_stack *stack, struct pl_item *item);
/* clear.c: what is latched and has been told goes once the unit is well again. After each round. */
void pl_inventory_clear_latched(struct pl_stack *stack, struct pl_asked_device *asked);
const struct pl_rig_limit *pl_sense_limit(const struct pl_sense *sense);
bool pl_sense_within(const struct pl_sense *sense, double *excess); /* excess: how far outside, as a share of the limit */

static inline bool pl_state_is_up(enum pl_state state) /* it has power, and is not given up */
{
  return state == PL_STATE_IN_TEST || state == PL_STATE_ENABLED || state == PL_STATE_QUIESCED || state == PL_STATE_DEGRADED;
}

static inline struct pl_derived *pl_derived_of(const struct pl_inventory *inventory, const struct pl_item *item)
{
  return &inventory->derived[item - inventory->items];
}

#endif
