/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CAPTURE_REPLAY_H
#define PL_CAPTURE_REPLAY_H

#include "drivers/bus/bus.h"

/*
 * A capture as the other end of the buses: each request is answered as it was when it was recorded, in the recorded order of its bus, at the recorded time
 * (virtual time). A request that was not the next one recorded is a divergence: the first is kept, and from then on every request fails.
 *
 * Time: an answer comes when it came. Where that is past (the sequence asks later than it did) or beyond the request's deadline (a person
 * was waited for, which takes no time now) it comes after its own wire time, and the rest of the capture is moved along.
 */
struct pl_replay;

/* PL_E_USAGE: it is no capture of a whole run. */
enum pl_status pl_replay_open(const char *path, struct pl_replay **replay, struct pl_err *err);
void pl_replay_close(struct pl_replay *replay); /* after its buses were freed; NULL is fine */

int64_t pl_replay_wall_ns(const struct pl_replay *replay); /* of clock time 0 */
uint64_t pl_replay_seed(const struct pl_replay *replay);
/* Attaches an adapter that answers for the bus of this name. One that the capture does not have opens all the same; its first request diverges. */
enum pl_status pl_replay_bus(struct pl_replay *replay, struct pl_bus *bus, struct pl_err *err);

/* A sentence: bus, packet number (as a viewer counts), what was recorded, what was asked. NULL: none so far. */
const char *pl_replay_divergence(const struct pl_replay *replay);
/* When the run is over: PL_E_GARBAGE with the first recorded request that was never made. */
enum pl_status pl_replay_finish(const struct pl_replay *replay, struct pl_err *err);

#endif
