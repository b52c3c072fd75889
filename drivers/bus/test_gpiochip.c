/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter over a fake libgpiod of the major that it is built for; the suite is the same for both. On the kernel's own drivers it runs in the guest. */
#include "drivers/base/conf.h"
#include "drivers/bus/conformance.h"
#include "drivers/bus/fake_gpiod_v1.h"
#include "drivers/bus/fake_gpiod_v2.h"
#include "drivers/bus/fake_sysfs.h"
#include "drivers/bus/gpiochip.h"

extern const struct pl_adapter_desc pl_adapter_gpiochip;

#define N_VALUES 7
#define SOC "gpiochip0"  /* lines with names, interrupts, bias */
#define USB1 "gpiochip1" /* two CP2112 */
#define USB2 "gpiochip2"
#define MCP "gpiochip3"  /* no interrupts */

struct setting {
  struct fake_sysfs sys;
  struct pl_conf *conf;
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_value items[N_VALUES];
  struct pl_values values;
  struct pl_adapter_args args;
};

static struct pl_value *item(struct setting *s, const char *name)
{
  for (size_t i = 0; i < N_VALUES; i++)
    if (!strcmp(pl_adapter_gpiochip.params[i].name, name))
      return &s->items[i];
  fail_msg("no param %s", name);
  return NULL;
}

static void say(struct setting *s, const char *name, const char *text)
{
  struct pl_value *value = item(s, name);
  value->given = true;
  value->text = text;
}

static void map_lines(struct setting *s, const char *yaml)
{
  struct pl_err err = {0};
  assert_int_equal(pl_conf_parse("rig", yaml, strlen(yaml), &s->conf, &err), PL_OK);
  say(s, "lines", "");
  item(s, "lines")->map = pl_conf_root(s->conf);
}

static void plug(struct setting *s, const char *chip, const char *path, const char *serial)
{
  char at[FAKE_SYSFS_ROOM], usb[PATH_MAX];
  snprintf(at, sizeof at, "%s/%s", path ? fake_sysfs_usb(&s->sys, path, serial, usb, sizeof usb) : "devices/pci0000:00", chip);
  fake_sysfs_link(&s->sys, PL_GPIOCHIP_FOLDER, chip, at);
}

