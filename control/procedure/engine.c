/* SPDX-License-Identifier: Apache-2.0 */
/* How a step runs: written, acted, checked on what the hardware shows after it, written; undone the same way; looked at first after a restart. */
#include "control/procedure/procedure_in.h"

#define ASK_EVERY (100 * PL_MS)  /* a step that waits for the hardware asks again */
#define ASK_ANYWAY PL_S           /* also where the last request was not served */
#define NEWS_TOGETHER (5 * PL_MS) /* a round of readings is judged once */
#define LOOK_LIMIT (3 * PL_S)    /* after a restart: every device of the unit has been asked by then, or is mute */
#define UNDO_LIMIT (5 * PL_S)    /* of an undo whose step has no limit */
#define HOLD_EVERY PL_S
#define HOLD_LIMIT (60 * PL_S)   /* a store that cannot be written for so long: the procedure ends where it stands */

static void next_step(struct pl_run *run);
static void undo_step(struct pl_run *run);
static void advance(struct pl_run *run);

static void fire(void *ctx, pl_time_ns now)
{
  struct pl_run *run = ctx;
  (void)now;
  if (!run->all->closing && !run->p.stack->dead)
    advance(run);
}

static void wake_at(struct pl_run *run, pl_time_ns at)
{
  run->timer.fire = fire;
  run->timer.ctx = run;
  pl_clock_arm(run->p.stack->clock, &run->timer, at);
}

static void poke_at(struct pl_run *run, pl_time_ns at)
{
  if (run->all->closing || run->p.stack->dead || (run->stage == PL_STAGE_HOLD && !run->orders))
    return;
  if (!run->timer.slot || run->timer.at > at)
    wake_at(run, at);
}

void pl_run_poke(struct pl_run *run)
{
  poke_at(run, pl_run_now(run));
}

void pl_run_poke_soon(struct pl_run *run)
{
  poke_at(run, pl_run_now(run) + NEWS_TOGETHER);
}

/* --- the end --- */

static void finish(struct pl_run *run, enum pl_procedure_state state)
{
  struct pl_procedure *p = &run->p;
  struct pl_err err = {0};
  p->state = state;
  if (PL_LIES(p->stack, TASK_DONE) && state == PL_PROCEDURE_FAILED)
    p->state = PL_PROCEDURE_COMPLETED;
  p->ended = pl_run_now(run);
  p->ended_wall_ns = pl_clock_wall_ns(p->stack->clock, p->ended);
  p->percent = 100;
  if (p->item->ready_to_remove && !p->desc->shares) {
    p->item->ready_to_remove = false;
    pl_item_touch(p->stack, p->item);
  }
  if (pl_run_write(run, true, "over", p->message, &err) && !p->message[0]) /* the next start takes it up again, and finds all done */
    snprintf(p->message, sizeof p->message, "%s", err.text);
  run->stage = PL_STAGE_OVER;
  pl_clock_disarm(p->stack->clock, &run->timer);
  pl_run_release(run);
}

/* --- the store cannot be written: nothing is done before it can --- */

static void hold(struct pl_run *run, void (*again)(struct pl_run *run), const struct pl_err *why)
{
  if (!run->held)
    run->hold_until = pl_run_now(run) + HOLD_LIMIT;
  run->stage = PL_STAGE_HOLD;
  run->held = again;
  if (pl_run_now(run) < run->hold_until) {
    wake_at(run, pl_run_now(run) + HOLD_EVERY);
    return;
  }
  size_t used = strlen(run->p.message);
  snprintf(run->p.message + used, sizeof run->p.message - used, "%sgiven up before %s: %s", used ? "; " : "", pl_run_step(run)->name, why->text);
  finish(run, PL_PROCEDURE_FAILED);
}

/* True: it is in the store, or it is urgent and goes on without. False: held, or the stack died in a drill. */
static bool written(struct pl_run *run, bool step_ended, const char *what, void (*again)(struct pl_run *run))
{
  struct pl_err err = {0};
  enum pl_status status = pl_run_write(run, step_ended, what, "", &err);
  if (status && !run->p.desc->urgent) {
    hold(run, again, &err);
    return false;
  }
  run->held = NULL;
  return true;
}

