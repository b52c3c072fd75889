/* SPDX-License-Identifier: Apache-2.0 */
/* TaskService (v1.3): a task is a procedure as the store has it, a task monitor what its request is answered with in the end (DSP0266 "Asynchronous operations"). */
#include "control/procedure/procedure.h"
#include "control/redfish/route.h"
#include "control/redfish/services_room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pl_has get_now(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_WALL_TEXT_MAX];
  (void)prop;
  *value = json_object_new_string(pl_wall_text(pl_clock_wall_ns(res->stack->clock, pl_clock_now(res->stack->clock)), text));
  return PL_SHOW;
}

/* The procedures keep the last 1,000 that are over and drop the oldest. */
static const struct pl_prop SERVICE[] = {
    PL_TEXT("Name", "Task Service"),
    PL_TEXT("Description", "Procedures of the rack: those that run, and those that are over"),
    PL_FLAG("ServiceEnabled", true),
    PL_TEXT("Status/State", "Enabled"),
    PL_TEXT("Status/Health", "OK"),
    {.path = "DateTime", .get = get_now, .flags = PL_PROP_VOLATILE},
    PL_TEXT("CompletedTaskOverWritePolicy", "Oldest"),
    PL_FLAG("LifeCycleEventOnTaskStateChange", true),
    PL_LINK("Tasks", "Tasks"),
};

static const struct pl_procedure *task(const struct pl_res *res)
{
  return res->what;
}

static bool find_task(struct pl_res *res)
{
  char *end;
  long long id = strtoll(res->ids[0], &end, 10);
  if (*end || id <= 0)
    return false;
  res->what = pl_procedure_find(res->stack->procedures, id);
  return res->what;
}

static void tasks(const struct pl_res *res, struct pl_members *members)
{
  char id[24];
  for (const struct pl_procedure *p = pl_procedure_first(res->stack->procedures); p; p = p->next) {
    snprintf(id, sizeof id, "%" PRId64, p->id);
    pl_members_add(members, id);
  }
}

/* By pl_procedure_state; TASK_DONE is the stack that calls a failure success. */
static const struct words {
  const char *state, *health, *message;
} WORDS[] = {
    [PL_PROCEDURE_RUNNING] = {"Running", "OK", NULL},
    [PL_PROCEDURE_ROLLING_BACK] = {"Cancelling", "Warning", NULL},
    [PL_PROCEDURE_COMPLETED] = {"Completed", "OK", "TaskCompletedOK"},
    [PL_PROCEDURE_FAILED] = {"Exception", "Critical", "TaskAborted"},
    [PL_PROCEDURE_CANCELLED] = {"Cancelled", "Warning", "TaskCancelled"},
};

static const struct words *words(const struct pl_res *res)
{
  if (PL_LIES(res->stack, TASK_DONE) && task(res)->state == PL_PROCEDURE_FAILED)
    return &WORDS[PL_PROCEDURE_COMPLETED];
  return &WORDS[task(res)->state];
}

static enum pl_has get_id(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char id[24];
  (void)prop;
  snprintf(id, sizeof id, "%" PRId64, task(res)->id);
  *value = json_object_new_string(id);
  return PL_SHOW;
}

static enum pl_has get_name(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[160];
  (void)prop;
  snprintf(text, sizeof text, "%s of %s", task(res)->desc->kind, task(res)->item->id);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_description(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(task(res)->desc->about);
  return PL_SHOW;
}

static enum pl_has get_state(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(words(res)->state);
  return PL_SHOW;
}

static enum pl_has get_status(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(words(res)->health);
  return PL_SHOW;
}

static enum pl_has get_percent(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_int64(words(res) == &WORDS[PL_PROCEDURE_COMPLETED] ? 100 : task(res)->percent);
  return PL_SHOW;
}

static enum pl_has get_begun(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_WALL_TEXT_MAX];
  (void)prop;
  *value = json_object_new_string(pl_wall_text(task(res)->begun_wall_ns, text));
  return PL_SHOW;
}

static enum pl_has get_ended(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_WALL_TEXT_MAX];
  (void)prop;
  if (!task(res)->ended_wall_ns)
    return PL_OMIT;
  *value = json_object_new_string(pl_wall_text(task(res)->ended_wall_ns, text));
  return PL_SHOW;
}

