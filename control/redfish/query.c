/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

#include <errno.h>

/* Query options (DSP0266, "Query parameters"): parsed once, then applied to what a GET shows. */

static bool oops(struct pl_oops *o, int status, const char *id, const char *a, const char *b)
{
  *o = (struct pl_oops){.status = status, .id = id};
  snprintf(o->args[0], sizeof o->args[0], "%s", a ? a : "");
  snprintf(o->args[1], sizeof o->args[1], "%s", b ? b : "");
  return false;
}

static int hex(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; false: a bad escape, or one that makes a NUL. */
static bool decode(char *text)
{
  char *out = text;
  for (const char *p = text; *p; p++)
    if (*p == '%') {
      int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);
      if (low < 0 || !(high || low))
        return false;
      *out++ = (char)(high << 4 | low);
      p += 2;
    } else
      *out++ = *p == '+' ? ' ' : *p;
  *out = '\0';
  return true;
}

static bool whole(const char *text, uint64_t *value)
{
  char *end;
  errno = 0;
  unsigned long long v = strtoull(text, &end, 10);
  *value = v;
  return *text >= '0' && *text <= '9' && !*end && !errno && v <= 1000000000;
}

static bool take_only(struct pl_query *q, char *value, struct pl_oops *o)
{
  q->only = true;
  return !*value || oops(o, 400, "QueryParameterValueTypeError", value, "only");
}

static bool take_excerpt(struct pl_query *q, char *value, struct pl_oops *o)
{
  q->excerpt = true;
  return !*value || oops(o, 400, "QueryParameterValueTypeError", value, "excerpt");
}

static bool take_expand(struct pl_query *q, char *value, struct pl_oops *o)
{
  uint64_t levels = 1;
  char *rest = value + 1;
  if (!*value || !strchr("*.~", *value))
    return oops(o, 400, "QueryParameterValueFormatError", value, "$expand");
  size_t n = strlen(rest);
  if (n) {
    if (strncmp(rest, "($levels=", 9) || rest[n - 1] != ')')
      return oops(o, 400, "QueryParameterValueFormatError", value, "$expand");
    rest[n - 1] = '\0';
    if (!whole(rest + 9, &levels))
      return oops(o, 400, "QueryParameterValueTypeError", rest + 9, "$levels");
  }
  if (!levels || levels > PL_EXPAND_LEVELS_MAX) {
    oops(o, 400, "QueryParameterOutOfRange", rest + 9, "$levels");
    snprintf(o->args[2], sizeof o->args[2], "1-%d", PL_EXPAND_LEVELS_MAX);
    return false;
  }
  q->expand = *value;
  q->levels = (unsigned)levels;
  return true;
}

