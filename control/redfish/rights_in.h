/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_REDFISH_RIGHTS_IN_H
#define PL_CONTROL_REDFISH_RIGHTS_IN_H

#include "control/redfish/rights.h"

#include <pthread.h>
#include <stdatomic.h>

/* Between rights.c (who comes in), accounts.c (accounts, roles, settings) and sessions.c. */
#define PL_DIGEST_SIZE 32
struct pl_account_in {
  struct pl_account a;
  /* A password that has been verified, or is known from the start, as a keyed digest of this process: the slow hash is for what lies in the store. */
  bool known;
  unsigned char digest[PL_DIGEST_SIZE];
  int64_t failures;
  pl_time_ns failed_at, locked_until;
};

struct pl_rights {
  pthread_mutex_t lock;
  struct pl_stack *stack;
  const char *offered; /* a hash that the gate made ahead, of the password in the request at hand */
  bool durable; /* the store outlives this process: accounts need their slow hash */
  unsigned char key[PL_DIGEST_SIZE];
  struct pl_rights_settings settings;
  struct pl_account_in accounts[PL_ACCOUNTS_MAX];
  size_t n_accounts;
  struct pl_role roles[PL_ROLES_MAX];
  size_t n_roles;
  struct pl_session sessions[PL_SESSIONS_MAX];
  size_t n_sessions;
  struct pl_session ended; /* of the mutant that leaks one */
  atomic_uint_fast64_t version;
};

/* With the lock held. */
struct pl_account_in *pl_rights_find_account(struct pl_rights *rights, const char *name);
const struct pl_role *pl_rights_find_role(struct pl_rights *rights, const char *name);
bool pl_rights_user_of(struct pl_rights *rights, const char *name, struct pl_user *user); /* false: there is none, or it is disabled */
void pl_rights_forget_sessions(struct pl_rights *rights, const char *user, const char *keep);
bool pl_rights_session_admit(struct pl_rights *rights, const char *token, struct pl_user *user);
bool pl_account_is_locked(const struct pl_account_in *account, pl_time_ns now);

void pl_digest(const struct pl_rights *rights, const char *name, const char *password, unsigned char out[PL_DIGEST_SIZE]);
bool pl_same_bytes(const void *a, const void *b, size_t size); /* in a time that does not tell where they differ */
enum pl_status pl_random_text(char *out, size_t length, const char *letters, struct pl_err *err); /* getrandom; out of length + 1 */
enum pl_status pl_password_hash(const char *password, char out[256], struct pl_err *err);
bool pl_password_is(const char *password, const char *hash);
enum pl_status pl_accounts_load(struct pl_rights *rights, const struct pl_stack_cfg *cfg, struct pl_err *err);

#endif
