/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "drivers/base/conf.h"

static struct pl_conf *parse(const char *text)
{
  struct pl_conf *conf = NULL;
  struct pl_err err = {0};
  if (pl_conf_parse("t.yaml", text, strlen(text), &conf, &err))
    fail_msg("%s", err.text);
  return conf;
}

static void refuse_bytes(const char *text, size_t size, const char *sentence)
{
  struct pl_conf *conf = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_conf_parse("t.yaml", text, size, &conf, &err), PL_E_USAGE);
  assert_int_equal(err.status, PL_E_USAGE);
  assert_string_equal(err.text, sentence);
  assert_null(conf);
}

static void refuse(const char *text, const char *sentence)
{
  refuse_bytes(text, strlen(text), sentence);
}

static void test_tree(void **state)
{
  (void)state;
  struct pl_conf *conf = parse("rig: demo\n"
                               "list:\n"
                               "  - {a: 1, b: \"!X\"}\n"
                               "  - plain text\n"
                               "empty:\n"
                               "on: true\n");
  const struct pl_node *root = pl_conf_root(conf);
  assert_int_equal(root->kind, PL_NODE_MAP);
  assert_int_equal(root->count, 4);
  assert_int_equal(root->line, 1);
  assert_string_equal(pl_node_get(root, "rig")->text, "demo");
  const struct pl_node *list = pl_node_get(root, "list");
  assert_int_equal(list->kind, PL_NODE_LIST);
  assert_int_equal(list->count, 2);
  assert_int_equal(list->key_line, 2);
  assert_int_equal(list->items[0].line, 3);
  assert_null(list->items[0].key);
  assert_string_equal(pl_node_get(&list->items[0], "b")->text, "!X");
  assert_string_equal(list->items[1].text, "plain text");
  assert_int_equal(list->items[1].line, 4);
  assert_string_equal(pl_node_get(root, "empty")->text, "");
  assert_string_equal(pl_node_get(root, "on")->text, "true");
  assert_null(pl_node_get(root, "off"));
  assert_null(pl_node_get(list, "rig"));
  assert_string_equal(pl_conf_name(conf), "t.yaml");
  pl_conf_free(conf);
  conf = parse("abc");
  /* FIPS 180-2, appendix B.1 */
  assert_string_equal(pl_conf_sha256(conf), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  pl_conf_free(conf);
  pl_conf_free(NULL);
}

static void test_refused(void **state)
{
  (void)state;
  refuse("", "t.yaml:1: the file is empty, expected YAML");
  refuse("# only words\n", "t.yaml:1: the file is empty, expected YAML");
  refuse("a: 1\nb: 2\na: 3\n", "t.yaml:3: the key 'a' a second time, expected it once (first on line 1)");
  refuse("a: &x 1\n", "t.yaml:1: an anchor ('&'), expected the value itself: anchors and aliases are not used here");
  refuse("a: *x\n", "t.yaml:1: an alias ('*'), expected the value itself: anchors and aliases are not used here");
  refuse("a: &x {b: *x}\n", "t.yaml:1: an anchor ('&'), expected the value itself: anchors and aliases are not used here");
  refuse("a: 1\npresent: !CSU1_PRSNT_N\n",
         "t.yaml:2: the YAML tag '!CSU1_PRSNT_N', expected plain text: put text that begins with '!' in quotes");
  refuse("a: 1\n---\nb: 2\n", "t.yaml:2: a second document, expected one a file");
  refuse("? [a]\n: 1\n", "t.yaml:1: a key that is not a word, expected 'key: value'");
  refuse("a:\n\t- b\n", "t.yaml:2: found character that cannot start any token while scanning for the next token, expected YAML (a tab? indent with spaces; "
                        "quote text that begins with @, ` or %)");
  refuse("a: {b: 1\nc: 2\n", "t.yaml:2: did not find expected ',' or '}' while parsing a flow mapping, expected YAML");
  refuse("a: \"\\0b\"\n", "t.yaml:1: a control character in the text, expected printable text");
  refuse("a: \"\\e[31m\"\n", "t.yaml:1: a control character in the text, expected printable text");
  refuse("\xff\xfe", "t.yaml: byte 0: invalid leading UTF-8 octet, expected UTF-8 text");
}

static void test_bounds(void **state)
{
  (void)state;
  char text[128] = "";
  memset(text, '[', 32);
  memset(text + 32, ']', 32);
  struct pl_conf *conf = parse(text);
  pl_conf_free(conf);
  memset(text, '[', 33);
  memset(text + 33, ']', 33);
  refuse(text, "t.yaml:1: nested more than 32 deep, expected a flatter file");
  size_t size = ((size_t)16 << 20) + 1;
  char *big = malloc(size);
  assert_non_null(big);
  memset(big, 'a', size);
  refuse_bytes(big, size, "t.yaml: larger than 16384 KiB, expected a smaller file");
  for (size_t i = 0; i < size - 1; i += 2) {
    big[i] = '-';
    big[i + 1] = '\n';
  }
  refuse_bytes(big, size - 1, "t.yaml:1: more than 1000000 values, expected a smaller file");
  free(big);
}

static void test_load(void **state)
{
  (void)state;
  char folder[] = "/tmp/test_conf.XXXXXX", path[64], want[160];
  assert_non_null(mkdtemp(folder));
  struct pl_conf *conf = NULL;
  struct pl_err err = {0};
  assert_int_equal(pl_conf_load(folder, &conf, &err), PL_E_USAGE);
  snprintf(want, sizeof want, "%s: is not a plain file, expected a YAML file", folder);
  assert_string_equal(err.text, want);
  snprintf(path, sizeof path, "%s/a.yaml", folder);
  assert_int_equal(pl_conf_load(path, &conf, &err), PL_E_USAGE);
  snprintf(want, sizeof want, "%s: cannot open: No such file or directory", path);
  assert_string_equal(err.text, want);
  assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: must not block */
  assert_int_equal(pl_conf_load(path, &conf, &err), PL_E_USAGE);
  assert_int_equal(unlink(path), 0);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs("a: [1, 2]\n", f);
  fclose(f);
  assert_int_equal(pl_conf_load(path, &conf, &err), PL_OK);
  assert_int_equal(pl_node_get(pl_conf_root(conf), "a")->count, 2);
  assert_string_equal(pl_conf_name(conf), path);
  pl_conf_free(conf);
  unlink(path);
  rmdir(folder);
}

static void test_keys(void **state)
{
  (void)state;
  static const char *const WORDS[] = {"name", "address"};
  struct pl_conf *conf = parse("name: x\nadress: 3\n");
  struct pl_err err = {0};
  assert_int_equal(pl_node_check_keys(conf, pl_conf_root(conf), "a device", WORDS, 2, &err), PL_E_USAGE);
  assert_string_equal(err.text, "t.yaml:2: unknown key 'adress' in a device, did you mean 'address'?");
  pl_conf_free(conf);
  conf = parse("name: x\nfoo:\n  - 3\n");
  assert_int_equal(pl_node_check_keys(conf, pl_conf_root(conf), "a device", WORDS, 2, &err), PL_E_USAGE);
  assert_string_equal(err.text, "t.yaml:2: unknown key 'foo' in a device, expected one of name, address");
  assert_int_equal(pl_node_want(conf, pl_node_get(pl_conf_root(conf), "foo"), PL_NODE_MAP, "foo", &err), PL_E_USAGE);
  assert_string_equal(err.text, "t.yaml:3: foo is a list, expected a map (key: value)");
  assert_int_equal(pl_node_want(conf, pl_node_get(pl_conf_root(conf), "foo"), PL_NODE_LIST, "foo", &err), PL_OK);
  pl_conf_free(conf);
  conf = parse("- name\n");
  assert_int_equal(pl_node_check_keys(conf, pl_conf_root(conf), "a device", WORDS, 2, &err), PL_E_USAGE);
  assert_string_equal(err.text, "t.yaml:1: a device is a list, expected a map (key: value)");
  pl_conf_free(conf);
  conf = parse("name: x\naddress: 3\n");
  assert_int_equal(pl_node_check_keys(conf, pl_conf_root(conf), "a device", WORDS, 2, &err), PL_OK);
  const struct pl_node *address = pl_node_get(pl_conf_root(conf), "address");
  assert_int_equal(pl_node_unknown(conf, address, "place", "", NULL, 0, &err), PL_E_USAGE);
  assert_string_equal(err.text, "t.yaml:2: unknown place '3', expected none: there are none");
  static const char *const MANY[] = {"one-long-word-of-the-list-with-about-sixty-characters-in-it-1", "one-long-word-of-the-list-with-about-sixty-characters-in-it-2",
                                     "one-long-word-of-the-list-with-about-sixty-characters-in-it-3", "one-long-word-of-the-list-with-about-sixty-characters-in-it-4"};
  pl_node_unknown(conf, address, "place", "", MANY, 4, &err);
  assert_non_null(strstr(err.text, "in-it-3, ..."));
  pl_node_unknown(conf, address, "place", "", MANY, 1, &err);
  assert_string_equal(err.text, "t.yaml:2: unknown place '3', expected one-long-word-of-the-list-with-about-sixty-characters-in-it-1");
  pl_conf_free(conf);
}

static const struct pl_param PARAMS[] = {
    {.name = "address", .help = "the bus address, such as 0x58", .kind = PL_PARAM_INT, .required = true, .min = 8, .max = 0x77},
    {.name = "shunt", .kind = PL_PARAM_QUANTITY, .dim = PL_DIM_RESISTANCE, .fallback = "1 mohm"},
    {.name = "reset", .kind = PL_PARAM_LINE},
};

static void refuse_values(const char *text, const char *sentence)
{
  struct pl_conf *conf = parse(text);
  struct pl_values values = {0};
  struct pl_err err = {0};
  assert_int_equal(pl_node_values(conf, pl_conf_root(conf), PARAMS, 3, &values, &err), PL_E_USAGE);
  assert_string_equal(err.text, sentence);
  assert_null(values.items);
  pl_conf_free(conf);
}

static void test_values(void **state)
{
  (void)state;
  struct pl_conf *conf = parse("address: 0x58\nother: 1\n");
  struct pl_values values = {0};
  struct pl_err err = {0};
  assert_int_equal(pl_node_values(conf, pl_conf_root(conf), PARAMS, 3, &values, &err), PL_OK);
  assert_int_equal(values.count, 3);
  assert_int_equal(pl_value(&values, "address")->number, 0x58);
  assert_int_equal(pl_value(&values, "shunt")->number, 1000);
  assert_true(pl_value(&values, "shunt")->given);
  assert_false(pl_value(&values, "reset")->given);
  assert_ptr_equal(pl_value(&values, "reset")->param, &PARAMS[2]);
  free((void *)values.items);
  pl_conf_free(conf);
  refuse_values("\nshunt: 1 mohm\n", "t.yaml:2: the key 'address' is missing, expected the bus address, such as 0x58");
  refuse_values("address: 16\nshunt: 1 V\n", "t.yaml:2: shunt: '1 V' is a voltage, expected a resistance such as '0.5 mohm'");
  refuse_values("address: [1]\n", "t.yaml:1: address is a list, expected a single value");
  refuse_values("address:\n", "t.yaml:1: address: is empty, expected the bus address, such as 0x58");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tree), cmocka_unit_test(test_refused), cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_load), cmocka_unit_test(test_keys),    cmocka_unit_test(test_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
