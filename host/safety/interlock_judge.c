/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a condition holds, in three values: what cannot be read is neither safe nor unsafe, and counts where it could decide. And rules in words. */
#include "host/safety/interlock_in.h"

#include <stdarg.h>

/* --- judging --- */

static bool compare(enum pl_il_cmp cmp, int64_t value, int64_t limit)
{
  switch (cmp) {
  case PL_IL_GT: return value > limit;
  case PL_IL_GE: return value >= limit;
  case PL_IL_LT: return value < limit;
  case PL_IL_LE: return value <= limit;
  case PL_IL_EQ: return value == limit;
  case PL_IL_NE: return value != limit;
  }
  return true;
}

static struct pl_il_verdict judge_signal(const struct pl_il_node *node, const struct pl_il_reading *readings)
{
  const struct pl_il_reading *reading = &readings[node->signal];
  bool holds = node->op == PL_IL_FLAG ? reading->value_u != 0 : compare(node->cmp, reading->value_u, node->limit_u);
  return (struct pl_il_verdict){reading->status ? PL_IL_UNKNOWN : holds ? PL_IL_UNSAFE : PL_IL_SAFE, node->signal};
}

static struct pl_il_verdict judge(const struct pl_il_rule *rule, size_t at, const struct pl_il_reading *readings);

/* Enough hold: it holds. Enough would hold if those that cannot be read did: unknown. */
static struct pl_il_verdict judge_votes(const struct pl_il_rule *rule, size_t at, const struct pl_il_reading *readings)
{
  const struct pl_il_node *node = &rule->nodes[at];
  unsigned votes[3] = {0};
  size_t first[3] = {0};
  for (size_t child = at + 1; child < node->end; child = rule->nodes[child].end) {
    struct pl_il_verdict each = judge(rule, child, readings);
    if (!votes[each.truth]++)
      first[each.truth] = each.signal;
  }
  enum pl_il_truth truth = votes[PL_IL_UNSAFE] >= node->least                        ? PL_IL_UNSAFE
                           : votes[PL_IL_UNSAFE] + votes[PL_IL_UNKNOWN] >= node->least ? PL_IL_UNKNOWN
                                                                                     : PL_IL_SAFE;
  return (struct pl_il_verdict){truth, first[truth]};
}

static struct pl_il_verdict judge(const struct pl_il_rule *rule, size_t at, const struct pl_il_reading *readings)
{
  const struct pl_il_node *node = &rule->nodes[at];
  if (node->op == PL_IL_AT_LEAST)
    return judge_votes(rule, at, readings);
  if (node->op != PL_IL_NOT)
    return judge_signal(node, readings);
  struct pl_il_verdict other = judge(rule, at + 1, readings);
  if (other.truth != PL_IL_UNKNOWN)
    other.truth = other.truth == PL_IL_SAFE ? PL_IL_UNSAFE : PL_IL_SAFE;
  return other;
}

struct pl_il_verdict pl_il_judge(const struct pl_il_rule *rule, const struct pl_il_reading *readings)
{
  return judge(rule, 0, readings);
}

/* --- words --- */

struct writer {
  char *out;
  size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct writer *w, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  if (w->used < w->size) {
    int n = vsnprintf(w->out + w->used, w->size - w->used, format, args);
    w->used += n > 0 ? (size_t)n : 0;
  }
  va_end(args);
}

static void say_node(struct writer *w, const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, size_t at)
{
  static const char *const CMPS[] = {[PL_IL_GT] = ">", [PL_IL_GE] = ">=", [PL_IL_LT] = "<", [PL_IL_LE] = "<=", [PL_IL_EQ] = "==", [PL_IL_NE] = "!="};
  const struct pl_il_node *node = &rule->nodes[at];
  char value[48];
  if (node->op == PL_IL_NOT) {
    say(w, "not ");
    say_node(w, rules, rule, at + 1);
    return;
  }
  if (node->op == PL_IL_AT_LEAST) {
    const char *glue = node->least == 1 ? " or " : node->least == node->count ? " and " : ", ";
    say(w, node->least > 1 && node->least < node->count ? "%u of (" : "(", node->least);
    for (size_t child = at + 1; child < node->end; child = rule->nodes[child].end) {
      say(w, "%s", child > at + 1 ? glue : "");
      say_node(w, rules, rule, child);
    }
    say(w, ")");
    return;
  }
  const struct pl_il_signal *signal = &rules->signals[node->signal];
  say(w, "%s.%s", signal->device->name, signal->quantity->name);
  if (node->op == PL_IL_COMPARE)
    say(w, " %s %s", CMPS[node->cmp], pl_quantity_format(signal->quantity->dim, node->limit_u, value, sizeof value));
}

char *pl_il_condition_text(const struct pl_interlock_rules *rules, const struct pl_il_rule *rule, char *out, size_t size)
{
  struct writer w = {out, size, 0};
  *out = '\0';
  say_node(&w, rules, rule, 0);
  return out;
}

static void say_links(struct writer *w, const struct pl_interlock_rules *rules, const char *word, const size_t *links, size_t n)
{
  for (size_t i = 0; i < n; i++)
    say(w, "%s%s", i ? ", " : word, rules->rules[links[i]].name);
  say(w, "%s", n ? ", " : "");
}

char *pl_interlock_text(const struct pl_interlock_rules *rules, size_t index, char *out, size_t size)
{
  const struct pl_il_rule *rule = &rules->rules[index];
  struct writer w = {out, size, 0};
  char time[48];
  *out = '\0';
  say_links(&w, rules, "after ", rule->after, rule->n_after);
  say_links(&w, rules, "unless ", rule->unless, rule->n_unless);
  say(&w, "when ");
  say_node(&w, rules, rule, 0);
  if (rule->dwell)
    say(&w, " for %s", pl_quantity_format(PL_DIM_TIME, rule->dwell / PL_US, time, sizeof time));
  say(&w, ", within %s:", pl_quantity_format(PL_DIM_TIME, rule->within / PL_US, time, sizeof time));
  for (size_t i = 0; i < rule->n_outputs; i++) {
    const struct pl_il_output *output = &rules->outputs[rule->outputs[i]];
    const char *set = output->quantity->dim == PL_DIM_FLAG ? (output->value_u ? "true" : "false") : pl_quantity_format(output->quantity->dim, output->value_u, time, sizeof time);
    say(&w, "%s %s.%s = %s", i ? "," : "", output->device->name, output->quantity->name, set);
  }
  if (rule->because)
    say(&w, " (%s)", rule->because);
  return out;
}
