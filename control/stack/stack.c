/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack.h"

#include "control/events/events.h"
#include "control/inventory/item.h"
#include "control/placement/node.h"
#include "control/placement/placement.h"
#include "control/plant/plant.h"
#include "control/procedure/leak.h"
#include "control/procedure/procedure.h"
#include "control/redfish/service.h"
#include "control/store/store.h"

#include <stdlib.h>
#include <string.h>

/* --- rooms, in the order in which they are opened --- */

void pl_stack_make_uuid(const struct pl_stack *stack, uint64_t salt, char uuid[37])
{
  uint64_t x = stack->seed ^ (uint64_t)pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock)) ^ salt << 48, words[2];
  for (size_t i = 0; i < 2; i++) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = x += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    words[i] = z ^ (z >> 31);
  }
  snprintf(uuid, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(words[0] >> 32), (unsigned)(words[0] >> 16 & 0xFFFF),
           (unsigned)(words[0] & 0xFFF), (unsigned)(0x8000 | (words[1] >> 48 & 0x3FFF)), (unsigned long long)(words[1] & 0xFFFFFFFFFFFFull));
}

static enum pl_status open_base(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  stack->bench = cfg->bench;
  stack->clock = pl_bench_clock(cfg->bench);
  stack->rig = pl_bench_rig(cfg->bench);
  stack->seed = cfg->seed;
  stack->decisions = cfg->decisions;
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
    pl_stack_make_uuid(stack, 0, stack->uuid);
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

static enum pl_status open_nodes(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_nodes_new(stack, &stack->nodes, err);
}

static enum pl_status open_events(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_events_new(stack, &stack->events, err);
}

static enum pl_status open_procedures(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_procedures_new(stack, &stack->procedures, err);
}

static enum pl_status open_plant(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  enum pl_status status = pl_leaks_new(stack, &stack->leaks, err);
  if (!status)
    status = pl_thermal_new(stack, &stack->thermal, err);
  return status ? status : pl_plant_new(stack, &stack->plant, err);
}

static enum pl_status open_placement(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  return pl_placement_new(stack, &stack->placement, err);
}

static enum pl_status open_service(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  return pl_service_new(stack, cfg, &stack->service, err);
}

/* Whoever commands begins when everything has been looked at once. A stack that cannot go on then ends, for half of one would be worse than none. */
static void begin_commanding(void *ctx)
{
  struct pl_stack *stack = ctx;
  pl_placement_look(stack->placement);
  if (pl_procedures_resume(stack->procedures, &stack->trouble) || pl_plant_start(stack->plant, &stack->trouble) ||
      pl_placement_start(stack->placement, &stack->trouble))
    stack->dead = true;
}

/* Last: from here on the rooms hear of what is read. */
static enum pl_status start(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  (void)cfg;
  pl_service_name_origins(stack);
  enum pl_status status = pl_events_start(stack, err);
  pl_inventory_on_first_round(stack->inventory, begin_commanding, stack);
  return status ? status : pl_inventory_start(stack->inventory, err);
}

static enum pl_status (*const ROOMS[])(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_err *err) = {
    open_base, open_store, open_inventory, open_nodes, open_events, open_procedures, open_plant, open_placement, open_service, start,
};

static void close_rooms(struct pl_stack *stack)
{
  if (stack->inventory) /* nobody is told of anything while the rooms go */
    pl_inventory_halt(stack->inventory);
  pl_nodes_halt(stack->nodes);
  pl_service_free(stack->service);
  pl_placement_free(stack->placement);
  pl_plant_free(stack->plant);
  pl_thermal_free(stack->thermal);
  pl_leaks_free(stack->leaks);
  pl_procedures_free(stack->procedures);
  pl_stack_unlisten(stack);
  pl_events_free(stack->events);
  pl_nodes_free(stack->nodes);
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
  if (stack->dead)
    unavailable(request, stack->trouble.status ? stack->trouble.text : "the stack was killed\n");
  else
    pl_service_submit(stack->service, request);
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

static const struct pl_procedure_desc *find_procedure(const char *kind)
{
  size_t count;
  const struct pl_procedure_desc *const *descs = pl_procedure_descs(&count);
  for (size_t i = 0; i < count; i++)
    if (pl_same_word(descs[i]->kind, kind))
      return descs[i];
  return NULL;
}

static enum pl_status rackd_kill_at(void *self, const char *procedure, const char *step, bool ended, struct pl_err *err)
{
  struct pl_stack *stack = self;
  const struct pl_procedure_desc *desc = procedure ? find_procedure(procedure) : NULL;
  const struct pl_step *found = NULL;
  stack->kill_procedure[0] = stack->kill_step[0] = '\0';
  if (!procedure)
    return PL_OK;
  for (size_t i = 0; desc && i < desc->n_steps; i++)
    if (pl_same_word(desc->steps[i].name, step))
      found = &desc->steps[i];
  if (!found)
    return desc ? pl_fail(err, PL_E_USAGE, "procedure '%s' has no step '%s'", procedure, step) : pl_fail(err, PL_E_USAGE, "no procedure '%s'", procedure);
  snprintf(stack->kill_procedure, sizeof stack->kill_procedure, "%s", desc->kind);
  snprintf(stack->kill_step, sizeof stack->kill_step, "%s", found->name);
  stack->kill_ended = ended;
  return PL_OK;
}

static enum pl_status rackd_listen(void *self, uint64_t after, void (*event)(void *ctx, const struct pl_stack_event *event), void *ctx, struct pl_err *err)
{
  return pl_stack_listen(self, after, event, ctx, err);
}

const struct pl_stack_desc pl_stack_rackd = {
    .name = "rackd",
    .open = rackd_open,
    .kill = rackd_kill,
    .close = rackd_close,
    .submit = rackd_submit,
    .kill_at = rackd_kill_at,
    .is_dead = rackd_is_dead,
    .listen = rackd_listen,
    .mutants = pl_mutants,
};
