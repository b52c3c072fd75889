/* SPDX-License-Identifier: Apache-2.0 */
/* scan: what this machine has to reach a rack with, and what answers on it. */
#include "host/cli/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RTU_TIMEOUT "50 ms" /* with the request and the silence of 30 ms that follows a time-out, 247 units in less than 25 s; rackmon waits 70 ms in all */
#define TCP_TIMEOUT "200 ms"

static const struct pl_option OPTIONS[] = {
    {"json", NULL, "one JSON object", false},
    {"as-rig", "FILE|-", "write a rig file to start from (-: to standard output)", false},
    {"probe", NULL, "ask what is on the buses, by reading only: CP2112, MCP2221 and i2c-tiny-usb, or what the following options name", false},
    {"on", "RIGFILE", "ask on this rig's buses (all, or the BUS named), and compare with what the rig has there", false},
    {"rtu", "PORT", "ask on this serial port (/dev/ttyUSB0)", true},
    {"tcp", "HOST:PORT", "ask this Modbus TCP server", true},
    {"i2c", "NODE", "ask on this I2C bus (/dev/i2c-7)", true},
    {"baud", "N", "of --rtu (19200)", false},
    {"parity", "none|even|odd", "of --rtu (even)", false},
    {"stop-bits", "1|2", "of --rtu (1)", false},
    {"units", "A-B", "Modbus units to ask (1-247)", false},
    {"register", "N", "the holding register that is read (0)", false},
    {"timeout", "TIME", "wait so long for each unit (" RTU_TIMEOUT "; TCP " TCP_TIMEOUT ")", false},
    {"root", "DIR", "look at the sys and dev below DIR instead of this machine's", false},
    {NULL, NULL, NULL, false},
};

/* --- what is asked for --- */

static enum pl_status take_number(const char *option, const char *text, unsigned long most, unsigned *value, const char **end, struct pl_err *err)
{
  char *stop;
  errno = 0;
  unsigned long number = strtoul(text, &stop, 0);
  if (errno || stop == text || *text == '-' || *text == '+' || number > most)
    return pl_fail(err, PL_E_USAGE, "--%s: '%s' is not a number from 0 to %lu", option, text, most);
  *value = (unsigned)number;
  *end = stop;
  return PL_OK;
}

static enum pl_status take_units(const char *text, struct pl_probe_cfg *cfg, struct pl_err *err)
{
  const char *end = text;
  enum pl_status status = take_number("units", text, 255, &cfg->first, &end, err);
  cfg->last = cfg->first;
  if (!status && *end == '-')
    status = take_number("units", end + 1, 255, &cfg->last, &end, err);
  if (!status && (*end || !cfg->first || cfg->last < cfg->first))
    return pl_fail(err, PL_E_USAGE, "--units '%s': expected a unit or a range of them, such as 12 or 1-247 (at most 1-255)", text);
  return status;
}

static enum pl_status take_timeout(const char *text, pl_time_ns *timeout_ns, struct pl_err *err)
{
  static const struct pl_param PARAM = {.name = "--timeout", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .min = 1000, .max = 10 * PL_U};
  struct pl_value value = {0};
  enum pl_status status = pl_value_parse(&PARAM, text, &value, err);
  *timeout_ns = value.number * PL_US;
  return status;
}

static enum pl_status take_cfg(const struct pl_args *args, struct pl_probe_cfg *cfg, struct pl_err *err)
{
  const char *units = pl_args_text(args, "units", NULL), *address = pl_args_text(args, "register", NULL), *end = "";
  const char *fallback = pl_args_flag(args, "tcp") && !pl_args_flag(args, "rtu") ? TCP_TIMEOUT : RTU_TIMEOUT;
  unsigned number = 0;
  enum pl_status status = units ? take_units(units, cfg, err) : PL_OK;
  if (!status && address)
    status = take_number("register", address, 0xffff, &number, &end, err);
  if (!status && *end)
    status = pl_fail(err, PL_E_USAGE, "--register: '%s' is not a number from 0 to 65535", address);
  cfg->address = (uint16_t)number;
  return status ? status : take_timeout(pl_args_text(args, "timeout", fallback), &cfg->timeout_ns, err);
}

