/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* AccountService, its Accounts and Roles. */

#define ACCOUNTS "/redfish/v1/AccountService/Accounts"
#define ROLES_URI "/redfish/v1/AccountService/Roles"

static struct pl_rights *rights_of(const struct pl_res *res)
{
  return res->stack->service->rights;
}

/* The service. */

static const struct {
  const char *path;
  size_t offset;
} NUMBERS[] = {
#define AT(path, member) {path, offsetof(struct pl_rights_settings, member)}
    AT("AccountLockoutThreshold", lockout_threshold), AT("AccountLockoutDuration", lockout_duration_s), AT("AccountLockoutCounterResetAfter", lockout_reset_s),
    AT("MinPasswordLength", password_min),            AT("MaxPasswordLength", password_max),            AT("AuthFailureLoggingThreshold", failure_logging),
};

static int64_t *number_of(struct pl_rights_settings *settings, const char *path)
{
  for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
    if (!strcmp(NUMBERS[i].path, path))
      return (int64_t *)((char *)settings + NUMBERS[i].offset);
  return NULL;
}

static enum pl_has get_setting(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  struct pl_rights_settings settings;
  pl_rights_settings(rights_of(res), &settings);
  *value = json_object_new_int64(*number_of(&settings, prop->path));
  return PL_SHOW;
}

/* The counter must be forgotten before the lock is (schema AccountService: ResetAfter is at most Duration). */
static void set_setting(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_rights_settings settings;
  struct pl_err err = {0};
  pl_rights_settings(x->stack->service->rights, &settings);
  *number_of(&settings, prop->path) = json_object_get_int64(value);
  if (settings.lockout_duration_s && settings.lockout_reset_s > settings.lockout_duration_s)
    pl_say(x, 0, prop->path, "PropertyValueConflict", prop->path,
           strcmp(prop->path, "AccountLockoutDuration") ? "AccountLockoutDuration" : "AccountLockoutCounterResetAfter", NULL);
  else if (pl_rights_set(x->stack->service->rights, &settings, &err))
    pl_say_err(x, prop->path, &err);
}

/* Accounts. */

static bool find_account(struct pl_res *res)
{
  struct pl_account *account = malloc(sizeof *account);
  if (account && pl_rights_account(rights_of(res), res->ids[0], account)) {
    explicit_bzero(account->hash, sizeof account->hash);
    res->what = res->own = account;
    return true;
  }
  free(account);
  return false;
}

static void list_accounts(const struct pl_res *res, struct pl_members *members)
{
  struct pl_account *accounts = calloc(PL_ACCOUNTS_MAX, sizeof *accounts);
  size_t n = accounts ? pl_rights_accounts(rights_of(res), accounts, PL_ACCOUNTS_MAX) : 0;
  for (size_t i = 0; i < n; i++)
    pl_members_add(members, accounts[i].name);
  free(accounts);
}

enum { USER_NAME, ROLE_ID, ENABLED, LOCKED, MUST_CHANGE, ROLE_LINK };
static enum pl_has get_account(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_account *account = res->what;
  char uri[PL_URI_MAX];
  switch ((int)prop->x) {
  case USER_NAME: *value = json_object_new_string(account->name); break;
  case ROLE_ID: *value = json_object_new_string(account->role); break;
  case ENABLED: *value = json_object_new_boolean(account->enabled); break;
  case LOCKED: *value = json_object_new_boolean(account->locked); break;
  case MUST_CHANGE: *value = json_object_new_boolean(account->must_change_password); break;
  default: snprintf(uri, sizeof uri, ROLES_URI "/%s", account->role); *value = pl_json_link(uri);
  }
  return PL_SHOW;
}

static void say_account(struct pl_exchange *x, const char *property, const struct pl_err *err)
{
  if (err->status == PL_E_RANGE)
    pl_say(x, 0, "Password", "PasswordIncorrectLength", NULL);
  else
    pl_say_err(x, property, err);
}

static bool keeps_an_administrator(struct pl_exchange *x, const struct pl_prop *prop, const struct pl_account *want)
{
  struct pl_rights *rights = x->stack->service->rights;
  const struct pl_account *account = x->res.what;
  struct pl_role role;
  bool stays = want->enabled && pl_rights_role(rights, want->role, &role) && role.privileges & PL_MAY_CONFIGURE_USERS;
  if (stays || !pl_rights_last_administrator(rights, account->name))
    return true;
  pl_say(x, 400, prop->path, "PropertyValueConflict", prop->path, "RoleId", NULL);
  return false;
}

