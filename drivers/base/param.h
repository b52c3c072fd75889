/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_PARAM_H
#define PL_BASE_PARAM_H

#include "drivers/base/unit.h"
#include "drivers/base/word.h"

/*
 * Settings as tables. A driver, an adapter or a part of the world says with const pl_param rows what a rig file may say about it;
 * the rig loader fills a pl_values from the file. The same rows make `plumb drivers` and the error sentences.
 */
enum pl_param_kind {
  PL_PARAM_TEXT,
  PL_PARAM_INT,      /* decimal or 0x.. */
  PL_PARAM_QUANTITY, /* a number with a unit of `dim` */
  PL_PARAM_FLAG,     /* true/false, on/off, yes/no */
  PL_PARAM_CHOICE,   /* one of `choices` */
  PL_PARAM_MAP,      /* YAML map of words to numbers or words, read with pl_value_map */
  PL_PARAM_LINE,     /* a GPIO line: its name, or its offset; a leading '!' means active-low */
};

struct pl_param {
  const char *name;           /* as spelt in the rig file: "shunt", "power-good" */
  const char *help;
  enum pl_param_kind kind;
  enum pl_dim dim;            /* QUANTITY only */
  bool required;
  bool address;               /* takes part in "two devices at one address" */
  const char *fallback;       /* what an absent key means, as text; NULL: absent */
  int64_t min, max;           /* inclusive; INT as is, QUANTITY in millionths; both 0: unbounded */
  const char *const *choices; /* CHOICE only, NULL-terminated */
};

struct pl_value {
  const struct pl_param *param;
  bool given;        /* in the file or by fallback */
  const char *text;  /* TEXT and LINE (without '!'); MAP: ""; else as written */
  const struct pl_node *map; /* MAP: the node (drivers/base/conf.h); lives as long as the rig */
  int64_t number;    /* INT; QUANTITY in millionths; FLAG 0/1; CHOICE its index; LINE offset or -1 when named */
  bool active_low;   /* LINE */
};

struct pl_values { /* one item a row of the param table, in its order */
  const struct pl_value *items;
  size_t count;
};

struct pl_node;

/* By name; asserts that the row exists (a driver asks for its own rows only). */
const struct pl_value *pl_value(const struct pl_values *values, const char *name);
/* For those who look at other people's tables: the row, or NULL when the table has none such; pl_value_given: NULL too when nothing was said of it. */
const struct pl_value *pl_value_find(const struct pl_values *values, const char *name);
const struct pl_value *pl_value_given(const struct pl_values *values, const char *name);
/* Parses one value by its row. PL_E_USAGE with "NAME: what, expected what". `text` must outlive value. */
enum pl_status pl_value_parse(const struct pl_param *param, const char *text, struct pl_value *value, struct pl_err *err);

/* The text of a word in a MAP value; NULL when it is not there or the value was not given. */
const char *pl_value_map(const struct pl_value *value, const char *word);

#endif
