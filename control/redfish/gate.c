/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/gate_room.h"

#include <pthread.h>
#include <time.h>

/* HTTP's threads come in here: who they are is judged on their own time, what is still true is answered at once, the rest is asked of the loop. */

struct job { /* a copy of a request: the loop may still be at it when its caller has gone */
  struct pl_http_request request; /* first */
  struct pl_admission admission;
  struct pl_keep keep;
  struct pl_post post;
  struct pl_gate *gate;  /* the loop's thread: NULL when that has closed */
  struct job *next, **link; /* of the gate's list, with its lock */
  pthread_mutex_t lock;
  pthread_cond_t over;
  enum { WAITING, BEGUN, OVER, LEFT } state;
};

struct pl_gate {
  struct pl_stack *stack;
  struct pl_cache *cache;
  pthread_mutex_t lock; /* of the list */
  struct job *jobs;
  bool closed;
};

enum pl_status pl_gate_new(struct pl_stack *stack, struct pl_gate **gate, struct pl_err *err)
{
  struct pl_gate *g = calloc(1, sizeof *g);
  if (!g || !(g->cache = pl_cache_new())) {
    free(g);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the gate of the Redfish service");
  }
  g->stack = stack;
  pthread_mutex_init(&g->lock, NULL);
  *gate = g;
  return PL_OK;
}

struct pl_stack *pl_gate_stack(const struct pl_gate *gate)
{
  return gate->stack;
}

/* --- jobs --- */

static void free_job(struct job *job)
{
  struct pl_http_request *r = &job->request;
  for (size_t i = 0; i < r->n_fields; i++) {
    free((void *)r->fields[i].name);
    free((void *)r->fields[i].value);
  }
  free((void *)r->method);
  free((void *)r->target);
  free((void *)r->body);
  free((void *)r->peer);
  pl_http_answer_free(&r->answer);
  pthread_mutex_destroy(&job->lock);
  pthread_cond_destroy(&job->over);
  explicit_bzero(&job->admission, sizeof job->admission);
  free(job);
}

static bool copy_request(const struct pl_http_request *from, struct pl_http_request *to)
{
  to->method = strdup(from->method);
  to->target = strdup(from->target);
  to->peer = strdup(from->peer ? from->peer : "");
  to->encrypted = from->encrypted;
  bool whole = to->method && to->target && to->peer;
  if (from->body_size) {
    char *body = malloc(from->body_size + 1);
    if (body) {
      memcpy(body, from->body, from->body_size);
      body[from->body_size] = '\0';
    }
    to->body = body;
    to->body_size = body ? from->body_size : 0;
    whole = whole && body;
  }
  for (size_t i = 0; i < from->n_fields && whole; i++) {
    to->fields[i] = (struct pl_http_field){strdup(from->fields[i].name), strdup(from->fields[i].value)};
    to->n_fields++;
    whole = to->fields[i].name && to->fields[i].value;
  }
  return whole;
}

static void leave_list(struct job *job)
{
  pthread_mutex_lock(&job->gate->lock);
  *job->link = job->next;
  if (job->next)
    job->next->link = job->link;
  pthread_mutex_unlock(&job->gate->lock);
}

/* The loop's thread: it has been answered. */
static void answered(struct pl_http_request *request)
{
  struct job *job = request->ctx;
  if (job->gate) {
    if (job->keep.version_of && request->answer.status == 200 && !strcmp(request->method, "GET")) /* a HEAD has no body to keep */
      pl_cache_put(job->gate->cache, request->target, &job->keep, &request->answer);
    leave_list(job);
  }
  pthread_mutex_lock(&job->lock);
  bool left = job->state == LEFT;
  job->state = OVER;
  pthread_cond_signal(&job->over);
  pthread_mutex_unlock(&job->lock);
  if (left)
    free_job(job);
}

