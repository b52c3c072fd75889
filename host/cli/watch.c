/* SPDX-License-Identifier: Apache-2.0 */
/* watch: quantities of devices, and the truth of a virtual rack, again and again: as curves on a terminal, else as lines. */
#include "host/cli/watch.h"
#include "host/cli/quantity.h"
#include "host/cli/truth.h"
#include "host/cli/watch_terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRUTH_WORD "truth:"
#define KEY_POLL (20 * PL_MS)
#define WINDOW_MIN (1 * PL_S)
#define WINDOW_MAX (24 * 3600 * PL_S)

static const struct pl_option OPTIONS[] = {
    PL_RIG_OPTION,
    {"every", "TIME", "how often (1 s; with curves 200 ms)", false},
    {"for", "TIME", "how long (until q or Ctrl-C)", false},
    {"count", "N", "stop after N rounds", false},
    {"once", NULL, "one round, as lines", false},
    {"plain", NULL, "lines, on a terminal too", false},
    {"window", "TIME", "how much of the past the curves show (1 min)", false},
    {"socket", "PATH", "the truth of a running virtual rack (plumb twin serve --socket), without a rig file", false},
    {"fault", "SPEC", "plant a fault in the virtual rack: TARGET.SIGNAL=KIND[:VALUE][@TIME]", true},
    {NULL, NULL, NULL, false},
};

struct watch {
  const struct pl_args *args;
  struct pl_tool tool; /* its rig and bench are NULL where only a socket is watched */
  const struct pl_backend_desc *desc; /* of the rack whose truth is asked for */
  struct pl_backend *backend, *own;   /* own: opened here */
  struct pl_target targets[PL_TARGETS_MAX];
  size_t n_targets;
  struct pl_truths truths;
  double *truth_values;
  struct pl_channel *channels; /* the targets, then the truths */
  pl_time_ns every, length, start;
  uint64_t rounds;
  bool curves;
  struct pl_view view;
};

/* --- what was asked for --- */

static enum pl_status take_time(const struct pl_args *args, const char *name, const char *fallback, pl_time_ns *out, struct pl_err *err)
{
  int64_t value_u = 0;
  enum pl_status status = pl_quantity_parse(pl_args_text(args, name, fallback), PL_DIM_TIME, NULL, &value_u, err);
  if (status)
    return pl_err_prefix(err, "--%s", name);
  if (value_u < 1000 || value_u > INT64_MAX / 1000)
    return pl_fail(err, PL_E_USAGE, "--%s: at least 1 ms", name);
  *out = value_u * 1000;
  return PL_OK;
}

static enum pl_status take_options(struct watch *watch, struct pl_err *err)
{
  const struct pl_args *args = watch->args;
  bool once = pl_args_flag(args, "once");
  watch->curves = pl_terminal_usable() && !once && !pl_args_flag(args, "plain");
  watch->length = PL_NEVER;
  enum pl_status status = take_time(args, "every", watch->curves ? "200 ms" : "1 s", &watch->every, err);
  if (!status && pl_args_text(args, "for", NULL))
    status = take_time(args, "for", NULL, &watch->length, err);
  if (!status)
    status = take_time(args, "window", watch->length < 60 * PL_S ? pl_args_text(args, "for", NULL) : "1 min", &watch->view.window, err);
  if (!status)
    status = pl_args_u64(args, "count", once ? 1 : UINT64_MAX, &watch->rounds, err);
  return status;
}

static enum pl_status open_socket(struct watch *watch, const char *path, struct pl_err *err)
{
  const struct pl_rig stand_in = {.path = "--socket", .twin_socket = path};
  watch->desc = pl_backend_find("twin-remote");
  enum pl_status status = pl_clock_new_real(&watch->tool.clock, err);
  if (!status)
    status = watch->desc->open(&stand_in, watch->tool.clock, 0, false, &watch->own, err);
  watch->backend = watch->own;
  if (!status)
    pl_cli_catch_signals(watch->tool.clock);
  return status;
}

/* Devices' words become targets; the words for truths are put together. */
static enum pl_status sort_words(struct watch *watch, const char **truths, size_t *n_truths, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < watch->args->n_words && !status; i++) {
    const char *word = watch->args->words[i];
    size_t more = 0;
    if (!strncmp(word, TRUTH_WORD, sizeof TRUTH_WORD - 1))
      truths[(*n_truths)++] = word + sizeof TRUTH_WORD - 1;
    else if (!watch->tool.bench)
      truths[(*n_truths)++] = word;
    else
      status = pl_target_expand(&watch->tool, word, watch->targets + watch->n_targets, PL_TARGETS_MAX - watch->n_targets, &more, err);
    watch->n_targets += more;
  }
  return status;
}

static const struct pl_unit *curve_unit(enum pl_dim dim)
{
  return pl_unit_for_display(dim, PL_U); /* one for all values of a curve */
}