static void set_up(struct setting *s)
{
  struct pl_err err = {0};
  *s = (struct setting){0};
  fake = (struct fake_gpio){.chips = {
                                {.name = SOC, .label = "soc-gpio", .lines = {{.name = "LEAK"}, {.name = "VALVE"}, {.name = "LEAK_SENSE", .wired = 2}}},
                                {.name = USB1, .label = "ft260_gpio", .lines = {[4] = {.wired = 1}, [5] = {.level = true}}},
                                {.name = USB2, .label = "ft260_gpio"},
                                {.name = MCP, .label = "mcp2221_gpio", .no_irq = true, .lines = {{.name = "VALVE"}}},
                            }};
  fake_sysfs_open(&s->sys);
  plug(s, SOC, NULL, NULL);
  plug(s, USB1, "1-1", "C1");
  plug(s, USB2, "1-2", "C2");
  plug(s, MCP, "1-3", NULL);
  assert_int_equal(pl_adapter_gpiochip.n_params, N_VALUES);
  s->values = (struct pl_values){s->items, N_VALUES};
  for (size_t i = 0; i < N_VALUES; i++)
    s->items[i] = (struct pl_value){.param = &pl_adapter_gpiochip.params[i], .text = ""};
  s->args = (struct pl_adapter_args){.bus_name = "gpio-m1", .values = &s->values};
  assert_int_equal(pl_clock_new_real(&s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("gpio-m1", PL_BUS_GPIO, s->clock, &s->bus, &err), PL_OK);
}

static enum pl_status open_it(struct setting *s, struct pl_err *err)
{
  *err = (struct pl_err){0};
  return pl_gpiochip_open(s->bus, &s->args, s->sys.root, err);
}

static void set_up_open(struct setting *s, const char *param, const char *text)
{
  struct pl_err err;
  set_up(s);
  if (param)
    say(s, param, text);
  if (open_it(s, &err))
    fail_msg("%s", err.text);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_clock_free(s->clock);
  pl_conf_free(s->conf);
  assert_int_equal(fake.requests_open, 0);
  assert_int_equal(fake.chips_open, 0);
  fake_sysfs_close(&s->sys);
}

static int request(struct setting *s, struct pl_gpio_line line)
{
  int handle = -1;
  struct pl_err err = {0};
  if (!line.consumer)
    line.consumer = "csu-1";
  if (pl_gpio_request(s->bus, &line, &handle, &err))
    fail_msg("%s", err.text);
  return handle;
}

static enum pl_status refuse(struct setting *s, struct pl_gpio_line line, struct pl_err *err)
{
  int handle = -1;
  *err = (struct pl_err){0};
  line.consumer = "csu-2";
  return pl_gpio_request(s->bus, &line, &handle, err);
}

struct access_job {
  struct pl_job job;
  struct pl_bus *bus;
  const int *handles;
  size_t count;
  bool *values;
  bool set;
};

static enum pl_status run_access(struct pl_job *job, struct pl_err *err)
{
  struct access_job *a = job->ctx;
  return a->set ? pl_gpio_set(a->bus, a->handles, a->count, a->values, err) : pl_gpio_get(a->bus, a->handles, a->count, a->values, err);
}

static enum pl_status in_job(struct setting *s, const int *handles, size_t count, bool *values, bool set, struct pl_err *err)
{
  struct access_job a = {.job = {.run = run_access}, .bus = s->bus, .handles = handles, .count = count, .values = values, .set = set};
  a.job.ctx = &a;
  *err = (struct pl_err){0};
  return pl_bus_run(s->bus, &a.job, err);
}

static bool get_one(struct setting *s, int handle)
{
  bool value = false;
  struct pl_err err;
  if (in_job(s, &handle, 1, &value, false, &err))
    fail_msg("%s", err.text);
  return value;
}

static void set_one(struct setting *s, int handle, bool value)
{
  struct pl_err err;
  if (in_job(s, &handle, 1, &value, true, &err))
    fail_msg("%s", err.text);
}

/* Until the line has seen so many edges (lost ones included), or two seconds. */
static struct pl_gpio_edges wait_edges(struct setting *s, int handle, uint64_t want)
{
  struct pl_gpio_edges seen;
  for (pl_time_ns end = pl_clock_now(s->clock) + 2 * PL_S;;) {
    pl_gpio_edges(s->bus, handle, &seen);
    if (seen.rising + seen.falling + seen.lost >= want || !pl_clock_step(s->clock, end))
      return seen;
  }
}

static void ignore(void *ctx)
{
  (void)ctx;
}

static void tell(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_error("%s: %s\n", check, why);
}

/* --- */

static void it_conforms(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, "path", "1-1");
  struct pl_bus_conformance report = {.fail = tell};
  const struct pl_conformance_gpio target = {.output = request(&s, (struct pl_gpio_line){.offset = 0, .output = true}),
                                             .input = request(&s, (struct pl_gpio_line){.offset = 4, .edges = true})};
  assert_int_equal(pl_conformance_gpio(s.bus, &target, &report), 0);
  assert_true(report.checks >= 18);
  tear_down(&s);
}

static void a_line_is_found_by_name_on_any_chip(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, NULL, NULL);
  int leak = request(&s, (struct pl_gpio_line){.name = "LEAK", .offset = -1});
  fake_level(&fake.chips[0], 0, true);
  assert_true(get_one(&s, leak));
  assert_string_equal(fake.chips[0].lines[0].consumer, "csu-1");
  assert_int_equal(fake.chips_open, 1); /* only the chip that is needed */
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.name = "VALVE", .offset = -1}, &err), PL_E_USAGE);
  assert_string_equal(err.text, "there are 2 lines 'VALVE': gpiochip0 line 1, gpiochip3 line 0; say which chip is meant");
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.name = "CSU1_PRSNT_N", .offset = -1}, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "no GPIO chip has a line 'CSU1_PRSNT_N'"));
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 3}, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "say the bus's chip (its label), serial or path"));
  tear_down(&s);
}

