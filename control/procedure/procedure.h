/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_PROCEDURE_H
#define PL_CONTROL_PROCEDURE_H

#include "control/inventory/item.h"

/*
 * Procedures: state machines whose every step is in the store before it acts, and ended only when the hardware shows it. A kill at any moment leaves a row that
 * says what had begun; the next start looks at the hardware and goes on or rolls back. A power action is never repeated without having looked.
 *
 * A procedure is a const table of steps. The engine runs a step so:
 *   1. store: "began"; 2. act() issues commands (pl_procedure_command), NULL: nothing to do; 3. check() is asked with each new reading of the unit taken after
 *   the commands were done, until it says DONE or FAILED or `limit` is over; 4. store: "ended".
 * On failure, time-out or cancel the undo() of each step that began runs, last first, checked by undone() in the same way; what cannot be undone is told.
 * After a restart a step that began and did not end is looked at first: check() on fresh readings. DONE: on. Else a step that switches power (PL_STEP_POWER)
 * is repeated only if again() says that the hardware shows it safe (same unit by its serial, present, readable); others are repeated; else roll-back.
 */
enum pl_check { PL_CHECK_NOT_YET, PL_CHECK_DONE, PL_CHECK_FAILED };

struct pl_procedure;
typedef pl_time_ns (*pl_step_limit)(const struct pl_stack *stack);

enum { PL_STEP_POWER = 1, /* it switches power */
       PL_STEP_WAITS = 2  /* for a person (a unit to be pulled or put in); its limit is a wait, not a fault */ };
struct pl_step {
  const char *name;  /* "power-down"; also the phase that Redfish shows (Oem.Plumbline.Phase) */
  const char *about;
  unsigned flags;
  enum pl_status (*act)(struct pl_procedure *p, struct pl_err *err);
  enum pl_check (*check)(struct pl_procedure *p, struct pl_err *why); /* NULL: done when its commands are */
  bool (*again)(struct pl_procedure *p, struct pl_err *why);
  enum pl_status (*undo)(struct pl_procedure *p, struct pl_err *err);
  enum pl_check (*undone)(struct pl_procedure *p, struct pl_err *why);
  pl_step_limit limit;
};

struct pl_procedure_desc {
  const char *kind;  /* "hot-swap" */
  const char *about; /* the task's Name */
  enum pl_item_kind item_kind;
  bool urgent;       /* takes its unit from one that is not (which is rolled back first, or cancelled where that is safe): leak response, thermal emergency */
  bool shares;       /* does not take its unit: others may have it at the same time (a move between nodes) */
  const struct pl_step *steps;
  size_t n_steps;
  /* May it begin now? PL_E_BUSY, PL_E_USAGE with why not. NULL: always. */
  enum pl_status (*may)(struct pl_stack *stack, const struct pl_item *item, struct pl_err *err);
  /* It begins: what it must note (pl_procedure_note). It was taken up after a restart: what is kept in memory only (LED, Quiesced) said again. NULL: nothing. */
  void (*prepare)(struct pl_procedure *p);
  void (*taken_up)(struct pl_procedure *p);
};
extern const struct pl_procedure_desc pl_hot_swap, pl_evacuate, pl_power_on, pl_power_off, pl_restart, pl_leak_response, pl_thermal_emergency, pl_failover_csu,
    pl_failover_module, pl_failover_psu, pl_failover_pump, pl_failover_loop, pl_migrate, pl_stop_workload, pl_stop_workloads;

/* What runs on the unit and fits nowhere else keeps no hot-swap from going on: it keeps what it has done, stops, and waits. In the store. */
enum pl_status pl_hot_swap_force(struct pl_procedure *hot_swap, struct pl_err *err);

enum pl_procedure_state { PL_PROCEDURE_RUNNING, PL_PROCEDURE_ROLLING_BACK, PL_PROCEDURE_COMPLETED, PL_PROCEDURE_FAILED, PL_PROCEDURE_CANCELLED };

