/* SPDX-License-Identifier: Apache-2.0 */
#include "host/stack/client.h"

#include "host/journal/json.h"
#include "host/journal/text.h"
#include "host/stack/pin.h"
#include "host/stack/transport.h"

#include <inttypes.h>
#include <strings.h>

#define ROOT "/redfish/v1/"
#define SESSIONS "/redfish/v1/SessionService/Sessions" /* DSP0266 1.22, "Redfish session login": the well-known place, when the root names none */
#define STREAM "/redfish/v1/EventService/SSE"
#define LATENCY_NS PL_MS    /* of the stack in this process, in virtual time: about what TLS on a local network takes, so that polling takes time */
#define GOODBYE_NS (2 * PL_S)
/* Of the stack in this process: nobody else can reach it. */
#define OWN_USER "plumb"
#define OWN_PASSWORD "in-this-process-1"

struct pl_client {
  const struct pl_client_cfg *cfg;
  const char *user, *password;
  const struct pl_transport_desc *transport;
  void *self;
  struct pl_ask *asks; /* all that are not freed */
  struct pl_event_log *events;
  struct pl_client_watch watch;
  char token[256], session[512], sessions[256], stream[256], about[160];
  bool begun;
};

/* --- one ask --- */

static void free_ask(struct pl_ask *ask)
{
  struct pl_ask **at = &ask->client->asks;
  while (*at != ask)
    at = &(*at)->next;
  *at = ask->next;
  pl_clock_disarm(ask->client->cfg->clock, &ask->timer);
  pl_http_answer_free(&ask->http.answer);
  free(ask->target);
  free(ask->body);
  free(ask->if_match);
  free(ask->token);
  free(ask);
}

void pl_ask_release(struct pl_ask *ask)
{
  if (!ask)
    return;
  ask->released = true;
  ask->done = NULL;
  if (!ask->flying)
    free_ask(ask);
}

/* The moment of the answer, or of the deadline. */
static void on_timer(void *ctx, pl_time_ns now)
{
  struct pl_ask *ask = ctx;
  if (ask->told)
    return;
  ask->told = true;
  if (ask->flying) {
    char limit[48];
    pl_quantity_format(PL_DIM_TIME, (ask->deadline - ask->asked) / PL_US, limit, sizeof limit);
    pl_fail(&ask->err, PL_E_TIMEOUT, "%s %s: no answer within %s", ask->http.method, ask->target, limit);
    ask->answered = now;
  }
  if (ask->done)
    ask->done(ask->ctx);
}

void pl_client_answered(struct pl_ask *ask)
{
  struct pl_clock *clock = ask->client->cfg->clock;
  ask->flying = false;
  if (ask->released) {
    free_ask(ask);
    return;
  }
  if (ask->told) { /* too late: the deadline has been told */
    pl_http_answer_free(&ask->http.answer);
    return;
  }
  pl_time_ns now = pl_clock_now(clock), soonest = ask->asked + (pl_clock_is_virtual(clock) ? LATENCY_NS : 0);
  ask->answered = now > soonest ? now : soonest;
  if (!ask->err.status && ask->http.answer.body_size > PL_CLIENT_BODY_MAX)
    pl_fail(&ask->err, PL_E_GARBAGE, "%s %s: an answer of %zu bytes, expected at most %u", ask->http.method, ask->target, ask->http.answer.body_size, PL_CLIENT_BODY_MAX);
  pl_clock_arm(clock, &ask->timer, ask->answered);
}

static void on_embedded_done(struct pl_http_request *request)
{
  pl_client_answered((struct pl_ask *)(void *)request);
}

static bool copy(const char *from, char **to)
{
  *to = from ? strdup(from) : NULL;
  return !from || *to;
}

/* Of "https://host:8443/redfish" that before the path. */
static size_t origin_length(const char *url)
{
  const char *host = url ? strstr(url, "://") : NULL;
  return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : 0;
}

/* A Location may be a whole URL; it must be this stack's, for the session's token goes with it. */
static enum pl_status target_of(const struct pl_client *client, const char *given, const char **target, struct pl_err *err)
{
  size_t len = origin_length(client->cfg->url);
  *target = given;
  if (len && !strncasecmp(given, client->cfg->url, len) && given[len] == '/')
    *target = given + len;
  return **target == '/' ? PL_OK : pl_fail(err, PL_E_USAGE, "'%s' is no path of this stack, expected one that begins with '/'", given);
}

