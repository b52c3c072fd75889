/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/stack_test.h"

#include "control/procedure/leak.h"
#include "control/procedure/procedure.h"

static struct stand *running_rack(void)
{
  struct stand *s = stand_open(DEMO_RACK);
  stand_stack(s);
  stand_power_all(s);
  stand_until_state(s, "csu-1", PL_STATE_ENABLED, 30 * PL_S);
  stand_until_state(s, "csu-8", PL_STATE_ENABLED, 30 * PL_S);
  return s;
}

static const struct pl_detector *detector(struct stand *s, const char *id)
{
  return pl_detector(s->stack, stand_item(s, id));
}

static bool is_wet(struct stand *s, void *ctx)
{
  return stand_truth(s, ctx, "wet") > 0.5;
}

static bool is_dark(struct stand *s, void *ctx)
{
  return stand_truth(s, ctx, "vin") < 1 || stand_truth(s, ctx, "vout") < 5;
}

/* The delay runs from the edge: not before, and no more than a command's way after it. */
static void reacts_exactly_when_its_delay_is_over(void **state)
{
  (void)state;
  static const double DELAYS_S[] = {0, 0.25, 3};
  for (size_t i = 0; i < sizeof DELAYS_S / sizeof *DELAYS_S; i++) {
    struct stand *s = running_rack();
    struct pl_detector want = *detector(s, "leak-1");
    want.delay_s = DELAYS_S[i];
    WELL(s, pl_detector_set(s->stack, stand_item(s, "leak-1"), &want, &s->err));
    stand_set(s, "valve-1", "open", 1);
    assert_true(stand_until(s, is_wet, "tray-1", 30 * PL_S) != PL_NEVER);
    pl_time_ns wet = pl_clock_now(s->clock), took = stand_until(s, is_dark, "csu-1", 30 * PL_S);
    stand_set(s, "valve-1", "open", 0);
    pl_time_ns delay = (pl_time_ns)(DELAYS_S[i] * (double)PL_S);
    if (took == PL_NEVER || took < delay - 25 * PL_MS || took > delay + 250 * PL_MS) /* the world's tray wets up to 20 ms late; the slot's voltage falls */
      fail_msg("delay %g s: dark %.3f s after it was wet at %.3f s", DELAYS_S[i], (double)took / (double)PL_S, (double)wet / (double)PL_S);
    assert_true(stand_truth(s, "csu-5", "vout") > 40); /* the other module goes on */
    double pressure = 0;
    for (int tenth = 0; tenth < 150; tenth++) {
      stand_run(s, 100 * PL_MS);
      pressure = fmax(pressure, stand_truth(s, "loop", "supply_pressure"));
    }
    if (pressure > 390e3) /* the interlock takes the pumps' power away at 400 kPa */
      fail_msg("with module 1 shut off the supply pressure rose to %.0f kPa", pressure / 1e3);
    for (int k = 1; k <= 4; k++) {
      char part[24];
      snprintf(part, sizeof part, "csu-%d", k);
      assert_true(stand_truth(s, part, "vout") < 5);
    }
    assert_true(stand_truth(s, "stop-valve-1", "position") < 0.01);
    assert_true(stand_truth(s, "stop-valve-2", "position") > 0.99);
    assert_true(stand_truth(s, "loop", "flow") > 4);
    const struct pl_procedure *p = pl_procedure_first(s->stack->procedures);
    assert_non_null(p);
    assert_string_equal(p->desc->kind, "leak-response");
    assert_int_equal(p->state, PL_PROCEDURE_COMPLETED);
    assert_int_equal(pl_leak_forbids(s->stack, stand_item(s, "csu-2"), &s->err), PL_E_BUSY);
    assert_int_equal(pl_leak_forbids(s->stack, stand_item(s, "csu-6"), &s->err), PL_OK);
    stand_close(s);
  }
}

static void dry_before_the_delay_is_no_reaction(void **state)
{
  (void)state;
  struct stand *s = running_rack();
  struct pl_detector want = *detector(s, "leak-1");
  want.delay_s = 5;
  WELL(s, pl_detector_set(s->stack, stand_item(s, "leak-1"), &want, &s->err));
  stand_plant(s, "leak-1.leak=stuck-high");
  stand_run(s, 4900 * PL_MS);
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_CRITICAL);
  assert_true(detector(s, "leak-1")->pending);
  stand_clear(s);
  stand_run(s, 10 * PL_S);
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_OK);
  assert_true(stand_truth(s, "csu-1", "vout") > 40);
  stand_close(s);
}

