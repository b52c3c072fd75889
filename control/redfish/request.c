/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* What comes in: which resource is meant, who asks and whether he may, and whether the request is one (DSP0266, "Protocol details"). */

#define BODY_MAX (1 << 20)

static const struct {
  const char *name;
  unsigned bit;
} METHODS[] = {{"GET", PL_METHOD_GET},       {"HEAD", PL_METHOD_HEAD},       {"POST", PL_METHOD_POST},   {"PATCH", PL_METHOD_PATCH},
               {"DELETE", PL_METHOD_DELETE}, {"OPTIONS", PL_METHOD_OPTIONS}, {"PUT", PL_METHOD_OTHER},   {"TRACE", PL_METHOD_OTHER},
               {"CONNECT", PL_METHOD_OTHER}};

unsigned pl_method_of(const char *method)
{
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
    if (!strcmp(method, METHODS[i].name))
      return METHODS[i].bit;
  return PL_METHOD_UNKNOWN;
}

unsigned pl_route_methods(const struct pl_route *route)
{
  unsigned methods = PL_METHOD_GET | PL_METHOD_HEAD;
  for (size_t t = 0; t < sizeof route->props / sizeof route->props[0]; t++)
    for (size_t i = 0; i < route->props[t].count; i++)
      if (route->props[t].rows[i].write)
        methods |= PL_METHOD_PATCH;
  return methods | (route->create ? PL_METHOD_POST : 0) | (route->remove ? PL_METHOD_DELETE : 0);
}

void pl_methods_text(unsigned methods, char *out, size_t size)
{
  size_t n = 0;
  *out = '\0';
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0] && n < size; i++)
    if (methods & METHODS[i].bit && METHODS[i].bit < PL_METHOD_OPTIONS)
      n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", METHODS[i].name);
}

const char *pl_request_field(const struct pl_open_exchange *x, const char *name)
{
  return pl_http_field(x->x.request->fields, x->x.request->n_fields, name);
}

unsigned pl_request_allowed(const struct pl_open_exchange *x)
{
  return x->x.action ? PL_METHOD_POST : pl_route_methods(x->x.res.route);
}

void pl_request_say_allow(struct pl_open_exchange *x)
{
  char text[64];
  pl_methods_text(pl_request_allowed(x), text, sizeof text);
  pl_answer_header(&x->x, "Allow", text);
}

/* Finding what is meant. */

/* name: what stands after "/Actions/". */
static const struct pl_action *action_of(const struct pl_res *res, const char *name)
{
  bool own = !strncmp(name, "Oem/", 4);
  name += own ? 4 : 0;
  size_t length = strcspn(name, "/");
  for (size_t i = 0; i < res->route->n_actions; i++) {
    const struct pl_action *action = &res->route->actions[i];
    if (!strncmp(action->name, name, length) && !action->name[length] && pl_action_is_own(action) == own && (!action->offered || action->offered(res)))
      return action;
  }
  return NULL;
}

static bool plain_path(char *path)
{
  for (const unsigned char *p = (const unsigned char *)path; *p; p++)
    if (*p <= ' ' || *p == 0x7f || *p == '\\')
      return false;
  return strstr(path, "/../") == NULL;
}

