/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/stack/pin.h"

/* Made by openssl 3.0.15: req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=rackd; the sums by openssl x509 -fingerprint -sha256 and by
 * openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64. */
#include "host/stack/test_pin_certificate.h"

static void both_spellings_are_read(void **state)
{
  struct pl_pin pin;
  struct pl_err err = {0};
  (void)state;
  assert_int_equal(pl_pin_parse(KEY_PIN, &pin, &err), PL_OK);
  assert_true(pin.of_key);
  assert_int_equal(pl_pin_parse(FINGERPRINT, &pin, &err), PL_OK);
  assert_false(pin.of_key);
  assert_int_equal(pl_pin_parse("sha256:0000000000000000000000000000000000000000000000000000000000000001", &pin, &err), PL_OK);
  assert_int_equal(pin.sha256[31], 1);
}

static void what_is_no_pin_is_refused(void **state)
{
  static const char *const BAD[] = {"", "sha256//", "sha256//AAAA", "sha256//!!!!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha1:00", "00",
                                    "sha256:00000000000000000000000000000000000000000000000000000000000000000", "zz00000000000000000000000000000000000000000000000000000000000000"};
  (void)state;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    struct pl_pin pin;
    struct pl_err err = {0};
    assert_int_equal(pl_pin_parse(BAD[i], &pin, &err), PL_E_USAGE);
    assert_non_null(strstr(err.text, "is no pin, expected sha256//BASE64"));
  }
}

static void certificate_and_its_key_are_known_again(void **state)
{
  struct pl_pin key, whole;
  struct pl_err err = {0};
  uint8_t *der = NULL;
  size_t len = 0;
  char printed[64];
  (void)state;
  assert_int_equal(pl_pin_from_pem(CERTIFICATE, &der, &len, &err), PL_OK);
  pl_pin_parse(KEY_PIN, &key, &err);
  pl_pin_parse(FINGERPRINT, &whole, &err);
  assert_true(pl_pin_matches(&key, der, len));
  assert_true(pl_pin_matches(&whole, der, len));
  assert_int_equal(pl_pin_of_key(der, len, printed, sizeof printed, &err), PL_OK);
  assert_string_equal(printed, KEY_PIN);
  der[len - 1] ^= 1; /* the signature: another certificate with the same key */
  assert_true(pl_pin_matches(&key, der, len));
  assert_false(pl_pin_matches(&whole, der, len));
  free(der);
}

static void cut_certificates_are_refused_wherever_they_are_cut(void **state)
{
  struct pl_err err = {0};
  uint8_t *der = NULL;
  size_t len = 0;
  char printed[64];
  (void)state;
  assert_int_equal(pl_pin_from_pem(CERTIFICATE, &der, &len, &err), PL_OK);
  for (size_t cut = 0; cut < len; cut++) {
    uint8_t *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a read beyond it */
    assert_non_null(part);
    memcpy(part, der, cut);
    assert_int_equal(pl_pin_of_key(part, cut, printed, sizeof printed, &err), PL_E_GARBAGE);
    free(part);
  }
  free(der);
  assert_int_equal(pl_pin_from_pem("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----", &der, &len, &err), PL_E_GARBAGE);
  assert_int_equal(pl_pin_from_pem("nothing", &der, &len, &err), PL_E_GARBAGE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_spellings_are_read),
      cmocka_unit_test(what_is_no_pin_is_refused),
      cmocka_unit_test(certificate_and_its_key_are_known_again),
      cmocka_unit_test(cut_certificates_are_refused_wherever_they_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
