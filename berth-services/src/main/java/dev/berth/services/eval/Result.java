package dev.berth.services.eval;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of an instance, and how: a line of the results file.
 *
 * @param phase where it ended
 * @param reason a sentence for people; empty if there is nothing to say
 * @param attempts how often it was begun; more than once only after failures of the sandbox
 * @param took wall-clock time of each phase of the last attempt
 * @param exitCodes of the last command of each phase that ran one
 * @param patchedBy what applied the patch: {@code git}, {@code patch} or {@code berth}; null if
 *     nothing was
 * @param cpu of the judged test: user and system time
 * @param maxRssBytes of the judged test: the largest resident set of one process
 * @param digest of the task; another one means that the row has changed since
 */
public record Result(
    String id,
    Verdict verdict,
    Phase phase,
    String reason,
    int attempts,
    Instant started,
    Map<Phase, Duration> took,
    Map<Phase, Integer> exitCodes,
    @Nullable String patchedBy,
    Duration cpu,
    long maxRssBytes,
    String digest) {
  private static final int LONGEST_REASON = 500;

  /** Copies, and cuts the reason. */
  public Result {
    reason = reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) + "…" : reason;
    took = Collections.unmodifiableMap(copy(took));
    exitCodes = Collections.unmodifiableMap(copy(exitCodes));
  }

  /** All phases together. */
  public Duration total() {
    return took.values().stream().reduce(Duration.ZERO, Duration::plus);
  }

  private static <V> Map<Phase, V> copy(Map<Phase, V> map) {
    Map<Phase, V> copy = new EnumMap<>(Phase.class);
    copy.putAll(map);
    return copy;
  }
}
