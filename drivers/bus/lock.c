/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/lock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

struct pl_lock {
  int fd;
};

#define PATH_ROOM 512

static bool is_writable_folder(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

/* Not from XDG_RUNTIME_DIR or TMPDIR: a port has one owner whoever runs the program, under sudo and cron too. */
static const char *folder_of_locks(void)
{
  const char *tests = getenv("PLUMBLINE_LOCK_DIR");
  if (tests && tests[0] == '/')
    return tests;
  return is_writable_folder("/run/lock") ? "/run/lock" : "/tmp";
}

static void path_of(const char *key, char *path, size_t size)
{
  const char *folder = folder_of_locks();
  size_t used = (size_t)snprintf(path, size, "%s/plumbline-", folder);
  for (const char *c = key; *c && used + sizeof ".lock" < size; c++)
    path[used++] = isalnum((unsigned char)*c) || *c == '.' ? *c : '_';
  if (used < size)
    snprintf(path + used, size - used, ".lock");
}

/* "PID COMMAND" as the holder wrote it, for people; other bytes are not passed on. */
static void read_holder(int fd, char *text, size_t size)
{
  ssize_t n = pread(fd, text, size - 1, 0);
  size_t len = 0;
  for (; n > 0 && len < (size_t)n && text[len] >= ' ' && text[len] < 0x7f; len++)
    ;
  text[len] = '\0';
  if (!len)
    snprintf(text, size, "of unknown name");
}

static void write_holder(int fd)
{
  char command[64] = "", text[128];
  int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
  if (comm >= 0) {
    read_holder(comm, command, sizeof command);
    close(comm);
  }
  int len = snprintf(text, sizeof text, "%ld (%s)\n", (long)getpid(), command);
  if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
    return; /* the lock holds all the same; only the other's error sentence is poorer */
}

/* Another user must be able to open the file, whatever our umask; it holds nothing but a process's number and name. */
static int create_file(const char *path)
{
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd >= 0 && fchmod(fd, 0666)) { /* flock works all the same, for those who may read it */
  }
  return fd;
}

static int open_file(const char *path)
{
  int fd = create_file(path);
  if (fd < 0 && errno == EEXIST) /* without O_CREAT, which fs.protected_regular refuses on another user's file in a sticky folder */
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == EACCES)
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* enough for flock */
  return fd;
}

enum pl_status pl_lock_take(const char *key, struct pl_lock **out, struct pl_err *err)
{
  char path[PATH_ROOM], holder[96];
  path_of(key, path, sizeof path);
  int fd = open_file(path);
  if (fd < 0)
    return pl_fail_errno(err, "cannot open the lock file %s for %s", path, key);
  if (flock(fd, LOCK_EX | LOCK_NB)) {
    enum pl_status status;
    if (errno == EWOULDBLOCK) {
      read_holder(fd, holder, sizeof holder);
      status = pl_fail(err, PL_E_LOCKED, "%s is held by process %s; end that program first, or let both share it (plumb broker)", key, holder);
    } else {
      status = pl_fail_errno(err, "cannot lock %s for %s", path, key);
    }
    close(fd);
    return status;
  }
  struct pl_lock *lock = calloc(1, sizeof *lock);
  if (!lock) {
    close(fd);
    return pl_fail(err, PL_E_NOMEM, "out of memory for the lock of %s", key);
  }
  lock->fd = fd;
  write_holder(fd);
  *out = lock;
  return PL_OK;
}

void pl_lock_release(struct pl_lock *lock)
{
  if (!lock)
    return;
  if (ftruncate(lock->fd, 0)) { /* the file stays: to remove it would race with the next holder */
  }
  close(lock->fd);
  free(lock);
}

bool pl_lock_holder(const char *key, char *holder, size_t size)
{
  char path[PATH_ROOM];
  struct stat st;
  path_of(key, path, sizeof path);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  bool named = !fstat(fd, &st) && st.st_size > 0; /* else let go of, or about to be taken: to try it could get in the other's way */
  bool held = named && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
  if (held)
    read_holder(fd, holder, size);
  close(fd);
  return held;
}
