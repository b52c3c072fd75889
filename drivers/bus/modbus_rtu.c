/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"
#include "drivers/bus/modbus_io.h"
#include "drivers/bus/modbus_rtu_frame.h"
#include "drivers/bus/serial_port.h"

#include <errno.h>
#include <limits.h>
#include <modbus.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

/* "MODBUS over serial line specification and implementation guide V1.02" is meant by section numbers. */
#define REST_NS (100 * PL_MS)   /* longest pause inside an answer: USB adapters hand bytes over every 16 ms, so t1.5 (2.5.1.1) is not asked for */
#define SILENCE_NS (30 * PL_MS) /* real time: what is taken for the silence after a frame, for the same reason */
#define GAP_FLOOR_NS (1750 * PL_US) /* 2.5.1.1: above 19200 baud t3.5 is 1.75 ms */
#define DRAIN_READS_MAX 64
#define LATE_TIMEOUTS 3 /* an answer may be that many response time-outs old: one for it, one for another unit in between, and one more */

struct rtu {
  struct pl_bus *bus;
  modbus_t *ctx;
  struct pl_lock *lock;
  char path[PATH_MAX], name[PATH_MAX]; /* name: for sentences; the twin's pty has another number each time */
  char usb_serial[64], usb_path[32]; /* "": not asked for */
  int usb_interface;                 /* -1: the only one */
  bool opened, is_twin, usb, echoes, rs485;
  uint32_t rs485_before_ms, rs485_after_ms;
  struct pl_modbus_line line, units[UINT8_MAX + 1], now; /* the bus's own; those of units that differ (baud 0: none); how the port is set */
  pl_time_ns char_ns, gap_ns, silence_ns, response_timeout, command_delay; /* the first three as the port is set */
  pl_time_ns lead_ns;    /* least time between an answer and the next request */
  pl_time_ns line_free;  /* real time: when the last exchange ended */
  bool dirty;            /* bytes of a broken answer may still be coming */
  pl_time_ns late_until[UINT8_MAX + 1]; /* by unit: until then its answer to an earlier request may come, and has no transaction id to be known by */
};

static const char *const BAUD_WORDS[] = {"1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200", "230400", "460800", "921600", NULL};
static const char *const PARITY_WORDS[] = {"none", "even", "odd", NULL};
static const char PARITY_LETTERS[] = "NEO";
static const char *const STOP_WORDS[] = {"1", "2", NULL};

static void shut(struct rtu *rtu)
{
  if (rtu->opened && !rtu->is_twin)
    (void)ioctl(modbus_get_socket(rtu->ctx), TIOCNXCL); /* it would outlast us while anyone else has the port open */
  if (rtu->opened)
    modbus_close(rtu->ctx);
  rtu->opened = false;
}

/* 2.5.1.1: a frame's gap is 3.5 characters, but 1.75 ms above 19200 baud. A character: start, 8 data, parity, stop bits. */
static void set_times(struct rtu *rtu)
{
  int bits = 1 + 8 + (rtu->now.parity != 'N') + rtu->now.stop_bits;
  rtu->char_ns = bits * PL_S / rtu->now.baud;
  rtu->gap_ns = rtu->now.baud > 19200 ? GAP_FLOOR_NS : 7 * rtu->char_ns / 2;
  rtu->silence_ns = pl_clock_is_virtual(pl_bus_clock(rtu->bus)) || rtu->gap_ns > SILENCE_NS ? rtu->gap_ns : SILENCE_NS;
  rtu->lead_ns = rtu->command_delay > rtu->gap_ns ? rtu->command_delay : rtu->gap_ns;
}

static bool same_line(const struct pl_modbus_line *a, const struct pl_modbus_line *b)
{
  return a->baud == b->baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}

static enum pl_status set_port(struct rtu *rtu, const struct pl_modbus_line *line, struct pl_err *err)
{
  rtu->now.baud = 0; /* a port that refuses may have taken a part: the next request sets it anew, whatever its unit's line is */
  enum pl_status status = pl_serial_set(modbus_get_socket(rtu->ctx), line, rtu->name, err);
  if (status)
    return status;
  rtu->now = *line;
  set_times(rtu);
  return PL_OK;
}

/* Niceties: no reason to fail. TIOCEXCL keeps programs out that know nothing of our lock (not root's). */
static void make_own(int fd)
{
  (void)ioctl(fd, TIOCEXCL);
  (void)pl_serial_low_latency(fd);
}

