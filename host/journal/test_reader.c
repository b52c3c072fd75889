/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static enum pl_status parse(struct pl_json *json, const char *text, struct pl_err *err)
{
  return pl_json_parse(json, text, strlen(text), err);
}

static void test_values(void **state)
{
  (void)state;
  struct pl_json json = {0};
  assert_int_equal(parse(&json, " {\"a\":[1,-2.5e2,{\"b\":null}],\"t\":true,\"f\":false,\"e\":{},\"long\":123456789012345678901} ", NULL), PL_OK);
  const struct pl_json_node *root = json.nodes, *a = pl_json_get(root, "a");
  assert_int_equal(root->count, 5);
  assert_int_equal(a->count, 3);
  const struct pl_json_node *item = pl_json_first(a);
  assert_true(item->number == 1);
  item = pl_json_next(item);
  assert_true(item->number == -250);
  item = pl_json_next(item);
  assert_int_equal(item->len, strlen("{\"b\":null}"));
  assert_int_equal(pl_json_get(item, "b")->kind, PL_JSON_NULL);
  assert_null(pl_json_next(item));
  assert_int_equal(pl_json_get(root, "t")->kind, PL_JSON_TRUE);
  assert_null(pl_json_first(pl_json_get(root, "e")));
  assert_true(pl_json_get(root, "long")->number == 123456789012345678901.0);
  assert_null(pl_json_get(root, "tt"));
  pl_json_free(&json);
}

static void test_strings(void **state)
{
  (void)state;
  struct pl_json json = {0};
  assert_int_equal(parse(&json, "[\"plain text, long enough\",\"a\\n\\\"\\u00e9\\ud83d\\ude00\\u0000\\ud800x\",\"k\\u0065y\"]", NULL), PL_OK);
  const struct pl_json_node *s = pl_json_first(json.nodes);
  assert_true(pl_json_is(s, "plain text, long enough"));
  s = pl_json_next(s);
  assert_true(pl_json_is(s, "a\n\"\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBDx"));
  assert_true(pl_json_is(pl_json_next(s), "key"));
  pl_json_free(&json);
}

static void test_what_is_not_json(void **state)
{
  (void)state;
  static const char *const BAD[] = {"",        "{",         "{\"a\"}",   "{\"a\":}",     "{\"a\":1,}",   "[1 2]",    "01",       "1.",     "-",      "1e",  "nul", "NaN",
                                    "\"a",     "\"\x01\"",  "\"\\x\"",   "\"\\u12g4\"", "{a:1}",        "[1]x",     "+1",       "1e999",  "{\"a\":1 \"b\":2}", "\"\\"};
  struct pl_json json = {0};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    struct pl_err err = {0};
    assert_int_equal(parse(&json, BAD[i], &err), PL_E_GARBAGE);
    assert_int_equal(strncmp(err.text, "column ", 7), 0);
  }
  char deep[200];
  memset(deep, '[', 100);
  memset(deep + 100, ']', 100);
  assert_int_equal(pl_json_parse(&json, deep, sizeof deep, NULL), PL_E_GARBAGE);
  assert_int_equal(pl_json_parse(&json, deep + 100 - 30, 60, NULL), PL_OK);
  pl_json_free(&json);
}

static struct pl_reader *reader_of(const char *text)
{
  struct pl_reader *reader;
  assert_int_equal(pl_reader_open_bytes("run.jsonl", text, strlen(text), &reader, NULL), PL_OK);
  return reader;
}

static void test_torn_last_line(void **state)
{
  (void)state;
  struct pl_reader *reader = reader_of("{\"a\":1}\n\n{\"a\":2}\r\n{\"a\":");
  const struct pl_json_node *object;
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_true(pl_json_get(object, "a")->number == 1);
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_true(pl_json_get(object, "a")->number == 2);
  assert_int_equal(pl_reader_line(reader), 3);
  assert_false(pl_reader_torn(reader));
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_null(object);
  assert_true(pl_reader_torn(reader));
  pl_reader_free(reader);
}

static void test_last_line_without_newline(void **state)
{
  (void)state;
  struct pl_reader *reader = reader_of("{\"a\":1}\n{\"a\":2}");
  const struct pl_json_node *object;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
    assert_non_null(object);
  }
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_null(object);
  assert_false(pl_reader_torn(reader));
  pl_reader_free(reader);
}

static void test_nothing(void **state)
{
  (void)state;
  struct pl_reader *reader;
  const struct pl_json_node *object;
  assert_int_equal(pl_reader_open_bytes("none", NULL, 0, &reader, NULL), PL_OK);
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_null(object);
  pl_reader_free(reader);
  struct pl_err err = {0};
  assert_int_equal(pl_reader_open("/dev/null", &reader, &err), PL_E_USAGE); /* nor a pipe, on which one would wait for ever */
  assert_string_equal(err.text, "/dev/null: is not a plain file, expected a journal");
}

static void test_malformed_line_is_named(void **state)
{
  (void)state;
  struct pl_reader *reader = reader_of("{\"a\":1}\n{\"a\":oops}\n{\"a\":3}\n");
  const struct pl_json_node *object;
  struct pl_err err = {0};
  assert_int_equal(pl_reader_next(reader, &object, &err), PL_OK);
  assert_int_equal(pl_reader_next(reader, &object, &err), PL_E_GARBAGE);
  assert_string_equal(err.text, "run.jsonl:2: column 6: a malformed number");
  pl_reader_free(reader);
  reader = reader_of("[1]\n");
  assert_int_equal(pl_reader_next(reader, &object, &err), PL_E_GARBAGE);
  assert_string_equal(err.text, "run.jsonl:1: not a JSON object");
  pl_reader_free(reader);
}

static void test_files_longer_than_a_chunk(void **state)
{
  (void)state;
  char path[] = "/tmp/pl_reader_XXXXXX";
  int fd = mkstemp(path);
  FILE *file = fdopen(fd, "w");
  for (int i = 0; i < 3000; i++)
    fprintf(file, "{\"n\":%d,\"text\":\"%0*d\"}\n", i, i == 1500 ? 400000 : 100 + i % 37, 7);
  fclose(file);
  struct pl_reader *reader;
  const struct pl_json_node *object;
  assert_int_equal(pl_reader_open(path, &reader, NULL), PL_OK);
  for (int i = 0; i < 3000; i++) {
    assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
    assert_true(pl_json_get(object, "n")->number == i);
    assert_int_equal(pl_json_get(object, "text")->len, i == 1500 ? 400000 : 100 + i % 37);
  }
  assert_int_equal(pl_reader_next(reader, &object, NULL), PL_OK);
  assert_null(object);
  pl_reader_free(reader);
  unlink(path);
  struct pl_err err = {0};
  assert_int_equal(pl_reader_open(path, &reader, &err), PL_E_IO);
  assert_non_null(strstr(err.text, path));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_what_is_not_json),
      cmocka_unit_test(test_torn_last_line),
      cmocka_unit_test(test_last_line_without_newline),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_malformed_line_is_named),
      cmocka_unit_test(test_files_longer_than_a_chunk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
