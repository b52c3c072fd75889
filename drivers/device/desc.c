/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/device/device.h"
#include "drivers/device/twin.h"

#include <string.h>

const struct pl_device_desc *pl_device_desc_find(const char *name)
{
  for (size_t i = 0; i < pl_n_device_descs; i++)
    if (!strcmp(pl_device_descs[i]->name, name))
      return pl_device_descs[i];
  return NULL;
}

const struct pl_twin_desc *pl_twin_desc_find(const char *driver)
{
  for (size_t i = 0; i < pl_n_twin_descs; i++)
    if (!strcmp(pl_twin_descs[i]->driver, driver))
      return pl_twin_descs[i];
  return NULL;
}