struct pl_procedure { /* the engine's; others read */
  int64_t id;                 /* of the store and of the Redfish task */
  const struct pl_procedure_desc *desc;
  struct pl_stack *stack;
  struct pl_item *item;
  enum pl_procedure_state state;
  size_t step;                /* index */
  bool resumed;               /* begun by an earlier process */
  pl_time_ns begun, ended, step_begun, commanded; /* commanded: when the step's commands were done; readings before it do not count */
  int64_t begun_wall_ns, ended_wall_ns;
  char message[PL_ERR_TEXT_MAX]; /* why it failed */
  char author[64];
  char serial[64];            /* of the unit when it began: what is put in is something else, or the same */
  char data[512];             /* the procedure's own, JSON; kept with each step */
  unsigned percent;
  struct pl_procedure *next;
};

struct pl_procedures;
enum pl_status pl_procedures_new(struct pl_stack *stack, struct pl_procedures **procedures, struct pl_err *err);
void pl_procedures_free(struct pl_procedures *procedures);
/* After the inventory's first round: takes up what the store says is not over. */
enum pl_status pl_procedures_resume(struct pl_procedures *procedures, struct pl_err *err);
/* PL_E_BUSY: its unit is another procedure's; PL_E_USAGE: it may not, and why; PL_E_EARLY: whether it may is not known yet. */
enum pl_status pl_procedure_begin(struct pl_stack *stack, const struct pl_procedure_desc *desc, struct pl_item *item, const char *author,
                                  struct pl_procedure **procedure, struct pl_err *err);
/* Ends it as failed where it stands, without any undo: something urgent has taken what it was working on, and to put things back would be wrong. */
void pl_procedure_abandon(struct pl_procedure *p, const char *why);
/* The transaction of the store in which it was begun was taken back: it is over, under an id that no row has, and writes nothing. */
void pl_procedure_unwrite(struct pl_procedure *p, const char *why);
void pl_procedure_poke(struct pl_procedure *p); /* something that its check looks at has changed */
enum pl_status pl_procedure_cancel(struct pl_procedure *p, const char *why, struct pl_err *err); /* rolls back */
struct pl_procedure *pl_procedure_first(const struct pl_procedures *procedures); /* newest first, also those over (the last 1,000) */
struct pl_procedure *pl_procedure_find(const struct pl_procedures *procedures, int64_t id);
struct pl_procedure *pl_procedure_of(const struct pl_procedures *procedures, const struct pl_item *item); /* that has it now; NULL: none */
const char *pl_procedure_step_name(const struct pl_procedure *p);
const struct pl_procedure_desc *const *pl_procedure_descs(size_t *count);

/* For steps: a command whose failure fails the step. Any number; they run one after another a bus. */
enum pl_status pl_procedure_command(struct pl_procedure *p, struct pl_item *item, const char *role, const char *quantity, int64_t value_u, struct pl_err *err);
/* The same, but its failure is told in the trail and fails nothing: for a device that may be dead, where another one can do it too. */
enum pl_status pl_procedure_try(struct pl_procedure *p, struct pl_item *item, const char *role, const char *quantity, int64_t value_u, struct pl_err *err);
/* Takes one more unit (which no urgent procedure has) until it is over; who had it ends there as it stands. PL_E_BUSY. To be asked for again after a restart. */
enum pl_status pl_procedure_take(struct pl_procedure *p, struct pl_item *item, struct pl_err *err);
/* What a procedure notes for itself, kept in `data` with each step: a word by key; value NULL: away. */
void pl_procedure_note(struct pl_procedure *p, const char *key, const char *value);
bool pl_procedure_noted(const struct pl_procedure *p, const char *key, char *value, size_t size); /* value may be NULL */
/* A value of the unit read after the step's commands; false: not yet, and it has been asked for. */
bool pl_procedure_fresh(struct pl_procedure *p, const struct pl_item *item, const char *role, const char *quantity, double *value);

struct pl_procedure_listener { /* begun, a step begun, over; loop's thread */
  void (*changed)(void *ctx, struct pl_procedure *p);
  void *ctx;
  struct pl_procedure_listener *next;
};
void pl_procedures_listen(struct pl_procedures *procedures, struct pl_procedure_listener *listener);

#endif
