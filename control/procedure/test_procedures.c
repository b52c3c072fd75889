/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures over the demo rack: the good paths, what fails on the way and is rolled back, who may take what from whom. */
#include "control/procedure/procedure_test.h"


#define TRUTH(part, port) stand_truth(bay->s, part, port)

static void test_power_on_and_off(void **state)
{
  struct bay *bay = *state;
  struct bay_trail trail;
  struct pl_procedure *on = bay_begin(bay, &pl_power_on, "csu-2");
  assert_string_equal(stand_item(bay->s, "csu-2")->procedure, "power-on");
  assert_string_equal(stand_item(bay->s, "csu-2")->phase, "power-up");
  bay_until_step(bay, on, "test", 10 * PL_S);
  stand_run(bay->s, 900 * PL_MS); /* all of it was read by now; the test asks for more */
  assert_string_equal(pl_procedure_step_name(on), "test");
  assert_int_equal(stand_item(bay->s, "csu-2")->state, PL_STATE_IN_TEST);
  bay_until_over(bay, on, PL_PROCEDURE_COMPLETED, 10 * PL_S);
  assert_null(stand_item(bay->s, "csu-2")->procedure);
  assert_true(TRUTH("csu-2", "vout") > 46);
  stand_is(bay->s, "csu-2", PL_STATE_ENABLED, PL_HEALTH_OK);
  bay_read_trail(bay, on->id, &trail);
  assert_string_equal(trail.words, "power-up:began power-up:command power-up:command power-up:command power-up:ended test:began test:ended test:over ");
  struct pl_procedure *off = bay_begin(bay, &pl_power_off, "csu-2");
  stand_is(bay->s, "csu-2", PL_STATE_QUIESCED, PL_HEALTH_OK);
  bay_until_over(bay, off, PL_PROCEDURE_COMPLETED, 10 * PL_S);
  assert_true(TRUTH("csu-2", "vout") < 5);
  stand_is(bay->s, "csu-2", PL_STATE_STANDBY, PL_HEALTH_OK);
  assert_int_equal(bay_count(bay, &pl_failover_csu), 0); /* it was meant */
}

static void test_hot_swap(void **state)
{
  struct bay *bay = *state;
  struct pl_item *csu = stand_item(bay->s, "csu-1");
  bay_power(bay, "csu-1", "csu-5", NULL);
  double matings = TRUTH("csu-1", "matings");
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  assert_true(csu->ready_to_remove);
  assert_true(csu->indicator);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  stand_run(bay->s, 5 * PL_S); /* it waits as long as it takes */
  assert_string_equal(pl_procedure_step_name(p), "ready");
  stand_act(bay->s, "csu-1", "remove");
  bay_until_step(bay, p, "removed", 10 * PL_S);
  assert_false(csu->ready_to_remove);
  stand_run(bay->s, 3 * PL_S);
  assert_string_equal(pl_procedure_step_name(p), "removed");
  stand_act(bay->s, "csu-1", "insert");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_false(csu->indicator);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_true(TRUTH("csu-1", "matings") > matings);
  assert_true(TRUTH("csu-1", "hot_breaks") == 0);
  stand_is(bay->s, "csu-5", PL_STATE_ENABLED, PL_HEALTH_OK);
}

static struct pl_procedure *until_removed(struct bay *bay)
{
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  stand_act(bay->s, "csu-1", "remove");
  bay_until_step(bay, p, "removed", 10 * PL_S);
  stand_run(bay->s, PL_S); /* out of the way */
  return p;
}

/* The last step: who is there now, and what is inside, stands in the inventory. */
static void test_another_unit_updates_the_inventory(void **state)
{
  struct bay *bay = *state;
  const struct pl_item *csu = stand_item(bay->s, "csu-1");
  struct pl_procedure *p = until_removed(bay);
  assert_false(csu->identified);
  stand_act(bay->s, "csu-1", "replace");
  stand_act(bay->s, "csu-1", "insert");
  pl_time_ns inserted = pl_clock_now(bay->s->clock);
  bay_until_step(bay, p, "update", 30 * PL_S);
  assert_true(csu->identified && csu->identified_at >= inserted); /* nobody powers a stranger */
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(csu->identified && csu->identified_at >= p->step_begun);
  assert_string_not_equal(csu->identity.serial, p->serial);
  assert_string_equal(csu->identity.part_number, "ES-CSU-2L");
  assert_true(csu->identity.contents.memory_bytes == 1024ull << 30);
  assert_non_null(strstr(csu->identity.contents.drive_serial, csu->identity.serial)); /* its own drives came with it */
  assert_int_equal(csu->identity.contents.drives, 8);
}

