/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb_chip_i2c.h"

static const struct pl_i2c_caps *i2c_caps(void *self)
{
  return &((struct pl_usb_i2c *)self)->caps;
}

static enum pl_status i2c_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct pl_usb_i2c *i2c = self;
  enum pl_status first = PL_OK;
  for (size_t i = 0; i < count; i++) {
    struct pl_err why = {0};
    list[i].status = pl_usb_enter(&i2c->user, &why);
    if (!list[i].status) {
      list[i].status = i2c->desc->transact(i2c, &list[i], deadline, &why);
      pl_usb_leave(&i2c->user, list[i].status, &why);
    }
    if (list[i].status && !first)
      first = pl_usb_fail_i2c(i2c->user.chip, list[i].msgs[0].address, &why, err);
  }
  return first;
}

static const struct pl_i2c_ops OPS = {.caps = i2c_caps, .transfer = i2c_transfer};

static enum pl_status i2c_set_up(void *self, struct pl_err *err)
{
  struct pl_usb_i2c *i2c = self;
  return i2c->desc->set_up(i2c, err);
}

static enum pl_status i2c_reopen(void *self, struct pl_err *err)
{
  return pl_usb_user_reopen(&((struct pl_usb_i2c *)self)->user, err);
}

static void i2c_close(void *self)
{
  struct pl_usb_i2c *i2c = self;
  pl_usb_user_close(&i2c->user);
  free(i2c);
}

enum pl_status pl_usb_i2c_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_i2c_desc *desc, struct pl_err *err)
{
  struct pl_usb_i2c *i2c = calloc(1, sizeof *i2c);
  if (!i2c)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  *i2c = (struct pl_usb_i2c){.caps = desc->caps, .values = args->values, .desc = desc};
  i2c->caps.speed_hz = (uint32_t)(pl_value(args->values, "speed")->number / PL_U);
  enum pl_status status = pl_usb_user_open(&i2c->user, bus, args, desc->chip, i2c_set_up, i2c, err);
  if (status) {
    free(i2c);
    return status;
  }
  pl_bus_attach(bus, &OPS, i2c, i2c_close, false);
  pl_bus_set_reopen(bus, i2c_reopen);
  return PL_OK;
}
