/* SPDX-License-Identifier: Apache-2.0 */
/* From the lines of a journal to the model: one function per artifact of OCP T&V 2.0. */
#include "reports/model.h"

#include "host/journal/reader.h"
#include "host/journal/stamp.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* reports walk the tree by recursion */

struct loader {
  struct pl_report *report;
  struct pl_reader *reader;
  struct pl_err *err;
  int64_t at; /* time stamp of the line */
  int64_t sequence;
};

typedef const struct pl_json_node *node;

static enum pl_status no_memory(struct loader *l)
{
  return pl_fail(l->err, PL_E_NOMEM, "out of memory for the report");
}

static pl_str keep(struct loader *l, node n)
{
  if (!n || n->kind == PL_JSON_NULL)
    return 0;
  return pl_strings_keep(&l->report->strings, n->text, n->len);
}

static pl_str keep_of(struct loader *l, node object, const char *key)
{
  return keep(l, pl_json_get(object, key));
}

static uint32_t count_of(node object, const char *key)
{
  node n = pl_json_get(object, key);
  return n && n->kind == PL_JSON_NUMBER && n->number >= 0 && n->number < UINT32_MAX ? (uint32_t)n->number : 0;
}

static bool put_val(struct loader *l, node n, struct pl_val *value)
{
  if (!n)
    return false;
  switch (n->kind) {
  case PL_JSON_NUMBER: *value = (struct pl_val){.kind = PL_VAL_NUMBER, .number = n->number}; return true;
  case PL_JSON_STRING: *value = (struct pl_val){.kind = PL_VAL_TEXT, .text = keep(l, n)}; return true;
  case PL_JSON_TRUE:
  case PL_JSON_FALSE: *value = (struct pl_val){.kind = PL_VAL_BOOL, .flag = n->kind == PL_JSON_TRUE}; return true;
  case PL_JSON_ARRAY: *value = (struct pl_val){.kind = PL_VAL_SET, .text = keep(l, n)}; return true;
  default: return false;
  }
}

/* --- the run --- */

static enum pl_status load_pairs(struct loader *l, node object, bool metadata)
{
  for (node n = pl_json_first(object); n; n = pl_json_next(n)) {
    struct pl_pair *pair = metadata ? PL_LIST_ADD(&l->report->metadata) : PL_LIST_ADD(&l->report->parameters);
    if (!pair)
      return no_memory(l);
    pair->name = pl_strings_keep(&l->report->strings, n->key, n->key ? n->key_len : 0);
    pair->value = keep(l, n);
  }
  return PL_OK;
}

static enum pl_status load_hardware(struct loader *l, node list)
{
  for (node n = pl_json_first(list); n; n = pl_json_next(n)) {
    struct pl_hw *hw = PL_LIST_ADD(&l->report->hardware);
    if (!hw)
      return no_memory(l);
    hw->id = keep_of(l, n, "hardwareInfoId");
    hw->name = keep_of(l, n, "name");
    hw->location = keep_of(l, n, "location");
    hw->serial = keep_of(l, n, "serialNumber");
    hw->model = keep_of(l, n, "manufacturerPartNumber");
    if (!hw->model)
      hw->model = keep_of(l, n, "partNumber");
    hw->manufacturer = keep_of(l, n, "manufacturer");
    hw->revision = keep_of(l, n, "revision");
    hw->firmware = keep_of(l, n, "version");
  }
  return PL_OK;
}

static enum pl_status load_software(struct loader *l, node list)
{
  for (node n = pl_json_first(list); n; n = pl_json_next(n)) {
    struct pl_sw *sw = PL_LIST_ADD(&l->report->software);
    if (!sw)
      return no_memory(l);
    sw->id = keep_of(l, n, "softwareInfoId");
    sw->name = keep_of(l, n, "name");
    sw->version = keep_of(l, n, "version");
    sw->type = keep_of(l, n, "softwareType");
  }
  return PL_OK;
}

