/* SPDX-License-Identifier: Apache-2.0 */
/* The adapters of a replay: what is asked is held against what was recorded. */
#include "drivers/capture/replay_in.h"

#include <stdlib.h>
#include <string.h>

/* --- in words, for a divergence --- */

struct text {
  char *at;
  size_t used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text->at + text->used, PL_REPLAY_TEXT - text->used, format, args);
  va_end(args);
  text->used += n < 0 ? 0 : (size_t)n;
  if (text->used >= PL_REPLAY_TEXT)
    text->used = PL_REPLAY_TEXT - 1;
}

static void add_bytes(struct text *text, const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len && i < 40; i++)
    add(text, "%s%02x", i ? " " : "", bytes[i]);
  if (len > 40)
    add(text, " and %zu more", len - 40);
}

static void describe_i2c(struct text *text, uint8_t address, uint8_t flags, const uint8_t *data, size_t len)
{
  if (flags & PL_I2C_RECV_LEN)
    add(text, "a counted read from 0x%02x", address);
  else if (flags & PL_I2C_READ)
    add(text, "a read of %zu bytes from 0x%02x", len, address);
  else
    add(text, "a write to 0x%02x: ", address), add_bytes(text, data, len);
}

static void describe_modbus(struct text *text, uint8_t unit, const uint8_t *pdu, size_t len)
{
  add(text, "a request to unit %u: ", unit);
  add_bytes(text, pdu, len);
}

static void describe_seen(struct text *text, const struct pl_pcapng_packet *packet)
{
  struct pl_i2c_seen seen;
  if (!pl_frame_get_i2c(packet->data, packet->len, &seen))
    add(text, "a packet that cannot be read");
  else if (seen.event)
    add(text, "a bus recovery");
  else
    describe_i2c(text, seen.address, seen.flags, seen.data, seen.len);
}

static void describe_lines(struct text *text, const struct pl_pcapng_packet *packet)
{
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  struct pl_gpio_row row;
  if (!pl_frame_get_gpio(packet->data, packet->len, &head, &rows)) {
    add(text, "a packet that cannot be read");
    return;
  }
  add(text, "%s", head.event == PL_GPIO_SET ? "a set of" : "a read of");
  while (pl_frame_next_row(&rows, &row))
    add(text, head.event == PL_GPIO_SET ? " %.*s=%c" : " %.*s", (int)row.name_len, row.name, row.value);
}

void pl_replay_describe(const struct pl_replay_port *port, size_t at, char *out)
{
  struct text text = {out, 0};
  const struct pl_pcapng_packet *packet = pl_replay_packet(port->replay, at);
  uint8_t unit;
  const uint8_t *pdu;
  size_t len;
  out[0] = '\0';
  if (pl_bus_kind(port->bus) == PL_BUS_I2C)
    describe_seen(&text, packet);
  else if (pl_bus_kind(port->bus) == PL_BUS_GPIO)
    describe_lines(&text, packet);
  else if (pl_frame_get_modbus(port->interface->link, packet->data, packet->len, &unit, &pdu, &len))
    describe_modbus(&text, unit, pdu, len);
  else
    add(&text, "a packet that cannot be read");
}

static enum pl_status diverge(struct pl_replay_port *port, size_t at, const char *asked, struct pl_err *err)
{
  pl_replay_text recorded = "";
  if (at != PL_REPLAY_NONE)
    pl_replay_describe(port, at, recorded);
  return pl_replay_diverge(port, at, recorded, asked, err);
}

/* --- I2C --- */

static const struct pl_i2c_caps *replay_caps(void *self)
{
  return &((struct pl_replay_port *)self)->i2c_caps;
}

static bool same_msg(const struct pl_i2c_msg *msg, bool last, const struct pl_i2c_seen *seen, bool failed)
{
  if (seen->event || seen->address != msg->address || seen->flags != (msg->flags & (PL_I2C_READ | PL_I2C_RECV_LEN | PL_I2C_PEC)) || seen->last != last)
    return false;
  if (!(msg->flags & PL_I2C_READ))
    return seen->len == msg->len && !memcmp(seen->data, msg->buf, msg->len);
  return failed || (msg->flags & PL_I2C_RECV_LEN ? seen->len <= msg->len : seen->len == msg->len);
}

static enum pl_status diverge_msg(struct pl_replay_port *port, size_t at, const struct pl_i2c_msg *msg, bool last, struct pl_err *err)
{
  pl_replay_text asked = "";
  struct text text = {asked, 0};
  struct pl_i2c_seen seen;
  describe_i2c(&text, msg->address, msg->flags, msg->buf, msg->len);
  if (at != PL_REPLAY_NONE && pl_frame_get_i2c(pl_replay_packet(port->replay, at)->data, pl_replay_packet(port->replay, at)->len, &seen) && !seen.event &&
      seen.last != last)
    add(&text, " %s", last ? "and a STOP" : "and a repeated START");
  return diverge(port, at, asked, err);
}

