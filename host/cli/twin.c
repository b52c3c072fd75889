/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include <string.h>

static const struct pl_option OPTIONS[] = {
    {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack)", false},
    {"tcp", "HOST:PORT", "where Modbus TCP is served (127.0.0.1:1502; port 0: any free one)", false},
    {"rtu", "PATH", "a link to the terminal on which Modbus RTU is served (./plumb-rtu)", false},
    {"usbip", "[HOST:PORT]", "serve the rig's USB devices over USB/IP (127.0.0.1:3240; port 0: any free one)", false},
    {"attach", NULL, "attach the rig's USB devices to this machine (root; the module vhci-hcd)", false},
    {"no-usb-timing", NULL, "answer as fast as possible, instead of as slowly as USB and the wires are", false},
    {"socket", "PATH", "I2C and GPIO for the adapter twin-remote, acts and faults, on a Unix socket (other verbs: ./plumb-twin.sock)", false},
    {"writes", "FILE", "write down what the rack is told, with times: TIME,DEVICE,WHAT", false},
    {"fault", "SPEC", "plant a fault (plumb faults): TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT]", true},
    {"seed", "N", "seed of all noise (1)", false},
    {"csv", "FILE", "record: where the recording goes (-: standard output)", false},
    {"every", "TIME", "record: how often (1 ms; of a running rack 100 ms)", false},
    {"for", "TIME", "record: how long (10 s)", false},
    {"act", "PART.VERB@TIME", "record: an operator's act, at its time", true},
    {"during", "SEQUENCE", "record: while this sequence runs, in virtual time", false},
    {"param", "NAME=VALUE", "record: a parameter of the sequence", true},
    {"out", "DIR", "record: where the sequence's journal and reports go (runs/TIME-SEQUENCE)", false},
    {NULL, NULL, NULL, false},
};

static void ready_modbus(const struct pl_rig *rig, const struct pl_served *at)
{
  if (at->tcp)
    printf("  Modbus TCP %s\n", at->tcp);
  if (at->rtu)
    printf("  Modbus RTU %s\n", at->rtu);
  for (size_t i = 0; i < rig->n_devices; i++) {
    const struct pl_rig_device *d = &rig->devices[i];
    if (d->bus->kind == PL_BUS_MODBUS)
      printf("  unit %3lld  %s (%s)\n", (long long)pl_value(&d->values, "unit")->number, d->name, d->part ? d->part->name : d->desc->name);
  }
  const char *colon = at->tcp ? strrchr(at->tcp, ':') : NULL;
  if (colon)
    printf("Try: mbpoll -m tcp -p %s -a 12 -0 -r 36864 -c 5 -1 %.*s\n", colon + 1, (int)(colon - at->tcp), at->tcp);
}

/* What attaches the devices on this machine or on another. */
static void ready_usbip(const char *at)
{
  const char *colon = strrchr(at, ':');
  int host = (int)(colon - at);
  if (*at == '[') { /* an IPv6 address stands in brackets only beside a port */
    at++;
    host -= 2;
  }
  printf("To attach one, as root:\n  apt install usbip && modprobe vhci-hcd\n");
  printf("  usbip --tcp-port %s list -r %.*s\n", colon + 1, host, at);
  printf("  usbip --tcp-port %s attach -r %.*s -b 1-1\n", colon + 1, host, at);
}

static void ready_usb(const struct pl_served *at)
{
  if (at->usbip)
    printf("  USB/IP %s\n", at->usbip);
  for (const char *line = at->usb, *end; *line; line = *end ? end + 1 : end) {
    end = strchr(line, '\n');
    end = end ? end : line + strlen(line);
    printf("  usb %.*s\n", (int)(end - line), line);
  }
  if (at->usbip)
    ready_usbip(at->usbip);
}

