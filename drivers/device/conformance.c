/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/conformance.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct want { /* a quantity that a class must have, and what its values can be */
  const char *name;
  enum pl_dim dim;
  unsigned access;
  double low, high; /* base units */
};

static const struct want SUPPLY[] = {
    {"vin", PL_DIM_VOLTAGE, PL_GET, 0, 600},           {"iin", PL_DIM_CURRENT, PL_GET, -1, 200},
    {"vout", PL_DIM_VOLTAGE, PL_GET, 0, 100},          {"iout", PL_DIM_CURRENT, PL_GET, -5, 1000},
    {"temperature", PL_DIM_TEMPERATURE, PL_GET, -40, 150}, {"on", PL_DIM_FLAG, PL_GET | PL_SET, 0, 1},
    {"power-good", PL_DIM_FLAG, PL_GET, 0, 1},         {"clear-faults", PL_DIM_NONE, PL_ACT, 0, 0},
};
static const struct want HOT_SWAP[] = {
    {"vin", PL_DIM_VOLTAGE, PL_GET, 0, 100},           {"vout", PL_DIM_VOLTAGE, PL_GET, 0, 100},
    {"iout", PL_DIM_CURRENT, PL_GET, -10, 500},        {"pin", PL_DIM_POWER, PL_GET, -1000, 50000},
    {"temperature", PL_DIM_TEMPERATURE, PL_GET, -40, 200}, {"on", PL_DIM_FLAG, PL_GET | PL_SET, 0, 1},
    {"power-good", PL_DIM_FLAG, PL_GET, 0, 1},         {"peak-iout", PL_DIM_CURRENT, PL_GET, -10, 500},
    {"clear-peaks", PL_DIM_NONE, PL_ACT, 0, 0},        {"clear-faults", PL_DIM_NONE, PL_ACT, 0, 0},
};
static const struct want MONITOR[] = {
    {"vout", PL_DIM_VOLTAGE, PL_GET, 0, 100},
    {"iout", PL_DIM_CURRENT, PL_GET, -500, 500},
    {"pout", PL_DIM_POWER, PL_GET, 0, 50000},
    {"temperature", PL_DIM_TEMPERATURE, PL_GET, -40, 150},
};
static const struct want AGENT[] = {
    {"used-cores", PL_DIM_NONE, PL_GET, 0, 1e6},
    {"used-memory", PL_DIM_NONE, PL_GET, 0, 1e9},
    {"workloads", PL_DIM_NONE, PL_GET, 0, PL_AGENT_RUNS_MAX},
};

static const struct device_class {
  const char *role;
  const struct want *wants;
  size_t count;
  bool faults;
} CLASSES[] = {
    {"supply", SUPPLY, COUNT(SUPPLY), true},
    {"hot-swap", HOT_SWAP, COUNT(HOT_SWAP), true},
    {"monitor", MONITOR, COUNT(MONITOR), false},
    {"agent", AGENT, COUNT(AGENT), false},
};

struct run {
  struct pl_device *device;
  const struct pl_conformance *suite;
  const struct pl_shape *shape;
  const struct device_class *class_;
  size_t checks, failed;
  struct pl_err err; /* of the check that is being made */
};

/* Gives a check's result: `status` as it came, and the sentence in run->err. */
static bool verdict(struct run *run, const char *what, const char *which, enum pl_status status)
{
  char name[96];
  snprintf(name, sizeof name, "%s%s%s", what, *which ? " " : "", which);
  run->checks++;
  run->failed += status != PL_OK;
  if (run->suite->check)
    run->suite->check(run->suite->ctx, name, status, status ? run->err.text : "");
  return status == PL_OK;
}

static enum pl_status call(struct run *run, struct pl_call *c)
{
  c->device = run->device;
  run->err = (struct pl_err){0};
  return pl_call_run(c, &run->err);
}

/* A device that is busy (its first conversion after a set-up) is asked again for a while, as the bench does. */
#define BUSY_LIMIT (2 * PL_S)
#define BUSY_PAUSE (5 * PL_MS)

