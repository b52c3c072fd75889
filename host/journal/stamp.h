/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_STAMP_H
#define PL_HOST_JOURNAL_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Time stamps of the journal: UTC nanoseconds since 1970 as "YYYY-MM-DDThh:mm:ss.ffffffZ" (ISO 8601; the zone is always written). */
#define PL_STAMP_LEN 27

void pl_stamp_write(int64_t wall_ns, char out[PL_STAMP_LEN]); /* not NUL-terminated; years 0000 to 9999 */
/* Reads any fraction (to nanoseconds) and zone of RFC 3339; no zone is taken as UTC. */
bool pl_stamp_read(const char *text, size_t len, int64_t *wall_ns);

#endif