static void ready(void *ctx, const struct pl_served *at)
{
  const struct pl_rig *rig = ctx;
  printf("%s is served until Ctrl-C\n", rig->name);
  if (at->tcp || at->rtu)
    ready_modbus(rig, at);
  if (at->usb)
    ready_usb(at);
  if (at->socket)
    printf("  socket %s (plumb twin act csu-1 remove --socket %s)\n", at->socket, at->socket);
  fflush(stdout);
}

/* Modbus is served unless something else is asked for, and then only when it is asked for too. */
static struct pl_serve_cfg serve_cfg(const struct pl_args *args)
{
  const char *usbip = pl_args_text(args, "usbip", NULL);
  struct pl_serve_cfg cfg = {
      .tcp = pl_args_text(args, "tcp", NULL),
      .rtu_link = pl_args_text(args, "rtu", NULL),
      .usbip = usbip && !*usbip ? "127.0.0.1:3240" : usbip,
      .attach = pl_args_flag(args, "attach"),
      .no_usb_timing = pl_args_flag(args, "no-usb-timing"),
      .socket = pl_args_text(args, "socket", NULL),
      .writes = pl_args_text(args, "writes", NULL),
  };
  bool other = cfg.usbip || cfg.attach || cfg.socket;
  if (!cfg.tcp && !other)
    cfg.tcp = "127.0.0.1:1502";
  if (!cfg.rtu_link && !other)
    cfg.rtu_link = "plumb-rtu";
  return cfg;
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
    const struct pl_serve_cfg cfg = serve_cfg(args);
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

static void print_fault(void *ctx, const struct pl_fault_about *row)
{
  (void)ctx;
  printf("  %-34s %s\n  %-34s --fault '%s'\n", row->name, row->about, "", row->example);
}

static enum pl_exit run(const struct pl_args *args)
{
  if (!strcmp(args->words[0], "serve"))
    return serve(args);
  if (!strcmp(args->words[0], "record"))
    return pl_twin_record(args);
  if (!strcmp(args->words[0], "faults")) {
    puts("Faults of the virtual rack (plumb faults tells more): TARGET.SIGNAL=KIND[:VALUE][@WHEN][ for TIME][ times N][ p=PERCENT]");
    pl_backend_find("twin")->list_faults(print_fault, NULL);
    return PL_EXIT_PASSED;
  }
  enum pl_exit code;
  if (pl_twin_control(args, &code))
    return code;
  struct pl_err err = {0};
  pl_fail(&err, PL_E_USAGE, "`plumb twin %s`: expected serve, record, faults, act, plant, clear, planted, truth, unplug or plug", args->words[0]);
  return pl_complain(PL_EXIT_USAGE, &err);
}

const struct pl_command pl_command_twin = {
    .name = "twin",
    .operands = "serve|record|faults|act|plant|clear|planted|truth|unplug|plug [WORD...]",
    .about = "serve the virtual rack to other programs over Modbus TCP and RTU, as USB adapters or on a socket; tell a running one what to do;"
             " record its truth as CSV; list the faults it knows",
    .options = OPTIONS,
    .min_words = 1,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb twin serve --tcp 127.0.0.1:1502 --rtu /tmp/rack-rtu\n"
                "  plumb twin serve --rig fixtures/rigs/usb-bench.yaml --usbip\n"
                "  plumb twin serve --fault rpu.pump-1=dead@30s\n"
                "  plumb twin serve --socket /tmp/rack.sock\n"
                "  plumb twin act csu-1 remove --socket /tmp/rack.sock\n"
                "  plumb twin plant psu-a.supply=dead --socket /tmp/rack.sock\n"
                "  plumb twin record loop rpu.pump-1-speed --fault rpu.pump-1=dead@2s --for 10s --csv pump.csv\n"
                "  plumb twin record busbar.vout psu-a psu-b --during sequences/psu-failover.lua --csv bus.csv\n"
                "  plumb twin record csu-1 --socket /tmp/rack.sock --for 1min --csv csu-1.csv\n"
                "  plumb twin faults\n",
    .run = run,
};
