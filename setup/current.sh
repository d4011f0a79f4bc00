# current: is the build of $root, in $dist, newer than all that it is made from? Sourced, by
# ./berth at every call: one short process, no more.
current() {
  [ -e "$dist/stamp" ] || return 1
  [ -z "$(find "$root/pom.xml" "$root"/berth-*/pom.xml "$root"/berth-*/src/main "$root/guest/src" "$root/guest/build.sh" \
    "$root/setup/build.sh" -newer "$dist/stamp" -print -quit 2>/dev/null)" ]
}
