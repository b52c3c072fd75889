/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgpiod 1.6 (Debian 12), uAPI v1. Its limits: flags are a request's, not a line's; a line with edges is a request of its own, with room for 16 events in the
 * kernel, the newest dropped without a word; no debounce. Bulk calls read and write all lines of a request by position (lib/core.c), never some of them.
 */
#if PL_GPIOD_MAJOR == 1
#include "drivers/bus/gpiod.h"

#include <errno.h>
#include <gpiod.h>

const unsigned pl_gpiod_caps = PL_GPIO_CAP_BIAS | PL_GPIO_CAP_DRIVE | PL_GPIO_CAP_EDGES | PL_GPIO_CAP_NAMES;

struct pl_gpiod_request {
  struct gpiod_line_bulk bulk;
  struct pl_gpiod_line lines[PL_GPIOD_LINES_MAX];
  int values[PL_GPIOD_LINES_MAX]; /* outputs: what they were set to last */
  bool as_is;                     /* not yet made an output; one line */
};

static int last_error(void)
{
  return errno ? errno : EIO;
}

int pl_gpiod_chip_open(const char *path, struct pl_gpiod_chip **chip)
{
  errno = 0;
  *chip = (struct pl_gpiod_chip *)gpiod_chip_open(path);
  return *chip ? 0 : last_error();
}

static struct gpiod_chip *real(struct pl_gpiod_chip *chip)
{
  return (struct gpiod_chip *)chip;
}

void pl_gpiod_chip_close(struct pl_gpiod_chip *chip)
{
  if (chip)
    gpiod_chip_close(real(chip));
}

int pl_gpiod_chip_info(struct pl_gpiod_chip *chip, struct pl_gpiod_chip_info *info)
{
  snprintf(info->name, sizeof info->name, "%s", gpiod_chip_name(real(chip)));
  snprintf(info->label, sizeof info->label, "%s", gpiod_chip_label(real(chip)));
  info->lines = gpiod_chip_num_lines(real(chip));
  return 0;
}

int pl_gpiod_line_info(struct pl_gpiod_chip *chip, unsigned offset, struct pl_gpiod_info *info)
{
  errno = 0;
  struct gpiod_line *line = gpiod_chip_get_line(real(chip), offset);
  if (!line || gpiod_line_update(line))
    return last_error();
  const char *name = gpiod_line_name(line), *consumer = gpiod_line_consumer(line);
  snprintf(info->name, sizeof info->name, "%s", name ? name : "");
  snprintf(info->consumer, sizeof info->consumer, "%s", consumer ? consumer : "");
  info->used = gpiod_line_is_used(line);
  return 0;
}

bool pl_gpiod_may_join(const struct pl_gpiod_line *a, const struct pl_gpiod_line *b)
{
  return a->output == b->output && a->active_low == b->active_low && a->bias == b->bias && a->drive == b->drive && !a->as_is && !b->as_is && !a->edges &&
         !b->edges;
}

static int flags_of(const struct pl_gpiod_line *line)
{
  static const unsigned BIAS[] = {[PL_GPIO_BIAS_AS_IS] = 0, [PL_GPIO_BIAS_DISABLED] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
                                  [PL_GPIO_BIAS_PULL_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
                                  [PL_GPIO_BIAS_PULL_DOWN] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN};
  static const unsigned DRIVE[] = {[PL_GPIO_PUSH_PULL] = 0, [PL_GPIO_OPEN_DRAIN] = GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN,
                                   [PL_GPIO_OPEN_SOURCE] = GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE};
  if (line->as_is) /* drive and bias are for lines with a direction: linehandle_create */
    return line->active_low ? (int)GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;
  return (int)(BIAS[line->bias] | DRIVE[line->drive] | (line->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0));
}

static int type_of(const struct pl_gpiod_line *line)
{
  if (line->output)
    return line->as_is ? GPIOD_LINE_REQUEST_DIRECTION_AS_IS : GPIOD_LINE_REQUEST_DIRECTION_OUTPUT;
  return line->edges ? GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES : GPIOD_LINE_REQUEST_DIRECTION_INPUT;
}

int pl_gpiod_request(struct pl_gpiod_chip *chip, const char *consumer, const struct pl_gpiod_line *lines, size_t count, struct pl_gpiod_request **out)
{
  struct pl_gpiod_request *request = calloc(1, sizeof *request);
  if (!request)
    return ENOMEM;
  errno = 0;
  for (size_t i = 0; i < count; i++) {
    struct gpiod_line *line = gpiod_chip_get_line(real(chip), lines[i].offset);
    if (!line) {
      free(request);
      return last_error();
    }
    gpiod_line_bulk_add(&request->bulk, line);
    request->lines[i] = lines[i];
    request->values[i] = lines[i].initial;
  }
  request->as_is = lines[0].as_is;
  const struct gpiod_line_request_config config = {.consumer = consumer, .request_type = type_of(lines), .flags = flags_of(lines)};
  if (gpiod_line_request_bulk(&request->bulk, &config, request->values)) {
    int error = last_error();
    free(request);
    return error;
  }
  *out = request;
  return 0;
}

void pl_gpiod_release(struct pl_gpiod_request *request)
{
  if (request)
    gpiod_line_release_bulk(&request->bulk);
  free(request);
}

int pl_gpiod_get(struct pl_gpiod_request *request, const size_t *indices, size_t count, bool *values)
{
  int all[PL_GPIOD_LINES_MAX] = {0};
  errno = 0;
  if (gpiod_line_get_value_bulk(&request->bulk, all))
    return last_error();
  for (size_t i = 0; i < count; i++)
    values[i] = all[indices[i]] != 0;
  return 0;
}

int pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values)
{
  int all[PL_GPIOD_LINES_MAX];
  memcpy(all, request->values, sizeof all);
  for (size_t i = 0; i < count; i++)
    all[indices[i]] = values[i];
  errno = 0;
  if (request->as_is) { /* its direction, and what goes with an output, come with the first level */
    struct pl_gpiod_line line = request->lines[0];
    line.as_is = false;
    if (gpiod_line_set_config_bulk(&request->bulk, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT, flags_of(&line), all))
      return last_error();
    request->as_is = false;
  } else if (gpiod_line_set_value_bulk(&request->bulk, all)) {
    return last_error();
  }
  memcpy(request->values, all, sizeof all);
  return 0;
}

int pl_gpiod_event_fd(struct pl_gpiod_request *request)
{
  return request->lines[0].edges ? gpiod_line_event_get_fd(gpiod_line_bulk_get_line(&request->bulk, 0)) : -1;
}

int pl_gpiod_read_events(struct pl_gpiod_request *request, struct pl_gpiod_event *events, size_t room, size_t *count)
{
  struct gpiod_line_event raw[16];
  size_t max = sizeof raw / sizeof raw[0];
  errno = 0;
  int n = gpiod_line_event_read_fd_multiple(pl_gpiod_event_fd(request), raw, (unsigned)(room < max ? room : max));
  if (n < 0)
    return last_error();
  for (int i = 0; i < n; i++)
    events[i] = (struct pl_gpiod_event){.active = raw[i].event_type == GPIOD_LINE_EVENT_RISING_EDGE, /* of the logical level: active-low is in the kernel */
                                        .mono_ns = (uint64_t)raw[i].ts.tv_sec * 1000000000u + (uint64_t)raw[i].ts.tv_nsec};
  *count = (size_t)n;
  return 0;
}
#else
typedef int pl_gpiod_v1_is_not_built; /* a translation unit must not be empty */
#endif
