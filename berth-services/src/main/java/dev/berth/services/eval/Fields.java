package dev.berth.services.eval;

import dev.berth.RequestException;
import dev.berth.services.swerex.BatchInstance;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The fields of an instance's row, which are texts or JSON as text, each asked for once. */
final class Fields {
  private static final JsonMapper JSON = new JsonMapper();

  private final String id;
  private final Map<String, String> left;

  Fields(BatchInstance instance) {
    this.id = instance.id();
    this.left = new LinkedHashMap<>(instance.fields());
  }

  @Nullable String text(String key) {
    return left.remove(key);
  }

  /** A line of shell, or the words of a command as a list; empty if there is none. */
  List<String> command(String key) {
    String text = left.remove(key);
    if (text == null || text.isBlank()) {
      return List.of();
    }
    List<String> words = list(key, text);
    return words == null ? shell(text) : words;
  }

  /** A line of shell, or a list of them. */
  List<List<String>> commands(String key) {
    String text = left.remove(key);
    if (text == null || text.isBlank()) {
      return List.of();
    }
    List<String> lines = list(key, text);
    return lines == null ? List.of(shell(text)) : lines.stream().map(Fields::shell).toList();
  }

  /** A list of texts; as JSON, or as a text that is JSON. */
  Set<String> names(String key) {
    String text = left.remove(key);
    if (text == null || text.isBlank()) {
      return Set.of();
    }
    List<String> names = list(key, text);
    if (names == null) {
      throw wrong(key, "it is no list of texts");
    }
    return new LinkedHashSet<>(names);
  }

  Map<String, String> pairs(String key) {
    String text = left.remove(key);
    if (text == null || text.isBlank()) {
      return Map.of();
    }
    Map<String, String> pairs = new LinkedHashMap<>();
    JsonNode node = json(text);
    if (node == null || !node.isObject()) {
      throw wrong(key, "it is no block of names and texts");
    }
    node.properties()
        .forEach(entry -> {
          if (!entry.getValue().isValueNode() || entry.getValue().isNull()) {
            throw wrong(key, "its " + entry.getKey() + " is no text");
          }
          pairs.put(entry.getKey(), entry.getValue().asString());
        });
    return pairs;
  }

  Duration seconds(String key, Duration otherwise) {
    String text = left.remove(key);
    if (text == null) {
      return otherwise;
    }
    try {
      BigDecimal seconds = new BigDecimal(text);
      if (seconds.signum() > 0 && seconds.compareTo(BigDecimal.valueOf(1_000_000_000)) <= 0) {
        return Duration.ofNanos(seconds.movePointRight(9).longValue());
      }
    } catch (NumberFormatException e) {
      throw wrong(key, "'" + text + "' is no number of seconds");
    }
    throw wrong(key, "it must be above 0 seconds");
  }

  /** What nobody asked for. */
  Set<String> unused() {
    return left.keySet();
  }

  RequestException wrong(String key, String why) {
    return new RequestException(
        "Tried to read " + key + " of the instance '" + id + "', but " + why + ".");
  }

  RequestException refused(RequestException why) {
    return new RequestException(null, null, "The instance '" + id + "': " + why.getMessage(), why);
  }

  private static List<String> shell(String line) {
    return List.of("/bin/sh", "-c", line);
  }

  /** The texts of a JSON list; null if it is no JSON, and so perhaps a line of shell. */
  private @Nullable List<String> list(String key, String text) {
    String start = text.stripLeading();
    JsonNode node = start.startsWith("[") || start.startsWith("{") ? json(text) : null;
    if (node == null) {
      return null;
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode item : node) {
      if (!node.isArray() || !item.isString()) {
        throw wrong(key, "it is no list of texts");
      }
      texts.add(item.asString());
    }
    return texts;
  }

  private static @Nullable JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JacksonException e) {
      return null;
    }
  }
}
