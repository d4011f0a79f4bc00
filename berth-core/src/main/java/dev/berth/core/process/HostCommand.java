package dev.berth.core.process;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One of Berth's own programs, run on the host: {@code apptainer}, {@code newuidmap}, the guest's
 * host mode. Immutable; never for what runs inside a sandbox.
 *
 * <p>Its stdin is {@code /dev/null}. Its output goes to files without a name, not to pipes: a
 * daemon that it leaves behind ({@code apptainer instance start} does) holds a pipe open, and
 * whoever reads that to its end waits for ever. Arguments show in {@code ps}: secrets go into the
 * environment, whose values stand in no message.
 */
public final class HostCommand {
  static final File NULL = new File("/dev/null");

  private final List<String> arguments;
  private final Map<String, @Nullable String> env;
  private final boolean cleanEnv;
  private final @Nullable Path directory;
  private final Duration timeout;
  private final int outputLimit;
  private final @Nullable Consumer<String> lines;

  private HostCommand(
      List<String> arguments,
      Map<String, @Nullable String> env,
      boolean cleanEnv,
      @Nullable Path directory,
      Duration timeout,
      int outputLimit,
      @Nullable Consumer<String> lines) {
    this.arguments = List.copyOf(arguments);
    this.env = env;
    this.cleanEnv = cleanEnv;
    this.directory = directory;
    this.timeout = timeout;
    this.outputLimit = outputLimit;
    this.lines = lines;
  }

  /** A program (a path, or a name on PATH) and its arguments; 60 s, 256 KiB of each output. */
  public static HostCommand of(List<String> arguments) {
    if (arguments.isEmpty()) {
      throw new IllegalArgumentException("a command needs a program");
    }
    return new HostCommand(
        arguments, Map.of(), false, null, Duration.ofSeconds(60), 256 << 10, null);
  }

  /** The same. */
  public static HostCommand of(String program, String... arguments) {
    List<String> all = new ArrayList<>();
    all.add(program);
    all.addAll(List.of(arguments));
    return of(all);
  }

  /** With one more variable over this process's own environment. */
  public HostCommand withEnv(String name, String value) {
    return withEnvEntry(name, value);
  }

  /** With more variables. */
  public HostCommand withEnv(Map<String, String> variables) {
    HostCommand result = this;
    for (Map.Entry<String, String> variable : variables.entrySet()) {
      result = result.withEnvEntry(variable.getKey(), variable.getValue());
    }
    return result;
  }

  /** Without a variable of this process's environment. */
  public HostCommand withoutEnv(String name) {
    return withEnvEntry(name, null);
  }

  /** With an empty environment but for what was or will be set here. */
  public HostCommand withCleanEnv() {
    return new HostCommand(arguments, env, true, directory, timeout, outputLimit, lines);
  }

  /** In this working directory. */
  public HostCommand inDirectory(Path folder) {
    return new HostCommand(arguments, env, cleanEnv, folder, timeout, outputLimit, lines);
  }

  /** Killed with all its descendants after this long; {@link Command#FOREVER} for no limit. */
  public HostCommand withTimeout(Duration limit) {
    return new HostCommand(arguments, env, cleanEnv, directory, limit, outputLimit, lines);
  }

  /**
   * With at most this many bytes of each output in the result: its first quarter, its last rest.
   */
  public HostCommand withOutputLimit(int bytes) {
    return new HostCommand(arguments, env, cleanEnv, directory, timeout, bytes, lines);
  }

  /**
   * Hands each line of either output to {@code consumer} as it comes, within 50 ms; a carriage
   * return ends a line too, as in progress bars. Called by the thread that awaits the command.
   */
  public HostCommand withLines(Consumer<String> consumer) {
    return new HostCommand(arguments, env, cleanEnv, directory, timeout, outputLimit, consumer);
  }

  /** The program and its arguments. */
  public List<String> arguments() {
    return arguments;
  }

  /**
   * Runs it and waits for its end. Interrupting kills its process tree.
   *
   * @throws UnsupportedRequestException if it cannot be started on this host
   */
  public HostResult run() throws InterruptedException {
    try (HostRun run = start()) {
      return run.await();
    }
  }

  /**
   * Starts it. Its time runs from now on, but is kept only while somebody awaits it.
   *
   * @throws UnsupportedRequestException if it cannot be started on this host
   */
  public HostRun start() {
    ProcessBuilder builder = new ProcessBuilder(arguments);
    Map<String, String> environment = builder.environment();
    if (cleanEnv) {
      environment.clear();
    }
    env.forEach((name, value) -> {
      if (value == null) {
        environment.remove(name);
      } else {
        environment.put(name, value);
      }
    });
    if (directory != null) {
      builder.directory(directory.toFile());
    }
    builder.redirectInput(NULL);
    Capture stdout = Capture.open(outputLimit, lines);
    Capture stderr = Capture.open(outputLimit, lines);
    builder.redirectOutput(stdout.redirect());
    builder.redirectError(stderr.redirect());
    try {
      Process process = builder.start();
      stdout.unlink();
      stderr.unlink();
      return new HostRun(arguments.get(0), process, timeout, stdout, stderr);
    } catch (IOException e) {
      stdout.close();
      stderr.close();
      // The JDK's message repeats program and folder, never the environment.
      throw new UnsupportedRequestException(
          null,
          null,
          "Tried to run '"
              + arguments.get(0)
              + "' on this host, but it could not be started: "
              + e.getMessage()
              + ".",
          e);
    }
  }

  /** The program alone: arguments may be long. */
  @Override
  public String toString() {
    return "HostCommand[" + arguments.get(0) + "]";
  }

  private HostCommand withEnvEntry(String name, @Nullable String value) {
    if (value != null && value.indexOf('\0') >= 0) {
      // The JDK would refuse it with a message that shows the value.
      throw new RequestException(
          "Tried to pass on the variable " + name + " with a NUL character; Linux cannot do that.");
    }
    Map<String, @Nullable String> all = new LinkedHashMap<>(env);
    all.put(name, value);
    return new HostCommand(arguments, all, cleanEnv, directory, timeout, outputLimit, lines);
  }
}
