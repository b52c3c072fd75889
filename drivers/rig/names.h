/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_NAMES_H
#define PL_RIG_NAMES_H

#include "drivers/base/word.h"

#include <stddef.h>
#include <stdint.h>

/* Names of a rig's parts and devices (word.h) to their index: a rig can have thousands, and everybody asks by name. NULL: an empty one. */
struct pl_names;
bool pl_names_add(struct pl_names **names, const char *name, size_t index); /* the name is the caller's, and outlives it; false: out of memory */
size_t pl_names_find(const struct pl_names *names, const char *name);       /* SIZE_MAX: none */
void pl_names_free(struct pl_names *names);

#endif
