/* SPDX-License-Identifier: Apache-2.0 */
/* What a rehearsal tells the plan check: which line wrote what, what became dangerous in the virtual rack, what is left behind. */
#include "host/engine/run.h"
#include "host/safety/plan.h"

struct pl_touched { /* an output without a safe value that the sequence has written, and how it was found */
  struct pl_touched *next;
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  int64_t found_u;
};

static bool has_safe_value(const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  for (size_t i = 0; i < device->n_safe; i++)
    if (device->safe[i].quantity == quantity)
      return true;
  return false;
}

static bool read_now(struct pl_run *run, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t *value_u)
{
  struct pl_call call = {.device = pl_bench_device(run->bench, device->name), .kind = PL_CALL_GET, .quantity = quantity};
  if (!(quantity->access & PL_GET) || !call.device || pl_call_run(&call, NULL) || call.reading.status)
    return false;
  *value_u = call.reading.value_u;
  return true;
}

/* As the first write of the sequence finds it. */
static void remember(struct pl_run *run, const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  if (has_safe_value(device, quantity))
    return;
  for (const struct pl_touched *each = run->touched; each; each = each->next)
    if (each->device == device && each->quantity == quantity)
      return;
  struct pl_touched *touched = calloc(1, sizeof *touched);
  if (!touched || !read_now(run, device, quantity, &touched->found_u)) {
    free(touched);
    return;
  }
  touched->device = device;
  touched->quantity = quantity;
  touched->next = run->touched;
  run->touched = touched;
}

void pl_rehearsal_allow(struct pl_run *run)
{
  for (const struct pl_allowed *each = run->vm->allowed; each; each = each->next) {
    char text[256];
    if (run->cfg->plan)
      pl_plan_check_allow(run->cfg->plan, each->rule, each->why, NULL);
    snprintf(text, sizeof text, "the sequence allows the hazard '%s' (line %d): %s", each->rule, each->line, each->why);
    pl_journal_log(run->journal, -1, "WARNING", text);
  }
}

void pl_rehearsal_writes(lua_State *L, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t value_u)
{
  struct pl_run *run = pl_task_of(L)->vm->run;
  if (!run->cfg->plan)
    return;
  remember(run, device, quantity);
  pl_plan_check_wrote(run->cfg->plan, pl_vm_line(L), pl_clock_now(run->clock), device, quantity, value_u);
}

void pl_rehearsal_acts(lua_State *L, const struct pl_rig_part *part, const char *verb)
{
  struct pl_run *run = pl_task_of(L)->vm->run;
  if (run->cfg->plan)
    pl_plan_check_acted(run->cfg->plan, pl_vm_line(L), pl_clock_now(run->clock), part, verb);
}

void pl_rehearsal_plants(lua_State *L, const char *spec)
{
  struct pl_run *run = pl_task_of(L)->vm->run;
  if (run->cfg->plan)
    pl_plan_check_planted(run->cfg->plan, pl_vm_line(L), pl_clock_now(run->clock), spec);
}

static void on_hazard(void *ctx, const struct pl_hazard *hazard)
{
  pl_plan_check_hazard(ctx, hazard);
}

void pl_rehearsal_look(struct pl_run *run)
{
  const struct pl_backend_desc *rack = pl_bench_backend_desc(run->bench);
  if (run->cfg->plan && rack && rack->hazards)
    rack->hazards(pl_bench_backend(run->bench), on_hazard, run->cfg->plan);
}

void pl_rehearsal_end(struct pl_run *run)
{
  int64_t now_u;
  pl_rehearsal_look(run);
  for (struct pl_touched *each = run->touched, *next; each; each = next) {
    next = each->next;
    bool whole = run->trouble != PL_FAILURE_USAGE && !run->cut; /* else its teardown was not seen */
    if (run->cfg->plan && whole && read_now(run, each->device, each->quantity, &now_u) && now_u != each->found_u)
      pl_plan_check_left(run->cfg->plan, pl_clock_now(run->clock), each->device, each->quantity, each->found_u, now_u);
    free(each);
  }
  run->touched = NULL;
}
