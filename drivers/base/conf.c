/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* Far above what a person writes, far below what could exhaust the program. */
#define SIZE_MAX_BYTES ((size_t)16 << 20) /* a rig of 1,000 modules of 4 CSUs is 3 MiB and 250,000 values */
#define DEPTH_MAX 32
#define NODES_MAX 1000000

struct pl_conf {
  char *name;
  struct pl_node root;
  char sha256[SHA256_DIGEST_STRING_LENGTH];
};

/* --- reading --- */

struct reader {
  yaml_parser_t parser;
  const char *name;
  size_t nodes;
  struct pl_err *err;
};

static void free_node(struct pl_node *node)
{
  for (size_t i = 0; i < node->count; i++)
    free_node(&node->items[i]);
  free(node->items);
  free((void *)node->key);
  free((void *)node->text);
}

static int line_of(const yaml_event_t *event)
{
  return (int)event->start_mark.line + 1;
}

static enum pl_status fail_at(struct reader *r, int line, const char *sentence)
{
  return pl_fail(r->err, PL_E_USAGE, "%s:%d: %s", r->name, line, sentence);
}

static enum pl_status no_memory(struct reader *r)
{
  return pl_fail(r->err, PL_E_NOMEM, "%s: out of memory", r->name);
}

static enum pl_status next_event(struct reader *r, yaml_event_t *event)
{
  if (yaml_parser_parse(&r->parser, event))
    return PL_OK;
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_MEMORY_ERROR)
    return no_memory(r);
  if (p->error == YAML_READER_ERROR)
    return pl_fail(r->err, PL_E_USAGE, "%s: byte %zu: %s, expected UTF-8 text", r->name, p->problem_offset, p->problem);
  bool tab = p->problem && strstr(p->problem, "cannot start any token");
  return pl_fail(r->err, PL_E_USAGE, "%s:%zu: %s%s%s, expected YAML%s", r->name, p->problem_mark.line + 1, p->problem ? p->problem : "malformed",
                 p->context ? " " : "", p->context ? p->context : "", tab ? " (a tab? indent with spaces; quote text that begins with @, ` or %)" : "");
}

/* What a rig has no use for and what could make it mean something else than it says. */
static enum pl_status check_plain(struct reader *r, const yaml_event_t *event)
{
  const yaml_char_t *anchor = NULL, *tag = NULL;
  switch (event->type) {
  case YAML_ALIAS_EVENT: return fail_at(r, line_of(event), "an alias ('*'), expected the value itself: anchors and aliases are not used here");
  case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor; tag = event->data.scalar.tag; break;
  case YAML_SEQUENCE_START_EVENT: anchor = event->data.sequence_start.anchor; tag = event->data.sequence_start.tag; break;
  case YAML_MAPPING_START_EVENT: anchor = event->data.mapping_start.anchor; tag = event->data.mapping_start.tag; break;
  default: return fail_at(r, line_of(event), "nothing, expected a value");
  }
  if (anchor)
    return fail_at(r, line_of(event), "an anchor ('&'), expected the value itself: anchors and aliases are not used here");
  if (tag)
    return pl_fail(r->err, PL_E_USAGE, "%s:%d: the YAML tag '%.60s', expected plain text: put text that begins with '!' in quotes", r->name, line_of(event),
                   (const char *)tag);
  return PL_OK;
}

static enum pl_status copy_text(struct reader *r, const yaml_event_t *event, const char **text)
{
  size_t length = event->data.scalar.length;
  const char *bytes = (const char *)event->data.scalar.value;
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t')
      return fail_at(r, line_of(event), "a control character in the text, expected printable text");
  char *copy = malloc(length + 1);
  if (!copy)
    return no_memory(r);
  memcpy(copy, bytes, length);
  copy[length] = '\0';
  *text = copy;
  return PL_OK;
}

static int compare_keys(const void *a, const void *b)
{
  const struct pl_node *const *x = a, *const *y = b;
  int order = strcmp((*x)->key, (*y)->key);
  return order ? order : (*x)->key_line - (*y)->key_line;
}

