/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SETTINGS_H
#define PL_CONTROL_SETTINGS_H

#include "drivers/base/param.h"
#include "drivers/base/clock.h"

/*
 * What a site may change: one table of params (settings.c: name, unit, fallback, range, help), read from a YAML file. Those that Redfish can write too
 * (a detector's reactions, caps) are kept in the store by unit and win over the file.
 */
struct pl_stack_settings {
  pl_time_ns poll_ns;             /* "poll": each device's quantities, 500 ms */
  pl_time_ns stale_ns;            /* "stale": a reading older than this counts for nothing, 3 s */
  pl_time_ns power_good_ns;       /* "power-good-limit": from power enable to power good, 2 s */
  pl_time_ns power_off_ns;        /* "power-off-limit": until the slot is below 5 V, 5 s */
  pl_time_ns remove_ns;           /* "remove-limit": how long a unit may be ready to remove before the procedure takes it back, 1 h */
  pl_time_ns test_ns;             /* "test-limit": from power good to verified, 10 s */
  pl_time_ns leak_delay_ns;       /* "leak-delay": ReactionDelaySeconds at first start, 1 s */
  pl_time_ns plant_ns;            /* "plant-period": of the pump control, 1 s */
  double supply_target_degC;      /* "junction-target": where pump control brings the hottest spot, 80 degC */
  double thermal_limit_degC;      /* "thermal-limit": a CSU hotter than this is powered off, 95 degC */
  double flow_min_Lpm, flow_max_Lpm; /* "flow-min", "flow-max": what pump control may ask for */
  double power_cap_W;             /* "power-cap": of the rack, 0: none */
  bool cold_redundancy;           /* "cold-redundancy": a supply that is not needed rests, false */
  /* Placement (control/placement) */
  pl_time_ns agent_ns;            /* "agent-period": a node's agent is asked what it runs, 1 s */
  pl_time_ns agent_lost_ns;       /* "agent-lost": an agent that is mute so long: its node is switched off, so that nothing runs twice, 10 s */
  pl_time_ns loss_ns;             /* "loss-hold": a node without power so long is lost, 2 s */
  pl_time_ns reserve_ns;          /* "reserve-time": of a reservation that names none, 10 min */
  pl_time_ns aging_ns;            /* "queue-aging": waiting so long is worth one step of priority, 10 min */
  pl_time_ns patience_ns;         /* "queue-patience": the first that waited so long is passed by nobody of its priority, 10 min */
  pl_time_ns move_ns;             /* "move-limit": of a move's copy, 10 min */
  pl_time_ns drain_ns;            /* "drain-limit": until a node is empty, 30 min */
  pl_time_ns profile_ns;          /* "profile-period": between samples of use, 10 s */
  pl_time_ns ahead_ns;            /* "forecast-ahead": how far nodes are looked ahead, 10 min */
  pl_time_ns over_ns;             /* "overload-hold": a node is full, or hot, so long before something moves, 30 s */
  pl_time_ns heat_hold_ns;        /* "heat-hold": a node that was hot takes no work for so long, 10 min */
  pl_time_ns consolidate_ns;      /* "consolidate-after": nodes idle so long are emptied and switched off, 5 min */
  double high_share, settle_share, low_share; /* "overload-high", "overload-settle", "underuse-low": 0.85, 0.75, 0.3 */
  unsigned moves_at_once;         /* "moves-at-once", 2 */
  unsigned consolidate_spare;     /* "consolidate-spare": modules that may be lost of what stays awake, without one being woken, 0 */
  bool consolidate;               /* "consolidate", false */
  bool preemption;                /* "preemption": higher priorities displace lower ones, true */
  int64_t snapshots_MiB;          /* "snapshots": kept of displaced workloads, together, 1000000 */
  double node_iops, node_storage_MiBps, node_network_Mbps; /* "node-iops", ...: of a node whose identity says nothing of it */
  double decisions_MiB;           /* "decisions-kept": of the journal of decisions, 64; 0: none */
  double weights[5];              /* "weight-consolidate", "-spread", "-cool", "-balance", "-forecast"; all 0: the pool's own */
};

/* Fallbacks, then the file's (NULL: none; "{...}": no path but the text itself). PL_E_USAGE with file:line. */
enum pl_status pl_settings_load(const char *path, struct pl_stack_settings *settings, struct pl_err *err);
const struct pl_param *pl_settings_params(size_t *count);

#endif
