/* SPDX-License-Identifier: Apache-2.0 */
/* I2C and GPIO packets, and the comments of failures. Modbus is in frames_modbus.c. */
#include "drivers/capture/frames.h"
#include "drivers/capture/upper_pdu.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- failures --- */

int pl_frame_failure(char *out, size_t room, enum pl_status status, const char *why)
{
  int n = snprintf(out, room, "%s: %s", pl_status_name(status), *why ? why : pl_status_text(status));
  return n < 0 ? 0 : (size_t)n < room ? n : (int)room - 1;
}

enum pl_status pl_frame_status(const char *comment, size_t len, const char **why)
{
  for (int i = 1; i < PL_STATUS_COUNT; i++) {
    const char *name = pl_status_name((enum pl_status)i);
    size_t n = strlen(name);
    if (len >= n + 2 && !memcmp(comment, name, n) && comment[n] == ':' && comment[n + 1] == ' ') {
      *why = comment + n + 2;
      return (enum pl_status)i;
    }
  }
  return PL_OK;
}

/* --- I2C --- */

enum { /* <linux/i2c.h>, struct i2c_msg.flags; I2C_CLIENT_PEC of struct i2c_client.flags */
  M_RD = 0x0001,
  CLIENT_PEC = 0x0004,
  M_RECV_LEN = 0x0400,
  M_STOP = 0x8000,
};

enum { /* packet-i2c.c of Wireshark: states of a controller, and why it is detached */
  EVENT_ATTACHED = 1 << 4,
  EVENT_DETACHED = 1 << 5,
  EVENT_DATA_HI = 1 << 17, /* unable to drive SDA high: someone holds it */
};
#define IS_EVENT 0x80

static size_t put_head(uint8_t *out, size_t room, unsigned bus, uint32_t flags)
{
  if (room < PL_FRAME_I2C_HEAD - 1)
    return 0;
  const uint8_t head[] = {(uint8_t)bus, (uint8_t)(flags >> 24), (uint8_t)(flags >> 16), (uint8_t)(flags >> 8), (uint8_t)flags};
  memcpy(out, head, sizeof head);
  return sizeof head;
}

size_t pl_frame_put_i2c(uint8_t *out, size_t room, unsigned bus, const struct pl_i2c_msg *msg, bool last, bool without_data)
{
  size_t len = without_data ? 0 : msg->len;
  if (room < PL_FRAME_I2C_HEAD + len)
    return 0;
  bool read = msg->flags & PL_I2C_READ;
  uint32_t flags = (read ? M_RD : 0u) | (msg->flags & PL_I2C_PEC ? CLIENT_PEC : 0u) | (msg->flags & PL_I2C_RECV_LEN ? M_RECV_LEN : 0u) | (last ? M_STOP : 0u);
  put_head(out, room, bus & ~(unsigned)IS_EVENT, flags);
  out[PL_FRAME_I2C_HEAD - 1] = (uint8_t)(msg->address << 1 | read);
  if (len)
    memcpy(out + PL_FRAME_I2C_HEAD, msg->buf, len);
  return PL_FRAME_I2C_HEAD + len;
}

size_t pl_frame_put_recovery(uint8_t *out, size_t room, unsigned bus, bool recovered)
{
  return put_head(out, room, bus | IS_EVENT, recovered ? EVENT_ATTACHED : EVENT_DETACHED | EVENT_DATA_HI);
}

bool pl_frame_get_i2c(const uint8_t *frame, size_t len, struct pl_i2c_seen *seen)
{
  if (len < PL_FRAME_I2C_HEAD - 1)
    return false;
  uint32_t flags = (uint32_t)frame[1] << 24 | (uint32_t)frame[2] << 16 | (uint32_t)frame[3] << 8 | frame[4];
  *seen = (struct pl_i2c_seen){.event = frame[0] & IS_EVENT};
  if (seen->event) {
    seen->recovered = flags & EVENT_ATTACHED;
    return true;
  }
  if (len < PL_FRAME_I2C_HEAD)
    return false;
  uint8_t address = frame[PL_FRAME_I2C_HEAD - 1];
  seen->last = flags & M_STOP;
  seen->address = address >> 1;
  seen->flags = (uint8_t)((address & 1 ? PL_I2C_READ : 0) | (flags & M_RECV_LEN ? PL_I2C_RECV_LEN : 0) | (flags & CLIENT_PEC ? PL_I2C_PEC : 0));
  seen->data = frame + PL_FRAME_I2C_HEAD;
  seen->len = len - PL_FRAME_I2C_HEAD;
  return true;
}

/* --- GPIO --- */

