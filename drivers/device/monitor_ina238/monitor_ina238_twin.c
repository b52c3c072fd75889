/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/monitor_ina238/monitor_ina238.h"

#include "drivers/device/monitor_ina238/regs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The twin of the monitor: registers by big-endian pointer, converters with the steps and ends of the data sheet (SBOSA20). The results stand still
 * until a conversion ends, whose time is that of ADC_CONFIG; then they are of the world, CONFIG and SHUNT_CAL as these are when they are next looked at.
 * From memory: the times of a conversion, that writing ADC_CONFIG begins it anew, and that reading DIAG_ALRT clears CNVRF.
 */
enum port { VOUT, IOUT, TEMPERATURE };

static const struct pl_port PORTS[] = {
    [VOUT] = {.name = "vout", .dim = PL_DIM_VOLTAGE, .help = "slot side"},
    [IOUT] = {.name = "iout", .dim = PL_DIM_CURRENT, .help = "through the shunt"},
    [TEMPERATURE] = {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .help = "of the board"},
};

#define N PL_SMBUS_NONE
static const struct pl_smbus_command COMMANDS[] = {
    {INA238_CONFIG, 2, 2, N},  {INA238_ADC_CONFIG, 2, 2, N}, {INA238_SHUNT_CAL, 2, 2, N}, {INA238_VSHUNT, N, 2, N},
    {INA238_VBUS, N, 2, N},    {INA238_DIETEMP, N, 2, N},    {INA238_CURRENT, N, 2, N},   {INA238_POWER, N, 3, N},
    {INA238_DIAG_ALRT, 2, 2, N}, {INA238_MANUFACTURER_ID, N, 2, N}, {INA238_DEVICE_ID, N, 2, N},
};
#undef N

struct ina_twin {
  struct pl_twin_io *io;
  double shunt_ohm;
  uint16_t config, adc_config, shunt_cal;
  pl_time_ns began; /* the conversion under way */
  bool idle;        /* a triggered one has ended */
  bool ready;       /* CNVRF */
  struct {
    double shunt, bus, temperature, current, power;
    bool overflow;
  } result;
};

static double clamp(double value, double low, double high)
{
  return isnan(value) ? low : fmin(fmax(value, low), high);
}

static double in(const struct ina_twin *twin, enum port port)
{
  return pl_twin_in(twin->io, port);
}

static double shunt_code(const struct ina_twin *twin)
{
  double step = twin->config & INA238_CONFIG_ADCRANGE ? INA238_SHUNT_STEP_NV * 1e-9 / 4 : INA238_SHUNT_STEP_NV * 1e-9;
  return clamp(round(in(twin, IOUT) * twin->shunt_ohm / step), -32768, 32767);
}

static double bus_code(const struct ina_twin *twin)
{
  return clamp(round(in(twin, VOUT) / (INA238_VBUS_STEP_NV * 1e-9)), 0, 32767);
}

/*
 * CURRENT is the shunt code in steps of CURRENT_LSB: code * 4096 / SHUNT_CAL, since SHUNT_CAL 4096 belongs to a CURRENT_LSB of one step of the shunt
 * converter (section 8.1.2: 819.2e6 * 5 uV = 4096). A SHUNT_CAL of 0 makes CURRENT 0.
 */
static double current_unbounded(const struct ina_twin *twin)
{
  return twin->shunt_cal ? round(shunt_code(twin) * 4096 / twin->shunt_cal) : 0;
}

static double current_code(const struct ina_twin *twin)
{
  return clamp(current_unbounded(twin), -32768, 32767);
}

/* P = V * I in steps of 0.2 * CURRENT_LSB: code_V * 3.125 mV * code_I / 0.2. Not signed. */
static double power_unbounded(const struct ina_twin *twin)
{
  return round(bus_code(twin) * fabs(current_code(twin)) * (INA238_VBUS_STEP_NV * 1e-9) / 0.2);
}

/* Of all channels that MODE (bits 14:12) names; 0: it does not convert. */
static pl_time_ns conversion_time(const struct ina_twin *twin)
{
  static const pl_time_ns TIMES_US[] = {50, 84, 150, 280, 540, 1052, 2074, 4120};
  static const pl_time_ns AVERAGES[] = {1, 4, 16, 64, 128, 256, 512, 1024};
  unsigned word = twin->adc_config;
  pl_time_ns time = 0;
  for (unsigned channel = 0; channel < 3; channel++) /* bus 11:9, shunt 8:6, temperature 5:3 */
    time += word >> (12 + channel) & 1 ? TIMES_US[word >> (9 - 3 * channel) & 7] : 0;
  return time * AVERAGES[word & 7] * PL_US;
}

