/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/node_agent/node_agent.h"

#include <math.h>
#include <string.h>

/*
 * The twin of a node's agent. Time goes by in accrue(): work is done up to the instant, copies end, and what the runs use is what the node's part is told as its
 * workload, so that its current and heat follow in the world.
 */
enum { PORT_BOOTED, PORT_UNIT, PORT_DAMAGE, PORT_WORKLOAD, PORT_DAMAGED };

static const struct pl_port ports[] = {
    [PORT_BOOTED] = {.name = "booted", .dim = PL_DIM_FLAG, .help = "the agent runs"},
    [PORT_UNIT] = {.name = "unit", .dim = PL_DIM_NONE, .help = "which one stands there; another one has other drives"},
    [PORT_DAMAGE] = {.name = "copy_damage", .dim = PL_DIM_FLAG, .help = "what is copied to it is not what was sent"},
    [PORT_WORKLOAD] = {.name = "workload", .dim = PL_DIM_RATIO, .out = true, .initial = NAN, .help = "used cores over the node's"},
    [PORT_DAMAGED] = {.name = "damaged_copies", .dim = PL_DIM_NONE, .out = true, .help = "copies whose data arrived damaged, so far"},
};

#define ILLEGAL_FUNCTION 1 /* "MODBUS Application Protocol Specification V1.1b3", section 7 */
#define ILLEGAL_ADDRESS 2
#define ILLEGAL_VALUE 3
#define NO_SLOT 0xFFFF
#define NEWS 0.002         /* of the node's cores: less is not worth a step of the world */
#define DAMAGE 0x5A5A0001  /* any will do */
#define MEMORY_AT_REST 0.3 /* of what a run may use; the rest goes with its cores */
#define MIB_PER_GB (1e9 / 1048576)

struct run {
  struct pl_agent_run is;
  double use;            /* share of its cores, since the last whole grain */
  uint64_t rest;         /* of the work that is not a whole unit yet */
  pl_time_ns from, until; /* COPYING */
  uint64_t work;         /* COPYING: of the snapshot, with its checksum in `is` */
  uint32_t damage;       /* of its data: what its checksum differs by; 0: none */
};

struct twin {
  struct pl_twin_io *io;
  int64_t cores_m, memory_MiB, storage_MiB, copy_MiB_s;
  double base;           /* workload of the part without any run */
  struct run runs[PL_AGENT_RUNS_MAX];
  pl_time_ns now;
  bool booted;
  long unit;
  double damaged;        /* copies, so far */
  uint32_t boots;
  uint16_t box[PL_NA_BOX], result, slot;
};

/* --- life --- */

static double of_part(struct pl_twin_io *io, const char *key)
{
  const char *text = pl_twin_part_text(io, key);
  return text ? strtod(text, NULL) : 0;
}

static int64_t told(const struct pl_twin_args *args, size_t param, int64_t scale, double of_its_part)
{
  const struct pl_value *value = &args->values->items[param];
  return value->given ? value->number * scale : llround(of_its_part);
}

static enum pl_status twin_create(const struct pl_twin_args *args, void **self, struct pl_err *err)
{
  struct pl_twin_io *io = args->io;
  struct twin *twin = calloc(1, sizeof *twin);
  if (!twin)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", args->device);
  *twin = (struct twin){
      .io = io,
      .cores_m = told(args, PL_NA_CORES, 1000, of_part(io, "cpus") * of_part(io, "cpu-cores") * 1000),
      .memory_MiB = told(args, PL_NA_MEMORY, 1024, of_part(io, "memory") * 1024),
      .storage_MiB = args->values->items[PL_NA_STORAGE].given ? llround((double)args->values->items[PL_NA_STORAGE].number * MIB_PER_GB)
                                                              : llround(of_part(io, "drives") * of_part(io, "drive-size") * MIB_PER_GB),
      .copy_MiB_s = args->values->items[PL_NA_COPY_RATE].number,
      .base = pl_twin_out_value(io, PORT_WORKLOAD),
      .now = pl_twin_now(io),
      .unit = lround(pl_twin_in(io, PORT_UNIT)),
      .slot = NO_SLOT,
  };
  if (twin->cores_m > 0) {
    *self = twin;
    return PL_OK;
  }
  free(twin);
  return pl_fail(err, PL_E_USAGE, "%s: its part does not say how many cores it has; say cores: N", args->device);
}