static int hex_of(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_path(char *path)
{
  char *out = path;
  for (const char *p = path; *p; p++)
    if (*p == '%') {
      int high = hex_of(p[1]), low = high < 0 ? -1 : hex_of(p[2]);
      if (low < 0 || !(high || low) || (high == 2 && low == 15))
        return false;
      *out++ = (char)(high << 4 | low);
      p += 2;
    } else
      *out++ = *p;
  *out = '\0';
  return plain_path(path);
}

/* DSP0266: POST to a collection's Members is POST to the collection. */
static void without_members(char *path, unsigned method)
{
  size_t n = strlen(path);
  while (n && path[n - 1] == '/')
    n--;
  if (method == PL_METHOD_POST && n > 8 && !strncmp(path + n - 8, "/Members", 8))
    path[n - 8] = '\0';
}

enum pl_status pl_request_find(struct pl_open_exchange *x, const char *path_of)
{
  char path[PL_URI_MAX + 96];
  if (snprintf(path, sizeof path, "%s", path_of) >= (int)sizeof path || !decode_path(path))
    return PL_E_USAGE;
  without_members(path, x->method);
  char *action = strstr(path, "/Actions/");
  if (action)
    *action = '\0';
  enum pl_status status = pl_res_find(x->x.stack, path, &x->x.res);
  if (!status && action) {
    x->x.action = action_of(&x->x.res, action + strlen("/Actions/"));
    if (!x->x.action) {
      pl_res_end(&x->x.res);
      x->x.res.route = NULL;
      return PL_E_USAGE;
    }
  }
  if (status)
    x->x.res.route = NULL;
  return status;
}

/* Who may. */

static bool is_open(const struct pl_open_exchange *x)
{
  const struct pl_route *route = x->x.res.route;
  if (!route || x->x.action)
    return false;
  bool reads = x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS);
  return (reads && route->flags & PL_ROUTE_OPEN) || (x->method == PL_METHOD_POST && route->flags & PL_ROUTE_OPEN_POST);
}

static bool is_own(const struct pl_open_exchange *x)
{
  const char *type = x->x.res.route->type;
  if (!strncmp(type, "ManagerAccount.", 15))
    return x->x.res.n_ids && !strcmp(x->x.res.ids[0], x->x.user.name);
  struct pl_session session;
  if (!strncmp(type, "Session.", 8))
    return x->x.res.n_ids && pl_rights_session(x->x.stack->service->rights, x->x.res.ids[0], &session) && !strcmp(session.user, x->x.user.name);
  return false;
}

/* ManagerAccount has a property of its own in the privilege registry: one may change one's own password with ConfigureSelf. */
static bool only_own_password(const struct pl_open_exchange *x)
{
  if (x->method != PL_METHOD_PATCH || strncmp(x->x.res.route->type, "ManagerAccount.", 15) || !is_own(x) || !x->x.body)
    return false;
  json_object_object_foreach(x->x.body, name, value)
  {
    (void)value;
    if (strcmp(name, "Password"))
      return false;
  }
  return true;
}

static bool may_before_password(const struct pl_open_exchange *x)
{
  const char *type = x->x.res.route->type;
  bool reads = x->method & (PL_METHOD_GET | PL_METHOD_HEAD | PL_METHOD_OPTIONS);
  return only_own_password(x) || (!strncmp(type, "ManagerAccount.", 15) && reads && is_own(x)) || (!strncmp(type, "Session.", 8) && is_own(x)) || is_open(x);
}

bool pl_request_may(struct pl_open_exchange *x)
{
  const struct pl_user *user = &x->x.user;
  if (is_open(x) || x->method == PL_METHOD_OPTIONS)
    return true;
  if (user->must_change_password && !may_before_password(x)) {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, "/redfish/v1/AccountService/Accounts/%s", user->name);
    pl_say(&x->x, 0, NULL, "PasswordChangeRequired", uri, NULL);
    return false;
  }
  if (pl_entity_allows(pl_entity_of(x->x.res.route), x->method, user->privileges, is_own(x)))
    return true;
  if (user->privileges & PL_MAY_CONFIGURE_SELF && only_own_password(x))
    return true;
  pl_say(&x->x, 0, NULL, "InsufficientPrivilege", NULL);
  return false;
}

bool pl_request_admitted(struct pl_open_exchange *x, const struct pl_admission *admission)
{
  if (admission->how == PL_ADMITTED_AS) {
    x->x.user = admission->user;
    return true;
  }
  if (admission->how == PL_ADMITTED_NOBODY && is_open(x))
    return true;
  /* DSP0266, "Authentication": 401 tells how; a browser's script asks by itself and wants no dialogue. */
  if (!pl_request_field(x, "X-Requested-With"))
    pl_answer_header(&x->x, "WWW-Authenticate", "Basic realm=\"Redfish\"");
  snprintf(x->x.user.name, sizeof x->x.user.name, "%s", admission->tried);
  pl_say(&x->x, 401, NULL, admission->how == PL_ADMITTED_NOBODY ? "AuthenticationTokenRequired" : "AccessUnauthorized", NULL);
  return false;
}

