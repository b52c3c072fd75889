/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/bus/conformance.h"
#include "drivers/bus/fake_i2c_kernel.h"
#include "drivers/bus/fake_sysfs.h"

extern const struct pl_adapter_desc pl_adapter_i2c_dev;

#define ALL_I2C (I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL)
#define N_VALUES 7

struct setting {
  struct fake_sysfs sys;
  struct fake_i2c_kernel kernel;
  struct pl_i2c_dev_os os;
  struct pl_clock *clock;
  struct pl_bus *bus;
  struct pl_value items[N_VALUES];
  struct pl_values values;
  struct pl_adapter_args args;
};

static void say(struct setting *s, const char *name, const char *text)
{
  for (size_t i = 0; i < pl_adapter_i2c_dev.n_params; i++)
    if (!strcmp(pl_adapter_i2c_dev.params[i].name, name)) {
      struct pl_err err = {0};
      assert_int_equal(pl_value_parse(&pl_adapter_i2c_dev.params[i], text, &s->items[i], &err), PL_OK);
      return;
    }
  fail_msg("no param %s", name);
}

/* Buses: 3 on the chipset, 7 and 8 two CP2112, 9 an i2c-tiny-usb. */
static void set_up(struct setting *s, unsigned long functions)
{
  char at[PATH_MAX], usb[PATH_MAX];
  struct pl_err err = {0};
  *s = (struct setting){.kernel = {.functions = functions, .slave = -1}};
  fake_sysfs_open(&s->sys);
  s->os = (struct pl_i2c_dev_os){.open = fake_kernel_open, .ioctl = fake_kernel_ioctl, .close = fake_kernel_close, .ctx = &s->kernel, .sys = s->sys.root};
  static const struct {
    const char *name, *title, *path, *serial;
  } ROWS[] = {{"i2c-3", "SMBus stub driver", NULL, NULL},
              {"i2c-7", "CP2112 SMBus Bridge on hidraw0", "1-1", "C1"},
              {"i2c-8", "CP2112 SMBus Bridge on hidraw1", "1-2", "C1"},
              {"i2c-9", "i2c-tiny-usb at bus 001 device 004", "1-3", NULL}};
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    const char *folder = ROWS[i].path ? fake_sysfs_usb(&s->sys, ROWS[i].path, ROWS[i].serial, usb, sizeof usb) : "devices/pci0000:00";
    snprintf(at, sizeof at, "%.4000s/%s", folder, ROWS[i].name);
    fake_sysfs_file(&s->sys, at, "name", ROWS[i].title);
    fake_sysfs_link(&s->sys, "bus/i2c/devices", ROWS[i].name, at);
  }
  for (int i = 0; i < 256; i++)
    s->kernel.registers[i] = (uint8_t)(i ^ 0x30);
  assert_int_equal(pl_adapter_i2c_dev.n_params, N_VALUES);
  s->values = (struct pl_values){s->items, N_VALUES};
  for (size_t i = 0; i < N_VALUES; i++)
    s->items[i].param = &pl_adapter_i2c_dev.params[i];
  say(s, "speed", "100 kHz");
  s->args = (struct pl_adapter_args){.bus_name = "i2c-m1", .values = &s->values};
  assert_int_equal(pl_clock_new_real(&s->clock, &err), PL_OK);
  assert_int_equal(pl_bus_new("i2c-m1", PL_BUS_I2C, s->clock, &s->bus, &err), PL_OK);
}

static enum pl_status open_it(struct setting *s, struct pl_err *err)
{
  *err = (struct pl_err){0};
  return pl_i2c_dev_open(s->bus, &s->args, &s->os, err);
}

static void set_up_open(struct setting *s, unsigned long functions, const char *param, const char *text)
{
  struct pl_err err;
  set_up(s, functions);
  say(s, param, text);
  if (open_it(s, &err))
    fail_msg("%s", err.text);
}

static void tear_down(struct setting *s)
{
  pl_bus_free(s->bus);
  pl_clock_free(s->clock);
  assert_int_equal(s->kernel.opens, s->kernel.closes);
  fake_sysfs_close(&s->sys);
}

struct list_job {
  struct pl_job job;
  struct pl_bus *bus;
  struct pl_i2c_transfer *t;
};

static enum pl_status run_list(struct pl_job *job, struct pl_err *err)
{
  struct list_job *l = job->ctx;
  return pl_i2c_transfer(l->bus, l->t, 1, err);
}

