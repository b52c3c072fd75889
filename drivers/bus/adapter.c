/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/adapter.h"

#include <string.h>

const char *pl_maturity_name(enum pl_maturity maturity)
{
  static const char *const NAMES[] = {[PL_BROKEN] = "broken", [PL_EXPERIMENTAL] = "experimental", [PL_BETA] = "beta", [PL_STABLE] = "stable"};
  return (unsigned)maturity < sizeof NAMES / sizeof NAMES[0] ? NAMES[maturity] : "unknown";
}

const struct pl_adapter_desc *pl_adapter_find(enum pl_bus_kind kind, const char *name)
{
  for (size_t i = 0; i < pl_n_adapters; i++)
    if (pl_adapters[i]->kind == kind && !strcmp(pl_adapters[i]->name, name))
      return pl_adapters[i];
  return NULL;
}
