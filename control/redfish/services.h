/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_H
#define PL_CONTROL_SERVICES_H

#include "control/events/events.h"

#include <json-c/json.h>

/*
 * What the services behind the routes keep: subscriptions, open event streams, definitions of metric reports, what of the log was cleared. One per stack, of
 * the Redfish service (service.c makes it after its routes and frees it before them). Loop's thread, but for streams (services_stream.c).
 */
struct pl_services;
enum pl_status pl_services_new(struct pl_stack *stack, struct pl_services **services, struct pl_err *err);
void pl_services_free(struct pl_services *services);
struct pl_services *pl_services_of(const struct pl_stack *stack); /* service.c; NULL: there is no service (yet) */

/* Subscriptions (services_subscription.c): who wants which events, and where to. */
enum pl_retry_policy { PL_RETRY_SUSPEND, PL_RETRY_TERMINATE, PL_RETRY_FOREVER, PL_RETRY_FOREVER_WITH_BACKOFF };
enum pl_event_format { PL_FORMAT_EVENT, PL_FORMAT_METRIC_REPORT };
const char *pl_retry_policy_name(enum pl_retry_policy policy); /* "SuspendRetries" */
struct pl_subscription {
  char id[24];
  char *context, *destination;
  struct json_object *registry_prefixes, *exclude_registry_prefixes, *message_ids, *exclude_message_ids, *origins, *severities, *report_definitions, *headers;
  bool subordinate;            /* origins stand for what is below them, too */
  enum pl_event_format format;
  enum pl_retry_policy policy;
  bool verify;                 /* VerifyCertificate */
  bool suspended;              /* delivery has failed for good, policy SuspendRetries */
  struct pl_subscription *next;
};
struct pl_subscription *pl_subscription_first(const struct pl_services *services);
struct pl_subscription *pl_subscription_find(const struct pl_services *services, const char *id);
struct pl_delivery_settings { /* of the EventService; kept in the store */
  bool enabled;
  unsigned attempts, interval_s;
};
const struct pl_delivery_settings *pl_delivery_settings(const struct pl_services *services);

/* Who carries events to destinations (control/web/webhook.c), where somebody does. Loop's thread; what it keeps it copies. One for a stack. */
struct pl_carrier {
  void (*carry)(void *ctx, const struct pl_subscription *to, uint64_t event_id, const char *json, size_t size);
  void (*changed)(void *ctx, const struct pl_subscription *subscription); /* its policy, or it was resumed */
  void (*gone)(void *ctx, const struct pl_subscription *subscription);
  void *ctx;
};
void pl_services_set_carrier(struct pl_services *services, const struct pl_carrier *carrier); /* NULL: nobody any more */
/* The carrier gives up: the subscription is suspended or deleted, as its policy says. Loop's thread. */
void pl_subscription_failed(struct pl_services *services, const char *id);

#endif