/* What comes with the request. */

bool pl_request_version(struct pl_open_exchange *x)
{
  const char *version = pl_request_field(x, "OData-Version");
  if (!version || !strcmp(version, "4.0"))
    return true;
  pl_say(&x->x, 412, NULL, "HeaderInvalid", "OData-Version", NULL);
  return false;
}

static bool accepts_json(const char *accept)
{
  static const char *const FINE[] = {"*/*", "application/*", "application/json", "text/event-stream"};
  for (size_t i = 0; i < sizeof FINE / sizeof FINE[0]; i++)
    if (strstr(accept, FINE[i]))
      return true;
  return false;
}

bool pl_request_accepts(struct pl_open_exchange *x)
{
  const char *accept = pl_request_field(x, "Accept");
  if (!accept || !*accept || x->x.res.route->raw || accepts_json(accept))
    return true;
  pl_say(&x->x, 406, NULL, "HeaderInvalid", "Accept", NULL);
  return false;
}

static bool is_json(const char *type)
{
  size_t n = strcspn(type, "; ");
  return n == strlen("application/json") && !strncasecmp(type, "application/json", n);
}

static struct json_object *parsed(const char *text, size_t size)
{
  struct json_tokener *tokener = json_tokener_new_ex(32);
  if (!tokener)
    return NULL;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
  bool whole = json_tokener_get_error(tokener) == json_tokener_success;
  for (size_t end = json_tokener_get_parse_end(tokener); whole && end < size; end++)
    whole = strchr(" \t\r\n", text[end]) && text[end];
  json_tokener_free(tokener);
  if (!whole) {
    json_object_put(object);
    return NULL;
  }
  return object;
}

bool pl_request_body(struct pl_open_exchange *x)
{
  const struct pl_http_request *r = x->x.request;
  const char *type = pl_request_field(x, "Content-Type");
  if (r->body_size > BODY_MAX)
    pl_say(&x->x, 0, NULL, "PayloadTooLarge", NULL);
  else if (r->body_size && type && !is_json(type))
    pl_say(&x->x, 415, NULL, "HeaderInvalid", "Content-Type", NULL);
  else if (!r->body_size) {
    if (!x->x.action)
      pl_say(&x->x, 400, NULL, "MalformedJSON", NULL);
    x->x.body = json_object_new_object();
  } else if (!(x->x.body = parsed(r->body, r->body_size)))
    pl_say(&x->x, 0, NULL, "MalformedJSON", NULL);
  else if (!json_object_is_type(x->x.body, json_type_object))
    pl_say(&x->x, 0, NULL, "UnrecognizedRequestBody", NULL);
  return !x->n_errors;
}

/* If-Match, If-None-Match: a list of tags, or * (RFC 9110, 13.1). A tag is a whole one: what sticks to it makes it another. */
bool pl_request_tag_in(const char *list, const char *etag)
{
  size_t n = strlen(etag);
  for (const char *p = list + strspn(list, ", \t"); *p; p += strspn(p, ", \t")) {
    p += strncmp(p, "W/", 2) ? 0 : 2;
    if (!strncmp(p, etag, n) && (!p[n] || strchr(", \t", p[n])))
      return true;
    const char *end = *p == '"' ? strchr(p + 1, '"') : NULL; /* a comma between quotes parts nothing */
    p = end ? end + 1 : p;
    p += strcspn(p, ", \t");
  }
  return !strcmp(list, "*");
}

bool pl_request_matches(struct pl_open_exchange *x)
{
  const char *want = pl_request_field(x, "If-Match");
  if (!want)
    return true;
  struct json_object *object = pl_res_render(&x->x.res);
  char etag[24];
  pl_res_etag(&x->x.res, object, etag, sizeof etag);
  json_object_put(object);
  if (pl_request_tag_in(want, etag))
    return true;
  pl_answer_header(&x->x, "ETag", etag);
  pl_say(&x->x, 0, NULL, "PreconditionFailed", NULL);
  return false;
}
