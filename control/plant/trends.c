/* SPDX-License-Identifier: Apache-2.0 */
/* What wears, seen from what it takes to do the same work as before. */
#include "control/plant/plant_in.h"

#include "control/store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each kind of wear is one figure that a new part does not change:
 *   filter clogging     (supply - return pressure) / flow^2: what the loop resists (turbulent: pressure goes as flow squared)
 *   pump wear           head / speed^2 of the pumps that run, at the same flow/speed: a worn pump must turn faster (affinity laws)
 *   contact resistance  the slope of (bus voltage - slot voltage) over slot current: offsets of the two meters do not matter
 * The first hour of it (LEARN points) is its baseline, kept in the store; the notice comes at `limit` times that. A line through what was seen since says when.
 */
#define LEARN 600          /* points */
#define KEEP_TIME 0.99995  /* a point an interval counts half after some 14,000 of them */
#define KEEP_SLOPE 0.999
#define PLACE "trend"

struct trend {
  struct pl_item *item;
  const char *what;
  const char *remedy;
  double limit;                 /* against the baseline */
  bool (*figure)(struct pl_plant *plant, struct trend *trend, double *value);
  struct pl_line over_time;     /* of the figure over days */
  struct pl_line slope;         /* where the figure is a slope */
  double baseline;              /* 0: not learned yet */
  double sum;
  unsigned count;
};

struct pl_trends {
  double bus_V; /* at this tick, the mean of the supplies that work; NAN: not known */
  struct pl_plant *plant;
  struct trend *rows;
  size_t count;
};

/* --- figures --- */

static bool value_of(struct pl_plant *plant, const struct pl_item *item, const char *role, const char *quantity, double *value)
{
  return pl_item_value(plant->stack, item, role, quantity, plant->stack->settings.stale_ns, value);
}

static bool loop_resistance(struct pl_plant *plant, struct trend *trend, double *value)
{
  double flow, supply, back;
  const struct pl_item *unit = pl_inventory_first(plant->stack->inventory, PL_ITEM_PUMP_UNIT);
  if (!unit || !value_of(plant, unit, "coolant", "flow", &flow) || !value_of(plant, unit, "coolant", "supply-pressure", &supply) ||
      !value_of(plant, unit, "coolant", "return-pressure", &back) || flow < 1)
    return false;
  (void)trend;
  *value = (supply - back) / (flow * flow);
  return *value > 0;
}

static bool pump_head(struct pl_plant *plant, struct trend *trend, double *value)
{
  double speed[2], supply, back;
  if (!value_of(plant, trend->item, "coolant", "pump-1-speed", &speed[0]) || !value_of(plant, trend->item, "coolant", "pump-2-speed", &speed[1]) ||
      !value_of(plant, trend->item, "coolant", "supply-pressure", &supply) || !value_of(plant, trend->item, "coolant", "return-pressure", &back))
    return false;
  double mean = (speed[0] + speed[1]) / 2;
  if (speed[0] < 300 || speed[1] < 300 || mean <= 0 || supply <= back) /* one alone works elsewhere on its curve */
    return false;
  *value = mean * mean / (supply - back); /* rises as they wear */
  return true;
}

static double bus_voltage(struct pl_plant *plant)
{
  double sum = 0, vout;
  unsigned n = 0;
  for (struct pl_item *psu = pl_inventory_first(plant->stack->inventory, PL_ITEM_PSU); psu; psu = pl_item_next(plant->stack->inventory, psu))
    if (psu->state == PL_STATE_ENABLED && value_of(plant, psu, "supply", "vout", &vout)) {
      sum += vout;
      n++;
    }
  return n ? sum / n : NAN;
}

static bool contact_resistance(struct pl_plant *plant, struct trend *trend, double *value)
{
  double slot, current, uncertainty, bus = plant->trends->bus_V;
  if (isnan(bus) || !value_of(plant, trend->item, "hot-swap", "vin", &slot) || !value_of(plant, trend->item, "hot-swap", "iout", &current))
    return false;
  pl_line_add(&trend->slope, current, bus - slot);
  return pl_line_slope(&trend->slope, 1.0, value, &uncertainty) && *value > 0 && uncertainty < 0.1 * *value;
}

static const struct kind {
  enum pl_item_kind item;
  const char *what, *remedy;
  double limit;
  bool (*figure)(struct pl_plant *plant, struct trend *trend, double *value);
} KINDS[] = {
    {PL_ITEM_FILTER, "filter clogging", "change the filter", 1.5, loop_resistance},
    {PL_ITEM_PUMP_UNIT, "pump wear", "have the pumps serviced", 1.2, pump_head},
    {PL_ITEM_CSU, "contact resistance", "clean or replace the slot's power contacts", 2.0, contact_resistance},
};
#define N_KINDS (sizeof KINDS / sizeof *KINDS)

/* --- notices --- */

