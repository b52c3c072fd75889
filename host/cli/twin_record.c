/* SPDX-License-Identifier: Apache-2.0 */
/* `plumb twin record`: the truth of a virtual rack as CSV (RFC 4180): while time passes, during a sequence, or of a running rack over its socket. */
#include "host/cli/session.h"
#include "host/cli/truth.h"
#include "reports/out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MIN_U 10 /* 10 us */
#define ACTS_MAX PL_OPTION_VALUES_MAX

struct recorder {
  const struct pl_args *args;
  struct pl_out out;
  struct pl_truths truths;
  pl_time_ns every, next, before_at;
  double *rates;  /* per ns, of the step that ended at before_at; NULL: none yet */
  double *before; /* the values then, behind the rates */
  uint64_t rows;
};

static void put_head(struct recorder *rec)
{
  struct pl_text *text = &rec->out.text;
  PL_TEXT_LIT(text, "time (s)");
  for (size_t i = 0; i < rec->truths.count; i++) {
    char name[PL_TRUTH_NAME_MAX + 16], full[PL_TRUTH_NAME_MAX];
    snprintf(name, sizeof name, "%s (%s)", pl_truth_full(&rec->truths.names[i], full), pl_truth_unit(rec->truths.names[i].dim));
    PL_TEXT_LIT(text, ",");
    pl_text_csv(text, name);
  }
  PL_TEXT_LIT(text, "\r\n");
}

static void put_time(struct pl_text *text, pl_time_ns at)
{
  char room[32];
  int n = snprintf(room, sizeof room, "%lld.%09lld", (long long)(at / PL_S), (long long)(at % PL_S));
  while (room[n - 1] == '0')
    n--;
  pl_text_put(text, room, (size_t)(room[n - 1] == '.' ? n - 1 : n));
}

static void begin_row(struct recorder *rec, pl_time_ns at)
{
  put_time(&rec->out.text, at);
  rec->rows++;
}

static void put_value(struct recorder *rec, double value)
{
  PL_TEXT_LIT(&rec->out.text, ",");
  if (isfinite(value)) /* what cannot be told is an empty field */
    pl_text_number(&rec->out.text, value, 9);
}

static void end_row(struct recorder *rec)
{
  PL_TEXT_LIT(&rec->out.text, "\r\n");
  pl_out_drain(&rec->out);
}

/* Between two steps of the physics a value is on the straight line, but what changes much faster than it did has jumped at the step's end, where the rack
 * found its cause (a trip, a contact); so do flags and counts. A line across a long step would show a ramp that never was. */
#define JUMP_STEP PL_MS
#define JUMP_RATIO 4

static bool jumps(const struct recorder *rec, size_t i, pl_time_ns step, double change)
{
  enum pl_dim dim = rec->truths.names[i].dim;
  return dim == PL_DIM_FLAG || dim == PL_DIM_NONE || (step > JUMP_STEP && fabs(change) > JUMP_RATIO * fabs(rec->rates[i]) * (double)step);
}

static void put_row(struct recorder *rec, pl_time_ns at, const double *values)
{
  pl_time_ns step = at - rec->before_at;
  double share = step > 0 ? (double)(rec->next - rec->before_at) / (double)step : 1;
  begin_row(rec, rec->next);
  for (size_t i = 0; i < rec->truths.count; i++) {
    double before = rec->before[i], change = values[i] - before;
    bool now = share >= 1 || change == 0;
    put_value(rec, now ? values[i] : jumps(rec, i, step, change) ? before : before + change * share);
  }
  end_row(rec);
}

static void keep(struct recorder *rec, pl_time_ns at, const double *values)
{
  pl_time_ns step = at - rec->before_at;
  for (size_t i = 0; i < rec->truths.count && step > 0; i++)
    rec->rates[i] = (values[i] - rec->before[i]) / (double)step;
  memcpy(rec->before, values, rec->truths.count * sizeof *values);
  rec->before_at = at;
}

