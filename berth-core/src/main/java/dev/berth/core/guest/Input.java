package dev.berth.core.guest;

import org.jspecify.annotations.Nullable;

/**
 * A command's standard input as far as it was sent: what the command has not yet taken is kept, to
 * be sent again on another connection. Guarded by its command's lock.
 */
final class Input {
  private final byte @Nullable [] whole;
  private final ByteRing ring;
  private long written;
  private long taken;
  private long sent;
  private boolean ended;
  private boolean endSent;
  private boolean closed;
  private boolean placed;
  private boolean asked;

  private Input(byte @Nullable [] whole, boolean placed) {
    this.whole = whole;
    this.placed = placed;
    this.ring = new ByteRing(Wire.INPUT_WINDOW);
    this.written = whole == null ? 0 : whole.length;
    this.ended = whole != null;
  }

  /** Input that is all there; null for input that is written bit by bit. */
  static Input of(byte @Nullable [] whole) {
    return new Input(whole, true);
  }

  /**
   * Input of a command that had some before, from another host perhaps: where to go on, the guest
   * will tell.
   */
  static Input resumed() {
    return new Input(null, false);
  }

  /** How much can be written now. */
  int room() {
    return ring.free();
  }

  void write(byte[] bytes, int offset, int length) {
    ring.put(bytes, offset, length);
    written += length;
  }

  void end() {
    ended = true;
  }

  boolean ended() {
    return ended;
  }

  /** Whether the command has closed its input, so that the rest is of no use. */
  boolean closed() {
    return closed;
  }

  /** Takes note of what the command took. */
  void taken(long offset, boolean closedNow) throws ProtocolException {
    if (!placed) {
      placed = true;
      sent = offset;
      taken = offset;
      written += offset;
    }
    if (offset > sent) {
      throw new ProtocolException("input taken up to " + offset + " of " + sent);
    }
    if (offset > taken) {
      if (whole == null) {
        ring.drop((int) (offset - taken));
      }
      taken = offset;
    }
    closed |= closedNow;
  }

  /** Starts again from what the guest is known to have: the connection is a new one. */
  void rewind() {
    sent = taken;
    endSent = false;
    asked = false;
  }

  /** Adds INPUT frames as far as the window allows. */
  void add(long id, FrameWriter to) {
    if (!placed) {
      if (!asked && (written > 0 || ended)) {
        // Without data: the answer tells how much the command has taken.
        asked = true;
        to.begin(Wire.INPUT).u64(id).u64(0).u8(0).end();
      }
      return;
    }
    long most = Math.min(written, taken + Wire.INPUT_WINDOW);
    while (!closed && (sent < most || (ended && !endSent && sent == written))) {
      int length = (int) Math.min(most - sent, Wire.MAX_DATA);
      boolean last = ended && sent + length == written;
      to.begin(Wire.INPUT).u64(id).u64(sent).u8(last ? 1 : 0);
      if (whole != null) {
        to.raw(whole, (int) sent, length);
      } else {
        byte[] bytes = new byte[length];
        ring.copy((int) (sent - taken), length, bytes, 0);
        to.raw(bytes, 0, length);
      }
      to.end();
      sent += length;
      endSent |= last;
    }
  }
}
