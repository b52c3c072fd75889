/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a pool as lines of text. */
#include "control/placement/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const pl_record_verbs[PL_POOL_VERBS] = {
    [PL_POOL_FEATURE] = "feature", [PL_POOL_NODE] = "node", [PL_POOL_GONE] = "gone", [PL_POOL_LIMIT] = "limit", [PL_POOL_FORECAST] = "forecast",
    [PL_POOL_ADOPT] = "adopt", [PL_POOL_RELEASE] = "release", [PL_POOL_RESIZE] = "resize", [PL_POOL_MOVE] = "move", [PL_POOL_PLAN] = "plan",
    [PL_POOL_COMMIT] = "commit", [PL_POOL_MOVES] = "moves", [PL_POOL_TOGETHER] = "together", [PL_POOL_REUNITE] = "reunite",
    [PL_POOL_COPY] = "copy", [PL_POOL_END] = "end",
};

uint64_t pl_record_seal(uint64_t seal, const char *text, size_t size)
{
  for (size_t i = 0; i < size; i++) /* FNV-1a */
    seal = (seal ^ (unsigned char)text[i]) * 0x100000001b3u;
  return seal;
}

/* --- words --- */

static char *room(struct pl_record_text *out, size_t more)
{
  if (out->size + more > out->cap) {
    size_t cap = (out->size + more) * 2 + 256;
    char *text = realloc(out->text, cap);
    if (!text) {
      out->broken = true;
      return NULL;
    }
    out->text = text;
    out->cap = cap;
  }
  return out->text + out->size;
}

static void put(struct pl_record_text *out, const char *text)
{
  size_t size = strlen(text);
  char *at = room(out, size + 1);
  if (!at)
    return;
  memcpy(at, text, size + 1);
  out->size += size;
}

static void blank(struct pl_record_text *out)
{
  if (out->size)
    put(out, " ");
}

/* Nothing at all is "%", and what would read as none is written by its number. */
static void put_escaped(struct pl_record_text *out, const char *word)
{
  static const char HEX[] = "0123456789ABCDEF";
  char *at = room(out, 3 * strlen(word) + 2);
  bool dash = !strcmp(word, "-");
  if (!at)
    return;
  if (!*word)
    *at++ = '%';
  for (const char *c = word; *c; c++) {
    unsigned char byte = (unsigned char)*c;
    if (byte > ' ' && byte != 0x7F && byte != '%' && byte != ',' && !dash) {
      *at++ = *c;
      continue;
    }
    *at++ = '%';
    *at++ = HEX[byte >> 4];
    *at++ = HEX[byte & 15];
  }
  *at = '\0';
  out->size = (size_t)(at - out->text);
}

void pl_record_word(struct pl_record_text *out, const char *word)
{
  blank(out);
  if (word)
    put_escaped(out, word);
  else
    put(out, "-");
}

void pl_record_int(struct pl_record_text *out, int64_t number)
{
  char digits[24], *at = digits + sizeof digits - 1;
  uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
  *at = '\0';
  do
    *--at = (char)('0' + left % 10);
  while (left /= 10);
  if (number < 0)
    *--at = '-';
  blank(out);
  put(out, at);
}

/* So many digits that the same number comes out of them. */
void pl_record_double(struct pl_record_text *out, double number)
{
  char text[32];
  if (fabs(number) < 1e15 && number == (double)(int64_t)number) {
    pl_record_int(out, (int64_t)number);
    return;
  }
  snprintf(text, sizeof text, " %.17g", number);
  put(out, text);
}

static void put_amounts(struct pl_record_text *out, const struct pl_amounts *amounts)
{
  int last = PL_DIMENSION_COUNT - 1;
  while (last && !amounts->of[last])
    last--;
  pl_record_int(out, amounts->of[0]);
  for (int d = 1; d <= last; d++) {
    char text[24];
    snprintf(text, sizeof text, ",%" PRId64, amounts->of[d]);
    put(out, amounts->of[d] ? text : ",");
  }
}

static void put_names(struct pl_record_text *out, const char *const *names, size_t most)
{
  if (!most || !names[0]) {
    pl_record_word(out, NULL);
    return;
  }
  for (size_t i = 0; i < most && names[i]; i++) {
    put(out, i ? "," : " ");
    put_escaped(out, names[i]);
  }
}

static void put_hex(struct pl_record_text *out, uint64_t bits)
{
  char text[24];
  snprintf(text, sizeof text, " %" PRIx64, bits);
  put(out, text);
}

