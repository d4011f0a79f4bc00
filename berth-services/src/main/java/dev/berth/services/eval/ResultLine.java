package dev.berth.services.eval;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A result as a line of JSON, without its newline. Times are in seconds. */
final class ResultLine {
  private static final JsonMapper JSON = new JsonMapper();

  private ResultLine() {}

  static String write(Result result) {
    ObjectNode line = JSON.createObjectNode();
    line.put("instance_id", result.id());
    line.put("verdict", result.verdict().word());
    line.put("phase", result.phase().word());
    line.put("reason", result.reason());
    line.put("attempts", result.attempts());
    line.put("started", result.started().toString());
    line.put("seconds", seconds(result.total()));
    ObjectNode took = line.putObject("phases");
    result.took().forEach((phase, time) -> took.put(phase.word(), seconds(time)));
    ObjectNode codes = line.putObject("exit_codes");
    result.exitCodes().forEach((phase, code) -> codes.put(phase.word(), code));
    line.put("patched_by", result.patchedBy());
    line.put("cpu_seconds", seconds(result.cpu()));
    line.put("max_rss_bytes", result.maxRssBytes());
    line.put("row", result.digest());
    line.put("log", "logs/" + LogName.of(result.id()) + ".log");
    return JSON.writeValueAsString(line);
  }

  /** Empty if that is no such line, or only a part of one. */
  static Optional<Result> read(String text) {
    try {
      JsonNode line = JSON.readTree(text);
      if (!line.isObject() || !line.path("instance_id").isString()) {
        return Optional.empty();
      }
      Map<Phase, Duration> took = new EnumMap<>(Phase.class);
      line.path("phases")
          .properties()
          .forEach(entry -> took.put(phase(entry.getKey()), duration(entry.getValue())));
      Map<Phase, Integer> codes = new EnumMap<>(Phase.class);
      line.path("exit_codes")
          .properties()
          .forEach(entry -> codes.put(phase(entry.getKey()), entry.getValue().asInt()));
      @Nullable String patchedBy =
          line.path("patched_by").isString() ? line.path("patched_by").asString() : null;
      return Optional.of(
          new Result(
              line.path("instance_id").asString(),
              Verdict.valueOf(line.path("verdict").asString().toUpperCase(Locale.ROOT)),
              phase(line.path("phase").asString()),
              line.path("reason").asString(),
              line.path("attempts").asInt(),
              Instant.parse(line.path("started").asString()),
              took,
              codes,
              patchedBy,
              duration(line.path("cpu_seconds")),
              line.path("max_rss_bytes").asLong(),
              line.path("row").asString()));
    } catch (JacksonException | IllegalArgumentException | DateTimeException e) {
      return Optional.empty();
    }
  }

  private static Phase phase(String word) {
    return Phase.valueOf(word.toUpperCase(Locale.ROOT));
  }

  private static BigDecimal seconds(Duration duration) {
    return BigDecimal.valueOf(duration.toNanos(), 9).setScale(4, RoundingMode.HALF_UP);
  }

  private static Duration duration(JsonNode seconds) {
    return Duration.ofNanos(seconds.asDecimal().movePointRight(9).longValue());
  }
}
