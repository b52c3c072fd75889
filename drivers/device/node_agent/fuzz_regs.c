/* SPDX-License-Identifier: Apache-2.0 */
/* Registers that a node's agent could have sent, and mailboxes that anybody could write: what is taken encodes to the same registers again; what is not taken has
 * a sentence. An image that has a text is that text's image. */
#include "drivers/device/node_agent/node_agent.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(const uint8_t *data, size_t size, uint16_t *words, size_t count)
{
  for (size_t i = 0; i < count; i++)
    words[i] = (uint16_t)((2 * i < size ? data[2 * i] : 0) << 8 | (2 * i + 1 < size ? data[2 * i + 1] : 0));
}

static void must(bool is_so)
{
  if (!is_so)
    abort();
}

static void try_text(const uint8_t *data, size_t size)
{
  char text[64] = "", again[PL_NA_IMAGE_ROOM];
  uint32_t image = 0, back = 0;
  struct pl_err err = {0};
  memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
  if (pl_na_image_parse(text, &image, &err)) {
    must(err.text[0] != '\0');
    return;
  }
  must(pl_na_image_text(image, again) && !pl_na_image_parse(again, &back, &err) && back == image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  uint16_t head[PL_NA_HEAD], run[PL_NA_RUN], box[PL_NA_BOX], again[PL_NA_RUN + PL_NA_HEAD + PL_NA_BOX];
  struct pl_na_head a_head;
  struct pl_agent_run a_run;
  struct pl_na_box a_box;
  struct pl_err err = {0};
  char text[PL_NA_IMAGE_ROOM];
  uint32_t back;
  fill(data, size, head, PL_NA_HEAD);
  fill(data, size, run, PL_NA_RUN);
  fill(data, size, box, PL_NA_BOX);
  if (!pl_na_head_decode(head, &a_head, &err)) {
    pl_na_head_encode(&a_head, again);
    must(!memcmp(head, again, sizeof head));
  } else {
    must(err.text[0] != '\0');
  }
  if (!pl_na_run_decode(run, &a_run, &err)) {
    pl_na_run_encode(&a_run, again);
    must(!memcmp(run, again, sizeof run));
  }
  pl_na_box_decode(box, &a_box);
  must(!pl_na_box_encode(&a_box, again, &err) && !memcmp(box, again, sizeof box));
  if (pl_na_image_text(a_box.run.image, text)) {
    double use = pl_na_image_use(a_box.run.image, (pl_time_ns)(a_box.run.work >> 2), a_box.run.cores_m, a_box.run.work);
    must(!pl_na_image_parse(text, &back, &err) && back == a_box.run.image && use >= 0 && use <= 1);
  }
  try_text(data, size);
  return 0;
}
