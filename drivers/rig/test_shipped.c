/* SPDX-License-Identifier: Apache-2.0 */
/* The rig file that comes with the product is good with the product's own drivers, and the docs have its words. Run from the project's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/rig/rig.h"

static void test_demo_rack(void **state)
{
  (void)state;
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  if (pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err))
    fail_msg("%s", err.text);
  assert_int_equal(rig->n_buses, 14);
  assert_int_equal(rig->n_parts, 32);
  assert_int_equal(rig->n_devices, 2 + 7 * 8 + 2 + 6 + 2 + 2 + 1 + 10 + 9); /* supplies, slots, water, leaks, injectors, stop valves, the bar; the interlock's signals and relays */
  for (size_t i = 0; i < rig->n_buses; i++)
    assert_true(rig->buses[i].on_twin);
  for (size_t i = 0; i < rig->n_devices; i++)
    assert_non_null(rig->devices[i].part);
  static const char *const ROLES[] = {"hot-swap", "connector", "monitor", "load", "identity", "agent"};
  for (int slot = 1; slot <= 8; slot++) {
    char name[16];
    snprintf(name, sizeof name, "csu-%d", slot);
    const struct pl_rig_part *csu = pl_rig_part(rig, name);
    assert_non_null(csu);
    for (size_t k = 0; k < sizeof ROLES / sizeof ROLES[0]; k++)
      assert_non_null(pl_rig_by_role(rig, csu, ROLES[k]));
  }
  assert_string_equal(pl_rig_device(rig, "rpu")->role, "coolant");
  assert_string_equal(pl_rig_device(rig, "valve-1")->role, "leak-valve");
  assert_int_equal(pl_value(&pl_rig_device(rig, "psu-b")->values, "address")->number, 0x59);
  pl_rig_free(rig);
}

static bool says(const char *text, const char *name, const char *help)
{
  char row[256];
  snprintf(row, sizeof row, "\n| %s %s%s", name, help ? "| " : "", help ? help : "");
  return strstr(text, row);
}

static void test_vocabulary(void **state)
{
  (void)state;
  static char text[65536];
  FILE *file = fopen("docs/vocabulary.md", "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  size_t n;
  const struct pl_word *words = pl_rig_roles(&n);
  for (size_t i = 0; i < n; i++)
    if (!says(text, words[i].name, words[i].help))
      fail_msg("docs/vocabulary.md has no row for the role '%s'", words[i].name);
  words = pl_rig_part_kinds(&n);
  for (size_t i = 0; i < n; i++)
    if (!says(text, words[i].name, NULL))
      fail_msg("docs/vocabulary.md has no row for the part kind '%s'", words[i].name);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_demo_rack), cmocka_unit_test(test_vocabulary)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
