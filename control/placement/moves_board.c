/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/moves_in.h"

/* --- memory: what fails is noticed once, at the end --- */

#define CHUNK 65536
struct mv_chunk {
  struct mv_chunk *next;
  size_t used;
  char text[CHUNK];
};

static const char *keep(struct mv_board *b, const char *text)
{
  size_t size = text ? strlen(text) + 1 : 0;
  if (!text || size > CHUNK)
    return NULL;
  if (!b->chunks || CHUNK - b->chunks->used < size) {
    struct mv_chunk *chunk = malloc(sizeof *chunk);
    if (!chunk) {
      b->short_of_memory = true;
      return NULL;
    }
    chunk->next = b->chunks;
    chunk->used = 0;
    b->chunks = chunk;
  }
  char *at = b->chunks->text + b->chunks->used;
  memcpy(at, text, size);
  b->chunks->used += size;
  return at;
}

bool mv_grow(void **array, size_t *room, size_t count, size_t size)
{
  if (count < *room)
    return true;
  size_t more = *room ? *room * 2 : 64;
  void *grown = realloc(*array, more * size);
  if (!grown)
    return false;
  *array = grown;
  *room = more;
  return true;
}
#define GROW(b, what) (mv_grow((void **)&(b)->what, &(b)->room_##what, (b)->n_##what, sizeof *(b)->what) || !((b)->short_of_memory = true))

/* --- nodes and limits --- */

static int32_t domain_number(struct mv_board *b, enum pl_domain domain, const char *id)
{
  int32_t number = mv_words_find(b->domain_words[domain], id);
  if (number != MV_NONE || !id)
    return number;
  const char *kept = keep(b, id);
  return kept ? mv_words_add(b->domain_words[domain], kept, (int32_t)mv_words_count(b->domain_words[domain])) : MV_NONE;
}

static void take_node(void *ctx, const struct pl_node_view *view)
{
  struct mv_board *b = ctx;
  const char *id = keep(b, view->desc.id);
  if (!id || !GROW(b, nodes))
    return;
  int32_t at = (int32_t)b->n_nodes;
  struct mv_node *n = &b->nodes[b->n_nodes++];
  *n = (struct mv_node){.id = id, .features = view->desc.features, .state = view->desc.state, .capacity = view->desc.capacity,
                        .heat = view->desc.heat, .idle_W = view->desc.idle_W, .first = MV_NONE};
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    int64_t given = view->given.of[d], expected = view->forecast.of[d];
    n->per[d] = n->capacity.of[d] > 0 ? 1 / (double)n->capacity.of[d] : 0;
    n->grow[d] = b->soft && given > 0 && expected > given ? (double)expected / (double)given : 1;
    n->load.of[d] = b->soft && expected > given ? expected : given; /* its allocations take theirs away with them: see take_alloc */
    n->used.of[d] = given;
    n->ceiling.of[d] = n->capacity.of[d];
  }
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    n->domain[i] = i == PL_DOMAIN_NODE ? at : domain_number(b, (enum pl_domain)i, view->desc.domains[i]);
  b->short_of_memory |= mv_words_add(b->node_words, id, at) == MV_NONE;
}

static void take_limit(void *ctx, enum pl_domain domain, const char *id, const struct pl_amounts *limit)
{
  struct mv_board *b = ctx;
  if (GROW(b, limits))
    b->limits[b->n_limits++] = (struct mv_limit){.domain = domain, .of = domain == PL_DOMAIN_NODE ? mv_board_node(b, id) : domain_number(b, domain, id), .most = *limit};
}

/* --- allocations and what binds them --- */

static int32_t set_named(struct mv_board *b, struct mv_words *words, const char *name)
{
  int32_t set = mv_words_find(words, name);
  if (set != MV_NONE)
    return set;
  const char *kept = keep(b, name);
  if (!kept || !GROW(b, sets))
    return MV_NONE;
  b->sets[b->n_sets] = (struct mv_set){.name = kept, .members = MV_NONE, .owners = MV_NONE};
  set = mv_words_add(words, kept, (int32_t)b->n_sets++);
  b->short_of_memory |= set == MV_NONE;
  return set;
}

static void tie(struct mv_board *b, int32_t owner, const char *name, bool with, enum pl_domain domain)
{
  int32_t set = set_named(b, b->name_words, name);
  if (set == MV_NONE || !GROW(b, ties))
    return;
  int32_t at = (int32_t)b->n_ties++;
  b->ties[at] = (struct mv_tie){.owner = owner, .set = set, .with = with, .domain = domain, .next_of_owner = b->allocs[owner].ties, .next_of_set = b->sets[set].owners};
  b->allocs[owner].ties = b->sets[set].owners = at;
}

