/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb.h"
#include "drivers/bus/lock.h"

#include <libusb.h>
#include <string.h>
#include <sys/stat.h>

#define FRESH_NS (2 * PL_S)  /* udev may still be giving a new device its permissions (libusb issue 1586) */
#define RETRY_NS (50 * PL_MS)
#define PORTS_MAX 7          /* USB 2.0 section 4.1.1: tiers */
#define LIST_ROOM 300        /* of a sentence, for the devices that are there */

struct pl_usb {
  struct pl_clock *clock;
  libusb_context *context;
  libusb_device_handle *handle;
  struct pl_lock *lock;
  struct pl_usb_info info;
  int interface;
  bool claimed, detached;
  uint16_t interrupt_in, interrupt_out; /* a bit an endpoint number: interrupt, not bulk */
  char what[32], where[160];
};

struct found { /* a device that is plugged in */
  libusb_device *device;
  libusb_device_handle *handle; /* once its strings were read */
  struct pl_usb_info info;
  int refused; /* why it could not be opened: a libusb error; 0 when it could */
};

struct search {
  libusb_device **list;
  struct found *found;
  size_t count;
};

/* --- what is plugged in --- */

/* "1-2.3": bus, then the ports from the root on, as the kernel names devices. A root hub is "usb1". */
static void path_of(libusb_device *device, char *path, size_t size)
{
  uint8_t ports[PORTS_MAX];
  int n = libusb_get_port_numbers(device, ports, PORTS_MAX), bus = libusb_get_bus_number(device);
  if (n <= 0) {
    snprintf(path, size, "usb%d", bus);
    return;
  }
  size_t used = (size_t)snprintf(path, size, "%d-%d", bus, ports[0]);
  for (int i = 1; i < n && used < size; i++)
    used += (size_t)snprintf(path + used, size - used, ".%d", ports[i]);
}

static void read_string(libusb_device_handle *handle, uint8_t index, char *text, size_t size)
{
  unsigned char raw[256];
  int n = index ? libusb_get_string_descriptor_ascii(handle, index, raw, sizeof raw) : 0;
  size_t len = 0;
  for (; n > 0 && len < (size_t)n && len + 1 < size; len++)
    text[len] = raw[len] >= ' ' && raw[len] < 0x7f ? (char)raw[len] : '?'; /* what a firmware says goes into sentences and keys */
  text[len] = '\0';
}

static void read_strings(struct found *found)
{
  struct libusb_device_descriptor desc;
  if (found->handle || libusb_get_device_descriptor(found->device, &desc))
    return;
  found->refused = libusb_open(found->device, &found->handle);
  if (found->refused)
    return;
  read_string(found->handle, desc.iSerialNumber, found->info.serial, sizeof found->info.serial);
  read_string(found->handle, desc.iProduct, found->info.product, sizeof found->info.product);
  read_string(found->handle, desc.iManufacturer, found->info.manufacturer, sizeof found->info.manufacturer);
  found->info.readable = true;
}

static void close_found(struct found *found)
{
  if (found->handle)
    libusb_close(found->handle);
  found->handle = NULL;
}

static int by_path(const void *a, const void *b)
{
  return strverscmp(((const struct found *)a)->info.path, ((const struct found *)b)->info.path); /* 1-2 before 1-10 */
}

static void end_search(struct search *search)
{
  for (size_t i = 0; i < search->count; i++)
    close_found(&search->found[i]);
  free(search->found);
  if (search->list)
    libusb_free_device_list(search->list, 1);
  *search = (struct search){0};
}

static enum pl_status begin_search(libusb_context *context, struct search *search, struct pl_err *err)
{
  *search = (struct search){0};
  ssize_t n = libusb_get_device_list(context, &search->list);
  if (n < 0)
    return pl_fail(err, PL_E_IO, "cannot list the USB devices of this machine: %s", libusb_strerror((int)n));
  search->found = calloc((size_t)n + 1, sizeof *search->found);
  if (!search->found) {
    end_search(search);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the list of USB devices");
  }
  for (ssize_t i = 0; i < n; i++) {
    struct libusb_device_descriptor desc;
    if (libusb_get_device_descriptor(search->list[i], &desc))
      continue;
    struct found *found = &search->found[search->count++];
    *found = (struct found){.device = search->list[i], .info = {.id = {desc.idVendor, desc.idProduct}, .release = desc.bcdDevice}};
    path_of(found->device, found->info.path, sizeof found->info.path);
  }
  qsort(search->found, search->count, sizeof *search->found, by_path);
  return PL_OK;
}

