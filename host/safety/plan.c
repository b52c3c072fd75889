/* SPDX-License-Identifier: Apache-2.0 */
#include "host/safety/plan.h"

#include <stdlib.h>
#include <string.h>

#define WRITES_MAX 4096  /* older ones are forgotten: what a sequence did thousands of writes ago is not what made a hazard now */
#define FINDINGS_MAX 64
#define ALLOWED_MAX 16
#define ACTED_MAX 64
#define PARTS_MAX 32 /* that one line endangers */
#define PROMPT (2 * PL_S) /* what a write brings about at once; later it may be the fault's own doing */

/* Which part of a rack a write acts on. */
enum side { WATER = 1, POWER = 2, SLOT = 4, HAND = 8, FAULT = 16, ANY = 31 };

static const struct pl_plan_check_rule RULES[] = {
    {"dead-head", "a pump turns against a closed path, or with less flow than it needs"},
    {"dry-run", "a pump turns without coolant"},
    {"live-unmate", "a connector is opened while its slot is on, carries current or still holds a voltage"},
    {"below-n", "the supplies that are left cannot carry what the rack takes"},
    {"redundancy", "a second supply is taken while one is lost"},
    {"rating", "a part or device gets more than it is rated for"},
    {"uncooled", "heat goes into coolant that does not flow enough for it"},
    {"interlock-trip", "an interlock rule of the rig trips"},
    {"left", "an output without a safe value is not put back"},
};
/* What can make it so (`first`), and what sets the scene for it (`second`; 0: nothing else is needed). */
static const struct cause {
  const char *rule;
  unsigned first, second;
  bool supposed; /* counts too when something is broken from the start */
} CAUSES[] = {
    {"dead-head", WATER | HAND | FAULT, 0, false},
    {"dry-run", WATER | FAULT, 0, false},
    {"live-unmate", HAND | SLOT, 0, true},
    {"below-n", POWER | SLOT | FAULT, POWER | FAULT, true},
    {"redundancy", POWER | FAULT, POWER | FAULT, true},
    {"rating", ANY, 0, false},
    {"uncooled", ANY, WATER | FAULT, true},
};

static const struct {
  const char *role;
  unsigned side;
} SIDES[] = {{"supply", POWER}, {"hot-swap", SLOT}, {"connector", SLOT}, {"load", SLOT}, {"coolant", WATER}, {"leak-valve", WATER}, {"valve", WATER}};

/* Writes that cannot be the cause: they take energy away, stop what must not run, or only show something. NULL: of any role, for any rule. */
enum when { ALWAYS, WHEN_OFF, WHEN_ON };
static const struct {
  const char *quantity, *role, *rule;
  enum when when;
} HARMLESS[] = {
    {"attention", NULL, NULL, ALWAYS},
    {"clear-faults", NULL, NULL, ALWAYS},
    {"clear-peaks", NULL, NULL, ALWAYS},
    {"load", NULL, NULL, WHEN_OFF},
    {"open", "leak-valve", NULL, WHEN_OFF},
    {"on", "hot-swap", NULL, WHEN_OFF},
    {"power-enable", NULL, NULL, WHEN_OFF},
    {"reset", NULL, NULL, WHEN_ON},
    {"on", "supply", NULL, WHEN_ON},
    {"stop", NULL, "dead-head", WHEN_ON},
    {"stop", NULL, "dry-run", WHEN_ON},
    {"stop", NULL, "uncooled", WHEN_OFF},
};
/* Outputs that may be left as they are: lamps. */
static const char *const LAMPS[] = {"attention"};

struct write {
  int line;
  pl_time_ns at;
  unsigned side;
  const struct pl_rig_device *device;
  const struct pl_quantity *quantity;
  int64_t value_u;
  char what[72]; /* an act or a fault; "" for a device's quantity, whose words are made when they are wanted */
};

struct found {
  struct pl_plan_check_finding as;
  char text[480], wrote[96], other_wrote[96];
  const char *parts[PARTS_MAX]; /* the rig's */
  size_t n_parts;
};

struct pl_plan_check {
  const struct pl_rig *rig;
  struct write *writes;
  size_t n_writes, first; /* a ring: `first` is the oldest */
  struct found found[FINDINGS_MAX];
  const struct pl_plan_check_finding *order[FINDINGS_MAX];
  size_t n_found;
  const struct pl_plan_check_rule *allowed[ALLOWED_MAX];
  size_t n_allowed;
  const struct pl_rig_part *acted[ACTED_MAX];
  size_t n_acted;
  char supposed[128]; /* "": nothing is broken */
};

const struct pl_plan_check_rule *pl_plan_check_rules(size_t *count)
{
  *count = sizeof RULES / sizeof *RULES;
  return RULES;
}

enum pl_status pl_plan_check_new(const struct pl_rig *rig, struct pl_plan_check **out, struct pl_err *err)
{
  struct pl_plan_check *plan = calloc(1, sizeof *plan);
  if (!plan || !(plan->writes = calloc(WRITES_MAX, sizeof *plan->writes))) {
    free(plan);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the plan check");
  }
  plan->rig = rig;
  *out = plan;
  return PL_OK;
}

