/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/fru/fru_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void mend(uint8_t *bytes, size_t at, size_t len) /* an area's last byte makes its sum 0 */
{
  bytes[at + len - 1] = (uint8_t)(bytes[at + len - 1] - pl_fru_sum(bytes + at, len));
}

static struct pl_fru unit(void)
{
  struct pl_fru fru = {.has_chassis = true, .has_board = true, .has_product = true, .has_contents = true};
  fru.chassis.type = 0x17; /* rack mount chassis */
  fru.board.made_minutes = 15800000;
  fru.contents.processors = 2;
  fru.contents.cores = 64;
  fru.contents.architecture = PL_FRU_X86_64;
  fru.contents.memory_modules = 16;
  fru.contents.memory_bytes = 1ull << 40;
  fru.contents.drives = 8;
  fru.contents.drive_bytes = 3840000000000ull;
  const struct {
    char *to;
    const char *text;
  } TEXTS[] = {{fru.chassis.part, "CH-1"}, {fru.chassis.serial, "7"}, {fru.board.manufacturer, "Example Boards"}, {fru.board.product, "CSU mainboard"},
               {fru.board.serial, "B0001"}, {fru.board.part, "mb-2"}, {fru.product.manufacturer, "Example Servers"}, {fru.product.name, "CSU 2S"},
               {fru.product.part, "x"}, {fru.product.version, "B2"}, {fru.product.serial, "PL00C0FFEE-1"}, {fru.contents.processor, "Example 6430"},
               {fru.contents.drive_serial, "S6"}, {fru.contents.firmware, "1.4.2"}};
  for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
    snprintf(TEXTS[i].to, PL_FRU_TEXT, "%s", TEXTS[i].text);
  return fru;
}

static void what_is_written_is_read(void **state)
{
  (void)state;
  struct pl_fru fru = unit(), again;
  struct pl_err err = {0};
  uint8_t bytes[512];
  size_t used = 0;
  if (pl_fru_encode(&fru, bytes, sizeof bytes, &used, &err) || pl_fru_decode(bytes, sizeof bytes, &again, &err))
    fail_msg("%s", err.text);
  assert_memory_equal(&fru, &again, sizeof fru);
  assert_in_range(used, 150, 300);
  assert_int_equal(pl_fru_decode(bytes, used, &again, &err), PL_OK); /* nothing is looked for behind it */
  assert_int_equal(pl_fru_decode(bytes, used - 1, &again, &err), PL_E_GARBAGE);
  for (size_t room = 8; room < used; room++)
    assert_int_equal(pl_fru_encode(&fru, bytes, room, NULL, &err), PL_E_RANGE);
}

/* The worked example of section 13 for 6-bit ASCII: "IPMI" is 29 DC A6. */
static void fields_as_the_specification_packs_them(void **state)
{
  (void)state;
  uint8_t bytes[24] = {1, 0, 0, 0, 1, 0, 0, 0xFE, /* product info at 8 */
                       1, 2, 25, 0x83, 0x29, 0xDC, 0xA6, 0x43, 0x12, 0xAB, 0xC3, 0x02, 0xDE, 0xAD, 0, 0};
  struct pl_fru fru;
  struct pl_err err = {0};
  bytes[18] = 0xC0; /* BCD plus: "12 -." would be 12 AB C_: only two digits a byte */
  bytes[9] = 3;
  uint8_t whole[32] = {0};
  memcpy(whole, bytes, 8);
  const uint8_t area[24] = {1, 3, 25, 0x83, 0x29, 0xDC, 0xA6, 0x43, 0x12, 0xAB, 0xC0, 0x02, 0xDE, 0xAD, 0xC2, 'o', 0xE9, 0x00, 0x00, 0x00, 0xC1, 0};
  memcpy(whole + 8, area, sizeof area);
  mend(whole, 8, 24);
  if (pl_fru_decode(whole, sizeof whole, &fru, &err))
    fail_msg("%s", err.text);
  assert_string_equal(fru.product.manufacturer, "IPMI");
  assert_string_equal(fru.product.name, "12 -.0");
  assert_string_equal(fru.product.part, "dead");
  assert_string_equal(fru.product.version, "o\xC3\xA9");
  assert_string_equal(fru.product.file, "");
  struct pl_fru mine = {.has_product = true};
  snprintf(mine.product.manufacturer, PL_FRU_TEXT, "IPMI");
  assert_int_equal(pl_fru_encode(&mine, whole, sizeof whole, NULL, &err), PL_OK);
  assert_memory_equal(whole + 11, ((const uint8_t[]){0x83, 0x29, 0xDC, 0xA6}), 4);
}

