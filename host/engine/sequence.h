/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_ENGINE_SEQUENCE_H
#define PL_ENGINE_SEQUENCE_H

#include "host/engine/vm.h"

/* A sequence file as read, and what it declared. Every run loads the text anew. */
struct pl_sequence {
  char *path, *source;
  size_t size;
  char sha256[65];
  struct pl_meta meta;
};

#endif