static void set_account(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_rights *rights = x->stack->service->rights;
  struct pl_account *account = x->res.own; /* later properties of the same PATCH go on from here */
  struct pl_account want = *account;
  struct pl_err err = {0};
  struct pl_role role;
  const char *password = NULL;
  switch ((int)prop->x) {
  case USER_NAME: snprintf(want.name, sizeof want.name, "%s", json_object_get_string(value)); break;
  case ROLE_ID: snprintf(want.role, sizeof want.role, "%s", json_object_get_string(value)); break;
  case ENABLED: want.enabled = json_object_get_boolean(value); break;
  case LOCKED: want.locked = json_object_get_boolean(value); break;
  case MUST_CHANGE: want.must_change_password = json_object_get_boolean(value); break;
  default: password = json_object_get_string(value); want.must_change_password = false;
  }
  if (prop->x == LOCKED && want.locked && !account->locked) /* schema: a person may only unlock */
    pl_say(x, 0, prop->path, "PropertyValueNotInList", "true", prop->path, NULL);
  else if (prop->x == ROLE_ID && !pl_rights_role(rights, want.role, &role))
    pl_say(x, 0, prop->path, "PropertyValueNotInList", want.role, prop->path, NULL);
  else if (!keeps_an_administrator(x, prop, &want))
    return;
  else if (pl_rights_account_set(rights, account->name, &want, password, x->user.session, &err))
    say_account(x, prop->path, &err);
  else {
    if (strcmp(account->name, want.name)) /* its URI moves along */
      snprintf(x->res.uri, sizeof x->res.uri, ACCOUNTS "/%s", want.name);
    *account = want;
  }
}

static void create_account(struct pl_exchange *x)
{
  struct pl_rights *rights = x->stack->service->rights;
  const char *role = pl_body_text(x, "RoleId"), *name = pl_body_text(x, "UserName");
  struct json_object *enabled = pl_body(x, "Enabled"), *change = pl_body(x, "PasswordChangeRequired");
  struct pl_account account = {.enabled = !enabled || json_object_get_boolean(enabled), .must_change_password = json_object_get_boolean(change)}, other;
  struct pl_role found;
  struct pl_err err = {0};
  snprintf(account.name, sizeof account.name, "%s", name);
  snprintf(account.role, sizeof account.role, "%s", role);
  if (!pl_rights_role(rights, role, &found))
    pl_say(x, 0, "RoleId", "PropertyValueNotInList", role, "RoleId", NULL);
  else if (pl_rights_account(rights, name, &other))
    pl_say(x, 0, "UserName", "ResourceAlreadyExists", "ManagerAccount", "UserName", name, NULL);
  else if (pl_rights_account_new(rights, &account, pl_body_text(x, "Password"), &err)) {
    if (err.status == PL_E_BUSY)
      pl_say(x, 0, NULL, "CreateLimitReachedForResource", NULL);
    else if (err.status == PL_E_USAGE)
      pl_say(x, 0, "UserName", "PropertyValueFormatError", name, "UserName", NULL);
    else
      say_account(x, NULL, &err);
  } else {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, ACCOUNTS "/%s", name);
    pl_answer_resource(x, 201, uri);
  }
}

static void remove_account(struct pl_exchange *x)
{
  const struct pl_account *account = x->res.what;
  struct pl_err err = {0};
  if (pl_rights_last_administrator(x->stack->service->rights, account->name))
    pl_say(x, 0, NULL, "ResourceCannotBeDeleted", NULL);
  else if (pl_rights_account_remove(x->stack->service->rights, account->name, &err))
    pl_say_err(x, NULL, &err);
}

/* Roles. */

static bool find_role(struct pl_res *res)
{
  struct pl_role *role = malloc(sizeof *role);
  if (role && pl_rights_role(rights_of(res), res->ids[0], role)) {
    res->what = res->own = role;
    return true;
  }
  free(role);
  return false;
}

static void list_roles(const struct pl_res *res, struct pl_members *members)
{
  struct pl_role roles[PL_ROLES_MAX];
  size_t n = pl_rights_roles(rights_of(res), roles, PL_ROLES_MAX);
  for (size_t i = 0; i < n; i++)
    pl_members_add(members, roles[i].name);
}