enum pl_status pl_usb_list(void (*fn)(void *ctx, const struct pl_usb_info *info), void *ctx, struct pl_err *err)
{
  libusb_context *context = NULL;
  struct search search = {0};
  int code = libusb_init(&context);
  if (code)
    return pl_fail(err, PL_E_IO, "cannot start libusb: %s", libusb_strerror(code));
  enum pl_status status = begin_search(context, &search, err);
  for (size_t i = 0; i < search.count; i++) {
    read_strings(&search.found[i]);
    close_found(&search.found[i]);
    fn(ctx, &search.found[i].info);
  }
  end_search(&search);
  libusb_exit(context);
  return status;
}

/* --- the one that is meant --- */

static bool is_kind(const struct pl_usb_match *match, const struct pl_usb_info *info)
{
  for (size_t i = 0; i < match->n_ids; i++)
    if (match->ids[i].vendor == info->id.vendor && match->ids[i].product == info->id.product)
      return true;
  return !match->n_ids;
}

static bool is_meant(const struct pl_usb_match *match, const struct pl_usb_info *info)
{
  return is_kind(match, info) && (!match->path || !strcmp(match->path, info->path)) && (!match->serial || !strcmp(match->serial, info->serial));
}

static const char *name_of(const struct pl_usb_match *match, const struct pl_usb_info *info, char *room, size_t size)
{
  const char *serial = info->serial[0] ? info->serial : info->readable ? "without a serial number" : "that may not be opened";
  if (is_kind(match, info))
    snprintf(room, size, "%s %s at %s", match->what, serial, info->path);
  else
    snprintf(room, size, "%04x:%04x %.30s %s at %s", info->id.vendor, info->id.product, info->product, serial, info->path);
  return room;
}

/* "CP2112 0012AB34 at 1-2, ...": those of the kind, or those that are meant. */
static const char *names_of(const struct pl_usb_match *match, const struct search *search, bool meant, char *room, size_t size)
{
  size_t used = 0;
  room[0] = '\0';
  for (size_t i = 0; i < search->count && used + 60 < size; i++) {
    char name[160];
    const struct pl_usb_info *info = &search->found[i].info;
    if (meant ? is_meant(match, info) : is_kind(match, info))
      used += (size_t)snprintf(room + used, size - used, "%s%.100s", used ? ", " : "", name_of(match, info, name, sizeof name));
  }
  return room;
}

/* What was asked for: "CP2112 with serial 0012AB34 at path 1-2". */
static const char *asked(const struct pl_usb_match *match, char *room, size_t size)
{
  snprintf(room, size, "%s%s%.60s%s%.30s", match->what, match->serial ? " with serial " : "", match->serial ? match->serial : "",
           match->path ? " at path " : "", match->path ? match->path : "");
  return room;
}

static enum pl_status fail_gone(const struct pl_usb_match *match, struct search *search, struct pl_err *err)
{
  char what[160], other[160], list[LIST_ROOM];
  asked(match, what, sizeof what);
  for (size_t i = 0; i < search->count; i++) { /* another thing in its place, or its serial on another kind */
    struct found *found = &search->found[i];
    bool there = match->path && !strcmp(match->path, found->info.path);
    if (!there && (match->path || !match->serial || is_kind(match, &found->info)))
      continue;
    read_strings(found);
    if (there || !strcmp(match->serial, found->info.serial))
      return pl_fail(err, PL_E_GONE, "there is no %s: there is %s", what, name_of(match, &found->info, other, sizeof other));
  }
  for (size_t i = 0; i < search->count; i++)
    if (is_kind(match, &search->found[i].info))
      read_strings(&search->found[i]);
  names_of(match, search, false, list, sizeof list);
  if (!list[0])
    return pl_fail(err, PL_E_GONE, "there is no %s, and no other %s; plug it in", what, match->what);
  return pl_fail(err, PL_E_GONE, "there is no %s; there is %s", what, list);
}