static enum pl_status get(struct run *run, const struct pl_quantity *quantity, struct pl_reading *reading)
{
  struct pl_clock *clock = pl_bus_clock(pl_device_bus(run->device));
  pl_time_ns limit = pl_clock_now(clock) + BUSY_LIMIT;
  for (;;) {
    struct pl_call c = {.kind = PL_CALL_GET, .quantity = quantity};
    enum pl_status status = call(run, &c);
    *reading = c.reading;
    if (status != PL_E_BUSY || pl_clock_now(clock) >= limit)
      return status;
    for (pl_time_ns until = pl_clock_now(clock) + BUSY_PAUSE; pl_clock_now(clock) < until;)
      pl_clock_step(clock, until);
  }
}

static enum pl_status set(struct run *run, const struct pl_quantity *quantity, int64_t value_u)
{
  struct pl_call c = {.kind = PL_CALL_SET, .quantity = quantity, .value_u = value_u};
  return call(run, &c);
}

/* A refusal is what is wanted: PL_OK when it came as `wanted`. */
static enum pl_status refused(struct run *run, enum pl_status status, enum pl_status wanted)
{
  if (status == wanted)
    return PL_OK;
  return pl_fail(&run->err, PL_E_EXCEPTION, "ended with '%s', expected '%s'", pl_status_text(status), pl_status_text(wanted));
}

/* --- the checks --- */

static void check_who(struct run *run)
{
  const struct pl_device_desc *desc = pl_device_desc(run->device);
  struct pl_call probe = {.kind = PL_CALL_PROBE}, identify = {.kind = PL_CALL_IDENTIFY};
  if (desc->probe)
    verdict(run, "probe", "", call(run, &probe));
  if (!desc->identify)
    return;
  enum pl_status status = call(run, &identify);
  if (status == PL_OK && (!identify.identity.manufacturer[0] || !identify.identity.model[0]))
    status = pl_fail(&run->err, PL_E_GARBAGE, "manufacturer '%s' and model '%s', expected both to say something", identify.identity.manufacturer,
                     identify.identity.model);
  verdict(run, "identity", "", status);
}

static void check_has(struct run *run)
{
  for (size_t i = 0; i < run->class_->count; i++) {
    const struct want *want = &run->class_->wants[i];
    const struct pl_quantity *found = pl_shape_find(run->shape, want->name);
    enum pl_status status = PL_OK;
    if (!found)
      status = pl_fail(&run->err, PL_E_UNSUPPORTED, "a %s must have %s", run->class_->role, want->name);
    else if (found->dim != want->dim || (found->access & want->access) != want->access)
      status = pl_fail(&run->err, PL_E_USAGE, "%s is a %s with access %u, expected %s with access %u", want->name, pl_dim_name(found->dim),
                       found->access, pl_dim_name(want->dim), want->access);
    verdict(run, "has", want->name, status);
  }
}

static const struct want *want_of(const struct run *run, const char *name)
{
  for (size_t i = 0; i < run->class_->count; i++)
    if (!strcmp(run->class_->wants[i].name, name))
      return &run->class_->wants[i];
  return NULL;
}

static enum pl_status judge(struct run *run, const struct pl_quantity *quantity, const struct pl_reading *reading, pl_time_ns asked)
{
  const struct want *want = want_of(run, quantity->name);
  double value = (double)reading->value_u / 1e6;
  pl_time_ns now = pl_clock_now(pl_bus_clock(pl_device_bus(run->device)));
  if (reading->dim != quantity->dim)
    return pl_fail(&run->err, PL_E_USAGE, "the reading is a %s, expected %s", pl_dim_name(reading->dim), pl_dim_name(quantity->dim));
  if (reading->at < asked || reading->at > now)
    return pl_fail(&run->err, PL_E_RANGE, "taken at %lld ns, expected %lld to %lld", (long long)reading->at, (long long)asked, (long long)now);
  if (quantity->dim == PL_DIM_FLAG && reading->value_u != 0 && reading->value_u != PL_U)
    return pl_fail(&run->err, PL_E_RANGE, "a flag of %g", value);
  if (want && (value < want->low || value > want->high))
    return pl_fail(&run->err, PL_E_RANGE, "%g %s, expected %g to %g", value, pl_dim_base_unit(quantity->dim), want->low, want->high);
  return PL_OK;
}

