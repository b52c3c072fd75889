# SPDX-License-Identifier: Apache-2.0
JOURNAL_NEEDS := host/journal drivers/base/err.c drivers/base/clock.c
NEEDS_host/journal/test_journal := $(JOURNAL_NEEDS)
NEEDS_host/journal/test_reader := $(JOURNAL_NEEDS)
NEEDS_host/journal/fuzz_reader := $(JOURNAL_NEEDS)
NEEDS_host/journal/bench_journal := $(JOURNAL_NEEDS)
NEEDS_host/journal/bench_reader := $(JOURNAL_NEEDS)
