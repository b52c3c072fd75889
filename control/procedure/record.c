/* SPDX-License-Identifier: Apache-2.0 */
/* What the store knows of a procedure, and the way back from it. */
#include "control/procedure/procedure_in.h"

#include <json-c/json.h>

static const char *const STATES[] = {[PL_PROCEDURE_RUNNING] = "running", [PL_PROCEDURE_ROLLING_BACK] = "rolling-back", [PL_PROCEDURE_COMPLETED] = "completed",
                                     [PL_PROCEDURE_FAILED] = "failed", [PL_PROCEDURE_CANCELLED] = "cancelled"};

/* --- notes --- */

static struct json_object *parse(const char *text)
{
  struct json_object *object = *text ? json_tokener_parse(text) : NULL;
  if (object && json_object_is_type(object, json_type_object))
    return object;
  json_object_put(object);
  return json_object_new_object();
}

void pl_procedure_note(struct pl_procedure *p, const char *key, const char *value)
{
  struct json_object *object = parse(p->data);
  if (!object)
    return;
  if (value)
    json_object_object_add(object, key, json_object_new_string(value));
  else
    json_object_object_del(object, key);
  const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
  if (strlen(text) < sizeof p->data) /* one that does not fit is not taken: half a JSON would lose all */
    snprintf(p->data, sizeof p->data, "%s", text);
  json_object_put(object);
}

bool pl_procedure_noted(const struct pl_procedure *p, const char *key, char *value, size_t size)
{
  struct json_object *object = parse(p->data), *found = NULL;
  bool noted = object && json_object_object_get_ex(object, key, &found);
  if (noted && value)
    snprintf(value, size, "%s", json_object_get_string(found));
  json_object_put(object);
  return noted;
}

/* --- out --- */

/* The engine's own beside the procedure's: how it will end once rolled back, and which unit it began with. */
static struct json_object *all_data(const struct pl_run *run)
{
  struct json_object *object = json_object_new_object();
  if (!object)
    return NULL;
  json_object_object_add(object, "serial", json_object_new_string(run->p.serial));
  json_object_object_add(object, "ending", json_object_new_string(STATES[run->ending]));
  json_object_object_add(object, "notes", parse(run->p.data));
  return object;
}

static struct pl_store_procedure as_row(const struct pl_run *run, const char *step, bool step_ended, const char *data)
{
  const struct pl_procedure *p = &run->p;
  return (struct pl_store_procedure){.id = p->id, .kind = p->desc->kind, .item = p->item->id, .state = STATES[p->state], .step = step, .step_ended = step_ended,
                                     .begun_wall_ns = p->begun_wall_ns, .ended_wall_ns = p->ended_wall_ns, .data = data, .message = p->message, .author = p->author};
}

static int64_t wall(const struct pl_run *run)
{
  return pl_clock_wall_ns(run->p.stack->clock, pl_run_now(run));
}

enum pl_status pl_run_trail(struct pl_run *run, const char *what, const char *detail, struct pl_err *err)
{
  return run->unwritten ? PL_OK : pl_store_trail(run->p.stack->store, run->p.id, wall(run), pl_run_step(run)->name, what, detail, err);
}

static enum pl_status write_row(struct pl_run *run, bool is_new, bool step_ended, const char *what, const char *detail, struct pl_err *err)
{
  struct pl_store *store = run->p.stack->store;
  struct json_object *object = all_data(run);
  if (!object)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", run->p.desc->kind);
  struct pl_store_procedure row = as_row(run, pl_run_step(run)->name, step_ended, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
  enum pl_status status = pl_store_begin(store, err);
  if (!status) {
    if (is_new && !pl_store_procedure_new(store, &row, NULL))
      run->p.id = row.id;
    else if (!is_new)
      pl_store_procedure_save(store, &row, NULL);
    if (what)
      pl_run_trail(run, what, detail, NULL);
    status = pl_store_commit(store, err);
  }
  json_object_put(object);
  return status;
}

enum pl_status pl_run_write(struct pl_run *run, bool step_ended, const char *what, const char *detail, struct pl_err *err)
{
  return run->unwritten ? PL_OK : write_row(run, false, step_ended, what, detail, err);
}

enum pl_status pl_run_write_new(struct pl_run *run, struct pl_err *err)
{
  enum pl_status status = write_row(run, true, false, "began", "", err);
  if (status)
    run->p.id = 0;
  return status;
}

/* --- in --- */

static bool state_of(const char *word, enum pl_procedure_state *state)
{
  for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++)
    if (!strcmp(STATES[i], word)) {
      *state = (enum pl_procedure_state)i;
      return true;
    }
  return false;
}

static bool step_of(const struct pl_procedure_desc *desc, const char *name, size_t *step)
{
  for (size_t i = 0; i < desc->n_steps; i++)
    if (!strcmp(desc->steps[i].name, name)) {
      *step = i;
      return true;
    }
  return false;
}

