/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack in a process of its own, killed (SIGKILL) at random moments while it runs procedures against a rack in another one, in real time, and started again:
 * nothing that it acknowledged is lost, no power is switched blindly, and the rack was told nothing that the store did not say before. PL_KILLS=500 for more of
 * them; PL_SEED for others.
 */
#include "control/procedure/procedure_test.h"

#include <signal.h>
#include <sys/wait.h>

#define IDS_MAX 4096

struct drill {
  char folder[64], socket[96], store[96], writes[96], rack_rig[96], rig[96];
  pid_t rack;
  int64_t ids[IDS_MAX];
  size_t n_ids;
  unsigned seed;
};

static unsigned roll(struct drill *drill, unsigned below)
{
  drill->seed = drill->seed * 1664525u + 1013904223u; /* Numerical Recipes' */
  return (drill->seed >> 8) % below;
}

/* --- the rack --- */

static volatile int rack_stop;
static struct pl_clock *rack_clock;

static void stop_rack(int signum)
{
  (void)signum;
  rack_stop = 1;
  pl_clock_wake(rack_clock);
}

static void rack_is_ready(void *ctx, const struct pl_served *at)
{
  (void)at;
  if (write(*(int *)ctx, "r", 1) != 1)
    _exit(3);
}

static void be_rack(const struct drill *drill, int ready_fd)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  struct pl_backend *backend = NULL;
  const struct pl_backend_desc *desc = pl_backend_find("twin");
  enum pl_status status = pl_rig_load(drill->rack_rig, &rig, &err);
  if (!status)
    status = pl_clock_new_real(&rack_clock, &err);
  if (!status)
    status = desc->open(rig, rack_clock, 1, true, &backend, &err);
  signal(SIGTERM, stop_rack);
  if (!status)
    status = desc->serve(backend, &(const struct pl_serve_cfg){.socket = drill->socket, .writes = drill->writes}, rack_is_ready, &ready_fd, &rack_stop, &err);
  if (status)
    fprintf(stderr, "rack: %s\n", err.text);
  _exit(status ? 2 : 0);
}

/* --- the stack --- */

struct life {
  struct pl_clock *clock;
  struct pl_rig *rig;
  struct pl_bench *bench;
  struct pl_stack *stack;
  struct pl_err err;
};

static double truth(struct life *life, const char *part, const char *port)
{
  double value = NAN;
  pl_bench_backend_desc(life->bench)->truth(pl_bench_backend(life->bench), part, port, &value, NULL);
  return value;
}

static void run_for(struct life *life, pl_time_ns span)
{
  for (pl_time_ns end = pl_clock_now(life->clock) + span; pl_clock_now(life->clock) < end;)
    pl_clock_step(life->clock, end);
}

static void be_person(struct life *life, const struct pl_procedure *p)
{
  const struct pl_backend_desc *desc = pl_bench_backend_desc(life->bench);
  if (strcmp(p->desc->kind, "hot-swap") != 0)
    return;
  bool there = truth(life, p->item->id, "present") > 0.5;
  if (p->item->ready_to_remove && there) {
    if (truth(life, p->item->id, "vout") > 5)
      _exit(9); /* ready to be pulled, and live */
    desc->act(pl_bench_backend(life->bench), p->item->id, "remove", NULL);
  } else if (!strcmp(pl_procedure_step_name(p), "removed") && !there) {
    desc->act(pl_bench_backend(life->bench), p->item->id, "insert", NULL); /* refused while it is being moved: the next look tries again */
  }
}

static size_t each_active(struct life *life)
{
  size_t active = 0;
  for (struct pl_procedure *p = pl_procedure_first(life->stack->procedures); p; p = p->next)
    if (!BAY_IS_OVER(p)) {
      be_person(life, p);
      active++;
    }
  return active;
}

