/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/rig.h"

static bool has_safe_value(const struct pl_rig_device *device, const struct pl_quantity *quantity)
{
  for (size_t i = 0; i < device->n_safe; i++)
    if (device->safe[i].quantity == quantity)
      return true;
  return false;
}

enum pl_status pl_rig_check_safe(const struct pl_rig *rig, struct pl_err *err)
{
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *device = &rig->devices[i];
    for (size_t k = 0; k < device->shape.count; k++) {
      const struct pl_quantity *quantity = &device->shape.quantities[k];
      if ((quantity->access & PL_ENERGISES) && !has_safe_value(device, quantity))
        return pl_fail(err, PL_E_USAGE, "%s:%d: '%s' of device '%s' switches power or water on, expected a safe value for it: safe: {%s: %s}", rig->path,
                       device->line, quantity->name, device->name, quantity->name, quantity->dim == PL_DIM_FLAG ? "false" : "0 ...");
    }
  }
  return PL_OK;
}

enum pl_status pl_rig_check_owners(const struct pl_rig *rig, struct pl_err *err)
{
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *own = &rig->devices[i];
    for (size_t k = 0; own->owner == PL_OWNER_INTERLOCK && k < rig->n_devices; k++) {
      const struct pl_rig_device *other = &rig->devices[k];
      if (other->bus == own->bus && other->owner != PL_OWNER_INTERLOCK)
        return pl_fail(err, PL_E_USAGE,
                       "%s:%d: device '%s' is the interlock's, and '%s' (line %d, owner %s) stands on the same bus '%s'; give the interlock's devices a bus "
                       "of their own, which nothing else can hold up",
                       rig->path, own->line, own->name, other->name, other->line, pl_owner_name(other->owner), own->bus->name);
    }
  }
  return PL_OK;
}
