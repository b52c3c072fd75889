/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/rights_in.h"

#include <crypt.h>
#include <sha256.h>
#include <sys/random.h>

/* Who comes in: sessions by their token, others by name and password. Any thread. */

bool pl_same_bytes(const void *a, const void *b, size_t size)
{
  const volatile unsigned char *x = a, *y = b;
  unsigned char differs = 0;
  for (size_t i = 0; i < size; i++)
    differs |= (unsigned char)(x[i] ^ y[i]);
  return !differs;
}

enum pl_status pl_random_text(char *out, size_t length, const char *letters, struct pl_err *err)
{
  size_t n = strlen(letters);
  for (size_t i = 0; i < length;) {
    unsigned char byte;
    if (getrandom(&byte, 1, 0) != 1)
      return pl_fail_errno(err, "no random bytes from the system");
    if (byte < 256 - 256 % n) /* every letter as likely as another */
      out[i++] = letters[byte % n];
  }
  out[length] = '\0';
  return PL_OK;
}

void pl_digest(const struct pl_rights *rights, const char *name, const char *password, unsigned char out[PL_DIGEST_SIZE])
{
  SHA256_CTX ctx;
  SHA256_Init(&ctx);
  SHA256_Update(&ctx, rights->key, sizeof rights->key);
  SHA256_Update(&ctx, (const uint8_t *)name, strlen(name) + 1);
  SHA256_Update(&ctx, (const uint8_t *)password, strlen(password));
  SHA256_Final(out, &ctx);
}

/* yescrypt with the library's own cost (crypt(5)). */
enum pl_status pl_password_hash(const char *password, char out[256], struct pl_err *err)
{
  char *salt = crypt_gensalt_ra("$y$", 0, NULL, 0);
  void *data = NULL;
  int size = 0;
  const char *hash = salt ? crypt_ra(password, salt, &data, &size) : NULL;
  enum pl_status status = PL_OK;
  if (!hash || *hash == '*' || strlen(hash) > 255)
    status = pl_fail_errno(err, "the password could not be hashed");
  else
    snprintf(out, 256, "%s", hash);
  free(data);
  free(salt);
  return status;
}

bool pl_password_is(const char *password, const char *hash)
{
  void *data = NULL;
  int size = 0;
  const char *again = crypt_ra(password, hash, &data, &size);
  bool same = again && *again != '*' && strlen(again) == strlen(hash) && pl_same_bytes(again, hash, strlen(hash));
  free(data);
  return same;
}

struct pl_account_in *pl_rights_find_account(struct pl_rights *rights, const char *name)
{
  for (size_t i = 0; i < rights->n_accounts; i++)
    if (!strcmp(rights->accounts[i].a.name, name))
      return &rights->accounts[i];
  return NULL;
}

const struct pl_role *pl_rights_find_role(struct pl_rights *rights, const char *name)
{
  for (size_t i = 0; i < rights->n_roles; i++)
    if (!strcmp(rights->roles[i].name, name))
      return &rights->roles[i];
  return NULL;
}

bool pl_account_is_locked(const struct pl_account_in *account, pl_time_ns now)
{
  return account->locked_until > now;
}

bool pl_rights_user_of(struct pl_rights *rights, const char *name, struct pl_user *user)
{
  const struct pl_account_in *account = pl_rights_find_account(rights, name);
  const struct pl_role *role = account ? pl_rights_find_role(rights, account->a.role) : NULL;
  if (!role || !account->a.enabled)
    return false;
  memcpy(user->name, account->a.name, sizeof user->name); /* of each request: no formatting here */
  memcpy(user->role, role->name, sizeof user->role);
  user->session[0] = '\0';
  user->privileges = role->privileges;
  user->must_change_password = account->a.must_change_password;
  return true;
}

/* AccountLockoutThreshold failures, each within AccountLockoutCounterResetAfter of the one before, lock for AccountLockoutDuration. */
static void failed(struct pl_rights *rights, struct pl_account_in *account, pl_time_ns now)
{
  const struct pl_rights_settings *s = &rights->settings;
  if (account->failures && now - account->failed_at > s->lockout_reset_s * PL_S)
    account->failures = 0;
  account->failures++;
  account->failed_at = now;
  if (s->lockout_threshold && account->failures >= s->lockout_threshold) {
    account->locked_until = s->lockout_duration_s ? now + s->lockout_duration_s * PL_S : PL_NEVER;
    account->failures = 0;
  }
}

/* What is known before the slow part: 1 yes, 0 no, -1: the hash must say. */
static int quick_check(struct pl_rights *rights, const char *name, const char *password, char hash[256])
{
  /* Of nobody: takes as long as one with an account. Salt and cost as pl_password_hash makes them. */
  static const char NOBODY[] = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";
  unsigned char digest[PL_DIGEST_SIZE];
  pl_digest(rights, name, password, digest);
  struct pl_account_in *account = pl_rights_find_account(rights, name);
  snprintf(hash, 256, "%s", account && account->a.hash[0] ? account->a.hash : NOBODY);
  if (account && pl_account_is_locked(account, pl_clock_now(rights->stack->clock)))
    return 0;
  if (account && account->known && pl_same_bytes(account->digest, digest, sizeof digest))
    return 1;
  return account && !account->a.hash[0] ? 0 : -1;
}

