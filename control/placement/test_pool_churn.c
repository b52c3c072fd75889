/* SPDX-License-Identifier: Apache-2.0 */
/* Random churn, everything checked after each step; then 200 clients at once. */
#include "control/placement/pool_test.h"
#include "drivers/base/thread.h"

#include <stdatomic.h>

struct churn {
  struct pl_pool *pool;
  uint64_t seed, features[3];
  unsigned next;
  struct pl_amounts room;
};

static uint64_t draw(uint64_t *seed, uint64_t below)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed % below;
}

static struct pl_request some_request(struct churn *c, char id[16], char near[16], char group[16])
{
  snprintf(id, 16, "a%u", c->next++);
  snprintf(near, 16, "a%u", (unsigned)draw(&c->seed, c->next));
  snprintf(group, 16, "g%u", (unsigned)draw(&c->seed, 6));
  struct pl_request q = {.id = id, .group = draw(&c->seed, 2) ? group : NULL, .need = OF(draw(&c->seed, 5), (int64_t)draw(&c->seed, 3000)),
                         .priority = (int)draw(&c->seed, 4), .stay = draw(&c->seed, 20) == 0, .replicas = (unsigned)draw(&c->seed, 3),
                         .redundancy = (enum pl_spares)draw(&c->seed, 3), .spread = (enum pl_domain)draw(&c->seed, PL_DOMAIN_COUNT),
                         .features = draw(&c->seed, 3) ? 0 : c->features[draw(&c->seed, 3)]};
  struct pl_allocation there;
  if (draw(&c->seed, 4) == 0 && pl_pool_find(c->pool, near, &there)) {
    q.with[0] = near;
    q.with_in = (enum pl_domain)draw(&c->seed, PL_DOMAIN_COUNT);
  }
  if (draw(&c->seed, 4) == 0) {
    q.apart[0] = q.group ? q.group : near;
    q.apart_in = (enum pl_domain)draw(&c->seed, PL_DOMAIN_COUNT);
  }
  return q;
}

/* One of what it is to be with, whichever replica, is in its domain. */
static void assert_company(const struct pl_pool *pool, const struct pl_request *q)
{
  struct pl_allocation with, own;
  struct pl_node_view a, b;
  bool there = false, found = false;
  if (!q->with[0] || !pl_pool_find(pool, q->id, &own))
    return;
  assert_true(pl_pool_view(pool, own.node, &a));
  for (unsigned replica = 1; replica <= 4; replica++) {
    char id[32];
    snprintf(id, sizeof id, replica > 1 ? "%s#%u" : "%s", q->with[0], replica);
    if (!pl_pool_find(pool, id, &with))
      continue;
    there = true;
    assert_true(pl_pool_view(pool, with.node, &b));
    found |= !strcmp(a.desc.domains[q->with_in], b.desc.domains[q->with_in]);
  }
  assert_true(found || !there); /* it may have been displaced */
}

static void some_place(struct churn *c)
{
  char ids[6][16], nears[6][16], groups[6][16];
  struct pl_request q[6];
  struct pl_plan *plan = NULL, *again = NULL;
  struct pl_err err = {0};
  size_t n = 1 + draw(&c->seed, 6);
  for (size_t i = 0; i < n; i++) {
    q[i] = some_request(c, ids[i], nears[i], groups[i]);
    if (i && !q[i].with[0] && draw(&c->seed, 5) == 0) { /* a component of the same batch */
      q[i].with[0] = ids[i - 1];
      q[i].with_in = (enum pl_domain)draw(&c->seed, PL_DOMAIN_COUNT);
    }
  }
  enum pl_status status = pl_pool_plan(c->pool, q, n, &plan, NULL, &err);
  assert_true(status == PL_OK || status == PL_E_RANGE);
  assert_sound(c->pool); /* a plan leaves no trace */
  assert_int_equal(pl_pool_plan(c->pool, q, n, &again, NULL, &err), status);
  if (status)
    return;
  const struct pl_plan_row *rows, *same;
  assert_int_equal(pl_plan_rows(plan, &rows), pl_plan_rows(again, &same));
  for (size_t i = 0; i < pl_plan_rows(plan, &rows); i++)
    assert_string_equal(rows[i].node, same[i].node);
  assert_int_equal(pl_pool_commit(c->pool, plan, &err), PL_OK);
  assert_int_equal(pl_pool_commit(c->pool, again, &err), PL_E_BUSY);
  for (size_t i = 0; i < pl_plan_rows(plan, &rows); i++)
    assert_string_equal(node_of(c->pool, rows[i].id), rows[i].node);
  for (size_t i = 0; i < n; i++)
    assert_company(c->pool, &q[i]);
  pl_plan_free(plan);
  pl_plan_free(again);
}