/* --- time --- */

static int64_t used_m(const struct run *run)
{
  return run->is.state == PL_AGENT_RUN_RUNNING ? llround(run->use * (double)run->is.cores_m) : 0;
}

static int64_t all_used_m(const struct twin *twin)
{
  int64_t sum = 0;
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++)
    sum += used_m(&twin->runs[i]);
  return sum;
}

static void look(struct run *run, pl_time_ns at)
{
  run->use = pl_na_image_use(run->is.image, at, run->is.cores_m, run->is.work);
}

static void work(struct run *run, pl_time_ns span)
{
  run->rest += (uint64_t)used_m(run) * (uint64_t)span;
  run->is.work += run->rest / PL_MS;
  run->rest %= PL_MS;
}

static uint32_t checksum(const struct run *run)
{
  return pl_na_checksum(&run->is) ^ run->damage;
}

/* The copy is there: is it what was sent? */
static void judge_copy(struct twin *twin, struct run *run)
{
  uint32_t wanted = run->is.checksum;
  run->is.work = run->work;
  run->is.copied = 1;
  if (pl_twin_in(twin->io, PORT_DAMAGE) > 0.5) {
    run->damage = DAMAGE;
    pl_twin_out(twin->io, PORT_DAMAGED, ++twin->damaged);
  }
  run->is.checksum = checksum(run);
  run->is.state = run->is.checksum == wanted ? PL_AGENT_RUN_READY : PL_AGENT_RUN_FAILED;
}

/* No grain and no end of a copy lies between `twin->now` and `at`. */
static void pass(struct twin *twin, pl_time_ns at)
{
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++) {
    struct run *run = &twin->runs[i];
    if (run->is.state == PL_AGENT_RUN_RUNNING) {
      work(run, at - twin->now);
      if (at % PL_NA_GRAIN == 0)
        look(run, at);
    } else if (run->is.state == PL_AGENT_RUN_COPYING && at >= run->until) {
      judge_copy(twin, run);
    }
  }
  twin->now = at;
}

static pl_time_ns next_event(const struct twin *twin)
{
  pl_time_ns next = PL_NEVER, grain = (twin->now / PL_NA_GRAIN + 1) * PL_NA_GRAIN;
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++) {
    const struct run *run = &twin->runs[i];
    if (run->is.state == PL_AGENT_RUN_COPYING && run->until < next)
      next = run->until;
    if (run->is.state == PL_AGENT_RUN_RUNNING && pl_na_image_changes(run->is.image) && grain < next)
      next = grain;
  }
  return next;
}

static void show(struct twin *twin)
{
  double wanted = fmin(1, twin->base + (double)all_used_m(twin) / (double)twin->cores_m), shown = pl_twin_out_value(twin->io, PORT_WORKLOAD);
  if (fabs(wanted - shown) >= NEWS || (wanted <= twin->base && shown > wanted))
    pl_twin_out(twin->io, PORT_WORKLOAD, wanted);
}

/* What was in the work is lost; what is on the drives stays, unless they went with the unit. */
static void lose(struct twin *twin)
{
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++) {
    struct run *run = &twin->runs[i];
    if (run->is.state == PL_AGENT_RUN_COPYING)
      run->is.copied = 0;
    if (run->is.state == PL_AGENT_RUN_COPYING || run->is.state == PL_AGENT_RUN_RUNNING)
      run->is.state = PL_AGENT_RUN_FAILED;
  }
}

static void follow_power(struct twin *twin)
{
  bool booted = pl_twin_in(twin->io, PORT_BOOTED) > 0.5;
  long unit = lround(pl_twin_in(twin->io, PORT_UNIT));
  if (twin->booted && !booted)
    lose(twin);
  if (unit != twin->unit) {
    memset(twin->runs, 0, sizeof twin->runs);
    if (of_part(twin->io, "spare-memory") > 0)
      twin->memory_MiB = llround(of_part(twin->io, "spare-memory") * 1024);
  }
  if (!twin->booted && booted) {
    twin->boots++;
    memset(twin->box, 0, sizeof twin->box);
    twin->result = PL_NA_DONE;
    twin->slot = NO_SLOT;
  }
  twin->booted = booted;
  twin->unit = unit;
}

