/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_GATE_H
#define PL_CONTROL_GATE_H

#include "control/redfish/service.h"

/*
 * The only part of the stack that HTTP's threads may call. Who may come in is judged here (sessions and verified credentials have a lock of their own; the slow
 * hash of a password runs on the caller's thread, never on the loop's); a GET whose answer is still true is answered from the cache without waking the loop;
 * everything else is posted to the loop and waited for, at most `patience_ns`.
 */
struct pl_gate;
enum pl_status pl_gate_new(struct pl_stack *stack, struct pl_gate **gate, struct pl_err *err);
void pl_gate_free(struct pl_gate *gate);
/* Any thread. Fills in request->answer; done is not called. 503 with Retry-After where the loop did not answer in time. */
void pl_gate_serve(struct pl_gate *gate, struct pl_http_request *request, pl_time_ns patience_ns);

/* Event streams: any thread. Waits until an event after `*after` is there (or timeout), copies its SSE lines ("id: ...\ndata: ...\n\n") to *text (malloc'd),
 * and moves *after. A gap is told by a marker event. PL_E_TIMEOUT: nothing came (send a comment to keep the connection alive). PL_E_GONE: the stack closes. */
struct pl_stream;
enum pl_status pl_stream_open(struct pl_gate *gate, const struct pl_http_request *request, struct pl_stream **stream, struct pl_http_answer *refusal);
enum pl_status pl_stream_next(struct pl_stream *stream, pl_time_ns timeout_ns, char **text, size_t *size);
void pl_stream_close(struct pl_stream *stream);

#endif
