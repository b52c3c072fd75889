/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/composition.h"
#include "drivers/device/node_agent/node_agent.h"

#include <ctype.h>
#include <math.h>

/* What a client asks for, out of its JSON, and back into it (schema PlumblinePlacement v1_0_0, Request). */

#define OWN "Oem/Plumbline"
enum { ID_MAX = 48, TEXT_MAX = 63, AMOUNT_MAX = 1000000000 };

static const struct {
  const char *name;
  int64_t per; /* the engine's units in one */
} AMOUNTS[] = {
    [PL_DIMENSION_CORES] = {"Cores", 1000},         [PL_DIMENSION_MEMORY] = {"MemoryMiB", 1},
    [PL_DIMENSION_STORAGE] = {"StorageMiB", 1},     [PL_DIMENSION_IOPS] = {"IOPS", 1},
    [PL_DIMENSION_STORAGE_RATE] = {"StorageMiBps", 1}, [PL_DIMENSION_NETWORK_RATE] = {"NetworkMbps", 1},
    [PL_DIMENSION_POWER] = {"PowerWatts", 1000},    [PL_DIMENSION_HEAT] = {"HeatWatts", 1000},
    [PL_DIMENSION_ACCELERATORS] = {"Accelerators", 1}, [PL_DIMENSION_WORKLOADS] = {"Workloads", 1},
};

static const char *const DOMAINS[] = {[PL_DOMAIN_NODE] = "Node", [PL_DOMAIN_MODULE] = "Module", [PL_DOMAIN_RACK] = "Rack", [PL_DOMAIN_FEED] = "Feed", NULL};
static const char *const REDUNDANCIES[] = {[PL_REDUNDANCY_NONE] = "None", [PL_REDUNDANCY_N1] = "NPlus1", [PL_REDUNDANCY_2N] = "TwoN", NULL};
/* What may be asked for though no node has it; the pool keeps a bit for each word, for ever, so that not just any word may come from outside. */
static const char *const FEATURES[] = {"x86-64", "aarch64", "riscv64", "gpu", "fpga", NULL};

#define AMOUNT(NAME, TYPE) {.name = NAME, .type = PL_FIELD_##TYPE, .max = AMOUNT_MAX}
static const struct pl_field OWN_FIELDS[] = {
    AMOUNT("Cores", NUMBER),
    AMOUNT("MemoryMiB", INTEGER),
    AMOUNT("StorageMiB", INTEGER),
    AMOUNT("IOPS", INTEGER),
    AMOUNT("StorageMiBps", INTEGER),
    AMOUNT("NetworkMbps", INTEGER),
    AMOUNT("PowerWatts", NUMBER),
    AMOUNT("HeatWatts", NUMBER),
    AMOUNT("Accelerators", INTEGER),
    AMOUNT("DataMiB", INTEGER),
    {.name = "Application", .type = PL_FIELD_TEXT, .min = 1, .max = TEXT_MAX},
    {.name = "Image", .type = PL_FIELD_TEXT, .min = 1, .max = PL_NA_IMAGE_ROOM},
    {.name = "Priority", .type = PL_FIELD_INTEGER, .min = -1000000, .max = 1000000},
    {.name = "Features", .type = PL_FIELD_LIST, .max = 64},
    {.name = "With", .type = PL_FIELD_LIST, .max = PL_REQUEST_NAMES_MAX},
    {.name = "Apart", .type = PL_FIELD_LIST, .max = PL_REQUEST_NAMES_MAX},
    {.name = "WithIn", .type = PL_FIELD_TEXT, .choices = DOMAINS},
    {.name = "ApartIn", .type = PL_FIELD_TEXT, .choices = DOMAINS},
    {.name = "Replicas", .type = PL_FIELD_INTEGER, .min = 1, .max = 1000},
    {.name = "Redundancy", .type = PL_FIELD_TEXT, .choices = REDUNDANCIES},
    {.name = "Spread", .type = PL_FIELD_TEXT, .choices = DOMAINS},
    {.name = "Stay", .type = PL_FIELD_FLAG},
    {.name = "WaitForRoom", .type = PL_FIELD_FLAG},
};

const struct pl_field pl_wish_fields[PL_WISH_FIELDS] = {
    {.name = "Id", .type = PL_FIELD_TEXT, .min = 1, .max = ID_MAX},
    {.name = "Name", .type = PL_FIELD_TEXT, .min = 1, .max = ID_MAX},
    {.name = "Description", .type = PL_FIELD_TEXT},
    {.name = "SystemType", .type = PL_FIELD_TEXT, .choices = (const char *const[]){"Composed", NULL}},
    {.name = "Links", .type = PL_FIELD_OBJECT},
    {.name = "Oem", .type = PL_FIELD_OBJECT, .required = true},
};

