/* SPDX-License-Identifier: Apache-2.0 */
/* Where a replay stands, its time, its edges, its divergence. The adapters are in replay_ports.c. */
#include "drivers/capture/replay_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OVERTIME PL_S /* a failure may have come so long after its deadline */
#define PUT_OFF_MAX 3

struct pl_replay {
  char *path;
  struct pl_pcapng_file file;
  int64_t wall_ns;
  uint64_t seed;
  pl_time_ns shift;   /* clock time now, less clock time when recorded */
  bool *met;          /* one a packet: a request that was made, or no request */
  size_t *by_id;      /* packets in the order of recording */
  size_t first_unmet; /* in by_id */
  struct pl_replay_port *ports;
  bool diverged;
  char divergence[3 * PL_REPLAY_TEXT + 200];
};

/* --- packets --- */

const struct pl_pcapng_packet *pl_replay_packet(const struct pl_replay *replay, size_t at)
{
  return &replay->file.packets[at];
}

static uint64_t id_of(const struct pl_replay *replay, size_t at)
{
  uint64_t id = replay->file.packets[at].id;
  return id ? id : at + 1;
}

static bool gpio_event(const struct pl_pcapng_packet *packet, struct pl_gpio_head *head, struct pl_gpio_text *rows)
{
  return pl_frame_get_gpio(packet->data, packet->len, head, rows);
}

/* In the one link type that two kinds of bus share, GPIO is the text. */
static bool is_request(const struct pl_replay *replay, size_t at)
{
  const struct pl_pcapng_packet *packet = &replay->file.packets[at];
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  uint16_t link = replay->file.interfaces[packet->interface].link;
  if (link == PL_LINK_I2C_LINUX)
    return true;
  if (link == PL_LINK_UPPER_PDU && gpio_event(packet, &head, &rows))
    return head.event == PL_GPIO_GET || head.event == PL_GPIO_SET;
  return packet->direction == PL_PCAPNG_OUT;
}

size_t pl_replay_request(const struct pl_replay_port *port, size_t from)
{
  const struct pl_replay *replay = port->replay;
  for (size_t i = from; port->interface && i < replay->file.n_packets; i++)
    if (replay->file.packets[i].interface == port->index && is_request(replay, i))
      return i;
  return PL_REPLAY_NONE;
}

size_t pl_replay_answer(const struct pl_replay_port *port, size_t request)
{
  const struct pl_pcapng_file *file = &port->replay->file;
  for (size_t i = request + 1; i < file->n_packets; i++)
    if (file->packets[i].interface == port->index)
      return file->packets[i].direction == PL_PCAPNG_IN ? i : PL_REPLAY_NONE;
  return PL_REPLAY_NONE;
}

enum pl_status pl_replay_status(const struct pl_pcapng_packet *packet, struct pl_err *err)
{
  const char *why = NULL;
  enum pl_status status = packet->comment ? pl_frame_status(packet->comment, packet->comment_len, &why) : PL_OK;
  if (!status)
    return PL_OK;
  return pl_fail(err, status, "%.*s", (int)(packet->comment + packet->comment_len - why), why);
}

/* --- divergence --- */

enum pl_status pl_replay_alive(const struct pl_replay_port *port, struct pl_err *err)
{
  return port->replay->diverged ? pl_fail(err, PL_E_IO, "the replay has ended where it diverged") : PL_OK;
}

enum pl_status pl_replay_diverge(struct pl_replay_port *port, size_t at, const char *recorded, const char *asked, struct pl_err *err)
{
  struct pl_replay *replay = port->replay;
  replay->diverged = true;
  if (!port->interface)
    snprintf(replay->divergence, sizeof replay->divergence, "the replay diverges on bus %s, which %s does not have: asked was %s", pl_bus_name(port->bus),
             replay->path, asked);
  else if (at == PL_REPLAY_NONE)
    snprintf(replay->divergence, sizeof replay->divergence, "the replay diverges on bus %s: %s has no more requests of it%s; asked was %s",
             pl_bus_name(port->bus), replay->path, replay->file.torn ? " (its writer was killed)" : "", asked);
  else
    snprintf(replay->divergence, sizeof replay->divergence, "the replay diverges on bus %s at packet %zu (%.6f s): recorded was %s, asked was %s",
             pl_bus_name(port->bus), at + 1, (double)(replay->file.packets[at].time_ns - replay->wall_ns) / (double)PL_S, recorded, asked);
  return pl_fail(err, PL_E_IO, "%s", replay->divergence);
}

