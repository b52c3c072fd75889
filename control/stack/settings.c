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
}

static enum pl_status check(const char *path, const struct pl_stack_settings *settings, struct pl_err *err)
{
  if (settings->flow_min_Lpm > settings->flow_max_Lpm)
    return pl_fail(err, PL_E_USAGE, "%s: flow-min (%.6g L/min) is above flow-max (%.6g L/min), expected at most that", path, settings->flow_min_Lpm,
                   settings->flow_max_Lpm);
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
  enum pl_status status = path ? pl_conf_load(path, &conf, err) : pl_conf_parse("the settings' fallbacks", "{}", 2, &conf, err);
  if (status)
    return status;
  status = from_conf(conf, settings, err);
  pl_conf_free(conf);
  return status;
}
