/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/protocol/pmbus/pmbus_io.h"

#include <string.h>

#define BLOCK_MAX 255
#define CML_PEC 0x20     /* section 17.8 */
#define CML_OTHER 0x02   /* a fault of the communication that has no bit of its own */
#define PAGE_UNKNOWN (-1)

static void support(struct pl_pmbus *pmbus, uint8_t code)
{
  pmbus->supported[code / 8] |= (uint8_t)(1u << code % 8);
}

void pl_pmbus_has(struct pl_pmbus *pmbus, const uint8_t *commands, size_t count)
{
  for (size_t i = 0; i < count; i++)
    support(pmbus, commands[i]);
}

void pl_pmbus_init(struct pl_pmbus *pmbus, const struct pl_pmbus_cfg *cfg)
{
  *pmbus = (struct pl_pmbus){.cfg = *cfg, .page = PAGE_UNKNOWN};
  pl_pmbus_has(pmbus, cfg->commands, cfg->n_commands);
}

bool pl_pmbus_supports(const struct pl_pmbus *pmbus, uint8_t code)
{
  return pmbus->supported[code / 8] & 1u << code % 8;
}

void pl_pmbus_select(struct pl_pmbus *pmbus, uint8_t page)
{
  pmbus->wanted = page;
}

/* --- one transaction on the wire --- */

struct frame {
  uint8_t out[1 + BLOCK_MAX + 2]; /* code, data (a block's with its count), PEC */
  size_t out_len;
  uint8_t in[BLOCK_MAX + 2];      /* (count,) data, PEC */
  size_t in_len;                  /* 0: a write */
  bool recv_len;
  size_t got;
};

static uint8_t crc_of_request(const struct pl_pmbus *pmbus, const struct frame *frame)
{
  uint8_t address = (uint8_t)(pmbus->cfg.address << 1);
  uint8_t crc = pl_smbus_pec(pl_smbus_pec(0, &address, 1), frame->out, frame->out_len);
  if (frame->in_len) {
    address |= 1;
    crc = pl_smbus_pec(crc, &address, 1);
  }
  return crc;
}

static enum pl_status transact(struct pl_pmbus *pmbus, struct frame *frame, size_t out_len, struct pl_err *err)
{
  uint8_t address = pmbus->cfg.address;
  struct pl_i2c_msg msgs[2] = {
      {.address = address, .len = (uint16_t)out_len, .buf = frame->out},
      {.address = address, .flags = PL_I2C_READ, .len = (uint16_t)frame->in_len, .buf = frame->in},
  };
  if (frame->recv_len)
    msgs[1].flags |= pmbus->pec ? PL_I2C_RECV_LEN | PL_I2C_PEC : PL_I2C_RECV_LEN;
  struct pl_i2c_transfer transfer = {.msgs = msgs, .count = frame->in_len ? 2 : 1};
  enum pl_status status = pl_i2c_transfer(pmbus->cfg.bus, &transfer, 1, err);
  frame->got = msgs[1].len;
  return status;
}

static enum pl_status write_once(struct pl_pmbus *pmbus, struct frame *frame, struct pl_err *err)
{
  size_t len = frame->out_len;
  if (pmbus->pec)
    frame->out[len++] = crc_of_request(pmbus, frame);
  return transact(pmbus, frame, len, err);
}

/* A read of known length: byte, word, process call. */
static enum pl_status read_once(struct pl_pmbus *pmbus, struct frame *frame, size_t len, bool pec, struct pl_err *err)
{
  frame->in_len = len + pec;
  frame->recv_len = false;
  enum pl_status status = transact(pmbus, frame, frame->out_len, err);
  if (status)
    return status;
  if (frame->got < frame->in_len)
    return pl_fail(err, PL_E_SHORT, "answer of %zu bytes, expected %zu", frame->got, frame->in_len);
  if (!pec)
    return PL_OK;
  uint8_t crc = pl_smbus_pec(crc_of_request(pmbus, frame), frame->in, len);
  if (crc != frame->in[len])
    return pl_fail(err, PL_E_PEC, "answer has packet error code 0x%02X, expected 0x%02X", frame->in[len], crc);
  return PL_OK;
}

