/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_TAP_H
#define PL_BUS_TAP_H

#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"

/*
 * Someone who listens on a bus (a capture). The layers call it right after each transfer, exchange, access and edge, on the worker; an adapter's own
 * thread may tell an edge at any time. Times are bus times. why: the failure's sentence, "" when there is none. A tap neither changes nor delays anything.
 */
struct pl_bus_tap_ops {
  /* Transactions that the adapter was handed in one call, from `from` to `until`. */
  void (*i2c)(void *ctx, const struct pl_i2c_transfer *list, size_t count, pl_time_ns from, pl_time_ns until, const char *why);
  void (*recovery)(void *ctx, pl_time_ns until, enum pl_status status, const char *why);
  /* One exchange; without an answer status says why. */
  void (*modbus)(void *ctx, uint8_t unit, const uint8_t *request, size_t request_len, const uint8_t *answer, size_t answer_len, pl_time_ns from,
                 pl_time_ns until, enum pl_status status, const char *why);
  void (*line)(void *ctx, int handle, const struct pl_gpio_line *line); /* was requested; loop's thread */
  void (*gpio)(void *ctx, bool set, const int *handles, size_t count, const bool *values, pl_time_ns from, pl_time_ns until, enum pl_status status,
               const char *why);
  void (*edges)(void *ctx, int handle, const struct pl_gpio_edges *more); /* since the last time; before anyone is told */
};

struct pl_bus_tap {
  const struct pl_bus_tap_ops *ops; /* NULL: nobody listens */
  void *ctx;
};

static inline const char *pl_tap_why(enum pl_status status, const struct pl_err *err)
{
  return !status ? "" : err && err->text[0] ? err->text : pl_status_text(status);
}

static inline void pl_tap_i2c(const struct pl_bus *bus, const struct pl_i2c_transfer *list, size_t count, pl_time_ns from, enum pl_status status,
                              const struct pl_err *err)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->i2c(tap->ctx, list, count, from, pl_bus_now(bus), pl_tap_why(status, err));
}

static inline void pl_tap_recovery(const struct pl_bus *bus, enum pl_status status, const struct pl_err *err)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->recovery(tap->ctx, pl_bus_now(bus), status, pl_tap_why(status, err));
}

static inline void pl_tap_modbus(const struct pl_bus *bus, uint8_t unit, const uint8_t *request, size_t request_len, const uint8_t *answer, size_t answer_len,
                                 pl_time_ns from, enum pl_status status, const struct pl_err *err)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->modbus(tap->ctx, unit, request, request_len, answer, status ? 0 : answer_len, from, pl_bus_now(bus), status, pl_tap_why(status, err));
}

static inline void pl_tap_line(const struct pl_bus *bus, int handle, const struct pl_gpio_line *line)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->line(tap->ctx, handle, line);
}

static inline void pl_tap_gpio(const struct pl_bus *bus, bool set, const int *handles, size_t count, const bool *values, pl_time_ns from,
                               enum pl_status status, const struct pl_err *err)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->gpio(tap->ctx, set, handles, count, values, from, pl_bus_now(bus), status, pl_tap_why(status, err));
}

static inline void pl_tap_edges(const struct pl_bus *bus, int handle, const struct pl_gpio_edges *more)
{
  const struct pl_bus_tap *tap = pl_bus_tap(bus);
  if (tap->ops)
    tap->ops->edges(tap->ctx, handle, more);
}

#endif
