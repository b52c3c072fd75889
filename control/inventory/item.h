/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_ITEM_H
#define PL_CONTROL_ITEM_H

#include "control/inventory/state.h"
#include "drivers/rig/bench.h"

/*
 * The inventory: an item for everything of the rack that Redfish shows. Made once from the rig file; what changes is its state and what it measures.
 * All on the loop's thread.
 */
#define PL_ITEM_KINDS(X)                                                                                   \
  X(RACK, "rack")            /* the rig itself */                                                          \
  X(MODULE, "module")        /* part kind module; holds CSUs and valves (`in: module-1`) */                \
  X(CSU, "csu")              /* roles connector, hot-swap, thermometer, identity */                        \
  X(BUSBAR, "busbar")                                                                                      \
  X(FEED, "ac-feed")                                                                                       \
  X(PSU, "psu")              /* role supply */                                                             \
  X(BATTERY, "bbu")                                                                                        \
  X(PUMP_UNIT, "pump-unit")  /* role coolant; an RPU of Redfish */                                         \
  X(PUMP, "pump")            /* no part of its own: ordinal 1, 2 of its pump unit */                       \
  X(LOOP, "loop")                                                                                          \
  X(RESERVOIR, "reservoir")                                                                                \
  X(FILTER, "filter")                                                                                      \
  X(EXCHANGER, "heat-exchanger")                                                                           \
  X(VALVE, "stop-valve")     /* role valve; a CoolantConnector of Redfish, in a module or a loop */        \
  X(LEAK_DETECTOR, "leak-detector") /* a device with role leak-sensor; id is the device's name, part its tray */

enum pl_item_kind {
#define PL_ITEM_ENUM(name, word) PL_ITEM_##name,
  PL_ITEM_KINDS(PL_ITEM_ENUM)
#undef PL_ITEM_ENUM
      PL_ITEM_KIND_COUNT
};
const char *pl_item_kind_name(enum pl_item_kind kind);

/* One quantity of one device, as last read. Invalid until it has been. */
struct pl_sense {
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  struct pl_reading reading;
  uint64_t count;           /* readings so far, invalid ones too */
  struct pl_sense *next_changed;
};

#define PL_ITEM_DEVICES_MAX 8
struct pl_item {
  const char *id;           /* Redfish Id: the part's (or detector's) name */
  enum pl_item_kind kind;
  const struct pl_rig_part *part;  /* NULL: RACK, PUMP */
  struct pl_item *parent;   /* CSU, VALVE -> MODULE; MODULE, PSU, PUMP_UNIT, LOOP, ... -> RACK; PUMP -> PUMP_UNIT; NULL: RACK */
  struct pl_item *first_child, *next_sibling;
  unsigned ordinal;         /* among its siblings of its kind, from 1 */
  const struct pl_rig_device *devices[PL_ITEM_DEVICES_MAX]; /* the stack's, that speak for it */
  size_t n_devices;
  struct pl_sense *senses;  /* of those devices, one after another */
  size_t n_senses;
  /* What changes */
  enum pl_state state;
  enum pl_health health;
  char why[160];            /* of the health, or of a state that is not the usual one: a sentence; "": none */
  pl_time_ns since;         /* of the state */
  struct pl_identity identity; /* of what is there now; empty when unknown */
  bool identified;
  pl_time_ns identified_at;    /* when it said so last */
  bool indicator;           /* LocationIndicatorActive as commanded */
  bool ready_to_remove;
  const char *procedure;    /* the name of the procedure that has it now; NULL: none */
  const char *phase;        /* of that procedure: "isolate" */
#define PL_PHASE_POWER_UP "power-up" /* these two: the procedure itself says when its test has passed, or failed */
#define PL_PHASE_TEST "test"
  uint64_t version;         /* rises whenever something that can be seen of it changes */
  void *plant;              /* of control/plant, where it keeps something a unit */
};

struct pl_inventory;
struct pl_stack;

enum pl_status pl_inventory_new(struct pl_stack *stack, struct pl_inventory **inventory, struct pl_err *err);
void pl_inventory_free(struct pl_inventory *inventory);
/* Ends all asking and commanding at once: nothing of it runs any more, nobody is told anything, and commands that a bus has already are nobody's. */
void pl_inventory_halt(struct pl_inventory *inventory);
/* Begins to read: edges of presence and leak lines where the adapter has them, polling for the rest and behind them. The first round of each device is a roll
 * call. */
enum pl_status pl_inventory_start(struct pl_inventory *inventory, struct pl_err *err);
/* Before the start: fn runs once, from the loop, when everything has been asked once. */
void pl_inventory_on_first_round(struct pl_inventory *inventory, void (*fn)(void *ctx), void *ctx);
bool pl_inventory_first_round_over(const struct pl_inventory *inventory); /* everything has been asked once */
/* It is on its way to Enabled, or nothing else than at the start is known of it yet: give it the time of a test. */
bool pl_item_is_coming(const struct pl_stack *stack, const struct pl_item *item);