/* The device's word: what follows may go on without it, but not without the bus. */
static bool is_of_device(enum pl_status status)
{
  return status == PL_E_NACK || status == PL_E_PEC || status == PL_E_GARBAGE || status == PL_E_SHORT;
}

/* Fails only where the bus does: then its sentence is the one to tell, not that of a transfer for which no time was left. */
static enum pl_status cml_now(struct pl_pmbus *pmbus, uint8_t *cml, struct pl_err *err)
{
  struct frame frame = {.out = {PL_PMBUS_STATUS_CML}, .out_len = 1};
  struct pl_err said = {0};
  *cml = CML_OTHER;
  if (!pl_pmbus_supports(pmbus, PL_PMBUS_STATUS_CML) || pmbus->cfg.quirks & PL_PMBUS_SKIP_STATUS_CHECK)
    return PL_OK;
  enum pl_status status = read_once(pmbus, &frame, 1, pmbus->pec, &said);
  if (!status)
    *cml = frame.in[0];
  if (!status || is_of_device(status))
    return PL_OK;
  return pl_fail(err, status, "%s", said.text);
}

/* Reads only the count. A device may take that for a fault of the bus (section 10.8.4, too few bytes read): what was not set before is cleared. */
static enum pl_status cut_off_count(struct pl_pmbus *pmbus, struct frame *frame, uint8_t before, size_t *count, struct pl_err *err)
{
  enum pl_status status = read_once(pmbus, frame, 1, false, err);
  if (status)
    return status;
  *count = frame->in[0];
  uint8_t after = before;
  if (!(before & CML_OTHER))
    status = cml_now(pmbus, &after, err);
  if (!status && after & ~before & CML_OTHER) {
    struct frame clear = {.out = {PL_PMBUS_STATUS_CML, CML_OTHER}, .out_len = 2};
    write_once(pmbus, &clear, NULL); /* best effort: the block is what was asked for */
  }
  return status;
}

/* The whole block, PEC included, in one read whose length its first byte tells. False: this adapter cannot (it has no counted reads, or none so long). */
static bool read_counted(struct pl_pmbus *pmbus, struct frame *frame, enum pl_status *status, struct pl_err *err)
{
  const struct pl_i2c_caps *caps = pl_i2c_caps(pmbus->cfg.bus);
  if (!(caps->flags & PL_I2C_CAP_RECV_LEN))
    return false;
  struct pl_err said = {0};
  frame->in_len = 1 + BLOCK_MAX + pmbus->pec;
  if (caps->max_read && caps->max_read < frame->in_len)
    frame->in_len = caps->max_read;
  frame->recv_len = true;
  *status = transact(pmbus, frame, frame->out_len, &said);
  frame->recv_len = false;
  if (*status == PL_E_UNSUPPORTED || *status == PL_E_GARBAGE)
    return false;
  if (*status && err)
    *err = said;
  return true;
}

/* Adapters without counted reads must end one read after the count; the second, of that length, is checked. Where the adapter's own counted read was cut
 * off, what it set in the device is ours too. */
static enum pl_status block_once(struct pl_pmbus *pmbus, struct frame *frame, uint8_t *data, size_t room, size_t *len, struct pl_err *err)
{
  size_t count = room;
  enum pl_status status = PL_OK;
  frame->got = frame->in_len = 0;
  if (room > 1) { /* else nothing else fits (QUERY) */
    if (!read_counted(pmbus, frame, &status, err)) {
      uint8_t before = 0;
      status = frame->in_len ? PL_OK : cml_now(pmbus, &before, err);
      if (!status)
        status = cut_off_count(pmbus, frame, before, &count, err);
      frame->got = 0;
    } else if (!status) {
      count = frame->in[0];
    }
    if (status)
      return status;
  }
  if (frame->got < 1 + count + pmbus->pec) {
    frame->in_len = 1 + count + pmbus->pec;
    status = transact(pmbus, frame, frame->out_len, err);
    if (status)
      return status;
  }
  struct pl_pmbus_answer answer = {.bytes = frame->in, .have = frame->got, .pec = pmbus->pec, .crc = crc_of_request(pmbus, frame)};
  return pl_pmbus_parse_block(&answer, data, room, len, err);
}

