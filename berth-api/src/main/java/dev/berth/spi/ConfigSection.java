package dev.berth.spi;

import dev.berth.Command;
import dev.berth.RequestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A part of a configuration file, read key by key. Whoever reads it asks for every key it knows and
 * then calls {@link #finish()}, which refuses the others: a key with a typing error is never
 * ignored. Errors name the key's full path, what was found and what is allowed. Not thread-safe.
 */
public final class ConfigSection {
  private final String path;
  private final Map<String, @Nullable Object> values;
  private final TreeSet<String> known = new TreeSet<>();
  private final List<ConfigSection> children = new ArrayList<>();

  private ConfigSection(String path, Map<String, @Nullable Object> values) {
    this.path = path;
    this.values = values;
  }

  /**
   * A section over what a YAML or JSON reader gave: strings, numbers, booleans, nulls, lists and
   * maps of these.
   */
  public static ConfigSection of(String path, Map<?, ?> values) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    values.forEach((key, value) -> copy.put(String.valueOf(key), value));
    return new ConfigSection(path, copy);
  }

  /** A section with nothing in it: all defaults. */
  public static ConfigSection empty(String path) {
    return of(path, Map.of());
  }

  /** Where in the file this section stands, such as {@code sandbox.apptainer}. */
  public String path() {
    return path;
  }

  /** The keys that the file gives, in its order. */
  public List<String> keys() {
    return List.copyOf(values.keySet());
  }

  /** A section below this one; empty if the file has none. It is finished with this one. */
  public ConfigSection section(String key) {
    Object value = take(key);
    ConfigSection child;
    if (value == null) {
      child = empty(path + "." + key);
    } else if (value instanceof Map<?, ?> map) {
      child = of(path + "." + key, map);
    } else {
      throw wrong(key, value, "a block of keys");
    }
    children.add(child);
    return child;
  }

  /**
   * A list of sections below this one; empty if the file has none. They are finished with this one.
   */
  public List<ConfigSection> sections(String key) {
    Object value = take(key);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw wrong(key, value, "a list of blocks");
    }
    List<ConfigSection> sections = new ArrayList<>();
    for (Object item : list) {
      if (!(item instanceof Map<?, ?> map)) {
        throw wrong(key, item, "a list of blocks");
      }
      sections.add(of(path + "." + key + "[" + sections.size() + "]", map));
    }
    children.addAll(sections);
    return sections;
  }

  /** Whether the file gives a list here. */
  public boolean isList(String key) {
    return take(key) instanceof List<?>;
  }

  /** A text, or null where the file has none or says null. */
  public @Nullable String text(String key) {
    Object value = take(key);
    return switch (value) {
      case null -> null;
      case String text -> text;
      case Number number -> number.toString();
      default -> throw wrong(key, value, "a text");
    };
  }

  /** A text with a default for an absent key; null where the file says null. */
  public @Nullable String text(String key, String otherwise) {
    return has(key) ? text(key) : otherwise(key, otherwise);
  }

  /** True or false. */
  public boolean flag(String key, boolean otherwise) {
    Object value = take(key);
    return switch (value) {
      case null -> otherwise;
      case Boolean flag -> flag;
      default -> throw wrong(key, value, "true or false");
    };
  }

  /** A whole number within bounds. */
  public int integer(String key, int otherwise, int atLeast, int atMost) {
    Object value = take(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Number number
        && number.doubleValue() == Math.rint(number.doubleValue())
        && number.doubleValue() >= atLeast
        && number.doubleValue() <= atMost) {
      return number.intValue();
    }
    throw wrong(key, value, "a whole number from " + atLeast + " to " + atMost);
  }

  /** Seconds, fractions allowed, above zero; {@link Command#FOREVER} where the file says null. */
  public Duration seconds(String key, Duration otherwise) {
    if (!has(key)) {
      return otherwise(key, otherwise);
    }
    Object value = take(key);
    if (value == null) {
      return Command.FOREVER;
    }
    if (value instanceof Number number && number.doubleValue() > 0 && number.doubleValue() < 1e9) {
      return Duration.ofNanos(Math.round(number.doubleValue() * 1e9));
    }
    throw wrong(key, value, "a number of seconds above 0, or null for no limit");
  }

  /** Seconds from zero up; null is refused. */
  public Duration delay(String key, Duration otherwise) {
    Object value = take(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Number number && number.doubleValue() >= 0 && number.doubleValue() < 1e9) {
      return Duration.ofNanos(Math.round(number.doubleValue() * 1e9));
    }
    throw wrong(key, value, "a number of seconds, 0 or more");
  }

  /** A list of texts; one text alone is a list of one. */
  public List<String> texts(String key) {
    Object value = take(key);
    return switch (value) {
      case null -> List.of();
      case String text -> List.of(text);
      case List<?> list -> list.stream().map(item -> item(key, item)).toList();
      default -> throw wrong(key, value, "a list of texts");
    };
  }

  /** A block of name: text pairs, in the file's order. */
  public Map<String, String> pairs(String key) {
    Object value = take(key);
    if (value == null) {
      return Map.of();
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw wrong(key, value, "a block of name: text pairs");
    }
    Map<String, String> pairs = new LinkedHashMap<>();
    map.forEach((name, text) -> pairs.put(String.valueOf(name), item(key + "." + name, text)));
    return pairs;
  }

  /** Refuses keys that nobody asked for, here and below. */
  public void finish() {
    for (String key : values.keySet()) {
      if (!known.contains(key)) {
        throw new RequestException(
            "Tried to read "
                + path
                + "."
                + key
                + ", but there is no such key; known here are: "
                + String.join(", ", known)
                + ".");
      }
    }
    children.forEach(ConfigSection::finish);
  }

  /** The error for a value that is not what its key allows. */
  public RequestException wrong(String key, @Nullable Object value, String allowed) {
    return new RequestException(
        "Tried to read "
            + path
            + "."
            + key
            + " and found '"
            + value
            + "'; allowed is "
            + allowed
            + ".");
  }

  private boolean has(String key) {
    return values.containsKey(key);
  }

  private <T> T otherwise(String key, T otherwise) {
    known.add(key);
    return otherwise;
  }

  private @Nullable Object take(String key) {
    known.add(key);
    return values.get(key);
  }

  private String item(String key, @Nullable Object item) {
    return switch (item) {
      case String text -> text;
      case Number number -> number.toString();
      case Boolean flag -> flag.toString();
      case null, default -> throw wrong(key, item, "a text");
    };
  }
}
