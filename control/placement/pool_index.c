/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes that take work stand in a treap, ordered by what they run short of first, by their features, and by how much of it is left: neighbours are alike, so
 * that the greatest free amount of each dimension below a branch (and the features found there) tells nearly always whether anything below fits. Branches are
 * looked at in the order of the best static score below them. Its shape comes from its keys alone: the same pool, the same search.
 */
#include "control/placement/pool_in.h"

#include <stdlib.h>
#include <string.h>

static void pull(struct node *n)
{
  n->max = n->free;
  n->any = n->features;
  n->best = n->score;
  n->lowest_below = n->lowest;
  for (int side = 0; side < 2; side++) {
    const struct node *child = side ? n->right : n->left;
    if (!child)
      continue;
    for (int d = 0; d < DIMS; d++)
      n->max.of[d] = child->max.of[d] > n->max.of[d] ? child->max.of[d] : n->max.of[d];
    n->any |= child->any;
    n->best = child->best > n->best ? child->best : n->best;
    n->lowest_below = child->lowest_below < n->lowest_below ? child->lowest_below : n->lowest_below;
  }
}

static void split(struct node *tree, uint64_t key, struct node **below, struct node **above)
{
  if (!tree) {
    *below = *above = NULL;
  } else if (tree->key < key) {
    split(tree->right, key, &tree->right, above);
    *below = tree;
    pull(tree);
  } else {
    split(tree->left, key, below, &tree->left);
    *above = tree;
    pull(tree);
  }
}

static struct node *merge(struct node *below, struct node *above)
{
  if (!below || !above)
    return below ? below : above;
  if (below->order > above->order) {
    below->right = merge(below->right, above);
    pull(below);
    return below;
  }
  above->left = merge(below, above->left);
  pull(above);
  return above;
}

static struct node *insert(struct node *tree, struct node *n)
{
  if (!tree || n->order > tree->order) {
    split(tree, n->key, &n->left, &n->right);
    pull(n);
    return n;
  }
  struct node **side = n->key < tree->key ? &tree->left : &tree->right;
  *side = insert(*side, n);
  pull(tree);
  return tree;
}

static struct node *erase(struct node *tree, const struct node *n)
{
  if (tree == n)
    return merge(n->left, n->right);
  struct node **side = n->key < tree->key ? &tree->left : &tree->right;
  *side = erase(*side, n);
  pull(tree);
  return tree;
}

/* The way down to a node that keeps its place. */
static void refresh(struct node *tree, const struct node *n)
{
  if (tree != n)
    refresh(n->key < tree->key ? tree->left : tree->right, n);
  pull(tree);
}

/* 4 bits: the dimension that runs short first; 12: features; 24: how much of it is left; 24: its number. */
static uint64_t key_of(const struct node *n)
{
  double least = 1;
  uint64_t dimension = 15, features = (n->features * 0x9E3779B97F4A7C15u) >> 52;
  for (int d = 0; d < DIMS; d++)
    if (n->capacity.of[d] > 0) {
      double share = (double)n->free.of[d] / (double)n->capacity.of[d];
      if (share < least) {
        least = share;
        dimension = (uint64_t)d;
      }
    }
  uint64_t left = least > 0 ? (uint64_t)(least * 0xFFFFFF) : 0;
  return dimension << 60 | features << 48 | left << 24 | (n->index & 0xFFFFFF);
}

void pool_index(struct pl_pool *pool, struct node *n)
{
  int tree = n->state == PL_NODE_UP ? TREE_AWAKE : n->state == PL_NODE_ASLEEP ? TREE_ASLEEP : -1;
  struct pl_amounts left;
  for (int d = 0; d < DIMS; d++)
    left.of[d] = n->capacity.of[d] - n->given.of[d];
  struct node as = {.capacity = n->capacity, .free = left, .features = n->features, .index = n->index};
  uint64_t key = key_of(&as);
  bool stays = tree == n->tree && key == n->key;
  if (n->tree >= 0 && !stays)
    pool->roots[n->tree] = erase(pool->roots[n->tree], n);
  n->free = left;
  n->key = key;
  n->score = pool_score_static(pool, n);
  n->order = (n->index + 1) * 2654435769u;
  if (stays && tree >= 0)
    refresh(pool->roots[tree], n);
  else if (tree >= 0)
    pool->roots[tree] = insert(pool->roots[tree], n);
  n->tree = (int8_t)tree;
}

/* --- the search: a heap of branches and of single nodes, by the best that can come of them --- */

struct entry {
  float best;
  bool single;
  const struct node *node;
};
struct heap {
  struct entry *entries, few[256];
  size_t count, cap;
};

static bool before(const struct entry *a, const struct entry *b)
{
  if (a->best != b->best)
    return a->best > b->best;
  return a->single != b->single ? a->single : a->node->index < b->node->index;
}

