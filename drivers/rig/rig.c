/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/rig.h"
#include "drivers/base/conf.h"
#include "drivers/rig/names.h"
#include "drivers/rig/read.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 32768 /* buses, parts, devices each: some 1,000 modules of 4 CSUs */
#define IN_MAX 8        /* parts that stand in each other */

/* --- buses --- */

static enum pl_status read_kind(const struct pl_conf *conf, const struct pl_node *map, enum pl_bus_kind *kind, struct pl_err *err)
{
  const char *words[PL_BUS_KIND_COUNT], *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_need_text(conf, map, "a bus", "kind", &text, &node, err);
  if (status)
    return status;
  for (int i = 0; i < PL_BUS_KIND_COUNT; i++) {
    words[i] = pl_bus_kind_name((enum pl_bus_kind)i);
    if (!strcmp(words[i], text)) {
      *kind = (enum pl_bus_kind)i;
      return PL_OK;
    }
  }
  return pl_node_unknown(conf, node, "bus kind", "", words, PL_BUS_KIND_COUNT, err);
}

static enum pl_status read_adapter(const struct pl_conf *conf, const struct pl_node *map, struct pl_rig_bus *bus, struct pl_err *err)
{
  const char *text;
  const struct pl_node *node;
  enum pl_status status = pl_rig_need_text(conf, map, "a bus", "adapter", &text, &node, err);
  if (status)
    return status;
  bus->adapter = pl_adapter_find(bus->kind, text);
  if (bus->adapter)
    return PL_OK;
  const char **words = malloc((pl_n_adapters + 1) * sizeof *words);
  if (!words)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", pl_conf_name(conf));
  size_t n = 0;
  const struct pl_adapter_desc *other = NULL;
  for (size_t i = 0; i < pl_n_adapters; i++) {
    if (pl_adapters[i]->kind == bus->kind)
      words[n++] = pl_adapters[i]->name;
    else if (!strcmp(pl_adapters[i]->name, text))
      other = pl_adapters[i];
  }
  if (other)
    status = pl_node_fail(conf, node, err, "adapter '%s' is for %s buses, expected one for kind %s", text, pl_bus_kind_name(other->kind),
                          pl_bus_kind_name(bus->kind));
  else
    status = pl_node_unknown(conf, node, "adapter", "", words, n, err);
  free(words);
  return status;
}

static bool on_twin(const struct pl_rig_bus *bus)
{
  if (bus->adapter->is_virtual)
    return true;
  for (size_t i = 0; i < bus->values.count; i++)
    if (bus->values.items[i].given && !strcmp(bus->values.items[i].text, "twin"))
      return true;
  return false;
}

static enum pl_status read_bus(struct pl_rig *rig, const struct pl_node *node, struct pl_err *err)
{
  static const char *const KEYS[] = {"name", "kind", "adapter"};
  struct pl_rig_bus bus = {.line = node->line};
  enum pl_status status = pl_rig_need_name(rig->conf, node, "a bus", &bus.name, err);
  if (!status)
    status = read_kind(rig->conf, node, &bus.kind, err);
  if (!status)
    status = read_adapter(rig->conf, node, &bus, err);
  if (!status)
    status = pl_rig_check_keys(rig->conf, node, "a bus", KEYS, 3, bus.adapter->params, bus.adapter->n_params, err);
  if (status)
    return status;
  for (size_t i = 0; i < rig->n_buses; i++)
    if (pl_same_word(rig->buses[i].name, bus.name))
      return pl_node_fail(rig->conf, node, err, "a second bus '%s', expected another name (first on line %d)", bus.name, rig->buses[i].line);
  status = pl_node_values(rig->conf, node, bus.adapter->params, bus.adapter->n_params, &bus.values, err);
  if (status)
    return status;
  bus.on_twin = on_twin(&bus);
  rig->buses[rig->n_buses++] = bus;
  return PL_OK;
}

/* --- parts --- */

