/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that change under way: what a client sees in its handshake, and what is refused. */
#include "control/web/certificate.h"
#include "control/web/tls.h"

#include <openssl/dsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
  char folder[64], path[600];
  struct pl_certificate certificate;
  struct pl_tls *tls;
  SSL_CTX *server;
  EVP_PKEY *ca_key;
  X509 *ca;
  struct pl_err err;
};

#define WELL(call) \
  do { \
    if ((call) != PL_OK) \
      fail_msg("%s: %s", #call, f->err.text); \
  } while (0)

static int64_t now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

static void extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  assert_non_null(e);
  X509_add_ext(x509, e, -1);
  X509_EXTENSION_free(e);
}

/* usage NULL: of an authority. */
static X509 *sign(struct fixture *f, X509_NAME *name, EVP_PKEY *key, int64_t from_s, int64_t to_s, const char *usage)
{
  X509 *x509 = X509_new();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 4711);
  ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(now_s() + from_s));
  ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(now_s() + to_s));
  X509_set_subject_name(x509, name);
  X509_set_issuer_name(x509, f->ca ? X509_get_subject_name(f->ca) : name);
  X509_set_pubkey(x509, key);
  if (usage)
    extend(x509, f->ca, NID_ext_key_usage, usage);
  else
    extend(x509, x509, NID_basic_constraints, "critical,CA:TRUE");
  assert_true(X509_sign(x509, f->ca_key, EVP_sha256()) > 0);
  return x509;
}

static int set_up(void **state)
{
  struct fixture *f = *state = calloc(1, sizeof *f);
  snprintf(f->folder, sizeof f->folder, "/tmp/plumbline-tls-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  WELL(pl_certificate_ready(f->folder, NULL, now_s(), &f->certificate, &f->err));
  WELL(pl_tls_new(f->certificate.path, &f->tls, &f->err));
  f->server = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_chain_file(f->server, f->certificate.path); /* as civetweb does */
  SSL_CTX_use_PrivateKey_file(f->server, f->certificate.path, SSL_FILETYPE_PEM);
  pl_tls_hook(f->tls, f->server);
  X509_NAME *name = X509_NAME_new();
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Test CA", -1, -1, 0);
  f->ca_key = EVP_EC_gen("P-256");
  f->ca = sign(f, name, f->ca_key, -10, 1000, NULL);
  X509_NAME_free(name);
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *f = *state;
  char wanted[620];
  snprintf(wanted, sizeof wanted, "%s.wanted", f->certificate.path);
  unlink(wanted);
  unlink(f->certificate.path);
  rmdir(f->folder);
  SSL_CTX_free(f->server);
  X509_free(f->ca);
  EVP_PKEY_free(f->ca_key);
  pl_tls_free(f->tls);
  free(f);
  return 0;
}

/* One handshake in memory; the fingerprint that the client saw, and how many certificates. */
static int shake_hands(SSL_CTX *server, char fingerprint[65])
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *here = SSL_new(ctx), *there = SSL_new(server);
  BIO *one = NULL, *other = NULL;
  int count = 0;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(here, one, one);
  SSL_set_bio(there, other, other);
  SSL_set_connect_state(here);
  SSL_set_accept_state(there);
  fingerprint[0] = '\0';
  for (int i = 0; i < 20 && !(SSL_is_init_finished(here) && SSL_is_init_finished(there)); i++) {
    SSL_do_handshake(here);
    SSL_do_handshake(there);
  }
  X509 *x509 = SSL_get1_peer_certificate(here);
  if (x509 && SSL_is_init_finished(here)) {
    unsigned char digest[32];
    X509_digest(x509, EVP_sha256(), digest, NULL);
    for (size_t i = 0; i < 32; i++)
      snprintf(fingerprint + 2 * i, 3, "%02x", digest[i]);
    count = sk_X509_num(SSL_get_peer_cert_chain(here));
  }
  X509_free(x509);
  SSL_free(here);
  SSL_free(there);
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return count;
}

