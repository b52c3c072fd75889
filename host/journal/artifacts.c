/* SPDX-License-Identifier: Apache-2.0 */
/* The artifacts of the OCP Test & Validation output specification 2.0 (json_spec/README.md of ocp-diag-core), one function each. */
#include "host/journal/journal.h"

#include "host/journal/writer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUT(journal, literal) PL_TEXT_LIT(&(journal)->text, literal)

static void put_string(struct pl_journal *journal, const char *string)
{
  pl_text_json(&journal->text, string ? string : "", string ? strlen(string) : 0);
}

/* A field that follows another: `,"key":"string"`; nothing when there is no string. `key` is written with its quotes and colon. */
static void put_field(struct pl_journal *journal, const char *key, const char *string)
{
  if (!string || !*string)
    return;
  PUT(journal, ",");
  pl_text_str(&journal->text, key);
  put_string(journal, string);
}

static void put_id(struct pl_journal *journal, int id)
{
  PUT(journal, "\"");
  pl_text_int(&journal->text, id);
  PUT(journal, "\"");
}

/* Nobody reads it (a rehearsal): lines need not be made. */
static bool deaf(const struct pl_journal *journal)
{
  return journal->fd < 0 && !journal->listen;
}

static void step_begin(struct pl_journal *journal, int step)
{
  assert(step >= 0 && step < journal->next_step);
  pl_journal_line_begin(journal);
  PUT(journal, "\"testStepArtifact\":{\"testStepId\":");
  put_id(journal, step);
  PUT(journal, ",");
}

/* Of a step, or of the run (-1). */
static void any_begin(struct pl_journal *journal, int step)
{
  if (step >= 0) {
    step_begin(journal, step);
    return;
  }
  pl_journal_line_begin(journal);
  PUT(journal, "\"testRunArtifact\":{");
}

static void end2(struct pl_journal *journal) /* closes the artifact and the line */
{
  PUT(journal, "}}");
  pl_journal_line_end(journal);
}

static void put_source(struct pl_journal *journal, const char *file, int line)
{
  if (!file || !*file)
    return;
  PUT(journal, ",\"sourceLocation\":{\"file\":");
  put_string(journal, file);
  PUT(journal, ",\"line\":");
  pl_text_int(&journal->text, line);
  PUT(journal, "}");
}

/* --- the run --- */

static void put_pairs(struct pl_journal *journal, const struct pl_journal_pair *pairs, size_t count)
{
  PUT(journal, "{");
  for (size_t i = 0; i < count; i++) {
    if (i)
      PUT(journal, ",");
    put_string(journal, pairs[i].name);
    PUT(journal, ":");
    put_string(journal, pairs[i].value);
  }
  PUT(journal, "}");
}

static void put_hardware(struct pl_journal *journal, const struct pl_journal_hardware *hw)
{
  PUT(journal, "{\"hardwareInfoId\":");
  put_string(journal, hw->id);
  PUT(journal, ",\"name\":");
  put_string(journal, hw->name && *hw->name ? hw->name : hw->id);
  put_field(journal, "\"location\":", hw->location);
  put_field(journal, "\"serialNumber\":", hw->serial);
  put_field(journal, "\"manufacturerPartNumber\":", hw->model);
  put_field(journal, "\"manufacturer\":", hw->manufacturer);
  put_field(journal, "\"revision\":", hw->revision);
  put_field(journal, "\"version\":", hw->firmware);
  PUT(journal, "}");
}

static void put_software(struct pl_journal *journal, const struct pl_journal_software *sw)
{
  PUT(journal, "{\"softwareInfoId\":");
  put_string(journal, sw->id);
  PUT(journal, ",\"name\":");
  put_string(journal, sw->name && *sw->name ? sw->name : sw->id);
  put_field(journal, "\"version\":", sw->version);
  put_field(journal, "\"softwareType\":", sw->type);
  PUT(journal, "}");
}

