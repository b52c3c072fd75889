/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_GPIO_KERNEL_H
#define PL_BUS_FAKE_GPIO_KERNEL_H

/*
 * For tests: GPIO chips as the kernel's character device has them (drivers/gpio/gpiolib-cdev.c): who holds a line, what a request may ask for, levels, wires
 * from outputs to inputs, edges with stamps and sequence numbers. fake_gpiod_v1.h and fake_gpiod_v2.h put the calls of libgpiod over it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/bus/gpiod.h"

#include <errno.h>
#include <fcntl.h>

enum { FAKE_CHIPS = 4, FAKE_LINES = 8, FAKE_ENOTSUPP = 524 };

struct fake_line {
  const char *name;
  char consumer[PL_GPIOD_TEXT];
  bool used, output, level; /* level: on the wire */
  int wired;                /* 1-based: the line of this chip whose level it follows */
  struct fake_request *request;
  struct pl_gpiod_line as;  /* what it was requested as */
  uint32_t seqno;
};

struct fake_chip {
  const char *name, *label; /* NULL: there is none */
  bool no_irq, no_bias, denied, gone;
  size_t max_kinds;         /* lines of one request that may differ; 0: any (uAPI v2 has room for 10 attributes) */
  struct fake_line lines[FAKE_LINES];
  size_t gets, sets;        /* ioctls */
};

struct fake_event {
  unsigned offset;
  bool active;
  uint64_t mono_ns;
  uint32_t seqno;
};

struct fake_request {
  struct fake_chip *chip;
  size_t count;
  unsigned offsets[FAKE_LINES];
  int events[2]; /* a pipe */
};

struct fake_gpio {
  struct fake_chip chips[FAKE_CHIPS];
  size_t chips_open, requests_open;
  size_t drop; /* so many edges find no room */
};

static struct fake_gpio fake;

static inline struct fake_chip *fake_chip_of(const char *path)
{
  errno = ENOENT;
  for (size_t i = 0; i < FAKE_CHIPS; i++)
    if (fake.chips[i].name && !strncmp(path, "/dev/", 5) && !strcmp(path + 5, fake.chips[i].name) && !fake.chips[i].gone) {
      errno = fake.chips[i].denied ? EACCES : 0;
      return errno ? NULL : &fake.chips[i];
    }
  return NULL;
}

/* --- levels and edges --- */

static inline void fake_event(struct fake_line *line, unsigned offset)
{
  struct timespec t;
  bool active = line->level != line->as.active_low;
  line->seqno++;
  if (fake.drop) {
    fake.drop--;
    return;
  }
  clock_gettime(CLOCK_MONOTONIC, &t);
  const struct fake_event event = {.offset = offset, .active = active, .seqno = line->seqno,
                                   .mono_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
  assert_int_equal(write(line->request->events[1], &event, sizeof event), sizeof event);
}

static inline void fake_level(struct fake_chip *chip, unsigned offset, bool level)
{
  struct fake_line *line = &chip->lines[offset];
  if (line->level == level)
    return;
  line->level = level;
  if (line->request && line->as.edges)
    fake_event(line, offset);
  for (unsigned i = 0; i < FAKE_LINES; i++)
    if (chip->lines[i].wired == (int)offset + 1)
      fake_level(chip, i, level);
}

/* --- requests: 0 or errno --- */

static inline int fake_judge(const struct fake_chip *chip, const struct pl_gpiod_line *want, bool alone)
{
  bool plain = want->bias == PL_GPIO_BIAS_AS_IS && want->drive == PL_GPIO_PUSH_PULL;
  if (chip->gone)
    return ENODEV;
  if (want->offset >= FAKE_LINES || (want->as_is && (!plain || want->edges || !alone)) || (want->output && (want->edges || want->debounce_us)))
    return EINVAL;
  if (chip->lines[want->offset].used)
    return EBUSY;
  if (want->edges && chip->no_irq)
    return PL_GPIOD_MAJOR == 1 ? ENODEV : ENXIO; /* lineevent_create; edge_detector_setup */
  return want->bias != PL_GPIO_BIAS_AS_IS && chip->no_bias ? FAKE_ENOTSUPP : 0;
}

static inline void fake_configure(struct fake_chip *chip, const struct pl_gpiod_line *want)
{
  struct fake_line *line = &chip->lines[want->offset];
  line->as = *want;
  if (want->as_is)
    return;
  line->output = want->output;
  if (want->output)
    fake_level(chip, want->offset, want->initial != want->active_low);
}

static inline int fake_request(struct fake_chip *chip, const char *consumer, const struct pl_gpiod_line *lines, size_t count, struct fake_request **out)
{
  for (size_t i = 0; i < count; i++) {
    int error = fake_judge(chip, &lines[i], count == 1);
    if (error)
      return error;
  }
  if (chip->max_kinds && count > chip->max_kinds)
    return E2BIG;
  struct fake_request *request = calloc(1, sizeof *request);
  assert_non_null(request);
  *request = (struct fake_request){.chip = chip, .count = count, .events = {-1, -1}};
  assert_int_equal(pipe2(request->events, O_CLOEXEC), 0);
  for (size_t i = 0; i < count; i++) {
    struct fake_line *line = &chip->lines[lines[i].offset];
    request->offsets[i] = lines[i].offset;
    fake_configure(chip, &lines[i]);
    line->used = true;
    line->request = request;
    line->seqno = 0;
    snprintf(line->consumer, sizeof line->consumer, "%.31s", consumer);
  }
  fake.requests_open++;
  *out = request;
  return 0;
}

static inline void fake_release(struct fake_request *request)
{
  for (size_t i = 0; i < request->count; i++) { /* levels stay */
    struct fake_line *line = &request->chip->lines[request->offsets[i]];
    line->used = false;
    line->request = NULL;
    line->consumer[0] = '\0';
    line->as = (struct pl_gpiod_line){0};
  }
  close(request->events[0]);
  close(request->events[1]);
  free(request);
  fake.requests_open--;
}

static inline int fake_reconfigure(struct fake_request *request, const struct pl_gpiod_line *lines, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (request->chip->gone)
      return ENODEV;
    else
      fake_configure(request->chip, &lines[i]);
  return 0;
}

static inline bool fake_holds(const struct fake_request *request, unsigned offset)
{
  for (size_t i = 0; i < request->count; i++)
    if (request->offsets[i] == offset)
      return true;
  return false;
}

static inline int fake_get(struct fake_request *request, const unsigned *offsets, size_t count, bool *values)
{
  if (request->chip->gone)
    return ENODEV;
  request->chip->gets++;
  for (size_t i = 0; i < count; i++) {
    const struct fake_line *line = &request->chip->lines[offsets[i]];
    if (!fake_holds(request, offsets[i]))
      return EINVAL;
    values[i] = line->level != line->as.active_low;
  }
  return 0;
}

static inline int fake_set(struct fake_request *request, const unsigned *offsets, size_t count, const bool *values)
{
  if (request->chip->gone)
    return ENODEV;
  for (size_t i = 0; i < count; i++)
    if (!fake_holds(request, offsets[i]) || !request->chip->lines[offsets[i]].output)
      return EPERM;
  request->chip->sets++;
  for (size_t i = 0; i < count; i++)
    fake_level(request->chip, offsets[i], values[i] != request->chip->lines[offsets[i]].as.active_low);
  return 0;
}

static inline int fake_fail(int error)
{
  errno = error;
  return error ? -1 : 0;
}

#endif
