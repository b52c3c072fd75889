/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a journal of decisions: as they are; and line by line under sums that are right, so that what is behind them is reached. */
#include "control/placement/record.h"
#include "control/placement/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *text, size_t size, int64_t decision)
{
  struct pl_replay out;
  struct pl_err err = {0};
  enum pl_status status = pl_replay_text(text, size, decision, &out, &err);
  if (!status != !err.text[0] || !out.diverged != !out.why[0] || (!status && !decision && size && !out.lines && !out.torn))
    abort();
  pl_replay_end(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *sealed = NULL;
  size_t sealed_size;
  uint64_t seal = PL_RECORD_SEAL;
  FILE *out = open_memstream(&sealed, &sealed_size);
  if (!out)
    abort();
  const char *text = (const char *)data, *past = text + size;
  for (const char *at = text, *end; at < past; at = end + 1) {
    end = memchr(at, '\n', (size_t)(past - at));
    end = end ? end : past;
    seal = pl_record_seal(seal, at, (size_t)(end - at));
    fwrite(at, 1, (size_t)(end - at), out);
    fprintf(out, " *%08x\n", (unsigned)(seal & 0xFFFFFFFF));
  }
  if (fclose(out))
    abort();
  replay(text, size, 0);
  replay(sealed, sealed_size, 0);
  replay(sealed, sealed_size, 1);
  free(sealed);
  return 0;
}
