#!/bin/sh
# setup/jdk.sh: prints the home of the JDK to use: JAVA_HOME if it is new enough, else the newest found.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

least=21

# major HOME: the version of the JDK at HOME; nothing where there is none that compiles.
major() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
  sed -n 's/^JAVA_VERSION="\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' "$1/release"
}

if [ -n "${JAVA_HOME:-}" ]; then
  found=$(major "$JAVA_HOME")
  if [ "${found:-0}" -ge $least ]; then printf '%s\n' "$JAVA_HOME"; exit 0; fi
fi

onpath=$(command -v javac || :)
[ -z "$onpath" ] || { onpath=$(readlink -f "$onpath"); onpath=${onpath%/bin/javac}; }
best=0
home=
seen=
for candidate in ${onpath:+"$onpath"} /usr/lib/jvm/* /opt/*jdk* /opt/java* /opt/java/* /usr/local/*jdk* "${HOME:-/}"/.sdkman/candidates/java/* "${HOME:-/}"/.jdks/*; do
  version=$(major "$candidate")
  [ -n "$version" ] || continue
  seen="$seen $version ($candidate)"
  if [ "$version" -gt $best ]; then best=$version; home=$candidate; fi
done
[ $best -ge $least ] || die "tried to find a JDK of version $least or newer but found ${seen:-none}.
  Set JAVA_HOME to one, or install one as root, such as: apt-get install openjdk-$least-jdk-headless (Debian 13), or unpack one under /opt or ~/.jdks"
printf '%s\n' "$home"
