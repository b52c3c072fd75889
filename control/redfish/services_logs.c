/* SPDX-License-Identifier: Apache-2.0 */
/* LogService (v1.9): the event log, the audit log (who asked for what, and what came of it) and those of placements and triggers, which nobody can clear. */
#include "control/redfish/route.h"
#include "control/redfish/services_trigger.h"
#include "control/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGS "/redfish/v1/Managers/" PL_MANAGER_ID "/LogServices"
enum { IDS_MAX = PL_STORE_EVENTS_MAX, TEXT_MAX = 512, AUDIT_TOLD = 10000 };

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = text ? json_object_new_string(text) : NULL;
  return text ? PL_SHOW : PL_OMIT;
}

static enum pl_has show_time(struct json_object **value, int64_t wall_ns)
{
  char text[PL_WALL_TEXT_MAX];
  return show_text(value, pl_wall_text(wall_ns, text));
}

/* The services */

static enum pl_has get_now(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_time(value, pl_clock_wall_ns(res->stack->clock, pl_clock_now(res->stack->clock)));
}

static const char *const EVENT_PURPOSES[] = {"Operations", "Diagnostic", NULL}, *const AUDIT_PURPOSES[] = {"Security", NULL}, *const PLACEMENT_PURPOSES[] = {"Operations", NULL},
                         *const TELEMETRY_PURPOSES[] = {"Telemetry", NULL};

static const struct pl_prop LOG[] = {
    PL_FLAG("ServiceEnabled", true),
    PL_TEXT("Status/State", "Enabled"),
    PL_TEXT("Status/Health", "OK"),
    {.path = "DateTime", .get = get_now, .flags = PL_PROP_VOLATILE},
    PL_TEXT("DateTimeLocalOffset", "+00:00"),
    PL_TEXT("OverWritePolicy", "WrapsWhenFull"),
    PL_FLAG("Persistency", true),
    PL_LINK("Entries", "Entries"),
};
#define KEPT PL_NUMBER("MaxNumberOfRecords", PL_STORE_EVENTS_MAX)
static const struct pl_prop EVENT_LOG[] = {PL_TEXT("Name", "Event Log"), PL_TEXT("LogEntryType", "Event"), PL_TEXTS("LogPurposes", EVENT_PURPOSES), KEPT};
static const struct pl_prop TELEMETRY_LOG[] = {PL_TEXT("Name", "Telemetry Log"), PL_TEXT("LogEntryType", "Event"), PL_TEXTS("LogPurposes", TELEMETRY_PURPOSES),
                                               PL_NUMBER("MaxNumberOfRecords", PL_TRIGGER_LOG_MAX)};
static const struct pl_prop AUDIT_LOG[] = {PL_TEXT("Name", "Audit Log"), PL_TEXT("LogEntryType", "OEM"), PL_TEXTS("LogPurposes", AUDIT_PURPOSES), KEPT};

static const struct pl_prop PLACEMENT_LOG[] = {PL_TEXT("Name", "Placement Log"), PL_TEXT("LogEntryType", "OEM"), PL_TEXTS("LogPurposes", PLACEMENT_PURPOSES), KEPT};

static bool has_placement(struct pl_res *res)
{
  return res->stack->placement;
}

static void logs(const struct pl_res *res, struct pl_members *members)
{
  pl_members_add(members, "Events");
  pl_members_add(members, "Audit");
  pl_members_add(members, "Telemetry");
  if (res->stack->placement)
    pl_members_add(members, "Placement");
}

/* Only what is shown changes: the store keeps the events for those who come back for them. */
static void clear_log(struct pl_exchange *x)
{
  struct pl_services *s = pl_services_of(x->stack);
  struct pl_err err = {0};
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, pl_events_last(x->stack->events));
  if (pl_store_put(x->stack->store, "event-log", "cleared", text, &err) != PL_OK) {
    pl_say_err(x, NULL, &err);
    return;
  }
  s->cleared = pl_events_last(x->stack->events);
  pl_event_send_at(x->stack, "LogService", "LogCleared", LOGS "/Events", (const char *const[]){"Events"});
}

