package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.ExecResult;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The test that a new sandbox has to pass before it is handed out.
 *
 * @param command a line of shell; null for no test
 * @param expectedStdout must occur in its output; null: its exit code alone counts
 * @param timeout of one attempt
 * @param deadline how long attempts are made; null: one failed attempt fails the sandbox
 * @param stableCount how many attempts in a row have to pass
 * @param stableDelay the pause between them
 * @param shellOptional whether an image without {@code /bin/sh} passes: that its guest answers is
 *     enough then
 */
public record Probe(
    @Nullable String command,
    @Nullable String expectedStdout,
    Duration timeout,
    @Nullable Duration deadline,
    int stableCount,
    Duration stableDelay,
    boolean shellOptional) {
  /** No test: that the guest answers is enough. */
  public static final Probe NONE =
      new Probe(null, null, Duration.ofSeconds(30), null, 1, Duration.ZERO, false);

  private static final Duration PAUSE = Duration.ofMillis(100);

  /** Tries until it passes; null then, else what the last attempt showed. */
  @Nullable String failure(GuestSandbox sandbox) throws InterruptedException {
    if (command == null) {
      return null;
    }
    long began = System.nanoTime();
    int passed = 0;
    while (true) {
      String wrong = attempt(sandbox, command);
      passed = wrong == null ? passed + 1 : 0;
      if (wrong == null && passed >= stableCount) {
        return null;
      }
      boolean late = deadline != null && System.nanoTime() - began > Watch.nanos(deadline);
      if (wrong != null && (deadline == null || late)) {
        return wrong;
      }
      if (late) {
        return "it passed " + passed + " times in a row, not " + stableCount + " times, in time";
      }
      Duration pause = wrong == null ? stableDelay : max(stableDelay, PAUSE);
      Thread.sleep(pause);
    }
  }

  private @Nullable String attempt(GuestSandbox sandbox, String line) throws InterruptedException {
    ExecResult result = sandbox.exec(Command.shell(line).withTimeout(timeout));
    boolean notStarted = result.returnCode() == 127 && !result.exit().detail().isEmpty();
    if (shellOptional && result.errorType() == null && notStarted) {
      return null;
    }
    if (!result.ok()) {
      String why =
          result.errorType() == null ? "exit code " + result.returnCode() : result.exit().detail();
      return "'" + line + "' failed: " + why + shown(result.stderr());
    }
    if (expectedStdout != null && !result.stdout().contains(expectedStdout)) {
      return "'" + line + "' printed no '" + expectedStdout + "'" + shown(result.stdout());
    }
    return null;
  }

  private static String shown(String output) {
    String text = output.strip();
    return text.isEmpty() ? "" : "; it printed: " + text.substring(0, Math.min(500, text.length()));
  }

  private static Duration max(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }
}
