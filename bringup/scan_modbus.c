/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/scan_probe.h"
#include "drivers/device/modbus_map/map.h"

#include <string.h>

#define READ_HOLDING 3
#define READ_INPUT 4
#define GATEWAY_PATH 10 /* "MODBUS Application Protocol Specification V1.1b3", section 7: exceptions of a gateway, not of a unit */
#define GATEWAY_TARGET 11
#define LAST_UNIT 247 /* "MODBUS over serial line V1.02", section 2.2 */
#define MAPS_MAX 32
#define JOB_NS (5 * PL_S) /* an adapter may first wait for a late answer of the same unit */

struct question {
  struct pl_bus *bus;
  uint8_t unit, function, exception; /* exception: what it refused with; 0: it did not */
  uint16_t address, word;
};

static enum pl_status question_run(struct pl_job *job, struct pl_err *err)
{
  struct question *q = job->ctx;
  const uint8_t request[5] = {q->function, (uint8_t)(q->address >> 8), (uint8_t)q->address, 0, 1};
  uint8_t answer[PL_MODBUS_PDU_MAX];
  size_t len = 0;
  enum pl_status status = pl_modbus_raw(q->bus, q->unit, request, sizeof request, answer, sizeof answer, &len, err);
  q->exception = status == PL_E_EXCEPTION && len > 1 ? answer[1] : 0;
  if (!status && len != 4)
    return pl_fail(err, PL_E_GARBAGE, "unit %u answered one register with %zu bytes, expected 4", q->unit, len);
  if (!status)
    q->word = (uint16_t)(answer[2] << 8 | answer[3]);
  return status;
}

static enum pl_status ask(const struct pl_probe_at *at, struct question *q, struct pl_err *err)
{
  struct pl_job job = {.run = question_run, .ctx = q, .deadline = pl_clock_now(at->cfg->clock) + JOB_NS};
  return pl_bus_run(at->bus, &job, err);
}

/* --- which register map fits --- */

struct maps {
  struct pl_map *list[MAPS_MAX];
  size_t count;
};

/* The maps that can be probed. One that cannot be read is somebody's draft, and no matter here. */
static void load_maps(struct maps *maps)
{
  char names[MAPS_MAX][PL_MAP_NAME_ROOM];
  size_t count = pl_map_names(names, MAPS_MAX);
  for (size_t i = 0; i < count; i++) {
    char path[600];
    struct pl_err quiet = {0};
    struct pl_map *map;
    if (pl_map_find(names[i], path, sizeof path, &quiet) || pl_map_load(path, &map, &quiet))
      continue;
    if (map->has_probe && !pl_map_table_is_bits(map->probe_table))
      maps->list[maps->count++] = map;
    else
      pl_map_free(map);
  }
}

static void free_maps(struct maps *maps)
{
  for (size_t i = 0; i < maps->count; i++)
    pl_map_free(maps->list[i]);
}

static bool fits(const struct pl_probe_at *at, const struct pl_map *map, uint8_t unit)
{
  struct question q = {.bus = at->bus, .unit = unit, .function = map->probe_table == PL_TABLE_INPUT ? READ_INPUT : READ_HOLDING, .address = map->probe_address};
  struct pl_err quiet = {0};
  return !ask(at, &q, &quiet) && (!map->has_equals || q.word == map->probe_equals);
}

/* A map whose register must hold a certain value is sure; of the others several may fit. */
static void find_map(const struct pl_probe_at *at, const struct maps *maps, struct pl_probe_hit *hit)
{
  char maybe[48] = "";
  size_t n = 0;
  for (size_t i = 0; i < maps->count; i++) {
    const struct pl_map *map = maps->list[i];
    if (!fits(at, map, (uint8_t)hit->address))
      continue;
    if (map->has_equals) {
      snprintf(hit->map, sizeof hit->map, "%s", map->name);
      snprintf(hit->what, sizeof hit->what, "%s", map->about ? map->about : map->name);
      return;
    }
    if (!n++)
      snprintf(maybe, sizeof maybe, "%s", map->name);
  }
  if (n != 1)
    return;
  snprintf(hit->map, sizeof hit->map, "%s", maybe);
  snprintf(hit->what, sizeof hit->what, "perhaps %s: its probe register answers", maybe);
}

/* --- the line --- */

/* Whoever sends something back is there, whatever it sends. */
static bool is_answer(const struct question *q, enum pl_status status)
{
  return !status || (status == PL_E_EXCEPTION && q->exception != GATEWAY_PATH && q->exception != GATEWAY_TARGET);
}

static bool is_silence(const struct question *q, enum pl_status status)
{
  return status == PL_E_TIMEOUT || (status == PL_E_EXCEPTION && !is_answer(q, status));
}

static enum pl_status ask_unit(struct pl_probe_at *at, uint8_t unit, struct pl_err *err)
{
  struct question q = {.bus = at->bus, .unit = unit, .function = READ_HOLDING, .address = at->cfg->address};
  struct pl_err why = {0};
  enum pl_status status = ask(at, &q, &why);
  at->result->asked++;
  if (status == PL_E_WRONG_UNIT) /* who was asked before, and is slow */
    snprintf(at->result->note, sizeof at->result->note, "%.140s: it answers late; scan again with --timeout 300ms", why.text);
  if (status == PL_E_WRONG_UNIT || status == PL_E_CRC || status == PL_E_GARBAGE || status == PL_E_SHORT) /* noise, or another's late answer: once more */
    status = ask(at, &q, &why);
  if (is_silence(&q, status))
    return PL_OK;
  if (pl_probe_is_dead(status) || status == PL_E_LOCKED)
    return pl_fail(err, status, "%s", why.text);
  struct pl_probe_hit *hit = pl_probe_add(at, unit);
  if (!hit)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the units on bus '%s'", at->result->bus->name);
  hit->answers = is_answer(&q, status);
  hit->status = hit->answers ? PL_OK : status;
  if (!hit->answers)
    snprintf(hit->what, sizeof hit->what, "%.110s; two units with this number, or another speed?", why.text);
  return PL_OK;
}

enum pl_status pl_probe_modbus(struct pl_probe_at *at, struct pl_err *err)
{
  unsigned first = at->cfg->first ? at->cfg->first : 1, last = at->cfg->last ? at->cfg->last : LAST_UNIT;
  for (unsigned unit = 1; unit < 256; unit++) { /* besides the range those that the rig expects */
    if ((unit < first || unit > last) && !at->expected[unit])
      continue;
    enum pl_status status = ask_unit(at, (uint8_t)unit, err);
    if (status)
      return status;
    if (!pl_probe_goes_on(at, unit < first ? 0 : unit > last ? last - first + 1 : unit - first + 1, last - first + 1))
      return pl_fail(err, PL_E_CANCELLED, "stopped at unit %u", unit);
  }
  struct maps maps = {0};
  if (at->result->n_hits)
    load_maps(&maps);
  for (size_t i = 0; i < at->result->n_hits; i++)
    if (at->result->hits[i].answers)
      find_map(at, &maps, &at->result->hits[i]);
  free_maps(&maps);
  return PL_OK;
}
