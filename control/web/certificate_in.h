/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_CERTIFICATE_IN_H
#define PL_CONTROL_WEB_CERTIFICATE_IN_H

/* Between certificate.c and tls.c, which know OpenSSL. */
#include "control/web/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum pl_status pl_certificate_trouble(struct pl_err *err, const char *what); /* with OpenSSL's reason */
enum pl_status pl_certificate_fingerprint(X509 *x509, char hex[65], struct pl_err *err);
/* Whole and for nobody else (0600), or not at all. leaf, chain: NULL: none. */
enum pl_status pl_certificate_keep(const char *path, EVP_PKEY *key, X509 *leaf, STACK_OF(X509) *chain, struct pl_err *err);

#endif
