/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of the allocation engine's decisions: an entry of a log each (services_logs.c has the log), with the explanation that was true when it was taken. */
#include "control/redfish/composition.h"
#include "control/redfish/services_room.h"

#include <inttypes.h>

#define LOG_URI "/redfish/v1/Managers/" PL_MANAGER_ID "/LogServices/Placement"
enum { TOLD = 10000, TEXT_MAX = 512 };

struct entry {
  int64_t id, wall_ns;
  bool found;
  char what[16], workload[64], node[64], author[64], text[TEXT_MAX];
  char *detail; /* behind it */
};

struct ids {
  int64_t list[TOLD];
  size_t count;
};

static void add_id(void *ctx, const struct pl_decision *decision)
{
  struct ids *ids = ctx;
  if (ids->count < TOLD)
    ids->list[ids->count++] = decision->id;
}

static void decisions(const struct pl_res *res, struct pl_members *members)
{
  struct ids *ids = calloc(1, sizeof *ids);
  char text[24];
  if (ids)
    pl_placement_decisions(res->stack->placement, 0, TOLD, add_id, ids);
  while (ids && ids->count) { /* newest first */
    snprintf(text, sizeof text, "%" PRId64, ids->list[--ids->count]);
    pl_members_add(members, text);
  }
  free(ids);
}

/* In one piece, so that the exchange can free it. */
static void copy_decision(void *ctx, const struct pl_decision *d)
{
  struct entry **e = ctx;
  size_t size = strlen(d->detail) + 1;
  if (d->id != (*e)->id)
    return;
  struct entry *whole = realloc(*e, sizeof *whole + size);
  if (!whole)
    return;
  *e = whole;
  whole->found = true;
  whole->wall_ns = d->wall_ns;
  snprintf(whole->what, sizeof whole->what, "%s", d->what);
  snprintf(whole->workload, sizeof whole->workload, "%s", d->id_of);
  snprintf(whole->node, sizeof whole->node, "%s", d->node);
  snprintf(whole->author, sizeof whole->author, "%s", d->author);
  snprintf(whole->text, sizeof whole->text, "%s", d->text);
  whole->detail = (char *)(whole + 1);
  memcpy(whole->detail, d->detail, size);
}

static bool find_decision(struct pl_res *res)
{
  char *end;
  long long id = strtoll(res->ids[0], &end, 10);
  if (*end || id <= 0 || *res->ids[0] < '1' || *res->ids[0] > '9')
    return false;
  struct entry *e = calloc(1, sizeof *e);
  if (!e)
    return false;
  e->id = id;
  pl_placement_decisions(res->stack->placement, id - 1, 1, copy_decision, &e);
  if (e->found)
    res->own = e;
  else
    free(e);
  return res->own;
}

static const struct entry *entry(const struct pl_res *res)
{
  return res->own;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[48];
  (void)prop;
  snprintf(text, sizeof text, "Decision %" PRId64, entry(res)->id);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_created(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_WALL_TEXT_MAX];
  (void)prop;
  *value = json_object_new_string(pl_wall_text(entry(res)->wall_ns, text));
  return PL_SHOW;
}

static enum pl_has get_severity(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  static const char *const BAD[] = {"refuse", "evict", "lose"};
  bool bad = false;
  (void)prop;
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
    bad |= !strcmp(entry(res)->what, BAD[i]);
  *value = json_object_new_string(bad ? "Warning" : "OK");
  return PL_SHOW;
}

/* x: where in the entry the text stands; "" is null. */
static enum pl_has get_entry_text(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)entry(res) + (size_t)prop->x;
  *value = *text ? json_object_new_string(text) : NULL;
  return PL_SHOW;
}

static enum pl_has get_workload(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char id[64];
  (void)prop;
  *value = entry(res)->workload[0] ? json_object_new_string(pl_composed_id(entry(res)->workload, id)) : NULL;
  return PL_SHOW;
}

/* By which `rackd replay-decisions --id` finds it; the entry's own. */
static enum pl_has get_journal_id(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64(entry(res)->id);
  return PL_SHOW;
}

static enum pl_has get_detail(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = pl_lines_json(entry(res)->detail);
  return PL_SHOW;
}

#define ENTRY(PATH, MEMBER) {.path = PATH, .get = get_entry_text, .x = offsetof(struct entry, MEMBER)}
static const struct pl_prop DECISION[] = {
    PL_CALLS("Name", get_name),
    PL_TEXT("EntryType", "Oem"),
    PL_TEXT("OemRecordFormat", "Plumbline.Placement"),
    PL_CALLS("Created", get_created),
    PL_CALLS("Severity", get_severity),
    ENTRY("Message", text),
    PL_TEXT("Oem/Plumbline/@odata.type", "#PlumblinePlacement.v1_0_0.Decision"),
    ENTRY("Oem/Plumbline/Decision", what),
    PL_CALLS("Oem/Plumbline/Workload", get_workload),
    ENTRY("Oem/Plumbline/Node", node),
    ENTRY("Oem/Plumbline/Author", author),
    PL_CALLS("Oem/Plumbline/JournalId", get_journal_id),
    PL_CALLS("Oem/Plumbline/Detail", get_detail),
};

static const struct pl_route ROUTES[] = {
    {.uri = LOG_URI "/Entries", .type = "LogEntryCollection.LogEntryCollection", .name = "Decisions", .members = decisions, .flags = PL_ROUTE_EXPANDED},
    {.uri = LOG_URI "/Entries/{}", .type = "LogEntry.v1_21_0.LogEntry", .props = {PL_PROPS(DECISION)}, .find = find_decision},
};
const struct pl_routes_desc pl_routes_composition_log = PL_ROUTES(ROUTES);
