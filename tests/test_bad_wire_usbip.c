/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input from the wire: what goes wrong there, times every adapter that it can concern. Each call ends in time, with the sentence that a user reads
 * naming device, bus, address, adapter and cause; it is counted; and the same bus reads right afterwards, without being opened again.
 * I2C adapters stand on their chips' twins (USB/IP), on the twin itself and on a twin behind a socket; Modbus ones on the twin's pty and TCP server. What only
 * a serial line can do wrong (noise, echo, stray bytes) is in drivers/bus/test_modbus_bad_line.c.
 */
#include "drivers/bus/usb_test.h"
#include "drivers/rig/bench.h"
#include "fixtures/twin/remote/remote.h"
#include "fixtures/twin/usb/tree.h"
#include "tests/ftdi_lab.h"
#include "tests/odd_firmware.h"

enum kind { FTDI, FTDI_STRETCH, CP2112, MCP2221, TINY, TWIN, REMOTE, N_KINDS };

static const struct place {
  const char *usb, *adapter, *values, *where; /* where: what names the adapter in its sentences */
} PLACES[] = {
    [FTDI] = {"  - {device: ft4232h, serial: BADFT4, i2c: i2c-power}\n", "ftdi-mpsse", "{serial: BADFT4}", "BADFT4 at 1-1"},
    [FTDI_STRETCH] = {"  - {device: ft232h, serial: BADFT1, i2c: i2c-power}\n", "ftdi-mpsse", "{serial: BADFT1, stretch: on}", "BADFT1 at 1-1"},
    [CP2112] = {"  - {device: cp2112, serial: BADCP, i2c: i2c-power}\n", "cp2112", "{serial: BADCP}", "CP2112 BADCP at 1-1"},
    [MCP2221] = {"  - {device: mcp2221, serial: BADMC, i2c: i2c-power}\n", "mcp2221", "{serial: BADMC}", "MCP2221 BADMC at 1-1"},
    [TINY] = {"  - {device: i2c-tiny-usb, i2c: i2c-power}\n", "i2c-tiny-usb", "{path: 1-1}", "i2c-tiny-usb"},
    [TWIN] = {"", "twin", "{}", "i2c-power"},
    [REMOTE] = {"", "twin-remote", "", "i2c-power"},
};

/* --- the place: one adapter, and the supply psu-a behind it --- */

struct place_lab {
  enum kind kind;
  struct lab lab; /* way is not used: the chip is wrapped before the server starts */
  struct pl_usb_tree *tree;
  struct pl_usbip *server;
  struct pl_remote_server *remote;
  struct odd odd;
  struct pl_vusb_ops ops;
  struct pl_conf *conf;
  struct pl_values values;
  struct pl_bus *bus;
  struct pl_device *psu;
};

