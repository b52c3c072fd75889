/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"
#include "control/redfish/shape.h"

#include <ctype.h>
#include <math.h>

/* Composed systems (ComputerSystem v1.27, SystemType Composed): a replica of a workload each; what the engine says of it stands below Oem.Plumbline.Workload. */

#define OWN "Oem/Plumbline/Workload/"

static struct pl_workload *workload(const struct pl_res *res)
{
  return (struct pl_workload *)(uintptr_t)res->what;
}

/* --- names --- */

char *pl_composed_id(const char *id, char out[64])
{
  snprintf(out, 64, "%s", id);
  char *mark = strchr(out, '#');
  if (mark)
    *mark = '-';
  return out;
}

char *pl_composed_uri(const char *id, char out[PL_URI_MAX])
{
  char own[64];
  snprintf(out, PL_URI_MAX, "/redfish/v1/Systems/%s", pl_composed_id(id, own));
  return out;
}

struct pl_workload *pl_composed_find(const struct pl_stack *stack, const char *id)
{
  char replica[64];
  if (!stack->placement || strchr(id, '#') || strlen(id) >= sizeof replica)
    return NULL;
  struct pl_workload *w = pl_placement_find(stack->placement, id);
  snprintf(replica, sizeof replica, "%s", id);
  char *dash = strrchr(replica, '-');
  if (w || !dash || !isdigit((unsigned char)dash[1]))
    return w;
  *dash = '#';
  return pl_placement_find(stack->placement, replica);
}

void pl_composed_list(const struct pl_res *res, struct pl_members *members)
{
  char id[64];
  if (res->stack->placement)
    for (const struct pl_workload *w = pl_placement_first(res->stack->placement); w; w = w->next)
      pl_members_add(members, pl_composed_id(w->id, id));
}

static bool find_composed(struct pl_res *res)
{
  res->what = pl_composed_find(res->stack, res->ids[0]);
  return res->what;
}

/* --- what it is --- */

/* By pl_workload_state: what Redfish has for it (schema Resource, Status). */
static const struct {
  const char *state, *health, *power;
} STATES[] = {
    [PL_WORKLOAD_QUEUED] = {"StandbyOffline", "OK", "Off"},   [PL_WORKLOAD_RESERVED] = {"StandbyOffline", "OK", "Off"},
    [PL_WORKLOAD_STARTING] = {"Starting", "OK", "PoweringOn"}, [PL_WORKLOAD_RUNNING] = {"Enabled", "OK", "On"},
    [PL_WORKLOAD_MOVING] = {"Updating", "OK", "On"},          [PL_WORKLOAD_STOPPING] = {"Quiesced", "OK", "PoweringOff"},
    [PL_WORKLOAD_LOST] = {"StandbyOffline", "Critical", "Off"},
};

const char *pl_composed_state(enum pl_workload_state state)
{
  return STATES[state].state;
}

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[96];
  (void)prop;
  snprintf(text, sizeof text, "Workload %s", workload(res)->id);
  return show_text(value, text);
}

enum { STATE, HEALTH, POWER };
static enum pl_has get_status(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  enum pl_workload_state state = workload(res)->state;
  return show_text(value, prop->x == STATE ? STATES[state].state : prop->x == HEALTH ? STATES[state].health : STATES[state].power);
}

/* Why it does not run, where it should. */
static enum pl_has get_conditions(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_workload *w = workload(res);
  (void)prop;
  if (w->state != PL_WORKLOAD_LOST)
    return PL_OMIT;
  struct json_object *condition = json_object_new_object(), *args = json_object_new_array();
  json_object_array_add(args, json_object_new_string(res->ids[0]));
  json_object_array_add(args, json_object_new_string("Critical"));
  char text[160];
  snprintf(text, sizeof text, "The health of resource '%s' has changed to Critical.", res->ids[0]);
  json_object_object_add(condition, "MessageId", json_object_new_string("ResourceEvent.1.4.ResourceStatusChangedCritical"));
  json_object_object_add(condition, "Message", json_object_new_string(text));
  json_object_object_add(condition, "MessageArgs", args);
  json_object_object_add(condition, "Severity", json_object_new_string("Critical"));
  json_object_object_add(condition, "Resolution", json_object_new_string(w->why));
  json_object_object_add(condition, "OriginOfCondition", pl_json_link(res->uri));
  *value = json_object_new_array();
  json_object_array_add(*value, condition);
  return PL_SHOW;
}

