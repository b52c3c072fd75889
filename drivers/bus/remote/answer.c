/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a connection, taken apart and looked at before anything behind it is asked. */
#include "drivers/bus/remote/server.h"

#include "drivers/bus/modbus.h"

#include <stdlib.h>
#include <string.h>

#define TRANSFERS_MAX 256
#define MESSAGES_MAX 64
#define BYTES_MAX (PL_REMOTE_FRAME_MAX / 2)

static void begin_reply(struct pl_remote_frame *reply, enum pl_status status, const struct pl_err *err)
{
  pl_remote_begin(reply, PL_REMOTE_REPLY);
  pl_remote_put(reply, status, 1);
  pl_remote_put_text(reply, status ? err->text : "");
}

static void put_welcome(const struct pl_remote_client *client, const struct pl_remote_welcome *welcome, struct pl_remote_frame *reply)
{
  pl_remote_put(reply, (uint64_t)pl_clock_now(client->clock), 8);
  pl_remote_put(reply, welcome->speed_hz, 4);
  pl_remote_put(reply, welcome->caps, 4);
  pl_remote_put(reply, welcome->max_write, 2);
  pl_remote_put(reply, welcome->max_read, 2);
  pl_remote_put(reply, welcome->max_batch, 2);
  pl_remote_put(reply, client->id, 4);
}

static bool hello(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  char name[64];
  struct pl_err err = {0};
  struct pl_remote_welcome welcome = {0};
  unsigned version = (unsigned)pl_remote_get(request, 1), what = (unsigned)pl_remote_get(request, 1);
  pl_remote_get_text(request, name, sizeof name);
  client->of = (uint32_t)pl_remote_get(request, 4);
  enum pl_status status = PL_OK;
  if (version != PL_REMOTE_VERSION || what >= PL_REMOTE_WHATS)
    status = pl_fail(&err, PL_E_UNSUPPORTED, "this %s speaks version %d of the protocol, not %u", client->ops->name, PL_REMOTE_VERSION, version);
  else if (!pl_remote_whole(request))
    return false;
  client->what = (enum pl_remote_what)what;
  if (!status && what != PL_REMOTE_CONTROL)
    status = client->ops->greet(client, name, &welcome, &err);
  else if (!status && !client->ops->control)
    status = pl_fail(&err, PL_E_UNSUPPORTED, "this is a %s, which has nothing to act on or to plant in", client->ops->name);
  if (!status && what == PL_REMOTE_EDGES)
    status = client->ops->watch(client, &err);
  client->greeted = !status;
  begin_reply(reply, status, &err);
  put_welcome(client, &welcome, reply);
  return true;
}

/* --- I2C --- */

struct batch {
  struct pl_i2c_transfer transfers[TRANSFERS_MAX];
  struct pl_i2c_msg msgs[TRANSFERS_MAX][MESSAGES_MAX];
  size_t count, used; /* used: bytes of room */
  uint8_t room[BYTES_MAX];
};

static bool read_message(struct batch *batch, struct pl_remote_frame *request, struct pl_i2c_msg *msg)
{
  *msg = (struct pl_i2c_msg){.address = (uint8_t)pl_remote_get(request, 1)};
  msg->flags = (uint8_t)pl_remote_get(request, 1);
  msg->len = (uint16_t)pl_remote_get(request, 2);
  if (msg->len > BYTES_MAX - batch->used || msg->address > 0x7f || msg->flags & ~(PL_I2C_READ | PL_I2C_RECV_LEN | PL_I2C_PEC) ||
      (msg->flags & PL_I2C_RECV_LEN && (!(msg->flags & PL_I2C_READ) || msg->len < 2 + !!(msg->flags & PL_I2C_PEC))) ||
      (msg->flags & PL_I2C_PEC && !(msg->flags & PL_I2C_RECV_LEN)))
    return false;
  msg->buf = batch->room + batch->used;
  batch->used += msg->len;
  if (msg->flags & PL_I2C_READ)
    return true;
  const uint8_t *bytes = pl_remote_get_bytes(request, msg->len);
  if (bytes && msg->len)
    memcpy(msg->buf, bytes, msg->len);
  return bytes != NULL;
}

