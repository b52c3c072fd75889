/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/procedure.h"
#include "control/redfish/service_test.h"
#include "control/redfish/shape.h"

/* The rack's equipment as Redfish shows it, and what may be done to it. */

static int open_demo(void **state)
{
  *state = door_open(NULL);
  return 0;
}

static int close_demo(void **state)
{
  door_close(*state);
  return 0;
}

static void power_on(struct door *d, const char *csu)
{
  stand_power(d->stand, csu, true);
  stand_until_state(d->stand, csu, PL_STATE_ENABLED, 20 * PL_S);
}

static bool task_is_over(struct stand *s, void *ctx)
{
  const struct pl_procedure *p = pl_procedure_find(s->stack->procedures, *(const int64_t *)ctx);
  return p && p->state != PL_PROCEDURE_RUNNING && p->state != PL_PROCEDURE_ROLLING_BACK;
}

static int64_t task_of(const struct door *d)
{
  assert_int_equal(d->status, 202);
  const char *place = header(d, "Location");
  assert_non_null(place);
  assert_non_null(strstr(place, "/redfish/v1/TaskService/TaskMonitors/"));
  return strtoll(strrchr(place, '/') + 1, NULL, 10);
}

static void a_csu_is_a_chassis_and_a_system(void **state)
{
  struct door *d = *state;
  power_on(d, "csu-1");
  ask(d, "GET", "/redfish/v1/Chassis/csu-1", NULL);
  assert_string_equal(text_at(d, "Status/State"), "Enabled");
  assert_string_equal(text_at(d, "PowerState"), "On");
  assert_string_equal(text_at(d, "Links/ContainedBy/@odata.id"), "/redfish/v1/Chassis/module-1");
  assert_string_equal(text_at(d, "Links/ComputerSystems/0/@odata.id"), "/redfish/v1/Systems/csu-1");
  assert_non_null(text_at(d, "SerialNumber"));
  char serial[80];
  snprintf(serial, sizeof serial, "%s", text_at(d, "SerialNumber"));
  ask(d, "GET", "/redfish/v1/Systems/csu-1", NULL);
  assert_string_equal(text_at(d, "SerialNumber"), serial);
  assert_true(number_at(d, "ProcessorSummary/Count") > 0);
  ask(d, "GET", "/redfish/v1/Systems/csu-1/Processors", NULL);
  assert_int_equal(array_length(d, "Members"), number_at(d, "Members@odata.count"));
  ask(d, "GET", "/redfish/v1/Systems/csu-1/Processors/99", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1/Systems/csu-1/Storage/1", NULL);
  assert_int_equal(d->status, 200);
  ask(d, "GET", "/redfish/v1/Chassis/csu-1/EnvironmentMetrics", NULL);
  assert_string_equal(text_at(d, "PowerWatts/DataSourceUri"), "/redfish/v1/Chassis/csu-1/Sensors/hot-swap-pin");
  assert_in_range(number_at(d, "Voltage/Reading"), 46, 50);
  ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  assert_string_equal(text_at(d, "PowerState"), "Off");
}

static void what_is_pulled_is_absent(void **state)
{
  struct door *d = *state;
  stand_act(d->stand, "csu-3", "remove");
  stand_until_state(d->stand, "csu-3", PL_STATE_ABSENT, 10 * PL_S);
  ask(d, "GET", "/redfish/v1/Chassis/csu-3", NULL);
  assert_int_equal(d->status, 200); /* the slot keeps its URI */
  assert_string_equal(text_at(d, "Status/State"), "Absent");
  assert_true(is_null_at(d, "SerialNumber"));
  assert_true(is_null_at(d, "Status/Health"));
  ask(d, "GET", "/redfish/v1/Systems/csu-3/Processors", NULL);
  assert_int_equal(number_at(d, "Members@odata.count"), 0);
  ask(d, "GET", "/redfish/v1/Chassis/csu-3/Sensors/hot-swap-vout", NULL);
  assert_int_equal(d->status, 200);
}

static void reset_is_a_task(void **state)
{
  struct door *d = *state;
  ask(d, "POST", "/redfish/v1/Systems/csu-1/Actions/ComputerSystem.Reset", "{\"ResetType\": \"Nmi\"}");
  assert_int_equal(d->status, 400);
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.ActionParameterValueNotInList");
  ask(d, "POST", "/redfish/v1/Systems/csu-1/Actions/ComputerSystem.Reset", "{\"Type\": \"On\"}");
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.ActionParameterUnknown");
  ask(d, "POST", "/redfish/v1/Chassis/module-1/Actions/Chassis.Reset", "{\"ResetType\": \"On\"}"); /* a module has no switch: it is evacuated */
  assert_int_equal(d->status, 400);
  ask(d, "POST", "/redfish/v1/Chassis/demo-rack/Actions/Chassis.Reset", "{\"ResetType\": \"On\"}");
  assert_int_equal(d->status, 404);
  ask(d, "POST", "/redfish/v1/Systems/csu-1/Actions/ComputerSystem.Reset", "{\"ResetType\": \"On\"}");
  int64_t id = task_of(d);
  ask(d, "POST", "/redfish/v1/Chassis/csu-1/Actions/Chassis.Reset", "{\"ResetType\": \"ForceOff\"}"); /* while that runs */
  assert_int_equal(d->status, 409);
  assert_true(stand_until(d->stand, task_is_over, &id, 60 * PL_S) != PL_NEVER);
  ask(d, "GET", "/redfish/v1/Systems/csu-1", NULL);
  assert_string_equal(text_at(d, "PowerState"), "On");
}

static void ready_to_remove_begins_and_ends_the_swap(void **state)
{
  struct door *d = *state;
  power_on(d, "csu-2");
  ask(d, "PATCH", "/redfish/v1/Chassis/module-1", "{\"ReadyToRemove\": true}");
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-2", "{\"ReadyToRemove\": true}");
  int64_t id = task_of(d);
  assert_string_equal(pl_procedure_find(d->stand->stack->procedures, id)->desc->kind, "hot-swap");
  assert_string_equal(pl_procedure_find(d->stand->stack->procedures, id)->author, "admin");
  ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Procedure"), "hot-swap");
  assert_non_null(text_at(d, "Oem/Plumbline/Phase"));
  for (int i = 0; i < 400 && !flag_at(d, "ReadyToRemove"); i++) {
    stand_run(d->stand, 100 * PL_MS);
    ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  }
  assert_true(flag_at(d, "ReadyToRemove"));
  assert_string_equal(text_at(d, "PowerState"), "Off");
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-2", "{\"ReadyToRemove\": true}"); /* again: the same task */
  assert_int_equal(task_of(d), id);
  ask(d, "PATCH", "/redfish/v1/Chassis/csu-2", "{\"ReadyToRemove\": false}");
  assert_int_equal(task_of(d), id);
  assert_true(stand_until(d->stand, task_is_over, &id, 120 * PL_S) != PL_NEVER);
  ask(d, "GET", "/redfish/v1/Chassis/csu-2", NULL);
  assert_false(flag_at(d, "ReadyToRemove"));
  assert_true(is_null_at(d, "Oem/Plumbline/Procedure"));
}

static void leak_detectors_can_be_set(void **state)
{
  struct door *d = *state;
  const char *uri = "/redfish/v1/Chassis/demo-rack/ThermalSubsystem/LeakDetection/LeakDetectors/leak-rpu";
  ask(d, "GET", uri, NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "DetectorState"), "OK");
  ask(d, "PATCH", uri, "{\"CriticalReactionType\": \"None\", \"ReactionDelaySeconds\": 7}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "CriticalReactionType"), "None");
  assert_int_equal(number_at(d, "ReactionDelaySeconds"), 7);
  ask(d, "PATCH", uri, "{\"CriticalReactionType\": \"GracefulShutdown\"}"); /* nobody is there who could */
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", uri, "{\"ReactionDelaySeconds\": -1}");
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", uri, "{\"Enabled\": false}");
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "DetectorState"), "Unavailable");
}