void pl_journal_run_start(struct pl_journal *journal, const struct pl_journal_run *run)
{
  if (deaf(journal))
    return;
  pl_journal_line_begin(journal);
  PUT(journal, "\"testRunArtifact\":{\"testRunStart\":{\"name\":");
  put_string(journal, run->name);
  PUT(journal, ",\"version\":");
  put_string(journal, run->version);
  PUT(journal, ",\"commandLine\":");
  put_string(journal, run->command_line);
  PUT(journal, ",\"parameters\":");
  put_pairs(journal, run->parameters, run->n_parameters);
  if (run->n_metadata) {
    PUT(journal, ",\"metadata\":");
    put_pairs(journal, run->metadata, run->n_metadata);
  }
  PUT(journal, ",\"dutInfo\":{\"dutInfoId\":");
  put_string(journal, run->dut_id);
  for (size_t i = 0; i < run->n_hardware; i++) {
    pl_text_str(&journal->text, i ? "," : ",\"hardwareInfos\":[");
    put_hardware(journal, &run->hardware[i]);
  }
  if (run->n_hardware)
    PUT(journal, "]");
  for (size_t i = 0; i < run->n_software; i++) {
    pl_text_str(&journal->text, i ? "," : ",\"softwareInfos\":[");
    put_software(journal, &run->software[i]);
  }
  if (run->n_software)
    PUT(journal, "]");
  PUT(journal, "}}");
  end2(journal);
}

void pl_journal_run_end(struct pl_journal *journal, enum pl_journal_end end)
{
  if (deaf(journal))
    return;
  /* the only pairs that the specification allows (TestRunEnd, "status" and "result") */
  static const char *const ENDS[] = {
      [PL_END_PASS] = "\"status\":\"COMPLETE\",\"result\":\"PASS\"",
      [PL_END_FAIL] = "\"status\":\"COMPLETE\",\"result\":\"FAIL\"",
      [PL_END_ERROR] = "\"status\":\"ERROR\",\"result\":\"NOT_APPLICABLE\"",
      [PL_END_SKIP] = "\"status\":\"SKIP\",\"result\":\"NOT_APPLICABLE\"",
  };
  pl_journal_line_begin(journal);
  PUT(journal, "\"testRunArtifact\":{\"testRunEnd\":{");
  pl_text_str(&journal->text, ENDS[end]);
  PUT(journal, "}");
  end2(journal);
}

/* --- steps --- */

/* A top-level step at its first attempt is what a reader assumes of a step: it needs no extension. Long runs have thousands of them. */
static bool is_plain(const struct pl_journal_step *step)
{
  return step->parent < 0 && step->attempt <= 1 && (!step->kind || !strcmp(step->kind, "step"));
}

void pl_journal_step_start(struct pl_journal *journal, const struct pl_journal_step *step, int *id)
{
  *id = journal->next_step++;
  if (deaf(journal))
    return;
  step_begin(journal, *id);
  PUT(journal, "\"testStepStart\":{\"name\":");
  put_string(journal, step->name);
  PUT(journal, "}");
  end2(journal);
  if (is_plain(step))
    return;
  step_begin(journal, *id);
  PUT(journal, "\"extension\":{\"name\":\"step\",\"content\":{\"kind\":");
  put_string(journal, step->kind ? step->kind : "step");
  if (step->parent >= 0) {
    PUT(journal, ",\"parent\":");
    put_id(journal, step->parent);
  }
  PUT(journal, ",\"attempt\":");
  pl_text_int(&journal->text, step->attempt > 0 ? step->attempt : 1);
  if (step->file && *step->file) {
    put_field(journal, "\"file\":", step->file);
    PUT(journal, ",\"line\":");
    pl_text_int(&journal->text, step->line);
  }
  PUT(journal, "}}");
  end2(journal);
}

void pl_journal_step_end(struct pl_journal *journal, int id, enum pl_journal_step_status status, bool failed)
{
  if (deaf(journal))
    return;
  static const char *const STATUS[] = {[PL_STEP_COMPLETE] = "COMPLETE", [PL_STEP_ERROR] = "ERROR", [PL_STEP_SKIP] = "SKIP"};
  if (failed)
    pl_journal_extension(journal, id, "step-result", "{\"failed\":true}");
  step_begin(journal, id);
  PUT(journal, "\"testStepEnd\":{\"status\":\"");
  pl_text_str(&journal->text, STATUS[status]);
  PUT(journal, "\"}");
  end2(journal);
}

/* --- what a step found --- */

static void put_value(struct pl_journal *journal, const struct pl_journal_value *value)
{
  switch (value->kind) {
  case PL_VALUE_NUMBER: pl_text_double(&journal->text, value->number); break;
  case PL_VALUE_TEXT: put_string(journal, value->text); break;
  case PL_VALUE_BOOL: pl_text_str(&journal->text, value->flag ? "true" : "false"); break;
  }
}

