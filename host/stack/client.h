/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_CLIENT_H
#define PL_HOST_CLIENT_H

#include "drivers/rig/stack.h"

/*
 * A client of a Redfish service: the control stack under judgement, in this process or at a URL. It opens a session and deletes it, asks, and hears events;
 * what an answer means is the caller's to say. Loop's thread; a call ends by its done(), never before it was made.
 */
struct pl_client;

struct pl_client_cfg {
  struct pl_clock *clock;
  const char *url;                      /* "https://10.0.0.5:8443"; NULL: the stack in this process */
  /* URL. pin: "sha256//BASE64" of the certificate's public key (as curl spells it), or the SHA-256 of the certificate in hex; NULL: the system's CAs judge. */
  const char *pin, *user, *password;
  /* In this process. */
  struct pl_bench *bench;
  const char *mutant, *settings;        /* pl_stack_cfg */
  uint64_t seed;
  bool drills;                          /* it will be killed and started again: what it keeps goes into a file */
  const struct pl_stack_desc *embedded; /* NULL: the one that ships */
};

/* What can be refused of it without asking anybody: PL_E_USAGE. */
enum pl_status pl_client_check(const struct pl_client_cfg *cfg, struct pl_err *err);
/* As much; nobody is asked, and no stack started yet. cfg and its strings outlive the client. */
enum pl_status pl_client_new(const struct pl_client_cfg *cfg, struct pl_client **client, struct pl_err *err);
/* Starts the stack or reaches the one at the URL, opens a session and begins to hear events. Steps the clock until that is done. */
enum pl_status pl_client_begin(struct pl_client *client, struct pl_err *err);
/* Deletes the session and closes the stack that is in this process; the sentence says what could not be. Steps the clock, for some seconds at most. */
enum pl_status pl_client_end(struct pl_client *client, struct pl_err *err);
void pl_client_free(struct pl_client *client); /* ends it first */

bool pl_client_is_embedded(const struct pl_client *client);
const char *pl_client_name(const struct pl_client *client); /* "rackd" (in this process), or the URL */
/* What the service root says it is: "Plumbline rackd 0.1.0, Redfish 1.20.0"; "" before it was asked. */
const char *pl_client_about(const struct pl_client *client);

/* --- asking --- */
#define PL_CLIENT_BODY_MAX (8u << 20)
#define PL_CLIENT_TIMEOUT_NS (10 * PL_S)

struct pl_ask_cfg {
  const char *method, *target, *body; /* copied; target: path and query, or a URL of the same stack. body: JSON; NULL: none */
  const char *if_match;               /* NULL: none */
  const char *token;                  /* NULL: the client's own session; "": nobody's */
  pl_time_ns timeout_ns;              /* 0: PL_CLIENT_TIMEOUT_NS */
  void (*done)(void *ctx);            /* loop's thread */
  void *ctx;
};
struct pl_ask; /* one request and what came of it */
enum pl_status pl_client_ask(struct pl_client *client, const struct pl_ask_cfg *cfg, struct pl_ask **ask, struct pl_err *err);
/* Any time; done() is not called any more. */
void pl_ask_release(struct pl_ask *ask);
/* After done(): PL_OK with an answer of whatever HTTP status, or why there is none (PL_E_TIMEOUT, PL_E_GONE, PL_E_GARBAGE, ...). */
enum pl_status pl_ask_status(const struct pl_ask *ask, const struct pl_err **err);
const struct pl_http_answer *pl_ask_answer(const struct pl_ask *ask);
pl_time_ns pl_ask_took(const struct pl_ask *ask);
const char *pl_ask_target(const struct pl_ask *ask);
/* The credentials' own request, for whoever wants a session besides the client's: the body of a POST to the sessions. */
enum pl_status pl_client_login_body(const struct pl_client *client, char *out, size_t size, struct pl_err *err);

/* --- events --- */
struct pl_client_event {
  uint64_t id;             /* of the stream; 0: it has none that is a number */
  pl_time_ns at;           /* when it came */
  const char *message_id;  /* "Environmental.1.4.LeakDetectedCritical" */
  const char *message;     /* its last word */
  const char *origin;      /* "/redfish/v1/Chassis/csu-1"; "": none */
  const char *severity, *text;
  const char *json;        /* the EventRecord */
};
#define PL_CLIENT_EVENTS_MAX 8192 /* the last so many stay */
/* index counts from the first event ever heard; NULL: not (any more, or yet) there. */
const struct pl_client_event *pl_client_event(const struct pl_client *client, uint64_t index);
uint64_t pl_client_event_count(const struct pl_client *client);

struct pl_client_watch {
  void (*event)(void *ctx, const struct pl_client_event *event);
  /* The stream itself is wrong: an event missing, repeated or out of order, one that is none. verdict: "event-missing". */
  void (*wrong)(void *ctx, const char *verdict, const char *sentence);
  /* It was interrupted, or is there again; for the log. */
  void (*link)(void *ctx, const char *sentence);
  void *ctx;
};
void pl_client_set_watch(struct pl_client *client, const struct pl_client_watch *watch); /* copied; NULL: nobody */

/* --- drills: the stack in this process only, else PL_E_UNSUPPORTED with a sentence --- */
enum pl_status pl_client_kill(struct pl_client *client, struct pl_err *err);
enum pl_status pl_client_kill_at(struct pl_client *client, const char *procedure, const char *step, bool ended, struct pl_err *err);
enum pl_status pl_client_start(struct pl_client *client, struct pl_err *err); /* again, with what its store holds */
bool pl_client_is_dead(const struct pl_client *client);

#endif
