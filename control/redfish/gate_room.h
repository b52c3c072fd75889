/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_GATE_ROOM_H
#define PL_CONTROL_REDFISH_GATE_ROOM_H

/* What the gate gives to others of this room. */
#include "control/redfish/gate.h"
#include "control/redfish/room.h"

/* May whoever asks read? Any thread. Else PL_E_USAGE, and the refusal with its body is in *refusal. */
enum pl_status pl_gate_admit(struct pl_gate *gate, const struct pl_http_request *request, struct pl_user *user, struct pl_http_answer *refusal);
struct pl_stack *pl_gate_stack(const struct pl_gate *gate);

/* Answers that are still true (cache.c). Any thread. */
struct pl_cache;
struct pl_cache *pl_cache_new(void);
void pl_cache_free(struct pl_cache *cache);
/* Fills in the answer, or says false: there is none, it is no longer true, or `privileges` do not open it. If-None-Match is looked at. */
bool pl_cache_get(struct pl_cache *cache, const struct pl_stack *stack, const struct pl_http_request *request, unsigned privileges, struct pl_http_answer *answer);
void pl_cache_put(struct pl_cache *cache, const char *target, const struct pl_keep *keep, const struct pl_http_answer *answer);

#endif