static void a_chip_is_found_by_what_the_rig_says(void **state)
{
  (void)state;
  static const struct {
    const char *param, *text, *also, *also_text;
    enum pl_status status;
    const char *says; /* or the consumer's chip */
  } ROWS[] = {
      {"chip", "soc-gpio", NULL, NULL, PL_OK, SOC},
      {"chip", "/dev/gpiochip2", NULL, NULL, PL_OK, USB2},
      {"chip", "gpiochip3", NULL, NULL, PL_OK, MCP},
      {"serial", "C2", NULL, NULL, PL_OK, USB2},
      {"chip", "ft260_gpio", "path", "1-1", PL_OK, USB1},
      {"chip", "ft260_gpio", NULL, NULL, PL_E_USAGE,
       "two match: there are 2 GPIO chips with label 'ft260_gpio': gpiochip1 (ft260_gpio, USB path 1-1, serial C1), gpiochip2 (ft260_gpio, USB path 1-2, "
       "serial C2); say which, by serial or path"},
      {"path", "1-9", NULL, NULL, PL_E_GONE, "there is no GPIO chip with path '1-9'; there are gpiochip0 (soc-gpio), gpiochip1 ("},
      {"chip", "/dev/gpiochip7", NULL, NULL, PL_E_GONE, "cannot open the GPIO chip /dev/gpiochip7: No such file"},
      {"chip", "/dev/gpiochip1", "serial", "C1", PL_E_USAGE, "says already which is meant"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    struct pl_err err;
    set_up(&s);
    say(&s, ROWS[i].param, ROWS[i].text);
    if (ROWS[i].also)
      say(&s, ROWS[i].also, ROWS[i].also_text);
    assert_int_equal(open_it(&s, &err), ROWS[i].status);
    if (ROWS[i].status) {
      if (!strstr(err.text, ROWS[i].says))
        fail_msg("row %zu: %s", i, err.text);
    } else {
      (void)get_one(&s, request(&s, (struct pl_gpio_line){.offset = 7}));
      for (size_t c = 0; c < FAKE_CHIPS; c++)
        assert_int_equal(fake.chips[c].lines[7].used, !strcmp(fake.chips[c].name, ROWS[i].says));
    }
    tear_down(&s);
  }
}

static void permission_is_named(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up(&s);
  fake.chips[1].denied = true;
  say(&s, "chip", USB1);
  assert_int_equal(open_it(&s, &err), PL_E_IO);
  assert_non_null(strstr(err.text, "no permission for /dev/gpiochip1: join the group gpio"));
  tear_down(&s);
}

static void names_of_the_rigs_map_stand_for_offsets(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up(&s);
  say(&s, "path", "1-1");
  map_lines(&s, "{CSU1_PRSNT_N: 5, CSU1_EN: 0, BEYOND: 8}");
  assert_int_equal(open_it(&s, &err), PL_OK);
  int present = request(&s, (struct pl_gpio_line){.name = "CSU1_PRSNT_N", .offset = -1, .active_low = true});
  assert_false(get_one(&s, present)); /* high */
  fake_level(&fake.chips[1], 5, false);
  assert_true(get_one(&s, present));
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.name = "CSU2_EN", .offset = -1}, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "gpiochip1 has no line 'CSU2_EN'; put it in the bus's map: lines: {CSU2_EN: OFFSET}"));
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.name = "BEYOND", .offset = -1}, &err), PL_E_USAGE);
  tear_down(&s);
}

static void lines_of_one_device_go_with_one_ioctl(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, "path", "1-1");
  int handles[6];
  bool on[4] = {true, false, true, true}, got[6];
  for (int i = 0; i < 4; i++)
    handles[i] = request(&s, (struct pl_gpio_line){.offset = i, .output = true});
  handles[4] = request(&s, (struct pl_gpio_line){.offset = 4});
  handles[5] = request(&s, (struct pl_gpio_line){.offset = 6});
  assert_int_equal(fake.requests_open, 0); /* nothing is driven yet */
  assert_int_equal(in_job(&s, handles, 4, on, true, &err), PL_OK);
  assert_int_equal(fake.requests_open, 2);
  assert_int_equal(fake.chips[1].sets, 1);
  assert_int_equal(in_job(&s, handles, 6, got, false, &err), PL_OK);
  assert_int_equal(fake.chips[1].gets, 2); /* outputs, inputs */
  assert_memory_equal(got, on, sizeof on);
  assert_true(got[4]); /* wired to line 0 */
  assert_false(got[5]);
  set_one(&s, handles[1], true); /* the others keep their levels */
  assert_int_equal(in_job(&s, handles, 4, got, false, &err), PL_OK);
  assert_true(got[0] && got[1] && got[2] && got[3]);
  int other = request(&s, (struct pl_gpio_line){.offset = 7, .output = true, .consumer = "csu-9"});
  set_one(&s, other, true);
  assert_int_equal(fake.requests_open, 3); /* another device's: its own; what was held before stays held */
  assert_string_equal(fake.chips[1].lines[7].consumer, "csu-9");
  assert_true(fake.chips[1].lines[1].level);
  tear_down(&s);
  assert_true(fake.chips[1].lines[1].level); /* let go, not switched */
}

