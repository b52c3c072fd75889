/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"

/* #CompositionService.Compose with its manifest (DSP2050 "Compose action"; schema Manifest v1.1), its reservations, and POST to Systems, which is one stanza. */

static struct json_object *text_or_null(const char *text)
{
  return text && *text ? json_object_new_string(text) : NULL;
}

/* --- orders --- */

/* Why not, in numbers: for a client that would ask again for less (schema PlumblinePlacement, Refusal). */
static struct json_object *refusal_json(const struct pl_why *why)
{
  static const struct {
    const char *name;
    size_t at;
  } COUNTS[] = {{"Nodes", offsetof(struct pl_why, nodes)}, {"Closed", offsetof(struct pl_why, closed)}, {"LacksFeature", offsetof(struct pl_why, lacks_feature)},
                {"TooSmall", offsetof(struct pl_why, too_small)}, {"Affinity", offsetof(struct pl_why, affinity)}, {"DomainLimit", offsetof(struct pl_why, domain_limit)}};
  struct json_object *o = pl_own_json("PlumblinePlacement.v1_0_0.Refusal");
  json_object_object_add(o, "Workload", text_or_null(why->id));
  for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++)
    json_object_object_add(o, COUNTS[i].name, json_object_new_uint64(*(const size_t *)(const void *)((const char *)why + COUNTS[i].at)));
  json_object_object_add(o, "ShortBy", pl_amounts_json(&why->short_by, false));
  json_object_object_add(o, "Nearest", text_or_null(why->nearest));
  json_object_object_add(o, "Limit", text_or_null(why->limit));
  return o;
}

bool pl_order_run(struct pl_exchange *x, const struct pl_order *order, struct pl_plan **plan, char reservation[40])
{
  struct pl_why why = {0};
  struct pl_err err = {0};
  enum pl_status status = pl_placement_order(x->stack->placement, order, plan, reservation, &why, &err);
  if (status == PL_E_RANGE)
    pl_say_refusal(x, "Composition.1.1.NoResourceMatch", "Compute", why.text[0] ? why.text : err.text, refusal_json(&why));
  else if (status)
    pl_say_err(x, NULL, &err);
  return !status;
}

static struct pl_order order_of(const struct pl_exchange *x, const struct pl_wishes *wishes, enum pl_order_kind kind)
{
  return (struct pl_order){.requests = wishes->requests, .images = wishes->images, .data_MiB = wishes->data_MiB, .count = wishes->count,
                           .application = wishes->application, .author = x->user.name, .kind = kind, .queue = wishes->queue};
}

/* All of one application belong together: in the engine's words they are a group. */
static void name_group(struct pl_wishes *wishes)
{
  for (size_t i = 0; i < wishes->count && *wishes->application; i++)
    wishes->requests[i].group = wishes->application;
}

void pl_compose_system(struct pl_exchange *x)
{
  struct pl_wishes *wishes = calloc(1, sizeof *wishes);
  struct pl_plan *plan = NULL;
  char reservation[40], uri[PL_URI_MAX];
  if (!wishes || !x->stack->placement) {
    pl_say(x, 0, NULL, wishes ? "OperationNotAllowed" : "InternalError", NULL);
    free(wishes);
    return;
  }
  wishes->application = "";
  if (pl_wish_read(x, x->body, "", NULL, wishes)) {
    name_group(wishes);
    struct pl_order order = order_of(x, wishes, PL_ORDER_APPLY);
    if (pl_order_run(x, &order, &plan, reservation))
      pl_answer_resource(x, 201, pl_composed_uri(wishes->requests[0].id, uri));
  }
  pl_plan_free(plan);
  free(wishes);
}

/* --- manifests --- */

static const char *const REQUEST_TYPES[] = {[PL_ORDER_PREVIEW] = "Preview", [PL_ORDER_RESERVE] = "PreviewReserve", [PL_ORDER_APPLY] = "Apply", NULL};

struct manifest { /* one that is on its way */
  struct json_object *stanzas;
  struct pl_wishes wishes;
  size_t stanza_of[PL_WISHES_MAX];  /* of each wish */
  size_t leaving[PL_WISHES_MAX];    /* stanzas that decompose */
  size_t n_leaving;
  struct pl_workload *systems[PL_WISHES_MAX]; /* what they name, each once */
  size_t n_systems;
};

