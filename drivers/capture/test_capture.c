/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/capture.h"
#include "drivers/capture/frames.h"
#include "drivers/capture/pcapng.h"
#include "drivers/capture/replay.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL 1767225600000000000LL
#define ABSENT 0x41

/* --- three fake adapters: a chip that reads back what it counts, lines, a Modbus unit --- */

struct bench {
  char path[64], other[64];
  struct pl_clock *clock;
  struct pl_bus *i2c, *gpio, *modbus;
  struct pl_capture *capture;
  struct pl_replay *replay;
  struct pl_i2c_caps caps;
  uint8_t count;
  bool levels[4];
  int line, output;
};

static const struct pl_i2c_caps *fake_caps(void *self)
{
  return &((struct bench *)self)->caps;
}

static enum pl_status fake_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline;
  struct bench *b = self;
  enum pl_status first = PL_OK;
  for (size_t i = 0; i < count; i++) {
    list[i].wire_ns = 100 * PL_US;
    for (size_t k = 0; k < list[i].count && !list[i].status; k++) {
      struct pl_i2c_msg *msg = &list[i].msgs[k];
      if (msg->address == ABSENT)
        list[i].status = pl_fail(first ? NULL : err, PL_E_NACK, "nobody acknowledged address 0x%02x", msg->address);
      else if (msg->flags & PL_I2C_RECV_LEN) {
        msg->len = 3;
        memcpy(msg->buf, "\2ok", 3);
      } else if (msg->flags & PL_I2C_READ)
        memset(msg->buf, ++b->count, msg->len);
    }
    if (!first)
      first = list[i].status;
  }
  return first;
}

static enum pl_status fake_recover(void *self, struct pl_err *err)
{
  (void)self;
  return pl_fail(err, PL_E_STUCK, "SDA stays low");
}

static enum pl_status fake_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t room, size_t *len,
                                    pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  (void)self;
  (void)request_len;
  (void)deadline;
  (void)room;
  *wire_ns = 5 * PL_MS;
  if (unit == 9)
    return pl_fail(err, PL_E_TIMEOUT, "unit 9 did not answer within 5 ms");
  memcpy(answer, (uint8_t[]){request[0], 2, 0x12, unit}, 4);
  *len = 4;
  return PL_OK;
}

static unsigned fake_gpio_caps(void *self)
{
  (void)self;
  return PL_GPIO_CAP_NAMES | PL_GPIO_CAP_EDGES;
}

static enum pl_status fake_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  (void)err;
  ((struct bench *)self)->levels[handle] = line->initial;
  return PL_OK;
}

static enum pl_status fake_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  (void)err;
  for (size_t i = 0; i < count; i++)
    values[i] = ((struct bench *)self)->levels[handles[i]];
  pl_bus_charge(((struct bench *)self)->gpio, 10 * PL_US);
  return PL_OK;
}

static enum pl_status fake_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  (void)err;
  for (size_t i = 0; i < count; i++)
    ((struct bench *)self)->levels[handles[i]] = values[i];
  return PL_OK;
}

static const struct pl_i2c_ops I2C = {.caps = fake_caps, .transfer = fake_transfer, .recover = fake_recover};
static const struct pl_modbus_ops MODBUS = {.exchange = fake_exchange};
static const struct pl_gpio_ops GPIO = {.caps = fake_gpio_caps, .request = fake_request, .get = fake_get, .set = fake_set};

static void nothing(void *self)
{
  (void)self;
}

static void open_bus(struct bench *b, const char *name, enum pl_bus_kind kind, const void *ops, const char *adapter, struct pl_bus **bus)
{
  struct pl_err err = {0};
  assert_int_equal(pl_bus_new(name, kind, b->clock, bus, &err), PL_OK);
  if (b->replay)
    assert_int_equal(pl_replay_bus(b->replay, *bus, &err), PL_OK);
  else
    pl_bus_attach(*bus, ops, b, nothing, true);
  if (b->capture)
    assert_int_equal(pl_capture_bus(b->capture, *bus, adapter, &err), PL_OK);
}

static void open_lines(struct bench *b)
{
  struct pl_err err = {0};
  const struct pl_gpio_line good = {.name = "CSU1_PWR_GOOD", .offset = -1, .edges = true};
  const struct pl_gpio_line reset = {.name = "CSU1_RESET_N", .offset = -1, .output = true, .active_low = true};
  assert_int_equal(pl_gpio_request(b->gpio, &good, &b->line, &err), PL_OK);
  assert_int_equal(pl_gpio_request(b->gpio, &reset, &b->output, &err), PL_OK);
}

