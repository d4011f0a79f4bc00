package dev.berth.core.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;

/**
 * Reads frames from a connection, hostile ones too: no length is believed before it is checked, and
 * memory grows only with bytes that really came, up to one frame. A frame's fields are read in
 * order by the methods here; {@link #end()} refuses bytes that are left over. Not thread-safe.
 */
final class FrameReader {
  private static final int SMALL = 4096;
  private static final int LARGE = 4 * Wire.MAX_DATA;

  private final ReadableByteChannel channel;
  private ByteBuffer in = ByteBuffer.allocateDirect(SMALL).limit(0);
  private int end;

  FrameReader(ReadableByteChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for the next frame and gives its type, or -1 at the end of the stream.
   *
   * @throws ProtocolException if the frame is none, or the stream ends within one
   */
  int next() throws IOException {
    in.position(end);
    if (!fill(4)) {
      if (in.hasRemaining()) {
        throw new ProtocolException("the connection ended within a frame");
      }
      return -1;
    }
    int length = in.getInt(in.position());
    if (length < 1 || length > Wire.MAX_FRAME) {
      throw new ProtocolException("a frame of " + Integer.toUnsignedString(length) + " bytes");
    }
    if (!fill(4 + length)) {
      throw new ProtocolException("the connection ended within a frame");
    }
    end = in.position() + 4 + length;
    in.position(in.position() + 4);
    return u8();
  }

  int u8() throws ProtocolException {
    need(1);
    return in.get() & 0xff;
  }

  /** The frame's byte at this distance, without reading it. */
  int look(int ahead) throws ProtocolException {
    need(ahead + 1);
    return in.get(in.position() + ahead) & 0xff;
  }

  /** The u64 that comes next, without reading it. */
  long lookLong() throws ProtocolException {
    need(Long.BYTES);
    return in.getLong(in.position());
  }

  /** How much of the frame is left, which may not be more than {@code most}. */
  int left(int most) throws ProtocolException {
    if (end - in.position() > most) {
      throw new ProtocolException("a frame with " + (end - in.position()) + " bytes of data");
    }
    return end - in.position();
  }

  int u16() throws ProtocolException {
    need(2);
    return in.getShort() & 0xffff;
  }

  long u32() throws ProtocolException {
    need(4);
    return in.getInt() & 0xffff_ffffL;
  }

  long u64() throws ProtocolException {
    need(8);
    return in.getLong();
  }

  /** A count or an offset: a u64 that must not be negative here. */
  long count() throws ProtocolException {
    long value = u64();
    if (value < 0) {
      throw new ProtocolException("a count of " + Long.toUnsignedString(value));
    }
    return value;
  }

  byte[] bytes(int length) throws ProtocolException {
    need(length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  /**
   * A text, for people: malformed UTF-8 is replaced, control characters too, and what is longer
   * than {@code most} is refused.
   */
  String str(int most) throws ProtocolException {
    long length = u32();
    if (length > most) {
      throw new ProtocolException("a text of " + length + " bytes");
    }
    String text = new String(bytes((int) length), StandardCharsets.UTF_8);
    return text.codePoints().anyMatch(Character::isISOControl)
        ? text.replaceAll("[\\p{Cntrl}\\x{80}-\\x{9f}]", "\ufffd")
        : text;
  }

  /** What is left of the frame; valid until the next one. */
  ByteBuffer rest() {
    ByteBuffer rest = in.slice(in.position(), end - in.position());
    in.position(end);
    return rest;
  }

  /** Checks that the frame holds nothing more. */
  void end() throws ProtocolException {
    if (in.position() != end) {
      throw new ProtocolException("a frame with " + (end - in.position()) + " bytes left over");
    }
  }

  /** What has come behind the last frame, once the connection has turned raw. */
  ByteBuffer unread() {
    return in.position(end).slice();
  }

  /** Forgets what has come and was not read. */
  void clear() {
    in.position(0).limit(0);
    end = 0;
  }

  private void need(int bytes) throws ProtocolException {
    if (bytes > end - in.position()) {
      throw new ProtocolException("a frame that is too short");
    }
  }

  /** Reads until this many bytes are there; false if the stream ends before. */
  private boolean fill(int bytes) throws IOException {
    while (in.remaining() < bytes) {
      int from = in.limit();
      if (in.capacity() - in.position() < bytes || from == in.capacity()) {
        makeRoom();
        from = in.limit();
      }
      int unread = in.position();
      in.limit(in.capacity()).position(from);
      int got;
      try {
        got = channel.read(in);
      } finally {
        in.limit(in.position()).position(unread);
      }
      if (got < 0) {
        return false;
      }
      if (got == in.capacity() - from && in.capacity() < LARGE) {
        grow(LARGE);
      }
    }
    return true;
  }

  /**
   * Moves what is unread to the front; if that is not enough, doubles the buffer, so that it never
   * runs far ahead of what has come.
   */
  private void makeRoom() {
    if (in.position() > 0) {
      in.compact().flip();
      end = 0;
    }
    if (in.limit() == in.capacity()) {
      grow(Math.min(Math.max(in.capacity() * 2, SMALL), Wire.MAX_FRAME + 4));
    }
  }

  private void grow(int capacity) {
    in = ByteBuffer.allocateDirect(capacity).put(in).flip();
    end = 0;
  }
}