static bool take_select(struct pl_query *q, char *value, struct pl_oops *o)
{
  char *save = NULL;
  if (!*value)
    return oops(o, 400, "QueryParameterValueFormatError", value, "$select");
  for (char *word = strtok_r(value, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
    while (*word == ' ')
      word++;
    for (size_t n = strlen(word); n && word[n - 1] == ' ';)
      word[--n] = '\0';
    if (!*word || *word == '/' || q->n_select == PL_SELECT_MAX)
      return oops(o, 400, "QueryParameterValueFormatError", word, "$select");
    q->select[q->n_select++] = word;
  }
  return true;
}

static bool take_filter(struct pl_query *q, char *value, struct pl_oops *o)
{
  struct pl_err err = {0};
  if (q->filter)
    return oops(o, 400, "QueryCombinationInvalid", NULL, NULL);
  return !pl_filter_parse(value, &q->filter, &err) || oops(o, 400, "QueryParameterValueFormatError", value, "$filter");
}

static bool take_top(struct pl_query *q, char *value, struct pl_oops *o)
{
  q->has_top = true;
  return whole(value, &q->top) || oops(o, 400, "QueryParameterValueTypeError", value, "$top");
}

static bool take_skip(struct pl_query *q, char *value, struct pl_oops *o)
{
  q->has_skip = true;
  return whole(value, &q->skip) || oops(o, 400, "QueryParameterValueTypeError", value, "$skip");
}

static const struct {
  const char *name;
  bool (*take)(struct pl_query *q, char *value, struct pl_oops *o);
} PARAMETERS[] = {{"only", take_only},     {"excerpt", take_excerpt}, {"$expand", take_expand}, {"$select", take_select},
                  {"$filter", take_filter}, {"$top", take_top},        {"$skip", take_skip}};

static bool take(struct pl_query *q, char *name, char *value, struct pl_oops *o)
{
  for (size_t i = 0; i < sizeof PARAMETERS / sizeof PARAMETERS[0]; i++)
    if (!strcmp(name, PARAMETERS[i].name))
      return PARAMETERS[i].take(q, value, o);
  /* DSP0266: one that begins with $ and is not known is refused with 501, others are ignored. */
  return *name != '$' || oops(o, 501, "QueryParameterUnsupported", name, NULL);
}

bool pl_query_parse(const char *text, struct pl_query *query, struct pl_oops *o)
{
  *query = (struct pl_query){.raw = text};
  if (!text || !*text)
    return true;
  char *save = NULL;
  query->text = strdup(text);
  if (!query->text)
    return oops(o, 500, "InternalError", NULL, NULL);
  for (char *pair = strtok_r(query->text, "&", &save); pair; pair = strtok_r(NULL, "&", &save)) {
    char *equals = strchr(pair, '='), none[1] = "";
    if (equals)
      *equals++ = '\0';
    if (!decode(pair) || (equals && !decode(equals)))
      return oops(o, 400, "QueryParameterValueFormatError", equals ? equals : pair, pair);
    if (!take(query, pair, equals ? equals : none, o))
      return false;
  }
  /* DSP0266: only and excerpt stand alone. */
  if ((query->only || query->excerpt) && (query->only + query->excerpt > 1 || query->expand || query->n_select || query->filter || query->has_top || query->has_skip))
    return oops(o, 400, "QueryCombinationInvalid", NULL, NULL);
  return true;
}

void pl_query_free(struct pl_query *query)
{
  pl_filter_free(query->filter);
  free(query->text);
  *query = (struct pl_query){0};
}

/* Collections. */

static void keep_matching(const struct pl_res *res, const struct pl_filter *filter, struct pl_members *members)
{
  size_t kept = 0;
  for (size_t i = 0; i < members->count; i++) {
    struct json_object *member = pl_uri_render(res->stack, members->uris[i]);
    bool holds = member && pl_filter_holds(filter, member);
    json_object_put(member);
    char *uri = members->uris[i];
    if (holds)
      members->uris[kept++] = uri;
    else
      free(uri);
  }
  members->count = kept;
}

/* The same query without $skip and $top, and with others: what the rest of a collection is asked for with. */
static char *next_link(const struct pl_res *res, const struct pl_query *query, uint64_t skip)
{
  char *link = NULL, *copy = strdup(query->raw ? query->raw : ""), *save = NULL;
  size_t size = 0;
  FILE *out = copy ? open_memstream(&link, &size) : NULL;
  if (out) {
    fprintf(out, "%s?$skip=%llu", res->uri, (unsigned long long)skip);
    if (query->has_top)
      fprintf(out, "&$top=%llu", (unsigned long long)query->top);
    for (char *pair = strtok_r(copy, "&", &save); pair; pair = strtok_r(NULL, "&", &save))
      if (strncmp(pair, "$skip=", 6) && strncmp(pair, "$top=", 5) && strncmp(pair, "%24", 3))
        fprintf(out, "&%s", pair);
    fclose(out);
  }
  free(copy);
  return link;
}

static struct json_object *the_only(const struct pl_res *res, const struct pl_members *members)
{
  return members->count == 1 ? pl_uri_render(res->stack, members->uris[0]) : NULL;
}

struct json_object *pl_query_collection(const struct pl_res *res, const struct pl_query *query, struct pl_oops *o)
{
  struct pl_members members;
  pl_members_of(res, &members);
  if (members.failed) {
    pl_members_free(&members);
    oops(o, 500, "InternalError", NULL, NULL);
    return NULL;
  }
  if (query->filter)
    keep_matching(res, query->filter, &members);
  struct json_object *object = query->only ? the_only(res, &members) : NULL;
  if (!object) {
    uint64_t from = query->skip < members.count ? query->skip : members.count, rest = members.count - from;
    uint64_t most = query->has_top && query->top < PL_PAGE_MAX ? query->top : PL_PAGE_MAX, count = rest < most ? rest : most;
    char *link = rest > count && !(query->has_top && !query->top) ? next_link(res, query, from + count) : NULL;
    object = pl_render_collection(res, members.uris ? members.uris + from : NULL, count, members.count, link);
    free(link);
  }
  pl_members_free(&members);
  return object;
}

/* $expand: a link becomes the resource that it names. */
struct expansion {
  const struct pl_query *query;
  struct pl_stack *stack;
  unsigned left; /* resources that the answer may still take in */
};

static const char *link_of(struct json_object *value)
{
  struct json_object *id;
  if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1 || !json_object_object_get_ex(value, "@odata.id", &id))
    return NULL;
  const char *uri = json_object_get_string(id);
  return strchr(uri, '#') ? NULL : uri;
}

