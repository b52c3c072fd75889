/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_AGENT_H
#define PL_DEVICE_AGENT_H

#include "drivers/base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What runs workloads on a node (a CSU, a compute node module, a card): its agent. One interface for all of them, pl_device_desc.agent: the agent of a virtual
 * rack is spoken to over Modbus (drivers/device/node_agent), real container agents come behind the same calls. What it answers is what it reads back, never what
 * was asked of it. A caller that dies in the middle leaves the agent as it is: PL_AGENT_SURVEY tells.
 */
#define PL_AGENT_RUNS_MAX 16

enum pl_agent_run_state { PL_AGENT_RUN_NONE, PL_AGENT_RUN_COPYING, PL_AGENT_RUN_READY /* whole, not running */, PL_AGENT_RUN_RUNNING, PL_AGENT_RUN_FAILED };
const char *pl_agent_run_state_name(enum pl_agent_run_state state); /* "running" */

struct pl_agent_run { /* one workload on a node, as the agent tells it */
  uint32_t handle;          /* the stack's number for an allocation, not 0 */
  enum pl_agent_run_state state;
  int64_t cores_m, memory_MiB, data_MiB; /* what it may use (thousandths of a core); what it keeps */
  uint32_t image;           /* what it is: for the simulated agent the shape of its load (node_agent.h) */
  uint64_t work;            /* what it has done so far; part of its data, so a restored one goes on where it left off */
  uint32_t checksum;        /* of its data: CRC-32 */
  double used_cores, used_memory_MiB; /* now; 0 unless RUNNING */
  double copied;            /* 0 to 1, while COPYING */
};

enum pl_agent_op {
  PL_AGENT_SURVEY,   /* everything that it has: runs[], n_runs */
  PL_AGENT_DEPLOY,   /* run: from its image, without data; then RUNNING */
  PL_AGENT_STOP,     /* run.handle: away with it and its data */
  PL_AGENT_SNAPSHOT, /* run.handle: pauses it (READY) and gives its data's size, work and checksum. READY: other agents can RESTORE it from then on, also after a STOP */
  PL_AGENT_RESTORE,  /* run: with work and checksum of a snapshot; COPYING until it is whole, then READY, or FAILED where the checksum differs */
  PL_AGENT_START,    /* run.handle: READY -> RUNNING */
  PL_AGENT_RESIZE    /* run.handle: to run.cores_m, run.memory_MiB */
};

/* What the agent refuses: PL_E_USAGE: no such handle, or its state does not allow that, or the handle is there already; PL_E_RANGE: no room; PL_E_BUSY: it is
 * COPYING. Nothing was done then. Others are of the bus, as they are: a node that is off does not answer (PL_E_EXCEPTION 11 from a gateway, or PL_E_TIMEOUT), and
 * whether it was done is known only where nobody answered at all: survey. */
struct pl_agent_exchange {
  enum pl_agent_op op;
  struct pl_agent_run run;        /* in; out: as the agent has it afterwards */
  struct pl_agent_run runs[PL_AGENT_RUNS_MAX]; /* SURVEY */
  size_t n_runs;
};

#endif
