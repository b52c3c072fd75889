/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MODBUS_MAP_MAP_LOAD_H
#define PL_DEVICE_MODBUS_MAP_MAP_LOAD_H

#include "drivers/device/modbus_map/map.h"

/* What the files of the loader share; nobody else includes this. */
struct pl_map_loader {
  struct pl_map *map;
  const struct pl_conf *conf;
  bool byte_swap, word_swap; /* the map's default order */
};

extern const char *const pl_map_table_words[]; /* "coil" "discrete" "holding" "input", NULL: in the order of pl_modbus_table */
#define PL_MAP_PORTS_MAX 256

enum pl_status pl_map_load_rows(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err);
enum pl_status pl_map_load_faults(struct pl_map_loader *loader, const struct pl_node *node, struct pl_err *err);
/* No two things may claim the same register or bit. */
enum pl_status pl_map_check_overlaps(const struct pl_map_loader *loader, struct pl_err *err);

/* "ABCD" ... -> swaps, of the orders for that many registers. */
enum pl_status pl_map_read_order(const struct pl_map_loader *loader, const struct pl_node *node, size_t words, bool *byte_swap, bool *word_swap,
                                 struct pl_err *err);
/* The port of that name, made when it is new. */
enum pl_status pl_map_port(struct pl_map_loader *loader, const struct pl_node *node, const char *name, enum pl_dim dim, int *port, struct pl_err *err);
/* Words with dashes (or underscores) as the tree uses them. */
enum pl_status pl_map_check_name(const struct pl_map_loader *loader, const struct pl_node *node, const char *name, char joint, size_t max,
                                 struct pl_err *err);
/* A world value is in SI-like units, ratios as 1 (docs/vocabulary.md). */
double pl_map_world(enum pl_dim dim, int64_t value_u);
int64_t pl_map_from_world(enum pl_dim dim, double value);

#endif
