/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/hsc_adm1272/hsc_adm1272.h"

#include "drivers/device/hsc_adm1272/regs.h"
#include "drivers/protocol/pmbus/pmbus_table.h"

#include <math.h>
#include <string.h>

/*
 * The twin of the controller. It decides the FET's gate: OPERATION on, enable pin high, input above its under-voltage level, and no fault that
 * holds it off. An over-current longer than the TIMER (at once when it is twice the limit) turns the FET off; the board's straps say
 * whether it stays off (`retries` 0) or tries again after `cool-down`, so often. Turning OPERATION, the pin or the input off and on
 * starts afresh; CLEAR_FAULTS clears what STATUS_* tell and does not turn on. The chip lives on the backplane: it answers without a unit, but is fed
 * from the bus: below SUPPLY_MIN it is mute, and all of its registers begin anew. From memory: that voltage, and the reset value of PMON_CONFIG.
 */
enum port { VIN, VOUT, IOUT, TEMPERATURE, ENABLE_PIN, MATED, TRIPPED, GATE };

static const struct pl_port PORTS[] = {
    [VIN] = {.name = "vin", .dim = PL_DIM_VOLTAGE, .help = "bus side"},
    [VOUT] = {.name = "vout", .dim = PL_DIM_VOLTAGE, .help = "slot side"},
    [IOUT] = {.name = "iout", .dim = PL_DIM_CURRENT, .help = "through the controller"},
    [TEMPERATURE] = {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .help = "of the FET"},
    [ENABLE_PIN] = {.name = "power_enable_pin", .dim = PL_DIM_FLAG, .help = "level at the enable pin"},
    [MATED] = {.name = "mated", .dim = PL_DIM_FLAG, .help = "the long power contacts are made"},
    [TRIPPED] = {.name = "path_tripped", .dim = PL_DIM_FLAG, .help = "the FET went off by itself: short circuit, or too long in its limit"},
    [GATE] = {.name = "gate", .dim = PL_DIM_FLAG, .out = true, .initial = 0, .help = "the FET is driven on"},
};

#define OPERATION_ON 0x80
#define SUPPLY_MIN 16.0
#define OC_TIMER (2 * PL_MS)     /* the TIMER pin's capacitor: how long the limit may last */
#define FET_OFF_TIME (200 * PL_MS) /* driven on, and still no voltage behind it: the FET is open */
#define FET_ON_TIME (20 * PL_MS)   /* driven off, and still current through it: the FET is short */
#define FET_OPEN_DROP 10.0
#define FET_SHORT_CURRENT 2.0
#define UV_HYSTERESIS 1.05
#define GOOD_RATIO 0.9
#define RETRIES_FOREVER 7

#define N -1
#define B PL_SMBUS_BLOCK
static const struct pl_smbus_command COMMANDS[] = {
    {PL_PMBUS_OPERATION, 1, 1, N},
    {PL_PMBUS_CLEAR_FAULTS, 0, N, N},
    {PL_PMBUS_CAPABILITY, N, 1, N},
    {PL_PMBUS_VOUT_OV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VOUT_UV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_IOUT_OC_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_OT_FAULT_LIMIT, 2, 2, N},
    {PL_PMBUS_OT_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_OV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_VIN_UV_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_PIN_OP_WARN_LIMIT, 2, 2, N},
    {PL_PMBUS_STATUS_BYTE, N, 1, N},
    {PL_PMBUS_STATUS_WORD, N, 2, N},
    {PL_PMBUS_STATUS_VOUT, N, 1, N},
    {PL_PMBUS_STATUS_IOUT, N, 1, N},
    {PL_PMBUS_STATUS_INPUT, N, 1, N},
    {PL_PMBUS_STATUS_TEMPERATURE, N, 1, N},
    {PL_PMBUS_STATUS_MFR_SPECIFIC, N, 1, N},
    {PL_PMBUS_READ_VIN, N, 2, N},
    {PL_PMBUS_READ_VOUT, N, 2, N},
    {PL_PMBUS_READ_IOUT, N, 2, N},
    {PL_PMBUS_READ_TEMPERATURE_1, N, 2, N},
    {PL_PMBUS_READ_PIN, N, 2, N},
    {PL_PMBUS_PMBUS_REVISION, N, 1, N},
    {PL_PMBUS_MFR_ID, N, B, N},
    {PL_PMBUS_MFR_MODEL, N, B, N},
    {PL_PMBUS_MFR_REVISION, N, B, N},
    {PL_PMBUS_MFR_DATE, N, B, N},
    {ADM1272_PEAK_IOUT, 2, 2, N},
    {ADM1272_PEAK_VIN, 2, 2, N},
    {ADM1272_PEAK_VOUT, 2, 2, N},
    {ADM1272_PMON_CONTROL, 1, 1, N},
    {ADM1272_PMON_CONFIG, 2, 2, N},
    {ADM1272_PEAK_TEMPERATURE, 2, 2, N},
    {ADM1272_PEAK_PIN, 2, 2, N},
};
#undef B
#undef N

