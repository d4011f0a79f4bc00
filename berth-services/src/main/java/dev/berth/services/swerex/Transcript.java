package dev.berth.services.swerex;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a command has printed: its first and its last {@value #HALF} bytes, and between them a line
 * that says how much is left out. For one thread at a time.
 */
final class Transcript {
  static final int HALF = 8 << 20;
  private static final int SMALL = 1 << 12;

  private byte[] head = new byte[SMALL];
  private int headLength;
  // A ring once it is full.
  private byte[] tail = new byte[0];
  private long tailTotal;

  void add(byte[] bytes, int from, int to) {
    int first = Math.min(to - from, HALF - headLength);
    if (first > 0) {
      head = room(head, headLength, first);
      System.arraycopy(bytes, from, head, headLength, first);
      headLength += first;
    }
    int at = Math.max(from + first, to - HALF);
    tailTotal += at - from - first;
    if (at < to) {
      tail = room(tail, (int) Math.min(tailTotal, HALF), to - at);
    }
    while (at < to) {
      int place = (int) (tailTotal % HALF);
      int part = Math.min(to - at, HALF - place);
      System.arraycopy(bytes, at, tail, place, part);
      tailTotal += part;
      at += part;
    }
  }

  private static byte[] room(byte[] in, int used, int more) {
    long needed = Math.min(HALF, (long) used + more);
    return needed <= in.length
        ? in
        : Arrays.copyOf(in, (int) Math.min(HALF, Math.max(needed, 2L * in.length)));
  }

  /** How many bytes were added since it was cleared. */
  long total() {
    return headLength + tailTotal;
  }

  /** All of it, or what is kept of it. */
  byte[] bytes() {
    int kept = (int) Math.min(tailTotal, HALF);
    byte[] note =
        tailTotal == kept
            ? new byte[0]
            : ("\n[… " + (tailTotal - kept) + " bytes left out …]\n")
                .getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(head, headLength + note.length + kept);
    System.arraycopy(note, 0, all, headLength, note.length);
    copyTail(kept, all, headLength + note.length);
    return all;
  }

  /** At most this many bytes of its end. */
  byte[] last(int most) {
    int length = (int) Math.min(Math.min(most, HALF), total());
    byte[] last = new byte[length];
    int ofTail = (int) Math.min(length, tailTotal);
    int ofHead = length - ofTail;
    System.arraycopy(head, headLength - ofHead, last, 0, ofHead);
    copyTail(ofTail, last, ofHead);
    return last;
  }

  /** Copies the last bytes of the tail. */
  private void copyTail(int length, byte[] to, int at) {
    if (length > 0) {
      int place = (int) ((tailTotal - length) % HALF);
      int part = Math.min(length, HALF - place);
      System.arraycopy(tail, place, to, at, part);
      System.arraycopy(tail, 0, to, at + part, length - part);
    }
  }

  void clear() {
    headLength = 0;
    tailTotal = 0;
    tail = new byte[0];
    if (head.length > SMALL * 16) {
      head = new byte[SMALL];
    }
  }
}
