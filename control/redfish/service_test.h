/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_SERVICE_TEST_H
#define PL_CONTROL_REDFISH_SERVICE_TEST_H

/* For the tests of control/redfish only: a stack on the twin, asked as over HTTP. */
#include "control/redfish/door.h"
#include "control/redfish/room.h"
#include "control/stack/stack_test.h"

#define NOBODY ""
#define ADMIN "admin:plumb-line-1"

struct fake_tls {
  enum pl_status answer; /* of replace */
  unsigned replaced;
  struct pl_door_request wish;
};
struct door {
  struct stand *stand;
  struct fake_tls tls;
  bool encrypted, own_service, answered;
  struct pl_http_field more[4]; /* of the next request */
  size_t n_more;
  struct pl_http_answer answer;
  int status;
  const char *body;
  struct json_object *json; /* of the last answer */
};

static inline struct door *door_open(const char *store)
{
  struct door *d = calloc(1, sizeof *d);
  d->stand = stand_open(DEMO_RACK);
  d->stand->cfg.store = store;
  d->encrypted = true;
  stand_stack(d->stand);
  if (!d->stand->stack->service) {
    d->own_service = true;
    WELL(d->stand, pl_service_new(d->stand->stack, &d->stand->cfg, &d->stand->stack->service, &d->stand->err));
  }
  stand_run(d->stand, 5 * PL_S);
  return d;
}

static inline void forget(struct door *d)
{
  json_object_put(d->json);
  d->json = NULL;
  pl_http_answer_free(&d->answer);
  d->answer = (struct pl_http_answer){0};
}

static inline void door_close(struct door *d)
{
  forget(d);
  if (d->own_service) {
    pl_service_free(d->stand->stack->service);
    d->stand->stack->service = NULL;
  }
  stand_close(d->stand);
  free(d);
}

static inline void with(struct door *d, const char *name, const char *value)
{
  d->more[d->n_more++] = (struct pl_http_field){name, value};
}

static inline void encode64(const char *text, char *out, size_t size)
{
  static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n = strlen(text), k = 0;
  for (size_t i = 0; i < n && k + 5 < size; i += 3) {
    unsigned v = (unsigned)(unsigned char)text[i] << 16 | (i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0) | (i + 2 < n ? (unsigned char)text[i + 2] : 0u);
    out[k++] = LETTERS[v >> 18];
    out[k++] = LETTERS[v >> 12 & 63];
    out[k++] = i + 1 < n ? LETTERS[v >> 6 & 63] : '=';
    out[k++] = i + 2 < n ? LETTERS[v & 63] : '=';
  }
  out[k] = '\0';
}

static inline void answered(struct pl_http_request *request)
{
  struct door *d = request->ctx;
  d->answered = true;
}

/* who: "name:password" for Basic, "token TOKEN" for a session, NOBODY. */
static inline void ask_as(struct door *d, const char *who, const char *method, const char *target, const char *body)
{
  char basic[400] = "Basic ";
  struct pl_http_request r = {.method = method, .target = target, .body = body, .body_size = body ? strlen(body) : 0, .peer = "test", .encrypted = d->encrypted,
                              .done = answered, .ctx = d};
  forget(d);
  if (!strncmp(who, "token ", 6))
    r.fields[r.n_fields++] = (struct pl_http_field){"X-Auth-Token", who + 6};
  else if (*who) {
    encode64(who, basic + 6, sizeof basic - 6);
    r.fields[r.n_fields++] = (struct pl_http_field){"Authorization", basic};
  }
  for (size_t i = 0; i < d->n_more; i++)
    r.fields[r.n_fields++] = d->more[i];
  d->n_more = 0;
  d->answered = false;
  pl_service_submit(d->stand->stack->service, &r);
  for (pl_time_ns end = pl_clock_now(d->stand->clock) + 30 * PL_S; !d->answered && pl_clock_now(d->stand->clock) < end;)
    pl_clock_step(d->stand->clock, end);
  if (!d->answered)
    fail_msg("%s %s: no answer", method, target);
  d->answer = r.answer;
  d->status = r.answer.status;
  d->body = r.answer.body;
  d->json = d->body && (!r.answer.type || strstr(r.answer.type, "json")) ? json_tokener_parse(d->body) : NULL;
}

