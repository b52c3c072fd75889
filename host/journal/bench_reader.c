/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a journal is read. Usage: bench_reader JOURNAL */
#include "host/journal/reader.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: bench_reader JOURNAL\n");
    return 2;
  }
  struct timespec a, b;
  struct stat info;
  struct pl_err err = {0};
  struct pl_reader *reader;
  const struct pl_json_node *object = NULL;
  clock_gettime(CLOCK_MONOTONIC, &a);
  enum pl_status status = pl_reader_open(argv[1], &reader, &err);
  while (!status) {
    status = pl_reader_next(reader, &object, &err);
    if (!object)
      break;
  }
  if (status || stat(argv[1], &info)) {
    fprintf(stderr, "%s\n", err.text);
    return 3;
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  double spent = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
  printf("reader_mb_per_s %.0f\n", (double)info.st_size / 1e6 / spent);
  pl_reader_free(reader);
  return 0;
}
