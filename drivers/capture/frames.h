/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_FRAMES_H
#define PL_CAPTURE_FRAMES_H

#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"
#include "drivers/bus/modbus.h"

/*
 * What the packets of a capture hold, one link type a kind of bus, each one that Wireshark (4.0 and later) dissects without any preference:
 *  - I2C: LINKTYPE_I2C_LINUX, a packet a message. One byte bus number (its highest bit: an event of the controller), four bytes flags of <linux/i2c.h>,
 *    highest first, then the bytes on the wire from the address byte on, its lowest bit the direction (tcpdump.org/linktypes.html; Wireshark's
 *    packet-i2c.c for the events). I2C_M_STOP stands at the last message of a transaction.
 *  - Modbus TCP: LINKTYPE_IPV4, requests and answers with their MBAP header between made-up hosts 192.0.2.1 and 192.0.2.N (RFC 5737).
 *  - Modbus RTU: LINKTYPE_WIRESHARK_UPPER_PDU that names the dissector "mbrtu", then the frame with its CRC. A port of 502 says which end answers.
 *  - GPIO: the same link type, dissector "data-text-lines": text of our own, see pl_gpio_event.
 * A time-out or an unreadable answer is an empty packet of the other end with the cause in its comment.
 */
#define PL_LINK_IPV4 228
#define PL_LINK_I2C_LINUX 209
#define PL_LINK_UPPER_PDU 252

/* --- comments of failures: "E_NACK: sentence" --- */
int pl_frame_failure(char *out, size_t room, enum pl_status status, const char *why);
enum pl_status pl_frame_status(const char *comment, size_t len, const char **why); /* PL_OK: it is no failure's; why: where the sentence begins */

/* --- I2C --- */
#define PL_FRAME_I2C_HEAD 6
struct pl_i2c_seen {
  bool event, recovered; /* event: a bus recovery, and whether it helped */
  bool last;             /* of its transaction */
  uint8_t address, flags; /* of pl_i2c_flag */
  const uint8_t *data;
  size_t len;
};
/* Without data: what was not read. The return value of each put is its length; 0: it does not fit. */
size_t pl_frame_put_i2c(uint8_t *out, size_t room, unsigned bus, const struct pl_i2c_msg *msg, bool last, bool without_data);
size_t pl_frame_put_recovery(uint8_t *out, size_t room, unsigned bus, bool recovered);
bool pl_frame_get_i2c(const uint8_t *frame, size_t len, struct pl_i2c_seen *seen);

/* --- Modbus --- */
struct pl_modbus_link { /* one end of a bus; zero-initialise, set the first two */
  bool serial;          /* RTU */
  uint8_t host;         /* the other end's number, 2 to 254 */
  uint16_t transaction;
  uint32_t sent, received; /* bytes, for the sequence numbers of TCP */
};
/* pdu_len 0: nothing came. */
size_t pl_frame_put_modbus(uint8_t *out, size_t room, struct pl_modbus_link *link, bool answer, uint8_t unit, const uint8_t *pdu, size_t pdu_len);
bool pl_frame_get_modbus(uint16_t link, const uint8_t *frame, size_t len, uint8_t *unit, const uint8_t **pdu, size_t *pdu_len);

/* --- GPIO --- */
/*
 * Lines of text. The first is the event, then comes one "NAME=VALUE" a line of the bus, VALUE 1 active, 0 inactive, ? not known:
 *   open output initial    a line was requested; also: input, active-low, edges
 *   get took=NS            read, and how long that took before the packet's time
 *   set took=NS
 *   edge count=N told=NS   N edges to VALUE, the last at the packet's time; told: after how long the program was told
 *   lost count=N told=NS   N edges were lost
 */
enum pl_gpio_event { PL_GPIO_OPEN, PL_GPIO_GET, PL_GPIO_SET, PL_GPIO_EDGE, PL_GPIO_LOST, PL_GPIO_EVENT_COUNT };
struct pl_gpio_head {
  enum pl_gpio_event event;
  uint64_t count;
  int64_t ns; /* took or told */
};
struct pl_gpio_row {
  const char *name;
  size_t name_len;
  char value; /* '0', '1', '?' */
};
struct pl_gpio_text { /* what is left to read */
  const char *at, *end;
};
void pl_frame_line_name(const struct pl_gpio_line *line, char *out, size_t room); /* NAME of a line: its name, or "line OFFSET" */
size_t pl_frame_put_gpio(uint8_t *out, size_t room, const struct pl_gpio_head *head, const char *words); /* words: of open */
size_t pl_frame_add_row(uint8_t *out, size_t used, size_t room, const char *name, char value);          /* the new length; 0 stays 0 */
bool pl_frame_get_gpio(const uint8_t *frame, size_t len, struct pl_gpio_head *head, struct pl_gpio_text *rows);
bool pl_frame_next_row(struct pl_gpio_text *rows, struct pl_gpio_row *row);

#endif
