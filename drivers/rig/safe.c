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

/* --- whose bus it is --- */

static const char *told(const struct pl_rig_bus *bus, const char *key)
{
  const struct pl_value *value = pl_value_given(&bus->values, key);
  return value && value->text && *value->text && strcmp(value->text, "twin") != 0 ? value->text : NULL;
}

static bool says_same(const struct pl_rig_bus *a, const struct pl_rig_bus *b, const char *key)
{
  const char *x = told(a, key), *y = told(b, key);
  return x && y && !strcmp(x, y);
}

static bool says_other(const struct pl_rig_bus *a, const struct pl_rig_bus *b, const char *key)
{
  const char *x = told(a, key), *y = told(b, key);
  return x && y && strcmp(x, y) != 0;
}

static bool is_kernel(const struct pl_rig_bus *bus)
{
  return !strcmp(bus->adapter->name, "gpiochip") || !strcmp(bus->adapter->name, "i2c-dev");
}

/* Told by serial and path alone: one of the USB adapters that are driven without a kernel driver. */
static bool is_usb(const struct pl_rig_bus *bus)
{
  return pl_value_find(&bus->values, "path") && pl_value_find(&bus->values, "serial") && !pl_value_find(&bus->values, "port") && !is_kernel(bus);
}

/* Labels of GPIO chips that are in a USB adapter. Lines of the machine's own chips are independent of each other. */
static bool is_usb_label(const char *label)
{
  static const char *const LABELS[] = {"cp2112_gpio", "mcp2221_gpio", "ft260_gpio", "ftdi-cbus"}; /* as the kernel's drivers name them */
  bool usb = false;
  for (size_t i = 0; label && i < sizeof LABELS / sizeof LABELS[0]; i++)
    usb |= !strcmp(label, LABELS[i]);
  return usb;
}

/* What says that two buses are on one adapter, as far as the rig says; NULL: nothing. */
static const char *shared(const struct pl_rig_bus *a, const struct pl_rig_bus *b)
{
  bool family = !strcmp(a->adapter->name, b->adapter->name), known = told(a, "path") || told(a, "serial") || told(b, "path") || told(b, "serial");
  if (a->adapter->is_virtual || b->adapter->is_virtual)
    return NULL;
  if (says_same(a, b, "path"))
    return "have the same path";
  if (says_other(a, b, "path") || says_other(a, b, "serial"))
    return NULL;
  if (says_same(a, b, "serial") && (family || is_kernel(a) || is_kernel(b)))
    return "have the same serial number";
  if (family && (says_same(a, b, "bus-name") || (says_same(a, b, "port") && a->kind == b->kind)))
    return "have the same port";
  if (family && says_same(a, b, "chip") && is_usb_label(told(a, "chip")))
    return "have the same chip";
  return family && is_usb(a) && !known ? "both say no path or serial number" : NULL;
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
      const char *why = other->bus == own->bus || other->owner == PL_OWNER_INTERLOCK ? NULL : shared(own->bus, other->bus);
      if (why)
        return pl_fail(err, PL_E_USAGE,
                       "%s:%d: the buses '%s' of the interlock's '%s' and '%s' (line %d) of '%s' %s (adapter %s): they would be on one adapter, where one can hold "
                       "up the other; give the interlock an adapter of its own, and say which is which",
                       rig->path, own->line, own->bus->name, own->name, other->bus->name, other->bus->line, other->name, why, own->bus->adapter->name);
    }
  }
  return PL_OK;
}