static void convert(struct ina_twin *twin)
{
  pl_time_ns now = pl_twin_now(twin->io), time = conversion_time(twin);
  if (twin->idle || !time || now - twin->began < time)
    return;
  twin->idle = !(twin->adc_config & INA238_MODE_CONTINUOUS);
  twin->began += (now - twin->began) / time * time;
  twin->result.shunt = shunt_code(twin);
  twin->result.bus = bus_code(twin);
  twin->result.temperature = clamp(round(in(twin, TEMPERATURE) / 0.125), -2048, 2047);
  twin->result.current = current_code(twin);
  twin->result.power = clamp(power_unbounded(twin), 0, 0xFFFFFF);
  twin->result.overflow = fabs(current_unbounded(twin)) > 32767 || power_unbounded(twin) > 0xFFFFFF;
  twin->ready = true;
}

static uint16_t read_diag(struct ina_twin *twin)
{
  unsigned diag = INA238_DIAG_MEMSTAT | (twin->result.overflow ? INA238_DIAG_MATHOF : 0) | (twin->ready ? INA238_DIAG_CNVRF : 0);
  twin->ready = false;
  return (uint16_t)diag;
}

static void begin(struct ina_twin *twin)
{
  twin->began = pl_twin_now(twin->io);
  twin->idle = twin->ready = false;
}

static void reset(struct ina_twin *twin)
{
  twin->config = 0;
  twin->adc_config = INA238_ADC_CONFIG_RESET;
  twin->shunt_cal = INA238_SHUNT_CAL_RESET;
  memset(&twin->result, 0, sizeof twin->result);
  begin(twin);
}

static enum pl_status twin_write(void *self, uint8_t reg, const uint8_t *data, size_t len)
{
  struct ina_twin *twin = self;
  if (len != 2)
    return PL_E_NACK;
  uint16_t value = (uint16_t)(data[0] << 8 | data[1]);
  convert(twin); /* what ended before this write */
  if (reg == INA238_CONFIG && value & INA238_CONFIG_RST) {
    reset(twin);
  } else if (reg == INA238_CONFIG) {
    twin->config = value & 0x3FF0; /* section 7.6.1.1: the rest is reserved and reads 0 */
  } else if (reg == INA238_ADC_CONFIG) {
    twin->adc_config = value;
    begin(twin);
  } else if (reg == INA238_SHUNT_CAL) {
    twin->shunt_cal = value & 0x7FFF;
  }
  return PL_OK; /* DIAG_ALRT: its alert settings have no pin here */
}

static int64_t value_of(struct ina_twin *twin, uint8_t reg)
{
  switch (reg) {
  case INA238_CONFIG:
    return twin->config;
  case INA238_ADC_CONFIG:
    return twin->adc_config;
  case INA238_SHUNT_CAL:
    return twin->shunt_cal;
  case INA238_VSHUNT:
    return (int64_t)twin->result.shunt;
  case INA238_VBUS:
    return (int64_t)twin->result.bus;
  case INA238_DIETEMP:
    return (int64_t)twin->result.temperature * 16;
  case INA238_CURRENT:
    return (int64_t)twin->result.current;
  case INA238_POWER:
    return (int64_t)twin->result.power;
  case INA238_DIAG_ALRT:
    return read_diag(twin);
  case INA238_MANUFACTURER_ID:
    return INA238_MANUFACTURER;
  default:
    return INA238_DEVICE;
  }
}

static enum pl_status twin_read(void *self, uint8_t reg, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  (void)call;
  (void)call_len;
  convert(self);
  uint64_t value = (uint64_t)value_of(self, reg);
  *len = reg == INA238_POWER ? 3 : 2;
  if (*len > room)
    return PL_E_NACK;
  for (size_t i = 0; i < *len; i++)
    data[i] = (uint8_t)(value >> 8 * (*len - 1 - i));
  return PL_OK;
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct ina_twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  twin->io = args->io;
  twin->shunt_ohm = (double)pl_value(args->values, "shunt")->number / 1e6;
  reset(twin);
  *self = twin;
  return PL_OK;
}

const struct pl_twin_desc pl_twin_monitor_ina238 = {
    .driver = "monitor-ina238",
    .ports = PORTS,
    .n_ports = sizeof PORTS / sizeof PORTS[0],
    .create = twin_create,
    .destroy = free,
    .commands = COMMANDS,
    .n_commands = sizeof COMMANDS / sizeof COMMANDS[0],
    .smbus_write = twin_write,
    .smbus_read = twin_read,
};
