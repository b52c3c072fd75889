/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/service_test.h"

/*
 * Any bytes as a request: the first says which method, up to a line feed stands the target, up to the next a header, the rest is the body. Sent as an
 * administrator, for the deeper half of the code lies behind the door; what has no answer, or one that is no JSON, is a fault. The rack is made once: what a
 * request changes is there for the next, as it would be.
 */
static struct door *door;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_filter(const char *text)
{
  struct pl_filter *filter = NULL;
  struct pl_err err = {0};
  if (pl_filter_parse(text, &filter, &err))
    return;
  struct json_object *object = json_tokener_parse("{\"Id\": \"a\", \"N\": 1.5, \"T\": true, \"Status\": {\"State\": null, \"L\": [1]}}");
  pl_filter_holds(filter, object);
  json_object_put(object);
  pl_filter_free(filter);
}

static char *line_of(const uint8_t **data, size_t *size)
{
  const uint8_t *end = memchr(*data, '\n', *size);
  size_t n = end ? (size_t)(end - *data) : *size;
  char *line = malloc(n + 1);
  if (!line)
    abort();
  memcpy(line, *data, n);
  line[n] = '\0';
  *data += n + (end != NULL);
  *size -= n + (end != NULL);
  return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const METHODS[] = {"GET", "GET", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"};
  static const char *const HEADERS[] = {"If-Match", "If-None-Match", "OData-Version", "Content-Type", "Accept", "X-Auth-Token"};
  if (!size)
    return 0;
  if (!door) {
    door = door_open(NULL);
    door_listens(door, true);
  }
  const char *method = METHODS[*data % 8], *name = HEADERS[*data / 8 % 6];
  data++, size--;
  char *target = line_of(&data, &size), *field = line_of(&data, &size), *body = line_of(&data, &size);
  fuzz_filter(target);
  if (*field)
    with(door, name, field);
  char uri[512];
  snprintf(uri, sizeof uri, "%s%.450s", *target == '/' ? "" : "/redfish/v1/", target);
  ask(door, method, uri, *body ? body : NULL);
  if (door->status < 200 || door->status > 599 || (door->body && !door->json && strstr(door->answer.type, "json")))
    abort();
  if (door->status == 401 && strcmp(name, "X-Auth-Token") && strstr(uri, "Sessions") == NULL) { /* it changed the password that it comes in with */
    door_close(door);
    door = NULL;
  }
  free(target);
  free(field);
  free(body);
  return 0;
}
