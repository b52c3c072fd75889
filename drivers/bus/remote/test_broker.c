/* SPDX-License-Identifier: Apache-2.0 */
/* A broker between fake adapters and clients of this very process: all on one loop. Across processes: tests/test_broker.py. */
#include "drivers/bus/remote/broker.h"

#include "drivers/bus/adapter.h"
#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"
#include "drivers/bus/modbus.h"
#include "drivers/bus/remote/wire.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

extern const struct pl_adapter_desc pl_adapter_remote_i2c, pl_adapter_remote_gpio, pl_adapter_remote_modbus;

#define LINES 8
#define ADDRESS 0x10

/* What is behind the broker: a chip with pages at 0x10, eight lines L0 to L7 (L1 is wired to L0), a Modbus unit 7. */
struct lab {
  struct pl_clock *clock;
  struct pl_bus *behind[3];
  struct pl_broker *broker;
  char folder[64], path[96], log[96];
  struct pl_err err;
  atomic_uchar page; /* looked at while the bus is at work */
  unsigned transfers;
  bool level[LINES], output[LINES];
  int handle_of[LINES];
  uint16_t reg;
};

static const struct pl_i2c_caps *i2c_caps(void *self)
{
  (void)self;
  static const struct pl_i2c_caps CAPS = {.flags = PL_I2C_CAP_ANY_LIST, .max_write = 17, .max_read = 33, .max_batch = 1, .speed_hz = 100000};
  return &CAPS;
}

/* Command 0 sets the page; reading command 1 tells it. */
static enum pl_status i2c_transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  struct lab *lab = self;
  (void)deadline;
  enum pl_status first = PL_OK;
  for (size_t i = 0; i < count; i++) {
    struct pl_i2c_msg *msgs = list[i].msgs;
    lab->transfers++;
    list[i].status = msgs[0].address == ADDRESS ? PL_OK : pl_fail(err, PL_E_NACK, "nobody at 0x%02x", msgs[0].address);
    first = first ? first : list[i].status;
    if (list[i].status)
      continue;
    if (list[i].count == 1 && msgs[0].len == 2 && msgs[0].buf[0] == 0)
      lab->page = msgs[0].buf[1];
    if (list[i].count == 2)
      memset(msgs[1].buf, lab->page, msgs[1].len);
  }
  return first;
}

static unsigned gpio_caps(void *self)
{
  (void)self;
  return PL_GPIO_CAP_EDGES | PL_GPIO_CAP_NAMES;
}

static enum pl_status gpio_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct lab *lab = self;
  int at = line->name ? line->name[1] - '0' : line->offset;
  if (at < 0 || at >= LINES)
    return pl_fail(err, PL_E_USAGE, "no line %s", line->name);
  assert_false(line->active_low); /* that is the broker's business */
  lab->handle_of[at] = handle;
  lab->output[at] = line->output;
  if (line->output && !line->as_is)
    lab->level[at] = line->initial;
  return PL_OK;
}

static int line_of(const struct lab *lab, int handle)
{
  for (int i = 0; i < LINES; i++)
    if (lab->handle_of[i] == handle)
      return i;
  fail_msg("no handle %d", handle);
  return 0;
}

static enum pl_status gpio_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  (void)err;
  struct lab *lab = self;
  for (size_t i = 0; i < count; i++)
    values[i] = lab->level[line_of(lab, handles[i])];
  return PL_OK;
}

static enum pl_status gpio_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  (void)err;
  struct lab *lab = self;
  for (size_t i = 0; i < count; i++) {
    int at = line_of(lab, handles[i]);
    assert_true(lab->output[at]);
    bool news = lab->level[at] != values[i];
    lab->level[at] = values[i];
    if (at == 1 && news && lab->handle_of[0] >= 0) {
      lab->level[0] = values[i];
      pl_gpio_edge(lab->behind[1], lab->handle_of[0], values[i], 1, pl_clock_now(lab->clock));
    }
  }
  return PL_OK;
}