/* It was tested and switched on, and then does not say any more who it is: no stack can count with it. No power, and the LED says which it is. */
static void test_a_unit_that_does_not_say_who_it_is_is_not_taken_in(void **state)
{
  struct bay *bay = *state;
  struct pl_procedure *p = until_removed(bay);
  stand_act(bay->s, "csu-1", "insert");
  bay_until_step(bay, p, "reintegrate", 30 * PL_S);
  stand_plant(bay->s, "identity-1.wire=nack");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 60 * PL_S);
  if (!strstr(p->message, "csu-1 does not say who it is"))
    fail_msg("%s", p->message);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  assert_true(p->item->indicator);
}

/* What a unit said that was pulled while it spoke is nobody's. */
static void test_pulled_while_it_is_updated(void **state)
{
  struct bay *bay = *state;
  struct pl_procedure *p = until_removed(bay);
  stand_act(bay->s, "csu-1", "insert");
  bay_until_step(bay, p, "reintegrate", 30 * PL_S);
  stand_plant(bay->s, "identity-1.wire=nack");
  bay_until_step(bay, p, "update", 10 * PL_S);
  stand_act(bay->s, "csu-1", "remove");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 30 * PL_S);
  assert_non_null(strstr(p->message, "was pulled"));
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5);
  assert_false(p->item->identified);
}

static void test_hot_swap_cancelled_goes_back(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  WELL(bay->s, pl_procedure_cancel(p, "changed my mind", &bay->s->err));
  assert_int_equal(pl_procedure_cancel(p, "twice", &bay->s->err), PL_E_BUSY);
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 20 * PL_S);
  assert_int_equal(pl_procedure_cancel(p, "again", &bay->s->err), PL_E_USAGE);
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_false(stand_item(bay->s, "csu-1")->ready_to_remove);
}

/* --- what fails on the way --- */

static void failed(struct bay *bay, const struct pl_procedure_desc *desc, const char *item, const char *because)
{
  struct pl_procedure *p = bay_begin(bay, desc, item);
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 100 * PL_S);
  if (!strstr(p->message, because))
    fail_msg("%s failed with '%s', expected '%s' in it", desc->kind, p->message, because);
}

static void test_power_good_does_not_come(void **state)
{
  struct bay *bay = *state;
  stand_plant(bay->s, "csu-1.power-good=stuck-low");
  failed(bay, &pl_power_on, "csu-1", "power-up: not within 2 s: csu-1: power good is missing");
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5);
  stand_clear(bay->s);
  stand_plant(bay->s, "csu-1.fet=stuck-off");
  failed(bay, &pl_power_on, "csu-1", "0.0 V behind its path");
  stand_clear(bay->s);
  bay_power(bay, "csu-1", NULL);
}

static void test_an_empty_slot_gets_no_power(void **state)
{
  struct bay *bay = *state;
  stand_act(bay->s, "csu-1", "remove");
  stand_run(bay->s, PL_S);
  struct pl_item *csu = stand_item(bay->s, "csu-1");
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_power_on, csu, "t", NULL, &bay->s->err), PL_E_USAGE);
  assert_non_null(strstr(bay->s->err.text, "empty slot"));
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_hot_swap, csu, "t", NULL, &bay->s->err), PL_E_USAGE);
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_evacuate, csu, "t", NULL, &bay->s->err), PL_E_USAGE);
  assert_null(pl_procedure_first(bay->s->stack->procedures));
}

