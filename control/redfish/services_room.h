/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_ROOM_H
#define PL_CONTROL_SERVICES_ROOM_H

/* Inside the services: what services_*.c share. */
#include "control/redfish/door.h"
#include "control/stack/stack.h"

struct pl_hub;
struct pl_metric_reports;
struct pl_metric_triggers;
struct pl_services {
  struct pl_stack *stack;
  struct pl_event_listener listener;
  struct pl_subscription *subscriptions;
  unsigned n_subscriptions;
  uint64_t next_id;
  struct pl_delivery_settings settings;
  struct pl_carrier carrier;
  struct pl_door door;        /* no port: none */
  struct pl_hub *hub;         /* services_stream.c */
  struct pl_metric_reports *reports; /* services_report.c */
  struct pl_metric_triggers *triggers; /* services_trigger.h */
  uint64_t cleared;           /* the event log shows what came after this id */
};

#define PL_MANAGER_ID "rackd" /* of the Manager that is this stack */
#define PL_TELEMETRY_LOG "/redfish/v1/Managers/" PL_MANAGER_ID "/LogServices/Telemetry"
#define PL_SSE_URI "/redfish/v1/EventService/SSE"

/* services_subscription.c */
enum { PL_SUBSCRIPTIONS_MAX = 32 };
enum pl_status pl_subscriptions_load(struct pl_services *services, struct pl_err *err);
void pl_subscriptions_free(struct pl_services *services);
enum pl_status pl_subscription_add(struct pl_services *services, struct pl_subscription *subscription, struct pl_err *err); /* takes it; gives it its id; stores it */
/* The store first: what it refuses is not so. */
enum pl_status pl_subscription_change(struct pl_services *services, struct pl_subscription *subscription, const struct pl_subscription *want, struct pl_err *err);
enum pl_status pl_subscription_remove(struct pl_services *services, struct pl_subscription *subscription, struct pl_err *err);
void pl_subscription_free(struct pl_subscription *subscription);
bool pl_subscription_wants(const struct pl_subscription *subscription, const struct pl_event *event);
/* The Event resource around a record; malloc'd. context NULL: none. */
char *pl_event_envelope(uint64_t id, const char *record, const char *context);
/* A metric report to whoever wants it (services_report.c calls it). */
void pl_services_report(struct pl_services *services, const char *definition_uri, const char *json);
void pl_services_event(void *ctx, const struct pl_event *event);

/* services_stream.c */
enum pl_status pl_hub_new(struct pl_services *services, struct pl_hub **hub, struct pl_err *err);
void pl_hub_close(struct pl_hub *hub); /* every stream ends; waits until each has been closed */
void pl_hub_event(struct pl_hub *hub, const struct pl_event *event);
void pl_hub_report(struct pl_hub *hub, const char *definition_uri, const char *json);
/* Streams that are open, as EventDestinations. */
struct pl_stream_told {
  char id[24];
  char peer[48];
};
size_t pl_hub_streams(struct pl_hub *hub, struct pl_stream_told *told, size_t most);
bool pl_hub_find(struct pl_hub *hub, const char *id, struct pl_stream_told *told);
bool pl_hub_end(struct pl_hub *hub, const char *id);

/* services_report.c */
enum pl_status pl_metric_reports_new(struct pl_services *services, struct pl_metric_reports **reports, struct pl_err *err);
void pl_metric_reports_free(struct pl_metric_reports *reports);

#endif
