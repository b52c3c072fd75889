/* SPDX-License-Identifier: Apache-2.0 */
#include "control/web/options.h"

#include "control/web/web.h"
#include "drivers/base/word.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum option { RIG, LISTEN, PLAIN, STATE, SETTINGS, SEED, FAULT, RATE, USER, PASSWORD_FILE, READY_FD, MUTANT, HELP, VERSION, OPTIONS };
static const struct {
  const char *name, *metavar, *help; /* metavar NULL: a flag */
} TABLE[OPTIONS] = {
  [RIG] = {"rig", "FILE", "the rig file (PLUMBLINE_RIG, else the virtual demo rack); what it gives to the stack is driven, nothing else"},
  [LISTEN] = {"listen", "ADDR:PORT", "where to serve (127.0.0.1:8443); 0.0.0.0:8443 or [::]:8443 for the network; port 0: any free one"},
  [PLAIN] = {"plain", NULL, "http without TLS; on loopback only"},
  [STATE] = {"state", "DIR", "what outlives a restart: store, certificate and key (STATE_DIRECTORY, else ~/.local/state/rackd)"},
  [SETTINGS] = {"settings", "FILE", "the site's settings in YAML"},
  [SEED] = {"seed", "N", "seed of a virtual rack's noise (1)"},
  [FAULT] = {"fault", "SPEC", "plant a fault in a virtual rack (plumb faults); may be repeated"},
  [RATE] = {"rate", "N", "requests a second that one address may make for long, four times as many at once (1000; 0: any)"},
  [USER] = {"user", "NAME", "the first administrator's name, at first start (admin)"},
  [PASSWORD_FILE] = {"password-file", "FILE", "the first administrator's password, its first line (else one is made and shown once)"},
  [READY_FD] = {"ready-fd", "N", "write the URL to this descriptor when requests are answered, and close it"},
  [MUTANT] = {"mutant", "NAME", "a stack that lies, by name; test builds only"},
  [HELP] = {"help", NULL, "this text"},
  [VERSION] = {"version", NULL, "the version"},
};

static void help(void)
{
  printf("rackd [OPTION...]\nrackd replay-decisions PATH [--id N]\n  the reference control stack: drives what a rig file says the stack owns, and answers Redfish; replay-decisions\n  decides again what stands in the journal of decisions (rackd replay-decisions --help)\n\nOptions:\n");
  for (size_t i = 0; i < OPTIONS; i++) {
    char left[40];
    snprintf(left, sizeof left, "--%s%s%s", TABLE[i].name, TABLE[i].metavar ? " " : "", TABLE[i].metavar ? TABLE[i].metavar : "");
    printf("  %-22s %s\n", left, TABLE[i].help);
  }
  printf("\nExamples:\n"
         "  rackd                                                   the virtual demo rack at https://127.0.0.1:8443/\n"
         "  rackd --rig rack.yaml --listen 0.0.0.0:8443 --state /var/lib/rackd\n"
         "  rackd --plain --listen 127.0.0.1:0 --state /tmp/rackd   for a test: http, any free port\n"
         "  rackd --fault leak-1.leak=stuck-high@30s                  a leak line half a minute from now\n"
         "\nIt ends at SIGINT or SIGTERM; outputs stay as they are: a control stack that restarts must not drop the rack.\n"
         "Exit codes: 0 ended by a signal, 2 usage, rig or settings error, nothing was driven, 3 equipment or software trouble\n");
}

static enum pl_status unknown(const char *word, struct pl_err *err)
{
  const char *names[OPTIONS];
  for (size_t i = 0; i < OPTIONS; i++)
    names[i] = TABLE[i].name;
  const char *near = word[0] == '-' && word[1] == '-' ? pl_closest(word + 2, names, OPTIONS) : NULL;
  if (near)
    return pl_fail(err, PL_E_USAGE, "unknown option '%s', did you mean '--%s'?", word, near);
  return pl_fail(err, PL_E_USAGE, "unknown word '%s'; `rackd --help` lists the options", word);
}

static enum pl_status number(enum option which, const char *text, double most, double *value, struct pl_err *err)
{
  char *end = NULL;
  errno = 0;
  *value = strtod(text, &end);
  if (end == text || *end || errno || !(*value >= 0 && *value <= most))
    return pl_fail(err, PL_E_USAGE, "--%s %s: a number from 0 to %.0f is needed", TABLE[which].name, text, most);
  return PL_OK;
}

static enum pl_status whole(enum option which, const char *text, unsigned long long most, unsigned long long *value, struct pl_err *err)
{
  char *end = NULL;
  errno = 0;
  *value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
  if (!end || *end || errno || *value > most)
    return pl_fail(err, PL_E_USAGE, "--%s %s: a whole number from 0 to %llu is needed", TABLE[which].name, text, most);
  return PL_OK;
}

