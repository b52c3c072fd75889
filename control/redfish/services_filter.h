/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_FILTER_H
#define PL_CONTROL_SERVICES_FILTER_H

#include "drivers/base/err.h"

#include <stdbool.h>

/*
 * $filter of an event stream (EventService v1, ServerSentEventUri; DSP0266 "Server-sent events"): comparisons by `eq` of the properties below, joined by `and`,
 * `or`, `not` and parentheses. Values with or without quotes.
 */
struct pl_event_filter;
struct pl_event_facts { /* what is judged; NULL: it has none such */
  const char *format;   /* "Event", "MetricReport" */
  const char *registry_prefix, *message_id, *origin, *report_definition;
};

/* PL_E_USAGE: says what in it cannot be understood. */
enum pl_status pl_event_filter_parse(const char *text, struct pl_event_filter **filter, struct pl_err *err);
void pl_event_filter_free(struct pl_event_filter *filter);
bool pl_event_filter_passes(const struct pl_event_filter *filter, const struct pl_event_facts *facts);
bool pl_event_filter_asks_for_reports(const struct pl_event_filter *filter); /* it speaks of metric reports; a stream whose filter does not has events only */

bool pl_message_id_is(const char *id, const char *wanted); /* "Power.1.2.X" is "Power.1.2.X", that of any version, "Power.X" */
bool pl_origin_is(const char *origin, const char *uri, bool subordinate);

#endif
