/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/names.h"

#include <stdlib.h>

struct pl_names {
  struct slot {
    const char *name; /* NULL: free */
    size_t index;
  } *slots;
  size_t room, used; /* room: a power of two, at least twice what is used */
};

/* FNV-1a, over the name as pl_same_word sees it. */
static size_t place_of(const struct pl_names *names, const char *name)
{
  uint64_t hash = 0xCBF29CE484222325u;
  for (; *name; name++)
    hash = (hash ^ (unsigned char)(*name == '_' ? '-' : *name)) * 0x100000001B3u;
  return (size_t)(hash ^ hash >> 32) & (names->room - 1);
}

static struct slot *slot_of(const struct pl_names *names, const char *name)
{
  size_t at = place_of(names, name);
  while (names->slots[at].name && !pl_same_word(names->slots[at].name, name))
    at = (at + 1) & (names->room - 1);
  return &names->slots[at];
}

static bool grow(struct pl_names *names)
{
  struct pl_names wider = {.room = names->room ? 2 * names->room : 64, .used = names->used};
  if (!(wider.slots = calloc(wider.room, sizeof *wider.slots)))
    return false;
  for (size_t i = 0; i < names->room; i++)
    if (names->slots[i].name)
      *slot_of(&wider, names->slots[i].name) = names->slots[i];
  free(names->slots);
  *names = wider;
  return true;
}

bool pl_names_add(struct pl_names **names, const char *name, size_t index)
{
  if (!*names && !(*names = calloc(1, sizeof **names)))
    return false;
  if (2 * ((*names)->used + 1) > (*names)->room && !grow(*names))
    return false;
  struct slot *slot = slot_of(*names, name);
  (*names)->used += !slot->name;
  *slot = (struct slot){name, index};
  return true;
}

size_t pl_names_find(const struct pl_names *names, const char *name)
{
  const struct slot *slot = names && names->room ? slot_of(names, name) : NULL;
  return slot && slot->name ? slot->index : SIZE_MAX;
}

void pl_names_free(struct pl_names *names)
{
  if (!names)
    return;
  free(names->slots);
  free(names);
}
