/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text as calls to a pool; whatever stands in them, what comes out is within what a pool takes. */
#include "control/placement/record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AMOUNT_MAX 1000000000000 /* of anything: sums of millions of them have room in 64 bits */
enum { REQUESTS_MAX = 256, REPLICAS_MAX = 256, NAMES_MAX = 100000 };

/* --- words --- */

static int hex_of(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. False: a % that is none. */
static bool unescape(char *word)
{
  char *to = word;
  if (!strcmp(word, "%")) {
    *word = '\0';
    return true;
  }
  for (const char *from = word; *from;) {
    if (*from != '%') {
      *to++ = *from++;
      continue;
    }
    int high = hex_of(from[1]), low = high < 0 ? -1 : hex_of(from[2]);
    if (low < 0 || !(high | low))
      return false;
    *to++ = (char)(high << 4 | low);
    from += 3;
  }
  *to = '\0';
  return true;
}

enum pl_status pl_record_split(char *line, struct pl_record_words *words, struct pl_err *err)
{
  size_t count = 1;
  *words = (struct pl_record_words){0};
  for (const char *c = line; *c; c++)
    count += *c == ' ';
  words->words = malloc(count * sizeof *words->words);
  if (!words->words)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a record");
  for (char *at = line; at; words->count++) {
    words->words[words->count] = at;
    at = strchr(at, ' ');
    if (at)
      *at++ = '\0';
  }
  return PL_OK;
}

static char *next(struct pl_record_words *words)
{
  static char none[] = "";
  if (words->at < words->count)
    return words->words[words->at++];
  words->bad = true;
  return none;
}

static const char *text_of(struct pl_record_words *words, char *word)
{
  if (!strcmp(word, "-"))
    return NULL;
  if (*word && unescape(word))
    return word;
  words->bad = true;
  return NULL;
}

const char *pl_record_take(struct pl_record_words *words)
{
  return text_of(words, next(words));
}

static const char *take_name(struct pl_record_words *words) /* there must be one */
{
  const char *name = pl_record_take(words);
  words->bad |= !name || !*name;
  return name ? name : "";
}

static int64_t int_of(struct pl_record_words *words, const char *text, int64_t least, int64_t most)
{
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (end == text || *end || errno || number < least || number > most || *text == ' ' || *text == '+') {
    words->bad = true;
    return least;
  }
  return number;
}

int64_t pl_record_take_int(struct pl_record_words *words, int64_t least, int64_t most)
{
  return int_of(words, next(words), least, most);
}

double pl_record_take_double(struct pl_record_words *words)
{
  const char *text = next(words);
  char *end;
  double number = strtod(text, &end);
  if (end == text || *end || !isfinite(number) || fabs(number) > AMOUNT_MAX) {
    words->bad = true;
    return 0;
  }
  return number;
}

static uint64_t take_hex(struct pl_record_words *words)
{
  const char *text = next(words);
  char *end;
  uint64_t bits = strtoull(text, &end, 16);
  words->bad |= end == text || *end;
  return bits;
}

static struct pl_amounts take_amounts(struct pl_record_words *words, int64_t least)
{
  struct pl_amounts amounts = {{0}};
  char *text = next(words);
  for (int d = 0; text && d < PL_DIMENSION_COUNT; d++) {
    char *comma = strchr(text, ',');
    if (comma)
      *comma = '\0';
    amounts.of[d] = *text || !d ? int_of(words, text, least, AMOUNT_MAX) : 0;
    text = comma ? comma + 1 : NULL;
  }
  words->bad |= text != NULL;
  return amounts;
}

static void take_names(struct pl_record_words *words, const char *names[PL_REQUEST_NAMES_MAX])
{
  char *text = next(words);
  if (!strcmp(text, "-"))
    return;
  for (int i = 0; text && i < PL_REQUEST_NAMES_MAX; i++) {
    char *comma = strchr(text, ',');
    if (comma)
      *comma = '\0';
    names[i] = text_of(words, text);
    words->bad |= !names[i];
    text = comma ? comma + 1 : NULL;
  }
  words->bad |= text != NULL;
}

/* --- what was asked --- */

static enum pl_domain take_domain(struct pl_record_words *words)
{
  return (enum pl_domain)pl_record_take_int(words, 0, PL_DOMAIN_COUNT - 1);
}

static void take_request(struct pl_record_words *words, struct pl_request *q)
{
  *q = (struct pl_request){.id = take_name(words)};
  q->group = pl_record_take(words);
  q->need = take_amounts(words, 0);
  q->priority = (int)pl_record_take_int(words, INT32_MIN, INT32_MAX);
  q->features = take_hex(words);
  take_names(words, q->with);
  take_names(words, q->apart);
  q->with_in = take_domain(words);
  q->apart_in = take_domain(words);
  q->replicas = (unsigned)pl_record_take_int(words, 0, REPLICAS_MAX);
  q->first = (unsigned)pl_record_take_int(words, 0, 2 * REPLICAS_MAX);
  q->redundancy = (enum pl_spares)pl_record_take_int(words, 0, PL_REDUNDANCY_2N);
  q->spread = take_domain(words);
  q->node = pl_record_take(words);
  q->not_node = pl_record_take(words);
  q->stay = pl_record_take_int(words, 0, 1);
}

static void take_requests(struct pl_record_words *words, struct pl_record *record, size_t count)
{
  record->requests = words->bad ? NULL : calloc(count, sizeof *record->requests);
  words->bad |= !record->requests;
  for (size_t i = 0; i < count && !words->bad; i++)
    take_request(words, &record->requests[i]);
  record->call.requests = record->requests;
  record->call.count = count;
}

static void take_shifts(struct pl_record_words *words, struct pl_record *record, size_t count, bool anywhere)
{
  record->shifts = words->bad ? NULL : calloc(count, sizeof *record->shifts);
  words->bad |= !record->shifts;
  for (size_t i = 0; i < count && !words->bad; i++) {
    record->shifts[i].id = take_name(words);
    record->shifts[i].to = anywhere ? pl_record_take(words) : take_name(words);
  }
  record->call.shifts = record->shifts;
  record->call.count = count;
}

static void take_node(struct pl_record_words *words, struct pl_record *record)
{
  struct pl_node_desc *node = &record->node;
  node->id = take_name(words);
  node->state = (enum pl_node_state)pl_record_take_int(words, 0, PL_NODE_GONE);
  for (int kind = PL_DOMAIN_NODE + 1; kind < PL_DOMAIN_COUNT; kind++)
    node->domains[kind] = pl_record_take(words);
  node->features = take_hex(words);
  node->capacity = take_amounts(words, 0);
  node->idle_W = pl_record_take_double(words);
  node->heat = pl_record_take_double(words);
  record->call.node = node;
}

static void take_goal(struct pl_record_words *words, struct pl_record *record)
{
  struct pl_goal_desc *goal = &record->goal;
  goal->goal = (enum pl_goal)pl_record_take_int(words, 0, PL_GOAL_REPAIR);
  goal->n_nodes = (size_t)pl_record_take_int(words, 0, NAMES_MAX);
  words->bad |= goal->n_nodes > words->count;
  record->names = words->bad ? NULL : calloc(goal->n_nodes + 1, sizeof *record->names);
  words->bad |= !record->names;
  for (size_t i = 0; i < goal->n_nodes && !words->bad; i++)
    record->names[i] = take_name(words);
  goal->nodes = goal->n_nodes ? record->names : NULL;
  goal->high = pl_record_take_double(words);
  goal->low = pl_record_take_double(words);
  goal->settle = pl_record_take_double(words);
  goal->sleep_in = take_domain(words);
  goal->spare = (unsigned)pl_record_take_int(words, 0, INT32_MAX);
  goal->most = (size_t)pl_record_take_int(words, 0, INT64_MAX);
  record->call.goal = goal;
}

static void take_asked(struct pl_record_words *words, struct pl_record *record)
{
  struct pl_pool_call *call = &record->call;
  switch (call->verb) {
  case PL_POOL_FEATURE:
  case PL_POOL_GONE:
  case PL_POOL_RELEASE: call->id = take_name(words); break;
  case PL_POOL_NODE: take_node(words, record); break;
  case PL_POOL_LIMIT: call->domain = take_domain(words); /* fall through */
  case PL_POOL_FORECAST:
  case PL_POOL_RESIZE:
    call->id = take_name(words);
    record->amounts = take_amounts(words, call->verb == PL_POOL_RESIZE ? 0 : -1);
    call->amounts = &record->amounts;
    break;
  case PL_POOL_ADOPT:
    take_requests(words, record, 1);
    call->replica = (unsigned)pl_record_take_int(words, 1, 2 * REPLICAS_MAX);
    call->id = take_name(words);
    break;
  case PL_POOL_MOVE: take_shifts(words, record, (size_t)pl_record_take_int(words, 1, REQUESTS_MAX), false); break;
  case PL_POOL_PLAN:
    record->asked = pl_record_take_int(words, 0, 1);
    take_requests(words, record, (size_t)pl_record_take_int(words, 1, REQUESTS_MAX));
    break;
  case PL_POOL_COMMIT:
  case PL_POOL_COPY: call->number = (uint64_t)pl_record_take_int(words, 1, INT64_MAX); break;
  case PL_POOL_MOVES: take_goal(words, record); break;
  case PL_POOL_TOGETHER: take_shifts(words, record, 1, true); break;
  case PL_POOL_REUNITE:
  case PL_POOL_END:
  case PL_POOL_VERBS: break;
  }
}

enum pl_status pl_record_read(struct pl_record_words *words, struct pl_record *record, struct pl_err *err)
{
  char *verb = next(words), *copy = strchr(verb, '@');
  int which = 0;
  *record = (struct pl_record){0};
  if (copy) {
    *copy++ = '\0';
    record->call.pool = (uint64_t)int_of(words, copy, 1, INT64_MAX);
  }
  while (which < PL_POOL_VERBS && strcmp(pl_record_verbs[which], verb) != 0)
    which++;
  if (which == PL_POOL_VERBS)
    return pl_fail(err, PL_E_UNSUPPORTED, "\"%.32s\" is no verb that this rackd knows", verb);
  record->call.verb = (enum pl_pool_verb)which;
  take_asked(words, record);
  bool over = words->at == words->count || !strcmp(words->words[words->at], "->");
  if (!words->bad && over)
    return PL_OK;
  pl_record_free(record);
  return pl_fail(err, PL_E_GARBAGE, "\"%s\" with words that cannot be", pl_record_verbs[which]);
}

void pl_record_free(struct pl_record *record)
{
  free(record->requests);
  free(record->shifts);
  free(record->names);
  *record = (struct pl_record){0};
}
