/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_AT (256 * 1024)

enum pl_status pl_out_open(struct pl_out *out, const char *path, struct pl_err *err)
{
  *out = (struct pl_out){.fd = STDOUT_FILENO};
  if (!strcmp(path, "-")) {
    fflush(stdout); /* what stdio holds comes first */
    snprintf(out->path, sizeof out->path, "standard output");
    return PL_OK;
  }
  struct stat info;
  bool special = stat(path, &info) == 0 && !S_ISREG(info.st_mode); /* /dev/null, a pipe: nothing to rename over */
  int n = snprintf(out->path, sizeof out->path, "%s", path);
  if (n < 0 || (size_t)n >= sizeof out->path)
    return pl_fail(err, PL_E_USAGE, "%.80s...: path too long", path);
  if (!special)
    snprintf(out->beside, sizeof out->beside, "%s.%ld.tmp", path, (long)getpid());
  out->fd = open(special ? path : out->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
  if (out->fd < 0)
    return pl_fail_errno(err, "%s: cannot be written", path);
  return PL_OK;
}

static void write_all(struct pl_out *out)
{
  const char *bytes = out->text.bytes;
  size_t left = out->text.len;
  while (left && !out->status) {
    ssize_t n = write(out->fd, bytes, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      out->status = n < 0 ? pl_fail_errno(&out->err, "%s: cannot be written", out->path) : pl_fail(&out->err, PL_E_IO, "%s: cannot be written", out->path);
      break;
    }
    bytes += n;
    left -= (size_t)n;
  }
  out->text.len = 0;
}

void pl_out_drain(struct pl_out *out)
{
  if (out->text.len >= DRAIN_AT)
    write_all(out);
}

enum pl_status pl_out_close(struct pl_out *out, struct pl_err *err)
{
  write_all(out);
  if (out->text.failed && !out->status)
    out->status = pl_fail(&out->err, PL_E_NOMEM, "%s: out of memory", out->path);
  pl_text_free(&out->text);
  if (out->fd != STDOUT_FILENO && close(out->fd) && !out->status)
    out->status = pl_fail_errno(&out->err, "%s: cannot be written", out->path);
  if (out->beside[0] && !out->status && rename(out->beside, out->path))
    out->status = pl_fail_errno(&out->err, "%s: cannot be put into place", out->path);
  if (out->beside[0] && out->status)
    unlink(out->beside);
  return out->status ? pl_fail(err, out->status, "%s", out->err.text) : PL_OK;
}

void pl_text_to_stream(struct pl_text *text, FILE *stream)
{
  if (text->len)
    fwrite(text->bytes, 1, text->len, stream);
  text->len = 0;
}
