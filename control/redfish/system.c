/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"
#include "control/redfish/shape.h"

/* Systems: what a CSU computes and stores with, as its identity device says. A CSU that is out, or does not say, has none of it. What is composed: composition_system.c. */

static bool find_system(struct pl_res *res)
{
  return pl_find_kind(res, 0, PL_ITEM_CSU);
}

static void list_systems(const struct pl_res *res, struct pl_members *members)
{
  pl_list_kind(res, members, PL_ITEM_CSU);
  pl_composed_list(res, members);
}

static const struct pl_contents *contents(const struct pl_res *res)
{
  static const struct pl_contents NOTHING;
  return res->item->identified ? &res->item->identity.contents : &NOTHING;
}

static void list_numbers(struct pl_members *members, unsigned count)
{
  for (unsigned i = 1; i <= count; i++) {
    char id[16];
    snprintf(id, sizeof id, "%u", i);
    pl_members_add(members, id);
  }
}

static bool take_number(struct pl_res *res, size_t id, unsigned count)
{
  char *end;
  unsigned long n = strtoul(res->ids[id], &end, 10);
  res->index = n;
  return *res->ids[id] >= '1' && *res->ids[id] <= '9' && !*end && n <= count;
}

static void list_processors(const struct pl_res *res, struct pl_members *members)
{
  list_numbers(members, contents(res)->processors);
}

static bool find_processor(struct pl_res *res)
{
  return take_number(res, 1, contents(res)->processors);
}

static void list_memory(const struct pl_res *res, struct pl_members *members)
{
  list_numbers(members, contents(res)->memory_modules);
}

static bool find_memory(struct pl_res *res)
{
  return take_number(res, 1, contents(res)->memory_modules);
}

static bool has_drives(struct pl_res *res)
{
  return contents(res)->drives > 0;
}

static void list_storage(const struct pl_res *res, struct pl_members *members)
{
  if (contents(res)->drives)
    pl_members_add(members, "1");
}

static bool find_storage(struct pl_res *res)
{
  return !strcmp(res->ids[1], "1") && contents(res)->drives;
}

static void list_drives(const struct pl_res *res, struct pl_members *members)
{
  list_numbers(members, contents(res)->drives);
}

static bool find_drive(struct pl_res *res)
{
  return take_number(res, 2, contents(res)->drives);
}

/* --- getters --- */

enum { PROCESSOR_COUNT, CORE_COUNT, PROCESSOR_MODEL, MEMORY_GIB, CORES_EACH, MEMORY_MIB, DRIVE_BYTES, DRIVE_SERIAL, ARCHITECTURE, INSTRUCTIONS };

static struct json_object *architecture(const struct pl_contents *c, bool instructions)
{
  static const struct {
    const char *word, *architecture, *instructions; /* schema Processor */
  } KNOWN[] = {{"x86-64", "x86", "x86-64"}, {"aarch64", "ARM", "ARM-A64"}, {"arm64", "ARM", "ARM-A64"}, {"riscv64", "RISC-V", NULL}};
  for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
    if (!strcmp(KNOWN[i].word, c->architecture))
      return instructions ? (KNOWN[i].instructions ? json_object_new_string(KNOWN[i].instructions) : NULL) : json_object_new_string(KNOWN[i].architecture);
  return NULL;
}

static struct json_object *number_or_null(uint64_t number)
{
  return number ? json_object_new_int64((int64_t)number) : NULL;
}

static enum pl_has get_content(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_contents *c = contents(res);
  char text[96];
  switch ((int)prop->x) {
  case PROCESSOR_COUNT: *value = number_or_null(c->processors); break;
  case CORE_COUNT: *value = number_or_null(c->cores); break;
  case CORES_EACH: *value = number_or_null(c->processors ? c->cores / c->processors : 0); break;
  case PROCESSOR_MODEL: *value = c->processor[0] ? json_object_new_string(c->processor) : NULL; break;
  case MEMORY_GIB: *value = c->memory_bytes ? pl_json_number((double)c->memory_bytes / (double)(1 << 30)) : NULL; break;
  case MEMORY_MIB: *value = number_or_null(c->memory_modules ? c->memory_bytes / c->memory_modules >> 20 : 0); break;
  case DRIVE_BYTES: *value = number_or_null(c->drive_bytes); break;
  case ARCHITECTURE: *value = architecture(c, false); break;
  case INSTRUCTIONS: *value = architecture(c, true); break;
  default:
    snprintf(text, sizeof text, "%s%zu", c->drive_serial, res->index);
    *value = c->drive_serial[0] ? json_object_new_string(text) : NULL;
  }
  return PL_SHOW;
}
#define CONTENT(PATH, WHAT) {.path = PATH, .get = get_content, .x = WHAT}

static enum pl_has get_numbered_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[64];
  snprintf(text, sizeof text, "%s %zu", prop->a, res->index);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

/* It is there, and is no more than its CSU is. */
static enum pl_has get_part_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  bool up = res->item->state == PL_STATE_ENABLED || res->item->state == PL_STATE_QUIESCED || res->item->state == PL_STATE_IN_TEST;
  *value = json_object_new_string(up ? "Enabled" : pl_state_name(res->item->state));
  return PL_SHOW;
}

static enum pl_has get_links_to_drives(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_array();
  for (unsigned i = 1; i <= contents(res)->drives; i++) {
    char uri[PL_URI_MAX + 24];
    snprintf(uri, sizeof uri, "%s/Drives/%u", res->uri, i);
    json_object_array_add(*value, pl_json_link(uri));
  }
  return PL_SHOW;
}

