/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/journal.h"

#include "host/journal/reader.h"
#include "host/journal/stamp.h"
#include "host/journal/text.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define WALL_NS 1767225600123456789 /* 2026-01-01T00:00:00.123456789Z */

struct fixture {
  char folder[64], path[96];
  struct pl_clock *clock;
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  snprintf(f->folder, sizeof f->folder, "/tmp/pl_journal_XXXXXX");
  if (!mkdtemp(f->folder) || pl_clock_new_virtual(WALL_NS, &f->clock, NULL))
    return -1;
  snprintf(f->path, sizeof f->path, "%s/journal.jsonl", f->folder);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  unlink(f->path);
  rmdir(f->folder);
  pl_clock_free(f->clock);
  free(f);
  return 0;
}

static struct pl_journal *open_journal(struct fixture *f)
{
  struct pl_journal *journal;
  struct pl_err err = {0};
  assert_int_equal(pl_journal_open(f->path, f->clock, &journal, &err), PL_OK);
  return journal;
}

/* Line `number` (from 0) of the file, without its newline. */
static const char *line_of(struct fixture *f, int number)
{
  static char room[65536];
  FILE *file = fopen(f->path, "r");
  assert_non_null(file);
  for (int i = 0; i <= number; i++)
    assert_non_null(fgets(room, sizeof room, file));
  fclose(file);
  room[strcspn(room, "\n")] = '\0';
  return room;
}

static void test_text_numbers(void **state)
{
  (void)state;
  static const struct {
    double value;
    const char *exact, *people;
  } ROWS[] = {{0, "0", "0"},           {-0.0, "0", "0"},        {48.512, "48.512", "48.512"}, {-0.25, "-0.25", "-0.25"},      {1e6, "1000000", "1000000"},
              {0.1 + 0.2, "0.30000000000000004", "0.3"},        {1e300, "1e+300", "1e+300"},  {0.000123, "0.000123", "0.000123"},
              {1.0 / 3, "0.3333333333333333", "0.333333"},      {2.5e-7, "0.00000025", "2.5e-07"}, {99.9999999, "99.9999999", "100"},
              {-1234567.25, "-1234567.25", "-1234567"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    struct pl_text text = {0};
    pl_text_double(&text, ROWS[i].value);
    pl_text_char(&text, '\0');
    assert_string_equal(text.bytes, ROWS[i].exact);
    text.len = 0;
    pl_text_number(&text, ROWS[i].value, 6);
    pl_text_char(&text, '\0');
    assert_string_equal(text.bytes, ROWS[i].people);
    pl_text_free(&text);
  }
}

static void test_every_double_reads_back(void **state)
{
  (void)state;
  struct pl_text text = {0};
  uint64_t bits = 88172645463325252u;
  struct pl_json json = {0};
  for (int i = 0; i < 200000; i++) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double value;
    if (i % 2) { /* readings: some decimals */
      value = (double)(int64_t)(bits % 2000000000000) / (i % 4 == 1 ? 1e6 : 1e9) - 500;
    } else {
      memcpy(&value, &bits, sizeof value);
      if (!isfinite(value))
        continue;
    }
    text.len = 0;
    pl_text_double(&text, value);
    assert_int_equal(pl_json_parse(&json, text.bytes, text.len, NULL), PL_OK);
    assert_true(json.nodes[0].number == value);
  }
  pl_json_free(&json);
  pl_text_free(&text);
}

