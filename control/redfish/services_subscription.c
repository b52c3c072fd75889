/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions: kept in the store as the JSON that made them, matched against each event, handed to whoever carries events. */
#include "control/redfish/services_room.h"

#include "control/redfish/route.h"
#include "control/redfish/services_filter.h"
#include "control/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PLACE[] = "subscription";

static const char *const POLICIES[] = {"SuspendRetries", "TerminateAfterRetries", "RetryForever", "RetryForeverWithBackoff"};

const char *pl_retry_policy_name(enum pl_retry_policy policy)
{
  return POLICIES[policy];
}

static bool has_text(struct json_object *list, const char *text)
{
  for (size_t i = 0; list && i < json_object_array_length(list); i++)
    if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text))
      return true;
  return false;
}

static bool is_empty(struct json_object *list)
{
  return !list || json_object_array_length(list) == 0;
}

static bool has_message(struct json_object *list, const struct pl_event_message *message)
{
  for (size_t i = 0; list && i < json_object_array_length(list); i++)
    if (pl_message_id_is(message->id, json_object_get_string(json_object_array_get_idx(list, i))))
      return true;
  return false;
}

static bool has_origin(const struct pl_subscription *s, const char *origin)
{
  for (size_t i = 0; i < json_object_array_length(s->origins); i++) {
    struct json_object *uri;
    if (json_object_object_get_ex(json_object_array_get_idx(s->origins, i), "@odata.id", &uri) &&
        pl_origin_is(origin, json_object_get_string(uri), s->subordinate))
      return true;
  }
  return false;
}

bool pl_subscription_wants(const struct pl_subscription *s, const struct pl_event *event)
{
  char prefix[64];
  snprintf(prefix, sizeof prefix, "%.*s", (int)strcspn(event->message->id, "."), event->message->id);
  return s->format == PL_FORMAT_EVENT && !s->suspended && (is_empty(s->registry_prefixes) || has_text(s->registry_prefixes, prefix)) &&
         !has_text(s->exclude_registry_prefixes, prefix) && (is_empty(s->message_ids) || has_message(s->message_ids, event->message)) &&
         !has_message(s->exclude_message_ids, event->message) && (is_empty(s->severities) || has_text(s->severities, event->severity)) &&
         (is_empty(s->origins) || has_origin(s, event->origin));
}

char *pl_event_envelope(uint64_t id, const char *record, const char *context)
{
  struct json_object *text = context ? json_object_new_string(context) : NULL;
  char *json = NULL;
  if (asprintf(&json, "{\"@odata.type\":\"#Event.v1_13_0.Event\",\"Id\":\"%" PRIu64 "\",\"Name\":\"Event\",%s%s%s\"Events\":[%s],\"Events@odata.count\":1}", id,
               text ? "\"Context\":" : "", text ? json_object_to_json_string_ext(text, JSON_C_TO_STRING_PLAIN) : "", text ? "," : "", record) < 0)
    json = NULL;
  json_object_put(text);
  return json;
}

void pl_services_event(void *ctx, const struct pl_event *event)
{
  struct pl_services *s = ctx;
  if (!s->settings.enabled)
    return;
  pl_hub_event(s->hub, event);
  for (struct pl_subscription *sub = s->subscriptions; sub && s->carrier.carry; sub = sub->next) {
    char *json = pl_subscription_wants(sub, event) ? pl_event_envelope(event->id, event->json, sub->context) : NULL;
    if (json)
      s->carrier.carry(s->carrier.ctx, sub, event->id, json, strlen(json));
    free(json);
  }
}

static bool wants_report(const struct pl_subscription *s, const char *uri)
{
  bool named = is_empty(s->report_definitions);
  for (size_t i = 0; !named && i < json_object_array_length(s->report_definitions); i++) {
    struct json_object *link;
    named = json_object_object_get_ex(json_object_array_get_idx(s->report_definitions, i), "@odata.id", &link) && !strcmp(json_object_get_string(link), uri);
  }
  return s->format == PL_FORMAT_METRIC_REPORT && !s->suspended && named;
}

