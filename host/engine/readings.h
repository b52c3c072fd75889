/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_READINGS_H
#define PL_ENGINE_READINGS_H

#include "drivers/rig/rig.h"

/* The last readings that a run has had, kept in a ring until a first failure asks for them. Loop's thread. */
struct pl_readings;

#define PL_READINGS_KEPT 16384u /* at most */

enum pl_status pl_readings_new(struct pl_readings **readings, struct pl_err *err);
void pl_readings_free(struct pl_readings *readings);
/* status: why there is no value, else PL_OK. */
void pl_readings_add(struct pl_readings *readings, const struct pl_rig_device *device, const struct pl_quantity *quantity, const struct pl_reading *reading);
/* As CSV: time (UTC), s before `now`, device, part, quantity, value, unit, status; those of the last `span`. *count (may be NULL): how many. */
enum pl_status pl_readings_save(const struct pl_readings *readings, const struct pl_clock *clock, pl_time_ns now, pl_time_ns span, const char *path, size_t *count,
                                struct pl_err *err);

#endif
