/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/thread.h"
#include "drivers/bus/gpiochip.h"

#include <errno.h>
#include <pthread.h>

extern const struct pl_adapter_desc pl_adapter_gpiochip;

#define LINES_MAX 512
#define KERNEL_ENOTSUPP 524 /* include/linux/errno.h: not for user space, yet drivers let it out */

enum line_state { ASKED, HELD, FAILED }; /* ASKED: to be requested with the next commit */

struct line {
  enum line_state state;
  struct pl_gpio_line asked; /* name and consumer are ours */
  char name[PL_GPIOD_TEXT], consumer[PL_GPIOD_TEXT];
  size_t slot;               /* of its chip */
  struct pl_gpiod_line want;
  struct group *group;       /* HELD */
  size_t index;              /* in the group */
  struct pl_err why;         /* FAILED */
};

struct group { /* a request */
  struct pl_gpiod_request *request;
  size_t slot, count;
  int handles[PL_GPIOD_LINES_MAX];
  bool edges;
  struct group *next;
};

struct adapter {
  struct pl_bus *bus;
  const struct pl_values *values; /* lives as long as the rig */
  struct pl_post post;
  pthread_mutex_t lock; /* guards what follows: the loop asks for lines and commits, the worker reads and sets */
  struct pl_gpiochips chips;
  struct line *lines;   /* by handle */
  size_t count, capacity;
  bool pending;         /* a line is ASKED */
  struct group *groups;
  struct pl_gpiochip_reader *reader;
};

/* Chips whose drivers cannot set a bias. Since Linux 5.11 the kernel takes one all the same and does nothing (gpio_set_config_with_argument_optional), so it is
 * refused here: no set_config in drivers/hid/hid-cp2112.c, hid-mcp2221.c, drivers/usb/serial/ftdi_sio.c. */
static const char *const NO_BIAS[] = {"cp2112_gpio", "mcp2221_gpio", "ftdi-cbus"};

/* Chips whose drivers have interrupts that must not be used: hid-cp2112 looks at its lines every 40 ms in software, and up to Linux 6.6 letting go of a
 * watched line sleeps in atomic context (cp2112_gpio_irq_mask: cancel_delayed_work_sync under the line's lock), after which the calling program's memory is not its own. */
static const char *const NO_EDGES[] = {"cp2112_gpio"};

static const struct pl_param params[] = {
    {.name = "chip", .kind = PL_PARAM_TEXT, .help = "label of the GPIO chip (cp2112_gpio), as gpiodetect lists it, or its node (/dev/gpiochip2)"},
    {.name = "serial", .kind = PL_PARAM_TEXT, .help = "serial number of the USB adapter that the chip is in"},
    {.name = "path", .kind = PL_PARAM_TEXT, .help = "bus-port path of the USB adapter that the chip is in (1-2.3)"},
    {.name = "lines", .kind = PL_PARAM_MAP, .help = "offsets of lines by name, for chips whose lines have none: {CSU1_PRSNT_N: 0}"},
    {.name = "bias", .kind = PL_PARAM_MAP, .help = "resistors by line: {TRAY1_LEAK: pull-up} (none, pull-up, pull-down)"},
    {.name = "drive", .kind = PL_PARAM_MAP, .help = "how outputs drive, by line: {KILL_N: open-drain} (push-pull, open-drain, open-source)"},
    {.name = "debounce", .kind = PL_PARAM_MAP, .help = "how long an input must rest, by line: {DOOR: 5 ms}; libgpiod 2"},
};

/* --- sentences --- */

static const char *title(const struct adapter *a, const struct line *line, char *room, size_t size)
{
  const struct pl_gpiod_chip_info *chip = &a->chips.slots[line->slot].info;
  if (*line->name)
    snprintf(room, size, "line %s (%s line %u)", line->name, chip->name, line->want.offset);
  else
    snprintf(room, size, "line %u of %s (%s)", line->want.offset, chip->name, chip->label);
  return room;
}

static enum pl_status fail_used(const struct adapter *a, const struct line *line, struct pl_err *err)
{
  struct pl_gpiod_info info = {.consumer = ""};
  char room[128];
  (void)pl_gpiod_line_info(a->chips.slots[line->slot].chip, line->want.offset, &info); /* who, if it can be known */
  return pl_fail(err, PL_E_LOCKED, "%s is in use, by '%s'; end that program first", title(a, line, room, sizeof room),
                 *info.consumer ? info.consumer : "the kernel, without a name");
}

