/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/model.h"

#include <stdlib.h>
#include <string.h>

bool pl_list_room(void **items, size_t count, size_t *capacity, size_t size)
{
  if (count == *capacity) {
    size_t larger = *capacity ? *capacity + *capacity / 2 : 8;
    void *grown = realloc(*items, larger * size);
    if (!grown)
      return false;
    *items = grown;
    *capacity = larger;
  }
  memset((char *)*items + count * size, 0, size);
  return true;
}

static uint32_t hash(const char *text, size_t len)
{
  uint64_t h = 0x9E3779B97F4A7C15u ^ len;
  for (; len >= 8; len -= 8, text += 8) {
    uint64_t word;
    memcpy(&word, text, 8);
    h = (h ^ word) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  uint64_t tail = 0;
  memcpy(&tail, text, len);
  h = (h ^ tail) * 0xFF51AFD7ED558CCDu;
  return (uint32_t)(h ^ h >> 29 ^ h >> 47);
}

static bool rehash(struct pl_strings *strings)
{
  uint32_t slots = strings->slots ? strings->slots * 2 : 512;
  uint32_t *table = calloc(slots, sizeof *table);
  if (!table)
    return false;
  for (uint32_t i = 0; i < strings->slots; i++) {
    uint32_t at = strings->table[i];
    if (!at)
      continue;
    uint32_t slot = hash(strings->bytes + at, strlen(strings->bytes + at)) & (slots - 1);
    while (table[slot])
      slot = (slot + 1) & (slots - 1);
    table[slot] = at;
  }
  free(strings->table);
  strings->table = table;
  strings->slots = slots;
  return true;
}

static pl_str append(struct pl_strings *strings, const char *text, size_t len)
{
  size_t need = strings->len + len + 2;
  if (need > strings->cap) {
    size_t cap = strings->cap ? strings->cap + (size_t)strings->cap / 2 : 4096;
    cap = cap < need ? need * 2 : cap;
    char *bytes = cap < UINT32_MAX ? realloc(strings->bytes, cap) : NULL;
    if (!bytes)
      return 0;
    strings->bytes = bytes;
    strings->cap = (uint32_t)cap;
    if (!strings->len)
      strings->bytes[strings->len++] = '\0'; /* offset 0 stands for none */
  }
  pl_str at = strings->len;
  memcpy(strings->bytes + at, text, len);
  strings->bytes[at + len] = '\0';
  strings->len = at + (uint32_t)len + 1;
  return at;
}

pl_str pl_strings_keep(struct pl_strings *strings, const char *text, size_t len)
{
  if (!len || strings->failed)
    return 0;
  if (strings->used * 2 >= strings->slots && !rehash(strings)) {
    strings->failed = true;
    return 0;
  }
  uint32_t slot = hash(text, len) & (strings->slots - 1);
  for (pl_str at; (at = strings->table[slot]); slot = (slot + 1) & (strings->slots - 1))
    if (len < strings->len - at && strings->bytes[at + len] == '\0' && !memcmp(strings->bytes + at, text, len))
      return at;
  pl_str at = append(strings, text, len);
  if (!at)
    strings->failed = true;
  else
    strings->used++;
  strings->table[slot] = at;
  return at;
}

void pl_strings_free(struct pl_strings *strings)
{
  free(strings->bytes);
  free(strings->table);
  *strings = (struct pl_strings){0};
}