static enum pl_status fail_access(const struct pl_usb_match *match, const struct pl_usb_info *info, struct pl_err *err)
{
  return pl_fail(err, PL_E_IO,
                 "no permission to open %s at %s; put SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%04x\", ATTR{idProduct}==\"%04x\", MODE=\"0660\", "
                 "GROUP=\"plugdev\", TAG+=\"uaccess\" into /etc/udev/rules.d (make install does), join plugdev and plug it in again",
                 match->what, info->path, info->id.vendor, info->id.product);
}

/* *meant: the one device, also with PL_E_IO when it may not be opened. */
static enum pl_status choose(const struct pl_usb_match *match, struct search *search, struct found **meant, struct pl_err *err)
{
  struct found *denied = NULL;
  size_t n = 0;
  *meant = NULL;
  for (size_t i = 0; i < search->count; i++) {
    struct found *found = &search->found[i];
    if (!is_kind(match, &found->info) || (match->path && strcmp(match->path, found->info.path)))
      continue;
    read_strings(found);
    if (found->refused)
      denied = found;
    if (is_meant(match, &found->info)) {
      *meant = found;
      n++;
    }
  }
  if (n > 1) {
    char what[160], list[LIST_ROOM];
    return pl_fail(err, PL_E_USAGE, "%zu devices are %s: %s; name one by its path%s", n, asked(match, what, sizeof what),
                   names_of(match, search, true, list, sizeof list), match->serial ? " (a serial number that two bear names neither)" : " or serial");
  }
  if (!n)
    *meant = denied; /* it may be the one: its serial cannot be read */
  if (*meant && (*meant)->refused == LIBUSB_ERROR_ACCESS)
    return fail_access(match, &(*meant)->info, err);
  if (*meant && (*meant)->refused)
    return pl_fail(err, (*meant)->refused == LIBUSB_ERROR_NO_DEVICE ? PL_E_GONE : PL_E_IO, "cannot open %s at %s: %s", match->what, (*meant)->info.path,
                   libusb_strerror((*meant)->refused));
  return n ? PL_OK : fail_gone(match, search, err);
}

/* Whether the device came less than 2 s ago, by the age of its node. */
static bool is_fresh(struct pl_clock *clock, const struct found *found)
{
  char node[64];
  struct stat st;
  if (!found || found->refused != LIBUSB_ERROR_ACCESS || pl_clock_is_virtual(clock))
    return false;
  snprintf(node, sizeof node, "/dev/bus/usb/%03u/%03u", libusb_get_bus_number(found->device), libusb_get_device_address(found->device));
  if (stat(node, &st))
    return true; /* not even made */
  int64_t age_ns = pl_clock_wall_ns(clock, pl_clock_now(clock)) - ((int64_t)st.st_ctim.tv_sec * PL_S + st.st_ctim.tv_nsec);
  return age_ns < FRESH_NS;
}

static enum pl_status find(struct pl_usb *usb, const struct pl_usb_match *match, struct pl_err *err)
{
  for (pl_time_ns end = pl_clock_now(usb->clock) + FRESH_NS;;) {
    struct search search;
    struct found *meant = NULL;
    enum pl_status status = begin_search(usb->context, &search, err);
    if (!status)
      status = choose(match, &search, &meant, err);
    bool again = status && pl_clock_now(usb->clock) < end && is_fresh(usb->clock, meant);
    if (!status) {
      usb->info = meant->info;
      usb->handle = meant->handle;
      meant->handle = NULL;
    }
    end_search(&search);
    if (!again)
      return status;
    pl_clock_sleep_until(usb->clock, pl_clock_now(usb->clock) + RETRY_NS);
  }
}

/* --- open and close --- */

static enum pl_status take_lock(struct pl_usb *usb, struct pl_err *err)
{
  char key[160];
  const struct pl_usb_info *info = &usb->info;
  if (info->serial[0])
    snprintf(key, sizeof key, "usb:%04x:%04x:%s:if%d", info->id.vendor, info->id.product, info->serial, usb->interface);
  else
    snprintf(key, sizeof key, "usb:%s:if%d", info->path, usb->interface);
  enum pl_status status = pl_lock_take(key, &usb->lock, err);
  if (status)
    pl_err_prefix(err, "%s", usb->where);
  return status;
}

