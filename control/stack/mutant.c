/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stack/mutant.h"
#include "drivers/base/unit.h"
#include "drivers/base/word.h"

#ifdef PL_MUTANTS
#define PL_MUTANT_ROW(name, word, text) {word, text},
static const struct pl_word WORDS[] = {PL_MUTANTS_LIST(PL_MUTANT_ROW)};
#undef PL_MUTANT_ROW

size_t pl_mutants(const struct pl_word **words)
{
  *words = WORDS;
  return sizeof WORDS / sizeof *WORDS;
}
#else
size_t pl_mutants(const struct pl_word **words)
{
  *words = NULL;
  return 0;
}
#endif

enum pl_status pl_mutant_find(const char *name, enum pl_mutant *mutant, struct pl_err *err)
{
  const struct pl_word *words;
  const char *names[PL_MUTANT_COUNT];
  size_t count = pl_mutants(&words);
  *mutant = PL_MUTANT_NONE;
  if (!name)
    return PL_OK;
  if (!count)
    return pl_fail(err, PL_E_USAGE, "mutant '%s': this build has no stacks that lie; take build/mutants/rackd or build/mutants/plumb", name);
  for (size_t i = 0; i < count; i++) {
    names[i] = words[i].name;
    if (!pl_same_word(words[i].name, name))
      continue;
    *mutant = (enum pl_mutant)(i + 1);
    return PL_OK;
  }
  const char *close = pl_closest(name, names, count);
  return pl_fail(err, PL_E_USAGE, "no mutant '%s'%s%s%s", name, close ? ", did you mean '" : "; `rackd --mutants` lists them", close ? close : "",
                 close ? "'?" : "");
}
