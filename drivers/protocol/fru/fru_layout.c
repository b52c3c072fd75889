/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/fru/fru_layout.h"

#define FIELD(area, field) {#area " " #field, offsetof(struct pl_fru, area.field)}

static const struct fru_field CHASSIS[] = {FIELD(chassis, part), FIELD(chassis, serial)};
static const struct fru_field BOARD[] = {FIELD(board, manufacturer), FIELD(board, product), FIELD(board, serial), FIELD(board, part), FIELD(board, file)};
static const struct fru_field PRODUCT[] = {FIELD(product, manufacturer), FIELD(product, name),  FIELD(product, part), FIELD(product, version),
                                           FIELD(product, serial),       FIELD(product, asset), FIELD(product, file)};

const struct fru_field pl_fru_oem_fields[3] = {FIELD(contents, processor), FIELD(contents, drive_serial), FIELD(contents, firmware)};

const struct fru_area_row pl_fru_area_rows[FRU_AREAS] = {
    [FRU_INTERNAL] = {.name = "internal use area", .has = SIZE_MAX},
    [FRU_CHASSIS] = {.name = "chassis info area", .has = offsetof(struct pl_fru, has_chassis), .fixed = 3, .fields = CHASSIS, .n_fields = sizeof CHASSIS / sizeof *CHASSIS},
    [FRU_BOARD] = {.name = "board info area", .has = offsetof(struct pl_fru, has_board), .fixed = 6, .fields = BOARD, .n_fields = sizeof BOARD / sizeof *BOARD},
    [FRU_PRODUCT] = {.name = "product info area", .has = offsetof(struct pl_fru, has_product), .fixed = 3, .fields = PRODUCT, .n_fields = sizeof PRODUCT / sizeof *PRODUCT},
    [FRU_MULTI] = {.name = "multirecord area", .has = SIZE_MAX},
};

uint8_t pl_fru_sum(const uint8_t *bytes, size_t len)
{
  unsigned sum = 0;
  for (size_t i = 0; i < len; i++)
    sum += bytes[i];
  return (uint8_t)sum;
}

const char *pl_fru_architecture_name(enum pl_fru_architecture architecture)
{
  static const char *const NAMES[PL_FRU_ARCHITECTURES] = {"", "x86-64", "Arm64", "RISC-V 64"};
  return architecture < PL_FRU_ARCHITECTURES ? NAMES[architecture] : "";
}
