/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_HOST_CLI_H
#define PL_HOST_CLI_H

#include "drivers/rig/bench.h"

#include <stdio.h>

/* The command line: a table of commands, each with a table of options from which parsing, --help and docs/commands.md are made. */
enum pl_exit { /* design.md section 2 */
  PL_EXIT_PASSED = 0,
  PL_EXIT_FAILED = 1,     /* the unit failed */
  PL_EXIT_USAGE = 2,      /* usage, rig or sequence error, found before anything was driven */
  PL_EXIT_UNJUDGED = 3,   /* could not judge: equipment or software trouble */
  PL_EXIT_ABORTED = 4,    /* signal or operator; safe state applied */
};

struct pl_option {
  const char *name;    /* "rig": spelt --rig */
  const char *metavar; /* NULL: a flag; "[HOST:PORT]": a value that may be left out */
  const char *help;
  bool many;           /* may be given again */
};

#define PL_OPTION_VALUES_MAX 64
struct pl_args { /* what was given; strings are argv's */
  const struct pl_command *command;
  struct {
    const struct pl_option *option;
    const char *value;
  } given[PL_OPTION_VALUES_MAX];
  size_t n_given;
  const char *words[PL_OPTION_VALUES_MAX]; /* positional */
  size_t n_words;
  int argc;
  char **argv;
};

struct pl_command {
  const char *name, *operands, *about;
  const struct pl_option *options; /* ends with a NULL name */
  size_t min_words, max_words;
  const char *examples; /* lines */
  const char *details;  /* lines for its own help; NULL: none */
  enum pl_exit (*run)(const struct pl_args *args);
};

extern const struct pl_command pl_command_run, pl_command_check, pl_command_replay, pl_command_report, pl_command_get, pl_command_set, pl_command_watch, pl_command_rig,
    pl_command_drivers, pl_command_twin, pl_command_scan, pl_command_doctor, pl_command_coverage, pl_command_guardian, pl_command_interlock, pl_command_plot, pl_command_faults,
    pl_command_broker;
/* twin_control.c: the verbs of `plumb twin` that speak to a running rack. False: the word is none of them. */
bool pl_twin_control(const struct pl_args *args, enum pl_exit *code);
/* twin_record.c: `plumb twin record` */
enum pl_exit pl_twin_record(const struct pl_args *args);
extern const struct pl_command *const pl_commands[]; /* ends with NULL */

/* PL_E_USAGE with a sentence (and a "did you mean") for unknown, repeated or incomplete options and a wrong number of words. */
enum pl_status pl_args_parse(const struct pl_command *command, int argc, char **argv, struct pl_args *args, struct pl_err *err);
const char *pl_args_text(const struct pl_args *args, const char *name, const char *fallback);
bool pl_args_flag(const struct pl_args *args, const char *name);
/* The values of a repeatable option, in order; *count receives their number. values has room for PL_OPTION_VALUES_MAX. */
void pl_args_many(const struct pl_args *args, const char *name, const char **values, size_t *count);
enum pl_status pl_args_u64(const struct pl_args *args, const char *name, uint64_t fallback, uint64_t *value, struct pl_err *err);
void pl_help_command(const struct pl_command *command, FILE *out);
void pl_help_all(FILE *out);

/* Prints "plumb: SENTENCE" to stderr and returns the code. */
enum pl_exit pl_complain(enum pl_exit code, const struct pl_err *err);

/* The rig of --rig, else of PLUMBLINE_RIG, else the demo rack. Names without a slash are also looked for where the product is installed. */
enum pl_status pl_cli_rig(const struct pl_args *args, struct pl_rig **rig, struct pl_err *err);
/* A shipped file: `path` itself when it exists, else below the installation's share/plumbline. The result is in `room`. */
const char *pl_cli_find(const char *path, char *room, size_t size);

/* The command line as it was given, for the record. */
char *pl_cli_command_line(const struct pl_args *args, char *out, size_t size);
/* A folder for output, made when missing, its name in dir (which may be `name` itself); PL_E_USAGE when it cannot be used. */
enum pl_status pl_cli_folder(const char *name, char *dir, size_t size, struct pl_err *err);

/* Lets drivers/maps find the shipped register maps from any folder (PLUMBLINE_MAPS). */
void pl_cli_find_maps(void);

/* SIGINT, SIGTERM, SIGHUP and SIGQUIT set *pl_cli_stop() to their number and wake the clock. */
volatile int *pl_cli_stop(void);
void pl_cli_catch_signals(struct pl_clock *clock);

/* JSON text of a string, with quotes. */
void pl_cli_json_text(FILE *out, const char *text);

#endif
