package dev.berth.fargate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command lines of this host's processes, those in containers among them. */
final class Processes {
  private Processes() {}

  /** One process's, its words joined by blanks; empty if it is gone. */
  static String line(long pid) {
    try {
      byte[] bytes = Files.readAllBytes(Path.of("/proc/" + pid + "/cmdline"));
      return new String(bytes, StandardCharsets.UTF_8).replace('\0', ' ').strip();
    } catch (IOException e) {
      return "";
    }
  }

  /** Those below this one whose command line has this text in it. */
  static List<ProcessHandle> below(long first, String text) {
    return ProcessHandle.of(first).stream()
        .flatMap(ProcessHandle::descendants)
        .filter(process -> line(process.pid()).contains(text))
        .toList();
  }

  static List<String> lines() throws IOException {
    List<String> lines = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path each : all) {
        lines.add(line(Long.parseLong(each.getFileName().toString())));
      }
    }
    return lines;
  }
}