static const struct {
  const char *word, *ns;
} EVENTS[PL_GPIO_EVENT_COUNT] = {[PL_GPIO_OPEN] = {"open", NULL},
                                 [PL_GPIO_GET] = {"get", " took="},
                                 [PL_GPIO_SET] = {"set", " took="},
                                 [PL_GPIO_EDGE] = {"edge", " told="},
                                 [PL_GPIO_LOST] = {"lost", " told="}};

void pl_frame_line_name(const struct pl_gpio_line *line, char *out, size_t room)
{
  if (line->name)
    snprintf(out, room, "%s", line->name);
  else
    snprintf(out, room, "line %d", line->offset);
  for (char *c = out; *c; c++)
    if ((unsigned char)*c < ' ')
      *c = '?';
}

/* Not printf: on a busy rack these lines are most of what a capture costs. Each returns the new length; 0 stays 0. */
static size_t add_text(uint8_t *out, size_t used, size_t room, const char *text)
{
  size_t len = strlen(text);
  if (!used || room - used < len)
    return 0;
  memcpy(out + used, text, len);
  return used + len;
}

static size_t add_number(uint8_t *out, size_t used, size_t room, int64_t number)
{
  char digits[24], *at = digits + sizeof digits - 1;
  uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
  *at = '\0';
  do
    *--at = (char)('0' + left % 10);
  while (left /= 10);
  if (number < 0)
    *--at = '-';
  return add_text(out, used, room, at);
}

size_t pl_frame_put_gpio(uint8_t *out, size_t room, const struct pl_gpio_head *head, const char *words)
{
  size_t used = pl_upper_pdu_put(out, room, "data-text-lines", "GPIO", NULL);
  if (!used)
    return 0;
  used = add_text(out, used, room, EVENTS[head->event].word);
  if (head->event == PL_GPIO_OPEN) {
    used = add_text(out, used, room, words);
  } else if (head->event == PL_GPIO_EDGE || head->event == PL_GPIO_LOST) {
    used = add_text(out, used, room, " count=");
    used = add_number(out, used, room, (int64_t)head->count);
  }
  if (EVENTS[head->event].ns) {
    used = add_text(out, used, room, EVENTS[head->event].ns);
    used = add_number(out, used, room, head->ns);
  }
  return add_text(out, used, room, "\n");
}

size_t pl_frame_add_row(uint8_t *out, size_t used, size_t room, const char *name, char value)
{
  size_t len = strlen(name);
  if (!used || room - used < len + 3)
    return 0;
  memcpy(out + used, name, len);
  memcpy(out + used + len, (char[]){'=', value, '\n'}, 3);
  return used + len + 3;
}

/* "KEY=NUMBER" somewhere in the line. */
static int64_t number_of(const char *at, const char *end, const char *key)
{
  char text[24] = "";
  size_t len = strlen(key);
  for (; at + len < end; at++)
    if (!memcmp(at, key, len)) {
      size_t n = (size_t)(end - at) - len;
      memcpy(text, at + len, n < sizeof text ? n : sizeof text - 1);
      return strtoll(text, NULL, 10);
    }
  return 0;
}

bool pl_frame_get_gpio(const uint8_t *frame, size_t len, struct pl_gpio_head *head, struct pl_gpio_text *rows)
{
  size_t at = pl_upper_pdu_skip(frame, len, NULL, 0);
  const char *text = (const char *)frame + at, *end = (const char *)frame + len, *line = at ? memchr(text, '\n', len - at) : NULL;
  if (!line)
    return false;
  for (int i = 0; i < PL_GPIO_EVENT_COUNT; i++) {
    size_t n = strlen(EVENTS[i].word);
    if ((size_t)(line - text) < n || memcmp(text, EVENTS[i].word, n) || (text[n] != ' ' && text[n] != '\n'))
      continue;
    *head = (struct pl_gpio_head){.event = (enum pl_gpio_event)i, .count = (uint64_t)number_of(text, line, " count=")};
    if (EVENTS[i].ns)
      head->ns = number_of(text, line, EVENTS[i].ns);
    *rows = (struct pl_gpio_text){line + 1, end};
    return true;
  }
  return false;
}

bool pl_frame_next_row(struct pl_gpio_text *rows, struct pl_gpio_row *row)
{
  const char *line = rows->at < rows->end ? memchr(rows->at, '\n', (size_t)(rows->end - rows->at)) : NULL;
  if (!line || line - rows->at < 2 || line[-2] != '=')
    return false;
  *row = (struct pl_gpio_row){rows->at, (size_t)(line - 2 - rows->at), line[-1]};
  rows->at = line + 1;
  return true;
}
