/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/modbus.h"
#include "drivers/bus/modbus_io.h"
#include "drivers/bus/modbus_rtu_frame.h"

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
  speed_t speed;
  bool opened, is_twin;
  pl_time_ns char_ns, gap_ns, silence_ns, response_timeout;
  pl_time_ns lead_ns;    /* least time between an answer and the next request */
  pl_time_ns line_free;  /* real time: when the last exchange ended */
  bool dirty;            /* bytes of a broken answer may still be coming */
  pl_time_ns late_until[UINT8_MAX + 1]; /* by unit: until then its answer to an earlier request may come, and has no transaction id to be known by */
};

static const struct {
  const char *text;
  int baud;
  speed_t speed;
} BAUDS[] = {{"1200", 1200, B1200},       {"2400", 2400, B2400},       {"4800", 4800, B4800},       {"9600", 9600, B9600},
             {"19200", 19200, B19200},    {"38400", 38400, B38400},    {"57600", 57600, B57600},    {"115200", 115200, B115200},
             {"230400", 230400, B230400}, {"460800", 460800, B460800}, {"921600", 921600, B921600}};
#define N_BAUDS (sizeof BAUDS / sizeof BAUDS[0])
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

static enum pl_status open_port(struct rtu *rtu, struct pl_err *err)
{
  bool refused = modbus_connect(rtu->ctx) != 0;
  if (refused && errno == EBUSY) /* another's TIOCEXCL */
    return pl_fail(err, PL_E_LOCKED, "the serial port %s is in use by another program; end that program first", rtu->name);
  if (refused)
    return pl_fail(err, PL_E_GONE, "cannot open the serial port %s: %s", rtu->name, modbus_strerror(errno));
  rtu->opened = true;
  struct termios settings; /* libmodbus 3.1.6 takes 9600 baud without a word where it does not know the speed */
  if (tcgetattr(modbus_get_socket(rtu->ctx), &settings) || cfgetospeed(&settings) != rtu->speed) {
    shut(rtu);
    return pl_fail(err, PL_E_UNSUPPORTED, "the serial port %s does not take the baud rate asked for", rtu->name);
  }
  if (!rtu->is_twin)
    (void)ioctl(modbus_get_socket(rtu->ctx), TIOCEXCL); /* keeps programs out that know nothing of our lock (not root's); a nicety: no reason to fail */
  return PL_OK;
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
      pl_modbus_io_spend(io, rtu->late_until[unit] - now);
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
  status = receive_frame(rtu, io, frame, len, sent + rtu->response_timeout, err);
  if (status == PL_E_TIMEOUT)
    pl_fail(err, status, "unit %u on %s did not answer within %lld ms", unit, rtu->name, (long long)((pl_modbus_io_now(io) - io->at) / PL_MS));
  if (!status)
    status = check_frame(rtu, frame, *len, unit, request[0], err);
  rtu->dirty = status && status != PL_E_TIMEOUT;
  if (status == PL_E_TIMEOUT || status == PL_E_WRONG_UNIT || status == PL_E_GARBAGE) { /* its own answer was not seen: it may still come */
    rtu->late_until[unit] = sent + LATE_TIMEOUTS * rtu->response_timeout;
  }
  return status;
}

static enum pl_status rtu_exchange(void *self, uint8_t unit, const uint8_t *request, size_t request_len, uint8_t *answer, size_t answer_room,
                                   size_t *answer_len, pl_time_ns deadline, pl_time_ns *wire_ns, struct pl_err *err)
{
  struct rtu *rtu = self;
  enum pl_status status = rtu->opened ? PL_OK : open_port(rtu, err);
  if (status)
    return status;
  uint8_t frame[PL_RTU_ADU_MAX];
  size_t len = 0;
  struct pl_modbus_io io;
  pl_modbus_io_begin(&io, rtu->bus, modbus_get_socket(rtu->ctx), deadline);
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

static void rtu_close(void *self)
{
  struct rtu *rtu = self;
  shut(rtu);
  if (rtu->ctx)
    modbus_free(rtu->ctx);
  pl_lock_release(rtu->lock);
  free(rtu);
}

/* 2.5.1.1: a frame's gap is 3.5 characters, but 1.75 ms above 19200 baud. A character: start, 8 data, parity, stop bits. */
static void set_times(struct rtu *rtu, int baud, bool parity, int stop, const struct pl_adapter_args *args)
{
  int bits = 1 + 8 + (parity ? 1 : 0) + stop;
  rtu->char_ns = bits * PL_S / baud;
  rtu->gap_ns = baud > 19200 ? GAP_FLOOR_NS : 7 * rtu->char_ns / 2;
  rtu->silence_ns = pl_clock_is_virtual(pl_bus_clock(rtu->bus)) || rtu->gap_ns > SILENCE_NS ? rtu->gap_ns : SILENCE_NS;
  rtu->response_timeout = pl_modbus_duration(args, "response-timeout");
  pl_time_ns delay = pl_modbus_duration(args, "command-delay");
  rtu->lead_ns = delay > rtu->gap_ns ? delay : rtu->gap_ns;
}

static enum pl_status prepare(struct rtu *rtu, const struct pl_adapter_args *args, struct pl_err *err)
{
  const char *endpoint;
  bool is_twin;
  enum pl_status status = pl_modbus_endpoint(rtu->bus, args, pl_value(args->values, "port")->text, &endpoint, &is_twin, err);
  if (status)
    return status;
  char resolved[PATH_MAX];
  snprintf(rtu->path, sizeof rtu->path, "%s", endpoint); /* as given: plugged in again, /dev/serial/by-id/... may be another ttyUSB */
  snprintf(rtu->name, sizeof rtu->name, "%s", is_twin ? PL_MODBUS_TWIN_NAME : endpoint);
  if (!realpath(endpoint, resolved))                     /* but both names are one port with one lock */
    return pl_fail_errno(err, "bus %s: there is no serial port %s", args->bus_name, rtu->name);
  size_t baud = (size_t)pl_value(args->values, "baud")->number, parity = (size_t)pl_value(args->values, "parity")->number;
  if (baud >= N_BAUDS || parity >= sizeof PARITY_LETTERS - 1)
    return pl_fail(err, PL_E_USAGE, "bus %s: unknown baud rate or parity", args->bus_name);
  int stop = pl_value(args->values, "stop-bits")->number ? 2 : 1;
  set_times(rtu, BAUDS[baud].baud, parity != 0, stop, args);
  rtu->speed = BAUDS[baud].speed;
  if (!is_twin) /* the twin is this very process's own */
    status = pl_lock_take(resolved, &rtu->lock, err);
  if (status)
    return status;
  rtu->is_twin = is_twin;
  rtu->ctx = modbus_new_rtu(rtu->path, BAUDS[baud].baud, PARITY_LETTERS[parity], 8, stop);
  if (!rtu->ctx)
    return pl_fail(err, PL_E_NOMEM, "libmodbus cannot make a context for %s: %s", rtu->name, modbus_strerror(errno));
  return open_port(rtu, err);
}

static const struct pl_modbus_ops RTU_OPS = {.exchange = rtu_exchange};

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
  return PL_OK;
}

static const struct pl_param RTU_PARAMS[] = {
    {.name = "port", .help = "path of the serial port, best of /dev/serial/by-id; or the word twin", .kind = PL_PARAM_TEXT, .required = true},
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