static enum pl_status check_duplicates(struct reader *r, const struct pl_node *map)
{
  if (map->count < 2)
    return PL_OK;
  const struct pl_node **sorted = malloc(map->count * sizeof *sorted);
  if (!sorted)
    return no_memory(r);
  for (size_t i = 0; i < map->count; i++)
    sorted[i] = &map->items[i];
  qsort(sorted, map->count, sizeof *sorted, compare_keys);
  enum pl_status status = PL_OK;
  for (size_t i = 1; i < map->count && !status; i++)
    if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
      status = pl_fail(r->err, PL_E_USAGE, "%s:%d: the key '%.60s' a second time, expected it once (first on line %d)", r->name, sorted[i]->key_line,
                       sorted[i]->key, sorted[i - 1]->key_line);
  free(sorted);
  return status;
}

static enum pl_status read_node(struct reader *r, yaml_event_t *event, int depth, struct pl_node *node);

static enum pl_status add_item(struct reader *r, struct pl_node *parent, size_t *room, struct pl_node **item)
{
  if (++r->nodes > NODES_MAX)
    return pl_fail(r->err, PL_E_USAGE, "%s:%d: more than %d values, expected a smaller file", r->name, parent->line, NODES_MAX);
  if (parent->count == *room) {
    size_t more = *room ? 2 * *room : 4;
    struct pl_node *items = realloc(parent->items, more * sizeof *items);
    if (!items)
      return no_memory(r);
    parent->items = items;
    *room = more;
  }
  *item = &parent->items[parent->count++];
  **item = (struct pl_node){.kind = PL_NODE_SCALAR};
  return PL_OK;
}

static enum pl_status read_key(struct reader *r, const yaml_event_t *event, struct pl_node *item)
{
  enum pl_status status = check_plain(r, event);
  if (status)
    return status;
  if (event->type != YAML_SCALAR_EVENT || event->data.scalar.length == 0)
    return fail_at(r, line_of(event), "a key that is not a word, expected 'key: value'");
  item->key_line = line_of(event);
  return copy_text(r, event, &item->key);
}

/* The elements of a list, or the keys and values of a map, up to its end. */
static enum pl_status read_items(struct reader *r, int depth, struct pl_node *parent)
{
  bool map = parent->kind == PL_NODE_MAP;
  size_t room = 0;
  for (;;) {
    yaml_event_t event;
    enum pl_status status = next_event(r, &event);
    if (status)
      return status;
    if (event.type == (map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT)) {
      yaml_event_delete(&event);
      return map ? check_duplicates(r, parent) : PL_OK;
    }
    struct pl_node *item = NULL;
    status = add_item(r, parent, &room, &item);
    if (!status && map) {
      status = read_key(r, &event, item);
      yaml_event_delete(&event);
      if (status || (status = next_event(r, &event)))
        return status;
    }
    if (!status)
      status = read_node(r, &event, depth + 1, item);
    yaml_event_delete(&event);
    if (status)
      return status;
  }
}

/* What was read is in *node also when it fails, so that free_node on the root releases all. */
static enum pl_status read_node(struct reader *r, yaml_event_t *event, int depth, struct pl_node *node)
{
  enum pl_status status = check_plain(r, event);
  if (status)
    return status;
  node->line = line_of(event);
  if (event->type == YAML_SCALAR_EVENT)
    return copy_text(r, event, &node->text);
  if (depth > DEPTH_MAX)
    return pl_fail(r->err, PL_E_USAGE, "%s:%d: nested more than %d deep, expected a flatter file", r->name, node->line, DEPTH_MAX);
  node->kind = event->type == YAML_MAPPING_START_EVENT ? PL_NODE_MAP : PL_NODE_LIST;
  return read_items(r, depth, node);
}

static enum pl_status read_document(struct reader *r, struct pl_node *root)
{
  static const yaml_event_type_t FRONT[] = {YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT}, BACK[] = {YAML_DOCUMENT_END_EVENT, YAML_STREAM_END_EVENT};
  yaml_event_t event;
  enum pl_status status;
  for (size_t i = 0; i < 2; i++) {
    if ((status = next_event(r, &event)))
      return status;
    bool right = event.type == FRONT[i];
    yaml_event_delete(&event);
    if (!right)
      return fail_at(r, 1, "the file is empty, expected YAML");
  }
  if ((status = next_event(r, &event)))
    return status;
  status = read_node(r, &event, 1, root);
  yaml_event_delete(&event);
  for (size_t i = 0; i < 2 && !status; i++) {
    if ((status = next_event(r, &event)))
      return status;
    if (event.type != BACK[i])
      status = fail_at(r, line_of(&event), "a second document, expected one a file");
    yaml_event_delete(&event);
  }
  return status;
}

