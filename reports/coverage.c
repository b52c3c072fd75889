/* SPDX-License-Identifier: Apache-2.0 */
/* What a coverage run adds up to, and its table on a terminal. */
#include "reports/coverage.h"

#include <string.h>

static const struct {
  char sign;
  const char *word, *cls, *about;
} CELLS[] = {
#define CELL_ROW(name, sign, word, cls, text) [PL_CELL_##name] = {sign, word, cls, text},
    PL_CELL_MAP(CELL_ROW)
#undef CELL_ROW
};

char pl_cell_sign(enum pl_cell_outcome outcome)
{
  return CELLS[outcome].sign;
}

const char *pl_cell_word(enum pl_cell_outcome outcome)
{
  return CELLS[outcome].word;
}

const char *pl_cell_class(enum pl_cell_outcome outcome)
{
  return CELLS[outcome].cls;
}

const char *pl_cell_about(enum pl_cell_outcome outcome)
{
  return CELLS[outcome].about;
}

/* --- the sum --- */

static const struct pl_coverage_cell *cell_of(const struct pl_coverage *c, size_t fault, size_t sequence)
{
  return &c->cells[fault * c->n_sequences + sequence];
}

static bool is_caught(enum pl_cell_outcome outcome)
{
  return outcome == PL_CELL_CAUGHT || outcome == PL_CELL_WRONG_PART;
}

enum pl_cell_outcome pl_coverage_best(const struct pl_coverage *c, size_t fault, size_t *by)
{
  enum pl_cell_outcome best = PL_CELL_CRASHED;
  for (size_t s = 0; s < c->n_sequences; s++) {
    enum pl_cell_outcome outcome = cell_of(c, fault, s)->outcome;
    if (s && outcome >= best)
      continue;
    best = outcome;
    if (by)
      *by = s;
  }
  return best;
}

size_t pl_coverage_count(const struct pl_coverage *c, size_t sequence, enum pl_cell_outcome outcome)
{
  size_t count = 0;
  for (size_t f = 0; f < c->n_faults; f++)
    count += cell_of(c, f, sequence)->outcome == outcome;
  return count;
}

static double ratio(size_t part, size_t whole)
{
  return whole ? (double)part / (double)whole : 0;
}

void pl_coverage_sum(const struct pl_coverage *c, struct pl_coverage_summary *sum)
{
  *sum = (struct pl_coverage_summary){.faults = c->n_faults, .healthy_runs = c->n_healthy * c->n_sequences};
  for (size_t f = 0; f < c->n_faults; f++) {
    enum pl_cell_outcome best = pl_coverage_best(c, f, NULL);
    sum->by_outcome[best]++;
    sum->caught += is_caught(best);
    sum->blamed_right += best == PL_CELL_CAUGHT;
  }
  for (size_t s = 0; s < c->n_sequences; s++) {
    sum->cells_right += pl_coverage_count(c, s, PL_CELL_CAUGHT);
    sum->cells_caught += pl_coverage_count(c, s, PL_CELL_CAUGHT) + pl_coverage_count(c, s, PL_CELL_WRONG_PART);
    sum->false_alarms += c->alarmed[s];
  }
  sum->caught_ratio = ratio(sum->caught, sum->faults);
  sum->blame_ratio = ratio(sum->blamed_right, sum->caught);
  sum->cell_blame_ratio = ratio(sum->cells_right, sum->cells_caught);
}

/* --- the table --- */

#define SPEC_MIN 24
#define SPEC_MAX 44

struct table {
  const struct pl_coverage *c;
  FILE *out;
  bool colour;
  int width, spec; /* columns: of all, of the fault */
};

static const char *paint(const struct table *t, enum pl_cell_outcome outcome)
{
  const char *cls = pl_cell_class(outcome);
  return !t->colour ? "" : *cls == 'p' ? "\033[32m" : *cls == 'f' ? "\033[31m" : *cls == 'w' ? "\033[33m" : "\033[2m";
}

static const char *plain(const struct table *t)
{
  return t->colour ? "\033[0m" : "";
}

/* Which finding it is, cut to the columns that are left; "sequence: message". */
static void put_finding(const struct table *t, size_t fault)
{
  size_t by = 0;
  enum pl_cell_outcome best = pl_coverage_best(t->c, fault, &by);
  const struct pl_coverage_cell *cell = cell_of(t->c, fault, by);
  int room = t->width - t->spec - 2 * (int)t->c->n_sequences - 5;
  char text[720];
  if (*cell->message)
    snprintf(text, sizeof text, "%s: %s", t->c->sequences[by], cell->message);
  else
    snprintf(text, sizeof text, "%s", pl_cell_word(best));
  int len = (int)strlen(text);
  if (room >= 16)
    fprintf(t->out, "  %.*s%s", len > room ? room - 2 : room, text, len > room ? ".." : "");
}