static void read_data(struct pl_run *run, const char *data)
{
  struct json_object *object = parse(data), *found;
  if (json_object_object_get_ex(object, "serial", &found))
    snprintf(run->p.serial, sizeof run->p.serial, "%s", json_object_get_string(found));
  if (json_object_object_get_ex(object, "ending", &found))
    state_of(json_object_get_string(found), &run->ending);
  if (json_object_object_get_ex(object, "notes", &found))
    snprintf(run->p.data, sizeof run->p.data, "%s", json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN));
  json_object_put(object);
}

struct lost { /* a procedure that this program or this rig knows nothing of */
  int64_t id;
  char kind[48], item[64], step[48], author[64];
  int64_t begun_wall_ns;
  struct lost *next;
};

struct reading {
  struct pl_procedures *all;
  struct lost *lost;
  struct { struct pl_run *run; bool step_ended; } *taken;
  size_t n_taken;
  bool nomem;
};

static void lose(struct reading *reading, const struct pl_store_procedure *row)
{
  struct lost *lost = calloc(1, sizeof *lost);
  if (!lost)
    return;
  *lost = (struct lost){.id = row->id, .begun_wall_ns = row->begun_wall_ns, .next = reading->lost};
  snprintf(lost->kind, sizeof lost->kind, "%s", row->kind);
  snprintf(lost->item, sizeof lost->item, "%s", row->item);
  snprintf(lost->step, sizeof lost->step, "%s", row->step);
  snprintf(lost->author, sizeof lost->author, "%s", row->author);
  reading->lost = lost;
}

static void take(void *ctx, const struct pl_store_procedure *row)
{
  struct reading *reading = ctx;
  struct pl_procedures *all = reading->all;
  const struct pl_procedure_desc *desc = pl_procedure_desc_find(row->kind);
  struct pl_item *item = desc ? pl_inventory_find(all->stack->inventory, desc->item_kind, row->item) : NULL;
  enum pl_procedure_state state;
  size_t step = 0;
  if (!state_of(row->state, &state))
    return;
  bool over = state != PL_PROCEDURE_RUNNING && state != PL_PROCEDURE_ROLLING_BACK;
  if (!item || !step_of(desc, row->step, &step)) {
    if (!over)
      lose(reading, row);
    return;
  }
  struct pl_run *run = pl_run_make(all, desc, item);
  void *more = over ? reading->taken : realloc(reading->taken, (reading->n_taken + 1) * sizeof *reading->taken);
  if (!run || (!over && !more)) {
    reading->nomem = true;
    pl_run_free(run);
    return;
  }
  reading->taken = more;
  run->p.id = row->id;
  run->p.state = state;
  run->p.step = step;
  run->p.resumed = !over;
  run->p.percent = over ? 100 : 0;
  run->p.begun_wall_ns = row->begun_wall_ns;
  run->p.ended_wall_ns = row->ended_wall_ns;
  snprintf(run->p.message, sizeof run->p.message, "%s", row->message);
  snprintf(run->p.author, sizeof run->p.author, "%s", row->author);
  read_data(run, row->data);
  run->stage = PL_STAGE_OVER;
  pl_run_list(run, !over);
  if (over)
    return;
  reading->taken[reading->n_taken].run = run;
  reading->taken[reading->n_taken++].step_ended = row->step_ended;
}

static void close_lost(struct pl_procedures *all, struct lost *lost)
{
  char message[400];
  snprintf(message, sizeof message, "%.60s is not in this rig, or this program knows no %.40s with step %.40s: it was given up", lost->item, lost->kind, lost->step);
  const struct pl_store_procedure row = {.id = lost->id, .kind = lost->kind, .item = lost->item, .state = "failed", .step = lost->step, .step_ended = false,
                                         .begun_wall_ns = lost->begun_wall_ns, .ended_wall_ns = pl_clock_wall_ns(all->stack->clock, pl_clock_now(all->stack->clock)),
                                         .data = "{}", .message = message, .author = lost->author};
  pl_store_procedure_save(all->stack->store, &row, NULL);
}

enum pl_status pl_runs_read(struct pl_procedures *all, struct pl_err *err)
{
  struct reading reading = {.all = all};
  enum pl_status status = pl_store_procedures(all->stack->store, false, take, &reading, err);
  if (!status && reading.nomem)
    status = pl_fail(err, PL_E_NOMEM, "procedures: out of memory");
  while (reading.lost) {
    struct lost *lost = reading.lost;
    reading.lost = lost->next;
    close_lost(all, lost);
    free(lost);
  }
  for (size_t i = 0; !status && i < reading.n_taken; i++)
    pl_run_take_up(reading.taken[i].run, reading.taken[i].step_ended);
  free(reading.taken);
  return status;
}
