/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/replay.h"

#include "control/events/events.h"
#include "control/placement/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANS = 16, COPIES_MAX = 64 };

struct again {
  struct pl_replay *out;
  struct pl_pool *pool;                 /* NULL until it begins */
  struct pl_pool *copies[COPIES_MAX];
  uint64_t numbers[COPIES_MAX];
  struct pl_pool_watcher watcher;
  struct pl_record_text told;           /* the line as it is written now */
  struct { uint64_t number; struct pl_plan *plan; } plans[PLANS]; /* the last, to be committed */
  uint64_t seal;
  size_t wanted;                        /* the line of the answer that is to be explained; 0: none */
  const char *about;                    /* whom */
  FILE *say;                            /* what is told of the wanted decision */
};

static void heard(void *ctx, const struct pl_pool_call *call)
{
  struct again *a = ctx;
  if (a->told.size)
    return; /* one line, one call */
  pl_record_call(&a->told, call);
}

/* --- differences --- */

__attribute__((format(printf, 2, 3))) static bool differs(struct again *a, const char *format, ...)
{
  va_list args;
  if (a->out->diverged)
    return false;
  a->out->diverged = a->out->lines;
  va_start(args, format);
  (void)vsnprintf(a->out->why, sizeof a->out->why, format, args);
  va_end(args);
  return false;
}

/* Where two texts part, with what led there. */
static const char *parting(const char *x, const char *y)
{
  const char *word = x;
  for (const char *c = x; *c && *c == *y; c++, y++)
    word = *c == ' ' ? c + 1 : word;
  return word;
}

static bool compare(struct again *a, const char *line)
{
  if (a->told.broken)
    return differs(a, "out of memory");
  if (a->told.size && !strcmp(a->told.text, line))
    return true;
  const char *now = a->told.size ? a->told.text : "";
  const char *from = parting(line, now);
  size_t at = (size_t)(from - line);
  return differs(a, "\"%.200s\": then \"%.200s\", decided again \"%.200s\"", line, from, strlen(now) > at ? now + at : now);
}

/* --- pools and plans --- */

static struct pl_pool **slot_of(struct again *a, uint64_t number)
{
  if (!number)
    return &a->pool;
  for (size_t i = 0; i < COPIES_MAX; i++)
    if (a->copies[i] && a->numbers[i] == number)
      return &a->copies[i];
  return NULL;
}

static enum pl_status copy(struct again *a, const struct pl_pool *pool, struct pl_err *err)
{
  size_t i = 0;
  while (i < COPIES_MAX && a->copies[i])
    i++;
  if (i == COPIES_MAX)
    return pl_fail(err, PL_E_RANGE, "more than %d copies of the pool at a time", COPIES_MAX);
  enum pl_status status = pl_pool_copy(pool, &a->copies[i], err);
  a->numbers[i] = a->watcher.copies;
  return status;
}

static void hold(struct again *a, struct pl_plan *plan)
{
  size_t i = a->watcher.plans % PLANS;
  pl_plan_free(a->plans[i].plan);
  a->plans[i].plan = plan;
  a->plans[i].number = a->watcher.plans;
}

static enum pl_status commit(struct again *a, struct pl_pool *pool, uint64_t number, struct pl_err *err)
{
  if (!a->plans[number % PLANS].plan || a->plans[number % PLANS].number != number)
    return pl_fail(err, PL_E_USAGE, "there is no plan %" PRIu64 ", or it is too long ago", number);
  return pl_pool_commit(pool, a->plans[number % PLANS].plan, err);
}

/* --- an answer with its reasons --- */

static void say_plan(struct again *a, const struct pl_plan *plan)
{
  const struct pl_plan_row *rows;
  size_t count = pl_plan_rows(plan, &rows);
  bool one = false;
  for (size_t i = 0; i < count; i++)
    one |= !strcmp(rows[i].id, a->about);
  for (size_t i = 0; i < count; i++) {
    char *text = one && strcmp(rows[i].id, a->about) ? NULL : pl_plan_explain(plan, i);
    fputs(text ? text : "", a->say);
    free(text);
  }
}

/* Where it would go if it were asked for there and then; of what has replicas beside it that is no question. */
static void say_elsewhere(struct again *a, struct pl_pool *pool, const char *id)
{
  struct pl_pool *trial = NULL;
  struct pl_plan *plan = NULL;
  struct pl_allocation was;
  struct pl_why why = {0};
  pl_pool_watch(pool, NULL);
  bool alone = pl_pool_find(pool, id, &was) && was.request->replicas <= 1 && was.request->redundancy == PL_REDUNDANCY_NONE;
  if (alone && !pl_pool_copy(pool, &trial, NULL)) {
    struct pl_request request = *was.request;
    request.need = was.need;
    (void)pl_pool_release(trial, id, NULL);
    if (!pl_pool_plan(trial, &request, 1, &plan, &why, NULL)) {
      fprintf(a->say, "where the engine itself would have put it, all nodes weighed:\n");
      say_plan(a, plan);
    } else {
      fprintf(a->say, "%s\n", why.text);
    }
  }
  pl_plan_free(plan);
  pl_pool_free(trial);
  pl_pool_watch(pool, &a->watcher);
}