static void put_request(struct pl_record_text *out, const struct pl_request *q)
{
  pl_record_word(out, q->id);
  pl_record_word(out, q->group);
  put_amounts(out, &q->need);
  pl_record_int(out, q->priority);
  put_hex(out, q->features);
  put_names(out, q->with, PL_REQUEST_NAMES_MAX);
  put_names(out, q->apart, PL_REQUEST_NAMES_MAX);
  const int64_t numbers[] = {q->with_in, q->apart_in, q->replicas, q->first, q->redundancy, q->spread};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    pl_record_int(out, numbers[i]);
  pl_record_word(out, q->node);
  pl_record_word(out, q->not_node);
  pl_record_int(out, q->stay);
}

/* --- what was asked --- */

static void put_node(struct pl_record_text *out, const struct pl_node_desc *node)
{
  pl_record_word(out, node->id);
  pl_record_int(out, node->state);
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
    pl_record_word(out, node->domains[kind]);
  put_hex(out, node->features);
  put_amounts(out, &node->capacity);
  pl_record_double(out, node->idle_W);
  pl_record_double(out, node->heat);
}

static void put_goal(struct pl_record_text *out, const struct pl_goal_desc *goal)
{
  pl_record_int(out, goal->goal);
  pl_record_int(out, (int64_t)goal->n_nodes);
  for (size_t i = 0; i < goal->n_nodes; i++)
    pl_record_word(out, goal->nodes[i]);
  pl_record_double(out, goal->high);
  pl_record_double(out, goal->low);
  pl_record_double(out, goal->settle);
  pl_record_int(out, goal->sleep_in);
  pl_record_int(out, goal->spare);
  pl_record_int(out, (int64_t)goal->most);
}

static void put_asked(struct pl_record_text *out, const struct pl_pool_call *call)
{
  switch (call->verb) {
  case PL_POOL_FEATURE:
  case PL_POOL_GONE:
  case PL_POOL_RELEASE: pl_record_word(out, call->id); break;
  case PL_POOL_NODE: put_node(out, call->node); break;
  case PL_POOL_LIMIT: pl_record_int(out, call->domain); /* fall through */
  case PL_POOL_FORECAST:
  case PL_POOL_RESIZE:
    pl_record_word(out, call->id);
    put_amounts(out, call->amounts);
    break;
  case PL_POOL_ADOPT:
    put_request(out, call->requests);
    pl_record_int(out, call->replica);
    pl_record_word(out, call->id);
    break;
  case PL_POOL_MOVE:
    pl_record_int(out, (int64_t)call->count);
    for (size_t i = 0; i < call->count; i++) {
      pl_record_word(out, call->shifts[i].id);
      pl_record_word(out, call->shifts[i].to);
    }
    break;
  case PL_POOL_PLAN:
    pl_record_int(out, !call->status || call->why);
    pl_record_int(out, (int64_t)call->count);
    for (size_t i = 0; i < call->count; i++)
      put_request(out, &call->requests[i]);
    break;
  case PL_POOL_COMMIT:
  case PL_POOL_COPY: pl_record_int(out, (int64_t)call->number); break;
  case PL_POOL_MOVES: put_goal(out, call->goal); break;
  case PL_POOL_TOGETHER:
    pl_record_word(out, call->shifts->id);
    pl_record_word(out, call->shifts->to);
    break;
  case PL_POOL_REUNITE:
  case PL_POOL_END:
  case PL_POOL_VERBS: break;
  }
}

/* --- what was answered --- */

static void put_plan(struct pl_record_text *out, const struct pl_pool_call *call)
{
  const struct pl_plan_row *rows;
  const char *const *evicts;
  size_t count = pl_plan_rows(call->plan, &rows), n_evicts = pl_plan_evicts(call->plan, &evicts);
  pl_record_int(out, (int64_t)call->number);
  pl_record_int(out, (int64_t)count);
  for (size_t i = 0; i < count; i++) {
    char score[24];
    pl_record_word(out, rows[i].id);
    pl_record_word(out, rows[i].node);
    snprintf(score, sizeof score, "%.6f", rows[i].score);
    pl_record_word(out, score);
    pl_record_int(out, rows[i].wakes);
  }
  pl_record_int(out, (int64_t)n_evicts);
  for (size_t i = 0; i < n_evicts; i++)
    pl_record_word(out, evicts[i]);
}