const char *pl_replay_divergence(const struct pl_replay *replay)
{
  return replay->diverged ? replay->divergence : NULL;
}

static const struct pl_replay_port *port_of(const struct pl_replay *replay, uint32_t interface)
{
  for (const struct pl_replay_port *port = replay->ports; port; port = port->sibling)
    if (port->interface && port->index == interface)
      return port;
  return NULL;
}

enum pl_status pl_replay_finish(const struct pl_replay *replay, struct pl_err *err)
{
  for (size_t i = replay->first_unmet; i < replay->file.n_packets; i++) {
    size_t at = replay->by_id[i];
    if (replay->met[at])
      continue;
    const struct pl_pcapng_packet *packet = &replay->file.packets[at];
    const struct pl_replay_port *port = port_of(replay, packet->interface);
    const char *name = replay->file.interfaces[packet->interface].name;
    pl_replay_text text = "a request";
    if (port)
      pl_replay_describe(port, at, text);
    return pl_fail(err, PL_E_GARBAGE, "the replay diverges at its end: packet %zu (%.6f s), %s on bus %s, was recorded and never asked for", at + 1,
                   (double)(packet->time_ns - replay->wall_ns) / (double)PL_S, text, name ? name : "?");
  }
  return PL_OK;
}

/* --- time and edges --- */

static pl_time_ns clock_time(const struct pl_replay *replay, size_t at)
{
  return replay->file.packets[at].time_ns - replay->wall_ns + replay->shift;
}

static int handle_of(const struct pl_replay_port *port, const struct pl_gpio_row *row)
{
  for (size_t i = 0; i < port->n_lines; i++)
    if (strlen(port->lines[i].name) == row->name_len && !memcmp(port->lines[i].name, row->name, row->name_len))
      return (int)i;
  return -1;
}

/* The next edge that is still to be told, or PL_REPLAY_NONE. */
static size_t next_edge(struct pl_replay_port *port, struct pl_gpio_head *head, struct pl_gpio_text *rows)
{
  const struct pl_pcapng_file *file = &port->replay->file;
  for (; port->next_edge < file->n_packets; port->next_edge++) {
    const struct pl_pcapng_packet *packet = &file->packets[port->next_edge];
    if (packet->interface == port->index && gpio_event(packet, head, rows) && (head->event == PL_GPIO_EDGE || head->event == PL_GPIO_LOST))
      return port->next_edge;
  }
  return PL_REPLAY_NONE;
}

static void tell_edge(struct pl_replay_port *port, size_t at, const struct pl_gpio_head *head, struct pl_gpio_text *rows)
{
  struct pl_gpio_row row;
  port->next_edge = at + 1;
  port->waited = 0;
  if (!pl_frame_next_row(rows, &row))
    return;
  int handle = handle_of(port, &row);
  if (handle < 0)
    return;
  if (head->event == PL_GPIO_LOST)
    pl_gpio_edges_lost(port->bus, handle, head->count);
  else
    pl_gpio_edge(port->bus, handle, row.value == '1', head->count, clock_time(port->replay, at));
}

static void arm_edge(struct pl_replay_port *port, pl_time_ns now)
{
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  size_t at = port->gpio_caps & PL_GPIO_CAP_EDGES ? next_edge(port, &head, &rows) : PL_REPLAY_NONE; /* else the layer finds them in the reads again */
  if (at == PL_REPLAY_NONE)
    return;
  pl_time_ns told = clock_time(port->replay, at) + head.ns;
  pl_clock_arm(pl_bus_clock(port->bus), &port->timer, told > now ? told : now);
}

