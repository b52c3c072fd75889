/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/hsc_adm1272/hsc_adm1272.h"

#include "drivers/device/hsc_adm1272/regs.h"
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

/*
 * Analog Devices ADM1272, hot-swap controller with power monitor. Its readings are plain ADC codes, whose meaning hangs on PMON_CONFIG. That register
 * is volatile and boots with other ranges and without VOUT and TEMP1, so this driver sets it up at the first use (Linux' adm1275.c does so, too) and
 * looks at it after every reading: a chip that lost its supply in between is noticed, not decoded with wrong ranges. The bits that are not ours
 * (averaging, filter) stay as they were found. Opening makes no transfers; probe and the first reading set up.
 * From memory, not looked up: the reset value 0x3F35, and that sampling is to be stopped (PMON_CONTROL) while PMON_CONFIG is changed.
 * What the chip does after an over-current (latch, or try again) is set by its RETRY pin and TIMER, not by a register; `retries` and
 * `cool-down` say how the board is strapped.
 */
#define OPERATION_ON 0x80

static const char *const VRANGES[] = {"60 V", "100 V", NULL};
static const char *const IRANGES[] = {"15 mV", "30 mV", NULL};

static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x08, .max = 0x77},
    {.name = "shunt", .help = "the sense resistor", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_RESISTANCE, .required = true, .min = 10, .max = 1000000},
    {.name = "vrange", .help = "voltage range of the monitor (PMON_CONFIG bit 5)", .kind = PL_PARAM_CHOICE, .choices = VRANGES, .fallback = "60 V"},
    {.name = "irange", .help = "sense range and current limit (PMON_CONFIG bit 0)", .kind = PL_PARAM_CHOICE, .choices = IRANGES, .fallback = "30 mV"},
    {.name = "retries",
     .help = "board strap: tries after an over-current; 0 latches off, 7 never gives up",
     .kind = PL_PARAM_INT,
     .fallback = "0",
     .min = 0,
     .max = 7},
    {.name = "cool-down",
     .help = "board strap: time before such a try",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_TIME,
     .fallback = "1 s",
     .min = 1000,
     .max = 60 * PL_U},
    {.name = "uv-level",
     .help = "board strap: off below this input voltage",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_VOLTAGE,
     .fallback = "36 V",
     .min = 5 * PL_U,
     .max = 80 * PL_U},
};

static const uint8_t COMMANDS[] = {
    PL_PMBUS_OPERATION,
    PL_PMBUS_CLEAR_FAULTS,
    PL_PMBUS_CAPABILITY,
    PL_PMBUS_STATUS_WORD,
    PL_PMBUS_STATUS_VOUT,
    PL_PMBUS_STATUS_IOUT,
    PL_PMBUS_STATUS_INPUT,
    PL_PMBUS_STATUS_TEMPERATURE,
    PL_PMBUS_STATUS_MFR_SPECIFIC,
    PL_PMBUS_READ_VIN,
    PL_PMBUS_READ_VOUT,
    PL_PMBUS_READ_IOUT,
    PL_PMBUS_READ_TEMPERATURE_1,
    PL_PMBUS_READ_PIN,
    PL_PMBUS_PMBUS_REVISION,
    PL_PMBUS_MFR_ID,
    PL_PMBUS_MFR_MODEL,
    PL_PMBUS_MFR_REVISION,
    ADM1272_PEAK_IOUT,
    ADM1272_PEAK_VIN,
    ADM1272_PEAK_VOUT,
    ADM1272_PMON_CONTROL,
    ADM1272_PMON_CONFIG,
    ADM1272_PEAK_TEMPERATURE,
    ADM1272_PEAK_PIN,
};
static const uint8_t PEAKS[] = {ADM1272_PEAK_IOUT, ADM1272_PEAK_VIN, ADM1272_PEAK_VOUT, ADM1272_PEAK_TEMPERATURE, ADM1272_PEAK_PIN};

enum { ID_VIN, ID_VOUT, ID_IOUT, ID_PIN, ID_TEMPERATURE, ID_PEAK_VIN, ID_PEAK_VOUT, ID_PEAK_IOUT, ID_PEAK_PIN, ID_PEAK_TEMPERATURE, ID_VALUES,
       ID_ON = ID_VALUES, ID_POWER_GOOD, ID_CLEAR_FAULTS, ID_CLEAR_PEAKS };