static void say_moves(struct again *a, const struct pl_moves *moves)
{
  fprintf(a->say, "%s\n", moves->why);
  for (size_t i = 0; i < moves->count; i++)
    fprintf(a->say, "%s from %s to %s\n", moves->moves[i].id, moves->moves[i].from, moves->moves[i].to);
  for (size_t i = 0; i < moves->n_stranded; i++)
    fprintf(a->say, "%s fits nowhere\n", moves->stranded[i]);
  for (size_t i = 0; i < moves->n_sleep; i++)
    fprintf(a->say, "%s can sleep\n", moves->sleep[i]);
}

static bool is_wanted(const struct again *a)
{
  return a->say && a->wanted == a->out->lines;
}

/* --- one line --- */

static enum pl_status plan_again(struct again *a, struct pl_pool *pool, const struct pl_record *record, struct pl_err *err)
{
  struct pl_plan *plan = NULL;
  struct pl_why why = {0};
  enum pl_status status = pl_pool_plan(pool, record->call.requests, record->call.count, &plan, record->asked ? &why : NULL, err);
  if (is_wanted(a) && !status)
    say_plan(a, plan);
  else if (is_wanted(a))
    fprintf(a->say, "%s\n", why.text[0] ? why.text : err->text);
  if (!status)
    hold(a, plan);
  return status;
}

static enum pl_status moves_again(struct again *a, const struct pl_pool *pool, const struct pl_record *record, struct pl_err *err)
{
  const struct pl_pool_call *call = &record->call;
  struct pl_moves moves = {0};
  enum pl_status status = call->verb == PL_POOL_MOVES     ? pl_moves_plan(pool, call->goal, &moves, err)
                          : call->verb == PL_POOL_REUNITE ? pl_moves_reunite(pool, &moves, err)
                                                          : pl_moves_together(pool, call->shifts->id, call->shifts->to, &moves, err);
  if (is_wanted(a) && status)
    fprintf(a->say, "%s\n", err->text);
  else if (is_wanted(a))
    say_moves(a, &moves);
  pl_moves_end(&moves);
  return status;
}

static enum pl_status move_again(struct again *a, struct pl_pool *pool, const struct pl_pool_call *call, struct pl_err *err)
{
  for (size_t i = 0; i < call->count && is_wanted(a); i++)
    say_elsewhere(a, pool, call->shifts[i].id);
  enum pl_status status = pl_pool_move_all(pool, call->shifts, call->count, err);
  if (is_wanted(a) && status)
    fprintf(a->say, "%s\n", err->text);
  for (size_t i = 0; i < call->count && is_wanted(a) && !status; i++)
    fprintf(a->say, "%s may go to %s: it fits there, and no constraint is broken\n", call->shifts[i].id, call->shifts[i].to);
  return status;
}

static enum pl_status resize_again(struct again *a, struct pl_pool *pool, const struct pl_pool_call *call, struct pl_err *err)
{
  enum pl_status status = pl_pool_resize(pool, call->id, call->amounts, err);
  if (is_wanted(a))
    fprintf(a->say, "%s\n", status ? err->text : "its node has room for that");
  return status;
}

static enum pl_status call_again(struct again *a, const struct pl_record *record, struct pl_err *err)
{
  const struct pl_pool_call *call = &record->call;
  struct pl_pool **slot = slot_of(a, call->pool), *pool = slot ? *slot : NULL;
  uint64_t bit;
  if (!pool)
    return pl_fail(err, PL_E_USAGE, "there is no copy %" PRIu64 " of the pool", call->pool);
  switch (call->verb) {
  case PL_POOL_FEATURE: return pl_pool_feature(pool, call->id, &bit, err);
  case PL_POOL_NODE: return pl_pool_node(pool, call->node, err);
  case PL_POOL_GONE: return pl_pool_node_remove(pool, call->id, err);
  case PL_POOL_LIMIT: return pl_pool_limit(pool, call->domain, call->id, call->amounts, err);
  case PL_POOL_FORECAST: return pl_pool_forecast(pool, call->id, call->amounts, err);
  case PL_POOL_ADOPT: return pl_pool_adopt(pool, call->requests, call->replica, call->id, err);
  case PL_POOL_RELEASE: return pl_pool_release(pool, call->id, err);
  case PL_POOL_RESIZE: return resize_again(a, pool, call, err);
  case PL_POOL_MOVE: return move_again(a, pool, call, err);
  case PL_POOL_PLAN: return plan_again(a, pool, record, err);
  case PL_POOL_COMMIT: return commit(a, pool, call->number, err);
  case PL_POOL_MOVES:
  case PL_POOL_TOGETHER:
  case PL_POOL_REUNITE: return moves_again(a, pool, record, err);
  case PL_POOL_COPY: return copy(a, pool, err);
  case PL_POOL_END:
    if (!call->pool)
      return pl_fail(err, PL_E_USAGE, "the pool itself does not end");
    pl_pool_free(pool);
    *slot = NULL;
    return PL_OK;
  case PL_POOL_VERBS: break;
  }
  return pl_fail(err, PL_E_UNSUPPORTED, "no verb of a pool");
}