static char *pem_of(X509 *leaf, X509 *more, EVP_PKEY *key)
{
  BIO *bio = BIO_new(BIO_s_mem());
  char *text;
  if (key)
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
  PEM_write_bio_X509(bio, leaf);
  if (more)
    PEM_write_bio_X509(bio, more);
  long n = BIO_get_mem_data(bio, &text);
  char *pem = strndup(text, (size_t)n);
  BIO_free(bio);
  return pem;
}

static enum pl_status replace(struct fixture *f, const char *pem)
{
  return pl_tls_replace(f->tls, pem, strlen(pem), now_s(), &f->err);
}

/* A request of this server's, read back and signed. */
static X509 *signed_request(struct fixture *f, bool p384)
{
  struct pl_door_request wish = {.subject = {.common_name = "rack-7", .organization = "Plumbers", .country = "CH"}, .names = "rack-7.example,10.0.0.7", .p384 = p384};
  char *csr = NULL;
  WELL(pl_tls_request(f->tls, &wish, &csr, &f->err));
  BIO *bio = BIO_new_mem_buf(csr, -1);
  X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
  assert_non_null(request);
  EVP_PKEY *key = X509_REQ_get_pubkey(request);
  assert_int_equal(X509_REQ_verify(request, key), 1);
  assert_int_equal(EVP_PKEY_get_bits(key), p384 ? 384 : 256);
  STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
  assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
  X509 *x509 = sign(f, X509_REQ_get_subject_name(request), key, -10, 1000, "serverAuth");
  X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, 0), -1);
  X509_sign(x509, f->ca_key, EVP_sha256());
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  EVP_PKEY_free(key);
  X509_REQ_free(request);
  BIO_free(bio);
  free(csr);
  return x509;
}

static void test_signed_elsewhere(void **state)
{
  struct fixture *f = *state;
  char seen[65], first[65];
  assert_int_equal(shake_hands(f->server, first), 1);
  assert_string_equal(first, f->certificate.fingerprint);
  X509 *x509 = signed_request(f, true);
  char *pem = pem_of(x509, f->ca, NULL);
  shake_hands(f->server, seen);
  assert_string_equal(seen, first); /* a request alone changes nothing */
  WELL(replace(f, pem));
  assert_int_equal(shake_hands(f->server, seen), 2); /* the authority's goes along */
  assert_string_not_equal(seen, first);
  assert_string_equal(seen, pl_tls_fingerprint(f->tls));
  struct pl_door_certificate *told = calloc(1, sizeof *told);
  WELL(pl_tls_certificate(f->tls, told, &f->err));
  assert_string_equal(told->subject.common_name, "rack-7");
  assert_string_equal(told->subject.country, "CH");
  assert_string_equal(told->issuer.common_name, "Test CA");
  assert_string_equal(told->names, "rack-7.example,10.0.0.7");
  assert_string_equal(told->usage, "ServerAuthentication");
  assert_string_equal(told->serial, "12:67");
  assert_true(told->chain);
  assert_int_equal(told->end_s - told->begin_s, 1010);
  assert_null(strstr(told->pem, "PRIVATE"));
  assert_int_equal(strlen(told->fingerprint), 95);
  free(told);
  struct stat st;
  assert_int_equal(stat(f->certificate.path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  struct pl_certificate again; /* as the next start finds it */
  WELL(pl_certificate_ready(f->folder, NULL, now_s(), &again, &f->err));
  assert_false(again.made);
  assert_string_equal(again.fingerprint, seen);
  assert_int_equal(replace(f, pem), PL_OK); /* the same again, for the key in use */
  free(pem);
  X509_free(x509);
}

static EVP_PKEY *dsa_key(void)
{
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL), *with = NULL;
  EVP_PKEY *parameters = NULL, *key = NULL;
  bool ok = ctx && EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 2048) == 1 && EVP_PKEY_paramgen(ctx, &parameters) == 1;
  ok = ok && (with = EVP_PKEY_CTX_new(parameters, NULL)) && EVP_PKEY_keygen_init(with) == 1 && EVP_PKEY_keygen(with, &key) == 1;
  assert_true(ok);
  EVP_PKEY_CTX_free(ctx);
  EVP_PKEY_CTX_free(with);
  EVP_PKEY_free(parameters);
  return key;
}

