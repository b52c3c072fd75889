/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLACEMENT_IN_H
#define PL_CONTROL_PLACEMENT_IN_H

#include "control/placement/placement.h"
#include "control/placement/recorder.h"
#include "control/procedure/procedure.h"
#include "control/stack/stack.h"
#include "control/store/store.h"

#include <stdlib.h>
#include <string.h>

/*
 * Inside the room. Hosts (nodes with an agent) are brought to what the workloads' rows in the store say, by what their agents tell: each survey gives the next
 * thing to ask for (bring.c). So a restart, a crash of an agent and a lost answer are one case. Procedures only change the wishes.
 */

/* What is wanted of a workload on one host. */
enum pl_wish {
  PL_WISH_KEEP,    /* as it is */
  PL_WISH_NOTHING, /* nothing of it is there */
  PL_WISH_RUNNING, /* runs there, anew from its image if nothing of it is there */
  PL_WISH_PAUSED,  /* its data stands still */
  PL_WISH_COPY,    /* a copy of the snapshot, not running */
  PL_WISH_STARTED  /* that copy runs */
};

struct pl_transfer { /* a move that runs */
  bool active, turn, snapped; /* turn: it counts among those that may run at one time */
  enum pl_wish from, to;  /* at its two ends */
  char source[64];
  struct pl_agent_run snapshot;
  int64_t paused_wall_ns; /* when it was told to stand still; 0: not yet */
};

struct pl_peak { /* of a profile, as of its last sample */
  double ahead_s, expected, high;
  bool known;
};

struct pl_work { /* a workload with what only the room knows */
  struct pl_workload w; /* first */
  unsigned replica;
  uint64_t order;         /* which order it came with: rises */
  int64_t asked_wall_ns;  /* when it began to wait, less what it had waited before and not run off */
  int64_t waited_ns, placed_wall_ns; /* so long when it got its place, and when that was */
  bool restored;          /* stood in the store at the start: where it runs is not known before all agents were asked */
  bool displaced;         /* STOPPING: it waits for another place afterwards; QUEUED: it is one replica that had a place */
  bool caught;            /* displaced, STOPPING: its snapshot is in the store, or there is none to be had */
  bool ran;               /* displaced, STOPPING: it was seen to run, so that what stands there is newer than what was kept */
  struct pl_agent_run kept; /* its snapshot, from when it is displaced until it runs again; handle 0: none */
  unsigned tries;         /* of a snapshot, or of its copy, in vain */
  bool away;              /* to be freed */
  uint64_t party;         /* it moves together with others that have the same number (parties.c); 0: alone */
  char back[64];          /* of a party: where it was; held for it until the party is over */
  bool returning;         /* of a party: it goes back there, for another could not come */
  struct pl_amounts grow; /* once it has moved it gets that much; cores 0: nothing */
  struct pl_transfer move;
  struct pl_profile *cores, *memory;
  struct pl_peak cores_peak, memory_peak; /* over "forecast-ahead" */
};

struct pl_host;
struct pl_asking { /* a call under way: it outlives the room where a bus has it */
  struct pl_node_call call;
  struct pl_host *host; /* NULL: nobody waits for it any more */
  pl_time_ns at;
};

struct pl_host {
  struct pl_placement *all;
  struct pl_item *item;
  struct pl_asking *asking; /* NULL: nothing is under way */
  struct pl_agent_run runs[PL_AGENT_RUNS_MAX];
  size_t n_runs;
  bool fresh;             /* nothing was asked of the agent since `runs` */
  pl_time_ns told;        /* when `runs` was asked for; 0: never */
  pl_time_ns due;         /* of the next survey */
  pl_time_ns mute, dark;  /* since when; 0: it is not. Dark: it has no power, so that nothing runs there */
  bool asleep;            /* switched off by us, to save power; kept in the store */
  bool closed;            /* by an operator; kept in the store */
  bool unkept;            /* the store did not take the two */
  bool draining, stuck;   /* for a procedure */
  bool forced;            /* and what fits nowhere else makes room */
  bool hot, known;        /* known: its capacity has been read */
  char drain_why[PL_SENTENCE_MAX];
  pl_time_ns woken;       /* when it was last told to wake */
  unsigned wakes;         /* how often in vain */
  pl_time_ns over, hotter; /* since when it is too full, too hot; 0: it is not */
  double heat;            /* measured: 0 cool, 1 at its limit */
  double *heats;          /* the same of each of the item's senses, as it was last known; 0: never */
  pl_time_ns shut, hold;  /* after heat: until when it is closed, and for how long after it was hot */
  pl_time_ns relieved;    /* when something was last moved because of it; 0: not since it was cool */
  struct pl_node_desc desc; /* as the pool has it */
};

