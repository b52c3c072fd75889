/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the operator: answered from a file, by a rehearsal, or at the terminal. */
#include "drivers/base/conf.h"
#include "host/engine/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <lauxlib.h>
#include <poll.h>
#include <string.h>

#define LINE_SIZE 512
#define VIRTUAL_SLICE_MS 100 /* virtual time stands still while a person thinks */

struct answer {
  const char *prompt, *text;
  bool used;
};

struct pl_answers {
  struct pl_conf *conf;
  struct answer *items;
  size_t count;
};

static enum pl_status read_answer(const struct pl_conf *conf, const struct pl_node *node, struct answer *answer, struct pl_err *err)
{
  static const char *const WORDS[] = {"prompt", "answer"};
  enum pl_status status = pl_node_want(conf, node, PL_NODE_MAP, "an answer, {prompt: PATTERN, answer: TEXT}", err);
  if (!status)
    status = pl_node_check_keys(conf, node, "an answer", WORDS, 2, err);
  const struct pl_node *prompt = status ? NULL : pl_node_get(node, "prompt"), *text = status ? NULL : pl_node_get(node, "answer");
  if (!status && (!prompt || !text))
    status = pl_node_fail(conf, node, err, "an answer needs both prompt and answer");
  if (!status)
    status = pl_node_want(conf, prompt, PL_NODE_SCALAR, "prompt", err);
  if (!status)
    status = pl_node_want(conf, text, PL_NODE_SCALAR, "answer", err);
  if (!status)
    *answer = (struct answer){.prompt = prompt->text, .text = text->text};
  return status;
}

enum pl_status pl_answers_load(const char *path, struct pl_answers **out, struct pl_err *err)
{
  struct pl_answers *answers = calloc(1, sizeof *answers);
  if (!answers)
    return pl_fail(err, PL_E_NOMEM, "out of memory for answers");
  enum pl_status status = pl_conf_load(path, &answers->conf, err);
  const struct pl_node *root = status ? NULL : pl_conf_root(answers->conf);
  if (!status)
    status = pl_node_want(answers->conf, root, PL_NODE_LIST, "a list of answers, - {prompt: PATTERN, answer: TEXT}", err);
  if (!status && !(answers->items = calloc(root->count + 1, sizeof *answers->items)))
    status = pl_fail(err, PL_E_NOMEM, "out of memory for answers");
  for (size_t i = 0; !status && i < root->count; i++)
    status = read_answer(answers->conf, &root->items[i], &answers->items[answers->count++], err);
  if (status) {
    pl_answers_free(answers);
    return status;
  }
  *out = answers;
  return PL_OK;
}

void pl_answers_free(struct pl_answers *answers)
{
  if (!answers)
    return;
  free(answers->items);
  pl_conf_free(answers->conf);
  free(answers);
}

static bool matches(const char *pattern, const char *text)
{
  return strpbrk(pattern, "*?[") ? fnmatch(pattern, text, 0) == 0 : strstr(text, pattern) != NULL;
}

/* The first that fits and was not used yet, else the last that fits: the same question may come again. */
static const char *find_answer(struct pl_answers *answers, const char *text)
{
  const char *used = NULL;
  for (size_t i = 0; answers && i < answers->count; i++) {
    struct answer *answer = &answers->items[i];
    if (!matches(answer->prompt, text))
      continue;
    if (!answer->used) {
      answer->used = true;
      return answer->text;
    }
    used = answer->text;
  }
  return used;
}

/* answer(text, default): what a file or a rehearsal says; nil: ask. */
static int answer(lua_State *L)
{
  struct pl_run *run = pl_task_here(L, "prompt")->vm->run;
  const char *text = luaL_checkstring(L, 1), *found = find_answer(run->answers, text);
  if (found)
    lua_pushstring(L, found);
  else if (run->cfg->interactive && !run->cfg->rehearsal && !run->cfg->replay)
    lua_pushnil(L);
  else if (run->cfg->interactive || run->cfg->replay)
    lua_pushstring(L, luaL_optstring(L, 2, ""));
  else
    pl_raise_usage(L, "nobody is there to answer \"%s\": give --answers FILE with a list of {prompt: PATTERN, answer: TEXT}, or run it at a terminal", text);
  return 1;
}

/* A question is the one thing that the engine itself writes to a terminal. */
static int ask(lua_State *L)
{
  struct pl_task *task = pl_task_here(L, "prompt");
  const char *text = luaL_checkstring(L, 1), *choices = luaL_optstring(L, 2, "");
  int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);
  dprintf(fd >= 0 ? fd : STDERR_FILENO, "\r\033[K\n  %s%s%s%s ", text, *choices ? " [" : "", choices, *choices ? "]" : " [Enter]");
  if (fd >= 0)
    close(fd);
  task->waiting = "the operator";
  if (task->scope)
    pl_scope_hold_deadline(task->scope, true);
  return 0;
}

static int answered(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  if (task->scope)
    pl_scope_hold_deadline(task->scope, false);
  return 0;
}

/* poll_terminal(): a line, or nil when there is none yet. */
static int poll_terminal(lua_State *L)
{
  struct pl_task *task = pl_task_of(L);
  const struct pl_run *run = task->vm->run;
  bool is_virtual = pl_clock_is_virtual(run->clock);
  struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
  char line[LINE_SIZE];
  do {
    if (run->cfg->stop && *run->cfg->stop != run->stop_seen) {
      task->must_end = true;
      pl_raise(L, &(struct pl_failure){.kind = PL_FAILURE_ABORT, .status = PL_E_CANCELLED, .reported = true, .text = "aborted"});
    }
  } while (poll(&terminal, 1, is_virtual ? VIRTUAL_SLICE_MS : 0) <= 0 && is_virtual);
  if (!(terminal.revents & (POLLIN | POLLHUP)))
    return 0;
  ssize_t n = read(STDIN_FILENO, line, sizeof line);
  if (n <= 0)
    pl_raise_usage(L, "the terminal was closed before the operator answered");
  while (n > 0 && isspace((unsigned char)line[n - 1]))
    n--;
  lua_pushlstring(L, line, (size_t)n);
  return 1;
}

void pl_prompt_register(lua_State *L, int core)
{
  static const luaL_Reg CORE[] = {{"answer", answer}, {"ask", ask}, {"answered", answered}, {"poll_terminal", poll_terminal}, {NULL, NULL}};
  lua_pushvalue(L, core);
  luaL_setfuncs(L, CORE, 0);
  lua_pop(L, 1);
}
