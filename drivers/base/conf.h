/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_CONF_H
#define PL_BASE_CONF_H

#include "drivers/base/param.h"

/*
 * YAML files (rigs, register maps, limits, scripted answers) read with libyaml into a tree that keeps line numbers, so that every
 * complaint can say file:line: what, expected what. Anchors/aliases and duplicate keys are refused, depth and size are bounded.
 */
enum pl_node_kind { PL_NODE_SCALAR, PL_NODE_LIST, PL_NODE_MAP };

struct pl_node {
  enum pl_node_kind kind;
  int line;                /* from 1 */
  const char *key;         /* when it is the value of a key; else NULL */
  int key_line;
  const char *text;        /* SCALAR; never NULL */
  struct pl_node *items;   /* LIST: elements; MAP: values with their keys, in file order */
  size_t count;
};

struct pl_conf; /* owns the tree */

enum pl_status pl_conf_load(const char *path, struct pl_conf **conf, struct pl_err *err);
/* `name` stands for the file in messages. */
enum pl_status pl_conf_parse(const char *name, const char *bytes, size_t size, struct pl_conf **conf, struct pl_err *err);
void pl_conf_free(struct pl_conf *conf);
const struct pl_node *pl_conf_root(const struct pl_conf *conf);
const char *pl_conf_name(const struct pl_conf *conf);
const char *pl_conf_sha256(const struct pl_conf *conf); /* hex, of the bytes read */

const struct pl_node *pl_node_get(const struct pl_node *map, const char *key); /* NULL when absent */
/* "file:line: ..." with status PL_E_USAGE. */
enum pl_status pl_node_fail(const struct pl_conf *conf, const struct pl_node *node, struct pl_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum pl_status pl_node_want(const struct pl_conf *conf, const struct pl_node *node, enum pl_node_kind kind, const char *what, struct pl_err *err);
/* Refuses keys that are not in `words` ("unknown key 'adress' in a device, did you mean 'address'?"). */
enum pl_status pl_node_check_keys(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *const *words, size_t count,
                                  struct pl_err *err);
/* "unknown driver 'psu-pmbsu', did you mean 'psu-pmbus'?" about a SCALAR, or the list of what is known.
 * where: "" or more, such as " of device 'psu-a'". */
enum pl_status pl_node_unknown(const struct pl_conf *conf, const struct pl_node *node, const char *what, const char *where, const char *const *words,
                               size_t count, struct pl_err *err);
/* Fills one pl_value per row from the keys of map (missing required key, bad value: file:line sentence). Keys outside the table are
 * left to pl_node_check_keys. values->items is allocated; free it with free((void *)values->items). */
enum pl_status pl_node_values(const struct pl_conf *conf, const struct pl_node *map, const struct pl_param *params, size_t count,
                              struct pl_values *values, struct pl_err *err);
/* As pl_node_values; what map does not say is taken from base (of another file, base_conf), where that is not NULL. */
enum pl_status pl_node_values_over(const struct pl_conf *conf, const struct pl_node *map, const struct pl_conf *base_conf, const struct pl_node *base,
                                   const struct pl_param *params, size_t count, struct pl_values *values, struct pl_err *err);

#endif