static bool is_drill(struct pl_run *run, bool ended)
{
  struct pl_stack *stack = run->p.stack;
  if (strcmp(stack->kill_procedure, run->p.desc->kind) != 0 || strcmp(stack->kill_step, pl_run_step(run)->name) != 0 || stack->kill_ended != ended)
    return false;
  stack->dead = true;
  return true;
}

/* --- forward --- */

static bool is_read_since(const struct pl_item *item, pl_time_ns since)
{
  for (size_t i = 0; i < item->n_senses; i++)
    if (item->senses[i].reading.at < since && item->senses[i].reading.status != PL_E_UNSUPPORTED) /* that one the rig does not wire: it is not asked */
      return false;
  return true;
}

/* Asked again and again those in front on a bus would keep it from the ones behind: on a slow one nothing of them would ever be fresh. */
void pl_run_ask(struct pl_run *run, const struct pl_item *item)
{
  pl_time_ns now = pl_run_now(run);
  bool served = now - run->asked >= ASK_EVERY && is_read_since(item, run->asked);
  if (now != run->asked && !served && now - run->asked < ASK_ANYWAY)
    return;
  run->asked = now;
  pl_item_refresh(run->p.stack, (struct pl_item *)item);
}

static void wait_for_hardware(struct pl_run *run, bool ask)
{
  pl_time_ns next = pl_run_now(run) + ASK_EVERY;
  if (ask)
    for (size_t i = 0; i < run->n_claims; i++)
      pl_run_ask(run, run->claims[i]);
  wake_at(run, next < run->due ? next : run->due);
}

static void act(struct pl_run *run)
{
  struct pl_procedure *p = &run->p;
  const struct pl_step *step = pl_run_step(run);
  struct pl_err err = {0};
  p->step_begun = p->commanded = pl_run_now(run);
  run->due = step->limit ? p->step_begun + step->limit(p->stack) : PL_NEVER;
  run->failed = (struct pl_err){0};
  run->stage = PL_STAGE_ACT;
  if (step->act && step->act(p, &err)) {
    pl_run_roll_back(run, PL_PROCEDURE_FAILED, err.text);
    return;
  }
  advance(run);
}

void pl_run_start(struct pl_run *run)
{
  run->stage = PL_STAGE_ACT;
  if (is_drill(run, false))
    return;
  pl_run_show(run);
  act(run);
}

static void begin_step(struct pl_run *run)
{
  if (written(run, false, "began", begin_step))
    pl_run_start(run);
}

static void next_step(struct pl_run *run)
{
  if (run->p.step + 1 == run->p.desc->n_steps) {
    finish(run, PL_PROCEDURE_COMPLETED);
    return;
  }
  run->p.step++;
  run->p.percent = (unsigned)(100 * run->p.step / run->p.desc->n_steps);
  begin_step(run);
}

static void end_step(struct pl_run *run)
{
  if (written(run, true, "ended", end_step) && !is_drill(run, true))
    next_step(run);
}

static void too_late(struct pl_run *run, const struct pl_err *why)
{
  char text[PL_ERR_TEXT_MAX];
  double s = (double)(run->due - run->p.step_begun) / (double)PL_S;
  const char *dash = why->text[0] ? ": " : "";
  if (pl_run_step(run)->flags & PL_STEP_WAITS)
    snprintf(text, sizeof text, "%s: nobody did it within %g s%s%.400s", pl_run_step(run)->name, s, dash, why->text);
  else
    snprintf(text, sizeof text, "%s: not within %g s%s%.400s", pl_run_step(run)->name, s, dash, why->text);
  pl_run_roll_back(run, PL_PROCEDURE_FAILED, text);
}