static const struct {
  uint8_t code;
  enum adm1272_kind kind;
} VALUES[ID_VALUES] = {
    [ID_VIN] = {PL_PMBUS_READ_VIN, ADM1272_VIN},
    [ID_VOUT] = {PL_PMBUS_READ_VOUT, ADM1272_VOUT},
    [ID_IOUT] = {PL_PMBUS_READ_IOUT, ADM1272_IOUT},
    [ID_PIN] = {PL_PMBUS_READ_PIN, ADM1272_PIN},
    [ID_TEMPERATURE] = {PL_PMBUS_READ_TEMPERATURE_1, ADM1272_TEMPERATURE},
    [ID_PEAK_VIN] = {ADM1272_PEAK_VIN, ADM1272_VIN},
    [ID_PEAK_VOUT] = {ADM1272_PEAK_VOUT, ADM1272_VOUT},
    [ID_PEAK_IOUT] = {ADM1272_PEAK_IOUT, ADM1272_IOUT},
    [ID_PEAK_PIN] = {ADM1272_PEAK_PIN, ADM1272_PIN},
    [ID_PEAK_TEMPERATURE] = {ADM1272_PEAK_TEMPERATURE, ADM1272_TEMPERATURE},
};

static const struct pl_quantity QUANTITIES[] = {
    {.name = "vin", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = ID_VIN, .help = "bus side"},
    {.name = "vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = ID_VOUT, .help = "slot side"},
    {.name = "iout", .dim = PL_DIM_CURRENT, .access = PL_GET, .id = ID_IOUT, .help = "through the controller"},
    {.name = "pin", .dim = PL_DIM_POWER, .access = PL_GET, .id = ID_PIN, .help = "input voltage times current"},
    {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = ID_TEMPERATURE, .help = "of the FET"},
    {.name = "peak-vin", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = ID_PEAK_VIN, .help = "highest since clear-peaks"},
    {.name = "peak-vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = ID_PEAK_VOUT, .help = "highest since clear-peaks"},
    {.name = "peak-iout", .dim = PL_DIM_CURRENT, .access = PL_GET, .id = ID_PEAK_IOUT, .help = "highest since clear-peaks"},
    {.name = "peak-pin", .dim = PL_DIM_POWER, .access = PL_GET, .id = ID_PEAK_PIN, .help = "highest since clear-peaks"},
    {.name = "peak-temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = ID_PEAK_TEMPERATURE, .help = "highest since clear-peaks"},
    {.name = "on",
     .dim = PL_DIM_FLAG,
     .access = PL_GET | PL_SET | PL_ENERGISES,
     .id = ID_ON,
     .help = "commanded on (OPERATION); the enable pin must agree",
     .max_u = PL_U},
    {.name = "power-good", .dim = PL_DIM_FLAG, .access = PL_GET, .id = ID_POWER_GOOD, .help = "STATUS_WORD does not negate it"},
    {.name = "clear-faults", .dim = PL_DIM_NONE, .access = PL_ACT, .id = ID_CLEAR_FAULTS, .help = "sends CLEAR_FAULTS, after the status was read"},
    {.name = "clear-peaks", .dim = PL_DIM_NONE, .access = PL_ACT, .id = ID_CLEAR_PEAKS, .help = "begins all peaks anew"},
};

struct hsc {
  struct pl_pmbus pmbus;
  int64_t shunt_uohm;
  unsigned ranges; /* VRANGE and IRANGE as the rig says */
  unsigned config; /* PMON_CONFIG as it was set up */
  bool ready;
};

static enum pl_status hsc_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct hsc *hsc = calloc(1, sizeof *hsc);
  if (!hsc)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  struct pl_pmbus_cfg cfg = {
      .bus = args->bus, .address = (uint8_t)pl_value(args->values, "address")->number, .commands = COMMANDS, .n_commands = sizeof COMMANDS};
  pl_pmbus_init(&hsc->pmbus, &cfg);
  hsc->shunt_uohm = pl_value(args->values, "shunt")->number;
  hsc->ranges |= pl_value(args->values, "vrange")->number == 1 ? ADM1272_VRANGE_100V : 0;
  hsc->ranges |= pl_value(args->values, "irange")->number == 1 ? ADM1272_IRANGE_30MV : 0;
  *self = hsc;
  return PL_OK;
}

static void hsc_close(void *self)
{
  free(self);
}

#define RANGES (ADM1272_VRANGE_100V | ADM1272_IRANGE_30MV)
#define CHANNELS (ADM1272_VIN_EN | ADM1272_VOUT_EN | ADM1272_TEMP1_EN)

static enum pl_status read_config(struct hsc *hsc, uint16_t *config, struct pl_err *err)
{
  enum pl_status status = pl_pmbus_read_word(&hsc->pmbus, ADM1272_PMON_CONFIG, config, err);
  if (status == PL_OK && *config == 0xFFFF)
    return pl_pmbus_all_ones(ADM1272_PMON_CONFIG, *config, 4, err);
  return status;
}

static enum pl_status clear_peaks(struct hsc *hsc, struct pl_err *err)
{
  for (size_t i = 0; i < sizeof PEAKS; i++) { /* writing 0 begins a peak anew */
    enum pl_status status = pl_pmbus_write_word(&hsc->pmbus, PEAKS[i], 0, err);
    if (status)
      return status;
  }
  return PL_OK;
}

static enum pl_status write_config(struct hsc *hsc, uint16_t wanted, struct pl_err *err)
{
  uint16_t now;
  enum pl_status status = pl_pmbus_set_byte(&hsc->pmbus, ADM1272_PMON_CONTROL, 0, err);
  if (status == PL_OK)
    status = pl_pmbus_write_word(&hsc->pmbus, ADM1272_PMON_CONFIG, wanted, err);
  if (status == PL_OK)
    status = read_config(hsc, &now, err);
  if (status == PL_OK && now != wanted)
    status = pl_fail(err, PL_E_EXCEPTION, "PMON_CONFIG was written 0x%04X and reads 0x%04X: the controller did not take it", wanted, now);
  return status == PL_OK ? clear_peaks(hsc, err) : status; /* the peaks until now are codes of other ranges */
}

static enum pl_status set_up(struct hsc *hsc, struct pl_err *err)
{
  uint16_t found;
  uint8_t control;
  if (hsc->ready)
    return PL_OK;
  enum pl_status status = read_config(hsc, &found, err);
  if (status)
    return status;
  hsc->config = (found & ~(unsigned)RANGES) | hsc->ranges | CHANNELS;
  if (found != hsc->config)
    status = write_config(hsc, (uint16_t)hsc->config, err);
  if (status == PL_OK)
    status = pl_pmbus_read_byte(&hsc->pmbus, ADM1272_PMON_CONTROL, &control, err);
  if (status == PL_OK && !(control & ADM1272_CONVERT)) /* its values would be old */
    status = pl_pmbus_set_byte(&hsc->pmbus, ADM1272_PMON_CONTROL, ADM1272_CONVERT, err);
  hsc->ready = status == PL_OK;
  return status;
}

/* After a reading: was it taken with the ranges that were set up? */
static enum pl_status check_config(struct hsc *hsc, struct pl_err *err)
{
  uint16_t now;
  enum pl_status status = read_config(hsc, &now, err);
  if (status == PL_OK && now != hsc->config)
    status = pl_fail(err, PL_E_EXCEPTION,
                     "PMON_CONFIG is 0x%04X, it was set to 0x%04X: the controller was reset or set up by another program; asking again sets it up anew",
                     now, hsc->config);
  return status;
}

/* A code at the end of the converter's range means "there or beyond": no number. Current and temperature are offset, so 0 is an end too. */
static enum pl_status check_code(uint16_t word, enum adm1272_kind kind, uint8_t code, struct pl_err *err)
{
  uint16_t most = kind == ADM1272_PIN ? ADM1272_PIN_MAX : ADM1272_ADC_MAX;
  bool offset = kind == ADM1272_IOUT || kind == ADM1272_TEMPERATURE;
  char text[64];
  if (word == 0xFFFF)
    return pl_pmbus_all_ones(code, word, 4, err);
  if (word > most)
    return pl_fail(err, PL_E_GARBAGE, "%s reads 0x%04X, expected at most 0x%04X", pl_pmbus_command_text(code, text, sizeof text), word, most);
  if (word == most || (offset && word == 0))
    return pl_fail(err, PL_E_RANGE, "%s reads 0x%04X, an end of its range: the true value is there or beyond",
                   pl_pmbus_command_text(code, text, sizeof text), word);
  return PL_OK;
}

static enum pl_status read_value(struct hsc *hsc, uint8_t code, enum adm1272_kind kind, int64_t *value_u, struct pl_err *err)
{
  struct pl_pmbus_scale scale = adm1272_scale(kind, hsc->ranges, hsc->shunt_uohm);
  uint16_t word;
  enum pl_status status = set_up(hsc, err);
  if (status == PL_OK)
    status = pl_pmbus_read_word(&hsc->pmbus, code, &word, err);
  if (status == PL_OK)
    status = check_config(hsc, err);
  if (status)
    return status;
  status = check_code(word, kind, code, err);
  return status ? status : pl_pmbus_decode(&scale, word, value_u, err);
}

static enum pl_status hsc_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct hsc *hsc = self;
  bool flag = false;
  int64_t value_u = 0;
  enum pl_status status = pl_pmbus_begin(&hsc->pmbus, err);
  if (status)
    return status;
  if (quantity->id == ID_ON) {
    status = pl_pmbus_read_on(&hsc->pmbus, &flag, err);
    value_u = flag ? PL_U : 0;
  } else if (quantity->id == ID_POWER_GOOD) {
    status = pl_pmbus_read_power_good(&hsc->pmbus, &flag, err);
    value_u = flag ? PL_U : 0;
  } else {
    status = read_value(hsc, VALUES[quantity->id].code, VALUES[quantity->id].kind, &value_u, err);
  }
  if (status) {
    hsc->ready = false; /* it may have lost its power and with it its ranges */
    return status;
  }
  *reading = (struct pl_reading){.value_u = value_u, .dim = quantity->dim, .status = PL_OK, .at = pl_bus_now(hsc->pmbus.cfg.bus)};
  return PL_OK;
}

static enum pl_status hsc_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  struct hsc *hsc = self;
  struct pl_pmbus_status saved;
  enum pl_status status = pl_pmbus_begin(&hsc->pmbus, err);
  if (status)
    return status;
  if (quantity->id == ID_CLEAR_FAULTS)
    return pl_pmbus_clear_faults(&hsc->pmbus, &saved, err);
  if (quantity->id == ID_CLEAR_PEAKS)
    return clear_peaks(hsc, err);
  return pl_pmbus_set_byte(&hsc->pmbus, PL_PMBUS_OPERATION, value_u ? OPERATION_ON : 0, err);
}