static void push(struct heap *h, struct entry e)
{
  if (h->count == h->cap) {
    struct entry *more = malloc(h->cap * 2 * sizeof *more);
    if (!more)
      return;
    memcpy(more, h->entries, h->count * sizeof *more);
    if (h->entries != h->few)
      free(h->entries);
    h->entries = more;
    h->cap *= 2;
  }
  size_t i = h->count++;
  for (; i && before(&e, &h->entries[(i - 1) / 2]); i = (i - 1) / 2)
    h->entries[i] = h->entries[(i - 1) / 2];
  h->entries[i] = e;
}

static struct entry pop(struct heap *h)
{
  struct entry top = h->entries[0], last = h->entries[--h->count];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
    if (child + 1 < h->count && before(&h->entries[child + 1], &h->entries[child]))
      child++;
    if (!before(&h->entries[child], &last))
      break;
    h->entries[i] = h->entries[child];
  }
  h->entries[i] = last;
  return top;
}

static void look_below(struct heap *h, const struct node *branch, const struct rules *rules)
{
  if (branch && !(rules->request->features & ~branch->any) && pool_room(&branch->max, &rules->need))
    push(h, (struct entry){.best = branch->best, .node = branch});
}

static bool better(const struct node *n, float score, const struct candidate *than)
{
  return score > than->score || (score == than->score && n->index < than->node->index);
}

/* Kept by score; where there are enough, the worst falls out. */
static void take(struct candidate *out, size_t *count, const struct node *node, float score)
{
  size_t i = *count;
  if (i < CANDIDATES)
    (*count)++;
  else if (!better(node, score, &out[--i]))
    return;
  for (; i && better(node, score, &out[i - 1]); i--)
    out[i] = out[i - 1];
  out[i] = (struct candidate){node, score};
}

static float whole_score(const struct pl_pool *pool, const struct rules *rules, const struct node *n)
{
  return n->score + (float)pool->weights[TERM_BALANCE] * pool_score_balance(n, &rules->need);
}

static const struct domain *domain_of(const struct pl_pool *pool, uint64_t key)
{
  return key >> 32 & 1 ? NULL : pool->domains[key & UINT32_MAX];
}

/* Company is found from its domains, where these are small: a key of a set is a node's or a domain's. */
const struct key_set *pool_company(const struct pl_pool *pool, const struct rules *rules)
{
  enum { SMALL = 1024 };
  const struct key_set *best = NULL;
  size_t least = SMALL;
  for (unsigned w = 0; w < rules->n_with; w++) {
    size_t nodes = 0;
    for (size_t i = 0; i < rules->with[w].count && nodes < least; i++) {
      const struct domain *d = domain_of(pool, rules->with[w].keys[i]);
      nodes += d ? d->count : 1;
    }
    if (nodes < least) {
      least = nodes;
      best = &rules->with[w];
    }
  }
  return best;
}

void pool_each_in(const struct pl_pool *pool, const struct key_set *set, void (*fn)(void *ctx, struct node *node), void *ctx)
{
  for (size_t i = 0; i < set->count; i++) {
    const struct domain *d = domain_of(pool, set->keys[i]);
    if (i && set->keys[i] == set->keys[i - 1])
      continue;
    if (!d)
      fn(ctx, pool->nodes[set->keys[i] & UINT32_MAX]);
    for (struct node *n = d ? d->members : NULL; n; n = n->member_next[d->kind])
      fn(ctx, n);
  }
}

struct look {
  const struct pl_pool *pool;
  enum tree tree;
  const struct rules *rules;
  struct candidate *out;
  size_t count;
};

static void look_at(void *ctx, struct node *n)
{
  struct look *look = ctx;
  if (n->tree == (int)look->tree && !pool_ruled(look->rules, n, NULL))
    take(look->out, &look->count, n, whole_score(look->pool, look->rules, n));
}

static size_t search(const struct pl_pool *pool, enum tree tree, const struct rules *rules, struct candidate *out)
{
  struct heap h; /* not cleared: it is large */
  h.entries = h.few;
  h.cap = sizeof h.few / sizeof *h.few;
  h.count = 0;
  size_t count = 0;
  const float balance = (float)pool->weights[TERM_BALANCE];
  look_below(&h, pool->roots[tree], rules);
  while (h.count && count < CANDIDATES) {
    struct entry e = pop(&h);
    const struct node *n = e.node;
    if (count && !rules->wide && e.best + balance <= out[0].score)
      break;
    if (e.single) {
      take(out, &count, n, whole_score(pool, rules, n));
      continue;
    }
    if (!(rules->request->features & ~n->features) && pool_room(&n->free, &rules->need) && pool_in_rules(rules, n))
      push(&h, (struct entry){.best = n->score, .single = true, .node = n});
    look_below(&h, n->left, rules);
    look_below(&h, n->right, rules);
  }
  if (h.entries != h.few)
    free(h.entries);
  return count;
}

size_t pool_hunt(const struct pl_pool *pool, enum tree tree, const struct rules *rules, struct candidate out[CANDIDATES])
{
  const struct key_set *company = pool_company(pool, rules);
  if (!company)
    return search(pool, tree, rules, out);
  struct look look = {.pool = pool, .tree = tree, .rules = rules, .out = out};
  pool_each_in(pool, company, look_at, &look);
  return look.count;
}