static enum pl_status exchange(void *self, uint8_t unit, const uint8_t *request, size_t len, uint8_t *answer, size_t room, size_t *answer_len, pl_time_ns deadline,
                               pl_time_ns *wire_ns, struct pl_err *err)
{
  struct lab *lab = self;
  (void)deadline;
  (void)room;
  *wire_ns = 0;
  if (unit != 7)
    return pl_fail(err, PL_E_TIMEOUT, "unit %u is silent", unit);
  if (request[0] == 6) {
    lab->reg = (uint16_t)(request[3] << 8 | request[4]);
    memcpy(answer, request, len);
    *answer_len = len;
  } else if (request[0] == 3) {
    const uint8_t said[] = {3, 2, (uint8_t)(lab->reg >> 8), (uint8_t)lab->reg};
    memcpy(answer, said, *answer_len = sizeof said);
  } else {
    const uint8_t said[] = {(uint8_t)(request[0] | 0x80), 1};
    memcpy(answer, said, *answer_len = sizeof said);
  }
  return PL_OK;
}

static int setup(void **state)
{
  static const struct pl_i2c_ops I2C = {.caps = i2c_caps, .transfer = i2c_transfer};
  static const struct pl_gpio_ops GPIO = {.caps = gpio_caps, .request = gpio_request, .get = gpio_get, .set = gpio_set};
  static const struct pl_modbus_ops MODBUS = {.exchange = exchange};
  static const void *const OPS[] = {&I2C, &GPIO, &MODBUS};
  static const char *const NAMES[] = {"wires", "lines", "units"};
  struct lab *lab = calloc(1, sizeof *lab);
  assert_non_null(lab);
  for (int i = 0; i < LINES; i++)
    lab->handle_of[i] = -1;
  assert_int_equal(pl_clock_new_real(&lab->clock, &lab->err), PL_OK);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(pl_bus_new(NAMES[i], (enum pl_bus_kind)i, lab->clock, &lab->behind[i], &lab->err), PL_OK);
    pl_bus_attach(lab->behind[i], OPS[i], lab, NULL, false);
  }
  snprintf(lab->folder, sizeof lab->folder, "/tmp/test_broker.XXXXXX");
  assert_non_null(mkdtemp(lab->folder));
  snprintf(lab->path, sizeof lab->path, "%s/sock", lab->folder);
  snprintf(lab->log, sizeof lab->log, "%s/log", lab->folder);
  const struct pl_broker_cfg cfg = {.clock = lab->clock, .buses = lab->behind, .n_buses = 3, .path = lab->path, .log = lab->log};
  if (pl_broker_new(&cfg, &lab->broker, &lab->err))
    fail_msg("%s", lab->err.text);
  *state = lab;
  return 0;
}

static int teardown(void **state)
{
  struct lab *lab = *state;
  pl_broker_free(lab->broker);
  for (int i = 0; i < 3; i++)
    pl_bus_free(lab->behind[i]);
  unlink(lab->log);
  assert_int_equal(rmdir(lab->folder), 0); /* the socket is gone */
  pl_clock_free(lab->clock);
  free(lab);
  return 0;
}

/* --- a client --- */

struct client {
  struct pl_bus *bus;
  struct pl_value items[2];
  struct pl_values values;
};

static enum pl_status connect_client(struct lab *lab, struct client *client, const struct pl_adapter_desc *desc, const char *bus)
{
  for (size_t i = 0; i < 2; i++) {
    client->items[i] = (struct pl_value){.param = &desc->params[i]};
    assert_int_equal(pl_value_parse(&desc->params[i], i ? bus : lab->path, &client->items[i], &lab->err), PL_OK);
  }
  client->values = (struct pl_values){.items = client->items, .count = desc->n_params};
  const struct pl_adapter_args args = {.bus_name = bus, .values = &client->values};
  assert_int_equal(pl_bus_new(bus, desc->kind, lab->clock, &client->bus, &lab->err), PL_OK);
  return desc->open(client->bus, &args, &lab->err);
}

