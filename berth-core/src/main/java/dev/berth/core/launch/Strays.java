package dev.berth.core.launch;

import dev.berth.core.process.HostProcess;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What is left of a sandbox whose guest was killed together with its guardian: processes that
 * nothing links to it any more but a variable in the environment that they were started with. In a
 * sandbox with a process namespace of its own they die with that; elsewhere they would stay. Who
 * takes the variable away escapes: such a provider isolates nothing.
 */
final class Strays {
  /** Names the sandbox's folder, in the environment of what is launched for it. */
  static final String VARIABLE = "BERTH_SANDBOX";

  private static final int MOST = 1 << 21;
  private static final int PASSES = 20;

  private Strays() {}

  /** Kills them, again while new ones show. */
  static void kill(Path folder) {
    for (int pass = 0; pass < PASSES; pass++) {
      if (killOnce(folder) == 0) {
        return;
      }
    }
  }

  private static int killOnce(Path folder) {
    String wanted = "\0" + VARIABLE + "=" + folder + "\0";
    int found = 0;
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(
            Path.of("/proc"),
            entry -> Character.isDigit(entry.getFileName().toString().charAt(0)))) {
      for (Path entry : entries) {
        long pid = Long.parseLong(entry.getFileName().toString());
        if (pid == ProcessHandle.current().pid() || !environment(entry).contains(wanted)) {
          continue;
        }
        // Looked at again: a later process of the same number is another.
        Optional<HostProcess> process = HostProcess.of(pid);
        if (process.isPresent() && environment(entry).contains(wanted)) {
          process.get().kill();
          found++;
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Without /proc nothing can be found.
    }
    return found;
  }

  private static String environment(Path process) {
    try (FileInputStream in = new FileInputStream(process.resolve("environ").toFile())) {
      return "\0" + new String(in.readNBytes(MOST), StandardCharsets.UTF_8) + "\0";
    } catch (IOException e) {
      return "";
    }
  }
}
