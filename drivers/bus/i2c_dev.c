/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps. The kernel tells neither a bus's speed nor what message lists its driver takes: what is known of a driver stands in a table. An open /dev/i2c-N keeps
 * the kernel from taking the bus away (i2c_del_adapter waits), so it is closed as soon as the bus is found gone. Recovery of a stuck bus is the driver's
 * own (i2c_recover_bus) and cannot be asked for: no PL_I2C_CAP_RECOVER.
 */
#include "drivers/bus/i2c_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <sys/ioctl.h>

extern const struct pl_adapter_desc pl_adapter_i2c_dev;

#define FOLDER "bus/i2c/devices"
#define MESSAGE_MAX 8192 /* bytes; i2cdev_ioctl_rdwr, drivers/i2c/i2c-dev.c */
#define COUNTED_ROOM (I2C_SMBUS_BLOCK_MAX + 2) /* count, data, PEC */

struct pl_i2c_dev_driver {
  const char *title;      /* what its buses' names begin with */
  const char *module;
  bool plain;             /* one message, or write then read one address; all else is EOPNOTSUPP */
  bool no_counted_reads;  /* claims I2C_FUNC_SMBUS_READ_BLOCK_DATA, but its I2C_RDWR does not know I2C_M_RECV_LEN and would give the count alone */
  uint16_t max_write, max_read, max_before_read;
  pl_time_ns nack_ns;     /* ETIMEDOUT sooner than that is a NACK; 0: never */
};

/* drivers/hid/hid-cp2112.c: cp2112_raw_event gives ETIMEDOUT for a NACK and for a time-out of the bus; its own wait is ten times 50 ms.
 * drivers/hid/hid-mcp2221.c: mcp_i2c_xfer (from memory). */
