/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/journal/text.h"

#include <signal.h>
#include <string.h>

const struct pl_command *const pl_commands[] = {
    &pl_command_run, &pl_command_check, &pl_command_replay,  &pl_command_report, &pl_command_get, &pl_command_set, &pl_command_watch, &pl_command_plot,
    &pl_command_rig, &pl_command_drivers, &pl_command_scan, &pl_command_doctor, &pl_command_twin, &pl_command_broker, &pl_command_coverage, &pl_command_faults,
    &pl_command_interlock, &pl_command_guardian, NULL,
};

enum pl_exit pl_complain(enum pl_exit code, const struct pl_err *err)
{
  fflush(stdout);
  fprintf(stderr, "plumb: %s\n", err->text[0] ? err->text : pl_status_text(err->status));
  return code;
}

const char *pl_cli_find(const char *path, char *room, size_t size)
{
  if (!access(path, F_OK) || path[0] == '/')
    return path;
  char self[512];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0)
    return path;
  self[length] = '\0';
  /* build/plumb or build/KIND/plumb in a source tree, or PREFIX/bin/plumb of an installation */
  static const char *const PLACES[] = {"/../", "/../../", "/../share/plumbline/"};
  *strrchr(self, '/') = '\0';
  for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
    int n = snprintf(room, size, "%s%s%s", self, PLACES[i], path);
    if (n > 0 && (size_t)n < size && !access(room, F_OK))
      return room;
  }
  return path;
}

void pl_cli_find_maps(void)
{
  char room[1024];
  const char *map = pl_cli_find("drivers/maps/load-bank.yaml", room, sizeof room); /* a folder of the name alone proves nothing */
  const char *own = getenv("PLUMBLINE_MAPS");
  if ((own && *own) || map != room) /* the user's own word counts; ./drivers/maps is looked at anyway */
    return;
  *strrchr(room, '/') = '\0';
  setenv("PLUMBLINE_MAPS", room, 1);
}

enum pl_status pl_cli_rig(const struct pl_args *args, struct pl_rig **rig, struct pl_err *err)
{
  char room[1024];
  const char *named = getenv("PLUMBLINE_RIG");
  const char *path = pl_args_text(args, "rig", named && *named ? named : "fixtures/rigs/demo-rack.yaml");
  return pl_rig_load(pl_cli_find(path, room, sizeof room), rig, err);
}

static volatile int stop_signal;
static struct pl_clock *volatile stop_clock;

static void on_signal(int number)
{
  stop_signal = stop_signal ? stop_signal + 256 : number; /* a second signal is told from the first */
  if (stop_clock)
    pl_clock_wake(stop_clock);
}

volatile int *pl_cli_stop(void)
{
  return &stop_signal;
}

void pl_cli_catch_signals(struct pl_clock *clock)
{
  stop_clock = clock;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT}; /* a closed terminal must not leave a slot on */
  for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
    sigaction(ENDS[i], &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

void pl_cli_json_text(FILE *out, const char *text)
{
  struct pl_text json = {0};
  pl_text_json(&json, text, strlen(text));
  fwrite(json.bytes ? json.bytes : "\"\"", 1, json.bytes ? json.len : 2, out);
  pl_text_free(&json);
}
