/* SPDX-License-Identifier: Apache-2.0 */
#include "host/stack/libcurl.h"

#include <dlfcn.h>

#define NAME "libcurl.so.4"

static void *find(void *handle, const char *name, const char **missing)
{
  void *symbol = dlsym(handle, name);
  if (!symbol)
    *missing = name;
  return symbol;
}

enum pl_status pl_libcurl_load(struct pl_libcurl *lib, struct pl_err *err)
{
  const char *missing = NULL;
  *lib = (struct pl_libcurl){.handle = dlopen(NAME, RTLD_NOW | RTLD_LOCAL)};
  if (!lib->handle)
    return pl_fail(err, PL_E_UNSUPPORTED, "a stack at a URL needs " NAME ", which is not here (%s); install the package libcurl4", dlerror());
  lib->global_init = find(lib->handle, "curl_global_init", &missing);
  lib->easy_init = find(lib->handle, "curl_easy_init", &missing);
  lib->easy_cleanup = find(lib->handle, "curl_easy_cleanup", &missing);
  lib->easy_reset = find(lib->handle, "curl_easy_reset", &missing);
  lib->easy_setopt = find(lib->handle, "curl_easy_setopt", &missing);
  lib->easy_getinfo = find(lib->handle, "curl_easy_getinfo", &missing);
  lib->easy_perform = find(lib->handle, "curl_easy_perform", &missing);
  lib->easy_strerror = find(lib->handle, "curl_easy_strerror", &missing);
  lib->slist_append = find(lib->handle, "curl_slist_append", &missing);
  lib->slist_free_all = find(lib->handle, "curl_slist_free_all", &missing);
  if (!missing && !lib->global_init(CURL_GLOBAL_DEFAULT))
    return PL_OK;
  pl_libcurl_close(lib);
  return missing ? pl_fail(err, PL_E_UNSUPPORTED, NAME " has no %s: it is too old, expected 7.85 or later", missing) : pl_fail(err, PL_E_IO, NAME " cannot be set up");
}

/* The library itself stays loaded: its TLS library registers handlers for the end of the program. */
void pl_libcurl_close(struct pl_libcurl *lib)
{
  *lib = (struct pl_libcurl){0};
}