static enum pl_status check_options(const struct pl_args *args, struct pl_err *err)
{
  static const char *const PLACES[] = {"rtu", "tcp", "i2c"}, *const RTU[] = {"baud", "parity", "stop-bits"}, *const PROBE[] = {"on", "rtu", "tcp", "i2c",
                                                                                                                               "units", "register", "timeout"};
  bool on = pl_args_flag(args, "on"), probe = pl_args_flag(args, "probe");
  for (size_t i = 0; i < sizeof PROBE / sizeof *PROBE; i++)
    if (!probe && pl_args_flag(args, PROBE[i]))
      return pl_fail(err, PL_E_USAGE, "--%s says what to ask on, but not to ask: add --probe", PROBE[i]);
  for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++)
    if (on && pl_args_flag(args, PLACES[i]))
      return pl_fail(err, PL_E_USAGE, "--on names a rig's buses and --%s one of its own; give one of the two", PLACES[i]);
  for (size_t i = 0; i < sizeof RTU / sizeof *RTU; i++)
    if (pl_args_flag(args, RTU[i]) && !pl_args_flag(args, "rtu"))
      return pl_fail(err, PL_E_USAGE, "--%s is a setting of --rtu PORT, which is not given", RTU[i]);
  if (args->n_words && !on)
    return pl_fail(err, PL_E_USAGE, "'%s': buses are named with --on RIGFILE; without a rig use --i2c, --rtu or --tcp", args->words[0]);
  if (probe && (pl_args_flag(args, "as-rig") || pl_args_flag(args, "root")))
    return pl_fail(err, PL_E_USAGE, "--probe goes with neither --as-rig nor --root: write the rig first, then `plumb scan --probe --on` it");
  return PL_OK;
}

/* --- a rig of the places that were named --- */

static void put_rtu(const struct pl_args *args, FILE *out)
{
  const char *ports[PL_OPTION_VALUES_MAX];
  size_t count;
  pl_args_many(args, "rtu", ports, &count);
  for (size_t i = 0; i < count; i++) {
    fprintf(out, "- {name: rtu-%zu, kind: modbus, adapter: modbus-rtu, port: ", i + 1);
    pl_cli_json_text(out, ports[i]); /* YAML takes JSON's strings */
    fprintf(out, ", baud: ");
    pl_cli_json_text(out, pl_args_text(args, "baud", "19200"));
    fprintf(out, ", parity: ");
    pl_cli_json_text(out, pl_args_text(args, "parity", "even"));
    fprintf(out, ", stop-bits: ");
    pl_cli_json_text(out, pl_args_text(args, "stop-bits", "1"));
    fprintf(out, "}\n");
  }
}

static void put_named(const struct pl_args *args, const char *option, const char *rest, const char *key, FILE *out)
{
  const char *values[PL_OPTION_VALUES_MAX];
  size_t count;
  pl_args_many(args, option, values, &count);
  for (size_t i = 0; i < count; i++) {
    fprintf(out, "- {name: %s-%zu, %s, %s: ", option, i + 1, rest, key);
    pl_cli_json_text(out, values[i]);
    fprintf(out, "}\n");
  }
}

static enum pl_status make_rig(const struct pl_args *args, const struct pl_scan *scan, struct pl_rig **rig, struct pl_err *err)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the buses to ask on");
  if (scan) {
    pl_scan_write_rig(scan, out);
  } else {
    fprintf(out, "rig: scan\nbuses:\n");
    put_rtu(args, out);
    put_named(args, "tcp", "kind: modbus, adapter: modbus-tcp", "host", out);
    put_named(args, "i2c", "kind: i2c, adapter: i2c-dev", "port", out);
    fprintf(out, "devices: []\n");
  }
  enum pl_status status = fclose(out) ? pl_fail(err, PL_E_NOMEM, "out of memory for the buses to ask on") : pl_rig_parse("this machine", text, size, rig, err);
  free(text);
  return status;
}

