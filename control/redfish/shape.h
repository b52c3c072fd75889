/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_SHAPE_H
#define PL_CONTROL_REDFISH_SHAPE_H

#include "control/inventory/item.h"
#include "control/redfish/route.h"

/* What resources of units have in common: rows, and the getters behind them. All of res->item. */
#define PL_MANAGER_URI "/redfish/v1/Managers/rackd"
#define PL_RPUS_URI "/redfish/v1/ThermalEquipment/RPUs"
#define PL_LOOPS_URI "/redfish/v1/ThermalEquipment/CoolingLoops"
#define PL_EXCHANGERS_URI "/redfish/v1/ThermalEquipment/HeatExchangers"

enum pl_has pl_get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
enum pl_has pl_get_health(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
enum pl_has pl_get_rollup(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value); /* of what it holds, too */
enum pl_has pl_get_conditions(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_STATUS_ROWS                                                                                \
  PL_CALLS("Status/State", pl_get_state), PL_CALLS("Status/Health", pl_get_health), PL_CALLS("Status/HealthRollup", pl_get_rollup), \
      PL_CALLS("Status/Conditions", pl_get_conditions)
/* Of what only exists as a place to look: it is there. */
#define PL_STATUS_ENABLED PL_TEXT("Status/State", "Enabled"), PL_TEXT("Status/Health", "OK")

/* null where it does not say, or nobody is there to say it. x: offset in struct pl_identity. */
enum pl_has pl_get_identity(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_IDENTITY(PATH, MEMBER) {.path = PATH, .get = pl_get_identity, .x = (double)offsetof(struct pl_identity, MEMBER)}
#define PL_IDENTITY_ROWS                                                                                                                       \
  PL_IDENTITY("Manufacturer", manufacturer), PL_IDENTITY("Model", model), PL_IDENTITY("SerialNumber", serial), PL_IDENTITY("PartNumber", part_number)

enum pl_has pl_get_id(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
enum pl_has pl_get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);     /* "CSU csu-1" */
enum pl_has pl_get_label(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);    /* the rig's location */
enum pl_has pl_get_ordinal(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_LOCATION_ROWS(TYPE)                                                                                                                 \
  PL_CALLS("Location/PartLocation/ServiceLabel", pl_get_label), PL_TEXT("Location/PartLocation/LocationType", TYPE),                           \
      PL_CALLS("Location/PartLocation/LocationOrdinalValue", pl_get_ordinal)

/* {DataSourceUri, Reading}: of role a, quantity b. Omitted where there is no such sense; Reading null where it has none that is valid and young enough. */
enum pl_has pl_get_excerpt(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_EXCERPT(PATH, ROLE, QUANTITY) {.path = PATH, .get = pl_get_excerpt, .a = ROLE, .b = QUANTITY}
struct json_object *pl_excerpt(const struct pl_res *res, const struct pl_item *item, const struct pl_sense *sense);
/* What Redfish says of a sense: in its unit. false: invalid or too old. */
bool pl_sense_value(const struct pl_res *res, const struct pl_sense *sense, double *value);
/* Links to the children of some kinds (x: mask). */
enum pl_has pl_get_children(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_CHILDREN(PATH, KINDS) {.path = PATH, .get = pl_get_children, .x = KINDS}
/* All units of one kind (x: its number); omitted when there are none. */
enum pl_has pl_get_units(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_UNITS(PATH, KIND) {.path = PATH, .get = pl_get_units, .x = KIND}
enum pl_has pl_get_link_list(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value); /* [a] */
#define PL_LINKS_ONE(PATH, URI) {.path = PATH, .get = pl_get_link_list, .a = URI}
enum pl_has pl_get_chassis_link(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value); /* [where it stands] */
enum pl_has pl_get_power_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
/* A RedundantGroup of the units of a kind (x); omitted for fewer than two. */
enum pl_has pl_get_redundancy(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
/* LocationIndicatorActive of what has an attention light. */
enum pl_has pl_get_indicator(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
void pl_set_indicator(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value);
extern const struct pl_field pl_field_flag;
#define PL_INDICATOR_ROW PL_WRITES("LocationIndicatorActive", pl_get_indicator, &pl_field_flag, pl_set_indicator)
/* Oem.Plumbline: what Redfish has no words for (PlumblineUnit v1_0_0). */
enum pl_has pl_get_oem_unit(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value);
#define PL_OEM_ROW PL_CALLS("Oem/Plumbline", pl_get_oem_unit)

/* The chassis where a unit stands: itself, or what holds it. */
const struct pl_item *pl_chassis_of(const struct pl_item *item);
bool pl_is_chassis(const struct pl_item *item);
/* Sensors (sensor.c). */
bool pl_is_sensor(const struct pl_sense *sense);
char *pl_sensor_uri(const struct pl_item *item, const struct pl_sense *sense, char *out, size_t size);
/* Finders: by the id at a place of the URI, of a kind. */
bool pl_find_kind(struct pl_res *res, size_t id, enum pl_item_kind kind);
bool pl_list_kind(const struct pl_res *res, struct pl_members *members, enum pl_item_kind kind);
/* Resets (reset.c). */
extern const char *const pl_reset_types[], *const pl_evacuate_types[];
void pl_run_reset(struct pl_exchange *x);
const char *pl_loop_of(const struct pl_item *item); /* the loop that its part names; "": none */
bool pl_can_reset(const struct pl_res *res);
bool pl_can_evacuate(const struct pl_res *res);

#endif
