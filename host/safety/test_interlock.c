/* SPDX-License-Identifier: Apache-2.0 */
/* The rules at work in virtual time, on the virtual rack. */
#include "host/safety/interlock_test.h"

#define SECTION "interlock:\n  period: 10 ms\n  rules:\n"
#define WET SECTION "    - {name: wet, when: trip-1.wet, for: 20 ms, do: [kill-1.open=true], because: coolant below module 1}\n"

static void test_trips_latches_and_explains(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  il_run(&f, 100 * PL_MS);
  assert_int_equal(f.n, 0);
  assert_true(il_truth(&f, "drain-1", "open") < 0.5);

  pl_time_ns from = pl_clock_now(f.clock);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 19 * PL_MS);
  assert_int_equal(f.n, 0);
  il_run(&f, 81 * PL_MS);
  const struct il_seen *trip = il_find(&f, PL_INTERLOCK_TRIPPED, 0), *confirmed = il_find(&f, PL_INTERLOCK_CONFIRMED, 0);
  assert_non_null(trip);
  assert_non_null(confirmed);
  assert_int_equal(trip->since, from);
  assert_int_equal(trip->at, from + 20 * PL_MS);
  assert_true(trip->done >= trip->at && trip->done < trip->at + PL_MS);
  assert_text(trip->text, "interlock rule 'wet' tripped: trip-1.wet = true for 20 ms (coolant below module 1); set kill-1.open = true after");
  assert_text(trip->json, "\"what\":\"tripped\",\"rule\":\"wet\"");
  assert_text(confirmed->text, "reads back as set");
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  assert_true(il_truth(&f, "drain-2", "open") < 0.5);

  il_clear(&f, "trip-1.leak=stuck-high"); /* latched */
  il_run(&f, PL_S);
  assert_int_equal(f.n, 2);
  assert_true(pl_interlock_view(f.interlock, 0)->tripped);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

static void test_dwell_begins_anew(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  for (int i = 0; i < 5; i++) { /* each time shorter than the dwell */
    il_plant(&f, "trip-1.leak=stuck-high");
    il_run(&f, 15 * PL_MS);
    il_clear(&f, "trip-1.leak=stuck-high");
    il_run(&f, 15 * PL_MS);
  }
  assert_int_equal(f.n, 0);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 21 * PL_MS);
  assert_int_equal(il_count(&f, PL_INTERLOCK_TRIPPED, 0), 1);
  il_close(&f);
}

/* Without a dwell an edge is enough, however short the signal was there: both changes come at one instant, before the interlock can look. */
static void test_a_pulse_is_enough_without_dwell(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: wet, when: trip-1.wet, do: [kill-1.open=true]}\n", false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_clear(&f, "trip-1.leak=stuck-high");
  il_run(&f, 20 * PL_MS);
  assert_int_equal(il_count(&f, PL_INTERLOCK_TRIPPED, 0), 1);
  il_close(&f);
}

static void test_reset(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 50 * PL_MS);
  pl_interlock_reset(f.interlock, 0);
  il_run(&f, 10 * PL_MS);
  const struct il_seen *refused = il_find(&f, PL_INTERLOCK_REFUSED, 0);
  assert_non_null(refused);
  assert_text(refused->text, "cannot be reset: trip-1.wet = true");
  assert_int_equal(pl_interlock_view(f.interlock, 0)->refused, 1);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);

  il_clear(&f, "trip-1.leak=stuck-high");
  il_run(&f, 10 * PL_MS);
  pl_interlock_reset(f.interlock, 0);
  il_run(&f, 10 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_RESET, 0));
  assert_false(pl_interlock_view(f.interlock, 0)->tripped);
  assert_true(il_truth(&f, "drain-1", "open") < 0.5);

  il_plant(&f, "trip-1.leak=stuck-high"); /* and it works again */
  il_run(&f, 50 * PL_MS);
  assert_int_equal(il_count(&f, PL_INTERLOCK_TRIPPED, 0), 2);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

/* What two rules hold is released by the second reset. */
static void test_an_output_of_two_rules(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: one, when: trip-1.wet, do: [kill-1.open=true]}\n    - {name: two, when: trip-2.wet, do: [kill-1.open=true, kill-2.open=true]}\n",
          false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_plant(&f, "trip-2.leak=stuck-high");
  il_run(&f, 50 * PL_MS);
  il_clear(&f, "trip-1.leak=stuck-high");
  il_clear(&f, "trip-2.leak=stuck-high");
  il_run(&f, 50 * PL_MS);
  pl_interlock_reset(f.interlock, 0);
  il_run(&f, 50 * PL_MS);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  pl_interlock_reset(f.interlock, 1);
  il_run(&f, 50 * PL_MS);
  assert_true(il_truth(&f, "drain-1", "open") < 0.5);
  assert_true(il_truth(&f, "drain-2", "open") < 0.5);
  il_close(&f);
}

