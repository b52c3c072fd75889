/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_LIBCURL_H
#define PL_HOST_LIBCURL_H

#include "drivers/base/err.h"

#include <curl/curl.h>

/* libcurl, loaded when a stack is named by URL: with its TLS library it takes some milliseconds and mebibytes that runs without one need not pay. */
struct pl_libcurl {
  void *handle;
  __typeof__(&curl_global_init) global_init;
  __typeof__(&curl_easy_init) easy_init;
  __typeof__(&curl_easy_cleanup) easy_cleanup;
  __typeof__(&curl_easy_reset) easy_reset;
  __typeof__(&curl_easy_setopt) easy_setopt;
  __typeof__(&curl_easy_getinfo) easy_getinfo;
  __typeof__(&curl_easy_perform) easy_perform;
  __typeof__(&curl_easy_strerror) easy_strerror;
  __typeof__(&curl_slist_append) slist_append;
  __typeof__(&curl_slist_free_all) slist_free_all;
};
enum pl_status pl_libcurl_load(struct pl_libcurl *lib, struct pl_err *err); /* PL_E_UNSUPPORTED: it is not installed */
void pl_libcurl_close(struct pl_libcurl *lib);

#endif
