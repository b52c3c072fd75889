/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BASE_ERR_H
#define PL_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* What the caller may do about an error (avrdude's classes). */
enum pl_class {
  PL_CLASS_NONE,        /* no error */
  PL_CLASS_RETRY,       /* the same call may succeed when made again */
  PL_CLASS_UNSUPPORTED, /* this adapter or device cannot; ask for something else */
  PL_CLASS_FATAL,       /* the bus, adapter or system is unusable until someone mends it */
  PL_CLASS_UNIT,        /* the device at the other end misbehaved: a finding, not a fault of ours */
  PL_CLASS_USAGE,       /* the input was wrong; nothing was driven */
};

/* One list gives the code, its short text and its class. */
#define PL_STATUS_MAP(X)                                                   \
  X(OK, "ok", NONE)                                                        \
  X(E_TIMEOUT, "no answer before the deadline", RETRY)                     \
  X(E_NACK, "not acknowledged", RETRY)                                     \
  X(E_PEC, "packet error code does not match", RETRY)                      \
  X(E_ARBITRATION, "arbitration lost", RETRY)                              \
  X(E_STUCK, "a bus line is held", FATAL)                                  \
  X(E_SHORT, "answer too short", UNIT)                                     \
  X(E_GARBAGE, "answer malformed", UNIT)                                   \
  X(E_CRC, "frame check does not match", RETRY)                            \
  X(E_EXCEPTION, "request refused by the device", UNIT)                    \
  X(E_WRONG_UNIT, "answer from another unit", RETRY)                       \
  X(E_RANGE, "value outside its format or limits", UNIT)                   \
  X(E_NAN, "not a number", UNIT)                                           \
  X(E_BUSY, "device busy", RETRY)                                          \
  X(E_EARLY, "not known yet", RETRY)                                       \
  X(E_UNSUPPORTED, "not supported", UNSUPPORTED)                           \
  X(E_GONE, "adapter or device went away", FATAL)                          \
  X(E_LOCKED, "held by another program", FATAL)                            \
  X(E_IO, "input/output error", FATAL)                                     \
  X(E_NOMEM, "out of memory", FATAL)                                       \
  X(E_CANCELLED, "cancelled", FATAL)                                       \
  X(E_USAGE, "bad input", USAGE)

enum pl_status {
#define PL_STATUS_ENUM(name, text, cls) PL_##name,
  PL_STATUS_MAP(PL_STATUS_ENUM)
#undef PL_STATUS_ENUM
      PL_STATUS_COUNT
};

#define PL_ERR_TEXT_MAX 512

/* A caller-owned error: a status and a sentence fit to print (what, where, what to do). Zero-initialise it. Untouched on success. */
struct pl_err {
  enum pl_status status;
  char text[PL_ERR_TEXT_MAX];
};

const char *pl_status_name(enum pl_status status); /* "E_NACK" */
const char *pl_status_text(enum pl_status status); /* "not acknowledged" */
enum pl_class pl_status_class(enum pl_status status);

/* Fills err (which may be NULL) and returns status, so that `return pl_fail(err, PL_E_NACK, "...")` reads well. */
enum pl_status pl_fail(struct pl_err *err, enum pl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
enum pl_status pl_vfail(struct pl_err *err, enum pl_status status, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
/* As pl_fail with errno's text appended; status PL_E_IO. */
enum pl_status pl_fail_errno(struct pl_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts context in front of the sentence ("psu-a (i2c-psu 0x58): ..."); returns err->status. */
enum pl_status pl_err_prefix(struct pl_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