static const struct pl_action EVENT_LOG_ACTIONS[] = {{.name = "LogService.ClearLog", .run = clear_log}};

/* Entries; newest first. */

struct ids {
  uint64_t list[IDS_MAX];
  size_t count;
};

static void add_id(struct ids *ids, uint64_t id)
{
  if (ids->count < IDS_MAX)
    ids->list[ids->count++] = id;
}

static void add_event_id(void *ctx, uint64_t id, int64_t wall_ns, const char *json)
{
  (void)wall_ns, (void)json;
  add_id(ctx, id);
}

static void add_audit_id(void *ctx, const struct pl_store_audit_row *row)
{
  add_id(ctx, (uint64_t)row->id);
}

static void tell_ids(struct ids *ids, struct pl_members *members)
{
  char text[24];
  while (ids->count) {
    snprintf(text, sizeof text, "%" PRIu64, ids->list[--ids->count]);
    pl_members_add(members, text);
  }
}

static void events(const struct pl_res *res, struct pl_members *members)
{
  struct pl_err err = {0};
  struct ids *ids = calloc(1, sizeof *ids);
  if (ids && pl_store_events(res->stack->store, pl_services_of(res->stack)->cleared, IDS_MAX, add_event_id, ids, &err) == PL_OK)
    tell_ids(ids, members);
  free(ids);
}

static void audits(const struct pl_res *res, struct pl_members *members)
{
  struct pl_err err = {0};
  struct ids *ids = calloc(1, sizeof *ids);
  if (ids && pl_store_audits(res->stack->store, 0, AUDIT_TOLD, add_audit_id, ids, &err) == PL_OK)
    tell_ids(ids, members);
  free(ids);
}

struct entry { /* flat, so that the exchange can free it */
  uint64_t id;
  int64_t wall_ns;
  bool found;
  char message_id[96], message[TEXT_MAX], severity[16], resolution[TEXT_MAX], origin[PL_URI_MAX], args[TEXT_MAX]; /* args: JSON */
  char user[80], peer[64];
};

static void copy_text(struct json_object *o, const char *key, char *out, size_t size)
{
  struct json_object *value;
  if (json_object_object_get_ex(o, key, &value))
    snprintf(out, size, "%s", json_object_get_string(value));
}

static void copy_event(void *ctx, uint64_t id, int64_t wall_ns, const char *json)
{
  struct entry *e = ctx;
  struct json_object *o = id == e->id ? json_tokener_parse(json) : NULL, *value;
  if (!o)
    return;
  e->found = true;
  e->wall_ns = wall_ns;
  copy_text(o, "MessageId", e->message_id, sizeof e->message_id);
  copy_text(o, "Message", e->message, sizeof e->message);
  copy_text(o, "MessageSeverity", e->severity, sizeof e->severity);
  copy_text(o, "Resolution", e->resolution, sizeof e->resolution);
  copy_text(o, "MessageArgs", e->args, sizeof e->args);
  if (json_object_object_get_ex(o, "OriginOfCondition", &value))
    copy_text(value, "@odata.id", e->origin, sizeof e->origin);
  json_object_put(o);
}

static void copy_audit(void *ctx, const struct pl_store_audit_row *row)
{
  struct entry *e = ctx;
  e->found = (uint64_t)row->id == e->id;
  e->wall_ns = row->wall_ns;
  snprintf(e->message, sizeof e->message, "%s: %d", row->what, row->status);
  snprintf(e->severity, sizeof e->severity, "%s", row->status == 401 || row->status == 403 ? "Warning" : "OK");
  snprintf(e->user, sizeof e->user, "%s", row->user);
  snprintf(e->peer, sizeof e->peer, strstr(row->peer, "://") ? "%s" : "tcp://%s", row->peer); /* LogEntry v1, OriginAddress: "shall be in the form of a URI" */
}

static struct entry *new_entry(const struct pl_res *res)
{
  char *end;
  unsigned long long id = strtoull(res->ids[0], &end, 10);
  struct entry *e = *end || !id || id > INT64_MAX || *res->ids[0] < '1' || *res->ids[0] > '9' ? NULL : calloc(1, sizeof *e);
  if (e)
    e->id = id;
  return e;
}

