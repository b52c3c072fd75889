/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/monitor_ina238/monitor_ina238.h"

#include "drivers/bus/i2c.h"
#include "drivers/device/monitor_ina238/regs.h"

#include <stdlib.h>

/*
 * TI INA238: the bench's own voltage and current monitor. It is set up at the first use: the shunt range that holds max-current, and SHUNT_CAL,
 * which is read back each time before CURRENT or POWER is believed, since a monitor that lost its power has another one. The results follow a
 * new set-up only with the next conversion: until CNVRF tells of one a reading is PL_E_BUSY.
 */
static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x40, .max = 0x4F},
    {.name = "shunt", .help = "the sense resistor", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_RESISTANCE, .required = true, .min = 10, .max = 1000000},
    {.name = "max-current",
     .help = "what must still be measured; absent: what makes 40.96 mV across the shunt",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_CURRENT,
     .min = 1000,
     .max = 10000 * PL_U},
};

enum { ID_VOUT, ID_IOUT, ID_POUT, ID_TEMPERATURE };

static const struct pl_quantity QUANTITIES[] = {
    {.name = "vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = ID_VOUT, .help = "at the monitor's bus pin"},
    {.name = "iout", .dim = PL_DIM_CURRENT, .access = PL_GET, .id = ID_IOUT, .help = "through the shunt"},
    {.name = "pout", .dim = PL_DIM_POWER, .access = PL_GET, .id = ID_POUT, .help = "voltage times current, as the monitor computes it"},
    {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = ID_TEMPERATURE, .help = "of the monitor's die"},
};

struct monitor {
  struct pl_bus *bus;
  uint8_t address;
  int64_t shunt_uohm;
  bool narrow; /* ADCRANGE 1 */
  uint16_t shunt_cal;
  bool ready;
  bool fresh;        /* a conversion ended since the set-up */
  bool saw_cnvrf;
  pl_time_ns set_at;
};

#define NARROW_NV 40960000
#define WIDE_NV 163840000

/*
 * Section 8.1.2: SHUNT_CAL = 819.2e6 * CURRENT_LSB * Rshunt, times 4 with ADCRANGE; CURRENT_LSB = max-current / 2^15. With the shunt in
 * micro-ohms and the current in microamperes that is shunt * current * 819.2 / 2^15 / 10^6 = shunt * current / 40 / 10^6.
 */
static enum pl_status plan(struct monitor *monitor, const struct pl_value *most, struct pl_err *err)
{
  int64_t current_u = most->given ? most->number : NARROW_NV * 1000LL / monitor->shunt_uohm;
  int64_t drop_nv = current_u * monitor->shunt_uohm / 1000;
  if (drop_nv > WIDE_NV)
    return pl_fail(err, PL_E_USAGE,
                   "max-current makes %lld.%02lld mV across the shunt, the INA238 measures at most 163.84 mV; use a smaller shunt or say less",
                   (long long)(drop_nv / 1000000), (long long)(drop_nv / 10000 % 100));
  monitor->narrow = drop_nv <= NARROW_NV;
  int64_t cal = (current_u * monitor->shunt_uohm * (monitor->narrow ? 4 : 1) + 20000000) / 40000000;
  if (cal < 1 || cal > 0x7FFF)
    return pl_fail(err, PL_E_USAGE, "max-current and shunt need SHUNT_CAL %lld, the INA238 has 1 to 32767", (long long)cal);
  monitor->shunt_cal = (uint16_t)cal;
  return PL_OK;
}

static enum pl_status monitor_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct monitor *monitor = calloc(1, sizeof *monitor);
  if (!monitor)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  monitor->bus = args->bus;
  monitor->address = (uint8_t)pl_value(args->values, "address")->number;
  monitor->shunt_uohm = pl_value(args->values, "shunt")->number;
  enum pl_status status = plan(monitor, pl_value(args->values, "max-current"), err);
  if (status) {
    free(monitor);
    return status;
  }
  *self = monitor;
  return PL_OK;
}

static void monitor_close(void *self)
{
  free(self);
}

static enum pl_status read_register(struct monitor *monitor, uint8_t reg, size_t size, uint32_t *value, struct pl_err *err)
{
  uint8_t in[3] = {0};
  enum pl_status status = pl_i2c_write_read(monitor->bus, monitor->address, &reg, 1, in, size, err);
  if (status) {
    if (err)
      pl_err_prefix(err, "register 0x%02X", reg);
    return status;
  }
  *value = 0;
  for (size_t i = 0; i < size; i++)
    *value = *value << 8 | in[i];
  return PL_OK;
}

/* Writes and reads back. */
static enum pl_status set_register(struct monitor *monitor, uint8_t reg, uint16_t value, struct pl_err *err)
{
  const uint8_t out[] = {reg, (uint8_t)(value >> 8), (uint8_t)value};
  uint32_t now;
  enum pl_status status = pl_i2c_write_read(monitor->bus, monitor->address, out, sizeof out, NULL, 0, err);
  if (status == PL_OK)
    status = read_register(monitor, reg, 2, &now, err);
  if (status == PL_OK && now != value)
    status = pl_fail(err, PL_E_EXCEPTION, "register 0x%02X was written 0x%04X and reads 0x%04X", reg, value, now);
  return status;
}

