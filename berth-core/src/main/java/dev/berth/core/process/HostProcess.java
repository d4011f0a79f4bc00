package dev.berth.core.process;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process of this host that cannot be taken for a later one with the same id.
 *
 * @param pid its id
 * @param start when it started, in clock ticks after boot: field 22 of {@code /proc/PID/stat}
 */
public record HostProcess(long pid, long start) {
  private static final Path PROC = Path.of("/proc");

  /** The process that has this id now; empty if there is none, or only its remains (a zombie). */
  public static Optional<HostProcess> of(long pid) {
    try {
      // The second field is the program's name in parentheses and may hold anything, these too.
      String[] fields = fields(pid);
      if (fields[0].equals("Z") || fields[0].equals("X")) {
        return Optional.empty();
      }
      return Optional.of(new HostProcess(pid, Long.parseLong(fields[19])));
    } catch (IOException | IndexOutOfBoundsException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** What {@code /proc/PID/stat} says behind the name: the state first, the start as the 20th. */
  private static String[] fields(long pid) throws IOException {
    byte[] bytes = read(PROC.resolve(Long.toString(pid)).resolve("stat"));
    String stat = new String(bytes, StandardCharsets.ISO_8859_1);
    return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
  }

  /** Whether it is there, and stopped by a signal: it does nothing until it gets SIGCONT. */
  public boolean stopped() {
    try {
      String[] fields = fields(pid);
      return fields[0].equals("T") && fields[19].equals(Long.toString(start));
    } catch (IOException | IndexOutOfBoundsException e) {
      return false;
    }
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

  /** With a plain stream: a channel would be closed by an interrupt, and killing must go on. */
  private static byte[] read(Path file) throws IOException {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      return in.readAllBytes();
    }
  }
}
