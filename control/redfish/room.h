/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_ROOM_H
#define PL_CONTROL_REDFISH_ROOM_H

/* Between the files of this room only. Others use service.h, route.h and gate.h. */
#include "control/procedure/procedure.h"
#include "control/redfish/route.h"
#include "control/redfish/rights.h"

#include <stdatomic.h>

/* The tree of URI templates. */
struct pl_tree {
  const char *word; /* one between slashes; "{}": any */
  const struct pl_route *route;
  struct pl_tree *first, *next;
};
struct pl_tree *pl_tree_new(void);
void pl_tree_free(struct pl_tree *tree);

/* Methods. */
enum { PL_METHOD_GET = 1, PL_METHOD_HEAD = 2, PL_METHOD_POST = 4, PL_METHOD_PATCH = 8, PL_METHOD_DELETE = 16, PL_METHOD_OPTIONS = 32, PL_METHOD_OTHER = 64,
       PL_METHOD_UNKNOWN = 128 };
unsigned pl_route_methods(const struct pl_route *route);
void pl_methods_text(unsigned methods, char *out, size_t size); /* "GET, HEAD, PATCH" */

/* Queries. */
#define PL_SELECT_MAX 32
struct pl_filter;
struct pl_query {
  bool only, excerpt;
  char expand; /* 0, '.', '~' or '*' */
  unsigned levels;
  bool has_top, has_skip;
  uint64_t top, skip;
  char *text; /* decoded; the pointers point into it */
  const char *select[PL_SELECT_MAX];
  size_t n_select;
  struct pl_filter *filter;
  const char *raw;
};
struct pl_oops { /* what is wrong with a request: a message of the Base registry */
  int status;
  const char *id;
  char args[3][160];
};
bool pl_query_parse(const char *text, struct pl_query *query, struct pl_oops *oops); /* text: after the '?'; NULL: none */
void pl_query_free(struct pl_query *query);
/* Collections: which members; the rest: $expand, $select, excerpt. Takes object, gives another. */
struct json_object *pl_query_collection(const struct pl_res *res, const struct pl_query *query, struct pl_oops *oops);
struct json_object *pl_query_apply(const struct pl_res *res, const struct pl_query *query, struct json_object *object);

enum pl_status pl_filter_parse(const char *text, struct pl_filter **filter, struct pl_err *err);
void pl_filter_free(struct pl_filter *filter);
bool pl_filter_holds(const struct pl_filter *filter, struct json_object *object);

/* Rendering. */
#define PL_PAGE_MAX 1000 /* members of one answer of a collection */
#define PL_EXPANDED_PAGE 100 /* the same of one that is always expanded, unless the client says $top */
#define PL_EXPAND_LEVELS_MAX 4
#define PL_EXPAND_MAX 4096 /* resources in one expanded answer */
struct pl_members {
  const char *collection;
  char **uris;
  size_t count, room;
  bool failed;
};
void pl_members_of(const struct pl_res *res, struct pl_members *members);
void pl_members_free(struct pl_members *members);
/* The collection with the members from `from` on, at most `most`; those that are links stay so. */
struct json_object *pl_render_collection(const struct pl_res *res, char *const *uris, size_t count, size_t total, const char *next_link);
struct json_object *pl_render(const struct pl_res *res, bool excerpt);
/* Of the content without its volatile properties; out of at least 24 bytes; returns out. */
char *pl_res_etag(const struct pl_res *res, struct json_object *object, char *out, size_t size);
bool pl_action_is_own(const struct pl_action *action); /* it stands below Actions/Oem (DSP0266 "OEM actions") */
/* {"a/b": v}: makes the objects on the way. Takes value. */
void pl_json_put_path(struct json_object *object, const char *path, struct json_object *value);
struct json_object *pl_json_path(struct json_object *object, const char *path, bool *found);
struct json_object *pl_json_member(struct json_object *object, const char *name); /* NULL: there is none, or it is null */
const char *pl_json_text(struct json_object *object, const char *name);           /* "": there is none, or it is no text */
struct json_object *pl_json_number(double value);
/* Template of pl_get_link -> URI. */
bool pl_uri_expand(const struct pl_res *res, const char *template, char *out, size_t size);