size_t pl_inventory_count(const struct pl_inventory *inventory);
struct pl_item *pl_inventory_at(const struct pl_inventory *inventory, size_t index);          /* rig order within a kind; RACK first */
struct pl_item *pl_inventory_find(const struct pl_inventory *inventory, enum pl_item_kind kind, const char *id);
struct pl_item *pl_inventory_any(const struct pl_inventory *inventory, const char *id); /* by id alone: ids of parts are unique; a PUMP is "rpu.pump-1" */
struct pl_item *pl_inventory_first(const struct pl_inventory *inventory, enum pl_item_kind kind); /* then pl_item_next of the kind */
struct pl_item *pl_item_next(const struct pl_inventory *inventory, const struct pl_item *item);
uint64_t pl_inventory_version(const struct pl_inventory *inventory);                           /* rises with any unit's */
/* Where it lies: any thread may read it there, and an item's own, with __atomic_load_n. */
const uint64_t *pl_inventory_version_at(const struct pl_inventory *inventory);

/* By role and quantity, the unit's own devices only; role NULL: any. NULL: it has none such. A PUMP's "speed" is its unit's. */
struct pl_sense *pl_item_sense(const struct pl_item *item, const char *role, const char *quantity);
/* The value in the dimension's base unit; false when there is none that is valid and no older than max_age (0: any age). */
bool pl_item_value(const struct pl_stack *stack, const struct pl_item *item, const char *role, const char *quantity, pl_time_ns max_age, double *value);
const struct pl_rig_device *pl_item_device(const struct pl_item *item, const char *role); /* NULL: none */
/* What the rig file (or its part library) says of the item's part, in the dimension's base unit. */
double pl_part_value(const struct pl_item *item, const char *key, enum pl_dim dim, double fallback);
const char *pl_part_word(const struct pl_item *item, const char *key); /* the same as it stands there; NULL: nothing does */
bool pl_item_is_present(const struct pl_item *item);  /* its connector says so, or it has none and its device answers */
bool pl_item_has_power(const struct pl_item *item);   /* power good, or more than 5 V behind the hot-swap path */

/* Asks for a device's quantities again soon (before the next period), so that a check has a fresh reading. `since`: readings taken before it do not count. */
void pl_item_refresh(struct pl_stack *stack, struct pl_item *item);
/* Asks it afresh who it is and what is inside: identified_at tells when it has answered. False: no device of it could say. */
bool pl_item_identify(struct pl_stack *stack, struct pl_item *item);

/* Changes, all through here: each raises the versions and tells the listeners (events, procedures, plant). */
void pl_item_happens(struct pl_stack *stack, struct pl_item *item, enum pl_happening what, const char *why); /* the state machine (state.h) */
void pl_item_set_health(struct pl_stack *stack, struct pl_item *item, enum pl_health health, const char *why);
/* What somebody else (a procedure) found of it: kept beside what is read, the worst counts, until taken back (PL_HEALTH_OK) or the unit is pulled. */
void pl_item_blame(struct pl_stack *stack, struct pl_item *item, enum pl_health health, const char *why);
void pl_item_touch(struct pl_stack *stack, struct pl_item *item); /* something else that can be seen changed */

struct pl_item_listener { /* caller-owned, zero-initialised; loop's thread */
  void (*state)(void *ctx, struct pl_item *item, enum pl_state before);
  void (*health)(void *ctx, struct pl_item *item, enum pl_health before);
  void (*reading)(void *ctx, struct pl_item *item, struct pl_sense *sense); /* each new reading, valid or not */
  void *ctx;
  struct pl_item_listener *next;
};
void pl_inventory_listen(struct pl_inventory *inventory, struct pl_item_listener *listener);

/* A command to a device: set, then read back where the quantity can be read. Owned by the caller until done() ran. author: who wants it. */
struct pl_command {
  struct pl_item *item;
  const char *role, *quantity; /* quantity may be a verb */
  int64_t value_u;
  const char *author;
  void (*done)(struct pl_command *command); /* loop's thread */
  void *ctx;
  enum pl_status status;  /* PL_E_RANGE: it was taken, and reads back as something else */
  struct pl_err err;
  bool reads_back;        /* its quantity was read again and is what was asked for, or status says what it is instead */
  struct pl_stack *stack;
};
/* done() comes from the loop; at once, before this returns, only where the stack has ended or there is no memory. */
void pl_command_submit(struct pl_stack *stack, struct pl_command *command);

#endif
