/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MONITOR_INA238_REGS_H
#define PL_DEVICE_MONITOR_INA238_REGS_H

/* TI INA238 (data sheet SBOSA20), section 7.6: registers, all of 16 bits but POWER with 24; the high byte goes first. No PEC. */
enum {
  INA238_CONFIG = 0x00,     /* bit 15 RST, bit 4 ADCRANGE */
  INA238_ADC_CONFIG = 0x01, /* bits 15:12 MODE */
  INA238_SHUNT_CAL = 0x02,  /* 15 bits */
  INA238_VSHUNT = 0x04,
  INA238_VBUS = 0x05,
  INA238_DIETEMP = 0x06,    /* bits 15:4 */
  INA238_CURRENT = 0x07,
  INA238_POWER = 0x08,
  INA238_DIAG_ALRT = 0x0B,
  INA238_MANUFACTURER_ID = 0x3E,
  INA238_DEVICE_ID = 0x3F,
};

#define INA238_CONFIG_RST 0x8000
#define INA238_CONFIG_ADCRANGE 0x0010 /* 1: +-40.96 mV, 1.25 uV a step; 0: +-163.84 mV, 5 uV a step */
#define INA238_ADC_CONFIG_RESET 0xFB68 /* continuous, bus, shunt and temperature */
#define INA238_CONVERSION_NS 3156000 /* of that: 1052 us each */
#define INA238_MODE_CONTINUOUS 0x8000
#define INA238_MODE_ALL 0x0F
#define INA238_SHUNT_CAL_RESET 0x1000
#define INA238_DIAG_MATHOF 0x0200      /* CURRENT or POWER cannot hold the result */
#define INA238_DIAG_CNVRF 0x0002       /* a conversion is complete */
#define INA238_DIAG_MEMSTAT 0x0001     /* 1: the trim memory is sound */
#define INA238_MANUFACTURER 0x5449     /* "TI" */
#define INA238_DEVICE 0x2381           /* 0x238, revision 1 */

#define INA238_VBUS_STEP_NV 3125000    /* 3.125 mV */
#define INA238_TEMPERATURE_STEP_U 125000 /* 125 m degC */
#define INA238_SHUNT_STEP_NV 5000      /* a quarter of it with ADCRANGE */

#endif
