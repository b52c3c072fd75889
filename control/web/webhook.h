/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEBHOOK_H
#define PL_CONTROL_WEBHOOK_H

#include "control/stack/stack.h"

/*
 * Carries events to the destinations of subscriptions by HTTP POST (DSP0266 "Push style eventing"), on a thread of its own. Each destination gets its events in
 * order, one at a time; one that does not take them is tried again as its DeliveryRetryPolicy says, and holds up no other.
 */
struct pl_webhook;
enum pl_status pl_webhook_start(struct pl_stack *stack, struct pl_webhook **webhook, struct pl_err *err); /* once the stack is open; real time */
void pl_webhook_stop(struct pl_webhook *webhook); /* before the stack is closed; what is queued is dropped, for the log has it */

#endif
