/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack_test.h"

#include "control/plant/plant_in.h"
#include "control/procedure/leak.h"
#include "control/procedure/procedure.h"

static void loads(struct stand *s, double each_W)
{
  for (int i = 1; i <= 8; i++) {
    char name[24];
    snprintf(name, sizeof name, "load-%d", i);
    stand_set(s, name, "load", each_W);
  }
}

static double hottest(struct stand *s)
{
  double most = 0;
  for (int i = 1; i <= 8; i++) {
    static const char *const PORTS[] = {"cpu_1_temperature", "cpu_2_temperature", "csu_temperature"};
    char part[24];
    snprintf(part, sizeof part, "csu-%d", i);
    for (size_t k = 0; k < 3; k++)
      most = fmax(most, stand_truth(s, part, PORTS[k]));
    most = fmax(most, stand_truth(s, part, "drive_temperature") + 15); /* its limit is 70 degC, a junction's 85 */
  }
  return most;
}

static struct stand *warm_rack(pl_time_ns period)
{
  struct stand *s = stand_open(DEMO_RACK);
  stand_stack(s);
  s->stack->settings.poll_ns = s->stack->settings.plant_ns = period;
  s->stack->settings.stale_ns = 4 * period;
  stand_power_all(s);
  stand_run(s, 120 * PL_S);
  return s;
}

/* A step of the load bank, of the facility's water, or of both, and how much must flow after it: as little as may be, just as much as brings the hottest spot to
 * the target, or as much as the hoses are good for. With light loads little heat answers to the flow, with heavy ones much: the loop's gain at both ends. */
struct pump_step {
  double each_W, warmer_K;
  enum { LEAST, BETWEEN, MOST } flow;
};

static void warm(struct stand *s, double kelvin)
{
  char spec[80];
  stand_clear(s);
  snprintf(spec, sizeof spec, "exchanger.facility-temperature=warm:%g", kelvin);
  if (kelvin > 0)
    stand_plant(s, spec);
}

/* 20 minutes of a step: in the last five nothing swings any more. */
static void hold(struct stand *s, const struct pump_step *step, double *at, FILE *out)
{
  const struct pl_control *flow = s->stack->plant->pumps[0].control;
  double low = 1e9, high = 0, coolest = 1e9, hot = 0, target = s->stack->settings.supply_target_degC;
  loads(s, step->each_W);
  warm(s, step->warmer_K);
  for (int second = 0; second < 1200; second += 5, *at += 5) {
    stand_run(s, 5 * PL_S);
    double t = hottest(s), q = stand_truth(s, "loop", "flow");
    if (out)
      fprintf(out, "%g,%g,%g,%.3f,%.3f,%.3f\n", *at, step->each_W, step->warmer_K, t, q, flow->set_point);
    if (second >= 900)
      low = fmin(low, q), high = fmax(high, q), coolest = fmin(coolest, t), hot = fmax(hot, t);
  }
  const bool good[] = {[LEAST] = hot < target + 1 && high < flow->min + 0.3,
                       [BETWEEN] = hot < target + 2.5 && coolest > target - 2.5 && low > flow->min + 0.3 && high < 10.4,
                       [MOST] = coolest > target - 1 && low > 10.4 /* there the rig's limit of the supply pressure is met */};
  if (high - low > 0.5 || !good[step->flow])
    fail_msg("at %g W, water %g K warmer: flow %.2f to %.2f L/min, hottest %.1f to %.1f degC, target %g", step->each_W, step->warmer_K, low, high, coolest, hot, target);
}

static void pump_control_is_stable_at_every_load(void **state)
{
  (void)state;
#ifdef __SANITIZE_ADDRESS__ /* slowed, and no more to see for a sanitizer */
  static const struct pump_step STEPS[] = {{0, 0, LEAST}, {600, 16, BETWEEN}};
#else
  static const struct pump_step STEPS[] = {{0, 0, LEAST},        {600, 0, LEAST},      {600, 16, BETWEEN}, {300, 25, BETWEEN}, {600, 25, MOST},
                                           {150, 30, BETWEEN}, {50, 34, BETWEEN}, {300, 0, LEAST}};
#endif
  struct stand *s = warm_rack(5 * PL_S); /* seldom, since it goes on for hours */
  const char *csv = getenv("PL_PLANT_CSV");
  FILE *out = csv ? fopen(csv, "w") : NULL;
  double at = 0;
  if (out)
    fputs("time (s),load-of-a-CSU (W),facility-water-warmer (K),hottest-spot (degC),flow (L/min),flow-asked-for (L/min)\n", out);
  assert_int_equal(s->stack->plant->n_pumps, 1);
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
    hold(s, &STEPS[i], &at, out);
  if (out)
    fclose(out);
  stand_close(s);
}

