/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_GPIOD_V1_H
#define PL_BUS_FAKE_GPIOD_V1_H
#if PL_GPIOD_MAJOR == 1

/* For one test program: the calls of libgpiod 1.6 that gpiod_v1.c makes, as its lib/core.c has them, over a fake kernel. They stand in for the library's. */
#include "drivers/bus/fake_gpio_kernel.h"

#include <gpiod.h>

struct gpiod_line {
  struct fake_chip *chip;
  unsigned offset;
  struct fake_request *request;
  struct fake_line seen; /* as of the last update */
};

struct gpiod_chip {
  struct fake_chip *chip;
  struct gpiod_line lines[FAKE_LINES];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
  struct fake_chip *found = fake_chip_of(path);
  struct gpiod_chip *chip = found ? calloc(1, sizeof *chip) : NULL;
  if (!chip)
    return NULL;
  chip->chip = found;
  for (unsigned i = 0; i < FAKE_LINES; i++)
    chip->lines[i] = (struct gpiod_line){.chip = found, .offset = i, .seen = found->lines[i]};
  fake.chips_open++;
  return chip;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
  fake.chips_open--;
  free(chip);
}

const char *gpiod_chip_name(struct gpiod_chip *chip)
{
  return chip->chip->name;
}

const char *gpiod_chip_label(struct gpiod_chip *chip)
{
  return chip->chip->label;
}

unsigned int gpiod_chip_num_lines(struct gpiod_chip *chip)
{
  (void)chip;
  return FAKE_LINES;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset)
{
  (void)fake_fail(offset < FAKE_LINES ? 0 : EINVAL);
  return offset < FAKE_LINES ? &chip->lines[offset] : NULL;
}

int gpiod_line_update(struct gpiod_line *line)
{
  line->seen = line->chip->lines[line->offset];
  return fake_fail(line->chip->gone ? ENODEV : 0);
}

const char *gpiod_line_name(struct gpiod_line *line)
{
  return line->seen.name;
}

const char *gpiod_line_consumer(struct gpiod_line *line)
{
  return *line->seen.consumer ? line->seen.consumer : NULL;
}

bool gpiod_line_is_used(struct gpiod_line *line)
{
  return line->seen.used;
}

static inline struct pl_gpiod_line fake_v1_settings(unsigned offset, int type, int flags, int value)
{
  struct pl_gpiod_line line = {.offset = offset, .initial = value, .active_low = flags & (int)GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW,
                               .output = type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT, .as_is = type == GPIOD_LINE_REQUEST_DIRECTION_AS_IS,
                               .edges = type == GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES};
  if (flags & (int)GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP)
    line.bias = PL_GPIO_BIAS_PULL_UP;
  if (flags & (int)GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN)
    line.bias = PL_GPIO_BIAS_PULL_DOWN;
  if (flags & (int)GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE)
    line.bias = PL_GPIO_BIAS_DISABLED;
  if (flags & (int)GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN)
    line.drive = PL_GPIO_OPEN_DRAIN;
  return line;
}

int gpiod_line_request_bulk(struct gpiod_line_bulk *bulk, const struct gpiod_line_request_config *config, const int *default_vals)
{
  struct pl_gpiod_line lines[FAKE_LINES];
  struct fake_request *request;
  assert_true(bulk->num_lines == 1 || config->request_type != GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES); /* the adapter asks for these one by one */
  for (unsigned i = 0; i < bulk->num_lines; i++)
    lines[i] = fake_v1_settings(bulk->lines[i]->offset, config->request_type, config->flags, default_vals[i]);
  int error = fake_request(bulk->lines[0]->chip, config->consumer, lines, bulk->num_lines, &request);
  for (unsigned i = 0; i < bulk->num_lines && !error; i++)
    bulk->lines[i]->request = request;
  return fake_fail(error);
}

void gpiod_line_release_bulk(struct gpiod_line_bulk *bulk)
{
  fake_release(bulk->lines[0]->request);
  for (unsigned i = 0; i < bulk->num_lines; i++)
    bulk->lines[i]->request = NULL;
}

/* The kernel gives and takes the values of all lines of a request, by position. */
static inline void fake_v1_is_whole(const struct gpiod_line_bulk *bulk)
{
  const struct fake_request *request = bulk->lines[0]->request;
  assert_int_equal(bulk->num_lines, request->count);
  for (unsigned i = 0; i < bulk->num_lines; i++)
    assert_int_equal(bulk->lines[i]->offset, request->offsets[i]);
}

int gpiod_line_get_value_bulk(struct gpiod_line_bulk *bulk, int *values)
{
  bool got[FAKE_LINES];
  struct fake_request *request = bulk->lines[0]->request;
  fake_v1_is_whole(bulk);
  int error = fake_get(request, request->offsets, request->count, got);
  for (size_t i = 0; i < request->count && !error; i++)
    values[i] = got[i];
  return fake_fail(error);
}

int gpiod_line_set_value_bulk(struct gpiod_line_bulk *bulk, const int *values)
{
  bool put[FAKE_LINES];
  struct fake_request *request = bulk->lines[0]->request;
  fake_v1_is_whole(bulk);
  for (size_t i = 0; i < request->count; i++)
    put[i] = values[i];
  return fake_fail(fake_set(request, request->offsets, request->count, put));
}

int gpiod_line_set_config_bulk(struct gpiod_line_bulk *bulk, int direction, int flags, const int *values)
{
  struct pl_gpiod_line lines[FAKE_LINES];
  struct fake_request *request = bulk->lines[0]->request;
  fake_v1_is_whole(bulk);
  for (size_t i = 0; i < request->count; i++)
    lines[i] = fake_v1_settings(request->offsets[i], direction, flags, values[i]);
  return fake_fail(fake_reconfigure(request, lines, request->count));
}

int gpiod_line_event_get_fd(struct gpiod_line *line)
{
  return line->request->events[0];
}

int gpiod_line_event_read_fd_multiple(int fd, struct gpiod_line_event *events, unsigned int num_events)
{
  struct fake_event raw[16];
  ssize_t n = read(fd, raw, sizeof raw[0] * (num_events < 16 ? num_events : 16));
  for (ssize_t i = 0; i < n / (ssize_t)sizeof raw[0]; i++)
    events[i] = (struct gpiod_line_event){.event_type = raw[i].active ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE,
                                          .ts = {.tv_sec = (time_t)(raw[i].mono_ns / 1000000000u), .tv_nsec = (long)(raw[i].mono_ns % 1000000000u)}};
  return n < 0 ? -1 : (int)(n / (ssize_t)sizeof raw[0]);
}

#endif
#endif
