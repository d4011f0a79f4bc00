package dev.berth.testkit;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.spi.SandboxProvider;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;

/**
 * What a child JVM does. Its arguments are the name of a {@link ContractSubject} and, each in base
 * 64, a verb and what it needs.
 */
final class ContractChild {
  /** Begins the lines that are answers. */
  static final String ANSWER = "contract-answer ";

  private static final PrintStream OUT =
      new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

  private ContractChild() {}

  public static void main(String[] args) throws Exception {
    Constructor<?> constructor = Class.forName(args[0]).getDeclaredConstructor();
    constructor.setAccessible(true);
    ContractSubject subject = (ContractSubject) constructor.newInstance();
    String[] words =
        Arrays.stream(args)
            .skip(1)
            .map(word -> new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8))
            .toArray(String[]::new);
    try (SandboxProvider provider = subject.open()) {
      switch (words[0]) {
        case "environment" -> environment(subject, provider);
        case "create" ->
            createAndWait(
                subject, provider, Duration.ofMillis(Long.parseLong(words[1])), new Mark(words[2]));
        case "exec" -> exec(provider, words[1], words[2]);
        case "attach" -> attach(provider, words[1], words[2]);
        default -> throw new IllegalArgumentException("no verb " + words[0]);
      }
    }
  }

  private static void environment(ContractSubject subject, SandboxProvider provider)
      throws InterruptedException {
    try (Sandbox sandbox = provider.create(subject.spec())) {
      answer(sandbox.exec(Command.of("env")).orThrow().stdout());
    }
  }

  /** Owns a sandbox with a background loop, and waits to be killed. */
  private static void createAndWait(
      ContractSubject subject, SandboxProvider provider, Duration lease, Mark mark)
      throws Exception {
    Sandbox sandbox = provider.create(subject.spec().toBuilder().lease(lease).build());
    sandbox.startBackground(mark.loop()).close();
    answer(sandbox.id());
    while (System.in.read() >= 0) {
      // Whoever started this process says nothing: it is killed here.
    }
  }

  /** Runs a line in a sandbox that another process made, and leaves that running. */
  private static void exec(SandboxProvider provider, String descriptor, String line)
      throws InterruptedException {
    ExecResult result = provider.connect(descriptor).exec(line);
    answer(result.returnCode() + " " + result.stdout());
  }

  /** Reads the output of another process's background command to its end. */
  private static void attach(SandboxProvider provider, String descriptor, String processId)
      throws InterruptedException, IOException {
    try (SandboxProcess process = provider.connect(descriptor).attach(processId, 0, 0)) {
      process.stdin().write("go on\n".getBytes(StandardCharsets.UTF_8));
      process.stdin().flush();
      String output = new String(process.stdout().readAllBytes(), StandardCharsets.UTF_8);
      answer(process.await().returnCode() + " " + output);
    }
  }

  private static void answer(String text) {
    OUT.println(ANSWER + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8)));
  }
}