/* --- in --- */

static struct json_object *member(struct json_object *object, const char *path)
{
  bool found;
  return pl_json_path(object, path, &found);
}

static int64_t amount_of(struct json_object *own, const char *name, int64_t per)
{
  return (int64_t)llround(json_object_get_double(member(own, name)) * (double)per);
}

static unsigned choice_of(struct json_object *own, const char *name, const char *const *choices, unsigned fallback)
{
  struct json_object *value = member(own, name);
  for (unsigned i = 0; value && choices[i]; i++)
    if (!strcmp(choices[i], json_object_get_string(value)))
      return i;
  return fallback;
}

static void read_amounts(struct json_object *own, struct pl_amounts *need)
{
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    need->of[d] = amount_of(own, AMOUNTS[d].name, AMOUNTS[d].per);
  need->of[PL_DIMENSION_WORKLOADS] = 1;
}

/* names has room for as many as the field's max. */
static bool read_names(struct pl_exchange *x, struct json_object *own, const char *prefix, const char *name, const char *names[])
{
  struct json_object *list = member(own, name);
  char path[200];
  snprintf(path, sizeof path, "%s/%s", prefix, name);
  for (size_t i = 0; list && i < json_object_array_length(list); i++) {
    struct json_object *item = json_object_array_get_idx(list, i);
    if (!json_object_is_type(item, json_type_string) || !json_object_get_string_len(item)) {
      pl_say(x, 0, path, "PropertyValueTypeError", json_object_to_json_string(item), path, NULL);
      return false;
    }
    names[i] = json_object_get_string(item);
  }
  return true;
}

static bool is_feature(const struct pl_pool *pool, const char *word)
{
  for (size_t i = 0; FEATURES[i]; i++)
    if (!strcmp(FEATURES[i], word))
      return true;
  for (unsigned bit = 0; bit < 64; bit++) {
    const char *known = pl_pool_feature_word(pool, bit);
    if (known && !strcmp(known, word))
      return true;
  }
  return false;
}

static bool read_features(struct pl_exchange *x, struct json_object *own, const char *path, struct pl_request *request)
{
  struct pl_pool *pool = pl_placement_pool(x->stack->placement);
  const char *words[64] = {NULL};
  struct pl_err err = {0};
  if (!read_names(x, own, path, "Features", words))
    return false;
  for (size_t i = 0; i < 64 && words[i]; i++) {
    uint64_t bit = 0;
    if (!is_feature(pool, words[i])) {
      pl_say(x, 0, path, "PropertyValueNotInList", words[i], "Features", NULL);
      return false;
    }
    if (pl_pool_feature(pool, words[i], &bit, &err)) {
      pl_say_err(x, NULL, &err);
      return false;
    }
    request->features |= bit;
  }
  return true;
}

static bool read_image(struct pl_exchange *x, struct json_object *own, const char *prefix, uint32_t *image)
{
  struct json_object *value = member(own, "Image");
  struct pl_err err = {0};
  char path[200];
  if (!value || pl_na_image_parse(json_object_get_string(value), image, &err) == PL_OK)
    return true;
  snprintf(path, sizeof path, "%s/Image", prefix);
  pl_say(x, 0, path, "PropertyValueFormatError", json_object_get_string(value), path, NULL);
  pl_say_err(x, path, &err);
  return false;
}

/* An id becomes a word of a URI, and must stand for nothing else there. */
static bool read_id(struct pl_exchange *x, struct json_object *request, const char *prefix, const char *fallback, struct pl_request *r)
{
  struct json_object *id = member(request, "Id"), *name = member(request, "Name");
  char path[200];
  snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", id || !name ? "Id" : "Name");
  r->id = id ? json_object_get_string(id) : name ? json_object_get_string(name) : fallback;
  if (!r->id || !*r->id) {
    pl_say(x, 0, path, "PropertyMissing", path, NULL);
    return false;
  }
  bool fine = isalnum((unsigned char)*r->id) && strlen(r->id) <= ID_MAX;
  for (const char *p = r->id; *p && fine; p++)
    fine = isalnum((unsigned char)*p) || strchr("-._", *p);
  if (!fine) {
    pl_say(x, 0, path, "PropertyValueFormatError", r->id, path, NULL);
    return false;
  }
  return true;
}

