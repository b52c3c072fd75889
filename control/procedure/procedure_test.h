/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROCEDURE_TEST_H
#define PL_CONTROL_PROCEDURE_TEST_H

/* For the tests of procedures only: the demo rack on the twin with a stack that can be killed and started again; the world's truth is the judge. */
#include "control/stack/stack_test.h"

#include "control/procedure/procedure_in.h"

#include <unistd.h>

struct bay {
  struct stand *s;
  char store[64];
};

/* A rack with as little to ask as the procedures of one CSU need. */
static const char BAY_SMALL[] =
    "rig: bay\n"
    "about: what the tests of procedures need\n"
    "buses:\n"
    "  - {name: i2c, kind: i2c, adapter: twin, speed: 400 kHz}\n"
    "  - {name: lines, kind: gpio, adapter: twin}\n"
    "parts:\n"
    "  - {name: module-1, kind: module, location: upper}\n"
    "  - {name: module-2, kind: module, location: lower}\n"
    "  - {name: busbar, kind: busbar}\n"
    "  - {name: psu-a, kind: psu, busbar: busbar}\n"
    "  - {name: csu-1, kind: csu, in: module-1, busbar: busbar, loop: loop, spare-part-number: ES-CSU-2L, spare-memory: 1024}\n"
    "  - {name: csu-2, kind: csu, in: module-1, busbar: busbar, loop: loop}\n"
    "  - {name: csu-5, kind: csu, in: module-2, busbar: busbar, loop: loop}\n"
    "  - {name: loop, kind: loop}\n"
    "devices:\n"
    "  - {name: hsc-1, driver: hsc-adm1272, bus: i2c, address: 0x10, shunt: 0.5 mohm, part: csu-1, owner: stack, safe: {on: false}, limits: {vin: {min: 46 V, max: 50 V}}}\n"
    "  - {name: hsc-2, driver: hsc-adm1272, bus: i2c, address: 0x11, shunt: 0.5 mohm, part: csu-2, owner: stack, safe: {on: false}}\n"
    "  - {name: hsc-5, driver: hsc-adm1272, bus: i2c, address: 0x12, shunt: 0.5 mohm, part: csu-5, owner: stack, safe: {on: false}}\n"
    "  - {name: connector-1, driver: connector, bus: lines, part: csu-1, owner: stack, safe: {power-enable: false}, present: \"!P1_N\", power-enable: E1, power-good: G1,\n"
    "     attention: A1, reset: \"!R1_N\"}\n"
    "  - {name: connector-2, driver: connector, bus: lines, part: csu-2, owner: stack, safe: {power-enable: false}, present: \"!P2_N\", power-enable: E2, power-good: G2,\n"
    "     attention: A2, reset: \"!R2_N\"}\n"
    "  - {name: connector-5, driver: connector, bus: lines, part: csu-5, owner: stack, safe: {power-enable: false}, present: \"!P5_N\", power-enable: E5, power-good: G5,\n"
    "     attention: A5, reset: \"!R5_N\"}\n"
    "  - {name: identity-1, driver: fru-eeprom, bus: i2c, address: 0x50, part: csu-1, owner: stack}\n";