static const struct pl_i2c_dev_driver DRIVERS[] = {
    {"CP2112 SMBus Bridge", "hid-cp2112", .plain = true, .no_counted_reads = true, .max_write = 61, .max_read = 512, .max_before_read = 16,
     .nack_ns = 300 * PL_MS},
    {"MCP2221 usb-i2c bridge", "hid-mcp2221", .plain = true, .no_counted_reads = true},
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct pl_param params[] = {
    {.name = "port", .kind = PL_PARAM_TEXT, .help = "device node (/dev/i2c-7); its number changes with the order of plugging"},
    {.name = "bus-name", .kind = PL_PARAM_TEXT, .help = "name of the bus as i2cdetect -l lists it"},
    {.name = "serial", .kind = PL_PARAM_TEXT, .help = "serial number of the USB adapter"},
    {.name = "path", .kind = PL_PARAM_TEXT, .help = "bus-port path of the USB adapter (1-2.3)"},
    {.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz", .min = 1000 * PL_U, .max = 5000000 * PL_U,
     .help = "clock that the kernel's driver is set to; Linux has no way to ask for it, nor to set it"},
    {.name = "timeout", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .min = 10000, .max = 60 * PL_U,
     .help = "how long the kernel waits for a transfer, in steps of 10 ms, for all users of the bus; without it the driver's own"},
    {.name = "retries", .kind = PL_PARAM_INT, .max = 10, .help = "how often the kernel tries again after a lost arbitration; without it the driver's own"},
};

/* --- what errno means --- */

/* Documentation/i2c/fault-codes.rst */
static const struct {
  int error;
  enum pl_status status;
  const char *text;
} FAULTS[] = {
    {ENXIO, PL_E_NACK, "nobody acknowledges"},
    {EREMOTEIO, PL_E_NACK, "not acknowledged"},
    {EAGAIN, PL_E_ARBITRATION, "arbitration lost: another master, or noise on SDA"},
    {EBUSY, PL_E_STUCK, "the bus stays busy: SCL or SDA is held, and the kernel's driver could not free it; power-cycle the device that holds it"},
    {ETIMEDOUT, PL_E_TIMEOUT, "time-out: the clock was stretched too far, or a line is held (the kernel's driver recovers the bus by itself where it can)"},
    {EPROTO, PL_E_GARBAGE, "the device broke the protocol, or told a block of 0 or more than 32 bytes"},
    {EBADMSG, PL_E_PEC, "packet error code does not match"},
    {ENODEV, PL_E_GONE, "the bus has gone"},
    {ENOENT, PL_E_GONE, "the bus has gone"},
    {ESHUTDOWN, PL_E_GONE, "the bus has gone"},
    {ENOMEM, PL_E_NOMEM, "out of memory"},
};

static bool is_there(const struct pl_i2c_dev *dev)
{
  struct pl_sysfs_node ignored;
  return pl_sysfs_node_get(dev->os->sys, FOLDER, dev->node.name, &ignored);
}

static enum pl_status fail_at(const struct pl_i2c_dev *dev, uint8_t address, enum pl_status status, const char *text, struct pl_err *err)
{
  return pl_fail(err, status, "%s (%.60s): i2c address 0x%02x: %s", dev->node.name, dev->node.title, address, text);
}

static void let_go(struct pl_i2c_dev *dev)
{
  if (dev->fd >= 0)
    dev->os->close(dev->os->ctx, dev->fd);
  dev->fd = -1;
  pl_lock_release(dev->lock);
  dev->lock = NULL;
}

static enum pl_status gone(struct pl_i2c_dev *dev, struct pl_err *err)
{
  char text[256];
  let_go(dev);
  return pl_fail(err, PL_E_GONE, "%s has gone: unplugged, or its kernel driver was removed", pl_sysfs_node_text(&dev->node, text, sizeof text));
}

/* What no driver takes, and what this one does not. */
static enum pl_status refused(const struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, int error, struct pl_err *err)
{
  char text[160];
  snprintf(text, sizeof text, "the kernel's driver refuses a transaction of %zu message%s, %u bytes the first (%s); see its limits", t->count,
           t->count == 1 ? "" : "s", t->msgs[0].len, strerror(error));
  return fail_at(dev, t->msgs[0].address, PL_E_UNSUPPORTED, text, err);
}

enum pl_status pl_i2c_dev_fail(struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, int error, struct pl_err *err)
{
  uint8_t address = t->msgs[0].address;
  if (!is_there(dev))
    return gone(dev, err);
  if (error == ENODEV && !*dev->node.path) /* drivers that are not on USB say so of an address that nobody has (i2c-stub) */
    error = ENXIO;
  if (error == EOPNOTSUPP || error == EINVAL || error == EMSGSIZE || error == ENOSYS || error == E2BIG)
    return refused(dev, t, error, err);
  for (size_t i = 0; i < COUNT(FAULTS); i++)
    if (FAULTS[i].error == error)
      return FAULTS[i].status == PL_E_GONE ? gone(dev, err) : fail_at(dev, address, FAULTS[i].status, FAULTS[i].text, err);
  return fail_at(dev, address, PL_E_IO, strerror(error), err);
}

/* --- transfers --- */

static int device_ioctl(const struct pl_i2c_dev *dev, unsigned long request, void *argument)
{
  return dev->os->ioctl(dev->os->ctx, dev->fd, request, argument);
}

static enum pl_status fail_held(struct pl_i2c_dev *dev, uint8_t address, struct pl_err *err)
{
  char device[32], link[96], driver[48], text[256];
  snprintf(device, sizeof device, "%s-%04x", dev->node.name + strlen("i2c-"), address); /* "7-0048" */
  snprintf(link, sizeof link, FOLDER "/%s/driver", device);
  pl_sysfs_link(dev->os->sys, link, driver, sizeof driver);
  snprintf(text, sizeof text, "held by the kernel's driver %s; take it off: echo %s > /sys/bus/i2c/drivers/%s/unbind",
           *driver ? driver : "(of unknown name)", device, *driver ? driver : "NAME");
  return fail_at(dev, address, PL_E_LOCKED, text, err);
}

enum pl_status pl_i2c_dev_select(struct pl_i2c_dev *dev, uint8_t address, struct pl_err *err)
{
  if (dev->slave == address)
    return PL_OK;
  const struct pl_i2c_msg msg = {.address = address};
  if (device_ioctl(dev, I2C_SLAVE, (void *)(uintptr_t)address) < 0)
    return errno == EBUSY ? fail_held(dev, address, err)
                          : pl_i2c_dev_fail(dev, &(struct pl_i2c_transfer){.msgs = (struct pl_i2c_msg *)(uintptr_t)&msg, .count = 1}, errno, err);
  dev->slave = address;
  dev->asked[address / 8] |= (uint8_t)(1u << address % 8);
  return PL_OK;
}

/* I2C_RDWR does not look whether a kernel driver has the device: ask once. */
static enum pl_status check_addresses(struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < t->count && !status; i++) {
    uint8_t address = t->msgs[i].address;
    if (!(dev->asked[address / 8] & 1u << address % 8))
      status = pl_i2c_dev_select(dev, address, err);
  }
  return status;
}

