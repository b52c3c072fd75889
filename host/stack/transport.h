/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_TRANSPORT_H
#define PL_HOST_TRANSPORT_H

#include "host/stack/client.h"

/* How a client's requests travel: into this process, or over HTTP. Loop's thread on both sides. */
struct pl_ask {
  struct pl_http_request http;
  struct pl_err err;             /* set by the transport where no answer came */
  pl_time_ns deadline;
  /* The client's own. */
  struct pl_client *client;
  struct pl_ask *next;
  struct pl_timer timer;         /* its deadline, then the moment of its answer */
  pl_time_ns asked, answered;
  bool flying, told, released;   /* flying: the transport has it */
  bool own_token;
  void (*done)(void *ctx);
  void *ctx;
  char *target, *body, *if_match, *token;
};

struct pl_transport_desc {
  enum pl_status (*open)(struct pl_client *client, const struct pl_client_cfg *cfg, void **self, struct pl_err *err);
  void (*close)(void *self);
  /* Ends with pl_client_answered(ask), also after its deadline. */
  void (*submit)(void *self, struct pl_ask *ask);
  /* Events after `after` (0: from now on) come to pl_client_heard. token: the session's, kept by the client until close. */
  enum pl_status (*listen)(void *self, uint64_t after, const char *target, const char *token, struct pl_err *err);
  const char *(*name)(const void *self);
  /* Drills; NULL: not there. */
  enum pl_status (*kill)(void *self, struct pl_err *err);
  enum pl_status (*kill_at)(void *self, const char *procedure, const char *step, bool ended, struct pl_err *err);
  enum pl_status (*start)(void *self, struct pl_err *err);
  bool (*is_dead)(const void *self);
};
extern const struct pl_transport_desc pl_transport_embedded, pl_transport_url;

/* --- client.c, for transports --- */
const char *pl_client_user(const struct pl_client *client);
const char *pl_client_password(const struct pl_client *client);
void pl_client_answered(struct pl_ask *ask);
void pl_client_heard(struct pl_client *client, uint64_t id, const char *json, size_t len, pl_time_ns at);
void pl_client_link(struct pl_client *client, const char *sentence);
/* Those that the transport has and will not answer: each is answered with `why`. */
void pl_client_drop(struct pl_client *client, enum pl_status status, const char *why);

/* --- events.c --- */
struct pl_event_log;
enum pl_status pl_event_log_new(struct pl_event_log **log, struct pl_err *err);
void pl_event_log_free(struct pl_event_log *log);
void pl_event_log_add(struct pl_event_log *log, const struct pl_client_watch *watch, uint64_t id, const char *json, size_t len, pl_time_ns at);
void pl_event_log_gap(struct pl_event_log *log); /* ids may be missing here: the stack was killed, or the link was down */
void pl_event_log_end(struct pl_event_log *log, const struct pl_client_watch *watch); /* what is still missing is */
uint64_t pl_event_log_last(const struct pl_event_log *log); /* the highest id; 0: none */
uint64_t pl_event_log_count(const struct pl_event_log *log);
const struct pl_client_event *pl_event_log_at(const struct pl_event_log *log, uint64_t index);

#endif
