package dev.berth.fargate;

import dev.berth.RequestException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What the keys of a configuration have to keep to; each names what is allowed. */
final class Bounds {
  private Bounds() {}

  static void port(String key, @Nullable Integer port) {
    if (port != null) {
      within(key, port, 1, 65535);
    }
  }

  static void within(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new RequestException(
          "Tried to set " + key + " to " + value + "; it must be " + least + " to " + most + ".");
    }
  }

  static void above(String key, Duration value) {
    if (value.isZero() || value.isNegative() || value.compareTo(Duration.ofDays(365)) > 0) {
      throw new RequestException(
          "Tried to set " + key + " to " + value + "; it must be above zero, and a year at most.");
    }
  }

  static void name(String key, String value) {
    if (!value.matches("[A-Za-z0-9_-]{1,255}")) {
      throw new RequestException(
          "Tried to set "
              + key
              + " to '"
              + value
              + "'; ECS takes 1 to 255 letters, digits, - and _.");
    }
  }
}