static void client_of(struct lab *lab, struct client *client, const struct pl_adapter_desc *desc, const char *bus)
{
  if (connect_client(lab, client, desc, bus))
    fail_msg("%s", lab->err.text);
}

static char *text_of(const char *path)
{
  static char text[65536];
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static void log_says(const struct lab *lab, const char *line)
{
  char who[64], whole[160];
  snprintf(who, sizeof who, "test_broker[%ld]", (long)getpid());
  const char *space = strchr(line, ' '); /* the bus, the author, what */
  snprintf(whole, sizeof whole, "Z %.*s %s%s\n", (int)(space - line), line, who, space);
  if (!strstr(text_of(lab->log), whole))
    fail_msg("the log does not say '%s':\n%s", whole, text_of(lab->log));
}

/* --- I2C --- */

struct paged { /* a job: set the page, read it three times */
  struct pl_job job;
  struct pl_bus *bus;
  uint8_t page;
  bool torn;
};

static enum pl_status run_paged(struct pl_job *job, struct pl_err *err)
{
  struct paged *paged = job->ctx;
  uint8_t set[2] = {0, paged->page}, command = 1, in[4];
  enum pl_status status = pl_i2c_write_read(paged->bus, ADDRESS, set, 2, NULL, 0, err);
  for (int i = 0; i < 3 && !status; i++) {
    status = pl_i2c_write_read(paged->bus, ADDRESS, &command, 1, in, sizeof in, err);
    paged->torn |= in[0] != paged->page || in[3] != paged->page;
  }
  return status;
}

/* Two clients on one bus: the transfers of a job stay together, and nobody starves. */
static void jobs_stay_together(void **state)
{
  struct lab *lab = *state;
  struct client clients[2];
  static struct paged jobs[2][100];
  for (int c = 0; c < 2; c++)
    client_of(lab, &clients[c], &pl_adapter_remote_i2c, "wires");
  assert_int_equal(pl_i2c_caps(clients[0].bus)->max_read, 33); /* what the adapter can, the client knows */
  assert_int_equal(pl_i2c_caps(clients[0].bus)->speed_hz, 100000);
  for (int i = 0; i < 100; i++)
    for (int c = 0; c < 2; c++) {
      jobs[c][i] = (struct paged){.bus = clients[c].bus, .page = (uint8_t)(1 + i + 100 * c)};
      jobs[c][i].job = (struct pl_job){.run = run_paged, .ctx = &jobs[c][i], .deadline = pl_clock_now(lab->clock) + 30 * PL_S};
      pl_bus_submit(clients[c].bus, &jobs[c][i].job);
    }
  pl_time_ns last[2] = {0, 0}, first[2] = {0, 0};
  for (int c = 0; c < 2; c++)
    for (int i = 0; i < 100; i++) {
      pl_bus_wait(clients[c].bus, &jobs[c][i].job);
      if (jobs[c][i].job.status)
        fail_msg("%s", jobs[c][i].job.err.text);
      assert_false(jobs[c][i].torn);
      first[c] = i ? first[c] : jobs[c][i].job.started;
      last[c] = jobs[c][i].job.finished;
    }
  assert_true(first[0] < last[1] && first[1] < last[0]); /* they did run beside each other */
  assert_int_equal(lab->transfers, 2 * 100 * 4);
  log_says(lab, "wires i2c 0x10 00 01");
  log_says(lab, "wires i2c 0x10 00 c8");
  for (int c = 0; c < 2; c++)
    pl_bus_free(clients[c].bus);
}

struct one {
  struct pl_job job;
  struct pl_bus *bus;
  uint8_t address, in[40];
  size_t len;
};

static enum pl_status run_one(struct pl_job *job, struct pl_err *err)
{
  struct one *one = job->ctx;
  uint8_t command = 1;
  return pl_i2c_write_read(one->bus, one->address, &command, 1, one->in, one->len, err);
}

static enum pl_status read_one(struct lab *lab, struct pl_bus *bus, uint8_t address, size_t len)
{
  struct one one = {.bus = bus, .address = address, .len = len};
  one.job = (struct pl_job){.run = run_one, .ctx = &one, .deadline = pl_clock_now(lab->clock) + 20 * PL_S};
  lab->err = (struct pl_err){0};
  return pl_bus_run(bus, &one.job, &lab->err);
}

static void what_goes_wrong_is_told(void **state)
{
  struct lab *lab = *state;
  struct client client, none;
  client_of(lab, &client, &pl_adapter_remote_i2c, "wires");
  assert_int_equal(read_one(lab, client.bus, 0x22, 2), PL_E_NACK);
  assert_non_null(strstr(lab->err.text, "nobody at 0x22"));
  assert_int_equal(read_one(lab, client.bus, ADDRESS, 34), PL_E_UNSUPPORTED);
  assert_int_equal(read_one(lab, client.bus, ADDRESS, 33), PL_OK);
  assert_int_equal(connect_client(lab, &none, &pl_adapter_remote_i2c, "lines"), PL_E_USAGE);
  assert_non_null(strstr(lab->err.text, "no i2c bus 'lines'"));
  pl_bus_free(none.bus);
  pl_bus_free(client.bus);
  assert_null(strstr(text_of(lab->log), "i2c")); /* reads are not logged */
}

/* A client that has the bus and dies, or says nothing more, does not keep it. */
struct greedy {
  struct lab *lab;
  bool dies;
  int fd;
  struct pl_post post;
  bool over; /* the loop's */
};

static void raise_flag(void *ctx)
{
  *(bool *)ctx = true;
}

static void *grab(void *ctx)
{
  struct greedy *greedy = ctx;
  struct pl_remote_frame frame = {.bytes = NULL};
  struct pl_err err = {0};
  const uint8_t bytes[] = {0, 0x55};
  bool good = !pl_remote_connect(greedy->lab->clock, greedy->lab->path, PL_REMOTE_I2C_BUS, "wires", 1, &greedy->fd, NULL, &err);
  pl_remote_begin(&frame, PL_REMOTE_I2C);
  pl_remote_put(&frame, 1, 2);
  pl_remote_put(&frame, 1, 2);
  pl_remote_put(&frame, ADDRESS, 1);
  pl_remote_put(&frame, 0, 1);
  pl_remote_put(&frame, sizeof bytes, 2);
  pl_remote_put_bytes(&frame, bytes, sizeof bytes);
  good = good && !pl_remote_send(greedy->fd, &frame, &err) && !pl_remote_receive(greedy->lab->clock, greedy->fd, &frame, 10 * PL_S, &err);
  pl_remote_free(&frame);
  if (greedy->dies)
    close(greedy->fd);
  greedy->post = (struct pl_post){.run = raise_flag, .ctx = &greedy->over};
  pl_clock_post(greedy->lab->clock, &greedy->post);
  return good ? NULL : "it was not answered";
}

static void check_greedy(struct lab *lab, bool dies, pl_time_ns least, pl_time_ns most)
{
  struct greedy greedy = {.lab = lab, .dies = dies, .fd = -1};
  struct client client;
  pthread_t thread;
  void *trouble = NULL;
  client_of(lab, &client, &pl_adapter_remote_i2c, "wires");
  assert_int_equal(pthread_create(&thread, NULL, grab, &greedy), 0);
  while (!greedy.over) /* the loop must run for that */
    pl_clock_step(lab->clock, pl_clock_now(lab->clock) + 100 * PL_MS);
  pthread_join(thread, &trouble);
  if (trouble)
    fail_msg("%s", (const char *)trouble);
  assert_int_equal(lab->page, 0x55);
  pl_time_ns before = pl_clock_now(lab->clock);
  if (read_one(lab, client.bus, ADDRESS, 1))
    fail_msg("%s", lab->err.text);
  pl_time_ns took = pl_clock_now(lab->clock) - before;
  if (took < least || took > most)
    fail_msg("it took %lld ms", (long long)(took / PL_MS));
  if (!dies)
    close(greedy.fd);
  pl_bus_free(client.bus);
}

static void who_dies_or_is_silent_lets_go(void **state)
{
  check_greedy(*state, true, 0, 1500 * PL_MS);
  check_greedy(*state, false, 1000 * PL_MS, 6 * PL_S);
}

/* --- GPIO --- */

struct level {
  struct pl_job job;
  struct pl_bus *bus;
  int handle;
  bool set, value;
};

static enum pl_status run_level(struct pl_job *job, struct pl_err *err)
{
  struct level *level = job->ctx;
  return level->set ? pl_gpio_set(level->bus, &level->handle, 1, &level->value, err) : pl_gpio_get(level->bus, &level->handle, 1, &level->value, err);
}

static bool level(struct lab *lab, struct pl_bus *bus, int handle, bool set, bool value)
{
  struct level what = {.bus = bus, .handle = handle, .set = set, .value = value};
  what.job = (struct pl_job){.run = run_level, .ctx = &what, .deadline = pl_clock_now(lab->clock) + 20 * PL_S};
  if (pl_bus_run(bus, &what.job, &lab->err))
    fail_msg("%s", lab->err.text);
  return what.value;
}

/* A request waits for its answer, which needs the loop: that of a client in this process goes from another thread. */
struct asked {
  struct pl_bus *bus;
  struct pl_gpio_line line;
  int handle;
  enum pl_status status;
  struct pl_err err;
  struct pl_clock *clock;
  struct pl_post post;
  bool over;
};

static void *ask(void *ctx)
{
  struct asked *asked = ctx;
  asked->status = pl_gpio_request(asked->bus, &asked->line, &asked->handle, &asked->err);
  asked->post = (struct pl_post){.run = raise_flag, .ctx = &asked->over};
  pl_clock_post(asked->clock, &asked->post);
  return NULL;
}

static enum pl_status request(struct lab *lab, struct pl_bus *bus, struct pl_gpio_line line, int *handle)
{
  struct asked asked = {.bus = bus, .line = line, .clock = lab->clock};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, ask, &asked), 0);
  while (!asked.over)
    pl_clock_step(lab->clock, pl_clock_now(lab->clock) + 100 * PL_MS);
  pthread_join(thread, NULL);
  lab->err = asked.err;
  *handle = asked.handle;
  return asked.status;
}

