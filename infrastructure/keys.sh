#!/bin/sh
# keys.sh REGION PUBLIC_SECRET PRIVATE_SECRET: makes the two key pairs and puts them into the secrets that Terraform has made; `terraform output -raw keys_command` says the whole line.
#
# Needs ssh-keygen, and the AWS CLI as somebody who may secretsmanager:PutSecretValue on both. Run again it changes the keys: sandboxes that run then cannot be connected to any more, and hosts that have read the old key use it for up to ten minutes more, in which they cannot reach new sandboxes.
# The keys stand in memory (/dev/shm) while this runs, on no command line, and nowhere afterwards.
set -eu
umask 077
[ $# = 3 ] || { echo "usage: sh keys.sh REGION PUBLIC_SECRET PRIVATE_SECRET" >&2; exit 2; }
for tool in ssh-keygen aws; do
  command -v "$tool" >/dev/null || { echo "keys.sh: tried to use $tool but it is not there; install it" >&2; exit 1; }
done
[ -d /dev/shm ] || { echo "keys.sh: tried to use /dev/shm, so that no key is written to a disk, but it is not there; run this on Linux" >&2; exit 1; }
work=$(mktemp -d /dev/shm/berth-keys.XXXXXX)
half=
trap 'rm -rf "$work"; [ -z "$half" ] || echo "keys.sh: tried to write both secrets but was not done; they may not belong together, and then no new sandbox can be reached: run it again" >&2' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM

ssh-keygen -q -t ed25519 -N '' -C berth -f "$work/user"
ssh-keygen -q -t ed25519 -N '' -C sidecar -f "$work/host"
cat "$work/user.pub" "$work/host" >"$work/public"
cat "$work/user" "$work/host.pub" >"$work/private"
half=yes
aws --region "$1" secretsmanager put-secret-value --secret-id "$2" --secret-string "file://$work/public" --query VersionId --output text >/dev/null
aws --region "$1" secretsmanager put-secret-value --secret-id "$3" --secret-string "file://$work/private" --query VersionId --output text >/dev/null
half=
echo "keys.sh: both secrets have their values"