static bool is_taken(struct pl_exchange *x, const char *id)
{
  char uri[PL_URI_MAX];
  struct pl_res res;
  snprintf(uri, sizeof uri, "/redfish/v1/Systems/%s", id);
  if (pl_res_find(x->stack, uri, &res))
    return false;
  pl_res_end(&res);
  pl_say(x, 0, NULL, "ResourceAlreadyExists", "ComputerSystem", "Id", id, NULL);
  return true;
}

/* Neither it nor one of its replicas ("web-2") may have the Id of something else. */
static bool any_taken(struct pl_exchange *x, const struct pl_request *r)
{
  unsigned replicas = r->redundancy == PL_REDUNDANCY_2N ? 2 * r->replicas : r->replicas + (r->redundancy == PL_REDUNDANCY_N1);
  if (is_taken(x, r->id))
    return true;
  for (unsigned i = 2; i <= replicas; i++) {
    char id[64];
    snprintf(id, sizeof id, "%.48s-%u", r->id, i);
    if (is_taken(x, id))
      return true;
  }
  return false;
}

/* Links.ResourceBlocks: the one block that it must stand on (DSP2050, "specific composition"). */
static bool read_block(struct pl_exchange *x, struct json_object *request, const char *prefix, struct pl_request *r)
{
  struct json_object *blocks = member(request, "Links/ResourceBlocks");
  char path[200];
  if (!blocks)
    return true;
  snprintf(path, sizeof path, "%s%sLinks/ResourceBlocks", prefix, *prefix ? "/" : "");
  if (!json_object_is_type(blocks, json_type_array) || json_object_array_length(blocks) != 1) { /* a replica stands on one block, whole */
    pl_say(x, 0, path, "PropertyValueTypeError", json_object_to_json_string(blocks), path, NULL);
    return false;
  }
  r->node = pl_block_named(x, json_object_array_get_idx(blocks, 0), path);
  return r->node != NULL;
}

/* A replica is of one compute block and of no other kind (schema ResourceBlock, ResourceBlockLimits). */
static bool limits_fit(struct pl_exchange *x, struct json_object *request)
{
  struct json_object *limits = member(request, "@Redfish.ResourceBlockLimits");
  bool fit = true;
  if (!json_object_is_type(limits, json_type_object))
    return true;
  json_object_object_foreach(limits, name, value)
  {
    bool compute = !strcmp(name, "MinCompute") || !strcmp(name, "MaxCompute");
    if (fit && (compute ? !strncmp(name, "Min", 3) && json_object_get_int64(value) > 1 : !strncmp(name, "Min", 3) && json_object_get_int64(value) > 0)) {
      pl_say(x, 0, NULL, "Composition.1.1.NoResourceMatch", name + 3, NULL);
      fit = false;
    }
  }
  return fit;
}

static bool read_own(struct pl_exchange *x, struct json_object *own, const char *prefix, struct pl_wishes *wishes)
{
  struct pl_request *r = &wishes->requests[wishes->count];
  struct json_object *application = member(own, "Application");
  char path[160];
  snprintf(path, sizeof path, "%s%s" OWN, prefix, *prefix ? "/" : "");
  if (!pl_write_object((struct pl_open_exchange *)x, own, path, OWN_FIELDS, sizeof OWN_FIELDS / sizeof OWN_FIELDS[0]))
    return false;
  read_amounts(own, &r->need);
  r->priority = json_object_get_int(member(own, "Priority"));
  r->with_in = choice_of(own, "WithIn", DOMAINS, PL_DOMAIN_NODE);
  r->apart_in = choice_of(own, "ApartIn", DOMAINS, PL_DOMAIN_NODE);
  r->spread = choice_of(own, "Spread", DOMAINS, PL_DOMAIN_NODE);
  r->redundancy = choice_of(own, "Redundancy", REDUNDANCIES, PL_REDUNDANCY_NONE);
  r->replicas = member(own, "Replicas") ? (unsigned)json_object_get_int(member(own, "Replicas")) : 1;
  r->stay = json_object_get_boolean(member(own, "Stay"));
  wishes->queue |= json_object_get_boolean(member(own, "WaitForRoom"));
  wishes->data_MiB[wishes->count] = amount_of(own, "DataMiB", 1);
  if (application && !*wishes->application)
    wishes->application = json_object_get_string(application);
  return read_names(x, own, path, "With", r->with) && read_names(x, own, path, "Apart", r->apart) && read_features(x, own, path, r) &&
         read_image(x, own, path, &wishes->images[wishes->count]);
}

