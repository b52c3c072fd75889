#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs.sh PLUMB: rebuilds docs/commands.md and the man page docs/plumb.1 from the program's own tables. `--stdout page|man`: prints one instead.
set -eu
plumb=$1
commands="run check replay report get set watch plot rig drivers scan doctor twin broker faults guardian coverage"

page() {
  echo '# Commands'
  echo
  echo 'Made by `make docs` from the tables that the program uses; a test proves that they agree.'
  echo
  echo '```'
  "$plumb" --help
  echo '```'
  for c in $commands; do
    printf '\n## plumb %s\n```\n' "$c"
    "$plumb" "$c" --help
    echo '```'
  done
}

verbatim() { sed 's/\\/\\e/g; s/-/\\-/g; s/^\([.'"'"']\)/\\\&\1/'; }

man() {
  echo '.\" Made by `make docs`.'
  echo ".TH PLUMB 1 \"\" \"$("$plumb" --version)\" \"Plumbline\""
  echo '.SH NAME'
  echo 'plumb \- hardware\-in\-the\-loop tests and bring\-up for liquid\-cooled modular racks'
  echo '.SH SYNOPSIS'
  echo '.B plumb'
  echo '.I COMMAND'
  echo '.RI [ OPTION ]... '
  echo '.SH DESCRIPTION'
  echo '.nf'
  "$plumb" --help | verbatim
  echo '.fi'
  for c in $commands; do
    echo ".SH $(echo "plumb $c" | tr a-z A-Z)"
    echo '.nf'
    "$plumb" "$c" --help | verbatim
    echo '.fi'
  done
}

case ${2:-} in
  --stdout) "$3" ;;
  *) page >"$(dirname "$0")/../docs/commands.md"; man >"$(dirname "$0")/../docs/plumb.1" ;;
esac