static void test_with_its_key(void **state)
{
  struct fixture *f = *state;
  char seen[65], before[65];
  EVP_PKEY *rsa = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(512), *short_one = EVP_RSA_gen(1024), *dsa = dsa_key(), *curve = EVP_EC_gen("secp256k1");
  X509_NAME *name = X509_get_subject_name(f->ca);
  X509 *weak_ca = sign(f, name, short_one, -10, 1000, NULL);
  X509 *good = sign(f, name, rsa, -10, 1000, "serverAuth");
  char *pem = pem_of(good, NULL, rsa);
  WELL(replace(f, pem));
  assert_int_equal(shake_hands(f->server, seen), 1); /* of another kind of key than the one before */
  assert_string_equal(seen, pl_tls_fingerprint(f->tls));
  snprintf(before, sizeof before, "%s", seen);
  free(pem);
  X509_free(good);
  struct {
    const char *usage, *why;
    int64_t from_s, to_s;
    EVP_PKEY *of, *with;
    X509 *more;
  } bad[] = {{"serverAuth", "expired", -1000, -10, rsa, rsa, NULL},
             {"serverAuth", "not valid yet", 100, 1000, rsa, rsa, NULL},
             {"clientAuth", "not for a TLS server", -10, 1000, rsa, rsa, NULL},
             {"serverAuth", "no private key", -10, 1000, rsa, f->ca_key, NULL},
             {"serverAuth", "no private key", -10, 1000, f->ca_key, NULL, NULL},
             {"serverAuth", "takes this key", -10, 1000, weak, weak, NULL},
             {"serverAuth", "takes this key", -10, 1000, rsa, rsa, weak_ca}, /* each handshake would fail at it */
             {"serverAuth", "takes this key", -10, 1000, dsa, dsa, NULL},    /* no cipher that is left has it */
             {"serverAuth", "takes this key", -10, 1000, curve, curve, NULL}}; /* no client offers it */
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    X509 *x509 = sign(f, name, bad[i].of, bad[i].from_s, bad[i].to_s, bad[i].usage);
    pem = pem_of(x509, bad[i].more, bad[i].with);
    f->err = (struct pl_err){0};
    if (replace(f, pem) != PL_E_USAGE || !strstr(f->err.text, bad[i].why))
      fail_msg("%zu: %s, expected to be told: %s", i, f->err.text, bad[i].why);
    free(pem);
    X509_free(x509);
  }
  assert_int_equal(replace(f, "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"), PL_E_USAGE);
  assert_int_equal(replace(f, ""), PL_E_USAGE);
  shake_hands(f->server, seen);
  assert_string_equal(seen, before);
  X509_free(weak_ca);
  EVP_PKEY *const keys[] = {rsa, weak, short_one, dsa, curve};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    EVP_PKEY_free(keys[i]);
}

/* What is behind the first is there whole, and fits into what tells it again. */
static void test_what_is_behind_it(void **state)
{
  struct fixture *f = *state;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x509 = sign(f, X509_get_subject_name(f->ca), key, -10, 1000, "serverAuth"), *wide = sign(f, X509_get_subject_name(f->ca), key, -10, 1000, NULL);
  char *first = pem_of(x509, NULL, key), comment[9001], *pem = NULL;
  memset(comment, 'x', sizeof comment - 1);
  comment[sizeof comment - 1] = '\0';
  extend(wide, wide, NID_netscape_comment, comment);
  X509_sign(wide, f->ca_key, EVP_sha256());
  static const char *const BROKEN[] = {"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
                                       "-----BEGIN CERTIFICATE-----\nMIIB"};
  for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
    assert_true(asprintf(&pem, "%s%s", first, BROKEN[i]) > 0);
    assert_int_equal(replace(f, pem), PL_E_USAGE);
    assert_non_null(strstr(f->err.text, "certificate 1 behind the first cannot be read"));
    free(pem);
  }
  struct pl_door_certificate *told = calloc(1, sizeof *told);
  char *more = pem_of(wide, NULL, NULL);
  pem = pem_of(x509, wide, key);
  WELL(replace(f, pem));
  WELL(pl_tls_certificate(f->tls, told, &f->err));
  assert_non_null(strstr(told->pem, more));
  free(pem);
  assert_true(asprintf(&pem, "%s%s%s", first, more, more) > 0);
  assert_int_equal(replace(f, pem), PL_E_USAGE);
  assert_non_null(strstr(f->err.text, "longer than"));
  WELL(pl_tls_certificate(f->tls, told, &f->err));
  free(told);
  free(pem);
  free(more);
  free(first);
  X509_free(wide);
  X509_free(x509);
  EVP_PKEY_free(key);
}

