/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped sequences on the virtual demo rack: a healthy rack passes, and each fault is found in the right place. Run from the tree's root. */
#include "host/engine/engine_test.h"

struct sequence_case {
  const char *sequence, *fault;   /* fault NULL: none */
  enum pl_engine_outcome outcome;
  const char *verdict, *place, *next; /* of the failing diagnosis; NULL: none fails */
};

static const struct sequence_case CASES[] = {
    {"hot-swap", NULL, PL_RUN_PASS, NULL, NULL, NULL},
    {"hot-swap", "csu-1.power-good=late:0.4s", PL_RUN_FAIL, "power-good-follows-enable-fail", "csu-1 (module 1, slot 1), connector-1", "check the slot's connector"},
    {"hot-swap", "csu-1.discharge=slow", PL_RUN_FAIL, "slot-voltage-falls-fail", "csu-1 (module 1, slot 1)", "replace the CSU, its discharge is weak"},
    {"hot-swap", "csu-1.inrush=high", PL_RUN_FAIL, "inrush-peak-fail", "csu-1 (module 1, slot 1), hsc-1", "check the slot's hot-swap controller"},
    {"hot-swap", "csu-1.boot=never", PL_RUN_FAIL, "csu-draws-more-than-50-w-fail", "csu-1 (module 1, slot 1)", "replace the CSU in this slot"},
    {"hot-swap", "csu-1.fet=stuck-on", PL_RUN_FAIL, "slot-voltage-below-5-v-fail", "csu-1 (module 1, slot 1), hsc-1", "check the slot's hot-swap controller"},
    {"hot-swap", "connector-1.present=stuck-high", PL_RUN_FAIL, "prsnt-goes-fail", "csu-1 (module 1, slot 1), connector-1", "check the slot's connector"},
    {"hot-swap", "csu-4.power-path=high-resistance:1ohm", PL_RUN_FAIL, "the-other-slots-keep-their-power-fail", "csu-4 (module 1, slot 4), connector-4",
     "check the bus bar"},
    {"hot-swap", "hsc-1.iout=gain:20%", PL_RUN_FAIL, "controller-and-bench-agree-on-the-current-fail", "csu-1 (module 1, slot 1), hsc-1",
     "check the slot's hot-swap controller"},
    {"hot-swap", "hsc-1.wire=nack@7s", PL_RUN_FAIL, "hot-swap-", "csu-1 (module 1, slot 1), hsc-1", "check the slot's hot-swap controller"},
    {"psu-failover", NULL, PL_RUN_PASS, NULL, NULL, NULL},
    {"psu-failover", "psu-a.hold-up=short:0.1", PL_RUN_FAIL, "hold-up-fail", "psu-a (power shelf, left)", "replace the power supply"},
    {"psu-failover", "psu-b.share=bad", PL_RUN_FAIL, "share-of-psu-b-fail", "psu-b (power shelf, right)", "replace the power supply"},
    {"psu-failover", "psu-b.iout=gain:25%", PL_RUN_FAIL, "supplies-and-bench-agree-on-the-power-fail", "busbar (rear)", "compare each supply's current"},
    {"leak", NULL, PL_RUN_PASS, NULL, NULL, NULL},
    {"leak", "tray-1.sensor=dry-always", PL_RUN_FAIL, "leak-found-fail", "tray-1 (drip tray of module 1), leak-1", "check the leak sensor and its cable"},
    {"leak", "tray-1.cable=broken", PL_RUN_FAIL, "sense-cable-is-whole-fail", "tray-1 (drip tray of module 1), leak-1", "check the leak sensor and its cable"},
    {"leak", "leak-1.leak=late:5s", PL_RUN_FAIL, "leak-found-fail", "leak-1", "check the leak sensor and its cable"},
    {"leak", "tray-2.sensor=wet-always", PL_RUN_FAIL, "the-other-trays-stay-dry-fail", "tray-2 (drip tray of module 2), leak-2", "find the leak that the bench did not make"},
    {"leak", "leak-2.cable=stuck-low", PL_RUN_FAIL, "leak-sensor-wet-no-reading", "tray-2 (drip tray of module 2), leak-2", "check the leak sensor and its cable"},
    {"leak", "rpu.flow=gain:30%", PL_RUN_FAIL, "pump-unit-and-bench-agree-on-the-flow-fail", "rpu (rack bottom)", "service the pump unit"},
    {"smoke", NULL, PL_RUN_PASS, NULL, NULL, NULL},
    {"smoke", "psu-b.output=low:44V", PL_RUN_FAIL, "psu-b-vout-fail", "psu-b (power shelf, right)", "replace the power supply"},
    {"smoke", "monitor-6.wire=nack", PL_RUN_FAIL, "monitor-not-acknowledged", "csu-6 (module 2, slot 2), monitor-6", "check what the monitor sees"},
};

static void run_case(struct fixture *f, const struct sequence_case *c)
{
  struct pl_sequence *sequence = NULL;
  char path[96];
  f->err = (struct pl_err){0};
  f->faults = &c->fault;
  f->n_faults = c->fault ? 1 : 0;
  snprintf(path, sizeof path, "sequences/%s.lua", c->sequence);
  if (pl_sequence_load(path, &sequence, &f->err) || pl_sequence_bind(sequence, f->rig, NULL, 0, &f->err))
    fail_msg("%s: %s", path, f->err.text);
  run_bench(f, sequence);
  read_journal(f);
  pl_sequence_free(sequence);
}

/* The failing diagnosis with that verdict, up to the end of its line. */
static const char *find_diagnosis(const struct fixture *f, const char *verdict, char *line, size_t size)
{
  char start[160];
  snprintf(start, sizeof start, "\"diagnosis\":{\"verdict\":\"%s", verdict);
  for (const char *at = f->lines; (at = strstr(at, start)); at++) {
    snprintf(line, size, "%.*s", (int)strcspn(at, "\n"), at);
    if (strstr(line, "\"type\":\"FAIL\""))
      return line;
  }
  return NULL;
}

static void shipped_sequences_judge_right(void **state)
{
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    const struct sequence_case *c = &CASES[i];
    char line[2048];
    run_case(f, c);
    if (f->outcome != c->outcome)
      fail_msg("%s with %s: outcome %d, expected %d; %s\n%s", c->sequence, c->fault ? c->fault : "no fault", (int)f->outcome, (int)c->outcome, f->err.text, f->lines);
    if (!c->verdict) {
      assert_not_journal(f, "\"type\":\"FAIL\"");
      continue;
    }
    if (!find_diagnosis(f, c->verdict, line, sizeof line))
      fail_msg("%s with %s: no failing %s\n%s", c->sequence, c->fault, c->verdict, f->lines);
    if (!strstr(line, c->place) || !strstr(line, c->next))
      fail_msg("%s with %s: expected \"%s\" and \"%s\" in\n%s", c->sequence, c->fault, c->place, c->next, line);
  }
}

static void shipped_sequences_rehearse(void **state)
{
  struct fixture *f = *state;
  static const char *const NAMES[] = {"hot-swap", "psu-failover", "leak", "smoke"};
  f->cfg.rehearsal = true;
  f->cfg.rehearsal_wall_ms = 5000;
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    const struct sequence_case c = {.sequence = NAMES[i]};
    run_case(f, &c);
    if (f->status)
      fail_msg("%s: %s", NAMES[i], f->err.text);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(shipped_sequences_judge_right, set_up_rack, tear_down),
      cmocka_unit_test_setup_teardown(shipped_sequences_rehearse, set_up_rack, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
