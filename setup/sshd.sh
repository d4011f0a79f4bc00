#!/bin/sh
# setup/sshd.sh [DIR]: gets Debian's OpenSSH, through which the tests of the SSH tunnel go, into DIR; prints the folder that holds sshd, ssh, sftp and ssh-keygen. Only unpacked: no service is
# installed or started.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

dir=$(place sshd "$@")
current() { "$dir/bin/sshd" -V >/dev/null 2>&1 && "$dir/bin/ssh" -V >/dev/null 2>&1; }
begin "$dir" bin/sshd "$dir/bin"

say "getting OpenSSH from Debian (about 25 MB), for the tests of SSH tunnels"
(
  lock "$(cache_home)/apt/lock"
  apt_private own "$(debian_sources)"
  apt_unpack "$tmp/root" openssh-server openssh-client openssh-sftp-server
)

# The programs with the libraries that this machine may lack; libc stays the machine's own, which is of the same release.
mkdir -p "$tmp/bin" "$tmp/lib" "$tmp/libexec"
find "$tmp/root/usr/lib" -maxdepth 2 -name 'lib*.so*' ! -name 'libc.so*' ! -name 'libm.so*' ! -name 'libpthread*' ! -name 'libdl.*' ! -name 'librt.*' ! -name 'libresolv.*' ! -name 'libperl*' \
  -exec cp -P {} "$tmp/lib/" \;
cp "$tmp/root/usr/lib/openssh/"* "$tmp/libexec/"
for program in usr/sbin/sshd usr/bin/ssh usr/bin/sftp usr/bin/ssh-keygen; do cp "$tmp/root/$program" "$tmp/libexec/"; done
rm -rf "$tmp/root"
wrapper() {
  cat >"$tmp/bin/$1" <<END
#!/bin/sh
LD_LIBRARY_PATH='$dir/lib' exec '$dir/libexec/$1' $2 "\$@"
END
  chmod 755 "$tmp/bin/$1"
}
sshd=
# Since 9.8 sshd is of several programs, whose place is compiled in.
[ ! -e "$tmp/libexec/sshd-session" ] || sshd="-o SshdSessionPath='$dir/libexec/sshd-session'"
[ ! -e "$tmp/libexec/sshd-auth" ] || sshd="$sshd -o SshdAuthPath='$dir/libexec/sshd-auth'"
wrapper sshd "$sshd"
wrapper ssh ''
wrapper sftp "-S '$dir/bin/ssh'"
wrapper ssh-keygen ''
finish "$dir"
current || die "tried to run the unpacked sshd but it does not work: $("$dir/bin/ssh" -V 2>&1)"
printf '%s\n' "$dir/bin"
