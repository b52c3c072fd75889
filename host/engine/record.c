/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine writes into the journal beyond steps: the run's beginning, diagnoses, failures. */
#include "host/engine/run.h"
#include "host/engine/sequence.h"
#include "host/stack/client.h"

#include <string.h>

/* --- what to do about a part that failed --- */

static const struct {
  const char *role, *action;
} ROLE_ACTIONS[] = {
    {"supply", "replace the power supply"},
    {"hot-swap", "check the slot's hot-swap controller and its power path"},
    {"connector", "check the slot's connector, its contacts and its lines"},
    {"monitor", "check what the monitor sees: the slot's power path, then the monitor's wiring"},
    {"coolant", "service the pump unit"},
    {"flow-meter", "check coolant level, pumps and valves, then the flow meter"},
    {"leak-sensor", "check the leak sensor and its cable"},
    {"leak-valve", "check the leak injector"},
    {"load", "check the load bank"},
    {"kill-relay", "check the interlock's contactor: welded contacts, its coil and its wiring"},
    {"process-switch", "check what the switch senses, then the switch and its wiring"},
}, KIND_ACTIONS[] = {
    {"psu", "replace the power supply"},
    {"csu", "replace the CSU in this slot; when the new one fails too, check the slot's connector"},
    {"busbar", "check the power shelf and the bus bar"},
    {"loop", "check coolant level, pumps and valves"},
    {"pump-unit", "service the pump unit"},
    {"tray", "find and mend the leak, dry the tray"},
    {"valve", "check the leak injector"},
    {"control-stack", "report it to whoever makes the control stack, with this record"},
};

const char *pl_record_action(const struct pl_rig_device *device, const struct pl_rig_part *part)
{
  for (size_t i = 0; device && device->role && i < sizeof ROLE_ACTIONS / sizeof *ROLE_ACTIONS; i++)
    if (!strcmp(ROLE_ACTIONS[i].role, device->role))
      return ROLE_ACTIONS[i].action;
  for (size_t i = 0; part && i < sizeof KIND_ACTIONS / sizeof *KIND_ACTIONS; i++)
    if (!strcmp(KIND_ACTIONS[i].role, part->kind))
      return KIND_ACTIONS[i].action;
  return "check the part and its wiring";
}

void pl_record_place(const struct pl_rig_device *device, const struct pl_rig_part *part, char *out, size_t size)
{
  const char *name = part ? part->name : device ? device->name : "";
  snprintf(out, size, "%s", name);
  if (part && part->location && *part->location)
    snprintf(out + strlen(out), size - strlen(out), " (%s)", part->location);
  if (device && part && strcmp(device->name, part->name) != 0)
    snprintf(out + strlen(out), size - strlen(out), ", %s", device->name);
}

/* --- diagnoses and failures --- */

void pl_record_tell(const struct pl_run *run, int step, const char *message)
{
  const struct pl_engine_events *events = run->cfg->events;
  if (run->cfg->failure)
    run->cfg->failure(run->cfg->failure_ctx, step);
  if (events && events->diagnosis)
    events->diagnosis(events->ctx, message);
}

void pl_record_diagnosis(struct pl_run *run, struct pl_scope *scope, const struct pl_verdict *verdict, bool pass)
{
  char slug[112], message[PL_ERR_TEXT_MAX + 512], place[192];
  pl_slug(verdict->name, pass ? "-pass" : "-fail", slug, sizeof slug);
  const struct pl_rig_part *part = verdict->part ? verdict->part : verdict->device ? verdict->device->part : NULL;
  if (!pass) {
    pl_record_place(verdict->device, part, place, sizeof place);
    snprintf(message, sizeof message, "%s: %s%s%s; next: %s", verdict->name, verdict->detail, *place ? "; " : "", place,
             verdict->action ? verdict->action : pl_record_action(verdict->device, part));
  }
  const struct pl_journal_diagnosis diagnosis = {.verdict = slug,
                                                 .type = pass ? PL_DIAG_PASS : PL_DIAG_FAIL,
                                                 .message = pass ? NULL : message, /* the measurement says it all */
                                                 .hardware_id = verdict->device ? verdict->device->name : part ? part->name : NULL,
                                                 .subcomponent = verdict->subcomponent,
                                                 .file = pass ? NULL : run->path,
                                                 .line = verdict->line};
  pl_journal_diagnosis(run->journal, scope->id, &diagnosis);
  if (pass)
    return;
  if (!pl_run_lenient(run))
    scope->failed = true;
  pl_record_tell(run, scope->id, message);
}