static void open_buses(struct bench *b)
{
  b->caps = (struct pl_i2c_caps){.flags = PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN | PL_I2C_CAP_RECOVER, .max_batch = 8, .speed_hz = 400000, .max_read = 99};
  open_bus(b, "i2c-m1", PL_BUS_I2C, &I2C, "fake", &b->i2c);
  open_bus(b, "lines", PL_BUS_GPIO, &GPIO, "fake", &b->gpio);
  open_bus(b, "tcp", PL_BUS_MODBUS, &MODBUS, "modbus-tcp", &b->modbus);
  open_lines(b);
}

static void close_buses(struct bench *b)
{
  pl_bus_free(b->i2c);
  pl_bus_free(b->gpio);
  pl_bus_free(b->modbus);
}

static struct bench start(bool is_virtual, bool file, size_t ring)
{
  struct bench b = {.path = "/tmp/plumb-capture-XXXXXX", .other = "/tmp/plumb-ring-XXXXXX"};
  struct pl_err err = {0};
  close(mkstemp(b.path));
  close(mkstemp(b.other));
  assert_int_equal(is_virtual ? pl_clock_new_virtual(WALL, &b.clock, &err) : pl_clock_new_real(&b.clock, &err), PL_OK);
  const struct pl_capture_cfg cfg = {.clock = b.clock, .path = file ? b.path : NULL, .rig = "bench", .about = "a test", .seed = 42, .ring = ring};
  assert_int_equal(pl_capture_open(&cfg, &b.capture, &err), PL_OK);
  return b;
}

static void stop(struct bench *b)
{
  struct pl_err err = {0};
  close_buses(b);
  assert_int_equal(pl_capture_close(b->capture, &err), PL_OK);
  pl_clock_free(b->clock);
}

static void remove_files(struct bench *b)
{
  unlink(b->path);
  unlink(b->other);
}

/* --- what is done on them --- */

struct work {
  struct pl_job job;
  struct bench *bench;
  uint8_t write, got[3];
  struct pl_err err;
};

static enum pl_status do_i2c(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  return pl_i2c_write_read(w->bench->i2c, 0x12, &w->write, 1, w->got, 2, err);
}

static enum pl_status do_absent(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  return pl_i2c_write_read(w->bench->i2c, ABSENT, &w->write, 1, w->got, 1, err);
}

static enum pl_status do_block(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  uint8_t room[33];
  struct pl_i2c_msg msg = {.address = 0x13, .flags = PL_I2C_READ | PL_I2C_RECV_LEN, .len = sizeof room, .buf = room};
  struct pl_i2c_transfer transfer = {.msgs = &msg, .count = 1};
  enum pl_status status = pl_i2c_transfer(w->bench->i2c, &transfer, 1, err);
  memcpy(w->got, room, 3);
  return status ? status : msg.len == 3 ? PL_OK : pl_fail(err, PL_E_SHORT, "%u bytes", msg.len);
}

static enum pl_status do_recovery(struct pl_job *job, struct pl_err *err)
{
  return pl_i2c_recover(((struct work *)job->ctx)->bench->i2c, err);
}

static enum pl_status do_modbus(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  uint16_t value = 0;
  enum pl_status status = pl_modbus_read_holding(w->bench->modbus, w->write, 10, 1, &value, err);
  w->got[0] = (uint8_t)(value >> 8);
  w->got[1] = (uint8_t)value;
  return status;
}

static enum pl_status do_lines(struct pl_job *job, struct pl_err *err)
{
  struct work *w = job->ctx;
  bool value = w->write;
  enum pl_status status = pl_gpio_set(w->bench->gpio, &w->bench->output, 1, &value, err);
  if (!status)
    status = pl_gpio_get(w->bench->gpio, &w->bench->line, 1, &value, err);
  w->got[0] = value;
  return status;
}

static enum pl_status run(struct bench *b, struct pl_bus *bus, enum pl_status (*fn)(struct pl_job *, struct pl_err *), uint8_t write, struct work *w)
{
  *w = (struct work){.bench = b, .write = write};
  w->job = (struct pl_job){.run = fn, .ctx = w};
  return pl_bus_run(bus, &w->job, &w->err);
}

