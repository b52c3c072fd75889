/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_BUS_FAKE_SYSFS_H
#define PL_BUS_FAKE_SYSFS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKE_SYSFS_ROOM PATH_MAX

/* For tests: a folder that looks like /sys, and one for locks. */
struct fake_sysfs {
  char root[PATH_MAX / 4];
};

static __attribute__((noinline, unused)) int fake_sysfs_drop(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  (void)st;
  (void)kind;
  (void)ftw;
  return remove(path);
}

static __attribute__((noinline, unused)) void fake_sysfs_remove(const char *path)
{
  assert_int_equal(nftw(path, fake_sysfs_drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static __attribute__((noinline, unused)) void fake_sysfs_folder(const char *path)
{
  char part[FAKE_SYSFS_ROOM];
  for (const char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", at ? (int)(at - path) : (int)strlen(path), path);
    mkdir(part, 0700);
    if (!at)
      return;
  }
}

static __attribute__((noinline, unused)) void fake_sysfs_file(const struct fake_sysfs *sys, const char *folder, const char *name, const char *text)
{
  char path[FAKE_SYSFS_ROOM];
  snprintf(path, sizeof path, "%s/%s", sys->root, folder);
  fake_sysfs_folder(path);
  snprintf(path, sizeof path, "%s/%s/%s", sys->root, folder, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fprintf(f, "%s\n", text);
  fclose(f);
}

/* SUBSYSTEM/NAME points to DEVICE, as the kernel links its devices. */
static __attribute__((noinline, unused)) void fake_sysfs_link(const struct fake_sysfs *sys, const char *subsystem, const char *name, const char *device)
{
  char path[FAKE_SYSFS_ROOM], target[FAKE_SYSFS_ROOM];
  snprintf(path, sizeof path, "%s/%s", sys->root, subsystem);
  fake_sysfs_folder(path);
  snprintf(path, sizeof path, "%s/%s/%s", sys->root, subsystem, name);
  snprintf(target, sizeof target, "%s/%s", sys->root, device);
  fake_sysfs_folder(target);
  assert_int_equal(symlink(target, path), 0);
}

static __attribute__((noinline, unused)) void fake_sysfs_unlink(const struct fake_sysfs *sys, const char *subsystem, const char *name)
{
  char path[FAKE_SYSFS_ROOM];
  snprintf(path, sizeof path, "%s/%s/%s", sys->root, subsystem, name);
  assert_int_equal(unlink(path), 0);
}

/* A USB device at PATH (1-1, behind root hub usb1) with a serial number. Returns into room the folder of its interface 0. */
static __attribute__((noinline, unused)) const char *fake_sysfs_usb(const struct fake_sysfs *sys, const char *path, const char *serial, char *room, size_t size)
{
  snprintf(room, size, "devices/platform/hcd.0/usb1/%s", path);
  fake_sysfs_file(sys, "devices/platform/hcd.0/usb1", "idVendor", "1d6b");
  fake_sysfs_file(sys, room, "idVendor", "10c4");
  if (serial)
    fake_sysfs_file(sys, room, "serial", serial);
  snprintf(room, size, "devices/platform/hcd.0/usb1/%s/%s:1.0/0003:10C4:EA90.0001", path, path);
  return room;
}

static __attribute__((noinline, unused)) void fake_sysfs_open(struct fake_sysfs *sys)
{
  const char *temp = getenv("TMPDIR");
  snprintf(sys->root, sizeof sys->root, "%s/plumb-sysfs-XXXXXX", temp ? temp : "/tmp");
  assert_non_null(mkdtemp(sys->root));
  char locks[FAKE_SYSFS_ROOM];
  snprintf(locks, sizeof locks, "%s/locks", sys->root);
  assert_int_equal(mkdir(locks, 0700), 0);
  setenv("PLUMBLINE_LOCK_DIR", locks, 1);
}

static __attribute__((noinline, unused)) void fake_sysfs_close(struct fake_sysfs *sys)
{
  fake_sysfs_remove(sys->root);
}

#endif
