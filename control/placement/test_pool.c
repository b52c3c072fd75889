/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of the pool, one by one. */
#include "control/placement/pool_test.h"

static void a_request_goes_where_it_fits_and_comes_back(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  struct pl_node_view view;
  add_node(pool, (struct pl_node_desc){.id = "small", .capacity = ROOM(2, 1024)});
  add_node(pool, (struct pl_node_desc){.id = "large", .capacity = ROOM(8, 4096)});
  assert_int_equal(place(pool, (struct pl_request){.id = "web", .need = OF(4, 512)}), PL_OK);
  assert_string_equal(node_of(pool, "web"), "large");
  assert_true(pl_pool_view(pool, "large", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 4000);
  assert_int_equal(view.given.of[PL_DIMENSION_MEMORY], 512);
  assert_int_equal(view.allocations, 1);
  assert_sound(pool);
  assert_int_equal(pl_pool_release(pool, "web", &err), PL_OK);
  assert_int_equal(pl_pool_release(pool, "web", &err), PL_E_USAGE);
  assert_true(pl_pool_view(pool, "large", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_CORES], 0);
  assert_int_equal(pl_pool_allocations(pool), 0);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void each_dimension_is_a_limit(void **state)
{
  (void)state;
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    struct pl_pool *pool = new_pool(NULL);
    struct pl_amounts room = {0};
    struct pl_request request = {.id = "a"};
    struct pl_why why;
    struct pl_plan *plan = NULL;
    for (int i = 0; i < PL_DIMENSION_COUNT; i++)
      room.of[i] = 10;
    add_node(pool, (struct pl_node_desc){.id = "n", .capacity = room});
    request.need.of[d] = 11;
    assert_int_equal(pl_pool_plan(pool, &request, 1, &plan, &why, NULL), PL_E_RANGE);
    assert_int_equal(why.short_by.of[d], 1);
    request.need.of[d] = 10;
    assert_int_equal(place(pool, request), PL_OK);
    request.id = "b";
    request.need.of[d] = 1;
    assert_int_equal(place(pool, request), PL_E_RANGE);
    pl_pool_free(pool);
  }
}

static void features_are_needed_all_of_them(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  uint64_t gpu, x86, again;
  struct pl_plan *plan = NULL;
  struct pl_why why;
  assert_int_equal(pl_pool_feature(pool, "gpu", &gpu, NULL), PL_OK);
  assert_int_equal(pl_pool_feature(pool, "x86-64", &x86, NULL), PL_OK);
  assert_int_equal(pl_pool_feature(pool, "gpu", &again, NULL), PL_OK);
  assert_true(gpu == again && gpu != x86);
  add_node(pool, (struct pl_node_desc){.id = "a", .capacity = ROOM(8, 1024), .features = x86});
  add_node(pool, (struct pl_node_desc){.id = "b", .capacity = ROOM(8, 1024), .features = gpu});
  const struct pl_request both = {.id = "both", .need = OF(1, 1), .features = gpu | x86};
  assert_int_equal(pl_pool_plan(pool, &both, 1, &plan, &why, NULL), PL_E_RANGE);
  assert_int_equal(why.lacks_feature, 2);
  add_node(pool, (struct pl_node_desc){.id = "c", .capacity = ROOM(8, 1024), .features = gpu | x86});
  assert_int_equal(place(pool, both), PL_OK);
  assert_string_equal(node_of(pool, "both"), "c");
  char word[16];
  enum pl_status status = PL_OK;
  for (int i = 0; i < 63 && !status; i++) {
    snprintf(word, sizeof word, "f%d", i);
    status = pl_pool_feature(pool, word, &again, NULL);
    assert_int_equal(status, i < 62 ? PL_OK : PL_E_RANGE);
  }
  pl_pool_free(pool);
}

static void a_node_takes_by_its_state(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  const struct pl_plan_row *rows;
  add_node(pool, (struct pl_node_desc){.id = "sleeps", .capacity = ROOM(8, 1024), .state = PL_NODE_ASLEEP});
  add_node(pool, (struct pl_node_desc){.id = "hot", .capacity = ROOM(4, 1024), .heat = 1});
  add_node(pool, (struct pl_node_desc){.id = "closed", .capacity = ROOM(8, 1024), .state = PL_NODE_CLOSED});
  add_node(pool, (struct pl_node_desc){.id = "gone", .capacity = ROOM(8, 1024), .state = PL_NODE_GONE});
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(4, 1)}), PL_OK);
  assert_string_equal(node_of(pool, "a"), "hot"); /* awake comes first, whatever its score */
  const struct pl_request more = {.id = "b", .need = OF(4, 1)};
  assert_int_equal(pl_pool_plan(pool, &more, 1, &plan, NULL, NULL), PL_OK);
  assert_int_equal(pl_plan_rows(plan, &rows), 1);
  assert_string_equal(rows->node, "sleeps");
  assert_true(rows->wakes);
  pl_plan_free(plan);
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(1, 1), .node = "closed"}), PL_E_RANGE);
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(1, 1), .node = "gone"}), PL_E_RANGE);
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(1, 1), .node = "nowhere"}), PL_E_USAGE);
  assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(1, 1), .node = "sleeps"}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "d", .need = OF(1, 1), .not_node = "sleeps"}), PL_E_RANGE);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void company_and_distance_are_kept_in_every_domain(void **state)
{
  (void)state;
  static const char *const with_on[] = {"n0", "n0 n1", "n0 n1 n2 n3", "n0 n1 n2 n3 n4 n5 n6 n7"};
  for (int domain = 0; domain < PL_DOMAIN_COUNT; domain++) {
    struct pl_pool *pool = new_pool(&(struct pl_pool_policy){.spread = 1});
    add_nodes(pool, 16, 2, ROOM(100, 100000));
    assert_int_equal(place(pool, (struct pl_request){.id = "db", .group = "data", .need = OF(2, 1), .node = "n0"}), PL_OK);
    for (int i = 0; i < 12; i++) {
      char id[24], other[24];
      snprintf(id, sizeof id, "with-%d", i);
      snprintf(other, sizeof other, "apart-%d", i);
      assert_int_equal(place(pool, (struct pl_request){.id = id, .need = OF(1, 1), .with = {i % 2 ? "db" : "data"}, .with_in = (enum pl_domain)domain}), PL_OK);
      assert_non_null(strstr(with_on[domain], node_of(pool, id)));
      assert_int_equal(place(pool, (struct pl_request){.id = other, .need = OF(1, 1), .apart = {i % 2 ? "db" : "data"}, .apart_in = (enum pl_domain)domain}), PL_OK);
      char padded[18], list[64];
      snprintf(padded, sizeof padded, "%s ", node_of(pool, other));
      snprintf(list, sizeof list, "%s ", with_on[domain]);
      assert_null(strstr(list, padded));
    }
    assert_sound(pool);
    pl_pool_free(pool);
  }
}