static enum pl_status open_port(struct rtu *rtu, struct pl_err *err)
{
  bool refused = modbus_connect(rtu->ctx) != 0;
  if (refused && errno == EBUSY) /* another's TIOCEXCL */
    return pl_fail(err, PL_E_LOCKED, "the serial port %s is in use by another program; end that program first", rtu->name);
  if (refused)
    return pl_fail(err, PL_E_GONE, "cannot open the serial port %s: %s", rtu->name, modbus_strerror(errno));
  rtu->opened = true;
  int fd = modbus_get_socket(rtu->ctx);
  enum pl_status status = set_port(rtu, &rtu->line, err); /* libmodbus 3.1.6 takes 9600 baud without a word where it does not know the speed */
  if (!status && rtu->rs485)
    status = pl_serial_rs485(fd, rtu->rs485_before_ms, rtu->rs485_after_ms, rtu->name, err);
  if (status)
    shut(rtu);
  else if (!rtu->is_twin)
    make_own(fd);
  return status;
}

/* Whole and right, what was drained is the late answer of its unit: no more need be waited for. */
static void note_late_answer(struct rtu *rtu, const uint8_t *frame, size_t len)
{
  if (len > PL_RTU_OVERHEAD && pl_rtu_crc(frame, len) == 0)
    rtu->late_until[frame[0]] = 0;
}

/* Reads what still comes until the line is silent. */
static enum pl_status drain(struct rtu *rtu, struct pl_modbus_io *io, struct pl_err *err)
{
  uint8_t waste[PL_RTU_ADU_MAX];
  size_t have = 0;
  for (int i = 0; i < DRAIN_READS_MAX; i++) {
    size_t got;
    struct pl_err quiet = {0};
    if (have == sizeof waste) /* no frame is that long */
      have = 0;
    enum pl_status status = pl_modbus_io_read(io, waste + have, sizeof waste - have, pl_modbus_io_now(io) + rtu->silence_ns, true, &got, &quiet);
    if (status == PL_E_TIMEOUT) {
      rtu->dirty = false;
      note_late_answer(rtu, waste, have);
      return PL_OK;
    }
    if (status)
      return pl_fail(err, status, "%s: %s", rtu->name, quiet.text);
    have += got;
  }
  return pl_fail(err, PL_E_GARBAGE, "%s is never silent: something sends without being asked", rtu->name);
}

static bool any_late(const struct rtu *rtu, pl_time_ns now)
{
  for (size_t i = 0; i < sizeof rtu->late_until / sizeof rtu->late_until[0]; i++)
    if (now < rtu->late_until[i])
      return true;
  return false;
}

/* Lets this unit's late answer come: the next request to it would take it for its own. Bytes of others do not end the wait. */
static enum pl_status await_late(struct rtu *rtu, struct pl_modbus_io *io, uint8_t unit, struct pl_err *err)
{
  for (pl_time_ns now; (now = pl_modbus_io_now(io)) < rtu->late_until[unit] && now <= io->deadline;) {
    struct pl_err quiet = {0};
    pl_time_ns until = rtu->late_until[unit] < io->deadline ? rtu->late_until[unit] : io->deadline;
    if (io->is_virtual) { /* it comes by a timer, never within this instant, and is flushed before the request */
      pl_modbus_io_spend(io, until - now);
      break;
    }
    if (pl_clock_wait_fd(io->clock, io->fd, POLLIN, until - now, NULL, &quiet)) { /* silence, up to the end or the deadline */
      if (until == io->deadline)
        break;
      continue;
    }
    enum pl_status status = drain(rtu, io, err);
    if (status)
      return status;
  }
  return PL_OK;
}

/* Before a request: lets the answers of earlier ones come and go. Another unit's is told by its address, so it is only drained. */
static enum pl_status settle(struct rtu *rtu, struct pl_modbus_io *io, uint8_t unit, struct pl_err *err)
{
  enum pl_status status = await_late(rtu, io, unit, err);
  if (!status && !io->is_virtual && (rtu->dirty || any_late(rtu, pl_modbus_io_now(io))))
    status = drain(rtu, io, err);
  if (status)
    return status;
  rtu->dirty = false;
  if (pl_modbus_io_now(io) > io->deadline || pl_modbus_io_now(io) < rtu->late_until[unit])
    return pl_fail(err, PL_E_TIMEOUT, "the line %s was not free of an earlier answer before the deadline", rtu->name);
  return PL_OK;
}