static void what_cannot_be_read_is_cooled_in_any_case(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  double before = stand_truth(s, "loop", "flow");
  assert_true(before < 0.6 * s->stack->settings.flow_max_Lpm);
  stand_plant(s, "thermometer-3.wire=nack");
  stand_run(s, 30 * PL_S);
  assert_true(s->stack->plant->pumps[0].failsafe);
  assert_true(stand_truth(s, "loop", "flow") > 0.65 * s->stack->settings.flow_max_Lpm);
  stand_clear(s);
  stand_run(s, 300 * PL_S);
  assert_false(s->stack->plant->pumps[0].failsafe);
  assert_true(stand_truth(s, "loop", "flow") < 0.6 * s->stack->settings.flow_max_Lpm);
  stand_close(s);
}

/* One CSU whose coolant is blocked is hot whatever the pumps do: they may try, but not beyond the pressure that the hoses are good for. */
static void pressure_limit_goes_before_temperature(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  stand_plant(s, "csu-1.coolant=blocked");
  loads(s, 300);
  double most = 0;
  for (int second = 0; second < 900; second++) {
    stand_run(s, PL_S);
    most = fmax(most, stand_truth(s, "loop", "supply_pressure"));
  }
  if (most > 370e3) /* limit 350 kPa, the interlock's switch 400 kPa */
    fail_msg("the supply pressure rose to %.0f kPa", most / 1e3);
  stand_close(s);
}

static void set_point_by_hand(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  bool automatic = false;
  double want = 10, wrong = 900;
  assert_int_equal(pl_plant_control_set(s->stack, "rpu.flow", &want, NULL, &s->err), PL_E_USAGE); /* it is automatic */
  assert_int_equal(pl_plant_control_set(s->stack, "rpu.flow", &wrong, &automatic, &s->err), PL_E_RANGE);
  assert_int_equal(pl_plant_control_set(s->stack, "nothing", &want, NULL, &s->err), PL_E_USAGE);
  WELL(s, pl_plant_control_set(s->stack, "rpu.flow", &want, &automatic, &s->err));
  stand_run(s, 30 * PL_S);
  assert_true(fabs(stand_truth(s, "loop", "flow") - 10) < 0.5);
  stand_close(s);
}

static void redundancy_is_what_works(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  struct pl_redundancy r;
  pl_plant_redundancy(s->stack, PL_ITEM_PSU, &r);
  assert_int_equal(r.members, 2);
  assert_int_equal(r.min_needed, 1);
  assert_int_equal(r.working, 2);
  assert_int_equal(r.health, PL_HEALTH_OK);
  pl_plant_redundancy(s->stack, PL_ITEM_PUMP, &r);
  assert_int_equal(r.members, 2);
  assert_int_equal(r.working, 2);
  stand_plant(s, "psu-a.supply=dead");
  stand_plant(s, "rpu.pump-1=dead");
  stand_run(s, 20 * PL_S);
  pl_plant_redundancy(s->stack, PL_ITEM_PSU, &r);
  assert_int_equal(r.working, 1);
  assert_int_equal(r.health, PL_HEALTH_WARNING);
  pl_plant_redundancy(s->stack, PL_ITEM_PUMP, &r);
  assert_int_equal(r.working, 1);
  assert_int_equal(r.health, PL_HEALTH_WARNING);
  stand_close(s);
}

