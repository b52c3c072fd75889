/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/remote/broker_in.h"

#include "drivers/bus/modbus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IN_LINE_S 10     /* that a client waits for a bus: each before it has a few seconds at most */
#define BYTES_LOGGED 64

/* --- the log --- */

/* One write(2) a line, so that a reader of the growing file sees whole lines. On a full disk lines are missing, and the buses go on. */
void pl_broker_log(struct pl_broker_bus *bus, const struct pl_remote_client *client, const char *what, const uint8_t *bytes, size_t len, enum pl_status status)
{
  char line[256 + 3 * BYTES_LOGGED];
  struct timespec now;
  struct tm utc;
  if (bus->broker->log < 0)
    return;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  used += (size_t)snprintf(line + used, sizeof line - used, ".%06ldZ %.48s %.31s[%ld] %.80s", now.tv_nsec / 1000, pl_bus_name(bus->bus), client->name,
                           client->pid, what);
  for (size_t i = 0; i < len && i < BYTES_LOGGED; i++)
    used += (size_t)snprintf(line + used, sizeof line - used, " %02x", bytes[i]);
  if (len > BYTES_LOGGED)
    used += (size_t)snprintf(line + used, sizeof line - used, " ...");
  if (status)
    used += (size_t)snprintf(line + used, sizeof line - used, ": %s", pl_status_text(status));
  used += (size_t)snprintf(line + used, sizeof line - used, "\n");
  if (write(bus->broker->log, line, used) != (ssize_t)used) { /* see above */
  }
}

/* --- one client at a time --- */

static void leave_line(struct pl_broker_bus *bus, struct pl_broker_waiter *me)
{
  struct pl_broker_waiter **at = &bus->first;
  while (*at != me)
    at = &(*at)->next;
  *at = me->next;
  if (!*at)
    bus->last = at;
}

static enum pl_status take_bus(struct pl_broker_bus *bus, struct pl_remote_client *client, struct pl_err *err)
{
  struct pl_broker_waiter me = {.next = NULL};
  struct timespec until;
  enum pl_status status = PL_OK;
  int late = 0;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += IN_LINE_S;
  pthread_mutex_lock(&bus->lock);
  if (bus->holder != client) {
    *bus->last = &me;
    bus->last = &me.next;
    while ((bus->holder || bus->first != &me) && late != ETIMEDOUT)
      late = pthread_cond_timedwait(&bus->news, &bus->lock, &until);
    leave_line(bus, &me);
    if (!bus->holder && late != ETIMEDOUT)
      bus->holder = client;
    else
      status = pl_fail(err, PL_E_BUSY, "%s was in use by others for %d s, by %s[%ld] now; try again", pl_bus_name(bus->bus), IN_LINE_S,
                       bus->holder ? bus->holder->name : "nobody", bus->holder ? bus->holder->pid : 0);
    pthread_cond_broadcast(&bus->news); /* the next in line may be the first now */
  }
  pthread_mutex_unlock(&bus->lock);
  return status;
}

void pl_broker_release(struct pl_remote_client *client)
{
  struct pl_broker_bus *bus = client->bus;
  client->holds = false;
  if (!bus)
    return;
  pthread_mutex_lock(&bus->lock);
  if (bus->holder == client) {
    bus->holder = NULL;
    pthread_cond_broadcast(&bus->news);
  }
  pthread_mutex_unlock(&bus->lock);
}

static enum pl_status run_job(struct pl_job *job, struct pl_err *err)
{
  struct pl_broker_work *work = job->ctx;
  work->ran = true;
  return work->run(work, err);
}

static void job_done(struct pl_job *job)
{
  struct pl_broker_work *work = job->ctx;
  pl_remote_errand_over(&work->errand);
}

static void submit(struct pl_remote_errand *errand)
{
  struct pl_broker_work *work = (struct pl_broker_work *)(void *)errand; /* its first member */
  pl_time_ns timeout_ns = work->timeout_ns ? work->timeout_ns : PL_S;
  work->job = (struct pl_job){.run = run_job, .done = job_done, .ctx = work, .deadline = pl_clock_now(work->bus->broker->clock) + timeout_ns};
  pl_bus_submit(work->bus->bus, &work->job);
}

enum pl_status pl_broker_do(struct pl_broker_work *work, bool keep, struct pl_err *err)
{
  work->bus = work->client->bus;
  work->errand.run = submit;
  enum pl_status status = take_bus(work->bus, work->client, err);
  if (status)
    return status;
  work->client->holds = true;
  if (!pl_remote_on_loop(work->client->server, &work->errand))
    status = pl_fail(err, PL_E_CANCELLED, "the broker is being shut down");
  else if ((status = work->job.status) != PL_OK)
    *err = work->job.err;
  if (!keep)
    pl_broker_release(work->client);
  return status;
}