static enum pl_status transfer(struct setting *s, struct pl_i2c_msg *msgs, size_t count, struct pl_err *err)
{
  struct pl_i2c_transfer t = {.msgs = msgs, .count = count};
  struct list_job l = {.job = {.run = run_list}, .bus = s->bus, .t = &t};
  l.job.ctx = &l;
  *err = (struct pl_err){0};
  return pl_bus_run(s->bus, &l.job, err);
}

static enum pl_status read_block(struct setting *s, uint8_t flags, uint8_t *data, uint16_t room, uint16_t *got, struct pl_err *err)
{
  uint8_t command = FAKE_BLOCK;
  struct pl_i2c_msg msgs[] = {{.address = FAKE_ADDRESS, .len = 1, .buf = &command},
                              {.address = FAKE_ADDRESS, .flags = (uint8_t)(PL_I2C_READ | PL_I2C_RECV_LEN | flags), .len = room, .buf = data}};
  enum pl_status status = transfer(s, msgs, 2, err);
  *got = msgs[1].len;
  return status;
}

static enum pl_status read_one(struct setting *s, uint8_t address, struct pl_err *err)
{
  uint8_t command = 1, data = 0;
  struct pl_i2c_msg msgs[] = {{.address = address, .len = 1, .buf = &command}, {.address = address, .flags = PL_I2C_READ, .len = 1, .buf = &data}};
  return transfer(s, msgs, 2, err);
}

static void tell(void *ctx, const char *check, const char *why)
{
  (void)ctx;
  print_error("%s: %s\n", check, why);
}

static void conforms_over(unsigned long functions, const char *name, int nack, bool plain)
{
  struct setting s;
  set_up_open(&s, functions, "bus-name", name);
  s.kernel.nack = nack;
  s.kernel.plain = plain;
  struct pl_bus_conformance report = {.fail = tell};
  const struct pl_conformance_i2c target = {.address = FAKE_ADDRESS, .command = 2, .absent = 0x23, .read_len = 4};
  assert_int_equal(pl_conformance_i2c(s.bus, &target, &report), 0);
  assert_true(report.checks >= 14);
  tear_down(&s);
}

static void every_kind_of_driver_conforms(void **state)
{
  (void)state;
  conforms_over(ALL_I2C, "i2c-tiny-usb at bus 001 device 004", ENXIO, false);
  conforms_over(ALL_I2C, "i2c-tiny-usb at bus 001 device 004", EREMOTEIO, false);
  conforms_over(ALL_I2C | I2C_FUNC_SMBUS_READ_BLOCK_DATA, "CP2112 SMBus Bridge on hidraw0", ETIMEDOUT, true); /* hid-cp2112's NACK */
  conforms_over(I2C_FUNC_SMBUS_EMUL, "SMBus stub driver", ENODEV, false);                                    /* i2c-stub's */
}

static void lists_of_messages_and_long_blocks_go_through(void **state)
{
  (void)state;
  struct setting s;
  set_up_open(&s, ALL_I2C, "path", "1-3");
  uint8_t out[256], in[255];
  struct pl_err err;
  for (int i = 0; i < 256; i++)
    out[i] = (uint8_t)(i * 7);
  out[0] = 0;
  struct pl_i2c_msg msgs[] = {{.address = FAKE_ADDRESS, .len = 256, .buf = out},
                              {.address = FAKE_ADDRESS, .len = 1, .buf = out},
                              {.address = FAKE_ADDRESS, .flags = PL_I2C_READ, .len = 255, .buf = in}};
  assert_int_equal(transfer(&s, msgs, 3, &err), PL_OK);
  assert_memory_equal(in, out + 1, 255);
  assert_int_equal(s.kernel.transfers, 1); /* one transaction, one ioctl */
  struct pl_i2c_msg many[43];
  for (int i = 0; i < 43; i++)
    many[i] = msgs[1];
  assert_int_equal(transfer(&s, many, 42, &err), PL_OK);
  assert_int_equal(transfer(&s, many, 43, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "i2c-9: Linux takes at most 42 messages in a transaction, this one has 43");
  assert_int_equal(s.kernel.transfers, 2);
  tear_down(&s);
}

static void counted_reads_keep_the_kernels_contract(void **state)
{
  (void)state;
  struct setting s;
  uint8_t data[34] = {0};
  uint16_t got;
  struct pl_err err;
  set_up_open(&s, ALL_I2C | I2C_FUNC_SMBUS_READ_BLOCK_DATA, "path", "1-3");
  s.kernel.block[0] = 4;
  memcpy(s.kernel.block + 1, "ACME\x7b", 5);
  assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_OK);
  assert_int_equal(got, 5);
  assert_memory_equal(data, "\x04" "ACME", 5);
  assert_int_equal(read_block(&s, PL_I2C_PEC, data, 34, &got, &err), PL_OK);
  assert_int_equal(got, 6);
  assert_memory_equal(data, "\x04" "ACME\x7b", 6);
  assert_int_equal(read_block(&s, 0, data, 4, &got, &err), PL_E_GARBAGE); /* never a part of the block */
  assert_non_null(strstr(err.text, "block of 4 bytes, there is room for 3"));
  const uint8_t bad[] = {0, 33, 255};
  for (size_t i = 0; i < sizeof bad; i++) {
    s.kernel.block[0] = bad[i];
    assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_E_GARBAGE);
  }
  s.kernel.block[0] = 32;
  assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_OK);
  assert_int_equal(got, 33);
  tear_down(&s);
}

