/* SPDX-License-Identifier: Apache-2.0 */
/* The three lies about events do what they say, and an honest stack built with them tells the truth. */
#define PL_MUTANTS 1
#include "control/events/events.c"
#include "control/events/fake_rooms.h"

static void tells(enum pl_mutant mutant, const uint64_t *ids, size_t count)
{
  struct pl_stack s;
  struct heard h;
  fake_open(&s);
  s.mutant = mutant;
  hear_all(&s, &h);
  send_tests(&s, 6);
  fake_close(&s);
  assert_int_equal(h.count, count);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(h.ids[i], ids[i]);
}

static void each_lie_is_the_one_it_is_called(void **state)
{
  (void)state;
  tells(PL_MUTANT_NONE, (const uint64_t[]){1, 2, 3, 4, 5, 6}, 6);
  tells(PL_MUTANT_EVENT_DROPPED, (const uint64_t[]){1, 2, 4, 5}, 4);
  tells(PL_MUTANT_EVENT_REPEATED, (const uint64_t[]){1, 2, 3, 3, 4, 5, 6, 6}, 8);
  tells(PL_MUTANT_EVENT_REORDERED, (const uint64_t[]){1, 2, 4, 3, 5}, 5);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_lie_is_the_one_it_is_called)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
