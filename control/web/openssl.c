/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets Debian 12's civetweb have TLS. Its libcivetweb 1.15 is built for OpenSSL 1.1 and loads its functions itself, by dlopen("libcrypto.so") and
 * dlopen("libssl.so") (src/civetweb.c load_tls_dll, src/openssl_dl.inl): names that only the -dev package brings, and among them SSL_get_peer_certificate, which
 * OpenSSL 3 calls SSL_get1_peer_certificate (a macro in openssl/ssl.h), so that the symbol is missing and TLS stays off. This program is linked with
 * OpenSSL 3 anyway: asked for these two libraries it gives itself, and the missing name stands here. Newer builds ask for the new name and find it the same way.
 */
#include "control/web/openssl.h"

#include <dlfcn.h>
#include <openssl/ssl.h>
#include <string.h>

#undef SSL_get_peer_certificate
X509 *SSL_get_peer_certificate(const SSL *ssl);
X509 *SSL_get_peer_certificate(const SSL *ssl)
{
  return SSL_get1_peer_certificate(ssl);
}

void *dlopen(const char *name, int flags)
{
  void *(*next)(const char *, int); /* the C library's */
  *(void **)&next = dlsym(RTLD_NEXT, "dlopen");
  if (name && (!strcmp(name, "libssl.so") || !strcmp(name, "libcrypto.so")))
    name = NULL;
  return next ? next(name, flags) : NULL;
}

const char *pl_openssl_version(void)
{
  return OpenSSL_version(OPENSSL_VERSION);
}