static void accrue(struct twin *twin, pl_time_ns now)
{
  for (pl_time_ns next; twin->booted && (next = next_event(twin)) <= now;)
    pass(twin, next);
  if (twin->booted && now > twin->now)
    pass(twin, now);
  twin->now = now > twin->now ? now : twin->now;
  follow_power(twin);
  show(twin);
}

static void twin_tick(void *self, pl_time_ns now)
{
  accrue(self, now);
}

static pl_time_ns twin_due(void *self)
{
  const struct twin *twin = self;
  return twin->booted ? next_event(twin) : PL_NEVER;
}

static bool twin_answers(void *self)
{
  struct twin *twin = self;
  accrue(twin, pl_twin_now(twin->io));
  return twin->booted;
}

/* --- commands --- */

static struct run *find(struct twin *twin, uint32_t handle)
{
  for (size_t i = 0; handle && i < PL_AGENT_RUNS_MAX; i++)
    if (twin->runs[i].is.handle == handle)
      return &twin->runs[i];
  return NULL;
}

/* What failed holds its place and its data, and nothing else. */
static enum pl_na_result check_room(const struct twin *twin, const struct pl_agent_run *wanted, const struct run *but)
{
  int64_t cores = wanted->cores_m, memory = wanted->memory_MiB, data = wanted->data_MiB;
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++) {
    const struct run *run = &twin->runs[i];
    if (run == but || run->is.state == PL_AGENT_RUN_NONE)
      continue;
    data += run->is.data_MiB;
    cores += run->is.state == PL_AGENT_RUN_FAILED ? 0 : run->is.cores_m;
    memory += run->is.state == PL_AGENT_RUN_FAILED ? 0 : run->is.memory_MiB;
  }
  if (cores > twin->cores_m)
    return PL_NA_NO_CORES;
  if (memory > twin->memory_MiB)
    return PL_NA_NO_MEMORY;
  return data > twin->storage_MiB ? PL_NA_NO_STORAGE : PL_NA_DONE;
}

/* Room for a new run, by its values. */
static enum pl_na_result take_in(struct twin *twin, const struct pl_na_box *box, struct run **out)
{
  char text[PL_NA_IMAGE_ROOM];
  if (!box->run.handle || !box->run.cores_m || !pl_na_image_text(box->run.image, text))
    return PL_NA_BAD_VALUE;
  if (find(twin, box->run.handle))
    return PL_NA_HANDLE_THERE;
  enum pl_na_result result = check_room(twin, &box->run, NULL);
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX && !result; i++) {
    struct run *run = &twin->runs[i];
    if (run->is.state != PL_AGENT_RUN_NONE)
      continue;
    *run = (struct run){.is = {.handle = box->run.handle, .cores_m = box->run.cores_m, .memory_MiB = box->run.memory_MiB, .data_MiB = box->run.data_MiB,
                               .image = box->run.image}};
    *out = run;
    return PL_NA_DONE;
  }
  return result ? result : PL_NA_NO_SLOT;
}

static void run_it(struct twin *twin, struct run *run)
{
  run->is.state = PL_AGENT_RUN_RUNNING;
  look(run, twin->now);
}

static enum pl_na_result deploy(struct twin *twin, const struct pl_na_box *box, struct run **run)
{
  enum pl_na_result result = take_in(twin, box, run);
  if (!result)
    run_it(twin, *run);
  return result;
}

static enum pl_na_result restore(struct twin *twin, const struct pl_na_box *box, struct run **out)
{
  enum pl_na_result result = take_in(twin, box, out);
  if (result)
    return result;
  struct run *run = *out;
  run->is.state = PL_AGENT_RUN_COPYING;
  run->is.checksum = box->run.checksum;
  run->work = box->run.work;
  run->from = twin->now;
  run->until = twin->now + (pl_time_ns)((double)run->is.data_MiB / (double)twin->copy_MiB_s * (double)PL_S);
  return PL_NA_DONE;
}

