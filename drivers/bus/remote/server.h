/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_REMOTE_SERVER_H
#define PL_BUS_REMOTE_SERVER_H

#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"
#include "drivers/bus/remote/wire.h"

/*
 * The other end of wire.h: a Unix socket that serves buses to other processes, whatever stands behind them (the virtual rack; real adapters, for a broker).
 * A thread serves each connection; what must be done on the loop's thread goes there by pl_remote_on_loop.
 */
#define PL_REMOTE_LINES_MAX 512

struct pl_remote_server;
struct pl_remote_client;

/* What stands behind a server. On a connection's thread; NULL: it has no such thing, and the connection ends. */
struct pl_remote_ops {
  const char *name; /* "virtual rack", for sentences */
  /* HELLO: finds client->what and `bus`, sets client->bus; fills what the client must know of it (but clock and id). Not asked for CONTROL. */
  enum pl_status (*greet)(struct pl_remote_client *client, const char *bus, struct pl_remote_welcome *welcome, struct pl_err *err);
  /* Sets each transfer's status; returns the first failure. */
  enum pl_status (*i2c)(struct pl_remote_client *client, struct pl_i2c_transfer *list, size_t count, struct pl_err *err);
  enum pl_status (*recover)(struct pl_remote_client *client, struct pl_err *err);
  enum pl_status (*modbus)(struct pl_remote_client *client, uint8_t unit, pl_time_ns timeout_ns, const uint8_t *request, size_t len, uint8_t *answer,
                           size_t room, size_t *answer_len, pl_time_ns *wire_ns, struct pl_err *err);
  /* GPIO: sets client->lines[handle], which was free. get and set: only lines that were requested, set only outputs (is_output). */
  enum pl_status (*request)(struct pl_remote_client *client, const struct pl_gpio_line *as, size_t handle, struct pl_err *err);
  bool (*is_output)(const void *line);
  enum pl_status (*get)(struct pl_remote_client *client, const uint16_t *handles, size_t count, bool *values, struct pl_err *err);
  enum pl_status (*set)(struct pl_remote_client *client, const uint16_t *handles, size_t count, const bool *values, struct pl_err *err);
  /* A connection for edges has been greeted: they go to pl_remote_send_edge from now on, until leave. */
  enum pl_status (*watch)(struct pl_remote_client *client, struct pl_err *err);
  void (*release)(struct pl_remote_client *client); /* RELEASE, or nothing came for so long while client->holds */
  void (*leave)(struct pl_remote_client *client);   /* the connection ends: gives its lines back */
  /* Control connections. control: on the loop's thread where there is a server, else on the caller's. */
  enum pl_status (*control)(void *ctx, enum pl_remote_type type, const char *a, const char *b, double *value, struct pl_err *err);
  bool (*tell)(void *ctx, enum pl_remote_type type, struct pl_remote_frame *reply); /* TRUTHS, PLANTED: what follows the reply's status */
};

struct pl_remote_client { /* one connection */
  const struct pl_remote_ops *ops;
  void *ctx;                       /* what stands behind */
  struct pl_clock *clock;
  struct pl_remote_server *server; /* NULL: no socket (a fuzz target feeds it) */
  enum pl_remote_what what;
  bool greeted;
  uint32_t id, of;                 /* of: the GPIO connection whose edges this one wants */
  long pid;
  char name[32];                   /* of its program */
  void *bus;                       /* the rest is whoever's stands behind */
  void *lines[PL_REMOTE_LINES_MAX];
  bool holds;                      /* it has the bus to itself until RELEASE */
  struct pl_remote_client *next;
};

/* Answers one request: fills reply; an empty one is not sent. False: what came is no request of ours, and the connection must end. */
bool pl_remote_answer(struct pl_remote_client *client, struct pl_remote_frame *request, struct pl_remote_frame *reply);

struct pl_remote_server_cfg {
  const struct pl_remote_ops *ops;
  void *ctx;
  struct pl_clock *clock; /* whose loop runs */
  const char *path;
};
enum pl_status pl_remote_server_new(const struct pl_remote_server_cfg *cfg, struct pl_remote_server **server, struct pl_err *err);
const char *pl_remote_server_path(const struct pl_remote_server *server);
/* Nothing new is begun; then whoever stands behind ends what runs; then free waits for the threads. Loop's thread. free alone does both. */
void pl_remote_server_stop(struct pl_remote_server *server);
void pl_remote_server_free(struct pl_remote_server *server);

/* Any thread: an edge for the connection that watches. One that does not read is cut off: no edge is lost in silence. */
void pl_remote_send_edge(struct pl_remote_client *client, int handle, bool active, uint64_t count, pl_time_ns at);

/* Something that begins on the loop's thread (run) and is over when somebody says so there (pl_remote_errand_over). Waits for that; false: the server stops,
 * and it was not begun. */
struct pl_remote_errand {
  void (*run)(struct pl_remote_errand *errand);
  struct pl_remote_server *server; /* filled in */
  struct pl_post post;
  bool begun, over;
};
bool pl_remote_on_loop(struct pl_remote_server *server, struct pl_remote_errand *errand);
void pl_remote_errand_over(struct pl_remote_errand *errand);

#endif
