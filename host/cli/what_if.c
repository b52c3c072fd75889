/* SPDX-License-Identifier: Apache-2.0 */
/* A rehearsal sees only what a healthy rack makes of a sequence. Here it is rehearsed again with one thing broken from the start, and failures stop it as
 * they would in a run: what a sequence does to a rack that is not as it believes. */
#include "host/cli/session.h"

#include "host/safety/plan.h"

#include <string.h>

#define WALL_MS 2000 /* of one rehearsal */

/* What makes the next act of a sequence dangerous while much of the rack still looks well. */
static const struct {
  const char *kind, *fault;
  bool acted_on; /* only of parts that a hand is laid on */
} BROKEN[] = {
    {"psu", "supply=dead", false},
    {"csu", "fet=stuck-on", true},
    {"csu", "discharge=slow", true},
    {"pump-unit", "pump-1=dead", false},
    {"pump-unit", "pump-2=dead", false},
};

enum pl_status pl_session_what_if(struct pl_session *session, size_t index, size_t *count, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  struct pl_plan_check *plan = session->plan;
  const struct pl_rig *rig = session->rig;
  *count = 0;
  for (size_t p = 0; p < rig->n_parts; p++)
    for (size_t b = 0; b < sizeof BROKEN / sizeof *BROKEN; b++) {
      const struct pl_rig_part *part = &rig->parts[p];
      char spec[128];
      if (strcmp(part->kind, BROKEN[b].kind) != 0 || (BROKEN[b].acted_on && !pl_plan_check_was_acted(plan, part->name)) || *pl_cli_stop())
        continue;
      snprintf(spec, sizeof spec, "%s.%s", part->name, BROKEN[b].fault);
      status = pl_session_rehearse_with(session, index, spec, WALL_MS, err);
      if (status)
        return status;
      ++*count;
    }
  return pl_session_refuse(session, index, err);
}
