/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: requests checked, rows placed one after another (each tried on the pool itself, and taken back), and the commit that takes them if they still fit. */
#include "control/placement/pool_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- what can be asked for --- */

enum { REPLICAS_MAX = 10000, ID_MAX = 200 };

static enum pl_status check_request(const struct pl_pool *pool, const struct pl_request *q, struct pl_err *err)
{
  if (!q->id || !*q->id || strlen(q->id) > ID_MAX)
    return pl_fail(err, PL_E_USAGE, "pool: a request needs an id of 1 to %d characters", ID_MAX);
  for (int d = 0; d < DIMS; d++)
    if (q->need.of[d] < 0)
      return pl_fail(err, PL_E_USAGE, "pool: %s cannot need %" PRId64 " %s of %s", q->id, q->need.of[d], pl_dimension_unit((enum pl_dimension)d),
                     pl_dimension_name((enum pl_dimension)d));
  if ((unsigned)q->with_in >= PL_DOMAIN_COUNT || (unsigned)q->apart_in >= PL_DOMAIN_COUNT || (unsigned)q->spread >= PL_DOMAIN_COUNT ||
      (unsigned)q->redundancy > PL_REDUNDANCY_2N || q->replicas > REPLICAS_MAX || q->first > pool_ask_total(q))
    return pl_fail(err, PL_E_USAGE, "pool: %s: a domain, the redundancy or the number of replicas (at most %d) is out of range", q->id, REPLICAS_MAX);
  if (q->node) {
    const struct name *name = pool_name_find(&pool->names, q->node);
    if (!name || !name->node)
      return pl_fail(err, PL_E_USAGE, "pool: %s is to be on \"%s\", and there is no such node", q->id, q->node);
  }
  return PL_OK;
}

/* Components can name each other. */
static enum pl_status check_names(const struct pl_pool *pool, const struct pl_request *requests, size_t count, struct names *ids, struct names *groups,
                                  struct pl_err *err)
{
  for (size_t i = 0; i < count; i++) {
    const struct name *name = pool_name_get(ids, requests[i].id);
    if (!name || (requests[i].group && !pool_name_get(groups, requests[i].group)))
      return pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
    if (name->uses > 1)
      return pl_fail(err, PL_E_USAGE, "pool: %s is asked for twice", requests[i].id);
  }
  for (size_t i = 0; i < count; i++)
    for (int w = 0; w < PL_REQUEST_NAMES_MAX && requests[i].with[w]; w++) {
      const char *with = requests[i].with[w];
      const struct name *name = pool_name_find(&pool->names, with);
      if (!(name && (name->alloc || name->members)) && !pool_name_find(ids, with) && !pool_name_find(groups, with))
        return pl_fail(err, PL_E_USAGE, "pool: %s is to be with \"%s\", and there is no such allocation or group", requests[i].id, with);
    }
  return PL_OK;
}

/* --- the empty plan --- */

void pl_plan_free(struct pl_plan *plan)
{
  if (!plan)
    return;
  for (size_t i = 0; plan->rows && i < plan->count; i++) {
    free((void *)plan->rows[i].pub.id);
    free((void *)plan->rows[i].pub.node);
    free(plan->rows[i].notes);
  }
  for (size_t i = 0; plan->asks && i < plan->n_asks; i++)
    pool_ask_drop(plan->asks[i]);
  for (size_t i = 0; i < plan->n_evicts; i++) {
    free((void *)plan->evicts[i]);
    free((void *)plan->evict_nodes[i]);
  }
  free(plan->evicts);
  free(plan->evict_nodes);
  free(plan->asks);
  free(plan->rows);
  free(plan->pub);
  free(plan->text);
  free(plan);
}

static enum pl_status add_rows(const struct pl_pool *pool, struct pl_plan *plan, size_t request, struct pl_err *err)
{
  struct ask *ask = plan->asks[request];
  unsigned total = pool_ask_total(&ask->request);
  for (unsigned replica = ask->request.first ? ask->request.first : 1; replica <= total; replica++) {
    char id[ID_MAX + 16];
    pool_alloc_id(ask->request.id, replica, id, sizeof id);
    const struct name *name = pool_name_find(&pool->names, id);
    if (name && name->alloc)
      return pl_fail(err, PL_E_USAGE, "pool: there is an allocation \"%s\" already, on %s", id, name->alloc->node->name->word);
    struct row *row = &plan->rows[plan->count++];
    *row = (struct row){.ask = ask, .replica = replica, .pub = {.request = request, .id = strdup(id)}};
    if (!row->pub.id)
      return pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
  }
  return PL_OK;
}

