package dev.berth;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What came of a command. Output is decoded as UTF-8, malformed bytes replaced; use an {@link
 * OutputSink} for the bytes.
 *
 * @param stdout at most {@link Command#outputLimit()} bytes of it, the first ones
 * @param stderr likewise
 * @param stdoutTruncated whether there was more
 * @param stderrTruncated likewise
 */
public record ExecResult(
    String stdout,
    String stderr,
    boolean stdoutTruncated,
    boolean stderrTruncated,
    ProcessExit exit) {

  /**
   * The command's exit code; 128 + n after signal n; {@value ProcessExit#NO_RESULT} where {@link
   * #errorType()} is present.
   */
  public int returnCode() {
    return exit.returnCode();
  }

  /** Absent when the command itself ended, whatever its code and whatever it printed. */
  public @Nullable ErrorType errorType() {
    return exit.errorType();
  }

  /** Wall-clock time in the sandbox. */
  public Duration duration() {
    return exit.duration();
  }

  /** Whether either stream is cut. */
  public boolean truncated() {
    return stdoutTruncated || stderrTruncated;
  }

  /** Whether the command ended by itself with code 0. */
  public boolean ok() {
    return exit.errorType() == null && exit.returnCode() == 0;
  }

  /**
   * This result if {@link #ok()}.
   *
   * @throws CommandFailedException otherwise, holding this result
   */
  public ExecResult orThrow() {
    if (ok()) {
      return this;
    }
    throw new CommandFailedException(this);
  }
}