enum pl_status pl_conf_parse(const char *name, const char *bytes, size_t size, struct pl_conf **out, struct pl_err *err)
{
  if (size > SIZE_MAX_BYTES)
    return pl_fail(err, PL_E_USAGE, "%s: larger than %zu KiB, expected a smaller file", name, SIZE_MAX_BYTES / 1024);
  struct pl_conf *conf = calloc(1, sizeof *conf);
  struct reader r = {.name = name, .err = err};
  if (!conf || !(conf->name = strdup(name)) || !yaml_parser_initialize(&r.parser)) {
    pl_conf_free(conf);
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", name);
  }
  SHA256Data((const uint8_t *)bytes, size, conf->sha256);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  enum pl_status status = read_document(&r, &conf->root);
  yaml_parser_delete(&r.parser);
  if (status) {
    pl_conf_free(conf);
    return status;
  }
  *out = conf;
  return PL_OK;
}

/* Up to limit bytes of a plain file; nothing that could block or never end. */
static enum pl_status read_file(const char *path, size_t limit, char **bytes, size_t *size, struct pl_err *err)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return pl_fail(err, PL_E_USAGE, "%s: cannot open: %s", path, strerror(errno));
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
    close(fd);
    return pl_fail(err, PL_E_USAGE, "%s: is not a plain file, expected a YAML file", path);
  }
  char *buffer = malloc(limit);
  size_t used = 0;
  ssize_t n = 1;
  while (buffer && n != 0 && used < limit) {
    n = read(fd, buffer + used, limit - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    used += (size_t)n;
  }
  int cause = errno;
  close(fd);
  if (!buffer)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", path);
  if (n < 0) {
    free(buffer);
    return pl_fail(err, PL_E_USAGE, "%s: cannot read: %s", path, strerror(cause));
  }
  *bytes = buffer;
  *size = used;
  return PL_OK;
}

enum pl_status pl_conf_load(const char *path, struct pl_conf **conf, struct pl_err *err)
{
  char *bytes = NULL;
  size_t size = 0;
  enum pl_status status = read_file(path, SIZE_MAX_BYTES + 1, &bytes, &size, err);
  if (!status)
    status = pl_conf_parse(path, bytes, size, conf, err);
  free(bytes);
  return status;
}

void pl_conf_free(struct pl_conf *conf)
{
  if (!conf)
    return;
  free_node(&conf->root);
  free(conf->name);
  free(conf);
}

const struct pl_node *pl_conf_root(const struct pl_conf *conf)
{
  return &conf->root;
}

const char *pl_conf_name(const struct pl_conf *conf)
{
  return conf->name;
}

const char *pl_conf_sha256(const struct pl_conf *conf)
{
  return conf->sha256;
}

/* --- asking --- */

const struct pl_node *pl_node_get(const struct pl_node *map, const char *key)
{
  if (map->kind != PL_NODE_MAP)
    return NULL;
  for (size_t i = 0; i < map->count; i++)
    if (!strcmp(map->items[i].key, key))
      return &map->items[i];
  return NULL;
}

