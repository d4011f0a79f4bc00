#!/bin/sh
# setup/test.sh [--soak] [--rig]: gets what the tests need, runs them and counts. For ./berth test.
# --soak adds those that take long, --rig those of Fargate: real sshd, and as root real containers beside a stand-in for AWS.
#
# As root a fresh copy of the project is tested by a plain user, berth-tester, which is how Berth
# is meant to be used; then the tests that need root rights run as root in another copy.
set -eu
umask 022
root=$(cd -P "$(dirname "$0")/.." && pwd)
. "$root/setup/lib.sh"

soak=
rig=
for arg; do
  case $arg in
    --soak) soak=yes ;;
    --rig) rig=yes ;;
    *) echo "usage: ./berth test [--soak] [--rig]" >&2; exit 2 ;;
  esac
done

JAVA_HOME=$(sh "$root/setup/jdk.sh") || exit 1
CC=$(sh "$root/setup/toolchain.sh") || exit 1
sh "$root/setup/tools.sh" || exit 1
apptainer=$(sh "$root/setup/apptainer.sh") || exit 1
BERTH_IMAGE=$(sh "$root/setup/image.sh") || exit 1
BERTH_SWEREX_IMAGE=$(sh "$root/setup/swerex-image.sh") || exit 1
BERTH_EVAL_EXAMPLE=$(sh "$root/setup/eval-example.sh") || exit 1
BERTH_REGISTRY=$(sh "$root/setup/registry.sh") || exit 1
BERTH_OPENHANDS_IMAGE=$(sh "$root/setup/openhands-image.sh") || exit 1
BERTH_SSHD=
BERTH_FARGATE=
if [ -n "$rig" ]; then
  BERTH_SSHD=$(sh "$root/setup/sshd.sh") || exit 1
  BERTH_FARGATE=none
  if is_root; then
    # 69: this machine lets nobody make what the rig needs; it has said so, and the tests are skipped by name.
    BERTH_FARGATE=$(sh "$root/setup/fargate.sh") || { [ $? = 69 ] || exit 1; BERTH_FARGATE=none; }
  fi
fi
PATH=$PATH:${CC%/*}:${apptainer%/*}
export JAVA_HOME CC BERTH_IMAGE BERTH_SWEREX_IMAGE BERTH_EVAL_EXAMPLE BERTH_REGISTRY BERTH_OPENHANDS_IMAGE BERTH_SSHD BERTH_FARGATE PATH

# tagged TAG: how many test classes or methods carry it.
tagged() { { grep -rhF --include='*.java' "@Tag(\"$1\")" "$root"/berth-*/src || :; } | wc -l; }

# copy DIR: the project as it stands, changes not yet committed included.
copy() { (cd "$root" && tar --exclude=./.git --exclude=target -cf - .) | tar -x --no-same-owner -C "$1" -f -; }

# Failures are counted from the reports at the end; Maven stops only where it cannot go on. Formatting is looked at apart, so that it keeps no test from running.
goals='-B -ntp -fae -Dmaven.test.failure.ignore=true -Dspotless.check.skip=true verify'
later=none
[ -n "$soak" ] || later=$later,soak
[ -n "$rig" ] || later=$later,rig
results=
# The tests have a state folder of their own: sandboxes that the user has meanwhile are not theirs, nor the other way round.
work=
broken=

# guest_tests WHO CMD…: the guest's own tests; they are one unless their last line counts them.
guest_tests() {
  [ -f "$root/guest/test.sh" ] || return 0
  who=$1
  shift
  say "testing the guest ($who)"
  status=0
  "$@" </dev/null >"$out" 2>&1 || status=$?
  cat "$out"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$out" | tail -n 1)
  set -- $(printf %s "$line" | tr -c '0-9' ' ')
  passed=${1:-0} failed=${2:-0} skipped=${3:-0}
  if [ -z "$line" ]; then
    if [ $status = 0 ]; then passed=1; else failed=1; fi
  elif [ $status != 0 ] && [ "$failed" = 0 ]; then
    failed=1
  fi
  eval "guest_$who=\"guest ($who):$passed:$failed:$skipped:see the guest's output above\""
}

out=$(mktemp)
scratch=
trap 'rm -f "$out"; [ -z "$scratch" ] || rm -rf "$scratch"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
guest_user=
guest_root=