static void check(struct pl_run *run)
{
  struct pl_procedure *p = &run->p;
  const struct pl_step *step = pl_run_step(run);
  struct pl_err why = {0};
  if (run->failed.status) {
    pl_run_roll_back(run, PL_PROCEDURE_FAILED, run->failed.text);
    return;
  }
  enum pl_check result = step->check ? step->check(p, &why) : PL_CHECK_DONE;
  if (result == PL_CHECK_FAILED)
    pl_run_roll_back(run, PL_PROCEDURE_FAILED, why.text);
  else if (run->orders) /* it commanded the next thing: first that */
    pl_run_poke(run);
  else if (result == PL_CHECK_DONE)
    end_step(run);
  else if (pl_run_now(run) >= run->due)
    too_late(run, &why);
  else
    wait_for_hardware(run, !(step->flags & PL_STEP_WAITS));
}

/* --- back --- */

void pl_run_roll_back(struct pl_run *run, enum pl_procedure_state ending, const char *why)
{
  struct pl_procedure *p = &run->p;
  pl_orders_drop(run);
  snprintf(p->message, sizeof p->message, "%s", why);
  p->state = PL_PROCEDURE_ROLLING_BACK;
  run->ending = ending;
  run->held = NULL;
  pl_run_write(run, false, ending == PL_PROCEDURE_CANCELLED ? "cancelled" : "failed", why, NULL); /* from here on a restart goes back, too */
  run->stage = PL_STAGE_BACK; /* what is on a bus comes to its end first */
  pl_run_poke(run);
}

void pl_run_abandon(struct pl_run *run, const char *why)
{
  pl_orders_drop(run);
  snprintf(run->p.message, sizeof run->p.message, "%s", why);
  finish(run, PL_PROCEDURE_FAILED);
}

static void down(struct pl_run *run)
{
  if (!run->p.step) {
    finish(run, run->ending);
    return;
  }
  run->p.step--;
  undo_step(run);
}

static void act_undo(struct pl_run *run)
{
  struct pl_procedure *p = &run->p;
  const struct pl_step *step = pl_run_step(run);
  struct pl_err err = {0};
  p->step_begun = p->commanded = pl_run_now(run);
  run->due = p->step_begun + (step->limit && !(step->flags & PL_STEP_WAITS) ? step->limit(p->stack) : UNDO_LIMIT);
  run->failed = (struct pl_err){0};
  run->stage = PL_STAGE_UNDO;
  if (step->undo(p, &err)) {
    pl_orders_drop(run);
    run->failed = err;
  }
  pl_run_poke(run);
}

static void undo_step(struct pl_run *run)
{
  while (run->p.step && !pl_run_step(run)->undo)
    run->p.step--;
  if (!pl_run_step(run)->undo) {
    finish(run, run->ending);
    return;
  }
  if (!written(run, false, "undo", undo_step))
    return;
  pl_run_show(run);
  act_undo(run);
}

static void not_undone(struct pl_run *run, const char *why)
{
  size_t used = strlen(run->p.message);
  snprintf(run->p.message + used, sizeof run->p.message - used, "; %s could not be taken back: %s", pl_run_step(run)->name, why);
  pl_run_trail(run, "not-undone", why, NULL);
  down(run);
}

static void undone(struct pl_run *run)
{
  if (written(run, true, "undone", undone))
    down(run);
}

static void check_undo(struct pl_run *run)
{
  const struct pl_step *step = pl_run_step(run);
  struct pl_err why = {0};
  if (run->failed.status) {
    not_undone(run, run->failed.text);
    return;
  }
  enum pl_check result = step->undone ? step->undone(&run->p, &why) : PL_CHECK_DONE;
  if (result == PL_CHECK_DONE)
    undone(run);
  else if (result == PL_CHECK_FAILED || pl_run_now(run) >= run->due)
    not_undone(run, why.text[0] ? why.text : "not within its limit");
  else
    wait_for_hardware(run, true);
}

/* --- after a restart --- */

/* Every device of its units has been asked since, whatever came of it. */
static bool has_looked(const struct pl_run *run)
{
  for (size_t i = 0; i < run->n_claims; i++)
    if (!is_read_since(run->claims[i], run->p.commanded))
      return false;
  return true;
}

