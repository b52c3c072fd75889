/* SPDX-License-Identifier: Apache-2.0 */
/* The stack and the bench as two programs have them: each opens its own devices of one rack, which stands in a process of its own, and neither disturbs the
 * other. */
#include "control/inventory/item.h"
#include "control/stack/stack.h"
#include "drivers/rig/bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEMO_RACK "fixtures/rigs/demo-rack.yaml"
#define PATIENCE (20 * PL_S)

#define WELL(call)                          \
  do {                                      \
    if ((call) != PL_OK)                    \
      fail_msg("%s: %s", #call, err.text);  \
  } while (0)

struct owner {
  struct pl_clock *clock;
  struct pl_bench *bench;
};

static char folder[64], at_tcp[64];
static pid_t rack;
static struct pl_rig *rig;

/* --- the rack --- */

static void tell(void *ctx, const struct pl_served *at)
{
  size_t size = strlen(at->tcp);
  if (write(*(const int *)ctx, at->tcp, size) != (ssize_t)size)
    _exit(1);
  close(*(const int *)ctx);
}

static void be_the_rack(int out)
{
  struct pl_err err = {0};
  struct pl_rig *own = NULL;
  struct pl_clock *clock = NULL;
  struct pl_backend *backend = NULL;
  volatile int stop = 0;
  char socket[96], rtu[96];
  const struct pl_backend_desc *desc = pl_backend_find("twin");
  snprintf(socket, sizeof socket, "%s/rack", folder);
  snprintf(rtu, sizeof rtu, "%s/rtu", folder);
  const struct pl_serve_cfg cfg = {.tcp = "127.0.0.1:0", .rtu_link = rtu, .socket = socket};
  if (!pl_rig_load(DEMO_RACK, &own, &err) && !pl_clock_new_real(&clock, &err) && !desc->open(own, clock, 1, true, &backend, &err))
    (void)desc->serve(backend, &cfg, tell, &out, &stop, &err);
  fprintf(stderr, "the rack ended: %s\n", err.text);
  _exit(1);
}

/* The demo rack's file with its buses on that rack. */
static char *remote_text(void)
{
  FILE *file = fopen(DEMO_RACK, "r");
  assert_non_null(file);
  size_t size = 0;
  char *text = NULL, line[1024];
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  while (fgets(line, sizeof line, file)) {
    char *twin = strstr(line, "adapter: twin"), *port = strstr(line, "port: twin"), *host = strstr(line, "host: twin");
    if (twin)
      fprintf(out, "%.*sadapter: twin-remote, socket: %s/rack}\n", (int)(twin - line), line, folder);
    else if (port)
      fprintf(out, "%.*sport: %s/rtu%s", (int)(port - line), line, folder, port + strlen("port: twin"));
    else if (host)
      fprintf(out, "%.*shost: '%s'%s", (int)(host - line), line, at_tcp, host + strlen("host: twin"));
    else
      fputs(line, out);
  }
  fclose(file);
  fclose(out);
  return text;
}

static int begin(void **state)
{
  (void)state;
  struct pl_err err = {0};
  int ends[2];
  snprintf(folder, sizeof folder, "/tmp/two-owners-XXXXXX");
  assert_non_null(mkdtemp(folder));
  assert_int_equal(pipe(ends), 0);
  rack = fork();
  assert_true(rack >= 0);
  if (!rack)
    be_the_rack(ends[1]);
  close(ends[1]);
  ssize_t n = read(ends[0], at_tcp, sizeof at_tcp - 1);
  close(ends[0]);
  assert_true(n > 0);
  char *text = remote_text();
  WELL(pl_rig_parse("fixtures/rigs/remote-rack.yaml", text, strlen(text), &rig, &err));
  free(text);
  return 0;
}

static int end(void **state)
{
  (void)state;
  char command[96];
  int status;
  pl_rig_free(rig);
  kill(rack, SIGKILL);
  waitpid(rack, &status, 0);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

/* --- both owners, on one thread --- */

static struct owner open_as(enum pl_owner who)
{
  struct pl_err err = {0};
  struct owner owner = {.clock = NULL};
  WELL(pl_clock_new_real(&owner.clock, &err));
  const struct pl_bench_cfg cfg = {.clock = owner.clock, .seed = 1, .owners = 1u << who, .observe = who == PL_OWNER_STACK};
  WELL(pl_bench_open(rig, &cfg, &owner.bench, &err));
  return owner;
}

static void close_owner(struct owner *owner)
{
  pl_bench_close(owner->bench);
  pl_clock_free(owner->clock);
}

static double get(struct owner *owner, const char *device, const char *quantity)
{
  struct pl_err err = {0};
  struct pl_device *found = pl_bench_device(owner->bench, device);
  assert_non_null(found);
  struct pl_call call = {.device = found, .kind = PL_CALL_GET, .quantity = pl_shape_find(pl_device_shape_of(found), quantity)};
  enum pl_status status;
  pl_time_ns limit = pl_clock_now(owner->clock) + PATIENCE;
  while ((status = pl_call_run(&call, &err)) == PL_E_BUSY && pl_clock_now(owner->clock) < limit)
    pl_clock_step(owner->clock, pl_clock_now(owner->clock) + PL_MS); /* a monitor's first conversion */
  WELL(status);
  return (double)call.reading.value_u / (double)PL_U;
}

static void set(struct owner *owner, const char *device, const char *quantity, double value)
{
  struct pl_err err = {0};
  struct pl_device *found = pl_bench_device(owner->bench, device);
  struct pl_call call = {.device = found, .kind = PL_CALL_SET, .quantity = pl_shape_find(pl_device_shape_of(found), quantity),
                         .value_u = (int64_t)(value * (double)PL_U)};
  WELL(pl_call_run(&call, &err));
}

static void until_state(struct owner *owner, struct pl_stack *stack, const char *id, enum pl_state state)
{
  const struct pl_item *item = pl_inventory_any(stack->inventory, id);
  for (pl_time_ns limit = pl_clock_now(owner->clock) + PATIENCE; item->state != state;) {
    if (pl_clock_now(owner->clock) >= limit)
      fail_msg("%s is still %s (%s), expected %s", id, pl_state_name(item->state), item->why, pl_state_name(state));
    pl_clock_step(owner->clock, limit);
  }
}

static void note_end(struct pl_command *command)
{
  *(bool *)command->ctx = true;
}

static void command(struct owner *owner, struct pl_stack *stack, const char *id, const char *role, const char *quantity, bool on)
{
  bool ended = false;
  struct pl_command command = {.item = pl_inventory_any(stack->inventory, id), .role = role, .quantity = quantity, .value_u = on ? PL_U : 0,
                               .done = note_end, .ctx = &ended};
  pl_command_submit(stack, &command);
  for (pl_time_ns limit = pl_clock_now(owner->clock) + PATIENCE; !ended && pl_clock_now(owner->clock) < limit;)
    pl_clock_step(owner->clock, limit);
  assert_true(ended);
  if (command.status)
    fail_msg("%s", command.err.text);
}

static void test_side_by_side(void **state)
{
  (void)state;
  struct pl_err err = {0};
  struct pl_stack *stack = NULL;
  struct owner ours = open_as(PL_OWNER_STACK);
  WELL(pl_stack_open(&(const struct pl_stack_cfg){.bench = ours.bench, .seed = 1, .user = "admin", .password = "plumb-line-1"}, &stack, &err));
  until_state(&ours, stack, "psu-a", PL_STATE_ENABLED);
  until_state(&ours, stack, "rpu", PL_STATE_ENABLED);
  until_state(&ours, stack, "csu-1", PL_STATE_STANDBY);
  command(&ours, stack, "csu-1", "hot-swap", "on", true);
  command(&ours, stack, "csu-1", "connector", "power-enable", true);
  until_state(&ours, stack, "csu-1", PL_STATE_ENABLED);

  struct owner theirs = open_as(PL_OWNER_BENCH); /* beside it, while it runs */
  assert_null(pl_bench_device(theirs.bench, "psu-a"));
  assert_null(pl_bench_bus(theirs.bench, "lines-m1"));
  assert_null(pl_bench_device(ours.bench, "monitor-1"));
  assert_true(get(&theirs, "monitor-1", "vout") > 40); /* what the stack switched on is on, and stays on */
  set(&theirs, "load-1", "load", 100);
  until_state(&ours, stack, "csu-1", PL_STATE_ENABLED);
  for (pl_time_ns limit = pl_clock_now(theirs.clock) + PATIENCE; get(&theirs, "monitor-1", "iout") < 1;) {
    assert_true(pl_clock_now(theirs.clock) < limit);
    pl_clock_step(theirs.clock, pl_clock_now(theirs.clock) + 10 * PL_MS);
  }
  WELL(pl_bench_make_safe(theirs.bench, &err)); /* the end of a run is not the end of the stack */
  close_owner(&theirs);

  struct owner both = {.clock = NULL}; /* who would drive all of it is told who has it */
  WELL(pl_clock_new_real(&both.clock, &err));
  assert_int_equal(pl_bench_open(rig, &(const struct pl_bench_cfg){.clock = both.clock, .seed = 1}, &both.bench, &err), PL_E_LOCKED);
  pl_clock_free(both.clock);

  pl_stack_close(stack);
  close_owner(&ours);
  theirs = open_as(PL_OWNER_BENCH);
  assert_true(get(&theirs, "monitor-1", "vout") > 40); /* the stack's end switches nothing */
  ours = open_as(PL_OWNER_STACK); /* nor does its next start */
  WELL(pl_stack_open(&(const struct pl_stack_cfg){.bench = ours.bench, .seed = 1, .user = "admin", .password = "plumb-line-1"}, &stack, &err));
  until_state(&ours, stack, "csu-1", PL_STATE_ENABLED);
  assert_true(get(&theirs, "monitor-1", "vout") > 40);
  pl_stack_close(stack);
  close_owner(&ours);
  close_owner(&theirs);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_side_by_side, begin, end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
