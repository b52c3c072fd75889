/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of a rule ("trip-pressure.pressure > 350 kPa", any, all, two-of-three) and what it does ("kill-1.open = true"), with the rig's words. */
#include "host/safety/interlock_in.h"

#include <ctype.h>

#define WORD_MAX 160

struct reader {
  struct pl_interlock_rules *rules;
  struct pl_il_rule *rule;
  struct pl_err *err;
};

static const struct pl_conf *conf_of(const struct reader *r)
{
  return r->rules->rig->conf;
}

/* Copies text[0..len) without the blanks around it; false: it is empty or too long. */
static bool trimmed(const char *text, size_t len, char *out, size_t size)
{
  while (len && isspace((unsigned char)*text)) {
    text++;
    len--;
  }
  while (len && isspace((unsigned char)text[len - 1]))
    len--;
  if (!len || len >= size)
    return false;
  memcpy(out, text, len);
  out[len] = '\0';
  return true;
}

/* --- DEVICE.QUANTITY --- */

static enum pl_status unknown_device(const struct reader *r, const struct pl_node *node, const char *name)
{
  const struct pl_rig *rig = r->rules->rig;
  const char *words[256];
  size_t count = 0;
  for (int own = 1; own >= 0; own--) /* its own first: they are what is meant */
    for (size_t i = 0; i < rig->n_devices && count < 256; i++)
      if ((rig->devices[i].owner == PL_OWNER_INTERLOCK) == own)
        words[count++] = rig->devices[i].name;
  const struct pl_node at = {.line = node->line, .text = name};
  return pl_node_unknown(conf_of(r), &at, "device", " in an interlock rule", words, count, r->err);
}

static enum pl_status not_its_own(const struct reader *r, const struct pl_node *node, const struct pl_rig_device *device, bool output)
{
  return pl_node_fail(conf_of(r), node, r->err,
                      "rule '%s': device '%s' is the %s's, expected one of `owner: interlock` on a bus of its own: what the interlock %s must not pass through "
                      "anything that can be held up",
                      r->rule->name, device->name, pl_owner_name(device->owner), output ? "sets" : "sees");
}

static enum pl_status find_quantity(const struct reader *r, const struct pl_node *node, const char *word, unsigned access, const struct pl_rig_device **device,
                                    const struct pl_quantity **quantity)
{
  char name[WORD_MAX];
  const char *dot = strchr(word, '.');
  if (!dot || !trimmed(word, (size_t)(dot - word), name, sizeof name))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' is no DEVICE.QUANTITY, expected one such as trip-leak-1.wet", r->rule->name, word);
  *device = pl_rig_device(r->rules->rig, name);
  if (!*device)
    return unknown_device(r, node, name);
  if ((*device)->owner != PL_OWNER_INTERLOCK)
    return not_its_own(r, node, *device, access == PL_SET);
  *quantity = pl_shape_find(&(*device)->shape, dot + 1);
  if (*quantity && (*quantity)->access & access)
    return PL_OK;
  const char *words[64];
  size_t count = 0;
  for (size_t i = 0; i < (*device)->shape.count && count < 64; i++)
    if ((*device)->shape.quantities[i].access & access)
      words[count++] = (*device)->shape.quantities[i].name;
  if (*quantity)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' of device '%s' cannot be %s", r->rule->name, dot + 1, name,
                        access == PL_SET ? "set, expected an output" : "read, expected a signal");
  char where[WORD_MAX + 32];
  snprintf(where, sizeof where, " of device '%s'", name);
  const struct pl_node at = {.line = node->line, .text = dot + 1};
  return pl_node_unknown(conf_of(r), &at, "quantity", where, words, count, r->err);
}

static size_t bus_index(struct pl_interlock_rules *rules, const struct pl_rig_bus *bus)
{
  size_t i = 0;
  while (rules->buses[i].rig != bus) /* every bus of an interlock's device is there */
    i++;
  return i;
}

