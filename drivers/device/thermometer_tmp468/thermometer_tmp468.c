/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/thermometer_tmp468/thermometer_tmp468.h"

#include "drivers/bus/i2c.h"
#include "drivers/device/thermometer_tmp468/regs.h"

#include <stdlib.h>

/*
 * TI TMP468: the thermometer on a CSU's board. Its own die is the board's temperature; its remote diodes sit in the CPUs, among the drives and on the
 * cold plate. It measures by itself from power-on, so nothing is set up: a channel that is off, a diode that is open and a chip in shutdown are told
 * instead of believed.
 */
static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x48, .max = 0x4B},
};

/* id: the channel */
static const struct pl_quantity QUANTITIES[] = {
    {.name = "board-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = 0, .help = "of the chip itself, on the CSU's board"},
    {.name = "cpu-1-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = 1, .help = "remote diode 1: junction of the first CPU"},
    {.name = "cpu-2-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = 2, .help = "remote diode 2: junction of the second CPU"},
    {.name = "drive-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = 3, .help = "remote diode 3: among the drives"},
    {.name = "csu-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = 4, .help = "remote diode 4: on the cold plate"},
};

struct thermometer {
  struct pl_bus *bus;
  uint8_t address;
};

static enum pl_status thermometer_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct thermometer *thermometer = calloc(1, sizeof *thermometer);
  if (!thermometer)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  thermometer->bus = args->bus;
  thermometer->address = (uint8_t)pl_value(args->values, "address")->number;
  *self = thermometer;
  return PL_OK;
}

static enum pl_status read_register(struct thermometer *thermometer, uint8_t reg, uint16_t *value, struct pl_err *err)
{
  uint8_t in[2];
  enum pl_status status = pl_i2c_write_read(thermometer->bus, thermometer->address, &reg, 1, in, sizeof in, err);
  if (status)
    return err ? pl_err_prefix(err, "register 0x%02X", reg) : status;
  *value = (uint16_t)(in[0] << 8 | in[1]);
  return PL_OK;
}

/* Is the channel measured at all? */
static enum pl_status check_channel(struct thermometer *thermometer, int channel, struct pl_err *err)
{
  uint16_t config, open = 0;
  enum pl_status status = read_register(thermometer, TMP468_CONFIG, &config, err);
  if (!status && channel)
    status = read_register(thermometer, TMP468_REMOTE_OPEN, &open, err);
  if (status)
    return status;
  if (config == 0xFFFF)
    return pl_fail(err, PL_E_NAN, "the configuration reads 0xFFFF: all ones is what a bus gives that nobody drives");
  if (config & TMP468_CONFIG_SHUTDOWN)
    return pl_fail(err, PL_E_EXCEPTION, "the thermometer is shut down (configuration 0x%04X): what it holds is old; power it again", config);
  if (channel && !(config & TMP468_CONFIG_ON(channel)))
    return pl_fail(err, PL_E_EXCEPTION, "remote channel %d is switched off (configuration 0x%04X)", channel, config);
  if (channel && open & 1u << (7 + channel))
    return pl_fail(err, PL_E_GARBAGE, "remote channel %d is open: no diode answers; check its wires", channel);
  return PL_OK;
}

static enum pl_status thermometer_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct thermometer *thermometer = self;
  uint16_t word;
  enum pl_status status = check_channel(thermometer, quantity->id, err);
  if (!status)
    status = read_register(thermometer, (uint8_t)(TMP468_LOCAL + quantity->id), &word, err);
  if (status)
    return status;
  if (word & 7)
    return pl_fail(err, PL_E_GARBAGE, "register 0x%02X reads 0x%04X, expected 0 in its low three bits", quantity->id, word);
  *reading = (struct pl_reading){
      .value_u = (int64_t)((int16_t)word / 8) * TMP468_STEP_U, .dim = quantity->dim, .status = PL_OK, .at = pl_bus_now(thermometer->bus)};
  return PL_OK;
}

static enum pl_status thermometer_probe(void *self, struct pl_err *err)
{
  struct thermometer *thermometer = self;
  uint16_t maker, device;
  enum pl_status status = read_register(thermometer, TMP468_MANUFACTURER_ID, &maker, err);
  if (!status)
    status = read_register(thermometer, TMP468_DEVICE_ID, &device, err);
  if (!status && (maker != TMP468_MANUFACTURER || device != TMP468_DEVICE))
    status = pl_fail(err, PL_E_GARBAGE, "it says manufacturer 0x%04X and device 0x%04X, expected 0x5449 (TI) and 0x0468", maker, device);
  if (status && err)
    pl_err_prefix(err, "no TMP468 at 0x%02X", thermometer->address);
  return status;
}

static enum pl_status thermometer_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  enum pl_status status = thermometer_probe(self, err);
  if (!status)
    *identity = (struct pl_identity){.manufacturer = "TI", .model = "TMP468"};
  return status;
}

const struct pl_device_desc pl_device_thermometer_tmp468 = {
    .name = "thermometer-tmp468",
    .about = "TI TMP468 thermometer, wired as on a CSU: board, CPUs, drives, cold plate",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_I2C,
    .role = "thermometer",
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof QUANTITIES[0],
    .open = thermometer_open,
    .close = free,
    .probe = thermometer_probe,
    .get = thermometer_get,
    .identify = thermometer_identify,
};