static enum pl_status fail_line(const struct adapter *a, const struct line *line, int error, const char *what, struct pl_err *err)
{
  static const struct {
    int error;
    enum pl_status status;
    const char *text;
  } FAULTS[] = {
      {ENODEV, PL_E_GONE, "the chip has gone"},
      {EPERM, PL_E_IO, "not permitted"},
      {ENOENT, PL_E_UNSUPPORTED, "the chip has given the pin another function"}, /* hid-mcp2221 */
      {KERNEL_ENOTSUPP, PL_E_UNSUPPORTED, "the chip's driver cannot"},
      {EOPNOTSUPP, PL_E_UNSUPPORTED, "the chip's driver cannot"},
      {ETIMEDOUT, PL_E_TIMEOUT, "the chip did not answer"},
      {ENOMEM, PL_E_NOMEM, "out of memory"},
  };
  char room[128];
  if (!pl_gpiochips_is_there(&a->chips, line->slot))
    return pl_fail(err, PL_E_GONE, "%s: the chip has gone: unplugged, or its driver was removed", title(a, line, room, sizeof room));
  for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++)
    if (FAULTS[i].error == error)
      return pl_fail(err, FAULTS[i].status, "%s: %s: %s", title(a, line, room, sizeof room), what, FAULTS[i].text);
  return pl_fail(err, PL_E_IO, "%s: %s: %s", title(a, line, room, sizeof room), what, strerror(error));
}

/* A request was refused: what of it, as far as errno tells. */
static enum pl_status fail_request(const struct adapter *a, const struct line *line, int error, struct pl_err *err)
{
  bool cannot = error == ENXIO || error == ENODEV || error == EINVAL || error == EOPNOTSUPP || error == KERNEL_ENOTSUPP;
  const struct pl_gpiod_line *want = &line->want;
  char room[128];
  if (error == EBUSY)
    return fail_used(a, line, err);
  if (cannot && pl_gpiochips_is_there(&a->chips, line->slot)) {
    (void)title(a, line, room, sizeof room);
    if (want->edges || want->debounce_us) /* no interrupt: gpiod_to_irq fails with ENXIO, which lineevent_create makes ENODEV */
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the chip cannot watch edges%s: it has no interrupts", room, want->debounce_us ? " (nor debounce)" : "");
    if (want->bias != PL_GPIO_BIAS_AS_IS)
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the chip cannot set the bias asked for; fit a resistor", room);
    if (want->drive != PL_GPIO_PUSH_PULL)
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the chip cannot drive open-drain or open-source", room);
  }
  return fail_line(a, line, error, "request", err);
}

/* --- asking --- */

static enum pl_status check_ours(const struct adapter *a, const struct line *line, int handle, struct pl_err *err)
{
  char room[128];
  for (size_t i = 0; i < a->count; i++) {
    const struct line *other = &a->lines[i];
    if ((int)i != handle && other->state != FAILED && other->slot == line->slot && other->want.offset == line->want.offset)
      return pl_fail(err, PL_E_LOCKED, "%s is in use already, by %s of this rig", title(a, line, room, sizeof room), other->asked.consumer);
  }
  return PL_OK;
}

static enum pl_status check_chip(const struct adapter *a, const struct line *line, struct pl_err *err)
{
  struct pl_gpiod_info info;
  char room[128];
  const struct pl_gpiochip_slot *slot = &a->chips.slots[line->slot];
  int error = pl_gpiod_line_info(slot->chip, line->want.offset, &info);
  if (error)
    return fail_line(a, line, error, "look", err);
  if (info.used)
    return fail_used(a, line, err);
  for (size_t i = 0; i < sizeof NO_EDGES / sizeof NO_EDGES[0]; i++)
    if (line->want.edges && !strcmp(slot->info.label, NO_EDGES[i]))
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the chip's driver cannot be trusted with edges; read the line", title(a, line, room, sizeof room));
  for (size_t i = 0; i < sizeof NO_BIAS / sizeof NO_BIAS[0]; i++)
    if (line->want.bias != PL_GPIO_BIAS_AS_IS && !strcmp(slot->info.label, NO_BIAS[i]))
      return pl_fail(err, PL_E_UNSUPPORTED, "%s: the chip cannot set a bias (the kernel would take it and do nothing); fit a resistor",
                     title(a, line, room, sizeof room));
  return PL_OK;
}