struct pl_planned { /* a move that waits for its turn */
  char id[64], to[64], author[64];
  char after[64];         /* an allocation whose move must be over first; "": none */
  char why[512];          /* the plan's sentence */
  uint64_t group;         /* those of one number begin together; 0: alone */
  struct pl_planned *next;
};

#define PL_PARTY_MAX 16 /* most that move together */
struct pl_leave { /* one that is to move now */
  struct pl_work *work;
  const char *to;
};

struct pl_placement {
  struct pl_stack *stack;
  struct pl_pool *pool;
  struct pl_host *hosts;
  size_t n_hosts;
  struct pl_work *first;  /* w.next: by id */
  struct pl_reservation *reservations;
  struct pl_planned *planned;
  struct pl_placement_listener *listeners;
  struct pl_procedure_listener on_procedures;
  struct pl_item_listener on_items;
  struct pl_timer timer;
  bool started, freeing;
  uint32_t handle;        /* the last given */
  uint64_t orders, parties; /* the last numbers given */
  uint64_t tried_version; /* of the pool when the queue was last tried in vain */
  pl_time_ns reunited;    /* when what was parted was last told to move; 0: nothing was */
  pl_time_ns tried, sampled, consolidated, drained, wandered;
  struct pl_work *beginning; /* what pl_migrate is begun for */
  const char *ending;        /* which tasks pl_stop_workloads is begun for */
  uint64_t drained_version; /* of the pool when drains were last planned */
  uint64_t repaired_version; /* and repairs */
  uint64_t reunited_version; /* and what was parted */
  struct pl_amounts limit;   /* of the rack, as the pool has it */
  pl_time_ns over_limit;     /* since when more is taken than is known to be carried, or may be; 0: it is not */
  struct pl_recorder *recorder; /* NULL: nothing is recorded */
  uint64_t uuids;
};

static inline pl_time_ns pl_room_now(const struct pl_placement *all)
{
  return pl_clock_now(all->stack->clock);
}
static inline int64_t pl_room_wall(const struct pl_placement *all)
{
  return pl_clock_wall_ns(all->stack->clock, pl_room_now(all));
}
static inline struct pl_work *pl_work_of(struct pl_workload *w)
{
  return (struct pl_work *)w;
}
static inline struct pl_work *pl_work_next(const struct pl_work *work)
{
  return pl_work_of(work->w.next);
}

/* placement.c */
void pl_room_poke(struct pl_placement *all); /* a look at everything soon */

/* works.c: the list, their states */
struct pl_work *pl_work_new(struct pl_placement *all, const struct pl_request *request, const char *id, unsigned replica, struct pl_err *err); /* not listed yet */
void pl_work_free(struct pl_work *work);
void pl_work_list(struct pl_placement *all, struct pl_work *work);
enum pl_status pl_work_unkeep(struct pl_placement *all, const struct pl_work *work, struct pl_err *err); /* before it is removed for a client, who is told that it is */
void pl_work_remove(struct pl_placement *all, struct pl_work *work); /* from pool, store and list */
struct pl_work *pl_work_find(const struct pl_placement *all, const char *id);
struct pl_work *pl_work_by_handle(const struct pl_placement *all, uint32_t handle);
/* Its state, and why (printf); kept, and told. */
void pl_work_state(struct pl_placement *all, struct pl_work *work, enum pl_workload_state state, const char *why, ...) __attribute__((format(printf, 4, 5)));
/* The same for a client, who is told that it is so: where it is not kept nothing changes. */
enum pl_status pl_work_state_kept(struct pl_placement *all, struct pl_work *work, enum pl_workload_state state, const char *why, struct pl_err *err);
void pl_work_changed(struct pl_placement *all, struct pl_work *work); /* tells the listeners */
enum pl_status pl_request_copy(struct pl_request *copy, const struct pl_request *request, struct pl_err *err); /* with strings of its own */
void pl_request_free(struct pl_request *request);

