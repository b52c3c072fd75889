/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers at work: sensors are heard with each reading, other properties looked at once a second; dwell times end on the moment. */
#include "control/redfish/room.h"
#include "control/redfish/services_report.h"
#include "control/redfish/services_trigger.h"
#include "control/redfish/shape.h"
#include "control/store/store.h"

#include <inttypes.h>

#define LOOK_NS PL_S
#define KEEP_NS (100 * PL_MS) /* what is crossed within it is one commit: a kill then lets it be told again */
#define SERVICE "/redfish/v1/TelemetryService"

struct look { /* at one metric */
  bool known;
  double number;
  char text[PL_TRIGGER_VALUE_MAX + 1];
};

/* A property that is a sensor's reading is heard; everything else is looked at. */
static void bind(struct pl_stack *stack, struct pl_metric_trigger_metric *m)
{
  char uri[PL_URI_MAX];
  struct pl_res res;
  size_t n = strcspn(m->property, "#");
  m->bound = true;
  snprintf(uri, sizeof uri, "%.*s", (int)n, m->property);
  if (strcmp(m->property + n, "#/Reading") || pl_res_find(stack, uri, &res) != PL_OK)
    return;
  if (!strncmp(res.route->type, "Sensor.", 7)) {
    m->item = res.item;
    m->sense = (struct pl_sense *)res.what;
  }
  pl_res_end(&res);
}

/* seen: each resource is made once in a round, however many metrics are of it. */
static struct look look_at(struct pl_stack *stack, struct json_object *seen, const struct pl_metric_trigger *t, const struct pl_metric_trigger_metric *m)
{
  struct look l = {0};
  char *end = NULL;
  if (m->sense && t->numeric) {
    l.known = pl_sense_value(&(const struct pl_res){.stack = stack, .item = m->item}, m->sense, &l.number);
    snprintf(l.text, sizeof l.text, "%.6g", l.number);
    return l;
  }
  l.known = pl_metric_value_seen(stack, seen, m->property, l.text, sizeof l.text) && l.text[0];
  if (l.known && t->numeric) {
    l.number = strtod(l.text, &end);
    l.known = !*end;
  }
  return l;
}

/* --- what is kept: entries of the log, and what is crossed --- */

static void keep_soon(struct pl_metric_triggers *all)
{
  struct pl_clock *clock = all->services->stack->clock;
  if (!all->keeping.slot)
    pl_clock_arm(clock, &all->keeping, pl_clock_now(clock) + (all->refused ? LOOK_NS : KEEP_NS));
}

static void keep_trigger(struct pl_metric_triggers *all, struct pl_metric_trigger *t)
{
  t->unsaved = true;
  keep_soon(all);
}

static void keep_entry(struct pl_metric_triggers *all, char *record)
{
  struct pl_stack *stack = all->services->stack;
  char *text = NULL;
  if (!all->entries)
    all->entries = json_object_new_array();
  if (record && json_object_array_length(all->entries) < PL_TRIGGER_LOG_MAX &&
      asprintf(&text, "%" PRId64 " %s", pl_clock_wall_ns(stack->clock, pl_clock_now(stack->clock)), record) > 0) {
    json_object_array_add(all->entries, json_object_new_string(text));
    free(text);
    keep_soon(all);
  }
  free(record);
}

/* As one with the triggers: a failure in here is the commit's. */
static void write_entries(struct pl_metric_triggers *all, uint64_t *first, uint64_t *last)
{
  struct pl_store *store = all->services->stack->store;
  char key[24];
  for (size_t i = 0; all->entries && i < json_object_array_length(all->entries); i++) {
    snprintf(key, sizeof key, "%" PRIu64, ++*last);
    (void)pl_store_put(store, PL_TRIGGER_LOG_PLACE, key, json_object_get_string(json_object_array_get_idx(all->entries, i)), NULL);
  }
  for (; *last - *first >= PL_TRIGGER_LOG_MAX && *last >= *first; ++*first) {
    snprintf(key, sizeof key, "%" PRIu64, *first);
    (void)pl_store_put(store, PL_TRIGGER_LOG_PLACE, key, NULL, NULL);
  }
}

static void say_refused(struct pl_metric_triggers *all, bool refused)
{
  if (refused != all->refused)
    pl_event_send_at(all->services->stack, "ResourceEvent", refused ? "ResourceStatusChangedWarning" : "ResourceStatusChangedOK", SERVICE,
                     (const char *const[]){SERVICE, refused ? "Warning" : "OK"});
  all->refused = refused;
}

