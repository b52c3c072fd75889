/* SPDX-License-Identifier: Apache-2.0 */
/* The adapters "twin-remote" and "remote" of an I2C bus: message lists go to a virtual rack, or to a broker, in a process of its own. */
#include "drivers/bus/i2c.h"
#include "drivers/bus/remote/end.h"

#include <string.h>

struct remote {
  struct pl_remote_end end;
  bool brokered;
  struct pl_i2c_caps caps;
};

static const struct pl_i2c_caps *remote_caps(void *self)
{
  return &((struct remote *)self)->caps;
}

static void put_transfers(struct pl_remote_frame *frame, const struct pl_i2c_transfer *list, size_t count)
{
  pl_remote_begin(frame, PL_REMOTE_I2C);
  pl_remote_put(frame, count, 2);
  for (size_t i = 0; i < count; i++) {
    pl_remote_put(frame, list[i].count, 2);
    for (size_t k = 0; k < list[i].count; k++) {
      const struct pl_i2c_msg *msg = &list[i].msgs[k];
      pl_remote_put(frame, msg->address, 1);
      pl_remote_put(frame, msg->flags, 1);
      pl_remote_put(frame, msg->len, 2);
      if (!(msg->flags & PL_I2C_READ))
        pl_remote_put_bytes(frame, msg->buf, msg->len);
    }
  }
}

static bool get_transfer(struct pl_remote_frame *frame, struct pl_i2c_transfer *transfer)
{
  unsigned status = (unsigned)pl_remote_get(frame, 1);
  transfer->wire_ns = (pl_time_ns)pl_remote_get(frame, 8);
  if (status >= PL_STATUS_COUNT)
    return false;
  transfer->status = (enum pl_status)status;
  for (size_t k = 0; k < transfer->count; k++) {
    struct pl_i2c_msg *msg = &transfer->msgs[k];
    if (!(msg->flags & PL_I2C_READ))
      continue;
    size_t len = (size_t)pl_remote_get(frame, 2);
    const uint8_t *bytes = pl_remote_get_bytes(frame, len);
    if (!bytes || len > msg->len)
      return false;
    memcpy(msg->buf, bytes, len);
    msg->len = (uint16_t)len;
  }
  return true;
}

/* One request, one answer; *answered: what is returned is the rack's own word. */
static enum pl_status ask(struct remote *remote, pl_time_ns deadline, bool *answered, struct pl_err *err)
{
  pl_time_ns left = deadline - pl_clock_now(pl_bus_clock(remote->end.bus));
  remote->end.holds = remote->brokered;
  enum pl_status status = pl_remote_end_ask(&remote->end, left + PL_REMOTE_SLACK_NS, err);
  *answered = !status;
  return status ? status : pl_remote_status(&remote->end.frame, err);
}

static enum pl_status fail_all(struct pl_i2c_transfer *list, size_t count, enum pl_status status)
{
  for (size_t i = 0; i < count; i++)
    list[i].status = status;
  return status;
}

/* The rack answers at once, and does not know until when: a clock that was held past the deadline is told here, as adapters of real wires do. */
static enum pl_status judge_stretch(const struct remote *remote, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  pl_time_ns at = pl_bus_now(remote->end.bus);
  enum pl_status first = PL_OK;
  for (size_t i = 0; i < count; i++) {
    pl_time_ns held = list[i].wire_ns - pl_i2c_wire_ns(&list[i], remote->caps.speed_hz);
    at += list[i].wire_ns;
    if (list[i].status || held <= 0 || at <= deadline)
      continue;
    list[i].status = PL_E_TIMEOUT;
    if (!first)
      first = pl_fail(err, PL_E_TIMEOUT, "the device at 0x%02x holds the clock of %s for %lld ms", list[i].msgs[0].address, remote->end.name,
                      (long long)(held / PL_MS));
  }
  return first;
}

static enum pl_status remote_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct remote *remote = self;
  bool answered;
  put_transfers(&remote->end.frame, list, count);
  enum pl_status first = ask(remote, deadline, &answered, err);
  if (!answered)
    return fail_all(list, count, first);
  bool good = pl_remote_get(&remote->end.frame, 2) == count;
  for (size_t i = 0; i < count && good; i++)
    good = get_transfer(&remote->end.frame, &list[i]);
  if (good && pl_remote_whole(&remote->end.frame))
    return first ? first : judge_stretch(remote, list, count, deadline, err);
  return fail_all(list, count, pl_remote_end_malformed(&remote->end, err));
}

static enum pl_status remote_recover(void *self, struct pl_err *err)
{
  struct remote *remote = self;
  bool answered;
  pl_remote_begin(&remote->end.frame, PL_REMOTE_RECOVER);
  return ask(remote, pl_bus_deadline(remote->end.bus), &answered, err);
}

static enum pl_status attach(void *self, struct pl_err *err)
{
  struct remote *remote = self;
  struct pl_remote_welcome welcome;
  enum pl_status status = pl_remote_end_attach(&remote->end, PL_REMOTE_I2C_BUS, remote->brokered, &welcome, err);
  if (!status)
    remote->caps = (struct pl_i2c_caps){.flags = welcome.caps, .max_write = welcome.max_write, .max_read = welcome.max_read, .max_batch = welcome.max_batch,
                                        .speed_hz = welcome.speed_hz};
  return status;
}

static void remote_close(void *self)
{
  pl_remote_end_free(self);
}

static const struct pl_i2c_ops OPS = {.caps = remote_caps, .transfer = remote_transfer, .recover = remote_recover};

static enum pl_status open_as(struct pl_bus *bus, const struct pl_adapter_args *args, bool brokered, struct pl_err *err)
{
  struct remote *remote = pl_remote_end_new(bus, args, sizeof *remote, err);
  if (!remote)
    return PL_E_NOMEM;
  remote->brokered = brokered;
  enum pl_status status = attach(remote, err);
  if (status) {
    remote_close(remote);
    return status;
  }
  pl_bus_attach(bus, &OPS, remote, remote_close, true); /* a rack answers at once and says how long its wire would have taken; a broker has waited */
  pl_bus_set_reopen(bus, attach);
  pl_bus_set_job_over(bus, pl_remote_end_job_over);
  return PL_OK;
}

static enum pl_status open_rack(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return open_as(bus, args, false, err);
}

static enum pl_status open_broker(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  return open_as(bus, args, true, err);
}

extern const struct pl_adapter_desc pl_adapter_twin_remote_i2c;
const struct pl_adapter_desc pl_adapter_twin_remote_i2c = PL_REMOTE_RACK(PL_BUS_I2C, open_rack);

extern const struct pl_adapter_desc pl_adapter_remote_i2c;
const struct pl_adapter_desc pl_adapter_remote_i2c = PL_REMOTE_BROKER(PL_BUS_I2C, open_broker);
