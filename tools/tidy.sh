#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy and cppcheck over the product; findings are printed, the exit status is theirs.
set -u
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null && command -v cppcheck >/dev/null || { echo "tidy: apt-get install clang-tidy cppcheck" >&2; exit 2; }
files=$(find drivers fixtures/twin host reports -name '*.c' ! -name 'test_*' ! -name 'fuzz_*')
status=0
clang-tidy --quiet --checks='clang-analyzer-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-bugprone-assignment-in-if-condition' \
  $files -- -std=c17 -D_GNU_SOURCE -I. -DPL_VERSION='"0"' $(pkg-config --cflags libmodbus lua5.4 yaml-0.1 json-c libmd) 2>/dev/null || status=1
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -I. $files || status=1
exit $status
