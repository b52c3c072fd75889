/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/psu_pmbus/psu_pmbus.h"

#include "drivers/protocol/pmbus/pmbus_format.h"
#include "drivers/protocol/pmbus/pmbus_table.h"

#include <math.h>
#include <string.h>

/*
 * The twin of a 48 V supply of 5.5 kW. Status bits latch and are cleared by CLEAR_FAULTS, by writing ones, and by turning the output off and on
 * ("PMBus Specification Part II" rev 1.3, section 10.2.3); OFF and POWER_GOOD# are live. The world makes the current limit; this tells it.
 */
enum port { VIN, IIN, VOUT, IOUT, TEMPERATURE, FAN_SPEED, AC_OK, POWER_GOOD, OVER_CURRENT, OVER_VOLTAGE, UNDER_VOLTAGE, OVER_TEMPERATURE, ENABLE, VOUT_SET, COLD };

static const struct pl_port PORTS[] = {
    [VIN] = {.name = "vin", .dim = PL_DIM_VOLTAGE, .help = "input voltage"},
    [IIN] = {.name = "iin", .dim = PL_DIM_CURRENT, .help = "input current"},
    [VOUT] = {.name = "vout", .dim = PL_DIM_VOLTAGE, .help = "output voltage, before the ORing device"},
    [IOUT] = {.name = "iout", .dim = PL_DIM_CURRENT, .help = "output current"},
    [TEMPERATURE] = {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .help = "of the supply"},
    [FAN_SPEED] = {.name = "fan_speed", .dim = PL_DIM_SPEED, .help = "of its fan"},
    [AC_OK] = {.name = "ac_ok", .dim = PL_DIM_FLAG, .help = "the input is there"},
    [POWER_GOOD] = {.name = "power_good", .dim = PL_DIM_FLAG, .help = "the output is in its range and will stay so"},
    [OVER_CURRENT] = {.name = "over_current", .dim = PL_DIM_FLAG, .help = "it tripped by too much current"},
    [OVER_VOLTAGE] = {.name = "over_voltage", .dim = PL_DIM_FLAG, .help = "it tripped by too high an output"},
    [UNDER_VOLTAGE] = {.name = "under_voltage", .dim = PL_DIM_FLAG, .help = "it tripped by too low an output"},
    [OVER_TEMPERATURE] = {.name = "over_temperature", .dim = PL_DIM_FLAG, .help = "it is off until it has cooled"},
    [ENABLE] = {.name = "enable", .dim = PL_DIM_FLAG, .out = true, .initial = 1, .help = "the output is to be on"},
    [VOUT_SET] = {.name = "vout_set", .dim = PL_DIM_VOLTAGE, .out = true, .initial = 48, .help = "the voltage that it is to hold"},
    [COLD] = {.name = "cold_standby", .dim = PL_DIM_FLAG, .out = true, .help = "it is to rest until the bus falls"},
};

#define VOUT_MODE_VALUE 0x17 /* ULINEAR16, exponent -9: 1.95 mV a step, 128 V at most */
#define VOUT_STEP (1.0 / 512)
#define VOUT_OFF_BELOW 10.0  /* V: it gives no power */
#define FAN_FAULT_BELOW 500.0
#define OPERATION_ON 0x80

