/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 64, WAYS = 8, NAME_MAX_LEN = 48 };

struct bucket {
  char name[NAME_MAX_LEN]; /* "": nobody's */
  double tokens;
  pl_time_ns at;
};

struct pl_peers {
  double rate, burst;
  pthread_mutex_t lock;
  struct bucket buckets[SETS][WAYS];
};

struct pl_peers *pl_peers_new(double rate, double burst)
{
  struct pl_peers *peers = calloc(1, sizeof *peers);
  if (!peers)
    return NULL;
  peers->rate = rate;
  peers->burst = burst < 1 ? 1 : burst;
  pthread_mutex_init(&peers->lock, NULL);
  return peers;
}

void pl_peers_free(struct pl_peers *peers)
{
  if (!peers)
    return;
  pthread_mutex_destroy(&peers->lock);
  free(peers);
}

static unsigned hash(const char *text) /* FNV-1a */
{
  unsigned h = 2166136261u;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 16777619u;
  return h;
}

/* The peer's bucket; else the one of its set that has been quiet longest, full again. */
static struct bucket *bucket_of(struct pl_peers *peers, const char *peer, pl_time_ns now)
{
  struct bucket *set = peers->buckets[hash(peer) % SETS], *oldest = set;
  for (size_t i = 0; i < WAYS; i++) {
    if (!strncmp(set[i].name, peer, NAME_MAX_LEN - 1))
      return &set[i];
    if (!set[i].name[0] || (oldest->name[0] && set[i].at < oldest->at))
      oldest = &set[i];
  }
  *oldest = (struct bucket){.tokens = peers->burst, .at = now};
  snprintf(oldest->name, sizeof oldest->name, "%s", peer);
  return oldest;
}

bool pl_peers_admit(struct pl_peers *peers, const char *peer, pl_time_ns now, unsigned *retry_s)
{
  if (peers->rate <= 0)
    return true;
  pthread_mutex_lock(&peers->lock);
  struct bucket *b = bucket_of(peers, peer, now);
  if (now > b->at) {
    b->tokens += (double)(now - b->at) * 1e-9 * peers->rate;
    b->at = now;
  }
  if (b->tokens > peers->burst)
    b->tokens = peers->burst;
  bool may = b->tokens >= 1;
  if (may)
    b->tokens -= 1;
  else
    *retry_s = 1 + (unsigned)((1 - b->tokens) / peers->rate);
  pthread_mutex_unlock(&peers->lock);
  return may;
}
