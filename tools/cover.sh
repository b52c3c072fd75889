#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Line coverage of the tests, with gcov through gcovr.
set -eu
cd "$(dirname "$0")/.."
command -v gcovr >/dev/null || { echo "cover: apt-get install gcovr" >&2; exit 2; }
make --no-print-directory -j2 BUILD=build/cover OPT='-O0 -g --coverage' LDFLAGS=--coverage all tests-built
python3 tools/run_tests.py --build build/cover
gcovr -r . --object-directory build/cover --exclude '.*/(test|fuzz|bench)_.*' --html-details build/cover/index.html --print-summary
