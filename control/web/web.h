/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_H
#define PL_CONTROL_WEB_H

#include "control/stack/stack.h"

/* HTTP(S) in front of a stack: civetweb's threads, TLS with a certificate made at first start, limits on size, rate and time, event streams, the page. */
struct pl_web;
struct pl_web_cfg {
  const char *listen;      /* "127.0.0.1:8443"; port 0: any */
  bool plain;              /* http, for a bench; refused on anything but loopback */
  const char *folder;      /* where certificate and key are kept (0600) */
  unsigned threads;        /* for requests; 0: PL_WEB_THREADS. Streams have theirs besides */
  unsigned streams;        /* event streams at a time; 0: PL_WEB_STREAMS */
  double rate;             /* requests a second that one peer may make for long (four times as many in a second); 0: any */
};
#define PL_WEB_THREADS 64
#define PL_WEB_STREAMS 128
#define PL_WEB_RATE 1000.0

enum pl_status pl_web_start(struct pl_stack *stack, const struct pl_web_cfg *cfg, struct pl_web **web, struct pl_err *err);
const char *pl_web_url(const struct pl_web *web);         /* "https://127.0.0.1:8443" */
const char *pl_web_fingerprint(const struct pl_web *web); /* SHA-256 of the certificate, hex; "" when plain */
/* Runs the loop until the last request has been answered and the last stream has ended. */
void pl_web_stop(struct pl_web *web);

#endif
