/* SPDX-License-Identifier: Apache-2.0 */
#include "control/placement/recorder.h"

#include "control/placement/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS 8                   /* about as many files */
#define PART_MIN (8 * 1024)
#define GATHERED_MAX (256 * 1024) /* written before the round is over */

struct pl_recorder {
  char folder[512];
  int64_t keep_bytes, part_bytes; /* of all; of one */
  struct pl_pool_policy policy;
  struct pl_pool_watcher watcher;
  int fd;
  unsigned part;
  int64_t size, head;             /* of the file, with what is gathered; of what it begins with */
  uint64_t seal;
  uint64_t lines, answered;       /* answered: the line of the last answer; 0: none yet */
  struct pl_record_text line, gathered, answer;
  struct pl_err trouble;
  bool told;
};

/* --- files --- */

unsigned pl_recorder_number(const char *name)
{
  char again[64];
  unsigned number = strncmp(name, "decisions-", 10) ? 0 : (unsigned)strtoul(name + 10, NULL, 10);
  snprintf(again, sizeof again, PL_RECORDER_FILE, number);
  return strcmp(again, name) ? 0 : number;
}

struct listing {
  unsigned oldest, newest;
  int64_t bytes;
};

static enum pl_status list(const struct pl_recorder *recorder, struct listing *found, struct pl_err *err)
{
  DIR *dir = opendir(recorder->folder);
  *found = (struct listing){0};
  if (!dir)
    return pl_fail_errno(err, "the journal of decisions: %s", recorder->folder);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    unsigned number = pl_recorder_number(entry->d_name);
    struct stat info;
    if (!number || fstatat(dirfd(dir), entry->d_name, &info, 0))
      continue;
    found->oldest = !found->oldest || number < found->oldest ? number : found->oldest;
    found->newest = number > found->newest ? number : found->newest;
    found->bytes += info.st_size;
  }
  closedir(dir);
  return PL_OK;
}

static void name_part(const struct pl_recorder *recorder, unsigned part, char path[600])
{
  snprintf(path, 600, "%s/" PL_RECORDER_FILE, recorder->folder, part);
}

/* The oldest go until one more has room. */
static enum pl_status shorten(const struct pl_recorder *recorder, unsigned *newest, struct pl_err *err)
{
  struct listing found;
  enum pl_status status;
  char path[600];
  while (!(status = list(recorder, &found, err)) && found.oldest && found.bytes > recorder->keep_bytes - recorder->part_bytes) {
    name_part(recorder, found.oldest, path);
    if (unlink(path))
      return pl_fail_errno(err, "the journal of decisions: %s", path);
  }
  *newest = found.newest > recorder->part ? found.newest : recorder->part;
  return status;
}

static void write_gathered(struct pl_recorder *recorder)
{
  size_t done = 0;
  while (done < recorder->gathered.size && !recorder->trouble.status) {
    ssize_t n = write(recorder->fd, recorder->gathered.text + done, recorder->gathered.size - done);
    if (n < 0 && errno != EINTR)
      (void)pl_fail_errno(&recorder->trouble, "the journal of decisions: %s/" PL_RECORDER_FILE, recorder->folder, recorder->part);
    done += n > 0 ? (size_t)n : 0;
  }
  recorder->gathered.size = 0;
}

/* --- lines --- */

static void put_gathered(struct pl_recorder *recorder, const char *text, size_t size)
{
  struct pl_record_text *to = &recorder->gathered;
  if (to->size + size > to->cap) {
    char *more = realloc(to->text, (to->size + size) * 2);
    if (!more) {
      (void)pl_fail(&recorder->trouble, PL_E_NOMEM, "the journal of decisions: out of memory");
      return;
    }
    to->text = more;
    to->cap = (to->size + size) * 2;
  }
  memcpy(to->text + to->size, text, size);
  to->size += size;
}

/* What stands in `line` gets its seal, and is gathered. */
static void end_line(struct pl_recorder *recorder)
{
  struct pl_record_text *line = &recorder->line;
  char seal[16];
  if (line->broken)
    (void)pl_fail(&recorder->trouble, PL_E_NOMEM, "the journal of decisions: out of memory");
  if (recorder->trouble.status)
    return;
  recorder->seal = pl_record_seal(recorder->seal, line->text, line->size);
  int n = snprintf(seal, sizeof seal, " *%08x\n", (unsigned)(recorder->seal & 0xFFFFFFFF));
  put_gathered(recorder, line->text, line->size);
  put_gathered(recorder, seal, (size_t)n);
  recorder->size += (int64_t)line->size + n;
  recorder->lines++;
  if (recorder->gathered.size > GATHERED_MAX)
    write_gathered(recorder);
}

static void note_answer(struct pl_recorder *recorder)
{
  struct pl_record_text swap = recorder->answer;
  recorder->answer = recorder->line;
  recorder->line = swap;
  recorder->answered = recorder->lines;
}

static void told(void *ctx, const struct pl_pool_call *call)
{
  struct pl_recorder *recorder = ctx;
  if (recorder->trouble.status)
    return;
  recorder->line.size = 0;
  pl_record_call(&recorder->line, call);
  end_line(recorder);
  if (pl_record_answers(call->verb))
    note_answer(recorder);
}

