/* SPDX-License-Identifier: Apache-2.0 */
/* What the tick did, in words: it leaves numbers in a ring that nobody waits for, and the loop makes sentences of them for the journal. */
#include "host/safety/interlock_in.h"

#include <stdarg.h>

/* --- the ring: one writer, one reader --- */

void pl_il_tell(struct pl_interlock *il, const struct pl_il_told *told)
{
  unsigned written = atomic_load(&il->written);
  if (written - atomic_load(&il->drained) >= PL_IL_RING) {
    atomic_fetch_add(&il->overrun, 1);
    return;
  }
  il->ring[written % PL_IL_RING] = *told;
  atomic_store(&il->written, written + 1);
  if (!il->is_virtual)
    pl_clock_wake(il->main);
}

/* --- sentences --- */

struct writer {
  char *out;
  size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct writer *w, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  if (w->used < w->size) {
    int n = vsnprintf(w->out + w->used, w->size - w->used, format, args);
    w->used += n > 0 ? (size_t)n : 0;
  }
  va_end(args);
}

static const char *value(const struct pl_quantity *quantity, int64_t value_u, char *out, size_t size)
{
  if (quantity->dim == PL_DIM_FLAG)
    return value_u ? "true" : "false";
  return pl_quantity_format(quantity->dim, value_u, out, size);
}

static const char *span(pl_time_ns time, char *out, size_t size)
{
  return pl_quantity_format(PL_DIM_TIME, (time + PL_US / 2) / PL_US, out, size);
}

static void say_reading(struct writer *w, const struct pl_interlock *il, size_t signal, const struct pl_il_reading *reading, pl_time_ns at)
{
  const struct pl_il_signal *s = &il->rules->signals[signal];
  char text[48];
  say(w, "%s.%s", s->device->name, s->quantity->name);
  if (!reading->status)
    say(w, " = %s", value(s->quantity, reading->value_u, text, sizeof text));
  else if (reading->at == PL_NEVER)
    say(w, " was never read (%s)", pl_status_text(reading->status));
  else
    say(w, " was last read %s before (%s)", span(at - reading->at, text, sizeof text), pl_status_text(reading->status));
}

static void say_outputs(struct writer *w, const struct pl_interlock *il, const struct pl_il_rule *rule)
{
  char text[48];
  for (size_t i = 0; i < rule->n_outputs; i++) {
    const struct pl_il_output *output = &il->rules->outputs[rule->outputs[i]];
    say(w, "%s%s.%s = %s", i ? ", " : "", output->device->name, output->quantity->name, value(output->quantity, output->value_u, text, sizeof text));
  }
}

static void say_trip(struct writer *w, const struct pl_interlock *il, const struct pl_il_told *told)
{
  const struct pl_il_rule *rule = &il->rules->rules[told->rule];
  char text[48];
  say(w, "interlock rule '%s' tripped", rule->name);
  if (told->what == PL_INTERLOCK_BLIND)
    say(w, " because it could not see: ");
  else
    say(w, ": ");
  if (!told->n)
    say(w, "what its signals were was not asked for in time and is lost");
  for (size_t i = 0; i < told->n; i++) {
    say(w, "%s", i ? ", " : "");
    say_reading(w, il, told->seen[i].signal, &told->seen[i].reading, told->at);
  }
  if (told->at > told->since)
    say(w, " for %s", span(told->at - told->since, text, sizeof text));
  say(w, "%s%s%s; set ", rule->because ? " (" : "", rule->because ? rule->because : "", rule->because ? ")" : "");
  say_outputs(w, il, rule);
  say(w, " after %s", span(told->done - told->at, text, sizeof text));
}

static void say_output(struct writer *w, const struct pl_interlock *il, const struct pl_il_told *told)
{
  const struct pl_il_output *output = &il->rules->outputs[told->output];
  char text[48];
  say(w, "interlock rule '%s': %s.%s does not read back as %s; it is set again and again, do not trust it", il->rules->rules[told->rule].name, output->device->name,
      output->quantity->name, value(output->quantity, output->value_u, text, sizeof text));
}