static void check_gets(struct run *run)
{
  for (size_t i = 0; i < run->shape->count; i++) {
    const struct pl_quantity *quantity = &run->shape->quantities[i];
    struct pl_reading reading;
    pl_time_ns asked = pl_clock_now(pl_bus_clock(pl_device_bus(run->device)));
    enum pl_status status = get(run, quantity, &reading);
    if (quantity->access & PL_GET) {
      verdict(run, "get", quantity->name, status ? status : judge(run, quantity, &reading, asked));
      continue;
    }
    status = refused(run, status, PL_E_UNSUPPORTED);
    if (status == PL_OK && pl_reading_valid(&reading))
      status = pl_fail(&run->err, PL_E_USAGE, "refused, and yet the reading is valid");
    verdict(run, "cannot get", quantity->name, status);
  }
}

/* What must be refused before it reaches the wire. */
static void check_refusals(struct run *run)
{
  for (size_t i = 0; i < run->shape->count; i++) {
    const struct pl_quantity *quantity = &run->shape->quantities[i];
    if (!(quantity->access & (PL_SET | PL_ACT)))
      verdict(run, "cannot set", quantity->name, refused(run, set(run, quantity, 0), PL_E_UNSUPPORTED));
    else if (quantity->access & PL_SET && (quantity->min_u || quantity->max_u))
      verdict(run, "range of", quantity->name, refused(run, set(run, quantity, quantity->max_u + 1), PL_E_RANGE));
  }
  struct pl_call nothing = {.kind = PL_CALL_GET};
  enum pl_status status = call(run, &nothing);
  verdict(run, "a quantity that is not there", "", status ? PL_OK : pl_fail(&run->err, PL_E_USAGE, "a get without a quantity succeeded"));
  if (pl_shape_find(run->shape, "no-such-quantity"))
    verdict(run, "unknown name", "", pl_fail(&run->err, PL_E_USAGE, "no-such-quantity was found"));
}

static enum pl_status read_faults(struct run *run, size_t *count)
{
  struct pl_call c = {.kind = PL_CALL_FAULTS};
  enum pl_status status = call(run, &c);
  *count = c.faults.count;
  for (size_t i = 0; status == PL_OK && i < c.faults.count; i++) {
    const char *name = c.faults.names[i];
    if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
      status = pl_fail(&run->err, PL_E_GARBAGE, "a fault is named '%s', expected lower case with dashes", name);
    for (size_t k = 0; status == PL_OK && k < i; k++)
      if (!strcmp(c.faults.names[k], name))
        status = pl_fail(&run->err, PL_E_GARBAGE, "the fault %s is told twice", name);
  }
  return status;
}

static void check_faults(struct run *run)
{
  size_t count = 0;
  if (!run->class_->faults)
    return;
  verdict(run, "faults", "", read_faults(run, &count));
  const struct pl_quantity *clear = pl_shape_find(run->shape, "clear-faults");
  if (!run->suite->may_drive || !clear)
    return;
  if (!verdict(run, "act", clear->name, set(run, clear, 0)))
    return;
  enum pl_status status = read_faults(run, &count);
  if (status == PL_OK && run->suite->healthy && count)
    status = pl_fail(&run->err, PL_E_EXCEPTION, "%zu faults are left", count);
  verdict(run, "faults after clear-faults", "", status);
}