static void belong(struct mv_board *b, int32_t alloc, int32_t set)
{
  if (set == MV_NONE || !GROW(b, memberships))
    return;
  for (int32_t m = b->allocs[alloc].memberships; m != MV_NONE; m = b->memberships[m].next_of_alloc)
    if (b->memberships[m].set == set)
      return;
  int32_t at = (int32_t)b->n_memberships++;
  b->memberships[at] = (struct mv_membership){.alloc = alloc, .set = set, .next_of_alloc = b->allocs[alloc].memberships, .next_of_set = b->sets[set].members};
  b->allocs[alloc].memberships = b->sets[set].members = at;
  b->sets[set].count++;
}

static void replicate(struct mv_board *b, int32_t alloc, const struct pl_request *r)
{
  int32_t set = set_named(b, b->replica_words, r->id);
  if (set == MV_NONE)
    return;
  unsigned replicas = r->replicas ? r->replicas : 1;
  b->allocs[alloc].together = r->redundancy == PL_REDUNDANCY_2N ? replicas : 1; /* so many may be lost at once */
  b->allocs[alloc].spread = r->spread;
  b->allocs[alloc].replicas = set;
  belong(b, alloc, set);
}

static void link_in(struct mv_board *b, int32_t alloc, int32_t node)
{
  struct mv_alloc *a = &b->allocs[alloc];
  a->node = node;
  a->prev = MV_NONE;
  a->next = b->nodes[node].first;
  if (a->next != MV_NONE)
    b->allocs[a->next].prev = alloc;
  b->nodes[node].first = alloc;
}

static void take_alloc(void *ctx, const struct pl_allocation *view)
{
  struct mv_board *b = ctx;
  int32_t node = (int32_t)b->n_nodes - 1, at = (int32_t)b->n_allocs; /* its node came just before it */
  const struct pl_request *r = view->request;
  const char *id = keep(b, view->id);
  if (node < 0 || !id || !GROW(b, allocs))
    return;
  struct mv_alloc *a = &b->allocs[b->n_allocs++];
  *a = (struct mv_alloc){.id = id, .need = view->need, .home = node, .features = r->features, .replicas = MV_NONE, .ties = MV_NONE, .memberships = MV_NONE,
                         .only = r->node ? node : MV_NONE, .not_node = keep(b, r->not_node), .never = MV_NONE,
                         .request = strcmp(r->id, id) ? keep(b, r->id) : id, .group = keep(b, view->group), .priority = view->priority, .cost_MiB = view->need.of[PL_DIMENSION_MEMORY] + view->need.of[PL_DIMENSION_STORAGE],
                         .fixed = (r->stay && b->nodes[node].state != PL_NODE_GONE) || r->node};
  link_in(b, at, node);
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX && r->with[i]; i++)
    tie(b, at, r->with[i], true, r->with_in);
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX && r->apart[i]; i++)
    tie(b, at, r->apart[i], false, r->apart_in);
  if (r->redundancy != PL_REDUNDANCY_NONE)
    replicate(b, at, r);
}

/* Who is meant by the names, when all of them are known. */
static void link_names(struct mv_board *b)
{
  for (size_t i = 0; i < b->n_allocs; i++) {
    struct mv_alloc *a = &b->allocs[i];
    a->never = mv_board_node(b, a->not_node);
    if (!mv_words_count(b->name_words))
      continue;
    belong(b, (int32_t)i, mv_words_find(b->name_words, a->id));
    if (a->request != a->id)
      belong(b, (int32_t)i, mv_words_find(b->name_words, a->request));
    belong(b, (int32_t)i, mv_words_find(b->name_words, a->group));
  }
}

/* --- the whole --- */

static void link_limits(struct mv_board *b)
{
  for (size_t n = 0; n < b->n_nodes; n++)
    for (int i = 0; i < PL_DOMAIN_COUNT; i++)
      b->nodes[n].limit[i] = MV_NONE;
  for (size_t l = 0; l < b->n_limits; l++)
    for (size_t n = 0; n < b->n_nodes; n++)
      if (b->limits[l].of != MV_NONE && b->nodes[n].domain[b->limits[l].domain] == b->limits[l].of) {
        b->nodes[n].limit[b->limits[l].domain] = (int32_t)l;
        for (int d = 0; d < PL_DIMENSION_COUNT; d++)
          b->limits[l].used.of[d] += b->nodes[n].used.of[d];
      }
}

