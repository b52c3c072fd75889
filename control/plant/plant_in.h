/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PLANT_IN_H
#define PL_CONTROL_PLANT_IN_H

#include "control/plant/plant.h"
#include "control/plant/trend.h"
#include "control/stack/stack.h"

#define PL_PLANT_CONTROLS_MAX 16
#define PL_PLANT_NOTICES_MAX 64
#define PL_PLANT_UNITS_MAX 8

/* Flow control of one pump unit (pumps.c). */
struct pl_pumps {
  struct pl_item *item;
  struct pl_control *control; /* its row in the table */
  double wanted_Lpm;          /* what it asks for; NAN: has not begun */
  double error_K;             /* of the last period; NAN: none */
  bool failsafe;              /* something that must be cooled cannot be read */
  struct pl_command set, mode;
  bool setting, moding;
};

/* Supplies that rest (supplies.c). */
struct pl_resting {
  struct pl_command command;
  bool commanding;
  pl_time_ns since; /* load has been low enough since then; PL_NEVER: it is not */
  pl_time_ns over_cap_since;
};

struct pl_plant {
  struct pl_stack *stack;
  struct pl_timer timer;
  bool started;
  struct pl_pumps pumps[PL_PLANT_UNITS_MAX];
  size_t n_pumps;
  struct pl_resting resting;
  struct pl_control controls[PL_PLANT_CONTROLS_MAX];
  char ids[PL_PLANT_CONTROLS_MAX][64];
  size_t n_controls;
  struct pl_trends *trends;
  struct pl_notice notices[PL_PLANT_NOTICES_MAX];
  size_t n_notices;
};

struct pl_control *pl_plant_add_control(struct pl_plant *plant, const struct pl_control *row);
struct pl_control *pl_plant_control_find(const struct pl_plant *plant, const char *id);

void pl_pumps_new(struct pl_plant *plant);
void pl_pumps_tick(struct pl_plant *plant);
void pl_supplies_new(struct pl_plant *plant);
void pl_supplies_tick(struct pl_plant *plant);

#endif
