/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/bus/usb_chip.h"

#include <string.h>

struct opening { /* what open_chip needs */
  struct pl_clock *clock;
  const struct pl_usb_chip_desc *desc;
  const char *serial, *path;
};

static const char *given(const struct pl_values *values, const char *name)
{
  const struct pl_value *value = pl_value(values, name);
  return value->given ? value->text : NULL;
}

/* Lock held, usb is NULL. */
static enum pl_status plug_in(struct pl_usb_chip *chip, struct pl_err *err)
{
  struct pl_usb_match match = {.what = chip->desc->what, .ids = chip->desc->ids, .n_ids = chip->desc->n_ids, .interface = chip->desc->interface,
                               .serial = chip->serial[0] ? chip->serial : NULL, .path = chip->path[0] ? chip->path : NULL};
  enum pl_status status = pl_usb_open(&match, chip->clock, &chip->usb, err);
  if (status)
    return status;
  chip->generation++;
  chip->away = chip->dirty = false;
  snprintf(chip->where, sizeof chip->where, "%s", pl_usb_where(chip->usb));
  status = chip->desc->init ? chip->desc->init(chip, err) : PL_OK;
  if (status) {
    pl_usb_close(chip->usb);
    chip->usb = NULL;
    chip->away = true;
  }
  return status;
}

static void close_chip(void *ctx)
{
  struct pl_usb_chip *chip = ctx;
  pl_usb_close(chip->usb);
  pthread_mutex_destroy(&chip->lock);
  free(chip);
}

/* What was found is what must come back: another adapter in its place would drive other things. */
static void remember(struct pl_usb_chip *chip)
{
  const struct pl_usb_info *info = pl_usb_info(chip->usb);
  if (!chip->serial[0])
    snprintf(chip->serial, sizeof chip->serial, "%s", info->serial);
  if (!chip->serial[0] && !chip->path[0])
    snprintf(chip->path, sizeof chip->path, "%s", info->path);
}

static enum pl_status open_chip(void *ctx, void **out, struct pl_err *err)
{
  const struct opening *opening = ctx;
  struct pl_usb_chip *chip = calloc(1, opening->desc->size);
  if (!chip)
    return pl_fail(err, PL_E_NOMEM, "out of memory for %s", opening->desc->what);
  chip->desc = opening->desc;
  chip->clock = opening->clock;
  pthread_mutex_init(&chip->lock, NULL);
  snprintf(chip->serial, sizeof chip->serial, "%s", opening->serial ? opening->serial : "");
  snprintf(chip->path, sizeof chip->path, "%s", opening->path ? opening->path : "");
  enum pl_status status = plug_in(chip, err);
  if (status) {
    close_chip(chip);
    return status;
  }
  remember(chip);
  *out = chip;
  return PL_OK;
}

static bool add_user(struct pl_usb_chip *chip, struct pl_bus *bus)
{
  for (size_t i = 0; i < PL_USB_USERS_MAX; i++)
    if (!chip->users[i]) {
      chip->users[i] = bus;
      return true;
    }
  return false;
}

/* Chip entered; leaves it. */
static enum pl_status set_up(struct pl_usb_user *user, struct pl_err *err)
{
  user->generation = user->chip->generation;
  enum pl_status status = user->set_up(user->self, err);
  if (status) /* tried again, whole, at the next reopen */
    user->generation--;
  pl_usb_leave(user, status, err);
  return status;
}

enum pl_status pl_usb_user_open(struct pl_usb_user *user, struct pl_bus *bus, const struct pl_adapter_args *args, const struct pl_usb_chip_desc *desc,
                                enum pl_status (*fn)(void *self, struct pl_err *err), void *self, struct pl_err *err)
{
  struct opening opening = {pl_bus_clock(bus), desc, given(args->values, "serial"), given(args->values, "path")};
  char key[160];
  void *chip = NULL;
  snprintf(key, sizeof key, "%s serial %s path %s", desc->what, opening.serial ? opening.serial : "-", opening.path ? opening.path : "-");
  enum pl_status status = pl_share_take(args->share, key, open_chip, close_chip, &opening, &chip, err);
  if (status)
    return status;
  *user = (struct pl_usb_user){.chip = chip, .share = args->share, .bus = bus, .set_up = fn, .self = self};
  pthread_mutex_lock(&user->chip->lock);
  if (!add_user(user->chip, bus)) {
    status = pl_fail(err, PL_E_USAGE, "%s: more than %d buses stand on one chip", user->chip->where, PL_USB_USERS_MAX);
    pthread_mutex_unlock(&user->chip->lock);
  } else if (user->chip->away) {
    status = pl_fail(err, PL_E_GONE, "%s: unplugged", user->chip->where);
    pthread_mutex_unlock(&user->chip->lock);
  } else {
    status = set_up(user, err);
  }
  if (status)
    pl_usb_user_close(user);
  return status;
}