static void who_keeps_apart_is_left_alone_by_those_who_come_later(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  add_nodes(pool, 2, 1, ROOM(8, 1024)); /* two modules of one rack */
  assert_int_equal(place(pool, (struct pl_request){.id = "shy", .need = OF(1, 1), .apart = {"loud"}, .apart_in = PL_DOMAIN_MODULE, .node = "n0"}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "x", .group = "loud", .need = OF(1, 1), .node = "n0"}), PL_E_RANGE);
  assert_int_equal(place(pool, (struct pl_request){.id = "x", .group = "loud", .need = OF(1, 1)}), PL_OK);
  assert_string_equal(node_of(pool, "x"), "n1");
  assert_int_equal(pl_pool_move(pool, "x", "n0", NULL), PL_E_RANGE);
  assert_int_equal(pl_pool_move(pool, "shy", "n1", NULL), PL_E_RANGE);
  pl_pool_free(pool);
}

static void replicas_survive_the_loss_of_any_domain(void **state)
{
  (void)state;
  for (int redundancy = 0; redundancy <= PL_REDUNDANCY_2N; redundancy++)
    for (int spread = 0; spread < PL_DOMAIN_COUNT; spread++)
      for (unsigned n = 1; n <= 3; n++) {
        struct pl_pool *pool = new_pool(NULL);
        add_nodes(pool, 32, 2, ROOM(100, 100000));
        struct pl_request q = {.id = "web", .need = OF(1, 1), .replicas = n, .redundancy = (enum pl_spares)redundancy, .spread = (enum pl_domain)spread};
        unsigned total = redundancy == PL_REDUNDANCY_N1 ? n + 1 : redundancy == PL_REDUNDANCY_2N ? 2 * n : n, in_domain[32] = {0};
        assert_int_equal(place(pool, q), PL_OK);
        assert_int_equal(pl_pool_allocations(pool), total);
        for (unsigned r = 1; r <= total; r++) {
          char id[16];
          snprintf(id, sizeof id, r > 1 ? "web#%u" : "web", r);
          static const int per[] = {1, 2, 4, 8};
          in_domain[strtol(node_of(pool, id) + 1, NULL, 10) / per[spread]]++;
        }
        for (int d = 0; redundancy && d < 32; d++)
          assert_true(total - in_domain[d] >= n);
        assert_sound(pool);
        pl_pool_free(pool);
      }
}

