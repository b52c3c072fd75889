/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_HTML_H
#define PL_REPORTS_HTML_H

#include "host/journal/text.h"
#include "reports/model.h"

/* Inside of reports/: the pieces of the HTML page. Each appends to a text. */
extern const char pl_html_style[]; /* style.c: the page's style sheet */

void pl_html_steps(struct pl_text *text, const struct pl_report *r);
void pl_html_measurements(struct pl_text *text, const struct pl_report *r);
void pl_html_findings(struct pl_text *text, const struct pl_report *r);
void pl_html_hardware(struct pl_text *text, const struct pl_report *r);
void pl_html_notes(struct pl_text *text, const struct pl_report *r);
void pl_html_files(struct pl_text *text, const struct pl_report *r);

/* Drawings: inline SVG without a view box, positions in percent, so that they stay sharp and readable at any width. */
void pl_svg_bullet(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m); /* nothing when it has no interval */
void pl_svg_series(struct pl_text *text, const struct pl_report *r, const struct pl_series *series);
void pl_svg_timeline(struct pl_text *text, const struct pl_report *r);

const char *pl_html_class(enum pl_verdict verdict); /* "pass" */
/* What `room` holds, escaped; empties it. */
void pl_html_room(struct pl_text *text, struct pl_text *room);
/* "+12.345 s" since the run began. */
void pl_html_moment(struct pl_text *text, const struct pl_report *r, int64_t at);

#endif
