/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes taken for a journal, through the model and every report: refused with a sentence or reported, never a crash. */
#include "reports/report.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pl_err err = {0};
  struct pl_report *report;
  char path[64];
  int fd = memfd_create("journal", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size)
    abort();
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (!pl_report_load(path, &report, &err)) {
    FILE *null = fopen("/dev/null", "w");
    if (!null || pl_report_html(report, "/dev/null", &err) || pl_report_junit(report, "/dev/null", &err) || pl_report_csv(report, "/dev/null", &err))
      abort();
    pl_report_table(report, null, true, 80);
    pl_report_json(report, null);
    fclose(null);
    pl_report_free(report);
  } else if (!err.text[0]) {
    abort();
  }
  close(fd);
  return 0;
}
