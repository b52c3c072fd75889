/* SPDX-License-Identifier: Apache-2.0 */
/* plumb guardian: the process that makes a rig safe when its run is lost. `plumb run` starts it. */
#include "host/cli/cli.h"
#include "host/safety/guardian.h"

#include <string.h>
#include <sys/socket.h>

#define LINK 3 /* where `plumb run` puts the socket */

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file", false},
    {"sha256", "HEX", "what the run has read of it", false},
    {"record", "FILE", "where it writes what it did", false},
    {"runner", "PID", "the process that it watches", false},
    {"limit", "TIME", "the longest silence of the runner's loop", false},
    {"bench-only", NULL, "what the control stack owns is its own to make safe", false},
    {NULL, NULL, NULL, false},
};

static enum pl_status take_options(const struct pl_args *args, struct pl_guard_cfg *cfg, struct pl_err *err)
{
  int kind;
  socklen_t size = sizeof kind;
  uint64_t runner = 0;
  int64_t limit_u = 0;
  *cfg = (struct pl_guard_cfg){.rig = pl_args_text(args, "rig", NULL), .sha256 = pl_args_text(args, "sha256", ""), .record = pl_args_text(args, "record", NULL), .link = LINK, .bench_only = pl_args_flag(args, "bench-only"),
                                .quiet_ns = PL_GUARDIAN_QUIET_NS};
  if (!cfg->rig || !cfg->record || getsockopt(LINK, SOL_SOCKET, SO_TYPE, &kind, &size) || kind != SOCK_SEQPACKET)
    return pl_fail(err, PL_E_USAGE, "`plumb run` starts the guardian by itself, where a rig outlives the run; there is nothing to guard from the command line");
  enum pl_status status = pl_args_u64(args, "runner", 0, &runner, err);
  if (!status)
    status = pl_quantity_parse(pl_args_text(args, "limit", "2 s"), PL_DIM_TIME, NULL, &limit_u, err);
  cfg->runner = (pid_t)runner;
  cfg->limit_ns = limit_u * PL_US;
  return status;
}

static enum pl_exit guardian(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_guard_cfg cfg;
  if (take_options(args, &cfg, &err))
    return pl_complain(PL_EXIT_USAGE, &err);
  enum pl_guard_end end = pl_guard_run(&cfg, &err);
  return end == PL_GUARD_REFUSED ? PL_EXIT_USAGE : end == PL_GUARD_UNSAFE ? PL_EXIT_UNJUDGED : PL_EXIT_PASSED;
}

const struct pl_command pl_command_guardian = {
    .name = "guardian",
    .operands = "",
    .about = "what `plumb run` starts beside itself: makes the rig safe when the run is lost (killed, crashed, stopped)",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = 0,
    .examples = "  plumb run SEQUENCE --rig bench-2.yaml   starts it; what it did stands in OUT/guardian.jsonl\n",
    .run = guardian,
};