void pl_services_report(struct pl_services *s, const char *definition_uri, const char *json)
{
  if (!s->settings.enabled)
    return;
  pl_hub_report(s->hub, definition_uri, json);
  for (struct pl_subscription *sub = s->subscriptions; sub && s->carrier.carry; sub = sub->next)
    if (wants_report(sub, definition_uri))
      s->carrier.carry(s->carrier.ctx, sub, 0, json, strlen(json));
}

struct pl_subscription *pl_subscription_first(const struct pl_services *services)
{
  return services->subscriptions;
}

struct pl_subscription *pl_subscription_find(const struct pl_services *services, const char *id)
{
  for (struct pl_subscription *s = services->subscriptions; s; s = s->next)
    if (!strcmp(s->id, id))
      return s;
  return NULL;
}

const struct pl_delivery_settings *pl_delivery_settings(const struct pl_services *services)
{
  return &services->settings;
}

void pl_services_set_carrier(struct pl_services *services, const struct pl_carrier *carrier)
{
  services->carrier = carrier ? *carrier : (struct pl_carrier){0};
}

/* Names in the stored JSON are the EventDestination's own. */
static const struct list_row {
  const char *name;
  size_t at;
} LISTS[] = {
    {"RegistryPrefixes", offsetof(struct pl_subscription, registry_prefixes)},
    {"ExcludeRegistryPrefixes", offsetof(struct pl_subscription, exclude_registry_prefixes)},
    {"MessageIds", offsetof(struct pl_subscription, message_ids)},
    {"ExcludeMessageIds", offsetof(struct pl_subscription, exclude_message_ids)},
    {"OriginResources", offsetof(struct pl_subscription, origins)},
    {"Severities", offsetof(struct pl_subscription, severities)},
    {"MetricReportDefinitions", offsetof(struct pl_subscription, report_definitions)},
    {"HttpHeaders", offsetof(struct pl_subscription, headers)},
};
enum { N_LISTS = sizeof LISTS / sizeof LISTS[0] };

static struct json_object **list_at(const struct pl_subscription *s, size_t i)
{
  return (struct json_object **)((char *)s + LISTS[i].at);
}

static enum pl_status save(struct pl_services *services, const struct pl_subscription *s, struct pl_err *err)
{
  struct json_object *o = json_object_new_object();
  json_object_object_add(o, "Destination", json_object_new_string(s->destination));
  if (s->context)
    json_object_object_add(o, "Context", json_object_new_string(s->context));
  for (size_t i = 0; i < N_LISTS; i++)
    if (*list_at(s, i))
      json_object_object_add(o, LISTS[i].name, json_object_get(*list_at(s, i)));
  json_object_object_add(o, "SubordinateResources", json_object_new_boolean(s->subordinate));
  json_object_object_add(o, "MetricReports", json_object_new_boolean(s->format == PL_FORMAT_METRIC_REPORT));
  json_object_object_add(o, "DeliveryRetryPolicy", json_object_new_string(POLICIES[s->policy]));
  json_object_object_add(o, "VerifyCertificate", json_object_new_boolean(s->verify));
  json_object_object_add(o, "Suspended", json_object_new_boolean(s->suspended));
  enum pl_status status = pl_store_put(services->stack->store, PLACE, s->id, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), err);
  json_object_put(o);
  return status;
}

static bool flag_of(struct json_object *o, const char *name)
{
  struct json_object *value;
  return json_object_object_get_ex(o, name, &value) && json_object_get_boolean(value);
}

static char *text_of(struct json_object *o, const char *name)
{
  struct json_object *value;
  return json_object_object_get_ex(o, name, &value) && value ? strdup(json_object_get_string(value)) : NULL;
}

