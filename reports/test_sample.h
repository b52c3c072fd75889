/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_REPORTS_TEST_SAMPLE_H
#define PL_REPORTS_TEST_SAMPLE_H

#include "host/journal/journal.h"

#include <math.h>
#include <stdio.h>

/* For tests: the record of a hot-swap as the engine would write it. Ten top-level steps, 15 measurements, three series. */
struct sample {
  struct pl_clock *clock;
  struct pl_journal *journal;
  bool failing; /* the slot does not come up in time, and the retry of the power-up passes only at its second attempt */
};

#define SAMPLE_WALL_NS 1767225600000000000 /* 2026-01-01 00:00:00 UTC */

static inline void sample_wait(struct sample *s, double seconds)
{
  pl_clock_step(s->clock, pl_clock_now(s->clock) + (pl_time_ns)llround(seconds * 1e9));
}

static inline int sample_begin(struct sample *s, const char *name, int parent, const char *kind, int attempt)
{
  int id;
  pl_journal_step_start(s->journal, &(struct pl_journal_step){.name = name, .parent = parent, .kind = kind, .attempt = attempt, .file = "sequences/hot-swap.lua",
                                                             .line = 20}, &id);
  return id;
}

/* A measurement and what the engine says of it. NAN: no such limit. */
static inline bool sample_measure(struct sample *s, int step, const char *name, double value, const char *unit, double low, double high, const char *hw, const char *message)
{
  struct pl_journal_validator limits[2];
  size_t n = 0;
  if (!isnan(low))
    limits[n++] = (struct pl_journal_validator){.type = "GREATER_THAN_OR_EQUAL", .value = {.number = low}, .name = "sequence"};
  if (!isnan(high))
    limits[n++] = (struct pl_journal_validator){.type = "LESS_THAN_OR_EQUAL", .value = {.number = high}, .name = "sequence"};
  bool fail = (!isnan(low) && value < low) || (!isnan(high) && value > high);
  pl_journal_measurement(s->journal, step, &(struct pl_journal_measurement){.name = name, .unit = unit, .value = {.number = value}, .validators = limits,
                                                                           .n_validators = n, .hardware_id = hw});
  char verdict[80];
  size_t len = 0;
  for (const char *p = name; *p && len < 70; p++)
    verdict[len++] = *p == ' ' ? '-' : *p;
  snprintf(verdict + len, sizeof verdict - len, "-%s", fail ? "fail" : "pass");
  pl_journal_diagnosis(s->journal, step, &(struct pl_journal_diagnosis){.verdict = verdict, .type = fail ? PL_DIAG_FAIL : PL_DIAG_PASS, .message = fail ? message : NULL,
                                                                       .hardware_id = hw, .file = "sequences/hot-swap.lua", .line = 31});
  return fail;
}

static inline void sample_end(struct sample *s, int id, bool failed, double seconds)
{
  sample_wait(s, seconds);
  pl_journal_step_end(s->journal, id, PL_STEP_COMPLETE, failed);
}

static inline void sample_series(struct sample *s, int step, const char *name, const char *unit, const char *hw, double from, double to, double ripple, double seconds)
{
  int id;
  pl_time_ns start = pl_clock_now(s->clock);
  pl_journal_series_start(s->journal, step, name, unit, hw, &id);
  for (int i = 0; i < 240; i++) {
    double x = i / 239.0, v = from + (to - from) * (1 - exp(-4 * x)) + ripple * sin(i * 0.9) * exp(-2 * x);
    pl_journal_series_element(s->journal, step, id, v, start + (pl_time_ns)(x * seconds * 1e9));
  }
  sample_wait(s, seconds);
  pl_journal_series_end(s->journal, step, id);
}