/* --- decisions --- */

/* Taken by what the pool answered last, if that is about it; others (a loss, a stop) follow from no answer. */
static bool follows(struct pl_recorder *recorder, const struct pl_decision *decision)
{
  static const char *const BY_POOL[] = {"place", "refuse", "queue", "reserve", "move", "evict", "scale", "sleep"};
  const char *about = decision->id_of[0] ? decision->id_of : decision->node;
  bool by_pool = false;
  for (size_t i = 0; i < sizeof BY_POOL / sizeof *BY_POOL; i++)
    by_pool |= !strcmp(BY_POOL[i], decision->what);
  recorder->line.size = 0;
  pl_record_word(&recorder->line, about);
  if (!by_pool || !recorder->answered || recorder->line.broken)
    return false;
  for (const char *at = recorder->answer.text; (at = strstr(at, recorder->line.text)); at++) {
    char after = at[recorder->line.size];
    if (at > recorder->answer.text && at[-1] == ' ' && (after == ' ' || !after))
      return true;
  }
  return false;
}

void pl_recorder_decide(struct pl_recorder *recorder, const struct pl_decision *decision)
{
  struct pl_record_text *line = &recorder->line;
  if (recorder->trouble.status)
    return;
  uint64_t by = follows(recorder, decision) ? recorder->answered : 0;
  line->size = 0;
  pl_record_word(line, "decide");
  pl_record_int(line, decision->id);
  pl_record_word(line, decision->what);
  pl_record_word(line, decision->id_of);
  pl_record_word(line, decision->node);
  pl_record_word(line, decision->author);
  pl_record_int(line, decision->wall_ns);
  pl_record_int(line, (int64_t)by);
  pl_record_word(line, decision->text);
  end_line(recorder);
  write_gathered(recorder);
}

/* --- life --- */

static enum pl_status begin_part(struct pl_recorder *recorder, int64_t wall_ns, struct pl_err *err)
{
  char path[600];
  enum pl_status status = shorten(recorder, &recorder->part, err);
  if (status)
    return status;
  if (recorder->fd >= 0)
    close(recorder->fd);
  name_part(recorder, ++recorder->part, path);
  recorder->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (recorder->fd < 0)
    return pl_fail_errno(err, "the journal of decisions: %s", path);
  recorder->size = 0;
  recorder->lines = recorder->answered = recorder->watcher.plans = recorder->watcher.copies = 0;
  recorder->seal = PL_RECORD_SEAL;
  recorder->line.size = 0;
  pl_record_begin(&recorder->line, &recorder->policy, wall_ns);
  end_line(recorder);
  return recorder->trouble.status;
}

enum pl_status pl_recorder_new(const char *folder, int64_t keep_bytes, const struct pl_pool_policy *policy, int64_t wall_ns, struct pl_recorder **out, struct pl_err *err)
{
  struct pl_recorder *recorder = calloc(1, sizeof *recorder);
  if (!recorder)
    return pl_fail(err, PL_E_NOMEM, "the journal of decisions: out of memory");
  *recorder = (struct pl_recorder){.policy = *policy, .keep_bytes = keep_bytes < PARTS * PART_MIN ? PARTS * PART_MIN : keep_bytes, .fd = -1};
  recorder->part_bytes = recorder->keep_bytes / PARTS;
  recorder->watcher = (struct pl_pool_watcher){.told = told, .ctx = recorder};
  snprintf(recorder->folder, sizeof recorder->folder, "%s", folder);
  enum pl_status status = mkdir(folder, 0700) && errno != EEXIST ? pl_fail_errno(err, "the journal of decisions: %s", folder) : PL_OK;
  if (!status)
    status = begin_part(recorder, wall_ns, err);
  if (status) {
    pl_recorder_free(recorder);
    return status;
  }
  *out = recorder;
  return PL_OK;
}

void pl_recorder_free(struct pl_recorder *recorder)
{
  if (!recorder)
    return;
  if (recorder->fd >= 0) {
    write_gathered(recorder);
    close(recorder->fd);
  }
  pl_record_end(&recorder->line);
  pl_record_end(&recorder->gathered);
  pl_record_end(&recorder->answer);
  free(recorder);
}

struct pl_pool_watcher *pl_recorder_watcher(struct pl_recorder *recorder)
{
  return &recorder->watcher;
}

enum pl_status pl_recorder_round(struct pl_recorder *recorder, const struct pl_pool *pool, int64_t wall_ns, struct pl_err *err)
{
  struct pl_err *trouble = &recorder->trouble;
  write_gathered(recorder);
  bool full = recorder->size >= recorder->part_bytes && recorder->size >= 4 * recorder->head; /* a large pool: few large files */
  if (!trouble->status && full && !begin_part(recorder, wall_ns, trouble)) {
    (void)pl_record_state(pool, told, recorder, trouble);
    recorder->head = recorder->size;
    write_gathered(recorder);
  }
  if (!trouble->status || recorder->told)
    return PL_OK;
  recorder->told = true;
  return pl_fail(err, trouble->status, "%s. What is decided from here on cannot be decided again", trouble->text);
}
