/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/modbus_map/map.h"

#include <dirent.h>

#ifndef PL_PREFIX
#define PL_PREFIX "/usr/local"
#endif
#define FOLDERS 3
#define NAMES_MAX 128
#define PATH_ROOM 4096

/* Where maps are looked for, in this order; returns how many. */
static size_t folders(const char *list[FOLDERS])
{
  size_t count = 0;
  const char *own = getenv("PLUMBLINE_MAPS");
  if (own != NULL && *own != '\0') {
    list[count++] = own;
  }
  list[count++] = "drivers/maps";
  list[count++] = PL_PREFIX "/share/plumbline/drivers/maps";
  return count;
}

struct names {
  char text[NAMES_MAX][PL_MAP_NAME_ROOM];
  const char *list[NAMES_MAX];
  size_t count;
};

static void list_folder(const char *folder, struct names *names)
{
  DIR *dir = opendir(folder);
  if (dir == NULL) {
    return;
  }
  for (struct dirent *entry; names->count < NAMES_MAX && (entry = readdir(dir)) != NULL;) {
    size_t length = strlen(entry->d_name);
    if (length > 5 && length - 5 < sizeof names->text[0] && strcmp(entry->d_name + length - 5, ".yaml") == 0) {
      char *name = names->text[names->count];
      memcpy(name, entry->d_name, length - 5);
      name[length - 5] = '\0';
      names->list[names->count++] = name;
    }
  }
  closedir(dir);
}

static enum pl_status fail_unknown(const char *name, const char *const *list, size_t count, struct pl_err *err)
{
  struct names *names = calloc(1, sizeof *names);
  if (names == NULL) {
    return pl_fail(err, PL_E_NOMEM, "register map '%.60s': out of memory", name);
  }
  char where[256] = "";
  for (size_t i = 0, used = 0; i < count; i++) {
    list_folder(list[i], names);
    if (used < sizeof where) {
      used += (size_t)snprintf(where + used, sizeof where - used, "%s%.80s", i == 0 ? "" : ", ", list[i]);
    }
  }
  const char *closest = pl_closest(name, names->list, names->count);
  enum pl_status status = closest != NULL ? pl_fail(err, PL_E_USAGE, "no register map '%.60s' in %s; did you mean '%s'?", name, where, closest)
                                          : pl_fail(err, PL_E_USAGE, "no register map '%.60s' in %s; give a map's name, or a path with a slash", name,
                                                    where);
  free(names);
  return status;
}

enum pl_status pl_map_find(const char *name, char *path, size_t size, struct pl_err *err)
{
  if (strchr(name, '/') != NULL) {
    if (strlen(name) >= size) {
      return pl_fail(err, PL_E_USAGE, "the path of the register map '%.60s...' is too long", name);
    }
    snprintf(path, size, "%s", name);
    return PL_OK;
  }
  const char *list[FOLDERS];
  size_t count = folders(list);
  for (size_t i = 0; i < count; i++) {
    int length = snprintf(path, size, "%s/%s.yaml", list[i], name);
    if (length > 0 && (size_t)length < size && access(path, F_OK) == 0) {
      return PL_OK;
    }
  }
  return fail_unknown(name, list, count, err);
}

enum pl_status pl_map_open(const struct pl_values *values, struct pl_map **map, struct pl_err *err)
{
  char path[PATH_ROOM];
  enum pl_status status = pl_map_find(pl_value(values, "map")->text, path, sizeof path, err);
  return status == PL_OK ? pl_map_load(path, map, err) : status;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(a, b);
}

size_t pl_map_names(char (*names)[PL_MAP_NAME_ROOM], size_t room)
{
  const char *list[FOLDERS];
  size_t n_folders = folders(list), count = 0;
  struct names *all = calloc(1, sizeof *all);
  if (all == NULL) {
    return 0;
  }
  for (size_t i = 0; i < n_folders; i++) {
    list_folder(list[i], all);
  }
  qsort(all->text, all->count, sizeof all->text[0], by_name);
  for (size_t i = 0; i < all->count && count < room; i++) {
    if (i == 0 || strcmp(all->text[i], all->text[i - 1]) != 0) {
      memcpy(names[count++], all->text[i], PL_MAP_NAME_ROOM);
    }
  }
  free(all);
  return count;
}
