/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_GPIO_H
#define PL_BUS_GPIO_H

#include "drivers/base/param.h"
#include "drivers/bus/bus.h"

/* GPIO lines in the terms of libgpiod: a line is requested once with its settings, then read and set by its handle. Values are
 * logical: active-low is applied by the adapter. */
enum pl_gpio_bias { PL_GPIO_BIAS_AS_IS, PL_GPIO_BIAS_DISABLED, PL_GPIO_BIAS_PULL_UP, PL_GPIO_BIAS_PULL_DOWN };
enum pl_gpio_drive { PL_GPIO_PUSH_PULL, PL_GPIO_OPEN_DRAIN, PL_GPIO_OPEN_SOURCE };

struct pl_gpio_line {
  const char *name;  /* line name, or NULL to go by offset */
  int offset;        /* -1 when named */
  const char *consumer; /* who holds it: the device's name */
  bool output, active_low, initial, edges;
  bool sampled; /* with edges: where the adapter has none (no PL_GPIO_CAP_EDGES), changes between two reads will do, stamped when read */
  bool as_is; /* output: keeps its present level (initial has no say) until it is set; get reads that level */
  enum pl_gpio_bias bias;
  enum pl_gpio_drive drive;
  uint32_t debounce_us;
};

/* What a line that watches edges has seen since it was requested. Times are bus times of the adapter's stamp; PL_NEVER: never. */
struct pl_gpio_edges {
  uint64_t rising, falling, lost; /* rising: to active */
  pl_time_ns last_rising, last_falling;
  bool sampled; /* the adapter has no edges for this line: only who reads it sees them */
};

enum pl_gpio_cap {
  PL_GPIO_CAP_BIAS = 1,
  PL_GPIO_CAP_DRIVE = 2,
  PL_GPIO_CAP_EDGES = 4,
  PL_GPIO_CAP_DEBOUNCE = 8,
  PL_GPIO_CAP_NAMES = 16,
  PL_GPIO_CAP_DIRECT = 32, /* get and set are a system call or less, on any thread: nothing on a wire is waited for */
};

struct pl_gpio_ops {
  unsigned (*caps)(void *self);
  /* PL_E_UNSUPPORTED where this line cannot what caps says in general; one with edges that may be sampled is then asked for again without. */
  enum pl_status (*request)(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err);
  enum pl_status (*get)(void *self, const int *handles, size_t count, bool *values, struct pl_err *err);
  enum pl_status (*set)(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err);
};

/* At open, on the loop's thread, before the first job. *handle is small and dense. */
enum pl_status pl_gpio_request(struct pl_bus *bus, const struct pl_gpio_line *line, int *handle, struct pl_err *err);
/* Inside a job. */
enum pl_status pl_gpio_get(struct pl_bus *bus, const int *handles, size_t count, bool *values, struct pl_err *err);
enum pl_status pl_gpio_set(struct pl_bus *bus, const int *handles, size_t count, const bool *values, struct pl_err *err);
/* Any thread. */
void pl_gpio_edges(struct pl_bus *bus, int handle, struct pl_gpio_edges *out);
/* Calls fn(ctx) on the loop's thread soon after an edge of any line of the bus (edges may be merged into one call). */
void pl_gpio_watch(struct pl_bus *bus, void (*fn)(void *ctx), void *ctx);
/* Calls fn(ctx) at each edge of any line of the bus, on the thread that reports it, which may hold locks of the adapter: fn wakes somebody and returns. */
void pl_gpio_hook(struct pl_bus *bus, void (*fn)(void *ctx), void *ctx);
unsigned pl_gpio_caps(const struct pl_bus *bus); /* pl_gpio_cap */
/* For adapters, any thread: `count` edges to `active`, the last of them at `at`. */
void pl_gpio_edge(struct pl_bus *bus, int handle, bool active, uint64_t count, pl_time_ns at);
void pl_gpio_edges_lost(struct pl_bus *bus, int handle, uint64_t count);

/* What the rig says of a line's wiring, in maps by its name (or offset) that the adapter has among its params (those that it has not are passed over):
 * `bias: {TRAY1_LEAK: pull-up}`, `drive: {KILL_N: open-drain}`, `debounce: {DOOR: 5 ms}`. Fills the line. PL_E_USAGE for other words. */
enum pl_status pl_gpio_wiring(const struct pl_values *values, struct pl_gpio_line *line, struct pl_err *err);
/* Where a rig's map of line names to offsets (`lines: {CSU1_PRSNT_N: 0, ...}`) puts a line; the line's own offset when it is not named.
 * PL_E_USAGE with what the map has. */
enum pl_status pl_gpio_map(const struct pl_value *lines, const struct pl_gpio_line *line, unsigned count, unsigned *offset, struct pl_err *err);

#endif
