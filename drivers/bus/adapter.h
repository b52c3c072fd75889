/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_ADAPTER_H
#define PL_BUS_ADAPTER_H

#include "drivers/base/param.h"
#include "drivers/bus/bus.h"
#include "drivers/bus/share.h"

/* How finished a driver or adapter is; `plumb drivers` prints it (NUT's DRV_ status). */
enum pl_maturity { PL_BROKEN, PL_EXPERIMENTAL, PL_BETA, PL_STABLE };
const char *pl_maturity_name(enum pl_maturity maturity);

struct pl_backend; /* a virtual rack, see drivers/rig/backend.h */

struct pl_adapter_args {
  const char *bus_name;           /* as the rig names it */
  const struct pl_values *values; /* by the adapter's params */
  struct pl_backend *backend;     /* the virtual rack when the rig has one, else NULL */
  struct pl_share *share;         /* chips that several buses of the rig stand on; never NULL */
};

struct pl_adapter_desc {
  const char *name; /* "twin", "modbus-rtu" */
  const char *about;
  enum pl_maturity maturity;
  enum pl_bus_kind kind;
  bool is_virtual;  /* answers from the virtual rack only */
  const struct pl_param *params;
  size_t n_params;
  /* Opens the adapter and attaches it to the bus (pl_bus_attach). */
  enum pl_status (*open)(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err);
};

/* The registry is generated from the tree at build time (tools/registry.sh): every `const struct pl_adapter_desc pl_adapter_*`. */
extern const struct pl_adapter_desc *const pl_adapters[];
extern const size_t pl_n_adapters;
const struct pl_adapter_desc *pl_adapter_find(enum pl_bus_kind kind, const char *name); /* NULL when unknown */

#endif
