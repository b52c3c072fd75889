/* SPDX-License-Identifier: Apache-2.0 */
/* get, set, watch: one device quantity from the shell. */
#include "host/cli/cli.h"

#include <string.h>

#define RIG_OPTION {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false}

static const struct pl_option GET_OPTIONS[] = {
    RIG_OPTION,
    {"json", NULL, "one JSON array", false},
    {NULL, NULL, NULL, false},
};
static const struct pl_option SET_OPTIONS[] = {
    RIG_OPTION,
    {NULL, NULL, NULL, false},
};
static const struct pl_option WATCH_OPTIONS[] = {
    RIG_OPTION,
    {"every", "TIME", "how often (1 s)", false},
    {"count", "N", "stop after N rounds (never)", false},
    {NULL, NULL, NULL, false},
};

struct tool { /* an opened rig in real time */
  struct pl_rig *rig;
  struct pl_clock *clock;
  struct pl_bench *bench;
};

static enum pl_status tool_open(const struct pl_args *args, struct tool *tool, struct pl_err *err)
{
  *tool = (struct tool){0};
  enum pl_status status = pl_cli_rig(args, &tool->rig, err);
  if (!status)
    status = pl_clock_new_real(&tool->clock, err);
  const struct pl_bench_cfg cfg = {.clock = tool->clock, .seed = 1, .observe = true}; /* what is on stays on */
  if (!status)
    status = pl_bench_open(tool->rig, &cfg, &tool->bench, err);
  if (!status)
    pl_cli_catch_signals(tool->clock);
  return status;
}

static void tool_close(struct tool *tool)
{
  pl_cli_catch_signals(NULL);
  pl_bench_close(tool->bench);
  pl_clock_free(tool->clock);
  pl_rig_free(tool->rig);
}

struct target {
  struct pl_device *device;
  const struct pl_quantity *quantity;
};

static enum pl_status unknown_device(const struct tool *tool, const char *name, struct pl_err *err)
{
  const char *names[256];
  size_t count = 0;
  for (size_t i = 0; i < tool->rig->n_devices && count < 256; i++)
    names[count++] = tool->rig->devices[i].name;
  const char *near = pl_closest(name, names, count);
  if (pl_rig_device(tool->rig, name))
    return pl_fail(err, PL_E_USAGE, "'%s' is the interlock's, whose buses nobody else opens; `plumb interlock` tells of it", name);
  if (near)
    return pl_fail(err, PL_E_USAGE, "%s has no device '%s', did you mean '%s'?", tool->rig->path, name, near);
  return pl_fail(err, PL_E_USAGE, "%s has no device '%s'; `plumb rig` lists them", tool->rig->path, name);
}

