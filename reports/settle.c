/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts and outcomes, worked out from what the journal holds. */
#include "reports/model.h"

#include "host/journal/json.h"

#include <regex.h>
#include <string.h>

const char *pl_verdict_name(enum pl_verdict verdict)
{
  static const char *const NAMES[] = {[PL_VERDICT_PASS] = "PASS", [PL_VERDICT_FAIL] = "FAIL", [PL_VERDICT_ERROR] = "ERROR", [PL_VERDICT_SKIP] = "SKIP",
                                      [PL_VERDICT_UNFINISHED] = "UNFINISHED"};
  return NAMES[verdict];
}

const char *pl_judged_name(enum pl_judged judged)
{
  return judged == PL_JUDGED_PASS ? "PASS" : judged == PL_JUDGED_FAIL ? "FAIL" : "";
}

static const struct {
  const char *name, *sign;
} CHECKS[] = {
#define PL_CHECK_ROW(name, sign) {#name, sign},
    PL_CHECK_MAP(PL_CHECK_ROW)
#undef PL_CHECK_ROW
};

const char *pl_check_sign(enum pl_check check)
{
  return CHECKS[check].sign;
}

const char *pl_check_name(enum pl_check check)
{
  return CHECKS[check].name;
}

enum pl_verdict pl_report_verdict(const struct pl_report *report)
{
  return report->verdict;
}

/* --- one value against one validator --- */

static bool same(const struct pl_report *r, const struct pl_val *a, const struct pl_val *b)
{
  if (a->kind != b->kind)
    return false;
  if (a->kind == PL_VAL_NUMBER)
    return a->number == b->number;
  if (a->kind == PL_VAL_BOOL)
    return a->flag == b->flag;
  return !strcmp(pl_text_of(r, a->text), pl_text_of(r, b->text));
}

/* IN_SET: the specification has an array, the schema a scalar; both are understood. */
static bool in_set(const struct pl_report *r, const struct pl_val *set, const struct pl_val *value)
{
  if (set->kind != PL_VAL_SET)
    return same(r, set, value);
  const char *text = pl_text_of(r, set->text);
  struct pl_json json = {0};
  bool found = false;
  if (!pl_json_parse(&json, text, strlen(text), NULL))
    for (const struct pl_json_node *n = pl_json_first(json.nodes); n && !found; n = pl_json_next(n))
      found = value->kind == PL_VAL_NUMBER ? n->kind == PL_JSON_NUMBER && n->number == value->number
              : value->kind == PL_VAL_TEXT ? pl_json_is(n, pl_text_of(r, value->text))
                                           : n->kind == (value->flag ? PL_JSON_TRUE : PL_JSON_FALSE);
  pl_json_free(&json);
  return found;
}

static enum pl_judged match(const struct pl_report *r, const struct pl_limit *limit, const struct pl_val *value, bool want)
{
  regex_t regex;
  if (value->kind != PL_VAL_TEXT || limit->value.kind != PL_VAL_TEXT || regcomp(&regex, pl_text_of(r, limit->value.text), REG_EXTENDED | REG_NOSUB))
    return PL_UNJUDGED;
  bool matches = regexec(&regex, pl_text_of(r, value->text), 0, NULL, 0) == 0;
  regfree(&regex);
  return matches == want ? PL_JUDGED_PASS : PL_JUDGED_FAIL;
}

static enum pl_judged judged(bool pass)
{
  return pass ? PL_JUDGED_PASS : PL_JUDGED_FAIL;
}

enum pl_judged pl_check_value(const struct pl_report *r, const struct pl_limit *limit, const struct pl_val *value)
{
  enum pl_check check = limit->check;
  bool numbers = value->kind == PL_VAL_NUMBER && limit->value.kind == PL_VAL_NUMBER;
  double v = value->number, at = limit->value.number;
  switch (check) {
  case PL_CHECK_EQUAL: return judged(same(r, &limit->value, value));
  case PL_CHECK_NOT_EQUAL: return judged(!same(r, &limit->value, value));
  case PL_CHECK_LESS_THAN: return judged(numbers && v < at);
  case PL_CHECK_LESS_THAN_OR_EQUAL: return judged(numbers && v <= at);
  case PL_CHECK_GREATER_THAN: return judged(numbers && v > at);
  case PL_CHECK_GREATER_THAN_OR_EQUAL: return judged(numbers && v >= at);
  case PL_CHECK_REGEX_MATCH: return match(r, limit, value, true);
  case PL_CHECK_REGEX_NO_MATCH: return match(r, limit, value, false);
  case PL_CHECK_IN_SET: return judged(in_set(r, &limit->value, value));
  case PL_CHECK_NOT_IN_SET: return judged(!in_set(r, &limit->value, value));
  case PL_CHECK_COUNT: break;
  }
  return PL_UNJUDGED;
}

