/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_RECORDING_H
#define PL_HOST_RECORDING_H

#include "host/cli/cli.h"

/* A recording read from CSV (RFC 4180): the time in seconds first, then columns of numbers with their unit in brackets: "csu-1.vout (V)". */
struct pl_column {
  const char *name, *unit; /* unit "": plain, as "1" is */
  double *values;          /* NAN: the field was empty */
};

struct pl_recording {
  const char *path;
  char *head; /* the names stand in it */
  struct pl_column *columns;
  size_t n_columns;
  double *times;
  size_t n_rows, room;
};

/* PL_E_USAGE with file:line for what is no recording. */
enum pl_status pl_recording_load(const char *path, struct pl_recording **recording, struct pl_err *err);
enum pl_status pl_recording_read(const char *path, FILE *in, struct pl_recording **recording, struct pl_err *err); /* path: for messages; must outlive it */
void pl_recording_free(struct pl_recording *recording);
enum pl_status pl_recording_column(const struct pl_recording *recording, const char *name, size_t *column, struct pl_err *err);

#endif
