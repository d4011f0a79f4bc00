package dev.berth.core.process;

import java.time.Duration;

/**
 * What one of our own programs left.
 *
 * @param program its name, for messages
 * @param exitCode its exit code, 128 + n after signal n; -1 if it was killed because its time ran
 *     out
 * @param stdout decoded as UTF-8; its first and last part with a note between them if {@code
 *     truncated}
 * @param stderr likewise
 * @param truncated whether either output was longer than its bound
 * @param timedOut whether its time ran out and its process tree was killed
 * @param duration wall-clock time
 */
public record HostResult(
    String program,
    int exitCode,
    String stdout,
    String stderr,
    boolean truncated,
    boolean timedOut,
    Duration duration) {
  private static final int SHOWN = 2000;

  /** Whether it ended by itself with code 0. */
  public boolean ok() {
    return !timedOut && exitCode == 0;
  }

  /**
   * How it ended, for the message of an exception: {@code apptainer exited with code 255 after 12
   * ms; its error output ends: …}. For people alone: no decision is made on it.
   */
  public String description() {
    String how =
        timedOut
            ? " was killed because it had not ended after " + duration.toMillis() + " ms"
            : " exited with code " + exitCode + " after " + duration.toMillis() + " ms";
    String said = (stderr.isBlank() ? stdout : stderr).strip();
    if (said.isEmpty()) {
      return program + how + " and said nothing.";
    }
    String end = said.length() > SHOWN ? "…" + said.substring(said.length() - SHOWN) : said;
    return program + how + "; its error output ends:\n" + end;
  }
}