void pl_usb_user_close(struct pl_usb_user *user)
{
  pthread_mutex_lock(&user->chip->lock); /* another bus's worker may be telling this one that the chip is gone */
  for (size_t i = 0; i < PL_USB_USERS_MAX; i++)
    if (user->chip->users[i] == user->bus)
      user->chip->users[i] = NULL;
  pthread_mutex_unlock(&user->chip->lock);
  pl_share_drop(user->share, user->chip);
}

enum pl_status pl_usb_enter(struct pl_usb_user *user, struct pl_err *err)
{
  struct pl_usb_chip *chip = user->chip;
  pthread_mutex_lock(&chip->lock);
  if (!chip->away && user->generation == chip->generation)
    return PL_OK;
  enum pl_status status = chip->away ? pl_fail(err, PL_E_GONE, "%s: unplugged", chip->where)
                                     : pl_fail(err, PL_E_GONE, "%s: was unplugged and is back", chip->where);
  pthread_mutex_unlock(&chip->lock);
  return status;
}

void pl_usb_leave(struct pl_usb_user *user, enum pl_status status, const struct pl_err *err)
{
  struct pl_usb_chip *chip = user->chip;
  if (status == PL_E_GONE && !chip->away) {
    chip->away = true;
    for (size_t i = 0; i < PL_USB_USERS_MAX; i++)
      if (chip->users[i] && chip->users[i] != user->bus)
        pl_bus_lost(chip->users[i], err && err->text[0] ? err->text : "unplugged");
  }
  pthread_mutex_unlock(&chip->lock);
}

enum pl_status pl_usb_user_reopen(struct pl_usb_user *user, struct pl_err *err)
{
  struct pl_usb_chip *chip = user->chip;
  pthread_mutex_lock(&chip->lock);
  enum pl_status status = PL_OK;
  if (chip->away) {
    pl_usb_close(chip->usb);
    chip->usb = NULL;
    status = plug_in(chip, err);
  }
  if (!status)
    return set_up(user, err);
  pthread_mutex_unlock(&chip->lock);
  return status;
}

static enum pl_status not_nack(enum pl_status status, struct pl_err *err)
{
  if (status != PL_E_NACK)
    return status;
  if (err)
    err->status = PL_E_IO;
  return PL_E_IO;
}

enum pl_status pl_usb_chip_control(struct pl_usb_chip *chip, const struct pl_usb_request *r, uint8_t *data, pl_time_ns deadline, size_t *done,
                                   struct pl_err *err)
{
  return not_nack(pl_usb_control(chip->usb, r->type, r->request, r->value, r->index, data, r->length, deadline, done, err), err);
}

enum pl_status pl_usb_chip_transfer(struct pl_usb_chip *chip, uint8_t endpoint, uint8_t *data, size_t len, pl_time_ns deadline, size_t *done,
                                    struct pl_err *err)
{
  return not_nack(pl_usb_transfer(chip->usb, endpoint, data, len, deadline, done, err), err);
}

/* The sentence without the chip's name in front. */
static const char *bare(const struct pl_usb_chip *chip, const struct pl_err *why)
{
  size_t len = strlen(chip->where);
  return !strncmp(why->text, chip->where, len) && !strncmp(why->text + len, ": ", 2) ? why->text + len + 2 : why->text;
}

enum pl_status pl_usb_fail_i2c(const struct pl_usb_chip *chip, uint8_t address, const struct pl_err *why, struct pl_err *err)
{
  return pl_fail(err, why->status, "%s: i2c address 0x%02x: %s", chip->where, address, bare(chip, why));
}

enum pl_status pl_usb_fail_chip(const struct pl_usb_chip *chip, const struct pl_err *why, struct pl_err *err)
{
  return pl_fail(err, why->status, "%s: %s", chip->where, bare(chip, why));
}
