/* SPDX-License-Identifier: Apache-2.0 */
/* The `interlock:` section of a rig file: its rules, their names and times. */
#include "host/safety/interlock_in.h"

#include <ctype.h>

#define PERIOD_NS (50 * PL_MS)
#define PERIOD_MIN PL_MS
#define WITHIN_NS (100 * PL_MS)

static enum pl_status read_time(const struct pl_conf *conf, const struct pl_node *map, const char *key, pl_time_ns fallback, pl_time_ns *out, struct pl_err *err)
{
  const struct pl_node *node = pl_node_get(map, key);
  int64_t value_us;
  *out = fallback;
  if (!node)
    return PL_OK;
  enum pl_status status = pl_node_want(conf, node, PL_NODE_SCALAR, key, err);
  if (status)
    return status;
  if (pl_quantity_parse(node->text, PL_DIM_TIME, NULL, &value_us, err)) {
    pl_err_prefix(err, "%s:%d: %s", pl_conf_name(conf), node->line, key);
    return PL_E_USAGE;
  }
  if (value_us < 0 || value_us > 3600 * PL_U)
    return pl_node_fail(conf, node, err, "%s of %s, expected 0 to 1 h", key, node->text);
  *out = value_us * 1000;
  return PL_OK;
}

/* `unreadable: trip`, or `ignore-for 500 ms`. */
static enum pl_status read_unreadable(const struct pl_conf *conf, struct pl_il_rule *rule, struct pl_err *err)
{
  static const char IGNORE[] = "ignore-for ";
  const struct pl_node *node = pl_node_get(rule->node, "unreadable");
  int64_t value_us;
  if (!node || (node->kind == PL_NODE_SCALAR && !strcmp(node->text, "trip")))
    return PL_OK;
  enum pl_status status = pl_node_want(conf, node, PL_NODE_SCALAR, "unreadable", err);
  if (status)
    return status;
  if (strncmp(node->text, IGNORE, sizeof IGNORE - 1) != 0)
    return pl_node_fail(conf, node, err, "rule '%s': unreadable: %s, expected `trip` or `ignore-for TIME`: what cannot be seen is not safe", rule->name, node->text);
  if (pl_quantity_parse(node->text + sizeof IGNORE - 1, PL_DIM_TIME, NULL, &value_us, err) || value_us < 0) {
    pl_err_prefix(err, "%s:%d: unreadable", pl_conf_name(conf), node->line);
    return PL_E_USAGE;
  }
  rule->grace = value_us * 1000;
  return PL_OK;
}

static enum pl_status read_text(const struct pl_conf *conf, const struct pl_node *map, const char *key, const char **out, struct pl_err *err)
{
  const struct pl_node *node = pl_node_get(map, key);
  *out = NULL;
  if (!node)
    return PL_OK;
  enum pl_status status = pl_node_want(conf, node, PL_NODE_SCALAR, key, err);
  *out = node->text;
  return status;
}

static enum pl_status read_name(struct pl_interlock_rules *rules, struct pl_il_rule *rule, struct pl_err *err)
{
  const struct pl_conf *conf = rules->rig->conf;
  enum pl_status status = read_text(conf, rule->node, "name", &rule->name, err);
  if (status)
    return status;
  if (!rule->name)
    return pl_node_fail(conf, rule->node, err, "the key 'name' is missing in an interlock rule");
  bool good = *rule->name != '\0';
  for (const char *c = rule->name; *c; c++)
    good &= islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-';
  if (!good || strlen(rule->name) > 40)
    return pl_node_fail(conf, rule->node, err, "the rule name '%s' has other than up to 40 lower-case letters, digits and dashes", rule->name);
  for (size_t i = 0; i < rules->n_rules; i++)
    if (!strcmp(rules->rules[i].name, rule->name))
      return pl_node_fail(conf, rule->node, err, "a second rule '%s', expected another name (first on line %d)", rule->name, rules->rules[i].node->line);
  return PL_OK;
}