void pl_plan_check_free(struct pl_plan_check *plan)
{
  if (plan)
    free(plan->writes);
  free(plan);
}

void pl_plan_check_suppose(struct pl_plan_check *plan, const char *fault)
{
  plan->n_writes = plan->first = 0;
  snprintf(plan->supposed, sizeof plan->supposed, "%s", fault);
}

bool pl_plan_check_was_acted(const struct pl_plan_check *plan, const char *part)
{
  for (size_t i = 0; i < plan->n_acted; i++)
    if (!strcmp(plan->acted[i]->name, part))
      return true;
  return false;
}

/* --- writes --- */

static struct write *add(struct pl_plan_check *plan, int line, pl_time_ns at, unsigned side)
{
  size_t slot = (plan->first + plan->n_writes) % WRITES_MAX;
  if (plan->n_writes == WRITES_MAX)
    plan->first = (plan->first + 1) % WRITES_MAX;
  else
    plan->n_writes++;
  plan->writes[slot] = (struct write){.line = line, .at = at, .side = side};
  return &plan->writes[slot];
}

static unsigned side_of(const struct pl_rig_device *device)
{
  for (size_t i = 0; device->role && i < sizeof SIDES / sizeof *SIDES; i++)
    if (!strcmp(SIDES[i].role, device->role))
      return SIDES[i].side;
  return ANY;
}

void pl_plan_check_wrote(struct pl_plan_check *plan, int line, pl_time_ns at, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t value_u)
{
  struct write *write = add(plan, line, at, side_of(device));
  write->device = device;
  write->quantity = quantity;
  write->value_u = value_u;
}

void pl_plan_check_acted(struct pl_plan_check *plan, int line, pl_time_ns at, const struct pl_rig_part *part, const char *verb)
{
  struct write *write = add(plan, line, at, HAND);
  snprintf(write->what, sizeof write->what, "%s %s", verb, part->name);
  if (plan->n_acted < ACTED_MAX && !pl_plan_check_was_acted(plan, part->name))
    plan->acted[plan->n_acted++] = part;
}

void pl_plan_check_planted(struct pl_plan_check *plan, int line, pl_time_ns at, const char *spec)
{
  struct write *write = add(plan, line, at, FAULT);
  snprintf(write->what, sizeof write->what, "fault %.60s", spec);
}

static char *words_of(const struct write *write, char *out, size_t size)
{
  char value[48];
  if (*write->what)
    snprintf(out, size, "%s", write->what);
  else if (write->quantity->access & PL_ACT)
    snprintf(out, size, "%s.%s", write->device->name, write->quantity->name);
  else
    snprintf(out, size, "%s.%s = %s", write->device->name, write->quantity->name, pl_quantity_format(write->quantity->dim, write->value_u, value, sizeof value));
  return out;
}

/* --- whose doing it was --- */

static bool same_or_any(const char *wanted, const char *is)
{
  return !wanted || (is && !strcmp(wanted, is));
}

static bool harmless(const struct write *write, const char *rule)
{
  for (size_t i = 0; write->quantity && i < sizeof HARMLESS / sizeof *HARMLESS; i++)
    if (!strcmp(HARMLESS[i].quantity, write->quantity->name) && same_or_any(HARMLESS[i].role, write->device->role) && same_or_any(HARMLESS[i].rule, rule) &&
        (HARMLESS[i].when == ALWAYS || (HARMLESS[i].when == WHEN_ON) == (write->value_u != 0)))
      return true;
  return false;
}

/* The last write before the hazard that acts on one of `sides`; but: another line than that. */
static const struct write *last_before(const struct pl_plan_check *plan, const struct pl_hazard *hazard, unsigned sides, const struct write *but)
{
  for (size_t i = plan->n_writes; i-- > 0;) {
    const struct write *write = &plan->writes[(plan->first + i) % WRITES_MAX];
    if (write->at <= hazard->at && (write->side & sides) && !harmless(write, hazard->rule) && (!but || write->line != but->line))
      return write;
  }
  return NULL;
}

static const struct cause *cause_of(const char *rule)
{
  static const struct cause UNKNOWN = {.first = ANY};
  for (size_t i = 0; i < sizeof CAUSES / sizeof *CAUSES; i++)
    if (!strcmp(CAUSES[i].rule, rule))
      return &CAUSES[i];
  return &UNKNOWN;
}

/* --- findings --- */

static const struct pl_plan_check_rule *rule_of(const char *name)
{
  for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
    if (!strcmp(RULES[i].name, name))
      return &RULES[i];
  return NULL;
}

