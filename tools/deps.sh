#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh build|all: installs the Debian packages that the build (or build, tests and benchmarks) needs and that are missing.
# As root, or through sudo.
set -eu
want="gcc make pkg-config libc6-dev libmodbus-dev liblua5.4-dev libyaml-dev libmd-dev libusb-1.0-0-dev libftdi1-dev libgpiod-dev
  libjson-c-dev libsqlite3-dev libcrypt-dev libcivetweb-dev libssl-dev libcurl4-openssl-dev"
[ "${1:-all}" = build ] || want="$want libcmocka-dev libsundials-dev libglpk-dev clang libclang-rt-14-dev lld python3 python3-jsonschema python3-pymodbus python3-serial python3-serial-asyncio python3-pytest python3-pyte
  mbpoll libxml2-utils time i2c-tools gpiod usbutils rt-tests tshark qemu-system-x86 busybox-static cpio xz-utils kmod
  nginx-light wrk openssl chromium"
missing=
for p in $want; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps: missing packages:$missing" >&2; echo "deps: run as root: apt-get install$missing" >&2; exit 2; }
  root=sudo
fi
echo "Installing:" $missing
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -5 "$log" >&2
  echo "deps: apt could not install the packages; the whole log is $log" >&2
  exit 3
fi
rm -f "$log"
