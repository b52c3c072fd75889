/* SPDX-License-Identifier: Apache-2.0 */
/* The page's files, inside the program: what it shows and asks for comes from Redfish alone. */
#include "control/web/serve.h"

#include <openssl/evp.h>
#include <string.h>

/* The assembler takes them in as they stand; module.mk says that this file depends on them. */
#define PL_EMBED(name, path)                                              \
  __asm__(".section .rodata\n"                                            \
          ".global pl_page_" #name "\n.global pl_page_" #name "_end\n"    \
          "pl_page_" #name ":\n.incbin \"control/web/page/" path "\"\n"   \
          "pl_page_" #name "_end:\n.byte 0\n.previous\n");                \
  extern const char pl_page_##name[], pl_page_##name##_end[];

#define PL_PAGE_FILES(X)                                      \
  X(index, "/", "index.html", "text/html;charset=utf-8")      \
  X(style, "/page.css", "page.css", "text/css;charset=utf-8") \
  X(redfish, "/redfish.js", "redfish.js", "text/javascript;charset=utf-8") \
  X(draw, "/draw.js", "draw.js", "text/javascript;charset=utf-8") \
  X(pools, "/pools.js", "pools.js", "text/javascript;charset=utf-8") \
  X(wizard, "/wizard.js", "wizard.js", "text/javascript;charset=utf-8") \
  X(script, "/page.js", "page.js", "text/javascript;charset=utf-8")  \
  X(icon, "/favicon.svg", "favicon.svg", "image/svg+xml")

#define PL_PAGE_EMBED(name, uri, path, type) PL_EMBED(name, path)
PL_PAGE_FILES(PL_PAGE_EMBED)

static const struct page_file {
  const char *uri, *type, *begin, *end;
} FILES[] = {
#define PL_PAGE_ROW(name, uri, path, type) {uri, type, pl_page_##name, pl_page_##name##_end},
  PL_PAGE_FILES(PL_PAGE_ROW)
};

static void tag_of(const struct page_file *file, char tag[20])
{
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  EVP_Digest(file->begin, (size_t)(file->end - file->begin), digest, NULL, EVP_sha256(), NULL);
  snprintf(tag, 20, "\"%02x%02x%02x%02x%02x%02x\"", digest[0], digest[1], digest[2], digest[3], digest[4], digest[5]);
}

bool pl_page_answer(const char *path, const char *if_none_match, struct pl_http_answer *answer)
{
  const struct page_file *file = NULL;
  for (size_t i = 0; i < sizeof FILES / sizeof FILES[0] && !file; i++)
    if (!strcmp(FILES[i].uri, path))
      file = &FILES[i];
  if (!file)
    return false;
  char tag[20];
  tag_of(file, tag);
  size_t size = (size_t)(file->end - file->begin);
  *answer = (struct pl_http_answer){.status = 200, .type = file->type};
  pl_http_answer_add(answer, "ETag", tag);
  if (if_none_match && strstr(if_none_match, tag)) {
    answer->status = 304;
    answer->type = NULL;
    return true;
  }
  answer->body = malloc(size);
  if (!answer->body) {
    answer->status = 500;
    return true;
  }
  memcpy(answer->body, file->begin, size);
  answer->body_size = size;
  return true;
}
