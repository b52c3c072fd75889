/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_table.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct pl_pmbus_command COMMANDS[] = {
#define PL_PMBUS_COMMAND(code_, name_, access_, size_, format_, dim_) \
  {.code = code_, .name = #name_, .access = access_, .size = size_, .format = format_, .dim = dim_},
#include "drivers/protocol/pmbus/pmbus_commands.inc"
#undef PL_PMBUS_COMMAND
};

const struct pl_pmbus_command *pl_pmbus_commands(size_t *count)
{
  *count = COUNT(COMMANDS);
  return COMMANDS;
}

const struct pl_pmbus_command *pl_pmbus_command(uint8_t code)
{
  for (size_t i = 0; i < COUNT(COMMANDS); i++)
    if (COMMANDS[i].code == code)
      return &COMMANDS[i];
  return NULL;
}

char *pl_pmbus_command_text(uint8_t code, char *out, size_t size)
{
  const struct pl_pmbus_command *command = pl_pmbus_command(code);
  if (command)
    snprintf(out, size, "%s (0x%02X)", command->name, code);
  else
    snprintf(out, size, "command 0x%02X", code);
  return out;
}

bool pl_pmbus_write_allowed(uint8_t write_protect, uint8_t code)
{
  if (code == PL_PMBUS_WRITE_PROTECT)
    return true;
  if (write_protect & 0x80)
    return false;
  if (write_protect & 0x40)
    return code == PL_PMBUS_OPERATION || code == PL_PMBUS_PAGE;
  if (write_protect & 0x20)
    return code == PL_PMBUS_OPERATION || code == PL_PMBUS_PAGE || code == PL_PMBUS_ON_OFF_CONFIG || code == PL_PMBUS_VOUT_COMMAND;
  return true;
}

/* Sections 17.1 to 17.11. The rows of STATUS_BYTE are those of STATUS_WORD's low byte. */
#define BIT(code_, bit_, severity_, name_) {.code = PL_PMBUS_STATUS_##code_, .bit = bit_, .severity = PL_PMBUS_##severity_, .name = name_}
#define SUM(bit_, detail_, name_) \
  {.code = PL_PMBUS_STATUS_WORD, .bit = bit_, .severity = PL_PMBUS_SUMMARY, .detail = PL_PMBUS_STATUS_##detail_, .name = name_}

static const struct pl_pmbus_bit BITS[] = {
    {.code = PL_PMBUS_STATUS_WORD, .bit = 0, .severity = PL_PMBUS_STATE, .name = "none-of-the-above"},
    SUM(1, CML, "cml-fault"),
    SUM(2, TEMPERATURE, "temperature-fault-or-warning"),
    BIT(WORD, 3, FAULT, "vin-uv-fault"),
    BIT(WORD, 4, FAULT, "iout-oc-fault"),
    BIT(WORD, 5, FAULT, "vout-ov-fault"),
    BIT(WORD, 6, STATE, "off"),
    BIT(WORD, 7, STATE, "busy"),
    BIT(WORD, 8, FAULT, "unknown-fault-or-warning"),
    SUM(9, OTHER, "other-fault-or-warning"),
    SUM(10, FANS_1_2, "fan-fault-or-warning"),
    BIT(WORD, 11, STATE, "power-good-negated"),
    SUM(12, MFR_SPECIFIC, "mfr-specific-fault-or-warning"),
    SUM(13, INPUT, "input-fault-or-warning"),
    SUM(14, IOUT, "iout-or-pout-fault-or-warning"),
    SUM(15, VOUT, "vout-fault-or-warning"),
    BIT(VOUT, 7, FAULT, "vout-ov-fault"),
    BIT(VOUT, 6, WARNING, "vout-ov-warning"),
    BIT(VOUT, 5, WARNING, "vout-uv-warning"),
    BIT(VOUT, 4, FAULT, "vout-uv-fault"),
    BIT(VOUT, 3, WARNING, "vout-max-min-warning"),
    BIT(VOUT, 2, FAULT, "ton-max-fault"),
    BIT(VOUT, 1, WARNING, "toff-max-warning"),
    BIT(VOUT, 0, FAULT, "vout-tracking-error"),
    BIT(IOUT, 7, FAULT, "iout-oc-fault"),
    BIT(IOUT, 6, FAULT, "iout-oc-lv-fault"),
    BIT(IOUT, 5, WARNING, "iout-oc-warning"),
    BIT(IOUT, 4, FAULT, "iout-uc-fault"),
    BIT(IOUT, 3, FAULT, "current-share-fault"),
    BIT(IOUT, 2, WARNING, "power-limiting"),
    BIT(IOUT, 1, FAULT, "pout-op-fault"),
    BIT(IOUT, 0, WARNING, "pout-op-warning"),
    BIT(INPUT, 7, FAULT, "vin-ov-fault"),
    BIT(INPUT, 6, WARNING, "vin-ov-warning"),
    BIT(INPUT, 5, WARNING, "vin-uv-warning"),
    BIT(INPUT, 4, FAULT, "vin-uv-fault"),
    BIT(INPUT, 3, FAULT, "off-for-low-input"),
    BIT(INPUT, 2, FAULT, "iin-oc-fault"),
    BIT(INPUT, 1, WARNING, "iin-oc-warning"),
    BIT(INPUT, 0, WARNING, "pin-op-warning"),
    BIT(TEMPERATURE, 7, FAULT, "ot-fault"),
    BIT(TEMPERATURE, 6, WARNING, "ot-warning"),
    BIT(TEMPERATURE, 5, WARNING, "ut-warning"),
    BIT(TEMPERATURE, 4, FAULT, "ut-fault"),
    BIT(CML, 7, FAULT, "cml-invalid-command"),
    BIT(CML, 6, FAULT, "cml-invalid-data"),
    BIT(CML, 5, FAULT, "cml-pec-failed"),
    BIT(CML, 4, FAULT, "cml-memory-fault"),
    BIT(CML, 3, FAULT, "cml-processor-fault"),
    BIT(CML, 1, FAULT, "cml-other-communication-fault"),
    BIT(CML, 0, FAULT, "cml-other-memory-or-logic-fault"),
    BIT(OTHER, 5, FAULT, "input-a-fuse-fault"),
    BIT(OTHER, 4, FAULT, "input-b-fuse-fault"),
    BIT(OTHER, 3, FAULT, "input-a-oring-fault"),
    BIT(OTHER, 2, FAULT, "input-b-oring-fault"),
    BIT(OTHER, 1, FAULT, "output-oring-fault"),
    BIT(OTHER, 0, STATE, "first-to-assert-smbalert"),
    BIT(MFR_SPECIFIC, 7, FAULT, "mfr-specific-7"),
    BIT(MFR_SPECIFIC, 6, FAULT, "mfr-specific-6"),
    BIT(MFR_SPECIFIC, 5, FAULT, "mfr-specific-5"),
    BIT(MFR_SPECIFIC, 4, FAULT, "mfr-specific-4"),
    BIT(MFR_SPECIFIC, 3, FAULT, "mfr-specific-3"),
    BIT(MFR_SPECIFIC, 2, FAULT, "mfr-specific-2"),
    BIT(MFR_SPECIFIC, 1, FAULT, "mfr-specific-1"),
    BIT(MFR_SPECIFIC, 0, FAULT, "mfr-specific-0"),
    BIT(FANS_1_2, 7, FAULT, "fan-1-fault"),
    BIT(FANS_1_2, 6, FAULT, "fan-2-fault"),
    BIT(FANS_1_2, 5, WARNING, "fan-1-warning"),
    BIT(FANS_1_2, 4, WARNING, "fan-2-warning"),
    BIT(FANS_1_2, 3, STATE, "fan-1-speed-overridden"),
    BIT(FANS_1_2, 2, STATE, "fan-2-speed-overridden"),
    BIT(FANS_1_2, 1, FAULT, "airflow-fault"),
    BIT(FANS_1_2, 0, WARNING, "airflow-warning"),
    BIT(FANS_3_4, 7, FAULT, "fan-3-fault"),
    BIT(FANS_3_4, 6, FAULT, "fan-4-fault"),
    BIT(FANS_3_4, 5, WARNING, "fan-3-warning"),
    BIT(FANS_3_4, 4, WARNING, "fan-4-warning"),
    BIT(FANS_3_4, 3, STATE, "fan-3-speed-overridden"),
    BIT(FANS_3_4, 2, STATE, "fan-4-speed-overridden"),
};

const uint8_t pl_pmbus_status_codes[PL_PMBUS_STATUS_REGISTERS] = {
    PL_PMBUS_STATUS_WORD,        PL_PMBUS_STATUS_VOUT, PL_PMBUS_STATUS_IOUT,  PL_PMBUS_STATUS_INPUT,        PL_PMBUS_STATUS_TEMPERATURE,
    PL_PMBUS_STATUS_CML,         PL_PMBUS_STATUS_OTHER, PL_PMBUS_STATUS_MFR_SPECIFIC, PL_PMBUS_STATUS_FANS_1_2,    PL_PMBUS_STATUS_FANS_3_4,
};

const struct pl_pmbus_bit *pl_pmbus_bits(size_t *count)
{
  *count = COUNT(BITS);
  return BITS;
}

const struct pl_pmbus_bit *pl_pmbus_bit(uint8_t code, uint8_t bit)
{
  if (code == PL_PMBUS_STATUS_BYTE && bit < 8)
    code = PL_PMBUS_STATUS_WORD;
  for (size_t i = 0; i < COUNT(BITS); i++)
    if (BITS[i].code == code && BITS[i].bit == bit)
      return &BITS[i];
  return NULL;
}

static int place_of(uint8_t code)
{
  for (int i = 0; i < PL_PMBUS_STATUS_REGISTERS; i++)
    if (pl_pmbus_status_codes[i] == code)
      return i;
  return -1;
}

/* A summary bit speaks for itself only when no bit of its register does. */
static bool told_by_detail(const struct pl_pmbus_status *status, uint8_t detail)
{
  int at = place_of(detail);
  if (detail == PL_PMBUS_STATUS_FANS_1_2 && status->values[place_of(PL_PMBUS_STATUS_FANS_3_4)])
    return true;
  return at >= 0 && status->have & 1u << at && status->values[at];
}

size_t pl_pmbus_status_names(const struct pl_pmbus_status *status, const char **names, size_t room)
{
  size_t count = 0;
  for (size_t i = 0; i < COUNT(BITS); i++) {
    const struct pl_pmbus_bit *row = &BITS[i];
    int at = place_of(row->code);
    if (row->severity == PL_PMBUS_STATE || !(status->have & 1u << at) || !(status->values[at] & 1u << row->bit))
      continue;
    if (row->severity == PL_PMBUS_SUMMARY && told_by_detail(status, row->detail))
      continue;
    bool known = false;
    for (size_t k = 0; k < count && k < room && !known; k++)
      known = !strcmp(names[k], row->name);
    if (known)
      continue;
    if (count < room)
      names[count] = row->name;
    count++;
  }
  return count;
}

/* --- self-check --- */

static bool good_name(const char *name, char low, char high, char joint)
{
  size_t length = name ? strlen(name) : 0;
  if (!length || length >= 48 || name[0] == joint || name[length - 1] == joint)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!(name[i] >= low && name[i] <= high) && !(name[i] >= '0' && name[i] <= '9') && name[i] != joint)
      return false;
  return true;
}

static bool good_command(const struct pl_pmbus_command *row)
{
  bool number = row->format == PL_PMBUS_NUMBER || row->format == PL_PMBUS_VOUT;
  return good_name(row->name, 'A', 'Z', '_') && row->access && (unsigned)row->dim < PL_DIM_COUNT &&
         (row->access == PL_PMBUS_SEND) == (row->size == PL_PMBUS_EMPTY) && (!number || row->size == PL_PMBUS_WORD) &&
         (row->format != PL_PMBUS_VOUT || row->dim == PL_DIM_VOLTAGE) && (row->format != PL_PMBUS_TEXT || row->size == PL_PMBUS_BLOCK);
}

const char *pl_pmbus_selfcheck(void)
{
  for (size_t i = 0; i < COUNT(COMMANDS); i++) {
    if (!good_command(&COMMANDS[i]))
      return COMMANDS[i].name ? COMMANDS[i].name : "a command without a name";
    for (size_t k = 0; k < i; k++)
      if (COMMANDS[k].code >= COMMANDS[i].code || !strcmp(COMMANDS[k].name, COMMANDS[i].name))
        return COMMANDS[i].name;
  }
  for (size_t i = 0; i < COUNT(BITS); i++) {
    const struct pl_pmbus_bit *row = &BITS[i];
    bool word = row->code == PL_PMBUS_STATUS_WORD;
    if (!good_name(row->name, 'a', 'z', '-') || place_of(row->code) < 0 || row->bit > (word ? 15 : 7))
      return row->name ? row->name : "a status bit without a name";
    if ((row->severity == PL_PMBUS_SUMMARY) != (row->detail != 0) || (row->detail && place_of(row->detail) < 1))
      return row->name;
    for (size_t k = 0; k < i; k++)
      if (BITS[k].code == row->code && (BITS[k].bit == row->bit || !strcmp(BITS[k].name, row->name)))
        return row->name;
  }
  return NULL;
}
