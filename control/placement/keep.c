/* SPDX-License-Identifier: Apache-2.0 */
/* A workload as the store has it: place "workload", by its id, JSON. Written before its agent is told. */
#include "control/placement/placement_in.h"

#include <json-c/json.h>

#define PLACE "workload"

/* --- out --- */

static void put_text(struct json_object *object, const char *key, const char *value)
{
  if (value && *value)
    json_object_object_add(object, key, json_object_new_string(value));
}

static void put_int(struct json_object *object, const char *key, int64_t value)
{
  if (value)
    json_object_object_add(object, key, json_object_new_int64(value));
}

static void put_names(struct json_object *object, const char *key, const char *const names[PL_REQUEST_NAMES_MAX])
{
  struct json_object *list = json_object_new_array();
  for (size_t i = 0; i < PL_REQUEST_NAMES_MAX && names[i]; i++)
    json_object_array_add(list, json_object_new_string(names[i]));
  json_object_object_add(object, key, list);
}

static void put_amounts(struct json_object *object, const char *key, const struct pl_amounts *amounts)
{
  struct json_object *map = json_object_new_object();
  for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
    put_int(map, pl_dimension_name((enum pl_dimension)i), amounts->of[i]);
  json_object_object_add(object, key, map);
}

/* By their words: bits are given anew with each start. */
static void put_features(const struct pl_placement *all, struct json_object *object, uint64_t features)
{
  struct json_object *list = json_object_new_array();
  for (unsigned bit = 0; bit < 64; bit++) {
    const char *word = features >> bit & 1 ? pl_pool_feature_word(all->pool, bit) : NULL;
    if (word)
      json_object_array_add(list, json_object_new_string(word));
  }
  json_object_object_add(object, "features", list);
}

static void put_request(const struct pl_placement *all, struct json_object *object, const struct pl_request *request)
{
  put_text(object, "id", request->id);
  put_text(object, "group", request->group);
  put_amounts(object, "need", &request->need);
  put_int(object, "priority", request->priority);
  put_features(all, object, request->features);
  put_names(object, "with", request->with);
  put_names(object, "apart", request->apart);
  put_int(object, "with-in", request->with_in);
  put_int(object, "apart-in", request->apart_in);
  put_int(object, "replicas", request->replicas);
  put_int(object, "redundancy", request->redundancy);
  put_int(object, "spread", request->spread);
  put_text(object, "node", request->node);
  put_text(object, "not-node", request->not_node);
  put_int(object, "stay", request->stay);
}

static void put_snapshot(struct json_object *object, const struct pl_agent_run *kept)
{
  struct json_object *map = json_object_new_object();
  if (!kept->handle) {
    json_object_put(map);
    return;
  }
  json_object_object_add(map, "work", json_object_new_uint64(kept->work));
  put_int(map, "checksum", kept->checksum);
  put_int(map, "data", kept->data_MiB);
  json_object_object_add(object, "snapshot", map);
}

static int64_t wall_of(const struct pl_placement *all, pl_time_ns at)
{
  return at == PL_NEVER ? 0 : pl_clock_wall_ns(all->stack->clock, at);
}

enum pl_status pl_work_keep(struct pl_placement *all, const struct pl_work *work, struct pl_err *err)
{
  const struct pl_workload *w = &work->w;
  struct json_object *object = json_object_new_object(), *request = json_object_new_object();
  if (!object || !request || all->stack->dead) {
    json_object_put(object);
    json_object_put(request);
    return all->stack->dead ? PL_OK : pl_fail(err, PL_E_NOMEM, "workload '%s': out of memory", w->id);
  }
  put_request(all, request, &w->request);
  json_object_object_add(object, "request", request);
  put_text(object, "application", w->application);
  put_int(object, "replica", work->replica);
  put_int(object, "handle", w->handle);
  put_int(object, "image", w->image);
  put_int(object, "data", w->data_MiB);
  put_text(object, "state", pl_workload_state_name(w->state));
  put_text(object, "node", w->node);
  put_text(object, "target", w->target);
  put_text(object, "why", w->why);
  json_object_object_add(object, "score", json_object_new_double(w->score));
  put_text(object, "reservation", w->reservation);
  put_int(object, "expires", wall_of(all, w->expires));
  put_int(object, "order", (int64_t)work->order);
  put_int(object, "asked", work->asked_wall_ns);
  put_int(object, "waited", work->waited_ns);
  put_int(object, "placed", work->placed_wall_ns);
  put_int(object, "displaced", work->displaced);
  put_snapshot(object, &work->kept);
  put_int(object, "moves", w->moves);
  put_int(object, "interrupted", w->interrupted);
  put_int(object, "party", (int64_t)work->party);
  put_text(object, "back", work->back);
  put_int(object, "returning", work->returning);
  put_amounts(object, "grow", &work->grow);
  enum pl_status status = pl_store_put(all->stack->store, PLACE, w->id, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), err);
  json_object_put(object);
  return status;
}