static bool has_value(const struct pl_journal_value *value)
{
  return value->kind != PL_VALUE_NUMBER || isfinite(value->number);
}

/* JSON has no NaN and a made-up number would be a lie: what has no finite value becomes an error line. */
static bool refuse_not_finite(struct pl_journal *journal, int step, const struct pl_journal_measurement *m)
{
  const char *what = has_value(&m->value) ? NULL : "its value is not a finite number";
  for (size_t i = 0; i < m->n_validators && !what; i++)
    if (!has_value(&m->validators[i].value))
      what = "one of its limits is not a finite number";
  if (!what)
    return false;
  char message[PL_ERR_TEXT_MAX];
  snprintf(message, sizeof message, "measurement '%s' is not recorded: %s", m->name ? m->name : "", what);
  pl_journal_error(journal, step, "not-a-number", message, NULL, 0);
  return true;
}

static void put_validators(struct pl_journal *journal, const struct pl_journal_measurement *m)
{
  PUT(journal, ",\"validators\":[");
  for (size_t i = 0; i < m->n_validators; i++) {
    const struct pl_journal_validator *v = &m->validators[i];
    pl_text_str(&journal->text, i ? ",{\"type\":" : "{\"type\":");
    put_string(journal, v->type);
    PUT(journal, ",\"value\":");
    put_value(journal, &v->value);
    put_field(journal, "\"name\":", v->name);
    PUT(journal, "}");
  }
  PUT(journal, "]");
}

static void put_where(struct pl_journal *journal, const char *hardware_id, const char *subcomponent)
{
  put_field(journal, "\"hardwareInfoId\":", hardware_id);
  if (subcomponent && *subcomponent) {
    PUT(journal, ",\"subcomponent\":{\"name\":");
    put_string(journal, subcomponent);
    PUT(journal, "}");
  }
}

void pl_journal_measurement(struct pl_journal *journal, int step, const struct pl_journal_measurement *m)
{
  if (deaf(journal))
    return;
  if (refuse_not_finite(journal, step, m))
    return;
  step_begin(journal, step);
  PUT(journal, "\"measurement\":{\"name\":");
  put_string(journal, m->name);
  PUT(journal, ",\"value\":");
  put_value(journal, &m->value);
  put_field(journal, "\"unit\":", m->unit);
  if (m->n_validators)
    put_validators(journal, m);
  put_where(journal, m->hardware_id, m->subcomponent);
  PUT(journal, "}");
  end2(journal);
}

void pl_journal_diagnosis(struct pl_journal *journal, int step, const struct pl_journal_diagnosis *d)
{
  if (deaf(journal))
    return;
  static const char *const TYPES[] = {[PL_DIAG_PASS] = "PASS", [PL_DIAG_FAIL] = "FAIL", [PL_DIAG_UNKNOWN] = "UNKNOWN"};
  step_begin(journal, step);
  PUT(journal, "\"diagnosis\":{\"verdict\":");
  put_string(journal, d->verdict);
  PUT(journal, ",\"type\":\"");
  pl_text_str(&journal->text, TYPES[d->type]);
  PUT(journal, "\"");
  put_field(journal, "\"message\":", d->message);
  put_where(journal, d->hardware_id, d->subcomponent);
  put_source(journal, d->file, d->line);
  PUT(journal, "}");
  end2(journal);
}

void pl_journal_log(struct pl_journal *journal, int step, const char *severity, const char *message)
{
  if (deaf(journal))
    return;
  any_begin(journal, step);
  PUT(journal, "\"log\":{\"severity\":");
  put_string(journal, severity);
  PUT(journal, ",\"message\":");
  put_string(journal, message);
  PUT(journal, "}");
  end2(journal);
}

void pl_journal_error(struct pl_journal *journal, int step, const char *symptom, const char *message, const char *file, int line)
{
  if (deaf(journal))
    return;
  any_begin(journal, step);
  PUT(journal, "\"error\":{\"symptom\":");
  put_string(journal, symptom);
  put_field(journal, "\"message\":", message);
  put_source(journal, file, line);
  PUT(journal, "}");
  end2(journal);
}

/* --- series --- */