static uint16_t wanted_config(const struct monitor *monitor)
{
  return monitor->narrow ? INA238_CONFIG_ADCRANGE : 0;
}

/* Also clears CNVRF. */
static enum pl_status read_diag(struct monitor *monitor, uint32_t *diag, struct pl_err *err)
{
  enum pl_status status = read_register(monitor, INA238_DIAG_ALRT, 2, diag, err);
  if (status == PL_OK && *diag == 0xFFFF)
    status = pl_fail(err, PL_E_NAN, "DIAG_ALRT reads 0xFFFF, which is not a number: all ones is what a bus gives that nobody drives");
  return status;
}

/* ADC_CONFIG goes last: writing it begins the conversion anew (from memory, as is that reading DIAG_ALRT clears CNVRF: where a chip does not, the
 * time of one conversion is waited for all the same). */
static enum pl_status set_up(struct monitor *monitor, struct pl_err *err)
{
  uint32_t diag;
  if (monitor->ready)
    return PL_OK;
  enum pl_status status = read_diag(monitor, &diag, err);
  if (status == PL_OK)
    status = set_register(monitor, INA238_CONFIG, wanted_config(monitor), err);
  if (status == PL_OK)
    status = set_register(monitor, INA238_SHUNT_CAL, monitor->shunt_cal, err);
  if (status == PL_OK)
    status = set_register(monitor, INA238_ADC_CONFIG, INA238_ADC_CONFIG_RESET, err);
  if (status == PL_OK)
    status = read_diag(monitor, &diag, err);
  monitor->ready = status == PL_OK;
  monitor->fresh = monitor->saw_cnvrf = false;
  monitor->set_at = pl_bus_now(monitor->bus);
  return status;
}

static enum pl_status check_fresh(struct monitor *monitor, uint32_t diag, struct pl_err *err)
{
  monitor->saw_cnvrf |= (diag & INA238_DIAG_CNVRF) != 0;
  monitor->fresh |= monitor->saw_cnvrf && pl_bus_now(monitor->bus) - monitor->set_at >= INA238_CONVERSION_NS;
  if (monitor->fresh)
    return PL_OK;
  return pl_fail(err, PL_E_BUSY, "the first conversion since the set-up is under way (about 3 ms); read it again");
}

/* DIAG_ALRT and the set-up, before a value is believed. */
static enum pl_status check_sound(struct monitor *monitor, struct pl_err *err)
{
  uint32_t diag, config, cal;
  enum pl_status status = read_diag(monitor, &diag, err);
  if (status == PL_OK)
    status = read_register(monitor, INA238_CONFIG, 2, &config, err);
  if (status == PL_OK)
    status = read_register(monitor, INA238_SHUNT_CAL, 2, &cal, err);
  if (status)
    return status;
  if (!(diag & INA238_DIAG_MEMSTAT))
    return pl_fail(err, PL_E_GARBAGE,
                   "the monitor's trim memory is damaged (DIAG_ALRT 0x%04X, MEMSTAT clear): none of its values can be trusted; replace it", diag);
  if (config != wanted_config(monitor) || cal != monitor->shunt_cal)
    return pl_fail(err, PL_E_EXCEPTION,
                   "CONFIG is 0x%04X and SHUNT_CAL %u, they were set to 0x%04X and %u: the monitor was reset or set up by another program; asking "
                   "again sets it up anew",
                   config, cal, wanted_config(monitor), monitor->shunt_cal);
  return check_fresh(monitor, diag, err);
}

static enum pl_status check_overflow(struct monitor *monitor, struct pl_err *err)
{
  uint32_t diag;
  enum pl_status status = read_diag(monitor, &diag, err);
  if (status == PL_OK && diag & INA238_DIAG_MATHOF)
    status = pl_fail(err, PL_E_RANGE, "the current does not fit (DIAG_ALRT 0x%04X, MATHOF set): max-current in the rig is too small", diag);
  return status;
}

/* CURRENT_LSB in amperes, of the SHUNT_CAL that was rounded to a whole number. */
static long double current_lsb(const struct monitor *monitor)
{
  return monitor->shunt_cal / (819.2L * (long double)monitor->shunt_uohm * (monitor->narrow ? 4 : 1));
}

static int64_t to_u(long double value)
{
  return (int64_t)(value * 1e6L + (value < 0 ? -0.5L : 0.5L));
}