static void learn_endpoints(struct pl_usb *usb)
{
  struct libusb_config_descriptor *config = NULL;
  if (libusb_get_active_config_descriptor(libusb_get_device(usb->handle), &config))
    return; /* bulk then; Linux takes that for interrupt endpoints too */
  for (int i = 0; i < config->bNumInterfaces; i++)
    for (int a = 0; a < config->interface[i].num_altsetting; a++) {
      const struct libusb_interface_descriptor *alt = &config->interface[i].altsetting[a];
      for (int e = 0; e < alt->bNumEndpoints; e++) {
        const struct libusb_endpoint_descriptor *ep = &alt->endpoint[e];
        uint16_t *set = ep->bEndpointAddress & LIBUSB_ENDPOINT_IN ? &usb->interrupt_in : &usb->interrupt_out;
        if ((ep->bmAttributes & 3) == LIBUSB_TRANSFER_TYPE_INTERRUPT)
          *set |= (uint16_t)(1u << (ep->bEndpointAddress & 15));
      }
    }
  libusb_free_config_descriptor(config);
}

static enum pl_status claim(struct pl_usb *usb, struct pl_err *err)
{
  if (libusb_kernel_driver_active(usb->handle, usb->interface) == 1) {
    int code = libusb_detach_kernel_driver(usb->handle, usb->interface);
    if (code && code != LIBUSB_ERROR_NOT_FOUND)
      return pl_usb_fail(usb, code, "taking it from its kernel driver", err);
    usb->detached = !code;
  }
  int code = libusb_claim_interface(usb->handle, usb->interface);
  if (code == LIBUSB_ERROR_BUSY)
    return pl_fail(err, PL_E_LOCKED, "%s: interface %d is in use by another program or driver; end that program first", usb->where, usb->interface);
  if (code)
    return pl_usb_fail(usb, code, "claiming its interface", err);
  usb->claimed = true;
  learn_endpoints(usb);
  return PL_OK;
}

enum pl_status pl_usb_open(const struct pl_usb_match *match, struct pl_clock *clock, struct pl_usb **out, struct pl_err *err)
{
  struct pl_usb *usb = calloc(1, sizeof *usb);
  if (!usb)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", match->what);
  usb->clock = clock;
  usb->interface = match->interface;
  snprintf(usb->what, sizeof usb->what, "%s", match->what);
  int code = libusb_init(&usb->context);
  enum pl_status status = code ? pl_fail(err, PL_E_IO, "cannot start libusb for %s: %s", match->what, libusb_strerror(code)) : find(usb, match, err);
  if (!status) {
    snprintf(usb->where, sizeof usb->where, "%s%s%s at %s", usb->what, usb->info.serial[0] ? " " : "", usb->info.serial, usb->info.path);
    status = match->interface < 0 ? PL_OK : take_lock(usb, err);
  }
  if (!status && match->interface >= 0)
    status = claim(usb, err);
  if (status) {
    pl_usb_close(usb);
    return status;
  }
  *out = usb;
  return PL_OK;
}

void pl_usb_close(struct pl_usb *usb)
{
  if (!usb)
    return;
  if (usb->claimed)
    libusb_release_interface(usb->handle, usb->interface);
  if (usb->detached)
    libusb_attach_kernel_driver(usb->handle, usb->interface);
  if (usb->handle)
    libusb_close(usb->handle);
  pl_lock_release(usb->lock);
  if (usb->context)
    libusb_exit(usb->context);
  free(usb);
}

const char *pl_usb_where(const struct pl_usb *usb)
{
  return usb->where;
}

const struct pl_usb_info *pl_usb_info(const struct pl_usb *usb)
{
  return &usb->info;
}

void *pl_usb_handle(struct pl_usb *usb)
{
  return usb->handle;
}

void *pl_usb_context(struct pl_usb *usb)
{
  return usb->context;
}

/* --- transfers --- */