static void redundancy_that_cannot_be_is_refused_as_a_whole(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  struct pl_why why;
  struct pl_err err = {0};
  add_nodes(pool, 4, 2, ROOM(100, 100000)); /* one rack */
  const struct pl_request q = {.id = "web", .need = OF(1, 1), .redundancy = PL_REDUNDANCY_N1, .spread = PL_DOMAIN_RACK};
  uint64_t version = pl_pool_version(pool);
  assert_int_equal(pl_pool_plan(pool, &q, 1, &plan, &why, &err), PL_E_RANGE);
  assert_int_equal(why.affinity, 4);
  assert_string_equal(why.id, "web");
  assert_int_equal(pl_pool_allocations(pool), 0);
  assert_int_equal(pl_pool_version(pool), version);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void a_domains_limit_holds_for_all_of_its_nodes(void **state)
{
  (void)state;
  for (int kind = PL_DOMAIN_MODULE; kind < PL_DOMAIN_COUNT; kind++) {
    struct pl_pool *pool = new_pool(NULL);
    struct pl_amounts limit;
    struct pl_plan *plan = NULL;
    struct pl_why why;
    struct pl_err err = {0};
    memset(&limit, 0xFF, sizeof limit);
    limit.of[PL_DIMENSION_CORES] = 5000;
    add_nodes(pool, 2, 2, ROOM(8, 1024));
    const char *id = kind == PL_DOMAIN_MODULE ? "m0" : kind == PL_DOMAIN_RACK ? "r0" : "f0";
    assert_int_equal(pl_pool_limit(pool, (enum pl_domain)kind, id, &limit, NULL), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(3, 1), .not_node = "n1"}), PL_OK);
    const struct pl_request b = {.id = "b", .need = OF(3, 1)};
    assert_int_equal(pl_pool_plan(pool, &b, 1, &plan, &why, &err), PL_E_RANGE);
    assert_int_equal(why.domain_limit, 2);
    assert_int_equal(why.short_by.of[PL_DIMENSION_CORES], 1000);
    char expected[32];
    snprintf(expected, sizeof expected, "%s %s", pl_domain_name((enum pl_domain)kind), id);
    assert_string_equal(why.limit, expected);
    assert_int_equal(place(pool, (struct pl_request){.id = "b", .need = OF(2, 1)}), PL_OK);
    assert_int_equal(pl_pool_resize(pool, "b", &OF(3, 1), &err), PL_E_RANGE);
    assert_int_equal(pl_pool_move(pool, "b", !strcmp(node_of(pool, "b"), "n0") ? "n1" : "n0", NULL), PL_OK); /* within the domain: nothing more is taken of it */
    assert_sound(pool);
    memset(&limit, 0xFF, sizeof limit);
    assert_int_equal(pl_pool_limit(pool, (enum pl_domain)kind, id, &limit, NULL), PL_OK);
    assert_int_equal(place(pool, b), PL_E_USAGE); /* is there already */
    assert_int_equal(place(pool, (struct pl_request){.id = "c", .need = OF(3, 1)}), PL_OK);
    pl_pool_free(pool);
  }
  struct pl_pool *pool = new_pool(NULL);
  assert_int_equal(pl_pool_limit(pool, PL_DOMAIN_NODE, "n0", &OF(1, 1), NULL), PL_E_USAGE);
  pl_pool_free(pool);
}

static size_t displaced(struct pl_pool *pool, struct pl_request q, const char *list)
{
  struct pl_plan *plan = NULL;
  const char *const *ids;
  struct pl_err err = {0};
  char got[256] = "";
  assert_int_equal(pl_pool_plan(pool, &q, 1, &plan, NULL, &err), PL_OK);
  size_t n = pl_plan_evicts(plan, &ids);
  for (size_t i = 0; i < n; i++)
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "", ids[i]);
  assert_string_equal(got, list);
  assert_int_equal(pl_pool_commit(pool, plan, &err), PL_OK);
  pl_plan_free(plan);
  assert_sound(pool);
  return n;
}