/* The loop's thread: its turn. What nobody waits for any more has not been begun, and is not. */
static void begin(void *ctx)
{
  struct job *job = ctx;
  pthread_mutex_lock(&job->lock);
  bool left = job->state == LEFT;
  if (!left)
    job->state = BEGUN;
  pthread_mutex_unlock(&job->lock);
  if (left) {
    leave_list(job);
    free_job(job);
    return;
  }
  struct pl_service *service = job->gate->stack->service;
  job->keep.wanted = true;
  pl_service_serve(service, &job->request, &job->admission, &job->keep);
}

static struct job *new_job(struct pl_gate *gate, const struct pl_http_request *request, const struct pl_admission *admission)
{
  struct job *job = calloc(1, sizeof *job);
  pthread_condattr_t attributes;
  if (!job)
    return NULL;
  pthread_mutex_init(&job->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&job->over, &attributes);
  pthread_condattr_destroy(&attributes);
  job->gate = gate;
  job->admission = *admission;
  job->request.done = answered;
  job->request.ctx = job;
  job->post = (struct pl_post){.run = begin, .ctx = job};
  if (copy_request(request, &job->request))
    return job;
  free_job(job);
  return NULL;
}

static struct timespec in(pl_time_ns span)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  int64_t ns = at.tv_nsec + span % PL_S;
  at.tv_sec += span / PL_S + ns / PL_S;
  at.tv_nsec = ns % PL_S;
  return at;
}

/* True: answered. False: the patience is over, and the job is the loop's alone. */
static bool wait_for(struct job *job, pl_time_ns patience_ns)
{
  struct timespec until = in(patience_ns);
  pthread_mutex_lock(&job->lock);
  int out = 0;
  while (job->state != OVER && !out)
    out = pthread_cond_timedwait(&job->over, &job->lock, &until);
  bool over = job->state == OVER;
  if (!over)
    job->state = LEFT;
  pthread_mutex_unlock(&job->lock);
  return over;
}

static void refuse_busy(struct pl_http_answer *answer)
{
  pl_answer_refusal(answer, 503, "ServiceTemporarilyUnavailable", "2");
  pl_http_answer_add(answer, "Retry-After", "2");
}

static bool enter(struct pl_gate *gate, struct job *job)
{
  pthread_mutex_lock(&gate->lock);
  bool open = !gate->closed;
  if (open) {
    job->next = gate->jobs;
    job->link = &gate->jobs;
    if (job->next)
      job->next->link = &job->next;
    gate->jobs = job;
    pl_clock_post(gate->stack->clock, &job->post);
  }
  pthread_mutex_unlock(&gate->lock);
  return open;
}

static void ask_the_loop(struct pl_gate *gate, struct pl_http_request *request, const struct pl_admission *admission, pl_time_ns patience_ns)
{
  struct job *job = new_job(gate, request, admission);
  if (!job || !enter(gate, job)) {
    if (job)
      free_job(job);
    refuse_busy(&request->answer);
  } else if (wait_for(job, patience_ns)) {
    request->answer = job->request.answer;
    job->request.answer = (struct pl_http_answer){0};
    free_job(job);
  } else
    refuse_busy(&request->answer);
}

/* --- who, and what can be said at once --- */

#define SESSIONS_URI "/redfish/v1/SessionService/Sessions"
#define ACCOUNTS_URI "/redfish/v1/AccountService/Accounts"

static bool begins(const char *text, const char *with)
{
  return !strncmp(text, with, strlen(with));
}

