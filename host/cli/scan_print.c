/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/scan.h"

#include <string.h>

static const char *const HEADINGS[PL_SCAN_KINDS] = {"USB adapters", "I2C buses", "GPIO chips", "Serial ports"};

/* --- tables --- */

/* Texts of firmware go to a terminal: what is not printable stays out of it. */
static void put_clean(const char *text)
{
  for (; *text; text++)
    putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void put_more(bool *any, const char *before, const char *text)
{
  if (!*text)
    return;
  fputs(*any ? ", " : "", stdout);
  fputs(before, stdout);
  put_clean(text);
  *any = true;
}

static void print_port(const struct pl_scan *scan, const struct pl_scan_port *port)
{
  char lines[24] = "", latency[32] = "", interface[24] = "";
  const struct pl_scan_port *adapter = port->kind == PL_SCAN_USB ? NULL : pl_scan_adapter_of(scan, port);
  bool any = false;
  if (port->lines)
    snprintf(lines, sizeof lines, "%u lines", port->lines);
  if (port->latency_ms >= 0)
    snprintf(latency, sizeof latency, "%d ms", port->latency_ms);
  if (port->interface >= 0)
    snprintf(interface, sizeof interface, "%d", port->interface);
  printf("  %-13s %-14.60s ", port->kind == PL_SCAN_USB ? port->name : port->node,
         port->kind == PL_SCAN_USB ? port->chip->name : adapter ? adapter->chip->name : "");
  put_more(&any, "", port->title);
  put_more(&any, "serial ", port->serial);
  put_more(&any, "USB path ", port->kind == PL_SCAN_USB ? "" : port->path);
  put_more(&any, "interface ", interface);
  put_more(&any, "", lines);
  put_more(&any, "driver ", port->driver);
  put_more(&any, "latency timer ", latency);
  put_more(&any, "held by ", port->holder);
  put_more(&any, "", port->same_serial ? "ANOTHER BEARS THIS SERIAL: choose it by its path" : "");
  put_more(&any, "", port->by_id);
  putchar('\n');
}

static void print_machine(const struct pl_scan *scan)
{
  for (int kind = 0; kind < PL_SCAN_KINDS; kind++) {
    bool any = false;
    printf("%s%s\n", kind ? "\n" : "", HEADINGS[kind]);
    for (size_t i = 0; i < scan->count; i++)
      if ((int)scan->ports[i].kind == kind) {
        print_port(scan, &scan->ports[i]);
        any = true;
      }
    if (!any)
      puts("  none");
  }
}

const char *pl_scan_where(const struct pl_rig_bus *bus)
{
  static const char *const NAMES[] = {"host", "serial", "path", "name", "socket", "port"};
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
    for (size_t k = 0; k < bus->values.count; k++)
      if (bus->values.items[k].given && bus->values.items[k].text && !strcmp(bus->values.items[k].param->name, NAMES[i]))
        return bus->values.items[k].text;
  return "";
}

static const char *mark_of(const struct pl_probe_hit *hit)
{
  return !hit->expected ? "UNEXPECTED" : hit->answers ? "as expected" : hit->expected->desc->sleeps ? "asleep" : "MISSING";
}

static void print_hit(const struct pl_probe_bus *bus, const struct pl_probe_hit *hit, bool has_devices)
{
  char address[16];
  bool any = false;
  snprintf(address, sizeof address, bus->bus->kind == PL_BUS_I2C ? "0x%02x" : "%u", hit->address);
  printf("  %-5s ", address);
  if (has_devices)
    printf("%-11s ", mark_of(hit));
  if (hit->expected) {
    char expected[160];
    snprintf(expected, sizeof expected, "%.60s (%.60s)", hit->expected->name, hit->expected->desc->name);
    put_more(&any, "", expected);
  }
  put_more(&any, "", *hit->what ? hit->what : hit->answers ? "answers" : "");
  put_more(&any, "driver: modbus-map, map: ", hit->map);
  putchar('\n');
}

static void print_probe(const struct pl_probe *probe, bool has_devices)
{
  for (size_t i = 0; i < probe->n_buses; i++) {
    const struct pl_probe_bus *bus = &probe->buses[i];
    const char *where = pl_scan_where(bus->bus);
    printf("%s%s (%s, %s%s%s): ", i ? "\n" : "", bus->bus->name, pl_bus_kind_name(bus->bus->kind), bus->bus->adapter->name, *where ? ", " : "", where);
    size_t answers = 0;
    for (size_t k = 0; k < bus->n_hits; k++)
      answers += bus->hits[k].answers;
    if (bus->status)
      printf("%s\n", bus->err.text);
    if (!bus->status || bus->asked)
      printf("%s%u address%s asked, %zu answer%s\n", bus->status ? "  " : "", bus->asked, bus->asked == 1 ? "" : "es", answers, answers == 1 ? "s" : "");
    for (size_t k = 0; k < bus->n_hits; k++)
      print_hit(bus, &bus->hits[k], has_devices);
    if (*bus->note)
      printf("  note: %s\n", bus->note);
  }
  if (has_devices)
    printf("\n%zu missing, %zu unexpected, %zu buses that could not be asked\n", probe->missing, probe->unexpected, probe->failed);
}

/* --- JSON --- */

static void put_member(const char *name, const char *text)
{
  printf(",\"%s\":", name);
  pl_cli_json_text(stdout, text);
}

static void json_port(const struct pl_scan_port *port)
{
  printf("{\"name\":");
  pl_cli_json_text(stdout, port->name);
  put_member("node", port->node);
  put_member("title", port->title);
  put_member("serial", port->serial);
  put_member("path", port->path);
  put_member("driver", port->driver);
  put_member("held_by", port->holder);
  if (port->kind == PL_SCAN_USB) {
    put_member("chip", port->chip->name);
    put_member("adapter", port->chip->adapter);
    printf(",\"id\":\"%04x:%04x\",\"same_serial\":%s", port->id.vendor, port->id.product, port->same_serial ? "true" : "false");
  }
  if (port->kind == PL_SCAN_GPIO)
    printf(",\"lines\":%u", port->lines);
  if (port->kind == PL_SCAN_SERIAL)
    put_member("by_id", port->by_id);
  if (port->interface >= 0)
    printf(",\"interface\":%d", port->interface);
  if (port->latency_ms >= 0)
    printf(",\"latency_ms\":%d", port->latency_ms);
  putchar('}');
}

static void json_machine(const struct pl_scan *scan)
{
  for (int kind = 0; kind < PL_SCAN_KINDS; kind++) {
    bool any = false;
    printf("%s\"%s\":[", kind ? "," : "{", pl_scan_kind_name((enum pl_scan_kind)kind));
    for (size_t i = 0; i < scan->count; i++)
      if ((int)scan->ports[i].kind == kind) {
        fputs(any ? "," : "", stdout);
        json_port(&scan->ports[i]);
        any = true;
      }
    putchar(']');
  }
  puts("}");
}

static void json_hit(const struct pl_probe_hit *hit)
{
  printf("{\"address\":%u,\"answers\":%s,\"status\":\"%s\"", hit->address, hit->answers ? "true" : "false", pl_status_name(hit->status));
  put_member("what", hit->what);
  if (*hit->map)
    put_member("map", hit->map);
  if (hit->expected) {
    put_member("expected", hit->expected->name);
    put_member("driver", hit->expected->desc->name);
  }
  putchar('}');
}

static void json_probe(const struct pl_probe *probe)
{
  printf("{\"buses\":[");
  for (size_t i = 0; i < probe->n_buses; i++) {
    const struct pl_probe_bus *bus = &probe->buses[i];
    printf("%s{\"name\":", i ? "," : "");
    pl_cli_json_text(stdout, bus->bus->name);
    printf(",\"kind\":\"%s\",\"adapter\":\"%s\",\"status\":\"%s\",\"asked\":%u", pl_bus_kind_name(bus->bus->kind), bus->bus->adapter->name,
           pl_status_name(bus->status), bus->asked);
    put_member("at", pl_scan_where(bus->bus));
    if (bus->status)
      put_member("cause", bus->err.text);
    if (*bus->note)
      put_member("note", bus->note);
    printf(",\"found\":[");
    for (size_t k = 0; k < bus->n_hits; k++) {
      fputs(k ? "," : "", stdout);
      json_hit(&bus->hits[k]);
    }
    printf("]}");
  }
  printf("],\"missing\":%zu,\"unexpected\":%zu,\"failed\":%zu}\n", probe->missing, probe->unexpected, probe->failed);
}

void pl_scan_print_machine(const struct pl_scan *scan, bool json)
{
  if (json)
    json_machine(scan);
  else
    print_machine(scan);
}

void pl_scan_print_probe(const struct pl_probe *probe, bool has_devices, bool json)
{
  if (json)
    json_probe(probe);
  else
    print_probe(probe, has_devices);
}
