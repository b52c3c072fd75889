/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_RIG_H
#define PL_RIG_RIG_H

#include "drivers/base/conf.h"
#include "drivers/bus/adapter.h"
#include "drivers/device/device.h"

/* A rig file, read and checked: buses with their adapters, parts (what stands in the rack) and devices (what speaks for them on a bus). */
enum pl_owner { PL_OWNER_BENCH, PL_OWNER_STACK, PL_OWNER_INTERLOCK }; /* INTERLOCK: on buses of its own, opened by nobody else (host/safety) */

struct pl_rig_bus {
  const char *name;
  enum pl_bus_kind kind;
  const struct pl_adapter_desc *adapter;
  struct pl_values values;
  bool on_twin; /* the adapter is virtual, or one of its values is the word "twin" (a real library against the twin's server) */
  int line;
};

struct pl_rig_part {
  const char *name;     /* "csu-3" */
  const char *kind;     /* "csu", "psu", "busbar", "pump-unit", "loop", "tray", "valve" */
  const char *location; /* "module 1, slot 3" */
  const struct pl_rig_part *in; /* the part that it stands in: its module; NULL: none */
  const struct pl_node *node; /* the rest is the world's (its own params), checked by whoever uses it with pl_rig_part_values */
  const char *model;          /* a row of a part library, which says what the rig leaves out; NULL: none */
  const struct pl_node *model_node;
  const struct pl_conf *model_conf;
  int line;
};

struct pl_rig_setting { /* a safe value */
  const struct pl_quantity *quantity;
  int64_t value_u;
};

struct pl_rig_limit {
  const struct pl_quantity *quantity;
  bool has_min, has_max;
  int64_t min_u, max_u;
};

struct pl_rig_device {
  const char *name;
  const struct pl_device_desc *desc;
  const struct pl_rig_bus *bus;
  const struct pl_rig_part *part; /* NULL: none */
  const char *role;
  const char *serial; /* what the device itself must say before anything is driven; NULL: any */
  enum pl_owner owner;
  struct pl_values values;
  struct pl_shape shape;
  bool shape_lent; /* it is another device's of this rig */
  struct pl_rig_setting *safe;
  size_t n_safe;
  struct pl_rig_limit *limits;
  size_t n_limits;
  int line;
};

struct pl_rig {
  const char *path, *name, *about, *sha256;
  struct pl_conf *conf;
  const char *twin_socket;   /* where the virtual rack behind the real adapters is controlled (a test of the adapters); NULL: none */
  const struct pl_node *usb; /* the USB devices that the virtual rack shows (fixtures/twin/usb reads it); NULL: none */
  const struct pl_node *interlock;   /* rules (host/safety reads it); NULL: none */
  const struct pl_node *instruments; /* how good the virtual rack's healthy instruments are (fixtures/twin reads it); NULL: perfect */
  struct pl_conf **libraries;        /* part libraries: `libraries: [FILE, ...]`, paths relative to the rig file */
  size_t n_libraries;
  struct pl_rig_bus *buses;
  struct pl_rig_part *parts;
  struct pl_rig_device *devices;
  size_t n_buses, n_parts, n_devices;
  struct pl_names *part_names, *device_names; /* drivers/rig only */
};

/* All that can be refused without driving anything: file:line: what, expected what. */
enum pl_status pl_rig_load(const char *path, struct pl_rig **rig, struct pl_err *err);
enum pl_status pl_rig_parse(const char *name, const char *bytes, size_t size, struct pl_rig **rig, struct pl_err *err);
void pl_rig_free(struct pl_rig *rig);
const struct pl_rig_device *pl_rig_device(const struct pl_rig *rig, const char *name);
const struct pl_rig_part *pl_rig_part(const struct pl_rig *rig, const char *name);
/* The values of a part by a param table: what the part itself says, else its model, else the fallback; keys that neither the table nor `words` know
 * are refused in both files. Free values->items. */
enum pl_status pl_rig_part_values(const struct pl_rig *rig, const struct pl_rig_part *part, const struct pl_param *params, size_t count,
                                  struct pl_values *values, struct pl_err *err);
/* The device of a part that has the role; NULL when there is none. The interlock's own are nobody else's to ask. */
const struct pl_rig_device *pl_rig_by_role(const struct pl_rig *rig, const struct pl_rig_part *part, const char *role);
/* Whether every output that energises has a safe value, so that nothing is left on: PL_E_USAGE with file:line names the first that has none.
 * For whoever drives the rig; one who only reads it need not ask. */
enum pl_status pl_rig_check_safe(const struct pl_rig *rig, struct pl_err *err);
/* A bus that the interlock has is the interlock's alone: PL_E_USAGE with file:line for one that others share. */
enum pl_status pl_rig_check_owners(const struct pl_rig *rig, struct pl_err *err);
const char *pl_owner_name(enum pl_owner owner);

/* The words that a rig may use for roles and part kinds, with their help, for errors and docs. */
struct pl_word {
  const char *name, *help;
};
const struct pl_word *pl_rig_roles(size_t *count);
const struct pl_word *pl_rig_part_kinds(size_t *count);

#endif
