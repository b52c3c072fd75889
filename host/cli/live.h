/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_LIVE_H
#define PL_HOST_LIVE_H

#include "host/engine/engine.h"

#include <stdio.h>

/* The live view of a run: one line a top-level step when it ends, and a progress bar while it goes when out is a terminal. */
struct pl_live {
  FILE *out;
  bool terminal, colour, quiet;
  int planned, done, drawn_permille;
  double step_fraction;
  char step[80];
  struct pl_engine_events events;
};

void pl_live_init(struct pl_live *live, FILE *out, bool quiet);
void pl_live_finish(struct pl_live *live);

#endif