static void outputs_are_driven_without_a_job(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, "path", "1-1");
  fake.chips[1].lines[2].level = true;
  (void)request(&s, (struct pl_gpio_line){.offset = 2, .output = true});
  (void)request(&s, (struct pl_gpio_line){.offset = 3, .output = true, .active_low = true});
  assert_true(pl_clock_step(s.clock, pl_clock_now(s.clock) + PL_S));
  assert_true(fake.chips[1].lines[2].output && fake.chips[1].lines[3].output);
  assert_false(fake.chips[1].lines[2].level); /* both inactive */
  assert_true(fake.chips[1].lines[3].level);
  tear_down(&s);
}

static void an_as_is_output_keeps_its_level_until_it_is_set(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, "path", "1-1");
  fake.chips[1].lines[2].level = fake.chips[1].lines[2].output = true;
  int held = request(&s, (struct pl_gpio_line){.offset = 2, .output = true, .as_is = true});
  int idle = request(&s, (struct pl_gpio_line){.offset = 3, .output = true, .as_is = true, .active_low = true});
  assert_true(get_one(&s, held));
  assert_true(get_one(&s, idle)); /* an input at low, read as active */
  assert_false(fake.chips[1].lines[3].output);
  set_one(&s, idle, false);
  assert_true(fake.chips[1].lines[3].output && fake.chips[1].lines[3].level);
  set_one(&s, idle, true);
  assert_false(fake.chips[1].lines[3].level);
  assert_true(fake.chips[1].lines[2].level);
  set_one(&s, held, false);
  assert_false(fake.chips[1].lines[2].level);
  tear_down(&s);
}

static void who_holds_a_line_is_named(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, "path", "1-1");
  fake.chips[1].lines[2].used = true;
  snprintf(fake.chips[1].lines[2].consumer, PL_GPIOD_TEXT, "gpioset");
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 2, .output = true}, &err), PL_E_LOCKED);
  assert_string_equal(err.text, "line 2 of gpiochip1 (ft260_gpio) is in use, by 'gpioset'; end that program first");
  (void)request(&s, (struct pl_gpio_line){.offset = 3, .output = true});
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 3}, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, "is in use already, by csu-1 of this rig"));
  int late = request(&s, (struct pl_gpio_line){.offset = 6, .output = true, .consumer = "csu-3"});
  bool value = true;
  fake.chips[1].lines[6].used = true; /* taken by another in between: found when it is held */
  assert_int_equal(in_job(&s, &late, 1, &value, true, &err), PL_E_LOCKED);
  assert_int_equal(in_job(&s, &late, 1, &value, false, &err), PL_E_LOCKED);
  tear_down(&s);
}

static void what_a_chip_cannot_is_refused(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, "path", "1-3");
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 2, .bias = PL_GPIO_BIAS_PULL_UP}, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "line 2 of gpiochip3 (mcp2221_gpio): the chip cannot set a bias (the kernel would take it and do nothing); fit a resistor");
  tear_down(&s);
  set_up_open(&s, "chip", "soc-gpio");
  int pulled = request(&s, (struct pl_gpio_line){.offset = 3, .bias = PL_GPIO_BIAS_PULL_DOWN});
  assert_false(get_one(&s, pulled));
  assert_int_equal(fake.chips[0].lines[3].as.bias, PL_GPIO_BIAS_PULL_DOWN);
  int drain = request(&s, (struct pl_gpio_line){.offset = 4, .output = true, .drive = PL_GPIO_OPEN_DRAIN});
  set_one(&s, drain, true);
  assert_int_equal(fake.chips[0].lines[4].as.drive, PL_GPIO_OPEN_DRAIN);
  fake.chips[0].no_bias = true;
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 5, .bias = PL_GPIO_BIAS_PULL_UP}, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "the chip cannot set the bias asked for"));
  enum pl_status debounce = refuse(&s, (struct pl_gpio_line){.offset = 6, .debounce_us = 5000}, &err);
  assert_int_equal(debounce, PL_GPIOD_MAJOR == 1 ? PL_E_UNSUPPORTED : PL_OK);
  if (debounce)
    assert_string_equal(err.text, "line 6: the adapter of gpio-m1 cannot debounce");
  tear_down(&s);
}

