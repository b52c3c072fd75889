/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include <string.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"tcp", "HOST:PORT", "where Modbus TCP is served (127.0.0.1:1502; port 0: any free one)", false},
    {"rtu", "PATH", "a link to the terminal on which Modbus RTU is served (./plumb-rtu)", false},
    {"fault", "SPEC", "plant a fault: TARGET.SIGNAL=KIND[:VALUE][@TIME]", true},
    {"seed", "N", "seed of all noise (1)", false},
    {NULL, NULL, NULL, false},
};

static void ready(void *ctx, const struct pl_served *at)
{
  const struct pl_rig *rig = ctx;
  const char *tcp = at->tcp, *colon = strrchr(tcp, ':');
  printf("%s is served until Ctrl-C\n  Modbus TCP %s\n  Modbus RTU %s\n", rig->name, tcp, at->rtu);
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *d = &rig->devices[i];
    if (d->bus->kind == PL_BUS_MODBUS)
      printf("  unit %3lld  %s (%s)\n", (long long)pl_value(&d->values, "unit")->number, d->name, d->part ? d->part->name : d->desc->name);
  }
  if (colon)
    printf("Try: mbpoll -m tcp -p %s -a 12 -0 -r 36864 -c 5 -1 %.*s\n", colon + 1, (int)(colon - tcp), tcp);
  fflush(stdout);
}

static enum pl_exit serve(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_clock *clock = NULL;
  struct pl_backend *backend = NULL;
  uint64_t seed = 1;
  const char *faults[PL_OPTION_VALUES_MAX];
  size_t n_faults;
  const struct pl_backend_desc *desc = pl_backend_find("twin");
  pl_args_many(args, "fault", faults, &n_faults);
  enum pl_status status = pl_args_u64(args, "seed", 1, &seed, &err);
  if (!status)
    status = pl_cli_rig(args, &rig, &err);
  if (!status)
    status = pl_clock_new_real(&clock, &err);
  if (!status)
    status = desc->open(rig, clock, seed, true, &backend, &err);
  for (size_t i = 0; i < n_faults && !status; i++)
    status = desc->plant(backend, faults[i], &err);
  if (!status) {
    pl_cli_catch_signals(clock);
    const struct pl_serve_cfg cfg = {.tcp = pl_args_text(args, "tcp", "127.0.0.1:1502"), .rtu_link = pl_args_text(args, "rtu", "plumb-rtu")};
    status = desc->serve(backend, &cfg, ready, rig, pl_cli_stop(), &err);
  }
  enum pl_exit code = PL_EXIT_PASSED;
  if (status)
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  pl_cli_catch_signals(NULL);
  if (backend)
    desc->close(backend);
  pl_clock_free(clock);
  pl_rig_free(rig);
  return code;
}

static void print_fault(void *ctx, const char *name, const char *about, const char *example)
{
  (void)ctx;
  printf("  %-30s %s\n  %-30s --fault %s\n", name, about, "", example);
}

static enum pl_exit run(const struct pl_args *args)
{
  if (!strcmp(args->words[0], "serve"))
    return serve(args);
  if (!strcmp(args->words[0], "faults")) {
    puts("Faults of the virtual rack: TARGET.SIGNAL=KIND[:VALUE][@TIME]");
    pl_backend_find("twin")->list_faults(print_fault, NULL);
    return PL_EXIT_PASSED;
  }
  struct pl_err err = {0};
  pl_fail(&err, PL_E_USAGE, "`plumb twin %s`: expected serve or faults", args->words[0]);
  return pl_complain(PL_EXIT_USAGE, &err);
}

const struct pl_command pl_command_twin = {
    .name = "twin",
    .operands = "serve|faults",
    .about = "serve the virtual rack to other programs over Modbus TCP and RTU; list the faults it knows",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = 1,
    .examples = "  plumb twin serve --tcp 127.0.0.1:1502 --rtu /tmp/rack-rtu\n"
                "  plumb twin serve --fault rpu.pump-1=dead@30s\n"
                "  plumb twin faults\n",
    .run = run,
};
