/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_UNIT_H
#define PL_CONTROL_UNIT_H

#include "control/procedure/procedure_in.h"

/* What the steps have in common: a CSU's power, LED, reset and identity; limits. Values read after the step's commands only. */
#define PL_OFF_V 5.0 /* less than this behind the path is no power */

enum pl_power { PL_POWER_UNSEEN, PL_POWER_OFF, PL_POWER_ON, PL_POWER_BETWEEN };
/* why (may be NULL): what is seen, in words. A slot without a unit has no power. */
enum pl_power pl_unit_power(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why);
/* Path and enable line, whichever it has. Switching off tries all that there is, and fails nothing: the check tells. */
enum pl_status pl_unit_switch(struct pl_procedure *p, struct pl_item *unit, bool on, struct pl_err *err);
/* No power, and nothing that a unit that is there would get some by. */
enum pl_check pl_unit_is_off(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why);
enum pl_check pl_unit_is_on(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why); /* FAILED: it was pulled */

enum pl_status pl_unit_light(struct pl_procedure *p, struct pl_item *unit, bool on, struct pl_err *err); /* attention LED, and what Redfish says of it */
enum pl_check pl_unit_is_lit(struct pl_procedure *p, const struct pl_item *unit, bool on, struct pl_err *why);

/* 1, 0, -1: not known yet. A unit without a presence line is there. */
int pl_unit_present(struct pl_procedure *p, const struct pl_item *unit);
bool pl_unit_is(const struct pl_item *unit, const char *serial); /* false only when both are known and differ */
/* For again(): there, readable, and the unit with this serial. */
bool pl_unit_safe(struct pl_procedure *p, const struct pl_item *unit, const char *serial, struct pl_err *why);

/* Every value of the unit that the rig gives a limit is fresh and inside. */
enum pl_check pl_unit_within_limits(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why);
const struct pl_rig_limit *pl_unit_limit(const struct pl_item *unit, const char *role, const char *quantity); /* NULL: none */

bool pl_part_says(const struct pl_item *item, const char *key, const char *word); /* the rig says this word there, or nothing at all */
double pl_unit_hottest(const struct pl_stack *stack, const struct pl_item *unit); /* degC, of what it tells; 0: nothing */

/* Limits of steps, by the settings. */
pl_time_ns pl_limit_power_good(const struct pl_stack *stack);
pl_time_ns pl_limit_power_off(const struct pl_stack *stack);
pl_time_ns pl_limit_test(const struct pl_stack *stack);
pl_time_ns pl_limit_remove(const struct pl_stack *stack);
pl_time_ns pl_limit_soon(const struct pl_stack *stack); /* a line that is switched and read back */

pl_time_ns pl_limit_drain(const struct pl_stack *stack);
pl_time_ns pl_limit_update(const struct pl_stack *stack); /* until an agent answers: it boots first */
/* FAILED: what it runs fits nowhere else. */
enum pl_check pl_unit_is_drained(struct pl_procedure *p, const struct pl_item *unit, struct pl_err *why);

/* Steps that several procedures have: p->item is a CSU. */
enum pl_status pl_act_power_on(struct pl_procedure *p, struct pl_err *err);
enum pl_status pl_act_power_off(struct pl_procedure *p, struct pl_err *err);
enum pl_check pl_check_on(struct pl_procedure *p, struct pl_err *why);
enum pl_check pl_check_off(struct pl_procedure *p, struct pl_err *why);
bool pl_again_same(struct pl_procedure *p, struct pl_err *why);  /* the unit it began with, or that was put in since */
bool pl_again_off(struct pl_procedure *p, struct pl_err *why);   /* switching off is always safe, once one has looked */
/* Back to power, if it had any when the procedure began and is still the same unit; p notes "was-on" (pl_prepare_power), and "removed" once it was pulled. */
void pl_prepare_power(struct pl_procedure *p);
enum pl_status pl_undo_power_off(struct pl_procedure *p, struct pl_err *err);
enum pl_check pl_undone_power_off(struct pl_procedure *p, struct pl_err *why);
enum pl_status pl_act_quiesce(struct pl_procedure *p, struct pl_err *err);
enum pl_status pl_act_resume(struct pl_procedure *p, struct pl_err *err); /* also its undo */
enum pl_check pl_check_test(struct pl_procedure *p, struct pl_err *why);
enum pl_status pl_undo_test(struct pl_procedure *p, struct pl_err *err);

/* Steps that several procedures have. */
#define PL_STEP_POWER_UP                                                                                                                                    \
  {.name = PL_PHASE_POWER_UP, .about = "path and power enable on; power good", .flags = PL_STEP_POWER, .act = pl_act_power_on, .check = pl_check_on,       \
   .again = pl_again_same, .undo = pl_act_power_off, .undone = pl_check_off, .limit = pl_limit_power_good}
#define PL_STEP_TEST                                                                                                                                        \
  {.name = PL_PHASE_TEST, .about = "voltages and temperatures within their limits", .check = pl_check_test, .undo = pl_undo_test, .limit = pl_limit_test}

#endif
