/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_JOURNAL_TEXT_H
#define PL_HOST_JOURNAL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing text and the encoders that the journal and the reports share. Zero-initialise it; pl_text_free at the end. When memory
 * runs out `failed` is set and stays, and what is put is dropped: check it once, where the text is used.
 */
struct pl_text {
  char *bytes; /* not NUL-terminated */
  size_t len, cap;
  bool failed;
};

void pl_text_free(struct pl_text *text);
/* Room for n more bytes at bytes + len; NULL when there is no memory. The caller adds to len what it used. */
char *pl_text_room(struct pl_text *text, size_t n);

void pl_text_put(struct pl_text *text, const char *bytes, size_t len);
void pl_text_str(struct pl_text *text, const char *string);
#define PL_TEXT_LIT(text, literal) pl_text_put((text), "" literal, sizeof(literal) - 1)
void pl_text_char(struct pl_text *text, char c);
/* For what is not hot. */
void pl_text_format(struct pl_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pl_text_int(struct pl_text *text, int64_t value);
/* The shortest usual spelling that reads back as the same double. value must be finite (asserts). */
void pl_text_double(struct pl_text *text, double value);
/* For people: up to `digits` (1 to 15) significant digits, no trailing zeros; "12400", "0.00125", "3.1e-07". */
void pl_text_number(struct pl_text *text, double value, int digits);

/* With its quotes. Bytes that are not UTF-8 become U+FFFD. */
void pl_text_json(struct pl_text *text, const char *string, size_t len);
/* Text or attribute value of XML and HTML; what XML 1.0 (section 2.2) has no character for becomes U+FFFD. */
void pl_text_xml(struct pl_text *text, const char *string);
/* A field of RFC 4180: quoted when it must be. */
void pl_text_csv(struct pl_text *text, const char *string);

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 when there is none. left >= 1. */
size_t pl_utf8_length(const char *s, size_t left);

#endif
