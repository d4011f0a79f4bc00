package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * A row of a batch file: of SWE-bench if it says {@code repo}, else of SWE-agent's own kind.
 *
 * @param where it stands, for messages
 * @param values texts, numbers, booleans, nulls, lists and maps, by name
 */
record BatchRow(String where, Map<String, @Nullable Object> values) {
  private static final JsonMapper JSON = new JsonMapper();

  BatchInstance instance() {
    Map<String, @Nullable Object> left = new LinkedHashMap<>(values);
    boolean sweBench = left.containsKey("repo") && !left.containsKey("repo_name");
    String id = text(left, "instance_id");
    if (id == null && !sweBench) {
      id = text(left, "id");
    }
    if (id == null || id.isBlank()) {
      throw wrong("it has no instance_id; give it one");
    }
    String problem = text(left, "problem_statement");
    if (problem == null && sweBench) {
      throw wrong("a row of SWE-bench needs its problem_statement");
    }
    String image = text(left, "image_name");
    String commit = text(left, "base_commit");
    Repository repository;
    if (sweBench) {
      if (commit == null) {
        throw wrong("a row of SWE-bench needs its base_commit");
      }
      repository = repository("testbed", commit);
      image = image == null ? image(id) : image;
    } else {
      String name = text(left, "repo_name");
      repository = name == null || name.isEmpty() ? null : repository(name, commit);
    }
    return new BatchInstance(
        id,
        problem == null ? "" : problem,
        image,
        sweBench ? BatchInstance.SWE_BENCH_PLATFORM : null,
        repository,
        fields(left));
  }

  private Repository repository(String name, @Nullable String commit) {
    try {
      return Repository.parse(name, commit == null ? "HEAD" : commit);
    } catch (RequestException e) {
      throw new RequestException(null, null, where + ": " + e.getMessage(), e);
    }
  }

  /** The image of a row of SWE-bench that names none: Docker allows no double underscore. */
  private static String image(String id) {
    return "swebench/sweb.eval.x86_64."
        .concat(id.replace("__", "_1776_"))
        .concat(":latest")
        .toLowerCase(Locale.ROOT);
  }

  /** What is left, with {@code extra_fields} spread out. */
  private Map<String, String> fields(Map<String, @Nullable Object> left) {
    Map<String, String> fields = new LinkedHashMap<>();
    Object extra = left.remove("extra_fields");
    if (extra instanceof Map<?, ?> map) {
      map.forEach((key, value) -> put(fields, String.valueOf(key), value));
    } else if (extra != null) {
      throw wrong("its extra_fields are no block of names and values");
    }
    left.forEach((key, value) -> put(fields, key, value));
    return fields;
  }

  private static void put(Map<String, String> fields, String key, @Nullable Object value) {
    if (value != null) {
      fields.put(key, value instanceof String text ? text : JSON.writeValueAsString(value));
    }
  }

  private @Nullable String text(Map<String, @Nullable Object> left, String key) {
    Object value = left.remove(key);
    return switch (value) {
      case null -> null;
      case String text -> text;
      case Number number -> number.toString();
      default -> throw wrong("its " + key + " is no text");
    };
  }

  RequestException wrong(String what) {
    return new RequestException("Tried to read " + where + ", but " + what + ".");
  }
}