#define N -1
#define B PL_SMBUS_BLOCK
static const struct pl_smbus_command COMMANDS[] = {
    {PL_PMBUS_OPERATION, 1, 1, N},
    {PL_PMBUS_ON_OFF_CONFIG, 1, 1, N},
    {PL_PMBUS_CLEAR_FAULTS, 0, N, N},
    {PL_PMBUS_WRITE_PROTECT, 1, 1, N},
    {PL_PMBUS_CAPABILITY, N, 1, N},
    {PL_PMBUS_QUERY, N, B, B},
    {PL_PMBUS_VOUT_MODE, N, 1, N},
    {PL_PMBUS_VOUT_COMMAND, 2, 2, N},
    {PL_PMBUS_VOUT_MAX, N, 2, N},
    {PL_PMBUS_VOUT_OV_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_VOUT_OV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VOUT_UV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VOUT_UV_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_IOUT_OC_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_IOUT_OC_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_OT_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_OT_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_OV_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_OV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_UV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_UV_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_STATUS_BYTE, N, 1, N},
    {PL_PMBUS_STATUS_WORD, N, 2, N},
    {PL_PMBUS_STATUS_VOUT, 1, 1, N},
    {PL_PMBUS_STATUS_IOUT, 1, 1, N},
    {PL_PMBUS_STATUS_INPUT, 1, 1, N},
    {PL_PMBUS_STATUS_TEMPERATURE, 1, 1, N},
    {PL_PMBUS_STATUS_CML, 1, 1, N},
    {PL_PMBUS_STATUS_FANS_1_2, 1, 1, N},
    {PL_PMBUS_READ_VIN, N, 2, N},
    {PL_PMBUS_READ_IIN, N, 2, N},
    {PL_PMBUS_READ_VOUT, N, 2, N},
    {PL_PMBUS_READ_IOUT, N, 2, N},
    {PL_PMBUS_READ_TEMPERATURE_1, N, 2, N},
    {PL_PMBUS_READ_FAN_SPEED_1, N, 2, N},
    {PL_PMBUS_READ_POUT, N, 2, N},
    {PL_PMBUS_READ_PIN, N, 2, N},
    {PL_PMBUS_PMBUS_REVISION, N, 1, N},
    {PL_PMBUS_MFR_ID, N, B, N},
    {PL_PMBUS_MFR_MODEL, N, B, N},
    {PL_PMBUS_MFR_REVISION, N, B, N},
    {PL_PMBUS_MFR_SERIAL, N, B, N},
    {PL_PMBUS_MFR_SPECIFIC_00, 1, 1, N}, /* Cold_Redundancy_Config */
};
#undef B
#undef N

struct limit { /* what it watches, and the bit that it latches */
  uint8_t code, status;
  uint8_t bit;
  enum port port;
  bool below;
  double at;     /* after power-up */
};
static const struct limit LIMITS[] = {
    {PL_PMBUS_VOUT_OV_FAULT_LIMIT, PL_PMBUS_STATUS_VOUT, 7, VOUT, false, 58},
    {PL_PMBUS_VOUT_OV_WARN_LIMIT, PL_PMBUS_STATUS_VOUT, 6, VOUT, false, 55},
    {PL_PMBUS_VOUT_UV_WARN_LIMIT, PL_PMBUS_STATUS_VOUT, 5, VOUT, true, 44},
    {PL_PMBUS_VOUT_UV_FAULT_LIMIT, PL_PMBUS_STATUS_VOUT, 4, VOUT, true, 42},
    {PL_PMBUS_IOUT_OC_FAULT_LIMIT, PL_PMBUS_STATUS_IOUT, 7, IOUT, false, 130},
    {PL_PMBUS_IOUT_OC_WARN_LIMIT, PL_PMBUS_STATUS_IOUT, 5, IOUT, false, 120},
    {PL_PMBUS_OT_FAULT_LIMIT, PL_PMBUS_STATUS_TEMPERATURE, 7, TEMPERATURE, false, 95},
    {PL_PMBUS_OT_WARN_LIMIT, PL_PMBUS_STATUS_TEMPERATURE, 6, TEMPERATURE, false, 85},
    {PL_PMBUS_VIN_OV_FAULT_LIMIT, PL_PMBUS_STATUS_INPUT, 7, VIN, false, 300},
    {PL_PMBUS_VIN_OV_WARN_LIMIT, PL_PMBUS_STATUS_INPUT, 6, VIN, false, 285},
    {PL_PMBUS_VIN_UV_WARN_LIMIT, PL_PMBUS_STATUS_INPUT, 5, VIN, true, 180},
    {PL_PMBUS_VIN_UV_FAULT_LIMIT, PL_PMBUS_STATUS_INPUT, 4, VIN, true, 170},
};
#define N_LIMITS (sizeof LIMITS / sizeof LIMITS[0])
#define VOUT_MAX_VALUE 54.0

