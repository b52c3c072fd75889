/* SPDX-License-Identifier: Apache-2.0 */
/* The backend "twin-remote": acts, faults and truth of a virtual rack in a process of its own (`plumb twin serve --socket`), whatever adapters speak to it. */
#include "drivers/bus/remote/wire.h"
#include "drivers/rig/backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_NS (10 * PL_S)

struct pl_backend {
  struct pl_clock *clock;
  const char *socket; /* the rig's */
  int fd;             /* -1: to be connected at the next request */
  struct pl_remote_frame frame;
};

static void rack_close(struct pl_backend *rack)
{
  if (!rack)
    return;
  if (rack->fd >= 0)
    close(rack->fd);
  pl_remote_free(&rack->frame);
  free(rack);
}

static enum pl_status attach(struct pl_backend *rack, struct pl_err *err)
{
  return rack->fd >= 0 ? PL_OK : pl_remote_connect(rack->clock, rack->socket, PL_REMOTE_CONTROL, NULL, 0, &rack->fd, NULL, err);
}

static void detach(struct pl_backend *rack)
{
  close(rack->fd);
  rack->fd = -1;
}

static enum pl_status rack_open(const struct pl_rig *rig, struct pl_clock *clock, uint64_t seed, bool all_virtual, struct pl_backend **out, struct pl_err *err)
{
  (void)seed; /* the rack has its own */
  if (all_virtual || !rig->twin_socket)
    return pl_fail(err, PL_E_USAGE, "%s names no `twin-socket` of a virtual rack", rig->path);
  struct pl_backend *rack = calloc(1, sizeof *rack);
  if (!rack)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a virtual rack");
  rack->clock = clock;
  rack->socket = rig->twin_socket;
  rack->fd = -1;
  enum pl_status status = attach(rack, err);
  if (status) {
    rack_close(rack);
    return status;
  }
  *out = rack;
  return PL_OK;
}

/* A connection without its answer is given up: the answer that comes late would be taken for the next one's. What was asked is not asked again, for it may
 * have been done. */
static enum pl_status ask_frame(struct pl_backend *rack, struct pl_err *err)
{
  enum pl_status status = attach(rack, err);
  if (status)
    return status;
  status = pl_remote_send(rack->fd, &rack->frame, err);
  if (!status)
    status = pl_remote_receive(rack->clock, rack->fd, &rack->frame, ANSWER_NS, err);
  if (!status)
    return pl_remote_status(&rack->frame, err);
  if (status != PL_E_USAGE) /* nothing was sent */
    detach(rack);
  return pl_err_prefix(err, "%s", rack->socket);
}

static enum pl_status ask(struct pl_backend *rack, enum pl_remote_type type, const char *a, const char *b, struct pl_err *err)
{
  pl_remote_begin(&rack->frame, type);
  pl_remote_put_text(&rack->frame, a);
  if (b)
    pl_remote_put_text(&rack->frame, b);
  return ask_frame(rack, err);
}

static enum pl_status rack_endpoint(struct pl_backend *rack, const char *bus, const char **endpoint, struct pl_err *err)
{
  (void)rack;
  (void)endpoint;
  return pl_fail(err, PL_E_UNSUPPORTED, "%s: a virtual rack in another process is reached by its port: give host and port instead of the word twin", bus);
}

static enum pl_status rack_act(struct pl_backend *rack, const char *part, const char *verb, struct pl_err *err)
{
  return ask(rack, PL_REMOTE_ACT, part, verb, err);
}

static enum pl_status rack_plant(struct pl_backend *rack, const char *spec, struct pl_err *err)
{
  return ask(rack, PL_REMOTE_PLANT, spec, NULL, err);
}

static enum pl_status rack_clear(struct pl_backend *rack, const char *spec, struct pl_err *err)
{
  return ask(rack, PL_REMOTE_CLEAR, spec ? spec : "", NULL, err);
}