static void test_text_escapes(void **state)
{
  (void)state;
  struct pl_text text = {0};
  static const char RAW[] = "a\"b\\c\n\t\x01\xFF\xC3\xA9\xED\xA0\x80z";
  pl_text_json(&text, RAW, sizeof RAW - 1);
  pl_text_char(&text, '\0');
  assert_string_equal(text.bytes, "\"a\\\"b\\\\c\\n\\t\\u0001\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
  text.len = 0;
  pl_text_xml(&text, "<a b='c'>&\"\x02\xFE\xEF\xBF\xBF");
  pl_text_char(&text, '\0');
  assert_string_equal(text.bytes, "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  text.len = 0;
  pl_text_csv(&text, "plain");
  pl_text_csv(&text, "a,\"b\"\n");
  pl_text_char(&text, '\0');
  assert_string_equal(text.bytes, "plain\"a,\"\"b\"\"\n\"");
  pl_text_free(&text);
}

static void test_stamps(void **state)
{
  (void)state;
  static const struct {
    int64_t ns;
    const char *text;
  } ROWS[] = {{0, "1970-01-01T00:00:00.000000Z"}, {951782400000000000, "2000-02-29T00:00:00.000000Z"}, {4107542399999999000, "2100-02-28T23:59:59.999999Z"},
              {-1000, "1969-12-31T23:59:59.999999Z"}, {1767225600123456000, "2026-01-01T00:00:00.123456Z"}};
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    char out[PL_STAMP_LEN + 1] = "";
    int64_t back;
    pl_stamp_write(ROWS[i].ns, out);
    assert_string_equal(out, ROWS[i].text);
    assert_true(pl_stamp_read(out, PL_STAMP_LEN, &back));
    assert_int_equal(back, ROWS[i].ns);
  }
  int64_t ns;
  assert_true(pl_stamp_read("2026-01-01T02:00:00+02:00", 25, &ns));
  assert_int_equal(ns, 1767225600000000000);
  static const char *const BAD[] = {"", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:0xZ", "2026-01-01T00:00:00X", "9999-01-01T00:00:00Z"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
    assert_false(pl_stamp_read(BAD[i], strlen(BAD[i]), &ns));
}

static void test_lines(void **state)
{
  struct fixture *f = *state;
  struct pl_journal *journal = open_journal(f);
  int id;
  pl_journal_step_start(journal, &(struct pl_journal_step){.name = "a \"b\"", .parent = -1, .kind = "group", .attempt = 2, .file = "x.lua", .line = 3}, &id);
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "v", .unit = "V", .value = {.number = 48.25}, .subcomponent = "vout"});
  pl_journal_extension(journal, id, "x", "{\"a\":\n1}");
  pl_journal_step_end(journal, id, PL_STEP_COMPLETE, true);
  pl_journal_run_end(journal, PL_END_ERROR);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
#define AT "\"timestamp\":\"2026-01-01T00:00:00.123456Z\","
  assert_string_equal(line_of(f, 0), "{\"sequenceNumber\":0," AT "\"schemaVersion\":{\"major\":2,\"minor\":0}}");
  assert_string_equal(line_of(f, 1), "{\"sequenceNumber\":1," AT "\"testStepArtifact\":{\"testStepId\":\"0\",\"testStepStart\":{\"name\":\"a \\\"b\\\"\"}}}");
  assert_string_equal(line_of(f, 2), "{\"sequenceNumber\":2," AT "\"testStepArtifact\":{\"testStepId\":\"0\",\"extension\":{\"name\":\"step\",\"content\":"
                                     "{\"kind\":\"group\",\"attempt\":2,\"file\":\"x.lua\",\"line\":3}}}}");
  assert_string_equal(line_of(f, 3), "{\"sequenceNumber\":3," AT "\"testStepArtifact\":{\"testStepId\":\"0\",\"measurement\":{\"name\":\"v\",\"value\":48.25,"
                                     "\"unit\":\"V\",\"subcomponent\":{\"name\":\"vout\"}}}}");
  assert_string_equal(line_of(f, 4), "{\"sequenceNumber\":4," AT "\"testStepArtifact\":{\"testStepId\":\"0\",\"extension\":{\"name\":\"x\",\"content\":{\"a\": 1}}}}");
  assert_non_null(strstr(line_of(f, 5), "\"step-result\",\"content\":{\"failed\":true}"));
  assert_string_equal(line_of(f, 7), "{\"sequenceNumber\":7," AT "\"testRunArtifact\":{\"testRunEnd\":{\"status\":\"ERROR\",\"result\":\"NOT_APPLICABLE\"}}}");
}

