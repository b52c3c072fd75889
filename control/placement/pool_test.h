/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_POOL_TEST_H
#define PL_CONTROL_POOL_TEST_H

/* For tests of what stands on a pool. */
#include "control/placement/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CORES(n) ((int64_t)(n) * 1000)
#define OF(cores, memory) ((struct pl_amounts){.of = {[PL_DIMENSION_CORES] = CORES(cores), [PL_DIMENSION_MEMORY] = (memory), [PL_DIMENSION_WORKLOADS] = 1}})
#define ROOM(cores, memory) ((struct pl_amounts){.of = {[PL_DIMENSION_CORES] = CORES(cores), [PL_DIMENSION_MEMORY] = (memory), [PL_DIMENSION_WORKLOADS] = 100}})

static inline struct pl_pool *new_pool(const struct pl_pool_policy *policy)
{
  struct pl_pool *pool = NULL;
  assert_int_equal(pl_pool_new(policy, &pool, NULL), PL_OK);
  return pool;
}

static inline void add_node(struct pl_pool *pool, struct pl_node_desc desc)
{
  struct pl_err err = {0};
  assert_int_equal(pl_pool_node(pool, &desc, &err), PL_OK);
}

/* n0, n1, ...: `per` of them in each of the modules m0, m1, ...; two modules a rack, two racks a feed. */
static inline void add_nodes(struct pl_pool *pool, int count, int per, struct pl_amounts capacity)
{
  for (int i = 0; i < count; i++) {
    char id[16], module[16], rack[16], feed[16];
    snprintf(id, sizeof id, "n%d", i);
    snprintf(module, sizeof module, "m%d", i / per);
    snprintf(rack, sizeof rack, "r%d", i / per / 2);
    snprintf(feed, sizeof feed, "f%d", i / per / 4);
    add_node(pool, (struct pl_node_desc){.id = id, .domains = {NULL, module, rack, feed}, .capacity = capacity});
  }
}

static inline enum pl_status place(struct pl_pool *pool, struct pl_request request)
{
  struct pl_err err = {0};
  enum pl_status status = pl_pool_place(pool, &request, 1, NULL, NULL, &err);
  assert_true(!status == !err.text[0]);
  return status;
}

static inline const char *node_of(const struct pl_pool *pool, const char *id)
{
  struct pl_allocation a = {0};
  return pl_pool_find(pool, id, &a) ? a.node : "";
}

static inline void assert_sound(const struct pl_pool *pool)
{
  struct pl_err err = {0};
  if (pl_pool_check(pool, &err))
    fail_msg("%s", err.text);
}

#endif
