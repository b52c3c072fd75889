/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_GPIOD_V2_H
#define PL_BUS_FAKE_GPIOD_V2_H
#if PL_GPIOD_MAJOR == 2

/* For one test program: the calls of libgpiod 2 that gpiod_v2.c makes, over a fake kernel. They stand in for the library's. */
#include "drivers/bus/fake_gpio_kernel.h"

#include <gpiod.h>

struct gpiod_chip {
  struct fake_chip *chip;
};
struct gpiod_chip_info {
  struct fake_chip *chip;
};
struct gpiod_line_info {
  struct fake_line seen;
};
struct gpiod_line_settings {
  struct pl_gpiod_line line;
  enum gpiod_line_direction direction;
};
struct gpiod_line_config {
  struct gpiod_line_settings lines[FAKE_LINES];
  size_t count;
};
struct gpiod_request_config {
  char consumer[PL_GPIOD_TEXT];
};
struct gpiod_line_request {
  struct fake_request *request;
};
struct gpiod_edge_event {
  struct fake_event raw;
};
struct gpiod_edge_event_buffer {
  struct gpiod_edge_event events[64];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
  struct fake_chip *found = fake_chip_of(path);
  struct gpiod_chip *chip = found ? calloc(1, sizeof *chip) : NULL;
  if (!chip)
    return NULL;
  chip->chip = found;
  fake.chips_open++;
  return chip;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
  fake.chips_open--;
  free(chip);
}

struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip)
{
  struct gpiod_chip_info *info = calloc(1, sizeof *info);
  info->chip = chip->chip;
  return info;
}

void gpiod_chip_info_free(struct gpiod_chip_info *info)
{
  free(info);
}

const char *gpiod_chip_info_get_name(struct gpiod_chip_info *info)
{
  return info->chip->name;
}

const char *gpiod_chip_info_get_label(struct gpiod_chip_info *info)
{
  return info->chip->label;
}

size_t gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info)
{
  (void)info;
  return FAKE_LINES;
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
  if (fake_fail(chip->chip->gone ? ENODEV : offset < FAKE_LINES ? 0 : EINVAL))
    return NULL;
  struct gpiod_line_info *info = calloc(1, sizeof *info);
  info->seen = chip->chip->lines[offset];
  return info;
}

void gpiod_line_info_free(struct gpiod_line_info *info)
{
  free(info);
}

const char *gpiod_line_info_get_name(struct gpiod_line_info *info)
{
  return info->seen.name;
}

const char *gpiod_line_info_get_consumer(struct gpiod_line_info *info)
{
  return *info->seen.consumer ? info->seen.consumer : NULL;
}

bool gpiod_line_info_is_used(struct gpiod_line_info *info)
{
  return info->seen.used;
}

struct gpiod_line_settings *gpiod_line_settings_new(void)
{
  struct gpiod_line_settings *settings = calloc(1, sizeof *settings);
  gpiod_line_settings_reset(settings);
  return settings;
}

void gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
  free(settings);
}

void gpiod_line_settings_reset(struct gpiod_line_settings *settings)
{
  *settings = (struct gpiod_line_settings){.direction = GPIOD_LINE_DIRECTION_AS_IS};
}

int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings, enum gpiod_line_direction direction)
{
  settings->direction = direction;
  settings->line.output = direction == GPIOD_LINE_DIRECTION_OUTPUT;
  settings->line.as_is = direction == GPIOD_LINE_DIRECTION_AS_IS;
  return 0;
}

int gpiod_line_settings_set_edge_detection(struct gpiod_line_settings *settings, enum gpiod_line_edge edge)
{
  settings->line.edges = edge == GPIOD_LINE_EDGE_BOTH;
  return 0;
}

int gpiod_line_settings_set_bias(struct gpiod_line_settings *settings, enum gpiod_line_bias bias)
{
  settings->line.bias = bias == GPIOD_LINE_BIAS_PULL_UP     ? PL_GPIO_BIAS_PULL_UP
                        : bias == GPIOD_LINE_BIAS_PULL_DOWN ? PL_GPIO_BIAS_PULL_DOWN
                        : bias == GPIOD_LINE_BIAS_DISABLED  ? PL_GPIO_BIAS_DISABLED
                                                            : PL_GPIO_BIAS_AS_IS;
  return fake_fail(bias == GPIOD_LINE_BIAS_UNKNOWN ? EINVAL : 0);
}

int gpiod_line_settings_set_drive(struct gpiod_line_settings *settings, enum gpiod_line_drive drive)
{
  settings->line.drive = drive == GPIOD_LINE_DRIVE_OPEN_DRAIN    ? PL_GPIO_OPEN_DRAIN
                         : drive == GPIOD_LINE_DRIVE_OPEN_SOURCE ? PL_GPIO_OPEN_SOURCE
                                                                 : PL_GPIO_PUSH_PULL;
  return 0;
}

void gpiod_line_settings_set_active_low(struct gpiod_line_settings *settings, bool active_low)
{
  settings->line.active_low = active_low;
}

void gpiod_line_settings_set_debounce_period_us(struct gpiod_line_settings *settings, unsigned long period)
{
  settings->line.debounce_us = (uint32_t)period;
}

