/* SPDX-License-Identifier: Apache-2.0 */
/* measure, check, require, diagnose: judged against limits, written down, and said in a sentence when it failed. */
#include "host/engine/run.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

struct subject { /* who a measurement is about */
  const struct pl_rig_device *device;
  const struct pl_rig_part *part;
  const char *quantity;
};

struct judgement {
  struct pl_run *run;
  struct pl_scope *scope;
  const char *name;
  enum { NUMBER, AMOUNT, TEXT, FLAG } kind;
  enum pl_dim dim;
  int64_t value_u;
  double number;
  const char *text;
  bool flag;
  const struct pl_unit *unit;
  struct subject of, blame;
  const char *action;
  bool must;
  struct pl_limit limit; /* AMOUNT: in millionths */
  double min, max;       /* NUMBER */
  bool has_equals, pass;
  struct judgement *equals;
  struct pl_journal_validator validators[3];
  size_t n_validators;
};

/* of: "measure", "equals of": only an error needs the whole phrase. */
static void read_value(lua_State *L, int index, struct judgement *j, const char *of, const char *name)
{
  const struct pl_amount *amount = pl_amount_at(L, index);
  if (amount) {
    j->kind = AMOUNT;
    j->dim = amount->dim;
    j->value_u = amount->value_u;
    return;
  }
  switch (lua_type(L, index)) {
  case LUA_TNUMBER:
    j->kind = NUMBER;
    j->number = lua_tonumber(L, index);
    if (!isfinite(j->number))
      pl_raise_usage(L, "%s \"%.120s\": its value is not a finite number", of, name);
    break;
  case LUA_TSTRING:
    j->kind = TEXT;
    j->text = lua_tostring(L, index);
    break;
  case LUA_TBOOLEAN:
    j->kind = FLAG;
    j->flag = lua_toboolean(L, index);
    break;
  default: pl_raise_usage(L, "%s \"%.120s\": its value is %s, expected a value", of, name, pl_amount_kind(L, index));
  }
}

