package dev.berth.apptainer;

import dev.berth.SandboxException;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.Reason;
import dev.berth.spi.Finding;
import dev.berth.spi.Finding.Level;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Looks at this host for what stops Apptainer sandboxes, before one is started, and says what to do
 * about it.
 */
final class Doctor {
  private static final Set<String> NETWORK_FILE_SYSTEMS =
      Set.of("nfs", "nfs4", "lustre", "gpfs", "cifs", "smb3", "beegfs", "ceph", "fuse.sshfs", "9p");
  private static final long MIN_FREE = 2L << 30;

  private final ApptainerConfig config;
  private final Path stateHome;
  private final Path cacheHome;
  private final List<Finding> findings = new ArrayList<>();

  Doctor(ApptainerConfig config, Path stateHome, Path cacheHome) {
    this.config = config;
    this.stateHome = stateHome;
    this.cacheHome = cacheHome;
  }

  List<Finding> examine() throws InterruptedException {
    boolean root = isRoot();
    program();
    userNamespaces(root);
    subordinateIds(root);
    capabilities(root);
    fuse(root);
    overlay();
    limits(root);
    folder("state folder", stateHome, true);
    folder("cache folder", cacheHome, false);
    folder("temporary folder", Path.of(System.getProperty("java.io.tmpdir")), false);
    return List.copyOf(findings);
  }