/* The silence before a frame (2.5.1.1: t3.5), or the command-delay where that is longer. */
static enum pl_status keep_gap(struct rtu *rtu, struct pl_modbus_io *io, struct pl_err *err)
{
  pl_modbus_io_spend(io, rtu->lead_ns);
  if (io->is_virtual)
    return PL_OK;
  pl_time_ns from = rtu->line_free + rtu->lead_ns;
  if (from > io->deadline)
    return pl_fail(err, PL_E_TIMEOUT, "the deadline passed in the pause between two requests on %s", rtu->name);
  if (rtu->line_free && from > pl_clock_now(io->clock))
    pl_clock_sleep_until(io->clock, from);
  return PL_OK;
}

static enum pl_status send_request(struct rtu *rtu, struct pl_modbus_io *io, uint8_t unit, const uint8_t *request, size_t len, struct pl_err *err)
{
  uint8_t raw[1 + PL_MODBUS_PDU_MAX];
  raw[0] = unit; /* raw requests carry their unit, so that units above 247 work, which modbus_set_slave refuses in 3.1.6 */
  memcpy(raw + 1, request, len);
  if (modbus_flush(rtu->ctx) < 0 || modbus_send_raw_request(rtu->ctx, raw, (int)len + 1) < 0)
    return pl_fail(err, PL_E_GONE, "cannot write to the serial port %s: %s; it is opened again at the next request", rtu->name, modbus_strerror(errno));
  pl_modbus_io_spend(io, (pl_time_ns)(len + PL_RTU_OVERHEAD) * rtu->char_ns + rtu->gap_ns);
  return PL_OK;
}

/* Reads one frame: to its computed length, or to the silence after it where the function's format is unknown. */
static enum pl_status receive_frame(struct rtu *rtu, struct pl_modbus_io *io, uint8_t *frame, size_t *len, pl_time_ns until, struct pl_err *err)
{
  *len = 0;
  for (;;) {
    bool by_silence = false;
    size_t want = pl_rtu_answer_length(frame, *len, &by_silence), got;
    if (by_silence)
      want = PL_RTU_ADU_MAX;
    if (*len >= want)
      return PL_OK;
    pl_time_ns pause = by_silence ? rtu->silence_ns : REST_NS + (pl_time_ns)(want - *len) * rtu->char_ns;
    enum pl_status status = pl_modbus_io_read(io, frame + *len, want - *len, *len ? pl_modbus_io_now(io) + pause : until, *len > 0, &got, err);
    if (status == PL_E_TIMEOUT && by_silence && pl_modbus_io_now(io) < io->deadline)
      return PL_OK;
    if (status == PL_E_TIMEOUT && *len)
      return pl_fail(err, PL_E_SHORT, "the answer on %s stopped after %zu bytes", rtu->name, *len);
    if (status == PL_E_GONE)
      pl_err_prefix(err, "%s", rtu->name);
    if (status)
      return status;
    pl_modbus_io_spend(io, (pl_time_ns)got * rtu->char_ns);
    *len += got;
  }
}

/* With local-echo: what was sent comes back first. Something else on the line at that time was a collision. */
static enum pl_status take_echo(struct rtu *rtu, struct pl_modbus_io *io, uint8_t unit, const uint8_t *request, size_t len, struct pl_err *err)
{
  uint8_t echo[PL_RTU_ADU_MAX];
  size_t have = 0, want = len + PL_RTU_OVERHEAD;
  while (have < want) {
    size_t got;
    struct pl_err quiet = {0};
    enum pl_status status = pl_modbus_io_read(io, echo + have, want - have, pl_modbus_io_now(io) + rtu->response_timeout + (pl_time_ns)want * rtu->char_ns, have > 0, &got, &quiet);
    if (status == PL_E_TIMEOUT)
      return pl_fail(err, PL_E_SHORT, "%s did not hear its own request (%zu of %zu bytes); leave local-echo out if the adapter has none", rtu->name, have, want);
    if (status)
      return pl_fail(err, status, "%s: %s", rtu->name, quiet.text);
    have += got;
  }
  if (echo[0] == unit && !memcmp(echo + 1, request, len) && !pl_rtu_crc(echo, want))
    return PL_OK;
  return pl_fail(err, PL_E_ARBITRATION, "%s heard something else than it sent: another sender is on the line", rtu->name);
}

/* The request itself where the answer should be: an adapter with echo. (The answer to a write of one register or coil is equal to its request.) */
static bool is_echo(const uint8_t *frame, size_t len, uint8_t unit, const uint8_t *request, size_t request_len)
{
  size_t n = len < request_len + 1 ? len : request_len + 1;
  return n > 2 && frame[0] == unit && request[0] != 0x05 && request[0] != 0x06 && !memcmp(frame + 1, request, n - 1);
}