static void test_what_is_not_finite_is_no_measurement(void **state)
{
  struct fixture *f = *state;
  struct pl_journal *journal = open_journal(f);
  int id, series;
  pl_journal_step_start(journal, &(struct pl_journal_step){.name = "s", .parent = -1}, &id);
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "flow", .value = {.number = NAN}});
  const struct pl_journal_validator infinite = {.type = "LESS_THAN", .value = {.number = INFINITY}};
  pl_journal_measurement(journal, id, &(struct pl_journal_measurement){.name = "flow", .value = {.number = 1}, .validators = &infinite, .n_validators = 1});
  pl_journal_series_start(journal, id, "flow", "L/min", NULL, &series);
  pl_journal_series_element(journal, id, series, -INFINITY, 0);
  pl_journal_series_end(journal, id, series);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
  assert_non_null(strstr(line_of(f, 2), "\"error\":{\"symptom\":\"not-a-number\",\"message\":\"measurement 'flow' is not recorded: its value is not a finite number\"}"));
  assert_non_null(strstr(line_of(f, 3), "one of its limits is not a finite number"));
  assert_non_null(strstr(line_of(f, 5), "\"symptom\":\"not-a-number\""));
  assert_non_null(strstr(line_of(f, 6), "\"totalCount\":0"));
}

static void count_line(void *ctx, const char *line, size_t len)
{
  assert_int_equal(line[0], '{');
  assert_int_equal(line[len - 1], '}');
  ++*(int *)ctx;
}

static void test_listener_and_nowhere(void **state)
{
  struct fixture *f = *state;
  struct pl_journal *journal;
  int lines = 0;
  assert_int_equal(pl_journal_open(NULL, f->clock, &journal, NULL), PL_OK);
  pl_journal_listen(journal, count_line, &lines);
  for (int i = 0; i < 5000; i++)
    pl_journal_log(journal, -1, "INFO", "a line that is thrown away");
  assert_int_equal(lines, 5000);
  assert_int_equal(pl_journal_flush(journal, NULL), PL_OK);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
  assert_int_equal(access(f->path, F_OK), -1);
}

static void test_older_journal_is_kept(void **state)
{
  struct fixture *f = *state;
  FILE *old = fopen(f->path, "w");
  for (int i = 0; i < 1000; i++)
    fputs("old\n", old);
  fclose(old);
  struct pl_journal *journal = open_journal(f);
  assert_int_equal(pl_journal_close(journal, NULL), PL_OK);
  struct stat info;
  assert_int_equal(stat(f->path, &info), 0);
  assert_int_equal(info.st_size, strlen(line_of(f, 0)) + 1);
  char aside[160];
  for (int n = 1; n <= 2; n++) { /* the text; then the first journal */
    snprintf(aside, sizeof aside, "%s/journal-%d.jsonl", f->folder, n);
    struct stat kept;
    assert_int_equal(stat(aside, &kept), 0);
    assert_int_equal(kept.st_size, n == 1 ? 4000 : info.st_size);
    if (n == 1)
      assert_int_equal(pl_journal_close(open_journal(f), NULL), PL_OK);
  }
  unlink(aside);
  snprintf(aside, sizeof aside, "%s/journal-1.jsonl", f->folder);
  unlink(aside);
}

static void test_locked_names_the_holder(void **state)
{
  struct fixture *f = *state;
  int ready[2], done[2];
  assert_int_equal(pipe(ready), 0);
  assert_int_equal(pipe(done), 0);
  pid_t pid = fork();
  if (!pid) {
    struct pl_journal *held;
    char c = pl_journal_open(f->path, f->clock, &held, NULL) ? 'n' : 'y';
    close(done[1]);
    if (write(ready[1], &c, 1) != 1 || read(done[0], &c, 1) < 0)
      _exit(1);
    _exit(0);
  }
  char c = 0;
  close(done[0]);
  assert_int_equal(read(ready[0], &c, 1), 1);
  assert_int_equal(c, 'y');
  struct pl_journal *journal;
  struct pl_err err = {0};
  char want[32];
  snprintf(want, sizeof want, "(process %ld)", (long)pid);
  assert_int_equal(pl_journal_open(f->path, f->clock, &journal, &err), PL_E_LOCKED);
  assert_non_null(strstr(err.text, want));
  assert_non_null(strstr(err.text, f->path));
  close(done[1]);
  waitpid(pid, NULL, 0);
  close(ready[0]);
  close(ready[1]);
  journal = open_journal(f); /* the holder is gone */
  struct pl_journal *second;
  assert_int_equal(pl_journal_open(f->path, f->clock, &second, &err), PL_E_LOCKED); /* this very process */
  pl_journal_close(journal, NULL);
}

