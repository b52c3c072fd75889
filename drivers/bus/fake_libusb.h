/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_LIBUSB_H
#define PL_BUS_FAKE_LIBUSB_H

/*
 * libusb for unit tests: what our USB code calls of it, over devices whose firmware is a test's function. Included by one C file of a test program, whose
 * functions stand before the library's. Time-outs come at once: a test waits for nothing.
 */
#include <libusb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FAKE_USB_MAX 8
#define FAKE_INTERFACES 4

struct fake_usb { /* a device; a test's, zero-initialised */
  uint16_t vendor, product_id, release;
  const char *path, *serial, *product, *maker; /* path "1-2.3" */
  bool out;                                    /* unplugged */
  int access_refused;                          /* times that opening is refused still */
  bool driver[FAKE_INTERFACES];                /* a kernel driver is bound */
  bool taken[FAKE_INTERFACES];                 /* claimed by somebody else */
  /* firmware: bytes moved or a LIBUSB_ERROR_*; setup[8] as on the wire */
  int (*control)(struct fake_usb *dev, const uint8_t *setup, uint8_t *data, int len);
  int (*transfer)(struct fake_usb *dev, uint8_t endpoint, uint8_t *data, int len, int *moved);
  void *firmware;
  /* what happened */
  int handles, opens, claims, detaches, attaches, halts_cleared, bulks, interrupts;
  bool claimed[FAKE_INTERFACES];
  unsigned last_timeout_ms;
};

static struct fake_usb *fake_usbs[FAKE_USB_MAX];
static int fake_contexts, fake_lists;

static inline void fake_plug(struct fake_usb *dev)
{
  for (int i = 0; i < FAKE_USB_MAX; i++)
    if (!fake_usbs[i]) {
      fake_usbs[i] = dev;
      return;
    }
  fail_msg("too many fake devices");
}

static inline int fake_reset(void **state) /* before each test: one that failed left its devices */
{
  (void)state;
  memset(fake_usbs, 0, sizeof fake_usbs);
  fake_contexts = fake_lists = 0;
  return 0;
}

static inline void fake_unplug_all(void) /* and nothing is left open */
{
  for (int i = 0; i < FAKE_USB_MAX; i++) {
    if (fake_usbs[i])
      assert_int_equal(fake_usbs[i]->handles, 0);
    fake_usbs[i] = NULL;
  }
  assert_int_equal(fake_contexts, 0);
  assert_int_equal(fake_lists, 0);
}

static inline struct fake_usb *fake_of(void *device_or_handle)
{
  return device_or_handle; /* a device and its handle are the fake itself */
}

int libusb_init(libusb_context **ctx)
{
  fake_contexts++;
  *ctx = (libusb_context *)&fake_contexts;
  return 0;
}

void libusb_exit(libusb_context *ctx)
{
  assert_ptr_equal(ctx, &fake_contexts);
  fake_contexts--;
}

ssize_t libusb_get_device_list(libusb_context *ctx, libusb_device ***list)
{
  (void)ctx;
  ssize_t n = 0;
  *list = calloc(FAKE_USB_MAX + 1, sizeof **list);
  fake_lists++;
  for (int i = 0; i < FAKE_USB_MAX; i++)
    if (fake_usbs[i] && !fake_usbs[i]->out)
      (*list)[n++] = (libusb_device *)fake_usbs[i];
  return n;
}

void libusb_free_device_list(libusb_device **list, int unref)
{
  assert_int_equal(unref, 1);
  fake_lists--;
  free(list);
}

int libusb_get_device_descriptor(libusb_device *device, struct libusb_device_descriptor *desc)
{
  const struct fake_usb *dev = fake_of(device);
  *desc = (struct libusb_device_descriptor){.idVendor = dev->vendor, .idProduct = dev->product_id, .bcdDevice = dev->release,
                                            .iManufacturer = dev->maker ? 1 : 0, .iProduct = dev->product ? 2 : 0, .iSerialNumber = dev->serial ? 3 : 0};
  return 0;
}

uint8_t libusb_get_bus_number(libusb_device *device)
{
  return (uint8_t)strtol(fake_of(device)->path + (fake_of(device)->path[0] == 'u' ? 3 : 0), NULL, 10);
}

uint8_t libusb_get_device_address(libusb_device *device)
{
  (void)device;
  return 255; /* no such node */
}

int libusb_get_port_numbers(libusb_device *device, uint8_t *ports, int room)
{
  const char *at = strchr(fake_of(device)->path, '-');
  int n = 0;
  for (; at && n < room; at = strchr(at + 1, '.'))
    ports[n++] = (uint8_t)strtol(at + 1, NULL, 10);
  return n;
}

int libusb_open(libusb_device *device, libusb_device_handle **handle)
{
  struct fake_usb *dev = fake_of(device);
  if (dev->out)
    return LIBUSB_ERROR_NO_DEVICE;
  if (dev->access_refused) {
    dev->access_refused--;
    return LIBUSB_ERROR_ACCESS;
  }
  dev->handles++;
  dev->opens++;
  *handle = (libusb_device_handle *)dev;
  return 0;
}

