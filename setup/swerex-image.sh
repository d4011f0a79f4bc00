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

[ $# -le 1 ] || { echo "usage: setup/swerex-image.sh [DIR]" >&2; exit 2; }
if [ $# = 1 ]; then image=$1; elif is_root; then image=/opt/berth/swerex-image; else image=$(data_home)/swerex-image; fi
case $image in /*) ;; *) image=$PWD/$image ;; esac
# aiohttp is what swe-rex's own client needs and does not ask for.
requirements='swe-rex==1.4.0 aiohttp'
# Raise it when what the image holds changes: an older image is then built anew.
version=2
stamp=var/lib/berth-swerex-image
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$(debian_codename) $version $requirements" ]; }

if current; then printf '%s\n' "$image"; exit 0; fi
base=$(sh "$here/image.sh")
need apt-get apt
need dpkg-deb dpkg
lock "$image.lock"
if current; then printf '%s\n' "$image"; exit 0; fi
sweep_dead "$image"
[ ! -e "$image" ] || [ -e "$image/$stamp" ] || die "tried to build an image at $image but something else is there"
tmp=$image.tmp.$$
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp"

say "building an image with swe-rex (about 30 MB of packages) at $image"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp" git bc
  # Of another suite than the base image's they would not fit its Python.
  mkdir -p "$tmp/opt/pipx"
  python=$(cd "$base" && find usr/bin -name 'python3.*' -type f | head -n 1)
  apt_run "download what makes Python's virtual environments" \
    sh -c "cd '$tmp/opt/pipx' && apt-get -c '$apt_conf' download -q ${python##*/}-venv python3-pip-whl python3-setuptools-whl"
  for deb in "$tmp"/opt/pipx/*.deb; do dpkg-deb -x "$deb" "$tmp/opt/pipx"; rm "$deb"; done
  rm -rf "$tmp/opt/pipx/usr/share/doc" "$tmp/opt/pipx/usr/bin"
  # For machines without pip: Debian's, used once and thrown away.
  if ! python3 -m pip --version >/dev/null 2>&1; then
    apt_run "download python3-pip" sh -c "cd '$tmp' && apt-get -c '$apt_conf' download -q python3-pip"
    dpkg-deb -x "$tmp"/python3-pip_*.deb "$tmp/pip"
  fi
)
(cd "$base" && tar -cf - --exclude='./usr/lib/python3*/test' .) | tar -xf - --no-same-owner --keep-directory-symlink -C "$tmp"
rm -rf "$tmp"/usr/share/doc "$tmp"/usr/share/man "$tmp"/usr/share/locale "$tmp"/usr/share/info

# The image's own Python, run by its own loader.
python=$(cd "$tmp" && find usr/bin -name 'python3.*' -type f | head -n 1)
libdir=$(cd "$tmp" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
loader=$(cd "$tmp" && echo lib*/ld-linux*.so.*)
own_python() { PYTHONHOME=$tmp/usr "$tmp/$loader" --library-path "$tmp/$libdir" "$tmp/$python" "$@"; }
packages=usr/local/lib/${python##*/}/dist-packages
arch=$(uname -m)
mkdir -p "$tmp/$packages"
# pip CMD ARGS…: the machine's pip, for the image's Python.
pip() {
  set -- "$@" -q --disable-pip-version-check --no-input --only-binary :all: --implementation cp --python-version "${python##*python}" \
    --platform "manylinux2014_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux_2_28_$arch"
  if [ -d "$tmp/pip" ]; then
    PYTHONPATH=$tmp/pip/usr/lib/python3/dist-packages own_python -m pip "$@" </dev/null >&2
  else
    python3 -m pip "$@" </dev/null >&2
  fi || die "tried to get $requirements but pip could not (above); see 'pip config list' for the index that it asks"
}
pip install --no-compile --no-warn-script-location --no-warn-conflicts --root-user-action ignore --target "$tmp/$packages" $requirements
pip download --dest "$tmp/opt/pipx/wheels" $requirements pipx pip setuptools
mkdir "$tmp/opt/pipx/pip"
unzipped=$(cd "$tmp/opt/pipx/wheels" && echo pip-*.whl)
own_python -s -S -m zipfile -e "$tmp/opt/pipx/wheels/$unzipped" "$tmp/opt/pipx/pip"
rm -rf "$tmp/pip" "$tmp"/python3-pip_*.deb "$tmp/$packages/bin"
mkdir -p "$tmp/usr/local/bin"
printf '#!/usr/bin/python3\nfrom swerex.server import main\nmain()\n' >"$tmp/usr/local/bin/swerex-remote"
chmod 755 "$tmp/usr/local/bin/swerex-remote"
# Compiled once here, not at every start.
PYTHONPATH='' own_python -s -S -m compileall -q -s "$tmp" "$tmp/$packages" >/dev/null 2>&1 ||
  say "note: swe-rex could not be compiled in advance; it starts more slowly"

echo "$(debian_codename) $version $requirements" >"$tmp/$stamp"
[ ! -e "$image" ] || mv "$image" "$tmp.old"
mv "$tmp" "$image"
[ ! -e "$tmp.old" ] || { chmod -R u+w "$tmp.old"; rm -rf "$tmp.old"; }
trap - EXIT
printf '%s\n' "$image"
