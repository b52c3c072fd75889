/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/conformance.h"
#include "drivers/bus/gpio.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A chip with 8 lines; line 1 is wired to line 0. */
struct fake {
  struct pl_bus *bus;
  unsigned caps;
  bool levels[8];
  int offsets[8], handles[8]; /* by handle; by offset */
  size_t requested;
  enum pl_status refuse;
  bool edges; /* the last request asked for them */
};

static unsigned fake_caps(void *self)
{
  return ((struct fake *)self)->caps;
}

static enum pl_status fake_request(void *self, const struct pl_gpio_line *line, int handle, struct pl_err *err)
{
  struct fake *f = self;
  if (f->refuse)
    return pl_fail(err, f->refuse, "line is in use");
  f->offsets[handle] = line->offset;
  f->handles[line->offset] = handle;
  f->requested++;
  f->edges = line->edges;
  return PL_OK;
}

static enum pl_status fake_get(void *self, const int *handles, size_t count, bool *values, struct pl_err *err)
{
  (void)err;
  struct fake *f = self;
  for (size_t i = 0; i < count; i++)
    values[i] = f->levels[f->offsets[handles[i]]];
  pl_bus_charge(f->bus, 5 * PL_US);
  return PL_OK;
}

static enum pl_status fake_set(void *self, const int *handles, size_t count, const bool *values, struct pl_err *err)
{
  (void)err;
  struct fake *f = self;
  for (size_t i = 0; i < count; i++) {
    int offset = f->offsets[handles[i]];
    f->levels[offset] = values[i];
    if (offset == 0 && f->levels[1] != values[i]) {
      f->levels[1] = values[i];
      pl_gpio_edge(f->bus, f->handles[1], values[i], 1, pl_bus_now(f->bus));
    }
  }
  return PL_OK;
}

static const struct pl_gpio_ops OPS = {.caps = fake_caps, .request = fake_request, .get = fake_get, .set = fake_set};

struct setting {
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct fake fake;
};

