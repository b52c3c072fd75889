/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_SHARE_H
#define PL_BUS_SHARE_H

#include "drivers/base/err.h"

/*
 * Chips that several buses stand on: the I2C port and the GPIO pins of one USB adapter are two buses on one handle. The bench owns the table and
 * gives it to every adapter, so drivers keep no state of their own. Loop's thread only: adapters are opened and closed there.
 */
struct pl_share;

enum pl_status pl_share_new(struct pl_share **share, struct pl_err *err);
void pl_share_free(struct pl_share *share); /* after all chips were dropped (asserts); NULL is fine */

/* The chip that was opened under the key, or a new one by open(ctx). Each take is paired with a drop; the last drop closes it. */
enum pl_status pl_share_take(struct pl_share *share, const char *key, enum pl_status (*open)(void *ctx, void **chip, struct pl_err *err),
                             void (*close)(void *chip), void *ctx, void **chip, struct pl_err *err);
void pl_share_drop(struct pl_share *share, void *chip);

#endif
