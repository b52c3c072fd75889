/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs, on what, and who may take what from whom. */
#include "control/procedure/procedure_in.h"

#define OVER_MAX 1000 /* those kept to be looked at */

/* --- lists --- */

void pl_run_list(struct pl_run *run, bool active)
{
  struct pl_procedures *all = run->all;
  run->p.next = all->newest ? &all->newest->p : NULL;
  all->newest = run;
  if (active) {
    run->next_active = all->active;
    all->active = run;
  } else {
    all->n_over++;
  }
}

/* The oldest that is over, once there are too many. */
static void forget_oldest(struct pl_procedures *all)
{
  struct pl_run *oldest = NULL, *before = NULL, *last = NULL;
  if (all->n_over <= OVER_MAX)
    return;
  for (struct pl_run *run = all->newest; run; last = run, run = pl_run_of(run->p.next))
    if (run->stage == PL_STAGE_OVER && !run->orders) {
      oldest = run;
      before = last;
    }
  if (!oldest || !before)
    return;
  before->p.next = oldest->p.next;
  all->n_over--;
  pl_run_free(oldest);
}

struct pl_run *pl_run_make(struct pl_procedures *all, const struct pl_procedure_desc *desc, struct pl_item *item)
{
  struct pl_run *run = calloc(1, sizeof *run);
  if (!run)
    return NULL;
  run->all = all;
  run->ending = PL_PROCEDURE_FAILED;
  run->p.desc = desc;
  run->p.stack = all->stack;
  run->p.item = item;
  return run;
}

void pl_run_free(struct pl_run *run)
{
  if (!run)
    return;
  pl_clock_disarm(run->p.stack->clock, &run->timer);
  while (run->orders) {
    struct pl_run_order *order = run->orders;
    run->orders = order->next;
    free(order);
  }
  free(run->claims);
  free(run);
}

/* --- claims --- */

static struct pl_run *owner(const struct pl_procedures *all, const struct pl_item *item)
{
  for (struct pl_run *run = all->active; run; run = run->next_active)
    for (size_t i = 0; i < run->n_claims; i++)
      if (run->claims[i] == item)
        return run;
  return NULL;
}

static enum pl_status add_claim(struct pl_run *run, struct pl_item *item, struct pl_err *err)
{
  if (run->n_claims == run->claims_room) {
    size_t room = run->claims_room ? 2 * run->claims_room : 8;
    struct pl_item **more = realloc(run->claims, room * sizeof(struct pl_item *));
    if (!more)
      return pl_fail(err, PL_E_NOMEM, "%s: out of memory", run->p.desc->kind);
    run->claims = more;
    run->claims_room = room;
  }
  run->claims[run->n_claims++] = item;
  return PL_OK;
}

static enum pl_status busy(const struct pl_run *by, const struct pl_item *item, struct pl_err *err)
{
  return pl_fail(err, PL_E_BUSY, "%s: %s %lld has it (step %s). Wait for it, or cancel it", item->id, by->p.desc->kind, (long long)by->p.id, pl_run_step(by)->name);
}

/* An urgent one takes what another has; that one ends as it stands: it switched off, or on, and the urgent one switches off whatever it finds. To roll it back
 * first would put power where a leak is, and cost the time that is not there. */
static enum pl_status free_for(struct pl_run *run, struct pl_item *item, bool by_force, struct pl_err *err)
{
  struct pl_run *other = owner(run->all, item);
  char why[120];
  if (!other || other == run)
    return PL_OK;
  if (other->p.desc->urgent || !by_force)
    return busy(other, item, err);
  snprintf(why, sizeof why, "%s of %s took %s over at step %s", run->p.desc->kind, run->p.item->id, item->id, pl_run_step(other)->name);
  pl_run_abandon(other, why);
  return PL_OK;
}

/* A module's procedure has what stands in it. */
static enum pl_status each_own(struct pl_run *run, struct pl_item *item, enum pl_status (*fn)(struct pl_run *run, struct pl_item *item, struct pl_err *err),
                               struct pl_err *err)
{
  enum pl_status status = fn(run, item, err);
  if (item->kind != PL_ITEM_MODULE)
    return status;
  for (struct pl_item *child = item->first_child; child && !status; child = child->next_sibling)
    status = each_own(run, child, fn, err);
  return status;
}

static enum pl_status may_claim(struct pl_run *run, struct pl_item *item, struct pl_err *err)
{
  struct pl_run *other = owner(run->all, item);
  return other && (other->p.desc->urgent || !run->p.desc->urgent) ? busy(other, item, err) : PL_OK;
}

static enum pl_status claim_one(struct pl_run *run, struct pl_item *item, struct pl_err *err)
{
  enum pl_status status = free_for(run, item, run->p.desc->urgent, err);
  return status ? status : add_claim(run, item, err);
}

