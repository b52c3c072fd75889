/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"
#include "control/redfish/services.h"

#include "control/events/events.h"
#include "control/inventory/item.h"
#include "control/procedure/procedure.h"
#include "control/store/store.h"

/* A request in, an answer out: what DSP0266 (Redfish Specification, "Protocol details") asks of every resource alike. Resources are tables (route.h). */

#define BODY_MAX (1 << 20)

static const struct {
  const char *name;
  unsigned bit;
} METHODS[] = {{"GET", PL_METHOD_GET},       {"HEAD", PL_METHOD_HEAD},       {"POST", PL_METHOD_POST},   {"PATCH", PL_METHOD_PATCH},
               {"DELETE", PL_METHOD_DELETE}, {"OPTIONS", PL_METHOD_OPTIONS}, {"PUT", PL_METHOD_OTHER},   {"TRACE", PL_METHOD_OTHER},
               {"CONNECT", PL_METHOD_OTHER}};

unsigned pl_method_of(const char *method)
{
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
    if (!strcmp(method, METHODS[i].name))
      return METHODS[i].bit;
  return PL_METHOD_UNKNOWN;
}

unsigned pl_route_methods(const struct pl_route *route)
{
  unsigned methods = PL_METHOD_GET | PL_METHOD_HEAD;
  for (size_t t = 0; t < sizeof route->props / sizeof route->props[0]; t++)
    for (size_t i = 0; i < route->props[t].count; i++)
      if (route->props[t].rows[i].write)
        methods |= PL_METHOD_PATCH;
  return methods | (route->create ? PL_METHOD_POST : 0) | (route->remove ? PL_METHOD_DELETE : 0);
}

void pl_methods_text(unsigned methods, char *out, size_t size)
{
  size_t n = 0;
  *out = '\0';
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0] && n < size; i++)
    if (methods & METHODS[i].bit && METHODS[i].bit < PL_METHOD_OPTIONS)
      n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", METHODS[i].name);
}

static const char *field(const struct pl_open_exchange *x, const char *name)
{
  return pl_http_field(x->x.request->fields, x->x.request->n_fields, name);
}

static unsigned allowed_of(const struct pl_open_exchange *x)
{
  return x->x.action ? PL_METHOD_POST : pl_route_methods(x->x.res.route);
}

static void say_allow(struct pl_open_exchange *x)
{
  char text[64];
  pl_methods_text(allowed_of(x), text, sizeof text);
  pl_answer_header(&x->x, "Allow", text);
}

/* Finding what is meant. */

static const struct pl_action *action_of(const struct pl_res *res, const char *name)
{
  for (size_t i = 0; i < res->route->n_actions; i++)
    if (!strcmp(res->route->actions[i].name, name) && (!res->route->actions[i].offered || res->route->actions[i].offered(res)))
      return &res->route->actions[i];
  return NULL;
}

static bool plain_path(char *path)
{
  for (const unsigned char *p = (const unsigned char *)path; *p; p++)
    if (*p <= ' ' || *p == 0x7f || *p == '\\')
      return false;
  return strstr(path, "/../") == NULL;
}