static enum pl_status check_limits(const struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, struct pl_err *err)
{
  const struct pl_i2c_dev_driver *driver = dev->driver;
  if (t->count > I2C_RDWR_IOCTL_MAX_MSGS)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: Linux takes at most %d messages in a transaction, this one has %zu", dev->node.name, I2C_RDWR_IOCTL_MAX_MSGS,
                   t->count);
  if (driver && driver->max_before_read && t->count > 1 && t->msgs[0].len > driver->max_before_read)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: %s writes at most %u bytes before a read, this transaction has %u", dev->node.name, driver->module,
                   driver->max_before_read, t->msgs[0].len);
  return PL_OK;
}

struct counted { /* a read whose length the device tells */
  uint8_t extra;  /* bytes beside the data: the count, and the PEC */
  uint8_t pattern;
  uint8_t buf[COUNTED_ROOM];
};

/* Documentation in i2cdev_ioctl_rdwr: buf[0] holds the number of extra bytes, and there is room for those and 32 more. The kernel copies back as many
 * bytes as the driver says it read, so where it leaves the pattern it has read the count alone. */
static void prepare_counted(struct counted *c, bool pec, struct i2c_msg *msg)
{
  c->extra = pec ? 2 : 1;
  memset(c->buf, c->pattern, sizeof c->buf);
  c->buf[0] = c->extra;
  msg->flags |= I2C_M_RECV_LEN;
  msg->len = (uint16_t)(I2C_SMBUS_BLOCK_MAX + c->extra);
  msg->buf = c->buf;
}

static bool is_untouched(const struct counted *c)
{
  for (size_t i = c->extra; i < (size_t)c->buf[0] + c->extra; i++)
    if (c->buf[i] != c->pattern)
      return false;
  return true;
}

static enum pl_status take_counted(struct pl_i2c_dev *dev, const struct counted *c, struct pl_i2c_msg *msg, struct pl_err *err)
{
  char text[128];
  size_t count = c->buf[0], all = count + c->extra;
  if (!count || count > I2C_SMBUS_BLOCK_MAX)
    snprintf(text, sizeof text, "the device tells a block of %zu bytes, expected 1 to %d", count, I2C_SMBUS_BLOCK_MAX);
  else if (all > msg->len)
    snprintf(text, sizeof text, "the device tells a block of %zu bytes, there is room for %u", count, msg->len - c->extra);
  else {
    memcpy(msg->buf, c->buf, all);
    msg->len = (uint16_t)all;
    return PL_OK;
  }
  return fail_at(dev, msg->address, PL_E_GARBAGE, text, err);
}

