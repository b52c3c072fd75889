/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/gate_room.h"

#include <pthread.h>

/*
 * Answers to GET that are still true. Each was made from one unit (or the whole inventory) and the service's own state; it is true while their versions stand and
 * no reading in it has become too old to count. The loop's thread puts, any thread gets.
 */
#define SHARDS 16
#define BUCKETS 256 /* a shard */
#define ENTRIES_MAX 1024 /* a shard: with more it begins anew */

struct entry {
  struct entry *next;
  uint64_t hash;
  char *target;
  struct pl_keep keep;
  struct pl_http_answer answer;
};

struct shard {
  pthread_rwlock_t lock;
  struct entry *buckets[BUCKETS];
  size_t count;
};

struct pl_cache {
  struct shard shards[SHARDS];
};

static uint64_t hash_of(const char *text)
{
  uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
  for (; *text; text++)
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  return hash ^ hash >> 32;
}

static void free_entry(struct entry *entry)
{
  if (!entry)
    return;
  pl_http_answer_free(&entry->answer);
  free(entry->target);
  free(entry);
}

static void clear(struct shard *shard)
{
  for (size_t i = 0; i < BUCKETS; i++)
    for (struct entry *e = shard->buckets[i], *next; e; e = next) {
      next = e->next;
      free_entry(e);
    }
  memset(shard->buckets, 0, sizeof shard->buckets);
  shard->count = 0;
}

struct pl_cache *pl_cache_new(void)
{
  struct pl_cache *cache = calloc(1, sizeof *cache);
  for (size_t i = 0; cache && i < SHARDS; i++)
    pthread_rwlock_init(&cache->shards[i].lock, NULL);
  return cache;
}

void pl_cache_free(struct pl_cache *cache)
{
  for (size_t i = 0; cache && i < SHARDS; i++) {
    clear(&cache->shards[i]);
    pthread_rwlock_destroy(&cache->shards[i].lock);
  }
  free(cache);
}

static bool copy_answer(const struct pl_http_answer *from, struct pl_http_answer *to, bool body)
{
  *to = (struct pl_http_answer){.status = from->status, .type = from->type};
  if (body && from->body) {
    to->body = malloc(from->body_size + 1);
    if (!to->body)
      return false;
    memcpy(to->body, from->body, from->body_size + 1);
    to->body_size = from->body_size;
  }
  for (size_t i = 0; i < from->n_fields; i++)
    pl_http_answer_add(to, from->fields[i].name, from->fields[i].value);
  return to->n_fields == from->n_fields;
}

static bool is_true(const struct pl_keep *keep, const struct pl_stack *stack)
{
  return __atomic_load_n(keep->version_of, __ATOMIC_ACQUIRE) == keep->version && atomic_load(&stack->service->version) == keep->service_version &&
         pl_clock_now(stack->clock) < keep->true_until;
}

static bool not_modified(const struct pl_http_request *request, const struct pl_http_answer *answer)
{
  const char *have = pl_http_field(request->fields, request->n_fields, "If-None-Match");
  const char *etag = have ? pl_http_field(answer->fields, answer->n_fields, "ETag") : NULL;
  return etag && pl_request_tag_in(have, etag);
}

static const struct entry *find(const struct shard *shard, uint64_t hash, const char *target)
{
  const struct entry *e = shard->buckets[hash / SHARDS % BUCKETS];
  while (e && (e->hash != hash || strcmp(e->target, target)))
    e = e->next;
  return e;
}

bool pl_cache_get(struct pl_cache *cache, const struct pl_stack *stack, const struct pl_http_request *request, unsigned privileges, struct pl_http_answer *answer)
{
  uint64_t hash = hash_of(request->target);
  struct shard *shard = &cache->shards[hash % SHARDS];
  pthread_rwlock_rdlock(&shard->lock);
  const struct entry *e = find(shard, hash, request->target);
  bool hit = e && (e->keep.open || e->keep.privileges & privileges) && is_true(&e->keep, stack);
  if (hit) {
    bool same = not_modified(request, &e->answer);
    hit = copy_answer(&e->answer, answer, !same);
    if (same)
      answer->status = 304;
  }
  pthread_rwlock_unlock(&shard->lock);
  if (e && !hit) { /* what was copied of it */
    pl_http_answer_free(answer);
    *answer = (struct pl_http_answer){0};
  }
  return hit;
}

static struct entry *new_entry(const char *target, const struct pl_keep *keep, const struct pl_http_answer *answer)
{
  struct entry *e = calloc(1, sizeof *e);
  if (!e)
    return NULL;
  e->keep = *keep;
  e->hash = hash_of(target);
  e->target = strdup(target);
  if (e->target && copy_answer(answer, &e->answer, true))
    return e;
  free_entry(e);
  return NULL;
}

void pl_cache_put(struct pl_cache *cache, const char *target, const struct pl_keep *keep, const struct pl_http_answer *answer)
{
  struct entry *e = new_entry(target, keep, answer);
  if (!e)
    return;
  struct shard *shard = &cache->shards[e->hash % SHARDS];
  pthread_rwlock_wrlock(&shard->lock);
  if (shard->count >= ENTRIES_MAX)
    clear(shard);
  struct entry **at = &shard->buckets[e->hash / SHARDS % BUCKETS];
  while (*at && ((*at)->hash != e->hash || strcmp((*at)->target, target)))
    at = &(*at)->next;
  struct entry *old = *at;
  e->next = old ? old->next : NULL;
  *at = e;
  shard->count += old == NULL;
  pthread_rwlock_unlock(&shard->lock);
  free_entry(old);
}