static void keep(void *ctx, pl_time_ns now)
{
  struct pl_metric_triggers *all = ctx;
  struct pl_stack *stack = all->services->stack;
  struct pl_err err = {0};
  uint64_t first = all->log_first, last = all->log_last;
  (void)now;
  if (stack->dead)
    return;
  enum pl_status status = pl_store_begin(stack->store, &err);
  if (!status) {
    write_entries(all, &first, &last);
    for (const struct pl_metric_trigger *t = all->first; t; t = t->next)
      if (t->unsaved)
        (void)pl_metric_trigger_save(all, t, NULL);
    status = pl_store_commit(stack->store, &err);
  }
  say_refused(all, status != PL_OK);
  pl_service_changed(stack);
  if (status) {
    keep_soon(all);
    return;
  }
  all->log_first = first;
  all->log_last = last;
  json_object_put(all->entries);
  all->entries = NULL;
  for (struct pl_metric_trigger *t = all->first; t; t = t->next)
    t->unsaved = false;
}

char *pl_metric_trigger_log_entry(const struct pl_metric_triggers *all, uint64_t id)
{
  struct pl_err err = {0};
  char key[24], *text = NULL;
  snprintf(key, sizeof key, "%" PRIu64, id);
  return id >= all->log_first && id <= all->log_last && pl_store_get(all->services->stack->store, PL_TRIGGER_LOG_PLACE, key, &text, &err) == PL_OK ? text : NULL;
}

static void tell(struct pl_metric_triggers *all, const struct pl_metric_trigger *t, const struct pl_metric_trigger_metric *m, const char *message, const char *severity, const char *const *args)
{
  char origin[PL_URI_MAX];
  snprintf(origin, sizeof origin, "%.*s", (int)strcspn(m->property, "#"), m->property);
  if (t->logged)
    keep_entry(all, pl_event_record(all->services->stack, "Telemetry", message, severity, origin, args));
  if (t->sent)
    pl_event_send_as(all->services->stack, "Telemetry", message, severity, origin, args);
}

/* Telemetry 1.1: on the way out, and on the way back into what is still not normal. */
static const struct {
  const char *out, *back;
} WORDS[PL_THRESHOLDS] = {
    [PL_LOWER_CRITICAL] = {"TriggerNumericBelowLowerCritical", "TriggerNumericAboveLowerCritical"},
    [PL_LOWER_WARNING] = {"TriggerNumericBelowLowerWarning", NULL},
    [PL_UPPER_WARNING] = {"TriggerNumericAboveUpperWarning", NULL},
    [PL_UPPER_CRITICAL] = {"TriggerNumericAboveUpperCritical", "TriggerNumericBelowUpperCritical"},
};

static void tell_crossings(struct pl_metric_triggers *all, const struct pl_metric_trigger *t, const struct pl_metric_trigger_metric *m, const struct look *l, unsigned crossed)
{
  bool normal = false;
  for (size_t c = 0; c < PL_THRESHOLDS; c++) {
    const struct pl_metric_trigger_condition *level = &t->conditions[c];
    bool out = m->met & 1u << c, up = out == (c >= PL_UPPER_WARNING);
    char reading[32];
    if (!(crossed & 1u << c) || !(level->activation == PL_ACTIVATION_EITHER || level->activation == (up ? PL_ACTIVATION_INCREASING : PL_ACTIVATION_DECREASING)))
      continue;
    snprintf(reading, sizeof reading, "%.6g", level->reading);
    const char *word = out ? WORDS[c].out : m->met ? WORDS[c].back : NULL;
    if (word)
      tell(all, t, m, word, NULL, (const char *const[]){m->property, l->text, reading, t->id});
    normal |= !m->met;
  }
  if (normal)
    tell(all, t, m, "TriggerNumericReadingNormal", NULL, (const char *const[]){m->property, l->text, t->id});
}

static void tell_value(struct pl_metric_triggers *all, const struct pl_metric_trigger *t, const struct pl_metric_trigger_metric *m, const struct look *l, const char *severity)
{
  tell(all, t, m, "TriggerDiscreteConditionMet", severity, (const char *const[]){m->property, l->text, t->id});
}

/* It is otherwise now than it counts for. */
static bool turns(const struct pl_metric_trigger *t, const struct pl_metric_trigger_metric *m, size_t c, const struct look *l)
{
  const struct pl_metric_trigger_condition *level = &t->conditions[c];
  bool met = m->met & 1u << c;
  if (!t->numeric)
    return met != !strcmp(l->text, level->value);
  if (level->activation == PL_ACTIVATION_DISABLED)
    return met; /* what was crossed before it was disabled is not any more */
  if (c >= PL_UPPER_WARNING)
    return met ? l->number <= level->reading - t->hysteresis : l->number > level->reading;
  return met ? l->number >= level->reading + t->hysteresis : l->number < level->reading;
}

