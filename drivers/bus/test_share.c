/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/share.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct chip {
  int opened, closed;
  bool refuses;
};

static enum pl_status open_chip(void *ctx, void **chip, struct pl_err *err)
{
  struct chip *c = ctx;
  if (c->refuses)
    return pl_fail(err, PL_E_GONE, "not plugged in");
  c->opened++;
  *chip = c;
  return PL_OK;
}

static void close_chip(void *chip)
{
  ((struct chip *)chip)->closed++;
}

static void two_buses_share_one_chip(void **state)
{
  (void)state;
  struct pl_share *share = NULL;
  struct pl_err err = {0};
  struct chip a = {0}, b = {0}, c = {.refuses = true};
  void *first, *second, *other;
  assert_int_equal(pl_share_new(&share, &err), PL_OK);
  assert_int_equal(pl_share_take(share, "usb:1", open_chip, close_chip, &a, &first, &err), PL_OK);
  assert_int_equal(pl_share_take(share, "usb:2", open_chip, close_chip, &b, &other, &err), PL_OK);
  assert_int_equal(pl_share_take(share, "usb:1", open_chip, close_chip, &b, &second, &err), PL_OK);
  assert_ptr_equal(first, second);
  assert_ptr_not_equal(first, other);
  assert_int_equal(a.opened, 1);
  assert_int_equal(pl_share_take(share, "usb:3", open_chip, close_chip, &c, &other, &err), PL_E_GONE);
  assert_string_equal(err.text, "not plugged in");
  pl_share_drop(share, first);
  assert_int_equal(a.closed, 0);
  pl_share_drop(share, second);
  assert_int_equal(a.closed, 1);
  assert_int_equal(pl_share_take(share, "usb:1", open_chip, close_chip, &a, &first, &err), PL_OK);
  assert_int_equal(a.opened, 2);
  pl_share_drop(share, first);
  pl_share_drop(share, &b);
  assert_int_equal(b.closed, 1);
  pl_share_free(share);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_buses_share_one_chip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
