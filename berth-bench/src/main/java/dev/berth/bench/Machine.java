package dev.berth.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.stream.Stream;

/** What was measured on. */
record Machine(
    String cpu,
    int cores,
    long memoryMib,
    String kernel,
    String apptainer,
    String jdk,
    String user,
    String load,
    String date) {
  private static final Path PROC = Path.of("/proc");

  /** This one, now. */
  static Machine here(String apptainerVersion, boolean root) {
    return new Machine(
        value(PROC.resolve("cpuinfo"), "model name"),
        Runtime.getRuntime().availableProcessors(),
        Long.parseLong(value(PROC.resolve("meminfo"), "MemTotal").replaceAll("\\D", "")) >> 10,
        System.getProperty("os.version") + " " + System.getProperty("os.arch"),
        apptainerVersion,
        Runtime.version() + " (" + System.getProperty("java.vm.name") + ")",
        root ? "root" : "plain user",
        loadAverage(),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /** The capabilities in force, as the kernel's hexadecimal mask. */
  static long capabilities() {
    return Long.parseUnsignedLong(value(PROC.resolve("self/status"), "CapEff"), 16);
  }

  /** The effective user. */
  static boolean isRoot() {
    return value(PROC.resolve("self/status"), "Uid").split("\\s+", -1)[1].equals("0");
  }

  private static String loadAverage() {
    try {
      return Files.readString(PROC.resolve("loadavg")).replaceFirst(" [^ ]+/.*", "").strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static String value(Path file, String key) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("0");
    } catch (IOException e) {
      return "0";
    }
  }
}