static enum pl_status new_plan(const struct pl_pool *pool, const struct pl_request *requests, size_t count, struct pl_plan **out, struct pl_err *err)
{
  size_t rows = 0;
  enum pl_status status = PL_OK;
  for (size_t i = 0; !status && i < count; i++) {
    status = check_request(pool, &requests[i], err);
    rows += status ? 0 : pool_ask_total(&requests[i]);
  }
  struct names ids = {0}, groups = {0};
  if (!status && (count > 1 || (count && requests->with[0])))
    status = check_names(pool, requests, count, &ids, &groups, err);
  pool_names_end(&ids);
  pool_names_end(&groups);
  if (status)
    return status;
  struct pl_plan *plan = calloc(1, sizeof *plan);
  if (!plan || !(plan->rows = calloc(rows + 1, sizeof *plan->rows)) || !(plan->pub = calloc(rows + 1, sizeof *plan->pub)) ||
      !(plan->asks = calloc(count + 1, sizeof *plan->asks)))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
  for (; !status && plan->n_asks < count; plan->n_asks++)
    if (!(plan->asks[plan->n_asks] = pool_ask_new(&requests[plan->n_asks])))
      status = pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
  for (size_t i = 0; !status && i < count; i++)
    status = add_rows(pool, plan, i, err);
  if (status) {
    pl_plan_free(plan);
    return status;
  }
  memcpy(plan->weights, pool->weights, sizeof plan->weights);
  plan->version = pool->version;
  plan->nodes = pool->n_there;
  *out = plan;
  return PL_OK;
}

/* --- one row --- */

static size_t candidates_of(const struct pl_pool *pool, const struct rules *rules, struct candidate out[CANDIDATES])
{
  if (!rules->only) {
    size_t n = pool_hunt(pool, TREE_AWAKE, rules, out);
    return n ? n : pool_hunt(pool, TREE_ASLEEP, rules, out);
  }
  if (pool_ruled(rules, rules->only, NULL))
    return 0;
  out[0] = (struct candidate){rules->only, rules->only->score + (float)pool->weights[TERM_BALANCE] * pool_score_balance(rules->only, &rules->need)};
  return 1;
}

static bool set_aside(struct job *job, const struct victims *victims)
{
  for (size_t i = 0; i < victims->count; i++) {
    if (job->n_gone == job->cap_gone) {
      size_t cap = job->cap_gone ? job->cap_gone * 2 : 8;
      struct gone *more = realloc(job->gone, cap * sizeof *more);
      if (!more)
        return false;
      job->gone = more;
      job->cap_gone = cap;
    }
    job->gone[job->n_gone++] = (struct gone){victims->list[i], victims->list[i]->node};
    if (!job->single)
      pool_detach(job->pool, victims->list[i]);
  }
  return true;
}

static struct node *displace(struct job *job, const struct rules *rules)
{
  struct victims victims = {0};
  struct node *node = job->preempt ? pool_evict(job->pool, rules, &victims) : NULL;
  if (node && !set_aside(job, &victims)) {
    job->broke = true;
    node = NULL;
  }
  free(victims.list);
  return node;
}

static void tell(struct job *job, size_t i, const struct rules *rules, const struct node *node, const struct candidate *candidates, size_t count)
{
  struct row *row = &job->plan->rows[i];
  row->pub.score = (double)node->score + job->pool->weights[TERM_BALANCE] * (double)pool_score_balance(node, &rules->need);
  row->pub.wakes = node->state == PL_NODE_ASLEEP;
  pool_explain(job->plan, row, job->pool, rules, candidates, count);
}

struct node *pool_job_place(struct job *job, size_t i, unsigned nth, struct pl_why *why)
{
  const struct row *row = &job->plan->rows[i];
  const struct pl_request *q = &row->ask->request;
  struct candidate candidates[CANDIDATES];
  struct rules rules;
  if (!pool_rules_make(job->pool, q, &q->need, row->pub.id, &rules)) {
    job->broke = true;
    return NULL;
  }
  rules.wide = nth > 0;
  size_t n = candidates_of(job->pool, &rules, candidates);
  struct node *node = n ? (struct node *)candidates[nth < n ? nth : n - 1].node : displace(job, &rules);
  if (node && !nth)
    tell(job, i, &rules, node, candidates, n);
  else if (!node && why)
    pool_why(job->pool, &rules, q->id, why);
  pool_rules_end(&rules);
  if (node && !job->single)
    pool_attach(job->pool, job->trials[i], node);
  if (node)
    job->where[i] = node;
  return node;
}

void pool_job_take_back(struct job *job, size_t i)
{
  if (job->trials[i]->node)
    pool_detach(job->pool, job->trials[i]);
}

void pool_job_put(struct job *job, size_t i, const struct node *node)
{
  job->where[i] = node;
  pool_attach(job->pool, job->trials[i], (struct node *)node);
}

void pool_job_retell(struct job *job)
{
  for (size_t i = 0; i < job->plan->count; i++)
    pool_job_take_back(job, i);
  for (size_t at = 0; at < job->plan->count; at++) {
    size_t i = job->order[at], n = 0;
    const struct row *row = &job->plan->rows[i];
    struct candidate candidates[CANDIDATES];
    struct rules rules;
    if (pool_rules_make(job->pool, &row->ask->request, &row->ask->request.need, row->pub.id, &rules)) {
      n = candidates_of(job->pool, &rules, candidates);
      tell(job, i, &rules, job->where[i], candidates, n);
      pool_rules_end(&rules);
    }
    pool_job_put(job, i, job->where[i]);
  }
}

