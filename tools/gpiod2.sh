#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gpiod2.sh: makes libgpiod 2.x (static library, header, pkg-config file, command-line tools) in a cache folder and prints its prefix.
#
# Debian 12 has libgpiod 1.6. The 2.x is that of the next Debian (trixie): its source tarball is fetched by apt, which checks it against the archive's signed
# index, and is built with the tarball's own configure and this machine's compiler. Nothing is installed, no apt source of this machine is touched: apt is given
# a list, an index folder and a cache of its own. The packages of trixie themselves would not do: they want a newer C library.
#   PKG_CONFIG_PATH=$(tools/gpiod2.sh)/lib/pkgconfig make BUILD=build/gpiod2
# GPIOD2_CACHE names another folder (default: $XDG_CACHE_HOME/plumbline/gpiod2), GPIOD2_SUITE another release. Exit status 77 when it cannot be fetched.
#
# gpiod2.sh check: builds the product and the adapter's test against it, in build/gpiod2, and runs the test. Ends with `N passed, N failed, N skipped`.
set -eu
if [ "${1:-}" = check ]; then
  cd "$(dirname "$0")/.."
  made=$(sh tools/gpiod2.sh) || { [ $? -eq 77 ] && echo "skip libgpiod 2: its source cannot be fetched" && echo "0 passed, 0 failed, 1 skipped" && exit 0; exit 1; }
  export PKG_CONFIG_PATH="$made/lib/pkgconfig"
  [ -x build/plumb ] && share=build # the rest of the product is the same
  make --no-print-directory -s -j2 BUILD=build/gpiod2 SHARE="${share:-}" DEVELOPER=1 all build/gpiod2/drivers/bus/test_gpiochip
  exec python3 tools/run_tests.py --build build/gpiod2 --no-scripts drivers/bus/test_gpiochip
fi
suite=${GPIOD2_SUITE:-trixie}
prefix=${GPIOD2_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumbline/gpiod2}
if [ -f "$prefix/lib/pkgconfig/libgpiod.pc" ] && [ -f "$prefix/complete" ]; then
  echo "$prefix"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keys] http://deb.debian.org/debian $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
APT::Sandbox::User "";
Acquire::Retries "2";
Acquire::http::Timeout "20";
END
log=$work/log
if ! { APT_CONFIG=$work/apt.conf apt-get update && cd "$work" && APT_CONFIG=$work/apt.conf apt-get source --download-only --tar-only libgpiod; } >"$log" 2>&1; then
  tail -3 "$log" >&2
  echo "gpiod2: cannot fetch the source of libgpiod from Debian $suite" >&2
  exit 77
fi
tar -xf "$work"/libgpiod_2.*.orig.tar.* -C "$work/src" --strip-components=1
if ! { cd "$work/src" && ./configure --prefix="$prefix" --enable-static --disable-shared --enable-tools CFLAGS='-O2 -g -fPIC' && make -j2 && make install; } >"$log" 2>&1; then
  tail -15 "$log" >&2
  echo "gpiod2: libgpiod does not build" >&2
  exit 1
fi
pkg_version=$(sed -n 's/^Version: //p' "$prefix/lib/pkgconfig/libgpiod.pc")
echo "$pkg_version" >"$prefix/complete"
echo "$prefix"
