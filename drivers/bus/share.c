/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/share.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  char *key;
  void *chip;
  void (*close)(void *chip);
  size_t users;
  struct entry *next;
};

struct pl_share {
  struct entry *first;
};

enum pl_status pl_share_new(struct pl_share **share, struct pl_err *err)
{
  *share = calloc(1, sizeof **share);
  return *share ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for the table of shared chips");
}

void pl_share_free(struct pl_share *share)
{
  assert(!share || !share->first);
  free(share);
}

enum pl_status pl_share_take(struct pl_share *share, const char *key, enum pl_status (*open)(void *ctx, void **chip, struct pl_err *err),
                             void (*close)(void *chip), void *ctx, void **chip, struct pl_err *err)
{
  for (struct entry *e = share->first; e; e = e->next)
    if (!strcmp(e->key, key)) {
      e->users++;
      *chip = e->chip;
      return PL_OK;
    }
  struct entry *made = calloc(1, sizeof *made);
  char *copy = strdup(key);
  enum pl_status status = made && copy ? open(ctx, chip, err) : pl_fail(err, PL_E_NOMEM, "out of memory for %s", key);
  if (status) {
    free(copy);
    free(made);
    return status;
  }
  *made = (struct entry){.key = copy, .chip = *chip, .close = close, .users = 1, .next = share->first};
  share->first = made;
  return PL_OK;
}

void pl_share_drop(struct pl_share *share, void *chip)
{
  for (struct entry **at = &share->first; *at; at = &(*at)->next) {
    struct entry *e = *at;
    if (e->chip != chip)
      continue;
    if (--e->users)
      return;
    *at = e->next;
    e->close(e->chip);
    free(e->key);
    free(e);
    return;
  }
  assert(0 && "a chip was dropped that nobody took");
}
