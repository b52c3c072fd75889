/* SPDX-License-Identifier: Apache-2.0 */
#include "host/engine/lua_stack.h"
#include "host/journal/text.h"

#include <string.h>

#define KEPT 256         /* questions whose last answer is remembered */
#define SHOWN_MAX 4000u  /* bytes of a body in the journal */

struct pl_seen { /* by the hash of the target */
  uint64_t target[KEPT], answer[KEPT];
  unsigned repeats[KEPT];
};

/* FNV-1a */
static uint64_t hash(uint64_t sum, const char *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
  return sum;
}
#define HASH_START 0xcbf29ce484222325u

/* Whether an answer is the one that the same GET had before. */
static bool is_known(struct pl_run *run, const struct pl_ask *ask, unsigned *repeats)
{
  const struct pl_http_answer *answer = pl_ask_answer(ask);
  const char *target = pl_ask_target(ask);
  if (!run->seen)
    run->seen = calloc(1, sizeof *run->seen);
  if (!run->seen)
    return false;
  uint64_t which = hash(HASH_START, target, strlen(target)), what = hash(HASH_START + (uint64_t)answer->status, answer->body ? answer->body : "", answer->body_size);
  size_t slot = which % KEPT;
  struct pl_seen *seen = run->seen;
  bool known = seen->target[slot] == which && seen->answer[slot] == what;
  *repeats = known ? 0 : seen->target[slot] == which ? seen->repeats[slot] : 0;
  seen->repeats[slot] = known ? seen->repeats[slot] + 1 : 0;
  seen->target[slot] = which;
  seen->answer[slot] = what;
  return known;
}

void pl_stack_record_free(struct pl_run *run)
{
  free(run->seen);
  run->seen = NULL;
}

/* JSON goes in as it is; what is none, or too long, as a text. */
static void put_body(struct pl_text *text, const char *name, const char *body, size_t len, bool is_json)
{
  if (!len)
    return;
  pl_text_format(text, ",\"%s\":", name);
  size_t end = len;
  while (end && (body[end - 1] == '\n' || body[end - 1] == '\r' || body[end - 1] == ' '))
    end--;
  if (is_json && end <= SHOWN_MAX && !memchr(body, '\n', end))
    pl_text_put(text, body, end);
  else
    pl_text_json(text, body, end < SHOWN_MAX ? end : SHOWN_MAX);
}

static void log_write(struct pl_run *run, int step, const char *method, const struct pl_ask *ask, const char *why)
{
  char line[400], took[48];
  pl_quantity_format(PL_DIM_TIME, pl_ask_took(ask) / PL_US, took, sizeof took);
  if (why)
    snprintf(line, sizeof line, "stack: %s %s: no answer: %.200s", method, pl_ask_target(ask), why);
  else
    snprintf(line, sizeof line, "stack: %s %s -> %d after %s", method, pl_ask_target(ask), pl_ask_answer(ask)->status, took);
  pl_journal_log(run->journal, step, "INFO", line);
}

void pl_stack_record_ask(struct pl_run *run, int step, const char *method, const char *body, const struct pl_ask *ask)
{
  const struct pl_http_answer *answer = pl_ask_answer(ask);
  const struct pl_err *why = NULL;
  enum pl_status status = pl_ask_status(ask, &why);
  bool reads = !strcmp(method, "GET"), secret = body && strstr(body, "\"Password\"");
  unsigned repeats = 0;
  struct pl_json json = {0};
  struct pl_text text = {0};
  bool busy = answer->status == 409 || answer->status == 429 || answer->status == 503; /* it is asked again and again */
  if (run->cfg->rehearsal || ((reads || busy) && !status && is_known(run, ask, &repeats)))
    return;
  if (!reads || status)
    log_write(run, step, method, ask, status ? why->text : NULL);
  pl_text_format(&text, "{\"request\":\"%s ", method);
  struct pl_text target = {0};
  pl_text_json(&target, pl_ask_target(ask), strlen(pl_ask_target(ask)));
  if (!target.failed && target.len > 2)
    pl_text_put(&text, target.bytes + 1, target.len - 1); /* its opening quote is the request's */
  pl_text_free(&target);
  if (repeats)
    pl_text_format(&text, ",\"before\":\"%u times as the last one\"", repeats);
  if (body)
    put_body(&text, "body", secret ? "(not shown)" : body, secret ? 11 : strlen(body), !secret);
  pl_text_format(&text, ",\"ms\":%.3f", (double)pl_ask_took(ask) / 1e6);
  if (status) {
    PL_TEXT_LIT(&text, ",\"error\":");
    pl_text_json(&text, why->text, strlen(why->text));
  } else {
    pl_text_format(&text, ",\"status\":%d", answer->status);
    bool is_json = answer->body_size && answer->body_size <= SHOWN_MAX && !pl_json_parse(&json, answer->body, answer->body_size, NULL);
    put_body(&text, "answer", answer->body, answer->body_size, is_json);
    pl_json_free(&json);
  }
  PL_TEXT_LIT(&text, "}");
  pl_text_char(&text, '\0');
  if (!text.failed)
    pl_journal_extension(run->journal, step, "stack", text.bytes);
  pl_text_free(&text);
}

void pl_stack_record_event(struct pl_run *run, const struct pl_client_event *event)
{
  char line[512];
  snprintf(line, sizeof line, "stack: event %llu %s%s%s: %.240s", (unsigned long long)event->id, event->message_id, *event->origin ? " of " : "", event->origin, event->text);
  pl_journal_log(run->journal, run->focus ? run->focus->id : -1, !strcmp(event->severity, "Critical") ? "WARNING" : "INFO", line);
}
