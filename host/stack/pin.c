/* SPDX-License-Identifier: Apache-2.0 */
#include "host/stack/pin.h"

#include <ctype.h>
#include <sha256.h>

#define KEY_PREFIX "sha256//"

/* --- base64 (RFC 4648 section 4) --- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* White space is skipped. Returns how many bytes, or -1. out has room for 3/4 of the text. */
static long base64_decode(const char *text, size_t len, uint8_t *out)
{
  uint32_t bits = 0;
  unsigned n = 0, pads = 0;
  long used = 0;
  for (size_t i = 0; i < len; i++) {
    const char *digit = text[i] ? strchr(DIGITS, text[i]) : NULL;
    if (isspace((unsigned char)text[i]))
      continue;
    if (text[i] == '=' && ++pads <= 2)
      continue;
    if (!digit || pads)
      return -1;
    bits = bits << 6 | (uint32_t)(digit - DIGITS);
    if (++n == 4) {
      out[used++] = (uint8_t)(bits >> 16);
      out[used++] = (uint8_t)(bits >> 8);
      out[used++] = (uint8_t)bits;
      n = 0;
      bits = 0;
    }
  }
  if (n + pads != 0 && n + pads != 4)
    return -1;
  if (n == 3)
    out[used++] = (uint8_t)(bits >> 10);
  if (n >= 2)
    out[used++] = (uint8_t)(n == 3 ? bits >> 2 : bits >> 4);
  return n == 1 ? -1 : used;
}

static void base64_encode(const uint8_t *bytes, size_t len, char *out)
{
  for (size_t i = 0; i < len; i += 3) {
    uint32_t bits = (uint32_t)bytes[i] << 16 | (i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < len ? bytes[i + 2] : 0);
    *out++ = DIGITS[bits >> 18 & 63];
    *out++ = DIGITS[bits >> 12 & 63];
    *out++ = i + 1 < len ? DIGITS[bits >> 6 & 63] : '=';
    *out++ = i + 2 < len ? DIGITS[bits & 63] : '=';
  }
  *out = '\0';
}

/* --- the pin as it is given --- */

static int hex_value(char c)
{
  return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool parse_hex(const char *text, uint8_t out[32])
{
  size_t n = 0;
  for (; *text; text++) {
    if (*text == ':' || *text == ' ')
      continue;
    if (hex_value(*text) < 0 || n == 64)
      return false;
    out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | hex_value(*text) : hex_value(*text) << 4);
    n++;
  }
  return n == 64;
}

enum pl_status pl_pin_parse(const char *text, struct pl_pin *pin, struct pl_err *err)
{
  uint8_t bytes[48];
  size_t prefix = strlen(KEY_PREFIX);
  *pin = (struct pl_pin){.of_key = !strncmp(text, KEY_PREFIX, prefix)};
  if (pin->of_key && strlen(text + prefix) == 44 && base64_decode(text + prefix, 44, bytes) == 32) {
    memcpy(pin->sha256, bytes, 32);
    return PL_OK;
  }
  if (!pin->of_key && parse_hex(strncmp(text, "sha256:", 7) ? text : text + 7, pin->sha256))
    return PL_OK;
  return pl_fail(err, PL_E_USAGE, "'%s' is no pin, expected sha256//BASE64 of the certificate's public key, or the certificate's SHA-256 in 64 hex digits", text);
}

/* --- certificates --- */

struct der {
  const uint8_t *at, *end;
};

/* One element (X.690 section 8.1, definite lengths): *inside is its content, *whole all of it; der moves behind it. */
static bool take(struct der *der, uint8_t tag, struct der *inside, struct der *whole)
{
  const uint8_t *from = der->at;
  if (der->end - der->at < 2 || der->at[0] != tag)
    return false;
  size_t len = der->at[1], more = 0;
  der->at += 2;
  if (len & 0x80) {
    more = len & 0x7f;
    if (more < 1 || more > 3 || (size_t)(der->end - der->at) < more)
      return false;
    for (len = 0; more; more--)
      len = len << 8 | *der->at++;
  }
  if ((size_t)(der->end - der->at) < len)
    return false;
  *inside = (struct der){der->at, der->at + len};
  der->at += len;
  if (whole)
    *whole = (struct der){from, der->at};
  return true;
}

enum { INTEGER = 0x02, SEQUENCE = 0x30, VERSION = 0xa0 };

/* TBSCertificate: [0] version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, ... */
static bool find_key(const uint8_t *bytes, size_t len, struct der *key)
{
  struct der all = {bytes, bytes + len}, certificate, tbs, skipped;
  if (!take(&all, SEQUENCE, &certificate, NULL) || !take(&certificate, SEQUENCE, &tbs, NULL))
    return false;
  if (tbs.at < tbs.end && *tbs.at == VERSION && !take(&tbs, VERSION, &skipped, NULL))
    return false;
  bool good = take(&tbs, INTEGER, &skipped, NULL);
  for (int i = 0; i < 4 && good; i++)
    good = take(&tbs, SEQUENCE, &skipped, NULL);
  return good && take(&tbs, SEQUENCE, &skipped, key);
}

static void hash(const uint8_t *bytes, size_t len, uint8_t out[32])
{
  SHA2_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, bytes, len);
  SHA256Final(out, &context);
}

void pl_pin_print(const struct pl_pin *pin, char *out, size_t size)
{
  char text[48];
  base64_encode(pin->sha256, sizeof pin->sha256, text);
  snprintf(out, size, KEY_PREFIX "%s", text);
}

enum pl_status pl_pin_of_key(const uint8_t *der, size_t len, char *out, size_t size, struct pl_err *err)
{
  struct der key;
  struct pl_pin pin = {.of_key = true};
  if (!find_key(der, len, &key))
    return pl_fail(err, PL_E_GARBAGE, "what the stack shows is no certificate (X.509)");
  hash(key.at, (size_t)(key.end - key.at), pin.sha256);
  pl_pin_print(&pin, out, size);
  return PL_OK;
}

bool pl_pin_matches(const struct pl_pin *pin, const uint8_t *der, size_t len)
{
  struct der what = {der, der + len};
  uint8_t sum[32];
  if (pin->of_key && !find_key(der, len, &what))
    return false;
  hash(what.at, (size_t)(what.end - what.at), sum);
  return !memcmp(sum, pin->sha256, sizeof sum);
}

enum pl_status pl_pin_from_pem(const char *pem, uint8_t **der, size_t *len, struct pl_err *err)
{
  static const char BEGIN[] = "-----BEGIN CERTIFICATE-----", END[] = "-----END CERTIFICATE-----";
  const char *from = strstr(pem, BEGIN), *to = from ? strstr(from, END) : NULL;
  if (!to)
    return pl_fail(err, PL_E_GARBAGE, "the stack shows no certificate");
  from += sizeof BEGIN - 1;
  uint8_t *bytes = malloc((size_t)(to - from) + 1);
  if (!bytes)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a certificate");
  long n = base64_decode(from, (size_t)(to - from), bytes);
  if (n <= 0) {
    free(bytes);
    return pl_fail(err, PL_E_GARBAGE, "the stack's certificate is malformed");
  }
  *der = bytes;
  *len = (size_t)n;
  return PL_OK;
}