static inline void ask(struct door *d, const char *method, const char *target, const char *body)
{
  ask_as(d, ADMIN, method, target, body);
}

/* A server in front of the stack that only says what it is told. */
static inline enum pl_status fake_certificate(void *ctx, struct pl_door_certificate *c, struct pl_err *err)
{
  (void)ctx, (void)err;
  *c = (struct pl_door_certificate){.pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", .subject = {.common_name = "rack-7", .country = "CH"},
                                    .issuer = {.common_name = "Test CA", .organization = "Testers"}, .names = "rack-7.example,10.0.0.7", .begin_s = 1700000000,
                                    .end_s = 1800000000, .serial = "01:02", .fingerprint = "AB:CD", .signature = "1.2.840.10045.4.3.2",
                                    .usage = "DigitalSignature,ServerAuthentication"};
  return PL_OK;
}

static inline enum pl_status fake_replace(void *ctx, const char *pem, size_t size, int64_t now_s, struct pl_err *err)
{
  struct fake_tls *t = ctx;
  assert_int_equal(strlen(pem), size);
  assert_true(now_s > 0);
  t->replaced++;
  return t->answer ? pl_fail(err, t->answer, "the certificate has expired; have a new one signed") : PL_OK;
}

static inline enum pl_status fake_request(void *ctx, const struct pl_door_request *request, char **csr, struct pl_err *err)
{
  struct fake_tls *t = ctx;
  (void)err;
  t->wish = *request;
  *csr = strdup("-----BEGIN CERTIFICATE REQUEST-----\n");
  return PL_OK;
}

static inline void door_listens(struct door *d, bool https)
{
  const struct pl_door door = {.https = https, .port = 8443, .certificate = fake_certificate, .replace = fake_replace, .request = fake_request, .ctx = &d->tls};
  pl_services_set_door(pl_services_of(d->stand->stack), &door);
}

/* So that there is one of everything to look at: CSUs with power, a workload, one that waits, a reservation, decisions. The last answer is that of Compose. */
static inline void door_furnish(struct door *d)
{
  static const char RESERVE[] = "{\"RequestFormat\": \"Manifest\", \"RequestType\": \"PreviewReserve\", \"Manifest\": {\"Stanzas\": [{\"StanzaType\": \"ComposeSystem\", "
                                "\"StanzaId\": \"later\", \"Request\": {\"Oem\": {\"Plumbline\": {\"Cores\": 1, \"Replicas\": 2, \"Apart\": [\"web\"], \"Features\": []}}}}]}}";
  static const char *const TRIGGERS[] = {
      "{\"Id\": \"low\", \"MetricType\": \"Numeric\", \"MetricProperties\": [\"/redfish/v1/Chassis/demo-rack/Sensors/psu-a-supply-vin#/Reading\"], \"HysteresisReading\": -2, "
      "\"NumericThresholds\": {\"LowerWarning\": {\"Reading\": 500, \"DwellTime\": \"PT1S\", \"Activation\": \"Either\"}, \"LowerCritical\": {\"Reading\": 10}}, "
      "\"HysteresisDuration\": \"PT1M\", \"TriggerActions\": [\"RedfishEvent\", \"LogToLogService\"]}", /* it is below: an entry of the log */
      "{\"MetricType\": \"Discrete\", \"DiscreteTriggerCondition\": \"Specified\", \"DiscreteTriggers\": [{\"Name\": \"gone\", \"Value\": \"Absent\", \"Severity\": "
      "\"Critical\", \"DwellTime\": \"PT2S\"}], \"MetricProperties\": [\"/redfish/v1/Chassis/csu-1#/Status/State\"]}"};
  for (int i = 1; i <= 2; i++) {
    char csu[16];
    snprintf(csu, sizeof csu, "csu-%d", i);
    stand_power(d->stand, csu, true);
    stand_until_state(d->stand, csu, PL_STATE_ENABLED, 20 * PL_S);
  }
  stand_run(d->stand, 15 * PL_S); /* their agents answer */
  ask(d, "POST", "/redfish/v1/Systems", "{\"Id\": \"web\", \"Oem\": {\"Plumbline\": {\"Cores\": 1, \"Image\": \"steady/50\", \"Application\": \"shop\"}}}");
  assert_int_equal(d->status, 201);
  ask(d, "POST", "/redfish/v1/Systems", "{\"Id\": \"big\", \"Oem\": {\"Plumbline\": {\"Cores\": 100000, \"WaitForRoom\": true}}}");
  assert_int_equal(d->status, 201);
  stand_run(d->stand, 60 * PL_S);
  door_listens(d, true);
  ask(d, "POST", "/redfish/v1/TelemetryService/Triggers", TRIGGERS[0]);
  assert_int_equal(d->status, 201);
  ask(d, "POST", "/redfish/v1/TelemetryService/Triggers", TRIGGERS[1]);
  assert_int_equal(d->status, 201);
  stand_run(d->stand, 3 * PL_S);
  ask(d, "POST", "/redfish/v1/CompositionService/Actions/CompositionService.Compose", RESERVE);
  assert_int_equal(d->status, 200);
}

