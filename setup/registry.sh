#!/bin/sh
# setup/registry.sh [DIR]: gets Debian's docker-registry, against which the tests pull images, into DIR; prints the program's path. Only unpacked: no service is installed or started.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

if command -v docker-registry; then exit 0; fi
if [ $# -gt 0 ]; then dir=$1; elif is_root; then dir=/opt/berth/registry; else dir=$(data_home)/registry; fi
program=$dir/usr/bin/docker-registry
if [ -x "$program" ]; then printf '%s\n' "$program"; exit 0; fi
need apt-get apt
need dpkg-deb dpkg
lock "$dir.lock"
if [ -x "$program" ]; then printf '%s\n' "$program"; exit 0; fi
sweep_dead "$dir"
tmp=$dir.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp/deb"

say "getting docker-registry from Debian (5 MB), for the tests of images"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  cd "$tmp/deb"
  apt_run "download docker-registry" apt-get -c "$apt_conf" download -q docker-registry
)
dpkg-deb -x "$tmp"/deb/docker-registry_*.deb "$tmp" || die "tried to unpack docker-registry but could not"
rm -rf "$tmp/deb" "$tmp/usr/share"
mv "$tmp" "$dir"
printf '%s\n' "$program"
