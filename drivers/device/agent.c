/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/agent.h"

const char *pl_agent_run_state_name(enum pl_agent_run_state state)
{
  static const char *const NAMES[] = {
      [PL_AGENT_RUN_NONE] = "none",       [PL_AGENT_RUN_COPYING] = "copying", [PL_AGENT_RUN_READY] = "ready",
      [PL_AGENT_RUN_RUNNING] = "running", [PL_AGENT_RUN_FAILED] = "failed",
  };
  return NAMES[state];
}
