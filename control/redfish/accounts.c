/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/rights_in.h"

#include "control/store/store.h"

/* Accounts, roles and settings: in memory to be asked, in the store to stay. Changes on the loop's thread. */

#define ACCOUNTS "account"
#define ROLES "role"
#define SETTINGS "rights"
/* No letter that is taken for another when it is read off a screen. */
#define LETTERS "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

#define OPERATES (PL_MAY_LOGIN | PL_MAY_CONFIGURE_SELF)
#define ALL (OPERATES | PL_MAY_CONFIGURE_MANAGER | PL_MAY_CONFIGURE_USERS | PL_MAY_CONFIGURE_COMPONENTS)
static const struct pl_role PREDEFINED[] = { /* DSP0266, "Roles" */
    {"Administrator", ALL, true},
    {"Operator", OPERATES | PL_MAY_CONFIGURE_COMPONENTS, true},
    {"ReadOnly", OPERATES, true},
};

static const struct pl_rights_settings FALLBACK = {.lockout_threshold = 5, .lockout_duration_s = 60, .lockout_reset_s = 60, .password_min = 8, .password_max = 128,
                                                   .session_timeout_s = 1800, .failure_logging = 1, .sessions_enabled = true};
static const struct {
  const char *name;
  size_t offset;
} NUMBERS[] = {{"lockout-threshold", offsetof(struct pl_rights_settings, lockout_threshold)}, {"lockout-duration", offsetof(struct pl_rights_settings, lockout_duration_s)},
               {"lockout-reset", offsetof(struct pl_rights_settings, lockout_reset_s)},       {"session-timeout", offsetof(struct pl_rights_settings, session_timeout_s)},
               {"failure-logging", offsetof(struct pl_rights_settings, failure_logging)},     {"password-min", offsetof(struct pl_rights_settings, password_min)}};

static int64_t *number(struct pl_rights_settings *s, size_t i)
{
  return (int64_t *)((char *)s + NUMBERS[i].offset);
}

static void changed(struct pl_rights *rights)
{
  atomic_fetch_add(&rights->version, 1);
  pl_service_changed(rights->stack);
}

static enum pl_status keep_account(struct pl_rights *rights, const struct pl_account *account, struct pl_err *err)
{
  struct json_object *o = json_object_new_object();
  json_object_object_add(o, "role", json_object_new_string(account->role));
  json_object_object_add(o, "hash", json_object_new_string(account->hash));
  json_object_object_add(o, "enabled", json_object_new_boolean(account->enabled));
  json_object_object_add(o, "change", json_object_new_boolean(account->must_change_password));
  enum pl_status status = pl_store_put(rights->stack->store, ACCOUNTS, account->name, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), err);
  json_object_put(o);
  return status;
}

static const char *text_in(struct json_object *o, const char *name)
{
  struct json_object *v = NULL;
  json_object_object_get_ex(o, name, &v);
  return v ? json_object_get_string(v) : "";
}

static bool flag_in(struct json_object *o, const char *name)
{
  struct json_object *v = NULL;
  json_object_object_get_ex(o, name, &v);
  return json_object_get_boolean(v);
}

static void load_account(void *ctx, const char *key, const char *value)
{
  struct pl_rights *rights = ctx;
  struct json_object *o = json_tokener_parse(value);
  if (!o || rights->n_accounts == PL_ACCOUNTS_MAX) {
    json_object_put(o);
    return;
  }
  struct pl_account_in *account = &rights->accounts[rights->n_accounts++];
  *account = (struct pl_account_in){.a = {.enabled = flag_in(o, "enabled"), .must_change_password = flag_in(o, "change")}};
  snprintf(account->a.name, sizeof account->a.name, "%s", key);
  snprintf(account->a.role, sizeof account->a.role, "%s", text_in(o, "role"));
  snprintf(account->a.hash, sizeof account->a.hash, "%s", text_in(o, "hash"));
  json_object_put(o);
}

static void load_role(void *ctx, const char *key, const char *value)
{
  struct pl_rights *rights = ctx;
  if (rights->n_roles == PL_ROLES_MAX)
    return;
  struct pl_role *role = &rights->roles[rights->n_roles++];
  *role = (struct pl_role){.privileges = (unsigned)strtoul(value, NULL, 10) & ALL};
  snprintf(role->name, sizeof role->name, "%s", key);
}

