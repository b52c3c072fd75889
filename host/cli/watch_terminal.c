/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/watch_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* xterm control sequences (ctlseqs): alternate screen, no cursor, no wrapping; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"
#define ROWS_MAX 500

/* Signal handlers reach nothing else. */
static struct {
  volatile sig_atomic_t open, repaint;
  bool keys; /* standard input is a terminal, and was put into single-key mode */
  struct termios before;
  struct pl_text page; /* on the screen */
} screen;

static const int CRASHES[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define N_CRASHES (sizeof CRASHES / sizeof CRASHES[0])
static struct sigaction crash_before[N_CRASHES];

bool pl_terminal_usable(void)
{
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static const char *locale_name(void) /* as setlocale(3) chooses it */
{
  static const char *const NAMES[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    const char *value = getenv(NAMES[i]);
    if (value && *value)
      return value;
  }
  return NULL;
}

bool pl_terminal_ascii(void)
{
  const char *term = getenv("TERM"), *locale = locale_name();
  if (term && !strcmp(term, "linux"))
    return true;
  return locale && !strcasestr(locale, "utf-8") && !strcasestr(locale, "utf8"); /* none at all: a container, on a terminal of today */
}

bool pl_terminal_colour(void)
{
  const char *no = getenv("NO_COLOR");
  return !(no && *no);
}

/* --- in and out; these may run in a signal handler --- */

static bool put(const char *bytes, size_t len)
{
  while (len) {
    ssize_t n = write(STDOUT_FILENO, bytes, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN) { /* a slow terminal that somebody made non-blocking */
      struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
      if (poll(&fd, 1, 1000) == 1)
        continue;
    }
    if (n <= 0)
      return false;
    bytes += n;
    len -= (size_t)n;
  }
  return true;
}

static void enter(void)
{
  if (screen.keys) {
    struct termios single = screen.before;
    single.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C and Ctrl-Z stay signals */
    single.c_cc[VMIN] = 0;
    single.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &single);
  }
  put(ENTER, sizeof ENTER - 1);
  screen.open = 1;
  screen.repaint = 1;
}

static void leave(void)
{
  if (!screen.open)
    return;
  screen.open = 0;
  put(LEAVE, sizeof LEAVE - 1);
  if (screen.keys)
    tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}

static void on_resize(int number)
{
  (void)number;
  screen.repaint = 1;
}

static void on_crash(int number)
{
  leave();
  for (size_t i = 0; i < N_CRASHES; i++)
    if (CRASHES[i] == number)
      sigaction(number, &crash_before[i], NULL);
  raise(number); /* to whoever would have had it */
}

static void on_stop(int number);

static void catch_stop(void)
{
  struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
  sigaction(SIGTSTP, &action, NULL);
}

/* Ctrl-Z: the shell finds its terminal as it was, and `fg` the page. */
static void on_stop(int number)
{
  int saved = errno;
  sigset_t set;
  leave();
  signal(number, SIG_DFL);
  raise(number);
  sigemptyset(&set);
  sigaddset(&set, number);
  sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
  catch_stop();
  enter();
  errno = saved;
}

/* --- the page --- */

enum pl_status pl_terminal_open(struct pl_err *err)
{
  struct sigaction resize = {.sa_handler = on_resize, .sa_flags = SA_RESTART}, crash = {.sa_handler = on_crash};
  screen.keys = isatty(STDIN_FILENO);
  if (screen.keys && tcgetattr(STDIN_FILENO, &screen.before))
    return pl_fail_errno(err, "the terminal does not tell its settings");
  sigaction(SIGWINCH, &resize, NULL);
  for (size_t i = 0; i < N_CRASHES; i++)
    sigaction(CRASHES[i], &crash, &crash_before[i]);
  catch_stop();
  enter();
  return PL_OK;
}

void pl_terminal_close(void)
{
  if (!screen.open)
    return;
  signal(SIGWINCH, SIG_DFL);
  signal(SIGTSTP, SIG_DFL);
  for (size_t i = 0; i < N_CRASHES; i++)
    sigaction(CRASHES[i], &crash_before[i], NULL);
  leave();
  pl_text_free(&screen.page);
}

void pl_terminal_size(int *columns, int *rows)
{
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row) {
    size.ws_col = 80; /* a serial line knows no size */
    size.ws_row = 24;
  }
  *columns = size.ws_col < 20 ? 20 : size.ws_col;
  *rows = size.ws_row > ROWS_MAX ? ROWS_MAX : size.ws_row;
}

static size_t line_length(const struct pl_text *page, size_t at)
{
  const char *end = at < page->len ? memchr(page->bytes + at, '\n', page->len - at) : NULL;
  return end ? (size_t)(end - page->bytes) - at : page->len > at ? page->len - at : 0;
}

bool pl_terminal_paint(const struct pl_text *page)
{
  int columns, rows;
  struct pl_text out = {0};
  bool all = screen.repaint;
  screen.repaint = 0;
  pl_terminal_size(&columns, &rows);
  if (all)
    PL_TEXT_LIT(&out, "\033[0m\033[2J");
  size_t at = 0, old = 0;
  for (int row = 1; row <= rows; row++) {
    size_t len = line_length(page, at), was = line_length(&screen.page, old);
    bool same = !all && len == was && (!len || !memcmp(page->bytes + at, screen.page.bytes + old, len));
    if (!same && (len || !all)) {
      pl_text_format(&out, "\033[%d;1H\033[K", row); /* wiped first: behind a line as wide as the screen the cursor stands on its last sign */
      pl_text_put(&out, len ? page->bytes + at : "", len);
    }
    at += len + 1;
    old += was + 1;
  }
  screen.page.len = 0;
  pl_text_put(&screen.page, page->bytes ? page->bytes : "", page->len);
  bool good = !out.failed && put(out.bytes ? out.bytes : "", out.len);
  pl_text_free(&out);
  return good;
}

int pl_terminal_key(void)
{
  unsigned char key;
  struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
  if (!screen.keys || poll(&fd, 1, 0) != 1)
    return -1;
  return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}