enum { ST_VOUT, ST_IOUT, ST_INPUT, ST_TEMPERATURE, ST_MFR, N_STATUS };
static const uint8_t STATUS_CODES[N_STATUS] = {PL_PMBUS_STATUS_VOUT, PL_PMBUS_STATUS_IOUT, PL_PMBUS_STATUS_INPUT, PL_PMBUS_STATUS_TEMPERATURE,
                                               PL_PMBUS_STATUS_MFR_SPECIFIC};

/* Warnings compare ADC codes; the limits after reset can never be passed. */
static const struct limit {
  uint8_t code, status, bit;
  enum adm1272_kind kind;
  bool below;
  uint16_t reset;
} LIMITS[] = {
    {PL_PMBUS_VOUT_OV_WARN_LIMIT, ST_VOUT, 6, ADM1272_VOUT, false, 0x0FFF},
    {PL_PMBUS_VOUT_UV_WARN_LIMIT, ST_VOUT, 5, ADM1272_VOUT, true, 0},
    {PL_PMBUS_IOUT_OC_WARN_LIMIT, ST_IOUT, 5, ADM1272_IOUT, false, 0x0FFF},
    {PL_PMBUS_OT_FAULT_LIMIT, ST_TEMPERATURE, 7, ADM1272_TEMPERATURE, false, 0x0FFF},
    {PL_PMBUS_OT_WARN_LIMIT, ST_TEMPERATURE, 6, ADM1272_TEMPERATURE, false, 0x0FFF},
    {PL_PMBUS_VIN_OV_WARN_LIMIT, ST_INPUT, 6, ADM1272_VIN, false, 0x0FFF},
    {PL_PMBUS_VIN_UV_WARN_LIMIT, ST_INPUT, 5, ADM1272_VIN, true, 0},
    {PL_PMBUS_PIN_OP_WARN_LIMIT, ST_INPUT, 0, ADM1272_PIN, false, 0x7FFF},
};
#define N_LIMITS (sizeof LIMITS / sizeof LIMITS[0])

static const struct {
  uint8_t read, peak;
} CODES[ADM1272_KINDS] = {
    [ADM1272_VIN] = {PL_PMBUS_READ_VIN, ADM1272_PEAK_VIN},
    [ADM1272_VOUT] = {PL_PMBUS_READ_VOUT, ADM1272_PEAK_VOUT},
    [ADM1272_IOUT] = {PL_PMBUS_READ_IOUT, ADM1272_PEAK_IOUT},
    [ADM1272_PIN] = {PL_PMBUS_READ_PIN, ADM1272_PEAK_PIN},
    [ADM1272_TEMPERATURE] = {PL_PMBUS_READ_TEMPERATURE_1, ADM1272_PEAK_TEMPERATURE},
};

enum hold { FREE, COOLING, LATCHED }; /* what keeps the FET off after an over-current or over-temperature */

struct hsc_twin {
  struct pl_twin_io *io;
  int64_t shunt_uohm;
  double limit_a, uv_level;
  int retries;
  pl_time_ns cool_down;