/* Sets, reads back, and says whether it was taken: within a percent, or a hundredth of a unit. */
static enum pl_status set_and_see(struct run *run, const struct pl_quantity *quantity, int64_t value_u)
{
  struct pl_reading reading;
  enum pl_status status = set(run, quantity, value_u);
  if (status == PL_OK)
    status = get(run, quantity, &reading);
  if (status)
    return status;
  int64_t off = reading.value_u > value_u ? reading.value_u - value_u : value_u - reading.value_u, most = value_u / 100;
  if (off > (quantity->dim == PL_DIM_FLAG ? 0 : most > PL_U / 100 ? most : PL_U / 100))
    return pl_fail(&run->err, PL_E_EXCEPTION, "set to %g, reads %g", (double)value_u / 1e6, (double)reading.value_u / 1e6);
  return PL_OK;
}

static void check_sets(struct run *run)
{
  for (size_t i = 0; run->suite->may_drive && i < run->shape->count; i++) {
    const struct pl_quantity *quantity = &run->shape->quantities[i];
    struct pl_reading found;
    if ((quantity->access & (PL_GET | PL_SET)) != (PL_GET | PL_SET))
      continue;
    if (get(run, quantity, &found) != PL_OK)
      continue; /* "get" has told */
    int64_t other = quantity->dim == PL_DIM_FLAG ? PL_U - found.value_u : found.value_u - found.value_u / 50;
    verdict(run, "set", quantity->name, set_and_see(run, quantity, other));
    verdict(run, "put back", quantity->name, set_and_see(run, quantity, found.value_u));
  }
  const struct pl_quantity *clear = pl_shape_find(run->shape, "clear-peaks");
  if (run->suite->may_drive && clear)
    verdict(run, "act", clear->name, set(run, clear, 0));
}

/* --- what runs workloads --- */

#define HANDLES 2
static const uint32_t OURS[HANDLES] = {0xFFFFFF01, 0xFFFFFF02}; /* nobody else's */

static enum pl_status agent(struct run *run, enum pl_agent_op op, struct pl_agent_exchange *exchange)
{
  struct pl_call c = {.kind = PL_CALL_AGENT, .agent = exchange};
  exchange->op = op;
  return call(run, &c);
}

/* A call that must end in this state. */
static bool agent_does(struct run *run, const char *what, enum pl_agent_op op, struct pl_agent_exchange *exchange, enum pl_agent_run_state wanted)
{
  enum pl_status status = agent(run, op, exchange);
  if (status == PL_OK && exchange->run.state != wanted)
    status = pl_fail(&run->err, PL_E_EXCEPTION, "it is %s afterwards, expected %s", pl_agent_run_state_name(exchange->run.state), pl_agent_run_state_name(wanted));
  return verdict(run, "agent", what, status);
}

static const struct pl_agent_run *find_run(const struct pl_agent_exchange *exchange, uint32_t handle)
{
  for (size_t i = 0; i < exchange->n_runs; i++)
    if (exchange->runs[i].handle == handle)
      return &exchange->runs[i];
  return NULL;
}

/* Until it is there: asked again for a while. */
static enum pl_status copied(struct run *run, const struct pl_agent_run *wanted)
{
  struct pl_clock *clock = pl_bus_clock(pl_device_bus(run->device));
  struct pl_agent_exchange exchange = {0};
  const struct pl_agent_run *found = NULL;
  pl_time_ns limit = pl_clock_now(clock) + BUSY_LIMIT;
  do {
    enum pl_status status = agent(run, PL_AGENT_SURVEY, &exchange);
    if (status)
      return status;
    found = find_run(&exchange, wanted->handle);
    for (pl_time_ns until = pl_clock_now(clock) + BUSY_PAUSE; pl_clock_now(clock) < until;)
      pl_clock_step(clock, until);
  } while (found && found->state == PL_AGENT_RUN_COPYING && pl_clock_now(clock) < limit);
  if (!found)
    return pl_fail(&run->err, PL_E_EXCEPTION, "run %u is not there", wanted->handle);
  if (found->state != PL_AGENT_RUN_READY || found->checksum != wanted->checksum || found->work != wanted->work)
    return pl_fail(&run->err, PL_E_EXCEPTION, "run %u is %s with checksum 0x%08X after work %llu, expected ready with 0x%08X after %llu", found->handle,
                   pl_agent_run_state_name(found->state), found->checksum, (unsigned long long)found->work, wanted->checksum, (unsigned long long)wanted->work);
  return PL_OK;
}

