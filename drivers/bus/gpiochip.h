/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_GPIOCHIP_H
#define PL_BUS_GPIOCHIP_H

#include "drivers/bus/adapter.h"
#include "drivers/bus/gpiod.h"
#include "drivers/bus/sysfs.h"

/*
 * The adapter "gpiochip": lines of Linux GPIO chips.
 *
 * What stands in one request is read and set by one ioctl, and it stands there for good: a line cannot be added to a request, and to request it again would let
 * go of a held output meanwhile. So lines are collected as the devices ask for them, checked as far as that drives nothing (inputs by a trial request), and
 * requested together: with the loop's next step or the bus's first job, whichever comes first. Lines of one device and one kind share a request.
 */
enum pl_status pl_gpiochip_open(struct pl_bus *bus, const struct pl_adapter_args *args, const char *sys, struct pl_err *err); /* sys: "/sys" */

#define PL_GPIOCHIP_FOLDER "bus/gpio/devices"

/* --- chips: gpiochip_find.c --- */

struct pl_gpiochip_slot { /* an open chip */
  struct pl_gpiod_chip *chip;
  struct pl_gpiod_chip_info info;
  bool wired; /* behind USB or on an expander: a transfer, not a system call alone */
};

#define PL_GPIOCHIPS_MAX 16

struct pl_gpiochips {
  const char *sys;
  struct pl_gpiochip_slot slots[PL_GPIOCHIPS_MAX];
  size_t count;
  int chosen; /* the one that the rig names; -1: it names none, lines are searched for on all */
};

/* The chip that the rig's chip, serial and path say, or none. */
enum pl_status pl_gpiochips_open(struct pl_gpiochips *chips, const struct pl_values *values, struct pl_err *err);
void pl_gpiochips_close(struct pl_gpiochips *chips);
/* Where a line is: by the rig's map, its offset, or its name in the kernel. */
enum pl_status pl_gpiochips_locate(struct pl_gpiochips *chips, const struct pl_value *map, const struct pl_gpio_line *line, size_t *slot, unsigned *offset,
                                   struct pl_err *err);
bool pl_gpiochips_are_wired(const struct pl_gpiochips *chips); /* one of them is */
bool pl_gpiochips_is_there(const struct pl_gpiochips *chips, size_t slot);

/* --- edges: gpiochip_edges.c, a thread of its own --- */

struct pl_gpiochip_source { /* a request with edges; must outlive the reader */
  struct pl_gpiod_request *request;
  const int *handles; /* of the bus, by the request's indices */
  char chip[PL_GPIOD_TEXT];
};
struct pl_gpiochip_reader;

enum pl_status pl_gpiochip_reader_start(struct pl_bus *bus, const char *sys, const struct pl_gpiochip_source *sources, size_t count,
                                        struct pl_gpiochip_reader **reader, struct pl_err *err);
/* What the kernel has kept so far is counted when it returns. NULL is fine. */
void pl_gpiochip_reader_catch_up(struct pl_gpiochip_reader *reader);
void pl_gpiochip_reader_stop(struct pl_gpiochip_reader *reader); /* NULL is fine */

#endif