/* Finds the packets of the transaction: *last, and the status that it tells. */
static enum pl_status find_transfer(struct pl_replay_port *port, const struct pl_i2c_transfer *transfer, size_t *first, size_t *last, struct pl_err *err)
{
  size_t at = port->next;
  *first = *last = PL_REPLAY_NONE;
  for (size_t i = 0; i < transfer->count; i++, at = *last + 1) {
    const struct pl_i2c_msg *msg = &transfer->msgs[i];
    bool ends = i + 1 == transfer->count;
    struct pl_i2c_seen seen;
    *last = pl_replay_request(port, at);
    if (*last == PL_REPLAY_NONE)
      return diverge_msg(port, *last, msg, ends, err);
    const struct pl_pcapng_packet *packet = pl_replay_packet(port->replay, *last);
    if (!pl_frame_get_i2c(packet->data, packet->len, &seen) || !same_msg(msg, ends, &seen, seen.len == 0))
      return diverge_msg(port, *last, msg, ends, err);
    if (!i)
      *first = *last;
  }
  return PL_OK;
}

static void take_data(const struct pl_replay_port *port, struct pl_i2c_transfer *transfer, size_t first)
{
  size_t at = first;
  for (size_t i = 0; i < transfer->count; i++, at = pl_replay_request(port, at + 1)) {
    const struct pl_pcapng_packet *packet = pl_replay_packet(port->replay, at);
    struct pl_i2c_msg *msg = &transfer->msgs[i];
    struct pl_i2c_seen seen;
    if (!(msg->flags & PL_I2C_READ) || !pl_frame_get_i2c(packet->data, packet->len, &seen))
      continue;
    memcpy(msg->buf, seen.data, seen.len);
    if (msg->flags & PL_I2C_RECV_LEN)
      msg->len = (uint16_t)seen.len;
  }
}

static bool has_empty_read(const struct pl_replay_port *port, const struct pl_i2c_transfer *transfer, size_t first)
{
  size_t at = first;
  for (size_t i = 0; i < transfer->count; i++, at = pl_replay_request(port, at + 1))
    if (transfer->msgs[i].flags & PL_I2C_READ && pl_replay_packet(port->replay, at)->len == PL_FRAME_I2C_HEAD)
      return true;
  return false;
}

static enum pl_status replay_one(struct pl_replay_port *port, struct pl_i2c_transfer *transfer, pl_time_ns now, struct pl_err *err)
{
  size_t first, last;
  enum pl_status status = pl_replay_alive(port, err);
  if (!status)
    status = find_transfer(port, transfer, &first, &last, err);
  if (status)
    return status;
  status = pl_replay_status(pl_replay_packet(port->replay, last), err);
  if (!status && has_empty_read(port, transfer, first))
    return pl_fail(err, PL_E_IO, "packet %zu of the capture is a read without data and without a cause", last + 1);
  transfer->wire_ns = pl_replay_meet(port, first, last, now, pl_i2c_wire_ns(transfer, port->i2c_caps.speed_hz), status != PL_OK);
  if (!status)
    take_data(port, transfer, first);
  return status;
}

static enum pl_status replay_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline;
  struct pl_replay_port *port = self;
  enum pl_status first = PL_OK;
  struct pl_err ignored = {0};
  pl_time_ns now = pl_bus_now(port->bus);
  for (size_t i = 0; i < count; i++) {
    list[i].status = replay_one(port, &list[i], now, first ? &ignored : err);
    now += list[i].wire_ns;
    if (!first)
      first = list[i].status;
  }
  return first;
}

static enum pl_status replay_recover(void *self, struct pl_err *err)
{
  struct pl_replay_port *port = self;
  struct pl_i2c_seen seen;
  enum pl_status status = pl_replay_alive(port, err);
  if (status)
    return status;
  size_t at = pl_replay_request(port, port->next);
  const struct pl_pcapng_packet *packet = at == PL_REPLAY_NONE ? NULL : pl_replay_packet(port->replay, at);
  if (!packet || !pl_frame_get_i2c(packet->data, packet->len, &seen) || !seen.event)
    return diverge(port, at, "a bus recovery", err);
  status = pl_replay_status(packet, err);
  pl_bus_charge(port->bus, pl_replay_meet(port, at, at, pl_bus_now(port->bus), 0, status != PL_OK));
  return status;
}

const struct pl_i2c_ops pl_replay_i2c_ops = {.caps = replay_caps, .transfer = replay_transfer, .recover = replay_recover};

/* --- Modbus --- */

static enum pl_status diverge_pdu(struct pl_replay_port *port, size_t at, uint8_t unit, const uint8_t *pdu, size_t len, struct pl_err *err)
{
  pl_replay_text asked = "";
  struct text text = {asked, 0};
  describe_modbus(&text, unit, pdu, len);
  return diverge(port, at, asked, err);
}

