/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan check refuses, for a person and as JSON. */
#include "host/cli/session.h"

#include "host/safety/plan.h"

static double seconds(const struct pl_plan_check_finding *finding)
{
  return (double)finding->at / (double)PL_S;
}

void pl_refusals_print(FILE *out, const char *path, const struct pl_plan_check *plan)
{
  for (size_t i = 0; plan && i < pl_plan_check_count(plan); i++) {
    const struct pl_plan_check_finding *finding = pl_plan_check_get(plan, i);
    fprintf(out, "%s", path);
    if (finding->line) /* else it is the rack's own, before the sequence wrote anything */
      fprintf(out, ":%d", finding->line);
    fprintf(out, ": %s: %s", finding->rule, finding->text);
    if (finding->more)
      fprintf(out, "; and %u more %s", finding->more, finding->more == 1 ? "part" : "parts");
    if (*finding->wrote)
      fprintf(out, " [%s", finding->wrote);
    if (*finding->wrote && finding->other)
      fprintf(out, ", after %s at line %d", finding->other_wrote, finding->other);
    fprintf(out, "%s\n", *finding->wrote ? "]" : "");
  }
}

static void put_text(FILE *out, const char *name, const char *text)
{
  fprintf(out, ",\"%s\":", name);
  pl_cli_json_text(out, text);
}

void pl_refusals_json(FILE *out, const struct pl_plan_check *plan)
{
  fputc('[', out);
  for (size_t i = 0; plan && i < pl_plan_check_count(plan); i++) {
    const struct pl_plan_check_finding *finding = pl_plan_check_get(plan, i);
    fprintf(out, "%s{\"line\":%d,\"rule\":\"%s\"", i ? "," : "", finding->line, finding->rule);
    put_text(out, "part", finding->part);
    put_text(out, "text", finding->text);
    put_text(out, "wrote", finding->wrote);
    if (finding->other) {
      fprintf(out, ",\"after_line\":%d", finding->other);
      put_text(out, "after", finding->other_wrote);
    }
    fprintf(out, ",\"more_parts\":%u,\"at_s\":%.3f}", finding->more, seconds(finding));
  }
  fputc(']', out);
}
