/* SPDX-License-Identifier: Apache-2.0 */
#include "control/inventory/state.h"

#include <stddef.h>

const char *pl_state_name(enum pl_state state)
{
#define PL_STATE_NAME(name, word) [PL_STATE_##name] = word,
  static const char *const NAMES[] = {PL_STATES(PL_STATE_NAME)};
#undef PL_STATE_NAME
  return NAMES[state];
}

const char *pl_health_name(enum pl_health health)
{
  static const char *const NAMES[] = {[PL_HEALTH_OK] = "OK", [PL_HEALTH_WARNING] = "Warning", [PL_HEALTH_CRITICAL] = "Critical"};
  return NAMES[health];
}

const char *pl_happening_text(enum pl_happening what)
{
#define PL_HAPPENING_TEXT(name, text) [PL_HAPPENS_##name] = text,
  static const char *const TEXTS[] = {PL_HAPPENINGS(PL_HAPPENING_TEXT)};
#undef PL_HAPPENING_TEXT
  return TEXTS[what];
}

/*
 * The one table, by what the schema says of each word (Resource.v1_23_0, State, enumDescriptions):
 *   Absent: "not currently present or detected". StandbyOffline: "enabled but awaits an external action to activate it": there, and without power.
 *   UnavailableOffline: "present but cannot be used": it does not answer, did not come up in time, or did not show what it must after start. So a failed test
 *   ends there and not in Disabled, which is somebody's decision. The way out: it answers again, its power was taken away (the next start is a new try), or
 *   what it must show is seen after all.
 *   Quiesced: "only processes a restricted set of commands". StandbySpare: "part of a redundancy set and awaits a failover".
 * While firmware is written a unit may be mute and without power: that says nothing. One that somebody disabled stays so until it is enabled or pulled.
 */
#define FROM(state, ...) [PL_STATE_##state] = {__VA_ARGS__}
#define TO(what, state) [PL_HAPPENS_##what] = PL_STATE_##state + 1
static const unsigned char AFTER[PL_STATE_COUNT][PL_HAPPENING_COUNT] = { /* 0: no row; else the state + 1 */
    FROM(ABSENT, TO(SEEN, STANDBY), TO(MUTE, UNAVAILABLE)),
    FROM(STANDBY, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWERING, STARTING), TO(POWER_GOOD, IN_TEST), TO(SPARE, STANDBY_SPARE), TO(DISABLE, DISABLED),
         TO(UPDATE, UPDATING)),
    FROM(STARTING, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWER_GOOD, IN_TEST), TO(POWER_LOST, STANDBY), TO(TEST_FAILED, UNAVAILABLE),
         TO(DISABLE, DISABLED)),
    FROM(IN_TEST, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWER_LOST, STANDBY), TO(TEST_PASSED, ENABLED), TO(TEST_FAILED, UNAVAILABLE),
         TO(QUIESCE, QUIESCED), TO(DISABLE, DISABLED)),
    FROM(ENABLED, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWER_LOST, STANDBY), TO(TEST_FAILED, UNAVAILABLE), TO(QUIESCE, QUIESCED), TO(DISABLE, DISABLED),
         TO(UPDATE, UPDATING), TO(SPARE, STANDBY_SPARE)),
    FROM(QUIESCED, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWER_LOST, STANDBY), TO(RESUME, ENABLED), TO(DISABLE, DISABLED), TO(UPDATE, UPDATING)),
    FROM(DISABLED, TO(GONE, ABSENT), TO(ENABLE, STANDBY)),
    FROM(UPDATING, TO(GONE, ABSENT), TO(UPDATED, STANDBY)),
    FROM(STANDBY_SPARE, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWERING, STARTING), TO(POWER_GOOD, IN_TEST), TO(POWER_LOST, STANDBY), TO(RESUME, STANDBY),
         TO(DISABLE, DISABLED)),
    FROM(UNAVAILABLE, TO(GONE, ABSENT), TO(ANSWERS, STANDBY), TO(POWER_LOST, STANDBY), TO(TEST_PASSED, ENABLED), TO(DISABLE, DISABLED)),
    FROM(DEGRADED, TO(GONE, ABSENT), TO(MUTE, UNAVAILABLE), TO(POWER_LOST, STANDBY), TO(TEST_PASSED, ENABLED), TO(TEST_FAILED, UNAVAILABLE),
         TO(QUIESCE, QUIESCED), TO(DISABLE, DISABLED)),
};

enum pl_state pl_state_after(enum pl_state state, enum pl_happening what)
{
  unsigned char after = AFTER[state][what];
  return after ? (enum pl_state)(after - 1) : state;
}
