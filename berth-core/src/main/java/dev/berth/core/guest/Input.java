package dev.berth.core.guest;

import org.jspecify.annotations.Nullable;

/**
 * A command's standard input as far as it was sent: what the command has not yet taken is kept, to
 * be sent again on another connection. Guarded by its command's lock.
 */
final class Input {
  /** No command takes so much; beyond it, offsets could not be counted. */
  private static final long MOST = 1L << 62;

  private final byte @Nullable [] whole;
  private final ByteRing ring;
  private final boolean shared;
  private long written;
  private long taken;
  private long sent;

  /** Where the ring begins at the earliest: what is below, another host has sent. */
  private long base;

  private boolean ended;
  private boolean endSent;
  private boolean closed;
  private boolean placed;

  private Input(byte @Nullable [] whole, boolean shared, boolean placed) {
    this.whole = whole;
    this.shared = shared;
    this.placed = placed;
    this.ring = new ByteRing(Wire.INPUT_WINDOW);
    this.written = whole == null ? 0 : whole.length;
    this.ended = whole != null;
  }

  /** Input that is all there; null for input that is written bit by bit. */
  static Input of(byte @Nullable [] whole) {
    return new Input(whole, false, true);
  }

  /** Input that is written bit by bit, perhaps by other hosts too. */
  static Input shared() {
    return new Input(null, true, true);
  }

  /**
   * Input of a command that had some before, from another host perhaps: where to go on, the guest
   * will tell.
   */
  static Input resumed() {
    return new Input(null, true, false);
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

  /**
   * Takes note of how much the guest has, whoever sent it, before this input goes on there. True
   * once.
   */
  boolean place(long have) throws ProtocolException {
    if (placed) {
      return false;
    }
    if (have < taken || have > MOST) {
      throw new ProtocolException("input of " + have + " bytes, " + taken + " of them taken");
    }
    placed = true;
    goOn(have);
    return true;
  }

  /** What was not sent yet comes behind this offset. */
  private void goOn(long offset) {
    written += offset - sent;
    sent = offset;
    base = offset;
  }

  /** Takes note of what the command took. */
  void taken(long offset, boolean closedNow) throws ProtocolException {
    if (placed && shared && offset > sent && offset <= MOST) {
      // Another host writes to this command, too.
      ring.drop((int) (sent - front()));
      goOn(offset);
    }
    if (offset > (placed ? sent : MOST)) {
      throw new ProtocolException("input taken up to " + offset + " of " + sent);
    }
    if (offset > taken) {
      if (placed && whole == null) {
        ring.drop((int) Math.max(0, offset - front()));
      }
      taken = offset;
    }
    closed |= closedNow;
  }

  private long front() {
    return Math.max(base, taken);
  }

  /** Starts again from what the guest is known to have: the connection is a new one. */
  void rewind() {
    sent = front();
    endSent = false;
  }

  /** Adds INPUT frames as far as the window allows. */
  void add(long id, FrameWriter to) {
    if (!placed) {
      return;
    }
    long most = Math.max(sent, Math.min(written, taken + Wire.INPUT_WINDOW));
    while (!closed && (sent < most || (ended && !endSent && sent == written))) {
      int length = (int) Math.min(most - sent, Wire.MAX_DATA);
      boolean last = ended && sent + length == written;
      to.begin(Wire.INPUT).u64(id).u64(sent).u8(last ? 1 : 0);
      if (whole != null) {
        to.raw(whole, (int) sent, length);
      } else {
        byte[] bytes = new byte[length];
        ring.copy((int) (sent - front()), length, bytes, 0);
        to.raw(bytes, 0, length);
      }
      to.end();
      sent += length;
      endSent |= last;
    }
  }
}
