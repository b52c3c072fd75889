/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_STACK_H
#define PL_RIG_STACK_H

#include "drivers/rig/bench.h"

/*
 * A control stack in this process, spoken to as over HTTP. The host opens the one that ships (control/) by name and never includes a header of it, so that
 * what a sequence can know of it is what its door tells: a request in, a response out, whether the stack is here or at a URL.
 */
struct pl_http_field {
  const char *name, *value;
};
#define PL_HTTP_FIELDS_MAX 24

/* Caller-owned, also what its pointers point to, until done() ran. */
struct pl_http_request {
  const char *method;   /* "GET" */
  const char *target;   /* path and query: "/redfish/v1/Chassis/csu-1?$select=Id" */
  const char *body;     /* NULL: none */
  size_t body_size;
  struct pl_http_field fields[PL_HTTP_FIELDS_MAX]; /* request headers */
  size_t n_fields;
  const char *peer;     /* who asks, for the audit log: "127.0.0.1" or "embedded" */
  bool encrypted;       /* over TLS or in process: credentials may be sent */
  void (*done)(struct pl_http_request *request); /* once; the loop's thread */
  void *ctx;
  /* The answer, set when done() runs; pl_http_answer_free releases it. */
  struct pl_http_answer {
    int status;         /* 200, 404, ... */
    char *body;         /* malloc'd; NULL: none */
    size_t body_size;
    const char *type;   /* Content-Type; static; NULL: application/json with a body */
    struct pl_http_field fields[PL_HTTP_FIELDS_MAX]; /* further headers; values malloc'd, names static */
    size_t n_fields;
  } answer;
};
const char *pl_http_field(const struct pl_http_field *fields, size_t count, const char *name); /* NULL when absent; names without regard to case */
/* Copies the value; dropped (and status 500) when there is no memory or room. */
void pl_http_answer_add(struct pl_http_answer *answer, const char *name, const char *value);
void pl_http_answer_free(struct pl_http_answer *answer);

/* One event of the stack's stream, as its SSE would send it. */
struct pl_stack_event {
  uint64_t id;
  const char *json; /* an Event resource */
  pl_time_ns at;
};

struct pl_stack_cfg {
  struct pl_bench *bench;  /* the rack; caller's, outlives the stack, which uses only what the stack owns */
  const char *store;       /* a file for what must outlive the stack; NULL: in memory */
  const char *decisions;   /* a folder for a journal from which its decisions can be taken again, outlives the stack; NULL: none is kept */
  const char *mutant;      /* a lie by name; NULL: honest. PL_E_USAGE where this build has none */
  const char *settings;    /* a YAML file, or the text of one: "{poll: 1 s}"; NULL: defaults */
  uint64_t seed;
  const char *user, *password; /* the first administrator's; NULL password: made, and told by told() once */
  void (*told)(void *ctx, const char *user, const char *password);
  void *told_ctx;
};

struct pl_stack_desc {
  const char *name; /* "rackd" */
  enum pl_status (*open)(const struct pl_stack_cfg *cfg, void **self, struct pl_err *err);
  /* Ends at once, without a last word to anybody: what a kill leaves behind is what the store holds. Outputs stay as they are. */
  void (*kill)(void *self);
  void (*close)(void *self);
  /* Loop's thread. done() may run before this returns. */
  void (*submit)(void *self, struct pl_http_request *request);
  /* For drills: kills the stack (submit answers 503 from then on) just when `procedure` has persisted that it begins, or ended, a step ("power-down", true).
   * NULL procedure: not any more. PL_E_USAGE: no such. */
  enum pl_status (*kill_at)(void *self, const char *procedure, const char *step, bool ended, struct pl_err *err);
  bool (*is_dead)(const void *self);
  /* The stack's event stream in process: those after `after` that it still has, oldest first, then each as it happens (json: an Event resource, as SSE sends it).
   * One listener; event NULL: none any more. Loop's thread. NULL: it has no such stream. */
  enum pl_status (*listen)(void *self, uint64_t after, void (*event)(void *ctx, const struct pl_stack_event *event), void *ctx, struct pl_err *err);
  /* The mutants of this build, a name and a sentence each; returns their count. */
  size_t (*mutants)(const struct pl_word **words);
};

/* Generated from the tree: every `const struct pl_stack_desc pl_stack_*`. */
extern const struct pl_stack_desc *const pl_stacks[];
extern const size_t pl_n_stacks;

#endif
