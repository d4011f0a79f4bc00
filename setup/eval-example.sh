#!/bin/sh
# setup/eval-example.sh [DIR]: makes DIR/instances.jsonl, the example of berth eval: real bugs of
# real packages, made of two releases each (examples/eval). DIR is for root /opt/berth/eval-example,
# else a folder under the user's home. The wheels come from the package index that the machine's pip
# is set up for, by version and check sum; nothing of them is run here. Prints the file on stdout.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

dir=$(place eval-example "$@")
example=$(cd "$here/../examples/eval" && pwd)
# Made anew when what it is made of changes.
wanted=$(cat "$example/bugs.json" "$example/wheels.txt" "$example/make.py" | cksum)
current() { [ "$(cat "$dir/made-of" 2>/dev/null)" = "$wanted $dir" ]; }
begin "$dir" made-of "$dir/instances.jsonl"
image=$(sh "$here/image.sh")
mkdir -p "$tmp/wheels"

say "getting the example of berth eval (about 6 MB of packages) for $dir"
python_of "$image"
export PYTHONDONTWRITEBYTECODE=1
# Of some packages there are several releases, and pip takes one of each at a time.
awk -F== -v to="$tmp/wanted." '!/^#/ && NF {n = ++seen[$1]; print > (to n)}' "$example/wheels.txt"
for wanted_now in "$tmp"/wanted.*; do
  pip_by "$image" download -q --disable-pip-version-check --no-input --no-deps --require-hashes --only-binary :all: \
    --platform any --implementation py --python-version "${python##*python}" \
    -d "$tmp/wheels" -r "$wanted_now" ||
    die "tried to get the packages of examples/eval/wheels.txt but pip could not (above); see 'pip config list' for the index that it asks"
done
own_python "$image" -S "$example/make.py" "$tmp/wheels" "$tmp" </dev/null || die "tried to make the example but could not (above)"
# The rows name the folder where it will be.
sed "s|$tmp/|$dir/|g" "$tmp/instances.jsonl" >"$tmp/instances"
mv "$tmp/instances" "$tmp/instances.jsonl"
rm -rf "$tmp/wheels" "$tmp/pip" "$tmp"/wanted.*
echo "$wanted $dir" >"$tmp/made-of"
finish "$dir"
printf '%s\n' "$dir/instances.jsonl"
