/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: a rig whose references hold, or a sentence. */
#include "drivers/rig/fake_tables.h"
#include "drivers/rig/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pl_rig *rig)
{
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *d = &rig->devices[i];
    if (d->bus < rig->buses || d->bus >= rig->buses + rig->n_buses || d->bus->kind != d->desc->bus_kind || !d->role)
      abort();
    if (pl_rig_device(rig, d->name) != d || d->values.count != d->desc->n_params)
      abort();
    for (size_t k = 0; k < d->n_safe; k++)
      if (!(d->safe[k].quantity->access & PL_SET))
        abort();
    for (size_t k = 0; k < d->n_limits; k++)
      if (d->limits[k].has_min && d->limits[k].has_max && d->limits[k].min_u > d->limits[k].max_u)
        abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  if (pl_rig_parse("fuzz.yaml", (const char *)data, size, &rig, &err)) {
    if (rig || err.status == PL_OK || strncmp(err.text, "fuzz.yaml:", 10) != 0)
      abort();
    return 0;
  }
  check(rig);
  pl_rig_free(rig);
  return 0;
}