static void test_two_out_of_three(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: wet, two-of-three: [trip-1.wet, trip-2.wet, trip-3.wet], do: [kill-1.open=true]}\n", false);
  il_plant(&f, "trip-2.leak=stuck-high");
  il_run(&f, 100 * PL_MS);
  assert_int_equal(f.n, 0);
  il_plant(&f, "trip-3.leak=stuck-high");
  il_run(&f, 20 * PL_MS);
  const struct il_seen *trip = il_find(&f, PL_INTERLOCK_TRIPPED, 0);
  assert_non_null(trip);
  assert_text(trip->text, "trip-1.wet = false, trip-2.wet = true, trip-3.wet = true");
  il_close(&f);
}

/* One of three that cannot be read: the others go on, and one of them is then enough. */
static void test_two_out_of_three_with_a_blind_one(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: wet, two-of-three: [trip-1.wet, trip-2.wet, trip-3.wet], do: [kill-1.open=true]}\n", false);
  il_plant(&f, "trip-1.cable=stuck-low");
  il_run(&f, 2 * PL_S);
  assert_int_equal(f.n, 1);
  assert_int_equal(f.events[0].what, PL_INTERLOCK_UNREADABLE);
  assert_text(f.events[0].text, "signal trip-1.wet cannot be read");
  il_plant(&f, "trip-3.leak=stuck-high");
  il_run(&f, 20 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_BLIND, 0));
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

static void test_unreadable_is_unsafe(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  il_plant(&f, "trip-1.cable=stuck-low");
  il_run(&f, 700 * PL_MS); /* the last good value counts until it is stale */
  assert_int_equal(f.n, 0);
  il_run(&f, 300 * PL_MS);
  const struct il_seen *blind = il_find(&f, PL_INTERLOCK_BLIND, 0);
  assert_non_null(blind);
  assert_text(blind->text, "tripped because it could not see: trip-1.wet was last read");
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  assert_true(pl_interlock_view(f.interlock, 0)->blind);
  pl_interlock_reset(f.interlock, 0);
  il_run(&f, 10 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_REFUSED, 0)); /* still blind */
  il_close(&f);
}

static void test_unreadable_is_put_up_with_for_a_while(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: wet, when: trip-1.wet, unreadable: ignore-for 2 s, do: [kill-1.open=true]}\n", false);
  il_plant(&f, "trip-1.cable=stuck-low");
  il_run(&f, 2 * PL_S);
  assert_null(il_find(&f, PL_INTERLOCK_BLIND, 0));
  il_clear(&f, "trip-1.cable=stuck-low");
  il_run(&f, PL_S);
  assert_non_null(il_find(&f, PL_INTERLOCK_READABLE, -1));
  il_plant(&f, "trip-1.cable=stuck-low");
  il_run(&f, 3 * PL_S);
  assert_non_null(il_find(&f, PL_INTERLOCK_BLIND, 0));
  il_close(&f);
}

/* A comparison on a bus with a worker, and one that nobody answers on. */
static void test_a_slow_bus(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: low, when: trip-bar.vout < 40 V, for: 30 ms, do: [kill-1.open=true]}\n"
                      "    - {name: wet, when: trip-1.wet, do: [kill-2.open=true]}\n", false);
  il_run(&f, PL_S);
  assert_int_equal(f.n, 0);
  il_plant(&f, "trip-bar.vout=stuck:12 V");
  il_run(&f, 100 * PL_MS);
  const struct il_seen *trip = il_find(&f, PL_INTERLOCK_TRIPPED, 0);
  assert_non_null(trip);
  assert_text(trip->text, "trip-bar.vout = 12 V for 3");
  assert_null(il_find(&f, PL_INTERLOCK_TRIPPED, 1));
  il_close(&f);

  struct il_fixture g = {0};
  il_open(&g, SECTION "    - {name: low, when: trip-bar.vout < 40 V, do: [kill-1.open=true]}\n    - {name: wet, when: trip-1.wet, do: [kill-2.open=true]}\n", false);
  il_plant(&g, "trip-bar.wire=nack");
  il_run(&g, PL_S);
  const struct il_seen *blind = il_find(&g, PL_INTERLOCK_BLIND, 0);
  assert_non_null(blind);
  assert_text(blind->text, "trip-bar.vout was last read");
  assert_null(il_find(&g, PL_INTERLOCK_TRIPPED, 1)); /* what it can see it goes on watching */
  il_plant(&g, "trip-1.leak=stuck-high");
  il_run(&g, 20 * PL_MS);
  assert_non_null(il_find(&g, PL_INTERLOCK_TRIPPED, 1));
  il_close(&g);
}

