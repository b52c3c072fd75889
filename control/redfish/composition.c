/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"
#include "control/redfish/shape.h"

/* CompositionService (v1.2): the pools of the allocation engine. A node of its pool is a ResourceBlock, a module a zone of them. */

static const char *const NODE_STATES[] = {[PL_NODE_UP] = "Up", [PL_NODE_ASLEEP] = "Asleep", [PL_NODE_CLOSED] = "Closed", [PL_NODE_GONE] = "Gone"};

static bool has_placement(struct pl_res *res)
{
  return res->stack->placement;
}

/* --- blocks --- */

static struct pl_node_view view_of(const struct pl_res *res)
{
  struct pl_node_view view = {0};
  pl_pool_view(pl_placement_pool(res->stack->placement), res->ids[0], &view);
  return view;
}

static bool find_block(struct pl_res *res)
{
  struct pl_node_view view;
  if (!res->stack->placement || !pl_pool_view(pl_placement_pool(res->stack->placement), res->ids[0], &view))
    return false;
  res->item = pl_inventory_find(res->stack->inventory, PL_ITEM_CSU, res->ids[0]);
  return res->item != NULL;
}

struct json_object *pl_block_link(const struct pl_stack *stack, const char *node)
{
  char uri[PL_URI_MAX];
  struct pl_node_view view;
  if (!*node || !pl_pool_view(pl_placement_pool(stack->placement), node, &view))
    return NULL;
  snprintf(uri, sizeof uri, PL_BLOCKS_URI "/%s", node);
  return pl_json_link(uri);
}

const char *pl_block_named(struct pl_exchange *x, struct json_object *link, const char *property)
{
  bool found;
  struct json_object *id = pl_json_path(link, "@odata.id", &found);
  const char *uri = json_object_is_type(id, json_type_string) ? json_object_get_string(id) : "";
  struct pl_node_view view;
  if (!strncmp(uri, PL_BLOCKS_URI "/", sizeof PL_BLOCKS_URI) && pl_pool_view(pl_placement_pool(x->stack->placement), uri + sizeof PL_BLOCKS_URI, &view))
    return uri + sizeof PL_BLOCKS_URI;
  pl_say(x, 0, property, "Composition.1.1.ResourceBlockNotFound", uri, NULL);
  return NULL;
}

enum pool { POOL_ALL, POOL_FREE, POOL_ACTIVE, POOL_UNASSIGNED };
static const char *const POOLS[] = {[POOL_FREE] = "Free", [POOL_ACTIVE] = "Active", [POOL_UNASSIGNED] = "Unassigned"};

static enum pool pool_of(const struct pl_node_view *view)
{
  if (view->desc.state == PL_NODE_CLOSED || view->desc.state == PL_NODE_GONE)
    return POOL_UNASSIGNED;
  return view->allocations ? POOL_ACTIVE : POOL_FREE;
}

struct listing {
  enum pool pool;
  const char *module;           /* NULL: of any */
  struct pl_members *members;   /* one of the two */
  struct json_object *links;
};

static void list_block(void *ctx, const struct pl_node_view *view)
{
  struct listing *l = ctx;
  const char *module = view->desc.domains[PL_DOMAIN_MODULE];
  char uri[PL_URI_MAX];
  if ((l->pool != POOL_ALL && pool_of(view) != l->pool) || (l->module && (!module || strcmp(module, l->module))))
    return;
  snprintf(uri, sizeof uri, PL_BLOCKS_URI "/%s", view->desc.id);
  if (l->members)
    pl_members_add(l->members, uri);
  else
    json_object_array_add(l->links, pl_json_link(uri));
}

static void list(const struct pl_res *res, struct listing *listing)
{
  pl_pool_each_node(pl_placement_pool(res->stack->placement), list_block, listing);
}

static void list_all(const struct pl_res *res, struct pl_members *members)
{
  list(res, &(struct listing){.pool = POOL_ALL, .members = members});
}

static void list_free(const struct pl_res *res, struct pl_members *members)
{
  list(res, &(struct listing){.pool = POOL_FREE, .members = members});
}

static void list_active(const struct pl_res *res, struct pl_members *members)
{
  list(res, &(struct listing){.pool = POOL_ACTIVE, .members = members});
}