enum { ST_VOUT, ST_IOUT, ST_INPUT, ST_TEMPERATURE, ST_CML, ST_FANS, N_STATUS };
static const uint8_t STATUS_CODES[N_STATUS] = {PL_PMBUS_STATUS_VOUT,        PL_PMBUS_STATUS_IOUT, PL_PMBUS_STATUS_INPUT,
                                               PL_PMBUS_STATUS_TEMPERATURE, PL_PMBUS_STATUS_CML,  PL_PMBUS_STATUS_FANS_1_2};

struct psu_twin {
  struct pl_twin_io *io;
  const char *serial;
  uint8_t operation, on_off_config, write_protect, cold;
  uint16_t vout_command;
  double limits[N_LIMITS];
  uint16_t limit_words[N_LIMITS];
  uint8_t status[N_STATUS]; /* latched */
  bool was_good;            /* the output has been good since it was turned on: only then can it be too low */
  bool too_hot;             /* off until it has cooled below the warning */
  double pins[ENABLE];      /* what watch() found, which is looked at once for all that follows from it */
};

static struct pl_pmbus_scale scale_of(uint8_t code)
{
  return pl_pmbus_command(code)->format == PL_PMBUS_VOUT ? (struct pl_pmbus_scale){.format = PL_PMBUS_ULINEAR16, .exponent = -9}
                                                          : (struct pl_pmbus_scale){.format = PL_PMBUS_LINEAR11};
}

/* Out of the format's range: its end, as a converter does. */
static uint16_t word_of(uint8_t code, double value)
{
  struct pl_pmbus_scale scale = scale_of(code);
  uint16_t word = 0;
  bool vout = scale.format == PL_PMBUS_ULINEAR16;
  double low = vout ? 0 : -33e6, high = vout ? 65535 * VOUT_STEP : 33e6;
  double held = isnan(value) ? low : fmin(fmax(value, low), high);
  pl_pmbus_encode(&scale, (int64_t)llround(held * 1e6), &word, NULL);
  return word;
}

static double value_of(uint8_t code, uint16_t word)
{
  struct pl_pmbus_scale scale = scale_of(code);
  int64_t value_u = 0;
  pl_pmbus_decode(&scale, word, &value_u, NULL);
  return (double)value_u / 1e6;
}

static double in(const struct psu_twin *twin, enum port port)
{
  return twin->pins[port];
}

static bool wants_on(const struct psu_twin *twin)
{
  bool always = !(twin->on_off_config & 0x10), listens = twin->on_off_config & 0x08;
  return always || !listens || twin->operation & OPERATION_ON;
}

static int status_at(uint8_t code)
{
  for (int i = 0; i < N_STATUS; i++)
    if (STATUS_CODES[i] == code)
      return i;
  return -1;
}

static int limit_at(uint8_t code)
{
  for (size_t i = 0; i < N_LIMITS; i++)
    if (LIMITS[i].code == code)
      return (int)i;
  return -1;
}

/* What the supply's own protections did, which no limit of the PMBus side need see. */
static void latch_trips(struct psu_twin *twin)
{
  static const struct {
    enum port port;
    int status;
    uint8_t bit;
  } TRIPS[] = {{OVER_CURRENT, ST_IOUT, 0x80}, {OVER_VOLTAGE, ST_VOUT, 0x80}, {UNDER_VOLTAGE, ST_VOUT, 0x10}, {OVER_TEMPERATURE, ST_TEMPERATURE, 0x80}};
  for (size_t i = 0; i < sizeof TRIPS / sizeof TRIPS[0]; i++)
    if (in(twin, TRIPS[i].port) > 0.5)
      twin->status[TRIPS[i].status] |= TRIPS[i].bit;
}

