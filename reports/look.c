/* SPDX-License-Identifier: Apache-2.0 */
/* What the reports ask of the model: names, numbers for people, and what is to be told first. */
#include "reports/model.h"

#include "host/journal/stamp.h"
#include "host/journal/text.h"

#include <math.h>
#include <string.h>
#include <strings.h>

const struct pl_hw *pl_hw_of(const struct pl_report *r, pl_str id)
{
  for (size_t i = 0; id && i < r->hardware.count; i++)
    if (r->hardware.items[i].id == id)
      return &r->hardware.items[i];
  return NULL;
}

const char *pl_meta_of(const struct pl_report *r, const char *name)
{
  for (size_t i = 0; i < r->metadata.count; i++)
    if (!strcmp(pl_text_of(r, r->metadata.items[i].name), name))
      return pl_text_of(r, r->metadata.items[i].value);
  return "";
}

void pl_put_path(struct pl_text *text, const struct pl_report *r, uint32_t step, const char *between)
{
  if (step == PL_NONE)
    return;
  const struct pl_stepped *s = &r->steps.items[step];
  if (s->parent != PL_NONE) {
    pl_put_path(text, r, s->parent, between); /* the loader bounds how deep steps nest */
    pl_text_str(text, between);
  }
  pl_text_str(text, pl_text_of(r, s->name));
}

void pl_put_val(struct pl_text *text, const struct pl_report *r, const struct pl_val *value, int digits)
{
  switch ((enum pl_val_kind)value->kind) {
  case PL_VAL_NUMBER: pl_text_number(text, value->number, digits); break;
  case PL_VAL_BOOL: pl_text_str(text, value->flag ? "on" : "off"); break;
  case PL_VAL_TEXT:
  case PL_VAL_SET: pl_text_str(text, pl_text_of(r, value->text)); break;
  case PL_VAL_NONE: break;
  }
}

static const struct pl_limit *find_limit(const struct pl_report *r, const struct pl_measured *m, enum pl_check check)
{
  for (uint32_t i = 0; i < m->n_limits; i++)
    if (r->limits.items[m->limit + i].check == check)
      return &r->limits.items[m->limit + i];
  return NULL;
}

void pl_put_limits(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m)
{
  const struct pl_limit *low = find_limit(r, m, PL_CHECK_GREATER_THAN_OR_EQUAL), *high = find_limit(r, m, PL_CHECK_LESS_THAN_OR_EQUAL);
  bool numeric = false;
  if (m->n_limits == 2 && low && high) {
    pl_put_val(text, r, &low->value, 6);
    pl_text_str(text, " to ");
    pl_put_val(text, r, &high->value, 6);
    numeric = true;
  } else {
    for (uint32_t i = 0; i < m->n_limits; i++) {
      const struct pl_limit *limit = &r->limits.items[m->limit + i];
      pl_text_str(text, i ? ", " : "");
      pl_text_str(text, pl_check_sign(limit->check));
      pl_text_str(text, " ");
      pl_put_val(text, r, &limit->value, 6);
      numeric = numeric || limit->value.kind == PL_VAL_NUMBER;
    }
  }
  if (numeric && m->unit) {
    pl_text_str(text, " ");
    pl_text_str(text, pl_text_of(r, m->unit));
  }
}

bool pl_interval(const struct pl_report *r, uint32_t limit, size_t n_limits, double *low, double *high)
{
  *low = -INFINITY;
  *high = INFINITY;
  for (size_t i = 0; i < n_limits; i++) {
    const struct pl_limit *l = &r->limits.items[limit + i];
    if (l->value.kind != PL_VAL_NUMBER)
      continue;
    double at = l->value.number;
    bool below = l->check == PL_CHECK_LESS_THAN || l->check == PL_CHECK_LESS_THAN_OR_EQUAL || l->check == PL_CHECK_EQUAL;
    bool above = l->check == PL_CHECK_GREATER_THAN || l->check == PL_CHECK_GREATER_THAN_OR_EQUAL || l->check == PL_CHECK_EQUAL;
    if (below && at < *high)
      *high = at;
    if (above && at > *low)
      *low = at;
  }
  return isfinite(*low) || isfinite(*high);
}