static void higher_displaces_lower_the_fewest_and_lowest(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  add_nodes(pool, 3, 1, ROOM(8, 8192));
  static const struct {
    const char *id, *node;
    int cores, priority;
  } there[] = {{"a1", "n0", 4, 1}, {"a2", "n0", 4, 1}, {"b1", "n1", 8, 3}, {"c1", "n2", 6, 2}, {"c2", "n2", 2, 0}};
  for (size_t i = 0; i < sizeof there / sizeof *there; i++)
    assert_int_equal(place(pool, (struct pl_request){.id = there[i].id, .need = OF(there[i].cores, 1), .priority = there[i].priority, .node = there[i].node}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "low", .need = OF(1, 1), .priority = 0}), PL_E_RANGE);
  displaced(pool, (struct pl_request){.id = "x", .need = OF(2, 1), .priority = 9}, "c2");     /* one, and of the lowest */
  displaced(pool, (struct pl_request){.id = "y", .need = OF(6, 1), .priority = 9}, "c1");     /* one of 2, not two of 1 */
  displaced(pool, (struct pl_request){.id = "z", .need = OF(8, 1), .priority = 2}, "a1 a2"); /* b1 is higher than that */
  assert_string_equal(node_of(pool, "a1"), "");
  assert_string_equal(node_of(pool, "z"), "n0");
  pl_pool_free(pool);
}

static void what_is_to_stay_and_a_pool_without_preemption_displace_nobody(void **state)
{
  (void)state;
  for (int off = 0; off < 2; off++) {
    struct pl_pool *pool = new_pool(&(struct pl_pool_policy){.no_preemption = off});
    add_nodes(pool, 2, 1, ROOM(8, 8192));
    assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(8, 1), .stay = !off}), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "x", .need = OF(8, 1), .priority = 5}), PL_OK);
    assert_int_equal(place(pool, (struct pl_request){.id = "y", .need = OF(8, 1), .priority = 4}), PL_E_RANGE);
    assert_int_equal(pl_pool_allocations(pool), 2);
    pl_pool_free(pool);
  }
}

static void a_limit_is_made_room_under_anywhere_in_its_domain(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_amounts limit;
  memset(&limit, 0xFF, sizeof limit);
  limit.of[PL_DIMENSION_CORES] = 8000;
  add_nodes(pool, 3, 1, ROOM(8, 8192));
  assert_int_equal(pl_pool_limit(pool, PL_DOMAIN_FEED, "f0", &limit, NULL), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(4, 1), .priority = 2, .node = "n0"}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "b", .need = OF(4, 1), .priority = 1, .node = "n1"}), PL_OK);
  displaced(pool, (struct pl_request){.id = "x", .need = OF(4, 1), .priority = 5, .node = "n2"}, "b");
  displaced(pool, (struct pl_request){.id = "y", .need = OF(4, 1), .priority = 5}, "a");
  pl_pool_free(pool);
}