/* The replicas that have a place there: also those that are on their way to it. */
static bool stands_on(const struct pl_workload *w, const char *node)
{
  return !strcmp(w->node, node) || !strcmp(w->target, node);
}

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_block_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_URI_MAX];
  (void)prop;
  snprintf(text, sizeof text, "Resource block %s", res->ids[0]);
  return show_text(value, text);
}

static enum pl_has get_block_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  static const enum pl_state STATES[] = {[PL_NODE_UP] = PL_STATE_ENABLED, [PL_NODE_ASLEEP] = PL_STATE_STANDBY, [PL_NODE_CLOSED] = PL_STATE_QUIESCED};
  enum pl_node_state state = view_of(res).desc.state;
  (void)prop;
  if (state != PL_NODE_GONE)
    return show_text(value, pl_state_name(STATES[state]));
  bool works = res->item->state == PL_STATE_ENABLED || res->item->state == PL_STATE_QUIESCED; /* its agent does not answer */
  return show_text(value, pl_state_name(works ? PL_STATE_UNAVAILABLE : res->item->state));
}

static enum pl_has get_pool(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_node_view view = view_of(res);
  (void)prop;
  return show_text(value, POOLS[pool_of(&view)]);
}

/* Unassigned: it takes nothing new, and what it has is moved away. */
static void set_pool(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  bool closed = !strcmp(json_object_get_string(value), POOLS[POOL_UNASSIGNED]);
  struct pl_err err = {0};
  if (pl_placement_close(x->stack->placement, x->res.item, closed, x->user.name, &err))
    pl_say_err(x, prop->path, &err);
}

static enum pl_has get_composition_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_node_view view = view_of(res);
  (void)prop;
  if (res->item->health == PL_HEALTH_CRITICAL)
    return show_text(value, "Failed");
  if (pool_of(&view) == POOL_UNASSIGNED)
    return show_text(value, "Unavailable");
  return show_text(value, view.allocations ? "ComposedAndAvailable" : "Unused");
}

static enum pl_has get_reserved(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  bool reserved = false;
  (void)prop;
  for (const struct pl_workload *w = pl_placement_first(res->stack->placement); w && !reserved; w = w->next)
    reserved = w->state == PL_WORKLOAD_RESERVED && stands_on(w, res->ids[0]);
  *value = json_object_new_boolean(reserved);
  return PL_SHOW;
}

static enum pl_has get_most(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  int64_t most = view_of(res).desc.capacity.of[PL_DIMENSION_WORKLOADS];
  (void)prop;
  *value = most > 0 ? json_object_new_int64(most) : NULL; /* the schema's least is 1 */
  return PL_SHOW;
}

static enum pl_has get_count(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64((int64_t)view_of(res).allocations);
  return PL_SHOW;
}

static enum pl_has get_systems(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  for (const struct pl_workload *w = pl_placement_first(res->stack->placement); w; w = w->next) {
    char uri[PL_URI_MAX];
    if (stands_on(w, res->ids[0]))
      json_object_array_add(*value, pl_json_link(pl_composed_uri(w->id, uri)));
  }
  return PL_SHOW;
}

static enum pl_has get_zones(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *module = view_of(res).desc.domains[PL_DOMAIN_MODULE];
  char uri[PL_URI_MAX];
  (void)prop;
  *value = json_object_new_array();
  snprintf(uri, sizeof uri, PL_COMPOSITION_URI "/ResourceZones/%s", module ? module : "");
  if (module)
    json_object_array_add(*value, pl_json_link(uri));
  return PL_SHOW;
}

/* --- what the engine says of a block --- */

static enum pl_has get_node_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, NODE_STATES[view_of(res).desc.state]);
}

enum { CAPACITY, GIVEN };
static enum pl_has get_amounts(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_node_view view = view_of(res);
  *value = pl_amounts_json(prop->x == CAPACITY ? &view.desc.capacity : &view.given, true);
  return PL_SHOW;
}

/* As their agents tell. */
static enum pl_has get_used(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  double cores = 0, memory = 0;
  (void)prop;
  for (const struct pl_workload *w = pl_placement_first(res->stack->placement); w; w = w->next)
    if (!strcmp(w->node, res->ids[0])) {
      cores += w->run.used_cores;
      memory += w->run.used_memory_MiB;
    }
  *value = json_object_new_object();
  json_object_object_add(*value, "Cores", pl_json_number(cores));
  json_object_object_add(*value, "MemoryMiB", pl_json_number(memory));
  return PL_SHOW;
}