static void test_rules_that_go_by_others(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, SECTION "    - {name: wet, when: trip-1.wet, do: [kill-1.open=true]}\n"
                      "    - {name: still, after: wet, when: trip-1.wet, for: 500 ms, do: [kill-2.open=true]}\n"
                      "    - {name: other, unless: wet, when: trip-2.wet, do: [kill-2.open=true]}\n", false);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 100 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
  il_plant(&f, "trip-2.leak=stuck-high");
  il_run(&f, 350 * PL_MS);
  assert_null(il_find(&f, PL_INTERLOCK_TRIPPED, 1));
  assert_null(il_find(&f, PL_INTERLOCK_TRIPPED, 2));
  il_run(&f, 100 * PL_MS);
  const struct il_seen *still = il_find(&f, PL_INTERLOCK_TRIPPED, 1);
  assert_non_null(still);
  assert_true(still->at - il_find(&f, PL_INTERLOCK_TRIPPED, 0)->at >= 500 * PL_MS);
  assert_null(il_find(&f, PL_INTERLOCK_TRIPPED, 2));
  il_close(&f);
}

/* A contactor whose contacts welded: its mirror contact never tells that it opened. */
static void test_an_output_that_does_not_follow(void **state)
{
  (void)state;
  static const char MORE[] = IL_RIG_HEAD
      "  - {name: relay, driver: kill-relay, bus: lines-trip, part: psu-a, owner: interlock, coil-line: R, mirror: M, safe: {open: true}}\n";
  struct il_fixture f = {0};
  il_open_rig(&f, MORE, SECTION "    - {name: wet, when: trip-1.wet, do: [relay.open=true]}\n", false);
  il_plant(&f, "relay.mirror=stuck-low");
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, PL_S);
  const struct il_seen *doubted = il_find(&f, PL_INTERLOCK_DOUBTED, 0);
  assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
  assert_null(il_find(&f, PL_INTERLOCK_CONFIRMED, 0));
  assert_non_null(doubted);
  assert_int_equal(il_count(&f, PL_INTERLOCK_DOUBTED, 0), 1);
  assert_text(doubted->text, "relay.open does not read back as true");
  il_clear(&f, "relay.mirror=stuck-low");
  il_run(&f, 100 * PL_MS);
  assert_non_null(il_find(&f, PL_INTERLOCK_CONFIRMED, 0));
  assert_true(il_truth(&f, "psu-a", "kill") > 0.5);
  il_close(&f);
}

