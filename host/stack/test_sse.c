/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/stack/sse.h"

#include <stdio.h>

struct heard {
  char text[512];
};

static void on_event(void *ctx, const char *id, const char *data, size_t len)
{
  struct heard *heard = ctx;
  size_t used = strlen(heard->text);
  assert_int_equal(strlen(data), len);
  snprintf(heard->text + used, sizeof heard->text - used, "[%s|%s]", id, data);
}

/* The same, whatever pieces it comes in. */
static void expect(const char *stream, const char *events)
{
  size_t len = strlen(stream);
  for (size_t piece = 1; piece <= len; piece++) {
    struct pl_sse sse = {0};
    struct heard heard = {""};
    for (size_t at = 0; at < len; at += piece)
      assert_true(pl_sse_put(&sse, stream + at, at + piece < len ? piece : len - at, on_event, &heard));
    assert_string_equal(heard.text, events);
    pl_sse_free(&sse);
  }
}

static void events_are_told_whole(void **state)
{
  (void)state;
  expect("id: 1\ndata: {\"a\":1}\n\n", "[1|{\"a\":1}]");
  expect("data: one\ndata: two\n\ndata:three\n\n", "[|one\ntwo][|three]");
  expect("id: 7\r\ndata: a\r\n\r\nid: 8\rdata: b\r\r", "[7|a][8|b]");
  expect("\xef\xbb\xbf" "data: a\n\n", "[|a]");
}

static void what_is_no_event_is_none(void **state)
{
  (void)state;
  expect(": keep alive\n\n: again\n\n", "");
  expect("id: 4\n\n", "");
  expect("data: half", "");
  expect("data: half\n", "");
  expect("unknown: x\nretry: soon\ndata\n\n", "[|]");
  expect("id: 5\ndata: a\n\ndata: b\n\n", "[5|a][5|b]"); /* the id stays */
}

static void retry_and_reset(void **state)
{
  struct pl_sse sse = {0};
  struct heard heard = {""};
  (void)state;
  assert_true(pl_sse_put(&sse, "retry: 250\nid: 3\ndata: x\n\ndata: cut of", 38, on_event, &heard));
  assert_int_equal(sse.retry_ms, 250);
  pl_sse_reset(&sse);
  assert_true(pl_sse_put(&sse, "data: y\n\n", 9, on_event, &heard));
  assert_string_equal(heard.text, "[3|x][3|y]");
  pl_sse_free(&sse);
}

static void endless_line_and_endless_event_are_refused(void **state)
{
  char block[4096];
  (void)state;
  for (int lines = 0; lines < 2; lines++) {
    struct pl_sse sse = {0};
    struct heard heard = {""};
    bool good = true;
    size_t put = 0;
    memset(block, 'x', sizeof block);
    if (lines) {
      memcpy(block, "data:", 5);
      block[sizeof block - 1] = '\n';
    }
    for (; good && put < 4 * PL_SSE_DATA_MAX; put += sizeof block)
      good = pl_sse_put(&sse, block, sizeof block, on_event, &heard);
    assert_false(good);
    assert_true(put <= PL_SSE_DATA_MAX + 65536);
    pl_sse_free(&sse);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_are_told_whole),
      cmocka_unit_test(what_is_no_event_is_none),
      cmocka_unit_test(retry_and_reset),
      cmocka_unit_test(endless_line_and_endless_event_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