enum pl_status pl_run_claim(struct pl_run *run, struct pl_err *err)
{
  if (run->p.desc->shares)
    return PL_OK;
  enum pl_status status = each_own(run, run->p.item, may_claim, err); /* all, or nobody loses any */
  return status ? status : each_own(run, run->p.item, claim_one, err);
}

enum pl_status pl_procedure_take(struct pl_procedure *p, struct pl_item *item, struct pl_err *err)
{
  struct pl_run *run = pl_run_of(p);
  if (owner(run->all, item) == run)
    return PL_OK;
  enum pl_status status = free_for(run, item, true, err);
  if (!status)
    status = add_claim(run, item, err);
  if (!status)
    pl_run_show(run);
  return status;
}

/* --- what can be seen --- */

void pl_run_show(struct pl_run *run)
{
  struct pl_procedures *all = run->all;
  const char *kind = run->stage == PL_STAGE_OVER ? NULL : run->p.desc->kind, *phase = kind ? pl_run_step(run)->name : NULL;
  for (size_t i = 0; i < run->n_claims; i++) {
    struct pl_item *item = run->claims[i];
    if (item->procedure == kind && item->phase == phase)
      continue;
    item->procedure = kind;
    item->phase = phase;
    pl_item_touch(run->p.stack, item);
  }
  for (struct pl_procedure_listener *each = all->listeners; each; each = each->next)
    each->changed(each->ctx, &run->p);
}

void pl_run_release(struct pl_run *run)
{
  struct pl_procedures *all = run->all;
  for (struct pl_run **link = &all->active; *link; link = &(*link)->next_active)
    if (*link == run) {
      *link = run->next_active;
      break;
    }
  pl_run_show(run);
  size_t n_claims = run->n_claims;
  run->n_claims = 0;
  for (size_t i = 0; i < n_claims && !all->stack->dead; i++)
    pl_triggers_state(all, run->claims[i]); /* what it left behind is judged again */
  all->n_over++;
  forget_oldest(all);
}

void pl_procedures_listen(struct pl_procedures *procedures, struct pl_procedure_listener *listener)
{
  listener->next = procedures->listeners;
  procedures->listeners = listener;
}

/* --- the inventory's news --- */

static void wake(struct pl_procedures *all, const struct pl_item *item)
{
  for (struct pl_run *run = all->active, *next; run; run = next) {
    next = run->next_active;
    for (size_t i = 0; i < run->n_claims; i++)
      if (run->claims[i] == item)
        pl_run_poke_soon(run);
  }
}

static void on_state(void *ctx, struct pl_item *item, enum pl_state before)
{
  struct pl_procedures *all = ctx;
  (void)before;
  if (all->closing || all->stack->dead)
    return;
  if (item->state == PL_STATE_ABSENT && item->kind == PL_ITEM_CSU && all->resumed && pl_is_out_of_service(all->stack, item))
    pl_back_in_service(all->stack, item); /* what is put in next has not failed */
  wake(all, item);
  pl_triggers_state(all, item);
}

static void on_health(void *ctx, struct pl_item *item, enum pl_health before)
{
  struct pl_procedures *all = ctx;
  (void)before;
  if (!all->closing && !all->stack->dead)
    pl_triggers_state(all, item);
}

static void on_reading(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct pl_procedures *all = ctx;
  (void)sense;
  if (all->closing || all->stack->dead)
    return;
  wake(all, item);
  pl_triggers_reading(all, item);
}

/* --- life --- */

enum pl_status pl_procedures_new(struct pl_stack *stack, struct pl_procedures **procedures, struct pl_err *err)
{
  struct pl_procedures *all = calloc(1, sizeof *all);
  if (!all)
    return pl_fail(err, PL_E_NOMEM, "procedures: out of memory");
  all->stack = stack;
  enum pl_status status = pl_triggers_new(all, err);
  if (status) {
    free(all);
    return status;
  }
  all->on_items = (struct pl_item_listener){.state = on_state, .health = on_health, .reading = on_reading, .ctx = all};
  pl_inventory_listen(stack->inventory, &all->on_items);
  *procedures = all;
  return PL_OK;
}

enum pl_status pl_procedures_resume(struct pl_procedures *procedures, struct pl_err *err)
{
  enum pl_status status = pl_out_of_service_read(procedures->stack, err);
  if (!status)
    status = pl_runs_read(procedures, err);
  procedures->resumed = !status;
  if (!status)
    pl_triggers_begin(procedures);
  return status;
}

void pl_procedures_free(struct pl_procedures *procedures)
{
  if (!procedures)
    return;
  procedures->closing = true;
  pl_inventory_halt(procedures->stack->inventory); /* what a bus has of our commands is nobody's from here on */
  pl_triggers_free(procedures);
  while (procedures->newest) {
    struct pl_run *run = procedures->newest;
    procedures->newest = pl_run_of(run->p.next);
    pl_run_free(run);
  }
  free(procedures);
}

