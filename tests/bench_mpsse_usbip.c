/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PMBus read-words a second through the adapter "ftdi-mpsse" at 400 kHz, on the FT232H twin over USB/IP with its timing model on: many in a call, and one a
 * call. The wire alone would take 120 us each: 8,333 a second.
 */
#include "tests/ftdi_lab.h"

#define BATCH 1000
#define SINGLES 1000
#define ROUNDS 5

struct words {
  struct pl_i2c_msg msgs[BATCH][2];
  struct pl_i2c_transfer list[BATCH];
  uint8_t command, data[BATCH][2];
  struct pl_bus *bus;
  size_t a_call, count;
  pl_time_ns took;
};

static enum pl_status run(struct pl_job *job, struct pl_err *err)
{
  struct words *w = job->ctx;
  struct pl_clock *clock = pl_bus_clock(w->bus);
  pl_time_ns from = pl_clock_now(clock);
  for (size_t done = 0; done < w->count; done += w->a_call) {
    enum pl_status status = pl_i2c_transfer(w->bus, w->list + done, w->a_call, err);
    if (status)
      return status;
  }
  w->took = pl_clock_now(clock) - from;
  return PL_OK;
}

static double per_second(struct lab *lab, struct words *w, size_t a_call, size_t count)
{
  w->a_call = a_call;
  w->count = count;
  struct pl_job job = {.run = run, .ctx = w, .deadline = pl_clock_now(lab->clock) + 60 * PL_S};
  if (pl_bus_run(w->bus, &job, &lab->err)) {
    fprintf(stderr, "%s\n", lab->err.text);
    exit(1);
  }
  return (double)count * (double)PL_S / (double)w->took;
}

static int by_size(const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void say(struct lab *lab, struct words *w, const char *name, size_t a_call, size_t count)
{
  double rates[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++)
    rates[i] = per_second(lab, w, a_call, count);
  qsort(rates, ROUNDS, sizeof rates[0], by_size);
  printf("%s %.0f\n", name, rates[ROUNDS / 2]);
}

int main(void)
{
  static struct words w = {.command = 0x8B}; /* READ_VOUT */
  struct lab lab;
  if (!lab_open(&lab, "  - {device: ft232h, serial: PLBENCH1, i2c: i2c-power}\n", true) || lab_bus(&lab, PL_BUS_I2C, "{serial: PLBENCH1}", &w.bus)) {
    fprintf(stderr, "%s\n", lab.err.text);
    return 1;
  }
  for (size_t i = 0; i < BATCH; i++) {
    w.msgs[i][0] = (struct pl_i2c_msg){.address = LAB_PSU, .len = 1, .buf = &w.command};
    w.msgs[i][1] = (struct pl_i2c_msg){.address = LAB_PSU, .flags = PL_I2C_READ, .len = 2, .buf = w.data[i]};
    w.list[i] = (struct pl_i2c_transfer){.msgs = w.msgs[i], .count = 2};
  }
  say(&lab, &w, "mpsse-batched-per-s", BATCH, BATCH);
  say(&lab, &w, "mpsse-batched-16-per-s", 16, BATCH / 16 * 16);
  say(&lab, &w, "mpsse-single-per-s", 1, SINGLES);
  lab_close(&lab);
  return 0;
}