/* --- in --- */

static const char *text_of(struct json_object *object, const char *key)
{
  struct json_object *found;
  return json_object_object_get_ex(object, key, &found) ? json_object_get_string(found) : NULL;
}

static int64_t int_of(struct json_object *object, const char *key)
{
  struct json_object *found;
  return json_object_object_get_ex(object, key, &found) ? json_object_get_int64(found) : 0;
}

static void get_amounts(struct json_object *object, const char *key, struct pl_amounts *amounts)
{
  struct json_object *map;
  if (json_object_object_get_ex(object, key, &map))
    for (size_t i = 0; i < PL_DIMENSION_COUNT; i++)
      amounts->of[i] = int_of(map, pl_dimension_name((enum pl_dimension)i));
}

static void get_names(struct json_object *object, const char *key, const char *names[PL_REQUEST_NAMES_MAX])
{
  struct json_object *list;
  size_t count = json_object_object_get_ex(object, key, &list) ? json_object_array_length(list) : 0;
  for (size_t i = 0; i < count && i < PL_REQUEST_NAMES_MAX; i++)
    names[i] = json_object_get_string(json_object_array_get_idx(list, i));
}

static void get_snapshot(struct json_object *object, uint32_t handle, struct pl_agent_run *kept)
{
  struct json_object *map, *work;
  if (json_object_object_get_ex(object, "snapshot", &map) && json_object_object_get_ex(map, "work", &work))
    *kept = (struct pl_agent_run){.handle = handle, .work = json_object_get_uint64(work), .checksum = (uint32_t)int_of(map, "checksum"), .data_MiB = int_of(map, "data")};
}

static uint64_t get_features(struct pl_placement *all, struct json_object *object)
{
  struct json_object *list;
  uint64_t features = 0, bit;
  size_t count = json_object_object_get_ex(object, "features", &list) ? json_object_array_length(list) : 0;
  for (size_t i = 0; i < count; i++)
    if (!pl_pool_feature(all->pool, json_object_get_string(json_object_array_get_idx(list, i)), &bit, NULL))
      features |= bit;
  return features;
}

/* Its strings are the object's. */
static struct pl_request get_request(struct pl_placement *all, struct json_object *object)
{
  struct pl_request request = {.id = text_of(object, "id"), .group = text_of(object, "group"), .node = text_of(object, "node"),
                               .not_node = text_of(object, "not-node"), .priority = (int)int_of(object, "priority"), .features = get_features(all, object),
                               .with_in = (enum pl_domain)int_of(object, "with-in"), .apart_in = (enum pl_domain)int_of(object, "apart-in"),
                               .replicas = (unsigned)int_of(object, "replicas"), .redundancy = (enum pl_spares)int_of(object, "redundancy"),
                               .spread = (enum pl_domain)int_of(object, "spread"), .stay = int_of(object, "stay") != 0};
  get_amounts(object, "need", &request.need);
  get_names(object, "with", request.with);
  get_names(object, "apart", request.apart);
  return request;
}

static enum pl_workload_state state_of(const char *word)
{
  for (int i = PL_WORKLOAD_QUEUED; word && i <= PL_WORKLOAD_LOST; i++)
    if (!strcmp(pl_workload_state_name((enum pl_workload_state)i), word))
      return (enum pl_workload_state)i;
  return PL_WORKLOAD_STARTING;
}

struct reading {
  struct pl_placement *all;
  enum pl_status status;
  struct pl_err *err;
};

static void fill(struct pl_placement *all, struct pl_work *work, struct json_object *object)
{
  struct pl_workload *w = &work->w;
  struct json_object *score;
  const char *text;
  w->handle = (uint32_t)int_of(object, "handle");
  w->image = (uint32_t)int_of(object, "image");
  w->data_MiB = int_of(object, "data");
  w->state = state_of(text_of(object, "state"));
  snprintf(w->application, sizeof w->application, "%s", (text = text_of(object, "application")) ? text : "");
  snprintf(w->node, sizeof w->node, "%s", (text = text_of(object, "node")) ? text : "");
  snprintf(w->target, sizeof w->target, "%s", (text = text_of(object, "target")) ? text : "");
  snprintf(w->why, sizeof w->why, "%s", (text = text_of(object, "why")) ? text : "");
  snprintf(w->reservation, sizeof w->reservation, "%s", (text = text_of(object, "reservation")) ? text : "");
  w->score = json_object_object_get_ex(object, "score", &score) ? json_object_get_double(score) : 0;
  int64_t expires = int_of(object, "expires");
  w->expires = expires ? pl_room_now(all) + (expires - pl_room_wall(all)) : PL_NEVER;
  w->moves = (unsigned)int_of(object, "moves");
  w->interrupted = int_of(object, "interrupted");
  work->order = (uint64_t)int_of(object, "order");
  work->asked_wall_ns = int_of(object, "asked");
  work->waited_ns = int_of(object, "waited");
  work->placed_wall_ns = int_of(object, "placed");
  work->displaced = int_of(object, "displaced") != 0;
  get_snapshot(object, w->handle, &work->kept);
  if (w->state == PL_WORKLOAD_QUEUED)
    w->run = work->kept;
  work->restored = true;
  work->party = (uint64_t)int_of(object, "party");
  snprintf(work->back, sizeof work->back, "%s", (text = text_of(object, "back")) ? text : "");
  work->returning = int_of(object, "returning") != 0;
  get_amounts(object, "grow", &work->grow);
  if (work->party > all->parties)
    all->parties = work->party;
  if (work->order > all->orders)
    all->orders = work->order;
  if (w->handle > all->handle)
    all->handle = w->handle;
}

