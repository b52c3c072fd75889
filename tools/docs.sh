#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs.sh PLUMB: rebuilds docs/commands.md from the program's own tables (`--stdout`: prints it instead).
set -eu
plumb=$1
make_page() {
  echo '# Commands'
  echo
  echo 'Made by `make docs` from the tables that the program uses; a test proves that they agree.'
  echo
  echo '```'
  "$plumb" --help
  echo '```'
  for c in run check report get set watch rig drivers twin; do
    printf '\n## plumb %s\n```\n' "$c"
    "$plumb" "$c" --help
    echo '```'
  done
}
if [ "${2:-}" = --stdout ]; then make_page; else make_page >"$(dirname "$0")/../docs/commands.md"; fi