static enum pl_status check_begin(struct pl_stack *stack, const struct pl_procedure_desc *desc, const struct pl_item *item, struct pl_err *err)
{
  if (stack->dead)
    return pl_fail(err, PL_E_GONE, "%s: the stack is dead", desc->kind);
  if (!stack->procedures->resumed && !desc->urgent) /* its unit may be one's that was begun before */
    return pl_fail(err, PL_E_EARLY, "%s of %s: the stack has just started, and has not taken up yet what it was doing. Ask again in a moment", desc->kind, item->id);
  if (item->kind != desc->item_kind)
    return pl_fail(err, PL_E_USAGE, "%s: %s is a %s, and this is for a %s", desc->kind, item->id, pl_item_kind_name(item->kind), pl_item_kind_name(desc->item_kind));
  return PL_OK;
}

static int64_t unwritten_id(struct pl_procedures *all)
{
  return 1000000000 + ++all->unwritten;
}

enum pl_status pl_procedure_begin(struct pl_stack *stack, const struct pl_procedure_desc *desc, struct pl_item *item, const char *author,
                                  struct pl_procedure **procedure, struct pl_err *err)
{
  struct pl_procedures *all = stack->procedures;
  enum pl_status status = check_begin(stack, desc, item, err);
  if (status)
    return status;
  struct pl_run *run = pl_run_make(all, desc, item);
  if (!run)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", desc->kind);
  status = desc->shares ? PL_OK : each_own(run, item, may_claim, err);
  if (!status && desc->may)
    status = desc->may(stack, item, err);
  if (!status)
    status = pl_run_claim(run, err);
  if (!status) {
    run->p.begun = pl_clock_now(stack->clock);
    run->p.begun_wall_ns = pl_clock_wall_ns(stack->clock, run->p.begun);
    snprintf(run->p.author, sizeof run->p.author, "%s", author);
    snprintf(run->p.serial, sizeof run->p.serial, "%s", item->identified ? item->identity.serial : "");
    if (desc->prepare)
      desc->prepare(&run->p);
    status = pl_run_write_new(run, err);
  }
  if (status && desc->urgent && run->n_claims) { /* people and plant first: it runs without a record, and says so */
    run->p.id = unwritten_id(all);
    snprintf(run->p.message, sizeof run->p.message, "not in the store: %.200s", err ? err->text : "it cannot be written");
    status = PL_OK;
  }
  if (status) {
    pl_run_free(run);
    return status;
  }
  pl_run_list(run, true);
  if (procedure)
    *procedure = &run->p;
  pl_run_start(run);
  return PL_OK;
}

void pl_procedure_abandon(struct pl_procedure *p, const char *why)
{
  if (pl_run_of(p)->stage != PL_STAGE_OVER && !p->stack->dead)
    pl_run_abandon(pl_run_of(p), why);
}

void pl_procedure_unwrite(struct pl_procedure *p, const char *why)
{
  struct pl_run *run = pl_run_of(p);
  p->id = unwritten_id(run->all); /* the one that it had is the next one's */
  run->unwritten = true;
  pl_procedure_abandon(p, why);
}

void pl_procedure_poke(struct pl_procedure *p)
{
  if (pl_run_of(p)->stage != PL_STAGE_OVER)
    pl_run_poke(pl_run_of(p));
}

enum pl_status pl_procedure_cancel(struct pl_procedure *p, const char *why, struct pl_err *err)
{
  struct pl_run *run = pl_run_of(p);
  if (p->stack->dead)
    return pl_fail(err, PL_E_GONE, "%s %lld: the stack is dead", p->desc->kind, (long long)p->id);
  if (run->stage == PL_STAGE_OVER)
    return pl_fail(err, PL_E_USAGE, "%s %lld is over", p->desc->kind, (long long)p->id);
  if (p->state == PL_PROCEDURE_ROLLING_BACK)
    return pl_fail(err, PL_E_BUSY, "%s %lld rolls back already", p->desc->kind, (long long)p->id);
  pl_run_roll_back(run, PL_PROCEDURE_CANCELLED, why);
  return PL_OK;
}

struct pl_procedure *pl_procedure_first(const struct pl_procedures *procedures)
{
  return procedures->newest ? &procedures->newest->p : NULL;
}

struct pl_procedure *pl_procedure_find(const struct pl_procedures *procedures, int64_t id)
{
  for (struct pl_procedure *p = pl_procedure_first(procedures); p; p = p->next)
    if (p->id == id)
      return p;
  return NULL;
}

struct pl_procedure *pl_procedure_of(const struct pl_procedures *procedures, const struct pl_item *item)
{
  struct pl_run *run = owner(procedures, item);
  return run ? &run->p : NULL;
}

const char *pl_procedure_step_name(const struct pl_procedure *p)
{
  return p->desc->steps[p->step].name;
}

const struct pl_procedure_desc *pl_procedure_desc_find(const char *kind)
{
  size_t count;
  const struct pl_procedure_desc *const *descs = pl_procedure_descs(&count);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(descs[i]->kind, kind))
      return descs[i];
  return NULL;
}
