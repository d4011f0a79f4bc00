package dev.berth.services.swerex;

import java.nio.charset.StandardCharsets;

/**
 * Tells the marks in a terminal's output from its text: {@code RS kind token:code RS}, where RS is
 * the byte 30. What only looks like a mark is text. For one thread; what a mark may lack is kept
 * back, so that marks may come in pieces.
 */
final class MarkScanner {
  static final byte RS = 0x1e;
  static final int TOKEN = 16;
  private static final int LONGEST = 48;

  private final Sink sink;
  private final byte[] kept = new byte[LONGEST];
  private int length;

  /** Where it all goes, in order. */
  interface Sink {
    void text(byte[] bytes, int from, int to);

    /**
     * A mark of this form.
     *
     * @param folded whether the terminal made its newline two bytes
     * @return false if it is not known, and so is text
     */
    boolean mark(char kind, String token, int code, boolean folded);
  }

  MarkScanner(Sink sink) {
    this.sink = sink;
  }

  /** Takes the next bytes. */
  void feed(byte[] bytes, int from, int to) {
    int at = from;
    while (at < to) {
      if (length == 0) {
        int mark = at;
        while (mark < to && bytes[mark] != RS) {
          mark++;
        }
        if (mark > at) {
          sink.text(bytes, at, mark);
        }
        at = mark;
      }
      if (at < to) {
        keep(bytes[at++]);
      }
    }
  }

  /** Gives up what was kept back: nothing more comes. */
  void end() {
    if (length > 0) {
      sink.text(kept, 0, length);
      length = 0;
    }
  }

  private void keep(byte next) {
    kept[length++] = next;
    if (length == 1) {
      return;
    }
    if (next == RS) {
      if (!isMark()) {
        // The end of what is no mark may begin one.
        sink.text(kept, 0, length - 1);
        kept[0] = RS;
        length = 1;
        return;
      }
      length = 0;
    } else if (length == LONGEST) {
      end();
    }
  }

  private boolean isMark() {
    int end = length - 1;
    int digits = TOKEN + 3;
    if (end <= digits || kept[digits - 1] != ':') {
      return false;
    }
    int code = 0;
    int at = digits;
    while (at < end && kept[at] >= '0' && kept[at] <= '9' && at < digits + 9) {
      code = code * 10 + kept[at++] - '0';
    }
    String rest = new String(kept, at, end - at, StandardCharsets.ISO_8859_1);
    if (at == digits || !(rest.isEmpty() || rest.equals("\n") || rest.equals("\r\n"))) {
      return false;
    }
    String token = new String(kept, 2, TOKEN, StandardCharsets.ISO_8859_1);
    return sink.mark((char) kept[1], token, code, rest.length() == 2);
  }
}
