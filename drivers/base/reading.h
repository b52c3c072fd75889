/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_READING_H
#define PL_BASE_READING_H

#include "drivers/base/clock.h"
#include "drivers/base/unit.h"

/*
 * A reading: value + validity + monotonic time. One that could not be had is invalid with a cause (status and sentence),
 * never 0 and never the last good value.
 */
struct pl_reading {
  int64_t value_u;       /* millionths of the dimension's base unit; meaningless unless status is PL_OK */
  enum pl_dim dim;
  enum pl_status status; /* PL_OK: valid */
  pl_time_ns at;         /* when it was taken (bus time) */
};

static inline bool pl_reading_valid(const struct pl_reading *reading)
{
  return reading->status == PL_OK;
}

#endif
