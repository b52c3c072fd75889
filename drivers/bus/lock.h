/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_LOCK_H
#define PL_BUS_LOCK_H

#include "drivers/base/err.h"

#include <stdbool.h>

/*
 * One owner of a port among all programs and users of this machine. The lock is a flock'ed file of mode 0666, named from the key, in /run/lock,
 * or in /tmp where that is no writable folder; the environment has no say (but PLUMBLINE_LOCK_DIR, for tests). The kernel lets go of it when its holder dies, however it dies. (A child that was forked without exec shares it.)
 */
struct pl_lock;

/* key: a tty's path or "host:port". PL_E_LOCKED names the holder's pid and command. */
enum pl_status pl_lock_take(const char *key, struct pl_lock **lock, struct pl_err *err);
void pl_lock_release(struct pl_lock *lock); /* NULL is fine */
/* Who holds it now, for people ("1234 (plumb)"); false: nobody. A lock that is held, or was let go of properly, is not touched. */
bool pl_lock_holder(const char *key, char *holder, size_t size);

#endif