struct broken {
  const char *says;
  size_t at;
  uint8_t to;
  bool mended; /* its area's checksum is made right again */
};

static void refused(const struct broken *how, const uint8_t *good, size_t size, size_t area, size_t len)
{
  uint8_t bytes[512];
  struct pl_fru fru;
  struct pl_err err = {0};
  memcpy(bytes, good, size);
  bytes[how->at] = how->to;
  if (how->mended)
    mend(bytes, area, len);
  enum pl_status status = pl_fru_decode(bytes, size, &fru, &err);
  if (!status || !strstr(err.text, how->says))
    fail_msg("byte %zu to 0x%02x: '%s', expected '%s'", how->at, how->to, err.text, how->says);
}

static void what_is_broken_is_refused(void **state)
{
  (void)state;
  struct pl_fru fru = unit();
  struct pl_err err = {0};
  uint8_t bytes[512];
  size_t used;
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, &used, &err), PL_OK);
  size_t product = (size_t)bytes[4] * 8, len = (size_t)bytes[product + 1] * 8, multi = (size_t)bytes[5] * 8;
  const struct broken HEADER[] = {{"version 0x02", 0, 2, false}, {"checksum", 7, 0, false}, {"pad byte", 6, 1, true}, {"outside", 5, 0x7F, true},
                                  {"overlaps", 1, bytes[3], true}};
  for (size_t i = 0; i < sizeof HEADER / sizeof *HEADER; i++)
    refused(&HEADER[i], bytes, sizeof bytes, 0, 8);
  const struct broken AREA[] = {{"checksum", product + 20, 0, false}, {"version 0x00", product, 0, true}, {"length is 0", product + 1, 0, false},
                                {"goes beyond the storage", product + 1, 0xFF, false}, {"language 7", product + 2, 7, true},
                                {"before its predefined fields", product + 3, 0xC1, true}, {"beyond its end", product + 3, 0xFF, true},
                                {"control character", product + 5, 0x07, true}};
  for (size_t i = 0; i < sizeof AREA / sizeof *AREA; i++)
    refused(&AREA[i], bytes, sizeof bytes, product, len);
  size_t pad = product + len - 2;
  if (bytes[pad] == 0)
    refused(&(struct broken){"unused bytes", pad, 5, true}, bytes, sizeof bytes, product, len);
  const struct broken RECORD[] = {{"header does not match", multi + 4, 0, false}, {"checksum of a record", multi + 3, 0x99, true}, {"format is not 2", multi + 1, 0x81, true},
                                  {"reserved bits", multi + 1, 0xC2, true}, {"header goes beyond", multi + 1, 0x02, true}};
  for (size_t i = 0; i < sizeof RECORD / sizeof *RECORD; i++)
    refused(&RECORD[i], bytes, i == 4 ? used : sizeof bytes, multi, FRU_RECORD_HEADER);
  memset(bytes, 0xFF, sizeof bytes);
  assert_int_equal(pl_fru_decode(bytes, sizeof bytes, &fru, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "blank"));
}

