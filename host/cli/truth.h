/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_TRUTH_H
#define PL_HOST_TRUTH_H

#include "host/cli/cli.h"

/* Chosen physical values of a virtual rack, by name: what `plumb watch truth:...` and `plumb twin record` show. */
#define PL_TRUTH_NAME_MAX 128

struct pl_truths {
  struct pl_truth_name *names; /* in the rack's order, or in that of the words */
  size_t count;
  /* of the rack's whole list: which of the names each stands for, -1: none */
  int *wanted;
  size_t n_all;
  struct pl_truths_room *rooms;
};

/* Words: PART.PORT, or PART for all that it has; none: everything. PL_E_USAGE names what there is. Free in any case. */
enum pl_status pl_truths_find(struct pl_truths *truths, const struct pl_backend_desc *desc, struct pl_backend *backend, const char *const *words, size_t count,
                              struct pl_err *err);
void pl_truths_free(struct pl_truths *truths);
/* The values now, in the order of the names, in SI-like units (a ratio is 0 to 1). */
enum pl_status pl_truths_read(const struct pl_truths *truths, const struct pl_backend_desc *desc, struct pl_backend *backend, double *values, struct pl_err *err);

const char *pl_truth_unit(enum pl_dim dim); /* "V"; "1" for ratios, flags and plain numbers, as docs/vocabulary.md has it */
const char *pl_truth_full(const struct pl_truth_name *name, char room[PL_TRUTH_NAME_MAX]); /* "csu-1.vout" */

#endif
