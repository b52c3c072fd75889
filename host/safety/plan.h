/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_SAFETY_PLAN_H
#define PL_SAFETY_PLAN_H

#include "drivers/rig/backend.h"

/*
 * The plan check: what a rehearsal of a sequence does to the virtual rack, what became dangerous there, and which line of the sequence did it.
 * The rehearsal tells each write, act and fault with its line; the rack tells hazards; here they are put together. No I/O.
 */
struct pl_plan_check;

/* The rules that can refuse a sequence. */
struct pl_plan_check_rule {
  const char *name, *about;
};
const struct pl_plan_check_rule *pl_plan_check_rules(size_t *count);

struct pl_plan_check_finding {
  const char *rule, *text; /* text: what, with numbers, and what to do instead */
  const char *part;        /* the first that it happened to; the rig's or the rack's text */
  int line;                /* of the sequence; 0: no line wrote before it */
  int other;               /* the line that set the scene for it; 0: none */
  const char *wrote, *other_wrote; /* "load-1.load = 500 W", "remove csu-1"; "" where there is no line */
  unsigned more;           /* further parts with the same rule at the same line */
  pl_time_ns at;           /* of the rehearsal */
};

enum pl_status pl_plan_check_new(const struct pl_rig *rig, struct pl_plan_check **plan, struct pl_err *err);
void pl_plan_check_free(struct pl_plan_check *plan);
/* Before a further rehearsal of the same sequence, with a fault planted from the start: only acts of the sequence that such a fault makes dangerous count
 * from here on, and what is found says so. */
void pl_plan_check_suppose(struct pl_plan_check *plan, const char *fault);
/* Whether a hand has been laid on a part in any rehearsal so far. */
bool pl_plan_check_was_acted(const struct pl_plan_check *plan, const char *part);

/* --- what the sequence does, in the order of time --- */
void pl_plan_check_wrote(struct pl_plan_check *plan, int line, pl_time_ns at, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t value_u);
void pl_plan_check_acted(struct pl_plan_check *plan, int line, pl_time_ns at, const struct pl_rig_part *part, const char *verb);
void pl_plan_check_planted(struct pl_plan_check *plan, int line, pl_time_ns at, const char *spec); /* a fault that the sequence itself plants */
/* PL_E_USAGE: no such rule, or no reason. */
enum pl_status pl_plan_check_allow(struct pl_plan_check *plan, const char *rule, const char *why, struct pl_err *err);

/* --- what came of it --- */
void pl_plan_check_hazard(struct pl_plan_check *plan, const struct pl_hazard *hazard);
/* An output without a safe value that the run leaves as it did not find it. */
void pl_plan_check_left(struct pl_plan_check *plan, pl_time_ns at, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t found_u, int64_t left_u);

/* What is refused, in the order of lines. */
size_t pl_plan_check_count(const struct pl_plan_check *plan);
const struct pl_plan_check_finding *pl_plan_check_get(const struct pl_plan_check *plan, size_t index);

#endif
