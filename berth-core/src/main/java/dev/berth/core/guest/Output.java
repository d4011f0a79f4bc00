package dev.berth.core.guest;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One output stream of a command as far as it has come: either collected up to a limit, or held in
 * a bounded ring until it is read. Guarded by its command's lock.
 */
final class Output {
  private final int channel;
  private final int window;
  private final boolean gaps;
  private @Nullable ByteRing ring;
  private final int limit;
  private byte[] kept = new byte[0];
  private int size;
  private boolean truncated;
  private boolean discarded;
  private boolean ahead;
  private long next;
  private long received;
  private long consumed;
  private long told;

  private Output(
      int channel, int window, boolean gaps, @Nullable ByteRing ring, int limit, long offset) {
    this.channel = channel;
    this.window = window;
    this.gaps = gaps;
    this.ring = ring;
    this.limit = limit;
    this.next = offset;
    this.ahead = offset > 0;
    this.received = offset;
    this.consumed = offset;
    this.told = offset;
  }

  /** Output that is kept up to a limit, the rest counted as truncated. */
  static Output collected(int channel, int window, int limit) {
    return new Output(channel, window, false, null, limit, 0);
  }

  /** Output that waits to be read. */
  static Output read(int channel, int window, boolean gaps, long offset) {
    return new Output(channel, window, gaps, new ByteRing(window), 0, offset);
  }

  /** Takes what came from the guest. */
  void accept(long offset, ByteBuffer bytes) throws ProtocolException {
    int length = bytes.remaining();
    if (ahead && offset < next) {
      // It was asked for from an offset that the command had not come to; what is below is skipped.
      next = offset;
    }
    ahead = false;
    if (offset != next && (offset < next || !gaps)) {
      throw new ProtocolException("output at offset " + offset + " where " + next + " is due");
    }
    if (length > Wire.MAX_DATA) {
      throw new ProtocolException("output of " + length + " bytes in one frame");
    }
    next = offset + length;
    if (offset > received) {
      skipTo(offset);
    }
    // After a reconnect the guest starts again from what was read, not from what had come.
    bytes.position((int) Math.min(length, received - offset));
    length = bytes.remaining();
    if (ring == null || discarded) {
      keep(bytes);
      consumed += length;
    } else if (length > ring.free()) {
      throw new ProtocolException("output beyond its window");
    } else {
      ring.put(bytes);
    }
    received += length;
  }

  /**
   * The guest has dropped what was not read in time; so has this side what it still held of before.
   */
  private void skipTo(long offset) {
    if (ring != null) {
      ring = new ByteRing(window);
    }
    received = offset;
    consumed = offset;
  }

  /** Keeps what the limit allows, in collected output. */
  void keep(ByteBuffer bytes) {
    if (ring != null) {
      return;
    }
    int take = Math.min(bytes.remaining(), limit - size);
    truncated |= take < bytes.remaining();
    if (kept.length - size < take) {
      kept = Arrays.copyOf(kept, Math.min(limit, Math.max(size + take, kept.length * 2)));
    }
    bytes.get(kept, size, take);
    size += take;
  }

  /** The ring of output that is read; collected output has none. */
  ByteRing ring() {
    if (ring == null) {
      throw new IllegalStateException("this output is collected");
    }
    return ring;
  }

  /** Takes bytes out of the front of a ring that {@link #ring()} gave; they were read. */
  void drop(ByteRing from, int count) {
    if (from == ring) {
      from.drop(count);
      consumed += count;
    }
  }

  /** Throws away what is there and what comes from now on. */
  void discard() {
    discarded = true;
    if (ring != null) {
      consumed += ring.size();
      ring = new ByteRing(window);
    }
  }

  /** Adds CONSUMED if half a window was read since the last. */
  boolean tell(long id, Outbox outbox) {
    if (consumed - told < window / 2) {
      return false;
    }
    told = consumed;
    long offset = consumed;
    outbox.add(to -> to.begin(Wire.CONSUMED).u64(id).u8(channel).u64(offset).end());
    return true;
  }

  /** The offset up to which output was read; what comes after an ATTACH with it starts there. */
  long resume() {
    next = consumed;
    told = consumed;
    return consumed;
  }

  byte[] kept() {
    return kept.length == size ? kept : Arrays.copyOf(kept, size);
  }

  boolean isDiscarded() {
    return discarded;
  }

  boolean truncated() {
    return truncated;
  }
}