/* Returns errno of the one I2C_RDWR. */
static int send_list(struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, struct counted *counted)
{
  struct i2c_msg msgs[I2C_RDWR_IOCTL_MAX_MSGS];
  for (size_t i = 0; i < t->count; i++) {
    const struct pl_i2c_msg *msg = &t->msgs[i];
    msgs[i] = (struct i2c_msg){.addr = msg->address, .flags = msg->flags & PL_I2C_READ ? I2C_M_RD : 0, .len = msg->len, .buf = msg->buf};
    if (msg->flags & PL_I2C_RECV_LEN)
      prepare_counted(counted, msg->flags & PL_I2C_PEC, &msgs[i]);
  }
  struct i2c_rdwr_ioctl_data list = {.msgs = msgs, .nmsgs = (uint32_t)t->count};
  return device_ioctl(dev, I2C_RDWR, &list) < 0 ? errno : 0;
}

/* Some drivers claim counted reads and do not know them: once, what came is told from what stood there before by trying two patterns. */
static int send_counted(struct pl_i2c_dev *dev, const struct pl_i2c_transfer *t, struct counted *counted)
{
  static const uint8_t PATTERNS[] = {0xA5, 0x5A};
  int error = 0;
  for (size_t i = 0; i < COUNT(PATTERNS); i++) {
    counted->pattern = PATTERNS[i];
    error = send_list(dev, t, counted);
    if (error || dev->counted_reads_proved || !counted->buf[0] || counted->buf[0] > I2C_SMBUS_BLOCK_MAX)
      return error;
    dev->counted_reads_proved = !is_untouched(counted);
    if (dev->counted_reads_proved)
      return 0;
  }
  return EOPNOTSUPP;
}

static struct pl_i2c_msg *counted_of(const struct pl_i2c_transfer *t, size_t *n)
{
  struct pl_i2c_msg *found = NULL;
  for (size_t i = 0; i < t->count; i++)
    if (t->msgs[i].flags & PL_I2C_RECV_LEN) {
      found = &t->msgs[i];
      ++*n;
    }
  return found;
}

static bool is_hidden_nack(const struct pl_i2c_dev *dev, int error, pl_time_ns start)
{
  return error == ETIMEDOUT && dev->driver && dev->driver->nack_ns && pl_clock_now(dev->clock) - start < dev->driver->nack_ns;
}

static enum pl_status rdwr(struct pl_i2c_dev *dev, struct pl_i2c_transfer *t, struct pl_err *err)
{
  struct counted counted;
  size_t n_counted = 0;
  struct pl_i2c_msg *msg = counted_of(t, &n_counted);
  enum pl_status status = check_limits(dev, t, err);
  if (!status && n_counted > 1)
    status = pl_fail(err, PL_E_UNSUPPORTED, "%s: one counted read in a transaction, not %zu", dev->node.name, n_counted);
  if (!status)
    status = check_addresses(dev, t, err);
  if (status)
    return status;
  pl_time_ns start = dev->driver && dev->driver->nack_ns ? pl_clock_now(dev->clock) : 0;
  int error = msg ? send_counted(dev, t, &counted) : send_list(dev, t, NULL);
  if (is_hidden_nack(dev, error, start))
    error = ENXIO;
  if (error)
    return pl_i2c_dev_fail(dev, t, error, err);
  return msg ? take_counted(dev, &counted, msg, err) : PL_OK;
}

static enum pl_status one(struct pl_i2c_dev *dev, struct pl_i2c_transfer *t, struct pl_err *err)
{
  if (dev->fd < 0)
    return gone(dev, err);
  return dev->functions & I2C_FUNC_I2C ? rdwr(dev, t, err) : pl_i2c_dev_smbus(dev, t, err);
}

/* An ioctl cannot be given a deadline; it ends by the kernel driver's own time-out (`timeout`). */
static enum pl_status transfer(void *self, struct pl_i2c_transfer *list, size_t count, pl_time_ns deadline, struct pl_err *err)
{
  (void)deadline;
  struct pl_err ignored;
  enum pl_status first = PL_OK;
  for (size_t i = 0; i < count; i++) {
    list[i].status = one(self, &list[i], first ? &ignored : err);
    if (!first)
      first = list[i].status;
  }
  return first;
}