/* Looks at the world, latches what is wrong, and drives the output. */
static void watch(struct psu_twin *twin)
{
  for (enum port port = VIN; port < ENABLE; port++)
    twin->pins[port] = pl_twin_in(twin->io, port);
  bool on = wants_on(twin), ac = in(twin, AC_OK) > 0.5, good = in(twin, POWER_GOOD) > 0.5;
  bool rests = twin->cold >= 2 && !good; /* it is meant to be without output */
  twin->was_good = on && ac && !twin->too_hot && !rests && (twin->was_good || good);
  for (size_t i = 0; i < N_LIMITS; i++) {
    const struct limit *limit = &LIMITS[i];
    if (limit->below && limit->port == VOUT && !twin->was_good)
      continue;
    double value = in(twin, limit->port);
    if (limit->below ? value < twin->limits[i] : value > twin->limits[i])
      twin->status[status_at(limit->status)] |= (uint8_t)(1u << limit->bit);
  }
  latch_trips(twin);
  if (!ac)
    twin->status[ST_INPUT] |= 0x10;
  if (!ac && !good)
    twin->status[ST_INPUT] |= 0x08; /* off for low input */
  if (ac && in(twin, FAN_SPEED) < FAN_FAULT_BELOW)
    twin->status[ST_FANS] |= 0x80;
  double hot = in(twin, TEMPERATURE);
  twin->too_hot = hot > twin->limits[limit_at(PL_PMBUS_OT_FAULT_LIMIT)] || (twin->too_hot && hot > twin->limits[limit_at(PL_PMBUS_OT_WARN_LIMIT)]);
  double enable = on && !twin->too_hot ? 1 : 0, set = value_of(PL_PMBUS_VOUT_COMMAND, twin->vout_command);
  if (pl_twin_out_value(twin->io, ENABLE) != enable)
    pl_twin_out(twin->io, ENABLE, enable);
  if (pl_twin_out_value(twin->io, VOUT_SET) != set)
    pl_twin_out(twin->io, VOUT_SET, set);
  double cold = twin->cold >= 2;
  if (pl_twin_out_value(twin->io, COLD) != cold)
    pl_twin_out(twin->io, COLD, cold);
}

static uint16_t status_word(const struct psu_twin *twin)
{
  unsigned word = 0;
  bool off = in(twin, VOUT) < VOUT_OFF_BELOW || !wants_on(twin) || twin->too_hot;
  word |= twin->status[ST_CML] ? 1u << 1 : 0;
  word |= twin->status[ST_TEMPERATURE] ? 1u << 2 : 0;
  word |= twin->status[ST_INPUT] & 0x10 ? 1u << 3 : 0;
  word |= twin->status[ST_IOUT] & 0x80 ? 1u << 4 : 0;
  word |= twin->status[ST_VOUT] & 0x80 ? 1u << 5 : 0;
  word |= off ? 1u << 6 : 0;
  word |= twin->status[ST_FANS] ? 1u << 10 : 0;
  word |= in(twin, POWER_GOOD) > 0.5 ? 0 : 1u << 11;
  word |= twin->status[ST_INPUT] ? 1u << 13 : 0;
  word |= twin->status[ST_IOUT] ? 1u << 14 : 0;
  word |= twin->status[ST_VOUT] ? 1u << 15 : 0;
  if (word & 0xFF00 && !(word & 0x00FE))
    word |= 1; /* none of the above: something that bits 7:1 do not tell */
  return (uint16_t)word;
}

static enum pl_status bad_data(struct psu_twin *twin)
{
  twin->status[ST_CML] |= 0x40;
  return PL_E_NACK;
}

static enum pl_status write_vout(struct psu_twin *twin, uint16_t word)
{
  uint16_t most = word_of(PL_PMBUS_VOUT_MAX, VOUT_MAX_VALUE);
  if (word > most)
    twin->status[ST_VOUT] |= 0x08; /* section 13.5: held at VOUT_MAX, with a warning */
  twin->vout_command = word > most ? most : word;
  return PL_OK;
}

static enum pl_status write_operation(struct psu_twin *twin, uint8_t value)
{
  if (value != 0x00 && value != 0x40 && value != OPERATION_ON)
    return bad_data(twin);
  bool before = wants_on(twin);
  twin->operation = value;
  if (!before && wants_on(twin))
    memset(twin->status, 0, sizeof twin->status);
  return PL_OK;
}