static void add_field(struct pl_http_request *http, const char *name, const char *value)
{
  if (value && http->n_fields < PL_HTTP_FIELDS_MAX)
    http->fields[http->n_fields++] = (struct pl_http_field){name, value};
}

static void put_fields(struct pl_ask *ask)
{
  add_field(&ask->http, "Accept", "application/json");
  add_field(&ask->http, "OData-Version", "4.0");
  if (ask->body)
    add_field(&ask->http, "Content-Type", "application/json");
  add_field(&ask->http, "If-Match", ask->if_match);
  if (ask->token && *ask->token)
    add_field(&ask->http, "X-Auth-Token", ask->token);
}

enum pl_status pl_client_ask(struct pl_client *client, const struct pl_ask_cfg *cfg, struct pl_ask **out, struct pl_err *err)
{
  const char *target;
  enum pl_status status = target_of(client, cfg->target, &target, err);
  if (status)
    return status;
  if (!client->self)
    return pl_fail(err, PL_E_GONE, "the control stack is not there (it has been ended)");
  struct pl_ask *ask = calloc(1, sizeof *ask);
  if (!ask)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a request");
  ask->client = client;
  ask->next = client->asks;
  client->asks = ask;
  const char *token = cfg->token ? cfg->token : client->token;
  if (!copy(target, &ask->target) || !copy(cfg->body, &ask->body) || !copy(cfg->if_match, &ask->if_match) || !copy(token, &ask->token)) {
    free_ask(ask);
    return pl_fail(err, PL_E_NOMEM, "out of memory for a request");
  }
  ask->own_token = !cfg->token;
  ask->done = cfg->done;
  ask->ctx = cfg->ctx;
  ask->asked = pl_clock_now(client->cfg->clock);
  ask->deadline = ask->asked + (cfg->timeout_ns ? cfg->timeout_ns : PL_CLIENT_TIMEOUT_NS);
  ask->timer = (struct pl_timer){.fire = on_timer, .ctx = ask};
  ask->flying = true;
  ask->http = (struct pl_http_request){.method = cfg->method, .target = ask->target, .body = ask->body, .body_size = ask->body ? strlen(ask->body) : 0,
                                       .peer = "embedded", .encrypted = true, .done = on_embedded_done};
  put_fields(ask);
  *out = ask; /* before it is under way: its done() may need it */
  pl_clock_arm(client->cfg->clock, &ask->timer, ask->deadline);
  client->transport->submit(client->self, ask);
  return PL_OK;
}

void pl_client_drop(struct pl_client *client, enum pl_status status, const char *why)
{
  for (struct pl_ask *ask = client->asks, *next; ask; ask = next) {
    next = ask->next;
    if (!ask->flying)
      continue;
    pl_fail(&ask->err, status, "%s %s: %s", ask->http.method, ask->target, why);
    pl_client_answered(ask);
  }
}

enum pl_status pl_ask_status(const struct pl_ask *ask, const struct pl_err **err)
{
  if (err)
    *err = &ask->err;
  return ask->err.status;
}

const struct pl_http_answer *pl_ask_answer(const struct pl_ask *ask)
{
  return &ask->http.answer;
}

pl_time_ns pl_ask_took(const struct pl_ask *ask)
{
  return ask->answered - ask->asked;
}

const char *pl_ask_target(const struct pl_ask *ask)
{
  return ask->target;
}

/* --- asked and waited for: at the beginning and the end, when nothing else runs on the loop --- */

static void on_waited(void *ctx)
{
  bool *over = ctx;
  *over = true;
}

/* Every ask has a deadline, so this ends. The caller releases *ask. */
static enum pl_status ask_and_wait(struct pl_client *client, struct pl_ask_cfg cfg, struct pl_ask **ask, struct pl_err *err)
{
  bool over = false;
  const struct pl_err *why;
  cfg.done = on_waited;
  cfg.ctx = &over;
  enum pl_status status = pl_client_ask(client, &cfg, ask, err);
  if (status)
    return status;
  while (!over)
    pl_clock_step(client->cfg->clock, (*ask)->deadline + PL_MS);
  status = pl_ask_status(*ask, &why);
  return status ? pl_fail(err, status, "%s", why->text) : PL_OK;
}

