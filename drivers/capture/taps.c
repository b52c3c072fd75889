/* SPDX-License-Identifier: Apache-2.0 */
/* From what a bus tells its tap to packets. */
#include "drivers/bus/tap.h"
#include "drivers/capture/capture_in.h"

#include <stdlib.h>
#include <string.h>

/* --- comments --- */

static void say(struct pl_packet_room *room, const char *text)
{
  size_t len = strlen(text), left = PL_CAPTURE_COMMENT_MAX - room->comment_len;
  if (len > left)
    len = left;
  memcpy(room->comment + room->comment_len, text, len);
  room->comment_len += len;
}

static void say_failure(struct pl_packet_room *room, enum pl_status status, const char *why)
{
  if (status)
    room->comment_len = (size_t)pl_frame_failure(room->comment, PL_CAPTURE_COMMENT_MAX, status, why);
}

/* --- I2C --- */

/* What a transaction weighs among those that shared a time: its own wire time, else its bits. */
static int64_t weight(const struct pl_i2c_transfer *transfer, bool by_time)
{
  int64_t bytes = 0;
  for (size_t i = 0; i < transfer->count; i++)
    bytes += 1 + transfer->msgs[i].len;
  return by_time ? transfer->wire_ns : bytes;
}

static void add_transfer(struct pl_tapped *tapped, struct pl_packet_room *room, const struct pl_i2c_transfer *transfer, pl_time_ns from, pl_time_ns until,
                         const char *why)
{
  int64_t whole = weight(transfer, false), passed = 0;
  for (size_t i = 0; i < transfer->count; i++) {
    const struct pl_i2c_msg *msg = &transfer->msgs[i];
    bool last = i + 1 == transfer->count, read = msg->flags & PL_I2C_READ;
    passed += 1 + msg->len;
    size_t len = pl_frame_put_i2c(room->frame, PL_CAPTURE_FRAME_MAX, tapped->number, msg, last, read && transfer->status);
    if (last)
      say_failure(room, transfer->status, why);
    pl_capture_add(tapped, len, last ? until : from + (until - from) * passed / whole, read ? PL_PCAPNG_IN : PL_PCAPNG_OUT);
  }
}

static void tap_i2c(void *ctx, const struct pl_i2c_transfer *list, size_t count, pl_time_ns from, pl_time_ns until, const char *why)
{
  struct pl_tapped *tapped = ctx;
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  int64_t times = 0, whole = 0, passed = 0;
  for (size_t i = 0; i < count; i++)
    times += list[i].wire_ns;
  for (size_t i = 0; i < count; i++)
    whole += weight(&list[i], times > 0);
  pl_time_ns begun = from;
  for (size_t i = 0; i < count; i++) {
    passed += weight(&list[i], times > 0);
    pl_time_ns ended = i + 1 == count || !whole ? until : from + (pl_time_ns)((__int128)(until - from) * passed / whole);
    add_transfer(tapped, room, &list[i], begun, ended, list[i].status ? why : "");
    if (list[i].status) /* the sentence is the first failure's */
      why = "";
    begun = ended;
  }
  pl_capture_end(tapped->capture);
}

static void tap_recovery(void *ctx, pl_time_ns until, enum pl_status status, const char *why)
{
  struct pl_tapped *tapped = ctx;
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  size_t len = pl_frame_put_recovery(room->frame, PL_CAPTURE_FRAME_MAX, tapped->number, !status);
  if (status)
    say_failure(room, status, why);
  else
    say(room, "bus recovery: nine clocks and a STOP");
  pl_capture_add(tapped, len, until, PL_PCAPNG_OUT);
  pl_capture_end(tapped->capture);
}

/* --- Modbus --- */

static void tap_modbus(void *ctx, uint8_t unit, const uint8_t *request, size_t request_len, const uint8_t *answer, size_t answer_len, pl_time_ns from,
                       pl_time_ns until, enum pl_status status, const char *why)
{
  struct pl_tapped *tapped = ctx;
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  size_t len = pl_frame_put_modbus(room->frame, PL_CAPTURE_FRAME_MAX, &tapped->link, false, unit, request, request_len);
  pl_capture_add(tapped, len, from, PL_PCAPNG_OUT);
  len = pl_frame_put_modbus(room->frame, PL_CAPTURE_FRAME_MAX, &tapped->link, true, unit, answer, answer_len);
  say_failure(room, status, why);
  pl_capture_add(tapped, len, until, PL_PCAPNG_IN);
  pl_capture_end(tapped->capture);
}

/* --- GPIO --- */

static const struct pl_tapped_line *line_of(const struct pl_tapped *tapped, int handle)
{
  static const struct pl_tapped_line UNKNOWN = {.name = "?"};
  return handle >= 0 && (size_t)handle < tapped->n_lines ? &tapped->lines[handle] : &UNKNOWN;
}

static bool remember(struct pl_tapped *tapped, int handle, const struct pl_gpio_line *asked)
{
  size_t count = (size_t)handle + 1;
  if (count > tapped->n_lines) {
    struct pl_tapped_line *lines = realloc(tapped->lines, count * sizeof *lines);
    if (!lines)
      return false;
    memset(lines + tapped->n_lines, 0, (count - tapped->n_lines) * sizeof *lines);
    tapped->lines = lines;
    tapped->n_lines = count;
  }
  tapped->lines[handle].active_low = asked->active_low;
  pl_frame_line_name(asked, tapped->lines[handle].name, sizeof tapped->lines[handle].name);
  return true;
}