static enum pl_status load_run_start(struct loader *l, uint32_t step, node n)
{
  (void)step;
  struct pl_report *r = l->report;
  if (r->started)
    return pl_reader_fail(l->reader, l->err, "a second testRunStart");
  node dut = pl_json_get(n, "dutInfo");
  r->started = true;
  r->name = keep_of(l, n, "name");
  r->version = keep_of(l, n, "version");
  r->command_line = keep_of(l, n, "commandLine");
  r->dut = keep_of(l, dut, "dutInfoId");
  r->dut_name = keep_of(l, dut, "name");
  enum pl_status status = load_pairs(l, pl_json_get(n, "parameters"), false);
  if (!status)
    status = load_pairs(l, pl_json_get(n, "metadata"), true);
  if (!status)
    status = load_hardware(l, pl_json_get(dut, "hardwareInfos"));
  if (!status)
    status = load_software(l, pl_json_get(dut, "softwareInfos"));
  return status;
}

static enum pl_status load_run_end(struct loader *l, uint32_t step, node n)
{
  (void)step;
  static const struct {
    const char *status, *result;
    enum pl_verdict verdict;
  } ENDS[] = {{"COMPLETE", "PASS", PL_VERDICT_PASS},
              {"COMPLETE", "FAIL", PL_VERDICT_FAIL},
              {"ERROR", "NOT_APPLICABLE", PL_VERDICT_ERROR},
              {"SKIP", "NOT_APPLICABLE", PL_VERDICT_SKIP}};
  for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
    if (pl_json_is(pl_json_get(n, "status"), ENDS[i].status) && pl_json_is(pl_json_get(n, "result"), ENDS[i].result)) {
      l->report->ended = true;
      l->report->said = (uint8_t)ENDS[i].verdict;
      return PL_OK;
    }
  return pl_reader_fail(l->reader, l->err, "testRunEnd with a status and result that do not go together");
}

/* --- notes, of the run or of a step --- */

static enum pl_status load_note(struct loader *l, uint32_t step, node n, bool error)
{
  node label = pl_json_get(n, error ? "symptom" : "severity");
  if (!label)
    return pl_reader_fail(l->reader, l->err, error ? "an error without its symptom" : "a log without its severity");
  struct pl_noted *note = PL_LIST_ADD(&l->report->notes);
  if (!note)
    return no_memory(l);
  node source = pl_json_get(n, "sourceLocation");
  *note = (struct pl_noted){.at = l->at, .label = keep(l, label), .message = keep_of(l, n, "message"), .file = keep_of(l, source, "file"),
                            .line = count_of(source, "line"), .step = step, .error = error};
  if (error && step != PL_NONE)
    l->report->steps.items[step].has_error = true;
  return PL_OK;
}

static enum pl_status load_log(struct loader *l, uint32_t step, node n)
{
  return load_note(l, step, n, false);
}

static enum pl_status load_error(struct loader *l, uint32_t step, node n)
{
  return load_note(l, step, n, true);
}

/* --- steps --- */

static uint32_t find_step(const struct pl_report *r, node id)
{
  if (!id || id->kind != PL_JSON_STRING || !id->len)
    return PL_NONE;
  size_t guess = 0; /* ours count from 0 */
  for (uint32_t i = 0; i < id->len && i < 9; i++)
    guess = guess * 10 + (size_t)(id->text[i] - '0');
  for (size_t i = 0; i <= r->steps.count; i++) {
    size_t at = i ? r->steps.count - i : guess;
    if (at >= r->steps.count)
      continue;
    const char *have = pl_text_of(r, r->steps.items[at].id);
    if (!strncmp(have, id->text, id->len) && !have[id->len])
      return (uint32_t)at;
  }
  return PL_NONE;
}

