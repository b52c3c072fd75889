/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_LEAK_H
#define PL_CONTROL_LEAK_H

#include "control/inventory/item.h"

/*
 * Leak detectors: what Redfish reads and writes of one (LeakDetector v1_6, whose words these are), and when its reaction is due. A detector that is wet is
 * Critical; one that is disabled, cannot be read or has a broken cable is Unavailable, which is no leak, and takes back none either. The reaction's delay runs
 * from the bus's time of the edge; dry again before it is over: no reaction.
 */
enum pl_reaction { PL_REACTION_NONE, PL_REACTION_FORCE_OFF };
enum pl_detector_state { PL_DETECTOR_OK, PL_DETECTOR_WARNING, PL_DETECTOR_CRITICAL, PL_DETECTOR_UNAVAILABLE, PL_DETECTOR_ABSENT };
struct pl_detector {
  enum pl_reaction critical, warning; /* warning: kept and told; a detector that only knows wet and dry never reports Warning */
  double delay_s;          /* ReactionDelaySeconds */
  bool enabled;
  enum pl_detector_state state;
  pl_time_ns since;
  bool pending;            /* wet, and the reaction is due at `due` */
  pl_time_ns due;
  bool reacted;            /* since it became wet */
};
#define PL_DETECTOR_DELAY_MAX_S 3600.0

struct pl_leaks;
enum pl_status pl_leaks_new(struct pl_stack *stack, struct pl_leaks **leaks, struct pl_err *err); /* before pl_inventory_start */
void pl_leaks_free(struct pl_leaks *leaks);

/* NULL: it is no detector. */
const struct pl_detector *pl_detector(const struct pl_stack *stack, const struct pl_item *item);
/* Writes the four settings where they differ, to the store first. PL_E_RANGE: the delay. */
enum pl_status pl_detector_set(struct pl_stack *stack, struct pl_item *item, const struct pl_detector *want, struct pl_err *err);
const char *pl_detector_state_name(enum pl_detector_state state); /* "Critical" */
const char *pl_reaction_name(enum pl_reaction reaction);          /* "ForceOff" */

/* What a detector's reaction concerns: the module that its tray stands in, or the rack. */
struct pl_item *pl_leak_scope(const struct pl_stack *stack, const struct pl_item *detector);
/* PL_E_BUSY while a leak stands that concerns this CSU: it gets no power. */
enum pl_status pl_leak_forbids(const struct pl_stack *stack, const struct pl_item *csu, struct pl_err *err);

/* thermal.c: begins pl_thermal_emergency for a CSU with a temperature above settings.thermal_limit twice in a row. */
struct pl_thermal;
enum pl_status pl_thermal_new(struct pl_stack *stack, struct pl_thermal **thermal, struct pl_err *err);
void pl_thermal_free(struct pl_thermal *thermal);

#endif