/* What a service says of why it refused: the first message of its error body (DSP0266 "Error responses"). */
static void said_why(const struct pl_http_answer *answer, char *out, size_t size)
{
  struct pl_json json = {0};
  *out = '\0';
  if (answer->body && !pl_json_parse(&json, answer->body, answer->body_size, NULL)) {
    const struct pl_json_node *error = pl_json_get(&json.nodes[0], "error"), *info = pl_json_get(error, "@Message.ExtendedInfo");
    const struct pl_json_node *message = pl_json_get(info ? pl_json_first(info) : NULL, "Message");
    if (!message)
      message = pl_json_get(error, "message");
    if (message && message->kind == PL_JSON_STRING)
      snprintf(out, size, ": %.*s", (int)(message->len < 200 ? message->len : 200), message->text);
  }
  pl_json_free(&json);
}

static enum pl_status want_success(const struct pl_client *client, const struct pl_ask *ask, struct pl_err *err)
{
  char why[224];
  if (ask->http.answer.status >= 200 && ask->http.answer.status < 300)
    return PL_OK;
  said_why(&ask->http.answer, why, sizeof why);
  return pl_fail(err, PL_E_EXCEPTION, "%s: %s %s was answered with %d%s", pl_client_name(client), ask->http.method, ask->target, ask->http.answer.status, why);
}

static void take_text(const struct pl_json_node *node, char *out, size_t size)
{
  if (node && node->kind == PL_JSON_STRING && node->len < size)
    snprintf(out, size, "%.*s", (int)node->len, node->text);
}

static enum pl_status meet(struct pl_client *client, struct pl_err *err)
{
  struct pl_ask *ask = NULL;
  struct pl_json json = {0};
  char vendor[48] = "", product[64] = "", version[24] = "";
  enum pl_status status = ask_and_wait(client, (struct pl_ask_cfg){.method = "GET", .target = ROOT, .token = ""}, &ask, err);
  if (!status)
    status = want_success(client, ask, err);
  if (!status && pl_json_parse(&json, ask->http.answer.body ? ask->http.answer.body : "", ask->http.answer.body_size, NULL))
    status = pl_fail(err, PL_E_GARBAGE, "%s: the service root is no JSON; is this a Redfish service?", pl_client_name(client));
  if (!status) {
    const struct pl_json_node *root = &json.nodes[0];
    take_text(pl_json_get(root, "Vendor"), vendor, sizeof vendor);
    take_text(pl_json_get(root, "Product"), product, sizeof product);
    take_text(pl_json_get(root, "RedfishVersion"), version, sizeof version);
    take_text(pl_json_get(pl_json_get(pl_json_get(root, "Links"), "Sessions"), "@odata.id"), client->sessions, sizeof client->sessions);
    if (!strncmp(product, vendor, strlen(vendor))) /* it names itself in full */
      *vendor = '\0';
    snprintf(client->about, sizeof client->about, "%s%s%s%sRedfish %s", vendor, *vendor ? " " : "", product, *product || *vendor ? ", " : "", version);
    if (!*version)
      status = pl_fail(err, PL_E_GARBAGE, "%s: the service root has no RedfishVersion; is this a Redfish service?", pl_client_name(client));
  }
  pl_json_free(&json);
  pl_ask_release(ask);
  return status;
}

enum pl_status pl_client_login_body(const struct pl_client *client, char *out, size_t size, struct pl_err *err)
{
  struct pl_text text = {0};
  PL_TEXT_LIT(&text, "{\"UserName\":");
  pl_text_json(&text, client->user, strlen(client->user));
  PL_TEXT_LIT(&text, ",\"Password\":");
  pl_text_json(&text, client->password, strlen(client->password));
  PL_TEXT_LIT(&text, "}");
  bool good = !text.failed && text.len < size;
  if (good)
    snprintf(out, size, "%.*s", (int)text.len, text.bytes);
  if (text.bytes)
    explicit_bzero(text.bytes, text.len);
  pl_text_free(&text);
  return good ? PL_OK : pl_fail(err, PL_E_USAGE, "user and password are too long");
}

static enum pl_status log_in(struct pl_client *client, struct pl_err *err)
{
  char body[512];
  struct pl_ask *ask = NULL;
  enum pl_status status = pl_client_login_body(client, body, sizeof body, err);
  if (!status)
    status = ask_and_wait(client, (struct pl_ask_cfg){.method = "POST", .target = *client->sessions ? client->sessions : SESSIONS, .body = body, .token = ""}, &ask, err);
  explicit_bzero(body, sizeof body);
  if (!status)
    status = want_success(client, ask, err);
  if (!status) {
    const struct pl_http_answer *answer = &ask->http.answer;
    const char *token = pl_http_field(answer->fields, answer->n_fields, "X-Auth-Token"), *at = pl_http_field(answer->fields, answer->n_fields, "Location");
    if (!token || strlen(token) >= sizeof client->token || !at || strlen(at) >= sizeof client->session)
      status = pl_fail(err, PL_E_GARBAGE, "%s: the answer to a login has no X-Auth-Token or no Location, or one that is too long", pl_client_name(client));
    else {
      snprintf(client->token, sizeof client->token, "%s", token);
      snprintf(client->session, sizeof client->session, "%s", at);
    }
  }
  pl_ask_release(ask);
  return status;
}