static void without_interrupts_a_line_is_sampled_or_refused(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  struct pl_gpio_edges seen;
  set_up_open(&s, "path", "1-3");
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 1, .edges = true}, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "line 1 of gpiochip3 (mcp2221_gpio): the chip cannot watch edges: it has no interrupts");
  int handle = request(&s, (struct pl_gpio_line){.offset = 1, .edges = true, .sampled = true});
  assert_false(get_one(&s, handle));
  fake_level(&fake.chips[3], 1, true);
  assert_true(get_one(&s, handle));
  pl_gpio_edges(s.bus, handle, &seen);
  assert_int_equal(seen.rising, 1);
  tear_down(&s);
}

static void a_chip_whose_driver_fails_at_edges_is_sampled(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  struct pl_gpio_edges seen;
  set_up(&s);
  fake.chips[2].label = "cp2112_gpio";
  say(&s, "path", "1-2");
  assert_int_equal(open_it(&s, &err), PL_OK);
  assert_int_equal(refuse(&s, (struct pl_gpio_line){.offset = 1, .edges = true}, &err), PL_E_UNSUPPORTED);
  int handle = request(&s, (struct pl_gpio_line){.offset = 1, .edges = true, .sampled = true});
  assert_false(get_one(&s, handle));
  assert_false(fake.chips[2].lines[1].as.edges);
  pl_gpio_edges(s.bus, handle, &seen);
  assert_true(seen.sampled);
  tear_down(&s);
}

static void edges_have_the_kernels_time_and_lost_ones_are_counted(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, "chip", "soc-gpio");
  pl_gpio_watch(s.bus, ignore, NULL); /* an edge wakes the loop */
  int a = request(&s, (struct pl_gpio_line){.offset = 4, .edges = true, .active_low = true});
  int b = request(&s, (struct pl_gpio_line){.offset = 5, .edges = true});
  (void)get_one(&s, a);
  pl_time_ns before = pl_clock_now(s.clock);
  fake_level(&fake.chips[0], 4, true);
  fake_level(&fake.chips[0], 5, true);
  pl_time_ns after = pl_clock_now(s.clock);
  struct pl_gpio_edges at_a = wait_edges(&s, a, 1), at_b = wait_edges(&s, b, 1);
  assert_int_equal(at_a.falling, 1); /* active-low: up is to inactive */
  assert_int_equal(at_b.rising, 1);
  assert_true(at_a.last_falling >= before - 100 * PL_US && at_a.last_falling <= at_b.last_rising && at_b.last_rising <= after);
  fake.drop = 3;
  for (int i = 0; i < 4; i++)
    fake_level(&fake.chips[0], 5, i % 2);
  at_b = wait_edges(&s, b, PL_GPIOD_MAJOR == 1 ? 2 : 5);
  assert_int_equal(at_b.rising + at_b.falling, 2);
  assert_int_equal(at_b.lost, PL_GPIOD_MAJOR == 1 ? 0 : 3); /* uAPI v1 cannot know */
  tear_down(&s);
}

static void settings_too_many_for_one_request_get_more(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, "chip", "soc-gpio");
  fake.chips[0].max_kinds = 1;
  int handles[2] = {request(&s, (struct pl_gpio_line){.offset = 3, .output = true}), request(&s, (struct pl_gpio_line){.offset = 4, .output = true})};
  bool on[2] = {true, true};
  assert_int_equal(in_job(&s, handles, 2, on, true, &err), PL_OK);
  assert_int_equal(fake.requests_open, 2);
  assert_true(fake.chips[0].lines[3].level && fake.chips[0].lines[4].level);
  tear_down(&s);
}

static void unplug(struct setting *s)
{
  fake.chips[1].gone = true;
  fake_sysfs_unlink(&s->sys, PL_GPIOCHIP_FOLDER, USB1);
}

static void come_back(struct setting *s)
{
  fake.chips[1].gone = false;
  plug(s, USB1, "1-1", "C1");
  for (pl_time_ns end = pl_clock_now(s->clock) + 5 * PL_S; pl_bus_is_lost(s->bus) && pl_clock_now(s->clock) < end;)
    pl_clock_step(s->clock, end);
  assert_false(pl_bus_is_lost(s->bus));
}

