/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a capture: the ring, the order of the packets in the file, the file. What is listened to is in taps.c. */
#include "drivers/bus/tap.h"
#include "drivers/capture/capture_in.h"
#include "drivers/capture/ring.h"
#include "drivers/capture/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LATE_NS (100 * PL_MS)  /* a packet may be told so long after its time and still finds its place in the file */
#define WAITING_MAX 4096       /* packets that wait for their place */
#define WAITING_LOOK 256       /* virtual time: from so many on the file is written on */
#define WRITE_EVERY (100 * PL_MS)

struct waiting { /* a packet of the ring that is not in the file yet; a heap, the earliest first */
  int64_t time_ns;
  uint64_t id;
  size_t offset;
};

struct pl_capture {
  struct pl_clock *clock;
  char *rig, *about;
  uint64_t seed;
  struct pl_tapped *first, **last;
  uint32_t n_buses;
  uint8_t numbers[PL_BUS_KIND_COUNT];
  uint8_t *heads; /* the interface blocks */
  size_t heads_len;
  struct pl_timer timer;

  pthread_mutex_t lock; /* guards what follows, up to the blank line */
  struct pl_ring ring;
  uint64_t recorded, left_out;
  struct pl_packet_room room;
  struct waiting *waiting; /* NULL: no file */
  size_t n_waiting;

  pthread_mutex_t sink_lock; /* taken after lock, and held without it while the disk works, so that no bus waits for that */
  struct pl_sink sink;
};

/* --- the order of the file --- */

static bool earlier(const struct waiting *a, const struct waiting *b)
{
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->id < b->id;
}

static void push(struct pl_capture *capture, struct waiting item)
{
  size_t at = capture->n_waiting++;
  for (; at && earlier(&item, &capture->waiting[(at - 1) / 2]); at = (at - 1) / 2)
    capture->waiting[at] = capture->waiting[(at - 1) / 2];
  capture->waiting[at] = item;
}

static struct waiting pop(struct pl_capture *capture)
{
  struct waiting *heap = capture->waiting, first = heap[0], item = heap[--capture->n_waiting];
  size_t at = 0, n = capture->n_waiting;
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && earlier(&heap[child + 1], &heap[child]))
      child++;
    if (!earlier(&heap[child], &item))
      break;
    heap[at] = heap[child];
  }
  heap[at] = item;
  return first;
}

/* Both locks held, as in the two below. */
static void put_first(struct pl_capture *capture)
{
  struct waiting item = pop(capture);
  const uint8_t *block = pl_ring_block(&capture->ring, item.offset);
  pl_sink_put(&capture->sink, block, pl_pcapng_block_size(block));
  pl_ring_entry(&capture->ring, item.offset)->unwritten = false;
}

static bool fits_sink(const struct pl_capture *capture)
{
  const uint8_t *block = pl_ring_block(&capture->ring, capture->waiting[0].offset);
  return !capture->sink.used || capture->sink.used + pl_pcapng_block_size(block) <= capture->sink.room;
}

/* Gathers what nothing can come before any more, as much as can be written at once. false: there is more. */
static bool gather(struct pl_capture *capture)
{
  int64_t until = pl_clock_wall_ns(capture->clock, pl_clock_now(capture->clock)) - LATE_NS;
  while (capture->n_waiting && capture->waiting[0].time_ns <= until) {
    if (!fits_sink(capture))
      return false;
    put_first(capture);
  }
  return true;
}

/* No lock held. */
static void write_on(struct pl_capture *capture)
{
  for (bool all = false; !all;) {
    pthread_mutex_lock(&capture->lock);
    pthread_mutex_lock(&capture->sink_lock);
    all = gather(capture);
    pthread_mutex_unlock(&capture->lock);
    pl_sink_flush(&capture->sink);
    pthread_mutex_unlock(&capture->sink_lock);
  }
}

static void on_time(void *ctx, pl_time_ns now)
{
  struct pl_capture *capture = ctx;
  write_on(capture);
  pl_clock_arm(capture->clock, &capture->timer, now + WRITE_EVERY);
}

