/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition_test.h"

#include "control/events/events.h"

/* The allocation engine as Redfish shows it: blocks, composed systems, manifests, reservations, decisions. */

static void a_node_is_a_block(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1", NULL);
  assert_string_equal(text_at(d, "CompositionService/@odata.id"), PL_COMPOSITION_URI);
  ask(d, "GET", PL_BLOCKS_URI "/csu-1", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Pool"), "Free");
  assert_string_equal(text_at(d, "CompositionStatus/CompositionState"), "Unused");
  assert_string_equal(text_at(d, "Links/Zones/0/@odata.id"), PL_COMPOSITION_URI "/ResourceZones/module-1");
  assert_string_equal(text_at(d, "ComputerSystems/0/@odata.id"), SYSTEMS "/csu-1");
  assert_string_equal(text_at(d, "Oem/Plumbline/State"), "Up");
  assert_true(number_at(d, "Oem/Plumbline/Capacity/Cores") >= 2);
  assert_int_equal(number_at(d, "Oem/Plumbline/Given/Cores"), 0);
  ask(d, "GET", PL_COMPOSITION_URI "/ResourceZones/module-2", NULL);
  assert_string_equal(text_at(d, "ZoneType"), "ZoneOfResourceBlocks");
  assert_int_equal(array_length(d, "Links/ResourceBlocks"), 4);
  assert_string_equal(text_at(d, "@Redfish.CollectionCapabilities/Capabilities/0/CapabilitiesObject/@odata.id"), PL_CAPABILITIES_URI);
  ask(d, "GET", PL_BLOCKS_URI "/csu-99", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "DELETE", PL_BLOCKS_URI "/csu-1", NULL);
  assert_int_equal(d->status, 405);
}

static void a_composed_system_is_a_workload(void **state)
{
  struct door *d = *state;
  make(d, "{\"Name\": \"web\", " OWN(", \"Application\": \"shop\", \"Priority\": 5, \"Features\": [], \"DataMiB\": 10") "}");
  assert_string_equal(header(d, "Location"), SYSTEMS "/web");
  assert_string_equal(text_at(d, "SystemType"), "Composed");
  until_it_runs(d, "web");
  ask(d, "GET", SYSTEMS "/web", NULL);
  assert_string_equal(text_at(d, "Status/State"), "Enabled");
  assert_int_equal(number_at(d, "ProcessorSummary/CoreCount"), 1);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Running");
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Image"), "steady/50");
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Application"), "shop");
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Priority"), 5);
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Demand/MemoryMiB"), 64);
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Demand/DataMiB"), 10);
  assert_true(array_length(d, "Oem/Plumbline/Workload/Explanation") > 0);
  char node[64], block[PL_URI_MAX];
  snprintf(node, sizeof node, "%s", text_at(d, "Oem/Plumbline/Workload/Node"));
  snprintf(block, sizeof block, PL_BLOCKS_URI "/%s", node);
  assert_string_equal(text_at(d, "Links/ResourceBlocks/0/@odata.id"), block);
  ask(d, "GET", block, NULL);
  assert_string_equal(text_at(d, "Pool"), "Active");
  assert_string_equal(text_at(d, "CompositionStatus/CompositionState"), "ComposedAndAvailable");
  assert_string_equal(text_at(d, "Links/ComputerSystems/0/@odata.id"), SYSTEMS "/web");
  assert_int_equal(number_at(d, "Oem/Plumbline/Given/Cores"), 1);
  ask(d, "GET", SYSTEMS "/web/Processors", NULL); /* it has a CSU's cores, but no processors of its own */
  assert_int_equal(d->status, 404);
  ask(d, "GET", SYSTEMS, NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 9);
  ask(d, "DELETE", SYSTEMS "/csu-1", NULL);
  assert_int_equal(d->status, 405);
}

static void it_ends_by_delete_and_by_decommission(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"a\", " OWN("") "}");
  make(d, "{\"Id\": \"b\", " OWN("") "}");
  until_it_runs(d, "a");
  ask(d, "DELETE", SYSTEMS "/a", NULL); /* it is there until its agent shows that nothing of it is left: a task */
  assert_int_equal(d->status, 202);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "stop-workload");
  char task[96], monitor[96];
  snprintf(task, sizeof task, "%s", text_at(d, "@odata.id"));
  snprintf(monitor, sizeof monitor, "%s", text_at(d, "TaskMonitor"));
  ask(d, "GET", SYSTEMS "/a", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Stopping");
  ask(d, "GET", monitor, NULL);
  assert_int_equal(d->status, 202);
  ask(d, "DELETE", SYSTEMS "/a", NULL); /* the same one */
  assert_int_equal(d->status, 202);
  assert_string_equal(text_at(d, "@odata.id"), task);
  until_it_is_gone(d, "a");
  stand_run(d->stand, 100 * PL_MS);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "TaskState"), "Completed");
  ask(d, "GET", SYSTEMS "/a", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "POST", SYSTEMS "/b/Actions/ComputerSystem.Decommission", "{\"DecommissionTypes\": [\"All\"], \"RequireSecureErase\": true}");
  assert_int_equal(d->status, 501);
  ask(d, "POST", SYSTEMS "/b/Actions/ComputerSystem.Decommission", "{}");
  assert_int_equal(d->status, 400);
  ask(d, "POST", SYSTEMS "/b/Actions/ComputerSystem.Decommission", "{\"DecommissionTypes\": [\"All\"]}");
  assert_int_equal(d->status, 202);
  until_it_is_gone(d, "b");
  ask(d, "GET", SYSTEMS "/b", NULL);
  assert_int_equal(d->status, 404);
}

