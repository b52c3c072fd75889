/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/psu_pmbus/psu_pmbus.h"

#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

/* Any supply that speaks PMBus 1.2 or later: VOUT by VOUT_MODE, all else in LINEAR11, as the common server and rack supplies do. */

#define OPERATION_ON 0x80       /* section 12.1: bit 7 on; 0x00 is off at once */
#define OPERATION_OFF 0x00
#define CONFIG_NEEDS_COMMAND 0x18 /* section 12.2, ON_OFF_CONFIG: bit 4 off until told, bit 3 OPERATION counts */

static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x08, .max = 0x77},
    {.name = "page",
     .help = "PAGE of the output, where the supply has several; absent: PAGE is never written",
     .kind = PL_PARAM_INT,
     .min = 0,
     .max = 31},
    {.name = "quirks",
     .help = "what the supply does wrong: no-pec, no-capability, bad-write-protect, skip-status-check, no-query; by spaces",
     .kind = PL_PARAM_TEXT},
    {.name = "cold-redundancy",
     .help = "the supply has Cold_Redundancy_Config (command D0h of CRPS supplies), so that it can rest while the others carry the load: quantity cold-standby",
     .kind = PL_PARAM_FLAG,
     .fallback = "no"},
};

static const struct quirk {
  const char *name;
  enum pl_pmbus_quirk flag;
} QUIRKS[] = {
    {"no-pec", PL_PMBUS_NO_PEC},
    {"no-capability", PL_PMBUS_NO_CAPABILITY},
    {"bad-write-protect", PL_PMBUS_BAD_WRITE_PROTECT},
    {"skip-status-check", PL_PMBUS_SKIP_STATUS_CHECK},
    {"no-query", PL_PMBUS_NO_QUERY},
};
#define N_QUIRKS (sizeof QUIRKS / sizeof QUIRKS[0])

/* What every such supply has; nothing else is ever sent, but for what QUERY offers. */
static const uint8_t COMMANDS[] = {
    PL_PMBUS_OPERATION,   PL_PMBUS_ON_OFF_CONFIG,      PL_PMBUS_CLEAR_FAULTS, PL_PMBUS_WRITE_PROTECT,   PL_PMBUS_CAPABILITY,
    PL_PMBUS_QUERY,       PL_PMBUS_VOUT_MODE,          PL_PMBUS_VOUT_COMMAND, PL_PMBUS_STATUS_WORD,     PL_PMBUS_STATUS_VOUT,
    PL_PMBUS_STATUS_IOUT, PL_PMBUS_STATUS_INPUT,       PL_PMBUS_STATUS_CML,   PL_PMBUS_STATUS_FANS_1_2, PL_PMBUS_STATUS_TEMPERATURE,
    PL_PMBUS_READ_VIN,    PL_PMBUS_READ_IIN,           PL_PMBUS_READ_VOUT,    PL_PMBUS_READ_IOUT,       PL_PMBUS_READ_TEMPERATURE_1,
    PL_PMBUS_READ_POUT,   PL_PMBUS_READ_PIN,           PL_PMBUS_READ_FAN_SPEED_1, PL_PMBUS_PMBUS_REVISION, PL_PMBUS_MFR_ID,
    PL_PMBUS_MFR_MODEL,   PL_PMBUS_MFR_REVISION,       PL_PMBUS_MFR_SERIAL,
};
static const uint8_t COLD[] = {PL_PMBUS_MFR_SPECIFIC_00}; /* D0h is each maker's own: only where the rig says what it is */
static const uint8_t OPTIONAL[] = {PL_PMBUS_STATUS_OTHER, PL_PMBUS_STATUS_MFR_SPECIFIC, PL_PMBUS_STATUS_FANS_3_4};

enum { ID_ON = 0x100, ID_POWER_GOOD, ID_CLEAR_FAULTS, ID_COLD }; /* below: the command that has the value */