#define MUST(p, call)                                                          \
  do {                                                                         \
    if (call)                                                                  \
      fail_msg("%s: %s: %s", PLACES[(p)->kind].adapter, #call, (p)->lab.err.text); \
  } while (0)

static void serve_usb(struct place_lab *p)
{
  struct lab *lab = &p->lab;
  const char *at;
  MUST(p, pl_usb_tree_new(lab->backend, true, &p->tree, &lab->err));
  odd_wrap(&p->odd, &p->ops, &p->tree->slots[0].device, p->kind <= FTDI_STRETCH ? 2 : 0);
  MUST(p, pl_usbip_new(p->tree, lab->clock, &p->server, &lab->err));
  MUST(p, pl_usbip_listen(p->server, "127.0.0.1:0", &at, &lab->err));
  MUST(p, pl_usbip_start(p->server, &lab->err));
  assert_int_equal(setenv("PLUMBLINE_USBIP", at, 1), 0);
}

static void open_adapter(struct place_lab *p)
{
  struct lab *lab = &p->lab;
  const struct pl_adapter_desc *desc = pl_adapter_find(PL_BUS_I2C, PLACES[p->kind].adapter);
  char text[200];
  snprintf(text, sizeof text, "%s", PLACES[p->kind].values);
  if (p->kind == REMOTE)
    snprintf(text, sizeof text, "{socket: %s/rack}", usb_test_locks);
  MUST(p, pl_conf_parse("bus.yaml", text, strlen(text), &p->conf, &lab->err));
  MUST(p, pl_node_values(p->conf, pl_conf_root(p->conf), desc->params, desc->n_params, &p->values, &lab->err));
  MUST(p, pl_bus_new("i2c-power", PL_BUS_I2C, lab->clock, &p->bus, &lab->err));
  const struct pl_adapter_args args = {.bus_name = "i2c-power", .values = &p->values, .backend = lab->backend, .share = lab->share};
  MUST(p, desc->open(p->bus, &args, &lab->err));
}

static void open_place(struct place_lab *p, enum kind kind)
{
  *p = (struct place_lab){.kind = kind};
  struct lab *lab = &p->lab;
  if (!lab_rack(lab, PLACES[kind].usb))
    fail_msg("%s", lab->err.text);
  if (*PLACES[kind].usb)
    serve_usb(p);
  char path[100];
  snprintf(path, sizeof path, "%s/rack", usb_test_locks);
  const struct pl_serve_cfg cfg = {.socket = kind == REMOTE ? path : NULL};
  struct pl_served at = {0};
  MUST(p, pl_remote_serve(lab->backend, &cfg, &at, &p->remote, &lab->err));
  open_adapter(p);
  const struct pl_rig_device *psu = &lab->rig->devices[0];
  const struct pl_device_args args = {.name = psu->name, .bus = p->bus, .values = &psu->values, .shape = &psu->shape};
  MUST(p, pl_device_open(psu->desc, &args, &p->psu, &lab->err));
}

static void close_place(struct place_lab *p)
{
  pl_device_close(p->psu);
  pl_bus_free(p->bus);
  free((void *)(uintptr_t)p->values.items);
  pl_conf_free(p->conf);
  pl_remote_unserve(p->remote);
  pl_usbip_free(p->server);
  pl_usb_tree_free(p->tree);
  lab_close(&p->lab);
}

static enum pl_status identify(struct place_lab *p, pl_time_ns within, struct pl_identity *identity)
{
  struct pl_call call = {.device = p->psu, .kind = PL_CALL_IDENTIFY, .timeout_ns = within};
  p->lab.err = (struct pl_err){0};
  enum pl_status status = pl_call_run(&call, &p->lab.err);
  *identity = call.identity;
  return status;
}

/* --- the table --- */

struct expected {
  enum pl_status status, or; /* PL_OK: it does no harm */
  const char *cause;         /* NULL: the adapter is not concerned */
};

#define ALL_BUT_TINY(...)                                                                                                                                \
  [FTDI] = {__VA_ARGS__}, [FTDI_STRETCH] = {__VA_ARGS__}, [CP2112] = {__VA_ARGS__}, [MCP2221] = {__VA_ARGS__}, [TWIN] = {__VA_ARGS__}, [REMOTE] = {__VA_ARGS__}
#define ALL(...) ALL_BUT_TINY(__VA_ARGS__), [TINY] = {__VA_ARGS__}

static const struct row {
  const char *name, *plant; /* plant NULL: the firmware does it */
  enum trick trick;
  pl_time_ns within, lasts; /* lasts: how long the device may go on with it */
  struct expected by[N_KINDS];
} ROWS[] = {
    {"NACK", "psu-a.wire=nack", WELL, PL_S, 0, {ALL(PL_E_NACK, PL_E_NACK, "acknowledge")}},
    /* A push-pull output is stronger than the other master, and firmware that does not look takes it for an address that nobody has. */
    {"arbitration", "i2c-power.wire=arbitration", WELL, PL_S, 0,
     {[FTDI] = {PL_E_NACK, PL_E_NACK, "nobody acknowledged"}, [FTDI_STRETCH] = {PL_E_ARBITRATION, PL_E_ARBITRATION, "another master took the bus"},
      [CP2112] = {PL_E_ARBITRATION, PL_E_ARBITRATION, "another master"}, [MCP2221] = {PL_E_NACK, PL_E_NACK, "not acknowledged"},
      [TINY] = {PL_E_NACK, PL_E_NACK, "not acknowledged"}, [TWIN] = {PL_E_ARBITRATION, PL_E_ARBITRATION, "another master"},
      [REMOTE] = {PL_E_ARBITRATION, PL_E_ARBITRATION, "another master"}}},
    {"stuck SDA", "i2c-power.wire=stuck", WELL, PL_S, 0, {ALL(PL_E_STUCK, PL_E_STUCK, "held low")}},
    {"stretched", "psu-a.wire=stretch:300ms", WELL, 150 * PL_MS, PL_S,
     {[FTDI] = {PL_E_STUCK, PL_E_STUCK, "SCL is held low"}, [FTDI_STRETCH] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the device holds the clock"},
      [CP2112] = {PL_E_STUCK, PL_E_STUCK, "a clock was stretched"}, [MCP2221] = {PL_E_TIMEOUT, PL_E_STUCK, "SCL is held low"},
      [TINY] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "no answer before the deadline"}, [TWIN] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "holds the clock"},
      [REMOTE] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "clock"}}},
    {"bad PEC", "psu-a.wire=bad-pec", WELL, 2 * PL_S, 0, {ALL(PL_E_PEC, PL_E_PEC, "packet error code 0x10, expected 0x4A")}},
    {"block count 0", "psu-a.wire=block-count:0", WELL, 2 * PL_S, 0, {ALL(PL_E_GARBAGE, PL_E_GARBAGE, "block answer counts 0 bytes, expected 1 to 255")}},
    {"block count 255", "psu-a.wire=block-count:255", WELL, 2 * PL_S, 0,
     {ALL_BUT_TINY(PL_E_GARBAGE, PL_E_GARBAGE, "block answer counts 255 bytes, expected at most 63"),
      [TINY] = {PL_E_UNSUPPORTED, PL_E_UNSUPPORTED, "reads at most 254 bytes a message, this one has 257"}}},
    {"short block", "psu-a.wire=short-block", WELL, 2 * PL_S, 0, {ALL(PL_E_PEC, PL_E_PEC, "packet error code 0xFF")}},
    {"garbage", "psu-a.wire=garbage", WELL, 2 * PL_S, 0, {ALL(PL_E_PEC, PL_E_GARBAGE, "packet error code")}},
    {"firmware short", NULL, SHORT, 500 * PL_MS, 0,
     {[FTDI] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"}, [FTDI_STRETCH] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"},
      [CP2112] = {PL_E_SHORT, PL_E_SHORT, "report has 4 bytes, expected 7"}, [MCP2221] = {PL_E_SHORT, PL_E_SHORT, "answer has 4 bytes, expected 64"},
      [TINY] = {PL_E_SHORT, PL_E_SHORT, "no status of the message"}}},
    {"firmware long", NULL, LONG, 5 * PL_S, 0,
     {[FTDI] = {PL_E_GARBAGE, PL_E_IO, "bytes"}, [FTDI_STRETCH] = {PL_E_GARBAGE, PL_E_IO, "bytes"},
      [CP2112] = {PL_OK, PL_OK, ""}, [MCP2221] = {PL_OK, PL_OK, ""}}}, /* reports that nobody asked for are passed over; a control transfer cannot be longer */
    {"firmware late", NULL, LATE, 300 * PL_MS, 0,
     {[FTDI] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"}, [FTDI_STRETCH] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"},
      [CP2112] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "did not answer report 0x15 within 250 ms"}, [MCP2221] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "within 250 ms"},
      [TINY] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "no answer before the deadline"}}},
    {"firmware never", NULL, NEVER, 300 * PL_MS, 0,
     {[FTDI] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"}, [FTDI_STRETCH] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "the adapter does not answer"},
      [CP2112] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "did not answer report 0x15 within 250 ms"}, [MCP2221] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "within 250 ms"},
      [TINY] = {PL_E_TIMEOUT, PL_E_TIMEOUT, "no answer before the deadline"}}},
};
#define N_ROWS (sizeof ROWS / sizeof ROWS[0])