/* What is unsafe when it is armed trips at once, and its outputs are never let go. */
static void test_unsafe_from_the_start(void **state)
{
  (void)state;
  static const char *const FAULTS[] = {"trip-1.leak=stuck-high"};
  struct il_fixture f = {0};
  char text[8192];
  snprintf(text, sizeof text, "%s%s", IL_RIG_HEAD, SECTION "    - {name: wet, when: trip-1.wet, do: [kill-1.open=true]}\n");
  assert_int_equal(pl_rig_parse("trip.yaml", text, strlen(text), &f.rig, &f.err), PL_OK);
  assert_int_equal(pl_interlock_compile(f.rig, &f.rules, &f.err), PL_OK);
  assert_int_equal(pl_clock_new_virtual(0, &f.clock, &f.err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = f.clock, .seed = 1, .faults = FAULTS, .n_faults = 1};
  assert_int_equal(pl_bench_open(f.rig, &cfg, &f.bench, &f.err), PL_OK);
  assert_int_equal(pl_interlock_open(f.rules, f.bench, &f.interlock, &f.err), PL_OK);
  il_drain(&f);
  assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  il_close(&f);
}

/* The same seed, the same times: in virtual time nothing depends on the machine. */
static void test_same_again(void **state)
{
  (void)state;
  pl_time_ns at[2];
  for (int i = 0; i < 2; i++) {
    struct il_fixture f = {0};
    il_open(&f, SECTION "    - {name: low, when: trip-bar.vout < 40 V, do: [kill-1.open=true]}\n", false);
    il_run(&f, 333 * PL_MS);
    il_plant(&f, "psu-a.supply=dead");
    il_run(&f, 5 * PL_S);
    assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
    at[i] = il_find(&f, PL_INTERLOCK_TRIPPED, 0)->done;
    il_close(&f);
  }
  assert_int_equal(at[0], at[1]);
}

static void il_pass(struct il_fixture *f, pl_time_ns time)
{
  for (pl_time_ns until = pl_clock_now(f->clock) + time; pl_clock_now(f->clock) < until;)
    pl_clock_step(f->clock, until);
}

static void il_event_of_second(void *ctx, const struct pl_interlock_event *event)
{
  if (event->rule != 0)
    il_event(ctx, event);
}

static void test_nobody_drains(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET, false);
  for (int i = 0; i < 200; i++) { /* more than the ring holds; the rules go on */
    il_plant(&f, "trip-1.leak=stuck-high");
    for (pl_time_ns until = pl_clock_now(f.clock) + 30 * PL_MS; pl_clock_now(f.clock) < until;)
      pl_clock_step(f.clock, until);
    il_clear(&f, "trip-1.leak=stuck-high");
    pl_interlock_reset(f.interlock, 0);
    for (pl_time_ns until = pl_clock_now(f.clock) + 10 * PL_MS; pl_clock_now(f.clock) < until;)
      pl_clock_step(f.clock, until);
  }
  il_plant(&f, "trip-1.leak=stuck-high");
  for (pl_time_ns until = pl_clock_now(f.clock) + 30 * PL_MS; pl_clock_now(f.clock) < until;)
    pl_clock_step(f.clock, until);
  assert_true(il_truth(&f, "drain-1", "open") > 0.5);
  pl_interlock_drain(f.interlock, NULL, NULL);
  il_drain(&f);
  assert_int_equal(f.n, 0);
  assert_true(pl_interlock_view(f.interlock, 0)->trips > 30);
  il_close(&f);
}

/* Nobody drains while the ring fills; the trip of another rule is told all the same. */
static void test_a_trip_that_found_no_room(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  il_open(&f, WET "    - {name: second, when: trip-2.wet, do: [kill-2.open=true]}\n", false);
  for (int i = 0; i < 200; i++) {
    il_plant(&f, "trip-1.leak=stuck-high");
    il_pass(&f, 30 * PL_MS);
    il_clear(&f, "trip-1.leak=stuck-high");
    pl_interlock_reset(f.interlock, 0);
    il_pass(&f, 10 * PL_MS);
  }
  il_plant(&f, "trip-2.leak=stuck-high");
  il_pass(&f, 30 * PL_MS);
  pl_interlock_drain(f.interlock, il_event_of_second, &f);
  assert_int_equal(f.n, 2);
  assert_int_equal(f.events[0].what, PL_INTERLOCK_TRIPPED);
  assert_text(f.events[0].text, "interlock rule 'second' tripped: what its signals were was not asked for in time");
  assert_int_equal(f.events[1].what, PL_INTERLOCK_OVERRUN);
  assert_true(pl_interlock_view(f.interlock, 1)->tripped);
  assert_int_equal(pl_interlock_view(f.interlock, 0)->trips, 200);
  il_drain(&f);
  assert_int_equal(f.n, 2);
  il_close(&f);
}

/* What was wet for an hour is no dwell for what has just got wet, too. */
static void test_the_dwell_of_votes(void **state)
{
  (void)state;
  static const char *const RULES[] = {"all: [trip-1.wet, trip-2.wet]", "two-of-three: [trip-1.wet, trip-2.wet, trip-3.wet]", "when: {all: [trip-1.wet, {not: {not: trip-2.wet}}]}"};
  for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
    struct il_fixture f = {0};
    char text[400];
    snprintf(text, sizeof text, SECTION "    - {name: wet, %s, for: 500 ms, do: [kill-1.open=true]}\n", RULES[i]);
    il_open(&f, text, false);
    il_plant(&f, "trip-1.leak=stuck-high");
    il_run(&f, 10 * PL_S);
    pl_time_ns from = pl_clock_now(f.clock);
    il_plant(&f, "trip-2.leak=stuck-high");
    il_run(&f, 490 * PL_MS);
    assert_int_equal(f.n, 0);
    il_run(&f, 50 * PL_MS);
    assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
    assert_int_equal(il_find(&f, PL_INTERLOCK_TRIPPED, 0)->since, from);
    il_close(&f);
  }
}

/* --- contactors that must be held --- */