void pl_put_duration(struct pl_text *text, int64_t ns)
{
  int64_t second = (ns + 500000000) / 1000000000;
  if (ns == 0) {
    pl_text_str(text, "0 s");
  } else if (ns < 999500000) {
    pl_text_number(text, (double)ns / 1e6, 3);
    pl_text_str(text, " ms");
  } else if (ns < 59950000000) {
    pl_text_number(text, (double)ns / 1e9, 3);
    pl_text_str(text, " s");
  } else if (second < 3600) {
    pl_text_format(text, "%d min %02d s", (int)(second / 60), (int)(second % 60));
  } else {
    pl_text_format(text, "%lld h %02d min", (long long)(second / 3600), (int)(second / 60 % 60));
  }
}

/* --- findings --- */

/* "... ; next: reseat the CSU" tells the next action apart. */
static void split_next(struct pl_finding *f)
{
  static const char *const MARKS[] = {"next action:", "next step:", "next:"};
  f->message_len = strlen(f->message);
  for (const char *p = f->message; *p; p++)
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++) {
      size_t len = strlen(MARKS[i]);
      bool begins = p == f->message || p[-1] == ' ' || p[-1] == '\n';
      if (!begins || strncasecmp(p, MARKS[i], len))
        continue;
      f->next = p + len + strspn(p + len, " ");
      f->message_len = (size_t)(p - f->message);
      while (f->message_len && strchr(" ;,-\n", f->message[f->message_len - 1]))
        f->message_len--;
      return;
    }
}

static bool diagnosis_finding(const struct pl_report *r, uint32_t i, struct pl_finding *f)
{
  const struct pl_diagnosed *d = &r->diagnoses.items[i];
  if (d->type == PL_JUDGED_PASS || (d->measurement != PL_NONE && r->measurements.items[d->measurement].verdict == PL_JUDGED_PASS))
    return false;
  f->diagnosis = i;
  f->measurement = d->measurement;
  f->step = d->step;
  f->hw = pl_hw_of(r, d->hardware);
  f->message = pl_text_of(r, d->message ? d->message : d->verdict);
  return true;
}

static bool measurement_finding(const struct pl_report *r, uint32_t i, struct pl_finding *f)
{
  const struct pl_measured *m = &r->measurements.items[i];
  if (m->verdict != PL_JUDGED_FAIL || m->diagnosis != PL_NONE)
    return false;
  f->measurement = i;
  f->step = m->step;
  f->hw = pl_hw_of(r, m->hardware);
  return true;
}

static bool note_finding(const struct pl_report *r, uint32_t i, struct pl_finding *f)
{
  const struct pl_noted *n = &r->notes.items[i];
  if (!n->error)
    return false;
  f->note = i;
  f->step = n->step;
  f->message = pl_text_of(r, n->message ? n->message : n->label);
  return true;
}

/* Places in one row: the diagnoses, the measurements, the notes. */
static bool finding_at(const struct pl_report *r, size_t place, struct pl_finding *f)
{
  size_t diagnoses = r->diagnoses.count, measurements = diagnoses + r->measurements.count;
  *f = (struct pl_finding){.diagnosis = PL_NONE, .measurement = PL_NONE, .note = PL_NONE, .step = PL_NONE, .message = ""};
  bool is = place < diagnoses      ? diagnosis_finding(r, (uint32_t)place, f)
            : place < measurements ? measurement_finding(r, (uint32_t)(place - diagnoses), f)
                                   : note_finding(r, (uint32_t)(place - measurements), f);
  if (is)
    split_next(f);
  return is;
}

size_t pl_next_finding(const struct pl_report *r, size_t from, struct pl_finding *f)
{
  size_t all = r->diagnoses.count + r->measurements.count + r->notes.count;
  for (size_t i = from; i < all; i++)
    if (finding_at(r, i, f))
      return i + 1;
  return 0;
}

/* The place after `place` in the chains of one step(from 1; 0 stands before the first and after the last). */
static size_t next_of_step(const struct pl_report *r, const struct pl_stepped *step, size_t place)
{
  size_t diagnoses = r->diagnoses.count, measurements = diagnoses + r->measurements.count, i = place - 1;
  uint32_t d = !place ? step->diagnosis : i < diagnoses ? r->diagnoses.items[i].next : PL_NONE;
  if (d != PL_NONE)
    return d + 1;
  bool before = !place || i < diagnoses;
  uint32_t m = before ? step->measurement : i < measurements ? r->measurements.items[i - diagnoses].next : PL_NONE;
  if (m != PL_NONE)
    return diagnoses + m + 1;
  before = before || i < measurements;
  uint32_t n = before ? step->note : r->notes.items[i - measurements].next;
  return n != PL_NONE ? measurements + n + 1 : 0;
}

