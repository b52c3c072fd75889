/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLANT_H
#define PL_CONTROL_PLANT_H

#include "control/inventory/item.h"

/*
 * The plant: pump speed from temperatures, supplies that rest, power caps, and notices from trends. Commands only what the stack owns, only while nothing
 * urgent has the item, and only when what it wants differs from what the device says.
 */
struct pl_plant;
enum pl_status pl_plant_new(struct pl_stack *stack, struct pl_plant **plant, struct pl_err *err);
void pl_plant_free(struct pl_plant *plant);
/* After the inventory's first round: from here on it commands. */
enum pl_status pl_plant_start(struct pl_plant *plant, struct pl_err *err);

/* What Redfish shows as a Control (setpoint, limits, mode) of a chassis or cooling unit. */
struct pl_control {
  const char *id;          /* "rpu.flow", "power-cap": unique in the stack */
  const char *name, *type; /* Redfish ControlType (Control v1): "LiquidFlowLPM", "Power" */
  const char *unit_of;     /* SetPointUnits, UCUM: "L/min", "W" */
  struct pl_item *item;    /* where it stands */
  double set_point, min, max, dead_band;
  bool found;              /* while it is automatic the plant finds its set point by itself; false: it is a person's in either mode */
  bool automatic;          /* ControlMode Automatic; false: Manual, the set point is a person's */
  bool limited;            /* false: there is no set point (a cap that is off): SetPoint null */
};
size_t pl_plant_controls(const struct pl_plant *plant, const struct pl_control **controls);
/* PL_E_RANGE outside min..max, PL_E_USAGE: no such control, or not in that mode. set_point NULL: leave; automatic NULL: leave. Kept in the store. */
enum pl_status pl_plant_control_set(struct pl_stack *stack, const char *id, const double *set_point, const bool *automatic, struct pl_err *err);

/* Redundancy of supplies (PL_ITEM_PSU) or of a pump unit's pumps (PL_ITEM_PUMP) as it is now. */
struct pl_redundancy {
  const char *mode;        /* Redundancy v1 RedundancyType: "NPlusM", "NotRedundant" */
  unsigned min_needed, members, working, coming; /* coming: on their way, or not looked at yet */
  enum pl_health health;   /* OK: more than needed; Warning: just as many; Critical: fewer */
};
void pl_plant_redundancy(const struct pl_stack *stack, enum pl_item_kind of, struct pl_redundancy *redundancy);

/* May this CSU have power now? PL_E_BUSY with the sentence that says why not: a leak that concerns it, the cap, no supply to spare, no coolant. PL_E_EARLY: that is
 * not known yet, or will be better in a moment. */
enum pl_status pl_plant_may_power(const struct pl_stack *stack, const struct pl_item *csu, struct pl_err *err);
double pl_plant_power_W(const struct pl_stack *stack); /* what the supplies give now; NAN: not known */

/* A maintenance notice: what a trend says will be needed, and by when. */
struct pl_notice {
  const struct pl_item *item;
  const char *what;        /* "pump wear", "filter clogging", "contact resistance" */
  char text[200];
  double value, limit;     /* of the trend, as a change against the baseline (1.15: 15 % more) */
  double days;             /* until the limit at today's slope; 0: it is there; INFINITY: not foreseeable */
};
size_t pl_plant_notices(const struct pl_plant *plant, const struct pl_notice **notices);

#endif