static void components_go_together_or_not_at_all(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  struct pl_why why;
  struct pl_err err = {0};
  const struct pl_plan_row *rows;
  add_nodes(pool, 4, 2, ROOM(4, 4096));
  struct pl_request app[] = {{.id = "web", .group = "shop", .need = OF(1, 1), .with = {"db"}, .with_in = PL_DOMAIN_NODE},
                             {.id = "db", .group = "shop", .need = OF(3, 1)},
                             {.id = "cache", .group = "shop", .need = OF(2, 1), .apart = {"db"}, .apart_in = PL_DOMAIN_MODULE}};
  assert_int_equal(pl_pool_plan(pool, app, 3, &plan, &why, &err), PL_OK);
  assert_int_equal(pl_plan_rows(plan, &rows), 3);
  assert_int_equal(pl_pool_allocations(pool), 0); /* a plan only looks */
  assert_sound(pool);
  assert_int_equal(pl_pool_commit(pool, plan, &err), PL_OK);
  assert_string_equal(node_of(pool, "web"), node_of(pool, "db"));
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(node_of(pool, rows[i].id), rows[i].node);
  assert_int_equal(pl_pool_commit(pool, plan, &err), PL_E_BUSY); /* they are there now */
  pl_plan_free(plan);
  app[0].id = "web-2";
  app[1].id = "db-2";
  app[1].need = OF(5, 1); /* too much for any node */
  app[2].id = "cache-2";
  app[0].with[0] = "db-2";
  assert_int_equal(pl_pool_plan(pool, app, 3, &plan, &why, &err), PL_E_RANGE);
  assert_string_equal(why.id, "db-2");
  assert_int_equal(pl_pool_allocations(pool), 3);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void an_order_that_fails_is_tried_otherwise(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  struct pl_err err = {0};
  uint64_t gpu;
  assert_int_equal(pl_pool_feature(pool, "gpu", &gpu, NULL), PL_OK);
  add_node(pool, (struct pl_node_desc){.id = "plain", .capacity = ROOM(8, 4096), .heat = 0.9});
  add_node(pool, (struct pl_node_desc){.id = "gpu", .capacity = ROOM(8, 4096), .features = gpu});
  /* The larger one would go to the cool node, which the smaller one needs. */
  const struct pl_request two[] = {{.id = "large", .need = OF(6, 1)}, {.id = "small", .need = OF(4, 1), .features = gpu}};
  assert_int_equal(pl_pool_plan(pool, two, 2, &plan, NULL, &err), PL_OK);
  assert_int_equal(pl_pool_commit(pool, plan, &err), PL_OK);
  pl_plan_free(plan);
  assert_string_equal(node_of(pool, "large"), "plain");
  assert_string_equal(node_of(pool, "small"), "gpu");
  pl_pool_free(pool);
}

static void company_that_is_mutual_is_kept_by_both(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_plan *plan = NULL;
  struct pl_err err = {0};
  add_node(pool, (struct pl_node_desc){.id = "s1", .domains = {[PL_DOMAIN_RACK] = "r0"}, .capacity = ROOM(4, 4096)});
  add_node(pool, (struct pl_node_desc){.id = "s2", .domains = {[PL_DOMAIN_RACK] = "r0"}, .capacity = ROOM(4, 4096)});
  add_node(pool, (struct pl_node_desc){.id = "hot", .domains = {[PL_DOMAIN_RACK] = "r1"}, .capacity = ROOM(8, 4096), .heat = 0.9});
  /* The first would go to a cool node, and the other only beside it. */
  const struct pl_request two[] = {{.id = "a", .need = OF(3, 1), .with = {"b"}, .with_in = PL_DOMAIN_NODE}, {.id = "b", .need = OF(2, 1), .with = {"a"}, .with_in = PL_DOMAIN_RACK}};
  assert_int_equal(pl_pool_plan(pool, two, 2, &plan, NULL, &err), PL_OK);
  assert_int_equal(pl_pool_commit(pool, plan, &err), PL_OK);
  pl_plan_free(plan);
  assert_string_equal(node_of(pool, "a"), "hot");
  assert_string_equal(node_of(pool, "b"), "hot");
  pl_pool_free(pool);
}

static void what_cannot_be_asked_is_said(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  struct pl_plan *plan = NULL;
  add_nodes(pool, 1, 1, ROOM(8, 1024));
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(1, 1)}), PL_OK);
  const struct pl_request bad[] = {{.id = "a", .need = OF(1, 1)},
                                   {.id = "", .need = OF(1, 1)},
                                   {.id = NULL, .need = OF(1, 1)},
                                   {.id = "b", .need = OF(-1, 1)},
                                   {.id = "b", .need = OF(1, 1), .with = {"nobody"}},
                                   {.id = "b", .need = OF(1, 1), .node = "nowhere"},
                                   {.id = "b", .need = OF(1, 1), .replicas = 1000000},
                                   {.id = "b", .need = OF(1, 1), .spread = PL_DOMAIN_COUNT},
                                   {.id = "b", .need = OF(1, 1), .replicas = 2, .first = 3}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(place(pool, bad[i]), PL_E_USAGE);
  const struct pl_request twice[] = {{.id = "c", .need = OF(1, 1)}, {.id = "c", .need = OF(1, 1)}};
  assert_int_equal(pl_pool_plan(pool, twice, 2, &plan, NULL, &err), PL_E_USAGE);
  assert_int_equal(pl_pool_plan(pool, twice, 0, &plan, NULL, &err), PL_E_USAGE);
  assert_int_equal(pl_pool_node(pool, &(struct pl_node_desc){.id = "m", .capacity = OF(-1, 0)}, &err), PL_E_USAGE);
  assert_int_equal(pl_pool_node(pool, &(struct pl_node_desc){.id = ""}, &err), PL_E_USAGE);
  struct pl_pool *none = NULL;
  assert_int_equal(pl_pool_new(&(struct pl_pool_policy){.cool = -1}, &none, &err), PL_E_USAGE);
  pl_pool_free(pool);
}