static const struct pl_i2c_caps *caps(void *self)
{
  return &((struct pl_i2c_dev *)self)->caps;
}

static const struct pl_i2c_ops ops = {.caps = caps, .transfer = transfer};

/* --- opening --- */

static const char *text_of(const struct pl_values *values, const char *name)
{
  const struct pl_value *value = pl_value(values, name);
  return value->given && *value->text ? value->text : NULL;
}

static enum pl_status find(struct pl_i2c_dev *dev, struct pl_err *err)
{
  const struct pl_sysfs_match match = {
      .title = text_of(dev->values, "bus-name"), .path = text_of(dev->values, "path"), .serial = text_of(dev->values, "serial")};
  const char *port = text_of(dev->values, "port");
  bool any = match.title || match.path || match.serial;
  if (port && any)
    return pl_fail(err, PL_E_USAGE, "`port` says already which bus is meant; leave out name, serial and path, or (better) the port");
  if (!port && !any)
    return pl_fail(err, PL_E_USAGE, "which I2C bus is meant? say its name, serial or path, or its port (/dev/i2c-7)");
  if (!port)
    return pl_sysfs_node_find(dev->os->sys, FOLDER, "i2c-", "I2C bus", &match, &dev->node, err);
  if (strncmp(port, "/dev/i2c-", 9) != 0 || strlen(port + 5) >= sizeof dev->node.name)
    return pl_fail(err, PL_E_USAGE, "'%.60s' is no I2C bus, expected /dev/i2c-NUMBER", port);
  if (!pl_sysfs_node_get(dev->os->sys, FOLDER, port + 5, &dev->node))
    return pl_fail(err, PL_E_GONE, "there is no I2C bus %s (i2cdetect -l lists those that there are)", port);
  return PL_OK;
}

static enum pl_status fail_open(const struct pl_i2c_dev *dev, const char *path, int error, struct pl_err *err)
{
  if (error == ENOENT)
    return pl_fail(err, PL_E_GONE, "the kernel has the bus %s but no %s: modprobe i2c-dev", dev->node.name, path);
  if (error == EACCES || error == EPERM)
    return pl_fail(err, PL_E_IO, "no permission for %s: join the group i2c, or install the udev rules (make install)", path);
  return pl_fail(err, error == ENODEV || error == ENXIO ? PL_E_GONE : PL_E_IO, "cannot open %s: %s", path, strerror(error));
}

static void learn(struct pl_i2c_dev *dev)
{
  dev->driver = NULL;
  for (size_t i = 0; i < COUNT(DRIVERS); i++)
    if (!strncmp(dev->node.title, DRIVERS[i].title, strlen(DRIVERS[i].title)))
      dev->driver = &DRIVERS[i];
  const struct pl_i2c_dev_driver *driver = dev->driver;
  dev->caps = (struct pl_i2c_caps){.flags = PL_I2C_CAP_STRETCH, .max_batch = 1,
                                   .speed_hz = (uint32_t)(pl_value(dev->values, "speed")->number / PL_U)};
  if (!(dev->functions & I2C_FUNC_I2C)) {
    pl_i2c_dev_smbus_caps(dev->functions, &dev->caps);
    return;
  }
  if (!driver || !driver->plain)
    dev->caps.flags |= PL_I2C_CAP_ANY_LIST;
  if (dev->functions & I2C_FUNC_SMBUS_READ_BLOCK_DATA && !(driver && driver->no_counted_reads)) /* linux/i2c.h at I2C_M_RECV_LEN */
    dev->caps.flags |= PL_I2C_CAP_RECV_LEN;
  dev->caps.max_write = driver && driver->max_write ? driver->max_write : MESSAGE_MAX;
  dev->caps.max_read = driver && driver->max_read ? driver->max_read : MESSAGE_MAX;
}

