/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/model.h"

#include "host/journal/stamp.h"
#include "reports/out.h"

#include <string.h>

static void put_string(struct pl_text *text, const char *string)
{
  pl_text_json(text, string, strlen(string));
}

/* `,"key":"text"`; nothing when there is none. */
static void put_field(struct pl_text *text, const struct pl_report *r, const char *key, pl_str value)
{
  if (!value)
    return;
  PL_TEXT_LIT(text, ",");
  put_string(text, key);
  PL_TEXT_LIT(text, ":");
  put_string(text, pl_text_of(r, value));
}

static void put_time(struct pl_text *text, const char *key, int64_t at)
{
  char stamp[PL_STAMP_LEN];
  pl_stamp_write(at, stamp);
  pl_text_format(text, ",\"%s\":\"%.*s\"", key, PL_STAMP_LEN, stamp);
}

static void put_val(struct pl_text *text, const struct pl_report *r, const struct pl_val *value)
{
  switch ((enum pl_val_kind)value->kind) {
  case PL_VAL_NUMBER: pl_text_double(text, value->number); break;
  case PL_VAL_BOOL: pl_text_str(text, value->flag ? "true" : "false"); break;
  case PL_VAL_SET: pl_text_str(text, pl_text_of(r, value->text)); break; /* an array, as JSON */
  case PL_VAL_TEXT: put_string(text, pl_text_of(r, value->text)); break;
  case PL_VAL_NONE: PL_TEXT_LIT(text, "null"); break;
  }
}

static void put_pairs(struct pl_text *text, const struct pl_report *r, const char *key, const struct pl_pair *pairs, size_t count)
{
  pl_text_format(text, ",\"%s\":{", key);
  for (size_t i = 0; i < count; i++) {
    pl_text_str(text, i ? "," : "");
    put_string(text, pl_text_of(r, pairs[i].name));
    PL_TEXT_LIT(text, ":");
    put_string(text, pl_text_of(r, pairs[i].value));
  }
  PL_TEXT_LIT(text, "}");
}

static void put_step(struct pl_text *text, const struct pl_report *r, const struct pl_stepped *step)
{
  PL_TEXT_LIT(text, "{\"name\":");
  put_string(text, pl_text_of(r, step->name));
  put_field(text, r, "id", step->id);
  put_field(text, r, "kind", step->kind);
  if (step->parent != PL_NONE)
    put_field(text, r, "parent", r->steps.items[step->parent].id);
  pl_text_format(text, ",\"attempt\":%u,\"counts\":%s,\"outcome\":\"%s\"", step->attempt, step->superseded ? "false" : "true", pl_verdict_name(step->outcome));
  put_time(text, "start", step->start);
  PL_TEXT_LIT(text, ",\"seconds\":");
  pl_text_double(text, (double)(step->end - step->start) / 1e9);
  PL_TEXT_LIT(text, "}");
}

static void put_measured(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m)
{
  PL_TEXT_LIT(text, "{\"name\":");
  put_string(text, pl_text_of(r, m->name));
  PL_TEXT_LIT(text, ",\"value\":");
  put_val(text, r, &m->value);
  put_field(text, r, "unit", m->unit);
  PL_TEXT_LIT(text, ",\"limits\":[");
  for (uint32_t i = 0; i < m->n_limits; i++) {
    const struct pl_limit *limit = &r->limits.items[m->limit + i];
    pl_text_format(text, "%s{\"type\":\"%s\",\"value\":", i ? "," : "", pl_check_name(limit->check));
    put_val(text, r, &limit->value);
    put_field(text, r, "source", limit->source);
    PL_TEXT_LIT(text, "}");
  }
  pl_text_format(text, "],\"verdict\":%s%s%s", m->verdict ? "\"" : "", m->verdict ? pl_judged_name(m->verdict) : "null", m->verdict ? "\"" : "");
  if (m->own && m->told && m->own != m->told && !m->rejudged)
    pl_text_format(text, ",\"by-validators\":\"%s\",\"by-engine\":\"%s\"", pl_judged_name(m->own), pl_judged_name(m->told));
  if (m->rejudged && m->before)
    pl_text_format(text, ",\"before\":\"%s\"", pl_judged_name(m->before));
  put_field(text, r, "step", r->steps.items[m->step].id);
  put_field(text, r, "hardware", m->hardware);
  put_field(text, r, "subcomponent", m->subcomponent);
  put_time(text, "time", m->at);
  PL_TEXT_LIT(text, "}");
}

