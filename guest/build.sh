#!/bin/sh
# guest/build.sh OUTDIR: compiles the guest into OUTDIR/linux-ARCH/berth-guest, unless that is up to date.
#
# CC names another compiler (a cross compiler says its own target); musl's makes the smallest binary.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: build.sh OUTDIR" >&2; exit 2; }
if [ -z "${CC:-}" ]; then
  if command -v musl-gcc >/dev/null 2>&1; then CC=musl-gcc; else CC=cc; fi
fi
machine=$($CC -dumpmachine)
arch=${machine%%-*}
out=$1/linux-$arch/berth-guest
if [ -x "$out" ] && [ -z "$(find "$here/src" "$here/build.sh" -newer "$out")" ]; then exit 0; fi
mkdir -p "$1/linux-$arch"
tmp=$out.$$
trap 'rm -f "$tmp"' EXIT
$CC -std=c17 -D_GNU_SOURCE -Os -static -s -Wall -Wextra -Werror -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
  -Wl,--gc-sections -o "$tmp" "$here"/src/*.c
mv "$tmp" "$out"
