/* SPDX-License-Identifier: Apache-2.0 */
/* libgpiod 2.x, uAPI v2 (Linux 5.10): settings a line, one descriptor a request, sequence numbers that tell lost edges. */
#if PL_GPIOD_MAJOR == 2
#include "drivers/bus/gpiod.h"

#include <errno.h>
#include <gpiod.h>

const unsigned pl_gpiod_caps = PL_GPIO_CAP_BIAS | PL_GPIO_CAP_DRIVE | PL_GPIO_CAP_EDGES | PL_GPIO_CAP_DEBOUNCE | PL_GPIO_CAP_NAMES;

#define EVENTS_KEPT 1024 /* in the kernel, a request: its most, GPIO_V2_LINES_MAX * 16 */
#define EVENTS_READ 64   /* at once */

struct pl_gpiod_request {
  struct gpiod_line_request *held;
  struct gpiod_edge_event_buffer *events; /* NULL: none of its lines has edges */
  struct pl_gpiod_line lines[PL_GPIOD_LINES_MAX];
  uint32_t seqno[PL_GPIOD_LINES_MAX]; /* of the last edge that was read */
  size_t count;
  bool as_is;                              /* not yet made an output; one line */
};

static int last_error(void)
{
  return errno ? errno : EIO;
}

static struct gpiod_chip *real(struct pl_gpiod_chip *chip)
{
  return (struct gpiod_chip *)chip;
}

int pl_gpiod_chip_open(const char *path, struct pl_gpiod_chip **chip)
{
  errno = 0;
  *chip = (struct pl_gpiod_chip *)gpiod_chip_open(path);
  return *chip ? 0 : last_error();
}

void pl_gpiod_chip_close(struct pl_gpiod_chip *chip)
{
  if (chip)
    gpiod_chip_close(real(chip));
}

int pl_gpiod_chip_info(struct pl_gpiod_chip *chip, struct pl_gpiod_chip_info *info)
{
  errno = 0;
  struct gpiod_chip_info *raw = gpiod_chip_get_info(real(chip));
  if (!raw)
    return last_error();
  snprintf(info->name, sizeof info->name, "%s", gpiod_chip_info_get_name(raw));
  snprintf(info->label, sizeof info->label, "%s", gpiod_chip_info_get_label(raw));
  info->lines = (unsigned)gpiod_chip_info_get_num_lines(raw);
  gpiod_chip_info_free(raw);
  return 0;
}

int pl_gpiod_line_info(struct pl_gpiod_chip *chip, unsigned offset, struct pl_gpiod_info *info)
{
  errno = 0;
  struct gpiod_line_info *raw = gpiod_chip_get_line_info(real(chip), offset);
  if (!raw)
    return last_error();
  const char *name = gpiod_line_info_get_name(raw), *consumer = gpiod_line_info_get_consumer(raw);
  snprintf(info->name, sizeof info->name, "%s", name ? name : "");
  snprintf(info->consumer, sizeof info->consumer, "%s", consumer ? consumer : "");
  info->used = gpiod_line_info_is_used(raw);
  gpiod_line_info_free(raw);
  return 0;
}

bool pl_gpiod_may_join(const struct pl_gpiod_line *a, const struct pl_gpiod_line *b)
{
  return a->output == b->output && !a->as_is && !b->as_is;
}

/* --- settings --- */