static int hex_of(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_path(char *path)
{
  char *out = path;
  for (const char *p = path; *p; p++)
    if (*p == '%') {
      int high = hex_of(p[1]), low = high < 0 ? -1 : hex_of(p[2]);
      if (low < 0 || !(high || low) || (high == 2 && low == 15))
        return false;
      *out++ = (char)(high << 4 | low);
      p += 2;
    } else
      *out++ = *p;
  *out = '\0';
  return plain_path(path);
}

/* DSP0266: POST to a collection's Members is POST to the collection. */
static void without_members(char *path, unsigned method)
{
  size_t n = strlen(path);
  while (n && path[n - 1] == '/')
    n--;
  if (method == PL_METHOD_POST && n > 8 && !strncmp(path + n - 8, "/Members", 8))
    path[n - 8] = '\0';
}

static enum pl_status find(struct pl_open_exchange *x, const char *path_of)
{
  char path[PL_URI_MAX + 96];
  if (snprintf(path, sizeof path, "%s", path_of) >= (int)sizeof path || !decode_path(path))
    return PL_E_USAGE;
  without_members(path, x->method);
  char *action = strstr(path, "/Actions/");
  if (action)
    *action = '\0';
  enum pl_status status = pl_res_find(x->x.stack, path, &x->x.res);
  if (!status && action) {
    action += strlen("/Actions/");
    action[strcspn(action, "/")] = '\0';
    x->x.action = action_of(&x->x.res, action);
    if (!x->x.action) {
      pl_res_end(&x->x.res);
      x->x.res.route = NULL;
      return PL_E_USAGE;
    }
  }
  if (status)
    x->x.res.route = NULL;
  return status;
}

/* Who may. */

static bool is_open(const struct pl_open_exchange *x)
{
  const struct pl_route *route = x->x.res.route;
  if (!route || x->x.action)
    return false;
  bool reads = x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS);
  return (reads && route->flags & PL_ROUTE_OPEN) || (x->method == PL_METHOD_POST && route->flags & PL_ROUTE_OPEN_POST);
}

static bool is_own(const struct pl_open_exchange *x)
{
  const char *type = x->x.res.route->type;
  if (!strncmp(type, "ManagerAccount.", 15))
    return x->x.res.n_ids && !strcmp(x->x.res.ids[0], x->x.user.name);
  struct pl_session session;
  if (!strncmp(type, "Session.", 8))
    return x->x.res.n_ids && pl_rights_session(x->x.stack->service->rights, x->x.res.ids[0], &session) && !strcmp(session.user, x->x.user.name);
  return false;
}

/* ManagerAccount has a property of its own in the privilege registry: one may change one's own password with ConfigureSelf. */
static bool only_own_password(const struct pl_open_exchange *x)
{
  if (x->method != PL_METHOD_PATCH || strncmp(x->x.res.route->type, "ManagerAccount.", 15) || !is_own(x) || !x->x.body)
    return false;
  json_object_object_foreach(x->x.body, name, value)
  {
    (void)value;
    if (strcmp(name, "Password"))
      return false;
  }
  return true;
}

static bool may_before_password(const struct pl_open_exchange *x)
{
  const char *type = x->x.res.route->type;
  bool reads = x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS);
  return only_own_password(x) || (!strncmp(type, "ManagerAccount.", 15) && reads && is_own(x)) || (!strncmp(type, "Session.", 8) && is_own(x)) || is_open(x);
}

static bool may(struct pl_open_exchange *x)
{
  const struct pl_user *user = &x->x.user;
  if (is_open(x) || x->method == PL_METHOD_OPTIONS)
    return true;
  if (user->must_change_password && !may_before_password(x)) {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, "/redfish/v1/AccountService/Accounts/%s", user->name);
    pl_say(&x->x, 0, NULL, "PasswordChangeRequired", uri, NULL);
    return false;
  }
  if (pl_entity_allows(pl_entity_of(x->x.res.route), x->method, user->privileges, is_own(x)))
    return true;
  if (user->privileges & PL_MAY_CONFIGURE_SELF && only_own_password(x))
    return true;
  pl_say(&x->x, 0, NULL, "InsufficientPrivilege", NULL);
  return false;
}

static bool admitted(struct pl_open_exchange *x, const struct pl_admission *admission)
{
  if (admission->how == PL_ADMITTED_AS) {
    x->x.user = admission->user;
    return true;
  }
  if (admission->how == PL_ADMITTED_NOBODY && is_open(x))
    return true;
  /* DSP0266, "Authentication": 401 tells how; a browser's script asks by itself and wants no dialogue. */
  if (!field(x, "X-Requested-With"))
    pl_answer_header(&x->x, "WWW-Authenticate", "Basic realm=\"Redfish\"");
  snprintf(x->x.user.name, sizeof x->x.user.name, "%s", admission->tried);
  pl_say(&x->x, 401, NULL, admission->how == PL_ADMITTED_NOBODY ? "AuthenticationTokenRequired" : "AccessUnauthorized", NULL);
  return false;
}