/* Makes room when there is none: then, and only then, a bus may have to wait for the disk. Lock held. */
static void write_first(struct pl_capture *capture)
{
  pthread_mutex_lock(&capture->sink_lock);
  put_first(capture);
  pthread_mutex_unlock(&capture->sink_lock);
}

/* --- packets --- */

struct pl_packet_room *pl_capture_begin(struct pl_capture *capture)
{
  pthread_mutex_lock(&capture->lock);
  capture->room.comment_len = 0;
  return &capture->room;
}

void pl_capture_end(struct pl_capture *capture)
{
  bool look = capture->n_waiting >= WAITING_LOOK && pl_clock_is_virtual(capture->clock);
  pthread_mutex_unlock(&capture->lock);
  if (look)
    write_on(capture);
}

static uint8_t *make_room(struct pl_capture *capture, size_t size, size_t *offset)
{
  if (!pl_ring_fits(&capture->ring, size))
    return NULL;
  uint8_t *block;
  while (!(block = pl_ring_put(&capture->ring, size, offset))) {
    while (pl_ring_entry(&capture->ring, capture->ring.oldest)->unwritten)
      write_first(capture);
    pl_ring_drop(&capture->ring);
    capture->left_out++;
  }
  return block;
}

void pl_capture_add(struct pl_tapped *tapped, size_t len, pl_time_ns at, enum pl_pcapng_direction direction)
{
  struct pl_capture *capture = tapped->capture;
  const struct pl_packet_room *room = &capture->room;
  const struct pl_pcapng_packet packet = {.interface = tapped->interface, .time_ns = pl_clock_wall_ns(capture->clock, at), .direction = direction,
                                          .id = ++capture->recorded, .data = room->frame, .len = len, .comment = room->comment,
                                          .comment_len = room->comment_len};
  size_t size = pl_pcapng_packet_size(&packet), offset;
  uint8_t *block = len ? make_room(capture, size, &offset) : NULL;
  capture->room.comment_len = 0;
  if (!block)
    return;
  pl_pcapng_put_packet(block, size, &packet);
  if (!capture->waiting)
    return;
  if (capture->n_waiting == WAITING_MAX)
    write_first(capture);
  pl_ring_entry(&capture->ring, offset)->unwritten = true;
  push(capture, (struct waiting){packet.time_ns, packet.id, offset});
}

void pl_capture_count(struct pl_capture *capture, uint64_t *recorded, uint64_t *kept)
{
  pthread_mutex_lock(&capture->lock);
  *recorded = capture->recorded;
  *kept = capture->ring.count;
  pthread_mutex_unlock(&capture->lock);
}

/* --- files --- */

#define SECTION_MAX 4096
#define INTERFACE_MAX 1024

static void put_section(const struct pl_capture *capture, struct pl_sink *sink, uint64_t left_out)
{
  char comment[2600];
  uint8_t block[SECTION_MAX];
  bool is_virtual = pl_clock_is_virtual(capture->clock);
  snprintf(comment, sizeof comment, "clock=%s " PL_CAPTURE_CLOCK_START "%" PRId64 " " PL_CAPTURE_SEED "%" PRIu64 " " PL_CAPTURE_LEFT_OUT "%" PRIu64 " command: %s",
           is_virtual ? "virtual" : "real", pl_clock_wall_ns(capture->clock, 0), capture->seed, left_out, capture->about);
  const struct pl_pcapng_section section = {.application = "plumb " PL_VERSION, .hardware = capture->rig, .comment = comment};
  pl_sink_put(sink, block, pl_pcapng_put_section(block, sizeof block, &section));
}

static int by_time(const void *a, const void *b)
{
  const struct waiting *x = a, *y = b;
  return earlier(x, y) ? -1 : earlier(y, x);
}

