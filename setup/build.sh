#!/bin/sh
# setup/build.sh [again]: brings the build up to date and prints how to launch it, as shell assignments.
# For ./berth, which calls it only if something is missing or older than the sources; 'again' builds
# whether or not.
set -eu
umask 022
root=$(cd -P "$(dirname "$0")/.." && pwd)
. "$root/setup/lib.sh"
. "$root/setup/current.sh"
dist=$root/berth-cli/target/dist
log=$root/target/build.log

asked=${JAVA_HOME:-}
jdk=$(sh "$root/setup/jdk.sh") || exit 1
java=$jdk/bin/java
version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$jdk/release")

quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# launch ARCHIVE-FLAG: what ./berth reads.
launch() {
  echo "asked=$(quote "$asked")"
  echo "java=$(quote "$java")"
  echo "flags='-XX:+UseSerialGC -XX:-UsePerfData --enable-native-access=ALL-UNNAMED -Xlog:disable -Xlog:all=error:stderr'"
  echo "archive=$1"
  echo "cp='$(cd "$dist/lib" && LC_ALL=C ls | tr '\n' ' ')'"
}

# done_with LAUNCH: is that how this JDK would be launched, too?
done_with() {
  [ -r "$1" ] && (
    want=$asked-$java
    . "$1"
    [ "$asked-$java" = "$want" ]
  )
}

if ! { [ -w "$root" ] && { [ ! -e "$root/target" ] || [ -w "$root/target" ]; } && { [ ! -e "$dist" ] || [ -w "$dist" ]; }; }; then
  [ -z "${1:-}" ] && [ -e "$dist/stamp" ] || die "tried to build Berth in $root but $(id -un) may not write there. Its owner, $(stat -c %U "$root"), can build it once for all (./berth build); or copy it to a folder of your own"
  current || say "note: the sources in $root are newer than the build, which $(id -un) may not renew; running it as it is"
  launch ''
  exit 0
fi

lock "$root/target/lock"

# Another may have done it while this one waited for the lock. Training anew would take the class
# archive away from whoever is just starting with it.
if [ -z "${1:-}" ] && current && done_with "$dist/launch"; then
  cat "$dist/launch"
  exit 0
fi

if [ -n "${1:-}" ] || ! current; then
  started=$(date +%s)
  mkdir -p "$dist"
  # Taken now: what changes while the build runs is newer.
  : >"$dist/stamp.new"
  # Close the lock for what runs long: a daemon left behind must not hold it.
  CC=$(sh "$root/setup/toolchain.sh" 9>&-) || exit 1
  export CC JAVA_HOME="$jdk" PATH="$PATH:${CC%/*}"
  first=
  [ -d "${HOME:-}/.m2/repository/com/google/errorprone" ] || first=' (the first time some minutes: libraries are downloaded)'
  say "building with JDK $version$first; log: $log"
  # Jars of former versions must not stay on the class path.
  rm -rf "$dist/stamp" "$dist/lib" "$dist/launch"
  if ! (cd "$root" && ./mvnw -q -B -ntp -Dmaven.test.skip=true package) </dev/null >"$log" 2>&1 9>&-; then
    tail -n 30 "$log" >&2
    die "tried to build Berth but Maven failed (above; all of it in $log)"
  fi
  ls "$dist"/lib/berth-cli-*.jar >/dev/null 2>&1 || die "tried to build Berth but $dist/lib holds no berth-cli jar; see $log"
  mv "$dist/stamp.new" "$dist/stamp"
  say "built in $(($(date +%s) - started)) s"
fi

# An archive of loaded classes, from a run that does what a quick command does. Its format belongs
# to one JDK. Without it all works, a few tenths of a second more slowly.
if [ "$version" -ge 25 ]; then make=-XX:AOTCacheOutput= use=-XX:AOTCache=; else make=-XX:ArchiveClassesAtExit= use=-XX:SharedArchiveFile=; fi
train=$(mktemp -d /tmp/berth.XXXXXX)
trap 'rm -rf "$train"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
berth() {
  (
    launch "$1" >"$train/launch"
    . "$train/launch"
    jars=
    for jar in $cp; do jars=$jars:$dist/lib/$jar; done
    shift
    # A place of its own: this run must see no sandbox of the user, nor leave one.
    unset BERTH_STATE_HOME BERTH_CACHE_HOME BERTH_CONFIG
    HOME=$train XDG_STATE_HOME=$train/s XDG_CACHE_HOME=$train/c XDG_DATA_HOME=$train/d XDG_RUNTIME_DIR=$train/r XDG_CONFIG_HOME=$train/f \
      timeout 60 "$java" $flags -XX:TieredStopAtLevel=1 ${archive:+"$archive"} -cp "${jars#:}" dev.berth.cli.Main "$@" </dev/null 9>&-
  )
}
: >"$train/log"
mkdir -p -m 700 "$train/r"
rm -f "$dist"/berth.cache.new*
if id=$(berth '' start --provider local --ttl 120s - 2>>"$train/log") && [ -n "$id" ]; then
  berth "$make$dist/berth.cache.new" exec "$id" true >>"$train/log" 2>&1 || :
  berth '' stop "$id" >>"$train/log" 2>&1 || :
fi
[ -s "$dist/berth.cache.new" ] || berth "$make$dist/berth.cache.new" --help >>"$train/log" 2>&1 || :
if [ -s "$dist/berth.cache.new" ]; then
  mv "$dist/berth.cache.new" "$dist/berth.cache"
else
  use=
  { echo 'no class archive:'; cat "$train/log"; } >>"$log"
fi
launch "$use" >"$dist/launch.new"
mv "$dist/launch.new" "$dist/launch"
cat "$dist/launch"