static enum pl_na_result stop(struct twin *twin, const struct pl_na_box *box, struct run **run)
{
  (void)twin;
  (void)box;
  **run = (struct run){.use = 0};
  *run = NULL;
  return PL_NA_DONE;
}

static enum pl_na_result snapshot(struct twin *twin, const struct pl_na_box *box, struct run **run)
{
  (void)twin;
  (void)box;
  (*run)->is.state = PL_AGENT_RUN_READY;
  return PL_NA_DONE;
}

static enum pl_na_result start(struct twin *twin, const struct pl_na_box *box, struct run **run)
{
  (void)box;
  run_it(twin, *run);
  return PL_NA_DONE;
}

static enum pl_na_result resize(struct twin *twin, const struct pl_na_box *box, struct run **out)
{
  struct run *run = *out;
  struct pl_agent_run wanted = run->is;
  wanted.cores_m = box->run.cores_m;
  wanted.memory_MiB = box->run.memory_MiB;
  enum pl_na_result result = wanted.cores_m ? check_room(twin, &wanted, run) : PL_NA_BAD_VALUE;
  if (!result)
    run->is = wanted;
  if (!result && run->is.state == PL_AGENT_RUN_RUNNING)
    look(run, twin->now);
  return result;
}

#define STATE(state) (1u << PL_AGENT_RUN_##state)
static const struct {
  enum pl_na_result (*execute)(struct twin *twin, const struct pl_na_box *box, struct run **run);
  unsigned states; /* of the run; 0: there must be none yet */
} OPS[] = {
    [PL_AGENT_DEPLOY] = {deploy, 0},
    [PL_AGENT_STOP] = {stop, STATE(COPYING) | STATE(READY) | STATE(RUNNING) | STATE(FAILED)},
    [PL_AGENT_SNAPSHOT] = {snapshot, STATE(READY) | STATE(RUNNING)},
    [PL_AGENT_RESTORE] = {restore, 0},
    [PL_AGENT_START] = {start, STATE(READY)},
    [PL_AGENT_RESIZE] = {resize, STATE(READY) | STATE(RUNNING)},
};

static enum pl_na_result execute(struct twin *twin, const struct pl_na_box *box, struct run **run)
{
  if (box->op >= sizeof OPS / sizeof *OPS || !OPS[box->op].execute || !box->run.handle)
    return PL_NA_BAD_VALUE;
  *run = OPS[box->op].states ? find(twin, box->run.handle) : NULL;
  if (OPS[box->op].states && !*run)
    return PL_NA_NO_HANDLE;
  if (*run && !(OPS[box->op].states & 1u << (*run)->is.state))
    return (*run)->is.state == PL_AGENT_RUN_COPYING ? PL_NA_COPYING : PL_NA_WRONG_STATE;
  return OPS[box->op].execute(twin, box, run);
}

/* --- registers --- */

static int exception_of(uint16_t result)
{
#define EXCEPTION_ROW(name, exception, status, text) [PL_NA_##name] = exception,
  static const uint8_t EXCEPTIONS[] = {PL_NA_RESULTS(EXCEPTION_ROW)};
#undef EXCEPTION_ROW
  return EXCEPTIONS[result];
}

static double memory_of(const struct run *run)
{
  return run->is.state == PL_AGENT_RUN_RUNNING ? (double)run->is.memory_MiB * (MEMORY_AT_REST + (1 - MEMORY_AT_REST) * run->use) : 0;
}

static void tell_head(const struct twin *twin, uint16_t words[PL_NA_HEAD])
{
  struct pl_na_head head = {.boots = twin->boots, .cores_m = (uint32_t)twin->cores_m, .memory_MiB = (uint32_t)twin->memory_MiB,
                            .storage_MiB = (uint32_t)twin->storage_MiB, .used_cores_m = (uint32_t)all_used_m(twin), .sequence = twin->box[PL_NA_BOX_SEQUENCE],
                            .result = twin->result, .slot = twin->slot};
  double memory = 0;
  for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++) {
    memory += memory_of(&twin->runs[i]);
    head.runs |= (uint16_t)(twin->runs[i].is.state != PL_AGENT_RUN_NONE ? 1u << i : 0);
  }
  head.used_memory_MiB = (uint32_t)llround(memory);
  pl_na_head_encode(&head, words);
}

