/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes are a recording or are refused with a sentence. */
#include "host/cli/recording.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  struct pl_recording *rec = NULL;
  struct pl_err err = {0};
  FILE *in = size ? fmemopen((void *)(uintptr_t)bytes, size, "r") : NULL;
  if (!in)
    return 0;
  if (pl_recording_read("fuzz.csv", in, &rec, &err)) {
    assert(err.text[0]);
  } else {
    size_t column;
    assert(rec->n_columns && !pl_recording_column(rec, rec->columns[0].name, &column, &err) && column == 0);
    for (size_t i = 1; i < rec->n_rows; i++)
      assert(rec->times[i - 1] <= rec->times[i]);
  }
  pl_recording_free(rec);
  fclose(in);
  return 0;
}