static void say_told(struct writer *w, const struct pl_interlock *il, const struct pl_il_told *told)
{
  const char *name = told->rule < 0 ? "" : il->rules->rules[told->rule].name;
  char text[48];
  switch (told->what) {
  case PL_INTERLOCK_TRIPPED:
  case PL_INTERLOCK_BLIND: say_trip(w, il, told); break;
  case PL_INTERLOCK_CONFIRMED:
    say(w, "interlock rule '%s': every output reads back as set, %s after the trip", name, span(told->done - told->at, text, sizeof text));
    break;
  case PL_INTERLOCK_DOUBTED: say_output(w, il, told); break;
  case PL_INTERLOCK_RESET: say(w, "interlock rule '%s' was reset", name); break;
  case PL_INTERLOCK_REFUSED:
    say(w, "interlock rule '%s' cannot be reset: ", name);
    for (size_t i = 0; i < told->n; i++)
      if (told->seen[i].signal == told->signal)
        say_reading(w, il, told->signal, &told->seen[i].reading, told->seen[i].reading.at);
    break;
  case PL_INTERLOCK_UNREADABLE:
    say(w, "the interlock's signal %s.%s cannot be read: %s", il->rules->signals[told->signal].device->name, il->rules->signals[told->signal].quantity->name,
        pl_status_text(told->status));
    break;
  case PL_INTERLOCK_READABLE:
    say(w, "the interlock's signal %s.%s can be read again", il->rules->signals[told->signal].device->name, il->rules->signals[told->signal].quantity->name);
    break;
  case PL_INTERLOCK_OVERRUN: say(w, "events of the interlock were lost: nobody asked for them in time"); break;
  }
}

/* --- the same for machines --- */

static void say_json(struct writer *w, const struct pl_interlock *il, const struct pl_il_told *told)
{
  static const char *const WHATS[] = {[PL_INTERLOCK_TRIPPED] = "tripped",       [PL_INTERLOCK_BLIND] = "blind",       [PL_INTERLOCK_CONFIRMED] = "confirmed",
                                      [PL_INTERLOCK_DOUBTED] = "doubted",       [PL_INTERLOCK_RESET] = "reset",       [PL_INTERLOCK_REFUSED] = "refused",
                                      [PL_INTERLOCK_UNREADABLE] = "unreadable", [PL_INTERLOCK_READABLE] = "readable", [PL_INTERLOCK_OVERRUN] = "overrun"};
  char text[48];
  say(w, "{\"what\":\"%s\"", WHATS[told->what]);
  if (told->rule >= 0)
    say(w, ",\"rule\":\"%s\"", il->rules->rules[told->rule].name);
  if (told->since != PL_NEVER && told->rule >= 0)
    say(w, ",\"since_s\":%.6f", (double)told->since / 1e9);
  say(w, ",\"at_s\":%.6f,\"done_s\":%.6f,\"signals\":[", (double)told->at / 1e9, (double)told->done / 1e9);
  for (size_t i = 0; i < told->n; i++) {
    const struct pl_il_signal *s = &il->rules->signals[told->seen[i].signal];
    const struct pl_il_reading *r = &told->seen[i].reading;
    say(w, "%s{\"signal\":\"%s.%s\",\"value\":\"%s\",\"status\":\"%s\"}", i ? "," : "", s->device->name, s->quantity->name,
        r->status ? "" : value(s->quantity, r->value_u, text, sizeof text), pl_status_name(r->status));
  }
  say(w, "],\"outputs\":[");
  const struct pl_il_rule *rule = told->rule < 0 ? NULL : &il->rules->rules[told->rule];
  for (size_t i = 0; rule && i < rule->n_outputs; i++) {
    const struct pl_il_output *o = &il->rules->outputs[rule->outputs[i]];
    say(w, "%s{\"output\":\"%s.%s\",\"value\":\"%s\"}", i ? "," : "", o->device->name, o->quantity->name, value(o->quantity, o->value_u, text, sizeof text));
  }
  say(w, "]}");
}

/* --- draining --- */

