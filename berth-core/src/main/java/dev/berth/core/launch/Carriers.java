package dev.berth.core.launch;

import dev.berth.core.process.HostProcess;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The host's processes that carry one sandbox: Apptainer's, its FUSE helpers, the guest. Each keeps
 * the sandbox's mark, an empty file, open at descriptor 4, which {@code berth-guest launch} put
 * there; that survives what Apptainer does to names, environment and sessions. Commands in the
 * sandbox do not have it. The guest hides its descriptors from its own user; it is found as a child
 * of one that does not.
 */
final class Carriers {
  private static final String MARK = "fd/4";

  /**
   * What the kernel adds when the log is gone already; who keeps it open is to be found all the
   * same.
   */
  private static final String DELETED = " (deleted)";

  /** One of them. */
  record Carrier(HostProcess process, long parent, Role role) {}

  private enum Role {
    GUEST,
    /** What {@code launch} leaves: all others are below it, and it ends when they have. */
    KEEPER,
    OTHER
  }

  private final List<Carrier> carriers;

  private Carriers(List<Carrier> carriers) {
    this.carriers = carriers;
  }

  /** Those that keep this mark open. */
  static Carriers of(Path mark) {
    return new Carriers(scan(mark).getOrDefault(mark.toString(), List.of()));
  }

  /** The marks that some process keeps open. */
  static java.util.Set<String> marks() {
    return scan(null).keySet();
  }

  private static Map<String, List<Carrier>> scan(@Nullable Path only) {
    Map<String, List<Carrier>> found = new HashMap<>();
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(
            Path.of("/proc"),
            entry -> Character.isDigit(entry.getFileName().toString().charAt(0)))) {
      for (Path entry : entries) {
        String mark = mark(entry);
        if (mark.isEmpty() || only != null && !mark.equals(only.toString())) {
          continue;
        }
        Optional<HostProcess> process = process(entry);
        // Looked at again, because a later process of the same number is another; and a sandbox can
        // make a file of that path within itself.
        if (process.isEmpty() || !mark.equals(mark(entry)) || !same(entry, Path.of(mark))) {
          continue;
        }
        List<Carrier> carriers = found.computeIfAbsent(mark, key -> new ArrayList<>());
        carriers.add(
            new Carrier(process.get(), parent(entry), isKeeper(entry) ? Role.KEEPER : Role.OTHER));
        String children = text(entry.resolve("task/" + entry.getFileName() + "/children"));
        for (String child : children.split(" ")) {
          Path below = Path.of("/proc", child);
          Optional<HostProcess> guest = child.isEmpty() ? Optional.empty() : process(below);
          // The guardian has the mark too; the guest has closed it, and hides what it has else.
          if (guest.isPresent() && isGuest(below) && !mark(below).equals(mark)) {
            carriers.add(new Carrier(guest.get(), parent(below), Role.GUEST));
          }
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Without /proc nothing can be found, and nothing could have been started either.
    }
    return found;
  }

  private static Optional<HostProcess> process(Path entry) {
    return HostProcess.of(Long.parseLong(entry.getFileName().toString()));
  }

  boolean isEmpty() {
    return carriers.isEmpty();
  }

  /** The guest itself, if it is among them. */
  Optional<HostProcess> guest() {
    return carriers.stream()
        .filter(carrier -> carrier.role() == Role.GUEST)
        .map(Carrier::process)
        .findFirst();
  }

  boolean anyAlive() {
    return carriers.stream().anyMatch(carrier -> carrier.process().alive());
  }

  /** Kills those below others: what started them sees it, and clears away mounts and helpers. */
  void killInner() {
    List<Carrier> kept =
        carriers.stream().filter(carrier -> carrier.role() != Role.KEEPER).toList();
    var pids = kept.stream().map(carrier -> carrier.process().pid()).collect(Collectors.toSet());
    List<Carrier> inner =
        kept.stream()
            .filter(carrier -> pids.contains(carrier.parent()) || carrier.role() == Role.GUEST)
            .toList();
    // Helpers whose parent is gone have nobody who would clear them away.
    (inner.isEmpty() ? kept : inner).forEach(carrier -> carrier.process().kill());
  }

  void killAll() {
    carriers.forEach(carrier -> carrier.process().kill());
  }

  private static String mark(Path process) {
    try {
      String log = Files.readSymbolicLink(process.resolve(MARK)).toString();
      return log.endsWith(DELETED) ? log.substring(0, log.length() - DELETED.length()) : log;
    } catch (IOException | SecurityException e) {
      return "";
    }
  }

  /** Whether both are one file; if the mark is deleted already, its path has to do. */
  private static boolean same(Path process, Path mark) {
    Object wanted = key(mark);
    return wanted == null || wanted.equals(key(process.resolve(MARK)));
  }

  private static @Nullable Object key(Path file) {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  private static boolean isKeeper(Path process) {
    String line = text(process.resolve("cmdline"));
    String[] arguments = line.split("\0");
    return line.startsWith("berth-guest keep\0")
        || arguments.length > 1 && arguments[1].equals("launch");
  }

  private static boolean isGuest(Path process) {
    String[] arguments = text(process.resolve("cmdline")).split("\0");
    return arguments.length > 2 && arguments[1].equals("serve") && arguments[2].equals("--fd");
  }

  private static long parent(Path process) {
    String stat = text(process.resolve("stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ");
    try {
      return fields.length > 1 ? Long.parseLong(fields[1]) : 0;
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static String text(Path file) {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      return new String(in.readNBytes(4096), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
