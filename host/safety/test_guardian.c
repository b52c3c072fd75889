/* SPDX-License-Identifier: Apache-2.0 */
/* What the guardian is made of, in one process: whom it is needed for, what it does about what it cannot reach, its record on a good disk and on a full one, and when
 * it refuses to begin. The whole of it, with processes that die: tests/test_guardian.py. */
#include "drivers/bus/lock.h"
#include "host/safety/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PARTS "parts:\n- {name: busbar, kind: busbar}\n- {name: csu-1, kind: csu, busbar: busbar}\n- {name: tray, kind: tray}\n- {name: injector, kind: valve, tray: tray}\n"
#define VALVE "- {name: valve, driver: leak-valve, bus: near, part: injector, open: LEAK, safe: {open: false}}\n"
#define SLOT "- {name: slot, driver: connector, bus: far, part: csu-1, present: P, power-enable: E, power-good: G, safe: {power-enable: false}}\n"
#define HSC "- {name: hsc, driver: hsc-adm1272, bus: wire, address: 0x10, shunt: 0.5 mohm, part: csu-1, safe: {on: false}}\n"
#define LEAK "- {name: leak, driver: leak-sensor, bus: far, part: tray, leak: WET, cable: CABLE}\n"
#define BUSES                                                                                                                                              \
  "rig: test\nbuses:\n- {name: near, kind: gpio, adapter: twin}\n- {name: far, kind: gpio, adapter: twin-remote, socket: /nonexistent/rack.sock}\n"         \
  "- {name: wire, kind: i2c, adapter: twin-remote, socket: /nonexistent/rack.sock}\n"

static struct pl_rig *parse(const char *text)
{
  struct pl_err err = {0};
  struct pl_rig *rig = NULL;
  if (pl_rig_parse("test.yaml", text, strlen(text), &rig, &err))
    fail_msg("%s", err.text);
  return rig;
}

static void needed_for_what_outlives_the_run(void **state)
{
  (void)state;
  static const struct {
    const char *devices;
    bool needed;
  } ROWS[] = {{VALVE, false}, {VALVE SLOT, true}, {LEAK, false}, {VALVE LEAK HSC, true}};
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    char text[4096];
    snprintf(text, sizeof text, BUSES PARTS "devices:\n%s", ROWS[i].devices);
    struct pl_rig *rig = parse(text);
    assert_int_equal(pl_guardian_needed(rig), ROWS[i].needed);
    pl_rig_free(rig);
  }
}

struct tried {
  char names[256];
  int failed;
};

static void on_tried(void *ctx, const struct pl_rig_device *device, const struct pl_rig_setting *safe, enum pl_status status, const struct pl_err *err)
{
  struct tried *tried = ctx;
  size_t used = strlen(tried->names);
  snprintf(tried->names + used, sizeof tried->names - used, "%s.%s ", device->name, safe->quantity->name);
  tried->failed += status == PL_E_GONE && strstr(err->text, "nobody listens at");
}

/* Nothing is there. Each output is tried, and once more, in the declared order; those of the virtual rack of this process are not, and a sensor is not even opened. */
static void what_is_not_there_is_told_and_passed(void **state)
{
  (void)state;
  struct pl_rig *rig = parse(BUSES PARTS "devices:\n" VALVE LEAK HSC SLOT);
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_err err = {0};
  struct tried tried = {.names = ""};
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  const struct pl_bench_cfg cfg = {.clock = clock, .observe = true, .safe_only = true};
  assert_int_equal(pl_bench_open(rig, &cfg, &bench, &err), PL_OK);
  assert_null(pl_bench_backend(bench));
  assert_null(pl_bench_device(bench, "leak"));
  const struct pl_safe_watch watch = {.tried = on_tried, .ctx = &tried};
  assert_int_equal(pl_bench_make_safe_watched(bench, &watch, &err), PL_E_GONE);
  assert_string_equal(tried.names, "hsc.on slot.power-enable hsc.on slot.power-enable ");
  assert_int_equal(tried.failed, 4);
  assert_non_null(strstr(err.text, "not made safe: hsc.on, slot.power-enable ("));
  pl_bench_close(bench);
  pl_clock_free(clock);
  pl_rig_free(rig);
}

