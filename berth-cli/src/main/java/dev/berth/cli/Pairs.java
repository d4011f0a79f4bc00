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

  /** Labels; a name alone has an empty value. */
  static Map<String, String> labels(List<String> words) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String word : words) {
      int equals = word.indexOf('=');
      pairs.put(
          equals < 0 ? word : word.substring(0, equals),
          equals < 0 ? "" : word.substring(equals + 1));
    }
    return pairs;
  }
}