/* An input is tried out: it drives nothing, and what the chip cannot is known when the rig is opened. */
static enum pl_status try_out(const struct adapter *a, const struct line *line, struct pl_err *err)
{
  struct pl_gpiod_request *request = NULL;
  int error = line->want.output ? 0 : pl_gpiod_request(a->chips.slots[line->slot].chip, line->consumer, &line->want, 1, &request);
  pl_gpiod_release(request);
  return error ? fail_request(a, line, error, err) : PL_OK;
}

/* Where it is, and what is wanted of it. */
static enum pl_status locate(struct adapter *a, struct line *line, struct pl_err *err)
{
  struct pl_gpio_line *asked = &line->asked;
  enum pl_status status = pl_gpio_wiring(a->values, asked, err);
  if (!status && asked->debounce_us && !(pl_gpiod_caps & PL_GPIO_CAP_DEBOUNCE))
    status = pl_fail(err, PL_E_UNSUPPORTED, "line %s: this program was built with libgpiod 1, which cannot debounce; build it with 2.x", asked->name ? asked->name : "");
  if (status)
    return status;
  line->want = (struct pl_gpiod_line){.output = asked->output, .as_is = asked->output && asked->as_is, .active_low = asked->active_low,
                                      .initial = asked->initial, .edges = asked->edges, .bias = asked->bias, .drive = asked->drive,
                                      .debounce_us = asked->debounce_us};
  return pl_gpiochips_locate(&a->chips, pl_value(a->values, "lines"), asked, &line->slot, &line->want.offset, err);
}

static struct line *room_for(struct adapter *a, int handle)
{
  if ((size_t)handle >= a->capacity) {
    size_t capacity = a->capacity ? 2 * a->capacity : 16;
    struct line *lines = realloc(a->lines, capacity * sizeof *lines);
    if (!lines)
      return NULL;
    for (size_t i = 0; i < a->count; i++) { /* they point into themselves */
      lines[i].asked.name = lines[i].asked.name ? lines[i].name : NULL;
      lines[i].asked.consumer = lines[i].consumer;
    }
    a->lines = lines;
    a->capacity = capacity;
  }
  return &a->lines[handle];
}

static enum pl_status request_locked(struct adapter *a, const struct pl_gpio_line *asked, int handle, struct pl_err *err)
{
  if (handle >= LINES_MAX)
    return pl_fail(err, PL_E_UNSUPPORTED, "a bus has at most %d lines", LINES_MAX);
  struct line *line = room_for(a, handle);
  if (!line)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a line");
  *line = (struct line){.asked = *asked};
  snprintf(line->name, sizeof line->name, "%s", asked->name ? asked->name : "");
  snprintf(line->consumer, sizeof line->consumer, "%s", asked->consumer ? asked->consumer : "plumb");
  line->asked.name = asked->name ? line->name : NULL;
  line->asked.consumer = line->consumer;
  if ((size_t)handle < a->count) /* that of a request which was refused */
    a->count = (size_t)handle;
  enum pl_status status = locate(a, line, err);
  if (!status)
    status = check_ours(a, line, handle, err);
  if (!status)
    status = check_chip(a, line, err);
  if (!status)
    status = try_out(a, line, err);
  if (status)
    return status;
  a->count = (size_t)handle + 1;
  a->pending = true;
  pl_clock_post(pl_bus_clock(a->bus), &a->post);
  return PL_OK;
}

static enum pl_status request(void *self, const struct pl_gpio_line *asked, int handle, struct pl_err *err)
{
  struct adapter *a = self;
  pthread_mutex_lock(&a->lock);
  enum pl_status status = request_locked(a, asked, handle, err);
  pthread_mutex_unlock(&a->lock);
  return status;
}

/* --- commit: all that were asked for are requested --- */

/* Returns errno. */
static int hold(struct adapter *a, const int *handles, size_t count)
{
  struct pl_gpiod_line lines[PL_GPIOD_LINES_MAX] = {{0}};
  struct group *group = calloc(1, sizeof *group);
  if (!group)
    return ENOMEM;
  *group = (struct group){.slot = a->lines[handles[0]].slot, .count = count};
  for (size_t i = 0; i < count; i++) {
    lines[i] = a->lines[handles[i]].want;
    group->handles[i] = handles[i];
    group->edges |= lines[i].edges;
  }
  int error = pl_gpiod_request(a->chips.slots[group->slot].chip, a->lines[handles[0]].consumer, lines, count, &group->request);
  if (error) {
    free(group);
    return error;
  }
  for (size_t i = 0; i < count; i++) {
    struct line *line = &a->lines[handles[i]];
    line->state = HELD;
    line->group = group;
    line->index = i;
  }
  group->next = a->groups;
  a->groups = group;
  return 0;
}