static enum pl_status unknown_quantity(const char *device, const struct pl_shape *shape, const char *name, struct pl_err *err)
{
  char list[400] = "";
  size_t used = 0;
  for (size_t i = 0; i < shape->count && used < sizeof list - 1; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", shape->quantities[i].name);
  return pl_fail(err, PL_E_USAGE, "%s has no quantity '%s'; it has %s", device, name, list);
}

static enum pl_status find_target(const struct tool *tool, const char *word, struct target *target, struct pl_err *err)
{
  char name[128];
  const char *dot = strchr(word, '.');
  if (!dot || (size_t)(dot - word) >= sizeof name)
    return pl_fail(err, PL_E_USAGE, "'%s': expected DEVICE.QUANTITY, for example psu-a.vout", word);
  snprintf(name, sizeof name, "%.*s", (int)(dot - word), word);
  target->device = pl_bench_device(tool->bench, name);
  if (!target->device)
    return unknown_device(tool, name, err);
  const struct pl_shape *shape = pl_device_shape_of(target->device);
  target->quantity = pl_shape_find(shape, dot + 1);
  return target->quantity ? PL_OK : unknown_quantity(name, shape, dot + 1, err);
}

/* "DEVICE" alone stands for all that it can tell. */
static enum pl_status expand(const struct tool *tool, const char *word, struct target *out, size_t room, size_t *count, struct pl_err *err)
{
  if (strchr(word, '.')) {
    *count = 1;
    return find_target(tool, word, out, err);
  }
  struct pl_device *device = pl_bench_device(tool->bench, word);
  if (!device)
    return unknown_device(tool, word, err);
  const struct pl_shape *shape = pl_device_shape_of(device);
  *count = 0;
  for (size_t i = 0; i < shape->count && *count < room; i++)
    if (shape->quantities[i].access & PL_GET)
      out[(*count)++] = (struct target){device, &shape->quantities[i]};
  return PL_OK;
}

static void print_reading(const struct target *target, const struct pl_reading *reading, const struct pl_err *err, bool json, bool first)
{
  char text[64];
  const char *device = pl_device_name(target->device), *name = target->quantity->name;
  if (!json) {
    if (reading->status)
      printf("%s.%-22s invalid: %s\n", device, name, err->text);
    else
      printf("%s.%-22s %s\n", device, name, pl_quantity_format(reading->dim, reading->value_u, text, sizeof text));
    return;
  }
  const struct pl_unit *unit = reading->status ? NULL : pl_unit_for_display(reading->dim, reading->value_u);
  printf("%s{\"device\":\"%s\",\"quantity\":\"%s\",", first ? "" : ",", device, name);
  if (reading->status) {
    printf("\"status\":\"%s\",\"cause\":", pl_status_name(reading->status));
    pl_cli_json_text(stdout, err->text);
    putchar('}');
  } else {
    printf("\"status\":\"OK\",\"value\":%.9g,\"unit\":\"%s\"}", pl_unit_from_u(unit, reading->value_u), unit->name);
  }
}

static void wait_for(struct pl_clock *clock, pl_time_ns until)
{
  while (!*pl_cli_stop() && pl_clock_now(clock) < until)
    pl_clock_step(clock, until);
}

/* A device that is busy (a conversion under way, a flow meter that waits for its next pulse) is asked again for a while. */
#define BUSY_LIMIT (2 * PL_S)
#define BUSY_PAUSE (20 * PL_MS)

static enum pl_status read_once(const struct tool *tool, const struct target *target, struct pl_call *call, struct pl_err *err)
{
  pl_time_ns limit = pl_clock_now(tool->clock) + BUSY_LIMIT;
  for (;;) {
    *call = (struct pl_call){.device = target->device, .kind = PL_CALL_GET, .quantity = target->quantity};
    enum pl_status status = pl_call_run(call, err);
    call->reading.status = status;
    if (status != PL_E_BUSY || *pl_cli_stop() || pl_clock_now(tool->clock) >= limit)
      return status;
    wait_for(tool->clock, pl_clock_now(tool->clock) + BUSY_PAUSE);
  }
}

#define TARGETS_MAX 256

static enum pl_exit get(const struct pl_args *args)
{
  struct tool tool;
  struct pl_err err = {0};
  struct target targets[TARGETS_MAX];
  size_t count = 0;
  bool json = pl_args_flag(args, "json");
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = tool_open(args, &tool, &err);
  for (size_t i = 0; i < args->n_words && !status; i++) {
    size_t more = 0;
    status = expand(&tool, args->words[i], targets + count, TARGETS_MAX - count, &more, &err);
    count += more;
  }
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  else if (json)
    putchar('[');
  for (size_t i = 0; i < count && !status; i++) {
    struct pl_call call;
    if (read_once(&tool, &targets[i], &call, &err))
      code = PL_EXIT_UNJUDGED;
    print_reading(&targets[i], &call.reading, &err, json, i == 0);
  }
  if (json && !status)
    puts("]");
  tool_close(&tool);
  return code;
}

static enum pl_exit set(const struct pl_args *args)
{
  struct tool tool;
  struct pl_err err = {0};
  struct target target;
  enum pl_status status = tool_open(args, &tool, &err);
  if (!status)
    status = find_target(&tool, args->words[0], &target, &err);
  struct pl_call call = {.kind = PL_CALL_SET};
  if (!status) {
    call.device = target.device;
    call.quantity = target.quantity;
    bool verb = target.quantity->access & PL_ACT;
    if (!(target.quantity->access & (PL_SET | PL_ACT)))
      status = pl_fail(&err, PL_E_USAGE, "%s can be read, not set", args->words[0]);
    else if (verb && args->n_words > 1)
      status = pl_fail(&err, PL_E_USAGE, "%s is a verb and takes no value", args->words[0]);
    else if (!verb && args->n_words < 2)
      status = pl_fail(&err, PL_E_USAGE, "%s needs a value: plumb set %s VALUE", args->words[0], args->words[0]);
    else if (!verb)
      status = pl_quantity_parse(args->words[1], target.quantity->dim, NULL, &call.value_u, &err);
  }
  if (!status)
    status = pl_call_run(&call, &err);
  enum pl_exit code = PL_EXIT_PASSED;
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE || status == PL_E_RANGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  else
    printf("%s %s%s\n", args->words[0], args->n_words > 1 ? args->words[1] : "done",
           pl_bench_all_virtual(tool.bench) ? " (on a virtual rack that is gone now; `plumb twin serve` keeps one)" : "");
  tool_close(&tool);
  return code;
}

static enum pl_exit watch(const struct pl_args *args)
{
  struct tool tool;
  struct pl_err err = {0};
  struct target targets[TARGETS_MAX];
  size_t count = 0;
  uint64_t rounds = 0;
  int64_t every_u = PL_U;
  enum pl_status status = pl_quantity_parse(pl_args_text(args, "every", "1 s"), PL_DIM_TIME, NULL, &every_u, &err);
  if (!status && every_u < 1000)
    status = pl_fail(&err, PL_E_USAGE, "--every: at least 1 ms");
  if (!status)
    status = pl_args_u64(args, "count", UINT64_MAX, &rounds, &err);
  if (status)
    return pl_complain(PL_EXIT_USAGE, &err);
  status = tool_open(args, &tool, &err);
  for (size_t i = 0; i < args->n_words && !status; i++) {
    size_t more = 0;
    status = expand(&tool, args->words[i], targets + count, TARGETS_MAX - count, &more, &err);
    count += more;
  }
  enum pl_exit code = PL_EXIT_PASSED;
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  for (uint64_t round = 0; !status && round < rounds && !*pl_cli_stop(); round++) {
    pl_time_ns start = pl_clock_now(tool.clock);
    for (size_t i = 0; i < count && !*pl_cli_stop(); i++) {
      struct pl_call call;
      read_once(&tool, &targets[i], &call, &err);
      printf("%10.3f s  ", (double)pl_clock_now(tool.clock) / (double)PL_S);
      print_reading(&targets[i], &call.reading, &err, false, false);
    }
    if (fflush(stdout) || ferror(stdout))
      break; /* nobody listens any more */
    if (round + 1 < rounds)
      wait_for(tool.clock, start + every_u * 1000);
  }
  tool_close(&tool);
  return code;
}

const struct pl_command pl_command_get = {
    .name = "get",
    .operands = "DEVICE[.QUANTITY]...",
    .about = "read quantities of devices",
    .options = GET_OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb get psu-a.vout rpu.flow\n"
                "  plumb get monitor-3 --json\n",
    .run = get,
};

const struct pl_command pl_command_set = {
    .name = "set",
    .operands = "DEVICE.QUANTITY [VALUE]",
    .about = "write a quantity of a device, or do one of its verbs (clear-faults)",
    .options = SET_OPTIONS,
    .min_words = 1,
    .max_words = 2,
    .examples = "  plumb set load-3.load \"400 W\" --rig bench-2.yaml\n"
                "  plumb set psu-a.clear-faults --rig bench-2.yaml\n",
    .run = set,
};

const struct pl_command pl_command_watch = {
    .name = "watch",
    .operands = "DEVICE[.QUANTITY]...",
    .about = "read quantities again and again, until Ctrl-C",
    .options = WATCH_OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb watch rpu.flow flow-meter.flow --every 500ms\n"
                "  plumb watch psu-a --count 3\n",
    .run = watch,
};