static struct pl_workload *system_of(const struct pl_exchange *x, struct json_object *stanza)
{
  static const char SYSTEMS[] = "/redfish/v1/Systems/";
  const char *uri = pl_json_text(pl_json_member(stanza, "Request"), "@odata.id");
  return strncmp(uri, SYSTEMS, sizeof SYSTEMS - 1) ? NULL : pl_composed_find(x->stack, uri + sizeof SYSTEMS - 1);
}

static bool read_stanza(struct pl_exchange *x, struct manifest *m, size_t i)
{
  struct json_object *stanza = json_object_array_get_idx(m->stanzas, i), *request = pl_json_member(stanza, "Request");
  const char *type = pl_json_text(stanza, "StanzaType"), *id = pl_json_text(stanza, "StanzaId");
  char prefix[64];
  snprintf(prefix, sizeof prefix, "Manifest/Stanzas/%zu/Request", i);
  if (!json_object_is_type(request, json_type_object)) {
    pl_say(x, 0, prefix, "Composition.1.1.EmptyManifest", NULL);
    return false;
  }
  if (!strcmp(type, "ComposeSystem")) {
    m->stanza_of[m->wishes.count] = i;
    return pl_write_object((struct pl_open_exchange *)x, request, prefix, pl_wish_fields, PL_WISH_FIELDS) && pl_wish_read(x, request, prefix, id, &m->wishes);
  }
  struct pl_workload *system = strcmp(type, "DecomposeSystem") ? NULL : system_of(x, stanza);
  if (system) {
    size_t known = 0;
    while (known < m->n_systems && m->systems[known] != system)
      known++;
    m->systems[known] = system;
    m->n_systems += known == m->n_systems;
    m->leaving[m->n_leaving++] = i;
    return true;
  }
  pl_say(x, 0, prefix, "Composition.1.1.UnableToProcessStanzaRequest", type, id, NULL);
  return false;
}

static bool read_manifest(struct pl_exchange *x, struct json_object *manifest, struct manifest *m)
{
  m->stanzas = pl_json_member(manifest, "Stanzas");
  m->wishes.application = "";
  size_t count = json_object_is_type(m->stanzas, json_type_array) ? json_object_array_length(m->stanzas) : 0;
  if (!count) {
    pl_say(x, 0, "Manifest/Stanzas", "Composition.1.1.EmptyManifest", NULL);
    return false;
  }
  if (count > PL_WISHES_MAX) {
    pl_say(x, 0, "Manifest/Stanzas", "ArraySizeTooLong", "Manifest/Stanzas", "64", NULL);
    return false;
  }
  bool fine = true;
  for (size_t i = 0; i < count; i++)
    fine &= read_stanza(x, m, i);
  name_group(&m->wishes);
  return fine;
}

/* --- what it is answered with --- */

static struct json_object *row_json(const struct pl_exchange *x, const struct pl_plan *plan, size_t index, const struct pl_plan_row *row)
{
  char id[64];
  struct json_object *o = json_object_new_object();
  char *text = pl_plan_explain(plan, index);
  json_object_object_add(o, "Id", json_object_new_string(pl_composed_id(row->id, id)));
  json_object_object_add(o, "Node", json_object_new_string(row->node));
  json_object_object_add(o, "ResourceBlock", pl_block_link(x->stack, row->node));
  json_object_object_add(o, "Score", pl_json_number(row->score));
  json_object_object_add(o, "Wakes", json_object_new_boolean(row->wakes));
  json_object_object_add(o, "Explanation", pl_lines_json(text));
  free(text);
  return o;
}

static struct json_object *evicted_json(const struct pl_plan *plan)
{
  const char *const *ids = NULL;
  struct json_object *list = json_object_new_array();
  size_t n = plan ? pl_plan_evicts(plan, &ids) : 0;
  for (size_t i = 0; i < n; i++) {
    char id[64];
    json_object_array_add(list, json_object_new_string(pl_composed_id(ids[i], id)));
  }
  return list;
}

