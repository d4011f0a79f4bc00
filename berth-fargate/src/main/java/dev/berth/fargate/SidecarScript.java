package dev.berth.fargate;

/**
 * What the sidecar runs: a POSIX shell that lays out keys and becomes sshd. It needs {@code sh},
 * {@code mkdir}, {@code sleep}, {@code kill}, {@code timeout} and {@code sshd} in the image, and
 * installs nothing.
 */
final class SidecarScript {
  /**
   * The variable with the keys, filled by ECS from the secret: lines for {@code authorized_keys},
   * and the private host key in OpenSSH's form.
   */
  static final String KEYS = "BERTH_SSH_KEYS";

  /** The variable with the sandbox's id, which the banner says. */
  static final String TASK = "BERTH_TASK";

  /** After so many seconds the task ends, whatever happens. */
  static final String LIFETIME = "BERTH_LIFETIME";

  /** It also ends if nobody came to prepare it within so many seconds; 0: never. */
  static final String READY = "BERTH_READY";

  /** It also ends when nobody was logged in for so many seconds; 0: the guest sees to that. */
  static final String LEASE = "BERTH_LEASE";

  // Each address has but a share of the room for those who have not logged in yet: a process of the
  // task that connects and never logs in must not keep us out. OpenSSH before 8.5 knows no shares.
  static final String TEXT =
      """
      set -u; umask 077; own=/run/berth
      mkdir -p $own /run/sshd /var/empty || exit 70
      to=$own/authorized_keys; : >$own/authorized_keys; : >$own/host_key
      while IFS= read -r line; do
        case $line in -----BEGIN*) to=$own/host_key ;; esac
        printf '%s\\n' "$line" >>$to
        case $line in -----END*) to=$own/authorized_keys ;; esac
      done <<END
      $BERTH_SSH_KEYS
      END
      unset BERTH_SSH_KEYS
      [ -s $own/host_key ] || { echo 'berth: the secret of public_key_secret_arn holds no host key' >&2; exit 78; }
      printf '%s\\n' "$BERTH_TASK" >$own/banner; chmod 755 $own; chmod 644 $own/banner
      if [ "${BERTH_READY:-0}" -gt 0 ]; then
        (sleep "$BERTH_READY"; [ -e $own/prepared ] || { echo 'berth: nobody came' >&2; kill 1; }) &
      fi
      if [ "${BERTH_LEASE:-0}" -gt 0 ]; then
        (
          left=$BERTH_LEASE
          while [ "$left" -gt 0 ]; do
            sleep 5; left=$((left - 5))
            for process in /proc/[0-9]*/cmdline; do
              line=; { IFS= read -r line <"$process"; } 2>/dev/null
              case $line in sshd*:\\ root*) left=$BERTH_LEASE ;; esac
            done
          done
          echo 'berth: the lease has run out' >&2; kill 1
        ) &
      fi
      sshd=$(command -v sshd || echo /usr/sbin/sshd); few='-o PerSourceMaxStartups=20'
      "$sshd" -t -f /dev/null -h $own/host_key $few 2>/dev/null || few=
      exec timeout "$BERTH_LIFETIME" "$sshd" -D -e -f /dev/null $few -o LoginGraceTime=20 \
        -p "$BERTH_PORT" -h $own/host_key -o AuthorizedKeysFile=$own/authorized_keys \
        -o Banner=$own/banner -o PidFile=none -o PermitRootLogin=prohibit-password \
        -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no \
        -o AllowTcpForwarding=yes -o GatewayPorts=no -o AllowAgentForwarding=no \
        -o X11Forwarding=no -o PermitTunnel=no -o PermitUserEnvironment=no -o StrictModes=no \
        -o MaxStartups=100 -o MaxSessions=100 -o ClientAliveInterval=3 -o ClientAliveCountMax=3
      """;

  private SidecarScript() {}

  /**
   * A line of shell that succeeds if something listens at this port; nothing but a shell does it.
   */
  static String listens(int port) {
    return "while read -r n at to state rest; do case $at,$state in *:%04X,0A) exit 0 ;; esac; done"
            .formatted(port)
        + " </proc/net/tcp; exit 1";
  }
}
