/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/rights_in.h"

/*
 * Sessions. A token is 16 letters that find the session and 48 that prove it, all from getrandom; only the latter are a secret, so that looking up may take
 * whatever time it takes.
 */
#define HANDLE 16
#define HEX "0123456789abcdef"

static bool is_over(const struct pl_rights *rights, const struct pl_session *session, pl_time_ns now)
{
  return now - session->used > rights->settings.session_timeout_s * PL_S;
}

static void drop(struct pl_rights *rights, size_t index)
{
  rights->ended = rights->sessions[index];
  for (size_t i = index + 1; i < rights->n_sessions; i++)
    rights->sessions[i - 1] = rights->sessions[i];
  rights->n_sessions--;
  explicit_bzero(&rights->sessions[rights->n_sessions], sizeof rights->sessions[0]);
  if (!PL_LIES(rights->stack, SESSION_LEAKED))
    explicit_bzero(&rights->ended, sizeof rights->ended);
}

static void drop_over(struct pl_rights *rights)
{
  pl_time_ns now = pl_clock_now(rights->stack->clock);
  for (size_t i = rights->n_sessions; i-- > 0;)
    if (is_over(rights, &rights->sessions[i], now))
      drop(rights, i);
}

static bool has_token(const struct pl_session *session, const char *token)
{
  return strlen(token) == 64 && session->token[0] && !strncmp(session->token, token, HANDLE) && pl_same_bytes(session->token + HANDLE, token + HANDLE, 64 - HANDLE);
}

static bool admit(struct pl_rights *rights, struct pl_session *session, pl_time_ns now, struct pl_user *user)
{
  if (is_over(rights, session, now) || !pl_rights_user_of(rights, session->user, user))
    return false;
  session->used = now;
  memcpy(user->session, session->id, sizeof user->session);
  return true;
}

bool pl_rights_session_admit(struct pl_rights *rights, const char *token, struct pl_user *user)
{
  pl_time_ns now = pl_clock_now(rights->stack->clock);
  for (size_t i = 0; i < rights->n_sessions; i++)
    if (has_token(&rights->sessions[i], token))
      return admit(rights, &rights->sessions[i], now, user);
  return PL_LIES(rights->stack, SESSION_LEAKED) && has_token(&rights->ended, token) && admit(rights, &rights->ended, now, user);
}

void pl_rights_forget_sessions(struct pl_rights *rights, const char *user, const char *keep)
{
  for (size_t i = rights->n_sessions; i-- > 0;)
    if (!strcmp(rights->sessions[i].user, user) && !(keep && !strcmp(keep, rights->sessions[i].id)))
      drop(rights, i);
}

enum pl_status pl_rights_session_new(struct pl_rights *rights, const char *user, const char *peer, struct pl_session *session, struct pl_err *err)
{
  struct pl_session s = {0};
  enum pl_status status = pl_random_text(s.token, 64, HEX, err);
  if (!status)
    status = pl_random_text(s.id, 12, HEX, err);
  if (status)
    return status;
  snprintf(s.user, sizeof s.user, "%s", user);
  snprintf(s.peer, sizeof s.peer, "%s", peer ? peer : "");
  pthread_mutex_lock(&rights->lock);
  drop_over(rights);
  s.used = pl_clock_now(rights->stack->clock);
  s.begun_wall_ns = pl_clock_wall_ns(rights->stack->clock, s.used);
  if (rights->n_sessions == PL_SESSIONS_MAX)
    status = pl_fail(err, PL_E_BUSY, "%d sessions are open, which is all that there may be: end one", PL_SESSIONS_MAX);
  else
    *session = rights->sessions[rights->n_sessions++] = s;
  pthread_mutex_unlock(&rights->lock);
  return status;
}

size_t pl_rights_sessions(struct pl_rights *rights, struct pl_session *sessions, size_t room)
{
  pthread_mutex_lock(&rights->lock);
  drop_over(rights);
  size_t n = rights->n_sessions < room ? rights->n_sessions : room;
  memcpy(sessions, rights->sessions, n * sizeof *sessions);
  pthread_mutex_unlock(&rights->lock);
  return n;
}

static size_t index_of(const struct pl_rights *rights, const char *id)
{
  size_t i = 0;
  while (i < rights->n_sessions && strcmp(rights->sessions[i].id, id))
    i++;
  return i;
}

bool pl_rights_session(struct pl_rights *rights, const char *id, struct pl_session *session)
{
  pthread_mutex_lock(&rights->lock);
  drop_over(rights);
  size_t i = index_of(rights, id);
  bool there = i < rights->n_sessions;
  if (there)
    *session = rights->sessions[i];
  pthread_mutex_unlock(&rights->lock);
  return there;
}

bool pl_rights_session_end(struct pl_rights *rights, const char *id)
{
  pthread_mutex_lock(&rights->lock);
  size_t i = index_of(rights, id);
  bool there = i < rights->n_sessions;
  if (there)
    drop(rights, i);
  pthread_mutex_unlock(&rights->lock);
  atomic_fetch_add(&rights->version, 1);
  return there;
}
