#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh FILE...: writes a C header with the bytes of each file, as PL_SCHEMA_NAME_EXT.
set -eu
echo '/* Made by control/redfish/schemas/embed.sh. Do not edit. */'
for file; do
  name=$(basename "$file" | tr 'a-z.' 'A-Z_')
  echo "static const unsigned char PL_SCHEMA_$name[] = {"
  od -An -v -tu1 "$file" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
  echo "};"
done