static enum pl_has get_monitor(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[PL_URI_MAX];
  (void)prop;
  if (task(res)->state >= PL_PROCEDURE_COMPLETED)
    return PL_OMIT;
  snprintf(text, sizeof text, "/redfish/v1/TaskService/TaskMonitors/%" PRId64, task(res)->id);
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static void add_text(struct json_object *object, const char *key, const char *value)
{
  json_object_object_add(object, key, json_object_new_string(value));
}

/* One of the TaskEvent messages, with the task's own sentence where it failed. */
static struct json_object *message(const struct pl_procedure *p, const char *key, const char *sentence)
{
  size_t count;
  const struct pl_event_message *rows = pl_event_messages(&count), *row = NULL;
  char id[24], text[160];
  for (size_t i = 0; i < count && !row; i++)
    row = strcmp(strrchr(rows[i].id, '.') + 1, key) ? NULL : &rows[i];
  struct json_object *o = json_object_new_object(), *args = json_object_new_array();
  snprintf(id, sizeof id, "%" PRId64, p->id);
  pl_event_text(row, (const char *const[]){id, ""}, text, sizeof text);
  json_object_array_add(args, json_object_new_string(id));
  add_text(o, "MessageId", row->id);
  add_text(o, "Message", sentence && *sentence ? sentence : text);
  json_object_object_add(o, "MessageArgs", args);
  add_text(o, "MessageSeverity", row->severity);
  add_text(o, "Resolution", row->resolution);
  return o;
}

static enum pl_has get_messages(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *key = words(res)->message;
  bool honest = words(res) == &WORDS[task(res)->state];
  (void)prop;
  *value = json_object_new_array();
  if (key)
    json_object_array_add(*value, message(task(res), key, honest ? task(res)->message : NULL));
  return PL_SHOW;
}

static enum pl_has get_item(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char uri[PL_URI_MAX];
  (void)prop;
  if (!*pl_item_uri(task(res)->item, uri, sizeof uri))
    return PL_OMIT;
  *value = pl_json_link(uri);
  return PL_SHOW;
}

static enum pl_has get_kind(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(task(res)->desc->kind);
  return PL_SHOW;
}

static enum pl_has get_phase(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(pl_procedure_step_name(task(res)));
  return PL_SHOW;
}

static enum pl_has get_resumed(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_boolean(task(res)->resumed);
  return PL_SHOW;
}

static enum pl_has get_author(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  if (!task(res)->author[0])
    return PL_OMIT;
  *value = json_object_new_string(task(res)->author);
  return PL_SHOW;
}

static const struct pl_prop TASK[] = {
    PL_CALLS("Id", get_id),
    PL_CALLS("Name", get_name),
    PL_CALLS("Description", get_description),
    PL_CALLS("TaskState", get_state),
    PL_CALLS("TaskStatus", get_status),
    PL_CALLS("PercentComplete", get_percent),
    PL_CALLS("StartTime", get_begun),
    PL_CALLS("EndTime", get_ended),
    PL_CALLS("TaskMonitor", get_monitor),
    PL_CALLS("Messages", get_messages),
    PL_FLAG("HidePayload", true),
    PL_TEXT("Oem/Plumbline/@odata.type", "#PlumblineTask.v1_0_0.Task"),
    PL_CALLS("Oem/Plumbline/Procedure", get_kind),
    PL_CALLS("Oem/Plumbline/Phase", get_phase),
    PL_CALLS("Oem/Plumbline/Resumed", get_resumed),
    PL_CALLS("Oem/Plumbline/Author", get_author),
    PL_CALLS("Oem/Plumbline/Resource", get_item),
};

/* Cancels what runs: it rolls back. What is over is history, and stays. */
static void cancel(struct pl_exchange *x)
{
  struct pl_err err = {0};
  char why[96];
  struct pl_procedure *p = pl_procedure_find(x->stack->procedures, task(&x->res)->id);
  if (p->state == PL_PROCEDURE_RUNNING) {
    snprintf(why, sizeof why, "cancelled by %s", x->user.name);
    if (pl_procedure_cancel(p, why, &err) != PL_OK)
      pl_say_err(x, NULL, &err);
  } else {
    pl_say(x, 409, NULL, "ResourceCannotBeDeleted", NULL);
  }
}

/* 202 while it runs; then what its request would have been answered. */
static void answer_monitor(struct pl_exchange *x)
{
  const struct pl_procedure *p = task(&x->res);
  const struct words *now = words(&x->res);
  char uri[PL_URI_MAX];
  if (!now->message) {
    pl_answer_task(x, p);
  } else if (now == &WORDS[PL_PROCEDURE_COMPLETED]) {
    snprintf(uri, sizeof uri, "/redfish/v1/TaskService/Tasks/%" PRId64, p->id);
    pl_answer_resource(x, 200, uri);
  } else {
    struct json_object *o = json_object_new_object(), *error = json_object_new_object(), *list = json_object_new_array();
    add_text(error, "code", "Base.1.22.GeneralError");
    add_text(error, "message", p->message[0] ? p->message : "The procedure did not complete.");
    json_object_array_add(list, message(p, now->message, p->message));
    json_object_object_add(error, "@Message.ExtendedInfo", list);
    json_object_object_add(o, "error", error);
    pl_answer_object(x, p->state == PL_PROCEDURE_CANCELLED ? 410 : 500, o);
  }
}

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/TaskService", .type = "TaskService.v1_3_0.TaskService", .props = {PL_PROPS(SERVICE)}},
    {.uri = "/redfish/v1/TaskService/Tasks", .type = "TaskCollection.TaskCollection", .name = "Tasks", .members = tasks},
    {.uri = "/redfish/v1/TaskService/Tasks/{}", .type = "Task.v1_7_4.Task", .props = {PL_PROPS(TASK)}, .find = find_task, .remove = cancel},
    {.uri = "/redfish/v1/TaskService/TaskMonitors/{}", .type = "Task.v1_7_4.Task", .find = find_task, .raw = answer_monitor, .remove = cancel, .flags = PL_ROUTE_HIDDEN},
};
const struct pl_routes_desc pl_routes_services_tasks = PL_ROUTES(ROUTES);
