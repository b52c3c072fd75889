/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_GUARDIAN_H
#define PL_HOST_GUARDIAN_H

#include "drivers/rig/bench.h"

#include <sys/types.h>

/*
 * The guardian: a process of its own that makes the rig safe when the runner is lost, however it is lost (SIGKILL, a crash, SIGSTOP, out of memory). It is
 * started before anything is driven and has then read the rig, rehearsed its work, reserved its record and locked its memory. Runner and guardian hold the two
 * ends of a socket; the guardian also holds a pidfd of the runner.
 *
 *   runner -> guardian                                            guardian -> runner
 *   O  the rig is being opened: from now on there is something    R text   ready; what the system did not permit
 *      to make safe                                               X text   refused: why
 *   b  a beat of the loop; the first one begins the watch         b        the beat's echo
 *   H  the loop has ended, no more beats will come
 *   S  the safe state is applied: nothing is left to do
 *   E  the rig is let go of, but is not safe: act
 *
 * The socket's other end closed, the runner ended, or no beat for the limit: the runner is lost. It is killed first, since a stopped one still holds the
 * adapters, and when the kernel has taken its descriptors the safe values are applied in the declared order. What the interlock has killed stays killed: its
 * outputs are on buses that nobody else opens, the guardian neither.
 */
struct pl_guardian; /* the runner's side; the loop's thread, but where it says otherwise */

/*
 * How long the loop may be silent. A sequence may compute for a second between two waits (PL_VM_CPU_NS, by the count hook), a pattern match in C about as long, and
 * a slow disk can hold up a write of the journal for seconds: none of these is a run that hangs. What a rack does by itself in five seconds is little: cold
 * plates take tens of seconds to heat up, and the interlock has a thread of its own. A runner that dies is noticed at once, whatever this is.
 */
#define PL_GUARDIAN_LIMIT_NS (5 * PL_S)

/*
 * While no beats come, because the loop has not begun or is over, the runner opens the rig or lets go of it: a dozen adapters at a second or two each, the
 * journal brought to a slow disk. Longer than this it hangs (it joins a worker that is stuck in an adapter, was stopped), with a rig that is not safe.
 */
#define PL_GUARDIAN_QUIET_NS (30 * PL_S)

struct pl_guardian_cfg {
  struct pl_clock *clock; /* real */
  const struct pl_rig *rig;
  const char *record;     /* where the guardian writes what it did: "DIR/guardian.jsonl" */
  pl_time_ns limit_ns;    /* the longest silence of the loop */
  bool bench_only;        /* what a control stack at a URL owns is its to make safe, not ours */
};

/* Whether the rig has outputs that stay as they are when the runner dies: a safe value on a bus that is not the virtual rack of the same process. */
bool pl_guardian_needed(const struct pl_rig *rig);
/* Returns when the guardian is ready; PL_E_IO with what it said when it is not. */
enum pl_status pl_guardian_start(const struct pl_guardian_cfg *cfg, struct pl_guardian **guardian, struct pl_err *err);
void pl_guardian_opening(struct pl_guardian *guardian);
void pl_guardian_driving(struct pl_guardian *guardian); /* from here on the clock's loop beats */
void pl_guardian_rest(struct pl_guardian *guardian);    /* the loop is over */
/* NULL while it watches; else a sentence: it died, or does not answer. void: for pl_engine_cfg. */
const struct pl_err *pl_guardian_lost(void *guardian);
/* safe: it ends without acting. Else it acts, which is waited for: PL_E_IO when the rig is not safe after that either. NULL is fine. Frees. */
enum pl_status pl_guardian_end(struct pl_guardian *guardian, bool safe, struct pl_err *err);

/* --- the process (`plumb guardian`) --- */
struct pl_guard_cfg {
  const char *rig;    /* path */
  const char *sha256; /* what the runner has read */
  const char *record;
  pid_t runner;
  int link;           /* the socket */
  pl_time_ns limit_ns;
  bool bench_only;
  pl_time_ns quiet_ns; /* as limit_ns, while it opens the rig and after its loop has ended; not less than limit_ns, whatever it says */
};

enum pl_guard_end {
  PL_GUARD_NOTHING, /* the runner ended as it should, or before anything was driven */
  PL_GUARD_SAFE,    /* acted; the safe state is applied */
  PL_GUARD_UNSAFE,  /* acted; err names what could not be made safe */
  PL_GUARD_REFUSED, /* did not begin; the runner was told why */
};
enum pl_guard_end pl_guard_run(const struct pl_guard_cfg *cfg, struct pl_err *err);

/* --- guardian_rights.c: what makes it hard to kill or to stall. Writes what was not permitted to `notes`, "" for nothing. --- */
void pl_guard_take_rights(char *notes, size_t size);

/* --- guardian_record.c: what it did, beside the journal. In memory first, in reserved room on the disk, else to stderr and the system log. --- */
struct pl_guard_record;
/* Never fails for want of a disk: *note tells ("" when all is well). PL_E_NOMEM. */
enum pl_status pl_guard_record_open(const char *path, const struct pl_clock *clock, struct pl_guard_record **record, char *note, size_t size, struct pl_err *err);
/* One JSON object a line; fields: more of it, encoded ("\"why\":\"...\""). Memory only. */
void pl_guard_record_add(struct pl_guard_record *record, const char *what, const char *fields, ...) __attribute__((format(printf, 3, 4)));
/* Text as a JSON string, quotes and all, in room that lives until the next add: for the arguments of add. */
const char *pl_guard_record_quote(struct pl_guard_record *record, const char *text);
void pl_guard_record_flush(struct pl_guard_record *record); /* to the disk; what does not fit goes to stderr and the system log */
void pl_guard_record_close(struct pl_guard_record *record); /* flushes */

#endif