static void a_refusal_says_what_is_short(void **state)
{
  struct door *d = *state;
  ask(d, "POST", SYSTEMS, "{\"Id\": \"big\", \"Oem\": {\"Plumbline\": {\"Cores\": 100000}}}");
  assert_int_equal(d->status, 409);
  assert_string_equal(text_at(d, "error/code"), "Composition.1.1.NoResourceMatch");
  assert_non_null(strstr(text_at(d, "error/@Message.ExtendedInfo/0/Resolution"), "cores"));
  assert_true(number_at(d, "error/@Message.ExtendedInfo/0/Oem/Plumbline/ShortBy/Cores") > 1000);
  assert_true(number_at(d, "error/@Message.ExtendedInfo/0/Oem/Plumbline/TooSmall") > 0);
  assert_true(strlen(text_at(d, "error/@Message.ExtendedInfo/0/Oem/Plumbline/Nearest")) > 0);
  ask(d, "GET", SYSTEMS "/big", NULL);
  assert_int_equal(d->status, 404);
  make(d, "{\"Id\": \"big\", \"Oem\": {\"Plumbline\": {\"Cores\": 100000, \"WaitForRoom\": true}}}");
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Queued");
  assert_string_equal(text_at(d, "Status/State"), "StandbyOffline");
  assert_true(flag_at(d, "Oem/Plumbline/Workload/WaitsForRoom"));
}

static void a_block_without_power_is_no_empty_slot(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/CompositionService/ResourceBlocks/csu-8", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/State"), "Gone");
  assert_string_equal(text_at(d, "Status/State"), "StandbyOffline");
  stand_act(d->stand, "csu-8", "remove");
  stand_until_state(d->stand, "csu-8", PL_STATE_ABSENT, 20 * PL_S);
  ask(d, "GET", "/redfish/v1/CompositionService/ResourceBlocks/csu-8", NULL);
  assert_string_equal(text_at(d, "Status/State"), "Absent");
}