static bool may_join(const struct line *a, const struct line *b)
{
  return b->state == ASKED && a->slot == b->slot && !strcmp(a->consumer, b->consumer) && pl_gpiod_may_join(&a->want, &b->want);
}

static void hold_alone(struct adapter *a, int handle)
{
  struct line *line = &a->lines[handle];
  int error = hold(a, &handle, 1);
  if (!error)
    return;
  (void)fail_request(a, line, error, &line->why);
  line->state = FAILED;
}

/* The line and those that may join it. Where they are refused together (too many kinds of setting for one request: E2BIG), each has its own. */
static void hold_with_others(struct adapter *a, int first)
{
  int handles[PL_GPIOD_LINES_MAX] = {first};
  size_t count = 1;
  for (size_t i = (size_t)first + 1; i < a->count && count < PL_GPIOD_LINES_MAX; i++)
    if (may_join(&a->lines[first], &a->lines[i]))
      handles[count++] = (int)i;
  if (count > 1 && !hold(a, handles, count))
    return;
  for (size_t i = 0; i < count; i++)
    hold_alone(a, handles[i]);
}

static enum pl_status start_reader(struct adapter *a, struct pl_err *err)
{
  struct pl_gpiochip_source sources[LINES_MAX];
  size_t count = 0;
  for (const struct group *g = a->groups; g; g = g->next)
    if (g->edges) {
      sources[count] = (struct pl_gpiochip_source){.request = g->request, .handles = g->handles};
      snprintf(sources[count++].chip, sizeof sources[0].chip, "%s", a->chips.slots[g->slot].info.name);
    }
  return count ? pl_gpiochip_reader_start(a->bus, a->chips.sys, sources, count, &a->reader, err) : PL_OK;
}

static enum pl_status commit(struct adapter *a, struct pl_err *err)
{
  if (!a->pending)
    return PL_OK;
  a->pending = false;
  pl_gpiochip_reader_stop(a->reader);
  a->reader = NULL;
  for (size_t i = 0; i < a->count; i++)
    if (a->lines[i].state == ASKED)
      hold_with_others(a, (int)i);
  return start_reader(a, err);
}

static void commit_posted(void *ctx)
{
  struct adapter *a = ctx;
  struct pl_err err = {0};
  pthread_mutex_lock(&a->lock);
  if (commit(a, &err)) /* no thread for edges: its lines are of no use */
    for (size_t i = 0; i < a->count; i++)
      if (a->lines[i].want.edges) {
        a->lines[i].state = FAILED;
        a->lines[i].why = err;
      }
  pthread_mutex_unlock(&a->lock);
}

static void let_go(struct adapter *a)
{
  pl_gpiochip_reader_stop(a->reader);
  a->reader = NULL;
  for (struct group *g = a->groups, *next; g; g = next) {
    next = g->next;
    pl_gpiod_release(g->request);
    free(g);
  }
  a->groups = NULL;
  pl_gpiochips_close(&a->chips);
}

/* --- values --- */

/* Handles of one group, gathered for one ioctl. */
struct batch {
  size_t at[PL_GPIOD_LINES_MAX], indices[PL_GPIOD_LINES_MAX], count; /* at: their places in the caller's list */
  bool values[PL_GPIOD_LINES_MAX];
};

static void gather(const struct adapter *a, const int *handles, size_t count, size_t from, bool *done, const bool *values, struct batch *batch)
{
  const struct group *group = a->lines[handles[from]].group;
  batch->count = 0;
  for (size_t i = from; i < count && batch->count < PL_GPIOD_LINES_MAX; i++)
    if (!done[i] && a->lines[handles[i]].group == group) {
      done[i] = true;
      batch->at[batch->count] = i;
      batch->indices[batch->count] = a->lines[handles[i]].index;
      batch->values[batch->count++] = values && values[i];
    }
}