/* What comes with the request. */

static bool version_is_ours(struct pl_open_exchange *x)
{
  const char *version = field(x, "OData-Version");
  if (!version || !strcmp(version, "4.0"))
    return true;
  pl_say(&x->x, 412, NULL, "HeaderInvalid", "OData-Version", NULL);
  return false;
}

static bool accepts_json(const char *accept)
{
  static const char *const FINE[] = {"*/*", "application/*", "application/json", "text/event-stream"};
  for (size_t i = 0; i < sizeof FINE / sizeof FINE[0]; i++)
    if (strstr(accept, FINE[i]))
      return true;
  return false;
}

static bool answer_is_wanted(struct pl_open_exchange *x)
{
  const char *accept = field(x, "Accept");
  if (!accept || !*accept || x->x.res.route->raw || accepts_json(accept))
    return true;
  pl_say(&x->x, 406, NULL, "HeaderInvalid", "Accept", NULL);
  return false;
}

static bool is_json(const char *type)
{
  size_t n = strcspn(type, "; ");
  return n == strlen("application/json") && !strncasecmp(type, "application/json", n);
}

static struct json_object *parsed(const char *text, size_t size)
{
  struct json_tokener *tokener = json_tokener_new_ex(32);
  if (!tokener)
    return NULL;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
  bool whole = json_tokener_get_error(tokener) == json_tokener_success;
  for (size_t end = json_tokener_get_parse_end(tokener); whole && end < size; end++)
    whole = strchr(" \t\r\n", text[end]) && text[end];
  json_tokener_free(tokener);
  if (!whole) {
    json_object_put(object);
    return NULL;
  }
  return object;
}

static bool take_body(struct pl_open_exchange *x)
{
  const struct pl_http_request *r = x->x.request;
  const char *type = field(x, "Content-Type");
  if (r->body_size > BODY_MAX)
    pl_say(&x->x, 0, NULL, "PayloadTooLarge", NULL);
  else if (r->body_size && type && !is_json(type))
    pl_say(&x->x, 415, NULL, "HeaderInvalid", "Content-Type", NULL);
  else if (!r->body_size) {
    if (!x->x.action)
      pl_say(&x->x, 400, NULL, "MalformedJSON", NULL);
    x->x.body = json_object_new_object();
  } else if (!(x->x.body = parsed(r->body, r->body_size)))
    pl_say(&x->x, 0, NULL, "MalformedJSON", NULL);
  else if (!json_object_is_type(x->x.body, json_type_object))
    pl_say(&x->x, 0, NULL, "UnrecognizedRequestBody", NULL);
  return !x->n_errors;
}

/* If-Match, If-None-Match: a list of tags, or *. */
static bool tag_in(const char *list, const char *etag)
{
  return !strcmp(list, "*") || strstr(list, etag) != NULL;
}

static bool matches(struct pl_open_exchange *x)
{
  const char *want = field(x, "If-Match");
  if (!want)
    return true;
  struct json_object *object = pl_res_render(&x->x.res);
  char etag[24];
  pl_res_etag(&x->x.res, object, etag, sizeof etag);
  json_object_put(object);
  if (tag_in(want, etag))
    return true;
  pl_answer_header(&x->x, "ETag", etag);
  pl_say(&x->x, 0, NULL, "PreconditionFailed", NULL);
  return false;
}

/* Methods. */

static void described(struct pl_open_exchange *x)
{
  const char *type = x->x.res.route->type;
  char text[200];
  if (x->x.res.route->flags & PL_ROUTE_PLAIN || x->x.res.route->raw || strstr(type, "Plumbline"))
    return;
  const char *last = strrchr(type, '.');
  snprintf(text, sizeof text, "<http://redfish.dmtf.org/schemas/v1/%.*s.json>; rel=describedby", (int)(last ? (size_t)(last - type) : strlen(type)), type);
  pl_answer_header(&x->x, "Link", text);
}