/* --- I2C and Modbus --- */

struct i2c_work {
  struct pl_broker_work work;
  struct pl_i2c_transfer *list;
  size_t count;
};

static enum pl_status run_i2c(struct pl_broker_work *work, struct pl_err *err)
{
  struct i2c_work *i2c = (struct i2c_work *)(void *)work;
  return pl_i2c_transfer(work->bus->bus, i2c->list, i2c->count, err);
}

static void log_i2c(struct pl_broker_bus *bus, const struct pl_remote_client *client, const struct pl_i2c_transfer *transfer)
{
  char what[16];
  for (size_t i = 0; i < transfer->count; i++)
    if (transfer->msgs[i].flags & PL_I2C_READ)
      return;
  for (size_t i = 0; i < transfer->count; i++) {
    snprintf(what, sizeof what, "i2c 0x%02x", transfer->msgs[i].address);
    pl_broker_log(bus, client, what, transfer->msgs[i].buf, transfer->msgs[i].len, transfer->status);
  }
}

static enum pl_status i2c(struct pl_remote_client *client, struct pl_i2c_transfer *list, size_t count, struct pl_err *err)
{
  struct i2c_work i2c = {.work = {.client = client, .run = run_i2c}, .list = list, .count = count};
  enum pl_status status = pl_broker_do(&i2c.work, client->of, err);
  bool any = false;
  for (size_t i = 0; i < count; i++)
    any |= list[i].status != PL_OK;
  for (size_t i = 0; i < count; i++) {
    if (status && !any) /* refused as a whole, or late */
      list[i].status = status;
    list[i].wire_ns = 0; /* it has been waited for */
    if (i2c.work.ran)
      log_i2c(client->bus, client, &list[i]);
  }
  return status;
}

static enum pl_status run_recover(struct pl_broker_work *work, struct pl_err *err)
{
  return pl_i2c_recover(work->bus->bus, err);
}

static enum pl_status recover(struct pl_remote_client *client, struct pl_err *err)
{
  struct pl_broker_work work = {.client = client, .run = run_recover};
  return pl_broker_do(&work, client->of, err);
}

struct modbus_work {
  struct pl_broker_work work;
  uint8_t unit, *answer;
  const uint8_t *request;
  size_t len, room, *answer_len;
};

static enum pl_status run_modbus(struct pl_broker_work *work, struct pl_err *err)
{
  struct modbus_work *modbus = (struct modbus_work *)(void *)work;
  return pl_modbus_raw(work->bus->bus, modbus->unit, modbus->request, modbus->len, modbus->answer, modbus->room, modbus->answer_len, err);
}

/* "MODBUS Application Protocol Specification V1.1b3", section 6: what writes. */
static bool writes(uint8_t function)
{
  static const uint8_t WRITES[] = {5, 6, 15, 16, 21, 22, 23};
  return memchr(WRITES, function, sizeof WRITES) != NULL;
}

static enum pl_status modbus(struct pl_remote_client *client, uint8_t unit, pl_time_ns timeout_ns, const uint8_t *request, size_t len, uint8_t *answer,
                             size_t room, size_t *answer_len, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct modbus_work modbus = {.work = {.client = client, .run = run_modbus, .timeout_ns = timeout_ns > 0 && timeout_ns < IN_LINE_S * PL_S ? timeout_ns : PL_S},
                               .unit = unit, .request = request, .len = len, .answer = answer, .room = room, .answer_len = answer_len};
  char what[16];
  enum pl_status status = pl_broker_do(&modbus.work, client->of, err);
  *wire_ns = 0;
  snprintf(what, sizeof what, "modbus %u", unit);
  if (modbus.work.ran && writes(request[0]))
    pl_broker_log(client->bus, client, what, request, len, status);
  return status == PL_E_EXCEPTION ? PL_OK : status; /* which is an answer: the client's layer says what it means */
}

/* --- connections --- */

static const enum pl_bus_kind KINDS[PL_REMOTE_WHATS] = {
    [PL_REMOTE_I2C_BUS] = PL_BUS_I2C, [PL_REMOTE_GPIO_BUS] = PL_BUS_GPIO, [PL_REMOTE_EDGES] = PL_BUS_GPIO, [PL_REMOTE_MODBUS_BUS] = PL_BUS_MODBUS};

