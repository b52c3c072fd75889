/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_WATCH_TERMINAL_H
#define PL_HOST_WATCH_TERMINAL_H

#include "drivers/base/err.h"
#include "host/journal/text.h"

/*
 * The screen of the live view: a page of lines that is painted again and again on the terminal's alternate screen, and single keys. Six control sequences
 * of ECMA-48 and xterm's alternate screen, which every terminal of today knows, do all that a page needs; a terminal that says that it is dumb gets no page.
 * One a program. What the terminal was like is restored by pl_terminal_close, when the program is stopped (Ctrl-Z) and when it crashes.
 */
bool pl_terminal_usable(void);
/* Unicode where the locale has it (and on the Linux console not: its font has no braille). */
bool pl_terminal_ascii(void);
bool pl_terminal_colour(void); /* no-color.org */

enum pl_status pl_terminal_open(struct pl_err *err);
void pl_terminal_close(void); /* no-op when it is not open */
/* Paints what changed of the page's lines; false: the terminal takes no more. */
bool pl_terminal_paint(const struct pl_text *page);
/* The size changed, or the page was away: asked before each page. */
void pl_terminal_size(int *columns, int *rows);
int pl_terminal_key(void); /* -1: none was pressed */

#endif