/* Schema PlumblinePlacement, Answer. */
static struct json_object *answer_json(const struct pl_exchange *x, const struct pl_plan *plan, size_t wish)
{
  struct json_object *o = pl_own_json("PlumblinePlacement.v1_0_0.Answer"), *rows = json_object_new_array();
  const struct pl_plan_row *row = NULL;
  size_t n = plan ? pl_plan_rows(plan, &row) : 0;
  for (size_t i = 0; i < n; i++)
    if (row[i].request == wish)
      json_object_array_add(rows, row_json(x, plan, i, &row[i]));
  json_object_object_add(o, "WaitsForRoom", json_object_new_boolean(!json_object_array_length(rows)));
  json_object_object_add(o, "Placements", rows);
  json_object_object_add(o, "Displaces", evicted_json(plan));
  return o;
}

/* Each once. */
static void add_block(const struct pl_stack *stack, struct json_object *blocks, const char *node)
{
  struct json_object *link = pl_block_link(stack, node);
  for (size_t i = 0; link && i < json_object_array_length(blocks); i++)
    if (json_object_equal(link, json_object_array_get_idx(blocks, i))) {
      json_object_put(link);
      return;
    }
  if (link)
    json_object_array_add(blocks, link);
}

/* A ComputerSystem: what there is (its link, or all of it where Expand says so), or what would be; and what the engine says of it. */
static struct json_object *response_json(const struct pl_exchange *x, const struct manifest *m, size_t wish, const struct pl_plan *plan, enum pl_order_kind kind, bool expand)
{
  const char *id = m->wishes.requests[wish].id;
  char uri[PL_URI_MAX];
  struct json_object *o = NULL, *blocks = json_object_new_array(), *links = json_object_new_object(), *own = answer_json(x, plan, wish), *rows = NULL;
  pl_composed_uri(id, uri);
  if (kind == PL_ORDER_APPLY && expand)
    o = pl_uri_render(x->stack, uri);
  if (!o && kind == PL_ORDER_APPLY)
    o = pl_json_link(uri);
  if (!o) {
    o = json_object_new_object();
    json_object_object_add(o, "Id", json_object_new_string(id));
    json_object_object_add(o, "Name", json_object_new_string(id));
    json_object_object_add(o, "SystemType", json_object_new_string("Composed"));
  }
  json_object_object_get_ex(own, "Placements", &rows);
  for (size_t i = 0; i < json_object_array_length(rows); i++)
    add_block(x->stack, blocks, pl_json_text(json_object_array_get_idx(rows, i), "Node"));
  json_object_object_add(links, "ResourceBlocks", blocks);
  if (json_object_object_get_ex(o, "Oem", NULL)) { /* the whole resource says where it stands */
    json_object_put(links);
    json_object_put(own);
    return o;
  }
  json_object_object_add(o, "Links", links);
  pl_json_put_path(o, "Oem/Plumbline", own);
  return o;
}

static struct json_object *stanzas_json(const struct pl_exchange *x, const struct manifest *m, const struct pl_plan *plan, enum pl_order_kind kind, bool expand)
{
  struct json_object *stanzas = NULL;
  json_object_deep_copy(m->stanzas, &stanzas, NULL);
  for (size_t i = 0; i < m->wishes.count; i++)
    json_object_object_add(json_object_array_get_idx(stanzas, m->stanza_of[i]), "Response", response_json(x, m, i, plan, kind, expand));
  for (size_t i = 0; i < m->n_leaving; i++)
    json_object_object_add(json_object_array_get_idx(stanzas, m->leaving[i]), "Response",
                           json_object_get(pl_json_member(json_object_array_get_idx(stanzas, m->leaving[i]), "Request")));
  return stanzas;
}

static struct json_object *envelope(const struct pl_exchange *x, enum pl_order_kind kind, const char *reservation, struct json_object *stanzas, const char *description)
{
  char now[32];
  struct json_object *o = json_object_new_object(), *manifest = json_object_new_object();
  json_object_object_add(o, "RequestFormat", json_object_new_string("Manifest"));
  json_object_object_add(o, "RequestType", json_object_new_string(REQUEST_TYPES[kind]));
  if (reservation && *reservation)
    json_object_object_add(o, "ReservationId", json_object_new_string(reservation));
  pl_redfish_time(pl_clock_wall_ns(x->stack->clock, pl_clock_now(x->stack->clock)), now, sizeof now);
  json_object_object_add(manifest, "Description", text_or_null(description));
  json_object_object_add(manifest, "Timestamp", json_object_new_string(now));
  json_object_object_add(manifest, "Stanzas", stanzas);
  json_object_object_add(o, "Manifest", manifest);
  return o;
}

