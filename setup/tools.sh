#!/bin/sh
# setup/tools.sh: makes usable what the tests run on the host itself: python3, git, patch, kill and pgrep. Prints a folder for PATH, which is empty
# of what the machine has anyway.
#
# As root Debian's packages are installed; else the same ones are unpacked under the user's home.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

home=$(data_home)/tools
missing= packages=
for tool in python3 git patch kill:procps pgrep:procps; do
  # Not by `command -v`, to which kill is the shell's own.
  found=
  IFS=:
  for folder in $PATH; do [ ! -x "$folder/${tool%:*}" ] || found=yes; done
  unset IFS
  [ -n "$found" ] || { missing="$missing ${tool%:*}"; packages="$packages ${tool#*:}"; }
done
if [ -z "$missing" ]; then
  printf '%s\n' "$home/wrap"
  exit 0
fi

if is_root; then
  need apt-get apt
  lock "$(cache_home)/apt/lock"
  log=$(cache_home)/apt/tools.log
  say "installing$packages"
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages </dev/null >"$log" 2>&1; }
  install || { apt-get update -q </dev/null >"$log" 2>&1 && install; } ||
    { tail -n 15 "$log" >&2; die "tried to install$packages but apt failed (above; all of it in $log)"; }
  printf '%s\n' "$home/wrap"
  exit 0
fi

works() { for tool in $missing; do "$home/wrap/$tool" --version >/dev/null 2>&1 || return 1; done; }
if works; then printf '%s\n' "$home/wrap"; exit 0; fi
lock "$home.lock"
if works; then printf '%s\n' "$home/wrap"; exit 0; fi
sweep_dead "$home"
tmp=$home.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp"
say "getting$missing (about 25 MB) into $home; as root 'apt-get install$packages' would do instead"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp" $packages
  # They run on the host's libc, so their libraries must be found without the unpacked libc.
  mkdir "$tmp/runlib" "$tmp/wrap"
  for deb in $(grep '^libc6_' "$apt_dir/wanted"); do dpkg-deb -c "$apt_archives/$deb"; done |
    awk '{n = split($6, part, "/"); print part[n]}' >"$tmp/libc.files"
)
find "$tmp/usr/lib" "$tmp/lib" -name '*.so*' -not -path '*/python3*' | while read -r lib; do
  grep -qxF "${lib##*/}" "$tmp/libc.files" || ln -sf "..${lib#"$tmp"}" "$tmp/runlib/${lib##*/}"
done
rm -rf "$tmp/libc.files" "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"
wrapper() {
  printf "#!/bin/sh\nLD_LIBRARY_PATH='%s' %s exec '%s' \"\$@\"\n" "$home/runlib" "$2" "$home/usr/bin/$1" >"$tmp/wrap/$1"
  chmod +x "$tmp/wrap/$1"
}
for tool in $missing; do
  case $tool in
    python3) wrapper python3 "PYTHONHOME='$home/usr'" ;;
    git) wrapper git "GIT_EXEC_PATH='$home/usr/lib/git-core' GIT_TEMPLATE_DIR='$home/usr/share/git-core/templates'" ;;
    *) wrapper "$tool" '' ;;
  esac
done
rm -rf "$home"
mv "$tmp" "$home"
trap - EXIT
works || die "tried to run$missing, unpacked in $home, but they do not run; as root: apt-get install$packages"
printf '%s\n' "$home/wrap"