static void what_cannot_be_is_refused(void **state)
{
  static const struct {
    const char *body, *code;
    int status;
  } BAD[] = {
      {"{\"Oem\": {\"Plumbline\": {}}}", "PropertyMissing", 400},
      {"{\"Id\": \"x\"}", "PropertyMissing", 400},
      {"{\"Id\": \"x\", \"Oem\": {}}", "PropertyMissing", 400},
      {"{\"Id\": \"x/y\", " OWN("") "}", "PropertyValueFormatError", 400},
      {"{\"Id\": \"x#2\", " OWN("") "}", "PropertyValueFormatError", 400},
      {"{\"Id\": \"csu-1\", " OWN("") "}", "ResourceAlreadyExists", 409},
      {"{\"Id\": \"Capabilities\", " OWN("") "}", "ResourceAlreadyExists", 409},
      {"{\"Id\": \"csu\", " OWN(", \"Replicas\": 2") "}", "ResourceAlreadyExists", 409},
      {"{\"Id\": \"x\", " OWN(", \"Nonsense\": 1") "}", "PropertyUnknown", 400},
      {"{\"Id\": \"x\", " OWN(", \"Priority\": \"high\"") "}", "PropertyValueTypeError", 400},
      {"{\"Id\": \"x\", " OWN(", \"StorageMiB\": -1") "}", "PropertyValueOutOfRange", 400},
      {"{\"Id\": \"x\", " OWN(", \"Spread\": \"Galaxy\"") "}", "PropertyValueNotInList", 400},
      {"{\"Id\": \"x\", " OWN(", \"Features\": [\"abacus\"]") "}", "PropertyValueNotInList", 400},
      {"{\"Id\": \"x\", " OWN(", \"Apart\": [5]") "}", "PropertyValueTypeError", 400},
      {"{\"Id\": \"x\", \"Oem\": {\"Plumbline\": {\"Image\": \"steady/900\"}}}", "", 400},
      {"{\"Id\": \"x\", \"Links\": {\"ResourceBlocks\": []}, " OWN("") "}", "PropertyValueTypeError", 400},
      {"{\"Id\": \"x\", \"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/csu-99\"}]}, " OWN("") "}", "ResourceBlockNotFound", 400},
      {"{\"Id\": \"x\", \"@Redfish.ResourceBlockLimits\": {\"MinStorage\": 1}, " OWN("") "}", "NoResourceMatch", 409},
  };
  struct door *d = *state;
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", SYSTEMS, BAD[i].body);
    if (d->status != BAD[i].status || !strstr(d->body, BAD[i].code))
      fail_msg("%s: %d %s, expected %d %s", BAD[i].body, d->status, d->body, BAD[i].status, BAD[i].code);
  }
  ask(d, "GET", SYSTEMS, NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 8);
}