/* --- the action --- */

static bool may_decompose(struct pl_exchange *x, const struct manifest *m)
{
  struct pl_err err = {0};
  for (size_t i = 0; i < m->n_systems; i++)
    if (pl_placement_may_stop(m->systems[i], &err)) {
      pl_say_err(x, NULL, &err);
      return false;
    }
  return true;
}

/* *task: what is over when nothing of them is left; NULL: they are gone already. */
static bool decompose(struct pl_exchange *x, const struct manifest *m, struct pl_procedure **task)
{
  struct pl_err err = {0};
  if (pl_placement_retire_all(x->stack->placement, m->systems, m->n_systems, x->user.name, task, &err) == PL_OK)
    return true;
  pl_say_err(x, NULL, &err);
  return false;
}

static void compose_manifest(struct pl_exchange *x, enum pl_order_kind kind)
{
  struct json_object *manifest = pl_body(x, "Manifest");
  struct manifest *m = calloc(1, sizeof *m);
  struct pl_plan *plan = NULL;
  struct pl_procedure *task = NULL;
  char reservation[40] = "";
  if (!m) {
    pl_say(x, 0, NULL, "InternalError", NULL);
    return;
  }
  bool fine = read_manifest(x, manifest, m);
  struct pl_order order = order_of(x, &m->wishes, kind);
  if (fine && kind == PL_ORDER_APPLY)
    fine = may_decompose(x, m);
  if (fine && m->wishes.count)
    fine = pl_order_run(x, &order, &plan, reservation);
  if (fine && kind == PL_ORDER_APPLY)
    fine = decompose(x, m, &task);
  if (fine && task)
    pl_answer_task(x, task);
  else if (fine) {
    const char *expand = pl_json_text(manifest, "Expand");
    struct json_object *stanzas = stanzas_json(x, m, plan, kind, !strcmp(expand, "All") || !strcmp(expand, "Relevant"));
    pl_answer_object(x, 200, envelope(x, kind, reservation, stanzas, pl_json_text(manifest, "Description")));
  }
  pl_plan_free(plan);
  free(m);
}

/* --- reservations --- */

static const struct pl_reservation *reservation_named(const struct pl_stack *stack, const char *id)
{
  for (const struct pl_reservation *r = stack->placement ? pl_placement_reservations(stack->placement) : NULL; r; r = r->next)
    if (!strcmp(r->id, id))
      return r;
  return NULL;
}

static struct json_object *reserved_stanzas(struct pl_stack *stack, const struct pl_reservation *r)
{
  struct json_object *stanzas = json_object_new_array();
  for (const struct pl_workload *w = r->first; w; w = pl_reserved_next(r, w)) {
    if (strchr(w->id, '#')) /* one more replica of what has been told */
      continue;
    struct json_object *stanza = json_object_new_object(), *request = json_object_new_object();
    json_object_object_add(stanza, "StanzaType", json_object_new_string("ComposeSystem"));
    json_object_object_add(stanza, "StanzaId", json_object_new_string(w->id));
    json_object_object_add(request, "Id", json_object_new_string(w->id));
    pl_json_put_path(request, "Oem/Plumbline", pl_wish_json(stack, &w->request, w->image, w->data_MiB, w->application));
    json_object_object_add(stanza, "Request", request);
    json_object_array_add(stanzas, stanza);
  }
  return stanzas;
}

static void apply_reservation(struct pl_exchange *x, const char *id)
{
  const struct pl_reservation *r = reservation_named(x->stack, id);
  struct pl_order order = {.author = x->user.name, .kind = PL_ORDER_APPLY, .reservation = id, .application = ""};
  struct pl_plan *plan = NULL;
  char none[40] = "", uri[PL_URI_MAX];
  if (!r) {
    pl_say(x, 0, "ReservationId", "ResourceNotFound", "CompositionReservation", id, NULL);
    return;
  }
  struct json_object *stanzas = reserved_stanzas(x->stack, r);
  if (!pl_order_run(x, &order, &plan, none)) {
    json_object_put(stanzas);
    return;
  }
  for (size_t i = 0; i < json_object_array_length(stanzas); i++) {
    struct json_object *stanza = json_object_array_get_idx(stanzas, i);
    json_object_object_add(stanza, "Response", pl_json_link(pl_composed_uri(pl_json_text(stanza, "StanzaId"), uri)));
  }
  pl_plan_free(plan);
  pl_answer_object(x, 200, envelope(x, PL_ORDER_APPLY, id, stanzas, NULL));
}