static bool read_subject(lua_State *L, int options, const char *field, struct subject *subject)
{
  if (lua_getfield(L, options, field) == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  const struct pl_rig_device *device = pl_rig_device_at(L, -1);
  const struct pl_rig_part *part = device ? device->part : pl_subject_part_at(L, -1);
  if (!device && !part)
    pl_raise_usage(L, "%s is %s, expected a device or a part of the rig", field, pl_amount_kind(L, -1));
  *subject = (struct subject){.device = device, .part = part};
  lua_pop(L, 1);
  return true;
}

static void refuse_limit(lua_State *L, const char *field, const struct judgement *j)
{
  char what[160];
  snprintf(what, sizeof what, "%s of \"%.100s\"", field, j->name);
  if (j->kind == AMOUNT)
    pl_amount_want(L, -1, j->dim, what);
  if (j->kind == NUMBER)
    pl_raise_usage(L, "%s is %s, but the value is a plain number", what, pl_amount_kind(L, -1));
  pl_raise_usage(L, "%s: %s has no limits, only equals", what, j->kind == TEXT ? "a text" : "a flag");
}

/* min and max of the sequence; another dimension than the value's is the sequence's error. */
static void read_limit(lua_State *L, int options, const char *field, struct judgement *j)
{
  bool is_min = !strcmp(field, "min");
  if (lua_getfield(L, options, field) == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  const struct pl_amount *amount = pl_amount_at(L, -1);
  if (j->kind == AMOUNT && amount && amount->dim == j->dim)
    *(is_min ? &j->limit.min_u : &j->limit.max_u) = amount->value_u;
  else if (j->kind == NUMBER && lua_type(L, -1) == LUA_TNUMBER)
    *(is_min ? &j->min : &j->max) = lua_tonumber(L, -1);
  else
    refuse_limit(L, field, j);
  *(is_min ? &j->limit.has_min : &j->limit.has_max) = true;
  *(is_min ? &j->limit.min_from : &j->limit.max_from) = "sequence";
  lua_pop(L, 1);
}

static void read_equals(lua_State *L, int options, struct judgement *j, struct judgement *equals)
{
  if (lua_getfield(L, options, "equals") == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  *equals = (struct judgement){0};
  read_value(L, -1, equals, "equals of", j->name);
  if (equals->kind != j->kind || (j->kind == AMOUNT && equals->dim != j->dim))
    pl_raise_usage(L, "equals of \"%s\" is %s, but the value is %s", j->name, pl_amount_kind(L, -1), pl_amount_kind(L, 2));
  j->has_equals = true;
  j->equals = equals;
  lua_pop(L, 1); /* a text stays alive in the options */
}

static void read_options(lua_State *L, struct judgement *j, struct judgement *equals)
{
  static const char *const WORDS[] = {"min", "max", "equals", "of", "action", "blame", "must", NULL};
  const struct pl_amount *amount = pl_amount_at(L, 2);
  const struct pl_task *task = pl_task_of(L);
  bool of = false, blame = false;
  if (!lua_isnoneornil(L, 3)) {
    pl_options_check(L, 3, "measure", WORDS);
    read_limit(L, 3, "min", j);
    read_limit(L, 3, "max", j);
    read_equals(L, 3, j, equals);
    of = read_subject(L, 3, "of", &j->of);
    blame = read_subject(L, 3, "blame", &j->blame);
    if (lua_getfield(L, 3, "action") == LUA_TSTRING)
      j->action = lua_tostring(L, -1);
    lua_getfield(L, 3, "must");
    j->must = lua_toboolean(L, -1);
    lua_pop(L, 2);
  }
  const struct pl_rig_device *device = amount && amount->device ? amount->device : task->last_device;
  for (const struct pl_scope *around = task->scope->parent; !device && !task->last_part && around; around = around->parent)
    device = around->body ? around->body->last_device : NULL;
  if (!of && device)
    j->of = (struct subject){.device = device, .part = device->part};
  else if (!of)
    j->of.part = task->last_part;
  if (amount && amount->device && (!of || j->of.device == amount->device))
    j->of.quantity = amount->quantity->name;
  if (!blame)
    j->blame = j->of;
}

/* Limits of a file come before the sequence's; those of the rig count when there are none. */
static void other_limits(lua_State *L, struct judgement *j)
{
  struct pl_limit file;
  struct pl_err err = {0};
  bool found = false;
  if (j->kind == TEXT || j->kind == FLAG)
    return;
  if (j->run->limits && pl_limits_find(j->run->limits, j->scope->decl->name, j->name, j->kind == AMOUNT ? j->dim : PL_DIM_NONE, &file, &found, &err))
    pl_raise_usage(L, "%s", err.text);
  if (found && file.has_min) {
    j->limit.has_min = true;
    j->limit.min_from = file.min_from;
    j->limit.min_u = file.min_u;
    j->min = (double)file.min_u / 1e6;
  }
  if (found && file.has_max) {
    j->limit.has_max = true;
    j->limit.max_from = file.max_from;
    j->limit.max_u = file.max_u;
    j->max = (double)file.max_u / 1e6;
  }
  const struct pl_amount *amount = pl_amount_at(L, 2);
  if (!j->limit.has_min && !j->limit.has_max && !j->has_equals && amount && amount->device)
    pl_limits_of_rig(amount->device, amount->quantity, &j->limit);
}

static struct pl_journal_value journal_value(const struct judgement *j, const struct pl_unit *unit)
{
  switch (j->kind) {
  case AMOUNT: return (struct pl_journal_value){.kind = PL_VALUE_NUMBER, .number = pl_unit_from_u(unit, j->value_u)};
  case NUMBER: return (struct pl_journal_value){.kind = PL_VALUE_NUMBER, .number = j->number};
  case TEXT: return (struct pl_journal_value){.kind = PL_VALUE_TEXT, .text = j->text};
  default: return (struct pl_journal_value){.kind = PL_VALUE_BOOL, .flag = j->flag};
  }
}

static void add_limit(struct judgement *j, const char *type, int64_t limit_u, double limit, const char *from)
{
  j->validators[j->n_validators++] = (struct pl_journal_validator){
      .type = type, .value = {.kind = PL_VALUE_NUMBER, .number = j->kind == AMOUNT ? pl_unit_from_u(j->unit, limit_u) : limit}, .name = from};
}

static bool equal(const struct judgement *a, const struct judgement *b)
{
  switch (a->kind) {
  case AMOUNT: return a->value_u == b->value_u;
  case NUMBER: return a->number <= b->number && a->number >= b->number;
  case TEXT: return !strcmp(a->text, b->text);
  default: return a->flag == b->flag;
  }
}

static void judge(struct judgement *j)
{
  j->pass = true;
  if (j->kind == AMOUNT) /* by the limit where there is one, so that every run of a sequence tells it in the same unit */
    j->unit = pl_unit_for_display(j->dim, j->limit.has_max ? j->limit.max_u : j->limit.has_min ? j->limit.min_u : j->value_u);
  if (j->limit.has_min) {
    add_limit(j, "GREATER_THAN_OR_EQUAL", j->limit.min_u, j->min, j->limit.min_from);
    j->pass &= j->kind == AMOUNT ? j->value_u >= j->limit.min_u : j->number >= j->min;
  }
  if (j->limit.has_max) {
    add_limit(j, "LESS_THAN_OR_EQUAL", j->limit.max_u, j->max, j->limit.max_from);
    j->pass &= j->kind == AMOUNT ? j->value_u <= j->limit.max_u : j->number <= j->max;
  }
  if (j->has_equals) {
    j->validators[j->n_validators++] =
        (struct pl_journal_validator){.type = "EQUAL", .value = journal_value(j->equals, j->unit), .name = "sequence"};
    j->pass &= equal(j, j->equals);
  }
}

static char *value_text(const struct judgement *j, char *out, size_t size)
{
  switch (j->kind) {
  case AMOUNT: return pl_quantity_format(j->dim, j->value_u, out, size);
  case NUMBER: snprintf(out, size, "%.9g", j->number); break;
  case TEXT: snprintf(out, size, "\"%s\"", j->text); break;
  default: snprintf(out, size, "%s", j->flag ? "true" : "false"); break;
  }
  return out;
}

static void limit_text(const struct judgement *j, char *out, size_t size)
{
  char low[64], high[64];
  struct judgement limit = {.kind = j->kind, .dim = j->dim, .value_u = j->limit.min_u, .number = j->min};
  value_text(&limit, low, sizeof low);
  limit.value_u = j->limit.max_u;
  limit.number = j->max;
  value_text(&limit, high, sizeof high);
  if (j->limit.has_min && j->limit.has_max)
    snprintf(out, size, ", limits %s to %s", low, high);
  else if (j->limit.has_min)
    snprintf(out, size, ", limit at least %s", low);
  else if (j->limit.has_max)
    snprintf(out, size, ", limit at most %s", high);
  else
    *out = '\0';
  if (j->has_equals)
    snprintf(out + strlen(out), size - strlen(out), ", expected %s", value_text(j->equals, low, sizeof low));
}

static void write_down(struct judgement *j, int line)
{
  char value[192], limits[224], detail[420] = "";
  if (j->run->cfg->rehearsal) /* has no record */
    return;
  const struct pl_journal_measurement measurement = {.name = j->name,
                                                     .unit = j->unit ? j->unit->name : NULL,
                                                     .value = journal_value(j, j->unit),
                                                     .validators = j->validators,
                                                     .n_validators = j->n_validators,
                                                     .hardware_id = j->of.device ? j->of.device->name : j->of.part ? j->of.part->name : NULL,
                                                     .subcomponent = j->of.quantity};
  pl_journal_measurement(j->run->journal, j->scope->id, &measurement);
  if (!j->n_validators)
    return;
  if (!j->pass) {
    value_text(j, value, sizeof value);
    limit_text(j, limits, sizeof limits);
    snprintf(detail, sizeof detail, "%s%s", value, limits);
  }
  const struct pl_verdict verdict = {.name = j->name,
                                     .detail = detail,
                                     .action = j->action,
                                     .device = j->blame.device,
                                     .part = j->blame.part,
                                     .subcomponent = j->of.quantity,
                                     .line = line};
  pl_record_diagnosis(j->run, j->scope, &verdict, j->pass);
}

static struct pl_scope *scope_of(lua_State *L, const char *verb)
{
  struct pl_task *task = pl_task_here(L, verb);
  if (!task->scope)
    pl_raise_usage(L, "%s is not possible in an invariant, which only returns whether it holds", verb);
  return task->scope;
}

static int judge_value(lua_State *L, const char *verb, bool is_check, bool must)
{
  struct judgement equals, expected = {.kind = FLAG, .flag = true};
  struct judgement j = {.scope = scope_of(L, verb)};
  j.run = j.scope->run;
  if (lua_type(L, 1) != LUA_TSTRING || !*lua_tostring(L, 1))
    pl_raise_usage(L, "%s needs a name first: %s(\"slot voltage\", value)", verb, verb);
  j.name = lua_tostring(L, 1);
  read_value(L, 2, &j, verb, j.name);
  if (is_check && j.kind != FLAG)
    pl_raise_usage(L, "%s \"%.120s\": its value is %s, expected true or false", verb, j.name, pl_amount_kind(L, 2));
  read_options(L, &j, &equals);
  if ((is_check || must) && j.kind == FLAG && !j.has_equals) {
    j.has_equals = true;
    j.equals = &expected;
  }
  other_limits(L, &j);
  if (j.limit.has_min && j.limit.has_max && (j.kind == AMOUNT ? j.limit.min_u > j.limit.max_u : j.min > j.max))
    pl_raise_usage(L, "%s \"%.120s\": min is above max", verb, j.name);
  judge(&j);
  if (must && !j.n_validators)
    pl_raise_usage(L, "require(\"%s\") has no limit to be held to: give min, max or equals", j.name);
  write_down(&j, pl_vm_line(L));
  if (!j.pass && (must || j.must) && !pl_run_lenient(j.run))
    pl_raise(L, &(struct pl_failure){.kind = PL_FAILURE_UNIT, .status = PL_E_RANGE, .reported = true, .text = "a required measurement failed"});
  lua_pushboolean(L, j.pass);
  return 1;
}

static int measure(lua_State *L)
{
  return judge_value(L, "measure", false, false);
}

static int check(lua_State *L)
{
  return judge_value(L, "check", true, false);
}

static int require(lua_State *L)
{
  return judge_value(L, "require", false, true);
}

static int diagnose(lua_State *L)
{
  static const char *const WORDS[] = {"verdict", "message", "result", "of", "blame", "action", NULL};
  struct pl_scope *scope = scope_of(L, "diagnose");
  if (lua_type(L, 1) != LUA_TTABLE)
    pl_raise_usage(L, "diagnose needs { verdict = \"...\", message = \"...\", result = \"fail\" }");
  pl_options_check(L, 1, "diagnose", WORDS);
  struct subject subject = {0};
  lua_settop(L, 1);
  if (!read_subject(L, 1, "blame", &subject))
    read_subject(L, 1, "of", &subject);
  lua_getfield(L, 1, "verdict");
  lua_getfield(L, 1, "message");
  lua_getfield(L, 1, "result");
  lua_getfield(L, 1, "action");
  const char *result = lua_type(L, 4) == LUA_TSTRING ? lua_tostring(L, 4) : "";
  bool pass = !strcmp(result, "pass"), unknown = !strcmp(result, "unknown");
  if (lua_type(L, 2) != LUA_TSTRING || lua_type(L, 3) != LUA_TSTRING)
    pl_raise_usage(L, "diagnose needs a verdict and a message, both texts");
  if (!pass && !unknown && strcmp(result, "fail") != 0)
    pl_raise_usage(L, "diagnose: result is \"pass\", \"fail\" or \"unknown\"");
  if (unknown) {
    const struct pl_journal_diagnosis diagnosis = {.verdict = lua_tostring(L, 2), .type = PL_DIAG_UNKNOWN, .message = lua_tostring(L, 3), .file = scope->run->path,
                                                   .hardware_id = subject.device ? subject.device->name : subject.part ? subject.part->name : NULL,
                                                   .line = pl_vm_line(L)};
    pl_journal_diagnosis(scope->run->journal, scope->id, &diagnosis);
    return 0;
  }
  const struct pl_verdict verdict = {.name = lua_tostring(L, 2), .detail = lua_tostring(L, 3), .action = lua_tostring(L, 5), .device = subject.device,
                                     .part = subject.part, .line = pl_vm_line(L)};
  pl_record_diagnosis(scope->run, scope, &verdict, pass);
  return 0;
}

void pl_measure_register(lua_State *L)
{
  static const luaL_Reg FUNCTIONS[] = {{"measure", measure}, {"check", check}, {"require", require}, {"diagnose", diagnose}, {NULL, NULL}};
  luaL_setfuncs(L, FUNCTIONS, 0);
}