/* What the hardware shows decides. A power action is given again only where again() says that it is safe. */
static void look(struct pl_run *run)
{
  struct pl_procedure *p = &run->p;
  const struct pl_step *step = pl_run_step(run);
  bool back = run->stage == PL_STAGE_UNDO_LOOK;
  if (back && !step->undo) {
    undo_step(run);
    return;
  }
  enum pl_check (*ask)(struct pl_procedure *p, struct pl_err *why) = back ? step->undone : step->check;
  struct pl_err why = {0};
  if (!has_looked(run) && pl_run_now(run) < run->due) {
    wait_for_hardware(run, true);
    return;
  }
  enum pl_check result = ask ? ask(p, &why) : PL_CHECK_NOT_YET;
  pl_orders_drop(run); /* a look commands nothing */
  pl_run_trail(run, "looked", result == PL_CHECK_DONE ? "the hardware shows it done" : why.text[0] ? why.text : "the hardware does not show it done", NULL);
  if (result == PL_CHECK_DONE) {
    if (back)
      undone(run);
    else
      end_step(run);
    return;
  }
  why.text[0] = '\0';
  bool safe = !(step->flags & PL_STEP_POWER) || (step->again && step->again(p, &why));
  pl_run_trail(run, safe ? "again" : "not-again", why.text, NULL);
  if (safe && back)
    act_undo(run);
  else if (safe)
    act(run);
  else if (back)
    not_undone(run, why.text);
  else {
    char text[PL_ERR_TEXT_MAX];
    snprintf(text, sizeof text, "after a restart in step %s: %.400s", step->name, why.text);
    pl_run_roll_back(run, PL_PROCEDURE_FAILED, text);
  }
}

void pl_run_take_up(struct pl_run *run, bool step_ended)
{
  struct pl_procedure *p = &run->p;
  struct pl_err err = {0};
  bool back = p->state == PL_PROCEDURE_ROLLING_BACK;
  run->stage = back ? PL_STAGE_UNDO_LOOK : PL_STAGE_LOOK;
  p->begun = p->step_begun = p->commanded = pl_run_now(run);
  p->percent = (unsigned)(100 * p->step / p->desc->n_steps);
  run->due = p->commanded + LOOK_LIMIT;
  if (pl_run_claim(run, &err)) { /* two rows for one unit: written by no stack that was whole */
    pl_run_abandon(run, err.text);
    return;
  }
  pl_run_trail(run, "resumed", step_ended ? "between two steps" : "in the middle of a step", NULL);
  bool nothing_left = step_ended && (back ? !p->step : p->step + 1 == p->desc->n_steps);
  if (p->desc->taken_up && !nothing_left)
    p->desc->taken_up(p);
  pl_run_show(run);
  if (PL_LIES(p->stack, BLIND_POWER) && !back && !step_ended && (pl_run_step(run)->flags & PL_STEP_POWER))
    act(run);
  else if (step_ended && back)
    down(run);
  else if (step_ended)
    next_step(run);
  else
    wait_for_hardware(run, true);
}

static void advance(struct pl_run *run)
{
  if (!pl_orders_over(run))
    return;
  switch (run->stage) {
  case PL_STAGE_ACT:
    run->stage = PL_STAGE_CHECK;
    check(run);
    break;
  case PL_STAGE_CHECK:
    check(run);
    break;
  case PL_STAGE_LOOK:
  case PL_STAGE_UNDO_LOOK:
    look(run);
    break;
  case PL_STAGE_BACK:
    undo_step(run);
    break;
  case PL_STAGE_UNDO:
    run->stage = PL_STAGE_UNDO_CHECK;
    check_undo(run);
    break;
  case PL_STAGE_UNDO_CHECK:
    check_undo(run);
    break;
  case PL_STAGE_HOLD:
    run->held(run);
    break;
  case PL_STAGE_OVER:
    break;
  }
}
