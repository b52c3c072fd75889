/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan.h"

#include <string.h>

struct writer {
  const struct pl_scan *scan;
  FILE *out;
  unsigned i2c, lines, rtu; /* numbers of the buses' names */
};

/* A text in double quotes: what a firmware calls itself may hold anything (YAML 1.2 section 7.3.1). */
static void put_text(FILE *out, const char *text)
{
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      fputc('\\', out);
    fputc((unsigned char)*text < ' ' || (unsigned char)*text > '~' ? '?' : *text, out);
  }
  fputc('"', out);
}

static void put_comment(FILE *out, const char *text) /* up to the end of the line */
{
  for (; *text; text++)
    fputc((unsigned char)*text < ' ' || (unsigned char)*text > '~' ? '?' : *text, out);
}

static bool by_serial(const struct pl_scan *scan, const struct pl_scan_port *port)
{
  const struct pl_scan_port *adapter = pl_scan_adapter_of(scan, port);
  return *port->serial && !(adapter && adapter->same_serial);
}

/* ", serial: "PLH1"" or ", path: 1-2". */
static void put_which(struct writer *w, const struct pl_scan_port *port)
{
  bool serial = by_serial(w->scan, port);
  fprintf(w->out, ", %s: ", serial ? "serial" : "path");
  put_text(w->out, serial ? port->serial : port->path);
}

static void put_heading(struct writer *w, const struct pl_scan_port *port)
{
  fprintf(w->out, "\n  # %s%s", port->chip->name, *port->serial ? " " : " without a serial number");
  put_comment(w->out, port->serial);
  fprintf(w->out, " at %s", port->path);
  if (port->same_serial)
    fputs("; another bears the same serial number, so it is chosen by where it is plugged", w->out);
  fputc('\n', w->out);
}

static void put_ftdi(struct writer *w, const struct pl_scan_port *port)
{
  fprintf(w->out, "  - {name: i2c-%u, kind: i2c, adapter: ftdi-mpsse", ++w->i2c);
  put_which(w, port);
  fputs(", speed: 400 kHz}", w->out);
  fputs(port->chip->mpsse > 1 ? " # channel A; `channel: B` is another\n" : " # AD0 SCL, AD1 and AD2 SDA\n", w->out);
  fprintf(w->out, "  - {name: lines-%u, kind: gpio, adapter: ftdi-mpsse", ++w->lines);
  put_which(w, port);
  fputs("} # its spare pins: lines: {NAME: OFFSET}\n", w->out);
}

/* The kernel's driver has the chip: its bus and pins are reached through it. */
static void put_kernel(struct writer *w, const struct pl_scan_port *port, const struct pl_scan_port *bus, const struct pl_scan_port *pins)
{
  if (bus) {
    fprintf(w->out, "  - {name: i2c-%u, kind: i2c, adapter: i2c-dev", ++w->i2c);
    put_which(w, port);
    fprintf(w->out, "} # %s; or adapter: %s, without the kernel's driver\n", bus->name, port->chip->adapter);
  }
  if (pins) {
    fprintf(w->out, "  - {name: lines-%u, kind: gpio, adapter: gpiochip", ++w->lines);
    if (*pins->title) {
      fputs(", chip: ", w->out);
      put_text(w->out, pins->title);
    }
    put_which(w, port);
    fputs("} # its lines have no names: lines: {NAME: OFFSET}\n", w->out);
  }
}

static void put_own(struct writer *w, const struct pl_scan_port *port)
{
  fprintf(w->out, "  - {name: i2c-%u, kind: i2c, adapter: %s", ++w->i2c, port->chip->adapter);
  put_which(w, port);
  fputs("}\n", w->out);
  if (!port->chip->pins)
    return;
  fprintf(w->out, "  - {name: lines-%u, kind: gpio, adapter: %s", ++w->lines, port->chip->adapter);
  put_which(w, port);
  fputs("} # lines: {NAME: OFFSET}\n", w->out);
}