static void cap_is_kept(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  loads(s, 300);
  stand_run(s, 10 * PL_S);
  double power = pl_plant_power_W(s->stack), cap = power - 200;
  assert_true(power > 2000);
  WELL(s, pl_plant_control_set(s->stack, "power-cap", &cap, NULL, &s->err));
  assert_int_equal(pl_plant_may_power(s->stack, stand_item(s, "csu-1"), &s->err), PL_E_BUSY);
  assert_non_null(strstr(s->err.text, "cap"));
  stand_run(s, 60 * PL_S);
  assert_true(pl_plant_power_W(s->stack) <= cap);
  assert_int_equal(stand_item(s, "csu-8")->state, PL_STATE_STANDBY); /* the last one goes first */
  assert_int_equal(stand_item(s, "csu-1")->state, PL_STATE_ENABLED);
  stand_close(s);
}

static void one_supply_rests_and_wakes(void **state)
{
  (void)state;
  struct stand *s = stand_open(DEMO_RACK);
  stand_stack(s);
  s->stack->settings.cold_redundancy = true;
  stand_power_all(s);
  stand_until_state(s, "psu-b", PL_STATE_STANDBY_SPARE, 120 * PL_S);
  stand_run(s, 5 * PL_S);
  assert_true(stand_truth(s, "psu-b", "iout") < 0.01);
  stand_is(s, "psu-b", PL_STATE_STANDBY_SPARE, PL_HEALTH_OK);
  struct pl_redundancy r;
  pl_plant_redundancy(s->stack, PL_ITEM_PSU, &r);
  assert_int_equal(r.working, 2); /* it wakes by itself, so it counts */
  assert_true(stand_truth(s, "busbar", "vout") > 46);
  stand_plant(s, "psu-a.supply=dead");
  stand_until_state(s, "psu-b", PL_STATE_ENABLED, 10 * PL_S);
  assert_true(stand_truth(s, "busbar", "vout") > 46);
  assert_true(stand_truth(s, "csu-1", "booted") > 0.5);
  stand_run(s, 120 * PL_S); /* alone it does not rest again */
  stand_is(s, "psu-b", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_close(s);
}

static const struct pl_notice *notice_of(struct stand *s, const char *item)
{
  const struct pl_notice *rows;
  size_t count = pl_plant_notices(s->stack->plant, &rows);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(rows[i].item->id, item))
      return &rows[i];
  return NULL;
}

static void a_clogged_filter_is_noticed_and_a_clean_one_is_not(void **state)
{
  (void)state;
  struct stand *s = warm_rack(PL_S);
  bool automatic = false;
  double flow = 9;
  WELL(s, pl_plant_control_set(s->stack, "rpu.flow", &flow, &automatic, &s->err));
  stand_run(s, 900 * PL_S); /* ten minutes are its baseline */
  const struct pl_notice *rows;
  assert_int_equal(pl_plant_notices(s->stack->plant, &rows), 0);
  stand_plant(s, "filter.mesh=clogged:20");
  stand_run(s, 600 * PL_S);
  const struct pl_notice *notice = notice_of(s, "filter");
  assert_non_null(notice);
  assert_string_equal(notice->what, "filter clogging");
  assert_non_null(strstr(notice->text, "change the filter"));
  assert_null(notice_of(s, "rpu")); /* the pumps are what they were */
  stand_close(s);
}

static void a_line_knows_its_slope(void **state)
{
  (void)state;
  struct pl_line line;
  double slope, uncertainty;
  pl_line_new(&line, 1);
  for (int i = 0; i < 100; i++)
    pl_line_add(&line, 1e6 + i, 48.0 + 1e-3 * i);
  assert_true(pl_line_slope(&line, 10, &slope, &uncertainty));
  assert_true(fabs(slope - 1e-3) < 1e-9 && uncertainty < 1e-6);
  assert_true(fabs(pl_line_at(&line, 1e6 + 200) - 48.2) < 1e-6);
  assert_false(pl_line_slope(&line, 100, &slope, &uncertainty)); /* x has not varied enough for that */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pump_control_is_stable_at_every_load),
      cmocka_unit_test(what_cannot_be_read_is_cooled_in_any_case),
      cmocka_unit_test(pressure_limit_goes_before_temperature),
      cmocka_unit_test(set_point_by_hand),
      cmocka_unit_test(redundancy_is_what_works),
      cmocka_unit_test(cap_is_kept),
      cmocka_unit_test(one_supply_rests_and_wakes),
      cmocka_unit_test(a_clogged_filter_is_noticed_and_a_clean_one_is_not),
      cmocka_unit_test(a_line_knows_its_slope),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
