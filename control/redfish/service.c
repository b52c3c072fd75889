/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"
#include "control/redfish/services.h"

#include "control/events/events.h"
#include "control/inventory/item.h"
#include "control/procedure/procedure.h"
#include "control/store/store.h"

/* A request in, an answer out: what DSP0266 (Redfish Specification, "Protocol details") asks of every resource alike. Resources are tables (route.h). */

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

/* What a unit holds may show in it: then it is true while nothing at all changes. */
static void keep(struct pl_open_exchange *x)
{
  const struct pl_res *res = &x->x.res;
  const struct pl_query *q = &x->query;
  struct pl_keep *k = x->keep;
  struct pl_stack *stack = x->x.stack;
  static const uint64_t NEVER_CHANGES;
  if (!k || !(res->route->flags & PL_ROUTE_CACHED) || q->expand || q->filter || q->only)
    return;
  const struct pl_item *item = res->item;
  k->version_of = !item ? &NEVER_CHANGES : item->first_child ? pl_inventory_version_at(stack->inventory) : &item->version;
  k->version = *k->version_of;
  k->service_version = atomic_load(&stack->service->version);
  k->privileges = pl_entity_of(res->route)->get;
  k->open = res->route->flags & PL_ROUTE_OPEN;
}

static void get(struct pl_open_exchange *x)
{
  const struct pl_res *res = &x->x.res;
  struct pl_oops o = {0};
  if (!query_fits(x, &o)) {
    pl_answer_oops(x, &o);
    return;
  }
  if (res->route->flags & PL_ROUTE_EXPANDED && !x->query.expand && !x->query.only) {
    x->query.expand = '.';
    x->query.levels = 1;
    if (!x->query.has_top) { /* each member is read from the store, on the loop's time */
      x->query.has_top = true;
      x->query.top = PL_EXPANDED_PAGE;
    }
  }
  pl_request_say_allow(x);
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
  keep(x);
  char etag[24];
  pl_answer_header(&x->x, "ETag", pl_res_etag(res, object, etag, sizeof etag));
  const char *have = pl_request_field(x, "If-None-Match");
  if (have && pl_request_tag_in(have, etag)) {
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
  if (!query_is_for_get(x) || !pl_request_matches(x))
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
    pl_request_say_allow(x);
    x->answered = true;
    x->x.request->answer.status = 204;
  } else if (x->method & (PL_METHOD_GET | PL_METHOD_HEAD))
    get(x);
  else
    change(x);
}

static bool method_is_there(struct pl_open_exchange *x)
{
  if (x->method & (pl_request_allowed(x) | PL_METHOD_OPTIONS))
    return true;
  pl_request_say_allow(x);
  pl_say(&x->x, x->method == PL_METHOD_UNKNOWN ? 501 : 405, NULL, "OperationNotAllowed", NULL);
  return false;
}

static void dispatch(struct pl_open_exchange *x, const char *path, const char *query, const struct pl_admission *admission)
{
  struct pl_oops o = {0};
  if (!pl_request_version(x))
    return;
  enum pl_status there = pl_request_find(x, path);
  if (!pl_request_admitted(x, admission))
    return;
  if (there) {
    pl_say(&x->x, 0, NULL, "ResourceMissingAtURI", path, NULL);
    return;
  }
  if (!method_is_there(x))
    return;
  bool has_body = x->method & (PL_METHOD_POST | PL_METHOD_PATCH);
  bool body_is_fine = !has_body || pl_request_body(x);
  bool allowed = pl_request_may(x); /* told even of a request with a bad body: what one may does not depend on how well one writes */
  if (!allowed)
    x->error_status = 403;
  if (!allowed || !body_is_fine)
    return;
  if (!pl_query_parse(query, &x->query, &o)) {
    pl_answer_oops(x, &o);
    return;
  }
  x->x.res.true_until = x->keep ? &x->keep->true_until : NULL;
  if (pl_request_accepts(x))
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

/* DSP0266, "PATCH": some done, some not: 200, the resource, and each that was not as an annotation of the resource and of its property. */
static void answer_partial(struct pl_open_exchange *x)
{
  struct json_object *object = pl_uri_render(x->x.stack, x->x.res.uri);
  if (!object)
    return;
  json_object_object_add(object, "@Message.ExtendedInfo", json_object_get(x->infos));
  for (size_t i = 0; i < json_object_array_length(x->infos); i++) {
    struct json_object *info = json_object_array_get_idx(x->infos, i), *related, *list;
    char name[128];
    if (!json_object_object_get_ex(info, "RelatedProperties", &related))
      continue;
    const char *pointer = json_object_get_string(json_object_array_get_idx(related, 0)) + 2;
    snprintf(name, sizeof name, "%.*s@Message.ExtendedInfo", (int)strcspn(pointer, "/"), pointer);
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

void pl_service_serve(struct pl_service *service, struct pl_http_request *request, const struct pl_admission *admission, struct pl_keep *keep)
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
  x->admission = admission;
  x->keep = keep;
  if (keep)
    keep->true_until = PL_NEVER;
  pl_rights_offer(service->rights, admission->hash);
  dispatch(x, target, query, admission);
  pl_rights_offer(service->rights, NULL);
  x->keep = NULL;
  x->admission = NULL;
  free(target);
  x->query.raw = NULL;
  x->handling = false;
  if (!x->holds)
    pl_finish(x);
}

void pl_service_submit(struct pl_service *service, struct pl_http_request *request)
{
  pl_service_serve(service, request, NULL, NULL);
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
  return pl_compositions_new(stack, &s->compositions, err);
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
  pl_compositions_free(service->compositions);
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
