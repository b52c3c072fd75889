/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

enum pl_status pl_pmbus_query(struct pl_pmbus *pmbus, uint8_t code, uint8_t *answer, struct pl_err *err)
{
  size_t len = 0;
  return pl_pmbus_block_call(pmbus, PL_PMBUS_QUERY, &code, 1, answer, 1, &len, err);
}

enum pl_status pl_pmbus_all_ones(uint8_t code, unsigned word, unsigned digits, struct pl_err *err)
{
  char text[64];
  return pl_fail(err, PL_E_NAN, "%s reads 0x%0*X, which is not a number: all ones is what a bus gives that nobody drives",
                 pl_pmbus_command_text(code, text, sizeof text), (int)digits, word);
}

enum pl_status pl_pmbus_read_value(struct pl_pmbus *pmbus, uint8_t code, const struct pl_pmbus_scale *scale, int64_t *value_u, struct pl_err *err)
{
  uint16_t word;
  char text[64];
  enum pl_status status = pl_pmbus_read_word(pmbus, code, &word, err);
  if (status)
    return status;
  if (word == 0xFFFF && (scale->format == PL_PMBUS_LINEAR11 || scale->format == PL_PMBUS_ULINEAR16))
    return pl_pmbus_all_ones(code, word, 4, err);
  status = pl_pmbus_decode(scale, word, value_u, err);
  if (status && err)
    pl_err_prefix(err, "%s", pl_pmbus_command_text(code, text, sizeof text));
  return status;
}

/* OPERATION 0xFF is reserved in every version (section 12.1). */
enum pl_status pl_pmbus_read_on(struct pl_pmbus *pmbus, bool *on, struct pl_err *err)
{
  uint8_t operation;
  enum pl_status status = pl_pmbus_read_byte(pmbus, PL_PMBUS_OPERATION, &operation, err);
  if (status)
    return status;
  if (operation == 0xFF)
    return pl_pmbus_all_ones(PL_PMBUS_OPERATION, operation, 2, err);
  *on = operation & 0x80;
  return PL_OK;
}

enum pl_status pl_pmbus_read_power_good(struct pl_pmbus *pmbus, bool *good, struct pl_err *err)
{
  uint16_t word;
  enum pl_status status = pl_pmbus_read_word(pmbus, PL_PMBUS_STATUS_WORD, &word, err);
  if (status)
    return status;
  if (word == 0xFFFF)
    return pl_pmbus_all_ones(PL_PMBUS_STATUS_WORD, word, 4, err);
  *good = !(word & 0x0800); /* section 17.2: POWER_GOOD# */
  return PL_OK;
}

/* --- writes that are checked --- */

static enum pl_status check_writable(struct pl_pmbus *pmbus, uint8_t code, struct pl_err *err)
{
  uint8_t protect;
  char text[64];
  if (pmbus->cfg.quirks & PL_PMBUS_BAD_WRITE_PROTECT || !pl_pmbus_supports(pmbus, PL_PMBUS_WRITE_PROTECT))
    return PL_OK;
  enum pl_status status = pl_pmbus_read_byte(pmbus, PL_PMBUS_WRITE_PROTECT, &protect, err);
  if (status)
    return status;
  if (pl_pmbus_write_allowed(protect, code))
    return PL_OK;
  return pl_fail(err, PL_E_EXCEPTION, "%s was not written: WRITE_PROTECT is 0x%02X; write it 0x00 first",
                 pl_pmbus_command_text(code, text, sizeof text), protect);
}

static enum pl_status kept_other(uint8_t code, unsigned wrote, unsigned read, struct pl_err *err)
{
  char text[64];
  return pl_fail(err, PL_E_EXCEPTION, "%s was written 0x%02X and reads 0x%02X: the device did not take it",
                 pl_pmbus_command_text(code, text, sizeof text), wrote, read);
}

enum pl_status pl_pmbus_set_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t value, struct pl_err *err)
{
  uint8_t now;
  enum pl_status status = check_writable(pmbus, code, err);
  if (status == PL_OK)
    status = pl_pmbus_write_byte(pmbus, code, value, err);
  if (status == PL_OK)
    status = pl_pmbus_read_byte(pmbus, code, &now, err);
  if (status == PL_OK && now != value)
    status = kept_other(code, value, now, err);
  return status;
}

enum pl_status pl_pmbus_set_value(struct pl_pmbus *pmbus, uint8_t code, const struct pl_pmbus_scale *scale, int64_t value_u, struct pl_err *err)
{
  uint16_t word, now;
  enum pl_status status = pl_pmbus_encode(scale, value_u, &word, err);
  if (status == PL_OK)
    status = check_writable(pmbus, code, err);
  if (status == PL_OK)
    status = pl_pmbus_write_word(pmbus, code, word, err);
  if (status == PL_OK)
    status = pl_pmbus_read_word(pmbus, code, &now, err);
  if (status)
    return status;
  bool same = scale->format == PL_PMBUS_LINEAR11 ? pl_pmbus_same_value(word, now) : word == now;
  return same ? PL_OK : kept_other(code, word, now, err);
}

