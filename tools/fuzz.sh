#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SECONDS: builds every fuzz target with clang's libFuzzer, ASan and UBSan and runs each that long. Corpora live in build/fuzz/corpus;
# a target starts from the files of fuzz_NAME.seeds beside it when there are some. Ends with `N passed, N failed`.
set -u
seconds=${1:-5}
cd "$(dirname "$0")/.."
targets=$(find drivers fixtures host reports tests -name 'fuzz_*.c' | sed 's/\.c$//' | LC_ALL=C sort)
passed=0 failed=0
for t in $targets; do
  if ! make --no-print-directory -j2 -s CC=clang BUILD=build/fuzz SAN=address,undefined,fuzzer-no-link OPT='-O1 -g' "build/fuzz/$t"; then
    echo "  FAIL $t does not build"; failed=$((failed + 1)); continue
  fi
  corpus=build/fuzz/corpus/$(basename "$t"); mkdir -p "$corpus" build/fuzz/crash
  seeds=; [ -d "$t.seeds" ] && seeds=$t.seeds
  if out=$(timeout $((seconds + 60)) "build/fuzz/$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
      -artifact_prefix=build/fuzz/crash/ "$corpus" $seeds 2>&1); then
    echo "  ok   $t: $(echo "$out" | sed -n 's/^Done \([0-9]*\) runs.*/\1/p' | tail -1) runs"; passed=$((passed + 1))
  else
    echo "  FAIL $t"; echo "$out" | tail -30; failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
