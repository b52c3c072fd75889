/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_SERVICES_TRIGGER_H
#define PL_CONTROL_SERVICES_TRIGGER_H

#include "control/inventory/item.h"
#include "control/redfish/services_room.h"

/*
 * Triggers (schema Triggers v1.4): a metric crosses a threshold, or has a value, for its dwell time: an event, an entry of a log, or both. What a client said is
 * kept as it said it, in the store, with what is crossed now, so that a restart tells nothing twice.
 */
#define PL_TRIGGERS "/redfish/v1/TelemetryService/Triggers"
enum { PL_TRIGGERS_MAX = 32, PL_TRIGGER_METRICS_MAX = 16, PL_TRIGGER_CONDITIONS_MAX = 16, PL_TRIGGER_LOG_MAX = 1000, PL_TRIGGER_VALUE_MAX = 63 };

enum pl_activation { PL_ACTIVATION_DISABLED, PL_ACTIVATION_INCREASING, PL_ACTIVATION_DECREASING, PL_ACTIVATION_EITHER };
enum { PL_LOWER_CRITICAL, PL_LOWER_WARNING, PL_UPPER_WARNING, PL_UPPER_CRITICAL, PL_THRESHOLDS }; /* the conditions of a numeric one */
struct pl_metric_trigger_condition {
  enum pl_activation activation;         /* numeric */
  double reading;                        /* numeric */
  char value[PL_TRIGGER_VALUE_MAX + 1];  /* discrete */
  const char *severity;                  /* discrete; NULL: the message's */
  pl_time_ns dwell_ns;
};
struct pl_metric_trigger_metric {
  char *property;         /* "/redfish/v1/Chassis/csu-1/Sensors/x#/Reading" */
  bool bound;             /* item and sense have been looked for */
  struct pl_item *item;
  struct pl_sense *sense; /* heard with each reading; NULL: looked at once a second */
  pl_time_ns due;         /* a dwell time of it ends, so that it is looked at between two seconds; PL_NEVER: none does */
  unsigned met;           /* conditions that are so now, a bit each */
  pl_time_ns since[PL_TRIGGER_CONDITIONS_MAX]; /* when it began to look otherwise; PL_NEVER: it does not */
  char last[PL_TRIGGER_VALUE_MAX + 1];         /* "Changed": what it was; "": not known yet */
};
struct pl_metric_trigger {
  char id[64];
  struct json_object *told; /* as the client said it, by Triggers' own names */
  bool numeric, changes, enabled, sent, logged;
  double hysteresis;        /* 0 or more, whatever its sign was */
  pl_time_ns hold_ns;       /* HysteresisDuration */
  struct pl_metric_trigger_condition conditions[PL_TRIGGER_CONDITIONS_MAX];
  size_t n_conditions;
  struct pl_metric_trigger_metric metrics[PL_TRIGGER_METRICS_MAX];
  size_t n_metrics;
  bool unsaved; /* what is crossed is not in the store as it is now */
  struct pl_metric_trigger *next;
};
struct pl_metric_triggers {
  struct pl_services *services;
  struct pl_metric_trigger *first;
  unsigned count;
  struct pl_item_listener listener;
  struct pl_timer timer, keeping;
  pl_time_ns next_look;         /* at everything */
  struct json_object *entries;  /* of the log, not in the store yet; NULL: none */
  bool refused;                 /* the store took nothing the last time: told once, tried again */
  uint64_t log_first, log_last; /* entries of the log; none while log_last < log_first */
};

/* What is wrong with a definition: a message of the Base registry. */
struct pl_wrong {
  const char *id;
  char path[160], args[2][160];
};
/* told is not taken. NULL: *wrong says what, or (its id NULL) there is no memory. */
struct pl_metric_trigger *pl_metric_trigger_new(const char *id, struct json_object *told, struct pl_wrong *wrong);
void pl_metric_trigger_free(struct pl_metric_trigger *trigger);
/* A copy of `told` with what a PATCH says of it (DSP0266, PATCH and its arrays: null takes away, {} leaves as it is). */
struct json_object *pl_metric_trigger_merged(struct json_object *told, struct json_object *patch);

enum pl_status pl_metric_triggers_new(struct pl_services *services, struct pl_metric_triggers **triggers, struct pl_err *err);
void pl_metric_triggers_free(struct pl_metric_triggers *triggers);
struct pl_metric_trigger *pl_metric_trigger_find(const struct pl_metric_triggers *triggers, const char *id);
/* Takes it, stored; in the place of one with the same id, whose crossings it inherits as far as they are of the same conditions. */
enum pl_status pl_metric_trigger_put(struct pl_metric_triggers *triggers, struct pl_metric_trigger *trigger, struct pl_err *err);
/* Gone when it is so in the store, and not before. */
enum pl_status pl_metric_trigger_remove(struct pl_metric_triggers *triggers, struct pl_metric_trigger *trigger, struct pl_err *err);
enum pl_status pl_metric_trigger_save(struct pl_metric_triggers *triggers, const struct pl_metric_trigger *trigger, struct pl_err *err);

/* services_watch.c */
void pl_metric_triggers_begin(struct pl_metric_triggers *triggers);
/* The log: entry `id` as "WALL_NS EVENTRECORD", malloc'd; NULL: there is none. */
#define PL_TRIGGER_LOG_PLACE "trigger-log"
char *pl_metric_trigger_log_entry(const struct pl_metric_triggers *triggers, uint64_t id);

#endif