static void a_driver_that_ignores_counted_reads_is_found_out(void **state)
{
  (void)state;
  struct setting s;
  uint8_t data[34];
  uint16_t got;
  struct pl_err err;
  set_up_open(&s, ALL_I2C | I2C_FUNC_SMBUS_READ_BLOCK_DATA, "path", "1-3");
  s.kernel.block[0] = 2;
  s.kernel.ignores_recv_len = true;
  assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_E_UNSUPPORTED);
  s.kernel.ignores_recv_len = false;
  memset(s.kernel.block + 1, 0xA5, 4); /* the pattern by chance */
  assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_OK);
  assert_int_equal(s.kernel.transfers, 4);
  assert_memory_equal(data, "\x02\xA5\xA5", 3);
  assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_OK);
  assert_int_equal(s.kernel.transfers, 5); /* proved: asked once from now on */
  tear_down(&s);
}

static void each_errno_has_its_status(void **state)
{
  (void)state;
  static const struct {
    int error;
    enum pl_status status;
    const char *text;
  } ROWS[] = {
      {ENXIO, PL_E_NACK, "nobody acknowledges"},
      {EREMOTEIO, PL_E_NACK, "not acknowledged"},
      {EAGAIN, PL_E_ARBITRATION, "arbitration lost"},
      {EBUSY, PL_E_STUCK, "SCL or SDA is held"},
      {ETIMEDOUT, PL_E_TIMEOUT, "recovers the bus by itself"},
      {EPROTO, PL_E_GARBAGE, "broke the protocol"},
      {EOPNOTSUPP, PL_E_UNSUPPORTED, "refuses a transaction of 2 messages"},
      {EINVAL, PL_E_UNSUPPORTED, "refuses a transaction of 2 messages"},
      {EIO, PL_E_IO, "Input/output error"},
      {EFAULT, PL_E_IO, "Bad address"},
  };
  struct setting s;
  set_up_open(&s, ALL_I2C, "path", "1-3");
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct pl_err err;
    s.kernel.error = ROWS[i].error;
    assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), ROWS[i].status);
    assert_non_null(strstr(err.text, ROWS[i].text));
    assert_non_null(strstr(err.text, "i2c-9 (i2c-tiny-usb at bus 001 device 004): i2c address 0x48: "));
  }
  struct pl_err err;
  s.kernel.error = 0;
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_OK);
  tear_down(&s);
}

static void what_a_drivers_table_row_forbids_is_refused(void **state)
{
  (void)state;
  struct setting s;
  uint8_t bytes[64] = {0};
  struct pl_err err;
  set_up_open(&s, ALL_I2C | I2C_FUNC_SMBUS_READ_BLOCK_DATA, "path", "1-1");
  assert_int_equal(pl_i2c_caps(s.bus)->flags & (PL_I2C_CAP_ANY_LIST | PL_I2C_CAP_RECV_LEN | PL_I2C_CAP_RECOVER), 0);
  struct pl_i2c_msg w62 = {.address = FAKE_ADDRESS, .len = 62, .buf = bytes};
  assert_int_equal(transfer(&s, &w62, 1, &err), PL_E_UNSUPPORTED);
  struct pl_i2c_msg msgs[] = {{.address = FAKE_ADDRESS, .len = 17, .buf = bytes}, {.address = FAKE_ADDRESS, .flags = PL_I2C_READ, .len = 1, .buf = bytes}};
  assert_int_equal(transfer(&s, msgs, 2, &err), PL_E_UNSUPPORTED);
  assert_string_equal(err.text, "i2c-7: hid-cp2112 writes at most 16 bytes before a read, this transaction has 17");
  assert_int_equal(s.kernel.transfers, 0);
  tear_down(&s);
}