/* displaced.c: by something more important: kept, stopped, and back into the queue; restored where it gets a place */
void pl_work_displace(struct pl_placement *all, struct pl_work *work, const char *by);
bool pl_is_to_be_kept(const struct pl_work *work); /* to stand still first */
void pl_displaced_told(struct pl_placement *all, struct pl_work *work, const struct pl_agent_run *run);
void pl_displaced_trouble(struct pl_placement *all, struct pl_work *work, const char *why); /* it could not be told to stand still */
void pl_displaced_gone(struct pl_placement *all, struct pl_work *work, const char *why);    /* nothing of it is left there */
const char *pl_displaced_words(const struct pl_work *work); /* half a sentence: what it begins with */
bool pl_run_differs(const struct pl_agent_run *a, const struct pl_agent_run *b); /* what they hold */
struct pl_agent_run pl_kept_copy(const struct pl_work *work, struct pl_agent_run run);
bool pl_kept_is_bad(const struct pl_work *work, const struct pl_agent_run *run); /* not what was kept */
void pl_kept_told(struct pl_placement *all, struct pl_work *work, const struct pl_agent_run *run);

/* keep.c: the store's view */
enum pl_status pl_work_keep(struct pl_placement *all, const struct pl_work *work, struct pl_err *err);
enum pl_status pl_works_read(struct pl_placement *all, struct pl_err *err);
enum pl_status pl_work_handle(struct pl_placement *all, uint32_t *handle, struct pl_err *err);
enum pl_status pl_host_keep(struct pl_host *host, struct pl_err *err); /* asleep, closed; what is not taken is tried again at each look */

/* decisions.c */
void pl_decide(struct pl_placement *all, const char *what, const char *id, const char *node, const char *author, const char *detail, const char *text, ...)
    __attribute__((format(printf, 7, 8)));

void pl_decisions_round(struct pl_placement *all); /* what was recorded is written */
void pl_decisions_new(struct pl_placement *all, const struct pl_pool_policy *policy);

/* hosts.c: the pool's nodes are what the inventory says */
enum pl_status pl_hosts_new(struct pl_placement *all, struct pl_err *err);
void pl_hosts_free(struct pl_placement *all);
void pl_hosts_mirror(struct pl_placement *all);
struct pl_host *pl_host_find(const struct pl_placement *all, const char *id); /* NULL: none */
struct pl_host *pl_host_of(const struct pl_placement *all, const struct pl_item *item);
bool pl_host_answers(const struct pl_host *host); /* has power and is not given up: its agent may be asked */
void pl_limits_mirror(struct pl_placement *all);  /* limits.c: power and heat of the rack */
void pl_limits_keep(struct pl_placement *all);    /* what they carry no longer waits, the least important first */

/* heat.c */
void pl_heat_look(struct pl_host *host);
void pl_heat_forget(struct pl_host *host);
bool pl_heat_closes(const struct pl_host *host); /* to new work: it is hot, or was of late */
void pl_heat_relieve(struct pl_host *host);      /* of as much as it must lose, where what was moved before has had its time to show */

/* bring.c */
void pl_host_work(struct pl_host *host);  /* the next thing to ask of it */
void pl_host_hurry(struct pl_host *host); /* a survey soon */
const struct pl_agent_run *pl_host_run(const struct pl_host *host, uint32_t handle); /* NULL: it told of none */

/* orders.c */
/* Commits the plan, and makes or moves on the workloads of its rows. */
enum pl_status pl_order_settle(struct pl_placement *all, const struct pl_order *order, const struct pl_plan *plan, const char *reservation, pl_time_ns expires,
                               uint64_t number, struct pl_err *err);
void pl_request_fill(const struct pl_placement *all, const struct pl_order *order, struct pl_request *request); /* what it leaves open */
void pl_reservations_expire(struct pl_placement *all);
pl_time_ns pl_reservations_due(const struct pl_placement *all); /* PL_NEVER: none */
void pl_reservations_read(struct pl_placement *all);
void pl_reservation_forget(struct pl_placement *all, const char *id);

