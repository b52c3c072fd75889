/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan_probe.h"
#include "drivers/bus/i2c.h"
#include "drivers/device/monitor_ina238/regs.h"
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

/* The addresses that i2cdetect asks: below and above are reserved (UM10204 table 4). */
#define FIRST 0x08
#define LAST 0x77
#define ALERT_RESPONSE 0x0C /* SMBus 3.1 appendix A.2: a read from it takes the alert of whoever pulls SMBALERT#; skipped */

/*
 * Where a command byte is a setting, so that nobody is asked who it is: the byte that a PCF8574 or PCF8574A (NXP, rev. 5, section 8.1) gets after its address
 * goes to its pins, and that which a PCA9548 (NXP, rev. 5.1, section 7.2) gets switches its channels. (From memory.) Unless the rig says what is there.
 */
static const struct {
  uint8_t first, last;
  const char *what;
} SETTINGS[] = {
    {0x20, 0x27, "not asked who it is: a port expander would take the question for its pins"},
    {0x38, 0x3f, "not asked who it is: a port expander would take the question for its pins"},
    {0x70, 0x77, "not asked who it is: a bus switch would take the question for its channels"},
};

static const char *setting_at(const struct pl_probe_at *at, uint8_t address)
{
  for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
    if (address >= SETTINGS[i].first && address <= SETTINGS[i].last && !at->expected[address])
      return SETTINGS[i].what;
  return NULL;
}

struct question {
  struct pl_bus *bus;
  uint8_t address;
  bool who;        /* ask who it is, too */
  char what[160];
};

/* A maker's and a model's name, or what the revision is. */
static bool ask_pmbus(struct question *q)
{
  static const uint8_t COMMANDS[] = {PL_PMBUS_PMBUS_REVISION, PL_PMBUS_MFR_ID, PL_PMBUS_MFR_MODEL};
  const struct pl_pmbus_cfg cfg = {
      .bus = q->bus,
      .address = q->address,
      .quirks = PL_PMBUS_NO_CAPABILITY | PL_PMBUS_BAD_WRITE_PROTECT | PL_PMBUS_SKIP_STATUS_CHECK, /* nothing is read besides, nothing cleared */
      .commands = COMMANDS,
      .n_commands = sizeof COMMANDS,
  };
  struct pl_pmbus pmbus;
  struct pl_err quiet = {0};
  uint8_t revision;
  char maker[48] = "", model[48] = "";
  pl_pmbus_init(&pmbus, &cfg);
  if (pl_pmbus_begin(&pmbus, &quiet) || pl_pmbus_read_byte(&pmbus, PL_PMBUS_PMBUS_REVISION, &revision, &quiet))
    return false;
  if ((revision & 0x0f) > 5 || revision >> 4 > 5) /* PMBus 1.3 Part II section 22.1: 0 to 3 in both halves; a newer one may count on */
    return false;
  if (pl_pmbus_read_text(&pmbus, PL_PMBUS_MFR_ID, maker, sizeof maker, &quiet))
    *maker = '\0';
  if (pl_pmbus_read_text(&pmbus, PL_PMBUS_MFR_MODEL, model, sizeof model, &quiet))
    *model = '\0';
  if (!*maker && !*model && !revision)
    return false; /* zeros come from many */
  snprintf(q->what, sizeof q->what, "PMBus 1.%u%s%s%s%s", revision >> 4, *maker ? ": " : "", maker, *model ? " " : "", model);
  return true;
}

static bool ask_ina238(struct question *q)
{
  uint8_t command = INA238_MANUFACTURER_ID, id[2];
  struct pl_err quiet = {0};
  if (q->address < 0x40 || q->address > 0x4f) /* SBOSA20 table 7-2 */
    return false;
  if (pl_i2c_write_read(q->bus, q->address, &command, 1, id, sizeof id, &quiet) || (id[0] << 8 | id[1]) != INA238_MANUFACTURER)
    return false;
  command = INA238_DEVICE_ID;
  bool told = !pl_i2c_write_read(q->bus, q->address, &command, 1, id, sizeof id, &quiet);
  unsigned device = told ? (unsigned)(id[0] << 8 | id[1]) : 0;
  if (device >> 4 == INA238_DEVICE >> 4)
    snprintf(q->what, sizeof q->what, "Texas Instruments INA238 (revision %u)", device & 0xf);
  else
    snprintf(q->what, sizeof q->what, "Texas Instruments, device id 0x%04x", device);
  return true;
}

static enum pl_status question_run(struct pl_job *job, struct pl_err *err)
{
  struct question *q = job->ctx;
  uint8_t byte;
  struct pl_i2c_msg msg = {.address = q->address, .flags = PL_I2C_READ, .len = 1, .buf = &byte};
  struct pl_i2c_transfer transfer = {.msgs = &msg, .count = 1};
  enum pl_status status = pl_i2c_transfer(q->bus, &transfer, 1, err);
  if (!status && q->who && !ask_pmbus(q))
    (void)ask_ina238(q);
  return status;
}

static enum pl_status ask(struct pl_probe_at *at, uint8_t address, struct pl_err *err)
{
  const char *setting = setting_at(at, address);
  struct question q = {.bus = at->bus, .address = address, .who = !setting};
  struct pl_job job = {.run = question_run, .ctx = &q};
  struct pl_err why = {0};
  enum pl_status status = pl_bus_run(at->bus, &job, &why);
  at->result->asked++;
  if (status == PL_E_NACK)
    return PL_OK;
  if (pl_probe_is_dead(status))
    return pl_fail(err, status, "%s", why.text);
  struct pl_probe_hit *hit = pl_probe_add(at, address);
  if (!hit)
    return pl_fail(err, PL_E_NOMEM, "out of memory for what answers on bus '%s'", at->result->bus->name);
  hit->answers = !status || status == PL_E_LOCKED;
  hit->status = status;
  snprintf(hit->what, sizeof hit->what, "%.158s", status ? why.text : setting ? setting : q.what);
  return PL_OK;
}

enum pl_status pl_probe_i2c(struct pl_probe_at *at, struct pl_err *err)
{
  for (unsigned address = FIRST; address <= LAST; address++) {
    if (address == ALERT_RESPONSE)
      continue;
    enum pl_status status = ask(at, (uint8_t)address, err);
    if (status)
      return status;
    if (!pl_probe_goes_on(at, address - FIRST + 1, LAST - FIRST + 1))
      return pl_fail(err, PL_E_CANCELLED, "stopped at address 0x%02x", address);
  }
  return PL_OK;
}