#define HELD IL_RIG_HEAD "  - {name: relay, driver: kill-relay, bus: lines-trip, part: psu-a, owner: interlock, coil: hold, coil-line: R, mirror: M, safe: {open: true}}\n"

static void open_held(struct il_fixture *f, const char *rule, const char *fault)
{
  char text[8192];
  snprintf(text, sizeof text, "%s%s    - {name: wet, %s, do: [relay.open=true]}\n", HELD, SECTION, rule);
  assert_int_equal(pl_rig_parse("trip.yaml", text, strlen(text), &f->rig, &f->err), PL_OK);
  if (pl_interlock_compile(f->rig, &f->rules, &f->err))
    fail_msg("%s", f->err.text);
  assert_int_equal(pl_clock_new_virtual(0, &f->clock, &f->err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = f->clock, .seed = 1, .faults = &fault, .n_faults = fault != NULL};
  if (pl_bench_open(f->rig, &cfg, &f->bench, &f->err) || pl_interlock_open(f->rules, f->bench, &f->interlock, &f->err))
    fail_msg("%s", f->err.text);
}

static void test_a_contactor_is_closed_when_all_is_seen_safe(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  open_held(&f, "when: trip-1.wet, for: 20 ms", NULL);
  assert_int_equal(pl_interlock_ready(f.interlock, &f.err), PL_OK);
  il_run(&f, 10 * PL_MS);
  assert_true(il_truth(&f, "psu-a", "kill") < 0.5);
  il_plant(&f, "trip-1.leak=stuck-high");
  il_run(&f, 100 * PL_MS);
  assert_true(il_truth(&f, "psu-a", "kill") > 0.5);
  assert_non_null(il_find(&f, PL_INTERLOCK_CONFIRMED, 0));
  il_close(&f);
}

static void test_a_contactor_stays_open_on_what_is_unsafe(void **state)
{
  (void)state;
  struct il_fixture f = {0};
  open_held(&f, "when: trip-1.wet, for: 1 s", "trip-1.leak=stuck-high"); /* trips while it is waited for */
  il_run(&f, 500 * PL_MS);
  assert_int_equal(f.n, 0);
  assert_true(il_truth(&f, "psu-a", "kill") > 0.5);
  assert_int_equal(pl_interlock_ready(f.interlock, &f.err), PL_OK);
  il_drain(&f);
  assert_non_null(il_find(&f, PL_INTERLOCK_TRIPPED, 0));
  assert_true(il_truth(&f, "psu-a", "kill") > 0.5);
  il_close(&f);

  struct il_fixture g = {0};
  open_held(&g, "when: trip-1.wet, unreadable: ignore-for 1 h", "trip-1.cable=stuck-low"); /* nobody can tell */
  il_run(&g, 5 * PL_S);
  assert_true(il_truth(&g, "psu-a", "kill") > 0.5);
  assert_int_equal(pl_interlock_ready(g.interlock, &g.err), PL_E_RANGE);
  assert_text(g.err.text, "interlock rule 'wet' is unsafe, or cannot see, before anything was driven: when trip-1.wet");
  il_clear(&g, "trip-1.cable=stuck-low");
  il_run(&g, PL_S);
  assert_int_equal(pl_interlock_ready(g.interlock, &g.err), PL_OK);
  assert_true(il_truth(&g, "psu-a", "kill") < 0.5);
  il_close(&g);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trips_latches_and_explains),
      cmocka_unit_test(test_dwell_begins_anew),
      cmocka_unit_test(test_a_pulse_is_enough_without_dwell),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_an_output_of_two_rules),
      cmocka_unit_test(test_two_out_of_three),
      cmocka_unit_test(test_two_out_of_three_with_a_blind_one),
      cmocka_unit_test(test_unreadable_is_unsafe),
      cmocka_unit_test(test_unreadable_is_put_up_with_for_a_while),
      cmocka_unit_test(test_a_slow_bus),
      cmocka_unit_test(test_rules_that_go_by_others),
      cmocka_unit_test(test_an_output_that_does_not_follow),
      cmocka_unit_test(test_unsafe_from_the_start),
      cmocka_unit_test(test_same_again),
      cmocka_unit_test(test_nobody_drains),
      cmocka_unit_test(test_a_trip_that_found_no_room),
      cmocka_unit_test(test_the_dwell_of_votes),
      cmocka_unit_test(test_a_contactor_is_closed_when_all_is_seen_safe),
      cmocka_unit_test(test_a_contactor_stays_open_on_what_is_unsafe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
