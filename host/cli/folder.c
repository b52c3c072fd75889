/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run's files go. */
#include "host/cli/session.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static enum pl_status make_folders(char *path, struct pl_err *err)
{
  for (char *at = path + 1;; at++) {
    if (*at && *at != '/')
      continue;
    char kept = *at;
    *at = '\0';
    struct stat st;
    bool made = !mkdir(path, 0777) || (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode));
    if (!made) {
      pl_fail_errno(err, "cannot make the output folder %s", path);
      return err->status = PL_E_USAGE;
    }
    *at = kept;
    if (!kept)
      return PL_OK;
  }
}

static void stem(const char *path, char *out, size_t size)
{
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  const char *dot = strrchr(base, '.');
  snprintf(out, size, "%.*s", (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base)), base);
}

/* How many sequences before this one have its name. */
static size_t namesakes(const struct pl_session *session, size_t index, const char *name)
{
  size_t count = 0;
  for (size_t i = 0; i < index; i++) {
    char other[128];
    stem(session->paths[i], other, sizeof other);
    count += !strcmp(name, other);
  }
  return count;
}

/* runs/TIME-NAME, with a number behind when that second has had a run of the name. */
static void fresh_folder(const char *name, char *dir, size_t size)
{
  struct tm t;
  char stamp[32];
  time_t now = time(NULL); /* only names the folder */
  gmtime_r(&now, &t);
  strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &t);
  snprintf(dir, size, "runs/%s-%s", stamp, name);
  for (int n = 2; !access(dir, F_OK) && n < 1000; n++)
    snprintf(dir, size, "runs/%s-%s-%d", stamp, name, n);
}

enum pl_status pl_cli_folder(const char *name, char *dir, size_t size, struct pl_err *err)
{
  if (dir != name)
    snprintf(dir, size, "%s", name);
  enum pl_status status = make_folders(dir, err);
  if (!status && access(dir, W_OK)) {
    pl_fail_errno(err, "cannot write in the output folder %s; give another with --out", dir);
    status = err->status = PL_E_USAGE;
  }
  return status;
}

enum pl_status pl_cli_output_folder(const struct pl_args *args, const struct pl_session *session, size_t index, char *dir, size_t size, struct pl_err *err)
{
  char name[128];
  const char *out = pl_args_text(args, "out", NULL);
  stem(session->paths[index], name, sizeof name);
  size_t before = namesakes(session, index, name);
  if (!out)
    fresh_folder(name, dir, size);
  else if (session->n_sequences == 1)
    snprintf(dir, size, "%s", out);
  else if (before)
    snprintf(dir, size, "%s/%s-%zu", out, name, before + 1);
  else
    snprintf(dir, size, "%s/%s", out, name);
  return pl_cli_folder(dir, dir, size, err);
}
