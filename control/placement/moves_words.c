/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves_in.h"

struct mv_words {
  struct mv_word {
    const char *text; /* NULL: free */
    int32_t value;
  } *slots;
  size_t count, mask;
};

struct mv_words *mv_words_new(void)
{
  struct mv_words *words = calloc(1, sizeof *words);
  if (!words)
    return NULL;
  words->mask = 63;
  words->slots = calloc(words->mask + 1, sizeof *words->slots);
  if (!words->slots) {
    free(words);
    return NULL;
  }
  return words;
}

void mv_words_free(struct mv_words *words)
{
  if (words)
    free(words->slots);
  free(words);
}

size_t mv_words_count(const struct mv_words *words)
{
  return words->count;
}

static struct mv_word *slot_of(struct mv_word *slots, size_t mask, const char *text)
{
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (const char *p = text; *p; p++)
    hash = (hash ^ (unsigned char)*p) * 1099511628211u;
  size_t at = (size_t)(hash ^ hash >> 32) & mask;
  while (slots[at].text && strcmp(slots[at].text, text))
    at = (at + 1) & mask;
  return &slots[at];
}

static bool widen(struct mv_words *words)
{
  size_t mask = words->mask * 2 + 1;
  struct mv_word *slots = calloc(mask + 1, sizeof *slots);
  if (!slots)
    return false;
  for (size_t i = 0; i <= words->mask; i++)
    if (words->slots[i].text)
      *slot_of(slots, mask, words->slots[i].text) = words->slots[i];
  free(words->slots);
  words->slots = slots;
  words->mask = mask;
  return true;
}

int32_t mv_words_find(const struct mv_words *words, const char *text)
{
  const struct mv_word *slot = text ? slot_of(words->slots, words->mask, text) : NULL;
  return slot && slot->text ? slot->value : MV_NONE;
}

int32_t mv_words_add(struct mv_words *words, const char *text, int32_t value)
{
  struct mv_word *slot = slot_of(words->slots, words->mask, text);
  if (slot->text)
    return slot->value;
  if (words->count * 2 > words->mask) {
    if (!widen(words))
      return MV_NONE;
    slot = slot_of(words->slots, words->mask, text);
  }
  *slot = (struct mv_word){.text = text, .value = value};
  words->count++;
  return value;
}