static void tap_line(void *ctx, int handle, const struct pl_gpio_line *line)
{
  struct pl_tapped *tapped = ctx;
  char words[64];
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  bool known = handle >= 0 && remember(tapped, handle, line);
  snprintf(words, sizeof words, "%s%s%s%s", line->output ? " output" : " input", line->active_low ? " active-low" : "", line->edges ? " edges" : "",
           line->as_is ? " as-is" : "");
  char value = !line->output || line->as_is ? '?' : line->initial ? '1' : '0';
  const struct pl_tapped_line *named = line_of(tapped, handle);
  size_t len = pl_frame_put_gpio(room->frame, PL_CAPTURE_FRAME_MAX, &(struct pl_gpio_head){.event = PL_GPIO_OPEN}, words);
  len = pl_frame_add_row(room->frame, len, PL_CAPTURE_FRAME_MAX, named->name, value);
  say(room, named->name);
  say(room, value == '?' ? " is taken:" : value == '1' ? " is driven active:" : " is driven inactive:");
  say(room, words);
  if (known)
    pl_capture_add(tapped, len, pl_clock_now(pl_bus_clock(tapped->bus)), line->output ? PL_PCAPNG_OUT : PL_PCAPNG_IN);
  pl_capture_end(tapped->capture);
}

static void tap_gpio(void *ctx, bool set, const int *handles, size_t count, const bool *values, pl_time_ns from, pl_time_ns until, enum pl_status status,
                     const char *why)
{
  struct pl_tapped *tapped = ctx;
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  const struct pl_gpio_head head = {.event = set ? PL_GPIO_SET : PL_GPIO_GET, .ns = until - from};
  size_t len = pl_frame_put_gpio(room->frame, PL_CAPTURE_FRAME_MAX, &head, "");
  for (size_t i = 0; i < count; i++) {
    const struct pl_tapped_line *line = line_of(tapped, handles[i]);
    bool known = set || !status;
    len = pl_frame_add_row(room->frame, len, PL_CAPTURE_FRAME_MAX, line->name, !known ? '?' : values[i] ? '1' : '0');
    say(room, i ? ", " : "");
    say(room, line->name);
    say(room, set ? " is set " : " reads ");
    say(room, known && values[i] != line->active_low ? "high" : "low"); /* as on the wire; the text has it logically */
  }
  say_failure(room, status, why);
  pl_capture_add(tapped, len, until, set ? PL_PCAPNG_OUT : PL_PCAPNG_IN);
  pl_capture_end(tapped->capture);
}

static void add_edge(struct pl_tapped *tapped, struct pl_packet_room *room, int handle, bool active, uint64_t count, pl_time_ns at, pl_time_ns now)
{
  const struct pl_tapped_line *line = line_of(tapped, handle);
  const struct pl_gpio_head head = {.event = PL_GPIO_EDGE, .count = count, .ns = now - at};
  size_t len = pl_frame_put_gpio(room->frame, PL_CAPTURE_FRAME_MAX, &head, "");
  len = pl_frame_add_row(room->frame, len, PL_CAPTURE_FRAME_MAX, line->name, active ? '1' : '0');
  say(room, line->name);
  say(room, active != line->active_low ? " rises" : " falls");
  if (line->active_low)
    say(room, active ? " (active)" : " (inactive)");
  if (count > 1) {
    char times[64];
    snprintf(times, sizeof times, ", %llu times since it was last told", (unsigned long long)count);
    say(room, times);
  }
  pl_capture_add(tapped, len, at, PL_PCAPNG_IN);
}

static void tap_edges(void *ctx, int handle, const struct pl_gpio_edges *more)
{
  struct pl_tapped *tapped = ctx;
  pl_time_ns now = pl_clock_now(pl_bus_clock(tapped->bus));
  struct pl_packet_room *room = pl_capture_begin(tapped->capture);
  if (more->rising)
    add_edge(tapped, room, handle, true, more->rising, more->last_rising, now);
  if (more->falling)
    add_edge(tapped, room, handle, false, more->falling, more->last_falling, now);
  if (more->lost) {
    const struct pl_gpio_head head = {.event = PL_GPIO_LOST, .count = more->lost};
    const struct pl_tapped_line *line = line_of(tapped, handle);
    size_t len = pl_frame_put_gpio(room->frame, PL_CAPTURE_FRAME_MAX, &head, "");
    len = pl_frame_add_row(room->frame, len, PL_CAPTURE_FRAME_MAX, line->name, '?');
    say(room, line->name);
    say(room, ": edges were lost");
    pl_capture_add(tapped, len, now, PL_PCAPNG_IN);
  }
  pl_capture_end(tapped->capture);
}

const struct pl_bus_tap_ops pl_capture_tap_ops = {.i2c = tap_i2c,
                                                  .recovery = tap_recovery,
                                                  .modbus = tap_modbus,
                                                  .line = tap_line,
                                                  .gpio = tap_gpio,
                                                  .edges = tap_edges};
