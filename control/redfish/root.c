/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* /redfish and the service root. */

static enum pl_has get_uuid(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(res->stack->uuid);
  return PL_SHOW;
}

static const struct pl_prop VERSIONS[] = {PL_TEXT("v1", "/redfish/v1/")};

static const struct pl_prop ROOT[] = {
    PL_TEXT("Id", "RootService"),
    PL_TEXT("RedfishVersion", "1.22.0"),
    PL_TEXT("Product", "Plumbline rackd"),
    PL_TEXT("Vendor", "Plumbline"),
    PL_CALLS("UUID", get_uuid),
    PL_FLAG("ProtocolFeaturesSupported/ExpandQuery/ExpandAll", true),
    PL_FLAG("ProtocolFeaturesSupported/ExpandQuery/Levels", true),
    PL_FLAG("ProtocolFeaturesSupported/ExpandQuery/Links", true),
    PL_FLAG("ProtocolFeaturesSupported/ExpandQuery/NoLinks", true),
    PL_NUMBER("ProtocolFeaturesSupported/ExpandQuery/MaxLevels", PL_EXPAND_LEVELS_MAX),
    PL_FLAG("ProtocolFeaturesSupported/SelectQuery", true),
    PL_FLAG("ProtocolFeaturesSupported/FilterQuery", true),
    PL_FLAG("ProtocolFeaturesSupported/FilterQueryComparisonOperations", true),
    PL_FLAG("ProtocolFeaturesSupported/FilterQueryCompoundOperations", true),
    PL_FLAG("ProtocolFeaturesSupported/OnlyMemberQuery", true),
    PL_FLAG("ProtocolFeaturesSupported/ExcerptQuery", true),
    PL_FLAG("ProtocolFeaturesSupported/TopSkipQuery", true),
    PL_FLAG("ProtocolFeaturesSupported/IncludeOriginOfConditionQuery", false),
    PL_FLAG("ProtocolFeaturesSupported/MultipleHTTPRequests", true),
    PL_FLAG("ProtocolFeaturesSupported/DeepOperations/DeepPATCH", false),
    PL_FLAG("ProtocolFeaturesSupported/DeepOperations/DeepPOST", false),
    PL_LINK("Chassis", "/redfish/v1/Chassis"),
    PL_LINK("Systems", "/redfish/v1/Systems"),
    PL_LINK("Managers", "/redfish/v1/Managers"),
    PL_LINK("ThermalEquipment", "/redfish/v1/ThermalEquipment"),
    PL_LINK("PowerEquipment", "/redfish/v1/PowerEquipment"),
    PL_LINK("Facilities", "/redfish/v1/Facilities"),
    PL_LINK("Fabrics", "/redfish/v1/Fabrics"),
    PL_LINK("AccountService", "/redfish/v1/AccountService"),
    PL_LINK("SessionService", "/redfish/v1/SessionService"),
    PL_LINK("Tasks", "/redfish/v1/TaskService"),
    PL_LINK("EventService", "/redfish/v1/EventService"),
    PL_LINK("TelemetryService", "/redfish/v1/TelemetryService"),
    PL_LINK("CertificateService", "/redfish/v1/CertificateService"),
    PL_LINK("UpdateService", "/redfish/v1/UpdateService"),
    PL_LINK("CompositionService", "/redfish/v1/CompositionService"),
    PL_LINK("Registries", "/redfish/v1/Registries"),
    PL_LINK("JsonSchemas", "/redfish/v1/JsonSchemas"),
    PL_LINK("Links/Sessions", "/redfish/v1/SessionService/Sessions"),
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish", .type = "Plain", .props = {PL_PROPS(VERSIONS)}, .flags = PL_ROUTE_OPEN | PL_ROUTE_PLAIN | PL_ROUTE_CACHED},
    {.uri = "/redfish/v1", .type = "ServiceRoot.v1_20_0.ServiceRoot", .name = "Root Service", .props = {PL_PROPS(ROOT)}, .flags = PL_ROUTE_OPEN | PL_ROUTE_CACHED},
};
const struct pl_routes_desc pl_routes_root = PL_ROUTES(ROUTES);
