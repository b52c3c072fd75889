/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_URL_H
#define PL_HOST_URL_H

#include "host/stack/libcurl.h"
#include "host/stack/pin.h"
#include "host/stack/transport.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the two threads of a stack at a URL share: one that asks (url.c), one that hears events (url_events.c). */
struct pl_url {
  struct pl_client *client;
  struct pl_clock *clock;
  const char *url;
  char origin[256];       /* "https://host:8443" */
  struct pl_libcurl curl;
  bool has_pin;
  struct pl_pin pin;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* work has come, or it closes */
  char key_pin[64];       /* what curl holds the certificate's key against; "": the CAs judge. Under the lock */
  atomic_bool closing;
  pthread_t worker;
  bool has_worker;
  CURL *handle;           /* the worker's */
  struct pl_url_job *jobs, **jobs_tail, *finished; /* under the lock */
  struct pl_post post;    /* takes what is finished to the loop */
  struct pl_url_stream *stream;
};

/* Address, certificate, protocol and the thread's end: what every request has in common. */
void pl_url_set_up(struct pl_url *url, CURL *handle, const char *target);
const char *pl_url_why(const struct pl_url *url, CURLcode code, const char *buffer, char *out, size_t size); /* a sentence's part */

enum pl_status pl_url_stream_open(struct pl_url *url, uint64_t after, const char *target, const char *token, struct pl_url_stream **stream, struct pl_err *err);
void pl_url_stream_close(struct pl_url_stream *stream); /* url->closing is set */

#endif