void pl_journal_series_start(struct pl_journal *journal, int step, const char *name, const char *unit, const char *hardware_id, int *series)
{
  *series = journal->next_series++;
  if (*series == journal->series_capacity) {
    int capacity = journal->series_capacity ? 2 * journal->series_capacity : 16;
    uint32_t *counts = realloc(journal->series_counts, (size_t)capacity * sizeof *counts);
    if (!counts) {
      journal->text.failed = true; /* the next flush says so */
      return;
    }
    journal->series_counts = counts;
    journal->series_capacity = capacity;
  }
  journal->series_counts[*series] = 0;
  if (deaf(journal))
    return;
  step_begin(journal, step);
  PUT(journal, "\"measurementSeriesStart\":{\"measurementSeriesId\":");
  put_id(journal, *series);
  put_field(journal, "\"name\":", name && *name ? name : "series");
  put_field(journal, "\"unit\":", unit);
  put_field(journal, "\"hardwareInfoId\":", hardware_id);
  PUT(journal, "}");
  end2(journal);
}

void pl_journal_series_element(struct pl_journal *journal, int step, int series, double value, pl_time_ns at)
{
  if (deaf(journal))
    return;
  assert(series >= 0 && series < journal->next_series);
  if (journal->text.failed)
    return;
  if (!isfinite(value)) {
    pl_journal_error(journal, step, "not-a-number", "a point of a series is not recorded: its value is not a finite number", NULL, 0);
    return;
  }
  step_begin(journal, step);
  PUT(journal, "\"measurementSeriesElement\":{\"measurementSeriesId\":");
  put_id(journal, series);
  PUT(journal, ",\"index\":");
  pl_text_int(&journal->text, journal->series_counts[series]++);
  PUT(journal, ",\"value\":");
  pl_text_double(&journal->text, value);
  PUT(journal, ",");
  pl_journal_put_stamp(journal, at);
  PUT(journal, "}");
  end2(journal);
}

void pl_journal_series_end(struct pl_journal *journal, int step, int series)
{
  if (deaf(journal))
    return;
  assert(series >= 0 && series < journal->next_series);
  if (journal->text.failed)
    return;
  step_begin(journal, step);
  PUT(journal, "\"measurementSeriesEnd\":{\"measurementSeriesId\":");
  put_id(journal, series);
  PUT(journal, ",\"totalCount\":");
  pl_text_int(&journal->text, journal->series_counts[series]);
  PUT(journal, "}");
  end2(journal);
}

/* --- attachments and ours --- */

void pl_journal_extension(struct pl_journal *journal, int step, const char *name, const char *content)
{
  if (deaf(journal))
    return;
  step_begin(journal, step);
  PUT(journal, "\"extension\":{\"name\":");
  put_string(journal, name);
  PUT(journal, ",\"content\":");
  size_t from = journal->text.len;
  pl_text_str(&journal->text, content && *content ? content : "{}");
  for (size_t i = from; i < journal->text.len; i++) /* a line is a line: between tokens a newline is only space */
    if (journal->text.bytes[i] == '\n' || journal->text.bytes[i] == '\r')
      journal->text.bytes[i] = ' ';
  PUT(journal, "}");
  end2(journal);
}

/* "file:///abs/path" of RFC 8089, with what RFC 3986 does not leave as it is percent-encoded. */
static void put_file_uri(struct pl_journal *journal, const char *path)
{
  static const char HEX[] = "0123456789ABCDEF";
  char folder[4096] = "";
  PUT(journal, "\"file://");
  if (*path != '/' && getcwd(folder, sizeof folder - 1))
    folder[strlen(folder)] = '/';
  for (int part = 0; part < 2; part++)
    for (const char *p = part ? path : folder; *p; p++) {
      unsigned char c = (unsigned char)*p;
      bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
      if (plain)
        pl_text_char(&journal->text, *p);
      else
        pl_text_put(&journal->text, (char[]){'%', HEX[c >> 4], HEX[c & 15]}, 3);
    }
  PUT(journal, "\"");
}

void pl_journal_file(struct pl_journal *journal, int step, const char *display_name, const char *path, const char *content_type)
{
  if (deaf(journal))
    return;
  step_begin(journal, step);
  PUT(journal, "\"file\":{\"displayName\":");
  put_string(journal, display_name);
  PUT(journal, ",\"uri\":");
  put_file_uri(journal, path);
  PUT(journal, ",\"isSnapshot\":true");
  put_field(journal, "\"contentType\":", content_type);
  PUT(journal, ",\"metadata\":{\"path\":"); /* as given: a folder that is moved keeps its links */
  put_string(journal, path);
  PUT(journal, "}}");
  end2(journal);
}
