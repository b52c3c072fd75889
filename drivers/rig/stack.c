/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rig/stack.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *pl_http_field(const struct pl_http_field *fields, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (!strcasecmp(fields[i].name, name))
      return fields[i].value;
  return NULL;
}

void pl_http_answer_add(struct pl_http_answer *answer, const char *name, const char *value)
{
  char *copy = answer->n_fields < PL_HTTP_FIELDS_MAX ? strdup(value) : NULL;
  if (copy)
    answer->fields[answer->n_fields++] = (struct pl_http_field){name, copy};
  else
    answer->status = 500;
}

void pl_http_answer_free(struct pl_http_answer *answer)
{
  for (size_t i = 0; i < answer->n_fields; i++)
    free((void *)(uintptr_t)answer->fields[i].value);
  free(answer->body);
  *answer = (struct pl_http_answer){0};
}