/* --- events --- */

void pl_client_heard(struct pl_client *client, uint64_t id, const char *json, size_t len, pl_time_ns at)
{
  pl_event_log_add(client->events, &client->watch, id, json, len, at);
}

void pl_client_link(struct pl_client *client, const char *sentence)
{
  if (client->watch.link)
    client->watch.link(client->watch.ctx, sentence);
}

const struct pl_client_event *pl_client_event(const struct pl_client *client, uint64_t index)
{
  return pl_event_log_at(client->events, index);
}

uint64_t pl_client_event_count(const struct pl_client *client)
{
  return pl_event_log_count(client->events);
}

void pl_client_set_watch(struct pl_client *client, const struct pl_client_watch *watch)
{
  client->watch = watch ? *watch : (struct pl_client_watch){0};
}

/* Where the stream is: EventService.ServerSentEventUri. A service without one has no events to hear, which its sequences will find out. */
static enum pl_status hear(struct pl_client *client, uint64_t after, struct pl_err *err)
{
  struct pl_ask *ask = NULL;
  struct pl_json json = {0};
  enum pl_status status = ask_and_wait(client, (struct pl_ask_cfg){.method = "GET", .target = ROOT "EventService"}, &ask, err);
  *client->stream = '\0';
  if (!status && ask->http.answer.status == 200 && !pl_json_parse(&json, ask->http.answer.body, ask->http.answer.body_size, NULL))
    take_text(pl_json_get(&json.nodes[0], "ServerSentEventUri"), client->stream, sizeof client->stream);
  pl_json_free(&json);
  pl_ask_release(ask);
  if (!status && *client->stream)
    status = client->transport->listen(client->self, after, client->stream, client->token, err);
  else if (!status)
    pl_client_link(client, "the stack has no event stream (EventService.ServerSentEventUri)");
  return status;
}

/* --- the client --- */

enum pl_status pl_client_check(const struct pl_client_cfg *cfg, struct pl_err *err)
{
  struct pl_pin pin;
  if (!cfg->url)
    return cfg->pin ? pl_fail(err, PL_E_USAGE, "a pin is for a stack at a URL; the one in this process has no certificate") : PL_OK;
  bool tls = !strncasecmp(cfg->url, "https://", 8), plain = !strncasecmp(cfg->url, "http://", 7);
  const char *host = cfg->url + (tls ? 8 : 7);
  size_t len = strcspn(tls || plain ? host : "", ":/?#@[");
  if ((!tls && !plain) || (!len && *host != '[') || strpbrk(cfg->url, " \t\r\n\"<>@"))
    return pl_fail(err, PL_E_USAGE, "'%s' is no address of a stack, expected https://HOST[:PORT] (user and password are given apart)", cfg->url);
  bool loopback = !strncmp(host, "[::1]", 5) || (len == 9 && !strncasecmp(host, "localhost", 9)) || !strncmp(host, "127.", 4);
  if (plain && !loopback)
    return pl_fail(err, PL_E_USAGE, "'%s' would send the password in clear over a network, expected https:// (http:// is for this machine alone)", cfg->url);
  if (plain && cfg->pin)
    return pl_fail(err, PL_E_USAGE, "a pin is of a certificate, and '%s' has none, expected https://", cfg->url);
  if (!cfg->user || !cfg->password)
    return pl_fail(err, PL_E_USAGE, "the stack at %s needs a user and a password", cfg->url);
  if (cfg->drills || cfg->mutant)
    return pl_fail(err, PL_E_USAGE, "%s is not ours to kill or to make lie: that is for the stack in this process", cfg->url);
  return cfg->pin ? pl_pin_parse(cfg->pin, &pin, err) : PL_OK;
}

