package dev.berth.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * One process of the host from start to end, by a plain {@link ProcessBuilder} with its pipes read
 * to the end: what tools without a guest do for every operation.
 */
final class HostProcessCall {
  private HostProcessCall() {}

  /** Runs it; throws unless it exits with 0. */
  static void run(List<String> arguments, Map<String, String> env) throws InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(arguments);
    builder.environment().putAll(env);
    finish(builder, arguments);
  }

  /**
   * The same for {@code apptainer instance start}: its pipes stay open in the daemon that it
   * leaves, and reading them to the end would hang. Its output is dropped.
   */
  static void runLeavingDaemon(List<String> arguments, Map<String, String> env)
      throws InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(arguments);
    builder.environment().putAll(env);
    builder
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD);
    finish(builder, arguments);
  }

  private static void finish(ProcessBuilder builder, List<String> arguments)
      throws InterruptedException {
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      String errors;
      try (InputStream stdout = process.getInputStream();
          InputStream stderr = process.getErrorStream()) {
        stdout.readAllBytes();
        errors = new String(stderr.readAllBytes(), StandardCharsets.UTF_8);
      }
      int code = process.waitFor();
      if (code != 0) {
        throw new IllegalStateException(
            "Tried to run "
                + String.join(" ", arguments)
                + ", but it exited with "
                + code
                + ": "
                + errors.strip());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