static void load_setting(void *ctx, const char *key, const char *value)
{
  struct pl_rights *rights = ctx;
  if (!strcmp(key, "sessions-enabled"))
    rights->settings.sessions_enabled = !strcmp(value, "1");
  for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
    if (!strcmp(key, NUMBERS[i].name))
      *number(&rights->settings, i) = strtoll(value, NULL, 10);
}

static enum pl_status first_account(struct pl_rights *rights, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  char made[21];
  const char *password = cfg->password, *user = cfg->user ? cfg->user : "admin";
  if (!password) {
    enum pl_status status = pl_random_text(made, sizeof made - 1, LETTERS, err);
    if (status)
      return status;
    password = made;
  }
  struct pl_account account = {.role = "Administrator", .enabled = true};
  snprintf(account.name, sizeof account.name, "%s", user);
  enum pl_status status = pl_rights_account_new(rights, &account, password, err);
  if (!status && !cfg->password && cfg->told)
    cfg->told(cfg->told_ctx, account.name, made);
  explicit_bzero(made, sizeof made);
  return status;
}

enum pl_status pl_accounts_load(struct pl_rights *rights, const struct pl_stack_cfg *cfg, struct pl_err *err)
{
  struct pl_store *store = rights->stack->store;
  rights->settings = FALLBACK;
  for (size_t i = 0; i < sizeof PREDEFINED / sizeof PREDEFINED[0]; i++)
    rights->roles[rights->n_roles++] = PREDEFINED[i];
  enum pl_status status = pl_store_each(store, ROLES, load_role, rights, err);
  if (!status)
    status = pl_store_each(store, SETTINGS, load_setting, rights, err);
  if (!status)
    status = pl_store_each(store, ACCOUNTS, load_account, rights, err);
  return status || rights->n_accounts ? status : first_account(rights, cfg, err);
}

/* Settings. */

void pl_rights_settings(struct pl_rights *rights, struct pl_rights_settings *settings)
{
  pthread_mutex_lock(&rights->lock);
  *settings = rights->settings;
  pthread_mutex_unlock(&rights->lock);
}

enum pl_status pl_rights_set(struct pl_rights *rights, const struct pl_rights_settings *settings, struct pl_err *err)
{
  struct pl_rights_settings want = *settings;
  enum pl_status status = pl_store_begin(rights->stack->store, err);
  if (status)
    return status;
  status = pl_store_put(rights->stack->store, SETTINGS, "sessions-enabled", want.sessions_enabled ? "1" : "0", err);
  for (size_t i = 0; !status && i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)*number(&want, i));
    status = pl_store_put(rights->stack->store, SETTINGS, NUMBERS[i].name, text, err);
  }
  enum pl_status committed = pl_store_commit(rights->stack->store, status ? NULL : err);
  if (status || committed)
    return status ? status : committed;
  pthread_mutex_lock(&rights->lock);
  rights->settings = want;
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}

/* Accounts. */

size_t pl_rights_accounts(struct pl_rights *rights, struct pl_account *accounts, size_t room)
{
  pthread_mutex_lock(&rights->lock);
  size_t n = rights->n_accounts < room ? rights->n_accounts : room;
  pl_time_ns now = pl_clock_now(rights->stack->clock);
  for (size_t i = 0; i < n; i++) {
    accounts[i] = rights->accounts[i].a;
    accounts[i].locked = pl_account_is_locked(&rights->accounts[i], now);
  }
  pthread_mutex_unlock(&rights->lock);
  return n;
}

bool pl_rights_account(struct pl_rights *rights, const char *name, struct pl_account *account)
{
  pthread_mutex_lock(&rights->lock);
  const struct pl_account_in *found = pl_rights_find_account(rights, name);
  if (found) {
    *account = found->a;
    account->locked = pl_account_is_locked(found, pl_clock_now(rights->stack->clock));
  }
  pthread_mutex_unlock(&rights->lock);
  return found != NULL;
}

static enum pl_status check_name(const char *name, struct pl_err *err)
{
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@");
  if (!n || name[n] || n > 64 || *name == '.' || *name == '@')
    return pl_fail(err, PL_E_USAGE, "a name has 1 to 64 letters, digits, '-', '_', '.' or '@', and begins with none of the last two");
  return PL_OK;
}

static enum pl_status check_password(const struct pl_rights *rights, const char *password, struct pl_err *err)
{
  size_t n = strlen(password);
  if ((int64_t)n < rights->settings.password_min || (int64_t)n > rights->settings.password_max)
    return pl_fail(err, PL_E_RANGE, "a password has %lld to %lld characters", (long long)rights->settings.password_min, (long long)rights->settings.password_max);
  return PL_OK;
}