static enum pl_judged evaluate(const struct pl_report *r, const struct pl_measured *m)
{
  enum pl_judged all = PL_UNJUDGED;
  for (uint32_t i = 0; i < m->n_limits; i++) {
    enum pl_judged one = pl_check_value(r, &r->limits.items[m->limit + i], &m->value);
    if (one == PL_JUDGED_FAIL)
      return one;
    if (one == PL_JUDGED_PASS)
      all = one;
  }
  return all;
}

/* --- the whole --- */

static void link_steps(struct pl_report *r)
{
  uint32_t last_top = PL_NONE;
  r->first_top = PL_NONE;
  r->n_top = 0;
  for (uint32_t i = 0; i < r->steps.count; i++) {
    struct pl_stepped *step = &r->steps.items[i];
    step->child = step->last_child = step->sibling = PL_NONE;
    if (step->state == PL_STATE_OPEN)
      step->end = r->end;
    uint32_t *first = &r->first_top, *last = &last_top;
    if (step->parent != PL_NONE) {
      struct pl_stepped *parent = &r->steps.items[step->parent];
      first = &parent->child;
      last = &parent->last_child;
    } else {
      r->n_top++;
    }
    if (*first == PL_NONE)
      *first = i;
    else
      r->steps.items[*last].sibling = i;
    *last = i;
  }
}

/* Chains from a step to its diagnoses and notes, in their order. */
static void link_findings(struct pl_report *r)
{
  for (size_t i = 0; i < r->steps.count; i++)
    r->steps.items[i].diagnosis = r->steps.items[i].note = PL_NONE;
  for (size_t i = r->diagnoses.count; i-- > 0;) {
    struct pl_stepped *step = &r->steps.items[r->diagnoses.items[i].step];
    r->diagnoses.items[i].next = step->diagnosis;
    step->diagnosis = (uint32_t)i;
  }
  for (size_t i = r->notes.count; i-- > 0;) {
    struct pl_noted *note = &r->notes.items[i];
    if (note->step == PL_NONE)
      continue;
    note->next = r->steps.items[note->step].note;
    r->steps.items[note->step].note = (uint32_t)i;
  }
}

/* An attempt after which another was made does not count; nor does what is in it. */
static void find_superseded(struct pl_report *r)
{
  for (uint32_t i = 0; i < r->steps.count; i++) {
    struct pl_stepped *step = &r->steps.items[i];
    step->superseded = step->parent != PL_NONE && r->steps.items[step->parent].superseded;
    bool counted = step->kind && !strcmp(pl_text_of(r, step->kind), "attempt");
    for (uint32_t later = step->sibling; later != PL_NONE && !step->superseded; later = r->steps.items[later].sibling) {
      const struct pl_stepped *other = &r->steps.items[later];
      bool same_thing = other->name == step->name || (counted && other->kind == step->kind);
      if (!same_thing || other->attempt <= 1) /* attempts follow each other */
        break;
      step->superseded = other->attempt > step->attempt;
    }
  }
}

static void settle_measurements(struct pl_report *r)
{
  r->n_pass = r->n_fail = r->n_unjudged = r->n_retried = r->n_disagree = 0;
  for (uint32_t i = 0; i < r->steps.count; i++) {
    r->steps.items[i].n_failed = 0;
    r->steps.items[i].judged_failed = false;
  }
  for (uint32_t i = 0; i < r->measurements.count; i++) {
    struct pl_measured *m = &r->measurements.items[i];
    struct pl_stepped *step = &r->steps.items[m->step];
    m->own = (uint8_t)evaluate(r, m);
    enum pl_judged told = m->rejudged ? PL_UNJUDGED : m->told;
    m->verdict = (uint8_t)(m->own == PL_JUDGED_FAIL || told == PL_JUDGED_FAIL ? PL_JUDGED_FAIL : m->own ? m->own : told);
    r->n_disagree += m->own && told && m->own != told;
    if (m->verdict == PL_JUDGED_FAIL) {
      step->n_failed++;
      step->judged_failed = true;
    }
    size_t *bin = step->superseded ? &r->n_retried : m->verdict == PL_JUDGED_PASS ? &r->n_pass : m->verdict == PL_JUDGED_FAIL ? &r->n_fail : &r->n_unjudged;
    ++*bin;
  }
  for (size_t i = 0; i < r->diagnoses.count; i++)
    if (r->diagnoses.items[i].type == PL_JUDGED_FAIL && r->diagnoses.items[i].measurement == PL_NONE)
      r->steps.items[r->diagnoses.items[i].step].judged_failed = true;
}

