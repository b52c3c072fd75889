/* SPDX-License-Identifier: Apache-2.0 */
/* What loading a journal and writing all reports costs. Usage: bench_reports JOURNAL FOLDER [LIMITS] */
#include "reports/report.h"

#include <sys/resource.h>

static double now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const struct {
  const char *file;
  enum pl_status (*write)(const struct pl_report *report, const char *path, struct pl_err *err);
} OUTPUTS[] = {{"report.html", pl_report_html}, {"junit.xml", pl_report_junit}, {"measurements.csv", pl_report_csv}};

int main(int argc, char **argv)
{
  struct pl_err err = {0};
  struct pl_report *report;
  if (argc < 3) {
    fprintf(stderr, "usage: bench_reports JOURNAL FOLDER [LIMITS]\n");
    return 2;
  }
  double start = now_ms();
  if (pl_report_load(argv[1], &report, &err) || (argc > 3 && pl_report_judge_again(report, argv[3], &err))) {
    fprintf(stderr, "%s\n", err.text);
    return 2;
  }
  double loaded = now_ms();
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  printf("load_ms %.2f\nload_rss_kb %ld\n", loaded - start, use.ru_maxrss);
  for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", argv[2], OUTPUTS[i].file);
    double before = now_ms();
    if (OUTPUTS[i].write(report, path, &err)) {
      fprintf(stderr, "%s\n", err.text);
      return 3;
    }
    printf("%s_ms %.2f\n", OUTPUTS[i].file, now_ms() - before);
  }
  getrusage(RUSAGE_SELF, &use);
  printf("all_ms %.2f\nrss_kb %ld\n", now_ms() - start, use.ru_maxrss);
  pl_report_free(report);
  return 0;
}