static enum pl_has get_cores(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64((workload(res)->request.need.of[PL_DIMENSION_CORES] + 999) / 1000); /* the schema has whole ones */
  return PL_SHOW;
}

static enum pl_has get_memory(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = pl_json_number((double)workload(res)->request.need.of[PL_DIMENSION_MEMORY] / 1024);
  return PL_SHOW;
}

static enum pl_has get_blocks(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct json_object *link = pl_block_link(res->stack, workload(res)->node);
  (void)prop;
  *value = json_object_new_array();
  if (link)
    json_object_array_add(*value, link);
  return PL_SHOW;
}

/* --- what the engine says of it --- */

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, pl_workload_state_name(workload(res)->state));
}

/* Texts: x is where in the workload; "" is null. */
static enum pl_has get_member(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)workload(res) + (size_t)prop->x;
  *value = *text ? json_object_new_string(text) : NULL;
  return PL_SHOW;
}

static enum pl_has get_waits(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(workload(res)->state == PL_WORKLOAD_QUEUED || workload(res)->state == PL_WORKLOAD_LOST);
  return PL_SHOW;
}

enum { PRIORITY, REPLICAS, SCORE, MOVES, INTERRUPTION, WORK, CHECKSUM };
static enum pl_has get_figure(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_workload *w = workload(res);
  char text[16];
  switch ((int)prop->x) {
  case PRIORITY: *value = json_object_new_int(w->request.priority); break;
  case REPLICAS: *value = json_object_new_int64(w->request.replicas ? w->request.replicas : 1); break;
  case SCORE: *value = *w->node ? pl_json_number(w->score) : NULL; break;
  case MOVES: *value = json_object_new_int64(w->moves); break;
  case INTERRUPTION: *value = w->moves ? pl_json_number((double)w->interrupted / (double)PL_S) : NULL; break;
  case WORK: *value = w->told || w->run.checksum ? json_object_new_uint64(w->run.work) : NULL; break; /* told, or kept */
  default:
    snprintf(text, sizeof text, "%08x", w->run.checksum);
    *value = w->run.checksum ? json_object_new_string(text) : NULL;
  }
  return PL_SHOW;
}

static enum pl_has get_demand(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_workload *w = workload(res);
  (void)prop;
  *value = pl_wish_json(res->stack, &w->request, w->image, w->data_MiB, w->application);
  for (size_t i = 0; i < 4; i++) /* they stand beside it */
    json_object_object_del(*value, (const char *const[]){"Application", "Priority", "Replicas", "Image"}[i]);
  return PL_SHOW;
}

static enum pl_has get_image(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct json_object *all = pl_wish_json(res->stack, &workload(res)->request, workload(res)->image, 0, NULL), *image = NULL;
  (void)prop;
  json_object_object_get_ex(all, "Image", &image);
  *value = image ? json_object_get(image) : NULL;
  json_object_put(all);
  return PL_SHOW;
}

/* What its agent told last; null until it has. */
static enum pl_has get_used(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_workload *w = workload(res);
  (void)prop;
  if (!w->told)
    return PL_SHOW;
  *value = json_object_new_object();
  json_object_object_add(*value, "CoresUsed", pl_json_number(w->run.used_cores));
  json_object_object_add(*value, "MemoryMiBUsed", pl_json_number(w->run.used_memory_MiB));
  return PL_SHOW;
}