static enum pl_status check_frame(const struct rtu *rtu, const uint8_t *frame, size_t len, uint8_t unit, uint8_t function, struct pl_err *err)
{
  if (pl_rtu_crc(frame, len)) /* over a frame with its own check it is 0 */
    return pl_fail(err, PL_E_CRC, "the answer on %s has a wrong CRC", rtu->name);
  if (frame[0] != unit)
    return pl_fail(err, PL_E_WRONG_UNIT, "unit %u answered on %s, unit %u was asked", frame[0], rtu->name, unit);
  if ((frame[1] & 0x7f) != function)
    return pl_fail(err, PL_E_GARBAGE, "unit %u answered function 0x%02x on %s with 0x%02x", unit, function, rtu->name, frame[1]);
  return PL_OK;
}

/* The answer of a unit that failed so was not seen, and may still come: for how many response time-outs after the request? Noise or a bad echo came in its
 * place: the unit is not slow. A spoiled frame that begins as its answer is just that. */
static int late_for(enum pl_status status, const uint8_t *frame, size_t len, uint8_t unit, uint8_t function)
{
  if (status == PL_E_TIMEOUT || status == PL_E_WRONG_UNIT || status == PL_E_GARBAGE)
    return LATE_TIMEOUTS;
  return len < 2 || frame[0] != unit || (frame[1] & 0x7f) != function;
}

static enum pl_status talk(struct rtu *rtu, struct pl_modbus_io *io, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *frame, size_t *len,
                           struct pl_err *err)
{
  enum pl_status status = settle(rtu, io, unit, err);
  if (!status)
    status = keep_gap(rtu, io, err);
  if (!status)
    status = send_request(rtu, io, unit, request, request_len, err);
  if (status)
    return status;
  pl_time_ns sent = pl_modbus_io_now(io);
  if (!io->is_virtual) /* the bytes are still on their way out */
    sent += (pl_time_ns)(request_len + PL_RTU_OVERHEAD) * rtu->char_ns;
  if (rtu->echoes)
    status = take_echo(rtu, io, unit, request, request_len, err);
  if (!status)
    status = receive_frame(rtu, io, frame, len, sent + rtu->response_timeout, err);
  if (status == PL_E_TIMEOUT)
    pl_fail(err, status, "unit %u on %s did not answer within %lld ms", unit, rtu->name, (long long)((pl_modbus_io_now(io) - io->at) / PL_MS));
  if (!status)
    status = check_frame(rtu, frame, *len, unit, request[0], err);
  if (status && status != PL_E_GONE && !rtu->echoes && is_echo(frame, *len, unit, request, request_len))
    status = pl_fail(err, PL_E_GARBAGE, "%s got its own request back: its adapter echoes, set `local-echo: yes`; or the line is not terminated", rtu->name);
  rtu->dirty = status && status != PL_E_TIMEOUT;
  rtu->late_until[unit] = status && status != PL_E_GONE ? sent + late_for(status, frame, *len, unit, request[0]) * rtu->response_timeout : 0;
  return status;
}

static enum pl_status rtu_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                   size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct rtu *rtu = self;
  if (!rtu->ctx)
    return pl_fail(err, PL_E_GONE, "the serial port %s is away", rtu->name);
  enum pl_status status = rtu->opened ? PL_OK : open_port(rtu, err);
  if (status)
    return status;
  uint8_t frame[PL_RTU_ADU_MAX];
  size_t len = 0;
  struct pl_modbus_io io;
  pl_modbus_io_begin(&io, rtu->bus, modbus_get_socket(rtu->ctx), deadline);
  const struct pl_modbus_line *line = rtu->units[unit].baud ? &rtu->units[unit] : &rtu->line;
  if (!same_line(line, &rtu->now))
    status = set_port(rtu, line, err);
  if (!status)
    status = talk(rtu, &io, unit, request, request_len, frame, &len, err);
  *wire_ns = io.spent;
  rtu->line_free = pl_modbus_io_now(&io);
  if (status == PL_E_GONE)
    shut(rtu);
  if (status)
    return status;
  if (len - PL_RTU_OVERHEAD > answer_room)
    return pl_fail(err, PL_E_GARBAGE, "the answer of unit %u on %s has %zu bytes, there is room for %zu", unit, rtu->name, len - PL_RTU_OVERHEAD, answer_room);
  *answer_len = len - PL_RTU_OVERHEAD;
  memcpy(answer, frame + 1, *answer_len);
  return PL_OK;
}