size_t pl_next_step_finding(const struct pl_report *r, uint32_t step, size_t from, struct pl_finding *f)
{
  size_t place = from;
  while ((place = next_of_step(r, &r->steps.items[step], place)))
    if (finding_at(r, place - 1, f))
      return place;
  return 0;
}

static int rank(const struct pl_report *r, const struct pl_finding *f)
{
  if (f->note != PL_NONE)
    return r->verdict == PL_VERDICT_ERROR ? 0 : 3;
  return f->diagnosis != PL_NONE && r->diagnoses.items[f->diagnosis].type == PL_UNJUDGED ? 2 : 1;
}

static int64_t time_of(const struct pl_report *r, const struct pl_finding *f)
{
  if (f->note != PL_NONE)
    return r->notes.items[f->note].at;
  return f->diagnosis != PL_NONE ? r->diagnoses.items[f->diagnosis].at : r->measurements.items[f->measurement].at;
}

bool pl_first_finding(const struct pl_report *r, struct pl_finding *first)
{
  bool found = false;
  struct pl_finding f;
  for (size_t at = 0; (at = pl_next_finding(r, at, &f));) {
    if (f.step != PL_NONE && r->steps.items[f.step].superseded)
      continue;
    if (!found || rank(r, &f) < rank(r, first) || (rank(r, &f) == rank(r, first) && time_of(r, &f) < time_of(r, first)))
      *first = f;
    found = true;
  }
  return found;
}

void pl_put_finding(struct pl_text *text, const struct pl_report *r, const struct pl_finding *f)
{
  if (f->message_len) {
    pl_text_put(text, f->message, f->message_len);
    return;
  }
  if (f->measurement == PL_NONE)
    return;
  const struct pl_measured *m = &r->measurements.items[f->measurement];
  pl_text_str(text, pl_text_of(r, m->name));
  pl_text_str(text, " is ");
  pl_put_val(text, r, &m->value, 6);
  if (m->value.kind == PL_VAL_NUMBER && m->unit) {
    pl_text_str(text, " ");
    pl_text_str(text, pl_text_of(r, m->unit));
  }
  if (m->n_limits) {
    pl_text_str(text, ", wanted ");
    pl_put_limits(text, r, m);
  }
}

/* --- a run that was killed --- */

static const char *teardown_state(const struct pl_report *r)
{
  const char *state = "teardown did not run";
  for (size_t i = 0; i < r->steps.count; i++) {
    if (strcmp(pl_text_of(r, r->steps.items[i].kind), "teardown"))
      continue;
    if (r->steps.items[i].state == PL_STATE_OPEN)
      return "teardown began and did not end";
    state = "teardown ran";
  }
  return state;
}

void pl_put_stopped(struct pl_text *text, const struct pl_report *r)
{
  uint32_t last = PL_NONE;
  for (uint32_t i = 0; i < r->steps.count; i++) /* the innermost that began last */
    if (r->steps.items[i].state == PL_STATE_OPEN)
      last = i;
  char stamp[PL_STAMP_LEN];
  pl_stamp_write(r->end, stamp);
  pl_text_str(text, last == PL_NONE ? "stopped between steps" : "stopped in step ");
  if (last != PL_NONE)
    pl_put_path(text, r, last, " / ");
  pl_text_format(text, " at %.10s %.8s UTC, no verdict; %s", stamp, stamp + 11, teardown_state(r));
}

/* The engine writes it as a warning of the run (host/engine/engine.c, abort_run). */
const char *pl_report_aborted(const struct pl_report *r)
{
  static const char WORDS[] = "aborted by ";
  for (size_t i = 0; i < r->notes.count && r->said == PL_VERDICT_ERROR; i++) {
    const struct pl_noted *note = &r->notes.items[i];
    const char *message = pl_text_of(r, note->message);
    if (note->step == PL_NONE && !note->error && !strncmp(message, WORDS, sizeof WORDS - 1))
      return message;
  }
  return NULL;
}
