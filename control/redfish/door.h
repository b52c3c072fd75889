/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_DOOR_H
#define PL_CONTROL_DOOR_H

#include "control/redfish/services.h"

/*
 * By what clients come in, where there is such a thing (control/web); a stack in process has none. What NetworkProtocol and CertificateService tell is asked of
 * it each time. Loop's thread.
 */
#define PL_DOOR_TEXT_MAX 256
#define PL_DOOR_PEM_MAX 16384
struct pl_door_name { /* RFC 5280 names; "": none */
  char common_name[PL_DOOR_TEXT_MAX], organization[PL_DOOR_TEXT_MAX], unit[PL_DOOR_TEXT_MAX], city[PL_DOOR_TEXT_MAX], state[PL_DOOR_TEXT_MAX],
      country[PL_DOOR_TEXT_MAX], email[PL_DOOR_TEXT_MAX];
};
struct pl_door_certificate {
  char pem[PL_DOOR_PEM_MAX]; /* the certificate and what follows it; never the key */
  bool chain;            /* more than one */
  struct pl_door_name subject, issuer;
  char names[2048];      /* subjectAltName: "localhost,127.0.0.1,::1" */
  int64_t begin_s, end_s; /* since 1970 */
  char serial[PL_DOOR_TEXT_MAX], fingerprint[PL_DOOR_TEXT_MAX], signature[PL_DOOR_TEXT_MAX]; /* "1A:2B:..", SHA-256 alike, OID */
  char usage[PL_DOOR_TEXT_MAX]; /* as schema Certificate has it: "DigitalSignature,ServerAuthentication" */
};
struct pl_door_request { /* for a certificate to be signed elsewhere */
  struct pl_door_name subject;
  char names[2048]; /* "rack-7.example,10.0.0.7" */
  bool p384;        /* else P-256 */
};
struct pl_door {
  bool https; /* else plain HTTP: there is no certificate */
  unsigned port;
  enum pl_status (*certificate)(void *ctx, struct pl_door_certificate *certificate, struct pl_err *err);
  /* PEM: the certificate, those of who signed it behind it, with a private key or for one that is here. In force, for connections from now on, and in the file
   * when this returns PL_OK; else nothing has changed. PL_E_USAGE: it cannot be used. */
  enum pl_status (*replace)(void *ctx, const char *pem, size_t size, int64_t now_s, struct pl_err *err);
  /* A new key, kept here until its certificate comes; csr malloc'd, PEM. */
  enum pl_status (*request)(void *ctx, const struct pl_door_request *request, char **csr, struct pl_err *err);
  void *ctx;
};
void pl_services_set_door(struct pl_services *services, const struct pl_door *door); /* NULL: none any more. Copied */
const struct pl_door *pl_services_door(const struct pl_services *services);          /* NULL: none */

#endif