static const struct pl_quantity QUANTITIES[] = {
    {.name = "vin", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = PL_PMBUS_READ_VIN, .help = "input voltage (AC: RMS)"},
    {.name = "iin", .dim = PL_DIM_CURRENT, .access = PL_GET, .id = PL_PMBUS_READ_IIN, .help = "input current"},
    {.name = "vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET, .id = PL_PMBUS_READ_VOUT, .help = "output voltage"},
    {.name = "iout", .dim = PL_DIM_CURRENT, .access = PL_GET, .id = PL_PMBUS_READ_IOUT, .help = "output current"},
    {.name = "pin", .dim = PL_DIM_POWER, .access = PL_GET, .id = PL_PMBUS_READ_PIN, .help = "input power"},
    {.name = "pout", .dim = PL_DIM_POWER, .access = PL_GET, .id = PL_PMBUS_READ_POUT, .help = "output power"},
    {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .id = PL_PMBUS_READ_TEMPERATURE_1, .help = "of the supply, first sensor"},
    {.name = "fan-speed", .dim = PL_DIM_SPEED, .access = PL_GET, .id = PL_PMBUS_READ_FAN_SPEED_1, .help = "of the first fan"},
    {.name = "on", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET | PL_ENERGISES, .id = ID_ON, .help = "the output is commanded on (OPERATION)", .max_u = PL_U},
    {.name = "power-good", .dim = PL_DIM_FLAG, .access = PL_GET, .id = ID_POWER_GOOD, .help = "STATUS_WORD does not negate it"},
    {.name = "vout-set",
     .dim = PL_DIM_VOLTAGE,
     .access = PL_GET | PL_SET,
     .id = PL_PMBUS_VOUT_COMMAND,
     .help = "commanded output voltage (VOUT_COMMAND)",
     .min_u = 0,
     .max_u = 60 * PL_U},
    {.name = "clear-faults", .dim = PL_DIM_NONE, .access = PL_ACT, .id = ID_CLEAR_FAULTS, .help = "sends CLEAR_FAULTS, after the status was read"},
    /* The last one: only with cold-redundancy. */
    {.name = "cold-standby", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .id = ID_COLD, .max_u = PL_U, .help = "it rests until the bus falls (D0h)"},
};

static enum pl_status psu_shape(const struct pl_values *values, struct pl_shape *shape, struct pl_err *err)
{
  (void)err;
  shape->count -= pl_value(values, "cold-redundancy")->number ? 0 : 1;
  return PL_OK;
}

struct psu {
  struct pl_pmbus pmbus;
  int page; /* -1: none */
  bool scaled;
  struct pl_pmbus_scale vout;
};

static const struct pl_pmbus_scale LINEAR11 = {.format = PL_PMBUS_LINEAR11};

static enum pl_status read_quirks(const char *text, unsigned *quirks, struct pl_err *err)
{
  const char *names[N_QUIRKS];
  for (size_t i = 0; i < N_QUIRKS; i++)
    names[i] = QUIRKS[i].name;
  for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
    size_t length = strcspn(text, " ,"), i = 0;
    while (i < N_QUIRKS && (strlen(names[i]) != length || strncmp(names[i], text, length) != 0))
      i++;
    if (i == N_QUIRKS) {
      char word[32];
      snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), text);
      const char *close = pl_closest(word, names, N_QUIRKS);
      return pl_fail(err, PL_E_USAGE,
                     "quirks: '%s' is not known%s%s; there are no-pec, no-capability, bad-write-protect, skip-status-check, no-query", word,
                     close ? ", did you mean " : "", close ? close : "");
    }
    *quirks |= QUIRKS[i].flag;
    text += length;
  }
  return PL_OK;
}

static enum pl_status psu_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  const struct pl_value *page = pl_value(args->values, "page"), *text = pl_value(args->values, "quirks");
  unsigned quirks = 0;
  enum pl_status status = text->given ? read_quirks(text->text, &quirks, err) : PL_OK;
  if (status)
    return status;
  struct psu *psu = calloc(1, sizeof *psu);
  if (!psu)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  struct pl_pmbus_cfg cfg = {
      .bus = args->bus,
      .address = (uint8_t)pl_value(args->values, "address")->number,
      .quirks = quirks,
      .pages = (uint8_t)(page->given ? page->number + 2 : 1), /* its true number does not matter, but that it is more than one */
      .commands = COMMANDS,
      .n_commands = sizeof COMMANDS,
      .optional = OPTIONAL,
      .n_optional = sizeof OPTIONAL,
  };
  pl_pmbus_init(&psu->pmbus, &cfg);
  if (pl_value(args->values, "cold-redundancy")->number)
    pl_pmbus_has(&psu->pmbus, COLD, sizeof COLD);
  psu->page = page->given ? (int)page->number : -1;
  *self = psu;
  return PL_OK;
}

