# SPDX-License-Identifier: Apache-2.0
REPORTS_NEEDS := reports host/journal drivers/base
NEEDS_reports/test_reports := $(REPORTS_NEEDS)
NEEDS_reports/test_model := $(REPORTS_NEEDS)
NEEDS_reports/bench_reports := $(REPORTS_NEEDS)
NEEDS_reports/fuzz_model := $(REPORTS_NEEDS)