static void some_node(struct churn *c)
{
  char id[16];
  struct pl_node_view view;
  unsigned n = (unsigned)draw(&c->seed, 24);
  snprintf(id, sizeof id, "n%u", n);
  assert_true(pl_pool_view(c->pool, id, &view));
  struct pl_node_desc desc = view.desc;
  if (desc.state == PL_NODE_GONE)
    return; /* what it had stands elsewhere now, or would be doubled by its return */
  desc.state = (enum pl_node_state)draw(&c->seed, 3);
  desc.heat = (double)draw(&c->seed, 100) / 100;
  assert_int_equal(pl_pool_node(c->pool, &desc, NULL), PL_OK);
  const struct pl_amounts peak = OF(draw(&c->seed, 9), (int64_t)draw(&c->seed, 9000));
  assert_int_equal(pl_pool_forecast(c->pool, id, &peak, NULL), PL_OK);
}

static void step(struct churn *c)
{
  char id[24], to[16];
  uint64_t what = draw(&c->seed, 10);
  unsigned replica = (unsigned)draw(&c->seed, 3);
  snprintf(id, sizeof id, replica > 1 ? "a%u#%u" : "a%u", (unsigned)draw(&c->seed, c->next + 1), replica);
  snprintf(to, sizeof to, "n%u", (unsigned)draw(&c->seed, 24));
  if (what < 3)
    some_place(c);
  else if (what < 6)
    (void)pl_pool_release(c->pool, id, NULL);
  else if (what < 8)
    (void)pl_pool_move(c->pool, id, to, NULL);
  else if (what < 9)
    (void)pl_pool_resize(c->pool, id, &OF(draw(&c->seed, 6), (int64_t)draw(&c->seed, 3000)), NULL);
  else
    some_node(c);
}

static void churn_leaves_a_pool_in_order(void **state)
{
  (void)state;
  enum { SEEDS = 12, STEPS = 400 };
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct churn c = {.pool = new_pool(seed % 3 ? NULL : &(struct pl_pool_policy){.spread = 1, .balance = 1}), .seed = seed * 0x9E3779B97F4A7C15u, .next = 1};
    struct pl_amounts limit;
    size_t most = 0;
    add_nodes(c.pool, 24, 2, ROOM(8, 8192));
    for (int i = 0; i < 3; i++) {
      char word[16], id[16];
      snprintf(word, sizeof word, "f%d", i);
      assert_int_equal(pl_pool_feature(c.pool, word, &c.features[i], NULL), PL_OK);
      for (int n = i; n < 24; n += 2 + i) {
        struct pl_node_view view;
        snprintf(id, sizeof id, "n%d", n);
        assert_true(pl_pool_view(c.pool, id, &view));
        view.desc.features |= c.features[i];
        add_node(c.pool, view.desc);
      }
    }
    memset(&limit, 0xFF, sizeof limit);
    limit.of[PL_DIMENSION_CORES] = CORES(20);
    assert_int_equal(pl_pool_limit(c.pool, PL_DOMAIN_RACK, "r1", &limit, NULL), PL_OK);
    for (int i = 0; i < STEPS; i++) {
      step(&c);
      assert_sound(c.pool);
      most = pl_pool_allocations(c.pool) > most ? pl_pool_allocations(c.pool) : most;
    }
    assert_true(most > 20); /* it was not empty all the time */
    pl_pool_free(c.pool);
  }
}

/* --- the race --- */

enum { CLIENTS = 200, ROUNDS = 12 };
struct race {
  struct pl_pool *pool;
  atomic_int placed, refused, beaten, failed;
  pthread_barrier_t start;
};
struct client {
  struct race *race;
  int number;
};

