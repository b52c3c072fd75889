/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/serial_port.h"
#include "drivers/bus/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

static const struct {
  int baud;
  speed_t speed;
} SPEEDS[] = {{1200, B1200},   {2400, B2400},   {4800, B4800},     {9600, B9600},     {19200, B19200},   {38400, B38400},
              {57600, B57600}, {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600}};
#define N_SPEEDS (sizeof SPEEDS / sizeof SPEEDS[0])

static bool speed_of(int baud, speed_t *speed)
{
  for (size_t i = 0; i < N_SPEEDS; i++)
    if (SPEEDS[i].baud == baud) {
      *speed = SPEEDS[i].speed;
      return true;
    }
  return false;
}

int pl_serial_baud(int fd)
{
  struct termios settings;
  bool known = !tcgetattr(fd, &settings);
  for (size_t i = 0; i < N_SPEEDS && known; i++)
    if (SPEEDS[i].speed == cfgetospeed(&settings))
      return SPEEDS[i].baud;
  return 0;
}

enum pl_status pl_serial_check_baud(int baud, struct pl_err *err)
{
  speed_t ignored;
  if (speed_of(baud, &ignored))
    return PL_OK;
  return pl_fail(err, PL_E_UNSUPPORTED, "%d baud is no rate of a serial port, expected one of 1200, 2400, ... 115200, 230400, 460800, 921600", baud);
}

/* A pseudo-terminal has no line, so no parity: Linux takes it off without a word. */
static bool is_pty(int fd)
{
  struct stat what;
  return !fstat(fd, &what) && major(what.st_rdev) >= 136 && major(what.st_rdev) <= 143; /* Documentation/admin-guide/devices.txt: Unix98 PTY slaves */
}

enum pl_status pl_serial_set(int fd, const struct pl_modbus_line *line, const char *name, struct pl_err *err)
{
  speed_t speed = B0;
  enum pl_status status = pl_serial_check_baud(line->baud, err);
  if (status)
    return status;
  (void)speed_of(line->baud, &speed);
  struct termios want, got;
  if (tcgetattr(fd, &want))
    return pl_fail(err, errno == EIO || errno == ENODEV ? PL_E_GONE : PL_E_IO, "cannot read the settings of the serial port %s: %s", name, strerror(errno));
  cfsetspeed(&want, speed);
  want.c_cflag &= ~(tcflag_t)(PARENB | PARODD | CSTOPB);
  want.c_cflag |= (tcflag_t)((line->parity == 'N' ? 0 : line->parity == 'E' ? PARENB : PARENB | PARODD) | (line->stop_bits == 2 ? CSTOPB : 0));
  bool refused = tcsetattr(fd, TCSADRAIN, &want) && errno != EINVAL; /* EINVAL: some of it was not taken; which, is seen below */
  if (refused || tcgetattr(fd, &got))
    return pl_fail(err, errno == EIO || errno == ENODEV ? PL_E_GONE : PL_E_IO, "cannot set up the serial port %s: %s", name, strerror(errno));
  tcflag_t format = is_pty(fd) ? 0 : PARENB | PARODD | CSTOPB;
  if (cfgetospeed(&got) != speed || (got.c_cflag & format) != (want.c_cflag & format))
    return pl_fail(err, PL_E_UNSUPPORTED, "the serial port %s does not take %d baud, parity %c, %d stop bit%s", name, line->baud, line->parity, line->stop_bits,
                   line->stop_bits == 1 ? "" : "s");
  return PL_OK;
}

enum pl_status pl_serial_rs485(int fd, uint32_t before_ms, uint32_t after_ms, const char *name, struct pl_err *err)
{
  struct serial_rs485 set = {.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND, .delay_rts_before_send = before_ms, .delay_rts_after_send = after_ms}, got = {0};
  if (ioctl(fd, TIOCSRS485, &set) || ioctl(fd, TIOCGRS485, &got))
    return pl_fail(err, PL_E_UNSUPPORTED,
                   "the driver of %s cannot switch an RS-485 transceiver (%s); a USB adapter does that by itself: leave `rs485` out for one", name, strerror(errno));
  if (!(got.flags & SER_RS485_ENABLED) || got.delay_rts_before_send != before_ms || got.delay_rts_after_send != after_ms)
    return pl_fail(err, PL_E_UNSUPPORTED, "the driver of %s takes RS-485 delays of %u and %u ms, not %u and %u", name, got.delay_rts_before_send,
                   got.delay_rts_after_send, before_ms, after_ms);
  return PL_OK;
}