/* The slow hash only where it will be kept: a stack that forgets at its end has no file that somebody could take away. */
static enum pl_status take_password(struct pl_rights *rights, struct pl_account_in *account, const char *password, struct pl_err *err)
{
  enum pl_status status = check_password(rights, password, err);
  if (!status && rights->durable && rights->offered && *rights->offered)
    snprintf(account->a.hash, sizeof account->a.hash, "%s", rights->offered);
  else if (!status && rights->durable)
    status = pl_password_hash(password, account->a.hash, err);
  if (status)
    return status;
  account->known = true;
  account->failures = 0;
  account->locked_until = 0;
  pl_digest(rights, account->a.name, password, account->digest);
  return PL_OK;
}

static void insert(struct pl_rights *rights, const struct pl_account_in *account)
{
  size_t i = rights->n_accounts++;
  for (; i && strcmp(rights->accounts[i - 1].a.name, account->a.name) > 0; i--)
    rights->accounts[i] = rights->accounts[i - 1];
  rights->accounts[i] = *account;
}

enum pl_status pl_rights_account_new(struct pl_rights *rights, const struct pl_account *account, const char *password, struct pl_err *err)
{
  struct pl_account_in fresh = {.a = *account};
  enum pl_status status = check_name(account->name, err);
  if (!status && pl_rights_find_account(rights, account->name))
    status = pl_fail(err, PL_E_BUSY, "there is an account %s", account->name);
  if (!status && !pl_rights_find_role(rights, account->role))
    status = pl_fail(err, PL_E_USAGE, "there is no role %s", account->role);
  if (!status && rights->n_accounts == PL_ACCOUNTS_MAX)
    status = pl_fail(err, PL_E_BUSY, "there are %d accounts, which is all that there may be", PL_ACCOUNTS_MAX);
  if (!status)
    status = take_password(rights, &fresh, password, err);
  if (!status)
    status = keep_account(rights, &fresh.a, err);
  if (status)
    return status;
  pthread_mutex_lock(&rights->lock);
  insert(rights, &fresh);
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}

static void erase(struct pl_rights *rights, const char *name)
{
  struct pl_account_in *account = pl_rights_find_account(rights, name), *end = rights->accounts + rights->n_accounts;
  for (; account + 1 < end; account++)
    account[0] = account[1];
  explicit_bzero(account, sizeof *account);
  rights->n_accounts--;
}

/* Under its new name and away under its old one, as one. */
static enum pl_status keep_instead(struct pl_rights *rights, const char *name, const struct pl_account *account, struct pl_err *err)
{
  struct pl_store *store = rights->stack->store;
  enum pl_status status = pl_store_begin(store, err);
  if (status)
    return status;
  status = keep_account(rights, account, err);
  if (!status && strcmp(name, account->name))
    status = pl_store_put(store, ACCOUNTS, name, NULL, err);
  enum pl_status committed = pl_store_commit(store, status ? NULL : err);
  return status ? status : committed;
}

enum pl_status pl_rights_account_set(struct pl_rights *rights, const char *name, const struct pl_account *account, const char *password, const char *keep,
                                     struct pl_err *err)
{
  const struct pl_account_in *old = pl_rights_find_account(rights, name);
  if (!old)
    return pl_fail(err, PL_E_USAGE, "there is no account %s", name);
  pthread_mutex_lock(&rights->lock);
  struct pl_account_in fresh = *old; /* its failures are counted by other threads */
  pthread_mutex_unlock(&rights->lock);
  bool renamed = strcmp(name, account->name) != 0;
  fresh.a = *account;
  snprintf(fresh.a.hash, sizeof fresh.a.hash, "%s", old->a.hash);
  if (!account->locked)
    fresh.locked_until = 0;
  enum pl_status status = renamed ? check_name(account->name, err) : PL_OK;
  if (!status && renamed && pl_rights_find_account(rights, account->name))
    status = pl_fail(err, PL_E_BUSY, "there is an account %s", account->name);
  if (!status && renamed && !password && !rights->durable)
    status = pl_fail(err, PL_E_USAGE, "a new name wants the password told again");
  if (!status && !pl_rights_find_role(rights, account->role))
    status = pl_fail(err, PL_E_USAGE, "there is no role %s", account->role);
  fresh.known = fresh.known && !renamed;
  if (!status && password)
    status = take_password(rights, &fresh, password, err);
  if (!status)
    status = keep_instead(rights, name, &fresh.a, err);
  if (status)
    return status;
  pthread_mutex_lock(&rights->lock);
  bool ends = password || renamed || !account->enabled || strcmp(old->a.role, account->role) != 0;
  if (ends)
    pl_rights_forget_sessions(rights, name, keep);
  erase(rights, name);
  insert(rights, &fresh);
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}