static inline const char *header(const struct door *d, const char *name)
{
  return pl_http_field(d->answer.fields, d->answer.n_fields, name);
}

/* "Members/0/Id" */
static inline struct json_object *at(const struct door *d, const char *path, bool *found)
{
  struct json_object *value = d->json;
  char copy[256], *save = NULL;
  snprintf(copy, sizeof copy, "%s", path);
  *found = value != NULL;
  for (char *word = strtok_r(copy, "/", &save); word && *found; word = strtok_r(NULL, "/", &save)) {
    struct json_object *below = NULL;
    if (json_object_is_type(value, json_type_array)) {
      below = json_object_array_get_idx(value, (size_t)strtoul(word, NULL, 10));
      *found = below != NULL;
    } else
      *found = json_object_is_type(value, json_type_object) && json_object_object_get_ex(value, word, &below);
    value = below;
  }
  return *found ? value : NULL;
}

static inline struct json_object *value_at(const struct door *d, const char *path)
{
  bool found;
  return at(d, path, &found);
}

static inline bool is_null_at(const struct door *d, const char *path)
{
  bool found;
  return !at(d, path, &found) && found;
}

static inline const char *text_at(const struct door *d, const char *path)
{
  struct json_object *value = value_at(d, path);
  if (!json_object_is_type(value, json_type_string))
    fail_msg("no text at %s of %s", path, d->body ? d->body : "nothing");
  return json_object_get_string(value);
}

static inline int64_t number_at(const struct door *d, const char *path)
{
  struct json_object *value = value_at(d, path);
  if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
    fail_msg("no number at %s of %s", path, d->body ? d->body : "nothing");
  return (int64_t)json_object_get_double(value);
}

static inline bool flag_at(const struct door *d, const char *path)
{
  struct json_object *value = value_at(d, path);
  if (!json_object_is_type(value, json_type_boolean))
    fail_msg("no flag at %s of %s", path, d->body ? d->body : "nothing");
  return json_object_get_boolean(value);
}

static inline size_t array_length(const struct door *d, const char *path)
{
  struct json_object *value = value_at(d, path);
  if (!json_object_is_type(value, json_type_array))
    fail_msg("no array at %s of %s", path, d->body ? d->body : "nothing");
  return json_object_array_length(value);
}

#endif
