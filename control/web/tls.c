/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/tls.h"

#include "control/web/certificate_in.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A key of 16,384 bits (libssl takes no longer ones) and what a client may send fit into the file. */
enum { CHAIN_MAX = 8, FILE_MAX = 32768, TRIES = 20 };
static_assert(PL_DOOR_PEM_MAX <= FILE_MAX / 2, "the key has the other half");

struct identity { /* a key, its certificate, those of who signed it */
  EVP_PKEY *key;
  X509 *leaf;
  STACK_OF(X509) *chain;
};

struct pl_tls {
  pthread_mutex_t lock; /* of `now`: handshakes read it on threads of their own */
  struct identity now;
  char path[512], wanted[520], fingerprint[65]; /* wanted: the key of a request that is still to be signed */
};

static void drop(struct identity *identity)
{
  EVP_PKEY_free(identity->key);
  X509_free(identity->leaf);
  sk_X509_pop_free(identity->chain, X509_free);
  *identity = (struct identity){0};
}

/* No question for a passphrase: a key that has one is none. */
static EVP_PKEY *read_key(const char *pem, size_t size)
{
  BIO *bio = BIO_new_mem_buf(pem, (int)size);
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
  BIO_free(bio);
  ERR_clear_error();
  return key;
}

static EVP_PKEY *key_in(const char *path)
{
  char pem[16384];
  FILE *file = fopen(path, "re");
  size_t n = file ? fread(pem, 1, sizeof pem, file) : 0;
  if (file)
    fclose(file);
  EVP_PKEY *key = n ? read_key(pem, n) : NULL;
  OPENSSL_cleanse(pem, sizeof pem);
  return key;
}

static enum pl_status read_certificates(const char *pem, size_t size, struct identity *identity, struct pl_err *err)
{
  BIO *bio = BIO_new_mem_buf(pem, (int)size);
  X509 *each;
  identity->chain = sk_X509_new_null();
  while (bio && identity->chain && (each = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
    if (!identity->leaf)
      identity->leaf = each;
    else if (sk_X509_num(identity->chain) >= CHAIN_MAX || !sk_X509_push(identity->chain, each)) {
      X509_free(each);
      BIO_free(bio);
      return pl_fail(err, PL_E_USAGE, "more than %d certificates behind the first; leave out what clients have themselves", CHAIN_MAX);
    }
  }
  BIO_free(bio);
  unsigned long why = ERR_peek_last_error();
  bool at_end = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (identity->leaf && !at_end)
    return pl_fail(err, PL_E_USAGE, "certificate %d behind the first cannot be read; send it again whole", sk_X509_num(identity->chain) + 1);
  return identity->leaf ? PL_OK : pl_fail(err, PL_E_USAGE, "there is no certificate in PEM in it (-----BEGIN CERTIFICATE-----)");
}

enum pl_status pl_tls_new(const char *path, struct pl_tls **out, struct pl_err *err)
{
  struct pl_tls *tls = calloc(1, sizeof *tls);
  char pem[FILE_MAX];
  FILE *file = tls ? fopen(path, "re") : NULL;
  if (!file) {
    free(tls);
    return pl_fail_errno(err, "%s", path);
  }
  size_t n = fread(pem, 1, sizeof pem, file);
  fclose(file);
  snprintf(tls->path, sizeof tls->path, "%s", path);
  snprintf(tls->wanted, sizeof tls->wanted, "%s.wanted", path);
  pthread_mutex_init(&tls->lock, NULL);
  enum pl_status status = read_certificates(pem, n, &tls->now, err);
  if (!status && !(tls->now.key = read_key(pem, n)))
    status = pl_fail(err, PL_E_USAGE, "%s: no private key in it", path);
  OPENSSL_cleanse(pem, sizeof pem);
  if (!status)
    status = pl_certificate_fingerprint(tls->now.leaf, tls->fingerprint, err);
  if (status)
    pl_tls_free(tls);
  else
    *out = tls;
  return status;
}

void pl_tls_free(struct pl_tls *tls)
{
  if (!tls)
    return;
  drop(&tls->now);
  pthread_mutex_destroy(&tls->lock);
  free(tls);
}

const char *pl_tls_fingerprint(const struct pl_tls *tls)
{
  return tls->fingerprint;
}

static bool use(SSL *ssl, const struct identity *identity)
{
  return SSL_use_certificate(ssl, identity->leaf) == 1 && SSL_use_PrivateKey(ssl, identity->key) == 1 && SSL_set1_chain(ssl, identity->chain) == 1;
}

/* At the beginning of a handshake. What the context was made with may be of another kind of key, and would be offered besides. */
static int give(SSL *ssl, void *arg)
{
  struct pl_tls *tls = arg;
  SSL_certs_clear(ssl);
  pthread_mutex_lock(&tls->lock);
  int ok = use(ssl, &tls->now);
  pthread_mutex_unlock(&tls->lock);
  return ok;
}

void pl_tls_hook(struct pl_tls *tls, void *ssl_ctx)
{
  SSL_CTX_set_cert_cb(ssl_ctx, give, tls);
}

/* --- what it says --- */

static void name_part(X509_NAME *name, int nid, char out[PL_DOOR_TEXT_MAX])
{
  int at = X509_NAME_get_index_by_NID(name, nid, -1);
  unsigned char *text = NULL;
  if (at >= 0 && ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) >= 0)
    snprintf(out, PL_DOOR_TEXT_MAX, "%s", (const char *)text);
  OPENSSL_free(text);
}