/* Edges of one instant come in the order in which they came between the requests, as far as those are made again. */
static void on_edge(void *ctx, pl_time_ns now)
{
  struct pl_replay_port *port = ctx;
  const struct pl_replay *replay = port->replay;
  struct pl_gpio_head head;
  struct pl_gpio_text rows;
  size_t at = next_edge(port, &head, &rows);
  if (at != PL_REPLAY_NONE && clock_time(replay, at) + head.ns <= now) {
    bool early = replay->first_unmet < replay->file.n_packets && id_of(replay, replay->by_id[replay->first_unmet]) < id_of(replay, at);
    if (early && !replay->diverged && port->waited++ < PUT_OFF_MAX) {
      pl_clock_arm(pl_bus_clock(port->bus), &port->timer, now);
      return;
    }
    tell_edge(port, at, &head, &rows);
  }
  arm_edge(port, now);
}

static void tell_edges_before(struct pl_replay *replay, uint64_t id)
{
  for (struct pl_replay_port *port = replay->ports; port; port = port->sibling) {
    struct pl_gpio_head head;
    struct pl_gpio_text rows;
    size_t at;
    if (!port->interface || !(port->gpio_caps & PL_GPIO_CAP_EDGES))
      continue;
    while ((at = next_edge(port, &head, &rows)) != PL_REPLAY_NONE && id_of(replay, at) < id)
      tell_edge(port, at, &head, &rows);
  }
}

pl_time_ns pl_replay_meet(struct pl_replay_port *port, size_t first, size_t last, pl_time_ns now, pl_time_ns wire_ns, bool failed)
{
  struct pl_replay *replay = port->replay;
  tell_edges_before(replay, id_of(replay, last));
  for (size_t i = first; i <= last; i++)
    if (replay->file.packets[i].interface == port->index && is_request(replay, i))
      replay->met[i] = true;
  while (replay->first_unmet < replay->file.n_packets && replay->met[replay->by_id[replay->first_unmet]])
    replay->first_unmet++;
  port->next = last + 1;
  pl_time_ns at = clock_time(replay, last), until = pl_bus_deadline(port->bus) + (failed ? OVERTIME : 0);
  if (at < now || at > until) {
    replay->shift += now + wire_ns - at;
    at = now + wire_ns;
  }
  return at - now;
}

/* --- opening --- */

/* The number that follows a key in a comment. */
static bool find_number(const char *text, const char *key, uint64_t *value)
{
  const char *at = text ? strstr(text, key) : NULL;
  if (at)
    *value = strtoull(at + strlen(key), NULL, 10);
  return at != NULL;
}

static enum pl_status read_section(struct pl_replay *replay, struct pl_err *err)
{
  const char *comment = replay->file.section.comment;
  uint64_t start = 0, left_out = 0;
  if (!find_number(comment, PL_CAPTURE_CLOCK_START, &start))
    return pl_fail(err, PL_E_USAGE, "%s: not a capture of plumb, so when its clock began is not known; give one that --capture wrote", replay->path);
  find_number(comment, PL_CAPTURE_SEED, &replay->seed);
  find_number(comment, PL_CAPTURE_LEFT_OUT, &left_out);
  replay->wall_ns = (int64_t)start;
  if (left_out)
    return pl_fail(err, PL_E_USAGE, "%s: its first %" PRIu64 " packets are not in it (it holds the last seconds before a failure); record the run with --capture",
                   replay->path, left_out);
  return PL_OK;
}

struct order {
  uint64_t id;
  size_t at;
};

static int by_id(const void *a, const void *b)
{
  const struct order *x = a, *y = b;
  return x->id != y->id ? (x->id < y->id ? -1 : 1) : (x->at > y->at) - (x->at < y->at);
}

static enum pl_status order_packets(struct pl_replay *replay, struct pl_err *err)
{
  size_t n = replay->file.n_packets;
  struct order *order = calloc(n + 1, sizeof *order);
  replay->met = calloc(n + 1, sizeof *replay->met);
  replay->by_id = calloc(n + 1, sizeof *replay->by_id);
  if (!order || !replay->met || !replay->by_id) {
    free(order);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the replay of %s", replay->path);
  }
  for (size_t i = 0; i < n; i++) {
    order[i] = (struct order){id_of(replay, i), i};
    replay->met[i] = !is_request(replay, i);
  }
  qsort(order, n, sizeof *order, by_id);
  for (size_t i = 0; i < n; i++)
    replay->by_id[i] = order[i].at;
  free(order);
  return PL_OK;
}

