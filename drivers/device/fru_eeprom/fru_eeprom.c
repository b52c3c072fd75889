/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/fru_eeprom/fru_eeprom.h"

#include "drivers/bus/i2c.h"
#include "drivers/protocol/fru/fru.h"

#include <stdlib.h>
#include <string.h>

/*
 * A 2-kbit serial EEPROM (24C02 and its like: one byte of address, reads that go on to the next byte) with IPMI FRU information: who a unit is and what is in
 * it. It lives on the unit's standby power, so it answers when the unit is plugged in, whether its slot is on or not; a place without a unit does not
 * acknowledge. It is read only here: writing it is the maker's business.
 */
#define CHUNK 32 /* bytes a transfer: what an SMBus adapter can, too (an I2C block of SMBus 2.0) */

static const struct pl_param PARAMS[PL_FRU_EEPROM_PARAMS] = {
    [PL_FRU_EEPROM_ADDRESS] = {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x50, .max = 0x57},
};

struct eeprom {
  struct pl_bus *bus;
  uint8_t address;
};

static enum pl_status eeprom_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct eeprom *eeprom = calloc(1, sizeof *eeprom);
  if (!eeprom)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  eeprom->bus = args->bus;
  eeprom->address = (uint8_t)pl_value(args->values, "address")->number;
  *self = eeprom;
  return PL_OK;
}

static enum pl_status eeprom_read(struct eeprom *eeprom, size_t at, uint8_t *bytes, size_t len, struct pl_err *err)
{
  size_t most = pl_i2c_caps(eeprom->bus)->max_read;
  most = most && most < CHUNK ? most : CHUNK;
  enum pl_status status = PL_OK;
  for (size_t done = 0; done < len && !status; done += most) {
    uint8_t from = (uint8_t)(at + done);
    size_t part = len - done < most ? len - done : most;
    status = pl_i2c_write_read(eeprom->bus, eeprom->address, &from, 1, bytes + done, part, err);
    if (status && err)
      pl_err_prefix(err, "EEPROM bytes %u to %zu", from, from + part - 1);
  }
  return status;
}

static enum pl_status eeprom_probe(void *self, struct pl_err *err)
{
  uint8_t header[PL_FRU_HEADER];
  enum pl_status status = eeprom_read(self, 0, header, sizeof header, err);
  return status ? status : pl_fru_check_header(header, err);
}

/* The first that says something, cut where it is too long, but not within a letter of UTF-8. */
static void copy(char *to, size_t size, const char *text, const char *otherwise)
{
  const char *from = *text ? text : otherwise;
  size_t len = strlen(from);
  if (len >= size)
    for (len = size - 1; len && ((unsigned char)from[len] & 0xC0) == 0x80;)
      len--;
  memcpy(to, from, len);
  to[len] = '\0';
}

static void tell_contents(const struct pl_fru *fru, struct pl_contents *contents)
{
  *contents = (struct pl_contents){
      .processors = fru->contents.processors,
      .cores = fru->contents.cores,
      .memory_modules = fru->contents.memory_modules,
      .drives = fru->contents.drives,
      .memory_bytes = fru->contents.memory_bytes,
      .drive_bytes = fru->contents.drive_bytes,
  };
  copy(contents->processor, sizeof contents->processor, fru->contents.processor, "");
  copy(contents->architecture, sizeof contents->architecture, pl_fru_architecture_name(fru->contents.architecture), "");
  copy(contents->drive_serial, sizeof contents->drive_serial, fru->contents.drive_serial, "");
}

/* The product's words; the board's where it has none. */
static enum pl_status eeprom_identify(void *self, struct pl_identity *identity, struct pl_err *err)
{
  uint8_t bytes[PL_FRU_EEPROM_BYTES];
  struct pl_fru fru;
  enum pl_status status = eeprom_read(self, 0, bytes, sizeof bytes, err);
  if (!status)
    status = pl_fru_decode(bytes, sizeof bytes, &fru, err);
  if (status)
    return status;
  *identity = (struct pl_identity){0};
  copy(identity->manufacturer, sizeof identity->manufacturer, fru.product.manufacturer, fru.board.manufacturer);
  copy(identity->model, sizeof identity->model, fru.product.name, fru.board.product);
  copy(identity->part_number, sizeof identity->part_number, fru.product.part, fru.board.part);
  copy(identity->revision, sizeof identity->revision, fru.product.version, "");
  copy(identity->serial, sizeof identity->serial, fru.product.serial, fru.board.serial);
  copy(identity->firmware, sizeof identity->firmware, fru.contents.firmware, "");
  tell_contents(&fru, &identity->contents);
  return PL_OK;
}

const struct pl_device_desc pl_device_fru_eeprom = {
    .name = "fru-eeprom",
    .about = "Identity EEPROM of a unit: a 24C02 with IPMI FRU information",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_I2C,
    .role = "identity",
    .params = PARAMS,
    .n_params = PL_FRU_EEPROM_PARAMS,
    .open = eeprom_open,
    .close = free,
    .probe = eeprom_probe,
    .identify = eeprom_identify,
};
