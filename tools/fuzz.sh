#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SECONDS: builds every fuzz target with clang's libFuzzer, ASan and UBSan and runs each that long, one a core at a time. Corpora live in
# build/fuzz/corpus; a target starts from the files of fuzz_NAME.seeds beside it when there are some. Ends with `N passed, N failed`.
# fuzz.sh build: builds them, and the product's programs.
set -u
cd "$(dirname "$0")/.."
if [ "${1:-}" = --one ]; then # SECONDS TARGET: by the lines below
  seconds=$2 t=$3
  corpus=build/fuzz/corpus/$(basename "$t"); mkdir -p "$corpus" build/fuzz/crash
  seeds=; [ -d "$t.seeds" ] && seeds=$t.seeds
  if out=$(timeout $((seconds + 60)) "build/fuzz/$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
      -artifact_prefix=build/fuzz/crash/ "$corpus" $seeds 2>&1); then
    echo "  ok   $t: $(echo "$out" | sed -n 's/^Done \([0-9]*\) runs.*/\1/p' | tail -1) runs"
  else
    echo "  FAIL $t
$(echo "$out" | tail -30)"
  fi
  exit 0
fi
seconds=${1:-5}
cores=$(nproc)
targets=$(find drivers fixtures control host reports tests -name 'fuzz_*.c' | sed 's/\.c$//' | LC_ALL=C sort)
programs=$(printf 'build/fuzz/%s ' $targets)
# Without what takes a third of the time to compile and is seen elsewhere: null and object-size by the address sanitizer, alignment by the tests under gcc's.
build() {
  make --no-print-directory -j"$cores" CC=clang BUILD=build/fuzz SAN=address,undefined,fuzzer-no-link CFLAGS=-fno-sanitize=null,object-size,alignment \
    OPT='-O1 -g1' LDFLAGS=-fuse-ld=lld DEVELOPER=1 "$@"
}
if [ "$seconds" = build ]; then # the programs with them: clang's warnings about the whole product
  build all $programs
  exit
fi
build -k -s $programs
told=$(mktemp)
printf '%s\n' $targets | xargs -P "$cores" -I{} "$0" --one "$seconds" {} | tee "$told"
failed=$(grep -c '^  FAIL' "$told")
passed=$(grep -c '^  ok' "$told")
rm -f "$told"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