/* An FTDI channel is what its wires make it: to ask for I2C would drive the pins of a console or a JTAG port. */
static bool is_surely_i2c(const struct pl_adapter_desc *adapter)
{
  size_t count;
  const struct pl_scan_chip *chips = pl_scan_chips(&count);
  for (size_t i = 0; i < count; i++)
    if (chips[i].mpsse && !strcmp(chips[i].adapter, adapter->name))
      return false;
  return true;
}

/* Of the machine's own buses those that are I2C and nothing else. So are serial ports asked only where the user names them. */
static size_t i2c_buses(const struct pl_rig *rig, const char **names, size_t room)
{
  size_t count = 0;
  for (size_t i = 0; i < rig->n_buses && count < room; i++) {
    const struct pl_rig_bus *bus = &rig->buses[i];
    if (bus->kind == PL_BUS_I2C && is_surely_i2c(bus->adapter))
      names[count++] = bus->name;
    else if (bus->kind == PL_BUS_I2C)
      fprintf(stderr, "plumb: not asked: %s (%s, %s), whose pins may be a console or JTAG; if it is I2C: plumb scan --as-rig FILE, then --probe --on FILE %s\n",
              bus->name, bus->adapter->name, pl_scan_where(bus), bus->name);
  }
  return count;
}

/* --- asking --- */

static void progress(void *ctx, const char *bus, unsigned done, unsigned total, size_t found)
{
  bool *terminal = ctx;
  if (*terminal)
    fprintf(stderr, "\r\033[K  %s: %u of %u asked, %zu found%s", bus, done, total, found, done >= total ? "\r\033[K" : "");
}

static enum pl_status new_clock(const struct pl_rig *rig, struct pl_clock **clock, struct pl_err *err)
{
  for (size_t i = 0; i < rig->n_buses; i++)
    if (!rig->buses[i].on_twin)
      return pl_clock_new_real(clock, err);
  return pl_clock_new_virtual(0, clock, err);
}

static enum pl_exit code_of(const struct pl_probe *probe)
{
  return probe->stopped ? PL_EXIT_ABORTED : probe->failed ? PL_EXIT_UNJUDGED : probe->missing ? PL_EXIT_FAILED : PL_EXIT_PASSED;
}

static enum pl_exit ask(const struct pl_args *args, struct pl_rig *rig, struct pl_probe_cfg *cfg)
{
  struct pl_err err = {0};
  struct pl_probe *probe = NULL;
  bool terminal = isatty(STDERR_FILENO);
  enum pl_status status = new_clock(rig, &cfg->clock, &err);
  if (!status) {
    cfg->progress = progress;
    cfg->ctx = &terminal;
    cfg->stop = pl_cli_stop();
    pl_probe_set_timeout(rig, cfg->timeout_ns);
    pl_cli_catch_signals(cfg->clock);
    status = pl_probe_rig(rig, cfg, &probe, &err);
    pl_cli_catch_signals(NULL);
  }
  enum pl_exit code;
  if (status) {
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  } else {
    pl_scan_print_probe(probe, rig->n_devices > 0, pl_args_flag(args, "json"));
    code = code_of(probe);
  }
  pl_probe_free(probe);
  pl_clock_free(cfg->clock);
  return code;
}

static enum pl_exit probe_command(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_probe_cfg cfg = {0};
  struct pl_scan *scan = NULL;
  struct pl_rig *rig = NULL;
  const char *names[PL_OPTION_VALUES_MAX], *on = pl_args_text(args, "on", NULL);
  char room[1024];
  bool named = pl_args_flag(args, "rtu") || pl_args_flag(args, "tcp") || pl_args_flag(args, "i2c");
  enum pl_status status = take_cfg(args, &cfg, &err);
  if (!status && !on && !named)
    status = pl_scan_machine(&(struct pl_scan_cfg){.root = ""}, &scan, &err);
  if (!status)
    status = on ? pl_rig_load(pl_cli_find(on, room, sizeof room), &rig, &err) : make_rig(args, scan, &rig, &err);
  enum pl_exit code = PL_EXIT_PASSED;
  if (status) {
    code = pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  } else {
    cfg.buses = scan ? names : args->words;
    cfg.n_buses = scan ? i2c_buses(rig, names, PL_OPTION_VALUES_MAX) : args->n_words;
    if (scan && !cfg.n_buses)
      pl_fail(&err, PL_E_USAGE,
              "no adapter is plugged in that is surely I2C; name what to ask on: --i2c /dev/i2c-N, --rtu PORT, --tcp HOST:PORT, --on RIGFILE");
    code = err.status ? pl_complain(PL_EXIT_USAGE, &err) : ask(args, rig, &cfg);
  }
  pl_rig_free(rig);
  pl_scan_free(scan);
  return code;
}

