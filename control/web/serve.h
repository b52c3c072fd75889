/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_SERVE_H
#define PL_CONTROL_WEB_SERVE_H

#include "control/redfish/gate.h"
#include "control/web/peers.h"

#include <civetweb.h>
#include <stdatomic.h>

/* What all of civetweb's threads share; they change nothing of it but what is atomic. */
struct pl_tls;
struct pl_serve {
  struct pl_gate *gate;
  struct pl_clock *clock;
  struct pl_peers *peers;
  bool plain;
  struct pl_tls *tls; /* NULL: plain */
  unsigned streams_max;
  atomic_uint streams;
  atomic_bool started, stopping;
  char said[256]; /* civetweb's last complaint before it had started */
};

#define PL_WEB_URI_MAX 4096                   /* longer: 414 */
#define PL_WEB_HEADER_MAX 16384               /* header; longer: 431 */
#define PL_WEB_READ_MAX 65536                 /* request line and header together; longer: 400, for civetweb 1.15 does not say which it was (get_message) */
#define PL_WEB_BODY_MAX (1024 * 1024)         /* longer: 413 */
#define PL_WEB_HEADER_TIME_MS 5000            /* for the whole header; later: 400 and the end of the connection */
#define PL_WEB_BODY_TIME_NS (20 * PL_S)       /* for the whole body; later: 408 */
#define PL_WEB_IDLE_TIME_MS 10000             /* until the next request on a connection */
#define PL_WEB_PATIENCE_NS (30 * PL_S)        /* for the stack's answer; later: the gate's 503 */
#define PL_WEB_COMMENT_NS (15 * PL_S)         /* an event stream says something at least so often */
#define PL_WEB_LOOK_NS (250 * PL_MS)          /* so often a stream looks whether the program ends */

/* civetweb's callbacks; user data: struct pl_serve. */
int pl_serve_request(struct mg_connection *conn);
int pl_serve_error(struct mg_connection *conn, int status, const char *message);

/* stream.c: GET of the event stream; returns the status for the log. */
int pl_serve_stream(struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_request *request);

/* answer.c */
/* One answer whole, in as few writes as can be. close: the connection ends after it. */
void pl_answer_send(const struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_answer *answer, bool close);
/* The head alone, of an answer whose body has no end known before. */
void pl_answer_send_head(const struct pl_serve *serve, struct mg_connection *conn, const struct pl_http_answer *answer);
/* What is refused before the stack hears of it, as Redfish tells errors (DSP0266 section 8.6). The connection ends after it. */
void pl_answer_refuse(const struct pl_serve *serve, struct mg_connection *conn, int status, unsigned retry_s);

/* page.c: the page's files. False: not one of them. */
bool pl_page_answer(const char *path, const char *if_none_match, struct pl_http_answer *answer);

#endif