static void an_address_of_a_kernel_driver_is_named(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, ALL_I2C, "port", "/dev/i2c-3");
  fake_sysfs_file(&s.sys, "bus/i2c/devices/3-0048", "name", "lm75");
  fake_sysfs_link(&s.sys, "bus/i2c/devices/3-0048", "driver", "bus/i2c/drivers/lm75");
  s.kernel.busy = true;
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_E_LOCKED);
  assert_string_equal(err.text, "i2c-3 (SMBus stub driver): i2c address 0x48: held by the kernel's driver lm75; take it off: "
                                "echo 3-0048 > /sys/bus/i2c/drivers/lm75/unbind");
  assert_int_equal(s.kernel.transfers, 0);
  s.kernel.busy = false;
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_OK);
  tear_down(&s);
}

struct smbus_row {
  uint8_t out[34];
  uint16_t out_len, in_len;
  bool counted;
  uint32_t size;
  uint8_t in[5];
  uint16_t in_count;
};

static void smbus_commands_stand_for_lists(void **state)
{
  (void)state;
  static const struct smbus_row ROWS[] = {
      {.size = I2C_SMBUS_QUICK},
      {.out = {0x11}, .out_len = 1, .size = I2C_SMBUS_BYTE},
      {.in_len = 1, .in = {0x21}, .in_count = 1, .size = I2C_SMBUS_BYTE},
      {.out = {0x20, 0xAB}, .out_len = 2, .size = I2C_SMBUS_BYTE_DATA},
      {.out = {0x20}, .out_len = 1, .in_len = 1, .in = {0xAB}, .in_count = 1, .size = I2C_SMBUS_BYTE_DATA},
      {.out = {0x20, 0x34, 0x12}, .out_len = 3, .size = I2C_SMBUS_WORD_DATA},
      {.out = {0x20}, .out_len = 1, .in_len = 2, .in = {0x34, 0x12}, .in_count = 2, .size = I2C_SMBUS_WORD_DATA},
      {.out = {0x20, 0x34, 0x12}, .out_len = 3, .in_len = 2, .in = {0x35, 0x12}, .in_count = 2, .size = I2C_SMBUS_PROC_CALL},
      {.out = {0x40, 9, 8, 7}, .out_len = 4, .size = I2C_SMBUS_I2C_BLOCK_DATA},
      {.out = {0x40}, .out_len = 1, .in_len = 3, .in = {9, 8, 7}, .in_count = 3, .size = I2C_SMBUS_I2C_BLOCK_DATA},
      {.out = {FAKE_BLOCK, 2, 0x55, 0x66}, .out_len = 4, .size = I2C_SMBUS_BLOCK_DATA},
      {.out = {FAKE_BLOCK}, .out_len = 1, .in_len = 33, .counted = true, .in = {2, 0x55, 0x66}, .in_count = 3, .size = I2C_SMBUS_BLOCK_DATA},
      {.out = {0x50, 2, 0x0f, 0xf0}, .out_len = 4, .in_len = 33, .counted = true, .in = {2, 0xf0, 0x0f}, .in_count = 3, .size = I2C_SMBUS_BLOCK_PROC_CALL},
  };
  struct setting s;
  set_up_open(&s, I2C_FUNC_SMBUS_EMUL_ALL, "port", "/dev/i2c-3");
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    const struct smbus_row *row = &ROWS[i];
    uint8_t out[34], in[34] = {0};
    struct pl_err err;
    struct pl_i2c_msg msgs[2];
    size_t n = 0, before = s.kernel.smbus[row->size];
    memcpy(out, row->out, sizeof out);
    if (row->out_len || !row->in_len)
      msgs[n++] = (struct pl_i2c_msg){.address = FAKE_ADDRESS, .len = row->out_len, .buf = out};
    if (row->in_len)
      msgs[n++] = (struct pl_i2c_msg){.address = FAKE_ADDRESS, .flags = row->counted ? PL_I2C_READ | PL_I2C_RECV_LEN : PL_I2C_READ, .len = row->in_len,
                                      .buf = in};
    if (transfer(&s, msgs, n, &err))
      fail_msg("row %zu: %s", i, err.text);
    assert_int_equal(s.kernel.smbus[row->size], before + 1);
    assert_memory_equal(in, row->in, row->in_count);
    if (row->in_len)
      assert_int_equal(msgs[n - 1].len, row->in_count);
  }
  tear_down(&s);
}