/* --- after an error --- */

static void tell_cml(uint8_t cml, struct pl_err *err)
{
  if (!err)
    return;
  const char *before = "; STATUS_CML says ";
  for (int bit = 7; bit >= 0; bit--) {
    const struct pl_pmbus_bit *row = pl_pmbus_bit(PL_PMBUS_STATUS_CML, (uint8_t)bit);
    size_t used = strlen(err->text);
    if (!(cml & 1u << bit) || !row)
      continue;
    snprintf(err->text + used, sizeof err->text - used, "%s%s", before, row->name);
    before = ", ";
  }
}

/* Asks STATUS_CML why and clears what it says (section 10.2.3: only the bits that were read, so that none is lost). */
static void after_error(struct pl_pmbus *pmbus, enum pl_status status, struct pl_err *err)
{
  pmbus->page = PAGE_UNKNOWN;
  pmbus->cml = 0;
  if (!is_of_device(status) || pmbus->cfg.quirks & PL_PMBUS_SKIP_STATUS_CHECK || !pl_pmbus_supports(pmbus, PL_PMBUS_STATUS_CML))
    return;
  struct frame frame = {.out = {PL_PMBUS_STATUS_CML}, .out_len = 1};
  if (read_once(pmbus, &frame, 1, pmbus->pec, NULL) != PL_OK || !frame.in[0])
    return;
  pmbus->cml = frame.in[0];
  pmbus->counters.cml_events++;
  frame = (struct frame){.out = {PL_PMBUS_STATUS_CML, pmbus->cml}, .out_len = 2};
  write_once(pmbus, &frame, NULL); /* best effort: the error that brought us here is the one to tell */
  tell_cml(pmbus->cml, err);
}

static bool again(struct pl_pmbus *pmbus, enum pl_status status, bool *retried)
{
  bool refused_pec = status == PL_E_NACK && pmbus->pec && pmbus->cml & CML_PEC; /* ours did not arrive whole */
  if (status != PL_E_PEC && !refused_pec)
    return false;
  pmbus->counters.pec_errors++;
  if (*retried)
    return false;
  *retried = true;
  pmbus->counters.pec_retries++;
  pl_bus_count_retry(pmbus->cfg.bus);
  return true;
}

/* --- commands --- */

static enum pl_status named(uint8_t code, enum pl_status status, struct pl_err *err)
{
  char text[64];
  if (status && err) {
    err->status = status;
    pl_err_prefix(err, "%s", pl_pmbus_command_text(code, text, sizeof text));
  }
  return status;
}

enum kind { KIND_WRITE, KIND_READ, KIND_BLOCK };

struct request {
  enum kind kind;
  struct frame frame;
  size_t len;          /* READ: bytes wanted */
  uint8_t *data;       /* BLOCK */
  size_t room, *count; /* BLOCK */
};

static enum pl_status perform(struct pl_pmbus *pmbus, struct request *request, struct pl_err *err)
{
  bool retried = false;
  for (;;) {
    enum pl_status status;
    if (request->kind == KIND_WRITE)
      status = write_once(pmbus, &request->frame, err);
    else if (request->kind == KIND_READ)
      status = read_once(pmbus, &request->frame, request->len, pmbus->pec, err);
    else
      status = block_once(pmbus, &request->frame, request->data, request->room, request->count, err);
    if (status == PL_OK)
      return PL_OK;
    after_error(pmbus, status, err);
    if (!again(pmbus, status, &retried))
      return status == PL_E_NACK && retried && pmbus->cml & CML_PEC ? PL_E_PEC : status;
  }
}