static void take(void *ctx, const char *key, const char *value)
{
  struct reading *reading = ctx;
  struct pl_placement *all = reading->all;
  struct json_object *object = json_tokener_parse(value), *row;
  if (reading->status || !object || !json_object_object_get_ex(object, "request", &row) || !text_of(row, "id")) {
    if (!reading->status)
      reading->status = pl_fail(reading->err, PL_E_GARBAGE, "workload '%s': its row in the store cannot be read. Move the store away, and start again", key);
    json_object_put(object);
    return;
  }
  struct pl_request request = get_request(all, row);
  struct pl_work *work = pl_work_new(all, &request, key, (unsigned)int_of(object, "replica"), reading->err);
  if (work) {
    fill(all, work, object);
    pl_work_list(all, work);
  } else {
    reading->status = PL_E_NOMEM;
  }
  json_object_put(object);
}

/* Its node left the rig: it waits for another one, unless it was to stop anyway. */
static enum pl_status uproot(struct pl_placement *all, struct pl_work *work, struct pl_err *err)
{
  struct pl_workload *w = &work->w;
  if (w->state == PL_WORKLOAD_STOPPING && !work->displaced) {
    pl_work_remove(all, work);
    return PL_OK;
  }
  if (w->state == PL_WORKLOAD_STOPPING) {
    pl_displaced_gone(all, work, "its node is not in this rig any more");
    return PL_OK;
  }
  pl_work_state(all, work, PL_WORKLOAD_QUEUED, "%s is not in this rig any more", w->node);
  w->node[0] = w->target[0] = '\0';
  work->displaced = true;
  return pl_work_keep(all, work, err);
}

/* What it has in the pool: at both ends while it moves. */
static enum pl_status adopt(struct pl_placement *all, struct pl_work *work, struct pl_err *err)
{
  struct pl_workload *w = &work->w;
  if (!w->node[0] || w->state == PL_WORKLOAD_QUEUED)
    return PL_OK;
  if (!pl_host_find(all, w->node))
    return uproot(all, work, err);
  if (work->displaced)
    return PL_OK;
  enum pl_status status = pl_pool_adopt(all->pool, &w->request, work->replica, w->node, err);
  if (!status && w->state == PL_WORKLOAD_MOVING && strcmp(w->node, w->target) != 0)
    pl_transfer_hold(all, work, w->node);
  else if (!status) /* also one that is there already, and only its procedure is not over */
    pl_party_hold(all, work);
  return status;
}

enum pl_status pl_works_read(struct pl_placement *all, struct pl_err *err)
{
  struct reading reading = {.all = all, .err = err};
  char *text = NULL;
  enum pl_status status = pl_store_get(all->stack->store, "placement", "handle", &text, err);
  if (status)
    return status;
  all->handle = text ? (uint32_t)strtoul(text, NULL, 10) : 0;
  free(text);
  status = pl_store_each(all->stack->store, PLACE, take, &reading, err);
  status = status ? status : reading.status;
  for (struct pl_work *work = all->first, *next; work && !status; work = next) {
    next = pl_work_next(work);
    pl_use_read(all, work);
    status = adopt(all, work, err);
  }
  return status;
}

/* Never given again, so that what an agent kept from before is known for what it is. */
enum pl_status pl_work_handle(struct pl_placement *all, uint32_t *handle, struct pl_err *err)
{
  char text[16];
  snprintf(text, sizeof text, "%u", all->handle + 1);
  enum pl_status status = pl_store_put(all->stack->store, "placement", "handle", text, err);
  if (!status)
    *handle = ++all->handle;
  return status;
}

enum pl_status pl_host_keep(struct pl_host *host, struct pl_err *err)
{
  const char *value = host->asleep && host->closed ? "asleep closed" : host->asleep ? "asleep" : host->closed ? "closed" : NULL;
  enum pl_status status = pl_store_put(host->all->stack->store, "node", host->item->id, value, err);
  host->unkept = status != PL_OK;
  return status;
}
