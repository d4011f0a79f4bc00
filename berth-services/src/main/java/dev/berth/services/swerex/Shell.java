package dev.berth.services.swerex;

/** Texts as words of bash. */
final class Shell {
  private Shell() {}

  /**
   * One word that means this text. Control characters are spelt out: a terminal would take them.
   */
  static String quoted(String text) {
    if (text.chars().noneMatch(c -> c < ' ' || c == 0x7f)) {
      return "'" + text.replace("'", "'\\''") + "'";
    }
    StringBuilder word = new StringBuilder("$'");
    for (char c : text.toCharArray()) {
      if (c == '\'' || c == '\\') {
        word.append('\\').append(c);
      } else if (c < ' ' || c == 0x7f) {
        word.append(String.format("\\x%02x", (int) c));
      } else {
        word.append(c);
      }
    }
    return word.append('\'').toString();
  }
}