/* All kinds of traffic; what came back goes into got, for comparing. */
static void scene(struct bench *b, uint8_t got[6])
{
  struct work w;
  assert_int_equal(run(b, b->i2c, do_i2c, 0x8b, &w), PL_OK);
  got[0] = w.got[0];
  assert_int_equal(run(b, b->i2c, do_absent, 0x8c, &w), PL_E_NACK);
  assert_string_equal(w.err.text, "nobody acknowledged address 0x41");
  assert_int_equal(run(b, b->i2c, do_block, 0, &w), PL_OK);
  got[1] = w.got[2];
  assert_int_equal(run(b, b->i2c, do_recovery, 0, &w), PL_E_STUCK);
  assert_int_equal(run(b, b->modbus, do_modbus, 12, &w), PL_OK);
  got[2] = w.got[0];
  got[3] = w.got[1];
  assert_int_equal(run(b, b->modbus, do_modbus, 9, &w), PL_E_TIMEOUT);
  if (!b->replay)
    pl_gpio_edge(b->gpio, b->line, true, 3, pl_clock_now(b->clock) - PL_MS);
  assert_int_equal(run(b, b->gpio, do_lines, 1, &w), PL_OK);
  got[4] = w.got[0];
  struct pl_gpio_edges edges;
  pl_gpio_edges(b->gpio, b->line, &edges);
  got[5] = (uint8_t)edges.rising;
}

static const struct pl_pcapng_packet *find(const struct pl_pcapng_file *file, const char *comment)
{
  for (size_t i = 0; i < file->n_packets; i++)
    if (file->packets[i].comment_len == strlen(comment) && !memcmp(file->packets[i].comment, comment, strlen(comment)))
      return &file->packets[i];
  fail_msg("no packet says '%s'", comment);
  return NULL;
}

static void in_order(const struct pl_pcapng_file *file)
{
  for (size_t i = 1; i < file->n_packets; i++)
    assert_true(file->packets[i - 1].time_ns <= file->packets[i].time_ns);
}

/* --- tests --- */

static void a_scene_is_in_the_file(void **state)
{
  (void)state;
  struct bench b = start(true, true, 0);
  uint8_t got[6];
  open_buses(&b);
  scene(&b, got);
  assert_memory_equal(got, ((uint8_t[]){1, 'k', 0x12, 12, 0, 3}), 6);
  stop(&b);
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  assert_int_equal(pl_pcapng_load(b.path, &file, &err), PL_OK);
  assert_int_equal(file.n_interfaces, 3);
  assert_string_equal(file.interfaces[0].name, "i2c-m1");
  assert_int_equal(file.interfaces[0].link, PL_LINK_I2C_LINUX);
  assert_int_equal(file.interfaces[0].speed_bps, 400000);
  assert_string_equal(file.interfaces[2].about, "modbus-tcp");
  in_order(&file);
  const struct pl_pcapng_packet *p = find(&file, "CSU1_PWR_GOOD rises, 3 times since it was last told");
  assert_int_equal(p->interface, 1);
  assert_int_equal(p->time_ns, WALL + 10 * PL_MS + 300 * PL_US - PL_MS);
  p = find(&file, "E_NACK: nobody acknowledged address 0x41");
  assert_memory_equal(p->data, ((uint8_t[]){0, 0, 0, 0x80, 0x01, ABSENT << 1 | 1}), 6); /* nothing was read */
  assert_int_equal(p->len, 6);
  assert_int_equal(p->time_ns, WALL + 200 * PL_US); /* when it was over on the wire */
  find(&file, "E_STUCK: SDA stays low");
  p = find(&file, "E_TIMEOUT: unit 9 did not answer within 5 ms");
  assert_int_equal(p->len, 40); /* a bare acknowledgement */
  find(&file, "CSU1_RESET_N is set low"); /* active-low */
  find(&file, "CSU1_RESET_N is driven inactive: output active-low");
  assert_memory_equal(file.packets[2].data, ((uint8_t[]){0, 0, 0, 0, 0, 0x24, 0x8b}), 7);
  assert_memory_equal(file.packets[3].data, ((uint8_t[]){0, 0, 0, 0x80, 1, 0x25, 1, 1}), 8);
  pl_pcapng_free(&file);
  remove_files(&b);
}

static struct bench replay_of(const char *path)
{
  struct bench b = {.path = "", .other = ""};
  struct pl_err err = {0};
  assert_int_equal(pl_replay_open(path, &b.replay, &err), PL_OK);
  assert_int_equal(pl_replay_wall_ns(b.replay), WALL);
  assert_int_equal(pl_replay_seed(b.replay), 42);
  assert_int_equal(pl_clock_new_virtual(WALL, &b.clock, &err), PL_OK);
  open_buses(&b);
  return b;
}