static enum pl_status read_rule(struct pl_interlock_rules *rules, const struct pl_node *node, struct pl_err *err)
{
  static const char *const KEYS[] = {"name", "when", "any", "all", "two-of-three", "not", "for", "within", "unreadable", "after", "unless", "do", "because"};
  const struct pl_conf *conf = rules->rig->conf;
  struct pl_il_rule *rule = &rules->rules[rules->n_rules];
  *rule = (struct pl_il_rule){.node = node};
  enum pl_status status = pl_node_want(conf, node, PL_NODE_MAP, "an interlock rule", err);
  if (!status)
    status = pl_node_check_keys(conf, node, "an interlock rule", KEYS, sizeof KEYS / sizeof *KEYS, err);
  if (!status)
    status = read_name(rules, rule, err);
  if (!status)
    status = read_text(conf, node, "because", &rule->because, err);
  if (!status)
    status = read_time(conf, node, "for", 0, &rule->dwell, err);
  if (!status)
    status = read_time(conf, node, "within", WITHIN_NS, &rule->within, err);
  if (!status)
    status = read_unreadable(conf, rule, err);
  if (!status)
    status = pl_il_read_condition(rules, rule, err);
  if (!status)
    status = pl_il_read_do(rules, rule, err);
  rules->n_rules += !status;
  return status;
}

/* --- rules that go by other rules --- */

static enum pl_status link_one(struct pl_interlock_rules *rules, const struct pl_node *node, size_t self, size_t *links, size_t *n, struct pl_err *err)
{
  const char *words[PL_IL_RULES_MAX];
  enum pl_status status = pl_node_want(rules->rig->conf, node, PL_NODE_SCALAR, "a rule's name", err);
  if (status)
    return status;
  for (size_t i = 0; i < rules->n_rules; i++) {
    words[i] = rules->rules[i].name;
    if (strcmp(words[i], node->text) != 0)
      continue;
    if (i == self)
      return pl_node_fail(rules->rig->conf, node, err, "rule '%s' goes by itself, expected another rule", node->text);
    if (*n == PL_IL_LINKS_MAX)
      return pl_node_fail(rules->rig->conf, node, err, "rule '%s' goes by more than %d rules, expected fewer", rules->rules[self].name, PL_IL_LINKS_MAX);
    links[(*n)++] = i;
    return PL_OK;
  }
  return pl_node_unknown(rules->rig->conf, node, "rule", " in `after` or `unless`", words, rules->n_rules, err);
}

static enum pl_status link_rules(struct pl_interlock_rules *rules, size_t self, const char *key, size_t *links, size_t *n, struct pl_err *err)
{
  const struct pl_node *node = pl_node_get(rules->rules[self].node, key);
  enum pl_status status = PL_OK;
  if (node && node->kind == PL_NODE_LIST)
    for (size_t i = 0; i < node->count && !status; i++)
      status = link_one(rules, &node->items[i], self, links, n, err);
  else if (node)
    status = link_one(rules, node, self, links, n, err);
  return status;
}

static enum pl_status read_links(struct pl_interlock_rules *rules, struct pl_err *err)
{
  enum pl_status status = PL_OK;
  for (size_t i = 0; i < rules->n_rules && !status; i++) {
    struct pl_il_rule *rule = &rules->rules[i];
    status = link_rules(rules, i, "after", rule->after, &rule->n_after, err);
    if (!status)
      status = link_rules(rules, i, "unless", rule->unless, &rule->n_unless, err);
  }
  return status;
}

/* --- the section --- */

