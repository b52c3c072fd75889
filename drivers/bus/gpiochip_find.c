/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/gpiochip.h"

#include <errno.h>

static const char *text_of(const struct pl_values *values, const char *name)
{
  const struct pl_value *value = pl_value(values, name);
  return value->given && *value->text ? value->text : NULL;
}

/* --- opening --- */

static void shut(struct pl_gpiochips *chips, size_t from)
{
  while (chips->count > from)
    pl_gpiod_chip_close(chips->slots[--chips->count].chip);
}

void pl_gpiochips_close(struct pl_gpiochips *chips)
{
  shut(chips, 0);
  chips->chosen = -1;
}

static enum pl_status fail_open(const char *name, int error, struct pl_err *err)
{
  if (error == EACCES || error == EPERM)
    return pl_fail(err, PL_E_IO, "no permission for /dev/%s: join the group gpio, or install the udev rules (make install)", name);
  return pl_fail(err, error == ENOENT || error == ENODEV || error == ENXIO ? PL_E_GONE : PL_E_IO, "cannot open the GPIO chip /dev/%s: %s", name,
                 strerror(error));
}

/* The chip's slot; it is opened unless it is already. */
static enum pl_status open_chip(struct pl_gpiochips *chips, const char *name, size_t *slot, struct pl_err *err)
{
  char path[64];
  for (*slot = 0; *slot < chips->count; ++*slot)
    if (!strcmp(chips->slots[*slot].info.name, name))
      return PL_OK;
  if (chips->count == PL_GPIOCHIPS_MAX)
    return pl_fail(err, PL_E_UNSUPPORTED, "lines on more than %d GPIO chips in one bus; say which chip, and make a bus for each", PL_GPIOCHIPS_MAX);
  struct pl_gpiochip_slot made = {0};
  snprintf(path, sizeof path, "/dev/%s", name);
  int error = pl_gpiod_chip_open(path, &made.chip);
  if (!error && (error = pl_gpiod_chip_info(made.chip, &made.info)))
    pl_gpiod_chip_close(made.chip);
  if (error)
    return fail_open(name, error, err);
  snprintf(made.info.name, sizeof made.info.name, "%s", name);
  made.wired = pl_sysfs_node_is_wired(chips->sys, PL_GPIOCHIP_FOLDER, name);
  chips->slots[chips->count++] = made;
  return PL_OK;
}

bool pl_gpiochips_are_wired(const struct pl_gpiochips *chips)
{
  bool wired = false;
  for (size_t i = 0; i < chips->count; i++)
    wired |= chips->slots[i].wired;
  return wired;
}

bool pl_gpiochips_is_there(const struct pl_gpiochips *chips, size_t slot)
{
  struct pl_sysfs_node ignored;
  return pl_sysfs_node_get(chips->sys, PL_GPIOCHIP_FOLDER, chips->slots[slot].info.name, &ignored);
}

/* --- the chip that the rig names --- */

struct search {
  struct pl_gpiochips *chips;
  const char *label, *path, *serial;
  int found;
  char first[PL_GPIOD_TEXT], there[260], matches[260];
  struct pl_err trouble; /* with a chip that could not be looked at */
};

static void add_text(char *list, size_t size, const struct pl_sysfs_node *node, const char *label)
{
  char text[256];
  struct pl_sysfs_node shown = *node;
  snprintf(shown.title, sizeof shown.title, "%s", label);
  size_t used = strlen(list);
  snprintf(list + used, size - used, "%s%s", used ? ", " : "", pl_sysfs_node_text(&shown, text, sizeof text));
}

static bool consider(void *ctx, const struct pl_sysfs_node *node)
{
  struct search *s = ctx;
  size_t before = s->chips->count, slot;
  if (open_chip(s->chips, node->name, &slot, &s->trouble))
    return true;
  char label[PL_GPIOD_TEXT];
  snprintf(label, sizeof label, "%s", s->chips->slots[slot].info.label);
  shut(s->chips, before);
  add_text(s->there, sizeof s->there, node, label);
  if ((s->label && strcmp(s->label, label) != 0) || (s->path && strcmp(s->path, node->path) != 0) || (s->serial && strcmp(s->serial, node->serial) != 0))
    return true;
  add_text(s->matches, sizeof s->matches, node, label);
  if (!s->found++)
    snprintf(s->first, sizeof s->first, "%s", node->name);
  return true;
}

static enum pl_status fail_search(const struct search *s, struct pl_err *err)
{
  char asked[160] = "";
  const char *values[3] = {s->label, s->serial, s->path}, *const words[3] = {"label", "serial", "path"};
  for (size_t i = 0; i < 3; i++)
    if (values[i]) {
      size_t used = strlen(asked);
      snprintf(asked + used, sizeof asked - used, "%s%s '%.40s'", used ? " and " : "", words[i], values[i]);
    }
  if (s->found > 1)
    return pl_fail(err, PL_E_USAGE, "%s match: there are %d GPIO chips with %s: %s; say which, by serial or path", s->found == 2 ? "two" : "several",
                   s->found, asked, s->matches);
  if (s->trouble.status && !*s->there)
    return pl_fail(err, s->trouble.status, "%.400s", s->trouble.text);
  return pl_fail(err, PL_E_GONE, "there is no GPIO chip with %s; there %s%s", asked, *s->there ? "are " : "is none at all", s->there);
}