static bool excerpt_fits(const struct pl_route *route)
{
  for (size_t t = 0; t < sizeof route->props / sizeof route->props[0]; t++)
    for (size_t i = 0; i < route->props[t].count; i++)
      if (route->props[t].rows[i].flags & PL_PROP_EXCERPT)
        return true;
  return false;
}

static bool query_fits(struct pl_open_exchange *x, struct pl_oops *o)
{
  const struct pl_query *q = &x->query;
  const struct pl_route *route = x->x.res.route;
  bool of_collections = q->only || q->filter || q->has_top || q->has_skip;
  bool of_resources = q->expand || q->n_select;
  if ((of_collections && !route->members) || (q->excerpt && !excerpt_fits(route)) || (of_resources && (route->raw || route->flags & PL_ROUTE_PLAIN))) {
    *o = (struct pl_oops){.status = 400, .id = "QueryNotSupportedOnResource"};
    return false;
  }
  return true;
}

static void get(struct pl_open_exchange *x)
{
  const struct pl_res *res = &x->x.res;
  struct pl_oops o = {0};
  if (!query_fits(x, &o)) {
    pl_answer_oops(x, &o);
    return;
  }
  say_allow(x);
  described(x);
  if (res->route->raw) {
    res->route->raw(&x->x);
    return;
  }
  struct json_object *object = res->route->members ? pl_query_collection(res, &x->query, &o) : pl_render(res, x->query.excerpt);
  if (!object) {
    pl_answer_oops(x, &o);
    return;
  }
  object = pl_query_apply(res, &x->query, object);
  char etag[24];
  pl_answer_header(&x->x, "ETag", pl_res_etag(res, object, etag, sizeof etag));
  const char *have = field(x, "If-None-Match");
  if (have && tag_in(have, etag)) {
    x->answered = true;
    x->x.request->answer.status = 304;
    json_object_put(object);
  } else
    pl_answer_object(&x->x, 200, object);
}

static void post(struct pl_open_exchange *x)
{
  const struct pl_route *route = x->x.res.route;
  const struct pl_field *fields = x->x.action ? x->x.action->fields : route->fields;
  size_t count = x->x.action ? x->x.action->n_fields : route->n_fields;
  if (!pl_write_fields(x, fields, count))
    return;
  if (x->x.action)
    x->x.action->run(&x->x);
  else
    route->create(&x->x);
}

static bool query_is_for_get(struct pl_open_exchange *x)
{
  const struct pl_query *q = &x->query;
  if (!(q->only || q->excerpt || q->expand || q->n_select || q->filter || q->has_top || q->has_skip))
    return true;
  pl_say(&x->x, 0, NULL, "QueryNotSupportedOnOperation", NULL);
  return false;
}

static void change(struct pl_open_exchange *x)
{
  if (!query_is_for_get(x) || !matches(x))
    return;
  if (x->method == PL_METHOD_PATCH)
    pl_write_patch(x);
  else if (x->method == PL_METHOD_POST)
    post(x);
  else
    x->x.res.route->remove(&x->x);
}

static void handle(struct pl_open_exchange *x)
{
  if (x->method == PL_METHOD_OPTIONS) {
    say_allow(x);
    x->answered = true;
    x->x.request->answer.status = 204;
  } else if (x->method & (PL_METHOD_GET | PL_METHOD_HEAD))
    get(x);
  else
    change(x);
}

static bool method_is_there(struct pl_open_exchange *x)
{
  if (x->method & (allowed_of(x) | PL_METHOD_OPTIONS))
    return true;
  say_allow(x);
  pl_say(&x->x, x->method == PL_METHOD_UNKNOWN ? 501 : 405, NULL, "OperationNotAllowed", NULL);
  return false;
}