  uint8_t operation, control;
  uint16_t config, limits[N_LIMITS];
  uint8_t status[N_STATUS]; /* latched */
  bool cml;                 /* STATUS_BYTE has the bit; the chip has no STATUS_CML */
  uint16_t codes[ADM1272_KINDS], peaks[ADM1272_KINDS];
  double pins[GATE];
  double slope[ADM1272_KINDS], shift[ADM1272_KINDS]; /* of scaled_for */
  uint16_t scaled_for;
  bool scaled;

  bool supplied, wanted, under_voltage, gate;
  enum hold hold;
  int tries;
  pl_time_ns over_since, off_until, gate_since, watched_at;
};

/* What watch() found at its pins, which is looked at once for all that follows from it. */
static double in(const struct hsc_twin *twin, enum port port)
{
  return twin->pins[port];
}

static void look(struct hsc_twin *twin)
{
  for (enum port port = VIN; port < GATE; port++)
    twin->pins[port] = pl_twin_in(twin->io, port);
}

static int limit_at(uint8_t code)
{
  for (size_t i = 0; i < N_LIMITS; i++)
    if (LIMITS[i].code == code)
      return (int)i;
  return -1;
}

static int peak_at(uint8_t code)
{
  for (int i = 0; i < ADM1272_KINDS; i++)
    if (CODES[i].peak == code)
      return i;
  return -1;
}

static uint16_t code_of(const struct hsc_twin *twin, uint8_t code)
{
  for (int i = 0; i < ADM1272_KINDS; i++)
    if (CODES[i].read == code)
      return twin->codes[i];
  return 0;
}

static uint8_t status_of(const struct hsc_twin *twin, uint8_t code)
{
  for (int i = 0; i < N_STATUS; i++)
    if (STATUS_CODES[i] == code)
      return twin->status[i];
  return 0;
}

/* --- the monitor --- */

/* Code = (m X + b) 10^R, as doubles: eight of these chips convert five values each at every step of the world. */
static void set_scales(struct hsc_twin *twin)
{
  for (int kind = 0; kind < ADM1272_KINDS; kind++) {
    struct pl_pmbus_scale scale = adm1272_scale((enum adm1272_kind)kind, twin->config, twin->shunt_uohm);
    double power = pow(10, scale.r);
    twin->slope[kind] = (double)scale.m * power;
    twin->shift[kind] = (double)scale.b * power;
  }
  twin->scaled_for = twin->config;
  twin->scaled = true;
}

static uint16_t convert_exactly(const struct hsc_twin *twin, enum adm1272_kind kind, double value)
{
  struct pl_pmbus_scale scale = adm1272_scale(kind, twin->config, twin->shunt_uohm);
  int16_t most = kind == ADM1272_PIN ? ADM1272_PIN_MAX : ADM1272_ADC_MAX;
  uint16_t word = 0;
  double held = isnan(value) ? 0 : fmin(fmax(value, -1e6), 1e6);
  if (pl_pmbus_encode(&scale, (int64_t)llround(held * 1e6), &word, NULL) != PL_OK)
    return held > 0 ? (uint16_t)most : 0;
  int16_t code = (int16_t)word;
  return (uint16_t)(code < 0 ? 0 : code > most ? most : code);
}

static uint16_t convert(const struct hsc_twin *twin, enum adm1272_kind kind, double value)
{
  double code = twin->slope[kind] * value + twin->shift[kind], low = floor(code), over = code - low;
  if (!(code >= 0 && code < ADM1272_PIN_MAX) || fabs(over - 0.5) < 1e-3 || (kind != ADM1272_PIN && code >= ADM1272_ADC_MAX - 1))
    return convert_exactly(twin, kind, value); /* near the ends, and where rounding decides */
  return (uint16_t)(low + (over >= 0.5));
}

static bool enabled(const struct hsc_twin *twin, enum adm1272_kind kind)
{
  switch (kind) {
  case ADM1272_VOUT:
    return twin->config & ADM1272_VOUT_EN;
  case ADM1272_TEMPERATURE:
    return twin->config & ADM1272_TEMP1_EN;
  case ADM1272_IOUT:
    return true;
  default:
    return twin->config & ADM1272_VIN_EN;
  }
}

