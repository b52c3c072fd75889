/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/model.h"

#include "host/journal/stamp.h"
#include "reports/out.h"

#include <math.h>

static void put_exact(struct pl_text *text, const struct pl_report *r, const struct pl_val *value)
{
  if (value->kind == PL_VAL_NUMBER)
    pl_text_double(text, value->number);
  else if (value->kind == PL_VAL_BOOL)
    pl_text_str(text, value->flag ? "true" : "false");
  else
    pl_text_csv(text, pl_text_of(r, value->text));
}

/* Lower and upper limit: of numbers the interval; what must be equal stands in both. */
static void put_limits(struct pl_text *text, const struct pl_report *r, const struct pl_measured *m)
{
  double low, high;
  if (pl_interval(r, m->limit, m->n_limits, &low, &high)) {
    if (isfinite(low))
      pl_text_double(text, low);
    PL_TEXT_LIT(text, ",");
    if (isfinite(high))
      pl_text_double(text, high);
    return;
  }
  const struct pl_limit *only = m->n_limits == 1 ? &r->limits.items[m->limit] : NULL;
  bool equal = only && only->check == PL_CHECK_EQUAL;
  if (equal)
    put_exact(text, r, &only->value);
  PL_TEXT_LIT(text, ",");
  if (equal)
    put_exact(text, r, &only->value);
}

static void put_row(struct pl_text *text, struct pl_text *path, const struct pl_report *r, const struct pl_measured *m)
{
  const struct pl_stepped *step = &r->steps.items[m->step];
  const struct pl_hw *hw = pl_hw_of(r, m->hardware);
  pl_text_csv(text, pl_text_of(r, r->name));
  PL_TEXT_LIT(text, ",");
  pl_text_csv(text, pl_text_of(r, r->dut));
  PL_TEXT_LIT(text, ",");
  path->len = 0;
  pl_put_path(path, r, m->step, "/");
  pl_text_char(path, '\0');
  pl_text_csv(text, path->failed ? "" : path->bytes);
  PL_TEXT_LIT(text, ",");
  pl_text_int(text, step->attempt);
  PL_TEXT_LIT(text, ",");
  pl_text_csv(text, pl_text_of(r, m->name));
  PL_TEXT_LIT(text, ",");
  put_exact(text, r, &m->value);
  PL_TEXT_LIT(text, ",");
  pl_text_csv(text, pl_text_of(r, m->unit));
  PL_TEXT_LIT(text, ",");
  put_limits(text, r, m);
  PL_TEXT_LIT(text, ",");
  pl_text_str(text, pl_judged_name(m->verdict));
  PL_TEXT_LIT(text, ",");
  pl_text_csv(text, pl_text_of(r, m->hardware));
  PL_TEXT_LIT(text, ",");
  pl_text_csv(text, hw ? pl_text_of(r, hw->location) : "");
  PL_TEXT_LIT(text, ",");
  char *stamp = pl_text_room(text, PL_STAMP_LEN);
  if (stamp) {
    pl_stamp_write(m->at, stamp);
    text->len += PL_STAMP_LEN;
  }
  PL_TEXT_LIT(text, "\r\n");
}

enum pl_status pl_report_csv(const struct pl_report *r, const char *path, struct pl_err *err)
{
  struct pl_out out;
  enum pl_status status = pl_out_open(&out, path, err);
  if (status)
    return status;
  struct pl_text step_path = {0};
  PL_TEXT_LIT(&out.text, "run,dut,step,attempt,measurement,value,unit,lower,upper,verdict,hardware,location,time\r\n");
  for (size_t i = 0; i < r->measurements.count; i++) {
    put_row(&out.text, &step_path, r, &r->measurements.items[i]);
    pl_out_drain(&out);
  }
  pl_text_free(&step_path);
  return pl_out_close(&out, err);
}