static void test_a_path_that_stays_on_is_told_and_taken_back(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  stand_plant(bay->s, "csu-1.fet=stuck-on");
  failed(bay, &pl_hot_swap, "csu-1", "power-down: not within 5 s");
  stand_run(bay->s, 2 * PL_S);
  assert_false(stand_item(bay->s, "csu-1")->ready_to_remove);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
  assert_true(TRUTH("csu-1", "power_enable_pin") > 0.5);
  assert_int_equal(stand_item(bay->s, "csu-1")->state, PL_STATE_ENABLED);
}

static void test_a_mute_controller_is_not_believed_to_be_off(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  stand_plant(bay->s, "hsc-1.wire=mute");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 60 * PL_S);
  assert_non_null(strstr(p->message, "cannot be read"));
  assert_non_null(strstr(p->message, "could not be taken back"));
  assert_false(p->item->ready_to_remove);
}

static void test_nobody_pulls_it(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  bay->s->stack->settings.remove_ns = 5 * PL_S;
  failed(bay, &pl_hot_swap, "csu-1", "ready: nobody did it within 5 s");
  stand_run(bay->s, 2 * PL_S);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
}

static void test_nobody_puts_one_in(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  bay->s->stack->settings.remove_ns = 5 * PL_S;
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  stand_act(bay->s, "csu-1", "remove");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 20 * PL_S);
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5); /* an empty slot has no power */
  stand_is(bay->s, "csu-1", PL_STATE_ABSENT, PL_HEALTH_OK);
  assert_true(TRUTH("csu-1", "attention") < 0.5);
}

/* Past the point of no return: what was put in does not come up. No power, and the LED says which it is. */
static void test_the_new_unit_fails(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  bay_until_step(bay, p, "ready", 10 * PL_S);
  stand_act(bay->s, "csu-1", "remove");
  bay_until_step(bay, p, "removed", 10 * PL_S);
  stand_plant(bay->s, "csu-1.power-good=stuck-low");
  stand_run(bay->s, PL_S);
  stand_act(bay->s, "csu-1", "insert");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 30 * PL_S);
  assert_non_null(strstr(p->message, "power-up"));
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-1", "attention") > 0.5);
  assert_true(p->item->indicator);
}

static void test_pulled_while_it_is_tested(void **state)
{
  struct bay *bay = *state;
  struct pl_procedure *p = bay_begin(bay, &pl_power_on, "csu-1");
  bay_until_step(bay, p, "test", 10 * PL_S);
  stand_act(bay->s, "csu-1", "remove");
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 30 * PL_S);
  assert_true(TRUTH("csu-1", "power_enable_pin") < 0.5);
  assert_non_null(strstr(p->message, "pulled"));
}

static void test_restart_releases_the_line(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_restart, "csu-1");
  bay_until_step(bay, p, "release", 5 * PL_S);
  assert_true(TRUTH("csu-1", "reset") > 0.5 || TRUTH("csu-1", "power_state") == 4);
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(TRUTH("csu-1", "reset") < 0.5);
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  p = bay_begin(bay, &pl_restart, "csu-1");
  bay_until_step(bay, p, "reset", 5 * PL_S);
  WELL(bay->s, pl_procedure_cancel(p, "no", &bay->s->err));
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 30 * PL_S);
  assert_true(TRUTH("csu-1", "reset") < 0.5);
}

static void test_evacuation(void **state)
{
  struct bay *bay = *state;
  struct pl_item *module = stand_item(bay->s, "module-1");
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_evacuate, module, "t", NULL, &bay->s->err), PL_E_USAGE); /* nothing else works */
  bay_power(bay, "csu-1", "csu-2", "csu-5", NULL);
  stand_plant(bay->s, "csu-2.fet=stuck-on");
  bay->s->stack->settings.power_off_ns = PL_S;
  failed(bay, &pl_evacuate, "module-1", "csu-2: power good is");
  stand_run(bay->s, 3 * PL_S);
  assert_true(TRUTH("csu-1", "vout") > 46); /* taken back */
  stand_is(bay->s, "csu-1", PL_STATE_ENABLED, PL_HEALTH_OK);
  stand_clear(bay->s);
  bay_until_over(bay, bay_begin(bay, &pl_evacuate, "module-1"), PL_PROCEDURE_COMPLETED, 30 * PL_S);
  assert_true(TRUTH("csu-1", "vout") < 5);
  assert_true(TRUTH("csu-2", "vout") < 5);
  assert_true(TRUTH("csu-5", "vout") > 46);
  stand_run(bay->s, 5 * PL_S);
  assert_int_equal(bay_count(bay, &pl_failover_csu) + bay_count(bay, &pl_failover_module), 0);
}

