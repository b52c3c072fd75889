/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_GPIOD_H
#define PL_BUS_GPIOD_H

#include "drivers/bus/gpio.h"

/*
 * What the adapter "gpiochip" needs of libgpiod, over either major: gpiod_v1.c (1.6: uAPI v1) and gpiod_v2.c (2.x: uAPI v2), one of which is built
 * (PL_GPIOD_MAJOR, from pkg-config). Functions that can fail return 0 or an errno; sentences are made in gpiochip.c.
 */
#define PL_GPIOD_LINES_MAX 64 /* of one request, in both majors */
#define PL_GPIOD_TEXT 40      /* GPIO_MAX_NAME_SIZE is 32 */

struct pl_gpiod_chip;
struct pl_gpiod_request; /* lines that are held; their values go with one ioctl */

struct pl_gpiod_chip_info {
  char name[PL_GPIOD_TEXT], label[PL_GPIOD_TEXT]; /* "gpiochip2", "cp2112_gpio" */
  unsigned lines;
};

struct pl_gpiod_info {
  char name[PL_GPIOD_TEXT], consumer[PL_GPIOD_TEXT]; /* "": none */
  bool used;
};

struct pl_gpiod_line {
  unsigned offset;
  bool output, as_is, active_low, initial, edges;
  enum pl_gpio_bias bias;
  enum pl_gpio_drive drive;
  uint32_t debounce_us;
};

struct pl_gpiod_event {
  size_t index;      /* of the line in its request */
  bool active;       /* to active */
  uint64_t mono_ns;  /* CLOCK_MONOTONIC, as the kernel stamped it (since Linux 5.7) */
  uint64_t lost;     /* edges of the line before this one that the kernel had no room for; v1 cannot know and says 0 */
};

extern const unsigned pl_gpiod_caps; /* enum pl_gpio_cap */

int pl_gpiod_chip_open(const char *path, struct pl_gpiod_chip **chip);
void pl_gpiod_chip_close(struct pl_gpiod_chip *chip); /* after its requests were released; NULL is fine */
int pl_gpiod_chip_info(struct pl_gpiod_chip *chip, struct pl_gpiod_chip_info *info);
int pl_gpiod_line_info(struct pl_gpiod_chip *chip, unsigned offset, struct pl_gpiod_info *info);

/* Whether the two may stand in one request. */
bool pl_gpiod_may_join(const struct pl_gpiod_line *a, const struct pl_gpiod_line *b);
/* Lines that may all join, at most PL_GPIOD_LINES_MAX. An output gets its initial level in the same call. */
int pl_gpiod_request(struct pl_gpiod_chip *chip, const char *consumer, const struct pl_gpiod_line *lines, size_t count, struct pl_gpiod_request **request);
void pl_gpiod_release(struct pl_gpiod_request *request); /* NULL is fine */
/* Of the request's lines those with these indices. */
int pl_gpiod_get(struct pl_gpiod_request *request, const size_t *indices, size_t count, bool *values);
/* An as-is line becomes an output with its first set. */
int pl_gpiod_set(struct pl_gpiod_request *request, const size_t *indices, size_t count, const bool *values);
/* A request of lines with edges: poll for POLLIN, then read. -1 without edges. */
int pl_gpiod_event_fd(struct pl_gpiod_request *request);
int pl_gpiod_read_events(struct pl_gpiod_request *request, struct pl_gpiod_event *events, size_t room, size_t *count);

#endif