static void lines_are_one_clients_at_a_time(void **state)
{
  struct lab *lab = *state;
  struct client a, b;
  int out, in, mine, other;
  client_of(lab, &a, &pl_adapter_remote_gpio, "lines");
  client_of(lab, &b, &pl_adapter_remote_gpio, "lines");
  const struct pl_gpio_line L1 = {.name = "L1", .offset = -1, .consumer = "valve", .output = true, .initial = false};
  const struct pl_gpio_line L0 = {.name = "L0", .offset = -1, .consumer = "switch", .edges = true, .active_low = true};
  assert_int_equal(request(lab, a.bus, L1, &out), PL_OK);
  assert_int_equal(request(lab, b.bus, L0, &in), PL_OK);
  assert_int_equal(request(lab, b.bus, (struct pl_gpio_line){.name = "L4", .offset = -1, .consumer = "x"}, &other), PL_OK);
  assert_true(level(lab, b.bus, in, false, false)); /* low, and active-low */
  level(lab, a.bus, out, true, true);
  assert_false(level(lab, b.bus, in, false, false));
  struct pl_gpio_edges edges = {0};
  for (pl_time_ns until = pl_clock_now(lab->clock) + 10 * PL_S; !edges.falling && pl_clock_now(lab->clock) < until;) {
    pl_clock_step(lab->clock, pl_clock_now(lab->clock) + PL_MS);
    pl_gpio_edges(b.bus, in, &edges);
  }
  assert_int_equal(edges.falling, 1);
  assert_int_equal(edges.rising, 0);
  assert_int_equal(request(lab, b.bus, L1, &mine), PL_E_LOCKED);
  assert_non_null(strstr(lab->err.text, "in use, by test_broker["));
  pl_bus_free(a.bus); /* it dies: the line is free, and as it was driven */
  assert_true(lab->level[1]);
  struct pl_gpio_line again = L1;
  again.as_is = true;
  enum pl_status status = PL_E_LOCKED;
  for (pl_time_ns until = pl_clock_now(lab->clock) + 10 * PL_S; status == PL_E_LOCKED && pl_clock_now(lab->clock) < until;)
    status = request(lab, b.bus, again, &mine);
  assert_int_equal(status, PL_OK);
  assert_true(lab->level[1]);
  level(lab, b.bus, mine, true, false);
  assert_false(lab->level[1]);
  log_says(lab, "lines gpio L1=0");
  log_says(lab, "lines gpio L1=1");
  pl_bus_free(b.bus);
}

