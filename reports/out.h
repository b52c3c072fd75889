/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_OUT_H
#define PL_REPORTS_OUT_H

#include "drivers/base/err.h"
#include "host/journal/text.h"

#include <stdio.h>

/* A file being written: a text that is handed to the kernel in large pieces, beside the file that it will replace. */
struct pl_out {
  struct pl_text text;
  int fd;
  char path[1024], beside[1088];
  enum pl_status status;
  struct pl_err err;
};

enum pl_status pl_out_open(struct pl_out *out, const char *path, struct pl_err *err); /* "-": standard output */
void pl_out_drain(struct pl_out *out);                                               /* call now and then: keeps memory flat */
enum pl_status pl_out_close(struct pl_out *out, struct pl_err *err);                 /* renames into place, or removes and says why */

/* For reports that go to a stdio stream: hands over the text and empties it. */
void pl_text_to_stream(struct pl_text *text, FILE *stream);

#endif
