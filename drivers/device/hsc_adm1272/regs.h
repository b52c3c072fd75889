/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_HSC_ADM1272_REGS_H
#define PL_DEVICE_HSC_ADM1272_REGS_H

#include "drivers/protocol/pmbus/pmbus_format.h"

/* The ADM1272's own commands (data sheet, "Register Details") beside those of PMBus, and its scaling (Table "PMBus conversion coefficients"). */
enum {
  ADM1272_PEAK_IOUT = 0xD0,
  ADM1272_PEAK_VIN = 0xD1,
  ADM1272_PEAK_VOUT = 0xD2,
  ADM1272_PMON_CONTROL = 0xD3, /* ADM1272_CONVERT: sampling */
  ADM1272_PMON_CONFIG = 0xD4,
  ADM1272_PEAK_TEMPERATURE = 0xD7,
  ADM1272_PEAK_PIN = 0xDA,
};

enum { /* bits of PMON_CONFIG */
  ADM1272_IRANGE_30MV = 1 << 0,
  ADM1272_VOUT_EN = 1 << 1,
  ADM1272_VIN_EN = 1 << 2,
  ADM1272_TEMP1_EN = 1 << 3,
  ADM1272_VRANGE_100V = 1 << 5,
};
#define ADM1272_PMON_CONFIG_RESET 0x3F35 /* from memory: 100 V, 30 mV, VIN and current only, averages of 128, continuous (bit 4) */
#define ADM1272_CONVERT 0x01

#define ADM1272_ADC_MAX 0x0FFF
#define ADM1272_PIN_MAX 0x7FFF

enum adm1272_kind { ADM1272_VIN, ADM1272_VOUT, ADM1272_IOUT, ADM1272_PIN, ADM1272_TEMPERATURE, ADM1272_KINDS };

/* The coefficients of a kind at these ranges; current and power are per milliohm of shunt. */
static inline struct pl_pmbus_scale adm1272_scale(enum adm1272_kind kind, unsigned config, int64_t shunt_uohm)
{
  static const struct {
    int m, r;
  } POWER[4] = {[0] = {3512, -2}, [1] = {17561, -3}, [2] = {21071, -3}, [3] = {10535, -3}}; /* bit 0: 30 mV, bit 1: 100 V */
  bool v100 = config & ADM1272_VRANGE_100V, i30 = config & ADM1272_IRANGE_30MV;
  unsigned power = (v100 ? 2u : 0u) | (i30 ? 1u : 0u);
  switch (kind) {
  case ADM1272_IOUT:
    return pl_pmbus_direct_by_shunt(i30 ? 663 : 1326, 20480, -1, shunt_uohm);
  case ADM1272_PIN:
    return pl_pmbus_direct_by_shunt(POWER[power].m, 0, POWER[power].r, shunt_uohm);
  case ADM1272_TEMPERATURE:
    return (struct pl_pmbus_scale){.format = PL_PMBUS_DIRECT, .m = 42, .b = 31871, .r = -1};
  default:
    return (struct pl_pmbus_scale){.format = PL_PMBUS_DIRECT, .m = v100 ? 4062 : 6770, .b = 0, .r = -2};
  }
}

#endif