static enum pl_status add_signal(struct reader *r, const struct pl_node *node, const char *word, size_t *index)
{
  struct pl_il_signal signal = {0};
  struct pl_interlock_rules *rules = r->rules;
  enum pl_status status = find_quantity(r, node, word, PL_GET, &signal.device, &signal.quantity);
  if (status)
    return status;
  for (*index = 0; *index < rules->n_signals; (*index)++)
    if (rules->signals[*index].device == signal.device && rules->signals[*index].quantity == signal.quantity)
      return PL_OK;
  if (rules->n_signals == PL_IL_SIGNALS_MAX)
    return pl_node_fail(conf_of(r), node, r->err, "more than %d signals, expected fewer", PL_IL_SIGNALS_MAX);
  signal.bus = bus_index(rules, signal.device->bus);
  rules->buses[signal.bus].signals++;
  rules->signals[rules->n_signals++] = signal;
  return PL_OK;
}

/* --- conditions --- */

static enum pl_status add_node(struct reader *r, const struct pl_node *node, struct pl_il_node made, struct pl_il_node **out)
{
  struct pl_il_rule *rule = r->rule;
  if (rule->n_nodes == PL_IL_NODES_MAX)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': its condition has more than %d parts; make two rules of it", rule->name, PL_IL_NODES_MAX);
  made.line = node->line;
  made.end = rule->n_nodes + 1;
  *out = &rule->nodes[rule->n_nodes++];
  **out = made;
  return PL_OK;
}

static const char *find_cmp(const char *text, enum pl_il_cmp *cmp, size_t *len)
{
  static const struct {
    const char *text;
    enum pl_il_cmp cmp;
  } OPS[] = {{">=", PL_IL_GE}, {"<=", PL_IL_LE}, {"!=", PL_IL_NE}, {"==", PL_IL_EQ}, {">", PL_IL_GT}, {"<", PL_IL_LT}, {"=", PL_IL_EQ}};
  for (; *text; text++)
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++)
      if (!strncmp(text, OPS[i].text, strlen(OPS[i].text))) {
        *cmp = OPS[i].cmp;
        *len = strlen(OPS[i].text);
        return text;
      }
  return NULL;
}

static enum pl_status fail_value(const struct reader *r, const struct pl_node *node)
{
  pl_err_prefix(r->err, "%s:%d: rule '%s'", pl_conf_name(conf_of(r)), node->line, r->rule->name);
  return r->err ? (r->err->status = PL_E_USAGE) : PL_E_USAGE;
}

static enum pl_status read_compare(struct reader *r, const struct pl_node *node, const char *text)
{
  struct pl_il_node made = {.op = PL_IL_FLAG}, *added;
  char word[WORD_MAX], value[WORD_MAX] = "";
  size_t len = 0;
  const char *at = find_cmp(text, &made.cmp, &len);
  if (!trimmed(text, at ? (size_t)(at - text) : strlen(text), word, sizeof word) || (at && !trimmed(at + len, strlen(at + len), value, sizeof value)))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' is no condition, expected DEVICE.QUANTITY or DEVICE.QUANTITY > VALUE", r->rule->name, text);
  enum pl_status status = add_signal(r, node, word, &made.signal);
  if (status)
    return status;
  enum pl_dim dim = r->rules->signals[made.signal].quantity->dim;
  if (!at && dim != PL_DIM_FLAG)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' is a %s, expected a comparison with a value: %s > 5 %s", r->rule->name, word,
                        pl_dim_name(dim), word, pl_dim_base_unit(dim));
  if (at) {
    made.op = PL_IL_COMPARE;
    if (pl_quantity_parse(value, dim, NULL, &made.limit_u, r->err))
      return fail_value(r, node);
    if (dim == PL_DIM_FLAG && made.cmp != PL_IL_EQ && made.cmp != PL_IL_NE)
      return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' is a flag, which is neither more nor less; write it alone or with `not`", r->rule->name, word);
  }
  return add_node(r, node, made, &added);
}

static enum pl_status read_scalar(struct reader *r, const struct pl_node *node)
{
  const char *text = node->text;
  while (isspace((unsigned char)*text))
    text++;
  if (strncmp(text, "not ", 4) != 0)
    return read_compare(r, node, text);
  struct pl_il_node *made;
  enum pl_status status = add_node(r, node, (struct pl_il_node){.op = PL_IL_NOT}, &made);
  if (!status)
    status = read_compare(r, node, text + 4);
  if (!status)
    made->end = r->rule->n_nodes;
  return status;
}

static enum pl_status read_any(struct reader *r, const struct pl_node *node, int depth);