/* set NULL: reads into got. */
static enum pl_status access_lines(struct adapter *a, const int *handles, size_t count, bool *got, const bool *set, struct pl_err *err)
{
  bool done[LINES_MAX] = {false};
  enum pl_status status = commit(a, err);
  if (!status && count > LINES_MAX)
    return pl_fail(err, PL_E_USAGE, "%zu lines in one call, expected at most %d", count, LINES_MAX);
  for (size_t i = 0; i < count && !status; i++) {
    const struct line *line = &a->lines[handles[i]];
    if (line->state == FAILED)
      status = pl_fail(err, line->why.status, "%s", line->why.text);
  }
  for (size_t i = 0; i < count && !status; i++) {
    const struct line *line = &a->lines[handles[i]];
    struct batch batch;
    if (done[i])
      continue;
    gather(a, handles, count, i, done, set, &batch);
    int error = set ? pl_gpiod_set(line->group->request, batch.indices, batch.count, batch.values)
                    : pl_gpiod_get(line->group->request, batch.indices, batch.count, batch.values);
    if (error)
      status = fail_line(a, line, error, set ? "set" : "read", err);
    for (size_t k = 0; k < batch.count && !set && !error; k++)
      got[batch.at[k]] = batch.values[k];
  }
  pl_gpiochip_reader_catch_up(a->reader);
  return status;
}

static enum pl_status get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  struct adapter *a = self;
  pthread_mutex_lock(&a->lock);
  enum pl_status status = access_lines(a, handles, count, values, NULL, err);
  pthread_mutex_unlock(&a->lock);
  return status;
}

static enum pl_status set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  struct adapter *a = self;
  pthread_mutex_lock(&a->lock);
  enum pl_status status = access_lines(a, handles, count, NULL, values, err);
  pthread_mutex_unlock(&a->lock);
  return status;
}

/* A rig that names no chip is answered when its lines are found. */
static unsigned caps(void *self)
{
  struct adapter *a = self;
  pthread_mutex_lock(&a->lock);
  bool wired = pl_gpiochips_are_wired(&a->chips);
  pthread_mutex_unlock(&a->lock);
  return pl_gpiod_caps | (wired ? 0 : PL_GPIO_CAP_DIRECT);
}

static const struct pl_gpio_ops ops = {.caps = caps, .request = request, .get = get, .set = set};

/* --- opening and closing --- */

/* Outputs come back inactive, whatever they were set to. */
static enum pl_status ask_again(struct adapter *a, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < a->count && !status; i++) {
    struct line *line = &a->lines[i];
    line->state = ASKED;
    line->group = NULL;
    status = locate(a, line, err);
    line->want.initial = false;
    a->pending = true;
  }
  if (!status)
    status = commit(a, err);
  for (size_t i = 0; i < a->count && !status; i++)
    if (a->lines[i].state == FAILED)
      status = pl_fail(err, a->lines[i].why.status, "%s", a->lines[i].why.text);
  return status;
}

static enum pl_status reopen(void *self, struct pl_err *err)
{
  struct adapter *a = self;
  pthread_mutex_lock(&a->lock);
  let_go(a);
  enum pl_status status = pl_gpiochips_open(&a->chips, a->values, err);
  if (!status)
    status = ask_again(a, err);
  if (status) { /* nothing is half held: the next try begins anew */
    let_go(a);
    for (size_t i = 0; i < a->count; i++)
      a->lines[i].state = FAILED;
  }
  pthread_mutex_unlock(&a->lock);
  return status;
}

static void free_adapter(struct adapter *a)
{
  let_go(a);
  pthread_mutex_destroy(&a->lock);
  free(a->lines);
  free(a);
}

static void close_adapter(void *self)
{
  struct adapter *a = self;
  pl_clock_unpost(pl_bus_clock(a->bus), &a->post);
  free_adapter(a);
}

enum pl_status pl_gpiochip_open(struct pl_bus *bus, const struct pl_adapter_args *args, const char *sys, struct pl_err *err)
{
  struct adapter *a = calloc(1, sizeof *a);
  if (!a)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  *a = (struct adapter){.bus = bus, .values = args->values, .chips = {.sys = sys, .chosen = -1}, .post = {.run = commit_posted, .ctx = a}};
  pl_mutex_init(&a->lock);
  enum pl_status status = pl_gpiochips_open(&a->chips, args->values, err);
  if (status) {
    free_adapter(a);
    return status;
  }
  pl_bus_attach(bus, &ops, a, close_adapter, false);
  pl_bus_set_reopen(bus, reopen);
  return PL_OK;
}

static enum pl_status open_adapter(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return pl_gpiochip_open(bus, args, "/sys", err);
}

const struct pl_adapter_desc pl_adapter_gpiochip = {
    .name = "gpiochip",
    .about = "lines of a Linux GPIO chip, through libgpiod (1.6 or 2.x)",
    .maturity = PL_BETA,
    .kind = PL_BUS_GPIO,
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .open = open_adapter,
};
