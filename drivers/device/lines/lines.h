/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_LINES_H
#define PL_DEVICE_LINES_H

#include "drivers/device/device.h"

#include <pthread.h>

/* What the GPIO devices share: a line asked for by its param, flag readings, and outputs that know their own edges. */

/* Requests the line that the PL_PARAM_LINE param `param` names. PL_E_UNSUPPORTED when the rig gives none. */
enum pl_status pl_device_line_request(const struct pl_device_args *args, const char *param, bool output, bool edges, int *handle, struct pl_err *err);
/* An input that watches edges; where the adapter has none, changes between two reads will do (pl_gpio_line.sampled): for levels that stay. */
enum pl_status pl_device_line_sample(const struct pl_device_args *args, const char *param, int *handle, struct pl_err *err);

/* Inside a job: reads one line as a flag reading. */
enum pl_status pl_device_line_get(struct pl_bus *bus, int handle, struct pl_reading *reading, struct pl_err *err);
void pl_device_line_reading(struct pl_bus *bus, bool on, struct pl_reading *reading);

/* An output line. Adapters report edges of inputs only, so an output keeps its own: an edge is a set that changed the level, stamped with the
 * bus time at which the set began. A reaction measured from it is thus never shorter than the true one. */
struct pl_output {
  struct pl_bus *bus;
  int handle;
  pthread_mutex_t lock; /* edges are read on any thread */
  bool on, known; /* known: on is the line's level */
  struct pl_gpio_edges edges;
};

/* Requested inactive: opening a rig energises nothing; or as it is (args->observe): then its first set reads the level that edges count from. */
enum pl_status pl_output_open(struct pl_output *output, const struct pl_device_args *args, const char *param, struct pl_err *err);
/* The same, but requested at the level `on`: for a coil that must not let go when a rig is opened. */
enum pl_status pl_output_open_at(struct pl_output *output, const struct pl_device_args *args, const char *param, bool on, struct pl_err *err);
void pl_output_close(struct pl_output *output);
enum pl_status pl_output_set(struct pl_output *output, bool on, struct pl_err *err); /* inside a job */
void pl_output_edges(struct pl_output *output, struct pl_gpio_edges *edges);         /* any thread */

#endif