static uint64_t errors_of(struct place_lab *p, enum pl_status status)
{
  struct pl_bus_counters counters;
  pl_bus_counters(p->bus, &counters);
  return counters.errors[status];
}

static void expect_words(const char *row, const char *text, const char *const *words, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!strstr(text, words[i]))
      fail_msg("%s: '%s' is not in: %s", row, words[i], text);
}

static void is_right(struct place_lab *p, const struct row *row, enum pl_status status, const struct pl_identity *identity)
{
  if (status)
    fail_msg("%s on %s, afterwards: %s", row->name, PLACES[p->kind].adapter, p->lab.err.text);
  assert_string_equal(identity->manufacturer, "PLUMBLINE");
  assert_string_equal(identity->model, "TWIN-PSU-5500");
}

/* "psu-a (i2c-power, address 0x58): CP2112 BADCP at 1-1: i2c address 0x58: address not acknowledged; ..." */
static void is_told(struct place_lab *p, const struct row *row, enum pl_status status, uint64_t counted)
{
  const struct expected *want = &row->by[p->kind];
  const char *words[] = {"psu-a (i2c-power, address 0x58)", want->cause, PLACES[p->kind].where};
  bool by_device = status == PL_E_PEC || status == PL_E_UNSUPPORTED || (status == PL_E_GARBAGE && row->plant); /* the wire did all that was asked of it */
  if (status != want->status && status != want->or)
    fail_msg("%s on %s: %s: %s", row->name, PLACES[p->kind].adapter, pl_status_name(status), p->lab.err.text);
  expect_words(row->name, p->lab.err.text, words, by_device ? 2 : 3);
  if (status != PL_E_UNSUPPORTED && errors_of(p, status) == counted) /* that one never came to the wire */
    fail_msg("%s on %s is not counted: %s", row->name, PLACES[p->kind].adapter, p->lab.err.text);
}