  static boolean isRoot() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid
          && uid == 0;
    } catch (IOException | UnsupportedOperationException e) {
      return "root".equals(System.getProperty("user.name"));
    }
  }

  private void program() throws InterruptedException {
    try {
      ApptainerBinary binary = ApptainerBinary.find(config.binPath());
      String version = binary.version();
      boolean old = version.matches("(0|1\\.[01])(\\..*)?");
      add(
          "apptainer",
          old ? Level.WARNING : Level.OK,
          binary.file() + ", version " + version,
          old ? "Berth is tested with 1.4; update it if sandboxes do not start." : "");
    } catch (SandboxException e) {
      add(
          "apptainer",
          Level.FAILURE,
          String.valueOf(e.getMessage()),
          "./berth setup, or install your distribution's package apptainer");
    }
  }

  private void userNamespaces(boolean root) throws InterruptedException {
    long most = number("/proc/sys/user/max_user_namespaces", Long.MAX_VALUE);
    if (number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0 && !root) {
      add(
          "user namespaces",
          Level.FAILURE,
          "switched off for plain users",
          "as root: sysctl -w kernel.unprivileged_userns_clone=1");
    } else if (most == 0) {
      add(
          "user namespaces",
          Level.FAILURE,
          "switched off (max_user_namespaces is 0)",
          "as root: sysctl -w user.max_user_namespaces=15000");
    } else if (number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1
        && !root
        && !unshares()) {
      add(
          "user namespaces",
          Level.FAILURE,
          "AppArmor forbids them to plain users",
          "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or install Apptainer's AppArmor profile");
    } else if (!unshares()) {
      add(
          "user namespaces",
          Level.FAILURE,
          "unshare --user --map-root-user fails here",
          "ask the administrator of this host, or of the container that this runs in, to allow user namespaces");
    } else {
      add(
          "user namespaces",
          Level.OK,
          "usable" + (most == Long.MAX_VALUE ? "" : ", at most " + most),
          "");
    }
  }

  private static boolean unshares() throws InterruptedException {
    try {
      return HostCommand.of("unshare", "--user", "--map-root-user", "true")
          .withTimeout(Duration.ofSeconds(10))
          .run()
          .ok();
    } catch (SandboxException e) {
      return false;
    }
  }

  private void subordinateIds(boolean root) {
    if (root) {
      add("subordinate ids", Level.OK, "not needed as root", "");
      return;
    }
    String user = System.getProperty("user.name");
    String remedy =
        "as root: apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
            + user;
    boolean tools = onPath("newuidmap") && onPath("newgidmap");
    boolean ranges = hasRange("/etc/subuid", user) && hasRange("/etc/subgid", user);
    if (tools && ranges) {
      add("subordinate ids", Level.OK, "newuidmap and ranges for " + user + " are there", "");
    } else {
      add(
          "subordinate ids",
          Level.WARNING,
          (tools ? "" : "newuidmap is missing; ")
              + (ranges ? "" : "no ranges for " + user + "; ")
              + "create.fakeroot cannot be used",
          remedy);
    }
  }

  private void capabilities(boolean root) {
    List<String> missing = root ? Capabilities.missing() : List.of();
    if (!missing.isEmpty()) {
      add(
          "capabilities",
          Level.OK,
          "root has all but "
              + String.join(", ", missing)
              + " here; berth image build does without, a plain apptainer build with %post needs"
              + " APPTAINER_DROP_CAPS="
              + String.join(",", missing),
          "");
    }
  }

  private void fuse(boolean root) {
    findings.add(
        fuse(root, config.images().format() == ApptainerConfig.Format.SIF, Path.of("/dev/fuse")));
  }

  /** What the FUSE device means: only images that are kept as .sif files are mounted by it. */
  static Finding fuse(boolean root, boolean wanted, Path device) {
    String subject = "FUSE";
    boolean there = Files.exists(device);
    if (root) {
      return new Finding(subject, Level.OK, "not needed as root for .sif images", "");
    }
    if (there && Files.isReadable(device) && Files.isWritable(device)) {
      return new Finding(subject, Level.OK, device + " is usable", "");
    }
    String fault = there ? device + " may not be used" : "there is no " + device;
    if (!wanted) {
      return new Finding(
          subject,
          Level.OK,
          fault + "; it would be needed for images.format: sif alone, and images are kept unpacked",
          "");
    }
    return new Finding(
        subject,
        Level.WARNING,
        fault
            + "; images.format is sif, and fetched images do not start without it (files of your"
            + " own are unpacked first)",
        (there ? "as root: chmod 666 " + device : "as root: modprobe fuse")
            + "; or images.format: folder");
  }

  private void overlay() {
    String[] parts = System.getProperty("os.version", "0.0").split("[.-]");
    int major = Integer.parseInt(parts[0]);
    int minor = parts.length > 1 && parts[1].matches("\\d+") ? Integer.parseInt(parts[1]) : 0;
    if (major > 5 || major == 5 && minor >= 11) {
      add("writable root", Level.OK, "the kernel's overlay works in user namespaces", "");
    } else {
      add(
          "writable root",
          onPath("fuse-overlayfs") ? Level.OK : Level.FAILURE,
          "the kernel ("
              + System.getProperty("os.version")
              + ") is older than 5.11, so fuse-overlayfs is used",
          onPath("fuse-overlayfs") ? "" : "install fuse-overlayfs");
    }
  }

  private void limits(boolean root) {
    String obstacle = Limits.HostAbilities.look(root).cgroupObstacle();
    if (obstacle == null) {
      add("cpu and memory limits", Level.OK, "held by cgroup", "");
    } else {
      add(
          "cpu and memory limits",
          Level.WARNING,
          "held by the guest for each process, not by cgroup: " + obstacle,
          "run as a systemd user session on cgroups v2 with cpu, memory and pids delegated, or as root");
    }
  }

  private void folder(String subject, Path folder, boolean forSandboxes) {
    Path there = existing(folder);
    try {
      FileStore store = Files.getFileStore(there);
      String type = store.type();
      long free = store.getUsableSpace();
      if (!Files.isWritable(there)) {
        add(
            subject,
            Level.FAILURE,
            there + " is not writable",
            "choose another: BERTH_STATE_HOME, BERTH_CACHE_HOME or TMPDIR");
      } else if (forSandboxes && NETWORK_FILE_SYSTEMS.contains(type)) {
        add(
            subject,
            Level.WARNING,
            folder + " is on " + type + ": overlays and sockets do not work well there",
            "set BERTH_STATE_HOME to a folder on a local disk");
      } else if (NETWORK_FILE_SYSTEMS.contains(type)) {
        add(
            subject,
            Level.WARNING,
            folder + " is on " + type + ": unpacked images are slow and locks unreliable there",
            "set BERTH_CACHE_HOME to a local disk, or images.format: sif");
      } else if (free < MIN_FREE) {
        add(
            subject,
            Level.WARNING,
            folder + " has " + (free >> 20) + " MiB free",
            "make room, or choose another disk");
      } else if (noExec(there)) {
        add(
            subject,
            forSandboxes ? Level.OK : Level.FAILURE,
            there + " is mounted noexec",
            forSandboxes ? "" : "set BERTH_CACHE_HOME to a folder where programs may run");
      } else {
        add(subject, Level.OK, folder + " (" + type + ", " + (free >> 30) + " GiB free)", "");
      }
    } catch (IOException e) {
      add(
          subject,
          Level.FAILURE,
          folder + " could not be examined: " + Reason.of(e),
          "choose another: BERTH_STATE_HOME, BERTH_CACHE_HOME or TMPDIR");
    }
  }

  private static boolean noExec(Path folder) throws IOException {
    String best = "";
    boolean noexec = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
      String[] fields = line.split(" ");
      String mount = fields[1].replace("\\040", " ");
      if (folder.startsWith(mount) && mount.length() >= best.length()) {
        best = mount;
        noexec = List.of(fields[3].split(",")).contains("noexec");
      }
    }
    return noexec;
  }

  private static Path existing(Path folder) {
    @Nullable Path there = folder.toAbsolutePath();
    while (there != null && !Files.exists(there)) {
      there = there.getParent();
    }
    return there == null ? Path.of("/") : there;
  }

  private static boolean hasRange(String file, String user) {
    try {
      return Files.readAllLines(Path.of(file)).stream()
          .anyMatch(line -> line.startsWith(user + ":"));
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean onPath(String program) {
    for (String folder :
        (System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin").split(":")) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /**
   * Reads at once: a file below /proc/sys gives nothing more to whoever comes back for the rest.
   */
  private static long number(String file, long otherwise) {
    try (FileInputStream in = new FileInputStream(file)) {
      return Long.parseLong(new String(in.readNBytes(64), StandardCharsets.US_ASCII).strip());
    } catch (IOException | NumberFormatException e) {
      return otherwise;
    }
  }

  private void add(String subject, Level level, String observation, String remedy) {
    findings.add(new Finding(subject, level, observation, remedy));
  }
}