/* Back, outputs are inactive: what was set is not set again. */
static void a_chip_that_went_is_found_again(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  bool value = true;
  set_up_open(&s, "path", "1-1");
  pl_gpio_watch(s.bus, ignore, NULL);
  int output = request(&s, (struct pl_gpio_line){.offset = 0, .output = true}), input = request(&s, (struct pl_gpio_line){.offset = 4, .edges = true});
  set_one(&s, output, true);
  assert_int_equal(wait_edges(&s, input, 1).rising, 1);
  unplug(&s);
  assert_int_equal(in_job(&s, &output, 1, &value, true, &err), PL_E_GONE);
  assert_non_null(strstr(err.text, "line 0 of gpiochip1 (ft260_gpio): the chip has gone"));
  assert_true(pl_bus_is_lost(s.bus));
  come_back(&s);
  assert_false(fake.chips[1].lines[0].level);
  assert_int_equal(wait_edges(&s, input, 1).falling, 0); /* not watched while it was away */
  set_one(&s, output, true);
  assert_int_equal(wait_edges(&s, input, 2).rising, 2);
  tear_down(&s);
}

/* Nobody reads or sets: who watches edges is told all the same. */
static void an_unplugged_chip_is_noticed_by_itself(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, "path", "1-1");
  int input = request(&s, (struct pl_gpio_line){.offset = 4, .edges = true});
  (void)get_one(&s, input);
  unplug(&s);
  for (pl_time_ns end = pl_clock_now(s.clock) + 2 * PL_S; !pl_bus_is_lost(s.bus) && pl_clock_step(s.clock, end);)
    ;
  assert_true(pl_bus_is_lost(s.bus));
  come_back(&s);
  assert_false(get_one(&s, input));
  tear_down(&s);
}

/* A line behind USB or on an expander is a transfer away: who must not wait for one gives it a worker. */
static void only_the_machines_own_chips_are_direct(void **state)
{
  (void)state;
  static const struct {
    const char *chip, *path, *at;
    bool direct;
  } CASES[] = {{SOC, NULL, NULL, true},
               {USB1, "1-1", NULL, false},
               {NULL, "1-3", NULL, false},
               {SOC, NULL, "devices/platform/fe804000.i2c/i2c-1/1-0020/" SOC, false},
               {SOC, NULL, "devices/platform/spi-bus/spi0/spi0.1/" SOC, false},
               {SOC, NULL, "devices/platform/fe200000.gpio/" SOC, true}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct setting s;
    struct pl_err err;
    set_up(&s);
    if (CASES[i].at) {
      fake_sysfs_unlink(&s.sys, PL_GPIOCHIP_FOLDER, SOC);
      fake_sysfs_link(&s.sys, PL_GPIOCHIP_FOLDER, SOC, CASES[i].at);
    }
    if (CASES[i].path)
      say(&s, "path", CASES[i].path);
    else
      say(&s, "chip", CASES[i].chip);
    assert_int_equal(open_it(&s, &err), PL_OK);
    assert_int_equal(!!(pl_gpio_caps(s.bus) & PL_GPIO_CAP_DIRECT), CASES[i].direct);
    tear_down(&s);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_conforms),
      cmocka_unit_test(a_line_is_found_by_name_on_any_chip),
      cmocka_unit_test(a_chip_is_found_by_what_the_rig_says),
      cmocka_unit_test(permission_is_named),
      cmocka_unit_test(names_of_the_rigs_map_stand_for_offsets),
      cmocka_unit_test(lines_of_one_device_go_with_one_ioctl),
      cmocka_unit_test(outputs_are_driven_without_a_job),
      cmocka_unit_test(an_as_is_output_keeps_its_level_until_it_is_set),
      cmocka_unit_test(who_holds_a_line_is_named),
      cmocka_unit_test(what_a_chip_cannot_is_refused),
      cmocka_unit_test(without_interrupts_a_line_is_sampled_or_refused),
      cmocka_unit_test(a_chip_whose_driver_fails_at_edges_is_sampled),
      cmocka_unit_test(only_the_machines_own_chips_are_direct),
      cmocka_unit_test(edges_have_the_kernels_time_and_lost_ones_are_counted),
      cmocka_unit_test(settings_too_many_for_one_request_get_more),
      cmocka_unit_test(a_chip_that_went_is_found_again),
      cmocka_unit_test(an_unplugged_chip_is_noticed_by_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
