/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_COMPOSITION_TEST_H
#define PL_CONTROL_REDFISH_COMPOSITION_TEST_H

/* For the tests of composition only: the demo rack with some of its CSUs on, and what is asked of it. */
#include "control/placement/placement.h"
#include "control/redfish/composition.h"
#include "control/redfish/service_test.h"

#define SYSTEMS "/redfish/v1/Systems"
#define COMPOSE PL_COMPOSITION_URI "/Actions/CompositionService.Compose"
#define OWN(MORE) "\"Oem\": {\"Plumbline\": {\"Cores\": 1, \"MemoryMiB\": 64, \"Image\": \"steady/50\"" MORE "}}"
#define STANZA(ID, MORE) "{\"StanzaType\": \"ComposeSystem\", \"StanzaId\": \"" ID "\", \"Request\": {" OWN(MORE) "}}"
#define MANIFEST(TYPE, STANZAS) "{\"RequestFormat\": \"Manifest\", \"RequestType\": \"" TYPE "\", \"Manifest\": {\"Stanzas\": [" STANZAS "]}}"

static const char *const POWERED[] = {"csu-1", "csu-2", "csu-3", "csu-5"};

static inline bool all_take_work(struct stand *s, void *ctx)
{
  (void)ctx;
  for (size_t i = 0; i < sizeof POWERED / sizeof POWERED[0]; i++) {
    struct pl_node_view view;
    if (!pl_pool_view(pl_placement_pool(s->stack->placement), POWERED[i], &view) || view.desc.state != PL_NODE_UP || !view.desc.capacity.of[PL_DIMENSION_CORES])
      return false;
  }
  return true;
}

/* Four of the demo rack's CSUs have power, three of them in one module; their agents answer. */
static inline int open_rack_with(void **state, const char *store)
{
  struct door *d = door_open(store);
  for (size_t i = 0; i < sizeof POWERED / sizeof POWERED[0]; i++)
    stand_power(d->stand, POWERED[i], true);
  for (size_t i = 0; i < sizeof POWERED / sizeof POWERED[0]; i++)
    stand_until_state(d->stand, POWERED[i], PL_STATE_ENABLED, 20 * PL_S);
  if (stand_until(d->stand, all_take_work, NULL, 30 * PL_S) == PL_NEVER)
    fail_msg("the engine does not take the CSUs for nodes");
  *state = d;
  return 0;
}

static inline int open_rack(void **state)
{
  return open_rack_with(state, NULL);
}

static inline int close_rack(void **state)
{
  door_close(*state);
  return 0;
}

static inline bool runs(struct stand *s, void *ctx)
{
  const struct pl_workload *w = pl_placement_find(s->stack->placement, ctx);
  return w && w->state == PL_WORKLOAD_RUNNING && w->told;
}

static inline void until_it_runs(struct door *d, const char *id)
{
  if (stand_until(d->stand, runs, (void *)(uintptr_t)id, 30 * PL_S) == PL_NEVER)
    fail_msg("%s does not run", id);
}

static inline void make(struct door *d, const char *body)
{
  ask(d, "POST", SYSTEMS, body);
  if (d->status != 201)
    fail_msg("%s: %d %s", body, d->status, d->body ? d->body : "");
}

static inline bool is_gone(struct stand *s, void *ctx)
{
  return !pl_placement_find(s->stack->placement, ctx);
}

static inline void until_it_is_gone(struct door *d, const char *id)
{
  if (stand_until(d->stand, is_gone, (void *)(uintptr_t)id, 30 * PL_S) == PL_NEVER)
    fail_msg("%s is still there", id);
}

#endif
