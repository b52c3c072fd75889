/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_RIGHTS_H
#define PL_CONTROL_RIGHTS_H

#include "control/redfish/route.h"

/*
 * Who may do what: accounts, roles, sessions, credentials. Its own lock: any thread may ask pl_rights_admit; accounts, roles and settings change on the
 * loop's thread only, which also keeps them in the store.
 */
struct pl_rights;
enum pl_status pl_rights_new(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_rights **rights, struct pl_err *err);
void pl_rights_free(struct pl_rights *rights);

/* How a request comes in. */
struct pl_admission {
  enum pl_admitted {
    PL_ADMITTED_NOBODY,   /* no credentials at all */
    PL_ADMITTED_AS,       /* `user` */
    PL_ADMITTED_REFUSED,  /* wrong ones, a session that is over, an account that is locked or disabled */
    PL_ADMITTED_UNSAFE,   /* credentials over a connection that is not encrypted */
  } how;
  struct pl_user user;
  char tried[65];         /* the name that was tried, for the audit log */
  /* What the gate did ahead for a body with a password in it, so that the loop need not hash: */
  enum pl_login { PL_LOGIN_UNASKED, PL_LOGIN_RIGHT, PL_LOGIN_WRONG } login; /* of the UserName and Password that would open a session */
  struct pl_user login_user;
  char hash[256];         /* of the Password that an account is to have; "": none */
};
/* Any thread. Touches the session. A password is hashed here, on the caller's thread. */
void pl_rights_admit(struct pl_rights *rights, const struct pl_http_request *request, struct pl_admission *admission);
/* The password of an account, with lock-out; PL_E_USAGE: no. Any thread. */
bool pl_rights_check(struct pl_rights *rights, const char *name, const char *password, struct pl_user *user);
/* The slow hash of a password that an account is to have; "" where it is not kept, or could not be made. Any thread. */
void pl_rights_prepare(const struct pl_rights *rights, const char *password, char hash[256]);
/* It is the one to use while a request is handled (NULL: not any more). Loop's thread. */
void pl_rights_offer(struct pl_rights *rights, const char *hash);
/* Rises with every change of rights: an answer kept for somebody is kept for these rights. Any thread. */
uint64_t pl_rights_version(const struct pl_rights *rights);

/* Privileges by entity (rights_table.c): from DMTF's privilege registry. */
struct pl_entity {
  const char *name;
  unsigned get, patch, post, remove; /* any one of these will do */
};
const struct pl_entity *pl_entity_find(const char *name, size_t length);
const struct pl_entity *pl_entities(size_t *count);
/* Of a route's type: "Chassis.v1_28_0.Chassis" -> Chassis. Asserts that it is there (a test walks all routes). */
const struct pl_entity *pl_entity_of(const struct pl_route *route);
bool pl_entity_allows(const struct pl_entity *entity, unsigned method, unsigned privileges, bool own);
/* "ConfigureUsers" -> PL_MAY_CONFIGURE_USERS; 0: no such. */
unsigned pl_privilege_find(const char *name);
const char *pl_privilege_name(unsigned privilege);

/* Settings of AccountService and SessionService. */
struct pl_rights_settings {
  int64_t lockout_threshold, lockout_duration_s, lockout_reset_s; /* threshold 0: never */
  int64_t password_min, password_max;
  int64_t session_timeout_s;
  int64_t failure_logging;
  bool sessions_enabled;
};
void pl_rights_settings(struct pl_rights *rights, struct pl_rights_settings *settings);
enum pl_status pl_rights_set(struct pl_rights *rights, const struct pl_rights_settings *settings, struct pl_err *err);

/* Accounts; copies. */
struct pl_account {
  char name[65], role[65];
  char hash[256];
  bool enabled, must_change_password;
  bool locked; /* now */
};
size_t pl_rights_accounts(struct pl_rights *rights, struct pl_account *accounts, size_t room); /* sorted by name */
bool pl_rights_account(struct pl_rights *rights, const char *name, struct pl_account *account);
/* password NULL: stays. PL_E_USAGE, PL_E_RANGE (password), PL_E_BUSY (exists). Sessions of an account that changed its password, role or name end, but `keep`. */
enum pl_status pl_rights_account_new(struct pl_rights *rights, const struct pl_account *account, const char *password, struct pl_err *err);
enum pl_status pl_rights_account_set(struct pl_rights *rights, const char *name, const struct pl_account *account, const char *password, const char *keep,
                                     struct pl_err *err);
enum pl_status pl_rights_account_remove(struct pl_rights *rights, const char *name, struct pl_err *err);
bool pl_rights_last_administrator(struct pl_rights *rights, const char *name);

struct pl_role {
  char name[65];
  unsigned privileges;
  bool predefined;
};
size_t pl_rights_roles(struct pl_rights *rights, struct pl_role *roles, size_t room);
bool pl_rights_role(struct pl_rights *rights, const char *name, struct pl_role *role);
enum pl_status pl_rights_role_put(struct pl_rights *rights, const struct pl_role *role, bool anew, struct pl_err *err);
enum pl_status pl_rights_role_remove(struct pl_rights *rights, const char *name, struct pl_err *err); /* PL_E_BUSY: somebody has it */

struct pl_session {
  char id[33], token[65], user[65], peer[64];
  int64_t begun_wall_ns;
  pl_time_ns used;
};
#define PL_SESSIONS_MAX 64
#define PL_ACCOUNTS_MAX 64
#define PL_ROLES_MAX 32
enum pl_status pl_rights_session_new(struct pl_rights *rights, const char *user, const char *peer, struct pl_session *session, struct pl_err *err);
size_t pl_rights_sessions(struct pl_rights *rights, struct pl_session *sessions, size_t room);
bool pl_rights_session(struct pl_rights *rights, const char *id, struct pl_session *session);
bool pl_rights_session_end(struct pl_rights *rights, const char *id);

#endif