/* What is not known violates nothing, and has not come back either: both times begin anew. Returns which conditions have turned; *due: when one may. */
static unsigned step(const struct pl_metric_trigger *t, struct pl_metric_trigger_metric *m, const struct look *l, pl_time_ns now, pl_time_ns *due)
{
  unsigned turned = 0;
  for (size_t c = 0; c < t->n_conditions; c++) {
    pl_time_ns wait = !(m->met & 1u << c) ? t->conditions[c].dwell_ns : t->numeric ? t->hold_ns : 0;
    if (!l->known || !turns(t, m, c, l)) {
      m->since[c] = PL_NEVER;
      continue;
    }
    if (m->since[c] == PL_NEVER)
      m->since[c] = now;
    if (now - m->since[c] >= wait) {
      turned |= 1u << c;
      m->since[c] = PL_NEVER;
    } else if (m->since[c] + wait < *due)
      *due = m->since[c] + wait;
  }
  m->met ^= turned;
  return turned;
}

static void changed(struct pl_metric_triggers *all, struct pl_metric_trigger *t, struct pl_metric_trigger_metric *m, const struct look *l)
{
  if (!l->known || !strcmp(m->last, l->text))
    return;
  if (m->last[0])
    tell_value(all, t, m, l, NULL);
  snprintf(m->last, sizeof m->last, "%s", l->text);
  keep_trigger(all, t);
}

static void judge(struct pl_metric_triggers *all, struct pl_metric_trigger *t, struct pl_metric_trigger_metric *m, struct json_object *seen, pl_time_ns now, pl_time_ns *due)
{
  struct look l = look_at(all->services->stack, seen, t, m);
  if (t->changes) {
    changed(all, t, m, &l);
    return;
  }
  unsigned turned = step(t, m, &l, now, due);
  if (!turned)
    return;
  if (t->numeric)
    tell_crossings(all, t, m, &l, turned);
  for (size_t c = 0; !t->numeric && c < t->n_conditions; c++)
    if (turned & m->met & 1u << c)
      tell_value(all, t, m, &l, t->conditions[c].severity);
  keep_trigger(all, t); /* told first: what a crash takes is told again, never lost */
}

static void arm(struct pl_metric_triggers *all, pl_time_ns due)
{
  struct pl_clock *clock = all->services->stack->clock;
  if (all->timer.slot && all->timer.at <= due)
    return;
  pl_clock_disarm(clock, &all->timer);
  pl_clock_arm(clock, &all->timer, due);
}

static void look_round(void *ctx, pl_time_ns now)
{
  struct pl_metric_triggers *all = ctx;
  struct pl_stack *stack = all->services->stack;
  if (stack->dead || !all->first)
    return;
  bool everything = now >= all->next_look;
  if (everything)
    all->next_look = now + LOOK_NS;
  pl_time_ns due = all->next_look;
  struct json_object *seen = json_object_new_object();
  for (struct pl_metric_trigger *t = all->first; t; t = t->next)
    for (size_t i = 0; t->enabled && i < t->n_metrics; i++) {
      struct pl_metric_trigger_metric *m = &t->metrics[i];
      if (!m->bound)
        bind(stack, m);
      bool heard = m->sense && t->numeric; /* costs nothing */
      if (everything || heard || now >= m->due) {
        m->due = PL_NEVER;
        judge(all, t, m, seen, now, &m->due);
      }
      due = m->due < due ? m->due : due;
    }
  json_object_put(seen);
  arm(all, due);
}

static void hear(void *ctx, struct pl_item *item, struct pl_sense *sense)
{
  struct pl_metric_triggers *all = ctx;
  pl_time_ns now = pl_clock_now(all->services->stack->clock), due = PL_NEVER;
  (void)item;
  for (struct pl_metric_trigger *t = all->first; t; t = t->next)
    for (size_t i = 0; t->enabled && t->numeric && i < t->n_metrics; i++)
      if (t->metrics[i].sense == sense)
        judge(all, t, &t->metrics[i], NULL, now, &due);
  if (due != PL_NEVER)
    arm(all, due);
}

void pl_metric_triggers_begin(struct pl_metric_triggers *all)
{
  struct pl_stack *stack = all->services->stack;
  if (!all->listener.reading) {
    all->listener = (struct pl_item_listener){.reading = hear, .ctx = all};
    pl_inventory_listen(stack->inventory, &all->listener);
    all->timer.fire = look_round;
    all->timer.ctx = all;
    all->keeping.fire = keep;
    all->keeping.ctx = all;
  }
  if (all->first)
    arm(all, pl_clock_now(stack->clock));
}