static void stop_replay(struct bench *b)
{
  close_buses(b);
  pl_replay_close(b->replay);
  pl_clock_free(b->clock);
}

static void a_replay_answers_as_recorded(void **state)
{
  (void)state;
  struct bench b = start(true, true, 0);
  uint8_t before[6], after[6];
  struct pl_err err = {0};
  open_buses(&b);
  scene(&b, before);
  pl_time_ns ended = pl_clock_now(b.clock);
  stop(&b);
  struct bench r = replay_of(b.path);
  assert_int_equal(pl_i2c_caps(r.i2c)->max_read, 99);
  assert_int_equal(pl_i2c_caps(r.i2c)->max_batch, 8);
  scene(&r, after);
  assert_memory_equal(before, after, sizeof before);
  assert_int_equal(pl_clock_now(r.clock), ended);
  assert_null(pl_replay_divergence(r.replay));
  assert_int_equal(pl_replay_finish(r.replay, &err), PL_OK);
  stop_replay(&r);
  remove_files(&b);
}

static void divergence(struct bench *r, struct pl_bus *bus, enum pl_status (*fn)(struct pl_job *, struct pl_err *), uint8_t write, const char *text)
{
  struct work w;
  assert_int_equal(run(r, bus, fn, write, &w), PL_E_IO);
  const char *told = pl_replay_divergence(r->replay);
  assert_non_null(told);
  if (!strstr(told, text))
    fail_msg("'%s' does not say '%s'", told, text);
  assert_int_equal(run(r, r->i2c, do_i2c, 0x8b, &w), PL_E_IO); /* whatever comes then */
  assert_string_equal(pl_replay_divergence(r->replay), told);
}

