/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs as the leak valve has one: taken over as they are by a bench that only observes. */
#include "drivers/device/lines/fake_bench.h"
#include "drivers/device/leak_valve/leak_valve.h"

static bool driven_to;

static enum pl_status create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  (void)args;
  (void)err;
  *self = &driven_to;
  return PL_OK;
}

static void destroy(void *self)
{
  (void)self;
}

static void line_driven(void *self, size_t param, bool level)
{
  assert_int_equal(param, 0);
  *(bool *)self = level;
}

static const struct pl_twin_desc TWIN = {.create = create, .destroy = destroy, .line_driven = line_driven};
static const char *const TEXTS[] = {"LEAK_OPEN"};

static void opening_drives_an_output_inactive(void **state)
{
  (void)state;
  struct fake_bench bench = {.levels = {true}};
  struct pl_err err = {0};
  driven_to = true;
  assert_int_equal(fake_open(&bench, &pl_device_leak_valve, &TWIN, TEXTS, &err), PL_OK);
  assert_int_equal(bench.drives, 1);
  assert_false(driven_to);
  assert_false(fake_flag(&bench, "open"));
  fake_close(&bench);
}

static void an_observer_leaves_an_output_alone(void **state)
{
  (void)state;
  struct fake_bench bench = {.observe = true, .levels = {true}};
  struct pl_err err = {0};
  struct pl_gpio_edges edges;
  assert_int_equal(fake_open(&bench, &pl_device_leak_valve, &TWIN, TEXTS, &err), PL_OK);
  assert_true(fake_flag(&bench, "open")); /* the level that is there, not one that was assumed */
  assert_int_equal(bench.drives, 0);
  driven_to = false;
  assert_int_equal(fake_write(&bench, "open", PL_U, &err), PL_OK); /* from now on it is driven; it was on before: no edge */
  assert_int_equal(bench.drives, 1);
  assert_true(driven_to);
  fake_edges(&bench, "open", &edges);
  assert_int_equal(edges.rising, 0);
  assert_int_equal(fake_write(&bench, "open", 0, &err), PL_OK);
  fake_edges(&bench, "open", &edges);
  assert_int_equal(edges.falling, 1);
  assert_false(driven_to);
  fake_close(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opening_drives_an_output_inactive),
      cmocka_unit_test(an_observer_leaves_an_output_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