static enum pl_has get_drive_count(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64(contents(res)->drives);
  return PL_SHOW;
}

static const struct pl_field RESET[] = {{.name = "ResetType", .type = PL_FIELD_TEXT, .choices = pl_reset_types}};
static const struct pl_action ACTIONS[] = {{.name = "ComputerSystem.Reset", .fields = RESET, .n_fields = 1, .offered = pl_can_reset, .run = pl_run_reset}};

static const struct pl_prop SYSTEMS[] = {PL_CALLS("@Redfish.CollectionCapabilities", pl_get_capabilities)};
static const struct pl_prop SYSTEM[] = {
    PL_CALLS("Name", pl_get_name),
    PL_TEXT("SystemType", "Physical"),
    PL_STATUS_ROWS,
    PL_IDENTITY_ROWS,
    PL_CALLS("PowerState", pl_get_power_state),
    PL_INDICATOR_ROW,
    CONTENT("ProcessorSummary/Count", PROCESSOR_COUNT),
    CONTENT("ProcessorSummary/CoreCount", CORE_COUNT),
    CONTENT("ProcessorSummary/Model", PROCESSOR_MODEL),
    CONTENT("MemorySummary/TotalSystemMemoryGiB", MEMORY_GIB),
    PL_LINK("Processors", "Processors"),
    PL_LINK("Memory", "Memory"),
    PL_LINK("Storage", "Storage"),
    {.path = "Links/Chassis", .get = pl_get_chassis_link},
    PL_LINKS_ONE("Links/ManagedBy", PL_MANAGER_URI),
    {.path = "Links/PoweredBy", .get = pl_get_units, .x = PL_ITEM_PSU},
    {.path = "Links/CooledBy", .get = pl_get_units, .x = PL_ITEM_PUMP_UNIT},
    PL_OEM_ROW,
};
static const struct pl_prop PROCESSOR[] = {
    {.path = "Name", .get = get_numbered_name, .a = "Processor"},
    PL_TEXT("ProcessorType", "CPU"),
    PL_CALLS("Status/State", get_part_state),
    CONTENT("Model", PROCESSOR_MODEL),
    CONTENT("TotalCores", CORES_EACH),
    CONTENT("ProcessorArchitecture", ARCHITECTURE),
    CONTENT("InstructionSet", INSTRUCTIONS),
};
static const struct pl_prop MEMORY[] = {
    {.path = "Name", .get = get_numbered_name, .a = "Memory module"},
    PL_TEXT("MemoryType", "DRAM"),
    PL_CALLS("Status/State", get_part_state),
    CONTENT("CapacityMiB", MEMORY_MIB),
};
static const struct pl_prop STORAGE[] = {
    PL_CALLS("Status/State", get_part_state),
    PL_CALLS("Drives@odata.count", get_drive_count),
    PL_CALLS("Drives", get_links_to_drives),
    PL_LINK("Controllers", "Controllers"),
    {.path = "Links/Enclosures", .get = pl_get_chassis_link},
};
static const struct pl_prop DRIVE[] = {
    {.path = "Name", .get = get_numbered_name, .a = "Drive"},
    PL_CALLS("Status/State", get_part_state),
    CONTENT("CapacityBytes", DRIVE_BYTES),
    CONTENT("SerialNumber", DRIVE_SERIAL),
    PL_TEXT("MediaType", "SSD"),
    PL_TEXT("Protocol", "NVMe"),
    PL_LINK("Links/Storage", "/redfish/v1/Systems/{0}/Storage/1"),
    PL_LINK("Links/Chassis", "/redfish/v1/Chassis/{0}"),
};

#define BELOW "/redfish/v1/Systems/{}"
static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/Systems", .type = "ComputerSystemCollection.ComputerSystemCollection", .name = "Systems", .props = {PL_PROPS(SYSTEMS)},
     .members = list_systems, .fields = pl_wish_fields, .n_fields = PL_WISH_FIELDS, .create = pl_compose_system, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW, .type = "ComputerSystem.v1_27_0.ComputerSystem", .props = {PL_PROPS(SYSTEM)}, .actions = ACTIONS, .n_actions = 1, .find = find_system,
     .otherwise = &pl_composed_route, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Processors", .type = "ProcessorCollection.ProcessorCollection", .name = "Processors", .members = list_processors, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Processors/{}", .type = "Processor.v1_22_0.Processor", .props = {PL_PROPS(PROCESSOR)}, .find = find_processor, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Memory", .type = "MemoryCollection.MemoryCollection", .name = "Memory", .members = list_memory, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Memory/{}", .type = "Memory.v1_23_0.Memory", .props = {PL_PROPS(MEMORY)}, .find = find_memory, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Storage", .type = "StorageCollection.StorageCollection", .name = "Storage", .members = list_storage, .find = has_drives, .flags = PL_ROUTE_CACHED},
    {.uri = BELOW "/Storage/{}", .type = "Storage.v1_21_0.Storage", .name = "Storage", .props = {PL_PROPS(STORAGE)}, .find = find_storage, .flags = PL_ROUTE_CACHED},
    /* Storage names its drives one by one; this is for who looks for all resources. */
    {.uri = BELOW "/Storage/{}/Drives", .type = "DriveCollection.DriveCollection", .name = "Drives", .members = list_drives, .flags = PL_ROUTE_CACHED | PL_ROUTE_HIDDEN},
    {.uri = BELOW "/Storage/{}/Drives/{}", .type = "Drive.v1_22_0.Drive", .props = {PL_PROPS(DRIVE)}, .find = find_drive, .flags = PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_systems = PL_ROUTES(ROUTES);
