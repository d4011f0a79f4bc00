package dev.berth.cli;

import dev.berth.services.eval.Phase;
import dev.berth.services.eval.Result;
import dev.berth.services.eval.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The results of an evaluation, counted, as a table for people or as JSON for scripts. */
final class EvalTable {
  /** So many rows are a table that is read; of more, those that did not pass are listed. */
  private static final int ALL = 50;

  private static final int REASON = 60;

  private final List<Result> results;
  private final int missing;
  private final Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);

  /** With the number of instances that have no result at all. */
  EvalTable(List<Result> results, int missing) {
    this.results = results;
    this.missing = missing;
    for (Verdict verdict : Verdict.values()) {
      counts.put(verdict, 0);
    }
    results.forEach(result -> counts.merge(result.verdict(), 1, Integer::sum));
  }

  /** 0 if all passed, 125 if any has no verdict, else 1. */
  int exitCode() {
    if (missing > 0 || count(Verdict.ERROR) > 0) {
      return Failures.SANDBOX;
    }
    return count(Verdict.PASSED) == results.size() ? 0 : Failures.FAILED;
  }

  String text() {
    Table table = new Table("INSTANCE", "VERDICT", "ENDED IN", "BEFORE", "AFTER", "WALL", "WHY");
    for (Result result : results) {
      if (results.size() <= ALL || result.verdict() != Verdict.PASSED) {
        table.row(
            result.id(),
            result.verdict().word(),
            result.phase().word(),
            code(result, Phase.BEFORE),
            code(result, Phase.AFTER),
            seconds(result.total()),
            why(result));
      }
    }
    return table.toString();
  }

  /** The counts in one line. */
  String sum() {
    List<String> parts = new ArrayList<>();
    parts.add(count(Verdict.PASSED) + " of " + (results.size() + missing) + " passed");
    for (Verdict verdict : List.of(Verdict.FAILED, Verdict.TIMEOUT, Verdict.ERROR)) {
      if (count(verdict) > 0) {
        parts.add(count(verdict) + " " + verdict.word());
      }
    }
    if (missing > 0) {
      parts.add(missing + " without a result");
    }
    return String.join(", ", parts);
  }

  Json json() {
    List<Json> rows = new ArrayList<>();
    for (Result result : results) {
      Map<String, Object> codes = new java.util.LinkedHashMap<>();
      result.exitCodes().forEach((phase, code) -> codes.put(phase.word(), code));
      rows.add(
          new Json()
              .put("instance_id", result.id())
              .put("verdict", result.verdict().word())
              .put("phase", result.phase().word())
              .put("reason", result.reason())
              .put("attempts", result.attempts())
              .put("exit_codes", codes)
              .put("seconds", result.total().toMillis() / 1e3));
    }
    Json json = new Json().put("instances", results.size() + missing);
    counts.forEach((verdict, count) -> json.put(verdict.word(), count));
    return json.put("missing", missing).put("results", rows);
  }

  static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f s", duration.toNanos() / 1e9);
  }

  private int count(Verdict verdict) {
    return counts.getOrDefault(verdict, 0);
  }

  private static String code(Result result, Phase phase) {
    Integer code = result.exitCodes().get(phase);
    return code == null ? "-" : code.toString();
  }

  private static String why(Result result) {
    String why = result.reason();
    return why.length() > REASON ? why.substring(0, REASON) + "…" : why;
  }
}
