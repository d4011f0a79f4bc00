#!/bin/sh
# setup/toolchain.sh: makes a C compiler usable that links statically against musl; prints its
# command on stdout. In the same folder, or on PATH, a plain gcc is there too (for sanitizers).
#
# As root Debian's packages are installed; else the same ones are unpacked under the user's home.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

packages='gcc libc6-dev musl-dev musl-tools'
home=$(data_home)/toolchain

# works CC: can it build a static program that runs? And the gcc beside it a plain one?
works() {
  command -v "$1" >/dev/null 2>&1 || return 1
  probe=$(mktemp -d) || die "tried to make a temporary folder but could not"
  echo 'int main(void) { return 0; }' >"$probe/x.c"
  ok=1
  "$1" -static -o "$probe/x" "$probe/x.c" >"$probe/log" 2>&1 && "$probe/x" && ok=0
  [ $ok = 0 ] || [ -z "${2:-}" ] || cat "$probe/log" >&2
  rm -rf "$probe"
  return $ok
}

[ -z "${CC:-}" ] || { works "$CC" loud && printf '%s\n' "$CC" && exit 0; die "tried to build with CC=$CC but it makes no static program that runs"; }
works musl-gcc && { command -v musl-gcc; exit 0; }

if is_root; then
  need apt-get apt
  lock "$(cache_home)/apt/lock"
  log=$(cache_home)/apt/toolchain.log
  say "installing $packages"
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages </dev/null >"$log" 2>&1; }
  install || { apt-get update -q </dev/null >"$log" 2>&1 && install; } ||
    { tail -n 15 "$log" >&2; die "tried to install $packages but apt failed (above; all of it in $log)"; }
  works musl-gcc loud || die "tried to build with the newly installed musl-gcc but it makes no static program that runs"
  command -v musl-gcc
  exit 0
fi

[ -x "$home/bin/musl-gcc" ] && works "$home/bin/musl-gcc" && { echo "$home/bin/musl-gcc"; exit 0; }
lock "$home.lock"
[ -x "$home/bin/musl-gcc" ] && works "$home/bin/musl-gcc" && { echo "$home/bin/musl-gcc"; exit 0; }
sweep_dead "$home"
tmp=$home.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp"
say "getting a C compiler (about 60 MB) into $home; as root 'apt-get install $packages' would do instead"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp" $packages
  # The compiler runs on the host's libc, so its libraries must be found without the unpacked libc.
  mkdir "$tmp/runlib"
  for deb in $(grep '^libc6_' "$apt_dir/wanted"); do dpkg-deb -c "$apt_archives/$deb"; done |
    awk '{n = split($6, part, "/"); print part[n]}' >"$tmp/libc.files"
)
musl=$(cd "$tmp" && find usr/lib -name musl-gcc.specs | head -n 1)
[ -n "$musl" ] || die "tried to find musl's compiler settings in Debian's package but they are not there"
libdir=$(cd "$tmp" && dirname "$(find usr/lib -name libgmp.so.10 | head -n 1)")
for lib in "$tmp/$libdir"/*.so*; do
  grep -qxF "${lib##*/}" "$tmp/libc.files" || ln -s "../$libdir/${lib##*/}" "$tmp/runlib/${lib##*/}"
done
rm -rf "$tmp/libc.files" "$tmp/usr/share"

# Debian's settings name /usr; here all of it is under this folder.
sed "s|/usr/|$home/usr/|g" "$tmp/$musl" >"$tmp/musl.specs"
mkdir -p "$tmp/wrap"
wrapper() {
  cat >"$tmp/wrap/$1" <<END
#!/bin/sh
LD_LIBRARY_PATH='$home/runlib' exec '$home/usr/bin/gcc' -B'$home/usr/bin' $2 "\$@"
END
  chmod +x "$tmp/wrap/$1"
}
wrapper musl-gcc "-specs='$home/musl.specs'"
wrapper gcc "--sysroot='$home' -Wl,-rpath,'$home/runlib'"
ln -s gcc "$tmp/wrap/cc"
# bin was a link to usr/bin; the wrappers take its place.
rm "$tmp/bin"
mv "$tmp/wrap" "$tmp/bin"

[ ! -e "$home" ] || mv "$home" "$tmp.old"
mv "$tmp" "$home"
rm -rf "$tmp.old"
works "$home/bin/musl-gcc" loud || die "tried to build with the unpacked compiler but it makes no static program that runs (above)"
echo "$home/bin/musl-gcc"