static bool pool_line(struct again *a, const char *line, struct pl_record_words *words)
{
  struct pl_record record;
  struct pl_err err = {0};
  if (pl_record_read(words, &record, &err))
    return differs(a, "\"%.200s\": %.300s", line, err.text);
  a->told.size = 0;
  enum pl_status status = call_again(a, &record, &err);
  a->out->answers += pl_record_answers(record.call.verb);
  pl_record_free(&record);
  if (status && !a->told.size)
    return differs(a, "\"%.200s\": it cannot be done: %.300s", line, err.text);
  return compare(a, line);
}

static enum pl_status begin(struct again *a, struct pl_record_words *words, struct pl_err *err)
{
  struct pl_pool_policy policy = {0};
  double *const weights[] = {&policy.consolidate, &policy.spread, &policy.cool, &policy.balance, &policy.forecast};
  const char *verb = pl_record_take(words);
  if (!verb || strcmp(verb, "begin") != 0)
    return pl_fail(err, PL_E_GARBAGE, "its first line is not the beginning of a journal of decisions");
  int64_t version = pl_record_take_int(words, 1, INT64_MAX);
  if (!words->bad && version != PL_RECORD_VERSION)
    return pl_fail(err, PL_E_GARBAGE, "written by a newer rackd (version %" PRId64 ", this one knows %d)", version, PL_RECORD_VERSION);
  for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
    *weights[i] = pl_record_take_double(words);
  policy.no_preemption = pl_record_take_int(words, 0, 1);
  (void)pl_record_take_int(words, INT64_MIN, INT64_MAX);
  if (words->bad || words->at != words->count)
    return pl_fail(err, PL_E_GARBAGE, "its first line cannot be read");
  enum pl_status status = pl_pool_new(&policy, &a->pool, err);
  if (!status)
    pl_pool_watch(a->pool, &a->watcher);
  return status;
}

/* Takes the seal off. */
static bool sealed(struct again *a, char *line, size_t size)
{
  char *seal = size > 10 && !memchr(line, '\0', size) ? line + size - 10 : NULL, right[16];
  if (!seal || strncmp(seal, " *", 2) != 0)
    return differs(a, "\"%.200s\": it has no sum, so that nobody knows whether it was written so", line);
  *seal = '\0';
  a->seal = pl_record_seal(a->seal, line, (size_t)(seal - line));
  snprintf(right, sizeof right, "%08x", (unsigned)(a->seal & 0xFFFFFFFF));
  if (strcmp(seal + 2, right) != 0)
    return differs(a, "\"%.200s\": it is not as it was written, or a line before it is missing", line);
  return true;
}

static bool line_again(struct again *a, char *line, size_t size, struct pl_err *err)
{
  struct pl_record_words words = {0};
  a->out->lines++;
  if (!sealed(a, line, size))
    return false;
  char *whole = strdup(line); /* words are taken apart in place */
  if (!whole || pl_record_split(line, &words, err)) {
    free(whole);
    return !pl_fail(err, PL_E_NOMEM, "out of memory for a journal of decisions");
  }
  bool fine = true;
  if (!a->pool)
    fine = !begin(a, &words, err);
  else if (!strcmp(words.words[0], "decide"))
    a->out->decisions++;
  else
    fine = pool_line(a, whole, &words);
  free(words.words);
  free(whole);
  return fine;
}

/* --- the decision that is asked for --- */

struct wanted {
  size_t line, by;
  char *text; /* the line, taken apart */
  struct pl_record_words words;
};

static enum pl_status find(const char *text, size_t size, int64_t decision, struct wanted *found, struct pl_err *err)
{
  char start[40];
  size_t n = (size_t)snprintf(start, sizeof start, "decide %" PRId64 " ", decision), lines = 0;
  for (const char *at = text, *end; at < text + size && (end = memchr(at, '\n', (size_t)(text + size - at))); at = end + 1) {
    lines++;
    if ((size_t)(end - at) < n + 10 || memcmp(at, start, n) != 0 || memchr(at, '\0', (size_t)(end - at)))
      continue;
    free(found->text);
    found->text = strndup(at, (size_t)(end - at) - 10);
    found->line = lines;
  }
  if (!found->line)
    return PL_OK;
  return found->text ? pl_record_split(found->text, &found->words, err) : pl_fail(err, PL_E_NOMEM, "out of memory for a decision");
}