/* least 0: all of them. */
static enum pl_status read_votes(struct reader *r, const struct pl_node *list, unsigned least, int depth)
{
  struct pl_il_node *made;
  enum pl_status status = pl_node_want(conf_of(r), list, PL_NODE_LIST, "a list of conditions", r->err);
  if (status)
    return status;
  if (list->count < 2 || least > list->count)
    return pl_node_fail(conf_of(r), list, r->err, "rule '%s': %zu conditions in a list, expected at least %u", r->rule->name, list->count, least < 2 ? 2 : least);
  status = add_node(r, list, (struct pl_il_node){.op = PL_IL_AT_LEAST, .least = least ? least : (unsigned)list->count, .count = (unsigned)list->count}, &made);
  for (size_t i = 0; i < list->count && !status; i++)
    status = read_any(r, &list->items[i], depth + 1);
  if (!status)
    made->end = r->rule->n_nodes;
  return status;
}

static enum pl_status read_not(struct reader *r, const struct pl_node *node, int depth)
{
  struct pl_il_node *made;
  enum pl_status status = add_node(r, node, (struct pl_il_node){.op = PL_IL_NOT}, &made);
  if (!status)
    status = read_any(r, node, depth + 1);
  if (!status)
    made->end = r->rule->n_nodes;
  return status;
}

static const char *const VOTES[] = {"any", "all", "two-of-three", "not"};
#define N_VOTES (sizeof VOTES / sizeof *VOTES)

/* One of the words of VOTES with its operands. */
static enum pl_status read_word(struct reader *r, const struct pl_node *node, int depth)
{
  if (!strcmp(node->key, "not"))
    return read_not(r, node, depth);
  if (!strcmp(node->key, "two-of-three") && (node->kind != PL_NODE_LIST || node->count != 3))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': two-of-three has %zu conditions, expected a list of three", r->rule->name, node->count);
  return read_votes(r, node, !strcmp(node->key, "any") ? 1 : !strcmp(node->key, "all") ? 0 : 2, depth);
}

static enum pl_status read_any(struct reader *r, const struct pl_node *node, int depth)
{
  if (depth > PL_IL_DEPTH_MAX)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': its condition is nested too deeply; make two rules of it", r->rule->name);
  if (node->kind == PL_NODE_SCALAR)
    return read_scalar(r, node);
  enum pl_status status = pl_node_want(conf_of(r), node, PL_NODE_MAP, "a condition", r->err);
  if (!status)
    status = pl_node_check_keys(conf_of(r), node, "a condition", VOTES, N_VOTES, r->err);
  if (!status && node->count != 1)
    status = pl_node_fail(conf_of(r), node, r->err, "rule '%s': %zu words in one condition, expected one of any, all, two-of-three, not", r->rule->name, node->count);
  return status ? status : read_word(r, &node->items[0], depth);
}

enum pl_status pl_il_read_condition(struct pl_interlock_rules *rules, struct pl_il_rule *rule, struct pl_err *err)
{
  struct reader r = {rules, rule, err};
  const struct pl_node *found = pl_node_get(rule->node, "when"), *first = found;
  for (size_t i = 0; i < N_VOTES; i++) {
    const struct pl_node *other = pl_node_get(rule->node, VOTES[i]);
    if (found && other)
      return pl_node_fail(rules->rig->conf, other, err, "rule '%s' has both `%s` and `%s`, expected one condition", rule->name, found->key, other->key);
    found = other ? other : found;
  }
  if (!found)
    return pl_node_fail(rules->rig->conf, rule->node, err, "rule '%s' has no condition, expected `when:` (or any, all, two-of-three)", rule->name);
  return first ? read_any(&r, first, 0) : read_word(&r, found, 0);
}

/* --- what it does --- */

