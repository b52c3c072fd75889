/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* SessionService and its Sessions. */

#define SESSIONS "/redfish/v1/SessionService/Sessions"

static struct pl_rights *rights_of(const struct pl_res *res)
{
  return res->stack->service->rights;
}

static bool find_session(struct pl_res *res)
{
  struct pl_session *session = malloc(sizeof *session);
  if (session && pl_rights_session(rights_of(res), res->ids[0], session)) {
    explicit_bzero(session->token, sizeof session->token);
    res->what = res->own = session;
    return true;
  }
  free(session);
  return false;
}

static void list_sessions(const struct pl_res *res, struct pl_members *members)
{
  struct pl_session *sessions = calloc(PL_SESSIONS_MAX, sizeof *sessions);
  size_t n = sessions ? pl_rights_sessions(rights_of(res), sessions, PL_SESSIONS_MAX) : 0;
  for (size_t i = 0; i < n; i++)
    pl_members_add(members, sessions[i].id);
  free(sessions);
}

enum { USER, PEER, CREATED, ROLES };
static enum pl_has get_session(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_session *session = res->what;
  struct pl_account account;
  char text[32];
  switch ((int)prop->x) {
  case USER: *value = json_object_new_string(session->user); break;
  case PEER: *value = session->peer[0] ? json_object_new_string(session->peer) : NULL; break;
  case CREATED: *value = json_object_new_string(pl_redfish_time(session->begun_wall_ns, text, sizeof text)); break;
  default:
    *value = json_object_new_array();
    if (pl_rights_account(rights_of(res), session->user, &account))
      json_object_array_add(*value, json_object_new_string(account.role));
  }
  return PL_SHOW;
}

/* By the gate, on its caller's time; here, where there is no gate. */
static bool is_right(const struct pl_exchange *x, const char *name, const char *password, struct pl_user *user)
{
  const struct pl_admission *admission = ((const struct pl_open_exchange *)x)->admission;
  if (admission->login == PL_LOGIN_UNASKED)
    return pl_rights_check(x->stack->service->rights, name, password, user);
  *user = admission->login_user;
  return admission->login == PL_LOGIN_RIGHT;
}

/* DSP0266, "Session login". The answer carries the token, in X-Auth-Token only. */
static void create_session(struct pl_exchange *x)
{
  struct pl_rights *rights = x->stack->service->rights;
  const char *name = pl_body_text(x, "UserName"), *password = pl_body_text(x, "Password");
  struct pl_rights_settings settings;
  struct pl_session session;
  struct pl_err err = {0};
  pl_rights_settings(rights, &settings);
  struct pl_user user;
  snprintf(x->user.name, sizeof x->user.name, "%.64s", name); /* for the audit log */
  if (!settings.sessions_enabled)
    pl_say(x, 503, NULL, "ServiceDisabled", "/redfish/v1/SessionService", NULL);
  else if (!x->request->encrypted)
    pl_say(x, 403, NULL, "AccessDenied", "/redfish/v1/SessionService/Sessions", NULL);
  else if (!is_right(x, name, password, &user))
    pl_say(x, 401, NULL, "ResourceAtUriUnauthorized", SESSIONS, "invalid user name or password", NULL);
  else if (pl_rights_session_new(rights, name, x->request->peer, &session, &err))
    pl_say(x, 0, NULL, "SessionLimitExceeded", NULL);
  else {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, SESSIONS "/%s", session.id);
    pl_answer_header(x, "X-Auth-Token", session.token);
    explicit_bzero(session.token, sizeof session.token);
    if (user.must_change_password) {
      char account[PL_URI_MAX];
      snprintf(account, sizeof account, "/redfish/v1/AccountService/Accounts/%s", name);
      pl_say(x, 201, NULL, "PasswordChangeRequired", account, NULL);
    }
    pl_answer_resource(x, 201, uri);
  }
}

static void remove_session(struct pl_exchange *x)
{
  const struct pl_session *session = x->res.what;
  pl_rights_session_end(x->stack->service->rights, session->id);
}

/* SessionService's own. */
static enum pl_has get_timeout(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  struct pl_rights_settings settings;
  pl_rights_settings(rights_of(res), &settings);
  *value = json_object_new_int64(settings.session_timeout_s);
  return PL_SHOW;
}

static enum pl_has get_enabled(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  struct pl_rights_settings settings;
  pl_rights_settings(rights_of(res), &settings);
  *value = json_object_new_boolean(settings.sessions_enabled);
  return PL_SHOW;
}

static void change(struct pl_exchange *x, const struct pl_prop *prop, const struct pl_rights_settings *settings)
{
  struct pl_err err = {0};
  if (pl_rights_set(x->stack->service->rights, settings, &err))
    pl_say_err(x, prop->path, &err);
}

static void set_timeout(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_rights_settings settings;
  pl_rights_settings(x->stack->service->rights, &settings);
  settings.session_timeout_s = json_object_get_int64(value);
  change(x, prop, &settings);
}

static void set_enabled(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_rights_settings settings;
  pl_rights_settings(x->stack->service->rights, &settings);
  settings.sessions_enabled = json_object_get_boolean(value);
  change(x, prop, &settings);
}

static const struct pl_field TIMEOUT = {.type = PL_FIELD_INTEGER, .min = 30, .max = 86400}; /* the schema's own limits */
static const struct pl_field FLAG = {.type = PL_FIELD_FLAG};

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Description", "Sessions of this service"),
    PL_TEXT("Status/State", "Enabled"),
    PL_TEXT("Status/Health", "OK"),
    PL_WRITES("ServiceEnabled", get_enabled, &FLAG, set_enabled),
    PL_WRITES("SessionTimeout", get_timeout, &TIMEOUT, set_timeout),
    PL_LINK("Sessions", SESSIONS),
};

static const struct pl_prop SESSION[] = {
    PL_TEXT("Name", "User Session"),
    {.path = "UserName", .get = get_session, .x = USER},
    {.path = "ClientOriginIPAddress", .get = get_session, .x = PEER},
    {.path = "CreatedTime", .get = get_session, .x = CREATED},
    {.path = "Roles", .get = get_session, .x = ROLES},
    PL_TEXT("SessionType", "Redfish"),
    {.path = "Password", .get = pl_get_null},
    {.path = "Token", .get = pl_get_null},
};

static const struct pl_field CREATE[] = {
    {.name = "UserName", .type = PL_FIELD_TEXT, .required = true, .min = 0, .max = 64},
    {.name = "Password", .type = PL_FIELD_TEXT, .required = true, .min = 0, .max = 256},
    {.name = "SessionType", .type = PL_FIELD_TEXT},
    {.name = "Context", .type = PL_FIELD_TEXT},
};

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/SessionService", .type = "SessionService.v1_2_0.SessionService", .name = "Session Service", .props = {PL_PROPS(SERVICE)}, .flags = PL_ROUTE_CACHED},
    {.uri = SESSIONS, .type = "SessionCollection.SessionCollection", .name = "Sessions", .members = list_sessions, .fields = CREATE,
     .n_fields = sizeof CREATE / sizeof CREATE[0], .create = create_session, .flags = PL_ROUTE_OPEN_POST},
    {.uri = SESSIONS "/{}", .type = "Session.v1_8_0.Session", .props = {PL_PROPS(SESSION)}, .find = find_session, .remove = remove_session},
};
const struct pl_routes_desc pl_routes_sessions = PL_ROUTES(ROUTES);
