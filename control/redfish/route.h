/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_ROUTE_H
#define PL_CONTROL_ROUTE_H

#include "control/redfish/service.h"
#include "control/stack/stack.h"

#include <json-c/json.h>

/*
 * Resources as tables. A route says which URIs there are, of which schema, with which properties, actions and methods; the service (service.c, query.c,
 * patch.c) does the rest: who may, ETags, queries, checks of bodies, error bodies. A file of routes ends in one declaration at the start of a line
 *   const struct pl_routes_desc pl_routes_NAME = {...};
 * which tools/registry.sh finds. Everything here lives on the loop's thread.
 */
struct pl_route;
struct pl_item;
struct pl_exchange;
struct pl_procedure;

/* What a URI names. */
#define PL_RES_IDS_MAX 5
#define PL_URI_MAX 256
struct pl_res {
  struct pl_stack *stack;
  const struct pl_route *route;
  char uri[PL_URI_MAX];            /* without query and trailing slash */
  char ids_text[PL_URI_MAX];
  const char *ids[PL_RES_IDS_MAX]; /* what stood for each {}, left to right */
  size_t n_ids;
  /* Set by the route's find(): */
  struct pl_item *item;            /* NULL: not of the inventory */
  const void *what;                /* the route's own (a session, a sense, an event) */
  size_t index;                    /* the route's own */
  void *own;                       /* the route's own; freed with free() when the exchange is over */
  /* Set while rendering: an answer in the gate's cache is true no longer than this. */
  pl_time_ns *true_until;          /* may be NULL */
};

