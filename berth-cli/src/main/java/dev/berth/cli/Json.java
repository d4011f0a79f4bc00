package dev.berth.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object on one line, put together key by key. Small on purpose: a JSON library would take
 * longer to load than a listing takes.
 */
final class Json {
  private final StringBuilder text = new StringBuilder("{");

  Json put(String key, @Nullable Object value) {
    if (text.length() > 1) {
      text.append(',');
    }
    quote(text, key);
    text.append(':');
    write(text, value);
    return this;
  }

  @Override
  public String toString() {
    return text + "}";
  }

  private static void write(StringBuilder to, @Nullable Object value) {
    switch (value) {
      case null -> to.append("null");
      case Number number -> to.append(number);
      case Boolean flag -> to.append(flag);
      case Json object -> to.append(object);
      case Map<?, ?> map -> {
        Json object = new Json();
        map.forEach((key, item) -> object.put(String.valueOf(key), item));
        to.append(object);
      }
      case Iterable<?> items -> {
        String comma = "";
        to.append('[');
        for (Object item : items) {
          to.append(comma);
          write(to, item);
          comma = ",";
        }
        to.append(']');
      }
      default -> quote(to, value.toString());
    }
  }

  private static void quote(StringBuilder to, String value) {
    to.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"', '\\' -> to.append('\\').append(c);
        case '\n' -> to.append("\\n");
        case '\t' -> to.append("\\t");
        default -> {
          if (c < ' ' || Character.isSurrogate(c)) {
            to.append(String.format("\\u%04x", (int) c));
          } else {
            to.append(c);
          }
        }
      }
    }
    to.append('"');
  }
}
