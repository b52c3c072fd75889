/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/service_test.h"

#include "control/store/store.h"

#include <crypt.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who may do what: sessions, accounts, lock-out, and every route by every method for every role. */

static int open_demo(void **state)
{
  *state = door_open(NULL);
  return 0;
}

static int close_demo(void **state)
{
  door_close(*state);
  return 0;
}

static void log_in(struct door *d, const char *name, const char *password, char who[80], char *uri)
{
  char body[200];
  snprintf(body, sizeof body, "{\"UserName\": \"%s\", \"Password\": \"%s\"}", name, password);
  ask_as(d, NOBODY, "POST", "/redfish/v1/SessionService/Sessions", body);
  assert_int_equal(d->status, 201);
  snprintf(who, 80, "token %s", header(d, "X-Auth-Token"));
  if (uri)
    snprintf(uri, PL_URI_MAX, "%s", header(d, "Location"));
}

static void add_user(struct door *d, const char *name, const char *role)
{
  char body[200];
  snprintf(body, sizeof body, "{\"UserName\": \"%s\", \"Password\": \"a-good-one-%s\", \"RoleId\": \"%s\"}", name, name, role);
  ask(d, "POST", "/redfish/v1/AccountService/Accounts/Members", body);
  if (d->status != 201)
    fail_msg("%s: %d %s", name, d->status, d->body);
  assert_non_null(strstr(header(d, "Location"), name));
}

static void sessions_open_and_end(void **state)
{
  struct door *d = *state;
  char who[80], uri[PL_URI_MAX];
  ask_as(d, NOBODY, "POST", "/redfish/v1/SessionService/Sessions", "{\"UserName\": \"admin\", \"Password\": \"wrong\"}");
  assert_int_equal(d->status, 401);
  ask_as(d, NOBODY, "POST", "/redfish/v1/SessionService/Sessions", "{\"UserName\": \"admin\"}");
  assert_int_equal(d->status, 400);
  log_in(d, "admin", "plumb-line-1", who, uri);
  assert_null(strstr(d->body, who + 6)); /* the token stands in the header alone */
  assert_true(is_null_at(d, "Password"));
  ask_as(d, who, "GET", uri, NULL);
  assert_int_equal(d->status, 200);
  assert_string_equal(text_at(d, "UserName"), "admin");
  assert_string_equal(text_at(d, "Roles/0"), "Administrator");
  ask_as(d, who, "DELETE", uri, NULL);
  assert_int_equal(d->status, 204);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  log_in(d, "admin", "plumb-line-1", who, uri);
  ask(d, "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 30}");
  stand_run(d->stand, 25 * PL_S);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL); /* used: it goes on */
  assert_int_equal(d->status, 200);
  stand_run(d->stand, 25 * PL_S);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  stand_run(d->stand, 31 * PL_S);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
}

