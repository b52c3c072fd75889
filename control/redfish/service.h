/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICE_H
#define PL_CONTROL_SERVICE_H

#include "drivers/rig/stack.h"

struct pl_stack;
struct pl_service;

/* The Redfish service: a request in, an answer out. Loop's thread. Writes that drive hardware are answered when the hardware has them, or become tasks. */
enum pl_status pl_service_new(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_service **service, struct pl_err *err);
void pl_service_free(struct pl_service *service);
/* Tells the events which resource stands for which item; before pl_events_start. */
void pl_service_name_origins(struct pl_stack *stack);
void pl_service_submit(struct pl_service *service, struct pl_http_request *request);

#endif