enum pl_status pl_replay_open(const char *path, struct pl_replay **out, struct pl_err *err)
{
  struct pl_replay *replay = calloc(1, sizeof *replay);
  if (!replay || !(replay->path = strdup(path))) {
    free(replay);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the replay of %s", path);
  }
  enum pl_status status = pl_pcapng_load(path, &replay->file, err);
  if (!status)
    status = read_section(replay, err);
  if (!status)
    status = order_packets(replay, err);
  if (status) {
    pl_replay_close(replay);
    return status;
  }
  *out = replay;
  return PL_OK;
}

void pl_replay_close(struct pl_replay *replay)
{
  if (!replay)
    return;
  pl_pcapng_free(&replay->file);
  free(replay->met);
  free(replay->by_id);
  free(replay->path);
  free(replay);
}

int64_t pl_replay_wall_ns(const struct pl_replay *replay)
{
  return replay->wall_ns;
}

uint64_t pl_replay_seed(const struct pl_replay *replay)
{
  return replay->seed;
}

/* --- buses --- */

static void close_port(void *self)
{
  struct pl_replay_port *port = self;
  for (struct pl_replay_port **at = &port->replay->ports; *at; at = &(*at)->sibling)
    if (*at == port) {
      *at = port->sibling;
      break;
    }
  pl_clock_disarm(pl_bus_clock(port->bus), &port->timer);
  free(port->lines);
  free(port);
}

/* What the recorded adapter could, so that drivers cut their requests as they did. */
static void take_caps(struct pl_replay_port *port)
{
  const struct pl_pcapng_interface *interface = port->interface;
  const char *comment = interface ? interface->comment : NULL;
  uint64_t caps = UINT32_MAX, max_write = 0, max_read = 0, max_batch = 1;
  find_number(comment, PL_CAPTURE_CAPS, &caps);
  find_number(comment, PL_CAPTURE_MAX_WRITE, &max_write);
  find_number(comment, PL_CAPTURE_MAX_READ, &max_read);
  find_number(comment, PL_CAPTURE_MAX_BATCH, &max_batch);
  port->gpio_caps = (unsigned)caps;
  port->i2c_caps = (struct pl_i2c_caps){.flags = (unsigned)caps, .max_write = (uint16_t)max_write, .max_read = (uint16_t)max_read,
                                        .max_batch = (uint16_t)max_batch, .speed_hz = interface ? (uint32_t)interface->speed_bps : 0};
}

enum pl_status pl_replay_bus(struct pl_replay *replay, struct pl_bus *bus, struct pl_err *err)
{
  static const void *const OPS[PL_BUS_KIND_COUNT] = {
      [PL_BUS_I2C] = &pl_replay_i2c_ops, [PL_BUS_GPIO] = &pl_replay_gpio_ops, [PL_BUS_MODBUS] = &pl_replay_modbus_ops};
  struct pl_replay_port *port = calloc(1, sizeof *port);
  if (!port)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the replay of bus %s", pl_bus_name(bus));
  *port = (struct pl_replay_port){.replay = replay, .bus = bus, .sibling = replay->ports, .timer = {.fire = on_edge, .ctx = port}};
  for (size_t i = 0; i < replay->file.n_interfaces && !port->interface; i++)
    if (replay->file.interfaces[i].name && !strcmp(replay->file.interfaces[i].name, pl_bus_name(bus))) {
      port->interface = &replay->file.interfaces[i];
      port->index = (uint32_t)i;
    }
  take_caps(port);
  if (pl_bus_kind(bus) != PL_BUS_GPIO)
    port->gpio_caps = 0;
  replay->ports = port;
  pl_bus_attach(bus, OPS[pl_bus_kind(bus)], port, close_port, true);
  if (port->interface)
    arm_edge(port, pl_clock_now(pl_bus_clock(bus)));
  return PL_OK;
}
