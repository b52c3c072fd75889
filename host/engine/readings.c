/* SPDX-License-Identifier: Apache-2.0 */
#include "host/engine/readings.h"

#include "host/journal/stamp.h"

#include <stdio.h>
#include <stdlib.h>

struct kept {
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  int64_t value_u;
  pl_time_ns at;
  enum pl_status status;
};

struct pl_readings {
  size_t next, count;
  struct kept ring[PL_READINGS_KEPT];
};

enum pl_status pl_readings_new(struct pl_readings **out, struct pl_err *err)
{
  *out = malloc(sizeof **out); /* not cleared: what is never used costs no memory */
  if (!*out)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the last readings");
  (*out)->next = (*out)->count = 0;
  return PL_OK;
}

void pl_readings_free(struct pl_readings *readings)
{
  free(readings);
}

void pl_readings_add(struct pl_readings *readings, const struct pl_rig_device *device, const struct pl_quantity *quantity, const struct pl_reading *reading)
{
  readings->ring[readings->next] = (struct kept){device, quantity, reading->value_u, reading->at, reading->status};
  readings->next = (readings->next + 1) % PL_READINGS_KEPT;
  readings->count += readings->count < PL_READINGS_KEPT;
}

/* With all the digits that a reading has, not those of a person's eye. */
static void put(FILE *file, const struct kept *each, const struct pl_clock *clock, pl_time_ns now)
{
  char stamp[PL_STAMP_LEN];
  const struct pl_unit *unit = pl_unit_for_display(each->quantity->dim, each->value_u);
  pl_stamp_write(pl_clock_wall_ns(clock, each->at), stamp);
  fprintf(file, "%.*s,%.6f,%s,%s,%s,", PL_STAMP_LEN, stamp, (double)(now - each->at) / (double)PL_S, each->device->name,
          each->device->part ? each->device->part->name : "", each->quantity->name);
  if (each->status)
    fprintf(file, ",,%s\n", pl_status_text(each->status));
  else
    fprintf(file, "%.10g,%s,ok\n", unit ? pl_unit_from_u(unit, each->value_u) : (double)each->value_u / 1e6, unit ? unit->name : "");
}

enum pl_status pl_readings_save(const struct pl_readings *readings, const struct pl_clock *clock, pl_time_ns now, pl_time_ns span, const char *path, size_t *count,
                                struct pl_err *err)
{
  FILE *file = fopen(path, "wx");
  size_t written = 0;
  if (!file)
    return pl_fail_errno(err, "cannot write the last readings to %s", path);
  fputs("time,seconds_before,device,part,quantity,value,unit,status\n", file);
  for (size_t i = 0; i < readings->count; i++) {
    const struct kept *each = &readings->ring[(readings->next + PL_READINGS_KEPT - readings->count + i) % PL_READINGS_KEPT];
    if (each->at < now - span)
      continue;
    put(file, each, clock, now);
    written++;
  }
  bool bad = ferror(file);
  if (fclose(file) || bad)
    return pl_fail_errno(err, "cannot write the last readings to %s", path);
  if (count)
    *count = written;
  return PL_OK;
}
