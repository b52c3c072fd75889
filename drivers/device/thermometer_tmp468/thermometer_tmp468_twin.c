/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/thermometer_tmp468/thermometer_tmp468.h"

#include "drivers/device/thermometer_tmp468/regs.h"

#include <math.h>
#include <stdlib.h>

/* The twin: one conversion of all channels after the other; registers hold the last. */
static const struct pl_port PORTS[] = { /* by channel */
    {.name = "board_temperature", .dim = PL_DIM_TEMPERATURE, .help = "the chip's own"},
    {.name = "cpu_1_temperature", .dim = PL_DIM_TEMPERATURE, .help = "remote 1"},
    {.name = "cpu_2_temperature", .dim = PL_DIM_TEMPERATURE, .help = "remote 2"},
    {.name = "drive_temperature", .dim = PL_DIM_TEMPERATURE, .help = "remote 3"},
    {.name = "csu_temperature", .dim = PL_DIM_TEMPERATURE, .help = "remote 4"},
};
#define WIRED (sizeof PORTS / sizeof PORTS[0])

#define N PL_SMBUS_NONE
static const struct pl_smbus_command COMMANDS[] = {
    {0x00, N, 2, N}, {0x01, N, 2, N}, {0x02, N, 2, N}, {0x03, N, 2, N}, {0x04, N, 2, N}, {0x05, N, 2, N}, {0x06, N, 2, N}, {0x07, N, 2, N}, {0x08, N, 2, N},
    {TMP468_REMOTE_OPEN, N, 2, N}, {TMP468_CONFIG, 2, 2, N}, {TMP468_MANUFACTURER_ID, N, 2, N}, {TMP468_DEVICE_ID, N, 2, N},
};
#undef N

struct tmp468_twin {
  struct pl_twin_io *io;
  uint16_t config, open;
  pl_time_ns began;
  bool measured;
  int16_t codes[TMP468_REMOTES + 1];
};

static int16_t code_of(double temperature)
{
  double steps = round(temperature / (TMP468_STEP_U * 1e-6));
  return (int16_t)(fmin(fmax(steps, -4096), 4095) * 8);
}

static void convert(struct tmp468_twin *twin)
{
  pl_time_ns now = pl_twin_now(twin->io);
  if (twin->config & TMP468_CONFIG_SHUTDOWN || (twin->measured && now - twin->began < TMP468_CONVERSION_NS))
    return;
  twin->began = now;
  twin->measured = true;
  twin->open = 0;
  for (unsigned channel = 0; channel <= TMP468_REMOTES; channel++) {
    double value = channel < WIRED ? pl_twin_in(twin->io, channel) : NAN;
    bool on = !channel || twin->config & TMP468_CONFIG_ON(channel);
    if (channel && on && isnan(value))
      twin->open = (uint16_t)(twin->open | 1u << (7 + channel));
    if (on)
      twin->codes[channel] = isnan(value) ? 0 : code_of(value);
  }
}

static enum pl_status twin_write(void *self, uint8_t reg, const uint8_t *data, size_t len)
{
  struct tmp468_twin *twin = self;
  if (len != 2 || reg != TMP468_CONFIG)
    return PL_E_NACK;
  twin->config = (uint16_t)(data[0] << 8 | data[1]);
  return PL_OK;
}

static unsigned value_of(const struct tmp468_twin *twin, uint8_t reg)
{
  switch (reg) {
  case TMP468_REMOTE_OPEN:
    return twin->open;
  case TMP468_CONFIG:
    return twin->config;
  case TMP468_MANUFACTURER_ID:
    return TMP468_MANUFACTURER;
  case TMP468_DEVICE_ID:
    return TMP468_DEVICE;
  default:
    return (uint16_t)twin->codes[reg];
  }
}

static enum pl_status twin_read(void *self, uint8_t reg, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  (void)call;
  (void)call_len;
  if (room < 2)
    return PL_E_NACK;
  convert(self);
  unsigned value = value_of(self, reg);
  data[0] = (uint8_t)(value >> 8);
  data[1] = (uint8_t)value;
  *len = 2;
  return PL_OK;
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct tmp468_twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  twin->io = args->io;
  twin->config = TMP468_CONFIG_RESET;
  *self = twin;
  return PL_OK;
}

const struct pl_twin_desc pl_twin_thermometer_tmp468 = {
    .driver = "thermometer-tmp468",
    .ports = PORTS,
    .n_ports = WIRED,
    .create = twin_create,
    .destroy = free,
    .commands = COMMANDS,
    .n_commands = sizeof COMMANDS / sizeof COMMANDS[0],
    .smbus_write = twin_write,
    .smbus_read = twin_read,
};
