package dev.berth.fargate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Programs of the host that the rig runs, each with a limit. */
final class Tool {
  private static final int SECONDS = 120;

  private Tool() {}

  /**
   * A server that the thread which starts it keeps: the kernel ends it with that thread, and so
   * with a JVM that is killed.
   */
  static ProcessBuilder server(Path log, String... line) {
    List<String> words = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL"));
    words.addAll(List.of(line));
    return new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile());
  }

  /** What it printed; an exception with what it said if it failed. */
  static String run(String... line) {
    return run(Map.of(), List.of(line));
  }

  static String run(Map<String, String> env, List<String> line) {
    Result result = result(env, line);
    if (result.code != 0) {
      throw new IllegalStateException(line + " ended with " + result.code + ": " + result.output);
    }
    return result.output;
  }

  /** Both its outputs, in files, so that nothing that it leaves behind keeps us waiting. */
  static Result result(Map<String, String> env, List<String> line) {
    Path output = null;
    try {
      output = Files.createTempFile("berth-rig", "");
      ProcessBuilder builder =
          new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(output.toFile());
      builder.environment().putAll(env);
      Process process = builder.start();
      process.getOutputStream().close();
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return new Result(-1, "not done after " + SECONDS + " s");
      }
      return new Result(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      if (output != null) {
        output.toFile().delete();
      }
    }
  }

  record Result(int code, String output) {}
}