static void a_manifest_is_placed_whole_or_not_at_all(void **state)
{
  struct door *d = *state;
  ask(d, "POST", COMPOSE, MANIFEST("Preview", STANZA("web", ", \"Application\": \"shop\"") ", " STANZA("db", "")));
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "RequestType"), "Preview");
  assert_string_equal(text_at(d, "Manifest/Stanzas/0/Response/Id"), "web");
  assert_true(strlen(text_at(d, "Manifest/Stanzas/1/Response/Oem/Plumbline/Placements/0/Node")) > 0);
  assert_true(array_length(d, "Manifest/Stanzas/1/Response/Oem/Plumbline/Placements/0/Explanation") > 0);
  ask(d, "GET", SYSTEMS "/web", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "POST", COMPOSE, MANIFEST("Apply", STANZA("web", ", \"Application\": \"shop\"") ", " STANZA("db", ", \"Accelerators\": 1000")));
  assert_int_equal(d->status, 409);
  ask(d, "GET", SYSTEMS "/web", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "POST", COMPOSE, MANIFEST("Apply", STANZA("web", ", \"Application\": \"shop\", \"Replicas\": 2, \"Redundancy\": \"NPlus1\", \"Spread\": \"Node\"") ", " STANZA("db", "")));
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Manifest/Stanzas/0/Response/@odata.id"), SYSTEMS "/web");
  assert_int_equal(array_length(d, "Manifest/Stanzas/0/Response/Oem/Plumbline/Placements"), 3);
  until_it_runs(d, "web#3");
  ask(d, "GET", SYSTEMS "/web-3", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Application"), "shop");
  ask(d, "GET", SYSTEMS "/db", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Application"), "shop");
}

static void a_bad_manifest_is_refused(void **state)
{
  static const char *const BAD[] = {
      "{}",
      "{\"RequestFormat\": \"Manifest\", \"RequestType\": \"Apply\"}",
      "{\"RequestFormat\": \"Table\", \"RequestType\": \"Apply\", \"Manifest\": {}}",
      MANIFEST("Wish", STANZA("x", "")),
      MANIFEST("Apply", ""),
      MANIFEST("Apply", "5"),
      MANIFEST("Apply", "{\"StanzaType\": \"ComposeSystem\", \"StanzaId\": \"x\"}"),
      MANIFEST("Apply", "{\"StanzaType\": \"ComposeResource\", \"StanzaId\": \"x\", \"Request\": {}}"),
      MANIFEST("Apply", "{\"StanzaType\": \"DecomposeSystem\", \"StanzaId\": \"x\", \"Request\": {\"@odata.id\": \"" SYSTEMS "/csu-1\"}}"),
      MANIFEST("Apply", "{\"StanzaType\": \"ComposeSystem\", \"StanzaId\": \"x\", \"Request\": {\"Nonsense\": 1, " OWN("") "}}"),
      MANIFEST("Apply", STANZA("x", "") ", " STANZA("x", "")),
  };
  struct door *d = *state;
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", COMPOSE, BAD[i]);
    if (d->status != 400)
      fail_msg("%s: %d %s", BAD[i], d->status, d->body ? d->body : "");
  }
  ask(d, "GET", SYSTEMS, NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 8);
}

static void a_reservation_is_kept_applied_or_given_back(void **state)
{
  struct door *d = *state;
  char uri[PL_URI_MAX], id[64], body[256];
  for (int i = 0; i < 2; i++) {
    ask(d, "POST", COMPOSE, MANIFEST("PreviewReserve", STANZA("web", ", \"Replicas\": 2")));
    assert_int_equal(d->status, 200);
    snprintf(id, sizeof id, "%s", text_at(d, "ReservationId"));
    snprintf(uri, sizeof uri, PL_RESERVATIONS_URI "/%s", id);
    ask(d, "GET", uri, NULL);
    assert_int_equal(d->status, 200);
    assert_string_equal(text_at(d, "Client"), "admin");
    assert_int_equal(array_length(d, "Manifest/Stanzas"), 1);
    assert_int_equal(number_at(d, "Manifest/Stanzas/0/Request/Oem/Plumbline/Replicas"), 2);
    assert_true(array_length(d, "ReservedResourceBlocks") >= 1);
    ask(d, "GET", SYSTEMS "/web-2", NULL);
    assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Reserved");
    if (i)
      break;
    ask(d, "DELETE", uri, NULL);
    assert_int_equal(d->status, 204);
    ask(d, "GET", uri, NULL);
    assert_int_equal(d->status, 404);
    ask(d, "GET", SYSTEMS "/web-2", NULL);
    assert_int_equal(d->status, 404);
  }
  snprintf(body, sizeof body, "{\"RequestFormat\": \"Manifest\", \"RequestType\": \"Apply\", \"ReservationId\": \"%s\"}", id);
  ask(d, "POST", COMPOSE, body);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Manifest/Stanzas/0/Response/@odata.id"), SYSTEMS "/web");
  until_it_runs(d, "web#2");
  ask(d, "POST", COMPOSE, body);
  assert_int_equal(d->status, 404);
}

static bool has_moved(struct stand *s, void *ctx)
{
  const struct pl_workload *w = pl_placement_find(s->stack->placement, "web");
  return w && w->state == PL_WORKLOAD_RUNNING && !strcmp(w->node, ctx);
}