static void try_row(struct place_lab *p, const struct row *row)
{
  const struct expected *want = &row->by[p->kind];
  struct pl_identity identity;
  if (!want->cause)
    return;
  uint64_t counted = errors_of(p, want->status), counted_or = errors_of(p, want->or);
  if (row->plant)
    MUST(p, p->lab.desc->plant(p->lab.backend, row->plant, &p->lab.err));
  atomic_store(&p->odd.trick, row->trick);
  pl_time_ns from = pl_clock_now(p->lab.clock);
  enum pl_status status = identify(p, row->within, &identity);
  pl_time_ns took = pl_clock_now(p->lab.clock) - from;
  print_message("%-13s %-15s %4lld ms %-13s %s\n", PLACES[p->kind].adapter, row->name, (long long)(took / PL_MS), pl_status_name(status), p->lab.err.text);
  if (want->status)
    is_told(p, row, status, status == want->status ? counted : counted_or);
  else
    is_right(p, row, status, &identity);
  assert_true(took < row->within + 5 * PL_S);
  assert_true(row->plant || atomic_exchange(&p->odd.spoilt, 0) > 0);
  if (row->plant)
    MUST(p, p->lab.desc->clear(p->lab.backend, NULL, &p->lab.err));
  atomic_store(&p->odd.trick, WELL);
  pl_time_ns end = pl_clock_now(p->lab.clock) + row->lasts;
  do
    status = identify(p, 5 * PL_S, &identity);
  while (status && pl_clock_now(p->lab.clock) < end);
  is_right(p, row, status, &identity);
}

static void each_fault_on(enum kind kind)
{
  struct place_lab p;
  open_place(&p, kind);
  for (size_t i = 0; i < N_ROWS; i++)
    try_row(&p, &ROWS[i]);
  close_place(&p);
}

/* --- what stands at the place that the rig names --- */

#define TWO "  - {device: cp2112, serial: SAME, i2c: i2c-power}\n  - {device: cp2112, serial: SAME, i2c: i2c-power, allow-same-serial: true}\n"
#define MIXED                                                                                                                                 \
  "  - {device: cp2112, serial: BADCP, i2c: i2c-power}\n  - {device: mcp2221, serial: BADMC, i2c: i2c-power}\n"                               \
  "  - {device: ft232h, serial: BADFT, i2c: i2c-power}\n  - {device: ft4232h, eeprom: blank, i2c: i2c-power}\n  - {device: i2c-tiny-usb, i2c: i2c-power}\n"

