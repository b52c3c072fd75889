/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BRINGUP_DOCTOR_H
#define PL_BRINGUP_DOCTOR_H

#include "bringup/scan.h"
#include "drivers/rig/rig.h"

/* What stands between plumb and the hardware of a machine: permissions, rules, modules, drivers, locks, clocks; each finding with its fix. Drives nothing. */
enum pl_finding_level { PL_FINDING_OK, PL_FINDING_WARNING, PL_FINDING_ERROR }; /* ERROR: something that is needed cannot be used */
const char *pl_finding_level_name(enum pl_finding_level level); /* "ok", "warning", "error" */

struct pl_finding {
  enum pl_finding_level level;
  const char *topic;  /* "permissions" */
  char text[400];
  char fix[400];      /* a command to run, or what to do; "": nothing to do */
};

struct pl_doctor_user { /* for whom it is asked */
  const char *name;
  unsigned uid;
  const unsigned *groups;
  size_t n_groups;
};

struct pl_doctor_cfg {
  const char *root;                  /* "": this machine; else a folder that holds another's sys, dev, etc, proc and lib */
  const struct pl_doctor_user *user; /* NULL: this process's; else judged by owner, group and mode alone */
  const struct pl_rig *rig;          /* NULL: none; else only what it names is needed */
};

struct pl_doctor {
  struct pl_finding *findings;
  size_t count;
  size_t levels[PL_FINDING_ERROR + 1]; /* how many of each */
};

enum pl_status pl_doctor_run(const struct pl_doctor_cfg *cfg, struct pl_doctor **doctor, struct pl_err *err);
void pl_doctor_free(struct pl_doctor *doctor); /* NULL is fine */

#endif
