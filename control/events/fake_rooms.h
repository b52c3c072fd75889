/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_EVENTS_FAKE_ROOMS_H
#define PL_CONTROL_EVENTS_FAKE_ROOMS_H

/* For tests of events alone: a store in memory, and the clock that stamps them. */
#include "control/events/events.h"
#include "control/stack/stack.h"
#include "control/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAKE_ROWS = 8192 };
struct pl_store {
  struct fake_row {
    uint64_t id;
    int64_t wall_ns;
    char *json;
  } rows[FAKE_ROWS];
  size_t first, count; /* first: older ones have been thrown away */
  uint64_t reserved;   /* what pl_store_last_event answers when it is more than the last: ids that a crash may have used */
  unsigned flushes;
};

enum pl_status pl_store_event(struct pl_store *s, uint64_t id, int64_t wall_ns, const char *json, struct pl_err *err)
{
  (void)err;
  assert_true(s->count < FAKE_ROWS);
  s->rows[s->count++] = (struct fake_row){id, wall_ns, strdup(json)};
  return PL_OK;
}

enum pl_status pl_store_flush(struct pl_store *s, struct pl_err *err)
{
  (void)err;
  s->flushes++;
  return PL_OK;
}

uint64_t pl_store_last_event(struct pl_store *s)
{
  uint64_t last = s->count ? s->rows[s->count - 1].id : 0;
  return s->reserved > last ? s->reserved : last;
}

enum pl_status pl_store_events(struct pl_store *s, uint64_t after, size_t most, void (*fn)(void *ctx, uint64_t id, int64_t wall_ns, const char *json), void *ctx,
                               struct pl_err *err)
{
  (void)err;
  for (size_t i = s->first; i < s->count && most; i++)
    if (s->rows[i].id > after) {
      fn(ctx, s->rows[i].id, s->rows[i].wall_ns, s->rows[i].json);
      most--;
    }
  return PL_OK;
}

static inline void fake_open(struct pl_stack *stack)
{
  struct pl_err err = {0};
  *stack = (struct pl_stack){.store = calloc(1, sizeof(struct pl_store))};
  assert_non_null(stack->store);
  assert_int_equal(pl_clock_new_virtual(1795285956123000000, &stack->clock, &err), PL_OK);
  assert_int_equal(pl_events_new(stack, &stack->events, &err), PL_OK);
}

static inline void fake_close(struct pl_stack *stack)
{
  pl_events_free(stack->events);
  for (size_t i = 0; i < stack->store->count; i++)
    free(stack->store->rows[i].json);
  free(stack->store);
  pl_clock_free(stack->clock);
}

/* A listener that keeps what it is given. */
struct heard {
  struct pl_event_listener listener;
  uint64_t ids[4096];
  char names[4096][64]; /* message key, origin */
  char args[4096][96];
  size_t count;
};

static inline void hear(void *ctx, const struct pl_event *event)
{
  struct heard *h = ctx;
  assert_true(h->count < 4096);
  h->ids[h->count] = event->id;
  snprintf(h->names[h->count], sizeof h->names[0], "%s", strrchr(event->message->id, '.') + 1);
  const char *text = strstr(event->json, "\"Message\":\"");
  snprintf(h->args[h->count++], sizeof h->args[0], "%.*s", text ? (int)strcspn(text + 11, "\"") : 0, text ? text + 11 : "");
}

static inline void hear_all(struct pl_stack *stack, struct heard *h)
{
  memset(h, 0, sizeof *h);
  h->listener = (struct pl_event_listener){.event = hear, .ctx = h};
  pl_events_listen(stack->events, &h->listener);
}

static inline void send_tests(struct pl_stack *stack, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    pl_event_send_at(stack, "ResourceEvent", "TestMessage", "/redfish/v1/EventService", NULL);
}

#endif