static enum pl_status twin_write(void *self, uint8_t code, const uint8_t *data, size_t len)
{
  struct psu_twin *twin = self;
  uint16_t word = (uint16_t)(len > 1 ? data[0] | data[1] << 8 : len ? data[0] : 0);
  enum pl_status status = PL_OK;
  watch(twin);
  if (!pl_pmbus_write_allowed(twin->write_protect, code)) {
    twin->status[ST_CML] |= 0x40; /* section 11.1: ignored, and told */
    return PL_OK;
  }
  if (status_at(code) >= 0)
    twin->status[status_at(code)] &= (uint8_t)~data[0];
  else if (limit_at(code) >= 0) {
    twin->limit_words[limit_at(code)] = word;
    twin->limits[limit_at(code)] = value_of(code, word);
  } else if (code == PL_PMBUS_CLEAR_FAULTS)
    memset(twin->status, 0, sizeof twin->status);
  else if (code == PL_PMBUS_OPERATION)
    status = write_operation(twin, data[0]);
  else if (code == PL_PMBUS_ON_OFF_CONFIG && data[0] & 0xE0)
    status = bad_data(twin);
  else if (code == PL_PMBUS_ON_OFF_CONFIG)
    twin->on_off_config = data[0];
  else if (code == PL_PMBUS_WRITE_PROTECT && data[0] != 0 && data[0] != 0x80 && data[0] != 0x40 && data[0] != 0x20)
    status = bad_data(twin);
  else if (code == PL_PMBUS_WRITE_PROTECT)
    twin->write_protect = data[0];
  else if (code == PL_PMBUS_VOUT_COMMAND)
    status = write_vout(twin, word);
  else if (code == PL_PMBUS_MFR_SPECIFIC_00 && data[0] > 5)
    status = bad_data(twin);
  else if (code == PL_PMBUS_MFR_SPECIFIC_00)
    twin->cold = data[0];
  watch(twin); /* what persists latches again */
  return status;
}

/* QUERY (section 11.13): bit 7 supported, 6 writable, 5 readable, 4:2 format: 000 linear, 111 not numeric. */
static uint8_t query(uint8_t code)
{
  for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
    if (COMMANDS[i].code != code)
      continue;
    enum pl_pmbus_class format = pl_pmbus_command(code)->format;
    bool number = format == PL_PMBUS_NUMBER || format == PL_PMBUS_VOUT;
    return (uint8_t)(0x80 | (COMMANDS[i].write_len >= 0 ? 0x40 : 0) | (COMMANDS[i].read_len != PL_SMBUS_NONE ? 0x20 : 0) | (number ? 0 : 7 << 2));
  }
  return 0;
}

static const char *text_of(const struct psu_twin *twin, uint8_t code)
{
  return code == PL_PMBUS_MFR_ID ? "PLUMBLINE" : code == PL_PMBUS_MFR_MODEL ? "TWIN-PSU-5500" : code == PL_PMBUS_MFR_REVISION ? "A1" : twin->serial;
}

static uint8_t byte_of(const struct psu_twin *twin, uint8_t code)
{
  switch (code) {
  case PL_PMBUS_OPERATION:
    return twin->operation;
  case PL_PMBUS_ON_OFF_CONFIG:
    return twin->on_off_config;
  case PL_PMBUS_WRITE_PROTECT:
    return twin->write_protect;
  case PL_PMBUS_CAPABILITY:
    return 0xB0; /* PEC, 400 kHz, SMBALERT# */
  case PL_PMBUS_VOUT_MODE:
    return VOUT_MODE_VALUE;
  case PL_PMBUS_MFR_SPECIFIC_00:
    return twin->cold;
  case PL_PMBUS_PMBUS_REVISION:
    return 0x22; /* parts I and II, rev 1.2 */
  case PL_PMBUS_STATUS_BYTE:
    return (uint8_t)status_word(twin);
  default:
    return twin->status[status_at(code)];
  }
}