static void keep(struct pl_interlock *il, const struct pl_il_told *told, const char *text)
{
  if (told->rule < 0)
    return;
  struct pl_interlock_view *view = &il->views[told->rule];
  switch (told->what) {
  case PL_INTERLOCK_TRIPPED:
  case PL_INTERLOCK_BLIND:
    view->tripped = true;
    view->blind = told->what == PL_INTERLOCK_BLIND;
    view->confirmed = false;
    view->trips++;
    view->since = told->since;
    view->at = told->at;
    view->done = PL_NEVER;
    snprintf(il->texts[told->rule], sizeof il->texts[0], "%s", text);
    break;
  case PL_INTERLOCK_CONFIRMED:
    view->confirmed = true;
    view->done = told->done;
    break;
  case PL_INTERLOCK_DOUBTED: view->confirmed = false; break;
  case PL_INTERLOCK_RESET: view->tripped = view->blind = view->confirmed = false; break;
  case PL_INTERLOCK_REFUSED:
    view->refused++;
    snprintf(il->texts[told->rule], sizeof il->texts[0], "%s", text);
    break;
  default: break;
  }
}

static void tell_one(struct pl_interlock *il, const struct pl_il_told *told, void (*fn)(void *ctx, const struct pl_interlock_event *event), void *ctx)
{
  char text[PL_ERR_TEXT_MAX], json[4096];
  struct writer words = {text, sizeof text, 0}, machine = {json, sizeof json, 0};
  *text = *json = '\0';
  say_told(&words, il, told);
  say_json(&machine, il, told);
  keep(il, told, text);
  struct pl_interlock_event event = {.what = told->what, .rule = told->rule, .since = told->since, .at = told->at, .done = told->done, .text = text, .json = json};
  if (told->signal != SIZE_MAX) {
    event.device = il->rules->signals[told->signal].device;
    event.quantity = il->rules->signals[told->signal].quantity;
  } else if (told->output != SIZE_MAX) {
    event.device = il->rules->outputs[told->output].device;
    event.quantity = il->rules->outputs[told->output].quantity;
  }
  if (fn)
    fn(ctx, &event);
}

/* A trip that did not fit into the ring is told all the same. state: from before the ring was emptied, so that what it says was in the ring or is lost. */
static void reconcile(struct pl_interlock *il, size_t k, unsigned state, void (*fn)(void *ctx, const struct pl_interlock_event *event), void *ctx)
{
  struct pl_interlock_view *view = &il->views[k];
  unsigned trips = state / PL_IL_STATE_TRIPS;
  if (trips > view->trips) {
    pl_time_ns now = pl_clock_now(il->main);
    const struct pl_il_told told = {.what = state & PL_IL_STATE_BLIND ? PL_INTERLOCK_BLIND : PL_INTERLOCK_TRIPPED, .rule = (int)k, .signal = SIZE_MAX,
                                    .output = SIZE_MAX, .since = now, .at = now, .done = now};
    tell_one(il, &told, fn, ctx);
    view->trips = trips;
    if (!(state & PL_IL_STATE_TRIPPED))
      view->tripped = view->blind = false;
  }
}

void pl_interlock_drain(struct pl_interlock *il, void (*fn)(void *ctx, const struct pl_interlock_event *event), void *ctx)
{
  unsigned states[PL_IL_RULES_MAX], drained = atomic_load(&il->drained);
  for (size_t k = 0; k < il->rules->n_rules; k++)
    states[k] = atomic_load(&il->states[k]);
  for (; drained != atomic_load(&il->written); drained++) {
    struct pl_il_told told = il->ring[drained % PL_IL_RING];
    atomic_store(&il->drained, drained + 1);
    tell_one(il, &told, fn, ctx);
  }
  for (size_t k = 0; k < il->rules->n_rules; k++)
    reconcile(il, k, states[k], fn, ctx);
  if (atomic_exchange(&il->overrun, 0))
    tell_one(il, &(struct pl_il_told){.what = PL_INTERLOCK_OVERRUN, .rule = -1, .signal = SIZE_MAX, .output = SIZE_MAX, .at = pl_clock_now(il->main)}, fn, ctx);
}

const struct pl_interlock_view *pl_interlock_view(const struct pl_interlock *il, size_t rule)
{
  return &il->views[rule];
}

void pl_interlock_note_line(struct pl_interlock *il, size_t rule, int line)
{
  if (!il->views[rule].line)
    il->views[rule].line = line;
}