/* Writes a copy of the ring, so that no bus waits for the disk. */
static enum pl_status write_copy(struct pl_capture *capture, const struct pl_ring *ring, uint64_t left_out, const char *path, struct pl_err *err)
{
  struct waiting *order = calloc(ring->count + 1, sizeof *order);
  struct pl_sink sink = {.fd = -1};
  enum pl_status status = order ? pl_sink_open(&sink, path, err) : pl_fail(err, PL_E_NOMEM, "out of memory for the capture %s", path);
  if (status) {
    free(order);
    return status;
  }
  size_t at = ring->oldest;
  for (size_t i = 0; i < ring->count; i++, at = pl_ring_after(ring, at))
    order[i] = (struct waiting){pl_pcapng_packet_time(pl_ring_block(ring, at)), i, at};
  qsort(order, ring->count, sizeof *order, by_time);
  put_section(capture, &sink, left_out);
  pl_sink_put(&sink, capture->heads, capture->heads_len);
  for (size_t i = 0; i < ring->count; i++) {
    const uint8_t *block = pl_ring_block(ring, order[i].offset);
    pl_sink_put(&sink, block, pl_pcapng_block_size(block));
  }
  free(order);
  return pl_sink_close(&sink, err);
}

enum pl_status pl_capture_save(struct pl_capture *capture, const char *path, struct pl_err *err)
{
  struct pl_ring copy;
  enum pl_status status = pl_ring_new(&copy, capture->ring.size, err);
  if (status)
    return status;
  uint8_t *const bytes = copy.bytes;
  pthread_mutex_lock(&capture->lock);
  copy = capture->ring;
  copy.bytes = bytes;
  size_t used = copy.oldest <= copy.next ? copy.next : copy.size; /* untouched pages stay untouched */
  memcpy(bytes, capture->ring.bytes, used);
  uint64_t left_out = capture->left_out;
  pthread_mutex_unlock(&capture->lock);
  status = write_copy(capture, &copy, left_out, path, err);
  pl_ring_free(&copy);
  return status;
}

/* --- opening --- */

static bool make_memory(struct pl_capture *capture, const struct pl_capture_cfg *cfg)
{
  capture->rig = strdup(cfg->rig ? cfg->rig : "");
  capture->about = strdup(cfg->about ? cfg->about : "");
  capture->room.frame = malloc(PL_CAPTURE_FRAME_MAX);
  capture->room.comment = malloc(PL_CAPTURE_COMMENT_MAX);
  capture->waiting = cfg->path ? calloc(WAITING_MAX, sizeof *capture->waiting) : NULL;
  return capture->rig && capture->about && capture->room.frame && capture->room.comment && (!cfg->path || capture->waiting);
}

enum pl_status pl_capture_open(const struct pl_capture_cfg *cfg, struct pl_capture **out, struct pl_err *err)
{
  struct pl_capture *capture = calloc(1, sizeof *capture);
  if (!capture)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a capture");
  capture->clock = cfg->clock;
  capture->seed = cfg->seed;
  capture->last = &capture->first;
  capture->sink.fd = -1;
  capture->timer = (struct pl_timer){.fire = on_time, .ctx = capture};
  pthread_mutex_init(&capture->lock, NULL);
  pthread_mutex_init(&capture->sink_lock, NULL);
  enum pl_status status = make_memory(capture, cfg) ? PL_OK : pl_fail(err, PL_E_NOMEM, "out of memory for a capture");
  if (!status)
    status = pl_ring_new(&capture->ring, cfg->ring ? cfg->ring : PL_CAPTURE_RING, err);
  if (!status && cfg->path)
    status = pl_sink_open(&capture->sink, cfg->path, err);
  if (status) {
    pl_capture_close(capture, NULL);
    return status;
  }
  if (cfg->path) {
    put_section(capture, &capture->sink, 0);
    pl_sink_flush(&capture->sink);
    if (!pl_clock_is_virtual(cfg->clock))
      pl_clock_arm(cfg->clock, &capture->timer, pl_clock_now(cfg->clock) + WRITE_EVERY);
  }
  *out = capture;
  return PL_OK;
}

