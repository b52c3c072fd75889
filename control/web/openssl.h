/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_OPENSSL_H
#define PL_CONTROL_WEB_OPENSSL_H

const char *pl_openssl_version(void); /* "OpenSSL 3.0.x ..." */

#endif
