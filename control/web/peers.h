/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_PEERS_H
#define PL_CONTROL_WEB_PEERS_H

#include "drivers/base/clock.h"

/* How often each address asks: a bucket of tokens a peer, filled at `rate` a second, up to `burst`. Any thread. Of more addresses than it has room for it forgets
 * those that have been quiet longest. */
struct pl_peers;

struct pl_peers *pl_peers_new(double rate, double burst); /* rate 0: everybody may. NULL: out of memory */
void pl_peers_free(struct pl_peers *peers);
/* Takes a token; false when there is none, with the whole seconds after which there will be one. */
bool pl_peers_admit(struct pl_peers *peers, const char *peer, pl_time_ns now, unsigned *retry_s);

#endif
