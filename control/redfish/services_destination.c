/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions as resources (EventDestination v1.16; DSP0266 "Eventing"): those in the store, and one for each open stream. */
#include "control/redfish/route.h"
#include "control/redfish/services_room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_TOLD = 256, TEXT_MAX = 255, LIST_MAX = 32 };
static const char *const FORMATS[] = {"Event", "MetricReport", NULL}, *const SEVERITIES[] = {"OK", "Warning", "Critical", NULL};

static struct pl_services *services(const struct pl_res *res)
{
  return pl_services_of(res->stack);
}

struct seen {
  const struct pl_subscription *s; /* NULL: a stream */
  struct pl_stream_told stream;
};

static bool find_subscription(struct pl_res *res)
{
  struct seen *seen = calloc(1, sizeof *seen);
  if (!seen)
    return false;
  seen->s = pl_subscription_find(services(res), res->ids[0]);
  if (!seen->s && !pl_hub_find(services(res)->hub, res->ids[0], &seen->stream)) {
    free(seen);
    return false;
  }
  res->own = seen;
  return true;
}

static const struct seen *seen(const struct pl_res *res)
{
  return res->own;
}

static void subscriptions(const struct pl_res *res, struct pl_members *members)
{
  struct pl_stream_told told[STREAMS_TOLD];
  size_t streams = pl_hub_streams(services(res)->hub, told, STREAMS_TOLD);
  for (const struct pl_subscription *s = pl_subscription_first(services(res)); s; s = s->next)
    pl_members_add(members, s->id);
  for (size_t i = 0; i < streams; i++)
    pl_members_add(members, told[i].id);
}

static enum pl_has show_text(struct json_object **value, const char *text)
{
  *value = text ? json_object_new_string(text) : NULL;
  return PL_SHOW;
}

static enum pl_has get_context(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, seen(res)->s ? seen(res)->s->context : seen(res)->stream.id);
}

static enum pl_has get_destination(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return seen(res)->s ? show_text(value, seen(res)->s->destination) : PL_OMIT;
}

static enum pl_has get_subscription_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, seen(res)->s ? "RedfishEvent" : "SSE");
}

static enum pl_has get_subscription_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, seen(res)->s && seen(res)->s->suspended ? "Disabled" : "Enabled");
}

static enum pl_has get_subscription_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, seen(res)->s && seen(res)->s->suspended ? "Critical" : "OK");
}

static enum pl_has get_format(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return show_text(value, seen(res)->s && seen(res)->s->format == PL_FORMAT_METRIC_REPORT ? "MetricReport" : "Event");
}

static enum pl_has get_policy(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  return seen(res)->s ? show_text(value, pl_retry_policy_name(seen(res)->s->policy)) : PL_OMIT;
}

static enum pl_has get_verify(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!seen(res)->s)
    return PL_OMIT;
  *value = json_object_new_boolean(seen(res)->s->verify);
  return PL_SHOW;
}

static enum pl_has get_subordinate(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!seen(res)->s)
    return PL_OMIT;
  *value = json_object_new_boolean(seen(res)->s->subordinate);
  return PL_SHOW;
}

/* x: where in the subscription the list stands. */
static enum pl_has get_list(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  if (!seen(res)->s)
    return PL_OMIT;
  struct json_object *list = *(struct json_object *const *)((const char *)seen(res)->s + (size_t)prop->x);
  *value = list ? json_object_get(list) : json_object_new_array();
  return PL_SHOW;
}

/* Headers may hold secrets, which are never told back (EventDestination v1, HttpHeaders: "shall be an empty array in responses"). */
static enum pl_has get_headers(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!seen(res)->s)
    return PL_OMIT;
  *value = json_object_new_array();
  return PL_SHOW;
}

static struct pl_subscription *writable(struct pl_exchange *x, const struct pl_prop *prop)
{
  struct pl_subscription *s = pl_subscription_find(services(&x->res), x->res.ids[0]);
  if (!s)
    pl_say(x, 400, prop->path, "PropertyNotWritable", prop->path, NULL);
  return s;
}