static bool keep_entry(struct pl_res *res, struct entry *e)
{
  if (e && e->found)
    res->own = e;
  else
    free(e);
  return res->own;
}

static bool find_event(struct pl_res *res)
{
  struct pl_err err = {0};
  struct entry *e = new_entry(res);
  if (e && e->id > pl_services_of(res->stack)->cleared)
    pl_store_events(res->stack->store, e->id - 1, 1, copy_event, e, &err);
  return keep_entry(res, e);
}

static bool find_audit(struct pl_res *res)
{
  struct pl_err err = {0};
  struct entry *e = new_entry(res);
  if (e)
    pl_store_audits(res->stack->store, (int64_t)e->id - 1, 1, copy_audit, e, &err);
  return keep_entry(res, e);
}

static void crossings(const struct pl_res *res, struct pl_members *members)
{
  const struct pl_metric_triggers *all = pl_services_of(res->stack)->triggers;
  char text[24];
  for (uint64_t id = all->log_last; id >= all->log_first && id; id--) {
    snprintf(text, sizeof text, "%" PRIu64, id);
    pl_members_add(members, text);
  }
}

static bool find_crossing(struct pl_res *res)
{
  struct entry *e = new_entry(res);
  char *text = e ? pl_metric_trigger_log_entry(pl_services_of(res->stack)->triggers, e->id) : NULL, *record = NULL;
  int64_t wall_ns = text ? strtoll(text, &record, 10) : 0;
  if (text)
    copy_event(e, e->id, wall_ns, record);
  free(text);
  return keep_entry(res, e);
}

static const struct entry *entry(const struct pl_res *res)
{
  return res->own;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[48];
  snprintf(text, sizeof text, "%s %" PRIu64, prop->a, entry(res)->id);
  return show_text(value, text);
}

static enum pl_has get_created(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_time(value, entry(res)->wall_ns);
}

static enum pl_has get_event_id(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[24];
  (void)prop;
  snprintf(text, sizeof text, "%" PRIu64, entry(res)->id);
  return show_text(value, text);
}

/* x: where in the entry the text stands; "" is none. */
static enum pl_has get_entry_text(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)entry(res) + (size_t)prop->x;
  return show_text(value, *text ? text : NULL);
}

static enum pl_has get_args(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_tokener_parse(entry(res)->args);
  return *value ? PL_SHOW : PL_OMIT;
}

static enum pl_has get_origin(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!entry(res)->origin[0])
    return PL_OMIT;
  *value = pl_json_link(entry(res)->origin);
  return PL_SHOW;
}

/* What an event was about may be gone since (a task of long ago). */
static enum pl_has get_origin_gone(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_res origin = {0};
  (void)prop;
  if (!entry(res)->origin[0])
    return PL_OMIT;
  bool there = pl_res_find(res->stack, entry(res)->origin, &origin) == PL_OK;
  if (there)
    pl_res_end(&origin);
  *value = json_object_new_boolean(!there);
  return PL_SHOW;
}

#define ENTRY(PATH, MEMBER) {.path = PATH, .get = get_entry_text, .x = offsetof(struct entry, MEMBER)}
/* Somebody has seen to it: what the page calls acknowledged. Kept by the event's id. */
static enum pl_has get_resolved(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_err err = {0};
  char key[24], *kept = NULL;
  (void)prop;
  snprintf(key, sizeof key, "%" PRIu64, entry(res)->id);
  if (pl_store_get(res->stack->store, "event-resolved", key, &kept, &err) != PL_OK)
    return PL_OMIT;
  *value = json_object_new_boolean(kept != NULL);
  free(kept);
  return PL_SHOW;
}

static void set_resolved(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_err err = {0};
  char key[24];
  snprintf(key, sizeof key, "%" PRIu64, entry(&x->res)->id);
  if (pl_store_put(x->stack->store, "event-resolved", key, json_object_get_boolean(value) ? "yes" : NULL, &err) != PL_OK)
    pl_say_err(x, prop->path, &err);
}

