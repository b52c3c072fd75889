/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack.h"

#include "control/inventory/item.h"
#include "control/store/store.h"

#include <stdlib.h>
#include <string.h>

/* --- rooms, in the order in which they are opened --- */

/* By the seed and the time of the first start (RFC 9562, version 4's bits). */
static void make_uuid(struct pl_stack *stack)
{
  uint64_t x = stack->seed ^ (uint64_t)pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock)), words[2];
  for (size_t i = 0; i < 2; i++) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = x += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    words[i] = z ^ (z >> 31);
  }
  snprintf(stack->uuid, sizeof stack->uuid, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(words[0] >> 32), (unsigned)(words[0] >> 16 & 0xFFFF),
           (unsigned)(words[0] & 0xFFF), (unsigned)(0x8000 | (words[1] >> 48 & 0x3FFF)), (unsigned long long)(words[1] & 0xFFFFFFFFFFFFull));
}

static enum pl_status open_base(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  stack->bench = cfg->bench;
  stack->clock = pl_bench_clock(cfg->bench);
  stack->rig = pl_bench_rig(cfg->bench);
  stack->seed = cfg->seed;
  enum pl_status status = pl_mutant_find(cfg->mutant, &stack->mutant, err);
  if (!status)
    status = pl_settings_load(cfg->settings, &stack->settings, err);
  return status;
}

/* The stack's uuid is kept, so that it is the same one after a restart. */
static enum pl_status open_store(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  char *uuid = NULL;
  enum pl_status status = pl_store_open(cfg->store, &stack->store, &stack->store_damaged, err);
  if (!status)
    status = pl_store_get(stack->store, "stack", "uuid", &uuid, err);
  if (status)
    return status;
  if (uuid && strlen(uuid) == sizeof stack->uuid - 1)
    memcpy(stack->uuid, uuid, sizeof stack->uuid);
  else
    make_uuid(stack);
  if (!uuid)
    status = pl_store_put(stack->store, "stack", "uuid", stack->uuid, err);
  free(uuid);
  return status;
}

static enum pl_status open_inventory(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_inventory_new(stack, &stack->inventory, err);
}

/* Last: from here on the rooms hear of what is read. */
static enum pl_status start(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_inventory_start(stack->inventory, err);
}

static enum pl_status (*const ROOMS[])(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err) = {open_base, open_store, open_inventory, start};

static void close_rooms(struct pl_stack *stack)
{
  pl_inventory_free(stack->inventory);
  pl_store_close(stack->store);
}

/* --- the stack --- */

enum pl_status pl_stack_open(const struct pl_stack_cfg *cfg, struct pl_stack **out, struct pl_err *err)
{
  struct pl_stack *stack = calloc(1, sizeof *stack);
  if (!stack)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a control stack");
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < sizeof ROOMS / sizeof *ROOMS && !status; i++)
    status = ROOMS[i](stack, cfg, err);
  if (status) {
    pl_stack_close(stack);
    return status;
  }
  *out = stack;
  return PL_OK;
}

void pl_stack_close(struct pl_stack *stack)
{
  if (!stack)
    return;
  close_rooms(stack);
  free(stack);
}

static void unavailable(struct pl_http_request *request, const char *why)
{
  request->answer = (struct pl_http_answer){.status = 503, .type = "text/plain"};
  request->answer.body = strdup(why);
  request->answer.body_size = request->answer.body ? strlen(why) : 0;
  request->done(request);
}

void pl_stack_submit(struct pl_stack *stack, struct pl_http_request *request)
{
  unavailable(request, stack->dead ? "the stack was killed\n" : "no service\n");
}

/* --- as the host has it --- */

static enum pl_status rackd_open(const struct pl_stack_cfg *cfg, void **self, struct pl_err *err)
{
  struct pl_stack *stack = NULL;
  enum pl_status status = pl_stack_open(cfg, &stack, err);
  *self = stack;
  return status;
}

static void rackd_close(void *self)
{
  pl_stack_close(self);
}

static void rackd_submit(void *self, struct pl_http_request *request)
{
  pl_stack_submit(self, request);
}

static bool rackd_is_dead(const void *self)
{
  return ((const struct pl_stack *)self)->dead;
}

static void bury(void *ctx)
{
  pl_stack_close(ctx);
}

/* It may be asked for from within one of the stack's own callbacks: it ends here and now, and its memory goes with the loop's next turn. */
static void rackd_kill(void *self)
{
  struct pl_stack *stack = self;
  stack->dead = true;
  pl_inventory_halt(stack->inventory);
  stack->burial = (struct pl_post){.run = bury, .ctx = stack};
  pl_clock_post(stack->clock, &stack->burial);
}

static enum pl_status rackd_kill_at(void *self, const char *procedure, const char *step, bool ended, struct pl_err *err)
{
  (void)self;
  (void)step;
  (void)ended;
  return procedure ? pl_fail(err, PL_E_UNSUPPORTED, "this stack has no procedures") : PL_OK;
}

const struct pl_stack_desc pl_stack_rackd = {
    .name = "rackd",
    .open = rackd_open,
    .kill = rackd_kill,
    .close = rackd_close,
    .submit = rackd_submit,
    .kill_at = rackd_kill_at,
    .is_dead = rackd_is_dead,
    .mutants = pl_mutants,
};