static void test_cannot_be_kept(void **state)
{
  struct fixture *f = *state;
  char seen[65], beside[620];
  X509 *x509 = signed_request(f, false);
  char *pem = pem_of(x509, NULL, NULL);
  snprintf(beside, sizeof beside, "%s.new", f->certificate.path);
  assert_int_equal(mkdir(beside, 0700), 0); /* in its way */
  assert_int_not_equal(replace(f, pem), PL_OK);
  shake_hands(f->server, seen);
  assert_string_equal(seen, f->certificate.fingerprint); /* what is not in the file is not in force */
  rmdir(beside);
  WELL(replace(f, pem));
  free(pem);
  X509_free(x509);
}

static void test_odd_requests(void **state)
{
  struct fixture *f = *state;
  char *csr = NULL;
  struct pl_door_request wish = {.subject = {.common_name = "x", .country = "Switzerland"}};
  assert_int_equal(pl_tls_request(f->tls, &wish, &csr, &f->err), PL_E_USAGE);
  assert_null(csr);
  wish = (struct pl_door_request){.subject = {.common_name = "Z\xc3\xbcrich"}};
  WELL(pl_tls_request(f->tls, &wish, &csr, &f->err));
  free(csr);
}

struct crowd {
  SSL_CTX *server;
  char known[2][65];
  atomic_bool over;
  atomic_uint hands, odd;
};

static void *keep_shaking(void *ctx)
{
  struct crowd *c = ctx;
  char seen[65];
  while (!atomic_load(&c->over)) {
    shake_hands(c->server, seen);
    if (strcmp(seen, c->known[0]) && strcmp(seen, c->known[1]))
      atomic_fetch_add(&c->odd, 1);
    atomic_fetch_add(&c->hands, 1);
  }
  return NULL;
}

/* Each handshake has one certificate whole or the other, with its key. */
static void test_while_clients_come(void **state)
{
  struct fixture *f = *state;
  struct crowd c = {.server = f->server};
  pthread_t threads[2];
  char *pem[2];
  for (int i = 0; i < 2; i++) {
    EVP_PKEY *key = EVP_EC_gen(i ? "P-384" : "P-256");
    X509 *x509 = sign(f, X509_get_subject_name(f->ca), key, -10, 1000, "serverAuth");
    pem[i] = pem_of(x509, f->ca, key);
    WELL(replace(f, pem[i]));
    snprintf(c.known[i], sizeof c.known[i], "%s", pl_tls_fingerprint(f->tls));
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, keep_shaking, &c), 0);
  for (unsigned n = 0; n < 20 || (atomic_load(&c.hands) < 20 && n < 20000); n++)
    WELL(replace(f, pem[n % 2]));
  atomic_store(&c.over, true);
  for (size_t i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&c.odd), 0);
  assert_true(atomic_load(&c.hands) >= 20);
  free(pem[0]);
  free(pem[1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_signed_elsewhere, set_up, tear_down), cmocka_unit_test_setup_teardown(test_with_its_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_cannot_be_kept, set_up, tear_down),   cmocka_unit_test_setup_teardown(test_odd_requests, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_while_clients_come, set_up, tear_down), cmocka_unit_test_setup_teardown(test_what_is_behind_it, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