/* Whether a step's own failure has a cause that was judged again and is gone. */
static bool cause_gone(const struct pl_report *r, const struct pl_stepped *step)
{
  for (uint32_t m = step->measurement; m != PL_NONE; m = r->measurements.items[m].next)
    if (r->measurements.items[m].before == PL_JUDGED_FAIL && r->measurements.items[m].verdict != PL_JUDGED_FAIL)
      return true;
  return false;
}

static enum pl_verdict own_outcome(const struct pl_report *r, const struct pl_stepped *step, bool below_was_flagged)
{
  if (step->state == PL_STATE_SKIP)
    return PL_VERDICT_SKIP;
  if (step->judged_failed)
    return PL_VERDICT_FAIL;
  if (step->state == PL_STATE_ERROR || (step->has_error && !step->failed))
    return PL_VERDICT_ERROR;
  /* judged again, the journal's own flag stands only where nothing else explains it */
  if (step->failed && !(r->limits_path && (below_was_flagged || cause_gone(r, step))))
    return PL_VERDICT_FAIL;
  return step->state == PL_STATE_OPEN ? PL_VERDICT_UNFINISHED : PL_VERDICT_PASS;
}

static int weight(enum pl_verdict verdict)
{
  static const int WEIGHTS[] = {[PL_VERDICT_SKIP] = 0, [PL_VERDICT_PASS] = 1, [PL_VERDICT_UNFINISHED] = 2, [PL_VERDICT_ERROR] = 3, [PL_VERDICT_FAIL] = 4};
  return WEIGHTS[verdict];
}

/* Children come after their parents, so walking backwards settles what is nested first. */
static void settle_steps(struct pl_report *r)
{
  r->n_steps_pass = 0;
  for (size_t i = r->steps.count; i-- > 0;) {
    struct pl_stepped *step = &r->steps.items[i];
    enum pl_verdict worst = PL_VERDICT_SKIP;
    bool flagged = false;
    for (uint32_t c = step->child; c != PL_NONE; c = r->steps.items[c].sibling) {
      const struct pl_stepped *child = &r->steps.items[c];
      flagged = flagged || child->failed;
      if (!child->superseded && weight(child->outcome) > weight(worst))
        worst = child->outcome;
    }
    enum pl_verdict own = own_outcome(r, step, flagged);
    step->outcome = (uint8_t)(own != PL_VERDICT_SKIP && weight(worst) > weight(own) ? worst : own);
    r->n_steps_pass += step->outcome == PL_VERDICT_PASS;
  }
}

static bool a_step_failed(const struct pl_report *r)
{
  for (uint32_t i = r->first_top; i != PL_NONE; i = r->steps.items[i].sibling)
    if (r->steps.items[i].outcome == PL_VERDICT_FAIL && !r->steps.items[i].superseded)
      return true;
  return false;
}

static bool passed_wrongly(const struct pl_report *r)
{
  for (size_t i = 0; r->n_disagree && i < r->measurements.count; i++) {
    const struct pl_measured *m = &r->measurements.items[i];
    if (m->own == PL_JUDGED_FAIL && m->told == PL_JUDGED_PASS && !m->rejudged && !r->steps.items[m->step].superseded)
      return true;
  }
  return false;
}

static enum pl_verdict run_verdict(const struct pl_report *r)
{
  if (!r->ended)
    return PL_VERDICT_UNFINISHED;
  if (r->said == PL_VERDICT_ERROR || r->said == PL_VERDICT_SKIP)
    return r->said;
  if (r->limits_path)
    return a_step_failed(r) ? PL_VERDICT_FAIL : PL_VERDICT_PASS;
  if (r->said == PL_VERDICT_PASS && r->lost)
    return PL_VERDICT_ERROR; /* what is missing may have failed */
  return r->said == PL_VERDICT_PASS && passed_wrongly(r) ? PL_VERDICT_FAIL : r->said;
}

void pl_settle(struct pl_report *r)
{
  link_steps(r);
  link_findings(r);
  find_superseded(r);
  settle_measurements(r);
  settle_steps(r);
  r->verdict = (uint8_t)run_verdict(r);
}