/* --- who may have what --- */

static void test_one_unit_one_procedure(void **state)
{
  struct bay *bay = *state;
  struct pl_stack *stack = bay->s->stack;
  bay_power(bay, "csu-1", "csu-5", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  assert_int_equal(pl_procedure_begin(stack, &pl_power_off, stand_item(bay->s, "csu-1"), "t", NULL, &bay->s->err), PL_E_BUSY);
  assert_non_null(strstr(bay->s->err.text, "hot-swap"));
  assert_int_equal(pl_procedure_begin(stack, &pl_evacuate, stand_item(bay->s, "module-1"), "t", NULL, &bay->s->err), PL_E_BUSY);
  assert_ptr_equal(pl_procedure_of(stack->procedures, stand_item(bay->s, "csu-1")), p);
  assert_null(pl_procedure_of(stack->procedures, stand_item(bay->s, "csu-2")));
  WELL(bay->s, pl_procedure_cancel(p, "", &bay->s->err));
  bay_until_over(bay, p, PL_PROCEDURE_CANCELLED, 20 * PL_S);
  p = bay_begin(bay, &pl_evacuate, "module-1");
  assert_int_equal(pl_procedure_begin(stack, &pl_power_on, stand_item(bay->s, "csu-2"), "t", NULL, &bay->s->err), PL_E_BUSY);
  assert_string_equal(stand_item(bay->s, "csu-2")->procedure, "evacuate");
  bay_until_over(bay, p, PL_PROCEDURE_COMPLETED, 20 * PL_S);
  assert_null(stand_item(bay->s, "csu-2")->procedure);
}

static void test_urgent_takes_the_unit(void **state)
{
  struct bay *bay = *state;
  struct pl_stack *stack = bay->s->stack;
  struct pl_procedure *urgent = NULL, *p = bay_begin(bay, &pl_power_on, "csu-1");
  bay_until_step(bay, p, "test", 10 * PL_S);
  WELL(bay->s, pl_procedure_begin(stack, &pl_thermal_emergency, stand_item(bay->s, "csu-1"), "t", &urgent, &bay->s->err));
  assert_int_equal(p->state, PL_PROCEDURE_FAILED);
  assert_non_null(strstr(p->message, "thermal-emergency"));
  assert_ptr_equal(pl_procedure_of(stack->procedures, stand_item(bay->s, "csu-1")), urgent);
  assert_int_equal(pl_procedure_begin(stack, &pl_hot_swap, stand_item(bay->s, "csu-1"), "t", NULL, &bay->s->err), PL_E_BUSY);
  assert_int_equal(pl_procedure_begin(stack, &pl_thermal_emergency, stand_item(bay->s, "csu-1"), "t", NULL, &bay->s->err), PL_E_BUSY);
  stand_run(bay->s, 2 * PL_S);
  assert_true(TRUTH("csu-1", "vout") < 5);
}

/* --- the store cannot be written --- */

static void test_nothing_is_done_that_cannot_be_written(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  stand_let_files_grow(1000);
  assert_int_equal(pl_procedure_begin(bay->s->stack, &pl_power_on, stand_item(bay->s, "csu-2"), "t", NULL, &bay->s->err), PL_E_IO);
  stand_run(bay->s, 10 * PL_S);
  assert_int_equal(p->state, PL_PROCEDURE_RUNNING);
  assert_true(TRUTH("csu-1", "vout") > 46);
  assert_true(TRUTH("csu-2", "power_enable_pin") < 0.5);
  stand_let_files_grow(RLIM_INFINITY);
  bay_until_step(bay, p, "ready", 10 * PL_S); /* on it goes */
  assert_true(TRUTH("csu-1", "vout") < 5);
}

static void test_a_store_that_stays_full_ends_it(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *p = bay_begin(bay, &pl_hot_swap, "csu-1");
  stand_let_files_grow(1000);
  bay_until_over(bay, p, PL_PROCEDURE_FAILED, 100 * PL_S);
  stand_let_files_grow(RLIM_INFINITY);
  assert_non_null(strstr(p->message, "given up"));
  assert_true(TRUTH("csu-1", "vout") > 46);
}

/* Water is not held up by a disk. */
static void test_urgent_goes_on_without_a_store(void **state)
{
  struct bay *bay = *state;
  bay_power(bay, "csu-1", NULL);
  struct pl_procedure *urgent = NULL;
  stand_let_files_grow(1000);
  WELL(bay->s, pl_procedure_begin(bay->s->stack, &pl_thermal_emergency, stand_item(bay->s, "csu-1"), "t", &urgent, &bay->s->err));
  stand_run(bay->s, 2 * PL_S);
  stand_let_files_grow(RLIM_INFINITY);
  assert_true(TRUTH("csu-1", "vout") < 5);
}

/* One question at a time is asked on a bus: however many wait for their answers, none starves. */
static void test_eight_at_once(void **state)
{
  (void)state;
  struct bay *bay = bay_open(false, NULL);
  struct pl_procedure *each[8];
  char id[16];
  for (size_t i = 0; i < 8; i++) {
    snprintf(id, sizeof id, "csu-%zu", i + 1);
    each[i] = bay_begin(bay, &pl_power_on, id);
  }
  for (size_t i = 0; i < 8; i++)
    bay_until_over(bay, each[i], PL_PROCEDURE_COMPLETED, 15 * PL_S);
  stand_run(bay->s, PL_S);
  for (size_t i = 0; i < 8; i++)
    assert_int_equal(each[i]->item->state, PL_STATE_ENABLED);
  bay_close(bay);
}

/* --- tables --- */

static void test_tables(void **state)
{
  (void)state;
  size_t count;
  const struct pl_procedure_desc *const *descs = pl_procedure_descs(&count);
  assert_true(count >= 10);
  for (size_t i = 0; i < count; i++) {
    assert_true(strlen(descs[i]->kind) < sizeof((struct pl_stack *)0)->kill_procedure);
    assert_ptr_equal(pl_procedure_desc_find(descs[i]->kind), descs[i]);
    for (size_t k = 0; k < descs[i]->n_steps; k++) {
      const struct pl_step *step = &descs[i]->steps[k];
      assert_true(strlen(step->name) < sizeof((struct pl_stack *)0)->kill_step);
      assert_true(step->about && *step->about);
      if (step->flags & PL_STEP_POWER)
        assert_true(step->check && step->again && step->limit); /* verified, bounded, and never again without a look */
      if (step->check)
        assert_non_null(step->limit);
      for (size_t other = 0; other < k; other++)
        assert_string_not_equal(step->name, descs[i]->steps[other].name);
    }
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bay_setup, bay_teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_power_on_and_off),
      TEST(test_hot_swap),
      TEST(test_another_unit_updates_the_inventory),
      TEST(test_a_unit_that_does_not_say_who_it_is_is_not_taken_in),
      TEST(test_pulled_while_it_is_updated),
      TEST(test_hot_swap_cancelled_goes_back),
      TEST(test_power_good_does_not_come),
      TEST(test_an_empty_slot_gets_no_power),
      TEST(test_a_path_that_stays_on_is_told_and_taken_back),
      TEST(test_a_mute_controller_is_not_believed_to_be_off),
      TEST(test_nobody_pulls_it),
      TEST(test_nobody_puts_one_in),
      TEST(test_the_new_unit_fails),
      TEST(test_pulled_while_it_is_tested),
      TEST(test_restart_releases_the_line),
      TEST(test_evacuation),
      TEST(test_one_unit_one_procedure),
      TEST(test_urgent_takes_the_unit),
      TEST(test_nothing_is_done_that_cannot_be_written),
      TEST(test_a_store_that_stays_full_ends_it),
      TEST(test_urgent_goes_on_without_a_store),
      cmocka_unit_test(test_eight_at_once),
      TEST(test_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