static enum pl_status read_part(struct pl_rig *rig, const struct pl_node *node, struct pl_err *err)
{
  struct pl_rig_part part = {.node = node, .line = node->line};
  const struct pl_node *kind_node = NULL;
  enum pl_status status = pl_rig_need_name(rig->conf, node, "a part", &part.name, err);
  if (!status)
    status = pl_rig_find_model(rig, node, &part, err);
  if (!status)
    status = pl_rig_want_text(rig->conf, node, "kind", &part.kind, &kind_node, err);
  const char *model_kind = !status && part.model_node ? pl_node_get(part.model_node, "kind")->text : NULL;
  if (!status && part.kind && model_kind && strcmp(part.kind, model_kind) != 0)
    return pl_node_fail(rig->conf, kind_node, err, "part '%s' is a %s, and its model '%s' a %s; take a model of that kind", part.name, part.kind, part.model,
                        model_kind);
  if (!status && !part.kind && !(part.kind = model_kind))
    return pl_node_fail(rig->conf, node, err, "the key 'kind' is missing in a part");
  if (!kind_node)
    kind_node = part.model_node ? pl_node_get(node, "model") : node;
  if (!status)
    status = pl_rig_want_text(rig->conf, node, "location", &part.location, NULL, err);
  if (status)
    return status;
  if (!part.location)
    part.location = "";
  size_t n, i = 0;
  const struct pl_word *kinds = pl_rig_part_kinds(&n);
  const char *words[64];
  for (; i < n && i < sizeof words / sizeof words[0]; i++)
    words[i] = kinds[i].name;
  size_t known = 0;
  while (known < i && strcmp(words[known], part.kind) != 0)
    known++;
  if (known == i)
    return pl_node_unknown(rig->conf, kind_node, "part kind", "", words, i, err);
  const struct pl_rig_part *first = pl_rig_part(rig, part.name);
  if (first)
    return pl_node_fail(rig->conf, node, err, "a second part '%s', expected another name (first on line %d)", part.name, first->line);
  if (!pl_names_add(&rig->part_names, part.name, rig->n_parts))
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", rig->path);
  rig->parts[rig->n_parts++] = part;
  return PL_OK;
}

/* Once all are read, for a part may stand in one that is told of later. */
static enum pl_status find_in(struct pl_rig *rig, struct pl_rig_part *part, struct pl_err *err)
{
  const char *name;
  const struct pl_node *at;
  enum pl_status status = pl_rig_want_text(rig->conf, part->node, "in", &name, &at, err);
  if (status || !name)
    return status;
  part->in = pl_rig_part(rig, name);
  if (!part->in)
    return pl_node_fail(rig->conf, at, err, "'%s' stands in '%s', and there is no such part", part->name, name);
  return PL_OK;
}

static enum pl_status find_places(struct pl_rig *rig, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rig->n_parts && !status; i++)
    status = find_in(rig, &rig->parts[i], err);
  for (size_t i = 0; i < rig->n_parts && !status; i++) {
    size_t depth = 0;
    for (const struct pl_rig_part *part = &rig->parts[i]; part && depth <= IN_MAX; part = part->in)
      depth++;
    if (depth > IN_MAX)
      status = pl_node_fail(rig->conf, rig->parts[i].node, err, "'%s' stands in a part that stands in a part, and so on, more than %d deep or round in a ring; "
                            "mend the `in` keys", rig->parts[i].name, IN_MAX);
  }
  return status;
}

/* --- devices --- */

static enum pl_status read_device(struct pl_rig *rig, const struct pl_node *node, struct pl_err *err)
{
  struct pl_rig_device *device = &rig->devices[rig->n_devices];
  enum pl_status status = pl_rig_read_device(rig, node, device, err);
  if (status)
    return status;
  rig->n_devices++; /* from here on pl_rig_free releases it */
  const struct pl_rig_device *first = pl_rig_device(rig, device->name);
  if (first)
    return pl_node_fail(rig->conf, node, err, "a second device '%s', expected another name (first on line %d)", device->name, first->line);
  if (!pl_names_add(&rig->device_names, device->name, rig->n_devices - 1))
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", rig->path);
  return pl_rig_check_address(rig, device, rig->n_devices - 1, err);
}

/* --- the file --- */

/* Calls read for each element of the list at `key`; *array gets room for all of them first. */
static enum pl_status read_list(struct pl_rig *rig, const char *key, bool required, void **array, size_t size,
                                enum pl_status (*read)(struct pl_rig *rig, const struct pl_node *node, struct pl_err *err), struct pl_err *err)
{
  const struct pl_node *root = pl_conf_root(rig->conf), *list = pl_node_get(root, key);
  if (!list)
    return required ? pl_node_fail(rig->conf, root, err, "the key '%s' is missing in a rig, expected a list", key) : PL_OK;
  enum pl_status status = pl_node_want(rig->conf, list, PL_NODE_LIST, key, err);
  if (status)
    return status;
  if (list->count > LIST_MAX)
    return pl_node_fail(rig->conf, list, err, "%zu %s, expected at most %d", list->count, key, LIST_MAX);
  *array = calloc(list->count ? list->count : 1, size);
  if (!*array)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", rig->path);
  for (size_t i = 0; i < list->count && !status; i++)
    status = read(rig, &list->items[i], err);
  return status;
}