/* What a name has: in it, and as a request asks for it. */
static const struct {
  int nid;
  size_t at;
} PARTS[] = {
    {NID_commonName, offsetof(struct pl_door_name, common_name)},   {NID_organizationName, offsetof(struct pl_door_name, organization)},
    {NID_organizationalUnitName, offsetof(struct pl_door_name, unit)}, {NID_localityName, offsetof(struct pl_door_name, city)},
    {NID_stateOrProvinceName, offsetof(struct pl_door_name, state)}, {NID_countryName, offsetof(struct pl_door_name, country)},
    {NID_pkcs9_emailAddress, offsetof(struct pl_door_name, email)},
};

static void read_name(X509_NAME *from, struct pl_door_name *name)
{
  for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
    name_part(from, PARTS[i].nid, (char *)name + PARTS[i].at);
}

static void add_word(char *list, size_t size, const char *word)
{
  size_t n = strlen(list);
  snprintf(list + n, size - n, "%s%s", n ? "," : "", word);
}

static void read_alternatives(X509 *x509, char *out, size_t size)
{
  GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    char text[PL_DOOR_TEXT_MAX] = "";
    if (name->type == GEN_DNS)
      snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(name->d.dNSName), (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    else if (name->type == GEN_IPADD && (ASN1_STRING_length(name->d.iPAddress) == 4 || ASN1_STRING_length(name->d.iPAddress) == 16))
      inet_ntop(ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
    if (text[0])
      add_word(out, size, text);
  }
  GENERAL_NAMES_free(names);
}

static void read_usage(X509 *x509, char *out, size_t size)
{
  static const struct {
    uint32_t bit;
    const char *name;
    bool extended;
  } USAGES[] = {
      {KU_DIGITAL_SIGNATURE, "DigitalSignature", false}, {KU_NON_REPUDIATION, "NonRepudiation", false},     {KU_KEY_ENCIPHERMENT, "KeyEncipherment", false},
      {KU_DATA_ENCIPHERMENT, "DataEncipherment", false}, {KU_KEY_AGREEMENT, "KeyAgreement", false},         {KU_KEY_CERT_SIGN, "KeyCertSign", false},
      {KU_CRL_SIGN, "CRLSigning", false},                {XKU_SSL_SERVER, "ServerAuthentication", true},    {XKU_SSL_CLIENT, "ClientAuthentication", true},
  };
  uint32_t has[2] = {X509_get_key_usage(x509), X509_get_extended_key_usage(x509)};
  for (size_t i = 0; i < sizeof USAGES / sizeof USAGES[0]; i++) /* UINT32_MAX: it says nothing, so that all is allowed */
    if (has[USAGES[i].extended] != UINT32_MAX && has[USAGES[i].extended] & USAGES[i].bit)
      add_word(out, size, USAGES[i].name);
}

static void colons(const unsigned char *bytes, size_t count, char out[PL_DOOR_TEXT_MAX])
{
  out[0] = '\0';
  for (size_t i = 0; i < count && 3 * i + 3 < PL_DOOR_TEXT_MAX; i++)
    snprintf(out + (i ? 3 * i - 1 : 0), 4, "%s%02X", i ? ":" : "", bytes[i]);
}

static int64_t seconds_of(const ASN1_TIME *at)
{
  struct tm tm;
  return ASN1_TIME_to_tm(at, &tm) ? (int64_t)timegm(&tm) : 0;
}

static bool write_pem(const struct identity *identity, char *out, size_t size)
{
  BIO *bio = BIO_new(BIO_s_mem());
  char *text = NULL;
  bool ok = bio && PEM_write_bio_X509(bio, identity->leaf);
  for (int i = 0; ok && i < sk_X509_num(identity->chain); i++)
    ok = PEM_write_bio_X509(bio, sk_X509_value(identity->chain, i));
  long n = ok ? BIO_get_mem_data(bio, &text) : 0;
  if (n > 0 && (size_t)n < size)
    snprintf(out, size, "%.*s", (int)n, text);
  BIO_free(bio);
  return out[0];
}

enum pl_status pl_tls_certificate(void *ctx, struct pl_door_certificate *c, struct pl_err *err)
{
  struct pl_tls *tls = ctx;
  X509 *x509 = tls->now.leaf; /* changed on this thread alone */
  unsigned char digest[EVP_MAX_MD_SIZE], serial[64];
  unsigned n = 0;
  *c = (struct pl_door_certificate){.chain = sk_X509_num(tls->now.chain) > 0, .begin_s = seconds_of(X509_get0_notBefore(x509)), .end_s = seconds_of(X509_get0_notAfter(x509))};
  read_name(X509_get_subject_name(x509), &c->subject);
  read_name(X509_get_issuer_name(x509), &c->issuer);
  read_alternatives(x509, c->names, sizeof c->names);
  read_usage(x509, c->usage, sizeof c->usage);
  OBJ_obj2txt(c->signature, sizeof c->signature, OBJ_nid2obj(X509_get_signature_nid(x509)), 1);
  const ASN1_INTEGER *number = X509_get0_serialNumber(x509);
  n = (unsigned)ASN1_STRING_length(number) < sizeof serial ? (unsigned)ASN1_STRING_length(number) : (unsigned)sizeof serial;
  memcpy(serial, ASN1_STRING_get0_data(number), n);
  colons(serial, n, c->serial);
  if (!X509_digest(x509, EVP_sha256(), digest, &n) || !write_pem(&tls->now, c->pem, sizeof c->pem))
    return pl_certificate_trouble(err, "cannot write the certificate out");
  colons(digest, n, c->fingerprint);
  return PL_OK;
}

/* --- another one --- */

static EVP_PKEY *matching(X509 *leaf, EVP_PKEY *key)
{
  bool ours = key && X509_check_private_key(leaf, key) == 1;
  ERR_clear_error();
  if (ours)
    return key;
  EVP_PKEY_free(key);
  return NULL;
}

/* A client as OpenSSL has it and a server as it would be: what of a key, a curve or a chain no connection comes about with is known only by trying. */
static bool shakes_hands(const struct identity *identity)
{
  SSL_CTX *ours = SSL_CTX_new(TLS_server_method()), *theirs = SSL_CTX_new(TLS_client_method());
  SSL *server = ours && SSL_CTX_set_min_proto_version(ours, TLS1_2_VERSION) && SSL_CTX_set_cipher_list(ours, PL_TLS_CIPHERS) ? SSL_new(ours) : NULL;
  SSL *client = theirs ? SSL_new(theirs) : NULL;
  BIO *one = NULL, *other = NULL;
  bool ok = server && client && use(server, identity) && BIO_new_bio_pair(&one, 0, &other, 0), over = false;
  if (ok) {
    SSL_set_bio(server, one, one);
    SSL_set_bio(client, other, other);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
  }
  for (int i = 0; ok && !over && i < TRIES; i++) {
    int theirs_is = SSL_do_handshake(client), ours_is = SSL_do_handshake(server);
    ok = (theirs_is == 1 || SSL_get_error(client, theirs_is) != SSL_ERROR_SSL) && (ours_is == 1 || SSL_get_error(server, ours_is) != SSL_ERROR_SSL);
    over = theirs_is == 1 && ours_is == 1;
  }
  SSL_free(server);
  SSL_free(client);
  SSL_CTX_free(ours);
  SSL_CTX_free(theirs);
  return ok && over;
}

/* What clients would refuse, or this program's own TLS, is refused here: nobody could put it right again from afar. */
static enum pl_status judge(const struct identity *identity, int64_t now_s, struct pl_err *err)
{
  time_t now = (time_t)now_s;
  if (X509_cmp_time(X509_get0_notAfter(identity->leaf), &now) <= 0)
    return pl_fail(err, PL_E_USAGE, "the certificate has expired; have a new one signed");
  if (X509_cmp_time(X509_get0_notBefore(identity->leaf), &now) > 0)
    return pl_fail(err, PL_E_USAGE, "the certificate is not valid yet; send it when it is, or set the clock of whoever is wrong");
  if (X509_check_purpose(identity->leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
    return pl_fail(err, PL_E_USAGE, "the certificate is not for a TLS server (its key usages say so); have one signed that is");
  char pem[PL_DOOR_PEM_MAX] = "";
  if (!write_pem(identity, pem, sizeof pem))
    return pl_fail(err, PL_E_USAGE, "the certificate and those behind it are longer than %d characters; leave out what clients have themselves", PL_DOOR_PEM_MAX - 1);
  ERR_clear_error();
  return shakes_hands(identity) ? PL_OK : pl_certificate_trouble(err, "TLS takes this key or certificate, or one behind it, not");
}

enum pl_status pl_tls_replace(void *ctx, const char *pem, size_t size, int64_t now_s, struct pl_err *err)
{
  struct pl_tls *tls = ctx;
  struct identity next = {0};
  char fingerprint[65];
  enum pl_status status = size < INT_MAX ? read_certificates(pem, size, &next, err) : pl_fail(err, PL_E_USAGE, "too long for a certificate");
  if (!status && strstr(pem, "PRIVATE KEY-----"))
    next.key = matching(next.leaf, read_key(pem, size));
  else if (!status && !(next.key = matching(next.leaf, key_in(tls->wanted))) && EVP_PKEY_up_ref(tls->now.key))
    next.key = matching(next.leaf, tls->now.key);
  if (!status && !next.key)
    status = pl_fail(err, PL_E_USAGE, "there is no private key for this certificate: neither with it, nor of the last GenerateCSR, nor in use");
  if (!status)
    status = judge(&next, now_s, err);
  if (status == PL_E_IO)
    status = err->status = PL_E_USAGE; /* OpenSSL's reason, the client's certificate */
  if (!status)
    status = pl_certificate_fingerprint(next.leaf, fingerprint, err);
  if (!status)
    status = pl_certificate_keep(tls->path, next.key, next.leaf, next.chain, err);
  if (!status) {
    pthread_mutex_lock(&tls->lock);
    struct identity before = tls->now;
    tls->now = next;
    next = before;
    pthread_mutex_unlock(&tls->lock);
    memcpy(tls->fingerprint, fingerprint, sizeof fingerprint);
    EVP_PKEY *wanted = matching(tls->now.leaf, key_in(tls->wanted));
    if (wanted)
      unlink(tls->wanted);
    EVP_PKEY_free(wanted);
  }
  drop(&next);
  return status;
}

static bool add_names(X509_REQ *request, const char *names)
{
  char text[4096] = "", copy[2048], *save = NULL;
  snprintf(copy, sizeof copy, "%s", names);
  for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(word);
    char one[300];
    snprintf(one, sizeof one, "%s:%s", ip ? "IP" : "DNS", word);
    ASN1_OCTET_STRING_free(ip);
    add_word(text, sizeof text, one);
  }
  STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
  X509_EXTENSION *extension = *text ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text) : NULL;
  bool ok = !*text || (all && extension && sk_X509_EXTENSION_push(all, extension) && X509_REQ_add_extensions(request, all));
  if (!ok)
    X509_EXTENSION_free(extension);
  sk_X509_EXTENSION_pop_free(all, ok ? X509_EXTENSION_free : NULL);
  return ok;
}

static bool fill_request(X509_REQ *request, EVP_PKEY *key, const struct pl_door_request *wish)
{
  X509_NAME *name = X509_REQ_get_subject_name(request);
  for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
    const char *text = (const char *)&wish->subject + PARTS[i].at;
    if (*text && !X509_NAME_add_entry_by_NID(name, PARTS[i].nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0))
      return false;
  }
  return X509_REQ_set_pubkey(request, key) && add_names(request, wish->names) && X509_REQ_sign(request, key, EVP_sha256()) > 0;
}

enum pl_status pl_tls_request(void *ctx, const struct pl_door_request *wish, char **csr, struct pl_err *err)
{
  struct pl_tls *tls = ctx;
  EVP_PKEY *key = EVP_EC_gen(wish->p384 ? "P-384" : "P-256");
  X509_REQ *request = X509_REQ_new();
  BIO *bio = BIO_new(BIO_s_mem());
  char *text = NULL;
  enum pl_status status = PL_OK;
  *csr = NULL;
  if (!key || !request || !bio || !fill_request(request, key, wish) || !PEM_write_bio_X509_REQ(bio, request)) {
    status = pl_certificate_trouble(err, "cannot make such a request"); /* a name that is too long, a country of more than two letters */
    status = err->status = PL_E_USAGE;
  }
  if (!status)
    status = pl_certificate_keep(tls->wanted, key, NULL, NULL, err);
  if (!status) {
    long n = BIO_get_mem_data(bio, &text);
    *csr = strndup(text, (size_t)n);
    status = *csr ? PL_OK : pl_fail(err, PL_E_NOMEM, "no memory for a request");
  }
  BIO_free(bio);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  return status;
}
