/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_READER_H
#define PL_HOST_JOURNAL_READER_H

#include "host/journal/json.h"

/*
 * Reads a journal line by line. A killed run leaves a torn last line (no newline, not whole JSON): that ends the reading and is told by
 * pl_reader_torn. Any other line that is not a JSON object is an error with file:line.
 */
struct pl_reader;

enum pl_status pl_reader_open(const char *path, struct pl_reader **reader, struct pl_err *err); /* "-": standard input */
/* Reads from memory (tests, fuzzing); name stands in messages; the bytes must outlive the reader. */
enum pl_status pl_reader_open_bytes(const char *name, const char *bytes, size_t size, struct pl_reader **reader, struct pl_err *err);
void pl_reader_free(struct pl_reader *reader);

/* *object: the line, valid until the next call; NULL at the end. Empty lines are passed over. */
enum pl_status pl_reader_next(struct pl_reader *reader, const struct pl_json_node **object, struct pl_err *err);
uint64_t pl_reader_line(const struct pl_reader *reader); /* number of the line last returned, from 1 */
bool pl_reader_torn(const struct pl_reader *reader);
/* "name:line: ..." with status PL_E_GARBAGE, for complaints about the line last returned. */
enum pl_status pl_reader_fail(const struct pl_reader *reader, struct pl_err *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