int gpiod_line_settings_set_event_clock(struct gpiod_line_settings *settings, enum gpiod_line_clock event_clock)
{
  (void)settings;
  return fake_fail(event_clock == GPIOD_LINE_CLOCK_MONOTONIC ? 0 : EINVAL);
}

int gpiod_line_settings_set_output_value(struct gpiod_line_settings *settings, enum gpiod_line_value value)
{
  settings->line.initial = value == GPIOD_LINE_VALUE_ACTIVE;
  return 0;
}

struct gpiod_line_config *gpiod_line_config_new(void)
{
  return calloc(1, sizeof(struct gpiod_line_config));
}

void gpiod_line_config_free(struct gpiod_line_config *config)
{
  free(config);
}

int gpiod_line_config_add_line_settings(struct gpiod_line_config *config, const unsigned int *offsets, size_t num_offsets, struct gpiod_line_settings *settings)
{
  for (size_t i = 0; i < num_offsets; i++) {
    assert_true(config->count < FAKE_LINES);
    config->lines[config->count] = *settings;
    config->lines[config->count++].line.offset = offsets[i];
  }
  return 0;
}

struct gpiod_request_config *gpiod_request_config_new(void)
{
  return calloc(1, sizeof(struct gpiod_request_config));
}

void gpiod_request_config_free(struct gpiod_request_config *config)
{
  free(config);
}

void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer)
{
  snprintf(config->consumer, sizeof config->consumer, "%s", consumer);
}

void gpiod_request_config_set_event_buffer_size(struct gpiod_request_config *config, size_t event_buffer_size)
{
  (void)config;
  assert_true(event_buffer_size <= 1024);
}

static inline size_t fake_v2_lines(const struct gpiod_line_config *config, struct pl_gpiod_line *lines)
{
  for (size_t i = 0; i < config->count; i++)
    lines[i] = config->lines[i].line;
  return config->count;
}

struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip, struct gpiod_request_config *req_cfg, struct gpiod_line_config *line_cfg)
{
  struct pl_gpiod_line lines[FAKE_LINES];
  struct fake_request *request;
  if (fake_fail(fake_request(chip->chip, req_cfg->consumer, lines, fake_v2_lines(line_cfg, lines), &request)))
    return NULL;
  struct gpiod_line_request *held = calloc(1, sizeof *held);
  held->request = request;
  return held;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
  fake_release(request->request);
  free(request);
}

int gpiod_line_request_get_values_subset(struct gpiod_line_request *request, size_t num_values, const unsigned int *offsets, enum gpiod_line_value *values)
{
  bool got[FAKE_LINES];
  int error = fake_get(request->request, offsets, num_values, got);
  for (size_t i = 0; i < num_values && !error; i++)
    values[i] = got[i] ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
  return fake_fail(error);
}

int gpiod_line_request_set_values_subset(struct gpiod_line_request *request, size_t num_values, const unsigned int *offsets,
                                         const enum gpiod_line_value *values)
{
  bool put[FAKE_LINES];
  for (size_t i = 0; i < num_values; i++)
    put[i] = values[i] == GPIOD_LINE_VALUE_ACTIVE;
  return fake_fail(fake_set(request->request, offsets, num_values, put));
}

int gpiod_line_request_reconfigure_lines(struct gpiod_line_request *request, struct gpiod_line_config *config)
{
  struct pl_gpiod_line lines[FAKE_LINES];
  return fake_fail(fake_reconfigure(request->request, lines, fake_v2_lines(config, lines)));
}

int gpiod_line_request_get_fd(struct gpiod_line_request *request)
{
  return request->request->events[0];
}

struct gpiod_edge_event_buffer *gpiod_edge_event_buffer_new(size_t capacity)
{
  assert_true(capacity <= 64);
  return calloc(1, sizeof(struct gpiod_edge_event_buffer));
}

void gpiod_edge_event_buffer_free(struct gpiod_edge_event_buffer *buffer)
{
  free(buffer);
}

int gpiod_line_request_read_edge_events(struct gpiod_line_request *request, struct gpiod_edge_event_buffer *buffer, size_t max_events)
{
  ssize_t n = read(request->request->events[0], buffer->events, sizeof buffer->events[0] * (max_events < 64 ? max_events : 64));
  return n < 0 ? -1 : (int)(n / (ssize_t)sizeof buffer->events[0]);
}

struct gpiod_edge_event *gpiod_edge_event_buffer_get_event(struct gpiod_edge_event_buffer *buffer, unsigned long index)
{
  return &buffer->events[index];
}

enum gpiod_edge_event_type gpiod_edge_event_get_event_type(struct gpiod_edge_event *event)
{
  return event->raw.active ? GPIOD_EDGE_EVENT_RISING_EDGE : GPIOD_EDGE_EVENT_FALLING_EDGE;
}

uint64_t gpiod_edge_event_get_timestamp_ns(struct gpiod_edge_event *event)
{
  return event->raw.mono_ns;
}

unsigned int gpiod_edge_event_get_line_offset(struct gpiod_edge_event *event)
{
  return event->raw.offset;
}

unsigned long gpiod_edge_event_get_line_seqno(struct gpiod_edge_event *event)
{
  return event->raw.seqno;
}

#endif
#endif