static void broken_cable_is_no_leak_and_takes_none_back(void **state)
{
  (void)state;
  struct stand *s = running_rack();
  stand_plant(s, "leak-1.cable=stuck-low");
  stand_run(s, 10 * PL_S);
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_UNAVAILABLE);
  assert_true(stand_truth(s, "csu-1", "vout") > 40);
  stand_clear(s);
  stand_run(s, 2 * PL_S);
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_OK);
  struct pl_detector want = *detector(s, "leak-1");
  want.delay_s = 4;
  WELL(s, pl_detector_set(s->stack, stand_item(s, "leak-1"), &want, &s->err));
  stand_plant(s, "leak-1.leak=stuck-high");
  stand_run(s, 1 * PL_S);
  stand_plant(s, "leak-1.cable=stuck-low"); /* the cable breaks while it is wet: that is not dry */
  stand_run(s, 6 * PL_S);
  assert_true(stand_truth(s, "csu-1", "vout") < 5);
  stand_close(s);
}

static void settings_are_kept_and_checked(void **state)
{
  (void)state;
  struct stand *s = running_rack();
  struct pl_item *item = stand_item(s, "leak-1");
  struct pl_detector want = *pl_detector(s->stack, item);
  want.delay_s = -1;
  assert_int_equal(pl_detector_set(s->stack, item, &want, &s->err), PL_E_RANGE);
  want.delay_s = 2;
  want.critical = PL_REACTION_NONE;
  WELL(s, pl_detector_set(s->stack, item, &want, &s->err));
  assert_int_equal(pl_detector_set(s->stack, stand_item(s, "csu-1"), &want, &s->err), PL_E_USAGE);
  stand_plant(s, "leak-1.leak=stuck-high");
  stand_run(s, 10 * PL_S);
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_CRITICAL); /* told, and nothing done */
  assert_true(stand_truth(s, "csu-1", "vout") > 40);
  want.enabled = false;
  WELL(s, pl_detector_set(s->stack, item, &want, &s->err));
  assert_int_equal(detector(s, "leak-1")->state, PL_DETECTOR_UNAVAILABLE);
  stand_close(s);
}

/* Below the manifold no valve shuts the leak off: everything goes dark, then the coolant stands. */
static void a_leak_of_the_rack_stops_the_pumps(void **state)
{
  (void)state;
  struct stand *s = running_rack();
  stand_plant(s, "leak-manifold.leak=stuck-high");
  stand_run(s, 30 * PL_S);
  for (int k = 1; k <= 8; k++) {
    char part[24];
    snprintf(part, sizeof part, "csu-%d", k);
    assert_true(stand_truth(s, part, "vout") < 5);
  }
  assert_true(stand_truth(s, "loop", "flow") < 0.5);
  stand_close(s);
}

static void all_dark(struct stand *s, int from, int to)
{
  for (int k = from; k <= to; k++) {
    char part[24];
    snprintf(part, sizeof part, "csu-%d", k);
    if (stand_truth(s, part, "vout") >= 5)
      fail_msg("%s still has power", part);
  }
}

/* A leak elsewhere, and one of the whole rack, while the first one's valve does not close: each is answered at once. */
static void leaks_beside_each_other(void **state)
{
  (void)state;
  static const char *const SECOND[] = {"leak-2.leak=stuck-high", "leak-manifold.leak=stuck-high"};
  for (size_t i = 0; i < 2; i++) {
    struct stand *s = running_rack();
    stand_plant(s, "leak-1.leak=stuck-high");
    stand_run(s, 3 * PL_S);
    all_dark(s, 1, 4);
    assert_true(stand_truth(s, "csu-5", "vout") > 40);
    assert_int_equal(pl_procedure_first(s->stack->procedures)->state, PL_PROCEDURE_RUNNING);
    stand_plant(s, SECOND[i]);
    stand_run(s, 1500 * PL_MS);
    assert_int_equal(pl_procedure_first(s->stack->procedures)->next->state, PL_PROCEDURE_RUNNING); /* the first still waits */
    all_dark(s, 1, 8);
    stand_run(s, 30 * PL_S);
    assert_int_equal(pl_procedure_first(s->stack->procedures)->state, PL_PROCEDURE_COMPLETED);
    assert_int_equal(pl_procedure_first(s->stack->procedures)->next->state, PL_PROCEDURE_COMPLETED);
    stand_close(s);
  }
}

static void too_hot_is_switched_off(void **state)
{
  (void)state;
  struct stand *s = running_rack();
  s->stack->settings.thermal_limit_degC = 45;
  stand_set(s, "load-3", "load", 600);
  stand_run(s, 300 * PL_S);
  assert_true(stand_truth(s, "csu-3", "vout") < 5);
  const struct pl_procedure *p = pl_procedure_first(s->stack->procedures);
  while (p && strcmp(p->desc->kind, "thermal-emergency") != 0)
    p = p->next;
  assert_non_null(p);
  stand_close(s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reacts_exactly_when_its_delay_is_over), cmocka_unit_test(dry_before_the_delay_is_no_reaction),
      cmocka_unit_test(broken_cable_is_no_leak_and_takes_none_back), cmocka_unit_test(settings_are_kept_and_checked),
      cmocka_unit_test(a_leak_of_the_rack_stops_the_pumps), cmocka_unit_test(leaks_beside_each_other),
      cmocka_unit_test(too_hot_is_switched_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