static enum pl_status agent_refuses(struct run *run, enum pl_agent_op op, const struct pl_agent_run *what, enum pl_status wanted)
{
  struct pl_agent_exchange exchange = {.run = *what};
  return refused(run, agent(run, op, &exchange), wanted);
}

/* Deploys a small run, snapshots it, restores it under another handle, and leaves nothing behind. */
static void check_agent(struct run *run)
{
  struct pl_agent_exchange first = {.run = {.handle = OURS[0], .cores_m = 500, .memory_MiB = 1, .data_MiB = 1}}, second = {0};
  if (strcmp(run->class_->role, "agent") != 0 || !verdict(run, "agent", "survey", agent(run, PL_AGENT_SURVEY, &second)))
    return;
  size_t before = second.n_runs;
  verdict(run, "agent", "no such handle", agent_refuses(run, PL_AGENT_STOP, &first.run, PL_E_USAGE));
  if (!run->suite->may_drive || !agent_does(run, "deploy", PL_AGENT_DEPLOY, &first, PL_AGENT_RUN_RUNNING))
    return;
  verdict(run, "agent", "handle twice", agent_refuses(run, PL_AGENT_DEPLOY, &first.run, PL_E_USAGE));
  verdict(run, "agent", "start what runs", agent_refuses(run, PL_AGENT_START, &first.run, PL_E_USAGE));
  struct pl_agent_run huge = {.handle = OURS[1], .cores_m = UINT32_MAX, .memory_MiB = 1};
  verdict(run, "agent", "no room", agent_refuses(run, PL_AGENT_DEPLOY, &huge, PL_E_RANGE));
  agent_does(run, "snapshot", PL_AGENT_SNAPSHOT, &first, PL_AGENT_RUN_READY);
  second.run = first.run;
  second.run.handle = OURS[1];
  if (verdict(run, "agent", "restore", agent(run, PL_AGENT_RESTORE, &second))) {
    second.run = first.run;
    second.run.handle = OURS[1];
    verdict(run, "agent", "restored", copied(run, &second.run));
    agent_does(run, "start", PL_AGENT_START, &second, PL_AGENT_RUN_RUNNING);
    agent_does(run, "stop", PL_AGENT_STOP, &second, PL_AGENT_RUN_NONE);
  }
  first.run.cores_m = 250;
  agent_does(run, "resize", PL_AGENT_RESIZE, &first, PL_AGENT_RUN_READY);
  agent_does(run, "stop the first", PL_AGENT_STOP, &first, PL_AGENT_RUN_NONE);
  enum pl_status status = agent(run, PL_AGENT_SURVEY, &second);
  if (status == PL_OK && second.n_runs != before)
    status = pl_fail(&run->err, PL_E_EXCEPTION, "%zu runs are left, expected %zu as before", second.n_runs, before);
  verdict(run, "agent", "leaves nothing", status);
}

enum pl_status pl_conformance_run(struct pl_device *device, const struct pl_conformance *suite, size_t *checks, size_t *failed, struct pl_err *err)
{
  const struct pl_device_desc *desc = pl_device_desc(device);
  struct run run = {.device = device, .suite = suite, .shape = pl_device_shape_of(device)};
  for (size_t i = 0; i < COUNT(CLASSES); i++)
    if (!strcmp(CLASSES[i].role, desc->role))
      run.class_ = &CLASSES[i];
  if (!run.class_)
    return pl_fail(err, PL_E_UNSUPPORTED, "there is no conformance suite for the role %s; there are supply, hot-swap, monitor and agent", desc->role);
  check_who(&run);
  check_has(&run);
  check_gets(&run);
  check_refusals(&run);
  check_sets(&run);
  check_faults(&run);
  check_agent(&run);
  *checks = run.checks;
  *failed = run.failed;
  return PL_OK;
}