static enum pl_status rack_planted(struct pl_backend *rack, void (*fn)(void *ctx, const struct pl_fault_told *each), void *ctx, struct pl_err *err)
{
  pl_remote_begin(&rack->frame, PL_REMOTE_PLANTED);
  enum pl_status status = ask_frame(rack, err);
  while (!status && !pl_remote_whole(&rack->frame) && !rack->frame.bad) {
    char spec[512];
    pl_remote_get_text(&rack->frame, spec, sizeof spec);
    unsigned state = (unsigned)pl_remote_get(&rack->frame, 1);
    uint64_t acted = pl_remote_get(&rack->frame, 8);
    if (!rack->frame.bad && state <= PL_FAULT_OVER)
      fn(ctx, &(struct pl_fault_told){.spec = spec, .state = (enum pl_fault_state)state, .acted = acted});
  }
  return status;
}

static void rack_list_faults(void (*fn)(void *ctx, const struct pl_fault_about *row), void *ctx)
{
  const struct pl_backend_desc *twin = pl_backend_find("twin"); /* the same catalogue */
  if (twin)
    twin->list_faults(fn, ctx);
}

static enum pl_status rack_truth(struct pl_backend *rack, const char *part, const char *port, double *value, struct pl_err *err)
{
  enum pl_status status = ask(rack, PL_REMOTE_TRUTH, part, port, err);
  uint64_t bits = pl_remote_get(&rack->frame, 8);
  if (!status && !pl_remote_whole(&rack->frame))
    return pl_fail(err, PL_E_GARBAGE, "the virtual rack's answer is malformed");
  if (!status)
    memcpy(value, &bits, sizeof bits);
  return status;
}

static void rack_each_truth(struct pl_backend *rack, void (*fn)(void *ctx, const char *part, const char *port, enum pl_dim dim, double value), void *ctx)
{
  struct pl_err ignored = {0}; /* a rack that is gone has nothing to tell */
  pl_remote_begin(&rack->frame, PL_REMOTE_TRUTHS);
  if (ask_frame(rack, &ignored))
    return;
  while (!pl_remote_whole(&rack->frame) && !rack->frame.bad) {
    char part[64], port[64];
    double value;
    pl_remote_get_text(&rack->frame, part, sizeof part);
    pl_remote_get_text(&rack->frame, port, sizeof port);
    unsigned dim = (unsigned)pl_remote_get(&rack->frame, 1);
    uint64_t bits = pl_remote_get(&rack->frame, 8);
    memcpy(&value, &bits, sizeof value);
    if (!rack->frame.bad && dim < PL_DIM_COUNT)
      fn(ctx, part, port, (enum pl_dim)dim, value);
  }
}

static enum pl_status rack_serve(struct pl_backend *rack, const struct pl_serve_cfg *cfg, void (*ready)(void *ctx, const struct pl_served *at), void *ctx,
                                 volatile int *stop, struct pl_err *err)
{
  (void)rack;
  (void)cfg;
  (void)ready;
  (void)ctx;
  (void)stop;
  return pl_fail(err, PL_E_UNSUPPORTED, "a virtual rack in another process is served by that process");
}

static enum pl_status rack_plug(struct pl_backend *rack, const char *busid, bool in, struct pl_err *err)
{
  return ask(rack, in ? PL_REMOTE_PLUG : PL_REMOTE_UNPLUG, busid, NULL, err);
}

extern const struct pl_backend_desc pl_backend_twin_remote;
const struct pl_backend_desc pl_backend_twin_remote = {
    .name = "twin-remote",
    .open = rack_open,
    .close = rack_close,
    .endpoint = rack_endpoint,
    .act = rack_act,
    .plant = rack_plant,
    .clear = rack_clear,
    .list_faults = rack_list_faults,
    .planted = rack_planted,
    .truth = rack_truth,
    .each_truth = rack_each_truth,
    .serve = rack_serve,
    .plug = rack_plug,
};
