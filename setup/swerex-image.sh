#!/bin/sh
# setup/swerex-image.sh [DIR]: builds DIR, the test image of setup/image.sh with git, bc and the
# swe-rex server from PyPI in it, for the tests against the real server; without CPython's own
# tests; and, in DIR/opt/pipx, what a test needs to install swe-rex by pipx in the bare image with
# no network: pip, Python's venv, and all wheels. DIR is for root /opt/berth/swerex-image, else a folder under the user's home. No root
# rights. Which package index is used is up to the machine's pip configuration. Prints DIR on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

image=$(place swerex-image "$@")
# aiohttp is what swe-rex's own client needs and does not ask for.
requirements='swe-rex==1.4.0 aiohttp'
# Raise it when what the image holds changes: an older image is then built anew.
version=2
stamp=var/lib/berth-swerex-image
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$(debian_codename) $version $requirements" ]; }
begin "$image" "$stamp" "$image"
base=$(sh "$here/image.sh")

say "building an image with swe-rex (about 30 MB of packages) at $image"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp" git bc
  # Of another suite than the base image's they would not fit its Python.
  mkdir -p "$tmp/opt/pipx"
  python_of "$base"
  apt_run "download what makes Python's virtual environments" \
    sh -c "cd '$tmp/opt/pipx' && apt-get -c '$apt_conf' download -q ${python##*/}-venv python3-pip-whl python3-setuptools-whl"
  for deb in "$tmp"/opt/pipx/*.deb; do dpkg-deb -x "$deb" "$tmp/opt/pipx"; rm "$deb"; done
  rm -rf "$tmp/opt/pipx/usr/share/doc" "$tmp/opt/pipx/usr/bin"
)
(cd "$base" && tar -cf - --exclude='./usr/lib/python3*/test' .) | tar -xf - --no-same-owner --keep-directory-symlink -C "$tmp"
rm -rf "$tmp"/usr/share/doc "$tmp"/usr/share/man "$tmp"/usr/share/locale "$tmp"/usr/share/info

python_of "$tmp"
packages=usr/local/lib/${python##*/}/dist-packages
arch=$(uname -m)
mkdir -p "$tmp/$packages"
# wheels CMD ARG…: pip, for the image's Python.
wheels() {
  pip_by "$tmp" "$@" -q --disable-pip-version-check --no-input --only-binary :all: --implementation cp --python-version "${python##*python}" \
    --platform "manylinux2014_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux_2_28_$arch" ||
    die "tried to get $requirements but pip could not (above); see 'pip config list' for the index that it asks"
}
wheels install --no-compile --no-warn-script-location --no-warn-conflicts --root-user-action ignore --target "$tmp/$packages" $requirements
wheels download --dest "$tmp/opt/pipx/wheels" $requirements pipx pip setuptools
mkdir "$tmp/opt/pipx/pip"
unzipped=$(cd "$tmp/opt/pipx/wheels" && echo pip-*.whl)
own_python "$tmp" -s -S -m zipfile -e "$tmp/opt/pipx/wheels/$unzipped" "$tmp/opt/pipx/pip"
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
