#!/bin/sh
# setup/image.sh [DIR]: builds DIR, a small root file system with Python and CPython's own
# regression tests, from the machine's own Debian release; DIR is for root /opt/berth/image, else
# a folder under the user's home. No root rights, no chroot, no scripts of packages: they are only
# unpacked. Prints DIR on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

image=$(place image "$@")
# Raise it when what the image holds changes: an older image is then built anew.
version=1
stamp=var/lib/berth-image
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$(debian_codename) $version" ]; }
begin "$image" "$stamp" "$image"

say "building an image with Python and its tests (about 40 MB of packages) at $image"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  tests=$(apt-cache -c "$apt_conf" depends python3 | awk '$1 == "Depends:" && $2 ~ /^python3\.[0-9]+$/ {print "lib" $2 "-testsuite"; exit}')
  [ -n "$tests" ] || die "tried to find which Python this Debian has but its package index does not say"
  apt_unpack "$tmp" base-files bash coreutils dash diffutils findutils grep gzip hostname mawk \
    netbase procps python3 sed tar usr-is-merged util-linux "$tests"
)

root_files "$tmp"
apptainer_scripts "$tmp"

# Packages compile Python's library when they are configured. Left out, every sandbox would do so
# again at every start; the image's own Python does it here, run by its own loader.
python_of "$tmp"
compile() {
  PYTHONPATH='' own_python "$tmp" -s -S -m compileall -q -j "$1" \
    -s "$tmp" -x '/(test|tests|lib2to3|idlelib|turtledemo)/(?!support|libregrtest|__init__|__main__)' \
    "$tmp/usr/lib/${python##*/}" >/dev/null 2>&1
}
# With one process per core where the host's /dev/shm allows it, else with one.
compile 0 || compile 1 || say "note: the image's Python library could not be compiled in advance; tests start more slowly"

mkdir -p "$tmp/${stamp%/*}"
echo "$(debian_codename) $version" >"$tmp/$stamp"
finish "$image"
printf '%s\n' "$image"
