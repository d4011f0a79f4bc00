package dev.berth.services.eval;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * File names for ids, which may hold anything: letters, digits, {@code _}, {@code -} and dots that
 * do not lead stay, other bytes become {@code %XX}, so that no two ids share a name; what is long
 * is cut and ends with a check sum.
 */
final class LogName {
  private static final int LONGEST = 150;

  private LogName() {}

  static String of(String id) {
    StringBuilder name = new StringBuilder();
    for (byte b : id.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          c >= 'a' && c <= 'z'
              || c >= 'A' && c <= 'Z'
              || c >= '0' && c <= '9'
              || c == '_'
              || c == '-'
              || c == '.' && !name.isEmpty();
      if (plain) {
        name.append(c);
      } else {
        name.append(String.format("%%%02X", (int) c));
      }
    }
    if (name.length() <= LONGEST) {
      return name.toString();
    }
    CRC32 sum = new CRC32();
    sum.update(id.getBytes(StandardCharsets.UTF_8));
    return name.substring(0, LONGEST) + String.format("~%08x", sum.getValue());
  }
}
