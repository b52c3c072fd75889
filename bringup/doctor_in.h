/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BRINGUP_DOCTOR_IN_H
#define PL_BRINGUP_DOCTOR_IN_H

#include "bringup/doctor.h"

/* Between doctor.c, doctor_machine.c and doctor_rig.c. */
struct pl_visit {
  const struct pl_doctor_cfg *cfg;
  const struct pl_scan *scan;
  struct pl_doctor *doctor;
  char user[64];
  bool failed; /* out of memory */
};

/* fix: "" when there is nothing to do. */
void pl_visit_say(struct pl_visit *visit, enum pl_finding_level level, const char *topic, const char *fix, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
bool pl_visit_is_root(const struct pl_visit *visit);
bool pl_visit_exists(const struct pl_visit *visit, const char *path);
/* Whether the user may read and write a node ("/dev/i2c-7"). If not: *fix says what to do about it. */
bool pl_visit_may_use(const struct pl_visit *visit, const char *node, char *fix, size_t size);
/* The number of a group; -1: there is none of that name. */
long pl_visit_group(const struct pl_visit *visit, const char *name);
bool pl_visit_in_group(const struct pl_visit *visit, unsigned gid);
/* "FT232H PLH1 at 1-2", "/dev/ttyUSB0" */
const char *pl_visit_name(const struct pl_scan_port *port, char *room, size_t size);

void pl_visit_machine(struct pl_visit *visit);
void pl_visit_rig(struct pl_visit *visit);

#endif
