/* SPDX-License-Identifier: Apache-2.0 */
/* How clients come in: NetworkProtocol (v1.12), CertificateService (v1.2) and the certificate (v1.11) by which they know this stack. All of it is the door's to say. */
#include "control/redfish/room.h"
#include "control/redfish/services_room.h"
#include "control/redfish/shape.h"

#include <unistd.h>

#define CERTIFICATES PL_MANAGER_URI "/NetworkProtocol/HTTPS/Certificates"
#define CERTIFICATE CERTIFICATES "/1"
#define SERVICE "/redfish/v1/CertificateService"

void pl_services_set_door(struct pl_services *services, const struct pl_door *door)
{
  services->door = door ? *door : (struct pl_door){0};
  pl_service_changed(services->stack);
}

const struct pl_door *pl_services_door(const struct pl_services *services)
{
  return services->door.port ? &services->door : NULL;
}

static const struct pl_door *door_of(const struct pl_res *res)
{
  return pl_services_door(pl_services_of(res->stack));
}

/* What listens, and nothing else: a protocol that nobody speaks here is not told as one that is off. */
static bool is_open(const struct pl_res *res, bool https)
{
  return door_of(res) && door_of(res)->https == https;
}

static enum pl_has get_is_open(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  *value = json_object_new_boolean(is_open(res, prop->x != 0));
  return PL_SHOW;
}

static enum pl_has get_port(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  *value = is_open(res, prop->x != 0) ? json_object_new_int((int)door_of(res)->port) : NULL;
  return PL_SHOW;
}

static enum pl_has get_host(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char name[PL_DOOR_TEXT_MAX] = "";
  (void)res;
  gethostname(name, sizeof name - 1);
  bool whole = strchr(name, '.') != NULL;
  if (prop->x == 0)
    name[strcspn(name, ".")] = '\0';
  else if (!whole)
    name[0] = '\0';
  *value = name[0] ? json_object_new_string(name) : NULL;
  return PL_SHOW;
}

static const struct pl_prop PROTOCOL[] = {
    PL_TEXT("Description", "What this control stack listens on"),
    PL_STATUS_ENABLED,
    PL_CALLS("HostName", get_host),
    {.path = "FQDN", .get = get_host, .x = 1},
    {.path = "HTTPS/ProtocolEnabled", .get = get_is_open, .x = 1},
    {.path = "HTTPS/Port", .get = get_port, .x = 1},
    PL_LINK("HTTPS/Certificates", CERTIFICATES),
    {.path = "HTTP/ProtocolEnabled", .get = get_is_open, .x = 0},
    {.path = "HTTP/Port", .get = get_port, .x = 0},
};

/* The certificate */

static bool has_certificate(struct pl_res *res)
{
  return is_open(res, true);
}

static void list_certificates(const struct pl_res *res, struct pl_members *members)
{
  (void)res;
  pl_members_add(members, "1");
}

static bool find_certificate(struct pl_res *res)
{
  struct pl_err err = {0};
  const struct pl_door *door = door_of(res);
  struct pl_door_certificate *c = is_open(res, true) ? calloc(1, sizeof *c) : NULL;
  if (c && door->certificate(door->ctx, c, &err) == PL_OK)
    res->own = c;
  else
    free(c);
  return res->own;
}

static const struct pl_door_certificate *certificate(const struct pl_res *res)
{
  return res->own;
}

/* x: where in it the text stands; "": none. */
static enum pl_has get_part(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)certificate(res) + (size_t)prop->x;
  if (!*text)
    return PL_OMIT;
  *value = json_object_new_string(text);
  return PL_SHOW;
}

static enum pl_has get_words(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const char *text = (const char *)certificate(res) + (size_t)prop->x;
  if (!*text)
    return PL_OMIT;
  *value = json_object_new_array();
  for (size_t n; *text; text += n + (text[n] == ',')) {
    n = strcspn(text, ",");
    json_object_array_add(*value, json_object_new_string_len(text, (int)n));
  }
  return PL_SHOW;
}

static enum pl_has get_type(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  (void)prop;
  *value = json_object_new_string(certificate(res)->chain ? "PEMchain" : "PEM");
  return PL_SHOW;
}

static enum pl_has get_time(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  char text[32];
  int64_t at = prop->x == 0 ? certificate(res)->begin_s : certificate(res)->end_s;
  *value = json_object_new_string(pl_redfish_time(at * PL_S, text, sizeof text));
  return PL_SHOW;
}