static enum pl_status hsc_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  struct hsc *hsc = self;
  enum pl_status status = pl_pmbus_begin(&hsc->pmbus, err);
  return status ? status : pl_pmbus_identify(&hsc->pmbus, identity, err);
}

static enum pl_status hsc_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  struct hsc *hsc = self;
  enum pl_status status = pl_pmbus_begin(&hsc->pmbus, err);
  if (status == PL_OK)
    status = pl_pmbus_faults(&hsc->pmbus, faults, err);
  if (status)
    return status;
  for (size_t i = 0; i < faults->count; i++) /* STATUS_MFR_SPECIFIC bit 7: FET_HEALTH_FAULT */
    if (!strcmp(faults->names[i], "mfr-specific-7"))
      snprintf(faults->names[i], sizeof faults->names[i], "fet-health-fault");
  return PL_OK;
}

static enum pl_status hsc_probe(void *self, struct pl_err *err)
{
  struct hsc *hsc = self;
  struct pl_identity identity = {0};
  enum pl_status status = pl_pmbus_begin(&hsc->pmbus, err);
  if (status == PL_OK)
    status = pl_pmbus_identify(&hsc->pmbus, &identity, err);
  if (status == PL_OK && (strcmp(identity.manufacturer, "ADI") != 0 || strncmp(identity.model, "ADM1272", 7) != 0))
    status =
        pl_fail(err, PL_E_GARBAGE, "it says MFR_ID '%s' and MFR_MODEL '%s', expected 'ADI' and 'ADM1272...'", identity.manufacturer, identity.model);
  if (status == PL_OK) {
    hsc->ready = false; /* a roll call trusts nothing of before */
    return set_up(hsc, err);
  }
  if (err)
    pl_err_prefix(err, "no ADM1272 at 0x%02X", hsc->pmbus.cfg.address);
  return status;
}

const struct pl_device_desc pl_device_hsc_adm1272 = {
    .name = "hsc-adm1272",
    .about = "Analog Devices ADM1272 hot-swap controller and power monitor",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_I2C,
    .role = "hot-swap",
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof QUANTITIES[0],
    .open = hsc_open,
    .close = hsc_close,
    .probe = hsc_probe,
    .get = hsc_get,
    .set = hsc_set,
    .identify = hsc_identify,
    .faults = hsc_faults,
};
