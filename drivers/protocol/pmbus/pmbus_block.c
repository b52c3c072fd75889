/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

/* SMBus 3.1 section 6.5.7: count, then that many bytes (1 to 255), then the PEC over all of the transaction. The PEC is judged first: with a
 * wrong one the count proves nothing. */
enum pl_status pl_pmbus_parse_block(const struct pl_pmbus_answer *answer, uint8_t *data, size_t room, size_t *len, struct pl_err *err)
{
  size_t have = answer->have;
  if (have < (answer->pec ? 2u : 1u))
    return pl_fail(err, PL_E_SHORT, "block answer of %zu bytes has no count%s", have, answer->pec ? " and packet error code" : "");
  if (answer->pec) {
    have--;
    uint8_t crc = pl_smbus_pec(answer->crc, answer->bytes, have);
    if (crc != answer->bytes[have])
      return pl_fail(err, PL_E_PEC, "block answer has packet error code 0x%02X, expected 0x%02X", answer->bytes[have], crc);
  }
  size_t count = answer->bytes[0];
  if (count == 0)
    return pl_fail(err, PL_E_GARBAGE, "block answer counts 0 bytes, expected 1 to 255");
  if (count > room)
    return pl_fail(err, PL_E_GARBAGE, "block answer counts %zu bytes, expected at most %zu", count, room);
  if (have - 1 < count)
    return pl_fail(err, PL_E_SHORT, "block answer counts %zu bytes and has %zu", count, have - 1);
  memcpy(data, answer->bytes + 1, count);
  *len = count;
  return PL_OK;
}