static void dispatch(struct pl_open_exchange *x, const char *path, const char *query, const struct pl_admission *admission)
{
  struct pl_oops o = {0};
  if (!version_is_ours(x))
    return;
  enum pl_status there = find(x, path);
  if (!admitted(x, admission))
    return;
  if (there) {
    pl_say(&x->x, 0, NULL, "ResourceMissingAtURI", path, NULL);
    return;
  }
  if (!method_is_there(x))
    return;
  bool has_body = x->method & (PL_METHOD_POST | PL_METHOD_PATCH);
  bool body_is_fine = !has_body || take_body(x);
  bool allowed = may(x); /* told even of a request with a bad body: what one may does not depend on how well one writes */
  if (!allowed)
    x->error_status = 403;
  if (!allowed || !body_is_fine)
    return;
  if (!pl_query_parse(query, &x->query, &o)) {
    pl_answer_oops(x, &o);
    return;
  }
  if (answer_is_wanted(x))
    handle(x);
}

/* Ends. */

static void audit(struct pl_open_exchange *x)
{
  struct pl_service *service = x->x.stack->service;
  const struct pl_http_request *r = x->x.request;
  int status = r->answer.status;
  bool reads = x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS);
  if (reads && status != 401 && status != 403)
    return;
  char what[PL_URI_MAX + 16];
  snprintf(what, sizeof what, "%.12s %.*s", r->method, PL_URI_MAX, r->target);
  struct pl_err err = {0};
  int64_t wall = pl_clock_wall_ns(x->x.stack->clock, pl_clock_now(x->x.stack->clock));
  pl_store_audit(x->x.stack->store, wall, x->x.user.name, r->peer ? r->peer : "", what, status, &err);
  atomic_fetch_add(&service->audited, 1);
}

/* DSP0266, "PATCH": some done, some not: 200, the resource, and each that was not as an annotation of its property. */
static void answer_partial(struct pl_open_exchange *x)
{
  struct json_object *object = pl_uri_render(x->x.stack, x->x.res.uri);
  if (!object)
    return;
  for (size_t i = 0; i < json_object_array_length(x->infos); i++) {
    struct json_object *info = json_object_array_get_idx(x->infos, i), *related, *list;
    char name[128] = "@Message.ExtendedInfo";
    if (json_object_object_get_ex(info, "RelatedProperties", &related)) {
      const char *pointer = json_object_get_string(json_object_array_get_idx(related, 0)) + 2;
      snprintf(name, sizeof name, "%.*s@Message.ExtendedInfo", (int)strcspn(pointer, "/"), pointer);
    }
    if (!json_object_object_get_ex(object, name, &list)) {
      list = json_object_new_array();
      json_object_object_add(object, name, list);
    }
    json_object_array_add(list, json_object_get(info));
  }
  pl_answer_object(&x->x, 200, object);
}

static void answer_error(struct pl_open_exchange *x)
{
  pl_answer_object(&x->x, x->error_status, pl_error_body(x->infos));
}

static void settle(struct pl_open_exchange *x)
{
  struct pl_http_answer *answer = &x->x.request->answer;
  if (x->n_errors && x->patching && x->n_done && !x->answered)
    answer_partial(x);
  else if (x->n_errors)
    answer_error(x);
  else if (!x->answered && x->method == PL_METHOD_PATCH)
    pl_answer_resource(&x->x, 200, x->x.res.uri);
  else if (!x->answered)
    answer->status = 204;
  if (x->method == PL_METHOD_HEAD) {
    free(answer->body);
    answer->body = NULL;
    answer->body_size = 0;
  }
  pl_answer_common(answer);
}

static void unlink_open(struct pl_open_exchange *x)
{
  *x->link = x->next;
  if (x->next)
    x->next->link = x->link;
}

static void release(struct pl_open_exchange *x)
{
  pl_waiting_end(x);
  pl_query_free(&x->query);
  if (x->x.res.route)
    pl_res_end(&x->x.res);
  json_object_put(x->x.body);
  json_object_put(x->infos);
  free(x);
}

