/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of the door, and asked of it; control/web/test_tls.c has the certificates themselves. */
#include "control/redfish/service_test.h"

#define PROTOCOL "/redfish/v1/Managers/rackd/NetworkProtocol"
#define CERTIFICATES PROTOCOL "/HTTPS/Certificates"
#define SERVICE "/redfish/v1/CertificateService"
#define ACT(VERB) SERVICE "/Actions/CertificateService." VERB
#define OF_IT "\"CertificateUri\": {\"@odata.id\": \"" CERTIFICATES "/1\"}"
#define TO_IT "\"CertificateCollection\": {\"@odata.id\": \"" CERTIFICATES "\"}"

static int open_demo(void **state)
{
  *state = door_open(NULL);
  return 0;
}

static int close_demo(void **state)
{
  door_close(*state);
  return 0;
}

static void what_listens_is_told_and_nothing_else(void **state)
{
  struct door *d = *state;
  ask(d, "GET", PROTOCOL, NULL); /* a stack in process: nobody can come in */
  assert_int_equal(d->status, 200);
  assert_false(flag_at(d, "HTTPS/ProtocolEnabled"));
  assert_true(is_null_at(d, "HTTPS/Port"));
  assert_null(value_at(d, "HTTPS/Certificates"));
  assert_null(value_at(d, "SSH"));
  ask(d, "GET", SERVICE, NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", "/redfish/v1", NULL);
  assert_null(value_at(d, "CertificateService"));
  door_listens(d, false);
  ask(d, "GET", PROTOCOL, NULL);
  assert_true(flag_at(d, "HTTP/ProtocolEnabled"));
  assert_int_equal(number_at(d, "HTTP/Port"), 8443);
  assert_false(flag_at(d, "HTTPS/ProtocolEnabled"));
  ask(d, "GET", CERTIFICATES, NULL);
  assert_int_equal(d->status, 404);
  door_listens(d, true);
  ask(d, "GET", PROTOCOL, NULL);
  assert_true(flag_at(d, "HTTPS/ProtocolEnabled"));
  assert_int_equal(number_at(d, "HTTPS/Port"), 8443);
  assert_string_equal(text_at(d, "HTTPS/Certificates/@odata.id"), CERTIFICATES);
  ask(d, "GET", "/redfish/v1", NULL);
  assert_string_equal(text_at(d, "CertificateService/@odata.id"), SERVICE);
  ask(d, "PATCH", PROTOCOL, "{\"HTTPS\": {\"Port\": 1}}");
  assert_int_equal(d->status, 405);
}

static void a_certificate_is_told_by_its_parts(void **state)
{
  struct door *d = *state;
  door_listens(d, true);
  ask(d, "GET", CERTIFICATES "/1", NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "Subject/CommonName"), "rack-7");
  assert_string_equal(text_at(d, "Subject/AlternativeNames/1"), "10.0.0.7");
  assert_null(value_at(d, "Subject/City"));
  assert_string_equal(text_at(d, "Issuer/Organization"), "Testers");
  assert_string_equal(text_at(d, "ValidNotAfter"), "2027-01-15T08:00:00Z");
  assert_string_equal(text_at(d, "KeyUsage/1"), "ServerAuthentication");
  assert_string_equal(text_at(d, "CertificateType"), "PEM");
  ask(d, "GET", CERTIFICATES "/2", NULL);
  assert_int_equal(d->status, 404);
  ask(d, "GET", SERVICE "/CertificateLocations", NULL);
  assert_string_equal(text_at(d, "Links/Certificates/0/@odata.id"), CERTIFICATES "/1");
}

static void a_replacement_is_the_door_s_to_judge(void **state)
{
  struct door *d = *state;
  door_listens(d, true);
  static const char GOOD[] = "{\"CertificateString\": \"pem\", \"CertificateType\": \"PEM\", " OF_IT "}";
  ask(d, "POST", ACT("ReplaceCertificate"), GOOD);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "@odata.id"), CERTIFICATES "/1");
  assert_int_equal(d->tls.replaced, 1);
  d->tls.answer = PL_E_USAGE;
  ask(d, "POST", ACT("ReplaceCertificate"), GOOD);
  assert_int_equal(d->status, 400);
  assert_non_null(strstr(d->body, "has expired"));
  assert_non_null(strstr(d->body, "#/CertificateString"));
  static const char *const BAD[] = {"{\"CertificateString\": \"pem\", \"CertificateType\": \"PKCS12\", " OF_IT "}", "{\"CertificateString\": \"pem\", \"CertificateType\": \"PEM\"}",
                                    "{\"CertificateString\": \"\", \"CertificateType\": \"PEM\", " OF_IT "}",
                                    "{\"CertificateString\": \"pem\", \"CertificateType\": \"PEM\", \"CertificateUri\": {\"@odata.id\": \"/redfish/v1\"}}",
                                    "{\"CertificateString\": \"pem\", \"CertificateType\": \"PEM\", \"Password\": \"x\", " OF_IT "}"};
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", ACT("ReplaceCertificate"), BAD[i]);
    if (d->status != 400)
      fail_msg("%s: %d %s", BAD[i], d->status, d->body);
  }
  assert_int_equal(d->tls.replaced, 2);
}

static void a_request_has_what_was_asked_for(void **state)
{
  struct door *d = *state;
  door_listens(d, true);
  ask(d, "POST", ACT("GenerateCSR"),
      "{\"CommonName\": \"rack-7\", \"Country\": \"CH\", \"AlternativeNames\": [\"rack-7.example\", \"10.0.0.7\"], \"KeyPairAlgorithm\": \"TPM_ALG_ECDSA\", "
      "\"KeyCurveId\": \"TPM_ECC_NIST_P384\", " TO_IT "}");
  assert_int_equal(d->status, 200);
  assert_non_null(strstr(text_at(d, "CSRString"), "CERTIFICATE REQUEST"));
  assert_string_equal(text_at(d, "CertificateCollection/@odata.id"), CERTIFICATES);
  assert_string_equal(d->tls.wish.subject.common_name, "rack-7");
  assert_string_equal(d->tls.wish.names, "rack-7.example,10.0.0.7");
  assert_true(d->tls.wish.p384);
  static const char *const BAD[] = {"{" TO_IT "}", "{\"CommonName\": \"x\"}", "{\"CommonName\": \"x\", \"Country\": \"CHE\", " TO_IT "}",
                                    "{\"CommonName\": \"x\", \"AlternativeNames\": [\"a,email:b\"], " TO_IT "}", "{\"CommonName\": \"x\", \"AlternativeNames\": [5], " TO_IT "}",
                                    "{\"CommonName\": \"x\", \"KeyPairAlgorithm\": \"TPM_ALG_RSA\", " TO_IT "}", "{\"CommonName\": \"x\", \"ChallengePassword\": \"y\", " TO_IT "}"};
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    ask(d, "POST", ACT("GenerateCSR"), BAD[i]);
    if (d->status != 400)
      fail_msg("%s: %d %s", BAD[i], d->status, d->body);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_listens_is_told_and_nothing_else, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_certificate_is_told_by_its_parts, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_replacement_is_the_door_s_to_judge, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_request_has_what_was_asked_for, open_demo, close_demo),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
