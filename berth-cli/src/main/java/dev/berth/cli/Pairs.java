package dev.berth.cli;

import dev.berth.RequestException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code NAME=VALUE} options. */
final class Pairs {
  private Pairs() {}

  /** Variables; a name alone takes its value from {@code host}, the environment of this process. */
  static Map<String, String> variables(List<String> words, Map<String, String> host) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals >= 0) {
        pairs.put(word.substring(0, equals), word.substring(equals + 1));
        continue;
      }
      String value = host.get(word);
      if (value == null) {
        throw new RequestException(
            "Tried to pass on the variable '"
                + word
                + "', but it is not set here; write "
                + word
                + "=VALUE, or set it.");
      }
      pairs.put(word, value);
    }
    return pairs;
  }

  /** Labels. */
  static Map<String, String> labels(List<String> words) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals <= 0) {
        throw new RequestException(
            "Tried to use '"
                + word
                + "' as a label; it must be NAME=TEXT, where TEXT may be empty, such as job=42.");
      }
      String name = word.substring(0, equals);
      if (pairs.put(name, word.substring(equals + 1)) != null) {
        throw new RequestException(
            "Tried to set the label '" + name + "' twice; each name may stand once.");
      }
    }
    return pairs;
  }
}
