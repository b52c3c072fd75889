/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_EVENTS_H
#define PL_CONTROL_EVENTS_H

#include "control/inventory/item.h"

/*
 * What happened, in the messages of DMTF's registries. An event has an id that rises by one and never repeats; each listener gets each event once and in order,
 * or a marker that says how many it missed.
 */
struct pl_events;

struct pl_event_message { /* a row of the table of messages that this stack sends (messages.c); checked against the registries in a test */
  const char *id;         /* "Environmental.1.4.LeakDetectedCritical" */
  const char *severity;   /* "OK", "Warning", "Critical" */
  const char *text;       /* "Leak detector '%1' reports ..." as the registry spells it */
  const char *resolution;
  unsigned n_args;
};
const struct pl_event_message *pl_event_messages(size_t *count);
/* Its text with the args in it, as many as the message has. */
void pl_event_text(const struct pl_event_message *message, const char *const *args, char *out, size_t size);

struct pl_event {
  uint64_t id;
  pl_time_ns at;
  int64_t wall_ns;
  const struct pl_event_message *message;
  const char *severity;   /* the message's, unless whoever sent it had another */
  const char *origin;     /* "/redfish/v1/Chassis/csu-1" */
  const char *json;       /* its EventRecord */
};

enum pl_status pl_events_new(struct pl_stack *stack, struct pl_events **events, struct pl_err *err);
void pl_events_free(struct pl_events *events); /* writes out what the store has gathered, unless the stack is dead */
/* Once all rooms are made: listens to the inventory and the procedures, and sends what follows from their changes (derive.c). */
enum pl_status pl_events_start(struct pl_stack *stack, struct pl_err *err);
/* Which resource stands for an item is the Redfish service's to say; it registers this before pl_events_start. Leaves `out` empty for one that has none. */
void pl_events_name_origins(struct pl_events *events, void (*uri)(const struct pl_item *item, char *out, size_t size));
/* id without version: "LeakDetectedCritical" of registry "Environmental". unit gives the origin; args by the message's count. Durable through the store, then
 * given to the listeners. */
void pl_event_send(struct pl_stack *stack, const char *registry, const char *id, const struct pl_item *item, const char *const *args);
void pl_event_send_at(struct pl_stack *stack, const char *registry, const char *id, const char *origin, const char *const *args);
/* severity (static): "Warning"; NULL: the message's. */
void pl_event_send_as(struct pl_stack *stack, const char *registry, const char *id, const char *severity, const char *origin, const char *const *args);
/* Its EventRecord alone, for a log of its own: malloc'd; told to nobody. NULL: there is no such message, or no memory. */
char *pl_event_record(struct pl_stack *stack, const char *registry, const char *id, const char *severity, const char *origin, const char *const *args);
/* "2026-11-21T18:32:36.123Z", as Redfish writes times. */
#define PL_WALL_TEXT_MAX 32
char *pl_wall_text(int64_t wall_ns, char out[PL_WALL_TEXT_MAX]);
uint64_t pl_events_last(const struct pl_events *events);

struct pl_event_listener { /* caller-owned; loop's thread */
  void (*event)(void *ctx, const struct pl_event *event);
  void *ctx;
  struct pl_event_listener *next;
};
void pl_events_listen(struct pl_events *events, struct pl_event_listener *listener);
void pl_events_unlisten(struct pl_events *events, struct pl_event_listener *listener);
/* Those after `after`, oldest first, from memory and before that from the store; *missed: how many ids in between are gone for good (after a crash some of them
 * may never have been used). An `after` that this log has not reached is of another log: all there is follows. */
enum pl_status pl_events_replay(struct pl_events *events, uint64_t after, void (*fn)(void *ctx, const struct pl_event *event), void *ctx, uint64_t *missed, struct pl_err *err);

#endif