bool pl_wish_read(struct pl_exchange *x, struct json_object *request, const char *prefix, const char *id, struct pl_wishes *wishes)
{
  struct pl_request *r = &wishes->requests[wishes->count];
  struct json_object *own = member(request, OWN);
  char path[160];
  *r = (struct pl_request){0};
  if (!json_object_is_type(own, json_type_object)) {
    snprintf(path, sizeof path, "%s%s" OWN, prefix, *prefix ? "/" : "");
    pl_say(x, 0, path, "PropertyMissing", path, NULL);
    return false;
  }
  if (!read_id(x, request, prefix, id, r) || !read_own(x, own, prefix, wishes) || !read_block(x, request, prefix, r) || !limits_fit(x, request) || any_taken(x, r))
    return false;
  wishes->count++;
  return true;
}

/* --- out --- */

struct json_object *pl_amounts_json(const struct pl_amounts *amounts, bool all)
{
  struct json_object *o = json_object_new_object();
  for (int d = 0; d < PL_DIMENSION_COUNT; d++)
    if (all || amounts->of[d])
      json_object_object_add(o, AMOUNTS[d].name, pl_json_number((double)amounts->of[d] / (double)AMOUNTS[d].per));
  return o;
}

struct json_object *pl_lines_json(const char *text)
{
  struct json_object *lines = json_object_new_array();
  while (text && *text) {
    size_t n = strcspn(text, "\n");
    if (n)
      json_object_array_add(lines, json_object_new_string_len(text, (int)n));
    text += n + (text[n] == '\n');
  }
  return lines;
}

struct json_object *pl_own_json(const char *type)
{
  char text[96];
  struct json_object *o = json_object_new_object();
  snprintf(text, sizeof text, "#%s", type);
  json_object_object_add(o, "@odata.type", json_object_new_string(text));
  return o;
}

static void put_text(struct json_object *o, const char *name, const char *text)
{
  if (text && *text)
    json_object_object_add(o, name, json_object_new_string(text));
}

static void put_names(struct json_object *o, const char *name, const char *const names[PL_REQUEST_NAMES_MAX], const char *in_name, enum pl_domain in)
{
  struct json_object *list = json_object_new_array();
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX && names[i]; i++)
    json_object_array_add(list, json_object_new_string(names[i]));
  if (json_object_array_length(list)) {
    json_object_object_add(o, name, list);
    put_text(o, in_name, DOMAINS[in]);
  } else
    json_object_put(list);
}

struct json_object *pl_features_json(const struct pl_stack *stack, uint64_t features)
{
  struct json_object *list = json_object_new_array();
  for (unsigned bit = 0; bit < 64; bit++) {
    const char *word = features >> bit & 1 ? pl_pool_feature_word(pl_placement_pool(stack->placement), bit) : NULL;
    if (word)
      json_object_array_add(list, json_object_new_string(word));
  }
  return list;
}

struct json_object *pl_forecast_json(const struct pl_forecast *forecast, enum pl_dimension of)
{
  struct json_object *o = json_object_new_object();
  double per = (double)AMOUNTS[of].per;
  json_object_object_add(o, "Value", pl_json_number(forecast->value / per));
  json_object_object_add(o, "Low", pl_json_number(forecast->low / per));
  json_object_object_add(o, "High", pl_json_number(forecast->high / per));
  json_object_object_add(o, "Model", forecast->model ? json_object_new_string(forecast->model) : NULL);
  return o;
}

struct json_object *pl_wish_json(struct pl_stack *stack, const struct pl_request *r, uint32_t image, int64_t data_MiB, const char *application)
{
  char text[PL_NA_IMAGE_ROOM];
  struct json_object *o = pl_amounts_json(&r->need, false);
  json_object_object_del(o, AMOUNTS[PL_DIMENSION_WORKLOADS].name); /* one each, which is not asked for */
  put_text(o, "Application", application);
  put_text(o, "Image", pl_na_image_text(image, text));
  if (data_MiB)
    json_object_object_add(o, "DataMiB", json_object_new_int64(data_MiB));
  json_object_object_add(o, "Priority", json_object_new_int(r->priority));
  json_object_object_add(o, "Replicas", json_object_new_int64(r->replicas ? r->replicas : 1));
  json_object_object_add(o, "Redundancy", json_object_new_string(REDUNDANCIES[r->redundancy]));
  if (r->redundancy)
    put_text(o, "Spread", DOMAINS[r->spread]);
  if (r->features)
    json_object_object_add(o, "Features", pl_features_json(stack, r->features));
  put_names(o, "With", r->with, "WithIn", r->with_in);
  put_names(o, "Apart", r->apart, "ApartIn", r->apart_in);
  if (r->stay)
    json_object_object_add(o, "Stay", json_object_new_boolean(true));
  return o;
}