static enum pl_status turn_page(struct pl_pmbus *pmbus, uint8_t code, struct pl_err *err)
{
  if (pmbus->cfg.pages < 2 || code == PL_PMBUS_PAGE || pmbus->page == pmbus->wanted)
    return PL_OK;
  struct request request = {.kind = KIND_WRITE, .frame = {.out = {PL_PMBUS_PAGE, (uint8_t)pmbus->wanted}, .out_len = 2}};
  enum pl_status status = perform(pmbus, &request, err);
  if (status == PL_OK)
    pmbus->page = pmbus->wanted;
  return named(PL_PMBUS_PAGE, status, err);
}

static enum pl_status run(struct pl_pmbus *pmbus, struct request *request, struct pl_err *err)
{
  uint8_t code = request->frame.out[0];
  char text[64];
  if (!pl_pmbus_supports(pmbus, code))
    return pl_fail(err, PL_E_UNSUPPORTED, "%s is not among the commands of this device, so it was not sent",
                   pl_pmbus_command_text(code, text, sizeof text));
  enum pl_status status = turn_page(pmbus, code, err);
  if (status)
    return status;
  status = perform(pmbus, request, err);
  if (code == PL_PMBUS_PAGE && request->kind == KIND_WRITE)
    pmbus->page = PAGE_UNKNOWN;
  return named(code, status, err);
}

enum pl_status pl_pmbus_read_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t *value, struct pl_err *err)
{
  struct request request = {.kind = KIND_READ, .len = 1, .frame = {.out = {code}, .out_len = 1}};
  enum pl_status status = run(pmbus, &request, err);
  if (status == PL_OK)
    *value = request.frame.in[0];
  return status;
}

enum pl_status pl_pmbus_read_word(struct pl_pmbus *pmbus, uint8_t code, uint16_t *value, struct pl_err *err)
{
  struct request request = {.kind = KIND_READ, .len = 2, .frame = {.out = {code}, .out_len = 1}};
  enum pl_status status = run(pmbus, &request, err);
  if (status == PL_OK)
    *value = (uint16_t)(request.frame.in[0] | request.frame.in[1] << 8);
  return status;
}

enum pl_status pl_pmbus_read_block(struct pl_pmbus *pmbus, uint8_t code, uint8_t *data, size_t room, size_t *len, struct pl_err *err)
{
  struct request request = {.kind = KIND_BLOCK, .data = data, .room = room, .count = len, .frame = {.out = {code}, .out_len = 1}};
  return run(pmbus, &request, err);
}

enum pl_status pl_pmbus_send_byte(struct pl_pmbus *pmbus, uint8_t code, struct pl_err *err)
{
  struct request request = {.kind = KIND_WRITE, .frame = {.out = {code}, .out_len = 1}};
  return run(pmbus, &request, err);
}

enum pl_status pl_pmbus_write_byte(struct pl_pmbus *pmbus, uint8_t code, uint8_t value, struct pl_err *err)
{
  struct request request = {.kind = KIND_WRITE, .frame = {.out = {code, value}, .out_len = 2}};
  return run(pmbus, &request, err);
}

enum pl_status pl_pmbus_write_word(struct pl_pmbus *pmbus, uint8_t code, uint16_t value, struct pl_err *err)
{
  struct request request = {.kind = KIND_WRITE, .frame = {.out = {code, (uint8_t)value, (uint8_t)(value >> 8)}, .out_len = 3}};
  return run(pmbus, &request, err);
}