static void ones_own_session_only(void **state)
{
  struct door *d = *state;
  char reader[80], other[80], uri[PL_URI_MAX], others_uri[PL_URI_MAX];
  add_user(d, "reader", "ReadOnly");
  add_user(d, "other", "ReadOnly");
  log_in(d, "reader", "a-good-one-reader", reader, uri);
  log_in(d, "other", "a-good-one-other", other, others_uri);
  ask_as(d, reader, "GET", others_uri, NULL);
  assert_int_equal(d->status, 403);
  ask_as(d, reader, "DELETE", others_uri, NULL);
  assert_int_equal(d->status, 403);
  ask(d, "DELETE", others_uri, NULL); /* an administrator may */
  assert_int_equal(d->status, 204);
  ask_as(d, other, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  ask_as(d, reader, "DELETE", uri, NULL);
  assert_int_equal(d->status, 204);
}

static void wrong_passwords_lock(void **state)
{
  struct door *d = *state;
  add_user(d, "reader", "ReadOnly");
  ask(d, "PATCH", "/redfish/v1/AccountService", "{\"AccountLockoutThreshold\": 3, \"AccountLockoutCounterResetAfter\": 20, \"AccountLockoutDuration\": 40}");
  assert_int_equal(d->status, 200);
  for (int i = 0; i < 2; i++)
    ask_as(d, "reader:no", "GET", "/redfish/v1/Chassis", NULL);
  stand_run(d->stand, 21 * PL_S); /* forgotten */
  for (int i = 0; i < 2; i++) {
    ask_as(d, "reader:no", "GET", "/redfish/v1/Chassis", NULL);
    assert_int_equal(d->status, 401);
  }
  ask_as(d, "reader:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL); /* two of three: and the count begins anew */
  assert_int_equal(d->status, 200);
  for (int i = 0; i < 3; i++)
    ask_as(d, "reader:no", "GET", "/redfish/v1/Chassis", NULL);
  ask_as(d, "reader:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  ask(d, "GET", "/redfish/v1/AccountService/Accounts/reader", NULL);
  assert_true(flag_at(d, "Locked"));
  stand_run(d->stand, 41 * PL_S);
  ask_as(d, "reader:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  for (int i = 0; i < 3; i++)
    ask_as(d, "reader:no", "GET", "/redfish/v1/Chassis", NULL);
  ask(d, "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"Locked\": true}");
  assert_int_equal(d->status, 200); /* it is already */
  ask(d, "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"Locked\": false}");
  assert_int_equal(d->status, 200);
  ask_as(d, "reader:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  ask(d, "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"Locked\": true}");
  assert_int_equal(d->status, 400); /* nobody locks by hand */
}

static void accounts_are_guarded(void **state)
{
  struct door *d = *state;
  add_user(d, "reader", "ReadOnly");
  ask(d, "GET", "/redfish/v1/AccountService/Accounts/reader", NULL);
  assert_true(is_null_at(d, "Password"));
  assert_null(strstr(d->body, "$y$"));
  assert_string_equal(text_at(d, "Links/Role/@odata.id"), "/redfish/v1/AccountService/Roles/ReadOnly");
  ask(d, "POST", "/redfish/v1/AccountService/Accounts", "{\"UserName\": \"reader\", \"Password\": \"a-good-one\", \"RoleId\": \"ReadOnly\"}");
  assert_int_equal(d->status, 409);
  ask(d, "POST", "/redfish/v1/AccountService/Accounts", "{\"UserName\": \"short\", \"Password\": \"short\", \"RoleId\": \"ReadOnly\"}");
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.PasswordIncorrectLength");
  ask(d, "POST", "/redfish/v1/AccountService/Accounts", "{\"UserName\": \"who\", \"Password\": \"a-good-one\", \"RoleId\": \"King\"}");
  assert_int_equal(d->status, 400);
  ask(d, "POST", "/redfish/v1/AccountService/Accounts", "{\"UserName\": \"a/b\", \"Password\": \"a-good-one\", \"RoleId\": \"ReadOnly\"}");
  assert_int_equal(d->status, 400);
  ask_as(d, "reader:a-good-one-reader", "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"RoleId\": \"Administrator\"}");
  assert_int_equal(d->status, 403);
  ask_as(d, "reader:a-good-one-reader", "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"Password\": \"another-good-one\", \"RoleId\": \"Administrator\"}");
  assert_int_equal(d->status, 403);
  ask_as(d, "reader:a-good-one-reader", "PATCH", "/redfish/v1/AccountService/Accounts/reader", "{\"Password\": \"another-good-one\"}");
  assert_int_equal(d->status, 200);
  ask_as(d, "reader:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  ask_as(d, "reader:another-good-one", "GET", "/redfish/v1/AccountService/Accounts/admin", NULL);
  assert_int_equal(d->status, 403);
  ask_as(d, "reader:another-good-one", "GET", "/redfish/v1/AccountService/Accounts/reader", NULL);
  assert_int_equal(d->status, 200);
  ask(d, "PATCH", "/redfish/v1/AccountService/Accounts/admin", "{\"Enabled\": false}"); /* the last one who could let anybody in */
  assert_int_equal(d->status, 400);
  ask(d, "DELETE", "/redfish/v1/AccountService/Accounts/admin", NULL);
  assert_int_equal(d->status, 405);
  ask(d, "DELETE", "/redfish/v1/AccountService/Accounts/reader", NULL);
  assert_int_equal(d->status, 204);
  ask_as(d, "reader:another-good-one", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
}

static void a_password_may_have_to_be_changed_first(void **state)
{
  struct door *d = *state;
  ask(d, "POST", "/redfish/v1/AccountService/Accounts",
      "{\"UserName\": \"new\", \"Password\": \"first-password\", \"RoleId\": \"Operator\", \"PasswordChangeRequired\": true}");
  assert_int_equal(d->status, 201);
  ask_as(d, "new:first-password", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 403);
  assert_string_equal(text_at(d, "error/code"), "Base.1.22.PasswordChangeRequired");
  ask_as(d, "new:first-password", "GET", "/redfish/v1/AccountService/Accounts/new", NULL);
  assert_int_equal(d->status, 200);
  ask_as(d, "new:first-password", "PATCH", "/redfish/v1/AccountService/Accounts/new", "{\"Password\": \"second-password\"}");
  assert_int_equal(d->status, 200);
  assert_false(flag_at(d, "PasswordChangeRequired"));
  ask_as(d, "new:second-password", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
}

/* Under its new name and away under its old one, as one: wherever the store stops, there is one account and not two. */
static void a_rename_that_the_store_stops_leaves_one_account(void **state)
{
#define ACCOUNT "/redfish/v1/AccountService/Accounts/"
  (void)state;
  char path[] = "/tmp/rights-XXXXXX", wal[64], *kept;
  assert_true(mkstemp(path) >= 0);
  unlink(path);
  snprintf(wal, sizeof wal, "%s-wal", path);
  struct door *d = door_open(path);
  struct pl_store *store = d->stand->stack->store;
  struct stat now;
  unsigned refused = 0;
  add_user(d, "reader", "ReadOnly");
  assert_int_equal(stat(wal, &now), 0);
  for (rlim_t room = 2000; refused < 50; room += 2000) {
    stand_let_files_grow((rlim_t)now.st_size + room);
    ask(d, "PATCH", ACCOUNT "reader", "{\"UserName\": \"other\"}");
    int status = d->status;
    stand_let_files_grow(RLIM_INFINITY);
    if (status / 100 == 2)
      break;
    refused++;
    WELL(d->stand, pl_store_get(store, "account", "other", &kept, &d->stand->err));
    assert_null(kept);
    ask(d, "GET", ACCOUNT "other", NULL);
    assert_int_equal(d->status, 404);
  }
  assert_in_range(refused, 1, 49);
  WELL(d->stand, pl_store_get(store, "account", "reader", &kept, &d->stand->err));
  assert_null(kept);
  ask_as(d, "other:a-good-one-reader", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  door_close(d);
  unlink(path);
}

static void roles_can_be_made(void **state)
{
  struct door *d = *state;
  ask(d, "PATCH", "/redfish/v1/AccountService/Roles/Operator", "{\"AssignedPrivileges\": [\"Login\"]}");
  assert_int_equal(d->status, 400);
  ask(d, "DELETE", "/redfish/v1/AccountService/Roles/Operator", NULL);
  assert_int_equal(d->status, 405);
  ask(d, "POST", "/redfish/v1/AccountService/Roles", "{\"RoleId\": \"Plumber\", \"AssignedPrivileges\": [\"Login\", \"ConfigureManager\"]}");
  assert_int_equal(d->status, 201);
  add_user(d, "joe", "Plumber");
  ask_as(d, "joe:a-good-one-joe", "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 99}");
  assert_int_equal(d->status, 200);
  ask_as(d, "joe:a-good-one-joe", "PATCH", "/redfish/v1/Chassis/csu-1", "{\"LocationIndicatorActive\": true}");
  assert_int_equal(d->status, 403);
  ask(d, "DELETE", "/redfish/v1/AccountService/Roles/Plumber", NULL);
  assert_int_equal(d->status, 409);
  ask(d, "PATCH", "/redfish/v1/AccountService/Roles/Plumber", "{\"AssignedPrivileges\": [\"Login\", \"Dance\"]}");
  assert_int_equal(d->status, 400);
  ask(d, "PATCH", "/redfish/v1/AccountService/Roles/Plumber", "{\"AssignedPrivileges\": [\"Login\"]}");
  assert_int_equal(d->status, 200);
  ask_as(d, "joe:a-good-one-joe", "PATCH", "/redfish/v1/SessionService", "{\"SessionTimeout\": 98}");
  assert_int_equal(d->status, 403);
}

static char told[64];
static void tell(void *ctx, const char *user, const char *password)
{
  (void)ctx;
  assert_string_equal(user, "admin");
  assert_string_equal(told, ""); /* once */
  snprintf(told, sizeof told, "%s", password);
}

static void accounts_outlive_the_stack(void **state)
{
  (void)state;
  char path[] = "/tmp/plumbline-rights-XXXXXX", who[100];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  unlink(path);
  told[0] = '\0';
  struct door *d = calloc(1, sizeof *d);
  d->encrypted = true;
  d->stand = stand_open(DEMO_RACK);
  d->stand->cfg.store = path;
  d->stand->cfg.password = NULL;
  d->stand->cfg.told = tell;
  stand_stack(d->stand);
  assert_int_equal(strlen(told), 20);
  snprintf(who, sizeof who, "admin:%s", told);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 200);
  pl_stack_close(d->stand->stack);
  stand_stack(d->stand); /* the next start */
  ask_as(d, "admin:not-this-one", "GET", "/redfish/v1/Chassis", NULL);
  assert_int_equal(d->status, 401);
  ask_as(d, who, "GET", "/redfish/v1/Chassis", NULL); /* by the hash in the store */
  assert_int_equal(d->status, 200);
  struct pl_account account;
  assert_true(pl_rights_account(d->stand->stack->service->rights, "admin", &account));
  assert_memory_equal(account.hash, "$y$", 3);
  door_close(d);
  unlink(path);
}

/* --- the matrix --- */

struct matrix {
  struct door *door;
  unsigned cells, refused;
};

static const char *const WHO[][2] = {{"", ""}, {"matrix-r", "ReadOnly"}, {"matrix-o", "Operator"}, {"matrix-a", "Administrator"}};

/* What the privilege registry says, spelt out again: the entity's row, and ConfigureSelf of one's own only. */
static bool expected(const struct pl_route *route, unsigned method, const char *role)
{
  static const struct {
    const char *role;
    unsigned privileges;
  } ROLES[] = {{"ReadOnly", PL_MAY_LOGIN}, {"Operator", PL_MAY_LOGIN | PL_MAY_CONFIGURE_COMPONENTS},
               {"Administrator", PL_MAY_LOGIN | PL_MAY_CONFIGURE_COMPONENTS | PL_MAY_CONFIGURE_MANAGER | PL_MAY_CONFIGURE_USERS}};
  size_t count;
  const struct pl_entity *rows = pl_entities(&count), *row = NULL;
  for (size_t i = 0; i < count; i++)
    if (strlen(rows[i].name) == strcspn(route->type, ".") && !strncmp(rows[i].name, route->type, strlen(rows[i].name)))
      row = &rows[i];
  if (!row)
    fail_msg("%s: its entity is not in the privilege table", route->uri);
  if ((method == PL_METHOD_GET && route->flags & PL_ROUTE_OPEN) || (method == PL_METHOD_POST && route->flags & PL_ROUTE_OPEN_POST))
    return true;
  unsigned need = method == PL_METHOD_GET ? row->get : method == PL_METHOD_PATCH ? row->patch : method == PL_METHOD_POST ? row->post : row->remove;
  for (size_t i = 0; i < 3; i++)
    if (!strcmp(ROLES[i].role, role))
      return (need & ROLES[i].privileges) != 0;
  return false;
}

static void try_cell(struct matrix *m, const char *uri, const struct pl_route *route, unsigned method, const char *name, const char *const who[2])
{
  char login[100] = NOBODY;
  if (*who[0])
    snprintf(login, sizeof login, "%s:a-good-one-%s", who[0], who[0]);
  bool own = strstr(uri, who[0]) && *who[0];
  if (own || (method == PL_METHOD_DELETE && expected(route, method, who[1]))) /* it would be done */
    return;
  ask_as(m->door, login, name, uri, method == PL_METHOD_GET || method == PL_METHOD_DELETE ? NULL : "{\"@odata.id\": \"nothing to do\"}");
  bool refused = m->door->status == 401 || m->door->status == 403;
  bool may = *who[0] ? expected(route, method, who[1]) : (method == PL_METHOD_GET && route->flags & PL_ROUTE_OPEN) || (method == PL_METHOD_POST && route->flags & PL_ROUTE_OPEN_POST);
  if (refused == may && !(m->door->status == 401 && method == PL_METHOD_POST && route->flags & PL_ROUTE_OPEN_POST))
    fail_msg("%s %s as %s: %d, expected %s", name, uri, *who[0] ? who[1] : "nobody", m->door->status, may ? "to be let in" : "to be refused");
  if (!*who[0] && !may && m->door->status != 401)
    fail_msg("%s %s as nobody: %d, expected 401", name, uri, m->door->status);
  m->cells++;
  m->refused += refused;
}

static void try_row(void *ctx, const char *uri)
{
  static const struct {
    const char *name;
    unsigned bit;
  } METHODS[] = {{"GET", PL_METHOD_GET}, {"PATCH", PL_METHOD_PATCH}, {"POST", PL_METHOD_POST}, {"DELETE", PL_METHOD_DELETE}};
  struct matrix *m = ctx;
  struct pl_res res;
  assert_int_equal(pl_res_find(m->door->stand->stack, uri, &res), PL_OK);
  const struct pl_route *route = res.route;
  bool offered[8] = {false};
  for (size_t a = 0; a < route->n_actions; a++)
    offered[a] = !route->actions[a].offered || route->actions[a].offered(&res);
  pl_res_end(&res);
  for (size_t k = 0; k < sizeof METHODS / sizeof METHODS[0]; k++)
    for (size_t w = 0; w < sizeof WHO / sizeof WHO[0] && pl_route_methods(route) & METHODS[k].bit; w++)
      try_cell(m, uri, route, METHODS[k].bit, METHODS[k].name, WHO[w]);
  for (size_t a = 0; a < route->n_actions; a++)
    for (size_t w = 0; w < sizeof WHO / sizeof WHO[0]; w++) {
      char target[PL_URI_MAX + 96];
      if (!offered[a] || expected(route, PL_METHOD_POST, WHO[w][1])) /* it would be done */
        continue;
      snprintf(target, sizeof target, "%s/Actions/%s%s", uri, pl_action_is_own(&route->actions[a]) ? "Oem/" : "", route->actions[a].name);
      try_cell(m, target, route, PL_METHOD_POST, "POST", WHO[w]);
    }
}

static void every_route_by_every_method_for_every_role(void **state)
{
  struct door *d = *state;
  for (size_t w = 1; w < sizeof WHO / sizeof WHO[0]; w++)
    add_user(d, WHO[w][0], WHO[w][1]);
  door_furnish(d);
  struct matrix m = {.door = d};
  pl_res_walk(d->stand->stack, try_row, &m);
  print_message("%u cells, %u of them refused\n", m.cells, m.refused);
  assert_in_range(m.cells, 2000, 100000);
  assert_in_range(m.refused, m.cells / 10, m.cells);
}

/* Against DMTF's registries, where they are at hand (PLUMB_REDFISH_DATA, a folder with registries/). */
static struct json_object *registry_of(const char *prefix, const char *version)
{
  const char *data = getenv("PLUMB_REDFISH_DATA");
  char path[512];
  snprintf(path, sizeof path, "%s/registries/%s.%s.json", data ? data : "../shared/data/redfish", prefix, version);
  return json_object_from_file(path);
}

static void messages_are_those_of_the_registries(void **state)
{
  (void)state;
  struct json_object *base = registry_of("Base", "1.22.1"), *composition = registry_of("Composition", "1.1.3"), *messages;
  size_t count, compared = 0;
  const struct pl_message *mine = pl_messages(&count);
  for (size_t i = 0; i < count; i++) {
    struct json_object *registry = strncmp(mine[i].id, "Composition.1.1.", 16) ? base : composition, *theirs, *text, *severity;
    const char *dot = strrchr(mine[i].id, '.');
    if (!registry)
      continue;
    assert_true(json_object_object_get_ex(registry, "Messages", &messages));
    if (!json_object_object_get_ex(messages, dot ? dot + 1 : mine[i].id, &theirs))
      fail_msg("%s is not in the registry", mine[i].id);
    json_object_object_get_ex(theirs, "Message", &text);
    json_object_object_get_ex(theirs, "MessageSeverity", &severity);
    assert_string_equal(mine[i].text, json_object_get_string(text));
    assert_string_equal(mine[i].severity, json_object_get_string(severity));
    compared++;
  }
  json_object_put(base);
  json_object_put(composition);
  if (!compared)
    skip();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sessions_open_and_end, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(ones_own_session_only, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(wrong_passwords_lock, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(accounts_are_guarded, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(a_password_may_have_to_be_changed_first, open_demo, close_demo),
      cmocka_unit_test_setup_teardown(roles_can_be_made, open_demo, close_demo),
      cmocka_unit_test(accounts_outlive_the_stack),
      cmocka_unit_test_setup_teardown(every_route_by_every_method_for_every_role, open_demo, close_demo),
      cmocka_unit_test(a_rename_that_the_store_stops_leaves_one_account),
      cmocka_unit_test(messages_are_those_of_the_registries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