/* The rack's steps come when it wants them; the rows stand on the grid of --every. */
static void on_step(void *ctx, pl_time_ns at, const double *values)
{
  struct recorder *rec = ctx;
  if (!rec->rates) {
    rec->rates = calloc(2 * rec->truths.count + 1, sizeof *values);
    if (!rec->rates) {
      rec->out.text.failed = true;
      return;
    }
    rec->before = rec->rates + rec->truths.count;
    rec->next = rec->before_at = at;
    keep(rec, at, values);
  }
  for (; rec->next <= at; rec->next += rec->every)
    put_row(rec, at, values);
  keep(rec, at, values);
}

/* The columns, the file and the onlooker. */
static enum pl_status begin(struct recorder *rec, const struct pl_backend_desc *desc, struct pl_backend *backend, struct pl_err *err)
{
  enum pl_status status = pl_truths_find(&rec->truths, desc, backend, rec->args->words + 1, rec->args->n_words - 1, err);
  if (!status)
    status = pl_out_open(&rec->out, pl_args_text(rec->args, "csv", "-"), err);
  if (status)
    return status;
  put_head(rec);
  const struct pl_truth_tap tap = {.names = rec->truths.names, .count = rec->truths.count, .step = on_step, .ctx = rec};
  return desc->tap ? desc->tap(backend, &tap, err) : PL_OK;
}

static enum pl_status finish(struct recorder *rec, enum pl_status status, struct pl_err *err)
{
  struct pl_err own = {0};
  if (rec->out.path[0] && pl_out_close(&rec->out, &own) && !status) {
    status = own.status;
    *err = own;
  }
  free(rec->rates);
  pl_truths_free(&rec->truths);
  return status;
}

/* --- while time passes --- */

struct act {
  char part[64], verb[64];
  pl_time_ns at;
};

static enum pl_status take_time(const struct pl_args *args, const char *name, const char *fallback, int64_t least_u, pl_time_ns *out, struct pl_err *err)
{
  int64_t value_u = 0;
  enum pl_status status = pl_quantity_parse(pl_args_text(args, name, fallback), PL_DIM_TIME, NULL, &value_u, err);
  if (status)
    return pl_err_prefix(err, "--%s", name);
  if (value_u < least_u || value_u > INT64_MAX / 1000)
    return pl_fail(err, PL_E_USAGE, "--%s: at least %g ms", name, (double)least_u / 1e3);
  *out = value_u * 1000;
  return PL_OK;
}

/* "csu-1.remove@2s" */
static enum pl_status parse_act(const char *text, struct act *act, struct pl_err *err)
{
  const char *dot = strchr(text, '.'), *when = strchr(text, '@');
  int64_t at_u = 0;
  enum pl_status status = when ? pl_quantity_parse(when + 1, PL_DIM_TIME, NULL, &at_u, err) : PL_OK;
  size_t verb = dot ? (when ? (size_t)(when - dot) : strlen(dot)) - 1 : 0;
  if (status || !dot || (when && when < dot) || at_u < 0 || !verb || verb >= sizeof act->verb || dot == text || (size_t)(dot - text) >= sizeof act->part)
    return pl_fail(err, PL_E_USAGE, "--act '%s': expected PART.VERB[@TIME], for example csu-1.remove@2s", text);
  memcpy(act->part, text, (size_t)(dot - text));
  memcpy(act->verb, dot + 1, verb);
  act->at = at_u * 1000;
  return PL_OK;
}

static int by_time(const void *a, const void *b)
{
  pl_time_ns at = ((const struct act *)a)->at, other = ((const struct act *)b)->at;
  return at < other ? -1 : at > other;
}

struct passing { /* a rack whose time passes */
  const struct pl_backend_desc *desc;
  struct pl_backend *backend;
  struct pl_clock *clock;
  struct recorder *rec;
  struct act acts[ACTS_MAX];
  size_t n_acts, next_act;
  pl_time_ns from, until;
};

