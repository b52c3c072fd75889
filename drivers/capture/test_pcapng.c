/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/capture/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct made {
  uint8_t bytes[4096];
  size_t len;
};

static void add_packet(struct made *made, uint32_t interface, int64_t time_ns, const char *data, const char *comment)
{
  const struct pl_pcapng_packet packet = {.interface = interface, .time_ns = time_ns, .direction = PL_PCAPNG_IN, .id = 7, .data = (const uint8_t *)data,
                                          .len = strlen(data), .comment = comment, .comment_len = strlen(comment)};
  size_t size = pl_pcapng_put_packet(made->bytes + made->len, sizeof made->bytes - made->len, &packet);
  assert_int_equal(size, pl_pcapng_packet_size(&packet));
  assert_int_equal(pl_pcapng_packet_time(made->bytes + made->len), time_ns);
  assert_int_equal(pl_pcapng_block_size(made->bytes + made->len), size);
  made->len += size;
}

static void make(struct made *made)
{
  const struct pl_pcapng_section section = {.application = "plumb", .hardware = "rack", .comment = "why"};
  const struct pl_pcapng_interface interface = {.link = 209, .name = "i2c-m1", .about = "twin", .comment = "caps=1", .speed_bps = 400000};
  made->len = pl_pcapng_put_section(made->bytes, sizeof made->bytes, &section);
  assert_true(made->len);
  size_t len = pl_pcapng_put_interface(made->bytes + made->len, sizeof made->bytes - made->len, &interface);
  assert_true(len);
  made->len += len;
  add_packet(made, 0, 1767225600123456789, "abc", "");
  add_packet(made, 0, 1767225600123456790, "", "nothing came");
}

static void what_is_written_is_read(void **state)
{
  (void)state;
  struct made made;
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  make(&made);
  assert_int_equal(pl_pcapng_parse("made", made.bytes, made.len, &file, &err), PL_OK);
  assert_false(file.torn);
  assert_string_equal(file.section.application, "plumb");
  assert_string_equal(file.section.hardware, "rack");
  assert_string_equal(file.section.comment, "why");
  assert_int_equal(file.n_interfaces, 1);
  assert_int_equal(file.interfaces[0].link, 209);
  assert_string_equal(file.interfaces[0].name, "i2c-m1");
  assert_string_equal(file.interfaces[0].about, "twin");
  assert_string_equal(file.interfaces[0].comment, "caps=1");
  assert_int_equal(file.interfaces[0].speed_bps, 400000);
  assert_int_equal(file.interfaces[0].ticks_per_s, 1000000000);
  assert_int_equal(file.n_packets, 2);
  assert_int_equal(file.packets[0].time_ns, 1767225600123456789);
  assert_int_equal(file.packets[0].len, 3);
  assert_memory_equal(file.packets[0].data, "abc", 3);
  assert_int_equal(file.packets[0].direction, PL_PCAPNG_IN);
  assert_int_equal(file.packets[0].id, 7);
  assert_null(file.packets[0].comment);
  assert_int_equal(file.packets[1].len, 0);
  assert_int_equal(file.packets[1].comment_len, strlen("nothing came"));
  assert_memory_equal(file.packets[1].comment, "nothing came", 12);
  pl_pcapng_free(&file);
}

/* A killed writer's file, cut anywhere: the whole blocks are there. */
static void a_torn_file_keeps_its_whole_blocks(void **state)
{
  (void)state;
  struct made made;
  make(&made);
  size_t first = 0; /* where the section header ends */
  memcpy(&first, made.bytes + 4, 4);
  for (size_t len = 0; len < made.len; len++) {
    struct pl_pcapng_file file;
    struct pl_err err = {0};
    enum pl_status status = pl_pcapng_parse("cut", made.bytes, len, &file, &err);
    if (len < first) {
      assert_int_equal(status, PL_E_USAGE);
      assert_non_null(strstr(err.text, "cut"));
    } else {
      assert_int_equal(status, PL_OK);
      assert_true(file.n_packets < 2);
    }
    pl_pcapng_free(&file);
  }
}