static enum pl_has get_role(const struct pl_res *res, const struct pl_prop *prop, struct json_object **value)
{
  const struct pl_role *role = res->what;
  if (!strcmp(prop->path, "IsPredefined"))
    *value = json_object_new_boolean(role->predefined);
  else if (!strcmp(prop->path, "RoleId"))
    *value = json_object_new_string(role->name);
  else {
    *value = json_object_new_array();
    for (unsigned bit = 1; bit <= role->privileges; bit <<= 1)
      if (role->privileges & bit)
        json_object_array_add(*value, json_object_new_string(pl_privilege_name(bit)));
  }
  return PL_SHOW;
}

static unsigned privileges_of(struct json_object *list)
{
  unsigned privileges = 0;
  for (size_t i = 0; i < json_object_array_length(list); i++)
    privileges |= pl_privilege_find(json_object_get_string(json_object_array_get_idx(list, i)));
  return privileges;
}

static void set_privileges(struct pl_exchange *x, const struct pl_prop *prop, struct json_object *value)
{
  struct pl_role role = *(const struct pl_role *)x->res.what;
  struct pl_err err = {0};
  role.privileges = privileges_of(value);
  if (role.predefined)
    pl_say(x, 0, prop->path, "PropertyNotWritable", prop->path, NULL);
  else if (pl_rights_role_put(x->stack->service->rights, &role, false, &err))
    pl_say_err(x, prop->path, &err);
}

static void create_role(struct pl_exchange *x)
{
  struct pl_role role = {.privileges = privileges_of(pl_body(x, "AssignedPrivileges"))}, other;
  struct pl_err err = {0};
  const char *name = pl_body_text(x, "RoleId");
  snprintf(role.name, sizeof role.name, "%s", name);
  if (pl_rights_role(x->stack->service->rights, name, &other))
    pl_say(x, 0, "RoleId", "ResourceAlreadyExists", "Role", "RoleId", name, NULL);
  else if (pl_rights_role_put(x->stack->service->rights, &role, true, &err))
    pl_say_err(x, "RoleId", &err);
  else {
    char uri[PL_URI_MAX];
    snprintf(uri, sizeof uri, ROLES_URI "/%s", name);
    pl_answer_resource(x, 201, uri);
  }
}

static void remove_role(struct pl_exchange *x)
{
  const struct pl_role *role = x->res.what;
  struct pl_err err = {0};
  if (role->predefined)
    pl_say(x, 0, NULL, "ResourceCannotBeDeleted", NULL);
  else if (pl_rights_role_remove(x->stack->service->rights, role->name, &err))
    pl_say_err(x, NULL, &err);
}

static const char *const PRIVILEGES[] = {"Login", "ConfigureManager", "ConfigureUsers", "ConfigureComponents", "ConfigureSelf", NULL};
static const char *const ACCOUNT_TYPES[] = {"Redfish", NULL};
static const char *const NONE[] = {NULL};
static const struct pl_field COUNT = {.type = PL_FIELD_INTEGER, .min = 0, .max = 1000};
static const struct pl_field SECONDS = {.type = PL_FIELD_INTEGER, .min = 0, .max = 86400};
static const struct pl_field LENGTH = {.type = PL_FIELD_INTEGER, .min = 8, .max = 64};
static const struct pl_field FLAG = {.type = PL_FIELD_FLAG};
static const struct pl_field NAME = {.type = PL_FIELD_TEXT, .min = 1, .max = 64};
static const struct pl_field PASSWORD = {.type = PL_FIELD_TEXT, .min = 0, .max = 256};
static const struct pl_field PRIVILEGE_LIST = {.type = PL_FIELD_LIST, .choices = PRIVILEGES};

static const struct pl_prop SERVICE[] = {
    PL_TEXT("Description", "Accounts of this service"),
    PL_TEXT("Status/State", "Enabled"),
    PL_TEXT("Status/Health", "OK"),
    PL_FLAG("ServiceEnabled", true),
    PL_TEXT("LocalAccountAuth", "Enabled"),
    PL_TEXT("HTTPBasicAuth", "Enabled"),
    PL_WRITES("AccountLockoutThreshold", get_setting, &COUNT, set_setting),
    PL_WRITES("AccountLockoutDuration", get_setting, &SECONDS, set_setting),
    PL_WRITES("AccountLockoutCounterResetAfter", get_setting, &SECONDS, set_setting),
    PL_WRITES("MinPasswordLength", get_setting, &LENGTH, set_setting),
    PL_CALLS("MaxPasswordLength", get_setting),
    PL_WRITES("AuthFailureLoggingThreshold", get_setting, &COUNT, set_setting),
    PL_TEXTS("SupportedAccountTypes", ACCOUNT_TYPES),
    PL_LINK("Accounts", ACCOUNTS),
    PL_LINK("Roles", ROLES_URI),
};

