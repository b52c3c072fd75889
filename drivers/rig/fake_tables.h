/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_FAKE_TABLES_H
#define PL_RIG_FAKE_TABLES_H

#include "drivers/device/device.h"
#include "drivers/device/twin.h"
#include "drivers/rig/backend.h"

/*
 * Stand-ins for the generated registry, for the tests of the rig reader: a few drivers and adapters that nothing opens. To be included by one
 * file of a program that does not link with the registry.
 */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const char *const FAKE_PARITIES[] = {"none", "even", "odd", NULL};
static const struct pl_param FAKE_I2C_TWIN[] = {{.name = "speed", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_FREQUENCY, .fallback = "100 kHz"}};
static const struct pl_param FAKE_DEV[] = {{.name = "device", .kind = PL_PARAM_TEXT, .required = true, .help = "the device node, such as /dev/i2c-1"}};
static const struct pl_param FAKE_RTU[] = {
    {.name = "port", .kind = PL_PARAM_TEXT, .required = true, .help = "the serial port, or twin"},
    {.name = "baud", .kind = PL_PARAM_INT, .fallback = "19200", .min = 1200, .max = 115200},
    {.name = "parity", .kind = PL_PARAM_CHOICE, .choices = FAKE_PARITIES, .fallback = "even"},
};

static const struct pl_adapter_desc FAKE_ADAPTERS[] = {
    {.name = "twin", .kind = PL_BUS_I2C, .is_virtual = true, .params = FAKE_I2C_TWIN, .n_params = 1},
    {.name = "twin", .kind = PL_BUS_GPIO, .is_virtual = true},
    {.name = "linux-i2c", .kind = PL_BUS_I2C, .params = FAKE_DEV, .n_params = 1},
    {.name = "modbus-rtu", .kind = PL_BUS_MODBUS, .params = FAKE_RTU, .n_params = COUNT_OF(FAKE_RTU)},
};

static const struct pl_param FAKE_PSU[] = {
    {.name = "address", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 8, .max = 0x77, .help = "the bus address, such as 0x58"},
    {.name = "page", .kind = PL_PARAM_INT, .address = true, .min = 0, .max = 31},
    {.name = "shunt", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_RESISTANCE},
};
static const struct pl_param FAKE_CONNECTOR[] = {
    {.name = "present", .kind = PL_PARAM_LINE, .required = true},
    {.name = "power-enable", .kind = PL_PARAM_LINE},
};
static const struct pl_param FAKE_MAP[] = {
    {.name = "map", .kind = PL_PARAM_TEXT, .required = true},
    {.name = "unit", .kind = PL_PARAM_INT, .required = true, .min = 1, .max = 247},
};

static const struct pl_quantity FAKE_PSU_QUANTITIES[] = {
    {.name = "vout", .dim = PL_DIM_VOLTAGE, .access = PL_GET},
    {.name = "on", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .max_u = PL_U},
    {.name = "vout-set", .dim = PL_DIM_VOLTAGE, .access = PL_SET, .min_u = 46 * PL_U, .max_u = 52 * PL_U},
    {.name = "clear-faults", .dim = PL_DIM_NONE, .access = PL_ACT},
};
static const struct pl_quantity FAKE_CONNECTOR_QUANTITIES[] = {
    {.name = "power-enable", .dim = PL_DIM_FLAG, .access = PL_GET | PL_SET, .max_u = PL_U},
};
static const struct pl_quantity FAKE_MAP_QUANTITIES[] = {
    {.name = "supply-pressure", .dim = PL_DIM_PRESSURE, .access = PL_GET},
    {.name = "pump-duty", .dim = PL_DIM_RATIO, .access = PL_GET | PL_SET, .max_u = 100 * PL_U},
};

/* The shape of a map-driven device is allocated, so that a leak shows; the map "none" does not exist. */
static enum pl_status fake_shape(const struct pl_values *values, struct pl_shape *shape, struct pl_err *err)
{
  if (!strcmp(pl_value(values, "map")->text, "none"))
    return pl_fail(err, PL_E_USAGE, "no register map 'none', expected orv3-rpu");
  shape->owned = malloc(16);
  if (!shape->owned)
    return pl_fail(err, PL_E_NOMEM, "out of memory");
  shape->quantities = FAKE_MAP_QUANTITIES;
  shape->count = COUNT_OF(FAKE_MAP_QUANTITIES);
  return PL_OK;
}

static void fake_shape_free(struct pl_shape *shape)
{
  free(shape->owned);
}

static const struct pl_device_desc FAKE_DEVICES[] = {
    {.name = "psu-pmbus", .bus_kind = PL_BUS_I2C, .role = "supply", .params = FAKE_PSU, .n_params = COUNT_OF(FAKE_PSU),
     .quantities = FAKE_PSU_QUANTITIES, .n_quantities = COUNT_OF(FAKE_PSU_QUANTITIES)},
    {.name = "connector", .bus_kind = PL_BUS_GPIO, .role = "connector", .params = FAKE_CONNECTOR, .n_params = COUNT_OF(FAKE_CONNECTOR),
     .quantities = FAKE_CONNECTOR_QUANTITIES, .n_quantities = COUNT_OF(FAKE_CONNECTOR_QUANTITIES)},
    {.name = "modbus-map", .bus_kind = PL_BUS_MODBUS, .params = FAKE_MAP, .n_params = COUNT_OF(FAKE_MAP), .shape = fake_shape, .shape_free = fake_shape_free},
};

const struct pl_adapter_desc *const pl_adapters[] = {&FAKE_ADAPTERS[0], &FAKE_ADAPTERS[1], &FAKE_ADAPTERS[2], &FAKE_ADAPTERS[3], NULL};
const size_t pl_n_adapters = COUNT_OF(FAKE_ADAPTERS);
const struct pl_device_desc *const pl_device_descs[] = {&FAKE_DEVICES[0], &FAKE_DEVICES[1], &FAKE_DEVICES[2], NULL};
const size_t pl_n_device_descs = COUNT_OF(FAKE_DEVICES);
const struct pl_twin_desc *const pl_twin_descs[] = {NULL};
const size_t pl_n_twin_descs = 0;
const struct pl_backend_desc *const pl_backends[] = {NULL};
const size_t pl_n_backends = 0;

#endif
