/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  const char *text;
  enum pl_class cls;
} STATUSES[PL_STATUS_COUNT] = {
#define PL_STATUS_ROW(name, text, cls) {#name, text, PL_CLASS_##cls},
    PL_STATUS_MAP(PL_STATUS_ROW)
#undef PL_STATUS_ROW
};

const char *pl_status_name(enum pl_status status)
{
  return (unsigned)status < PL_STATUS_COUNT ? STATUSES[status].name : "E_UNKNOWN";
}

const char *pl_status_text(enum pl_status status)
{
  return (unsigned)status < PL_STATUS_COUNT ? STATUSES[status].text : "unknown status";
}

enum pl_class pl_status_class(enum pl_status status)
{
  return (unsigned)status < PL_STATUS_COUNT ? STATUSES[status].cls : PL_CLASS_FATAL;
}

enum pl_status pl_vfail(struct pl_err *err, enum pl_status status, const char *format, va_list args)
{
  if (!err)
    return status;
  err->status = status;
  int length = vsnprintf(err->text, sizeof err->text, format, args);
  if (length >= (int)sizeof err->text) /* nobody takes a part of it for the whole */
    memcpy(err->text + sizeof err->text - sizeof "...", "...", sizeof "...");
  return status;
}

enum pl_status pl_fail(struct pl_err *err, enum pl_status status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  (void)pl_vfail(err, status, format, args);
  va_end(args);
  return status;
}

enum pl_status pl_fail_errno(struct pl_err *err, const char *format, ...)
{
  int cause = errno;
  if (!err)
    return PL_E_IO;
  va_list args;
  va_start(args, format);
  (void)pl_vfail(err, PL_E_IO, format, args);
  va_end(args);
  size_t used = strlen(err->text);
  snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(cause));
  return PL_E_IO;
}

enum pl_status pl_err_prefix(struct pl_err *err, const char *format, ...)
{
  if (!err)
    return PL_E_IO;
  char front[PL_ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(front, sizeof front - 2, format, args);
  va_end(args);
  size_t used = strlen(front);
  memcpy(front + used, ": ", 3);
  used += 2;
  size_t room = sizeof err->text - 1 - used, have = strlen(err->text);
  memmove(err->text + used, err->text, have < room ? have : room);
  err->text[used + (have < room ? have : room)] = '\0';
  memcpy(err->text, front, used);
  return err->status;
}
