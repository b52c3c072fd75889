/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/kill_relay/kill_relay.h"

#include "drivers/device/lines/lines.h"

/*
 * A relay or contactor that takes a supply's, slot's or pump's power away, whatever else is commanded. A safety contactor has mirror contacts: auxiliary
 * break contacts that cannot be closed together with any power contact (IEC 60947-4-1, annex F), so that a welded contactor is found by reading them.
 */
static const char *const COILS[] = {[PL_KILL_RELAY_TRIP] = "trip", [PL_KILL_RELAY_HOLD] = "hold", [PL_KILL_RELAY_HOLD + 1] = NULL};

static const struct pl_param params[PL_KILL_RELAY_PARAMS] = {
    [PL_KILL_RELAY_LINE] = {.name = "coil-line", .kind = PL_PARAM_LINE, .required = true, .help = "output, active to energise the coil"},
    [PL_KILL_RELAY_MIRROR] = {.name = "mirror", .kind = PL_PARAM_LINE,
                              .help = "input, active while the power contacts are open (mirror contact); without it the line itself is read back"},
    [PL_KILL_RELAY_COIL] = {.name = "coil", .kind = PL_PARAM_CHOICE, .choices = COILS, .fallback = "trip",
                            .help = "trip: energised to open; hold: energised to stay closed, so that it opens when nobody drives the line"},
};

static const struct pl_quantity quantities[] = {
    {.name = "open", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .max_u = PL_U,
     .help = "its power contacts are open: the power is taken away; by the mirror contact where there is one"},
};

struct kill_relay {
  struct pl_bus *bus;
  struct pl_output coil;
  bool hold, has_mirror;
  int mirror;
};

static enum pl_status kill_relay_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct kill_relay *relay = calloc(1, sizeof *relay);
  if (relay == NULL) {
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  }
  relay->bus = args->bus;
  relay->hold = pl_value(args->values, "coil")->number == PL_KILL_RELAY_HOLD;
  relay->has_mirror = pl_value(args->values, "mirror")->given;
  enum pl_status status = relay->has_mirror ? pl_device_line_request(args, "mirror", false, false, &relay->mirror, err) : PL_OK;
  if (status == PL_OK) {
    status = pl_output_open(&relay->coil, args, "coil-line", err); /* at rest: one that must be held is open until somebody says close */
  }
  if (status != PL_OK) {
    free(relay);
    return status;
  }
  *self = relay;
  return PL_OK;
}

static void kill_relay_close(void *self)
{
  struct kill_relay *relay = self;
  pl_output_close(&relay->coil);
  free(relay);
}

static enum pl_status kill_relay_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  (void)quantity;
  struct kill_relay *relay = self;
  enum pl_status status = pl_device_line_get(relay->bus, relay->has_mirror ? relay->mirror : relay->coil.handle, reading, err);
  if (status == PL_OK && relay->hold && !relay->has_mirror) {
    reading->value_u = reading->value_u ? 0 : PL_U;
  }
  return status;
}

static enum pl_status kill_relay_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  (void)quantity;
  struct kill_relay *relay = self;
  return pl_output_set(&relay->coil, (value_u != 0) != relay->hold, err);
}

static enum pl_status kill_relay_probe(void *self, struct pl_err *err)
{
  struct pl_reading reading;
  return kill_relay_get(self, &quantities[0], &reading, err);
}

const struct pl_device_desc pl_device_kill_relay = {
    .name = "kill-relay",
    .about = "Relay or contactor on a GPIO line that takes power away, with its mirror contact",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_GPIO,
    .role = "kill-relay",
    .params = params,
    .n_params = PL_KILL_RELAY_PARAMS,
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = kill_relay_open,
    .close = kill_relay_close,
    .probe = kill_relay_probe,
    .get = kill_relay_get,
    .set = kill_relay_set,
};