static enum pl_has get_forecast(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_forecast f;
  (void)prop;
  if (pl_workload_forecast(workload(res), PL_DIMENSION_CORES, (double)res->stack->settings.ahead_ns / (double)PL_S, &f))
    *value = pl_forecast_json(&f, PL_DIMENSION_CORES);
  return PL_SHOW; /* null: too little is known yet */
}

static enum pl_has get_explanation(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = pl_composition_explanation(res->stack, workload(res));
  return PL_SHOW;
}

/* --- what may be done to it --- */

struct scaling { /* of one PATCH, which may name several of them */
  struct pl_amounts need;
  unsigned replicas;
};

static struct scaling *scaling(struct pl_exchange *x)
{
  const struct pl_workload *w = workload(&x->res);
  if (!x->res.own && (x->res.own = calloc(1, sizeof(struct scaling))))
    *(struct scaling *)x->res.own = (struct scaling){w->request.need, w->request.replicas};
  return x->res.own;
}

static void set_amount(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct scaling *s = scaling(x);
  if (s)
    s->need.of[(int)prop->x] = (int64_t)llround(json_object_get_double(value) * (prop->x == PL_DIMENSION_CORES ? 1000 : 1));
}

static void set_replicas(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct scaling *s = scaling(x);
  (void)prop;
  if (s)
    s->replicas = (unsigned)json_object_get_int(value);
}

static void refused(struct pl_exchange *x, const struct pl_err *err)
{
  if (err->status == PL_E_RANGE)
    pl_say_refusal(x, "Composition.1.1.NoResourceMatch", "Compute", err->text, pl_own_json("PlumblinePlacement.v1_0_0.Refusal"));
  else
    pl_say_err(x, NULL, err);
}

/* All of a PATCH at once, or nothing of it. */
static void scale(struct pl_exchange *x)
{
  struct scaling *s = scaling(x);
  struct pl_err err = {0};
  if (!s || pl_has_failed(x)) {
    ((struct pl_open_exchange *)x)->n_done = 0;
    return;
  }
  if (pl_placement_scale(x->stack->placement, workload(&x->res), &s->need, s->replicas, x->user.name, &err)) {
    ((struct pl_open_exchange *)x)->n_done = 0;
    refused(x, &err);
  }
}

/* 202 and a task while it is still there, 204 where it was gone at once (DSP0266, DELETE: "if the resource was successfully deleted" is for what is). */
static void stop(struct pl_exchange *x)
{
  struct pl_procedure *task = NULL;
  struct pl_err err = {0};
  if (pl_placement_retire(x->stack->placement, workload(&x->res), x->user.name, &task, &err))
    pl_say_err(x, NULL, &err);
  else if (task)
    pl_answer_task(x, task);
}

static void migrate_to(struct pl_exchange *x, const char *node)
{
  struct pl_procedure *task = NULL;
  struct pl_err err = {0};
  if (pl_placement_migrate(x->stack->placement, workload(&x->res), node, x->user.name, &task, &err))
    refused(x, &err);
  else if (task)
    pl_answer_task(x, task);
}

/* "the service shall return the HTTP 428" where the ETag that a parameter gives is not the resource's (schema ComputerSystem, AddResourceBlock). */
static bool tag_fits(struct pl_exchange *x, const char *parameter, const char *uri)
{
  const char *want = pl_body_text(x, parameter);
  char etag[24];
  struct pl_res res;
  if (!want || pl_res_find(x->stack, uri, &res))
    return true;
  struct json_object *object = pl_res_render(&res);
  pl_res_etag(&res, object, etag, sizeof etag);
  json_object_put(object);
  pl_res_end(&res);
  if (pl_request_tag_in(want, etag))
    return true;
  pl_say(x, 428, parameter, "PreconditionFailed", NULL);
  return false;
}