static void put_adapter(struct writer *w, const struct pl_scan_port *port)
{
  const struct pl_scan_port *bus = pl_scan_at(w->scan, PL_SCAN_I2C, port->path), *pins = pl_scan_at(w->scan, PL_SCAN_GPIO, port->path);
  put_heading(w, port);
  if (port->chip->mpsse)
    put_ftdi(w, port);
  else if (port->chip->kernel_i2c && (bus || pins))
    put_kernel(w, port, bus, pins);
  else
    put_own(w, port);
}

static void put_serial(struct writer *w, const struct pl_scan_port *port)
{
  const struct pl_scan_port *adapter = pl_scan_adapter_of(w->scan, port);
  bool is_i2c = adapter && port->interface >= 0 && (unsigned)port->interface < adapter->chip->mpsse; /* the same pins are an I2C bus above */
  fprintf(w->out, "\n  # %s ", *port->by_id ? port->by_id : port->node);
  put_comment(w->out, port->title);
  fputs(is_i2c ? ": the same channel as an I2C bus above; use one or the other\n" : *port->path ? "\n" : ": take away the # where units are on it\n", w->out);
  fprintf(w->out, "  %s- {name: rtu-%u, kind: modbus, adapter: modbus-rtu", is_i2c || !*port->path ? "# " : "", ++w->rtu);
  if (*port->path) {
    put_which(w, port);
    fprintf(w->out, ", interface: %d", port->interface);
  } else {
    fprintf(w->out, ", port: %s", port->node);
  }
  fputs(", baud: 19200, parity: even}\n", w->out);
}

/* Buses and chips of the board itself: the machine needs them, a rig seldom. */
static void put_board(struct writer *w, const struct pl_scan_port *port)
{
  fprintf(w->out, "\n  # %s ", port->name);
  put_comment(w->out, port->title);
  fputs(" is the board's own; take away the # only where the rack hangs on it\n", w->out);
  if (port->kind == PL_SCAN_I2C)
    fprintf(w->out, "  # - {name: i2c-%u, kind: i2c, adapter: i2c-dev, name: ", ++w->i2c);
  else
    fprintf(w->out, "  # - {name: lines-%u, kind: gpio, adapter: gpiochip, chip: ", ++w->lines);
  put_text(w->out, *port->title ? port->title : port->name);
  fputs("}\n", w->out);
}

static bool is_active(const struct pl_scan *scan, const struct pl_scan_port *port)
{
  const struct pl_scan_port *adapter = pl_scan_adapter_of(scan, port);
  if (port->kind == PL_SCAN_SERIAL)
    return *port->path && !(adapter && port->interface >= 0 && (unsigned)port->interface < adapter->chip->mpsse);
  return port->kind == PL_SCAN_USB;
}

void pl_scan_write_rig(const struct pl_scan *scan, FILE *out)
{
  struct writer w = {.scan = scan, .out = out};
  bool any = false;
  for (size_t i = 0; i < scan->count; i++)
    any |= is_active(scan, &scan->ports[i]);
  fputs("# Made by `plumb scan --as-rig`: the buses that this machine offers. Give them names that say where they lead, and add what is on them:\n"
        "# `plumb scan --probe --on THIS` shows what answers, `plumb drivers` what may be said of each, `plumb check --rig THIS` what is wrong.\n"
        "rig: new-rig\n"
        "about: Adapters found by plumb scan\n\n",
        out);
  fprintf(out, "buses:%s\n", any ? "" : " [] # no adapter that plumb knows is plugged in");
  for (size_t i = 0; i < scan->count; i++) {
    const struct pl_scan_port *port = &scan->ports[i];
    if (port->kind == PL_SCAN_USB)
      put_adapter(&w, port);
    else if (port->kind == PL_SCAN_SERIAL)
      put_serial(&w, port);
    else if (!*port->path)
      put_board(&w, port);
  }
  fputs("\nparts: [] # what stands in the rack: {name: psu-a, kind: psu, location: ...}\n\n"
        "devices: [] # what speaks for them: {name: psu-a, driver: psu-pmbus, bus: i2c-1, address: 0x58, part: psu-a, owner: bench, safe: {on: true}}\n",
        out);
}
