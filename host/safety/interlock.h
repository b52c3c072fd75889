/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_SAFETY_INTERLOCK_H
#define PL_SAFETY_INTERLOCK_H

#include "drivers/rig/bench.h"

/*
 * Interlock rules: what must never be, and what is switched off at once when it is. They come from the rig file's `interlock:` section, are compiled and
 * checked before anything is driven, and act on devices of `owner: interlock`, on buses that nobody else opens. docs/safety.md has the words.
 *
 * In real time the rules run in a thread of their own, which never waits for the loop, Lua, the disk or a bus with a wire; in virtual time the clock steps
 * the same code. A rule that tripped stays tripped, and holds its outputs, until it is reset.
 */
struct pl_interlock_rules; /* compiled; lives as long as its rig */

/* PL_E_USAGE with file:line for the first thing wrong. *rules is NULL when the rig has no rules and no device of owner interlock. */
enum pl_status pl_interlock_compile(const struct pl_rig *rig, struct pl_interlock_rules **rules, struct pl_err *err);
void pl_interlock_rules_free(struct pl_interlock_rules *rules);
size_t pl_interlock_count(const struct pl_interlock_rules *rules); /* 0 for NULL */
const char *pl_interlock_name(const struct pl_interlock_rules *rules, size_t rule);
pl_time_ns pl_interlock_limit(const struct pl_interlock_rules *rules, size_t rule); /* from an unsafe reading to its outputs: dwell and `within` */
/* The rule in words: "when trip-leak-1.wet for 200 ms, within 100 ms: kill-1.open = true". */
char *pl_interlock_text(const struct pl_interlock_rules *rules, size_t rule, char *out, size_t size);
/* What is no mistake but looks like one ("file:line: nobody watches ..."). */
void pl_interlock_warnings(const struct pl_interlock_rules *rules, void (*fn)(void *ctx, const char *text), void *ctx);
/* The rule's index, or -1: err then says which there are. */
int pl_interlock_find(const struct pl_interlock_rules *rules, const char *name, struct pl_err *err);

struct pl_interlock; /* rules at work */

/* Opens the interlock's buses and devices, reads every signal once and starts. What is unsafe or cannot be read by then trips like any other time.
 * bench and rules outlive it. */
enum pl_status pl_interlock_open(const struct pl_interlock_rules *rules, struct pl_bench *bench, struct pl_interlock **interlock, struct pl_err *err);
/* Waits until every rule was safe once, or one has tripped (which the events tell): an unsafe rule through its dwell, 10 s at most. PL_E_RANGE: one is still
 * neither. Until then outputs that were as a trip sets them stay so: a contactor that must be held is not closed on what nobody has looked at. Loop's thread. */
enum pl_status pl_interlock_ready(struct pl_interlock *interlock, struct pl_err *err);
/* Outputs stay as they are, as far as their adapters let them. NULL is fine. */
void pl_interlock_close(struct pl_interlock *interlock);
const struct pl_interlock_rules *pl_interlock_rules_of(const struct pl_interlock *interlock);
/* How it runs: "real time, priority 60, memory locked" or what was not permitted. */
const char *pl_interlock_manner(const struct pl_interlock *interlock);

/* What happened, told by pl_interlock_drain on the loop's thread. */
enum pl_interlock_what {
  PL_INTERLOCK_TRIPPED,   /* an unsafe reading */
  PL_INTERLOCK_BLIND,     /* tripped because a signal could not be read */
  PL_INTERLOCK_CONFIRMED, /* all of its outputs read back as they should */
  PL_INTERLOCK_DOUBTED,   /* an output did not read back in time; it goes on being set */
  PL_INTERLOCK_RESET,
  PL_INTERLOCK_REFUSED,   /* a reset: the condition still holds */
  PL_INTERLOCK_UNREADABLE, /* a signal; rules that can do without go on */
  PL_INTERLOCK_READABLE,   /* it is back */
  PL_INTERLOCK_OVERRUN,    /* events were lost: nobody drained them in time */
};

struct pl_interlock_event {
  enum pl_interlock_what what;
  int rule;                /* -1: none */
  const struct pl_rig_device *device; /* the signal that decided or is meant; the output that is doubted; NULL: none */
  const struct pl_quantity *quantity;
  pl_time_ns since;        /* of a trip: when the condition began to hold */
  pl_time_ns at;           /* when the rule tripped, or the event was noticed */
  pl_time_ns done;         /* of a trip: when the last direct output was set; CONFIRMED: when the last one read back */
  const char *text;        /* the whole story in a sentence or two */
  const char *json;        /* the same for machines: an object */
};
/* Tells what has happened since the last call, in order, and keeps the views below up to date. Cheap when nothing has. */
void pl_interlock_drain(struct pl_interlock *interlock, void (*fn)(void *ctx, const struct pl_interlock_event *event), void *ctx);

/* As of the last drain. */
struct pl_interlock_view {
  bool tripped, blind, confirmed;
  uint64_t trips;       /* so far */
  pl_time_ns since, at; /* of the last trip */
  pl_time_ns done;      /* PL_NEVER: its outputs are not all confirmed */
  unsigned refused;     /* resets refused so far */
  const char *text;     /* why it tripped last; "" */
  int line;             /* of the sequence that was running when it tripped first, as noted by the engine; 0: unknown */
};
const struct pl_interlock_view *pl_interlock_view(const struct pl_interlock *interlock, size_t rule);
void pl_interlock_note_line(struct pl_interlock *interlock, size_t rule, int line);
/* Asks for a reset; the answer is an event, and in the views. */
void pl_interlock_reset(struct pl_interlock *interlock, size_t rule);

#endif
