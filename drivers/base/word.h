/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_WORD_H
#define PL_BASE_WORD_H

#include <stdbool.h>

/* Names of rigs, faults and Lua: a dash in a rig file or on the command line is an underscore in Lua. */
static inline bool pl_same_word(const char *a, const char *b)
{
  for (; *a && *b; a++, b++)
    if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
      return false;
  return *a == *b;
}

#endif