static bool change(struct pl_exchange *x, const struct pl_prop *prop, struct pl_subscription *s, const struct pl_subscription *want)
{
  struct pl_err err = {0};
  if (pl_subscription_change(services(&x->res), s, want, &err) == PL_OK)
    return true;
  pl_say_err(x, prop ? prop->path : NULL, &err);
  return false;
}

static void set_context(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_subscription *s = writable(x, prop);
  if (!s)
    return;
  char *before = s->context;
  struct pl_subscription want = *s;
  want.context = value ? strdup(json_object_get_string(value)) : NULL;
  free(change(x, prop, s, &want) ? before : want.context);
}

static enum pl_retry_policy policy_named(const char *name)
{
  enum pl_retry_policy policy = PL_RETRY_SUSPEND;
  while (policy < PL_RETRY_FOREVER_WITH_BACKOFF && strcmp(name, pl_retry_policy_name(policy)))
    policy++;
  return policy;
}

static void set_policy(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_subscription *s = writable(x, prop);
  if (!s)
    return;
  struct pl_subscription want = *s;
  want.policy = policy_named(json_object_get_string(value));
  change(x, prop, s, &want);
}

static void set_verify(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_subscription *s = writable(x, prop);
  if (!s)
    return;
  struct pl_subscription want = *s;
  want.verify = json_object_get_boolean(value);
  change(x, prop, s, &want);
}

static const char *const POLICIES[] = {"SuspendRetries", "TerminateAfterRetries", "RetryForever", "RetryForeverWithBackoff", NULL};
static const char *const PROTOCOLS[] = {"Redfish", NULL}, *const TYPES[] = {"RedfishEvent", NULL};
static const struct pl_field CONTEXT = {.type = PL_FIELD_TEXT, .max = TEXT_MAX, .null = true}, POLICY = {.type = PL_FIELD_TEXT, .choices = POLICIES},
                             VERIFY = {.type = PL_FIELD_FLAG};

#define LIST(PATH, MEMBER) {.path = PATH, .get = get_list, .x = offsetof(struct pl_subscription, MEMBER)}
static const struct pl_prop SUBSCRIPTION[] = {
    PL_TEXT("Name", "Event Subscription"),
    PL_WRITES("Context", get_context, &CONTEXT, set_context),
    PL_CALLS("Destination", get_destination),
    PL_TEXT("Protocol", "Redfish"),
    PL_CALLS("SubscriptionType", get_subscription_type),
    PL_CALLS("EventFormatType", get_format),
    PL_CALLS("Status/State", get_subscription_state),
    PL_CALLS("Status/Health", get_subscription_health),
    PL_WRITES("DeliveryRetryPolicy", get_policy, &POLICY, set_policy),
    PL_WRITES("VerifyCertificate", get_verify, &VERIFY, set_verify),
    LIST("RegistryPrefixes", registry_prefixes),
    LIST("ExcludeRegistryPrefixes", exclude_registry_prefixes),
    LIST("MessageIds", message_ids),
    LIST("ExcludeMessageIds", exclude_message_ids),
    LIST("OriginResources", origins),
    LIST("Severities", severities),
    LIST("MetricReportDefinitions", report_definitions),
    PL_CALLS("SubordinateResources", get_subordinate),
    PL_CALLS("HttpHeaders", get_headers),
};

static const struct pl_field NEW_SUBSCRIPTION[] = {
    {.name = "Destination", .type = PL_FIELD_TEXT, .required = true, .min = 8, .max = 2000},
    {.name = "Protocol", .type = PL_FIELD_TEXT, .choices = PROTOCOLS, .required = true},
    {.name = "Context", .type = PL_FIELD_TEXT, .max = TEXT_MAX, .null = true},
    {.name = "SubscriptionType", .type = PL_FIELD_TEXT, .choices = TYPES},
    {.name = "EventFormatType", .type = PL_FIELD_TEXT, .choices = FORMATS},
    {.name = "DeliveryRetryPolicy", .type = PL_FIELD_TEXT, .choices = POLICIES},
    {.name = "VerifyCertificate", .type = PL_FIELD_FLAG},
    {.name = "RegistryPrefixes", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "ExcludeRegistryPrefixes", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "MessageIds", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "ExcludeMessageIds", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "OriginResources", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "Severities", .type = PL_FIELD_LIST, .choices = SEVERITIES, .max = LIST_MAX},
    {.name = "MetricReportDefinitions", .type = PL_FIELD_LIST, .max = LIST_MAX},
    {.name = "SubordinateResources", .type = PL_FIELD_FLAG},
    {.name = "HttpHeaders", .type = PL_FIELD_LIST, .max = LIST_MAX},
};

