/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REPLAY_H
#define PL_CONTROL_REPLAY_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decides again what a journal of decisions (recorder.h) has: a pool is made as it was and told what that was told; each answer is compared with the one that stands
 * there. A line that is cut off at the end (a crash) is no more than told; anything else that is not as it was written is the first divergence.
 */
struct pl_replay { /* pl_replay_end frees it */
  size_t lines, answers, decisions;
  bool torn;           /* the last line is cut off, and was left out */
  size_t diverged;     /* the line; 0: all as it was */
  char why[1024];      /* what is different */
  bool found;          /* the decision that was asked for */
  char *text;          /* it: what was decided, by whom, by which answer, and that answer again with all of its reasons */
};
/* decision: the Id of its entry in the placement log; 0: none in particular. With one only what stands before it is decided again. PL_E_GARBAGE: not such a journal. */
enum pl_status pl_replay_text(const char *text, size_t size, int64_t decision, struct pl_replay *replay, struct pl_err *err);
enum pl_status pl_replay_file(const char *path, int64_t decision, struct pl_replay *replay, struct pl_err *err);
void pl_replay_end(struct pl_replay *replay);

#endif
