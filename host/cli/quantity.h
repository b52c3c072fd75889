/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_QUANTITY_H
#define PL_HOST_QUANTITY_H

#include "host/cli/cli.h"

/* What get, set and watch share: a rig opened in real time, where looking leaves every output as it is, and quantities of its devices by name. */
#define PL_RIG_OPTION {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false}

struct pl_tool {
  struct pl_rig *rig;
  struct pl_clock *clock;
  struct pl_bench *bench;
};

struct pl_target {
  struct pl_device *device;
  const struct pl_quantity *quantity;
};
#define PL_TARGETS_MAX 256

/* --rig, and --fault where the command has it. Close in any case. */
enum pl_status pl_tool_open(const struct pl_args *args, struct pl_tool *tool, struct pl_err *err);
void pl_tool_close(struct pl_tool *tool);
void pl_tool_wait(struct pl_clock *clock, pl_time_ns until); /* or a signal */

/* "DEVICE.QUANTITY"; "DEVICE" alone stands for all that it can tell. */
enum pl_status pl_target_expand(const struct pl_tool *tool, const char *word, struct pl_target *out, size_t room, size_t *count, struct pl_err *err);
/* A device that is busy (a conversion under way, a flow meter that waits for its next pulse) is asked again for as long as `busy`. */
#define PL_BUSY_LIMIT (2 * PL_S)
enum pl_status pl_target_read(const struct pl_tool *tool, const struct pl_target *target, pl_time_ns busy, struct pl_call *call, struct pl_err *err);
void pl_target_print(const struct pl_target *target, const struct pl_reading *reading, const struct pl_err *err, bool json, bool first);

#endif