static void it_moves_when_told_to(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"web\", \"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/csu-1\"}]}, " OWN(", \"DataMiB\": 1") "}");
  until_it_runs(d, "web");
  ask(d, "GET", SYSTEMS "/web", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Node"), "csu-1");
  assert_string_equal(text_at(d, "Actions/Oem/#PlumblineComputerSystem.Migrate/target"), SYSTEMS "/web/Actions/Oem/PlumblineComputerSystem.Migrate");
  ask(d, "POST", SYSTEMS "/web/Actions/PlumblineComputerSystem.Migrate", "{}");
  assert_int_equal(d->status, 404);
  ask(d, "POST", SYSTEMS "/web/Actions/ComputerSystem.AddResourceBlock", "{\"ResourceBlock\": {\"@odata.id\": \"" PL_BLOCKS_URI "/csu-1\"}}");
  assert_int_equal(d->status, 409);
  ask(d, "POST", SYSTEMS "/web/Actions/ComputerSystem.RemoveResourceBlock", "{\"ResourceBlock\": {\"@odata.id\": \"" PL_BLOCKS_URI "/csu-2\"}}");
  assert_int_equal(d->status, 409);
  ask(d, "POST", SYSTEMS "/web/Actions/ComputerSystem.AddResourceBlock",
      "{\"ResourceBlock\": {\"@odata.id\": \"" PL_BLOCKS_URI "/csu-2\"}, \"ComputerSystemETag\": \"\\\"0000000000000000\\\"\"}");
  assert_int_equal(d->status, 428);
}

static void it_migrates(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"web\", " OWN(", \"DataMiB\": 1") "}");
  until_it_runs(d, "web");
  ask(d, "GET", SYSTEMS "/web", NULL);
  const char *to = strcmp(text_at(d, "Oem/Plumbline/Workload/Node"), "csu-5") ? "csu-5" : "csu-2";
  char body[256];
  snprintf(body, sizeof body, "{\"ResourceBlock\": {\"@odata.id\": \"" PL_BLOCKS_URI "/%s\"}}", to);
  ask(d, "POST", SYSTEMS "/web/Actions/Oem/PlumblineComputerSystem.Migrate", body);
  assert_int_equal(d->status, 202);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "migrate");
  if (stand_until(d->stand, has_moved, (void *)(uintptr_t)to, 120 * PL_S) == PL_NEVER)
    fail_msg("it did not move");
  ask(d, "GET", SYSTEMS "/web", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/Node"), to);
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Moves"), 1);
  /* what came of it, why it moved, its score, and each of the eight nodes: why here, why not there */
  assert_int_equal(array_length(d, "Oem/Plumbline/Workload/Explanation"), 11);
  assert_non_null(strstr(text_at(d, "Oem/Plumbline/Workload/Explanation/0"), to));
  assert_non_null(strstr(text_at(d, "Oem/Plumbline/Workload/Explanation/1"), "it left csu-"));
  assert_non_null(strstr(text_at(d, "Oem/Plumbline/Workload/Explanation/1"), "asked for by admin"));
  assert_non_null(strstr(text_at(d, "Oem/Plumbline/Workload/Explanation/2"), "8 nodes could take it"));
  size_t here = 0, left = 0;
  for (int i = 3; i < 11; i++) {
    char path[64];
    snprintf(path, sizeof path, "Oem/Plumbline/Workload/Explanation/%d", i);
    here += strstr(text_at(d, path), "<- here") && !strncmp(text_at(d, path), to, strlen(to));
    left += strstr(text_at(d, path), "no: it was to leave it") != NULL;
  }
  assert_int_equal(here, 1);
  assert_int_equal(left, 1);
}

