/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* The tree of URIs: templates in, resources out. */

static struct pl_tree *child(struct pl_tree *node, const char *word, size_t length)
{
  for (struct pl_tree *c = node->first; c; c = c->next)
    if (!strncmp(c->word, word, length) && !c->word[length])
      return c;
  return NULL;
}

static struct pl_tree *grow(struct pl_tree *node, const char *word, size_t length)
{
  struct pl_tree *c = child(node, word, length);
  if (c)
    return c;
  c = calloc(1, sizeof *c);
  char *copy = c ? strndup(word, length) : NULL;
  if (!copy) {
    free(c);
    return NULL;
  }
  c->word = copy;
  struct pl_tree **end = &node->first;
  while (*end)
    end = &(*end)->next;
  return *end = c;
}

static bool plant(struct pl_tree *root, const struct pl_route *route)
{
  struct pl_tree *node = root;
  for (const char *p = route->uri; *p && node;) {
    p += *p == '/';
    size_t length = strcspn(p, "/");
    node = grow(node, p, length);
    p += length;
  }
  if (!node || node->route)
    return false; /* two routes at one URI: a mistake that every test would see */
  node->route = route;
  return true;
}

struct pl_tree *pl_tree_new(void)
{
  struct pl_tree *root = calloc(1, sizeof *root);
  for (size_t t = 0; root && t < pl_n_routes_tables; t++)
    for (size_t i = 0; i < pl_routes_tables[t]->count; i++)
      if (!plant(root, &pl_routes_tables[t]->routes[i])) {
        pl_tree_free(root);
        return NULL;
      }
  return root;
}

void pl_tree_free(struct pl_tree *tree)
{
  if (!tree)
    return;
  for (struct pl_tree *c = tree->first, *next; c; c = next) {
    next = c->next;
    pl_tree_free(c);
  }
  free((void *)tree->word);
  free(tree);
}

/* The one of the kinds at this place that there is; NULL: none. */
static const struct pl_route *found(struct pl_res *res, const struct pl_route *route)
{
  while (route && route->find && !route->find(res))
    route = route->otherwise;
  return route;
}

/* Splits the URI into words (in res->ids_text) and notes the routes on the way; false: there is no such. */
struct way {
  const struct pl_route *routes[16];
  size_t count;
};

static bool follow(struct pl_tree *node, struct pl_res *res, struct way *way)
{
  char *save = NULL;
  for (char *word = strtok_r(res->ids_text, "/", &save); word; word = strtok_r(NULL, "/", &save)) {
    struct pl_tree *next = child(node, word, strlen(word));
    if (!next) {
      next = child(node, "{}", 2);
      if (!next || res->n_ids == PL_RES_IDS_MAX)
        return false;
      res->ids[res->n_ids++] = word;
    }
    node = next;
    if (node->route && way->count < sizeof way->routes / sizeof way->routes[0])
      way->routes[way->count++] = node->route;
  }
  res->route = node->route;
  return res->route != NULL;
}

enum pl_status pl_res_find(struct pl_stack *stack, const char *uri, struct pl_res *res)
{
  *res = (struct pl_res){.stack = stack};
  size_t length = strlen(uri);
  while (length > 1 && uri[length - 1] == '/')
    length--;
  if (length >= sizeof res->uri || strstr(uri, "//"))
    return PL_E_USAGE;
  snprintf(res->uri, sizeof res->uri, "%.*s", (int)length, uri);
  snprintf(res->ids_text, sizeof res->ids_text, "%s", res->uri);
  struct way way = {0};
  if (!follow(stack->service->tree, res, &way))
    return PL_E_USAGE;
  for (size_t i = 0; i < way.count; i++) { /* those above it first: what is below nothing is nothing */
    const struct pl_route *here = found(res, way.routes[i]);
    if (!here || (here != way.routes[i] && i + 1 < way.count)) {
      pl_res_end(res);
      return PL_E_USAGE;
    }
    res->route = here;
  }
  return PL_OK;
}

void pl_res_end(struct pl_res *res)
{
  free(res->own);
  res->own = NULL;
}

void pl_members_add(struct pl_members *members, const char *id)
{
  if (members->count == members->room) {
    size_t room = members->room ? 2 * members->room : 16;
    char **uris = realloc(members->uris, room * sizeof *uris);
    if (!uris) {
      members->failed = true;
      return;
    }
    members->uris = uris;
    members->room = room;
  }
  char *uri = NULL;
  if (*id == '/')
    uri = strdup(id);
  else if (asprintf(&uri, "%s/%s", members->collection, id) < 0)
    uri = NULL;
  if (uri)
    members->uris[members->count++] = uri;
  else
    members->failed = true;
}

void pl_members_of(const struct pl_res *res, struct pl_members *members)
{
  *members = (struct pl_members){.collection = res->uri};
  res->route->members(res, members);
}

void pl_members_free(struct pl_members *members)
{
  for (size_t i = 0; i < members->count; i++)
    free(members->uris[i]);
  free(members->uris);
}

struct walk {
  struct pl_stack *stack;
  void (*fn)(void *ctx, const char *uri);
  void *ctx;
};

static void walk_node(const struct walk *walk, const struct pl_tree *node, const char *uri);

static void walk_members(const struct walk *walk, const struct pl_tree *below, const char *uri)
{
  struct pl_res res;
  if (pl_res_find(walk->stack, uri, &res))
    return;
  struct pl_members members = {0};
  if (res.route->members)
    pl_members_of(&res, &members);
  size_t length = strlen(uri);
  for (size_t i = 0; i < members.count; i++)
    if (!strncmp(members.uris[i], uri, length) && members.uris[i][length] == '/' && !strchr(members.uris[i] + length + 1, '/'))
      walk_node(walk, below, members.uris[i]);
  pl_members_free(&members);
  pl_res_end(&res);
}

static void walk_node(const struct walk *walk, const struct pl_tree *node, const char *uri)
{
  if (node->route) {
    struct pl_res res;
    if (pl_res_find(walk->stack, uri, &res))
      return;
    pl_res_end(&res);
    if (!(node->route->flags & PL_ROUTE_HIDDEN))
      walk->fn(walk->ctx, uri);
  }
  for (const struct pl_tree *c = node->first; c; c = c->next) {
    char below[PL_URI_MAX];
    if (!strcmp(c->word, "{}"))
      walk_members(walk, c, uri);
    else if (snprintf(below, sizeof below, "%s/%s", uri, c->word) < (int)sizeof below)
      walk_node(walk, c, below);
  }
}

void pl_res_walk(struct pl_stack *stack, void (*fn)(void *ctx, const char *uri), void *ctx)
{
  struct walk walk = {stack, fn, ctx};
  walk_node(&walk, stack->service->tree, "");
}
