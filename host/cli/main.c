/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

static enum pl_exit unknown_command(const char *word)
{
  const char *names[32];
  size_t count = 0;
  for (const struct pl_command *const *c = pl_commands; *c && count < 32; c++)
    names[count++] = (*c)->name;
  const char *near = pl_closest(word, names, count);
  struct pl_err err = {0};
  if (near)
    pl_fail(&err, PL_E_USAGE, "unknown command '%s', did you mean '%s'?", word, near);
  else
    pl_fail(&err, PL_E_USAGE, "unknown command '%s'; `plumb --help` lists them", word);
  return pl_complain(PL_EXIT_USAGE, &err);
}

/* What was printed must have arrived; a reader that went away (`| head`) has what it wanted. */
static int finish(enum pl_exit code)
{
  bool bad = fflush(stdout) != 0;
  int cause = errno;
  if ((!bad && !ferror(stdout)) || cause == EPIPE)
    return (int)code;
  fprintf(stderr, "plumb: cannot write to standard output: %s\n", strerror(cause));
  return (int)(code == PL_EXIT_PASSED ? PL_EXIT_UNJUDGED : code);
}

static bool wants_help(int argc, char **argv)
{
  for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
      return true;
  return false;
}

int main(int argc, char **argv)
{
  mallopt(M_TRIM_THRESHOLD, 64 << 20); /* what a rehearsal frees the run takes again: the kernel need not wipe it in between */
  if (argc < 2) {
    pl_help_all(stderr);
    return PL_EXIT_USAGE;
  }
  const char *word = argv[1];
  if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
    pl_help_all(stdout);
    return PL_EXIT_PASSED;
  }
  if (!strcmp(word, "--version")) {
    printf("plumb %s\n", PL_VERSION);
    return PL_EXIT_PASSED;
  }
  for (const struct pl_command *const *c = pl_commands; *c; c++) {
    if (strcmp((*c)->name, word))
      continue;
    if (wants_help(argc - 2, argv + 2)) {
      pl_help_command(*c, stdout);
      return PL_EXIT_PASSED;
    }
    struct pl_args args;
    struct pl_err err = {0};
    if (pl_args_parse(*c, argc - 2, argv + 2, &args, &err))
      return (int)pl_complain(PL_EXIT_USAGE, &err);
    pl_cli_find_maps();
    return finish((*c)->run(&args));
  }
  return (int)unknown_command(word);
}
