/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include "control/procedure/procedure.h"

/* Answers: what a handler says becomes status, headers and body. */

struct pl_waiting { /* a command that an answer waits for */
  struct pl_command command;
  struct pl_open_exchange *x;
  char property[96];
  void (*then)(struct pl_stack *stack, struct pl_item *item, int64_t value_u);
  struct pl_waiting *next;
};

static struct pl_open_exchange *open_of(struct pl_exchange *x)
{
  return (struct pl_open_exchange *)x;
}

void pl_answer_common(struct pl_http_answer *answer)
{
  pl_http_answer_add(answer, "OData-Version", "4.0");
  pl_http_answer_add(answer, "Cache-Control", "no-cache");
}

void pl_answer_json(struct pl_http_answer *answer, int status, struct json_object *object)
{
  size_t length;
  const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
  free(answer->body);
  answer->body = text ? malloc(length + 1) : NULL;
  answer->status = answer->body ? status : 500;
  answer->body_size = answer->body ? length : 0;
  if (answer->body)
    memcpy(answer->body, text, length + 1);
  answer->type = "application/json; charset=utf-8";
}

struct json_object *pl_error_body(struct json_object *infos)
{
  struct json_object *body = json_object_new_object(), *error = json_object_new_object();
  struct json_object *first = json_object_array_get_idx(infos, 0), *id = NULL, *text = NULL;
  if (json_object_array_length(infos) == 1) {
    json_object_object_get_ex(first, "MessageId", &id);
    json_object_object_get_ex(first, "Message", &text);
  }
  json_object_object_add(error, "code", id ? json_object_get(id) : json_object_new_string("Base.1.22.GeneralError"));
  json_object_object_add(error, "message", text ? json_object_get(text) : json_object_new_string("A general error has occurred.  See @Message.ExtendedInfo."));
  json_object_object_add(error, "@Message.ExtendedInfo", json_object_get(infos));
  json_object_object_add(body, "error", error);
  return body;
}

void pl_answer_refusal(struct pl_http_answer *answer, int status, const char *id, const char *arg)
{
  const char *args[] = {arg};
  struct json_object *infos = json_object_new_array();
  json_object_array_add(infos, pl_message_json(pl_message_find(id), NULL, args, arg != NULL));
  struct json_object *body = pl_error_body(infos);
  pl_answer_json(answer, status, body);
  json_object_put(body);
  json_object_put(infos);
  pl_answer_common(answer);
}

static void say(struct pl_open_exchange *x, int status, const char *property, const struct pl_message *message, const char *const *args, size_t n_args)
{
  if (!x->infos)
    x->infos = json_object_new_array();
  if (json_object_array_length(x->infos) < 64)
    json_object_array_add(x->infos, pl_message_json(message, property, args, n_args));
  status = status ? status : message->status;
  if (status < 400)
    return;
  x->n_errors++;
  if (!x->error_status)
    x->error_status = status;
}

void pl_say(struct pl_exchange *x, int status, const char *property, const char *id, ...)
{
  const char *args[6];
  size_t n = 0;
  va_list list;
  va_start(list, id);
  for (const char *arg; n < sizeof args / sizeof args[0] && (arg = va_arg(list, const char *));)
    args[n++] = arg;
  va_end(list);
  const struct pl_message *message = pl_message_find(id);
  say(open_of(x), status, property, message ? message : pl_message_find("InternalError"), args, message ? n : 0);
}

void pl_answer_oops(struct pl_open_exchange *x, const struct pl_oops *o)
{
  const char *args[3];
  size_t n = 0;
  for (; n < 3 && o->args[n][0]; n++)
    args[n] = o->args[n];
  say(x, o->status, NULL, pl_message_find(o->id), args, n);
}

void pl_say_err(struct pl_exchange *x, const char *property, const struct pl_err *err)
{
  static const struct {
    enum pl_status status;
    int http;
  } MEANINGS[] = {{PL_E_USAGE, 400}, {PL_E_RANGE, 400}, {PL_E_BUSY, 409}, {PL_E_UNSUPPORTED, 400}, {PL_E_EARLY, 503}, {PL_E_TIMEOUT, 504}};
  static const char *const SOON = "1"; /* second */
  int http = 500;
  for (size_t i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++)
    if (MEANINGS[i].status == err->status)
      http = MEANINGS[i].http;
  struct pl_message message = *pl_message_find(http == 409 ? "ResourceInUse" : http == 503 ? "ServiceTemporarilyUnavailable" : http == 504 ? "OperationTimeout" : http == 500 ? "OperationFailed" : "GeneralError");
  message.resolution = err->text[0] ? err->text : message.resolution; /* what, where, what to do, in our words */
  say(open_of(x), http, property, &message, &SOON, http == 503);
  if (http == 503)
    pl_answer_header(x, "Retry-After", SOON);
}

