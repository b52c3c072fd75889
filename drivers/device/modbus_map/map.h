/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_DEVICE_MODBUS_MAP_MAP_H
#define PL_DEVICE_MODBUS_MAP_MAP_H

#include "drivers/base/conf.h"
#include "drivers/device/device.h"
#include "drivers/device/twin.h"

/*
 * A register map: a Modbus device described by data. The driver "modbus-map" and its twin both work from it. Files: drivers/maps/NAME.yaml.
 *
 *   map: load-bank                    # the file's name without .yaml
 *   about: One line for people
 *   vendor: Who makes it              # optional
 *   role: load                        # optional: the role that such a device usually has (the rig file decides)
 *   order: ABCD                       # optional: default byte order, see below
 *   probe: {register: 0x00, equals: 0x4C42}   # read by `probe`; table (holding) and equals are optional
 *   identity:                         # optional, any of manufacturer model revision serial firmware
 *     serial: {register: 0x10, length: 8}     # registers of ASCII, two characters each; text: what the twin answers (serial has its own)
 *   rows:                             # one per quantity
 *     - quantity: flow                # lower case with dashes, docs/vocabulary.md
 *       register: 0x9000              # protocol address (from 0), not the 4xxxx notation
 *       table: holding                # holding (default), input, coil, discrete
 *       type: u16                     # u16 (default) s16 u32 s32 float32; coil and discrete have none
 *       order: CDAB                   # AB BA for one register, ABCD CDAB BADC DCBA for two; A is the highest byte, sent first in ABCD
 *       scale: 0.1                    # value in `unit` = raw * scale + offset; a fraction may be written 1/1024
 *       offset: 0
 *       unit: L/min                   # any known unit; `flag` for on/off, `number` for a plain number
 *       bit: 5                        # a flag that is one bit of a u16 register; a set is read, changed and written in one job
 *       access: rw                    # r (default), rw, w, or act: a verb that writes `value`, or sets `bit`
 *       value: 1                      # act only: the raw value to write
 *       min: 0 L/min                  # what a set takes
 *       max: 60 L/min
 *       verify: false                 # rw only: do not read a write back
 *       energises: true               # what it switches on needs a safe value in the rig file
 *       invalid: [0xFFFF]             # raw values that mean "no reading"; with bit: of the whole register
 *       range: [0, 6000]              # raw values outside it are refused, read or written
 *       port: flow                    # twin: the world's port that it is fed from (r) or that it commands (rw, w)
 *       initial: 8 L/min              # twin: of what the bus can write (absent: as the part starts), or what a row without a port reads
 *       source: RPU_Coolant_Flow      # the register's name in the document that the row was taken from
 *       help: what a person should know
 *   faults:                           # registers whose set bits are faults; neighbours are fetched in one request
 *     - register: 0x9202              # table: holding
 *       source: Leakage
 *       bits:
 *         4: {name: leak-internal, when: {port: leak_internal}}     # twin: set while the port is on
 *         1: {name: too-hot, when: {port: supply_temperature, above: 60 degC}, unless: stop}   # a list of conditions: any of them
 *         0: chassis-0-stop                                          # never set by the twin
 *   reserved:                         # twin: these read 0; every other address that no row defines is refused
 *     - {register: 0x900C, length: 2}
 */
#define PL_MAP_ROWS_MAX 512
#define PL_MAP_NAME_ROOM 64 /* of a map's name, with its end */
#define PL_MAP_CONDITIONS_MAX 4
#define PL_MAP_INVALID_MAX 8
#define PL_MAP_STRING_REGISTERS_MAX 31 /* what pl_identity's fields hold */

enum pl_map_type { PL_MAP_U16, PL_MAP_S16, PL_MAP_U32, PL_MAP_S32, PL_MAP_FLOAT32, PL_MAP_BIT /* coil, discrete */ };
enum pl_map_access { PL_MAP_READ, PL_MAP_READ_WRITE, PL_MAP_WRITE, PL_MAP_ACT };

