/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_COMPOSITION_H
#define PL_CONTROL_COMPOSITION_H

/* Between the files composition*.c: what the allocation engine takes and gives, in Redfish's words. */
#include "control/placement/placement.h"
#include "control/redfish/room.h"

#define PL_COMPOSITION_URI "/redfish/v1/CompositionService"
#define PL_BLOCKS_URI PL_COMPOSITION_URI "/ResourceBlocks"
#define PL_RESERVATIONS_URI PL_COMPOSITION_URI "/CompositionReservations"
#define PL_CAPABILITIES_URI "/redfish/v1/Systems/Capabilities"

/* Amounts under the names that requests have, too: {"Cores": 1.5, "MemoryMiB": 4096}. Those that are 0 only where `all`. */
struct json_object *pl_amounts_json(const struct pl_amounts *amounts, bool all);
struct json_object *pl_lines_json(const char *text); /* a line each; NULL: [] */
struct json_object *pl_own_json(const char *type);   /* {"@odata.type": "#type"} */
struct json_object *pl_forecast_json(const struct pl_forecast *forecast, enum pl_dimension of);
struct json_object *pl_features_json(const struct pl_stack *stack, uint64_t features); /* their words */

/* What one client asks for: components, which are placed together or not at all. The texts are those of the body. */
#define PL_WISHES_MAX 64
struct pl_wishes {
  struct pl_request requests[PL_WISHES_MAX];
  uint32_t images[PL_WISHES_MAX];
  int64_t data_MiB[PL_WISHES_MAX];
  size_t count;
  const char *application; /* "": none */
  bool queue;
};
enum { PL_WISH_FIELDS = 6 };
extern const struct pl_field pl_wish_fields[PL_WISH_FIELDS]; /* of a request: a ComputerSystem that is not yet */
/* Reads one more; says itself what is wrong, with the properties below `prefix`. id: where the request names none; NULL: it must. */
bool pl_wish_read(struct pl_exchange *x, struct json_object *request, const char *prefix, const char *id, struct pl_wishes *wishes);
/* The way back: as a client would write it. */
struct json_object *pl_wish_json(struct pl_stack *stack, const struct pl_request *request, uint32_t image, int64_t data_MiB, const char *application);
/* false: no fit or a request that cannot be, and x says so. *plan may be NULL where it waits for room. */
bool pl_order_run(struct pl_exchange *x, const struct pl_order *order, struct pl_plan **plan, char reservation[40]);

/* Composed systems: a replica of a workload each. Its Id has "-" where the engine's has "#". */
char *pl_composed_id(const char *id, char out[64]);
struct pl_workload *pl_composed_find(const struct pl_stack *stack, const char *id); /* by Redfish's Id */
char *pl_composed_uri(const char *id, char out[PL_URI_MAX]);
void pl_composed_list(const struct pl_res *res, struct pl_members *members);
const char *pl_composed_state(enum pl_workload_state state); /* its Status.State */
extern const struct pl_route pl_composed_route;
void pl_compose_system(struct pl_exchange *x); /* POST to Systems */
enum pl_has pl_get_capabilities(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value); /* @Redfish.CollectionCapabilities of Systems */
extern const struct pl_action pl_compose_action;
/* {"@odata.id": ...} of the block that stands for a node; NULL where there is none. */
struct json_object *pl_block_link(const struct pl_stack *stack, const char *node);
/* The node that {"@odata.id": ...} names; NULL: none, and x says so. */
const char *pl_block_named(struct pl_exchange *x, struct json_object *link, const char *property);

/* The next of a reservation's workloads, of which it names the first. */
static inline const struct pl_workload *pl_reserved_next(const struct pl_reservation *reservation, const struct pl_workload *w)
{
  do
    w = w->next;
  while (w && strcmp(w->reservation, reservation->id));
  return w;
}

/* What changes is told as events (composition_events.c); one of these stands behind the service. */
struct pl_compositions;
enum pl_status pl_compositions_new(struct pl_stack *stack, struct pl_compositions **compositions, struct pl_err *err);
void pl_compositions_free(struct pl_compositions *compositions);
/* "Why here, why not there", in lines, as the decisions say that brought it where it is. */
struct json_object *pl_composition_explanation(const struct pl_stack *stack, const struct pl_workload *workload);

#endif