static void begin_any(struct life *life, struct drill *drill, int fd)
{
  static const struct pl_procedure_desc *const DESCS[] = {&pl_hot_swap, &pl_power_on, &pl_power_off, &pl_restart, &pl_failover_csu, &pl_evacuate};
  static const char *const CSUS[] = {"csu-1", "csu-2", "csu-5"};
  const struct pl_procedure_desc *desc = DESCS[roll(drill, sizeof DESCS / sizeof *DESCS)];
  struct pl_item *item = pl_inventory_any(life->stack->inventory, desc == &pl_evacuate ? "module-1" : CSUS[roll(drill, 3)]);
  struct pl_procedure *p = NULL;
  if ((desc == &pl_failover_csu || desc == &pl_hot_swap) && !pl_item_has_power(item))
    return;
  if (!pl_procedure_begin(life->stack, desc, item, "drill", &p, &life->err) && write(fd, &p->id, sizeof p->id) != sizeof p->id)
    _exit(4);
}

/* Until it is killed; last: until nothing runs any more. */
static void be_stack(struct drill *drill, int fd, bool last)
{
  struct life life = {0};
  int64_t ready = 0;
  enum pl_status status = pl_clock_new_real(&life.clock, &life.err);
  if (!status)
    status = pl_rig_load(drill->rig, &life.rig, &life.err);
  for (pl_time_ns end = pl_clock_now(life.clock) + 10 * PL_S; !status;) { /* the rack may not have noticed yet that the one before is dead */
    status = pl_bench_open(life.rig, &(const struct pl_bench_cfg){.clock = life.clock, .seed = 1, .observe = true}, &life.bench, &life.err);
    if (!status || pl_clock_now(life.clock) >= end)
      break;
    status = PL_OK;
    run_for(&life, 20 * PL_MS);
  }
  const struct pl_stack_cfg cfg = {.bench = life.bench, .seed = 1, .store = drill->store, .user = "admin", .password = "plumb-line-1"};
  if (!status)
    status = pl_stack_open(&cfg, &life.stack, &life.err);
  if (status) {
    fprintf(stderr, "stack: %s\n", life.err.text);
    _exit(5);
  }
  struct pl_stack_settings *settings = &life.stack->settings; /* a busy machine is no finding */
  settings->power_good_ns = settings->power_off_ns = settings->test_ns = settings->stale_ns = 60 * PL_S;
  for (pl_time_ns end = pl_clock_now(life.clock) + 30 * PL_S; !pl_inventory_first_round_over(life.stack->inventory) && pl_clock_now(life.clock) < end;)
    pl_clock_step(life.clock, end);
  run_for(&life, PL_MS);
  if (write(fd, &ready, sizeof ready) != sizeof ready)
    _exit(4);
  for (pl_time_ns end = pl_clock_now(life.clock) + 120 * PL_S; pl_clock_now(life.clock) < end;) {
    size_t active = each_active(&life);
    if (last && !active)
      _exit(truth(&life, "csu-1", "hot_breaks") + truth(&life, "csu-2", "hot_breaks") + truth(&life, "csu-5", "hot_breaks") == 0 ? 0 : 8);
    if (!last && active < 2)
      begin_any(&life, drill, fd);
    run_for(&life, 5 * PL_MS);
  }
  _exit(7);
}

/* --- the judge --- */

struct count {
  const char *device, *what; /* "connector-1", "power-enable=1" */
  size_t told, meant;
};

struct verdict {
  struct drill *drill;
  struct count counts[12];
  size_t n_counts;
  struct { int64_t id; bool resumed, looked; } states[IDS_MAX];
  size_t blind, over, failed, open, rows;
  char message[256];
};

static void count_told(struct verdict *verdict)
{
  char line[256];
  FILE *file = fopen(verdict->drill->writes, "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    const char *device = strchr(line, ',');
    for (size_t i = 0; device && i < verdict->n_counts; i++) {
      struct count *count = &verdict->counts[i];
      size_t size = strlen(count->device);
      const char *what = device + 1 + size;
      if (strncmp(device + 1, count->device, size) != 0 || *what != ',')
        continue;
      bool on = count->what[strlen(count->what) - 1] == '1';
      count->told += !strncmp(what + 1, on ? "power-enable 1" : "power-enable 0", 14) || !strncmp(what + 1, on ? "i2c 01 80" : "i2c 01 00", 9);
    }
  }
  fclose(file);
}

