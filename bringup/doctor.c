/* SPDX-License-Identifier: Apache-2.0 */
#include "bringup/doctor_in.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 600
#define GROUPS_MAX 256

const char *pl_finding_level_name(enum pl_finding_level level)
{
  static const char *const NAMES[] = {"ok", "warning", "error"};
  return NAMES[level];
}

void pl_visit_say(struct pl_visit *visit, enum pl_finding_level level, const char *topic, const char *fix, const char *format, ...)
{
  struct pl_doctor *doctor = visit->doctor;
  struct pl_finding *more = realloc(doctor->findings, (doctor->count + 1) * sizeof *more);
  if (!more) {
    visit->failed = true;
    return;
  }
  doctor->findings = more;
  struct pl_finding *finding = &more[doctor->count++];
  *finding = (struct pl_finding){.level = level, .topic = topic};
  doctor->levels[level]++;
  va_list args;
  va_start(args, format);
  vsnprintf(finding->text, sizeof finding->text, format, args);
  va_end(args);
  snprintf(finding->fix, sizeof finding->fix, "%s", fix);
}

const char *pl_visit_name(const struct pl_scan_port *port, char *room, size_t size)
{
  if (port->kind != PL_SCAN_USB)
    snprintf(room, size, "%s%s%.60s%s", port->node, *port->title ? " (" : "", port->title, *port->title ? ")" : "");
  else
    snprintf(room, size, "%s%s%s at %s", port->chip->name, *port->serial ? " " : "", port->serial, port->path);
  return room;
}

/* --- the user --- */

bool pl_visit_is_root(const struct pl_visit *visit)
{
  return (visit->cfg->user ? visit->cfg->user->uid : geteuid()) == 0;
}

bool pl_visit_in_group(const struct pl_visit *visit, unsigned gid)
{
  const struct pl_doctor_user *user = visit->cfg->user;
  gid_t own[GROUPS_MAX];
  int count = user ? 0 : getgroups(GROUPS_MAX, own);
  for (size_t i = 0; user && i < user->n_groups; i++)
    if (user->groups[i] == gid)
      return true;
  for (int i = 0; i < count; i++)
    if (own[i] == gid)
      return true;
  return !user && getegid() == gid;
}

/* /etc/group by name or by number (group(5): name:password:number:members). */
static bool find_group(const struct pl_visit *visit, const char *name, long number, char *found, size_t size, long *gid)
{
  char path[PATH_ROOM], line[1024];
  snprintf(path, sizeof path, "%s/etc/group", visit->cfg->root);
  FILE *f = fopen(path, "re");
  bool is_it = false;
  while (f && !is_it && fgets(line, sizeof line, f)) {
    char *save = NULL, *own = strtok_r(line, ":", &save), *third = strtok_r(NULL, ":", &save);
    third = third ? strtok_r(NULL, ":", &save) : NULL;
    if (!own || !third)
      continue;
    *gid = strtol(third, NULL, 10);
    is_it = name ? !strcmp(own, name) : *gid == number;
    if (is_it)
      snprintf(found, size, "%s", own);
  }
  if (f)
    fclose(f);
  return is_it;
}

long pl_visit_group(const struct pl_visit *visit, const char *name)
{
  char found[64];
  long gid;
  return find_group(visit, name, 0, found, sizeof found, &gid) ? gid : -1;
}

/* --- nodes --- */

bool pl_visit_exists(const struct pl_visit *visit, const char *node)
{
  char path[PATH_ROOM];
  snprintf(path, sizeof path, "%s%s", visit->cfg->root, node);
  return access(path, F_OK) == 0;
}

static bool permits(const struct pl_visit *visit, const char *path, const struct stat *st)
{
  const struct pl_doctor_user *user = visit->cfg->user;
  if (!user)
    return access(path, R_OK | W_OK) == 0; /* access control lists (uaccess) count, too */
  unsigned want = user->uid == st->st_uid ? 0600 : pl_visit_in_group(visit, st->st_gid) ? 0060 : 0006;
  return !user->uid || (st->st_mode & want) == want;
}

bool pl_visit_may_use(const struct pl_visit *visit, const char *node, char *fix, size_t size)
{
  char path[PATH_ROOM], group[64];
  struct stat st;
  long gid;
  *fix = '\0';
  snprintf(path, sizeof path, "%s%s", visit->cfg->root, node);
  if (stat(path, &st)) {
    snprintf(fix, size, "plug it in again; without udev (in a container) hand %s in", node);
    return false;
  }
  if (permits(visit, path, &st))
    return true;
  bool by_group = (st.st_mode & 0060) == 0060 && st.st_gid && find_group(visit, NULL, (long)st.st_gid, group, sizeof group, &gid);
  if (by_group)
    snprintf(fix, size, "sudo usermod -aG %s %s, then log in again", group, visit->user);
  else
    snprintf(fix, size, "sudo make install && sudo udevadm control --reload && sudo udevadm trigger, or plug it in again");
  return false;
}

/* --- the visit --- */

enum pl_status pl_doctor_run(const struct pl_doctor_cfg *cfg, struct pl_doctor **out, struct pl_err *err)
{
  struct pl_scan *scan = NULL;
  enum pl_status status = pl_scan_machine(&(struct pl_scan_cfg){.root = cfg->root}, &scan, err);
  if (status)
    return status;
  struct pl_doctor *doctor = calloc(1, sizeof *doctor);
  struct pl_visit visit = {.cfg = cfg, .scan = scan, .doctor = doctor, .failed = !doctor};
  if (doctor) {
    const struct passwd *entry = cfg->user ? NULL : getpwuid(geteuid()); /* one thread, at start */
    snprintf(visit.user, sizeof visit.user, "%s", cfg->user ? cfg->user->name : entry ? entry->pw_name : "$USER");
    pl_visit_machine(&visit);
    if (cfg->rig)
      pl_visit_rig(&visit);
  }
  pl_scan_free(scan);
  if (visit.failed) {
    pl_doctor_free(doctor);
    return pl_fail(err, PL_E_NOMEM, "out of memory for what was found");
  }
  *out = doctor;
  return PL_OK;
}

void pl_doctor_free(struct pl_doctor *doctor)
{
  if (!doctor)
    return;
  free(doctor->findings);
  free(doctor);
}
