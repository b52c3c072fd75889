/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of a node's agent, there and back (node_agent.h). */
#include "drivers/device/node_agent/node_agent.h"

#include <math.h>
#include <string.h>

#define COPIED_ALL 10000

static void put32(uint16_t *words, uint64_t value)
{
  words[0] = (uint16_t)(value >> 16);
  words[1] = (uint16_t)value;
}

static uint32_t get32(const uint16_t *words)
{
  return (uint32_t)words[0] << 16 | words[1];
}

static void put64(uint16_t *words, uint64_t value)
{
  put32(words, value >> 32);
  put32(words + 2, value);
}

static uint64_t get64(const uint16_t *words)
{
  return (uint64_t)get32(words) << 32 | get32(words + 2);
}

/* --- head --- */

static const struct {
  size_t word, offset;
} HEAD[] = {
    {PL_NA_HEAD_BOOTS, offsetof(struct pl_na_head, boots)},           {PL_NA_HEAD_CORES, offsetof(struct pl_na_head, cores_m)},
    {PL_NA_HEAD_MEMORY, offsetof(struct pl_na_head, memory_MiB)},     {PL_NA_HEAD_STORAGE, offsetof(struct pl_na_head, storage_MiB)},
    {PL_NA_HEAD_USED_CORES, offsetof(struct pl_na_head, used_cores_m)}, {PL_NA_HEAD_USED_MEMORY, offsetof(struct pl_na_head, used_memory_MiB)},
};

void pl_na_head_encode(const struct pl_na_head *head, uint16_t words[PL_NA_HEAD])
{
  put32(words + PL_NA_HEAD_MAGIC, PL_NA_MAGIC);
  words[PL_NA_HEAD_LAYOUT] = PL_NA_LAYOUT;
  for (size_t i = 0; i < sizeof HEAD / sizeof *HEAD; i++)
    put32(words + HEAD[i].word, *(const uint32_t *)((const char *)head + HEAD[i].offset));
  words[PL_NA_HEAD_RUNS] = head->runs;
  words[PL_NA_HEAD_SEQUENCE] = head->sequence;
  words[PL_NA_HEAD_RESULT] = head->result;
  words[PL_NA_HEAD_SLOT] = head->slot;
}

enum pl_status pl_na_head_decode(const uint16_t words[PL_NA_HEAD], struct pl_na_head *head, struct pl_err *err)
{
  if (get32(words + PL_NA_HEAD_MAGIC) != PL_NA_MAGIC)
    return pl_fail(err, PL_E_GARBAGE, "input registers 0 and 1 hold 0x%04X 0x%04X, a node's agent has 0x%04X 0x%04X there; check the unit id", words[0],
                   words[1], PL_NA_MAGIC >> 16, PL_NA_MAGIC & 0xFFFF);
  if (words[PL_NA_HEAD_LAYOUT] != PL_NA_LAYOUT)
    return pl_fail(err, PL_E_UNSUPPORTED, "the agent's registers are of layout %u, this driver knows %d", words[PL_NA_HEAD_LAYOUT], PL_NA_LAYOUT);
  for (size_t i = 0; i < sizeof HEAD / sizeof *HEAD; i++)
    *(uint32_t *)((char *)head + HEAD[i].offset) = get32(words + HEAD[i].word);
  head->runs = words[PL_NA_HEAD_RUNS];
  head->sequence = words[PL_NA_HEAD_SEQUENCE];
  head->result = words[PL_NA_HEAD_RESULT];
  head->slot = words[PL_NA_HEAD_SLOT];
  if (head->result >= PL_NA_RESULT_COUNT)
    return pl_fail(err, PL_E_GARBAGE, "the agent's last result is %u, which is none", head->result);
  if (head->used_cores_m > head->cores_m)
    return pl_fail(err, PL_E_GARBAGE, "the agent says that %.3f of its %.3f cores are used", head->used_cores_m / 1e3, head->cores_m / 1e3);
  return PL_OK;
}

/* --- runs --- */

void pl_na_run_encode(const struct pl_agent_run *run, uint16_t words[PL_NA_RUN])
{
  put32(words + PL_NA_RUN_HANDLE, run->handle);
  words[PL_NA_RUN_STATE] = (uint16_t)run->state;
  words[PL_NA_RUN_COPIED] = (uint16_t)lround(run->copied * COPIED_ALL);
  put32(words + PL_NA_RUN_CORES, (uint64_t)run->cores_m);
  put32(words + PL_NA_RUN_MEMORY, (uint64_t)run->memory_MiB);
  put32(words + PL_NA_RUN_DATA, (uint64_t)run->data_MiB);
  put32(words + PL_NA_RUN_IMAGE, run->image);
  put64(words + PL_NA_RUN_WORK, run->work);
  put32(words + PL_NA_RUN_CHECKSUM, run->checksum);
  put32(words + PL_NA_RUN_USED_CORES, (uint64_t)llround(run->used_cores * 1000));
  put32(words + PL_NA_RUN_USED_MEMORY, (uint64_t)llround(run->used_memory_MiB));
}

