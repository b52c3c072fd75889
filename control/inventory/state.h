/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_STATE_H
#define PL_CONTROL_STATE_H

#include "drivers/base/err.h"

#include <stdbool.h>

/* Redfish Resource v1: Status.State and Status.Health, in the words of the schema. */
#define PL_STATES(X) \
  X(ABSENT, "Absent") X(STANDBY, "StandbyOffline") X(STARTING, "Starting") X(IN_TEST, "InTest") X(ENABLED, "Enabled") X(QUIESCED, "Quiesced") \
  X(DISABLED, "Disabled") X(UPDATING, "Updating") X(STANDBY_SPARE, "StandbySpare") X(UNAVAILABLE, "UnavailableOffline") X(DEGRADED, "Degraded")
enum pl_state {
#define PL_STATE_ENUM(name, word) PL_STATE_##name,
  PL_STATES(PL_STATE_ENUM)
#undef PL_STATE_ENUM
      PL_STATE_COUNT
};
enum pl_health { PL_HEALTH_OK, PL_HEALTH_WARNING, PL_HEALTH_CRITICAL };

/* What can happen to a unit. One table (state.c) says which state follows. */
#define PL_HAPPENINGS(X)                                                           \
  X(SEEN, "its presence line says that it is there, or its device answers")        \
  X(GONE, "its presence line says that it is not there")                           \
  X(MUTE, "it cannot be read")                                                     \
  X(ANSWERS, "it can be read again")                                               \
  X(POWERING, "power was commanded on, or is seen to come")                        \
  X(POWER_GOOD, "its power is good")                                               \
  X(POWER_LOST, "its power is gone")                                               \
  X(TEST_PASSED, "what it must show after start has been verified")                \
  X(TEST_FAILED, "it did not show it")                                             \
  X(QUIESCE, "no more work is given to it")                                        \
  X(RESUME, "it may work again")                                                   \
  X(DISABLE, "somebody took it out of service")                                    \
  X(ENABLE, "somebody took it into service")                                       \
  X(UPDATE, "its firmware is being written")                                       \
  X(UPDATED, "that is over")                                                       \
  X(SPARE, "it stands by for others")
enum pl_happening {
#define PL_HAPPENING_ENUM(name, text) PL_HAPPENS_##name,
  PL_HAPPENINGS(PL_HAPPENING_ENUM)
#undef PL_HAPPENING_ENUM
      PL_HAPPENING_COUNT
};

const char *pl_state_name(enum pl_state state);   /* "StandbyOffline" */
const char *pl_health_name(enum pl_health health); /* "OK", "Warning", "Critical" */
const char *pl_happening_text(enum pl_happening what);
/* The state that follows; the same state where the table has no row (what happened means nothing then). */
enum pl_state pl_state_after(enum pl_state state, enum pl_happening what);

#endif