bool pl_serial_low_latency(int fd)
{
  struct serial_struct serial;
  if (ioctl(fd, TIOCGSERIAL, &serial))
    return false;
  serial.flags |= (int)ASYNC_LOW_LATENCY;
  return ioctl(fd, TIOCSSERIAL, &serial) == 0;
}

/* --- USB serial ports, from sysfs --- */

static int read_number(const char *folder, const char *name, int base)
{
  char text[32];
  pl_sysfs_read("", folder, name, text, sizeof text);
  return *text ? (int)strtol(text, NULL, base) : -1;
}

/* Goes up from a port's device to its USB interface, whose parent is the USB device. */
static bool describe(const char *root, const char *tty, struct pl_serial_info *info)
{
  char link[PATH_MAX], at[PATH_MAX];
  snprintf(link, sizeof link, "%s/class/tty/%s/device", root, tty);
  if (!realpath(link, at))
    return false;
  *info = (struct pl_serial_info){.interface = -1};
  snprintf(info->node, sizeof info->node, "/dev/%.40s", tty);
  size_t stop = strlen(root);
  while (strlen(at) > stop && (info->interface = read_number(at, "bInterfaceNumber", 16)) < 0)
    *strrchr(at, '/') = 0;
  if (info->interface < 0)
    return false; /* no USB port */
  char driver[PATH_MAX + 16];
  snprintf(driver, sizeof driver, "%s/driver", at);
  pl_sysfs_link("", driver, info->driver, sizeof info->driver);
  *strrchr(at, '/') = 0;
  snprintf(info->path, sizeof info->path, "%.31s", strrchr(at, '/') + 1);
  pl_sysfs_read("", at, "serial", info->serial, sizeof info->serial);
  pl_sysfs_read("", at, "product", info->product, sizeof info->product);
  info->vendor = (uint16_t)read_number(at, "idVendor", 16);
  info->product_id = (uint16_t)read_number(at, "idProduct", 16);
  return true;
}

void pl_serial_list(const char *root, void (*fn)(void *ctx, const struct pl_serial_info *info), void *ctx)
{
  char folder[PATH_MAX];
  struct dirent **names;
  snprintf(folder, sizeof folder, "%s/class/tty", root);
  int count = scandir(folder, &names, NULL, versionsort);
  for (int i = 0; i < count; i++) {
    struct pl_serial_info info;
    if (names[i]->d_name[0] != '.' && describe(root, names[i]->d_name, &info))
      fn(ctx, &info);
    free(names[i]);
  }
  if (count >= 0)
    free(names);
}

struct search {
  const char *serial, *path;
  int interface, found;
  struct pl_serial_info first;
  char there[300], matches[200];
};

static void consider(void *ctx, const struct pl_serial_info *info)
{
  struct search *s = ctx;
  size_t used = strlen(s->there);
  snprintf(s->there + used, sizeof s->there - used, "%s%s (serial %s, path %s, interface %d)", used ? ", " : "", info->node, *info->serial ? info->serial : "none",
           info->path, info->interface);
  if ((s->serial && strcmp(s->serial, info->serial) != 0) || (s->path && strcmp(s->path, info->path) != 0) ||
      (s->interface >= 0 && s->interface != info->interface))
    return;
  used = strlen(s->matches);
  snprintf(s->matches + used, sizeof s->matches - used, "%s%s (path %s, interface %d)", used ? ", " : "", info->node, info->path, info->interface);
  if (!s->found++)
    s->first = *info;
}

enum pl_status pl_serial_find(const char *root, const char *serial, const char *path, int interface, char *node, size_t size, struct pl_err *err)
{
  struct search s = {.serial = serial, .path = path, .interface = interface};
  char what[160], which[24] = "";
  pl_serial_list(root, consider, &s);
  if (interface >= 0)
    snprintf(which, sizeof which, ", interface %d", interface);
  snprintf(what, sizeof what, "USB serial port with %s %.60s%s", serial ? "serial number" : "path", serial ? serial : path ? path : "any", which);
  if (!s.found)
    return pl_fail(err, PL_E_GONE, "there is no %s; %s%s", what, *s.there ? "there are " : "there is no USB serial port at all", s.there);
  if (s.found > 1)
    return pl_fail(err, PL_E_USAGE, "there are %d: %s; say which by path or interface (%s)", s.found, what, s.matches);
  snprintf(node, size, "%s", s.first.node);
  return PL_OK;
}