static enum pl_status check_value(const struct reader *r, const struct pl_node *node, const struct pl_il_output *output)
{
  const struct pl_quantity *q = output->quantity;
  char min[48], max[48], set[48];
  if ((q->min_u || q->max_u) && (output->value_u < q->min_u || output->value_u > q->max_u))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' of device '%s' takes %s to %s", r->rule->name, q->name, output->device->name,
                        pl_quantity_format(q->dim, q->min_u, min, sizeof min), pl_quantity_format(q->dim, q->max_u, max, sizeof max));
  if (!(q->access & PL_GET))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' of device '%s' cannot be read back, expected an output that can: nobody would know whether it was set",
                        r->rule->name, q->name, output->device->name);
  pl_quantity_format(q->dim, output->value_u, set, sizeof set);
  for (size_t i = 0; i < output->device->n_safe; i++)
    if (output->device->safe[i].quantity == q) {
      if (output->device->safe[i].value_u == output->value_u)
        return PL_OK;
      return pl_node_fail(conf_of(r), node, r->err, "rule '%s' sets '%s' of device '%s' to %s, and its safe value is %s (line %d), expected the same", r->rule->name,
                          q->name, output->device->name, set, pl_quantity_format(q->dim, output->device->safe[i].value_u, min, sizeof min), output->device->line);
    }
  return pl_node_fail(conf_of(r), node, r->err, "rule '%s' sets '%s' of device '%s', which has no safe value, expected at the device (line %d): safe: {%s: %s}",
                      r->rule->name, q->name, output->device->name, output->device->line, q->name, set);
}

/* One output has one value, whichever rule trips. */
static enum pl_status add_output(struct reader *r, const struct pl_node *node, struct pl_il_output output)
{
  struct pl_interlock_rules *rules = r->rules;
  char a[48], b[48];
  size_t i = 0;
  for (; i < rules->n_outputs; i++)
    if (rules->outputs[i].device == output.device && rules->outputs[i].quantity == output.quantity)
      break;
  if (i < rules->n_outputs && rules->outputs[i].value_u != output.value_u)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s' sets '%s' of device '%s' to %s and rule '%s' (line %d) sets it to %s: they contradict each other",
                        r->rule->name, output.quantity->name, output.device->name, pl_quantity_format(output.quantity->dim, output.value_u, a, sizeof a),
                        rules->rules[rules->outputs[i].rule].name, rules->outputs[i].line,
                        pl_quantity_format(output.quantity->dim, rules->outputs[i].value_u, b, sizeof b));
  enum pl_status status = check_value(r, node, &output);
  if (status)
    return status;
  if (i == PL_IL_OUTPUTS_MAX || r->rule->n_outputs == PL_IL_DO_MAX)
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': more than %d outputs of a rule, or %d of all", r->rule->name, PL_IL_DO_MAX, PL_IL_OUTPUTS_MAX);
  if (i == rules->n_outputs) {
    output.bus = bus_index(rules, output.device->bus);
    rules->outputs[rules->n_outputs++] = output;
  }
  r->rule->outputs[r->rule->n_outputs++] = i;
  return PL_OK;
}

static enum pl_status read_output(struct reader *r, const struct pl_node *node)
{
  struct pl_il_output output = {.rule = (size_t)(r->rule - r->rules->rules), .line = node->line};
  char word[WORD_MAX], value[WORD_MAX];
  enum pl_status status = pl_node_want(conf_of(r), node, PL_NODE_SCALAR, "an output", r->err);
  if (status)
    return status;
  const char *at = strchr(node->text, '=');
  if (!at || !trimmed(node->text, (size_t)(at - node->text), word, sizeof word) || !trimmed(at + 1, strlen(at + 1), value, sizeof value))
    return pl_node_fail(conf_of(r), node, r->err, "rule '%s': '%s' sets nothing, expected DEVICE.QUANTITY=VALUE", r->rule->name, node->text);
  status = find_quantity(r, node, word, PL_SET, &output.device, &output.quantity);
  if (!status && pl_quantity_parse(value, output.quantity->dim, NULL, &output.value_u, r->err))
    status = fail_value(r, node);
  return status ? status : add_output(r, node, output);
}

enum pl_status pl_il_read_do(struct pl_interlock_rules *rules, struct pl_il_rule *rule, struct pl_err *err)
{
  struct reader r = {rules, rule, err};
  const struct pl_node *list = pl_node_get(rule->node, "do");
  if (!list || (list->kind == PL_NODE_LIST && !list->count))
    return pl_node_fail(rules->rig->conf, list ? list : rule->node, err, "rule '%s' does nothing, expected `do: [DEVICE.QUANTITY=VALUE]`: an unsafe reading without a "
                        "reaction is a measurement, not an interlock", rule->name);
  if (list->kind == PL_NODE_SCALAR)
    return read_output(&r, list);
  enum pl_status status = pl_node_want(rules->rig->conf, list, PL_NODE_LIST, "do", err);
  for (size_t i = 0; i < list->count && !status; i++)
    status = read_output(&r, &list->items[i]);
  return status;
}
