/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coverage/pool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT 20

struct seen {
  size_t calls[COUNT];
  int value[COUNT];
  char how[COUNT][160];
  volatile int stop;
  size_t stop_after, done;
};

struct made {
  int value;
  char rest[3000];
};

static void die(size_t index)
{
  if (index == 3)
    raise(SIGKILL);
  if (index == 5)
    _exit(7);
  while (index == 7) /* never ends */
    if (getppid() == 1)
      _exit(1);
}

static void work(void *ctx, size_t index, void *result)
{
  struct made *made = result;
  (void)ctx;
  die(index);
  made->value = (int)(index * index);
  memset(made->rest, (int)index, sizeof made->rest);
}

static void done(void *ctx, size_t index, const void *result, const char *how)
{
  struct seen *seen = ctx;
  const struct made *made = result;
  seen->calls[index]++;
  seen->value[index] = made ? made->value : -1;
  if (made)
    assert_int_equal((unsigned char)made->rest[sizeof made->rest - 1], index);
  snprintf(seen->how[index], sizeof seen->how[index], "%s", how ? how : "");
  if (seen->stop_after && ++seen->done == seen->stop_after)
    seen->stop = 15;
}

static void what_dies_takes_only_its_own_result(void **state)
{
  (void)state;
  struct seen seen = {0};
  const struct pl_pool pool = {.count = COUNT, .jobs = 3, .result_size = sizeof(struct made), .limit = PL_S, .work = work, .done = done, .ctx = &seen};
  struct pl_err err = {0};
  assert_int_equal(pl_pool_run(&pool, &err), PL_OK);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(seen.calls[i], 1);
    if (i != 3 && i != 5 && i != 7)
      assert_int_equal(seen.value[i], i * i);
    else
      assert_int_equal(seen.value[i], -1);
  }
  assert_non_null(strstr(seen.how[3], "signal 9"));
  assert_non_null(strstr(seen.how[5], "code 7"));
  assert_non_null(strstr(seen.how[7], "no end within 1 s"));
}

static void one_that_is_stopped_leaves_the_rest_out(void **state)
{
  (void)state;
  struct seen seen = {.stop_after = 2};
  const struct pl_pool pool = {.count = 3, .jobs = 1, .result_size = sizeof(struct made), .limit = 20 * PL_S, .stop = &seen.stop, .work = work, .done = done,
                               .ctx = &seen};
  struct pl_err err = {0};
  assert_int_equal(pl_pool_run(&pool, &err), PL_E_CANCELLED);
  assert_non_null(strstr(err.text, "2 of 3"));
  assert_int_equal(seen.calls[2], 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_dies_takes_only_its_own_result),
      cmocka_unit_test(one_that_is_stopped_leaves_the_rest_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
