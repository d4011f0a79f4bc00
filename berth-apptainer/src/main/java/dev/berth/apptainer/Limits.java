package dev.berth.apptainer;

import dev.berth.SandboxResources;
import dev.berth.core.process.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How a sandbox's resources are held: by cgroup where Apptainer can, else by the guest per command,
 * and what has to be said about it.
 *
 * @param apptainerFlags for {@code instance start} or {@code exec}
 * @param guestFlags for {@code berth-guest serve}
 * @param notices what is held otherwise than asked for, or not at all
 */
record Limits(List<String> apptainerFlags, List<String> guestFlags, List<String> notices) {

  static Limits of(
      SandboxResources resources, boolean apply, boolean fakeroot, HostAbilities host) {
    List<String> flags = new ArrayList<>();
    List<String> guest = new ArrayList<>();
    List<String> notices = new ArrayList<>();
    Double cpu = resources.cpu();
    Long memory = resources.memoryMib();
    if (cpu != null || memory != null) {
      String obstacle = obstacle(fakeroot, host);
      if (!apply) {
        notices.add("cpu and memory_mib are not enforced: create.apply_resource_limits is false.");
      } else if (obstacle == null) {
        if (cpu != null) {
          flags.addAll(List.of("--cpus", plain(cpu)));
        }
        if (memory != null) {
          flags.addAll(List.of("--memory", memory + "m"));
        }
      } else {
        if (cpu != null) {
          long processors = Math.min((long) Math.ceil(cpu), host.processors());
          guest.addAll(List.of("--cpus", Long.toString(processors)));
          notices.add(
              "cpu "
                  + plain(cpu)
                  + " is held by binding commands to "
                  + processors
                  + " processors, not by cgroup: "
                  + obstacle);
        }
        if (memory != null) {
          guest.addAll(List.of("--memory", Long.toString(memory << 20)));
          notices.add(
              "memory_mib "
                  + memory
                  + " is held for each process (its address space), not for all together, and not by cgroup: "
                  + obstacle);
        }
      }
    }
    Integer gpu = resources.gpu();
    if (gpu != null && gpu > 0) {
      flags.add("--nv");
      notices.add(
          "gpu "
              + gpu
              + ": all of the host's NVIDIA GPUs are visible (--nv); Apptainer does not share them out.");
    }
    if (resources.gpuType() != null) {
      notices.add(
          "gpu_type "
              + resources.gpuType()
              + " is not checked: the host's GPUs are what they are.");
    }
    if (resources.diskGib() != null) {
      notices.add(
          "disk_gib "
              + resources.diskGib()
              + " was checked against the free space at the start; it is not a quota.");
    }
    return new Limits(List.copyOf(flags), List.copyOf(guest), List.copyOf(notices));
  }

  private static @Nullable String obstacle(boolean fakeroot, HostAbilities host) {
    if (fakeroot) {
      return "Apptainer cannot combine cgroup limits with --fakeroot.";
    }
    return host.cgroupObstacle();
  }

  private static String plain(double number) {
    return number == Math.rint(number)
        ? Long.toString((long) number)
        : String.format(Locale.ROOT, "%.3f", number);
  }

  /** What the host allows, as far as limits go. */
  record HostAbilities(@Nullable String cgroupObstacle, int processors) {

    static HostAbilities look(boolean root) {
      return new HostAbilities(obstacle(root), Runtime.getRuntime().availableProcessors());
    }

    private static @Nullable String obstacle(boolean root) {
      boolean unified = Files.exists(Path.of("/sys/fs/cgroup/cgroup.controllers"));
      if (root) {
        return unified || Files.isDirectory(Path.of("/sys/fs/cgroup/memory"))
            ? null
            : "no cgroup file system is mounted on this host.";
      }
      if (!unified) {
        return "a plain user needs cgroups v2 for that, and this host has v1.";
      }
      if (!Files.isDirectory(Path.of("/run/systemd/system"))) {
        return "a plain user needs systemd for that, and this host does not run it.";
      }
      String bus = System.getenv("DBUS_SESSION_BUS_ADDRESS");
      String runtime = System.getenv("XDG_RUNTIME_DIR");
      if (bus == null && (runtime == null || !Files.exists(Path.of(runtime, "bus")))) {
        return "a plain user needs a D-Bus session for that (log in through PAM, or: loginctl enable-linger).";
      }
      return delegation();
    }

    private static @Nullable String delegation() {
      try {
        String own =
            Files.readString(Path.of("/proc/self/cgroup"))
                .lines()
                .filter(line -> line.startsWith("0::"))
                .findFirst()
                .orElse("0::/")
                .substring(3);
        int slice = own.indexOf("/user@");
        int end = slice < 0 ? -1 : own.indexOf('/', slice + 1);
        Path user = Path.of("/sys/fs/cgroup" + (end < 0 ? own : own.substring(0, end)));
        List<String> controllers =
            List.of(Files.readString(user.resolve("cgroup.controllers")).strip().split(" "));
        List<String> missing =
            List.of("cpu", "memory", "pids").stream()
                .filter(needed -> !controllers.contains(needed))
                .toList();
        return missing.isEmpty()
            ? null
            : "systemd does not delegate "
                + String.join(", ", missing)
                + " to users here (Delegate= in user@.service).";
      } catch (java.io.IOException e) {
        return "the user's cgroup could not be read (" + Reason.of(e) + ").";
      }
    }
  }
}