static enum pl_status rtu_set_line(void *self, uint8_t unit, const struct pl_modbus_line *line, struct pl_err *err)
{
  struct rtu *rtu = self;
  rtu->units[unit] = (struct pl_modbus_line){
      .baud = line->baud ? line->baud : rtu->line.baud,
      .parity = line->parity ? line->parity : rtu->line.parity,
      .stop_bits = line->stop_bits ? line->stop_bits : rtu->line.stop_bits,
  };
  return pl_serial_check_baud(rtu->units[unit].baud, err);
}

static void read_line(struct rtu *rtu, const struct pl_values *values)
{
  rtu->line = (struct pl_modbus_line){
      .baud = (int)strtol(pl_value(values, "baud")->text, NULL, 10),
      .parity = PARITY_LETTERS[pl_value(values, "parity")->number],
      .stop_bits = pl_value(values, "stop-bits")->number ? 2 : 1,
  };
  const struct pl_value *before = pl_value(values, "rs485-before"), *after = pl_value(values, "rs485-after");
  rtu->rs485 = pl_value(values, "rs485")->number != 0;
  rtu->rs485_before_ms = (uint32_t)(before->number / 1000);
  rtu->rs485_after_ms = (uint32_t)(after->number / 1000);
  rtu->echoes = pl_value(values, "local-echo")->number != 0;
}

static void read_usb(struct rtu *rtu, const struct pl_values *values)
{
  const struct pl_value *serial = pl_value(values, "serial"), *path = pl_value(values, "path"), *interface = pl_value(values, "interface");
  snprintf(rtu->usb_serial, sizeof rtu->usb_serial, "%s", serial->given ? serial->text : "");
  snprintf(rtu->usb_path, sizeof rtu->usb_path, "%s", path->given ? path->text : "");
  rtu->usb_interface = interface->given ? (int)interface->number : -1;
  rtu->usb = serial->given || path->given;
}

/* The node of the USB chip that the rig names. */
static enum pl_status find_port(struct rtu *rtu, struct pl_err *err)
{
  return pl_serial_find("/sys", *rtu->usb_serial ? rtu->usb_serial : NULL, *rtu->usb_path ? rtu->usb_path : NULL, rtu->usb_interface, rtu->path,
                        sizeof rtu->path, err);
}

static enum pl_status say_where(struct rtu *rtu, const struct pl_adapter_args *args, struct pl_err *err)
{
  const struct pl_value *port = pl_value(args->values, "port");
  const char *endpoint = "";
  if (port->given == rtu->usb)
    return pl_fail(err, PL_E_USAGE, "bus %s: expected either `port` or `serial` / `path`", args->bus_name);
  if (rtu->usb && pl_clock_is_virtual(pl_bus_clock(rtu->bus)))
    return pl_fail(err, PL_E_USAGE, "bus %s: a real serial port cannot be used in virtual time", args->bus_name);
  enum pl_status status = rtu->usb ? find_port(rtu, err) : pl_modbus_endpoint(rtu->bus, args, port->text, &endpoint, &rtu->is_twin, err);
  if (!status && !rtu->usb)
    snprintf(rtu->path, sizeof rtu->path, "%s", endpoint); /* as given: plugged in again, /dev/serial/by-id/... may be another ttyUSB */
  snprintf(rtu->name, sizeof rtu->name, "%s", rtu->is_twin ? PL_MODBUS_TWIN_NAME : rtu->path);
  return status;
}

/* Makes the context for the port's present node, and takes its lock. */
static enum pl_status take_port(struct rtu *rtu, struct pl_err *err)
{
  char resolved[PATH_MAX];
  if (!realpath(rtu->path, resolved)) /* both names are one port with one lock */
    return pl_fail_errno(err, "there is no serial port %s", rtu->name);
  enum pl_status status = rtu->is_twin ? PL_OK : pl_lock_take(resolved, &rtu->lock, err); /* the twin is this very process's own */
  if (status)
    return status;
  rtu->ctx = modbus_new_rtu(rtu->path, rtu->line.baud, rtu->line.parity, 8, rtu->line.stop_bits);
  if (!rtu->ctx)
    return pl_fail(err, PL_E_NOMEM, "libmodbus cannot make a context for %s: %s", rtu->name, modbus_strerror(errno));
  return open_port(rtu, err);
}