static enum pl_status greet(struct pl_remote_client *client, const char *name, struct pl_remote_welcome *welcome, struct pl_err *err)
{
  struct pl_broker *broker = client->ctx;
  for (size_t i = 0; i < broker->n_buses && !client->bus; i++)
    if (!strcmp(pl_bus_name(broker->buses[i].bus), name) && pl_bus_kind(broker->buses[i].bus) == KINDS[client->what])
      client->bus = &broker->buses[i];
  struct pl_broker_bus *bus = client->bus;
  if (!bus)
    return pl_fail(err, PL_E_USAGE, "this broker has no %s bus '%s'; give it to it with --bus", pl_bus_kind_name(KINDS[client->what]), name);
  if (client->what == PL_REMOTE_I2C_BUS) {
    const struct pl_i2c_caps *caps = pl_i2c_caps(bus->bus);
    *welcome = (struct pl_remote_welcome){.speed_hz = caps->speed_hz, .caps = caps->flags, .max_write = caps->max_write, .max_read = caps->max_read,
                                          .max_batch = caps->max_batch};
  } else if (client->what != PL_REMOTE_MODBUS_BUS) {
    welcome->caps = pl_gpio_caps(bus->bus);
  }
  return PL_OK;
}

static void leave(struct pl_remote_client *client)
{
  if (!client->bus)
    return;
  pl_broker_leave_lines(client);
  pl_broker_release(client);
}

static const struct pl_remote_ops OPS = {
    .name = "broker",
    .greet = greet,
    .i2c = i2c,
    .recover = recover,
    .modbus = modbus,
    .request = pl_broker_request,
    .is_output = pl_broker_is_output,
    .get = pl_broker_get,
    .set = pl_broker_set,
    .watch = pl_broker_watch,
    .release = pl_broker_release,
    .leave = leave,
};

/* --- the broker --- */

static void set_up_bus(struct pl_broker *broker, struct pl_broker_bus *bus, struct pl_bus *of)
{
  pthread_condattr_t attributes;
  bus->broker = broker;
  bus->bus = of;
  bus->last = &bus->first;
  pthread_mutex_init(&bus->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&bus->news, &attributes);
  pthread_condattr_destroy(&attributes);
  if (pl_bus_kind(of) == PL_BUS_GPIO)
    pl_gpio_watch(of, pl_broker_tell_edges, bus);
}

enum pl_status pl_broker_new(const struct pl_broker_cfg *cfg, struct pl_broker **out, struct pl_err *err)
{
  struct pl_broker *broker = calloc(1, sizeof *broker);
  if (!broker || !(broker->buses = calloc(cfg->n_buses + 1, sizeof *broker->buses))) {
    free(broker);
    return pl_fail(err, PL_E_NOMEM, "out of memory for a broker");
  }
  broker->clock = cfg->clock;
  for (; broker->n_buses < cfg->n_buses; broker->n_buses++)
    set_up_bus(broker, &broker->buses[broker->n_buses], cfg->buses[broker->n_buses]);
  broker->log = cfg->log ? open(cfg->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  const struct pl_remote_server_cfg server = {.ops = &OPS, .ctx = broker, .clock = cfg->clock, .path = cfg->path};
  enum pl_status status = PL_OK;
  if (cfg->log && broker->log < 0) {
    pl_fail_errno(err, "cannot write the log %s", cfg->log);
    status = PL_E_USAGE;
  }
  if (!status)
    status = pl_remote_server_new(&server, &broker->server, err);
  if (status) {
    pl_broker_free(broker);
    return status;
  }
  *out = broker;
  return PL_OK;
}

void pl_broker_free(struct pl_broker *broker)
{
  if (!broker)
    return;
  if (broker->server)
    pl_remote_server_stop(broker->server);
  for (size_t i = 0; i < broker->n_buses; i++)
    pl_bus_stop(broker->buses[i].bus); /* what runs comes to its end, what waits is cancelled: so the connections' threads can go */
  pl_remote_server_free(broker->server);
  for (size_t i = 0; i < broker->n_buses; i++) {
    if (pl_bus_kind(broker->buses[i].bus) == PL_BUS_GPIO)
      pl_gpio_watch(broker->buses[i].bus, NULL, NULL);
    for (size_t k = 0; k < broker->buses[i].n_lines; k++)
      free(broker->buses[i].lines[k]);
    pthread_cond_destroy(&broker->buses[i].news);
    pthread_mutex_destroy(&broker->buses[i].lock);
  }
  if (broker->log >= 0)
    close(broker->log);
  free(broker->buses);
  free(broker);
}
