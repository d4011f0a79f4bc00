package dev.berth.core.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the processes that a test started, daemonised ones too, by a variable in their environment.
 */
final class Tagged {
  static final String TAG = "BERTH_TEST_TAG";

  private Tagged() {}

  static List<HostProcess> processes(String tag) {
    List<HostProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path entry : entries) {
        if (environment(entry).contains("\0" + TAG + "=" + tag + "\0")) {
          HostProcess.of(Long.parseLong(entry.getFileName().toString())).ifPresent(found::add);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return found;
  }

  private static String environment(Path process) {
    try {
      return "\0"
          + new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
