package dev.berth;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a command ended.
 *
 * @param returnCode its exit code; 128 + n if signal n ended it; {@value #NO_RESULT} where {@code
 *     errorType} is present
 * @param errorType absent when the command itself ended, whatever its code
 * @param duration wall-clock time in the sandbox
 * @param cpuTime user and system time of the command and the descendants it waited for
 * @param maxRssBytes the largest resident set among them
 * @param detail what happened where {@code errorType} is present, or why a command could not be
 *     started; else empty
 */
public record ProcessExit(
    int returnCode,
    @Nullable ErrorType errorType,
    Duration duration,
    Duration cpuTime,
    long maxRssBytes,
    String detail) {
  /** The return code of a command that has no result of its own. */
  public static final int NO_RESULT = 125;
}