static inline void sample_start(struct sample *s)
{
  static const struct pl_journal_hardware HW[] = {
      {.id = "csu-1", .name = "CSU 1", .location = "module 1, slot 1", .serial = "CSU-0042", .model = "CSU-2U", .manufacturer = "Acme & Sons", .revision = "B", .firmware = "1.8.2"},
      {.id = "hsc-1", .name = "hot-swap controller 1", .location = "module 1, slot 1", .serial = "H1772", .model = "ADM1272", .manufacturer = "Analog Devices"},
      {.id = "psu-a", .name = "psu-a", .location = "power shelf, left", .serial = "P9001", .model = "TET4000", .firmware = "4.1"},
      {.id = "rpu", .name = "reservoir and pump unit", .location = "rack bottom", .serial = "R0007"},
      {.id = "flow-meter", .name = "flow meter", .location = "rack manifold"},
  };
  static const struct pl_journal_software SW[] = {{.id = "plumb", .name = "plumb", .version = "0.1.0", .type = "APPLICATION"}};
  static const struct pl_journal_pair PARAMS[] = {{"load", "80 %"}, {"slot", "csu-1"}};
  static const struct pl_journal_pair META[] = {{"rig", "demo-rack"},
                                                {"rig-sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
                                                {"sequence-sha256", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
                                                {"operator", "M. Okafor"},
                                                {"station", "bench-3"},
                                                {"seed", "42"},
                                                {"clock", "virtual"}};
  pl_journal_run_start(s->journal, &(struct pl_journal_run){.name = "hot-swap", .version = "1.2.0", .dut_id = "CSU-0042", .parameters = PARAMS, .n_parameters = 2,
                                                           .command_line = "plumb run sequences/hot-swap.lua --rig fixtures/rigs/demo-rack.yaml --out runs/hot-swap",
                                                           .metadata = META, .n_metadata = 7, .hardware = HW, .n_hardware = 5, .software = SW, .n_software = 1});
  pl_journal_log(s->journal, -1, "INFO", "interlocks armed: 3 rules, guardian is process 4711");
}

static inline bool sample_power_up(struct sample *s)
{
  bool failed = false;
  int group = sample_begin(s, "power up", -1, "group", 1), id;
  for (int attempt = 1; attempt <= (s->failing ? 2 : 1); attempt++) {
    id = sample_begin(s, "enable the slot", group, "attempt", attempt);
    bool bad = sample_measure(s, id, "inrush current", s->failing && attempt == 1 ? 41.2 : 28.4, "A", NAN, 35, "hsc-1",
                              "inrush 41.2 A is above 35 A: the gate of hot-swap controller 1 rises too fast; next: try once more after 5 s");
    sample_end(s, id, bad, 1.4);
  }
  id = sample_begin(s, "slot voltage rises", group, "step", 1);
  sample_series(s, id, "slot voltage", "V", "hsc-1", 0, s->failing ? 44.9 : 48.3, 1.2, 0.6);
  failed |= sample_measure(s, id, "slot voltage", s->failing ? 44.9 : 48.31, "V", 46, 52, "csu-1",
                           "slot voltage 44.9 V is below 46 V while the bus has 48.4 V: CSU 1 in module 1, slot 1 drops 3.5 V at its power contacts; "
                           "next: pull CSU 1, inspect the long power contacts, reseat it");
  failed |= sample_measure(s, id, "power good after", 84.25, "ms", NAN, 150, "csu-1", "late");
  sample_end(s, id, failed, 0.2);
  sample_end(s, group, failed, 0.05);
  return failed;
}

static inline bool sample_body(struct sample *s)
{
  int id = sample_begin(s, "rack is ready", -1, "setup", 1);
  sample_measure(s, id, "bus voltage", 48.42, "V", 46, 50, "psu-a", "low");
  sample_measure(s, id, "coolant flow", 11.93, "L/min", 4, NAN, "flow-meter", "low");
  sample_end(s, id, false, 0.8);
  id = sample_begin(s, "load at 80 %", -1, "step", 1);
  sample_series(s, id, "CSU temperature", "degC", "csu-1", 31.2, 54.8, 0.4, 22);
  sample_measure(s, id, "CSU temperature", 54.8, "degC", NAN, 70, "csu-1", "hot");
  sample_measure(s, id, "slot current", 16.62, "A", 15, 18, "hsc-1", "off");
  sample_end(s, id, false, 0.3);
  id = sample_begin(s, "power down", -1, "step", 1);
  sample_measure(s, id, "slot voltage falls", 92.6, "ms", NAN, 150, "hsc-1", "slow");
  sample_measure(s, id, "residual voltage", 0.412, "V", NAN, 5, "csu-1", "charged");
  sample_end(s, id, false, 0.4);
  id = sample_begin(s, "take the CSU out", -1, "step", 1);
  pl_journal_log(s->journal, id, "INFO", "operator: CSU 1 is out");
  sample_measure(s, id, "contact order", 6.4, "ms", 2, NAN, "csu-1", "order");
  sample_end(s, id, false, 8.2);
  id = sample_begin(s, "flow while open", -1, "step", 1);
  sample_series(s, id, "coolant flow", "L/min", "flow-meter", 11.9, 9.7, 0.6, 6);
  sample_measure(s, id, "coolant flow", 9.71, "L/min", 4, 16, "flow-meter", "low");
  sample_measure(s, id, "pump duty", 62.5, "%", 20, 90, "rpu", "high");
  sample_end(s, id, false, 0.1);
  id = sample_begin(s, "put the CSU in", -1, "step", 1);
  const struct pl_journal_validator on = {.type = "EQUAL", .value = {.kind = PL_VALUE_BOOL, .flag = true}, .name = "sequence"};
  pl_journal_measurement(s->journal, id, &(struct pl_journal_measurement){.name = "present", .value = {.kind = PL_VALUE_BOOL, .flag = true}, .validators = &on,
                                                                         .n_validators = 1, .hardware_id = "csu-1", .subcomponent = "PRSNT#"});
  sample_end(s, id, false, 6.7);
  bool failed = sample_power_up(s);
  id = sample_begin(s, "carries load again", -1, "step", 1);
  failed |= sample_measure(s, id, "slot current again", s->failing ? 18.4 : 16.58, "A", 15, 18, "hsc-1",
                           "slot current 18.4 A is above 18 A: CSU 1 draws more because its voltage is low; next: see the slot voltage first");
  pl_journal_extension(s->journal, id, "interlocks", "{\"armed\":3,\"fired\":0}");
  pl_journal_file(s->journal, id, "bus trace", "captures/bus trace.pcapng", "application/x-pcapng");
  sample_end(s, id, s->failing, 4.1);
  id = sample_begin(s, "nothing leaks", -1, "step", 1);
  sample_measure(s, id, "drip tray wet", 0, NULL, NAN, 0, NULL, "wet");
  sample_end(s, id, false, 0.5);
  return failed;
}

static inline void sample_write(struct sample *s)
{
  sample_start(s);
  bool failed = sample_body(s);
  int id = sample_begin(s, "safe state", -1, "teardown", 1);
  if (s->failing)
    pl_journal_log(s->journal, id, "WARNING", "psu-a answered only at the second try");
  sample_end(s, id, false, 0.3);
  pl_journal_run_end(s->journal, failed ? PL_END_FAIL : PL_END_PASS);
}

#endif
