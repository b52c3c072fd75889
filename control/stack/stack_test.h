/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_STACK_TEST_H
#define PL_CONTROL_STACK_TEST_H

/* For the tests of control/ only: a rig on the twin with a stack on it, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "control/inventory/item.h"
#include "control/stack/stack.h"
#include "drivers/rig/bench.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEMO_RACK "fixtures/rigs/demo-rack.yaml"

struct stand {
  struct pl_clock *clock;
  struct pl_rig *rig;
  struct pl_bench *bench;
  struct pl_backend *backend;
  const struct pl_backend_desc *desc;
  struct pl_stack *stack;
  struct pl_stack_cfg cfg;
  struct pl_err err;
};

#define WELL(stand, call)                        \
  do {                                           \
    if ((call) != PL_OK)                         \
      fail_msg("%s: %s", #call, (stand)->err.text); \
  } while (0)

static inline struct stand *stand_open(const char *rig)
{
  struct stand *s = calloc(1, sizeof *s);
  WELL(s, pl_clock_new_virtual(0, &s->clock, &s->err));
  WELL(s, pl_rig_load(rig, &s->rig, &s->err));
  WELL(s, pl_bench_open(s->rig, &(const struct pl_bench_cfg){.clock = s->clock, .seed = 1}, &s->bench, &s->err));
  s->backend = pl_bench_backend(s->bench);
  s->desc = pl_bench_backend_desc(s->bench);
  s->cfg = (struct pl_stack_cfg){.bench = s->bench, .seed = 1, .user = "admin", .password = "plumb-line-1"};
  return s;
}

static inline void stand_stack(struct stand *s)
{
  WELL(s, pl_stack_open(&s->cfg, &s->stack, &s->err));
}

static inline void stand_close(struct stand *s)
{
  pl_stack_close(s->stack);
  pl_bench_close(s->bench);
  pl_rig_free(s->rig);
  pl_clock_free(s->clock);
  free(s);
}

static inline void stand_run(struct stand *s, pl_time_ns span)
{
  for (pl_time_ns end = pl_clock_now(s->clock) + span; pl_clock_now(s->clock) < end;)
    pl_clock_step(s->clock, end);
}

/* Until it is so, at most `span`; how long it took, PL_NEVER: it was not. */
static inline pl_time_ns stand_until(struct stand *s, bool (*is_so)(struct stand *s, void *ctx), void *ctx, pl_time_ns span)
{
  pl_time_ns begin = pl_clock_now(s->clock), end = begin + span;
  while (!is_so(s, ctx)) {
    if (pl_clock_now(s->clock) >= end)
      return PL_NEVER;
    pl_clock_step(s->clock, end);
  }
  return pl_clock_now(s->clock) - begin;
}

static inline struct pl_item *stand_item(struct stand *s, const char *id)
{
  struct pl_item *item = pl_inventory_any(s->stack->inventory, id);
  if (!item)
    fail_msg("no unit '%s'", id);
  return item;
}

static inline void stand_is(struct stand *s, const char *id, enum pl_state state, enum pl_health health)
{
  const struct pl_item *item = stand_item(s, id);
  if (item->state != state || item->health != health)
    fail_msg("%s is %s, %s (%s); expected %s, %s", id, pl_state_name(item->state), pl_health_name(item->health), item->why, pl_state_name(state),
             pl_health_name(health));
}

struct stand_wish {
  const char *id;
  enum pl_state state;
};

static inline bool stand_has_state(struct stand *s, void *ctx)
{
  const struct stand_wish *wish = ctx;
  return stand_item(s, wish->id)->state == wish->state;
}

static inline pl_time_ns stand_until_state(struct stand *s, const char *id, enum pl_state state, pl_time_ns span)
{
  struct stand_wish wish = {id, state};
  pl_time_ns took = stand_until(s, stand_has_state, &wish, span);
  if (took == PL_NEVER)
    fail_msg("%s is still %s (%s) after %.3f s, expected %s", id, pl_state_name(stand_item(s, id)->state), stand_item(s, id)->why,
             (double)span / (double)PL_S, pl_state_name(state));
  return took;
}

static inline void stand_act(struct stand *s, const char *part, const char *verb)
{
  WELL(s, s->desc->act(s->backend, part, verb, &s->err));
}

static inline void stand_plant(struct stand *s, const char *spec)
{
  WELL(s, s->desc->plant(s->backend, spec, &s->err));
}

static inline void stand_clear(struct stand *s)
{
  WELL(s, s->desc->clear(s->backend, NULL, &s->err));
}

static inline double stand_truth(struct stand *s, const char *part, const char *port)
{
  double value = NAN;
  WELL(s, s->desc->truth(s->backend, part, port, &value, &s->err));
  return value;
}

/* A device of the bench's, or of the stack's behind its back. */
static inline void stand_set(struct stand *s, const char *device, const char *quantity, double value)
{
  struct pl_device *found = pl_bench_device(s->bench, device);
  assert_non_null(found);
  struct pl_call call = {.device = found, .kind = PL_CALL_SET, .quantity = pl_shape_find(pl_device_shape_of(found), quantity),
                         .value_u = (int64_t)llround(value * (double)PL_U)};
  WELL(s, pl_call_run(&call, &s->err));
}

static inline void stand_ended(struct pl_command *command)
{
  *(bool *)command->ctx = true;
}

/* A command of the stack's own; returns its status, the sentence in s->err. */
static inline enum pl_status stand_command(struct stand *s, const char *id, const char *role, const char *quantity, double value)
{
  bool ended = false;
  struct pl_command command = {.item = stand_item(s, id), .role = role, .quantity = quantity, .value_u = (int64_t)llround(value * (double)PL_U),
                               .author = "test", .done = stand_ended, .ctx = &ended};
  pl_command_submit(s->stack, &command);
  for (pl_time_ns end = pl_clock_now(s->clock) + 10 * PL_S; !ended && pl_clock_now(s->clock) < end;)
    pl_clock_step(s->clock, end);
  assert_true(ended);
  s->err = command.err;
  return command.status;
}

/* Power to a slot, past all procedures. */
static inline void stand_power(struct stand *s, const char *id, bool on)
{
  WELL(s, stand_command(s, id, "hot-swap", "on", on));
  WELL(s, stand_command(s, id, "connector", "power-enable", on));
}

/* The first n slots of the demo rack, behind the stack's back. */
static inline void stand_power_some(struct stand *s, int n)
{
  for (int i = 1; i <= n; i++) {
    char name[24];
    snprintf(name, sizeof name, "hsc-%d", i);
    stand_set(s, name, "on", 1);
    snprintf(name, sizeof name, "connector-%d", i);
    stand_set(s, name, "power-enable", 1);
  }
}

static inline void stand_power_all(struct stand *s)
{
  stand_power_some(s, 8);
}

/* At the end of a test of lies (control/stack/mutant.h): BUILD/TEST -> BUILD/mutants/TEST, the same test with a stack that can lie. Returns only where there is
 * none, or this is it. */
static inline void stand_go_on_lying(const char *self, const char *test)
{
  const struct pl_word *words;
  char path[1024];
  const char *own = strstr(self, test);
  if (pl_mutants(&words) || !own)
    return;
  snprintf(path, sizeof path, "%.*smutants/%s", (int)(own - self), self, own);
  if (!access(path, X_OK))
    execl(path, path, (char *)NULL);
}

/* A store cannot be written beyond it: RLIM_INFINITY ends that. */
static inline void stand_let_files_grow(rlim_t size)
{
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = size;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif
