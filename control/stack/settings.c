/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/settings.h"

#include "drivers/base/conf.h"

#include <stddef.h>
#include <stdlib.h>

#define TIME(word, fall, low_s, high_s, text)                                             \
  {.name = word, .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_TIME, .fallback = fall, \
   .min = (int64_t)((low_s) * 1e6), .max = (int64_t)((high_s) * 1e6), .help = text}
#define QUANTITY(word, dimension, fall, low, high, text) \
  {.name = word, .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_##dimension, .fallback = fall, .min = (low) * PL_U, .max = (high) * PL_U, .help = text}

static const struct pl_param PARAMS[] = {
    TIME("poll", "500 ms", 0.01, 3600, "between two rounds of questions to a device; edges are told at once"),
    TIME("stale", "3 s", 0.1, 7200, "a reading older than this counts for nothing"),
    TIME("power-good-limit", "2 s", 0.01, 600, "from power enable to power good"),
    TIME("power-off-limit", "5 s", 0.01, 600, "from power off until a slot is below 5 V"),
    TIME("remove-limit", "1 h", 1, 604800, "how long a unit may be ready to remove before it is taken back into service"),
    TIME("test-limit", "10 s", 0.1, 3600, "from power good until all that a unit measures was seen within its limits"),
    TIME("leak-delay", "1 s", 0, 3600, "a detector's ReactionDelaySeconds at first start; later the store has it"),
    TIME("plant-period", "1 s", 0.1, 60, "of the pump control"),
    QUANTITY("junction-target", TEMPERATURE, "80 degC", 20, 110, "pump control brings the hottest spot here, counted as a junction with a limit of 85 degC"),
    QUANTITY("thermal-limit", TEMPERATURE, "95 degC", 30, 150, "a CSU that is hotter is powered off"),
    QUANTITY("flow-min", FLOW, "6 L/min", 0, 3000, "the least flow that pump control asks for"),
    QUANTITY("flow-max", FLOW, "14 L/min", 1, 3000, "the most flow that pump control asks for"),
    QUANTITY("power-cap", POWER, "0 W", 0, 1000000, "of the rack; 0: none"),
    {.name = "cold-redundancy", .kind = PL_PARAM_FLAG, .fallback = "off", .help = "a supply that is not needed rests"},
    TIME("agent-period", "1 s", 0.05, 60, "a node's agent is asked what it runs"),
    TIME("agent-lost", "10 s", 1, 3600, "an agent that is mute for so long: its node is switched off, so that what it ran can start elsewhere and runs once"),
    TIME("loss-hold", "2 s", 0, 600, "a node that has no power for so long is lost, and its workloads start elsewhere"),
    TIME("reserve-time", "10 min", 1, 604800, "of a reservation that names none"),
    TIME("queue-aging", "10 min", 1, 604800, "having waited for so long is worth one step of priority"),
    TIME("queue-patience", "10 min", 1, 604800, "the first that has waited for so long is passed by nobody of its priority or below"),
    TIME("move-limit", "10 min", 1, 86400, "of the copy of a workload that moves"),
    TIME("drain-limit", "30 min", 1, 86400, "until a node is empty that is to be swapped or switched off"),
    TIME("profile-period", "10 s", 1, 3600, "between two samples of what a workload uses"),
    TIME("forecast-ahead", "10 min", 1, 604800, "how far ahead a node's use is looked at"),
    TIME("overload-hold", "30 s", 0, 86400, "how long a node is full, or hot, before something moves"),
    TIME("heat-hold", "10 min", 0, 86400, "how long a node that was too hot takes no work once it is cool; twice as long each time that it is hot again soon"),
    TIME("consolidate-after", "5 min", 1, 604800, "how long nodes are idle before they are emptied and switched off"),
    QUANTITY("overload-high", RATIO, "85 %", 1, 100, "a node that uses more of its cores or memory is overloaded"),
    QUANTITY("overload-settle", RATIO, "75 %", 1, 100, "what an overloaded node is brought down to"),
    QUANTITY("underuse-low", RATIO, "30 %", 0, 100, "a node that has given away less is a candidate to be emptied"),
    QUANTITY("moves-at-once", NONE, "2", 1, 64, "workloads that move at one time"),
    QUANTITY("consolidate-spare", NONE, "0", 0, 64, "of the modules that stay awake so many may be lost without one being woken"),
    {.name = "consolidate", .kind = PL_PARAM_FLAG, .fallback = "off", .help = "idle nodes are emptied, and whole modules of them switched off"},
    {.name = "preemption", .kind = PL_PARAM_FLAG, .fallback = "on", .help = "what is more important displaces what is less"},
    QUANTITY("snapshots", NONE, "1000000", 0, 1000000000000, "MiB in all that are kept of workloads that were displaced; what exceeds it begins anew from its image"),
    QUANTITY("node-iops", NONE, "500000", 0, 1000000000, "transfers a second of a node's drives"),
    QUANTITY("node-storage-bandwidth", NONE, "12000", 0, 1000000000, "MiB/s of a node's drives"),
    QUANTITY("node-network-bandwidth", NONE, "25000", 0, 1000000000, "Mbit/s of a node's network"),
    QUANTITY("decisions-kept", NONE, "64", 0, 1000000, "MiB of the journal from which decisions can be taken again (rackd replay-decisions); 0: none is kept"),
    QUANTITY("weight-consolidate", NONE, "0", 0, 1000, "of the score: fill what is in use first; all weights 0: the engine's own"),
    QUANTITY("weight-spread", NONE, "0", 0, 1000, "of the score: leave head-room on each node"),
    QUANTITY("weight-cool", NONE, "0", 0, 1000, "of the score: away from what is hot"),
    QUANTITY("weight-balance", NONE, "0", 0, 1000, "of the score: leave what is left in the shape of what is asked for"),
    QUANTITY("weight-forecast", NONE, "0", 0, 1000, "of the score: away from what will be full"),
};
#define COUNT (sizeof PARAMS / sizeof *PARAMS)

const struct pl_param *pl_settings_params(size_t *count)
{
  *count = COUNT;
  return PARAMS;
}

static pl_time_ns time_of(const struct pl_values *values, const char *name)
{
  return pl_value(values, name)->number * 1000;
}

static double number_of(const struct pl_values *values, const char *name)
{
  return (double)pl_value(values, name)->number / (double)PL_U;
}

static void fill_placement(const struct pl_values *values, struct pl_stack_settings *settings)
{
  static const char *const WEIGHTS[] = {"weight-consolidate", "weight-spread", "weight-cool", "weight-balance", "weight-forecast"};
  settings->agent_ns = time_of(values, "agent-period");
  settings->agent_lost_ns = time_of(values, "agent-lost");
  settings->loss_ns = time_of(values, "loss-hold");
  settings->reserve_ns = time_of(values, "reserve-time");
  settings->aging_ns = time_of(values, "queue-aging");
  settings->patience_ns = time_of(values, "queue-patience");
  settings->move_ns = time_of(values, "move-limit");
  settings->drain_ns = time_of(values, "drain-limit");
  settings->profile_ns = time_of(values, "profile-period");
  settings->ahead_ns = time_of(values, "forecast-ahead");
  settings->over_ns = time_of(values, "overload-hold");
  settings->heat_hold_ns = time_of(values, "heat-hold");
  settings->consolidate_ns = time_of(values, "consolidate-after");
  settings->high_share = number_of(values, "overload-high") / 100;
  settings->settle_share = number_of(values, "overload-settle") / 100;
  settings->low_share = number_of(values, "underuse-low") / 100;
  settings->moves_at_once = (unsigned)number_of(values, "moves-at-once");
  settings->consolidate_spare = (unsigned)number_of(values, "consolidate-spare");
  settings->consolidate = pl_value(values, "consolidate")->number != 0;
  settings->preemption = pl_value(values, "preemption")->number != 0;
  settings->snapshots_MiB = pl_value(values, "snapshots")->number / PL_U;
  settings->node_iops = number_of(values, "node-iops");
  settings->node_storage_MiBps = number_of(values, "node-storage-bandwidth");
  settings->node_network_Mbps = number_of(values, "node-network-bandwidth");
  settings->decisions_MiB = number_of(values, "decisions-kept");
  for (size_t i = 0; i < sizeof WEIGHTS / sizeof *WEIGHTS; i++)
    settings->weights[i] = number_of(values, WEIGHTS[i]);
}

static void fill(const struct pl_values *values, struct pl_stack_settings *settings)
{
  *settings = (struct pl_stack_settings){
      .poll_ns = time_of(values, "poll"),
      .stale_ns = time_of(values, "stale"),
      .power_good_ns = time_of(values, "power-good-limit"),
      .power_off_ns = time_of(values, "power-off-limit"),
      .remove_ns = time_of(values, "remove-limit"),
      .test_ns = time_of(values, "test-limit"),
      .leak_delay_ns = time_of(values, "leak-delay"),
      .plant_ns = time_of(values, "plant-period"),
      .supply_target_degC = number_of(values, "junction-target"),
      .thermal_limit_degC = number_of(values, "thermal-limit"),
      .flow_min_Lpm = number_of(values, "flow-min"),
      .flow_max_Lpm = number_of(values, "flow-max"),
      .power_cap_W = number_of(values, "power-cap"),
      .cold_redundancy = pl_value(values, "cold-redundancy")->number != 0,
  };
  fill_placement(values, settings);
}

static enum pl_status check(const char *path, const struct pl_stack_settings *settings, struct pl_err *err)
{
  if (settings->flow_min_Lpm > settings->flow_max_Lpm)
    return pl_fail(err, PL_E_USAGE, "%s: flow-min (%.6g L/min) is above flow-max (%.6g L/min), expected at most that", path, settings->flow_min_Lpm,
                   settings->flow_max_Lpm);
  if (settings->settle_share >= settings->high_share)
    return pl_fail(err, PL_E_USAGE, "%s: overload-settle (%.6g %%) is not below overload-high (%.6g %%), expected less, or workloads would move without end", path,
                   100 * settings->settle_share, 100 * settings->high_share);
  if (settings->stale_ns <= settings->poll_ns)
    return pl_fail(err, PL_E_USAGE, "%s: stale (%.6g s) is not above poll (%.6g s), expected more, or every reading would count for nothing", path,
                   (double)settings->stale_ns / (double)PL_S, (double)settings->poll_ns / (double)PL_S);
  return PL_OK;
}

static enum pl_status from_conf(const struct pl_conf *conf, struct pl_stack_settings *settings, struct pl_err *err)
{
  const char *words[COUNT];
  struct pl_values values = {0};
  for (size_t i = 0; i < COUNT; i++)
    words[i] = PARAMS[i].name;
  const struct pl_node *root = pl_conf_root(conf);
  enum pl_status status = pl_node_want(conf, root, PL_NODE_MAP, "settings", err);
  if (!status)
    status = pl_node_check_keys(conf, root, "the settings", words, COUNT, err);
  if (!status)
    status = pl_node_values(conf, root, PARAMS, COUNT, &values, err);
  if (!status)
    fill(&values, settings);
  free((void *)values.items);
  return status ? status : check(pl_conf_name(conf), settings, err);
}

enum pl_status pl_settings_load(const char *path, struct pl_stack_settings *settings, struct pl_err *err)
{
  struct pl_conf *conf = NULL;
  const char *text = !path ? "{}" : *path == '{' ? path : NULL;
  enum pl_status status = text ? pl_conf_parse("the stack's settings", text, strlen(text), &conf, err) : pl_conf_load(path, &conf, err);
  if (status)
    return status;
  status = from_conf(conf, settings, err);
  pl_conf_free(conf);
  return status;
}