static void expand(struct expansion *e, struct json_object *object, unsigned levels, bool dependent);

static struct json_object *expanded(struct expansion *e, struct json_object *value, unsigned levels, bool dependent)
{
  const char *uri = link_of(value);
  if (!uri) {
    expand(e, value, levels, dependent);
    return NULL;
  }
  if (!e->left || !(e->query->expand == '*' || (e->query->expand == '~') == dependent))
    return NULL;
  struct json_object *other = pl_uri_render(e->stack, uri);
  if (other) {
    e->left--;
    if (levels > 1)
      expand(e, other, levels - 1, false);
  }
  return other;
}

static void expand_list(struct expansion *e, struct json_object *list, unsigned levels, bool dependent)
{
  size_t n = json_object_array_length(list);
  for (size_t i = 0; i < n; i++) {
    struct json_object *other = expanded(e, json_object_array_get_idx(list, i), levels, dependent);
    if (other)
      json_object_array_put_idx(list, i, other);
  }
}

static void expand(struct expansion *e, struct json_object *object, unsigned levels, bool dependent)
{
  if (json_object_is_type(object, json_type_array)) {
    expand_list(e, object, levels, dependent);
    return;
  }
  if (!json_object_is_type(object, json_type_object))
    return;
  struct json_object_iterator it = json_object_iter_begin(object), end = json_object_iter_end(object);
  for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
    const char *name = json_object_iter_peek_name(&it);
    struct json_object *other = expanded(e, json_object_iter_peek_value(&it), levels, dependent || !strcmp(name, "Links"));
    if (other)
      json_object_object_add(object, name, other); /* replaces: the iterator stays good */
  }
}

/* $select: what was asked for, and what a client needs to know what it has. */
static void copy_path(struct json_object *from, struct json_object *to, const char *path)
{
  bool found;
  struct json_object *value = pl_json_path(from, path, &found);
  if (found)
    pl_json_put_path(to, path, json_object_get(value));
}

static struct json_object *selected(const struct pl_query *query, struct json_object *object)
{
  static const char *const ALWAYS[] = {"@odata.id", "@odata.type", "@odata.etag", "@odata.context", "error", "Members@odata.count", "Members@odata.nextLink"};
  struct json_object *out = json_object_new_object();
  for (size_t i = 0; i < sizeof ALWAYS / sizeof ALWAYS[0]; i++)
    copy_path(object, out, ALWAYS[i]);
  for (size_t i = 0; i < query->n_select; i++)
    copy_path(object, out, query->select[i]);
  return out;
}

static struct json_object *select_from(const struct pl_query *query, struct json_object *object)
{
  struct json_object *members, *out = selected(query, object);
  if (json_object_object_get_ex(object, "Members", &members) && query->expand) { /* of a collection that is expanded: of each member */
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(members); i++)
      json_object_array_add(list, selected(query, json_object_array_get_idx(members, i)));
    json_object_object_add(out, "Members", list);
  }
  json_object_put(object);
  return out;
}

struct json_object *pl_query_apply(const struct pl_res *res, const struct pl_query *query, struct json_object *object)
{
  if (query->expand) {
    struct expansion e = {query, res->stack, PL_EXPAND_MAX};
    expand(&e, object, query->levels, false);
  }
  return query->n_select ? select_from(query, object) : object;
}
