package dev.berth.core.process;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A process of this host that cannot be taken for a later one with the same id.
 *
 * @param pid its id
 * @param start when it started, in clock ticks after boot: field 22 of {@code /proc/PID/stat}
 */
public record HostProcess(long pid, long start) {
  /** The environment variable by which the processes of a sandbox are found: its id. */
  public static final String TAG = "BERTH_SANDBOX";

  private static final Path PROC = Path.of("/proc");

  /** The process that has this id now; empty if there is none, or only its remains (a zombie). */
  public static Optional<HostProcess> of(long pid) {
    try {
      // The second field is the program's name in parentheses and may hold anything, these too.
      byte[] bytes = read(PROC.resolve(Long.toString(pid)).resolve("stat"));
      String stat = new String(bytes, StandardCharsets.ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      if (fields[0].equals("Z") || fields[0].equals("X")) {
        return Optional.empty();
      }
      return Optional.of(new HostProcess(pid, Long.parseLong(fields[19])));
    } catch (IOException | IndexOutOfBoundsException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** Reads {@link #toString()}. */
  public static HostProcess parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException("not a process: " + text);
    }
    return new HostProcess(
        Long.parseLong(text.substring(0, colon)), Long.parseLong(text.substring(colon + 1)));
  }

  /**
   * The processes whose environment has {@code BERTH_SANDBOX=} this id, as far as this user may
   * look; never this one itself. A process can change its environment: this finds what is left
   * behind, it proves nothing.
   */
  public static List<HostProcess> tagged(String sandboxId) {
    byte[] wanted = (TAG + "=" + sandboxId + "\0").getBytes(StandardCharsets.UTF_8);
    long self = ProcessHandle.current().pid();
    List<HostProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path entry : entries) {
        long pid = Long.parseLong(entry.getFileName().toString());
        if (pid != self && holds(entry.resolve("environ"), wanted)) {
          of(pid).ifPresent(found::add);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Without /proc nothing can be found.
    }
    return found;
  }

  /** Whether it still runs. */
  public boolean alive() {
    return of(pid).filter(this::equals).isPresent();
  }

  /** Sends it SIGKILL if it still runs. Returns at once. */
  public void kill() {
    // The handle remembers the start time too and checks it again.
    ProcessHandle.of(pid).filter(handle -> alive()).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** {@code PID:START}. */
  @Override
  public String toString() {
    return pid + ":" + start;
  }

  private static boolean holds(Path environ, byte[] wanted) {
    byte[] bytes;
    try {
      bytes = read(environ);
    } catch (IOException e) {
      return false;
    }
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if ((i == 0 || bytes[i - 1] == 0) && matches(bytes, i, wanted)) {
        return true;
      }
    }
    return false;
  }

  private static boolean matches(byte[] bytes, int from, byte[] wanted) {
    return Arrays.equals(bytes, from, from + wanted.length, wanted, 0, wanted.length);
  }

  /** With a plain stream: a channel would be closed by an interrupt, and killing must go on. */
  private static byte[] read(Path file) throws IOException {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      return in.readAllBytes();
    }
  }
}