static enum pl_status make_channels(struct watch *watch, struct pl_err *err)
{
  size_t n = watch->n_targets + watch->truths.count;
  watch->channels = calloc(n + 1, sizeof *watch->channels);
  watch->truth_values = calloc(watch->truths.count + 1, sizeof *watch->truth_values);
  if (!watch->channels || !watch->truth_values)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %zu quantities", n);
  for (size_t i = 0; i < n; i++) {
    struct pl_channel *channel = &watch->channels[i];
    enum pl_dim dim;
    char room[PL_TRUTH_NAME_MAX];
    if (i < watch->n_targets) {
      dim = watch->targets[i].quantity->dim;
      snprintf(channel->name, sizeof channel->name, "%.64s.%.64s", pl_device_name(watch->targets[i].device), watch->targets[i].quantity->name);
    } else {
      dim = watch->truths.names[i - watch->n_targets].dim;
      snprintf(channel->name, sizeof channel->name, TRUTH_WORD "%s", pl_truth_full(&watch->truths.names[i - watch->n_targets], room));
    }
    channel->unit = curve_unit(dim);
    channel->flag = dim == PL_DIM_FLAG;
  }
  return PL_OK;
}

static enum pl_status open_watch(struct watch *watch, struct pl_err *err)
{
  const char *socket = pl_args_text(watch->args, "socket", NULL), *truths[PL_OPTION_VALUES_MAX];
  size_t n_truths = 0;
  enum pl_status status = socket ? open_socket(watch, socket, err) : pl_tool_open(watch->args, &watch->tool, err);
  if (!status && !socket) {
    watch->desc = pl_bench_backend_desc(watch->tool.bench);
    watch->backend = pl_bench_backend(watch->tool.bench);
  }
  if (!status)
    status = sort_words(watch, truths, &n_truths, err);
  if (!status && n_truths)
    status = pl_truths_find(&watch->truths, watch->desc, watch->backend, truths, n_truths, err);
  return status ? status : make_channels(watch, err);
}

static void close_watch(struct watch *watch)
{
  if (watch->own)
    watch->desc->close(watch->own);
  pl_tool_close(&watch->tool);
  for (size_t i = 0; watch->channels && i < watch->n_targets + watch->truths.count; i++)
    free(watch->channels[i].points);
  free(watch->channels);
  free(watch->truth_values);
  pl_truths_free(&watch->truths);
}

/* --- a round --- */

static int64_t truth_u(enum pl_dim dim, double value)
{
  return isfinite(value) && fabs(value) < 1e12 ? llround(value * 1e6 * (dim == PL_DIM_RATIO ? 100 : 1)) : 0;
}

static void take_point(struct watch *watch, size_t i, pl_time_ns at, bool valid, int64_t value_u, const char *why)
{
  struct pl_channel *channel = &watch->channels[i];
  snprintf(channel->trouble, sizeof channel->trouble, "%.150s", valid ? "" : why);
  (void)pl_channel_add(channel, at, valid ? pl_unit_from_u(channel->unit, value_u) : NAN); /* without memory the curve stays as it is */
}

static void print_truth(const struct pl_truth_name *name, double value)
{
  char full[PL_TRUTH_NAME_MAX + 8], text[64], room[PL_TRUTH_NAME_MAX];
  snprintf(full, sizeof full, TRUTH_WORD "%s", pl_truth_full(name, room));
  printf("%-32s %s\n", full, pl_quantity_format(name->dim, truth_u(name->dim, value), text, sizeof text));
}

static void print_moment(const struct watch *watch)
{
  printf("%10.3f s  ", (double)pl_clock_now(watch->tool.clock) / (double)PL_S);
}

static bool handle_keys(struct watch *watch, bool *quit); /* below, with the page */

static void read_devices(struct watch *watch, bool *quit)
{
  pl_time_ns busy = watch->curves ? 0 : PL_BUSY_LIMIT;
  for (size_t i = 0; i < watch->n_targets && !*pl_cli_stop() && !*quit; i++) {
    struct pl_call call;
    struct pl_err err = {0};
    enum pl_status status = pl_target_read(&watch->tool, &watch->targets[i], busy, &call, &err);
    if (!watch->curves) {
      print_moment(watch);
      pl_target_print(&watch->targets[i], &call.reading, &err, false, false);
    } else if (status != PL_E_BUSY) { /* busy: nothing new yet, which is no gap */
      take_point(watch, i, pl_clock_now(watch->tool.clock), !status, call.reading.value_u, err.text);
    }
    if (watch->curves)
      handle_keys(watch, quit);
  }
}

static enum pl_status read_truths(struct watch *watch, struct pl_err *err)
{
  if (!watch->truths.count)
    return PL_OK;
  enum pl_status status = pl_truths_read(&watch->truths, watch->desc, watch->backend, watch->truth_values, err);
  if (status && !watch->curves)
    return status;
  pl_time_ns at = pl_clock_now(watch->tool.clock);
  for (size_t i = 0; i < watch->truths.count; i++) {
    enum pl_dim dim = watch->truths.names[i].dim;
    double value = watch->truth_values[i];
    if (watch->curves) {
      take_point(watch, watch->n_targets + i, at, !status && isfinite(value), truth_u(dim, value), err->text);
    } else {
      print_moment(watch);
      print_truth(&watch->truths.names[i], value);
    }
  }
  return PL_OK; /* a rack that is gone for a while leaves a gap */
}

