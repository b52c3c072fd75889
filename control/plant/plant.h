/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLANT_H
#define PL_CONTROL_PLANT_H

#include "control/inventory/item.h"

/* The plant: pump speed from temperatures, supplies that rest or share, power caps, and notices from trends. Commands only what the stack owns. */
struct pl_plant;
enum pl_status pl_plant_new(struct pl_stack *stack, struct pl_plant **plant, struct pl_err *err);
void pl_plant_free(struct pl_plant *plant);
enum pl_status pl_plant_start(struct pl_plant *plant, struct pl_err *err);

/* What Redfish shows as a Control (setpoint, limits, mode) of a chassis or cooling unit. */
struct pl_control {
  const char *id;          /* "flow", "power-cap" */
  const char *name, *type; /* Redfish ControlType: "LiquidFlow..."; see Control v1 */
  const char *unit_of;     /* SetPointUnits, UCUM: "L/min", "W" */
  struct pl_item *item;    /* where it stands */
  double set_point, min, max, dead_band;
  bool automatic;          /* ControlMode Automatic; false: Manual, the set point is a person's */
  bool writable;
};
size_t pl_plant_controls(const struct pl_plant *plant, const struct pl_control **controls);
/* PL_E_RANGE, PL_E_USAGE. set_point NULL: leave; automatic NULL: leave. */
enum pl_status pl_plant_control_set(struct pl_stack *stack, const char *id, const double *set_point, const bool *automatic, struct pl_err *err);

/* Redundancy of supplies or pumps as it is now. */
struct pl_redundancy {
  const char *mode;        /* "NPlusM" */
  unsigned min_needed, members, working;
  enum pl_health health;
};
void pl_plant_redundancy(const struct pl_stack *stack, enum pl_item_kind of, struct pl_redundancy *redundancy);

/* A maintenance notice: what a trend says will be needed, and by when. */
struct pl_notice {
  const struct pl_item *item;
  const char *what;        /* "pump wear", "filter clogging", "contact resistance" */
  char text[200];
  double value, limit;     /* of the trend, in its unit */
  double days;             /* until the limit at today's slope; INFINITY: not foreseeable */
};
size_t pl_plant_notices(const struct pl_plant *plant, const struct pl_notice **notices);

#endif