static void put_row(const struct table *t, size_t fault)
{
  const struct pl_coverage_fault *f = &t->c->faults[fault];
  int len = (int)strlen(f->spec);
  fprintf(t->out, "  %-*.*s%s", t->spec, len > t->spec ? t->spec - 2 : t->spec, f->spec, len > t->spec ? "" : " ");
  for (size_t s = 0; s < t->c->n_sequences; s++) {
    enum pl_cell_outcome outcome = cell_of(t->c, fault, s)->outcome;
    fprintf(t->out, "%s%c%s ", paint(t, outcome), pl_cell_sign(outcome), plain(t));
  }
  put_finding(t, fault);
  fputc('\n', t->out);
}

static bool first_of_kind(const struct pl_coverage *c, size_t fault)
{
  for (size_t f = 0; f < fault; f++)
    if (!strcmp(c->faults[f].kind, c->faults[fault].kind))
      return false;
  return true;
}

static void put_matrix(const struct table *t)
{
  for (size_t s = 0; s < t->c->n_sequences; s++)
    fprintf(t->out, "  %-*s%*s%c %s\n", t->spec, s ? "" : "fault", (int)(2 * s) + 1, "", (char)('a' + (s < 26 ? s : 25)), t->c->sequences[s]);
  for (size_t first = 0; first < t->c->n_faults; first++) {
    if (!first_of_kind(t->c, first))
      continue;
    fprintf(t->out, "\n%s\n", *t->c->faults[first].kind ? t->c->faults[first].kind : "faults");
    for (size_t f = first; f < t->c->n_faults; f++)
      if (!strcmp(t->c->faults[f].kind, t->c->faults[first].kind))
        put_row(t, f);
  }
}

static bool occurs(const struct pl_coverage *c, enum pl_cell_outcome outcome)
{
  for (size_t s = 0; s < c->n_sequences; s++)
    if (pl_coverage_count(c, s, outcome))
      return true;
  return false;
}

static void put_signs(const struct table *t)
{
  fputc('\n', t->out);
  for (int i = 0; i < PL_CELL_COUNT; i++) {
    enum pl_cell_outcome o = (enum pl_cell_outcome)i;
    if (occurs(t->c, o))
      fprintf(t->out, "  %s%c%s %s: %s\n", paint(t, o), pl_cell_sign(o), plain(t), pl_cell_word(o), pl_cell_about(o));
  }
}

static void put_alarms(const struct table *t)
{
  for (size_t i = 0; i < t->c->n_alarms; i++) {
    const struct pl_coverage_alarm *a = &t->c->alarms[i];
    fprintf(t->out, "%sfalse alarm%s  %s, seed %llu: %s\n", paint(t, PL_CELL_MISSED), plain(t), t->c->sequences[a->sequence], (unsigned long long)a->seed, a->message);
  }
}

void pl_coverage_table(const struct pl_coverage *c, FILE *out, bool colour, int width)
{
  struct table t = {.c = c, .out = out, .colour = colour, .width = width < 80 ? 80 : width, .spec = SPEC_MIN};
  struct pl_coverage_summary sum;
  for (size_t f = 0; f < c->n_faults; f++)
    t.spec = (int)strlen(c->faults[f].spec) > t.spec ? (int)strlen(c->faults[f].spec) : t.spec;
  if (t.spec > SPEC_MAX)
    t.spec = SPEC_MAX;
  pl_coverage_sum(c, &sum);
  if (c->n_faults) {
    put_matrix(&t);
    put_signs(&t);
  }
  fputc('\n', out);
  put_alarms(&t);
  if (c->n_faults) {
    fprintf(out, "%zu of %zu faults caught (%.1f %%)", sum.caught, sum.faults, 100 * sum.caught_ratio);
    for (int o = PL_CELL_UNJUDGED; o < PL_CELL_COUNT; o++)
      if (sum.by_outcome[o])
        fprintf(out, ", %zu %s", sum.by_outcome[o], pl_cell_word((enum pl_cell_outcome)o));
    fprintf(out, "\n%zu of %zu caught name the broken part (%.1f %%); of single runs %zu of %zu (%.1f %%)\n", sum.blamed_right, sum.caught,
            100 * sum.blame_ratio, sum.cells_right, sum.cells_caught, 100 * sum.cell_blame_ratio);
  }
  if (c->n_not_applicable)
    fprintf(out, "%zu fault%s of the catalogue left out, since this rack has nothing for %s; the first:\n  %.*s\n", c->n_not_applicable,
            c->n_not_applicable == 1 ? "" : "s", c->n_not_applicable == 1 ? "it" : "them", t.width - 2, c->not_applicable);
  fprintf(out, "%zu false alarm%s in %zu healthy run%s\n", sum.false_alarms, sum.false_alarms == 1 ? "" : "s", sum.healthy_runs,
          sum.healthy_runs == 1 ? "" : "s");
}
