/* SPDX-License-Identifier: Apache-2.0 */
/* One run, in memory: its journal is heard line by line and kept nowhere. */
#include "host/coverage/one.h"
#include "host/journal/json.h"

#include <string.h>

/* The start of virtual time: 2026-01-01T00:00:00Z, as in every run. */
#define EPOCH_NS (1767225600LL * 1000000000LL)

struct ear {
  struct pl_one *one;
  const struct pl_interlock_rules *rules;
  struct pl_json json;
};

static void keep(char *out, size_t size, const struct pl_json_node *node)
{
  snprintf(out, size, "%.*s", node ? (int)node->len : 0, node ? node->text : "");
}

/* A trip that nobody expected is told as a finding, too ("interlock-leak"); the sequence's own are others. */
static bool is_trip(const struct ear *ear, const struct pl_json_node *verdict)
{
  char name[128];
  for (size_t i = 0; i < pl_interlock_count(ear->rules); i++) {
    snprintf(name, sizeof name, "interlock-%s", pl_interlock_name(ear->rules, i));
    if (pl_json_is(verdict, name))
      return true;
  }
  return false;
}

static void on_diagnosis(const struct ear *ear, const struct pl_json_node *diagnosis)
{
  struct pl_one *one = ear->one;
  if (one->found || !pl_json_is(pl_json_get(diagnosis, "type"), "FAIL"))
    return;
  if (is_trip(ear, pl_json_get(diagnosis, "verdict"))) {
    one->interlock = true;
    keep(one->message, sizeof one->message, pl_json_get(diagnosis, "message"));
    return;
  }
  one->found = true;
  keep(one->verdict, sizeof one->verdict, pl_json_get(diagnosis, "verdict"));
  keep(one->blamed, sizeof one->blamed, pl_json_get(diagnosis, "hardwareInfoId"));
  keep(one->message, sizeof one->message, pl_json_get(diagnosis, "message"));
}

static void on_error(struct pl_one *one, const struct pl_json_node *error)
{
  if (*one->message)
    return;
  keep(one->verdict, sizeof one->verdict, pl_json_get(error, "symptom"));
  keep(one->message, sizeof one->message, pl_json_get(error, "message"));
}

static bool has(const char *line, size_t len, const char *word)
{
  return memmem(line, len, word, strlen(word)) != NULL;
}

static void on_line(void *ctx, const char *line, size_t len)
{
  struct ear *ear = ctx;
  bool diagnosis = has(line, len, "\"diagnosis\":{"), error = has(line, len, "\"error\":{");
  if ((!diagnosis && !error) || pl_json_parse(&ear->json, line, len, NULL))
    return;
  const struct pl_json_node *artifact = pl_json_get(&ear->json.nodes[0], "testStepArtifact");
  if (!artifact)
    artifact = pl_json_get(&ear->json.nodes[0], "testRunArtifact");
  if (diagnosis)
    on_diagnosis(ear, pl_json_get(artifact, "diagnosis"));
  else
    on_error(ear->one, pl_json_get(artifact, "error"));
}

static enum pl_status drive(const struct pl_coverage_cfg *cfg, size_t sequence, uint64_t seed, struct pl_bench *bench, struct pl_interlock *interlock,
                            struct pl_journal *journal, enum pl_engine_outcome *outcome, struct pl_err *err)
{
  const struct pl_engine_cfg engine = {
      .bench = bench,
      .journal = journal,
      .rules = cfg->rules,
      .interlock = interlock,
      .params = cfg->params,
      .n_params = cfg->n_params,
      .limits_path = cfg->limits,
      .answers_path = cfg->answers,
      .dut_id = cfg->rig->name,
      .command_line = "plumb coverage",
      .seed = seed,
  };
  return pl_engine_run(cfg->sequences[sequence], &engine, outcome, err);
}

struct planted {
  const char *spec;
  bool acted;
};

static void on_planted(void *ctx, const struct pl_fault_told *each)
{
  struct planted *planted = ctx;
  planted->acted |= !strcmp(each->spec, planted->spec) && each->acted;
}

static bool acted(const struct pl_bench *bench, const char *spec)
{
  const struct pl_backend_desc *desc = pl_bench_backend_desc(bench);
  struct planted planted = {.spec = spec};
  bool told = spec && desc && desc->planted && !desc->planted(pl_bench_backend(bench), on_planted, &planted, NULL);
  return !told || planted.acted;
}

