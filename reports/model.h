/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_MODEL_H
#define PL_REPORTS_MODEL_H

#include "reports/chart.h"
#include "reports/report.h"

#include <stddef.h>

/*
 * What a journal says, in a form that reports can walk: flat arrays that refer to each other by index, and texts kept once each.
 * 10,000 steps with a measurement each take about 4 MB.
 */
typedef uint32_t pl_str; /* a text of the run: pl_text_of(); 0: none */
#define PL_NONE UINT32_MAX /* no step, measurement, diagnosis */

struct pl_strings {
  char *bytes;
  uint32_t len, cap;
  uint32_t *table; /* open addressing; 0: free */
  uint32_t used, slots;
  bool failed; /* out of memory */
};

enum pl_val_kind { PL_VAL_NONE, PL_VAL_NUMBER, PL_VAL_TEXT, PL_VAL_BOOL, PL_VAL_SET /* a JSON array, as text */ };

struct pl_val {
  union {
    double number;
    pl_str text;
    bool flag;
  };
  uint8_t kind;
};

/* One list gives the validators of OCP T&V 2.0, how a reader evaluates them, and how people write them. */
#define PL_CHECK_MAP(X)                          \
  X(EQUAL, "=")                                  \
  X(NOT_EQUAL, "not")                            \
  X(LESS_THAN, "<")                              \
  X(LESS_THAN_OR_EQUAL, "max")                   \
  X(GREATER_THAN, ">")                           \
  X(GREATER_THAN_OR_EQUAL, "min")                \
  X(REGEX_MATCH, "like")                         \
  X(REGEX_NO_MATCH, "not like")                  \
  X(IN_SET, "one of")                            \
  X(NOT_IN_SET, "none of")

enum pl_check {
#define PL_CHECK_ENUM(name, sign) PL_CHECK_##name,
  PL_CHECK_MAP(PL_CHECK_ENUM)
#undef PL_CHECK_ENUM
      PL_CHECK_COUNT
};

struct pl_limit {
  struct pl_val value;
  pl_str source; /* "sequence", "limits.yaml" */
  uint8_t check; /* enum pl_check */
};

/* What was judged: by a validator, by the engine. */
enum pl_judged { PL_UNJUDGED, PL_JUDGED_PASS, PL_JUDGED_FAIL };

struct pl_measured {
  struct pl_val value;
  int64_t at;
  pl_str name, unit, hardware, subcomponent;
  uint32_t step, next;  /* next measurement of the same step */
  uint32_t limit;       /* the first of n_limits in limits[] */
  uint32_t diagnosis;   /* what the engine said of it when it did not pass; PL_NONE */
  uint16_t n_limits;
  uint8_t own;          /* enum pl_judged: the value against the limits, evaluated here */
  uint8_t told;         /* enum pl_judged: the engine's diagnosis in the journal */
  uint8_t verdict;      /* enum pl_judged: FAIL when either says so */
  uint8_t before;       /* enum pl_judged: the verdict before it was judged again */
  bool rejudged;        /* its limits were replaced */
};

enum pl_step_state { PL_STATE_OPEN, PL_STATE_COMPLETE, PL_STATE_ERROR, PL_STATE_SKIP };

struct pl_stepped {
  int64_t start, end;  /* end: of an open step, the journal's last time */
  pl_str id, name, kind, file;
  uint32_t line, attempt, depth;
  uint32_t parent, child, last_child, sibling; /* PL_NONE */
  uint32_t measurement, last_measurement;      /* PL_NONE */
  uint32_t diagnosis, note;                    /* the first of its own; PL_NONE */
  uint32_t n_failed;                           /* own measurements with verdict FAIL */
  uint8_t state;                               /* enum pl_step_state */
  uint8_t outcome;                             /* enum pl_verdict, with what is nested */
  bool failed;                                 /* the journal says so */
  bool judged_failed;                          /* something of its own failed (measurement, diagnosis) */
  bool has_error;
  bool superseded;                             /* a later attempt counts instead */
};

struct pl_diagnosed {
  int64_t at;
  pl_str verdict, message, hardware, subcomponent, file;
  uint32_t line, step, measurement; /* PL_NONE */
  uint32_t next;                    /* of the same step; PL_NONE */
  uint8_t type;                     /* enum pl_judged; PL_UNJUDGED: UNKNOWN */
};

struct pl_noted { /* a log line or an error */
  int64_t at;
  pl_str label; /* severity, or symptom */
  pl_str message, file;
  uint32_t line, step;
  uint32_t next; /* of the same step; PL_NONE */
  bool error;
};

struct pl_hw {
  pl_str id, name, location, serial, model, manufacturer, revision, firmware;
};

struct pl_sw {
  pl_str id, name, version, type;
};

struct pl_pair {
  pl_str name, value;
};

struct pl_series {
  struct pl_point *points;
  size_t count, capacity;
  pl_str id, name, unit, hardware;
  uint32_t step, limit;
  uint16_t n_limits;
};

