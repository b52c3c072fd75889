/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/node_agent/node_agent.h"

#include "drivers/bus/modbus.h"

#define TRIES 3       /* of a command whose answer is lost */
#define RUNS_A_READ (PL_MODBUS_READ_REGISTERS_MAX / PL_NA_RUN)

static const struct pl_param params[] = {
    [PL_NA_UNIT] = {.name = "unit", .kind = PL_PARAM_INT, .required = true, .address = true, .min = 1, .max = 255, .help = "the Modbus unit id"},
    [PL_NA_CORES] = {.name = "cores", .kind = PL_PARAM_INT, .min = 1, .max = 4096, .help = "of a virtual node; as many as its part says it has unless told"},
    [PL_NA_MEMORY] = {.name = "memory", .kind = PL_PARAM_INT, .min = 1, .max = 1000000, .help = "GiB of a virtual node; as its part says unless told"},
    [PL_NA_STORAGE] = {.name = "storage", .kind = PL_PARAM_INT, .min = 1, .max = 1000000, .help = "GB of a virtual node; its part's drives unless told"},
    [PL_NA_COPY_RATE] = {.name = "copy-rate", .kind = PL_PARAM_INT, .min = 1, .max = 1000000, .fallback = "1024", .help = "MiB/s at which a virtual node takes in data"},
};

enum { USED_CORES, USED_MEMORY, WORKLOADS };
static const struct pl_quantity quantities[] = {
    {.name = "used-cores", .dim = PL_DIM_NONE, .access = PL_GET, .id = USED_CORES, .help = "by all that runs, now"},
    {.name = "used-memory", .dim = PL_DIM_NONE, .access = PL_GET, .id = USED_MEMORY, .help = "MiB, by all that runs, now"},
    {.name = "workloads", .dim = PL_DIM_NONE, .access = PL_GET, .id = WORKLOADS, .help = "that it has, running or not"},
};

struct agent {
  struct pl_bus *bus;
  uint8_t unit;
};

static enum pl_status agent_open(const struct pl_device_args *args, void **self, struct pl_err *err)
{
  struct agent *agent = calloc(1, sizeof *agent);
  if (!agent)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->name);
  *agent = (struct agent){.bus = args->bus, .unit = (uint8_t)args->values->items[PL_NA_UNIT].number};
  *self = agent;
  return PL_OK;
}

/* --- reading --- */

static enum pl_status read_head(const struct agent *agent, struct pl_na_head *head, struct pl_err *err)
{
  uint16_t words[PL_NA_HEAD];
  enum pl_status status = pl_modbus_read_input(agent->bus, agent->unit, 0, PL_NA_HEAD, words, err);
  return status ? status : pl_na_head_decode(words, head, err);
}

static enum pl_status read_runs(const struct agent *agent, size_t first, size_t count, struct pl_agent_run *runs, struct pl_err *err)
{
  uint16_t words[PL_MODBUS_READ_REGISTERS_MAX];
  enum pl_status status = pl_modbus_read_input(agent->bus, agent->unit, (uint16_t)(PL_NA_RUNS_AT + first * PL_NA_RUN), count * PL_NA_RUN, words, err);
  for (size_t i = 0; i < count && !status; i++)
    status = pl_na_run_decode(words + i * PL_NA_RUN, &runs[i], err);
  return status;
}

static enum pl_status survey(const struct agent *agent, struct pl_agent_exchange *exchange, struct pl_err *err)
{
  struct pl_na_head head;
  enum pl_status status = read_head(agent, &head, err);
  exchange->n_runs = 0;
  for (size_t first = 0; first < PL_AGENT_RUNS_MAX && !status; first += RUNS_A_READ) {
    struct pl_agent_run runs[RUNS_A_READ];
    size_t count = PL_AGENT_RUNS_MAX - first < RUNS_A_READ ? PL_AGENT_RUNS_MAX - first : RUNS_A_READ;
    if (!((unsigned)head.runs >> first & ((1u << count) - 1)))
      continue;
    status = read_runs(agent, first, count, runs, err);
    for (size_t i = 0; i < count && !status; i++)
      if (runs[i].state != PL_AGENT_RUN_NONE)
        exchange->runs[exchange->n_runs++] = runs[i];
  }
  return status;
}

/* --- commands --- */

static enum pl_status refusal(const struct pl_agent_exchange *exchange, uint16_t result, struct pl_err *err)
{
#define RESULT_ROW(name, exception, status, text) [PL_NA_##name] = {PL_##status, text},
  static const struct {
    enum pl_status status;
    const char *text;
  } RESULTS[] = {PL_NA_RESULTS(RESULT_ROW)};
#undef RESULT_ROW
  static const char *const OPS[] = {"survey", "deploy", "stop", "snapshot", "restore", "start", "resize"};
  if (result == PL_NA_DONE)
    return PL_OK;
  return pl_fail(err, RESULTS[result].status, "it does not %s run %u: %s", OPS[exchange->op], exchange->run.handle, RESULTS[result].text);
}

