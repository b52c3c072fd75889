/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_MUTANT_H
#define PL_CONTROL_MUTANT_H

#include "drivers/rig/rig.h"

#include <stdbool.h>

/*
 * Stacks that lie, to test the sequences that judge stacks (build with -DPL_MUTANTS; a product build has none of this code). A place that can lie asks
 * `if (PL_LIES(stack, EARLY_ISOLATED))`. A row here without a place, or a place without a sequence that catches it, fails tests/test_mutants.py.
 */
#define PL_MUTANTS_LIST(X)                                                                                         \
  X(EARLY_ISOLATED, "early-isolated", "says ReadyToRemove while the slot still has power")                         \
  X(EARLY_ENABLED, "early-enabled", "says Enabled before power good")                                              \
  X(LEAK_LATE, "leak-late", "reacts to a leak later than its delay")                                               \
  X(LEAK_EARLY, "leak-early", "reacts to a leak before its delay is over")                                         \
  X(LEAK_NEVER, "leak-never", "tells of a leak and does nothing")                                                  \
  X(LEAK_ANYWAY, "leak-anyway", "reacts though the detector was dry again before the delay")                       \
  X(CABLE_DRY, "cable-dry", "takes a broken leak cable for dry")                                                   \
  X(EVENT_DROPPED, "event-dropped", "drops an event now and then")                                                 \
  X(EVENT_REPEATED, "event-repeated", "sends an event twice")                                                      \
  X(EVENT_REORDERED, "event-reordered", "sends events in the wrong order")                                         \
  X(STALE_TEMPERATURE, "stale-temperature", "goes on telling the temperature that it read first")                  \
  X(BLIND_POWER, "blind-power", "after a restart repeats a power action without looking")                          \
  X(PUMP_FORGOTTEN, "pump-forgotten", "does not notice that a pump stands")                                        \
  X(PSU_FORGOTTEN, "psu-forgotten", "does not notice that a supply is gone")                                       \
  X(LED_OFF, "led-off", "says LocationIndicatorActive and leaves the LED off")                                     \
  X(EARLY_ANSWER, "early-answer", "answers a write before, and whether or not, the hardware has it")               \
  X(SESSION_LEAKED, "session-leaked", "a session that was deleted still opens doors")                              \
  X(TASK_DONE, "task-done", "says that a task is Completed when it has failed")                                    \
  X(ABSENT_KEPT, "absent-kept", "goes on telling of a unit that was pulled")                                       \
  X(PUMPS_STILL, "pumps-still", "tells of the flow that the heat needs and leaves the pumps as they are")          \
  X(PUMPS_RATCHET, "pumps-ratchet", "gives more coolant and never less again")                                     \
  X(TRIP_HIDDEN, "trip-hidden", "tells of a CSU that is hot as of one that is well")                               \
  X(OVER_COMMIT, "over-commit", "gives away more of a node than it has")                                           \
  X(WORKLOAD_FORGOTTEN, "workload-forgotten", "forgets a workload when its node is lost")                          \
  X(RUNS_TWICE, "runs-twice", "lets a workload that was moved run at both ends")                                   \
  X(REPLICAS_TOGETHER, "replicas-together", "puts replicas into one failure domain")                               \
  X(PRIORITY_IGNORED, "priority-ignored", "treats all workloads as equally important")                             \
  X(RESERVATION_LOST, "reservation-lost", "gives away what it has reserved")                                       \
  X(MOVES_TO_HOT, "moves-to-hot", "moves a workload to the hottest node")                                          \
  X(MOVES_WITHOUT_NEED, "moves-without-need", "moves workloads about though no node is full or empty")             \
  X(REDUNDANCY_BROKEN, "redundancy-broken", "pauses the other replicas while it moves one")                        \
  X(COPY_SKIPPED, "copy-skipped", "says that a move is over before its data is there")                             \
  X(CAPACITY_STALE, "capacity-stale", "goes on with the capacity of a unit that was replaced")                     \
  X(QUEUE_STARVED, "queue-starved", "serves the newest of those that wait, and never the oldest")

enum pl_mutant {
  PL_MUTANT_NONE,
#define PL_MUTANT_ENUM(name, word, text) PL_MUTANT_##name,
  PL_MUTANTS_LIST(PL_MUTANT_ENUM)
#undef PL_MUTANT_ENUM
      PL_MUTANT_COUNT
};

#ifdef PL_MUTANTS
#define PL_LIES(stack, name) ((stack)->mutant == PL_MUTANT_##name)
#else
#define PL_LIES(stack, name) ((void)(stack), false)
#endif

/* Those of this build, a name and a sentence each; returns their count: 0 in a product build. */
size_t pl_mutants(const struct pl_word **words);
/* PL_E_USAGE for an unknown one, and for any where this build has none. NULL: PL_MUTANT_NONE. */
enum pl_status pl_mutant_find(const char *name, enum pl_mutant *mutant, struct pl_err *err);

#endif