/* --- all rows --- */

static bool begin(struct job *job)
{
  size_t n = job->plan->count;
  job->order = calloc(n + 1, sizeof *job->order);
  job->where = calloc(n + 1, sizeof *job->where);
  job->depth = calloc(n + 1, sizeof *job->depth);
  job->trials = calloc(n + 1, sizeof(struct alloc *));
  bool ok = job->order && job->where && job->depth && job->trials;
  for (size_t i = 0; ok && i < n; i++) {
    job->order[i] = i;
    if (job->single)
      continue;
    ok = (job->trials[i] = pool_alloc_new(job->pool, job->plan->rows[i].ask, job->plan->rows[i].replica)) != NULL;
    if (ok)
      job->trials[i]->trial = true;
  }
  return ok;
}

static void end(struct job *job)
{
  for (size_t i = 0; job->trials && i < job->plan->count; i++)
    if (job->trials[i]) {
      pool_job_take_back(job, i);
      pool_alloc_free(job->pool, job->trials[i]);
    }
  for (size_t i = job->n_gone; !job->single && i-- > 0;)
    pool_attach(job->pool, job->gone[i].alloc, job->gone[i].from);
  free(job->trials);
  free(job->where);
  free(job->depth);
  free(job->order);
  free(job->gone);
}

static bool write_down(struct job *job)
{
  struct pl_plan *plan = job->plan;
  for (size_t i = 0; i < plan->count; i++) {
    if (!(plan->rows[i].pub.node = strdup(job->where[i]->name->word)))
      return false;
    plan->pub[i] = plan->rows[i].pub;
  }
  if (!job->n_gone)
    return true;
  plan->evicts = calloc(job->n_gone, sizeof(char *));
  plan->evict_nodes = calloc(job->n_gone, sizeof(char *));
  for (size_t i = 0; plan->evicts && plan->evict_nodes && i < job->n_gone; i++) {
    plan->evicts[i] = strdup(job->gone[i].alloc->name->word);
    plan->evict_nodes[i] = strdup(job->gone[i].from->name->word);
    plan->n_evicts++;
    if (!plan->evicts[i] || !plan->evict_nodes[i])
      return false;
  }
  return plan->n_evicts == job->n_gone;
}

static enum pl_status solve(struct pl_pool *pool, struct pl_plan *plan, struct pl_why *why, struct pl_err *err)
{
  struct job job = {.pool = pool, .plan = plan, .single = plan->count == 1, .preempt = !pool->no_preemption};
  struct pl_why here = {0}, *asked = why || err ? &here : NULL; /* it costs a walk over all nodes */
  enum pl_status status = PL_OK;
  if (!begin(&job))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
  else if (job.single ? !pool_job_place(&job, 0, 0, asked) : !pool_pack(&job, asked))
    status = job.broke ? pl_fail(err, PL_E_NOMEM, "out of memory for a plan") : pl_fail(err, PL_E_RANGE, "pool: %s", here.text);
  else if (!write_down(&job))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for a plan");
  end(&job);
  if (status == PL_E_RANGE && why)
    *why = here;
  return status;
}

/* Several rows are tried on the pool itself, which nobody else may look at meanwhile; it is afterwards as it was. */
enum pl_status pl_pool_plan(struct pl_pool *pool, const struct pl_request *requests, size_t count, struct pl_plan **plan, struct pl_why *why, struct pl_err *err)
{
  struct pl_plan *made = NULL;
  if (!count)
    return pl_fail(err, PL_E_USAGE, "pool: nothing is asked for");
  if (count == 1 && pool_ask_total(requests) == 1)
    pthread_rwlock_rdlock(&pool->lock);
  else
    pthread_rwlock_wrlock(&pool->lock);
  enum pl_status status = new_plan(pool, requests, count, &made, err);
  if (!status)
    status = solve(pool, made, why, err);
  pthread_rwlock_unlock(&pool->lock);
  if (status == PL_E_RANGE && why && made)
    for (size_t i = 0; i < count; i++) /* its id is the caller's, as the plan goes */
      if (!strcmp(requests[i].id, why->id)) {
        why->id = requests[i].id;
        break;
      }
  if (!status && pool->watcher)
    made->number = ++pool->watcher->plans;
  if (!status || status == PL_E_RANGE)
    pl_pool_tell(pool, (struct pl_pool_call){.verb = PL_POOL_PLAN, .status = status, .requests = requests, .count = count, .plan = status ? NULL : made,
                                             .number = status ? 0 : made->number, .why = status ? why : NULL});
  if (status)
    pl_plan_free(made);
  else
    *plan = made;
  return status;
}

size_t pl_plan_rows(const struct pl_plan *plan, const struct pl_plan_row **rows)
{
  *rows = plan->pub;
  return plan->count;
}

size_t pl_plan_evicts(const struct pl_plan *plan, const char *const **ids)
{
  *ids = (const char *const *)plan->evicts;
  return plan->n_evicts;
}