static enum pl_status set_up(struct pl_i2c_dev *dev, struct pl_err *err)
{
  const struct pl_value *timeout = pl_value(dev->values, "timeout"), *retries = pl_value(dev->values, "retries");
  if (device_ioctl(dev, I2C_FUNCS, &dev->functions) < 0)
    return pl_fail_errno(err, "%s does not tell what it can do", dev->node.name);
  if (timeout->given && device_ioctl(dev, I2C_TIMEOUT, (void *)(uintptr_t)((timeout->number + 9999) / 10000)) < 0)
    return pl_fail_errno(err, "%s does not take a time-out", dev->node.name);
  if (retries->given && device_ioctl(dev, I2C_RETRIES, (void *)(uintptr_t)retries->number) < 0)
    return pl_fail_errno(err, "%s does not take a number of retries", dev->node.name);
  learn(dev);
  if (!(dev->functions & (I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL_ALL)))
    return pl_fail(err, PL_E_UNSUPPORTED, "%s (%.60s) can neither I2C nor SMBus (its functions: 0x%08lx)", dev->node.name, dev->node.title, dev->functions);
  return PL_OK;
}

/* After it fd is open, or -1. */
static enum pl_status open_bus(struct pl_i2c_dev *dev, struct pl_err *err)
{
  char path[48];
  let_go(dev);
  dev->slave = -1;
  dev->functions = 0;
  dev->counted_reads_proved = false;
  memset(dev->asked, 0, sizeof dev->asked);
  enum pl_status status = find(dev, err);
  if (status)
    return status;
  snprintf(path, sizeof path, "/dev/%s", dev->node.name);
  status = pl_lock_take(path, &dev->lock, err);
  if (!status && (dev->fd = dev->os->open(dev->os->ctx, path)) < 0)
    status = fail_open(dev, path, errno, err);
  if (!status)
    status = set_up(dev, err);
  if (status)
    let_go(dev);
  return status;
}

static enum pl_status reopen(void *self, struct pl_err *err)
{
  return open_bus(self, err);
}

/* An open node holds up the kernel: the adapter is only removed, and its USB hub served again, when the last one has let go. */
static enum pl_status look(void *self, struct pl_err *err)
{
  struct pl_i2c_dev *dev = self;
  return dev->fd < 0 || is_there(dev) ? PL_OK : gone(dev, err);
}

static void close_adapter(void *self)
{
  let_go(self);
  free(self);
}

enum pl_status pl_i2c_dev_open(struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_i2c_dev_os *os, struct pl_err *err)
{
  struct pl_i2c_dev *dev = calloc(1, sizeof *dev);
  if (!dev)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the adapter of %s", args->bus_name);
  *dev = (struct pl_i2c_dev){.os = os, .clock = pl_bus_clock(bus), .values = args->values, .fd = -1};
  enum pl_status status = open_bus(dev, err);
  if (status) {
    free(dev);
    return status;
  }
  pl_bus_attach(bus, &ops, dev, close_adapter, false);
  pl_bus_set_reopen(bus, reopen);
  pl_bus_set_look(bus, look);
  return PL_OK;
}

static int os_open(void *ctx, const char *path)
{
  (void)ctx;
  return open(path, O_RDWR | O_CLOEXEC);
}

static int os_ioctl(void *ctx, int fd, unsigned long request, void *argument)
{
  (void)ctx;
  return ioctl(fd, request, argument);
}

static void os_close(void *ctx, int fd)
{
  (void)ctx;
  close(fd);
}

static enum pl_status open_adapter(struct pl_bus *bus, const struct pl_adapter_args *args, struct pl_err *err)
{
  static const struct pl_i2c_dev_os LINUX = {.open = os_open, .ioctl = os_ioctl, .close = os_close, .sys = "/sys"};
  return pl_i2c_dev_open(bus, args, &LINUX, err);
}

const struct pl_adapter_desc pl_adapter_i2c_dev = {
    .name = "i2c-dev",
    .about = "an I2C bus of a Linux kernel driver, through /dev/i2c-N",
    .maturity = PL_BETA,
    .kind = PL_BUS_I2C,
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .open = open_adapter,
};