/* Somebody else holds a part of the rig: a guardian that is not sure that the rig was its runner's leaves it alone; one that is makes the rest safe. */
static void a_rig_that_another_program_holds(void **state)
{
  (void)state;
  struct pl_rig *rig = parse("rig: test\nbuses:\n- {name: bench, kind: modbus, adapter: modbus-tcp, host: '127.0.0.1:9'}\n" PARTS
                             "devices:\n- {name: load, driver: modbus-map, map: load-bank, bus: bench, unit: 21, role: load, part: csu-1, safe: {load: 0 W}}\n");
  char folder[] = "/tmp/plumb-guardian-XXXXXX", path[96];
  struct pl_clock *clock;
  struct pl_bench *bench;
  struct pl_lock *lock;
  struct pl_err err = {0};
  assert_non_null(mkdtemp(folder));
  assert_int_equal(setenv("PLUMBLINE_LOCK_DIR", folder, 1), 0);
  assert_int_equal(pl_lock_take("127.0.0.1:9", &lock, &err), PL_OK);
  assert_int_equal(pl_clock_new_real(&clock, &err), PL_OK);
  struct pl_bench_cfg cfg = {.clock = clock, .observe = true, .safe_only = true, .alone = true, .patience_ns = 5 * PL_MS};
  assert_int_equal(pl_bench_open(rig, &cfg, &bench, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, "is held by process"));
  cfg.alone = false;
  assert_int_equal(pl_bench_open(rig, &cfg, &bench, &err), PL_OK);
  assert_int_equal(pl_bench_make_safe(bench, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, "not made safe: load.load (bus 'bench'"));
  pl_bench_close(bench);
  pl_clock_free(clock);
  pl_lock_release(lock);
  pl_rig_free(rig);
  unsetenv("PLUMBLINE_LOCK_DIR");
  snprintf(path, sizeof path, "%s/plumbline-127.0.0.1_9.lock", folder);
  unlink(path);
  rmdir(folder);
}

/* --- the record --- */

static char *slurp(int fd, char *text, size_t size)
{
  ssize_t n = pread(fd, text, size - 1, 0);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

static void write_record(const char *path, char *note, size_t size)
{
  struct pl_clock *clock;
  struct pl_guard_record *record;
  struct pl_err err = {0};
  assert_int_equal(pl_clock_new_virtual(0, &clock, &err), PL_OK);
  assert_int_equal(pl_guard_record_open(path, clock, &record, note, size, &err), PL_OK);
  pl_guard_record_add(record, "first", "\"why\":%s", pl_guard_record_quote(record, "a \"word\"\n"));
  pl_guard_record_flush(record);
  pl_guard_record_add(record, "second", "%s", "");
  pl_guard_record_close(record);
  pl_clock_free(clock);
}

#define FIRST "{\"guardian\":\"first\",\"at\":\"1970-01-01T00:00:00.000000Z\",\"why\":\"a \\\"word\\\"\\n\"}\n"
#define SECOND "{\"guardian\":\"second\",\"at\":\"1970-01-01T00:00:00.000000Z\"}\n"

static void a_record_is_whole_lines_and_nothing_behind(void **state)
{
  (void)state;
  char folder[] = "/tmp/plumb-guardian-XXXXXX", path[64], note[256], text[1024];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/guardian.jsonl", folder);
  write_record(path, note, sizeof note);
  int fd = open(path, O_RDONLY);
  assert_string_equal(slurp(fd, text, sizeof text), FIRST SECOND);
  assert_int_equal(lseek(fd, 0, SEEK_END), strlen(FIRST SECOND));
  close(fd);
  unlink(path);
  rmdir(folder);
}

static void a_full_disk_loses_nothing_that_was_done(void **state)
{
  (void)state;
  char note[256], text[2048];
  int real = dup(STDERR_FILENO), caught = memfd_create("stderr", 0);
  assert_true(real >= 0 && caught >= 0);
  dup2(caught, STDERR_FILENO);
  write_record("/dev/full", note, sizeof note);
  fflush(stderr);
  dup2(real, STDERR_FILENO);
  slurp(caught, text, sizeof text);
  close(real);
  close(caught);
  assert_non_null(strstr(note, "/dev/full: no room reserved"));
  assert_non_null(strstr(text, "could not be written (No space left on device)"));
  assert_non_null(strstr(text, FIRST SECOND));
}

static void a_folder_that_is_gone_is_a_note(void **state)
{
  (void)state;
  char note[256];
  int real = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
  dup2(null, STDERR_FILENO);
  write_record("/nonexistent/guardian.jsonl", note, sizeof note);
  dup2(real, STDERR_FILENO);
  close(real);
  close(null);
  assert_non_null(strstr(note, "No such file or directory"));
}

/* --- refusals: the runner hears why, and nothing has been asked of the system yet --- */

static void refused(const char *rig, const char *sha256, pid_t runner, const char *why)
{
  int ends[2];
  char text[600];
  struct pl_err err = {0};
  assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const struct pl_guard_cfg cfg = {.rig = rig, .sha256 = sha256, .record = "/dev/null", .runner = runner, .link = ends[1], .limit_ns = PL_S};
  assert_int_equal(pl_guard_run(&cfg, &err), PL_GUARD_REFUSED);
  ssize_t n = recv(ends[0], text, sizeof text - 1, MSG_DONTWAIT);
  assert_true(n > 1);
  text[n] = '\0';
  assert_int_equal(text[0], 'X');
  if (!strstr(text, why))
    fail_msg("expected '%s' in: %s", why, text);
  close(ends[0]);
  close(ends[1]);
}

static void a_guardian_that_cannot_do_its_work_does_not_begin(void **state)
{
  (void)state;
  struct pl_err err = {0};
  struct pl_rig *rig;
  assert_int_equal(pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err), PL_OK);
  refused("fixtures/rigs/none.yaml", "", getppid(), "none.yaml");
  refused("fixtures/rigs/demo-rack.yaml", "0000", getppid(), "has changed since the run read it");
  refused("fixtures/rigs/demo-rack.yaml", rig->sha256, getpid(), "has ended already"); /* not its parent */
  pl_rig_free(rig);
}