/* Base messages (message.c). */
struct pl_message {
  const char *id, *severity, *text, *resolution;
  int status;
};
const struct pl_message *pl_message_find(const char *id);
const struct pl_message *pl_messages(size_t *count);
/* With a sentence of our own for its Resolution (which no static table can give), and Oem.Plumbline of it; takes own. */
void pl_say_refusal(struct pl_exchange *x, const char *id, const char *arg, const char *sentence, struct json_object *own);
struct json_object *pl_message_json(const struct pl_message *message, const char *property, const char *const *args, size_t n_args);

/* An exchange and what only this room sees of it. */
struct pl_waiting;
struct pl_open_exchange {
  struct pl_exchange x; /* first */
  struct pl_query query;
  unsigned method;
  unsigned holds;
  bool handling, answered, patching;
  struct json_object *infos;   /* ExtendedInfo without a property, or of one */
  unsigned n_errors, n_done;   /* n_done: properties of a PATCH that were set */
  int error_status;
  struct pl_open_exchange *next, **link;
  struct pl_waiting *waiting;  /* commands */
  const struct pl_admission *admission; /* while it is handled */
  struct pl_keep *keep;        /* while it is handled; NULL: not wanted */
};

struct pl_service {
  struct pl_stack *stack;
  struct pl_tree *tree;
  struct pl_rights *rights;
  struct pl_open_exchange *open;
  atomic_uint_fast64_t version;
  atomic_uint_fast64_t audited; /* requests put into the audit log */
  int64_t started_wall_ns;
  bool closing;
  struct pl_procedure_listener procedures;
  struct pl_services *services; /* services.h */
  struct pl_compositions *compositions; /* composition.h; NULL: nothing is placed here */
};

/* How long the answer to a GET may be kept: while these versions stand, and not past true_until. version_of NULL: not at all. */
struct pl_keep {
  bool wanted, open; /* open: for whoever asks */
  const uint64_t *version_of;
  uint64_t version, service_version;
  pl_time_ns true_until;
  unsigned privileges; /* any of these opens it */
};
/* request->done runs, at once or later. admitted NULL: judged here. keep (may be NULL) is filled in before. */
void pl_service_serve(struct pl_service *service, struct pl_http_request *request, const struct pl_admission *admitted, struct pl_keep *keep);
/* What comes in (request.c): each says itself what is wrong. */
const char *pl_request_field(const struct pl_open_exchange *x, const char *name);
unsigned pl_request_allowed(const struct pl_open_exchange *x);
void pl_request_say_allow(struct pl_open_exchange *x);
enum pl_status pl_request_find(struct pl_open_exchange *x, const char *path);
bool pl_request_admitted(struct pl_open_exchange *x, const struct pl_admission *admission);
bool pl_request_may(struct pl_open_exchange *x);
bool pl_request_version(struct pl_open_exchange *x);
bool pl_request_accepts(struct pl_open_exchange *x);
bool pl_request_body(struct pl_open_exchange *x);
bool pl_request_matches(struct pl_open_exchange *x); /* If-Match */
bool pl_request_tag_in(const char *list, const char *etag);
/* Bodies (write.c). */
bool pl_write_fields(struct pl_open_exchange *x, const struct pl_field *fields, size_t count);
/* The same of an object further down in the body, at `prefix` ("Oem/Plumbline"); NULL: it is not there, and what is required is missing. */
bool pl_write_object(struct pl_open_exchange *x, struct json_object *object, const char *prefix, const struct pl_field *fields, size_t count);
void pl_write_patch(struct pl_open_exchange *x);
void pl_finish(struct pl_open_exchange *x);
void pl_waiting_end(struct pl_open_exchange *x); /* its commands are done, or nobody's any more */
void pl_answer_oops(struct pl_open_exchange *x, const struct pl_oops *oops);
struct json_object *pl_error_body(struct json_object *infos);
/* A body of JSON; sets Content-Type. */
void pl_answer_json(struct pl_http_answer *answer, int status, struct json_object *object);
/* The error body of an answer that is no exchange's (the gate's 503, 401). */
void pl_answer_refusal(struct pl_http_answer *answer, int status, const char *id, const char *arg);
void pl_answer_common(struct pl_http_answer *answer);
unsigned pl_method_of(const char *method);

#endif