#define PART(PATH, MEMBER) {.path = PATH, .get = get_part, .x = offsetof(struct pl_door_certificate, MEMBER)}
#define WORDS(PATH, MEMBER) {.path = PATH, .get = get_words, .x = offsetof(struct pl_door_certificate, MEMBER)}
#define NAME(PATH, WHOSE)                                                                                                                                   \
  PART(PATH "/CommonName", WHOSE.common_name), PART(PATH "/Organization", WHOSE.organization), PART(PATH "/OrganizationalUnit", WHOSE.unit),                \
      PART(PATH "/City", WHOSE.city), PART(PATH "/State", WHOSE.state), PART(PATH "/Country", WHOSE.country), PART(PATH "/Email", WHOSE.email)
static const char *const USAGES[] = {"Web", NULL};
static const struct pl_prop CERTIFICATE_ROWS[] = {
    PL_TEXT("Name", "HTTPS Certificate"),
    PL_CALLS("CertificateType", get_type),
    PL_TEXTS("CertificateUsageTypes", USAGES),
    PART("CertificateString", pem),
    NAME("Subject", subject),
    WORDS("Subject/AlternativeNames", names),
    NAME("Issuer", issuer),
    {.path = "ValidNotBefore", .get = get_time, .x = 0},
    {.path = "ValidNotAfter", .get = get_time, .x = 1},
    WORDS("KeyUsage", usage),
    PART("SerialNumber", serial),
    PART("Fingerprint", fingerprint),
    PL_TEXT("FingerprintHashAlgorithm", "TPM_ALG_SHA256"),
    PART("SignatureAlgorithm", signature),
};

/* The service */

static const char *const TYPES[] = {"PEM", "PEMchain", NULL}, *const ALGORITHMS[] = {"TPM_ALG_ECDSA", NULL},
                         *const CURVES[] = {"TPM_ECC_NIST_P256", "TPM_ECC_NIST_P384", NULL}; /* TCG Algorithm Registry */
enum { PEM_MAX = 65536, NAMES_MAX = 16 };
static const struct pl_field REPLACE[] = {
    {.name = "CertificateString", .type = PL_FIELD_TEXT, .min = 1, .max = PEM_MAX, .required = true},
    {.name = "CertificateType", .type = PL_FIELD_TEXT, .choices = TYPES, .required = true},
    {.name = "CertificateUri", .type = PL_FIELD_OBJECT, .required = true},
};
#define SUBJECT(NAME, MAX) {.name = NAME, .type = PL_FIELD_TEXT, .min = 1, .max = MAX} /* RFC 5280, appendix A.1: upper bounds */
static const struct pl_field REQUEST[] = {
    {.name = "CommonName", .type = PL_FIELD_TEXT, .min = 1, .max = 64, .required = true},
    SUBJECT("Organization", 64),
    SUBJECT("OrganizationalUnit", 64),
    SUBJECT("City", 128),
    SUBJECT("State", 128),
    {.name = "Country", .type = PL_FIELD_TEXT, .min = 2, .max = 2},
    SUBJECT("Email", 255),
    {.name = "AlternativeNames", .type = PL_FIELD_LIST, .max = NAMES_MAX},
    {.name = "CertificateCollection", .type = PL_FIELD_OBJECT, .required = true},
    {.name = "KeyPairAlgorithm", .type = PL_FIELD_TEXT, .choices = ALGORITHMS},
    {.name = "KeyCurveId", .type = PL_FIELD_TEXT, .choices = CURVES},
};

static bool names_uri(struct pl_exchange *x, const char *parameter, const char *uri)
{
  struct json_object *link = NULL;
  if (json_object_object_get_ex(pl_body(x, parameter), "@odata.id", &link) && json_object_is_type(link, json_type_string) && !strcmp(json_object_get_string(link), uri))
    return true;
  pl_say(x, 0, parameter, "ActionParameterValueError", parameter, x->action->name, NULL);
  return false;
}

static void replace(struct pl_exchange *x)
{
  const struct pl_door *door = door_of(&x->res);
  const char *pem = pl_body_text(x, "CertificateString");
  struct pl_err err = {0};
  int64_t now_s = pl_clock_wall_ns(x->stack->clock, pl_clock_now(x->stack->clock)) / PL_S;
  if (!names_uri(x, "CertificateUri", CERTIFICATE))
    return;
  if (door->replace(door->ctx, pem, strlen(pem), now_s, &err) != PL_OK) {
    pl_say_err(x, "CertificateString", &err);
    return;
  }
  pl_service_changed(x->stack);
  pl_answer_resource(x, 200, CERTIFICATE);
}