void libusb_close(libusb_device_handle *handle)
{
  fake_of(handle)->handles--;
}

libusb_device *libusb_get_device(libusb_device_handle *handle)
{
  return (libusb_device *)handle;
}

int libusb_get_string_descriptor_ascii(libusb_device_handle *handle, uint8_t index, unsigned char *data, int length)
{
  const struct fake_usb *dev = fake_of(handle);
  const char *text = index == 1 ? dev->maker : index == 2 ? dev->product : dev->serial;
  int n = (int)strlen(text) < length ? (int)strlen(text) : length;
  memcpy(data, text, (size_t)n);
  return n;
}

int libusb_kernel_driver_active(libusb_device_handle *handle, int interface)
{
  return fake_of(handle)->driver[interface];
}

int libusb_detach_kernel_driver(libusb_device_handle *handle, int interface)
{
  fake_of(handle)->driver[interface] = false;
  fake_of(handle)->detaches++;
  return 0;
}

int libusb_attach_kernel_driver(libusb_device_handle *handle, int interface)
{
  fake_of(handle)->driver[interface] = true;
  fake_of(handle)->attaches++;
  return 0;
}

int libusb_claim_interface(libusb_device_handle *handle, int interface)
{
  struct fake_usb *dev = fake_of(handle);
  if (dev->taken[interface] || dev->driver[interface])
    return LIBUSB_ERROR_BUSY;
  dev->claimed[interface] = true;
  dev->claims++;
  return 0;
}

int libusb_release_interface(libusb_device_handle *handle, int interface)
{
  fake_of(handle)->claimed[interface] = false;
  return 0;
}

/* Every interface has the interrupt endpoints that the HID chips have; 0x02 and 0x82 are bulk. */
int libusb_get_active_config_descriptor(libusb_device *device, struct libusb_config_descriptor **config)
{
  static const struct libusb_endpoint_descriptor ENDPOINTS[] = {
      {.bEndpointAddress = 0x81, .bmAttributes = 3}, {.bEndpointAddress = 0x01, .bmAttributes = 3}, {.bEndpointAddress = 0x82, .bmAttributes = 2},
      {.bEndpointAddress = 0x02, .bmAttributes = 2}, {.bEndpointAddress = 0x83, .bmAttributes = 3}, {.bEndpointAddress = 0x03, .bmAttributes = 3}};
  static const struct libusb_interface_descriptor ALT = {.bNumEndpoints = 6, .endpoint = ENDPOINTS};
  static const struct libusb_interface INTERFACE = {.altsetting = &ALT, .num_altsetting = 1};
  static struct libusb_config_descriptor CONFIG = {.bNumInterfaces = 1, .interface = &INTERFACE};
  (void)device;
  *config = &CONFIG;
  return 0;
}

void libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
  (void)config;
}

int libusb_clear_halt(libusb_device_handle *handle, unsigned char endpoint)
{
  (void)endpoint;
  fake_of(handle)->halts_cleared++;
  return 0;
}

int libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request, uint16_t value, uint16_t index, unsigned char *data, uint16_t length,
                            unsigned int timeout)
{
  struct fake_usb *dev = fake_of(handle);
  const uint8_t setup[8] = {type,          request,          (uint8_t)value,  (uint8_t)(value >> 8),
                            (uint8_t)index, (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)};
  assert_int_not_equal(timeout, 0); /* 0 is for ever */
  dev->last_timeout_ms = timeout;
  if (dev->out)
    return LIBUSB_ERROR_NO_DEVICE;
  return dev->control ? dev->control(dev, setup, data, length) : LIBUSB_ERROR_PIPE;
}

static inline int fake_transfer(libusb_device_handle *handle, uint8_t endpoint, uint8_t *data, int length, int *moved, unsigned timeout)
{
  struct fake_usb *dev = fake_of(handle);
  assert_int_not_equal(timeout, 0);
  dev->last_timeout_ms = timeout;
  *moved = 0;
  if (dev->out)
    return LIBUSB_ERROR_NO_DEVICE;
  return dev->transfer ? dev->transfer(dev, endpoint, data, length, moved) : LIBUSB_ERROR_PIPE;
}

int libusb_bulk_transfer(libusb_device_handle *handle, unsigned char endpoint, unsigned char *data, int length, int *moved, unsigned int timeout)
{
  fake_of(handle)->bulks++;
  return fake_transfer(handle, endpoint, data, length, moved, timeout);
}

int libusb_interrupt_transfer(libusb_device_handle *handle, unsigned char endpoint, unsigned char *data, int length, int *moved, unsigned int timeout)
{
  fake_of(handle)->interrupts++;
  return fake_transfer(handle, endpoint, data, length, moved, timeout);
}

const char *libusb_strerror(int code)
{
  (void)code;
  return "a libusb error";
}

#endif