static bool conclude(struct pl_rights *rights, const char *name, const char *password, const char *hash, bool right)
{
  struct pl_account_in *account = pl_rights_find_account(rights, name);
  pl_time_ns now = pl_clock_now(rights->stack->clock);
  if (!account || pl_account_is_locked(account, now))
    return false;
  if (!right || (account->a.hash[0] && strcmp(account->a.hash, hash))) { /* changed while we hashed: the old one is wrong now */
    failed(rights, account, now);
    return false;
  }
  account->failures = 0;
  account->known = true;
  pl_digest(rights, name, password, account->digest);
  return true;
}

bool pl_rights_check(struct pl_rights *rights, const char *name, const char *password, struct pl_user *user)
{
  char hash[256];
  pthread_mutex_lock(&rights->lock);
  int known = quick_check(rights, name, password, hash);
  pthread_mutex_unlock(&rights->lock);
  bool right = known < 0 ? pl_password_is(password, hash) : known;
  pthread_mutex_lock(&rights->lock);
  right = conclude(rights, name, password, hash, right) && pl_rights_user_of(rights, name, user);
  pthread_mutex_unlock(&rights->lock);
  return right;
}

/* RFC 4648 base 64; false: none. */
static bool decode64(const char *text, char *out, size_t size)
{
  static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned bits = 0, count = 0;
  size_t n = 0;
  for (; *text && *text != '='; text++) {
    const char *at = strchr(LETTERS, *text);
    if (!at)
      return false;
    bits = bits << 6 | (unsigned)(at - LETTERS);
    if ((count += 6) >= 8) {
      if (n + 1 >= size)
        return false;
      count -= 8;
      out[n++] = (char)(bits >> count);
      bits &= (1u << count) - 1;
    }
  }
  out[n] = '\0';
  return strlen(out) == n && strspn(text, "=") == strlen(text);
}

static void admit_basic(struct pl_rights *rights, const char *credentials, struct pl_admission *admission)
{
  char text[512];
  while (*credentials == ' ')
    credentials++;
  admission->how = PL_ADMITTED_REFUSED;
  char *colon = decode64(credentials, text, sizeof text) ? strchr(text, ':') : NULL;
  if (!colon)
    return;
  *colon = '\0';
  snprintf(admission->tried, sizeof admission->tried, "%.64s", text);
  if (strlen(text) < sizeof admission->tried && pl_rights_check(rights, text, colon + 1, &admission->user))
    admission->how = PL_ADMITTED_AS;
  explicit_bzero(text, sizeof text);
}

void pl_rights_admit(struct pl_rights *rights, const struct pl_http_request *request, struct pl_admission *admission)
{
  const char *token = pl_http_field(request->fields, request->n_fields, "X-Auth-Token");
  const char *authorization = pl_http_field(request->fields, request->n_fields, "Authorization");
  *admission = (struct pl_admission){.how = PL_ADMITTED_NOBODY};
  if (!token && authorization && !strncasecmp(authorization, "Bearer ", 7)) /* DSP0266: a session's token may come so too */
    token = authorization + 7;
  if (!token && !authorization)
    return;
  if (!request->encrypted) {
    admission->how = PL_ADMITTED_UNSAFE;
    return;
  }
  if (!token && strncasecmp(authorization, "Basic ", 6)) {
    admission->how = PL_ADMITTED_REFUSED;
    return;
  }
  if (!token) {
    admit_basic(rights, authorization + 6, admission);
    return;
  }
  pthread_mutex_lock(&rights->lock);
  admission->how = pl_rights_session_admit(rights, token, &admission->user) ? PL_ADMITTED_AS : PL_ADMITTED_REFUSED;
  pthread_mutex_unlock(&rights->lock);
}

void pl_rights_prepare(const struct pl_rights *rights, const char *password, char hash[256])
{
  *hash = '\0';
  if (rights->durable && pl_password_hash(password, hash, NULL))
    *hash = '\0'; /* who keeps it will try again, and say why not */
}

void pl_rights_offer(struct pl_rights *rights, const char *hash)
{
  rights->offered = hash;
}

uint64_t pl_rights_version(const struct pl_rights *rights)
{
  return atomic_load(&rights->version);
}

enum pl_status pl_rights_new(struct pl_stack *stack, const struct pl_stack_cfg *cfg, struct pl_rights **rights, struct pl_err *err)
{
  struct pl_rights *r = calloc(1, sizeof *r);
  if (!r)
    return pl_fail(err, PL_E_NOMEM, "accounts and sessions");
  r->stack = stack;
  r->durable = cfg->store != NULL;
  pthread_mutex_init(&r->lock, NULL);
  enum pl_status status = getrandom(r->key, sizeof r->key, 0) == sizeof r->key ? pl_accounts_load(r, cfg, err) : pl_fail_errno(err, "no random bytes from the system");
  if (status)
    pl_rights_free(r);
  else
    *rights = r;
  return status;
}

void pl_rights_free(struct pl_rights *rights)
{
  if (!rights)
    return;
  pthread_mutex_destroy(&rights->lock);
  explicit_bzero(rights, sizeof *rights);
  free(rights);
}