enum pl_status pl_usb_fail(const struct pl_usb *usb, int libusb_error, const char *what, struct pl_err *err)
{
  static const struct {
    int code;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {LIBUSB_ERROR_NO_DEVICE, PL_E_GONE, "unplugged"},
      {LIBUSB_ERROR_NOT_FOUND, PL_E_UNSUPPORTED, "the device has no such interface or endpoint"},
      {LIBUSB_ERROR_PIPE, PL_E_NACK, "refused by the device (stall)"},
      {LIBUSB_ERROR_TIMEOUT, PL_E_TIMEOUT, "no answer before the deadline"},
      {LIBUSB_ERROR_OVERFLOW, PL_E_GARBAGE, "the device sent more than was asked for"},
      {LIBUSB_ERROR_ACCESS, PL_E_IO, "no permission"},
      {LIBUSB_ERROR_NO_MEM, PL_E_NOMEM, "out of memory"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
    if (ROWS[i].code == libusb_error)
      return pl_fail(err, ROWS[i].status, "%s: %s: %s", usb->where, what, ROWS[i].text);
  return pl_fail(err, PL_E_IO, "%s: %s: %s", usb->where, what, libusb_strerror(libusb_error));
}

/* What is left of the deadline for libusb, which takes 0 for ever; 0 when nothing is. */
static unsigned left_ms(const struct pl_usb *usb, pl_time_ns deadline)
{
  pl_time_ns left = deadline - pl_clock_now(usb->clock);
  if (left <= 0)
    return 0;
  return left > 3600 * PL_S ? 3600 * 1000u : (unsigned)((left + PL_MS - 1) / PL_MS);
}

enum pl_status pl_usb_control(struct pl_usb *usb, uint8_t request_type, uint8_t request, uint16_t value, uint16_t index, uint8_t *data, size_t len,
                              pl_time_ns deadline, size_t *done, struct pl_err *err)
{
  char what[48];
  unsigned ms = left_ms(usb, deadline);
  if (done)
    *done = 0;
  if (len > UINT16_MAX)
    return pl_fail(err, PL_E_USAGE, "%s: a control transfer of %zu bytes; the most is 65535", usb->where, len);
  int n = ms ? libusb_control_transfer(usb->handle, request_type, request, value, index, data, (uint16_t)len, ms) : LIBUSB_ERROR_TIMEOUT;
  if (n < 0) {
    snprintf(what, sizeof what, "control request 0x%02x", request);
    return pl_usb_fail(usb, n, what, err);
  }
  if (!(request_type & LIBUSB_ENDPOINT_IN) && (size_t)n != len)
    return pl_fail(err, PL_E_SHORT, "%s: control request 0x%02x took %d of %zu bytes", usb->where, request, n, len);
  if (done)
    *done = (size_t)n;
  return PL_OK;
}

enum pl_status pl_usb_transfer(struct pl_usb *usb, uint8_t endpoint, uint8_t *data, size_t len, pl_time_ns deadline, size_t *done, struct pl_err *err)
{
  bool in = endpoint & LIBUSB_ENDPOINT_IN;
  unsigned ms = left_ms(usb, deadline);
  int moved = 0, code = LIBUSB_ERROR_TIMEOUT;
  char what[48];
  snprintf(what, sizeof what, "%s endpoint 0x%02x", in ? "reading" : "writing", endpoint);
  if (done)
    *done = 0;
  if (len > INT32_MAX)
    return pl_fail(err, PL_E_USAGE, "%s: %s: %zu bytes are too many for one transfer", usb->where, what, len);
  if (ms) { /* at the time-out libusb cancels the transfer and waits until the kernel gave it back: nothing stays behind */
    bool interrupt = ((in ? usb->interrupt_in : usb->interrupt_out) >> (endpoint & 15)) & 1;
    code = interrupt ? libusb_interrupt_transfer(usb->handle, endpoint, data, (int)len, &moved, ms)
                     : libusb_bulk_transfer(usb->handle, endpoint, data, (int)len, &moved, ms);
  }
  if (done)
    *done = (size_t)moved;
  if (code == LIBUSB_ERROR_PIPE) /* the halt stays until it is cleared: USB 2.0 section 5.8.5 */
    libusb_clear_halt(usb->handle, endpoint);
  if (code)
    return pl_usb_fail(usb, code, what, err);
  if (!in && (size_t)moved != len)
    return pl_fail(err, PL_E_SHORT, "%s: %s took %d of %zu bytes", usb->where, what, moved, len);
  return PL_OK;
}
