package dev.berth.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Another JVM on the same class path that opens the same provider and does one thing with it, see
 * {@link ContractChild}. Closing it kills it.
 */
final class ChildJvm implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;

  private ChildJvm(Process process) {
    this.process = process;
    this.output = process.inputReader(StandardCharsets.UTF_8);
  }

  static ChildJvm start(ContractSubject subject, Map<String, String> env, String... words)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto"));
    System.getProperties()
        .forEach((name, value) -> {
          if (name.toString().startsWith("berth.")) {
            command.add("-D" + name + "=" + value);
          }
        });
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            ContractChild.class.getName(),
            subject.getClass().getName()));
    for (String word : words) {
      // Encoded, so that the texts a test looks for on command lines are not found on this one.
      command.add(Base64.getEncoder().encodeToString(word.getBytes(StandardCharsets.UTF_8)));
    }
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(Redirect.INHERIT);
    builder.environment().putAll(env);
    return new ChildJvm(builder.start());
  }

  /** Waits for the child's next answer. */
  String answer() throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith(ContractChild.ANSWER)) {
        return new String(
            Base64.getDecoder().decode(line.substring(ContractChild.ANSWER.length())),
            StandardCharsets.UTF_8);
      }
    }
    throw new IOException("the child JVM ended without an answer; its error output is above");
  }

  /** Waits for the child to end by itself. */
  int exitCode() throws InterruptedException {
    return process.waitFor();
  }

  /** What {@code kill -9} does. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