#define ACCOUNT_ROW(PATH, WHAT, FIELD) {.path = PATH, .get = get_account, .x = WHAT, .write = FIELD, .set = set_account}
static const struct pl_prop ACCOUNT[] = {
    PL_TEXT("Name", "User Account"),
    ACCOUNT_ROW("UserName", USER_NAME, &NAME),
    ACCOUNT_ROW("RoleId", ROLE_ID, &NAME),
    ACCOUNT_ROW("Enabled", ENABLED, &FLAG),
    ACCOUNT_ROW("Locked", LOCKED, &FLAG),
    ACCOUNT_ROW("PasswordChangeRequired", MUST_CHANGE, &FLAG),
    {.path = "Password", .get = pl_get_null, .x = -1, .write = &PASSWORD, .set = set_account},
    PL_TEXTS("AccountTypes", ACCOUNT_TYPES),
    {.path = "Links/Role", .get = get_account, .x = ROLE_LINK},
};

static const struct pl_prop ROLE[] = {
    PL_TEXT("Name", "User Role"),
    PL_CALLS("RoleId", get_role),
    PL_CALLS("IsPredefined", get_role),
    PL_WRITES("AssignedPrivileges", get_role, &PRIVILEGE_LIST, set_privileges),
    PL_TEXTS("OemPrivileges", NONE),
};

static const struct pl_field NEW_ACCOUNT[] = {
    {.name = "UserName", .type = PL_FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {.name = "Password", .type = PL_FIELD_TEXT, .required = true, .max = 256},
    {.name = "RoleId", .type = PL_FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {.name = "Enabled", .type = PL_FIELD_FLAG},
    {.name = "PasswordChangeRequired", .type = PL_FIELD_FLAG},
    {.name = "AccountTypes", .type = PL_FIELD_LIST, .choices = ACCOUNT_TYPES},
    {.name = "Name", .type = PL_FIELD_TEXT},
    {.name = "Description", .type = PL_FIELD_TEXT},
};
static const struct pl_field NEW_ROLE[] = {
    {.name = "RoleId", .type = PL_FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {.name = "AssignedPrivileges", .type = PL_FIELD_LIST, .required = true, .choices = PRIVILEGES},
    {.name = "OemPrivileges", .type = PL_FIELD_LIST, .choices = NONE},
    {.name = "Name", .type = PL_FIELD_TEXT},
    {.name = "Description", .type = PL_FIELD_TEXT},
};
#define COUNT_OF(table) (sizeof table / sizeof table[0])

static const struct pl_route ROUTES[] = {
    {.uri = "/redfish/v1/AccountService", .type = "AccountService.v1_18_1.AccountService", .name = "Account Service", .props = {PL_PROPS(SERVICE)}, .flags = PL_ROUTE_CACHED},
    {.uri = ACCOUNTS, .type = "ManagerAccountCollection.ManagerAccountCollection", .name = "Accounts", .members = list_accounts, .fields = NEW_ACCOUNT,
     .n_fields = COUNT_OF(NEW_ACCOUNT), .create = create_account},
    {.uri = ACCOUNTS "/{}", .type = "ManagerAccount.v1_14_1.ManagerAccount", .props = {PL_PROPS(ACCOUNT)}, .find = find_account, .remove = remove_account},
    {.uri = ROLES_URI, .type = "RoleCollection.RoleCollection", .name = "Roles", .members = list_roles, .fields = NEW_ROLE, .n_fields = COUNT_OF(NEW_ROLE),
     .create = create_role},
    {.uri = ROLES_URI "/{}", .type = "Role.v1_3_3.Role", .props = {PL_PROPS(ROLE)}, .find = find_role, .remove = remove_role},
};
const struct pl_routes_desc pl_routes_accounts = PL_ROUTES(ROUTES);
