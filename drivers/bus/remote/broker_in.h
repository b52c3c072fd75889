/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_REMOTE_BROKER_IN_H
#define PL_BUS_REMOTE_BROKER_IN_H

#include "drivers/bus/remote/broker.h"
#include "drivers/bus/remote/server.h"

#include <pthread.h>

struct pl_broker_waiter { /* in line for a bus */
  struct pl_broker_waiter *next;
};

struct pl_broker_line { /* as the bus knows it: levels are those of the wire */
  char name[64], consumer[64]; /* name "": by offset */
  int offset, handle;
  bool output, edges;
  struct pl_remote_client *owner; /* NULL: nobody */
  size_t theirs;                  /* its handle there */
  bool active_low;                /* of the owner's */
  uint64_t rising, falling;       /* edges that the owner has been told */
};

struct pl_broker_bus {
  struct pl_broker *broker;
  struct pl_bus *bus;
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t news;
  struct pl_remote_client *holder; /* NULL: the bus is free */
  struct pl_broker_waiter *first, **last;
  struct pl_remote_client *watchers; /* connections for edges */
  struct pl_broker_line *lines[PL_REMOTE_LINES_MAX]; /* requested so far; they stay */
  size_t n_lines;
};

struct pl_broker {
  struct pl_clock *clock;
  struct pl_remote_server *server;
  struct pl_broker_bus *buses;
  size_t n_buses;
  int log;
};

/* What is done in a job on the bus, while the client has it to itself. */
struct pl_broker_work {
  struct pl_remote_errand errand; /* the first */
  struct pl_job job;
  struct pl_broker_bus *bus;
  struct pl_remote_client *client;
  pl_time_ns timeout_ns; /* 0: one second */
  enum pl_status (*run)(struct pl_broker_work *work, struct pl_err *err);
  bool ran;
};
/* Waits for the bus, runs the work, and gives the bus back unless keep. */
enum pl_status pl_broker_do(struct pl_broker_work *work, bool keep, struct pl_err *err);
void pl_broker_release(struct pl_remote_client *client);
void pl_broker_log(struct pl_broker_bus *bus, const struct pl_remote_client *client, const char *what, const uint8_t *bytes, size_t len, enum pl_status status);

/* broker_lines.c */
enum pl_status pl_broker_request(struct pl_remote_client *client, const struct pl_gpio_line *as, size_t handle, struct pl_err *err);
bool pl_broker_is_output(const void *line);
enum pl_status pl_broker_get(struct pl_remote_client *client, const uint16_t *handles, size_t count, bool *values, struct pl_err *err);
enum pl_status pl_broker_set(struct pl_remote_client *client, const uint16_t *handles, size_t count, const bool *values, struct pl_err *err);
enum pl_status pl_broker_watch(struct pl_remote_client *client, struct pl_err *err);
void pl_broker_leave_lines(struct pl_remote_client *client);
void pl_broker_tell_edges(void *bus); /* loop's thread */

#endif