static void psu_close(void *self)
{
  free(self);
}

static enum pl_status begin(struct psu *psu, struct pl_err *err)
{
  enum pl_status status = pl_pmbus_begin(&psu->pmbus, err);
  if (psu->page >= 0)
    pl_pmbus_select(&psu->pmbus, (uint8_t)psu->page);
  return status;
}

/* VOUT_MODE is read once: a supply does not change its format while it runs. */
static enum pl_status learn_vout(struct psu *psu, struct pl_err *err)
{
  if (psu->scaled)
    return PL_OK;
  uint8_t mode;
  enum pl_status status = pl_pmbus_read_byte(&psu->pmbus, PL_PMBUS_VOUT_MODE, &mode, err);
  if (status == PL_OK && mode == 0xFF)
    status = pl_pmbus_all_ones(PL_PMBUS_VOUT_MODE, mode, 2, err);
  if (status == PL_OK)
    status = pl_pmbus_vout_mode(mode, &psu->vout, err);
  if (status == PL_OK && psu->vout.format != PL_PMBUS_ULINEAR16 && psu->vout.format != PL_PMBUS_HALF)
    status = pl_fail(err, PL_E_UNSUPPORTED,
                     "VOUT_MODE is 0x%02X (%s), expected ULINEAR16 or IEEE half; a supply with coefficients of its own needs a driver of its own",
                     mode, pl_pmbus_format_name(psu->vout.format));
  psu->scaled = status == PL_OK;
  return status;
}

static bool never_negative(uint8_t code)
{
  return code == PL_PMBUS_READ_VIN || code == PL_PMBUS_READ_VOUT || code == PL_PMBUS_VOUT_COMMAND || code == PL_PMBUS_READ_FAN_SPEED_1;
}

static enum pl_status read_number(struct psu *psu, uint8_t code, int64_t *value_u, struct pl_err *err)
{
  char text[64];
  bool is_vout = pl_pmbus_command(code)->format == PL_PMBUS_VOUT;
  int64_t found_u = 0;
  enum pl_status status = is_vout ? learn_vout(psu, err) : PL_OK;
  if (status == PL_OK)
    status = pl_pmbus_read_value(&psu->pmbus, code, is_vout ? &psu->vout : &LINEAR11, &found_u, err);
  if (status)
    return status;
  if (found_u < 0 && never_negative(code))
    return pl_fail(err, PL_E_RANGE, "%s reads %g, and it cannot be negative", pl_pmbus_command_text(code, text, sizeof text), (double)found_u / 1e6);
  *value_u = found_u;
  return PL_OK;
}

/* Cold_Redundancy_Config of CRPS supplies (from memory of Intel's "CRPS Power Supply Design Guide", cold redundancy): 00h standard, 01h active, 02h to 04h
 * cold standby 1 to 3, 05h always standby. We say standard, or cold standby 1. */
#define COLD_STANDARD 0x00
#define COLD_STANDBY_1 0x02
#define COLD_STANDBY_MAX 0x05

static enum pl_status read_cold(struct psu *psu, int64_t *value_u, struct pl_err *err)
{
  uint8_t config;
  enum pl_status status = pl_pmbus_read_byte(&psu->pmbus, PL_PMBUS_MFR_SPECIFIC_00, &config, err);
  if (!status && config == 0xFF)
    status = pl_pmbus_all_ones(PL_PMBUS_MFR_SPECIFIC_00, config, 2, err);
  if (!status && config > COLD_STANDBY_MAX)
    status = pl_fail(err, PL_E_RANGE, "Cold_Redundancy_Config (0xD0) reads 0x%02X, expected 0x00 to 0x%02X", config, COLD_STANDBY_MAX);
  *value_u = config >= COLD_STANDBY_1 ? PL_U : 0;
  return status;
}