static enum pl_status read_current(struct monitor *monitor, int64_t *value_u, struct pl_err *err)
{
  uint32_t word, shunt;
  enum pl_status status = read_register(monitor, INA238_CURRENT, 2, &word, err);
  if (status == PL_OK)
    status = read_register(monitor, INA238_VSHUNT, 2, &shunt, err);
  if (status == PL_OK)
    status = check_overflow(monitor, err);
  if (status)
    return status;
  if (shunt == 0x7FFF || shunt == 0x8000)
    return pl_fail(err, PL_E_RANGE, "the shunt voltage is at an end of its range (VSHUNT 0x%04X): the true current is there or beyond", shunt);
  *value_u = to_u((int16_t)word * current_lsb(monitor));
  return PL_OK;
}

/* POWER's step is 0.2 * CURRENT_LSB (in W for A). */
static enum pl_status read_power(struct monitor *monitor, int64_t *value_u, struct pl_err *err)
{
  uint32_t word;
  int64_t unused;
  enum pl_status status = read_register(monitor, INA238_POWER, 3, &word, err);
  if (status == PL_OK)
    status = read_current(monitor, &unused, err); /* a current off the scale makes a wrong power */
  if (status)
    return status;
  *value_u = to_u((long double)word * 0.2L * current_lsb(monitor));
  return PL_OK;
}

static enum pl_status read_quantity(struct monitor *monitor, int id, int64_t *value_u, struct pl_err *err)
{
  uint32_t word;
  enum pl_status status;
  switch (id) {
  case ID_VOUT:
    status = read_register(monitor, INA238_VBUS, 2, &word, err);
    if (status == PL_OK && word > 0x7FFE) /* always positive (section 7.6.1.5); its end is 102 V, above the 85 V that the pin bears */
      status = pl_fail(err, PL_E_RANGE, "VBUS reads 0x%04X, expected at most 0x7FFE", word);
    if (status == PL_OK)
      *value_u = (int64_t)word * INA238_VBUS_STEP_NV / 1000;
    return status;
  case ID_IOUT:
    return read_current(monitor, value_u, err);
  case ID_POUT:
    return read_power(monitor, value_u, err);
  default:
    status = read_register(monitor, INA238_DIETEMP, 2, &word, err);
    if (status == PL_OK && word & 0xF)
      status = pl_fail(err, PL_E_GARBAGE, "DIETEMP reads 0x%04X, expected 0 in its low four bits", word);
    if (status == PL_OK)
      *value_u = (int64_t)((int16_t)word / 16) * INA238_TEMPERATURE_STEP_U;
    return status;
  }
}

static enum pl_status monitor_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct monitor *monitor = self;
  int64_t value_u = 0;
  enum pl_status status = set_up(monitor, err);
  if (status == PL_OK)
    status = check_sound(monitor, err);
  if (status == PL_OK)
    status = read_quantity(monitor, quantity->id, &value_u, err);
  if (status) {
    monitor->ready = monitor->ready && (status == PL_E_BUSY || status == PL_E_RANGE);
    return status;
  }
  *reading = (struct pl_reading){.value_u = value_u, .dim = quantity->dim, .status = PL_OK, .at = pl_bus_now(monitor->bus)};
  return PL_OK;
}

static enum pl_status check_identity(struct monitor *monitor, uint32_t *revision, struct pl_err *err)
{
  uint32_t maker, device;
  enum pl_status status = read_register(monitor, INA238_MANUFACTURER_ID, 2, &maker, err);
  if (status == PL_OK)
    status = read_register(monitor, INA238_DEVICE_ID, 2, &device, err);
  if (status == PL_OK && (maker != INA238_MANUFACTURER || device >> 4 != INA238_DEVICE >> 4))
    status = pl_fail(err, PL_E_GARBAGE, "it says manufacturer 0x%04X and device 0x%04X, expected 0x5449 (TI) and 0x238x", maker, device);
  if (status == PL_OK)
    *revision = device & 0xF;
  else if (err)
    pl_err_prefix(err, "no INA238 at 0x%02X", monitor->address);
  return status;
}

static enum pl_status monitor_probe(void *self, struct pl_err *err)
{
  struct monitor *monitor = self;
  uint32_t revision;
  enum pl_status status = check_identity(monitor, &revision, err);
  monitor->ready = false; /* a roll call trusts nothing of before; and the first conversion is done when the first value is wanted */
  return status ? status : set_up(monitor, err);
}

static enum pl_status monitor_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  uint32_t revision;
  enum pl_status status = check_identity(self, &revision, err);
  if (status)
    return status;
  *identity = (struct pl_identity){.manufacturer = "TI", .model = "INA238"};
  snprintf(identity->revision, sizeof identity->revision, "%u", revision);
  return PL_OK;
}

const struct pl_device_desc pl_device_monitor_ina238 = {
    .name = "monitor-ina238",
    .about = "TI INA238 voltage, current and power monitor",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_I2C,
    .role = "monitor",
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof QUANTITIES[0],
    .open = monitor_open,
    .close = monitor_close,
    .probe = monitor_probe,
    .get = monitor_get,
    .identify = monitor_identify,
};