/* queue.c */
bool pl_queue_blocks(const struct pl_placement *all, int priority, const struct pl_work **head); /* somebody has waited too long to be passed */
void pl_queue_try(struct pl_placement *all);
int64_t pl_queue_left(const struct pl_placement *all, const struct pl_work *work); /* of what it had waited, as it runs */
void pl_queue_stand(struct pl_placement *all); /* who got a place by waiting is not displaced at once by who is less than that */
/* Where one replica would go, alone: not where it would part it from those that are tied to it (`with`, either side) and are where it is; pl_moves_together may. */
bool pl_find_place(struct pl_placement *all, const struct pl_work *work, const struct pl_request *request, bool anywhere_else, char to[64], struct pl_err *why);

/* transfers.c */
enum pl_status pl_transfer_begin(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, struct pl_procedure **task, struct pl_err *err);
/* All or none; task: the first one's. why: what the explanation says beside the author, "". */
enum pl_status pl_transfers_begin(struct pl_placement *all, const struct pl_leave *leaves, size_t count, const char *author, const char *why,
                                  struct pl_procedure **task, struct pl_err *err);
/* Its procedure alone, what the pool holds for it being settled: to w.target. */
enum pl_status pl_transfer_go(struct pl_placement *all, struct pl_work *work, const char *author, struct pl_procedure **task, struct pl_err *err);
void pl_transfer_replace(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, const char *detail); /* of what does not run */
/* Why it goes, then why there and why not elsewhere, as the pool has it now; lines, malloc'd. left: from where it came, "" nowhere. */
char *pl_place_explain(struct pl_placement *all, const struct pl_work *work, const char *left, const char *author, const char *why);
void pl_transfer_unhold(struct pl_placement *all, const struct pl_work *work);
void pl_transfer_hold(struct pl_placement *all, struct pl_work *work, const char *source); /* the pool keeps room for it at both ends */
void pl_transfer_over(struct pl_placement *all, struct pl_work *work, bool moved, const char *why);
void pl_transfers_plan(struct pl_placement *all, const struct pl_moves *moves, const char *author);
bool pl_transfers_is_planned(const struct pl_placement *all, const char *id);
void pl_transfers_plan_one(struct pl_placement *all, const char *id, const char *to, const char *author);
void pl_transfers_run(struct pl_placement *all);  /* the planned ones, as many as may run */
bool pl_transfers_have_turn(const struct pl_placement *all, const struct pl_work *work); /* work NULL: any */
bool pl_transfers_concern(const struct pl_placement *all, const struct pl_host *host); /* one from or to it runs or is planned */
void pl_transfers_forget(struct pl_placement *all);
void pl_drains_look(struct pl_placement *all);

/* parties.c */
void pl_parties_look(struct pl_placement *all); /* those of which one failed go back; those that are over are forgotten */
void pl_party_hold(struct pl_placement *all, const struct pl_work *work); /* the place that it came from, while others of its party are on their way */
/* Those that it can only go with, and it, to that node (NULL: the best); PL_E_RANGE: not even so. */
enum pl_status pl_party_begin(struct pl_placement *all, struct pl_work *work, const char *to, const char *author, struct pl_procedure **task, struct pl_err *err);
bool pl_party_is_tied(const struct pl_placement *all, const struct pl_work *work, char names[160]); /* by `with`, to whom */

/* retire.c */
void pl_retire_poke(struct pl_placement *all); /* something has ended */

/* watch.c */
void pl_watch_losses(struct pl_placement *all);
void pl_watch_load(struct pl_placement *all);
void pl_watch_idle(struct pl_placement *all);
void pl_host_wake(struct pl_host *host, const char *author);

/* use.c */
void pl_use_sample(struct pl_placement *all);
bool pl_use_peak(const struct pl_work *work, enum pl_dimension dimension, double ahead_s, double *expected, double *above);
void pl_use_keep(struct pl_placement *all, const struct pl_work *work);
void pl_use_forget(struct pl_placement *all, const struct pl_work *work);
void pl_use_read(struct pl_placement *all, struct pl_work *work);

#endif