/* Records of others are passed over; ours of a later version is read as far as it is known. */
static void records(void **state)
{
  (void)state;
  struct pl_fru fru = unit(), again;
  struct pl_err err = {0};
  uint8_t bytes[512] = {0}, own[256];
  size_t used;
  fru.has_chassis = fru.has_board = fru.has_product = false;
  assert_int_equal(pl_fru_encode(&fru, own, sizeof own, &used, &err), PL_OK);
  size_t len = used - 8;
  memcpy(bytes, own, 8);
  const uint8_t other[] = {0xC0, 0x02, 3, 0, 0, 1, 2, 3};
  memcpy(bytes + 8, other, sizeof other);
  bytes[11] = (uint8_t)-pl_fru_sum(bytes + 13, 3);
  mend(bytes, 8, 5);
  memcpy(bytes + 16, own + 8, len);
  bytes[16 + 5 + 3] = 2; /* the version, and two bytes more */
  bytes[16 + 2] = (uint8_t)(bytes[16 + 2] + 2);
  bytes[16 + 3] = (uint8_t)-pl_fru_sum(bytes + 21, bytes[18]);
  mend(bytes, 16, 5);
  if (pl_fru_decode(bytes, sizeof bytes, &again, &err))
    fail_msg("%s", err.text);
  assert_true(again.has_contents);
  assert_int_equal(again.contents.cores, 64);
  assert_string_equal(again.contents.firmware, "1.4.2");
  bytes[16 + 5 + 3] = 1;
  bytes[16 + 3] = (uint8_t)-pl_fru_sum(bytes + 21, bytes[18]);
  mend(bytes, 16, 5);
  assert_int_equal(pl_fru_decode(bytes, sizeof bytes, &again, &err), PL_E_GARBAGE);
  assert_non_null(strstr(err.text, "behind the last field"));
  assert_string_equal(pl_fru_architecture_name(PL_FRU_ARM64), "Arm64");
}

static void what_cannot_be_written_is_refused(void **state)
{
  (void)state;
  struct pl_fru fru = unit();
  struct pl_err err = {0};
  uint8_t bytes[512];
  snprintf(fru.product.name, PL_FRU_TEXT, "M\xC3\xBCller");
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, NULL, &err), PL_E_RANGE);
  assert_non_null(strstr(err.text, "product name"));
  memset(fru.product.name, 'a', 64);
  fru.product.name[64] = '\0';
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, NULL, &err), PL_E_RANGE);
  memset(fru.product.name, 'A', 64); /* as 6-bit ASCII it fits */
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, NULL, &err), PL_OK);
  fru.board.made_minutes = 1u << 24;
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, NULL, &err), PL_E_RANGE);
}

/* Somebody else's decoder reads the same (FreeIPMI's ipmi-fru, where it is installed). */
static void another_program_reads_the_same(void **state)
{
  (void)state;
  const char *tool = getenv("IPMI_FRU") ? getenv("IPMI_FRU") : "/usr/sbin/ipmi-fru";
  if (access(tool, X_OK))
    skip();
  struct pl_fru fru = unit();
  struct pl_err err = {0};
  uint8_t bytes[256];
  char path[] = "/tmp/fru-XXXXXX", command[256];
  static char text[8192];
  assert_int_equal(pl_fru_encode(&fru, bytes, sizeof bytes, NULL, &err), PL_OK);
  int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes);
  close(fd);
  snprintf(command, sizeof command, "%s --fru-file=%s 2>&1", tool, path);
  FILE *out = popen(command, "r");
  assert_non_null(out);
  text[fread(text, 1, sizeof text - 1, out)] = '\0';
  int left = pclose(out);
  unlink(path);
  static const char *const LINES[] = {"Chassis Type: Rack Mount Chassis", "Chassis Part Number: CH-1", "Board Manufacturer: Example Boards",
                                      "Board Product Name: CSU mainboard", "Board Serial Number: B0001", "Board Part Number: mb-2",
                                      "Product Manufacturer Name: Example Servers", "Product Name: CSU 2S", "Product Version: B2",
                                      "Product Serial Number: PL00C0FFEE-1", "7ED9h", "01h 02h 40h 00h 01h 10h"};
  for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
    if (!strstr(text, LINES[i]))
      fail_msg("it does not say '%s':\n%s", LINES[i], text);
  assert_int_equal(left, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(fields_as_the_specification_packs_them),
      cmocka_unit_test(what_is_broken_is_refused),
      cmocka_unit_test(records),
      cmocka_unit_test(what_cannot_be_written_is_refused),
      cmocka_unit_test(another_program_reads_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