static enum pl_has get_forecast(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_forecast f;
  (void)prop;
  if (!view_of(res).allocations || !pl_placement_forecast(res->stack->placement, res->ids[0], PL_DIMENSION_CORES, (double)res->stack->settings.ahead_ns / (double)PL_S, &f))
    return PL_SHOW; /* null: there is nothing to expect, or too little is known */
  *value = pl_forecast_json(&f, PL_DIMENSION_CORES);
  return PL_SHOW;
}

static enum pl_has get_heat(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = pl_json_number(view_of(res).desc.heat);
  return PL_SHOW;
}

static enum pl_has get_features(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = pl_features_json(res->stack, view_of(res).desc.features);
  return PL_SHOW;
}

static enum pl_has get_domain(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *domain = view_of(res).desc.domains[(int)prop->x];
  *value = domain ? json_object_new_string(domain) : NULL;
  return PL_SHOW;
}

static const char *const TYPES[] = {"Compute", NULL};
static const struct pl_field POOL = {.type = PL_FIELD_TEXT, .choices = (const char *const[]){"Free", "Active", "Unassigned", NULL}};
#define OWN "Oem/Plumbline/"
static const struct pl_prop BLOCK[] = {
    PL_CALLS("Name", get_block_name),
    PL_TEXTS("ResourceBlockType", TYPES),
    PL_CALLS("Status/State", get_block_state),
    PL_CALLS("Status/Health", pl_get_health),
    PL_WRITES("Pool", get_pool, &POOL, set_pool),
    PL_CALLS("CompositionStatus/CompositionState", get_composition_state),
    PL_CALLS("CompositionStatus/Reserved", get_reserved),
    PL_FLAG("CompositionStatus/SharingCapable", true),
    PL_FLAG("CompositionStatus/SharingEnabled", true),
    PL_CALLS("CompositionStatus/MaxCompositions", get_most),
    PL_CALLS("CompositionStatus/NumberOfCompositions", get_count),
    PL_LINKS_ONE("ComputerSystems", "/redfish/v1/Systems/{0}"),
    PL_CALLS("Links/Chassis", pl_get_chassis_link),
    PL_CALLS("Links/Zones", get_zones),
    PL_CALLS("Links/ComputerSystems", get_systems),
    PL_TEXT(OWN "@odata.type", "#PlumblinePlacement.v1_0_0.Block"),
    PL_CALLS(OWN "State", get_node_state),
    {.path = OWN "Module", .get = get_domain, .x = PL_DOMAIN_MODULE},
    {.path = OWN "Rack", .get = get_domain, .x = PL_DOMAIN_RACK},
    {.path = OWN "Feed", .get = get_domain, .x = PL_DOMAIN_FEED},
    PL_CALLS(OWN "Features", get_features),
    {.path = OWN "Capacity", .get = get_amounts, .x = CAPACITY},
    {.path = OWN "Given", .get = get_amounts, .x = GIVEN},
    {.path = OWN "Used", .get = get_used, .flags = PL_PROP_VOLATILE},
    {.path = OWN "Forecast", .get = get_forecast, .flags = PL_PROP_VOLATILE},
    {.path = OWN "Heat", .get = get_heat, .flags = PL_PROP_VOLATILE},
};

/* --- zones --- */

static struct json_object *blocks_of(const struct pl_res *res, const char *module)
{
  struct listing l = {.pool = POOL_ALL, .module = module, .links = json_object_new_array()};
  list(res, &l);
  return l.links;
}

static void list_zones(const struct pl_res *res, struct pl_members *members)
{
  const struct pl_inventory *inventory = res->stack->inventory;
  for (const struct pl_item *module = pl_inventory_first(inventory, PL_ITEM_MODULE); module; module = pl_item_next(inventory, module)) {
    struct json_object *blocks = blocks_of(res, module->id);
    if (json_object_array_length(blocks))
      pl_members_add(members, module->id);
    json_object_put(blocks);
  }
}