static void load_one(void *ctx, const char *key, const char *value)
{
  struct pl_services *services = ctx;
  struct json_object *o = json_tokener_parse(value), *list;
  struct pl_subscription *s = o ? calloc(1, sizeof *s) : NULL;
  if (s) {
    snprintf(s->id, sizeof s->id, "%s", key);
    s->destination = text_of(o, "Destination");
    s->context = text_of(o, "Context");
    for (size_t i = 0; i < N_LISTS; i++)
      if (json_object_object_get_ex(o, LISTS[i].name, &list))
        *list_at(s, i) = json_object_get(list);
    s->subordinate = flag_of(o, "SubordinateResources");
    s->format = flag_of(o, "MetricReports") ? PL_FORMAT_METRIC_REPORT : PL_FORMAT_EVENT;
    s->verify = flag_of(o, "VerifyCertificate");
    s->suspended = flag_of(o, "Suspended");
    char *policy = text_of(o, "DeliveryRetryPolicy");
    for (size_t i = 0; policy && i < sizeof POLICIES / sizeof POLICIES[0]; i++)
      s->policy = strcmp(policy, POLICIES[i]) ? s->policy : (enum pl_retry_policy)i;
    free(policy);
    s->next = services->subscriptions;
    services->subscriptions = s;
    services->n_subscriptions++;
    uint64_t id = strtoull(key, NULL, 10);
    if (id >= services->next_id)
      services->next_id = id + 1;
  }
  json_object_put(o);
}

enum pl_status pl_subscriptions_load(struct pl_services *services, struct pl_err *err)
{
  return pl_store_each(services->stack->store, PLACE, load_one, services, err);
}

enum pl_status pl_subscription_add(struct pl_services *services, struct pl_subscription *s, struct pl_err *err)
{
  snprintf(s->id, sizeof s->id, "%" PRIu64, services->next_id++);
  enum pl_status status = save(services, s, err);
  if (status != PL_OK)
    return status;
  s->next = services->subscriptions;
  services->subscriptions = s;
  services->n_subscriptions++;
  pl_service_changed(services->stack);
  return PL_OK;
}

void pl_subscription_free(struct pl_subscription *s)
{
  if (!s)
    return;
  for (size_t i = 0; i < N_LISTS; i++)
    json_object_put(*list_at(s, i));
  free(s->context);
  free(s->destination);
  free(s);
}

enum pl_status pl_subscription_change(struct pl_services *services, struct pl_subscription *s, const struct pl_subscription *want, struct pl_err *err)
{
  enum pl_status status = save(services, want, err);
  if (status)
    return status;
  *s = *want;
  if (services->carrier.changed)
    services->carrier.changed(services->carrier.ctx, s);
  pl_service_changed(services->stack);
  return PL_OK;
}

enum pl_status pl_subscription_remove(struct pl_services *services, struct pl_subscription *s, struct pl_err *err)
{
  enum pl_status status = pl_store_put(services->stack->store, PLACE, s->id, NULL, err);
  if (status)
    return status;
  for (struct pl_subscription **at = &services->subscriptions; *at; at = &(*at)->next)
    if (*at == s) {
      *at = s->next;
      services->n_subscriptions--;
      break;
    }
  if (services->carrier.gone)
    services->carrier.gone(services->carrier.ctx, s);
  pl_subscription_free(s);
  pl_service_changed(services->stack);
  return PL_OK;
}

void pl_subscriptions_free(struct pl_services *services)
{
  while (services->subscriptions) {
    struct pl_subscription *s = services->subscriptions;
    services->subscriptions = s->next;
    pl_subscription_free(s);
  }
}

void pl_subscription_failed(struct pl_services *services, const char *id)
{
  struct pl_subscription *s = pl_subscription_find(services, id);
  if (!s)
    return;
  if (s->policy == PL_RETRY_TERMINATE) {
    (void)pl_subscription_remove(services, s, NULL); /* one that the store keeps is still there, and given up again over a later event */
    return;
  }
  s->suspended = true;
  (void)save(services, s, NULL); /* lost, it is tried and suspended once more after a restart */
  pl_service_changed(services->stack);
}
