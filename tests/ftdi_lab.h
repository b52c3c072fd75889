/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_TESTS_FTDI_LAB_H
#define PL_TESTS_FTDI_LAB_H

/* For test_ftdi*_usbip.c and the bench only: a rack whose buses stand behind virtual FTDI chips, a USB/IP server in a thread, and the adapter
 * "ftdi-mpsse" on the libusb look-alike that these programs are linked with. Real time. */
#include "drivers/bus/adapter.h"
#include "drivers/bus/gpio.h"
#include "drivers/bus/i2c.h"
#include "drivers/rig/backend.h"
#include "fixtures/twin/usb/serve_usb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAB_BUSES 4
#define LAB_PSU 0x58
#define LAB_MONITOR 0x40

static const char LAB_RIG[] = "rig: lab\n"
                              "about: buses behind FTDI chips\n"
                              "buses:\n"
                              "  - {name: i2c-power, kind: i2c, adapter: twin, speed: 400 kHz}\n"
                              "  - {name: lines, kind: gpio, adapter: twin}\n"
                              "parts:\n"
                              "  - {name: busbar, kind: busbar}\n"
                              "  - {name: psu-a, kind: psu, busbar: busbar}\n"
                              "  - {name: csu-1, kind: csu, busbar: busbar, loop: loop}\n"
                              "  - {name: loop, kind: loop}\n"
                              "devices:\n"
                              "  - {name: psu-a, driver: psu-pmbus, bus: i2c-power, address: 0x58, part: psu-a, owner: bench}\n"
                              "  - {name: monitor-1, driver: monitor-ina238, bus: i2c-power, address: 0x40, part: csu-1, owner: bench, shunt: 500 uohm}\n"
                              "  - {name: connector-1, driver: connector, bus: lines, part: csu-1, owner: bench, present: \"!3\",\n"
                              "     power-enable: 4, power-good: 5, attention: 6, reset: \"!7\"}\n";

struct lab {
  struct pl_clock *clock;
  struct pl_rig *rig;
  const struct pl_backend_desc *desc;
  struct pl_backend *backend;
  struct pl_usb_way *way;
  struct pl_share *share;
  struct pl_bus *buses[LAB_BUSES];
  struct pl_conf *confs[LAB_BUSES];
  struct pl_values values[LAB_BUSES];
  size_t n;
  struct pl_err err;
};

/* usb: the lines of the rig's `usb:` list. The rack alone, and nothing served. False: err says why. */
static inline bool lab_rack(struct lab *lab, const char *usb)
{
  char text[4096];
  *lab = (struct lab){.desc = pl_backend_find("twin")};
  snprintf(text, sizeof text, "%s%s%s", LAB_RIG, *usb ? "usb:\n" : "", usb);
  return lab->desc && !pl_clock_new_real(&lab->clock, &lab->err) && !pl_rig_parse("lab.yaml", text, strlen(text), &lab->rig, &lab->err) &&
         !lab->desc->open(lab->rig, lab->clock, 1, false, &lab->backend, &lab->err) && !pl_share_new(&lab->share, &lab->err);
}

static inline bool lab_open(struct lab *lab, const char *usb, bool timing)
{
  struct pl_served at = {0};
  const struct pl_serve_cfg cfg = {.usbip = "127.0.0.1:0", .no_usb_timing = !timing};
  return lab_rack(lab, usb) && !pl_usb_serve(lab->backend, &cfg, &at, &lab->way, &lab->err) && !setenv("PLUMBLINE_USBIP", at.usbip, 1);
}

/* values: as a bus of a rig has them, "{serial: PLTWIN01}". */
static inline enum pl_status lab_bus(struct lab *lab, enum pl_bus_kind kind, const char *values, struct pl_bus **bus)
{
  const struct pl_adapter_desc *desc = pl_adapter_find(kind, "ftdi-mpsse");
  size_t i = lab->n;
  lab->err = (struct pl_err){0};
  *bus = NULL;
  enum pl_status status = pl_conf_parse("bus.yaml", values, strlen(values), &lab->confs[i], &lab->err);
  if (!status)
    status = pl_node_values(lab->confs[i], pl_conf_root(lab->confs[i]), desc->params, desc->n_params, &lab->values[i], &lab->err);
  if (!status)
    status = pl_bus_new(pl_bus_kind_name(kind), kind, lab->clock, &lab->buses[i], &lab->err);
  const struct pl_adapter_args args = {.bus_name = pl_bus_kind_name(kind), .values = &lab->values[i], .share = lab->share};
  if (!status)
    status = desc->open(lab->buses[i], &args, &lab->err);
  if (status) {
    pl_bus_free(lab->buses[i]);
    free((void *)(uintptr_t)lab->values[i].items);
    pl_conf_free(lab->confs[i]);
    lab->buses[i] = NULL;
    lab->values[i] = (struct pl_values){0};
    lab->confs[i] = NULL;
    return status;
  }
  *bus = lab->buses[lab->n++];
  return PL_OK;
}

static inline void lab_close_buses(struct lab *lab)
{
  while (lab->n > 0) {
    pl_bus_free(lab->buses[--lab->n]);
    free((void *)(uintptr_t)lab->values[lab->n].items);
    pl_conf_free(lab->confs[lab->n]);
  }
}

static inline void lab_close(struct lab *lab)
{
  lab_close_buses(lab);
  pl_share_free(lab->share);
  if (lab->way)
    pl_usb_unserve(lab->way);
  if (lab->backend)
    lab->desc->close(lab->backend);
  pl_rig_free(lab->rig);
  pl_clock_free(lab->clock);
}

/* --- a piece of code as a job --- */

struct lab_job {
  struct pl_job job;
  struct pl_bus *bus;
  struct pl_i2c_transfer *list;
  size_t count;
  const int *handles;
  bool *values;
};

static inline enum pl_status lab_i2c(struct pl_job *job, struct pl_err *err)
{
  struct lab_job *j = job->ctx;
  return pl_i2c_transfer(j->bus, j->list, j->count, err);
}

static inline enum pl_status lab_recover(struct pl_job *job, struct pl_err *err)
{
  return pl_i2c_recover(((struct lab_job *)job->ctx)->bus, err);
}

static inline enum pl_status lab_get(struct pl_job *job, struct pl_err *err)
{
  struct lab_job *j = job->ctx;
  return pl_gpio_get(j->bus, j->handles, j->count, j->values, err);
}

static inline enum pl_status lab_set(struct pl_job *job, struct pl_err *err)
{
  struct lab_job *j = job->ctx;
  return pl_gpio_set(j->bus, j->handles, j->count, j->values, err);
}

static inline enum pl_status lab_run(struct lab *lab, struct lab_job job, enum pl_status (*run)(struct pl_job *job, struct pl_err *err))
{
  job.job = (struct pl_job){.run = run, .ctx = &job, .deadline = pl_clock_now(lab->clock) + 20 * PL_S};
  lab->err = (struct pl_err){0};
  return pl_bus_run(job.bus, &job.job, &lab->err);
}

static inline enum pl_status lab_transfer(struct lab *lab, struct pl_bus *bus, struct pl_i2c_transfer *list, size_t count)
{
  return lab_run(lab, (struct lab_job){.bus = bus, .list = list, .count = count}, lab_i2c);
}

#endif
