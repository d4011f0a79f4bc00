package dev.berth.services.openhands;

import dev.berth.RequestException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A command for the agent server to run in its shell.
 *
 * @param command a line of shell
 * @param directory where it runs, absolute; null for the workspace's working directory
 * @param timeout how long it may run, in whole seconds for the server: rounded up
 * @param outputLimit how many characters of each of its outputs the result holds
 */
public record CommandRequest(
    String command, @Nullable String directory, Duration timeout, int outputLimit) {
  /** The default of {@link #timeout}: 30 s, as the Python client has it. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

  /** The default of {@link #outputLimit}: 16 Mi. */
  public static final int DEFAULT_OUTPUT_LIMIT = 16 << 20;

  /** Checks. */
  public CommandRequest {
    if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(Duration.ofDays(365)) > 0) {
      throw new RequestException(
          "Tried to run a command with the timeout "
              + timeout
              + "; it must be above zero and at most a year.");
    }
    if (directory != null && !directory.startsWith("/")) {
      throw new RequestException(
          "Tried to run a command in '" + directory + "'; the folder must be absolute.");
    }
    if (outputLimit < 0) {
      throw new RequestException(
          "Tried to keep " + outputLimit + " characters of output; it must be 0 or more.");
    }
  }

  /** A command with all defaults. */
  public static CommandRequest of(String command) {
    return new CommandRequest(command, null, DEFAULT_TIMEOUT, DEFAULT_OUTPUT_LIMIT);
  }

  /** The same in another folder. */
  public CommandRequest in(String folder) {
    return new CommandRequest(command, folder, timeout, outputLimit);
  }

  /** The same with another timeout. */
  public CommandRequest within(Duration other) {
    return new CommandRequest(command, directory, other, outputLimit);
  }

  /** The same with another bound on what is kept of its output. */
  public CommandRequest keeping(int characters) {
    return new CommandRequest(command, directory, timeout, characters);
  }
}
