/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/conf.h"
#include "drivers/bus/gpio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct pl_param PARAMS[] = {{.name = "lines", .kind = PL_PARAM_MAP}, {.name = "bias", .kind = PL_PARAM_MAP}, {.name = "drive", .kind = PL_PARAM_MAP},
                                         {.name = "debounce", .kind = PL_PARAM_MAP}};

struct file {
  struct pl_conf *conf;
  struct pl_values values;
};

static void read_file(struct file *f, const char *text)
{
  struct pl_err err = {0};
  if (pl_conf_parse("bus.yaml", text, strlen(text), &f->conf, &err) || pl_node_values(f->conf, pl_conf_root(f->conf), PARAMS, 4, &f->values, &err))
    fail_msg("%s", err.text);
}

static void drop_file(struct file *f)
{
  free((void *)(uintptr_t)f->values.items);
  pl_conf_free(f->conf);
}

static void a_map_puts_names_at_offsets(void **state)
{
  (void)state;
  struct file f;
  struct pl_err err = {0};
  unsigned offset = 99;
  read_file(&f, "lines: {PRSNT_N: 0, PWR_EN: 7, BAD: seven, FAR: 8}\n");
  const struct pl_value *lines = pl_value(&f.values, "lines");
  assert_int_equal(pl_gpio_map(lines, &(struct pl_gpio_line){.name = "PWR_EN"}, 8, &offset, &err), PL_OK);
  assert_int_equal(offset, 7);
  assert_int_equal(pl_gpio_map(lines, &(struct pl_gpio_line){.offset = 3}, 8, &offset, &err), PL_OK);
  assert_int_equal(offset, 3);
  static const struct {
    struct pl_gpio_line line;
    const char *text;
  } ROWS[] = {{{.name = "NO_SUCH"}, "there is no line 'NO_SUCH'"}, {{.name = "BAD"}, "seven is not a line of the chip"}, {{.name = "FAR"}, "expected an offset from 0 to 7"},
              {{.offset = 8}, "expected an offset from 0 to 7"}, {{.offset = -1}, "expected an offset from 0 to 7"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    assert_int_equal(pl_gpio_map(lines, &ROWS[i].line, 8, &offset, &err), PL_E_USAGE);
    if (!strstr(err.text, ROWS[i].text))
      fail_msg("'%s' is not in: %s", ROWS[i].text, err.text);
  }
  drop_file(&f);
}

static void the_wiring_of_a_line_is_read(void **state)
{
  (void)state;
  struct file f;
  struct pl_err err = {0};
  read_file(&f, "bias: {LEAK: pull-up, 3: none}\ndrive: {KILL_N: open-drain}\ndebounce: {LEAK: 5 ms}\n");
  struct pl_gpio_line leak = {.name = "LEAK"}, kill = {.name = "KILL_N", .output = true}, third = {.offset = 3}, other = {.name = "OTHER"};
  assert_int_equal(pl_gpio_wiring(&f.values, &leak, &err), PL_OK);
  assert_int_equal(leak.bias, PL_GPIO_BIAS_PULL_UP);
  assert_int_equal(leak.debounce_us, 5000);
  assert_int_equal(leak.drive, PL_GPIO_PUSH_PULL);
  assert_int_equal(pl_gpio_wiring(&f.values, &kill, &err), PL_OK);
  assert_int_equal(kill.drive, PL_GPIO_OPEN_DRAIN);
  assert_int_equal(pl_gpio_wiring(&f.values, &third, &err), PL_OK);
  assert_int_equal(third.bias, PL_GPIO_BIAS_DISABLED);
  assert_int_equal(pl_gpio_wiring(&f.values, &other, &err), PL_OK);
  assert_int_equal(other.bias, PL_GPIO_BIAS_AS_IS);
  assert_int_equal(other.debounce_us, 0);
  drop_file(&f);
}

static void wrong_wiring_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *file, *text;
  } ROWS[] = {{"bias: {A: up}\n", "bias of A: 'up' is unknown, expected one of as-is, none, pull-up, pull-down"},
              {"drive: {A: wired-or}\n", "drive of A: 'wired-or' is unknown"},
              {"debounce: {A: 5 V}\n", "5 V"},
              {"debounce: {A: 11 s}\n", "expected 0 s to 10 s"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    struct file f;
    struct pl_err err = {0};
    read_file(&f, ROWS[i].file);
    assert_int_equal(pl_gpio_wiring(&f.values, &(struct pl_gpio_line){.name = "A"}, &err), PL_E_USAGE);
    if (!strstr(err.text, ROWS[i].text))
      fail_msg("'%s' is not in: %s", ROWS[i].text, err.text);
    drop_file(&f);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_map_puts_names_at_offsets), cmocka_unit_test(the_wiring_of_a_line_is_read),
                                     cmocka_unit_test(wrong_wiring_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