if ! is_root; then
  find "$root" -maxdepth 3 \( -name surefire-reports -o -name failsafe-reports \) -path '*/target/*' -exec rm -rf {} +
  guest_tests user sh "$root/guest/test.sh"
  say "testing Berth as $(id -un)"
  scratch=$(mktemp -d /tmp/berth-test.XXXXXX)
  (cd "$root" && BERTH_STATE_HOME=$scratch ./mvnw $goals -DexcludedGroups=root,$later) </dev/null || broken="Maven, as $(id -un)"
  (cd "$root" && ./mvnw -q -B spotless:check) </dev/null || broken="${broken:+$broken; }formatting, see ./mvnw spotless:apply"
  set -- "user=$root"
  left=$(tagged root)
  [ "$left" = 0 ] || set -- "$@" "left out:0:0:$left:they need root rights: run ./berth test as root"
else
  tester=berth-tester
  id "$tester" >/dev/null 2>&1 || { say "adding the user $tester, who runs the tests"; useradd --create-home --shell /bin/sh "$tester"; }
  for kind in uid gid; do
    grep -q "^$tester:" "/etc/sub$kind" 2>/dev/null || {
      first=$({ awk -F: '{print $2 + $3}' "/etc/sub$kind" 2>/dev/null; echo 100000; } | sort -n | tail -n 1)
      usermod --add-sub${kind}s "$first-$((first + 65535))" "$tester"
    }
  done
  home=$(getent passwd "$tester" | cut -d: -f6)
  # as_tester CMD…: with an environment of its own, and this one's proxies.
  as_tester() {
    runuser -u "$tester" -- env -i HOME="$home" USER="$tester" LOGNAME="$tester" LANG=C.UTF-8 PATH="$PATH" CI="${CI:-}" \
      JAVA_HOME="$JAVA_HOME" CC="$CC" BERTH_IMAGE="$BERTH_IMAGE" BERTH_SWEREX_IMAGE="$BERTH_SWEREX_IMAGE" BERTH_EVAL_EXAMPLE="$BERTH_EVAL_EXAMPLE" BERTH_REGISTRY="$BERTH_REGISTRY" BERTH_OPENHANDS_IMAGE="$BERTH_OPENHANDS_IMAGE" BERTH_SSHD="$BERTH_SSHD" BERTH_STATE_HOME="$work/state" MAVEN_OPTS="${MAVEN_OPTS:-}" MAVEN_ARGS="${MAVEN_ARGS:-}" \
      ${JAVA_TOOL_OPTIONS:+JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS"} ${http_proxy:+http_proxy="$http_proxy"} \
      ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} "$@"
  }
  as_tester test -x "$JAVA_HOME/bin/java" || die "tried to test as $tester but $JAVA_HOME is closed to other users; set JAVA_HOME to a JDK that all may use"
  # What root has downloaded already need not be downloaded twice.
  if [ -d "${HOME:-/root}/.m2" ] && [ ! -d "$home/.m2" ]; then
    cp -r "${HOME:-/root}/.m2" "$home/.m2"
    chown -R "$tester:" "$home/.m2"
  fi
  for old in "$home"/berth-test.*; do [ ! -e "$old" ] || rm -rf "$old"; done
  work=$(as_tester mktemp -d "$home/berth-test.XXXXXX")
  copy "$work"
  chown -R "$tester:" "$work"

  guest_tests user as_tester sh "$work/guest/test.sh"
  say "testing Berth as $tester in $work"
  as_tester sh -c 'cd "$1" && shift && exec ./mvnw "$@"' sh "$work" $goals -DexcludedGroups=root,$later </dev/null || broken="Maven, as $tester"
  as_tester sh -c 'cd "$1" && exec ./mvnw -q -B spotless:check' sh "$work" </dev/null || broken="${broken:+$broken; }formatting, see ./mvnw spotless:apply"
  set -- "user=$work"

  if [ "$(tagged root)" != 0 ]; then
    scratch=$(mktemp -d /var/tmp/berth-root.XXXXXX)
    copy "$scratch"
    guest_tests root sh "$scratch/guest/test.sh"
    say "testing as root what needs root rights"
    (cd "$scratch" && BERTH_STATE_HOME=$scratch/state ./mvnw $goals -Dgroups=root -DexcludedGroups=$later) </dev/null || broken="${broken:+$broken; }Maven, as root"
    set -- "$@" "root=$scratch"
  fi
fi
[ -z "$guest_user" ] || set -- "$@" "$guest_user"
[ -z "$guest_root" ] || set -- "$@" "$guest_root"
left=$(tagged soak)
[ -n "$soak" ] || [ "$left" = 0 ] || set -- "$@" "left out:0:0:$left:they take long: run ./berth test --soak"
left=$(tagged rig)
[ -n "$rig" ] || [ "$left" = 0 ] || set -- "$@" "left out:0:0:$left:classes that need Fargate's rig: run ./berth test --rig as root"
# A run that broke off before its tests is a failure even if no report says so.
[ -z "$broken" ] || set -- "$@" "build broken ($broken):0:1:0"
"$JAVA_HOME/bin/java" "$root/setup/TestReport.java" "$@"