/* The block that AddResourceBlock and RemoveResourceBlock name; NULL: they said why not. */
static const char *block_of_action(struct pl_exchange *x)
{
  char uri[PL_URI_MAX];
  const char *node = pl_block_named(x, pl_body(x, "ResourceBlock"), "ResourceBlock");
  snprintf(uri, sizeof uri, PL_BLOCKS_URI "/%s", node ? node : "");
  return node && tag_fits(x, "ComputerSystemETag", x->res.uri) && tag_fits(x, "ResourceBlockETag", uri) ? node : NULL;
}

static void run_migrate(struct pl_exchange *x)
{
  struct json_object *block = pl_body(x, "ResourceBlock");
  const char *node = block ? pl_block_named(x, block, "ResourceBlock") : NULL;
  if (node || !block)
    migrate_to(x, node);
}

/* A replica stands on one block: to add one is to move there, to remove its own is to move away. */
static void run_add(struct pl_exchange *x)
{
  const char *node = block_of_action(x);
  if (node && !strcmp(node, workload(&x->res)->node))
    pl_say(x, 409, "ResourceBlock", "ActionParameterValueError", "ResourceBlock", x->action->name, NULL);
  else if (node)
    migrate_to(x, node);
}

static void run_remove(struct pl_exchange *x)
{
  const char *node = block_of_action(x);
  if (node && strcmp(node, workload(&x->res)->node))
    pl_say(x, 409, "ResourceBlock", "ActionParameterValueError", "ResourceBlock", x->action->name, NULL);
  else if (node)
    migrate_to(x, NULL);
}

/* With it goes what it kept; nothing is erased beyond that, and a client that must have it erased is told so (schema ComputerSystem, Decommission). */
static void run_decommission(struct pl_exchange *x)
{
  if (json_object_get_boolean(pl_body(x, "RequireSecureErase")))
    pl_say(x, 501, "RequireSecureErase", "ActionParameterNotSupported", "RequireSecureErase", x->action->name, NULL);
  else if (tag_fits(x, "ComputerSystemETag", x->res.uri))
    stop(x);
}

static const struct pl_field BLOCK[] = {
    {.name = "ResourceBlock", .type = PL_FIELD_OBJECT, .required = true},
    {.name = "ResourceBlockETag", .type = PL_FIELD_TEXT},
    {.name = "ComputerSystemETag", .type = PL_FIELD_TEXT},
};
static const struct pl_field DECOMMISSION[] = {
    {.name = "DecommissionTypes", .type = PL_FIELD_LIST, .choices = (const char *const[]){"All", "UserData", NULL}, .required = true},
    {.name = "OEMDecommissionTypes", .type = PL_FIELD_LIST},
    {.name = "RequireSecureErase", .type = PL_FIELD_FLAG},
    {.name = "ComputerSystemETag", .type = PL_FIELD_TEXT},
};
static const struct pl_field MIGRATE[] = {{.name = "ResourceBlock", .type = PL_FIELD_OBJECT}};
#define FIELDS(TABLE) .fields = TABLE, .n_fields = sizeof TABLE / sizeof TABLE[0]
static const struct pl_action ACTIONS[] = {
    {.name = "ComputerSystem.AddResourceBlock", FIELDS(BLOCK), .run = run_add},
    {.name = "ComputerSystem.RemoveResourceBlock", FIELDS(BLOCK), .run = run_remove},
    {.name = "ComputerSystem.Decommission", FIELDS(DECOMMISSION), .run = run_decommission},
    {.name = "PlumblineComputerSystem.Migrate", FIELDS(MIGRATE), .run = run_migrate},
};