static void a_different_request_diverges(void **state)
{
  (void)state;
  struct bench b = start(true, true, 0);
  uint8_t got[6];
  struct work w;
  struct pl_err err = {0};
  open_buses(&b);
  scene(&b, got);
  stop(&b);
  static const struct {
    int bus; /* 0 i2c, 1 gpio, 2 modbus */
    enum pl_status (*fn)(struct pl_job *, struct pl_err *);
    uint8_t write;
    const char *text;
  } CASES[] = {
      {0, do_i2c, 0x8d, "on bus i2c-m1 at packet 3 (0.000040 s): recorded was a write to 0x12: 8b, asked was a write to 0x12: 8d"},
      {0, do_recovery, 0, "recorded was a write to 0x12: 8b, asked was a bus recovery"},
      {0, do_block, 0, "asked was a counted read from 0x13"},
      {1, do_lines, 0, "recorded was a set of CSU1_RESET_N=1, asked was a set of CSU1_RESET_N=0"},
      {2, do_modbus, 13, "recorded was a request to unit 12: 03 00 0a 00 01, asked was a request to unit 13: 03 00 0a 00 01"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    struct bench r = replay_of(b.path);
    divergence(&r, CASES[i].bus == 0 ? r.i2c : CASES[i].bus == 1 ? r.gpio : r.modbus, CASES[i].fn, CASES[i].write, CASES[i].text);
    stop_replay(&r);
  }
  struct bench r = replay_of(b.path); /* too little */
  assert_int_equal(run(&r, r.i2c, do_i2c, 0x8b, &w), PL_OK);
  assert_int_equal(pl_replay_finish(r.replay, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "a write to 0x41: 8c on bus i2c-m1, was recorded and never asked for"));
  stop_replay(&r);
  r = replay_of(b.path); /* too much */
  scene(&r, got);
  divergence(&r, r.modbus, do_modbus, 12, "has no more requests of it");
  stop_replay(&r);
  remove_files(&b);
}

static void the_ring_keeps_the_newest(void **state)
{
  (void)state;
  struct bench b = start(true, false, 4096);
  struct pl_err err = {0};
  struct work w;
  uint64_t recorded, kept;
  open_buses(&b);
  for (int i = 0; i < 500; i++)
    assert_int_equal(run(&b, b.i2c, do_i2c, (uint8_t)i, &w), PL_OK);
  pl_capture_count(b.capture, &recorded, &kept);
  assert_int_equal(recorded, 1002); /* two lines were taken */
  assert_in_range(kept, 30, 70);    /* 4096 bytes at 60 to 72 and a head of 8 */
  assert_int_equal(pl_capture_save(b.capture, b.other, &err), PL_OK);
  struct pl_pcapng_file file;
  assert_int_equal(pl_pcapng_load(b.other, &file, &err), PL_OK);
  assert_int_equal(file.n_packets, kept);
  assert_int_equal(file.n_interfaces, 3);
  in_order(&file);
  for (size_t i = 0; i < kept; i++)
    assert_int_equal(file.packets[i].id, recorded - kept + 1 + i);
  pl_pcapng_free(&file);
  struct pl_replay *replay = NULL;
  assert_int_equal(pl_replay_open(b.other, &replay, &err), PL_E_USAGE); /* its begin is missing */
  assert_non_null(strstr(err.text, "packets are not in it"));
  stop(&b);
  remove_files(&b);
}

/* The file has all of them although the ring is too small to hold them until their time has come. */
static void a_small_ring_loses_nothing_of_the_file(void **state)
{
  (void)state;
  struct bench b = start(true, true, 4096);
  struct pl_err err = {0};
  struct work w;
  open_buses(&b);
  for (int i = 0; i < 500; i++)
    assert_int_equal(run(&b, b.i2c, do_i2c, (uint8_t)i, &w), PL_OK);
  stop(&b);
  struct pl_pcapng_file file;
  assert_int_equal(pl_pcapng_load(b.path, &file, &err), PL_OK);
  assert_int_equal(file.n_packets, 1002);
  in_order(&file);
  pl_pcapng_free(&file);
  remove_files(&b);
}

static void a_disk_that_is_full_is_told(void **state)
{
  (void)state;
  struct bench b = start(true, false, 0);
  struct pl_err err = {0};
  open_buses(&b);
  assert_int_equal(pl_capture_save(b.capture, "/dev/full", &err), PL_E_IO);
  assert_non_null(strstr(err.text, "/dev/full: the capture is not whole"));
  assert_int_equal(pl_capture_save(b.capture, "/nowhere/x.pcapng", &err), PL_E_USAGE);
  stop(&b);
  remove_files(&b);
}

static void count(struct pl_job *job)
{
  ++*(int *)job->ctx;
}

static enum pl_status read_chip(struct pl_job *job, struct pl_err *err)
{
  uint8_t in[2];
  return pl_i2c_write_read(job->bus, 0x12, (uint8_t[]){1}, 1, in, 2, err);
}

/* Real time: a thread a bus, and the loop writes. */
static void buses_side_by_side_in_real_time(void **state)
{
  (void)state;
  enum { JOBS = 50 };
  struct bench b = start(false, true, 0), second = {.caps = {.max_batch = 1}};
  struct pl_job jobs[2][JOBS];
  struct pl_bus *other;
  struct pl_err err = {0};
  int done = 0;
  open_buses(&b);
  assert_int_equal(pl_bus_new("i2c-m2", PL_BUS_I2C, b.clock, &other, &err), PL_OK);
  pl_bus_attach(other, &I2C, &second, nothing, true);
  assert_int_equal(pl_capture_bus(b.capture, other, "fake", &err), PL_OK);
  for (int i = 0; i < JOBS; i++)
    for (int k = 0; k < 2; k++) {
      jobs[k][i] = (struct pl_job){.run = read_chip, .done = count, .ctx = &done, .deadline = pl_clock_now(b.clock) + 60 * PL_S};
      pl_bus_submit(k ? other : b.i2c, &jobs[k][i]);
    }
  while (done < 2 * JOBS)
    pl_clock_step(b.clock, PL_NEVER);
  assert_int_equal(pl_capture_save(b.capture, b.other, &err), PL_OK);
  pl_bus_free(other);
  stop(&b);
  const char *const paths[] = {b.path, b.other};
  for (int i = 0; i < 2; i++) {
    struct pl_pcapng_file file;
    assert_int_equal(pl_pcapng_load(paths[i], &file, &err), PL_OK);
    assert_int_equal(file.n_packets, 2 + 4 * JOBS);
    assert_false(file.torn);
    in_order(&file);
    pl_pcapng_free(&file);
  }
  remove_files(&b);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_scene_is_in_the_file),
      cmocka_unit_test(a_replay_answers_as_recorded),
      cmocka_unit_test(a_different_request_diverges),
      cmocka_unit_test(the_ring_keeps_the_newest),
      cmocka_unit_test(a_small_ring_loses_nothing_of_the_file),
      cmocka_unit_test(a_disk_that_is_full_is_told),
      cmocka_unit_test(buses_side_by_side_in_real_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
