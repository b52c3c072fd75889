/* SPDX-License-Identifier: Apache-2.0 */
/* rackd replay-decisions: the journal of decisions, decided again. */
#include "control/web/replay_command.h"

#include "control/placement/recorder.h"
#include "control/placement/replay.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum replay_exit { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_USAGE = 2, EXIT_TROUBLE = 3 }; /* as plumb's */

static const char HELP[] =
    "rackd replay-decisions PATH [--id N]\n"
    "  makes the pool as the journal of decisions has it, decides again, and compares\n\n"
    "  PATH     a file of the journal, its folder, or the folder that rackd was started with (--state)\n"
    "  --id N   one decision, by its Id in the placement log: what was asked, what was answered, why there and why not elsewhere\n\n"
    "Exit codes: 0 all as it was decided, 1 something is different (the first is named), 2 usage, or there is no such journal or decision, 3 trouble\n";

struct request {
  const char *path;
  int64_t id; /* 0: none in particular */
};

static enum pl_status read_words(int count, char **words, struct request *request, struct pl_err *err)
{
  for (int i = 1; i < count; i++) {
    const char *value = !strncmp(words[i], "--id=", 5) ? words[i] + 5 : NULL;
    char *end = NULL;
    if (!strcmp(words[i], "--id") && !value)
      value = ++i < count ? words[i] : "";
    if (value) {
      errno = 0;
      request->id = strtoll(value, &end, 10);
      if (end == value || *end || errno || request->id < 1)
        return pl_fail(err, PL_E_USAGE, "--id %s: the Id of an entry of the placement log is needed, a whole number from 1", value);
    } else if (words[i][0] == '-' || request->path) {
      return pl_fail(err, PL_E_USAGE, "unknown word '%s'; `rackd replay-decisions --help` says what there is", words[i]);
    } else {
      request->path = words[i];
    }
  }
  return request->path ? PL_OK : pl_fail(err, PL_E_USAGE, "replay-decisions needs a file of the journal, or its folder");
}

/* --- which files --- */

struct parts {
  char folder[600];
  unsigned *numbers;
  size_t count;
};

static int by_number(const void *a, const void *b)
{
  const unsigned *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static enum pl_status list(const char *path, struct parts *parts, struct pl_err *err)
{
  DIR *dir;
  snprintf(parts->folder, sizeof parts->folder, "%s/decisions", path);
  if (!(dir = opendir(parts->folder))) {
    snprintf(parts->folder, sizeof parts->folder, "%s", path);
    dir = opendir(path);
  }
  if (!dir)
    return errno == ENOTDIR ? PL_OK : pl_fail(err, PL_E_USAGE, "%s: %s", path, strerror(errno));
  for (const struct dirent *entry; (entry = readdir(dir));) {
    unsigned number = pl_recorder_number(entry->d_name), *more = number ? realloc(parts->numbers, (parts->count + 1) * sizeof *more) : NULL;
    if (!more)
      continue;
    parts->numbers = more;
    parts->numbers[parts->count++] = number;
  }
  closedir(dir);
  if (!parts->count)
    return pl_fail(err, PL_E_USAGE, "%s: there is no journal of decisions in it (decisions-000001.journal)", path);
  qsort(parts->numbers, parts->count, sizeof *parts->numbers, by_number);
  return PL_OK;
}

static const char *name_of(const struct request *request, const struct parts *parts, size_t i, char path[640])
{
  if (!parts->count)
    return request->path;
  snprintf(path, 640, "%s/" PL_RECORDER_FILE, parts->folder, parts->numbers[i]);
  return path;
}

/* --- what came of it --- */

static int tell(const char *name, const struct pl_replay *replay)
{
  if (replay->diverged) {
    printf("%s:%zu: different: %s\n", name, replay->diverged, replay->why);
    return EXIT_DIFFERENT;
  }
  if (replay->found)
    printf("%s: decided again up to there, %zu answers, each the same\n", name, replay->answers);
  else
    printf("%s: %zu decisions, %zu answers of the pool given again, each the same%s\n", name, replay->decisions, replay->answers,
           replay->torn ? " (its last line is cut off and was left out)" : "");
  return EXIT_SAME;
}

static int complain(const struct pl_err *err)
{
  fprintf(stderr, "rackd: %s\n", err->text);
  return err->status == PL_E_NOMEM || err->status == PL_E_IO ? EXIT_TROUBLE : EXIT_USAGE;
}

static int one_file(const char *name, int64_t id, bool *found, struct pl_err *err)
{
  struct pl_replay replay;
  int code = EXIT_SAME;
  if (pl_replay_file(name, id, &replay, err)) {
    code = complain(err);
  } else if (!id || replay.found) {
    fputs(replay.text ? replay.text : "", stdout);
    code = tell(name, &replay);
  }
  *found = replay.found;
  pl_replay_end(&replay);
  return code;
}

static int all_files(const struct request *request, const struct parts *parts, struct pl_err *err)
{
  char path[640];
  int worst = EXIT_SAME;
  size_t count = parts->count ? parts->count : 1;
  bool found = false;
  for (size_t i = 0; i < count && !found; i++) { /* a decision: the newest of its number */
    int code = one_file(name_of(request, parts, request->id ? count - 1 - i : i, path), request->id, &found, err);
    worst = code > worst ? code : worst;
  }
  if (!request->id || found || worst)
    return worst;
  pl_fail(err, PL_E_USAGE, "%s has no decision %" PRId64 ": the oldest are gone (setting decisions-kept)", request->path, request->id);
  return complain(err);
}

int pl_replay_command(int count, char **words)
{
  struct request request = {0};
  struct parts parts = {0};
  struct pl_err err = {0};
  for (int i = 1; i < count; i++)
    if (!strcmp(words[i], "--help") || !strcmp(words[i], "-h")) {
      fputs(HELP, stdout);
      return EXIT_SAME;
    }
  enum pl_status status = read_words(count, words, &request, &err);
  if (!status)
    status = list(request.path, &parts, &err);
  int code = status ? complain(&err) : all_files(&request, &parts, &err);
  free(parts.numbers);
  return code;
}