/* --- status --- */

enum pl_status pl_pmbus_read_status(struct pl_pmbus *pmbus, struct pl_pmbus_status *out, struct pl_err *err)
{
  struct pl_pmbus_status status = {0};
  for (unsigned i = 0; i < PL_PMBUS_STATUS_REGISTERS; i++) {
    uint8_t code = pl_pmbus_status_codes[i], byte = 0;
    enum pl_status result;
    if (pl_pmbus_supports(pmbus, code) && i == PL_PMBUS_STATUS_WORD_AT) {
      result = pl_pmbus_read_word(pmbus, code, &status.values[i], err);
    } else if (pl_pmbus_supports(pmbus, code) || (i == PL_PMBUS_STATUS_WORD_AT && pl_pmbus_supports(pmbus, PL_PMBUS_STATUS_BYTE))) {
      result = pl_pmbus_read_byte(pmbus, i == PL_PMBUS_STATUS_WORD_AT ? PL_PMBUS_STATUS_BYTE : code, &byte, err);
      status.values[i] = byte;
    } else {
      continue;
    }
    if (result)
      return result;
    if (i == PL_PMBUS_STATUS_WORD_AT && status.values[i] == 0xFFFF) /* no chip has all of its faults at once */
      return pl_pmbus_all_ones(code, 0xFFFF, 4, err);
    status.have |= 1u << i;
  }
  *out = status;
  return PL_OK;
}

enum pl_status pl_pmbus_clear_faults(struct pl_pmbus *pmbus, struct pl_pmbus_status *saved, struct pl_err *err)
{
  enum pl_status status = pl_pmbus_read_status(pmbus, saved, err);
  if (status == PL_OK)
    status = check_writable(pmbus, PL_PMBUS_CLEAR_FAULTS, err);
  return status ? status : pl_pmbus_send_byte(pmbus, PL_PMBUS_CLEAR_FAULTS, err);
}

enum pl_status pl_pmbus_faults(struct pl_pmbus *pmbus, struct pl_faults *faults, struct pl_err *err)
{
  struct pl_pmbus_status status;
  enum pl_status result = pl_pmbus_read_status(pmbus, &status, err);
  if (result)
    return result;
  const char *names[PL_FAULTS_MAX];
  size_t count = pl_pmbus_status_names(&status, names, PL_FAULTS_MAX);
  faults->count = count < PL_FAULTS_MAX ? count : PL_FAULTS_MAX;
  for (size_t i = 0; i < faults->count; i++)
    snprintf(faults->names[i], sizeof faults->names[i], "%s", names[i]);
  return PL_OK;
}

/* --- identity --- */

enum pl_status pl_pmbus_read_text(struct pl_pmbus *pmbus, uint8_t code, char *text, size_t size, struct pl_err *err)
{
  uint8_t data[255];
  size_t len = 0;
  char name[64];
  text[0] = '\0';
  if (!pl_pmbus_supports(pmbus, code))
    return PL_OK;
  enum pl_status status = pl_pmbus_read_block(pmbus, code, data, size - 1 < sizeof data ? size - 1 : sizeof data, &len, err);
  if (status)
    return status;
  while (len && (data[len - 1] == 0x00 || data[len - 1] == 0xFF || data[len - 1] == ' '))
    len--;
  for (size_t i = 0; i < len; i++)
    if (data[i] < 0x20 || data[i] > 0x7E)
      return pl_fail(err, PL_E_GARBAGE, "%s: byte %zu of the text is 0x%02X, expected printable ASCII",
                     pl_pmbus_command_text(code, name, sizeof name), i, data[i]);
  memcpy(text, data, len);
  text[len] = '\0';
  return PL_OK;
}

enum pl_status pl_pmbus_identify(struct pl_pmbus *pmbus, struct pl_identity *identity, struct pl_err *err)
{
  *identity = (struct pl_identity){0};
  const struct {
    uint8_t code;
    char *text;
  } fields[] = {
      {PL_PMBUS_MFR_ID, identity->manufacturer},
      {PL_PMBUS_MFR_MODEL, identity->model},
      {PL_PMBUS_MFR_REVISION, identity->revision},
      {PL_PMBUS_MFR_SERIAL, identity->serial},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    enum pl_status status = pl_pmbus_read_text(pmbus, fields[i].code, fields[i].text, sizeof identity->manufacturer, err);
    if (status)
      return status;
  }
  return PL_OK;
}
