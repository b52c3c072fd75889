/* SPDX-License-Identifier: Apache-2.0 */
/* Part libraries: what a model says holds where the part is silent, and what is wrong in either file is told with its own file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/base/conf.h"
#include "drivers/rig/rig.h"

static const struct pl_param PARAMS[] = {
    {.name = "voltage", .help = "nominal", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_VOLTAGE, .fallback = "48 V"},
    {.name = "capacitance", .help = "mF", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_NONE, .fallback = "20"},
    {.name = "ambient", .help = "air", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TEMPERATURE, .fallback = "25 degC"},
};

struct files {
  char dir[64], library[96], rig[96];
};

static void write_file(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int make(void **state)
{
  struct files *files = calloc(1, sizeof *files);
  snprintf(files->dir, sizeof files->dir, "/tmp/library-XXXXXX");
  assert_non_null(mkdtemp(files->dir));
  snprintf(files->library, sizeof files->library, "%s/power.yaml", files->dir);
  snprintf(files->rig, sizeof files->rig, "%s/rig.yaml", files->dir);
  *state = files;
  return 0;
}

static int unmake(void **state)
{
  struct files *files = *state;
  unlink(files->library);
  unlink(files->rig);
  rmdir(files->dir);
  free(files);
  return 0;
}

static enum pl_status load(const struct files *files, const char *models, const char *parts, struct pl_rig **rig, struct pl_err *err)
{
  char text[1024];
  snprintf(text, sizeof text, "library: power\nmodels:\n%s", models);
  write_file(files->library, text);
  snprintf(text, sizeof text, "rig: x\nlibraries: [power.yaml]\nbuses: []\ndevices: []\nparts:\n%s", parts);
  write_file(files->rig, text);
  *rig = NULL;
  return pl_rig_load(files->rig, rig, err);
}

static void test_model(void **state)
{
  struct pl_rig *rig;
  struct pl_err err = {0};
  struct pl_values values;
  if (load(*state, "- {name: bar-48, kind: busbar, source: data sheet, voltage: 50 V, capacitance: 30}\n",
           "- {name: bar, model: bar-48, capacitance: 40}\n- {name: other, kind: busbar}\n", &rig, &err))
    fail_msg("%s", err.text);
  assert_string_equal(rig->parts[0].kind, "busbar");
  assert_int_equal(pl_rig_part_values(rig, &rig->parts[0], PARAMS, 3, &values, &err), PL_OK);
  assert_int_equal(pl_value(&values, "voltage")->number, 50 * PL_U);
  assert_int_equal(pl_value(&values, "capacitance")->number, 40 * PL_U);
  assert_int_equal(pl_value(&values, "ambient")->number, 25 * PL_U);
  free((void *)values.items);
  assert_int_equal(pl_rig_part_values(rig, &rig->parts[1], PARAMS, 3, &values, &err), PL_OK);
  assert_int_equal(pl_value(&values, "voltage")->number, 48 * PL_U);
  free((void *)values.items);
  pl_rig_free(rig);
}

static void refuse(const struct files *files, const char *models, const char *parts, const char *file, const char *sentence)
{
  struct pl_rig *rig;
  struct pl_err err = {0};
  struct pl_values values = {0};
  char expected[256];
  enum pl_status status = load(files, models, parts, &rig, &err);
  if (!status)
    status = pl_rig_part_values(rig, &rig->parts[0], PARAMS, 3, &values, &err);
  assert_int_equal(status, PL_E_USAGE);
  snprintf(expected, sizeof expected, "%s/%s:%s", files->dir, file, sentence);
  if (!strstr(err.text, expected))
    fail_msg("'%s' does not say '%s'", err.text, expected);
  pl_rig_free(rig);
}

static void test_mistakes(void **state)
{
  static const char MODEL[] = "- {name: bar-48, kind: busbar, voltage: 50 V}\n";
  refuse(*state, MODEL, "- {name: bar, model: bar-84}\n", "rig.yaml", "6: unknown model 'bar-84', did you mean 'bar-48'?");
  refuse(*state, MODEL, "- {name: bar, kind: psu, model: bar-48}\n", "rig.yaml", "6: part 'bar' is a psu, and its model 'bar-48' a busbar");
  refuse(*state, MODEL, "- {name: bar, model: bar-48, voltag: 3 V}\n", "rig.yaml", "6: unknown key 'voltag' in a busbar, did you mean 'voltage'?");
  refuse(*state, "- {name: bar-48, kind: busbar, voltag: 50 V}\n", "- {name: bar, model: bar-48}\n", "power.yaml",
         "3: unknown key 'voltag' in a busbar, did you mean 'voltage'?");
  refuse(*state, "- {name: bar-48, kind: busbar, voltage: 50 A}\n", "- {name: bar, model: bar-48}\n", "power.yaml", "3");
  refuse(*state, "- {name: bar-48}\n", "- {name: bar, kind: busbar}\n", "power.yaml", "3: the key 'kind' is missing in a model");
  refuse(*state, MODEL, "- {name: bar}\n", "rig.yaml", "6: the key 'kind' is missing in a part");
}

static void test_missing_library(void **state)
{
  const struct files *files = *state;
  struct pl_rig *rig = NULL;
  struct pl_err err = {0};
  write_file(files->rig, "rig: x\nlibraries: [nowhere.yaml]\nbuses: []\ndevices: []\n");
  assert_int_not_equal(pl_rig_load(files->rig, &rig, &err), PL_OK);
  assert_non_null(strstr(err.text, "rig.yaml:2: part library"));
  assert_null(rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_model, make, unmake),
      cmocka_unit_test_setup_teardown(test_mistakes, make, unmake),
      cmocka_unit_test_setup_teardown(test_missing_library, make, unmake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
