/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream in process (pl_stack_desc.listen): the same events as over SSE, each as the Event resource that SSE would send. */
#include "control/events/events.h"
#include "control/stack/stack.h"

#include <inttypes.h>
#include <stdlib.h>

struct pl_hearing {
  struct pl_event_listener listener;
  void (*event)(void *ctx, const struct pl_stack_event *event);
  void *ctx;
};

static void pass_on(void *ctx, const struct pl_event *event)
{
  static const char FORMAT[] = "{\"@odata.type\":\"#Event.v1_13_0.Event\",\"Id\":\"%" PRIu64 "\",\"Name\":\"Event\",\"Events\":[%s]}";
  const struct pl_hearing *hearing = ctx;
  int len = snprintf(NULL, 0, FORMAT, event->id, event->json);
  char *text = malloc((size_t)len + 1);
  if (!text)
    return; /* the listener sees that an id is missing */
  snprintf(text, (size_t)len + 1, FORMAT, event->id, event->json);
  const struct pl_stack_event told = {.id = event->id, .json = text, .at = event->at};
  hearing->event(hearing->ctx, &told);
  free(text);
}

void pl_stack_unlisten(struct pl_stack *stack)
{
  if (stack->hearing)
    pl_events_unlisten(stack->events, &stack->hearing->listener);
  free(stack->hearing);
  stack->hearing = NULL;
}

enum pl_status pl_stack_listen(struct pl_stack *stack, uint64_t after, void (*event)(void *ctx, const struct pl_stack_event *event), void *ctx, struct pl_err *err)
{
  uint64_t missed;
  pl_stack_unlisten(stack);
  if (!event)
    return PL_OK;
  struct pl_hearing *hearing = calloc(1, sizeof *hearing);
  if (!hearing)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a listener to the stack's events");
  *hearing = (struct pl_hearing){.listener = {.event = pass_on, .ctx = hearing}, .event = event, .ctx = ctx};
  stack->hearing = hearing;
  enum pl_status status = pl_events_replay(stack->events, after, pass_on, hearing, &missed, err);
  pl_events_listen(stack->events, &hearing->listener);
  return status;
}