void pl_say_refusal(struct pl_exchange *x, const char *id, const char *arg, const char *sentence, struct json_object *own)
{
  struct pl_message message = *pl_message_find(id);
  message.resolution = sentence;
  say(open_of(x), 0, NULL, &message, &arg, arg != NULL);
  struct json_object *infos = open_of(x)->infos, *oem = json_object_new_object();
  json_object_object_add(oem, "Plumbline", own);
  json_object_object_add(json_object_array_get_idx(infos, json_object_array_length(infos) - 1), "Oem", oem);
}

bool pl_has_failed(const struct pl_exchange *x)
{
  return ((const struct pl_open_exchange *)x)->n_errors > 0;
}

void pl_answer_header(struct pl_exchange *x, const char *name, const char *value)
{
  pl_http_answer_add(&x->request->answer, name, value);
}

void pl_answer_object(struct pl_exchange *x, int status, struct json_object *object)
{
  open_of(x)->answered = true;
  pl_answer_json(&x->request->answer, status, object);
  json_object_put(object);
}

void pl_answer_bytes(struct pl_exchange *x, int status, const char *type, const void *bytes, size_t size)
{
  struct pl_http_answer *answer = &x->request->answer;
  open_of(x)->answered = true;
  free(answer->body);
  answer->body = malloc(size + 1);
  answer->status = answer->body ? status : 500;
  answer->body_size = answer->body ? size : 0;
  answer->type = type;
  if (answer->body) {
    memcpy(answer->body, bytes, size);
    answer->body[size] = '\0';
  }
}

static void etag_of(struct pl_exchange *x, const struct pl_res *res, struct json_object *object)
{
  char etag[24];
  pl_answer_header(x, "ETag", pl_res_etag(res, object, etag, sizeof etag));
}

void pl_answer_resource(struct pl_exchange *x, int status, const char *uri)
{
  struct pl_res res;
  char own[PL_URI_MAX];
  snprintf(own, sizeof own, "%s", uri);
  if (status == 201)
    pl_answer_header(x, "Location", own);
  if (pl_res_find(x->stack, own, &res)) {
    open_of(x)->answered = true; /* it has gone meanwhile: what was asked has been done all the same */
    x->request->answer.status = status == 200 ? 204 : status;
    return;
  }
  struct json_object *object = pl_res_render(&res);
  etag_of(x, &res, object);
  pl_res_end(&res);
  if (open_of(x)->infos) /* it was done, and there is something to say of it (a password that must be changed) */
    json_object_object_add(object, "@Message.ExtendedInfo", json_object_get(open_of(x)->infos));
  pl_answer_object(x, status, object);
}

void pl_answer_task(struct pl_exchange *x, const struct pl_procedure *procedure)
{
  char uri[PL_URI_MAX];
  snprintf(uri, sizeof uri, "/redfish/v1/TaskService/TaskMonitors/%lld", (long long)procedure->id);
  pl_answer_header(x, "Location", uri);
  snprintf(uri, sizeof uri, "/redfish/v1/TaskService/Tasks/%lld", (long long)procedure->id);
  struct json_object *task = pl_uri_render(x->stack, uri);
  if (task)
    pl_answer_object(x, 202, task);
  else {
    open_of(x)->answered = true;
    x->request->answer.status = 202;
  }
}

/* Holding an answer. */

void pl_exchange_hold(struct pl_exchange *x)
{
  open_of(x)->holds++;
}

void pl_exchange_release(struct pl_exchange *x)
{
  struct pl_open_exchange *open = open_of(x);
  if (!--open->holds && !open->handling)
    pl_finish(open);
}

void pl_waiting_end(struct pl_open_exchange *x)
{
  for (struct pl_waiting *w = x->waiting, *next; w; w = next) {
    next = w->next;
    free(w);
  }
  x->waiting = NULL;
}

static void commanded(struct pl_command *command)
{
  struct pl_waiting *w = command->ctx;
  struct pl_open_exchange *x = w->x;
  if (command->status) {
    if (x->patching && !x->handling && x->n_done)
      x->n_done--;
    pl_say_err(&x->x, w->property[0] ? w->property : NULL, &command->err);
  } else if (w->then)
    w->then(x->x.stack, command->item, command->value_u);
  pl_exchange_release(&x->x);
}

void pl_exchange_command(struct pl_exchange *x, const char *property, struct pl_item *item, const char *role, const char *quantity, int64_t value_u,
                         void (*then)(struct pl_stack *stack, struct pl_item *item, int64_t value_u))
{
  struct pl_open_exchange *open = open_of(x);
  struct pl_waiting *w = calloc(1, sizeof *w);
  if (!w) {
    pl_say(x, 0, property, "InternalError", NULL);
    return;
  }
  snprintf(w->property, sizeof w->property, "%s", property ? property : "");
  w->command = (struct pl_command){.item = item, .role = role, .quantity = quantity, .value_u = value_u, .author = "redfish", .done = commanded, .ctx = w};
  w->x = open;
  w->then = then;
  w->next = open->waiting;
  open->waiting = w;
  pl_exchange_hold(x);
  pl_command_submit(x->stack, &w->command);
}