static void sample(struct hsc_twin *twin)
{
  const double values[ADM1272_KINDS] = {
      [ADM1272_VIN] = in(twin, VIN),
      [ADM1272_VOUT] = in(twin, VOUT),
      [ADM1272_IOUT] = in(twin, IOUT),
      [ADM1272_PIN] = in(twin, VIN) * in(twin, IOUT),
      [ADM1272_TEMPERATURE] = in(twin, TEMPERATURE),
  };
  if (!(twin->control & 1))
    return;
  if (!twin->scaled || twin->scaled_for != twin->config)
    set_scales(twin);
  for (int kind = 0; kind < ADM1272_KINDS; kind++) {
    if (!enabled(twin, (enum adm1272_kind)kind))
      continue;
    twin->codes[kind] = convert(twin, (enum adm1272_kind)kind, values[kind]);
    if (twin->codes[kind] > twin->peaks[kind])
      twin->peaks[kind] = twin->codes[kind];
  }
  for (size_t i = 0; i < N_LIMITS; i++) {
    const struct limit *limit = &LIMITS[i];
    uint16_t code = twin->codes[limit->kind];
    if (!enabled(twin, limit->kind) || (limit->kind == ADM1272_VOUT && limit->below && !twin->gate))
      continue;
    if (limit->below ? code < twin->limits[i] : code > twin->limits[i])
      twin->status[limit->status] |= (uint8_t)(1u << limit->bit);
  }
}

/* --- the FET --- */

static void trip(struct hsc_twin *twin, pl_time_ns now)
{
  bool again = twin->retries == RETRIES_FOREVER || twin->tries < twin->retries;
  twin->hold = again ? COOLING : LATCHED;
  twin->tries += again;
  twin->off_until = now + twin->cool_down;
  twin->over_since = PL_NEVER;
}

static void guard_current(struct hsc_twin *twin, pl_time_ns now)
{
  double current = in(twin, IOUT);
  if (twin->gate && in(twin, TRIPPED) > 0.5) {
    twin->status[ST_IOUT] |= 0x80;
    trip(twin, now);
    return;
  }
  if (!twin->gate || current <= twin->limit_a) {
    twin->over_since = PL_NEVER;
    if (twin->gate && now - twin->gate_since >= twin->cool_down)
      twin->tries = 0; /* it runs again */
    return;
  }
  if (twin->over_since == PL_NEVER)
    twin->over_since = now;
  if (current < 2 * twin->limit_a && now - twin->over_since < OC_TIMER)
    return;
  twin->status[ST_IOUT] |= 0x80;
  trip(twin, now);
}

static void guard_input(struct hsc_twin *twin)
{
  double level = twin->uv_level * (twin->under_voltage ? UV_HYSTERESIS : 1);
  twin->under_voltage = in(twin, VIN) < level;
  if (twin->under_voltage)
    twin->status[ST_INPUT] |= 0x10;
}

static void guard_fet(struct hsc_twin *twin, pl_time_ns now)
{
  pl_time_ns since = now - twin->gate_since;
  bool mated = in(twin, MATED) > 0.5;
  bool open = twin->gate && since >= FET_OFF_TIME && in(twin, VIN) - in(twin, VOUT) > FET_OPEN_DROP;
  bool closed = !twin->gate && since >= FET_ON_TIME && in(twin, IOUT) > FET_SHORT_CURRENT;
  if (mated && (open || closed))
    twin->status[ST_MFR] |= 0x80; /* FET_HEALTH_FAULT */
}