static void valves_and_pumps_obey(void **state)
{
  struct door *d = *state;
  const char *valve = "/redfish/v1/Chassis/module-1/ThermalSubsystem/CoolantConnectors/stop-valve-1";
  char action[256];
  ask(d, "GET", valve, NULL);
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "ValvePositionPercent/Reading"), 100);
  snprintf(action, sizeof action, "%s", text_at(d, "Actions/#CoolantConnector.ValveControl/target") );
  ask(d, "POST", action, "{\"ValveState\": \"Closed\"}");
  assert_true(d->status == 204);
  stand_run(d->stand, 15 * PL_S);
  ask(d, "GET", valve, NULL);
  assert_int_equal(number_at(d, "ValvePositionPercent/Reading"), 0);
  ask(d, "POST", action, "{}");
  assert_int_equal(d->status, 400);
  ask(d, "POST", "/redfish/v1/ThermalEquipment/RPUs/rpu/Actions/CoolingUnit.SetMode", "{\"Mode\": \"Disabled\"}");
  assert_int_equal(d->status, 204);
  stand_run(d->stand, 8 * PL_S);
  ask(d, "GET", "/redfish/v1/ThermalEquipment/RPUs/rpu", NULL);
  assert_string_equal(text_at(d, "Oem/Plumbline/Mode"), "Disabled");
  ask(d, "GET", "/redfish/v1/ThermalEquipment/RPUs/rpu/Pumps/1", NULL);
  assert_true(number_at(d, "PumpSpeedPercent/SpeedRPM") < 500);
  ask(d, "POST", "/redfish/v1/ThermalEquipment/RPUs/rpu/Actions/CoolingUnit.SetMode", "{\"Mode\": \"Enabled\"}");
  assert_int_equal(d->status, 204);
}