static void record_finding(struct pl_run *run, struct pl_scope *scope, const struct pl_failure *failure)
{
  char place[192], message[PL_ERR_TEXT_MAX + 512];
  pl_record_place(failure->device, failure->part, place, sizeof place);
  snprintf(message, sizeof message, "%s%s%s; next: %s", failure->text, *place ? "; " : "", place,
           *failure->action ? failure->action : pl_record_action(failure->device, failure->part));
  const struct pl_journal_diagnosis diagnosis = {.verdict = failure->verdict,
                                                 .type = PL_DIAG_FAIL,
                                                 .message = message,
                                                 .hardware_id = failure->device ? failure->device->name : failure->part ? failure->part->name : NULL,
                                                 .subcomponent = failure->subcomponent,
                                                 .file = run->path,
                                                 .line = failure->line};
  pl_journal_diagnosis(run->journal, scope->id, &diagnosis);
  if (!pl_run_lenient(run))
    scope->failed = true;
  pl_record_tell(run, scope->id, message);
}

void pl_record_flush(struct pl_run *run)
{
  struct pl_err err = {0};
  if (!pl_journal_flush(run->journal, &err) || run->err.status)
    return;
  run->err = err;
  run->trouble = PL_FAILURE_ERROR;
  pl_scope_stop(run->root, &(struct pl_failure){.kind = PL_FAILURE_ERROR, .status = err.status, .reported = true});
}

/* Why a scope was stopped, once. */
void pl_record_failure(struct pl_run *run, struct pl_scope *scope, struct pl_failure *failure)
{
  failure->reported = true;
  if (failure->kind == PL_FAILURE_UNIT) {
    record_finding(run, scope, failure);
    return;
  }
  if (failure->kind > run->trouble && !(run->cfg->rehearsal && failure->kind == PL_FAILURE_ERROR))
    run->trouble = failure->kind;
  if (failure->kind == PL_FAILURE_ABORT) {
    pl_journal_log(run->journal, scope->id, "WARNING", failure->text);
    if (run->cfg->failure)
      run->cfg->failure(run->cfg->failure_ctx, run->focus ? run->focus->id : scope->id);
  } else {
    pl_journal_error(run->journal, scope->id, *failure->verdict ? failure->verdict : "trouble", failure->text, run->path, failure->line);
    if (!run->cfg->rehearsal)
      pl_record_tell(run, scope->id, failure->text);
  }
  bool counts = !run->cfg->rehearsal || failure->kind == PL_FAILURE_USAGE;
  if (!run->err.status && counts)
    pl_fail(&run->err, failure->status ? failure->status : PL_E_IO, "%s", failure->text);
}

/* --- the beginning of the run --- */

/* Asks every device that can tell who it is. What is not answered stays empty. */
static void identify(struct pl_run *run, struct pl_asked *who)
{
  for (size_t i = 0; i < run->rig->n_devices; i++) {
    const struct pl_rig_device *device = &run->rig->devices[i];
    bool asked = device->desc->identify && pl_is_ours(run, device);
    who[i].call = (struct pl_call){.device = asked ? pl_bench_device(run->bench, device->name) : NULL, .kind = PL_CALL_IDENTIFY};
  }
  pl_ask_all(run, who, run->rig->n_devices);
}

static void hardware_of(const struct pl_rig_device *device, const struct pl_asked *who, struct pl_journal_hardware *hardware)
{
  const struct pl_identity *identity = &who->call.identity;
  *hardware = (struct pl_journal_hardware){.id = device->name,
                                           .name = device->role ? device->role : device->desc->name,
                                           .location = device->part ? device->part->location : NULL,
                                           .model = device->desc->name};
  if (!who->call.device || who->call.job.status)
    return;
  hardware->serial = identity->serial;
  hardware->model = identity->model;
  hardware->manufacturer = identity->manufacturer;
  hardware->revision = identity->revision;
  hardware->firmware = identity->firmware;
}

static bool speaks_for_itself(const struct pl_rig *rig, const char *name)
{
  return pl_rig_device(rig, name) != NULL;
}