static void scaling_out_adds_replicas_and_keeps_the_rule(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  add_nodes(pool, 4, 1, ROOM(8, 8192));
  struct pl_request q = {.id = "web", .need = OF(1, 1), .replicas = 1, .redundancy = PL_REDUNDANCY_N1};
  assert_int_equal(place(pool, q), PL_OK);
  q.replicas = 2;
  q.first = 3;
  assert_int_equal(place(pool, q), PL_OK);
  assert_int_equal(pl_pool_allocations(pool), 3);
  assert_true(strcmp(node_of(pool, "web#3"), node_of(pool, "web")) && strcmp(node_of(pool, "web#3"), node_of(pool, "web#2")));
  assert_sound(pool);
  pl_pool_free(pool);
}

static void resize_and_move_hold_what_they_must(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  struct pl_node_view view;
  add_nodes(pool, 3, 1, ROOM(8, 8192));
  assert_int_equal(place(pool, (struct pl_request){.id = "a", .need = OF(4, 10), .node = NULL, .redundancy = PL_REDUNDANCY_N1}), PL_OK);
  assert_int_equal(pl_pool_resize(pool, "a", &OF(8, 20), &err), PL_OK);
  assert_int_equal(pl_pool_resize(pool, "a", &OF(9, 20), &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "cores is short by 1000 mcore"));
  assert_int_equal(pl_pool_resize(pool, "a", &OF(2, 20), &err), PL_OK);
  assert_int_equal(pl_pool_resize(pool, "nobody", &OF(2, 20), &err), PL_E_USAGE);
  assert_int_equal(pl_pool_move(pool, "a", node_of(pool, "a#2"), &err), PL_E_RANGE); /* both in one node */
  assert_int_equal(pl_pool_move(pool, "a", "nowhere", &err), PL_E_USAGE);
  assert_int_equal(pl_pool_move(pool, "a", "n2", &err), PL_OK);
  assert_true(pl_pool_view(pool, "n2", &view));
  assert_int_equal(view.given.of[PL_DIMENSION_MEMORY], 20);
  assert_int_equal(pl_pool_move(pool, "a", "n2", &err), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "b", .need = OF(8, 1), .node = "n0"}), !strcmp(node_of(pool, "a#2"), "n0") ? PL_E_RANGE : PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "s", .need = OF(1, 1), .stay = true, .node = "n2"}), PL_OK);
  assert_int_equal(pl_pool_move(pool, "s", "n1", &err), PL_E_RANGE);
  assert_sound(pool);
  pl_pool_free(pool);
}

static void company_is_not_left_alone_by_a_move(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  add_nodes(pool, 8, 2, ROOM(8, 8192));
  assert_int_equal(place(pool, (struct pl_request){.id = "db", .need = OF(1, 1), .node = NULL}), PL_OK);
  assert_int_equal(pl_pool_move(pool, "db", "n0", &err), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "web", .need = OF(1, 1), .with = {"db"}, .with_in = PL_DOMAIN_MODULE}), PL_OK);
  assert_int_equal(pl_pool_move(pool, "web", "n2", &err), PL_E_RANGE);
  assert_int_equal(pl_pool_move(pool, "db", "n2", &err), PL_E_RANGE);
  assert_int_equal(pl_pool_move(pool, "db", "n1", &err), PL_OK);
  pl_pool_free(pool);
}

