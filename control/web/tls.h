/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_TLS_H
#define PL_CONTROL_WEB_TLS_H

#include "control/redfish/door.h"

/*
 * The key and certificate by which connections are answered, to be changed while the server runs: each handshake asks for what is in force then (OpenSSL's
 * certificate callback, SSL_CTX_set_cert_cb(3)), so that nothing of a shared context is written beside its readers.
 */
struct pl_tls;
/* Of TLS 1.2, the oldest that is spoken: forward secrecy and authenticated encryption only. Those of 1.3 are all such (RFC 8446 section B.4). */
#define PL_TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
enum pl_status pl_tls_new(const char *path, struct pl_tls **tls, struct pl_err *err); /* of pl_certificate_ready's file */
void pl_tls_free(struct pl_tls *tls);
void pl_tls_hook(struct pl_tls *tls, void *ssl_ctx);
const char *pl_tls_fingerprint(const struct pl_tls *tls); /* of what is in force: SHA-256, hex */
/* As struct pl_door has them; ctx is the struct pl_tls. */
enum pl_status pl_tls_certificate(void *ctx, struct pl_door_certificate *certificate, struct pl_err *err);
enum pl_status pl_tls_replace(void *ctx, const char *pem, size_t size, int64_t now_s, struct pl_err *err);
enum pl_status pl_tls_request(void *ctx, const struct pl_door_request *request, char **csr, struct pl_err *err);

#endif