static void judge_trail(void *ctx, const struct pl_store_trail_row *row)
{
  struct verdict *verdict = ctx;
  size_t slot = (size_t)row->procedure % IDS_MAX;
  if (verdict->states[slot].id != row->procedure) {
    verdict->states[slot].id = row->procedure;
    verdict->states[slot].resumed = false;
  }
  if (!strcmp(row->what, "resumed"))
    verdict->states[slot].resumed = true, verdict->states[slot].looked = strstr(row->detail, "between");
  if (!strcmp(row->what, "looked") || !strcmp(row->what, "began") || !strcmp(row->what, "undo"))
    verdict->states[slot].looked = true;
  if (strcmp(row->what, "command") != 0)
    return;
  for (size_t i = 0; i < verdict->n_counts; i++) {
    char words[64];
    snprintf(words, sizeof words, "%s.%s", verdict->counts[i].device, verdict->counts[i].what);
    if (strcmp(words, row->detail) != 0)
      continue;
    verdict->counts[i].meant++;
    verdict->blind += verdict->states[slot].resumed && !verdict->states[slot].looked;
  }
}

static void judge_row(void *ctx, const struct pl_store_procedure *row)
{
  struct verdict *verdict = ctx;
  verdict->rows++;
  verdict->open += !strcmp(row->state, "running") || !strcmp(row->state, "rolling-back");
  verdict->over += !strcmp(row->state, "completed");
  if (!strcmp(row->state, "failed") || !strcmp(row->state, "cancelled")) {
    verdict->failed++;
    snprintf(verdict->message, sizeof verdict->message, "%s of %s at %s: %.180s", row->kind, row->item, row->step, row->message);
  }
  for (size_t i = 0; i < verdict->drill->n_ids; i++)
    if (verdict->drill->ids[i] == row->id)
      verdict->drill->ids[i] = -row->id; /* it is there */
}

static void judge(struct drill *drill, struct verdict *verdict)
{
  static const char *const DEVICES[] = {"hsc-1", "hsc-2", "hsc-5", "connector-1", "connector-2", "connector-5"};
  static const char *const WHATS[2][2] = {{"on=0", "on=1"}, {"power-enable=0", "power-enable=1"}};
  struct pl_store *store = NULL;
  struct pl_err err = {0};
  bool damaged = true;
  *verdict = (struct verdict){.drill = drill};
  for (size_t i = 0; i < 12; i++)
    verdict->counts[verdict->n_counts++] = (struct count){.device = DEVICES[i / 2], .what = WHATS[i / 2 >= 3][i % 2]};
  if (pl_store_open(drill->store, &store, &damaged, &err))
    fail_msg("%s", err.text);
  assert_false(damaged);
  count_told(verdict);
  assert_int_equal(pl_store_trail_each(store, 0, judge_trail, verdict, &err), PL_OK);
  assert_int_equal(pl_store_procedures(store, false, judge_row, verdict, &err), PL_OK);
  pl_store_close(store);
  for (size_t i = 0; i < verdict->n_counts; i++)
    if (verdict->counts[i].told > verdict->counts[i].meant)
      fail_msg("%s was told %s %zu times, and the store says %zu", verdict->counts[i].device, verdict->counts[i].what, verdict->counts[i].told, verdict->counts[i].meant);
  for (size_t i = 0; i < drill->n_ids; i++) {
    if (drill->ids[i] > 0 && (int64_t)verdict->rows < 1000)
      fail_msg("procedure %lld was acknowledged and is lost", (long long)drill->ids[i]);
    drill->ids[i] = drill->ids[i] < 0 ? -drill->ids[i] : drill->ids[i];
  }
  assert_int_equal(verdict->blind, 0);
}

/* --- the drill --- */

static void write_rig(const char *path, const char *socket)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (const char *at = BAY_SMALL, *next; *at; at = next) {
    next = socket ? strstr(at, "adapter: twin") : NULL;
    fprintf(file, "%.*s", next ? (int)(next - at) : (int)strlen(at), at);
    if (!next)
      break;
    next += strlen("adapter: twin");
    if (!strncmp(next, ", speed: 400 kHz", 16)) /* the rack has its own */
      next += 16;
    fprintf(file, "adapter: twin-remote, socket: %s", socket);
  }
  if (socket)
    fprintf(file, "twin-socket: %s\n", socket);
  fclose(file);
}

static pid_t spawn(struct drill *drill, int *fd, bool last)
{
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (!child) {
    close(fds[0]);
    be_stack(drill, fds[1], last);
  }
  close(fds[1]);
  *fd = fds[0];
  return child;
}