static enum pl_status take_acts(struct passing *p, struct pl_err *err)
{
  const char *texts[PL_OPTION_VALUES_MAX];
  enum pl_status status = PL_OK;
  pl_args_many(p->rec->args, "act", texts, &p->n_acts);
  for (size_t i = 0; i < p->n_acts && !status; i++)
    status = parse_act(texts[i], &p->acts[i], err);
  qsort(p->acts, p->n_acts, sizeof *p->acts, by_time); /* glibc's is stable for what is this small */
  return status;
}

/* What the rack tells now, in a row (a rack that is only asked: it has no onlooker). */
static enum pl_status ask_row(struct passing *p, struct pl_err *err)
{
  double *values = p->rec->rates; /* of no other use here */
  if (!values && !(values = p->rec->rates = calloc(p->rec->truths.count + 1, sizeof *values)))
    return pl_fail(err, PL_E_NOMEM, "out of memory for a row");
  enum pl_status status = pl_truths_read(&p->rec->truths, p->desc, p->backend, values, err);
  if (status)
    return status;
  begin_row(p->rec, pl_clock_now(p->clock) - p->from);
  for (size_t i = 0; i < p->rec->truths.count; i++)
    put_value(p->rec, values[i]);
  end_row(p->rec);
  return PL_OK;
}

/* Rows on the grid of --every; those that the rack was too slow for are left out. */
static enum pl_status ask_until(struct passing *p, pl_time_ns until, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  pl_time_ns every = p->rec->every;
  for (;;) {
    pl_time_ns target = p->rec->next < until ? p->rec->next : until;
    while (!*pl_cli_stop() && pl_clock_now(p->clock) < target)
      pl_clock_step(p->clock, target);
    if (status || *pl_cli_stop() || p->rec->next > until)
      return status;
    status = ask_row(p, err);
    p->rec->next += ((pl_clock_now(p->clock) - p->rec->next) / every + 1) * every;
  }
}

static enum pl_status pass_until(struct passing *p, pl_time_ns until, struct pl_err *err)
{
  if (!p->desc->tap)
    return ask_until(p, until, err);
  double now;
  while (!*pl_cli_stop() && pl_clock_now(p->clock) < until)
    pl_clock_step(p->clock, until);
  const struct pl_truth_name *name = &p->rec->truths.names[0];
  return p->desc->truth(p->backend, name->part, name->port, &now, err); /* brings the rack to now, and the onlooker with it */
}

static enum pl_status pass(struct passing *p, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < p->n_acts && p->from + p->acts[i].at < p->until && !*pl_cli_stop() && !status; i++) {
    status = pass_until(p, p->from + p->acts[i].at, err);
    if (!status && !*pl_cli_stop())
      status = p->desc->act(p->backend, p->acts[i].part, p->acts[i].verb, err);
  }
  if (!status && !*pl_cli_stop())
    status = pass_until(p, p->until, err);
  return status;
}

static enum pl_status open_rack(struct passing *p, struct pl_rig **rig, struct pl_rig *stand_in, struct pl_err *err)
{
  const struct pl_args *args = p->rec->args;
  const char *faults[PL_OPTION_VALUES_MAX];
  size_t n_faults;
  uint64_t seed = 1;
  stand_in->path = "--socket";
  stand_in->twin_socket = pl_args_text(args, "socket", NULL);
  pl_args_many(args, "fault", faults, &n_faults);
  p->desc = pl_backend_find(stand_in->twin_socket ? "twin-remote" : "twin");
  enum pl_status status = pl_args_u64(args, "seed", 1, &seed, err);
  if (!status && !stand_in->twin_socket)
    status = pl_cli_rig(args, rig, err);
  if (!status)
    status = stand_in->twin_socket ? pl_clock_new_real(&p->clock, err) : pl_clock_new_virtual(PL_VIRTUAL_EPOCH_NS, &p->clock, err);
  if (!status)
    status = p->desc->open(*rig ? *rig : stand_in, p->clock, seed, !stand_in->twin_socket, &p->backend, err);
  for (size_t i = 0; i < n_faults && !status; i++)
    status = p->desc->plant(p->backend, faults[i], err);
  return status;
}