static void nothing_is_written_where_there_is_no_room(void **state)
{
  (void)state;
  const struct pl_pcapng_packet packet = {.data = (const uint8_t *)"abcd", .len = 4, .comment = "c", .comment_len = 1, .id = 1};
  const struct pl_pcapng_section section = {.application = "plumb"};
  uint8_t bytes[128];
  size_t need = pl_pcapng_packet_size(&packet), whole = pl_pcapng_put_section(bytes, sizeof bytes, &section);
  assert_int_equal(pl_pcapng_put_packet(bytes, need, &packet), need);
  assert_true(whole);
  for (size_t room = 0; room < need; room++) {
    memset(bytes, 0xee, sizeof bytes);
    assert_int_equal(pl_pcapng_put_packet(bytes, room, &packet), 0);
    assert_int_equal(bytes[room], 0xee);
  }
  for (size_t room = 0; room < whole; room++)
    assert_int_equal(pl_pcapng_put_section(bytes, room, &section), 0);
}

/* A file from a machine of the other byte order, with microseconds: put together byte by byte from the draft's figures. */
static void the_other_byte_order_is_read(void **state)
{
  (void)state;
  static const uint8_t BYTES[] = {
      0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28, /* section */
      0, 0, 0, 1, 0, 0, 0, 28, 0, 101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 'e', 'n', 0, 0, 0, 0, 0, 28, /* interface: no end of options, as it may be */
      0, 0, 0, 5, 0, 0, 0, 12, 0, 0, 0, 12, /* a block that the reader does not know */
      0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 36, /* 1.000001 s */
  };
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  assert_int_equal(pl_pcapng_parse("big", BYTES, sizeof BYTES, &file, &err), PL_OK);
  assert_int_equal(file.n_interfaces, 1);
  assert_int_equal(file.interfaces[0].link, 101);
  assert_string_equal(file.interfaces[0].name, "en");
  assert_int_equal(file.n_packets, 1);
  assert_int_equal(file.packets[0].time_ns, 1000001000);
  assert_int_equal(file.packets[0].data[0], 'x');
  assert_int_equal(file.packets[0].direction, PL_PCAPNG_UNKNOWN);
  pl_pcapng_free(&file);
}

static void refused(const uint8_t *bytes, size_t len, const char *word)
{
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  assert_int_equal(pl_pcapng_parse("bad", bytes, len, &file, &err), PL_E_USAGE);
  if (!strstr(err.text, word))
    fail_msg("'%s' does not say '%s'", err.text, word);
  pl_pcapng_free(&file);
}

static void what_is_no_capture_is_refused_with_a_reason(void **state)
{
  (void)state;
  struct made made;
  uint32_t section;
  make(&made);
  memcpy(&section, made.bytes + 4, 4);
  refused((const uint8_t *)"{\"sequenceNumber\":0}, and more of it", 36, "no pcapng file");
  struct made other = made;
  other.bytes[8] ^= 1;
  refused(other.bytes, other.len, "byte order");
  other = made;
  other.bytes[12] = 9;
  refused(other.bytes, other.len, "version");
  other = made;
  size_t len; /* the packets, without their interface */
  for (len = section; len < other.len && memcmp(made.bytes + len, &(uint32_t){6}, 4) != 0; len += 4)
    ;
  memmove(other.bytes + section, made.bytes + len, made.len - len);
  refused(other.bytes, section + made.len - len, "a packet of no interface");
  struct pl_pcapng_file file;
  struct pl_err err = {0};
  assert_int_equal(pl_pcapng_load("/nowhere/x.pcapng", &file, &err), PL_E_USAGE);
  assert_non_null(strstr(err.text, "/nowhere/x.pcapng"));
  pl_pcapng_free(&file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(a_torn_file_keeps_its_whole_blocks),
      cmocka_unit_test(nothing_is_written_where_there_is_no_room),
      cmocka_unit_test(the_other_byte_order_is_read),
      cmocka_unit_test(what_is_no_capture_is_refused_with_a_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
