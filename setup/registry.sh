#!/bin/sh
# setup/registry.sh [DIR]: gets Debian's docker-registry, against which the tests pull images, into DIR; prints the program's path. Only unpacked: no service is installed or started.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

if command -v docker-registry; then exit 0; fi
dir=$(place registry "$@")
program=$dir/usr/bin/docker-registry
current() { [ -x "$program" ]; }
begin "$dir" usr/bin/docker-registry "$program"
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
finish "$dir"
printf '%s\n' "$program"