static void set_up(struct setting *s, bool is_virtual)
{
  struct pl_err err = {0};
  s->fake = (struct fake){.caps = PL_GPIO_CAP_EDGES};
  assert_int_equal(is_virtual ? pl_clock_new_virtual(0, &s->clock, &err) : pl_clock_new_real(&s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("lines-m1", PL_BUS_GPIO, s->clock, &s->bus, &err), PL_OK);
  s->fake.bus = s->bus;
  pl_bus_attach(s->bus, &OPS, &s->fake, NULL, true);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_clock_free(s->clock);
}

static int request(struct setting *s, int offset, bool output, bool edges)
{
  struct pl_gpio_line line = {.offset = offset, .consumer = "test", .output = output, .edges = edges};
  struct pl_err err = {0};
  int handle = -1;
  assert_int_equal(pl_gpio_request(s->bus, &line, &handle, &err), PL_OK);
  return handle;
}

static void handles_are_dense_and_a_refused_line_takes_none(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  assert_int_equal(request(&s, 5, false, false), 0);
  assert_int_equal(request(&s, 3, false, false), 1);
  s.fake.refuse = PL_E_BUSY;
  struct pl_gpio_line line = {.offset = 4};
  struct pl_err err = {0};
  int handle = 77;
  assert_int_equal(pl_gpio_request(s.bus, &line, &handle, &err), PL_E_BUSY);
  assert_string_equal(err.text, "line is in use");
  assert_int_equal(handle, 77);
  s.fake.refuse = PL_OK;
  assert_int_equal(request(&s, 4, false, false), 2);
  tear_down(&s);
}

static void missing_caps_are_named(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  s.fake.caps = 0;
  const struct {
    struct pl_gpio_line line;
    const char *text;
  } rows[] = {
      {{.name = "LEAK", .offset = -1}, "line LEAK: the adapter of lines-m1 cannot find lines by name; give its offset"},
      {{.offset = 1, .bias = PL_GPIO_BIAS_PULL_UP}, "line 1: the adapter of lines-m1 cannot set a bias; fit a resistor"},
      {{.offset = 1, .output = true, .drive = PL_GPIO_OPEN_DRAIN}, "line 1: the adapter of lines-m1 cannot drive open-drain or open-source"},
      {{.offset = 1, .edges = true}, "line 1: the adapter of lines-m1 cannot watch edges"},
      {{.offset = 1, .debounce_us = 10}, "line 1: the adapter of lines-m1 cannot debounce"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct pl_err err = {0};
    int handle;
    assert_int_equal(pl_gpio_request(s.bus, &rows[i].line, &handle, &err), PL_E_UNSUPPORTED);
    assert_string_equal(err.text, rows[i].text);
  }
  assert_int_equal(s.fake.requested, 0);
  tear_down(&s);
}

struct reading {
  struct pl_bus *bus;
  int handle;
  bool value;
};

static enum pl_status read_line(struct pl_job *job, struct pl_err *err)
{
  struct reading *r = job->ctx;
  return pl_gpio_get(r->bus, &r->handle, 1, &r->value, err);
}

static pl_time_ns read_now(struct setting *s, int handle, bool expected)
{
  struct reading r = {.bus = s->bus, .handle = handle};
  struct pl_job job = {.run = read_line, .ctx = &r};
  struct pl_err err = {0};
  assert_int_equal(pl_bus_run(s->bus, &job, &err), PL_OK);
  assert_int_equal(r.value, expected);
  return job.finished;
}

static void count_call(void *ctx);

static void changes_between_reads_are_edges_where_the_adapter_has_none(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  s.fake.caps = 0;
  struct pl_gpio_line line = {.offset = 4, .edges = true, .sampled = true};
  struct pl_gpio_edges e;
  struct pl_err err = {0};
  int handle = -1, calls = 0;
  assert_int_equal(pl_gpio_request(s.bus, &line, &handle, &err), PL_OK);
  assert_false(s.fake.edges);
  int plain = request(&s, 5, false, false);
  pl_gpio_watch(s.bus, count_call, &calls);
  s.fake.levels[4] = s.fake.levels[5] = true;
  read_now(&s, handle, true); /* the first read is where changes count from */
  read_now(&s, plain, true);
  pl_gpio_edges(s.bus, handle, &e);
  assert_int_equal(e.rising + e.falling, 0);
  s.fake.levels[4] = s.fake.levels[5] = false;
  pl_time_ns at = read_now(&s, handle, false);
  read_now(&s, handle, false); /* no change, no edge */
  read_now(&s, plain, false);
  pl_gpio_edges(s.bus, handle, &e);
  assert_int_equal(e.falling, 1);
  assert_int_equal(e.rising, 0);
  assert_true(e.last_falling == at && e.last_rising == PL_NEVER);
  assert_true(calls > 0);
  s.fake.levels[4] = true;
  at = read_now(&s, handle, true);
  pl_gpio_edges(s.bus, handle, &e);
  assert_int_equal(e.rising, 1);
  assert_true(e.last_rising == at);
  pl_gpio_edges(s.bus, plain, &e);
  assert_int_equal(e.rising + e.falling, 0);
  tear_down(&s);
}

static void an_adapter_with_edges_is_asked_for_them(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  struct pl_gpio_line line = {.offset = 4, .edges = true, .sampled = true};
  struct pl_gpio_edges e;
  struct pl_err err = {0};
  int handle = -1;
  assert_int_equal(pl_gpio_request(s.bus, &line, &handle, &err), PL_OK);
  assert_true(s.fake.edges);
  read_now(&s, handle, false);
  s.fake.levels[4] = true;
  read_now(&s, handle, true); /* its own edge would come from the adapter: it is not counted twice */
  pl_gpio_edges(s.bus, handle, &e);
  assert_int_equal(e.rising, 0);
  tear_down(&s);
}

static void count_call(void *ctx)
{
  ++*(int *)ctx;
}

static void edges_are_kept_and_the_watcher_is_called_once_for_many(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  int edged = request(&s, 1, false, true), plain = request(&s, 2, false, false), calls = 0;
  struct pl_gpio_edges e;
  pl_gpio_edges(s.bus, edged, &e);
  assert_int_equal(e.rising, 0);
  assert_true(e.last_rising == PL_NEVER && e.last_falling == PL_NEVER);
  pl_gpio_edge(s.bus, edged, true, 1, 5); /* before anybody watches */
  pl_gpio_watch(s.bus, count_call, &calls);
  assert_false(pl_clock_step(s.clock, 0));
  pl_gpio_edge(s.bus, edged, true, 3, 100);
  pl_gpio_edge(s.bus, edged, false, 2, 120);
  pl_gpio_edges_lost(s.bus, edged, 7);
  assert_int_equal(calls, 0); /* on the loop's thread, not here */
  assert_true(pl_clock_step(s.clock, 0));
  assert_int_equal(calls, 1);
  pl_gpio_edges(s.bus, edged, &e);
  assert_int_equal(e.rising, 4);
  assert_int_equal(e.falling, 2);
  assert_int_equal(e.lost, 7);
  assert_int_equal(e.last_rising, 100);
  assert_int_equal(e.last_falling, 120);
  pl_gpio_edge(s.bus, plain, true, 1, 200); /* did not ask for edges */
  pl_gpio_edge(s.bus, 99, true, 1, 200);
  pl_gpio_edge(s.bus, edged, true, 0, 200);
  assert_false(pl_clock_step(s.clock, 0));
  pl_gpio_edges(s.bus, plain, &e);
  assert_int_equal(e.rising, 0);
  pl_gpio_edges(s.bus, edged, &e);
  assert_int_equal(e.last_rising, 100);
  pl_gpio_edge(s.bus, edged, true, 1, 300);
  pl_bus_free(s.bus); /* with a call to the watcher still queued */
  assert_false(pl_clock_step(s.clock, 0));
  pl_clock_free(s.clock);
  assert_int_equal(calls, 1);
}

struct sender {
  struct pl_bus *bus;
  int handle;
};

static void *send_edges(void *ctx)
{
  struct sender *sender = ctx;
  for (int i = 0; i < 2000; i++)
    pl_gpio_edge(sender->bus, sender->handle, i % 2 == 0, 1, i);
  return NULL;
}

static void edges_from_two_threads_are_all_counted(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, false);
  int a = request(&s, 1, false, true), b = request(&s, 2, false, true), calls = 0;
  pl_gpio_watch(s.bus, count_call, &calls);
  struct sender senders[] = {{s.bus, a}, {s.bus, a}, {s.bus, b}};
  pthread_t threads[3];
  for (int i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, send_edges, &senders[i]), 0);
  while (!calls)
    assert_true(pl_clock_step(s.clock, 20 * PL_S));
  for (int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  struct pl_gpio_edges e;
  pl_gpio_edges(s.bus, a, &e);
  assert_int_equal(e.rising, 2000);
  assert_int_equal(e.falling, 2000);
  pl_gpio_edges(s.bus, b, &e);
  assert_int_equal(e.rising, 1000);
  assert_int_equal(e.last_falling, 1999);
  tear_down(&s);
}

static void tell(void *ctx, const char *check, const char *why)
{
  ++*(size_t *)ctx;
  print_error("%s: %s\n", check, why);
}

static void the_fake_conforms(void **state)
{
  (void)state;
  for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
    struct setting s;
    set_up(&s, is_virtual);
    size_t told = 0;
    struct pl_bus_conformance report = {.fail = tell, .ctx = &told};
    struct pl_conformance_gpio target = {.output = request(&s, 0, true, false), .input = request(&s, 1, false, true)};
    assert_int_equal(pl_conformance_gpio(s.bus, &target, &report), 0);
    assert_true(report.checks >= 15);
    assert_int_equal(told, 0);
    struct pl_bus_counters counters;
    pl_bus_counters(s.bus, &counters);
    assert_true(counters.transfers >= 12);
    tear_down(&s);
  }
}

static void quiet(void *ctx, const char *check, const char *why)
{
  (void)check;
  (void)why;
  ++*(size_t *)ctx;
}

static void the_suite_finds_a_line_that_is_not_wired(void **state)
{
  (void)state;
  struct setting s;
  set_up(&s, true);
  size_t told = 0;
  struct pl_bus_conformance report = {.fail = quiet, .ctx = &told};
  struct pl_conformance_gpio target = {.output = request(&s, 0, true, false), .input = request(&s, 3, false, true)};
  request(&s, 1, false, true);
  assert_true(pl_conformance_gpio(s.bus, &target, &report) >= 3);
  assert_true(told >= 3);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handles_are_dense_and_a_refused_line_takes_none),
      cmocka_unit_test(missing_caps_are_named),
      cmocka_unit_test(changes_between_reads_are_edges_where_the_adapter_has_none),
      cmocka_unit_test(an_adapter_with_edges_is_asked_for_them),
      cmocka_unit_test(edges_are_kept_and_the_watcher_is_called_once_for_many),
      cmocka_unit_test(edges_from_two_threads_are_all_counted),
      cmocka_unit_test(the_fake_conforms),
      cmocka_unit_test(the_suite_finds_a_line_that_is_not_wired),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
