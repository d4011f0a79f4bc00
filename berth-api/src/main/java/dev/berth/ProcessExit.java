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
 * @param signal the signal that ended it, which {@code returnCode} alone does not tell from an exit
 *     code above 128; else 0
 */
public record ProcessExit(
    int returnCode,
    @Nullable ErrorType errorType,
    Duration duration,
    Duration cpuTime,
    long maxRssBytes,
    String detail,
    int signal) {
  /** The return code of a command that has no result of its own. */
  public static final int NO_RESULT = 125;

  /** One that no signal ended. */
  public ProcessExit(
      int returnCode,
      @Nullable ErrorType errorType,
      Duration duration,
      Duration cpuTime,
      long maxRssBytes,
      String detail) {
    this(returnCode, errorType, duration, cpuTime, maxRssBytes, detail, 0);
  }
}