static enum pl_status read_section(struct pl_interlock_rules *rules, struct pl_err *err)
{
  static const char *const KEYS[] = {"period", "rules"};
  const struct pl_conf *conf = rules->rig->conf;
  const struct pl_node *section = rules->rig->interlock, *list;
  enum pl_status status = pl_node_want(conf, section, PL_NODE_MAP, "interlock", err);
  if (!status)
    status = pl_node_check_keys(conf, section, "interlock", KEYS, 2, err);
  if (!status)
    status = read_time(conf, section, "period", PERIOD_NS, &rules->period, err);
  if (!status && rules->period < PERIOD_MIN)
    status = pl_node_fail(conf, pl_node_get(section, "period"), err, "a period of %s, expected 1 ms or more", pl_node_get(section, "period")->text);
  if (status)
    return status;
  list = pl_node_get(section, "rules");
  if (!list)
    return pl_node_fail(conf, section, err, "the interlock has no rules, expected `rules: [...]`");
  status = pl_node_want(conf, list, PL_NODE_LIST, "rules", err);
  if (!status && (!list->count || list->count > PL_IL_RULES_MAX))
    status = pl_node_fail(conf, list, err, "%zu interlock rules, expected 1 to %d", list->count, PL_IL_RULES_MAX);
  for (size_t i = 0; i < list->count && !status; i++)
    status = read_rule(rules, &list->items[i], err);
  return status ? status : read_links(rules, err);
}

static const struct pl_rig_device *first_own(const struct pl_rig *rig)
{
  for (size_t i = 0; i < rig->n_devices; i++)
    if (rig->devices[i].owner == PL_OWNER_INTERLOCK)
      return &rig->devices[i];
  return NULL;
}

static void collect_buses(struct pl_interlock_rules *rules)
{
  const struct pl_rig *rig = rules->rig;
  for (size_t b = 0; b < rig->n_buses; b++) {
    bool own = false;
    for (size_t i = 0; i < rig->n_devices; i++)
      own |= rig->devices[i].bus == &rig->buses[b] && rig->devices[i].owner == PL_OWNER_INTERLOCK;
    if (own)
      rules->buses[rules->n_buses++].rig = &rig->buses[b];
  }
}

enum pl_status pl_interlock_compile(const struct pl_rig *rig, struct pl_interlock_rules **out, struct pl_err *err)
{
  const struct pl_rig_device *own = first_own(rig);
  *out = NULL;
  if (!rig->interlock && own)
    return pl_fail(err, PL_E_USAGE, "%s:%d: device '%s' is the interlock's, and the rig has no interlock rules, expected an `interlock:` section that uses it", rig->path,
                   own->line, own->name);
  enum pl_status status = pl_rig_check_owners(rig, err);
  if (status || !rig->interlock)
    return status;
  struct pl_interlock_rules *rules = calloc(1, sizeof *rules);
  struct pl_il_bus *buses = calloc(rig->n_buses + 1, sizeof *buses);
  if (!rules || !buses) {
    free(rules);
    free(buses);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the interlock's rules");
  }
  rules->rig = rig;
  rules->buses = buses;
  collect_buses(rules);
  status = read_section(rules, err);
  if (!status) {
    pl_il_time_buses(rules);
    status = pl_il_check(rules, err);
  }
  if (status)
    pl_interlock_rules_free(rules);
  else
    *out = rules;
  return status;
}

void pl_interlock_rules_free(struct pl_interlock_rules *rules)
{
  if (rules)
    free(rules->buses);
  free(rules);
}

size_t pl_interlock_count(const struct pl_interlock_rules *rules)
{
  return rules ? rules->n_rules : 0;
}

const char *pl_interlock_name(const struct pl_interlock_rules *rules, size_t rule)
{
  return rules->rules[rule].name;
}

pl_time_ns pl_interlock_limit(const struct pl_interlock_rules *rules, size_t rule)
{
  return rules->rules[rule].dwell + rules->rules[rule].within;
}

int pl_interlock_find(const struct pl_interlock_rules *rules, const char *name, struct pl_err *err)
{
  const char *words[PL_IL_RULES_MAX];
  char list[300] = "";
  size_t n = pl_interlock_count(rules), used = 0;
  for (size_t i = 0; i < n; i++) {
    words[i] = rules->rules[i].name;
    if (!strcmp(words[i], name))
      return (int)i;
    if (used + 48 < sizeof list)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
  }
  const char *close = pl_closest(name, words, n);
  if (close)
    pl_fail(err, PL_E_USAGE, "the interlock has no rule '%s', did you mean '%s'?", name, close);
  else
    pl_fail(err, PL_E_USAGE, "the interlock has no rule '%s'; it has %s", name, *list ? list : "none");
  return -1;
}