static enum pl_status load_step_start(struct loader *l, node id, node n)
{
  struct pl_stepped *step = PL_LIST_ADD(&l->report->steps);
  if (!step)
    return no_memory(l);
  step->id = keep(l, id);
  step->name = keep_of(l, n, "name");
  step->start = l->at;
  step->attempt = 1;
  step->parent = step->child = step->last_child = step->sibling = PL_NONE;
  step->measurement = step->last_measurement = PL_NONE;
  return PL_OK;
}

static enum pl_status load_step_end(struct loader *l, uint32_t step, node n)
{
  static const char *const STATES[] = {[PL_STATE_COMPLETE] = "COMPLETE", [PL_STATE_ERROR] = "ERROR", [PL_STATE_SKIP] = "SKIP"};
  for (size_t i = PL_STATE_COMPLETE; i <= PL_STATE_SKIP; i++)
    if (pl_json_is(pl_json_get(n, "status"), STATES[i])) {
      l->report->steps.items[step].state = (uint8_t)i;
      l->report->steps.items[step].end = l->at;
      return PL_OK;
    }
  return pl_reader_fail(l->reader, l->err, "testStepEnd without a known status");
}

static enum pl_status load_step_extension(struct loader *l, uint32_t at, node content)
{
  struct pl_stepped *step = &l->report->steps.items[at];
  step->kind = keep_of(l, content, "kind");
  step->file = keep_of(l, content, "file");
  step->line = count_of(content, "line");
  step->attempt = count_of(content, "attempt");
  node parent = pl_json_get(content, "parent");
  if (!parent)
    return PL_OK;
  step->parent = find_step(l->report, parent);
  if (step->parent >= at) /* a parent starts before its children: no circles */
    return pl_reader_fail(l->reader, l->err, "a step inside a step that had not started");
  step->depth = l->report->steps.items[step->parent].depth + 1;
  return step->depth <= DEPTH_MAX ? PL_OK : pl_reader_fail(l->reader, l->err, "steps nested more than %d deep", DEPTH_MAX);
}

static enum pl_status load_extension(struct loader *l, uint32_t step, node n)
{
  node name = pl_json_get(n, "name"), content = pl_json_get(n, "content");
  if (!name || !content)
    return pl_reader_fail(l->reader, l->err, "an extension without name or content");
  if (pl_json_is(name, "step"))
    return load_step_extension(l, step, content);
  if (pl_json_is(name, "step-result")) {
    node failed = pl_json_get(content, "failed");
    l->report->steps.items[step].failed = failed && failed->kind == PL_JSON_TRUE;
    return PL_OK;
  }
  struct pl_extended *extension = PL_LIST_ADD(&l->report->extensions);
  if (!extension)
    return no_memory(l);
  *extension = (struct pl_extended){.name = keep(l, name), .content = keep(l, content), .step = step};
  return PL_OK;
}

/* --- measurements --- */