static void controls_can_be_set(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/Controls?$expand=.", NULL);
  assert_int_equal(d->status, 200);
  assert_true(number_at(d, "Members@odata.count") >= 2);
  ask(d, "PATCH", "/redfish/v1/Chassis/demo-rack/Controls/power-cap", "{\"SetPoint\": 3000}");
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "SetPoint"), 3000);
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/EnvironmentMetrics", NULL);
  assert_int_equal(number_at(d, "PowerLimitWatts/SetPoint"), 3000);
  ask(d, "PATCH", "/redfish/v1/Chassis/demo-rack/EnvironmentMetrics", "{\"PowerLimitWatts\": {\"SetPoint\": 2500}}");
  assert_int_equal(d->status, 200);
  assert_int_equal(number_at(d, "PowerLimitWatts/SetPoint"), 2500);
  ask(d, "PATCH", "/redfish/v1/Chassis/demo-rack/Controls/power-cap", "{\"SetPoint\": -5}");
  assert_int_equal(d->status, 400);
}

static void every_item_has_its_place(void **state)
{
  struct door *d = *state;
  const struct pl_inventory *inventory = d->stand->stack->inventory;
  for (size_t i = 0; i < pl_inventory_count(inventory); i++) {
    struct pl_res res;
    char uri[PL_URI_MAX];
    const struct pl_item *item = pl_inventory_at(inventory, i);
    if (pl_res_find(d->stand->stack, pl_item_uri(item, uri, sizeof uri), &res))
      fail_msg("%s: there is nothing at %s", item->id, uri);
    assert_ptr_equal(res.item, item);
    pl_res_end(&res);
  }
}

static void a_dead_supply_is_told(void **state)
{
  struct door *d = *state;
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/PowerSubsystem", NULL);
  assert_string_equal(text_at(d, "PowerSupplyRedundancy/0/Status/Health"), "OK");
  struct pl_err err = {0};
  assert_int_equal(pl_bench_plant(d->stand->bench, "feed-a.mains=lost", &err), PL_OK);
  stand_run(d->stand, 10 * PL_S);
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/PowerSubsystem/PowerSupplies/psu-a", NULL);
  assert_string_not_equal(text_at(d, "Status/Health"), "OK");
  assert_non_null(text_at(d, "Status/Conditions/0/Resolution"));
  ask(d, "GET", "/redfish/v1/Chassis/demo-rack/PowerSubsystem", NULL);
  assert_string_not_equal(text_at(d, "PowerSupplyRedundancy/0/Status/Health"), "OK");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_csu_is_a_chassis_and_a_system, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(what_is_pulled_is_absent, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(reset_is_a_task, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(ready_to_remove_begins_and_ends_the_swap, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(leak_detectors_can_be_set, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(valves_and_pumps_obey, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(controls_can_be_set, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(every_item_has_its_place, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_dead_supply_is_told, open_demo, close_demo),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