static void tell_run(const struct twin *twin, const struct run *run, uint16_t words[PL_NA_RUN])
{
  struct pl_agent_run is = run->is;
  is.used_cores = (double)used_m(run) / 1000;
  is.used_memory_MiB = memory_of(run);
  if (is.state == PL_AGENT_RUN_COPYING) { /* never all of it: then it is no copy any more */
    is.copied = fmin(0.9999, (double)(twin->now - run->from) / (double)(run->until - run->from + 1));
    is.checksum = 0;
  } else if (is.state != PL_AGENT_RUN_NONE) {
    is.checksum = checksum(run);
  }
  pl_na_run_encode(&is, words);
}

/* Of one area; false: it is not all in there. */
static bool within(uint16_t address, size_t count, size_t from, size_t length)
{
  return address >= from && address + count <= from + length;
}

static int twin_read(void *self, enum pl_modbus_table table, uint16_t address, size_t count, uint16_t *values)
{
  struct twin *twin = self;
  uint16_t runs[PL_AGENT_RUNS_MAX * PL_NA_RUN], head[PL_NA_HEAD];
  accrue(twin, pl_twin_now(twin->io));
  if (table != PL_TABLE_HOLDING && table != PL_TABLE_INPUT)
    return ILLEGAL_FUNCTION;
  if (table == PL_TABLE_HOLDING && within(address, count, 0, PL_NA_BOX)) {
    memcpy(values, twin->box + address, count * sizeof *values);
  } else if (table == PL_TABLE_INPUT && within(address, count, 0, PL_NA_HEAD)) {
    tell_head(twin, head);
    memcpy(values, head + address, count * sizeof *values);
  } else if (table == PL_TABLE_INPUT && within(address, count, PL_NA_RUNS_AT, sizeof runs / sizeof *runs)) {
    for (size_t i = 0; i < PL_AGENT_RUNS_MAX; i++)
      tell_run(twin, &twin->runs[i], runs + i * PL_NA_RUN);
    memcpy(values, runs + address - PL_NA_RUNS_AT, count * sizeof *values);
  } else {
    return ILLEGAL_ADDRESS;
  }
  return 0;
}

static int twin_write(void *self, enum pl_modbus_table table, uint16_t address, size_t count, const uint16_t *values)
{
  struct twin *twin = self;
  struct pl_na_box box;
  struct run *run = NULL;
  accrue(twin, pl_twin_now(twin->io));
  if (table != PL_TABLE_HOLDING)
    return ILLEGAL_FUNCTION;
  if (address || count != PL_NA_BOX)
    return ILLEGAL_ADDRESS;
  if (values[PL_NA_BOX_SEQUENCE] == twin->box[PL_NA_BOX_SEQUENCE]) /* once more, or 0 before the first */
    return values[PL_NA_BOX_SEQUENCE] && !memcmp(values, twin->box, sizeof twin->box) ? exception_of(twin->result) : ILLEGAL_VALUE;
  if (!values[PL_NA_BOX_SEQUENCE])
    return ILLEGAL_VALUE;
  memcpy(twin->box, values, sizeof twin->box);
  pl_na_box_decode(values, &box);
  twin->result = (uint16_t)execute(twin, &box, &run);
  twin->slot = run ? (uint16_t)(run - twin->runs) : NO_SLOT;
  accrue(twin, twin->now); /* a copy of nothing is there at once; the workload is another */
  return exception_of(twin->result);
}

const struct pl_twin_desc pl_twin_node_agent = {
    .driver = "node-agent",
    .ports = ports,
    .n_ports = sizeof ports / sizeof ports[0],
    .create = twin_create,
    .destroy = free,
    .tick = twin_tick,
    .tick_due = twin_due,
    .answers = twin_answers,
    .modbus_read = twin_read,
    .modbus_write = twin_write,
};
