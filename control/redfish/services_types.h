/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_TYPES_H
#define PL_CONTROL_SERVICES_TYPES_H

/* Every type that a route names ("Chassis.v1_28_0.Chassis"), each once, in the order of the alphabet. */
void pl_types_each(void (*fn)(void *ctx, const char *type), void *ctx);
/* Those of control/redfish/schemas: what stands below Oem.Plumbline. Their names begin with "Plumbline". */
void pl_own_types_each(void (*fn)(void *ctx, const char *type), void *ctx);

#endif