static bool get_pdu(const struct pl_replay_port *port, size_t at, uint8_t *unit, const uint8_t **pdu, size_t *len)
{
  const struct pl_pcapng_packet *packet = at == PL_REPLAY_NONE ? NULL : pl_replay_packet(port->replay, at);
  return packet && pl_frame_get_modbus(port->interface->link, packet->data, packet->len, unit, pdu, len);
}

static enum pl_status replay_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                      size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  (void)deadline;
  struct pl_replay_port *port = self;
  enum pl_status status = pl_replay_alive(port, err);
  if (status)
    return status;
  uint8_t seen_unit;
  const uint8_t *pdu;
  size_t len, at = pl_replay_request(port, port->next);
  if (!get_pdu(port, at, &seen_unit, &pdu, &len) || seen_unit != unit || len != request_len || memcmp(pdu, request, len))
    return diverge_pdu(port, at, unit, request, request_len, err);
  size_t last = pl_replay_answer(port, at);
  if (!get_pdu(port, last, &seen_unit, &pdu, &len))
    return diverge_pdu(port, PL_REPLAY_NONE, unit, request, request_len, err);
  status = pl_replay_status(pl_replay_packet(port->replay, last), err);
  *wire_ns = pl_replay_meet(port, at, last, pl_bus_now(port->bus), pl_replay_packet(port->replay, last)->time_ns - pl_replay_packet(port->replay, at)->time_ns,
                            status != PL_OK);
  if (!status && (!len || len > answer_room))
    return pl_fail(err, PL_E_IO, "packet %zu of the capture is an answer of %zu bytes without a cause; there is room for %zu", last + 1, len, answer_room);
  if (status)
    return status;
  memcpy(answer, pdu, len);
  *answer_len = len;
  return PL_OK;
}

const struct pl_modbus_ops pl_replay_modbus_ops = {.exchange = replay_exchange};

/* --- GPIO --- */

static unsigned replay_gpio_caps(void *self)
{
  return ((struct pl_replay_port *)self)->gpio_caps;
}

static enum pl_status replay_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct pl_replay_port *port = self;
  size_t count = (size_t)handle + 1;
  if (count > port->n_lines) {
    struct pl_replay_line *lines = realloc(port->lines, count * sizeof *lines);
    if (!lines)
      return pl_fail(err, PL_E_NOMEM, "out of memory for a line of %s", pl_bus_name(port->bus));
    memset(lines + port->n_lines, 0, (count - port->n_lines) * sizeof *lines);
    port->lines = lines;
    port->n_lines = count;
  }
  pl_frame_line_name(line, port->lines[handle].name, sizeof port->lines[handle].name);
  return PL_OK;
}

static enum pl_status diverge_lines(struct pl_replay_port *port, size_t at, bool set, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  pl_replay_text asked = "";
  struct text text = {asked, 0};
  add(&text, "%s", set ? "a set of" : "a read of");
  for (size_t i = 0; i < count; i++)
    add(&text, set ? " %s=%d" : " %s", port->lines[handles[i]].name, set && values[i]);
  return diverge(port, at, asked, err);
}

/* Holds the rows against what is asked; reading, fills in the values. */
static bool same_lines(const struct pl_replay_port *port, struct pl_gpio_text rows, const int *handles, size_t count, const bool *set, bool *got)
{
  struct pl_gpio_row row;
  for (size_t i = 0; i < count; i++) {
    const char *name = port->lines[handles[i]].name;
    if (!pl_frame_next_row(&rows, &row) || strlen(name) != row.name_len || memcmp(name, row.name, row.name_len))
      return false;
    if (set && row.value != (set[i] ? '1' : '0'))
      return false;
    if (got)
      got[i] = row.value == '1';
  }
  return !pl_frame_next_row(&rows, &row);
}

static enum pl_status access_lines(struct pl_replay_port *port, const int *handles, size_t count, const bool *set, bool *got, struct pl_err *err)
{
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  enum pl_status status = pl_replay_alive(port, err);
  if (status)
    return status;
  size_t at = pl_replay_request(port, port->next);
  const struct pl_pcapng_packet *packet = at == PL_REPLAY_NONE ? NULL : pl_replay_packet(port->replay, at);
  if (!packet || !pl_frame_get_gpio(packet->data, packet->len, &head, &rows) || (head.event == PL_GPIO_SET) != (set != NULL) ||
      !same_lines(port, rows, handles, count, set, got))
    return diverge_lines(port, at, set != NULL, handles, count, set, err);
  status = pl_replay_status(packet, err);
  pl_bus_charge(port->bus, pl_replay_meet(port, at, at, pl_bus_now(port->bus), head.ns, status != PL_OK));
  return status;
}

static enum pl_status replay_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  return access_lines(self, handles, count, NULL, values, err);
}

static enum pl_status replay_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  return access_lines(self, handles, count, values, NULL, err);
}

const struct pl_gpio_ops pl_replay_gpio_ops = {.caps = replay_gpio_caps, .request = replay_request, .get = replay_get, .set = replay_set};