/* --- the page --- */

static bool paint(struct watch *watch)
{
  int columns, rows;
  struct pl_text page = {0};
  if (!watch->view.paused)
    watch->view.now = pl_clock_now(watch->tool.clock);
  pl_terminal_size(&columns, &rows);
  pl_view_draw(&page, &watch->view, columns, rows);
  bool good = pl_terminal_paint(&page);
  pl_text_free(&page);
  return good;
}

/* True: something to show has changed. */
static bool handle_keys(struct watch *watch, bool *quit)
{
  struct pl_view *view = &watch->view;
  bool any = false;
  for (int key; (key = pl_terminal_key()) >= 0; any = true) {
    *quit |= key == 'q' || key == 'Q';
    if (key == 'p' || key == ' ')
      view->paused = !view->paused;
    if (key == '+' && view->window > WINDOW_MIN)
      view->window /= 2;
    if (key == '-' && view->window < WINDOW_MAX)
      view->window *= 2;
    for (size_t i = 0; key == 'c' && i < view->count; i++)
      view->channels[i].count = 0;
    if (key == 'c')
      view->start = view->now = pl_clock_now(watch->tool.clock);
  }
  return any;
}

static bool pause_until(struct watch *watch, pl_time_ns until, bool *quit)
{
  struct pl_clock *clock = watch->tool.clock;
  if (!watch->curves) {
    pl_tool_wait(clock, until);
    return true;
  }
  bool good = true;
  for (pl_time_ns now; good && !*quit && !*pl_cli_stop() && (now = pl_clock_now(clock)) < until;) {
    pl_clock_step(clock, until < now + KEY_POLL ? until : now + KEY_POLL);
    if (handle_keys(watch, quit))
      good = paint(watch);
  }
  return good;
}

static enum pl_status go(struct watch *watch, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  bool quit = false, heard = true;
  struct pl_clock *clock = watch->tool.clock;
  watch->start = watch->view.start = watch->view.now = pl_clock_now(clock);
  pl_time_ns end = watch->length == PL_NEVER ? PL_NEVER : watch->start + watch->length;
  for (uint64_t round = 0; round < watch->rounds && !status && heard && !quit && !*pl_cli_stop(); round++) {
    pl_time_ns start = pl_clock_now(clock), next = start + watch->every;
    read_devices(watch, &quit);
    status = read_truths(watch, err);
    heard = watch->curves ? paint(watch) : !fflush(stdout) && !ferror(stdout);
    bool last = round + 1 >= watch->rounds || next > end;
    if (!status && heard && (!last || end != PL_NEVER))
      heard = pause_until(watch, last ? end : next, &quit);
    if (last)
      break;
  }
  return status;
}

static enum pl_exit watch(const struct pl_args *args)
{
  struct watch *w = calloc(1, sizeof *w);
  struct pl_err err = {0};
  char title[200];
  if (!w)
    return pl_complain(PL_EXIT_UNJUDGED, &err);
  w->args = args;
  enum pl_status status = take_options(w, &err);
  if (!status)
    status = open_watch(w, &err);
  if (!status) {
    snprintf(title, sizeof title, "%s", w->tool.rig ? w->tool.rig->name : pl_args_text(args, "socket", ""));
    w->view = (struct pl_view){.title = title, .channels = w->channels, .count = w->n_targets + w->truths.count, .window = w->view.window,
                               .ascii = pl_terminal_ascii(), .colour = pl_terminal_colour()};
    status = w->curves ? pl_terminal_open(&err) : PL_OK;
  }
  if (!status)
    status = go(w, &err);
  pl_terminal_close();
  close_watch(w);
  free(w);
  if (!status)
    return PL_EXIT_PASSED;
  return pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
}

const struct pl_command pl_command_watch = {
    .name = "watch",
    .operands = "DEVICE[.QUANTITY]|truth:PART[.PORT]...",
    .about = "read quantities again and again: as curves on a terminal, else as lines; of a virtual rack the truth too",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .details = "  On a terminal: q quits, p or space holds the picture, + and - show less or more of the past, c begins anew.\n"
               "  A reading that is not valid is a gap in its curve, marked on the floor, with its cause in the title.\n"
               "  NO_COLOR: no colours. Where the locale has no UTF-8 the curves are drawn in ASCII.\n",
    .examples = "  plumb watch rpu.flow flow-meter.flow --every 500ms\n"
                "  plumb watch psu-a --count 3\n"
                "  plumb watch psu-a.iout psu-b.iout truth:busbar.vout --fault psu-a.ac=lost@10s\n"
                "  plumb watch truth:csu-1.vout truth:loop.flow --socket /tmp/rack.sock --every 100ms\n",
    .run = watch,
};