enum pl_status pl_plan_check_allow(struct pl_plan_check *plan, const char *rule, const char *why, struct pl_err *err)
{
  const struct pl_plan_check_rule *known = rule_of(rule);
  const char *words[sizeof RULES / sizeof *RULES];
  for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
    words[i] = RULES[i].name;
  const char *close = pl_closest(rule, words, sizeof RULES / sizeof *RULES);
  if (!known && close)
    return pl_fail(err, PL_E_USAGE, "there is no hazard '%s', did you mean '%s'?", rule, close);
  if (!known)
    return pl_fail(err, PL_E_USAGE, "there is no hazard '%s'; docs/safety.md has the list", rule);
  if (!*why)
    return pl_fail(err, PL_E_USAGE, "the hazard '%s' is allowed without a reason: allow_hazard(\"%s\", \"why\")", rule, rule);
  if (plan && plan->n_allowed < ALLOWED_MAX)
    plan->allowed[plan->n_allowed++] = known;
  return PL_OK;
}

static bool is_allowed(const struct pl_plan_check *plan, const char *rule)
{
  for (size_t i = 0; i < plan->n_allowed; i++)
    if (!strcmp(plan->allowed[i]->name, rule))
      return true;
  return false;
}

static struct found *merged(struct pl_plan_check *plan, const char *rule, int line)
{
  for (size_t i = 0; i < plan->n_found; i++)
    if (plan->found[i].as.line == line && !strcmp(plan->found[i].as.rule, rule))
      return &plan->found[i];
  return NULL;
}

static void add_part(struct found *found, const char *part)
{
  for (size_t i = 0; i < found->n_parts; i++)
    if (!strcmp(found->parts[i], part))
      return;
  if (found->n_parts < PARTS_MAX)
    found->parts[found->n_parts++] = part;
  found->as.more = (unsigned)found->n_parts - 1;
}

static void put_in_order(struct pl_plan_check *plan, const struct pl_plan_check_finding *added)
{
  size_t at = plan->n_found;
  for (; at > 0 && plan->order[at - 1]->line > added->line; at--)
    plan->order[at] = plan->order[at - 1];
  plan->order[at] = added;
  plan->n_found++;
}

static void find(struct pl_plan_check *plan, const char *rule, const char *part, const char *text, pl_time_ns at, const struct write *by, const struct write *other)
{
  const struct pl_plan_check_rule *known = rule_of(rule);
  struct found *found = merged(plan, rule, by ? by->line : 0);
  if (is_allowed(plan, rule))
    return;
  if (found) {
    add_part(found, part);
    return;
  }
  if (plan->n_found == FINDINGS_MAX)
    return;
  found = &plan->found[plan->n_found];
  *found = (struct found){.as = {.rule = known ? known->name : "hazard", .line = by ? by->line : 0, .other = other ? other->line : 0, .at = at}};
  snprintf(found->text, sizeof found->text, "%s%s%s%s", *plan->supposed ? "on a rack with " : "", plan->supposed, *plan->supposed ? ", " : "", text);
  if (by)
    words_of(by, found->wrote, sizeof found->wrote);
  if (other)
    words_of(other, found->other_wrote, sizeof found->other_wrote);
  found->as.part = part;
  add_part(found, part);
  found->as.text = found->text;
  found->as.wrote = found->wrote;
  found->as.other_wrote = found->other_wrote;
  put_in_order(plan, &found->as);
}

void pl_plan_check_hazard(struct pl_plan_check *plan, const struct pl_hazard *hazard)
{
  const struct cause *cause = cause_of(hazard->rule);
  const struct write *by = last_before(plan, hazard, cause->first, NULL);
  const struct write *other = by && cause->second ? last_before(plan, hazard, cause->second, by) : NULL;
  if (other && by->side == other->side && by->device == other->device)
    other = NULL;
  if (*plan->supposed && (!cause->supposed || !by || hazard->at - by->at > PROMPT))
    return;
  find(plan, hazard->rule, hazard->part, hazard->text, hazard->at, by, other);
}

static bool is_lamp(const struct pl_quantity *quantity)
{
  for (size_t i = 0; i < sizeof LAMPS / sizeof *LAMPS; i++)
    if (!strcmp(LAMPS[i], quantity->name))
      return true;
  return false;
}

void pl_plan_check_left(struct pl_plan_check *plan, pl_time_ns at, const struct pl_rig_device *device, const struct pl_quantity *quantity, int64_t found_u, int64_t left_u)
{
  const struct write *by = NULL;
  char text[256], was[48], is[48];
  for (size_t i = plan->n_writes; i-- > 0 && !by;) {
    const struct write *write = &plan->writes[(plan->first + i) % WRITES_MAX];
    if (write->device == device && write->quantity == quantity)
      by = write;
  }
  if (is_lamp(quantity) || *plan->supposed)
    return;
  snprintf(text, sizeof text, "%s.%s has no safe value in the rig and is left at %s, it was found at %s; put it back in the teardown, or give it a safe value",
           device->name, quantity->name, pl_quantity_format(quantity->dim, left_u, is, sizeof is), pl_quantity_format(quantity->dim, found_u, was, sizeof was));
  find(plan, "left", device->name, text, at, by, NULL);
}

size_t pl_plan_check_count(const struct pl_plan_check *plan)
{
  return plan->n_found;
}

const struct pl_plan_check_finding *pl_plan_check_get(const struct pl_plan_check *plan, size_t index)
{
  return plan->order[index];
}
