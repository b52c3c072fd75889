/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/lines/lines.h"

/* line: what is asked for; where it is, the rig says. */
static enum pl_status request(const struct pl_device_args *args, const char *param, struct pl_gpio_line line, int *handle, struct pl_err *err)
{
  const struct pl_value *value = pl_value(args->values, param);
  if (!value->given) {
    return pl_fail(err, PL_E_UNSUPPORTED, "%s has no %s line; name it in the rig file (%s: LINE)", args->name, param, param);
  }
  bool named = value->number < 0;
  line.name = named ? value->text : NULL;
  line.offset = named ? -1 : (int)value->number;
  line.consumer = args->name;
  line.active_low = value->active_low;
  line.as_is = line.output && args->observe;
  enum pl_status status = pl_gpio_request(args->bus, &line, handle, err);
  if (status != PL_OK) {
    pl_err_prefix(err, "%s line", param);
  }
  return status;
}

enum pl_status pl_device_line_request(const struct pl_device_args *args, const char *param, bool output, bool edges, int *handle, struct pl_err *err)
{
  return request(args, param, (struct pl_gpio_line){.output = output, .edges = edges}, handle, err);
}

enum pl_status pl_device_line_sample(const struct pl_device_args *args, const char *param, int *handle, struct pl_err *err)
{
  return request(args, param, (struct pl_gpio_line){.edges = true, .sampled = true}, handle, err);
}

void pl_device_line_reading(struct pl_bus *bus, bool on, struct pl_reading *reading)
{
  *reading = (struct pl_reading){.value_u = on ? PL_U : 0, .dim = PL_DIM_FLAG, .status = PL_OK, .at = pl_bus_now(bus)};
}

enum pl_status pl_device_line_get(struct pl_bus *bus, int handle, struct pl_reading *reading, struct pl_err *err)
{
  bool on = false;
  enum pl_status status = pl_gpio_get(bus, &handle, 1, &on, err);
  if (status == PL_OK) {
    pl_device_line_reading(bus, on, reading);
  }
  return status;
}

enum pl_status pl_output_open(struct pl_output *output, const struct pl_device_args *args, const char *param, struct pl_err *err)
{
  return pl_output_open_at(output, args, param, false, err);
}

enum pl_status pl_output_open_at(struct pl_output *output, const struct pl_device_args *args, const char *param, bool on, struct pl_err *err)
{
  int handle = -1;
  enum pl_status status = request(args, param, (struct pl_gpio_line){.output = true, .initial = on}, &handle, err);
  if (status != PL_OK) {
    return status;
  }
  *output = (struct pl_output){.bus = args->bus, .handle = handle, .on = on, .known = !args->observe, .edges = {.last_rising = PL_NEVER, .last_falling = PL_NEVER}};
  if (pthread_mutex_init(&output->lock, NULL) != 0) {
    output->bus = NULL;
    return pl_fail(err, PL_E_NOMEM, "%s: no mutex for the %s line", args->name, param);
  }
  return PL_OK;
}

void pl_output_close(struct pl_output *output)
{
  if (output->bus != NULL) {
    pthread_mutex_destroy(&output->lock);
    output->bus = NULL;
  }
}

enum pl_status pl_output_set(struct pl_output *output, bool on, struct pl_err *err)
{
  pl_time_ns at = pl_bus_now(output->bus);
  enum pl_status status = output->known ? PL_OK : pl_gpio_get(output->bus, &output->handle, 1, &output->on, err);
  if (status != PL_OK) {
    return status;
  }
  output->known = true;
  status = pl_gpio_set(output->bus, &output->handle, 1, &on, err);
  if (status != PL_OK) {
    return status;
  }
  pthread_mutex_lock(&output->lock);
  if (on && !output->on) {
    output->edges.rising++;
    output->edges.last_rising = at;
  } else if (!on && output->on) {
    output->edges.falling++;
    output->edges.last_falling = at;
  }
  output->on = on;
  pthread_mutex_unlock(&output->lock);
  return PL_OK;
}

void pl_output_edges(struct pl_output *output, struct pl_gpio_edges *edges)
{
  pthread_mutex_lock(&output->lock);
  *edges = output->edges;
  pthread_mutex_unlock(&output->lock);
}