static void what_smbus_cannot_is_refused(void **state)
{
  (void)state;
  struct setting s;
  uint8_t bytes[40] = {FAKE_BLOCK}, data[34];
  uint16_t got;
  struct pl_err err;
  set_up_open(&s, I2C_FUNC_SMBUS_BYTE_DATA | I2C_FUNC_SMBUS_WORD_DATA | I2C_FUNC_SMBUS_READ_BLOCK_DATA, "port", "/dev/i2c-3");
  struct pl_i2c_msg w4 = {.address = FAKE_ADDRESS, .len = 4, .buf = bytes}, w35 = {.address = FAKE_ADDRESS, .len = 35, .buf = bytes};
  struct pl_i2c_msg two[] = {w4, w4};
  struct pl_i2c_msg r3[] = {{.address = FAKE_ADDRESS, .len = 1, .buf = bytes}, {.address = FAKE_ADDRESS, .flags = PL_I2C_READ, .len = 3, .buf = data}};
  assert_int_equal(transfer(&s, &w4, 1, &err), PL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "knows SMBus commands only, and has none that writes 4 and reads 0 bytes"));
  assert_int_equal(transfer(&s, r3, 2, &err), PL_E_UNSUPPORTED);
  assert_int_equal(transfer(&s, &w35, 1, &err), PL_E_UNSUPPORTED);
  assert_int_equal(transfer(&s, two, 2, &err), PL_E_UNSUPPORTED);
  assert_int_equal(read_block(&s, PL_I2C_PEC, data, 34, &got, &err), PL_E_UNSUPPORTED);
  assert_int_equal(s.kernel.transfers, 0);
  const uint8_t bad[] = {0, 33, 255};
  for (size_t i = 0; i < sizeof bad; i++) {
    s.kernel.block[0] = bad[i];
    assert_int_equal(read_block(&s, 0, data, 33, &got, &err), PL_E_GARBAGE);
  }
  s.kernel.error = EBUSY;
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_E_STUCK);
  s.kernel.error = 0;
  assert_int_equal(read_one(&s, 0x23, &err), PL_E_NACK);
  tear_down(&s);
}

static void a_bus_is_found_by_what_the_rig_says(void **state)
{
  (void)state;
  static const struct {
    const char *param, *text, *also, *also_text;
    enum pl_status status;
    const char *says;
  } ROWS[] = {
      {"path", "1-2", NULL, NULL, PL_OK, NULL},
      {"bus-name", "CP2112 SMBus Bridge on hidraw1", NULL, NULL, PL_OK, NULL},
      {"serial", "C1", "path", "1-2", PL_OK, NULL},
      {"serial", "C1", NULL, NULL, PL_E_USAGE,
       "two match: there are 2 of I2C bus with serial 'C1': i2c-7 (CP2112 SMBus Bridge on hidraw0, USB path 1-1, serial C1), i2c-8 ("},
      {"serial", "C2", NULL, NULL, PL_E_GONE, "there is no I2C bus with serial 'C2'; there are i2c-3 (SMBus stub driver), i2c-7 ("},
      {"port", "/dev/i2c-5", NULL, NULL, PL_E_GONE, "there is no I2C bus /dev/i2c-5"},
      {"port", "/dev/ttyS0", NULL, NULL, PL_E_USAGE, "'/dev/ttyS0' is no I2C bus, expected /dev/i2c-NUMBER"},
      {"port", "/dev/i2c-8", "path", "1-2", PL_E_USAGE, "`port` says already which bus is meant"},
      {"speed", "400 kHz", NULL, NULL, PL_E_USAGE, "which I2C bus is meant?"},
  };
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    struct pl_err err;
    set_up(&s, ALL_I2C);
    say(&s, ROWS[i].param, ROWS[i].text);
    if (ROWS[i].also)
      say(&s, ROWS[i].also, ROWS[i].also_text);
    assert_int_equal(open_it(&s, &err), ROWS[i].status);
    if (ROWS[i].says && !strstr(err.text, ROWS[i].says))
      fail_msg("row %zu: %s", i, err.text);
    tear_down(&s);
  }
}