static enum pl_status check_run(const struct pl_agent_run *run, bool blank, struct pl_err *err)
{
  if ((run->state == PL_AGENT_RUN_NONE) != (run->handle == 0))
    return pl_fail(err, PL_E_GARBAGE, "a run with the handle %u is %s", run->handle, pl_agent_run_state_name(run->state));
  if (!run->handle && !blank)
    return pl_fail(err, PL_E_GARBAGE, "a run that is not used says something of itself");
  if (run->copied > 1 || run->used_cores * 1000 > (double)run->cores_m + 0.5)
    return pl_fail(err, PL_E_GARBAGE, "run %u is copied to %g %% and uses %g of %g cores", run->handle, run->copied * 100, run->used_cores, (double)run->cores_m / 1e3);
  return PL_OK;
}

enum pl_status pl_na_run_decode(const uint16_t words[PL_NA_RUN], struct pl_agent_run *run, struct pl_err *err)
{
  bool blank = true;
  for (size_t i = 0; i < PL_NA_RUN; i++)
    blank &= !words[i];
  if (words[PL_NA_RUN_STATE] > PL_AGENT_RUN_FAILED)
    return pl_fail(err, PL_E_GARBAGE, "the state of a run is %u, which is none", words[PL_NA_RUN_STATE]);
  *run = (struct pl_agent_run){
      .handle = get32(words + PL_NA_RUN_HANDLE),
      .state = (enum pl_agent_run_state)words[PL_NA_RUN_STATE],
      .copied = (double)words[PL_NA_RUN_COPIED] / COPIED_ALL,
      .cores_m = get32(words + PL_NA_RUN_CORES),
      .memory_MiB = get32(words + PL_NA_RUN_MEMORY),
      .data_MiB = get32(words + PL_NA_RUN_DATA),
      .image = get32(words + PL_NA_RUN_IMAGE),
      .work = get64(words + PL_NA_RUN_WORK),
      .checksum = get32(words + PL_NA_RUN_CHECKSUM),
      .used_cores = get32(words + PL_NA_RUN_USED_CORES) / 1e3,
      .used_memory_MiB = get32(words + PL_NA_RUN_USED_MEMORY),
  };
  return check_run(run, blank, err);
}

/* --- mailbox --- */

enum pl_status pl_na_box_encode(const struct pl_na_box *box, uint16_t words[PL_NA_BOX], struct pl_err *err)
{
  const struct {
    const char *what;
    int64_t value;
    size_t at;
  } AMOUNTS[] = {{"thousandths of a core", box->run.cores_m, PL_NA_BOX_CORES},
                 {"MiB of memory", box->run.memory_MiB, PL_NA_BOX_MEMORY},
                 {"MiB of data", box->run.data_MiB, PL_NA_BOX_DATA}};
  for (size_t i = 0; i < sizeof AMOUNTS / sizeof *AMOUNTS; i++) {
    if (AMOUNTS[i].value < 0 || AMOUNTS[i].value > UINT32_MAX)
      return pl_fail(err, PL_E_USAGE, "run %u: %lld %s, an agent takes 0 to %u", box->run.handle, (long long)AMOUNTS[i].value, AMOUNTS[i].what, UINT32_MAX);
    put32(words + AMOUNTS[i].at, (uint64_t)AMOUNTS[i].value);
  }
  words[PL_NA_BOX_SEQUENCE] = box->sequence;
  words[PL_NA_BOX_OP] = box->op;
  put32(words + PL_NA_BOX_HANDLE, box->run.handle);
  put32(words + PL_NA_BOX_IMAGE, box->run.image);
  put64(words + PL_NA_BOX_WORK, box->run.work);
  put32(words + PL_NA_BOX_CHECKSUM, box->run.checksum);
  return PL_OK;
}

void pl_na_box_decode(const uint16_t words[PL_NA_BOX], struct pl_na_box *box)
{
  *box = (struct pl_na_box){
      .sequence = words[PL_NA_BOX_SEQUENCE],
      .op = words[PL_NA_BOX_OP],
      .run = {.handle = get32(words + PL_NA_BOX_HANDLE),
              .cores_m = get32(words + PL_NA_BOX_CORES),
              .memory_MiB = get32(words + PL_NA_BOX_MEMORY),
              .data_MiB = get32(words + PL_NA_BOX_DATA),
              .image = get32(words + PL_NA_BOX_IMAGE),
              .work = get64(words + PL_NA_BOX_WORK),
              .checksum = get32(words + PL_NA_BOX_CHECKSUM)},
  };
}

uint32_t pl_na_checksum(const struct pl_agent_run *run)
{
  uint16_t words[8];
  put32(words, run->image);
  put32(words + 2, (uint64_t)run->data_MiB);
  put64(words + 4, run->work);
  uint32_t crc = UINT32_MAX; /* IEEE Std 802.3, section 3.2.9; bits in the order of the wire */
  for (size_t i = 0; i < 2 * sizeof words / sizeof *words; i++) {
    crc ^= words[i / 2] >> (i % 2 ? 0 : 8) & 0xFF;
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}
