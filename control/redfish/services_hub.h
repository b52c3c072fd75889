/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_HUB_H
#define PL_CONTROL_SERVICES_HUB_H

/* Between services_hub.c and services_stream.c: where the loop's thread puts events and the streams' threads take them. No stream ever waits for the loop, nor the
 * loop for a stream. */
#include "control/redfish/gate.h"
#include "control/redfish/services_filter.h"
#include "control/redfish/services_room.h"

#include <pthread.h>
#include <time.h>

enum { PL_HUB_STREAMS_MAX = 256, PL_HUB_TARGET_MAX = 1400, PL_HUB_TOKEN_MAX = 512 };

struct pl_frame { /* an event or a metric report as it goes over the wire */
  uint64_t id; /* 0: a metric report, which no Last-Event-ID can name */
  char *text;
  size_t size;
  char *report, *origin, prefix[48], message[96];
};

struct pl_hub_ring {
  struct pl_frame **frames;
  size_t size;
  uint64_t count; /* frames so far; the newest is (count - 1) % size */
};

struct pl_hub {
  struct pl_services *services;
  pthread_mutex_t lock;
  pthread_cond_t news, emptied;
  struct pl_hub_ring events, reports;
  struct pl_stream *streams;
  size_t n_streams;
  uint64_t next_id;
  bool closed;
};

struct pl_stream {
  struct pl_hub *hub;
  struct pl_gate *gate;
  struct pl_event_filter *filter; /* NULL: every event */
  struct pl_http_request asked;   /* who is asked again now and then whether he may still listen; values are this stream's */
  char target[PL_HUB_TARGET_MAX], token[PL_HUB_TOKEN_MAX], authorization[PL_HUB_TOKEN_MAX];
  struct pl_stream_told told;
  uint64_t at, reports_at; /* the next frame of each ring */
  uint64_t missed;         /* before the next frame */
  bool ended;
  struct pl_stream *next;
};

struct timespec pl_hub_in(pl_time_ns timeout_ns); /* that time from now, for the hub's conditions */
uint64_t pl_hub_oldest(const struct pl_hub_ring *ring);

#endif