enum pl_status pl_rights_account_remove(struct pl_rights *rights, const char *name, struct pl_err *err)
{
  if (!pl_rights_find_account(rights, name))
    return pl_fail(err, PL_E_USAGE, "there is no account %s", name);
  enum pl_status status = pl_store_put(rights->stack->store, ACCOUNTS, name, NULL, err);
  if (status)
    return status;
  pthread_mutex_lock(&rights->lock);
  pl_rights_forget_sessions(rights, name, NULL);
  erase(rights, name);
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}

bool pl_rights_last_administrator(struct pl_rights *rights, const char *name)
{
  unsigned others = 0;
  bool is = false;
  pthread_mutex_lock(&rights->lock);
  for (size_t i = 0; i < rights->n_accounts; i++) {
    const struct pl_account *a = &rights->accounts[i].a;
    const struct pl_role *role = pl_rights_find_role(rights, a->role);
    if (!a->enabled || !role || !(role->privileges & PL_MAY_CONFIGURE_USERS))
      continue;
    if (!strcmp(a->name, name))
      is = true;
    else
      others++;
  }
  pthread_mutex_unlock(&rights->lock);
  return is && !others;
}

/* Roles. */

size_t pl_rights_roles(struct pl_rights *rights, struct pl_role *roles, size_t room)
{
  pthread_mutex_lock(&rights->lock);
  size_t n = rights->n_roles < room ? rights->n_roles : room;
  memcpy(roles, rights->roles, n * sizeof *roles);
  pthread_mutex_unlock(&rights->lock);
  return n;
}

bool pl_rights_role(struct pl_rights *rights, const char *name, struct pl_role *role)
{
  pthread_mutex_lock(&rights->lock);
  const struct pl_role *found = pl_rights_find_role(rights, name);
  if (found)
    *role = *found;
  pthread_mutex_unlock(&rights->lock);
  return found != NULL;
}

enum pl_status pl_rights_role_put(struct pl_rights *rights, const struct pl_role *role, bool anew, struct pl_err *err)
{
  const struct pl_role *old = pl_rights_find_role(rights, role->name);
  char text[16];
  enum pl_status status = anew ? check_name(role->name, err) : PL_OK;
  if (!status && anew && old)
    status = pl_fail(err, PL_E_BUSY, "there is a role %s", role->name);
  if (!status && !anew && (!old || old->predefined))
    status = pl_fail(err, PL_E_USAGE, "role %s is one of the standard's and stays as it is", role->name);
  if (!status && anew && rights->n_roles == PL_ROLES_MAX)
    status = pl_fail(err, PL_E_BUSY, "there are %d roles, which is all that there may be", PL_ROLES_MAX);
  snprintf(text, sizeof text, "%u", role->privileges);
  if (!status)
    status = pl_store_put(rights->stack->store, ROLES, role->name, text, err);
  if (status)
    return status;
  pthread_mutex_lock(&rights->lock);
  rights->roles[old ? (size_t)(old - rights->roles) : rights->n_roles++] = *role;
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}

enum pl_status pl_rights_role_remove(struct pl_rights *rights, const char *name, struct pl_err *err)
{
  const struct pl_role *role = pl_rights_find_role(rights, name);
  if (!role || role->predefined)
    return pl_fail(err, PL_E_USAGE, "role %s is one of the standard's and stays", name);
  for (size_t i = 0; i < rights->n_accounts; i++)
    if (!strcmp(rights->accounts[i].a.role, name))
      return pl_fail(err, PL_E_BUSY, "account %s has the role %s: give it another first", rights->accounts[i].a.name, name);
  enum pl_status status = pl_store_put(rights->stack->store, ROLES, name, NULL, err);
  if (status)
    return status;
  pthread_mutex_lock(&rights->lock);
  for (size_t i = (size_t)(role - rights->roles) + 1; i < rights->n_roles; i++)
    rights->roles[i - 1] = rights->roles[i];
  rights->n_roles--;
  pthread_mutex_unlock(&rights->lock);
  changed(rights);
  return PL_OK;
}