static size_t put_interface(const struct pl_bus *bus, const char *adapter, uint16_t link, uint8_t *block, size_t room)
{
  char comment[160] = "";
  struct pl_pcapng_interface interface = {.link = link, .name = pl_bus_name(bus), .about = adapter, .comment = comment};
  void *self = pl_bus_self(bus);
  if (pl_bus_kind(bus) == PL_BUS_I2C) {
    const struct pl_i2c_caps *caps = ((const struct pl_i2c_ops *)pl_bus_ops(bus))->caps(self);
    interface.speed_bps = caps->speed_hz;
    snprintf(comment, sizeof comment, PL_CAPTURE_CAPS "%u " PL_CAPTURE_MAX_WRITE "%u " PL_CAPTURE_MAX_READ "%u " PL_CAPTURE_MAX_BATCH "%u", caps->flags,
             caps->max_write, caps->max_read, caps->max_batch);
  } else if (pl_bus_kind(bus) == PL_BUS_GPIO) {
    snprintf(comment, sizeof comment, PL_CAPTURE_CAPS "%u", ((const struct pl_gpio_ops *)pl_bus_ops(bus))->caps(self));
  }
  return pl_pcapng_put_interface(block, room, &interface);
}

/* The interface's block, kept for the ring's file and put into the other. */
static bool add_head(struct pl_capture *capture, const uint8_t *block, size_t len)
{
  uint8_t *heads = realloc(capture->heads, capture->heads_len + len);
  if (!heads)
    return false;
  memcpy(heads + capture->heads_len, block, len);
  capture->heads = heads;
  capture->heads_len += len;
  if (capture->waiting) {
    pthread_mutex_lock(&capture->sink_lock);
    pl_sink_put(&capture->sink, block, len);
    pl_sink_flush(&capture->sink);
    pthread_mutex_unlock(&capture->sink_lock);
  }
  return true;
}

enum pl_status pl_capture_bus(struct pl_capture *capture, struct pl_bus *bus, const char *adapter, struct pl_err *err)
{
  static const uint16_t LINKS[PL_BUS_KIND_COUNT] = {[PL_BUS_I2C] = PL_LINK_I2C_LINUX, [PL_BUS_GPIO] = PL_LINK_UPPER_PDU, [PL_BUS_MODBUS] = PL_LINK_IPV4};
  enum pl_bus_kind kind = pl_bus_kind(bus);
  bool serial = kind == PL_BUS_MODBUS && strstr(adapter, "rtu") != NULL;
  uint8_t block[INTERFACE_MAX];
  size_t len = put_interface(bus, adapter, serial ? PL_LINK_UPPER_PDU : LINKS[kind], block, sizeof block);
  struct pl_tapped *tapped = calloc(1, sizeof *tapped);
  if (!len || !tapped || !add_head(capture, block, len)) {
    free(tapped);
    return pl_fail(err, PL_E_NOMEM, "cannot capture bus %s: out of memory, or its name is too long", pl_bus_name(bus));
  }
  *tapped = (struct pl_tapped){.capture = capture, .bus = bus, .interface = capture->n_buses++, .number = capture->numbers[kind]++};
  tapped->link = (struct pl_modbus_link){.serial = serial, .host = (uint8_t)(2 + tapped->interface % 250)};
  *capture->last = tapped;
  capture->last = &tapped->next;
  pl_bus_set_tap(bus, &pl_capture_tap_ops, tapped);
  return PL_OK;
}

enum pl_status pl_capture_close(struct pl_capture *capture, struct pl_err *err)
{
  if (!capture)
    return PL_OK;
  pl_clock_disarm(capture->clock, &capture->timer);
  while (capture->n_waiting)
    write_first(capture);
  enum pl_status status = pl_sink_close(&capture->sink, err);
  for (struct pl_tapped *tapped = capture->first, *next; tapped; tapped = next) {
    next = tapped->next;
    free(tapped->lines);
    free(tapped);
  }
  pl_ring_free(&capture->ring);
  pthread_mutex_destroy(&capture->lock);
  pthread_mutex_destroy(&capture->sink_lock);
  free(capture->room.frame);
  free(capture->room.comment);
  free(capture->waiting);
  free(capture->heads);
  free(capture->rig);
  free(capture->about);
  free(capture);
  return status;
}