static bool find_check(node type, uint8_t *check)
{
#define CHECK_IS(name, sign)             \
  if (pl_json_is(type, #name)) {         \
    *check = (uint8_t)PL_CHECK_##name;   \
    return true;                         \
  }
  PL_CHECK_MAP(CHECK_IS)
#undef CHECK_IS
  return false;
}

static enum pl_status load_limits(struct loader *l, node list, uint32_t *first, uint16_t *count)
{
  *first = (uint32_t)l->report->limits.count;
  *count = 0;
  for (node n = pl_json_first(list); n; n = pl_json_next(n)) {
    struct pl_limit *limit = PL_LIST_ADD(&l->report->limits);
    if (!limit)
      return no_memory(l);
    if (!find_check(pl_json_get(n, "type"), &limit->check) || !put_val(l, pl_json_get(n, "value"), &limit->value) || ++*count == UINT16_MAX)
      return pl_reader_fail(l->reader, l->err, "a validator without a known type or a value");
    limit->source = keep_of(l, n, "name");
  }
  return PL_OK;
}

static enum pl_status load_measurement(struct loader *l, uint32_t step, node n)
{
  struct pl_report *r = l->report;
  struct pl_measured *m = PL_LIST_ADD(&r->measurements);
  if (!m)
    return no_memory(l);
  node name = pl_json_get(n, "name");
  if (!name || !put_val(l, pl_json_get(n, "value"), &m->value))
    return pl_reader_fail(l->reader, l->err, "a measurement without name or value");
  m->at = l->at;
  m->name = keep(l, name);
  m->unit = keep_of(l, n, "unit");
  m->hardware = keep_of(l, n, "hardwareInfoId");
  m->subcomponent = keep_of(l, pl_json_get(n, "subcomponent"), "name");
  m->step = step;
  m->next = m->diagnosis = PL_NONE;
  uint32_t index = (uint32_t)r->measurements.count - 1;
  struct pl_stepped *owner = &r->steps.items[step];
  if (owner->last_measurement == PL_NONE)
    owner->measurement = index;
  else
    r->measurements.items[owner->last_measurement].next = index;
  owner->last_measurement = index;
  return load_limits(l, pl_json_get(n, "validators"), &m->limit, &m->n_limits);
}

static int plain(int c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : c >= 'A' && c <= 'Z' ? c | 32 : 0;
}

/* "slot-voltage-falls-pass" is the verdict of "slot voltage falls": letters and digits count, the rest is taste. */
static bool verdict_of(const char *verdict, size_t len, const char *name)
{
  size_t end = len;
  if (len > 5 && (!memcmp(verdict + len - 5, "-pass", 5) || !memcmp(verdict + len - 5, "-fail", 5)))
    end = len - 5;
  size_t i = 0;
  for (;; i++, name++) {
    while (i < end && !plain(verdict[i]) && !(verdict[i] & 0x80))
      i++;
    while (*name && !plain(*name) && !(*name & 0x80))
      name++;
    if (i == end || !*name)
      return i == end && !*name;
    if (plain(verdict[i]) != plain(*name) || (!plain(*name) && verdict[i] != *name))
      return false;
  }
}

static enum pl_status load_diagnosis(struct loader *l, uint32_t step, node n)
{
  struct pl_report *r = l->report;
  node verdict = pl_json_get(n, "verdict"), type = pl_json_get(n, "type");
  enum pl_judged judged = pl_json_is(type, "PASS") ? PL_JUDGED_PASS : pl_json_is(type, "FAIL") ? PL_JUDGED_FAIL : PL_UNJUDGED;
  if (!verdict || !type)
    return pl_reader_fail(l->reader, l->err, "a diagnosis without verdict or type");
  uint32_t last = r->steps.items[step].last_measurement;
  struct pl_measured *m = last == PL_NONE ? NULL : &r->measurements.items[last];
  if (m && (m->told || m->diagnosis != PL_NONE || !verdict_of(verdict->text, verdict->len, pl_text_of(r, m->name))))
    m = NULL;
  if (m)
    m->told = (uint8_t)judged;
  if (m && judged == PL_JUDGED_PASS)
    return PL_OK;
  struct pl_diagnosed *d = PL_LIST_ADD(&r->diagnoses);
  if (!d)
    return no_memory(l);
  node source = pl_json_get(n, "sourceLocation");
  *d = (struct pl_diagnosed){.at = l->at, .verdict = keep(l, verdict), .message = keep_of(l, n, "message"), .hardware = keep_of(l, n, "hardwareInfoId"),
                             .subcomponent = keep_of(l, pl_json_get(n, "subcomponent"), "name"), .file = keep_of(l, source, "file"),
                             .line = count_of(source, "line"), .step = step, .measurement = m ? last : PL_NONE, .type = (uint8_t)judged};
  if (m)
    m->diagnosis = (uint32_t)r->diagnoses.count - 1;
  return PL_OK;
}

/* --- series and files --- */

static struct pl_series *find_series(struct pl_report *r, node id)
{
  for (size_t i = r->series.count; id && i-- > 0;) {
    const char *have = pl_text_of(r, r->series.items[i].id);
    if (!strncmp(have, id->text, id->len) && !have[id->len])
      return &r->series.items[i];
  }
  return NULL;
}

static enum pl_status load_series_start(struct loader *l, uint32_t step, node n)
{
  struct pl_series *s = PL_LIST_ADD(&l->report->series);
  if (!s)
    return no_memory(l);
  s->id = keep_of(l, n, "measurementSeriesId");
  s->name = keep_of(l, n, "name");
  s->unit = keep_of(l, n, "unit");
  s->hardware = keep_of(l, n, "hardwareInfoId");
  s->step = step;
  return load_limits(l, pl_json_get(n, "validators"), &s->limit, &s->n_limits);
}

static enum pl_status load_series_element(struct loader *l, uint32_t step, node n)
{
  (void)step;
  struct pl_series *s = find_series(l->report, pl_json_get(n, "measurementSeriesId"));
  node value = pl_json_get(n, "value"), stamp = pl_json_get(n, "timestamp");
  int64_t at = l->at;
  if (!s || !value || (stamp && !pl_stamp_read(stamp->text, stamp->len, &at)))
    return pl_reader_fail(l->reader, l->err, "an element of no series, or without value or time");
  if (value->kind != PL_JSON_NUMBER)
    return PL_OK; /* texts are not drawn */
  if (!pl_list_room((void **)&s->points, s->count, &s->capacity, sizeof *s->points))
    return no_memory(l);
  s->points[s->count++] = (struct pl_point){at, value->number};
  return PL_OK;
}

static enum pl_status load_nothing(struct loader *l, uint32_t step, node n)
{
  (void)l, (void)step, (void)n; /* end messages carry nothing that is needed */
  return PL_OK;
}

static enum pl_status load_file(struct loader *l, uint32_t step, node n)
{
  struct pl_attached *file = PL_LIST_ADD(&l->report->files);
  if (!file)
    return no_memory(l);
  file->name = keep_of(l, n, "displayName");
  file->path = keep_of(l, pl_json_get(n, "metadata"), "path");
  if (!file->path)
    file->path = keep_of(l, n, "uri");
  file->type = keep_of(l, n, "contentType");
  file->step = step;
  return PL_OK;
}

/* --- lines --- */

struct artifact {
  const char *key;
  size_t len;
  enum pl_status (*load)(struct loader *l, uint32_t step, node n);
};

#define ARTIFACT(key, load) {key, sizeof(key) - 1, load}
static const struct artifact STEP_ARTIFACTS[] = {
    ARTIFACT("measurement", load_measurement),
    ARTIFACT("diagnosis", load_diagnosis),
    ARTIFACT("extension", load_extension),
    ARTIFACT("testStepEnd", load_step_end),
    ARTIFACT("measurementSeriesElement", load_series_element),
    ARTIFACT("log", load_log),
    ARTIFACT("error", load_error),
    ARTIFACT("measurementSeriesStart", load_series_start),
    ARTIFACT("measurementSeriesEnd", load_nothing),
    ARTIFACT("file", load_file),
    {NULL, 0, NULL},
};

static const struct artifact RUN_ARTIFACTS[] = {
    ARTIFACT("testRunStart", load_run_start), ARTIFACT("testRunEnd", load_run_end), ARTIFACT("log", load_log), ARTIFACT("error", load_error), {NULL, 0, NULL},
};

static enum pl_status load_artifact(struct loader *l, uint32_t step, node object, const struct artifact *artifacts)
{
  for (node n = pl_json_first(object); n; n = pl_json_next(n))
    for (const struct artifact *a = artifacts; a->key; a++)
      if (n->key_len == a->len && n->key[0] == a->key[0] && !memcmp(n->key, a->key, a->len))
        return a->load(l, step, n);
  return PL_OK; /* of a later minor version: not for us */
}

static enum pl_status load_step_artifact(struct loader *l, node object)
{
  node id = pl_json_get(object, "testStepId"), start = pl_json_get(object, "testStepStart");
  if (!id || id->kind != PL_JSON_STRING)
    return pl_reader_fail(l->reader, l->err, "a step artifact without testStepId");
  if (start)
    return load_step_start(l, id, start);
  uint32_t step = find_step(l->report, id);
  if (step == PL_NONE)
    return pl_reader_fail(l->reader, l->err, "step %.*s has not started", (int)id->len, id->text);
  return load_artifact(l, step, object, STEP_ARTIFACTS);
}

static enum pl_status load_schema(struct loader *l, node n)
{
  if (count_of(n, "major") != 2)
    return pl_reader_fail(l->reader, l->err, "schema version %u; this reader knows OCP Test & Validation 2", count_of(n, "major"));
  return PL_OK;
}

static enum pl_status load_line(struct loader *l, node line)
{
  struct pl_report *r = l->report;
  node stamp = pl_json_get(line, "timestamp"), sequence = pl_json_get(line, "sequenceNumber");
  if (!stamp || !pl_stamp_read(stamp->text, stamp->len, &l->at) || !sequence || sequence->kind != PL_JSON_NUMBER)
    return pl_reader_fail(l->reader, l->err, "no line of an OCP journal: sequenceNumber or timestamp is missing or malformed");
  int64_t number = sequence->number >= 0 && sequence->number < 9e15 ? (int64_t)sequence->number : 0;
  if (number > l->sequence)
    r->lost += (uint64_t)(number - l->sequence);
  l->sequence = number + 1;
  if (!r->lines++)
    r->start = l->at;
  r->end = l->at > r->end ? l->at : r->end;
  node n;
  if ((n = pl_json_get(line, "testStepArtifact")))
    return load_step_artifact(l, n);
  if ((n = pl_json_get(line, "testRunArtifact")))
    return load_artifact(l, PL_NONE, n, RUN_ARTIFACTS);
  if ((n = pl_json_get(line, "schemaVersion")))
    return load_schema(l, n);
  return PL_OK;
}

static enum pl_status load_all(struct loader *l, const char *path)
{
  node line = NULL;
  enum pl_status status;
  do {
    status = pl_reader_next(l->reader, &line, l->err);
    if (!status && line)
      status = load_line(l, line);
  } while (!status && line);
  if (status)
    return status;
  if (!l->report->lines)
    return pl_fail(l->err, PL_E_GARBAGE, "%s: %s", path, pl_reader_torn(l->reader) ? "is not a journal" : "is empty: the run was stopped before its first line");
  l->report->torn = pl_reader_torn(l->reader);
  return l->report->strings.failed ? no_memory(l) : PL_OK;
}

enum pl_status pl_report_load(const char *path, struct pl_report **out, struct pl_err *err)
{
  struct loader l = {.err = err, .report = calloc(1, sizeof *l.report)};
  if (!l.report)
    return pl_fail(err, PL_E_NOMEM, "out of memory for the report");
  enum pl_status status = pl_reader_open(path, &l.reader, err);
  if (!status) {
    l.report->path = pl_strings_keep(&l.report->strings, path, strlen(path));
    status = load_all(&l, path);
    pl_reader_free(l.reader);
  }
  if (status) {
    pl_report_free(l.report);
    return status;
  }
  pl_settle(l.report);
  *out = l.report;
  return PL_OK;
}

void pl_report_free(struct pl_report *report)
{
  if (!report)
    return;
  for (size_t i = 0; i < report->series.count; i++)
    free(report->series.items[i].points);
  free(report->parameters.items);
  free(report->metadata.items);
  free(report->hardware.items);
  free(report->software.items);
  free(report->steps.items);
  free(report->measurements.items);
  free(report->limits.items);
  free(report->diagnoses.items);
  free(report->notes.items);
  free(report->series.items);
  free(report->files.items);
  free(report->extensions.items);
  free(report->unused_limits.items);
  pl_strings_free(&report->strings);
  free(report);
}