static void link_rings(struct mv_board *b)
{
  for (int i = 0; i < PL_DOMAIN_COUNT; i++) {
    size_t domains = mv_words_count(b->domain_words[i]);
    int32_t *last = malloc((domains + 1) * sizeof *last);
    b->short_of_memory |= !last;
    for (size_t d = 0; last && d < domains; d++)
      last[d] = MV_NONE;
    for (size_t n = 0; n < b->n_nodes; n++) {
      struct mv_node *node = &b->nodes[n];
      int32_t domain = i == PL_DOMAIN_NODE ? MV_NONE : node->domain[i];
      node->peer[i] = (int32_t)n;
      if (!last || domain == MV_NONE)
        continue;
      if (last[domain] != MV_NONE) {
        node->peer[i] = b->nodes[last[domain]].peer[i];
        b->nodes[last[domain]].peer[i] = (int32_t)n;
      }
      last[domain] = (int32_t)n;
    }
    free(last);
  }
}

static enum pl_status short_of_memory(struct pl_err *err)
{
  return pl_fail(err, PL_E_NOMEM, "moves: no memory for a copy of the pool");
}

enum pl_status mv_board_read(const struct pl_pool *pool, const struct pl_goal_desc *goal, struct mv_board *board, struct pl_err *err)
{
  static const struct pl_pool_walk WALK = {.node = take_node, .allocation = take_alloc, .limit = take_limit};
  struct mv_board *b = board;
  *b = (struct mv_board){.goal = goal, .soft = goal->goal == PL_GOAL_RELIEVE || goal->goal == PL_GOAL_CONSOLIDATE};
  b->node_words = mv_words_new();
  b->name_words = mv_words_new();
  b->replica_words = mv_words_new();
  b->short_of_memory = !b->node_words || !b->name_words || !b->replica_words;
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    b->short_of_memory |= !(b->domain_words[i] = mv_words_new());
  enum pl_status status = b->short_of_memory ? short_of_memory(err) : pl_pool_walk(pool, &WALK, b, err);
  if (!status) {
    link_names(b);
    link_limits(b);
    link_rings(b);
    b->watch = malloc((b->n_nodes + 1) * sizeof *b->watch);
    if (b->short_of_memory || !b->watch)
      status = short_of_memory(err);
  }
  if (status)
    mv_board_end(b);
  return status;
}

void mv_board_end(struct mv_board *board)
{
  mv_words_free(board->node_words);
  mv_words_free(board->name_words);
  mv_words_free(board->replica_words);
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    mv_words_free(board->domain_words[i]);
  while (board->chunks) {
    struct mv_chunk *chunk = board->chunks;
    board->chunks = chunk->next;
    free(chunk);
  }
  void *const arrays[] = {board->nodes, board->allocs, board->ties, board->memberships, board->sets, board->limits, board->watch};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    free(arrays[i]);
  *board = (struct mv_board){0};
}

int32_t mv_board_node(const struct mv_board *board, const char *id)
{
  return mv_words_find(board->node_words, id);
}

/* --- shifting --- */

static void count_in(struct mv_board *b, const struct mv_alloc *a, const struct pl_amounts *load, int32_t node, int sign)
{
  struct mv_node *n = &b->nodes[node];
  for (int d = 0; d < PL_DIMENSION_COUNT; d++) {
    n->used.of[d] += sign * a->need.of[d];
    n->load.of[d] += sign * load->of[d];
  }
  for (int i = 0; i < PL_DOMAIN_COUNT; i++)
    for (int d = 0; n->limit[i] != MV_NONE && d < PL_DIMENSION_COUNT; d++)
      b->limits[n->limit[i]].used.of[d] += sign * a->need.of[d];
}

void mv_shift(struct mv_board *board, int32_t alloc, int32_t to)
{
  struct mv_alloc *a = &board->allocs[alloc];
  int32_t from = a->node;
  if (from == to)
    return;
  const struct pl_amounts load = mv_load(board, alloc);
  if (a->prev != MV_NONE)
    board->allocs[a->prev].next = a->next;
  else
    board->nodes[from].first = a->next;
  if (a->next != MV_NONE)
    board->allocs[a->next].prev = a->prev;
  count_in(board, a, &load, from, -1);
  board->nodes[from].ins -= from != a->home;
  board->nodes[to].ins += to != a->home;
  if ((from == a->home) != (to == a->home)) {
    board->moved += from == a->home ? 1 : (size_t)-1;
    board->cost_MiB += from == a->home ? a->cost_MiB : -a->cost_MiB;
  }
  link_in(board, alloc, to);
  count_in(board, a, &load, to, 1);
}

void mv_home(struct mv_board *board)
{
  for (size_t i = 0; i < board->n_allocs; i++)
    mv_shift(board, (int32_t)i, board->allocs[i].home);
}