static bool is_of(struct json_object *item, enum json_type type, const char *link)
{
  struct json_object *uri;
  return json_object_is_type(item, type) && (!link || (json_object_object_get_ex(item, link, &uri) && json_object_is_type(uri, json_type_string)));
}

/* A list whose items are of the right type; links and headers are objects. */
static bool check_items(struct pl_exchange *x, const char *name, enum json_type type, const char *link)
{
  struct json_object *list = pl_body(x, name);
  for (size_t i = 0; list && i < json_object_array_length(list); i++) {
    struct json_object *item = json_object_array_get_idx(list, i);
    if (!is_of(item, type, link)) {
      pl_say(x, 400, name, "PropertyValueTypeError", json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN), name, NULL);
      return false;
    }
  }
  return true;
}

/* What goes into an HTTP request of ours must not be able to end a header. */
static bool check_headers(struct pl_exchange *x)
{
  struct json_object *list = pl_body(x, "HttpHeaders");
  for (size_t i = 0; list && i < json_object_array_length(list); i++) {
    json_object_object_foreach(json_object_array_get_idx(list, i), name, value)
    {
      const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
      if (!text || strpbrk(text, "\r\n") || !*name || strpbrk(name, "\r\n: ")) {
        pl_say(x, 400, "HttpHeaders", "PropertyValueFormatError", name, "HttpHeaders", NULL);
        return false;
      }
    }
  }
  return true;
}

static bool check_destination(struct pl_exchange *x)
{
  const char *uri = pl_body_text(x, "Destination");
  const char *host = !strncmp(uri, "https://", 8) ? uri + 8 : !strncmp(uri, "http://", 7) ? uri + 7 : "";
  bool good = *host && *host != '/' && *host != ':';
  for (const char *p = host; *p; p++)
    good = good && (unsigned char)*p > ' ' && (unsigned char)*p < 0x7f;
  if (!good)
    pl_say(x, 400, "Destination", "PropertyValueFormatError", uri, "Destination", NULL);
  return good;
}

static bool check_new(struct pl_exchange *x)
{
  static const char *const TEXTS[] = {"RegistryPrefixes", "ExcludeRegistryPrefixes", "MessageIds", "ExcludeMessageIds", "Severities"};
  bool good = check_destination(x) && check_items(x, "OriginResources", json_type_object, "@odata.id") &&
              check_items(x, "MetricReportDefinitions", json_type_object, "@odata.id") && check_items(x, "HttpHeaders", json_type_object, NULL) && check_headers(x);
  for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
    good = good && check_items(x, TEXTS[i], json_type_string, NULL);
  if (good && pl_body(x, "RegistryPrefixes") && pl_body(x, "ExcludeRegistryPrefixes") && json_object_array_length(pl_body(x, "RegistryPrefixes")) &&
      json_object_array_length(pl_body(x, "ExcludeRegistryPrefixes"))) {
    pl_say(x, 400, "ExcludeRegistryPrefixes", "PropertyValueConflict", "ExcludeRegistryPrefixes", "RegistryPrefixes", NULL);
    good = false;
  }
  return good;
}

static bool body_flag(const struct pl_exchange *x, const char *name, bool fallback)
{
  struct json_object *value = pl_body(x, name);
  return value ? json_object_get_boolean(value) : fallback;
}

static struct json_object *body_list(const struct pl_exchange *x, const char *name)
{
  return json_object_get(pl_body(x, name));
}

