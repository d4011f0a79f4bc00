# What the setup scripts share. Sourced, never run. POSIX sh.
#
# Everything here works without root rights: apt gets folders of its own, so that it reads the
# machine's mirrors and proxies but touches nothing of the machine's package state.

say() { printf 'berth: %s\n' "$*" >&2; }
die() { printf 'berth: error: %s\n' "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

# need TOOL PACKAGE: a tool that every Debian has, but a container image may lack.
need() {
  command -v "$1" >/dev/null 2>&1 || die "tried to use '$1' but it is not there; as root: apt-get install $2"
}

# cache_home, data_home: where this user's files go (XDG).
cache_home() { printf '%s\n' "${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/berth"; }
data_home() { printf '%s\n' "${XDG_DATA_HOME:-${HOME:?HOME is not set}/.local/share}/berth"; }

# lock FILE: holds FILE's lock until this shell ends; the kernel frees it even after kill -9.
lock() {
  need flock util-linux
  mkdir -p "$(dirname "$1")" || die "tried to create $(dirname "$1") but could not"
  exec 9>"$1" || die "tried to write $1 but could not"
  flock -n 9 && return
  say "another setup is at work; waiting for $1"
  flock -w 900 9 || die "tried to get the lock $1 but another setup has held it for 15 minutes"
}

# sweep_dead PATH: removes PATH.tmp.* left by a run that was killed. Call it with the lock held.
sweep_dead() {
  for dead in "$1".tmp.*; do remove "$dead"; done
}

# place NAME [DIR]: where a folder of this project's goes: DIR, or for root /opt/berth/NAME, or under the user's home.
place() {
  [ $# -le 2 ] || { echo "usage: ${0##*/} [DIR]" >&2; exit 2; }
  case ${2:-} in
    '') if is_root; then printf '%s\n' "/opt/berth/$1"; else printf '%s\n' "$(data_home)/$1"; fi ;;
    /*) printf '%s\n' "$2" ;;
    *) printf '%s\n' "$PWD/$2" ;;
  esac
}

# begin DIR FILE RESULT: begins to make DIR, by which DIR/FILE is then known. Ends the script with RESULT on stdout if DIR is as it should be, which the caller's function `current` says; one that
# another run is making is waited for. Sets $tmp, an empty folder beside DIR, which is gone when the script ends unless `finish` has put it in DIR's place.
begin() {
  if current; then printf '%s\n' "$3"; exit 0; fi
  need apt-get apt
  need dpkg-deb dpkg
  lock "$1.lock"
  if current; then printf '%s\n' "$3"; exit 0; fi
  sweep_dead "$1"
  [ ! -e "$1" ] || [ -e "$1/$2" ] || die "tried to make $1 but something else is there"
  tmp=$1.tmp.$$
  trap 'remove "$tmp"' EXIT
  trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
  mkdir -p "$tmp"
}

# finish DIR: puts $tmp in the place of DIR, and what was there away.
finish() {
  [ ! -e "$1" ] || mv "$1" "$tmp.old"
  mv "$tmp" "$1"
  remove "$tmp.old"
  trap - EXIT
}

# remove PATH: with folders in it that their owner may not write.
remove() {
  [ ! -e "$1" ] || { chmod -R u+w "$1" 2>/dev/null || :; rm -rf "$1"; }
}

# debian_codename: the machine's own release, such as bookworm.
debian_codename() {
  (. /etc/os-release 2>/dev/null && [ -n "${VERSION_CODENAME:-}" ] && echo "$VERSION_CODENAME") ||
    die "tried to find the Debian release in /etc/os-release but it names none"
}

# debian_sources: the lines "URI SUITE" of the machine's own Debian archives, main only.
debian_sources() {
  need apt-get apt
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v own="$(debian_codename)" '$3 == "main" && ($2 == own || index($2, own "-") == 1 ||
      $2 ~ /^(old)*stable(-|$)/ || $2 == "testing" || $2 == "unstable") && !seen[$0]++ {print $1, $2}'
}

# debian_mirror: the URI from which this machine gets Debian itself (not its security updates).
debian_mirror() {
  debian_sources | awk '$2 !~ /-/ {print $1; found = 1; exit} END {exit !found}' ||
    die "tried to find a Debian mirror in /etc/apt/sources.list* but there is none for $(debian_codename)"
}

# apt_private NAME SOURCES: prepares an apt that knows only SOURCES ("URI SUITE" lines) and believes that nothing is installed, so that it resolves whole closures. Sets $apt_conf and
# $apt_archives. An index older than a day is fetched anew.
apt_private() {
  apt_root=$(cache_home)/apt
  apt_dir=$apt_root/$1
  apt_conf=$apt_dir/apt.conf
  apt_archives=$apt_root/archives
  mkdir -p "$apt_dir/lists/partial" "$apt_dir/none/partial" "$apt_dir/state" "$apt_archives/partial" ||
    die "tried to create $apt_dir but could not"
  apt_keys=
  for key in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
    [ -r "$key" ] && { apt_keys="signed-by=$key"; break; }
  done
  printf '%s\n' "$2" | awk -v keys="$apt_keys" 'NF {print "deb [target=Packages " keys "] " $1 " " $2 " main"}' >"$apt_dir/sources.new"
  [ -s "$apt_dir/sources.new" ] || die "tried to find Debian package sources but apt on this machine has none"
  : >"$apt_dir/status"
  cat >"$apt_conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "$apt_dir/state";
Dir::State::lists "$apt_dir/lists";
Dir::State::status "$apt_dir/status";
Dir::Cache "$apt_dir";
Dir::Cache::archives "$apt_archives";
Dir::Etc::sourcelist "$apt_dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::Assume-Yes "true";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  if cmp -s "$apt_dir/sources.new" "$apt_dir/sources.list" &&
    [ -n "$(find "$apt_dir/updated" -mmin -1440 2>/dev/null)" ]; then
    return
  fi
  mv "$apt_dir/sources.new" "$apt_dir/sources.list"
  if ! apt-get -c "$apt_conf" update -q -o APT::Update::Error-Mode=any </dev/null >"$apt_dir/log" 2>&1; then
    # A frozen mirror's index outlives the date in its signature. The signature itself still counts.
    printf 'Acquire::Check-Valid-Until "false";\n' >>"$apt_conf"
    apt_run "read the package index" apt-get -c "$apt_conf" update -q -o APT::Update::Error-Mode=any
    say "note: the Debian mirror's index is past its date (a frozen mirror?); its signature is good, so it is used"
  fi
  : >"$apt_dir/updated"
}

# apt_run WHAT COMMAND…: runs COMMAND with its output in a log, shown only on failure.
apt_run() {
  apt_what=$1
  shift
  if ! "$@" </dev/null >"$apt_dir/log" 2>&1; then
    tail -n 15 "$apt_dir/log" >&2
    die "tried to $apt_what but apt failed (above; all of it in $apt_dir/log)"
  fi
}

# apt_unpack ROOT PACKAGE…: downloads the packages with all they depend on, unpacked into ROOT.
apt_unpack() {
  apt_to=$1
  shift
  # It lists only what is not downloaded yet, hence the folder that holds nothing.
  apt_run "resolve $*" apt-get -c "$apt_conf" -o Dir::Cache::archives="$apt_dir/none" install -qq --print-uris "$@"
  awk '/^\047/ {print $2}' "$apt_dir/log" >"$apt_dir/wanted"
  apt_run "download $*" apt-get -c "$apt_conf" install -q --download-only "$@"
  # Links first: whatever the packages' age, /bin, /lib and so on are one with those under /usr.
  for dir in bin sbin lib lib64; do
    mkdir -p "$apt_to/usr/$dir" && ln -s "usr/$dir" "$apt_to/$dir" || die "tried to write to $apt_to but could not"
  done
  while read -r deb; do
    dpkg-deb --fsys-tarfile "$apt_archives/$deb" |
      tar -x --no-same-owner --keep-directory-symlink -C "$apt_to" -f - ||
      die "tried to unpack $apt_archives/$deb but could not"
  done <"$apt_dir/wanted"
}

# root_files ROOT: makes of unpacked packages a root file system, by what their own scripts would have done, and without what a sandbox has no use for.
root_files() (
  cd "$1"
  ln -sf dash usr/bin/sh
  ln -sf mawk usr/bin/awk
  mkdir -p dev etc home/agent proc root run srv sys tmp var/tmp
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
  chmod 1777 tmp var/tmp
  rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian
  # Nobody in the image gains rights by a program.
  find usr -perm /6000 -type f -exec chmod ug-s {} +
)

# apptainer_scripts ROOT: Apptainer starts an instance only of an image with its own scripts inside: these, for any image. Its runscript is bash.
apptainer_scripts() (
  cd "$1"
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
)

# python_of ROOT: finds the Python of a root file system: sets $python, $libdir and $loader, relative to ROOT. Its own loader runs it on this host.
python_of() {
  python=$(cd "$1" && find usr/bin -name 'python3.*' -type f | head -n 1)
  libdir=$(cd "$1" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
  loader=$(cd "$1" && echo lib*/ld-linux*.so.*)
}

# own_python ROOT ARG…: runs that Python, after python_of.
own_python() {
  own_root=$1
  shift
  PYTHONHOME=$own_root/usr "$own_root/$loader" --library-path "$own_root/$libdir" "$own_root/$python" "$@"
}

# pip_by ROOT ARG…: runs pip: this machine's, or where it has none Debian's, in the Python of ROOT; it is unpacked into $tmp/pip. After python_of.
pip_by() {
  pip_root=$1
  shift
  if python3 -m pip --version >/dev/null 2>&1; then
    python3 -m pip "$@" </dev/null >&2
    return
  fi
  if [ ! -d "$tmp/pip" ]; then
    (
      lock "$(cache_home)/apt/lock"
      apt_private own "$(debian_sources)"
      mkdir "$tmp/pip"
      apt_run "download python3-pip" sh -c "cd '$tmp/pip' && apt-get -c '$apt_conf' download -q python3-pip"
      dpkg-deb -x "$tmp"/pip/python3-pip_*.deb "$tmp/pip"
    ) || return
  fi
  PYTHONPATH=$tmp/pip/usr/lib/python3/dist-packages own_python "$pip_root" -m pip "$@" </dev/null >&2
}