static void wait_ns(pl_time_ns span)
{
  struct pl_clock *clock;
  assert_int_equal(pl_clock_new_real(&clock, NULL), PL_OK);
  pl_clock_sleep_until(clock, pl_clock_now(clock) + span);
  pl_clock_free(clock);
}

static void hear(struct drill *drill, int fd)
{
  int64_t id;
  while (read(fd, &id, sizeof id) == sizeof id)
    if (id && drill->n_ids < IDS_MAX)
      drill->ids[drill->n_ids++] = id;
  close(fd);
}

static void one_kill(struct drill *drill)
{
  int fd, status;
  int64_t ready;
  roll(drill, 2);
  pid_t child = spawn(drill, &fd, false);
  if (roll(drill, 4)) /* three in four when it works, one while it starts */
    assert_int_equal(read(fd, &ready, sizeof ready), sizeof ready);
  wait_ns((pl_time_ns)roll(drill, roll(drill, 2) ? 300 : 2500) * PL_MS); /* some live long enough to come to an end with something */
  kill(child, SIGKILL);
  hear(drill, fd);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status))
    fail_msg("the stack ended by itself with %d", WEXITSTATUS(status));
}

static int setup(void **state)
{
  struct drill *drill = calloc(1, sizeof *drill);
  int fds[2];
  char byte;
  snprintf(drill->folder, sizeof drill->folder, "/tmp/pl-kills-XXXXXX");
  assert_non_null(mkdtemp(drill->folder));
  snprintf(drill->socket, sizeof drill->socket, "%s/rack.sock", drill->folder);
  snprintf(drill->store, sizeof drill->store, "%s/rackd.db", drill->folder);
  snprintf(drill->writes, sizeof drill->writes, "%s/told.csv", drill->folder);
  snprintf(drill->rack_rig, sizeof drill->rack_rig, "%s/rack.yaml", drill->folder);
  snprintf(drill->rig, sizeof drill->rig, "%s/stack.yaml", drill->folder);
  write_rig(drill->rack_rig, NULL);
  write_rig(drill->rig, drill->socket);
  drill->seed = getenv("PL_SEED") ? (unsigned)strtoul(getenv("PL_SEED"), NULL, 10) : 1;
  assert_int_equal(pipe(fds), 0);
  drill->rack = fork();
  assert_true(drill->rack >= 0);
  if (!drill->rack)
    be_rack(drill, fds[1]);
  close(fds[1]);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  close(fds[0]);
  *state = drill;
  return 0;
}

static int teardown(void **state)
{
  struct drill *drill = *state;
  static const char *const FILES[] = {"rackd.db", "rackd.db-wal", "rackd.db-shm", "told.csv", "rack.yaml", "stack.yaml", "rack.sock"};
  int status;
  kill(drill->rack, SIGTERM);
  waitpid(drill->rack, &status, 0);
  for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", drill->folder, FILES[i]);
    unlink(path);
  }
  rmdir(drill->folder);
  free(drill);
  return 0;
}

static void test_kills(void **state)
{
  struct drill *drill = *state;
  struct verdict *verdict = calloc(1, sizeof *verdict);
  const char *wanted = getenv("PL_KILLS");
  long kills = wanted ? strtol(wanted, NULL, 10) : 20;
  int fd, status;
  for (long i = 0; i < kills; i++) {
    one_kill(drill);
    judge(drill, verdict);
  }
  pid_t last = spawn(drill, &fd, true);
  hear(drill, fd);
  assert_int_equal(waitpid(last, &status, 0), last);
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    fail_msg("the last stack ended with %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  judge(drill, verdict);
  size_t actions = 0;
  for (size_t i = 0; i < verdict->n_counts; i++)
    actions += verdict->counts[i].told;
  print_message("%ld kills: %zu procedures acknowledged, %zu completed, %zu failed, %zu open; %zu power actions, 0 blind, 0 without their intent in the store\n", kills,
                drill->n_ids, verdict->over, verdict->failed, verdict->open, actions);
  if (verdict->failed)
    fail_msg("%zu failed, such as %s", verdict->failed, verdict->message);
  assert_int_equal(verdict->open, 0);
  assert_true(drill->n_ids > 0 && verdict->over > 0 && actions > 0);
  free(verdict);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_kills, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
