package dev.berth.apptainer;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Which of the kernel's capabilities a root process does not have: in containers and some virtual
 * machines root is given fewer than all. Apptainer asks for all of them when it runs a build's
 * {@code %post} as root, and gives up if one is refused, unless it is told to do without.
 */
final class Capabilities {
  private static final String LAST = "/proc/sys/kernel/cap_last_cap";

  /** By their numbers, as {@code linux/capability.h} has them. */
  private static final List<String> NAMES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_DAC_READ_SEARCH",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_KILL",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETPCAP",
          "CAP_LINUX_IMMUTABLE",
          "CAP_NET_BIND_SERVICE",
          "CAP_NET_BROADCAST",
          "CAP_NET_ADMIN",
          "CAP_NET_RAW",
          "CAP_IPC_LOCK",
          "CAP_IPC_OWNER",
          "CAP_SYS_MODULE",
          "CAP_SYS_RAWIO",
          "CAP_SYS_CHROOT",
          "CAP_SYS_PTRACE",
          "CAP_SYS_PACCT",
          "CAP_SYS_ADMIN",
          "CAP_SYS_BOOT",
          "CAP_SYS_NICE",
          "CAP_SYS_RESOURCE",
          "CAP_SYS_TIME",
          "CAP_SYS_TTY_CONFIG",
          "CAP_MKNOD",
          "CAP_LEASE",
          "CAP_AUDIT_WRITE",
          "CAP_AUDIT_CONTROL",
          "CAP_SETFCAP",
          "CAP_MAC_OVERRIDE",
          "CAP_MAC_ADMIN",
          "CAP_SYSLOG",
          "CAP_WAKE_ALARM",
          "CAP_BLOCK_SUSPEND",
          "CAP_AUDIT_READ",
          "CAP_PERFMON",
          "CAP_BPF",
          "CAP_CHECKPOINT_RESTORE");

  private Capabilities() {}

  /** Those that this process lacks; none where that cannot be seen. */
  static List<String> missing() {
    try {
      return missing(read("/proc/self/status"), Integer.parseInt(read(LAST).strip()));
    } catch (IOException | NumberFormatException e) {
      return List.of();
    }
  }

  /** Those up to number {@code last} that are not permitted by a {@code /proc/PID/status}. */
  static List<String> missing(String status, int last) {
    List<String> missing = new ArrayList<>();
    status
        .lines()
        .filter(line -> line.startsWith("CapPrm:"))
        .findFirst()
        .ifPresent(line -> {
          long permitted = Long.parseUnsignedLong(line.substring("CapPrm:".length()).strip(), 16);
          for (int i = 0; i <= last && i < NAMES.size(); i++) {
            if ((permitted & 1L << i) == 0) {
              missing.add(NAMES.get(i));
            }
          }
        });
    return missing;
  }

  /** Read at once: a file below /proc/sys gives nothing more to whoever comes back. */
  private static String read(String file) throws IOException {
    try (FileInputStream in = new FileInputStream(file)) {
      return new String(in.readNBytes(1 << 14), StandardCharsets.US_ASCII);
    }
  }
}
