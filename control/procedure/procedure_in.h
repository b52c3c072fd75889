/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROCEDURE_IN_H
#define PL_CONTROL_PROCEDURE_IN_H

#include "control/procedure/procedure.h"
#include "control/stack/stack.h"
#include "control/store/store.h"

/* Inside the engine: a procedure that runs, its commands, the store's view of it. */
struct pl_run;
struct pl_run_order { /* one command of a step */
  struct pl_command command;
  struct pl_run *run;
  const struct pl_rig_device *device;
  bool tolerant;  /* a failure is told in the trail and fails nothing */
  bool written;   /* its trail row is in the store */
  bool submitted, finished;
  struct pl_run_order *next;
};

enum pl_stage {
  PL_STAGE_ACT,        /* the step's commands run */
  PL_STAGE_CHECK,      /* they are done: the hardware is asked */
  PL_STAGE_LOOK,       /* after a restart, before anything is done: what does the hardware show? */
  PL_STAGE_BACK,       /* what fails or is cancelled: once no command runs any more, the next undo */
  PL_STAGE_UNDO, PL_STAGE_UNDO_CHECK, PL_STAGE_UNDO_LOOK,
  PL_STAGE_HOLD,       /* the store cannot be written: nothing is done until it can */
  PL_STAGE_OVER
};

struct pl_run {
  struct pl_procedure p; /* first: a pl_procedure is a run's */
  struct pl_procedures *all;
  enum pl_stage stage;
  struct pl_timer timer;
  struct pl_run_order *orders;
  struct pl_err failed;      /* the first command of this step that failed */
  pl_time_ns due;            /* the end of this step's limit */
  pl_time_ns hold_until;
  bool unwritten;            /* its row was taken back: it gets none */
  pl_time_ns asked;          /* when its units were last asked for readings */
  void (*held)(struct pl_run *run); /* what is tried again when the store can be written */
  enum pl_procedure_state ending;   /* once rolled back */
  struct pl_item **claims;   /* the units that it has: its own, a module's, those it took */
  size_t n_claims, claims_room;
  struct pl_run *next_active;
};

struct pl_watch;
struct pl_procedures {
  struct pl_stack *stack;
  struct pl_run *newest;     /* all, by p.next */
  struct pl_run *active;     /* those not over */
  size_t n_over;
  int64_t unwritten;         /* ids of those that no store could be told of */
  bool closing, resumed;
  struct pl_procedure_listener *listeners;
  struct pl_item_listener on_items;
  struct pl_watch *watch;    /* triggers.c */
};

static inline struct pl_run *pl_run_of(struct pl_procedure *p)
{
  return (struct pl_run *)p;
}
static inline const struct pl_step *pl_run_step(const struct pl_run *run)
{
  return &run->p.desc->steps[run->p.step];
}
static inline pl_time_ns pl_run_now(const struct pl_run *run)
{
  return pl_clock_now(run->p.stack->clock);
}

/* engine.c */
void pl_run_start(struct pl_run *run);             /* its first step's "began" is in the store */
void pl_run_take_up(struct pl_run *run, bool step_ended); /* after a restart */
void pl_run_poke(struct pl_run *run);              /* looks again at once: something changed */
void pl_run_poke_soon(struct pl_run *run);         /* there may be more of it in a moment */
void pl_run_ask(struct pl_run *run, const struct pl_item *item); /* for readings, where the last request has been served */
void pl_run_roll_back(struct pl_run *run, enum pl_procedure_state ending, const char *why);
void pl_run_abandon(struct pl_run *run, const char *why); /* over at once, nothing undone: its units are an urgent one's now */

/* orders.c */
bool pl_orders_over(struct pl_run *run); /* submits what may run now; true when none is left. The first failure goes to run->failed */
void pl_orders_drop(struct pl_run *run); /* those not submitted yet */

/* record.c: a row and a trail line, durable together. `what` NULL: the row alone. */
enum pl_status pl_run_write(struct pl_run *run, bool step_ended, const char *what, const char *detail, struct pl_err *err);
enum pl_status pl_run_trail(struct pl_run *run, const char *what, const char *detail, struct pl_err *err);
enum pl_status pl_run_write_new(struct pl_run *run, struct pl_err *err); /* gives it its id, and says that its first step began */
enum pl_status pl_runs_read(struct pl_procedures *all, struct pl_err *err); /* all that the store has; those not over are taken up */

/* procedures.c */
struct pl_run *pl_run_make(struct pl_procedures *all, const struct pl_procedure_desc *desc, struct pl_item *item);
void pl_run_free(struct pl_run *run);
enum pl_status pl_run_claim(struct pl_run *run, struct pl_err *err); /* its own units, from others where it may */
void pl_run_show(struct pl_run *run);    /* phase and procedure of its units; tells the listeners */
void pl_run_release(struct pl_run *run); /* it is over */
void pl_run_list(struct pl_run *run, bool active);
const struct pl_procedure_desc *pl_procedure_desc_find(const char *kind);


/* out_of_service.c: kept in the store */
enum pl_status pl_out_of_service(struct pl_stack *stack, struct pl_item *item, const char *why, struct pl_err *err);
void pl_back_in_service(struct pl_stack *stack, struct pl_item *item);
bool pl_is_out_of_service(struct pl_stack *stack, const struct pl_item *item);
enum pl_status pl_out_of_service_read(struct pl_stack *stack, struct pl_err *err); /* after a restart */

/* triggers.c: failures seen begin their procedure. */
enum pl_status pl_triggers_new(struct pl_procedures *all, struct pl_err *err);
void pl_triggers_free(struct pl_procedures *all);
void pl_triggers_begin(struct pl_procedures *all); /* from here on */
void pl_triggers_state(struct pl_procedures *all, struct pl_item *item);
void pl_triggers_reading(struct pl_procedures *all, struct pl_item *item);

#endif
