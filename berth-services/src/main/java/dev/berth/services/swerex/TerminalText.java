package dev.berth.services.swerex;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Bytes that a program printed, as text. */
final class TerminalText {
  /** Escape sequences: CSI, OSC, DCS and its like, and the short ones. Without backtracking. */
  private static final Pattern ESCAPES =
      Pattern.compile(
          "\u001b(?:\\[[0-?]*+[ -/]*+[@-~]"
              + "|\\][^\u0007\u001b]*+(?:\u0007|\u001b\\\\)?+"
              + "|[PX^_][^\u001b]*+\u001b\\\\"
              + "|[ -/]*+[0-OQ-WYZ\\\\`-~])");

  private TerminalText() {}

  /** UTF-8, each byte that is none as a backslash, an x and two digits. */
  static String decode(byte[] bytes, int from, int to) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes, from, to - from);
    CharBuffer chars = CharBuffer.allocate(to - from + 1);
    StringBuilder text = null;
    while (true) {
      CoderResult result = decoder.decode(in, chars, true);
      chars.flip();
      if (result.isUnderflow() && text == null) {
        return chars.toString();
      }
      text = text == null ? new StringBuilder(to - from + 64) : text;
      text.append(chars);
      chars.clear();
      if (result.isUnderflow()) {
        return text.toString();
      }
      for (int i = 0; i < result.length(); i++) {
        text.append(String.format("\\x%02x", in.get() & 0xff));
      }
      decoder.reset();
    }
  }

  static String decode(byte[] bytes) {
    return decode(bytes, 0, bytes.length);
  }

  /**
   * What a reader would see of it: without escape sequences.
   *
   * @param folded whether the terminal made each newline two bytes
   */
  static String readable(byte[] bytes, boolean folded) {
    String text = decode(bytes);
    if (text.indexOf('\u001b') >= 0) {
      text = ESCAPES.matcher(text).replaceAll("");
    }
    return folded ? text.replace("\r\n", "\n") : text;
  }
}
