/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>

void pl_sysfs_read(const char *root, const char *folder, const char *name, char *out, size_t size)
{
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
  *out = '\0';
  FILE *f = fopen(path, "re");
  if (!f)
    return;
  if (!fgets(out, (int)size, f))
    *out = '\0';
  out[strcspn(out, "\n")] = '\0';
  fclose(f);
}

void pl_sysfs_link(const char *root, const char *link, char *out, size_t size)
{
  char path[PATH_MAX], target[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", root, link);
  snprintf(out, size, "%s", realpath(path, target) ? strrchr(target, '/') + 1 : "");
}

/* Goes up from the device's own folder to that of a USB device, which alone has an idVendor. at: PATH_MAX bytes. */
static bool go_up_to_usb(char *at, size_t stop)
{
  char vendor[16];
  while (strlen(at) > stop) {
    pl_sysfs_read("", at, "idVendor", vendor, sizeof vendor);
    if (*vendor)
      return true;
    *strrchr(at, '/') = '\0';
  }
  return false;
}

bool pl_sysfs_node_get(const char *root, const char *folder, const char *name, struct pl_sysfs_node *node)
{
  char link[PATH_MAX], at[PATH_MAX], top[PATH_MAX];
  snprintf(link, sizeof link, "%s/%s/%s", root, folder, name);
  if (!realpath(link, at) || !realpath(root, top))
    return false;
  *node = (struct pl_sysfs_node){0};
  snprintf(node->name, sizeof node->name, "%s", name);
  pl_sysfs_read("", at, "name", node->title, sizeof node->title);
  if (go_up_to_usb(at, strlen(top))) {
    snprintf(node->path, sizeof node->path, "%s", strrchr(at, '/') + 1);
    pl_sysfs_read("", at, "serial", node->serial, sizeof node->serial);
  }
  return true;
}

bool pl_sysfs_node_is_wired(const char *root, const char *folder, const char *name)
{
  static const char *const HOSTS[] = {"i2c-", "spi", "w1_bus_master", "usb"}; /* each with its number: folders that the kernel's bus cores make */
  char link[PATH_MAX], at[PATH_MAX], top[PATH_MAX];
  snprintf(link, sizeof link, "%s/%s/%s", root, folder, name);
  if (!realpath(link, at) || !realpath(root, top))
    return true;
  for (const char *part = at + strlen(top); (part = strchr(part, '/')); part++)
    for (size_t i = 0; i < sizeof HOSTS / sizeof HOSTS[0]; i++)
      if (!strncmp(part + 1, HOSTS[i], strlen(HOSTS[i])) && isdigit((unsigned char)part[1 + strlen(HOSTS[i])]))
        return true;
  return go_up_to_usb(at, strlen(top));
}

bool pl_sysfs_node_list(const char *root, const char *folder, const char *prefix, bool (*fn)(void *ctx, const struct pl_sysfs_node *node), void *ctx)
{
  char path[PATH_MAX];
  struct dirent **names;
  size_t len = strlen(prefix);
  snprintf(path, sizeof path, "%s/%s", root, folder);
  int count = scandir(path, &names, NULL, versionsort);
  bool on = true;
  for (int i = 0; i < count; i++) {
    struct pl_sysfs_node node;
    const char *name = names[i]->d_name;
    if (on && !strncmp(name, prefix, len) && isdigit((unsigned char)name[len]) && pl_sysfs_node_get(root, folder, name, &node))
      on = fn(ctx, &node);
    free(names[i]);
  }
  if (count >= 0)
    free(names);
  return on;
}

const char *pl_sysfs_node_text(const struct pl_sysfs_node *node, char *room, size_t size)
{
  const char *parts[3] = {node->title, node->path, node->serial}, *const before[3] = {"", "USB path ", "serial "};
  size_t used = (size_t)snprintf(room, size, "%s", node->name);
  bool any = false;
  for (size_t i = 0; i < 3; i++)
    if (*parts[i] && used < size) {
      used += (size_t)snprintf(room + used, size - used, "%s%s%s", any ? ", " : " (", before[i], parts[i]);
      any = true;
    }
  if (any && used < size)
    snprintf(room + used, size - used, ")");
  return room;
}

struct search {
  const struct pl_sysfs_match *match;
  struct pl_sysfs_node first;
  int found;
  char there[300], matches[300];
};

static void add_text(char *list, size_t size, const struct pl_sysfs_node *node)
{
  char text[256];
  size_t used = strlen(list);
  snprintf(list + used, size - used, "%s%s", used ? ", " : "", pl_sysfs_node_text(node, text, sizeof text));
}

static bool is_other(const char *want, const char *have)
{
  return want && strcmp(want, have) != 0;
}

static bool consider(void *ctx, const struct pl_sysfs_node *node)
{
  struct search *s = ctx;
  add_text(s->there, sizeof s->there, node);
  if (is_other(s->match->title, node->title) || is_other(s->match->path, node->path) || is_other(s->match->serial, node->serial))
    return true;
  add_text(s->matches, sizeof s->matches, node);
  if (!s->found++)
    s->first = *node;
  return true;
}

enum pl_status pl_sysfs_node_find(const char *root, const char *folder, const char *prefix, const char *what, const struct pl_sysfs_match *match,
                                  struct pl_sysfs_node *node, struct pl_err *err)
{
  struct search s = {.match = match};
  char asked[200] = "";
  const char *values[3] = {match->title, match->serial, match->path}, *const words[3] = {"name", "serial", "path"};
  for (size_t i = 0; i < 3; i++)
    if (values[i]) {
      size_t used = strlen(asked);
      snprintf(asked + used, sizeof asked - used, "%s%s '%.60s'", used ? " and " : "", words[i], values[i]);
    }
  (void)pl_sysfs_node_list(root, folder, prefix, consider, &s);
  if (!s.found && !*s.there)
    return pl_fail(err, PL_E_GONE, "there is no %s with %s, nor any other; plug its adapter in, and see that its kernel driver is loaded", what, asked);
  if (!s.found)
    return pl_fail(err, PL_E_GONE, "there is no %s with %s; there are %.270s", what, asked, s.there);
  if (s.found > 1)
    return pl_fail(err, PL_E_USAGE, "%s match: there are %d of %s with %s: %.250s; say which, by serial or path", s.found == 2 ? "two" : "several", s.found,
                   what, asked, s.matches);
  *node = s.first;
  return PL_OK;
}