static void put_finding(struct pl_text *text, const struct pl_report *r, const struct pl_finding *f, struct pl_text *room)
{
  room->len = 0;
  pl_put_finding(room, r, f);
  const struct pl_diagnosed *d = f->diagnosis == PL_NONE ? NULL : &r->diagnoses.items[f->diagnosis];
  const char *type = f->note != PL_NONE ? "ERROR" : d && d->type == PL_UNJUDGED ? "UNKNOWN" : "FAIL";
  pl_text_format(text, "{\"type\":\"%s\",\"message\":", type);
  pl_text_json(text, room->bytes ? room->bytes : "", room->len);
  if (d)
    put_field(text, r, "verdict", d->verdict);
  if (f->note != PL_NONE)
    put_field(text, r, "symptom", r->notes.items[f->note].label);
  if (f->next) {
    PL_TEXT_LIT(text, ",\"next\":");
    put_string(text, f->next);
  }
  if (f->hw) {
    put_field(text, r, "part", f->hw->name);
    put_field(text, r, "location", f->hw->location);
    put_field(text, r, "serial", f->hw->serial);
  }
  if (f->step != PL_NONE)
    put_field(text, r, "step", r->steps.items[f->step].id);
  PL_TEXT_LIT(text, "}");
}

static void put_head(struct pl_text *text, const struct pl_report *r, struct pl_text *room)
{
  pl_text_format(text, "{\"verdict\":\"%s\"", pl_verdict_name(r->verdict));
  if (r->ended && r->said != r->verdict)
    pl_text_format(text, ",\"journal-says\":\"%s\"", pl_verdict_name(r->said));
  if (!r->ended) {
    pl_put_stopped(room, r);
    PL_TEXT_LIT(text, ",\"stopped\":");
    pl_text_json(text, room->bytes ? room->bytes : "", room->len);
  }
  put_field(text, r, "name", r->name);
  put_field(text, r, "version", r->version);
  put_field(text, r, "dut", r->dut);
  put_field(text, r, "command-line", r->command_line);
  put_field(text, r, "journal", r->path);
  put_field(text, r, "judged-again-under", r->limits_path);
  put_time(text, "start", r->start);
  PL_TEXT_LIT(text, ",\"seconds\":");
  pl_text_double(text, (double)(r->end - r->start) / 1e9);
  pl_text_format(text, ",\"passed\":%zu,\"failed\":%zu,\"not-judged\":%zu,\"repeated\":%zu", r->n_pass, r->n_fail, r->n_unjudged, r->n_retried);
  put_pairs(text, r, "parameters", r->parameters.items, r->parameters.count);
  put_pairs(text, r, "metadata", r->metadata.items, r->metadata.count);
}

#define DRAIN_AT (64 * 1024)

static void drain(struct pl_text *text, FILE *out)
{
  if (text->len > DRAIN_AT)
    pl_text_to_stream(text, out);
}

void pl_report_json(const struct pl_report *r, FILE *out)
{
  struct pl_text made = {0}, *text = &made, room = {0};
  put_head(text, r, &room);
  PL_TEXT_LIT(text, ",\"steps\":[");
  for (size_t i = 0; i < r->steps.count; i++) {
    pl_text_str(text, i ? ",\n" : "\n");
    put_step(text, r, &r->steps.items[i]);
    drain(text, out);
  }
  PL_TEXT_LIT(text, "],\"measurements\":[");
  for (size_t i = 0; i < r->measurements.count; i++) {
    pl_text_str(text, i ? ",\n" : "\n");
    put_measured(text, r, &r->measurements.items[i]);
    drain(text, out);
  }
  PL_TEXT_LIT(text, "],\"findings\":[");
  struct pl_finding f;
  bool first = true;
  for (size_t at = 0; (at = pl_next_finding(r, at, &f)); first = false) {
    pl_text_str(text, first ? "\n" : ",\n");
    put_finding(text, r, &f, &room);
    drain(text, out);
  }
  PL_TEXT_LIT(text, "]}\n");
  pl_text_to_stream(text, out);
  pl_text_free(text);
  pl_text_free(&room);
}
