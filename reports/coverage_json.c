/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/coverage.h"
#include "reports/out.h"

#include <string.h>

static void put_string(struct pl_text *text, const char *string)
{
  pl_text_json(text, string, strlen(string));
}

static void put_field(struct pl_text *text, const char *key, const char *value)
{
  if (!value || !*value)
    return;
  pl_text_format(text, ",\"%s\":", key);
  put_string(text, value);
}

static void put_number(struct pl_text *text, const char *key, double value)
{
  pl_text_format(text, ",\"%s\":", key);
  pl_text_double(text, value);
}

static void put_summary(struct pl_text *text, const struct pl_coverage *c)
{
  struct pl_coverage_summary sum;
  pl_coverage_sum(c, &sum);
  pl_text_format(text, "\"summary\":{\"faults\":%zu,\"caught\":%zu", sum.faults, sum.caught);
  put_number(text, "caught_ratio", sum.caught_ratio);
  pl_text_format(text, ",\"blamed_right\":%zu", sum.blamed_right);
  put_number(text, "blame_ratio", sum.blame_ratio);
  pl_text_format(text, ",\"runs_caught\":%zu,\"runs_blamed_right\":%zu", sum.cells_caught, sum.cells_right);
  put_number(text, "run_blame_ratio", sum.cell_blame_ratio);
  pl_text_format(text, ",\"healthy_runs\":%zu,\"false_alarms\":%zu", sum.healthy_runs, sum.false_alarms);
  for (int o = 0; o < PL_CELL_COUNT; o++)
    pl_text_format(text, "%s\"%s\":%zu", o ? "," : ",\"by_outcome\":{", pl_cell_word((enum pl_cell_outcome)o), sum.by_outcome[o]);
  PL_TEXT_LIT(text, "}}");
}

static void put_sequences(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, ",\n\"sequences\":[");
  for (size_t s = 0; s < c->n_sequences; s++) {
    pl_text_str(text, s ? ",{\"name\":" : "{\"name\":");
    put_string(text, c->sequences[s]);
    put_field(text, "path", c->paths[s]);
    pl_text_format(text, ",\"false_alarms\":%zu}", c->alarmed[s]);
  }
  PL_TEXT_LIT(text, "]");
}

static void put_cell(struct pl_text *text, const struct pl_coverage *c, const struct pl_coverage_cell *cell, size_t sequence)
{
  PL_TEXT_LIT(text, "{\"sequence\":");
  put_string(text, c->sequences[sequence]);
  put_field(text, "outcome", pl_cell_word(cell->outcome));
  put_field(text, "verdict", cell->verdict);
  put_field(text, "blamed", cell->blamed);
  put_field(text, "message", cell->message);
  put_number(text, "seconds", cell->seconds);
  PL_TEXT_LIT(text, "}");
}

static void put_fault(struct pl_text *text, const struct pl_coverage *c, size_t f)
{
  size_t by = 0;
  const struct pl_coverage_fault *fault = &c->faults[f];
  enum pl_cell_outcome best = pl_coverage_best(c, f, &by);
  PL_TEXT_LIT(text, "{\"spec\":");
  put_string(text, fault->spec);
  put_field(text, "fault", fault->fault);
  put_field(text, "kind", fault->kind);
  put_field(text, "about", fault->about);
  put_field(text, "target", fault->target);
  put_field(text, "outcome", pl_cell_word(best));
  if (*c->cells[f * c->n_sequences + by].message)
    put_field(text, "by", c->sequences[by]);
  PL_TEXT_LIT(text, ",\"runs\":[");
  for (size_t s = 0; s < c->n_sequences; s++) {
    pl_text_str(text, s ? ",\n  " : "\n  ");
    put_cell(text, c, &c->cells[f * c->n_sequences + s], s);
  }
  PL_TEXT_LIT(text, "]}");
}

static void put_alarms(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, "],\n\"false_alarms\":[");
  for (size_t i = 0; i < c->n_alarms; i++) {
    const struct pl_coverage_alarm *a = &c->alarms[i];
    pl_text_str(text, i ? ",\n{\"sequence\":" : "{\"sequence\":");
    put_string(text, c->sequences[a->sequence]);
    pl_text_format(text, ",\"seed\":%llu", (unsigned long long)a->seed);
    put_field(text, "blamed", a->blamed);
    put_field(text, "message", a->message);
    PL_TEXT_LIT(text, "}");
  }
  PL_TEXT_LIT(text, "]}\n");
}

static void put_all(struct pl_text *text, const struct pl_coverage *c)
{
  PL_TEXT_LIT(text, "{");
  put_summary(text, c);
  put_field(text, "rig", c->rig);
  put_field(text, "when", c->when);
  put_field(text, "command_line", c->command_line);
  pl_text_format(text, ",\"seed\":%llu,\"healthy_seeds\":%zu,\"jobs\":%zu,\"not_applicable\":%zu", (unsigned long long)c->seed, c->n_healthy, c->jobs,
                 c->n_not_applicable);
  put_number(text, "wall_s", c->wall_s);
  put_sequences(text, c);
  PL_TEXT_LIT(text, ",\n\"faults\":[");
  for (size_t f = 0; f < c->n_faults; f++) {
    pl_text_str(text, f ? ",\n" : "\n");
    put_fault(text, c, f);
  }
  put_alarms(text, c);
}

void pl_coverage_json(const struct pl_coverage *c, FILE *out)
{
  struct pl_text text = {0};
  put_all(&text, c);
  pl_text_to_stream(&text, out);
  pl_text_free(&text);
}

enum pl_status pl_coverage_json_file(const struct pl_coverage *c, const char *path, struct pl_err *err)
{
  struct pl_out out;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  put_all(&out.text, c);
  return pl_out_close(&out, err);
}
