/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pl_truths_room { /* the rack's names may not outlive the telling */
  char part[64], port[64];
  enum pl_dim dim;
};

struct listing {
  struct pl_truths_room *rooms;
  size_t count, room;
};

static void list_one(void *ctx, const char *part, const char *port, enum pl_dim dim, double value)
{
  struct listing *all = ctx;
  (void)value;
  if (all->count < all->room) {
    struct pl_truths_room *room = &all->rooms[all->count];
    snprintf(room->part, sizeof room->part, "%s", part);
    snprintf(room->port, sizeof room->port, "%s", port);
    room->dim = dim;
  }
  all->count++;
}

static enum pl_status list_all(const struct pl_backend_desc *desc, struct pl_backend *backend, struct listing *all, struct pl_err *err)
{
  double ignored;
  *all = (struct listing){0};
  if (!desc || !desc->each_truth)
    return pl_fail(err, PL_E_USAGE, "there is no virtual rack behind this rig that could tell the truth");
  desc->each_truth(backend, list_one, all);
  if (!all->count) /* an ordinary question says why */
    return desc->truth(backend, "?", "?", &ignored, err) == PL_E_USAGE ? pl_fail(err, PL_E_USAGE, "the virtual rack has no values to tell") : err->status;
  all->room = all->count;
  all->count = 0;
  all->rooms = calloc(all->room, sizeof *all->rooms);
  if (!all->rooms)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the names of the virtual rack");
  desc->each_truth(backend, list_one, all);
  return PL_OK;
}

static enum pl_status unknown(const struct listing *all, const char *word, const char *part, struct pl_err *err)
{
  char list[400] = "";
  const char *names[256], *last = "";
  size_t used = 0, n = 0;
  for (size_t i = 0; i < all->count; i++) {
    const struct pl_truths_room *room = &all->rooms[i];
    if (strcmp(room->part, last) != 0 && n < sizeof names / sizeof *names)
      names[n++] = last = room->part;
    if (!strcmp(room->part, part) && used < sizeof list - 1)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", room->port);
  }
  if (used)
    return pl_fail(err, PL_E_USAGE, "'%s': %s has no such port; it has %s", word, part, list);
  const char *near = pl_closest(part, names, n);
  if (near)
    return pl_fail(err, PL_E_USAGE, "'%s': the virtual rack has no part '%s', did you mean '%s'?", word, part, near);
  return pl_fail(err, PL_E_USAGE, "'%s': the virtual rack has no part '%s'; `plumb rig` lists them", word, part);
}

/* Takes what a word stands for: one port, or all of a part. */
static enum pl_status take_word(struct pl_truths *truths, const struct listing *all, const char *word, struct pl_err *err)
{
  char part[64];
  const char *dot = strchr(word, '.'), *port = dot ? dot + 1 : NULL;
  size_t length = dot ? (size_t)(dot - word) : strlen(word);
  bool found = false;
  snprintf(part, sizeof part, "%.*s", (int)length, word);
  for (size_t i = 0; i < all->count; i++) {
    struct pl_truths_room *room = &all->rooms[i];
    if (strcmp(room->part, part) != 0 || (port && !pl_same_word(room->port, port)))
      continue;
    found = true;
    if (truths->wanted[i] >= 0)
      continue;
    truths->wanted[i] = (int)truths->count;
    truths->names[truths->count++] = (struct pl_truth_name){room->part, room->port, room->dim};
  }
  return found ? PL_OK : unknown(all, word, part, err);
}

enum pl_status pl_truths_find(struct pl_truths *truths, const struct pl_backend_desc *desc, struct pl_backend *backend, const char *const *words, size_t count,
                              struct pl_err *err)
{
  struct listing all;
  *truths = (struct pl_truths){0};
  enum pl_status status = list_all(desc, backend, &all, err);
  truths->rooms = all.rooms;
  truths->n_all = all.count;
  if (status)
    return status;
  truths->names = calloc(all.count, sizeof *truths->names);
  truths->wanted = calloc(all.count, sizeof *truths->wanted);
  if (!truths->names || !truths->wanted)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the names of the virtual rack");
  for (size_t i = 0; i < all.count; i++)
    truths->wanted[i] = -1;
  for (size_t i = 0; i < count && !status; i++)
    status = take_word(truths, &all, words[i], err);
  for (size_t i = 0; i < all.count && !count; i++) {
    truths->wanted[i] = (int)i;
    truths->names[truths->count++] = (struct pl_truth_name){all.rooms[i].part, all.rooms[i].port, all.rooms[i].dim};
  }
  return status;
}

void pl_truths_free(struct pl_truths *truths)
{
  free(truths->names);
  free(truths->wanted);
  free(truths->rooms);
}

struct reading {
  const struct pl_truths *truths;
  double *values;
  size_t seen;
};

static void read_one(void *ctx, const char *part, const char *port, enum pl_dim dim, double value)
{
  struct reading *reading = ctx;
  (void)part;
  (void)port;
  (void)dim;
  size_t at = reading->seen++;
  if (at < reading->truths->n_all && reading->truths->wanted[at] >= 0)
    reading->values[reading->truths->wanted[at]] = value;
}

enum pl_status pl_truths_read(const struct pl_truths *truths, const struct pl_backend_desc *desc, struct pl_backend *backend, double *values, struct pl_err *err)
{
  struct reading reading = {.truths = truths, .values = values};
  for (size_t i = 0; i < truths->count; i++)
    values[i] = NAN;
  desc->each_truth(backend, read_one, &reading);
  if (reading.seen == truths->n_all)
    return PL_OK;
  double ignored; /* an ordinary question says why */
  enum pl_status status = truths->count ? desc->truth(backend, truths->names[0].part, truths->names[0].port, &ignored, err) : PL_OK;
  return status ? status : pl_fail(err, PL_E_GARBAGE, "the virtual rack told %zu values, before it were %zu; is it another rack now?", reading.seen, truths->n_all);
}

const char *pl_truth_unit(enum pl_dim dim)
{
  return dim == PL_DIM_RATIO || dim == PL_DIM_FLAG || dim == PL_DIM_NONE ? "1" : pl_dim_base_unit(dim);
}

const char *pl_truth_full(const struct pl_truth_name *name, char room[PL_TRUTH_NAME_MAX])
{
  snprintf(room, PL_TRUTH_NAME_MAX, "%.60s.%.60s", name->part, name->port);
  return room;
}