static struct pl_subscription *subscription_of(const struct pl_exchange *x)
{
  struct pl_subscription *s = calloc(1, sizeof *s);
  const char *context = pl_body_text(x, "Context"), *format = pl_body_text(x, "EventFormatType"), *policy = pl_body_text(x, "DeliveryRetryPolicy");
  if (!s)
    return NULL;
  s->destination = strdup(pl_body_text(x, "Destination"));
  s->context = context ? strdup(context) : NULL;
  s->registry_prefixes = body_list(x, "RegistryPrefixes");
  s->exclude_registry_prefixes = body_list(x, "ExcludeRegistryPrefixes");
  s->message_ids = body_list(x, "MessageIds");
  s->exclude_message_ids = body_list(x, "ExcludeMessageIds");
  s->origins = body_list(x, "OriginResources");
  s->severities = body_list(x, "Severities");
  s->report_definitions = body_list(x, "MetricReportDefinitions");
  s->headers = body_list(x, "HttpHeaders");
  s->subordinate = body_flag(x, "SubordinateResources", false);
  s->verify = body_flag(x, "VerifyCertificate", true);
  s->format = format && !strcmp(format, "MetricReport") ? PL_FORMAT_METRIC_REPORT : PL_FORMAT_EVENT;
  s->policy = policy_named(policy ? policy : "TerminateAfterRetries");
  return s;
}

static void subscribe(struct pl_exchange *x)
{
  struct pl_services *all = services(&x->res);
  struct pl_err err = {0};
  if (!check_new(x))
    return;
  if (!all->carrier.carry) { /* embedded: nobody here sends anything over a network */
    pl_say(x, 501, NULL, "EventSubscriptionLimitExceeded", NULL);
    return;
  }
  if (all->n_subscriptions >= PL_SUBSCRIPTIONS_MAX) {
    pl_say(x, 503, NULL, "EventSubscriptionLimitExceeded", NULL);
    return;
  }
  struct pl_subscription *s = subscription_of(x);
  enum pl_status status = !s || !s->destination ? pl_fail(&err, PL_E_NOMEM, "no memory for a subscription") : pl_subscription_add(all, s, &err);
  if (status != PL_OK) {
    pl_subscription_free(s);
    pl_say_err(x, NULL, &err);
    return;
  }
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, "/redfish/v1/EventService/Subscriptions/%s", s->id);
  pl_answer_resource(x, 201, uri);
}

static void unsubscribe(struct pl_exchange *x)
{
  struct pl_subscription *s = pl_subscription_find(services(&x->res), x->res.ids[0]);
  struct pl_err err = {0};
  if (s && pl_subscription_remove(services(&x->res), s, &err) != PL_OK)
    pl_say_err(x, NULL, &err);
  else if (!s)
    pl_hub_end(services(&x->res)->hub, x->res.ids[0]);
}

static bool is_not_stream(const struct pl_res *res)
{
  return seen(res)->s;
}

static void suspend(struct pl_exchange *x, bool suspended)
{
  struct pl_subscription *s = pl_subscription_find(services(&x->res), x->res.ids[0]);
  if (!s)
    return;
  struct pl_subscription want = *s;
  want.suspended = suspended;
  change(x, NULL, s, &want);
}

static void run_suspend(struct pl_exchange *x)
{
  suspend(x, true);
}

static void run_resume(struct pl_exchange *x)
{
  suspend(x, false);
}

/* DeliverBufferedEventDuration of ResumeSubscription is not offered: what came while a subscription was suspended is in the event log. */
static const struct pl_action SUBSCRIPTION_ACTIONS[] = {
    {.name = "EventDestination.ResumeSubscription", .offered = is_not_stream, .run = run_resume},
    {.name = "EventDestination.SuspendSubscription", .offered = is_not_stream, .run = run_suspend},
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/EventService/Subscriptions",
     .type = "EventDestinationCollection.EventDestinationCollection",
     .name = "Event Subscriptions",
     .members = subscriptions,
     .fields = NEW_SUBSCRIPTION,
     .n_fields = sizeof NEW_SUBSCRIPTION / sizeof NEW_SUBSCRIPTION[0],
     .create = subscribe},
    {.uri = "/redfish/v1/EventService/Subscriptions/{}",
     .type = "EventDestination.v1_16_0.EventDestination",
     .props = {PL_PROPS(SUBSCRIPTION)},
     .actions = SUBSCRIPTION_ACTIONS,
     .n_actions = sizeof SUBSCRIPTION_ACTIONS / sizeof SUBSCRIPTION_ACTIONS[0],
     .find = find_subscription,
     .remove = unsubscribe},
};
const struct pl_routes_desc pl_routes_services_destination = PL_ROUTES(ROUTES);