static void run_compose(struct pl_exchange *x)
{
  const char *type = pl_body_text(x, "RequestType"), *reservation = pl_body_text(x, "ReservationId");
  enum pl_order_kind kind = PL_ORDER_PREVIEW;
  while (REQUEST_TYPES[kind] && strcmp(REQUEST_TYPES[kind], type))
    kind++;
  if (reservation && kind != PL_ORDER_APPLY)
    pl_say(x, 0, "ReservationId", "ActionParameterValueError", "ReservationId", x->action->name, NULL);
  else if (reservation)
    apply_reservation(x, reservation);
  else
    compose_manifest(x, kind);
}

static const struct pl_field COMPOSE[] = {
    {.name = "RequestFormat", .type = PL_FIELD_TEXT, .choices = (const char *const[]){"Manifest", NULL}, .required = true},
    {.name = "RequestType", .type = PL_FIELD_TEXT, .choices = REQUEST_TYPES, .required = true},
    {.name = "Manifest", .type = PL_FIELD_OBJECT},
    {.name = "ReservationId", .type = PL_FIELD_TEXT, .min = 1, .max = 36},
};
const struct pl_action pl_compose_action = {
    .name = "CompositionService.Compose", .fields = COMPOSE, .n_fields = sizeof COMPOSE / sizeof COMPOSE[0], .run = run_compose};

static void list_reservations(const struct pl_res *res, struct pl_members *members)
{
  for (const struct pl_reservation *r = pl_placement_reservations(res->stack->placement); r; r = r->next)
    pl_members_add(members, r->id);
}

static bool find_reservation(struct pl_res *res)
{
  res->what = reservation_named(res->stack, res->ids[0]);
  return res->what;
}

static const struct pl_reservation *reserved(const struct pl_res *res)
{
  return res->what;
}

enum { MADE, EXPIRES };
static enum pl_has get_time(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[32];
  *value = json_object_new_string(pl_redfish_time(prop->x == MADE ? reserved(res)->made_wall_ns : reserved(res)->expires_wall_ns, text, sizeof text));
  return PL_SHOW;
}

static enum pl_has get_client(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(reserved(res)->client);
  return PL_SHOW;
}

static enum pl_has get_blocks(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  for (const struct pl_workload *w = reserved(res)->first; w; w = pl_reserved_next(reserved(res), w))
    add_block(res->stack, *value, w->node);
  return PL_SHOW;
}

static enum pl_has get_manifest(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_object();
  json_object_object_add(*value, "Stanzas", reserved_stanzas(res->stack, reserved(res)));
  return PL_SHOW;
}

static void give_back(struct pl_exchange *x)
{
  struct pl_err err = {0};
  if (pl_placement_cancel_reservation(x->stack->placement, x->res.ids[0], &err))
    pl_say_err(x, NULL, &err);
}

static const struct pl_prop RESERVATION[] = {
    PL_TEXT("Name", "Reservation"),
    {.path = "ReservationTime", .get = get_time, .x = MADE},
    PL_CALLS("Client", get_client),
    PL_CALLS("ReservedResourceBlocks", get_blocks),
    PL_CALLS("Manifest", get_manifest),
    PL_TEXT("Oem/Plumbline/@odata.type", "#PlumblinePlacement.v1_0_0.Reservation"),
    {.path = "Oem/Plumbline/ExpirationTime", .get = get_time, .x = EXPIRES},
};

static const struct pl_route ROUTES[] = {
    {.uri = PL_RESERVATIONS_URI, .type = "CompositionReservationCollection.CompositionReservationCollection", .name = "Reservations", .members = list_reservations},
    {.uri = PL_RESERVATIONS_URI "/{}", .type = "CompositionReservation.v1_0_2.CompositionReservation", .props = {PL_PROPS(RESERVATION)}, .find = find_reservation,
     .remove = give_back},
};
const struct pl_routes_desc pl_routes_composition_compose = PL_ROUTES(ROUTES);