struct pl_attached {
  pl_str name, path, type;
  uint32_t step;
};

struct pl_extended {
  pl_str name, content;
  uint32_t step;
};

#define PL_LIST(type) \
  struct {            \
    type *items;      \
    size_t count;     \
    size_t capacity;  \
  }

struct pl_report {
  struct pl_strings strings;
  pl_str path, name, version, command_line, dut, dut_name;
  int64_t start, end; /* first and last time stamp */
  bool started, ended, torn;
  uint8_t said; /* enum pl_verdict: the journal's own */
  uint8_t verdict;
  uint64_t lines, lost; /* lost: gaps in sequenceNumber */
  size_t n_pass, n_fail, n_unjudged, n_retried; /* measurements; retried: in attempts that do not count */
  size_t n_disagree, n_steps_pass;
  pl_str limits_path, limits_sha256; /* judged again */
  PL_LIST(struct pl_pair) parameters;
  PL_LIST(struct pl_pair) metadata;
  PL_LIST(struct pl_hw) hardware;
  PL_LIST(struct pl_sw) software;
  PL_LIST(struct pl_stepped) steps;
  PL_LIST(struct pl_measured) measurements;
  PL_LIST(struct pl_limit) limits;
  PL_LIST(struct pl_diagnosed) diagnoses; /* passing ones of a measurement leave only its `told` */
  PL_LIST(struct pl_noted) notes;
  PL_LIST(struct pl_series) series;
  PL_LIST(struct pl_attached) files;
  PL_LIST(struct pl_extended) extensions;
  PL_LIST(pl_str) unused_limits; /* keys of the limits file that matched nothing */
  size_t n_top; /* steps without a parent */
  uint32_t first_top;
};

/* A zeroed item at the end of a list, or NULL (out of memory). */
#define PL_LIST_ADD(list) (pl_list_room((void **)&(list)->items, (list)->count, &(list)->capacity, sizeof *(list)->items) ? &(list)->items[(list)->count++] : NULL)
bool pl_list_room(void **items, size_t count, size_t *capacity, size_t size);

/* Texts, strings.c */
pl_str pl_strings_keep(struct pl_strings *strings, const char *text, size_t len); /* each text once */
void pl_strings_free(struct pl_strings *strings);
static inline const char *pl_text_of(const struct pl_report *report, pl_str text)
{
  return text ? report->strings.bytes + text : "";
}

/* Verdicts, settle.c */
void pl_settle(struct pl_report *report); /* every verdict and outcome, from what the lists hold */
enum pl_judged pl_check_value(const struct pl_report *report, const struct pl_limit *limit, const struct pl_val *value);
const char *pl_check_sign(enum pl_check check);
const char *pl_check_name(enum pl_check check);
const char *pl_judged_name(enum pl_judged judged); /* "PASS", "FAIL", "" */

/* Looking, look.c */
const struct pl_hw *pl_hw_of(const struct pl_report *report, pl_str id); /* NULL when unknown */
const char *pl_meta_of(const struct pl_report *report, const char *name); /* a parameter or metadata by name; "" */
struct pl_text;
void pl_put_path(struct pl_text *text, const struct pl_report *report, uint32_t step, const char *between); /* "group / step" */
void pl_put_val(struct pl_text *text, const struct pl_report *report, const struct pl_val *value, int digits); /* for people */
void pl_put_limits(struct pl_text *text, const struct pl_report *report, const struct pl_measured *m); /* "46 to 52 V", "max 150 ms" */
/* The numeric interval that the limits allow; false when they do not make one. A missing side is -inf or +inf. */
bool pl_interval(const struct pl_report *report, uint32_t limit, size_t n_limits, double *low, double *high);

/* What is to be told first. */
struct pl_finding {
  uint32_t diagnosis, measurement, note, step; /* the one that it is; PL_NONE the others */
  const struct pl_hw *hw;
  const char *message;    /* "" when only the measurement says it */
  size_t message_len;     /* without the next action */
  const char *next;       /* the next action; NULL: not given */
};
/* Findings in their order: failed and unknown diagnoses, failed measurements without one, errors. from: 0, then what it returned, until 0. */
size_t pl_next_finding(const struct pl_report *report, size_t from, struct pl_finding *finding);
/* The same, of one step. */
size_t pl_next_step_finding(const struct pl_report *report, uint32_t step, size_t from, struct pl_finding *finding);
bool pl_first_finding(const struct pl_report *report, struct pl_finding *finding); /* of what counts: attempts that were repeated do not */
void pl_put_finding(struct pl_text *text, const struct pl_report *report, const struct pl_finding *finding); /* its sentence, without the next action */
/* A killed run: "stopped in step X at T, no verdict; teardown did not run". */
void pl_put_stopped(struct pl_text *text, const struct pl_report *report);

#endif
