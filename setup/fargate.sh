#!/bin/sh
# setup/fargate.sh [DIR]: gets what the tests of berth-fargate need on one machine in place of AWS,
# and prints DIR (/opt/berth/fargate): DIR/moto, the control plane, from PyPI; DIR/s3proxy.jar, an
# S3 that checks signatures, by Maven; DIR/sidecar, a root file system with sshd; and, installed on
# the system, podman with runc and ip. Root only: the tests make network namespaces and containers.
# See docs/fargate-rig.md.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

is_root || die "tried to set up the rig of the Fargate tests but it needs root rights; run it as root, or leave the tests tagged 'root' out"
dir=${1:-/opt/berth/fargate}
# Raise it when what DIR holds changes.
version=2
current() { [ "$(cat "$dir/stamp" 2>/dev/null)" = "$(debian_codename) $version" ] && command -v podman >/dev/null && command -v runc >/dev/null && command -v ip >/dev/null; }

if current; then printf '%s\n' "$dir"; exit 0; fi
need apt-get apt
need dpkg-deb dpkg
lock "$dir.lock"
if current; then printf '%s\n' "$dir"; exit 0; fi
sweep_dead "$dir"
tmp=$dir.tmp.$$
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
mkdir -p "$tmp/sidecar"

wanted=
for tool in podman runc ip:iproute2 nsenter:util-linux; do
  command -v "${tool%:*}" >/dev/null 2>&1 || wanted="$wanted ${tool#*:}"
done
python=$(command -v python3 || :)
if [ -z "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
  python=/usr/bin/python3
  wanted="$wanted python3 python3-pip"
fi
if [ -n "$wanted" ]; then
  say "installing$wanted"
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted; } </dev/null >"$tmp/log" 2>&1; then
    tail -n 15 "$tmp/log" >&2
    die "tried to install$wanted but apt failed (above)"
  fi
fi

say "getting moto from PyPI (180 MB unpacked), for the tests of Fargate"
if ! "$python" -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-compile --target "$tmp/moto" 'moto[server]==5.2.*' </dev/null >"$tmp/log" 2>&1; then
  tail -n 15 "$tmp/log" >&2
  die "tried to install moto but pip failed (above)"
fi
printf '%s\n' "$python" >"$tmp/python"

say "getting S3Proxy by Maven (55 MB), for the tests of image builds"
JAVA_HOME=${JAVA_HOME:-$(sh "$here/jdk.sh")}
export JAVA_HOME
if ! (cd "$here/.." && ./mvnw -q -B -ntp -N org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact=org.gaul:s3proxy:4.1.0:jar:jar-with-dependencies -Dmdep.stripVersion=true -DoutputDirectory="$tmp") </dev/null >"$tmp/log" 2>&1; then
  tail -n 15 "$tmp/log" >&2
  die "tried to get org.gaul:s3proxy but Maven failed (above)"
fi
mv "$tmp/s3proxy-jar-with-dependencies.jar" "$tmp/s3proxy.jar"

say "unpacking sshd for the sidecar of the Fargate tests"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp/sidecar" base-files coreutils dash openssh-server usr-is-merged
)
cd "$tmp/sidecar"
ln -sf dash usr/bin/sh
mkdir -p dev etc proc root run/sshd sys tmp var/empty
chmod 700 root
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
printf 'root:x:0:\nnogroup:x:65534:\n' >etc/group
printf 'passwd: files\ngroup: files\n' >etc/nsswitch.conf
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/info
rm -f "$tmp/log"
printf '%s %s\n' "$(debian_codename)" "$version" >"$tmp/stamp"
cd /
rm -rf "$dir"
mv "$tmp" "$dir"
printf '%s\n' "$dir"