/* As after power-up: nothing is set up, and the pin decides. */
static void forget(struct hsc_twin *twin)
{
  twin->operation = OPERATION_ON;
  twin->control = ADM1272_CONVERT;
  twin->config = ADM1272_PMON_CONFIG_RESET;
  for (size_t i = 0; i < N_LIMITS; i++)
    twin->limits[i] = LIMITS[i].reset;
  memset(twin->status, 0, sizeof twin->status);
  memset(twin->codes, 0, sizeof twin->codes);
  memset(twin->peaks, 0, sizeof twin->peaks);
  twin->cml = twin->wanted = twin->under_voltage = false;
  twin->hold = FREE;
  twin->tries = 0;
  twin->over_since = PL_NEVER;
}

static void set_gate(struct hsc_twin *twin, bool gate, pl_time_ns now)
{
  if (gate == twin->gate)
    return;
  twin->gate = gate;
  twin->gate_since = now;
  pl_twin_out(twin->io, GATE, gate ? 1 : 0);
}

static void watch(struct hsc_twin *twin, pl_time_ns now)
{
  bool had_supply = twin->supplied;
  twin->watched_at = now;
  look(twin);
  twin->supplied = in(twin, VIN) >= SUPPLY_MIN;
  if (!twin->supplied) {
    if (had_supply)
      forget(twin);
    set_gate(twin, false, now);
    return;
  }
  sample(twin);
  guard_input(twin);
  guard_current(twin, now);
  if (twin->codes[ADM1272_TEMPERATURE] > twin->limits[limit_at(PL_PMBUS_OT_FAULT_LIMIT)])
    twin->hold = LATCHED;
  bool wanted = twin->operation & OPERATION_ON && in(twin, ENABLE_PIN) > 0.5 && !twin->under_voltage;
  if (wanted && !twin->wanted) { /* off and on again: afresh */
    twin->hold = FREE;
    twin->tries = 0;
  }
  twin->wanted = wanted;
  if (twin->hold == COOLING && now >= twin->off_until)
    twin->hold = FREE;
  bool gate = wanted && twin->hold == FREE;
  guard_fet(twin, now);
  set_gate(twin, gate, now);
}

/* --- the bus side --- */

static uint16_t status_word(const struct hsc_twin *twin)
{
  unsigned word = 0;
  bool good = twin->gate && in(twin, VOUT) > GOOD_RATIO * in(twin, VIN);
  word |= twin->cml ? 1u << 1 : 0;
  word |= twin->status[ST_TEMPERATURE] ? 1u << 2 : 0;
  word |= twin->status[ST_INPUT] & 0x10 ? 1u << 3 : 0;
  word |= twin->status[ST_IOUT] & 0x80 ? 1u << 4 : 0;
  word |= twin->gate ? 0 : 1u << 6;
  word |= good ? 0 : 1u << 11;
  word |= twin->status[ST_MFR] ? 1u << 12 : 0;
  word |= twin->status[ST_INPUT] ? 1u << 13 : 0;
  word |= twin->status[ST_IOUT] ? 1u << 14 : 0;
  word |= twin->status[ST_VOUT] ? 1u << 15 : 0;
  if (word & 0xFF00 && !(word & 0x00FE))
    word |= 1;
  return (uint16_t)word;
}

static enum pl_status twin_write(void *self, uint8_t code, const uint8_t *data, size_t len)
{
  struct hsc_twin *twin = self;
  uint16_t word = (uint16_t)(len > 1 ? data[0] | data[1] << 8 : len ? data[0] : 0);
  bool bad = false;
  watch(twin, pl_twin_now(twin->io));
  if (!twin->supplied)
    return PL_E_NACK;
  if (code == PL_PMBUS_CLEAR_FAULTS) {
    memset(twin->status, 0, sizeof twin->status);
    twin->cml = false;
  } else if (code == PL_PMBUS_OPERATION && (word & 0x7F) == 0) {
    twin->operation = (uint8_t)word;
  } else if (code == ADM1272_PMON_CONTROL) {
    twin->control = word & 1;
  } else if (code == ADM1272_PMON_CONFIG) {
    twin->config = word;
  } else if (limit_at(code) >= 0) {
    twin->limits[limit_at(code)] = word;
  } else if (peak_at(code) >= 0) {
    twin->peaks[peak_at(code)] = 0; /* whatever is written */
  } else {
    bad = true;
  }
  twin->cml |= bad;
  watch(twin, pl_twin_now(twin->io));
  return bad ? PL_E_NACK : PL_OK;
}

