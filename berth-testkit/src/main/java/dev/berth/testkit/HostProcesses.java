package dev.berth.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the host's /proc shows: command lines and mounts. */
public final class HostProcesses {
  private HostProcesses() {}

  /**
   * The processes of this host whose command line has this text in it, and the mounts that have it
   * in theirs: a line for each.
   */
  public static List<String> naming(String text) {
    List<String> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        String line = read(process.resolve("cmdline")).replace('\0', ' ').strip();
        if (line.contains(text)) {
          found.add("process " + process.getFileName() + ": " + line);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    read(Path.of("/proc/self/mountinfo"))
        .lines()
        .filter(mount -> mount.contains(text))
        .forEach(mount -> found.add("mount " + mount));
    return found;
  }

  /** A file's text; empty if its process is gone meanwhile or is not ours to see. */
  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException gone) {
      return "";
    }
  }
}