static enum pl_status record_time(struct recorder *rec, struct pl_err *err)
{
  struct passing p = {.rec = rec};
  struct pl_rig *rig = NULL, stand_in = {0};
  pl_time_ns length = 0;
  enum pl_status status = take_time(rec->args, "for", "10 s", 1, &length, err);
  if (!status)
    status = take_acts(&p, err);
  if (!status)
    status = open_rack(&p, &rig, &stand_in, err);
  if (!status)
    status = begin(rec, p.desc, p.backend, err);
  if (!status) {
    p.from = rec->next = pl_clock_now(p.clock);
    p.until = p.from + length;
    if (p.desc->tap)
      rec->next += rec->every; /* the first row is there */
    pl_cli_catch_signals(p.clock);
    status = pass(&p, err);
    pl_cli_catch_signals(NULL);
  }
  if (p.backend)
    p.desc->close(p.backend);
  pl_clock_free(p.clock);
  pl_rig_free(rig);
  return status;
}

/* --- during a sequence --- */

static enum pl_status on_opened(void *ctx, struct pl_bench *bench, struct pl_err *err)
{
  return begin(ctx, pl_bench_backend_desc(bench), pl_bench_backend(bench), err);
}

static enum pl_status fits_a_sequence(const struct pl_args *args, struct pl_err *err)
{
  static const char *const NOT[] = {"for", "act", "socket"};
  for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++)
    if (pl_args_text(args, NOT[i], NULL))
      return pl_fail(err, PL_E_USAGE, "a sequence has its own time, acts and rack: --%s does not go with --during", NOT[i]);
  if (!strcmp(pl_args_text(args, "csv", "-"), "-"))
    return pl_fail(err, PL_E_USAGE, "--during prints the run; say with --csv FILE where the recording goes");
  return PL_OK;
}

static enum pl_exit record_sequence(struct recorder *rec, const char *path, struct pl_err *err)
{
  struct pl_args args = *rec->args;
  struct pl_session session = {0};
  args.words[0] = path;
  args.n_words = 1;
  enum pl_exit code = PL_EXIT_USAGE;
  enum pl_status status = fits_a_sequence(rec->args, err);
  if (!status)
    status = pl_session_open(&args, &session, err);
  if (!status && !session.is_virtual)
    status = pl_fail(err, PL_E_USAGE, "%s has buses that are not on the twin: a recording needs a rack that is all virtual", session.rig->path);
  if (!status)
    status = pl_session_rehearse(&session, 0, err);
  if (!status) {
    session.opened = on_opened;
    session.opened_ctx = rec;
    code = pl_cli_run_one(&args, &session, 0, NULL);
  }
  pl_session_free(&session);
  return code;
}

enum pl_exit pl_twin_record(const struct pl_args *args)
{
  struct recorder rec = {.args = args};
  struct pl_err err = {0};
  const char *during = pl_args_text(args, "during", NULL);
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = take_time(args, "every", pl_args_text(args, "socket", NULL) ? "100 ms" : "1 ms", EVERY_MIN_U, &rec.every, &err);
  if (!status && during) {
    code = record_sequence(&rec, during, &err);
    status = err.status;
  } else if (!status) {
    status = record_time(&rec, &err);
  }
  bool opened = rec.out.path[0];
  size_t columns = rec.truths.count;
  status = finish(&rec, status, &err);
  if (status)
    return pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  if (opened && strcmp(pl_args_text(args, "csv", "-"), "-") != 0)
    printf("Recorded: %s, %llu rows of %zu values\n", pl_args_text(args, "csv", "-"), (unsigned long long)rec.rows, columns);
  return code;
}
