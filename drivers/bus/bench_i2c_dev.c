/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction (write one byte, read two) costs through pl_i2c_transfer and the adapter i2c-dev, over the bare ioctl, on one bus of a Linux kernel.
 * Usage: bench_i2c_dev /dev/i2c-N ADDRESS [COMMAND [TRANSACTIONS]]. Prints a line of JSON; exit status 1 when the bar is missed, 3 when it cannot be
 * measured. The bar is for a bus with a wire: i2c-stub's answer takes no time at all, so there the ratio tells what our own code costs. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/i2c.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <sys/ioctl.h>

extern const struct pl_adapter_desc pl_adapter_i2c_dev;

#define ROUNDS 9 /* of each, in turns; the median counts */
#define BAR 1.3

struct bench {
  struct pl_clock *clock;
  struct pl_bus *bus;
  int fd;
  bool lists; /* the bus takes message lists; else SMBus commands */
  uint8_t address, command;
  long count;
  struct pl_err err;
};

static bool raw_once(const struct bench *b)
{
  uint8_t command = b->command, data[2];
  if (b->lists) {
    struct i2c_msg msgs[] = {{.addr = b->address, .len = 1, .buf = &command}, {.addr = b->address, .flags = I2C_M_RD, .len = 2, .buf = data}};
    struct i2c_rdwr_ioctl_data list = {.msgs = msgs, .nmsgs = 2};
    return ioctl(b->fd, I2C_RDWR, &list) == 2;
  }
  union i2c_smbus_data word;
  struct i2c_smbus_ioctl_data call = {.read_write = I2C_SMBUS_READ, .command = command, .size = I2C_SMBUS_WORD_DATA, .data = &word};
  return ioctl(b->fd, I2C_SMBUS, &call) == 0;
}

static enum pl_status run_raw(struct pl_job *job, struct pl_err *err)
{
  struct bench *b = job->ctx;
  for (long i = 0; i < b->count; i++)
    if (!raw_once(b))
      return pl_fail_errno(err, "the bare ioctl to address 0x%02x", b->address);
  return PL_OK;
}

static enum pl_status run_ours(struct pl_job *job, struct pl_err *err)
{
  struct bench *b = job->ctx;
  uint8_t data[2];
  enum pl_status status = PL_OK;
  for (long i = 0; i < b->count && !status; i++)
    status = pl_i2c_write_read(b->bus, b->address, &b->command, 1, data, sizeof data, err);
  return status;
}

/* Both on the bus's worker, so that nothing but the code differs. Nanoseconds a transaction; negative: it failed. */
static double measure(struct bench *b, enum pl_status (*run)(struct pl_job *job, struct pl_err *err))
{
  struct pl_job job = {.run = run, .ctx = b, .deadline = pl_clock_now(b->clock) + 60 * PL_S};
  if (pl_bus_run(b->bus, &job, &b->err))
    return -1;
  return (double)(job.finished - job.started) / (double)b->count;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values)
{
  qsort(values, ROUNDS, sizeof *values, by_value);
  return values[ROUNDS / 2];
}

static int compare(struct bench *b)
{
  double raw[ROUNDS], ours[ROUNDS];
  if (measure(b, run_raw) < 0 || measure(b, run_ours) < 0) { /* warm */
    fprintf(stderr, "%s\n", b->err.text);
    return 3;
  }
  for (int i = 0; i < ROUNDS; i++) {
    raw[i] = measure(b, run_raw);
    ours[i] = measure(b, run_ours);
    if (raw[i] < 0 || ours[i] < 0) {
      fprintf(stderr, "%s\n", b->err.text);
      return 3;
    }
  }
  double ratio = median(ours) / median(raw);
  printf("{\"name\": \"i2cdev-ratio\", \"value\": %.3f, \"bar\": %.1f, \"raw_us\": %.2f, \"ours_us\": %.2f, \"by\": \"%s\", \"transactions\": %ld}\n",
         ratio, BAR, median(raw) / 1e3, median(ours) / 1e3, b->lists ? "I2C_RDWR" : "I2C_SMBUS", b->count * ROUNDS);
  return ratio <= BAR ? 0 : 1;
}

static enum pl_status open_bus(struct bench *b, const char *port, struct pl_value *items, struct pl_err *err)
{
  enum pl_status status = pl_clock_new_real(&b->clock, err);
  for (size_t i = 0; i < pl_adapter_i2c_dev.n_params && !status; i++) {
    const struct pl_param *param = &pl_adapter_i2c_dev.params[i];
    const char *text = strcmp(param->name, "port") ? param->fallback : port;
    items[i].param = param;
    if (text)
      status = pl_value_parse(param, text, &items[i], err);
  }
  const struct pl_values values = {items, pl_adapter_i2c_dev.n_params};
  if (!status)
    status = pl_bus_new("bench", PL_BUS_I2C, b->clock, &b->bus, err);
  if (!status)
    status = pl_adapter_i2c_dev.open(b->bus, &(struct pl_adapter_args){.bus_name = "bench", .values = &values}, err);
  return status;
}

int main(int argc, char **argv)
{
  struct pl_value items[16] = {0};
  unsigned long functions = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: %s /dev/i2c-N ADDRESS [COMMAND [TRANSACTIONS]]\n", argv[0]);
    return 2;
  }
  struct bench b = {.address = (uint8_t)strtol(argv[2], NULL, 0), .command = argc > 3 ? (uint8_t)strtol(argv[3], NULL, 0) : 0,
                    .count = argc > 4 ? strtol(argv[4], NULL, 0) : 200};
  enum pl_status status = open_bus(&b, argv[1], items, &b.err);
  b.fd = open(argv[1], O_RDWR | O_CLOEXEC);
  if (!status && (b.fd < 0 || ioctl(b.fd, I2C_FUNCS, &functions) || ioctl(b.fd, I2C_SLAVE, (long)b.address)))
    status = pl_fail_errno(&b.err, "%s", argv[1]);
  if (status)
    fprintf(stderr, "%s\n", b.err.text);
  b.lists = functions & I2C_FUNC_I2C;
  int result = status ? 3 : compare(&b);
  pl_bus_free(b.bus);
  pl_clock_free(b.clock);
  if (b.fd >= 0)
    close(b.fd);
  return result;
}
