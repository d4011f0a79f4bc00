#!/bin/sh
# setup/apptainer.sh [PREFIX]: makes Apptainer usable here; prints its path on stdout.
#
# One on PATH is used as it is. Otherwise Debian's packages (Apptainer is in sid alone) go into
# PREFIX, with a libc and libraries of their own, so that nothing of the system changes. As root
# the default is /opt/berth/apptainer, for all users; else a folder under the user's home.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

shared=/opt/berth/apptainer
if [ $# -gt 0 ]; then prefix=$1; elif is_root; then prefix=$shared; else prefix=$(data_home)/apptainer; fi
case $prefix in /*) ;; *) die "tried to install Apptainer in '$prefix' but the path is not absolute" ;; esac

works() { "$1" --version >/dev/null 2>&1; }

# What only root can give; each line says what is missing, what it costs, and the remedy.
host_parts() {
  if ! command -v newuidmap >/dev/null 2>&1; then
    if is_root; then
      say "installing uidmap (for sandboxes with --fakeroot)"
      { DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends uidmap ||
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends uidmap; }
      } </dev/null >/dev/null 2>&1 || say "missing: uidmap could not be installed; without it there are no sandboxes with --fakeroot. Try: apt-get install uidmap"
    else
      say "missing: newuidmap; without it there are no sandboxes with --fakeroot. As root: apt-get install uidmap"
    fi
  fi
  if ! is_root && ! grep -q "^\($(id -un)\|$(id -u)\):" /etc/subuid 2>/dev/null; then
    say "missing: a range of subordinate ids for $(id -un); without it there are no sandboxes with --fakeroot. As root: usermod --add-subuids 200000-265535 --add-subgids 200000-265535 $(id -un)"
  fi
  if [ -c /dev/fuse ] && is_root && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
    chmod 666 /dev/fuse 2>/dev/null && say "made /dev/fuse usable by all users (chmod 666), so that they can mount .sif images" ||
      say "missing: /dev/fuse could not be opened to all users; plain users cannot mount .sif images, only unpacked ones"
  elif ! { [ -r /dev/fuse ] && [ -w /dev/fuse ]; }; then
    say "missing: access to /dev/fuse; without it .sif images are unpacked instead of mounted. As root: modprobe fuse; chmod 666 /dev/fuse"
  fi
}

# networks PREFIX: its CNI plugins and networks are where the package has put them, below PREFIX; for root's deployments with --net.
networks() {
  conf=$1/etc/apptainer/apptainer.conf
  [ -w "$conf" ] && grep -q '^#cni plugin path' "$conf" || return 0
  sed -e "s|^#cni plugin path *=.*|cni plugin path = $1/usr/lib/cni|" -e "s|^#cni configuration path *=.*|cni configuration path = $1/etc/apptainer/network|" "$conf" >"$conf.new"
  mv "$conf.new" "$conf"
}

done_with() {
  case $1 in "$prefix"/*) networks "$prefix" ;; esac
  host_parts
  printf '%s\n' "$1"
  exit 0
}

if [ $# = 0 ]; then
  for found in $(command -v apptainer || :) "$shared/bin/apptainer"; do
    works "$found" && done_with "$found"
  done
fi
works "$prefix/bin/apptainer" && done_with "$prefix/bin/apptainer"

need dpkg-deb dpkg
need tar tar
lock "$prefix.lock"
works "$prefix/bin/apptainer" && done_with "$prefix/bin/apptainer"
sweep_dead "$prefix"
tmp=$prefix.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp"

say "getting Apptainer from Debian (about 45 MB) into $prefix"
mirror=$(debian_mirror)
# A second apt of the same user must not share these folders while this one writes them.
(
  lock "$(cache_home)/apt/lock"
  apt_private apptainer "$mirror trixie
$mirror sid"
  # All but Apptainer from the stable release: one consistent set of libraries, whatever the host's.
  printf 'APT::Default-Release "trixie";\n' >>"$apt_conf"
  apt_unpack "$tmp" apptainer/sid squashfs-tools squashfuse fuse-overlayfs patchelf
)

# Keep what Apptainer runs; above all nothing setuid.
for bin in "$tmp"/usr/bin/* "$tmp"/usr/sbin/*; do
  case ${bin##*/} in
    apptainer | singularity | run-singularity | mksquashfs | unsquashfs | squashfuse | squashfuse_ll | fuse-overlayfs | patchelf) ;;
    *) rm -f "$bin" ;;
  esac
done
rm -rf "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"

# The programs must find their own libc and libraries at the place where they will be.
libdir=$(cd "$tmp" && dirname "$(find usr/lib* -name libc.so.6 | head -n 1)")
starter=$(cd "$tmp" && find usr -path '*/apptainer/bin/starter')
[ -n "$starter" ] || die "tried to find Apptainer's starter in its package but it is not there"
loader=$(cd "$tmp" && echo lib*/ld-linux*.so.*)
patch() { "$tmp/$loader" --library-path "$tmp/$libdir" "$tmp/usr/bin/patchelf" "$@"; }
for bin in "$starter" usr/bin/apptainer usr/bin/mksquashfs usr/bin/unsquashfs usr/bin/squashfuse usr/bin/squashfuse_ll usr/bin/fuse-overlayfs; do
  [ -e "$tmp/$bin" ] || continue
  patch --set-interpreter "$prefix/$loader" --force-rpath --set-rpath "$prefix/$libdir" "$tmp/$bin" ||
    die "tried to point $bin to its libraries but patchelf failed"
done
rm "$tmp/usr/bin/patchelf"

# Apptainer looks for etc and var beside its own bin, its starter beside its own lib.
ln -s ../etc "$tmp/usr/etc"
ln -s ../var "$tmp/usr/var"
ln -s ../etc "$tmp/usr/lib/etc"
ln -s ../var "$tmp/usr/lib/var"
mkdir -p "$tmp/var/lib/apptainer/mnt/session"
# …and for its helpers on the path of its configuration.
conf=$tmp/etc/apptainer/apptainer.conf
sed "s|^#* *binary path *=.*|binary path = $prefix/usr/bin:\$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|" "$conf" >"$conf.new"
mv "$conf.new" "$conf"
chmod -R a+rX,u+w "$tmp"

# A version that is there but does not work (a moved folder, an upgraded host) gives way.
[ ! -e "$prefix" ] || mv "$prefix" "$tmp.old"
mv "$tmp" "$prefix"
rm -rf "$tmp.old"
works "$prefix/bin/apptainer" ||
  { "$prefix/bin/apptainer" --version >&2 || :; die "tried to run the new $prefix/bin/apptainer but it failed (above)"; }
say "installed $("$prefix/bin/apptainer" --version)"
done_with "$prefix/bin/apptainer"
