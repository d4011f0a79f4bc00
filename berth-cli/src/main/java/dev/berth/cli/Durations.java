package dev.berth.cli;

import java.math.BigDecimal;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Durations as people type them: {@code 30s}, {@code 5m}, {@code 1h30m}, or plain seconds. */
final class Durations implements ITypeConverter<Duration> {
  private static final String ALLOWED =
      "write it as 30s, 5m, 2h, 1d, 1h30m, 500ms or plain seconds, above 0";

  @Override
  public Duration convert(String text) {
    return parse(text);
  }

  static Duration parse(String text) {
    BigDecimal seconds = BigDecimal.ZERO;
    int at = 0;
    while (at < text.length()) {
      int unit = at;
      while (unit < text.length() && isNumeric(text.charAt(unit))) {
        unit++;
      }
      int next = unit;
      while (next < text.length() && !isNumeric(text.charAt(next))) {
        next++;
      }
      String name = text.substring(unit, next);
      boolean plain = at == 0 && next == text.length();
      if (unit == at || (name.isEmpty() && !plain)) {
        throw wrong(text);
      }
      try {
        seconds = seconds.add(new BigDecimal(text.substring(at, unit)).multiply(unit(name, text)));
      } catch (NumberFormatException e) {
        throw wrong(text);
      }
      at = next;
    }
    if (seconds.signum() <= 0 || seconds.compareTo(BigDecimal.valueOf(1_000_000_000)) > 0) {
      throw wrong(text);
    }
    return Duration.ofNanos(seconds.movePointRight(9).longValue());
  }

  /** A duration as a table shows it: its two largest units. */
  static String show(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 60) {
      return seconds + "s";
    } else if (seconds < 3600) {
      return seconds / 60 + "m" + (seconds < 600 ? seconds % 60 + "s" : "");
    } else if (seconds < 86_400) {
      return seconds / 3600 + "h" + seconds % 3600 / 60 + "m";
    }
    return seconds / 86_400 + "d" + seconds % 86_400 / 3600 + "h";
  }

  private static boolean isNumeric(char letter) {
    return (letter >= '0' && letter <= '9') || letter == '.';
  }

  private static BigDecimal unit(String name, String text) {
    return switch (name) {
      case "ms" -> new BigDecimal("0.001");
      case "", "s" -> BigDecimal.ONE;
      case "m" -> BigDecimal.valueOf(60);
      case "h" -> BigDecimal.valueOf(3600);
      case "d" -> BigDecimal.valueOf(86_400);
      default -> throw wrong(text);
    };
  }

  private static TypeConversionException wrong(String text) {
    return new TypeConversionException("'" + text + "' is no duration; " + ALLOWED);
  }
}