static enum pl_status put_block(struct frame *frame, uint8_t code, const uint8_t *data, size_t len, struct pl_err *err)
{
  char text[64];
  if (len == 0 || len > BLOCK_MAX)
    return pl_fail(err, PL_E_USAGE, "%s: a block of %zu bytes, expected 1 to 255", pl_pmbus_command_text(code, text, sizeof text), len);
  *frame = (struct frame){.out = {code, (uint8_t)len}, .out_len = 2 + len};
  memcpy(frame->out + 2, data, len);
  return PL_OK;
}

enum pl_status pl_pmbus_write_block(struct pl_pmbus *pmbus, uint8_t code, const uint8_t *data, size_t len, struct pl_err *err)
{
  struct request request = {.kind = KIND_WRITE};
  enum pl_status status = put_block(&request.frame, code, data, len, err);
  return status ? status : run(pmbus, &request, err);
}

enum pl_status pl_pmbus_process_call(struct pl_pmbus *pmbus, uint8_t code, uint16_t out, uint16_t *in, struct pl_err *err)
{
  struct request request = {.kind = KIND_READ, .len = 2, .frame = {.out = {code, (uint8_t)out, (uint8_t)(out >> 8)}, .out_len = 3}};
  enum pl_status status = run(pmbus, &request, err);
  if (status == PL_OK)
    *in = (uint16_t)(request.frame.in[0] | request.frame.in[1] << 8);
  return status;
}

enum pl_status pl_pmbus_block_call(struct pl_pmbus *pmbus, uint8_t code, const uint8_t *out, size_t out_len, uint8_t *in, size_t room, size_t *len,
                                   struct pl_err *err)
{
  struct request request = {.kind = KIND_BLOCK, .data = in, .room = room, .count = len};
  enum pl_status status = put_block(&request.frame, code, out, out_len, err);
  return status ? status : run(pmbus, &request, err);
}

/* --- what the device can --- */

/* CAPABILITY (section 11.12). Read twice: a bit lost on the first, unchecked read must not switch the checking off for good. */
static enum pl_status learn_pec(struct pl_pmbus *pmbus, struct pl_err *err)
{
  pmbus->pec = false;
  if (pmbus->cfg.quirks & (PL_PMBUS_NO_CAPABILITY | PL_PMBUS_NO_PEC) || !pl_pmbus_supports(pmbus, PL_PMBUS_CAPABILITY))
    return PL_OK;
  uint8_t first, second = 0;
  enum pl_status status = pl_pmbus_read_byte(pmbus, PL_PMBUS_CAPABILITY, &first, err);
  if (status)
    return status;
  pmbus->pec = first & 0x80;
  status = pl_pmbus_read_byte(pmbus, PL_PMBUS_CAPABILITY, &second, err);
  if (status == PL_OK && first != second)
    status = pl_fail(err, PL_E_GARBAGE, "CAPABILITY (0x19) reads 0x%02X, then 0x%02X", first, second);
  return status;
}

static enum pl_status learn_optional(struct pl_pmbus *pmbus, struct pl_err *err)
{
  if (pmbus->cfg.quirks & PL_PMBUS_NO_QUERY || !pl_pmbus_supports(pmbus, PL_PMBUS_QUERY))
    return PL_OK;
  for (size_t i = 0; i < pmbus->cfg.n_optional; i++) {
    uint8_t answer;
    enum pl_status status = pl_pmbus_query(pmbus, pmbus->cfg.optional[i], &answer, err);
    if (status && err)
      pl_err_prefix(err, "asking what the device has (one without QUERY needs the quirk no-query)");
    if (status)
      return status;
    if (answer & 0x80)
      support(pmbus, pmbus->cfg.optional[i]);
  }
  return PL_OK;
}

enum pl_status pl_pmbus_begin(struct pl_pmbus *pmbus, struct pl_err *err)
{
  pmbus->page = PAGE_UNKNOWN;
  pmbus->wanted = 0;
  if (pmbus->learnt)
    return PL_OK;
  enum pl_status status = learn_pec(pmbus, err);
  if (status == PL_OK)
    status = learn_optional(pmbus, err);
  pmbus->learnt = status == PL_OK;
  return status;
}
