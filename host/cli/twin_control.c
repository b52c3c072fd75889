/* SPDX-License-Identifier: Apache-2.0 */
/* `plumb twin act|plant|clear|truth|unplug|plug`: a running rack (`plumb twin serve --socket`) is told what to do. */
#include "host/cli/cli.h"

#include <stdlib.h>
#include <string.h>

struct rack {
  const struct pl_backend_desc *desc;
  struct pl_backend *backend;
};

static enum pl_status act(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  return rack->desc->act(rack->backend, a, b, err);
}

static enum pl_status plant(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  (void)b;
  return rack->desc->plant(rack->backend, a, err);
}

static enum pl_status clear(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  (void)b;
  return rack->desc->clear(rack->backend, a, err);
}

static enum pl_status truth(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  double value = 0;
  enum pl_status status = rack->desc->truth(rack->backend, a, b, &value, err);
  if (!status)
    printf("%.9g\n", value);
  return status;
}

static void print_planted(void *ctx, const struct pl_fault_told *each)
{
  (void)ctx;
  printf("%8llu  %-7s  %s\n", (unsigned long long)each->acted, pl_fault_state_name(each->state), each->spec);
}

/* What is planted, and how often each has acted. */
static enum pl_status planted(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  (void)a;
  (void)b;
  return rack->desc->planted(rack->backend, print_planted, NULL, err);
}

static enum pl_status unplug(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  (void)b;
  return rack->desc->plug(rack->backend, a, false, err);
}

static enum pl_status plug(const struct rack *rack, const char *a, const char *b, struct pl_err *err)
{
  (void)b;
  return rack->desc->plug(rack->backend, a, true, err);
}

static const struct {
  const char *name, *operands;
  size_t min_words, max_words;
  enum pl_status (*run)(const struct rack *rack, const char *a, const char *b, struct pl_err *err);
} VERBS[] = {
    {"act", "PART VERB", 2, 2, act},     {"plant", "SPEC", 1, 1, plant},     {"clear", "[SPEC]", 0, 1, clear},
    {"planted", "", 0, 0, planted},      {"truth", "PART PORT", 2, 2, truth}, {"unplug", "BUSID", 1, 1, unplug}, {"plug", "BUSID", 1, 1, plug},
};

bool pl_twin_control(const struct pl_args *args, enum pl_exit *code)
{
  size_t i = 0, n = sizeof VERBS / sizeof *VERBS;
  while (i < n && strcmp(VERBS[i].name, args->words[0]) != 0)
    i++;
  if (i == n)
    return false;
  struct pl_err err = {0};
  struct rack rack = {.desc = pl_backend_find("twin-remote")};
  struct pl_clock *clock = NULL;
  const struct pl_rig rig = {.path = "--socket", .twin_socket = pl_args_text(args, "socket", "plumb-twin.sock")};
  size_t words = args->n_words - 1;
  enum pl_status status = PL_OK;
  if (words < VERBS[i].min_words || words > VERBS[i].max_words)
    status = pl_fail(&err, PL_E_USAGE, "expected: plumb twin %s %s [--socket PATH]", VERBS[i].name, VERBS[i].operands);
  if (!status)
    status = pl_clock_new_real(&clock, &err);
  if (!status)
    status = rack.desc->open(&rig, clock, 0, false, &rack.backend, &err);
  if (!status)
    status = VERBS[i].run(&rack, words > 0 ? args->words[1] : NULL, words > 1 ? args->words[2] : NULL, &err);
  rack.desc->close(rack.backend);
  pl_clock_free(clock);
  *code = !status ? PL_EXIT_PASSED : pl_complain(pl_status_class(status) == PL_CLASS_USAGE ? PL_EXIT_USAGE : PL_EXIT_UNJUDGED, &err);
  return true;
}
