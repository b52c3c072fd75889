/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_SAFETY_INTERLOCK_TEST_H
#define PL_SAFETY_INTERLOCK_TEST_H

/* For the interlock's tests: a small rig whose interlock sees two trays by second contacts and holds valves, and what happened, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/safety/interlock.h"

#define IL_RIG_HEAD                                                                                            \
  "rig: trip\n"                                                                                                \
  "buses:\n"                                                                                                   \
  "  - {name: lines, kind: gpio, adapter: twin}\n"                                                             \
  "  - {name: lines-trip, kind: gpio, adapter: twin}\n"                                                        \
  "  - {name: i2c-trip, kind: i2c, adapter: twin, speed: 400 kHz}\n"                                           \
  "parts:\n"                                                                                                   \
  "  - {name: busbar, kind: busbar}\n"                                                                         \
  "  - {name: psu-a, kind: psu, busbar: busbar}\n"                                                             \
  "  - {name: loop, kind: loop}\n"                                                                             \
  "  - {name: rpu, kind: pump-unit, loop: loop}\n"                                                             \
  "  - {name: tray-1, kind: tray, location: below module 1, loop: loop}\n"                                     \
  "  - {name: tray-2, kind: tray, loop: loop}\n"                                                               \
  "  - {name: tray-3, kind: tray, loop: loop}\n"                                                               \
  "  - {name: injector, kind: valve, tray: tray-1}\n"                                                          \
  "  - {name: drain-1, kind: valve, tray: tray-2}\n"                                                           \
  "  - {name: drain-2, kind: valve, tray: tray-3}\n"                                                           \
  "devices:\n"                                                                                                 \
  "  - {name: leak-1, driver: leak-sensor, bus: lines, part: tray-1, leak: L1, cable: C1}\n"                   \
  "  - {name: valve, driver: leak-valve, bus: lines, part: injector, open: V, safe: {open: false}}\n"          \
  "  - {name: trip-1, driver: leak-sensor, bus: lines-trip, part: tray-1, owner: interlock, leak: T1, cable: D1}\n" \
  "  - {name: trip-2, driver: leak-sensor, bus: lines-trip, part: tray-2, owner: interlock, leak: T2, cable: D2}\n" \
  "  - {name: trip-3, driver: leak-sensor, bus: lines-trip, part: tray-3, owner: interlock, leak: T3, cable: D3}\n" \
  "  - {name: kill-1, driver: leak-valve, bus: lines-trip, part: drain-1, owner: interlock, open: K1, safe: {open: true}}\n" \
  "  - {name: kill-2, driver: leak-valve, bus: lines-trip, part: drain-2, owner: interlock, open: K2, safe: {open: true}}\n" \
  "  - {name: trip-bar, driver: monitor-ina238, bus: i2c-trip, address: 0x40, shunt: 0.1 mohm, part: busbar, owner: interlock}\n"

#define IL_EVENTS_MAX 64
struct il_seen {
  enum pl_interlock_what what;
  int rule;
  pl_time_ns since, at, done;
  char text[PL_ERR_TEXT_MAX], json[2048];
};

struct il_fixture {
  struct pl_rig *rig;
  struct pl_interlock_rules *rules;
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_interlock *interlock;
  struct il_seen events[IL_EVENTS_MAX];
  size_t n;
  struct pl_err err;
};

static inline void il_event(void *ctx, const struct pl_interlock_event *event)
{
  struct il_fixture *f = ctx;
  assert_true(f->n < IL_EVENTS_MAX);
  struct il_seen *seen = &f->events[f->n++];
  *seen = (struct il_seen){.what = event->what, .rule = event->rule, .since = event->since, .at = event->at, .done = event->done};
  snprintf(seen->text, sizeof seen->text, "%s", event->text);
  snprintf(seen->json, sizeof seen->json, "%s", event->json);
}

static inline void il_drain(struct il_fixture *f)
{
  pl_interlock_drain(f->interlock, il_event, f);
}

/* section: the rig's `interlock:`. */
static inline void il_open_rig(struct il_fixture *f, const char *head, const char *section, bool real)
{
  char text[8192];
  snprintf(text, sizeof text, "%s%s", head, section);
  if (pl_rig_parse("trip.yaml", text, strlen(text), &f->rig, &f->err) || pl_interlock_compile(f->rig, &f->rules, &f->err))
    fail_msg("%s", f->err.text);
  assert_non_null(f->rules);
  assert_int_equal(real ? pl_clock_new_real(&f->clock, &f->err) : pl_clock_new_virtual(0, &f->clock, &f->err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = f->clock, .seed = 1};
  if (pl_bench_open(f->rig, &cfg, &f->bench, &f->err) || pl_interlock_open(f->rules, f->bench, &f->interlock, &f->err))
    fail_msg("%s", f->err.text);
}

static inline void il_open(struct il_fixture *f, const char *section, bool real)
{
  il_open_rig(f, IL_RIG_HEAD, section, real);
}

static inline void il_close(struct il_fixture *f)
{
  pl_interlock_close(f->interlock);
  pl_bench_close(f->bench);
  pl_clock_free(f->clock);
  pl_interlock_rules_free(f->rules);
  pl_rig_free(f->rig);
}

static inline void il_plant(struct il_fixture *f, const char *spec)
{
  if (pl_bench_backend_desc(f->bench)->plant(pl_bench_backend(f->bench), spec, &f->err))
    fail_msg("%s", f->err.text);
}

static inline void il_clear(struct il_fixture *f, const char *spec)
{
  if (pl_bench_backend_desc(f->bench)->clear(pl_bench_backend(f->bench), spec, &f->err))
    fail_msg("%s", f->err.text);
}

static inline double il_truth(struct il_fixture *f, const char *part, const char *port)
{
  double value = -1;
  if (pl_bench_backend_desc(f->bench)->truth(pl_bench_backend(f->bench), part, port, &value, &f->err))
    fail_msg("%s", f->err.text);
  return value;
}

/* Virtual time. */
static inline void il_run(struct il_fixture *f, pl_time_ns time)
{
  pl_time_ns until = pl_clock_now(f->clock) + time;
  while (pl_clock_now(f->clock) < until)
    pl_clock_step(f->clock, until);
  while (pl_clock_step(f->clock, until))
    ;
  il_drain(f);
}

static inline const struct il_seen *il_find(const struct il_fixture *f, enum pl_interlock_what what, int rule)
{
  for (size_t i = 0; i < f->n; i++)
    if (f->events[i].what == what && f->events[i].rule == rule)
      return &f->events[i];
  return NULL;
}

static inline size_t il_count(const struct il_fixture *f, enum pl_interlock_what what, int rule)
{
  size_t n = 0;
  for (size_t i = 0; i < f->n; i++)
    n += f->events[i].what == what && f->events[i].rule == rule;
  return n;
}

#define assert_text(text, want)                                  \
  do {                                                           \
    if (!strstr(text, want))                                     \
      fail_msg("expected \"%s\" in \"%s\"", want, text);         \
  } while (0)

#endif