/* --- a runner that hangs where no beats come --- */

/* In a process of its own: begins a guardian, as its parent, says the words, and does nothing more. */
static void hang_after(const char *words, const char *sha256, const char *record)
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
    _exit(9);
  pid_t runner = getpid(), child = fork();
  if (child < 0)
    _exit(9);
  if (!child) {
    struct pl_err err = {0};
    close(ends[0]);
    const struct pl_guard_cfg cfg = {.rig = "fixtures/rigs/demo-rack.yaml", .sha256 = sha256, .record = record, .runner = runner, .link = ends[1],
                                     .limit_ns = 20 * PL_MS, .quiet_ns = 300 * PL_MS};
    _exit((int)pl_guard_run(&cfg, &err));
  }
  close(ends[1]);
  for (; *words; words++)
    if (send(ends[0], words, 1, MSG_NOSIGNAL) != 1)
      _exit(9);
  for (;;)
    pause();
}

static void ended_by_its_guardian(const char *words, const char *sha256, const char *why)
{
  char folder[] = "/tmp/plumb-guardian-XXXXXX", path[64], text[8192];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/guardian.jsonl", folder);
  int fd = open(path, O_RDWR | O_CREAT, 0600), status = 0, tail[2];
  assert_int_equal(pipe(tail), 0); /* closed when the guardian has ended too */
  pid_t runner = fork();
  assert_true(runner >= 0);
  if (!runner) {
    alarm(30); /* a runner that nobody ends fails the test, and does not stay for ever */
    close(tail[0]);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    hang_after(words, sha256, path);
  }
  close(tail[1]);
  assert_int_equal(waitpid(runner, &status, 0), runner);
  struct pollfd end = {.fd = tail[0]};
  assert_int_equal(poll(&end, 1, 60000), 1);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGKILL);
  slurp(fd, text, sizeof text);
  if (!strstr(text, why) || !strstr(text, "\"killed\":true") || !strstr(text, "\"result\":\"safe\""))
    fail_msg("expected '%s' in: %s", why, text);
  close(tail[0]);
  close(fd);
  unlink(path);
  rmdir(folder);
}

static void a_runner_that_hangs_where_no_beats_come_is_ended(void **state)
{
  (void)state;
  struct pl_err err = {0};
  struct pl_rig *rig;
  assert_int_equal(pl_rig_load("fixtures/rigs/demo-rack.yaml", &rig, &err), PL_OK);
  ended_by_its_guardian("O", rig->sha256, "while it opened the rig: it hangs");
  ended_by_its_guardian("ObH", rig->sha256, "after its loop, the rig not safe: it hangs");
  ended_by_its_guardian("Ob", rig->sha256, "in its loop: it hangs");
  pl_rig_free(rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(needed_for_what_outlives_the_run),
      cmocka_unit_test(what_is_not_there_is_told_and_passed),
      cmocka_unit_test(a_rig_that_another_program_holds),
      cmocka_unit_test(a_record_is_whole_lines_and_nothing_behind),
      cmocka_unit_test(a_full_disk_loses_nothing_that_was_done),
      cmocka_unit_test(a_folder_that_is_gone_is_a_note),
      cmocka_unit_test(a_guardian_that_cannot_do_its_work_does_not_begin),
      cmocka_unit_test(a_runner_that_hangs_where_no_beats_come_is_ended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
