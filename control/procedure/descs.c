/* SPDX-License-Identifier: Apache-2.0 */
#include "control/procedure/procedure.h"

static const struct pl_procedure_desc *const DESCS[] = {
    &pl_hot_swap,     &pl_power_on,        &pl_power_off,    &pl_restart,       &pl_evacuate,      &pl_leak_response, &pl_thermal_emergency,
    &pl_failover_csu, &pl_failover_module, &pl_failover_psu, &pl_failover_pump, &pl_failover_loop, &pl_migrate,
    &pl_stop_workload, &pl_stop_workloads,
};

const struct pl_procedure_desc *const *pl_procedure_descs(size_t *count)
{
  *count = sizeof DESCS / sizeof *DESCS;
  return DESCS;
}
