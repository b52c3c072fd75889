/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_RECORDER_H
#define PL_CONTROL_RECORDER_H

#include "control/placement/placement.h"
#include "control/placement/pool_watch.h"

/*
 * The journal from which decisions are decided again (replay.h): files "decisions-000001.journal", ... in a folder. Each begins with the pool as it was then, and has
 * every change of it, every answer, and the decisions that the room took by them (record.h). Append-only; a new one with each start and whenever one is full,
 * the oldest go. A crash of the program loses nothing that was decided; one of the machine may lose the end, and the rest can be read.
 */
struct pl_recorder;
/* keep_bytes: of all files together, at least 64 KiB. */
enum pl_status pl_recorder_new(const char *folder, int64_t keep_bytes, const struct pl_pool_policy *policy, int64_t wall_ns, struct pl_recorder **recorder,
                               struct pl_err *err);
void pl_recorder_free(struct pl_recorder *recorder);
struct pl_pool_watcher *pl_recorder_watcher(struct pl_recorder *recorder); /* for pl_pool_watch, while the pool is as it was made by that policy */
void pl_recorder_decide(struct pl_recorder *recorder, const struct pl_decision *decision);
/* Between two turns of the room, when no plan is held and no copy is there: what is gathered is written, and a full file followed by another. The first error is told
 * once, and nothing is recorded from then on. */
enum pl_status pl_recorder_round(struct pl_recorder *recorder, const struct pl_pool *pool, int64_t wall_ns, struct pl_err *err);

#define PL_RECORDER_FILE "decisions-%06u.journal"
unsigned pl_recorder_number(const char *name); /* of a file's name; 0: it is none */

#endif