static void test_missing_folder(void **state)
{
  struct fixture *f = *state;
  struct pl_journal *journal;
  struct pl_err err = {0};
  assert_int_equal(pl_journal_open("/tmp/pl_no_such_folder/journal.jsonl", f->clock, &journal, &err), PL_E_IO);
  assert_string_equal(err.text, "/tmp/pl_no_such_folder/journal.jsonl: cannot be made: its folder does not exist");
}

static void test_full_device_is_kept(void **state)
{
  struct fixture *f = *state;
  struct pl_journal *journal;
  struct pl_err err = {0}, again = {0};
  assert_int_equal(pl_journal_open("/dev/full", f->clock, &journal, &err), PL_OK);
  assert_int_equal(pl_journal_flush(journal, &err), PL_E_IO);
  assert_string_equal(err.text, "/dev/full: No space left on device; the record stands up to line 0");
  pl_journal_log(journal, -1, "INFO", "more");
  assert_int_equal(pl_journal_flush(journal, &again), PL_E_IO);
  assert_string_equal(again.text, err.text);
  assert_int_equal(pl_journal_close(journal, &again), PL_E_IO);
}

static void test_file_size_limit_keeps_what_was_written(void **state)
{
  struct fixture *f = *state;
  pid_t pid = fork(); /* the limit must not hit this process */
  if (!pid) {
    struct pl_journal *journal;
    struct pl_err err = {0};
    struct rlimit limit = {4096, 4096};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (pl_journal_open(f->path, f->clock, &journal, &err))
      _exit(2);
    enum pl_status status = PL_OK;
    for (int i = 0; i < 200 && !status; i++) {
      pl_journal_log(journal, -1, "INFO", "thirty-two characters, more or less");
      status = pl_journal_flush(journal, &err);
    }
    pl_journal_close(journal, NULL);
    unsigned line = 0;
    const char *told = strstr(err.text, "stands up to line ");
    if (told)
      line = (unsigned)strtoul(told + 18, NULL, 10);
    _exit(status == PL_E_IO && strstr(err.text, "File too large") ? (int)line : 1);
  }
  int result;
  waitpid(pid, &result, 0);
  assert_true(WIFEXITED(result));
  unsigned told = (unsigned)WEXITSTATUS(result);
  assert_true(told > 20 && told < 60);
  struct pl_reader *reader;
  const struct pl_json_node *object;
  assert_int_equal(pl_reader_open(f->path, &reader, NULL), PL_OK);
  unsigned lines = 0;
  while (!pl_reader_next(reader, &object, NULL) && object)
    lines++;
  assert_int_equal(lines, told);
  assert_true(pl_reader_torn(reader));
  pl_reader_free(reader);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_numbers),
      cmocka_unit_test(test_every_double_reads_back),
      cmocka_unit_test(test_text_escapes),
      cmocka_unit_test(test_stamps),
      cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_not_finite_is_no_measurement, setup, teardown),
      cmocka_unit_test_setup_teardown(test_listener_and_nowhere, setup, teardown),
      cmocka_unit_test_setup_teardown(test_older_journal_is_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(test_locked_names_the_holder, setup, teardown),
      cmocka_unit_test_setup_teardown(test_missing_folder, setup, teardown),
      cmocka_unit_test_setup_teardown(test_full_device_is_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_size_limit_keeps_what_was_written, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