struct pl_map_row {
  const char *quantity, *help, *source;
  enum pl_modbus_table table;
  uint16_t address;
  enum pl_map_type type;
  bool byte_swap, word_swap; /* against ABCD */
  int bit;                   /* of a u16, or -1 */
  double scale, offset;
  const struct pl_unit *unit;
  enum pl_map_access access;
  bool verify, energises;
  bool has_limits;           /* min_u, max_u are given */
  int64_t min_u, max_u;
  uint16_t value;            /* act without bit */
  int64_t invalid[PL_MAP_INVALID_MAX];
  size_t n_invalid;
  double raw_min, raw_max;   /* of the type, or narrower */
  int64_t initial_u;
  int port;                  /* index in ports, or -1 */
  int line;
};

struct pl_map_condition { /* true while the port's value is above (below) the threshold, in the world's units */
  size_t port;
  bool above;
  double threshold;
};

struct pl_map_fault {
  const char *name, *source;
  enum pl_modbus_table table;
  uint16_t address;
  int bit;
  struct pl_map_condition when[PL_MAP_CONDITIONS_MAX]; /* any of them */
  size_t n_when;
  int unless; /* a port, or -1: suppressed while it is on */
  int line;
};

enum pl_map_string_id { PL_MAP_MANUFACTURER, PL_MAP_MODEL, PL_MAP_REVISION, PL_MAP_SERIAL, PL_MAP_FIRMWARE, PL_MAP_STRINGS };
struct pl_map_string {
  enum pl_modbus_table table;
  uint16_t address, length; /* registers; length 0: the device does not say */
  bool byte_swap;
  const char *text;         /* the twin's answer; NULL: empty, or its serial number */
  int line;
};

struct pl_map_span {
  enum pl_modbus_table table;
  uint16_t address;
  uint32_t length;
  int line;
};

struct pl_map {
  struct pl_conf *conf; /* owns every text */
  const char *name, *about, *vendor, *role;
  bool has_probe, has_equals;
  enum pl_modbus_table probe_table;
  uint16_t probe_address, probe_equals;
  struct pl_map_string strings[PL_MAP_STRINGS];
  struct pl_map_row *rows;
  struct pl_quantity *quantities; /* one a row, id its index */
  size_t n_rows;
  struct pl_map_fault *faults;    /* by table, address, bit */
  size_t n_faults;
  struct pl_map_span *reserved;
  size_t n_reserved;
  struct pl_port *ports;
  size_t n_ports;
};

/* Finds NAME.yaml in $PLUMBLINE_MAPS (when set), drivers/maps and PREFIX/share/plumbline/drivers/maps; what has a slash is a path already. */
enum pl_status pl_map_find(const char *name, char *path, size_t size, struct pl_err *err);
/* The names of the maps in those folders, each once, in the order of the alphabet; returns how many. */
size_t pl_map_names(char (*names)[PL_MAP_NAME_ROOM], size_t room);
enum pl_status pl_map_load(const char *path, struct pl_map **map, struct pl_err *err);
enum pl_status pl_map_parse(const char *name, const char *bytes, size_t size, struct pl_map **map, struct pl_err *err);
/* The map that the driver's param `map` names. */
enum pl_status pl_map_open(const struct pl_values *values, struct pl_map **map, struct pl_err *err);
void pl_map_free(struct pl_map *map);

size_t pl_map_type_words(enum pl_map_type type); /* registers (or bits) that a value takes */
bool pl_map_table_is_bits(enum pl_modbus_table table);
const char *pl_map_table_name(enum pl_modbus_table table); /* "holding register" */

/* Registers as read -> value. PL_E_NAN: NaN, or a raw value that means no reading. PL_E_RANGE: outside the range. */
enum pl_status pl_map_decode(const struct pl_map_row *row, const uint16_t *words, int64_t *value_u, struct pl_err *err);
/* Value -> registers. For a bit: changes it in words[0]. PL_E_RANGE names what fits. */
enum pl_status pl_map_encode(const struct pl_map_row *row, int64_t value_u, uint16_t *words, struct pl_err *err);
/* As pl_map_encode for a sensor: a value beyond what the type can carry is its highest or lowest. */
void pl_map_encode_saturated(const struct pl_map_row *row, int64_t value_u, uint16_t *words);
/* The registers of a raw value, in the row's byte order. */
void pl_map_words(const struct pl_map_row *row, int64_t raw, uint16_t *words);
/* Where the row's bit (bit >= 0) stands in its register, in the row's byte order. */
void pl_map_bit_mask(const struct pl_map_row *row, uint16_t *mask);

#endif