static const struct pl_field RESOLVED = {.type = PL_FIELD_FLAG};
/* Of what was an event, and of what would have been one. */
static const struct pl_prop RECORD_ENTRY[] = {
    {.path = "Name", .get = get_name, .a = "Event"},
    PL_TEXT("EntryType", "Event"),
    PL_CALLS("Created", get_created),
    PL_CALLS("EventTimestamp", get_created),
    ENTRY("Severity", severity),
    ENTRY("Message", message),
    ENTRY("MessageId", message_id),
    PL_CALLS("MessageArgs", get_args),
    ENTRY("Resolution", resolution),
    PL_CALLS("Links/OriginOfCondition", get_origin),
    PL_CALLS("OriginOfConditionUnavailable", get_origin_gone),
};
static const struct pl_prop EVENT_ENTRY[] = {PL_CALLS("EventId", get_event_id), PL_WRITES("Resolved", get_resolved, &RESOLVED, set_resolved)};
static const struct pl_prop AUDIT_ENTRY[] = {
    {.path = "Name", .get = get_name, .a = "Request"},
    PL_TEXT("EntryType", "Oem"),
    PL_TEXT("OemRecordFormat", "Plumbline.Audit"),
    PL_CALLS("Created", get_created),
    ENTRY("Severity", severity),
    ENTRY("Message", message),
    ENTRY("Username", user),
    ENTRY("OriginAddress", peer),
    ENTRY("Originator", user),
    PL_TEXT("OriginatorType", "Client"),
};

static const struct pl_route ROUTES[] = {
    {.uri = LOGS, .type = "LogServiceCollection.LogServiceCollection", .name = "Log Services", .members = logs},
    {.uri = LOGS "/Events",
     .type = "LogService.v1_9_0.LogService",
     .props = {PL_PROPS(LOG), PL_PROPS(EVENT_LOG)},
     .actions = EVENT_LOG_ACTIONS,
     .n_actions = sizeof EVENT_LOG_ACTIONS / sizeof EVENT_LOG_ACTIONS[0]},
    {.uri = LOGS "/Audit", .type = "LogService.v1_9_0.LogService", .props = {PL_PROPS(LOG), PL_PROPS(AUDIT_LOG)}},
    {.uri = PL_TELEMETRY_LOG, .type = "LogService.v1_9_0.LogService", .props = {PL_PROPS(LOG), PL_PROPS(TELEMETRY_LOG)}},
    {.uri = PL_TELEMETRY_LOG "/Entries", .type = "LogEntryCollection.LogEntryCollection", .name = "Triggers", .members = crossings, .flags = PL_ROUTE_EXPANDED},
    {.uri = PL_TELEMETRY_LOG "/Entries/{}", .type = "LogEntry.v1_21_0.LogEntry", .props = {PL_PROPS(RECORD_ENTRY)}, .find = find_crossing},
    {.uri = LOGS "/Placement", .type = "LogService.v1_9_0.LogService", .props = {PL_PROPS(LOG), PL_PROPS(PLACEMENT_LOG)}, .find = has_placement}, /* composition_log.c */
    {.uri = LOGS "/Events/Entries", .type = "LogEntryCollection.LogEntryCollection", .name = "Events", .members = events, .flags = PL_ROUTE_EXPANDED},
    {.uri = LOGS "/Events/Entries/{}", .type = "LogEntry.v1_21_0.LogEntry", .props = {PL_PROPS(RECORD_ENTRY), PL_PROPS(EVENT_ENTRY)}, .find = find_event},
    {.uri = LOGS "/Audit/Entries", .type = "LogEntryCollection.LogEntryCollection", .name = "Requests", .members = audits, .flags = PL_ROUTE_EXPANDED},
    {.uri = LOGS "/Audit/Entries/{}", .type = "LogEntry.v1_21_0.LogEntry", .props = {PL_PROPS(AUDIT_ENTRY)}, .find = find_audit},
};
const struct pl_routes_desc pl_routes_services_logs = PL_ROUTES(ROUTES);
