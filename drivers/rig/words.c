/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/backend.h"
#include "drivers/rig/rig.h"

#include <string.h>

/* docs/vocabulary.md has both tables; they must agree. */
static const struct pl_word ROLES[] = {
    {"supply", "makes a DC bus: PMBus power supply"},
    {"hot-swap", "lets a slot have power: hot-swap controller"},
    {"connector", "PRSNT#, power enable, power good, reset, attention LED of a slot"},
    {"monitor", "the bench's own voltage and current monitor"},
    {"coolant", "pump and reservoir unit"},
    {"flow-meter", "the bench's own flow meter"},
    {"leak-sensor", "wet / dry / broken cable"},
    {"leak-valve", "the bench's leak injector"},
    {"valve", "a stop valve with a drive, and its end switches"},
    {"identity", "says who a part is: its identity EEPROM"},
    {"load", "the bench's load bank at a slot"},
    {"thermometer", "temperatures inside a CSU"},
    {"kill-relay", "the interlock's contactor that takes power away"},
    {"process-switch", "the interlock's pressure, flow, temperature or level switch"},
};

static const struct pl_word KINDS[] = {
    {"busbar", "the 48 V bus that supplies feed and slots draw from"},
    {"psu", "a power supply; stands on a busbar"},
    {"ac-feed", "a mains input that supplies hang on"},
    {"cable", "a cable with its contacts: between a supply, a battery or a slot and its bar, or between two bars"},
    {"bbu", "a battery that takes over when the bar falls"},
    {"csu", "a slot and what is in it: connector, hot-swap path, CSU"},
    {"loop", "a coolant loop"},
    {"pump-unit", "reservoir and pumps; stands in a loop"},
    {"tray", "where leaked coolant collects; under a loop"},
    {"valve", "a leak injector above a tray"},
    {"pipe", "a pipe or hose; stands in a loop, as the rows below"},
    {"fitting", "a bend, tee or reducer"},
    {"quick-connector", "a dry-break coupling"},
    {"filter", "a filter"},
    {"stop-valve", "a shut-off valve with a drive"},
    {"check-valve", "lets coolant through one way only"},
    {"heat-exchanger", "gives a loop's heat to facility water"},
    {"radiator", "gives a loop's heat to the room's air"},
    {"reservoir", "keeps a loop's coolant and its pressure"},
    {"module", "a frame that holds CSUs and valves (in: NAME)"},
};

const struct pl_word *pl_rig_roles(size_t *count)
{
  *count = sizeof ROLES / sizeof ROLES[0];
  return ROLES;
}

const struct pl_word *pl_rig_part_kinds(size_t *count)
{
  *count = sizeof KINDS / sizeof KINDS[0];
  return KINDS;
}

const char *pl_owner_name(enum pl_owner owner)
{
  static const char *const NAMES[] = {[PL_OWNER_BENCH] = "bench", [PL_OWNER_STACK] = "stack", [PL_OWNER_INTERLOCK] = "interlock"};
  return NAMES[owner];
}

const struct pl_backend_desc *pl_backend_find(const char *name)
{
  for (size_t i = 0; i < pl_n_backends; i++)
    if (!strcmp(pl_backends[i]->name, name))
      return pl_backends[i];
  return NULL;
}
