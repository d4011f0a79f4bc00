#!/bin/sh
# setup/eval-example.sh [DIR]: makes DIR/instances.jsonl, the example of berth eval: real bugs of
# real packages, made of two releases each (examples/eval). DIR is for root /opt/berth/eval-example,
# else a folder under the user's home. The wheels come from the package index that the machine's pip
# is set up for, by version and check sum; nothing of them is run here. Prints the file on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

[ $# -le 1 ] || { echo "usage: setup/eval-example.sh [DIR]" >&2; exit 2; }
if [ $# = 1 ]; then dir=$1; elif is_root; then dir=/opt/berth/eval-example; else dir=$(data_home)/eval-example; fi
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
example=$(cd "$here/../examples/eval" && pwd)
# Made anew when what it is made of changes.
wanted=$(cat "$example/bugs.json" "$example/wheels.txt" "$example/make.py" | cksum)
current() { [ "$(cat "$dir/made-of" 2>/dev/null)" = "$wanted $dir" ]; }

if current; then printf '%s\n' "$dir/instances.jsonl"; exit 0; fi
image=$(sh "$here/image.sh")
need apt-get apt
need dpkg-deb dpkg
lock "$dir.lock"
if current; then printf '%s\n' "$dir/instances.jsonl"; exit 0; fi
sweep_dead "$dir"
[ ! -e "$dir" ] || [ -e "$dir/made-of" ] || die "tried to make the example at $dir but something else is there"
tmp=$dir.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp/wheels"

say "getting the example of berth eval (about 6 MB of packages) for $dir"
# The image's Python, run by its own loader; for machines without pip, Debian's, used once.
python=$(cd "$image" && find usr/bin -name 'python3.*' -type f | head -n 1)
libdir=$(cd "$image" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
loader=$(cd "$image" && echo lib*/ld-linux*.so.*)
own_python() { PYTHONHOME=$image/usr PYTHONDONTWRITEBYTECODE=1 "$image/$loader" --library-path "$image/$libdir" "$image/$python" "$@"; }
if python3 -m pip --version >/dev/null 2>&1; then
  pip() { python3 -m pip "$@"; }
else
  (
    lock "$(cache_home)/apt/lock"
    apt_private own "$(debian_sources)"
    apt_run "download python3-pip" sh -c "cd '$tmp' && apt-get -c '$apt_conf' download -q python3-pip"
    dpkg-deb -x "$tmp"/python3-pip_*.deb "$tmp/pip"
  )
  pip() { PYTHONPATH=$tmp/pip/usr/lib/python3/dist-packages own_python -m pip "$@"; }
fi
# Of some packages there are several releases, and pip takes one of each at a time.
awk -F== -v to="$tmp/wanted." '!/^#/ && NF {n = ++seen[$1]; print > (to n)}' "$example/wheels.txt"
for wanted_now in "$tmp"/wanted.*; do
  pip download -q --disable-pip-version-check --no-input --no-deps --require-hashes --only-binary :all: \
    --platform any --implementation py --python-version "${python##*python}" \
    -d "$tmp/wheels" -r "$wanted_now" </dev/null >&2 ||
    die "tried to get the packages of examples/eval/wheels.txt but pip could not (above); see 'pip config list' for the index that it asks"
done
own_python -S "$example/make.py" "$tmp/wheels" "$tmp" </dev/null || die "tried to make the example but could not (above)"
# The rows name the folder where it will be.
sed "s|$tmp/|$dir/|g" "$tmp/instances.jsonl" >"$tmp/instances"
mv "$tmp/instances" "$tmp/instances.jsonl"
rm -rf "$tmp/wheels" "$tmp/pip" "$tmp"/python3-pip_*.deb "$tmp"/wanted.*
echo "$wanted $dir" >"$tmp/made-of"
[ ! -e "$dir" ] || mv "$dir" "$tmp.old"
mv "$tmp" "$dir"
rm -rf "$tmp.old"
trap - EXIT
printf '%s\n' "$dir/instances.jsonl"
