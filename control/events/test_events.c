/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events/fake_rooms.h"

#include <json-c/json.h>

static void ids_rise_by_one_and_go_on_after_a_restart(void **state)
{
  (void)state;
  struct pl_stack s;
  struct heard h;
  struct pl_err err = {0};
  fake_open(&s);
  hear_all(&s, &h);
  send_tests(&s, 3);
  assert_int_equal(h.count, 3);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(h.ids[i], i + 1);
  pl_events_free(s.events);
  assert_int_equal(s.store->flushes, 1);
  s.store->reserved = 100; /* as after a crash: 4..100 may have been given to somebody */
  assert_int_equal(pl_events_new(&s, &s.events, &err), PL_OK);
  hear_all(&s, &h);
  send_tests(&s, 1);
  assert_int_equal(h.ids[0], 101);
  fake_close(&s);
}

static struct json_object *member(struct json_object *o, const char *key)
{
  struct json_object *value = NULL;
  assert_true(json_object_object_get_ex(o, key, &value));
  return value;
}

static void a_record_has_what_the_schema_asks_for(void **state)
{
  (void)state;
  struct pl_stack s;
  fake_open(&s);
  pl_event_send_at(&s, "ResourceEvent", "ResourceStateChanged", "/redfish/v1/Chassis/csu-1", (const char *const[]){"csu-1 \"left\"", "Enabled"});
  struct json_object *o = json_tokener_parse(s.store->rows[0].json);
  assert_non_null(o);
  assert_string_equal(json_object_get_string(member(o, "MessageId")), "ResourceEvent.1.4.ResourceStateChanged");
  assert_string_equal(json_object_get_string(member(o, "Message")), "The state of resource 'csu-1 \"left\"' has changed to Enabled.");
  assert_string_equal(json_object_get_string(member(o, "MessageSeverity")), "OK");
  assert_string_equal(json_object_get_string(member(o, "EventTimestamp")), "2026-11-21T18:32:36.123Z");
  assert_string_equal(json_object_get_string(member(o, "EventId")), "1");
  assert_int_equal(json_object_array_length(member(o, "MessageArgs")), 2);
  assert_string_equal(json_object_get_string(member(member(o, "OriginOfCondition"), "@odata.id")), "/redfish/v1/Chassis/csu-1");
  json_object_put(o);
  fake_close(&s);
}

struct quitter {
  struct heard heard;
  struct pl_stack *stack;
};

static void hear_once(void *ctx, const struct pl_event *event)
{
  struct quitter *q = ctx;
  hear(&q->heard, event);
  pl_events_unlisten(q->stack->events, &q->heard.listener);
}

static void send_one_more(void *ctx, const struct pl_event *event)
{
  struct pl_stack *s = ctx;
  if (event->id == 1)
    send_tests(s, 1);
}

static void each_listener_hears_in_order_whatever_others_do_meanwhile(void **state)
{
  (void)state;
  struct pl_stack s;
  struct heard h;
  struct quitter q = {.stack = &s};
  struct pl_event_listener sender = {.event = send_one_more, .ctx = &s};
  fake_open(&s);
  pl_events_listen(s.events, &sender);
  q.heard.listener = (struct pl_event_listener){.event = hear_once, .ctx = &q};
  pl_events_listen(s.events, &q.heard.listener);
  hear_all(&s, &h);
  send_tests(&s, 1);
  assert_int_equal(h.count, 2);
  assert_int_equal(h.ids[0], 1);
  assert_int_equal(h.ids[1], 2);
  assert_int_equal(q.heard.count, 1);
  fake_close(&s);
}

static void replay(struct pl_stack *s, uint64_t after, struct heard *h, uint64_t *missed)
{
  struct pl_err err = {0};
  memset(h, 0, sizeof *h);
  assert_int_equal(pl_events_replay(s->events, after, hear, h, missed, &err), PL_OK);
}