static bool find_zone(struct pl_res *res)
{
  if (!res->stack->placement || !pl_find_kind(res, 0, PL_ITEM_MODULE))
    return false;
  struct json_object *blocks = blocks_of(res, res->ids[0]);
  bool any = json_object_array_length(blocks) > 0;
  json_object_put(blocks);
  return any;
}

static enum pl_has get_zone_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_URI_MAX];
  (void)prop;
  snprintf(text, sizeof text, "Resource blocks of %s", res->ids[0]);
  return show_text(value, text);
}

static enum pl_has get_zone_blocks(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = blocks_of(res, res->ids[0]);
  return PL_SHOW;
}

/* A system may be composed by what it needs, of whatever block has it. */
enum pl_has pl_get_capabilities(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!res->stack->placement)
    return PL_OMIT;
  struct json_object *capability = json_object_new_object(), *links = json_object_new_object(), *capabilities = json_object_new_array();
  json_object_object_add(links, "TargetCollection", pl_json_link("/redfish/v1/Systems"));
  json_object_object_add(capability, "CapabilitiesObject", pl_json_link(PL_CAPABILITIES_URI));
  json_object_object_add(capability, "UseCase", json_object_new_string("ComputerSystemConstrainedComposition"));
  json_object_object_add(capability, "Links", links);
  json_object_array_add(capabilities, capability);
  *value = pl_own_json("CollectionCapabilities.v1_4_1.CollectionCapabilities");
  json_object_object_add(*value, "Capabilities", capabilities);
  return PL_SHOW;
}

static const struct pl_prop ZONE[] = {
    PL_CALLS("Name", get_zone_name),
    PL_STATUS_ENABLED,
    PL_TEXT("ZoneType", "ZoneOfResourceBlocks"),
    PL_CALLS("Links/ResourceBlocks", get_zone_blocks),
    PL_CALLS("@Redfish.CollectionCapabilities", pl_get_capabilities),
};

/* --- the service --- */

static enum pl_has get_duration(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[48]; /* ISO 8601 */
  (void)prop;
  snprintf(text, sizeof text, "PT%lldS", (long long)(res->stack->settings.reserve_ns / PL_S));
  return show_text(value, text);
}

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Description", "Places workloads on the units of this rack: which has what, and who has it"),
    PL_FLAG("ServiceEnabled", true),
    PL_STATUS_ENABLED,
    PL_CALLS("ReservationDuration", get_duration),
    PL_FLAG("AllowOverprovisioning", false),
    PL_FLAG("AllowZoneAffinity", false), /* by WithIn and ApartIn of a request, which say more */
    PL_LINK("ResourceBlocks", "ResourceBlocks"),
    PL_LINK("ResourceZones", "ResourceZones"),
    PL_LINK("FreePool", "FreePool"),
    PL_LINK("ActivePool", "ActivePool"),
    PL_LINK("CompositionReservations", "CompositionReservations"),
};

static const struct pl_route ROUTES[] = {
    {.uri = PL_COMPOSITION_URI, .type = "CompositionService.v1_2_3.CompositionService", .name = "Composition Service", .props = {PL_PROPS(SERVICE)},
     .actions = &pl_compose_action, .n_actions = 1, .find = has_placement},
    {.uri = PL_BLOCKS_URI, .type = "ResourceBlockCollection.ResourceBlockCollection", .name = "Resource Blocks", .members = list_all},
    {.uri = PL_BLOCKS_URI "/{}", .type = "ResourceBlock.v1_4_3.ResourceBlock", .props = {PL_PROPS(BLOCK)}, .find = find_block},
    {.uri = PL_COMPOSITION_URI "/FreePool", .type = "ResourceBlockCollection.ResourceBlockCollection", .name = "Free Pool", .members = list_free},
    {.uri = PL_COMPOSITION_URI "/ActivePool", .type = "ResourceBlockCollection.ResourceBlockCollection", .name = "Active Pool", .members = list_active},
    {.uri = PL_COMPOSITION_URI "/ResourceZones", .type = "ZoneCollection.ZoneCollection", .name = "Resource Zones", .members = list_zones},
    {.uri = PL_COMPOSITION_URI "/ResourceZones/{}", .type = "Zone.v1_6_3.Zone", .props = {PL_PROPS(ZONE)}, .find = find_zone},
};
const struct pl_routes_desc pl_routes_composition = PL_ROUTES(ROUTES);