static bool read_batch(struct batch *batch, struct pl_remote_frame *request)
{
  batch->used = 0;
  batch->count = (size_t)pl_remote_get(request, 2);
  if (!batch->count || batch->count > TRANSFERS_MAX)
    return false;
  for (size_t i = 0; i < batch->count; i++) {
    struct pl_i2c_transfer *t = &batch->transfers[i];
    *t = (struct pl_i2c_transfer){.msgs = batch->msgs[i], .count = (size_t)pl_remote_get(request, 2)};
    if (!t->count || t->count > MESSAGES_MAX)
      return false;
    for (size_t k = 0; k < t->count; k++)
      if (!read_message(batch, request, &t->msgs[k]))
        return false;
  }
  return pl_remote_whole(request);
}

static bool i2c(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  struct batch *batch = client->what == PL_REMOTE_I2C_BUS ? malloc(sizeof *batch) : NULL;
  if (!batch || !read_batch(batch, request)) {
    free(batch);
    return false;
  }
  struct pl_err err = {0};
  enum pl_status status = client->ops->i2c(client, batch->transfers, batch->count, &err);
  begin_reply(reply, status, &err);
  pl_remote_put(reply, batch->count, 2);
  for (size_t i = 0; i < batch->count; i++) {
    const struct pl_i2c_transfer *t = &batch->transfers[i];
    pl_remote_put(reply, t->status, 1);
    pl_remote_put(reply, (uint64_t)t->wire_ns, 8);
    for (size_t k = 0; k < t->count; k++)
      if (t->msgs[k].flags & PL_I2C_READ) {
        size_t len = t->status ? 0 : t->msgs[k].len; /* no answer, no bytes */
        pl_remote_put(reply, len, 2);
        pl_remote_put_bytes(reply, t->msgs[k].buf, len);
      }
  }
  free(batch);
  return true;
}

static bool recover(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  if (client->what != PL_REMOTE_I2C_BUS || !pl_remote_whole(request))
    return false;
  struct pl_err err = {0};
  enum pl_status status = client->ops->recover(client, &err);
  begin_reply(reply, status, &err);
  return true;
}

/* --- Modbus --- */

static bool modbus(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  uint8_t answer[PL_MODBUS_PDU_MAX];
  struct pl_err err = {0};
  size_t len = 0;
  pl_time_ns wire_ns = 0;
  uint8_t unit = (uint8_t)pl_remote_get(request, 1);
  pl_time_ns timeout_ns = (pl_time_ns)pl_remote_get(request, 4) * PL_MS;
  size_t request_len = (size_t)pl_remote_get(request, 2);
  const uint8_t *pdu = pl_remote_get_bytes(request, request_len);
  if (client->what != PL_REMOTE_MODBUS_BUS || !pdu || !request_len || request_len > PL_MODBUS_PDU_MAX || !pl_remote_whole(request))
    return false;
  enum pl_status status = client->ops->modbus(client, unit, timeout_ns, pdu, request_len, answer, sizeof answer, &len, &wire_ns, &err);
  begin_reply(reply, status, &err);
  pl_remote_put(reply, (uint64_t)wire_ns, 8);
  pl_remote_put(reply, status ? 0 : len, 2);
  pl_remote_put_bytes(reply, answer, status ? 0 : len);
  return true;
}

/* --- GPIO --- */

static bool request_line(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  char name[64], consumer[64];
  size_t handle = (size_t)pl_remote_get(request, 2);
  pl_remote_get_text(request, name, sizeof name);
  int offset = (int)(int32_t)(uint32_t)pl_remote_get(request, 4);
  pl_remote_get_text(request, consumer, sizeof consumer);
  unsigned bits = (unsigned)pl_remote_get(request, 1);
  if (client->what != PL_REMOTE_GPIO_BUS || !pl_remote_whole(request) || handle >= PL_REMOTE_LINES_MAX || client->lines[handle])
    return false;
  const struct pl_gpio_line as = {.name = *name ? name : NULL, .offset = offset, .consumer = consumer, .output = bits & 1, .active_low = bits & 2,
                                  .initial = bits & 4, .edges = bits & 8, .as_is = bits & 16};
  struct pl_err err = {0};
  enum pl_status status = client->ops->request(client, &as, handle, &err);
  begin_reply(reply, status, &err);
  return true;
}

