#!/bin/sh
# guest/test.sh: the guest's own tests, against the release build and one with sanitizers, and its parser fuzzed.
#
# Needs a C compiler with AddressSanitizer and python3 (standard library only). As root it tests more: users, full disks, mounts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
chmod 755 "$out"
"$here/build.sh" "$out"
release=$(echo "$out"/linux-*/berth-guest)
warnings="-std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror"
sanitize="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
${HOSTCC:-cc} $warnings $sanitize -o "$out/guest-asan" "$here"/src/*.c
# Leaks are no use to look for in processes that end by _exit; the limit on a command's address space is not for ASan's shadow.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
failed=0
if clang $warnings -g -O1 -fsanitize=fuzzer,address,undefined -DLIBFUZZER -o "$out/fuzz" "$here/fuzz/fuzz.c" 2>/dev/null; then
  "$out/fuzz" -seed=1 -runs=300000 -max_total_time=20 >"$out/fuzz.log" 2>&1 &
else
  ${HOSTCC:-cc} $warnings $sanitize -o "$out/fuzz" "$here/fuzz/fuzz.c"
  "$out/fuzz" >"$out/fuzz.log" 2>&1 &
fi
fuzzer=$!
python3 "$here/test/run.py" "$release" "$out/guest-asan" || failed=1
if wait $fuzzer; then echo "fuzz: $(tail -n 1 "$out/fuzz.log")"; else failed=1; tail -n 40 "$out/fuzz.log"; fi
exit $failed
