package dev.berth.apptainer;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A JVM that runs {@link CrashChild} on the state home of a {@link CrashRig}. */
final class CrashJvm implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;
  private final List<String> lines = new ArrayList<>();

  private CrashJvm(Process process) {
    this.process = process;
    this.output = process.inputReader(StandardCharsets.UTF_8);
  }

  static CrashJvm start(CrashRig rig, List<String> prefix, String... words) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-Djava.io.tmpdir=" + rig.temp(),
            "-cp",
            System.getProperty("java.class.path"),
            CrashChild.class.getName()));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(Redirect.INHERIT);
    builder.environment().put("BERTH_STATE_HOME", rig.state().root().toString());
    builder.environment().put("BERTH_CACHE_HOME", rig.root().resolve("cache").toString());
    return new CrashJvm(builder.start());
  }

  /** Waits for its next line. */
  String line() throws IOException {
    String line = output.readLine();
    if (line == null) {
      throw new IOException(
          "the child JVM ended; its error output is above. It had said: " + lines);
    }
    lines.add(line);
    return line;
  }

  /** Tells it to finish: closes its input. */
  void finish() throws IOException {
    process.getOutputStream().close();
  }

  /** All that it said and had not been read, after its end. */
  List<String> rest() throws IOException, InterruptedException {
    List<String> rest = output.lines().toList();
    process.waitFor();
    return rest;
  }

  /** Waits for its end. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(120, TimeUnit.SECONDS)) {
      throw new IllegalStateException("the child JVM does not end; it had said: " + lines);
    }
    return process.exitValue();
  }

  /**
   * What {@code kill -9} does; its output can still be read, unlike after {@link
   * Process#destroyForcibly}.
   */
  void kill() throws InterruptedException {
    process.toHandle().destroyForcibly();
    process.waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