void pl_finish(struct pl_open_exchange *x)
{
  settle(x);
  if (!(x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS)) && x->x.request->answer.status < 400)
    pl_service_changed(x->x.stack);
  audit(x);
  unlink_open(x);
  struct pl_http_request *request = x->x.request;
  release(x);
  request->done(request);
}

void pl_service_serve(struct pl_service *service, struct pl_http_request *request, const struct pl_admission *admission)
{
  struct pl_open_exchange *x = calloc(1, sizeof *x);
  char *target = strdup(request->target);
  request->answer = (struct pl_http_answer){0};
  if (!x || !target || service->closing || service->stack->dead) {
    free(x);
    free(target);
    pl_answer_refusal(&request->answer, 503, "ServiceShuttingDown", NULL);
    request->done(request);
    return;
  }
  struct pl_admission here = {0};
  if (!admission) {
    pl_rights_admit(service->rights, request, &here);
    admission = &here;
  }
  x->x.stack = service->stack;
  x->x.request = request;
  x->method = pl_method_of(request->method);
  x->next = service->open;
  x->link = &service->open;
  if (x->next)
    x->next->link = &x->next;
  service->open = x;
  char *query = strchr(target, '?');
  if (query)
    *query++ = '\0';
  x->handling = true;
  dispatch(x, target, query, admission);
  free(target);
  x->query.raw = NULL;
  x->handling = false;
  if (!x->holds)
    pl_finish(x);
}

void pl_service_submit(struct pl_service *service, struct pl_http_request *request)
{
  pl_service_serve(service, request, NULL);
}

/* The room. */

void pl_service_changed(struct pl_stack *stack)
{
  if (stack->service)
    atomic_fetch_add(&stack->service->version, 1);
}

static void procedure_changed(void *ctx, struct pl_procedure *p)
{
  (void)p;
  pl_service_changed(ctx);
}

static void listen(struct pl_service *service)
{
  service->procedures = (struct pl_procedure_listener){.changed = procedure_changed, .ctx = service->stack};
  if (service->stack->procedures)
    pl_procedures_listen(service->stack->procedures, &service->procedures);
}

enum pl_status pl_service_new(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_service **service, struct pl_err *err)
{
  struct pl_service *s = calloc(1, sizeof *s);
  if (!s || !(s->tree = pl_tree_new())) {
    free(s);
    return pl_fail(err, PL_E_NOMEM, "the table of resources could not be made");
  }
  s->stack = stack;
  s->started_wall_ns = pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock));
  enum pl_status status = pl_rights_new(stack, cfg, &s->rights, err);
  if (status) {
    pl_tree_free(s->tree);
    free(s);
    return status;
  }
  if (stack->events)
    status = pl_services_new(stack, &s->services, err);
  if (status) {
    pl_rights_free(s->rights);
    pl_tree_free(s->tree);
    free(s);
    return status;
  }
  listen(s);
  *service = s;
  return PL_OK;
}

struct pl_services *pl_services_of(const struct pl_stack *stack)
{
  return stack->service ? stack->service->services : NULL;
}

/* Whoever still waits is told that this ends. */
static void end_open(struct pl_service *service)
{
  while (service->open) {
    struct pl_open_exchange *x = service->open;
    pl_say(&x->x, 503, NULL, "ServiceShuttingDown", NULL);
    x->error_status = 503;
    x->n_done = 0;
    settle(x);
    unlink_open(x);
    struct pl_http_request *request = x->x.request;
    release(x);
    request->done(request);
  }
}

void pl_service_free(struct pl_service *service)
{
  if (!service)
    return;
  service->closing = true;
  if (service->stack->inventory)
    pl_inventory_halt(service->stack->inventory); /* what answers wait for comes no more */
  end_open(service);
  pl_services_free(service->services);
  pl_rights_free(service->rights);
  pl_tree_free(service->tree);
  free(service);
}

static void origin_of(const struct pl_item *item, char *out, size_t size)
{
  pl_item_uri(item, out, size);
}

void pl_service_name_origins(struct pl_stack *stack)
{
  pl_events_name_origins(stack->events, origin_of);
}
