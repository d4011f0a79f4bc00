package dev.berth.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Sizes of memory as docker takes them: {@code 512m}, {@code 2g}, or plain bytes; in bytes. */
final class Sizes implements ITypeConverter<Long> {
  @Override
  public Long convert(String text) {
    return parse(text);
  }

  static long parse(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    int end = 0;
    while (end < lower.length()
        && (Character.isDigit(lower.charAt(end)) || lower.charAt(end) == '.')) {
      end++;
    }
    try {
      BigDecimal bytes =
          new BigDecimal(lower.substring(0, end))
              .multiply(BigDecimal.valueOf(unit(lower.substring(end), text)));
      if (bytes.signum() > 0 && bytes.compareTo(BigDecimal.valueOf(1L << 60)) <= 0) {
        return bytes.setScale(0, RoundingMode.CEILING).longValue();
      }
    } catch (NumberFormatException e) {
      throw wrong(text);
    }
    throw wrong(text);
  }

  /** Whole MiB that hold so many bytes. */
  static long mebibytes(long bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
  }

  /** A size as a table shows it. */
  static String show(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = bytes;
    int unit = 0;
    while (size >= 1024 && unit < units.length - 1) {
      size /= 1024;
      unit++;
    }
    return unit == 0 || size >= 100
        ? Math.round(size) + " " + units[unit]
        : Math.round(size * 10) / 10.0 + " " + units[unit];
  }

  private static long unit(String name, String text) {
    return switch (name) {
      case "", "b" -> 1;
      case "k", "kb", "kib" -> 1L << 10;
      case "m", "mb", "mib" -> 1L << 20;
      case "g", "gb", "gib" -> 1L << 30;
      case "t", "tb", "tib" -> 1L << 40;
      default -> throw wrong(text);
    };
  }

  private static TypeConversionException wrong(String text) {
    return new TypeConversionException(
        "'" + text + "' is no size; write it as 512m, 2g, 1.5g or plain bytes, above 0");
  }
}