static enum pl_status read_rig(struct pl_rig *rig, struct pl_err *err)
{
  static const char *const KEYS[] = {"rig", "about", "buses", "parts", "devices", "libraries", "interlock", "instruments", "usb", "twin-socket"};
  const struct pl_node *root = pl_conf_root(rig->conf);
  enum pl_status status = pl_node_want(rig->conf, root, PL_NODE_MAP, "a rig", err);
  if (!status)
    status = pl_node_check_keys(rig->conf, root, "a rig", KEYS, sizeof KEYS / sizeof KEYS[0], err);
  if (!status)
    status = pl_rig_need_text(rig->conf, root, "a rig", "rig", &rig->name, NULL, err);
  if (!status)
    status = pl_rig_want_text(rig->conf, root, "about", &rig->about, NULL, err);
  if (!rig->about)
    rig->about = "";
  if (!status)
    status = pl_rig_want_text(rig->conf, root, "twin-socket", &rig->twin_socket, NULL, err);
  rig->usb = pl_node_get(root, "usb");
  if (!status && rig->usb)
    status = pl_node_want(rig->conf, rig->usb, PL_NODE_LIST, "usb", err);
  rig->interlock = pl_node_get(root, "interlock");
  rig->instruments = pl_node_get(root, "instruments");
  if (!status)
    status = pl_rig_read_libraries(rig, err);
  if (!status)
    status = read_list(rig, "buses", true, (void **)&rig->buses, sizeof *rig->buses, read_bus, err);
  if (!status)
    status = read_list(rig, "parts", false, (void **)&rig->parts, sizeof *rig->parts, read_part, err);
  if (!status)
    status = find_places(rig, err);
  if (!status)
    status = read_list(rig, "devices", true, (void **)&rig->devices, sizeof *rig->devices, read_device, err);
  return status;
}

/* Takes conf. */
static enum pl_status from_conf(struct pl_conf *conf, struct pl_rig **out, struct pl_err *err)
{
  struct pl_rig *rig = calloc(1, sizeof *rig);
  if (!rig) {
    pl_conf_free(conf);
    return pl_fail(err, PL_E_NOMEM, "out of memory for a rig");
  }
  rig->conf = conf;
  rig->path = pl_conf_name(conf);
  rig->sha256 = pl_conf_sha256(conf);
  enum pl_status status = read_rig(rig, err);
  if (status) {
    pl_rig_free(rig);
    return status;
  }
  *out = rig;
  return PL_OK;
}

enum pl_status pl_rig_load(const char *path, struct pl_rig **rig, struct pl_err *err)
{
  struct pl_conf *conf = NULL;
  enum pl_status status = pl_conf_load(path, &conf, err);
  return status ? status : from_conf(conf, rig, err);
}

enum pl_status pl_rig_parse(const char *name, const char *bytes, size_t size, struct pl_rig **rig, struct pl_err *err)
{
  struct pl_conf *conf = NULL;
  enum pl_status status = pl_conf_parse(name, bytes, size, &conf, err);
  return status ? status : from_conf(conf, rig, err);
}

void pl_rig_free(struct pl_rig *rig)
{
  if (!rig)
    return;
  for (size_t i = 0; i < rig->n_devices; i++)
    pl_rig_clear_device(&rig->devices[i]);
  for (size_t i = 0; i < rig->n_buses; i++)
    free((void *)rig->buses[i].values.items);
  pl_names_free(rig->part_names);
  pl_names_free(rig->device_names);
  free(rig->devices);
  free(rig->parts);
  free(rig->buses);
  pl_rig_free_libraries(rig);
  pl_conf_free(rig->conf);
  free(rig);
}

const struct pl_rig_device *pl_rig_device(const struct pl_rig *rig, const char *name)
{
  size_t index = pl_names_find(rig->device_names, name);
  return index < rig->n_devices ? &rig->devices[index] : NULL;
}

const struct pl_rig_part *pl_rig_part(const struct pl_rig *rig, const char *name)
{
  size_t index = pl_names_find(rig->part_names, name);
  return index < rig->n_parts ? &rig->parts[index] : NULL;
}

const struct pl_rig_device *pl_rig_by_role(const struct pl_rig *rig, const struct pl_rig_part *part, const char *role)
{
  for (size_t i = 0; i < rig->n_devices; i++)
    if (rig->devices[i].part == part && rig->devices[i].owner != PL_OWNER_INTERLOCK && pl_same_word(rig->devices[i].role, role))
      return &rig->devices[i];
  return NULL;
}
