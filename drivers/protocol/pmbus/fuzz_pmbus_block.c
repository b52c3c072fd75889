/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

/* Input: a byte of settings (bit 0: PEC, 7:1: room), the crc so far, then the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
  if (size < 2)
    return 0;
  struct pl_pmbus_answer answer = {.bytes = input + 2, .have = size - 2, .pec = input[0] & 1, .crc = input[1]};
  size_t room = 2u * (input[0] >> 1), len = SIZE_MAX;
  uint8_t *data = malloc(room + 1); /* of the very size, so that the sanitizer sees a byte too many */
  if (!data)
    return 0;
  data[room] = 0xA5;
  enum pl_status status = pl_pmbus_parse_block(&answer, data, room, &len, NULL);
  if (data[room] != 0xA5)
    abort();
  if (status == PL_OK) {
    if (len == 0 || len > room || len != answer.bytes[0] || answer.have < 1 + len + answer.pec || memcmp(data, answer.bytes + 1, len) != 0)
      abort();
    if (answer.pec && pl_smbus_pec(answer.crc, answer.bytes, answer.have) != 0)
      abort();
  } else if (len != SIZE_MAX || (status != PL_E_SHORT && status != PL_E_GARBAGE && status != PL_E_PEC)) {
    abort();
  }
  free(data);
  /* The same bytes as words of every format: a value or a refusal, never undefined arithmetic. */
  /* R up to 0: with a finer step than a millionth a value cannot lead back to its word. */
  struct pl_pmbus_scale scale = {.exponent = (int8_t)input[0], .m = (int8_t)input[1], .b = input[0] * 257, .r = -(input[1] / 20)};
  for (size_t i = 0; i + 1 < size; i += 2) {
    scale.format = (enum pl_pmbus_format)(i / 2 % (PL_PMBUS_FORMAT_COUNT + 1));
    scale.vid = (enum pl_pmbus_vid)(input[i] % (PL_PMBUS_VID_COUNT + 1));
    int64_t value_u;
    uint16_t word = (uint16_t)(input[i] | input[i + 1] << 8), again;
    if (pl_pmbus_decode(&scale, word, &value_u, NULL) == PL_OK && pl_pmbus_encode(&scale, value_u, &again, NULL) != PL_OK)
      abort();
  }
  return 0;
}
