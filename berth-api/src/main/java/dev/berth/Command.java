package dev.berth;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What to run in a sandbox, and how. Immutable. Absent parts take the sandbox's defaults.
 *
 * <pre>{@code
 * Command.shell("make test | tee log");
 * Command.of("python3", "-c", "print(1)").inDirectory("/src").withEnv("SEED", "7").withTimeout(Duration.ofMinutes(10));
 * }</pre>
 */
public final class Command {
  /** No time limit. */
  public static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();

  /** How much of each output stream a result holds unless the command says otherwise: 16 MiB. */
  public static final int DEFAULT_OUTPUT_LIMIT = 16 << 20;

  /**
   * How long a command has between SIGTERM and SIGKILL when its time is up, unless it says
   * otherwise.
   */
  public static final Duration DEFAULT_GRACE = Duration.ofSeconds(2);

  private final List<String> arguments;
  private final Map<String, String> env;
  private final @Nullable String directory;
  private final @Nullable String user;
  private final @Nullable Duration timeout;
  private final Duration grace;
  private final byte @Nullable [] stdin;
  private final int outputLimit;
  private final boolean killsRemains;

  private Command(Parts parts) {
    this.arguments = List.copyOf(parts.arguments);
    this.env = Collections.unmodifiableMap(new LinkedHashMap<>(parts.env));
    this.directory = parts.directory;
    this.user = parts.user;
    this.timeout = parts.timeout;
    this.grace = parts.grace;
    this.stdin = parts.stdin;
    this.outputLimit = parts.outputLimit;
    this.killsRemains = parts.killsRemains;
    check();
  }

  private void check() {
    if (arguments.isEmpty() || arguments.get(0).isEmpty()) {
      throw new RequestException(
          "Tried to run an empty command; name a program, as in Command.of(\"ls\", \"-l\").");
    }
    arguments.forEach(argument -> Checks.noNul("an argument", argument));
    env.forEach((name, value) -> {
      Checks.environmentName(name);
      Checks.noNul("the value of " + name, value);
    });
    if (directory != null) {
      Checks.absolute("working directory", directory);
    }
    if (user != null) {
      Checks.noNul("user", user);
    }
    if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
      throw new RequestException(
          "Tried to run a command with a timeout of "
              + timeout
              + "; it must be above zero, or Command.FOREVER.");
    }
    if (grace.isNegative() || grace.compareTo(Duration.ofHours(1)) > 0) {
      throw new RequestException(
          "Tried to run a command with a grace of "
              + grace
              + "; it must be between zero and one hour.");
    }
    if (outputLimit < 0) {
      throw new RequestException(
          "Tried to limit output to " + outputLimit + " bytes; it must be 0 or more.");
    }
  }

  /**
   * A program and its arguments, run without a shell. Without a {@code /} it is looked up on the
   * sandbox's PATH.
   */
  public static Command of(String program, String... arguments) {
    Parts parts = new Parts();
    parts.arguments =
        java.util.stream.Stream.concat(
                java.util.stream.Stream.of(program), java.util.stream.Stream.of(arguments))
            .toList();
    return new Command(parts);
  }

  /** The same from a list. */
  public static Command of(List<String> arguments) {
    Parts parts = new Parts();
    parts.arguments = arguments;
    return new Command(parts);
  }

  /** A line for {@code /bin/sh -c}. */
  public static Command shell(String line) {
    return of("/bin/sh", "-c", line);
  }

  /** The program and its arguments. */
  public List<String> arguments() {
    return arguments;
  }

  /** Variables set over the sandbox's environment, in order. */
  public Map<String, String> env() {
    return env;
  }

  /** The working directory; absent for the spec's. */
  public @Nullable String directory() {
    return directory;
  }

  /** Who runs it: a name, a number, {@code user:group}, or absent for the spec's. */
  public @Nullable String user() {
    return user;
  }

  /** How long it may run; absent for the provider's default, {@link #FOREVER} for no limit. */
  public @Nullable Duration timeout() {
    return timeout;
  }

  /** The time between SIGTERM and SIGKILL when it is ended. */
  public Duration grace() {
    return grace;
  }

  /** A copy of the input given with the command; absent for none. */
  public byte @Nullable [] stdin() {
    return stdin == null ? null : stdin.clone();
  }

  /** How many bytes of each output stream a result holds; more is counted as truncated. */
  public int outputLimit() {
    return outputLimit;
  }

  /** Whether what it leaves running when it ends is killed. */
  public boolean killsRemains() {
    return killsRemains;
  }

  /** This command in another working directory, absolute. */
  public Command inDirectory(String directory) {
    Parts parts = new Parts(this);
    parts.directory = directory;
    return new Command(parts);
  }

  /** This command with one more variable. */
  public Command withEnv(String name, String value) {
    return withEnv(Map.of(name, value));
  }

  /** This command with more variables. */
  public Command withEnv(Map<String, String> variables) {
    Parts parts = new Parts(this);
    parts.env.putAll(variables);
    return new Command(parts);
  }

  /** This command as another user. */
  public Command asUser(String user) {
    Parts parts = new Parts(this);
    parts.user = user;
    return new Command(parts);
  }

  /** This command with a time limit. */
  public Command withTimeout(Duration timeout) {
    Parts parts = new Parts(this);
    parts.timeout = timeout;
    return new Command(parts);
  }

  /** This command with another time between SIGTERM and SIGKILL. */
  public Command withGrace(Duration grace) {
    Parts parts = new Parts(this);
    parts.grace = grace;
    return new Command(parts);
  }

  /**
   * This command with this input. For input that does not fit in memory see {@link
   * SandboxProcess#stdin()}.
   */
  public Command withStdin(byte[] input) {
    Parts parts = new Parts(this);
    parts.stdin = input.clone();
    return new Command(parts);
  }

  /** This command with this input, as UTF-8. */
  public Command withStdin(String input) {
    return withStdin(input.getBytes(StandardCharsets.UTF_8));
  }

  /** This command with another bound on the output that a result holds, per stream. */
  public Command withOutputLimit(int bytes) {
    Parts parts = new Parts(this);
    parts.outputLimit = bytes;
    return new Command(parts);
  }

  /**
   * This command, ended with all that it started: when its first process ends, what it leaves
   * running is killed, daemons too, before its end is told. Without this they live on with the
   * sandbox.
   */
  public Command killingRemains() {
    Parts parts = new Parts(this);
    parts.killsRemains = true;
    return new Command(parts);
  }

  /** The program alone: arguments and environment may be secret. */
  @Override
  public String toString() {
    return "Command["
        + arguments.get(0)
        + (arguments.size() > 1 ? " … " + (arguments.size() - 1) + " arguments" : "")
        + "]";
  }

  /** What a command is made of while it is made. */
  private static final class Parts {
    List<String> arguments = List.of();
    final Map<String, String> env = new LinkedHashMap<>();
    @Nullable String directory;
    @Nullable String user;
    @Nullable Duration timeout;
    Duration grace = DEFAULT_GRACE;
    byte @Nullable [] stdin;
    int outputLimit = DEFAULT_OUTPUT_LIMIT;
    boolean killsRemains;

    Parts() {}

    Parts(Command from) {
      arguments = from.arguments;
      env.putAll(from.env);
      directory = from.directory;
      user = from.user;
      timeout = from.timeout;
      grace = from.grace;
      stdin = from.stdin;
      outputLimit = from.outputLimit;
      killsRemains = from.killsRemains;
    }
  }
}