/* Properties. */
enum pl_has { PL_OMIT, PL_SHOW /* *value NULL: null */ };
struct pl_prop {
  const char *path; /* "Status/State"; the rest of an array is one value */
  enum pl_has (*get)(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
  const char *a, *b; /* of get() and set(): text, role, quantity, URI template, ... */
  double x;
  const void *table;
  unsigned flags;    /* PL_PROP_... */
  const struct pl_field *write; /* NULL: read-only */
  /* The value is of the right type and in range. May tell what is wrong (pl_say), and may hold the answer until hardware has it (pl_exchange_command). */
  void (*set)(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value);
};
enum { PL_PROP_VOLATILE = 1 /* not part of the ETag (a clock) */,
       PL_PROP_EXCERPT = 2 /* in the excerpt of its schema */ };

/* What a client may write: a property, a parameter of an action, a property of something to be created. */
enum pl_field_type { PL_FIELD_TEXT, PL_FIELD_FLAG, PL_FIELD_INTEGER, PL_FIELD_NUMBER, PL_FIELD_OBJECT, PL_FIELD_LIST, PL_FIELD_ANY };
struct pl_field {
  const char *name;           /* of a parameter; properties have their path */
  enum pl_field_type type;
  const char *const *choices; /* TEXT, also the items of a LIST: NULL-terminated; NULL: any */
  double min, max;            /* INTEGER, NUMBER; TEXT, LIST: of the length; both 0: any */
  bool required, null;        /* null: may be null */
};

/* Ready getters (prop.c). */
enum pl_has pl_get_text(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);   /* a */
enum pl_has pl_get_flag(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);   /* x != 0 */
enum pl_has pl_get_number(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value); /* x; an integer where it is one */
enum pl_has pl_get_null(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
/* {"@odata.id": a}: absolute with {0}, {1} for the resource's ids, else below the resource ("Sensors"). Omitted where there is no such resource. */
enum pl_has pl_get_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
enum pl_has pl_get_uri(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);    /* the same as a plain string */
enum pl_has pl_get_texts(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);  /* table: const char *const *, NULL-terminated */
enum pl_has pl_get_empty(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);  /* {} */
#define PL_TEXT(PATH, TEXT) {.path = PATH, .get = pl_get_text, .a = TEXT}
#define PL_FLAG(PATH, YES) {.path = PATH, .get = pl_get_flag, .x = YES}
#define PL_NUMBER(PATH, N) {.path = PATH, .get = pl_get_number, .x = N}
#define PL_LINK(PATH, TEMPLATE) {.path = PATH, .get = pl_get_link, .a = TEMPLATE}
#define PL_TEXTS(PATH, TABLE) {.path = PATH, .get = pl_get_texts, .table = TABLE}
#define PL_CALLS(PATH, FN) {.path = PATH, .get = FN}
#define PL_WRITES(PATH, FN, FIELD, SET) {.path = PATH, .get = FN, .write = FIELD, .set = SET}

struct pl_prop_table {
  const struct pl_prop *rows;
  size_t count;
};
#define PL_PROPS(ROWS) {ROWS, sizeof ROWS / sizeof ROWS[0]}

/* Actions: {target} and @Redfish.AllowableValues are made from the fields. */
struct pl_action {
  const char *name; /* "Chassis.Reset": POST to URI/Actions/Chassis.Reset */
  const struct pl_field *fields;
  size_t n_fields;
  bool (*offered)(const struct pl_res *res); /* NULL: always */
  void (*run)(struct pl_exchange *x);        /* x->body has been checked by fields */
};

struct pl_members;
enum { PL_ROUTE_OPEN = 1,   /* GET without credentials: /redfish, the root, $metadata, odata */
       PL_ROUTE_OPEN_POST = 2,
       PL_ROUTE_CACHED = 4, /* what it shows changes only with the version of its item (or with pl_service_changed): the gate may keep an answer */
       PL_ROUTE_PLAIN = 8,  /* not a resource: props alone, without @odata.*, Id, Name */
       PL_ROUTE_HIDDEN = 16, /* not listed by walks of all resources (a task monitor) */
       PL_ROUTE_EXPANDED = 32 /* a collection whose schema says OData.AutoExpand of its members (LogEntryCollection): they are shown, not linked to */ };
struct pl_route {
  const char *uri;  /* "/redfish/v1/Chassis/{}/Sensors/{}" */
  const char *type; /* "Sensor.v1_12_0.Sensor"; its first word is the entity of the privilege registry */
  const char *name; /* Name, unless a property gives it. Id is the last word of the URI, unless a property gives it */
  struct pl_prop_table props[4];
  const struct pl_action *actions;
  size_t n_actions;
  /* NULL: there is one wherever there is what stands above it: the find() of the routes on the way have run before, so that item is what they found. false: 404 */
  bool (*find)(struct pl_res *res);
  const struct pl_route *otherwise; /* another kind of resource at the same URI, where find() says no; nothing stands below one of those. NULL: none */
  void (*members)(const struct pl_res *res, struct pl_members *members); /* of a collection */
  void (*raw)(struct pl_exchange *x);    /* GET of what is no JSON resource: answers with pl_answer_bytes */
  const struct pl_field *fields;         /* POST to a collection: what may be in the body */
  size_t n_fields;
  void (*create)(struct pl_exchange *x); /* POST */
  void (*remove)(struct pl_exchange *x); /* DELETE */
  void (*patched)(struct pl_exchange *x); /* after all properties of a PATCH were set; may be NULL */
  unsigned flags;
};
struct pl_routes_desc {
  const struct pl_route *routes;
  size_t count;
};
extern const struct pl_routes_desc *const pl_routes_tables[]; /* generated from the tree */
extern const size_t pl_n_routes_tables;
#define PL_ROUTES(ROWS) {ROWS, sizeof ROWS / sizeof ROWS[0]}

/* id: of a resource directly below the collection; or an absolute URI. */
void pl_members_add(struct pl_members *members, const char *id);

/* Who asks. */
enum { PL_MAY_LOGIN = 1, PL_MAY_CONFIGURE_MANAGER = 2, PL_MAY_CONFIGURE_USERS = 4, PL_MAY_CONFIGURE_COMPONENTS = 8, PL_MAY_CONFIGURE_SELF = 16 };
struct pl_user {
  char name[65], role[65], session[33]; /* session: its Id; "": Basic */
  unsigned privileges;
  bool must_change_password;
};

/* One request on its way. */
struct pl_exchange {
  struct pl_stack *stack;
  struct pl_http_request *request;
  struct pl_res res;
  const struct pl_action *action; /* NULL: none */
  struct pl_user user;
  struct json_object *body;       /* checked; NULL: none */
};
/* Answers. Each handler gives one of these, at once or, between pl_exchange_hold and pl_exchange_release, later. Without any: 204, or 200 with the resource. */
void pl_answer_resource(struct pl_exchange *x, int status, const char *uri); /* the resource there, as a GET shows it; 201: with Location */
void pl_answer_object(struct pl_exchange *x, int status, struct json_object *object); /* takes it */
void pl_answer_bytes(struct pl_exchange *x, int status, const char *type, const void *bytes, size_t size); /* type: static */
void pl_answer_task(struct pl_exchange *x, const struct pl_procedure *procedure); /* 202, Location: its monitor, body: its Task */
void pl_answer_header(struct pl_exchange *x, const char *name, const char *value); /* name: static */
/* A message of the Base registry ("PropertyValueNotInList") about a property (its path; NULL: none), with its arguments, NULL at the end. Any number; the first
 * error's status is the answer's unless some properties of a PATCH did succeed. status 0: as the message says (messages.c). */
void pl_say(struct pl_exchange *x, int status, const char *property, const char *id, ...) __attribute__((sentinel));
/* What an err means to a client: PL_E_USAGE 400, PL_E_RANGE 400, PL_E_BUSY 409 ResourceInUse, others 500; its sentence in the message. */
void pl_say_err(struct pl_exchange *x, const char *property, const struct pl_err *err);
bool pl_has_failed(const struct pl_exchange *x);
void pl_exchange_hold(struct pl_exchange *x);
void pl_exchange_release(struct pl_exchange *x); /* x may be gone afterwards */
/* Commands a device; the answer waits for it, and says what went wrong. then (may be NULL) when the device has it. */
void pl_exchange_command(struct pl_exchange *x, const char *property, struct pl_item *item, const char *role, const char *quantity, int64_t value_u,
                         void (*then)(struct pl_stack *stack, struct pl_item *item, int64_t value_u));
/* Members of x->body by name; NULL when absent. Never of another type than the field's. */
struct json_object *pl_body(const struct pl_exchange *x, const char *name);
const char *pl_body_text(const struct pl_exchange *x, const char *name); /* NULL: absent or null */

/* The tree from inside. pl_res_find: PL_E_USAGE: there is no such resource. Release with pl_res_end. */
enum pl_status pl_res_find(struct pl_stack *stack, const char *uri, struct pl_res *res);
void pl_res_end(struct pl_res *res);
struct json_object *pl_res_render(const struct pl_res *res);   /* as a GET without query shows it; the caller puts it */
struct json_object *pl_uri_render(struct pl_stack *stack, const char *uri); /* NULL: there is none */
/* Every URI of every resource that there is, collections before their members. */
void pl_res_walk(struct pl_stack *stack, void (*fn)(void *ctx, const char *uri), void *ctx);
/* Where an item stands in the tree: "/redfish/v1/Chassis/csu-1", ".../ThermalEquipment/RPUs/rpu/Pumps/1"; returns out. */
char *pl_item_uri(const struct pl_item *item, char *out, size_t size);

/* Something that can be seen and is of no item has changed (a subscription, a task, a setting): what the gate keeps is no longer true. */
void pl_service_changed(struct pl_stack *stack);

/* Times as Redfish writes them: "2026-11-21T18:34:44Z"; out of at least 32 bytes; returns out. */
char *pl_redfish_time(int64_t wall_ns, char *out, size_t size);
/* A link {"@odata.id": uri}. */
struct json_object *pl_json_link(const char *uri);

#endif