static const struct pl_field AMOUNT = {.type = PL_FIELD_NUMBER, .min = 0.001, .max = 1e9}, COUNT = {.type = PL_FIELD_INTEGER, .min = 1, .max = 1000};
#define MEMBER(NAME, OF) {.path = OWN NAME, .get = get_member, .x = (double)offsetof(struct pl_workload, OF)}
#define FIGURE(NAME, WHAT) {.path = OWN NAME, .get = get_figure, .x = WHAT}
static const struct pl_prop SYSTEM[] = {
    PL_CALLS("Name", get_name),
    PL_TEXT("SystemType", "Composed"),
    {.path = "Status/State", .get = get_status, .x = STATE},
    {.path = "Status/Health", .get = get_status, .x = HEALTH},
    PL_CALLS("Status/Conditions", get_conditions),
    {.path = "PowerState", .get = get_status, .x = POWER},
    PL_CALLS("ProcessorSummary/CoreCount", get_cores),
    PL_CALLS("MemorySummary/TotalSystemMemoryGiB", get_memory),
    PL_CALLS("Links/ResourceBlocks", get_blocks),
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    PL_TEXT("Oem/Plumbline/@odata.type", "#PlumblineComputerSystem.v1_0_0.ComputerSystem"),
};
static const struct pl_prop WORKLOAD[] = {
    PL_CALLS(OWN "State", get_state),
    MEMBER("Node", node),
    MEMBER("Target", target),
    MEMBER("Application", application),
    FIGURE("Priority", PRIORITY),
    PL_CALLS(OWN "Image", get_image),
    PL_CALLS(OWN "Demand", get_demand),
    {.path = OWN "Demand/Cores", .write = &AMOUNT, .set = set_amount, .x = PL_DIMENSION_CORES}, /* shown by the row above */
    {.path = OWN "Demand/MemoryMiB", .write = &AMOUNT, .set = set_amount, .x = PL_DIMENSION_MEMORY},
    {.path = OWN "Replicas", .get = get_figure, .x = REPLICAS, .write = &COUNT, .set = set_replicas},
    FIGURE("Score", SCORE),
    MEMBER("Why", why),
    PL_CALLS(OWN "Explanation", get_explanation),
    {.path = OWN "Used", .get = get_used, .flags = PL_PROP_VOLATILE},
    {.path = OWN "Forecast", .get = get_forecast, .flags = PL_PROP_VOLATILE},
    {.path = OWN "Work", .get = get_figure, .x = WORK, .flags = PL_PROP_VOLATILE},
    {.path = OWN "Checksum", .get = get_figure, .x = CHECKSUM, .flags = PL_PROP_VOLATILE},
    FIGURE("Moves", MOVES),
    FIGURE("InterruptionSeconds", INTERRUPTION),
    PL_CALLS(OWN "WaitsForRoom", get_waits),
};

const struct pl_route pl_composed_route = {
    .uri = "/redfish/v1/Systems/{}",
    .type = "ComputerSystem.v1_27_0.ComputerSystem",
    .props = {PL_PROPS(SYSTEM), PL_PROPS(WORKLOAD)},
    .actions = ACTIONS,
    .n_actions = sizeof ACTIONS / sizeof ACTIONS[0],
    .find = find_composed,
    .patched = scale,
    .remove = stop,
};

/* --- constrained composition: what a POST to Systems must and may say (DSP2050 "Constrained composition") --- */

static const struct pl_prop CAPABILITIES[] = {
    PL_TEXT("Name", "Capabilities of composed systems"),
    PL_FLAG("Name@Redfish.RequiredOnCreate", true),
    PL_FLAG("Description@Redfish.OptionalOnCreate", true),
    PL_FLAG("Oem@Redfish.RequiredOnCreate", true),
    PL_FLAG("Links@Redfish.OptionalOnCreate", true),
    PL_FLAG("Links/ResourceBlocks@Redfish.OptionalOnCreate", true),
    PL_NUMBER("@Redfish.ResourceBlockLimits/MinCompute", 1),
    PL_NUMBER("@Redfish.ResourceBlockLimits/MaxCompute", 1),
};

static bool has_placement(struct pl_res *res)
{
  return res->stack->placement;
}

static const struct pl_route ROUTES[] = {
    {.uri = PL_CAPABILITIES_URI, .type = "ComputerSystem.v1_27_0.ComputerSystem", .props = {PL_PROPS(CAPABILITIES)}, .find = has_placement, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_composed_systems = PL_ROUTES(ROUTES);