enum pl_status pl_node_fail(const struct pl_conf *conf, const struct pl_node *node, struct pl_err *err, const char *format, ...)
{
  char sentence[PL_ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  return pl_fail(err, PL_E_USAGE, "%s:%d: %s", conf->name, node->line, sentence);
}

static const char *kind_name(enum pl_node_kind kind)
{
  switch (kind) {
  case PL_NODE_SCALAR: return "a single value";
  case PL_NODE_LIST: return "a list";
  case PL_NODE_MAP: return "a map (key: value)";
  }
  return "something else";
}

enum pl_status pl_node_want(const struct pl_conf *conf, const struct pl_node *node, enum pl_node_kind kind, const char *what, struct pl_err *err)
{
  if (node->kind == kind)
    return PL_OK;
  return pl_node_fail(conf, node, err, "%s is %s, expected %s", what, node->kind == PL_NODE_SCALAR && !*node->text ? "empty" : kind_name(node->kind),
                      kind_name(kind));
}

static enum pl_status fail_word(const struct pl_conf *conf, int line, const char *what, const char *word, const char *where, const char *const *words,
                                size_t count, struct pl_err *err)
{
  const struct pl_node at = {.line = line};
  const char *closest = pl_closest(word, words, count);
  if (closest)
    return pl_node_fail(conf, &at, err, "unknown %s '%.60s'%s, did you mean '%s'?", what, word, where, closest);
  if (!count)
    return pl_node_fail(conf, &at, err, "unknown %s '%.60s'%s, expected none: there are none", what, word, where);
  char list[256] = "";
  size_t used = 0, k = 0;
  while (k < count && used + strlen(words[k]) + 8 < sizeof list) { /* whole words only */
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", words[k]);
    k++;
  }
  return pl_node_fail(conf, &at, err, "unknown %s '%.60s'%s, expected %s%s%s", what, word, where, count > 1 ? "one of " : "", list, k < count ? ", ..." : "");
}

enum pl_status pl_node_unknown(const struct pl_conf *conf, const struct pl_node *node, const char *what, const char *where, const char *const *words,
                               size_t count, struct pl_err *err)
{
  return fail_word(conf, node->line, what, node->text, where, words, count, err);
}

enum pl_status pl_node_check_keys(const struct pl_conf *conf, const struct pl_node *map, const char *what, const char *const *words, size_t count,
                                  struct pl_err *err)
{
  enum pl_status status = pl_node_want(conf, map, PL_NODE_MAP, what, err);
  if (status)
    return status;
  for (size_t i = 0; i < map->count; i++) {
    const struct pl_node *item = &map->items[i];
    size_t known = 0;
    while (known < count && strcmp(words[known], item->key) != 0)
      known++;
    if (known < count)
      continue;
    char where[100];
    snprintf(where, sizeof where, " in %s", what);
    return fail_word(conf, item->key_line, "key", item->key, where, words, count, err);
  }
  return PL_OK;
}

/* The words of a map are scalars, and that is all that is known of them here. */
static enum pl_status map_value(const struct pl_conf *conf, const struct pl_node *node, struct pl_value *value, struct pl_err *err)
{
  enum pl_status status = pl_node_want(conf, node, PL_NODE_MAP, value->param->name, err);
  for (size_t i = 0; i < node->count && !status; i++)
    status = pl_node_want(conf, &node->items[i], PL_NODE_SCALAR, node->items[i].key, err);
  if (!status)
    *value = (struct pl_value){.param = value->param, .given = true, .text = "", .map = node};
  return status;
}

const char *pl_value_map(const struct pl_value *value, const char *word)
{
  const struct pl_node *found = value->given && value->map ? pl_node_get(value->map, word) : NULL;
  return found ? found->text : NULL;
}

static enum pl_status node_value(const struct pl_conf *conf, const struct pl_node *map, const struct pl_param *param, struct pl_value *value, struct pl_err *err)
{
  const struct pl_node *node = pl_node_get(map, param->name);
  *value = (struct pl_value){.param = param};
  if (!node && param->required)
    return pl_node_fail(conf, map, err, "the key '%s' is missing, expected %s", param->name, param->help && *param->help ? param->help : "a value");
  if (!node && !param->fallback)
    return PL_OK;
  if (node && param->kind == PL_PARAM_MAP)
    return map_value(conf, node, value, err);
  if (node && node->kind != PL_NODE_SCALAR)
    return pl_node_want(conf, node, PL_NODE_SCALAR, param->name, err);
  enum pl_status status = pl_value_parse(param, node ? node->text : param->fallback, value, err);
  if (status)
    pl_err_prefix(err, "%s:%d", conf->name, node ? node->line : map->line);
  return status;
}

enum pl_status pl_node_values_over(const struct pl_conf *conf, const struct pl_node *map, const struct pl_conf *base_conf, const struct pl_node *base,
                                   const struct pl_param *params, size_t count, struct pl_values *values, struct pl_err *err)
{
  struct pl_value *items = calloc(count ? count : 1, sizeof *items);
  if (!items)
    return pl_fail(err, PL_E_NOMEM, "%s: out of memory", conf->name);
  for (size_t i = 0; i < count; i++) {
    bool based = base && !pl_node_get(map, params[i].name) && pl_node_get(base, params[i].name);
    enum pl_status status = node_value(based ? base_conf : conf, based ? base : map, &params[i], &items[i], err);
    if (status) {
      free(items);
      return status;
    }
  }
  *values = (struct pl_values){items, count};
  return PL_OK;
}

enum pl_status pl_node_values(const struct pl_conf *conf, const struct pl_node *map, const struct pl_param *params, size_t count, struct pl_values *values,
                              struct pl_err *err)
{
  return pl_node_values_over(conf, map, NULL, NULL, params, count, values, err);
}
