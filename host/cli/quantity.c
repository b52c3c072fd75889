/* SPDX-License-Identifier: Apache-2.0 */
/* get, set: one device quantity from the shell; and what watch shares with them. */
#include "host/cli/quantity.h"

#include <string.h>

static const struct pl_option GET_OPTIONS[] = {
    PL_RIG_OPTION,
    {"json", NULL, "one JSON array", false},
    {NULL, NULL, NULL, false},
};
static const struct pl_option SET_OPTIONS[] = {
    PL_RIG_OPTION,
    {NULL, NULL, NULL, false},
};

enum pl_status pl_tool_open(const struct pl_args *args, struct pl_tool *tool, struct pl_err *err)
{
  const char *faults[PL_OPTION_VALUES_MAX];
  size_t n_faults;
  *tool = (struct pl_tool){0};
  pl_args_many(args, "fault", faults, &n_faults);
  enum pl_status status = pl_cli_rig(args, &tool->rig, err);
  if (!status)
    status = pl_clock_new_real(&tool->clock, err);
  const struct pl_bench_cfg cfg = {.clock = tool->clock, .seed = 1, .observe = true, .faults = faults, .n_faults = n_faults}; /* what is on stays on */
  if (!status)
    status = pl_bench_open(tool->rig, &cfg, &tool->bench, err);
  if (!status)
    pl_cli_catch_signals(tool->clock);
  return status;
}

void pl_tool_close(struct pl_tool *tool)
{
  pl_cli_catch_signals(NULL);
  pl_bench_close(tool->bench);
  pl_clock_free(tool->clock);
  pl_rig_free(tool->rig);
}

static enum pl_status unknown_device(const struct pl_tool *tool, const char *name, struct pl_err *err)
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

static enum pl_status target_find(const struct pl_tool *tool, const char *word, struct pl_target *target, struct pl_err *err)
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

enum pl_status pl_target_expand(const struct pl_tool *tool, const char *word, struct pl_target *out, size_t room, size_t *count, struct pl_err *err)
{
  if (strchr(word, '.')) {
    *count = 1;
    return target_find(tool, word, out, err);
  }
  struct pl_device *device = pl_bench_device(tool->bench, word);
  if (!device)
    return unknown_device(tool, word, err);
  const struct pl_shape *shape = pl_device_shape_of(device);
  *count = 0;
  for (size_t i = 0; i < shape->count && *count < room; i++)
    if (shape->quantities[i].access & PL_GET)
      out[(*count)++] = (struct pl_target){device, &shape->quantities[i]};
  return PL_OK;
}

void pl_target_print(const struct pl_target *target, const struct pl_reading *reading, const struct pl_err *err, bool json, bool first)
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

void pl_tool_wait(struct pl_clock *clock, pl_time_ns until)
{
  while (!*pl_cli_stop() && pl_clock_now(clock) < until)
    pl_clock_step(clock, until);
}

#define BUSY_PAUSE (20 * PL_MS)

enum pl_status pl_target_read(const struct pl_tool *tool, const struct pl_target *target, pl_time_ns busy, struct pl_call *call, struct pl_err *err)
{
  pl_time_ns limit = pl_clock_now(tool->clock) + busy;
  for (;;) {
    *call = (struct pl_call){.device = target->device, .kind = PL_CALL_GET, .quantity = target->quantity};
    enum pl_status status = pl_call_run(call, err);
    call->reading.status = status;
    if (status != PL_E_BUSY || *pl_cli_stop() || pl_clock_now(tool->clock) >= limit)
      return status;
    pl_tool_wait(tool->clock, pl_clock_now(tool->clock) + BUSY_PAUSE);
  }
}

static enum pl_exit get(const struct pl_args *args)
{
  struct pl_tool tool;
  struct pl_err err = {0};
  struct pl_target targets[PL_TARGETS_MAX];
  size_t count = 0;
  bool json = pl_args_flag(args, "json");
  enum pl_exit code = PL_EXIT_PASSED;
  enum pl_status status = pl_tool_open(args, &tool, &err);
  for (size_t i = 0; i < args->n_words && !status; i++) {
    size_t more = 0;
    status = pl_target_expand(&tool, args->words[i], targets + count, PL_TARGETS_MAX - count, &more, &err);
    count += more;
  }
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  else if (json)
    putchar('[');
  for (size_t i = 0; i < count && !status; i++) {
    struct pl_call call;
    if (pl_target_read(&tool, &targets[i], PL_BUSY_LIMIT, &call, &err))
      code = PL_EXIT_UNJUDGED;
    pl_target_print(&targets[i], &call.reading, &err, json, i == 0);
  }
  if (json && !status)
    puts("]");
  pl_tool_close(&tool);
  return code;
}

static enum pl_exit set(const struct pl_args *args)
{
  struct pl_tool tool;
  struct pl_err err = {0};
  struct pl_target target;
  enum pl_status status = pl_tool_open(args, &tool, &err);
  if (!status)
    status = target_find(&tool, args->words[0], &target, &err);
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
  pl_tool_close(&tool);
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