/* A name with anything but these in it could say more than a name in OpenSSL's words ("DNS:a,email:b"). */
static bool take_names(struct pl_exchange *x, struct pl_door_request *request)
{
  struct json_object *list = pl_body(x, "AlternativeNames");
  for (size_t i = 0; list && i < json_object_array_length(list); i++) {
    struct json_object *item = json_object_array_get_idx(list, i);
    const char *name = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
    size_t n = strlen(request->names), length = strlen(name);
    if (!length || length > 127 || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:*") != length) {
      pl_say(x, 0, "AlternativeNames", "ActionParameterValueError", "AlternativeNames", x->action->name, NULL);
      return false;
    }
    snprintf(request->names + n, sizeof request->names - n, "%s%s", n ? "," : "", name);
  }
  return true;
}

static void request_one(struct pl_exchange *x)
{
  static const struct {
    const char *name;
    size_t at;
  } PARTS[] = {{"CommonName", offsetof(struct pl_door_name, common_name)}, {"Organization", offsetof(struct pl_door_name, organization)},
               {"OrganizationalUnit", offsetof(struct pl_door_name, unit)}, {"City", offsetof(struct pl_door_name, city)}, {"State", offsetof(struct pl_door_name, state)},
               {"Country", offsetof(struct pl_door_name, country)}, {"Email", offsetof(struct pl_door_name, email)}};
  const struct pl_door *door = door_of(&x->res);
  const char *curve = pl_body_text(x, "KeyCurveId");
  struct pl_door_request request = {.p384 = curve && !strcmp(curve, CURVES[1])};
  struct pl_err err = {0};
  char *csr = NULL;
  if (!names_uri(x, "CertificateCollection", CERTIFICATES) || !take_names(x, &request))
    return;
  for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
    const char *text = pl_body_text(x, PARTS[i].name);
    snprintf((char *)&request.subject + PARTS[i].at, PL_DOOR_TEXT_MAX, "%s", text ? text : "");
  }
  if (door->request(door->ctx, &request, &csr, &err) != PL_OK) {
    pl_say_err(x, NULL, &err);
    return;
  }
  struct json_object *answer = json_object_new_object();
  json_object_object_add(answer, "CertificateCollection", pl_json_link(CERTIFICATES));
  json_object_object_add(answer, "CSRString", json_object_new_string(csr));
  pl_answer_object(x, 200, answer);
  free(csr);
}

static const struct pl_action ACTIONS[] = {
    {.name = "CertificateService.GenerateCSR", .fields = REQUEST, .n_fields = sizeof REQUEST / sizeof REQUEST[0], .run = request_one},
    {.name = "CertificateService.ReplaceCertificate", .fields = REPLACE, .n_fields = sizeof REPLACE / sizeof REPLACE[0], .run = replace},
};
static const struct pl_prop SERVICE_ROWS[] = {PL_TEXT("Description", "The certificate that clients know this stack by"), PL_LINK("CertificateLocations", "CertificateLocations")};
static const struct pl_prop LOCATIONS[] = {PL_LINKS_ONE("Links/Certificates", CERTIFICATE)};

static const struct pl_route ROUTES[] = {
    {.uri = PL_MANAGER_URI "/NetworkProtocol", .type = "ManagerNetworkProtocol.v1_12_0.ManagerNetworkProtocol", .name = "Network Protocol", .props = {PL_PROPS(PROTOCOL)}},
    {.uri = CERTIFICATES, .type = "CertificateCollection.CertificateCollection", .name = "HTTPS Certificates", .find = has_certificate, .members = list_certificates},
    {.uri = CERTIFICATE, .type = "Certificate.v1_11_0.Certificate", .props = {PL_PROPS(CERTIFICATE_ROWS)}, .find = find_certificate},
    {.uri = SERVICE,
     .type = "CertificateService.v1_2_1.CertificateService",
     .name = "Certificate Service",
     .props = {PL_PROPS(SERVICE_ROWS)},
     .actions = ACTIONS,
     .n_actions = sizeof ACTIONS / sizeof ACTIONS[0],
     .find = has_certificate},
    {.uri = SERVICE "/CertificateLocations", .type = "CertificateLocations.v1_0_4.CertificateLocations", .name = "Certificate Locations", .props = {PL_PROPS(LOCATIONS)}},
};
const struct pl_routes_desc pl_routes_certificates = PL_ROUTES(ROUTES);
