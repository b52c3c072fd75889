/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/read.h"

#include <string.h>

/* Two devices at one address answer at once; two devices on one line fight. Both are found here, before anything is driven. */

static bool is_address(const struct pl_value *value, enum pl_bus_kind kind)
{
  if (!value->given || value->param->kind == PL_PARAM_LINE)
    return false;
  return value->param->address || (kind == PL_BUS_MODBUS && !strcmp(value->param->name, "unit"));
}

static bool same_value(const struct pl_value *a, const struct pl_value *b)
{
  if (a->param->kind != b->param->kind)
    return false;
  return a->param->kind == PL_PARAM_TEXT ? !strcmp(a->text, b->text) : a->number == b->number;
}

/* The addresses that both devices have (say, address and page) are the same; the first of them, or NULL when one differs. */
static const struct pl_value *same_address(const struct pl_rig_device *a, const struct pl_rig_device *b)
{
  const struct pl_value *first = NULL;
  for (size_t i = 0; i < a->values.count; i++) {
    const struct pl_value *mine = &a->values.items[i];
    if (!is_address(mine, a->bus->kind))
      continue;
    const struct pl_value *other = pl_value_find(&b->values, mine->param->name);
    if (!other || !is_address(other, b->bus->kind))
      continue;
    if (!same_value(mine, other))
      return NULL;
    if (!first)
      first = mine;
  }
  return first;
}

static bool same_line(const struct pl_value *a, const struct pl_value *b)
{
  if (!a->given || !b->given || a->param->kind != PL_PARAM_LINE || b->param->kind != PL_PARAM_LINE)
    return false;
  return a->number < 0 ? b->number < 0 && !strcmp(a->text, b->text) : a->number == b->number;
}

/* A line of `device` that `other` (which may be the device itself) uses too. */
static enum pl_status check_lines(const struct pl_rig *rig, const struct pl_rig_device *device, const struct pl_rig_device *other, struct pl_err *err)
{
  const struct pl_node at = {.line = device->line};
  for (size_t i = 0; i < device->values.count; i++) {
    size_t end = device == other ? i : other->values.count;
    for (size_t k = 0; k < end; k++) {
      const struct pl_value *a = &device->values.items[i], *b = &other->values.items[k];
      if (same_line(a, b))
        return pl_node_fail(rig->conf, &at, err, "line %s of bus '%s' is both '%s' of device '%s' and '%s' of device '%s' (line %d of the file), expected a line each",
                            a->text, device->bus->name, a->param->name, device->name, b->param->name, other->name, other->line);
    }
  }
  return PL_OK;
}

enum pl_status pl_rig_check_address(const struct pl_rig *rig, const struct pl_rig_device *device, size_t n_before, struct pl_err *err)
{
  const struct pl_node at = {.line = device->line};
  bool lines = device->bus->kind == PL_BUS_GPIO;
  enum pl_status status = lines ? check_lines(rig, device, device, err) : PL_OK;
  for (size_t i = 0; i < n_before && !status; i++) {
    const struct pl_rig_device *other = &rig->devices[i];
    if (other->bus != device->bus)
      continue;
    const struct pl_value *same = same_address(device, other);
    if (same)
      return pl_node_fail(rig->conf, &at, err, "device '%s' has the %s %s of device '%s' on bus '%s' (line %d), expected one of its own", device->name,
                          same->param->name, same->text, other->name, device->bus->name, other->line);
    if (lines)
      status = check_lines(rig, device, other, err);
  }
  return status;
}