/* Bound to its node: ReadyToRemove says what was short and what to do; by force it waits with what it has done. */
static void what_fits_nowhere_is_removed_by_force_only(void **state)
{
  struct door *d = *state;
  char task[64];
  make(d, "{\"Id\": \"bound\", \"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/csu-2\"}]}, " OWN(", \"DataMiB\": 1, \"Stay\": true") "}");
  until_it_runs(d, "bound");
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-2", "{\"ReadyToRemove\": true}");
  assert_int_equal(d->status, 202);
  snprintf(task, sizeof task, "%s", text_at(d, "@odata.id"));
  stand_run(d->stand, 10 * PL_S);
  ask(d, "GET", task, NULL);
  assert_string_equal(text_at(d, "TaskState"), "Exception");
  assert_non_null(strstr(d->body, "bound fits on no other node"));
  assert_non_null(strstr(d->body, "ask with Force"));
  ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  assert_false(flag_at(d, "ReadyToRemove"));
  const char *action = "/redfish/v1/Chassis/csu-2/Actions/Oem/PlumblineUnit.PrepareToRemove";
  assert_string_equal(text_at(d, "Actions/Oem/#PlumblineUnit.PrepareToRemove/target"), action);
  ask(d, "POST", action, "{\"Force\": \"yes\"}");
  assert_int_equal(d->status, 400);
  ask(d, "POST", "/redfish/v1/Chassis/module-1/Actions/Oem/PlumblineUnit.PrepareToRemove", "{\"Force\": true}");
  assert_int_equal(d->status, 404);
  ask(d, "POST", action, "{\"Force\": true}");
  assert_int_equal(d->status, 202);
  stand_run(d->stand, 20 * PL_S);
  ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  assert_true(flag_at(d, "ReadyToRemove"));
  ask(d, "GET", SYSTEMS "/bound", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload/State"), "Queued");
  assert_true(number_at(d, "Oem/Plumbline/Workload/Work") > 0); /* kept */
}

static void it_is_scaled_by_patch(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"web\", " OWN("") "}");
  until_it_runs(d, "web");
  ask(d, "GET", SYSTEMS "/web", NULL);
  char etag[64];
  snprintf(etag, sizeof etag, "%s", header(d, "ETag"));
  with(d, "If-Match", "\"0000000000000000\"");
  ask(d, "PATCH", SYSTEMS "/web", "{\"Oem\": {\"Plumbline\": {\"Workload\": {\"Demand\": {\"Cores\": 2}}}}}");
  assert_int_equal(d->status, 412);
  with(d, "If-Match", etag);
  ask(d, "PATCH", SYSTEMS "/web", "{\"Oem\": {\"Plumbline\": {\"Workload\": {\"Demand\": {\"Cores\": 2, \"MemoryMiB\": 128}}}}}");
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Demand/Cores"), 2);
  assert_int_equal(number_at(d, "Oem/Plumbline/Workload/Demand/MemoryMiB"), 128);
  ask(d, "PATCH", SYSTEMS "/web", "{\"Oem\": {\"Plumbline\": {\"Workload\": {\"Demand\": {\"Cores\": 100000}}}}}");
  assert_int_equal(d->status, 409);
  ask(d, "PATCH", SYSTEMS "/web", "{\"Oem\": {\"Plumbline\": {\"Workload\": {\"State\": \"Lost\"}}}}");
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", SYSTEMS "/csu-1", "{\"Oem\": {\"Plumbline\": {\"Workload\": {\"Demand\": {\"Cores\": 2}}}}}");
  assert_int_equal(d->status, 400);
}

static void a_block_is_closed_and_opened(void **state)
{
  struct door *d = *state;
  ask(d, "PATCH", PL_BLOCKS_URI "/csu-1", "{\"Pool\": \"Unassigned\"}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Pool"), "Unassigned");
  assert_string_equal(text_at(d, "Oem/Plumbline/State"), "Closed");
  ask(d, "POST", SYSTEMS, "{\"Id\": \"web\", \"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/csu-1\"}]}, " OWN("") "}");
  assert_int_equal(d->status, 409);
  ask(d, "PATCH", PL_BLOCKS_URI "/csu-1", "{\"Pool\": \"Nowhere\"}");
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", PL_BLOCKS_URI "/csu-1", "{\"Pool\": \"Free\"}");
  assert_string_equal(text_at(d, "Pool"), "Free");
}

