/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal says of the buses themselves: adapters that went away and came back, and at the end what each bus has carried. */
#include "host/engine/run.h"

#include <inttypes.h>
#include <string.h>

static void on_presence(void *ctx, const struct pl_rig_bus *bus, bool here, const char *text)
{
  struct pl_run *run = ctx;
  char message[PL_ERR_TEXT_MAX + 200];
  if (!here)
    snprintf(message, sizeof message, "bus %s (%s) is away, its readings are invalid until it is back: %s", bus->name, bus->adapter->name, text);
  else if (*text)
    snprintf(message, sizeof message, "bus %s (%s) is back, but not all of its safe values could be applied: %s", bus->name, bus->adapter->name, text);
  else
    snprintf(message, sizeof message, "bus %s (%s) is back; its safe values were applied, nothing else was set again", bus->name, bus->adapter->name);
  pl_journal_log(run->journal, run->focus ? run->focus->id : -1, "WARNING", message);
}

void pl_wires_watch(struct pl_run *run)
{
  pl_bench_watch(run->bench, on_presence, run);
}

static void record_bus(struct pl_run *run, const char *name)
{
  struct pl_bus_counters c = {0};
  struct pl_bus *bus = pl_bench_bus(run->bench, name);
  if (bus) /* else it is the interlock's */
    pl_bus_counters(bus, &c);
  if (!c.jobs)
    return;
  char text[PL_ERR_TEXT_MAX];
  int used = snprintf(text, sizeof text, "bus %s: %" PRIu64 " jobs, %" PRIu64 " transfers, %" PRIu64 " bytes, %" PRIu64 " retries", name, c.jobs, c.transfers,
                      c.bytes, c.retries);
  bool any = false;
  for (int i = 1; i < PL_STATUS_COUNT && used < (int)sizeof text; i++)
    if (c.errors[i]) {
      used += snprintf(text + used, sizeof text - (size_t)used, "%s %s %" PRIu64, any ? "," : "; errors:", pl_status_name((enum pl_status)i), c.errors[i]);
      any = true;
    }
  pl_journal_log(run->journal, -1, "INFO", text);
}

static void record_fault(void *ctx, const struct pl_fault_told *each)
{
  const struct pl_run *run = ctx;
  char text[PL_ERR_TEXT_MAX];
  snprintf(text, sizeof text, "fault %s: acted %" PRIu64 " time%s, %s", each->spec, each->acted, each->acted == 1 ? "" : "s", pl_fault_state_name(each->state));
  pl_journal_log(run->journal, -1, "INFO", text);
}

void pl_wires_record(struct pl_run *run)
{
  pl_bench_watch(run->bench, NULL, NULL);
  if (!run->cfg->rehearsal && !run->cfg->replay)
    (void)pl_bench_planted(run->bench, record_fault, run, NULL);
  for (size_t i = 0; i < run->rig->n_buses && !run->cfg->rehearsal; i++)
    record_bus(run, run->rig->buses[i].name);
}