static void those_that_are_tied_move_together_or_not_at_all(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  add_nodes(pool, 4, 2, ROOM(8, 8192));
  assert_int_equal(place(pool, (struct pl_request){.id = "db", .need = OF(3, 1)}), PL_OK);
  assert_int_equal(pl_pool_move(pool, "db", "n0", &err), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "web", .need = OF(3, 1), .with = {"db"}}), PL_OK);
  assert_int_equal(place(pool, (struct pl_request){.id = "wall", .need = OF(3, 1), .node = "n1", .stay = true}), PL_OK);
  uint64_t version = pl_pool_version(pool);
  assert_int_equal(pl_pool_move(pool, "db", "n2", &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "web is to be in one node with it"));
  assert_int_equal(pl_pool_move_all(pool, (const struct pl_shift[]){{"db", "n2"}, {"web", "n3"}}, 2, &err), PL_E_RANGE); /* apart */
  assert_int_equal(pl_pool_move_all(pool, (const struct pl_shift[]){{"db", "n1"}, {"web", "n1"}}, 2, &err), PL_E_RANGE); /* room for one of them */
  assert_non_null(strstr(err.text, "short by 1000 mcore"));
  assert_int_equal(pl_pool_move_all(pool, (const struct pl_shift[]){{"db", "n2"}, {"db", "n2"}}, 2, &err), PL_E_USAGE);
  assert_int_equal(pl_pool_move_all(pool, (const struct pl_shift[]){{"db", "n2"}, {"nobody", "n2"}}, 2, &err), PL_E_USAGE);
  assert_string_equal(node_of(pool, "db"), "n0");
  assert_string_equal(node_of(pool, "web"), "n0");
  assert_int_equal(pl_pool_version(pool), version);
  assert_sound(pool);
  assert_int_equal(pl_pool_move_all(pool, (const struct pl_shift[]){{"db", "n2"}, {"web", "n2"}}, 2, &err), PL_OK);
  assert_string_equal(node_of(pool, "db"), "n2");
  assert_string_equal(node_of(pool, "web"), "n2");
  assert_int_equal(pl_pool_version(pool), version + 1);
  assert_sound(pool);
  pl_pool_free(pool);
}

/* Whatever is short, the sentence ends as it should: what it does not name it counts. */
static void a_refusal_is_never_cut(void **state)
{
  (void)state;
  struct pl_pool *pool = new_pool(NULL);
  struct pl_err err = {0};
  struct pl_why why;
  struct pl_plan *plan = NULL;
  struct pl_request all = {.id = "the-longest-name-that-an-order-may-have-of-fifty-six-chars"};
  for (int i = 0; i < 40; i++) {
    char id[64];
    snprintf(id, sizeof id, "a-node-with-a-name-that-is-as-long-as-names-of-nodes-get-%d", i);
    add_node(pool, (struct pl_node_desc){.id = id, .capacity = OF(1, 1), .state = i % 3 == 2 ? PL_NODE_CLOSED : PL_NODE_UP});
  }
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    all.need.of[d] = 123456789012345;
  assert_int_equal(pl_pool_plan(pool, &all, 1, &plan, &why, &err), PL_E_RANGE);
  const char *end = " and 4 more";
  assert_true(strlen(why.text) + 1 < sizeof why.text && strlen(why.text) > strlen(end));
  assert_string_equal(why.text + strlen(why.text) - strlen(end), end);
  assert_non_null(strstr(why.text, "without room; nearest is a-node-"));
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    assert_true(why.short_by.of[d] > 0);
  assert_string_equal(err.text + strlen(err.text) - 3, "..."); /* an err holds less, and says so */
  pl_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_goes_where_it_fits_and_comes_back),
      cmocka_unit_test(each_dimension_is_a_limit),
      cmocka_unit_test(features_are_needed_all_of_them),
      cmocka_unit_test(a_node_takes_by_its_state),
      cmocka_unit_test(company_and_distance_are_kept_in_every_domain),
      cmocka_unit_test(who_keeps_apart_is_left_alone_by_those_who_come_later),
      cmocka_unit_test(replicas_survive_the_loss_of_any_domain),
      cmocka_unit_test(redundancy_that_cannot_be_is_refused_as_a_whole),
      cmocka_unit_test(a_domains_limit_holds_for_all_of_its_nodes),
      cmocka_unit_test(higher_displaces_lower_the_fewest_and_lowest),
      cmocka_unit_test(what_is_to_stay_and_a_pool_without_preemption_displace_nobody),
      cmocka_unit_test(a_limit_is_made_room_under_anywhere_in_its_domain),
      cmocka_unit_test(components_go_together_or_not_at_all),
      cmocka_unit_test(an_order_that_fails_is_tried_otherwise),
      cmocka_unit_test(company_that_is_mutual_is_kept_by_both),
      cmocka_unit_test(what_cannot_be_asked_is_said),
      cmocka_unit_test(scaling_out_adds_replicas_and_keeps_the_rule),
      cmocka_unit_test(resize_and_move_hold_what_they_must),
      cmocka_unit_test(company_is_not_left_alone_by_a_move),
      cmocka_unit_test(a_refusal_is_never_cut),
      cmocka_unit_test(those_that_are_tied_move_together_or_not_at_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
