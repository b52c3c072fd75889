/* SPDX-License-Identifier: Apache-2.0 */
/* EventService (v1.12; DSP0266 "Eventing"). */
#include "control/redfish/route.h"
#include "control/redfish/services_room.h"
#include "control/store/store.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 255, LIST_MAX = 32 };

static struct pl_services *services(const struct pl_res *res)
{
  return pl_services_of(res->stack);
}

/* The service */

static enum pl_has get_enabled(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(pl_delivery_settings(services(res))->enabled);
  return PL_SHOW;
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(pl_delivery_settings(services(res))->enabled ? "Enabled" : "Disabled");
  return PL_SHOW;
}

static enum pl_has get_attempts(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64(pl_delivery_settings(services(res))->attempts);
  return PL_SHOW;
}

static enum pl_has get_interval(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64(pl_delivery_settings(services(res))->interval_s);
  return PL_SHOW;
}

/* The registries that messages of the table are of, each once. */
static enum pl_has get_prefixes(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  size_t count, before = 0;
  const struct pl_event_message *rows = pl_event_messages(&count);
  (void)res, (void)prop;
  *value = json_object_new_array();
  for (size_t i = 0; i < count; i++) {
    size_t n = strcspn(rows[i].id, ".");
    if (!i || n != before || strncmp(rows[i].id, rows[i - 1].id, n))
      json_object_array_add(*value, json_object_new_string_len(rows[i].id, (int)n));
    before = n;
  }
  return PL_SHOW;
}

/* The store first: what it refuses is not so. */
static bool keep(struct pl_exchange *x, const struct pl_prop *prop, const char *key, unsigned value)
{
  char text[16];
  struct pl_err err = {0};
  snprintf(text, sizeof text, "%u", value);
  bool kept = pl_store_put(x->stack->store, "event-service", key, text, &err) == PL_OK;
  if (kept)
    pl_service_changed(x->stack);
  else
    pl_say_err(x, prop->path, &err);
  return kept;
}

static void set_enabled(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  if (keep(x, prop, "enabled", json_object_get_boolean(value) ? 1 : 0))
    services(&x->res)->settings.enabled = json_object_get_boolean(value);
}

static void set_attempts(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  if (keep(x, prop, "attempts", (unsigned)json_object_get_int(value)))
    services(&x->res)->settings.attempts = (unsigned)json_object_get_int(value);
}

static void set_interval(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  if (keep(x, prop, "interval", (unsigned)json_object_get_int(value)))
    services(&x->res)->settings.interval_s = (unsigned)json_object_get_int(value);
}

static const struct pl_field ENABLED = {.type = PL_FIELD_FLAG}, ATTEMPTS = {.type = PL_FIELD_INTEGER, .min = 1, .max = 100},
                             INTERVAL = {.type = PL_FIELD_INTEGER, .min = 1, .max = 3600};
static const char *const FORMATS[] = {"Event", "MetricReport", NULL}, *const SEVERITIES[] = {"OK", "Warning", "Critical", NULL};

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Name", "Event Service"),
    PL_TEXT("Description", "What happens in the rack, told as it happens"),
    PL_CALLS("Status/State", get_state),
    PL_TEXT("Status/Health", "OK"),
    PL_WRITES("ServiceEnabled", get_enabled, &ENABLED, set_enabled),
    PL_WRITES("DeliveryRetryAttempts", get_attempts, &ATTEMPTS, set_attempts),
    PL_WRITES("DeliveryRetryIntervalSeconds", get_interval, &INTERVAL, set_interval),
    PL_TEXTS("EventFormatTypes", FORMATS),
    PL_TEXTS("Severities", SEVERITIES),
    PL_CALLS("RegistryPrefixes", get_prefixes),
    PL_FLAG("ExcludeMessageId", true),
    PL_FLAG("ExcludeRegistryPrefix", true),
    PL_FLAG("IncludeOriginOfConditionSupported", false),
    PL_FLAG("OriginResourcesSupported", true),
    PL_FLAG("SubordinateResourcesSupported", true),
    PL_FLAG("SSEIncludeOriginOfConditionSupported", false),
    PL_TEXT("ServerSentEventUri", PL_SSE_URI),
    PL_FLAG("SSEFilterPropertiesSupported/EventFormatType", true),
    PL_FLAG("SSEFilterPropertiesSupported/MessageId", true),
    PL_FLAG("SSEFilterPropertiesSupported/MetricReportDefinition", true),
    PL_FLAG("SSEFilterPropertiesSupported/OriginResource", true),
    PL_FLAG("SSEFilterPropertiesSupported/RegistryPrefix", true),
    PL_FLAG("SSEFilterPropertiesSupported/ResourceType", false),
    PL_FLAG("SSEFilterPropertiesSupported/SubordinateResources", true),
    PL_LINK("Subscriptions", "Subscriptions"),
};

