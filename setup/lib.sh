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
  for dead in "$1".tmp.*; do
    [ -e "$dead" ] && { chmod -R u+w "$dead" 2>/dev/null; rm -rf "$dead"; }
  done
  return 0
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
