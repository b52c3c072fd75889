/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_lock.XXXXXX";

static int set_up(void **state)
{
  (void)state;
  return mkdtemp(folder) && setenv("PLUMBLINE_LOCK_DIR", folder, 1) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
  (void)state;
  char path[128];
  snprintf(path, sizeof path, "%s/plumbline-_dev_ttyTEST.lock", folder);
  unlink(path);
  snprintf(path, sizeof path, "%s/plumbline-127.0.0.1_502.lock", folder);
  unlink(path);
  return rmdir(folder); /* fails when a lock stood elsewhere or under another name */
}

static void a_second_holder_is_told_who_has_it(void **state)
{
  (void)state;
  struct pl_lock *first, *second = NULL, *other;
  struct pl_err err = {0};
  char want[128];
  assert_int_equal(pl_lock_take("/dev/ttyTEST", &first, &err), PL_OK);
  assert_int_equal(pl_lock_take("127.0.0.1:502", &other, &err), PL_OK);
  assert_int_equal(pl_lock_take("/dev/ttyTEST", &second, &err), PL_E_LOCKED);
  assert_null(second);
  snprintf(want, sizeof want, "/dev/ttyTEST is held by process %ld (test_lock); end that program first, or let both share it (plumb broker)", (long)getpid());
  assert_string_equal(err.text, want);
  pl_lock_release(first);
  assert_int_equal(pl_lock_take("/dev/ttyTEST", &second, &err), PL_OK);
  pl_lock_release(second);
  pl_lock_release(other);
  pl_lock_release(NULL);
}

static void a_killed_holder_lets_go(void **state)
{
  (void)state;
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    struct pl_lock *lock;
    char byte = pl_lock_take("/dev/ttyTEST", &lock, NULL) ? 'n' : 'y';
    if (write(ready[1], &byte, 1) == 1)
      pause();
    _exit(1);
  }
  char byte = 0;
  struct pl_lock *lock = NULL;
  struct pl_err err = {0};
  assert_int_equal(read(ready[0], &byte, 1), 1);
  assert_int_equal(byte, 'y');
  assert_int_equal(pl_lock_take("/dev/ttyTEST", &lock, &err), PL_E_LOCKED);
  char pid[32];
  snprintf(pid, sizeof pid, "process %ld (test_lock)", (long)child);
  assert_non_null(strstr(err.text, pid));
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(pl_lock_take("/dev/ttyTEST", &lock, &err), PL_OK);
  pl_lock_release(lock);
  close(ready[0]);
  close(ready[1]);
}

/* What another user, sudo or cron sees: another environment, and a file that a tight umask made. */
static void the_environment_does_not_move_the_lock(void **state)
{
  (void)state;
  char key[64], file[128], elsewhere[] = "/tmp/test_lock_env.XXXXXX";
  struct pl_lock *first, *second = NULL;
  struct pl_err err = {0};
  struct stat st;
  snprintf(key, sizeof key, "test_lock_%ld", (long)getpid());
  assert_non_null(mkdtemp(elsewhere));
  assert_int_equal(unsetenv("PLUMBLINE_LOCK_DIR"), 0);
  assert_int_equal(setenv("XDG_RUNTIME_DIR", elsewhere, 1), 0);
  mode_t before = umask(0077);
  assert_int_equal(pl_lock_take(key, &first, &err), PL_OK);
  umask(before);
  snprintf(file, sizeof file, "/run/lock/plumbline-%s.lock", key);
  if (stat(file, &st)) {
    snprintf(file, sizeof file, "/tmp/plumbline-%s.lock", key);
    assert_int_equal(stat(file, &st), 0);
  }
  assert_int_equal(st.st_mode & 0777, 0666);
  assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
  assert_int_equal(setenv("TMPDIR", elsewhere, 1), 0);
  assert_int_equal(pl_lock_take(key, &second, &err), PL_E_LOCKED);
  assert_int_equal(unsetenv("TMPDIR"), 0);
  pl_lock_release(first);
  assert_int_equal(unlink(file), 0);
  assert_int_equal(symlink(elsewhere, file), 0); /* a trap that another user laid is not followed */
  assert_int_equal(pl_lock_take(key, &second, &err), PL_E_IO);
  assert_null(second);
  assert_int_equal(unlink(file), 0);
  assert_int_equal(rmdir(elsewhere), 0); /* nothing was made there */
  assert_int_equal(setenv("PLUMBLINE_LOCK_DIR", folder, 1), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_holder_is_told_who_has_it),
      cmocka_unit_test(the_environment_does_not_move_the_lock),
      cmocka_unit_test(a_killed_holder_lets_go),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
