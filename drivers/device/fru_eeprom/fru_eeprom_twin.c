/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/fru_eeprom/fru_eeprom.h"

#include "drivers/protocol/fru/fru.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The twin: what is written in it follows from the part that it stands on (manufacturer, product, ..., cpus, memory, drives) and from which unit is there: one
 * that was put in another's place has another serial number. Its write-protect pin is tied high, as that of a unit that left the factory.
 */
enum { PORT_MATED, PORT_UNIT };
static const struct pl_port PORTS[] = {
    [PORT_MATED] = {.name = "mated", .dim = PL_DIM_FLAG, .help = "it has standby power"},
    [PORT_UNIT] = {.name = "unit", .dim = PL_DIM_NONE, .help = "which unit stands here: how often it was replaced"},
};

/* Every byte can be the first of a read, which goes on for as long as the master likes (at most 255 here; then it would begin again at 0). */
#define READ_MAX 255
#define C1(code) {code, PL_SMBUS_NONE, READ_MAX, PL_SMBUS_NONE}
#define C4(code) C1(code), C1((code) + 1), C1((code) + 2), C1((code) + 3)
#define C16(code) C4(code), C4((code) + 4), C4((code) + 8), C4((code) + 12)
#define C64(code) C16(code), C16((code) + 16), C16((code) + 32), C16((code) + 48)
static const struct pl_smbus_command COMMANDS[] = {C64(0), C64(64), C64(128), C64(192)};

struct twin {
  struct pl_twin_io *io;
  const char *serial;
  unsigned unit; /* that `bytes` are of */
  uint8_t bytes[PL_FRU_EEPROM_BYTES];
};

static const char *text_of(const struct twin *twin, const char *key)
{
  char spare[48];
  snprintf(spare, sizeof spare, "spare-%s", key);
  const char *text = twin->unit ? pl_twin_part_text(twin->io, spare) : NULL;
  return text ? text : pl_twin_part_text(twin->io, key);
}

static void say(const struct twin *twin, const char *key, char *to)
{
  const char *text = text_of(twin, key);
  snprintf(to, PL_FRU_TEXT, "%s", text ? text : "");
}

static double count(const struct twin *twin, const char *key)
{
  const char *text = text_of(twin, key);
  int64_t value_u = 0;
  return text && !pl_quantity_parse(text, PL_DIM_NONE, NULL, &value_u, NULL) ? (double)value_u / PL_U : 0;
}

static enum pl_fru_architecture architecture(const struct twin *twin)
{
  const char *text = text_of(twin, "architecture");
  for (int i = 1; text && i < PL_FRU_ARCHITECTURES; i++)
    if (!strcmp(text, pl_fru_architecture_name((enum pl_fru_architecture)i)))
      return (enum pl_fru_architecture)i;
  return PL_FRU_UNKNOWN;
}

static void make_contents(const struct twin *twin, struct pl_fru *fru)
{
  fru->has_contents = true;
  fru->contents.processors = (uint8_t)fmin(count(twin, "cpus"), UINT8_MAX);
  fru->contents.cores = (uint16_t)fmin(count(twin, "cpus") * count(twin, "cpu-cores"), UINT16_MAX);
  fru->contents.architecture = architecture(twin);
  fru->contents.memory_modules = (uint8_t)fmin(count(twin, "memory-modules"), UINT8_MAX);
  fru->contents.memory_bytes = (uint64_t)(count(twin, "memory") * 1073741824.0);
  fru->contents.drives = (uint8_t)fmin(count(twin, "drives"), UINT8_MAX);
  fru->contents.drive_bytes = (uint64_t)(count(twin, "drive-size") * 1e9);
  say(twin, "cpu-model", fru->contents.processor);
  say(twin, "firmware", fru->contents.firmware);
}

static enum pl_status make(struct twin *twin, unsigned unit, struct pl_err *err)
{
  struct pl_fru fru = {.has_board = true, .has_product = true};
  char own[24] = "";
  twin->unit = unit;
  say(twin, "manufacturer", fru.product.manufacturer);
  say(twin, "product", fru.product.name);
  say(twin, "part-number", fru.product.part);
  say(twin, "revision", fru.product.version);
  say(twin, "serial", fru.product.serial);
  if (!*fru.product.serial)
    snprintf(fru.product.serial, PL_FRU_TEXT, "%s", twin->serial);
  if (unit)
    snprintf(own, sizeof own, "-%u", unit);
  snprintf(fru.product.serial + strlen(fru.product.serial), PL_FRU_TEXT - strlen(fru.product.serial), "%s", own);
  make_contents(twin, &fru);
  memcpy(fru.board.manufacturer, fru.product.manufacturer, sizeof fru.board.manufacturer);
  memcpy(fru.board.serial, fru.product.serial, sizeof fru.board.serial);
  memcpy(fru.contents.drive_serial, fru.product.serial, sizeof fru.contents.drive_serial); /* its drives came with it */
  return pl_fru_encode(&fru, twin->bytes, sizeof twin->bytes, NULL, err);
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  twin->io = args->io;
  twin->serial = args->serial;
  enum pl_status status = make(twin, 0, err);
  if (status) {
    free(twin);
    return pl_err_prefix(err, "%s, what its part says for the EEPROM", args->device);
  }
  *self = twin;
  return PL_OK;
}

static enum pl_status twin_read(void *self, uint8_t from, const uint8_t *call, size_t call_len, uint8_t *data, size_t room, size_t *len)
{
  (void)call;
  (void)call_len;
  struct twin *twin = self;
  unsigned unit = (unsigned)pl_twin_in(twin->io, PORT_UNIT);
  if (unit != twin->unit && make(twin, unit, NULL)) /* it fitted with the first unit's number, and a longer number may not */
    memset(twin->bytes, 0xFF, sizeof twin->bytes); /* never programmed */
  for (size_t i = 0; i < room; i++)
    data[i] = twin->bytes[(from + i) % sizeof twin->bytes];
  *len = room;
  return PL_OK;
}

static bool twin_answers(void *self)
{
  const struct twin *twin = self;
  return pl_twin_in(twin->io, PORT_MATED) > 0.5;
}

const struct pl_twin_desc pl_twin_fru_eeprom = {
    .driver = "fru-eeprom",
    .ports = PORTS,
    .n_ports = sizeof PORTS / sizeof PORTS[0],
    .create = twin_create,
    .destroy = free,
    .commands = COMMANDS,
    .n_commands = sizeof COMMANDS / sizeof COMMANDS[0],
    .smbus_read = twin_read,
    .answers = twin_answers,
};