static void leave_port(struct rtu *rtu)
{
  shut(rtu);
  if (rtu->ctx)
    modbus_free(rtu->ctx);
  rtu->ctx = NULL;
  pl_lock_release(rtu->lock);
  rtu->lock = NULL;
}

/* Plugged in again, it may have another node. */
static enum pl_status rtu_reopen(void *self, struct pl_err *err)
{
  struct rtu *rtu = self;
  leave_port(rtu);
  enum pl_status status = rtu->usb ? find_port(rtu, err) : PL_OK;
  if (!status)
    status = take_port(rtu, err);
  if (status)
    leave_port(rtu);
  return status;
}

static enum pl_status prepare(struct rtu *rtu, const struct pl_adapter_args *args, struct pl_err *err)
{
  read_line(rtu, args->values);
  read_usb(rtu, args->values);
  rtu->response_timeout = pl_modbus_duration(args, "response-timeout");
  rtu->command_delay = pl_modbus_duration(args, "command-delay");
  enum pl_status status = say_where(rtu, args, err);
  if (!status && (status = take_port(rtu, err)))
    pl_err_prefix(err, "bus %s", args->bus_name);
  return status;
}

static void rtu_close(void *self)
{
  struct rtu *rtu = self;
  leave_port(rtu);
  free(rtu);
}

static const struct pl_modbus_ops RTU_OPS = {.exchange = rtu_exchange, .set_line = rtu_set_line};

static enum pl_status rtu_open(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  struct rtu *rtu = calloc(1, sizeof *rtu);
  if (!rtu)
    return pl_fail(err, PL_E_NOMEM, "out of memory for bus %s", args->bus_name);
  rtu->bus = bus;
  enum pl_status status = prepare(rtu, args, err);
  if (status) {
    rtu_close(rtu);
    return status;
  }
  pl_bus_attach(bus, &RTU_OPS, rtu, rtu_close, false); /* in virtual time the wire is charged; in real time it passes */
  pl_bus_set_reopen(bus, rtu_reopen);
  return PL_OK;
}

static const struct pl_param RTU_PARAMS[] = {
    {.name = "port", .help = "path of the serial port, best of /dev/serial/by-id; or the word twin", .kind = PL_PARAM_TEXT},
    {.name = "serial", .help = "in place of port: the serial number of the USB chip", .kind = PL_PARAM_TEXT},
    {.name = "path", .help = "in place of port: the bus-port path of the USB chip, such as 1-2.3", .kind = PL_PARAM_TEXT},
    {.name = "interface", .help = "which of the chip's ports, as its interface number (0 is A)", .kind = PL_PARAM_INT, .max = 15},
    {.name = "baud", .help = "bits a second", .kind = PL_PARAM_CHOICE, .fallback = "19200", .choices = BAUD_WORDS},
    {.name = "parity", .help = "parity bit", .kind = PL_PARAM_CHOICE, .fallback = "even", .choices = PARITY_WORDS},
    {.name = "stop-bits", .help = "stop bits", .kind = PL_PARAM_CHOICE, .fallback = "1", .choices = STOP_WORDS},
    {.name = "response-timeout",
     .help = "longest wait for the begin of an answer",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_TIME,
     .fallback = "300 ms",
     .min = 1000,
     .max = 60 * PL_U},
    {.name = "command-delay",
     .help = "least pause between an answer and the next request; never less than 3.5 characters",
     .kind = PL_PARAM_QUANTITY,
     .dim = PL_DIM_TIME,
     .fallback = "0 ms",
     .max = 10 * PL_U},
    {.name = "rs485", .help = "the kernel's driver switches the transceiver by RTS (not for USB adapters, which do it themselves)", .kind = PL_PARAM_FLAG, .fallback = "no"},
    {.name = "rs485-before", .help = "RTS to first bit", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = "0 ms", .max = 100000},
    {.name = "rs485-after", .help = "last bit to RTS", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = "0 ms", .max = 100000},
    {.name = "local-echo", .help = "the adapter hears what it sends: each request is read back first, and checked", .kind = PL_PARAM_FLAG, .fallback = "no"},
};

extern const struct pl_adapter_desc pl_adapter_modbus_rtu;
const struct pl_adapter_desc pl_adapter_modbus_rtu = {
    .name = "modbus-rtu",
    .about = "Modbus RTU through libmodbus on a serial port",
    .maturity = PL_BETA,
    .kind = PL_BUS_MODBUS,
    .params = RTU_PARAMS,
    .n_params = sizeof RTU_PARAMS / sizeof RTU_PARAMS[0],
    .open = rtu_open,
};