static const char *shown(const char *word)
{
  return word && *word ? word : "-";
}

static void say_decision(struct again *a, struct wanted *found)
{
  struct pl_record_words *words = &found->words;
  char when[PL_WALL_TEXT_MAX];
  (void)pl_record_take(words);
  const char *id = pl_record_take(words), *what = pl_record_take(words), *about = pl_record_take(words), *node = pl_record_take(words), *author = pl_record_take(words);
  int64_t wall_ns = pl_record_take_int(words, 0, INT64_MAX);
  found->by = (size_t)pl_record_take_int(words, 0, INT64_MAX);
  const char *text = pl_record_take(words);
  a->about = about && *about ? about : node ? node : "";
  a->wanted = found->by < found->line ? found->by : 0;
  fprintf(a->say, "decision %s: %s %s, node %s, by %s, %s (line %zu)\n  %s\n", shown(id), shown(what), shown(about), shown(node), shown(author),
          pl_wall_text(wall_ns, when), found->line, shown(text));
  if (!a->wanted)
    fprintf(a->say, "It follows from no answer of the pool: a person, a unit or a procedure brought it about, and the pool was told.\n");
  else
    fprintf(a->say, "By the answer of line %zu, which is given again:\n", a->wanted);
}

/* --- all lines --- */

static enum pl_status all_lines(struct again *a, char *text, size_t size, size_t until, struct pl_err *err)
{
  struct pl_err local = {0};
  a->seal = PL_RECORD_SEAL;
  for (char *at = text, *end; at < text + size && (!until || a->out->lines < until); at = end + 1) {
    end = memchr(at, '\n', (size_t)(text + size - at));
    a->out->torn = !end;
    if (!end)
      break;
    *end = '\0';
    if (!line_again(a, at, (size_t)(end - at), &local))
      break;
  }
  if (a->out->diverged == 1 && !a->pool)
    return pl_fail(err, PL_E_GARBAGE, "this is no journal of decisions: its first line cannot be read");
  return local.status ? pl_fail(err, local.status, "%s", local.text) : PL_OK;
}

static void end(struct again *a)
{
  for (size_t i = 0; i < PLANS; i++)
    pl_plan_free(a->plans[i].plan);
  a->watcher.told = heard;
  for (size_t i = 0; i < COPIES_MAX; i++)
    pl_pool_free(a->copies[i]);
  pl_pool_free(a->pool);
  pl_record_end(&a->told);
}

enum pl_status pl_replay_text(const char *text, size_t size, int64_t decision, struct pl_replay *out, struct pl_err *err)
{
  struct again a = {.out = out};
  struct wanted found = {0};
  size_t said;
  *out = (struct pl_replay){0};
  a.watcher = (struct pl_pool_watcher){.told = heard, .ctx = &a};
  char *own = malloc(size + 1);
  enum pl_status status = own ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a journal of decisions");
  if (!status && decision)
    status = find(text, size, decision, &found, err);
  if (!status && found.line) {
    out->found = true;
    if ((a.say = open_memstream(&out->text, &said)))
      say_decision(&a, &found);
  }
  if (!status && (!decision || found.line)) {
    memcpy(own, text, size);
    status = all_lines(&a, own, size, a.wanted ? a.wanted : found.line, err);
  }
  if (a.say && fclose(a.say) && !status)
    status = pl_fail(err, PL_E_NOMEM, "out of memory for a decision");
  end(&a);
  free(own);
  free(found.text);
  free(found.words.words);
  return status;
}

enum pl_status pl_replay_file(const char *path, int64_t decision, struct pl_replay *replay, struct pl_err *err)
{
  char *text = NULL, block[65536];
  size_t size = 0, got;
  *replay = (struct pl_replay){0};
  FILE *file = fopen(path, "re"), *out = file ? open_memstream(&text, &size) : NULL;
  if (!out) {
    enum pl_status status = pl_fail(err, PL_E_USAGE, "%s: %s", path, strerror(errno));
    if (file)
      fclose(file);
    return status;
  }
  while ((got = fread(block, 1, sizeof block, file)))
    fwrite(block, 1, got, out);
  bool failed = ferror(file);
  fclose(file);
  failed |= fclose(out) != 0;
  enum pl_status status = failed ? pl_fail(err, PL_E_IO, "%s cannot be read", path) : pl_replay_text(text, size, decision, replay, err);
  free(text);
  return status && !failed ? pl_err_prefix(err, "%s", path) : status;
}

void pl_replay_end(struct pl_replay *replay)
{
  free(replay->text);
  *replay = (struct pl_replay){0};
}