enum pl_status pl_client_new(const struct pl_client_cfg *cfg, struct pl_client **out, struct pl_err *err)
{
  struct pl_client *client = calloc(1, sizeof *client);
  if (!client)
    return pl_fail(err, PL_E_NOMEM, "out of memory for a client of the stack");
  client->cfg = cfg;
  client->user = cfg->url ? cfg->user : OWN_USER;
  client->password = cfg->url ? cfg->password : OWN_PASSWORD;
  client->transport = cfg->url ? &pl_transport_url : &pl_transport_embedded;
  enum pl_status status = pl_event_log_new(&client->events, err);
  if (status)
    free(client);
  else
    *out = client;
  return status;
}

enum pl_status pl_client_begin(struct pl_client *client, struct pl_err *err)
{
  enum pl_status status = client->self ? PL_OK : client->transport->open(client, client->cfg, &client->self, err);
  client->begun = true;
  if (!status)
    status = meet(client, err);
  if (!status)
    status = log_in(client, err);
  if (!status)
    status = hear(client, pl_event_log_last(client->events), err);
  return status;
}

static enum pl_status log_out(struct pl_client *client, struct pl_err *err)
{
  struct pl_ask *ask = NULL;
  enum pl_status status = ask_and_wait(client, (struct pl_ask_cfg){.method = "DELETE", .target = client->session, .timeout_ns = GOODBYE_NS}, &ask, err);
  if (!status)
    status = want_success(client, ask, err);
  pl_ask_release(ask);
  return status;
}

enum pl_status pl_client_end(struct pl_client *client, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  if (!client->self)
    return PL_OK;
  if (*client->token && !pl_client_is_dead(client))
    status = log_out(client, err);
  client->transport->close(client->self);
  client->self = NULL;
  pl_client_drop(client, PL_E_GONE, "the stack was closed");
  pl_event_log_end(client->events, &client->watch);
  explicit_bzero(client->token, sizeof client->token);
  return status;
}

void pl_client_free(struct pl_client *client)
{
  if (!client)
    return;
  pl_client_set_watch(client, NULL);
  pl_client_end(client, NULL);
  while (client->asks) {
    client->asks->flying = false;
    free_ask(client->asks);
  }
  pl_event_log_free(client->events);
  free(client);
}

const char *pl_client_user(const struct pl_client *client)
{
  return client->user;
}

const char *pl_client_password(const struct pl_client *client)
{
  return client->password;
}

bool pl_client_is_embedded(const struct pl_client *client)
{
  return !client->cfg->url;
}

const char *pl_client_name(const struct pl_client *client)
{
  return client->self ? client->transport->name(client->self) : client->cfg->url ? client->cfg->url : "the embedded stack";
}

const char *pl_client_about(const struct pl_client *client)
{
  return client->about;
}

/* --- drills --- */

static enum pl_status can_drill(const struct pl_client *client, const char *what, struct pl_err *err)
{
  if (!client->transport->kill)
    return pl_fail(err, PL_E_UNSUPPORTED, "%s: %s cannot be %s by us; such drills are for the stack in this process (leave --stack out)", what, pl_client_name(client), what);
  return client->self ? PL_OK : pl_fail(err, PL_E_GONE, "the control stack has been ended");
}

static void lost_session(struct pl_client *client)
{
  *client->token = *client->session = '\0';
  pl_event_log_gap(client->events);
}

enum pl_status pl_client_kill(struct pl_client *client, struct pl_err *err)
{
  enum pl_status status = can_drill(client, "killed", err);
  if (!status)
    status = client->transport->kill(client->self, err);
  if (!status)
    pl_client_drop(client, PL_E_GONE, "the stack was killed");
  return status;
}

enum pl_status pl_client_kill_at(struct pl_client *client, const char *procedure, const char *step, bool ended, struct pl_err *err)
{
  enum pl_status status = can_drill(client, "killed", err);
  return status ? status : client->transport->kill_at(client->self, procedure, step, ended, err);
}

enum pl_status pl_client_start(struct pl_client *client, struct pl_err *err)
{
  enum pl_status status = can_drill(client, "started", err);
  if (status)
    return status;
  if (!pl_client_is_dead(client))
    return pl_fail(err, PL_E_USAGE, "the stack is running, expected one that was killed");
  status = client->transport->start(client->self, err);
  pl_client_drop(client, PL_E_GONE, "the stack was killed");
  lost_session(client);
  return status ? status : pl_client_begin(client, err);
}

bool pl_client_is_dead(const struct pl_client *client)
{
  return client->self && client->transport->is_dead && client->transport->is_dead(client->self);
}