static const struct {
  const char *usb, *adapter, *values;
  enum pl_status status;
  const char *words[3];
} OPENINGS[] = {
    {MIXED, "cp2112", "{serial: BADMC}", PL_E_GONE, {"no CP2112 with serial BADMC", "there is 04d8:00dd MCP2221", "BADMC at 1-2"}},
    {MIXED, "cp2112", "{serial: BADCP, path: 1-2}", PL_E_GONE, {"CP2112", "BADCP", "1-2"}},
    {MIXED, "mcp2221", "{serial: BADCP}", PL_E_GONE, {"no MCP2221 with serial BADCP", "there is 10c4:ea90 CP2112", "BADCP at 1-1"}},
    {MIXED, "mcp2221", "{path: 1-1}", PL_E_GONE, {"no MCP2221", "1-1", "10c4:ea90"}},
    {MIXED, "i2c-tiny-usb", "{serial: BADCP}", PL_E_GONE, {"no i2c-tiny-usb with serial BADCP", "there is 10c4:ea90 CP2112", "BADCP at 1-1"}},
    {MIXED, "ftdi-mpsse", "{serial: BADCP}", PL_E_GONE, {"no FTDI H chip (channel A) with serial BADCP", "there is 10c4:ea90 CP2112", "BADCP at 1-1"}},
    {MIXED, "ftdi-mpsse", "{serial: BLANK}", PL_E_GONE, {"no FTDI H chip", "BLANK", "without a serial number at 1-4"}}, /* its EEPROM is */
    {MIXED, "ftdi-mpsse", "{}", PL_E_USAGE, {"BADFT at 1-3", "without a serial number at 1-4", "path"}},
    {TWO, "cp2112", "{serial: SAME}", PL_E_USAGE, {"CP2112", "1-1", "1-2"}},
};

static void what_stands_elsewhere_is_told(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof OPENINGS / sizeof OPENINGS[0]; i++) {
    struct lab lab;
    struct opened bus;
    struct pl_err err;
    if (!lab_open(&lab, OPENINGS[i].usb, false))
      fail_msg("%s", lab.err.text);
    struct bench bench = {lab.clock, lab.share};
    enum pl_status status = bus_open(&bench, pl_adapter_find(PL_BUS_I2C, OPENINGS[i].adapter), OPENINGS[i].values, &bus, &err);
    print_message("%-13s %-26s %s\n", OPENINGS[i].adapter, OPENINGS[i].values, err.text);
    assert_int_equal(status, OPENINGS[i].status);
    expect_words(OPENINGS[i].values, err.text, OPENINGS[i].words, 3);
    lab_close(&lab);
  }
}

/* A chip whose EEPROM is blank is driven by its path, as well as any. */
static void a_blank_eeprom_goes_by_path(void **state)
{
  (void)state;
  struct lab lab;
  struct opened bus;
  struct pl_err err;
  uint8_t got[2];
  if (!lab_open(&lab, MIXED, false))
    fail_msg("%s", lab.err.text);
  struct bench bench = {lab.clock, lab.share};
  bus_open_well(&bench, pl_adapter_find(PL_BUS_I2C, "ftdi-mpsse"), "{path: 1-4}", &bus);
  if (i2c_read_at(&bus, LAB_MONITOR, 0x3E, got, 2, &err))
    fail_msg("%s", err.text);
  assert_memory_equal(got, "TI", 2);
  bus_close(&bus);
  lab_close(&lab);
}

/* --- Modbus --- */

static const char MODBUS_RIG[] = "rig: lines\n"
                                 "about: two load banks, on a serial line and behind TCP\n"
                                 "buses:\n"
                                 "  - {name: line, kind: modbus, adapter: modbus-rtu, port: twin, baud: 115200, response-timeout: 500 ms}\n"
                                 "  - {name: net, kind: modbus, adapter: modbus-tcp, host: twin, response-timeout: 500 ms}\n"
                                 "parts:\n"
                                 "  - {name: busbar, kind: busbar}\n"
                                 "  - {name: csu-1, kind: csu, busbar: busbar}\n"
                                 "  - {name: csu-2, kind: csu, busbar: busbar}\n"
                                 "devices:\n"
                                 "  - {name: load-1, driver: modbus-map, map: load-bank, bus: line, unit: 21, part: csu-1, owner: bench, safe: {load: 0 W}}\n"
                                 "  - {name: load-2, driver: modbus-map, map: load-bank, bus: net, unit: 22, part: csu-2, owner: bench, safe: {load: 0 W}}\n";

static const struct {
  const char *device, *bus, *label;
} LOADS[] = {{"load-1", "line", "load-1 (line, unit 21)"}, {"load-2", "net", "load-2 (net, unit 22)"}};

