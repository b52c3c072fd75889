#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# registry.sh hardware|control FILE.c...: writes the C tables of every driver, adapter, device twin and virtual rack (or of every control stack and table of
# Redfish routes) declared in the files, sorted by name: two, since what stands on the drivers alone needs the first one only.
# A declaration is a line that starts with `const struct pl_KIND_desc pl_KIND_NAME`.
set -eu
table() { # KIND ARRAY COUNT FILE.c...
  kind=$1 array=$2 count=$3
  shift 3
  list=$(sed -n "s/^const struct pl_${kind}_desc \\(pl_${kind}_[a-z0-9_]*\\) = .*/\\1/p" "$@" | LC_ALL=C sort)
  for name in $list; do echo "extern const struct pl_${kind}_desc $name;"; done
  echo "const struct pl_${kind}_desc *const ${array}[] = {"
  for name in $list; do echo "    &$name,"; done
  echo "    NULL,"
  echo "};"
  echo "const size_t ${count} = sizeof ${array} / sizeof ${array}[0] - 1;"
  echo
}
echo '/* Made by tools/registry.sh. Do not edit. */'
what=$1
shift
if [ "$what" = hardware ]; then
  for header in drivers/bus/adapter.h drivers/device/device.h drivers/device/twin.h drivers/rig/backend.h; do echo "#include \"$header\""; done
  table adapter pl_adapters pl_n_adapters "$@"
  table device pl_device_descs pl_n_device_descs "$@"
  table twin pl_twin_descs pl_n_twin_descs "$@"
  table backend pl_backends pl_n_backends "$@"
else
  for header in control/redfish/route.h drivers/rig/stack.h; do echo "#include \"$header\""; done
  table stack pl_stacks pl_n_stacks "$@"
  table routes pl_routes_tables pl_n_routes_tables "$@"
fi