/* The parameters of EventService.SubmitTestEvent; what a client gives of them stands in ResourceEvent.TestMessage's place only where that makes sense: the id that
 * rises by one and the time are this service's ("A service can ignore this value and replace it with its own"). */
static const struct pl_field TEST_EVENT[] = {
    {.name = "EventGroupId", .type = PL_FIELD_INTEGER},
    {.name = "EventId", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "EventTimestamp", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "EventType", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "Message", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "MessageArgs", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "MessageId", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "MessageSeverity", .type = PL_FIELD_TEXT, .choices = SEVERITIES},
    {.name = "OriginOfCondition", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
    {.name = "Severity", .type = PL_FIELD_TEXT, .max = TEXT_MAX},
};

/* A test event of a message that this stack has is that message, with the client's arguments; else it is ResourceEvent.TestMessage. */
static void submit_test_event(struct pl_exchange *x)
{
  const char *id = pl_body_text(x, "MessageId"), *origin = pl_body_text(x, "OriginOfCondition"), *args[4] = {"", "", "", ""};
  struct json_object *given = pl_body(x, "MessageArgs");
  size_t count, n_given = given ? json_object_array_length(given) : 0;
  const struct pl_event_message *rows = pl_event_messages(&count);
  for (size_t i = 0; i < n_given && i < 4; i++)
    args[i] = json_object_get_string(json_object_array_get_idx(given, i));
  for (size_t i = 0; id && i < count; i++)
    if (!strcmp(rows[i].id, id)) {
      char registry[64];
      if (n_given < rows[i].n_args) {
        pl_say(x, 400, "MessageArgs", "ActionParameterMissing", "EventService.SubmitTestEvent", "MessageArgs", NULL);
        return;
      }
      snprintf(registry, sizeof registry, "%.*s", (int)strcspn(id, "."), id);
      pl_event_send_at(x->stack, registry, strrchr(id, '.') + 1, origin ? origin : "/redfish/v1/EventService", args);
      return;
    }
  pl_event_send_at(x->stack, "ResourceEvent", "TestMessage", origin ? origin : "/redfish/v1/EventService", args);
}

static const struct pl_action SERVICE_ACTIONS[] = {
    {.name = "EventService.SubmitTestEvent", .fields = TEST_EVENT, .n_fields = sizeof TEST_EVENT / sizeof TEST_EVENT[0], .run = submit_test_event}};

/* A GET that did not come in as a stream (control/web opens those itself, by gate.h). */
static void no_stream_here(struct pl_exchange *x)
{
  pl_say(x, 406, NULL, "HeaderInvalid", "Accept", NULL);
}

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/EventService",
     .type = "EventService.v1_12_0.EventService",
     .props = {PL_PROPS(SERVICE)},
     .actions = SERVICE_ACTIONS,
     .n_actions = sizeof SERVICE_ACTIONS / sizeof SERVICE_ACTIONS[0],
     .flags = PL_ROUTE_CACHED},
    {.uri = PL_SSE_URI, .type = "EventService.v1_12_0.EventService", .raw = no_stream_here, .flags = PL_ROUTE_HIDDEN},
};
const struct pl_routes_desc pl_routes_services_events = PL_ROUTES(ROUTES);