static void put_moves(struct pl_record_text *out, const struct pl_moves *moves)
{
  pl_record_int(out, (int64_t)moves->count);
  for (size_t i = 0; i < moves->count; i++) {
    pl_record_word(out, moves->moves[i].id);
    pl_record_word(out, moves->moves[i].to);
    pl_record_int(out, (int64_t)moves->moves[i].after);
    pl_record_int(out, (int64_t)moves->moves[i].group);
  }
  pl_record_int(out, (int64_t)moves->n_stranded);
  for (size_t i = 0; i < moves->n_stranded; i++)
    pl_record_word(out, moves->stranded[i]);
  pl_record_int(out, (int64_t)moves->n_sleep);
  for (size_t i = 0; i < moves->n_sleep; i++)
    pl_record_word(out, moves->sleep[i]);
}

bool pl_record_answers(enum pl_pool_verb verb)
{
  return verb == PL_POOL_PLAN || verb == PL_POOL_MOVE || verb == PL_POOL_RESIZE || verb == PL_POOL_MOVES || verb == PL_POOL_TOGETHER || verb == PL_POOL_REUNITE;
}

static void put_answer(struct pl_record_text *out, const struct pl_pool_call *call)
{
  if (!pl_record_answers(call->verb) && call->verb != PL_POOL_COMMIT)
    return;
  put(out, call->status ? " -> no" : " -> yes");
  if (call->verb == PL_POOL_PLAN && call->plan)
    put_plan(out, call);
  else if (call->why)
    pl_record_word(out, call->why->text);
  else if (call->moves && !call->status)
    put_moves(out, call->moves);
}

void pl_record_call(struct pl_record_text *out, const struct pl_pool_call *call)
{
  put(out, pl_record_verbs[call->verb]);
  if (call->pool) {
    char number[24];
    snprintf(number, sizeof number, "@%" PRIu64, call->pool);
    put(out, number);
  }
  put_asked(out, call);
  put_answer(out, call);
}

void pl_record_begin(struct pl_record_text *out, const struct pl_pool_policy *policy, int64_t wall_ns)
{
  put(out, "begin");
  pl_record_int(out, PL_RECORD_VERSION);
  const double weights[] = {policy->consolidate, policy->spread, policy->cool, policy->balance, policy->forecast};
  for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
    pl_record_double(out, weights[i]);
  pl_record_int(out, policy->no_preemption);
  pl_record_int(out, wall_ns);
}

void pl_record_end(struct pl_record_text *text)
{
  free(text->text);
  *text = (struct pl_record_text){0};
}

/* --- a pool as it is --- */

struct walk {
  void (*emit)(void *ctx, const struct pl_pool_call *call);
  void *ctx;
};

static void emit(const struct walk *walk, struct pl_pool_call call)
{
  walk->emit(walk->ctx, &call);
}

static void walk_node(void *ctx, const struct pl_node_view *view)
{
  static const struct pl_amounts NONE;
  emit(ctx, (struct pl_pool_call){.verb = PL_POOL_NODE, .node = &view->desc});
  if (memcmp(&view->forecast, &NONE, sizeof NONE) != 0)
    emit(ctx, (struct pl_pool_call){.verb = PL_POOL_FORECAST, .id = view->desc.id, .amounts = &view->forecast});
}

/* Nodes keep their numbers (pool_view.c, pl_pool_copy). */
static void walk_gap(void *ctx)
{
  emit(ctx, (struct pl_pool_call){.verb = PL_POOL_NODE, .node = &(const struct pl_node_desc){.id = "\x01"}});
  emit(ctx, (struct pl_pool_call){.verb = PL_POOL_GONE, .id = "\x01"});
}

static void walk_allocation(void *ctx, const struct pl_allocation *allocation)
{
  struct pl_request request = *allocation->request;
  request.need = allocation->need; /* as it is now */
  emit(ctx, (struct pl_pool_call){.verb = PL_POOL_ADOPT, .requests = &request, .replica = allocation->replica, .id = allocation->node});
}

static void walk_limit(void *ctx, enum pl_domain domain, const char *id, const struct pl_amounts *limit)
{
  emit(ctx, (struct pl_pool_call){.verb = PL_POOL_LIMIT, .domain = domain, .id = id, .amounts = limit});
}

enum pl_status pl_record_state(const struct pl_pool *pool, void (*told)(void *ctx, const struct pl_pool_call *call), void *ctx, struct pl_err *err)
{
  static const struct pl_pool_walk WALK = {.node = walk_node, .gap = walk_gap, .allocation = walk_allocation, .limit = walk_limit};
  struct walk walk = {told, ctx};
  for (unsigned bit = 0; bit < 64 && pl_pool_feature_word(pool, bit); bit++)
    emit(&walk, (struct pl_pool_call){.verb = PL_POOL_FEATURE, .id = pl_pool_feature_word(pool, bit)});
  return pl_pool_walk(pool, &WALK, &walk, err);
}