static void what_keeps_it_from_opening_is_said(void **state)
{
  (void)state;
  static const struct {
    int error;
    unsigned long functions;
    enum pl_status status;
    const char *says;
  } ROWS[] = {
      {ENOENT, ALL_I2C, PL_E_GONE, "the kernel has the bus i2c-7 but no /dev/i2c-7: modprobe i2c-dev"},
      {EACCES, ALL_I2C, PL_E_IO, "no permission for /dev/i2c-7: join the group i2c"},
      {0, 0, PL_E_UNSUPPORTED, "i2c-7 (CP2112 SMBus Bridge on hidraw0) can neither I2C nor SMBus"},
  };
  struct pl_err err;
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    struct setting s;
    set_up(&s, ROWS[i].functions);
    s.kernel.open_error = ROWS[i].error;
    say(&s, "path", "1-1");
    assert_int_equal(open_it(&s, &err), ROWS[i].status);
    assert_non_null(strstr(err.text, ROWS[i].says));
    tear_down(&s);
  }
  struct setting s;
  struct pl_lock *held = NULL;
  set_up(&s, ALL_I2C);
  say(&s, "path", "1-1");
  assert_int_equal(pl_lock_take("/dev/i2c-7", &held, &err), PL_OK);
  assert_int_equal(open_it(&s, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, "/dev/i2c-7 is held by process "));
  pl_lock_release(held);
  assert_int_equal(open_it(&s, &err), PL_OK);
  tear_down(&s);
}

static void time_out_and_retries_are_set_where_asked(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  set_up_open(&s, ALL_I2C, "path", "1-3");
  assert_int_equal(s.kernel.timeout + s.kernel.retries, 0); /* the driver's own */
  tear_down(&s);
  set_up(&s, ALL_I2C);
  say(&s, "path", "1-3");
  say(&s, "timeout", "25 ms");
  say(&s, "retries", "2");
  assert_int_equal(open_it(&s, &err), PL_OK);
  assert_int_equal(s.kernel.timeout, 3); /* of 10 ms, rounded up */
  assert_int_equal(s.kernel.retries, 2);
  tear_down(&s);
}

/* Unplugged: the kernel's bus vanishes (removal waits for us to close it); plugged in again it has another number. */
static void a_bus_that_went_is_let_go_and_found_again(void **state)
{
  (void)state;
  struct setting s;
  struct pl_err err;
  char at[PATH_MAX], usb[PATH_MAX];
  set_up_open(&s, ALL_I2C, "path", "1-3");
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_OK);
  fake_sysfs_unlink(&s.sys, "bus/i2c/devices", "i2c-9");
  s.kernel.error = EIO;
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_E_GONE);
  assert_string_equal(err.text, "i2c-9 (i2c-tiny-usb at bus 001 device 004, USB path 1-3) has gone: unplugged, or its kernel driver was removed");
  assert_int_equal(s.kernel.closes, 1);
  assert_true(pl_bus_is_lost(s.bus));
  snprintf(at, sizeof at, "%.4000s/i2c-12", fake_sysfs_usb(&s.sys, "1-3", NULL, usb, sizeof usb));
  fake_sysfs_link(&s.sys, "bus/i2c/devices", "i2c-12", at);
  s.kernel.error = 0;
  for (pl_time_ns end = pl_clock_now(s.clock) + 5 * PL_S; pl_bus_is_lost(s.bus) && pl_clock_now(s.clock) < end;)
    pl_clock_step(s.clock, end);
  assert_int_equal(read_one(&s, FAKE_ADDRESS, &err), PL_OK);
  assert_int_equal(s.kernel.opens, 2);
  tear_down(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_driver_conforms),
      cmocka_unit_test(lists_of_messages_and_long_blocks_go_through),
      cmocka_unit_test(counted_reads_keep_the_kernels_contract),
      cmocka_unit_test(a_driver_that_ignores_counted_reads_is_found_out),
      cmocka_unit_test(each_errno_has_its_status),
      cmocka_unit_test(what_a_drivers_table_row_forbids_is_refused),
      cmocka_unit_test(an_address_of_a_kernel_driver_is_named),
      cmocka_unit_test(smbus_commands_stand_for_lists),
      cmocka_unit_test(what_smbus_cannot_is_refused),
      cmocka_unit_test(a_bus_is_found_by_what_the_rig_says),
      cmocka_unit_test(what_keeps_it_from_opening_is_said),
      cmocka_unit_test(time_out_and_retries_are_set_where_asked),
      cmocka_unit_test(a_bus_that_went_is_let_go_and_found_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