static void notice(struct pl_plant *plant, const struct trend *trend, double now, double limit, double days)
{
  if (plant->n_notices == PL_PLANT_NOTICES_MAX)
    return;
  struct pl_notice *row = &plant->notices[plant->n_notices++];
  *row = (struct pl_notice){.item = trend->item, .what = trend->what, .value = now / trend->baseline, .limit = limit / trend->baseline, .days = days};
  if (days > 0)
    snprintf(row->text, sizeof row->text, "%s of %s: %.0f %% above what it was; at this pace the limit is reached in %.0f days; %s by then", trend->what, trend->item->id,
             100 * (row->value - 1), days, trend->remedy);
  else
    snprintf(row->text, sizeof row->text, "%s of %s: %.0f %% above what it was, limit %.0f %%; %s", trend->what, trend->item->id, 100 * (row->value - 1),
             100 * (row->limit - 1), trend->remedy);
}

#define FORESEE_DAYS 60.0

static void judge(struct pl_plant *plant, struct trend *trend, double today)
{
  double slope, uncertainty, limit = trend->baseline * trend->limit, now = pl_line_at(&trend->over_time, today);
  if (now >= limit)
    notice(plant, trend, now, limit, 0);
  else if (pl_line_slope(&trend->over_time, 1.0 / 24, &slope, &uncertainty) && slope > 3 * uncertainty && (limit - now) / slope < FORESEE_DAYS)
    notice(plant, trend, now, limit, (limit - now) / slope);
}

static void learn(struct pl_plant *plant, struct trend *trend, double value)
{
  char key[96], text[32];
  struct pl_err ignored = {0};
  trend->sum += value;
  if (++trend->count < LEARN)
    return;
  trend->baseline = trend->sum / trend->count;
  snprintf(key, sizeof key, "%s/%s", trend->item->id, trend->what);
  snprintf(text, sizeof text, "%.17g", trend->baseline);
  (void)pl_store_put(plant->stack->store, PLACE, key, text, &ignored); /* lost, it is learned again */
}

void pl_trends_tick(struct pl_trends *trends)
{
  struct pl_plant *plant = trends->plant;
  size_t before = plant->n_notices;
  plant->n_notices = 0;
  trends->bus_V = bus_voltage(plant);
  double today = (double)pl_clock_now(plant->stack->clock) / (86400.0 * (double)PL_S);
  for (size_t i = 0; i < trends->count; i++) {
    struct trend *trend = &trends->rows[i];
    double value;
    if (trend->item->state == PL_STATE_ABSENT || !trend->figure(plant, trend, &value))
      continue;
    if (trend->baseline <= 0) {
      learn(plant, trend, value);
      continue;
    }
    pl_line_add(&trend->over_time, today, value);
  }
  for (size_t i = 0; i < trends->count; i++)
    if (trends->rows[i].baseline > 0 && trends->rows[i].over_time.w > 30)
      judge(plant, &trends->rows[i], today);
  if (before != plant->n_notices)
    pl_item_touch(plant->stack, pl_inventory_first(plant->stack->inventory, PL_ITEM_RACK));
}

/* --- */

static void read_kept(struct pl_plant *plant, struct trend *trend)
{
  char key[96], *text = NULL;
  struct pl_err ignored = {0};
  snprintf(key, sizeof key, "%s/%s", trend->item->id, trend->what);
  if (!pl_store_get(plant->stack->store, PLACE, key, &text, &ignored) && text && strtod(text, NULL) > 0)
    trend->baseline = strtod(text, NULL);
  free(text);
}

struct pl_trends *pl_trends_new(struct pl_plant *plant)
{
  const struct pl_inventory *inventory = plant->stack->inventory;
  struct pl_trends *trends = calloc(1, sizeof *trends);
  size_t room = 0;
  for (size_t k = 0; k < N_KINDS; k++)
    for (struct pl_item *item = pl_inventory_first(inventory, KINDS[k].item); item; item = pl_item_next(inventory, item))
      room++;
  if (trends)
    trends->rows = calloc(room + 1, sizeof *trends->rows);
  if (!trends || !trends->rows) {
    free(trends);
    return NULL;
  }
  trends->plant = plant;
  for (size_t k = 0; k < N_KINDS; k++)
    for (struct pl_item *item = pl_inventory_first(inventory, KINDS[k].item); item; item = pl_item_next(inventory, item)) {
      struct trend *trend = &trends->rows[trends->count++];
      *trend = (struct trend){.item = item, .what = KINDS[k].what, .remedy = KINDS[k].remedy, .limit = KINDS[k].limit, .figure = KINDS[k].figure};
      pl_line_new(&trend->over_time, KEEP_TIME);
      pl_line_new(&trend->slope, KEEP_SLOPE);
      read_kept(plant, trend);
    }
  return trends;
}

void pl_trends_free(struct pl_trends *trends)
{
  if (!trends)
    return;
  free(trends->rows);
  free(trends);
}