static uint16_t reading_of(const struct psu_twin *twin, uint8_t code)
{
  switch (code) {
  case PL_PMBUS_STATUS_WORD:
    return status_word(twin);
  case PL_PMBUS_VOUT_COMMAND:
    return twin->vout_command;
  case PL_PMBUS_VOUT_MAX:
    return word_of(code, VOUT_MAX_VALUE);
  case PL_PMBUS_READ_VIN:
    return word_of(code, in(twin, VIN));
  case PL_PMBUS_READ_IIN:
    return word_of(code, in(twin, IIN));
  case PL_PMBUS_READ_VOUT:
    return word_of(code, in(twin, VOUT));
  case PL_PMBUS_READ_IOUT:
    return word_of(code, in(twin, IOUT));
  case PL_PMBUS_READ_TEMPERATURE_1:
    return word_of(code, in(twin, TEMPERATURE));
  case PL_PMBUS_READ_FAN_SPEED_1:
    return word_of(code, in(twin, FAN_SPEED));
  case PL_PMBUS_READ_POUT:
    return word_of(code, in(twin, VOUT) * in(twin, IOUT));
  case PL_PMBUS_READ_PIN:
    return word_of(code, in(twin, VIN) * in(twin, IIN));
  default:
    return twin->limit_words[limit_at(code)];
  }
}

static enum pl_status twin_read(void *self, uint8_t code, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  struct psu_twin *twin = self;
  const struct pl_pmbus_command *command = pl_pmbus_command(code);
  watch(twin);
  if (code == PL_PMBUS_QUERY) {
    if (call_len != 1)
      return bad_data(twin);
    data[0] = query(call[0]);
    *len = 1;
  } else if (command->format == PL_PMBUS_TEXT) {
    const char *text = text_of(twin, code);
    *len = strlen(text) < room ? strlen(text) : room;
    memcpy(data, text, *len);
  } else if (command->size == PL_PMBUS_BYTE) {
    data[0] = byte_of(twin, code);
    *len = 1;
  } else {
    uint16_t word = reading_of(twin, code);
    data[0] = (uint8_t)word;
    data[1] = (uint8_t)(word >> 8);
    *len = 2;
  }
  return PL_OK;
}

/* Section 10.8: what goes wrong on the wire sets a bit of STATUS_CML. */
static void twin_refused(void *self, uint8_t code, enum pl_smbus_fault fault)
{
  static const uint8_t BITS[] = {
      [PL_SMBUS_BAD_COMMAND] = 0x80, [PL_SMBUS_BAD_DATA] = 0x40, [PL_SMBUS_BAD_PEC] = 0x20, [PL_SMBUS_TOO_FEW] = 0x02, [PL_SMBUS_TOO_MANY] = 0x40};
  struct psu_twin *twin = self;
  (void)code;
  twin->status[ST_CML] |= BITS[fault];
}

static void twin_tick(void *self, pl_time_ns now)
{
  (void)now;
  watch(self);
}

static pl_time_ns twin_due(void *self)
{
  (void)self;
  return PL_NEVER; /* all that it does follows from what it senses */
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct psu_twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  twin->io = args->io;
  twin->serial = args->serial;
  twin->operation = OPERATION_ON;
  twin->on_off_config = 0x1B; /* off until told, by OPERATION; CONTROL is not used */
  twin->vout_command = word_of(PL_PMBUS_VOUT_COMMAND, PORTS[VOUT_SET].initial);
  for (size_t i = 0; i < N_LIMITS; i++) {
    twin->limit_words[i] = word_of(LIMITS[i].code, LIMITS[i].at);
    twin->limits[i] = LIMITS[i].at;
  }
  *self = twin;
  return PL_OK;
}

const struct pl_twin_desc pl_twin_psu_pmbus = {
    .driver = "psu-pmbus",
    .ports = PORTS,
    .n_ports = sizeof PORTS / sizeof PORTS[0],
    .create = twin_create,
    .destroy = free,
    .tick = twin_tick,
    .tick_due = twin_due,
    .commands = COMMANDS,
    .n_commands = sizeof COMMANDS / sizeof COMMANDS[0],
    .pec = true,
    .smbus_write = twin_write,
    .smbus_read = twin_read,
    .smbus_refused = twin_refused,
};