static inline const char *bay_small(char path[64])
{
  snprintf(path, 64, "/tmp/pl-bay-rig-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, BAY_SMALL, sizeof BAY_SMALL - 1), sizeof BAY_SMALL - 1);
  close(fd);
  return path;
}

#define BAY_IS_OVER(p) ((p)->state != PL_PROCEDURE_RUNNING && (p)->state != PL_PROCEDURE_ROLLING_BACK)

static inline void bay_start(struct bay *bay)
{
  stand_stack(bay->s);
  struct pl_stack *stack = bay->s->stack;
  for (pl_time_ns end = pl_clock_now(bay->s->clock) + 10 * PL_S; !pl_inventory_first_round_over(stack->inventory) && pl_clock_now(bay->s->clock) < end;)
    pl_clock_step(bay->s->clock, end);
  stand_run(bay->s, PL_MS); /* the procedures are taken up with the next turn */
  assert_non_null(stack->procedures);
}

/* small: BAY_SMALL, else the demo rack. */
static inline struct bay *bay_open(bool small, const char *mutant)
{
  struct bay *bay = calloc(1, sizeof *bay);
  char rig[64];
  bay->s = stand_open(small ? bay_small(rig) : DEMO_RACK);
  if (small)
    unlink(rig);
  snprintf(bay->store, sizeof bay->store, "/tmp/pl-bay-XXXXXX");
  int fd = mkstemp(bay->store);
  assert_true(fd >= 0);
  close(fd);
  bay->s->cfg.store = bay->store;
  bay->s->cfg.mutant = mutant;
  bay_start(bay);
  return bay;
}

/* As a SIGKILL: nothing is written or commanded any more, and outputs stay as they are. */
static inline void bay_kill(struct bay *bay)
{
  pl_stack_rackd.kill(bay->s->stack);
  bay->s->stack = NULL;
  stand_run(bay->s, 20 * PL_MS);
}

static inline void bay_close(struct bay *bay)
{
  char side[80];
  stand_close(bay->s);
  unlink(bay->store);
  snprintf(side, sizeof side, "%s-wal", bay->store);
  unlink(side);
  snprintf(side, sizeof side, "%s-shm", bay->store);
  unlink(side);
  free(bay);
}

static inline struct pl_procedure *bay_begin(struct bay *bay, const struct pl_procedure_desc *desc, const char *item)
{
  struct pl_procedure *p = NULL;
  WELL(bay->s, pl_procedure_begin(bay->s->stack, desc, stand_item(bay->s, item), "tester", &p, &bay->s->err));
  return p;
}

static inline bool bay_over(struct stand *s, void *ctx)
{
  const struct pl_procedure *p = ctx;
  (void)s;
  return BAY_IS_OVER(p);
}

static inline void bay_until_over(struct bay *bay, struct pl_procedure *p, enum pl_procedure_state state, pl_time_ns span)
{
  if (stand_until(bay->s, bay_over, p, span) == PL_NEVER)
    fail_msg("%s of %s still at step %s after %g s", p->desc->kind, p->item->id, pl_procedure_step_name(p), (double)span / (double)PL_S);
  if (p->state != state)
    fail_msg("%s of %s ended as %d at %s, expected %d: %s", p->desc->kind, p->item->id, (int)p->state, pl_procedure_step_name(p), (int)state, p->message);
}

struct bay_wish {
  const struct pl_procedure *p;
  const char *step;
};

static inline bool bay_at(struct stand *s, void *ctx)
{
  const struct bay_wish *wish = ctx;
  return s->stack->dead || BAY_IS_OVER(wish->p) || !strcmp(pl_procedure_step_name(wish->p), wish->step);
}

static inline void bay_until_step(struct bay *bay, const struct pl_procedure *p, const char *step, pl_time_ns span)
{
  struct bay_wish wish = {p, step};
  if (stand_until(bay->s, bay_at, &wish, span) == PL_NEVER || BAY_IS_OVER(p))
    fail_msg("%s of %s is at step %s, expected %s: %s", p->desc->kind, p->item->id, pl_procedure_step_name(p), step, p->message);
}

/* A procedure of this kind that was begun by the stack itself, the newest. */
static inline struct pl_procedure *bay_newest(struct bay *bay, const struct pl_procedure_desc *desc)
{
  for (struct pl_procedure *p = pl_procedure_first(bay->s->stack->procedures); p; p = p->next)
    if (p->desc == desc)
      return p;
  return NULL;
}

struct bay_kind {
  struct bay *bay;
  const struct pl_procedure_desc *desc;
};

static inline bool bay_has(struct stand *s, void *ctx)
{
  struct bay_kind *kind = ctx;
  (void)s;
  return bay_newest(kind->bay, kind->desc);
}

static inline struct pl_procedure *bay_until_begun(struct bay *bay, const struct pl_procedure_desc *desc, pl_time_ns span)
{
  struct bay_kind kind = {bay, desc};
  if (stand_until(bay->s, bay_has, &kind, span) == PL_NEVER)
    fail_msg("no %s was begun within %g s", desc->kind, (double)span / (double)PL_S);
  return bay_newest(bay, desc);
}

static inline size_t bay_count(struct bay *bay, const struct pl_procedure_desc *desc)
{
  size_t count = 0;
  for (struct pl_procedure *p = pl_procedure_first(bay->s->stack->procedures); p; p = p->next)
    count += p->desc == desc;
  return count;
}

static inline void bay_power(struct bay *bay, const char *first, ...)
{
  va_list args;
  va_start(args, first);
  for (const char *id = first; id; id = va_arg(args, const char *))
    bay_until_over(bay, bay_begin(bay, &pl_power_on, id), PL_PROCEDURE_COMPLETED, 20 * PL_S);
  va_end(args);
}

/* --- the trail --- */

struct bay_trail {
  char words[4096]; /* "isolate:began isolate:command ..." of one procedure, without the details */
  char details[8192];
};

static inline void bay_add_trail(void *ctx, const struct pl_store_trail_row *row)
{
  struct bay_trail *trail = ctx;
  size_t used = strlen(trail->words), more = strlen(trail->details);
  snprintf(trail->words + used, sizeof trail->words - used, "%s:%s ", row->step, row->what);
  snprintf(trail->details + more, sizeof trail->details - more, "%s:%s %s\n", row->step, row->what, row->detail);
}

static inline void bay_read_trail(struct bay *bay, int64_t id, struct bay_trail *trail)
{
  memset(trail, 0, sizeof *trail);
  WELL(bay->s, pl_store_trail_each(bay->s->stack->store, id, bay_add_trail, trail, &bay->s->err));
}

/* After a restart nothing is commanded in a step that switches power before somebody has looked. */
struct bay_blind {
  const struct pl_procedure_desc *desc;
  bool resumed, looked;
  size_t blind;
};

static inline void bay_judge_blind(void *ctx, const struct pl_store_trail_row *row)
{
  struct bay_blind *blind = ctx;
  if (!strcmp(row->what, "resumed")) {
    blind->resumed = true;
    blind->looked = strstr(row->detail, "between") != NULL; /* the step to come has not begun before */
  }
  if (!strcmp(row->what, "looked") || !strcmp(row->what, "began") || !strcmp(row->what, "undo"))
    blind->looked = true;
  for (size_t i = 0; i < blind->desc->n_steps; i++)
    if (!strcmp(blind->desc->steps[i].name, row->step) && blind->desc->steps[i].flags & PL_STEP_POWER && !strcmp(row->what, "command") && blind->resumed && !blind->looked)
      blind->blind++;
}

static inline size_t bay_blind_actions(struct bay *bay, const struct pl_procedure *p)
{
  struct bay_blind blind = {.desc = p->desc};
  WELL(bay->s, pl_store_trail_each(bay->s->stack->store, p->id, bay_judge_blind, &blind, &bay->s->err));
  return blind.blind;
}

static inline int bay_setup(void **state)
{
  *state = bay_open(true, NULL);
  return 0;
}

static inline int bay_setup_demo(void **state)
{
  *state = bay_open(false, NULL);
  return 0;
}

static inline int bay_teardown(void **state)
{
  bay_close(*state);
  return 0;
}

#endif
