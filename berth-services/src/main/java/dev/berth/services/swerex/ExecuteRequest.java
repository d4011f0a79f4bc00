package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A command outside any session.
 *
 * @param command a program with its arguments; with {@code shell} one line for {@code /bin/sh -c}
 * @param timeout how long it may take; absent for as long as it likes
 * @param env the command's whole environment; absent for that of the runtime
 * @param directory where it runs; absent for the runtime's own
 * @param mergeOutput whether stderr comes on stdout, in order
 */
public record ExecuteRequest(
    List<String> command,
    boolean shell,
    @Nullable Duration timeout,
    boolean check,
    String errorMessage,
    @Nullable Map<String, String> env,
    @Nullable String directory,
    boolean mergeOutput) {
  public ExecuteRequest {
    command = List.copyOf(command);
    if (command.isEmpty() || shell && command.size() > 1) {
      throw new RequestException(
          "Tried to execute "
              + command.size()
              + " words; it must be one line with shell, and a program with its arguments without.");
    }
    env = env == null ? null : Collections.unmodifiableMap(new LinkedHashMap<>(env));
  }

  /** A program with its arguments, all else as it comes. */
  public static ExecuteRequest of(String... command) {
    return new ExecuteRequest(List.of(command), false, null, false, "", null, null, false);
  }

  /** A line of shell, all else as it comes. */
  public static ExecuteRequest ofShell(String line) {
    return new ExecuteRequest(List.of(line), true, null, false, "", null, null, false);
  }
}