static const struct {
  const char *fault;
  enum pl_status status[2]; /* on the line, on the net; PL_OK: not concerned */
  const char *cause;
} MODBUS_ROWS[] = {
    {"mute", {PL_E_TIMEOUT, PL_E_TIMEOUT}, "did not answer within"},
    {"late:900ms", {PL_E_TIMEOUT, PL_E_TIMEOUT}, "did not answer within"},
    {"wrong-unit", {PL_E_WRONG_UNIT, PL_E_WRONG_UNIT}, "was asked"},
    {"crc", {PL_E_CRC, PL_OK}, "wrong CRC"},
    {"exception:6", {PL_E_EXCEPTION, PL_E_EXCEPTION}, "server device busy (exception 6)"},
    {"exception:200", {PL_E_EXCEPTION, PL_E_EXCEPTION}, "unknown exception (exception 200)"},
    {"short-block", {PL_E_SHORT, PL_E_SHORT}, "expected"},
    {"garbage", {PL_E_SHORT, PL_E_GARBAGE}, "the answer"},
};

static void try_modbus(struct pl_bench *bench, size_t row, size_t which)
{
  const struct pl_backend_desc *desc = pl_bench_backend_desc(bench);
  struct pl_backend *backend = pl_bench_backend(bench);
  struct pl_call call = {.device = pl_bench_device(bench, LOADS[which].device), .kind = PL_CALL_IDENTIFY, .timeout_ns = 10 * PL_S};
  struct pl_bus_counters before, after;
  struct pl_err err = {0};
  char fault[64];
  snprintf(fault, sizeof fault, "%s.wire=%s", LOADS[which].device, MODBUS_ROWS[row].fault);
  pl_bus_counters(pl_bench_bus(bench, LOADS[which].bus), &before);
  if (desc->plant(backend, fault, &err))
    fail_msg("%s", err.text);
  enum pl_status status = pl_call_run(&call, &err), want = MODBUS_ROWS[row].status[which];
  print_message("%-22s %-14s %s\n", fault, pl_status_name(status), err.text);
  if (status != want)
    fail_msg("%s: %s: %s", fault, pl_status_name(status), err.text);
  const char *words[] = {LOADS[which].label, MODBUS_ROWS[row].cause};
  expect_words(fault, err.text, words, 2);
  pl_bus_counters(pl_bench_bus(bench, LOADS[which].bus), &after);
  assert_true(after.errors[want] > before.errors[want]);
  assert_int_equal(desc->clear(backend, fault, &err), PL_OK);
  if (pl_call_run(&call, &err))
    fail_msg("%s, afterwards: %s", fault, err.text);
  assert_string_equal(call.identity.model, "load bank");
}

static void each_fault_on_modbus(void **state)
{
  (void)state;
  struct pl_clock *clock;
  struct pl_rig *rig;
  struct pl_bench *bench;
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = clock, .seed = 1};
  if (pl_rig_parse("lines.yaml", MODBUS_RIG, sizeof MODBUS_RIG - 1, &rig, &err) || pl_bench_open(rig, &cfg, &bench, &err))
    fail_msg("%s", err.text);
  for (size_t row = 0; row < sizeof MODBUS_ROWS / sizeof MODBUS_ROWS[0]; row++)
    for (size_t which = 0; which < 2; which++)
      if (MODBUS_ROWS[row].status[which])
        try_modbus(bench, row, which);
  pl_bench_close(bench);
  pl_rig_free(rig);
  pl_clock_free(clock);
}

static void on_an_ft4232h(void **state) { (void)state; each_fault_on(FTDI); }
static void on_an_ft232h_that_waits_for_clocks(void **state) { (void)state; each_fault_on(FTDI_STRETCH); }
static void on_a_cp2112(void **state) { (void)state; each_fault_on(CP2112); }
static void on_an_mcp2221(void **state) { (void)state; each_fault_on(MCP2221); }
static void on_an_i2c_tiny_usb(void **state) { (void)state; each_fault_on(TINY); }
static void on_the_twin(void **state) { (void)state; each_fault_on(TWIN); }
static void on_a_twin_behind_a_socket(void **state) { (void)state; each_fault_on(REMOTE); }

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_an_ft4232h), cmocka_unit_test(on_an_ft232h_that_waits_for_clocks), cmocka_unit_test(on_a_cp2112), cmocka_unit_test(on_an_mcp2221),
      cmocka_unit_test(on_an_i2c_tiny_usb), cmocka_unit_test(on_the_twin), cmocka_unit_test(on_a_twin_behind_a_socket),
      cmocka_unit_test(each_fault_on_modbus), cmocka_unit_test(what_stands_elsewhere_is_told), cmocka_unit_test(a_blank_eeprom_goes_by_path),
  };
  return cmocka_run_group_tests(tests, own_locks, drop_locks);
}
