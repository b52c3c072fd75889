/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct pl_option *find_option(const struct pl_command *command, const char *name, size_t length)
{
  for (const struct pl_option *o = command->options; o->name; o++)
    if (strlen(o->name) == length && !strncmp(o->name, name, length))
      return o;
  return NULL;
}

static enum pl_status unknown_option(const struct pl_command *command, const char *word, size_t length, struct pl_err *err)
{
  const char *names[32];
  size_t count = 0;
  for (const struct pl_option *o = command->options; o->name && count < 32; o++)
    names[count++] = o->name;
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)length, word);
  const char *near = pl_closest(name, names, count);
  if (near)
    return pl_fail(err, PL_E_USAGE, "unknown option --%s of `plumb %s`, did you mean --%s?", name, command->name, near);
  return pl_fail(err, PL_E_USAGE, "unknown option --%s of `plumb %s`; see `plumb %s --help`", name, command->name, command->name);
}

static bool already_given(const struct pl_args *args, const struct pl_option *option)
{
  for (size_t i = 0; i < args->n_given; i++)
    if (args->given[i].option == option)
      return true;
  return false;
}

static enum pl_status take_option(struct pl_args *args, int *at, struct pl_err *err)
{
  const char *word = args->argv[*at] + 2;
  const char *equals = strchr(word, '=');
  size_t length = equals ? (size_t)(equals - word) : strlen(word);
  const struct pl_option *option = find_option(args->command, word, length);
  if (!option)
    return unknown_option(args->command, word, length, err);
  if (!option->many && already_given(args, option))
    return pl_fail(err, PL_E_USAGE, "--%s is given twice", option->name);
  if (args->n_given == PL_OPTION_VALUES_MAX)
    return pl_fail(err, PL_E_USAGE, "more than %d options", PL_OPTION_VALUES_MAX);
  const char *value = NULL;
  if (!option->metavar && equals)
    return pl_fail(err, PL_E_USAGE, "--%s takes no value", option->name);
  if (option->metavar) {
    if (equals)
      value = equals + 1;
    else if (*at + 1 < args->argc && (*option->metavar != '[' || *args->argv[*at + 1] != '-'))
      value = args->argv[++*at];
    else if (*option->metavar == '[')
      value = "";
    else
      return pl_fail(err, PL_E_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->metavar);
  }
  args->given[args->n_given].option = option;
  args->given[args->n_given++].value = value;
  return PL_OK;
}

enum pl_status pl_args_parse(const struct pl_command *command, int argc, char **argv, struct pl_args *args, struct pl_err *err)
{
  *args = (struct pl_args){.command = command, .argc = argc, .argv = argv};
  bool options = true;
  for (int i = 0; i < argc; i++) {
    if (options && !strcmp(argv[i], "--")) {
      options = false;
    } else if (options && !strncmp(argv[i], "--", 2)) {
      enum pl_status status = take_option(args, &i, err);
      if (status)
        return status;
    } else if (options && argv[i][0] == '-' && argv[i][1]) {
      return pl_fail(err, PL_E_USAGE, "unknown option %s; options are spelt out: see `plumb %s --help`", argv[i], command->name);
    } else if (args->n_words == PL_OPTION_VALUES_MAX) {
      return pl_fail(err, PL_E_USAGE, "more than %d operands", PL_OPTION_VALUES_MAX);
    } else {
      args->words[args->n_words++] = argv[i];
    }
  }
  if (args->n_words < command->min_words)
    return pl_fail(err, PL_E_USAGE, "`plumb %s` needs %s; see `plumb %s --help`", command->name, command->operands, command->name);
  if (args->n_words > command->max_words)
    return pl_fail(err, PL_E_USAGE, "`plumb %s` does not know what to do with '%s'; see `plumb %s --help`", command->name, args->words[command->max_words],
                   command->name);
  return PL_OK;
}

const char *pl_args_text(const struct pl_args *args, const char *name, const char *fallback)
{
  for (size_t i = 0; i < args->n_given; i++)
    if (!strcmp(args->given[i].option->name, name))
      return args->given[i].value;
  return fallback;
}

bool pl_args_flag(const struct pl_args *args, const char *name)
{
  for (size_t i = 0; i < args->n_given; i++)
    if (!strcmp(args->given[i].option->name, name))
      return true;
  return false;
}

void pl_args_many(const struct pl_args *args, const char *name, const char **values, size_t *count)
{
  *count = 0;
  for (size_t i = 0; i < args->n_given; i++)
    if (!strcmp(args->given[i].option->name, name))
      values[(*count)++] = args->given[i].value;
}

enum pl_status pl_args_u64(const struct pl_args *args, const char *name, uint64_t fallback, uint64_t *value, struct pl_err *err)
{
  const char *text = pl_args_text(args, name, NULL);
  *value = fallback;
  if (!text)
    return PL_OK;
  char *end;
  errno = 0;
  *value = strtoull(text, &end, 10);
  if (errno || *end || end == text || *text == '-')
    return pl_fail(err, PL_E_USAGE, "--%s: '%s' is not a whole number from 0", name, text);
  return PL_OK;
}

void pl_help_command(const struct pl_command *command, FILE *out)
{
  fprintf(out, "plumb %s %s\n  %s\n%s", command->name, command->operands, command->about, command->details ? command->details : "");
  if (command->options->name)
    fprintf(out, "\nOptions:\n");
  for (const struct pl_option *o = command->options; o->name; o++) {
    char left[48];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
    fprintf(out, "  %-22s %s%s\n", left, o->help, o->many ? " (may be repeated)" : "");
  }
  fprintf(out, "\nExamples:\n%s", command->examples);
}

void pl_help_all(FILE *out)
{
  fprintf(out, "plumb: hardware-in-the-loop tests and bring-up for liquid-cooled modular racks\n\nCommands:\n");
  for (const struct pl_command *const *c = pl_commands; *c; c++)
    fprintf(out, "  %-8s %s\n", (*c)->name, (*c)->about);
  fprintf(out, "\n`plumb COMMAND --help` shows options and examples.\n\n"
               "Exit codes: 0 passed; 1 the unit failed; 2 usage, rig or sequence error, nothing was driven;\n"
               "            3 could not judge (equipment or software trouble); 4 aborted, safe state applied.\n");
}