/* --- Modbus --- */

struct registers {
  struct pl_job job;
  struct pl_bus *bus;
  uint8_t unit;
  uint16_t value;
  int what;
};

static enum pl_status run_registers(struct pl_job *job, struct pl_err *err)
{
  struct registers *r = job->ctx;
  bool bit;
  return r->what == 0   ? pl_modbus_write_registers(r->bus, r->unit, 5, 1, &r->value, err)
         : r->what == 1 ? pl_modbus_read_holding(r->bus, r->unit, 5, 1, &r->value, err)
                        : pl_modbus_read_coils(r->bus, r->unit, 5, 1, &bit, err);
}

static enum pl_status registers(struct lab *lab, struct pl_bus *bus, uint8_t unit, int what, uint16_t *value)
{
  struct registers r = {.bus = bus, .unit = unit, .what = what, .value = *value};
  r.job = (struct pl_job){.run = run_registers, .ctx = &r, .deadline = pl_clock_now(lab->clock) + 20 * PL_S};
  enum pl_status status = pl_bus_run(bus, &r.job, &lab->err);
  *value = r.value;
  return status;
}

static void modbus_goes_through(void **state)
{
  struct lab *lab = *state;
  struct client client;
  uint16_t value = 0x1234;
  client_of(lab, &client, &pl_adapter_remote_modbus, "units");
  assert_int_equal(registers(lab, client.bus, 7, 0, &value), PL_OK);
  value = 0;
  assert_int_equal(registers(lab, client.bus, 7, 1, &value), PL_OK);
  assert_int_equal(value, 0x1234);
  assert_int_equal(registers(lab, client.bus, 7, 2, &value), PL_E_EXCEPTION);
  assert_non_null(strstr(lab->err.text, "illegal function"));
  assert_int_equal(registers(lab, client.bus, 8, 1, &value), PL_E_TIMEOUT);
  log_says(lab, "units modbus 7 06 00 05 12 34");
  pl_bus_free(client.bus);
}

static void a_second_broker_is_refused(void **state)
{
  struct lab *lab = *state;
  struct pl_broker *second = NULL;
  struct pl_broker_cfg cfg = {.clock = lab->clock, .buses = lab->behind, .n_buses = 0, .path = lab->path};
  assert_int_equal(pl_broker_new(&cfg, &second, &lab->err), PL_E_LOCKED);
  assert_null(second);
  char path[128];
  snprintf(path, sizeof path, "%s/other", lab->folder);
  cfg.path = path;
  cfg.log = "/nonexistent/log";
  assert_int_equal(pl_broker_new(&cfg, &second, &lab->err), PL_E_USAGE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(jobs_stay_together, setup, teardown),
      cmocka_unit_test_setup_teardown(what_goes_wrong_is_told, setup, teardown),
      cmocka_unit_test_setup_teardown(who_dies_or_is_silent_lets_go, setup, teardown),
      cmocka_unit_test_setup_teardown(lines_are_one_clients_at_a_time, setup, teardown),
      cmocka_unit_test_setup_teardown(modbus_goes_through, setup, teardown),
      cmocka_unit_test_setup_teardown(a_second_broker_is_refused, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
