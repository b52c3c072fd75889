/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_CLI_SCAN_H
#define PL_HOST_CLI_SCAN_H

#include "bringup/scan.h"
#include "bringup/scan_probe.h"
#include "host/cli/cli.h"

/* scan_print.c: what `plumb scan` found, as tables or as one JSON object, on standard output. */
void pl_scan_print_machine(const struct pl_scan *scan, bool json);
void pl_scan_print_probe(const struct pl_probe *probe, bool has_devices, bool json); /* has_devices: the rig says what should be there */
/* Where a bus leads, as its rig says: a serial number, a port; "" when it says nothing. */
const char *pl_scan_where(const struct pl_rig_bus *bus);

#endif