static void run(const struct pl_coverage_cfg *cfg, size_t sequence, const char *spec, uint64_t seed, struct pl_clock *clock, struct pl_one *one)
{
  struct pl_err err = {0};
  struct pl_bench *bench = NULL;
  struct pl_journal *journal = NULL;
  struct pl_interlock *interlock = NULL;
  struct ear ear = {.one = one, .rules = cfg->rules};
  enum pl_engine_outcome outcome = PL_RUN_ERROR;
  const struct pl_bench_cfg bench_cfg = {.clock = clock, .seed = seed, .faults = &spec, .n_faults = spec ? 1 : 0};
  enum pl_status status = pl_bench_open(cfg->rig, &bench_cfg, &bench, &err);
  one->refused = status && spec && !strncmp(err.text, "fault '", 7);
  if (!status && cfg->rules)
    status = pl_interlock_open(cfg->rules, bench, &interlock, &err);
  if (!status)
    status = pl_journal_open(NULL, clock, &journal, &err);
  if (!status) {
    pl_journal_listen(journal, on_line, &ear);
    status = drive(cfg, sequence, seed, bench, interlock, journal, &outcome, &err);
    one->acted = acted(bench, spec);
    pl_journal_close(journal, NULL);
  }
  one->unjudged = outcome == PL_RUN_ERROR || outcome == PL_RUN_ABORTED;
  if (status && !*one->message)
    snprintf(one->message, sizeof one->message, "%s", err.text);
  one->seconds = (double)pl_clock_now(clock) / (double)PL_S;
  pl_interlock_close(interlock);
  pl_bench_close(bench);
  pl_json_free(&ear.json);
}

void pl_one_run(const struct pl_coverage_cfg *cfg, size_t sequence, const char *spec, uint64_t seed, struct pl_one *one)
{
  struct pl_clock *clock = NULL;
  struct pl_err err = {0};
  if (pl_clock_new_virtual(EPOCH_NS, &clock, &err)) {
    one->unjudged = true;
    snprintf(one->message, sizeof one->message, "%s", err.text);
    return;
  }
  run(cfg, sequence, spec, seed, clock, one);
  pl_clock_free(clock);
}

/* --- whose fault the first finding says it is --- */

/* rack_only: without the bench's. */
static size_t devices_at(const struct pl_rig *rig, const struct pl_rig_part *part, bool rack_only)
{
  size_t count = 0;
  for (size_t i = 0; i < rig->n_devices; i++)
    count += rig->devices[i].part == part && !(rack_only && rig->devices[i].owner == PL_OWNER_BENCH);
  return count;
}

/* The bench's instruments at a slot are not the slot; where only the bench has something it is the bench's part. */
static bool belongs_to(const struct pl_rig *rig, const struct pl_rig_device *device, const char *part)
{
  if (!device || !device->part || !part || strcmp(device->part->name, part) != 0)
    return false;
  return device->owner != PL_OWNER_BENCH || !devices_at(rig, device->part, true);
}

static bool same(const char *a, const char *b)
{
  return a && b && !strcmp(a, b);
}

/* A run that could not judge names whom it could not ask at the beginning of its sentence: "monitor-3 (i2c-bench-1, address 0x42): ...". */
static const char *who_was_asked(const struct pl_rig *rig, const char *message)
{
  for (size_t i = 0; i < rig->n_devices; i++) {
    size_t len = strlen(rig->devices[i].name);
    if (!strncmp(message, rig->devices[i].name, len) && strchr(" :", message[len]) && message[len])
      return rig->devices[i].name;
  }
  return NULL;
}

/*
 * Right is what a technician would mend it by. A device: that device, or its part where it is all that the part has. A bus: the bus by its name, or a
 * device on it in a sentence that names the bus. A part: itself or what belongs to it.
 */
static bool names_it(const struct pl_rig *rig, const struct pl_fault_case *fault, const char *blamed, const char *message)
{
  const struct pl_rig_device *device = pl_rig_device(rig, blamed);
  if (fault->device) {
    const struct pl_rig_device *broken = pl_rig_device(rig, fault->device);
    return same(blamed, fault->device) || (broken && broken->part && same(blamed, broken->part->name) && devices_at(rig, broken->part, false) == 1);
  }
  if (fault->bus)
    return same(blamed, fault->bus) || (device && same(device->bus->name, fault->bus) && strstr(message, fault->bus));
  return same(blamed, fault->part) || belongs_to(rig, device, fault->part);
}

enum pl_cell_outcome pl_one_judge(const struct pl_rig *rig, const struct pl_fault_case *fault, const struct pl_one *one)
{
  if (one->refused)
    return PL_CELL_REFUSED;
  if (one->found)
    return names_it(rig, fault, one->blamed, one->message) ? PL_CELL_CAUGHT : PL_CELL_WRONG_PART;
  if (one->unjudged) {
    const char *asked = who_was_asked(rig, one->message);
    return asked && names_it(rig, fault, asked, one->message) ? PL_CELL_CAUGHT : PL_CELL_UNJUDGED;
  }
  if (one->interlock)
    return PL_CELL_INTERLOCK;
  return one->acted ? PL_CELL_MISSED : PL_CELL_IDLE;
}