static size_t list_hardware(const struct pl_run *run, const struct pl_asked *who, struct pl_journal_hardware *hardware)
{
  const struct pl_rig *rig = run->rig;
  size_t count = 0;
  for (size_t i = 0; i < rig->n_devices; i++)
    hardware_of(&rig->devices[i], &who[i], &hardware[count++]);
  for (size_t i = 0; i < rig->n_parts; i++)
    if (!speaks_for_itself(rig, rig->parts[i].name))
      hardware[count++] = (struct pl_journal_hardware){.id = rig->parts[i].name, .name = rig->parts[i].kind, .location = rig->parts[i].location};
  if (run->cfg->stack)
    hardware[count++] = (struct pl_journal_hardware){.id = pl_stack_part.name, .name = "the control stack", .location = pl_client_name(run->cfg->stack)};
  return count;
}

static void warn_unidentified(const struct pl_run *run, const struct pl_asked *who)
{
  for (size_t i = 0; i < run->rig->n_devices; i++)
    if (who[i].call.device && who[i].call.job.status) {
      char text[PL_ERR_TEXT_MAX + 64];
      snprintf(text, sizeof text, "no identity: %s", who[i].call.job.err.text);
      pl_journal_log(run->journal, -1, "WARNING", text);
    }
}

static size_t list_parameters(const struct pl_meta *meta, struct pl_journal_pair *pairs, char (*texts)[64])
{
  for (size_t i = 0; i < meta->n_settings; i++) {
    const struct pl_setting *setting = &meta->settings[i];
    pairs[i].name = setting->name;
    pairs[i].value = setting->kind == PL_SETTING_NEED   ? setting->part->name
                     : setting->kind == PL_SETTING_TEXT ? setting->text
                                                        : pl_quantity_format(setting->dim, setting->value_u, texts[i], sizeof texts[i]);
  }
  return meta->n_settings;
}

enum pl_status pl_record_start(struct pl_run *run, const struct pl_sequence *sequence, struct pl_err *err)
{
  const struct pl_rig *rig = run->rig;
  const struct pl_meta *meta = run->vm->bound;
  struct pl_asked *who = calloc(rig->n_devices + 1, sizeof *who);
  struct pl_journal_hardware *hardware = calloc(rig->n_devices + rig->n_parts + 2, sizeof *hardware);
  struct pl_journal_pair *parameters = calloc(meta->n_settings + 1, sizeof *parameters);
  char(*texts)[64] = calloc(meta->n_settings + 1, sizeof *texts);
  if (!who || !hardware || !parameters || !texts) {
    free(who);
    free(hardware);
    free(parameters);
    free(texts);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the beginning of the record");
  }
  char seed[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->cfg->seed);
  if (!run->cfg->rehearsal)
    identify(run, who);
  const struct pl_journal_pair metadata[] = {
      {"rig", rig->name},
      {"rig-sha256", rig->sha256},
      {"sequence", run->path},
      {"sequence-sha256", sequence->sha256},
      {"seed", seed},
      {"clock", pl_clock_is_virtual(run->clock) ? "virtual" : "real"},
      {"hardware", run->cfg->replay ? "replay" : pl_bench_all_virtual(run->bench) ? "twin" : pl_bench_backend(run->bench) ? "real and twin" : "real"},
      {"about", meta->about ? meta->about : ""},
  };
  const struct pl_journal_software software[] = {
      {.id = "plumb", .name = "plumb", .version = PL_VERSION, .type = "APPLICATION"},
      {.id = "sequence", .name = meta->name, .version = meta->version ? meta->version : "", .type = "APPLICATION"},
  };
  const struct pl_journal_run start = {.name = meta->name,
                                       .version = meta->version ? meta->version : "",
                                       .command_line = run->cfg->command_line ? run->cfg->command_line : "",
                                       .dut_id = run->cfg->dut_id ? run->cfg->dut_id : rig->name,
                                       .parameters = parameters,
                                       .n_parameters = list_parameters(meta, parameters, texts),
                                       .metadata = metadata,
                                       .n_metadata = sizeof metadata / sizeof *metadata,
                                       .hardware = hardware,
                                       .n_hardware = list_hardware(run, who, hardware),
                                       .software = software,
                                       .n_software = sizeof software / sizeof *software};
  pl_journal_run_start(run->journal, &start);
  if (!run->cfg->rehearsal)
    warn_unidentified(run, who);
  free(who);
  free(hardware);
  free(parameters);
  free(texts);
  return pl_journal_flush(run->journal, err);
}
