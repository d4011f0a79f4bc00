#!/bin/sh
# setup/tools.sh: makes sure that what the tests run on the host itself is there: python3, git, patch, kill and pgrep; for root's own
# tests ip and iptables, too. As root Debian's packages are installed; else a line says which are missing. (Unpacked under the user's home they would not do: sandboxes of the local
# provider have the system's PATH.)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

packages=
roots=
! is_root || roots='ip:iproute2 iptables'
for tool in python3 git patch kill:procps $roots; do
  # Not by `command -v`, to which kill is the shell's own.
  found=
  for folder in /usr/local/bin /usr/bin /bin /usr/sbin /sbin; do [ ! -x "$folder/${tool%:*}" ] || found=yes; done
  [ -n "$found" ] || packages="$packages ${tool#*:}"
done
[ -n "$packages" ] || exit 0
is_root || die "the tests need$packages on this host, and $(id -un) cannot install packages; as root: apt-get install$packages"
need apt-get apt
lock "$(cache_home)/apt/lock"
log=$(cache_home)/apt/tools.log
say "installing$packages"
install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages </dev/null >"$log" 2>&1; }
install || { apt-get update -q </dev/null >"$log" 2>&1 && install; } ||
  { tail -n 15 "$log" >&2; die "tried to install$packages but apt failed (above; all of it in $log)"; }
