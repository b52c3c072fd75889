/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter "remote" of a Modbus bus: requests go to a broker in a process of its own, as PDUs. How the line speaks is for the broker's rig to say. */
#include "drivers/bus/modbus.h"
#include "drivers/bus/remote/end.h"

#include <string.h>

static enum pl_status take_answer(struct pl_remote_end *end, uint8_t *answer, size_t room, size_t *len, pl_time_ns *wire_ns, struct pl_err *err)
{
  enum pl_status status = pl_remote_status(&end->frame, err);
  *wire_ns = (pl_time_ns)pl_remote_get(&end->frame, 8);
  *len = (size_t)pl_remote_get(&end->frame, 2);
  const uint8_t *bytes = pl_remote_get_bytes(&end->frame, *len);
  if (!bytes || *len > room || !pl_remote_whole(&end->frame)) {
    *len = 0;
    return pl_remote_end_malformed(end, err);
  }
  memcpy(answer, bytes, *len);
  return status;
}

static enum pl_status exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room, size_t *answer_len,
                               pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct pl_remote_end *end = self;
  pl_time_ns left = deadline - pl_clock_now(pl_bus_clock(end->bus));
  pl_remote_begin(&end->frame, PL_REMOTE_MODBUS);
  pl_remote_put(&end->frame, unit, 1);
  pl_remote_put(&end->frame, left > 0 ? (uint64_t)((left + PL_MS - 1) / PL_MS) : 0, 4);
  pl_remote_put(&end->frame, request_len, 2);
  pl_remote_put_bytes(&end->frame, request, request_len);
  end->holds = true;
  enum pl_status status = pl_remote_end_ask(end, left + PL_REMOTE_SLACK_NS, err);
  return status ? status : take_answer(end, answer, answer_room, answer_len, wire_ns, err);
}

static enum pl_status attach(void *self, struct pl_err *err)
{
  return pl_remote_end_attach(self, PL_REMOTE_MODBUS_BUS, 1, NULL, err);
}

static void remote_close(void *self)
{
  pl_remote_end_free(self);
}

static const struct pl_modbus_ops OPS = {.exchange = exchange};

static enum pl_status remote_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct pl_remote_end *end = pl_remote_end_new(bus, args, sizeof *end, err);
  enum pl_status status = end ? attach(end, err) : PL_E_NOMEM;
  if (status) {
    if (end)
      pl_remote_end_free(end);
    return status;
  }
  pl_bus_attach(bus, &OPS, end, remote_close, false);
  pl_bus_set_reopen(bus, attach);
  pl_bus_set_job_over(bus, pl_remote_end_job_over);
  return PL_OK;
}

extern const struct pl_adapter_desc pl_adapter_remote_modbus;
const struct pl_adapter_desc pl_adapter_remote_modbus = PL_REMOTE_BROKER(PL_BUS_MODBUS, remote_open);
