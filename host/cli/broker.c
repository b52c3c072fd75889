/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include "drivers/bus/remote/broker.h"

#include <string.h>

/* broker: buses that several programs share, served by the one that has them open. */
#define STEP_NS (100 * PL_MS)

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"bus", "NAME", "a bus of the rig to be shared", true},
    {"socket", "PATH", "where it is served (./plumb-broker.sock)", false},
    {"log", "FILE", "append each write to this file: time, bus, program and its number, bytes", false},
    {NULL, NULL, NULL, false},
};

struct choice {
  const char *names[PL_OPTION_VALUES_MAX];
  size_t count;
};

static bool is_chosen(const struct choice *choice, const char *name)
{
  for (size_t i = 0; i < choice->count; i++)
    if (!strcmp(choice->names[i], name))
      return true;
  return false;
}

static bool skip(void *ctx, const struct pl_rig_bus *as, const struct pl_err *why)
{
  return !why && !is_chosen(ctx, as->name);
}

static const struct pl_rig_bus *bus_of(const struct pl_rig *rig, const char *name)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    if (!strcmp(rig->buses[i].name, name))
      return &rig->buses[i];
  return NULL;
}

static enum pl_status unknown(const struct pl_rig *rig, const char *name, struct pl_err *err)
{
  char list[256] = "";
  for (size_t i = 0, used = 0; i < rig->n_buses && used < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", rig->buses[i].name);
  return pl_fail(err, PL_E_USAGE, "%s has no bus '%s'; it has %s", rig->path, name, list);
}

/* All that can be refused before a bus is opened. */
static enum pl_status check(const struct pl_rig *rig, const struct choice *choice, struct pl_err *err)
{
  if (!choice->count)
    return pl_fail(err, PL_E_USAGE, "which bus is to be shared? Name it with --bus");
  for (size_t i = 0; i < choice->count; i++) {
    const struct pl_rig_bus *bus = bus_of(rig, choice->names[i]);
    if (!bus)
      return unknown(rig, choice->names[i], err);
    for (size_t d = 0; d < rig->n_devices; d++)
      if (rig->devices[d].bus == bus && rig->devices[d].owner == PL_OWNER_INTERLOCK)
        return pl_fail(err, PL_E_USAGE, "%s:%d: bus '%s' is the interlock's (%s), which shares it with nobody", rig->path, bus->line, bus->name,
                       rig->devices[d].name);
    if (!strcmp(bus->adapter->name, "remote"))
      return pl_fail(err, PL_E_USAGE, "%s:%d: bus '%s' is served by a broker already (adapter: remote); give this one the rig with the adapter itself",
                     rig->path, bus->line, bus->name);
  }
  return PL_OK;
}

static void tell(const struct pl_rig *rig, const struct choice *choice, const char *path)
{
  printf("%s: ", rig->name);
  for (size_t i = 0; i < choice->count; i++)
    printf("%s%s", i ? ", " : "", choice->names[i]);
  printf(" served at %s until Ctrl-C; in the rig files of those who share %s: adapter: remote, socket: %s\n", path, choice->count > 1 ? "them" : "it", path);
  fflush(stdout);
}

static enum pl_status serve(const struct pl_args *args, const struct pl_rig *rig, struct choice *choice, struct pl_clock *clock, struct pl_err *err)
{
  const struct pl_bench_cfg open = {.clock = clock, .seed = 1, .observe = true, .buses_only = true, .skip = skip, .skip_ctx = choice};
  struct pl_bench *bench = NULL;
  struct pl_broker *broker = NULL;
  struct pl_bus *buses[PL_OPTION_VALUES_MAX];
  const char *path = pl_args_text(args, "socket", "plumb-broker.sock");
  enum pl_status status = pl_bench_open(rig, &open, &bench, err);
  for (size_t i = 0; i < choice->count && !status; i++)
    buses[i] = pl_bench_bus(bench, choice->names[i]);
  const struct pl_broker_cfg cfg = {.clock = clock, .buses = buses, .n_buses = choice->count, .path = path, .log = pl_args_text(args, "log", NULL)};
  if (!status)
    status = pl_broker_new(&cfg, &broker, err);
  if (!status)
    tell(rig, choice, path);
  while (!status && !*pl_cli_stop())
    pl_clock_step(clock, pl_clock_now(clock) + STEP_NS);
  pl_broker_free(broker);
  if (bench)
    pl_bench_close(bench);
  return status;
}

static enum pl_exit run(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct choice choice;
  pl_args_many(args, "bus", choice.names, &choice.count);
  enum pl_status status = pl_cli_rig(args, &rig, &err);
  if (!status)
    status = check(rig, &choice, &err);
  if (!status)
    status = pl_clock_new_real(&clock, &err);
  if (!status) {
    pl_cli_catch_signals(clock);
    status = serve(args, rig, &choice, clock, &err);
    pl_cli_catch_signals(NULL);
  }
  enum pl_exit code = PL_EXIT_PASSED;
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  pl_clock_free(clock);
  pl_rig_free(rig);
  return code;
}

const struct pl_command pl_command_broker = {
    .name = "broker",
    .about = "stand between a bus and the programs that share it: one at a time, and each write logged with its author",
    .options = OPTIONS,
    .examples = "  plumb broker --rig rack.yaml --bus i2c-m1 --bus rtu-coolant --socket /run/plumb/rack.sock --log writes.log\n",
    .details = "Two programs never drive one bus, unless its broker stands between them: it has the bus open, and their rig files say `adapter: remote`,\n"
               "with the socket. A client has a bus for the length of one of its calls; others wait in line. A line is one program's at a time; one that\n"
               "dies gives its lines back as they were driven. Lines of the log: TIME BUS PROGRAM[PID] WHAT.\n",
    .run = run,
};