static enum pl_status psu_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct psu *psu = self;
  bool flag = false;
  int64_t value_u = 0;
  enum pl_status status = begin(psu, err);
  if (status)
    return status;
  if (quantity->id == ID_ON) {
    status = pl_pmbus_read_on(&psu->pmbus, &flag, err);
    value_u = flag ? PL_U : 0;
  } else if (quantity->id == ID_POWER_GOOD) {
    status = pl_pmbus_read_power_good(&psu->pmbus, &flag, err);
    value_u = flag ? PL_U : 0;
  } else if (quantity->id == ID_COLD) {
    status = read_cold(psu, &value_u, err);
  } else {
    status = read_number(psu, (uint8_t)quantity->id, &value_u, err);
  }
  if (status)
    return status;
  *reading = (struct pl_reading){.value_u = value_u, .dim = quantity->dim, .status = PL_OK, .at = pl_bus_now(psu->pmbus.cfg.bus)};
  return PL_OK;
}

/* Turning on and off by OPERATION works only where ON_OFF_CONFIG listens to it; else the write would seem to work and nothing would happen. */
static enum pl_status switch_output(struct psu *psu, bool on, struct pl_err *err)
{
  uint8_t config;
  enum pl_status status = pl_pmbus_read_byte(&psu->pmbus, PL_PMBUS_ON_OFF_CONFIG, &config, err);
  if (status)
    return status;
  if ((config & CONFIG_NEEDS_COMMAND) != CONFIG_NEEDS_COMMAND)
    return pl_fail(err, PL_E_EXCEPTION, "ON_OFF_CONFIG is 0x%02X: the supply does not listen to OPERATION; set its bits 4 and 3", config);
  return pl_pmbus_set_byte(&psu->pmbus, PL_PMBUS_OPERATION, on ? OPERATION_ON : OPERATION_OFF, err);
}

static enum pl_status psu_set(void *self, const struct pl_quantity *quantity, int64_t value_u, struct pl_err *err)
{
  struct psu *psu = self;
  struct pl_pmbus_status saved;
  enum pl_status status = begin(psu, err);
  if (status)
    return status;
  if (quantity->id == ID_ON)
    return switch_output(psu, value_u != 0, err);
  if (quantity->id == ID_CLEAR_FAULTS)
    return pl_pmbus_clear_faults(&psu->pmbus, &saved, err);
  if (quantity->id == ID_COLD)
    return pl_pmbus_set_byte(&psu->pmbus, PL_PMBUS_MFR_SPECIFIC_00, value_u ? COLD_STANDBY_1 : COLD_STANDARD, err);
  status = learn_vout(psu, err);
  return status ? status : pl_pmbus_set_value(&psu->pmbus, (uint8_t)quantity->id, &psu->vout, value_u, err);
}

static enum pl_status psu_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  struct psu *psu = self;
  enum pl_status status = begin(psu, err);
  return status ? status : pl_pmbus_identify(&psu->pmbus, identity, err);
}

static enum pl_status psu_faults(void *self, struct pl_faults *faults, struct pl_err *err)
{
  struct psu *psu = self;
  enum pl_status status = begin(psu, err);
  return status ? status : pl_pmbus_faults(&psu->pmbus, faults, err);
}

static enum pl_status psu_probe(void *self, struct pl_err *err)
{
  struct psu *psu = self;
  uint8_t revision = 0, address = psu->pmbus.cfg.address;
  char maker[64];
  uint16_t word;
  enum pl_status status = begin(psu, err);
  if (status == PL_OK)
    status = pl_pmbus_read_byte(&psu->pmbus, PL_PMBUS_PMBUS_REVISION, &revision, err);
  if (status == PL_OK)
    status = pl_pmbus_read_word(&psu->pmbus, PL_PMBUS_STATUS_WORD, &word, err);
  if (status == PL_OK)
    status = pl_pmbus_read_text(&psu->pmbus, PL_PMBUS_MFR_ID, maker, sizeof maker, err);
  if (status == PL_OK && !maker[0])
    status = pl_fail(err, PL_E_GARBAGE, "MFR_ID (0x99) is empty (PMBUS_REVISION 0x%02X answered)", revision);
  if (status && err)
    pl_err_prefix(err, "no PMBus supply at 0x%02X", address);
  return status;
}

const struct pl_device_desc pl_device_psu_pmbus = {
    .name = "psu-pmbus",
    .about = "power supply with PMBus 1.2 or later",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_I2C,
    .role = "supply",
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof PARAMS[0],
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof QUANTITIES[0],
    .shape = psu_shape,
    .open = psu_open,
    .close = psu_close,
    .probe = psu_probe,
    .get = psu_get,
    .set = psu_set,
    .identify = psu_identify,
    .faults = psu_faults,
};
