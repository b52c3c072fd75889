/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PL_CONTROL_WEB_OPTIONS_H
#define PL_CONTROL_WEB_OPTIONS_H

#include "drivers/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* rackd's command line: one table, from which parsing and --help are made; docs/rackd.1 is tested against it. */
#define PL_OPTIONS_FAULTS_MAX 32
struct pl_options {
  const char *rig, *listen, *settings, *mutant, *user, *password_file;
  char state[512];
  bool plain;
  uint64_t seed;
  double rate;
  int ready_fd; /* -1: none */
  const char *faults[PL_OPTIONS_FAULTS_MAX];
  size_t n_faults;
  bool done; /* --help or --version: all is said */
};

enum pl_status pl_options_read(int argc, char **argv, struct pl_options *options, struct pl_err *err);
/* A rig file: as named, else below the installation's share/plumbline; its maps are found from there, too. room may be what is returned. */
const char *pl_options_find(const char *path, char *room, size_t size);

#endif
