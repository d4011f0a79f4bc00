#!/bin/sh
# setup/image.sh [DIR]: builds DIR, a small root file system with Python and CPython's own
# regression tests, from the machine's own Debian release; DIR is for root /opt/berth/image, else
# a folder under the user's home. No root rights, no chroot, no scripts of packages: they are only
# unpacked. Prints DIR on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

[ $# -le 1 ] || { echo "usage: setup/image.sh [DIR]" >&2; exit 2; }
if [ $# = 1 ]; then image=$1; elif is_root; then image=/opt/berth/image; else image=$(data_home)/image; fi
case $image in /*) ;; *) image=$PWD/$image ;; esac
# Raise it when what the image holds changes: an older image is then built anew.
version=1
stamp=var/lib/berth-image
current() { [ "$(cat "$image/$stamp" 2>/dev/null)" = "$(debian_codename) $version" ]; }

if current; then printf '%s\n' "$image"; exit 0; fi
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

say "building an image with Python and its tests (about 40 MB of packages) at $image"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  tests=$(apt-cache -c "$apt_conf" depends python3 | awk '$1 == "Depends:" && $2 ~ /^python3\.[0-9]+$/ {print "lib" $2 "-testsuite"; exit}')
  [ -n "$tests" ] || die "tried to find which Python this Debian has but its package index does not say"
  apt_unpack "$tmp" base-files bash coreutils dash diffutils findutils grep gzip hostname mawk \
    netbase procps python3 sed tar usr-is-merged util-linux "$tests"
)

cd "$tmp"
# What the packages' own scripts would have made.
ln -sf dash usr/bin/sh
ln -sf mawk usr/bin/awk
mkdir -p dev etc home proc root run srv sys tmp var/tmp "${stamp%/*}"
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/bash
agent:x:1000:1000:agent:/home/agent:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
END
cat >etc/group <<'END'
root:x:0:
tty:x:5:
agent:x:1000:
nogroup:x:65534:
END
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost\n::1 localhost\n' >etc/hosts
: >etc/resolv.conf
mkdir -p home/agent
chmod 1777 tmp var/tmp
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian
# Nobody in the image gains rights by a program.
find usr -perm /6000 -type f -exec chmod ug-s {} +

# Apptainer starts an instance only of an image with its own scripts inside: these, for any image.
mkdir -p .singularity.d/actions .singularity.d/env .singularity.d/libs
for action in exec run shell start test; do
  case $action in
    exec) body='exec "$@"' ;;
    shell) body='exec /bin/bash --norc "$@"' ;;
    start) body='exec /.singularity.d/startscript "$@"' ;;
    *) body='exec /.singularity.d/runscript "$@"' ;;
  esac
  printf '#!/bin/sh\n%s\n' "$body" >".singularity.d/actions/$action"
done
printf '#!/bin/sh\nexec /bin/bash "$@"\n' >.singularity.d/runscript
printf '#!/bin/sh\n' >.singularity.d/startscript
chmod -R a+rx .singularity.d
cd - >/dev/null

# Packages compile Python's library when they are configured. Left out, every sandbox would do so
# again at every start; the image's own Python does it here, run by its own loader.
python=$(cd "$tmp" && find usr/bin -name 'python3.*' -type f | head -n 1)
libdir=$(cd "$tmp" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
loader=$(cd "$tmp" && echo lib*/ld-linux*.so.*)
compile() {
  PYTHONPATH='' PYTHONHOME=$tmp/usr "$tmp/$loader" --library-path "$tmp/$libdir" "$tmp/$python" -s -S -m compileall -q -j "$1" \
    -s "$tmp" -x '/(test|tests|lib2to3|idlelib|turtledemo)/(?!support|libregrtest|__init__|__main__)' \
    "$tmp/usr/lib/${python##*/}" >/dev/null 2>&1
}
# With one process per core where the host's /dev/shm allows it, else with one.
compile 0 || compile 1 || say "note: the image's Python library could not be compiled in advance; tests start more slowly"

echo "$(debian_codename) $version" >"$tmp/$stamp"
[ ! -e "$image" ] || mv "$image" "$tmp.old"
mv "$tmp" "$image"
[ ! -e "$tmp.old" ] || { chmod -R u+w "$tmp.old"; rm -rf "$tmp.old"; }
trap - EXIT
printf '%s\n' "$image"
