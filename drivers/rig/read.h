/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_RIG_READ_H
#define PL_RIG_READ_H

#include "drivers/base/conf.h"
#include "drivers/rig/rig.h"

/* Between the files of drivers/rig only: the pieces of the rig reader. All fail with "file:line: what, expected what". */

/* A required, not empty text of `map` ("a bus"). *node (may be NULL) is where it stands. */
enum pl_status pl_rig_need_text(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *key, const char **text,
                                const struct pl_node **node, struct pl_err *err);
/* The same, NULL when absent. */
enum pl_status pl_rig_want_text(const struct pl_conf *conf, const struct pl_node *map, const char *key, const char **text, const struct pl_node **node,
                                struct pl_err *err);
/* The `name` of a bus, part or device: what fault specs, Lua and the command line can spell. */
enum pl_status pl_rig_need_name(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char **name, struct pl_err *err);
/* Keys of `map` beyond `words` and the params' names are refused. */
enum pl_status pl_rig_check_keys(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *const *words, size_t n_words,
                                 const struct pl_param *params, size_t n_params, struct pl_err *err);
/* library.c: loads the files that `libraries` names; pl_rig_free frees them in any case. */
enum pl_status pl_rig_read_libraries(struct pl_rig *rig, struct pl_err *err);
void pl_rig_free_libraries(struct pl_rig *rig);
/* The model that a part names, into part->model*. */
enum pl_status pl_rig_find_model(const struct pl_rig *rig, const struct pl_node *node, struct pl_rig_part *part, struct pl_err *err);

/* Needs the rig's buses and parts. On failure nothing is left to free. */
enum pl_status pl_rig_read_device(const struct pl_rig *rig, const struct pl_node *node, struct pl_rig_device *device, struct pl_err *err);
void pl_rig_clear_device(struct pl_rig_device *device);
/* The last device against those before it: one address, one line, each its own. */
enum pl_status pl_rig_check_address(const struct pl_rig *rig, const struct pl_rig_device *device, size_t n_before, struct pl_err *err);

#endif