struct heard {
  struct pl_event_listener listener;
  char text[8192];
};

static void hear(void *ctx, const struct pl_event *event)
{
  struct heard *h = ctx;
  size_t n = strlen(h->text);
  snprintf(h->text + n, sizeof h->text - n, "%s %s\n", event->message->id, event->origin ? event->origin : "");
}

static void what_changes_is_told(void **state)
{
  struct door *d = *state;
  struct heard h = {.listener = {.event = hear, .ctx = &h}};
  pl_events_listen(d->stand->stack->events, &h.listener);
  make(d, "{\"Id\": \"web\", \"Links\": {\"ResourceBlocks\": [{\"@odata.id\": \"" PL_BLOCKS_URI "/csu-3\"}]}, " OWN("") "}");
  until_it_runs(d, "web");
  stand_run(d->stand, PL_S);
  assert_non_null(strstr(h.text, "ResourceCreated " SYSTEMS "/web\n"));
  assert_non_null(strstr(h.text, "Composition.1.1.ResourceBlockCompositionStateChanged " PL_BLOCKS_URI "/csu-3\n"));
  ask(d, "DELETE", SYSTEMS "/web", NULL);
  until_it_is_gone(d, "web");
  stand_run(d->stand, PL_S);
  assert_non_null(strstr(h.text, "ResourceRemoved " SYSTEMS "/web\n"));
  ask(d, "PATCH", PL_BLOCKS_URI "/csu-3", "{\"Pool\": \"Unassigned\"}");
  stand_run(d->stand, PL_S);
  assert_non_null(strstr(h.text, "Composition.1.1.ResourceBlockStateChanged " PL_BLOCKS_URI "/csu-3\n"));
  pl_events_unlisten(d->stand->stack->events, &h.listener);
}

static void decisions_are_logged(void **state)
{
  struct door *d = *state;
  make(d, "{\"Id\": \"web\", " OWN("") "}");
  ask(d, "POST", SYSTEMS, "{\"Id\": \"big\", \"Oem\": {\"Plumbline\": {\"Cores\": 100000}}}");
  ask(d, "GET", "/redfish/v1/Managers/rackd/LogServices/Placement/Entries", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Members/0/Oem/Plumbline/Decision"), "refuse"); /* newest first */
  assert_string_equal(text_at(d, "Members/0/Oem/Plumbline/Workload"), "big");
  assert_string_equal(text_at(d, "Members/0/Severity"), "Warning");
  assert_string_equal(text_at(d, "Members/1/Oem/Plumbline/Decision"), "place");
  assert_string_equal(text_at(d, "Members/1/Oem/Plumbline/Author"), "admin");
  assert_true(array_length(d, "Members/1/Oem/Plumbline/Detail") > 0);
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, "%s", text_at(d, "Members/1/@odata.id"));
  ask(d, "GET", uri, NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Workload"), "web");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_rack, close_rack)
  const struct CMUnitTest tests[] = {
      TEST(a_node_is_a_block),
      TEST(a_block_without_power_is_no_empty_slot),
      TEST(a_composed_system_is_a_workload),
      TEST(it_ends_by_delete_and_by_decommission),
      TEST(a_refusal_says_what_is_short),
      TEST(what_cannot_be_is_refused),
      TEST(a_manifest_is_placed_whole_or_not_at_all),
      TEST(a_bad_manifest_is_refused),
      TEST(a_reservation_is_kept_applied_or_given_back),
      TEST(it_moves_when_told_to),
      TEST(it_migrates),
      TEST(what_fits_nowhere_is_removed_by_force_only),
      TEST(it_is_scaled_by_patch),
      TEST(a_block_is_closed_and_opened),
      TEST(what_changes_is_told),
      TEST(decisions_are_logged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
