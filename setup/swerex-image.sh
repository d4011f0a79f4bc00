#!/bin/sh
# setup/swerex-image.sh [DIR]: builds DIR, the test image of setup/image.sh with git, bc and the
# swe-rex server from PyPI in it, for the tests against the real server; without CPython's own
# tests. DIR is for root /opt/berth/swerex-image, else a folder under the user's home. No root
# rights. Which package index is used is up to the machine's pip configuration. Prints DIR on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

image=$(place swerex-image "$@")
# aiohttp is what swe-rex's own client needs and does not ask for.
requirements='swe-rex==1.4.0 aiohttp'
# Raise it when what the image holds changes: an older image is then built anew.
version=1
stamp=var/lib/berth-swerex-image
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$(debian_codename) $version $requirements" ]; }
begin "$image" "$stamp" "$image"
base=$(sh "$here/image.sh")

say "building an image with swe-rex (about 30 MB of packages) at $image"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp" git bc
)
(cd "$base" && tar -cf - --exclude='./usr/lib/python3*/test' .) | tar -xf - --no-same-owner --keep-directory-symlink -C "$tmp"
rm -rf "$tmp"/usr/share/doc "$tmp"/usr/share/man "$tmp"/usr/share/locale "$tmp"/usr/share/info

python_of "$tmp"
packages=usr/local/lib/${python##*/}/dist-packages
arch=$(uname -m)
mkdir -p "$tmp/$packages"
pip_by "$tmp" install -q --disable-pip-version-check --no-input --no-compile --no-warn-script-location --no-warn-conflicts --root-user-action ignore \
  --only-binary :all: --implementation cp --python-version "${python##*python}" \
  --platform "manylinux2014_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux_2_28_$arch" \
  --target "$tmp/$packages" $requirements ||
  die "tried to get $requirements but pip could not (above); see 'pip config list' for the index that it asks"
rm -rf "$tmp/pip" "$tmp/$packages/bin"
mkdir -p "$tmp/usr/local/bin"
printf '#!/usr/bin/python3\nfrom swerex.server import main\nmain()\n' >"$tmp/usr/local/bin/swerex-remote"
chmod 755 "$tmp/usr/local/bin/swerex-remote"
# Compiled once here, not at every start.
PYTHONPATH='' own_python "$tmp" -s -S -m compileall -q -s "$tmp" "$tmp/$packages" >/dev/null 2>&1 ||
  say "note: swe-rex could not be compiled in advance; it starts more slowly"

echo "$(debian_codename) $version $requirements" >"$tmp/$stamp"
finish "$image"
printf '%s\n' "$image"
