/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_SAFETY_INTERLOCK_IN_H
#define PL_SAFETY_INTERLOCK_IN_H

#include "host/safety/interlock.h"

#include <pthread.h>
#include <stdatomic.h>

/* Between the files of the interlock only. All sizes are fixed at compile time of the rules: nothing is allocated once it runs. */
#define PL_IL_RULES_MAX 64
#define PL_IL_SIGNALS_MAX 96
#define PL_IL_OUTPUTS_MAX 64
#define PL_IL_NODES_MAX 24 /* of one rule's condition */
#define PL_IL_DO_MAX 16
#define PL_IL_LINKS_MAX 4
#define PL_IL_DEPTH_MAX 4

enum pl_il_op { PL_IL_FLAG, PL_IL_COMPARE, PL_IL_NOT, PL_IL_AT_LEAST };
enum pl_il_cmp { PL_IL_GT, PL_IL_GE, PL_IL_LT, PL_IL_LE, PL_IL_EQ, PL_IL_NE };

struct pl_il_node { /* a condition in prefix order: operands follow their operator */
  enum pl_il_op op;
  enum pl_il_cmp cmp;
  size_t signal;
  int64_t limit_u;
  unsigned least, count; /* AT_LEAST: of so many */
  size_t end;            /* the node after this one's operands */
  int line;
};

struct pl_il_signal {
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  size_t bus;
  pl_time_ns stale; /* older is unreadable */
};

struct pl_il_output {
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  int64_t value_u; /* when a rule trips */
  size_t bus;
  size_t rule; /* the first that sets it, and where */
  int line;
};

struct pl_il_bus {
  const struct pl_rig_bus *rig;
  bool edges;         /* its adapter tells of changes: a signal need not wait for the next look */
  bool sampled, wired; /* as it was found when opened: a contact on it tells of no changes after all; it is behind a wire, whatever its adapter's name */
  size_t signals;     /* on it */
  pl_time_ns access;  /* one reading or setting, about */
  pl_time_ns patience; /* the longest that a device is waited for while others on the bus may have to be set */
  pl_time_ns every;   /* how often all of its signals are read: the period, or as fast as the bus goes */
};

struct pl_il_rule {
  const char *name, *because;
  const struct pl_node *node;
  struct pl_il_node nodes[PL_IL_NODES_MAX];
  size_t n_nodes;
  pl_time_ns dwell, within, grace; /* grace: how long a condition that cannot be told is put up with */
  size_t outputs[PL_IL_DO_MAX], n_outputs;
  size_t after[PL_IL_LINKS_MAX], n_after;
  size_t unless[PL_IL_LINKS_MAX], n_unless;
};

struct pl_interlock_rules {
  const struct pl_rig *rig;
  pl_time_ns period;
  struct pl_il_rule rules[PL_IL_RULES_MAX];
  struct pl_il_signal signals[PL_IL_SIGNALS_MAX];
  struct pl_il_output outputs[PL_IL_OUTPUTS_MAX];
  struct pl_il_bus *buses; /* those of the interlock */
  size_t n_rules, n_signals, n_outputs, n_buses;
};

/* interlock_condition.c: the condition and the outputs of a rule */
enum pl_status pl_il_read_condition(struct pl_interlock_rules *rules, struct pl_il_rule *rule, struct pl_err *err);
enum pl_status pl_il_read_do(struct pl_interlock_rules *rules, struct pl_il_rule *rule, struct pl_err *err);
/* interlock_check.c: what is wrong between the rules */
enum pl_status pl_il_check(const struct pl_interlock_rules *rules, struct pl_err *err);
void pl_il_time_buses(struct pl_interlock_rules *rules);

/* --- at work --- */
struct pl_il_reading {
  int64_t value_u;
  enum pl_status status;  /* PL_E_CANCELLED: never read */
  pl_time_ns at;          /* when it was read */
  pl_time_ns changed;     /* when it came to be so: the edge, where there are any; else the first look that found it */
  uint64_t risen, fallen; /* edges so far */
};

enum pl_il_truth { PL_IL_SAFE, PL_IL_UNSAFE, PL_IL_UNKNOWN };
struct pl_il_verdict {
  enum pl_il_truth truth;
  size_t signal; /* that decided */
};
/* interlock_judge.c. readings: one a signal; a stale one has a status other than PL_OK. */
struct pl_il_verdict pl_il_judge(const struct pl_il_rule *rule, const struct pl_il_reading *readings);
char *pl_il_condition_text(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, char *out, size_t size);

/* What the tick has to say, as numbers: written by its thread alone, read by the loop's alone. */
#define PL_IL_RING 128 /* a power of two */
#define PL_IL_TOLD_MAX 8
struct pl_il_told {
  enum pl_interlock_what what;
  int rule;
  size_t signal, output; /* SIZE_MAX: none */
  pl_time_ns since, at, done;
  enum pl_status status;
  size_t n;
  struct {
    size_t signal;
    struct pl_il_reading reading;
  } seen[PL_IL_TOLD_MAX]; /* what the condition's signals were */
};

