/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_PIN_H
#define PL_HOST_PIN_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The certificate that a stack must show, by SHA-256. */
struct pl_pin {
  bool of_key;        /* of the public key (SubjectPublicKeyInfo), as RFC 7469 and curl have it; else of the whole certificate, as programs print it */
  uint8_t sha256[32];
};
/* "sha256//BASE64": of the key. 64 hex digits, with or without "sha256:" before and colons or spaces between: of the certificate. PL_E_USAGE. */
enum pl_status pl_pin_parse(const char *text, struct pl_pin *pin, struct pl_err *err);
/* What curl takes: the pin of the key of a certificate (DER, RFC 5280 section 4.1). PL_E_GARBAGE. size: 64 will do. */
enum pl_status pl_pin_of_key(const uint8_t *der, size_t len, char *out, size_t size, struct pl_err *err);
/* Whether a certificate is the one. */
bool pl_pin_matches(const struct pl_pin *pin, const uint8_t *der, size_t len);
/* The first certificate of a PEM text (RFC 7468): *der is malloc'd. PL_E_GARBAGE. */
enum pl_status pl_pin_from_pem(const char *pem, uint8_t **der, size_t *len, struct pl_err *err);
/* "sha256//..." of a pin of a key. */
void pl_pin_print(const struct pl_pin *pin, char *out, size_t size);

#endif