/* --- the machine --- */

static enum pl_exit write_rig(const struct pl_scan *scan, const char *path)
{
  struct pl_err err = {0};
  if (!strcmp(path, "-")) {
    pl_scan_write_rig(scan, stdout);
    return PL_EXIT_PASSED;
  }
  FILE *out = fopen(path, "wxe"); /* a rig that somebody has filled in is not overwritten */
  if (!out) {
    pl_fail(&err, PL_E_USAGE, "--as-rig %s: %s%s", path, strerror(errno), errno == EEXIST ? "; give another name, or - and look at it first" : "");
    return pl_complain(PL_EXIT_USAGE, &err);
  }
  pl_scan_write_rig(scan, out);
  bool bad = ferror(out) != 0;
  if (fclose(out) || bad) {
    pl_fail(&err, PL_E_IO, "--as-rig %s: cannot be written: %s", path, strerror(errno));
    return pl_complain(PL_EXIT_UNJUDGED, &err);
  }
  printf("%s: written; `plumb rig %s` shows it\n", path, path);
  return PL_EXIT_PASSED;
}

static enum pl_exit run(const struct pl_args *args)
{
  struct pl_err err = {0};
  struct pl_scan *scan = NULL;
  if (check_options(args, &err))
    return pl_complain(PL_EXIT_USAGE, &err);
  if (pl_args_flag(args, "probe"))
    return probe_command(args);
  const struct pl_scan_cfg cfg = {.root = pl_args_text(args, "root", "")};
  enum pl_status status = pl_scan_machine(&cfg, &scan, &err);
  if (status)
    return pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  enum pl_exit code = PL_EXIT_PASSED;
  if (pl_args_flag(args, "as-rig"))
    code = write_rig(scan, pl_args_text(args, "as-rig", "-"));
  else
    pl_scan_print_machine(scan, pl_args_flag(args, "json"));
  if (scan->trouble.status) /* the rest has been told all the same */
    code = pl_complain(PL_EXIT_UNJUDGED, &scan->trouble);
  pl_scan_free(scan);
  return code;
}

const struct pl_command pl_command_scan = {
    .name = "scan",
    .operands = "[BUS...]",
    .about = "adapters, buses and ports of this machine, who holds them, and what answers on them",
    .options = OPTIONS,
    .min_words = 0,
    .max_words = PL_OPTION_VALUES_MAX,
    .examples = "  plumb scan\n"
                "  plumb scan --as-rig bench-2.yaml\n"
                "  plumb scan --probe --on bench-2.yaml\n"
                "  plumb scan --probe --rtu /dev/ttyUSB0 --baud 19200 --parity even --units 1-247\n",
    .details = "  --probe only reads, but a read can disturb: a sensor's interrupt or a FIFO's byte is taken, an EEPROM's pointer moves, a PMBus unit may\n"
               "  note in STATUS_CML that it was read without a command (nothing is cleared). Not while another program uses the bus. Skipped on I2C:\n"
               "  0x00-0x07, 0x0c, 0x78-0x7f. Who it is, is not asked at 0x20-0x27, 0x38-0x3f, 0x70-0x77 (port expanders, bus switches)\n"
               "  unless the rig has it there.\n"
               "  Exit codes: 0; 1 the rig has a device that does not answer; 3 a bus could not be asked; 4 interrupted.\n",
    .run = run,
};
