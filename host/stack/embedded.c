/* SPDX-License-Identifier: Apache-2.0 */
/* The stack in this process, over the runner's own bench. It lives on the same loop, in real or virtual time. */
#include "host/stack/transport.h"

#include <unistd.h>

struct embedded {
  struct pl_client *client;
  const struct pl_stack_desc *desc;
  struct pl_stack_cfg cfg;
  void *stack;          /* NULL: killed, or could not be started again */
  char folder[64], store[96];
};

static enum pl_status choose(const struct pl_client_cfg *cfg, const struct pl_stack_desc **desc, struct pl_err *err)
{
  *desc = cfg->embedded ? cfg->embedded : pl_n_stacks ? pl_stacks[0] : NULL;
  return *desc ? PL_OK : pl_fail(err, PL_E_UNSUPPORTED, "this program was built without a control stack; name one with --stack URL");
}

/* What must outlive a kill stands in a file, in memory where the system has such a place: it need not outlive the machine. */
static enum pl_status make_store(struct embedded *self, struct pl_err *err)
{
  snprintf(self->folder, sizeof self->folder, "%s/plumb-stack-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
  if (!mkdtemp(self->folder)) {
    *self->folder = '\0';
    return pl_fail_errno(err, "a folder for what the stack keeps");
  }
  snprintf(self->store, sizeof self->store, "%s/rackd.db", self->folder);
  self->cfg.store = self->store;
  return PL_OK;
}

static void remove_store(struct embedded *self)
{
  static const char *const TAILS[] = {"", "-wal", "-shm", "-journal"};
  char path[128];
  if (!*self->folder)
    return;
  for (size_t i = 0; i < sizeof TAILS / sizeof *TAILS; i++) {
    snprintf(path, sizeof path, "%s%s", self->store, TAILS[i]);
    unlink(path);
  }
  rmdir(self->folder); /* one that was put aside as damaged stays, to be looked at */
}

static void close_embedded(void *ctx)
{
  struct embedded *self = ctx;
  if (self->stack)
    self->desc->close(self->stack);
  remove_store(self);
  free(self);
}

static enum pl_status open_embedded(struct pl_client *client, const struct pl_client_cfg *cfg, void **out, struct pl_err *err)
{
  struct embedded *self = calloc(1, sizeof *self);
  if (!self)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the stack");
  self->client = client;
  self->cfg = (struct pl_stack_cfg){.bench = cfg->bench, .mutant = cfg->mutant, .settings = cfg->settings, .seed = cfg->seed, .user = pl_client_user(client), .password = pl_client_password(client)};
  enum pl_status status = choose(cfg, &self->desc, err);
  if (!status && cfg->drills)
    status = make_store(self, err);
  if (!status)
    status = self->desc->open(&self->cfg, &self->stack, err);
  if (status)
    close_embedded(self);
  else
    *out = self;
  return status;
}

static void submit(void *ctx, struct pl_ask *ask)
{
  struct embedded *self = ctx;
  if (self->stack) {
    self->desc->submit(self->stack, &ask->http);
    return;
  }
  ask->http.answer.status = 503;
  pl_client_answered(ask);
}

static void on_event(void *ctx, const struct pl_stack_event *event)
{
  const struct embedded *self = ctx;
  pl_client_heard(self->client, event->id, event->json, strlen(event->json), event->at);
}

static enum pl_status listen_embedded(void *ctx, uint64_t after, const char *target, const char *token, struct pl_err *err)
{
  struct embedded *self = ctx;
  (void)target;
  (void)token;
  if (self->desc->listen)
    return self->desc->listen(self->stack, after, on_event, self, err);
  pl_client_link(self->client, "the stack in this process has no event stream");
  return PL_OK;
}

static const char *name(const void *ctx)
{
  const struct embedded *self = ctx;
  return self->desc->name;
}

static bool is_dead(const void *ctx)
{
  const struct embedded *self = ctx;
  return !self->stack || self->desc->is_dead(self->stack);
}

static enum pl_status kill_embedded(void *ctx, struct pl_err *err)
{
  struct embedded *self = ctx;
  (void)err;
  if (!is_dead(self)) {
    self->desc->kill(self->stack); /* which is gone from here on */
    self->stack = NULL;
  }
  return PL_OK;
}

static enum pl_status kill_at(void *ctx, const char *procedure, const char *step, bool ended, struct pl_err *err)
{
  struct embedded *self = ctx;
  return self->stack ? self->desc->kill_at(self->stack, procedure, step, ended, err) : pl_fail(err, PL_E_GONE, "the stack is not running");
}

/* What is left of one that died at a step is thrown away; the new one knows what the store holds. */
static enum pl_status start(void *ctx, struct pl_err *err)
{
  struct embedded *self = ctx;
  if (self->stack)
    self->desc->close(self->stack);
  self->stack = NULL;
  return self->desc->open(&self->cfg, &self->stack, err);
}

const struct pl_transport_desc pl_transport_embedded = {
    .open = open_embedded,
    .close = close_embedded,
    .submit = submit,
    .listen = listen_embedded,
    .name = name,
    .kill = kill_embedded,
    .kill_at = kill_at,
    .start = start,
    .is_dead = is_dead,
};