/* Returns whether libgpiod took them all. */
static bool fill_settings(struct gpiod_line_settings *to, const struct pl_gpiod_line *line)
{
  static const enum gpiod_line_bias BIAS[] = {[PL_GPIO_BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS, [PL_GPIO_BIAS_DISABLED] = GPIOD_LINE_BIAS_DISABLED,
                                              [PL_GPIO_BIAS_PULL_UP] = GPIOD_LINE_BIAS_PULL_UP, [PL_GPIO_BIAS_PULL_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN};
  static const enum gpiod_line_drive DRIVE[] = {[PL_GPIO_PUSH_PULL] = GPIOD_LINE_DRIVE_PUSH_PULL, [PL_GPIO_OPEN_DRAIN] = GPIOD_LINE_DRIVE_OPEN_DRAIN,
                                                [PL_GPIO_OPEN_SOURCE] = GPIOD_LINE_DRIVE_OPEN_SOURCE};
  gpiod_line_settings_set_active_low(to, line->active_low);
  if (line->as_is) /* drive and bias are for lines with a direction: gpio_v2_line_flags_validate */
    return !gpiod_line_settings_set_direction(to, GPIOD_LINE_DIRECTION_AS_IS);
  bool good = !gpiod_line_settings_set_direction(to, line->output ? GPIOD_LINE_DIRECTION_OUTPUT : GPIOD_LINE_DIRECTION_INPUT) &&
              !gpiod_line_settings_set_bias(to, BIAS[line->bias]);
  if (line->output)
    return good && !gpiod_line_settings_set_drive(to, DRIVE[line->drive]) &&
           !gpiod_line_settings_set_output_value(to, line->initial ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE);
  gpiod_line_settings_set_debounce_period_us(to, line->debounce_us);
  if (line->edges)
    good = good && !gpiod_line_settings_set_edge_detection(to, GPIOD_LINE_EDGE_BOTH) &&
           !gpiod_line_settings_set_event_clock(to, GPIOD_LINE_CLOCK_MONOTONIC);
  return good;
}

/* NULL with errno set. */
static struct gpiod_line_config *make_config(const struct pl_gpiod_line *lines, size_t count)
{
  struct gpiod_line_config *config = gpiod_line_config_new();
  struct gpiod_line_settings *settings = gpiod_line_settings_new();
  bool good = config && settings;
  for (size_t i = 0; i < count && good; i++) {
    gpiod_line_settings_reset(settings);
    good = fill_settings(settings, &lines[i]) && !gpiod_line_config_add_line_settings(config, &lines[i].offset, 1, settings);
  }
  int kept = last_error();
  if (settings)
    gpiod_line_settings_free(settings);
  if (good)
    return config;
  if (config)
    gpiod_line_config_free(config);
  errno = kept;
  return NULL;
}

static struct gpiod_line_request *hold(struct gpiod_chip *chip, const char *consumer, const struct pl_gpiod_line *lines, size_t count, bool edges)
{
  struct gpiod_line_config *config = make_config(lines, count);
  if (!config)
    return NULL;
  struct gpiod_request_config *terms = gpiod_request_config_new();
  struct gpiod_line_request *held = NULL;
  if (terms) {
    gpiod_request_config_set_consumer(terms, consumer);
    if (edges)
      gpiod_request_config_set_event_buffer_size(terms, EVENTS_KEPT);
    held = gpiod_chip_request_lines(chip, terms, config);
  }
  int kept = last_error();
  if (terms)
    gpiod_request_config_free(terms);
  gpiod_line_config_free(config);
  errno = kept;
  return held;
}

int pl_gpiod_request(struct pl_gpiod_chip *chip, const char *consumer, const struct pl_gpiod_line *lines, size_t count, struct pl_gpiod_request **out)
{
  struct pl_gpiod_request *request = calloc(1, sizeof *request);
  bool edges = false;
  if (!request)
    return ENOMEM;
  for (size_t i = 0; i < count; i++) {
    request->lines[i] = lines[i];
    edges |= lines[i].edges;
  }
  request->count = count;
  request->as_is = lines[0].as_is;
  errno = 0;
  if (edges)
    request->events = gpiod_edge_event_buffer_new(EVENTS_READ);
  if (!edges || request->events)
    request->held = hold(real(chip), consumer, lines, count, edges);
  if (!request->held) {
    int error = last_error();
    pl_gpiod_release(request);
    return error;
  }
  *out = request;
  return 0;
}

void pl_gpiod_release(struct pl_gpiod_request *request)
{
  if (!request)
    return;
  if (request->held)
    gpiod_line_request_release(request->held);
  if (request->events)
    gpiod_edge_event_buffer_free(request->events);
  free(request);
}

/* --- values --- */

static void offsets_of(const struct pl_gpiod_request *request, const size_t *indices, size_t count, unsigned *offsets)
{
  for (size_t i = 0; i < count; i++)
    offsets[i] = request->lines[indices[i]].offset;
}

int pl_gpiod_get(struct pl_gpiod_request *request, const size_t *indices, size_t count, bool *values)
{
  unsigned offsets[PL_GPIOD_LINES_MAX] = {0};
  enum gpiod_line_value raw[PL_GPIOD_LINES_MAX] = {0};
  offsets_of(request, indices, count, offsets);
  errno = 0;
  if (gpiod_line_request_get_values_subset(request->held, count, offsets, raw))
    return last_error();
  for (size_t i = 0; i < count; i++)
    values[i] = raw[i] == GPIOD_LINE_VALUE_ACTIVE;
  return 0;
}

/* Its direction, and what goes with an output, come with the first level. */
static int make_output(struct pl_gpiod_request *request, bool value)
{
  struct pl_gpiod_line line = request->lines[0];
  line.as_is = false;
  line.initial = value;
  struct gpiod_line_config *config = make_config(&line, 1);
  if (!config)
    return last_error();
  bool good = !gpiod_line_request_reconfigure_lines(request->held, config);
  int error = good ? 0 : last_error();
  gpiod_line_config_free(config);
  request->as_is = !good;
  return error;
}

int pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values)
{
  unsigned offsets[PL_GPIOD_LINES_MAX] = {0};
  enum gpiod_line_value raw[PL_GPIOD_LINES_MAX] = {0};
  errno = 0;
  if (request->as_is)
    return make_output(request, values[0]);
  offsets_of(request, indices, count, offsets);
  for (size_t i = 0; i < count; i++)
    raw[i] = values[i] ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
  return gpiod_line_request_set_values_subset(request->held, count, offsets, raw) ? last_error() : 0;
}

/* --- edges --- */

int pl_gpiod_event_fd(struct pl_gpiod_request *request)
{
  return request->events ? gpiod_line_request_get_fd(request->held) : -1;
}

static size_t index_of(const struct pl_gpiod_request *request, unsigned offset)
{
  for (size_t i = 0; i < request->count; i++)
    if (request->lines[i].offset == offset)
      return i;
  return 0; /* the kernel tells of requested lines only */
}

static void take_event(struct pl_gpiod_request *request, struct gpiod_edge_event *raw, struct pl_gpiod_event *event)
{
  size_t i = index_of(request, gpiod_edge_event_get_line_offset(raw));
  uint32_t seqno = (uint32_t)gpiod_edge_event_get_line_seqno(raw), gap = seqno - request->seqno[i]; /* counts from 1, and wraps: linux/gpio.h */
  *event = (struct pl_gpiod_event){.index = i,
                                   .active = gpiod_edge_event_get_event_type(raw) == GPIOD_EDGE_EVENT_RISING_EDGE, /* of the logical level */
                                   .mono_ns = gpiod_edge_event_get_timestamp_ns(raw),
                                   .lost = gap ? gap - 1 : 0};
  request->seqno[i] = seqno;
}

int pl_gpiod_read_events(struct pl_gpiod_request *request, struct pl_gpiod_event *events, size_t room, size_t *count)
{
  errno = 0;
  int n = gpiod_line_request_read_edge_events(request->held, request->events, room < EVENTS_READ ? room : EVENTS_READ);
  if (n < 0)
    return last_error();
  for (int i = 0; i < n; i++)
    take_event(request, gpiod_edge_event_buffer_get_event(request->events, (unsigned long)i), &events[i]);
  *count = (size_t)n;
  return 0;
}
#else
typedef int pl_gpiod_v2_is_not_built; /* a translation unit must not be empty */
#endif
