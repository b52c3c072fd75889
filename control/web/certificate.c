/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/certificate_in.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAYS = 825, SERIAL_BYTES = 16 }; /* 825: as long as CA/Browser Forum's baseline requirements ever allowed a leaf since 2018, from memory */

enum pl_status pl_certificate_trouble(struct pl_err *err, const char *what)
{
  char why[160] = "no reason told";
  unsigned long code = ERR_get_error();
  if (code)
    ERR_error_string_n(code, why, sizeof why);
  ERR_clear_error();
  return pl_fail(err, PL_E_IO, "%s: %s", what, why);
}

enum pl_status pl_certificate_fingerprint(X509 *x509, char hex[65], struct pl_err *err)
{
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!X509_digest(x509, EVP_sha256(), digest, &size) || size != 32)
    return pl_certificate_trouble(err, "cannot take the certificate's fingerprint");
  for (size_t i = 0; i < 32; i++)
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  return PL_OK;
}

/* "DNS:localhost,IP:127.0.0.1,..." */
static void subject_names(const char *host, char *names, size_t size)
{
  char machine[128] = "";
  gethostname(machine, sizeof machine - 1);
  int n = snprintf(names, size, "DNS:localhost,IP:127.0.0.1,IP:::1");
  const char *const others[] = {machine, host};
  for (size_t i = 0; i < 2; i++) {
    const char *name = others[i];
    if (!name || !name[0] || n < 0 || (size_t)n >= size)
      continue;
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
    ASN1_OCTET_STRING_free(ip);
    if (ip || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(name))
      n += snprintf(names + n, size - (size_t)n, ",%s:%s", ip ? "IP" : "DNS", name);
  }
}

static bool add_extension(X509 *x509, int nid, const char *value)
{
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  bool ok = extension && X509_add_ext(x509, extension, -1);
  X509_EXTENSION_free(extension);
  return ok;
}

static bool fill(X509 *x509, EVP_PKEY *key, const char *names, int64_t now_s)
{
  unsigned char serial[SERIAL_BYTES];
  if (RAND_bytes(serial, sizeof serial) != 1)
    return false;
  serial[0] &= 0x7f; /* RFC 5280 section 4.1.2.2: positive */
  BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
  X509_NAME *name = X509_get_subject_name(x509);
  bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) && X509_set_version(x509, X509_VERSION_3) &&
            ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(now_s - 3600)) && /* a client's clock may be slow */
            ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(now_s + (int64_t)DAYS * 86400)) && X509_set_pubkey(x509, key) &&
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"rackd", -1, -1, 0) && X509_set_issuer_name(x509, name) &&
            add_extension(x509, NID_subject_alt_name, names) && add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
            add_extension(x509, NID_key_usage, "critical,digitalSignature") && add_extension(x509, NID_ext_key_usage, "serverAuth") &&
            X509_sign(x509, key, EVP_sha256()) > 0;
  BN_free(number);
  return ok;
}

/* Beside and then in place: at no moment is there half a file, or one that others may read. */
enum pl_status pl_certificate_keep(const char *path, EVP_PKEY *key, X509 *leaf, STACK_OF(X509) *chain, struct pl_err *err)
{
  char beside[520];
  snprintf(beside, sizeof beside, "%s.new", path);
  unlink(beside);
  int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (!file) {
    enum pl_status status = pl_fail_errno(err, "%s: cannot write the certificate there", beside);
    if (fd >= 0)
      close(fd);
    return status;
  }
  bool ok = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) && (!leaf || PEM_write_X509(file, leaf));
  for (int i = 0; ok && chain && i < sk_X509_num(chain); i++)
    ok = PEM_write_X509(file, sk_X509_value(chain, i));
  ok = ok && !fflush(file) && !fsync(fd);
  ok = !fclose(file) && ok;
  if (!ok || rename(beside, path)) {
    enum pl_status status = pl_fail_errno(err, "%s: cannot write the certificate there", path);
    unlink(beside);
    return status;
  }
  return PL_OK;
}

static enum pl_status make(const char *host, int64_t now_s, struct pl_certificate *certificate, struct pl_err *err)
{
  char names[512];
  subject_names(host, names, sizeof names);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x509 = X509_new();
  enum pl_status status = PL_OK;
  if (!key || !x509 || !fill(x509, key, names, now_s))
    status = pl_certificate_trouble(err, "cannot make a certificate");
  if (!status)
    status = pl_certificate_fingerprint(x509, certificate->fingerprint, err);
  if (!status)
    status = pl_certificate_keep(certificate->path, key, x509, NULL, err);
  X509_free(x509);
  EVP_PKEY_free(key);
  certificate->made = !status;
  return status;
}

/* What stands in the file, checked. *expired: it is in order, but for its date. */
static enum pl_status look(FILE *file, int64_t now_s, struct pl_certificate *certificate, bool *expired, struct pl_err *err)
{
  EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, (void *)""); /* no question for a passphrase */
  rewind(file);
  X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
  enum pl_status status = PL_OK;
  time_t now = (time_t)now_s;
  if (!key || !x509)
    status = pl_fail(err, PL_E_USAGE, "%s: not a private key and a certificate in PEM; mend it, or remove it and a new one is made", certificate->path);
  else if (X509_check_private_key(x509, key) != 1)
    status = pl_fail(err, PL_E_USAGE, "%s: the key is not the certificate's; mend it, or remove it and a new one is made", certificate->path);
  else
    status = pl_certificate_fingerprint(x509, certificate->fingerprint, err);
  if (!status)
    *expired = X509_cmp_time(X509_get0_notAfter(x509), &now) < 0;
  ERR_clear_error();
  X509_free(x509);
  EVP_PKEY_free(key);
  return status;
}

enum pl_status pl_certificate_ready(const char *folder, const char *host, int64_t now_s, struct pl_certificate *certificate, struct pl_err *err)
{
  memset(certificate, 0, sizeof *certificate);
  int n = snprintf(certificate->path, sizeof certificate->path, "%s/rackd.pem", folder);
  if (n < 0 || (size_t)n >= sizeof certificate->path)
    return pl_fail(err, PL_E_USAGE, "%s: the folder's name is too long", folder);
  FILE *file = fopen(certificate->path, "re");
  if (!file && errno == ENOENT)
    return make(host, now_s, certificate, err);
  if (!file)
    return pl_fail_errno(err, "%s: cannot read the certificate", certificate->path);
  struct stat st;
  bool expired = false;
  enum pl_status status = fstat(fileno(file), &st) ? pl_fail_errno(err, "%s", certificate->path) : PL_OK;
  if (!status && (st.st_mode & 077))
    status = pl_fail(err, PL_E_USAGE, "%s: the private key can be read by others (mode %03o); chmod 600, or remove it and a new one is made", certificate->path,
                     (unsigned)(st.st_mode & 0777));
  if (!status)
    status = look(file, now_s, certificate, &expired, err);
  fclose(file);
  return !status && expired ? make(host, now_s, certificate, err) : status;
}
