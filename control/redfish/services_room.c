/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/services_room.h"

#include "control/redfish/services_trigger.h"
#include "control/store/store.h"

#include <stdlib.h>

/* A setting of the services as the store has it; fallback where it has none. */
static unsigned kept(struct pl_store *store, const char *key, unsigned fallback)
{
  struct pl_err err = {0};
  char *text = NULL;
  if (pl_store_get(store, "event-service", key, &text, &err) != PL_OK || !text)
    return fallback;
  unsigned value = (unsigned)strtoul(text, NULL, 10);
  free(text);
  return value;
}

enum pl_status pl_services_new(struct pl_stack *stack, struct pl_services **services, struct pl_err *err)
{
  struct pl_services *s = calloc(1, sizeof *s);
  if (!s)
    return pl_fail(err, PL_E_NOMEM, "no memory for the services");
  s->stack = stack;
  s->next_id = 1;
  s->settings = (struct pl_delivery_settings){.enabled = kept(stack->store, "enabled", 1),
                                              .attempts = kept(stack->store, "attempts", 3),
                                              .interval_s = kept(stack->store, "interval", 30)};
  char *cleared = NULL;
  enum pl_status status = pl_store_get(stack->store, "event-log", "cleared", &cleared, err);
  s->cleared = cleared ? strtoull(cleared, NULL, 10) : 0;
  free(cleared);
  if (status == PL_OK)
    status = pl_subscriptions_load(s, err);
  if (status == PL_OK)
    status = pl_hub_new(s, &s->hub, err);
  if (status == PL_OK)
    status = pl_metric_reports_new(s, &s->reports, err);
  if (status == PL_OK)
    status = pl_metric_triggers_new(s, &s->triggers, err);
  if (status != PL_OK) {
    pl_services_free(s);
    return status;
  }
  s->listener = (struct pl_event_listener){.event = pl_services_event, .ctx = s};
  pl_events_listen(stack->events, &s->listener);
  *services = s;
  return PL_OK;
}

void pl_services_free(struct pl_services *services)
{
  if (!services)
    return;
  if (services->listener.event)
    pl_events_unlisten(services->stack->events, &services->listener);
  pl_metric_triggers_free(services->triggers);
  pl_metric_reports_free(services->reports);
  pl_hub_close(services->hub);
  pl_subscriptions_free(services);
  free(services);
}