struct pl_il_work_signal {
  struct pl_call call;
  struct pl_il_reading last; /* as read; last.status is that of the last look, last.at that of the last good one */
  bool blind;                /* stale, and told so */
  /* of a bus with a worker: the last good value and when; written by the feeder, read by the tick */
  _Atomic unsigned turn; /* odd while it is being written */
  _Atomic int64_t value_u, at;
  _Atomic int status;    /* of the last look */
};

struct pl_il_work_output {
  struct pl_call call;
  int64_t rest_u;          /* when no rule holds it */
  unsigned holders;        /* rules that tripped and set it */
  bool driven;             /* it was set as holders ask */
  bool confirmed;          /* and read back so */
  pl_time_ns set_at, confirmed_at, look_at;
  /* of a bus with a worker */
  _Atomic unsigned asked;  /* orders so far; the last one's value is in order_u */
  _Atomic int64_t order_u;
  unsigned begun;          /* the feeder's: the order that it is at */
  bool owed;               /* the feeder's: that order is not carried out, and is tried again */
  unsigned fails;          /* the feeder's: in a row */
  pl_time_ns due, seen_at; /* the feeder's: when it is tried again or looked at; when it last read back so */
  _Atomic unsigned set, read_back; /* orders that were carried out, and that read back so */
  _Atomic int64_t set_time, back_time;
};

struct pl_il_work_rule {
  enum pl_il_truth truth;
  pl_time_ns since, unknown_since;
  pl_time_ns safe_at;    /* the last time that it was judged safe; 0: never */
  bool tripped, settled; /* settled: its outputs are confirmed */
  bool doubted;
  pl_time_ns tripped_at;
};

struct pl_il_work_bus {
  struct pl_interlock *interlock;
  size_t index;
  struct pl_bus *bus;
  bool direct;        /* read and set by the tick itself */
  _Atomic bool dirty; /* an edge was told */
  pl_time_ns look_at; /* direct: the next look */
  /* the feeder's */
  struct pl_timer timer;
  bool busy;           /* a call is on its way */
  bool chore;          /* signals had their turn: next is an output that is tried again or looked at */
  size_t next;         /* signal to ask */
  size_t output;       /* that was served last */
  pl_time_ns round_at;
};

enum { PL_IL_STATE_TRIPPED = 1, PL_IL_STATE_BLIND = 2, PL_IL_STATE_TRIPS = 4 }; /* TRIPS: counted in these */

struct pl_interlock {
  const struct pl_interlock_rules *rules; /* own */
  struct pl_interlock_rules *own;         /* a copy, timed by what the opened buses can do */
  struct pl_bench *bench;
  struct pl_clock *main;  /* the loop's */
  struct pl_clock *clock; /* of the interlock's buses: the feeder's own, or the loop's in virtual time */
  struct pl_clock *alarm; /* what the tick's thread waits on; NULL in virtual time */
  bool is_virtual;
  bool started; /* its calls are made up: it may tick */
  struct pl_device **devices; /* one a device of the rig; NULL: not the interlock's */
  struct pl_il_work_bus *buses;
  struct pl_il_work_signal signals[PL_IL_SIGNALS_MAX];
  struct pl_il_reading readings[PL_IL_SIGNALS_MAX]; /* what the rules are judged by */
  struct pl_il_work_output outputs[PL_IL_OUTPUTS_MAX];
  struct pl_il_work_rule work[PL_IL_RULES_MAX];
  struct pl_timer timer; /* virtual time */
  pthread_t ticker, feeder;
  bool ticking, feeding;
  _Atomic bool stop;
  _Atomic uint64_t resets;  /* asked for, a bit a rule */
  _Atomic uint64_t cleared; /* a bit a rule: it was judged safe once since the interlock was opened */
  char manner[240];
  /* the ring */
  struct pl_il_told ring[PL_IL_RING];
  _Atomic unsigned written, drained, overrun;
  _Atomic unsigned states[PL_IL_RULES_MAX]; /* trips so far, and how it stands: written after the ring, so that what a full ring lost is not lost */
  /* the loop's */
  struct pl_interlock_view views[PL_IL_RULES_MAX];
  char texts[PL_IL_RULES_MAX][PL_ERR_TEXT_MAX];
};

/* interlock_tick.c: looks, judges, acts. Returns when it wants to be called again. */
pl_time_ns pl_il_tick(struct pl_interlock *interlock, pl_time_ns now);
void pl_il_wake(struct pl_interlock *interlock); /* any thread: tick soon */
/* interlock_feed.c: buses with a worker. On the feeder's thread, but pl_il_order, which is the tick's. */
void pl_il_feed_start(struct pl_interlock *interlock);
void pl_il_feed_kick(struct pl_interlock *interlock); /* looks for orders */
void pl_il_order(struct pl_interlock *interlock, size_t output, int64_t value_u);
bool pl_il_take(struct pl_il_work_signal *signal, struct pl_il_reading *reading); /* false: nothing new */
/* interlock_tell.c */
void pl_il_tell(struct pl_interlock *interlock, const struct pl_il_told *told);

#endif