static const char *text_of(uint8_t code)
{
  return code == PL_PMBUS_MFR_ID ? "ADI" : code == PL_PMBUS_MFR_MODEL ? "ADM1272-A1" : code == PL_PMBUS_MFR_REVISION ? "25" : "160301";
}

static uint8_t byte_of(const struct hsc_twin *twin, uint8_t code)
{
  switch (code) {
  case PL_PMBUS_OPERATION:
    return twin->operation;
  case PL_PMBUS_CAPABILITY:
    return 0xB0; /* PEC, 400 kHz, alert */
  case PL_PMBUS_PMBUS_REVISION:
    return 0x22;
  case PL_PMBUS_STATUS_BYTE:
    return (uint8_t)status_word(twin);
  case ADM1272_PMON_CONTROL:
    return twin->control;
  default:
    return status_of(twin, code);
  }
}

static uint16_t word_of(const struct hsc_twin *twin, uint8_t code)
{
  if (code == PL_PMBUS_STATUS_WORD)
    return status_word(twin);
  if (code == ADM1272_PMON_CONFIG)
    return twin->config;
  if (limit_at(code) >= 0)
    return twin->limits[limit_at(code)];
  if (peak_at(code) >= 0)
    return twin->peaks[peak_at(code)];
  return code_of(twin, code);
}

static enum pl_status twin_read(void *self, uint8_t code, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  struct hsc_twin *twin = self;
  (void)call;
  (void)call_len;
  watch(twin, pl_twin_now(twin->io));
  if (!twin->supplied)
    return PL_E_NACK;
  const struct pl_pmbus_command *command = pl_pmbus_command(code);
  if (command && command->format == PL_PMBUS_TEXT) {
    const char *text = text_of(code);
    *len = strlen(text) < room ? strlen(text) : room;
    memcpy(data, text, *len);
  } else if (room == 1) { /* the table of commands says how long the answer is */
    data[0] = byte_of(twin, code);
    *len = 1;
  } else {
    uint16_t word = word_of(twin, code);
    data[0] = (uint8_t)word;
    data[1] = (uint8_t)(word >> 8);
    *len = 2;
  }
  return PL_OK;
}

static void twin_refused(void *self, uint8_t code, enum pl_smbus_fault fault)
{
  struct hsc_twin *twin = self;
  (void)code;
  (void)fault;
  twin->cml = twin->supplied;
}

static void twin_tick(void *self, pl_time_ns now)
{
  watch(self, now);
}

static pl_time_ns twin_due(void *self)
{
  const struct hsc_twin *twin = self;
  pl_time_ns soon = twin->over_since != PL_NEVER ? twin->over_since + OC_TIMER : PL_NEVER;
  pl_time_ns fet = twin->gate_since + (twin->gate ? FET_OFF_TIME : FET_ON_TIME);
  if (twin->hold == COOLING && twin->off_until < soon)
    soon = twin->off_until;
  if (twin->gate && twin->tries && twin->gate_since + twin->cool_down < soon)
    soon = twin->gate_since + twin->cool_down;
  return fet > twin->watched_at && fet < soon ? fet : soon;
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct hsc_twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  const struct pl_values *values = args->values;
  bool i30 = pl_value(values, "irange")->number == 1;
  twin->io = args->io;
  twin->shunt_uohm = pl_value(values, "shunt")->number;
  twin->limit_a = (i30 ? 30e3 : 15e3) / (double)twin->shunt_uohm; /* ISET at its full range */
  twin->uv_level = (double)pl_value(values, "uv-level")->number / 1e6;
  twin->retries = (int)pl_value(values, "retries")->number;
  twin->cool_down = pl_value(values, "cool-down")->number * 1000;
  forget(twin);
  *self = twin;
  return PL_OK;
}

const struct pl_twin_desc pl_twin_hsc_adm1272 = {
    .driver = "hsc-adm1272",
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
