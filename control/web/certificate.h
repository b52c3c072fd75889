/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_CERTIFICATE_H
#define PL_CONTROL_WEB_CERTIFICATE_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The certificate by which a client knows this stack again: self-signed, EC P-256, in one file with its key (0600), made when there is none or when it has expired.
 * A site's own certificate may stand in its place: key and certificate in PEM, in this order, and behind them those of who signed it.
 */
struct pl_certificate {
  char path[512];
  char fingerprint[65]; /* SHA-256 of the certificate, hex */
  bool made;            /* it was made just now: clients that knew the one before will ask */
};

/* host: besides localhost, 127.0.0.1, ::1 and this machine's name (NULL: none). now_s: seconds since 1970. PL_E_USAGE: the file is there and cannot be used. */
enum pl_status pl_certificate_ready(const char *folder, const char *host, int64_t now_s, struct pl_certificate *certificate, struct pl_err *err);

#endif