static bool read_handles(const struct pl_remote_client *client, struct pl_remote_frame *request, bool set, uint16_t *handles, bool *values, size_t *count)
{
  *count = (size_t)pl_remote_get(request, 2);
  if (client->what != PL_REMOTE_GPIO_BUS || *count > PL_REMOTE_LINES_MAX)
    return false;
  for (size_t i = 0; i < *count; i++) { /* all are looked at before the first is set */
    handles[i] = (uint16_t)pl_remote_get(request, 2);
    values[i] = set && pl_remote_get(request, 1) != 0;
    if (handles[i] >= PL_REMOTE_LINES_MAX || !client->lines[handles[i]] || (set && !client->ops->is_output(client->lines[handles[i]])))
      return false;
  }
  return pl_remote_whole(request);
}

static bool get_or_set(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply, bool set)
{
  uint16_t handles[PL_REMOTE_LINES_MAX];
  bool values[PL_REMOTE_LINES_MAX];
  size_t count;
  struct pl_err err = {0};
  if (!read_handles(client, request, set, handles, values, &count))
    return false;
  enum pl_status status = set ? client->ops->set(client, handles, count, values, &err) : client->ops->get(client, handles, count, values, &err);
  begin_reply(reply, status, &err);
  if (set || status)
    return true;
  pl_remote_put(reply, count, 2);
  for (size_t i = 0; i < count; i++)
    pl_remote_put(reply, values[i], 1);
  return true;
}

/* --- control --- */

struct order { /* what is done on the loop's thread */
  struct pl_remote_errand errand;
  struct pl_remote_client *client;
  enum pl_remote_type type;
  const char *a, *b;
  double value;
  struct pl_err err;
  enum pl_status status;
};

static void run_order(struct pl_remote_errand *errand)
{
  struct order *order = (struct order *)(void *)errand; /* its first member */
  order->status = order->client->ops->control(order->client->ctx, order->type, order->a, order->b, &order->value, &order->err);
  pl_remote_errand_over(errand);
}

static bool control(struct pl_remote_client *client, enum pl_remote_type type, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  char a[256], b[64] = "";
  pl_remote_get_text(request, a, sizeof a);
  if (type == PL_REMOTE_ACT || type == PL_REMOTE_TRUTH)
    pl_remote_get_text(request, b, sizeof b);
  if (client->what != PL_REMOTE_CONTROL || !pl_remote_whole(request))
    return false;
  struct order order = {.errand = {.run = run_order}, .client = client, .type = type, .a = a, .b = b};
  if (!client->server)
    order.status = client->ops->control(client->ctx, type, a, b, &order.value, &order.err);
  else if (!pl_remote_on_loop(client->server, &order.errand))
    order.status = pl_fail(&order.err, PL_E_CANCELLED, "the %s is being shut down", client->ops->name);
  begin_reply(reply, order.status, &order.err);
  if (type == PL_REMOTE_TRUTH) {
    uint64_t bits;
    memcpy(&bits, &order.value, sizeof bits);
    pl_remote_put(reply, bits, 8);
  }
  return true;
}

static bool tell(struct pl_remote_client *client, enum pl_remote_type type, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  if (client->what != PL_REMOTE_CONTROL || !pl_remote_whole(request))
    return false;
  begin_reply(reply, PL_OK, NULL);
  return client->ops->tell(client->ctx, type, reply);
}

static bool release(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  reply->len = 0;
  if (client->ops->release)
    client->ops->release(client);
  return pl_remote_whole(request);
}

bool pl_remote_answer(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply)
{
  enum pl_remote_type type = pl_remote_type(request);
  if (!client->greeted)
    return type == PL_REMOTE_HELLO && hello(client, request, reply);
  switch (type) {
  case PL_REMOTE_I2C: return i2c(client, request, reply);
  case PL_REMOTE_RECOVER: return recover(client, request, reply);
  case PL_REMOTE_MODBUS: return modbus(client, request, reply);
  case PL_REMOTE_RELEASE: return release(client, request, reply);
  case PL_REMOTE_REQUEST: return request_line(client, request, reply);
  case PL_REMOTE_GET: return get_or_set(client, request, reply, false);
  case PL_REMOTE_SET: return get_or_set(client, request, reply, true);
  case PL_REMOTE_TRUTHS:
  case PL_REMOTE_PLANTED: return tell(client, type, request, reply);
  case PL_REMOTE_ACT:
  case PL_REMOTE_PLANT:
  case PL_REMOTE_CLEAR:
  case PL_REMOTE_TRUTH:
  case PL_REMOTE_PLUG:
  case PL_REMOTE_UNPLUG: return control(client, type, request, reply);
  default: return false;
  }
}