static enum pl_status take(struct pl_options *o, enum option which, const char *value, struct pl_err *err)
{
  unsigned long long n = 0;
  enum pl_status status = PL_OK;
  const char **text = NULL;
  switch (which) {
  case RIG: text = &o->rig; break;
  case LISTEN: text = &o->listen; break;
  case SETTINGS: text = &o->settings; break;
  case MUTANT: text = &o->mutant; break;
  case USER: text = &o->user; break;
  case PASSWORD_FILE: text = &o->password_file; break;
  case PLAIN: o->plain = true; break;
  case STATE: snprintf(o->state, sizeof o->state, "%s", value); break;
  case RATE: status = number(which, value, 1e6, &o->rate, err); break;
  case SEED:
    status = whole(which, value, ULLONG_MAX, &n, err);
    o->seed = n;
    break;
  case READY_FD:
    status = whole(which, value, INT_MAX, &n, err);
    o->ready_fd = (int)n;
    break;
  case FAULT:
    if (o->n_faults == PL_OPTIONS_FAULTS_MAX)
      return pl_fail(err, PL_E_USAGE, "--fault: at most %d", PL_OPTIONS_FAULTS_MAX);
    o->faults[o->n_faults++] = value;
    break;
  default: break;
  }
  if (text)
    *text = value;
  return status;
}

/* STATE_DIRECTORY is systemd's (systemd.exec(5)), XDG_STATE_HOME the XDG Base Directory Specification's. */
static enum pl_status default_state(struct pl_options *o, struct pl_err *err)
{
  const char *given = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  if (o->state[0])
    return PL_OK;
  if (given && *given)
    snprintf(o->state, sizeof o->state, "%s", given);
  else if (xdg && *xdg)
    snprintf(o->state, sizeof o->state, "%s/rackd", xdg);
  else if (home && *home)
    snprintf(o->state, sizeof o->state, "%s/.local/state/rackd", home);
  else
    return pl_fail(err, PL_E_USAGE, "--state DIR is needed: there is no HOME to keep anything in");
  return PL_OK;
}

enum pl_status pl_options_read(int argc, char **argv, struct pl_options *o, struct pl_err *err)
{
  const char *rig = getenv("PLUMBLINE_RIG");
  *o = (struct pl_options){.rig = rig && *rig ? rig : "fixtures/rigs/demo-rack.yaml", .listen = "127.0.0.1:8443", .seed = 1, .rate = PL_WEB_RATE, .user = "admin",
                           .ready_fd = -1};
  for (int i = 1; i < argc; i++) {
    size_t which = 0;
    const char *word = argv[i], *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    while (which < OPTIONS && !(n == strlen(TABLE[which].name) + 2 && !strncmp(word, "--", 2) && !strncmp(word + 2, TABLE[which].name, n - 2)))
      which++;
    if (which == OPTIONS && !strcmp(word, "-h"))
      which = HELP;
    if (which == OPTIONS)
      return unknown(word, err);
    if (!TABLE[which].metavar && equals)
      return pl_fail(err, PL_E_USAGE, "--%s takes no value", TABLE[which].name);
    if (TABLE[which].metavar && !equals && ++i == argc)
      return pl_fail(err, PL_E_USAGE, "--%s needs a value: %s", TABLE[which].name, TABLE[which].metavar);
    if (which == HELP || which == VERSION) {
      which == HELP ? help() : (void)printf("rackd %s\n", PL_VERSION);
      o->done = true;
      return PL_OK;
    }
    enum pl_status status = take(o, (enum option)which, equals ? equals + 1 : argv[i], err);
    if (status)
      return status;
  }
  return default_state(o, err);
}

/* ".../bin/rackd" -> ".../share/plumbline/<path>" */
static bool installed(const char *path, char *room, size_t size)
{
  ssize_t n = readlink("/proc/self/exe", room, size - 1);
  if (n <= 0)
    return false;
  room[n] = '\0';
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(room, '/');
    if (!slash)
      return false;
    *slash = '\0';
  }
  size_t used = strlen(room);
  int more = snprintf(room + used, size - used, "/share/plumbline/%s", path);
  return more > 0 && (size_t)more < size - used && !access(room, R_OK);
}

const char *pl_options_find(const char *path, char *room, size_t size)
{
  const char *own = getenv("PLUMBLINE_MAPS");
  if (!(own && *own) && access("drivers/maps/load-bank.yaml", R_OK) && installed("drivers/maps/load-bank.yaml", room, size)) {
    *strrchr(room, '/') = '\0';
    setenv("PLUMBLINE_MAPS", room, 1);
  }
  if (!access(path, R_OK) || path[0] == '/' || !installed(path, room, size))
    return path;
  return room;
}