static void one_round(struct race *race, int number, int round, uint64_t *seed)
{
  char id[24], group[16];
  struct pl_err err = {0};
  struct pl_plan *plan = NULL;
  snprintf(id, sizeof id, "c%d-%d", number, round);
  snprintf(group, sizeof group, "g%d", number % 40);
  struct pl_request q = {.id = id, .group = group, .need = OF(1 + draw(seed, 3), (int64_t)draw(seed, 500)), .apart = {draw(seed, 2) ? group : NULL},
                         .redundancy = draw(seed, 4) ? PL_REDUNDANCY_NONE : PL_REDUNDANCY_N1};
  enum pl_status status = pl_pool_plan(race->pool, &q, 1, &plan, NULL, &err);
  if (!status && (status = pl_pool_commit(race->pool, plan, &err)) == PL_E_BUSY) {
    atomic_fetch_add(&race->beaten, 1);
    status = pl_pool_place(race->pool, &q, 1, NULL, NULL, &err);
  }
  pl_plan_free(plan);
  atomic_fetch_add(status ? status == PL_E_RANGE ? &race->refused : &race->failed : &race->placed, 1);
  if (!status && draw(seed, 2)) {
    char second[32];
    snprintf(second, sizeof second, "%s#2", id);
    if (pl_pool_release(race->pool, id, &err))
      atomic_fetch_add(&race->failed, 1);
    (void)pl_pool_release(race->pool, second, NULL);
  }
}

static void *run_client(void *ctx)
{
  struct client *client = ctx;
  uint64_t seed = (uint64_t)(client->number + 1) * 0x9E3779B97F4A7C15u;
  pthread_barrier_wait(&client->race->start);
  for (int round = 0; round < ROUNDS; round++)
    one_round(client->race, client->number, round, &seed);
  return NULL;
}

static void two_hundred_clients_never_get_more_than_there_is(void **state)
{
  (void)state;
  struct race race = {.pool = new_pool(NULL)};
  pthread_t threads[CLIENTS];
  struct client clients[CLIENTS];
  add_nodes(race.pool, 40, 2, ROOM(16, 8192));
  assert_int_equal(pthread_barrier_init(&race.start, NULL, CLIENTS + 1), 0);
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = (struct client){&race, i};
    assert_true(pl_thread_start(&threads[i], run_client, &clients[i]));
  }
  pthread_barrier_wait(&race.start);
  for (int look = 0; look < 20; look++)
    assert_sound(race.pool);
  for (int i = 0; i < CLIENTS; i++)
    pthread_join(threads[i], NULL);
  assert_sound(race.pool);
  assert_int_equal(race.failed, 0);
  assert_int_equal(race.placed + race.refused, CLIENTS * ROUNDS);
  assert_true(race.placed > CLIENTS && race.refused > 0); /* there was not enough for all */
  pthread_barrier_destroy(&race.start);
  pl_pool_free(race.pool);
}

/* Everybody plans on the same last place before anybody commits: one gets it. */
static void one_of_many_gets_the_last_place(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plans[CLIENTS];
  struct pl_err err = {0};
  int got = 0;
  add_nodes(pool, 1, 1, ROOM(4, 4096));
  for (int i = 0; i < CLIENTS; i++) {
    char id[16];
    snprintf(id, sizeof id, "c%d", i);
    assert_int_equal(pl_pool_plan(pool, &(struct pl_request){.id = id, .need = OF(3, 1)}, 1, &plans[i], NULL, &err), PL_OK);
  }
  for (int i = 0; i < CLIENTS; i++) {
    enum pl_status status = pl_pool_commit(pool, plans[i], &err);
    assert_true(status == PL_OK || status == PL_E_BUSY);
    got += !status;
    pl_plan_free(plans[i]);
  }
  assert_int_equal(got, 1);
  assert_sound(pool);
  pl_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(churn_leaves_a_pool_in_order),
      cmocka_unit_test(two_hundred_clients_never_get_more_than_there_is),
      cmocka_unit_test(one_of_many_gets_the_last_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