static bool is_node_name(const char *text)
{
  return !strncmp(text, "gpiochip", 8) && text[8] >= '0' && text[8] <= '9';
}

enum pl_status pl_gpiochips_open(struct pl_gpiochips *chips, const struct pl_values *values, struct pl_err *err)
{
  const char *chip = text_of(values, "chip");
  struct search s = {.chips = chips, .path = text_of(values, "path"), .serial = text_of(values, "serial")};
  chips->chosen = -1;
  if (chip && !strncmp(chip, "/dev/", 5))
    chip += 5;
  bool numbered = chip && is_node_name(chip);
  if (numbered && (s.path || s.serial))
    return pl_fail(err, PL_E_USAGE, "`chip: %.40s` says already which is meant; leave out serial and path, or (better) give the chip's label", chip);
  if (!chip && !s.path && !s.serial)
    return PL_OK;
  if (numbered) {
    snprintf(s.first, sizeof s.first, "%s", chip);
  } else {
    s.label = chip;
    (void)pl_sysfs_node_list(chips->sys, PL_GPIOCHIP_FOLDER, "gpiochip", consider, &s);
    if (s.found != 1)
      return fail_search(&s, err);
  }
  size_t slot;
  enum pl_status status = open_chip(chips, s.first, &slot, err);
  if (!status)
    chips->chosen = (int)slot;
  return status;
}

/* --- lines --- */

struct line_search {
  struct pl_gpiochips *chips;
  const char *name;
  size_t found, slot;
  unsigned offset;
  char matches[200];
  struct pl_err trouble;
};

static void search_chip(struct line_search *s, size_t slot)
{
  struct pl_gpiochip_slot *at = &s->chips->slots[slot];
  for (unsigned i = 0; i < at->info.lines; i++) {
    struct pl_gpiod_info info;
    if (pl_gpiod_line_info(at->chip, i, &info) || strcmp(info.name, s->name) != 0)
      continue;
    size_t used = strlen(s->matches);
    snprintf(s->matches + used, sizeof s->matches - used, "%s%s line %u", used ? ", " : "", at->info.name, i);
    if (!s->found++) {
      s->slot = slot;
      s->offset = i;
    }
  }
}

static bool search_node(void *ctx, const struct pl_sysfs_node *node)
{
  struct line_search *s = ctx;
  size_t before = s->chips->count, found = s->found, slot;
  if (open_chip(s->chips, node->name, &slot, &s->trouble))
    return true;
  search_chip(s, slot);
  if (s->found == found) /* nothing of ours on it */
    shut(s->chips, before);
  return true;
}

/* By its name in the kernel (device tree, ACPI, gpio-sim), on the rig's chip or on all. */
static enum pl_status find_named(struct pl_gpiochips *chips, const char *name, size_t *slot, unsigned *offset, struct pl_err *err)
{
  struct line_search s = {.chips = chips, .name = name};
  if (chips->chosen >= 0)
    search_chip(&s, (size_t)chips->chosen);
  else
    (void)pl_sysfs_node_list(chips->sys, PL_GPIOCHIP_FOLDER, "gpiochip", search_node, &s);
  *slot = s.slot;
  *offset = s.offset;
  if (s.found == 1)
    return PL_OK;
  if (s.found)
    return pl_fail(err, PL_E_USAGE, "there are %zu lines '%.40s': %s; say which chip is meant", s.found, name, s.matches);
  if (chips->chosen >= 0)
    return pl_fail(err, PL_E_USAGE, "%s has no line '%.40s'; put it in the bus's map: lines: {%.40s: OFFSET} (gpioinfo lists what there is)",
                   chips->slots[chips->chosen].info.name, name, name);
  return pl_fail(err, PL_E_USAGE,
                 "no GPIO chip has a line '%.40s'%s%.200s; a USB chip's lines have no names: say the chip and map them: lines: {%.40s: OFFSET}", name,
                 s.trouble.status ? ", as far as could be looked: " : "", s.trouble.status ? s.trouble.text : "", name);
}

enum pl_status pl_gpiochips_locate(struct pl_gpiochips *chips, const struct pl_value *map, const struct pl_gpio_line *line, size_t *slot, unsigned *offset,
                                   struct pl_err *err)
{
  bool by_name = line->name && !(map->given && pl_value_map(map, line->name));
  if (by_name)
    return find_named(chips, line->name, slot, offset, err);
  if (chips->chosen < 0)
    return pl_fail(err, PL_E_USAGE, "a line is given by its offset, but not which GPIO chip is meant; say the bus's chip (its label), serial or path");
  *slot = (size_t)chips->chosen;
  return pl_gpio_map(map, line, chips->slots[*slot].info.lines, offset, err);
}
