/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *word) /* FNV-1a */
{
  uint32_t h = 2166136261u;
  for (; *word; word++)
    h = (h ^ (uint8_t)*word) * 16777619u;
  return h;
}

static struct name *find(const struct names *names, const char *word, uint32_t hash)
{
  if (!names->n_slots)
    return NULL;
  for (struct name *n = names->slots[hash & (names->n_slots - 1)]; n; n = n->next)
    if (n->hash == hash && !strcmp(n->word, word))
      return n;
  return NULL;
}

struct name *pool_name_find(const struct names *names, const char *word)
{
  return find(names, word, hash_of(word));
}

static bool grow(struct names *names)
{
  size_t n = names->n_slots ? names->n_slots * 2 : 64;
  struct name **slots = calloc(n, sizeof *slots);
  if (!slots)
    return names->n_slots > 0; /* slower, not wrong */
  for (size_t i = 0; i < names->n_slots; i++)
    for (struct name *name = names->slots[i], *next; name; name = next) {
      next = name->next;
      name->next = slots[name->hash & (n - 1)];
      slots[name->hash & (n - 1)] = name;
    }
  free(names->slots);
  names->slots = slots;
  names->n_slots = n;
  return true;
}

struct name *pool_name_get(struct names *names, const char *word)
{
  uint32_t hash = hash_of(word);
  struct name *n = find(names, word, hash);
  if (!n) {
    size_t size = strlen(word) + 1;
    if ((names->count >= names->n_slots && !grow(names)) || !(n = calloc(1, sizeof *n + size)))
      return NULL;
    n->word = memcpy(n + 1, word, size);
    n->hash = hash;
    struct name **slot = &names->slots[hash & (names->n_slots - 1)];
    n->next = *slot;
    *slot = n;
    names->count++;
  }
  n->uses++;
  return n;
}

void pool_name_put(struct names *names, struct name *name)
{
  if (!name || --name->uses)
    return;
  struct name **at = &names->slots[name->hash & (names->n_slots - 1)];
  while (*at != name)
    at = &(*at)->next;
  *at = name->next;
  names->count--;
  free(name);
}

void pool_names_end(struct names *names)
{
  for (size_t i = 0; i < names->n_slots; i++)
    for (struct name *name = names->slots[i], *next; name; name = next) {
      next = name->next;
      free(name);
    }
  free(names->slots);
  *names = (struct names){0};
}