/* Executed once, however often it takes: an answer that is lost, torn or late leaves open whether the agent has done it, and its head tells. *head: as it is afterwards. */
static enum pl_status execute(const struct agent *agent, struct pl_agent_exchange *exchange, struct pl_na_head *head, struct pl_err *err)
{
  uint16_t words[PL_NA_BOX];
  enum pl_status status = read_head(agent, head, err);
  struct pl_na_box box = {.sequence = (uint16_t)(head->sequence == UINT16_MAX ? 1 : head->sequence + 1), .op = (uint16_t)exchange->op, .run = exchange->run};
  uint32_t boots = head->boots;
  status = status ? status : pl_na_box_encode(&box, words, err);
  if (status)
    return status;
  for (int try = 0; try < TRIES; try++) {
    struct pl_err why = {0};
    enum pl_status written = pl_modbus_write_registers(agent->bus, agent->unit, 0, PL_NA_BOX, words, &why);
    if (read_head(agent, head, err)) { /* gone in the middle: nobody knows whether it was executed */
      *err = written ? why : *err;
      return err->status;
    }
    if (head->boots != boots)
      return pl_fail(err, PL_E_CANCELLED, "the node restarted while it was told to do something");
    if (head->sequence == box.sequence && (written != PL_E_EXCEPTION || head->result != PL_NA_DONE))
      return refusal(exchange, head->result, err);
    if (written == PL_E_EXCEPTION) { /* it did not even look at it */
      *err = why;
      return written;
    }
  }
  return pl_fail(err, PL_E_TIMEOUT, "run %u: the agent was told %d times and has not taken it", exchange->run.handle, TRIES);
}

static enum pl_status command(const struct agent *agent, struct pl_agent_exchange *exchange, struct pl_err *err)
{
  struct pl_na_head head = {0};
  struct pl_agent_run run;
  enum pl_status status = execute(agent, exchange, &head, err);
  if (status)
    return status;
  if (exchange->op == PL_AGENT_STOP) {
    exchange->run = (struct pl_agent_run){.handle = exchange->run.handle};
    return PL_OK;
  }
  if (head.slot >= PL_AGENT_RUNS_MAX)
    return pl_fail(err, PL_E_GARBAGE, "the agent has done it for run %u in slot %u, which is none", exchange->run.handle, head.slot);
  status = read_runs(agent, head.slot, 1, &run, err);
  if (!status && run.handle != exchange->run.handle)
    status = pl_fail(err, PL_E_GARBAGE, "the agent has done it for run %u, and tells of %u in that slot", exchange->run.handle, run.handle);
  if (!status)
    exchange->run = run;
  return status;
}

static enum pl_status agent_exchange(void *self, struct pl_agent_exchange *exchange, struct pl_err *err)
{
  if (exchange->op == PL_AGENT_SURVEY)
    return survey(self, exchange, err);
  if (exchange->op > PL_AGENT_RESIZE)
    return pl_fail(err, PL_E_USAGE, "an agent has no operation %d", (int)exchange->op);
  return command(self, exchange, err);
}

/* --- the rest --- */

static enum pl_status agent_get(void *self, const struct pl_quantity *quantity, struct pl_reading *reading, struct pl_err *err)
{
  const struct agent *agent = self;
  struct pl_na_head head;
  enum pl_status status = read_head(agent, &head, err);
  if (status)
    return status;
  int64_t value_u = quantity->id == USED_CORES ? head.used_cores_m * (PL_U / 1000) : quantity->id == USED_MEMORY ? head.used_memory_MiB * PL_U
                                                                                                    : __builtin_popcount(head.runs) * PL_U;
  *reading = (struct pl_reading){.value_u = value_u, .dim = quantity->dim, .status = PL_OK, .at = pl_bus_now(agent->bus)};
  return PL_OK;
}

/* No probe: a node that is off answers nobody. Each call checks by the head that it speaks to an agent. */
const struct pl_device_desc pl_device_node_agent = {
    .name = "node-agent",
    .about = "agent that runs workloads on a node of a virtual rack, by Modbus registers",
    .maturity = PL_BETA,
    .bus_kind = PL_BUS_MODBUS,
    .sleeps = true,
    .role = "agent",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .quantities = quantities,
    .n_quantities = sizeof quantities / sizeof quantities[0],
    .open = agent_open,
    .close = free,
    .get = agent_get,
    .agent = agent_exchange,
};
