#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# new_driver.sh NAME: makes drivers/device/NAME with a driver, a twin and a test to fill in.
set -eu
name=${1:?usage: make new-driver NAME=fan-emc2305}
id=$(echo "$name" | tr - _)
dir=$(dirname "$0")/../drivers/device/$id
case $id in *[!a-z0-9_]*) echo "new-driver: '$name': lower case letters, digits and dashes only" >&2; exit 2 ;; esac
[ ! -e "$dir" ] || { echo "new-driver: drivers/device/$id is there already" >&2; exit 2; }
mkdir -p "$dir"
cat >"$dir/$id.c" <<END
/* SPDX-License-Identifier: Apache-2.0 */
/* $name: what it is, and the data sheet (document, revision). */
#include "drivers/bus/i2c.h"
#include "drivers/device/device.h"

enum { Q_TEMPERATURE };

static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "7-bit I2C address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 0x08, .max = 0x77},
};

static const struct pl_quantity QUANTITIES[] = {
    {.name = "temperature", .dim = PL_DIM_TEMPERATURE, .access = PL_GET, .help = "of the chip", .id = Q_TEMPERATURE},
};

struct $id {
  struct pl_bus *bus;
  uint8_t address;
};

static enum pl_status open_device(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct $id *device = calloc(1, sizeof *device);
  if (!device)
    return pl_fail(err, PL_E_NOMEM, "out of memory");
  device->bus = args->bus;
  device->address = (uint8_t)pl_value(args->values, "address")->number;
  *self = device;
  return PL_OK;
}

static enum pl_status get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  struct $id *device = self;
  uint8_t pointer = 0, raw[2];
  (void)quantity;
  enum pl_status status = pl_i2c_write_read(device->bus, device->address, &pointer, 1, raw, sizeof raw, err);
  if (status)
    return status;
  return pl_fail(err, PL_E_UNSUPPORTED, "decoding %02x %02x into %lld is yours to write", raw[0], raw[1], (long long)reading->value_u);
}

extern const struct pl_device_desc pl_device_$id;
const struct pl_device_desc pl_device_$id = {
    .name = "$name",
    .about = "one line for \`plumb drivers\`",
    .maturity = PL_EXPERIMENTAL,
    .bus_kind = PL_BUS_I2C,
    .role = "monitor",
    .params = PARAMS,
    .n_params = sizeof PARAMS / sizeof *PARAMS,
    .quantities = QUANTITIES,
    .n_quantities = sizeof QUANTITIES / sizeof *QUANTITIES,
    .open = open_device,
    .close = free,
    .get = get,
};
END
cat >"$dir/test_$id.c" <<END
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/device.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_is_written(void **state)
{
  (void)state;
  assert_non_null(pl_device_desc_find("$name"));
  fail_msg("drive $name against its twin: get, set, faults");
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
END
echo "drivers/device/$id: driver and test are there; write ${id}_twin.c after drivers/device/monitor_ina238/monitor_ina238_twin.c"