static void replay_goes_back_to_the_store_and_counts_what_is_gone(void **state)
{
  (void)state;
  struct pl_stack s;
  struct heard h;
  uint64_t missed;
  fake_open(&s);
  send_tests(&s, 3000); /* more than the ring holds */
  replay(&s, 2999, &h, &missed);
  assert_int_equal(h.count, 1);
  assert_int_equal(missed, 0);
  replay(&s, 100, &h, &missed);
  assert_int_equal(h.count, 2900);
  assert_int_equal(missed, 0);
  for (size_t i = 0; i < h.count; i++)
    assert_int_equal(h.ids[i], 101 + i);
  s.store->first = 500; /* ids 1..500 are thrown away */
  replay(&s, 100, &h, &missed);
  assert_int_equal(h.count, 2500);
  assert_int_equal(missed, 400);
  replay(&s, 3000, &h, &missed);
  assert_int_equal(h.count, 0);
  assert_int_equal(missed, 0);
  replay(&s, 99999, &h, &missed); /* of another log */
  assert_int_equal(h.count, 2500);
  fake_close(&s);
}

static void a_dead_stack_says_and_writes_nothing(void **state)
{
  (void)state;
  struct pl_stack s;
  struct heard h;
  fake_open(&s);
  hear_all(&s, &h);
  s.dead = true;
  send_tests(&s, 1);
  assert_int_equal(h.count, 0);
  assert_int_equal(s.store->count, 0);
  struct pl_store *store = s.store;
  pl_events_free(s.events);
  assert_int_equal(store->flushes, 0);
  s.events = NULL;
  fake_close(&s);
}

/* The table against DMTF's registries, where they are at hand (PLUMB_REDFISH_DATA, a folder with registries/). */
static struct json_object *load_registry(const char *prefix)
{
  const char *data = getenv("PLUMB_REDFISH_DATA");
  char command[512], name[256] = "";
  snprintf(command, sizeof command, "ls %s/registries/%s.*.json 2>/dev/null | head -1", data ? data : "../shared/data/redfish", prefix);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  if (fgets(name, sizeof name, f))
    name[strcspn(name, "\n")] = '\0';
  pclose(f);
  return name[0] ? json_object_from_file(name) : NULL;
}

static void messages_are_as_the_registries_spell_them(void **state)
{
  (void)state;
  size_t count, compared = 0;
  const struct pl_event_message *rows = pl_event_messages(&count);
  for (size_t i = 0; i < count; i++) {
    char prefix[64], version[16];
    snprintf(prefix, sizeof prefix, "%.*s", (int)strcspn(rows[i].id, "."), rows[i].id);
    struct json_object *registry = load_registry(prefix), *message;
    if (!registry)
      continue;
    const char *full = json_object_get_string(member(registry, "RegistryVersion"));
    snprintf(version, sizeof version, "%.*s.", (int)(strchr(strchr(full, '.') + 1, '.') - full), full);
    assert_memory_equal(rows[i].id + strlen(prefix) + 1, version, strlen(version));
    assert_true(json_object_object_get_ex(member(registry, "Messages"), strrchr(rows[i].id, '.') + 1, &message));
    assert_string_equal(rows[i].text, json_object_get_string(member(message, "Message")));
    assert_string_equal(rows[i].severity, json_object_get_string(member(message, "MessageSeverity")));
    assert_string_equal(rows[i].resolution, json_object_get_string(member(message, "Resolution")));
    assert_int_equal(rows[i].n_args, json_object_get_int(member(message, "NumberOfArgs")));
    json_object_put(registry);
    compared++;
  }
  if (!compared) {
    print_message("no registries: set PLUMB_REDFISH_DATA to a folder with DMTF's registries/ (DSP8011)\n");
    skip();
  }
  assert_int_equal(compared, count);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_rise_by_one_and_go_on_after_a_restart),
      cmocka_unit_test(a_record_has_what_the_schema_asks_for),
      cmocka_unit_test(each_listener_hears_in_order_whatever_others_do_meanwhile),
      cmocka_unit_test(replay_goes_back_to_the_store_and_counts_what_is_gone),
      cmocka_unit_test(a_dead_stack_says_and_writes_nothing),
      cmocka_unit_test(messages_are_as_the_registries_spell_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
