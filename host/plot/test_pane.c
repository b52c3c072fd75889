/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plot/pane.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000LL

static char *draw(const struct pl_pane *pane, const struct pl_pane_frame *frame)
{
  static char room[65536];
  struct pl_text text = {0};
  pl_pane_draw(&text, pane, frame);
  assert_false(text.failed);
  assert_true(text.len < sizeof room);
  memcpy(room, text.bytes, text.len);
  room[text.len] = '\0';
  pl_text_free(&text);
  return room;
}

static void test_a_straight_line_in_ascii(void **state)
{
  (void)state;
  const struct pl_point points[] = {{0, 0}, {10 * S, 10}};
  const struct pl_pane pane = {.name = "line", .unit = "V", .points = points, .count = 2};
  const struct pl_pane_frame frame = {.columns = 20, .rows = 5, .from = 0, .to = 10 * S, .axis = true, .ascii = true};
  assert_string_equal(draw(&pane, &frame), "line  now 10 V  min \n" /* as wide as the frame, and no wider */
                                           "      10 +         .\n"
                                           "         |       .' \n"
                                           "       5 +    ..'   \n"
                                           "         |  .'      \n"
                                           "       0 +.'        \n"
                                           "         ++--------+\n"
                                           "          0 s\n");
}

static size_t count(const char *text, const char *what)
{
  size_t n = 0;
  for (; (text = strstr(text, what)); text += strlen(what))
    n++;
  return n;
}

static void test_no_line_goes_across_what_is_not_valid(void **state)
{
  (void)state;
  struct pl_point points[100];
  for (int i = 0; i < 100; i++)
    points[i] = (struct pl_point){i * S, i >= 30 && i < 70 ? NAN : 5};
  const struct pl_pane pane = {.name = "gap", .unit = "A", .points = points, .count = 100};
  struct pl_pane_frame frame = {.columns = 110, .rows = 3, .from = 0, .to = 99 * S};
  const char *text = draw(&pane, &frame);
  assert_int_equal(count(text, "×"), 40);
  size_t dots = 0;
  for (const char *c = text; (c = strstr(c, "\xe2\xa0")); c += 3)
    dots++;
  assert_true(dots >= 59 && dots <= 61); /* a column a second, without those of the gap */
  points[50].value = 5;                  /* one alone is a dot */
  assert_int_equal(count(draw(&pane, &frame), "×"), 39);
  frame.to = 0;
  assert_string_equal(draw(&pane, &frame) + strlen("gap"), "  now 5 A  min 5  max 5\n"); /* no time: no curve */
}

static void test_nothing_valid_and_flags(void **state)
{
  (void)state;
  const struct pl_point none[] = {{0, NAN}, {S, NAN}}, flag[] = {{0, 0}, {S, 1}};
  struct pl_pane pane = {.name = "x", .unit = "V", .points = none, .count = 2, .trouble = "nobody acknowledges"};
  const struct pl_pane_frame frame = {.columns = 60, .rows = 4, .from = 0, .to = S, .axis = true, .ascii = true};
  const char *text = draw(&pane, &frame);
  assert_non_null(strstr(text, "x  invalid: nobody acknowledges\n"));
  assert_null(strstr(text, "  now"));
  pane = (struct pl_pane){.name = "f", .unit = "", .points = flag, .count = 2, .flag = true};
  text = draw(&pane, &frame);
  assert_non_null(strstr(text, "f  now on  min off  max on\n"));
  assert_non_null(strstr(text, "     off +"));
  pane.count = 0;
  assert_int_equal(count(draw(&pane, &frame), "\n"), 7);
}

/* The line comes in from what lies before the frame, and goes out at its end. */
static void test_a_window_into_a_long_curve(void **state)
{
  (void)state;
  const struct pl_point points[] = {{-1000 * S, 0}, {1000 * S, 2000}, {2000 * S, 7}};
  const struct pl_pane pane = {.name = "w", .unit = "", .points = points, .count = 3};
  const struct pl_pane_frame frame = {.columns = 40, .rows = 4, .from = 900 * S, .to = 1000 * S, .ascii = true};
  const char *text = draw(&pane, &frame);
  assert_non_null(strstr(text, "now 2000  min 2000  max 2000"));
  assert_true(count(text, ":") + count(text, "'") + count(text, ".") >= 30);
}

static void test_colours_are_closed(void **state)
{
  (void)state;
  const struct pl_point points[] = {{0, 1}, {S, NAN}, {2 * S, 3}};
  const struct pl_pane pane = {.name = "c", .unit = "V", .points = points, .count = 3, .trouble = "why"};
  struct pl_pane_frame frame = {.columns = 50, .rows = 3, .from = 0, .to = 2 * S, .axis = true, .colour = true};
  for (frame.hue = 0; frame.hue < 12; frame.hue++) {
    const char *text = draw(&pane, &frame);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
      const char *last = NULL;
      for (const char *c = line; *c != '\n'; c++)
        last = *c == '\033' ? c : last;
      assert_true(!last || !strncmp(last, "\033[0m", 4));
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_straight_line_in_ascii), cmocka_unit_test(test_no_line_goes_across_what_is_not_valid),
      cmocka_unit_test(test_nothing_valid_and_flags),  cmocka_unit_test(test_a_window_into_a_long_curve),
      cmocka_unit_test(test_colours_are_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