/* A body that has a password in it: what is slow about it is done here. */
static void prepare_password(struct pl_gate *gate, const struct pl_http_request *request, struct pl_admission *admission)
{
  bool login = begins(request->target, SESSIONS_URI), account = begins(request->target, ACCOUNTS_URI);
  if (!request->body_size || request->body_size > 4096 || !(login || account) || !request->encrypted)
    return;
  struct json_tokener *tokener = json_tokener_new();
  struct json_object *body = tokener ? json_tokener_parse_ex(tokener, request->body, (int)request->body_size) : NULL, *name = NULL, *password = NULL;
  if (json_object_is_type(body, json_type_object) && json_object_object_get_ex(body, "Password", &password) && json_object_is_type(password, json_type_string)) {
    json_object_object_get_ex(body, "UserName", &name);
    if (login && json_object_is_type(name, json_type_string) && json_object_get_string_len(name) <= 64)
      admission->login = pl_rights_check(gate->stack->service->rights, json_object_get_string(name), json_object_get_string(password), &admission->login_user)
                             ? PL_LOGIN_RIGHT
                             : PL_LOGIN_WRONG;
    else if (account && admission->how == PL_ADMITTED_AS)
      pl_rights_prepare(gate->stack->service->rights, json_object_get_string(password), admission->hash);
  }
  json_object_put(body);
  if (tokener)
    json_tokener_free(tokener);
}

static bool may_be_kept(const struct pl_http_request *request)
{
  static const char *const NOT[] = {"If-Match", "OData-Version", "Accept"};
  if (strcmp(request->method, "GET"))
    return false;
  for (size_t i = 0; i < sizeof NOT / sizeof NOT[0]; i++) {
    const char *value = pl_http_field(request->fields, request->n_fields, NOT[i]);
    if (value && strcmp(value, "4.0") && strcmp(value, "*/*") && !strstr(value, "application/json"))
      return false;
  }
  return true;
}

void pl_gate_serve(struct pl_gate *gate, struct pl_http_request *request, pl_time_ns patience_ns)
{
  struct pl_admission admission;
  request->answer = (struct pl_http_answer){0};
  pl_rights_admit(gate->stack->service->rights, request, &admission);
  bool known = admission.how == PL_ADMITTED_AS && !admission.user.must_change_password;
  if ((known || admission.how == PL_ADMITTED_NOBODY) && may_be_kept(request) &&
      pl_cache_get(gate->cache, gate->stack, request, known ? admission.user.privileges : 0, &request->answer))
    return;
  if (!strcmp(request->method, "POST") || !strcmp(request->method, "PATCH"))
    prepare_password(gate, request, &admission);
  ask_the_loop(gate, request, &admission, patience_ns);
  explicit_bzero(&admission, sizeof admission);
}

enum pl_status pl_gate_admit(struct pl_gate *gate, const struct pl_http_request *request, struct pl_user *user, struct pl_http_answer *refusal)
{
  struct pl_admission admission;
  pl_rights_admit(gate->stack->service->rights, request, &admission);
  bool in_order = admission.how == PL_ADMITTED_AS && admission.user.privileges & PL_MAY_LOGIN && !admission.user.must_change_password;
  if (in_order) {
    *user = admission.user;
    return PL_OK;
  }
  if (admission.how == PL_ADMITTED_AS)
    pl_answer_refusal(refusal, 403, "InsufficientPrivilege", NULL);
  else {
    pl_answer_refusal(refusal, 401, admission.how == PL_ADMITTED_NOBODY ? "AuthenticationTokenRequired" : "AccessUnauthorized", NULL);
    if (!pl_http_field(request->fields, request->n_fields, "X-Requested-With"))
      pl_http_answer_add(refusal, "WWW-Authenticate", "Basic realm=\"Redfish\"");
  }
  return PL_E_USAGE;
}

/* The loop's thread, when HTTP's threads have come home. What the loop is still at answers to nobody. */
void pl_gate_free(struct pl_gate *gate)
{
  if (!gate)
    return;
  pthread_mutex_lock(&gate->lock);
  gate->closed = true;
  for (struct job *job = gate->jobs, *next; job; job = next) {
    next = job->next;
    pl_clock_unpost(gate->stack->clock, &job->post);
    pthread_mutex_lock(&job->lock);
    bool never_begun = job->state == LEFT && !job->keep.wanted;
    pthread_mutex_unlock(&job->lock);
    job->gate = NULL;
    if (never_begun)
      free_job(job);
  }
  pthread_mutex_unlock(&gate->lock);
  pl_cache_free(gate->cache);
  pthread_mutex_destroy(&gate->lock);
  free(gate);
}
